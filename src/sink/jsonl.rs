//! The event stream as JSON lines: what `-o jsonl` prints while the run goes on.

use serde_json::Value;

use super::Redact;
use super::json::redact_strings;
use crate::agent::Event;

/// One event as one line with its line feed. Every line carries `event`; the first, `run_started`, carries
/// `run_id`.
#[must_use]
pub fn to_json_line(event: &Event, redact: Redact<'_>) -> String {
    let mut value = serde_json::to_value(event).unwrap_or_else(|error| {
        // Only a number that JSON cannot hold gets here; the line must still be an object.
        serde_json::json!({"event": "unreadable", "error": error.to_string()})
    });
    redact_strings(&mut value, redact);
    let mut line = Value::to_string(&value);
    line.push('\n');
    line
}
