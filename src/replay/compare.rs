//! What a replay did differently from the run it replays: the first thing, in words.

use std::fmt::Write as _;

use serde_json::Value;

use crate::agent::Event;
use crate::evidence::Redactor;
use crate::evidence::view::clip;

/// Characters of a differing text that are told.
const TOLD: usize = 160;

/// An event as it is compared: without what differs by nature; `None` for what only tells of waiting.
#[must_use]
pub fn shown(event: &Event, redactor: &Redactor) -> Option<Value> {
    let mut value = serde_json::to_value(event).ok()?;
    match event {
        Event::TextDelta { .. }
        | Event::ReasoningDelta { .. }
        | Event::ModelRetried { .. }
        | Event::RunStarted { .. }
        | Event::ToolsetsChecked { .. }
        | Event::Opened { .. }
        | Event::Resumed { .. }
        | Event::Continued
        | Event::Ended { .. } => return None,
        Event::ToolFinished { .. } => {
            value.get_mut("exhibit")?.as_object_mut()?.shift_remove("path");
        }
        // A replay's fast model needs no instructions.
        Event::SummaryRequested { .. } => {
            value.as_object_mut()?.shift_remove("tokens");
            // It is what `ToolFinished` hands over; older records lack it.
            value.as_object_mut()?.shift_remove("kept");
        }
        _ => {}
    }
    redactor.redact_json(&mut value);
    Some(value)
}

/// The first difference between what was recorded and what a replay did, in one line. Tools of one turn
/// may end in any order.
#[must_use]
pub fn first_difference(recorded: Vec<Value>, replayed: Vec<Value>) -> Option<String> {
    let (recorded, replayed) = (in_order(recorded), in_order(replayed));
    let pairs = recorded.iter().zip(&replayed).enumerate();
    let differing = pairs.into_iter().find_map(|(at, (one, other))| {
        let name = one.get("event").and_then(Value::as_str).unwrap_or("event");
        difference(one, other, &mut String::new())
            .map(|words| format!("step {}, {}{words}", at + 1, about(one, name)))
    });
    differing.or_else(|| {
        let (left, who) = match recorded.len().cmp(&replayed.len()) {
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Greater => (recorded.get(replayed.len())?, "the replay ends before"),
            std::cmp::Ordering::Less => (replayed.get(recorded.len())?, "the record ends before"),
        };
        let name = left.get("event").and_then(Value::as_str).unwrap_or_default();
        Some(format!("{who} {}", about(left, name)))
    })
}

fn in_order(mut events: Vec<Value>) -> Vec<Value> {
    let number = |event: &Value| match event.get("event").and_then(Value::as_str) {
        Some("tool_finished") => event.pointer("/exhibit/id").and_then(Value::as_u64),
        Some("summary_requested" | "summary_replied") => event.get("exhibit").and_then(Value::as_u64),
        _ => None,
    };
    for run in events.chunk_by_mut(|a, b| number(a).is_some() && number(b).is_some()) {
        run.sort_by_key(number);
    }
    events
}

/// `model_requested 3`, `tool_finished E2`.
fn about(event: &Value, name: &str) -> String {
    let exhibit = event.pointer("/exhibit/id").or_else(|| event.get("exhibit")).and_then(Value::as_u64);
    let step = event.get("step").and_then(Value::as_u64);
    match (exhibit, step) {
        (Some(exhibit), _) => format!("{name} E{exhibit}"),
        (None, Some(step)) => format!("{name} {step}"),
        (None, None) => name.to_owned(),
    }
}

fn difference(one: &Value, other: &Value, path: &mut String) -> Option<String> {
    match (one, other) {
        (Value::Object(a), Value::Object(b)) => {
            let names: Vec<&String> =
                a.keys().chain(b.keys().filter(|name| !a.contains_key(*name))).collect();
            names.into_iter().find_map(|name| {
                let length = path.len();
                path.push('.');
                path.push_str(name);
                let (a, b) = (a.get(name).unwrap_or(&Value::Null), b.get(name).unwrap_or(&Value::Null));
                let found = difference(a, b, path);
                path.truncate(length);
                found
            })
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(at, (a, b))| {
                let length = path.len();
                let _ = write!(path, "[{at}]");
                let found = difference(a, b, path);
                path.truncate(length);
                found
            })
        }
        (Value::String(a), Value::String(b)) if a != b => {
            let at = a.lines().zip(b.lines()).take_while(|(a, b)| a == b).count();
            let line = |text: &str| clip(text.lines().nth(at).unwrap_or("(nothing)"), TOLD);
            let place = if a.lines().count() > 1 { format!(" line {}", at + 1) } else { String::new() };
            Some(format!(", {path}{place}: recorded `{}`, replayed `{}`", line(a), line(b)))
        }
        _ if one == other => None,
        _ => Some(format!(
            ", {path}: recorded `{}`, replayed `{}`",
            clip(&one.to_string(), TOLD),
            clip(&other.to_string(), TOLD)
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_first_difference_is_told_with_its_place() {
        let finished =
            |id: u32, view: &str| json!({"event": "tool_finished", "exhibit": {"id": id, "view": view}});
        let told = |a, b| first_difference(a, b);
        assert_eq!(
            told(vec![finished(2, "b"), finished(1, "a")], vec![finished(1, "a"), finished(2, "b")]),
            None
        );
        let words = told(vec![finished(1, "a\nb")], vec![finished(1, "a\nc")]).unwrap_or_default();
        assert_eq!(words, "step 1, tool_finished E1, .exhibit.view line 2: recorded `b`, replayed `c`");
        let requested = json!({"event": "model_requested", "step": 3});
        let words = told(vec![requested.clone()], vec![]).unwrap_or_default();
        assert_eq!(words, "the replay ends before model_requested 3");
        assert!(told(vec![], vec![requested]).is_some());
    }
}
