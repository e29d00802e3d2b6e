//! Weighs the matches: what explains what, which problem comes first, what the answer says.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::book::Confidence;
use super::case::Case;
use super::recognise::Match;

/// The answer's fields, ready for the `answer` tool or for plain text.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Conclusion {
    pub(super) root_cause: String,
    pub(super) verdict: &'static str,
    pub(super) confidence: &'static str,
    /// Claim, exhibit number, quote.
    pub(super) findings: Vec<(String, u32, String)>,
    pub(super) fix: Vec<String>,
    pub(super) not_sure: Vec<String>,
}

/// Problems told in the root cause; more are counted.
const TOLD: usize = 3;
const FINDINGS: usize = 8;
const FIXES: usize = 6;
/// A weak match of this rank keeps "no problem" from being said; below, it is a note.
const DOUBTFUL: u32 = 20;

/// A root and what follows from it: indices into the matches.
pub(super) struct Problem {
    pub(super) root: usize,
    pub(super) members: Vec<usize>,
    score: u32,
}

impl Problem {
    /// Whether the question names what it is about.
    pub(super) fn asked_for(&self, found: &[Match<'_>]) -> bool {
        self.members.iter().any(|&index| found.get(index).is_some_and(|one| one.asked_for))
    }
}

/// Concludes from what was found. `understood`: the question is one the rules can look into.
pub(super) fn conclude(case: &Case, found: &[Match<'_>], understood: bool) -> Conclusion {
    let mut conclusion = Conclusion { not_sure: unread(case, found), ..Conclusion::default() };
    let problems = problems(found);
    if problems.is_empty() {
        nothing_found(case, found, understood, &mut conclusion);
        return conclusion;
    }
    conclusion.verdict = "problem_found";
    // Where the question names something, the answer is about that and the rest is a note.
    let (main, rest): (Vec<&Problem>, Vec<&Problem>) =
        if problems.iter().any(|problem| problem.asked_for(found)) {
            problems.iter().partition(|problem| problem.asked_for(found))
        } else {
            (problems.iter().collect(), Vec::new())
        };
    for (position, problem) in main.iter().enumerate() {
        conclusion.tell(found, problem, position == 0);
    }
    let (told, more) = sentences(found, &main);
    if let Some((first, others)) = told.split_first() {
        conclusion.root_cause = stop(first);
        if !others.is_empty() {
            let also = format!(" Also: {}{more}", others.join("; "));
            conclusion.root_cause.push_str(&stop(&also));
        }
    }
    if !rest.is_empty() {
        let (told, more) = sentences(found, &rest);
        conclusion.not_sure.push(format!("seen besides, not looked into: {}{more}", told.join("; ")));
    }
    let confidence = main
        .first()
        .and_then(|problem| found.get(problem.root))
        .map_or(Confidence::Low, |root| root.rule.confidence);
    // What was named is not here: the trouble found may have nothing to do with it.
    let elsewhere = rest.is_empty()
        && !main.iter().any(|problem| problem.asked_for(found))
        && found.iter().any(|one| one.rule.weak && one.asked_for);
    conclusion.confidence = if elsewhere { Confidence::Low.word() } else { confidence.word() };
    let explained = |weak: &Match<'_>| {
        found.iter().any(|one| !one.rule.weak && (one.quote == weak.quote || same_thing(one, weak)))
    };
    for weak in found.iter().filter(|one| one.rule.weak && !explained(one)).take(2) {
        conclusion.not_sure.push(format!("{} [E{}]", weak.cause, weak.exhibit));
    }
    conclusion
}

impl Conclusion {
    /// Evidence and fixes of one problem; the first has the most room.
    fn tell(&mut self, found: &[Match<'_>], problem: &Problem, first: bool) {
        let Some(root) = found.get(problem.root) else {
            return;
        };
        self.add(root);
        let mut symptoms: Vec<&Match<'_>> = problem
            .members
            .iter()
            .filter(|&&index| index != problem.root)
            .filter_map(|&index| found.get(index))
            .collect();
        symptoms.sort_by_key(|one| std::cmp::Reverse(one.score()));
        for symptom in symptoms.into_iter().take(if first { 2 } else { 1 }) {
            self.add(symptom);
        }
        for fix in root.fix.iter().take(if first { 3 } else { 1 }) {
            if !self.fix.contains(fix) && self.fix.len() < FIXES {
                self.fix.push(fix.clone());
            }
        }
    }

    fn add(&mut self, one: &Match<'_>) {
        let known = self.findings.iter().any(|(claim, _, quote)| claim == &one.cause || quote == &one.quote);
        if !known && self.findings.len() < FINDINGS {
            self.findings.push((one.cause.clone(), one.exhibit, one.quote.clone()));
        }
    }

    /// The arguments of the `answer` tool.
    pub(super) fn arguments(&self) -> serde_json::Map<String, Value> {
        let findings: Vec<Value> = self
            .findings
            .iter()
            .map(|(claim, exhibit, quote)| {
                json!({"claim": claim, "exhibit": format!("E{exhibit}"), "quote": quote})
            })
            .collect();
        let mut map = serde_json::Map::new();
        map.insert("root_cause".to_owned(), json!(self.root_cause));
        map.insert("verdict".to_owned(), json!(self.verdict));
        map.insert("confidence".to_owned(), json!(self.confidence));
        map.insert("findings".to_owned(), Value::Array(findings));
        map.insert("fix".to_owned(), json!(self.fix));
        map.insert("not_sure".to_owned(), json!(self.not_sure));
        map
    }

    /// The same for a reader, where tools were withdrawn.
    pub(super) fn markdown(&self) -> String {
        let mut text = format!("**Root cause:** {}\n", self.root_cause);
        if !self.findings.is_empty() {
            text.push_str("\n**Evidence:**\n");
            for (claim, exhibit, quote) in &self.findings {
                // Backticks inside a quote would end it early.
                let _ = writeln!(text, "- {claim}: `{}` [E{exhibit}]", quote.replace('`', "'"));
            }
        }
        if !self.fix.is_empty() {
            text.push_str("\n**Fix:**\n");
            for fix in &self.fix {
                let _ = writeln!(text, "- {fix}");
            }
        }
        if !self.not_sure.is_empty() {
            text.push_str("\n**Not sure:**\n");
            for note in &self.not_sure {
                let _ = writeln!(text, "- {note}");
            }
        }
        let _ = write!(text, "\nVerdict: {}, confidence: {}", self.verdict, self.confidence);
        text
    }
}

/// `symptom: cause`, or the cause alone.
fn sentence(found: &[Match<'_>], problem: &Problem) -> String {
    let Some(root) = found.get(problem.root) else {
        return String::new();
    };
    let symptoms = problem
        .members
        .iter()
        .filter(|&&index| index != problem.root)
        .filter_map(|&index| found.get(index))
        .filter(|one| one.rule.symptom);
    // The question's own subject first, then the one nearest to the person who waits.
    match symptoms.max_by_key(|one| (one.asked_for, one.score())) {
        Some(symptom) => format!("{}: {}", symptom.cause, root.cause),
        None => root.cause.clone(),
    }
}

/// The first problems in words, and how many more there are.
fn sentences(found: &[Match<'_>], problems: &[&Problem]) -> (Vec<String>, String) {
    let mut told: Vec<String> = Vec::new();
    for problem in problems {
        let said = sentence(found, problem);
        if !told.contains(&said) {
            told.push(said);
        }
    }
    let more = told.len().saturating_sub(TOLD);
    told.truncate(TOLD);
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    (told, more)
}

fn stop(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?']) { text.to_owned() } else { format!("{text}.") }
}

/// Problems in order of weight; each strong match belongs to exactly one.
pub(super) fn problems(found: &[Match<'_>]) -> Vec<Problem> {
    let strong = |one: &Match<'_>| !one.rule.weak && !one.rule.healthy;
    let mut problems: Vec<Problem> = Vec::new();
    for (index, one) in found.iter().enumerate() {
        if !strong(one) {
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
    // A stable sort: equals stay in the order they were seen.
    problems.sort_by_key(|problem| {
        let depth = found.get(problem.root).map_or(0, |root| root.rule.rank);
        std::cmp::Reverse((problem.score, depth))
    });
    problems
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
                && !one.rule.weak
                && !one.rule.healthy
                && one.rule.id != this.rule.id
                && (one.rule.explains.contains(&this.rule.id) && related(one, this)
                    || same_thing(one, this) && outweighs(one, this))
        })
        .max_by_key(|(other, one)| (one.rule.rank, std::cmp::Reverse(*other)))
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
        // So can the program whose log was handed over, when both are plain.
        scope if scope.starts_with('E') && scope[1..].bytes().all(|b| b.is_ascii_digit()) => {
            other.rule.symptom || rank >= below + 15
        }
        _ => other.rule.symptom || rank > below,
    }
}

/// Said to explain, and not plainly about something else.
fn related(cause: &Match<'_>, effect: &Match<'_>) -> bool {
    let machine_wide = cause.scope.starts_with('/') || cause.scope == "machine";
    machine_wide || same_thing(cause, effect) || cause.exhibit != effect.exhibit && mentions(cause, effect)
}

fn mentions(cause: &Match<'_>, effect: &Match<'_>) -> bool {
    !cause.scope.is_empty() && effect.quote.contains(&cause.scope)
        || !effect.scope.is_empty() && cause.quote.contains(&effect.scope)
}

fn same_thing(one: &Match<'_>, other: &Match<'_>) -> bool {
    one.scope.eq_ignore_ascii_case(&other.scope)
}

/// Sources that gave nothing to judge by.
fn unread(case: &Case, found: &[Match<'_>]) -> Vec<String> {
    let mut notes = Vec::new();
    for made in &case.made {
        if let Some(refusal) = &made.refusal {
            notes.push(format!("{} gave no output: {refusal}", made.tool));
        }
    }
    for seen in &case.seen {
        let exhibit = &seen.exhibit;
        // A failing command whose words a rule understands has told what it was asked.
        if found.iter().any(|one| one.exhibit == exhibit.id) {
            continue;
        }
        if let Some(error) = &exhibit.error {
            notes.push(format!("{} failed: {error} [E{}]", exhibit.tool, exhibit.id));
        } else if exhibit.title.contains("timed out") {
            notes.push(format!("{} did not finish in time [E{}]", exhibit.tool, exhibit.id));
        }
    }
    notes
}

fn nothing_found(case: &Case, found: &[Match<'_>], understood: bool, conclusion: &mut Conclusion) {
    conclusion.verdict = "inconclusive";
    conclusion.confidence = "low";
    if case.seen.is_empty() && case.made.is_empty() {
        conclusion.root_cause = if understood {
            "Nothing could be looked at: no tool that fits the question is usable here.".to_owned()
        } else {
            "Not answered: without a model only questions about the state of this machine, its services, \
             logs and cluster are answered, by rules."
                .to_owned()
        };
        conclusion
            .not_sure
            .push("a model answers any question: set OPENAI_API_KEY and MODEL, or OPENAI_API_BASE for a local endpoint".to_owned());
        return;
    }
    let mut tools: Vec<&str> = Vec::new();
    for seen in &case.seen {
        if !tools.contains(&seen.exhibit.tool.as_str()) {
            tools.push(&seen.exhibit.tool);
        }
    }
    let looked = tools.join(", ");
    let (weak, trifles): (Vec<&Match<'_>>, Vec<&Match<'_>>) =
        found.iter().filter(|one| one.rule.weak).partition(|one| one.rule.rank >= DOUBTFUL);
    if !weak.is_empty() {
        for one in weak.iter().take(5) {
            conclusion.add(one);
        }
        conclusion.root_cause = format!(
            "No certain cause in {looked}; worth a look: {}.",
            weak.first().map_or("", |one| one.cause.as_str())
        );
        return;
    }
    for sign in found.iter().filter(|one| one.rule.healthy) {
        conclusion.add(sign);
    }
    let attached = case.seen.iter().any(|seen| seen.attached);
    if attached {
        conclusion.root_cause = format!("No line of {looked} is one the rules know as trouble.");
        conclusion
            .not_sure
            .push("trouble that no rule describes: a model would read the text itself".to_owned());
    } else if conclusion.not_sure.is_empty() && !conclusion.findings.is_empty() {
        conclusion.verdict = "no_problem";
        conclusion.confidence = "medium";
        let signs: Vec<&str> =
            conclusion.findings.iter().take(4).map(|(claim, _, _)| claim.as_str()).collect();
        conclusion.root_cause = stop(&signs.join("; "));
    } else {
        conclusion.root_cause = format!("Nothing certain: looked at {looked}.");
    }
    for one in trifles.iter().take(3) {
        conclusion.not_sure.push(format!("{} [E{}]", one.cause, one.exhibit));
    }
}
