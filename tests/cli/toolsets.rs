//! Where toolsets come from and what becomes of them, through the binary.

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

/// One toolset of `toolset list -o json`.
fn listed(ran: &Ran, name: &str) -> Value {
    let list = ran.json();
    let found = list.as_array().unwrap().iter().find(|one| one["name"] == name).cloned();
    found.unwrap_or_else(|| panic!("`{name}` is not in {list:#}"))
}

fn toolset(name: &str, command: &str) -> String {
    format!(
        "toolsets:\n  {name}:\n    description: d\n    tools:\n      - name: {name}_tool\n        \
         description: d\n        command: {command}\n"
    )
}

#[test]
fn a_failure_that_tells_of_a_missing_program_or_login_is_checked_again() {
    // The check leaves a line each time, so that the checks can be counted.
    let yaml = "toolsets:\n  test:\n    description: d\n    prerequisites:\n      - command: echo checked >> \"$HOME/checks\"\n    \
                tools:\n      - {name: login, description: d, command: 'echo \"401 Unauthorized\" >&2; exit 1'}\n      \
                - {name: gone, description: d, command: no-such-program-here}\n      \
                - {name: empty, description: d, command: 'echo nothing like it; exit 1'}\n";
    for (tool, checks) in [("empty", 1), ("login", 2), ("gone", 2)] {
        let bench = Bench::new().file("t.yaml", yaml).model(json!([
            {"call": [{"tool": tool, "arguments": {}}]}, {"say": "done"}, {"say": "done"},
        ]));
        for _ in 0..2 {
            let ran = bench.run(["ask", "why", "-t", "t.yaml"]).exits(0);
            assert!(ran.stdout.starts_with("done"), "{}", ran.stdout);
        }
        assert_eq!(bench.read("checks").lines().count(), checks, "{tool}");
    }
}

#[test]
fn later_sources_win_and_say_where_they_come_from() {
    let bench = Bench::new()
        .file(
            ".holmes/config.yaml",
            "toolsets:\n  host/logs: {enabled: false}\n  mine:\n    description: in config\n    tools:\n      \
             - {name: a, description: d, command: 'true'}\ncustom_toolsets: [custom.yaml]\n",
        )
        .file(".holmes/custom.yaml", toolset("custom", "'true'"))
        .file("folder/one.yaml", toolset("one", "'true'"))
        .file("folder/two.yml", toolset("mine", "'true'"))
        .file("folder/broken.yaml", "toolsets:\n  x: [\n");
    let ran = bench.run(["toolset", "list", "-t", "folder", "-o", "json"]).exits(0);
    assert_eq!(listed(&ran, "host/logs")["status"], "disabled");
    assert!(listed(&ran, "host/logs")["origin"].as_str().unwrap().ends_with(".holmes/config.yaml"));
    assert_eq!(listed(&ran, "custom")["status"], "enabled");
    assert_eq!(listed(&ran, "one")["origin"], "folder/one.yaml");
    assert_eq!(listed(&ran, "mine")["origin"], "folder/two.yml");
    assert_eq!(listed(&ran, "mine")["tools"], json!(["mine_tool"]));
    let broken = listed(&ran, "broken.yaml");
    assert_eq!(broken["status"], "failed");
    assert!(broken["reason"].as_str().unwrap().contains("broken.yaml:"), "{broken}");
}

#[test]
fn a_folder_of_the_config_replaces_files_of_the_catalogue() {
    let bench = Bench::new().file(".holmes/toolsets/docker.yaml", toolset("docker/core", "'true'"));
    let ran = bench.run(["toolset", "list", "-o", "json"]).exits(0);
    let docker = listed(&ran, "docker/core");
    assert!(docker["origin"].as_str().unwrap().ends_with(".holmes/toolsets/docker.yaml"), "{docker}");
    assert_eq!(docker["tools"], json!(["docker/core_tool"]));
    assert_eq!(listed(&ran, "host/core")["origin"], "builtin");
}

