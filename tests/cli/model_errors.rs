//! Endpoints as they misbehave: one line that says what to change, and the exit code of the contract.

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

fn ask(reply: Value) -> Ran {
    Bench::new().model(json!([reply])).run(["ask", "why?", "--timeout", "20s"])
}

fn one_line_error(ran: &Ran, words: &[&str]) {
    let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("error: ")).collect();
    assert_eq!(errors.len(), 1, "{}", ran.stderr);
    for word in words {
        assert!(ran.stderr.contains(word), "`{word}` is missing in: {}", ran.stderr);
    }
    assert_eq!(ran.stdout, "");
    assert!(!ran.stderr.contains("sk-test-0123456789abcdef"));
}

#[test]
fn credentials_and_names_are_configuration() {
    let body = json!({"error": {"message": "Incorrect API key provided: sk-test-0123456789abcdef", "code": "invalid_api_key"}});
    one_line_error(&ask(json!({"status": 401, "body": body})).exits(3), &["OPENAI_API_KEY"]);
    one_line_error(
        &ask(json!({"status": 403, "body": {"error": {"message": "no access"}}})).exits(3),
        &["no access"],
    );
    let body = json!({"error": {"message": "The model `scripted` does not exist"}});
    one_line_error(&ask(json!({"status": 404, "body": body})).exits(3), &["does not exist"]);
}

#[test]
fn nothing_listens() {
    let ran = Bench::new()
        .env("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        .env("MODEL", "m")
        .run(["ask", "why?"])
        .exits(4);
    one_line_error(&ran, &["127.0.0.1:9", "OPENAI_API_BASE"]);
}

#[test]
fn a_login_page_is_told_from_an_answer() {
    let page =
        json!({"status": 200, "headers": {"content-type": "text/html"}, "body": "<html>Sign in</html>"});
    let ran = ask(page);
    assert!(matches!(ran.code, Some(3 | 4)), "{}", ran.stderr);
    one_line_error(&ran, &["HTML"]);
}

#[test]
fn an_overloaded_endpoint_is_tried_again() {
    let bench = Bench::new().model(json!([
        {"status": 429, "headers": {"retry-after": "0.01"}, "body": {"error": {"message": "slow down"}}},
        {"status": 503, "body": "upstream connect error"},
        {"say": "done"},
    ]));
    let ran = bench.run(["ask", "why?"]).exits(0);
    assert!(ran.stdout.starts_with("done"));
    assert!(ran.stderr.contains("429"), "{}", ran.stderr);
    assert_eq!(bench.scripted().requests().len(), 3);
}

#[test]
fn a_dead_endpoint_can_fall_back_to_the_rules() {
    let bench = Bench::new()
        .file("app.log", "ok\nFATAL: could not bind to 0.0.0.0:8080: Address already in use\n")
        .env("OPENAI_API_BASE", "http://127.0.0.1:9/v1")
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef");
    let ran = bench.run(["ask", "why?", "-f", "app.log", "--no-llm-fallback"]).exits(0);
    assert!(ran.stdout.contains("8080"), "{}", ran.stdout);
}
