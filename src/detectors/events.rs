//! Warnings of the last hour that nothing else explains. Only objects that are still there and still unwell are told
//! of: a cluster at work warns all day.

use std::collections::{HashMap, HashSet};

use super::Severity;
use super::fold::Draft;
use super::view::{Event, HOUR, View, YOUNG, is_over, is_ready};
use super::words::said;

/// Seconds behind which a warning that comes again and again is over.
const LATELY: i64 = 900;
/// How often a ready pod's probe fails before it is told.
const FLAPPING: i64 = 5;
/// Groups that are told.
const MOST: usize = 30;
/// Reasons that controllers repeat at their own leisure while all is well.
const NOISE: [&str; 9] = [
    "FailedToUpdateEndpoint",
    "FailedToUpdateEndpointSlices",
    "FailedToCreateEndpoint",
    "DNSConfigForming",
    "PolicyViolation",
    "FailedGetResourceMetric",
    "FailedComputeMetricsReplicas",
    "NoPods",
    "CheckLimitsForResolvConf",
];

pub(super) fn detect(view: &View<'_>, covered: &HashSet<String>, drafts: &mut Vec<Draft>) {
    let mut groups: HashMap<(String, String, String), Vec<&Event<'_>>> = HashMap::new();
    for event in view.all_events().filter(|event| event.warning && view.within(event.last, HOUR)) {
        if NOISE.contains(&event.reason) || !unwell(view, event, covered) {
            continue;
        }
        let parts: Vec<&str> = event.about.splitn(3, '/').collect();
        let top = match parts.as_slice() {
            [kind, namespace, name] => view.get(kind, namespace, name).map(|object| view.top(object)),
            _ => None,
        };
        let top = top.unwrap_or_else(|| event.about.clone());
        if covered.contains(&top) {
            continue;
        }
        let key = (top, event.reason.to_owned(), shape(event.message));
        groups.entry(key).or_default().push(event);
    }
    let mut found: Vec<Draft> = groups
        .into_values()
        .filter_map(|mut events| {
            events.sort_by(|a, b| (b.last, &a.about).cmp(&(a.last, &b.about)));
            let first = events.first()?;
            let count = events.iter().map(|event| event.count).fold(0, i64::saturating_add);
            let times = if count > 1 { format!(" ({count} times)") } else { String::new() };
            let what = format!("{}{times}: {}", said(first.reason), said(first.message));
            let mut objects: Vec<String> = events.iter().map(|event| event.about.clone()).collect();
            objects.sort();
            objects.dedup();
            let mut draft =
                Draft::new("event", first.about.clone(), Severity::Note, what, vec![first.fact()])
                    .since(first.last);
            draft.finding.others = objects.into_iter().filter(|about| *about != first.about).collect();
            Some(draft)
        })
        .collect();
    found.sort_by(|a, b| {
        (b.finding.since, &a.finding.object, &a.finding.what).cmp(&(
            a.finding.since,
            &b.finding.object,
            &b.finding.what,
        ))
    });
    found.truncate(MOST);
    drafts.extend(found);
}

fn unwell(view: &View<'_>, event: &Event<'_>, covered: &HashSet<String>) -> bool {
    if event.about.is_empty() || covered.contains(&event.about) {
        return false;
    }
    let mut parts = event.about.splitn(3, '/');
    let (kind, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let (namespace, name) = parts.next().map_or(("", second), |name| (second, name));
    let Some(object) = view.get(kind, namespace, name) else {
        // It is gone, or of a kind that was not read: the first are history.
        let known = !view.of(kind).is_empty() || matches!(kind, "pod" | "replicaset" | "job");
        return !known && view.within(event.last, LATELY);
    };
    if view.young(object) || !view.within(event.last, LATELY) {
        return false;
    }
    match kind {
        "pod" if is_over(object) => false,
        "pod" if is_ready(object) => event.reason == "Unhealthy" && event.count >= FLAPPING,
        // It may be starting; a probe or a restart that matters has a detector.
        "pod" if matches!(event.reason, "Unhealthy" | "BackOff") => false,
        "pod" => !view.within(object.time("/status/startTime"), 2 * YOUNG),
        _ => true,
    }
}

/// The message without what differs from one to the next.
fn shape(message: &str) -> String {
    let mut shape = String::new();
    for word in message.split_whitespace().take(40) {
        if !word.chars().any(|c| c.is_ascii_digit()) {
            shape.push_str(word);
            shape.push(' ');
        }
    }
    shape
}
