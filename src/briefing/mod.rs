//! What an investigation starts with.

use serde_json::{Map, Value};

/// A tool call that the program makes itself, before the first model call.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    pub tool: String,
    pub arguments: Map<String, Value>,
}
