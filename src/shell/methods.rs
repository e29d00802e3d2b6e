//! Python's string, list and dictionary methods that command templates use.

use minijinja::value::{Kwargs, Rest, ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::filters::WIDEST;

/// Called by the template engine for `value.method(args)` it does not know.
pub(super) fn call(
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    args: &[Value],
) -> Result<Value, Error> {
    let filter = |state: &mut State<'_, '_>, name: &str, args: &[Value]| {
        let all: Vec<Value> = std::iter::once(value.clone()).chain(args.iter().cloned()).collect();
        state.apply_filter(name, &all)
    };
    match (value.as_str(), method) {
        (Some(text), "strip" | "lstrip" | "rstrip") => {
            let (set,): (Option<&str>,) = from_args(args)?;
            let hit = |c: char| set.map_or(c.is_whitespace(), |set| set.contains(c));
            Ok(Value::from(match method {
                "strip" => text.trim_matches(hit),
                "lstrip" => text.trim_start_matches(hit),
                _ => text.trim_end_matches(hit),
            }))
        }
        (Some(text), "join") => {
            let (items,): (Value,) = from_args(args)?;
            state.apply_filter("join", &[items, Value::from(text)])
        }
        (Some(text), "startswith") => {
            let (start,): (&str,) = from_args(args)?;
            Ok(Value::from(text.starts_with(start)))
        }
        (Some(text), "endswith") => {
            let (end,): (&str,) = from_args(args)?;
            Ok(Value::from(text.ends_with(end)))
        }
        (Some(text), "format") => formatted(text, args).map(Value::from),
        (Some(text), "replace") => {
            let (from, to, count): (&str, &str, Option<usize>) = from_args(args)?;
            let replaced =
                count.map_or_else(|| text.replace(from, to), |count| text.replacen(from, to, count));
            Ok(Value::from(replaced))
        }
        (Some(_), "lower" | "upper" | "title" | "capitalize" | "split") => filter(state, method, args),
        (Some(text), _) => string(text, method, args),
        (None, "items") if value.kind() == ValueKind::Map => filter(state, "items", args),
        (None, "keys") if value.kind() == ValueKind::Map => Ok(value.try_iter()?.collect()),
        (None, "values") if value.kind() == ValueKind::Map => {
            let mut values = Vec::new();
            for key in value.try_iter()? {
                values.push(value.get_item(&key)?);
            }
            Ok(Value::from(values))
        }
        (None, "get") if value.kind() == ValueKind::Map => {
            let (key, default): (Value, Option<Value>) = from_args(args)?;
            let found = value.get_item(&key)?;
            Ok(if found.is_undefined() { default.unwrap_or(Value::from(())) } else { found })
        }
        (None, "index" | "count") if value.kind() == ValueKind::Seq => {
            let (wanted,): (Value,) = from_args(args)?;
            let items: Vec<Value> = value.try_iter()?.collect();
            if method == "count" {
                return Ok(Value::from(items.iter().filter(|item| **item == wanted).count()));
            }
            items
                .iter()
                .position(|item| *item == wanted)
                .map(Value::from)
                .ok_or_else(|| Error::new(ErrorKind::InvalidOperation, "the list has no such item"))
        }
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}

/// The less common methods of Python's strings. Places count in characters.
fn string(text: &str, method: &str, args: &[Value]) -> Result<Value, Error> {
    let place = |at: Option<usize>| {
        let characters = at.map(|at| text.get(..at).unwrap_or_default().chars().count());
        Value::from(characters.and_then(|count| i64::try_from(count).ok()).unwrap_or(-1))
    };
    let all = |test: fn(char) -> bool| Value::from(!text.is_empty() && text.chars().all(test));
    let width = |width: usize| width.min(WIDEST).saturating_sub(text.chars().count());
    Ok(match method {
        "removeprefix" => Value::from(text.strip_prefix(from_args::<(&str,)>(args)?.0).unwrap_or(text)),
        "removesuffix" => Value::from(text.strip_suffix(from_args::<(&str,)>(args)?.0).unwrap_or(text)),
        "find" => place(text.find(from_args::<(&str,)>(args)?.0)),
        "rfind" => place(text.rfind(from_args::<(&str,)>(args)?.0)),
        "count" => Value::from(text.matches(from_args::<(&str,)>(args)?.0).count()),
        "partition" | "rpartition" => {
            let (separator,): (&str,) = from_args(args)?;
            let first = method == "partition";
            let halves = if first { text.split_once(separator) } else { text.rsplit_once(separator) };
            let parts = match halves {
                Some((before, after)) => [before, separator, after],
                None if first => [text, "", ""],
                None => ["", "", text],
            };
            parts.into_iter().map(Value::from).collect()
        }
        "rsplit" => {
            let (separator, most): (Option<&str>, Option<usize>) = from_args(args)?;
            let most = most.map_or(usize::MAX, |most| most.saturating_add(1));
            let mut parts: Vec<&str> = match separator {
                Some(separator) => text.rsplitn(most, separator).collect(),
                None => {
                    text.trim().rsplitn(most, char::is_whitespace).filter(|part| !part.is_empty()).collect()
                }
            };
            parts.reverse();
            parts.into_iter().map(Value::from).collect()
        }
        "splitlines" => text.lines().map(Value::from).collect(),
        "isdigit" | "isdecimal" | "isnumeric" => all(char::is_numeric),
        "isalpha" => all(char::is_alphabetic),
        "isalnum" => all(char::is_alphanumeric),
        "isspace" => all(char::is_whitespace),
        "isupper" => Value::from(text.to_uppercase() == text && text.to_lowercase() != text),
        "islower" => Value::from(text.to_lowercase() == text && text.to_uppercase() != text),
        "casefold" => Value::from(text.to_lowercase()),
        "zfill" => {
            let (wide,): (usize,) = from_args(args)?;
            let digits = text.trim_start_matches(['-', '+']);
            let (sign, digits) = if text.len() - digits.len() == 1 { text.split_at(1) } else { ("", text) };
            Value::from(format!("{sign}{}{digits}", "0".repeat(width(wide))))
        }
        "ljust" | "rjust" => {
            let (wide, fill): (usize, Option<char>) = from_args(args)?;
            let filling: String = std::iter::repeat_n(fill.unwrap_or(' '), width(wide)).collect();
            Value::from(if method == "ljust" {
                format!("{text}{filling}")
            } else {
                format!("{filling}{text}")
            })
        }
        "center" => Value::from(super::filters::center(text, from_args::<(Option<usize>,)>(args)?.0)),
        _ => return Err(Error::from(ErrorKind::UnknownMethod)),
    })
}

/// `'{}/{1}/{name}'.format(a, b, name=c)`, without what may follow a colon.
fn formatted(text: &str, args: &[Value]) -> Result<String, Error> {
    let wrong = |what: String| Error::new(ErrorKind::InvalidOperation, what);
    let (args, named): (Rest<Value>, Kwargs) = from_args(args)?;
    let mut out = String::new();
    let mut next = 0;
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        if let Some(after) = from.strip_prefix("{{").or_else(|| from.strip_prefix("}}")) {
            out.push_str(from.get(..1).unwrap_or_default());
            rest = after;
            continue;
        }
        let Some((field, after)) = from.strip_prefix('{').and_then(|from| from.split_once('}')) else {
            return Err(wrong(format!("a lone `{}` in `.format`", from.get(..1).unwrap_or_default())));
        };
        rest = after;
        let value = if field.is_empty() {
            next += 1;
            args.get(next - 1).cloned()
        } else if let Ok(index) = field.parse::<usize>() {
            args.get(index).cloned()
        } else if field.contains([':', '!', '.', '[']) {
            return Err(wrong(format!("`{{{field}}}` in `.format` is more than a name or a number")));
        } else {
            named.get::<Option<Value>>(field)?
        };
        let value = value.ok_or_else(|| wrong(format!("`.format` is given nothing for `{{{field}}}`")))?;
        match value.as_str() {
            Some(value) => out.push_str(value),
            None if value.is_undefined() || value.is_none() => {}
            None => out.push_str(&value.to_string()),
        }
        if out.len() > WIDEST {
            return Err(wrong("`.format` makes a text that no command can be given".to_owned()));
        }
    }
    out.push_str(rest);
    Ok(out)
}
