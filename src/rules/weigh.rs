//! Weighs the matches: what explains what, and which problem comes first.

use std::collections::BTreeSet;

use super::recognise::Match;

/// A root and what follows from it: indices into the matches.
pub(super) struct Problem {
    pub(super) root: usize,
    pub(super) members: Vec<usize>,
    score: u32,
}

impl Problem {
    /// Whether the question names what it is about.
    pub(super) fn asked_for(&self, found: &[Match<'_>]) -> bool {
        self.any(found, |one| one.asked_for)
    }

    /// Whether it belongs to one of these areas.
    pub(super) fn within(&self, found: &[Match<'_>], areas: &[String]) -> bool {
        self.any(found, |one| one.within(areas))
    }

    fn any(&self, found: &[Match<'_>], test: impl Fn(&Match<'_>) -> bool) -> bool {
        self.members.iter().chain([&self.root]).any(|&index| found.get(index).is_some_and(&test))
    }

    /// What is told before the root: the symptom nearest to the person who waits.
    pub(super) fn symptom<'a, 'b>(&self, found: &'a [Match<'b>]) -> Option<&'a Match<'b>> {
        self.members
            .iter()
            .filter(|&&index| index != self.root)
            .filter_map(|&index| found.get(index))
            .filter(|one| one.rule.symptom)
            .max_by_key(|one| (one.asked_for, one.score()))
    }
}

/// Problems in order of weight; each strong match belongs to exactly one.
pub(super) fn problems(found: &[Match<'_>]) -> Vec<Problem> {
    let mut problems: Vec<Problem> = Vec::new();
    for (index, one) in found.iter().enumerate() {
        if !one.strong() {
            continue;
        }
        let root = root_of(found, index);
        match problems.iter_mut().find(|problem| problem.root == root) {
            Some(problem) => {
                problem.members.push(index);
                problem.score = problem.score.max(one.score());
            }
            None => problems.push(Problem { root, members: vec![index], score: one.score() }),
        }
    }
    // A stable sort: equals stay in the order they were seen, which is the order they happened in.
    problems.sort_by_key(|problem| {
        let depth = found.get(problem.root).map_or(0, |root| root.rule.rank);
        std::cmp::Reverse((problem.score, depth))
    });
    problems
}

/// Problems of one kind together: five containers at their memory limit are one thing to say.
pub(super) fn alike<'a>(found: &[Match<'_>], problems: &[&'a Problem]) -> Vec<Vec<&'a Problem>> {
    let kind = |problem: &Problem| found.get(problem.root).map(|root| root.rule.id.as_str());
    let mut groups: Vec<Vec<&Problem>> = Vec::new();
    for &problem in problems {
        match groups.iter_mut().find(|group| group.first().is_some_and(|one| kind(one) == kind(problem))) {
            Some(group) => group.push(problem),
            None => groups.push(vec![problem]),
        }
    }
    groups
}

/// Follows explanations from a match to the one nothing explains.
fn root_of(found: &[Match<'_>], start: usize) -> usize {
    let mut walked = BTreeSet::from([start]);
    let mut at = start;
    while let Some(next) = explanation(found, at)
        && walked.insert(next)
    {
        at = next;
    }
    at
}

/// The best match that explains this one: said so by its rule, or the cause beside a symptom.
fn explanation(found: &[Match<'_>], index: usize) -> Option<usize> {
    let this = found.get(index)?;
    found
        .iter()
        .enumerate()
        .filter(|(other, one)| {
            *other != index
                && one.strong()
                && one.rule.id != this.rule.id
                && !this.rule.explains.contains(&one.rule.id)
                && (one.rule.explains.contains(&this.rule.id) && related(one, this)
                    || one.same_thing(this) && outweighs(one, this)
                    || one.leads_to(this))
        })
        // What the detectors saw to follow is told by no rank.
        .max_by_key(|(other, one)| (one.leads_to(this), one.rule.rank, std::cmp::Reverse(*other)))
        .map(|(other, _)| other)
}

/// Of two matches about one thing the cause stands above the symptom, and the plainer above the vaguer.
fn outweighs(one: &Match<'_>, other: &Match<'_>) -> bool {
    if one.rule.symptom {
        return false;
    }
    let (rank, below) = (one.rule.rank, other.rule.rank);
    match one.scope.as_str() {
        // The machine as a whole can have several troubles at once.
        "machine" => other.rule.symptom,
        // So can the program whose log was handed over: what comes first is the cause where both are plain.
        _ if one.of_text() => {
            other.rule.symptom
                || rank >= below + 15
                || rank + 10 >= below && rank > 50 && one.first < other.first
        }
        _ => other.rule.symptom || rank > below,
    }
}

/// Said to explain, and not plainly about something else.
fn related(cause: &Match<'_>, effect: &Match<'_>) -> bool {
    let machine_wide = cause.scope.starts_with('/') || cause.scope == "machine";
    machine_wide || cause.same_thing(effect) || cause.exhibit != effect.exhibit && mentions(cause, effect)
}

fn mentions(cause: &Match<'_>, effect: &Match<'_>) -> bool {
    let workload = workload(&cause.scope);
    // `payments` is in `http://payments.shop.svc`, not in `payments-api`.
    let stands = |word: &str, text: &str| {
        let part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
        text.match_indices(word).any(|(at, _)| {
            let (before, after) =
                (text.get(..at).unwrap_or_default(), text.get(at + word.len()..).unwrap_or_default());
            !before.ends_with(part) && !after.starts_with(part)
        })
    };
    workload.len() > 2 && (stands(workload, &effect.line) || stands(&cause.scope, &effect.line))
        || !effect.scope.is_empty() && cause.line.contains(&effect.scope)
}

/// The name of what owns a pod: `payments` of `payments-5fb864cfb8-bqzx9`.
pub(super) fn workload(scope: &str) -> &str {
    let generated = |part: &str, longest: usize| {
        (5..=longest).contains(&part.len())
            && part.bytes().all(|b| b.is_ascii_lowercase() && !b"aeiou".contains(&b) || b.is_ascii_digit())
    };
    let Some((rest, last)) = scope.rsplit_once('-') else {
        return scope;
    };
    if !generated(last, 5) {
        return scope;
    }
    match rest.rsplit_once('-') {
        Some((name, set)) if generated(set, 10) => name,
        _ => rest,
    }
}
