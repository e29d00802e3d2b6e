//! From bytes to alerts: recognises every form by its shape, and says what bytes are that hold none.

use serde_json::{Deserializer, Value};

use super::{Alert, AlertError, cloud, forms, plain};

/// Envelopes inside envelopes: SQS around SNS around CloudWatch are three.
const DEEPEST: usize = 6;
/// Keys that are told of an object nobody knows.
const TOLD_KEYS: usize = 8;

/// The alerts in `bytes`: one or a list of them, a reply, a webhook's body, or one such JSON value a line.
///
/// No alerts are an empty list, as in a reply that nothing fires.
///
/// # Errors
/// When it is no JSON, or JSON of something else.
pub fn read(bytes: &[u8]) -> Result<Vec<Alert>, AlertError> {
    if bytes.starts_with(&[0x1f, 0x8b]) {
        return Err(AlertError("it is compressed: unpack it with `gunzip` first".to_owned()));
    }
    let text = text_of(bytes);
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(AlertError("it is empty: expected alerts as JSON".to_owned()));
    }
    match serde_json::from_str::<Value>(text) {
        Ok(value) => of(&value, 0),
        Err(error) => {
            let several = Deserializer::from_str(text).into_iter::<Value>().collect::<Result<Vec<_>, _>>();
            match several {
                Ok(values) if values.len() > 1 => {
                    let mut all = Vec::new();
                    for (number, value) in values.iter().enumerate() {
                        let alerts = of(value, 0).map_err(|AlertError(why)| {
                            AlertError(format!("value {} of {}: {why}", number + 1, values.len()))
                        })?;
                        all.extend(alerts);
                    }
                    Ok(all)
                }
                Ok(_) => Err(no_json(text, &error)),
                // Of several values the one that breaks is the place to look at.
                Err(later) => Err(no_json(text, &later)),
            }
        }
    }
}

/// Windows' own shells write UTF-16 into files.
fn text_of(bytes: &[u8]) -> String {
    let wide = |of: fn([u8; 2]) -> u16| {
        let units: Vec<u16> =
            bytes.get(2..).unwrap_or_default().as_chunks::<2>().0.iter().map(|pair| of(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, ..] => wide(u16::from_le_bytes),
        [0xfe, 0xff, ..] => wide(u16::from_be_bytes),
        _ => String::from_utf8_lossy(bytes).into_owned(),
    }
}

fn no_json(text: &str, error: &serde_json::Error) -> AlertError {
    if text.contains('\0') || text.starts_with(char::REPLACEMENT_CHARACTER) {
        return AlertError("it is binary data, not JSON as UTF-8".to_owned());
    }
    let looks = if text.starts_with('<') {
        "it is a web page or XML"
    } else if text.starts_with(['{', '[']) {
        let line = text.lines().nth(error.line().saturating_sub(1)).unwrap_or_default();
        let told = error.to_string();
        // serde_json ends its words with the place, which is told first here.
        let told = told.split(" at line ").next().unwrap_or_default();
        let near = if line.trim().is_empty() { String::new() } else { format!(" (`{}`)", plain(line, 60)) };
        return AlertError(format!(
            "its JSON breaks at line {}, column {}: {told}{near}",
            error.line(),
            error.column()
        ));
    } else if text.starts_with("Alertname") {
        "it is amtool's table: `amtool alert query -o json` prints JSON"
    } else if text.lines().take(20).any(|line| {
        let line = line.trim_start().trim_start_matches("- ");
        line.split_once(':').is_some_and(|(key, value)| {
            !key.is_empty()
                && key.chars().all(|c| c.is_alphanumeric() || c == '_')
                && (value.is_empty() || value.starts_with(' '))
        })
    }) {
        "it looks like YAML"
    } else {
        "it is plain text"
    };
    let line = text.lines().next().unwrap_or_default();
    AlertError(format!("{looks}, not JSON: it begins with `{}`", plain(line, 60)))
}

/// The alerts of one JSON value.
pub(super) fn of(value: &Value, depth: usize) -> Result<Vec<Alert>, AlertError> {
    if depth > DEEPEST {
        return Err(AlertError("envelopes inside envelopes, and no alert in the innermost".to_owned()));
    }
    let object = match value {
        Value::Array(items) => {
            let mut all = Vec::new();
            for (number, item) in items.iter().enumerate() {
                all.extend(of(item, depth + 1).map_err(|AlertError(why)| {
                    AlertError(format!("item {} of {}: {why}", number + 1, items.len()))
                })?);
            }
            return Ok(all);
        }
        Value::Object(object) => object,
        other => {
            return Err(AlertError(format!("it is {}, no alert", described(other))));
        }
    };
    if let Some(found) = cloud::of(object, depth) {
        return found;
    }
    if let Some(found) = forms::of(object, depth) {
        return found;
    }
    Err(AlertError(unknown(value)))
}

fn described(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "true or false".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(text) => format!("the text `{}`", plain(text, 40)),
        Value::Array(_) => "a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// What an object is that holds no alert.
fn unknown(value: &Value) -> String {
    let Some(object) = value.as_object() else { return "no alert".to_owned() };
    let has = |key: &str| object.contains_key(key);
    let looks = if has("apiVersion") && has("kind") {
        let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
        format!("it is a Kubernetes object ({}), no alert", plain(kind, 40))
    } else if has("fields") && has("key") {
        "it looks like a Jira issue: `holmes-rs investigate jira` reads those".to_owned()
    } else if has("number") && has("title") && has("repository_url") {
        "it looks like a GitHub issue: `holmes-rs investigate github` reads those".to_owned()
    } else if has("silences") || has("createdBy") && has("matchers") {
        "it is a silence, no alert".to_owned()
    } else if has("cluster") && has("versionInfo") {
        "it is Alertmanager's status, no alert".to_owned()
    } else if object.is_empty() {
        "it is an empty object".to_owned()
    } else {
        let keys: Vec<String> =
            object.keys().take(TOLD_KEYS).map(|key| format!("`{}`", plain(key, 30))).collect();
        let more = if object.len() > TOLD_KEYS { ", …" } else { "" };
        format!("an object with {}{more} is no form of alerts", keys.join(", "))
    };
    format!(
        "{looks}; known are Alertmanager's and Prometheus' lists, webhook bodies, one alert, CloudWatch, SNS and PagerDuty"
    )
}
