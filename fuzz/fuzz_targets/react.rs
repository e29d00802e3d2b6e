//! Any reply of a model in the text protocol: it is read without panic, what listeners hear of an answer is that
//! answer, and no call is made of a text that holds none of its words.

#![no_main]

use holmes_rs::agent::ToolSpec;
use holmes_rs::model::Delta;
use holmes_rs::model::react::{Hearing, read};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    let tools = ["kubectl_get", "run", "answer"].map(|name| ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({
            "type": "object",
            "properties": {"kind": {"type": "string"}, "tail": {"type": "integer"}},
            "required": ["kind"],
        }),
    });
    let said = read(&text, &tools, false);
    assert!(said.calls.is_empty() || said.answer.is_empty());
    let _ = read(&text, &tools, true);
    let mut heard = String::new();
    let mut hearing = Hearing::default();
    let mut listener = |delta: Delta<'_>| {
        if let Delta::Text(piece) = delta {
            heard.push_str(piece);
        }
    };
    for line in text.split_inclusive([' ', '\n']) {
        hearing.take(Delta::Text(line), &mut listener);
    }
    hearing.finish(&said, &mut listener);
    if said.calls.is_empty() && !text.contains("```") && !text.trim_start().starts_with(['{', '[']) {
        assert!(heard == said.answer || said.answer.is_empty(), "{heard:?} is not {:?}", said.answer);
    }
});
