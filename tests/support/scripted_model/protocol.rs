//! The rules a client keeps, whatever the server does.

use std::collections::{HashSet, VecDeque};

use serde_json::Value;

use super::Recorded;

/// What in a request is against the protocol, one sentence each.
pub fn violations(request: &Recorded) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            found.push(what);
        }
    };
    check(request.method == "POST", format!("method is {}", request.method));
    let content_type = request.header("content-type").unwrap_or_default();
    check(content_type.starts_with("application/json"), format!("content type is `{content_type}`"));
    check(
        request.body["model"].as_str().is_some_and(|model| !model.is_empty()),
        "`model` is missing".to_owned(),
    );
    if let Some(tools) = request.body.get("tools") {
        let names: Vec<&str> = tools
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| tool["function"]["name"].as_str())
            .collect();
        check(!names.is_empty(), "`tools` is empty".to_owned());
        let distinct: HashSet<&&str> = names.iter().collect();
        check(distinct.len() == names.len(), format!("tool names repeat: {names:?}"));
    }
    let messages = request.body["messages"].as_array().cloned().unwrap_or_default();
    check(!messages.is_empty(), "`messages` is empty".to_owned());
    found.extend(conversation(&messages));
    found
}

/// Each call answered exactly once, at once and in order; no answer without a call.
fn conversation(messages: &[Value]) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |holds: bool, what: String| {
        if !holds {
            found.push(what);
        }
    };
    let mut ids = HashSet::new();
    // Calls that wait for their answer, in order.
    let mut open: VecDeque<String> = VecDeque::new();
    for (at, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        let content = &message["content"];
        if role == "tool" {
            let id = message["tool_call_id"].as_str().unwrap_or_default().to_owned();
            check(
                open.front() == Some(&id),
                format!("message {at} answers `{id}` where `{:?}` waits", open.front()),
            );
            open.retain(|waiting| *waiting != id);
            check(content.is_string(), format!("message {at}: a tool's content is no text"));
            continue;
        }
        check(open.is_empty(), format!("message {at} comes before the answer to {open:?}"));
        open.clear();
        match role {
            "system" | "developer" | "user" => {
                check(content.is_string() || content.is_array(), format!("message {at} has no content"));
            }
            "assistant" => {
                let calls = message["tool_calls"].as_array().cloned().unwrap_or_default();
                check(
                    !calls.is_empty() || content.is_string(),
                    format!("message {at} has neither content nor calls"),
                );
                check(
                    message.get("tool_calls").is_none() || !calls.is_empty(),
                    format!("message {at}: `tool_calls` is empty"),
                );
                for call in calls {
                    let id = call["id"].as_str().unwrap_or_default().to_owned();
                    check(!id.is_empty(), format!("message {at}: a call has no id"));
                    check(ids.insert(id.clone()), format!("message {at}: id `{id}` repeats"));
                    check(call["type"] == "function", format!("message {at}: call type {}", call["type"]));
                    let arguments = call["function"]["arguments"].as_str().unwrap_or_default();
                    let is_object =
                        serde_json::from_str::<Value>(arguments).is_ok_and(|value| value.is_object());
                    check(is_object, format!("message {at}: arguments are no object: {arguments}"));
                    open.push_back(id);
                }
            }
            other => check(false, format!("message {at} has the role `{other}`")),
        }
    }
    check(open.is_empty(), format!("calls without an answer: {open:?}"));
    found
}
