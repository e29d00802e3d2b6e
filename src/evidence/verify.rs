//! Checks each quote of an answer against the raw bytes it claims to come from.
//!
//! White space and terminal codes are folded, nothing else: a quote is verified when its words stand in
//! the exhibit it cites, on one line or on consecutive lines.

use std::path::Path;

use super::exhibit::{Exhibit, Status};
use super::lines::Lines;
use super::redact::Redactor;
use super::untrusted::visible;
use crate::answer::{Answer, Confidence, Finding, Verdict};

/// Bytes of one raw line that are compared; longer lines are cut.
const LONGEST_COMPARED: usize = 1 << 20;
/// Shorter quotes (`0`, `no`) stand everywhere and prove nothing.
const SHORTEST_QUOTE: usize = 3;

/// Sets `verified` and `lines` of every finding, and takes back a verdict or a confidence that the
/// evidence does not carry.
pub fn verify(answer: &mut Answer, exhibits: &[Exhibit], redactor: &Redactor) {
    for finding in &mut answer.findings {
        check(finding, exhibits, redactor);
    }
    let unproven = answer.findings.iter().filter(|finding| !finding.verified).count();
    if answer.findings.is_empty() || unproven == answer.findings.len() {
        answer.confidence = answer.confidence.min(Confidence::Low);
    } else if unproven > 0 {
        answer.confidence = answer.confidence.min(Confidence::Medium);
    }
    if answer.verdict == Verdict::NoProblem && (exhibits.is_empty() || has_failed_source(exhibits)) {
        answer.verdict = Verdict::Inconclusive;
    }
}

/// Whether a tool failed and never succeeded afterwards.
fn has_failed_source(exhibits: &[Exhibit]) -> bool {
    let failed = |e: &Exhibit| !matches!(e.status, Status::Success | Status::NoData);
    exhibits.iter().any(|e| failed(e) && !exhibits.iter().any(|other| other.tool == e.tool && !failed(other)))
}

fn check(finding: &mut Finding, exhibits: &[Exhibit], redactor: &Redactor) {
    finding.verified = false;
    let cited = exhibits.iter().filter(|e| finding.exhibit == 0 || e.id == finding.exhibit);
    for exhibit in cited {
        if finding.quote.trim().is_empty() {
            // A citation by line number alone: the lines themselves are the quote.
            if let Some((first, last)) = finding.lines
                && finding.exhibit != 0
                && let Some(quote) = lines_of(&exhibit.path, first, last)
            {
                finding.quote = redactor.redact(&quote);
                finding.verified = true;
                return;
            }
            continue;
        }
        let parts = parts_of(&finding.quote);
        if parts.iter().map(|part| part.chars().count()).sum::<usize>() < SHORTEST_QUOTE {
            continue;
        }
        let masked = finding.quote.contains("<secret:").then_some(redactor);
        let place = find(&exhibit.path, &parts, masked).or_else(|| {
            // The error line of the header is part of the view too, though not of the raw output.
            let stands =
                exhibit.error.as_ref().is_some_and(|e| parts.iter().all(|part| fold(e).contains(part)));
            stands.then_some((0, 0))
        });
        if let Some((first, last)) = place {
            finding.exhibit = exhibit.id;
            finding.lines = (first > 0).then_some((first, last));
            finding.verified = true;
            return;
        }
    }
    if !finding.quote.trim().is_empty() {
        finding.lines = None;
    }
}

/// The quote as folded lines; line numbers copied from a view are taken off.
fn parts_of(quote: &str) -> Vec<String> {
    quote.lines().map(|line| fold(without_number(line))).filter(|line| !line.is_empty()).collect()
}

fn without_number(line: &str) -> &str {
    match line.split_once(" | ") {
        Some((number, text))
            if !number.trim().is_empty() && number.trim().bytes().all(|b| b.is_ascii_digit()) =>
        {
            text
        }
        _ => line,
    }
}

