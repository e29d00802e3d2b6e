//! A subject found in a snapshot, with what belongs to it.

use super::PodState;
use super::reach::{backends, claims, imagined, ingresses, owners, pods, services, target};
use super::state::{short, text};
use crate::cluster::{Object, Snapshot};
use crate::question::subject::{KINDS, Subject, kind};

/// Related objects of one kind that are kept.
const MOST: usize = 5;
/// Conditions of a node that are bad when they are true; `Ready` is the other way round.
const PRESSURE: &[&str] = &["MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable"];

/// What is looked at, and what belongs to it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// As it was asked for, a node by its name where an address was given.
    pub subject: Subject,
    /// Whether it is in the snapshot.
    pub exists: bool,
    /// What made it, the nearest first.
    pub owners: Vec<Subject>,
    /// What it made between itself and its pods (ReplicaSets, Jobs), the newest first.
    pub made: Vec<Subject>,
    /// The worst of its pods, and its state.
    pub worst: Option<Subject>,
    pub pod: Option<PodState>,
    /// Where that pod runs.
    pub node: Option<String>,
    /// Services that reach its pods, or that it sends to.
    pub services: Vec<Subject>,
    pub ingresses: Vec<Subject>,
    /// Claims that pod mounts.
    pub claims: Vec<Subject>,
    /// What scales it.
    pub autoscalers: Vec<Subject>,
    /// The volume of a claim.
    pub volume: Option<String>,
    /// Its state apart from its pods, in a few words: `0/2 ready`.
    pub state: String,
}

/// Kinds a snapshot must hold for [`workload`], as kubectl takes them. Never Secrets.
#[must_use]
pub fn kinds(subject: &str) -> Vec<String> {
    let all = KINDS.iter().map(|kind| kind.plural.to_owned());
    // Pods of a node are in every namespace; what selects them is no matter there.
    if subject == "node" { vec!["nodes".to_owned(), "pods".to_owned()] } else { all.collect() }
}

/// Finds a subject and what belongs to it. One that is not there is told by `exists`, with what its name still gives.
#[must_use]
pub fn workload(subject: &Subject, snapshot: &Snapshot) -> Found {
    let mut found = Found { subject: subject.clone(), ..Found::default() };
    let Some(object) = object(subject, snapshot) else { return found };
    found.exists = true;
    object.name().clone_into(&mut found.subject.name);
    found.owners = owners(object, snapshot).into_iter().map(named).collect();
    let pods = pods(object, snapshot);
    let mut states: Vec<(PodState, &Object)> = pods.into_iter().map(|pod| (PodState::of(pod), pod)).collect();
    // The worst first, the newest of equals.
    states.sort_by(|(a, one), (b, other)| {
        (b.badness, b.restarts, other.created(), one.name()).cmp(&(
            a.badness,
            a.restarts,
            one.created(),
            other.name(),
        ))
    });
    let ready =
        states.iter().filter(|(state, _)| state.containers > 0 && state.ready == state.containers).count();
    found.state = of_object(object, ready, states.len());
    let template = if states.is_empty() { imagined(object) } else { None };
    let pod = states.first().map(|(_, pod)| *pod);
    found.made = made(object, pod, snapshot);
    let reaching = match object.kind() {
        "Service" => vec![object],
        "Ingress" => {
            let names = backends(object);
            let of_names = |service: &&Object| {
                service.namespace() == object.namespace() && names.contains(&service.name())
            };
            snapshot.of("Service").filter(of_names).collect()
        }
        "Node" => Vec::new(),
        _ => pod.or(template.as_ref()).map_or_else(Vec::new, |pod| services(pod, snapshot)),
    };
    let chain: Vec<&Object> = std::iter::once(object).chain(owners(object, snapshot)).collect();
    let scales = |autoscaler: &&Object| {
        target(autoscaler, snapshot).is_some_and(|target| chain.iter().any(|one| std::ptr::eq(*one, target)))
    };
    if object.kind() != "Ingress" {
        found.ingresses = ingresses(&reaching, snapshot).into_iter().take(MOST).map(named).collect();
    }
    if object.kind() != "Service" {
        found.services = reaching.into_iter().take(MOST).map(named).collect();
    }
    found.autoscalers = snapshot.of("HorizontalPodAutoscaler").filter(scales).take(MOST).map(named).collect();
    if let Some(pod) = pod {
        found.worst = Some(named(pod));
        found.node = Some(pod.text("/spec/nodeName").to_owned()).filter(|node| !node.is_empty());
        let claim = |name: &&str| **name != *object.name() || object.kind() != "PersistentVolumeClaim";
        let claims = claims(pod).into_iter().filter(claim).take(MOST);
        found.claims =
            claims.map(|name| Subject::new("persistentvolumeclaim", pod.namespace(), name)).collect();
    }
    found.volume = Some(object.text("/spec/volumeName").to_owned()).filter(|name| !name.is_empty());
    found.pod = states.into_iter().next().map(|(state, _)| state);
    found
}

