//! What a caller decides about one endpoint. Plain data: resolved and checked elsewhere.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::model::catalog::Prices;
use crate::model::react::{PROTOCOL, ToolCalling};

/// Told of each request before it goes out: the address as it may be shown, the names of its headers, its body.
pub type Sent = Arc<dyn Fn(&str, &[String], &[u8]) + Send + Sync>;

/// One model behind one endpoint.
#[derive(Clone)]
pub struct Settings {
    /// Shown to people and written to records.
    pub name: String,
    /// Sent as `model`.
    pub model: String,
    /// As typed: trailing slashes, a missing `/v1` and a full `/chat/completions` are understood.
    pub api_base: String,
    /// None or blank sends no `Authorization` header at all.
    pub api_key: Option<SecretString>,
    pub azure: Option<Azure>,
    pub extra_headers: Vec<(String, String)>,
    /// Request fields passed through untouched (`temperature`, `reasoning_effort`, `provider`, …).
    pub extra_body: Map<String, Value>,
    /// PEM file with further trusted roots.
    pub ca_file: Option<PathBuf>,
    /// Further trusted roots as PEM or base64 of PEM: the content of `CERTIFICATE`.
    pub ca_pem: Option<String>,
    pub limits: Limits,
    /// Tools are sent with OpenAI's strict schemas where they have one.
    pub strict_tools: bool,
    pub tool_calling: ToolCalling,
    /// What explains tool calls in text to the model; `{{ tools }}` in it stands for the tools.
    pub protocol: String,
    /// Tokens; overrides what the catalog knows.
    pub context_window: Option<u64>,
    /// Instead of the catalog's.
    pub prices: Option<Prices>,
    /// Plain thoughts go back with the transcript from the first request on. Without it they do so once
    /// the endpoint asks for them.
    pub echo_reasoning: bool,
    pub sent: Option<Sent>,
}

impl std::fmt::Debug for Settings {
    /// Without the values of headers, which may be keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("name", &self.name)
            .field("model", &self.model)
            .field("azure", &self.azure)
            .field("extra_body", &self.extra_body)
            .field("limits", &self.limits)
            .field("context_window", &self.context_window)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// A keyless endpoint with the usual limits.
    pub fn new(model: impl Into<String>, api_base: impl Into<String>) -> Self {
        let model = model.into();
        Self {
            name: model.clone(),
            model,
            api_base: api_base.into(),
            api_key: None,
            azure: None,
            extra_headers: Vec::new(),
            extra_body: Map::new(),
            ca_file: None,
            ca_pem: None,
            limits: Limits::default(),
            strict_tools: false,
            tool_calling: ToolCalling::Auto,
            protocol: PROTOCOL.to_owned(),
            context_window: None,
            prices: None,
            echo_reasoning: false,
            sent: None,
        }
    }
}

/// The endpoint is Azure OpenAI: other path, `api-key` header, `api-version` in the query.
#[derive(Debug, Clone)]
pub struct Azure {
    /// The deployment's name where it differs from the model's.
    pub deployment: Option<String>,
    pub api_version: String,
}

/// How long and how often one turn may try.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Requests for one turn, the first included.
    pub attempts: u32,
    /// All attempts and waits of one turn together.
    pub budget: Duration,
    pub connect: Duration,
    /// Silence before the first byte of a streamed answer. Longer than `idle`: a local model on a
    /// CPU reads a long prompt for minutes before it says anything.
    pub first_byte: Duration,
    /// Silence in the middle of a streamed answer. Keep-alive comments count as life.
    pub idle: Duration,
    /// First wait after a failure; doubles with each, with jitter.
    pub backoff: Duration,
    /// A server that asks to wait longer than this is not waited for.
    pub longest_wait: Duration,
    /// Bytes of one reply.
    pub reply_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attempts: 4,
            budget: Duration::from_mins(10),
            connect: Duration::from_secs(10),
            first_byte: Duration::from_mins(5),
            idle: Duration::from_mins(2),
            backoff: Duration::from_millis(500),
            longest_wait: Duration::from_mins(1),
            reply_bytes: 16 << 20,
        }
    }
}
