//! Where investigations come from: servers of alerts and tickets, asked through `http`, answered as `question`'s data.
//!
//! One file a vendor. Answers go back to trackers as comments. Nothing here prints, or decides what is investigated.

pub mod alerts;
mod github;
mod jira;
mod opsgenie;
mod pagerduty;
mod tracker;

use std::fmt;

use secrecy::SecretString;

use crate::http::{Auth, HttpError, HttpErrorKind, Url};

pub use github::GitHub;
pub use jira::{Deployment, Jira, JiraSettings};
pub use opsgenie::OpsGenie;
pub use pagerduty::PagerDuty;
pub use tracker::{Comment, Form, Found, Tracker, Written};

/// A server and who asks it.
#[derive(Debug, Clone)]
pub struct Server {
    /// What stands before the paths of its API, whatever prefix that has.
    pub base: Url,
    pub auth: Auth,
    /// Besides those of `auth`, as a tenant's `X-Scope-OrgID`.
    pub headers: Vec<(String, SecretString)>,
}

/// A source that did not give what it was asked for: where, why, what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceError {
    /// `URL: reason`.
    pub message: String,
    pub remedies: Vec<String>,
    /// The credentials are missing, wrong, or may not do this.
    pub refused: bool,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SourceError {}

impl SourceError {
    fn of(error: &HttpError) -> Self {
        let refused = error.kind == HttpErrorKind::Refused;
        Self { message: error.to_string(), remedies: Vec::new(), refused }
    }

    #[must_use]
    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedies.push(remedy.into());
        self
    }
}
