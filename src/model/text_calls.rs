//! Tool calls that a model wrote into its text because it, or its server, does not know better.
//!
//! A name counts only when the tool was offered: an answer may well quote JSON that is no call. What
//! was written after a call is dropped, models like to invent the result there.

mod pythonic;
mod tokens;

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Map, Value};

use super::arguments::read as read_arguments;
use crate::agent::{Arguments, ToolSpec};

/// Text without the calls, and the calls in order.
#[derive(Debug, Clone, PartialEq)]
pub struct TextCalls {
    pub text: String,
    pub calls: Vec<(String, Arguments)>,
}

#[expect(clippy::expect_used, reason = "constant pattern, compiled by a test")]
static ACTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^[ \t>*#]*Action[ \t*]*:[ \t*`]*([A-Za-z0-9_.-]+)[ \t*`]*\r?\n\s*[*]*Action[ _]Input[ \t*]*:[*]*[ \t]*")
        .expect("pattern is constant")
});

#[expect(clippy::expect_used, reason = "constant pattern, compiled by a test")]
static FUNCTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)<function=([A-Za-z0-9_.-]+)>(.*?)(?:</function>|\z)").expect("pattern is constant")
});

#[expect(clippy::expect_used, reason = "constant pattern, compiled by a test")]
static PARAMETER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?s)<parameter=([A-Za-z0-9_.-]+)>\r?\n?(.*?)\r?\n?</parameter>")
        .expect("pattern is constant")
});

/// Finds calls of the offered tools; None when there are none and the text is just text.
pub fn extract(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    if tools.is_empty() {
        return None;
    }
    tagged(text, tools)
        .or_else(|| functions(text, tools))
        .or_else(|| tokens::extract(text, tools))
        .or_else(|| fenced(text, tools))
        .or_else(|| action(text, tools))
        .or_else(|| bare(text, tools))
}

fn found(text: &str, calls: Vec<(String, Arguments)>) -> Option<TextCalls> {
    (!calls.is_empty()).then(|| TextCalls { text: text.trim().to_owned(), calls })
}

/// `<tool_call>{"name": …, "arguments": …}</tool_call>`, the last one perhaps without its end.
fn tagged(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    let mut parts = text.split("<tool_call>");
    let before = parts.next().unwrap_or_default();
    let mut calls = Vec::new();
    for part in parts {
        let inner = part.split("</tool_call>").next().unwrap_or(part);
        match functions(inner, tools) {
            Some(inside) => calls.extend(inside.calls),
            None => calls.extend(json_calls(inner, tools)),
        }
    }
    found(before, calls)
}

/// `<function=NAME>` with a JSON object or `<parameter=…>` tags inside.
fn functions(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    let start = text.find("<function=")?;
    let mut calls = Vec::new();
    for capture in FUNCTION.captures_iter(text) {
        let (Some(name), Some(inner)) = (capture.get(1), capture.get(2)) else {
            continue;
        };
        let Some(spec) = tools.iter().find(|spec| spec.name == name.as_str()) else {
            continue;
        };
        let parameters: Map<String, Value> = PARAMETER
            .captures_iter(inner.as_str())
            .filter_map(|pair| Some((pair.get(1)?.as_str(), pair.get(2)?.as_str())))
            .map(|(name, value)| (name.to_owned(), typed(spec, name, value)))
            .collect();
        let arguments = if parameters.is_empty() {
            read_arguments(&Value::from(inner.as_str()))
        } else {
            Arguments::Object(parameters)
        };
        calls.push((spec.name.clone(), arguments));
    }
    found(text.get(..start)?, calls)
}

/// A tag's text as what the schema says it is: text unless it names another type.
fn typed(spec: &ToolSpec, parameter: &str, text: &str) -> Value {
    let kind = spec
        .parameters
        .pointer(&format!("/properties/{parameter}/type"))
        .and_then(Value::as_str)
        .unwrap_or("string");
    let as_text = || Value::from(text);
    if kind == "string" {
        return as_text();
    }
    serde_json::from_str(text.trim()).unwrap_or_else(|_| as_text())
}

/// A code fence that holds nothing but calls.
fn fenced(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    let mut calls = Vec::new();
    let mut start = None;
    let mut at = 0;
    for (number, part) in text.split("```").enumerate() {
        if number % 2 == 1 {
            let inner = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
            let inside = json_calls(inner, tools);
            if !inside.is_empty() {
                start.get_or_insert(at);
                calls.extend(inside);
            }
        }
        at += part.len() + 3;
    }
    found(text.get(..start?.saturating_sub(3))?, calls)
}

