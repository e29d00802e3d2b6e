//! Holds a model's arguments to a tool's parameters before anything runs.
//!
//! Models send numbers as strings, `null` for nothing, and names that are nearly right. What can be read in one
//! way only is read so; everything else is an error that says what to send instead.

use serde_json::{Map, Value};

use crate::toolset::Parameter;

/// Arguments a tool cannot take, in words a model can act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problems}; parameters: {expected}")]
pub(super) struct ParameterError {
    /// Every problem, not only the first: each round trip to a model costs.
    pub(super) problems: String,
    /// The schema in short: `name: type (required)`.
    pub(super) expected: String,
}

/// The arguments as the template gets them: of the declared types, defaults filled in, nulls left out.
///
/// # Errors
/// When an argument is missing, unknown, of another type, or not among the choices.
pub(super) fn checked(
    parameters: &[Parameter],
    arguments: &Map<String, Value>,
) -> Result<Map<String, Value>, ParameterError> {
    let mut problems = Vec::new();
    let mut values = Map::new();
    for parameter in parameters {
        // Explicit null is absent.
        let sent = arguments.get(&parameter.name).filter(|value| !value.is_null());
        match sent.map(|value| coerced(parameter, value)) {
            Some(Ok(value)) => {
                values.insert(parameter.name.clone(), value);
            }
            Some(Err(problem)) => problems.push(problem),
            None => match &parameter.default {
                Some(default) if !default.is_null() => {
                    values.insert(parameter.name.clone(), default.clone());
                }
                _ if parameter.required => {
                    problems.push(format!("required parameter `{}` is missing", parameter.name));
                }
                _ => {}
            },
        }
    }
    for name in arguments.keys() {
        if !parameters.iter().any(|parameter| parameter.name == *name) {
            problems.push(unknown(name, parameters));
        }
    }
    if problems.is_empty() {
        Ok(values)
    } else {
        Err(ParameterError { problems: problems.join("; "), expected: expected(parameters) })
    }
}

/// The schema in short.
fn expected(parameters: &[Parameter]) -> String {
    let describe = |parameter: &Parameter| {
        let mut types = parameter.types.join("|");
        if types.is_empty() {
            "any".clone_into(&mut types);
        }
        if !parameter.choices.is_empty() {
            types = choices(parameter);
        }
        let need = if parameter.required && parameter.default.is_none() { "required" } else { "optional" };
        format!("{}: {types} ({need})", parameter.name)
    };
    if parameters.is_empty() {
        "none".to_owned()
    } else {
        parameters.iter().map(describe).collect::<Vec<_>>().join(", ")
    }
}

fn choices(parameter: &Parameter) -> String {
    let choices = parameter.choices.iter().map(ToString::to_string);
    format!("one of {}", choices.collect::<Vec<_>>().join(", "))
}

fn unknown(name: &str, parameters: &[Parameter]) -> String {
    // Arguments are hostile text: what is repeated of them is short and visible.
    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
    let near = parameters
        .iter()
        .map(|parameter| (strsim::jaro_winkler(name, &parameter.name), &parameter.name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((_, near)) => format!("unknown parameter `{shown}`, did you mean `{near}`"),
        None => format!("unknown parameter `{shown}`"),
    }
}

fn coerced(parameter: &Parameter, value: &Value) -> Result<Value, String> {
    let value = typed(&parameter.types, value).ok_or_else(|| {
        format!("parameter `{}` is {}, needs {}", parameter.name, kind(value), parameter.types.join(" or "))
    })?;
    if parameter.choices.is_empty() {
        return Ok(value);
    }
    // `"5"` for a choice `5`, and the other way round.
    let same = |choice: &&Value| **choice == value || plain(choice) == plain(&value);
    match parameter.choices.iter().find(same) {
        Some(choice) => Ok(choice.clone()),
        None => {
            Err(format!("parameter `{}` is {}, needs {}", parameter.name, kind(&value), choices(parameter)))
        }
    }
}

/// The value as the first of `types` that it is, else as the first it can be read as.
fn typed(types: &[String], value: &Value) -> Option<Value> {
    if types.is_empty() || types.iter().any(|name| is(name, value)) {
        return Some(value.clone());
    }
    types.iter().find_map(|name| read_as(name, value))
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        // A type this program does not know is the author's to answer for.
        _ => true,
    }
}

