//! Servers as they really behave, each oddity through the whole program: a real tool runs, its output is
//! cited, the citation holds. Non-streaming (`-o json`) and streaming (`-o jsonl`).

use serde_json::{Value, json};

use crate::support::Bench;
use crate::support::scripted_model::Recorded;

const ANSWER: &str = "Root cause: the disk is full [E1:1]";

/// What a server says first; a plain answer follows.
enum Odd {
    /// The message of an answer, also as the one delta of a stream.
    Message(Value),
    /// The body of a stream, in the pieces it is written in.
    Stream(Vec<String>),
    /// Whatever the scripted server can play.
    Replies(Vec<Value>),
}

struct Scenario {
    name: &'static str,
    odd: Odd,
}

fn message(name: &'static str, message: Value) -> Scenario {
    Scenario { name, odd: Odd::Message(message) }
}

fn stream(name: &'static str, pieces: &[&str]) -> Scenario {
    Scenario { name, odd: Odd::Stream(pieces.iter().map(|piece| (*piece).to_owned()).collect()) }
}

fn replies(name: &'static str, replies: &[Value]) -> Scenario {
    Scenario { name, odd: Odd::Replies(replies.to_vec()) }
}

fn calls(list: &Value) -> Value {
    json!({"role": "assistant", "content": null, "tool_calls": list})
}

fn look(arguments: impl Into<Value>) -> Value {
    json!({"index": 0, "id": "a", "type": "function", "function": {"name": "look", "arguments": arguments.into()}})
}

fn good() -> Value {
    look("{\"path\": \"/var\"}")
}

fn says(text: &str) -> Value {
    json!({"role": "assistant", "content": text})
}

fn delta(delta: &Value) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta}]}))
}

fn finish(reason: &str) -> String {
    format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}))
}

/// A good call in the usual form, for servers that do it right the second time.
fn retried() -> Value {
    json!({"call": [{"tool": "look", "arguments": {"path": "/var"}}]})
}

fn refusal(status: u16, message: &str) -> Value {
    json!({"status": status, "body": {"error": {"message": message}}})
}

