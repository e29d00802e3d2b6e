//! The window as an endpoint tells it, each server in its own way, and prompts that it cuts silently.

use std::time::{Duration, Instant};

use holmes_rs::agent::Message;
use holmes_rs::model::Model as _;
use holmes_rs::model::openai::OpenAiModel;
use serde_json::{Value, json};

use crate::bench::{question, run, settings, take};
use crate::support::scripted_model::ScriptedModel;

fn window(scenario: &Value) -> (Option<u64>, Vec<String>) {
    let server = ScriptedModel::start(scenario);
    let model = OpenAiModel::new(settings(&server)).unwrap();
    assert_eq!(model.context_window(), None);
    run(model.discover());
    run(model.discover());
    assert_eq!(model.context_window(), model.window().map(|(tokens, _)| tokens));
    (model.context_window(), server.others())
}

#[test]
fn each_server_tells_its_window_in_its_own_way() {
    let silent = json!({"data": [{"id": "scripted"}]});
    let beside = |path: &str, said: Value| {
        let mut paths = json!({});
        paths[path] = said;
        json!({"replies": [], "models": silent, "paths": paths})
    };
    let trained = json!({"data": [{"id": "scripted", "meta": {"n_ctx_train": 131_072}}]});
    let props = json!({"/props": {"default_generation_settings": {"n_ctx": 8192}}});
    for (server, scenario, want) in [
        ("vLLM", json!({"models": {"data": [{"id": "scripted", "max_model_len": 32_768}]}}), Some(32_768)),
        (
            "OpenRouter",
            json!({"models": {"data": [{"id": "scripted", "context_length": 65_536}]}}),
            Some(65_536),
        ),
        ("llama.cpp", json!({"models": trained, "paths": props}), Some(8192)),
        ("llama.cpp without --props", json!({"models": trained}), Some(131_072)),
        (
            "Ollama, loaded",
            beside("/api/ps", json!({"models": [{"name": "scripted:latest", "context_length": 16_384}]})),
            Some(16_384),
        ),
        (
            "Ollama, not loaded",
            beside(
                "/api/show",
                json!({"parameters": "num_ctx 12288", "model_info": {"llama.context_length": 131_072}}),
            ),
            Some(12_288),
        ),
        (
            "LM Studio",
            beside(
                "/api/v0/models",
                json!({"data": [{"id": "scripted", "loaded_context_length": 10_000, "max_context_length": 40_000}]}),
            ),
            Some(10_000),
        ),
        (
            "LiteLLM",
            beside(
                "/model/info",
                json!({"data": [{"model_name": "scripted", "model_info": {"max_input_tokens": 200_000}}]}),
            ),
            Some(200_000),
        ),
        (
            "TGI",
            beside("/info", json!({"model_id": "m", "max_total_tokens": 4096, "max_input_tokens": 4095})),
            Some(4096),
        ),
        ("one that tells nothing", json!({"models": silent}), None),
        ("one that talks nonsense", json!({"models": "<html>", "paths": props}), Some(8192)),
    ] {
        let (got, asked) = window(&scenario);
        assert_eq!(got, want, "{server}: {asked:?}");
        let lists = asked.iter().filter(|path| *path == "GET /v1/models").count();
        assert_eq!(lists, 1, "{server} is asked once: {asked:?}");
    }
}

#[test]
fn nothing_is_asked_that_is_known() {
    let server = ScriptedModel::start(&json!({"models": {"data": [{"id": "scripted", "max_model_len": 9}]}}));
    let mut known = settings(&server);
    known.context_window = Some(5000);
    let model = OpenAiModel::new(known).unwrap();
    run(model.discover());
    assert_eq!(model.window(), Some((5000, "the settings")));
    assert_eq!(server.others(), [""; 0]);
}

#[test]
fn a_list_goes_before_the_table_at_an_endpoint_of_ones_own() {
    let server =
        ScriptedModel::start(&json!({"models": {"data": [{"id": "gpt-4o", "max_model_len": 8192}]}}));
    let mut own = settings(&server);
    own.model = "gpt-4o".to_owned();
    let model = OpenAiModel::new(own).unwrap();
    assert_eq!(model.window(), Some((128_000, "the built-in table")));
    run(model.discover());
    assert_eq!(model.window(), Some((8192, "`/models`")));
}

#[test]
fn a_dead_or_silent_endpoint_keeps_nobody_waiting() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = ScriptedModel::start(&json!([]));
    for base in [format!("http://{}/v1", silent.local_addr().unwrap()), "http://127.0.0.1:9/v1".to_owned()] {
        let mut dead = settings(&server);
        dead.api_base = base;
        let model = OpenAiModel::new(dead).unwrap();
        let began = Instant::now();
        run(model.discover());
        assert_eq!(model.context_window(), None);
        // Far above the 2 seconds it may take, far below the time limits of a request.
        assert!(began.elapsed() < Duration::from_mins(1));
    }
}

#[test]
fn a_prompt_that_was_cut_silently_is_noticed_once() {
    let said = |tokens: u64, cached: u64| {
        json!([{"say": "done", "repeat": true, "usage":
            {"prompt_tokens": tokens, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": cached}}}])
    };
    let mut long = question();
    long.push(Message::User { text: "one more line of a log that goes on\n".repeat(1000) });
    for (scenario, messages, warned) in [
        (said(2051, 0), &long, true),
        (said(9800, 0), &long, false),
        (said(2051, 2000), &long, false),
        (said(9, 0), &long, false),
        (said(2051, 0), &question(), false),
    ] {
        let server = ScriptedModel::start(&scenario);
        let model = OpenAiModel::new(settings(&server)).unwrap();
        let mut warnings = Vec::new();
        for _ in 0..2 {
            let turn = take(&model, Some(&server), messages, false);
            assert_eq!(turn.reply().message.text, "done");
            warnings.extend(model.warnings());
        }
        assert_eq!(warnings.len(), usize::from(warned), "{scenario}: {warnings:?}");
        assert!(warnings.iter().all(|line| line.contains("2051") && line.contains("OLLAMA_CONTEXT_LENGTH")));
    }
}
