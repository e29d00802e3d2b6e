//! OpsGenie's alerts.
//!
//! Facts: docs.opsgenie.com, "Alert API": List Alerts (`query`, `limit` up to 100, `paging.next`), Get Alert
//! (`identifierType` id, tiny or alias; `description` and `details` only here), List Alert Notes (`order`, `paging.next`), Add
//! Note (202: done later; up to 25,000 characters), and the host of the EU, `https://api.eu.opsgenie.com`.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Value, json};

use super::tracker::{
    Comment, Found, LAST_COMMENTS, MOST_PAGES, at, flat, list, object, text, unreadable, with_query,
};
use crate::http::{Auth, Call, Client, HttpError, HttpErrorKind, Url};
use crate::question::{Ticket, TicketComment, TicketSource, from_html};

/// What is looked for without a query.
const OPEN: &str = "status: open";
const PAGE: usize = 100;

/// One account.
#[derive(Debug, Clone)]
pub struct OpsGenie {
    /// `https://api.opsgenie.com`, or `https://api.eu.opsgenie.com`.
    pub url: Url,
    pub key: SecretString,
    /// Keys of an API integration may be unable to write on a team's alerts; a team's own can.
    pub writing_key: Option<SecretString>,
}

impl OpsGenie {
    fn dressed(call: Call, key: &SecretString) -> Call {
        let value = format!("GenieKey {}", key.expose_secret().trim()).into();
        call.auth(Auth::Header { name: "Authorization", value })
    }

    async fn list(&self, client: &Client, url: &Url) -> Result<(Value, Vec<Value>), HttpError> {
        let reply = client.send(&Self::dressed(Call::get(url.clone()), &self.key)).await?;
        list(&reply, url, "/data")
    }

    pub(super) async fn find(
        &self,
        client: &Client,
        query: Option<&str>,
        most: usize,
    ) -> Result<Found, HttpError> {
        let page = (most + 1).clamp(1, PAGE).to_string();
        let query = query.map(str::trim).filter(|query| !query.is_empty()).unwrap_or(OPEN);
        let pairs =
            [("query", query), ("sort", "createdAt"), ("order", "desc"), ("limit", &page), ("offset", "0")];
        let mut url = with_query(at(&self.url, &["v2", "alerts"]), &pairs);
        let mut found = Found::default();
        for _ in 0..MOST_PAGES {
            let (body, alerts) = self.list(client, &url).await?;
            for alert in &alerts {
                if found.tickets.len() == most {
                    found.more = true;
                    return Ok(found);
                }
                found.tickets.push(self.ticket(alert, &url)?);
            }
            match next(&body, &url) {
                Some(next) if next != url && !alerts.is_empty() => url = next,
                _ => break,
            }
        }
        Ok(found)
    }

    async fn alert(&self, client: &Client, id: &str) -> Result<Ticket, HttpError> {
        let url = with_query(at(&self.url, &["v2", "alerts", id]), &[("identifierType", kind(id))]);
        let reply =
            client.send(&Self::dressed(Call::get(url.clone()), &self.key)).await.map_err(|error| {
                let reason = format!("there is no alert `{}`", id.escape_debug());
                if error.kind == HttpErrorKind::NotFound { HttpError { reason, ..error } } else { error }
            })?;
        self.ticket(&object(&reply, &url, "/data")?, &url)
    }

    pub(super) async fn fetch(&self, client: &Client, id: &str) -> Result<Ticket, HttpError> {
        self.alert(client, id).await
    }

    pub(super) async fn complete(&self, client: &Client, ticket: &mut Ticket) -> Result<(), HttpError> {
        // Lists leave out description and details.
        if ticket.body.is_empty() && ticket.details.is_empty() {
            *ticket = self.alert(client, &ticket.id).await?;
        }
        let most = LAST_COMMENTS.to_string();
        let (_, notes) = self.list(client, &notes(&self.url, &ticket.id, &most)).await?;
        ticket.comments = notes
            .iter()
            .take(LAST_COMMENTS)
            .map(|note| TicketComment {
                author: text(note, "/owner").unwrap_or_default(),
                created: text(note, "/createdAt").unwrap_or_default(),
                text: text(note, "/note").unwrap_or_default(),
            })
            .collect();
        ticket.comments.reverse();
        Ok(())
    }

