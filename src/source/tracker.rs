//! What the trackers of tickets have in common: find, read the rest, comment once.
//!
//! A comment is never written twice for one run. Each carries a line with the run's id, which is looked for before
//! anything is written, and again after a write whose outcome is not known; such a write is not repeated.

use serde_json::Value;

use super::{GitHub, Jira, OpsGenie, PagerDuty};
use crate::http::{Client, HttpError, HttpErrorKind, Reply, Url, shown};
use crate::question::{Ticket, TicketSource};

/// Pages read of any list: more than any bound on tickets needs, less than for ever.
pub(super) const MOST_PAGES: usize = 50;
/// Comments of others that an investigation is shown.
pub(super) const LAST_COMMENTS: usize = 10;

/// What every comment of ours says of its run.
const OURS: &str = "holmes-rs run ";

/// A place with tickets, and the credentials for it.
#[derive(Debug, Clone)]
pub enum Tracker {
    Jira(Jira),
    GitHub(GitHub),
    PagerDuty(PagerDuty),
    OpsGenie(OpsGenie),
}

/// What a query found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub tickets: Vec<Ticket>,
    /// There are more than were asked for.
    pub more: bool,
}

/// How a tracker wants its comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Atlassian Document Format: JSON.
    Adf,
    /// Jira's wiki markup.
    Wiki,
    Markdown,
    Plain,
}

/// What is written on a ticket.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    /// The line by which it is known again; it is part of the body.
    pub marker: String,
    /// When the run began, RFC 3339: no comment of it is older.
    pub since: String,
    /// A text, or for [`Form::Adf`] a document.
    pub body: Value,
}

/// What became of a comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Written {
    Now,
    /// This run's comment stood there already.
    Before,
}

impl Tracker {
    #[must_use]
    pub fn source(&self) -> TicketSource {
        match self {
            Self::Jira(_) => TicketSource::Jira,
            Self::GitHub(_) => TicketSource::GitHub,
            Self::PagerDuty(_) => TicketSource::PagerDuty,
            Self::OpsGenie(_) => TicketSource::OpsGenie,
        }
    }

    /// How it wants comments.
    #[must_use]
    pub fn form(&self) -> Form {
        match self {
            Self::Jira(jira) => jira.form(),
            Self::GitHub(_) => Form::Markdown,
            Self::PagerDuty(_) | Self::OpsGenie(_) => Form::Plain,
        }
    }

    /// Characters that a comment may have.
    #[must_use]
    pub fn longest_comment(&self) -> usize {
        match self {
            // "The entered text is too long. It exceeds the allowed limit of 32,767 characters" (Jira's usual setting).
            Self::Jira(_) => 32_767,
            // "body is too long (maximum is 65536 characters)".
            Self::GitHub(_) => 65_536,
            // docs.opsgenie.com, Alert API, Add Note: 25,000. PagerDuty names no limit: the same.
            Self::PagerDuty(_) | Self::OpsGenie(_) => 25_000,
        }
    }

    /// The tickets that a query matches, at most `most`, as the tracker orders them.
    ///
    /// # Errors
    /// When the tracker does not answer with tickets.
    pub async fn find(&self, client: &Client, query: Option<&str>, most: usize) -> Result<Found, HttpError> {
        match self {
            Self::Jira(jira) => jira.find(client, query.unwrap_or_default(), most).await,
            Self::GitHub(github) => github.find(client, query, most).await,
            Self::PagerDuty(pagerduty) => pagerduty.find(client, query, most).await,
            Self::OpsGenie(opsgenie) => opsgenie.find(client, query, most).await,
        }
    }

    /// One ticket, by what people call it: an id, or the address of its page.
    ///
    /// # Errors
    /// When there is none, or the tracker does not answer with it.
    pub async fn fetch(&self, client: &Client, id: &str) -> Result<Ticket, HttpError> {
        let id = named(id);
        match self {
            Self::Jira(jira) => jira.fetch(client, id).await,
            Self::GitHub(github) => github.fetch(client, id).await,
            Self::PagerDuty(pagerduty) => pagerduty.fetch(client, id).await,
            Self::OpsGenie(opsgenie) => opsgenie.fetch(client, id).await,
        }
    }

