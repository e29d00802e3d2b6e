//! Runs that go on: killed in the middle of a step, asked on, with other models and tools. What had arrived is not lost, and no
//! finished tool runs again. Tools of these tests leave marks where a contained one may not write.

use std::path::PathBuf;
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Bench;

const RUNS: &str = ".local/state/holmes-rs/runs";
/// Waits for a file that the test makes; ends with the folder of the test.
const SLOW: &str = "echo began >> slow.log; while [ -e slow.log ] && ! [ -e release ]; do sleep 0.02; done; echo slow is done";

fn events_of(bench: &Bench) -> PathBuf {
    let run = std::fs::read_dir(bench.path(RUNS)).unwrap().next().unwrap().unwrap().path();
    run.join("events.jsonl")
}

fn record(bench: &Bench) -> String {
    std::fs::read_to_string(events_of(bench)).unwrap_or_default()
}

/// Until `holds`, for as long as a loaded machine may take.
fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < Duration::from_mins(2), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// SIGKILL: nothing can be said or written any more.
fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

fn call(tools: &[&str]) -> Value {
    let calls: Vec<Value> = tools.iter().map(|tool| json!({"tool": tool, "arguments": {}})).collect();
    json!({"call": calls})
}

fn last_request(bench: &Bench) -> String {
    bench.scripted().requests().last().unwrap().body.to_string()
}

/// Killed while one of two tools of a step had finished.
fn killed_between_tools(after: Value) -> Bench {
    let mut replies = vec![call(&["quick", "slow"])];
    replies.extend(after.as_array().unwrap().iter().cloned());
    let bench = Bench::new()
        .env("HOLMES_CONTAINMENT", "off")
        .tools(&[("quick", "echo ran >> quick.log; echo disk full"), ("slow", SLOW)])
        .model(json!(replies));
    let child = bench.spawn(["ask", "why is it red?", "-t", "tools.yaml"]);
    wait_until("a tool ends", || {
        bench.path("slow.log").exists()
            && bench.path(RUNS).exists()
            && record(&bench).contains("tool_finished")
    });
    kill(child);
    std::fs::write(bench.path("release"), "").unwrap();
    bench
}

#[test]
fn no_finished_tool_runs_again_after_a_kill_and_nothing_that_arrived_is_lost() {
    let bench = killed_between_tools(json!([
        {"say": "Root cause: full [E1:1]"},
        call(&["quick"]),
        {"say": "Because nobody cleaned up [E4:1]"},
    ]));
    let table = bench.run(["run", "list"]).exits(0).stdout;
    assert!(table.contains("cut off"), "{table}");
    let ran = bench.run(["ask", "--resume", "last", "-t", "tools.yaml"]).exits(0);
    assert!(ran.stdout.contains("Root cause: full"), "{}", ran.stdout);
    assert_eq!(bench.read("quick.log"), "ran\n");
    assert_eq!(bench.read("slow.log"), "began\nbegan\n");
    let sent = last_request(&bench);
    assert!(sent.contains("disk full") && sent.contains("slow is done"), "{sent}");
    // Asked on: numbers go on, and what was said stays in view.
    let ran = bench.run(["ask", "-c", "and why?", "-t", "tools.yaml", "-o", "json"]).exits(0).json();
    assert_eq!(ran["question"], "and why?");
    let sent = last_request(&bench);
    assert!(sent.contains("Root cause: full") && sent.contains("and why?") && sent.contains("E4"), "{sent}");
    let list = bench.run(["run", "list", "-o", "json"]).exits(0).json();
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert_eq!(
        (&list[0]["turns"], &list[0]["question"], &list[0]["last_question"], &list[0]["tool_calls"]),
        (&json!(2), &json!("why is it red?"), &json!("and why?"), &json!(3))
    );
    let table = bench.run(["run", "list"]).exits(0).stdout;
    assert!(table.contains("why is it red? (+1 more)"), "{table}");
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    let page = bench.run(["run", "show", "last", "-o", "markdown"]).exits(0).stdout;
    let places: Vec<Option<usize>> =
        ["# why is it red?", "- resumed", "Root cause: full", "## 2. and why?", "Because nobody"]
            .map(|words| page.find(words))
            .to_vec();
    assert!(places.is_sorted() && places.iter().all(Option::is_some), "{places:?}\n{page}");
    // It replays, the part that was cut off included, here and elsewhere.
    let again = bench.run(["run", "replay", "last", "-v", "-o", "json"]).exits(0);
    assert!(again.stderr.contains("replayed to the byte"), "{}", again.stderr);
    assert_eq!(again.json(), ran);
    let _ = bench.run(["run", "export", "last", "-O", "run.jsonl"]).exits(0);
    let other = Bench::new()
        .env("HOLMES_CONTAINMENT", "off")
        .env("PATH", "/nonexistent")
        .file("run.jsonl", bench.read("run.jsonl"));
    let again = other.run(["run", "replay", "run.jsonl", "-v", "-o", "json"]).exits(0);
    assert_eq!(again.json(), ran);
}

