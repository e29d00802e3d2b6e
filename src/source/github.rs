//! GitHub's issues, on github.com and on Enterprise servers.
//!
//! Facts: docs.github.com, "REST API endpoints for issues" (pull requests are issues with a `pull_request`), "for issue
//! comments" (`since`, `per_page` up to 100), "for search" (`/search/issues`, the first 1,000 results), "Using
//! pagination" (`Link`), "Rate limits" (403 or 429; secondary ones may come without `Retry-After`: "wait for at least
//! one minute").

use secrecy::SecretString;
use serde_json::{Value, json};

use super::tracker::{
    Comment, Found, LAST_COMMENTS, MOST_PAGES, at, list, object, text, unreadable, with_query,
};
use crate::http::{Auth, Call, Client, HttpError, HttpErrorKind, Reply, Url};
use crate::question::{Ticket, TicketComment, TicketSource, from_markdown};

const PAGE: usize = 100;

/// One repository.
#[derive(Debug, Clone)]
pub struct GitHub {
    /// `https://api.github.com`, or an Enterprise server's `https://host/api/v3`.
    pub url: Url,
    pub owner: String,
    pub repository: String,
    /// Public repositories can be read without.
    pub token: Option<SecretString>,
}

impl GitHub {
    fn below(&self, parts: &[&str]) -> Url {
        at(&self.url, &[&["repos", self.owner.as_str(), &self.repository], parts].concat())
    }

    fn dressed(&self, call: Call) -> Call {
        let auth = match &self.token {
            Some(token) => Auth::Bearer(token.clone()),
            None => Auth::None,
        };
        call.auth(auth)
            .header("Accept", "application/vnd.github+json")
            .header("X-GitHub-Api-Version", "2022-11-28")
    }

    async fn get(&self, client: &Client, url: &Url) -> Result<Reply, HttpError> {
        client.send(&self.dressed(Call::get(url.clone()))).await.map_err(limited)
    }

    pub(super) async fn find(
        &self,
        client: &Client,
        query: Option<&str>,
        most: usize,
    ) -> Result<Found, HttpError> {
        let page = PAGE.to_string();
        // Without words the list is read: the search has a smaller rate limit and an index that lags.
        let query = query.map(str::trim).filter(|query| !query.is_empty());
        let (first, pointer) = if let Some(query) = query {
            let kind =
                if query.contains("is:issue") || query.contains("type:issue") { "" } else { " is:issue" };
            let words = format!("repo:{}/{} {query}{kind}", self.owner, self.repository);
            let url = at(&self.url, &["search", "issues"]);
            (with_query(url, &[("q", &words), ("per_page", &page)]), "/items")
        } else {
            let pairs = [("state", "open"), ("per_page", page.as_str())];
            (with_query(self.below(&["issues"]), &pairs), "")
        };
        let mut found = Found::default();
        let mut url = first;
        for _ in 0..MOST_PAGES {
            let reply = self.get(client, &url).await?;
            let (_, issues) = list(&reply, &url, pointer)?;
            for issue in issues.iter().filter(|issue| issue.get("pull_request").is_none_or(Value::is_null)) {
                if found.tickets.len() == most {
                    found.more = true;
                    return Ok(found);
                }
                found.tickets.push(ticket(issue, &url)?);
            }
            match next(&reply, &url, "next") {
                Some(next) if next != url => url = next,
                _ => break,
            }
        }
        Ok(found)
    }

    pub(super) async fn fetch(&self, client: &Client, id: &str) -> Result<Ticket, HttpError> {
        let url = self.below(&["issues", id]);
        let reply = self.get(client, &url).await.map_err(|error| {
            let reason = format!(
                "there is no issue {} in {}/{}, or this token may not see it",
                id.escape_debug(),
                self.owner,
                self.repository
            );
            if error.kind == HttpErrorKind::NotFound { HttpError { reason, ..error } } else { error }
        })?;
        ticket(&object(&reply, &url, "")?, &url)
    }

