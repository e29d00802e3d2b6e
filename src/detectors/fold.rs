//! Puts together what belongs together: pods of one workload with the same fault, and a cause with what follows from
//! it. Judges nothing by itself.

use std::collections::{HashMap, HashSet};

use super::view::{View, reference};
use super::{Finding, Focus, Severity};

/// Effects that are listed with their cause.
const MOST_EFFECTS: usize = 12;
/// Evidence a finding carries.
const MOST_EVIDENCE: usize = 12;

/// A finding before it is known what else there is.
pub(super) struct Draft {
    pub finding: Finding,
    /// What may explain it: where one of these objects has a finding, this one is its effect.
    pub after: Vec<String>,
    /// Drafts with the same words here are one finding; nothing is alike where it is empty.
    pub alike: String,
    /// Says nothing by itself: it only stands as an effect of something else.
    pub only_as_effect: bool,
    /// A few words for where it stands as an effect.
    pub short: String,
}

impl Draft {
    pub(super) fn new(
        detector: &'static str,
        object: String,
        severity: Severity,
        what: String,
        evidence: Vec<(String, String)>,
    ) -> Self {
        let finding = Finding {
            detector,
            object,
            others: Vec::new(),
            severity,
            what,
            evidence,
            cause_of: Vec::new(),
            since: None,
        };
        Self { finding, after: Vec::new(), alike: String::new(), only_as_effect: false, short: String::new() }
    }

    pub(super) fn since(mut self, since: Option<jiff::Timestamp>) -> Self {
        self.finding.since = since;
        self
    }

    pub(super) fn after(mut self, after: impl IntoIterator<Item = String>) -> Self {
        self.after.extend(after);
        self
    }

    pub(super) fn alike(mut self, alike: String) -> Self {
        self.alike = alike;
        self
    }

    pub(super) fn short(mut self, short: impl Into<String>) -> Self {
        self.short = short.into();
        self
    }

    pub(super) fn only_as_effect(mut self) -> Self {
        self.only_as_effect = true;
        self
    }
}

/// Every object that something is said about.
pub(super) fn covered(drafts: &[Draft]) -> HashSet<String> {
    let said = drafts.iter().filter(|draft| !draft.only_as_effect);
    said.map(|draft| draft.finding.object.clone()).collect()
}

pub(super) fn fold(view: &View<'_>, mut drafts: Vec<Draft>, focus: Option<&Focus>) -> Vec<Finding> {
    drafts.sort_by(|a, b| a.finding.object.cmp(&b.finding.object));
    let drafts = merge_alike(drafts);
    let causes = causes(&drafts);
    let mut effects: HashMap<usize, Vec<usize>> = HashMap::new();
    for (at, cause) in causes.iter().enumerate() {
        if let Some(cause) = cause {
            effects.entry(*cause).or_default().push(at);
        }
    }
    let mut findings = Vec::new();
    for (at, draft) in drafts.iter().enumerate() {
        if causes.get(at).is_some_and(Option::is_some) || draft.only_as_effect {
            continue;
        }
        let mut finding = draft.finding.clone();
        let mine = effects.get(&at).map_or(&[][..], Vec::as_slice);
        for effect in mine.iter().filter_map(|effect| drafts.get(*effect)) {
            let other = &effect.finding;
            finding.severity = finding.severity.min(other.severity);
            let words = if effect.short.is_empty() { &other.what } else { &effect.short };
            if finding.cause_of.len() < MOST_EFFECTS {
                let count = match other.others.len() {
                    0 => String::new(),
                    others => format!(" (×{})", others + 1),
                };
                finding.cause_of.push(format!("{}{count}: {words}", other.object));
            }
            // The first of its evidence tells an effect; the rest is told by the cause.
            if let Some((path, value)) = other.evidence.first()
                && finding.evidence.len() < MOST_EVIDENCE
            {
                finding.evidence.push((format!("{} {path}", other.object), value.clone()));
            }
        }
        if mine.len() > MOST_EFFECTS {
            finding.cause_of.push(format!("and {} more", mine.len() - MOST_EFFECTS));
        }
        finding.evidence.truncate(MOST_EVIDENCE);
        findings.push(finding);
    }
    let near = |finding: &Finding| focus.map_or(0, |focus| distance(view, finding, focus));
    findings.sort_by(|a, b| {
        (a.severity, near(a), a.object.as_str(), a.what.as_str()).cmp(&(
            b.severity,
            near(b),
            b.object.as_str(),
            b.what.as_str(),
        ))
    });
    findings
}

