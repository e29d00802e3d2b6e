//! OpenAI-compatible servers that others wrote: aimock, installed below target/ by npm, and a LiteLLM proxy in
//! front of one, whose address `HOLMES_TEST_LITELLM` gives (key: `HOLMES_TEST_LITELLM_KEY`; its models
//! `mock-text`, `mock-ratelimit`, `mock-context` and `via-openai`, `via-anthropic`, `via-ollama`, `via-gemini`).

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::peer::{Peer, listens, may_install, program};
use crate::support::{Bench, Ran};

/// node and aimock's script.
fn aimock() -> Option<(PathBuf, PathBuf)> {
    let (node, npm) = (program("node")?, program("npm")?);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/aimock");
    std::fs::create_dir_all(&root).unwrap();
    let script = root.join("node_modules/@copilotkit/aimock/dist/aimock-cli.js");
    if !script.exists() {
        if !may_install("aimock") {
            return None;
        }
        let mut install = Command::new(npm);
        install.arg("--prefix").arg(&root).args([
            "install",
            "--no-audit",
            "--no-fund",
            "@copilotkit/aimock@1.43.0",
        ]);
        let output = install.stdin(Stdio::null()).output().unwrap();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            println!("SKIPPED: cannot install: {}", said.lines().last().unwrap_or_default());
            return None;
        }
    }
    Some((node, script))
}

fn fixtures() -> Value {
    let call = |id: &str, path: &str| json!({"id": id, "name": "look", "arguments": {"path": path}});
    let answer = json!({"content": "Root cause: the disk is full [E1:1]"});
    json!({"fixtures": [
        {"match": {"userMessage": "ratelimit"},
         "response": {"error": {"message": "Rate limit reached", "type": "rate_limit_error"}, "status": 429}},
        {"match": {"userMessage": "context"},
         "response": {"error": {"message": "This model's maximum context length is 8192 tokens", "code": "context_length_exceeded"}, "status": 400}},
        {"match": {"userMessage": "cut"}, "response": {"content": "This stream is cut before its end, half way through."},
         "truncateAfterChunks": 2},
        {"match": {"userMessage": "parallel", "hasToolResult": false},
         "response": {"content": "Two at once.", "toolCalls": [call("p1", "/var"), call("p2", "/srv")]}},
        {"match": {"userMessage": "parallel", "hasToolResult": true}, "response": answer},
        {"match": {"userMessage": "thoughts", "hasToolResult": false},
         "response": {"reasoning": "zounds", "toolCalls": [call("t1", "/var")]}},
        {"match": {"userMessage": "thoughts", "hasToolResult": true}, "response": answer},
        {"match": {"userMessage": "disk", "hasToolResult": false}, "response": {"toolCalls": [call("c1", "/var")]}},
        {"match": {"userMessage": "disk", "hasToolResult": true}, "response": answer},
        {"match": {}, "response": {"content": "ready"}},
    ]})
}

fn mock() -> Option<Peer> {
    let (node, script) = aimock()?;
    let start = |folder: &Path, port: u16| {
        std::fs::write(folder.join("fixtures.json"), fixtures().to_string()).unwrap();
        let config =
            json!({"port": port, "host": "127.0.0.1", "llm": {"fixtures": folder.join("fixtures.json")}});
        std::fs::write(folder.join("aimock.json"), config.to_string()).unwrap();
        let mut command = Command::new(node);
        command.arg(script).arg("--config").arg(folder.join("aimock.json")).current_dir(folder);
        command
    };
    Some(Peer::start(start, listens))
}

fn bench(base: &str, key: &str, model: &str) -> Bench {
    Bench::new()
        .tools(&[("look", "echo disk full at {{ path }}"), ("bash", "echo pod payments: {{ command }}")])
        .env("OPENAI_API_BASE", base)
        .env("OPENAI_API_KEY", key)
        .env("MODEL", model)
}

fn ask(bench: &Bench, question: &str, form: &str) -> Ran {
    let tools =
        ["-t", "tools.yaml", "--toolset", "test", "--timeout", "60s", "--json-output-file", "out.json"];
    bench.run([&["ask", question, "-o", form][..], &tools].concat())
}

