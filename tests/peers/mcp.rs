//! MCP over its three transports, against servers that others wrote: the reference server of the protocol's
//! makers and the official Python SDK. They are installed below target/ by npm and pip, where these and a
//! network are there.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::support::peer::{Peer, free_port, listens, may_install, program};
use crate::support::{Bench, Ran};

/// Only one test installs.
static INSTALLING: Mutex<()> = Mutex::new(());

fn folder(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers").join(name);
    std::fs::create_dir_all(&root).unwrap();
    root
}

/// Runs an installer; prints why the test skips when it fails.
fn installed(command: &mut Command) -> bool {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        println!("SKIPPED: cannot install: {}", said.lines().last().unwrap_or_default());
    }
    output.status.success()
}

/// node and the reference server's script.
fn everything() -> Option<(PathBuf, PathBuf)> {
    let _one = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let (node, npm) = (program("node")?, program("npm")?);
    let root = folder("npm");
    let script = root.join("node_modules/@modelcontextprotocol/server-everything/dist/index.js");
    let package = "@modelcontextprotocol/server-everything@2026.8.31";
    let mut install = Command::new(npm);
    install.arg("--prefix").arg(&root).args(["install", "--no-audit", "--no-fund", package]);
    (script.exists() || may_install("server-everything") && installed(&mut install)).then_some((node, script))
}

/// Python of an environment with the SDK.
fn python() -> Option<PathBuf> {
    let _one = INSTALLING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let base = program("python3")?;
    let root = folder("mcp-python");
    let (python, done) = (root.join("bin/python"), root.join("installed"));
    if !done.exists() {
        let made = may_install("the Python SDK of MCP")
            && installed(Command::new(base).args(["-m", "venv"]).arg(&root))
            && installed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "mcp==2.3.0"]));
        if !made {
            return None;
        }
        std::fs::write(&done, "").unwrap();
    }
    Some(python)
}

/// Keeps the reference server, which listens everywhere, on loopback.
const LOOPBACK: &str = "const net = require('net'); const listen = net.Server.prototype.listen;\n\
    net.Server.prototype.listen = function (port, then) { return listen.call(this, port, '127.0.0.1', then); };\n";

/// The reference server over HTTP. A shell starts it again whenever it is killed, and keeps its pid in `pid`.
fn everything_at(mode: &str) -> Option<Peer> {
    let (node, script) = everything()?;
    let start = |folder: &Path, port: u16| {
        let shim = folder.join("loopback.cjs");
        std::fs::write(&shim, LOOPBACK).unwrap();
        let mut command = Command::new("bash");
        let again = "trap 'kill $child; exit 0' TERM\nwhile :; do \"$@\" & child=$!; echo $child > pid; wait $child; done";
        command.args(["-c", again, "bash"]).arg(&node).arg("--require").arg(shim).arg(&script).arg(mode);
        command.current_dir(folder).env("PORT", port.to_string());
        command
    };
    Some(Peer::start(start, listens))
}

fn python_at(mode: &str) -> Option<Peer> {
    let python = python()?;
    let start = |_: &Path, port: u16| {
        let mut command = Command::new(&python);
        command.arg(own("mcp_server.py")).args([mode, &port.to_string()]);
        command
    };
    Some(Peer::start(start, listens))
}

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers").join(name)
}

/// A bench with one server in `t.yaml`.
fn bench(config: &Value) -> Bench {
    let mut config = config.clone();
    // A machine that runs every test at once takes its time to start an interpreter.
    config["connect_timeout"] = json!(60);
    let file = json!({"mcp_servers": {"server": {"description": "d", "config": config}}});
    Bench::new().file("t.yaml", file.to_string())
}

fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    let call = ["toolset", "run", name, "--raw", "-t", "t.yaml", "--toolset", "server", "--"];
    bench.run([&call, params].concat())
}

