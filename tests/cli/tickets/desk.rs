//! Small servers that play trackers: each request is checked against what the vendor documents, each answer has the
//! documented shape. What a request breaks is kept, and a test asserts that nothing was.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::support::{Asked, Reply, ScriptedServer};

/// `me@acme.test:made-up-key`, as basic authentication has it.
pub(super) const BASIC: &str = "Basic bWVAYWNtZS50ZXN0Om1hZGUtdXAta2V5";
pub(super) const KEY: &str = "made-up-key";

/// What a server remembers.
#[derive(Default)]
pub(super) struct State {
    pub(super) violations: Vec<String>,
    /// Bodies of comments, as they were written: newest last.
    pub(super) comments: Vec<Value>,
    /// Writes that arrived.
    pub(super) posts: usize,
    pub(super) asked: Vec<Asked>,
}

pub(super) struct Desk {
    pub(super) server: ScriptedServer,
    pub(super) state: Arc<Mutex<State>>,
}

type Vendor = fn(&Asked, &mut State) -> Result<Reply, String>;

impl Desk {
    /// Plays `vendor`; `first` may answer in its place.
    pub(super) fn open(
        vendor: Vendor,
        first: impl Fn(&Asked, &mut State) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let kept = Arc::clone(&state);
        let server = ScriptedServer::answering(move |asked| {
            let mut state = kept.lock().unwrap();
            state.asked.push(asked.clone());
            if asked.method == "POST" {
                state.posts += 1;
            }
            if let Some(reply) = first(asked, &mut state) {
                return reply;
            }
            vendor(asked, &mut state).unwrap_or_else(|violation| {
                state.violations.push(format!("{} {}: {violation}", asked.method, asked.path));
                Reply::status(
                    "400 Bad Request",
                    "Content-Type: application/json\r\n",
                    "{\"message\":\"see the documentation\"}",
                )
            })
        });
        Self { server, state }
    }

    pub(super) fn plain(vendor: Vendor) -> Self {
        Self::open(vendor, |_, _| None)
    }

    /// The comments, once no request broke a rule.
    pub(super) fn comments(&self) -> Vec<Value> {
        let state = self.state.lock().unwrap();
        assert!(state.violations.is_empty(), "{:#?}", state.violations);
        state.comments.clone()
    }

    pub(super) fn posts(&self) -> usize {
        self.state.lock().unwrap().posts
    }

    /// How often a path was read.
    pub(super) fn reads(&self, path: &str) -> usize {
        let state = self.state.lock().unwrap();
        state.asked.iter().filter(|asked| asked.method == "GET" && asked.path == path).count()
    }
}

pub(super) fn page(body: &Value) -> Reply {
    Reply::ok("application/json", body.to_string())
}

pub(super) fn created(body: &Value) -> Reply {
    Reply::status("201 Created", "Content-Type: application/json\r\n", body.to_string())
}

pub(super) fn not_found(body: &Value) -> Reply {
    Reply::status("404 Not Found", "Content-Type: application/json\r\n", body.to_string())
}

fn holds(right: bool, rule: &str) -> Result<(), String> {
    if right { Ok(()) } else { Err(rule.to_owned()) }
}

/// Only documented parameters, each once unless it is a list.
fn only(asked: &Asked, known: &[&str]) -> Result<(), String> {
    for (name, _) in &asked.query {
        holds(known.contains(&name.as_str()), &format!("no parameter is called `{name}`"))?;
        let times = asked.query.iter().filter(|(other, _)| other == name).count();
        holds(times == 1 || name.ends_with("[]"), &format!("`{name}` is given {times} times"))?;
    }
    Ok(())
}

fn number(asked: &Asked, name: &str, most: usize) -> Result<Option<usize>, String> {
    let Some(value) = asked.value(name) else { return Ok(None) };
    let value: usize = value.parse().map_err(|_| format!("`{name}` is no number: {value}"))?;
    holds(value <= most, &format!("`{name}` is {value}, at most {most}"))?;
    Ok(Some(value))
}