/// Messages, whole or streamed, that hold one call of `look`.
fn messages() -> Vec<Scenario> {
    vec![
        message("content null", calls(&json!([good()]))),
        message(
            "content a list of parts",
            json!({"content": [{"type": "text", "text": "Look."}], "tool_calls": [good()]}),
        ),
        message("content an empty text", json!({"content": "", "tool_calls": [good()]})),
        message("arguments as an object", calls(&json!([look(json!({"path": "/var"}))]))),
        message("arguments encoded twice", calls(&json!([look("\"{\\\"path\\\": \\\"/var\\\"}\"")]))),
        message("arguments with trailing text", calls(&json!([look("{\"path\": \"/var\"}\nNow I wait.")]))),
        message("arguments in a fence", calls(&json!([look("```json\n{\"path\": \"/var\"}\n```")]))),
        message("arguments twice", calls(&json!([look("{\"path\": \"/var\"}{\"path\": \"/var\"}")]))),
        message(
            "no id, no index, no type",
            calls(&json!([{"function": {"name": "look", "arguments": "{\"path\": \"/var\"}"}}])),
        ),
        message(
            "an empty id",
            calls(&json!([{"id": "", "function": {"name": "look", "arguments": "{\"path\": \"/var\"}"}}])),
        ),
        message(
            "a number as id",
            calls(&json!([{"id": 7, "function": {"name": "look", "arguments": "{\"path\": \"/var\"}"}}])),
        ),
        message("a flat call", calls(&json!([{"name": "look", "arguments": {"path": "/var"}}]))),
        message(
            "a dummy function_call beside",
            json!({"function_call": {"name": "", "arguments": ""}, "tool_calls": [good()]}),
        ),
        message(
            "only a function_call",
            json!({"function_call": {"name": "look", "arguments": "{\"path\": \"/var\"}"}}),
        ),
        message("the same call twice", calls(&json!([good(), good()]))),
        message(
            "extra_content",
            calls(&json!([{"id": "a", "extra_content": {"google": {"thought_signature": "sig"}},
            "function": {"name": "look", "arguments": "{\"path\": \"/var\"}"}}])),
        ),
        message(
            "a name with the server's marks",
            calls(&json!([{"id": "functions.look:0",
            "function": {"name": "functions.look:0", "arguments": "{\"path\": \"/var\"}"}}])),
        ),
        message(
            "a name with a leaked channel",
            calls(&json!([{"id": "a",
            "function": {"name": "look<|channel|>commentary", "arguments": "{\"path\": \"/var\"}"}}])),
        ),
        message("thoughts in reasoning_content", json!({"reasoning_content": "hm", "tool_calls": [good()]})),
        message("thoughts in reasoning", json!({"reasoning": "hm", "tool_calls": [good()]})),
        message("thoughts in <think>", json!({"content": "<think>hm</think>\n", "tool_calls": [good()]})),
        message("thoughts in <thought>", json!({"content": "<thought>hm</thought>", "tool_calls": [good()]})),
        message("thoughts in [THINK]", json!({"content": "[THINK]hm[/THINK]", "tool_calls": [good()]})),
        message(
            "thoughts in a part",
            json!({"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}], "tool_calls": [good()]}),
        ),
        message("only </think>", json!({"content": "hm</think>", "tool_calls": [good()]})),
        message("an unclosed <think>", json!({"content": "<think>hm", "tool_calls": [good()]})),
        message(
            "a call after an unclosed <think>",
            says(
                "<think>hm\n<tool_call>{\"name\": \"look\", \"arguments\": {\"path\": \"/var\"}}</tool_call>",
            ),
        ),
        message(
            "a call among reasoning_content",
            json!({"content": null,
            "reasoning_content": "hm\n<tool_call>{\"name\": \"look\", \"arguments\": {\"path\": \"/var\"}}</tool_call>"}),
        ),
        message(
            "a call in <tool_call>",
            says(
                "Look.\n<tool_call>\n{\"name\": \"look\", \"arguments\": {\"path\": \"/var\"}}\n</tool_call>",
            ),
        ),
        message(
            "a call in <tool_call>, unclosed",
            says("<tool_call>\n{\"name\": \"look\", \"arguments\": {\"path\": \"/var\"}}"),
        ),
        message(
            "a call in a fence",
            says("Look.\n```json\n{\"name\": \"look\", \"arguments\": {\"path\": \"/var\"}}\n```"),
        ),
        message("a call in Action lines", says("Look.\nAction: look\nAction Input: {\"path\": \"/var\"}\n")),
        message("a call in <function=", says("<function=look>{\"path\": \"/var\"}</function>")),
        message(
            "a call in <function= with parameters",
            says("<function=look>\n<parameter=path>\n/var\n</parameter>\n</function>"),
        ),
        message(
            "a call as [TOOL_CALLS]",
            says("[TOOL_CALLS] [{\"name\": \"look\", \"arguments\": {\"path\": \"/var\"}}]"),
        ),
        message(
            "an empty error beside",
            json!({"tool_calls": [good()], "refusal": null, "audio": null, "annotations": []}),
        ),
    ]
}

/// Streams that hold one call of `look`.
fn streams() -> Vec<Scenario> {
    let one = || delta(&json!({"tool_calls": [good()]}));
    let begin = delta(&json!({"tool_calls": [{"index": 0, "id": "a", "function": {"arguments": ""}}]}));
    let named = delta(&json!({"tool_calls": [{"index": 0, "function": {"name": "look"}}]}));
    let piece = |text: &str| delta(&json!({"tool_calls": [{"index": 0, "function": {"arguments": text}}]}));
    let loose = |text: &str| delta(&json!({"tool_calls": [{"function": {"arguments": text}}]}));
    let done = "data: [DONE]\n\n";
    let stop = finish("tool_calls");
    vec![
        stream(
            "the name in a later chunk",
            &[&begin, &named, &piece("{\"path\""), &piece(": \"/var\"}"), &stop, done],
        ),
        stream(
            "no index in any chunk",
            &[
                &delta(&json!({"tool_calls": [{"id": "a", "function": {"name": "look", "arguments": ""}}]})),
                &loose("{\"path\""),
                &loose(": \"/var\"}"),
                &stop,
                done,
            ],
        ),
        stream(
            "thoughts split over chunks",
            &[
                &delta(&says("<th")),
                &delta(&says("ink>h")),
                &delta(&says("m</thi")),
                &delta(&says("nk>")),
                &one(),
                &stop,
                done,
            ],
        ),
        stream(
            "keep-alive comments and pings",
            &[
                ": OPENROUTER PROCESSING\n\n",
                ":\n\n",
                "event: ping\ndata: {\"type\": \"ping\"}\n\n",
                &one(),
                ": ping\n\n",
                &stop,
                done,
            ],
        ),
        stream(
            "Azure's first chunk",
            &[
                "data: {\"choices\": [], \"created\": 0, \"id\": \"\", \"model\": \"\", \"prompt_filter_results\": [{\"prompt_index\": 0, \"content_filter_results\": {}}]}\n\n",
                &one(),
                &stop,
                done,
            ],
        ),
        stream(
            "an empty choices at the end",
            &[&one(), &stop, "data: {\"choices\": [], \"usage\": null}\n\n", done],
        ),
        stream("no [DONE]", &[&one(), &stop]),
        stream("no [DONE], no last blank line", &[&one(), stop.trim_end()]),
        stream("finish_reason stop with calls", &[&one(), &finish("stop"), done]),
        stream("finish_reason of another spelling", &[&one(), &finish("TOOL_CALL"), done]),
        stream("no finish_reason", &[&one(), done]),
        stream("no finish_reason and no [DONE]", &[&one()]),
        stream(
            "CRLF and no space after data:",
            &[&one().replace("data: ", "data:").replace('\n', "\r\n"), "data:[DONE]\r\n\r\n"],
        ),
        stream("data: twice", &[&one().replace("data: ", "data: data: "), &stop, done]),
        stream(
            "lines of Ollama's own format",
            &[
                "{\"model\": \"m\", \"message\": {\"role\": \"assistant\", \"content\": \"\", \"tool_calls\": [{\"function\": {\"name\": \"look\", \"arguments\": {\"path\": \"/var\"}}}]}, \"done\": false}\n",
                "{\"model\": \"m\", \"message\": {\"role\": \"assistant\", \"content\": \"\"}, \"done\": true, \"done_reason\": \"stop\", \"prompt_eval_count\": 5, \"eval_count\": 3}\n",
            ],
        ),
        stream(
            "a last chunk that repeats the whole message",
            &[
                &one(),
                &format!(
                    "data: {}\n\n",
                    json!({"choices": [{"index": 0, "message": {"tool_calls": [good()]}, "finish_reason": "tool_calls"}]})
                ),
                done,
            ],
        ),
    ]
}

/// Servers that fail at first, or refuse the call's form, and are asked again.
fn failures() -> Vec<Scenario> {
    let wait = |status: u16, retry_after: &str| json!({"status": status, "headers": {"retry-after": retry_after}, "body": {"error": {"message": "later"}}});
    let event = |error: &Value| json!({"stream_chunks": [format!("data: {error}\n\n")]});
    let half = delta(
        &json!({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "look", "arguments": "{\"pa"}}]}),
    );
    vec![
        replies("408", &[wait(408, "0.01"), retried()]),
        replies("409", &[wait(409, "0.01"), retried()]),
        replies("425", &[wait(425, "0.01"), retried()]),
        replies("429 with seconds", &[wait(429, "0.01"), retried()]),
        replies("429 with a date gone by", &[wait(429, "Sun, 06 Nov 1994 08:49:37 GMT"), retried()]),
        replies(
            "429 with the wait in words",
            &[refusal(429, "Rate limit reached. Please try again in 12ms."), retried()],
        ),
        replies("500", &[wait(500, "0.01"), retried()]),
        replies(
            "502 with an HTML page",
            &[
                json!({"status": 502, "headers": {"content-type": "text/html"}, "body": "<html><title>502 Bad Gateway</title></html>"}),
                retried(),
            ],
        ),
        replies("503 while a model loads", &[refusal(503, "Loading model"), retried()]),
        replies("529 of an overloaded server", &[wait(529, "0.01"), retried()]),
        replies("a connection hung up on", &[json!({"close": true}), retried()]),
        replies(
            "an error object inside a 200",
            &[json!({"json": {"error": {"message": "overloaded", "code": 503}}}), retried()],
        ),
        replies(
            "an error object inside a stream",
            &[event(&json!({"error": {"message": "overloaded", "code": 502}})), retried()],
        ),
        replies(
            "an error inside choices",
            &[
                event(
                    &json!({"choices": [{"delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "provider"}}]}),
                ),
                retried(),
            ],
        ),
        replies(
            "event: error",
            &[
                json!({"stream_chunks": ["event: error\ndata: {\"error\": {\"message\": \"slot is gone\"}}\n\n"]}),
                retried(),
            ],
        ),
        replies(
            "an error of MiniMax's form",
            &[
                json!({"json": {"choices": null, "base_resp": {"status_code": 1002, "status_msg": "busy"}}}),
                retried(),
            ],
        ),
        replies(
            "a stream cut in the middle",
            &[json!({"stream_chunks": [half], "cut_after": 40}), retried()],
        ),
        replies("a chunked stream that just ends", &[json!({"stream_chunks": [half]}), retried()]),
        replies("an empty body", &[json!({"status": 200, "body": ""}), retried()]),
        replies("empty choices", &[json!({"json": {"choices": []}}), retried()]),
        replies(
            "thoughts and nothing else",
            &[
                json!({"json": {"choices": [{"message": {"reasoning_content": "hm"}, "finish_reason": "stop"}]}}),
                retried(),
            ],
        ),
        replies(
            "a call the server could not read",
            &[
                json!({"status": 400, "body": {"error": {"message": "Failed to call a function.", "code": "tool_use_failed",
                "failed_generation": "<function=look>{\"path\": \"/var\"}</function>"}}}),
            ],
        ),
    ]
}

fn wire(stream: &[String]) -> Value {
    json!({"stream_chunks": stream})
}

/// Each way a scenario is played: how it is called, the first replies, whether the program streams.
fn ways(odd: &Odd) -> Vec<(&'static str, Vec<Value>, bool)> {
    match odd {
        Odd::Message(message) => {
            let whole = json!({"json": {"choices": [{"message": message}]}});
            let chunk = json!({"choices": [{"delta": message}]});
            let events = format!("data: {chunk}\n\n{}data: [DONE]\n\n", finish("stop"));
            vec![
                ("whole", vec![whole], false),
                ("streamed in small pieces", vec![json!({"stream_chunks": [events], "split": 5})], true),
            ]
        }
        Odd::Stream(pieces) => {
            vec![("streamed", vec![wire(pieces)], true), ("streamed unasked", vec![wire(pieces)], false)]
        }
        Odd::Replies(replies) => {
            vec![("not streaming", replies.clone(), false), ("streaming", replies.clone(), true)]
        }
    }
}

fn bench(mut replies: Vec<Value>) -> Bench {
    // A call that lacked a parameter is an exhibit too, and the good one then the second.
    replies.push(json!({"when": "(?s)exhibit E2 .*full at /var", "say": ANSWER.replace("E1", "E2")}));
    replies.push(json!({"say": ANSWER}));
    Bench::new().tools(&[("look", "echo disk full at {{ path }} é")]).model(Value::from(replies))
}

/// Runs to the answer, whiczoundsust cite what the tool has said.
fn answered(name: &str, bench: &Bench, stream: bool) -> (Vec<Recorded>, String) {
    let form = if stream { "jsonl" } else { "json" };
    let ran = bench.run([
        "ask",
        "why?",
        "-t",
        "tools.yaml",
        "--toolset",
        "test",
        "-o",
        form,
        "--json-output-file",
        "out.json",
        "--timeout",
        "60s",
    ]);
    assert_eq!(ran.code, Some(0), "{name}: {}\n{}", ran.stdout, ran.stderr);
    let result: Value = serde_json::from_str(&bench.read("out.json")).unwrap();
    let evidence = &result["evidence"][0];
    assert_eq!(evidence["quote"], "disk full at /var é", "{name}: {result:#}");
    assert_eq!(evidence["verified"], true, "{name}: {result:#}");
    assert_eq!(result["metadata"]["finish"], "answered", "{name}: {result:#}");
    let text = result["root_cause"].to_string();
    for thought in ["hm", "<think", "tool_call", "function="] {
        assert!(!text.contains(thought), "{name}: {text}");
    }
    let requests = bench.scripted().requests();
    if stream {
        assert!(requests[0].body["stream"] == true, "{name}");
    }
    (requests, ran.stderr)
}

/// Each scenario on its own server, a few at a time.
fn each(scenarios: &[Scenario], check: impl Fn(&Scenario, &str, Vec<Value>, bool) + Sync) {
    let played: Vec<_> = scenarios
        .iter()
        .flat_map(|scenario| ways(&scenario.odd).into_iter().map(move |way| (scenario, way)))
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((scenario, (way, replies, stream))) = played.get(at) else { break };
                    check(scenario, &format!("{}, {way}", scenario.name), replies.clone(), *stream);
                }
            });
        }
    });
}

