//! One HTTP exchange under async-openai: its client with our roots, proxy and limits, and the service
//! that keeps a refusal's status and body, which the crate loses for every server that does not
//! spell errors as OpenAI does.

use async_openai::Client;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use futures_util::stream::StreamExt;
use reqwest::header::HeaderMap;
use tokio::time::timeout;

use super::body::{Patience, Trace, guarded};
use super::endpoint::Endpoint;
use super::errors::configuration;
use super::settings::{Sent, Settings};
use crate::model::ModelError;
use crate::tls::{self, Trust};

/// Bytes of a refusal that are looked at.
const REFUSAL_BYTES: usize = 64 << 10;

/// An answer with a status other than 2xx, or none before patience ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error("status {status}")]
    Status { status: u16, headers: HeaderMap, body: String },
    #[error("no answer within {0:?}")]
    Silent(std::time::Duration),
}

pub(super) fn build(settings: &Settings, endpoint: &Endpoint) -> Result<reqwest::Client, ModelError> {
    tls::install();
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("holmes-rs/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(settings.limits.connect)
        // A redirected POST becomes a GET, and a redirect is how login pages get in.
        .redirect(reqwest::redirect::Policy::none());
    if endpoint.is_loopback() {
        builder = builder.no_proxy();
    }
    if endpoint.is_plain() {
        // Nothing to verify: a slim container without certificate authorities can talk to its Ollama, and
        // no start reads all of /etc/ssl. (An HTTPS proxy in front of a plain endpoint needs `ca_file`.)
        builder = builder.tls_certs_only(Vec::new());
    }
    let trust = Trust { ca_file: settings.ca_file.clone(), ca_pem: settings.ca_pem.clone() };
    let builder = tls::apply(builder, &trust).map_err(|error| configuration(error.message, error.remedy))?;
    builder.build().map_err(|error| {
        configuration(
            format!("cannot set up HTTPS: {}", super::errors::innermost(&error)),
            "check `SSL_CERT_FILE`, `CERTIFICATE` and `HTTPS_PROXY`",
        )
    })
}

/// A client for one attempt: what its bytes did is told to `trace`.
pub(super) fn client(
    http: &reqwest::Client,
    endpoint: &Endpoint,
    patience: Patience,
    trace: &Trace,
    sent: Option<&Sent>,
) -> Client<Endpoint> {
    let (for_service, trace) = (http.clone(), trace.clone());
    let sent = sent.map(|sent| (endpoint.shown(), sent.clone()));
    let service = tower::service_fn(move |factory: HttpRequestFactory| {
        exchange(for_service.clone(), factory, patience, trace.clone(), sent.clone())
    });
    Client::build(http.clone(), endpoint.clone()).with_http_service(service)
}

async fn exchange(
    http: reqwest::Client,
    factory: HttpRequestFactory,
    patience: Patience,
    trace: Trace,
    sent: Option<(String, Sent)>,
) -> Result<reqwest::Response, OpenAIError> {
    let request = factory.build().await?;
    if let Some((address, sent)) = sent {
        let names: Vec<String> = request.headers().keys().map(ToString::to_string).collect();
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        sent(&address, &names, body);
    }
    let silent = |_| OpenAIError::Boxed(Box::new(Refusal::Silent(patience.first_byte)));
    let response = timeout(patience.first_byte, http.execute(request)).await.map_err(silent)??;
    let status = response.status();
    if !status.is_success() {
        let headers = response.headers().clone();
        let body = timeout(patience.idle, read_start(response)).await.unwrap_or_default();
        return Err(OpenAIError::Boxed(Box::new(Refusal::Status { status: status.as_u16(), headers, body })));
    }
    let (mut parts, body) = http::Response::<reqwest::Body>::from(response).into_parts();
    // The length no longer holds once a JSON answer is made into an event.
    parts.headers.remove(reqwest::header::CONTENT_LENGTH);
    let bytes = reqwest::Response::from(http::Response::new(body)).bytes_stream();
    let guarded = guarded(bytes.boxed(), patience, trace);
    Ok(http::Response::from_parts(parts, reqwest::Body::wrap_stream(guarded)).into())
}

async fn read_start(mut response: reqwest::Response) -> String {
    let mut bytes = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > REFUSAL_BYTES {
            bytes.truncate(REFUSAL_BYTES);
            break;
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