fn written(asked: &Asked, keys: &[&str]) -> Result<Value, String> {
    let kind = asked.header("content-type").unwrap_or_default();
    holds(kind.starts_with("application/json"), "a body is application/json")?;
    let body: Value = serde_json::from_str(&asked.body).map_err(|error| error.to_string())?;
    for key in body.as_object().ok_or("a body is an object")?.keys() {
        holds(keys.contains(&key.as_str()), &format!("no field is called `{key}`"))?;
    }
    Ok(body)
}

/// The parts of the published schema of Atlassian documents that a comment may use.
fn adf(node: &Value, parent: &str) -> Result<(), String> {
    let kind = node["type"].as_str().ok_or("a node has a type")?;
    let may: &[&str] = match parent {
        "" => &["doc"],
        "doc" => &["paragraph", "heading", "codeBlock", "bulletList", "orderedList", "rule"],
        "bulletList" | "orderedList" => &["listItem"],
        "listItem" => &["paragraph", "codeBlock", "bulletList", "orderedList"],
        "paragraph" | "heading" => &["text", "hardBreak"],
        "codeBlock" => &["text"],
        _ => &[],
    };
    holds(may.contains(&kind), &format!("`{kind}` in `{parent}`"))?;
    if kind == "doc" {
        holds(node["version"] == 1, "the version of a document is 1")?;
    }
    if kind == "text" {
        holds(node["text"].as_str().is_some_and(|text| !text.is_empty()), "no text is empty")?;
    }
    for child in node["content"].as_array().into_iter().flatten() {
        adf(child, kind)?;
    }
    Ok(())
}

fn jira_issue(key: &str, description: &Value) -> Value {
    json!({"id": "10002", "key": key, "self": "https://x/rest/api/3/issue/10002", "fields": {
        "summary": format!("Checkout is slow {key}"), "description": description, "labels": ["shop"],
        "status": {"name": "Open", "id": "1"}, "priority": {"name": "High"}, "created": "2026-11-20T10:00:00.000+0000"}})
}

fn described(key: &str) -> Value {
    if key == "SHOP-2" {
        return Value::Null;
    }
    json!({"type": "doc", "version": 1, "content": [{"type": "paragraph", "content": [
        {"type": "text", "text": "payments-1 was OOMKilled at 10:00"}]}]})
}

fn jira_comments(
    asked: &Asked,
    state: &mut State,
    check: fn(&Value) -> Result<(), String>,
) -> Result<Reply, String> {
    if asked.method == "POST" {
        let body = written(asked, &["body", "visibility", "properties"])?;
        check(&body["body"])?;
        let internal = &body["properties"][0];
        let hidden = internal["key"] == "sd.public.comment" && internal["value"]["internal"] == true;
        holds(hidden, "customers of a service desk see every comment that is not internal")?;
        state.comments.push(body["body"].clone());
        return Ok(created(&json!({"id": "1", "body": body["body"]})));
    }
    only(asked, &["startAt", "maxResults", "orderBy", "expand"])?;
    let order = asked.value("orderBy").unwrap_or("created");
    holds(
        ["created", "-created", "+created"].contains(&order),
        "`orderBy` is created, -created or +created",
    )?;
    let start = number(asked, "startAt", usize::MAX)?.unwrap_or(0);
    let comments: Vec<Value> = state
        .comments
        .iter()
        .rev()
        .skip(start)
        .take(number(asked, "maxResults", 5000)?.unwrap_or(50))
        .map(|body| json!({"id": "1", "author": {"displayName": "Ann"}, "created": "2026-11-20T11:00:00.000+0000", "body": body}))
        .collect();
    Ok(page(
        &json!({"startAt": start, "maxResults": 100, "total": state.comments.len(), "comments": comments}),
    ))
}

