//! What a failure means: which of the three kinds, in which words, and whether to try again.
//!
//! What servers say is read by `said`; here it is judged.

use std::error::Error;
use std::time::Duration;

use async_openai::error::OpenAIError;
use serde_json::Value;

use super::body::{End, Seen};
use super::endpoint::Endpoint;
use super::overflow;
use super::retry;
use super::said::{Said, one_line};
use super::transport::Refusal;
use crate::clock::{Clock, SystemClock};
use crate::http::asked_wait;
use crate::model::{ModelError, ModelErrorKind};

/// Requests after which a dead server is believed dead.
const REFUSED_ATTEMPTS: u32 = 3;

/// A failed attempt.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: ModelError,
    pub(super) remedy: Remedy,
    /// What the server said, for requests that can be made acceptable.
    pub(super) said: Option<Box<Said>>,
    /// There is text, only its end was not announced.
    pub(super) unfinished: bool,
    /// It came to its end without a word.
    pub(super) empty: bool,
}

/// What may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Remedy {
    Nothing,
    Again {
        /// The wait the server asked for.
        wait: Option<Duration>,
        /// Attempts after which it is hopeless, where that is fewer than the settings allow.
        most: u32,
    },
}

impl Remedy {
    pub(super) const AGAIN: Self = Self::Again { wait: None, most: u32::MAX };
}

pub(super) fn configuration(message: String, hint: &str) -> ModelError {
    ModelError { kind: ModelErrorKind::Configuration, message, hint: Some(hint.to_owned()) }
}

pub(super) fn unavailable(message: String, hint: Option<String>) -> ModelError {
    ModelError { kind: ModelErrorKind::Unavailable, message, hint }
}

impl Failure {
    pub(super) fn fatal(error: ModelError) -> Self {
        Self { error, remedy: Remedy::Nothing, said: None, unfinished: false, empty: false }
    }

    pub(super) fn again(message: String, hint: Option<String>) -> Self {
        Self {
            error: unavailable(message, hint),
            remedy: Remedy::AGAIN,
            said: None,
            unfinished: false,
            empty: false,
        }
    }

    /// What opening the answer came to.
    pub(super) fn of_call(error: OpenAIError, endpoint: &Endpoint, model: &str) -> Self {
        match error {
            OpenAIError::Boxed(inner) => match inner.downcast::<Refusal>() {
                Ok(refusal) => Self::of_refusal(*refusal, endpoint, model),
                Err(other) => Self::again(one_line(&other.to_string(), endpoint), None),
            },
            OpenAIError::Reqwest(error) => Self::of_transport(&error, endpoint),
            other => Self::again(one_line(&other.to_string(), endpoint), None),
        }
    }

    fn of_refusal(refusal: Refusal, endpoint: &Endpoint, model: &str) -> Self {
        match refusal {
            Refusal::Silent(patience) => silent(patience, endpoint),
            Refusal::Status { status: status @ 300..=399, headers, .. } => {
                let target = headers
                    .get(reqwest::header::LOCATION)
                    .and_then(|value| value.to_str().ok())
                    .unwrap_or("elsewhere");
                Self::fatal(configuration(
                    format!(
                        "`{}` answered {status}, a redirect to `{}`",
                        endpoint.shown(),
                        one_line(target, endpoint)
                    ),
                    &format!("set {} to the endpoint itself", endpoint.setting_names().1),
                ))
            }
            Refusal::Status { status, headers, body } => {
                let said = Said::new(status, &body, endpoint);
                Self::of_said(said, asked_wait(&headers, SystemClock.now()), endpoint, model)
            }
        }
    }

    /// An error object where an answer should be.
    pub(super) fn of_error_object(value: &Value, endpoint: &Endpoint, model: &str) -> Self {
        let mut said = Said::new(0, &value.to_string(), endpoint);
        said.status = said.implied_status();
        Self::of_said(said, None, endpoint, model)
    }

