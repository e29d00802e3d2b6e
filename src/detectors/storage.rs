//! Claims without a volume, and volumes that are no use any more.

use super::Severity;
use super::fold::Draft;
use super::pending::claims;
use super::view::{HOUR, View, reference};
use super::words::{clip, condition, condition_facts, facts, lasting, said};
use crate::cluster::Object;

/// Seconds a resize may take.
const RESIZING: i64 = 900;

pub(super) fn detect(view: &View<'_>, drafts: &mut Vec<Draft>) {
    for one in view.of("persistentvolumeclaim") {
        drafts.extend(claim(view, one));
    }
    for one in view.of("persistentvolume") {
        drafts.extend(volume(view, one));
    }
}

fn claim(view: &View<'_>, one: &Object) -> Option<Draft> {
    let made = one.created();
    match one.text("/status/phase") {
        "Lost" => {
            let evidence = facts(one, &["/status/phase", "/spec/volumeName"]);
            let what = format!(
                "has lost its volume {}: its data cannot be reached",
                clip(one.text("/spec/volumeName"))
            );
            Some(Draft::new("pvc", one.reference(), Severity::Critical, what, evidence).short("lost"))
        }
        "Pending" if !view.young(one) => Some(unbound(view, one)),
        "Bound" => {
            let event = view.recent(one, |event| event.reason == "VolumeResizeFailed");
            let waits = ["Resizing", "FileSystemResizePending"]
                .iter()
                .find_map(|name| condition(one, name, "True").map(|found| (*name, found)));
            if event.is_none() && waits.as_ref().is_none_or(|(_, found)| view.within(found.since, RESIZING)) {
                return None;
            }
            let name = waits.as_ref().map_or("Resizing", |(name, _)| *name);
            let mut evidence = condition_facts(one, name);
            evidence.extend(facts(one, &["/spec/resources/requests/storage", "/status/capacity/storage"]));
            let since = waits.and_then(|(_, found)| found.since).or(made);
            let what = match event {
                Some(event) => {
                    evidence.insert(0, event.fact());
                    format!("cannot be made larger: {}", said(event.message))
                }
                None if name == "FileSystemResizePending" => {
                    "waits for its pod to start again: only then its file system grows".to_owned()
                }
                None => format!("has been growing{} and is not done", lasting(view, since)),
            };
            Some(Draft::new("pvc", one.reference(), Severity::Warning, what, evidence).since(since))
        }
        _ => None,
    }
}

fn unbound(view: &View<'_>, one: &Object) -> Draft {
    let class_name = one.text("/spec/storageClassName");
    let class = view.get("storageclass", "", class_name);
    let waits = class.is_some_and(|class| class.text("/volumeBindingMode") == "WaitForFirstConsumer");
    let event = view.recent(one, |event| {
        matches!(
            event.reason,
            "ProvisioningFailed" | "FailedBinding" | "VolumeMismatch" | "ProvisioningCleanupFailed"
        )
    });
    let users: Vec<&&Object> =
        view.pods_in(one.namespace()).iter().filter(|pod| claims(pod).contains(&one.reference())).collect();
    let mut evidence = facts(one, &["/status/phase", "/spec/storageClassName", "/spec/volumeName"]);
    let unknown = !class_name.is_empty() && class.is_none() && view.listed("storageclasses");
    let why = match event {
        Some(event) => {
            evidence.insert(0, event.fact());
            format!(": {}", said(event.message))
        }
        // A list that was read may be empty; that there is none at all is only believed of one that is not.
        None if unknown && !view.of("storageclass").is_empty() => {
            format!(": there is no storage class {}", clip(class_name))
        }
        None if waits => {
            // It waits for its pod, which waits for something else.
            let after: Vec<String> = users.iter().map(|pod| pod.reference()).collect();
            return Draft::new(
                "pvc",
                one.reference(),
                Severity::Note,
                "waits for its pod".to_owned(),
                evidence,
            )
            .after(after)
            .short("waits for its pod to be scheduled")
            .only_as_effect();
        }
        None if class_name.is_empty() && one.text("/spec/volumeName").is_empty() => {
            ": it names no storage class, and no volume fits it".to_owned()
        }
        None => String::new(),
    };
    let severity = if users.is_empty() { Severity::Warning } else { Severity::Critical };
    let what = format!("has had no volume{}{why}", lasting(view, one.created()));
    Draft::new("pvc", one.reference(), severity, what, evidence).since(one.created()).short("has no volume")
}

fn volume(view: &View<'_>, one: &Object) -> Option<Draft> {
    let (namespace, name) = (one.text("/spec/claimRef/namespace"), one.text("/spec/claimRef/name"));
    let claim = view.get("persistentvolumeclaim", namespace, name);
    match one.text("/status/phase") {
        "Failed" => {
            let evidence =
                facts(one, &["/status/phase", "/status/reason", "/status/message", "/spec/claimRef/name"]);
            let what = format!("could not be given back: {}", said(one.text("/status/message")));
            Some(Draft::new("pv", one.reference(), Severity::Warning, what, evidence))
        }
        // Released volumes that were to be kept are no fault, unless their claim is back and gets nothing.
        "Released" => {
            let back = claim.filter(|claim| {
                claim.text("/status/phase") == "Pending"
                    && claim.text("/metadata/uid") != one.text("/spec/claimRef/uid")
                    && !view.within(claim.created(), HOUR / 60)
            })?;
            let evidence =
                facts(one, &["/status/phase", "/spec/claimRef/uid", "/spec/persistentVolumeReclaimPolicy"]);
            let what = format!(
                "still belongs to an earlier claim of the same name as {}: it is not bound to the new one",
                back.reference()
            );
            Some(
                Draft::new("pv", one.reference(), Severity::Note, what, evidence)
                    .after([reference("persistentvolumeclaim", namespace, name)])
                    .short("still belongs to an earlier claim of that name"),
            )
        }
        _ => None,
    }
}
