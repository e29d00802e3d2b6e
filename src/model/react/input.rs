//! An action's input as a tool's arguments: JSON or nearly, a Python dict or call, `key=value`, YAML's lines, or
//! just the one value that the tool needs.
//!
//! What begins as an object and does not end stays unreadable: closing it would run a call that nobody wrote.

use serde_json::{Map, Value};

use super::loose;
use crate::agent::{Arguments, ToolSpec};
use crate::model::arguments;

/// Fields that some put around the arguments.
const WRAPPERS: &[&str] =
    &["action_input", "tool_input", "input", "arguments", "args", "parameters", "params", "kwargs"];

/// Words for "this tool needs nothing".
const NOTHING: &[&str] = &[
    "",
    "none",
    "null",
    "n/a",
    "na",
    "nil",
    "-",
    "{}",
    "()",
    "[]",
    "empty",
    "no input",
    "no input needed",
    "nothing",
];

/// Reads what stands behind `Action Input:`, or in the brackets of a call.
pub(super) fn read(text: &str, spec: Option<&ToolSpec>) -> Arguments {
    let text = unfenced(tidied(text));
    let shape = Shape::of(spec);
    if NOTHING.contains(&plain(text).to_lowercase().as_str()) {
        return Arguments::Object(Map::new());
    }
    // Only then a sentence in front of an object is taken for one.
    let open = text.find('{');
    let begins_object = open == Some(0);
    if begins_object || text.starts_with('[') {
        if let Some(value) = strict(text).or_else(|| loose::value(text).map(|(value, _)| value)) {
            return from_value(value, text, &shape);
        }
        // Brackets may be the words of a value: `[ERROR] timeout`.
        if begins_object || !shape.takes_text() {
            return Arguments::Unreadable(text.to_owned());
        }
    }
    if let Some(pairs) =
        flags(text, &shape).or_else(|| elements(text, &shape)).or_else(|| pairs(text, &shape))
    {
        return from_value(Value::Object(pairs), text, &shape);
    }
    if let Some(value) = strict(text).or_else(|| loose::whole(text)) {
        return from_value(value, text, &shape);
    }
    if text.starts_with(['"', '\'']) && text.contains(',') && !shape.takes_text() {
        // `"a", "b"`: in the order of the parameters.
        if let Some(arguments) = positional(text, spec) {
            return arguments;
        }
    }
    if let Some(at) = open
        && text
            .get(..at)
            .is_some_and(|before| before.trim_end().ends_with([':', '=']) || before.contains('\n'))
        && let Some((Value::Object(map), _)) = text.get(at..).and_then(loose::value)
    {
        return from_value(Value::Object(map), text, &shape);
    }
    from_value(Value::from(plain(text)), text, &shape)
}

/// A value that a model gave as its input, of whatever type.
pub(super) fn from_json(value: &Value, spec: Option<&ToolSpec>) -> Arguments {
    match value {
        Value::String(text) => read(text, spec),
        Value::Null => Arguments::Object(Map::new()),
        other => from_value(other.clone(), &other.to_string(), &Shape::of(spec)),
    }
}

/// Positions of a call, `tool("a", 2)`, by the order of the tool's parameters.
pub(super) fn positional(text: &str, spec: Option<&ToolSpec>) -> Option<Arguments> {
    let Some(Value::Array(values)) = loose::whole(&format!("[{text}]")) else { return None };
    let names = Shape::of(spec).in_order();
    if values.is_empty() || values.len() > names.len() || values.iter().any(Value::is_object) {
        return None;
    }
    Some(Arguments::Object(names.into_iter().zip(values).collect()))
}

/// What a tool takes, as far as it is known.
struct Shape {
    known: bool,
    names: Vec<String>,
    required: Vec<String>,
}

impl Shape {
    fn of(spec: Option<&ToolSpec>) -> Self {
        let parameters = spec.map(|spec| &spec.parameters);
        let names = parameters
            .and_then(|schema| schema.get("properties")?.as_object())
            .map(|properties| properties.keys().cloned().collect())
            .unwrap_or_default();
        let required = parameters
            .and_then(|schema| schema.get("required")?.as_array())
            .map(|list| list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect())
            .unwrap_or_default();
        Self { known: spec.is_some(), names, required }
    }

    /// The parameter that a lone value is for.
    fn only(&self) -> Option<&String> {
        match (self.required.as_slice(), self.names.as_slice()) {
            ([one], _) | ([], [one]) => Some(one),
            _ => None,
        }
    }

    fn takes_text(&self) -> bool {
        self.only().is_some()
    }

