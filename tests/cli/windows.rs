//! One investigation in windows of any size; tools chosen by the question; answers that are asked for once more.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::support::Bench;
use crate::support::scripted_model::Recorded;

fn call(tool: &str, arguments: Value) -> Value {
    json!({"tool": tool, "arguments": arguments})
}

/// Bytes of a request's body: a token of such text is never less than two.
fn size(request: &Recorded) -> usize {
    request.body.to_string().len()
}

/// A log of many lines with the cause in its middle, and a table: both far larger than a small window.
fn shop() -> Bench {
    let log = "seq 4000 | sed -e 's/.*/2026-01-01T00:00:00 INFO request & of round '{{ n }}' served in &0 ms/' -e '2345i 2026-01-01T00:39:05 ERROR payments: heap exhausted: Killed process 4242 (java)'";
    let pods = "echo 'NAME READY STATUS RESTARTS'; seq 900 | sed 's/.*/web-&-977 1\\/1 Running 0/'; echo 'payments-7d9 0/1 CrashLoopBackOff {{ n }}9'";
    Bench::new().tools(&[("shop_logs", log), ("shop_pods", pods)])
}

#[test]
fn the_same_investigation_completes_in_windows_of_every_size() {
    for window in [6_000_usize, 8_000, 16_000, 128_000] {
        let mut replies: Vec<Value> = (1..=8)
            .map(|n| {
                json!({
                    "call": [call("shop_logs", json!({"n": n})), call("shop_pods", json!({"n": n}))],
                    "usage": null
                })
            })
            .collect();
        replies.push(json!({"call": [call("answer", json!({
            "root_cause": "payments runs out of memory", "verdict": "problem_found", "confidence": "high",
            "findings": [{"claim": "the kernel killed it", "exhibit": "E1", "quote": "heap exhausted: Killed process 4242"}],
            "fix": ["raise the limit"]
        }))]}));
        let bench = shop().model(json!(replies));
        let window_flag = window.to_string();
        let ran = bench
            .run([
                "ask",
                "why does payments crash?",
                "-t",
                "tools.yaml",
                "--context-window",
                &window_flag,
                "-o",
                "json",
            ])
            .exits(0);
        let requests = bench.scripted().requests();
        assert_eq!(requests.len(), 9, "{window}");
        for (n, request) in requests.iter().enumerate() {
            assert!(size(request) < 4 * window, "{window}: request {n} has {} bytes", size(request));
        }
        // The line that decides was in the first view, whatever its size, and the question never goes.
        assert!(requests[1].body.to_string().contains("heap exhausted"), "{window}");
        let last = requests[8].body.to_string();
        assert!(last.contains("why does payments crash?") && last.contains("E16 shop_pods"), "{window}");
        assert!(last.contains("E1 shop_logs"), "{window}: every number stays in sight");
        let json: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(json["evidence"][0]["verified"], true, "{window}: {}", ran.stdout);
    }
}

#[test]
fn a_window_that_the_endpoint_tells_in_a_refusal_is_kept_to() {
    let refusal =
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.";
    let mut replies: Vec<Value> =
        (1..=10).map(|n| json!({"call": [call("shop_logs", json!({"n": n}))], "usage": null})).collect();
    replies.insert(
        6,
        json!({"status": 400, "body": {"error": {"message": refusal, "code": "context_length_exceeded"}}}),
    );
    replies.push(json!({"say": "Root cause: memory."}));
    let bench = shop().model(json!(replies));
    let ran = bench
        .run(["ask", "why?", "-t", "tools.yaml", "--context-window", "64000", "--max-steps", "20"])
        .exits(0);
    assert!(ran.stderr.contains("longer than the window of 8192 tokens"), "{}", ran.stderr);
    let requests = bench.scripted().requests();
    let sizes: Vec<usize> = requests.iter().map(size).collect();
    assert_eq!(requests.len(), 12);
    assert!(sizes[7] < sizes[6] && sizes[8..].iter().all(|size| *size < 4 * 8_192), "{sizes:?}");
}

#[test]
fn tools_beyond_the_budget_are_behind_a_search() {
    let mut yaml = String::from("toolsets:\n");
    for (toolset, what) in [("queues", "message queue"), ("tapes", "tape robot"), ("mails", "mail relay")] {
        let _ = write!(yaml, "  {toolset}:\n    description: {what}\n    tools:\n");
        for n in 0..40 {
            let _ = write!(
                yaml,
                "      - name: {toolset}_part_{n}\n        description: State of part {n} of the {what}, with its last errors\n        command: \"echo '{toolset} {n}: the drive is jammed'\"\n"
            );
        }
    }
    let bench = Bench::new().file("many.yaml", &yaml).model(json!([
        {"call": [call("find_tools", json!({"words": "tape robot: tapes_part_17"}))]},
        {"call": [call("tapes_part_17", json!({})), call("mails_part_3", json!({}))]},
        {"say": "Root cause: jammed. [E1:1]"}
    ]));
    let ran = bench
        .run([
            "ask",
            "why is the message queue full?",
            "-t",
            "many.yaml",
            "--context-window",
            "8000",
            "--toolset",
            "queues",
            "--toolset",
            "tapes",
            "--toolset",
            "mails",
        ])
        .exits(0);
    let requests = bench.scripted().requests();
    let names = |at: usize| -> Vec<String> {
        let tools = requests[at].body["tools"].as_array().unwrap();
        tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap().to_owned()).collect()
    };
    let first = names(0);
    assert!(first.len() < 60 && first.iter().any(|name| name == "find_tools"), "{first:?}");
    assert!(first.iter().filter(|name| name.starts_with("queues")).count() >= 20, "{first:?}");
    assert!(!first.contains(&"tapes_part_17".to_owned()));
    assert!(names(1).contains(&"tapes_part_17".to_owned()));
    // A tool that was not offered runs all the same once it is called by its name.
    assert!(requests[2].body.to_string().contains("mails 3: the drive is jammed"));
    assert!(ran.stderr.contains("more tools: ") && ran.stderr.contains("tapes_part_17"), "{}", ran.stderr);
}

