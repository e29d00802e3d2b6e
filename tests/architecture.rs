//! Holds the walls of docs/architecture.md: who may import whom, who may use which crate, who may touch the
//! environment, processes and the terminal. Reads source text; knows nothing of what the code does.
//!
//! A failure here is a question about design. Either the code asks for something it should be given, or the
//! table is wrong: then change the table, with its reason, and docs/architecture.md with it.

#![allow(clippy::expect_used, reason = "a test that cannot read the source has nothing to say")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "architecture/source.rs"]
mod source;

use source::{Named, code, named, without_tests};

/// Modules with walls of their own inside a room; every other module belongs to its first name.
const INNER_ROOMS: &[&str] = &[
    "agent::drive",
    "config::embedded",
    "config::env",
    "config::yaml",
    "model::openai",
    "tools::http",
    "tools::mcp",
];

/// What passes between a model and the engine.
const MESSAGES: &[&str] = &["Arguments", "AssistantMessage", "Message", "ToolCall", "ToolSpec", "Usage"];
/// What flows out of the engine.
const EVENTS: &[&str] =
    &["Edit", "Event", "Finish", "Limit", "Opening", "Unusable", "AssistantMessage", "ToolCall", "Usage"];
/// What a tool is known by.
const TOOLS: &[&str] = &["ToolSpec", "Equipped", "Summarised"];
/// What the JSON result tells of a run.
const TRANSCRIPT: &[&str] = &[
    "Arguments",
    "AssistantMessage",
    "Event",
    "Finish",
    "Limit",
    "Message",
    "ToolCall",
    "Unusable",
    "Usage",
];
const EVERYTHING: &[&str] = &[];

/// One door between two rooms.
struct Door {
    from: &'static str,
    to: &'static str,
    /// First names that may be used of `to`; `EVERYTHING` for all it exports.
    names: &'static [&'static str],
    why: &'static str,
}

const fn door(
    from: &'static str,
    to: &'static str,
    names: &'static [&'static str],
    why: &'static str,
) -> Door {
    Door { from, to, names, why }
}

