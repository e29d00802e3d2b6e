//! Weighs the matches: what explains what, which problem comes first, what the answer says.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::book::Confidence;
use super::case::Case;
use super::recognise::Match;
use super::subject::Subject;
use super::weigh::{self, Problem};

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
    /// The lines quoted so far: one line proves one thing.
    quoted: Vec<String>,
}

/// Causes a report tells; the rest is one line of asides.
const TOLD: usize = 5;
const FINDINGS: usize = 8;
const FIXES: usize = 6;
/// Characters of the root cause, which is one sentence.
const LONGEST_CAUSE: usize = 240;
/// Characters of the asides together.
const LONGEST_ASIDE: usize = 300;
/// A weak match of this rank keeps "no problem" from being said; below, it is a note.
const DOUBTFUL: u32 = 20;

/// Concludes from what was found.
pub(super) fn conclude(case: &Case, subject: &Subject, found: &[Match<'_>]) -> Conclusion {
    let mut conclusion = Conclusion { not_sure: unread(case, found), ..Conclusion::default() };
    let problems = weigh::problems(found);
    let attached = case.seen.iter().any(|seen| seen.attached);
    // Where the question names a thing or an area, the answer is about that and the rest is a note.
    let belongs = |problem: &&Problem| {
        if problems.iter().any(|problem| problem.asked_for(found)) {
            problem.asked_for(found)
        } else if subject.topical() && !attached {
            // What a pod suffers is no area of a machine: an alert that names none has none.
            let of_cluster = subject.alert && problem.within(found, &["kubernetes".to_owned()]);
            problem.within(found, &subject.areas) && !of_cluster
        } else {
            attached || subject.things.is_empty() && !subject.alert
        }
    };
    let (main, mut rest): (Vec<&Problem>, Vec<&Problem>) = problems.iter().partition(belongs);
    let groups = weigh::alike(found, &main);
    if groups.is_empty() {
        nothing_found(case, subject, found, &mut conclusion);
    } else {
        conclusion.verdict = "problem_found";
        let (told, more) = groups.split_at(groups.len().min(TOLD));
        conclusion.tell(found, told);
        conclusion.add_background(found, told);
        rest.splice(0..0, more.iter().flatten().copied());
        let first = main.first().and_then(|problem| found.get(problem.root));
        // A symptom is no cause, and what only shares its area with an alert may have nothing to do with it.
        let known = first.filter(|root| {
            !(root.rule.symptom && (subject.is_named() || subject.alert))
                && (!subject.alert || subject.is_named() || main.iter().any(|one| one.asked_for(found)))
        });
        conclusion.confidence = known.map_or(Confidence::Low, |root| root.rule.confidence).word();
        let explained = |weak: &Match<'_>| {
            found.iter().any(|one| one.strong() && (one.quote == weak.quote || one.same_thing(weak)))
        };
        let in_area = |weak: &Match<'_>| {
            if subject.topical() { weak.within(&subject.areas) } else { weak.rule.rank >= DOUBTFUL }
        };
        for weak in found.iter().filter(|one| one.weak && in_area(one) && !explained(one)).take(2) {
            conclusion.not_sure.push(format!("{} [E{}]", weak.cause, weak.exhibit));
        }
    }
    conclusion.not_sure.extend(asides(found, &rest));
    conclusion
}

