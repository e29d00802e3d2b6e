//! What a request is, in 64 characters: a replay that sends the same has the same.
//!
//! Over what the record keeps, which is redacted: words of a model that hold a secret are hashed without it.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use crate::agent::message::{Message, ToolSpec};
use crate::evidence::Redactor;

/// SHA-256 of the messages and tools of a request, in hexadecimal.
pub(super) fn of(messages: &[Message], tools: &[ToolSpec], redactor: &Redactor) -> String {
    let mut hasher = Sha256::new();
    for message in messages {
        let mut value = serde_json::to_value(message).unwrap_or_default();
        // Views are redacted already, and they are most of what there is.
        if !matches!(message, Message::Tool { text, .. } if text.starts_with("<exhibit ")) {
            redactor.redact_json(&mut value);
        }
        hasher.update(value.to_string());
        hasher.update("\n");
    }
    hasher.update("tools\n");
    hasher.update(serde_json::to_string(tools).unwrap_or_default());
    hasher.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
