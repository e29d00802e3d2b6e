//! One question, one answer: what a model and its tools can make of it.

use serde_json::{Value, json};

use crate::support::Bench;

fn call(tool: &str, arguments: Value) -> Value {
    json!({"tool": tool, "arguments": arguments})
}

#[test]
fn a_text_reply_is_the_answer_and_alone_on_stdout() {
    let bench = Bench::new().model(json!([{"say": "**Root cause:** the disk is full."}]));
    let ran = bench.run(["ask", "why?"]).exits(0);
    assert!(ran.stdout.starts_with("**Root cause:** the disk is full.\n"), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}'));
}

#[test]
fn a_tool_runs_and_the_model_sees_its_output() {
    let bench = Bench::new()
        .tools(&[("look", "echo found {{ what }}")])
        .model(json!([{"call": [call("look", json!({"what": "it's $(id)"}))]}, {"say": "done"}]));
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml"]).exits(0);
    let seen = bench.scripted().requests()[1].body.to_string();
    assert!(seen.contains("found it's $(id)"), "{seen}");
    assert!(ran.stderr.contains("look"), "{}", ran.stderr);
}

#[test]
fn calls_of_one_turn_run_at_the_same_time_and_answer_in_call_order() {
    // Each side of the named pipe blocks until the other is there: one after the other they would hang.
    let bench = Bench::new()
        .tools(&[
            ("writer", "mkfifo -m 600 \"$HOME/pipe\" 2>/dev/null; echo through > \"$HOME/pipe\"; echo wrote"),
            ("reader", "mkfifo -m 600 \"$HOME/pipe\" 2>/dev/null; cat \"$HOME/pipe\""),
        ])
        .env("HOLMES_CONTAINMENT", "off")
        .model(json!([{"call": [call("reader", json!({})), call("writer", json!({}))]}, {"say": "done"}]));
    bench.run(["ask", "why?", "-t", "tools.yaml", "--timeout", "30s"]).exits(0);
    let messages = bench.scripted().requests()[1].body["messages"].clone();
    let results: Vec<String> = messages
        .as_array()
        .unwrap()
        .iter()
        .filter(|message| message["role"] == "tool")
        .map(|message| message["content"].to_string())
        .collect();
    assert!(results[0].contains("through") && results[1].contains("wrote"), "{results:?}");
}

#[test]
fn the_answer_call_becomes_a_checked_report() {
    let answer = json!({
        "root_cause": "The disk is full", "verdict": "problem_found", "confidence": "high",
        "findings": [
            {"claim": "no space", "exhibit": "E1", "quote": "disk 100% full"},
            {"claim": "invented", "exhibit": "E1", "quote": "the moon is made of cheese"},
        ],
        "fix": ["rm -r /var/tmp/big"],
    });
    let bench = Bench::new()
        .tools(&[("disk", "echo 'disk  100% full'")])
        .model(json!([{"call": [call("disk", json!({}))]}, {"call": [call("answer", answer)]}]));
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "-o", "json"]).exits(0);
    let result = ran.json();
    assert_eq!(result["verdict"], "problem_found");
    assert_eq!(result["root_cause"], "The disk is full");
    assert_eq!(result["evidence"][0]["verified"], true);
    assert_eq!(result["evidence"][1]["verified"], false);
    assert_eq!(result["fix"][0], "rm -r /var/tmp/big");
    assert_ne!(result["confidence"], "high", "an unproven claim takes confidence back");
}

#[test]
fn the_json_result_carries_what_scripts_of_both_kinds_read() {
    let bench = Bench::new()
        .tools(&[("look", "echo seen; exit 3")])
        .model(json!([{"call": [call("look", json!({}))]}, {"say": "Root cause: x"}]));
    let ran = bench
        .run(["ask", "why?", "-t", "tools.yaml", "-o", "json", "--json-output-file", "out.json"])
        .exits(0);
    let result = ran.json();
    assert_eq!(result["schema_version"], "1");
    for field in
        ["run_id", "question", "started_at", "model", "budget", "metadata", "messages", "finish_reason"]
    {
        assert!(!result[field].is_null(), "{field} is missing: {result:#}");
    }
    assert_eq!(result["num_llm_calls"], 2);
    let tool = &result["tool_calls"][0];
    assert_eq!(tool["tool_name"], "look");
    assert_eq!(tool["toolset_name"], "test");
    assert_eq!(tool["result"]["status"], "error");
    assert_eq!(tool["result"]["return_code"], 3);
    assert!(tool["result"]["data"].as_str().unwrap().contains("seen"));
    assert_eq!(serde_json::from_str::<Value>(&bench.read("out.json")).unwrap(), result);
}

