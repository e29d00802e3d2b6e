//! The `answer` tool: how a model that can call tools concludes a run.
//!
//! Its schema is sent with every request, so it is kept to the words a model needs. What comes back is
//! read leniently: a run's conclusion must not be lost to a string where a list was asked for.

use serde_json::{Map, Value, json};

use super::citation::{self, Citation, fold};
use super::text::{confidence_of, verdict_of};
use super::{Answer, Confidence, Finding, Verdict};
use crate::agent::ToolSpec;

/// The tool a model calls to end the run.
#[must_use]
pub fn answer_tool() -> ToolSpec {
    let text = json!({"type": "string"});
    let texts = json!({"type": "array", "items": text});
    ToolSpec {
        name: "answer".to_owned(),
        description: "Conclude. Call once, when the evidence is in".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "root_cause": {"type": "string", "description": "1-2 sentences"},
                "verdict": {"type": "string", "enum": ["problem_found", "no_problem", "inconclusive"]},
                "confidence": {"type": "string", "enum": ["low", "medium", "high"]},
                "findings": {"type": "array", "items": {"type": "object", "properties": {
                    "claim": text,
                    "exhibit": {"type": "string", "description": "E3"},
                    "quote": {"type": "string", "description": "verbatim output"},
                }}},
                "fix": texts,
                "not_sure": texts,
            },
            "required": ["root_cause", "verdict"],
        }),
    }
}

/// Reads the arguments of an `answer` call.
///
/// `text` stays empty: it is written with [`super::to_markdown`] once the quotes are checked.
#[must_use]
pub fn from_call(arguments: &Map<String, Value>) -> Answer {
    let root_cause = field(arguments, &["rootcause", "cause", "summary", "answer", "conclusion"])
        .map(words)
        .unwrap_or_default();
    let findings = field(arguments, &["findings", "finding", "evidence"]).map(findings).unwrap_or_default();
    let verdict = field(arguments, &["verdict", "status", "problemfound"])
        .and_then(|said| verdict_of(&words(said)))
        .unwrap_or(if root_cause.is_empty() || findings.is_empty() {
            Verdict::Inconclusive
        } else {
            Verdict::ProblemFound
        });
    Answer {
        text: String::new(),
        verdict,
        root_cause,
        findings,
        fix: field(arguments, &["fix", "fixes", "remediation", "nextsteps", "recommendations", "solution"])
            .map(list)
            .unwrap_or_default(),
        not_sure: field(arguments, &["notsure", "uncertainties", "unknowns", "openquestions"])
            .map(list)
            .unwrap_or_default(),
        confidence: field(arguments, &["confidence"])
            .map_or(Confidence::Low, |said| confidence_of(&words(said))),
        ..Answer::default()
    }
}

/// The first of `names` that is there with a value, whatever its case and separators.
pub(super) fn field<'a>(object: &'a Map<String, Value>, names: &[&str]) -> Option<&'a Value> {
    names.iter().find_map(|name| {
        object.iter().find(|(key, value)| !value.is_null() && squeezed(key) == *name).map(|(_, value)| value)
    })
}

fn squeezed(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Any value as one text.
pub(super) fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.trim().to_owned(),
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(words).collect();
            parts.join("; ")
        }
        Value::Object(object) => {
            let parts: Vec<String> = object.values().map(words).filter(|t| !t.is_empty()).collect();
            parts.join(": ")
        }
        Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}

/// A list of texts: an array, a JSON array in a string, or lines.
fn list(value: &Value) -> Vec<String> {
    let entries: Vec<String> = match value {
        Value::Array(items) => items.iter().map(words).collect(),
        Value::String(text) => match nested(text) {
            Some(Value::Array(items)) => items.iter().map(words).collect(),
            _ => super::text::entries(text),
        },
        Value::Null => Vec::new(),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => vec![words(value)],
    };
    entries.into_iter().map(|entry| entry.trim().to_owned()).filter(|entry| !entry.is_empty()).collect()
}

/// JSON that arrived inside a string.
fn nested(text: &str) -> Option<Value> {
    let text = text.trim();
    if text.starts_with(['[', '{']) { serde_json::from_str(text).ok() } else { None }
}

fn findings(value: &Value) -> Vec<Finding> {
    match value {
        Value::Array(items) => items.iter().flat_map(findings).collect(),
        Value::Object(object) => vec![finding(object)],
        Value::String(text) => {
            if let Some(inner @ (Value::Array(_) | Value::Object(_))) = nested(text) {
                return findings(&inner);
            }
            super::text::entries(text)
                .iter()
                .flat_map(|entry| {
                    let cited = citation::findings(entry);
                    if cited.is_empty() && !entry.trim().is_empty() {
                        vec![Finding { claim: fold(entry), ..Finding::default() }]
                    } else {
                        cited
                    }
                })
                .collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
    }
}

fn finding(object: &Map<String, Value>) -> Finding {
    let claim = field(object, &["claim", "finding", "statement", "text", "description"])
        .map(words)
        .unwrap_or_default();
    let quote =
        field(object, &["quote", "quotes", "evidence", "line", "output"]).map(words).unwrap_or_default();
    let named = field(object, &["exhibit", "exhibitid", "source", "id", "citation"])
        .and_then(cited)
        // Some write the citation into the claim or the quote and leave the field out.
        .or_else(|| in_text(&claim))
        .or_else(|| in_text(&quote));
    Finding {
        claim: citation::without(&claim),
        exhibit: named.map_or(0, |citation| citation.exhibit),
        quote: unquoted(&quote),
        lines: named.and_then(|citation| citation.lines),
        verified: false,
        why: None,
    }
}

pub(super) fn cited(value: &Value) -> Option<Citation> {
    match value {
        Value::Number(number) => {
            let exhibit = number.as_u64().or_else(|| {
                // 3.0 is how some servers send 3.
                number.to_string().strip_suffix(".0")?.parse().ok()
            })?;
            Some(Citation { exhibit: u32::try_from(exhibit).ok()?, lines: None })
        }
        Value::String(text) => citation::parse_one(text),
        Value::Array(items) => items.iter().find_map(cited),
        Value::Null | Value::Bool(_) | Value::Object(_) => None,
    }
}

fn in_text(text: &str) -> Option<Citation> {
    citation::findings(text)
        .first()
        .map(|finding| Citation { exhibit: finding.exhibit, lines: finding.lines })
}

/// The quote without marks around all of it.
fn unquoted(quote: &str) -> String {
    let quote = quote.trim();
    for mark in ["```", "`", "\""] {
        if let Some(inner) = quote.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark))
            && !inner.contains(mark)
            && !inner.is_empty()
        {
            return inner.trim().to_owned();
        }
    }
    quote.to_owned()
}
