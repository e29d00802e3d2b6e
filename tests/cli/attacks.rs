//! What a hostile newcomer found: each of these went wrong once.

use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::Bench;

const RUNS: &str = ".local/state/holmes-rs/runs";

fn call(tool: &str) -> Value {
    json!({"tool": tool, "arguments": {}})
}

#[test]
fn a_run_that_called_tools_from_behind_the_search_replays() {
    let tools: Vec<(String, &str)> =
        (0..80).map(|n| (format!("shelf_{n}_of_the_long_corridor"), "echo cheese")).collect();
    let named: Vec<(&str, &str)> = tools.iter().map(|(name, command)| (name.as_str(), *command)).collect();
    let called = [named[0].0, named[40].0, named[79].0];
    let bench = Bench::new().tools(&named).model(json!([{"call": called.map(call)}, {"say": "done"}]));
    bench.run(["ask", "why?", "-t", "tools.yaml", "--toolset", "test", "--context-window", "3000"]).exits(0);
    let run = std::fs::read_dir(bench.path(RUNS)).unwrap().next().unwrap().unwrap().path();
    let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
    let opened = events.lines().find(|line| line.contains("\"event\":\"opened\"")).unwrap();
    let opened: Value = serde_json::from_str(opened).unwrap();
    let hidden = opened["opening"]["hidden"].as_array().unwrap();
    assert!(hidden.iter().any(|tool| called.contains(&tool["spec"]["name"].as_str().unwrap())), "{opened}");
    let ran = bench.run(["run", "replay", "last", "-v"]).exits(0);
    assert!(ran.stderr.contains("replayed to the byte: 2 requests, 3 exhibits"), "{}", ran.stderr);
}

/// What a person sees on a terminal: everything printed, without what is cleared again.
fn on_terminal(bench: &Bench, words: &str) -> Option<String> {
    let line = format!("stty cols 80; exec {} {words}", env!("CARGO_BIN_EXE_holmes-rs"));
    let mut command = Command::new("script");
    bench.surround(&mut command).args(["-qec", &line, "/dev/null"]).stdin(Stdio::null());
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[test]
fn an_answer_that_is_questioned_stands_once_on_the_screen_or_is_named_as_replaced() {
    let answer = |cause: &str, quote: &str| {
        format!("**Root cause:** {cause}\n\n**Evidence**\n\n- no cheese: `{quote}` [E1:1]\n")
    };
    let seen = |second: Value| {
        let first = json!({"say": answer("the mice", "made up words")});
        let bench = Bench::new()
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .tools(&[("look", "echo no cheese left")])
            .model(json!([{"call": [call("look")]}, first, second]));
        let seen = on_terminal(&bench, "ask why -t tools.yaml --toolset test");
        (seen, bench.scripted().requests().len())
    };
    let (Some(stood), asked) = seen(json!({"say": answer("the rats", "no such words")})) else {
        eprintln!("SKIPPED: `script` is not installed");
        return;
    };
    assert_eq!(asked, 3, "{stood}");
    assert_eq!((stood.matches("the mice").count(), stood.matches("the rats").count()), (1, 0), "{stood:?}");
    assert!(stood.contains("0 of 1 quote verified") && !stood.contains("instead of"), "{stood:?}");

    let (replaced, _) = seen(json!({"say": answer("the cat", "no cheese left")}));
    let replaced = replaced.unwrap();
    assert_eq!((replaced.matches("the mice").count(), replaced.matches("the cat").count()), (1, 1));
    let told = replaced.find("the answer, instead of what stands above").unwrap();
    assert!(replaced.find("the mice").unwrap() < told && told < replaced.find("the cat").unwrap());
}

#[test]
fn a_question_as_long_as_a_log_is_echoed_in_part() {
    let bench = Bench::new()
        .file("question.txt", "why did line after line of this fail? ".repeat(5_000))
        .model(json!([{"say": "done"}]));
    let ran = bench.run(["ask", "--prompt-file", "question.txt", "--context-window", "400000"]).exits(0);
    assert!(ran.stderr.len() < 4_000 && ran.stderr.contains('…'), "{} bytes", ran.stderr.len());
}

#[test]
fn a_run_whose_requests_never_fit_replays() {
    let too_long = json!({"status": 400, "repeat": true, "body": {"error": {
        "message": "This model's maximum context length is 10 tokens.", "code": "context_length_exceeded",
    }}});
    let bench =
        Bench::new().tools(&[("look", "seq 1 9000")]).model(json!([{"call": [call("look")]}, too_long]));
    bench.run(["ask", "why?", "-t", "tools.yaml", "--toolset", "test"]).exits(4);
    let ran = bench.run(["run", "replay", "last", "-v"]).exits(0);
    assert!(ran.stderr.contains("replayed to the byte"), "{}", ran.stderr);
}

#[test]
fn an_export_follows_no_link_out_of_its_run() {
    let bench = Bench::new()
        .file("private.txt", "nobody's business\n")
        .tools(&[("look", "echo cheese")])
        .model(json!([{"call": [call("look")]}, {"say": "done"}]));
    bench.run(["ask", "why?", "-t", "tools.yaml", "--toolset", "test"]).exits(0);
    let run = std::fs::read_dir(bench.path(RUNS)).unwrap().next().unwrap().unwrap().path();
    let raw = run.join("exhibits/E1.out");
    std::fs::remove_file(&raw).unwrap();
    std::os::unix::fs::symlink(bench.path("private.txt"), &raw).unwrap();
    let ran = bench.run(["run", "export", "last", "-O", "-"]).exits(0);
    assert!(ran.stdout.contains("holmes_rs_run") && !ran.stdout.contains("business"), "{}", ran.stdout);
    let ran = bench.run(["run", "replay", "last"]).exits(1);
    assert!(!ran.stderr.contains("business"), "{}", ran.stderr);
}

#[test]
fn requests_that_cannot_be_shown_are_said() {
    if !std::path::Path::new("/dev/full").exists() {
        eprintln!("SKIPPED: there is no /dev/full");
        return;
    }
    let bench = Bench::new().model(json!([{"say": "done"}]));
    let ran = bench.run(["ask", "why", "--show-egress=/dev/full", "-o", "json"]).exits(0);
    assert_eq!(ran.json()["result"], "done");
    assert!(ran.stderr.contains("warning: `--show-egress=/dev/full` cannot be written"), "{}", ran.stderr);
}
