//! Reads the structure of an answer out of free text, for models that just write.
//!
//! The text itself is never changed: it stays what a person reads. Guesses lean to the careful side.
//!
//! Verdict, first rule that fits:
//! 1. a line `Verdict: …`;
//! 2. a root cause section: a problem was found, unless the section itself says there is none or that
//!    it is not known;
//! 3. the opening or the summary says that nothing is wrong ("no problem found"): no problem;
//! 4. inconclusive.
//!
//! Confidence is what a line `Confidence: …` says; else medium where a problem is backed by at least one
//! citation, low otherwise.

use super::citation;
use super::section::{Block, Kind, Topic, blocks, plain};
use super::{Answer, Confidence, Finding, Verdict};

/// A root cause is a sentence or two; a model that writes no headings must not fill it with pages.
const ROOT_CAUSE_BYTES: usize = 1000;
/// A code block of at most this many lines right after a citation is its quote.
const QUOTE_LINES: usize = 5;

/// Reads an answer from a model's free text.
#[must_use]
pub fn from_text(markdown: &str) -> Answer {
    let blocks = blocks(markdown);
    let findings = findings(&blocks);
    let root_cause = root_cause(&blocks);
    let verdict = verdict(&blocks, &root_cause);
    let cited = findings.iter().any(|finding| finding.exhibit > 0);
    let stated = blocks.iter().find(|block| block.topic == Topic::Confidence);
    let confidence = match stated {
        Some(block) => confidence_of(&block.text),
        None if cited && verdict == Verdict::ProblemFound => Confidence::Medium,
        None => Confidence::Low,
    };
    Answer {
        text: markdown.to_owned(),
        verdict,
        root_cause: root_cause.text,
        findings,
        fix: steps(&blocks, Topic::Fix),
        not_sure: steps(&blocks, Topic::NotSure),
        confidence,
        ..Answer::default()
    }
}

struct RootCause {
    text: String,
    /// Stands under a heading that says so.
    named: bool,
}

fn root_cause(blocks: &[Block]) -> RootCause {
    let prose = |topic: Topic| blocks.iter().find(|block| block.topic == topic && block.kind != Kind::Code);
    let (block, named) = if let Some(block) = prose(Topic::RootCause) {
        (Some(block), true)
    } else {
        let any = || {
            blocks.iter().find(|block| {
                block.kind != Kind::Code
                    && matches!(block.topic, Topic::Opening | Topic::Other | Topic::Evidence)
            })
        };
        let found = prose(Topic::Summary).or_else(|| prose(Topic::Opening)).or_else(any);
        (found, false)
    };
    let text = block.map(|block| shorten(&plain(&citation::without(&block.text))));
    RootCause { text: text.unwrap_or_default(), named }
}

fn shorten(text: &str) -> String {
    if text.len() <= ROOT_CAUSE_BYTES {
        return text.to_owned();
    }
    let mut end = ROOT_CAUSE_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    let sentence = head
        .rfind(". ")
        .and_then(|stop| head.get(..=stop))
        .filter(|sentence| sentence.len() > ROOT_CAUSE_BYTES / 4);
    match sentence {
        Some(sentence) => sentence.to_owned(),
        None => format!("{head}…"),
    }
}

fn findings(blocks: &[Block]) -> Vec<Finding> {
    let mut out: Vec<Finding> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for (number, block) in blocks.iter().enumerate() {
        if block.kind == Kind::Code {
            continue;
        }
        let mut found = citation::findings(&block.text);
        if let Some(last) = found.last_mut()
            && last.quote.is_empty()
            && block.text.trim_end().ends_with([']', ')', '】', ':'])
            && let Some(code) = blocks.get(number + 1)
            && code.kind == Kind::Code
            && code.topic == block.topic
            && code.text.lines().count() <= QUOTE_LINES
        {
            code.text.trim_end().clone_into(&mut last.quote);
        }
        for finding in found {
            let key = (
                finding.exhibit,
                finding.lines,
                if finding.quote.is_empty() { finding.claim.clone() } else { finding.quote.clone() },
            );
            if seen.insert(key) {
                out.push(finding);
            }
        }
    }
    out
}

/// Entries of a section: list items and paragraphs, each with the code block that follows it.
fn steps(blocks: &[Block], topic: Topic) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let mut joined = false;
    for block in blocks.iter().filter(|block| block.topic == topic) {
        let text = block.text.trim();
        if block.kind != Kind::Code {
            out.push(plain(text));
            joined = false;
            continue;
        }
        match out.last_mut().filter(|_| !joined) {
            Some(step) if !text.contains('\n') && !text.contains('`') => {
                let said = step.trim_end_matches([':', ' ']).len();
                step.truncate(said);
                step.push_str(": `");
                step.push_str(text);
                step.push('`');
            }
            Some(step) => {
                step.push('\n');
                step.push_str(text);
            }
            None => out.push(text.to_owned()),
        }
        joined = true;
    }
    out
}

