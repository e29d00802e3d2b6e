//! Which source has the last word.

use super::*;
use crate::config::yaml;

#[test]
fn later_sources_win_field_by_field() {
    let folder = tempfile::tempdir().unwrap();
    let tools = "toolsets:\n  a:\n    description: first\n    tags: [core]\n    tools: [{name: t, command: ls}]\n  b:\n    tools: [{name: u, command: ls}]\n";
    let location = write(&folder, "etc.yaml", tools);
    let config =
        yaml::parse("a: {enabled: false, config: {x: 1}, description: ''}\n", "config.yaml").unwrap().node;
    let file = write(&folder, "custom.yaml", "toolsets:\n  a: {description: third}\n");
    let extra = write(
        &folder,
        "extra.yaml",
        "toolsets:\n  a:\n    enabled: true\n    tools: [{name: v, command: ps}]\n",
    );
    let sources = Sources {
        location: Some(location.clone()),
        blocks: vec![("toolsets", &config)],
        files: vec![file],
        extra: vec![extra.clone()],
        ..Sources::default()
    };
    let loaded = load(&sources, &environment()).unwrap();
    let a = &loaded.toolsets["a"];
    assert_eq!(
        (a.description.as_str(), a.enabled, a.tags.as_slice()),
        ("third", true, &["core".to_owned()][..])
    );
    assert_eq!((a.tools[0].name.as_str(), json!(a.config)), ("v", json!({"x": 1})));
    assert_eq!(a.origin, extra.display().to_string());
    assert_eq!(loaded.toolsets["b"].origin, location.display().to_string());
    assert_eq!(loaded.warnings, []);
}

#[test]
fn a_builtin_is_switched_off_without_losing_its_tools() {
    let config = yaml::parse("host/core: {enabled: no}\n", "config.yaml").unwrap().node;
    let sources = Sources { blocks: vec![("toolsets", &config)], ..Sources::default() };
    let loaded = load(&sources, &environment()).unwrap();
    let host = &loaded.toolsets["host/core"];
    assert!(!host.enabled && !host.tools.is_empty());
    assert_eq!(host.origin, "config.yaml");
}

#[test]
fn a_folder_is_every_yaml_file_in_it() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder, "b.yml", "toolsets:\n  b: {tools: [{name: b, command: ls}]}\n");
    write(&folder, "a.yaml", "toolsets:\n  a: {tools: [{name: a, command: ls}]}\n");
    write(&folder, "notes.txt", "not: [yaml\n");
    write(&folder, ".hidden.yaml", "not: [yaml\n");
    let bad = write(&folder, "c.yaml", "toolsets:\n  c: [\n");
    let sources = Sources { extra: vec![folder.path().to_owned()], ..Sources::default() };
    let loaded = load(&sources, &environment()).unwrap();
    assert!(loaded.toolsets.contains_key("a") && loaded.toolsets.contains_key("b"));
    let reason = loaded.toolsets["c.yaml"].broken.clone().unwrap();
    assert!(reason.starts_with(&format!("{}:", bad.display())), "{reason}");
}

#[test]
fn what_was_named_on_the_command_line_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("nope.yaml");
    let bad = write(&folder, "bad.yaml", "toolsets:\n  c: [\n");
    let asked =
        |path: &PathBuf| load(&Sources { extra: vec![path.clone()], ..Sources::default() }, &environment());
    assert_eq!(
        asked(&missing).unwrap_err().to_string(),
        format!("no file or folder `{}`", missing.display())
    );
    assert!(matches!(asked(&bad), Err(LoadError::Yaml(_))));

    let configured = Sources { files: vec![missing.clone(), bad], ..Sources::default() };
    let loaded = load(&configured, &environment()).unwrap();
    let said: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(said, [format!("{}: no such file or folder, it is left out", missing.display())]);
    assert!(loaded.toolsets["bad.yaml"].broken.is_some());
}

#[test]
fn an_endless_file_ends() {
    let sources = Sources { extra: vec![PathBuf::from("/dev/zero")], ..Sources::default() };
    let error = load(&sources, &environment()).unwrap_err().to_string();
    assert_eq!(error, "/dev/zero:1:1: is binary data, not YAML");
}

#[test]
fn a_folder_of_the_user_replaces_a_file_of_the_catalogue() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(&folder, "host.yaml", "toolsets:\n  host/core: {tools: [{name: mine, command: ls}]}\n");
    let sources = Sources { catalogue: Some(folder.path().to_owned()), ..Sources::default() };
    let loaded = load(&sources, &environment()).unwrap();
    let host = &loaded.toolsets["host/core"];
    assert_eq!((host.tools.len(), host.origin.as_str()), (1, path.display().to_string().as_str()));
}