/// `Action: NAME` and `Action Input: {…}`.
fn action(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    let capture = ACTION.captures(text)?;
    let (whole, name) = (capture.get(0)?, capture.get(1)?);
    let spec = tools.iter().find(|spec| spec.name == name.as_str())?;
    let input = text.get(whole.end()..)?;
    let input = input.split("\nObservation:").next().unwrap_or(input);
    let arguments = read_arguments(&Value::from(input.trim()));
    found(text.get(..whole.start())?, vec![(spec.name.clone(), arguments)])
}

/// The whole text is a call, in JSON or as Python.
fn bare(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    let calls = json_calls(text, tools);
    found("", if calls.is_empty() { pythonic::calls(text, tools) } else { calls })
}

/// The calls in a text that is JSON and nothing else: one object, a list, or several in a row.
fn json_calls(text: &str, tools: &[ToolSpec]) -> Vec<(String, Arguments)> {
    let mut rest = text.trim();
    let mut calls = Vec::new();
    while rest.starts_with(['{', '[']) {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else {
            break;
        };
        match &value {
            Value::Array(list) => calls.extend(list.iter().filter_map(|one| json_call(one, tools))),
            one => calls.extend(json_call(one, tools)),
        }
        // Llama separates them by semicolons.
        rest = rest
            .get(values.byte_offset()..)
            .unwrap_or_default()
            .trim_start()
            .trim_start_matches(';')
            .trim_start();
    }
    calls
}