    /// Reads what lists leave out: the last comments, an incident's alerts.
    ///
    /// # Errors
    /// When the tracker does not answer; the ticket then has what it had, or part of the rest.
    pub async fn complete(&self, client: &Client, ticket: &mut Ticket) -> Result<(), HttpError> {
        let read = match self {
            Self::Jira(jira) => jira.complete(client, ticket).await,
            Self::GitHub(github) => github.complete(client, ticket).await,
            Self::PagerDuty(pagerduty) => pagerduty.complete(client, ticket).await,
            Self::OpsGenie(opsgenie) => opsgenie.complete(client, ticket).await,
        };
        // An earlier answer is no evidence for the next.
        ticket.comments.retain(|comment| !comment.text.contains(OURS));
        read
    }

    /// Writes `comment` on `ticket`, unless it stands there.
    ///
    /// # Errors
    /// When it does not stand there afterwards, as far as can be known.
    pub async fn comment(
        &self,
        client: &Client,
        ticket: &Ticket,
        comment: &Comment,
    ) -> Result<Written, HttpError> {
        if self.stands(client, ticket, comment).await? {
            return Ok(Written::Before);
        }
        let sent = match self {
            Self::Jira(jira) => jira.comment(client, &ticket.id, &comment.body).await,
            Self::GitHub(github) => github.comment(client, &ticket.id, &comment.body).await,
            Self::PagerDuty(pagerduty) => pagerduty.comment(client, &ticket.id, &comment.body).await,
            Self::OpsGenie(opsgenie) => opsgenie.comment(client, &ticket.id, &comment.body).await,
        };
        let Err(error) = sent else { return Ok(Written::Now) };
        // The write may have happened all the same. It is looked for, and not repeated: one that is merely late would
        // stand there twice.
        let unknown = matches!(
            error.kind,
            HttpErrorKind::TimedOut
                | HttpErrorKind::Unreachable
                | HttpErrorKind::Broken
                | HttpErrorKind::Unreadable
        );
        if !unknown {
            return Err(error);
        }
        match self.stands(client, ticket, comment).await {
            Ok(true) => Ok(Written::Now),
            _ => Err(HttpError {
                reason: format!("{}; whether the comment was written is not known", error.reason),
                ..error
            }),
        }
    }

    async fn stands(&self, client: &Client, ticket: &Ticket, comment: &Comment) -> Result<bool, HttpError> {
        match self {
            Self::Jira(jira) => jira.has_comment(client, &ticket.id, comment).await,
            Self::GitHub(github) => github.has_comment(client, &ticket.id, comment).await,
            Self::PagerDuty(pagerduty) => pagerduty.has_comment(client, &ticket.id, comment).await,
            Self::OpsGenie(opsgenie) => opsgenie.has_comment(client, &ticket.id, comment).await,
        }
    }
}

/// The id in what people paste: the last part of a page's address, `owner/repository#12`, `#12`.
fn named(typed: &str) -> &str {
    let typed = typed.trim();
    let short = if typed.contains("://") {
        let path = typed.split(['?', '#']).next().unwrap_or_default().trim_end_matches('/');
        path.rsplit('/').next().unwrap_or_default()
    } else {
        typed.rsplit('#').next().unwrap_or_default()
    };
    if short.is_empty() { typed } else { short }
}

/// An address below `base` of parts that are data: what has a meaning in addresses is escaped in them.
pub(super) fn at(base: &Url, parts: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(parts);
    }
    url
}

/// A query of names and values, none of which can end another.
pub(super) fn with_query(mut url: Url, pairs: &[(&str, &str)]) -> Url {
    url.query_pairs_mut().extend_pairs(pairs);
    url
}

