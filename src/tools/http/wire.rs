//! One request on the wire, and the redirects behind it: every hop is admitted anew, resolved and judged anew.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER,
    USER_AGENT,
};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Identity, Method, Response, StatusCode, Url};

use super::address::{Judged, Listed, Zone, address, is_localhost, zone};
use super::allow::{self, host};
use super::digest::{self, User};
use super::settings::{Auth, shown};
use crate::tls::{self, Trust};

/// Redirects that are followed.
const HOPS: usize = 5;
/// Until a connection stands.
const CONNECT: Duration = Duration::from_secs(10);

/// Says which requests may be made. Redirects ask it again.
pub(super) trait Gate {
    /// What the hosts of this request may lead to, and its credentials.
    ///
    /// # Errors
    /// Why it may not be made.
    fn admit(&self, method: &Method, url: &Url) -> Result<(&Listed, &Auth), String>;
}

/// A request as it is meant, before credentials.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub method: Method,
    pub url: Url,
    pub accept: &'static str,
    /// Sent while the origin stays the same.
    pub headers: HeaderMap,
    pub body: Option<String>,
}

/// Opens connections.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    direct: Client,
    /// Where the environment names a proxy: for every host but this machine.
    proxied: Option<Client>,
    judged: Judged,
}

/// Certificate and key for servers that ask who the client is.
pub(super) type IdentityFiles = (PathBuf, Option<PathBuf>);

impl Wire {
    /// # Errors
    /// When certificates cannot be used.
    pub(super) fn new(
        trust: &Trust,
        verify: bool,
        identity: Option<&IdentityFiles>,
        caller: &[(String, String)],
    ) -> Result<Self, String> {
        let judged = Judged::default();
        let identity = identity.map(pem).transpose()?;
        let base = || {
            let builder = Client::builder()
                .redirect(Policy::none())
                .connect_timeout(CONNECT)
                .referer(false)
                .dns_resolver(judged.clone());
            secured(builder, trust, verify, identity.as_deref())
        };
        let built = |builder: ClientBuilder| {
            builder.build().map_err(|error| format!("cannot set up HTTPS: {}", innermost(&error)))
        };
        let direct = built(base()?.no_proxy())?;
        let proxied = if names_proxy(caller) { Some(built(base()?)?) } else { None };
        Ok(Self { direct, proxied, judged })
    }

    /// Makes the call and follows redirects; the answer, and the URL it came from.
    ///
    /// # Errors
    /// In one line: refused, unreachable, or led astray.
    pub(super) async fn converse(&self, gate: &dyn Gate, call: Call) -> Result<(Response, Url), String> {
        let mut call = call;
        // Credentials and whatever else was not made for strangers.
        let mut own = true;
        let mut came_from: Option<Url> = None;
        for _ in 0..=HOPS {
            let (listed, auth) = gate.admit(&call.method, &call.url).map_err(|reason| match &came_from {
                Some(from) => format!("`{}` redirects elsewhere: {reason}", shown(from)),
                None => reason,
            })?;
            let response = self.ask(&call, listed, own.then_some(auth)).await?;
            let Some(next) = redirect(&response, &call.url)? else { return Ok((response, call.url)) };
            own = own && same_origin(&call.url, &next);
            let status = response.status();
            let fetch =
                status == StatusCode::SEE_OTHER || (status.as_u16() < 303 && call.method == Method::POST);
            if fetch && call.method != Method::HEAD {
                call.method = Method::GET;
                call.body = None;
            }
            came_from = Some(std::mem::replace(&mut call.url, next));
        }
        Err(format!("more than {HOPS} redirects, the last to `{}`", shown(&call.url)))
    }

    /// One exchange, without redirects, and a second where a challenge is to be answered; `auth` is None where
    /// credentials must not go.
    pub(super) async fn ask(
        &self,
        call: &Call,
        listed: &Listed,
        auth: Option<&Auth>,
    ) -> Result<Response, String> {
        let name = host(&call.url);
        let here = match address(&name) {
            Some(ip) => {
                listed.check(&name, ip)?;
                zone(ip) == Zone::Loopback
            }
            None => is_localhost(&name),
        };
        let client = self.proxied.as_ref().filter(|_| !here);
        if address(&name).is_none() {
            self.judged.look(&name, listed, client.is_some()).await?;
        }
        let client = client.unwrap_or(&self.direct);
        let mut url = call.url.clone();
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT, HeaderValue::from_static(call.accept));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        headers
            .insert(USER_AGENT, HeaderValue::from_static(concat!("holmes-rs/", env!("CARGO_PKG_VERSION"))));
        if call.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        if let Some(auth) = auth {
            headers.extend(call.headers.clone());
            match auth {
                Auth::None | Auth::Digest(..) => {}
                Auth::Header(name, value) => _ = headers.insert(name, value.clone()),
                Auth::Query(name, value) => _ = url.query_pairs_mut().append_pair(name, value),
            }
        }
        let send = |headers: HeaderMap| {
            let mut request = client.request(call.method.clone(), url.clone()).headers(headers);
            if let Some(body) = &call.body {
                request = request.body(body.clone());
            }
            request.send()
        };
        let explained = |error: reqwest::Error| explained(&error, &call.url);
        let Some(Auth::Digest(name, password)) = auth else { return send(headers).await.map_err(explained) };
        let refused = send(headers.clone()).await.map_err(explained)?;
        if refused.status() != StatusCode::UNAUTHORIZED {
            return Ok(refused);
        }
        let once = uuid::Uuid::now_v7().simple().to_string();
        let user = User { name, password };
        match digest::answer(refused.headers(), user, call.method.as_str(), &url, &once) {
            Some(proof) => {
                headers.insert(AUTHORIZATION, proof);
                send(headers).await.map_err(explained)
            }
            None => Ok(refused),
        }
    }
}

