//! Who wrote which objects when: creations, and the last write of each manager that is no controller.

use serde_json::Value;

use super::{Change, clean, text, time};
use crate::cluster::{Object, Snapshot};

/// Kinds whose creation and edits are changes of what people run. Pods and what rolls out are told elsewhere.
const WATCHED: &[&str] = &[
    "ConfigMap",
    "Service",
    "Ingress",
    "NetworkPolicy",
    "PersistentVolumeClaim",
    "HorizontalPodAutoscaler",
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "CronJob",
    "Node",
];
/// Parts of the names of what writes all the time and decides nothing.
const CONTROLLERS: &[&str] = &[
    "kube-controller-manager",
    "kube-scheduler",
    "kubelet",
    "cloud-controller",
    "kube-apiserver",
    "leader",
    "ingress-controller",
    "metrics-server",
];
/// Fields of a spec, keys of a map that are named.
const MOST: usize = 8;

pub(super) fn collect(snapshot: &Snapshot, found: &mut Vec<Change>) {
    for object in snapshot.objects() {
        let orphan = object.kind() == "Pod" && object.owner().is_none();
        if !orphan && !WATCHED.contains(&object.kind()) || is_machinery(object) {
            continue;
        }
        let created = object.created();
        found.extend(created.map(|at| Change { at, what: format!("{} created", object.reference()) }));
        if orphan {
            continue;
        }
        for entry in object.list("/metadata/managedFields") {
            let manager = text(entry, "/manager");
            let controls = CONTROLLERS.iter().any(|part| manager.contains(part));
            let Some(at) = time(entry, "/time").filter(|at| Some(*at) != created && !controls) else {
                continue;
            };
            let Some(fields) = fields(entry) else { continue };
            let what = format!("{} last written by {}{fields}", object.reference(), clean(manager));
            found.push(Change { at, what });
        }
    }
}

/// ConfigMaps that programs write to elect a leader, or that every namespace has.
fn is_machinery(object: &Object) -> bool {
    object.kind() == "ConfigMap"
        && (object.name() == "kube-root-ca.crt"
            || object.name() == "extension-apiserver-authentication"
            || object.annotation("control-plane.alpha.kubernetes.io/leader").is_some())
}

/// Which fields a manager set, by name; `None` where it only wrote the status.
fn fields(entry: &Value) -> Option<String> {
    if !text(entry, "/subresource").is_empty() && text(entry, "/subresource") != "scale" {
        return None;
    }
    let fields = entry.get("fieldsV1").and_then(Value::as_object)?;
    let mut parts = Vec::new();
    for (name, label) in [("f:spec", "fields"), ("f:data", "keys"), ("f:binaryData", "keys")] {
        let Some(map) = fields.get(name).and_then(Value::as_object) else { continue };
        let mut names: Vec<String> = map.keys().filter_map(|key| key.strip_prefix("f:")).map(clean).collect();
        let more = names.len().saturating_sub(MOST);
        names.truncate(MOST);
        if more > 0 {
            names.push(format!("{more} more"));
        }
        if !names.is_empty() {
            parts.push(format!("its {label}: {}", names.join(" ")));
        }
    }
    if parts.is_empty() {
        return fields
            .contains_key("f:metadata")
            .then(|| ", its labels or annotations".to_owned())
            .filter(|_| !fields.contains_key("f:status"));
    }
    Some(format!(", {}", parts.join(", ")))
}