#[test]
fn every_form_of_a_call_runs_the_tool_once() {
    each(&messages(), |scenario, name, replies, stream| {
        let bench = bench(replies);
        let (requests, stderr) = answered(name, &bench, stream);
        assert_eq!(requests.len(), 2, "{name}: {stderr}");
        let sent = &requests[1].body["messages"];
        let turn = sent.as_array().unwrap().iter().find(|message| message["role"] == "assistant").unwrap();
        assert_eq!(turn["tool_calls"].as_array().map(Vec::len), Some(1), "{name}: {turn}");
        assert!(!sent.to_string().contains("\"hm"), "{name}: thoughts go back unasked: {turn}");
        if scenario.name == "extra_content" {
            let back = &turn["tool_calls"][0]["extra_content"]["google"]["thought_signature"];
            assert_eq!(back, "sig", "{name}");
        }
    });
}

#[test]
fn every_form_of_a_stream_runs_the_tool_once() {
    each(&streams(), |scenario, name, replies, stream| {
        let bench = bench(replies);
        let (requests, stderr) = answered(name, &bench, stream);
        assert_eq!(requests.len(), 2, "{name}: {stderr}");
        assert!(
            scenario.name != "thoughts split over chunks" || !requests[1].body.to_string().contains("hm"),
            "{name}"
        );
    });
}

