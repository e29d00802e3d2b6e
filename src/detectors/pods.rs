//! What is wrong with a pod as a whole: one fault each, the first cause of those that show.

use serde_json::Value;

use super::containers;
use super::fold::Draft;
use super::pending;
use super::view::{DAY, HOUR, View, YOUNG, reference};
use super::words::{clip, condition, condition_facts, facts, lasting, said, span, text};
use super::{Severity, exits};
use crate::cluster::Object;

/// Seconds a container may take to be made.
const MAKING: i64 = 120;
/// Seconds behind which a pod that is not ready is told; probes may ask for more.
const READYING: i64 = 60;
/// Reasons of a failed pod that a drained or restarted node leaves behind.
const NODE_WENT: [&str; 4] = ["Shutdown", "NodeShutdown", "Terminated", "NodeLost"];

pub(super) fn detect(view: &View<'_>, drafts: &mut Vec<Draft>) {
    for pod in view.of("pod") {
        drafts.extend(judge(view, pod));
    }
}

/// A fault of one pod, in words that are the same for all pods with it.
pub(super) fn draft(
    view: &View<'_>,
    pod: &Object,
    detector: &'static str,
    severity: Severity,
    class: &str,
    what: String,
    evidence: Vec<(String, String)>,
) -> Draft {
    let draft = Draft::new(detector, pod.reference(), severity, what, evidence);
    let top = view.top(pod);
    if top == pod.reference() { draft } else { draft.alike(format!("{detector} {class} {top}")) }
}

fn judge(view: &View<'_>, pod: &Object) -> Option<Draft> {
    if pod.text("/status/phase") == "Succeeded" {
        return None;
    }
    if !pod.text("/metadata/deletionTimestamp").is_empty() {
        return terminating(view, pod);
    }
    if pod.text("/status/phase") == "Failed" {
        return failed(view, pod);
    }
    if let Some(lost) = lost(view, pod) {
        return Some(lost);
    }
    pending::unscheduled(view, pod)
        .or_else(|| containers::judge(view, pod))
        .or_else(|| being_made(view, pod))
        .or_else(|| not_ready(view, pod))
}

fn terminating(view: &View<'_>, pod: &Object) -> Option<Draft> {
    // The time of deletion has the pod's grace in it already.
    let since = pod.time("/metadata/deletionTimestamp");
    let late = view.age(since).filter(|late| *late > YOUNG)?;
    let held: Vec<&str> = pod.list("/metadata/finalizers").iter().filter_map(Value::as_str).collect();
    let why = if held.is_empty() {
        "its node has not confirmed that it ended".to_owned()
    } else {
        format!("it is held by the finalizer {}", clip(&held.join(", ")))
    };
    let what = format!("should have ended {} ago and is still there: {why}", span(late));
    let evidence = facts(pod, &["/metadata/deletionTimestamp", "/metadata/finalizers", "/spec/nodeName"]);
    let class = if held.is_empty() { "" } else { "held" };
    Some(
        draft(view, pod, "terminating", Severity::Warning, class, what, evidence)
            .since(since)
            .after(if held.is_empty() { node(view, pod) } else { None })
            .short("still terminating"),
    )
}

fn failed(view: &View<'_>, pod: &Object) -> Option<Draft> {
    let reason = pod.text("/status/reason");
    let ended = containers::last_end(pod).or_else(|| pod.time("/status/startTime")).or(pod.created());
    let owner = pod.owner().map(|(kind, _)| kind);
    // A Job's pods are told with the Job; a node that went takes pods with it, which are replaced.
    if owner == Some("Job") || !view.within(ended, DAY) || NODE_WENT.contains(&reason) {
        return None;
    }
    let message = pod.text("/status/message");
    let mut evidence = facts(pod, &["/status/reason", "/status/message", "/spec/nodeName"]);
    if !reason.is_empty() {
        let verb = if reason == "Evicted" { "was evicted" } else { "was refused by its node" };
        let why = if message.is_empty() { reason } else { message };
        return Some(
            draft(
                view,
                pod,
                "evicted",
                Severity::Warning,
                reason,
                format!("{verb}: {}", said(why)),
                evidence,
            )
            .since(ended)
            .after(if reason == "Evicted" { node(view, pod) } else { None })
            .short("evicted"),
        );
    }
    // What replaced it is judged for itself.
    if owner.is_some() && !view.within(ended, HOUR) {
        return None;
    }
    let (at, status) = pod.list("/status/containerStatuses").iter().enumerate().find(|(_, status)| {
        status.pointer("/state/terminated/exitCode").and_then(Value::as_i64) != Some(0)
    })?;
    let code = status.pointer("/state/terminated/exitCode")?.as_i64()?;
    let why = status.pointer("/state/terminated/reason").and_then(Value::as_str).unwrap_or_default();
    let path = format!("/status/containerStatuses/{at}/state/terminated");
    evidence.extend(facts(pod, &[&format!("{path}/reason"), &format!("{path}/exitCode")]));
    let what = format!(
        "failed: container {} ended with exit code {code} ({})",
        clip(text(status, "name")),
        exits::meaning(code, why)
    );
    Some(draft(view, pod, "exit", Severity::Warning, "failed", what, evidence).since(ended))
}

