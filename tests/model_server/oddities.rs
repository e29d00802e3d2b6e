//! Answers that are not what OpenAI sends, whole and as the one chunk of a stream.

use serde_json::{Value, json};

use crate::bench::{Turn, turn};

/// What a message must come to.
struct Case {
    name: &'static str,
    /// The `choices[0].message` of the answer.
    message: Value,
    text: &'static str,
    calls: Vec<(&'static str, Value)>,
}

fn case(name: &'static str, message: Value, text: &'static str, calls: &[(&'static str, Value)]) -> Case {
    Case { name, message, text, calls: calls.to_vec() }
}

fn call(arguments: impl Into<Value>) -> Value {
    json!({"content": null, "tool_calls": [{"id": "a", "type": "function",
        "function": {"name": "kubectl_get", "arguments": arguments.into()}}]})
}

fn cases() -> Vec<Case> {
    let pods = || json!({"kind": "pods"});
    let get = |arguments: Value| ("kubectl_get", arguments);
    vec![
        case(
            "content as parts",
            json!({"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}),
            "ab",
            &[],
        ),
        case("content as one part", json!({"content": {"type": "text", "text": "a"}}), "a", &[]),
        case("a refusal", json!({"content": null, "refusal": "No."}), "No.", &[]),
        case(
            "thinking part",
            json!({"content": [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "a"}]}),
            "a",
            &[],
        ),
        case("arguments as object", call(pods()), "", &[get(pods())]),
        case("arguments encoded twice", call(json!("\"{\\\"kind\\\": \\\"pods\\\"}\"")), "", &[get(pods())]),
        case("arguments empty", call(json!("")), "", &[get(json!({}))]),
        case("arguments null", call(Value::Null), "", &[get(json!({}))]),
        case(
            "arguments with trailing text",
            call(json!("{\"kind\": \"pods\"} Let me look")),
            "",
            &[get(pods())],
        ),
        case("arguments cut off", call(json!("{\"kind\": \"po")), "", &[get(json!("{\"kind\": \"po"))]),
        case(
            "no type, no id, no index",
            json!({"tool_calls": [{"function": {"name": "kubectl_get", "arguments": "{\"kind\": \"pods\"}"}}]}),
            "",
            &[get(pods())],
        ),
        case(
            "a flat call",
            json!({"tool_calls": [{"name": "kubectl_get", "arguments": {"kind": "pods"}}]}),
            "",
            &[get(pods())],
        ),
        case(
            "one call that is no list",
            json!({"tool_calls": {"id": "a", "function": {"name": "kubectl_get", "arguments": "{}"}}}),
            "",
            &[get(json!({}))],
        ),
        case("tool_calls null", json!({"content": "a", "tool_calls": null}), "a", &[]),
        case(
            "a nameless call",
            json!({"content": "a", "tool_calls": [{"function": {"arguments": "{}"}}]}),
            "a",
            &[],
        ),
        case(
            "a dummy function_call",
            json!({"function_call": {"name": "", "arguments": ""}, "tool_calls": [{"id": "a", "function": {"name": "kubectl_get", "arguments": "{}"}}]}),
            "",
            &[get(json!({}))],
        ),
        case(
            "another function_call beside real calls",
            json!({"function_call": {"name": "dummy", "arguments": "{}"}, "tool_calls": [{"id": "a", "function": {"name": "kubectl_get", "arguments": "{}"}}]}),
            "",
            &[get(json!({}))],
        ),
        case(
            "only function_call",
            json!({"content": null, "function_call": {"name": "kubectl_get", "arguments": "{\"kind\": \"pods\"}"}}),
            "",
            &[get(pods())],
        ),
        case(
            "the same call twice",
            json!({"tool_calls": [{"id": "a", "function": {"name": "kubectl_get", "arguments": "{}"}}, {"id": "a", "function": {"name": "kubectl_get", "arguments": "{}"}}]}),
            "",
            &[get(json!({}))],
        ),
        case(
            "one id for two calls",
            json!({"tool_calls": [{"id": "a", "function": {"name": "kubectl_get", "arguments": "{}"}}, {"id": "a", "function": {"name": "kubectl_logs", "arguments": "{}"}}]}),
            "",
            &[get(json!({})), ("kubectl_logs", json!({}))],
        ),
        case(
            "a call in tags",
            json!({"content": "Look.\n<tool_call>{\"name\": \"kubectl_get\", \"arguments\": {\"kind\": \"pods\"}}</tool_call>"}),
            "Look.",
            &[get(pods())],
        ),
        case(
            "a call in a fence",
            json!({"content": "Look.\n```json\n{\"name\": \"kubectl_get\", \"arguments\": {\"kind\": \"pods\"}}\n```"}),
            "Look.",
            &[get(pods())],
        ),
        case(
            "a call in ReAct lines",
            json!({"content": "Look.\nAction: kubectl_get\nAction Input: {\"kind\": \"pods\"}"}),
            "Look.",
            &[get(pods())],
        ),
        case(
            "an unknown tool in a fence",
            json!({"content": "```json\n{\"name\": \"rm\", \"arguments\": {}}\n```"}),
            "```json\n{\"name\": \"rm\", \"arguments\": {}}\n```",
            &[],
        ),
    ]
}

fn check(case: &Case, turn: &Turn, how: &str) {
    let reply = turn.reply();
    assert_eq!(reply.message.text, case.text, "{} {how}", case.name);
    let calls = turn.calls();
    let got: Vec<(&str, Value)> = calls.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    assert_eq!(got, case.calls, "{} {how}", case.name);
    let mut ids: Vec<&str> = reply.message.tool_calls.iter().map(|call| call.id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), calls.len(), "{} {how}: ids repeat", case.name);
    assert!(!ids.contains(&""), "{} {how}: an id is empty", case.name);
    assert_eq!(turn.violations, [""; 0], "{} {how}", case.name);
    assert_eq!(turn.requests.len(), 1, "{} {how}", case.name);
}

#[test]
fn messages_of_every_form_are_understood() {
    for case in cases() {
        // Nothing but the choice: no id, object, created, model, usage, index, finish reason.
        let whole = json!({"choices": [{"message": case.message}]});
        check(&case, &turn(&json!([{"json": whole}]), false), "whole");
        check(&case, &turn(&json!([{"json": whole}]), true), "whole to a stream request");
        let chunk = json!({"choices": [{"delta": case.message, "finish_reason": "eos"}]});
        let events = format!("data: {chunk}\n\ndata: [DONE]\n\n");
        check(&case, &turn(&json!([{"stream_chunks": [events]}]), true), "streamed");
        check(&case, &turn(&json!([{"stream_chunks": [events]}]), false), "streamed unasked");
    }
}

#[test]
fn odd_envelopes_are_understood() {
    let message = json!({"content": "fine"});
    for envelope in [
        json!({"choices": [{"message": message, "finish_reason": "end_turn", "index": "0"}], "created": 1.5, "usage": null}),
        json!({"choices": [{"message": message}], "error": null, "service_tier": "on_demand"}),
        json!({"choices": [{"message": message}], "error": {}, "usage": {"prompt_tokens": "many"}}),
        json!([{"choices": [{"message": message}]}]),
        json!({"choices": [{"index": 3, "message": message}]}),
        json!({"choices": [{"index": 0, "text": "fine", "finish_reason": "stop"}]}),
        json!({"model": "x", "message": {"role": "assistant", "content": "fine"}, "done": true, "done_reason": "stop", "prompt_eval_count": 3, "eval_count": 4}),
        json!({"choices": [{"message": message}, {"index": 1, "message": {"content": "other"}}]}),
    ] {
        for stream in [false, true] {
            let turn = turn(&json!([{"json": envelope}]), stream);
            assert_eq!(turn.reply().message.text, "fine", "{envelope}");
        }
    }
    let pretty = serde_json::to_string_pretty(&json!({"choices": [{"message": message}]})).unwrap();
    assert_eq!(
        turn(&json!([{"json": format!("\u{feff}\n{pretty}\r\n")}]), true).reply().message.text,
        "fine"
    );
}

#[test]
fn thoughts_are_kept_apart_wherever_they_stand() {
    for message in [
        json!({"content": "yes", "reasoning_content": "hm"}),
        json!({"content": "yes", "reasoning": "hm"}),
        json!({"content": "yes", "reasoning": "hm", "reasoning_content": "hm"}),
        json!({"content": "<think>hm</think>\n\nyes"}),
        json!({"content": "hm</think>\n\nyes"}),
        json!({"content": "<think>hm</think>", "refusal": "yes"}),
    ] {
        for stream in [false, true] {
            let turn = turn(&json!([{"json": {"choices": [{"message": message}]}}]), stream);
            let reply = &turn.reply().message;
            assert_eq!((reply.text.as_str(), reply.reasoning.as_str()), ("yes", "hm"), "{message}");
        }
    }
}

#[test]
fn usage_and_cost_are_read_under_every_name() {
    for (usage, want) in [
        (
            json!({"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 2}}),
            (7, 3, 2),
        ),
        (json!({"prompt_tokens": 7.0, "completion_tokens": "3", "prompt_cache_hit_tokens": 2}), (7, 3, 2)),
        (json!({"input_tokens": 7, "output_tokens": 3, "cache_read_input_tokens": 2}), (7, 3, 2)),
        (json!({"prompt_tokens": 7, "completion_tokens": null, "prompt_tokens_details": null}), (7, 0, 0)),
        (json!({"prompt_tokens": -7, "completion_tokens": 1e300}), (0, 0, 0)),
    ] {
        let whole = json!({"choices": [{"message": {"content": "a"}}], "usage": usage});
        let got = turn(&json!([{"json": whole}]), false).reply().usage;
        assert_eq!((got.prompt_tokens, got.completion_tokens, got.cached_tokens), want, "{usage}");
    }
    let whole =
        json!({"choices": [{"message": {"content": "a"}}], "usage": {"prompt_tokens": 1, "cost": 0.25}});
    assert_eq!(turn(&json!([{"json": whole}]), false).reply().cost, Some(0.25));
}

#[test]
fn empty_answers_are_asked_for_again_and_then_given_up() {
    for empty in [
        json!({"choices": []}),
        json!({"choices": null}),
        json!({}),
        json!({"choices": [{"message": {"content": ""}, "finish_reason": "stop"}]}),
        json!({"choices": [{"message": null}]}),
    ] {
        let again = turn(&json!([{"json": empty}, {"say": "here"}]), true);
        assert_eq!(again.reply().message.text, "here", "{empty}");
        assert_eq!(again.retries.len(), 1, "{empty}");
        let never = turn(&json!([{"json": empty, "repeat": true}]), false);
        assert!(never.error().message.contains("empty answer"), "{:?}", never.error());
        assert_eq!(never.requests.len(), 4, "{empty}");
    }
}
