//! A snapshot, indexed once: every detector asks for the pods, events and owners of objects, and there may be twenty
//! thousand pods.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use crate::cluster::{Object, Snapshot};

/// How far events are looked back at, in seconds.
pub(super) const HOUR: i64 = 3600;
pub(super) const DAY: i64 = 24 * HOUR;
/// Seconds that anything may take to start.
pub(super) const YOUNG: i64 = 60;

/// What the cluster said about an object.
#[derive(Debug, Clone)]
pub(super) struct Event<'a> {
    pub reason: &'a str,
    pub message: &'a str,
    pub warning: bool,
    /// How often.
    pub count: i64,
    pub last: Option<Timestamp>,
    /// `spec.containers{main}`.
    pub part: &'a str,
    pub about: String,
}

impl Event<'_> {
    pub(super) fn fact(&self) -> (String, String) {
        let last = self.last.map_or_else(String::new, |last| format!(", last {last}"));
        (format!("event {} (×{}{last})", self.reason, self.count), self.message.to_owned())
    }
}

pub(super) struct View<'a> {
    pub now: Timestamp,
    missing: &'a [String],
    objects: HashMap<String, &'a Object>,
    kinds: HashMap<String, Vec<&'a Object>>,
    pods: HashMap<&'a str, Vec<&'a Object>>,
    owned: HashMap<String, Vec<&'a Object>>,
    events: HashMap<String, Vec<Event<'a>>>,
    namespaces: HashSet<&'a str>,
}

