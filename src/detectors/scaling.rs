//! What bounds the number of pods: autoscalers that cannot work, budgets that let nothing go, quotas that are used up.

use serde_json::Value;

use super::Severity;
use super::fold::Draft;
use super::view::{View, is_ready, reference};
use super::words::{clip, fact, facts, lasting, quantity, said, text};
use crate::cluster::Object;

/// Seconds metrics may take to be there.
const WARMING: i64 = 300;
/// How far above its target a metric is for an autoscaler at its maximum to be told.
const ABOVE: f64 = 1.1;

pub(super) fn detect(view: &View<'_>, drafts: &mut Vec<Draft>) {
    for one in view.of("horizontalpodautoscaler") {
        drafts.extend(autoscaler(view, one));
    }
    for one in view.of("poddisruptionbudget") {
        drafts.extend(budget(view, one));
    }
    for one in view.of("resourcequota") {
        drafts.extend(quota(one));
    }
}

/// Its conditions; `autoscaling/v1` hides them in an annotation.
fn conditions(one: &Object) -> (Vec<Value>, &'static str) {
    let hidden = one.annotation("autoscaling.alpha.kubernetes.io/conditions");
    match hidden.and_then(|text| serde_json::from_str(text).ok()) {
        Some(Value::Array(list)) => (list, "annotation autoscaling.alpha.kubernetes.io/conditions"),
        _ => (one.list("/status/conditions").to_vec(), "status.conditions"),
    }
}

fn autoscaler(view: &View<'_>, one: &Object) -> Option<Draft> {
    if view.within(one.created(), WARMING) {
        return None;
    }
    let (kind, name) = (one.text("/spec/scaleTargetRef/kind"), one.text("/spec/scaleTargetRef/name"));
    let target = reference(kind, one.namespace(), name);
    let target_facts = || facts(one, &["/spec/scaleTargetRef/kind", "/spec/scaleTargetRef/name"]);
    let plural = match kind {
        "Deployment" => Some("deployments"),
        "StatefulSet" => Some("statefulsets"),
        "ReplicaSet" => Some("replicasets"),
        _ => None,
    };
    let workload = view.get(kind, one.namespace(), name);
    if workload.is_none() && plural.is_some_and(|plural| view.listed(plural)) {
        let what = format!("scales {target}, which does not exist");
        return Some(Draft::new("hpa", one.reference(), Severity::Warning, what, target_facts()));
    }
    let (conditions, path) = conditions(one);
    let find = |kind: &str, status: &str| {
        conditions.iter().position(|one| text(one, "type") == kind && text(one, "status") == status)
    };
    for (kind, words) in [("ScalingActive", "cannot read its metrics"), ("AbleToScale", "cannot scale")] {
        let Some((at, found)) = find(kind, "False").and_then(|at| Some((at, conditions.get(at)?))) else {
            continue;
        };
        let (reason, message) = (text(found, "reason"), text(found, "message"));
        let since = text(found, "lastTransitionTime").parse().ok();
        // Scaled to zero by hand, or waiting on purpose.
        if matches!(reason, "ScalingDisabled" | "BackoffBoth" | "BackoffDownscale" | "BackoffUpscale")
            || view.within(since, WARMING)
        {
            continue;
        }
        let words =
            if reason == "InvalidSelector" || reason.contains("Scale") { "cannot scale" } else { words };
        let what = format!("{words}{} ({}): {}", lasting(view, since), clip(reason), said(message));
        let mut evidence = vec![
            (format!("{path}[{at}].type"), clip(kind)),
            (format!("{path}[{at}].reason"), clip(reason)),
            (format!("{path}[{at}].message"), clip(message)),
        ];
        evidence.extend(target_facts());
        let draft = Draft::new("hpa", one.reference(), Severity::Warning, what, evidence).since(since);
        // Pods that do not run have no metrics; a metrics server that is away is another matter.
        let pods = workload.map(|workload| view.pods_below(workload)).unwrap_or_default();
        let running = pods.iter().any(|pod| is_ready(pod));
        let after = if running { Vec::new() } else { pods.iter().map(|pod| pod.reference()).collect() };
        return Some(draft.after(after).short("cannot scale"));
    }
    at_maximum(one, &find, &conditions, path)
}

fn at_maximum(
    one: &Object,
    find: &dyn Fn(&str, &str) -> Option<usize>,
    conditions: &[Value],
    path: &str,
) -> Option<Draft> {
    let most = one.number("/spec/maxReplicas")?;
    let limited = find("ScalingLimited", "True")?;
    let too_many = conditions.get(limited).is_some_and(|found| text(found, "reason") == "TooManyReplicas");
    let now = one.number("/status/currentReplicas").unwrap_or(0);
    let fixed = one.number("/spec/minReplicas") == Some(most);
    let (name, load, goal, at) = load(one)?;
    if !too_many || now < most || fixed || load < goal * ABOVE {
        return None;
    }
    let what =
        format!("is at its maximum of {most} replicas, and {name} is at {load} % of a target of {goal} %");
    let mut evidence = facts(one, &["/status/currentReplicas", "/spec/maxReplicas", &at]);
    evidence.push((format!("{path}[{limited}].reason"), "TooManyReplicas".to_owned()));
    Some(Draft::new("hpa", one.reference(), Severity::Warning, what, evidence))
}

