//! What changed in a span of time, as far as the API server still knows: rollouts with what differs from the revision
//! before, edits, scaling, jobs, nodes, containers that ended.
//!
//! Facts with their time and object, oldest first; what of it matters is for others. Values of ConfigMaps are never
//! told, Secrets never read.

mod edits;
mod events;
mod rollouts;
mod template;

use jiff::Timestamp;
use serde_json::Value;

use super::{Object, Snapshot};

/// Kinds a snapshot must hold, as kubectl takes them.
pub const KINDS: &[&str] = &[
    "pods",
    "replicasets",
    "controllerrevisions",
    "deployments",
    "statefulsets",
    "daemonsets",
    "jobs",
    "cronjobs",
    "services",
    "ingresses",
    "networkpolicies",
    "configmaps",
    "persistentvolumeclaims",
    "horizontalpodautoscalers",
    "events",
    "nodes",
];
/// Characters of what a stranger wrote: a message, a value, a name of a manager.
const LONGEST: usize = 160;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    pub at: Timestamp,
    /// The object and what became of it: `deployment/shop/payments revision 3: image 1.8.3 → 1.9.0`.
    pub what: String,
}

/// What changed from `from` to `to`, oldest first, each once.
#[must_use]
pub fn changes(snapshot: &Snapshot, from: Timestamp, to: Timestamp) -> Vec<Change> {
    let mut found = Vec::new();
    rollouts::collect(snapshot, &mut found);
    edits::collect(snapshot, &mut found);
    events::collect(snapshot, &mut found);
    for object in snapshot.objects() {
        of_object(object, &mut found);
    }
    found.retain(|change| from <= change.at && change.at <= to);
    found.sort();
    found.dedup();
    found
}

/// What an object's status says of its own past.
fn of_object(object: &Object, found: &mut Vec<Change>) {
    let mut add = |at: Option<Timestamp>, what: String| {
        found.extend(at.map(|at| Change { at, what: format!("{} {what}", object.reference()) }));
    };
    add(object.time("/metadata/deletionTimestamp"), "is being deleted".to_owned());
    match object.kind() {
        "Job" => {
            add(object.time("/status/startTime"), "started".to_owned());
            add(object.time("/status/completionTime"), "completed".to_owned());
            if let Some(failed) = object.condition("Failed").filter(|one| text(one, "/status") == "True") {
                add(time(failed, "/lastTransitionTime"), format!("failed: {}", said(failed)));
            }
        }
        "Node" => {
            let created = object.created();
            for condition in object.list("/status/conditions") {
                let at = time(condition, "/lastTransitionTime");
                // What began with the node is told by the node's own beginning.
                let began =
                    at.zip(created).is_some_and(|(at, created)| at.as_second() - created.as_second() < 60);
                if !began {
                    let (name, status) = (text(condition, "/type"), text(condition, "/status"));
                    add(
                        at,
                        format!("condition {} became {}: {}", clean(name), clean(status), said(condition)),
                    );
                }
            }
            for taint in object.list("/spec/taints") {
                let words =
                    format!("tainted {}:{}", clean(text(taint, "/key")), clean(text(taint, "/effect")));
                add(time(taint, "/timeAdded"), words);
            }
        }
        "Pod" => {
            let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
            for container in lists.iter().flat_map(|path| object.list(path)) {
                for ended in
                    ["/state/terminated", "/lastState/terminated"].map(|path| container.pointer(path))
                {
                    let Some(ended) = ended.filter(|ended| ended.is_object()) else { continue };
                    let words = format!(
                        "container {} ended with exit {} {}, {} restarts",
                        clean(text(container, "/name")),
                        ended.get("exitCode").and_then(Value::as_i64).unwrap_or_default(),
                        clean(text(ended, "/reason")),
                        container.get("restartCount").and_then(Value::as_i64).unwrap_or_default(),
                    );
                    add(time(ended, "/finishedAt"), words);
                }
            }
        }
        "HorizontalPodAutoscaler" => {
            let wanted = object.number("/status/desiredReplicas").unwrap_or_default();
            add(object.time("/status/lastScaleTime"), format!("scaled to {wanted} replicas"));
        }
        _ => {}
    }
}

fn said(condition: &Value) -> String {
    let (reason, message) = (clean(text(condition, "/reason")), clean(text(condition, "/message")));
    if message.is_empty() { reason } else { format!("{reason} {message}") }
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

fn time(value: &Value, path: &str) -> Option<Timestamp> {
    text(value, path).parse().ok()
}

/// On one line, without control characters, cut.
fn clean(text: &str) -> String {
    let mut clean = String::new();
    let mut words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    for word in &mut words {
        if clean.chars().count() + word.chars().count() > LONGEST {
            let left = LONGEST.saturating_sub(clean.chars().count());
            clean.push(' ');
            clean.extend(word.chars().take(left));
            return format!("{}…", clean.trim());
        }
        if !clean.is_empty() {
            clean.push(' ');
        }
        clean.push_str(word);
    }
    clean
}

#[cfg(test)]
mod tests;