#[test]
fn prompts_of_the_config_folder_replace_the_built_in_ones() {
    let bench = Bench::new()
        .file(".holmes/prompts/system.md.jinja", "You are Inspector Lestrade.")
        .model(json!([{"say": "done"}]));
    let _ = bench.run(["ask", "why"]).exits(0);
    let messages = bench.scripted().requests()[0].body["messages"].clone();
    assert!(
        messages[0]["content"].as_str().unwrap().starts_with("You are Inspector Lestrade."),
        "{messages:#}"
    );
    let bench =
        Bench::new().file(".holmes/prompts/system.md.jinja", "{% if %}").model(json!([{"say": "done"}]));
    let ran = bench.run(["ask", "why"]).exits(3);
    assert!(ran.stderr.contains("system.md.jinja") && ran.stderr.lines().count() <= 3, "{}", ran.stderr);
}

#[test]
fn wrapped_files_load_as_they_are_deployed() {
    let inner = toolset("wrapped", "'true'");
    let indented: String = inner.lines().flat_map(|line| ["    ", line, "\n"]).collect();
    let config_map = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata:\n  custom_toolset.yaml: |\n{indented}"
    );
    let values: String = inner.lines().flat_map(|line| ["  ", line, "\n"]).collect();
    let old = "toolsets:\n  - name: wrapped\n    description: d\n    tools:\n      - {name: wrapped_tool, description: d, command: 'true'}\n";
    for text in [
        config_map,
        format!("holmes:\n{values}"),
        old.to_owned(),
        format!("runner:\n{}", values.replacen("toolsets", "customToolsets", 1)),
    ] {
        let bench = Bench::new().file("t.yaml", &text);
        let ran = bench.run(["toolset", "show", "wrapped", "-t", "t.yaml", "-o", "json"]).exits(0);
        assert_eq!(ran.json()["tools"][0]["name"], "wrapped_tool", "{text}");
        let bench = bench.env("CUSTOM_TOOLSET_LOCATION", "t.yaml");
        assert_eq!(
            listed(&bench.run(["toolset", "list", "-o", "json"]).exits(0), "wrapped")["status"],
            "enabled"
        );
    }
}

#[test]
fn a_file_asked_for_by_name_that_is_broken_ends_the_command_with_its_place() {
    let bench = Bench::new().file("t.yaml", "toolsets:\n  a:\n    tools: [}\n");
    let ran = bench.run(["ask", "why", "-t", "t.yaml", "--no-llm"]).exits(3);
    assert!(ran.stderr.contains("t.yaml:3:12") && ran.stderr.lines().count() <= 4, "{}", ran.stderr);
}

#[test]
fn only_named_toolsets_are_used() {
    let bench = Bench::new().file("t.yaml", toolset("mine", "'true'")).model(json!([{"say": "done"}]));
    let _ = bench.run(["ask", "why", "-t", "t.yaml", "--toolset", "mine"]).exits(0);
    let tools = bench.scripted().requests()[0].body["tools"].clone();
    let names: Vec<&str> =
        tools.as_array().unwrap().iter().map(|tool| tool["function"]["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["mine_tool", "read_exhibit", "answer"]);
}

#[test]
fn lists_come_in_every_form_that_makes_sense() {
    let bench = Bench::new().file("t.yaml", toolset("mine", "'true'"));
    let list = |form: &str| {
        bench.run(["toolset", "list", "--toolset", "mine", "-t", "t.yaml", "-o", form]).exits(0).stdout
    };
    assert_eq!(list("text"), "NAME  STATUS   REASON  ORIGIN\nmine  enabled  -       t.yaml\n");
    assert_eq!(
        list("markdown"),
        "| NAME | STATUS | REASON | ORIGIN |\n| --- | --- | --- | --- |\n| mine | enabled | - | t.yaml |\n"
    );
    assert_eq!(list("jsonl").lines().count(), 1);
    assert_eq!(serde_json::from_str::<Value>(&list("json")).unwrap()[0]["name"], "mine");
    // A form that is only configured, and that a list does not have, is no error.
    let ran = Bench::new().env("HOLMES_OUTPUT", "html").run(["config", "path"]).exits(0);
    assert!(ran.stdout.starts_with("FILE "), "{}", ran.stdout);
}
