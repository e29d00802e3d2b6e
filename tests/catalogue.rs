//! Every tool of the embedded catalogue: its template takes what people really pass, and its schema is paid for.

#![allow(clippy::unwrap_used)] // a test's helpers fail the test

use std::collections::BTreeMap;
use std::path::PathBuf;

use holmes_rs::agent::machine::{OPENING_TOKENS, Offered, State};
use holmes_rs::agent::{Limits, Message, ToolSpec, Usable};
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

/// A tool as it is sent.
fn function(tool: &Value) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, parameter) in parameters(tool) {
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
    json!({"type": "function", "function": {
        "name": tool["name"], "description": tool["description"],
        "parameters": {"type": "object", "properties": properties, "required": required}}})
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

/// What HolmesGPT has and this catalogue has not: they make pods, or archives.
const LEFT_OUT: [&str; 3] =
    ["cilium_connectivity_test", "cilium_connectivity_test_namespace", "cilium_sysdump"];

/// What a tool that is on for everybody leaves out because every request would pay for it: a filter of jq does the same.
const DEAR: [(&str, &str); 2] =
    [("kubernetes_jq_query", "label_selector"), ("kubernetes_jq_query", "field_selector")];

/// Prompts, runbooks and overrides written for HolmesGPT name its toolsets, tools and parameters. The table is one of
/// facts about its releases.
#[test]
fn names_and_parameters_are_those_of_holmesgpt() {
    let ours = tools(&[]);
    let table = include_str!("fixtures/catalogue/holmesgpt-clusters.tsv");
    let mut rows = 0;
    for row in table.lines().filter(|row| !row.starts_with('#')) {
        rows += 1;
        let mut cells = row.split('\t');
        let (toolset, name) = (cells.next().unwrap(), cells.next().unwrap());
        let theirs: Vec<&str> = cells.next().unwrap_or_default().split_whitespace().collect();
        if LEFT_OUT.contains(&name) {
            continue;
        }
        // Two toolsets have the same tools as a YAML alias, which the reader resolves.
        assert!(ours.iter().any(|(of, _)| of == toolset), "no toolset {toolset}");
        // A rarely needed tool is in its family's `extras`, which cost nobody tokens who has not asked for them.
        let extras = format!("{}/extras", toolset.split('/').next().unwrap());
        let found =
            ours.iter().find(|(of, tool)| (of == toolset || *of == extras) && tool["name"] == json!(name));
        let Some((_, tool)) = found else { panic!("no tool {toolset} {name}") };
        let own = parameters(tool);
        for parameter in &theirs {
            let parameter = parameter.trim_end_matches('?');
            let taken = own.iter().any(|(name, _)| name == parameter);
            assert!(taken || DEAR.contains(&(name, parameter)), "{name} does not take `{parameter}`");
        }
        for (parameter, said) in own {
            let free = said["required"] == json!(false);
            assert!(free || theirs.contains(&parameter.as_str()), "{name} asks for `{parameter}`");
        }
    }
    assert!(rows > 100, "{rows} rows");
}

/// Every request pays for the schemas and the system prompt: together less than 2,000 tokens, also where all
/// toolsets that are on are usable. Those that are `enabled: auto` cost only where somebody has their service.
#[test]
fn all_schemas_and_the_system_prompt_stay_small() {
    let mut size = 0;
    let mut total = 0;
    for (_, tool) in tools(&[json!(true)]) {
        let function = function(&tool);
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

/// Everything the catalogue has, in the order a run has it, for a question in a window.
fn offered(question: &str, window: u64) -> (State, Vec<(String, String)>) {
    let mut names = Vec::new();
    let mut usable = Vec::new();
    let on: Vec<String> = tools(&[json!(true)]).into_iter().map(|(toolset, _)| toolset).collect();
    let mut all = tools(&[]);
    all.sort_by(|one, other| one.0.cmp(&other.0));
    for (toolset, tool) in all {
        let function = function(&tool)["function"].take();
        let text = |key: &str| function[key].as_str().unwrap_or_default().to_owned();
        let spec = ToolSpec {
            name: text("name"),
            description: text("description"),
            parameters: function["parameters"].clone(),
        };
        names.push((spec.name.clone(), toolset.clone()));
        usable.push(Usable { spec, first: on.contains(&toolset), toolset });
    }
    let opening = Opening { question, ..Opening::default() };
    let opening = Prompts::load(None).unwrap().open(&opening).unwrap();
    let always = vec![ReadExhibit::new(PathBuf::new()).spec().clone(), answer_tool()];
    let limits = Limits { max_steps: 10, max_tokens: None, max_cost: None };
    (State::within(opening, usable, always, question, (window, OPENING_TOKENS), limits), names)
}

/// A workstation on which all 300 tools can be used pays for few of them, and for those that the question needs.
#[test]
fn the_question_decides_what_is_offered_and_the_first_request_stays_small() {
    for (question, wanted) in [
        ("why does checkout crash in namespace shop?", "kubectl_logs"),
        ("why do pods of payments restart?", "kubectl_"),
        ("why is postgres slow since this morning?", "postgres"),
        ("redis runs out of memory", "redis"),
        ("consumer lag of kafka topic orders grows", "kafka"),
        ("rabbitmq queue is full", "rabbitmq"),
        ("prometheus target of billing is down", "prometheus"),
        ("what did cloudtrail see of the deleted bucket?", "aws"),
        ("the certificate of shop.example expires", "tls"),
        ("disk is full on this host", "host"),
        ("helm release of shop failed to upgrade", "helm"),
        ("nginx answers 502", "nginx"),
        ("loki shows no logs of checkout", "loki"),
        ("mysql replication is behind", "mysql"),
    ] {
        for window in [6_000, 8_000, 32_000, 1_000_000] {
            let (state, names) = offered(question, window);
            let schemas: Vec<&ToolSpec> = state.tools(Offered::All).iter().collect();
            let before = state.request_tokens(Offered::All);
            assert!(before <= 2_000.min(window / 4) + 60, "{question} in {window}: {before} tokens");
            let found = schemas.iter().any(|spec| {
                let toolset =
                    names.iter().find(|(name, _)| *name == spec.name).map_or("", |(_, of)| of.as_str());
                spec.name.contains(wanted) || toolset.contains(wanted)
            });
            let offered: Vec<&str> = schemas.iter().map(|spec| spec.name.as_str()).collect();
            assert!(found, "{question} in {window}: {offered:?}");
            assert!(offered.contains(&"find_tools") && offered.contains(&"answer"), "{offered:?}");
        }
    }
}
