//! Alerts from servers: Alertmanager and what speaks its API (VMAlertmanager, Mimir, Grafana), Prometheus, vmalert.
//!
//! Which API a server has is found out by asking: people know its address, seldom its prefix.

use secrecy::ExposeSecret as _;
use serde_json::Value;

use super::{Server, SourceError};
use crate::http::{Call, Client, HttpError, HttpErrorKind, Reply, Url, below, shown};
use crate::question::alert::{Alert, AlertError, Rule, read};

/// Rules looked through for one name: a large Prometheus has a few thousand.
const MOST_RULES: usize = 100_000;

/// What a server gave.
#[derive(Debug, Clone)]
pub struct Fetched {
    pub alerts: Vec<Alert>,
    /// The address that answered, fit to be shown.
    pub url: String,
}

/// Where alerts are below the base of an Alertmanager, Grafana, Mimir or Cortex; last the API that Alertmanagers before
/// 0.27 had, where also Prometheus and vmalert answer.
const ALERTMANAGER: &[&str] = &[
    "api/v2/alerts",
    "api/alertmanager/grafana/api/v2/alerts",
    "alertmanager/api/v2/alerts",
    "api/v1/alerts",
];
/// Where alerts are below the base of a Prometheus or vmalert, of VictoriaMetrics' gateway, of Mimir.
const PROMETHEUS: &[&str] = &["api/v1/alerts", "vmalert/api/v1/alerts", "prometheus/api/v1/alerts"];
const RULES: &[&str] = &["api/v1/rules", "vmalert/api/v1/rules", "prometheus/api/v1/rules"];

/// The alerts of an Alertmanager, silenced and inhibited ones too.
///
/// # Errors
/// When it cannot be reached, refuses, or answers with something else.
pub async fn alertmanager(client: &Client, server: &Server) -> Result<Fetched, SourceError> {
    let whole = ends_with_any(&server.base, &["/alerts", "/alerts/groups"]);
    let api = ends_with_any(&server.base, &["/api/v2", "/api/v1"]);
    let found = if whole {
        first(client, server, &[""], alerts).await
    } else if api {
        first(client, server, &["alerts"], alerts).await
    } else {
        first(client, server, ALERTMANAGER, alerts).await
    };
    let (alerts, url) = found.map_err(|error| told(error, "Alertmanager", "--alertmanager", &server.base))?;
    Ok(Fetched { alerts, url })
}

/// The alerts of a Prometheus or vmalert, pending ones too.
///
/// # Errors
/// As `alertmanager`.
pub async fn prometheus(client: &Client, server: &Server) -> Result<Fetched, SourceError> {
    let found = if ends_with_any(&server.base, &["/alerts"]) {
        first(client, server, &[""], alerts).await
    } else if ends_with_any(&server.base, &["/api/v1"]) {
        first(client, server, &["alerts"], alerts).await
    } else {
        first(client, server, PROMETHEUS, alerts).await
    };
    let (alerts, url) = found.map_err(|error| told(error, "Prometheus", "--prometheus", &server.base))?;
    Ok(Fetched { alerts, url })
}

/// The rules that Prometheus or vmalert has for alerts of these names; the first of each name.
///
/// # Errors
/// As `alertmanager`.
pub async fn rules(
    client: &Client,
    server: &Server,
    names: &[&str],
) -> Result<Vec<(String, Rule)>, SourceError> {
    let read = |body: &[u8]| {
        let value: Value = serde_json::from_slice(body).map_err(|_| not_json(body))?;
        Ok(rules_of(&value, names))
    };
    let paths = if ends_with_any(&server.base, &["/api/v1"]) { &["rules"] } else { RULES };
    let found = first(client, server, paths, read).await;
    found.map(|(rules, _)| rules).map_err(|error| told(error, "Prometheus", "--prometheus", &server.base))
}

fn rules_of(reply: &Value, names: &[&str]) -> Vec<(String, Rule)> {
    let mut found: Vec<(String, Rule)> = Vec::new();
    let groups = reply.pointer("/data/groups").and_then(Value::as_array);
    let rules = groups.into_iter().flatten().flat_map(|group| {
        let name = group.get("name").and_then(Value::as_str);
        group.get("rules").and_then(Value::as_array).into_iter().flatten().map(move |rule| (name, rule))
    });
    for (group, rule) in rules.take(MOST_RULES) {
        let text = |key: &str| rule.get(key).and_then(Value::as_str);
        // Recording rules have a name and a query too.
        if text("type").is_some_and(|kind| kind != "alerting") {
            continue;
        }
        let (Some(name), Some(query)) = (text("name"), text("query")) else { continue };
        if !names.contains(&name) || found.iter().any(|(known, _)| known == name) {
            continue;
        }
        let texts = |key: &str| {
            let map = rule.get(key).and_then(Value::as_object);
            map.into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name.clone(), value.as_str()?.to_owned())))
                .collect()
        };
        let rule = Rule {
            expression: query.to_owned(),
            hold_seconds: rule.get("duration").and_then(Value::as_f64).unwrap_or_default(),
            labels: texts("labels"),
            annotations: texts("annotations"),
            group: group.map(str::to_owned),
            error: text("lastError").filter(|error| !error.is_empty()).map(str::to_owned),
        };
        found.push((name.to_owned(), rule));
    }
    found
}

