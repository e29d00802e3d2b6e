//! Tool calls from their pieces: which piece belongs to which call, and ids that hold for the run.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::assembly::{is_nothing, merge};
use crate::agent::{Arguments, Message, ToolCall, ToolSpec};
use crate::model::arguments;

/// Fields of a call that servers want back.
const ECHOED: &[&str] = &["extra_content", "thought_signature", "provider_specific_fields"];
/// Calls of one turn; more is a model that repeats itself.
const MOST: usize = 128;
/// Characters of a tool's name; endpoints take 64.
const LONGEST_NAME: usize = 128;

#[derive(Debug, Default)]
pub(super) struct Calls {
    slots: Vec<Slot>,
    /// The legacy `function_call`: the call itself at some servers, a dummy at others.
    legacy: Slot,
}

#[derive(Debug, Default, Clone)]
struct Slot {
    index: Option<u64>,
    id: String,
    name: String,
    /// Arguments as text, in pieces.
    text: String,
    /// Arguments that came as a value, or were read from text already.
    value: Option<Value>,
    echo: Map<String, Value>,
}

impl Calls {
    /// Takes the calls in a delta, or in a `whole` message, where each entry is a call of its own.
    pub(super) fn take(&mut self, piece: &Value, whole: bool) {
        match piece.get("tool_calls") {
            Some(Value::Array(list)) => list.iter().for_each(|call| self.entry(call, whole)),
            Some(call @ Value::Object(_)) => self.entry(call, whole),
            _ => {}
        }
        if let Some(call) = piece.get("function_call").filter(|call| call.is_object()) {
            self.legacy.add(call, call);
        }
    }

    fn entry(&mut self, call: &Value, whole: bool) {
        let function = call.get("function").filter(|inner| inner.is_object()).unwrap_or(call);
        let text = |value: &Value, name: &str| {
            value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let (id, name) = (text(call, "id"), text(function, "name"));
        let index = call.get("index").and_then(Value::as_u64);
        let known = if whole { None } else { self.slot_of(index, &id, &name, function) };
        let at = if let Some(at) = known {
            at
        } else {
            if self.slots.len() >= MOST {
                return;
            }
            self.slots.push(Slot { index, ..Slot::default() });
            self.slots.len() - 1
        };
        if let Some(slot) = self.slots.get_mut(at) {
            slot.add(call, function);
        }
    }

    /// The call a piece continues; None when it begins one.
    fn slot_of(&self, index: Option<u64>, id: &str, name: &str, function: &Value) -> Option<usize> {
        let same_id = || self.slots.iter().rposition(|slot| !id.is_empty() && slot.id == id);
        let candidate = match index {
            Some(_) => self.slots.iter().rposition(|slot| slot.index == index),
            None if !id.is_empty() => same_id(),
            None => self.slots.len().checked_sub(1),
        }?;
        let slot = self.slots.get(candidate)?;
        // Servers that give every call the same index, the same id or neither: a name that comes
        // again after complete arguments begins a new call.
        let brings_arguments = function.get("arguments").is_some_and(|value| !is_nothing(value));
        if !name.is_empty() && slot.is_complete() && brings_arguments {
            return None;
        }
        // Another id alone does not: some make one up for every chunk.
        if !id.is_empty() && !slot.id.is_empty() && slot.id != id && !name.is_empty() {
            return same_id();
        }
        Some(candidate)
    }

    pub(super) fn push(&mut self, name: String, arguments: Arguments) {
        let value = match arguments {
            Arguments::Object(map) => Value::Object(map),
            Arguments::Unreadable(text) => Value::String(text),
        };
        self.slots.push(Slot { name, value: Some(value), ..Slot::default() });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.iter().all(|slot| slot.name.is_empty()) && self.legacy.name.is_empty()
    }

    pub(super) fn are_complete(&self) -> bool {
        let named: Vec<&Slot> = self.slots.iter().filter(|slot| !slot.name.is_empty()).collect();
        !named.is_empty() && named.iter().all(|slot| slot.is_complete())
    }

    /// The calls, each once, with ids that no call of `before` has, and the names of `tools` where they are meant.
    pub(super) fn finish(self, before: &[Message], tools: &[ToolSpec]) -> Vec<ToolCall> {
        let mut slots = self.slots;
        slots.retain(|slot| !slot.name.is_empty());
        if slots.is_empty() && !self.legacy.name.is_empty() {
            slots.push(self.legacy);
        }
        let mut taken: HashSet<String> = before
            .iter()
            .filter_map(|message| match message {
                Message::Assistant(said) => Some(&said.tool_calls),
                Message::System { .. } | Message::User { .. } | Message::Tool { .. } => None,
            })
            .flatten()
            .map(|call| call.id.clone())
            .collect();
        let mut number = taken.len();
        let mut seen: Vec<(String, String, Arguments)> = Vec::new();
        let mut calls = Vec::new();
        for slot in slots {
            let arguments = slot.arguments();
            let same = (slot.id.clone(), slot.name.clone(), arguments.clone());
            if !slot.id.is_empty() && seen.contains(&same) {
                continue;
            }
            seen.push(same);
            let mut id = slot.id;
            while id.is_empty() || taken.contains(&id) {
                number += 1;
                // Nine letters and digits: Mistral takes no other.
                id = format!("call{number:05}");
            }
            taken.insert(id.clone());
            calls.push(ToolCall { id, tool: sendable(meant(&slot.name, tools)), arguments, echo: slot.echo });
        }
        calls
    }
}

/// The offered name in one that the server's parser left marks in: `functions.look`, `look:0`,
/// `look<|channel|>commentary`. Any other stays, and the model is told that there is no such tool.
fn meant<'a>(name: &'a str, tools: &[ToolSpec]) -> &'a str {
    let offered = |name: &str| tools.iter().any(|spec| spec.name == name);
    let name = name.trim();
    if offered(name) {
        return name;
    }
    let bare = name.split("<|").next().unwrap_or(name).trim();
    let bare = ["functions.", "functions:", "default_api.", "default_api:", "tools."]
        .iter()
        .find_map(|prefix| bare.strip_prefix(prefix))
        .unwrap_or(bare);
    let unnumbered = bare
        .rsplit_once(':')
        .filter(|(_, end)| end.bytes().all(|byte| byte.is_ascii_digit()))
        .map(|(name, _)| name);
    [bare, unnumbered.unwrap_or(bare)].into_iter().find(|name| offered(name)).unwrap_or(name)
}

