//! The parameters a tool declares, as the schema a model gets.
//!
//! Inside `items`, `properties` and `any_of` the format writes parameters again, so `required: true` may stand
//! on a property; JSON Schema wants a list on the object. Both spellings are read, JSON Schema's is given.

use serde_json::{Map, Value, json};

use crate::config::yaml::{Entry, Kind, Node, Warning, YamlError};

use super::Parameter;
use super::fields::{name_of, text, unknown_key};

const KEYS: &[&str] = &[
    "name",
    "type",
    "description",
    "required",
    "enum",
    "items",
    "properties",
    "additional_properties",
    "any_of",
    "default",
    "json_schema_extra",
    "format",
    "minimum",
    "maximum",
    "pattern",
    "examples",
];

/// Keywords of JSON Schema that a parameter may carry besides.
const KEYWORDS: &[&str] = &[
    "format",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "const",
    "title",
    "examples",
    "oneOf",
    "allOf",
    "$ref",
    "$defs",
];

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "array", "object", "null"];

/// `parameters:` as a map or, in the older form, as a list of names or of `{name, …}`.
pub(super) fn parameters(node: &Node, warnings: &mut Vec<Warning>) -> Result<Vec<Parameter>, YamlError> {
    let mut found: Vec<Parameter> = Vec::new();
    let mut add = |parameter: Parameter| {
        found.retain(|earlier| earlier.name != parameter.name);
        found.push(parameter);
    };
    match &node.kind {
        Kind::Sequence(items) => {
            for item in items {
                let name = match &item.kind {
                    Kind::Scalar { .. } => text(item)?,
                    _ => name_of(item).ok_or_else(|| item.error("a parameter needs a `name`"))?,
                };
                let body = matches!(item.kind, Kind::Mapping(_)).then_some(item);
                add(parameter(name, body, warnings)?);
            }
        }
        _ => {
            for entry in node.entries()? {
                add(parameter(entry.key.clone(), Some(&entry.value), warnings)?);
            }
        }
    }
    Ok(found)
}

fn parameter(name: String, body: Option<&Node>, warnings: &mut Vec<Warning>) -> Result<Parameter, YamlError> {
    let mut parameter =
        Parameter { name, types: vec!["string".to_owned()], required: true, ..Default::default() };
    let Some(body) = body else { return Ok(parameter) };
    // `pod: "name of the pod"` is a description.
    if let Kind::Scalar { .. } = body.kind {
        body.as_str().unwrap_or_default().clone_into(&mut parameter.description);
        return Ok(parameter);
    }
    let what = format!("parameter `{}`", parameter.name);
    let Shape { types, mut schema } = shape(body, &what, warnings)?;
    parameter.types = types;
    // What the format has fields of its own for.
    let mut taken = |key: &str| schema.shift_remove(key);
    if let Some(Value::String(description)) = taken("description") {
        parameter.description = description;
    }
    if let Some(Value::Array(choices)) = taken("enum") {
        parameter.choices = choices;
    }
    parameter.default = taken("default");
    let required = match body.get("required") {
        Some(required) if matches!(required.kind, Kind::Scalar { .. }) && !required.is_null() => {
            Some(required.as_bool().map_err(|e| e.about("required"))?)
        }
        _ => None,
    };
    parameter.schema = schema;
    parameter.required = required.unwrap_or(parameter.default.is_none());
    Ok(parameter)
}

/// A parameter's types and everything else of its schema.
struct Shape {
    types: Vec<String>,
    schema: Map<String, Value>,
}

fn shape(body: &Node, what: &str, warnings: &mut Vec<Warning>) -> Result<Shape, YamlError> {
    let mut types = Vec::new();
    let mut schema = Map::new();
    let mut union = false;
    for entry in body.entries()? {
        let value = &entry.value;
        let key = entry.key.as_str();
        if key == "default" {
            schema.insert("default".to_owned(), value.to_json());
            continue;
        }
        if value.is_null() {
            continue;
        }
        let about = |error: YamlError| error.about(key);
        match key {
            "name" => {}
            "type" => types = read_types(value, &mut schema, warnings).map_err(about)?,
            "description" => _ = schema.insert(key.to_owned(), Value::from(text(value).map_err(about)?)),
            "required" => required(value, &mut schema).map_err(about)?,
            "enum" => {
                let choices = value.items().map_err(about)?.iter().map(Node::to_json).collect();
                schema.insert(key.to_owned(), choices);
            }
            "items" => _ = schema.insert(key.to_owned(), nested(value, what, warnings)?),
            "properties" => properties(value, &mut schema, what, warnings).map_err(about)?,
            "additional_properties" | "additionalProperties" => {
                let allowed = match &value.kind {
                    Kind::Mapping(_) => nested(value, what, warnings)?,
                    _ => Value::Bool(value.as_bool().map_err(about)?),
                };
                schema.insert("additionalProperties".to_owned(), allowed);
            }
            "any_of" | "anyOf" => {
                let branches = value.items().map_err(about)?.iter();
                let branches: Result<Vec<Value>, YamlError> =
                    branches.map(|branch| nested(branch, what, warnings)).collect();
                schema.insert("anyOf".to_owned(), Value::Array(branches?));
                union = true;
            }
            "json_schema_extra" => {
                value.entries().map_err(about)?;
                if let Value::Object(extra) = value.to_json() {
                    schema.extend(extra);
                }
            }
            key if KEYWORDS.contains(&key) => _ = schema.insert(key.to_owned(), value.to_json()),
            _ => warnings.push(unknown_key(entry, what, KEYS)),
        }
    }
    // The branches say the type.
    if union {
        types.clear();
    } else if types.is_empty() {
        let said = |key: &str| schema.contains_key(key);
        let meant = match () {
            () if said("properties") || said("additionalProperties") => "object",
            () if said("items") => "array",
            () if said("$ref") || said("oneOf") || said("allOf") || said("const") => "",
            () => "string",
        };
        types.extend((!meant.is_empty()).then(|| meant.to_owned()));
    }
    // Endpoints refuse a list of nobody knows what.
    if types.iter().any(|name| name == "array") && !schema.contains_key("items") {
        schema.insert("items".to_owned(), json!({"type": "string"}));
    }
    if types == ["string"] {
        as_texts(body, &mut schema);
    }
    Ok(Shape { types, schema })
}

