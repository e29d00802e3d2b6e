//! Anything a server can send is taken without a panic. What it means is held by `tests/model_server`.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::assembly::Assembly;
use super::endpoint::Endpoint;
use super::said::Said;
use super::{Settings, overflow};
use crate::agent::ToolSpec;

/// The words that mean something to the reader, in places where they may not.
const WORDS: &[&str] = &[
    "choices",
    "delta",
    "message",
    "content",
    "tool_calls",
    "function",
    "function_call",
    "name",
    "arguments",
    "index",
    "id",
    "finish_reason",
    "usage",
    "prompt_tokens",
    "error",
    "code",
    "type",
    "text",
    "reasoning",
    "kubectl_get",
    "<think>",
    "</think>",
    "<tool_call>{",
    "```json\n{}```",
    "detail",
    "loc",
    "{}",
    "",
    "a",
];

fn value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(WORDS);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.clone().prop_map(Value::from),
        "\\PC{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, move |inner| {
        let pair = (prop::sample::select(WORDS).prop_map(str::to_owned), inner.clone());
        prop_oneof![
            prop::collection::vec(inner, 0..5).prop_map(Value::from),
            prop::collection::vec(pair, 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

proptest! {
    #[test]
    fn any_chunks_are_taken_without_panic(chunks in prop::collection::vec(value(), 0..5)) {
        let tools = [ToolSpec {
            name: "kubectl_get".to_owned(),
            description: String::new(),
            parameters: json!({}),
        }];
        let mut assembly = Assembly::default();
        for chunk in &chunks {
            let _ = assembly.take(&json!({"choices": [{"delta": chunk}]}), &mut |_| {});
            let _ = assembly.take(chunk, &mut |_| {});
        }
        let reply = assembly.reply(&[], &tools, &mut |_| {});
        let ids: std::collections::HashSet<&str> =
            reply.message.tool_calls.iter().map(|call| call.id.as_str()).collect();
        prop_assert_eq!(ids.len(), reply.message.tool_calls.len());
    }

    #[test]
    fn any_refusal_becomes_one_line(status in 300u16..600, body in value(), raw in "\\PC{0,400}") {
        let endpoint = Endpoint::new(&Settings::new("m", "http://127.0.0.1:1")).unwrap();
        for text in [body.to_string(), raw] {
            let said = Said::new(status, &text, &endpoint);
            prop_assert!(said.words.chars().count() <= 301);
            prop_assert!(!said.words.contains(char::is_control));
            let _ = overflow::recognise(&said);
        }
    }
}
