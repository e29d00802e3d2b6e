//! Tool calls in plain text, for models and servers that know no other: Question, Thought, Action, Action Input,
//! Observation, Final Answer.
//!
//! Text in, text out: `transcript` writes what such a model is sent, `reply` reads what it wrote, `hearing` tells
//! listeners of it while it arrives. Nothing here talks to an endpoint, and nothing decides what a tool may be
//! asked: a call of a tool that does not exist is passed on, the engine names the nearest.
//!
//! Decided here:
//! - Several actions in one reply all run, in order: they were written before any of their results was seen.
//! - What follows an `Observation:` that the model wrote itself is dropped: it is made up.
//! - An action before a final answer wins over it; after it, it is part of the answer.
//! - A thought without an action is no answer. The engine asks again, and then takes it for one.

mod hearing;
mod input;
mod label;
mod loose;
mod reply;
#[cfg(test)]
mod tests;
mod transcript;

use std::collections::HashSet;

use serde_json::Map;

use crate::agent::{AssistantMessage, Message, ToolCall, ToolSpec};

pub use hearing::Hearing;
pub use reply::{Said, read};
pub use transcript::{catalogue, concerns, is_nudged, speak};

/// The text that explains the protocol to a model, where no other is given; `{{ tools }}` stands for the tools.
pub const PROTOCOL: &str = include_str!("../../../prompts/react.md.jinja");

/// Where the tools stand in the protocol's text.
pub const TOOLS: &str = "{{ tools }}";

/// Where a server shall stop: a model goes on with a result that it makes up.
pub const STOP: [&str; 2] = ["\nObservation:", "Observation:"];

/// The tool that ends a run. It is not among those a model is told of here: `Final Answer` takes its place.
const CONCLUDES: &str = "answer";

/// How a model calls tools.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ToolCalling {
    /// By the endpoint's own way; in text from when the endpoint refuses tools.
    #[default]
    Auto,
    /// By the endpoint's own way, or not at all.
    Native,
    /// In text from the start.
    Text,
}

impl ToolCalling {
    /// By its name in settings.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "auto" => Some(Self::Auto),
            "native" => Some(Self::Native),
            "text" => Some(Self::Text),
            _ => None,
        }
    }
}

/// Reads a message that came as text and makes it what the engine expects: a thought and calls, or an answer.
pub fn hear(message: &mut AssistantMessage, messages: &[Message], tools: &[ToolSpec]) -> Said {
    if !message.tool_calls.is_empty() {
        return Said::default();
    }
    let mut said = read(&message.text, tools, tools.is_empty() || is_nudged(messages));
    let concludes = said.calls.iter().any(|(name, _)| name == CONCLUDES);
    if said.calls.is_empty() || (tools.is_empty() && !concludes) {
        if tools.is_empty() && said.answer.is_empty() {
            // Asked for an answer, it still wants to act: whatever it said is all there is.
            said.answer.clone_from(&message.text);
        }
        message.text.clone_from(&said.answer);
        if !said.thought.is_empty() {
            if !message.reasoning.is_empty() {
                message.reasoning.push('\n');
            }
            message.reasoning.push_str(&said.thought);
        }
        return said;
    }
    message.text.clone_from(&said.thought);
    let mut taken: HashSet<&str> = HashSet::new();
    for before in messages {
        if let Message::Assistant(before) = before {
            taken.extend(before.tool_calls.iter().map(|call| call.id.as_str()));
        }
    }
    let mut number = taken.len();
    for (tool, arguments) in &said.calls {
        number += 1;
        while taken.contains(format!("call_{number}").as_str()) {
            number += 1;
        }
        message.tool_calls.push(ToolCall {
            id: format!("call_{number}"),
            tool: tool.clone(),
            arguments: arguments.clone(),
            echo: Map::new(),
        });
    }
    said
}
