//! Values and times as findings tell them.

use jiff::Timestamp;
use serde_json::Value;

use super::view::View;
use crate::cluster::Object;

/// Characters of a value that is quoted.
const LONGEST: usize = 400;

/// What a path holds, with the path as people write it: `status.containerStatuses[0].state.waiting.reason`.
pub(super) fn fact(object: &Object, pointer: &str) -> Option<(String, String)> {
    let value = object.at(pointer);
    let shown = match value {
        Value::Null => return None,
        Value::String(text) if text.is_empty() => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !part.is_empty() && part.chars().all(|c| c.is_ascii_digit()) {
            path = format!("{path}[{part}]");
        } else if part.contains(['.', '/']) {
            path = format!("{path}[\"{part}\"]");
        } else if path.is_empty() {
            path = part;
        } else {
            path = format!("{path}.{part}");
        }
    }
    Some((path, clip(&shown)))
}

pub(super) fn facts(object: &Object, pointers: &[&str]) -> Vec<(String, String)> {
    pointers.iter().filter_map(|pointer| fact(object, pointer)).collect()
}

/// Facts of a condition: its reason first, which says more than its status.
pub(super) fn condition_facts(object: &Object, name: &str) -> Vec<(String, String)> {
    let conditions = object.list("/status/conditions");
    let Some(at) = conditions.iter().position(|one| text(one, "type") == name) else { return Vec::new() };
    ["reason", "message", "status"]
        .iter()
        .filter_map(|field| fact(object, &format!("/status/conditions/{at}/{field}")))
        .collect()
}

/// Text of a field; empty where there is none.
pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

/// Whether a condition has the status, and since when.
pub(super) fn condition(object: &Object, name: &str, status: &str) -> Option<Condition> {
    let found = object.condition(name).filter(|one| text(one, "status") == status)?;
    Some(Condition {
        reason: text(found, "reason").to_owned(),
        message: text(found, "message").to_owned(),
        since: text(found, "lastTransitionTime").parse().ok(),
    })
}

pub(super) struct Condition {
    pub reason: String,
    pub message: String,
    pub since: Option<Timestamp>,
}

/// `95 s`, `12 min`, `6 h`, `3 d`.
pub(super) fn span(seconds: i64) -> String {
    match seconds {
        ..=119 => format!("{} s", seconds.max(0)),
        120..=7199 => format!("{} min", seconds / 60),
        7200..=172_799 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// ` for 6 h`, or nothing where the time is not known.
pub(super) fn lasting(view: &View<'_>, since: Option<Timestamp>) -> String {
    view.age(since).map_or_else(String::new, |age| format!(" for {}", span(age)))
}

/// `1 pod`, `3 pods`.
pub(super) fn counted(count: usize, thing: &str) -> String {
    if count == 1 { format!("1 {thing}") } else { format!("{count} {thing}s") }
}

/// One line, without control characters, not too long.
pub(super) fn clip(text: &str) -> String {
    let mut shown: String =
        text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST).collect();
    if text.trim().chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// A cluster's words inside a sentence of ours: its last stop would be a second one.
pub(super) fn said(text: &str) -> String {
    clip(text).trim_end_matches('.').to_owned()
}

/// A quantity of the API as a number: `500m`, `2Gi`, `10`.
pub(super) fn quantity(value: &Value) -> Option<f64> {
    let text = match value {
        Value::Number(number) => return number.as_f64(),
        Value::String(text) => text.as_str(),
        _ => return None,
    };
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-')).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1_048_576.0,
        "Gi" => 1_073_741_824.0,
        "Ti" => 1_099_511_627_776.0,
        "Pi" => 1_125_899_906_842_624.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}
