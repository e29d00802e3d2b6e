//! Requests that the program itself makes: to where alerts and tickets come from, and to where answers go.
//!
//! One client for all of them: whom it trusts, how long it waits, how much it reads, what an error says. It knows no
//! vendor. What models ask for goes through `tools::http`, which asks a file for leave; models are talked to by
//! `model::openai`.

mod wait;

use std::fmt;
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, LOCATION, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Client as Connections, RequestBuilder, Response};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::clock::{Clock as _, SystemClock};
use crate::tls::{self, Trust};

pub use reqwest::{Method, Url};
pub use wait::asked_wait;

/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);
/// Bytes read of one reply: 5,000 alerts with long annotations take about a tenth of it.
const MOST: usize = 64 << 20;
/// Times that a server may ask to come back later.
const LATER: u32 = 4;
/// No wait is longer, whatever a server asks for: it is then said when to come back.
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Taken where a server says "too many" without saying how long.
const USUAL_WAIT: Duration = Duration::from_secs(2);
/// Characters of a server's own words in an error.
const LONGEST_SAID: usize = 200;

/// Who asks.
#[derive(Debug, Clone, Default)]
pub enum Auth {
    #[default]
    None,
    Basic {
        user: String,
        password: SecretString,
    },
    Bearer(SecretString),
    /// A header with the key in it, as `X-API-Key` or `Authorization` with a scheme of its own.
    Header {
        name: &'static str,
        value: SecretString,
    },
}

/// What is sent.
#[derive(Debug, Clone)]
pub enum Body {
    Json(Value),
    Text { kind: &'static str, text: String },
}

/// One request.
#[derive(Debug, Clone)]
pub struct Call {
    pub method: Method,
    pub url: Url,
    pub auth: Auth,
    /// Besides those of `auth` and `body`.
    pub headers: Vec<(String, String)>,
    pub body: Option<Body>,
}

impl Call {
    /// A request without a body.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, auth: Auth::None, headers: Vec::new(), body: None }
    }

    /// A request with JSON.
    #[must_use]
    pub fn post(url: Url, body: Value) -> Self {
        Self { method: Method::POST, body: Some(Body::Json(body)), ..Self::get(url) }
    }

    #[must_use]
    pub fn auth(self, auth: Auth) -> Self {
        Self { auth, ..self }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// What came back, with a status that means success.
#[derive(Debug, Clone)]
pub struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
    url: Url,
    headers: HeaderMap,
}

impl Reply {
    /// The body as JSON.
    ///
    /// # Errors
    /// When it is none.
    pub fn json(&self) -> Result<Value, HttpError> {
        serde_json::from_slice(&self.body).map_err(|error| HttpError {
            url: shown(&self.url),
            kind: HttpErrorKind::Unreadable,
            status: Some(self.status),
            reason: if self.body.trim_ascii_start().starts_with(b"<") {
                "the reply is a web page, not JSON".to_owned()
            } else {
                format!("the reply is not JSON: {error}")
            },
        })
    }

    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// What kind of failure it is, for exit codes and remedies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HttpErrorKind {
    /// No connection, or it broke.
    Unreachable,
    TimedOut,
    /// 401, 403.
    Refused,
    /// 404, 410.
    NotFound,
    /// 429 and what vendors use in its place, waits exhausted.
    TooMany,
    /// It answers with the address of somewhere else, which is not followed: credentials go where they were meant to.
    Elsewhere,
    /// 5xx.
    Broken,
    /// Any other status.
    Status,
    /// A body that is no JSON, or too large.
    Unreadable,
    /// Nothing was sent: the request cannot be made of what was given.
    Unusable,
}

/// A request that did not get its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpError {
    /// Without credentials and query.
    pub url: String,
    pub kind: HttpErrorKind,
    pub status: Option<u16>,
    pub reason: String,
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.url, self.reason)
    }
}

impl std::error::Error for HttpError {}

/// Bounds of requests.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For one request and its reply.
    pub timeout: Duration,
    /// For all waits that a server asks for together.
    pub waits: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30), waits: Duration::from_secs(90) }
    }
}