    fn of_said(said: Said, wait: Option<Duration>, endpoint: &Endpoint, model: &str) -> Self {
        let (key, base) = endpoint.setting_names();
        let status = said.status;
        let told = if said.words.is_empty() { String::new() } else { format!(": {}", said.words) };
        let answered = format!("the model endpoint answered {}{told}", status_name(status));
        if let Some(overflow::TooLong { limit }) = overflow::recognise(&said) {
            return Self {
                error: ModelError {
                    kind: ModelErrorKind::ContextTooLong { limit },
                    message: format!("the request is too long for `{model}`{told}"),
                    hint: Some("a smaller `--context-window` makes requests smaller".to_owned()),
                },
                remedy: Remedy::Nothing,
                said: None,
                unfinished: false,
                empty: false,
            };
        }
        let told_wait = || retry::told_wait(&said.all);
        let (error, remedy) = match status {
            // Groq: the model wrote a call that cannot be read; the next one may do better.
            400 if said.code.contains("tool_use_failed") => (
                unavailable(answered, Some("a larger model writes better tool calls".to_owned())),
                Remedy::Again { wait: None, most: REFUSED_ATTEMPTS },
            ),
            400 if said.code.contains("content_filter") || said.all.contains("content management policy") => {
                (
                    configuration(
                        answered,
                        "the endpoint's content filter refuses the request: ask in other words, or use another model",
                    ),
                    Remedy::Nothing,
                )
            }
            // Gemini and a LiteLLM without its database know no 401.
            _ if matches!(status, 401 | 403) || status == 400 && has_bad_key(&said) => {
                let hint = if said.html {
                    format!("a proxy may be in the way: check {base} and `HTTPS_PROXY`, then {key}")
                } else if endpoint.has_key() {
                    format!("check the API key: {key}")
                } else {
                    format!("no API key is set: {key}")
                };
                (configuration(answered, &hint), Remedy::Nothing)
            }
            402 => (configuration(answered, "the account has no credit left"), Remedy::Nothing),
            404 | 405 => (
                configuration(
                    format!("{answered} (`{}`, model `{model}`)", endpoint.shown()),
                    &format!("check the model's name (`--model` or `MODEL`) and {base}"),
                ),
                Remedy::Nothing,
            ),
            407 => {
                (configuration(answered, "the proxy wants credentials: check `HTTPS_PROXY`"), Remedy::Nothing)
            }
            429 if said.all.contains("insufficient_quota")
                || said.all.contains("exceeded your current quota, please check your plan") =>
            {
                (
                    configuration(
                        answered,
                        "the account's quota is used up: check its billing, or use another key or model",
                    ),
                    Remedy::Nothing,
                )
            }
            // 498 is Groq's "no capacity right now".
            408 | 409 | 425 | 429 | 498 | 500..=599 => (
                unavailable(
                    answered,
                    (status == 429).then(|| "wait, or use another model with `--model`".to_owned()),
                ),
                Remedy::Again { wait: wait.or_else(told_wait), most: u32::MAX },
            ),
            _ => (
                configuration(
                    answered,
                    &format!(
                        "the endpoint refuses the request: check the model list's settings for `{model}` and {base}"
                    ),
                ),
                Remedy::Nothing,
            ),
        };
        Self { error, remedy, said: Some(Box::new(said)), unfinished: false, empty: false }
    }

    fn of_transport(error: &reqwest::Error, endpoint: &Endpoint) -> Self {
        let (_, base) = endpoint.setting_names();
        let url = endpoint.shown();
        let few = Remedy::Again { wait: None, most: REFUSED_ATTEMPTS };
        let cause = one_line(&innermost(error), endpoint);
        let (message, hint, remedy) = if in_chain(error, is_tls) || cause.contains("tls") {
            let plain = cause.contains("handshake eof") || cause.contains("InvalidContentType");
            let hint = if plain {
                format!("does the server speak HTTPS, or should {base} begin with `http://`?")
            } else if cause.contains("not valid for name") {
                format!("{base} must name the server as its certificate does")
            } else {
                "trust the server's CA: `SSL_CERT_FILE` (a PEM file) or `CERTIFICATE` (base64)".to_owned()
            };
            let message = format!("TLS with `{}` failed: {}", endpoint.host(), about_certificate(&cause));
            (message, hint, Remedy::Nothing)
        } else if in_chain(error, is_refused) {
            (
                format!("connection refused by `{url}`"),
                format!("is the server running? Else check {base}"),
                few,
            )
        } else if in_chain(error, |source| source.to_string().contains("dns error")) {
            (
                format!("cannot resolve `{}`: {cause}", endpoint.host()),
                format!("check {base}, the network and `HTTPS_PROXY`"),
                few,
            )
        } else if error.is_connect() && error.is_timeout() {
            (
                format!("no connection to `{url}` in time"),
                format!("check {base}, the network and `HTTPS_PROXY`"),
                few,
            )
        } else if error.is_connect() {
            (format!("cannot connect to `{url}`: {cause}"), format!("check {base} and `HTTPS_PROXY`"), few)
        } else if error.is_builder() {
            return Self::fatal(configuration(
                format!("no request can be made for `{url}`: {cause}"),
                &format!("check {base}"),
            ));
        } else {
            (
                format!("the connection to `{url}` broke: {cause}"),
                format!("check the server's log, {base} and `HTTPS_PROXY`"),
                Remedy::AGAIN,
            )
        };
        Self { error: unavailable(message, Some(hint)), remedy, said: None, unfinished: false, empty: false }
    }

