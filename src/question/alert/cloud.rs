//! Alerts as AWS and PagerDuty send them: alarms of CloudWatch, alone or in envelopes, and incidents.
//!
//! Sources of the shapes: AWS' documentation of alarm notifications over SNS, "Alarm events and EventBridge", Lambda
//! alarm actions, `DescribeAlarms`; PagerDuty's V3 webhooks, its V2 messages, its Events API v2.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::forms::{scalar, text, texts, time};
use super::read;
use super::{Alert, AlertError, AlertState, plain};

type Object = Map<String, Value>;
type Found = Option<Result<Vec<Alert>, AlertError>>;

/// The alerts of one object; `None` where it is none of these forms.
pub(super) fn of(object: &Object, depth: usize) -> Found {
    envelope(object, depth).or_else(|| cloudwatch(object)).or_else(|| pagerduty(object, depth))
}

/// What carries a message of somebody else: SNS, SQS, Lambda's records.
fn envelope(object: &Object, depth: usize) -> Found {
    if let (Some(Value::String(message)), true) =
        (object.get("Message"), object.contains_key("TopicArn") || object.contains_key("Type"))
    {
        return Some(match text(object, &["Type"]).as_deref() {
            Some("SubscriptionConfirmation" | "UnsubscribeConfirmation") => {
                Err(AlertError("it is SNS asking to confirm a subscription, no alert".to_owned()))
            }
            _ => match serde_json::from_str::<Value>(message) {
                Ok(value) if value.is_object() || value.is_array() => read::of(&value, depth + 1)
                    .map_err(|AlertError(why)| AlertError(format!("the message in the SNS envelope: {why}"))),
                _ => Ok(vec![plain_message(object, message)]),
            },
        });
    }
    if let Some(Value::Array(records)) = object.get("Records") {
        let mut all = Vec::new();
        for record in records {
            let found = match (record.get("Sns"), record.get("body").and_then(Value::as_str)) {
                (Some(Value::Object(sns)), _) => {
                    let mut sns = sns.clone();
                    sns.entry("Type").or_insert_with(|| "Notification".into());
                    read::of(&Value::Object(sns), depth + 1)
                }
                (_, Some(body)) => match serde_json::from_str::<Value>(body) {
                    Ok(value) => read::of(&value, depth + 1),
                    Err(error) => Err(AlertError(format!("the body of an SQS record is no JSON: {error}"))),
                },
                _ => Err(AlertError("a record holds neither an SNS message nor an SQS body".to_owned())),
            };
            match found {
                Ok(found) => all.extend(found),
                Err(error) => return Some(Err(error)),
            }
        }
        return Some(Ok(all));
    }
    None
}

/// An SNS message in words: its subject is its name.
fn plain_message(object: &Object, message: &str) -> Alert {
    let topic = text(object, &["TopicArn"]);
    let of_topic = || topic.as_deref().and_then(|topic| topic.rsplit(':').next()).map(str::to_owned);
    let name = text(object, &["Subject"]).or_else(of_topic).map(|name| plain(&name, 200));
    Alert {
        name: name.filter(|name| !name.is_empty()).unwrap_or_else(|| Alert::UNNAMED.to_owned()),
        labels: topic.clone().map(|topic| ("topic".to_owned(), topic)).into_iter().collect(),
        annotations: BTreeMap::from([("description".to_owned(), scalar(&Value::String(message.to_owned())))]),
        starts_at: time(object, &["Timestamp"]),
        fingerprint: text(object, &["MessageId"]),
        ..Alert::default()
    }
}

fn cloudwatch(object: &Object) -> Found {
    for list in ["MetricAlarms", "CompositeAlarms"] {
        if object.get(list).is_some_and(Value::is_array) {
            let each = ["MetricAlarms", "CompositeAlarms"]
                .iter()
                .filter_map(|list| object.get(*list)?.as_array())
                .flatten()
                .filter_map(Value::as_object)
                .map(|alarm| notified(alarm, alarm.get("Dimensions"), alarm));
            return Some(Ok(each.collect()));
        }
    }
    if object.contains_key("AlarmName")
        && (object.contains_key("NewStateValue") || object.contains_key("StateValue"))
    {
        let none = Object::new();
        let trigger = object.get("Trigger").and_then(Value::as_object).unwrap_or(&none);
        let dimensions = trigger.get("Dimensions").or_else(|| object.get("Dimensions"));
        let metric = if trigger.is_empty() { object } else { trigger };
        return Some(Ok(vec![notified(object, dimensions, metric)]));
    }
    for key in ["detail", "alarmData"] {
        if let Some(detail) =
            object.get(key).and_then(Value::as_object).filter(|it| it.contains_key("alarmName"))
        {
            return Some(Ok(vec![changed(object, detail)]));
        }
    }
    if let Some(kind) = object.get("detail-type").and_then(Value::as_str) {
        return Some(Err(AlertError(format!(
            "it is the EventBridge event `{}`, no alarm of CloudWatch",
            plain(kind, 60)
        ))));
    }
    None
}

