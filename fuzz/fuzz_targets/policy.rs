//! Any command line: it is judged without panic, a plan has exactly the words of its parts, and what holds a character that
//! nobody sees is no read.

#![no_main]

use std::sync::OnceLock;

use holmes_rs::policy::{Policy, Verdict};
use libfuzzer_sys::fuzz_target;

static POLICY: OnceLock<Policy> = OnceLock::new();

fuzz_target!(|line: &str| {
    let policy = POLICY.get_or_init(|| Policy::builtin().unwrap());
    let judgement = policy.judge(line);
    assert_eq!(Some(judgement.verdict), judgement.parts.iter().map(|part| part.verdict).max());
    assert_eq!(judgement.plan.is_none(), judgement.shell_because.is_some());
    if let Some(plan) = &judgement.plan {
        let stages: Vec<&Vec<String>> = plan.steps.iter().flat_map(|step| &step.stages).map(|one| &one.argv).collect();
        let parts: Vec<&Vec<String>> = judgement.parts.iter().map(|part| &part.words).collect();
        assert_eq!(stages, parts);
    }
    if line.contains(['\0', '\r', '\u{200b}', '\u{202e}']) {
        assert!(judgement.verdict != Verdict::Read && judgement.plan.is_none());
    }
});