    /// An answer that began and did not come to its end.
    pub(super) fn of_end(seen: &Seen, endpoint: &Endpoint) -> Self {
        match &seen.end {
            Some(End::Html) => Self::fatal(configuration(
                format!("`{}` answered with HTML, not JSON; is the URL right?", endpoint.shown()),
                &format!("check {} and `HTTPS_PROXY`", endpoint.setting_names().1),
            )),
            Some(End::Cut(cause)) => {
                Self::again(format!("the answer was cut off: {}", one_line(cause, endpoint)), None)
            }
            Some(End::Silent(patience)) => silent(*patience, endpoint),
            Some(End::TooLarge(bytes)) => Self::fatal(unavailable(
                format!("the answer is larger than {} MiB", bytes >> 20),
                Some("the model repeats itself, or this is no model endpoint".to_owned()),
            )),
            Some(End::Closed) | None => {
                Self::again("the answer was cut off: it ended without a finish".to_owned(), None)
            }
        }
    }

    /// An answer in which no JSON could be found.
    pub(super) fn of_gibberish(text: &str, endpoint: &Endpoint) -> Self {
        Self::again(
            format!("`{}` answered with what is no JSON: {}", endpoint.shown(), one_line(text, endpoint)),
            Some(format!("check {}", endpoint.setting_names().1)),
        )
    }
}

fn has_bad_key(said: &Said) -> bool {
    ["api key not valid", "api_key_invalid", "invalid api key", "incorrect api key", "no connected db"]
        .iter()
        .any(|words| said.all.contains(words))
}

fn silent(patience: Duration, endpoint: &Endpoint) -> Failure {
    Failure::again(
        format!("`{}` said nothing for {patience:?}", endpoint.shown()),
        Some("the model may still be loading or overloaded; a smaller model answers sooner".to_owned()),
    )
}

fn status_name(status: u16) -> String {
    reqwest::StatusCode::from_u16(status)
        .ok()
        .and_then(|code| code.canonical_reason())
        .map_or_else(|| status.to_string(), |reason| format!("{status} {reason}"))
}

/// The last cause: the one that says what happened and not who noticed.
pub(super) fn innermost(error: &dyn Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn in_chain(error: &dyn Error, test: impl Fn(&(dyn Error + 'static)) -> bool) -> bool {
    let mut next = error.source();
    while let Some(source) = next {
        if test(source) {
            return true;
        }
        // An io::Error made of another error hides it from `source`, also when that is one of its kind.
        let hidden = source.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        next = match hidden {
            Some(inner) => Some(inner),
            None => source.source(),
        };
    }
    false
}

fn is_refused(error: &(dyn Error + 'static)) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// What the TLS library spells in its own names.
fn about_certificate(cause: &str) -> &str {
    [
        ("UnknownIssuer", "its certificate is signed by nobody this machine trusts"),
        ("CaUsedAsEndEntity", "its certificate is signed by nobody this machine trusts"),
        ("NotValidForName", "its certificate is for another host"),
        ("Expired", "its certificate has expired"),
        ("NotValidYet", "its certificate is not valid yet; is the clock right?"),
    ]
    .into_iter()
    .find_map(|(name, words)| cause.contains(name).then_some(words))
    .unwrap_or(cause)
}

fn is_tls(error: &(dyn Error + 'static)) -> bool {
    error.is::<rustls::Error>()
}