/// Makes requests.
#[derive(Debug, Clone)]
pub struct Client {
    /// For this machine, past any proxy.
    direct: Connections,
    proxied: Connections,
    patience: Patience,
}

impl Client {
    /// `verify` off accepts any certificate.
    ///
    /// # Errors
    /// When certificates cannot be used.
    pub fn new(trust: &Trust, verify: bool, patience: Patience) -> Result<Self, String> {
        let built = |proxy: bool| -> Result<Connections, String> {
            let builder = Connections::builder()
                .redirect(Policy::none())
                .connect_timeout(CONNECT)
                .timeout(patience.timeout)
                .referer(false);
            let builder = if proxy { builder } else { builder.no_proxy() };
            let builder = if verify { builder } else { builder.tls_danger_accept_invalid_certs(true) };
            let builder = tls::apply(builder, trust).map_err(|error| format!("{error}; {}", error.remedy))?;
            builder.build().map_err(|error| format!("cannot set up HTTPS: {}", innermost(&error)))
        };
        Ok(Self { direct: built(false)?, proxied: built(true)?, patience })
    }

    /// Sends `call`; waits and sends it again where the server asks for that.
    ///
    /// # Errors
    /// When there is no reply, or its status means no success.
    pub async fn send(&self, call: &Call) -> Result<Reply, HttpError> {
        let mut waited = Duration::ZERO;
        let mut times = 0;
        loop {
            let response = self
                .request(call)?
                .send()
                .await
                .map_err(|error| of_transport(&call.url, &error, self.patience.timeout))?;
            let status = response.status();
            let Some(wait) = later(&response) else {
                let headers = response.headers().clone();
                let body = read(response, &call.url, self.patience.timeout).await?;
                let reply = Reply { status: status.as_u16(), body, url: call.url.clone(), headers };
                return if status.is_success() { Ok(reply) } else { Err(of_status(&reply)) };
            };
            times += 1;
            waited += wait;
            if times > LATER || wait > LONGEST_WAIT || waited > self.patience.waits {
                return Err(HttpError {
                    url: shown(&call.url),
                    kind: HttpErrorKind::TooMany,
                    status: Some(status.as_u16()),
                    reason: format!(
                        "too many requests ({}): it asks to come back in {} s",
                        status.as_u16(),
                        wait.as_secs().max(1)
                    ),
                });
            }
            tokio::time::sleep(wait).await;
        }
    }

    fn request(&self, call: &Call) -> Result<RequestBuilder, HttpError> {
        let unusable = |reason: String| HttpError {
            url: shown(&call.url),
            kind: HttpErrorKind::Unusable,
            status: None,
            reason,
        };
        let client = if is_loopback(&call.url) { &self.direct } else { &self.proxied };
        let mut url = call.url.clone();
        let given = credentials(&mut url);
        let mut request = client
            .request(call.method.clone(), url)
            .header(USER_AGENT, concat!("holmes-rs/", env!("CARGO_PKG_VERSION")));
        let secret = |text: &str| {
            let mut value = HeaderValue::from_str(text.trim()).ok()?;
            value.set_sensitive(true);
            Some(value)
        };
        let no_header = || unusable("a credential holds characters no header can carry".to_owned());
        request = match (&call.auth, given) {
            (Auth::Basic { user, password }, _) => request.basic_auth(user, Some(password.expose_secret())),
            (Auth::Bearer(token), _) => {
                let value =
                    secret(&format!("Bearer {}", token.expose_secret().trim())).ok_or_else(no_header)?;
                request.header(reqwest::header::AUTHORIZATION, value)
            }
            (Auth::Header { name, value }, _) => {
                request.header(*name, secret(value.expose_secret()).ok_or_else(no_header)?)
            }
            (Auth::None, Some((user, password))) => request.basic_auth(user, Some(password)),
            (Auth::None, None) => request,
        };
        for (name, value) in &call.headers {
            let parsed = (HeaderName::try_from(name.trim()), secret(value));
            let (Ok(name), Some(value)) = parsed else {
                return Err(unusable(format!("header `{}` cannot be sent", name.escape_debug())));
            };
            request = request.header(name, value);
        }
        Ok(match &call.body {
            None => request,
            Some(Body::Json(value)) => request.json(value),
            Some(Body::Text { kind, text }) => {
                // What the caller names itself stands alone.
                let named =
                    call.headers.iter().any(|(name, _)| name.trim().eq_ignore_ascii_case("content-type"));
                let request = if named { request } else { request.header(CONTENT_TYPE, *kind) };
                request.body(text.clone())
            }
        })
    }
}

