//! A transcript as the JSON of one request. Same transcript, same bytes: providers cache by prefix.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::quirks::{Quirks, SystemRole};
use super::settings::Settings;
use super::strict::strict;
use crate::agent::{Arguments, AssistantMessage, Message, ToolSpec};
use crate::model::{Request, react};

/// The body, without what this endpoint is known to refuse. With `protocol` tool calls go as text that it explains.
pub(super) fn body(
    settings: &Settings,
    quirks: &Quirks,
    request: Request<'_>,
    protocol: Option<&str>,
) -> Value {
    let mut body = Map::new();
    body.insert("model".to_owned(), Value::from(settings.model.as_str()));
    let flat = quirks.flat_history(request.tools.is_empty());
    let one_voice = quirks.system == SystemRole::User;
    let spoken = protocol
        .map(|protocol| react::speak(request.messages, protocol, request.tools.is_empty(), one_voice));
    let messages: Vec<Value> = spoken
        .as_deref()
        .unwrap_or(request.messages)
        .iter()
        .map(|entry| message(entry, quirks, flat))
        .collect();
    body.insert("messages".to_owned(), Value::from(messages));
    if !request.tools.is_empty() && !quirks.no_tools {
        let tools: Vec<Value> =
            request.tools.iter().map(|spec| tool(spec, quirks, settings.strict_tools)).collect();
        body.insert("tools".to_owned(), Value::from(tools));
    }
    // The last answer may use the word as it likes.
    if protocol.is_some() && !request.tools.is_empty() && !quirks.dropped.contains("stop") {
        body.insert("stop".to_owned(), json!(react::STOP));
    }
    let stream = request.stream && !quirks.no_stream;
    body.insert("stream".to_owned(), Value::from(stream));
    if stream && !quirks.no_stream_options {
        body.insert("stream_options".to_owned(), json!({"include_usage": true}));
    }
    for (name, value) in &settings.extra_body {
        if let Some(name) = quirks.sent_name(name) {
            // What was decided above is not a setting.
            body.entry(name).or_insert_with(|| value.clone());
        }
    }
    Value::Object(body)
}

fn message(entry: &Message, quirks: &Quirks, flat: bool) -> Value {
    match entry {
        Message::System { text } => {
            let role = match quirks.system {
                SystemRole::System => "system",
                SystemRole::Developer => "developer",
                SystemRole::User => "user",
            };
            json!({"role": role, "content": text})
        }
        Message::User { text } => json!({"role": "user", "content": text}),
        Message::Assistant(said) if flat => json!({"role": "assistant", "content": told(said)}),
        Message::Assistant(said) => assistant(said, quirks),
        Message::Tool { tool, text, .. } if flat => {
            json!({"role": "user", "content": format!("Result of `{tool}`:\n{text}")})
        }
        Message::Tool { call_id, text, .. } => {
            json!({"role": "tool", "tool_call_id": call_id, "content": text})
        }
    }
}

fn assistant(said: &AssistantMessage, quirks: &Quirks) -> Value {
    let mut message = Map::new();
    message.insert("role".to_owned(), Value::from("assistant"));
    let content = if said.text.is_empty() && !said.tool_calls.is_empty() {
        Value::Null
    } else {
        Value::from(said.text.as_str())
    };
    message.insert("content".to_owned(), content);
    if !said.tool_calls.is_empty() {
        let calls: Vec<Value> = said
            .tool_calls
            .iter()
            .map(|call| {
                let mut made = Map::new();
                made.insert("id".to_owned(), Value::from(call.id.as_str()));
                made.insert("type".to_owned(), Value::from("function"));
                let function = json!({"name": call.tool, "arguments": arguments(&call.arguments)});
                made.insert("function".to_owned(), function);
                echo(&mut made, &call.echo, quirks);
                Value::Object(made)
            })
            .collect();
        message.insert("tool_calls".to_owned(), Value::from(calls));
    }
    echo(&mut message, &said.echo, quirks);
    Value::Object(message)
}

fn echo(into: &mut Map<String, Value>, fields: &Map<String, Value>, quirks: &Quirks) {
    for (name, value) in fields {
        if !quirks.dropped.contains(name) {
            into.entry(name).or_insert_with(|| value.clone());
        }
    }
}

/// Always the text of a JSON object: some servers parse what they are given back and fail on less.
fn arguments(arguments: &Arguments) -> String {
    match arguments {
        Arguments::Object(map) => Value::Object(map.clone()).to_string(),
        Arguments::Unreadable(text) => json!({"unreadable": text}).to_string(),
    }
}

/// An assistant's turn for an endpoint that knows no tool calls.
fn told(said: &AssistantMessage) -> String {
    let mut text = said.text.clone();
    for call in &said.tool_calls {
        if !text.is_empty() {
            text.push('\n');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "Called `{}` with {}", call.tool, arguments(&call.arguments));
    }
    text
}

fn tool(spec: &ToolSpec, quirks: &Quirks, strictly: bool) -> Value {
    let strict = strictly.then(|| strict(&spec.parameters)).flatten();
    if let Some(mut parameters) = strict {
        let whole = parameters.clone();
        quirks.strip_schema(&mut parameters);
        // What an endpoint makes us leave out, strict schemas cannot do without.
        if parameters == whole && !quirks.refuses_keyword("strict") {
            return json!({
                "type": "function",
                "function": {
                    "name": spec.name,
                    "description": spec.description,
                    "strict": true,
                    "parameters": parameters,
                }
            });
        }
    }
    let mut parameters = spec.parameters.clone();
    quirks.strip_schema(&mut parameters);
    json!({
        "type": "function",
        "function": {
            "name": spec.name,
            "description": spec.description,
            "parameters": parameters,
        }
    })
}
