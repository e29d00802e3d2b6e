//! Long logs as a model gets them, and what it asks of them afterwards.

use serde_json::{Value, json};

use crate::support::Bench;

fn call(tool: &str, arguments: Value) -> Value {
    json!({"tool": tool, "arguments": arguments})
}

/// What the tools of the last request said, as the model reads it.
fn results(bench: &Bench) -> Vec<String> {
    let requests = bench.scripted().requests();
    let messages = requests.last().unwrap().body["messages"].as_array().unwrap().clone();
    let results = messages.iter().filter(|message| message["role"] == "tool");
    results.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_one_error_in_a_hundred_megabytes_reaches_the_model_and_can_be_read_around() {
    let half =
        "seq -f '2026-01-01T10:00:00Z INFO request %.0f served, errors=0, by worker of pool main' 600000";
    let error = "2026-01-01T10:00:01Z ERROR pool main: lease of shard 7 lost";
    let bench = Bench::new().tools(&[("look", &format!("{half}; echo '{error}'; {half}"))]).model(json!([
        {"call": [call("look", json!({}))]},
        {"call": [
            call("read_exhibit", json!({"id": "E1", "lines": "-2"})),
            call("read_exhibit", json!({"id": "E1", "grep": "lease", "before": 1, "after": 0})),
        ]},
        {"call": [call("answer", json!({
            "root_cause": "the lease was lost", "verdict": "problem_found", "findings": [
                {"claim": "lease lost", "exhibit": "E1", "quote": format!("600001: {error}")},
                {"claim": "lease lost", "exhibit": "E3", "quote": format!("600001: {error}")},
                {"claim": "lease lost", "exhibit": "E1", "quote": format!("600001 | {error}")},
            ],
        }))]},
    ]));
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "-o", "json"]).exits(0);
    let results = results(&bench);
    assert!(results[0].contains(&format!(" 600001 | {error}")), "{}", results[0]);
    assert!(results[0].contains("\n(1200001 lines, 2026-01-01T10:00:00 to "), "{}", results[0]);
    assert!(results[1].contains(" | 1200000: ") && results[1].contains(" | 1200001: "), "{}", results[1]);
    assert!(results[2].contains(" | 600000: "), "{}", results[2]);
    assert!(results[2].contains(&format!(" | 600001: {error}")), "{}", results[2]);
    let json = ran.json().to_string();
    assert_eq!(json.matches("\"verified\":true").count(), 3, "{json}");
}

#[test]
fn jq_reads_fields_of_an_exhibit_and_no_secret_leaves_without_its_name() {
    let secret = json!({"kind": "Secret", "data": {"user": "bWFyaWE4OTk="}});
    let pods = json!({"items": [
        {"n": "a", "r": 7}, {"n": "b", "r": 0}, {"password": "Zq8hunter"}, {"name": "DB_TOKEN", "value": "Zq8token"},
    ]});
    let bench = Bench::new()
        .file("pods.json", pods.to_string())
        .file("secret.json", secret.to_string())
        .tools(&[
            ("pods", "cat \"$HOME/pods.json\""),
            ("secret", "cat \"$HOME/secret.json\""),
            ("text", "echo no json"),
        ])
        .model(json!([
            {"call": [call("pods", json!({})), call("secret", json!({})), call("text", json!({}))]},
            {"call": [
                call("read_exhibit", json!({"id": "E1", "jq": ".items[] | select(.r > 0) | .n # most"})),
                call("read_exhibit", json!({"id": "E1", "jq": "[.items[2].password, .items[3].value] | join(\" \")"})),
                call("read_exhibit", json!({"id": "E2", "jq": ".data.user"})),
                call("read_exhibit", json!({"id": "E3", "jq": ".a"})),
                call("read_exhibit", json!({"id": "E1", "jq": ".items["})),
            ]},
            {"say": "done"},
        ]));
    bench.run(["ask", "why?", "-t", "tools.yaml"]);
    let results = results(&bench);
    assert!(results[3].contains("\n1 | a\n"), "{}", results[3]);
    assert!(results[3].contains("through jq (results, no lines of it)"), "{}", results[3]);
    assert!(results[4].contains("\n1 | <secret> <secret>\n"), "{}", results[4]);
    assert!(results[5].contains("\n1 | <secret>\n"), "{}", results[5]);
    assert!(results[6].contains("is not JSON"), "{}", results[6]);
    assert!(results[7].contains("error: `jq`: jq program: "), "{}", results[7]);
}
