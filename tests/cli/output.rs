//! What stands on stdout, in files and on a terminal, form by form.

use std::process::Command;

use serde_json::{Value, json};

use crate::support::Bench;

fn asked(form: &str) -> (Bench, crate::support::Ran) {
    let bench = Bench::new()
        .file("app.log", "ok\nFATAL out of cheese\n")
        .tools(&[("look", "echo shelf is empty")])
        .model(json!([
            {"call": [{"tool": "look", "arguments": {}}]},
            {"say": "**Root cause:** no cheese [E1:2] on the shelf [E2:1]"},
        ]));
    let ran = bench
        .run([
            "ask",
            "why?",
            "-f",
            "app.log",
            "-t",
            "tools.yaml",
            "-o",
            form,
            "--json-output-file",
            "out.json",
        ])
        .exits(0);
    (bench, ran)
}

#[test]
fn every_form_is_alone_on_stdout_and_the_file_is_json_whatever_the_form() {
    for form in ["text", "json", "jsonl", "markdown", "html"] {
        let (bench, ran) = asked(form);
        let file: Value = serde_json::from_str(&bench.read("out.json")).unwrap();
        assert_eq!(file["schema_version"], "1", "{form}");
        assert!(!ran.stdout.contains('\u{1b}'), "{form}");
        match form {
            "text" => assert!(ran.stdout.starts_with("**Root cause:** no cheese"), "{}", ran.stdout),
            "json" => assert_eq!(ran.json(), file),
            "jsonl" => {
                let lines: Vec<Value> =
                    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                assert_eq!(lines[0]["run_id"], file["run_id"]);
                assert!(lines.iter().all(|line| line["event"].is_string()));
            }
            "markdown" => assert!(ran.stdout.starts_with("# why?\n"), "{}", ran.stdout),
            _ => assert!(
                ran.stdout.starts_with("<!doctype html>") && ran.stdout.ends_with("</html>\n"),
                "{}",
                ran.stdout
            ),
        }
    }
}

#[test]
fn attachments_are_evidence_but_no_tool_calls() {
    let (bench, ran) = asked("json");
    let result = ran.json();
    let calls: Vec<&str> = result["tool_calls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|call| call["tool_name"].as_str().unwrap())
        .collect();
    assert_eq!(calls, ["look"]);
    assert_eq!(result["attachments"], json!([{"id": "E1", "name": "app.log", "size": 23, "lines": 2}]));
    let evidence = &result["evidence"];
    assert_eq!(evidence[0]["id"], "E1");
    assert_eq!((&evidence[0]["verified"], &evidence[0]["tool_call_id"]), (&json!(true), &Value::Null));
    assert_eq!(evidence[1]["tool_call_id"], result["tool_calls"][0]["tool_call_id"]);
    let run = bench.run(["run", "list", "-o", "json"]).exits(0).json();
    assert_eq!(run[0]["tool_calls"], 1);
}

#[test]
fn the_schema_names_every_field_of_a_real_result() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/answer.schema.json")).unwrap();
    let (_, ran) = asked("json");
    let result = ran.json();
    let mut wanted: Vec<&str> =
        schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let mut got: Vec<&String> = result.as_object().unwrap().keys().collect();
    wanted.sort_unstable();
    got.sort_unstable();
    assert_eq!(got, wanted);
}

#[test]
fn a_result_file_that_cannot_be_written_is_told_and_the_answer_is_printed_all_the_same() {
    let bench = Bench::new().model(json!([{"say": "done"}]));
    let ran = bench.run(["ask", "why", "--json-output-file", "no/such/folder/x.json"]).exits(1);
    assert!(ran.stdout.starts_with("done"), "{}", ran.stdout);
    assert!(ran.stderr.contains("`no/such/folder`"), "{}", ran.stderr);
}

#[test]
fn the_answer_is_rewritten_by_a_prompt() {
    for (given, sent) in [
        ("Shorten: {{ investigation }}!", "Shorten: Long words!"),
        ("Shorten it.", "Shorten it.\n\nLong words"),
        ("file://p.txt", "From a file: Long words"),
    ] {
        let bench = Bench::new()
            .file("p.txt", "From a file: {{ investigation }}")
            .model(json!([{"say": "Long words"}, {"say": "Short"}]));
        let ran = bench.run(["ask", "why", "--post-processing-prompt", given, "-o", "json"]).exits(0);
        let request = bench.scripted().requests()[1].body.clone();
        assert_eq!(request["messages"][1]["content"].as_str().map(str::trim), Some(sent));
        assert!(request.get("tools").is_none(), "{request}");
        assert_eq!(ran.json()["result"], "Short");
        assert_eq!(ran.json()["num_llm_calls"], 2);
    }
    let bench = Bench::new().model(json!([{"say": "Long words"}, {"status": 400, "body": "no"}]));
    let ran = bench.run(["ask", "why", "--post-processing-prompt", "x"]).exits(0);
    assert!(ran.stdout.starts_with("Long words") && ran.stderr.contains("not rewritten"), "{}", ran.stderr);
}