/// The wait that a reply asks for before the same request may be sent again; `None` where it is an answer.
fn later(response: &Response) -> Option<Duration> {
    let (status, headers) = (response.status().as_u16(), response.headers());
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
    let now = SystemClock.now();
    let asked = asked_wait(headers, now);
    // GitHub: 403 once nothing remains, with the time at which something does (docs.github.com, rate limits).
    let exhausted = status == 403 && number("x-ratelimit-remaining") == Some(0);
    let reset = || {
        let seconds = number("x-ratelimit-reset")?.saturating_sub(now.as_second());
        u64::try_from(seconds).ok().map(Duration::from_secs)
    };
    match status {
        429 => Some(asked.or_else(reset).unwrap_or(USUAL_WAIT)),
        403 if exhausted || asked.is_some() => Some(asked.or_else(reset).unwrap_or(USUAL_WAIT)),
        503 => asked,
        _ => None,
    }
}

async fn read(mut response: Response, url: &Url, timeout: Duration) -> Result<Vec<u8>, HttpError> {
    let mut body = Vec::new();
    while let Some(part) = response.chunk().await.map_err(|error| of_transport(url, &error, timeout))? {
        if body.len() + part.len() > MOST {
            return Err(HttpError {
                url: shown(url),
                kind: HttpErrorKind::Unreadable,
                status: Some(response.status().as_u16()),
                reason: format!("the reply is larger than {} MiB", MOST >> 20),
            });
        }
        body.extend_from_slice(&part);
    }
    Ok(body)
}

fn of_transport(url: &Url, error: &reqwest::Error, timeout: Duration) -> HttpError {
    let (kind, reason) = if error.is_timeout() && !error.is_connect() {
        (HttpErrorKind::TimedOut, format!("no answer within {} s", timeout.as_secs_f64()))
    } else if error.is_builder() {
        (HttpErrorKind::Unusable, innermost(error))
    } else {
        (HttpErrorKind::Unreachable, innermost(error))
    };
    HttpError { url: shown(url), kind, status: None, reason }
}

fn of_status(reply: &Reply) -> HttpError {
    let said = said(&reply.body);
    let status = reply.status;
    let (kind, reason) = match status {
        300..=399 => {
            let to = reply.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("somewhere else");
            let to = reply.url.join(to).map_or_else(|_| to.to_owned(), |to| shown(&to));
            (HttpErrorKind::Elsewhere, format!("it answers {status}, go to {to}: name that address"))
        }
        401 => (HttpErrorKind::Refused, "it wants credentials, or other ones (401)".to_owned()),
        403 => (HttpErrorKind::Refused, "these credentials may not do this (403)".to_owned()),
        404 | 410 => (HttpErrorKind::NotFound, format!("not found ({status})")),
        429 => (HttpErrorKind::TooMany, "too many requests (429)".to_owned()),
        500.. => (HttpErrorKind::Broken, format!("the server failed ({status})")),
        _ => (HttpErrorKind::Status, format!("it answers {status}")),
    };
    let reason = if said.is_empty() { reason } else { format!("{reason}: {said}") };
    HttpError { url: shown(&reply.url), kind, status: Some(status), reason }
}