/// Five tickets, two a page, by token.
pub(super) fn jira_cloud(asked: &Asked, state: &mut State) -> Result<Reply, String> {
    holds(asked.header("authorization") == Some(BASIC), "basic authentication with address and token")?;
    match asked.path.as_str() {
        "/rest/api/2/serverInfo" => Ok(page(&json!({"baseUrl": "https://x", "version": "1001.0.0-SNAPSHOT",
            "versionNumbers": [1001, 0, 0], "deploymentType": "Cloud", "buildNumber": 100_261}))),
        "/rest/api/3/search/jql" => {
            only(
                asked,
                &[
                    "jql",
                    "nextPageToken",
                    "maxResults",
                    "fields",
                    "expand",
                    "properties",
                    "fieldsByKeys",
                    "failFast",
                ],
            )?;
            let jql = asked.value("jql").unwrap_or_default();
            holds(jql.contains('='), "`jql` must be bounded")?;
            holds(
                asked.value("fields").is_some_and(|fields| fields.contains("description")),
                "fields come only as asked",
            )?;
            number(asked, "maxResults", 5000)?;
            if jql.contains("NONE") {
                return Ok(page(&json!({"issues": [], "isLast": true})));
            }
            let from: usize = match asked.value("nextPageToken") {
                None => 1,
                Some(token) => token
                    .strip_prefix("token/+=")
                    .ok_or("that is no token")?
                    .parse()
                    .map_err(|_| "no token")?,
            };
            let to = (from + 1).min(5);
            let issues: Vec<Value> = (from..=to)
                .map(|n| format!("SHOP-{n}"))
                .map(|key| jira_issue(&key, &described(&key)))
                .collect();
            let mut body = json!({"issues": issues, "isLast": to == 5});
            if to < 5 {
                body["nextPageToken"] = format!("token/+={}", to + 1).into();
            }
            Ok(page(&body))
        }
        path => match path.strip_prefix("/rest/api/3/issue/").ok_or("no such resource")?.split_once('/') {
            Some((_, "comment")) => jira_comments(asked, state, |body| adf(body, "")),
            None if path.contains("SHOP-") => {
                only(
                    asked,
                    &["fields", "fieldsByKeys", "expand", "properties", "updateHistory", "failFast"],
                )?;
                let key = path.rsplit('/').next().unwrap_or_default();
                if key == "SHOP-99" {
                    return Ok(not_found(
                        &json!({"errorMessages": ["Issue does not exist or you do not have permission to see it."], "errors": {}}),
                    ));
                }
                Ok(page(&jira_issue(key, &described(key))))
            }
            _ => Err("no such resource".to_owned()),
        },
    }
}

/// Five tickets, two a page, by place.
pub(super) fn jira_data_center(asked: &Asked, state: &mut State) -> Result<Reply, String> {
    holds(
        asked.header("authorization") == Some("Bearer made-up-key"),
        "a personal access token is a bearer",
    )?;
    match asked.path.as_str() {
        "/jira/rest/api/2/serverInfo" => Ok(page(&json!({"baseUrl": "https://x/jira", "version": "9.12.4",
            "deploymentType": "Server", "buildNumber": 9_120_004}))),
        "/jira/rest/api/2/search" => {
            only(asked, &["jql", "startAt", "maxResults", "validateQuery", "fields", "expand"])?;
            let start = number(asked, "startAt", usize::MAX)?.unwrap_or(0);
            let issues: Vec<Value> = (start + 1..=(start + 2).min(5))
                .map(|n| jira_issue(&format!("SHOP-{n}"), &json!("h2. What\nsee {{kubectl}}")))
                .collect();
            Ok(page(&json!({"startAt": start, "maxResults": 2, "total": 5, "issues": issues})))
        }
        path if path.ends_with("/comment") => jira_comments(asked, state, |body| {
            holds(
                body.as_str().is_some_and(|text| text.len() <= 32_767),
                "a body is wiki markup of at most 32,767",
            )
        }),
        path if path.starts_with("/jira/rest/api/2/issue/SHOP-") => {
            Ok(page(&jira_issue("SHOP-1", &json!(null))))
        }
        _ => Err("no such resource".to_owned()),
    }
}