    pub(super) async fn has_comment(
        &self,
        client: &Client,
        id: &str,
        comment: &Comment,
    ) -> Result<bool, HttpError> {
        let mut url = notes(&self.url, id, "100");
        for _ in 0..3 {
            let (body, notes) = self.list(client, &url).await?;
            if notes.iter().filter_map(|note| text(note, "/note")).any(|text| text.contains(&comment.marker))
            {
                return Ok(true);
            }
            match next(&body, &url) {
                Some(next) if next != url && !notes.is_empty() => url = next,
                _ => break,
            }
        }
        Ok(false)
    }

    pub(super) async fn comment(&self, client: &Client, id: &str, body: &Value) -> Result<(), HttpError> {
        let url = with_query(at(&self.url, &["v2", "alerts", id, "notes"]), &[("identifierType", "id")]);
        let call = Call::post(url, json!({"note": body, "source": "holmes-rs"}));
        let key = self.writing_key.as_ref().unwrap_or(&self.key);
        client.send(&Self::dressed(call, key)).await.map(drop)
    }

    fn ticket(&self, alert: &Value, url: &Url) -> Result<Ticket, HttpError> {
        let Some(id) = text(alert, "/id") else {
            return Err(unreadable(url, "an alert of the reply has no id"));
        };
        let labels = alert.get("tags").and_then(Value::as_array);
        let mut details = Vec::new();
        for (name, pointer) in [("source", "/source"), ("entity", "/entity"), ("alias", "/alias")] {
            details.extend(text(alert, pointer).map(|value| (name.to_owned(), value)));
        }
        let more = alert.get("details").map(flat).unwrap_or_default();
        let body = from_html(&text(alert, "/description").unwrap_or_default());
        // A list's entry has neither: it stays recognisable by having none.
        if !body.is_empty() || alert.get("description").is_some() {
            details.extend(more);
        } else {
            details.clear();
        }
        let page = if self.url.host_str().is_some_and(|host| host.starts_with("api.eu.")) {
            "https://app.eu.opsgenie.com/alert/detail/"
        } else {
            "https://app.opsgenie.com/alert/detail/"
        };
        Ok(Ticket {
            body,
            labels: labels.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            status: text(alert, "/status"),
            priority: text(alert, "/priority"),
            created: text(alert, "/createdAt"),
            url: format!("{page}{id}/details"),
            details,
            ..Ticket::new(TicketSource::OpsGenie, id, text(alert, "/message").unwrap_or_default())
        })
    }
}

fn notes(base: &Url, id: &str, most: &str) -> Url {
    let pairs = [("identifierType", "id"), ("order", "desc"), ("limit", most)];
    with_query(at(base, &["v2", "alerts", id, "notes"]), &pairs)
}

/// How an alert is named: by the short number that people see, by its id, or by its alias.
fn kind(id: &str) -> &'static str {
    let is_hex = |c: char| c.is_ascii_hexdigit() || c == '-';
    if !id.is_empty() && id.chars().all(|c| c.is_ascii_digit()) && id.len() < 16 {
        "tiny"
    } else if id.len() >= 36 && id.chars().all(is_hex) {
        "id"
    } else {
        "alias"
    }
}

/// The next page. Only its query is taken: the key goes to no other address.
fn next(body: &Value, url: &Url) -> Option<Url> {
    let target = url.join(&text(body, "/paging/next")?).ok()?;
    let mut next = url.clone();
    next.set_query(target.query());
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_tells_its_kind() {
        for (id, is) in [
            ("1791", "tiny"),
            ("70413a06-38d6-4c85-92b8-5ebc900d42e2", "id"),
            ("8418d193-2dab-4490-b331-8c02cdd196b7-1520945436186", "id"),
            ("event_573", "alias"),
            ("", "alias"),
        ] {
            assert_eq!(kind(id), is, "{id}");
        }
    }
}
