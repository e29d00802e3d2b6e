//! `say` and `call` in the forms a correct server gives them.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::Recorded;

fn usage_of(reply: &Value, settings: &Value) -> Value {
    let usual = json!({"prompt_tokens": 100, "completion_tokens": 10, "total_tokens": 110});
    reply.get("usage").or_else(|| settings.get("usage")).cloned().unwrap_or(usual)
}

fn finish_of(reply: &Value) -> Value {
    let usual = if reply.get("call").is_some() { "tool_calls" } else { "stop" };
    reply.get("finish_reason").cloned().unwrap_or_else(|| Value::from(usual))
}

/// The scripted calls in wire form. `number` of the request makes their ids unique.
fn calls_of(reply: &Value, number: usize) -> Vec<Value> {
    let calls = reply.get("call").and_then(Value::as_array).cloned().unwrap_or_default();
    calls
        .iter()
        .enumerate()
        .map(|(index, call)| {
            let usual = || Value::from(format!("scripted_{number}_{index}"));
            let id = call.get("id").cloned().unwrap_or_else(usual);
            let arguments = match call.get("arguments") {
                Some(Value::String(text)) => text.clone(),
                Some(value) => value.to_string(),
                None => "{}".to_owned(),
            };
            json!({"index": index, "id": id, "type": "function",
                "function": {"name": call["tool"], "arguments": arguments}})
        })
        .collect()
}

pub fn completion(reply: &Value, settings: &Value, number: usize) -> Value {
    let mut message =
        json!({"role": "assistant", "content": reply.get("say").cloned().unwrap_or(Value::Null)});
    if let Some(reasoning) = reply.get("reasoning") {
        message["reasoning_content"] = reasoning.clone();
    }
    let calls = calls_of(reply, number);
    if !calls.is_empty() {
        message["tool_calls"] = Value::from(calls);
    }
    json!({
        "id": "chatcmpl-scripted", "object": "chat.completion", "created": 1, "model": "scripted",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_of(reply)}],
        "usage": usage_of(reply, settings),
    })
}

pub fn events(reply: &Value, request: &Recorded, settings: &Value, number: usize) -> String {
    let mut out = String::new();
    let mut push = |delta: Value, finish: Value, usage: Value| {
        let mut chunk = json!({
            "id": "chatcmpl-scripted", "object": "chat.completion.chunk", "created": 1, "model": "scripted",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        });
        if !usage.is_null() {
            chunk["choices"] = json!([]);
            chunk["usage"] = usage;
        }
        let _ = write!(out, "data: {chunk}\n\n");
    };
    push(json!({"role": "assistant", "content": ""}), Value::Null, Value::Null);
    if let Some(reasoning) = reply.get("reasoning").and_then(Value::as_str) {
        push(json!({"reasoning_content": reasoning}), Value::Null, Value::Null);
    }
    for word in reply.get("say").and_then(Value::as_str).unwrap_or_default().split_inclusive(' ') {
        push(json!({"content": word}), Value::Null, Value::Null);
    }
    for mut call in calls_of(reply, number) {
        let arguments = call["function"]["arguments"].as_str().unwrap_or_default().to_owned();
        let index = call["index"].clone();
        call["function"]["arguments"] = Value::from("");
        push(json!({"tool_calls": [call]}), Value::Null, Value::Null);
        let letters: Vec<char> = arguments.chars().collect();
        for piece in letters.chunks(7) {
            let piece: String = piece.iter().collect();
            let call = json!({"index": index, "function": {"arguments": piece}});
            push(json!({"tool_calls": [call]}), Value::Null, Value::Null);
        }
    }
    push(json!({}), finish_of(reply), Value::Null);
    let wants_usage = request.body.pointer("/stream_options/include_usage") == Some(&Value::Bool(true));
    let usage = usage_of(reply, settings);
    if wants_usage && !usage.is_null() {
        push(json!({}), Value::Null, usage);
    }
    out.push_str("data: [DONE]\n\n");
    out
}
