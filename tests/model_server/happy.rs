//! What every server does.

use holmes_rs::agent::{Message, Usage};
use holmes_rs::model::openai::OpenAiModel;
use holmes_rs::model::{Delta, Model, Request};
use secrecy::SecretString;
use serde_json::json;

use crate::bench::{question, run, settings, take, tools, turn, turn_with};
use crate::support::scripted_model::ScriptedModel;

#[test]
fn text_arrives_whole_and_streamed() {
    let scenario = json!([{"say": "The pod was OOMKilled.", "reasoning": "hm"}]);
    for stream in [false, true] {
        let turn = turn(&scenario, stream);
        let reply = turn.reply();
        assert_eq!(reply.message.text, "The pod was OOMKilled.");
        assert_eq!(reply.message.reasoning, "hm");
        assert_eq!(reply.finish_reason, "stop");
        assert_eq!(reply.usage, Usage { prompt_tokens: 100, completion_tokens: 10, cached_tokens: 0 });
        assert_eq!(turn.text, if stream { "The pod was OOMKilled." } else { "" });
        assert_eq!(turn.violations, [""; 0]);
        assert_eq!(turn.requests.len(), 1);
    }
}

#[test]
fn a_conversation_with_tool_calls_keeps_the_protocol() {
    for stream in [false, true] {
        let server = ScriptedModel::start(&json!([
            {"call": [{"tool": "kubectl_get", "arguments": {"kind": "pods"}}, {"tool": "kubectl_logs", "arguments": {"kind": "é"}}], "say": "Look."},
            {"when": "exit 137", "say": "OOM"},
        ]));
        let model = OpenAiModel::new(settings(&server)).unwrap();
        let mut messages = question();
        let first = take(&model, Some(&server), &messages, stream);
        assert_eq!(
            first.calls(),
            [
                ("kubectl_get".to_owned(), json!({"kind": "pods"})),
                ("kubectl_logs".to_owned(), json!({"kind": "é"}))
            ]
        );
        let said = first.reply().message.clone();
        messages.push(Message::Assistant(said.clone()));
        for call in &said.tool_calls {
            messages.push(Message::Tool {
                call_id: call.id.clone(),
                tool: call.tool.clone(),
                text: "exit 137".to_owned(),
            });
        }
        let second = take(&model, Some(&server), &messages, stream);
        assert_eq!(second.reply().message.text, "OOM");
        assert_eq!(second.violations, [""; 0]);
    }
}

#[test]
fn the_request_is_as_documented() {
    let turn = turn_with(&json!([{"say": "ok"}]), true, |settings| {
        settings.api_key = Some(SecretString::from(" sk-secret\n"));
        settings.extra_headers.push(("X-Team".to_owned(), "sre".to_owned()));
        settings.extra_body.insert("temperature".to_owned(), json!(0.1));
    });
    turn.reply();
    let request = &turn.requests[0];
    assert_eq!(request.path, "/v1/chat/completions");
    assert_eq!(request.header("authorization"), Some("Bearer sk-secret"));
    assert_eq!(request.header("x-team"), Some("sre"));
    assert_eq!(
        request.body.to_string(),
        concat!(
            r#"{"model":"scripted","messages":[{"role":"system","content":"You investigate."},"#,
            r#"{"role":"user","content":"Why does checkout crash?"}],"#,
            r#""tools":[{"type":"function","function":{"name":"kubectl_get","description":"Reads","#,
            r#""parameters":{"type":"object","properties":{"kind":{"type":"string"}},"additionalProperties":false}}},"#,
            r#"{"type":"function","function":{"name":"kubectl_logs","description":"Reads","#,
            r#""parameters":{"type":"object","properties":{"kind":{"type":"string"}},"additionalProperties":false}}}],"#,
            r#""stream":true,"stream_options":{"include_usage":true},"temperature":0.1}"#
        )
    );
}

/// A tool whose schema has a strict form is sent in it, another is not, and an endpoint that refuses the
/// form gets the lenient one.
#[test]
fn strict_schemas_are_sent_where_they_are_wanted_and_taken() {
    let mut free = tools();
    free[1].parameters = json!({"type": "object", "properties": {"labels": {"type": "object"}}});
    let scenario = json!([
        {"status": 400, "body": {"error": {"message": "Unknown parameter: 'tools[0].function.strict'."}}},
        {"call": [{"tool": "kubectl_get", "arguments": {"kind": null}}]},
    ]);
    let server = ScriptedModel::start(&scenario);
    let mut settings = settings(&server);
    settings.strict_tools = true;
    let model = OpenAiModel::new(settings).unwrap();
    let messages = question();
    let mut ignore = |_: Delta<'_>| {};
    let request = Request { messages: &messages, tools: &free, reply_tokens: None, stream: false };
    let reply = run(model.complete(request, &mut ignore)).unwrap();
    assert_eq!(serde_json::to_value(&reply.message.tool_calls[0].arguments).unwrap(), json!({"kind": null}));
    let sent: Vec<_> = server.requests().iter().map(|request| request.body["tools"].clone()).collect();
    assert_eq!(sent[0][0]["function"]["strict"], json!(true));
    assert_eq!(
        sent[0][0]["function"]["parameters"],
        json!({
            "type": "object",
            "properties": {"kind": {"type": ["string", "null"]}},
            "required": ["kind"],
            "additionalProperties": false,
        })
    );
    assert_eq!(sent[0][1]["function"]["parameters"], free[1].parameters);
    assert_eq!(sent[0][1]["function"].get("strict"), None);
    assert_eq!(sent[1][0]["function"]["parameters"], free[0].parameters);
    assert_eq!(sent[1][0]["function"].get("strict"), None);
}

#[test]
fn the_name_and_the_window_are_told() {
    let server = ScriptedModel::start(&json!([]));
    let mut settings = settings(&server);
    settings.name = "mine".to_owned();
    settings.context_window = Some(8192);
    let model = OpenAiModel::new(settings).unwrap();
    assert_eq!((model.name(), model.context_window()), ("mine", Some(8192)));
}
