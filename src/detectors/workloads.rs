//! Deployments, ReplicaSets, StatefulSets and DaemonSets that have not what they should have. Where their pods say
//! why, they are an effect of that.

use jiff::Timestamp;

use super::Severity;
use super::fold::Draft;
use super::view::{View, YOUNG, is_ready};
use super::words::{clip, condition, condition_facts, counted, fact, facts, lasting, said};
use crate::cluster::Object;

/// Seconds without a pod after which a set is told.
const SETTLING: i64 = 120;

pub(super) fn detect(view: &View<'_>, drafts: &mut Vec<Draft>) {
    for one in view.of("deployment") {
        drafts.extend(deployment(view, one));
    }
    for one in view.of("replicaset") {
        drafts.extend(replica_set(view, one));
    }
    for one in view.of("statefulset") {
        drafts.extend(stateful_set(view, one));
    }
    for one in view.of("daemonset") {
        drafts.extend(daemon_set(view, one));
    }
}

/// Replicas asked for; one where nothing is said.
pub(super) fn wanted(workload: &Object) -> i64 {
    workload.number("/spec/replicas").unwrap_or(1)
}

fn names(pods: &[&Object]) -> Vec<String> {
    pods.iter().map(|pod| pod.reference()).collect()
}

fn leaving(object: &Object) -> bool {
    !object.text("/metadata/deletionTimestamp").is_empty()
}

fn deployment(view: &View<'_>, one: &Object) -> Option<Draft> {
    let wanted = wanted(one);
    if wanted == 0 || view.young(one) || leaving(one) {
        return None;
    }
    let available = one.number("/status/availableReplicas").unwrap_or(0);
    let share = format!("{available} of {wanted} replicas are available");
    let severity = if available == 0 { Severity::Critical } else { Severity::Warning };
    if let Some(refused) = condition(one, "ReplicaFailure", "True") {
        let mut evidence = condition_facts(one, "ReplicaFailure");
        evidence.extend(facts(one, &["/spec/template/spec/serviceAccountName", "/spec/replicas"]));
        return Some(refusal(view, one, &refused.message, refused.since, &share, severity, evidence));
    }
    let pods = names(&view.pods_below(one));
    let stuck = condition(one, "Progressing", "False").filter(|one| one.reason == "ProgressDeadlineExceeded");
    if let Some(stuck) = stuck {
        let mut evidence = condition_facts(one, "Progressing");
        evidence
            .extend(facts(one, &["/status/availableReplicas", "/status/updatedReplicas", "/spec/replicas"]));
        let what = format!(
            "its rollout has not got on{}: {share}, {} of them new",
            lasting(view, stuck.since),
            one.number("/status/updatedReplicas").unwrap_or(0)
        );
        return Some(
            Draft::new("deployment", one.reference(), severity, what, evidence)
                .since(stuck.since)
                .after(pods)
                .short(format!("{share}, its rollout does not get on")),
        );
    }
    if let Some(lacking) = condition(one, "Available", "False").filter(|one| !view.within(one.since, YOUNG)) {
        let mut evidence = condition_facts(one, "Available");
        evidence.extend(facts(one, &["/status/availableReplicas", "/spec/replicas"]));
        let paused = if one.at("/spec/paused").as_bool() == Some(true) { "; it is paused" } else { "" };
        let what = format!("{share}{}{paused}", lasting(view, lacking.since));
        return Some(
            Draft::new("deployment", one.reference(), severity, what, evidence)
                .since(lacking.since)
                .after(pods)
                .short(share),
        );
    }
    let updated = one.number("/status/updatedReplicas").unwrap_or(0);
    if one.at("/spec/paused").as_bool() == Some(true) && updated < wanted {
        let what = format!("is paused in the middle of a rollout: {updated} of {wanted} replicas are new");
        let evidence = facts(one, &["/spec/paused", "/status/updatedReplicas"]);
        return Some(Draft::new("deployment", one.reference(), Severity::Note, what, evidence));
    }
    // Enough are there for it to be available: what its pods say is told, with this behind it.
    (available < wanted).then(|| {
        Draft::new("deployment", one.reference(), Severity::Warning, share.clone(), Vec::new())
            .after(pods)
            .short(share)
            .only_as_effect()
    })
}

/// The API server does not let its pods be made.
fn refusal(
    view: &View<'_>,
    one: &Object,
    message: &str,
    since: Option<Timestamp>,
    share: &str,
    severity: Severity,
    mut evidence: Vec<(String, String)>,
) -> Draft {
    let why = if message.contains("exceeded quota") {
        "a quota is used up"
    } else if message.contains("serviceaccount") || message.contains("service account") {
        "its service account does not exist"
    } else if message.contains("violates PodSecurity") || message.contains("PodSecurityPolicy") {
        "it breaks the namespace's pod security"
    } else if message.contains("webhook") {
        "an admission webhook refuses them or does not answer"
    } else if message.contains("per Container") || message.contains("per Pod") {
        "they are outside of the limit range"
    } else {
        "they are refused"
    };
    if let Some(event) = view.recent(one, |event| event.reason == "FailedCreate")
        && !evidence.contains(&event.fact())
    {
        evidence.push(event.fact());
    }
    let what = format!("its pods cannot be made, {why}: {} ({share})", said(message));
    Draft::new("create", one.reference(), severity, what, evidence).since(since).short(share)
}