/// Who may import whom. `cli` is not in it: it composes all of them. No door is here that nobody uses.
const DOORS: &[Door] = &[
    door("main", "cli", EVERYTHING, "parse, run, exit code"),
    // The loop is a pure machine: what it decides with is data.
    door("agent", "question", EVERYTHING, "the run begins with it"),
    door("agent", "evidence", EVERYTHING, "exhibits are its observations"),
    door("agent", "answer", EVERYTHING, "it ends with one"),
    door("agent", "approval", &["Ask", "Decision"], "what was asked and decided is an event"),
    // The driver performs what the machine decides.
    door("agent::drive", "approval", EVERYTHING, "asks before a call that needs leave"),
    door("approval", "config::yaml", EVERYTHING, "what is allowed stands in a file; kubeconfig is one"),
    door("tools", "approval", EVERYTHING, "says what a person must decide before a call"),
    door("session", "agent", EVERYTHING, "steps recorded events through the machine"),
    door("session", "evidence", &["Exhibit"], "how exhibits were numbered"),
    door("session", "replay", &["Recording"], "what a run began with, and its events"),
    door("agent::drive", "agent", EVERYTHING, "performs the machine's effects"),
    door("agent::drive", "model", EVERYTHING, "the trait, never an endpoint"),
    door("agent::drive", "tools", EVERYTHING, "the box and what a run gives back"),
    door("agent::drive", "evidence", EVERYTHING, "keeps and condenses outputs"),
    door("agent::drive", "answer", EVERYTHING, "reads and writes conclusions"),
    door("agent::drive", "clock", EVERYTHING, "time is passed in"),
    door("cluster", "shell", EVERYTHING, "kubectl is a process"),
    door("briefing", "cluster", EVERYTHING, "plans by what there is"),
    door("briefing", "question", EVERYTHING, "what an alert's labels speak of"),
    door("detectors", "cluster", EVERYTHING, "objects are all they know"),
    door("http", "tls", EVERYTHING, "whom it trusts"),
    door("http", "clock", EVERYTHING, "`Retry-After` may be a date"),
    door("source", "http", EVERYTHING, "every tracker is a server"),
    door("source", "question", EVERYTHING, "what it reads becomes a question"),
    door("context", "agent", MESSAGES, "prompts become messages"),
    door("model", "agent", MESSAGES, "takes a transcript, gives the next turn"),
    door("model::openai", "model", EVERYTHING, "implements the trait"),
    door("model::openai", "tls", EVERYTHING, "whom it trusts"),
    door("model::openai", "agent", MESSAGES, "what goes over the wire"),
    door("model::openai", "clock", EVERYTHING, "`Retry-After` may be a date"),
    door("model::openai", "http", &["asked_wait"], "how long a server wants to be left alone"),
    door("rules", "model", EVERYTHING, "implements the trait"),
    door("rules", "agent", MESSAGES, "reads a transcript as any model does"),
    door("rules", "evidence", &["view"], "reads exhibits as they are shown to models"),
    door("answer", "agent", &["ToolSpec"], "the schema of the tool that concludes"),
    door("evidence", "answer", EVERYTHING, "checks its quotes, fills in what was not checked"),
    door("tools", "agent", TOOLS, "how a tool is shown to a model, and recorded"),
    door("tools", "evidence", EVERYTHING, "status of a run, ranges of an exhibit"),
    door("tools", "shell", EVERYTHING, "runs commands"),
    door("tools", "cluster", EVERYTHING, "what changed in one"),
    door("tools", "toolset", EVERYTHING, "definitions of tools"),
    door("tools", "tls", EVERYTHING, "whom connections to servers trust"),
    door("tools", "tools::http", &["connect"], "a kind of toolset whose tools a specification gives"),
    door("tools::http", "tools", EVERYTHING, "implements the trait; parameters, and jq over an output"),
    door("tools::http", "agent", &["ToolSpec"], "as tools"),
    door("tools::http", "evidence", &["Status"], "as tools"),
    door("tools::http", "shell", EVERYTHING, "stop, private files, the process that selects fields"),
    door("tools::http", "toolset", EVERYTHING, "what it is configured by"),
    door("tools::http", "tls", EVERYTHING, "whom it trusts"),
    door("tools::http", "jq", &["check"], "as tools"),
    door("tools::http", "config::yaml", &["nearest"], "what a misspelt key was meant to be"),
    door("tools", "cluster", &["Scope", "Snapshot", "read"], "what the detectors are given"),
    door("tools", "detectors", EVERYTHING, "a tool that shows their findings"),
    door("tools", "clock", EVERYTHING, "how old an object is depends on it"),
    door("tools", "jq", &["check"], "a tool's jq program is wrong before it runs"),
    door("tools", "tools::mcp", EVERYTHING, "connects to servers, makes names callable"),
    door("tools::mcp", "tools", EVERYTHING, "gives tools; which of them need approval"),
    door("tools::mcp", "agent", &["ToolSpec"], "how a tool is shown to a model"),
    door("tools::mcp", "evidence", EVERYTHING, "status of a call, strangers' words made visible"),
    door("tools::mcp", "shell", EVERYTHING, "a server that is a program, told apart from a command"),
    door("tools::mcp", "tls", EVERYTHING, "whom connections to servers trust"),
    door("tools::mcp", "toolset", &["Toolset"], "what the file says of a server"),
    door("toolset", "config::embedded", EVERYTHING, "the catalogue, read when the binary was built"),
    door("policy", "config::embedded", EVERYTHING, "its own rules, read when the binary was built"),
    door("rules", "config::embedded", EVERYTHING, "its own rules, read when the binary was built"),
    door("config::embedded", "config::yaml", EVERYTHING, "what was read are its trees"),
    door("toolset", "config::yaml", EVERYTHING, "YAML that knows where everything stands"),
    door("toolset", "shell", EVERYTHING, "prerequisites are commands; values stay data"),
    door("toolset", "policy", &["Policy", "Verdict"], "lint: what a program changes that it has no table of"),
    door("policy", "config::yaml", EVERYTHING, "rules are YAML files, with places in their errors"),
    door("policy", "shell", &["plan"], "what runs without a shell is part of a judgement"),
    door("tools", "policy", EVERYTHING, "command lines are judged before they run"),
    door("tools", "approval", EVERYTHING, "what a person decides before a call"),
    door("rules", "config::yaml", EVERYTHING, "rules are YAML files, with places in their errors"),
    door(
        "runbook",
        "config::yaml",
        EVERYTHING,
        "front-matter and older files, with places in their warnings",
    ),
    door("tools", "runbook", &["Shelf"], "a model asks for a runbook by name"),
    door("config", "config::env", EVERYTHING, "its layer of the environment"),
    door("config::env", "config", &["settings"], "which names mean which setting"),
    door("config::env", "config::yaml", &["nearest"], "what a mistyped name was meant to be"),
    door("config", "config::yaml", EVERYTHING, "its layers of files"),
    door("delivery", "http", EVERYTHING, "how it posts"),
    door("delivery", "sink", EVERYTHING, "what it posts"),
    door("sink", "answer", EVERYTHING, "what it delivers"),
    door("sink", "agent", TRANSCRIPT, "the JSON result tells the run"),
    door("sink", "evidence", EVERYTHING, "tool calls of the JSON result"),
    door("sink", "question", EVERYTHING, "the result repeats what was asked"),
    door("record", "agent", EVENTS, "events are the record"),
    door("record", "answer", EVERYTHING, "the verdict in a list of runs"),
    door(
        "record",
        "evidence",
        &["ATTACHED", "Redactor"],
        "nothing secret reaches the disk; what is no call of a tool",
    ),
    // A replay plays a record through the engine's own doors.
    door("replay", "agent", EVERYTHING, "events are what is played and compared"),
    door("replay", "answer", EVERYTHING, "what is asserted; the tool that concludes"),
    door("replay", "approval", EVERYTHING, "decides as it was decided"),
    door("replay", "clock", EVERYTHING, "recorded time is passed in"),
    door("replay", "evidence", EVERYTHING, "recorded outputs become exhibits again"),
    door("replay", "model", EVERYTHING, "implements the trait"),
    door("replay", "question", EVERYTHING, "what was asked"),
    door("replay", "record", EVERYTHING, "what it plays"),
    door("replay", "shell", &["Stop"], "as tools"),
    door("replay", "tools", EVERYTHING, "implements the trait; recorded outputs are read by the tool for it"),
    door("ui", "agent", EVENTS, "progress"),
    door("ui", "evidence", EVERYTHING, "tool lines"),
    door("ui", "shell", &["Program", "foreground", "program_named"], "a pager is a process"),
];

