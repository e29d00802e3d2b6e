//! Services that lead nowhere.

use serde_json::Value;

use super::Severity;
use super::fold::Draft;
use super::view::{View, YOUNG, is_ready};
use super::words::{clip, fact, facts, text};
use super::workloads::wanted;
use crate::cluster::Object;

/// How alike two values of a label are, from 0 to 1, for one to be taken for the other's misspelling.
const ALIKE: f64 = 0.85;
/// Ports that are listed.
const MOST_PORTS: usize = 8;

pub(super) fn detect(view: &View<'_>, drafts: &mut Vec<Draft>) {
    for one in view.of("service") {
        drafts.extend(service(view, one));
    }
}

fn service(view: &View<'_>, one: &Object) -> Option<Draft> {
    let selector = one.at("/spec/selector").as_object().filter(|selector| !selector.is_empty())?;
    let external = one.text("/spec/type") == "ExternalName";
    if external || view.young(one) || !view.listed("pods") {
        return None;
    }
    let pods = view.selected(one);
    if pods.is_empty() {
        return nobody(view, one, selector);
    }
    if let Some(draft) = port(one, &pods) {
        return Some(draft);
    }
    let open = one.at("/spec/publishNotReadyAddresses").as_bool() == Some(true);
    if open || pods.iter().any(|pod| is_ready(pod)) {
        return None;
    }
    let young = pods.iter().any(|pod| view.within(pod.time("/status/startTime").or(pod.created()), YOUNG));
    let what = match pods.len() {
        1 => "has no endpoints: the pod it selects is not ready".to_owned(),
        count => format!("has no endpoints: none of the {count} pods it selects is ready"),
    };
    let mut evidence = facts(one, &["/spec/selector"]);
    evidence.extend(pods.first().and_then(|pod| fact(pod, "/status/phase")).map(|(path, value)| {
        (format!("{} {path}", pods.first().map(|pod| pod.reference()).unwrap_or_default()), value)
    }));
    let draft = Draft::new("service", one.reference(), Severity::Critical, what, evidence)
        .after(pods.iter().map(|pod| pod.reference()))
        .short("has no endpoints");
    // Pods that are about to be ready are no fault, and what they wait for is told with them.
    Some(if young { draft.only_as_effect() } else { draft })
}

/// The selector fits no pod that runs.
fn nobody(view: &View<'_>, one: &Object, selector: &serde_json::Map<String, Value>) -> Option<Draft> {
    let evidence = facts(one, &["/spec/selector"]);
    let shown: Vec<String> = selector
        .iter()
        .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
        .collect();
    let shown = clip(&shown.join(","));
    let in_namespace = |object: &&&Object| object.namespace() == one.namespace();
    let mut makers = Vec::new();
    for kind in ["deployment", "statefulset", "daemonset", "replicaset"] {
        for workload in view.of(kind).iter().filter(in_namespace) {
            let labels = workload.at("/spec/template/metadata/labels");
            if selector.iter().all(|(name, value)| labels.get(name) == Some(value)) {
                makers.push(workload);
            }
        }
    }
    if !makers.is_empty() {
        // Scaled to zero, or told there why no pod is made.
        let asleep = makers.iter().all(|workload| wanted(workload) == 0 || workload.kind() == "DaemonSet");
        let what = format!("has no endpoints: no pod runs that its selector {shown} fits");
        let draft = Draft::new("service", one.reference(), Severity::Critical, what, evidence)
            .after(makers.iter().map(|workload| workload.reference()))
            .short("has no endpoints");
        return (!asleep).then(|| draft.only_as_effect());
    }
    // Pods of a Job that is over, or of something on its way out.
    let pods = view.pods_in(one.namespace());
    if pods.iter().any(|pod| one.selects(pod)) {
        return None;
    }
    let mut evidence = evidence;
    let near = pods.iter().find_map(|pod| near_miss(pod, selector));
    let hint = near.map_or_else(String::new, |(told, fact)| {
        evidence.push(fact);
        format!("; {told}")
    });
    let what = format!("has no endpoints: its selector {shown} fits no pod{hint}");
    Some(
        Draft::new("service", one.reference(), Severity::Warning, what, evidence)
            .short("its selector fits no pod"),
    )
}

/// A pod that fits but for one label whose value looks like a misspelling, or that fits but for one of several.
fn near_miss(pod: &Object, selector: &serde_json::Map<String, Value>) -> Option<(String, (String, String))> {
    let mut wrong = selector.iter().filter(|(name, value)| pod.label(name) != value.as_str());
    let (name, value) = wrong.next()?;
    let value = value.as_str()?;
    if wrong.next().is_some() {
        return None;
    }
    let has = pod.label(name);
    let alike = has.is_some_and(|has| strsim::jaro_winkler(has, value) >= ALIKE);
    if !alike && selector.len() < 2 {
        return None;
    }
    let key = name.replace('~', "~0").replace('/', "~1");
    let shown = has.map_or_else(
        || "does not have that label".to_owned(),
        |has| format!("has {}={}", clip(name), clip(has)),
    );
    let path = format!("/metadata/labels/{key}");
    let (path, value) = fact(pod, &path).or_else(|| fact(pod, "/metadata/labels"))?;
    Some((format!("{} {shown}", pod.reference()), (format!("{} {path}", pod.reference()), value)))
}

/// A named target port that no container of its pods has. Numbers are not judged: a container need not declare a port
/// to listen on it.
fn port(one: &Object, pods: &[&Object]) -> Option<Draft> {
    for (at, port) in one.list("/spec/ports").iter().enumerate() {
        let Some(name) = port.get("targetPort").and_then(Value::as_str) else { continue };
        if name.parse::<u16>().is_ok() {
            continue;
        }
        let mut known: Vec<String> = Vec::new();
        let mut found = false;
        for list in ["/spec/containers", "/spec/initContainers"] {
            for port in pods.iter().flat_map(|pod| pod.list(list)).flat_map(ports) {
                found |= text(port, "name") == name;
                let number = port.get("containerPort").and_then(Value::as_u64).unwrap_or_default();
                let shown = match text(port, "name") {
                    "" => number.to_string(),
                    name => format!("{} ({number})", clip(name)),
                };
                if known.len() < MOST_PORTS && !known.contains(&shown) {
                    known.push(shown);
                }
            }
        }
        if found {
            continue;
        }
        let have = if known.is_empty() { "no port at all".to_owned() } else { known.join(", ") };
        let what = format!("leads nowhere: it aims at a port named {}, and its pods have {have}", clip(name));
        let mut evidence = facts(one, &[&format!("/spec/ports/{at}/targetPort")]);
        if let Some(pod) = pods.first() {
            let (path, value) = fact(pod, "/spec/containers/0/ports")
                .unwrap_or_else(|| ("spec.containers[0].ports".to_owned(), "none".to_owned()));
            evidence.push((format!("{} {path}", pod.reference()), value));
        }
        let draft = Draft::new("service", one.reference(), Severity::Critical, what, evidence);
        return Some(draft.short("aims at a port its pods do not have"));
    }
    None
}

fn ports(container: &Value) -> &[Value] {
    container.get("ports").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}
