//! An OpenAI-compatible server that says what a scenario tells it to, byte for byte where needed.
//!
//! HTTP is written by hand on threads: no server library would produce the oddities real servers
//! have. Every request is recorded and checked against the rules of the protocol; a test asserts that
//! `violations()` is empty.
//!
//! A scenario is JSON: a list of replies, or `{"replies": […], "usage": {…} or null, "models": {…},
//! "paths": {"/props": {…}}}`; `paths` are answers beside the chat, by the whole path.
//! Each request takes the first reply left whose `when` (a regex on the last message's text) matches
//! or is absent, and whose `model` is the request's or is absent. Fields of a reply, all optional:
//!
//! | field | meaning |
//! |---|---|
//! | `say`, `call`, `reasoning` | text; `[{"tool", "arguments", "id"?}]`; thoughts. Streamed when asked for |
//! | `finish_reason`, `usage` | instead of the usual ones; `null` leaves them out |
//! | `json` | the body of a 200, verbatim: a value, or text that is no JSON |
//! | `stream_chunks` | a body in pieces, each its own write; `content_type` as events |
//! | `status`, `headers`, `body` | any answer; `body` a value or text |
//! | `raw` | the bytes of the whole HTTP answer |
//! | `split` | the body is written in pieces of so many bytes |
//! | `cut_after` | the connection breaks after so many bytes of the body |
//! | `framing` | `chunked` (usual for streams), `length` (usual otherwise) or `close` |
//! | `delay_ms`, `hang`, `close` | wait first; say nothing until the server stops; hang up at once |
//! | `hang_after` | after so many bytes of the body, keep the line open and say nothing |
//! | `repeat` | serves any number of requests |
//!
//! A request that offers nothing but the `answer` tool asks for a corrected answer: with no reply left for it, the last one is
//! given again.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

#[path = "scripted_model/protocol.rs"]
mod protocol;
#[path = "scripted_model/wire.rs"]
mod wire;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub method: String,
    /// With the query.
    pub path: String,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// Null when the body was no JSON.
    pub body: Value,
}

impl Recorded {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn to_json(&self) -> Value {
        let headers: serde_json::Map<String, Value> =
            self.headers.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
        json!({"method": self.method, "path": self.path, "headers": headers, "body": self.body})
    }
}

/// The running server. Dropping it stops it.
pub struct ScriptedModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    stopped: Condvar,
}

#[derive(Default)]
struct State {
    replies: Vec<Value>,
    /// What was said last.
    last: Option<Value>,
    settings: Value,
    requests: Vec<Recorded>,
    violations: Vec<String>,
    /// Method and path of what was no chat.
    others: Vec<String>,
    stop: bool,
}

impl ScriptedModel {
    /// Starts on a free loopback port.
    pub fn start(scenario: &Value) -> Self {
        Self::start_on(scenario, 0).expect("a loopback port is free")
    }