/// Choices of a text parameter are texts, also where YAML reads `1` or `yes` otherwise.
fn as_texts(body: &Node, schema: &mut Map<String, Value>) {
    if let Some(choices) = body.get("enum").and_then(|choices| choices.items().ok()) {
        let texts =
            choices.iter().map(|choice| choice.as_str().map_or_else(|_| choice.to_json(), Value::from));
        schema.insert("enum".to_owned(), texts.collect());
        if let Some(default) = body.get("default").and_then(|default| default.as_str().ok()) {
            schema.insert("default".to_owned(), Value::from(default));
        }
    }
}

/// On an object a list of names is JSON Schema's; a truth is about the parameter itself, and its object's.
fn required(value: &Node, schema: &mut Map<String, Value>) -> Result<(), YamlError> {
    match &value.kind {
        Kind::Sequence(_) => _ = schema.insert("required".to_owned(), value.to_json()),
        _ => _ = value.as_bool()?,
    }
    Ok(())
}

/// A parameter inside another, as the JSON Schema it stands for.
fn nested(node: &Node, what: &str, warnings: &mut Vec<Warning>) -> Result<Value, YamlError> {
    // `items: string`.
    if let Kind::Scalar { .. } = node.kind {
        let mut schema = Map::new();
        let types = read_types(node, &mut schema, warnings)?;
        insert_types(types, &mut schema);
        return Ok(Value::Object(schema));
    }
    let Shape { types, schema } = shape(node, what, warnings)?;
    let mut whole = Map::new();
    insert_types(types, &mut whole);
    whole.extend(schema);
    Ok(Value::Object(whole))
}

fn insert_types(mut types: Vec<String>, schema: &mut Map<String, Value>) {
    let value = match types.len() {
        0 => return,
        1 => Value::from(types.remove(0)),
        _ => json!(types),
    };
    schema.insert("type".to_owned(), value);
}

fn properties(
    node: &Node,
    schema: &mut Map<String, Value>,
    what: &str,
    warnings: &mut Vec<Warning>,
) -> Result<(), YamlError> {
    let said = |entry: &Entry| {
        let required = entry.value.get("required")?;
        if matches!(required.kind, Kind::Scalar { .. }) { required.as_bool().ok() } else { None }
    };
    let entries = node.entries()?;
    let mut map = Map::new();
    for entry in entries {
        let property = match &entry.value.kind {
            Kind::Scalar { .. } => {
                json!({"type": "string", "description": entry.value.as_str().unwrap_or_default()})
            }
            _ => nested(&entry.value, what, warnings).map_err(|error| error.about(&entry.key))?,
        };
        map.insert(entry.key.clone(), property);
    }
    schema.insert("properties".to_owned(), Value::Object(map));
    // An author who says it of one means the others by the format's default, which is true.
    if entries.iter().any(|entry| said(entry).is_some()) && !schema.contains_key("required") {
        let names: Vec<&str> = entries
            .iter()
            .filter(|entry| said(entry).unwrap_or_else(|| entry.value.get("default").is_none()))
            .map(|entry| entry.key.as_str())
            .collect();
        if !names.is_empty() {
            schema.insert("required".to_owned(), json!(names));
        }
    }
    Ok(())
}

/// One name, `[string, "null"]`, or the older `array[string]`.
fn read_types(
    node: &Node,
    schema: &mut Map<String, Value>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<String>, YamlError> {
    let mut types: Vec<String> = Vec::new();
    let items = match &node.kind {
        Kind::Sequence(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    for item in items {
        // Unquoted, `null` is one of the types.
        let name = if item.is_null() { "null" } else { item.as_str()?.trim() };
        let inner = name.split_once('[').and_then(|(outer, inner)| Some((outer, inner.strip_suffix(']')?)));
        let read = match inner {
            Some(("array" | "list", inner)) => {
                let inner = known(inner.trim(), item, warnings);
                schema.entry("items".to_owned()).or_insert_with(|| json!({"type": inner}));
                "array"
            }
            _ => known(name, item, warnings),
        };
        if !types.iter().any(|known| known == read) {
            types.push(read.to_owned());
        }
    }
    Ok(types)
}

fn known<'a>(name: &'a str, node: &Node, warnings: &mut Vec<Warning>) -> &'a str {
    match name {
        "str" | "text" => "string",
        "int" => "integer",
        "float" | "double" => "number",
        "bool" => "boolean",
        "list" => "array",
        "dict" | "map" => "object",
        known if TYPES.contains(&known) => known,
        unknown => {
            warnings.push(node.warning(format!("unknown type `{unknown}`, `string` is taken")));
            "string"
        }
    }
}