#[test]
fn a_run_killed_while_its_model_is_silent_asks_it_again() {
    let bench = Bench::new()
        .env("HOLMES_CONTAINMENT", "off")
        .tools(&[("look", "echo ran >> look.log; echo disk full")])
        .model(json!([call(&["look"]), {"hang": true}]));
    let child = bench.spawn(["ask", "why?", "-t", "tools.yaml"]);
    wait_until("the second request", || bench.scripted().requests().len() == 2);
    // One process writes a record.
    let ran = bench.run(["ask", "--resume", "last", "-t", "tools.yaml"]).exits(1);
    assert!(ran.stderr.contains("another holmes-rs is still writing it"), "{}", ran.stderr);
    assert_eq!(ran.stderr.trim().lines().count(), 1, "{}", ran.stderr);
    assert!(bench.run(["run", "list"]).exits(0).stdout.contains("running"));
    kill(child);
    bench.scripted().script(&json!([{"say": "Root cause: full [E1:1]"}]));
    let ran = bench.run(["run", "resume", "last", "-t", "tools.yaml"]).exits(0);
    assert!(ran.stdout.contains("Root cause: full"), "{}", ran.stdout);
    assert_eq!(bench.read("look.log"), "ran\n");
    let before = record(&bench);
    for arguments in [&["ask", "-c"][..], &["ask", "--resume", "last"], &["run", "resume", "last"]] {
        let ran = bench.run(arguments).exits(2);
        assert!(ran.stderr.contains("has its answer") && ran.stderr.contains("and why?"), "{}", ran.stderr);
    }
    assert!(bench.run(["ask", "-c", "why?", "--no-record"]).exits(2).stderr.contains("--no-record"));
    assert!(bench.run(["run", "resume", "last", "-c", "why?"]).exits(2).stderr.contains("--continue"));
    assert_eq!(record(&bench), before);
}

