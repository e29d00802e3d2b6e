//! Revisions of workloads: when each came, and what it changed.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::template::differences;
use super::{Change, clean};
use crate::cluster::{Object, Snapshot};

/// Where a Deployment's ReplicaSets keep their number; and the numbers the same template had before.
const REVISION: &str = "deployment.kubernetes.io/revision";
const HISTORY: &str = "deployment.kubernetes.io/revision-history";
const CAUSE: &str = "kubernetes.io/change-cause";

struct Revision<'a> {
    number: i64,
    object: &'a Object,
    /// Path of the pod template.
    template: &'static str,
}

pub(super) fn collect(snapshot: &Snapshot, found: &mut Vec<Change>) {
    let mut workloads: BTreeMap<(String, &str, &str), Vec<Revision<'_>>> = BTreeMap::new();
    for object in snapshot.of("ReplicaSet").chain(snapshot.of("ControllerRevision")) {
        let Some((kind, name)) = object.owner() else { continue };
        let (number, template) = if object.kind() == "ReplicaSet" {
            (object.annotation(REVISION).and_then(|text| text.parse().ok()), "/spec/template")
        } else {
            (object.number("/revision"), "/data/spec/template")
        };
        let Some(number) = number else { continue };
        let key = (kind.to_lowercase(), object.namespace(), name);
        workloads.entry(key).or_default().push(Revision { number, object, template });
    }
    for ((kind, namespace, name), mut revisions) in workloads {
        revisions.sort_by_key(|revision| revision.number);
        let workload = format!("{kind}/{namespace}/{name}");
        let last = revisions.len().saturating_sub(1);
        for (at, revision) in revisions.iter().enumerate() {
            let object = revision.object;
            let before = at.checked_sub(1).and_then(|before| revisions.get(before));
            let mut words = match before {
                None => vec![first(object, revision.template)],
                Some(before) => differences(before.object.at(before.template), object.at(revision.template)),
            };
            if words.is_empty() {
                words.push("the pod template is as before".to_owned());
            }
            if let Some(cause) = object.annotation(CAUSE).filter(|cause| !cause.trim().is_empty()) {
                words.push(format!("cause given: {}", clean(cause)));
            }
            let earlier = object.annotation(HISTORY).map(clean).filter(|earlier| !earlier.is_empty());
            let number = match &earlier {
                Some(earlier) => format!("revision {}, a template used before as {earlier}", revision.number),
                None => format!("revision {}", revision.number),
            };
            // A template that comes back keeps its old object: only what happened since tells when.
            let came = match earlier {
                None => object.created(),
                Some(_) => scaled_up(object, snapshot)
                    .or_else(|| progressed(snapshot, &kind, namespace, name).filter(|_| at == last)),
            };
            found.extend(
                came.map(|at| Change { at, what: format!("{workload} {number}: {}", words.join(", ")) }),
            );
        }
    }
}

fn first(object: &Object, template: &str) -> String {
    let containers = object.list(&format!("{template}/spec/containers"));
    let images: Vec<String> = containers.iter().map(|one| clean(super::text(one, "/image"))).collect();
    format!("the first that is kept, image {}", images.join(", "))
}

/// When the Deployment last began to scale this ReplicaSet up, while events are kept (an hour by default).
fn scaled_up(replicas: &Object, snapshot: &Snapshot) -> Option<Timestamp> {
    let (_, owner) = replicas.owner()?;
    let words = format!("Scaled up replica set {} ", replicas.name());
    let tells = |event: &&Object| {
        event.namespace() == replicas.namespace()
            && event.text("/reason") == "ScalingReplicaSet"
            && event.text("/involvedObject/name") == owner
            && event.text("/message").starts_with(&words)
    };
    snapshot.of("Event").filter(tells).filter_map(super::events::last).max()
}

fn progressed(snapshot: &Snapshot, kind: &str, namespace: &str, name: &str) -> Option<Timestamp> {
    let condition = snapshot.get(kind, namespace, name)?.condition("Progressing")?;
    super::time(condition, "/lastUpdateTime")
}
