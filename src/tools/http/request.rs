//! `<toolset>_request`: the one tool of an HTTP toolset. Its name and parameters are HolmesGPT's.

use std::fmt::Write as _;
use std::path::Path;

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde_json::{Map, Value};

use super::address::Listed;
use super::allow;
use super::fetch::{Bounds, Fetched, allowed_headers, fetch};
use super::selection::Selection;
use super::settings::{Auth, Endpoint, Settings};
use super::wire::{Call, Gate, Wire};
use crate::agent::ToolSpec;
use crate::evidence::Status;
use crate::shell::Stop;
use crate::tools::command::schema;
use crate::tools::parameters::checked;
use crate::tools::{Outcome, Tool, ToolFuture};
use crate::toolset::{Parameter, Toolset};

/// Characters of a query that progress shows.
const SHOWN_QUERY: usize = 80;

/// Asks the endpoints of one toolset.
pub(super) struct Request {
    spec: ToolSpec,
    toolset: String,
    parameters: Vec<Parameter>,
    settings: Settings,
    secrets: Vec<String>,
    wire: Wire,
    /// Of the processes that select.
    env: Vec<(String, String)>,
}

impl Gate for Settings {
    fn admit(&self, method: &Method, url: &Url) -> Result<(&Listed, &Auth), String> {
        self.endpoint(method.as_str(), url).map(|endpoint| (&endpoint.listed, &endpoint.auth))
    }
}

/// What the model asks for, read.
struct Asked {
    call: Call,
    selection: Selection,
    invocation: String,
}

impl Request {
    pub(super) fn new(toolset: &Toolset, settings: Settings, wire: Wire, env: Vec<(String, String)>) -> Self {
        let parameters = parameters(&settings.methods());
        let about = match toolset.description.trim() {
            "" => format!("Make HTTP requests to the {} API", toolset.name),
            text => text.to_owned(),
        };
        let lines: Vec<String> = settings.endpoints.iter().map(Endpoint::told).collect();
        Self {
            spec: ToolSpec {
                name: tool_name(&toolset.name),
                description: format!("{about} (allowed: {})", lines.join("; ")),
                parameters: schema(&parameters),
            },
            toolset: toolset.name.clone(),
            parameters,
            secrets: settings.secrets(),
            settings,
            wire,
            env,
        }
    }

    /// Reads the parameters; `Err` with whether it is the allow-list that says no.
    fn asked(&self, params: &Map<String, Value>) -> Result<Asked, (Status, String)> {
        let wrong = |error: String| (Status::Error, error);
        let values = checked(&self.parameters, params).map_err(|error| wrong(error.to_string()))?;
        let text = |name: &str| {
            values.get(name).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
        };
        let mut url = allow::read(text("url").unwrap_or_default()).map_err(wrong)?;
        if let Some(Value::Object(given)) =
            values.get("params").filter(|value| value.as_object().is_some_and(|map| !map.is_empty()))
        {
            let mut pairs = url.query_pairs_mut();
            for (name, value) in given {
                let several = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
                for one in several.iter().filter(|one| !one.is_null()) {
                    pairs.append_pair(name, &one.as_str().map_or_else(|| one.to_string(), str::to_owned));
                }
            }
        }
        url.set_fragment(None);
        let method = text("method").unwrap_or("GET").to_ascii_uppercase();
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| wrong("`method` is no HTTP method".to_owned()))?;
        let mut body = text("body").map(str::to_owned);
        if !matches!(method.as_str(), "POST" | "PUT" | "PATCH") {
            if body.as_deref().is_some_and(|body| !["{}", "null"].contains(&body)) {
                return Err(wrong(format!(
                    "{method} takes no `body`: put it into the URL, or use POST where it is allowed"
                )));
            }
            body = None;
        }
        if method == Method::POST && overrides(&url, body.as_deref()) {
            let why = "`_method` makes a server do another method than the one that is sent: leave it out";
            return Err((Status::Denied, why.to_owned()));
        }
        let headers = match text("headers").map(serde_json::from_str::<Value>) {
            None => HeaderMap::new(),
            Some(Ok(Value::Object(given))) => allowed_headers(&given).map_err(wrong)?,
            Some(_) => {
                return Err(wrong("`headers` needs a JSON object, like {\"X-Tenant\": \"a\"}".to_owned()));
            }
        };
        let depth = values.get("max_depth").and_then(Value::as_i64);
        let selection = Selection::read(text("jq"), depth).map_err(wrong)?;
        self.settings.endpoint(method.as_str(), &url).map_err(|error| (Status::Denied, error))?;
        let mut all = self.settings.headers.clone();
        // What the file sets besides credentials may be overridden, as in HolmesGPT.
        for (name, value) in &headers {
            if self.is_credential(name) {
                return Err(wrong(format!("header `{name}` is not yours to set")));
            }
            all.insert(name.clone(), value.clone());
        }
        let mut invocation = format!("{method} {url}");
        if let Some(body) = &body {
            let _ = write!(invocation, " {}", one_line(body, 500));
        }
        if let Some(jq) = text("jq") {
            let _ = write!(invocation, " | jq {}", one_line(jq, 500));
        }
        let call =
            Call { method, url, accept: "application/json, text/*;q=0.9, */*;q=0.5", headers: all, body };
        Ok(Asked { call, selection, invocation })
    }

    fn is_credential(&self, name: &reqwest::header::HeaderName) -> bool {
        let same = |known: &str| known.replace('_', "-") == name.as_str().replace('_', "-");
        self.settings
            .endpoints
            .iter()
            .any(|one| matches!(&one.auth, Auth::Header(known, _) if same(known.as_str())))
            || self.settings.headers.iter().any(|(known, value)| value.is_sensitive() && same(known.as_str()))
    }

    async fn perform(&self, params: &Map<String, Value>, output: &Path, stop: Stop) -> Outcome {
        let asked = match self.asked(params) {
            Ok(asked) => asked,
            Err((status, error)) => return ended(status, Some(error), String::new(), &Fetched::default()),
        };
        let bounds = Bounds {
            timeout: self.settings.timeout,
            kept_bytes: self.settings.kept_bytes,
            secrets: &self.secrets,
        };
        let fetched = fetch(&self.wire, &self.settings, asked.call, bounds, output, stop.clone()).await;
        let mut outcome = done(&fetched, asked.invocation);
        outcome.error = outcome.error.map(|error| self.cleared(&error));
        outcome.invocation = self.cleared(&outcome.invocation);
        if outcome.status == Status::Success {
            let timeout = self.settings.timeout;
            asked.selection.apply(&fetched, &self.env, timeout, output, stop, &mut outcome).await;
        }
        outcome
    }

    fn cleared(&self, text: &str) -> String {
        let long = self.secrets.iter().filter(|secret| secret.len() >= 6);
        long.fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "<secret>"))
    }
}

