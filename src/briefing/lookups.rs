//! The tool calls a subject is looked at with, in the order in which their exhibits are numbered.

use jiff::Timestamp;
use serde_json::Value;

use super::{Found, Lookup};
use crate::question::subject::Subject;

/// Calls for one subject: each is an exhibit that takes room of the window.
const MOST: usize = 12;

/// Minutes before now in which changes are looked for where nobody says when it began: a day.
const LATELY: u64 = 1_440;

/// The calls, by real names and parameters of the catalogue and of `kubernetes_changes`; at most twelve. `around` is
/// when it began, where that is known: changes are looked for near it.
#[must_use]
pub fn lookups(found: &Found, around: Option<Timestamp>) -> Vec<Lookup> {
    let subject = &found.subject;
    let mut calls = Calls { all: Vec::new(), around };
    calls.describe(subject);
    if !found.exists {
        calls.events(subject);
        if subject.namespace.is_some() {
            calls.add(
                "kubectl_get_by_kind_in_namespace",
                &[("kind", "pods"), ("namespace", subject.namespace())],
            );
        }
        calls.changes(subject);
        return calls.bounded();
    }
    let shown = found.worst.as_ref().filter(|worst| *worst != subject);
    match subject.kind.as_str() {
        "node" => {
            calls.events(subject);
            calls.add("kubectl_find_resource", &[("kind", "pods"), ("keyword", &subject.name)]);
            calls.add("kubectl_top_nodes", &[]);
            calls.changes(subject);
            if found.pod.as_ref().is_some_and(|pod| pod.badness > 0) {
                calls.worst(found, shown);
            }
            return calls.bounded();
        }
        "service" => calls.describe_kind("endpoints", subject),
        "ingress" => {
            for service in found.services.iter().take(2) {
                calls.describe(service);
                calls.describe_kind("endpoints", service);
            }
        }
        "persistentvolumeclaim" => {
            calls.events(subject);
            match &found.volume {
                Some(volume) => calls.describe(&Subject::new("persistentvolume", "", volume)),
                None => calls.add("kubectl_get_by_kind_in_cluster", &[("kind", "storageclasses")]),
            }
        }
        _ => {}
    }
    // Pods that could not be made leave their events where they were to be made.
    match found.made.first().filter(|_| subject.kind != "pod") {
        Some(made) if found.worst.is_none() => calls.describe(made),
        Some(made) => calls.events(made),
        None if matches!(subject.kind.as_str(), "pod" | "statefulset" | "daemonset" | "job") => {
            calls.events(subject);
        }
        None => {}
    }
    calls.worst(found, shown);
    calls.changes(subject);
    let owner = found.owners.last().filter(|_| subject.kind == "pod");
    if let Some(owner) = owner {
        calls.describe(owner);
    }
    if !matches!(subject.kind.as_str(), "ingress" | "service") {
        for service in found.services.iter().take(1) {
            // Describes its endpoints too.
            calls.describe(service);
        }
    }
    for one in found
        .ingresses
        .iter()
        .take(1)
        .chain(found.autoscalers.iter().take(1))
        .chain(found.claims.iter().take(1))
    {
        calls.describe(one);
    }
    if found.pod.as_ref().is_some_and(|pod| pod.ran) {
        calls.add("kubectl_top_pods", &[]);
    }
    if let Some(node) = &found.node {
        calls.describe(&Subject::new("node", "", node));
    }
    if subject.kind == "service" {
        calls.add(
            "kubectl_get_by_kind_in_namespace",
            &[("kind", "networkpolicies"), ("namespace", subject.namespace())],
        );
    }
    calls.bounded()
}

struct Calls {
    all: Vec<Lookup>,
    around: Option<Timestamp>,
}

impl Calls {
    fn add(&mut self, tool: &str, arguments: &[(&str, &str)]) {
        let lookup = Lookup::new(tool, arguments);
        if !self.all.contains(&lookup) {
            self.all.push(lookup);
        }
    }

    fn describe(&mut self, subject: &Subject) {
        self.describe_kind(&subject.kind, subject);
    }

    fn describe_kind(&mut self, kind: &str, subject: &Subject) {
        let namespace = subject.namespace();
        self.add("kubectl_describe", &[("kind", kind), ("name", &subject.name), ("namespace", namespace)]);
    }

    fn events(&mut self, subject: &Subject) {
        // Events of what has no namespace are kept in `default`; the tool looks everywhere for those of nodes.
        let namespace = subject.namespace.as_deref().unwrap_or("default");
        let named = [
            ("resource_type", subject.kind.as_str()),
            ("resource_name", &subject.name),
            ("namespace", namespace),
        ];
        self.add("kubectl_events", &named);
    }

    /// The worst pod: itself where the subject is another thing, and what it printed.
    fn worst(&mut self, found: &Found, shown: Option<&Subject>) {
        if let Some(pod) = shown {
            self.describe(pod);
        }
        let (Some(pod), Some(state)) = (&found.worst, &found.pod) else { return };
        let named = [("pod_name", pod.name.as_str()), ("namespace", pod.namespace())];
        if state.ran {
            self.add("kubectl_logs", &named);
        }
        if state.ran_before {
            self.add("kubectl_previous_logs", &named);
        }
    }

    fn changes(&mut self, subject: &Subject) {
        let mut lookup = Lookup::new("kubernetes_changes", &[("namespace", subject.namespace())]);
        let (name, value) = match self.around {
            Some(around) => ("around", Value::from(around.to_string())),
            None => ("minutes", Value::from(LATELY)),
        };
        lookup.arguments.insert(name.to_owned(), value);
        self.all.push(lookup);
    }

    fn bounded(mut self) -> Vec<Lookup> {
        self.all.truncate(MOST);
        self.all
    }
}
