//! Pieces of an answer put together: chunks of a stream, or one whole answer, into one reply.
//!
//! Everything is read from loose JSON. Servers leave out, rename or mistype every single field, and
//! an answer that can be understood must not be lost over its form.

use serde_json::{Map, Value};

use super::calls::Calls;
use super::splitter::{Part, Splitter};
use super::usage;
use crate::agent::{Message, ToolSpec};
use crate::model::{Delta, Reply, text_calls};

/// Message fields that servers want back with the transcript: thought signatures and the like.
const ECHOED: &[&str] = &[
    "extra_content",
    "reasoning_content",
    "reasoning_details",
    "thinking_blocks",
    "provider_specific_fields",
];

#[derive(Debug, Default)]
pub(super) struct Assembly {
    splitter: Splitter,
    text: String,
    reasoning: String,
    refusal: String,
    calls: Calls,
    echo: Map<String, Value>,
    usage: usage::Counted,
    finish: String,
    /// A whole message came, which needs no finish to be complete.
    whole: bool,
    /// Something of an answer came, be it empty.
    chosen: Option<u64>,
}

/// What pieces are for.
pub(super) type Listener<'a> = dyn FnMut(Delta<'_>) + 'a;

impl Assembly {
    /// Takes one chunk or answer.
    ///
    /// # Errors
    /// The error object, where there is one in place of an answer.
    pub(super) fn take(&mut self, value: &Value, listener: &mut Listener<'_>) -> Result<(), Value> {
        // Some gateways answer with a list of one.
        if let Value::Array(list) = value {
            return list.iter().try_for_each(|value| self.take(value, listener));
        }
        if let Some(error) = error_in(value) {
            return Err(error);
        }
        self.usage.take(value);
        let choices = value.get("choices").and_then(Value::as_array);
        for choice in choices.into_iter().flatten() {
            if let Some(error) = error_in(choice) {
                return Err(error);
            }
            let index = choice.get("index").and_then(Value::as_u64).unwrap_or(0);
            // More than one answer was never asked for; the first is as good as any.
            if *self.chosen.get_or_insert(index) == index {
                self.usage.take(choice);
                self.choice(choice, listener);
            }
        }
        // Ollama's own format, from proxies that translate only half.
        if choices.is_none() && value.get("message").is_some_and(Value::is_object) {
            self.chosen.get_or_insert(0);
            self.choice(value, listener);
        }
        Ok(())
    }

    fn choice(&mut self, choice: &Value, listener: &mut Listener<'_>) {
        let object = |name: &str| choice.get(name).filter(|value| value.is_object());
        let delta = object("delta").filter(|delta| delta.as_object().is_some_and(|map| !map.is_empty()));
        if let Some(delta) = delta {
            self.piece(delta, false, listener);
        } else if let Some(message) = object("message") {
            // A last chunk may repeat what its stream has already told.
            if self.is_empty() {
                self.piece(message, true, listener);
            }
            self.whole = true;
        } else if let Some(text) = choice.get("text").and_then(Value::as_str) {
            self.say(text, listener);
        }
        for name in ["finish_reason", "done_reason"] {
            if let Some(reason) = choice.get(name).and_then(Value::as_str)
                && !reason.is_empty()
            {
                reason.clone_into(&mut self.finish);
            }
        }
    }

    fn piece(&mut self, piece: &Value, whole: bool, listener: &mut Listener<'_>) {
        // One of them; where both are sent they say the same.
        let thought = ["reasoning_content", "reasoning", "thinking"]
            .iter()
            .filter_map(|name| piece.get(*name))
            .map(plain)
            .find(|text| !text.is_empty());
        if let Some(thought) = thought {
            self.think(&thought, listener);
        }
        match piece.get("content") {
            Some(Value::Array(parts)) => {
                for part in parts {
                    let kind = part.get("type").and_then(Value::as_str).unwrap_or_default();
                    if kind.contains("think") || kind.contains("reason") {
                        self.think(&plain(part), listener);
                    } else {
                        self.say(&plain(part), listener);
                    }
                }
            }
            Some(content) => self.say(&plain(content), listener),
            None => {}
        }
        if let Some(refusal) = piece.get("refusal").and_then(Value::as_str) {
            self.refusal.push_str(refusal);
        }
        for name in ECHOED {
            if let Some(value) = piece.get(*name).filter(|value| !is_nothing(value)) {
                merge(self.echo.entry(*name).or_insert(Value::Null), value);
            }
        }
        self.calls.take(piece, whole);
    }

    fn say(&mut self, piece: &str, listener: &mut Listener<'_>) {
        let mut splitter = std::mem::take(&mut self.splitter);
        splitter.feed(piece, &mut |part, text| self.part(part, text, listener));
        self.splitter = splitter;
    }

    fn think(&mut self, piece: &str, listener: &mut Listener<'_>) {
        self.part(Part::Thought, piece, listener);
    }

    fn part(&mut self, part: Part, text: &str, listener: &mut Listener<'_>) {
        match part {
            Part::Text => {
                // What follows a thought begins with empty lines.
                let shown = if self.text.is_empty() { text.trim_start() } else { text };
                self.text.push_str(shown);
                if !shown.is_empty() {
                    listener(Delta::Text(shown));
                }
            }
            Part::Call => self.text.push_str(text),
            Part::Thought => {
                self.reasoning.push_str(text);
                if !text.is_empty() {
                    listener(Delta::Reasoning(text));
                }
            }
            Part::AllThought => {
                let text = std::mem::take(&mut self.text);
                self.reasoning.push_str(&text);
            }
        }
    }

