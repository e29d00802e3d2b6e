//! Nodes that are not ready, under pressure or closed. Only conditions the kubelet and the API define are judged:
//! distributions add their own, whose `True` is good.

use super::Severity;
use super::fold::Draft;
use super::view::{View, YOUNG};
use super::words::{clip, condition, condition_facts, fact, lasting, said, text};
use crate::cluster::Object;

/// Minor versions that kubelets of one cluster may lie apart.
const APART: u32 = 3;
/// Seconds a cloud may take to set a node up.
const SETTING_UP: i64 = 600;

pub(super) fn detect(view: &View<'_>, drafts: &mut Vec<Draft>) {
    for one in view.of("node") {
        drafts.extend(node(view, one));
    }
    drafts.extend(versions(view));
}

fn node(view: &View<'_>, one: &Object) -> Option<Draft> {
    if !one.text("/metadata/deletionTimestamp").is_empty() {
        return None;
    }
    for status in ["Unknown", "False"] {
        let Some(ready) = condition(one, "Ready", status) else { continue };
        if view.within(ready.since, YOUNG) || view.young(one) {
            return None;
        }
        let mut evidence = condition_facts(one, "Ready");
        let at = one.list("/status/conditions").iter().position(|one| text(one, "type") == "Ready");
        evidence
            .extend(fact(one, &format!("/status/conditions/{}/lastHeartbeatTime", at.unwrap_or_default())));
        let why = if status == "Unknown" {
            "its kubelet has stopped reporting".to_owned()
        } else {
            format!("it says: {}", said(&ready.message))
        };
        let what = format!("has not been ready{}: {why}", lasting(view, ready.since));
        return Some(
            Draft::new("node", one.reference(), Severity::Critical, what, evidence)
                .since(ready.since)
                .short("not ready"),
        );
    }
    let pressures = [
        ("MemoryPressure", "is short of memory and evicts pods"),
        ("DiskPressure", "is short of disk space: it evicts pods and takes no new ones"),
        ("PIDPressure", "is short of process ids"),
        ("NetworkUnavailable", "has no network for its pods"),
    ];
    for (name, words) in pressures {
        let Some(found) = condition(one, name, "True") else { continue };
        let what = format!("{words}{}: {}", lasting(view, found.since), said(&found.message));
        let evidence = condition_facts(one, name);
        return Some(
            Draft::new("node", one.reference(), Severity::Critical, what, evidence)
                .since(found.since)
                .short("under pressure"),
        );
    }
    let taints = one.list("/spec/taints");
    let uninitialized = taints
        .iter()
        .position(|taint| text(taint, "key") == "node.cloudprovider.kubernetes.io/uninitialized");
    if let Some(at) = uninitialized
        && !view.within(one.created(), SETTING_UP)
    {
        let what = "has not been set up by its cloud: it takes no pods".to_owned();
        let evidence = fact(one, &format!("/spec/taints/{at}/key")).into_iter().collect();
        return Some(Draft::new("node", one.reference(), Severity::Warning, what, evidence));
    }
    (one.at("/spec/unschedulable").as_bool() == Some(true)).then(|| {
        let what = "is cordoned: it takes no new pods".to_owned();
        let evidence = fact(one, "/spec/unschedulable").into_iter().collect();
        Draft::new("node", one.reference(), Severity::Note, what, evidence)
    })
}

/// Kubelets too far apart: none of the API server's releases supports them all.
fn versions(view: &View<'_>) -> Option<Draft> {
    let minor = |node: &Object| {
        let version = node.text("/status/nodeInfo/kubeletVersion");
        version.trim_start_matches('v').split('.').nth(1)?.parse::<u32>().ok()
    };
    let mut known: Vec<(u32, &&Object)> =
        view.of("node").iter().filter_map(|node| Some((minor(node)?, node))).collect();
    known.sort_by_key(|(minor, node)| (*minor, node.reference()));
    let ((old, oldest), (new, newest)) = (known.first()?, known.last()?);
    (new - old > APART).then(|| {
        let what = format!(
            "runs kubelet {}, {} minor versions behind {}",
            clip(oldest.text("/status/nodeInfo/kubeletVersion")),
            new - old,
            newest.reference()
        );
        let evidence = fact(oldest, "/status/nodeInfo/kubeletVersion").into_iter().collect();
        Draft::new("node", oldest.reference(), Severity::Note, what, evidence)
    })
}
