//! Budgets, hanging and endless tools, interrupts: every run ends, answers, and leaves no process behind.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

fn call(tool: &str, arguments: Value) -> Value {
    json!({"tool": tool, "arguments": arguments})
}

/// A model that asks for a new call each time, without end.
fn tireless(tool: &str) -> Value {
    (0..40).map(|n| json!({"call": [call(tool, json!({"n": n}))]})).collect()
}

#[test]
fn at_the_step_limit_tools_are_withdrawn_and_the_answer_is_forced() {
    let mut replies: Vec<Value> = tireless("look").as_array().unwrap()[..3].to_vec();
    replies.push(json!({"say": "Best guess: the disk."}));
    let bench = Bench::new().tools(&[("look", "echo {{ n }}")]).model(json!(replies));
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "--max-steps", "3"]).exits(5);
    assert!(ran.stdout.starts_with("Best guess: the disk."), "{}", ran.stdout);
    let requests = bench.scripted().requests();
    assert_eq!(requests.len(), 4);
    assert!(requests[2].body["tools"].is_array());
    assert!(requests[3].body.get("tools").is_none_or(|tools| tools.as_array().is_some_and(Vec::is_empty)));
}

#[test]
fn a_model_that_never_answers_still_gets_a_report_from_the_exhibits() {
    let bench = Bench::new().tools(&[("look", "echo 'seen {{ n }}'")]).model(tireless("look"));
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "--max-steps", "2"]).exits(5);
    assert!(!ran.stdout.trim().is_empty(), "{}", ran.stderr);
}

#[test]
fn the_token_budget_ends_a_run() {
    let bench = Bench::new().tools(&[("look", "echo {{ n }}")]).model(tireless("look"));
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "--max-tokens-total", "200"]).exits(5);
    assert!(!ran.stdout.trim().is_empty());
}

#[test]
fn a_tool_that_hangs_forks_and_escapes_is_ended_with_all_its_children() {
    let bench = Bench::new()
        .tools(&[("hang", "(sleep 7654.25 &) ; setsid sleep 7654.25 & echo started; cat; sleep 7654.25")])
        .model(json!([{"call": [call("hang", json!({}))]}, {"say": "done"}]));
    bench.run(["ask", "why?", "-t", "tools.yaml", "--timeout", "2s"]).exits(5);
    assert_eq!(running("sleep 7654.25"), "");
}

#[test]
fn a_tool_that_prints_without_end_is_bounded() {
    let bench = Bench::new()
        .file(
            "endless.yaml",
            "toolsets:\n  test:\n    tools:\n      - name: endless\n        description: d\n        command: yes 'the same line again and again, long enough for a build without optimisation to read a second of it in little time, as a log has them'\n        timeout: 1\n",
        )
        .model(json!([{"call": [call("endless", json!({}))]}, {"say": "done"}]));
    bench.run(["ask", "why?", "-t", "endless.yaml", "--no-record"]).exits(0);
    let seen = bench.scripted().requests()[1].body.to_string();
    assert!(seen.len() < 60_000, "{}", seen.len());
}

#[test]
fn an_interrupt_stops_the_tool_and_prints_what_is_known() {
    let bench = Bench::new()
        .tools(&[("slow", "echo 'FATAL: disk is gone'; sleep 8765.25")])
        .model(json!([{"call": [call("slow", json!({}))]}, {"say": "never"}]));
    let mut child = bench.spawn(["ask", "why?", "-t", "tools.yaml", "-o", "jsonl"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The tool runs once its event is out.
    let started = lines.by_ref().map_while(Result::ok).any(|line| line.contains("\"tool_started\""));
    assert!(started);
    signal(child.id(), "INT");
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    let ran = Ran::from(child.wait_with_output().unwrap()).exits(130);
    assert!(rest.last().is_some_and(|line| line.contains("\"concluded\"")), "{rest:?} {}", ran.stderr);
    assert_eq!(running("sleep 8765.25"), "");
}

fn signal(pid: u32, name: &str) {
    assert!(Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().unwrap().success());
}

/// Processes whose command line is exactly this.
fn running(command: &str) -> String {
    let output = Command::new("pgrep").args(["-fx", command]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}
