//! Alerts as Prometheus and what speaks like it write them: Alertmanager, vmalert, VMAlertmanager, Mimir, Grafana.
//!
//! Sources of the shapes: Alertmanager's api/v2 OpenAPI file and `template.Data` (webhook, version 4), Prometheus'
//! HTTP API (`/api/v1/alerts`, `/api/v1/rules`), vmalert's `/api/v1/alerts`, Grafana's webhook contact point.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::read;
use super::{Alert, AlertError, AlertState, Suppressor, plain};

type Object = Map<String, Value>;
type Found = Option<Result<Vec<Alert>, AlertError>>;

/// Values of labels and annotations beyond this many characters are cut: no source sends such.
const LONGEST_VALUE: usize = 20_000;

/// The alerts of one object; `None` where it is none of these forms.
pub(super) fn of(object: &Object, depth: usize) -> Found {
    if object.get("status").and_then(Value::as_str) == Some("error") {
        let said = text(object, &["error", "message", "errorType"]).unwrap_or_default();
        return Some(Err(AlertError(format!("it is an error of the server: {}", plain(&said, 200)))));
    }
    if let Some(Value::Array(alerts)) = object.get("alerts") {
        return Some(enveloped(object, alerts, depth));
    }
    if let Some(data) = object.get("data").filter(|_| object.contains_key("status")) {
        return Some(match data {
            Value::Null => Ok(Vec::new()),
            Value::Object(data) if data.contains_key("groups") => Ok(rules(data)),
            Value::Object(data) if data.get("alerts").is_some_and(Value::is_null) => Ok(Vec::new()),
            data => read::of(data, depth + 1),
        });
    }
    if object.contains_key("groups") && object.get("groups").is_some_and(is_rule_groups) {
        return Some(Ok(rules(object)));
    }
    if object.get("labels").is_some_and(Value::is_object)
        || object.contains_key("annotations") && text(object, &["name", "alertname"]).is_some()
    {
        return Some(Ok(vec![alert(object)]));
    }
    if object.contains_key("alertname")
        && object.values().all(|value| !value.is_object() && !value.is_array())
    {
        let labels = texts(Some(&Value::Object(object.clone())));
        return Some(Ok(vec![named(Alert { labels, ..Alert::default() }, object)]));
    }
    None
}

/// A webhook's body, a group of `/api/v2/alerts/groups`, or `data` of Prometheus: `alerts`, and what holds for all.
fn enveloped(object: &Object, alerts: &[Value], depth: usize) -> Result<Vec<Alert>, AlertError> {
    let receiver = match object.get("receiver") {
        Some(Value::String(name)) => Some(name.clone()),
        Some(Value::Object(receiver)) => text(receiver, &["name"]),
        _ => None,
    };
    let status = text(object, &["status"]).and_then(|word| state_of_word(&word));
    let mut all = Vec::new();
    for (number, value) in alerts.iter().enumerate() {
        let mut found = read::of(value, depth + 1).map_err(|AlertError(why)| {
            AlertError(format!("alert {} of {}: {why}", number + 1, alerts.len()))
        })?;
        for one in &mut found {
            if one.receivers.is_empty() {
                one.receivers.extend(receiver.clone());
            }
            if let (Some(status), None) = (status, value.get("status").or_else(|| value.get("state"))) {
                one.state = status;
            }
        }
        all.extend(found);
    }
    Ok(all)
}

fn is_rule_groups(groups: &Value) -> bool {
    groups.as_array().is_some_and(|groups| groups.iter().all(|group| group.get("rules").is_some()))
}

/// `/api/v1/rules`: the alerts of each rule, with its expression.
fn rules(data: &Object) -> Vec<Alert> {
    fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
        value.and_then(Value::as_array).into_iter().flatten()
    }
    let mut all = Vec::new();
    for rule in list(data.get("groups")).flat_map(|group| list(group.get("rules"))) {
        for object in list(rule.get("alerts")).filter_map(Value::as_object) {
            let mut one = alert(object);
            if one.name == Alert::UNNAMED
                && let Some(name) = rule.get("name").and_then(Value::as_str).map(|name| plain(name, 200))
                && !name.is_empty()
            {
                one.name = name;
            }
            one.rule_expression = rule.get("query").and_then(Value::as_str).map(str::to_owned);
            all.push(one);
        }
    }
    all
}

fn alert(object: &Object) -> Alert {
    let one = Alert {
        labels: texts(object.get("labels")),
        annotations: texts(object.get("annotations")),
        state: state(object),
        starts_at: time(object, &["startsAt", "activeAt", "starts_at"]),
        ends_at: time(object, &["endsAt", "ends_at"]),
        generator_url: text(object, &["generatorURL", "generatorUrl"]),
        fingerprint: text(object, &["fingerprint", "id"]),
        value: value_of(object),
        // vmalert says it outright.
        rule_expression: text(object, &["expression"]),
        url: text(object, &["panelURL", "dashboardURL", "source", "externalURL"])
            .filter(|url| url.starts_with("http")),
        receivers: receivers(object),
        ..Alert::default()
    };
    named(one, object)
}

