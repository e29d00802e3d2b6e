//! A transcript as the protocol's text, for endpoints that know users and assistants and nothing else.
//!
//! Same transcript, same text: providers cache by prefix. Neighbours of one role become one message, since the
//! templates of many local models refuse two in a row.

use std::fmt::Write as _;

use serde_json::Value;

use super::{CONCLUDES, TOOLS};
use crate::agent::{Arguments, AssistantMessage, Message, ToolSpec};

/// The reminder behind whatever is said to the model later than its question.
const REMINDER: &str = "(Go on with Thought, Action and Action Input, or with Final Answer.)";
/// The same, where no tool can be called any more.
const LAST: &str = "(Write Final Answer now. No more Action.)";

/// Whether a request has anything to do with tools: it offers some, or its transcript holds calls.
#[must_use]
pub fn concerns(messages: &[Message], tools: &[ToolSpec]) -> bool {
    !tools.is_empty()
        || messages.iter().any(|message| match message {
            Message::Assistant(said) => !said.tool_calls.is_empty(),
            Message::Tool { .. } => true,
            Message::System { .. } | Message::User { .. } => false,
        })
}

/// Whether the model was told, after its last words, to act or to answer: then it means what it says.
#[must_use]
pub fn is_nudged(messages: &[Message]) -> bool {
    let questions = messages.iter().filter(|message| matches!(message, Message::User { .. })).count();
    questions > 1 && matches!(messages.last(), Some(Message::User { .. }))
}

/// The protocol's text with these tools in it.
#[must_use]
pub fn catalogue(protocol: &str, tools: &[ToolSpec]) -> String {
    let mut list = String::new();
    for spec in tools.iter().filter(|spec| spec.name != CONCLUDES) {
        describe(&mut list, spec);
    }
    let list = list.trim_end();
    let protocol = protocol.trim();
    if protocol.contains(TOOLS) { protocol.replace(TOOLS, list) } else { format!("{protocol}\n\n{list}") }
}

/// The transcript in the protocol's words. `explained` is the protocol with its tools; `last` says that no tool
/// can be called any more; with `one_voice` the system's words are the user's.
#[must_use]
pub fn speak(messages: &[Message], explained: &str, last: bool, one_voice: bool) -> Vec<Message> {
    let mut out: Vec<Message> = Vec::new();
    let (mut system_seen, mut question_seen) = (false, false);
    for message in messages {
        match message {
            Message::System { text } => {
                let text = if system_seen { text.clone() } else { format!("{text}\n\n{explained}") };
                system_seen = true;
                push(&mut out, if one_voice { Message::User { text } } else { Message::System { text } });
            }
            Message::User { text } => {
                let text = match (question_seen, last) {
                    (false, _) => format!("Question: {text}"),
                    (true, true) => format!("{text}\n{LAST}"),
                    (true, false) => format!("{text}\n{REMINDER}"),
                };
                question_seen = true;
                push(&mut out, Message::User { text });
            }
            Message::Assistant(said) => {
                let text = told(said);
                push(&mut out, Message::Assistant(AssistantMessage { text, ..AssistantMessage::default() }));
            }
            Message::Tool { text, .. } => {
                push(&mut out, Message::User { text: format!("Observation:\n{text}") });
            }
        }
    }
    if !system_seen {
        let text = explained.to_owned();
        let first = if one_voice { Message::User { text } } else { Message::System { text } };
        out.insert(0, first);
    }
    out
}

/// Adds a message to the one before it, where both are the same voice.
fn push(out: &mut Vec<Message>, message: Message) {
    let (before, more) = match (out.last_mut(), &message) {
        (Some(Message::User { text }), Message::User { text: more })
        | (Some(Message::System { text }), Message::System { text: more }) => (text, more),
        (Some(Message::Assistant(said)), Message::Assistant(more)) => (&mut said.text, &more.text),
        _ => {
            out.push(message);
            return;
        }
    };
    before.push_str("\n\n");
    before.push_str(more);
}

/// What the model said, as it should have written it. What a server showed as reasoning is not sent back.
fn told(said: &AssistantMessage) -> String {
    if said.tool_calls.is_empty() {
        return format!("Final Answer:\n{}", said.text);
    }
    let mut text = String::new();
    if !said.text.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "Thought: {}", said.text);
    }
    for call in &said.tool_calls {
        let input = match &call.arguments {
            Arguments::Object(map) => Value::Object(map.clone()).to_string(),
            Arguments::Unreadable(text) => text.clone(),
        };
        let _ = writeln!(text, "Action: {}\nAction Input: {input}", call.tool);
    }
    text.trim_end().to_owned()
}

/// `name(needed, optional?: integer, one?: a|b) What it does`, and a line for each parameter that is explained.
fn describe(out: &mut String, spec: &ToolSpec) {
    let none = serde_json::Map::new();
    let properties = spec.parameters.get("properties").and_then(Value::as_object).unwrap_or(&none);
    let required: Vec<&str> = spec
        .parameters
        .get("required")
        .and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let mut parameters = Vec::new();
    let mut notes = String::new();
    for (name, schema) in properties {
        let optional = if required.contains(&name.as_str()) { "" } else { "?" };
        parameters.push(format!("{name}{optional}{}", kind(schema)));
        if let Some(text) = schema.get("description").and_then(Value::as_str).map(one_line)
            && !text.is_empty()
        {
            let _ = writeln!(notes, "  {name}: {text}");
        }
    }
    let _ = writeln!(out, "- {}({}) {}", spec.name, parameters.join(", "), one_line(&spec.description));
    out.push_str(&notes);
}

/// A type, where it is not just text.
fn kind(schema: &Value) -> String {
    if let Some(choices) = schema.get("enum").and_then(Value::as_array) {
        let choices: Vec<String> =
            choices.iter().map(|one| one.as_str().map_or_else(|| one.to_string(), str::to_owned)).collect();
        return format!(": {}", choices.join("|"));
    }
    let types = match schema.get("type") {
        Some(Value::String(name)) => vec![name.as_str()],
        Some(Value::Array(list)) => {
            list.iter().filter_map(Value::as_str).filter(|name| *name != "null").collect()
        }
        _ => Vec::new(),
    };
    if types.is_empty() || types == ["string"] { String::new() } else { format!(": {}", types.join("|")) }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
