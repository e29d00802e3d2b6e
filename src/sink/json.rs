//! The JSON result: HolmesGPT's fields, so that old scripts work, and ours. `docs/answer.schema.json`
//! describes it and a test holds the two together.

use std::fs::File;
use std::io::Read as _;

use serde_json::{Map, Value, json};

use super::{Investigation, Redact};
use crate::agent::{Arguments, AssistantMessage, Message};
use crate::answer::{Coverage, Finding, Hypothesis};
use crate::evidence::redact::is_secret_field;
use crate::evidence::{Exhibit, Status};

/// Larger outputs are represented by their view; the whole is on disk.
const WHOLE_BYTES: u64 = 64 * 1024;

/// Fields that name things of the run itself: replacing parts of them would break references.
const IDENTIFIERS: &[&str] = &[
    "run_id",
    "id",
    "tool_call_id",
    "call_id",
    "exhibit",
    "schema_version",
    "role",
    "type",
    "event",
    "status",
    "state",
    "verdict",
    "confidence",
    "started_at",
    "finish_reason",
];

/// The result as one JSON object.
#[must_use]
pub fn to_json(run: &Investigation, redact: Redact<'_>) -> Value {
    let answer = &run.answer;
    let mut metadata = run.metadata.clone();
    metadata.insert("version".to_owned(), env!("CARGO_PKG_VERSION").into());
    metadata.insert("finish".to_owned(), json!(run.finish));
    metadata.insert("cost_known".to_owned(), run.cost.is_some().into());
    metadata.insert("summaries".to_owned(), run.summaries.into());
    metadata.insert("cached_tokens".to_owned(), run.usage.cached_tokens.into());
    let mut result = json!({
        "schema_version": "1",
        "run_id": run.run_id,
        "question": run.question.text,
        "subject": run.question.subject,
        "result": if answer.text.is_empty() { crate::answer::to_markdown(answer) } else { answer.text.clone() },
        "warnings": run.warnings(),
        "verdict": answer.verdict,
        "root_cause": answer.root_cause,
        "confidence": answer.confidence,
        "evidence": answer.findings.iter().map(|finding| evidence(run, finding)).collect::<Vec<_>>(),
        "fix": answer.fix,
        "not_sure": answer.not_sure,
        "not_checked": answer.not_checked,
        "coverage": answer.coverage.iter().map(coverage).collect::<Vec<_>>(),
        "hypotheses": answer.hypotheses.iter().map(hypothesis).collect::<Vec<_>>(),
        "model": run.model,
        "finish_reason": run.finish_reason(),
        "started_at": run.started_at,
        "duration_seconds": number(run.duration_seconds),
        "num_llm_calls": run.calls,
        "prompt_tokens": run.usage.prompt_tokens,
        "completion_tokens": run.usage.completion_tokens,
        "total_tokens": run.usage.prompt_tokens.saturating_add(run.usage.completion_tokens),
        // HolmesGPT writes 0 where it does not know; `metadata.cost_known` says which it is.
        "total_cost": run.cost.map_or(0.0, number),
        "budget": run.budget,
        "attachments": run.exhibits.iter().filter(|one| one.is_attachment()).map(attachment).collect::<Vec<_>>(),
        "tool_calls": run.exhibits.iter().filter(|one| !one.is_attachment()).map(tool_call).collect::<Vec<_>>(),
        "messages": [],
        "metadata": metadata,
    });
    if let Some(fields) = result.as_object_mut().filter(|_| !run.sections.is_empty()) {
        let sections: Map<String, Value> =
            run.sections.iter().map(|one| (one.title.to_owned(), json!(one.text))).collect();
        fields.insert("sections".to_owned(), sections.into());
    }
    redact_strings(&mut result, redact);
    // Redacted one by one: the arguments of a call are JSON inside a string.
    if let Some(messages) = result.get_mut("messages") {
        *messages = run.messages.iter().map(|m| message(m, redact)).collect();
    }
    result
}

