//! Writes an answer as terse Markdown: the text people read when the model answered by the `answer` tool
//! or when no model was there. Also the lines under any answer that say how far it can be trusted.

use std::fmt::Write as _;

use super::citation::fold;
use super::{Answer, Confidence, Finding, Verdict};

/// A quote is shown up to this many characters; the exhibit has the rest.
const QUOTE_CHARS: usize = 240;
/// Lines about what was not checked. More would be skipped over, not read.
const NOT_CHECKED_LINES: usize = 3;

/// Programs that make a step a command when they are its first word.
const PROGRAMS: &[&str] = &[
    "apt",
    "apt-get",
    "aws",
    "az",
    "chmod",
    "chown",
    "curl",
    "df",
    "dig",
    "dnf",
    "docker",
    "du",
    "find",
    "flux",
    "gcloud",
    "git",
    "helm",
    "ip",
    "iptables",
    "journalctl",
    "kill",
    "kubectl",
    "logrotate",
    "ls",
    "mount",
    "nc",
    "openssl",
    "podman",
    "psql",
    "redis-cli",
    "rm",
    "ss",
    "ssh",
    "sudo",
    "sysctl",
    "systemctl",
    "tail",
    "truncate",
    "umount",
    "yum",
];

/// The whole answer as Markdown, its footer included.
#[must_use]
pub fn to_markdown(answer: &Answer) -> String {
    let mut parts: Vec<String> = vec![opening(answer)];
    if !answer.findings.is_empty() {
        let bullets: Vec<String> = answer.findings.iter().map(bullet).collect();
        parts.push(format!("**Evidence**\n\n{}", bullets.join("\n")));
    }
    if let Some(line) = trust(answer) {
        parts.push(line);
    }
    if !answer.fix.is_empty() {
        let mut list = String::from("**Fix**\n");
        for (number, step) in answer.fix.iter().enumerate() {
            let _ = write!(list, "\n{}. {}", number + 1, step_text(step));
        }
        parts.push(list);
    }
    if !answer.not_sure.is_empty() {
        let bullets: Vec<String> = answer.not_sure.iter().map(|doubt| format!("- {}", fold(doubt))).collect();
        parts.push(format!("**Not sure**\n\n{}", bullets.join("\n")));
    }
    let unchecked = not_checked(answer);
    if !unchecked.is_empty() {
        parts.push(unchecked);
    }
    parts.join("\n\n")
}

/// What belongs under a free-text answer: unverified quotes, the verification line, what was not checked.
/// Empty when there is nothing to say.
#[must_use]
pub fn footer(answer: &Answer) -> String {
    let mut parts = Vec::new();
    if let Some(line) = trust(answer) {
        let unverified: Vec<String> =
            answer.findings.iter().filter(|finding| !finding.verified).map(bullet).collect();
        parts.push(if unverified.is_empty() { line } else { format!("{line}\n\n{}", unverified.join("\n")) });
    }
    let unchecked = not_checked(answer);
    if !unchecked.is_empty() {
        parts.push(unchecked);
    }
    parts.join("\n\n")
}

/// The verdict and the root cause in one line.
#[must_use]
pub fn opening(answer: &Answer) -> String {
    let cause = fold(&answer.root_cause);
    match (answer.verdict, cause.is_empty()) {
        (Verdict::ProblemFound, false) => format!("**Root cause:** {cause}"),
        (Verdict::ProblemFound, true) => "**Root cause:** not named".to_owned(),
        (Verdict::NoProblem, false) => format!("**No problem found.** {cause}"),
        (Verdict::NoProblem, true) => "**No problem found.**".to_owned(),
        (Verdict::Inconclusive, false) => format!("**Inconclusive.** {cause}"),
        (Verdict::Inconclusive, true) => {
            "**Inconclusive.** The evidence does not show a root cause.".to_owned()
        }
    }
}

/// A finding as an entry of a list: claim, quote as code, where it stands.
#[must_use]
pub fn bullet(finding: &Finding) -> String {
    let mut line = String::from("-");
    let claim = fold(&finding.claim);
    let quote = fold(&finding.quote);
    if !claim.is_empty() && claim != quote {
        line.push(' ');
        line.push_str(&claim);
        if !quote.is_empty() {
            line.push(':');
        }
    }
    if !quote.is_empty() {
        line.push(' ');
        line.push_str(&code(&quote));
    }
    match (finding.exhibit, finding.lines) {
        (0, _) => {}
        (exhibit, None) => {
            let _ = write!(line, " [E{exhibit}]");
        }
        (exhibit, Some((first, last))) if first == last => {
            let _ = write!(line, " [E{exhibit}:{first}]");
        }
        (exhibit, Some((first, last))) => {
            let _ = write!(line, " [E{exhibit}:{first}-{last}]");
        }
    }
    if !finding.verified {
        let _ = match &finding.why {
            Some(why) => write!(line, " (unverified: {})", fold(why)),
            None => write!(line, " (unverified)"),
        };
    }
    line
}

