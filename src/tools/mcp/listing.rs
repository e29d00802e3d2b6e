//! A server's list of tools as a model may see it: names it can call, words without tricks, schemas of
//! bounded size. What a server says of a tool is a stranger's text and is read leniently.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::agent::ToolSpec;
use crate::evidence::untrusted::visible;

/// Tools of one server; a list of more is cut, and said to be.
pub(super) const MOST_TOOLS: usize = 500;
/// Characters of a description: it stands in every request to the model.
const DESCRIPTION: usize = 2_000;
/// Bytes of a tool's schema, as JSON.
const SCHEMA: usize = 16 * 1024;
/// Characters of a name, as providers of models allow them.
pub(in crate::tools) const NAME: usize = 64;

/// One tool of a server.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Listed {
    /// As the server calls it.
    pub name: String,
    pub spec: ToolSpec,
    /// The server says that it changes things.
    pub changes: bool,
    /// The server does not say that it only reads.
    pub silent: bool,
    /// Doing it twice is as good as once.
    pub repeatable: bool,
}

/// Reads one page's `tools`; what is no tool is passed over.
pub(super) fn read(page: &Value, found: &mut Vec<Listed>) {
    let mut taken: BTreeSet<String> = found.iter().map(|tool| tool.spec.name.clone()).collect();
    for tool in page.get("tools").and_then(Value::as_array).into_iter().flatten() {
        let Some(name) = tool.get("name").and_then(Value::as_str).filter(|name| !name.is_empty()) else {
            continue;
        };
        if found.len() > MOST_TOOLS || name.len() > 4096 || found.iter().any(|earlier| earlier.name == name) {
            continue;
        }
        let mut shown = callable(name);
        for number in 2.. {
            if taken.insert(shown.clone()) {
                break;
            }
            let end = format!("_{number}");
            let kept: String = callable(name).chars().take(NAME - end.len()).collect();
            shown = kept + &end;
        }
        let said = |key: &str| tool.get(key).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        let description = said("description").or(said("title")).unwrap_or_default();
        let hints = tool.get("annotations");
        let hint = |key: &str| hints.and_then(|hints| hints.get(key)).and_then(Value::as_bool);
        let reads = hint("readOnlyHint");
        found.push(Listed {
            name: name.to_owned(),
            spec: ToolSpec {
                name: shown,
                description: words(description, DESCRIPTION),
                parameters: schema(tool.get("inputSchema")),
            },
            changes: reads == Some(false) || hint("destructiveHint") == Some(true),
            silent: reads != Some(true),
            repeatable: reads == Some(true) || hint("idempotentHint") == Some(true),
        });
    }
}

/// `name` in the letters that every provider takes, at most 64 of them.
pub(in crate::tools) fn callable(name: &str) -> String {
    let letters = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' });
    let name: String = letters.take(NAME).collect();
    if name.is_empty() { "tool".to_owned() } else { name }
}

/// Text of at most `most` characters, line by line without what is not seen.
pub(super) fn words(text: &str, most: usize) -> String {
    // Cut first: what is cleaned has a bound too.
    let start: String = text.chars().take(most.saturating_mul(4)).collect();
    let lines: Vec<String> = start.lines().map(visible).collect();
    let text = lines.join("\n");
    let text = text.trim();
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let kept: String = text.chars().take(most.saturating_sub(1)).collect();
    kept + "…"
}

/// The schema of the parameters, `$defs` and all; without descriptions, and at last without anything but
/// names, where it is too large.
fn schema(given: Option<&Value>) -> Value {
    let mut schema = match given {
        Some(Value::Object(map)) => map.clone(),
        _ => Map::new(),
    };
    // Tells which dialect it is in: some providers refuse the key.
    schema.remove("$schema");
    schema.insert("type".to_owned(), json!("object"));
    if !schema.get("properties").is_some_and(Value::is_object) {
        schema.insert("properties".to_owned(), json!({}));
    }
    let mut schema = Value::Object(schema);
    clean(&mut schema, true);
    if schema.to_string().len() > SCHEMA {
        clean(&mut schema, false);
    }
    if schema.to_string().len() <= SCHEMA {
        return schema;
    }
    let mut properties = Map::new();
    let mut left = SCHEMA / 2;
    for name in schema.get("properties").and_then(Value::as_object).into_iter().flat_map(Map::keys) {
        let Some(rest) = left.checked_sub(name.len() + 8) else { break };
        left = rest;
        properties.insert(name.clone(), json!({}));
    }
    json!({"type": "object", "properties": properties})
}

