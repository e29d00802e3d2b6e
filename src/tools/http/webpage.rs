//! `fetch_webpage`: one public page as text. Name and parameter are HolmesGPT's.
//!
//! Here the model may write any host, so what is closed is wider: everything that is not the public internet.

use std::path::Path;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, Url};
use serde_json::{Map, Value};

use super::address::{Listed, address, canonical};
use super::allow::{self, host};
use super::charset;
use super::fetch::{Bounds, Fetched, fetch, replace};
use super::page;
use super::request::{done, ended, place};
use super::settings::{Auth, Place, shown};
use super::wire::{Call, Gate, Wire};
use crate::agent::ToolSpec;
use crate::evidence::Status;
use crate::shell::Stop;
use crate::tls::Trust;
use crate::tools::command::schema;
use crate::tools::parameters::checked;
use crate::tools::{Outcome, Tool, ToolFuture};
use crate::toolset::{Parameter, Toolset};

/// Seconds a page may take; HolmesGPT gives 5, too little through a proxy.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Bytes of a page: it is held in memory once while it becomes text.
const KEPT: u64 = 5 << 20;

/// Reads pages.
pub(super) struct Webpage {
    spec: ToolSpec,
    toolset: String,
    parameters: Vec<Parameter>,
    wire: Wire,
    policy: Policy,
    headers: HeaderMap,
    secrets: Vec<String>,
    timeout: Duration,
}

/// Which hosts may be read.
struct Policy {
    /// A host and everything below it; empty for the whole public internet.
    allowed: Vec<String>,
    denied: Vec<String>,
    /// For hosts nobody listed.
    public: Listed,
    /// For hosts of `allowed`: a company's wiki has a private address.
    listed: Listed,
}

impl Policy {
    fn of(&self, url: &Url) -> Result<&Listed, String> {
        let name = host(url);
        let within = |list: &[String]| list.iter().any(|one| below(&name, one));
        if within(&self.denied) {
            return Err(format!("`{name}` is among `denied_hosts` of this toolset"));
        }
        if self.allowed.is_empty() {
            Ok(&self.public)
        } else if within(&self.allowed) {
            Ok(&self.listed)
        } else {
            Err(format!("`{name}` is not among `allowed_hosts` of this toolset: {}", self.allowed.join(", ")))
        }
    }
}

/// Whether `name` is `parent` or below it. An address has nothing below it.
fn below(name: &str, parent: &str) -> bool {
    name == parent
        || (address(name).is_none() && name.strip_suffix(parent).is_some_and(|rest| rest.ends_with('.')))
}

impl Gate for Policy {
    fn admit(&self, _: &Method, url: &Url) -> Result<(&Listed, &Auth), String> {
        self.of(url).map(|listed| (listed, &Auth::None))
    }
}

impl Webpage {
    /// # Errors
    /// What is wrong with `config`.
    pub(super) fn new(toolset: &Toolset, trust: &Trust, caller: &[(String, String)]) -> Result<Self, String> {
        let at = Place::root(&toolset.config);
        at.known(&[
            "additional_headers",
            "allowed_hosts",
            "denied_hosts",
            "block_internal_ips",
            "timeout_seconds",
            "verify_ssl",
        ])?;
        let hosts = |key: &str| -> Result<Vec<String>, String> {
            let texts = at.texts(key)?.unwrap_or_default();
            let read = |text: &String| {
                let bare = text.trim().trim_start_matches("*.").trim_start_matches('.');
                let bracketed =
                    if bare.matches(':').count() > 1 { format!("[{bare}]") } else { bare.to_owned() };
                let url = allow::read(&format!("http://{bracketed}/"));
                url.map(|url| host(&url)).map_err(|_| format!("config.{key} `{text}` is no host"))
            };
            texts.iter().map(read).collect()
        };
        let (allowed, denied) = (hosts("allowed_hosts")?, hosts("denied_hosts")?);
        let private = !at.switch("block_internal_ips")?.unwrap_or(true);
        let public = Listed { private, ..Listed::default() };
        let mut listed = Listed { private: true, ..Listed::default() };
        for host in &allowed {
            listed.add(host);
        }
        let mut headers = at.headers("additional_headers")?;
        // They are for one company's own pages; they go to no redirect's host, but every one is kept out of sight.
        headers.values_mut().for_each(|value| value.set_sensitive(true));
        let secrets = headers.values().filter_map(|value| value.to_str().ok().map(str::to_owned)).collect();
        let parameters = vec![Parameter {
            name: "url".to_owned(),
            description: "The URL to fetch".to_owned(),
            required: true,
            types: vec!["string".to_owned()],
            ..Parameter::default()
        }];
        Ok(Self {
            spec: ToolSpec {
                name: "fetch_webpage".to_owned(),
                description: "Fetch a web page as text, such as a runbook an alert links to".to_owned(),
                parameters: schema(&parameters),
            },
            toolset: toolset.name.clone(),
            parameters,
            wire: Wire::new(trust, at.switch("verify_ssl")?.unwrap_or(true), None, caller)?,
            policy: Policy { allowed, denied, public, listed },
            headers,
            secrets,
            timeout: at.number("timeout_seconds")?.map_or(TIMEOUT, Duration::from_secs),
        })
    }