fn alerts(body: &[u8]) -> Result<Vec<Alert>, AlertError> {
    read(body)
}

fn not_json(body: &[u8]) -> AlertError {
    // `read` knows how to say what something is that is no JSON.
    read(body).err().unwrap_or_else(|| AlertError::new("the reply is not JSON"))
}

/// What went wrong at one of several addresses.
enum Wrong {
    Http(HttpError),
    /// An answer that is none of what was asked for.
    Answer {
        url: String,
        why: AlertError,
    },
    /// Nothing is at any of these paths.
    Nowhere {
        url: String,
        tried: Vec<String>,
    },
}

/// Asks one path after the other until one has the API: what `read` makes of its reply, and its address.
async fn first<T>(
    client: &Client,
    server: &Server,
    paths: &[&str],
    read: impl Fn(&[u8]) -> Result<T, AlertError>,
) -> Result<(T, String), Wrong> {
    // An answer that says more than "not found" is told where no later path has the API either.
    let mut telling: Option<Wrong> = None;
    let mut tried = Vec::new();
    for path in paths {
        let url = if path.is_empty() { server.base.clone() } else { below(&server.base, path) };
        let call = Call::get(url.clone()).auth(server.auth.clone()).header("Accept", "application/json");
        let headers = server.headers.iter();
        let call = headers.fold(call, |call, (name, value)| call.header(name, value.expose_secret()));
        tried.push(url.path().to_owned());
        let wrong = match client.send(&call).await {
            Ok(Reply { body, .. }) => match read(&body) {
                Ok(found) => return Ok((found, shown(&url))),
                Err(why) => Wrong::Answer { url: shown(&url), why },
            },
            Err(error) if error.kind == HttpErrorKind::NotFound => continue,
            // Grafana sends unknown paths to its log-in page; proxies send them home.
            Err(error) if error.kind == HttpErrorKind::Elsewhere => Wrong::Http(error),
            Err(error) if error.status == Some(405) => Wrong::Http(error),
            Err(error) => return Err(Wrong::Http(error)),
        };
        telling = telling.or(Some(wrong));
    }
    Err(telling.unwrap_or_else(|| Wrong::Nowhere { url: shown(&server.base), tried }))
}

fn told(wrong: Wrong, what: &str, flag: &str, base: &Url) -> SourceError {
    match wrong {
        Wrong::Http(error) => {
            let told = SourceError::of(&error);
            match error.kind {
                HttpErrorKind::Unreachable if told.message.contains("InvalidContentType") => {
                    told.remedy("it does not speak TLS: is its address http://?".to_owned())
                }
                HttpErrorKind::Unreachable if base.scheme() == "https" => told.remedy(format!(
                    "is it running there? A certificate of your own: SSL_CERT_FILE=ca.pem, or {flag}-insecure-skip-verify"
                )),
                HttpErrorKind::Unreachable => {
                    told.remedy(format!("is {what} running there? kubectl port-forward brings a cluster's here"))
                }
                HttpErrorKind::TimedOut => told.remedy("is it behind a VPN or a firewall?".to_owned()),
                HttpErrorKind::Refused => told.remedy(format!(
                    "{flag}-username with {flag}-password, or {flag}-token; the environment is a safer place for them"
                )),
                _ => told,
            }
        }
        Wrong::Answer { url, why } => {
            let error = SourceError {
                message: format!("{url}: it answers, but not with alerts: {why}"),
                remedies: Vec::new(),
                refused: false,
            };
            error.remedy(format!("{flag} takes the address of {what}'s own API, with its prefix"))
        }
        Wrong::Nowhere { url, tried } => {
            let error = SourceError {
                message: format!("{url}: no API for alerts there (404 for {})", tried.join(", ")),
                remedies: Vec::new(),
                refused: false,
            };
            error.remedy(format!(
                "{flag} takes the address of {what} with its prefix, as http://HOST:PORT/PREFIX"
            ))
        }
    }
}

fn ends_with_any(url: &Url, ends: &[&str]) -> bool {
    let path = url.path().trim_end_matches('/');
    ends.iter().any(|end| path.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_rule_of_an_alert_is_found_among_recording_rules_of_its_name() {
        let reply = json!({"status": "success", "data": {"groups": [
            {"name": "recorded", "rules": [{"type": "recording", "name": "Down", "query": "sum(up)"}, 7]},
            {"name": "hosts", "rules": [
                {"type": "alerting", "name": "Down", "query": "up == 0", "duration": 300, "labels": {"severity": "page", "n": 1},
                 "annotations": {"summary": "{{ $labels.instance }}"}, "lastError": "", "alerts": []},
                {"type": "alerting", "name": "Down", "query": "second"},
            ]},
        ]}});
        let found = rules_of(&reply, &["Down", "Other"]);
        assert_eq!(found.len(), 1);
        let rule = &found[0].1;
        assert_eq!((rule.expression.as_str(), rule.hold_seconds), ("up == 0", 300.0));
        assert_eq!(rule.labels.len(), 1);
        assert_eq!(rule.group.as_deref(), Some("hosts"));
        assert_eq!(rule.error, None);
        for odd in [json!(null), json!([]), json!({"data": {"groups": [1, {"rules": 2}]}})] {
            assert_eq!(rules_of(&odd, &["Down"]), []);
        }
    }
}