/// Crates that stay behind one wall: (crate as written in paths, rooms, why).
const CRATES: &[(&str, &[&str], &str)] = &[
    ("async_openai", &["model::openai"], "0.x with a breaking release every few weeks"),
    ("http", &["model::openai", "tools::mcp"], "as reqwest"),
    ("reqwest", &["http", "model::openai", "tls", "tools::http", "tools::mcp"], "only what talks to servers"),
    ("rustls", &["model::openai", "tls"], "one TLS set-up; its errors are explained where they are met"),
    ("rustls_platform_verifier", &["tls"], "one TLS set-up"),
    ("rmcp", &["tools::mcp"], "three majors in a year"),
    ("sse_stream", &["tools::mcp"], "only the name of what rmcp hands over"),
    ("jaq_core", &["jq"], "one engine, replaceable"),
    ("jaq_json", &["jq"], "as jaq_core"),
    ("jaq_std", &["jq"], "as jaq_core"),
    ("tower", &["model::openai"], "only the transport is a service"),
    ("regex_lite", &["runbook"], "slow on long texts: for a few short ones"),
    ("serde_yaml", &["config::yaml"], "a young crate under an old name: replaceable in an hour"),
    ("clap", &["cli"], "nothing below the command line knows how words were typed"),
    ("clap_complete", &["cli"], "as clap"),
    ("clap_mangen", &["cli"], "as clap"),
    ("comfy_table", &["ui"], "the terminal is ui's"),
    ("landlock", &["shell"], "only it starts processes"),
    ("rustyline", &["ui"], "the terminal is ui's"),
    ("indicatif", &["ui"], "the terminal is ui's"),
    ("pulldown_cmark", &["ui", "answer", "sink"], "Markdown is read where answers are read and shown"),
    ("textwrap", &["ui"], "the terminal is ui's"),
    ("anstream", &["ui", "cli"], "the terminal is ui's"),
    (
        "minijinja",
        &["context", "delivery", "rules", "shell", "tools", "tools::mcp", "toolset", "cli"],
        "templates, and values that stay data",
    ),
    ("etcetera", &["config"], "folders are configuration"),
    (
        "tokio",
        &[
            "agent::drive",
            "delivery",
            "http",
            "shell",
            "tools",
            "tools::http",
            "tools::mcp",
            "toolset",
            "model::openai",
            "replay",
            "cli",
        ],
        "the machine is pure",
    ),
    ("sha2", &["agent::drive", "tools::http"], "what a request was; digests that servers challenge for"),
    ("flate2", &["tools::http"], "bodies are unpacked where their size is bounded"),
];

