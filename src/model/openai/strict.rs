//! A tool's schema in the strict form, in which an endpoint lets a model write nothing else.
//!
//! Strict schemas close every object and require every key; what was optional may be null instead, which tools
//! take for absent. Not every schema can be said so: those tools stay lenient. Off unless a model's entry says
//! `strict_tools: true`, since most servers but OpenAI's ignore or refuse it.

use serde_json::{Map, Value, json};

/// Levels of nesting that are allowed.
const DEPTH: usize = 10;

/// Keywords that mean the same in both forms. Others (`title`, `examples`) are left out: they forbid nothing.
const KEPT: &[&str] = &[
    "type",
    "description",
    "enum",
    "const",
    "pattern",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
];

/// Values of `format` that the strict form knows.
const FORMATS: &[&str] =
    &["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"];

/// Keywords without which the schema would allow other things than its author wrote.
const IMPOSSIBLE: &[&str] = &[
    "oneOf",
    "allOf",
    "not",
    "if",
    "then",
    "else",
    "$ref",
    "$defs",
    "definitions",
    "patternProperties",
    "propertyNames",
    "prefixItems",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "unevaluatedProperties",
];

/// The strict form of a tool's parameters; `None` where there is none.
pub(super) fn strict(parameters: &Value) -> Option<Value> {
    let map = parameters.as_object()?;
    let is_object = map.get("type").is_none_or(|kind| kind == "object");
    // A tool without parameters is closed as it is; further in, an object without keys is one with free keys.
    is_object.then_some(())?;
    object(map, 0).map(Value::Object)
}

fn schema(value: &Value, depth: usize) -> Option<Value> {
    let map = value.as_object()?;
    if depth > DEPTH || IMPOSSIBLE.iter().any(|keyword| map.contains_key(*keyword)) {
        return None;
    }
    if let Some(branches) = map.get("anyOf") {
        let branches = branches.as_array()?.iter().map(|branch| schema(branch, depth + 1));
        let mut strict = Map::new();
        strict.insert("anyOf".to_owned(), Value::Array(branches.collect::<Option<_>>()?));
        describe(map, &mut strict);
        return Some(Value::Object(strict));
    }
    let types: Vec<&str> = match map.get("type")? {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    let mut strict = if types.contains(&"object") {
        map.get("properties")?;
        object(map, depth)?
    } else {
        kept(map)
    };
    if types.contains(&"array") {
        strict.insert("items".to_owned(), schema(map.get("items")?, depth + 1)?);
    }
    Some(Value::Object(strict))
}

fn object(map: &Map<String, Value>, depth: usize) -> Option<Map<String, Value>> {
    let free = map.get("additionalProperties").is_some_and(|allowed| *allowed != json!(false));
    if free || IMPOSSIBLE.iter().any(|keyword| map.contains_key(*keyword)) {
        return None;
    }
    let needed: Vec<&str> = map
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut properties = Map::new();
    for (name, property) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let mut strict = schema(property, depth + 1)?;
        if !needed.contains(&name.as_str()) {
            nullable(&mut strict);
        }
        properties.insert(name.clone(), strict);
    }
    let names: Vec<&String> = properties.keys().collect();
    let names = json!(names);
    let mut strict = kept(map);
    strict.entry("type").or_insert_with(|| json!("object"));
    strict.insert("properties".to_owned(), Value::Object(properties));
    strict.insert("required".to_owned(), names);
    strict.insert("additionalProperties".to_owned(), json!(false));
    Some(strict)
}

fn kept(map: &Map<String, Value>) -> Map<String, Value> {
    let mut kept = Map::new();
    for (key, value) in map {
        let format = key == "format" && value.as_str().is_some_and(|format| FORMATS.contains(&format));
        if format || KEPT.contains(&key.as_str()) {
            kept.insert(key.clone(), value.clone());
        }
    }
    describe(map, &mut kept);
    kept
}

