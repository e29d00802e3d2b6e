//! What is evidently wrong with the objects of a cluster, found without a model: crash loops and their exit codes,
//! images that cannot be pulled, pods no node takes, claims without a volume, Services without endpoints.
//!
//! It reads a [`Snapshot`] and nothing else: it runs no command, asks no server and knows no clock. It proposes no
//! remedy. A cause and what follows from it are one finding, and it would rather be silent than wrong: what is young,
//! finished, scaled to zero or long over is no fault.

mod containers;
mod events;
mod exits;
mod fold;
mod jobs;
mod network;
mod nodes;
mod pending;
mod pods;
mod references;
mod scaling;
mod services;
mod storage;
mod view;
mod words;
mod workloads;

#[cfg(test)]
mod tests;

use jiff::Timestamp;

use crate::cluster::Snapshot;
use view::View;

/// Kinds the detectors read, as kubectl takes them, in groups that are read on their own: where one is too large or
/// refused, the others are still there. No Secrets.
pub const KINDS: &[&[&str]] = &[
    &["pods"],
    &["events"],
    &[
        "deployments",
        "replicasets",
        "statefulsets",
        "daemonsets",
        "jobs",
        "cronjobs",
        "services",
        "ingresses",
        "persistentvolumeclaims",
        "horizontalpodautoscalers",
        "poddisruptionbudgets",
        "networkpolicies",
        "resourcequotas",
        "serviceaccounts",
    ],
    &[
        "nodes",
        "persistentvolumes",
        "storageclasses",
        "ingressclasses",
        "validatingwebhookconfigurations",
        "mutatingwebhookconfigurations",
    ],
    &["configmaps"],
];

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Something does not work.
    Critical,
    /// Something will not work soon, or works in part.
    Warning,
    /// Worth knowing where nothing else explains the trouble.
    Note,
}

impl Severity {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "CRITICAL",
            Self::Warning => "WARNING",
            Self::Note => "NOTE",
        }
    }
}

/// What the question is about; what is related to it comes first. Empty texts fit everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Focus {
    pub namespace: String,
    /// In lower case, singular: `pod`, `deployment`.
    pub kind: String,
    pub name: String,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which detector said so, as docs/detectors.md lists it.
    pub detector: &'static str,
    /// `pod/shop/payments-1`, `node/worker-3`.
    pub object: String,
    /// Others with the very same fault, written alike: the other pods of a ReplicaSet.
    pub others: Vec<String>,
    pub severity: Severity,
    /// One sentence, with the exact values.
    pub what: String,
    /// A path in the object, or an event, and its value as it stands there.
    pub evidence: Vec<(String, String)>,
    /// What follows from it: `deployment/shop/payments: 0 of 2 replicas are available`.
    pub cause_of: Vec<String>,
    /// Since when, where the API says.
    pub since: Option<Timestamp>,
}

/// Everything that is wrong at `now`: the worst first, then what is related to `focus`, then by name.
/// `snapshot` holds the objects of [`KINDS`]; what could not be read of them stands in its `missing`.
#[must_use]
pub fn detect(snapshot: &Snapshot, now: Timestamp, focus: Option<&Focus>) -> Vec<Finding> {
    let view = View::new(snapshot, now);
    let mut drafts = Vec::new();
    pods::detect(&view, &mut drafts);
    workloads::detect(&view, &mut drafts);
    jobs::detect(&view, &mut drafts);
    storage::detect(&view, &mut drafts);
    nodes::detect(&view, &mut drafts);
    services::detect(&view, &mut drafts);
    network::detect(&view, &mut drafts);
    scaling::detect(&view, &mut drafts);
    references::detect(&view, &mut drafts);
    let covered = fold::covered(&drafts);
    events::detect(&view, &covered, &mut drafts);
    fold::fold(&view, drafts, focus)
}
