//! Streams as they arrive over real networks: split anywhere, padded, cut, never ended.

use std::time::Duration;

use holmes_rs::agent::{Arguments, Message};
use holmes_rs::model::openai::OpenAiModel;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bench::{question, settings, take, turn, turn_with};
use crate::support::scripted_model::ScriptedModel;

fn data(chunks: &[Value]) -> String {
    let events: Vec<String> = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    events.concat()
}

fn delta(delta: &Value) -> Value {
    json!({"choices": [{"index": 0, "delta": delta, "finish_reason": null}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

fn text(text: &str) -> Value {
    delta(&json!({"content": text}))
}

fn calls(calls: &Value) -> Value {
    delta(&json!({"tool_calls": calls}))
}

#[test]
fn calls_in_pieces_are_put_together() {
    let pods = ("kubectl_get".to_owned(), json!({"kind": "pods"}));
    let logs = ("kubectl_logs".to_owned(), json!({"kind": "a"}));
    let both = vec![pods.clone(), logs.clone()];
    let one = vec![pods];
    for (name, chunks, want) in [
        (
            "name in a later chunk",
            vec![
                json!([{"index": 0, "id": "a", "function": {"arguments": ""}}]),
                json!([{"index": 0, "function": {"name": "kubectl_get"}}]),
                json!([{"index": 0, "function": {"arguments": "{\"kind\": \"pods\"}"}}]),
            ],
            &one,
        ),
        (
            "name in two pieces",
            vec![
                json!([{"index": 0, "id": "a", "function": {"name": "kubectl"}}]),
                json!([{"index": 0, "function": {"name": "_get"}}]),
                json!([{"index": 0, "function": {"arguments": "{\"kind\": \"pods\"}"}}]),
            ],
            &one,
        ),
        (
            "name and id with every chunk",
            vec![
                json!([{"index": 0, "id": "a", "function": {"name": "kubectl_get", "arguments": "{\"kind\""}}]),
                json!([{"index": 0, "id": "a", "function": {"name": "kubectl_get", "arguments": ": \"pods\"}"}}]),
                json!([{"index": 0, "id": "a", "function": {"name": "kubectl_get", "arguments": ""}}]),
            ],
            &one,
        ),
        (
            "another id with every chunk",
            vec![
                json!([{"index": 0, "id": "a", "function": {"name": "kubectl_get", "arguments": "{\"kind\""}}]),
                json!([{"index": 0, "id": "b", "function": {"name": null, "arguments": ": \"pods\"}"}}]),
            ],
            &one,
        ),
        (
            "no index",
            vec![
                json!([{"id": "a", "function": {"name": "kubectl_get", "arguments": "{\"kind\""}}]),
                json!([{"function": {"arguments": ": \"pods\"}"}}]),
                json!([{"id": "b", "function": {"name": "kubectl_logs", "arguments": "{\"kind\": \"a\"}"}}]),
            ],
            &both,
        ),
        (
            "index 0 for all",
            vec![
                json!([{"index": 0, "id": "a", "function": {"name": "kubectl_get", "arguments": "{\"kind\": \"pods\"}"}}]),
                json!([{"index": 0, "id": "b", "function": {"name": "kubectl_logs", "arguments": "{\"kind\": \"a\"}"}}]),
            ],
            &both,
        ),
        (
            "no index and no id",
            vec![json!([
                {"function": {"name": "kubectl_get", "arguments": "{\"kind\": \"pods\"}"}},
                {"function": {"name": "kubectl_logs", "arguments": "{\"kind\": \"a\"}"}},
            ])],
            &both,
        ),
        (
            "interleaved",
            vec![
                json!([{"index": 0, "id": "a", "function": {"name": "kubectl_get", "arguments": "{\"kind\""}},
                       {"index": 1, "id": "b", "function": {"name": "kubectl_logs", "arguments": "{\"kind\""}}]),
                json!([{"index": 1, "function": {"arguments": ": \"a\"}"}}]),
                json!([{"index": 0, "function": {"arguments": ": \"pods\"}"}}]),
            ],
            &both,
        ),
        (
            "one id for all, no index",
            vec![
                json!([{"id": "a", "function": {"name": "kubectl_get", "arguments": "{\"kind\""}}]),
                json!([{"id": "a", "function": {"arguments": ": \"pods\"}"}}]),
            ],
            &one,
        ),
    ] {
        let mut chunks: Vec<Value> = chunks.iter().map(calls).collect();
        chunks.push(finish("tool_calls"));
        let turn = turn(&json!([{"stream_chunks": [data(&chunks), "data: [DONE]\n\n"]}]), true);
        assert_eq!(&turn.calls(), want, "{name}");
    }
}

#[test]
fn padding_of_every_kind_is_passed_over() {
    let events = [
        ": OPENROUTER PROCESSING\n\n",
        "event: ping\ndata: {\"type\": \"ping\"}\n\n",
        "event: ping\ndata: ping\n\n",
        "data:\n\n",
        "data: \n\n",
        "id: 7\nretry: 10\n\n",
        "\r\n\r\n",
        "data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n",
        "data: {\"choices\":[]}\n\n",
        "data: {\"choices\":[{\"delta\":null,\"finish_reason\":null}]}\n\n",
        // Two events without the blank line between them.
        "data: {\"choices\":[{\"delta\":{\"content\":\"b\"}}]}\ndata: {\"choices\":[{\"delta\":{\"content\":\"c\"}}]}\n\n",
        // One event over two lines.
        "data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"d\"},\"finish_reason\":\"STOP\"}]}\n\n",
        "data: [DONE] \n\n",
    ];
    let turn = turn(&json!([{"stream_chunks": events}]), true);
    assert_eq!(turn.reply().message.text, "abcd");
    assert_eq!(turn.reply().finish_reason, "STOP");
    assert_eq!(turn.text, "abcd");
}

#[test]
fn a_stream_is_complete_with_either_ending() {
    let said = data(&[text("all ")]) + &data(&[text("of it")]);
    for (name, ending) in [
        ("no [DONE]", data(&[finish("stop")])),
        ("no finish reason", "data: [DONE]\n\n".to_owned()),
        ("no last blank line", data(&[finish("stop")]).trim_end().to_owned()),
    ] {
        let turn = turn(&json!([{"stream_chunks": [said, ending]}]), true);
        assert_eq!(turn.reply().message.text, "all of it", "{name}");
        assert_eq!(turn.retries.len(), 0, "{name}");
    }
    // The line stays open after the finish reason and the counts.
    let counts = json!({"choices": [], "usage": {"prompt_tokens": 1, "completion_tokens": 1}});
    let whole = said + &data(&[finish("stop"), counts]);
    let turn = turn(&json!([{"stream_chunks": [whole], "hang_after": 100_000}]), true);
    assert_eq!(turn.reply().message.text, "all of it");
}

#[test]
fn a_cut_stream_is_asked_for_again() {
    for cut in [
        json!({"say": "half of it is lost", "cut_after": 400}),
        json!({"say": "half of it is lost", "cut_after": 400, "framing": "length"}),
        json!({"stream_chunks": [data(&[text("half of")])]}),
        json!({"stream_chunks": [data(&[calls(&json!([{"index": 0, "id": "a", "function": {"name": "kubectl_get", "arguments": "{\"kind\": \"po"}}]))])]}),
        json!({"stream_chunks": [data(&[text("half of")]) + "data: {\"choices\": [{\"del"]}),
        json!({"close": true}),
    ] {
        let turn = turn(&json!([cut, {"say": "whole"}]), true);
        assert_eq!(turn.reply().message.text, "whole", "{cut}");
        assert_eq!(turn.text, "whole", "{cut}: what was streamed before is void");
        assert_eq!(turn.retries.len(), 1, "{cut}");
    }
}

#[test]
fn a_server_that_never_says_it_has_finished_is_believed_the_second_time() {
    let server =
        ScriptedModel::start(&json!([{"stream_chunks": [data(&[text("all of it")])], "repeat": true}]));
    let model = OpenAiModel::new(settings(&server)).unwrap();
    let first = take(&model, Some(&server), &question(), true);
    assert_eq!((first.reply().message.text.as_str(), first.retries.len()), ("all of it", 1));
    let second = take(&model, Some(&server), &question(), true);
    assert_eq!((second.reply().message.text.as_str(), second.retries.len()), ("all of it", 0));

    let call = data(&[calls(
        &json!([{"index": 0, "id": "a", "function": {"name": "kubectl_get", "arguments": "{\"kind\": \"pods\"}"}}]),
    )]);
    let turn = turn(&json!([{"stream_chunks": [call]}]), true);
    assert_eq!((turn.calls().len(), turn.retries.len()), (1, 0), "a complete call needs no finish");
}

#[test]
fn an_error_inside_a_stream_is_an_error() {
    let half = data(&[text("half")]);
    let overloaded = data(&[json!({"error": {"message": "Overloaded", "code": 529}})]);
    let turn_again = turn(&json!([{"stream_chunks": [half, overloaded]}, {"say": "whole"}]), true);
    assert_eq!(turn_again.text, "whole");
    assert!(turn_again.retries[0].2.contains("Overloaded"), "{:?}", turn_again.retries);

    for (body, words) in [
        (json!({"error": {"message": "bad key", "code": "invalid_api_key"}}), "bad key"),
        (
            json!({"choices": [{"delta": {"content": ""}, "finish_reason": "error", "error": {"code": 401, "message": "bad key"}}]}),
            "bad key",
        ),
    ] {
        for stream in [true, false] {
            let turn = turn(&json!([{"json": body}]), stream);
            assert!(turn.error().message.contains(words), "{:?}", turn.error());
            assert_eq!(turn.requests.len(), 1);
        }
    }
}

#[test]
fn silence_is_given_up() {
    let quick = |settings: &mut holmes_rs::model::openai::Settings| {
        settings.limits.first_byte = Duration::from_millis(100);
        settings.limits.idle = Duration::from_millis(100);
    };
    for silent in [json!({"hang": true}), json!({"say": "half of it", "hang_after": 300})] {
        let answer = json!({"say": "whole", "repeat": true});
        let turn = turn_with(&json!([silent, answer]), true, quick);
        assert_eq!(turn.reply().message.text, "whole");
        assert!(turn.retries[0].2.contains("said nothing for 100ms"), "{:?}", turn.retries);
    }
    let turn = turn_with(&json!([{"hang": true, "repeat": true}]), false, |settings| {
        settings.limits.budget = Duration::from_millis(50);
    });
    assert!(
        turn.error().message.contains("no answer within 50ms")
            || turn.error().message.contains("said nothing"),
        "{:?}",
        turn.error()
    );
}

#[test]
fn what_is_too_large_is_not_kept() {
    for reply in [
        json!({"say": "word ".repeat(20_000)}),
        json!({"stream_chunks": ["data: ".to_owned() + &"x".repeat(200_000)]}),
        json!({"json": "{\"a\": \"".to_owned() + &"x".repeat(200_000)}),
    ] {
        for stream in [true, false] {
            let turn = turn_with(&json!([reply]), stream, |settings| {
                settings.limits.reply_bytes = 1 << 16;
            });
            assert!(turn.error().message.contains("larger than"), "{:?}", turn.error());
        }
    }
}

#[test]
fn what_servers_want_back_is_given_back() {
    let signed = json!([{"index": 0, "id": "a", "extra_content": {"google": {"thought_signature": "s1"}},
        "function": {"name": "kubectl_get", "arguments": "{}"}}]);
    let thought = delta(&json!({"reasoning_content": "h"}));
    let more = delta(&json!({"reasoning_content": "m"}));
    let server = ScriptedModel::start(&json!([
        {"stream_chunks": [data(&[thought, more, calls(&signed), finish("tool_calls")])]},
        {"say": "done"},
    ]));
    let model = OpenAiModel::new(settings(&server)).unwrap();
    let first = take(&model, Some(&server), &question(), true);
    let mut messages = question();
    messages.push(Message::Assistant(first.reply().message.clone()));
    messages.push(Message::Tool {
        call_id: "a".to_owned(),
        tool: "kubectl_get".to_owned(),
        text: "none".to_owned(),
    });
    let second = take(&model, Some(&server), &messages, true);
    assert_eq!(second.violations, [""; 0]);
    let sent = &second.requests[1].body["messages"][2];
    // Thoughts go back only where they are asked for, what is signed always.
    assert!(sent.get("reasoning_content").is_none(), "{sent}");
    assert_eq!(first.reply().message.reasoning, "hm");
    assert_eq!(sent["tool_calls"][0]["extra_content"]["google"]["thought_signature"], "s1");
}

#[test]
fn ids_stay_unique_over_the_run() {
    let same_id = json!({"choices": [{"message": {"tool_calls": [{"id": "kubectl_get", "function": {"name": "kubectl_get", "arguments": "{\"kind\": \"po"}}]}}]});
    let no_id = json!({"choices": [{"message": {"tool_calls": [{"function": {"name": "kubectl_get", "arguments": "{}"}}]}}]});
    let server = ScriptedModel::start(
        &json!([{"json": same_id}, {"json": same_id}, {"json": no_id}, {"json": no_id}, {"say": "done"}]),
    );
    let model = OpenAiModel::new(settings(&server)).unwrap();
    let mut messages = question();
    let mut ids = Vec::new();
    loop {
        let turn = take(&model, Some(&server), &messages, false);
        assert_eq!(turn.violations, [""; 0]);
        let said = turn.reply().message.clone();
        if said.tool_calls.is_empty() {
            break;
        }
        messages.push(Message::Assistant(said.clone()));
        for call in said.tool_calls {
            assert!(matches!(call.arguments, Arguments::Object(_) | Arguments::Unreadable(_)));
            messages.push(Message::Tool {
                call_id: call.id.clone(),
                tool: call.tool,
                text: "none".to_owned(),
            });
            ids.push(call.id);
        }
    }
    assert_eq!(ids, ["kubectl_get", "call00002", "call00003", "call00004"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn borders_of_packets_do_not_matter(split in 1usize..200, crlf in any::<bool>()) {
        let chunks = [
            delta(&json!({"reasoning": "Grübeln …"})),
            text("<think>äh"), text("m</think>Der Pod "), text("stürzt ab 🦀"),
            calls(&json!([{"index": 0, "id": "a", "function": {"name": "kubectl_get", "arguments": "{\"kind\""}}])),
            calls(&json!([{"index": 0, "function": {"arguments": ": \"pödß\"}"}}])),
            finish("tool_calls"),
        ];
        let mut body = String::from(": hello\n\n") + &data(&chunks) + "data: [DONE]\n\n";
        if crlf {
            body = body.replace('\n', "\r\n");
        }
        let turn = turn(&json!([{"stream_chunks": [body], "split": split}]), true);
        prop_assert_eq!(&turn.reply().message.text, "Der Pod stürzt ab 🦀");
        prop_assert_eq!(&turn.text, "Der Pod stürzt ab 🦀");
        prop_assert_eq!(&turn.reasoning, "Grübeln …ähm");
        prop_assert_eq!(turn.calls(), [("kubectl_get".to_owned(), json!({"kind": "pödß"}))]);
    }
}