impl Conclusion {
    /// Causes, evidence and fixes of what the answer is about, the first with the most room.
    fn tell(&mut self, found: &[Match<'_>], groups: &[Vec<&Problem>]) {
        for (position, group) in groups.iter().enumerate() {
            for (place, problem) in group.iter().take(3).enumerate() {
                self.evidence(found, problem, position == 0 && place == 0);
            }
            let said = sentence(found, group);
            if position == 0 {
                self.root_cause = clip(&said, LONGEST_CAUSE - 1);
            } else if self.root_cause.chars().count() + said.chars().count() + 8 <= LONGEST_CAUSE {
                self.root_cause.push_str(if position == 1 { "; also " } else { "; " });
                self.root_cause.push_str(&said);
            }
        }
        self.root_cause = stop(&self.root_cause);
    }

    fn evidence(&mut self, found: &[Match<'_>], problem: &Problem, first: bool) {
        let Some(root) = found.get(problem.root) else {
            return;
        };
        let shown = self.add(root);
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
        for fix in root.fix.iter().filter(|_| shown).take(if first { 3 } else { 1 }) {
            if !self.fix.contains(fix) && self.fix.len() < FIXES {
                self.fix.push(fix.clone());
            }
        }
    }

    /// What happened to the workload of the first problem before.
    fn add_background(&mut self, found: &[Match<'_>], told: &[Vec<&Problem>]) {
        let root = told.first().and_then(|group| group.first()).and_then(|problem| found.get(problem.root));
        let Some(workload) = root.map(|root| weigh::workload(&root.scope)) else { return };
        for one in found.iter().filter(|one| one.rule.background && one.scope == workload) {
            if self.add(one) {
                self.fix.splice(0..0, one.fix.iter().cloned());
                self.fix.truncate(FIXES);
            }
        }
    }

    /// Whether it is among the findings now.
    fn add(&mut self, one: &Match<'_>) -> bool {
        let same = |claim: &str| {
            claim.strip_prefix(&one.cause).is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
        };
        let known = self.findings.iter().any(|(claim, _, _)| same(claim)) || self.quoted.contains(&one.line);
        if !known && self.findings.len() < FINDINGS {
            let many = one.count > 1 && !one.rule.healthy;
            let often = if many { format!(" ({} lines)", one.count) } else { String::new() };
            self.findings.push((format!("{}{often}", one.cause), one.exhibit, one.quote.clone()));
            self.quoted.push(one.line.clone());
            return true;
        }
        known
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

/// `symptom: cause; likewise …`, or the cause alone.
fn sentence(found: &[Match<'_>], group: &[&Problem]) -> String {
    let Some((first, others)) = group.split_first() else {
        return String::new();
    };
    let Some(root) = found.get(first.root) else {
        return String::new();
    };
    let mut said = match first.symptom(found) {
        Some(symptom) => format!("{}: {}", symptom.cause, root.cause),
        // A sentence says of what it speaks.
        None if root.cause.starts_with("its ") && !root.of_text() => {
            format!("`{}`: {}", root.scope, root.cause)
        }
        None => root.cause.clone(),
    };
    let mut scopes: Vec<String> = Vec::new();
    for other in others {
        let about = other.symptom(found).or_else(|| found.get(other.root));
        if let Some(about) = about.filter(|about| !about.of_text() && about.scope != root.scope) {
            let scope = format!("`{}`", about.scope);
            if !scopes.contains(&scope) {
                scopes.push(scope);
            }
        }
    }
    if !scopes.is_empty() {
        let more = scopes.len().saturating_sub(3);
        scopes.truncate(3);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        said = format!("{said} (likewise {}{more})", scopes.join(", "));
    }
    said
}

/// What was seen and is not what was asked, in one line.
fn asides(found: &[Match<'_>], rest: &[&Problem]) -> Option<String> {
    let groups = weigh::alike(found, rest);
    let mut told: Vec<String> = Vec::new();
    for group in &groups {
        let said = clip(&sentence(found, group.get(..1).unwrap_or_default()), 120);
        let length: usize = told.iter().map(|one| one.chars().count() + 2).sum();
        if length + said.chars().count() <= LONGEST_ASIDE && !told.contains(&said) {
            told.push(said);
        }
    }
    if told.is_empty() {
        return None;
    }
    let more = groups.len() - told.len();
    let more = if more == 0 { String::new() } else { format!("; and {more} more") };
    Some(format!("seen besides, not looked into: {}{more}", told.join("; ")))
}

/// At most `limit` characters, ended at a word where something was cut.
fn clip(text: &str, limit: usize) -> String {
    let Some((end, _)) = text.char_indices().nth(limit) else {
        return text.to_owned();
    };
    let cut = text.get(..end).unwrap_or_default();
    let cut = cut.rsplit_once(' ').map_or(cut, |(head, _)| head);
    let cut = cut.trim_end_matches([',', ';', ':', '(', '`']);
    // An opened code span is closed, or the rest of the report would be code.
    let open = cut.matches('`').count() % 2 == 1;
    format!("{cut}{}…", if open { "`" } else { "" })
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

fn stop(text: &str) -> String {
    let text = text.trim_end();
    if text.ends_with(['.', '!', '?', '…']) { text.to_owned() } else { format!("{text}.") }
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

fn nothing_found(case: &Case, subject: &Subject, found: &[Match<'_>], conclusion: &mut Conclusion) {
    conclusion.verdict = "inconclusive";
    conclusion.confidence = "low";
    if case.seen.is_empty() && case.made.is_empty() {
        conclusion.root_cause = if subject.understood {
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
    if subject.is_named() || subject.alert {
        nothing_about(subject, found, conclusion);
        return;
    }
    let mut tools: Vec<&str> = Vec::new();
    for seen in &case.seen {
        if !tools.contains(&seen.exhibit.tool.as_str()) {
            tools.push(&seen.exhibit.tool);
        }
    }
    let looked = tools.join(", ");
    let attached = case.seen.iter().any(|seen| seen.attached);
    let asked: Vec<&Match<'_>> = found.iter().filter(|one| one.asked_for).collect();
    let in_view = |one: &&Match<'_>| {
        attached
            || one.asked_for
            || if subject.topical() { one.within(&subject.areas) } else { subject.things.is_empty() }
    };
    if !attached && asked.iter().all(|one| one.weak) && !subject.things.is_empty() && !subject.topical() {
        unknown_thing(case, subject, &asked, conclusion);
        return;
    }
    let (weak, trifles): (Vec<&Match<'_>>, Vec<&Match<'_>>) = found
        .iter()
        .filter(in_view)
        .filter(|one| one.weak && !one.over)
        .partition(|one| one.rule.rank >= DOUBTFUL);
    let passed: Vec<&Match<'_>> = found.iter().filter(|one| one.over && in_view(one)).collect();
    let well = found.iter().any(|one| one.rule.healthy && one.asked_for);
    if !weak.is_empty() && !well {
        for one in weak.iter().take(5) {
            conclusion.add(one);
        }
        let first = weak.first().map_or("", |one| one.cause.as_str());
        conclusion.root_cause =
            clip(&format!("No certain cause in {looked}; worth a look: {first}"), LONGEST_CAUSE);
        return;
    }
    let mut signs: Vec<&Match<'_>> = found.iter().filter(|one| one.rule.healthy).filter(in_view).collect();
    // Areas stand in the order of the probes: what is named outright first.
    let first = subject.areas.get(..1).unwrap_or_default();
    signs.sort_by_key(|one| !(one.asked_for && first.is_empty() || one.within(first)));
    for sign in passed.iter().chain(&signs).take(FINDINGS) {
        conclusion.add(sign);
    }
    if attached && passed.is_empty() {
        conclusion.root_cause = format!("No line of {looked} is one the rules know as trouble.");
        conclusion
            .not_sure
            .push("trouble that no rule describes: a model would read the text itself".to_owned());
    } else if conclusion.not_sure.is_empty() && !conclusion.findings.is_empty() {
        conclusion.verdict = "no_problem";
        conclusion.confidence = "medium";
        let signs: Vec<String> = match passed.first() {
            Some(one) => vec![format!("it passed, a later line shows success: {}", one.cause)],
            None => conclusion.findings.iter().take(4).map(|(claim, _, _)| claim.clone()).collect(),
        };
        conclusion.root_cause = stop(&clip(&capital(&signs.join("; ")), LONGEST_CAUSE - 1));
    } else if let Some(at) = subject.at.filter(|_| !attached) {
        let sources = clip(&looked, 120);
        conclusion.root_cause =
            format!("No line of trouble within ten minutes of {:02}:{:02} in {sources}.", at / 60, at % 60);
    } else if let Some(one) = trifles.iter().find(|one| subject.topical() && one.within(&subject.areas)) {
        conclusion.add(one);
        conclusion.root_cause = stop(&capital(&one.cause));
    } else {
        conclusion.root_cause = clip(&format!("Nothing certain: looked at {looked}."), LONGEST_CAUSE);
    }
    let untold = |one: &&&Match<'_>| conclusion.findings.iter().all(|(_, _, quote)| quote != &one.quote);
    let trifles: Vec<_> = trifles.iter().filter(untold).take(3).collect();
    for one in trifles {
        conclusion.not_sure.push(format!("{} [E{}]", one.cause, one.exhibit));
    }
}

/// Objects or an alert were asked about, and nothing that was seen is their trouble: what is well is said, and no more.
fn nothing_about(subject: &Subject, found: &[Match<'_>], conclusion: &mut Conclusion) {
    let mut objects: Vec<String> = subject.objects.iter().take(3).map(|one| format!("`{one}`")).collect();
    if objects.is_empty() {
        objects.push("the alert: it names no object that could be looked at".to_owned());
    }
    let mut said = format!("No cause was found for {}", objects.join(", "));
    let asked = |one: &&Match<'_>| one.asked_for && !one.strong();
    let doubts: Vec<&Match<'_>> = found
        .iter()
        .filter(asked)
        .filter(|one| one.weak && !one.over && one.rule.rank >= DOUBTFUL)
        .take(3)
        .collect();
    let signs: Vec<&Match<'_>> = found.iter().filter(asked).filter(|one| one.rule.healthy).take(4).collect();
    for one in doubts.iter().chain(&signs) {
        conclusion.add(one);
    }
    if let Some(doubt) = doubts.first() {
        let _ = write!(said, "; worth a look: {}", doubt.cause);
    } else if !signs.is_empty() {
        let signs: Vec<&str> = signs.iter().map(|one| one.cause.as_str()).collect();
        let _ = write!(said, "; {}", signs.join(", "));
        if !subject.alert && conclusion.not_sure.is_empty() {
            conclusion.verdict = "no_problem";
            conclusion.confidence = "medium";
        }
    }
    conclusion.root_cause = stop(&clip(&said, LONGEST_CAUSE - 1));
}

/// The question names a thing that nothing was found about: what was seen elsewhere is not its cause.
fn unknown_thing(case: &Case, subject: &Subject, asked: &[&Match<'_>], conclusion: &mut Conclusion) {
    let name = subject.things.first().map_or("", String::as_str);
    conclusion.root_cause = format!("Nothing was found about `{}`", clip(name, 60));
    let near = nearest(case, name);
    if !near.is_empty() {
        let _ = write!(conclusion.root_cause, "; nearest names: {}", near.join(", "));
    }
    conclusion.root_cause = stop(&clip(&conclusion.root_cause, LONGEST_CAUSE - 1));
    for one in asked.iter().take(2) {
        conclusion.add(one);
    }
}

/// Names in the lists that were read which are nearly the one asked for, best first.
fn nearest(case: &Case, name: &str) -> Vec<String> {
    let lists = case.seen.iter().filter(|seen| {
        let tool = seen.exhibit.tool.as_str();
        tool.starts_with("kubectl_get") || tool == "docker_ps" || tool == "systemd_failed"
    });
    let mut names: Vec<(f64, String)> = Vec::new();
    for (_, line) in lists.flat_map(|seen| &seen.exhibit.lines) {
        for word in line.split_whitespace().take(2) {
            let plain = weigh::workload(word);
            let likeness = strsim::jaro_winkler(name, plain);
            let entry = format!("`{plain}`");
            if likeness > 0.8 && names.iter().all(|(_, known)| known != &entry) {
                names.push((likeness, entry));
            }
        }
    }
    names.sort_by(|a, b| b.0.total_cmp(&a.0));
    names.into_iter().take(3).map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::clip;

    #[test]
    fn a_code_span_is_whole_wherever_it_is_cut() {
        let text = "pod `payments-1` in `shop`: it ended";
        for limit in 0..text.len() {
            assert!(
                clip(text, limit).matches('`').count().is_multiple_of(2),
                "{limit}: {}",
                clip(text, limit)
            );
        }
    }
}