/// The object itself; a node also by one of its addresses.
fn object<'a>(subject: &Subject, snapshot: &'a Snapshot) -> Option<&'a Object> {
    let api = kind(&subject.kind).map_or(subject.kind.as_str(), |kind| kind.api);
    let by_name = snapshot.get(api, subject.namespace(), &subject.name);
    by_name.or_else(|| {
        let has = |node: &&Object| {
            node.list("/status/addresses").iter().any(|one| text(one, "/address") == subject.name)
        };
        if subject.kind == "node" { snapshot.of("Node").find(has) } else { None }
    })
}

fn named(object: &Object) -> Subject {
    Subject::new(object.kind(), object.namespace(), object.name())
}

/// What stands between a workload and its pods: events of pods that could not be made are written there.
fn made(object: &Object, pod: Option<&Object>, snapshot: &Snapshot) -> Vec<Subject> {
    let of_pod = pod.and_then(|pod| snapshot.owner_of(pod)).map(named);
    let mut made: Vec<&Object> = snapshot.owned_by(object).filter(|one| one.kind() != "Pod").collect();
    made.sort_by_key(|one| std::cmp::Reverse((one.number("/spec/replicas").unwrap_or(1) > 0, one.created())));
    let mut names: Vec<Subject> = of_pod.into_iter().chain(made.into_iter().map(named)).collect();
    names.retain(|one| *one != named(object));
    let mut kept: Vec<Subject> = Vec::new();
    for name in names {
        if !kept.contains(&name) && kept.len() < MOST {
            kept.push(name);
        }
    }
    kept
}

/// A few words on an object's own state, apart from its pods.
fn of_object(object: &Object, ready: usize, pods: usize) -> String {
    let count = |path: &str| object.number(path).unwrap_or(0);
    let condition = |name: &str, status: &str| {
        let one = object.condition(name).filter(|one| text(one, "/status") == status)?;
        Some(format!("{name}={status} {}", short(text(one, "/reason"))).trim_end().to_owned())
    };
    let mut words = match object.kind() {
        "Deployment" | "StatefulSet" | "ReplicaSet" => {
            let wanted = object.number("/spec/replicas").unwrap_or(1);
            let bad = [
                condition("Available", "False"),
                condition("Progressing", "False"),
                condition("ReplicaFailure", "True"),
            ];
            let mut words = vec![format!("{}/{wanted} ready", count("/status/readyReplicas"))];
            if object.at("/spec/paused") == &serde_json::Value::Bool(true) {
                words.push("paused".to_owned());
            }
            words.extend(bad.into_iter().flatten());
            words
        }
        "DaemonSet" => vec![format!(
            "{}/{} ready",
            count("/status/numberReady"),
            count("/status/desiredNumberScheduled")
        )],
        "Job" => {
            let mut words = vec![format!(
                "{} succeeded, {} failed, {} active",
                count("/status/succeeded"),
                count("/status/failed"),
                count("/status/active")
            )];
            words.extend([condition("Failed", "True"), condition("Complete", "True")].into_iter().flatten());
            words
        }
        "CronJob" => {
            let mut words = vec![format!("schedule {}", short(object.text("/spec/schedule")))];
            if object.at("/spec/suspend") == &serde_json::Value::Bool(true) {
                words.push("suspended".to_owned());
            }
            let last = object.text("/status/lastScheduleTime");
            words.push(if last.is_empty() {
                "never ran".to_owned()
            } else {
                format!("last started {}", short(last))
            });
            words
        }
        "Node" => {
            let ready =
                condition("Ready", "True").map_or_else(|| "NotReady".to_owned(), |_| "Ready".to_owned());
            let mut words = vec![ready];
            if object.at("/spec/unschedulable") == &serde_json::Value::Bool(true) {
                words.push("cordoned".to_owned());
            }
            words.extend(PRESSURE.iter().filter_map(|name| condition(name, "True")));
            words.push(counted(pods));
            words
        }
        "Service" if object.text("/spec/type") == "ExternalName" => {
            vec![format!("sends to {}", short(object.text("/spec/externalName")))]
        }
        "Service" if object.at("/spec/selector").as_object().is_none_or(serde_json::Map::is_empty) => {
            vec!["has no selector".to_owned()]
        }
        "Service" => vec![format!("selects {}, {ready} ready", counted(pods))],
        "Ingress" => {
            vec![format!("sends to {}, {}, {ready} ready", backends(object).join(", "), counted(pods))]
        }
        "PersistentVolumeClaim" => {
            vec![short(object.text("/status/phase")), class(object), format!("used by {}", counted(pods))]
        }
        "HorizontalPodAutoscaler" => vec![format!(
            "{} of {} to {} replicas, wants {}",
            count("/status/currentReplicas"),
            object.number("/spec/minReplicas").unwrap_or(1),
            count("/spec/maxReplicas"),
            count("/status/desiredReplicas"),
        )],
        _ => Vec::new(),
    };
    words.retain(|word| !word.is_empty());
    words.join(", ")
}

fn counted(pods: usize) -> String {
    if pods == 1 { "1 pod".to_owned() } else { format!("{pods} pods") }
}

fn class(claim: &Object) -> String {
    match claim.text("/spec/storageClassName") {
        "" => String::new(),
        class => format!("class {}", short(class)),
    }
}
