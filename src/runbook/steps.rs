//! Calls that a runbook names, with what is known of an alert or an object filled in.
//!
//! Plain substitution in the values of arguments: no language, nothing that could run. A value stays data: it is never
//! part of a shell's text, and where an argument is a query around it, only words fit in.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::config::yaml::{Node, Warning, YamlError, nearest};

use super::read::{line_of, texts};
use super::{Query, Runbook, Step};

/// What an investigation may know of its subject.
pub const VARIABLES: &[&str] = &[
    "namespace",
    "pod",
    "container",
    "deployment",
    "statefulset",
    "daemonset",
    "job",
    "node",
    "service",
    "ingress",
    "pvc",
    "name",
    "kind",
    "alert",
    "instance",
];

/// Labels that widespread alerts carry, and that steps may use besides [`VARIABLES`].
pub const LABELS: &[&str] = &[
    "alertname",
    "severity",
    "cluster",
    "host",
    "hostname",
    "reason",
    "condition",
    "status",
    "phase",
    "resource",
    "resourcequota",
    "horizontalpodautoscaler",
    "hpa",
    "persistentvolumeclaim",
    "persistentvolume",
    "replicaset",
    "cronjob",
    "job_name",
    "poddisruptionbudget",
    "workload",
    "workload_type",
    "owner_kind",
    "owner_name",
    "device",
    "mountpoint",
    "fstype",
    "datname",
    "server",
    "database",
    "queue",
    "vhost",
    "topic",
    "consumergroup",
    "group",
    "partition",
    "broker",
    "code",
    "method",
    "handler",
    "route",
    "path",
    "url",
    "target",
    "domain",
    "issuer",
    "secret",
    "endpoint",
    "exported_namespace",
    "exported_pod",
    "exported_container",
    "exported_service",
    "dbinstance_identifier",
    "app",
    "component",
    "image",
    "region",
    "account",
    "model",
    "volumename",
];

/// Steps that are read of one runbook.
const MOST_STEPS: usize = 20;
/// Characters of a value that are taken; names of Kubernetes have 253 at most.
const LONGEST_VALUE: usize = 1000;

/// Reads `steps`; a wrong one is a warning.
pub(super) fn steps(node: &Node, warnings: &mut Vec<Warning>) -> Result<Vec<Step>, YamlError> {
    if node.is_null() {
        return Ok(Vec::new());
    }
    let items = node.items().map_err(|error| error.about("steps"))?;
    if items.len() > MOST_STEPS {
        warnings
            .push(node.warning(format!("`steps` has {} entries, the first {MOST_STEPS} count", items.len())));
    }
    let mut found = Vec::new();
    for item in items.iter().take(MOST_STEPS) {
        match step(item, warnings) {
            Ok(step) => found.push(step),
            Err(error) => warnings.push(line_of(error)),
        }
    }
    Ok(found)
}

fn step(node: &Node, warnings: &mut Vec<Warning>) -> Result<Step, YamlError> {
    let keys = ["tool", "arguments", "when"];
    for entry in node.entries().map_err(|error| error.about("steps"))? {
        if !keys.contains(&entry.key.as_str()) {
            warnings.push(entry.warning(match nearest(&entry.key, &keys) {
                Some(near) => format!("unknown key `{}`, did you mean `{near}`?", entry.key),
                None => format!("unknown key `{}`; there are `tool`, `arguments`, `when`", entry.key),
            }));
        }
    }
    let tool = match node.get("tool") {
        Some(tool) => tool.as_str().map_err(|error| error.about("tool"))?.trim().to_owned(),
        None => String::new(),
    };
    if tool.is_empty() {
        return Err(node.error("a step needs `tool`, the name of a tool; it is left out"));
    }
    let mut arguments = Map::new();
    if let Some(given) = node.get("arguments") {
        for entry in given.entries().map_err(|error| error.about("arguments"))? {
            arguments.insert(entry.key.clone(), entry.value.to_json());
        }
    }
    let when = node.get("when").map_or(Ok(Vec::new()), |when| texts(when, "when", warnings))?;
    let step = Step { tool, arguments, when, place: node.place() };
    let used = variables_of(&step).map_err(|inner| {
        node.error(format!("`{{{{ {inner} }}}}` is no name of a variable; the step is left out"))
    })?;
    for name in used.iter().chain(&step.when) {
        if !VARIABLES.contains(&name.as_str())
            && !LABELS.contains(&name.as_str())
            && let Some(near) = nearest(name, VARIABLES)
        {
            warnings.push(node.warning(format!(
                "`{name}` is no known variable, did you mean `{near}`? It is filled only by a label of that name"
            )));
        }
    }
    Ok(step)
}