#[test]
fn a_quote_that_does_not_stand_is_asked_about_once() {
    let answer = |quote: &str| {
        json!({"call": [call("answer", json!({
            "root_cause": "the disk is full", "verdict": "problem_found", "confidence": "high",
            "findings": [{"claim": "no space", "exhibit": "E1", "quote": quote}]
        }))]})
    };
    let tool = [("look", "echo 'write failed: No space left on device'")];
    let ask = json!({"call": [call("look", json!({}))]});
    let corrected = Bench::new().tools(&tool).model(json!([
        ask,
        answer("disk quota exceeded"),
        answer("No space left on device")
    ]));
    let ran = corrected.run(["ask", "why?", "-t", "tools.yaml", "-o", "json"]).exits(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&json["evidence"][0]["verified"], &json["confidence"]),
        (&json!(true), &json!("high")),
        "{json}"
    );
    assert!(ran.stderr.contains("asking once for a correction"), "{}", ran.stderr);
    let requests = corrected.scripted().requests();
    assert_eq!(requests.len(), 3);
    let tools = requests[2].body["tools"].as_array().unwrap();
    assert!(tools.len() == 1 && tools[0]["function"]["name"] == "answer");
    let last = requests[2].body["messages"].as_array().unwrap().last().unwrap().clone();
    assert!(
        last["role"] == "tool" && last["content"].as_str().unwrap().contains("the quote is not in E1"),
        "{last}"
    );

    // One that insists is shown as it is: unverified, and never sure.
    let insists = Bench::new().tools(&tool).model(json!([
        ask,
        answer("disk quota exceeded"),
        answer("disk quota exceeded")
    ]));
    let ran = insists.run(["ask", "why?", "-t", "tools.yaml", "-o", "json"]).exits(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(
        (&json["evidence"][0]["verified"], &json["confidence"]),
        (&json!(false), &json!("low")),
        "{json}"
    );

    // One that says something else altogether, or nothing, does not lose the first answer.
    let other_words = Bench::new()
        .tools(&tool)
        .model(json!([ask, answer("disk quota exceeded"), {"say": "Sorry about that!"}]));
    let ran = other_words.run(["ask", "why?", "-t", "tools.yaml"]).exits(0);
    assert!(ran.stdout.contains("the disk is full") && !ran.stdout.contains("Sorry"), "{}", ran.stdout);
}

#[test]
fn a_budget_too_small_for_any_call_makes_none() {
    let bench = Bench::new().tools(&[("look", "echo x")]).model(json!([{"say": "never"}]));
    bench.run(["ask", "why?", "-t", "tools.yaml", "--max-tokens-total", "100"]).exits(5);
    assert!(bench.scripted().requests().is_empty());
}

#[test]
fn a_budget_of_tokens_holds_whatever_the_model_does() {
    for most in [3_000_u64, 8_000] {
        let replies: Vec<Value> =
            (0..40).map(|n| json!({"call": [call("shop_logs", json!({"n": n}))]})).collect();
        let bench = shop().model(json!(replies));
        let flag = most.to_string();
        let ran = bench
            .run(["ask", "why?", "-t", "tools.yaml", "--max-tokens-total", &flag, "-o", "json"])
            .exits(5);
        let json: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert!(json["total_tokens"].as_u64().unwrap() <= most, "{}", json["total_tokens"]);
        // Replies are bounded too.
        for request in bench.scripted().requests() {
            assert!(request.body["max_tokens"].as_u64().unwrap() < most);
        }
    }
}

#[test]
fn hypotheses_are_kept_in_view_and_reported() {
    let replies = json!([
        {"call": [
            call("hypothesis", json!({"id": "H1", "statement": "the disk is full"})),
            call("look", json!({}))
        ]},
        {"call": [call("hypothesis", json!({"id": "H1", "status": "supported", "exhibits": "E1"}))]},
        {"call": [call("answer", json!({
            "root_cause": "the disk is full", "verdict": "problem_found",
            "findings": [{"claim": "no space", "exhibit": "E1", "quote": "No space left on device"}]
        }))]}
    ]);
    let tools = [("look", "echo 'write failed: No space left on device'")];
    let bench = Bench::new().tools(&tools).model(replies.clone());
    let ran =
        bench.run(["ask", "why?", "-t", "tools.yaml", "--context-window", "64000", "-o", "json"]).exits(0);
    let json: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(json["hypotheses"][0]["status"], "supported", "{json}");
    assert!(ran.stderr.contains("H1 open: the disk is full"), "{}", ran.stderr);
    let requests = bench.scripted().requests();
    let offers = |request: &Recorded| request.body["tools"].to_string().contains("\"hypothesis\"");
    assert!(offers(&requests[0]));
    // A small window does not pay for them.
    let small = Bench::new().tools(&tools).model(json!([{"say": "x"}]));
    small.run(["ask", "why?", "-t", "tools.yaml", "--context-window", "8000"]).exits(0);
    assert!(!offers(&small.scripted().requests()[0]));
}