    pub(super) async fn complete(&self, client: &Client, ticket: &mut Ticket) -> Result<(), HttpError> {
        let url = with_query(self.below(&["issues", &ticket.id, "comments"]), &[("per_page", "100")]);
        let mut reply = self.get(client, &url).await?;
        let mut comments = list(&reply, &url, "")?.1;
        // The oldest come first; the last page may hold one alone.
        if let Some(last) = next(&reply, &url, "last").filter(|last| *last != url) {
            reply = self.get(client, &last).await?;
            comments.extend(list(&reply, &last, "")?.1);
        }
        let from = comments.len().saturating_sub(LAST_COMMENTS);
        ticket.comments = comments
            .iter()
            .skip(from)
            .map(|comment| TicketComment {
                author: text(comment, "/user/login").unwrap_or_default(),
                created: text(comment, "/created_at").unwrap_or_default(),
                text: from_markdown(&text(comment, "/body").unwrap_or_default()),
            })
            .collect();
        Ok(())
    }

    pub(super) async fn has_comment(
        &self,
        client: &Client,
        id: &str,
        comment: &Comment,
    ) -> Result<bool, HttpError> {
        let pairs = [("since", comment.since.as_str()), ("per_page", "100")];
        let mut url = with_query(self.below(&["issues", id, "comments"]), &pairs);
        for _ in 0..MOST_PAGES {
            let reply = self.get(client, &url).await?;
            let comments = list(&reply, &url, "")?.1;
            if comments.iter().filter_map(|one| text(one, "/body")).any(|body| body.contains(&comment.marker))
            {
                return Ok(true);
            }
            match next(&reply, &url, "next") {
                Some(next) if next != url => url = next,
                _ => break,
            }
        }
        Ok(false)
    }

    pub(super) async fn comment(&self, client: &Client, id: &str, body: &Value) -> Result<(), HttpError> {
        let url = self.below(&["issues", id, "comments"]);
        client.send(&self.dressed(Call::post(url, json!({"body": body})))).await.map(drop).map_err(limited)
    }
}

fn ticket(issue: &Value, url: &Url) -> Result<Ticket, HttpError> {
    let Some(number) = issue.get("number").and_then(Value::as_u64) else {
        return Err(unreadable(url, "an issue of the reply has no number"));
    };
    let labels = issue.get("labels").and_then(Value::as_array);
    // A label is an object; very old ones are texts.
    let name = |label: &Value| label.as_str().map(str::to_owned).or_else(|| text(label, "/name"));
    Ok(Ticket {
        body: from_markdown(&text(issue, "/body").unwrap_or_default()),
        labels: labels.into_iter().flatten().filter_map(name).collect(),
        status: text(issue, "/state"),
        created: text(issue, "/created_at"),
        url: text(issue, "/html_url").unwrap_or_default(),
        ..Ticket::new(TicketSource::GitHub, number.to_string(), text(issue, "/title").unwrap_or_default())
    })
}

/// The page that `Link` names. Only its query is taken: the token goes to no other address.
fn next(reply: &Reply, url: &Url, relation: &str) -> Option<Url> {
    let wanted = format!("rel=\"{relation}\"");
    let links = reply.header("link")?;
    let link = links.split(',').find(|link| link.split(';').any(|part| part.trim() == wanted))?;
    let target = link.split('>').next()?.trim().strip_prefix('<')?;
    let target = url.join(target).ok()?;
    let mut next = url.clone();
    next.set_query(target.query());
    Some(next)
}

/// A secondary limit may come as a bare 403: no question of rights.
fn limited(error: HttpError) -> HttpError {
    if error.kind == HttpErrorKind::Refused && error.reason.to_lowercase().contains("rate limit") {
        let reason = format!("too many requests, come back in a minute: {}", error.reason);
        return HttpError { kind: HttpErrorKind::TooMany, reason, ..error };
    }
    error
}
