//! `model check` against servers that can and cannot.

use serde_json::{Value, json};

use crate::support::Bench;

fn checked(scenario: Value) -> (Bench, Value, String) {
    let bench = Bench::new().model(scenario);
    let ran = bench.run(["model", "check", "-o", "json"]).exits(0);
    let found = ran.json();
    (bench, found, ran.stderr)
}

fn probe() -> Value {
    json!({"call": [{"tool": "probe", "arguments": {"thing": "disk"}}]})
}

#[test]
fn a_good_endpoint_passes_every_check() {
    let models = json!({"data": [{"id": "scripted", "max_model_len": 32_768}]});
    let (bench, found, _) =
        checked(json!({"models": models, "replies": [{"say": "rea dy"}, probe(), {"say": "full"}]}));
    assert_eq!(found["window"], 32_768);
    assert_eq!(found["window_from"], "`/models`");
    assert_eq!((&found["streaming"], &found["tools"]), (&json!(true), &json!("native")));
    assert!(found["answers"].is_number() && found["results"].is_number(), "{found}");
    assert!(found["address"].as_str().unwrap().ends_with("/v1/chat/completions"), "{found}");
    assert!(found.get("learned").is_none(), "{found}");
    assert_eq!(bench.scripted().requests().len(), 3);
}

#[test]
fn what_an_endpoint_cannot_do_is_said() {
    let refuses = json!({"status": 400, "body": {"error": {"message": "This model does not support tools"}}});
    let streamless = json!({"status": 400, "body": {"error": {"message": "Unsupported value: 'stream'", "param": "stream"}}});
    let (_, found, _) = checked(json!([streamless, {"say": "ready"}, refuses, {"say": "no"}]));
    assert_eq!((&found["streaming"], &found["tools"]), (&json!(false), &json!("refused")));
    assert_eq!(found["learned"].as_array().map(Vec::len), Some(2), "{found}");
    assert_eq!(found["window"], Value::Null);
    let written = "<tool_call>{\"name\": \"probe\", \"arguments\": {\"thing\": \"disk\"}}</tool_call>";
    let (_, found, _) = checked(json!([{"say": "ready"}, {"say": written}, {"say": "full"}]));
    assert_eq!(found["tools"], "text");
    let (_, found, _) = checked(json!([{"say": "ready"}, {"say": "I would rather not."}]));
    assert_eq!(found["tools"], "none");
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