/// JSON has no words for infinity.
fn number(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

fn evidence(run: &Investigation, finding: &Finding) -> Value {
    let exhibit = run.exhibit(finding.exhibit).filter(|exhibit| !exhibit.is_attachment());
    json!({
        "id": (finding.exhibit > 0).then(|| format!("E{}", finding.exhibit)),
        "tool_call_id": exhibit.map(|exhibit| exhibit.call_id.as_str()),
        "claim": finding.claim,
        "quote": finding.quote,
        "lines": finding.lines.map(|(first, last)| json!([first, last])),
        "verified": finding.verified,
        "why": finding.why,
    })
}

fn coverage(one: &Coverage) -> Value {
    let exhibit = one.exhibit.map(|id| format!("E{id}"));
    json!({"what": one.what, "exhibit": exhibit, "state": one.state, "why": one.why})
}

fn hypothesis(one: &Hypothesis) -> Value {
    let exhibits: Vec<String> = one.exhibits.iter().map(|id| format!("E{id}")).collect();
    json!({"id": one.id, "statement": one.statement, "status": one.status, "exhibits": exhibits})
}

/// What was attached: evidence that no tool made.
fn attachment(exhibit: &Exhibit) -> Value {
    json!({
        "id": format!("E{}", exhibit.id),
        "name": exhibit.invocation,
        "size": exhibit.bytes,
        "lines": exhibit.lines,
    })
}

fn tool_call(exhibit: &Exhibit) -> Value {
    let data = whole(exhibit).unwrap_or_else(|| exhibit.view.clone());
    json!({
        "id": format!("E{}", exhibit.id),
        "tool_call_id": exhibit.call_id,
        "tool_name": exhibit.tool,
        "toolset_name": exhibit.toolset,
        "description": exhibit.description,
        "result": {
            "status": status(exhibit.status),
            "error": exhibit.error,
            "return_code": exhibit.exit_code,
            "data": data,
            "invocation": exhibit.invocation,
            "params": exhibit.params,
            "elapsed_seconds": number(exhibit.seconds),
        },
        "size": exhibit.bytes,
        "flagged": exhibit.flagged,
        "summary": exhibit.summary.as_ref().map(|one| json!({"model": one.model, "text": one.text})),
    })
}

/// HolmesGPT's words: what did not run to its end, or not at all, is an error there.
fn status(status: Status) -> &'static str {
    match status {
        Status::Success => "success",
        Status::NoData => "no_data",
        Status::Denied => "denied",
        Status::Error | Status::TimedOut | Status::Interrupted => "error",
    }
}

/// The raw output, where it is small enough and still there.
fn whole(exhibit: &Exhibit) -> Option<String> {
    if exhibit.bytes > WHOLE_BYTES {
        return None;
    }
    let mut raw = Vec::new();
    let read =
        File::open(&exhibit.path).and_then(|file| file.take(WHOLE_BYTES + 1).read_to_end(&mut raw)).ok()?;
    (u64::try_from(read).is_ok_and(|read| read <= WHOLE_BYTES))
        .then(|| String::from_utf8_lossy(&raw).into_owned())
}

/// One message as OpenAI's API spells it.
fn message(message: &Message, redact: Redact<'_>) -> Value {
    match message {
        Message::System { text } => json!({"role": "system", "content": redact(text)}),
        Message::User { text } => json!({"role": "user", "content": redact(text)}),
        Message::Tool { call_id, tool, text } => {
            json!({"role": "tool", "tool_call_id": call_id, "name": tool, "content": redact(text)})
        }
        Message::Assistant(said) => assistant(said, redact),
    }
}

fn assistant(said: &AssistantMessage, redact: Redact<'_>) -> Value {
    let mut out = Map::new();
    out.insert("role".to_owned(), "assistant".into());
    let silent = said.text.is_empty() && !said.tool_calls.is_empty();
    out.insert("content".to_owned(), if silent { Value::Null } else { redact(&said.text).into() });
    if !said.reasoning.is_empty() {
        out.insert("reasoning_content".to_owned(), redact(&said.reasoning).into());
    }
    if !said.tool_calls.is_empty() {
        let calls: Vec<Value> = said
            .tool_calls
            .iter()
            .map(|call| {
                let arguments = match &call.arguments {
                    Arguments::Object(object) => {
                        // Before it becomes a string: a secret cut out of JSON text could break it.
                        let mut value = Value::Object(object.clone());
                        redact_foreign(&mut value, redact);
                        value.to_string()
                    }
                    Arguments::Unreadable(text) => redact(text),
                };
                json!({"id": call.id, "type": "function", "function": {"name": call.tool, "arguments": arguments}})
            })
            .collect();
        out.insert("tool_calls".to_owned(), Value::Array(calls));
    }
    Value::Object(out)
}

/// Redacts every text of a value, however deep, except the identifiers of the run.
pub(super) fn redact_strings(value: &mut Value, redact: Redact<'_>) {
    match value {
        Value::String(text) => *text = redact(text),
        Value::Array(items) => items.iter_mut().for_each(|item| redact_strings(item, redact)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    Value::String(_) if IDENTIFIERS.contains(&name.as_str()) => {}
                    // The names in here are a tool's, not ours.
                    Value::Object(inner) if matches!(name.as_str(), "params" | "arguments" | "metadata") => {
                        inner.values_mut().for_each(|field| redact_foreign(field, redact));
                    }
                    _ => redact_strings(field, redact),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn redact_foreign(value: &mut Value, redact: Redact<'_>) {
    match value {
        Value::String(text) => *text = redact(text),
        Value::Array(items) => items.iter_mut().for_each(|item| redact_foreign(item, redact)),
        Value::Object(fields) => {
            for (name, field) in fields {
                match field {
                    // The same words as in a log, so that the same secret keeps its number.
                    Value::String(text) if is_secret_field(name) && !text.is_empty() => {
                        let line = redact(&format!("password={}", Value::String(text.clone())));
                        line.trim_start_matches("password=").trim_matches('"').clone_into(text);
                    }
                    field => redact_foreign(field, redact),
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