/// Longer files must say why in their opening, on a line that begins with "Long because".
const LONGEST: usize = 700;

struct File {
    path: PathBuf,
    module: Vec<String>,
    text: String,
    named: Vec<Named>,
}

impl File {
    fn room(&self) -> &str {
        room(&self.module)
    }

    fn at(&self, line: usize) -> String {
        format!("{}:{line}", self.path.display())
    }

    /// The path from the crate's root, for a path that stays in the crate.
    fn resolve(&self, named: &Named, aliases: &BTreeMap<String, Vec<String>>) -> Option<Vec<String>> {
        let segments = &named.segments;
        match segments[0].as_str() {
            "crate" | "holmes_rs" => Some(segments[1..].to_vec()),
            "self" => Some([&self.module[..], &segments[1..]].concat()),
            "super" => {
                let up = segments.iter().take_while(|segment| *segment == "super").count();
                let kept = self.module.len().saturating_sub(up);
                Some([&self.module[..kept], &segments[up..]].concat())
            }
            first => aliases.get(first).map(|target| [&target[..], &segments[1..]].concat()),
        }
    }

    /// Modules brought in by `use crate::a::b`, so that `b::c` further down is seen for what it is.
    fn aliases(&self) -> BTreeMap<String, Vec<String>> {
        let none = BTreeMap::new();
        let paths = self.named.iter().filter(|named| !named.is_macro);
        paths
            .filter_map(|named| self.resolve(named, &none))
            .filter_map(|path| Some((path.last()?.clone(), path)))
            .filter(|(name, _)| name.starts_with(char::is_lowercase))
            .collect()
    }
}

fn room(module: &[String]) -> &'static str {
    let inner = INNER_ROOMS.iter().find(|inner| {
        let inner: Vec<_> = inner.split("::").collect();
        module.len() >= inner.len() && module.iter().zip(inner).all(|(a, b)| a == b)
    });
    let first = module.first().map_or("lib", String::as_str);
    inner.copied().unwrap_or_else(|| ROOMS.iter().find(|room| **room == first).copied().unwrap_or("?"))
}

/// The rooms, as lib.rs lists them.
const ROOMS: &[&str] = &[
    "lib",
    "main",
    "agent",
    "answer",
    "approval",
    "briefing",
    "cli",
    "clock",
    "cluster",
    "config",
    "context",
    "delivery",
    "detectors",
    "evidence",
    "http",
    "jq",
    "model",
    "policy",
    "question",
    "record",
    "replay",
    "rules",
    "runbook",
    "session",
    "shell",
    "sink",
    "source",
    "tls",
    "tools",
    "toolset",
    "ui",
];

