//! What the agent and a model say to each other, independent of any wire format.
//!
//! Every `Model` (OpenAI-compatible endpoint, rules, later replay) reads and writes these types.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One entry of the transcript.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Message {
    System {
        text: String,
    },
    User {
        text: String,
    },
    Assistant(AssistantMessage),
    /// The answer to one tool call. Each call id of an assistant message is answered exactly once.
    Tool {
        call_id: String,
        tool: String,
        text: String,
    },
}

/// What a model said in one turn.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct AssistantMessage {
    /// Visible text; empty when the turn holds only tool calls.
    #[serde(default)]
    pub text: String,
    /// Thoughts the server sent apart from the text. Shown dimmed, never part of the answer.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reasoning: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Fields the server wants echoed back with this message, untouched.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub echo: Map<String, Value>,
}

/// A model's wish to run one tool.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Unique within the run: servers repeat or omit ids, the model room repairs them.
    pub id: String,
    pub tool: String,
    pub arguments: Arguments,
    /// Extra fields of the call that the server wants back (`extra_content` and the like).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub echo: Map<String, Value>,
}

/// Arguments as far as they could be understood.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Arguments {
    Object(Map<String, Value>),
    /// Not a JSON object, even read leniently: the text as sent. The tool is not run; the model is told.
    Unreadable(String),
}

/// A tool as the model sees it. `parameters` is a JSON schema of type object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    pub name: String,
    pub description: String,
    pub parameters: Value,
}

/// Tokens as the server counted them; all zero when it did not say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    /// Prompt tokens served from the provider's prefix cache, where reported.
    #[serde(default)]
    pub cached_tokens: u64,
}

impl Usage {
    /// Tokens of both directions.
    #[must_use]
    pub fn total(self) -> u64 {
        self.prompt_tokens.saturating_add(self.completion_tokens)
    }
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens = self.prompt_tokens.saturating_add(other.prompt_tokens);
        self.completion_tokens = self.completion_tokens.saturating_add(other.completion_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(other.cached_tokens);
    }
}