impl<'a> View<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, now: Timestamp) -> Self {
        let mut view = Self {
            now,
            missing: &snapshot.missing,
            objects: HashMap::new(),
            kinds: HashMap::new(),
            pods: HashMap::new(),
            owned: HashMap::new(),
            events: HashMap::new(),
            namespaces: HashSet::new(),
        };
        for object in snapshot.objects() {
            if object.kind() == "Event" {
                let event = event(object);
                view.events.entry(event.about.clone()).or_default().push(event);
                continue;
            }
            // What has no name is no object: a list that was cut, a stranger's file.
            if object.name().is_empty() {
                continue;
            }
            view.namespaces.insert(object.namespace());
            view.objects.insert(object.reference(), object);
            view.kinds.entry(object.kind().to_lowercase()).or_default().push(object);
            if object.kind() == "Pod" {
                view.pods.entry(object.namespace()).or_default().push(object);
            }
            if let Some((kind, name)) = object.owner() {
                let owner = reference(kind, object.namespace(), name);
                view.owned.entry(owner).or_default().push(object);
            }
        }
        for events in view.events.values_mut() {
            events.sort_by_key(|event| std::cmp::Reverse(event.last));
        }
        view
    }

    /// Objects of a kind in lower case: `pod`.
    pub(super) fn of(&self, kind: &str) -> &[&'a Object] {
        self.kinds.get(kind).map_or(&[], Vec::as_slice)
    }

    pub(super) fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<&'a Object> {
        self.objects.get(&reference(kind, namespace, name)).copied()
    }

    /// Whether a list of `plural` was read: what is not in it does not exist.
    pub(super) fn listed(&self, plural: &str) -> bool {
        let quoted = format!("\"{plural}\"");
        !self.missing.iter().any(|line| {
            let first = line.split(|c: char| !c.is_alphanumeric()).find(|word| !word.is_empty());
            line.contains(&quoted)
                || first == Some(plural)
                || line.split([' ', ',', ':', '.']).any(|word| word == plural)
        })
    }

    /// Whether objects of a namespace were read at all.
    pub(super) fn sees(&self, namespace: &str) -> bool {
        self.namespaces.contains(namespace)
    }

    /// Whether there is at least one object of the kind in the namespace.
    pub(super) fn has_any(&self, kind: &str, namespace: &str) -> bool {
        self.of(kind).iter().any(|object| object.namespace() == namespace)
    }

    pub(super) fn pods_in(&self, namespace: &str) -> &[&'a Object] {
        self.pods.get(namespace).map_or(&[], Vec::as_slice)
    }

    /// Pods that run or should, which the object's selector fits.
    pub(super) fn selected(&self, object: &Object) -> Vec<&'a Object> {
        let pods = self.pods_in(object.namespace()).iter().copied();
        pods.filter(|pod| !is_over(pod) && object.selects(pod)).collect()
    }

    pub(super) fn owned(&self, owner: &Object) -> &[&'a Object] {
        self.owned.get(&owner.reference()).map_or(&[], Vec::as_slice)
    }

    /// All pods below a workload, through its ReplicaSets and Jobs.
    pub(super) fn pods_below(&self, workload: &Object) -> Vec<&'a Object> {
        let mut found = Vec::new();
        for one in self.owned(workload) {
            match one.kind() {
                "Pod" => found.push(*one),
                _ => found.extend(self.owned(one).iter().copied().filter(|pod| pod.kind() == "Pod")),
            }
        }
        found
    }

    /// The workload a pod belongs to in the end, as a reference; its own where it stands alone.
    pub(super) fn top(&self, object: &Object) -> String {
        let mut reference_now = object.reference();
        let mut current = Some(object);
        // Deployment, ReplicaSet, pod: more steps are a loop of owners.
        for _ in 0..4 {
            let Some((kind, name)) = current.and_then(Object::owner) else { break };
            if kind == "Node" {
                break;
            }
            reference_now = reference(kind, object.namespace(), name);
            current = self.objects.get(&reference_now).copied();
        }
        reference_now
    }

    /// Events about an object, the latest first.
    pub(super) fn events(&self, object: &Object) -> &[Event<'a>] {
        self.events.get(&object.reference()).map_or(&[], Vec::as_slice)
    }

    pub(super) fn all_events(&self) -> impl Iterator<Item = &Event<'a>> {
        self.events.values().flatten()
    }

    /// The latest event of the last hour for which `wanted` holds.
    pub(super) fn recent(&self, object: &Object, wanted: impl Fn(&Event<'a>) -> bool) -> Option<&Event<'a>> {
        self.events(object).iter().find(|event| self.within(event.last, HOUR) && wanted(event))
    }

    /// Seconds since `time`; `None` where there is no time.
    pub(super) fn age(&self, time: Option<Timestamp>) -> Option<i64> {
        time.map(|time| self.now.duration_since(time).as_secs())
    }

    /// Whether `time` is known and at most so many seconds ago.
    pub(super) fn within(&self, time: Option<Timestamp>, seconds: i64) -> bool {
        self.age(time).is_some_and(|age| age <= seconds)
    }

    /// Whether the object is too young to be judged.
    pub(super) fn young(&self, object: &Object) -> bool {
        self.within(object.created(), YOUNG)
    }
}

pub(super) fn reference(kind: &str, namespace: &str, name: &str) -> String {
    let kind = kind.to_lowercase();
    if namespace.is_empty() { format!("{kind}/{name}") } else { format!("{kind}/{namespace}/{name}") }
}

/// Whether it is finished or on its way out.
pub(super) fn is_over(pod: &Object) -> bool {
    matches!(pod.text("/status/phase"), "Succeeded" | "Failed")
        || !pod.text("/metadata/deletionTimestamp").is_empty()
}

pub(super) fn is_ready(pod: &Object) -> bool {
    pod.condition("Ready").and_then(|ready| ready.get("status")).and_then(Value::as_str) == Some("True")
}

fn event(object: &Object) -> Event<'_> {
    let last = ["/series/lastObservedTime", "/lastTimestamp", "/eventTime", "/metadata/creationTimestamp"]
        .iter()
        .find_map(|path| object.time(path));
    let at = |name: &str| object.text(&format!("/involvedObject/{name}"));
    Event {
        reason: object.text("/reason"),
        message: object.text("/message"),
        warning: object.text("/type") == "Warning",
        count: object.number("/series/count").or(object.number("/count")).unwrap_or(1),
        last,
        part: at("fieldPath"),
        about: reference(at("kind"), at("namespace"), at("name")),
    }
}