/// All source files, without those that hold only tests.
fn files() -> Vec<File> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders = vec![root.join("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be read") {
            let path = entry.expect("src can be read").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let short = path.strip_prefix(root).expect("below the root").to_path_buf();
                if !is_test(&short) {
                    found.push(read(&path, short));
                }
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 20, "only {} files found: is this the right folder?", found.len());
    found
}

fn is_test(path: &Path) -> bool {
    path.iter()
        .map(std::ffi::OsStr::to_string_lossy)
        .any(|part| part == "tests" || part == "tests.rs" || part.ends_with("_tests.rs"))
}

fn read(path: &Path, short: PathBuf) -> File {
    let text = fs::read_to_string(path).expect("source is UTF-8");
    let named = named(&without_tests(&code(&text)));
    let mut module: Vec<String> =
        short.with_extension("").iter().skip(1).map(|part| part.to_string_lossy().into_owned()).collect();
    if module.len() > 1 && module.last().is_some_and(|last| last == "mod") {
        module.pop();
    }
    File { path: short, module, text, named }
}

fn fail_with(complaints: &[String], remedy: &str) {
    let mut list = String::new();
    for complaint in complaints {
        let _ = writeln!(list, "  {complaint}");
    }
    assert!(complaints.is_empty(), "\n{list}{remedy}\n");
}

/// Every import that leaves its room: (file:line, from, to, first name used of it).
fn imports(files: &[File]) -> Vec<(String, &'static str, &'static str, Option<String>)> {
    let mut found = Vec::new();
    for file in files {
        let aliases = file.aliases();
        for named in &file.named {
            let Some(path) = file.resolve(named, &aliases) else { continue };
            let (from, to) = (room(&file.module), room(&path));
            let first = path.get(to.split("::").count()).cloned();
            if from != to && !path.is_empty() {
                found.push((file.at(named.line), from, to, first));
            }
        }
    }
    found
}

#[test]
fn rooms_use_only_their_doors() {
    let files = files();
    let mut complaints = Vec::new();
    for (place, from, to, name) in imports(&files) {
        let open = DOORS.iter().any(|door| {
            let named =
                name.as_deref().is_none_or(|name| door.names.is_empty() || door.names.contains(&name));
            door.from == from && door.to == to && named
        });
        // The composer, and what an inner room and its own room say to each other in `mod` and `pub use`.
        if open || from == "cli" || (from == "lib" && to != "?") {
            continue;
        }
        complaints.push(format!(
            "{place}: `{from}` uses `{to}{}`",
            name.map_or(String::new(), |n| format!("::{n}"))
        ));
    }
    fail_with(&complaints, "no such door in DOORS of tests/architecture.rs");
}

#[test]
fn every_door_is_used() {
    let imports = imports(&files());
    let unused: Vec<_> = DOORS
        .iter()
        .filter(|door| !imports.iter().any(|(_, from, to, _)| *from == door.from && *to == door.to))
        .map(|door| format!("{} → {} ({})", door.from, door.to, door.why))
        .collect();
    fail_with(&unused, "take these out of DOORS of tests/architecture.rs: nobody uses them");
}

#[test]
fn the_map_shows_the_same_doors() {
    let map = include_str!("../docs/architecture.md");
    let (_, table) = map.split_once("| room | may use |").expect("the map has its table");
    let mut drawn = BTreeSet::new();
    for line in table.lines().skip(1).take_while(|line| line.is_empty() || line.starts_with('|')) {
        let mut columns = line.split('|').map(|column| column.split('`').skip(1).step_by(2));
        if let (Some(from), Some(to)) = (columns.nth(1), columns.next()) {
            let to: Vec<_> = to.collect();
            drawn.extend(from.flat_map(|from| to.iter().map(move |to| (from, *to))));
        }
    }
    let built: BTreeSet<_> = DOORS.iter().map(|door| (door.from, door.to)).collect();
    let differing: Vec<_> =
        built.symmetric_difference(&drawn).map(|(from, to)| format!("{from} → {to}")).collect();
    fail_with(&differing, "DOORS of tests/architecture.rs and the table of docs/architecture.md differ");
}