    /// Nothing that could be shown or run.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty() && self.reasoning.is_empty() && self.refusal.is_empty() && self.calls.is_empty()
    }

    /// The server said that it is done, or sent everything at once.
    pub(super) fn is_finished(&self) -> bool {
        !self.finish.is_empty() || self.whole
    }

    pub(super) fn has_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    pub(super) fn has_usage(&self) -> bool {
        self.usage.any()
    }

    pub(super) fn finish_reason(&self) -> &str {
        &self.finish
    }

    /// Tool calls are there and each is a complete JSON object: more than a cut would leave.
    pub(super) fn calls_are_complete(&self) -> bool {
        self.calls.are_complete()
    }

    /// The reply. `before` is the transcript, whose ids are taken.
    pub(super) fn reply(
        mut self,
        before: &[Message],
        tools: &[ToolSpec],
        listener: &mut Listener<'_>,
    ) -> Reply {
        let mut splitter = std::mem::take(&mut self.splitter);
        let unclosed = splitter.is_thinking();
        splitter.finish(&mut |part, text| self.part(part, text, listener));
        if self.text.trim().is_empty() && self.calls.is_empty() {
            self.text = std::mem::take(&mut self.refusal);
        }
        let mut reply = Reply::default();
        let mut text = self.text;
        if self.calls.is_empty()
            && let Some(found) = text_calls::extract(&text, tools)
        {
            text = found.text;
            for (name, arguments) in found.calls {
                self.calls.push(name, arguments);
            }
        }
        // A call among the thoughts: the end of the thought was forgotten, or the server's parser missed it.
        if self.calls.is_empty()
            && text.trim().is_empty()
            && (unclosed || !self.reasoning.is_empty())
            && let Some(found) = text_calls::extract(&self.reasoning, tools)
        {
            self.reasoning = found.text;
            for (name, arguments) in found.calls {
                self.calls.push(name, arguments);
            }
        }
        text.trim().clone_into(&mut reply.message.text);
        self.reasoning.trim().clone_into(&mut reply.message.reasoning);
        reply.message.tool_calls = self.calls.finish(before, tools);
        reply.message.echo = self.echo;
        reply.usage = self.usage.usage();
        reply.cost = self.usage.cost();
        reply.finish_reason = self.finish;
        reply
    }
}

/// An error in place of an answer. Some servers send an empty one with every good answer.
fn error_in(value: &Value) -> Option<Value> {
    let error = value.get("error").filter(|error| !is_nothing(error));
    if error.is_some() {
        return Some(value.clone());
    }
    // MiniMax tells its errors beside an empty answer.
    let status = value.pointer("/base_resp/status_code").and_then(Value::as_i64).unwrap_or(0);
    if status != 0 && value.get("choices").is_none_or(is_nothing) {
        let words = value.pointer("/base_resp/status_msg").cloned().unwrap_or_default();
        return Some(serde_json::json!({"error": {"message": words, "code": status}}));
    }
    let has_words = ["message", "msg"].iter().any(|name| value.get(*name).is_some_and(Value::is_string));
    let is_coded = value.get("code").is_some_and(|code| !is_nothing(code)) && has_words;
    let is_error = value.get("choices").is_none_or(Value::is_null)
        && (value.get("object").and_then(Value::as_str) == Some("error")
            || value.get("type").and_then(Value::as_str) == Some("error")
            || is_coded
            || value.get("detail").is_some());
    is_error.then(|| value.clone())
}

pub(super) fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

/// The text in a string, a part, or a list of parts.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(plain).collect(),
        Value::Object(map) => ["text", "content", "thinking", "reasoning", "value"]
            .iter()
            .find_map(|name| map.get(*name))
            .map(plain)
            .unwrap_or_default(),
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

/// Whether a part of a thought is more of the part before it.
fn continues(last: &Value, part: &Value) -> bool {
    let same = |name: &str| last.get(name) == part.get(name);
    let is_sealed = last.get("signature").is_some_and(|seal| !is_nothing(seal));
    part.get("type").is_some() && same("type") && same("index") && !is_sealed
}

fn grow(last: &mut Value, part: &Value) {
    let (Value::Object(last), Value::Object(part)) = (last, part) else { return };
    for (name, value) in part {
        match (name.as_str(), last.get_mut(name), value) {
            ("text" | "thinking" | "summary" | "data", Some(Value::String(text)), Value::String(more)) => {
                text.push_str(more);
            }
            (_, Some(known), _) if is_nothing(value) && !is_nothing(known) => {}
            _ => {
                last.insert(name.clone(), value.clone());
            }
        }
    }
}

/// Streams tell echoed fields in pieces too.
pub(super) fn merge(into: &mut Value, piece: &Value) {
    match (&mut *into, piece) {
        (Value::String(text), Value::String(more)) => text.push_str(more),
        (Value::Array(list), Value::Array(more)) => {
            for part in more {
                match list.last_mut().filter(|before| continues(before, part)) {
                    Some(before) => grow(before, part),
                    None => list.push(part.clone()),
                }
            }
        }
        (Value::Object(map), Value::Object(more)) => {
            for (key, value) in more {
                map.insert(key.clone(), value.clone());
            }
        }
        _ => *into = piece.clone(),
    }
}
