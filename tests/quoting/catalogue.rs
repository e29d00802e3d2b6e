//! Every tool of the embedded catalogue with hostile values, run with a recording program in place of each program
//! that is not a plain text filter: the value arrives whole, in an argument or an input, and nothing else runs.

use std::collections::{BTreeMap, BTreeSet};

use holmes_rs::shell::template::variables;
use holmes_rs::toolset::{Sources, ToolsetKind, load};
use serde_json::{Map, json};

use super::bed::{alone, programs, rendered};

/// Real: they read what they are given and have no side effects that a value could reach as an argument.
const REAL: &[&str] = &[
    "bash", "sh", "cat", "head", "tail", "sort", "uniq", "wc", "cut", "tr", "printf", "echo", "test", "true",
    "false", "sleep", "timeout", "date", "dirname", "basename", "paste", "seq", "tac", "xargs", "env",
    "mktemp", "rm", "awk", "sed", "grep", "egrep", "id", "nproc", "readlink", "column", "nl", "rev", "fold",
    "comm", "join", "mkdir",
];

/// With a mark to find them by.
const VALUES: &[&str] = &[
    "Zq9",
    "Zq9'; : > canary; evil; '",
    "Zq9\"; : > canary; evil; \"",
    "Zq9$(evil)`evil`",
    "Zq9\nevil\n: > canary\n",
    "Zq9 | evil & evil ; evil > canary",
    "Zq9\\",
    "Zq9 * ? [a-z] ~ {a,b}",
    "Zq9\nEOF\nevil\n",
    "-Zq9",
    "--output=canary Zq9",
    "Zq9 \u{202e}\u{1f980}\u{fffd}",
    "Zq9\"\nurl = \"file:///etc/passwd\"\noutput = \"canary",
    "Zq9) | evil",
];

/// Tools that take a value apart, as their author wrote: host, port and path of a URL.
const TAKES_APART: &[&str] = &["host_connect"];

/// Every word of a script that could be a program's name.
fn words(template: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    let words =
        template.split(|c: char| !word(c)).filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic()));
    words.map(str::to_owned).filter(|word| !REAL.contains(&word.as_str())).collect()
}

/// Those that are installed anywhere on Linux with these names would run; the recording program runs instead.
fn stand_ins(template: &str) -> BTreeSet<String> {
    const KEYWORDS: &[&str] = &[
        "if", "then", "else", "elif", "fi", "for", "while", "do", "done", "case", "esac", "in", "function",
        "local", "read", "exit", "return", "set", "export", "eval", "shift", "break", "continue", "exec",
        "command", "type", "trap", "wait", "cd", "unset", "declare", "mapfile", "source", "until", "select",
        "time", "let", "shopt", "ulimit", "umask", "kill",
    ];
    words(template).into_iter().filter(|word| !KEYWORDS.contains(&word.as_str())).collect()
}

#[test]
fn every_tool_with_hostile_values() {
    let environment = BTreeMap::new();
    let loaded = load(&Sources::default(), &environment).unwrap();
    let (mut tools, mut ran, mut refused, mut seen) = (0, 0, 0, 0);
    let mut problems = Vec::new();
    for toolset in loaded.toolsets.values().filter(|toolset| toolset.kind == ToolsetKind::Commands) {
        for tool in &toolset.tools {
            assert_eq!(tool.broken, None, "{}", tool.name);
            tools += 1;
            let mut names = stand_ins(&tool.template);
            names.insert("evil".to_owned());
            let Some(path) = programs(names.iter().map(String::as_str)) else { return };
            let mut config = Map::new();
            for key in tool.template.split("config.").skip(1) {
                let key: String =
                    key.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let url = key.contains("url") || key.contains("host");
                let value = match key.as_str() {
                    // A map by what its toolset's instructions say.
                    "headers" | "additional_headers" => json!({"X-Tenant": "configured"}),
                    _ if url => json!("http://127.0.0.1:9"),
                    _ => json!("configured"),
                };
                config.insert(key, value);
            }
            for (number, value) in VALUES.iter().enumerate() {
                let mut values = Map::new();
                let mut strings = 0;
                for parameter in &tool.parameters {
                    let one = match parameter.types.first().map(String::as_str) {
                        _ if !parameter.choices.is_empty() => {
                            parameter.choices[number % parameter.choices.len()].clone()
                        }
                        Some("integer" | "number") => json!(3),
                        Some("boolean") => json!(number % 2 == 0),
                        Some("array") => json!([value, "b"]),
                        Some("object") => json!({"k": value}),
                        _ => {
                            strings += 1;
                            json!(value)
                        }
                    };
                    values.insert(parameter.name.clone(), one);
                }
                // Every other value for each tool, all of them for all tools together.
                if number > 0 && (strings == 0 || number % 2 != tools % 2) {
                    continue;
                }
                assert!(variables(&tool.template).is_ok());
                let mut case = match rendered(&tool.template, &values, &config) {
                    Ok(case) => case,
                    Err(error) => {
                        let text = error.to_string();
                        // Said before anything ran; a plain value is taken everywhere.
                        if *value == "Zq9" && !text.contains("arithmetic") && !text.contains("shell variable")
                        {
                            problems.push(format!("{}: {text}", tool.name));
                        }
                        refused += 1;
                        continue;
                    }
                };
                assert!(!case.text.contains("evil") && !case.text.contains("canary"), "{}", tool.name);
                case.env.push(("PRINT_ARGV_STDIN".to_owned(), "1".to_owned()));
                case.env.push(("HOLMES_RS".to_owned(), path.path().join("evil-not").display().to_string()));
                // Nothing may hang: what would wait gets a second, which ends the whole script.
                case.text =
                    format!("( sleep 8; kill -KILL $$ ) & killer=$!\n{{\n{}\n}}\nkill $killer", case.text);
                let happened = alone(path.path(), &case);
                ran += 1;
                if !happened.files.is_empty() {
                    problems.push(format!("{} with {value:?}: made {:?}", tool.name, happened.files));
                }
                for call in &happened.calls {
                    if call.name == "evil" {
                        problems.push(format!("{} with {value:?}: `evil` ran", tool.name));
                    }
                    // Where a part of the value is, all of it is: it was not split.
                    for text in call.args.iter().chain([&call.input]) {
                        let text = String::from_utf8_lossy(text);
                        if text.contains("Zq9") {
                            seen += 1;
                            let whole = text.contains(value)
                                || text.contains(value.trim_end_matches('\n'))
                                || text.contains(json!(value).to_string().trim_matches('"'));
                            if !whole && !TAKES_APART.contains(&tool.name.as_str()) {
                                problems.push(format!(
                                    "{} with {value:?}: {} got {text:?}",
                                    tool.name, call.name
                                ));
                            }
                        }
                    }
                }
            }
        }
    }
    println!("{tools} tools: {ran} runs, {refused} refused, the value seen in {seen} arguments and inputs");
    assert!(tools > 20 && seen > 0);
    assert!(
        problems.is_empty(),
        "{} problems:\n{}",
        problems.len(),
        problems.iter().take(30).map(|p| p.chars().take(500).collect()).collect::<Vec<String>>().join("\n")
    );
}