/// Every variable that the arguments of a step use, in their order.
///
/// # Errors
/// With what stands between `{{` and `}}` where that is no name.
pub fn variables_of(step: &Step) -> Result<Vec<String>, String> {
    fn walk(value: &Value, found: &mut Vec<String>) -> Result<(), String> {
        match value {
            Value::String(text) => {
                for piece in pieces(text)? {
                    if let Piece::Variable(name) = piece
                        && !found.iter().any(|known| known == name)
                    {
                        found.push(name.to_owned());
                    }
                }
            }
            Value::Array(items) => items.iter().try_for_each(|item| walk(item, found))?,
            Value::Object(map) => map.values().try_for_each(|item| walk(item, found))?,
            _ => {}
        }
        Ok(())
    }
    let mut found = Vec::new();
    step.arguments.values().try_for_each(|value| walk(value, &mut found))?;
    Ok(found)
}

/// The calls of a runbook whose variables are known, in its order: tool and arguments.
pub fn steps_for(
    runbook: &Runbook,
    variables: &BTreeMap<String, String>,
) -> Vec<(String, Map<String, Value>)> {
    let known = |name: &String| variables.get(name).is_some_and(|value| !value.trim().is_empty());
    let filled = |step: &Step| {
        let mut arguments = Map::new();
        for (name, value) in &step.arguments {
            arguments.insert(name.clone(), fill(value, variables)?);
        }
        Some((step.tool.clone(), arguments))
    };
    runbook.steps.iter().filter(|step| step.when.iter().all(known)).filter_map(filled).collect()
}

/// What an alert tells by itself: its labels, and the same under the names that steps use.
pub fn variables(query: &Query) -> BTreeMap<String, String> {
    let mut known: BTreeMap<String, String> =
        query.labels.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    // Prometheus' own `job` is what scraped the metric; the Kubernetes job is `job_name`.
    known.remove("job");
    for (label, variable) in [
        ("job_name", "job"),
        ("persistentvolumeclaim", "pvc"),
        ("horizontalpodautoscaler", "hpa"),
        ("exported_namespace", "namespace"),
        ("exported_pod", "pod"),
    ] {
        if let Some(value) = query.labels.get(label) {
            known.insert(variable.to_owned(), value.clone());
        }
    }
    if let Some(alert) = &query.alert {
        known.insert("alert".to_owned(), alert.clone());
    }
    let subject =
        ["pod", "deployment", "statefulset", "daemonset", "job", "pvc", "ingress", "service", "node"];
    for kind in subject {
        if let Some(name) = known.get(kind).cloned() {
            known.entry("kind".to_owned()).or_insert_with(|| kind.to_owned());
            known.entry("name".to_owned()).or_insert(name);
            break;
        }
    }
    known
}

enum Piece<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// A text cut at its variables; `Err` with what is between braces and no name.
fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inner, tail)) = after.split_once("}}") else { break };
        let name = inner.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(name.chars().take(60).collect());
        }
        found.push(Piece::Text(before));
        found.push(Piece::Variable(name));
        rest = tail;
    }
    found.push(Piece::Text(rest));
    Ok(found)
}

/// `None` where a variable is unknown, or its value cannot stand where it is wanted.
fn fill(value: &Value, variables: &BTreeMap<String, String>) -> Option<Value> {
    Some(match value {
        Value::String(text) => {
            let pieces = pieces(text).ok()?;
            let alone =
                pieces.iter().filter(|piece| !matches!(piece, Piece::Text(text) if text.is_empty())).count()
                    == 1;
            let mut filled = String::new();
            for piece in pieces {
                match piece {
                    Piece::Text(text) => filled.push_str(text),
                    Piece::Variable(name) => {
                        let value = variables.get(name).map(|value| value.trim())?;
                        let short = !value.is_empty() && value.chars().count() <= LONGEST_VALUE;
                        let fits = |c: char| {
                            if alone { !c.is_control() } else { c.is_alphanumeric() || "-_.:/@+".contains(c) }
                        };
                        // At the beginning of an argument it would be an option.
                        let option = filled.is_empty() && value.starts_with('-');
                        if !short || option || !value.chars().all(fits) {
                            return None;
                        }
                        filled.push_str(value);
                    }
                }
            }
            Value::String(filled)
        }
        Value::Array(items) => {
            Value::Array(items.iter().map(|item| fill(item, variables)).collect::<Option<_>>()?)
        }
        Value::Object(map) => {
            let pairs = map.iter().map(|(name, value)| Some((name.clone(), fill(value, variables)?)));
            Value::Object(pairs.collect::<Option<_>>()?)
        }
        other => other.clone(),
    })
}