#[test]
fn aimock_is_understood_streaming_or_not() {
    let Some(peer) = mock() else { return };
    for form in ["json", "jsonl"] {
        let bench = bench(&format!("{}/v1", peer.url()), "k", "gpt-4o");
        for (question, calls) in [("why is the disk slow", 1), ("two in parallel", 2), ("with thoughts", 1)] {
            let ran = ask(&bench, question, form).exits(0);
            let result: Value = serde_json::from_str(&bench.read("out.json")).unwrap();
            assert_eq!(result["tool_calls"].as_array().map(Vec::len), Some(calls), "{question}: {result:#}");
            assert_eq!(result["evidence"][0]["verified"], true, "{question}: {result:#}");
            assert_eq!(result["evidence"][0]["quote"], "disk full at /var", "{question}");
            assert!(!result["result"].to_string().contains("zounds"), "{}", ran.stdout);
        }
        let ran = ask(&bench, "ratelimit", form).exits(4);
        assert!(ran.stderr.contains("429") && ran.stderr.contains("retrying"), "{}", ran.stderr);
        let ran = ask(&bench, "context", form).exits(4);
        assert!(ran.stderr.contains("8192"), "{}", ran.stderr);
    }
    // A stream that is cut every time; whole answers are not.
    let bench = bench(&format!("{}/v1", peer.url()), "k", "gpt-4o");
    let ran = ask(&bench, "a cut", "jsonl").exits(4);
    assert!(ran.stderr.contains("cut off") || ran.stderr.contains("broke"), "{}", ran.stderr);
    let found = bench.run(["model", "check", "-o", "json"]).exits(0).json();
    assert_eq!((&found["streaming"], &found["tools"]), (&json!(true), &json!("native")), "{found}");
}

#[test]
fn litellm_translates_to_other_providers() {
    let Ok(base) = std::env::var("HOLMES_TEST_LITELLM") else {
        println!("SKIPPED: HOLMES_TEST_LITELLM names no LiteLLM proxy");
        return;
    };
    let key = std::env::var("HOLMES_TEST_LITELLM_KEY").unwrap_or_default();
    for form in ["json", "jsonl"] {
        let question = "why does payments crash?";
        let ran = ask(&bench(&base, &key, "mock-text"), question, form).exits(0);
        assert!(ran.stdout.contains("32Mi"), "{}", ran.stdout);
        for model in ["via-openai", "via-anthropic", "via-ollama", "via-gemini"] {
            let bench = bench(&base, &key, model);
            let ran = ask(&bench, question, form).exits(0);
            let result: Value = serde_json::from_str(&bench.read("out.json")).unwrap();
            let seen = result["tool_calls"][0]["result"]["data"].as_str().unwrap_or_default();
            assert!(seen.contains("pod payments: kubectl get pods -n shop"), "{model} {form}: {result:#}");
            // aimock counts Gemini's turns otherwise and has no answer for the second.
            assert!(
                model == "via-gemini" || result["result"].to_string().contains("OOMKilled"),
                "{model}: {}",
                ran.stdout
            );
        }
        let ran = ask(&bench(&base, &key, "mock-context"), question, form).exits(4);
        assert!(ran.stderr.contains("too long"), "{}", ran.stderr);
        let ran = ask(&bench(&base, &key, "mock-ratelimit"), question, form).exits(4);
        assert!(ran.stderr.contains("429"), "{}", ran.stderr);
        let ran = ask(&bench(&base, "sk-wrong", "mock-text"), question, form).exits(3);
        assert!(ran.stderr.contains("OPENAI_API_KEY"), "{}", ran.stderr);
    }
    // LiteLLM loses this model's calls where it streams: asked again without.
    let bench = bench(&base, &key, "mock-tool");
    let ran = ask(&bench, "why does payments crash?", "jsonl");
    assert!(ran.stderr.contains("without streaming"), "{}", ran.stderr);
    assert!(bench.read("out.json").contains("kubectl get pods -n shop"), "{}", ran.stdout);
    let found = bench.run(["model", "check", "mock-text", "-o", "json"]).exits(0).json();
    assert_eq!((&found["window"], &found["window_from"]), (&json!(128_000), &json!("`/models`")), "{found}");
}