/// Takes tricks out of every text; descriptions stay where `described`.
fn clean(value: &mut Value, described: bool) {
    match value {
        Value::String(text) => *text = words(text, DESCRIPTION),
        Value::Array(items) => items.iter_mut().for_each(|item| clean(item, described)),
        Value::Object(map) => {
            if !described {
                for key in ["description", "title", "examples", "default"] {
                    if map.get(key).is_some_and(|value| !value.is_object()) {
                        map.remove(key);
                    }
                }
            }
            map.retain(|key, _| key.len() <= 1024 && !key.chars().any(char::is_control));
            map.values_mut().for_each(|value| clean(value, described));
        }
        _ => {}
    }
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tests read better with values")]
mod tests {
    use super::*;

    fn listed(tools: Value) -> Vec<Listed> {
        let mut found = Vec::new();
        read(&json!({"tools": tools}), &mut found);
        found
    }

    #[test]
    fn names_become_callable_and_stay_apart() {
        let long = "x".repeat(100);
        let found = listed(json!([{"name": "a.b"}, {"name": "a/b"}, {"name": "é"}, {"name": &long},
                                  {"name": format!("{long}y")}, {"name": "a.b"}, {"name": ""}, {"nome": "x"}, 5]));
        let shown: Vec<&str> = found.iter().map(|tool| tool.spec.name.as_str()).collect();
        let cut = "x".repeat(64);
        let second = format!("{}_2", "x".repeat(62));
        assert_eq!(shown, ["a_b", "a_b_2", "_", &cut, &second]);
        assert_eq!(found[1].name, "a/b");
    }

    #[test]
    fn a_strangers_words_are_bounded_and_plain() {
        let trick = "\u{1b}]0;owned\u{7}\u{1b}[2Jreads\u{202e} logs\u{0}\nnow";
        let found = listed(json!([{"name": "a", "description": trick, "inputSchema": {"properties": {
            "p": {"description": trick}}}}, {"name": "b", "description": "é".repeat(9000)}]));
        assert_eq!(found[0].spec.description, "reads logs\nnow");
        assert_eq!(found[0].spec.parameters["properties"]["p"]["description"], "reads logs\nnow");
        assert_eq!(found[1].spec.description.chars().count(), DESCRIPTION);
    }

    #[test]
    fn a_schema_is_an_object_with_properties_and_keeps_its_definitions() {
        assert_eq!(schema(None), json!({"type": "object", "properties": {}}));
        assert_eq!(schema(Some(&json!("no"))), json!({"type": "object", "properties": {}}));
        let given = json!({"$schema": "x", "type": "object", "properties": {"a": {"$ref": "#/$defs/A"}},
                           "$defs": {"A": {"type": "string"}}, "required": ["a"]});
        let kept = schema(Some(&given));
        assert_eq!((&kept["$defs"], &kept["required"]), (&given["$defs"], &given["required"]));
        assert!(kept.get("$schema").is_none());
    }

    #[test]
    fn a_schema_too_large_loses_its_words_and_then_its_types() {
        let many = |description: &str| -> Value {
            let properties: Map<String, Value> = (0..200)
                .map(|i| (format!("p{i}"), json!({"type": "string", "description": description})))
                .collect();
            json!({"properties": properties})
        };
        let kept = schema(Some(&many(&"x".repeat(200))));
        assert!(kept.to_string().len() <= SCHEMA);
        assert_eq!(kept["properties"]["p199"], json!({"type": "string"}));
        let huge: Map<String, Value> = (0..20_000).map(|i| (format!("p{i}"), json!({"enum": [i]}))).collect();
        let kept = schema(Some(&json!({"properties": huge})));
        assert!(kept.to_string().len() <= SCHEMA && kept["properties"]["p0"] == json!({}));
    }

    #[test]
    fn only_what_is_said_to_change_things_changes_things() {
        let with = |hints: Value| listed(json!([{"name": "a", "annotations": hints}])).remove(0);
        for (hints, changes, repeatable) in [
            (json!(null), false, false),
            (json!({"readOnlyHint": true}), false, true),
            (json!({"readOnlyHint": false}), true, false),
            (json!({"destructiveHint": true, "readOnlyHint": true}), true, true),
            (json!({"destructiveHint": false, "idempotentHint": true}), false, true),
            (json!({"readOnlyHint": "false"}), false, false),
        ] {
            let tool = with(hints.clone());
            assert_eq!((tool.changes, tool.repeatable), (changes, repeatable), "{hints}");
        }
    }
}
