//! Endpoints that refuse part of a request.

use holmes_rs::agent::{Arguments, AssistantMessage, Message, ToolCall};
use holmes_rs::model::ModelErrorKind;
use holmes_rs::model::openai::OpenAiModel;
use serde_json::{Map, Value, json};

use crate::bench::{question, settings, take, turn_with};
use crate::support::scripted_model::ScriptedModel;

fn refusal(status: u16, body: &Value) -> Value {
    json!({"status": status, "body": body})
}

fn openai(message: &str, param: &str, code: &str) -> Value {
    json!({"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}})
}

#[test]
fn what_is_refused_is_left_out_and_not_sent_again() {
    type Check = fn(&Value) -> bool;
    let cases: Vec<(&str, Value, Check)> = vec![
        (
            "temperature",
            refusal(
                400,
                &openai(
                    "Unsupported value: 'temperature' does not support 0.1 with this model. Only the default (1) value is supported.",
                    "temperature",
                    "unsupported_value",
                ),
            ),
            |body| body.get("temperature").is_none(),
        ),
        (
            "parallel_tool_calls",
            refusal(
                400,
                &openai(
                    "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.",
                    "parallel_tool_calls",
                    "unsupported_parameter",
                ),
            ),
            |body| body.get("parallel_tool_calls").is_none() && body.get("temperature").is_some(),
        ),
        (
            "max_tokens",
            refusal(
                400,
                &openai(
                    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
                    "max_tokens",
                    "unsupported_parameter",
                ),
            ),
            |body| body.get("max_tokens").is_none() && body["max_completion_tokens"] == 100,
        ),
        (
            "stream_options of FastAPI",
            refusal(
                422,
                &json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}),
            ),
            |body| body.get("stream_options").is_none() && body["stream"] == true,
        ),
        (
            "stream",
            refusal(
                400,
                &openai(
                    "Your organization must be verified to stream this model.",
                    "stream",
                    "unsupported_value",
                ),
            ),
            |body| body["stream"] == false && body.get("stream_options").is_none(),
        ),
        (
            "tools of Ollama",
            refusal(
                400,
                &json!({"error": {"message": "gemma:2b does not support tools", "type": "api_error"}}),
            ),
            |body| body.get("tools").is_none(),
        ),
        (
            "tools of vLLM",
            refusal(
                400,
                &json!({"object": "error", "message": "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set", "code": 400}),
            ),
            |body| body.get("tools").is_none(),
        ),
        (
            "tools of llama.cpp",
            refusal(
                500,
                &json!({"error": {"code": 500, "message": "tools param requires --jinja flag", "type": "server_error"}}),
            ),
            |body| body.get("tools").is_none(),
        ),
        (
            "tools of OpenRouter",
            refusal(
                404,
                &json!({"error": {"message": "No endpoints found that support tool use.", "code": 404}}),
            ),
            |body| body.get("tools").is_none(),
        ),
        (
            "system role of o1",
            refusal(
                400,
                &openai(
                    "Unsupported value: 'messages[0].role' does not support 'system' with this model. Use 'developer'.",
                    "messages[0].role",
                    "unsupported_value",
                ),
            ),
            |body| body["messages"][0]["role"] == "developer",
        ),
        (
            "system role of Gemma",
            refusal(400, &json!({"object": "error", "message": "System role not supported", "code": 400})),
            |body| body["messages"][0]["role"] == "user",
        ),
        (
            "system role of Gemma at Google",
            refusal(
                400,
                &json!([{"error": {"code": 400, "message": "Developer instruction is not enabled for models/gemma-3-27b-it", "status": "INVALID_ARGUMENT"}}]),
            ),
            |body| body["messages"][0]["role"] == "user",
        ),
        (
            "schema keyword of Gemini",
            refusal(
                400,
                &json!([{"error": {"code": 400, "message": "Invalid JSON payload received. Unknown name \"additionalProperties\" at 'tools[0].function_declarations[0].parameters': Cannot find field.", "status": "INVALID_ARGUMENT"}}]),
            ),
            |body| {
                !body["tools"].to_string().contains("additionalProperties")
                    && body["tools"].to_string().contains("kind")
            },
        ),
    ];
    for (name, refused, accepted) in cases {
        let server = ScriptedModel::start(&json!([refused, {"say": "first"}, {"say": "second"}]));
        let mut settings = settings(&server);
        for (field, value) in
            [("temperature", json!(0.1)), ("parallel_tool_calls", json!(false)), ("max_tokens", json!(100))]
        {
            settings.extra_body.insert(field.to_owned(), value);
        }
        let model = OpenAiModel::new(settings).unwrap();
        let first = take(&model, Some(&server), &question(), true);
        assert_eq!(first.reply().message.text, "first", "{name}");
        assert_eq!(first.retries.len(), 1, "{name}");
        let second = take(&model, Some(&server), &question(), true);
        assert_eq!(second.reply().message.text, "second", "{name}");
        let requests = server.requests();
        assert_eq!(requests.len(), 3, "{name}: remembered");
        assert!(!accepted(&requests[0].body), "{name}: {}", requests[0].body);
        assert!(accepted(&requests[1].body), "{name}: {}", requests[1].body);
        assert!(accepted(&requests[2].body), "{name}: {}", requests[2].body);
    }
}