fn fold(line: &str) -> String {
    visible(line).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// First and last line on which the parts stand, one after the other.
fn find(raw: &Path, parts: &[String], masked: Option<&Redactor>) -> Option<(u64, u64)> {
    let mut matched = 0;
    let mut first = 0;
    let mut found = None;
    for_each_line(raw, |number, line| {
        let line = masked.map_or_else(|| fold(line), |redactor| fold(&redactor.redact(line)));
        if line.is_empty() {
            return true;
        }
        if !parts.get(matched).is_some_and(|part| line.contains(part)) {
            matched = 0;
        }
        if parts.get(matched).is_some_and(|part| line.contains(part)) {
            if matched == 0 {
                first = number;
            }
            matched += 1;
            if matched == parts.len() {
                found = Some((first, number));
            }
        }
        found.is_none()
    });
    found
}

fn lines_of(raw: &Path, first: u64, last: u64) -> Option<String> {
    let last = last.min(first.saturating_add(20));
    let mut lines = Vec::new();
    for_each_line(raw, |number, line| {
        if number >= first && number <= last {
            lines.push(visible(line.trim_end()));
        }
        number < last
    });
    (!lines.is_empty()).then(|| lines.join("\n"))
}

fn for_each_line(raw: &Path, mut f: impl FnMut(u64, &str) -> bool) {
    let Ok(mut lines) = Lines::open(raw) else {
        return;
    };
    while let Ok(Some((number, line))) = lines.next(LONGEST_COMPARED) {
        if !f(number, &String::from_utf8_lossy(line)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exhibit(id: u32, path: &Path) -> Exhibit {
        Exhibit {
            id,
            call_id: format!("call_{id}"),
            tool: "host_logs".to_owned(),
            toolset: "host/logs".to_owned(),
            description: String::new(),
            params: serde_json::Map::new(),
            invocation: String::new(),
            status: Status::Success,
            exit_code: Some(0),
            error: None,
            seconds: 0.0,
            bytes: 1,
            lines: 1,
            path: path.to_owned(),
            view: String::new(),
            condensed: false,
        }
    }

    fn checked(raw: &str, finding: Finding) -> Finding {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), raw).unwrap();
        let redactor = Redactor::new([], &[]);
        let mut answer = Answer { findings: vec![finding], ..Answer::default() };
        verify(&mut answer, &[exhibit(1, file.path())], &redactor);
        answer.findings.remove(0)
    }

    fn quote(quote: &str) -> Finding {
        Finding { claim: "c".to_owned(), exhibit: 1, quote: quote.to_owned(), ..Finding::default() }
    }

    #[test]
    fn a_quote_that_stands_is_found_with_its_lines() {
        let raw = "a\nOOM  killer:\tpid 12\n\u{1b}[31mrestart\u{1b}[0m now\nz\n";
        assert_eq!(checked(raw, quote("OOM killer: pid 12")).lines, Some((2, 2)));
        assert_eq!(checked(raw, quote("2 | OOM killer: pid 12\n3 | restart now")).lines, Some((2, 3)));
    }

    #[test]
    fn an_invented_or_trivial_quote_is_not_verified() {
        assert!(!checked("all is well\n", quote("all is lost")).verified);
        assert!(!checked("all is well\n", quote("s")).verified);
        let elsewhere = Finding { exhibit: 7, ..quote("all is well") };
        assert!(!checked("all is well\n", elsewhere).verified);
    }

    #[test]
    fn a_citation_by_line_fills_in_the_quote() {
        let by_line = Finding { lines: Some((2, 2)), ..quote("") };
        let got = checked("a\nthe cause\nz\n", by_line);
        assert_eq!((got.quote.as_str(), got.verified), ("the cause", true));
    }

    #[test]
    fn no_problem_is_not_concluded_from_nothing() {
        let mut answer = Answer { verdict: Verdict::NoProblem, ..Answer::default() };
        verify(&mut answer, &[], &Redactor::new([], &[]));
        assert_eq!(answer.verdict, Verdict::Inconclusive);
    }
}