/// Names the alert: by its label, else by what else its source calls it.
fn named(alert: Alert, object: &Object) -> Alert {
    let of =
        |map: &BTreeMap<String, String>, keys: &[&str]| keys.iter().find_map(|key| map.get(*key)).cloned();
    let name = of(&alert.labels, &["alertname", "rulename", "alert"])
        .or_else(|| text(object, &["name", "alertname", "alert", "title"]))
        .or_else(|| of(&alert.annotations, &["title", "summary"]))
        .map(|name| plain(&name, 200))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| Alert::UNNAMED.to_owned());
    Alert { name, ..alert }
}

fn state(object: &Object) -> AlertState {
    match object.get("status") {
        // Alertmanager's v2 and v1: what silences and inhibits it stands beside the state.
        Some(Value::Object(status)) => {
            let named =
                |key: &str| status.get(key).and_then(Value::as_array).is_some_and(|by| !by.is_empty());
            let suppressed = status.get("state").and_then(Value::as_str) == Some("suppressed");
            if named("silencedBy") {
                AlertState::Suppressed(Suppressor::Silenced)
            } else if named("inhibitedBy") {
                AlertState::Suppressed(Suppressor::Inhibited)
            } else if named("mutedBy") || suppressed {
                AlertState::Suppressed(Suppressor::Muted)
            } else {
                AlertState::Firing
            }
        }
        Some(Value::String(word)) => state_of_word(word).unwrap_or_default(),
        _ => text(object, &["state"]).and_then(|word| state_of_word(&word)).unwrap_or_default(),
    }
}

fn state_of_word(word: &str) -> Option<AlertState> {
    Some(match word.to_lowercase().as_str() {
        "firing" | "active" | "alerting" | "unprocessed" | "nodata" | "error" => AlertState::Firing,
        "pending" => AlertState::Pending,
        "suppressed" | "silenced" => AlertState::Suppressed(Suppressor::Silenced),
        "inhibited" => AlertState::Suppressed(Suppressor::Inhibited),
        "muted" => AlertState::Suppressed(Suppressor::Muted),
        "resolved" | "inactive" | "normal" | "ok" | "expired" => AlertState::Resolved,
        _ => return None,
    })
}

/// `value` of Prometheus, or Grafana's values by the letter of their query.
fn value_of(object: &Object) -> Option<String> {
    match object.get("value").or_else(|| object.get("values")).or_else(|| object.get("valueString")) {
        Some(Value::Object(values)) => {
            let each: Vec<String> =
                values.iter().map(|(name, value)| format!("{name}={}", scalar(value))).collect();
            Some(each.join(", ")).filter(|text| !text.is_empty())
        }
        Some(Value::Null) | None => None,
        Some(value) => Some(scalar(value)).filter(|text| !text.is_empty()),
    }
}

fn receivers(object: &Object) -> Vec<String> {
    let Some(Value::Array(receivers)) = object.get("receivers") else { return Vec::new() };
    receivers
        .iter()
        .filter_map(|receiver| match receiver {
            Value::String(name) => Some(name.clone()),
            Value::Object(receiver) => text(receiver, &["name"]),
            _ => None,
        })
        .collect()
}

/// A map whose values become text, whatever they are: YAML files and scripts write numbers and switches.
pub(super) fn texts(map: Option<&Value>) -> BTreeMap<String, String> {
    let Some(Value::Object(map)) = map else { return BTreeMap::new() };
    map.iter().map(|(name, value)| (name.clone(), scalar(value))).collect()
}

/// A value as text; null is empty.
pub(super) fn scalar(value: &Value) -> String {
    let mut text = match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Some((at, _)) = text.char_indices().nth(LONGEST_VALUE) {
        text.truncate(at);
        text.push('…');
    }
    text
}

/// The first of `keys` with text in it.
pub(super) fn text(object: &Object, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| match object.get(*key)? {
        Value::String(text) if !text.trim().is_empty() => {
            Some(scalar(&Value::String(text.trim().to_owned())))
        }
        number @ Value::Number(_) => Some(number.to_string()),
        _ => None,
    })
}

/// The first of `keys` with a moment in it: RFC 3339, AWS' form of it, or milliseconds since 1970. Go's zero time
/// means that there is none.
pub(super) fn time(object: &Object, keys: &[&str]) -> Option<Timestamp> {
    keys.iter().find_map(|key| moment(object.get(*key)?))
}

fn moment(value: &Value) -> Option<Timestamp> {
    /// Numbers from here on count milliseconds; as seconds they lie beyond the year 5000.
    const MILLISECONDS: i64 = 100_000_000_000;
    let moment = match value {
        Value::Number(number) => match number.as_i64()? {
            number if number >= MILLISECONDS => Timestamp::from_millisecond(number).ok()?,
            number => Timestamp::from_second(number).ok()?,
        },
        Value::String(text) => {
            let text = text.trim();
            text.parse().ok().or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", text).ok())?
        }
        _ => return None,
    };
    (moment.as_second() > 0).then_some(moment)
}
