//! The engine against recorded outputs of real programs (`tests/fixtures/rules`, one folder a machine).
//!
//! A file is named after its call (`systemd_unit unit=nginx.service.txt`, `/` as `_`) and ends with a line
//! `[exit CODE, …]`. A call without a file is answered as a tool that does not know.

use std::path::PathBuf;

use serde_json::{Map, Value};

use super::*;
use crate::evidence::view;
use crate::evidence::{Exhibit, Status};

/// A recorded machine, and the run of one question on it.
struct Machine {
    folder: PathBuf,
    tools: Vec<ToolSpec>,
    exhibits: u32,
    calls: Vec<String>,
}

impl Machine {
    fn recorded(name: &str) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut tools = vec![spec(ANSWER, &[])];
        for file in std::fs::read_dir(root.join("toolsets")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "yaml") {
                tools.extend(catalogue(&path));
            }
        }
        Self {
            folder: root.join("tests/fixtures/rules").join(name),
            tools,
            exhibits: 0,
            calls: Vec::new(),
        }
    }

    fn without(mut self, prefix: &str) -> Self {
        self.tools.retain(|tool| !tool.name.starts_with(prefix));
        self
    }

    fn view(&mut self, tool: &str, text: &str) -> String {
        self.exhibits += 1;
        let (body, code) = match text.trim_end().rsplit_once("\n[exit ") {
            Some((body, rest)) => (body, rest.split(',').next().and_then(|c| c.parse().ok())),
            None => (text, Some(0)),
        };
        let lines: Vec<(u64, String)> = (1..).zip(body.lines().map(str::to_owned)).collect();
        let exhibit = Exhibit {
            id: self.exhibits,
            call_id: String::new(),
            tool: tool.to_owned(),
            toolset: String::new(),
            description: String::new(),
            params: Map::new(),
            invocation: "recorded".to_owned(),
            status: Status::Success,
            exit_code: code,
            error: code.filter(|code| *code != 0).map(|code| format!("exit {code}")),
            seconds: 0.1,
            bytes: body.len() as u64,
            lines: lines.len() as u64,
            path: PathBuf::new(),
            view: String::new(),
            condensed: false,
        };
        view::render(&exhibit, &lines, "k9f3")
    }

    fn ask(&mut self, question: &str) -> Map<String, Value> {
        self.ask_about(question, &[])
    }

    /// Runs the loop to its answer; checks on the way what every model owes the loop.
    fn ask_about(&mut self, question: &str, attached: &[&str]) -> Map<String, Value> {
        let model = RulesModel::new(&[]).unwrap();
        let mut text = question.to_owned();
        for file in attached {
            text.push_str("\n\n");
            text.push_str(&self.view("file", file));
        }
        let mut messages = vec![Message::User { text }];
        for _ in 0..8 {
            let said = model.turn(&messages, &self.tools);
            assert_eq!(said, model.turn(&messages, &self.tools), "not deterministic");
            assert!(!said.tool_calls.is_empty());
            messages.push(Message::Assistant(said.clone()));
            for call in said.tool_calls {
                let Arguments::Object(arguments) = call.arguments else {
                    panic!("arguments must be an object");
                };
                if call.tool == ANSWER {
                    self.check_quotes(&messages, &arguments);
                    return arguments;
                }
                assert!(self.tools.iter().any(|tool| tool.name == call.tool));
                let mut name = call.tool.clone();
                for (key, value) in &arguments {
                    let value = value.as_str().map_or(value.to_string(), str::to_owned);
                    name.push_str(&format!(" {key}={value}"));
                }
                assert!(!self.calls.contains(&name), "called twice: {name}");
                let file = self.folder.join(format!("{}.txt", name.replace('/', "_")));
                let text = match std::fs::read_to_string(file) {
                    Ok(text) => self.view(&call.tool, &text),
                    Err(_) => self.view(&call.tool, "not recorded\n[exit 1, 0 s]"),
                };
                self.calls.push(name);
                messages.push(Message::Tool {
                    call_id: call.id,
                    tool: call.tool,
                    text,
                });
            }
        }
        panic!("no answer after 8 turns: {:?}", self.calls);
    }

    fn check_quotes(&self, messages: &[Message], answer: &Map<String, Value>) {
        let case = Case::read(messages);
        for finding in answer["findings"].as_array().unwrap() {
            let id = finding["exhibit"].as_str().unwrap();
            let quote = finding["quote"].as_str().unwrap();
            assert!(!quote.is_empty());
            let seen = case
                .seen
                .iter()
                .find(|seen| format!("E{}", seen.exhibit.id) == id)
                .unwrap_or_else(|| panic!("{id} was never shown"));
            let stands = seen.exhibit.lines.iter().any(|(_, line)| line.contains(quote));
            assert!(stands, "not in {id}: {quote}");
        }
    }
}

fn spec(name: &str, parameters: &[(String, String, bool)]) -> ToolSpec {
    let properties: Map<String, Value> = parameters
        .iter()
        .map(|(name, kind, _)| (name.clone(), serde_json::json!({"type": kind})))
        .collect();
    let required: Vec<&String> = parameters
        .iter()
        .filter(|(_, _, required)| *required)
        .map(|(name, _, _)| name)
        .collect();
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: serde_json::json!({"type": "object", "properties": properties, "required": required}),
    }
}

/// The names and parameters of a catalogue file, as far as the engine needs them.
fn catalogue(path: &std::path::Path) -> Vec<ToolSpec> {
    let text = std::fs::read_to_string(path).unwrap();
    let root = crate::config::yaml::parse(&text, "catalogue").unwrap().node.to_json();
    let mut specs = Vec::new();
    for toolset in root["toolsets"].as_object().unwrap().values() {
        for tool in toolset["tools"].as_array().unwrap() {
            let parameters: Vec<(String, String, bool)> = tool["parameters"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, parameter)| {
                    (
                        name.clone(),
                        parameter["type"].as_str().unwrap_or("string").to_owned(),
                        parameter["required"].as_bool().unwrap_or(true),
                    )
                })
                .collect();
            specs.push(spec(tool["name"].as_str().unwrap(), &parameters));
        }
    }
    specs
}

fn show(answer: &Map<String, Value>) -> String {
    serde_json::to_string_pretty(answer).unwrap()
}

#[test]
fn embedded_patterns_and_templates_compile() {
    book::Book::check_embedded().unwrap();
}

#[test]
fn tmp_explore() {
    for q in ["why is this machine broken?", "why does nginx fail?", "why did the backup fail?", "is the disk full?", "what is 2+2?", "what is the capital of France?", "billing keeps restarting", "why is the machine slow?", "what listens on port 5432?"] {
        let mut m = Machine::recorded("app-01").without("kubectl").without("docker");
        let a = m.ask(q);
        println!("##### {q}\n{:?}\n{}", m.calls, show(&a));
    }
}
#[test]
fn tmp_auth() {
    let mut m = Machine::recorded("app-01").without("kubectl").without("docker");
    let t = std::fs::read_to_string(m.folder.join("systemd_failed.txt")).unwrap();
    let v = m.view("systemd_failed", &t);
    let b = book::Book::open(&[]).unwrap();
    let mut case = Case::default();
    let e = crate::evidence::view::read_views(&v).remove(0);
    case.seen.push(case::Seen { exhibit: e, arguments: Map::new(), attached: false });
    for m in recognise::recognise(&b, &case, &[]) { println!("{} | {} | {}", m.rule.id, m.scope, m.cause); }
}