fn merge_alike(drafts: Vec<Draft>) -> Vec<Draft> {
    let mut merged: Vec<Draft> = Vec::new();
    let mut first: HashMap<String, usize> = HashMap::new();
    for draft in drafts {
        if draft.alike.is_empty() {
            merged.push(draft);
            continue;
        }
        let at = *first.entry(draft.alike.clone()).or_insert(merged.len());
        match merged.get_mut(at) {
            Some(one) => {
                // The one with more to show speaks for all: events are kept of some pods only.
                let mut draft = draft;
                if draft.finding.evidence.len() > one.finding.evidence.len() {
                    draft.finding.others.append(&mut one.finding.others);
                    std::mem::swap(one, &mut draft);
                }
                one.finding.others.push(draft.finding.object);
                one.finding.severity = one.finding.severity.min(draft.finding.severity);
                one.finding.since = match (one.finding.since, draft.finding.since) {
                    (Some(a), Some(b)) => Some(a.min(b)),
                    (a, b) => a.or(b),
                };
                one.after.extend(draft.after);
                one.only_as_effect &= draft.only_as_effect;
            }
            None => merged.push(draft),
        }
    }
    merged
}

/// For each draft the one it follows from in the end.
fn causes(drafts: &[Draft]) -> Vec<Option<usize>> {
    let mut about: HashMap<&str, usize> = HashMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        let mine = std::iter::once(&draft.finding.object).chain(&draft.finding.others);
        for object in mine {
            let known = about.entry(object).or_insert(at);
            // What stands for itself explains better than what needs a cause.
            if drafts.get(*known).is_some_and(|one| one.only_as_effect) {
                *known = at;
            }
        }
    }
    let direct: Vec<Option<usize>> = drafts
        .iter()
        .enumerate()
        .map(|(at, draft)| {
            let found = draft.after.iter().filter_map(|object| about.get(object.as_str()).copied());
            found
                .filter(|cause| *cause != at)
                .min_by_key(|cause| drafts.get(*cause).map(|d| d.only_as_effect))
        })
        .collect();
    let last = |start: usize| {
        let mut passed = HashSet::from([start]);
        let mut at = start;
        while let Some(next) = direct.get(at).copied().flatten() {
            if !passed.insert(next) {
                // They name each other: neither is the cause.
                return None;
            }
            at = next;
        }
        // A chain that ends in something that says nothing by itself has no cause.
        let stands = drafts.get(at).is_some_and(|draft| !draft.only_as_effect);
        (at != start && stands).then_some(at)
    };
    (0..drafts.len()).map(last).collect()
}

/// 0 the very object, 1 what belongs to it, 2 its namespace, 3 the rest.
fn distance(view: &View<'_>, finding: &Finding, focus: &Focus) -> u8 {
    let wanted = reference(&focus.kind, &focus.namespace, &focus.name);
    let named = |object: &String| !focus.name.is_empty() && *object == wanted;
    let mut objects = std::iter::once(&finding.object).chain(&finding.others);
    if objects.any(named) {
        return 0;
    }
    let belongs = |object: &String| {
        let mut parts = object.splitn(3, '/');
        let (Some(kind), Some(namespace), Some(name)) = (parts.next(), parts.next(), parts.next()) else {
            return false;
        };
        view.get(kind, namespace, name).is_some_and(|object| view.top(object) == wanted)
    };
    let effect = finding
        .cause_of
        .iter()
        .any(|effect| effect.strip_prefix(&wanted).is_some_and(|rest| rest.starts_with([':', ' '])));
    if !focus.name.is_empty() && (belongs(&finding.object) || effect) {
        return 1;
    }
    let inside =
        finding.object.split('/').nth(1).is_some_and(|namespace| {
            namespace == focus.namespace && finding.object.matches('/').count() == 2
        });
    if inside { 2 } else { 3 }
}