#[test]
fn jsonl_streams_events_and_the_first_carries_the_run_id() {
    let bench = Bench::new().model(json!([{"say": "done"}]));
    let ran = bench.run(["ask", "why?", "-o", "jsonl"]).exits(0);
    let events: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(events[0]["run_id"].is_string(), "{}", ran.stdout);
    assert_eq!(events.last().unwrap()["event"], "concluded");
}

#[test]
fn a_tool_that_does_not_exist_is_answered_with_the_nearest() {
    let bench = Bench::new()
        .tools(&[("disk_usage", "echo x")])
        .model(json!([{"call": [call("disk_usag", json!({}))]}, {"say": "done"}]));
    bench.run(["ask", "why?", "-t", "tools.yaml"]).exits(0);
    let seen = bench.scripted().requests()[1].body.to_string();
    assert!(seen.contains("`disk_usage`"), "{seen}");
}

#[test]
fn attached_files_and_piped_text_are_exhibits_the_model_sees() {
    let bench = Bench::new()
        .file("app.log", "line one\nFATAL out of cheese\n")
        .stdin("piped words\n")
        .model(json!([{"say": "Root cause: no cheese [E1:2]"}]));
    let ran = bench.run(["ask", "-f", "app.log", "why?", "-o", "json"]).exits(0);
    let seen = bench.scripted().requests()[0].body.to_string();
    assert!(seen.contains("FATAL out of cheese") && seen.contains("piped words"), "{seen}");
    let evidence = &ran.json()["evidence"][0];
    assert_eq!(evidence["quote"], "FATAL out of cheese");
    assert_eq!(evidence["verified"], true);
}

#[test]
fn a_question_can_come_from_a_file() {
    for flag in ["--prompt-file", "-pf"] {
        let bench = Bench::new().file("q.txt", "why is it red?\n").model(json!([{"say": "done"}]));
        bench.run(["ask", flag, "q.txt"]).exits(0);
        assert!(bench.scripted().requests()[0].body.to_string().contains("why is it red?"));
    }
}

#[test]
fn no_question_at_all_is_a_usage_error_with_an_example() {
    let ran = Bench::new().run(["ask"]).exits(2);
    assert!(ran.stderr.contains("no question") && ran.stderr.contains("holmes-rs ask"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

#[test]
fn a_missing_attachment_is_named() {
    let ran = Bench::new().model(json!([{"say": "x"}])).run(["ask", "why", "-f", "nowhere.log"]).exits(1);
    assert!(ran.stderr.contains("`nowhere.log`"), "{}", ran.stderr);
}

#[test]
fn secrets_of_the_environment_never_leave_and_the_models_key_never_reaches_a_tool() {
    let bench = Bench::new()
        .env("DB_PASSWORD", "correct-horse-battery")
        .tools(&[("leak", "echo pw is correct-horse-battery; env")])
        .model(json!([{"call": [call("leak", json!({}))]}, {"say": "done"}]));
    let ran =
        bench.run(["ask", "what about correct-horse-battery?", "-t", "tools.yaml", "-o", "json"]).exits(0);
    for request in bench.scripted().requests() {
        let body = request.body.to_string();
        assert!(!body.contains("correct-horse-battery"), "{body}");
        assert!(!body.contains("sk-test-0123456789abcdef"), "{body}");
    }
    assert!(!ran.stdout.contains("correct-horse-battery"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("sk-test-0123456789abcdef"), "{}", ran.stdout);
}

#[test]
fn the_same_input_gives_the_same_request_but_for_marker_and_clock() {
    let requests: Vec<String> = (0..2)
        .map(|_| {
            let bench = Bench::new().model(json!([{"say": "done"}]));
            bench.run(["ask", "why?"]).exits(0);
            let body = bench.scripted().requests()[0].body.clone();
            format!("{} {}", body["messages"][0], body["tools"])
        })
        .collect();
    assert_eq!(requests[0], requests[1]);
}