#[test]
fn a_line_that_was_half_written_had_not_arrived() {
    let bench = killed_between_tools(json!([{"say": "Root cause: full [E1:1]"}]));
    let mut text = record(&bench);
    text.push_str("{\"time\":\"2026-01-01T00:00:00Z\",\"event\":\"tool_fin");
    std::fs::write(events_of(&bench), &text).unwrap();
    let _ = bench.run(["ask", "-c", "-t", "tools.yaml"]).exits(0);
    let whole = record(&bench);
    assert!(whole.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{whole}");
    assert_eq!(bench.read("quick.log"), "ran\n");
    let again = bench.run(["run", "replay", "last", "-v"]).exits(0);
    assert!(again.stderr.contains("replayed to the byte"), "{}", again.stderr);
}

#[test]
fn a_run_whose_tool_went_goes_on_without_it() {
    let bench = killed_between_tools(json!([{"say": "Root cause: full [E1:1]"}]));
    let bench = bench.tools(&[("quick", "echo ran >> quick.log; echo disk full"), ("new", "echo new")]);
    let ran = bench.run(["ask", "-c", "-t", "tools.yaml"]).exits(0);
    assert!(ran.stdout.contains("Root cause: full"), "{}", ran.stdout);
    let sent = last_request(&bench);
    assert!(sent.contains("cannot be used any more") && sent.contains("\"new\""), "{sent}");
    let again = bench.run(["run", "replay", "last", "-v"]).exits(0);
    assert!(again.stderr.contains("replayed to the byte"), "{}", again.stderr);
}

#[test]
fn a_call_with_a_secret_that_is_not_recorded_does_not_run_with_what_stands_for_it() {
    // The model's own: a value that is redacted elsewhere would not have run at all.
    let secret = ["swordfish", "1177"].join("-");
    let command = "echo {{ password }} >> said.log; while [ -e said.log ] && ! [ -e release ]; do sleep 0.02; done; echo said";
    let bench = Bench::new().env("HOLMES_CONTAINMENT", "off").tools(&[("say", command)]).model(json!([
        {"call": [{"tool": "say", "arguments": {"password": secret}}]},
        {"say": "Nothing is known."},
    ]));
    let child = bench.spawn(["ask", "why?", "-t", "tools.yaml"]);
    wait_until("the tool runs", || bench.path("said.log").exists());
    kill(child);
    std::fs::write(bench.path("release"), "").unwrap();
    let before = bench.read("said.log");
    let _ = bench.run(["ask", "-c", "-t", "tools.yaml"]).exits(0);
    assert_eq!(bench.read("said.log"), before);
    assert!(last_request(&bench).contains("was not run"), "{}", last_request(&bench));
}

#[test]
fn an_output_whose_summary_is_waited_for_has_arrived() {
    let yaml = "toolsets:\n  test:\n    description: d\n    transformers: [llm_summarize]\n    tools:\n      - {name: logs, \
        description: d, command: 'echo ran >> logs.log; seq 1 400 | sed \"s/^/request /\"; echo FATAL: full'}\n";
    let bench = Bench::new()
        .env("HOLMES_CONTAINMENT", "off")
        .file("tools.yaml", yaml)
        .env("HOLMES_TOOLSET", "test")
        .model(json!([
            {"model": "scripted", "call": [{"tool": "logs", "arguments": {}}]},
            {"model": "small", "hang": true},
        ]));
    let child = bench.spawn(["ask", "why?", "-t", "tools.yaml", "--fast-model", "small"]);
    wait_until("the request for a summary", || bench.scripted().requests().len() == 2);
    kill(child);
    bench.scripted().script(&json!([{"model": "scripted", "say": "Root cause: full [E1:401]"}]));
    let ran = bench.run(["ask", "-c", "-t", "tools.yaml", "--fast-model", "small"]).exits(0);
    assert!(ran.stdout.contains("Root cause: full"), "{}", ran.stdout);
    assert_eq!(bench.read("logs.log"), "ran\n");
    assert!(last_request(&bench).contains("FATAL: full"), "{}", last_request(&bench));
    let again = bench.run(["run", "replay", "last", "-v"]).exits(0);
    assert!(again.stderr.contains("replayed to the byte"), "{}", again.stderr);
}

#[test]
fn what_cannot_go_on_is_told_in_a_line_or_two() {
    let old = "{\"event\":\"run_started\",\"run_id\":\"x\",\"question\":{\"text\":\"why\"},\"model\":\"m\",\
        \"started_at\":\"2020-01-01T00:00:00Z\"}\n";
    let bench = Bench::new()
        .env("HOLMES_CONTAINMENT", "off")
        .model(json!([]))
        .file(&format!("{RUNS}/20200101-000000-aaaa/events.jsonl"), old);
    for (run, words) in [("last", "by an older holmes-rs, or cut off"), ("20300101", "there is no run")] {
        let ran = bench.run(["ask", "--resume", run]).exits(1);
        assert!(ran.stderr.contains(words) && ran.stderr.trim().lines().count() <= 2, "{}", ran.stderr);
    }
    let ran = Bench::new().env("HOLMES_CONTAINMENT", "off").run(["ask", "-c", "why?"]).exits(1);
    assert!(ran.stderr.contains("there is no run"), "{}", ran.stderr);
    let _ = bench.run(["ask", "-c", "--resume", "last"]).exits(2);
}

#[test]
fn a_run_goes_from_the_rules_to_a_model_and_back_and_replays() {
    let bench = Bench::new()
        .env("HOLMES_CONTAINMENT", "off")
        .file("app.log", "ok\nOut of memory: Killed process 42 (java)\n")
        .file("more.log", "again\nFATAL out of cheese\n")
        .tools(&[("look", "echo shelf is empty")])
        .model(json!([
            call(&["look"]),
            {"say": "The shelf is empty [E2:1], see also [E3:1]"},
        ]));
    let first = bench.run(["ask", "why?", "-f", "app.log", "-t", "tools.yaml", "--no-llm"]).exits(0).stdout;
    assert!(!first.is_empty());
    let form = ["-t", "tools.yaml", "-o", "json"];
    let asked = |more: &[&str]| bench.run(more.iter().chain(&form)).exits(0);
    let second = asked(&["ask", "-c", "and the cheese?", "-f", "more.log"]).json();
    assert_eq!(second["model"], "scripted");
    let again = bench.run(["run", "replay", "last", "-v", "-o", "json"]).exits(0);
    assert_eq!(again.json(), second, "{}", again.stderr);
    let third = asked(&["ask", "-c", "is that all?", "--no-llm"]).json();
    assert_eq!(third["model"], "rules");
    assert_eq!(record(&bench).matches("\"kind\":\"model\"").count(), 2);
    let again = bench.run(["run", "replay", "last", "-v", "-o", "json"]).exits(0);
    assert_eq!(again.json(), third, "{}", again.stderr);
    let table = bench.run(["run", "list"]).exits(0).stdout;
    assert!(table.contains("why? (+2 more)"), "{table}");
}

#[test]
fn a_denied_call_replays_as_it_was_decided() {
    let file = "toolsets:\n  test:\n    description: d\n    approval_required_tools: ['cancel']\n    tools:\n      \
        - {name: cancel, description: d, command: 'echo cancelled'}\n      - {name: look, description: d, command: 'echo listed'}\n";
    let bench = Bench::new().env("HOLMES_CONTAINMENT", "off").file("t.yaml", file).model(json!([
        call(&["cancel", "look"]),
        {"say": "It is listed [E2:1]"},
    ]));
    let ran = bench.run(["ask", "cancel it", "-t", "t.yaml", "--toolset", "test"]);
    let again = bench.run(["run", "replay", "last", "-v"]).exits(0);
    assert!(again.stderr.contains("replayed to the byte"), "{}", again.stderr);
    assert_eq!(again.stdout, ran.stdout);
    let page = bench.run(["run", "show", "last"]).exits(0).stdout;
    assert!(page.contains("needs approval") && page.contains("was denied"), "{page}");
}