    /// Required ones first: these are what a call without names gives.
    fn in_order(&self) -> Vec<String> {
        let rest = self.names.iter().filter(|name| !self.required.contains(name));
        self.required.iter().chain(rest).cloned().collect()
    }

    fn has(&self, name: &str) -> bool {
        self.names.iter().any(|own| own == name)
    }
}

fn from_value(value: Value, text: &str, shape: &Shape) -> Arguments {
    let unreadable = || Arguments::Unreadable(text.to_owned());
    match value {
        Value::Object(map) => unwrapped(map, shape),
        Value::Null => Arguments::Object(Map::new()),
        Value::Array(list) => match (list.as_slice(), shape.only()) {
            ([Value::Object(map)], _) => unwrapped(map.clone(), shape),
            ([], _) => Arguments::Object(Map::new()),
            (_, Some(name)) => Arguments::Object(Map::from_iter([(name.clone(), Value::Array(list))])),
            _ => unreadable(),
        },
        lone => match shape.only() {
            Some(name) => Arguments::Object(Map::from_iter([(name.clone(), lone)])),
            // Words beside a tool that needs none.
            None if shape.known && shape.names.is_empty() => Arguments::Object(Map::new()),
            None => unreadable(),
        },
    }
}

/// Without a field around all of it that the tool does not have.
fn unwrapped(map: Map<String, Value>, shape: &Shape) -> Arguments {
    let wrapper = WRAPPERS.iter().find(|name| map.contains_key(**name) && !shape.has(name));
    let named = ["name", "tool", "tool_name", "action", "function"]
        .iter()
        .any(|key| map.contains_key(*key) && !shape.has(key));
    if let Some(wrapper) = wrapper
        && (map.len() == 1 || (map.len() == 2 && named))
    {
        match map.get(*wrapper) {
            Some(Value::Object(inner)) => return Arguments::Object(inner.clone()),
            Some(Value::Null) => return Arguments::Object(Map::new()),
            Some(Value::String(text)) => {
                if let Some(Value::Object(inner)) = loose::whole(text) {
                    return Arguments::Object(inner);
                }
                if let Some(name) = shape.only() {
                    return Arguments::Object(Map::from_iter([(name.clone(), Value::from(text.as_str()))]));
                }
            }
            _ => {}
        }
    }
    Arguments::Object(map)
}

/// As servers' arguments are read.
fn strict(text: &str) -> Option<Value> {
    match arguments::read(&Value::from(text)) {
        Arguments::Object(map) => Some(Value::Object(map)),
        Arguments::Unreadable(_) => serde_json::from_str(text).ok(),
    }
}

/// `key=value` or `key: value`, on lines or in one; the keys are the tool's own parameters where it is known.
fn pairs(text: &str, shape: &Shape) -> Option<Map<String, Value>> {
    let mut keys: Vec<(usize, usize, &str)> = Vec::new();
    let mut at = 0;
    let mut quote: Option<char> = None;
    for (place, c) in text.char_indices() {
        match quote {
            Some(open) if c == open => quote = None,
            // An apostrophe inside a word opens nothing.
            None if matches!(c, '"' | '\'')
                && text.get(..place).is_none_or(|b| !b.ends_with(char::is_alphanumeric)) =>
            {
                quote = Some(c);
            }
            None if place >= at && matches!(c, '=' | ':') => {
                let before = text.get(at..place).unwrap_or_default();
                if let Some((start, name)) = name_before(before, keys.is_empty(), shape) {
                    keys.push((at + start, place + 1, name));
                    at = place + 1;
                }
            }
            _ => {}
        }
    }
    // All of the text belongs to some key.
    if keys.first()?.0 > 0
        && !text.get(..keys.first()?.0)?.trim_matches(['-', ' ', '\n', '(', '*']).is_empty()
    {
        return None;
    }
    let mut map = Map::new();
    for (number, (_, from, name)) in keys.iter().enumerate() {
        let to = keys.get(number + 1).map_or(text.len(), |next| next.0);
        let value = text.get(*from..to)?.trim_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
        let value = value.strip_suffix("\n-").unwrap_or(value).trim();
        let value = written(value);
        if !value.is_null() {
            map.insert((*name).to_owned(), value);
        }
    }
    Some(map)
}