/// What a terminal of `columns` columns gets to see, through `script`, which makes one.
fn on_terminal(bench: &Bench, columns: &str, words: &str) -> String {
    let mut command = Command::new("script");
    let line = format!("stty cols {columns}; exec {} {words}", env!("CARGO_BIN_EXE_holmes-rs"));
    bench.surround(&mut command).args(["-qec", &line, "/dev/null"]).stdin(std::process::Stdio::null());
    let Ok(output) = command.output() else { return String::new() };
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    // Spinners are drawn on a line that is cleared again.
    text.rsplit("\u{1b}[2K").next().unwrap_or_default().to_owned()
}

#[test]
fn a_terminal_gets_colour_and_wrapping_as_it_asks() {
    let say = "**Root cause:** the disk is full and nobody looked at it for a very long time, as one sees";
    let shown = |set: &[(&str, &str)], columns: &str| {
        let mut bench = Bench::new().env("TERM", "xterm").env("LANG", "C.UTF-8").model(json!([{"say": say}]));
        for (name, value) in set {
            bench = bench.env(name, *value);
        }
        on_terminal(&bench, columns, "ask why --no-echo")
    };
    let plain = shown(&[("NO_COLOR", "1")], "40");
    if plain.is_empty() {
        eprintln!("not tested: `script` is not installed");
        return;
    }
    let answer =
        |text: &str| -> Vec<String> { text.lines().map(|line| line.trim_end().to_owned()).collect() };
    for line in answer(&plain) {
        assert!(line.chars().count() <= 40 && !line.contains('\u{1b}'), "{line:?}");
    }
    let coloured = shown(&[], "200");
    assert!(coloured.contains("\u{1b}[1mRoot cause:"), "{coloured:?}");
    assert!(coloured.contains("as one sees"), "{coloured:?}");
    let dumb = shown(&[("TERM", "dumb")], "40");
    assert!(!dumb.contains('\u{1b}') && dumb.contains("Root cause:"), "{dumb:?}");
    let wide = shown(&[("COLUMNS", "300"), ("NO_COLOR", "1")], "40");
    assert!(wide.contains("nobody looked at it for a very long time, as one sees"), "{wide:?}");
}

#[test]
fn what_a_model_writes_steers_no_terminal_behind_a_pipe() {
    let say = "**Root cause:** \u{1b}]0;owned\u{7}\u{1b}[31mred\u{1b}[0m \u{202e}turned";
    for form in ["text", "markdown", "html", "json", "jsonl"] {
        let bench = Bench::new().model(json!([{"say": say}]));
        let ran = bench.run(["ask", "why", "-o", form]).exits(0);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{7}']), "{form}: {}", ran.stdout);
        assert!(ran.stdout.contains("red"), "{form}");
    }
}

#[test]
fn colour_can_be_forced_into_a_pipe_and_is_not_wrapped_there() {
    let long = "word ".repeat(60);
    let bench =
        Bench::new().env("CLICOLOR_FORCE", "1").model(json!([{"say": format!("**Root cause:** {long}")}]));
    let ran = bench.run(["ask", "why"]).exits(0);
    assert!(ran.stdout.contains("\u{1b}[1m") && ran.stdout.contains(long.trim()), "{:?}", ran.stdout);
    let ran =
        Bench::new().env("CLICOLOR_FORCE", "1").run(["toolset", "list", "--toolset", "host/core"]).exits(0);
    assert!(ran.stdout.contains("\u{1b}[32menabled"), "{:?}", ran.stdout);
    let ran = Bench::new().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").run(["toolset", "list"]).exits(0);
    assert!(!ran.stdout.contains('\u{1b}'), "{:?}", ran.stdout);
}

#[test]
fn the_completion_and_the_manual_cover_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = Bench::new().run(["completion", shell]).exits(0).stdout;
        assert!(script.contains("toolset") && script.contains("json-output-file"), "{shell}");
    }
    let page = Bench::new().run(["man"]).exits(0).stdout;
    for words in [
        "holmes\\-rs ask",
        "holmes\\-rs toolset check",
        "holmes\\-rs config init",
        "\\-\\-max\\-steps",
        "OPENAI_API_BASE",
        "130 interrupted",
    ] {
        assert!(page.contains(words), "{words}");
    }
}
