//! One call from request to output file: bounded in time and size, ended at once by a stop.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, SET_COOKIE};
use reqwest::{Method, Response, Url};

use super::body::{Body, Kept, Packing, SHORTEST_SECRET};
use super::charset;
use super::wire::{Call, Gate, Wire, explained, refusal};
use crate::evidence::Status;
use crate::shell::{Stop, private_file};

/// Bounds of a call, and what must not be repeated in its output.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds<'a> {
    pub timeout: Duration,
    pub kept_bytes: u64,
    pub secrets: &'a [String],
}

/// How a call ended; the body is in the output file.
#[derive(Debug, Default)]
pub(super) struct Fetched {
    pub status: Option<Status>,
    pub error: Option<String>,
    pub kept: Kept,
    pub http: Option<u16>,
    /// Lower case, without parameters.
    pub kind: String,
    pub charset: Option<String>,
    /// Where the answer came from, redirects followed.
    pub url: Option<Url>,
}

/// Types that hold no text, whatever their bytes look like.
const BINARY: &[&str] = &[
    "image/",
    "audio/",
    "video/",
    "font/",
    "application/pdf",
    "application/zip",
    "application/gzip",
    "application/x-gzip",
    "application/x-tar",
    "application/x-7z",
    "application/wasm",
    "application/protobuf",
    "application/x-protobuf",
    "application/vnd.google.protobuf",
    "application/vnd.openxmlformats",
    "application/vnd.ms-",
    "application/msword",
    "application/java-archive",
    "multipart/",
];

/// Makes `call` and keeps its body in `output`.
pub(super) async fn fetch(
    wire: &Wire,
    gate: &dyn Gate,
    call: Call,
    bounds: Bounds<'_>,
    output: &Path,
    mut stop: Stop,
) -> Fetched {
    let mut fetched = Fetched::default();
    if *stop.borrow() {
        return Fetched { status: Some(Status::Interrupted), error: Some("interrupted".into()), ..fetched };
    }
    let mut body = None;
    let ended = tokio::select! {
        biased;
        () = stopped(&mut stop) => Some((Status::Interrupted, "interrupted".to_owned())),
        () = tokio::time::sleep(bounds.timeout) => {
            let limit = bounds.timeout.as_secs_f64();
            Some((Status::TimedOut, format!("timed out after {limit} s; ask for less, or raise `timeout_seconds`")))
        }
        done = exchange(wire, gate, call, bounds, output, &mut fetched, &mut body) => {
            done.err().map(|error| (Status::Error, error))
        }
    };
    if let Some((status, error)) = ended {
        fetched.status = Some(status);
        fetched.error = Some(error);
    }
    if let Some(body) = body {
        let (kept, written) = Body::finish(body);
        fetched.kept = kept;
        if let (Err(error), None) = (written, &fetched.error) {
            fetched.status = Some(Status::Error);
            fetched.error = Some(format!("the body ends in the middle: {error}"));
        }
        if let Err(error) = readable(&mut fetched, output, bounds.secrets) {
            fetched.status = Some(Status::Error);
            fetched.error.get_or_insert(format!("the body cannot be read back: {error}"));
        }
    }
    if fetched.kept.binary {
        fetched.status = Some(Status::Error);
        fetched.error = Some(format!("binary data ({}) is not shown", named(&fetched.kind)));
    } else if fetched.kept.cut && fetched.error.is_none() {
        fetched.error = Some(format!("output cut at {} bytes, ask for less", bounds.kept_bytes));
    } else if matches!(fetched.status, Some(Status::TimedOut)) && fetched.kept.bytes > 0 {
        let said = fetched.error.take().unwrap_or_default();
        fetched.error = Some(format!("{said}; {} bytes had arrived", fetched.kept.bytes));
    }
    fetched
}

async fn exchange(
    wire: &Wire,
    gate: &dyn Gate,
    call: Call,
    bounds: Bounds<'_>,
    output: &Path,
    fetched: &mut Fetched,
    body: &mut Option<Body>,
) -> Result<(), String> {
    let method = call.method.clone();
    let (mut response, url) = wire.converse(gate, call).await?;
    let status = response.status();
    fetched.http = Some(status.as_u16());
    fetched.url = Some(url.clone());
    let header = |name| {
        let value = response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        value.unwrap_or_default().into_owned()
    };
    let content_type = header(CONTENT_TYPE).to_ascii_lowercase();
    content_type.split(';').next().unwrap_or_default().trim().clone_into(&mut fetched.kind);
    fetched.charset = content_type
        .split_once("charset=")
        .map(|(_, rest)| rest.split(';').next().unwrap_or_default().trim_matches(['"', ' ']).to_owned());
    if !status.is_success() {
        fetched.status = Some(Status::Error);
        fetched.error = Some(refusal(&response));
    }
    let encoding = header(CONTENT_ENCODING);
    let packing =
        Packing::of(&encoding).ok_or_else(|| format!("the body is packed as `{}`", clip(&encoding)))?;
    if status.is_success()
        && method != Method::HEAD
        && BINARY.iter().any(|start| fetched.kind.starts_with(start))
    {
        let size = header(CONTENT_LENGTH);
        let size =
            if size.is_empty() { "of unknown size".to_owned() } else { format!("{} bytes", clip(&size)) };
        return Err(format!("binary data ({}, {size}) is not shown", named(&fetched.kind)));
    }
    let file = private_file(output).map_err(|error| format!("the output cannot be written: {error}"))?;
    let sixteen =
        fetched.charset.as_deref().is_some_and(|set| set.starts_with("utf-16") || set.starts_with("utf-32"));
    let packing = if method == Method::HEAD { Packing::None } else { packing };
    let body = body.insert(Body::new(file, packing, bounds.kept_bytes, sixteen, bounds.secrets));
    let broken = |error: std::io::Error| format!("the body cannot be unpacked or written: {error}");
    if method == Method::HEAD {
        body.take(&head(&response)).map_err(broken)?;
    }
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(()),
            Ok(Some(piece)) => {
                if body.take(&piece).map_err(broken)? {
                    return Ok(());
                }
            }
            Err(error) => return Err(explained(&error, &url)),
        }
    }
}

