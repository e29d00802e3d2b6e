//! Jira: Cloud (REST API v3) and Data Center (REST API v2).
//!
//! Facts: developer.atlassian.com, "Issue search" (`/rest/api/3/search/jql`, pages by `nextPageToken`, fields only as
//! asked), "Issue comments" (body in Atlassian Document Format, `orderBy=-created`), "Server info"
//! (`deploymentType`); Data Center's REST reference (`/rest/api/2/search`, pages by `startAt`, bodies in wiki markup);
//! "Using personal access tokens" (`Authorization: Bearer`).

use secrecy::SecretString;
use serde_json::{Value, json};

use super::tracker::{
    Comment, Form, Found, LAST_COMMENTS, MOST_PAGES, at, list, object, text, unreadable, with_query,
};
use crate::http::{Auth, Call, Client, HttpError, HttpErrorKind, Url};
use crate::question::{Ticket, TicketComment, TicketSource, from_adf, from_wiki};

/// What a ticket is asked for; a search gives nothing but ids otherwise.
const FIELDS: &str = "summary,description,status,priority,labels,created";
/// Tickets a page: what both kinds give at most when fields are named.
const PAGE: usize = 50;
/// Comments a page.
const COMMENTS: usize = 100;

/// Which of the two products answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deployment {
    Cloud,
    DataCenter,
}

/// What a connection needs.
#[derive(Debug, Clone)]
pub struct JiraSettings {
    pub url: Url,
    /// The account's address (Cloud) or name (Data Center); without one the key is a personal access token.
    pub user: Option<String>,
    pub key: Option<SecretString>,
    /// As far as known; else the server is asked.
    pub deployment: Option<Deployment>,
}

/// A Jira that has been recognised.
#[derive(Debug, Clone)]
pub struct Jira {
    url: Url,
    auth: Auth,
    deployment: Deployment,
}

impl Jira {
    /// Finds out which Jira it is: by its name, else by asking it.
    ///
    /// # Errors
    /// When it does not answer.
    pub async fn connect(client: &Client, settings: JiraSettings) -> Result<Self, HttpError> {
        let JiraSettings { url, user, key, deployment } = settings;
        let auth = match (user, key) {
            (Some(user), Some(password)) => Auth::Basic { user, password },
            (None, Some(token)) => Auth::Bearer(token),
            (_, None) => Auth::None,
        };
        let host = url.host_str().unwrap_or_default();
        let hosted = host.ends_with(".atlassian.net") || host == "api.atlassian.com";
        let deployment = match deployment {
            Some(deployment) => deployment,
            None if hosted => Deployment::Cloud,
            None => {
                let url = at(&url, &["rest", "api", "2", "serverInfo"]);
                let reply = client.send(&asked(&auth, url.clone())).await?;
                // Servers before 7 name no type: they are no Cloud.
                match text(&object(&reply, &url, "")?, "/deploymentType").as_deref() {
                    Some("Cloud") => Deployment::Cloud,
                    _ => Deployment::DataCenter,
                }
            }
        };
        Ok(Self { url, auth, deployment })
    }

    pub(super) fn form(&self) -> Form {
        match self.deployment {
            Deployment::Cloud => Form::Adf,
            Deployment::DataCenter => Form::Wiki,
        }
    }

    fn below(&self, parts: &[&str]) -> Url {
        let version = match self.deployment {
            Deployment::Cloud => "3",
            Deployment::DataCenter => "2",
        };
        at(&self.url, &[&["rest", "api", version], parts].concat())
    }

    fn get(&self, url: Url) -> Call {
        asked(&self.auth, url)
    }

    pub(super) async fn find(&self, client: &Client, jql: &str, most: usize) -> Result<Found, HttpError> {
        let mut found = Found::default();
        let mut token: Option<String> = None;
        let mut start = 0_usize;
        for _ in 0..MOST_PAGES {
            // One more than wanted tells whether there are more.
            let page = (most + 1).saturating_sub(found.tickets.len()).clamp(1, PAGE).to_string();
            let mut pairs = vec![("jql", jql), ("fields", FIELDS), ("maxResults", page.as_str())];
            let from = start.to_string();
            let url = match self.deployment {
                Deployment::Cloud => {
                    pairs.extend(token.as_deref().map(|token| ("nextPageToken", token)));
                    self.below(&["search", "jql"])
                }
                Deployment::DataCenter => {
                    pairs.push(("startAt", &from));
                    self.below(&["search"])
                }
            };
            let url = with_query(url, &pairs);
            let reply = client.send(&self.get(url.clone())).await?;
            let (body, issues) = list(&reply, &url, "/issues")?;
            start += issues.len();
            let none = issues.is_empty();
            for issue in issues {
                found.tickets.push(self.ticket(&issue, &url)?);
            }
            let total = body.get("total").and_then(Value::as_u64);
            let next = text(&body, "/nextPageToken");
            let last = match self.deployment {
                Deployment::Cloud => {
                    next.is_none() || next == token || body.get("isLast") == Some(&Value::Bool(true))
                }
                Deployment::DataCenter => none || total.is_none_or(|total| start as u64 >= total),
            };
            if found.tickets.len() > most {
                found.more = true;
                found.tickets.truncate(most);
                break;
            }
            if last {
                break;
            }
            token = next;
        }
        Ok(found)
    }