#[test]
fn several_refusals_are_taken_one_after_the_other() {
    let refuse = |field: &str| {
        refusal(400, &json!({"error": format!("Unrecognized request argument supplied: {field}")}))
    };
    let turn = turn_with(
        &json!([refuse("stream_options"), refuse("temperature"), {"say": "ok"}]),
        true,
        |settings| {
            settings.extra_body.insert("temperature".to_owned(), json!(0.1));
        },
    );
    assert_eq!(turn.reply().message.text, "ok");
    assert_eq!(turn.requests.len(), 3);
}

#[test]
fn a_refusal_that_nothing_can_help_is_an_error_at_once() {
    let same = openai("Unsupported parameter: 'temperature'", "temperature", "unsupported_parameter");
    let turn = turn_with(&json!([{"status": 400, "body": same, "repeat": true}]), true, |settings| {
        settings.extra_body.insert("temperature".to_owned(), json!(0.1));
    });
    assert_eq!(turn.error().kind, ModelErrorKind::Configuration);
    assert!(turn.error().message.contains("Unsupported parameter: 'temperature'"));
    assert_eq!(turn.requests.len(), 2);
}

fn with_a_call() -> Vec<Message> {
    let mut echo = Map::new();
    echo.insert("reasoning_content".to_owned(), json!("hm"));
    let mut messages = question();
    messages.push(Message::Assistant(AssistantMessage {
        tool_calls: vec![ToolCall {
            id: "a".to_owned(),
            tool: "kubectl_get".to_owned(),
            arguments: Arguments::Unreadable("{\"ki".to_owned()),
            echo: Map::new(),
        }],
        echo,
        ..AssistantMessage::default()
    }));
    messages.push(Message::Tool {
        call_id: "a".to_owned(),
        tool: "kubectl_get".to_owned(),
        text: "no pods".to_owned(),
    });
    messages
}

#[test]
fn a_transcript_with_calls_is_told_as_text_where_tools_are_refused() {
    let server = ScriptedModel::start(&json!([
        {"status": 400, "body": {"error": "model does not support tools"}},
        {"say": "ok"},
    ]));
    let model = OpenAiModel::new(settings(&server)).unwrap();
    let turn = take(&model, Some(&server), &with_a_call(), false);
    assert_eq!(turn.reply().message.text, "ok");
    assert_eq!(turn.violations, [""; 0]);
    let messages = turn.requests[1].body["messages"].as_array().unwrap();
    assert_eq!(messages[2]["content"], "Action: kubectl_get\nAction Input: {\"ki");
    assert_eq!(messages[3], json!({"role": "user", "content": "Observation:\nno pods"}));
}

#[test]
fn echoed_fields_are_left_out_where_they_are_refused() {
    let server = ScriptedModel::start(&json!([
        {"status": 400, "body": {"error": {"message": "'messages.2' : for 'role:assistant' the following must be satisfied[('messages.2' : property 'reasoning_content' is unsupported)]"}}},
        {"say": "ok"},
    ]));
    let mut echoing = settings(&server);
    echoing.echo_reasoning = true;
    let model = OpenAiModel::new(echoing).unwrap();
    let turn = take(&model, Some(&server), &with_a_call(), false);
    assert_eq!(turn.reply().message.text, "ok");
    assert_eq!(turn.violations, [""; 0]);
    assert_eq!(turn.requests[0].body["messages"][2]["reasoning_content"], "hm");
    assert!(turn.requests[1].body["messages"][2].get("reasoning_content").is_none());
}

#[test]
fn thoughts_go_back_once_the_endpoint_has_asked_for_them() {
    for (words, field, want) in [
        (
            "Missing `reasoning_content` field in the assistant message at message index 2.",
            "reasoning_content",
            json!("hm"),
        ),
        (
            "The `reasoning_content` in the thinking mode must be passed back to the API.",
            "reasoning_content",
            json!("hm"),
        ),
        (
            "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2",
            "reasoning_content",
            json!("hm"),
        ),
        (
            "reasoning_details is required for this turn",
            "reasoning_details",
            json!([{"type": "reasoning.text", "text": " "}]),
        ),
    ] {
        let server = ScriptedModel::start(&json!([
            {"status": 400, "body": {"error": {"message": words}}},
            {"say": "ok", "repeat": true},
        ]));
        let model = OpenAiModel::new(settings(&server)).unwrap();
        let turn = take(&model, Some(&server), &with_a_call(), false);
        assert_eq!(turn.reply().message.text, "ok");
        assert!(turn.requests[0].body["messages"][2].get("reasoning_content").is_none());
        assert_eq!(turn.requests[1].body["messages"][2][field], want, "{words}");
        let again = take(&model, Some(&server), &with_a_call(), false);
        assert_eq!(again.requests.len(), 3, "{words}: remembered");
        assert_eq!(again.violations, [""; 0]);
    }
}