#[test]
fn every_dependency_has_its_reason() {
    let reasons = include_str!("../docs/dependencies.md");
    let manifest = include_str!("../Cargo.toml");
    let dependencies = manifest
        .split("\n[")
        .filter(|section| section.starts_with("dependencies]") || section.starts_with("dev-dependencies]"))
        .flat_map(|section| section.lines().skip(1))
        .filter_map(|line| line.split_once(" = "))
        .map(|(name, _)| name);
    let missing: Vec<_> = dependencies
        .filter(|name| !reasons.contains(&format!("| {name} ")))
        .map(|name| format!("`{name}` of Cargo.toml"))
        .collect();
    fail_with(&missing, "say why in docs/dependencies.md");
}

#[test]
fn every_room_is_known() {
    let unknown: BTreeSet<_> = files()
        .iter()
        .filter(|file| file.room() == "?")
        .map(|file| format!("{}: not in ROOMS of tests/architecture.rs", file.path.display()))
        .collect();
    fail_with(&unknown.into_iter().collect::<Vec<_>>(), "a new room needs its doors and a place in the map");
}

#[test]
fn crates_stay_behind_their_walls() {
    let manifest = include_str!("../Cargo.toml");
    for (name, ..) in CRATES {
        let dashed = name.replace('_', "-");
        assert!(
            manifest.lines().any(
                |line| line.starts_with(&format!("{name} =")) || line.starts_with(&format!("{dashed} ="))
            ),
            "`{name}` of CRATES in tests/architecture.rs is not a dependency any more"
        );
    }
    let mut complaints = Vec::new();
    for file in files() {
        let mut seen = BTreeSet::new();
        for named in &file.named {
            let Some((name, rooms, why)) = CRATES.iter().find(|(name, ..)| *name == named.segments[0]) else {
                continue;
            };
            if !rooms.contains(&file.room()) && seen.insert(*name) {
                complaints.push(format!(
                    "{}: `{name}` belongs to {} ({why})",
                    file.at(named.line),
                    rooms.join(", ")
                ));
            }
        }
    }
    fail_with(&complaints, "see CRATES of tests/architecture.rs");
}

#[test]
fn environment_processes_and_terminal_have_one_owner_each() {
    let mut complaints = Vec::new();
    for file in files() {
        let room = file.room();
        for named in &file.named {
            let path = named.segments.join("::");
            let tail = named.segments.last().map_or("", String::as_str);
            let environment = ["var", "var_os", "vars", "vars_os", "set_var", "remove_var"].contains(&tail)
                && path.contains("env::");
            let process = path.contains("process::Command");
            let prints = named.is_macro && ["print", "println", "eprint", "eprintln", "dbg"].contains(&tail);
            let terminal = path.contains("io::stdout") || path.contains("io::stderr");
            let owner = match () {
                () if environment => ("config::env", room == "config::env"),
                () if process => ("shell", room == "shell"),
                // It hands its own streams on to the programs of a plan: that is all its process is there for.
                () if terminal && file.module == ["shell", "plan"] => continue,
                () if prints || terminal => ("ui and cli", ["ui", "cli", "main"].contains(&room)),
                () => continue,
            };
            if !owner.1 {
                complaints.push(format!("{}: `{path}` belongs to {}", file.at(named.line), owner.0));
            }
        }
    }
    fail_with(&complaints, "ask that room, or be given the value");
}

#[test]
fn files_open_with_their_reason_and_end_in_time() {
    let mut complaints = Vec::new();
    for file in files() {
        let opening: Vec<_> = file.text.lines().take_while(|line| line.starts_with("//!")).collect();
        if opening.is_empty() {
            complaints.push(format!("{}: does not open with `//!` and why it exists", file.path.display()));
        }
        let lines = file.text.lines().count();
        if lines > LONGEST && !opening.iter().any(|line| line.contains("Long because")) {
            complaints.push(format!("{}: {lines} lines, {LONGEST} at most", file.path.display()));
        }
    }
    fail_with(&complaints, "split it, or say `//! Long because …` in its opening");
}