fn secured(
    builder: ClientBuilder,
    trust: &Trust,
    verify: bool,
    identity: Option<&[u8]>,
) -> Result<ClientBuilder, String> {
    if verify {
        return tls::apply_as(builder, trust, identity).map_err(|error| format!("{error}: {}", error.remedy));
    }
    tls::install();
    let mut builder = builder.tls_danger_accept_invalid_certs(true);
    if let Some(pem) = identity {
        let identity = Identity::from_pem(pem);
        builder = builder.identity(
            identity.map_err(|_| "`client_cert_path` and `client_key_path` hold no certificate and key")?,
        );
    }
    Ok(builder)
}

fn pem((cert, key): &IdentityFiles) -> Result<Vec<u8>, String> {
    let mut pem = Vec::new();
    for path in std::iter::once(cert).chain(key) {
        let bytes = std::fs::read(path);
        pem.extend(
            bytes.map_err(|error| {
                format!("client certificate `{}` cannot be read: {error}", path.display())
            })?,
        );
        pem.push(b'\n');
    }
    Ok(pem)
}

fn names_proxy(caller: &[(String, String)]) -> bool {
    caller.iter().any(|(name, value)| {
        let name = name.to_ascii_uppercase();
        ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].contains(&name.as_str()) && !value.is_empty()
    })
}

/// Where an answer sends the asker.
fn redirect(response: &Response, from: &Url) -> Result<Option<Url>, String> {
    if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = response.headers().get(LOCATION) else { return Ok(None) };
    let location = String::from_utf8_lossy(location.as_bytes());
    allow::follow(from, &location)
        .map(Some)
        .map_err(|error| format!("`{}` redirects to what cannot be followed: {error}", shown(from)))
}

/// Whether credentials for `from` may go to `to`: same host, scheme and port, or plain http made safe.
fn same_origin(from: &Url, to: &Url) -> bool {
    let origin = |url: &Url| (host(url), url.scheme().to_owned(), url.port_or_known_default());
    let ((a, from_scheme, from_port), (b, to_scheme, to_port)) = (origin(from), origin(to));
    let same = from_scheme == to_scheme && from_port == to_port;
    let upgrade = (from_scheme.as_str(), from_port, to_scheme.as_str(), to_port)
        == ("http", Some(80), "https", Some(443));
    a == b && (same || upgrade)
}

/// A status as a person reads it, with what to do about the common ones.
pub(super) fn refusal(response: &Response) -> String {
    let status = response.status();
    let mut text = format!("HTTP {}", status.as_u16());
    if let Some(reason) = status.canonical_reason() {
        let _ = write!(text, " {reason}");
    }
    match status.as_u16() {
        401 => text.push_str(": the credentials are missing or not accepted, check `auth` of the endpoint"),
        403 => text.push_str(": the credentials of `auth` do not allow this"),
        407 => text.push_str(": the proxy wants credentials"),
        429 | 503 => {
            if let Some(after) = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()) {
                let after: String = after.chars().take(40).collect();
                let unit = if after.bytes().all(|byte| byte.is_ascii_digit()) { " s" } else { "" };
                let _ = write!(text, ", retry after {after}{unit}");
            }
        }
        _ => {}
    }
    text
}

/// Why no answer came, in one line and without the query, which may hold secrets.
pub(super) fn explained(error: &reqwest::Error, url: &Url) -> String {
    let cause = innermost(error);
    let port = url.port_or_known_default().unwrap_or(0);
    let place = format!("{}:{port}", url.host_str().unwrap_or_default());
    let lower = cause.to_lowercase();
    if lower.contains("certificaterequired") || lower.contains("fatal alert") {
        return format!(
            "{place} refuses the connection ({cause}): does it want `client_cert_path`, or another one?"
        );
    }
    if lower.contains("certificate") || lower.contains("unknownissuer") {
        return format!(
            "{place} shows a certificate that is not trusted ({cause}): name its authority in `SSL_CERT_FILE`, \
             or set `verify_ssl: false` for this toolset"
        );
    }
    if ["invalidcontenttype", "corrupt message", "tls handshake eof"].iter().any(|sign| lower.contains(sign))
    {
        return format!("{place} does not answer in TLS ({cause}): does it speak plain http?");
    }
    if error.is_timeout() && error.is_connect() {
        return format!("{place} does not answer: no connection within {} s", CONNECT.as_secs());
    }
    if error.is_connect() {
        return format!("cannot connect to {place}: {cause}");
    }
    format!("no whole answer from {place}: {cause}")
}

/// The last cause: the one that says something.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}