    pub(super) async fn fetch(&self, client: &Client, id: &str) -> Result<Ticket, HttpError> {
        let url = with_query(self.below(&["issue", id]), &[("fields", FIELDS)]);
        let reply = client.send(&self.get(url.clone())).await.map_err(|error| unknown(error, id))?;
        self.ticket(&object(&reply, &url, "")?, &url)
    }

    fn ticket(&self, issue: &Value, url: &Url) -> Result<Ticket, HttpError> {
        let Some(key) = text(issue, "/key") else {
            return Err(unreadable(url, "a ticket of the reply has no key"));
        };
        let labels = issue.pointer("/fields/labels").and_then(Value::as_array);
        let page = at(&self.url, &["browse", &key]);
        Ok(Ticket {
            body: issue.pointer("/fields/description").map(|body| self.plain(body)).unwrap_or_default(),
            labels: labels.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect(),
            status: text(issue, "/fields/status/name"),
            priority: text(issue, "/fields/priority/name"),
            created: text(issue, "/fields/created"),
            url: crate::http::shown(&page),
            ..Ticket::new(TicketSource::Jira, key, text(issue, "/fields/summary").unwrap_or_default())
        })
    }

    /// A body in the form of this Jira; null is none.
    fn plain(&self, body: &Value) -> String {
        match (self.deployment, body.as_str()) {
            (Deployment::DataCenter, Some(wiki)) => from_wiki(wiki),
            _ => from_adf(body),
        }
    }

    /// Comments, the newest first, with the address they came from.
    async fn comments(
        &self,
        client: &Client,
        id: &str,
        from: usize,
        most: usize,
    ) -> Result<Vec<Value>, HttpError> {
        let (from, most) = (from.to_string(), most.to_string());
        let pairs = [("orderBy", "-created"), ("startAt", from.as_str()), ("maxResults", most.as_str())];
        let url = with_query(self.below(&["issue", id, "comment"]), &pairs);
        let reply = client.send(&self.get(url.clone())).await?;
        Ok(list(&reply, &url, "/comments")?.1)
    }

    pub(super) async fn complete(&self, client: &Client, ticket: &mut Ticket) -> Result<(), HttpError> {
        let mut comments: Vec<TicketComment> = self
            .comments(client, &ticket.id, 0, LAST_COMMENTS)
            .await?
            .iter()
            .take(LAST_COMMENTS)
            .map(|comment| TicketComment {
                author: text(comment, "/author/displayName").unwrap_or_default(),
                created: text(comment, "/created").unwrap_or_default(),
                text: comment.get("body").map(|body| self.plain(body)).unwrap_or_default(),
            })
            .collect();
        comments.reverse();
        ticket.comments = comments;
        Ok(())
    }

    pub(super) async fn has_comment(
        &self,
        client: &Client,
        id: &str,
        comment: &Comment,
    ) -> Result<bool, HttpError> {
        // The newest first: those of this run are within the first pages, whatever people wrote meanwhile.
        for page in 0..3 {
            let comments = self.comments(client, id, page * COMMENTS, COMMENTS).await?;
            let fits =
                |one: &Value| one.get("body").is_some_and(|body| self.plain(body).contains(&comment.marker));
            if comments.iter().any(fits) {
                return Ok(true);
            }
            if comments.len() < COMMENTS {
                break;
            }
        }
        Ok(false)
    }

    pub(super) async fn comment(&self, client: &Client, id: &str, body: &Value) -> Result<(), HttpError> {
        let url = self.below(&["issue", id, "comment"]);
        // On a service desk a comment is shown to customers unless this property says otherwise; elsewhere it means
        // nothing (the public clients of both products do so).
        let internal = json!([{"key": "sd.public.comment", "value": {"internal": true}}]);
        let body = json!({"body": body, "properties": internal});
        let call = Call::post(url, body).auth(self.auth.clone());
        client.send(&call.header("Accept", "application/json")).await.map(drop)
    }
}

fn asked(auth: &Auth, url: Url) -> Call {
    Call::get(url).auth(auth.clone()).header("Accept", "application/json")
}

/// Jira answers 404 for what is not there and for what may not be seen.
fn unknown(error: HttpError, id: &str) -> HttpError {
    if error.kind != HttpErrorKind::NotFound {
        return error;
    }
    let reason = format!("there is no ticket `{}`, or this account may not see it", id.escape_debug());
    HttpError { reason, ..error }
}