#[test]
fn what_passes_is_tried_again_before_everybodys_eyes() {
    each(&failures(), |_, name, replies, stream| {
        let first = replies.len();
        let bench = bench(replies);
        let (requests, stderr) = answered(name, &bench, stream);
        assert_eq!(requests.len(), first + 1, "{name}: {stderr}");
        assert_eq!(stderr.contains("retrying"), first == 2, "{name}: {stderr}");
        // An empty answer is asked for without streaming; all else of the request stays.
        let asked = |at: usize| requests.get(at).unwrap().body["messages"].clone();
        assert_eq!(asked(0), asked(first - 1), "{name}: asked the same again");
    });
}

#[test]
fn a_call_that_cannot_run_comes_back_with_what_is_right() {
    let wrong = |call: Value| json!({"json": {"choices": [{"message": {"tool_calls": [call]}}]}});
    let named =
        |name: &str| json!({"id": "a", "function": {"name": name, "arguments": "{\"path\": \"/var\"}"}});
    let scenarios = [
        replies("arguments empty", &[wrong(look("")), retried()]),
        replies("arguments null", &[wrong(look(Value::Null)), retried()]),
        replies("arguments cut off", &[wrong(look("{\"path\": \"/v")), retried()]),
        replies("arguments of another name", &[wrong(look("{\"folder\": \"/var\"}")), retried()]),
        replies("an unknown tool", &[wrong(named("lok")), retried()]),
    ];
    each(&scenarios, |scenario, name, replies, stream| {
        let bench = bench(replies);
        let (requests, _) = answered(name, &bench, stream);
        assert_eq!(requests.len(), 3, "{name}");
        let messages = requests[1].body["messages"].as_array().unwrap();
        let told = messages.last().unwrap()["content"].as_str().unwrap();
        let word = if scenario.name == "an unknown tool" { "`look`" } else { "path" };
        assert!(told.contains(word) && told.len() < 600, "{name}: {told}");
    });
}