/// A default has no keyword in the strict form, so it is told.
fn describe(map: &Map<String, Value>, strict: &mut Map<String, Value>) {
    let description = map.get("description").and_then(Value::as_str).unwrap_or_default();
    let text = match map.get("default") {
        Some(default) if !default.is_null() && !description.to_lowercase().contains("default") => {
            format!("{description} (default {default})")
        }
        _ => description.to_owned(),
    };
    if !text.is_empty() {
        strict.insert("description".to_owned(), Value::from(text.trim_start()));
    }
}

fn nullable(schema: &mut Value) {
    let Some(map) = schema.as_object_mut() else { return };
    if let Some(Value::Array(branches)) = map.get_mut("anyOf") {
        let null = json!({"type": "null"});
        if !branches.contains(&null) {
            branches.push(null);
        }
        return;
    }
    match map.get_mut("type") {
        Some(Value::Array(types)) if !types.contains(&json!("null")) => types.push(json!("null")),
        Some(kind @ Value::String(_)) if *kind != "null" => *kind = json!([kind, "null"]),
        _ => {}
    }
    if let Some(Value::Array(choices)) = map.get_mut("enum")
        && !choices.contains(&Value::Null)
    {
        choices.push(Value::Null);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_object_is_closed_and_what_was_optional_may_be_null() {
        let lenient = json!({
            "type": "object",
            "properties": {
                "pod": {"type": "string", "description": "Its name"},
                "tail": {"type": "integer", "description": "Lines", "default": 10, "minimum": 1},
                "kind": {"type": "string", "enum": ["pod", "node"], "title": "x"},
                "either": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
                "match": {
                    "type": "object",
                    "properties": {"key": {"type": "string"}, "values": {"type": "array", "items": {"type": "string"}}},
                    "required": ["key"],
                },
                "maybe": {"type": ["string", "null"], "format": "int32"},
            },
            "required": ["pod", "match"],
        });
        let expected = json!({
            "type": "object",
            "properties": {
                "pod": {"type": "string", "description": "Its name"},
                "tail": {"type": ["integer", "null"], "description": "Lines (default 10)", "minimum": 1},
                "kind": {"type": ["string", "null"], "enum": ["pod", "node", null]},
                "either": {"anyOf": [{"type": "string"}, {"type": "integer"}, {"type": "null"}]},
                "match": {
                    "type": "object",
                    "properties": {
                        "key": {"type": "string"},
                        "values": {"type": ["array", "null"], "items": {"type": "string"}},
                    },
                    "required": ["key", "values"],
                    "additionalProperties": false,
                },
                "maybe": {"type": ["string", "null"]},
            },
            "required": ["pod", "tail", "kind", "either", "match", "maybe"],
            "additionalProperties": false,
        });
        assert_eq!(strict(&lenient), Some(expected.clone()));
        // Strict already: nothing more to do, except that null is asked for once.
        assert_eq!(strict(&expected).unwrap()["properties"]["kind"], expected["properties"]["kind"]);
        let none = json!({"type": "object", "properties": {}});
        let closed =
            json!({"type": "object", "properties": {}, "required": [], "additionalProperties": false});
        assert_eq!(strict(&none), Some(closed));
    }

    #[test]
    fn what_cannot_be_said_strictly_is_not() {
        let mut deep = json!({"type": "string"});
        for _ in 0..20 {
            deep = json!({"type": "array", "items": deep});
        }
        for property in [
            json!({"type": "object"}),
            json!({"type": "object", "additionalProperties": {"type": "string"}, "properties": {}}),
            json!({"type": "object", "additionalProperties": true, "properties": {"a": {"type": "string"}}}),
            json!({"type": "array"}),
            json!({"type": "array", "items": {}}),
            json!({"type": "array", "items": {"type": "object"}}),
            json!({"anyOf": [{"type": "string"}, {"type": "object"}]}),
            json!({"oneOf": [{"type": "string"}]}),
            json!({"$ref": "#/x"}),
            json!({"description": "anything"}),
            json!(true),
            deep,
        ] {
            let whole = json!({"type": "object", "properties": {"x": property}});
            assert_eq!(strict(&whole), None, "{property}");
        }
        assert_eq!(strict(&json!({"type": "string"})), None);
        assert_eq!(strict(&json!([])), None);
    }
}
