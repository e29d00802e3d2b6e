//! Alerts as data, whoever sent them: one shape for Alertmanager, Prometheus, Grafana, CloudWatch and PagerDuty.
//!
//! Everything in an alert was written by a stranger: its name too. It becomes text to read, never shell text or
//! an instruction. Nothing here fetches alerts (`source` does) or looks at what they are about.

mod cloud;
mod forms;
mod group;
mod read;
mod select;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

pub use group::{Differing, Group, Rule, group};
pub use read::read;
pub use select::{Matcher, Selection, matching, nearest_names};

/// One alert.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Alert {
    /// Never empty; see [`Alert::UNNAMED`].
    pub name: String,
    /// With `alertname`, where the source has it.
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub state: AlertState,
    pub starts_at: Option<Timestamp>,
    /// When it ended, or when the source will take it for ended if nobody repeats it.
    pub ends_at: Option<Timestamp>,
    /// Where its rule can be looked at.
    pub generator_url: Option<String>,
    /// The source's own id of the label set.
    pub fingerprint: Option<String>,
    /// What the rule's expression gave, as the source writes it.
    pub value: Option<String>,
    /// The rule's expression, where the source says it outright; see [`Alert::expression`].
    pub rule_expression: Option<String>,
    /// Where a person looks at the alert.
    pub url: Option<String>,
    pub receivers: Vec<String>,
}

/// What an alert's source says about it now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AlertState {
    #[default]
    Firing,
    /// Its condition holds, but not for long enough yet.
    Pending,
    /// It fires, and nobody is told.
    Suppressed(Suppressor),
    Resolved,
}

/// Why nobody is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Suppressor {
    Silenced,
    Inhibited,
    /// By a time interval of its route.
    Muted,
}

impl AlertState {
    /// One word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            AlertState::Firing => "firing",
            AlertState::Pending => "pending",
            AlertState::Suppressed(Suppressor::Silenced) => "silenced",
            AlertState::Suppressed(Suppressor::Inhibited) => "inhibited",
            AlertState::Suppressed(Suppressor::Muted) => "muted",
            AlertState::Resolved => "resolved",
        }
    }
}

impl fmt::Display for AlertState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Alert {
    /// The name of an alert that brings none.
    pub const UNNAMED: &'static str = "unnamed alert";

    /// The severity as its source writes it; many alerts have none.
    #[must_use]
    pub fn severity(&self) -> Option<&str> {
        ["severity", "priority", "level", "urgency"]
            .iter()
            .find_map(|label| self.labels.get(*label))
            .map(String::as_str)
            .filter(|severity| !severity.is_empty())
    }

    /// The expression of its rule: said outright, or as Prometheus puts it into the link to its graph
    /// (`…/graph?g0.expr=up+%3D%3D+0`).
    #[must_use]
    pub fn expression(&self) -> Option<String> {
        if let Some(expression) = &self.rule_expression {
            return Some(expression.clone());
        }
        let (_, query) = self.generator_url.as_deref()?.split_once("g0.expr=")?;
        let encoded = query.split(['&', '#']).next().unwrap_or_default();
        Some(form_decoded(encoded)).filter(|expression| !expression.trim().is_empty())
    }
}

/// `a+%3D%3D+b` as people read it. What is no encoding stays as it is.
fn form_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let encoded = bytes
            .get(at + 1..at + 3)
            .filter(|_| *byte == b'%')
            .and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        at += if encoded.is_some() { 3 } else { 1 };
        out.push(encoded.unwrap_or(if *byte == b'+' { b' ' } else { *byte }));
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Bytes that are no alerts: what is wrong, where, and what they look like instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AlertError(String);

impl AlertError {
    /// An error in these words.
    #[must_use]
    pub fn new(words: &str) -> Self {
        Self(words.to_owned())
    }
}

/// A stranger's text in one line, with nothing in it that steers a terminal, hides, or starts a line of its own;
/// at most `most` characters.
pub(crate) fn plain(text: &str, most: usize) -> String {
    let mut out = String::new();
    let mut blank = false;
    for (count, c) in text.trim().chars().enumerate() {
        if count >= most {
            out.push('…');
            break;
        }
        if c.is_whitespace() || c.is_control() || hides(c) {
            blank = true;
            continue;
        }
        if blank && !out.is_empty() {
            out.push(' ');
        }
        blank = false;
        out.push(c);
    }
    out
}

/// Characters that show nothing, or turn what follows around.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}
