//! Checks each quote of an answer against the raw bytes it claims to come from.
//!
//! White space and terminal codes are folded, nothing else: a quote is verified when its words stand in
//! the exhibit it cites, on one line or on consecutive lines.

use std::path::Path;

use super::exhibit::{Exhibit, Status};
use super::lines::Lines;
use super::redact::Redactor;
use super::untrusted::visible;
use super::view::clip;
use crate::answer::{Answer, Confidence, Finding, Verdict};

/// Bytes of one raw line that are compared; longer lines are cut.
const LONGEST_COMPARED: usize = 1 << 20;
/// Characters of a cited line that become a quote.
const LONGEST_QUOTED: usize = 2_000;
/// Lines of one quote that are looked for.
const MOST_PARTS: usize = 60;
/// Bytes read to check one answer, some seconds of work; what is not reached stays unverified.
const READING: u64 = 4 << 30;
/// What a byte costs that may hide something: binary noise must not hold up an answer.
const FOLDING: u64 = 32;
/// What a byte costs that has to be redacted before it is compared.
const REDACTING: u64 = 64;
/// Shorter quotes (`0`, `no`) stand everywhere and prove nothing.
const SHORTEST_QUOTE: usize = 3;

/// Sets `verified` and `lines` of every finding, and takes back a verdict or a confidence that the
/// evidence does not carry.
pub fn verify(answer: &mut Answer, exhibits: &[Exhibit], redactor: &Redactor) {
    let mut reading = READING;
    for finding in &mut answer.findings {
        check(finding, exhibits, redactor, &mut reading);
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

fn check(finding: &mut Finding, exhibits: &[Exhibit], redactor: &Redactor, reading: &mut u64) {
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
        let place = find(&exhibit.path, &parts, masked, reading).or_else(|| {
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
    // A line that a view cut short ends with an ellipsis that is not in the raw text.
    let part = |line| fold(without_number(line)).trim_end_matches(['…', ' ']).to_owned();
    quote.lines().map(part).filter(|line| !line.is_empty()).take(MOST_PARTS + 1).collect()
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
fn find(raw: &Path, parts: &[String], masked: Option<&Redactor>, reading: &mut u64) -> Option<(u64, u64)> {
    let head = parts.first().filter(|_| parts.len() <= MOST_PARTS)?;
    // The longest word of the first part: a plain line without it cannot be the first.
    let words = head.split(' ').filter(|word| word.is_ascii() && !word.contains("<secret:"));
    let word = words.max_by_key(|word| word.len()).unwrap_or_default();
    let finder = memchr::memmem::Finder::new(word.as_bytes());
    // Beginnings that have held so far: first line, parts matched.
    let mut begun: Vec<(u64, usize)> = Vec::new();
    let mut lines = Lines::open(raw).ok()?;
    while let Ok(Some((number, line))) = lines.next(LONGEST_COMPARED) {
        *reading = reading.checked_sub(line.len() as u64 + 1)?;
        // Bytes that escape codes and invisible characters begin with: such may stand inside of a word.
        let hides = |b: &u8| matches!(b, 0..=8 | 0x1b | 0xc2 | 0xd8 | 0xe1 | 0xe2 | 0xef | 0xf3);
        let may_begin = finder.find(line).is_some() || line.iter().any(hides);
        if !may_begin && begun.is_empty() {
            continue;
        }
        *reading = reading.checked_sub(FOLDING * line.len() as u64)?;
        let text = String::from_utf8_lossy(line);
        let text = match masked {
            Some(redactor) => {
                *reading = reading.checked_sub(REDACTING * line.len() as u64)?;
                fold(&redactor.redact(&visible(&text)))
            }
            None => fold(&text),
        };
        if text.is_empty() {
            continue;
        }
        begun.push((number, 0));
        begun.retain_mut(|(_, matched)| {
            let holds = parts.get(*matched).is_some_and(|part| text.contains(part.as_str()));
            *matched += 1;
            holds
        });
        if let Some((first, _)) = begun.iter().find(|(_, matched)| *matched == parts.len()) {
            return Some((*first, number));
        }
    }
    None
}

fn lines_of(raw: &Path, first: u64, last: u64) -> Option<String> {
    let last = last.min(first.saturating_add(20));
    let mut reader = Lines::open(raw).ok()?;
    reader.skip_to(first).ok()?;
    let mut lines = Vec::new();
    while let Ok(Some((number, line))) = reader.next(4 * LONGEST_QUOTED) {
        if number < first || number > last {
            break;
        }
        lines.push(clip(visible(&String::from_utf8_lossy(line)).trim_end(), LONGEST_QUOTED));
    }
    (!lines.is_empty()).then(|| lines.join("\n"))
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
            summary: None,
            flagged: None,
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
    fn a_quote_is_found_behind_a_beginning_that_did_not_hold() {
        let raw = "retry\nretry\nretry\ngave up\n";
        assert_eq!(checked(raw, quote("retry\nretry\ngave up")).lines, Some((2, 4)));
        assert!(!checked(raw, quote("gave up\nretry")).verified);
    }

    #[test]
    fn a_quote_of_a_line_that_was_cut_in_the_view_stands() {
        let raw = format!("FATAL: {}\n", "no space ".repeat(100));
        assert!(checked(&raw, quote("1 | FATAL: no space no space…")).verified);
        assert!(!checked(&raw, quote("…")).verified);
    }

    #[test]
    fn colour_and_invisible_characters_inside_of_words_do_not_hide_a_quote() {
        assert!(checked("dis\u{1b}[31mk fu\u{200b}ll\r\n", quote("disk full")).verified);
        assert!(checked("disk\u{a0}full\n", quote("disk full")).verified);
    }

    #[test]
    fn a_cited_line_without_end_becomes_a_short_quote() {
        let by_line = Finding { lines: Some((1, 1)), ..quote("") };
        assert!(checked(&"x".repeat(1 << 20), by_line).quote.len() < 5_000);
        let beyond = Finding { lines: Some((u64::MAX, u64::MAX)), ..quote("") };
        assert!(!checked("a\n", beyond).verified);
        let backwards = Finding { lines: Some((2, 1)), ..quote("") };
        assert!(!checked("a\nb\n", backwards).verified);
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