    /// Starts on the given port; 0 takes a free one.
    pub fn start_on(scenario: &Value, port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        shared.script(scenario);
        let for_thread = Arc::clone(&shared);
        let accepting = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if for_thread.lock().stop {
                    break;
                }
                let Ok(stream) = stream else { continue };
                let shared = Arc::clone(&for_thread);
                // A client that hangs up early is no fault of the server.
                std::thread::spawn(move || drop(serve(stream, &shared)));
            }
        });
        Ok(Self { address, shared, accepting: Some(accepting) })
    }

    /// What goes into `OPENAI_API_BASE`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the replies that are left.
    pub fn script(&self, scenario: &Value) {
        self.shared.script(scenario);
    }

    /// The chat requests so far, in order of arrival.
    pub fn requests(&self) -> Vec<Recorded> {
        self.shared.lock().requests.clone()
    }

    /// Method and path of the requests that were no chat.
    pub fn others(&self) -> Vec<String> {
        self.shared.lock().others.clone()
    }

    /// What clients did against the protocol.
    pub fn violations(&self) -> Vec<String> {
        self.shared.lock().violations.clone()
    }

    /// Blocks until the server stops, which for a program is never.
    pub fn wait(mut self) {
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

impl Drop for ScriptedModel {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.stopped.notify_all();
        // Wakes the accepting thread.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn script(&self, scenario: &Value) {
        let mut state = self.lock();
        let replies = scenario.get("replies").unwrap_or(scenario);
        state.replies = replies.as_array().cloned().unwrap_or_default();
        state.settings = scenario.clone();
    }

    fn wait_for_stop(&self) {
        let mut state = self.lock();
        while !state.stop {
            state = self.stopped.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The next reply for a request, or what is wrong with the scenario.
    fn next_reply(&self, body: &Value) -> Result<Value, String> {
        let last = last_text(body);
        let mut state = self.lock();
        let mut found = None;
        for (at, reply) in state.replies.iter().enumerate() {
            let fits = match reply.get("when").and_then(Value::as_str) {
                None => true,
                Some(pattern) => regex::Regex::new(pattern)
                    .map_err(|error| format!("`when` is no regex: {error}"))?
                    .is_match(&last),
            };
            let of_model = reply.get("model").is_none_or(|model| Some(model) == body.get("model"));
            if fits && of_model {
                found = Some(at);
                break;
            }
        }
        // A model that is asked to correct its answer and has no other insists on it.
        if found.is_none()
            && asks_for_correction(body)
            && let Some(last) = &state.last
        {
            return Ok(last.clone());
        }
        let Some(at) = found else {
            return Err(format!("the scenario has no reply left for: {last}"));
        };
        if state.replies[at].get("repeat") == Some(&Value::Bool(true)) {
            return Ok(state.replies[at].clone());
        }
        let reply = state.replies.remove(at);
        state.last = Some(reply.clone());
        Ok(reply)
    }
}

/// Of all tools only the answer is left.
fn asks_for_correction(body: &Value) -> bool {
    let tools = body.get("tools").and_then(Value::as_array).map(Vec::as_slice);
    matches!(tools, Some([only]) if only.pointer("/function/name") == Some(&json!("answer")))
}

fn serve(mut stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let Some(request) = read_request(&mut reader)? else {
        return Ok(());
    };
    // Behind a proxy the whole URL stands in the request line.
    let path = request.path.split('?').next().unwrap_or_default();
    if path.ends_with("/__requests") {
        let (requests, violations) = {
            let state = shared.lock();
            let all: Vec<Value> = state.requests.iter().map(Recorded::to_json).collect();
            (all, state.violations.clone())
        };
        return answer(&mut stream, 200, &json!({"requests": requests, "violations": violations}));
    }
    if path.ends_with("/__script") {
        shared.script(&request.body);
        return answer(&mut stream, 200, &json!({"ok": true}));
    }
    if !path.ends_with("/chat/completions") {
        let said = {
            let mut state = shared.lock();
            state.others.push(format!("{} {path}", request.method));
            state.settings.get("paths").and_then(|paths| paths.get(path)).cloned()
        };
        if let Some(said) = said {
            return answer(&mut stream, 200, &said);
        }
    }
    if request.method == "GET" && path.ends_with("/models") {
        let models = shared.lock().settings.get("models").cloned();
        let usual = json!({"object": "list", "data": [{"id": "scripted", "object": "model"}]});
        return answer(&mut stream, 200, &models.unwrap_or(usual));
    }
    if !path.ends_with("/chat/completions") {
        let message = format!("no such path: {path}");
        return answer(&mut stream, 404, &json!({"error": {"message": message}}));
    }
    let found = protocol::violations(&request);
    let settings = {
        let mut state = shared.lock();
        state.violations.extend(found);
        state.requests.push(request.clone());
        state.settings.clone()
    };
    match shared.next_reply(&request.body) {
        Ok(reply) => play(&mut stream, &reply, &request, &settings, shared),
        Err(message) => {
            shared.lock().violations.push(message.clone());
            answer(&mut stream, 400, &json!({"error": {"message": message}}))
        }
    }
}

fn read_request(reader: &mut BufReader<TcpStream>) -> std::io::Result<Option<Recorded>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            headers.push((name.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    let length = headers
        .iter()
        .find(|(name, _)| name == "content-length")
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Some(Recorded { method, path, headers, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }))
}

fn answer(stream: &mut TcpStream, status: u16, body: &Value) -> std::io::Result<()> {
    let reply = json!({"status": status, "body": body});
    write_reply(stream, &reply, &body.to_string(), "application/json", "length", None)
}

fn play(
    stream: &mut TcpStream,
    reply: &Value,
    request: &Recorded,
    settings: &Value,
    shared: &Shared,
) -> std::io::Result<()> {
    if let Some(wait) = reply.get("delay_ms").and_then(Value::as_u64) {
        std::thread::sleep(Duration::from_millis(wait));
    }
    if reply.get("hang").is_some() {
        shared.wait_for_stop();
        return Ok(());
    }
    if reply.get("close").is_some() {
        return Ok(());
    }
    if let Some(raw) = reply.get("raw").and_then(Value::as_str) {
        return stream.write_all(raw.as_bytes());
    }
    let number = shared.lock().requests.len();
    let streams = request.body.get("stream") == Some(&Value::Bool(true));
    if let Some(chunks) = reply.get("stream_chunks").and_then(Value::as_array) {
        let text: String = chunks.iter().filter_map(Value::as_str).collect();
        return write_reply(stream, reply, &text, "text/event-stream", "chunked", Some(shared));
    }
    if let Some(body) = reply.get("json").or_else(|| reply.get("body")) {
        let text = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
        return write_reply(stream, reply, &text, "application/json", "length", Some(shared));
    }
    if reply.get("status").is_some() {
        return write_reply(stream, reply, "", "application/json", "length", Some(shared));
    }
    if streams {
        let text = wire::events(reply, request, settings, number);
        write_reply(stream, reply, &text, "text/event-stream", "chunked", Some(shared))
    } else {
        let text = wire::completion(reply, settings, number).to_string();
        write_reply(stream, reply, &text, "application/json", "length", Some(shared))
    }
}

fn write_reply(
    stream: &mut TcpStream,
    reply: &Value,
    body: &str,
    content_type: &str,
    framing: &str,
    shared: Option<&Shared>,
) -> std::io::Result<()> {
    let number = |name: &str| reply.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
    let text = |name: &str| reply.get(name).and_then(Value::as_str);
    let status = number("status").unwrap_or(200);
    let framing = text("framing").unwrap_or(framing);
    let content_type = text("content_type").unwrap_or(content_type);
    let mut head =
        format!("HTTP/1.1 {status} Scripted\r\ncontent-type: {content_type}\r\nconnection: close\r\n");
    for (name, value) in reply.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let _ = write!(head, "{name}: {value}\r\n");
    }
    match framing {
        "chunked" => head.push_str("transfer-encoding: chunked\r\n"),
        "length" => {
            let _ = write!(head, "content-length: {}\r\n", body.len());
        }
        _ => {}
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;

    let bytes = body.as_bytes();
    let stop_at = number("cut_after").or(number("hang_after"));
    let sent = &bytes[..stop_at.unwrap_or(bytes.len()).min(bytes.len())];
    for piece in pieces(reply, sent) {
        if framing == "chunked" {
            stream.write_all(format!("{:x}\r\n", piece.len()).as_bytes())?;
            stream.write_all(piece)?;
            stream.write_all(b"\r\n")?;
        } else {
            stream.write_all(piece)?;
        }
        stream.flush()?;
    }
    match (number("hang_after"), shared) {
        (Some(_), Some(shared)) => shared.wait_for_stop(),
        _ if stop_at.is_none() && framing == "chunked" => stream.write_all(b"0\r\n\r\n")?,
        _ => {}
    }
    Ok(())
}

/// The writes of a body: as scripted, of one size, or all at once.
fn pieces<'a>(reply: &Value, body: &'a [u8]) -> Vec<&'a [u8]> {
    if let Some(size) = reply.get("split").and_then(Value::as_u64) {
        return body.chunks(usize::try_from(size).unwrap_or(1).max(1)).collect();
    }
    let mut rest = body;
    let mut pieces = Vec::new();
    for chunk in reply.get("stream_chunks").and_then(Value::as_array).into_iter().flatten() {
        let (piece, after) = rest.split_at(chunk.as_str().map_or(0, str::len).min(rest.len()));
        if !piece.is_empty() {
            pieces.push(piece);
        }
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

fn last_text(body: &Value) -> String {
    let last = body.get("messages").and_then(Value::as_array).and_then(|list| list.last());
    match last.and_then(|message| message.get("content")) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => String::new(),
    }
}