/// The outcome of a call that was made.
pub(super) fn done(fetched: &Fetched, invocation: String) -> Outcome {
    let whole = if fetched.kept.bytes == 0 { Status::NoData } else { Status::Success };
    ended(fetched.status.unwrap_or(whole), fetched.error.clone(), invocation, fetched)
}

pub(super) fn ended(status: Status, error: Option<String>, invocation: String, fetched: &Fetched) -> Outcome {
    let (bytes, lines) = (fetched.kept.bytes, fetched.kept.lines);
    Outcome { status, exit_code: None, error, invocation, bytes, lines }
}

impl Tool for Request {
    fn changes(&self, params: &Map<String, Value>) -> bool {
        let method = params.get("method").and_then(Value::as_str).unwrap_or_default().trim();
        !["", "GET", "HEAD", "OPTIONS"].iter().any(|reads| method.eq_ignore_ascii_case(reads))
    }

    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &str {
        &self.toolset
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        let text = |name| params.get(name).and_then(Value::as_str).unwrap_or_default();
        let method =
            if text("method").is_empty() { "GET".to_owned() } else { text("method").to_ascii_uppercase() };
        self.cleared(&one_line(&format!("{method} {}", place(text("url"))), 300))
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        Box::pin(self.perform(params, output, stop))
    }
}

/// Whether a POST says in its query or body that it stands for another method, as Rails, Laravel and Symfony read it.
fn overrides(url: &Url, body: Option<&str>) -> bool {
    let is_override = |name: &str| {
        let name = name.to_ascii_lowercase();
        ["_method", "x-http-method-override", "x-http-method", "x-method-override"].contains(&name.as_str())
    };
    let in_form = |text: &str| {
        let mut read = url.clone();
        read.set_query(Some(text));
        read.query_pairs().any(|(name, _)| is_override(&name))
    };
    url.query_pairs().any(|(name, _)| is_override(&name))
        || body.is_some_and(|body| match serde_json::from_str::<Value>(body) {
            Ok(Value::Object(map)) => map.keys().any(|name| is_override(name)),
            Ok(_) => false,
            Err(_) => in_form(body) || body.to_ascii_lowercase().contains("name=\"_method\""),
        })
}

/// Host, path and the beginning of the query.
pub(super) fn place(url: &str) -> String {
    let Ok(url) = allow::read(url) else { return url.to_owned() };
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    let query = url.query().map_or(String::new(), |query| {
        let cut = if query.chars().count() > SHOWN_QUERY { "…" } else { "" };
        format!("?{}{cut}", query.chars().take(SHOWN_QUERY).collect::<String>())
    });
    format!("{}{port}{}{query}", url.host_str().unwrap_or_default(), url.path())
}

fn one_line(text: &str, most: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ").chars().take(most).collect()
}

/// The name HolmesGPT gives the tool, with every other character that models' APIs refuse replaced too.
pub(super) fn tool_name(toolset: &str) -> String {
    let letters = toolset.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let mut name: String = letters.take(56).collect();
    name.push_str("_request");
    name
}

fn parameters(methods: &[&str]) -> Vec<Parameter> {
    let parameter = |name: &str, kind: &str, description: &str| Parameter {
        name: name.to_owned(),
        description: description.to_owned(),
        types: vec![kind.to_owned()],
        ..Parameter::default()
    };
    let mut all = vec![
        Parameter { required: true, ..parameter("url", "string", "Whole URL, of an allowed host and path") },
        parameter(
            "params",
            "object",
            "Query parameters as a JSON object; they are encoded and added to the URL",
        ),
    ];
    let description = format!("HTTP method (default: GET); allowed: {}", methods.join(", "));
    all.push(parameter("method", "string", &description));
    if methods.contains(&"POST") {
        all.push(parameter("body", "string", "Request body (JSON) for POST"));
    }
    all.push(parameter("headers", "string", "Additional HTTP headers as a JSON object"));
    all.push(parameter("max_depth", "integer", "Nesting of the JSON below which values are left out"));
    all.push(parameter(
        "jq",
        "string",
        "jq expression over the JSON body, such as `.items[] | {name, status}`",
    ));
    all
}
