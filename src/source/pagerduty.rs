//! PagerDuty's incidents, by its REST API v2.
//!
//! Facts: developer.pagerduty.com, "List incidents" (`statuses[]`, `incident_key`, pages by `limit`, `offset` and
//! `more`, up to 10,000 entries), "List alerts for an incident" (`body.details`), "List/Create a note" (`From`, the
//! address of a user; 2,000 notes an incident, given in one list), "Rate limiting" (429, `ratelimit-reset`).

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::tracker::{
    Comment, Found, LAST_COMMENTS, MOST_PAGES, at, flat, list, object, text, unreadable, with_query,
};
use crate::http::{Auth, Call, Client, HttpError, HttpErrorKind, Url};
use crate::question::{Ticket, TicketComment, TicketSource, from_html};

const PAGE: usize = 100;
/// Alerts of one incident whose details are read.
const ALERTS: usize = 10;

/// One account.
#[derive(Debug, Clone)]
pub struct PagerDuty {
    /// `https://api.pagerduty.com`, or `https://api.eu.pagerduty.com`.
    pub url: Url,
    pub key: SecretString,
    /// The user that notes are written as; nothing is written without one.
    pub user: Option<String>,
}

impl PagerDuty {
    fn dressed(&self, call: Call) -> Call {
        let value = format!("Token token={}", self.key.expose_secret().trim()).into();
        call.auth(Auth::Header { name: "Authorization", value })
            .header("Accept", "application/vnd.pagerduty+json;version=2")
    }

    async fn list(
        &self,
        client: &Client,
        url: &Url,
        pointer: &str,
    ) -> Result<(Value, Vec<Value>), HttpError> {
        let reply = client.send(&self.dressed(Call::get(url.clone()))).await?;
        list(&reply, url, pointer)
    }

    /// Open incidents; `key` leaves those with one de-duplication key, in any state.
    pub(super) async fn find(
        &self,
        client: &Client,
        key: Option<&str>,
        most: usize,
    ) -> Result<Found, HttpError> {
        let mut found = Found::default();
        let page = (most + 1).clamp(1, PAGE).to_string();
        let mut offset = 0_usize;
        for _ in 0..MOST_PAGES {
            let from = offset.to_string();
            let mut pairs = match key {
                Some(key) => vec![("incident_key", key)],
                None => vec![("statuses[]", "triggered"), ("statuses[]", "acknowledged")],
            };
            pairs.extend([("limit", page.as_str()), ("offset", from.as_str())]);
            let url = with_query(at(&self.url, &["incidents"]), &pairs);
            let (body, incidents) = self.list(client, &url, "/incidents").await?;
            offset += incidents.len();
            for incident in &incidents {
                if found.tickets.len() == most {
                    found.more = true;
                    return Ok(found);
                }
                found.tickets.push(ticket(incident, &url)?);
            }
            if incidents.is_empty() || body.get("more") != Some(&Value::Bool(true)) {
                break;
            }
        }
        Ok(found)
    }

    pub(super) async fn fetch(&self, client: &Client, id: &str) -> Result<Ticket, HttpError> {
        let url = at(&self.url, &["incidents", id]);
        let reply = client.send(&self.dressed(Call::get(url.clone()))).await.map_err(|error| {
            let reason = format!("there is no incident `{}`", id.escape_debug());
            if error.kind == HttpErrorKind::NotFound { HttpError { reason, ..error } } else { error }
        })?;
        ticket(&object(&reply, &url, "/incident")?, &url)
    }

    pub(super) async fn complete(&self, client: &Client, ticket: &mut Ticket) -> Result<(), HttpError> {
        let most = ALERTS.to_string();
        let url = with_query(at(&self.url, &["incidents", &ticket.id, "alerts"]), &[("limit", &most)]);
        let (_, alerts) = self.list(client, &url, "/alerts").await?;
        for (place, alert) in alerts.iter().take(ALERTS).enumerate() {
            // One alert is the usual case: its details need no prefix then.
            let prefix = if alerts.len() > 1 { format!("alert {} ", place + 1) } else { String::new() };
            if let Some(summary) = text(alert, "/summary").filter(|summary| *summary != ticket.title) {
                ticket.details.push((format!("{prefix}summary"), summary));
            }
            let details =
                alert.pointer("/body/details").or_else(|| alert.pointer("/body/cef_details/details"));
            let details = details.map(flat).unwrap_or_default();
            ticket.details.extend(
                details.into_iter().map(|(name, value)| (format!("{prefix}{name}"), from_html(&value))),
            );
        }
        let mut notes = self.notes(client, &ticket.id).await?;
        notes.sort_by_cached_key(|note| text(note, "/created_at"));
        let from = notes.len().saturating_sub(LAST_COMMENTS);
        ticket.comments = notes
            .iter()
            .skip(from)
            .map(|note| TicketComment {
                author: text(note, "/user/summary").unwrap_or_default(),
                created: text(note, "/created_at").unwrap_or_default(),
                text: text(note, "/content").unwrap_or_default(),
            })
            .collect();
        Ok(())
    }

    async fn notes(&self, client: &Client, id: &str) -> Result<Vec<Value>, HttpError> {
        let url = at(&self.url, &["incidents", id, "notes"]);
        Ok(self.list(client, &url, "/notes").await?.1)
    }

    pub(super) async fn has_comment(
        &self,
        client: &Client,
        id: &str,
        comment: &Comment,
    ) -> Result<bool, HttpError> {
        let notes = self.notes(client, id).await?;
        Ok(notes.iter().filter_map(|note| text(note, "/content")).any(|text| text.contains(&comment.marker)))
    }

    pub(super) async fn comment(&self, client: &Client, id: &str, body: &Value) -> Result<(), HttpError> {
        let url = at(&self.url, &["incidents", id, "notes"]);
        let call = self.dressed(Call::post(url, json!({"note": {"content": body}})));
        let call = match &self.user {
            Some(user) => call.header("From", user),
            None => call,
        };
        client.send(&call).await.map(drop)
    }
}

fn ticket(incident: &Value, url: &Url) -> Result<Ticket, HttpError> {
    let Some(id) = text(incident, "/id") else {
        return Err(unreadable(url, "an incident of the reply has no id"));
    };
    let title = text(incident, "/title").or_else(|| text(incident, "/summary")).unwrap_or_default();
    // Most incidents repeat their title as the description.
    let body = text(incident, "/description").filter(|body| *body != title);
    let mut details = Vec::new();
    for (name, pointer) in [("service", "/service/summary"), ("incident key", "/incident_key")] {
        details.extend(text(incident, pointer).map(|value| (name.to_owned(), value)));
    }
    let priority = text(incident, "/priority/summary").or_else(|| text(incident, "/priority/name"));
    Ok(Ticket {
        body: from_html(&body.unwrap_or_default()),
        status: text(incident, "/status"),
        priority: priority.or_else(|| text(incident, "/urgency").map(|urgency| format!("urgency {urgency}"))),
        created: text(incident, "/created_at"),
        url: text(incident, "/html_url").unwrap_or_default(),
        details,
        ..Ticket::new(TicketSource::PagerDuty, id, title)
    })
}
