//! The client that HTTP servers are asked with, and rmcp's streamable HTTP made to bear what servers really
//! do: refusals without an id, sessions forgotten with a status other than 404.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Client, StatusCode, Url};
use rmcp::model::{ClientJsonRpcMessage, JsonRpcMessage};
use rmcp::transport::streamable_http_client::{
    SseError, StreamableHttpClient, StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::Sse;

use super::wire::Oddity;
use crate::tls::{self, Trust};

/// Redirects followed of one request, all within the server's own origin.
const REDIRECTS: usize = 3;

/// A client for one server. It follows redirects only where they keep the request and stay with the server:
/// its headers are for nobody else.
///
/// # Errors
/// When a certificate to trust cannot be used.
pub(super) fn client(
    trust: &Trust,
    url: &Url,
    headers: &HeaderMap,
    verify: bool,
    connect: Duration,
) -> Result<Client, String> {
    let policy = Policy::custom(|attempt| {
        let same = attempt.previous().first().is_some_and(|first| first.origin() == attempt.url().origin());
        let kept = [StatusCode::TEMPORARY_REDIRECT, StatusCode::PERMANENT_REDIRECT];
        if same && kept.contains(&attempt.status()) && attempt.previous().len() <= REDIRECTS {
            attempt.follow()
        } else {
            attempt.stop()
        }
    });
    let builder = Client::builder()
        .user_agent(concat!("holmes-rs/", env!("CARGO_PKG_VERSION")))
        .default_headers(headers.clone())
        .redirect(policy)
        .connect_timeout(connect);
    // What listens on this machine is past any proxy.
    let builder = if is_loopback(url) { builder.no_proxy() } else { builder };
    let builder = if verify {
        tls::apply(builder, trust).map_err(|error| format!("{error}; {}", error.remedy))?
    } else {
        tls::install();
        builder.tls_danger_accept_invalid_certs(true)
    };
    builder.build().map_err(|error| format!("no HTTP client can be made: {}", deepest(&error)))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What an error says at its root, where the reason is.
pub(super) fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    while let Some(next) = last.source() {
        last = next;
    }
    let text = last.to_string();
    // Rust's number of a system error helps nobody who reads its words.
    text.split_once(" (os error ").map_or(text.clone(), |(words, _)| words.to_owned())
}

/// Where a server is, without what may be secret in its address.
pub(super) fn shown(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

/// Why an exchange failed, in words for people.
pub(super) fn explained(error: &reqwest::Error) -> String {
    let reason = deepest(error);
    if let Some(status) = error.status() {
        return of_status(status);
    }
    if error.is_timeout() {
        return "no connection in time".to_owned();
    }
    if error.is_connect() {
        let lower = reason.to_lowercase();
        if lower.contains("corrupt message") || lower.contains("handshake eof") {
            return "it does not answer in TLS; does `config.url` begin with http://?".to_owned();
        }
        if lower.contains("lookup address") {
            return format!("{reason}; check the host in `config.url`");
        }
        if lower.contains("certificate") || lower.contains("unknownissuer") || lower.contains("tls") {
            return format!(
                "TLS: {reason}; trust its authority with `SSL_CERT_FILE`, or set `config.verify_ssl: false`"
            );
        }
        return format!("{reason}; is the server running?");
    }
    reason
}

/// What a status that is no success means for the person who configured the server.
pub(super) fn of_status(status: StatusCode) -> String {
    let remedy = match status.as_u16() {
        401 => "; give a token in `config.headers`",
        403 => "; the credential in `config.headers` is not enough",
        404 | 405 => "; check `config.url` and `config.mode`",
        300..=399 => {
            "; it sends elsewhere, which is not followed: name that address in `config.url`, or give a token in \
             `config.headers` where it is a login page"
        }
        _ => "",
    };
    format!("HTTP {status}{remedy}")
}

/// The same for a refusal that says what is wanted in `WWW-Authenticate`.
pub(super) fn of_refusal(status: StatusCode, challenge: &str) -> String {
    let lower = challenge.to_ascii_lowercase();
    let wanted = match status.as_u16() {
        // Said by servers of RFC 9728: whoever connects is to get a token from that one's authority.
        401 if lower.contains("resource_metadata") || lower.contains("authorization_uri") => {
            "its OAuth token is missing, wrong or expired, and none is fetched here: get one from its provider and \
             give it in `config.headers`, as `Authorization: Bearer {{ env.NAME }}`"
        }
        401 if lower.contains("invalid_token") => "the token in `config.headers` is wrong or has expired",
        401 if lower.starts_with("basic") => {
            "it wants user and password: `Authorization: Basic …` in `config.headers`"
        }
        403 if lower.contains("insufficient_scope") => "the token in `config.headers` misses a scope",
        _ => return of_status(status),
    };
    format!("HTTP {status}; {wanted}")
}

/// The client as rmcp's worker uses it.
#[derive(Debug, Clone)]
pub(super) struct Streamable {
    pub client: Client,
    pub oddity: Oddity,
}

type Failed = StreamableHttpError<reqwest::Error>;
type Headers = HashMap<HeaderName, HeaderValue>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

impl StreamableHttpClient for Streamable {
    type Error = reqwest::Error;

    async fn post_message(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        auth: Option<String>,
        headers: Headers,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        self.post_message_with_max_sse_event_size(
            uri,
            message,
            session,
            auth,
            headers,
            super::wire::LONGEST_MESSAGE,
        )
        .await
    }

    async fn post_message_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        auth: Option<String>,
        headers: Headers,
        longest: usize,
    ) -> Result<StreamableHttpPostResponse, Failed> {
        let id = match &message {
            ClientJsonRpcMessage::Request(request) => Some(request.id.clone()),
            _ => None,
        };
        let in_session = session.is_some();
        let reply = self
            .client
            .post_message_with_max_sse_event_size(uri, message, session, auth, headers, longest)
            .await
            .inspect_err(|error| {
                if matches!(error, StreamableHttpError::ResponseBodyTooLarge { .. }) {
                    self.oddity.note_too_large();
                }
            })?;
        match reply {
            // A refusal that names no request would never reach its caller.
            StreamableHttpPostResponse::Json(JsonRpcMessage::Error(mut error), new) if error.id.is_none() => {
                if in_session && error.error.message.to_lowercase().contains("session") {
                    return Err(StreamableHttpError::SessionExpired);
                }
                error.id = id;
                Ok(StreamableHttpPostResponse::Json(JsonRpcMessage::Error(error), new))
            }
            StreamableHttpPostResponse::Sse(stream, new) => {
                let oddity = self.oddity.clone();
                let watched = stream.inspect(move |event| {
                    if event.as_ref().is_err_and(is_too_large) {
                        oddity.note_too_large();
                    }
                });
                Ok(StreamableHttpPostResponse::Sse(watched.boxed(), new))
            }
            reply => Ok(reply),
        }
    }

    async fn delete_session(
        &self,
        uri: Arc<str>,
        session: Arc<str>,
        auth: Option<String>,
        headers: Headers,
    ) -> Result<(), Failed> {
        self.client.delete_session(uri, session, auth, headers).await
    }

    async fn get_stream(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        auth: Option<String>,
        headers: Headers,
    ) -> Result<Events, Failed> {
        self.client.get_stream(uri, session, last, auth, headers).await
    }

    async fn get_stream_with_max_sse_event_size(
        &self,
        uri: Arc<str>,
        session: Option<Arc<str>>,
        last: Option<String>,
        auth: Option<String>,
        headers: Headers,
        longest: usize,
    ) -> Result<Events, Failed> {
        self.client.get_stream_with_max_sse_event_size(uri, session, last, auth, headers, longest).await
    }
}

/// rmcp ends a stream whose event passes the bound with an error that only its words tell apart.
fn is_too_large(error: &SseError) -> bool {
    let words = deepest(error).to_lowercase();
    words.contains("exceed") || words.contains("too large") || words.contains("maximum")
}

/// What a failed exchange was about: the words, and whether the server is sure not to have done the request.
pub(super) fn judged(error: &(dyn std::error::Error + 'static)) -> (String, bool) {
    let mut current = Some(error);
    while let Some(one) = current {
        if let Some(error) = one.downcast_ref::<reqwest::Error>() {
            return (explained(error), error.is_connect() || error.status().is_some());
        }
        if let Some(error) = one.downcast_ref::<Failed>() {
            match error {
                StreamableHttpError::Client(error) => {
                    return (explained(error), error.is_connect() || error.status().is_some());
                }
                StreamableHttpError::HttpStatus(error) => {
                    let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::BAD_GATEWAY);
                    return (of_status(status), status == StatusCode::TOO_MANY_REQUESTS);
                }
                StreamableHttpError::AuthRequired(error) => {
                    return (of_refusal(StatusCode::UNAUTHORIZED, &error.www_authenticate_header), true);
                }
                StreamableHttpError::InsufficientScope(error) => {
                    return (of_refusal(StatusCode::FORBIDDEN, &error.www_authenticate_header), true);
                }
                StreamableHttpError::SessionExpired => {
                    return ("the server forgot the session".to_owned(), true);
                }
                StreamableHttpError::UnexpectedServerResponse(text) => return refused(text),
                StreamableHttpError::UnexpectedContentType(kind) => {
                    let kind = kind.as_deref().unwrap_or("nothing");
                    return (
                        format!("it answers with {kind}, not as an MCP server does; check `config.url`"),
                        true,
                    );
                }
                _ => return (error.to_string(), false),
            }
        }
        current = one.source();
    }
    (deepest(error), false)
}

/// `HTTP 400 Bad Request: body` as rmcp words it.
fn refused(text: &str) -> (String, bool) {
    if text.starts_with("could not parse JSON response") {
        return ("it answers with what is no message of MCP; check `config.url`".to_owned(), false);
    }
    let Some(rest) = text.strip_prefix("HTTP ") else { return (text.to_owned(), false) };
    let status = rest.get(..3).and_then(|code| code.parse::<u16>().ok());
    let status = status.and_then(|code| StatusCode::from_u16(code).ok());
    let body = rest.split_once(": ").map_or("", |(_, body)| body.trim());
    let body: String = body.chars().take(200).collect();
    let words = match status {
        Some(status)
            if body.is_empty()
                || body.starts_with('<')
                || status.canonical_reason() == Some(body.as_str()) =>
        {
            of_status(status)
        }
        Some(status) => format!("{}: {body}", of_status(status)),
        None => text.to_owned(),
    };
    (words, status.is_some_and(|status| status.is_client_error()))
}

/// The status of a refusal, where one is known: what decides whether the older way is tried.
pub(super) fn status_of(error: &(dyn std::error::Error + 'static)) -> Option<u16> {
    let (words, _) = judged(error);
    words.strip_prefix("HTTP ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok())
}