/// A name that can go back in the next request: some models say a sentence where a name belongs, and
/// endpoints refuse a history that holds one.
fn sendable(name: &str) -> String {
    name.trim().chars().map(|c| if c.is_control() { '_' } else { c }).take(LONGEST_NAME).collect()
}

impl Slot {
    fn add(&mut self, call: &Value, function: &Value) {
        if let Some(id) = call.get("id").and_then(Value::as_str)
            && self.id.is_empty()
        {
            id.trim().clone_into(&mut self.id);
        }
        if let Some(name) = function.get("name").and_then(Value::as_str) {
            // In pieces at some servers, again with every chunk at others.
            if self.name != name && self.text.is_empty() && self.value.is_none() {
                self.name.push_str(name.trim());
            }
        }
        match ["arguments", "parameters", "input"].iter().find_map(|name| function.get(*name)) {
            Some(Value::String(piece)) => self.text.push_str(piece),
            Some(Value::Null) | None => {}
            Some(value) => merge(self.value.get_or_insert(Value::Null), value),
        }
        for holder in [call, function] {
            for name in ECHOED {
                if let Some(value) = holder.get(*name).filter(|value| !is_nothing(value)) {
                    merge(self.echo.entry(*name).or_insert(Value::Null), value);
                }
            }
        }
    }

    fn arguments(&self) -> Arguments {
        match &self.value {
            Some(value) if self.text.trim().is_empty() => arguments::read(value),
            _ => arguments::read(&Value::from(self.text.as_str())),
        }
    }

    /// Strictly: what is still growing does not parse.
    fn is_complete(&self) -> bool {
        if self.value.is_some() {
            return true;
        }
        // Looked at first: a long text is not parsed again for each piece of it.
        self.text.trim_end().ends_with('}')
            && serde_json::from_str::<Value>(&self.text).is_ok_and(|value| value.is_object())
    }
}