/// What stands after one later word, for each kind of field; the first file says all of them.
#[test]
fn each_field_by_its_own_rule() {
    let first = "description: d\ndocs_url: u\ntags: [core]\nprerequisites: ['true']\nconfig: {x: 1, y: 2}\nllm_instructions: i\napproval_required_tools: ['*']\ntimeout: 5s\nenv: [A]\nexperimental: true\ntransformers: [{name: llm_summarize, config: {input_threshold: 5}}]\nstatus_refresh_interval_seconds: 5\ntools: [{name: t, command: ls}, {name: own, command: ls, timeout: 1s}]\n";
    let indented = first.lines().fold(String::new(), |text, line| text + "    " + line + "\n");
    let shape = |later: &str| {
        let (toolsets, warnings) =
            load_text(&format!("toolsets:\n  a:\n{indented}---\ntoolsets:\n  a: {later}\n"));
        assert_eq!(warnings, [""; 0], "{later}");
        let a = &toolsets["a"];
        assert_eq!(a.broken, None, "{later}");
        let tools: Vec<String> = a
            .tools
            .iter()
            .map(|tool| format!("{} {:?} {:?}", tool.name, tool.timeout.unwrap_or_default(), tool.env))
            .collect();
        json!({
            "enabled": a.enabled,
            "description": a.description,
            "docs_url": a.docs_url,
            "tags": a.tags,
            "prerequisites": a.prerequisites.len(),
            "config": a.config,
            "instructions": a.llm_instructions,
            "approval": a.approval_required_tools,
            "experimental": a.experimental,
            "transformers": a.tools[0].transformers.iter().map(|one| one.input_threshold).collect::<Vec<_>>(),
            "refresh": a.status_refresh_interval.map(|time| time.as_secs()),
            "tools": tools,
        })
    };
    let base = shape("{enabled: true}");
    assert_eq!(base["tools"], json!(["t 5s [\"A\"]", "own 1s [\"A\"]"]));
    // Empty values say nothing.
    for empty in [
        "",
        "{}",
        "{description: '', docs_url: '', llm_instructions: ''}",
        "{tags: [], prerequisites: [], tools: [], approval_required_tools: [], env: [], transformers: []}",
        "{config: {}, description: null, tools: null, enabled: null, timeout: null}",
        "{type: custom, is_default: true}",
    ] {
        assert_eq!(shape(empty), base, "{empty}");
    }
    let changed = |later: &str, key: &str, value: serde_json::Value| {
        let mut expected = base.clone();
        expected[key] = value;
        assert_eq!(shape(later), expected, "{later}");
    };
    changed("{enabled: off}", "enabled", json!(false));
    changed("{description: e}", "description", json!("e"));
    changed("{docs_url: v}", "docs_url", json!("v"));
    changed("{tags: [cli]}", "tags", json!(["cli"]));
    changed("{prerequisites: [{env: [TOKEN]}, 'true']}", "prerequisites", json!(2));
    changed("{config: {y: 3}}", "config", json!({"y": 3}));
    changed("{llm_instructions: j}", "instructions", json!("j"));
    changed("{approval_required_tools: [t]}", "approval", json!(["t"]));
    changed("{experimental: false}", "experimental", json!(false));
    changed(
        "{transformers: [{name: llm_summarize, config: {input_threshold: 7}}]}",
        "transformers",
        json!([7]),
    );
    changed("{status_refresh_interval_seconds: 6}", "refresh", json!(6));
    changed("{timeout: 9s}", "tools", json!(["t 9s [\"A\"]", "own 1s [\"A\"]"]));
    changed("{env: [B]}", "tools", json!(["t 5s [\"B\"]", "own 1s [\"B\"]"]));
}

#[test]
fn a_later_tools_replaces_the_list_and_clears_what_was_broken() {
    let (toolsets, _) = load_text(
        "toolsets:\n  a: {tools: 3, timeout: 4s}\n---\ntoolsets:\n  a: {tools: [{name: u, command: ls}]}\n",
    );
    let a = &toolsets["a"];
    assert_eq!(
        (a.broken.as_ref(), a.tools.len(), a.tools[0].timeout),
        (None, 1, Some(Duration::from_secs(4)))
    );
    // A builtin that is only configured keeps what it has, and failing is told from then on.
    let (toolsets, warnings) = load_text("toolsets:\n  docker/core: {config: {x: 1}}\n");
    let docker = &toolsets["docker/core"];
    assert!(!docker.tools.is_empty() && !docker.auto && warnings.is_empty());
    assert_eq!(json!(docker.config), json!({"x": 1}));
}

#[test]
fn tools_said_anew_are_not_spoken_for_by_what_was_said_of_others() {
    let first = "toolsets:\n  a:\n    read_only: true\n    prelude: x=1\n    timeout: 5\n    env: [TOKEN]\n    additional_instructions: head\n    tools: [{name: t, command: ls}]\n";
    let folder = tempfile::tempdir().unwrap();
    let location = write(&folder, "one.yaml", first);
    let extra = write(&folder, "two.yaml", "toolsets:\n  a: {tools: [{name: t, command: rm x}]}\n");
    let sources = Sources { location: Some(location), extra: vec![extra], ..Sources::default() };
    let tool = &load(&sources, &environment()).unwrap().toolsets["a"].tools[0];
    assert_eq!(
        (tool.template.as_str(), tool.read_only, tool.timeout),
        ("rm x", None, Some(Duration::from_secs(5)))
    );
    assert_eq!(
        (tool.additional_instructions.as_deref(), tool.env.as_slice()),
        (None, &["TOKEN".to_owned()][..])
    );
}
