//! Reads single values of the format: texts, lists of names, times; and says which keys are unknown.

use std::time::Duration;

use crate::config::yaml::{Entry, Kind, Node, Warning, YamlError, nearest};

/// The longest time a toolset may ask for: a day.
const LONGEST: f64 = 86_400.0;

pub(super) fn text(node: &Node) -> Result<String, YamlError> {
    node.as_str().map(str::to_owned)
}

/// A list of texts, or one text where one is meant.
pub(super) fn texts(node: &Node) -> Result<Vec<String>, YamlError> {
    match &node.kind {
        Kind::Scalar { .. } => Ok(vec![text(node)?]),
        _ => node.items()?.iter().map(text).collect(),
    }
}

/// `30`, `1.5`, `30s`, `500ms`, `2m`, `1h`.
pub(super) fn duration(node: &Node) -> Result<Duration, YamlError> {
    let wrong =
        || node.error(format!("needs seconds or a time such as `30s`, `2m`, got {}", node.describe()));
    let text = node.as_str().map_err(|_| wrong())?.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let unit = match text.get(digits.len()..).unwrap_or_default().trim() {
        "ms" => 0.001,
        "" | "s" | "sec" | "seconds" => 1.0,
        "m" | "min" | "minutes" => 60.0,
        "h" | "hours" => 3600.0,
        _ => return Err(wrong()),
    };
    let seconds = digits.parse::<f64>().map_err(|_| wrong())? * unit;
    if !seconds.is_finite() || seconds <= 0.0 || seconds > LONGEST {
        return Err(node.error(format!("needs a time above 0 and at most a day, got {}", node.describe())));
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
}

/// A warning about a key nobody knows, with the one that was likely meant.
pub(super) fn unknown_key(entry: &Entry, what: &str, known: &[&str]) -> Warning {
    let near = nearest(&entry.key, known).map(|near| format!(", did you mean `{near}`?")).unwrap_or_default();
    entry.warning(format!("unknown key `{}` of {what}{near}", entry.key))
}

/// The name in an entry of a list form: `- name: x`.
pub(super) fn name_of(node: &Node) -> Option<String> {
    node.get("name").and_then(|name| name.as_str().ok()).map(str::to_owned).filter(|name| !name.is_empty())
}