/// A server's own words about what is wrong, in one line.
fn said(body: &[u8]) -> String {
    const PLACES: [&str; 7] = [
        "/message",
        "/error/message",
        "/errorMessages/0",
        "/error",
        "/errors/0/message",
        "/errors/0",
        "/detail",
    ];
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            let found = PLACES.iter().find_map(|place| {
                value.pointer(place)?.as_str().filter(|text| !text.is_empty()).map(str::to_owned)
            });
            let field = || {
                let (name, text) = value.get("errors")?.as_object()?.iter().next()?;
                Some(format!("{name}: {}", text.as_str()?))
            };
            found.or_else(field).unwrap_or_default()
        }
        Err(_) if body.trim_ascii_start().starts_with(b"<") => String::new(),
        Err(_) => String::from_utf8_lossy(body.get(..2_000).unwrap_or(body)).into_owned(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut kept: String = line.chars().filter(|c| !c.is_control()).take(LONGEST_SAID).collect();
    if line.chars().count() > LONGEST_SAID {
        kept.push('…');
    }
    kept
}

/// The address as it may be shown: no credentials, no query.
#[must_use]
pub fn shown(url: &Url) -> String {
    let mut url = url.clone();
    let _ = credentials(&mut url);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// Takes `user:password@` out of an address.
fn credentials(url: &mut Url) -> Option<(String, String)> {
    let given = (url.username().to_owned(), url.password().unwrap_or_default().to_owned());
    // Both only fail for addresses that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    (!given.0.is_empty()).then_some(given)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An address a person typed: `host:9093`, `http://host/prefix/`. A path is appended to with `below`.
///
/// # Errors
/// When it is no address of an HTTP server.
pub fn address(text: &str) -> Result<Url, String> {
    let text = text.trim();
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    match Url::parse(&whole) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
        Ok(url) => Err(format!("`{}` is no http or https address", shown(&url))),
        Err(error) => Err(format!("`{}` is no address: {error}", without_credentials(text).escape_debug())),
    }
}

/// What is no address may hold a password all the same.
fn without_credentials(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, rest)) => {
            let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
            let separator = if scheme.is_empty() { "" } else { "://" };
            format!("{scheme}{separator}***@{rest}")
        }
        None => text.to_owned(),
    }
}

/// `path` below `base`, whatever prefix that has: `http://h/am/` and `api/v2/alerts`.
#[must_use]
pub fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    let prefix = url.path().trim_end_matches('/').to_owned();
    url.set_path(&format!("{prefix}/{}", path.trim_start_matches('/')));
    url
}

/// The last cause of an error: what the layers above repeat in longer words.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(source) = last.source() {
        last = source;
    }
    let mut text = last.to_string();
    if let Some(at) = text.find(" (os error ") {
        text.truncate(at);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_an_address_and_keeps_its_prefix() {
        for (typed, path, whole) in [
            ("127.0.0.1:9093", "api/v2/alerts", "http://127.0.0.1:9093/api/v2/alerts"),
            ("https://h/am/", "/api/v2/alerts", "https://h/am/api/v2/alerts"),
            ("http://h/a?x=1", "b", "http://h/a/b?x=1"),
        ] {
            assert_eq!(below(&address(typed).unwrap(), path).as_str(), whole);
        }
        for wrong in ["", "ftp://h", "http://", "http://[", "unix:///x", "a b"] {
            assert!(address(wrong).is_err(), "{wrong}");
        }
        assert_eq!(shown(&address("http://me:hunter2@h/p?token=x#f").unwrap()), "http://h/p");
    }

    #[test]
    fn a_servers_words_are_found_and_are_one_line() {
        for (body, words) in [
            (r#"{"message":"Bad\n credentials"}"#, "Bad credentials"),
            (r#"{"error":{"message":"no"}}"#, "no"),
            (r#"{"errorMessages":["The value 'X' does not exist"]}"#, "The value 'X' does not exist"),
            (r#"{"errors":{"jql":"wrong"}}"#, "jql: wrong"),
            (r#"{"errors":["a","b"]}"#, "a"),
            ("<html>x</html>", ""),
            ("plain\u{1b}[2J", "plain[2J"),
            ("", ""),
        ] {
            assert_eq!(said(body.as_bytes()), words, "{body}");
        }
        assert!(said(&b"x".repeat(5_000)).chars().count() <= LONGEST_SAID + 1);
    }
}
