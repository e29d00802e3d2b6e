//! Answers brought to where people read them: a Slack channel, a webhook, a file.
//!
//! It posts what `sink` wrote and says what became of it. It decides nothing about the answer, and nothing is sent twice
//! where nobody knows whether the first time arrived.

mod file;
mod slack;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;

use crate::http::{Body, Call, Client, HttpError, HttpErrorKind, Reply, shown};
use crate::sink::{Investigation, Redact};

pub use file::{FileForm, ReportFile};
pub use slack::Slack;
pub use webhook::{Webhook, check_body};

/// Is told each request as it is made: method, address, names of headers, body.
pub type Watch = Arc<dyn Fn(&str, &str, &[String], &[u8]) + Send + Sync>;

/// Where an answer goes.
#[derive(Debug, Clone)]
pub enum Destination {
    Slack(Slack),
    Webhook(Webhook),
    File(ReportFile),
}

/// What deliveries are made with.
#[derive(Clone)]
pub struct Means {
    pub client: Client,
    /// For one destination, waits included.
    pub timeout: Duration,
    /// `--show-egress`.
    pub watch: Option<Watch>,
}

/// What became of one delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Where to, without secrets.
    pub to: String,
    /// What is worth saying of it, or why it failed: one line.
    pub outcome: Result<String, String>,
}

/// Delivers to all at once. Each has its own time; one that fails keeps none of the others.
pub async fn deliver(
    destinations: &[Destination],
    run: &Investigation,
    redact: Redact<'_>,
    means: &Means,
) -> Vec<Delivered> {
    join_all(destinations.iter().map(|one| async move {
        let work = async {
            match one {
                Destination::Slack(slack) => slack.send(run, redact, means).await,
                Destination::Webhook(webhook) => webhook.send(run, redact, means).await,
                Destination::File(file) => file.write(run, redact),
            }
        };
        let seconds = means.timeout.as_secs_f64();
        let outcome = tokio::time::timeout(means.timeout, work).await;
        let outcome = outcome.unwrap_or_else(|_| {
            Err(format!("not done within {seconds} s; it may have arrived, and is not sent again"))
        });
        Delivered { to: one.to(&run.run_id), outcome: outcome.map_err(|error| redact(&error)) }
    }))
    .await
}

impl Destination {
    /// Where to, for people: nothing secret in it.
    #[must_use]
    pub fn to(&self, run_id: &str) -> String {
        match self {
            Self::Slack(slack) => format!("Slack channel {}", slack.channel.escape_debug()),
            Self::Webhook(webhook) => format!("webhook {}", webhook::host(&webhook.url)),
            Self::File(file) => format!("file `{}`", file.of(run_id)),
        }
    }
}

impl Means {
    async fn send(&self, call: &Call) -> Result<Reply, HttpError> {
        if let Some(watch) = &self.watch {
            let mut names: Vec<String> = call.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
            if !matches!(call.auth, crate::http::Auth::None) {
                names.push("authorization".to_owned());
            }
            let body = match &call.body {
                None => String::new(),
                Some(Body::Json(value)) => value.to_string(),
                Some(Body::Text { text, .. }) => text.clone(),
            };
            watch(call.method.as_str(), &shown(&call.url), &names, body.as_bytes());
        }
        self.client.send(call).await
    }
}

/// Why a request failed, and whether it may have done its work all the same.
fn told(error: &HttpError) -> String {
    match error.kind {
        HttpErrorKind::TimedOut | HttpErrorKind::Broken | HttpErrorKind::Unreadable => {
            format!("{}; it may have arrived, and is not sent again", error.reason)
        }
        _ => error.reason.clone(),
    }
}

/// A word of a server's reply that is fit to be shown.
fn word(value: Option<&Value>) -> String {
    let text = value.and_then(Value::as_str).unwrap_or_default();
    text.chars().filter(|c| c.is_ascii_graphic() || *c == ' ').take(120).collect()
}
