//! Every tool of the embedded catalogue: its template takes what people really pass, and its schema is paid for.

#![allow(clippy::unwrap_used)] // a test's helpers fail the test

use std::collections::BTreeMap;
use std::path::PathBuf;

use holmes_rs::agent::Message;
use holmes_rs::answer::answer_tool;
use holmes_rs::config::yaml;
use holmes_rs::context::{Opening, Prompts};
use holmes_rs::evidence::tokens;
use holmes_rs::shell::template::{self, Given};
use holmes_rs::tools::{ReadExhibit, Tool as _};
use serde_json::{Map, Value, json};

/// (toolset, tool), as the YAML says, of every toolset whose `enabled` is among `enabled`; of all for none.
fn tools(enabled: &[Value]) -> Vec<(String, Value)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("toolsets");
    let mut tools = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_some_and(|end| end == "yaml") {
            let text = std::fs::read_to_string(&path).unwrap();
            let place = path.display().to_string();
            let root = yaml::parse(&text, &place).unwrap().node.to_json();
            for (name, toolset) in root["toolsets"].as_object().unwrap() {
                if enabled.is_empty() || enabled.contains(&toolset["enabled"]) {
                    for tool in toolset["tools"].as_array().into_iter().flatten() {
                        let mut tool = tool.clone();
                        // What a toolset says once for all of its tools.
                        for key in ["read_only", "timeout", "prelude"] {
                            if tool[key].is_null() {
                                tool[key] = toolset[key].clone();
                            }
                        }
                        tools.push((name.clone(), tool));
                    }
                }
            }
        }
    }
    assert!(tools.len() > 20);
    tools
}

fn parameters(tool: &Value) -> Vec<(String, Value)> {
    let map = tool["parameters"].as_object();
    map.into_iter().flatten().map(|(name, parameter)| (name.clone(), parameter.clone())).collect()
}

#[test]
fn every_template_takes_ordinary_and_odd_values() {
    for value in [
        "nginx.service",
        "127.0.0.1:5432",
        "https://shop.example:8443/pay?id=1&x=2",
        "/var/log/my app/it's.log",
        "payments-5fb864cfb8-bqzx9",
        "error|\"fatal\" $(id) `id`; [0-9]+",
        "2h",
    ] {
        for (toolset, tool) in tools(&[]) {
            let mut values = Map::new();
            for (name, parameter) in parameters(&tool) {
                let number = parameter["type"] == json!("integer");
                values.insert(name, if number { json!(443) } else { json!(value) });
            }
            let own = tool["script"].as_str().or(tool["command"].as_str()).unwrap();
            let source = &format!("{}\n{own}", tool["prelude"].as_str().unwrap_or_default());
            let given = Given {
                values: &values,
                config: &Map::new(),
                environment: &BTreeMap::new(),
                allow_options: false,
            };
            let rendered = template::render(source, given);
            let name = tool["name"].as_str().unwrap();
            assert!(
                rendered.is_ok(),
                "{toolset} {name} with `{value}`: {}",
                rendered.err().map_or_else(String::new, |e| e.to_string())
            );
        }
    }
}

#[test]
fn every_tool_is_bounded_and_says_whether_it_only_reads() {
    for (toolset, tool) in tools(&[]) {
        let name = tool["name"].as_str().unwrap();
        // `add_note` writes a note into a knowledge base, says so, and asks first.
        assert_eq!(tool["read_only"], json!(name != "add_note"), "{toolset} {name}");
        assert!(tool["timeout"].as_u64().is_some(), "{toolset} {name}");
        assert!(tool["user_description"].as_str().is_some(), "{toolset} {name}");
    }
}

/// Every request pays for the schemas and the system prompt: together less than 2,000 tokens, also where all
/// toolsets that are on are usable. Those that are `enabled: auto` cost only where somebody has their service.
#[test]
fn all_schemas_and_the_system_prompt_stay_small() {
    let mut size = 0;
    let mut total = 0;
    for (_, tool) in tools(&[json!(true)]) {
        let mut properties = Map::new();
        let mut required = Vec::new();
        for (name, parameter) in parameters(&tool) {
            let mut property = Map::new();
            for key in ["type", "description"] {
                if let Some(value) = parameter.get(key) {
                    property.insert(key.to_owned(), value.clone());
                }
            }
            if parameter["required"] != json!(false) {
                required.push(name.clone());
            }
            properties.insert(name, Value::Object(property));
        }
        let function = json!({"type": "function", "function": {
            "name": tool["name"], "description": tool["description"],
            "parameters": {"type": "object", "properties": properties, "required": required}}});
        size += function.to_string().len();
        total += tokens::estimate(&function.to_string());
    }
    assert!(size < 5500, "{size} characters");
    let reader = ReadExhibit::new(PathBuf::new()).spec().clone();
    for spec in [reader, answer_tool()] {
        total += tokens::estimate(&serde_json::to_string(&spec).unwrap());
    }
    let opening = Prompts::load(None).unwrap().open(&Opening::default()).unwrap();
    let Some(Message::System { text }) = opening.first() else { panic!("the system prompt comes first") };
    total += tokens::estimate(text);
    assert!(total < 2000, "{total} tokens");
}