/// Five issues and a pull request, two a page, by `Link`.
pub(super) fn github(asked: &Asked, state: &mut State) -> Result<Reply, String> {
    holds(asked.header("user-agent").is_some(), "requests without a User-Agent are rejected")?;
    holds(asked.header("accept") == Some("application/vnd.github+json"), "Accept names the media type")?;
    holds(asked.header("authorization") == Some("Bearer made-up-key"), "a token is a bearer")?;
    let issue = |n: usize| {
        let mut issue = json!({"id": 1000 + n, "number": n, "title": format!("Checkout is slow {n}"),
            "body": if n == 2 { Value::Null } else { json!("payments-1 was OOMKilled\n<!-- hidden -->") },
            "state": "open", "labels": [{"id": 1, "name": "incident"}], "comments": 0, "created_at": "2026-11-20T10:00:00Z",
            "html_url": format!("https://github.com/acme/shop/issues/{n}")});
        if n == 3 {
            issue["pull_request"] = json!({"url": "https://x/pulls/3"});
        }
        issue
    };
    let listed = |path: &str| -> Result<(Vec<Value>, String), String> {
        number(asked, "per_page", 100)?;
        let at = number(asked, "page", 1000)?.unwrap_or(1);
        let issues: Vec<Value> = (at * 2 - 1..=at * 2).map(issue).collect();
        let query: Vec<String> = asked
            .query
            .iter()
            .filter(|(name, _)| name != "page")
            .map(|(name, value)| format!("{name}={}", value.replace(' ', "+")))
            .collect();
        let to = |page: usize| format!("<http://{}{path}?{}&page={page}>", asked.here, query.join("&"));
        let link = if at < 3 {
            format!("Link: {}; rel=\"next\", {}; rel=\"last\"\r\n", to(at + 1), to(3))
        } else {
            String::new()
        };
        Ok((issues, link))
    };
    let ok = |body: &Value, link: &str| {
        Reply::status("200 OK", &format!("Content-Type: application/json\r\n{link}"), body.to_string())
    };
    match asked.path.as_str() {
        "/repos/acme/shop/issues" => {
            only(
                asked,
                &[
                    "milestone",
                    "state",
                    "assignee",
                    "creator",
                    "mentioned",
                    "labels",
                    "sort",
                    "direction",
                    "since",
                    "per_page",
                    "page",
                ],
            )?;
            let (issues, link) = listed("/repositories/1300192/issues")?;
            Ok(ok(&json!(issues), &link))
        }
        "/search/issues" => {
            only(asked, &["q", "sort", "order", "per_page", "page"])?;
            let q = asked.value("q").unwrap_or_default();
            holds(
                q.starts_with("repo:acme/shop ") && q.contains("is:issue"),
                "the query names repository and kind",
            )?;
            if q.contains("label:none") {
                return Ok(page(&json!({"total_count": 0, "incomplete_results": false, "items": []})));
            }
            let (issues, link) = listed("/search/issues")?;
            Ok(ok(&json!({"total_count": 6, "incomplete_results": false, "items": issues}), &link))
        }
        path if path.ends_with("/comments") && asked.method == "POST" => {
            let body = written(asked, &["body"])?;
            holds(
                body["body"].as_str().is_some_and(|text| text.chars().count() <= 65_536),
                "a body has at most 65,536",
            )?;
            state.comments.push(body["body"].clone());
            Ok(created(&json!({"id": 1, "body": body["body"]})))
        }
        path if path.ends_with("/comments") => {
            only(asked, &["since", "per_page", "page"])?;
            number(asked, "per_page", 100)?;
            let comments: Vec<Value> = state
                .comments
                .iter()
                .map(|body| json!({"id": 1, "user": {"login": "ann"}, "created_at": "2026-11-20T11:00:00Z", "body": body}))
                .collect();
            Ok(page(&json!(comments)))
        }
        "/repos/acme/shop/issues/99" => Ok(not_found(&json!({"message": "Not Found", "status": "404"}))),
        path => {
            let n = path
                .strip_prefix("/repos/acme/shop/issues/")
                .and_then(|n| n.parse().ok())
                .ok_or("no such resource")?;
            Ok(page(&issue(n)))
        }
    }
}