/// The resource furthest above its target: name, use and target in per cent, and where the use stands.
fn load(one: &Object) -> Option<(String, f64, f64, String)> {
    let percent = |path: &str| one.at(path).as_f64();
    if let (Some(load), Some(goal)) =
        (percent("/status/currentCPUUtilizationPercentage"), percent("/spec/targetCPUUtilizationPercentage"))
    {
        return Some(("cpu".to_owned(), load, goal, "/status/currentCPUUtilizationPercentage".to_owned()));
    }
    let mut worst: Option<(String, f64, f64, String)> = None;
    for (at, current) in one.list("/status/currentMetrics").iter().enumerate() {
        let name = current.pointer("/resource/name").and_then(Value::as_str).unwrap_or_default();
        let load = current.pointer("/resource/current/averageUtilization").and_then(Value::as_f64);
        let goal = one.list("/spec/metrics").iter().find_map(|metric| {
            let same = metric.pointer("/resource/name").and_then(Value::as_str) == Some(name);
            metric.pointer("/resource/target/averageUtilization").and_then(Value::as_f64).filter(|_| same)
        });
        let (Some(load), Some(goal)) = (load, goal.filter(|goal| *goal > 0.0)) else { continue };
        if worst.as_ref().is_none_or(|(_, l, g, _)| load / goal > l / g) {
            let path = format!("/status/currentMetrics/{at}/resource/current/averageUtilization");
            worst = Some((clip(name), load, goal, path));
        }
    }
    worst
}

fn budget(view: &View<'_>, one: &Object) -> Option<Draft> {
    let number = |name: &str| one.number(&format!("/status/{name}")).unwrap_or(0);
    let expected = number("expectedPods");
    if view.young(one) || one.at("/status").is_null() || number("disruptionsAllowed") > 0 {
        return None;
    }
    let pods = view.selected(one);
    if expected == 0 && pods.is_empty() {
        let waits = ["deployment", "statefulset", "replicaset"].iter().any(|kind| {
            view.of(kind).iter().any(|workload| {
                let labels = workload.at("/spec/template/metadata/labels").clone();
                workload.namespace() == one.namespace()
                    && one.selects(&Object::new(serde_json::json!({"metadata": {"labels": labels}})))
            })
        });
        let judged =
            view.listed("pods") && view.sees(one.namespace()) && !view.pods_in(one.namespace()).is_empty();
        let what = "selects no pod: it protects nothing".to_owned();
        let draft = Draft::new("pdb", one.reference(), Severity::Note, what, facts(one, &["/spec/selector"]));
        return (judged && !waits).then_some(draft);
    }
    let (healthy, desired) = (number("currentHealthy"), number("desiredHealthy"));
    // One replica that must stay is a choice.
    if expected < 2 {
        return None;
    }
    let evidence = facts(
        one,
        &[
            "/status/disruptionsAllowed",
            "/status/currentHealthy",
            "/status/desiredHealthy",
            "/status/expectedPods",
            "/spec/minAvailable",
            "/spec/maxUnavailable",
        ],
    );
    let unready: Vec<String> = pods.iter().filter(|pod| !is_ready(pod)).map(|pod| pod.reference()).collect();
    if healthy < desired {
        let what = format!("lets no pod be evicted: {healthy} are healthy and {desired} must be");
        let draft = Draft::new("pdb", one.reference(), Severity::Warning, what, evidence).after(unready);
        let short = format!("lets no pod be evicted, {healthy} of {desired} are healthy");
        return Some(draft.short(short));
    }
    // It blocks by design; whoever drains a node wants to know it.
    let drained = view.of("node").iter().any(|node| node.at("/spec/unschedulable").as_bool() == Some(true));
    let severity = if drained { Severity::Warning } else { Severity::Note };
    (desired >= expected).then(|| {
        let what = format!(
            "never lets a pod be evicted: {desired} of {expected} must be healthy, so a drain waits for ever"
        );
        Draft::new("pdb", one.reference(), severity, what, evidence)
    })
}

fn quota(one: &Object) -> Option<Draft> {
    let hard = one.at("/status/hard").as_object()?;
    let mut full = Vec::new();
    let mut evidence = Vec::new();
    for (name, limit) in hard {
        let used = one.at("/status/used").get(name);
        let (Some(limit_number), Some(used_number)) = (quantity(limit), used.and_then(quantity)) else {
            continue;
        };
        // A limit of nothing forbids on purpose.
        if limit_number <= 0.0 || used_number < limit_number {
            continue;
        }
        let key = name.replace('~', "~0").replace('/', "~1");
        evidence.extend(fact(one, &format!("/status/used/{key}")));
        evidence.extend(fact(one, &format!("/status/hard/{key}")));
        full.push(clip(name));
    }
    (!full.is_empty()).then(|| {
        let what = format!("is used up: {}", full.join(", "));
        Draft::new("quota", one.reference(), Severity::Note, what, evidence).short("used up")
    })
}