/// Makes a body that is text in another encoding UTF-8, in which everything behind this reads it.
fn readable(fetched: &mut Fetched, output: &Path, secrets: &[String]) -> std::io::Result<()> {
    let said = fetched.charset.as_deref();
    if fetched.kept.binary || fetched.kept.bytes == 0 {
        return Ok(());
    }
    let mut start = Vec::new();
    File::open(output)?.take(4).read_to_end(&mut start)?;
    if !charset::is_other(&start, said) {
        return Ok(());
    }
    let Some(mut text) = charset::utf8(&std::fs::read(output)?, said) else { return Ok(()) };
    // On their way into the file they were spelt otherwise.
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
        if text.contains(secret.as_str()) {
            text = text.replace(secret.as_str(), "<secret>");
        }
    }
    replace(fetched, output, &text)
}

/// Puts `text` in the place of the body.
pub(super) fn replace(fetched: &mut Fetched, output: &Path, text: &str) -> std::io::Result<()> {
    std::fs::write(output, text)?;
    fetched.charset = Some("utf-8".to_owned());
    fetched.kept.bytes = text.len() as u64;
    fetched.kept.lines = text.lines().count() as u64;
    Ok(())
}

/// Status and headers, which are all that `HEAD` gives.
fn head(response: &Response) -> Vec<u8> {
    let mut text = format!("HTTP {}\n", response.status()).into_bytes();
    for (name, value) in response.headers().iter().filter(|(name, _)| *name != SET_COOKIE) {
        text.extend_from_slice(name.as_str().as_bytes());
        text.extend_from_slice(b": ");
        text.extend_from_slice(value.as_bytes());
        text.push(b'\n');
    }
    text
}

fn named(kind: &str) -> String {
    if kind.is_empty() { "of unknown type".to_owned() } else { clip(kind) }
}

fn clip(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// Comes back when `stop` says so; never, when nobody is left to say it.
async fn stopped(stop: &mut Stop) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Headers of a model, as far as they are its to set.
///
/// # Errors
/// For one that would carry credentials, break the framing, or talk a server past the allow-list.
pub(super) fn allowed_headers(
    given: &serde_json::Map<String, serde_json::Value>,
) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    for (name, value) in given {
        let shown = clip(name);
        let name = reqwest::header::HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| format!("`{shown}` is no name of a header"))?;
        if is_closed(name.as_str()) {
            return Err(format!("header `{name}` is not yours to set"));
        }
        let text = match value {
            serde_json::Value::String(text) => text.clone(),
            serde_json::Value::Number(_) | serde_json::Value::Bool(_) => value.to_string(),
            _ => return Err(format!("header `{name}` needs text")),
        };
        let value = reqwest::header::HeaderValue::from_str(&text)
            .map_err(|_| format!("header `{name}` holds a character that no header can carry"))?;
        headers.insert(name, value);
    }
    Ok(headers)
}

/// Gateways of scripts read `x_original_url` as `x-original-url`.
fn is_closed(name: &str) -> bool {
    let name = name.replace('_', "-");
    CLOSED.contains(&name.as_str()) || CLOSED_PREFIXES.iter().any(|start| name.starts_with(start))
}

/// Credentials; what belongs to the connection; what makes servers take another method, path or host for meant.
const CLOSED: &[&str] = &[
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "remote-user",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "x-host",
    "x-http-method",
    "x-http-method-override",
    "x-method-override",
    "x-original-method",
    "x-original-url",
    "x-real-ip",
    "x-rewrite-url",
];
/// The last four name a user a proxy has vouched for: Kubernetes, Grafana, oauth2-proxy, Elasticsearch.
const CLOSED_PREFIXES: &[&str] = &[
    "x-forwarded-",
    "impersonate-",
    "x-envoy-",
    "x-remote-",
    "x-webauth-",
    "x-auth-request-",
    "es-security-runas-",
];
