//! `model check` against servers that can and cannot.

use serde_json::{Value, json};

use crate::support::Bench;

fn checked(scenario: Value) -> (Bench, Value, String) {
    let bench = Bench::new().model(scenario);
    let ran = bench.run(["model", "check", "-o", "json"]).exits(0);
    let found = ran.json();
    (bench, found, ran.stderr)
}

/// Both calls that are asked for, in one reply.
fn probes() -> Value {
    let call = |thing: &str| json!({"tool": "probe", "arguments": {"thing": thing}});
    json!({"call": [call("disk"), call("memory")]})
}

#[test]
fn a_good_endpoint_passes_every_check() {
    let models = json!({"data": [{"id": "scripted", "max_model_len": 32_768}, {"id": "other"}]});
    let replies = json!([
        {"say": "Pelican 1 2 3 4 5 6 7 8 9 10", "reasoning": "They want a bird."},
        probes(),
        {"say": "The disk is 97 % full."},
        {"say": "disk, memory"},
        {"call": [{"tool": "probe", "arguments": {"thing": "disk"}}]},
        {"say": "1, 2, 3, 4,", "finish_reason": "length"},
    ]);
    let (bench, found, stderr) = checked(json!({"models": models, "replies": replies}));
    assert_eq!(found["window"], 32_768);
    assert_eq!(found["window_from"], "`/models`");
    assert_eq!((&found["streaming"], &found["tools"]), (&json!(true), &json!("native")));
    assert!(found["pieces"].as_u64() > Some(5), "{found}");
    for held in [
        "system_prompt",
        "usage",
        "reasoning",
        "parallel_tools",
        "several_turns",
        "strict_schemas",
        "max_tokens",
    ] {
        assert_eq!(found[held], true, "{held}: {found:#}");
    }
    assert!(found["answers"].is_number() && found["results"].is_number(), "{found}");
    assert!(found["address"].as_str().unwrap().ends_with("/v1/chat/completions"), "{found}");
    assert!(found.get("learned").is_none(), "{found}");
    assert_eq!((&found["models_list"], &found["used"]["requests"]), (&json!(2), &json!(6)));
    assert!(found["used"]["tokens"].as_u64() > Some(0), "{found}");
    let sent = bench.scripted().requests();
    assert_eq!(sent.len(), 6);
    assert_eq!(sent[4].body["tools"][0]["function"]["strict"], true, "{}", sent[4].body);
    assert_eq!(
        sent[5].body.get("max_tokens").or_else(|| sent[5].body.get("max_completion_tokens")),
        Some(&json!(16))
    );
    assert_eq!(stderr, "");
}

#[test]
fn what_an_endpoint_cannot_do_is_said() {
    let refuses = json!({"status": 400, "body": {"error": {"message": "This model does not support tools"}}});
    let streamless = json!({"status": 400, "body": {"error": {"message": "Unsupported value: 'stream'", "param": "stream"}}});
    let endless = json!({"say": "1 2 3", "finish_reason": "stop", "usage": {"prompt_tokens": 9, "completion_tokens": 120}});
    let (_, found, _) = checked(json!([streamless, {"say": "ready"}, refuses, {"say": "no"}, endless]));
    assert_eq!((&found["streaming"], &found["tools"]), (&json!(false), &json!("refused")));
    assert_eq!((&found["system_prompt"], &found["max_tokens"]), (&json!(false), &json!(false)));
    assert_eq!(found["learned"].as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!(found["window"], Value::Null);
    let written = "<tool_call>{\"name\": \"probe\", \"arguments\": {\"thing\": \"disk\"}}</tool_call>";
    let rest = [json!({"say": "full"}), json!({"say": "I do not know"}), json!({"say": "1"})];
    let (_, found, _) = checked(json!([{"say": "ready"}, {"say": written}, rest[0], rest[1], rest[2]]));
    assert_eq!((&found["tools"], &found["parallel_tools"]), (&json!("text"), &json!(false)));
    assert_eq!(found["several_turns"], false);
    let (_, found, _) = checked(json!([{"say": "ready"}, {"say": "I would rather not."}, rest[2]]));
    assert_eq!(found["tools"], "none");
    let strict = json!({"status": 400, "body": {"error": {"message": "Unknown parameter: 'tools[0].function.strict'."}}});
    let (_, found, _) = checked(
        json!([{"say": "ready"}, probes(), {"say": "97"}, {"say": "disk"}, strict, {"say": "no"}, {"say": "1"}]),
    );
    assert_eq!(found["strict_schemas"], false, "{found:#}");
}

/// It says whom it waits for, ends in time, and shows what it has by then.
#[test]
fn a_server_that_hangs_is_told() {
    let began = std::time::Instant::now();
    let bench = Bench::new().model(json!([{"say": "pelican 1 2 3"}, {"hang": true, "repeat": true}]));
    let ran = bench.run(["model", "check", "--timeout", "5s"]).exits(4);
    assert!(began.elapsed().as_secs() < 60);
    assert!(ran.stdout.contains("answers") && ran.stdout.contains("tokens in"), "{}", ran.stdout);
    assert!(
        ran.stderr.contains("waiting for `") && ran.stderr.contains("no answer within 5"),
        "{}",
        ran.stderr
    );
    let ran = bench.run(["model", "check", "--timeout", "soon"]).exits(2);
    assert!(ran.stderr.contains("--timeout"), "{}", ran.stderr);
}

#[test]
fn what_is_wrong_ends_with_the_exit_code_of_a_run() {
    let bench = Bench::new().model(json!([{"status": 401, "body": {"error": {"message": "bad key"}}}]));
    let ran = bench.run(["model", "check"]).exits(3);
    assert!(
        ran.stderr.contains("OPENAI_API_KEY") && ran.stdout.contains("address"),
        "{}{}",
        ran.stdout,
        ran.stderr
    );
    let ran = Bench::new()
        .env("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        .run(["model", "check", "m"])
        .exits(4);
    assert!(ran.stderr.contains("127.0.0.1:9"), "{}", ran.stderr);
    let ran = Bench::new().run(["model", "check"]).exits(3);
    assert!(ran.stderr.contains("no model"), "{}", ran.stderr);
}