/// Pods of a node that is silent: they are an effect of it, and nothing is known of them.
fn lost(view: &View<'_>, pod: &Object) -> Option<Draft> {
    let name = pod.text("/spec/nodeName");
    let node = view.get("node", "", name)?;
    let silent = condition(node, "Ready", "Unknown")?;
    Some(
        Draft::new(
            "node",
            pod.reference(),
            Severity::Warning,
            format!("runs on {}, which is silent", clip(name)),
            facts(pod, &["/spec/nodeName"]),
        )
        .alike(format!("lost {name}"))
        .since(silent.since)
        .after([reference("node", "", name)])
        .short("on it")
        .only_as_effect(),
    )
}

/// Its node, where that is in trouble: one that is only cordoned explains nothing.
fn node(view: &View<'_>, pod: &Object) -> Option<String> {
    let node = view.get("node", "", pod.text("/spec/nodeName"))?;
    let down = ["False", "Unknown"].iter().any(|status| condition(node, "Ready", status).is_some());
    let pressed = ["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];
    let pressed = pressed.iter().any(|name| condition(node, name, "True").is_some());
    (down || pressed).then(|| node.reference())
}

/// Scheduled, but its containers are not made: volumes, network, sandbox.
fn being_made(view: &View<'_>, pod: &Object) -> Option<Draft> {
    let making = |status: &Value| {
        let reason = status.pointer("/state/waiting/reason").and_then(Value::as_str);
        matches!(reason, Some("ContainerCreating" | "PodInitializing"))
    };
    if pod.text("/status/phase") != "Pending" || pod.text("/spec/nodeName").is_empty() {
        return None;
    }
    let since = pod.time("/status/startTime").or(pod.created());
    if view.within(since, MAKING) {
        return None;
    }
    let told =
        ["FailedMount", "FailedAttachVolume", "FailedMapVolume", "FailedCreatePodSandBox", "NetworkNotReady"];
    // Of the events the one that names a thing says more than one that only timed out.
    let named =
        |one: &super::view::Event<'_>| told.contains(&one.reason) && !one.message.contains("timed out");
    let event = view.recent(pod, named).or_else(|| view.recent(pod, |one| told.contains(&one.reason)));
    let statuses = pod.list("/status/containerStatuses");
    let init = pod.list("/status/initContainerStatuses");
    let (at, _) = statuses.iter().enumerate().find(|(_, status)| making(status)).or_else(|| {
        // The kubelet has not said anything about it yet.
        statuses.is_empty().then_some((0, &Value::Null))
    })?;
    let Some(event) = event else {
        // An init container that runs is told on its own.
        let quiet = init.iter().any(|one| one.pointer("/state/running").is_some());
        let what =
            format!("its containers have not been made{}, and no event says why", lasting(view, since));
        let evidence =
            facts(pod, &[&format!("/status/containerStatuses/{at}/state/waiting/reason"), "/spec/nodeName"]);
        let draft = draft(view, pod, "creating", Severity::Warning, "silent", what, evidence);
        return (!quiet).then(|| draft.since(since).after(node(view, pod)));
    };
    let (class, what) = match event.reason {
        "FailedMount" | "FailedMapVolume" => ("mount", "a volume cannot be mounted"),
        "FailedAttachVolume" => ("attach", "a volume cannot be attached to its node"),
        _ => ("sandbox", "its sandbox or network cannot be set up"),
    };
    let mut evidence =
        facts(pod, &[&format!("/status/containerStatuses/{at}/state/waiting/reason"), "/spec/nodeName"]);
    evidence.insert(0, event.fact());
    let what = format!("is stuck before its containers start: {what}: {}", said(event.message));
    Some(
        draft(view, pod, class, Severity::Critical, event.reason, what, evidence)
            .since(since)
            .after(pending::claims(pod))
            .short("cannot start"),
    )
}

fn not_ready(view: &View<'_>, pod: &Object) -> Option<Draft> {
    let ready = condition(pod, "Ready", "False")?;
    if ready.reason == "PodCompleted" || pod.text("/status/phase") != "Running" {
        return None;
    }
    let statuses = pod.list("/status/containerStatuses");
    let unready = |status: &&Value| status.get("ready").and_then(Value::as_bool) == Some(false);
    let Some(status) = statuses.iter().find(unready) else {
        return gate(view, pod, &ready.message, ready.since);
    };
    let name = text(status, "name");
    let started = status.pointer("/state/running/startedAt").and_then(Value::as_str)?.parse().ok();
    let containers = pod.list("/spec/containers");
    let spec = containers.iter().find(|one| text(one, "name") == name);
    let waits = |probe: &str| {
        let probe = spec.and_then(|spec| spec.get(probe));
        let number = |field: &str, default: i64| {
            probe.and_then(|probe| probe.get(field)).and_then(Value::as_i64).unwrap_or(default)
        };
        probe.map_or(0, |_| {
            let periods = number("periodSeconds", 10).saturating_mul(number("failureThreshold", 3));
            number("initialDelaySeconds", 0).saturating_add(periods)
        })
    };
    let patience = READYING.max(waits("startupProbe").saturating_add(waits("readinessProbe")));
    let since = ready.since.max(started);
    if view.within(since, patience) {
        return None;
    }
    let part = format!("{{{name}}}");
    let probe = view.recent(pod, |event| {
        event.reason == "Unhealthy"
            && event.part.ends_with(&part)
            && (event.message.starts_with("Readiness") || event.message.starts_with("Startup"))
    });
    let mut evidence = condition_facts(pod, "Ready");
    let at = containers.iter().position(|one| text(one, "name") == name).unwrap_or_default();
    let kind =
        if probe.is_some_and(|event| event.message.starts_with("Startup")) { "startup" } else { "readiness" };
    evidence.extend(facts(pod, &[&format!("/spec/containers/{at}/{kind}Probe")]));
    let what = match probe {
        Some(event) => {
            evidence.insert(0, event.fact());
            let message = event.message.split_once(" failed: ").map_or(event.message, |(_, why)| why);
            let times = if event.count > 1 { format!(" ({} times)", event.count) } else { String::new() };
            format!(
                "container {} runs but has not been ready{}: its {kind} probe fails{times}: {}",
                clip(name),
                lasting(view, since),
                said(message)
            )
        }
        None => format!("container {} runs but has not been ready{}", clip(name), lasting(view, since)),
    };
    Some(
        draft(view, pod, "not-ready", Severity::Warning, name, what, evidence)
            .since(since)
            .after(node(view, pod))
            .short("not ready"),
    )
}

/// All containers are ready and the pod is not: a readiness gate of somebody else, or its node.
fn gate(view: &View<'_>, pod: &Object, message: &str, since: Option<jiff::Timestamp>) -> Option<Draft> {
    let waits = pod.list("/spec/readinessGates").iter().find_map(|gate| {
        let name = text(gate, "conditionType");
        condition(pod, name, "True").is_none().then_some(name)
    })?;
    if view.within(since, READYING) {
        return None;
    }
    let what = format!("is not ready{}: its readiness gate {} is not met", lasting(view, since), clip(waits));
    let mut evidence = facts(pod, &["/spec/readinessGates"]);
    if !message.is_empty() {
        evidence.extend(condition_facts(pod, "Ready"));
    }
    Some(draft(view, pod, "not-ready", Severity::Warning, waits, what, evidence).since(since))
}