/// Five open incidents, two a page, by offset.
pub(super) fn pagerduty(asked: &Asked, state: &mut State) -> Result<Reply, String> {
    holds(
        asked.header("authorization") == Some("Token token=made-up-key"),
        "a key is sent as `Token token=`",
    )?;
    holds(
        asked.header("accept") == Some("application/vnd.pagerduty+json;version=2"),
        "Accept names the version",
    )?;
    let incident = |n: usize| {
        json!({"id": format!("PT4KHL{n}"), "type": "incident", "summary": format!("[#{n}] Checkout is slow"),
            "title": format!("Checkout is slow {n}"), "incident_number": n, "created_at": "2026-11-20T10:00:00Z",
            "status": "triggered", "urgency": "high", "priority": null, "description": null, "incident_key": "k",
            "service": {"id": "PIJ90N7", "type": "service_reference", "summary": "shop"},
            "html_url": format!("https://acme.pagerduty.com/incidents/PT4KHL{n}")})
    };
    match asked.path.as_str() {
        "/incidents" => {
            only(
                asked,
                &[
                    "limit",
                    "offset",
                    "total",
                    "date_range",
                    "incident_key",
                    "service_ids[]",
                    "team_ids[]",
                    "user_ids[]",
                    "urgencies[]",
                    "time_zone",
                    "statuses[]",
                    "sort_by",
                    "include[]",
                    "since",
                    "until",
                ],
            )?;
            for (name, value) in &asked.query {
                let known = ["triggered", "acknowledged", "resolved"].contains(&value.as_str());
                holds(name != "statuses[]" || known, "that is no status")?;
            }
            number(asked, "limit", 100)?;
            let offset = number(asked, "offset", 10_000)?.unwrap_or(0);
            if asked.value("incident_key") == Some("none") {
                return Ok(page(
                    &json!({"incidents": [], "limit": 100, "offset": 0, "total": null, "more": false}),
                ));
            }
            let incidents: Vec<Value> = (offset + 1..=(offset + 2).min(5)).map(incident).collect();
            Ok(page(
                &json!({"incidents": incidents, "limit": 2, "offset": offset, "total": null, "more": offset + 2 < 5}),
            ))
        }
        path => {
            let (id, rest) = {
                let rest = path.strip_prefix("/incidents/").ok_or("no such resource")?;
                rest.split_once('/').unwrap_or((rest, ""))
            };
            let n: usize = match id.strip_prefix("PT4KHL").and_then(|n| n.parse().ok()) {
                Some(n) => n,
                None => return Ok(not_found(&json!({"error": {"message": "Not Found", "code": 2100}}))),
            };
            match (asked.method.as_str(), rest) {
                ("GET", "") => Ok(page(&json!({"incident": incident(n)}))),
                ("GET", "alerts") => {
                    Ok(page(&json!({"alerts": [{"id": "PT4", "type": "alert", "summary": "OOM",
                    "body": {"type": "alert_body", "contexts": [], "details": {"namespace": "shop", "pod": "payments-1",
                        "firing": {"value": "97 %"}, "note": null}}}], "limit": 10, "offset": 0, "more": false})))
                }
                ("GET", "notes") => {
                    let notes: Vec<Value> = state
                        .comments
                        .iter()
                        .map(|text| json!({"id": "N", "user": {"summary": "Ann"}, "content": text, "created_at": "2026-11-20T11:00:00Z"}))
                        .collect();
                    Ok(page(&json!({"notes": notes})))
                }
                ("POST", "notes") => {
                    holds(
                        asked.header("from").is_some_and(|from| from.contains('@')),
                        "`From` names a user",
                    )?;
                    let body = written(asked, &["note"])?;
                    let text = body["note"]["content"].as_str().ok_or("a note has a content")?;
                    holds(!text.trim().is_empty(), "a note has words")?;
                    state.comments.push(text.into());
                    Ok(created(&json!({"note": {"id": "N", "content": text}})))
                }
                _ => Err("no such resource".to_owned()),
            }
        }
    }
}