/// An alarm as SNS brings it or `describe-alarms` lists it.
fn notified(alarm: &Object, dimensions: Option<&Value>, metric: &Object) -> Alert {
    let mut labels = dimension_labels(dimensions);
    put(&mut labels, "metric", text(metric, &["MetricName"]));
    put(&mut labels, "metric_namespace", text(metric, &["Namespace"]));
    put(&mut labels, "region", text(alarm, &["Region"]));
    put(&mut labels, "account", text(alarm, &["AWSAccountId"]));
    let mut annotations = BTreeMap::new();
    put(&mut annotations, "description", text(alarm, &["AlarmDescription"]));
    put(&mut annotations, "reason", text(alarm, &["NewStateReason", "StateReason"]));
    put(&mut annotations, "rule", text(alarm, &["AlarmRule"]));
    Alert {
        name: name_of(alarm, "AlarmName"),
        state: state(text(alarm, &["NewStateValue", "StateValue"]).as_deref()),
        starts_at: time(alarm, &["StateChangeTime", "StateTransitionedTimestamp", "StateUpdatedTimestamp"]),
        fingerprint: text(alarm, &["AlarmArn"]),
        rule_expression: condition(metric),
        labels,
        annotations,
        ..Alert::default()
    }
}

/// An alarm as EventBridge tells of it, or as it calls a Lambda function.
fn changed(event: &Object, detail: &Object) -> Alert {
    let none = Object::new();
    let part = |object: &Object, key: &str| object.get(key).and_then(Value::as_object).cloned();
    let configuration = part(detail, "configuration").unwrap_or_default();
    let state_now = part(detail, "state").unwrap_or_default();
    let metrics = configuration.get("metrics").and_then(Value::as_array).cloned().unwrap_or_default();
    let metric = metrics.iter().find_map(|metric| metric.pointer("/metricStat/metric")?.as_object());
    let metric = metric.unwrap_or(&none);
    let mut labels = dimension_labels(metric.get("dimensions"));
    put(&mut labels, "metric", text(metric, &["name"]));
    put(&mut labels, "metric_namespace", text(metric, &["namespace"]));
    put(&mut labels, "region", text(event, &["region"]));
    put(&mut labels, "account", text(event, &["account", "accountId"]));
    let mut annotations = BTreeMap::new();
    put(&mut annotations, "description", text(&configuration, &["description"]));
    put(&mut annotations, "reason", text(&state_now, &["reason"]));
    put(&mut annotations, "rule", text(&configuration, &["alarmRule"]));
    let arn = event.get("resources").and_then(|all| all.get(0)).and_then(Value::as_str).map(str::to_owned);
    Alert {
        name: name_of(detail, "alarmName"),
        state: state(text(&state_now, &["value"]).as_deref()),
        starts_at: time(&state_now, &["timestamp"]).or_else(|| time(event, &["time"])),
        fingerprint: arn.or_else(|| text(event, &["alarmArn"])),
        labels,
        annotations,
        ..Alert::default()
    }
}

/// Dimensions are a list of pairs (in either case) or a map.
fn dimension_labels(dimensions: Option<&Value>) -> BTreeMap<String, String> {
    match dimensions {
        Some(Value::Array(pairs)) => pairs
            .iter()
            .filter_map(Value::as_object)
            .filter_map(|pair| Some((text(pair, &["name", "Name"])?, text(pair, &["value", "Value"])?)))
            .collect(),
        map => texts(map),
    }
}

/// When the alarm goes off, in the words of its metric.
fn condition(metric: &Object) -> Option<String> {
    let name = text(metric, &["MetricName"])?;
    let operator = match text(metric, &["ComparisonOperator"])?.as_str() {
        "GreaterThanOrEqualToThreshold" => ">=".to_owned(),
        "GreaterThanThreshold" => ">".to_owned(),
        "LessThanThreshold" => "<".to_owned(),
        "LessThanOrEqualToThreshold" => "<=".to_owned(),
        other => other.to_owned(),
    };
    let statistic = text(metric, &["Statistic", "ExtendedStatistic"]).unwrap_or_else(|| "value".to_owned());
    let threshold = text(metric, &["Threshold"]).unwrap_or_else(|| "?".to_owned());
    let window = match (text(metric, &["EvaluationPeriods"]), text(metric, &["Period"])) {
        (Some(periods), Some(seconds)) => format!(" in {periods} periods of {seconds} s"),
        _ => String::new(),
    };
    Some(format!("{} of {name} {operator} {threshold}{window}", statistic.to_lowercase()))
}

/// `INSUFFICIENT_DATA` is what an alarm says whose subject is gone: worth looking into.
fn state(word: Option<&str>) -> AlertState {
    match word {
        Some("OK") => AlertState::Resolved,
        _ => AlertState::Firing,
    }
}