fn replica_set(view: &View<'_>, one: &Object) -> Option<Draft> {
    let wanted = wanted(one);
    if wanted == 0 || view.young(one) || leaving(one) {
        return None;
    }
    let ready = one.number("/status/readyReplicas").unwrap_or(0);
    let share = format!("{ready} of {wanted} replicas are ready");
    let owner = view.top(one);
    let severity = if ready == 0 { Severity::Critical } else { Severity::Warning };
    if let Some(refused) = condition(one, "ReplicaFailure", "True") {
        let evidence = condition_facts(one, "ReplicaFailure");
        let draft = refusal(view, one, &refused.message, refused.since, &share, severity, evidence);
        return Some(if owner == one.reference() { draft } else { draft.after([owner]) });
    }
    (owner == one.reference() && ready < wanted).then(|| {
        Draft::new("replicaset", owner, severity, share.clone(), Vec::new())
            .after(names(&view.pods_below(one)))
            .short(share)
            .only_as_effect()
    })
}

fn refused_lately(view: &View<'_>, one: &Object) -> Option<(String, (String, String))> {
    let event = view.recent(one, |event| event.reason == "FailedCreate" && event.warning)?;
    Some((event.message.to_owned(), event.fact()))
}

fn stateful_set(view: &View<'_>, one: &Object) -> Option<Draft> {
    let wanted = wanted(one);
    let ready = one.number("/status/readyReplicas").unwrap_or(0);
    if wanted == 0 || ready >= wanted || view.young(one) || leaving(one) {
        return None;
    }
    let mut pods = view.pods_below(one);
    let ordinal = |pod: &Object| pod.name().rsplit('-').next().and_then(|last| last.parse::<u32>().ok());
    pods.sort_by_key(|pod| ordinal(pod));
    let severity = if ready == 0 { Severity::Critical } else { Severity::Warning };
    let share = format!("{ready} of {wanted} replicas are ready");
    let mut evidence = facts(one, &["/status/readyReplicas", "/spec/replicas"]);
    let there = i64::try_from(pods.len()).unwrap_or(i64::MAX);
    if there < wanted
        && let Some((message, event)) = refused_lately(view, one)
    {
        evidence.push(event);
        return Some(refusal(view, one, &message, None, &share, severity, evidence));
    }
    let blocking = pods.iter().find(|pod| !is_ready(pod))?;
    let parallel = one.text("/spec/podManagementPolicy") == "Parallel";
    let waits = !parallel && there < wanted;
    let stuck = if waits {
        format!("{share}; it waits for {} before it makes the next", clip(blocking.name()))
    } else {
        share
    };
    evidence.extend(fact(one, "/status/updateRevision"));
    // Its pods say why; without a fault of theirs it is only busy.
    Some(
        Draft::new("statefulset", one.reference(), severity, stuck.clone(), evidence)
            .after(names(&pods.iter().copied().filter(|pod| !is_ready(pod)).collect::<Vec<_>>()))
            .short(stuck)
            .only_as_effect(),
    )
}

fn daemon_set(view: &View<'_>, one: &Object) -> Option<Draft> {
    let number = |path: &str| one.number(path).unwrap_or(0);
    let wanted = number("/status/desiredNumberScheduled");
    let ready = number("/status/numberReady");
    if view.young(one) || leaving(one) {
        return None;
    }
    let pods = view.pods_below(one);
    let share = format!("{ready} of {wanted} pods are ready");
    let severity = if ready == 0 { Severity::Critical } else { Severity::Warning };
    let evidence =
        facts(one, &["/status/numberReady", "/status/desiredNumberScheduled", "/status/numberUnavailable"]);
    if ready < wanted {
        let placed = number("/status/currentNumberScheduled");
        if placed < wanted
            && let Some((message, event)) = refused_lately(view, one)
        {
            let evidence = evidence.into_iter().chain([event]).collect();
            return Some(refusal(view, one, &message, None, &share, severity, evidence));
        }
        let unready = names(&pods.iter().copied().filter(|pod| !is_ready(pod)).collect::<Vec<_>>());
        let draft = Draft::new("daemonset", one.reference(), severity, share.clone(), evidence)
            .after(unready)
            .short(share);
        let bare = pods.is_empty() && ready == 0 && view.age(one.created()).is_some_and(|age| age > SETTLING);
        return Some(if bare && view.listed("pods") { draft } else { draft.only_as_effect() });
    }
    let astray = number("/status/numberMisscheduled");
    (astray > 0).then(|| {
        let astray = usize::try_from(astray).unwrap_or_default();
        let what = format!("has {} on nodes where it should have none", counted(astray, "pod"));
        let evidence = facts(one, &["/status/numberMisscheduled", "/spec/template/spec/nodeSelector"]);
        Draft::new("daemonset", one.reference(), Severity::Note, what, evidence)
    })
}