/// `--kind pods --namespace=default`, of the tool's own parameters.
fn flags(text: &str, shape: &Shape) -> Option<Map<String, Value>> {
    let text = text.strip_prefix("--")?;
    let mut map = Map::new();
    for part in text.split(" --") {
        let end = part.find(['=', ' ']).unwrap_or(part.len());
        let (name, value) = part.split_at(end);
        let name = name.replace('-', "_");
        if !shape.has(&name) {
            return None;
        }
        let value = value.trim_start_matches(['=', ' ']).trim();
        map.insert(name, if value.is_empty() { Value::Bool(true) } else { written(value) });
    }
    Some(map)
}

/// `<kind>pods</kind>`, of the tool's own parameters.
fn elements(text: &str, shape: &Shape) -> Option<Map<String, Value>> {
    let mut map = Map::new();
    let mut rest = text;
    while let Some(open) = rest.strip_prefix('<') {
        let (name, after) = open.split_once('>')?;
        if !shape.has(name) {
            return None;
        }
        let (value, after) = after.split_once(&format!("</{name}>"))?;
        map.insert(name.to_owned(), written(value.trim()));
        rest = after.trim_start();
    }
    (!map.is_empty() && rest.is_empty()).then_some(map)
}

/// The parameter's name that `before` ends with and where it begins, when it may be one.
fn name_before<'a>(before: &'a str, first: bool, shape: &Shape) -> Option<(usize, &'a str)> {
    let trimmed = before.trim_end_matches([' ', '*', '`', '"', '\'']);
    let start = trimmed
        .char_indices()
        .rev()
        .take_while(|(_, c)| c.is_alphanumeric() || matches!(c, '_'))
        .last()
        .map(|(at, _)| at)?;
    let name = trimmed.get(start..)?;
    let lead = trimmed.get(..start)?;
    let sign = lead.trim_end_matches(['*', '`', '-', '"', '\'']);
    let new_line = sign.is_empty() || sign.ends_with(['\n', ',', ';', '(']);
    let spaced = new_line || sign.ends_with(' ');
    let fits = if shape.known {
        shape.has(name) && spaced
    } else {
        new_line || (!first && sign.trim_end_matches(' ').ends_with(['\n', ',', ';']))
    };
    fits.then_some((start - (lead.len() - sign.len()).min(start), name))
}

/// A value of a pair: quoted, nested, a list of YAML, or as it stands there.
fn written(text: &str) -> Value {
    if text.starts_with(['"', '\'', '{', '[', '`'])
        && let Some(value) = loose::whole(text)
    {
        return value;
    }
    // A remark in brackets may stand behind it.
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\''))
        && let Some((inner, remark)) = text.get(1..).and_then(|rest| rest.split_once(quote))
        && remark.trim_start().starts_with('(')
        && remark.ends_with(')')
    {
        return Value::from(inner);
    }
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    if !lines.is_empty() && lines.iter().all(|line| line.starts_with("- ")) {
        return lines.iter().map(|line| written(line.trim_start_matches("- "))).collect();
    }
    loose::scalar(text)
}

/// Without what is no part of it: tokens that end a turn, the begun word of a stop sequence.
fn tidied(text: &str) -> &str {
    let mut text = text.trim();
    for mark in ["</s>", "<|im_end|>", "<|eot_id|>", "<|end|>", "<end_of_turn>", "<end_code>", "<end_action>"]
    {
        text = text.split(mark).next().unwrap_or(text).trim_end();
    }
    if let Some((rest, last)) = text.rsplit_once('\n') {
        let last = last.trim();
        let begun = last.trim_start_matches(['*', '#', '_', '>', ' ']);
        if begun.is_empty() || (begun.len() > 1 && "Observation".starts_with(begun)) {
            text = rest.trim_end();
        }
    }
    text
}

/// The inside of a fence that the text begins with, else the text.
pub(super) fn unfenced(text: &str) -> &str {
    let text = text.trim();
    let Some(inner) = text.strip_prefix("```") else {
        return text
            .strip_suffix("```")
            .map_or(text, |rest| if rest.contains("```") { text } else { rest.trim_end() });
    };
    let inner = inner.split("```").next().unwrap_or(inner);
    let named = inner.find('\n').filter(|end| {
        inner.get(..*end).is_some_and(|word| word.trim().chars().all(|c| c.is_ascii_alphanumeric()))
    });
    let inner = match named {
        Some(end) => inner.get(end..).unwrap_or_default(),
        None => inner.strip_prefix("json").unwrap_or(inner),
    };
    inner.trim()
}

/// Without one pair of quotes or backticks around all of it.
fn plain(text: &str) -> &str {
    for mark in ['"', '\'', '`'] {
        if let Some(inner) = text.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark))
            && !inner.contains(mark)
        {
            return inner.trim();
        }
    }
    text
}