fn pagerduty(object: &Object, depth: usize) -> Found {
    if let Some(event) =
        object.get("event").and_then(Value::as_object).filter(|it| it.contains_key("event_type"))
    {
        let kind = text(event, &["event_type"]).unwrap_or_default();
        let incident = event.get("data").and_then(Value::as_object);
        // Notes and messages on an incident name it as their `incident`.
        let incident = incident.map(|data| data.get("incident").and_then(Value::as_object).unwrap_or(data));
        return Some(match incident.filter(|_| kind.starts_with("incident.")) {
            Some(incident) => Ok(vec![of_incident(incident, Some(event))]),
            None => Err(AlertError(format!("it is PagerDuty's `{}`, no incident", plain(&kind, 60)))),
        });
    }
    if let Some(Value::Array(messages)) = object.get("messages") {
        let incidents: Vec<&Object> =
            messages.iter().filter_map(|message| message.get("incident")?.as_object()).collect();
        return (!incidents.is_empty())
            .then(|| Ok(incidents.into_iter().map(|incident| of_incident(incident, None)).collect()));
    }
    if let Some(Value::Array(incidents)) = object.get("incidents") {
        let each = incidents.iter().filter_map(Value::as_object).map(|incident| of_incident(incident, None));
        return Some(Ok(each.collect()));
    }
    if let Some(incident) = object.get("incident").and_then(Value::as_object) {
        return Some(read::of(&Value::Object(incident.clone()), depth + 1));
    }
    if object.contains_key("routing_key") || object.contains_key("event_action") {
        return object
            .get("payload")
            .and_then(Value::as_object)
            .map(|payload| Ok(vec![of_event(object, payload)]));
    }
    let is_incident = object.contains_key("incident_key") || object.contains_key("incident_number");
    (is_incident && text(object, &["title", "summary", "trigger_summary_data"]).is_some())
        .then(|| Ok(vec![of_incident(object, None)]))
}

fn of_incident(incident: &Object, event: Option<&Object>) -> Alert {
    let summary = |key: &str| {
        let part = incident.get(key)?.as_object()?;
        text(part, &["summary", "name"])
    };
    let mut labels = BTreeMap::new();
    put(&mut labels, "service", summary("service"));
    put(&mut labels, "urgency", text(incident, &["urgency"]));
    put(&mut labels, "priority", summary("priority"));
    put(&mut labels, "escalation_policy", summary("escalation_policy"));
    put(&mut labels, "incident", text(incident, &["number", "incident_number"]));
    let mut annotations = BTreeMap::new();
    put(&mut annotations, "description", details(incident).or_else(|| text(incident, &["description"])));
    let name = text(incident, &["title", "summary", "description"]).map(|name| plain(&name, 200));
    Alert {
        name: name.filter(|name| !name.is_empty()).unwrap_or_else(|| Alert::UNNAMED.to_owned()),
        state: match text(incident, &["status"]).as_deref() {
            Some("resolved") => AlertState::Resolved,
            _ => AlertState::Firing,
        },
        starts_at: time(incident, &["created_at"])
            .or_else(|| event.and_then(|event| time(event, &["occurred_at"]))),
        ends_at: time(incident, &["resolved_at"]),
        fingerprint: text(incident, &["id", "incident_key"]),
        url: text(incident, &["html_url"]),
        labels,
        annotations,
        ..Alert::default()
    }
}

/// An event on its way to PagerDuty (Events API v2), as monitoring sends it. Its routing key is a secret and is left
/// where it is.
fn of_event(event: &Object, payload: &Object) -> Alert {
    let mut labels = BTreeMap::new();
    for key in ["severity", "source", "component", "group", "class"] {
        put(&mut labels, key, text(payload, &[key]));
    }
    let mut annotations = texts(payload.get("custom_details"));
    put(&mut annotations, "client_url", text(event, &["client_url"]));
    let name = text(payload, &["summary"]).map(|name| plain(&name, 200));
    Alert {
        name: name.filter(|name| !name.is_empty()).unwrap_or_else(|| Alert::UNNAMED.to_owned()),
        state: match text(event, &["event_action"]).as_deref() {
            Some("resolve") => AlertState::Resolved,
            _ => AlertState::Firing,
        },
        starts_at: time(payload, &["timestamp"]),
        fingerprint: text(event, &["dedup_key"]),
        labels,
        annotations,
        ..Alert::default()
    }
}

fn name_of(object: &Object, key: &str) -> String {
    text(object, &[key])
        .map(|name| plain(&name, 200))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| Alert::UNNAMED.to_owned())
}

fn put(map: &mut BTreeMap<String, String>, key: &str, value: Option<String>) {
    if let Some(value) = value {
        map.insert(key.to_owned(), value);
    }
}

/// An incident's own words: text, or whatever its source sent as JSON.
fn details(incident: &Object) -> Option<String> {
    let details = scalar(incident.get("body")?.get("details")?);
    Some(details).filter(|text| !text.is_empty() && text != "{}")
}
