//! An error as a server tells it. They spell them in a dozen ways; all become one line, in which keys
//! that the server repeats are masked.

use serde_json::Value;

use super::endpoint::Endpoint;

/// Characters of a server's words in a message.
const WORDS: usize = 300;

/// An error as the server told it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) status: u16,
    /// One line, masked, at most 300 characters.
    pub(super) words: String,
    /// Everything it said, in lower case, for recognising.
    pub(super) all: String,
    pub(super) code: String,
    pub(super) param: String,
    pub(super) html: bool,
    /// What the model had written when the server could make no tool call of it.
    pub(super) generation: String,
}

impl Said {
    pub(super) fn new(status: u16, body: &str, endpoint: &Endpoint) -> Self {
        let trimmed = body.trim_start_matches('\u{feff}').trim();
        let html = trimmed.starts_with('<');
        let parsed = serde_json::from_str::<Value>(trimmed).unwrap_or(Value::Null);
        let mut said = if html {
            Self { words: title(trimmed), ..Self::default() }
        } else if parsed.is_null() {
            Self { words: trimmed.to_owned(), ..Self::default() }
        } else {
            Self::read(&parsed)
        };
        said.html = html;
        said.status = status;
        said.all = trimmed.chars().take(8_000).collect::<String>().to_lowercase();
        said.words = one_line(&said.words, endpoint);
        said
    }

    fn read(value: &Value) -> Self {
        let error = match value {
            // Gemini wraps the one error in a list.
            Value::Array(list) => return list.first().map(Self::read).unwrap_or_default(),
            Value::Object(map) => map.get("error").filter(|error| !error.is_null()).unwrap_or(value),
            Value::String(text) => {
                return Self { words: text.clone(), ..Self::default() };
            }
            _ => return Self::default(),
        };
        let field = |name: &str| error.get(name).map(scalar).unwrap_or_default();
        let words = match error {
            Value::String(text) => text.clone(),
            _ => ["message", "msg", "detail", "error", "errors", "title"]
                .iter()
                .filter_map(|name| error.get(name).or_else(|| value.get(name)))
                .map(prose)
                .find(|text| !text.is_empty())
                .unwrap_or_else(|| error.to_string()),
        };
        // OpenRouter hides the provider's own words.
        let deeper = error
            .pointer("/metadata/raw")
            .map(prose)
            .filter(|raw| !raw.is_empty())
            .map(|raw| format!(": {raw}"))
            .unwrap_or_default();
        let mut code = field("code");
        for other in ["type", "status"] {
            let more = field(other);
            if !more.is_empty() {
                code = format!("{code} {more}");
            }
        }
        Self {
            words: words + &deeper,
            code: code.trim().to_lowercase(),
            param: field("param"),
            generation: field("failed_generation"),
            ..Self::default()
        }
    }

    /// The status an error object inside a successful answer stands for.
    pub(super) fn implied_status(&self) -> u16 {
        for word in self.code.split_whitespace() {
            if let Ok(status @ 400..=599) = word.parse() {
                return status;
            }
        }
        let has = |words: &[&str]| words.iter().any(|word| self.code.contains(word));
        if has(&["insufficient_quota", "rate_limit", "resource_exhausted", "too_many"]) {
            429
        } else if has(&["auth", "api_key", "permission"]) {
            401
        } else if has(&["not_found"]) {
            404
        } else if has(&["invalid", "bad_request", "context_length", "unsupported"]) {
            400
        } else {
            502
        }
    }
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A message, wherever in lists and objects it hides.
fn prose(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().take(3).map(prose).collect::<Vec<_>>().join("; "),
        Value::Object(map) => {
            let place = map.get("loc").and_then(Value::as_array).map(|place| {
                let words: Vec<String> = place.iter().map(scalar).collect();
                format!("{}: ", words.join("."))
            });
            let text = ["message", "msg", "detail"]
                .iter()
                .find_map(|name| map.get(*name))
                .map(prose)
                .unwrap_or_default();
            place.unwrap_or_default() + &text
        }
        _ => String::new(),
    }
}

fn title(html: &str) -> String {
    let lower = html.to_ascii_lowercase();
    let inside =
        lower.find("<title>").zip(lower.find("</title>")).and_then(|(start, end)| html.get(start + 7..end));
    inside.map_or_else(|| "an HTML page".to_owned(), |text| format!("an HTML page `{}`", text.trim()))
}

/// One line of at most 300 characters, without control characters and without the keys.
pub(super) fn one_line(text: &str, endpoint: &Endpoint) -> String {
    let mut masked = text.to_owned();
    for secret in endpoint.secrets() {
        masked = masked.replace(secret, "***");
    }
    let visible: String = masked
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
        .take(WORDS * 8)
        .collect();
    let line = visible.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= WORDS {
        return line;
    }
    line.chars().take(WORDS).chain(['…']).collect()
}