fn read_as(name: &str, value: &Value) -> Option<Value> {
    match (name, value) {
        ("string", Value::Number(_) | Value::Bool(_)) => Some(Value::String(plain(value))),
        ("string", Value::Array(_) | Value::Object(_)) => Some(Value::String(value.to_string())),
        ("integer", Value::String(text)) => {
            let text = text.trim();
            let whole = text.parse::<i64>().ok().map(Value::from);
            whole.or_else(|| {
                let number = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64)?;
                read_as("integer", &Value::Number(number))
            })
        }
        ("integer", Value::Number(number)) => {
            let number = number.as_f64()?;
            // Whole, and small enough to be exact: `5.0` is five.
            #[allow(clippy::cast_possible_truncation)] // Checked by the bound.
            (number.fract() == 0.0 && number.abs() < 9e15).then(|| Value::from(number as i64))
        }
        ("number", Value::String(text)) => {
            let text = text.trim();
            let whole = text.parse::<i64>().ok().map(Value::from);
            whole.or_else(|| {
                let number = text.parse::<f64>().ok()?;
                serde_json::Number::from_f64(number).map(Value::Number)
            })
        }
        ("boolean", Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "true" | "yes" | "1" => Some(Value::Bool(true)),
            "false" | "no" | "0" => Some(Value::Bool(false)),
            _ => None,
        },
        ("boolean", Value::Number(number)) => match number.as_i64() {
            Some(1) => Some(Value::Bool(true)),
            Some(0) => Some(Value::Bool(false)),
            _ => None,
        },
        ("array" | "object", Value::String(text)) => {
            let read = serde_json::from_str(text).ok().filter(|read| is(name, read));
            // One where several are allowed, unless it is half a list.
            let one = name == "array" && !text.trim_start().starts_with(['[', '{']);
            read.or_else(|| one.then(|| Value::Array(vec![value.clone()])))
        }
        ("array", Value::Number(_) | Value::Bool(_) | Value::Object(_)) => {
            Some(Value::Array(vec![value.clone()]))
        }
        _ => None,
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The value as an error names it.
fn kind(value: &Value) -> String {
    let short = |text: String| {
        let mut shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        shown
    };
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(_) | Value::Number(_) => format!("`{value}`"),
        Value::String(text) => format!("the string `{}`", short(text.clone())),
        Value::Array(_) => format!("the array `{}`", short(value.to_string())),
        Value::Object(_) => format!("the object `{}`", short(value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parameter(name: &str, types: &[&str], required: bool) -> Parameter {
        Parameter {
            name: name.to_owned(),
            required,
            types: types.iter().map(|name| (*name).to_owned()).collect(),
            ..Parameter::default()
        }
    }

    fn check(parameters: &[Parameter], arguments: &Value) -> Result<Value, String> {
        checked(parameters, arguments.as_object().unwrap())
            .map(Value::Object)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn values_are_read_as_their_type() {
        for (types, sent, read) in [
            (&["integer"][..], json!("5"), json!(5)),
            (&["integer"], json!(5.0), json!(5)),
            (&["integer"], json!("5.0"), json!(5)),
            (&["array"], json!("cpu"), json!(["cpu"])),
            (&["array"], json!({"a": 1}), json!([{"a": 1}])),
            (&["array", "string"], json!("cpu"), json!("cpu")),
            (&["number"], json!("1.5"), json!(1.5)),
            (&["boolean"], json!("True"), json!(true)),
            (&["boolean"], json!(0), json!(false)),
            (&["string"], json!(5), json!("5")),
            (&["string"], json!(true), json!("true")),
            (&["array"], json!("[1]"), json!([1])),
            (&["object"], json!("{\"a\":1}"), json!({"a": 1})),
            (&["integer", "string"], json!("all"), json!("all")),
            (&[], json!([1]), json!([1])),
        ] {
            let read_as = check(&[parameter("x", types, true)], &json!({"x": sent}));
            assert_eq!(read_as, Ok(json!({"x": read})), "{types:?} {sent}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_named_with_what_is_needed() {
        for (types, sent) in [
            (&["integer"][..], json!("five")),
            (&["integer"], json!(5.5)),
            (&["integer"], json!("5.5")),
            (&["array"], json!("[\"cpu\"")),
            (&["boolean"], json!("maybe")),
            (&["object"], json!("[1]")),
            (&["number"], json!("NaN")),
        ] {
            let error = check(&[parameter("x", types, true)], &json!({"x": sent})).unwrap_err();
            assert!(error.contains(&format!("needs {}", types.join(" or "))), "{error}");
        }
    }

    #[test]
    fn missing_unknown_and_null_are_told_together() {
        let parameters = [parameter("namespace", &["string"], true), parameter("tail", &["integer"], false)];
        let error = check(&parameters, &json!({"namespace": null, "namespce": "a", "z": 1})).unwrap_err();
        assert_eq!(
            error,
            "required parameter `namespace` is missing; unknown parameter `namespce`, did you mean `namespace`; \
             unknown parameter `z`; parameters: namespace: string (required), tail: integer (optional)"
        );
        assert_eq!(
            check(&parameters, &json!({"namespace": "a", "tail": null})),
            Ok(json!({"namespace": "a"}))
        );
        assert!(check(&[], &json!({"x": 1})).unwrap_err().ends_with("parameters: none"));
    }

    #[test]
    fn choices_and_defaults() {
        let mut kind = parameter("kind", &["string"], true);
        kind.choices = vec![json!("pod"), json!("5")];
        assert_eq!(check(&[kind.clone()], &json!({"kind": 5})), Ok(json!({"kind": "5"})));
        let error = check(&[kind.clone()], &json!({"kind": "node"})).unwrap_err();
        assert!(error.contains("`kind` is the string `node`, needs one of \"pod\", \"5\""), "{error}");
        kind.default = Some(json!("pod"));
        assert_eq!(check(&[kind], &json!({})), Ok(json!({"kind": "pod"})));
    }
}