const ALERT: &str = "70413a06-38d6-4c85-92b8-5ebc900d42e";

/// Five open alerts, two a page, by `paging.next`.
pub(super) fn opsgenie(asked: &Asked, state: &mut State) -> Result<Reply, String> {
    let key = asked.header("authorization").unwrap_or_default();
    let wanted = if asked.method == "POST" { "GenieKey made-up-team-key" } else { "GenieKey made-up-key" };
    holds(key == wanted, "a key is sent as `GenieKey`")?;
    let alert = |n: usize, whole: bool| {
        let mut alert = json!({"id": format!("{ALERT}{n}"), "tinyId": n.to_string(), "alias": format!("event_{n}"),
            "message": format!("Checkout is slow {n}"), "status": "open", "priority": "P1", "tags": ["shop"], "source": "Prometheus",
            "createdAt": "2026-11-20T10:00:00.000Z"});
        if whole {
            alert["description"] = if n == 2 { json!("") } else { json!("<b>payments-1</b> was OOMKilled") };
            alert["details"] = json!({"namespace": "shop", "pod": "payments-1"});
            alert["entity"] = json!("");
        }
        alert
    };
    let done = |body: Value| Ok(page(&json!({"data": body, "took": 0.01, "requestId": "r"})));
    if asked.path == "/v2/alerts" {
        only(
            asked,
            &["query", "searchIdentifier", "searchIdentifierType", "offset", "limit", "sort", "order"],
        )?;
        number(asked, "limit", 100)?;
        let offset = number(asked, "offset", 20_000)?.unwrap_or(0);
        if asked.value("query") == Some("message: none") {
            return Ok(page(&json!({"data": [], "paging": {}, "took": 0.01, "requestId": "r"})));
        }
        let alerts: Vec<Value> = (offset + 1..=(offset + 2).min(5)).map(|n| alert(n, false)).collect();
        let mut paging = json!({"first": "https://api.opsgenie.com/v2/alerts?limit=2&offset=0"});
        if offset + 2 < 5 {
            let next = format!(
                "https://api.opsgenie.com/v2/alerts?query=status%3A+open&limit=2&offset={}",
                offset + 2
            );
            paging["next"] = next.into();
        }
        return Ok(page(&json!({"data": alerts, "paging": paging, "took": 0.01, "requestId": "r"})));
    }
    let rest = asked.path.strip_prefix("/v2/alerts/").ok_or("no such resource")?;
    let (id, rest) = rest.split_once('/').unwrap_or((rest, ""));
    let kind = asked.value("identifierType").unwrap_or("id");
    let n = match kind {
        "id" => id.strip_prefix(ALERT),
        "tiny" => Some(id),
        "alias" => id.strip_prefix("event_"),
        _ => return Err("`identifierType` is id, tiny or alias".to_owned()),
    };
    let Some(n) = n.and_then(|n| n.parse().ok()) else {
        return Ok(not_found(&json!({"message": "Alert is not found", "took": 0.001, "requestId": "r"})));
    };
    match (asked.method.as_str(), rest) {
        ("GET", "") => done(alert(n, true)),
        ("GET", "notes") => {
            only(asked, &["identifierType", "offset", "direction", "limit", "order"])?;
            number(asked, "limit", 100)?;
            let notes: Vec<Value> = state
                .comments
                .iter()
                .rev()
                .map(|text| json!({"note": text, "owner": "ann@acme.test", "createdAt": "2026-11-20T11:00:00.000Z", "offset": "1"}))
                .collect();
            done(json!(notes))
        }
        ("POST", "notes") => {
            let body = written(asked, &["user", "source", "note"])?;
            let text = body["note"].as_str().ok_or("a note is a text")?;
            holds(text.chars().count() <= 25_000, "a note has at most 25,000")?;
            state.comments.push(text.into());
            let body = json!({"result": "Request will be processed", "took": 0.3, "requestId": "r"});
            Ok(Reply::status("202 Accepted", "Content-Type: application/json\r\n", body.to_string()))
        }
        _ => Err("no such resource".to_owned()),
    }
}
