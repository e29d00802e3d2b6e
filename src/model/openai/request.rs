//! A transcript as the JSON of one request. Same transcript, same bytes: providers cache by prefix.

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

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
    let mut messages: Vec<Value> = spoken
        .as_deref()
        .unwrap_or(request.messages)
        .iter()
        .map(|entry| message(entry, quirks, flat))
        .collect();
    if quirks.alternate {
        messages = alternating(messages);
    }
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
    if let Some(most) = request.reply_tokens
        && let Some(name) = quirks.sent_name("max_tokens")
    {
        let configured = ["max_tokens", "max_completion_tokens"]
            .iter()
            .filter_map(|name| settings.extra_body.get(*name).and_then(Value::as_u64));
        body.insert(name, Value::from(configured.chain([most]).min()));
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
        Message::User { text } => json!({"role": "user", "content": something(text)}),
        Message::Assistant(said) if flat => json!({"role": "assistant", "content": told(said)}),
        Message::Assistant(said) => assistant(said, quirks),
        Message::Tool { tool, text, .. } if flat => {
            json!({"role": "user", "content": format!("Result of `{tool}`:\n{text}")})
        }
        Message::Tool { call_id, text, .. } => {
            json!({"role": "tool", "tool_call_id": id(call_id, quirks), "content": something(text)})
        }
    }
}

fn assistant(said: &AssistantMessage, quirks: &Quirks) -> Value {
    let mut message = Map::new();
    message.insert("role".to_owned(), Value::from("assistant"));
    let content = match (said.text.is_empty(), said.tool_calls.is_empty()) {
        // Servers that want a text here are of two minds about an empty one: this one is not.
        (true, false) if quirks.no_null_content => Value::from(" "),
        (true, false) => Value::Null,
        _ => Value::from(something(&said.text)),
    };
    message.insert("content".to_owned(), content);
    if !said.tool_calls.is_empty() {
        let calls: Vec<Value> = said
            .tool_calls
            .iter()
            .map(|call| {
                let mut made = Map::new();
                made.insert("id".to_owned(), Value::from(id(&call.id, quirks)));
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
    if let Some(field) = quirks.thoughts
        && !message.contains_key(field)
        && !quirks.dropped.contains(field)
    {
        // Kimi takes neither an absent nor an empty one, also for a turn without thoughts.
        let text = if said.reasoning.is_empty() { " " } else { said.reasoning.as_str() };
        let thoughts = match field {
            "reasoning_details" => json!([{"type": "reasoning.text", "text": text}]),
            _ => Value::from(text),
        };
        message.insert(field.to_owned(), thoughts);
    }
    Value::Object(message)
}

/// Plain thoughts go back only where they are asked for: they cost tokens, and some endpoints refuse
/// them. What is signed or encrypted is for the server alone, and it does go back.
fn echo(into: &mut Map<String, Value>, fields: &Map<String, Value>, quirks: &Quirks) {
    for (name, value) in fields {
        let is_thought = name.starts_with("reasoning") || name == "thinking_blocks";
        let wanted = !is_thought || quirks.thoughts.is_some() || is_signed(value);
        if wanted && !quirks.dropped.contains(name) {
            into.entry(name).or_insert_with(|| value.clone());
        }
    }
}

fn is_signed(value: &Value) -> bool {
    match value {
        Value::Object(map) => map.iter().any(|(key, value)| {
            matches!(key.as_str(), "signature" | "data" | "encrypted_content")
                && value.as_str().is_some_and(|text| !text.is_empty())
                || is_signed(value)
        }),
        Value::Array(list) => list.iter().any(is_signed),
        _ => false,
    }
}

/// Some endpoints refuse an empty text.
fn something(text: &str) -> &str {
    if text.trim().is_empty() { "(empty)" } else { text }
}

/// An id as the endpoint takes it: nine letters and digits, the same for the same id.
fn id(id: &str, quirks: &Quirks) -> String {
    if !quirks.short_ids || (id.len() == 9 && id.bytes().all(|byte| byte.is_ascii_alphanumeric())) {
        return id.to_owned();
    }
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    let mut rest = hasher.finish();
    let mut digits = String::new();
    while digits.len() < 9 {
        digits.extend(u32::try_from(rest % 36).ok().and_then(|digit| char::from_digit(digit, 36)));
        rest /= 36;
    }
    digits
}

/// Turns of one side in a row made one; a person's words after a tool's result become its last lines.
fn alternating(messages: Vec<Value>) -> Vec<Value> {
    let mut turns: Vec<Value> = Vec::new();
    for mut message in messages {
        // Only the first message may be the system's.
        if !turns.is_empty() && matches!(role(&message), "system" | "developer") {
            message["role"] = Value::from("user");
        }
        let joined = turns.last_mut().is_some_and(|last| {
            let same = role(last) == role(&message) && matches!(role(last), "user" | "assistant");
            let after_tool = role(last) == "tool" && role(&message) == "user";
            let plain = last.get("tool_calls").is_none();
            let texts = last["content"].as_str().zip(message["content"].as_str());
            let Some((before, more)) = texts.filter(|_| (same && plain) || after_tool) else {
                return false;
            };
            let mut whole = message.clone();
            whole["content"] = Value::from(format!("{before}\n\n{more}"));
            if after_tool {
                last["content"] = whole["content"].take();
            } else {
                *last = whole;
            }
            true
        });
        if !joined {
            turns.push(message);
        }
    }
    turns
}

fn role(message: &Value) -> &str {
    message.get("role").and_then(Value::as_str).unwrap_or_default()
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
    let is_bare = parameters.get("properties").and_then(Value::as_object).is_none_or(Map::is_empty);
    if quirks.no_empty_schema && is_bare {
        return json!({"type": "function", "function": {"name": spec.name, "description": spec.description}});
    }
    json!({
        "type": "function",
        "function": {
            "name": spec.name,
            "description": spec.description,
            "parameters": parameters,
        }
    })
}