#[test]
fn signed_thoughts_of_a_stream_go_back_whole() {
    let piece = |value: Value| json!({"choices": [{"delta": {"reasoning_details": [value]}}]});
    let chunks = [
        piece(json!({"type": "reasoning.text", "text": "h", "index": 0})),
        piece(json!({"type": "reasoning.text", "text": "m", "index": 0})),
        piece(json!({"type": "reasoning.text", "signature": "s1", "index": 0})),
        json!({"choices": [{"delta": {"content": "look"}, "finish_reason": "stop"}]}),
    ];
    let events: Vec<String> = chunks.iter().map(|chunk| format!("data: {chunk}\n\n")).collect();
    let events = events.concat();
    let server = ScriptedModel::start(&json!([{"stream_chunks": [events]}, {"say": "ok"}]));
    let model = OpenAiModel::new(settings(&server)).unwrap();
    let first = take(&model, Some(&server), &question(), true);
    let mut messages = question();
    messages.push(Message::Assistant(first.reply().message.clone()));
    messages.push(Message::User { text: "go on".to_owned() });
    let second = take(&model, Some(&server), &messages, true);
    assert_eq!(
        second.requests[1].body["messages"][2]["reasoning_details"],
        json!([{"type": "reasoning.text", "text": "hm", "index": 0, "signature": "s1"}])
    );
}

#[test]
fn a_transcript_takes_the_form_that_an_endpoint_asks_for() {
    type Check = fn(&Value) -> bool;
    let cases: [(&str, Check); 6] = [
        ("Tool call id was call_a but must be a-z, A-Z, 0-9, with a length of 9.", |messages| {
            let id = messages[2]["tool_calls"][0]["id"].as_str().unwrap();
            id.len() == 9 && messages[3]["tool_call_id"] == id
        }),
        ("Conversation roles must alternate user/assistant/user/assistant/...", |messages| {
            messages.as_array().unwrap().len() == 4 && messages[3]["content"] == "no pods\n\ngo on\n\nnow"
        }),
        ("Unexpected role 'user' after role 'tool'", |messages| messages.as_array().unwrap().len() == 4),
        ("messages.2.content: Input should be a valid string", |messages| messages[2]["content"] == " "),
        ("messages[2].content: none is not an allowed value", |messages| messages[2]["content"].is_string()),
        ("invalid type: null, expected a string at messages[2].content", |messages| {
            messages[2]["content"].is_string()
        }),
    ];
    for (words, right) in cases {
        let server = ScriptedModel::start(&json!([
            {"status": 400, "body": {"error": {"message": words}}},
            {"say": "ok", "repeat": true},
        ]));
        let model = OpenAiModel::new(settings(&server)).unwrap();
        let mut messages = with_a_call();
        messages.push(Message::User { text: "go on".to_owned() });
        messages.push(Message::User { text: "now".to_owned() });
        for requests in [2, 3] {
            let turn = take(&model, Some(&server), &messages, false);
            assert_eq!(turn.reply().message.text, "ok", "{words}");
            assert_eq!(turn.requests.len(), requests, "{words}: remembered");
            assert_eq!(turn.violations, [""; 0], "{words}");
        }
        let requests = server.requests();
        assert!(!right(&requests[0].body["messages"]), "{words}");
        assert!(right(&requests[1].body["messages"]), "{words}: {}", requests[1].body["messages"]);
        assert_eq!(requests[1].body, requests[2].body, "{words}");
    }
}

#[test]
fn streaming_goes_before_tools_where_both_together_are_refused() {
    let server = ScriptedModel::start(&json!([
        {"status": 400, "body": {"message": "This model doesn't support tool use in streaming mode."}},
        {"say": "ok"},
    ]));
    let model = OpenAiModel::new(settings(&server)).unwrap();
    let turn = take(&model, Some(&server), &question(), true);
    assert_eq!(turn.reply().message.text, "ok");
    let sent = &turn.requests[1].body;
    assert!(sent["stream"] == false && sent.get("tools").is_some(), "{sent}");
}

#[test]
fn a_call_that_a_server_could_not_read_is_read_here() {
    let refused = |generation: &str| {
        json!({"status": 400, "body": {"error": {"message": "Failed to call a function. Please adjust your prompt.",
            "code": "tool_use_failed", "failed_generation": generation}}})
    };
    let server = ScriptedModel::start(&json!([
        refused("<function=kubectl_get>{\"kind\": \"pods\"}</function>"), refused("oops"), {"say": "ok"},
    ]));
    let model = OpenAiModel::new(settings(&server)).unwrap();
    let turn = take(&model, Some(&server), &question(), false);
    assert_eq!(turn.calls(), [("kubectl_get".to_owned(), json!({"kind": "pods"}))]);
    let again = take(&model, Some(&server), &question(), false);
    assert_eq!(again.reply().message.text, "ok");
    assert_eq!(again.retries.len(), 1);
}
