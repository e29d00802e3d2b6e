//! JSON as small models write it: single quotes, Python's `True` and `None`, bare keys, commas at the end, line
//! breaks and quotes inside strings.
//!
//! Only what is complete is read: an object that lacks its end stays unread.

use serde_json::{Map, Value};

/// Levels of nesting that are followed.
const DEEPEST: usize = 48;

/// The value a text begins with, and what follows it.
pub(super) fn value(text: &str) -> Option<(Value, &str)> {
    at_depth(text, 0)
}

/// The whole text as one value.
pub(super) fn whole(text: &str) -> Option<Value> {
    let (value, rest) = value(text)?;
    rest.trim().is_empty().then_some(value)
}

fn at_depth(text: &str, depth: usize) -> Option<(Value, &str)> {
    if depth > DEEPEST {
        return None;
    }
    let text = blanks(text);
    match text.chars().next()? {
        '{' => object(text.get(1..)?, depth),
        '[' => list(text.get(1..)?, depth),
        quote @ ('"' | '\'' | '`' | '“') => {
            let (said, rest) = string(text.get(quote.len_utf8()..)?, quote)?;
            Some((Value::String(said), rest))
        }
        _ => word(text),
    }
}

fn object(text: &str, depth: usize) -> Option<(Value, &str)> {
    let mut map = Map::new();
    let mut rest = blanks(text);
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((Value::Object(map), after));
        }
        let (key, after) = key(rest)?;
        let after = blanks(after);
        let after = after.strip_prefix("=>").or_else(|| after.strip_prefix([':', '=']))?;
        let (value, after) = at_depth(after, depth + 1)?;
        map.insert(key, value);
        rest = separator(after, '}')?;
    }
}

fn list(text: &str, depth: usize) -> Option<(Value, &str)> {
    let mut items = Vec::new();
    let mut rest = blanks(text);
    loop {
        if let Some(after) = rest.strip_prefix(']') {
            return Some((Value::Array(items), after));
        }
        let (value, after) = at_depth(rest, depth + 1)?;
        items.push(value);
        rest = separator(after, ']')?;
    }
}

/// What follows a comma, or the end of the list that `close` marks.
fn separator(text: &str, close: char) -> Option<&str> {
    let rest = blanks(text);
    if rest.starts_with(close) {
        return Some(rest);
    }
    rest.strip_prefix([',', ';']).map(blanks).or_else(|| {
        // A line break is as good as a comma to some.
        // So is a blank before the next quoted key.
        let gap = text.get(..text.len() - rest.len())?;
        ((gap.contains('\n') || (!gap.is_empty() && begins_key(rest))) && !rest.is_empty()).then_some(rest)
    })
}

fn key(text: &str) -> Option<(String, &str)> {
    let first = text.chars().next()?;
    if matches!(first, '"' | '\'' | '`' | '“') {
        return string(text.get(first.len_utf8()..)?, first);
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')))?;
    let name = text.get(..end).filter(|name| !name.is_empty())?;
    Some((name.to_owned(), text.get(end..)?))
}

/// A string after its opening quote. A quote ends it where the next sign is one that may follow a string.
fn string(text: &str, quote: char) -> Option<(String, &str)> {
    let close = if quote == '“' { '”' } else { quote };
    let mut out = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == close {
            let rest = text.get(at + c.len_utf8()..)?;
            // Or a line's end, where the comma was forgotten.
            let next = rest.trim_start_matches([' ', '\t']);
            if next.is_empty()
                || next.starts_with([',', ';', '}', ']', ':', '=', '\n', '\r'])
                || next.starts_with("//")
                || (next.len() < rest.len() && begins_key(next))
            {
                return Some((out, rest));
            }
            out.push(c);
        } else if c == '\\' {
            let Some((_, escaped)) = chars.next() else { break };
            match escaped {
                'n' => out.push('\n'),
                't' => out.push('\t'),
                'r' => out.push('\r'),
                '"' | '\'' | '\\' | '/' | '`' => out.push(escaped),
                'u' => out.push(unicode(&mut chars)?),
                // `\d` of a pattern that was not escaped for JSON.
                other => out.extend(['\\', other]),
            }
        } else {
            out.push(c);
        }
    }
    None
}

fn unicode(chars: &mut std::str::CharIndices<'_>) -> Option<char> {
    let mut number = 0;
    for _ in 0..4 {
        number = number * 16 + chars.next()?.1.to_digit(16)?;
    }
    Some(char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER))
}

/// Whether a quoted name and a colon stand here.
fn begins_key(text: &str) -> bool {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) else { return false };
    let rest = text.get(1..).unwrap_or_default();
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
    let after = rest.get(end..).and_then(|rest| rest.strip_prefix(quote));
    end > 0 && after.is_some_and(|after| after.trim_start_matches(' ').starts_with(':'))
}

/// A number, a constant of JSON or Python, or a bare word.
fn word(text: &str) -> Option<(Value, &str)> {
    let end = text.find([',', '}', ']', '\n']).unwrap_or(text.len());
    let word = text.get(..end)?.trim();
    if word.is_empty() || word.contains(['{', '[', '"']) {
        return None;
    }
    Some((scalar(word), text.get(end..)?))
}

/// An unquoted value.
pub(super) fn scalar(word: &str) -> Value {
    match word {
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        "null" | "None" | "none" | "nil" | "undefined" => Value::Null,
        _ => match serde_json::from_str::<Value>(word) {
            Ok(number @ Value::Number(_)) => number,
            _ => Value::from(word),
        },
    }
}

/// The text after blanks and comments to the line's end.
fn blanks(text: &str) -> &str {
    let mut rest = text.trim_start();
    while let Some(comment) = rest.strip_prefix("//") {
        rest = comment.find('\n').and_then(|at| comment.get(at..)).unwrap_or_default().trim_start();
    }
    rest
}
