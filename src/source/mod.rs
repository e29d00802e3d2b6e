//! Where questions come from: alerts, tickets and incidents, read over `crate::http`; results written back as comments.
//!
//! A source knows its vendor's protocol and nothing of investigations, terminals or flags.

mod github;
mod jira;
mod opsgenie;
mod pagerduty;
mod tracker;

pub use github::GitHub;
pub use jira::{Deployment, Jira, JiraSettings};
pub use opsgenie::OpsGenie;
pub use pagerduty::PagerDuty;
pub use tracker::{Comment, Form, Found, Tracker, Written};
