//! Python's string, list and dictionary methods that command templates use.

use minijinja::value::{ValueKind, from_args};
use minijinja::{Error, ErrorKind, State, Value};

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
        (Some(_), "lower" | "upper" | "title" | "capitalize" | "replace" | "split") => {
            filter(state, method, args)
        }
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
        _ => Err(Error::from(ErrorKind::UnknownMethod)),
    }
}
