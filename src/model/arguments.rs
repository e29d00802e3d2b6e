//! Tool arguments as servers send them: an object, its text, the text of its text, with fences,
//! chatter or a second copy around it, or cut off.
//!
//! What is cut off stays unreadable. Closing its brackets would run a command nobody wrote.

use serde_json::{Map, Value};

use crate::agent::Arguments;

/// Levels of "the text of the text of …" that are unwrapped.
const LEVELS: usize = 4;

/// The object, or the text as sent where there is none.
pub(super) fn read(value: &Value) -> Arguments {
    object(value, LEVELS).map_or_else(
        || match value {
            Value::String(text) => Arguments::Unreadable(text.clone()),
            other => Arguments::Unreadable(other.to_string()),
        },
        Arguments::Object,
    )
}

fn object(value: &Value, levels: usize) -> Option<Map<String, Value>> {
    if levels == 0 {
        return None;
    }
    match value {
        Value::Object(map) => Some(map.clone()),
        Value::Null => Some(Map::new()),
        Value::String(text) => from_text(text, levels),
        Value::Array(list) => match list.as_slice() {
            [one @ Value::Object(_)] => object(one, levels - 1),
            _ => None,
        },
        Value::Bool(_) | Value::Number(_) => None,
    }
}

fn from_text(text: &str, levels: usize) -> Option<Map<String, Value>> {
    let text = unfenced(text.trim());
    if text.is_empty() {
        return Some(Map::new());
    }
    if let Some(value) = parse(text) {
        return object(&value, levels - 1);
    }
    let open = text.find('{')?;
    let (mut first, mut rest) = leading(text.get(open..)?)?;
    // An empty object in front of the real one is an artefact of streaming servers.
    while first.is_empty()
        && let Some((next, after)) = rest.find('{').and_then(|at| leading(rest.get(at..)?))
    {
        first = next;
        rest = after;
    }
    Some(first)
}

/// The whole text as one value, raw line breaks inside strings allowed.
fn parse(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&escaped(text)).ok())
}

/// The object a text begins with and what follows it.
fn leading(text: &str) -> Option<(Map<String, Value>, &str)> {
    let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    if let Some(Ok(Value::Object(map))) = values.next() {
        return Some((map, text.get(values.byte_offset()..)?));
    }
    None
}

/// Models write multi-line scripts into strings as they are.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut after_backslash) = (false, false);
    for c in text.chars() {
        match c {
            '\n' if inside => out.push_str("\\n"),
            '\r' if inside => out.push_str("\\r"),
            '\t' if inside => out.push_str("\\t"),
            _ => out.push(c),
        }
        if c == '"' && !after_backslash {
            inside = !inside;
        }
        after_backslash = c == '\\' && !after_backslash;
    }
    out
}

fn unfenced(text: &str) -> &str {
    let Some(inner) = text.strip_prefix("```").and_then(|rest| rest.strip_suffix("```")) else {
        return text;
    };
    inner.strip_prefix("json").unwrap_or(inner).trim()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn of(value: &Value) -> Value {
        match read(value) {
            Arguments::Object(map) => Value::Object(map),
            Arguments::Unreadable(text) => panic!("unreadable: {text}"),
        }
    }

    #[test]
    fn every_known_spelling_of_an_object_is_read() {
        let want = json!({"pod": "a", "n": 1});
        for sent in [
            json!({"pod": "a", "n": 1}),
            json!(r#"{"pod": "a", "n": 1}"#),
            json!(r#""{\"pod\": \"a\", \"n\": 1}""#),
            json!("```json\n{\"pod\": \"a\", \"n\": 1}\n```"),
            json!("{\"pod\": \"a\", \"n\": 1}\n\nI will now look at it"),
            json!("Arguments: {\"pod\": \"a\", \"n\": 1}"),
            json!(r#"{}{"pod": "a", "n": 1}"#),
            json!(r#"{"pod": "a", "n": 1}{"pod": "a", "n": 1}"#),
            json!([{"pod": "a", "n": 1}]),
        ] {
            assert_eq!(of(&sent), want, "{sent}");
        }
        for nothing in [json!(null), json!(""), json!("  "), json!("null"), json!({}), json!("{}")] {
            assert_eq!(of(&nothing), json!({}), "{nothing}");
        }
        assert_eq!(of(&json!("{\"s\": \"a\nb\"}")), json!({"s": "a\nb"}));
    }

    #[test]
    fn what_is_no_object_is_left_as_sent() {
        for sent in [r#"{"pod": "a", "comma"#, "all pods", "[1, 2]", "7", r#""""""#] {
            assert_eq!(read(&json!(sent)), Arguments::Unreadable(sent.to_owned()));
        }
    }

    proptest! {
        #[test]
        fn a_cut_off_object_is_never_completed(at in 1usize..30) {
            let whole = r#"{"command": "rm -rf /tmp/x{1}"}"#;
            let cut = whole.get(..at).unwrap();
            prop_assert_eq!(read(&json!(cut)), Arguments::Unreadable(cut.to_owned()));
        }

        #[test]
        fn any_text_is_taken_without_panic(text in "\\PC*") {
            let _ = read(&json!(text));
        }
    }
}
