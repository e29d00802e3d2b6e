//! Events that tell of a change; those that repeat a state (`BackOff`, `Unhealthy`, `Pulling`) are left to others.

use jiff::Timestamp;

use super::{Change, clean};
use crate::cluster::{Object, Snapshot};

/// Reasons, as Kubernetes' own parts write them.
const TELLING: &[&str] = &[
    // Workloads and autoscalers.
    "ScalingReplicaSet",
    "SuccessfulRescale",
    "FailedCreate",
    "DeploymentRollback",
    "FailedRescale",
    // Jobs.
    "BackoffLimitExceeded",
    "DeadlineExceeded",
    "MissedSchedule",
    "FailedNeedsStart",
    "Suspended",
    "Resumed",
    // Pods that somebody ended.
    "Killing",
    "Evicted",
    "Preempted",
    "TaintManagerEviction",
    "EvictionByEvictionAPI",
    "Drain",
    "FailedMount",
    "FailedAttachVolume",
    // Nodes.
    "NodeNotReady",
    "NodeReady",
    "NodeNotSchedulable",
    "NodeSchedulable",
    "NodeHasDiskPressure",
    "NodeHasInsufficientMemory",
    "NodeHasInsufficientPID",
    "EvictionThresholdMet",
    "FreeDiskSpaceFailed",
    "ImageGCFailed",
    "SystemOOM",
    "OOMKilling",
    "Rebooted",
    "RegisteredNode",
    "RemovingNode",
    "DeletingNode",
    "TaskHung",
    "KernelOops",
    "FilesystemIsReadOnly",
    "ReadonlyFilesystem",
    "ScaleDown",
    "ScaledUpGroup",
    "TriggeredScaleUp",
    // Volumes and load balancers.
    "ProvisioningFailed",
    "ProvisioningSucceeded",
    "VolumeResizeFailed",
    "FileSystemResizeSuccessful",
    "SyncLoadBalancerFailed",
    "EnsuredLoadBalancer",
    "UpdatedLoadBalancer",
];

pub(super) fn collect(snapshot: &Snapshot, found: &mut Vec<Change>) {
    for event in snapshot.of("Event") {
        let reason = event.text("/reason");
        let (Some(first), Some(last)) = (first(event), last(event)) else { continue };
        if !TELLING.contains(&reason) {
            continue;
        }
        let words = format!("{} {}: {}", about(event), clean(reason), clean(event.text("/message")));
        let count = event.number("/count").or_else(|| event.number("/series/count")).unwrap_or(1);
        if count > 1 && last > first {
            found.push(Change { at: first, what: format!("{words} (the first of {count})") });
            found.push(Change { at: last, what: format!("{words} (the last of {count})") });
        } else {
            found.push(Change { at: first, what: words });
        }
    }
}

fn about(event: &Object) -> String {
    let kind = event.text("/involvedObject/kind").to_lowercase();
    match event.text("/involvedObject/namespace") {
        "" => format!("{kind}/{}", event.text("/involvedObject/name")),
        namespace => format!("{kind}/{namespace}/{}", event.text("/involvedObject/name")),
    }
}

/// When it was first seen; older and newer APIs keep it in different fields.
fn first(event: &Object) -> Option<Timestamp> {
    ["/firstTimestamp", "/eventTime", "/metadata/creationTimestamp"].iter().find_map(|path| event.time(path))
}

/// When it was last seen.
pub(super) fn last(event: &Object) -> Option<Timestamp> {
    let paths = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"];
    paths.iter().find_map(|path| event.time(path))
}