fn uses_everything(config: &Value) {
    let bench = bench(config);
    let shown = bench.run(["toolset", "show", "server", "-t", "t.yaml", "-o", "json"]).exits(0).json();
    let names: Vec<&str> =
        shown["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"echo") && names.contains(&"get-sum"), "{names:?}");
    assert_eq!(tool(&bench, "echo", &["message=it's $(id)"]).exits(0).stdout, "Echo: it's $(id)");
    assert!(tool(&bench, "get-sum", &["a=2", "b=40"]).exits(0).stdout.contains("42"));
    // An error of the tool, in the server's words; an error of ours, before anything is sent.
    let wrong = tool(&bench, "get-sum", &["a=two", "b=1"]).exits(1);
    assert!(wrong.stderr.contains("nvalid"), "{}", wrong.stderr);
    let missing = tool(&bench, "get-sum", &["a=2"]).exits(1);
    assert!(missing.stderr.contains("needs `b`; parameters: a, b"), "{}", missing.stderr);
    let image = tool(&bench, "get-tiny-image", &[]).exits(0).stdout;
    assert!(image.contains("[image, image/png, "), "{image}");
    let mut hasty = config.clone();
    hasty["timeout"] = json!("1s");
    let late =
        tool(&self::bench(&hasty), "trigger-long-running-operation", &["duration=60", "steps=2"]).exits(1);
    assert!(late.stderr.contains("no result within 1s"), "{}", late.stderr);
}

#[test]
fn the_reference_server_over_stdio() {
    let Some((node, script)) = everything() else { return };
    uses_everything(&json!({"mode": "stdio", "command": node, "args": [script, "stdio"]}));
}

#[test]
fn the_reference_server_over_streamable_http() {
    let Some(peer) = everything_at("streamableHttp") else { return };
    uses_everything(&json!({"mode": "streamable-http", "url": format!("{}/mcp", peer.url())}));
}

#[test]
fn the_reference_server_over_server_sent_events() {
    let Some(peer) = everything_at("sse") else { return };
    uses_everything(&json!({"mode": "sse", "url": format!("{}/sse", peer.url())}));
}

#[test]
fn the_python_sdk_over_all_three() {
    let Some(python) = python() else { return };
    let (http, sse) = (python_at("streamable-http").unwrap(), python_at("sse").unwrap());
    for config in [
        json!({"command": python, "args": [own("mcp_server.py"), "stdio"]}),
        json!({"url": format!("{}/mcp", http.url())}),
        json!({"url": format!("{}/sse", sse.url())}),
        // Nothing says that it is the older way.
        json!({"url": sse.url()}),
    ] {
        let bench = bench(&config);
        assert_eq!(tool(&bench, "add", &["a=2", "b=40"]).exits(0).stdout, "42", "{config}");
        let failed = tool(&bench, "fail", &["why=because"]).exits(1);
        assert!(failed.stderr.contains("fail"), "{}", failed.stderr);
        assert_eq!(tool(&bench, "wait", &["seconds=0.2"]).exits(0).stdout, "waited");
    }
}

/// One run with two calls at once, a kill, and a call after it.
fn survives_a_restart(peer: &Peer, config: &Value) {
    let kill = format!(
        "pid=$(cat {0}/pid); kill -9 $pid; until [ $(cat {0}/pid) != $pid ]; do :; done; \
         until (exec 3<>/dev/tcp/127.0.0.1/{1}) 2>/dev/null; do :; done; echo restarted",
        peer.folder().display(),
        peer.port
    );
    let echo = |text: &str| json!({"tool": "echo", "arguments": {"message": text}});
    let mut config = config.clone();
    config["approved_tools"] = json!(["*"]);
    // What only reads may signal no process of others.
    let bench = bench(&config).env("HOLMES_CONTAINMENT", "off").tools(&[("restart", &kill)]).model(json!([
        {"call": [echo("one"), echo("two")]}, {"call": [{"tool": "restart", "arguments": {}}]},
        {"call": [echo("three")]}, {"say": "done"},
    ]));
    let files = ["-t", "t.yaml", "-t", "tools.yaml", "--toolset", "server", "--toolset", "test"];
    let _ = bench.run([&["ask", "why"], &files[..]].concat()).exits(0);
    let seen = bench.scripted().requests()[3].body.to_string();
    for text in ["Echo: one", "Echo: two", "restarted", "Echo: three"] {
        assert!(seen.contains(text), "{text}: {seen}\n{}", peer.log());
    }
}

#[test]
fn a_session_is_kept_and_made_anew_after_a_restart_over_streamable_http() {
    let Some(peer) = everything_at("streamableHttp") else { return };
    survives_a_restart(&peer, &json!({"mode": "streamable-http", "url": format!("{}/mcp", peer.url())}));
    let log = peer.log();
    // One session before the restart, one after it.
    assert_eq!(log.matches("Session initialized").count(), 2, "{log}");
}

#[test]
fn a_session_is_made_anew_after_a_restart_over_server_sent_events() {
    let Some(peer) = everything_at("sse") else { return };
    survives_a_restart(&peer, &json!({"mode": "sse", "url": format!("{}/sse", peer.url())}));
}

#[test]
fn a_server_that_wants_a_credential_or_is_none_says_so() {
    let Some(python) = program("python3") else { return };
    let start = |folder: &Path, port: u16| {
        let mut command = Command::new(&python);
        command.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]).current_dir(folder);
        command
    };
    let peer = Peer::start(start, listens);
    let ran = bench(&json!({"url": format!("{}/mcp", peer.url())}))
        .run(["toolset", "check", "server", "-t", "t.yaml", "-o", "json"])
        .exits(1);
    let reason = ran.json()[0]["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("HTTP 501") && !reason.contains('\n'), "{reason}");
    let closed = bench(&json!({"url": format!("http://127.0.0.1:{}/mcp", free_port())}));
    let ran = closed.run(["toolset", "check", "server", "-t", "t.yaml"]).exits(1);
    assert!(ran.stdout.contains("Connection refused"), "{}", ran.stdout);
}