/// How many quotes hold, and how sure the answer is; `None` where that says nothing.
#[must_use]
pub fn trust(answer: &Answer) -> Option<String> {
    let sure = match answer.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    let all = answer.findings.len();
    if all == 0 {
        return (answer.verdict == Verdict::ProblemFound)
            .then(|| format!("No quote backs this; confidence: {sure}"));
    }
    let verified = answer.findings.iter().filter(|f| f.verified).count();
    let noun = if all == 1 { "quote" } else { "quotes" };
    Some(format!("{verified} of {all} {noun} verified; confidence: {sure}"))
}

/// `Not checked: metrics (PROMETHEUS_URL not set)`, things with one reason together.
fn not_checked(answer: &Answer) -> String {
    let mut reasons: Vec<(&str, Vec<&str>)> = Vec::new();
    for entry in &answer.not_checked {
        match reasons.iter_mut().find(|(why, _)| *why == entry.why) {
            Some((_, things)) => things.push(&entry.what),
            None => reasons.push((&entry.why, vec![&entry.what])),
        }
    }
    let whole = if reasons.len() > NOT_CHECKED_LINES { NOT_CHECKED_LINES - 1 } else { reasons.len() };
    let mut lines: Vec<String> = Vec::new();
    for (why, things) in reasons.iter().take(whole) {
        let things = fold(&things.join(", "));
        lines.push(if why.is_empty() {
            format!("Not checked: {things}")
        } else {
            format!("Not checked: {things} ({})", fold(why))
        });
    }
    let rest: Vec<&str> = reasons.iter().skip(whole).flat_map(|(_, things)| things.iter().copied()).collect();
    if !rest.is_empty() {
        lines.push(format!("Not checked: {}", fold(&rest.join(", "))));
    }
    // Two spaces at the end: a line break in Markdown, nothing to the eye in plain text.
    lines.join("  \n")
}

/// A step with its command in code. Steps that mark their code already stay as they are.
#[must_use]
pub fn step_text(step: &str) -> String {
    let step = step.trim();
    if let Some((first, rest)) = step.split_once('\n') {
        let body = rest.trim_matches('\n');
        let (lead, body) = if is_command(first) { ("", step) } else { (first.trim(), body) };
        let mut out = String::from(lead);
        out.push_str("\n\n   ```\n");
        for line in body.lines().filter(|line| !line.trim().starts_with("```")) {
            let _ = writeln!(out, "   {line}");
        }
        out.push_str("   ```");
        return out;
    }
    if step.contains('`') {
        return step.to_owned();
    }
    if is_command(step) {
        return code(step);
    }
    match step.split_once(": ") {
        Some((lead, command)) if is_command(command) => {
            format!("{lead}: {}", code(command.trim()))
        }
        _ => step.to_owned(),
    }
}

/// A step of a fix as words and the command that they lead to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// Markdown; empty where the step is a command alone.
    pub words: String,
    pub command: Option<String>,
}

/// Takes the command out of a step, so that it can be shown apart and copied.
#[must_use]
pub fn step(step: &str) -> Step {
    let step = step.trim();
    let alone = |command: &str| Some(command.trim().trim_start_matches("$ ").to_owned());
    if let Some((first, rest)) = step.split_once('\n') {
        if is_command(first) {
            return Step { words: String::new(), command: alone(step) };
        }
        let body: Vec<&str> = rest.lines().filter(|line| !line.trim().starts_with("```")).collect();
        return Step { words: first.trim().to_owned(), command: alone(&body.join("\n")) };
    }
    if is_command(step) {
        return Step { words: String::new(), command: alone(step) };
    }
    // One command in backticks at the end: `Raise the limit: ...`.
    if let Some((lead, rest)) = step.split_once('`')
        && let Some(command) = rest.trim_end_matches('.').strip_suffix('`')
        && !command.contains('`')
        && (lead.is_empty() || lead.ends_with(": ") || is_command(command))
    {
        return Step { words: lead.trim().to_owned(), command: alone(command) };
    }
    match step.split_once(": ") {
        Some((lead, command)) if is_command(command) => {
            Step { words: format!("{lead}:"), command: alone(command) }
        }
        _ => Step { words: step.to_owned(), command: None },
    }
}

fn is_command(text: &str) -> bool {
    let mut words = text.trim().trim_start_matches("$ ").split_whitespace();
    let known = words.next().is_some_and(|word| PROGRAMS.contains(&word));
    // "find the process that …" is a sentence; a command's next word is an option, a path or a name.
    let sentence = words
        .next()
        .is_none_or(|word| matches!(word, "the" | "a" | "an" | "all" | "out" | "any" | "up" | "which"));
    known && !sentence
}

/// Text as inline code, whatever backticks it holds.
fn code(text: &str) -> String {
    let mut shown: String = text.chars().take(QUOTE_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    if !shown.contains('`') {
        return format!("`{shown}`");
    }
    let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let marks = "`".repeat(longest + 1);
    format!("{marks} {shown} {marks}")
}