fn json_call(value: &Value, tools: &[ToolSpec]) -> Option<(String, Arguments)> {
    let call = value.get("function").filter(|inner| inner.is_object()).unwrap_or(value);
    let name = ["name", "tool", "tool_name", "function"].iter().find_map(|key| call.get(*key)?.as_str())?;
    let spec = tools.iter().find(|spec| spec.name == name)?;
    let arguments = ["arguments", "parameters", "args", "input"].iter().find_map(|key| call.get(*key))?;
    Some((spec.name.clone(), read_arguments(arguments)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn tools() -> Vec<ToolSpec> {
        ["kubectl_get", "bash"]
            .map(|name| ToolSpec {
                name: name.to_owned(),
                description: String::new(),
                parameters: json!({"type": "object", "properties": {"n": {"type": "integer"}, "kind": {"type": "string"}}}),
            })
            .to_vec()
    }

    fn calls(text: &str) -> Option<(String, Vec<(String, Value)>)> {
        let found = extract(text, &tools())?;
        let calls = found
            .calls
            .into_iter()
            .map(|(name, arguments)| (name, serde_json::to_value(arguments).unwrap()))
            .collect();
        Some((found.text, calls))
    }

    #[test]
    fn every_known_spelling_of_a_call_is_found() {
        let pods = ("kubectl_get".to_owned(), json!({"kind": "pods"}));
        for text in [
            "Look.\n<tool_call>\n{\"name\": \"kubectl_get\", \"arguments\": {\"kind\": \"pods\"}}\n</tool_call>",
            "Look.\n<tool_call>{\"name\": \"kubectl_get\", \"arguments\": \"{\\\"kind\\\": \\\"pods\\\"}\"}",
            "Look.\n<tool_call>\n<function=kubectl_get>\n<parameter=kind>\npods\n</parameter>\n</function>\n</tool_call>",
            "Look.\n<function=kubectl_get>{\"kind\": \"pods\"}</function>",
            "Look.[TOOL_CALLS] [{\"name\": \"kubectl_get\", \"arguments\": {\"kind\": \"pods\"}}]",
            "Look.\n```json\n{\"name\": \"kubectl_get\", \"arguments\": {\"kind\": \"pods\"}}\n```\nThe pods are fine.",
            "Look.\nAction: kubectl_get\nAction Input: {\"kind\": \"pods\"}\nObservation: none\nFinal Answer: fine",
            "Look.<|tool_calls_section_begin|><|tool_call_begin|>functions.kubectl_get:0<|tool_call_argument_begin|>{\"kind\": \"pods\"}<|tool_call_end|><|tool_calls_section_end|>",
            "Look.<|tool_call_begin|>functions.kubectl_get:12<|tool_call_argument_begin|> {\"kind\": \"pods\"}",
            "Look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>kubectl_get\n```json\n{\"kind\": \"pods\"}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            "Look.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>kubectl_get<｜tool▁sep｜>{\"kind\": \"pods\"}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
            "Look.<|channel|>commentary to=functions.kubectl_get <|constrain|>json<|message|>{\"kind\": \"pods\"}<|call|>",
            "Look.<|channel|>analysis<|message|>Pods first.<|end|><|start|>assistant to=functions.kubectl_get<|channel|>commentary json<|message|>{\"kind\": \"pods\"}",
            "Look.<|python_tag|>{\"name\": \"kubectl_get\", \"parameters\": {\"kind\": \"pods\"}}<|eom_id|>",
            "Look.<|python_start|>[kubectl_get(kind='pods')]<|python_end|>",
            "Look.<|python_tag|>kubectl_get.call(kind=\"pods\")",
            "Look.[TOOL_CALLS]kubectl_get{\"kind\": \"pods\"}</s>",
            "Look.[TOOL_CALLS]kubectl_get[CALL_ID]a1b2c3d4e[ARGS]{\"kind\": \"pods\"}",
            "Look.\n**Action:** `kubectl_get`\n**Action Input:** {\"kind\": \"pods\"}",
        ] {
            assert_eq!(calls(text), Some(("Look.".to_owned(), vec![pods.clone()])), "{text}");
        }
        let bare = r#"{"name": "kubectl_get", "parameters": {"kind": "pods"}}"#;
        assert_eq!(calls(bare), Some((String::new(), vec![pods.clone()])));
        let two = r#"<tool_call>{"name":"kubectl_get","arguments":{"kind":"pods"}}</tool_call><tool_call>{"name":"bash","arguments":{}}</tool_call>"#;
        assert_eq!(calls(two), Some((String::new(), vec![pods, ("bash".to_owned(), json!({}))])));
        for two in [
            r#"<|python_tag|>{"name":"kubectl_get","parameters":{"kind":"pods"}}; {"name":"bash","parameters":{}}"#,
            r#"[TOOL_CALLS]kubectl_get{"kind":"pods"}[TOOL_CALLS]bash{}"#,
            r#"<|tool_call_begin|>functions.kubectl_get:0<|tool_call_argument_begin|>{"kind":"pods"}<|tool_call_end|><|tool_call_begin|>functions.bash:1<|tool_call_argument_begin|>{}<|tool_call_end|>"#,
            r#"[kubectl_get(kind="pods"), bash()]"#,
        ] {
            assert_eq!(calls(two).unwrap().1.len(), 2, "{two}");
        }
        assert_eq!(
            calls(r#"[bash(n=3, on=True, off=None, list=[1, 'a\'b'], map={"k": -1.5}, text="a, b) \n")]"#),
            Some((
                String::new(),
                vec![(
                    "bash".to_owned(),
                    json!({"n": 3, "on": true, "off": null, "list": [1, "a'b"], "map": {"k": -1.5}, "text": "a, b) \n"})
                )]
            ))
        );
        assert_eq!(
            calls("<function=bash><parameter=n>3</parameter><parameter=kind>3</parameter></function>"),
            Some((String::new(), vec![("bash".to_owned(), json!({"n": 3, "kind": "3"}))]))
        );
    }

    #[test]
    fn text_that_only_looks_like_a_call_stays_text() {
        for text in [
            "The root cause is OOM.",
            "```json\n{\"name\": \"nginx\", \"arguments\": {}}\n```",
            "```\nkubectl get pods\n```",
            "Action: restart the pod\nAction Input: none",
            "<tool_call>{\"name\": \"kubectl_get\", \"argum",
            "{\"name\": \"kubectl_get\"}",
            "The log has `<|tool_call_begin|>functions.bash:0<|tool_call_argument_begin|>{}<|tool_call_end|>`.",
            "```\n<|channel|>commentary to=functions.bash <|message|>{}<|call|>\n```",
            "> [TOOL_CALLS] [{\"name\": \"bash\", \"arguments\": {}}]",
            "<|tool_call_begin|>functions.rm:0<|tool_call_argument_begin|>{}<|tool_call_end|>",
            "<|python_tag|>import os",
            "[rm(path=\"/\")]",
            "[bash(n=3) and more]",
            "It calls bash(n=3).",
            "[bash(n=os.system(\"x\"))]",
            "bash(n=[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]])",
            "[TOOL_CALLS]bash",
        ] {
            assert_eq!(calls(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_taken_without_panic(
            words in proptest::collection::vec(prop_oneof![
                Just("<tool_call>"), Just("</tool_call>"), Just("```"), Just("{\"name\":"), Just("Action: bash\n"),
                Just("Action Input:"), Just("<function=bash>"), Just("é"), Just("}"), Just("[TOOL_CALLS]"),
                Just("<|tool_call_begin|>"), Just("functions.bash:0"), Just("<|tool_call_argument_begin|>"),
                Just("<｜tool▁call▁begin｜>"), Just("<｜tool▁sep｜>"), Just("<|channel|>"), Just(" to=functions.bash"),
                Just("<|message|>"), Just("<|python_tag|>"), Just("[bash("), Just("n="), Just("'\\"), Just("\""),
                Just(")]"), Just("{"), Just("[ARGS]")], 0..12)
        ) {
            let _ = extract(&words.concat(), &tools());
        }
    }
}
