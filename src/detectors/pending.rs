//! Pods that no node takes, with the scheduler's own reasons told apart.

use serde_json::Value;

use super::Severity;
use super::fold::Draft;
use super::pods::draft;
use super::view::{HOUR, View, YOUNG, reference};
use super::words::{clip, condition, facts, lasting, text};
use crate::cluster::Object;

/// Seconds after which a pod that no scheduler has spoken of is told.
const UNSEEN: i64 = 300;

/// References of the claims a pod uses.
pub(super) fn claims(pod: &Object) -> Vec<String> {
    let names = pod
        .list("/spec/volumes")
        .iter()
        .filter_map(|volume| volume.pointer("/persistentVolumeClaim/claimName").and_then(Value::as_str));
    names.map(|name| reference("persistentvolumeclaim", pod.namespace(), name)).collect()
}

pub(super) fn unscheduled(view: &View<'_>, pod: &Object) -> Option<Draft> {
    if !pod.text("/spec/nodeName").is_empty() || pod.text("/status/phase") != "Pending" {
        return None;
    }
    let Some(told) = condition(pod, "PodScheduled", "False") else { return unseen(view, pod) };
    if view.within(told.since, YOUNG) {
        return None;
    }
    if told.reason == "SchedulingGated" {
        let evidence = facts(pod, &["/spec/schedulingGates"]);
        let what = format!("is held by a scheduling gate{}", lasting(view, told.since));
        let old = !view.within(told.since, HOUR);
        return old.then(|| draft(view, pod, "pending", Severity::Note, "gate", what, evidence));
    }
    let reasons = split(&told.message);
    let has = |words: &[&str]| reasons.iter().any(|reason| words.iter().any(|word| reason.contains(word)));
    let mut paths = vec!["/status/conditions/0/message".to_owned()];
    if let Some(at) =
        pod.list("/status/conditions").iter().position(|one| text(one, "type") == "PodScheduled")
    {
        paths = vec![format!("/status/conditions/{at}/reason"), format!("/status/conditions/{at}/message")];
    }
    if has(&["Insufficient"]) {
        for (at, _) in pod.list("/spec/containers").iter().enumerate().take(3) {
            paths.push(format!("/spec/containers/{at}/resources/requests"));
        }
    }
    if has(&["affinity", "selector"]) {
        paths.extend(["/spec/nodeSelector".to_owned(), "/spec/affinity".to_owned()]);
    }
    if has(&["taint"]) {
        paths.push("/spec/tolerations".to_owned());
    }
    let evidence = facts(pod, &paths.iter().map(String::as_str).collect::<Vec<_>>());
    let told_apart: Vec<String> = reasons.iter().map(|reason| explained(reason)).collect();
    let mut why = if told_apart.is_empty() { clip(&told.message) } else { told_apart.join("; ") };
    if has(&["affinity", "selector"])
        && let Some(label) = label_of_no_node(view, pod)
    {
        why = format!("{why} (no node has the label {label})");
    }
    let what = format!("no node takes it{}: {why}", lasting(view, told.since));
    let class = reasons.iter().map(|reason| kind_of(reason)).collect::<Vec<_>>().join(",");
    let after =
        if has(&["PersistentVolumeClaim", "persistentvolumeclaim"]) { claims(pod) } else { Vec::new() };
    Some(
        draft(view, pod, "pending", Severity::Critical, &class, what, evidence)
            .since(told.since)
            .after(after)
            .short("pending"),
    )
}

/// Nobody has looked at it: no such scheduler, or none that runs.
fn unseen(view: &View<'_>, pod: &Object) -> Option<Draft> {
    if !pod.list("/status/conditions").is_empty() || view.age(pod.created()).is_none_or(|age| age <= UNSEEN) {
        return None;
    }
    let what = format!(
        "has waited for a node{}, and no scheduler has spoken of it (it asks for {})",
        lasting(view, pod.created()),
        match pod.text("/spec/schedulerName") {
            "" => "the default one".to_owned(),
            name => clip(name),
        }
    );
    let evidence = facts(pod, &["/status/phase", "/spec/schedulerName", "/metadata/creationTimestamp"]);
    Some(draft(view, pod, "pending", Severity::Critical, "unseen", what, evidence).since(pod.created()))
}

/// The reasons of `0/5 nodes are available: 1 Insufficient cpu, 4 node(s) had taint {a: b}, that the pod didn't tolerate.`
fn split(message: &str) -> Vec<String> {
    let Some((_, reasons)) = message.split_once("nodes are available: ") else { return Vec::new() };
    let reasons = reasons.split(" preemption:").next().unwrap_or_default();
    let mut found: Vec<String> = Vec::new();
    for part in reasons.trim().trim_end_matches('.').split(", ") {
        match found.last_mut() {
            Some(last) if !part.starts_with(|c: char| c.is_ascii_digit()) => {
                last.push_str(", ");
                last.push_str(part);
            }
            _ => found.push(part.to_owned()),
        }
    }
    found
}

/// The reason without its number of nodes, for what is alike.
fn kind_of(reason: &str) -> &str {
    reason.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ')
}

fn explained(reason: &str) -> String {
    let number = reason.split(' ').next().unwrap_or_default();
    let nodes = if number == "1" { "1 node".to_owned() } else { format!("{number} nodes") };
    let kind = kind_of(reason);
    let Some(what) = kind.strip_prefix("Insufficient ") else { return clip(reason) };
    format!("too little free {} on {nodes}", clip(what))
}

/// A label its selector asks for that no node has.
fn label_of_no_node(view: &View<'_>, pod: &Object) -> Option<String> {
    let nodes = view.of("node");
    let wanted = pod.at("/spec/nodeSelector").as_object()?;
    let (name, value) = wanted.iter().find(|(name, value)| {
        !nodes.is_empty() && nodes.iter().all(|node| node.label(name) != value.as_str())
    })?;
    Some(clip(&format!("{name}={}", value.as_str().unwrap_or_default())))
}
