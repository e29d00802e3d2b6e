//! What an answer may claim for itself: rules that take back a verdict or a confidence the evidence does not carry.
//!
//! docs/answers.md has them as a table; a test holds the two together.

use std::fmt::Write as _;

use crate::answer::{Answer, Confidence, Verdict};
use crate::evidence::exhibit::{Exhibit, Status};
use crate::evidence::view::clip;

/// Findings that a request for correction names; more would cost more than they bring.
const MOST_NAMED: usize = 5;

/// Applies the rules, in the order of the table.
pub(super) fn settle(answer: &mut Answer, exhibits: &[Exhibit]) {
    let verified = answer.findings.iter().filter(|finding| finding.verified).count();
    if answer.verdict == Verdict::NoProblem && (exhibits.is_empty() || has_failed_source(exhibits)) {
        answer.verdict = Verdict::Inconclusive;
    }
    if answer.verdict == Verdict::ProblemFound && answer.root_cause.trim().is_empty() && verified == 0 {
        answer.verdict = Verdict::Inconclusive;
    }
    let most = if verified == 0 {
        Confidence::Low
    } else if verified < answer.findings.len() || answer.verdict == Verdict::Inconclusive {
        Confidence::Medium
    } else {
        Confidence::High
    };
    answer.confidence = answer.confidence.min(most);
}

/// Whether a tool failed and never succeeded. Reading an earlier exhibit again is no source.
fn has_failed_source(exhibits: &[Exhibit]) -> bool {
    let failed = |e: &Exhibit| !matches!(e.status, Status::Success | Status::NoData);
    exhibits
        .iter()
        .filter(|e| e.tool != "read_exhibit")
        .any(|e| failed(e) && !exhibits.iter().any(|other| other.tool == e.tool && !failed(other)))
}

/// The one request for a correction: which findings do not hold, and why. `None` when all do.
/// Call it after verification; at most some 250 tokens.
#[must_use]
pub fn objections(answer: &Answer) -> Option<String> {
    let failing: Vec<_> = answer.findings.iter().filter(|finding| !finding.verified).collect();
    if failing.is_empty() {
        return None;
    }
    let mut text = String::from("Checked against the raw output, these findings do not hold:\n");
    for finding in failing.iter().take(MOST_NAMED) {
        let claim = finding.claim.split_whitespace().collect::<Vec<_>>().join(" ");
        let why = finding.why.as_deref().unwrap_or("not verified");
        let _ = writeln!(text, "- \"{}\": {}", clip(&claim, 60), clip(why, 60));
    }
    if let Some(more) = failing.len().checked_sub(MOST_NAMED).filter(|more| *more > 0) {
        let _ = writeln!(text, "- {more} more");
    }
    text.push_str(
        "Call `answer` once more, complete: quote each verbatim from its exhibit with the numbers it names, or drop \
         the claim. A root cause that rests on a dropped claim goes into not_sure.",
    );
    Some(text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::answer::Finding;
    use crate::evidence::tokens::estimate;

    fn exhibit(tool: &str, status: Status) -> Exhibit {
        let mut exhibit = Exhibit::attachment(1, tool, tool, Path::new("none").to_owned());
        tool.clone_into(&mut exhibit.tool);
        exhibit.status = status;
        exhibit
    }

    fn settled(
        verdict: Verdict,
        cause: &str,
        findings: &[bool],
        exhibits: &[Exhibit],
    ) -> (Verdict, Confidence) {
        let findings =
            findings.iter().map(|verified| Finding { verified: *verified, ..Finding::default() }).collect();
        let confidence = Confidence::High;
        let mut answer =
            Answer { verdict, confidence, findings, root_cause: cause.to_owned(), ..Answer::default() };
        settle(&mut answer, exhibits);
        (answer.verdict, answer.confidence)
    }

    #[test]
    fn verdicts_and_confidence_are_what_the_evidence_carries() {
        use {Confidence as C, Verdict as V};
        let good = [exhibit("pods", Status::Success)];
        let empty = [exhibit("pods", Status::NoData)];
        let failed = [exhibit("pods", Status::Success), exhibit("logs", Status::Error)];
        let mended = [exhibit("logs", Status::Error), exhibit("logs", Status::Success)];
        let denied = [exhibit("logs", Status::Denied)];
        let slow = [exhibit("logs", Status::TimedOut)];
        let reread = [exhibit("pods", Status::Success), exhibit("read_exhibit", Status::Error)];
        for (verdict, cause, findings, exhibits, expected) in [
            (V::ProblemFound, "disk", &[true, true][..], &good[..], (V::ProblemFound, C::High)),
            (V::ProblemFound, "disk", &[true, false], &good, (V::ProblemFound, C::Medium)),
            (V::ProblemFound, "disk", &[false, false], &good, (V::ProblemFound, C::Low)),
            (V::ProblemFound, "disk", &[], &good, (V::ProblemFound, C::Low)),
            (V::ProblemFound, "disk", &[true], &failed, (V::ProblemFound, C::High)),
            (V::ProblemFound, "", &[], &good, (V::Inconclusive, C::Low)),
            (V::ProblemFound, " ", &[false], &good, (V::Inconclusive, C::Low)),
            (V::ProblemFound, "", &[true], &good, (V::ProblemFound, C::High)),
            (V::NoProblem, "", &[true], &good, (V::NoProblem, C::High)),
            (V::NoProblem, "", &[true, false], &good, (V::NoProblem, C::Medium)),
            (V::NoProblem, "", &[], &empty, (V::NoProblem, C::Low)),
            (V::NoProblem, "", &[true], &failed, (V::Inconclusive, C::Medium)),
            (V::NoProblem, "", &[true], &denied, (V::Inconclusive, C::Medium)),
            (V::NoProblem, "", &[true], &slow, (V::Inconclusive, C::Medium)),
            (V::NoProblem, "", &[true], &mended, (V::NoProblem, C::High)),
            (V::NoProblem, "", &[true], &reread, (V::NoProblem, C::High)),
            (V::NoProblem, "", &[], &[], (V::Inconclusive, C::Low)),
            (V::Inconclusive, "", &[true], &good, (V::Inconclusive, C::Medium)),
            (V::Inconclusive, "", &[], &good, (V::Inconclusive, C::Low)),
        ] {
            let got = settled(verdict, cause, findings, exhibits);
            assert_eq!(got, expected, "{verdict:?} {cause:?} {findings:?}");
        }
    }

    #[test]
    fn objections_name_what_fails_and_stay_short() {
        let failing = |claim: &str| Finding {
            claim: claim.to_owned(),
            why: Some("the quote is not in E3".to_owned()),
            ..Finding::default()
        };
        let proven = Finding { verified: true, ..failing("proven") };
        let mut answer = Answer { findings: vec![proven], ..Answer::default() };
        assert_eq!(objections(&answer), None);
        answer.findings.push(failing("it leaks"));
        let text = objections(&answer).unwrap();
        assert!(
            text.contains("- \"it leaks\": the quote is not in E3\n") && !text.contains("proven"),
            "{text}"
        );
        for _ in 0..50 {
            answer.findings.push(failing(&"the pod was killed by 0xdeadbeef ".repeat(100)));
        }
        let text = objections(&answer).unwrap();
        assert!(text.contains("46 more") && estimate(&text) <= 250, "{} {text}", estimate(&text));
    }
}