/// The entries of a list that came as one text: its items or lines.
pub(super) fn entries(text: &str) -> Vec<String> {
    let blocks = blocks(text);
    let listed = blocks.iter().any(|block| block.kind == Kind::Item);
    if listed {
        blocks.iter().map(|block| plain(&block.text)).collect()
    } else {
        text.lines().map(|line| line.trim().to_owned()).collect()
    }
}

fn verdict(blocks: &[Block], root_cause: &RootCause) -> Verdict {
    if let Some(said) =
        blocks.iter().find(|block| block.topic == Topic::Verdict).and_then(|block| verdict_of(&block.text))
    {
        return said;
    }
    let lower = root_cause.text.to_lowercase();
    if lower.is_empty() {
        return Verdict::Inconclusive;
    }
    if root_cause.named {
        let start: String = lower.chars().take(80).collect();
        return if says_nothing_wrong(&start) || start == "none" || start == "none." {
            Verdict::NoProblem
        } else if says_unknown(&start) {
            Verdict::Inconclusive
        } else {
            Verdict::ProblemFound
        };
    }
    if says_nothing_wrong(&lower) && !says_unknown(&lower) {
        Verdict::NoProblem
    } else {
        Verdict::Inconclusive
    }
}

/// A verdict in any common spelling; `None` when it is none.
pub(super) fn verdict_of(text: &str) -> Option<Verdict> {
    let word: String = text.to_lowercase().chars().take(120).filter(|c| c.is_alphanumeric()).collect();
    let starts = |heads: &[&str]| heads.iter().any(|head| word.starts_with(head));
    if starts(&["inconclusive", "unknown", "unclear", "undetermined", "notsure", "partial"]) {
        Some(Verdict::Inconclusive)
    } else if starts(&[
        "noproblem",
        "noissue",
        "noincident",
        "noerror",
        "nothing",
        "healthy",
        "ok",
        "none",
        "notaproblem",
        "false",
        "nofault",
        "allclear",
        "allhealthy",
    ]) {
        Some(Verdict::NoProblem)
    } else if starts(&[
        "problem",
        "issue",
        "found",
        "confirmed",
        "rootcause",
        "true",
        "yes",
        "fault",
        "incident",
        "unhealthy",
        "aproblem",
        "failure",
    ]) {
        Some(Verdict::ProblemFound)
    } else {
        None
    }
}

/// A confidence in words or numbers (0–1, 0–10 or per cent); low when it says nothing known.
pub(super) fn confidence_of(text: &str) -> Confidence {
    let lower = text.to_lowercase();
    if lower.contains("low") {
        return Confidence::Low;
    }
    if lower.contains("med") || lower.contains("moderate") {
        return Confidence::Medium;
    }
    if lower.contains("high") || lower.contains("certain") && !lower.contains("uncertain") {
        return Confidence::High;
    }
    let digits: String = lower
        .chars()
        .skip_while(|c| !c.is_ascii_digit())
        .take_while(|c| c.is_ascii_digit() || *c == '.')
        .collect();
    let share = match digits.parse::<f64>() {
        Ok(number) if lower.contains("/10") || lower.contains("/ 10") => number / 10.0,
        Ok(number) if number > 1.0 || lower.contains('%') => number / 100.0,
        Ok(number) => number,
        Err(_) => 0.0,
    };
    if share >= 0.8 {
        Confidence::High
    } else if share >= 0.5 {
        Confidence::Medium
    } else {
        Confidence::Low
    }
}

fn says_nothing_wrong(lower: &str) -> bool {
    const WORDS: &[&str] = &[
        "no problem found",
        "no problems found",
        "no problem was found",
        "no problems were found",
        "no issue found",
        "no issues found",
        "no issue was found",
        "no issues were found",
        "found no problem",
        "found no issue",
        "no problem detected",
        "no problems detected",
        "no issues detected",
        "no problem:",
        "no problem.",
        "no problem is",
        "no root cause because nothing",
        "nothing is wrong",
        "nothing wrong",
        "everything is healthy",
        "everything looks healthy",
        "everything looks normal",
        "is healthy and",
        "are healthy and",
        "no problem exists",
    ];
    WORDS.iter().any(|words| lower.contains(words)) || lower == "no problem"
}

fn says_unknown(lower: &str) -> bool {
    const WORDS: &[&str] = &[
        "unknown",
        "not determined",
        "undetermined",
        "not be determined",
        "inconclusive",
        "not found",
        "could not find",
        "couldn't find",
        "could not identify",
        "cannot determine",
        "can't determine",
        "unable to determine",
        "unable to identify",
        "unable to find",
        "not clear",
        "unclear",
        "not identified",
        "insufficient",
        "not enough evidence",
        "could not check",
        "could not reach",
        "could not determine",
    ];
    WORDS.iter().any(|words| lower.contains(words))
}
