//! Toolset files as HolmesGPT itself reads them, and as they are read here: every file of its own catalogue, and
//! files of ours that use what its releases know. `HOLMES_TEST_HOLMESGPT` names a Python that can import `holmes`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use holmes_rs::shell::template::{self, Given};
use holmes_rs::tools::{CommandTool, Tool as _};
use holmes_rs::toolset::{Loaded, Sources, ToolDefinition, Toolset, ToolsetKind, load};
use serde_json::{Map, Value, json};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/peers/holmesgpt.py");
const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/toolsets");

/// What both read with: nothing of the machine's own.
fn environment(home: &Path) -> BTreeMap<String, String> {
    let own = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    BTreeMap::from([
        own("HOME", &home.to_string_lossy()),
        own("PATH", "/usr/bin:/bin"),
        own("HOLMES_TEST_WORD", "harbour"),
    ])
}

/// What HolmesGPT says of `jobs` and of its own catalogue, or a loud skip.
fn theirs(jobs: &Value) -> Option<Value> {
    let Some(python) = std::env::var("HOLMES_TEST_HOLMESGPT").ok().filter(|path| !path.is_empty()) else {
        println!("SKIPPED: HOLMES_TEST_HOLMESGPT names no Python that has HolmesGPT");
        return None;
    };
    let home = tempfile::tempdir().unwrap();
    let mut child = Command::new(&python)
        .arg(SCRIPT)
        .env_clear()
        .envs(environment(home.path()))
        .current_dir(home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {python}: {error}"));
    child.stdin.take().unwrap().write_all(json!({ "jobs": jobs }).to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    println!("HolmesGPT {}", told["version"].as_str().unwrap());
    Some(told)
}

/// All at once: reading the catalogue of the binary for each would take minutes.
fn ours(files: &[PathBuf]) -> Loaded {
    let sources = Sources { files: files.to_vec(), ..Sources::default() };
    load(&sources, &environment(Path::new("/nonexistent"))).unwrap()
}

fn map(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap_or_else(|| panic!("no map: {value}"))
}

/// Compares one toolset that HolmesGPT reads; each difference is a line that begins with its kind.
fn compared(name: &str, theirs: &Value, ours: Option<&Toolset>, said: &mut Vec<String>) {
    let Some(ours) = ours else {
        said.push(format!("missing: {name}"));
        return;
    };
    if let Some(reason) = &ours.broken {
        said.push(format!("broken: {name}: {reason}"));
        return;
    }
    let kind = match theirs["type"].as_str() {
        Some("mcp") => ToolsetKind::Mcp,
        Some("http") => ToolsetKind::Http,
        // A database gets the tools of our own: their names are `docs/toolsets.md`'s.
        _ => ToolsetKind::Commands,
    };
    if kind != ours.kind {
        said.push(format!("kind: {name}: {kind:?} is {:?}", ours.kind));
    }
    if theirs["type"] != "built-in" && !theirs["type"].is_null() && theirs["enabled"] != json!(ours.enabled) {
        said.push(format!("enabled: {name}: {} is {}", theirs["enabled"], ours.enabled));
    }
    if theirs["description"] != json!(ours.description) {
        said.push(format!("description: {name}: {} is {:?}", theirs["description"], ours.description));
    }
    if !matches!(theirs["type"].as_str(), None | Some("custom" | "built-in")) {
        return;
    }
    if !theirs["config"].is_null() && theirs["config"] != Value::Object(ours.config.clone()) {
        said.push(format!("config: {name}: {} is {:?}", theirs["config"], ours.config));
    }
    let needs = theirs["prerequisites"].as_array().unwrap().iter();
    let needs = needs.filter(|one| one["env"] != json!([])).count();
    if needs != ours.prerequisites.len() {
        said.push(format!("prerequisites: {name}: {needs} are {}", ours.prerequisites.len()));
    }
    let meant = theirs["llm_instructions"].as_str().unwrap_or_default();
    match holmes_rs::toolset::instructions(ours) {
        Ok(words) if words.as_deref().unwrap_or_default().trim() == meant.trim() => {}
        words => said.push(format!("instructions: {name}: {meant:?} are {words:?}")),
    }
    let known: BTreeMap<&str, &ToolDefinition> =
        ours.tools.iter().map(|tool| (tool.name.as_str(), tool)).collect();
    for (tool, theirs) in map(&theirs["tools"]) {
        match known.get(tool.as_str()) {
            Some(definition) => one_tool(ours, definition, theirs, said),
            None => said.push(format!("no tool: {tool}")),
        }
    }
    for tool in known.keys().filter(|tool| !map(&theirs["tools"]).contains_key(**tool)) {
        said.push(format!("another tool: {tool}"));
    }
}

fn one_tool(toolset: &Toolset, tool: &ToolDefinition, theirs: &Value, said: &mut Vec<String>) {
    let name = &tool.name;
    if let Some(reason) = &tool.broken {
        said.push(format!("broken tool: {name}: {reason}"));
        return;
    }
    if theirs["description"] != json!(tool.description) {
        said.push(format!("description: {name}: {} is {:?}", theirs["description"], tool.description));
    }
    let made = CommandTool::new(toolset, tool, &[]).unwrap();
    let properties = map(&made.spec().parameters["properties"]).clone();
    let meant = &theirs["schema"]["properties"];
    for (parameter, of) in map(&theirs["parameters"]) {
        let Some(ours) = tool.parameters.iter().find(|one| one.name == *parameter) else {
            said.push(format!("no parameter: {name} {parameter}"));
            continue;
        };
        if of["required"] != json!(ours.required) {
            said.push(format!("required: {name} {parameter}: {} is {}", of["required"], ours.required));
        }
        if meant[parameter] != properties[parameter] {
            said.push(format!(
                "schema: {name} {parameter}: {} is {}",
                meant[parameter], properties[parameter]
            ));
        }
    }
    for parameter in &tool.parameters {
        if !map(&theirs["parameters"]).contains_key(&parameter.name) {
            let need = if parameter.required { "required" } else { "optional" };
            said.push(format!("another parameter: {name} {} {need}", parameter.name));
        }
    }
    let values = map(&theirs["arguments"]);
    let environment = BTreeMap::new();
    let given = Given {
        values,
        config: &toolset.config,
        environment: &environment,
        allow_options: tool.allow_options,
    };
    match (template::render(&tool.template, given), theirs["command"].as_str()) {
        (Ok(ours), Some(meant)) if words(&ours.invocation) != words(meant) => {
            said.push(format!("command: {name}: {meant:?} is {:?}", ours.invocation));
        }
        (Ok(_), Some(_)) => {}
        (Ok(ours), None) => said.push(format!("renders: {name}: {:?}", ours.invocation)),
        (Err(error), _) => said.push(format!("cannot render: {name}: {error}")),
    }
}

/// Whitespace at the ends is the shell's to leave out.
fn words(text: &str) -> &str {
    text.trim()
}

fn fixtures() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(FIXTURES).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What is read otherwise on purpose: file, how the difference begins, why. A release that refuses a file differs in
/// nothing, so that not every one of these comes up with every release.
const MEANT: &[(&str, &str, &str)] = &[
    ("bad-template.yaml", "broken tool: broken", "told when it is read, not when a model calls it"),
    ("go-template.yaml", "broken tool: go", "told when it is read, with Jinja's spelling"),
    ("inferred.yaml", "broken tool: unicode", "the engine's names have the letters a to z, it says so"),
    ("unknown-filter.yaml", "cannot render: filter", "both say so when it is called"),
    ("env.yaml", "command: env_read", "a variable is the shell's to expand, its value is never shown"),
    ("env.yaml", "description: depot/env", "releases up to 0.18 fill in `config` only"),
    ("env.yaml", "no parameter: env_read env", "`env` is no parameter"),
    ("inferred.yaml", "another parameter: chosen all optional", "from the tree: it is only tested"),
    ("inferred.yaml", "another parameter: looped items required", "from the tree: what is looped over"),
    ("inferred.yaml", "another parameter: one c required", "from the tree: `{{-` begins a placeholder, too"),
    ("inferred.yaml", "another parameter: only_tested wish optional", "from the tree: it is only tested"),
    (
        "inferred.yaml",
        "another parameter: set_inside namespace optional",
        "from the tree: `{% set %}` needs it",
    ),
    ("inferred.yaml", "command: set_inside", "`namespace` is the parameter, not Jinja's class"),
    ("inferred.yaml", "no parameter: looped item", "a loop variable is no parameter"),
    ("inferred.yaml", "no parameter: set_inside ns", "what `{% set %}` sets is no parameter"),
    ("inferred.yaml", "no parameter: commented not_this", "releases up to 0.24 look into comments"),
    ("inferred.yaml", "command: commented", "releases up to 0.24 fill comments in"),
    ("inferred.yaml", "required: chosen x", "it is tested first"),
    ("inferred.yaml", "required: filtered b", "it has a default"),
    ("inferred.yaml", "required: tested wish", "it is tested first"),
    ("mcp-no-description.yaml", "description: depot-silent", "its tools speak for it"),
    ("no-tools.yaml", "broken: depot/toolless", "nothing a model could call"),
    (
        "odd-prerequisites.yaml",
        "prerequisites: depot/needs-both",
        "both are checked, not the first that fits",
    ),
    ("odd-prerequisites.yaml", "prerequisites: depot/empty-env", "an empty list is kept, and holds"),
    (
        "odd-prerequisites.yaml",
        "prerequisites: depot/no-reason",
        "`enabled: false` counts without a reason, too",
    ),
    ("odd-prerequisites.yaml", "prerequisites: depot/needs-number", "a number is read as the text it is"),
    ("odd-scalars.yaml", "config: depot/text-config", "a warning: templates need a map"),
    ("odd-scalars.yaml", "schema: s14 a", "a warning: an endpoint refuses a type it does not know"),
    ("schema.yaml", "command: shapes", "a list reaches the shell as JSON, not as Python prints it"),
    (
        "schema.yaml",
        "schema: shapes",
        "choices, descriptions and `required` inside a parameter reach the model",
    ),
    ("transformers.yaml", "broken: depot/odd-transformer", "releases differ"),
    ("words-for-truth.yaml", "enabled: depot/number", "0 is off"),
    ("words-for-truth.yaml", "enabled: depot/quoted", "\"false\" is off"),
];

/// The differences of one file that HolmesGPT reads, and what is refused there.
fn differences(job: &Value, loaded: &Loaded) -> Vec<String> {
    let mut said = Vec::new();
    for (name, theirs) in map(&job["toolsets"]) {
        let ours = loaded.toolsets.get(name);
        if theirs["error"].is_null() {
            compared(name, theirs, ours, &mut said);
            continue;
        }
        // What it refuses is read as it was meant, or says where it is wrong; it never vanishes without a word.
        let place = job["files"][0].as_str().unwrap();
        let told = ours
            .is_some_and(|ours| ours.broken.as_ref().is_none_or(|reason| reason.starts_with(place)))
            || loaded.warnings.iter().any(|warning| warning.to_string().starts_with(place));
        if !told {
            said.push(format!("not a word: {name}: {ours:?}"));
        }
    }
    said
}

#[test]
fn files_of_ours_are_read_as_holmesgpt_reads_them() {
    let files = fixtures();
    let jobs: Vec<Value> = files.iter().map(|file| json!({ "files": [file] })).collect();
    let Some(told) = theirs(&json!(jobs)) else { return };
    let loaded = ours(&files);
    let mut unexpected = Vec::new();
    for (job, file) in told["jobs"].as_array().unwrap().iter().zip(&files) {
        let name = file.file_name().unwrap().to_string_lossy();
        for line in differences(job, &loaded) {
            let meant = |(of, begin, _): &&(&str, &str, &str)| *of == name && line.starts_with(begin);
            if MEANT.iter().find(meant).is_none() {
                unexpected.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}

/// What differs on purpose in HolmesGPT's own files, by kind.
fn meant_in_the_catalogue(line: &str) -> bool {
    // From the tree: what is only tested or has a default is optional.
    (line.starts_with("required: ") && line.ends_with(": true is false"))
        || (line.starts_with("another parameter: ") && line.ends_with(" optional"))
        // `config` is the toolset's own, and none of a model's business.
        || (line.starts_with("no parameter: ") && line.ends_with(" config"))
        // HolmesGPT drops defaults.
        || (line.starts_with("schema: ") && line.contains("\"default\":"))
        // Its empty list says nothing: that of the binary's toolset of this name stays.
        || line.starts_with("prerequisites: kubernetes/kube-prometheus-stack: 0 ")
}

#[test]
fn the_catalogue_of_holmesgpt_is_read_as_holmesgpt_reads_it() {
    let Some(told) = theirs(&json!([])) else { return };
    let jobs = told["jobs"].as_array().unwrap();
    assert!(jobs.len() > 5, "no catalogue in {told}");
    let files: Vec<PathBuf> = jobs.iter().map(|job| job["files"][0].as_str().unwrap().into()).collect();
    let loaded = ours(&files);
    let mut unexpected = Vec::new();
    for (job, file) in jobs.iter().zip(&files) {
        assert_eq!(job["refused"], Value::Null);
        let name = file.file_name().unwrap().to_string_lossy();
        let lines = differences(job, &loaded).into_iter().filter(|line| !meant_in_the_catalogue(line));
        unexpected.extend(lines.map(|line| format!("{name}: {line}")));
    }
    assert!(unexpected.is_empty(), "{}", unexpected.join("\n"));
}