#[test]
fn parallel_calls_without_index_or_with_one_id_stay_apart() {
    let call = |id: Value, path: &str| json!({"id": id, "function": {"name": "look", "arguments": json!({"path": path}).to_string()}});
    for (name, id, other) in [
        ("no ids", Value::Null, Value::Null),
        ("empty ids", json!(""), json!("")),
        ("one id", json!("a"), json!("a")),
        ("two ids", json!("a"), json!("b")),
    ] {
        let message = json!({"tool_calls": [call(id, "/var"), call(other, "/srv")]});
        for (way, replies, stream) in ways(&Odd::Message(message)) {
            let bench = bench(replies);
            let (requests, _) = answered(&format!("{name}, {way}"), &bench, stream);
            let sent = requests[1].body["messages"].to_string();
            assert!(sent.contains("full at /var") && sent.contains("full at /srv"), "{name}, {way}: {sent}");
        }
    }
}

/// One refused field each: status, the server's words, how the field is in a body.
type Refused = (&'static str, u16, Value, fn(&Value) -> bool);

#[test]
fn a_refused_field_costs_one_request_in_the_whole_run() {
    let say = |words: &str| json!({"error": {"message": words}});
    let cases: Vec<Refused> = vec![
        (
            "temperature",
            400,
            say("Unsupported value: 'temperature' does not support 0.1 with this model."),
            |body| body.get("temperature").is_some(),
        ),
        (
            "temperature and top_p",
            400,
            say("`temperature` and `top_p` cannot both be specified for this model."),
            |body| body.get("temperature").is_some() && body.get("top_p").is_some(),
        ),
        ("parallel_tool_calls", 400, say("Unsupported parameter: 'parallel_tool_calls'"), |body| {
            body.get("parallel_tool_calls").is_some()
        }),
        ("strict", 400, say("tools[0].function.strict: Extra inputs are not permitted"), |body| {
            body["tools"].to_string().contains("\"strict\"")
        }),
        (
            "max_tokens",
            400,
            say(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            ),
            |body| body.get("max_tokens").is_some() || body.get("max_completion_tokens").is_none(),
        ),
        (
            "stream_options",
            422,
            json!({"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "Extra inputs are not permitted"}]}),
            |body| body.get("stream_options").is_some(),
        ),
        ("tool_choice", 400, say("tool_choice is not supported by this model"), |body| {
            body.get("tool_choice").is_some()
        }),
        ("system role", 400, say("System role not supported"), |body| {
            body["messages"][0]["role"] == "system"
        }),
        (
            "streaming",
            400,
            say("Your organization must be verified to stream this model (param: stream)"),
            |body| body["stream"] == true,
        ),
        (
            "streaming with tools",
            400,
            say("This model doesn't support tool use in streaming mode."),
            |body| body["stream"] == true,
        ),
        (
            "additionalProperties",
            400,
            say("Invalid JSON payload received. Unknown name \"additionalProperties\": Cannot find field."),
            |body| body["tools"].to_string().contains("additionalProperties"),
        ),
    ];
    for (name, status, body, carries) in cases {
        let replies = vec![json!({"status": status, "body": body}), retried()];
        let bench = bench(replies);
        let base = bench.scripted().base_url();
        let bench = bench.env("MODEL", "m").file(
            ".holmes/config.yaml",
            format!(
                "models:\n  m: {{model: scripted, api_base: '{base}', api_key: k, temperature: 0.1, top_p: 0.9, strict_tools: true, \
                 parallel_tool_calls: false, tool_choice: auto, max_tokens: 4000}}\n"
            ),
        );
        let (requests, stderr) = answered(name, &bench, true);
        assert_eq!(requests.len(), 3, "{name}: one wasted request: {stderr}");
        let carried: Vec<bool> = requests.iter().map(|request| carries(&request.body)).collect();
        assert_eq!(carried, [true, false, false], "{name}: {}", requests[1].body);
    }
}

#[test]
fn an_endpoint_without_tools_still_answers() {
    for words in
        ["gemma:2b does not support tools", "\"auto\" tool choice requires --enable-auto-tool-choice"]
    {
        let call = "Action: look\nAction Input: {\"path\": \"/var\"}\n";
        let bench = bench(vec![refusal(400, words), json!({"say": call})]);
        let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "--toolset", "test", "-o", "json"]).exits(0);
        let requests = bench.scripted().requests();
        assert!(requests.iter().skip(1).all(|request| request.body.get("tools").is_none()), "{words}");
        assert_eq!(ran.json()["evidence"][0]["verified"], true, "{words}: {}", ran.stdout);
    }
}

#[test]
fn thoughts_go_back_where_they_are_asked_for_and_are_never_the_answer() {
    let call = json!({"reasoning": "zounds", "call": [{"tool": "look", "arguments": {"path": "/var"}}]});
    let asks = refusal(400, "Missing `reasoning_content` field in the assistant message at message index 2.");
    for (name, entry, replies, sent) in [
        ("unasked", "", vec![call.clone()], [None, None]),
        ("asked", "", vec![call.clone(), asks], [None, Some("zounds")]),
        ("by setting", "echo_reasoning: true", vec![call], [Some("zounds"), Some("zounds")]),
    ] {
        for stream in [false, true] {
            let bench = bench(replies.clone());
            let base = bench.scripted().base_url();
            let bench = bench.env("MODEL", "m").file(
                ".holmes/config.yaml",
                format!("models:\n  m: {{model: scripted, api_base: '{base}', api_key: k, {entry}}}\n"),
            );
            let (requests, _) = answered(name, &bench, stream);
            assert_eq!(requests.len(), replies.len() + 1, "{name}");
            let turn = |request: &Recorded| {
                let messages = request.body["messages"].as_array().unwrap();
                let said = messages.iter().find(|message| message["role"] == "assistant").unwrap();
                said["reasoning_content"].as_str().map(str::to_owned)
            };
            assert_eq!(turn(&requests[1]).as_deref(), sent[0], "{name}");
            assert_eq!(turn(requests.last().unwrap()).as_deref(), sent[1], "{name}");
        }
    }
}

#[test]
fn thoughts_are_shown_on_demand_and_stay_out_of_the_answer() {
    let reply = json!({"json": {"choices": [{"message": {"reasoning_content": "let me see", "content": "Root cause: x"}}]}});
    for (flags, shown) in [(&["-v"][..], true), (&[], false)] {
        let bench = Bench::new().tools(&[("look", "true")]).model(json!([reply]));
        let ran = bench
            .run([&["ask", "why?", "-t", "tools.yaml", "--toolset", "test", "-o", "jsonl"], flags].concat())
            .exits(0);
        assert_eq!(ran.stderr.contains("let me see"), shown, "{flags:?}: {}", ran.stderr);
        let last = ran.stdout.lines().last().unwrap();
        assert!(last.contains("Root cause: x") || last.contains("\"x\""), "{last}");
        assert!(!last.contains("let me see"), "{last}");
    }
}

#[test]
fn what_a_person_must_change_ends_the_run_with_the_setting() {
    let page = json!({"status": 200, "headers": {"content-type": "text/html"}, "body": "<!doctype html><title>Sign in</title>"});
    for (name, reply, code, words) in [
        ("401", refusal(401, "bad key"), 3, "OPENAI_API_KEY"),
        (
            "Gemini's 400 for a key",
            refusal(400, "API key not valid. Please pass a valid API key."),
            3,
            "OPENAI_API_KEY",
        ),
        ("403", refusal(403, "not yours"), 3, "OPENAI_API_KEY"),
        ("404", refusal(404, "no such model"), 3, "--model"),
        (
            "a redirect",
            json!({"status": 302, "headers": {"location": "https://login.example/"}, "body": ""}),
            3,
            "login.example",
        ),
        ("a login page", page, 3, "HTML"),
        (
            "a content filter",
            json!({"status": 400, "body": {"error": {"code": "content_filter", "message": "The response was filtered"}}}),
            3,
            "content filter",
        ),
        (
            "thoughts without end",
            json!({"json": {"choices": [{"message": {"content": "<think>zounds"}, "finish_reason": "length"}]}, "repeat": true}),
            4,
            "max_tokens",
        ),
        (
            "a server that asks to wait too long",
            json!({"status": 429, "headers": {"retry-after": "7200"}, "body": ""}),
            4,
            "7200",
        ),
    ] {
        for form in ["text", "jsonl"] {
            let bench = Bench::new().tools(&[("look", "true")]).model(json!([reply]));
            let ran = bench.run([
                "ask",
                "why?",
                "-t",
                "tools.yaml",
                "--toolset",
                "test",
                "-o",
                form,
                "--timeout",
                "30s",
            ]);
            assert_eq!(ran.code, Some(code), "{name}: {}", ran.stderr);
            assert!(ran.stderr.contains(words), "{name}: {}", ran.stderr);
            let answer = ran.stdout.lines().last().unwrap_or_default();
            assert!(!answer.contains("zounds"), "{name}: {answer}");
        }
    }
}

#[test]
fn prices_of_the_model_list_make_the_cost() {
    let bench = bench(vec![retried()]);
    let base = bench.scripted().base_url();
    let bench = bench.env("MODEL", "m").file(
        ".holmes/config.yaml",
        format!(
            "models:\n  m: {{model: scripted, api_base: '{base}', api_key: k, input_cost_per_token: 0.001, output_cost_per_token: 0.01}}\n"
        ),
    );
    let _ = answered("prices", &bench, false);
    let result = bench.read("out.json");
    let cost: Value = serde_json::from_str(&result).unwrap();
    // Two calls of 100 tokens in and 10 out.
    let total = cost["total_cost"].as_f64();
    assert!(total.is_some_and(|total| (total - 0.4).abs() < 1e-9), "{result}");
}