    /// What the person who configured it should know.
    pub(super) fn warning(&self) -> Option<String> {
        let idle = !self.headers.is_empty() && self.policy.allowed.is_empty();
        idle.then(|| {
            let name = &self.toolset;
            format!("toolset `{name}`: `additional_headers` go to `allowed_hosts` alone, and none is listed")
        })
    }

    async fn perform(&self, params: &Map<String, Value>, output: &Path, stop: Stop) -> Outcome {
        let refused = |status, error| ended(status, Some(error), String::new(), &Fetched::default());
        let url = match checked(&self.parameters, params) {
            Err(error) => return refused(Status::Error, error.to_string()),
            Ok(values) => allow::read(values.get("url").and_then(Value::as_str).unwrap_or_default()),
        };
        let mut url = match url {
            Ok(url) => url,
            Err(error) => return refused(Status::Error, error),
        };
        url.set_fragment(None);
        let judged = self.policy.of(&url).and_then(|listed| match address(&host(&url)) {
            Some(ip) => listed.check(&host(&url), canonical(ip)),
            None => Ok(()),
        });
        if let Err(error) = judged {
            return refused(Status::Denied, error);
        }
        let invocation = format!("GET {url}");
        // They may hold a credential: an address that only a model chose does not get them.
        let headers = if self.policy.allowed.is_empty() { HeaderMap::new() } else { self.headers.clone() };
        let call = Call {
            method: Method::GET,
            url,
            accept: "text/html, text/*;q=0.9, application/json;q=0.8, */*;q=0.5",
            headers,
            body: None,
        };
        let bounds = Bounds { timeout: self.timeout, kept_bytes: KEPT, secrets: &self.secrets };
        let mut fetched = fetch(&self.wire, &self.policy, call, bounds, output, stop).await;
        if let Err(error) = rewritten(&mut fetched, output) {
            fetched.error.get_or_insert(format!("the page cannot be read back: {error}"));
        }
        done(&fetched, invocation)
    }
}

/// Makes the page in `output` text, where it is one.
fn rewritten(fetched: &mut Fetched, output: &Path) -> std::io::Result<()> {
    let html = fetched.kind.contains("html");
    if fetched.kept.bytes == 0 || !(html || fetched.kind.is_empty()) {
        return Ok(());
    }
    let source = match String::from_utf8(std::fs::read(output)?) {
        Ok(text) => text,
        Err(wrong) => {
            let bytes = wrong.as_bytes();
            // What the page itself says counts where its server said nothing.
            let said = fetched.charset.is_none().then(|| charset::of_page(bytes)).flatten();
            let read = charset::utf8(bytes, said.as_deref());
            read.unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
        }
    };
    if !html && !page::looks_like(&source) {
        return Ok(());
    }
    let text = page::text(&source, fetched.url.as_ref());
    replace(fetched, output, &text)
}

impl Tool for Webpage {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &str {
        &self.toolset
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        let url = params.get("url").and_then(Value::as_str).unwrap_or_default();
        let line = match allow::read(url) {
            Ok(read) if read.query().is_none() => shown(&read),
            _ => place(url),
        };
        format!("fetch {}", line.chars().filter(|c| !c.is_control()).take(300).collect::<String>())
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        Box::pin(self.perform(params, output, stop))
    }
}