/// The list at `pointer` of a reply.
///
/// # Errors
/// When the reply is no such thing: another program answers at this address.
pub(super) fn list(reply: &Reply, url: &Url, pointer: &str) -> Result<(Value, Vec<Value>), HttpError> {
    let mut body = reply.json()?;
    match body.pointer_mut(pointer).map(Value::take) {
        Some(Value::Array(items)) => Ok((body, items)),
        _ => Err(unreadable(url, &format!("the reply has no list {}", place(pointer)))),
    }
}

/// The object at `pointer` of a reply.
///
/// # Errors
/// As of [`list`].
pub(super) fn object(reply: &Reply, url: &Url, pointer: &str) -> Result<Value, HttpError> {
    let mut body = reply.json()?;
    match body.pointer_mut(pointer).map(Value::take) {
        Some(object @ Value::Object(_)) => Ok(object),
        _ => Err(unreadable(url, &format!("the reply has no object {}", place(pointer)))),
    }
}

fn place(pointer: &str) -> String {
    match pointer.trim_start_matches('/') {
        "" => "in it".to_owned(),
        name => format!("`{name}`"),
    }
}

/// A reply that is not what the vendor documents.
pub(super) fn unreadable(url: &Url, reason: &str) -> HttpError {
    HttpError {
        url: shown(url),
        kind: HttpErrorKind::Unreadable,
        status: None,
        reason: format!("{reason}: is this the right address?"),
    }
}

/// A text at a place of a value; none where it is null, absent, empty or no text.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer)?.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// Fields of any depth as names and values; what is no text is written as JSON.
pub(super) fn flat(value: &Value) -> Vec<(String, String)> {
    let Some(fields) = value.as_object() else {
        return match value {
            Value::Null => Vec::new(),
            Value::String(text) => vec![("details".to_owned(), text.clone())],
            other => vec![("details".to_owned(), other.to_string())],
        };
    };
    let mut out = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Null => {}
            Value::String(text) => out.push((name.clone(), text.clone())),
            Value::Object(inner) if !inner.is_empty() => {
                out.extend(inner.iter().map(|(key, value)| {
                    (format!("{name}.{key}"), value.as_str().map_or_else(|| value.to_string(), str::to_owned))
                }));
            }
            other => out.push((name.clone(), other.to_string())),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::address;

    #[test]
    fn what_people_paste_names_a_ticket() {
        for (typed, id) in [
            ("SHOP-12", "SHOP-12"),
            (" #12 ", "12"),
            ("acme/shop#12", "12"),
            ("https://acme.atlassian.net/browse/SHOP-12?focused=1", "SHOP-12"),
            ("https://github.com/acme/shop/issues/12#issuecomment-1", "12"),
            ("https://acme.pagerduty.com/incidents/PT4KHLK/", "PT4KHLK"),
            ("#", "#"),
        ] {
            assert_eq!(named(typed), id);
        }
    }

    #[test]
    fn an_id_stays_one_part_of_an_address_and_a_query_one_value() {
        let base = address("https://h/jira/").unwrap();
        assert_eq!(at(&base, &["issue", "a/../b?x#y"]).as_str(), "https://h/jira/issue/a%2F..%2Fb%3Fx%23y");
        assert_eq!(with_query(base, &[("jql", "a = b&c=d")]).as_str(), "https://h/jira/?jql=a+%3D+b%26c%3Dd");
    }

    #[test]
    fn details_are_names_and_values() {
        let value = json!({"a": "x", "b": null, "c": {"d": "y", "e": 1}, "f": [1], "g": {}});
        let names: Vec<String> = flat(&value).iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(names, ["a=x", "c.d=y", "c.e=1", "f=[1]", "g={}"]);
        assert_eq!(flat(&json!("words")), [("details".to_owned(), "words".to_owned())]);
        assert!(flat(&json!(null)).is_empty());
    }
}
