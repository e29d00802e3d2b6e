use insta::assert_snapshot;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

fn call(value: Value) -> Answer {
    let Value::Object(arguments) = value else { panic!("not an object") };
    from_call(&arguments)
}

const FREE_TEXT: &str = r#"## Root Cause
The `payments` container is **OOMKilled**: its limit is 64Mi [E3:41].

## Evidence
- Killed by the kernel: "Reason: OOMKilled" [E3:41-42]
- [E4] `memory: 64Mi` is the limit
- Restarted 12 times [E2:7]

**Next steps:**
1. Raise the limit:
   ```bash
   kubectl set resources deployment/payments -n shop --limits=memory=256Mi
   ```
2. Watch `kubectl top pod`

Confidence: high
"#;

#[test]
fn free_text_with_sections() {
    let answer = from_text(FREE_TEXT);
    assert_eq!(answer.text, FREE_TEXT);
    assert_eq!(answer.verdict, Verdict::ProblemFound);
    assert_eq!(answer.confidence, Confidence::High);
    assert_eq!(answer.root_cause, "The `payments` container is OOMKilled: its limit is 64Mi.");
    assert_eq!(
        answer.fix,
        [
            "Raise the limit: `kubectl set resources deployment/payments -n shop --limits=memory=256Mi`",
            "Watch `kubectl top pod`"
        ]
    );
    let short: Vec<_> =
        answer.findings.iter().map(|f| (f.exhibit, f.lines, f.quote.as_str(), f.claim.as_str())).collect();
    assert_eq!(
        short,
        [
            (3, Some((41, 41)), "", "The `payments` container is OOMKilled: its limit is 64Mi"),
            (3, Some((41, 42)), "Reason: OOMKilled", r#"Killed by the kernel: "Reason: OOMKilled""#),
            (4, None, "memory: 64Mi", "`memory: 64Mi` is the limit"),
            (2, Some((7, 7)), "", "Restarted 12 times"),
        ]
    );
}

#[test]
fn headings_in_any_spelling() {
    for heading in [
        "Root cause: the disk is full",
        "**Root cause**: the disk is full",
        "**Root cause:** the disk is full",
        "**Root Cause** the disk is full",
        "**Root cause: the disk is full**",
        "# Root Cause\nthe disk is full",
        "### 🔍 Root Cause Analysis\n\nthe disk is full",
        "Root Cause\n==========\nthe disk is full",
        "*Root cause:* the disk is full",
        "1. **Root cause**: the disk is full",
        "- **Root cause** — the disk is full",
        "ROOT CAUSE:\nthe disk is full",
        "Here is what I found.\n\n__Root cause__\n\nthe disk is full",
    ] {
        let answer = from_text(&format!("{heading}\n\n## Fix\n- free some space\n"));
        assert_eq!(answer.root_cause, "the disk is full", "{heading}");
        assert_eq!(answer.verdict, Verdict::ProblemFound, "{heading}");
        assert_eq!(answer.fix, ["free some space"], "{heading}");
    }
}

#[test]
fn words_that_only_look_like_headings_are_text() {
    let answer = from_text("Fix the thing that causes this, root cause analysis shows.\nEvidence is thin");
    assert_eq!(answer.fix, Vec::<String>::new());
    assert_eq!(
        answer.root_cause,
        "Fix the thing that causes this, root cause analysis shows. Evidence is thin"
    );
    assert_eq!(answer.verdict, Verdict::Inconclusive);
}

#[test]
fn verdicts_are_guessed_carefully() {
    for (text, verdict) in [
        ("Root cause: disk full\nVerdict: inconclusive", Verdict::Inconclusive),
        ("**Verdict:** no_problem\n\nAll good", Verdict::NoProblem),
        ("No problem found. All pods run.", Verdict::NoProblem),
        ("## Root cause\nNone", Verdict::NoProblem),
        ("## Root cause\nCould not be determined: logs are gone", Verdict::Inconclusive),
        ("No issues found, but I was unable to find the logs", Verdict::Inconclusive),
        ("The pod restarts", Verdict::Inconclusive),
        ("", Verdict::Inconclusive),
    ] {
        assert_eq!(from_text(text).verdict, verdict, "{text}");
    }
}

#[test]
fn citations_in_any_spelling() {
    for (text, exhibit, lines) in [
        ("disk is full [E3]", 3, None),
        ("disk is full [E3:41]", 3, Some((41, 41))),
        ("disk is full [E3:41-44]", 3, Some((41, 44))),
        ("disk is full [E3:41–44].", 3, Some((41, 44))),
        ("disk is full (E3:41)", 3, Some((41, 41))),
        ("disk is full `[E3:41]`", 3, Some((41, 41))),
        ("disk is full [E3, line 41]", 3, Some((41, 41))),
        ("disk is full [e3:L41-L44]", 3, Some((41, 44))),
        ("disk is full [E3: lines 41-44]", 3, Some((41, 44))),
        ("disk is full [Exhibit E3:41]", 3, Some((41, 41))),
        ("disk is full 【E3:41】", 3, Some((41, 41))),
        ("disk is full [E3:44-41]", 3, Some((44, 44))),
    ] {
        let found = from_text(text).findings;
        assert_eq!(found.len(), 1, "{text}");
        assert_eq!((found[0].exhibit, found[0].lines), (exhibit, lines), "{text}");
        assert_eq!(found[0].claim, "disk is full", "{text}");
    }
    let both = from_text("limit and kill [E3:41, E4:2-3] \"OOMKilled\"").findings;
    assert_eq!(both.len(), 2);
    assert_eq!(both[1].lines, Some((2, 3)));
    assert_eq!(both[1].quote, "OOMKilled");
    assert!(from_text("see [Error 3] and [ENOENT] and arr[E] and (e.g. 3)").findings.is_empty());
}

#[test]
fn a_log_line_in_a_code_block_is_no_citation_but_may_be_a_quote() {
    let answer = from_text("It was killed [E3:41]:\n```\nOut of memory: Killed process 7 [E9:1]\n```\n");
    assert_eq!(answer.findings.len(), 1);
    assert_eq!(answer.findings[0].quote, "Out of memory: Killed process 7 [E9:1]");
}

#[test]
fn a_call_as_asked_for() {
    let answer = call(json!({
        "root_cause": "memory limit too small", "verdict": "problem_found", "confidence": "high",
        "findings": [{"claim": "killed", "exhibit": "E3", "quote": "OOMKilled"}],
        "fix": ["kubectl rollout restart deploy/payments"], "not_sure": ["leak or load"],
    }));
    assert_eq!(answer.verdict, Verdict::ProblemFound);
    assert_eq!(answer.confidence, Confidence::High);
    assert_eq!(answer.findings[0].exhibit, 3);
    assert_eq!(answer.not_sure, ["leak or load"]);
    assert_eq!(answer.text, "");
}

#[test]
fn a_call_as_models_write_it() {
    let answer = call(json!({
        "rootCause": "disk full",
        "Verdict": "Problem Found",
        "confidence": 0.9,
        "findings": "[{\"claim\": \"full [E2:3]\", \"quote\": \"`100%`\"}, {\"exhibit\": 4, \"quote\": \"x\"}, {\"exhibit\": [\"E5:1-2\"]}]",
        "fix": "1. remove logs\n2. grow the disk",
        "not_sure": null,
    }));
    assert_eq!(answer.root_cause, "disk full");
    assert_eq!(answer.verdict, Verdict::ProblemFound);
    assert_eq!(answer.confidence, Confidence::High);
    assert_eq!(answer.fix, ["remove logs", "grow the disk"]);
    assert_eq!(answer.findings.len(), 3);
    assert_eq!(answer.findings[0].claim, "full");
    assert_eq!(answer.findings[0].quote, "100%");
    assert_eq!((answer.findings[0].exhibit, answer.findings[0].lines), (2, Some((3, 3))));
    assert_eq!(answer.findings[1].exhibit, 4);
    assert_eq!(answer.findings[2].lines, Some((1, 2)));

    assert_eq!(call(json!({})), Answer::default());
    assert_eq!(call(json!({"findings": ["killed \"OOM\" [E3:4]", "no proof"]})).findings[1].exhibit, 0);
    assert_eq!(call(json!({"verdict": "NO-PROBLEM"})).verdict, Verdict::NoProblem);
    assert_eq!(call(json!({"verdict": 7, "root_cause": ["a", 1]})).root_cause, "a; 1");
    assert_eq!(call(json!({"root_cause": "x"})).verdict, Verdict::Inconclusive);
}

#[test]
fn the_schema_stays_cheap() {
    let spec = serde_json::to_string(&answer_tool()).unwrap();
    // About four bytes of JSON a token.
    assert!(spec.len() <= 700, "{} bytes: {spec}", spec.len());
}

fn sample() -> Answer {
    Answer {
        verdict: Verdict::ProblemFound,
        root_cause: "`payments` is OOMKilled: its memory limit is 64Mi".to_owned(),
        findings: vec![
            Finding {
                claim: "The kernel killed it".to_owned(),
                exhibit: 3,
                quote: "Reason:  OOMKilled".to_owned(),
                lines: Some((41, 41)),
                verified: true,
                why: None,
            },
            Finding {
                claim: "The limit is small".to_owned(),
                exhibit: 4,
                quote: "say `64Mi`".to_owned(),
                lines: None,
                verified: false,
                why: None,
            },
        ],
        fix: vec![
            "Raise the limit: kubectl set resources deploy/payments --limits=memory=256Mi".to_owned(),
            "kubectl rollout status deploy/payments".to_owned(),
            "Find the leak\nkubectl top pod -n shop\nkubectl logs payments".to_owned(),
        ],
        not_sure: vec!["Whether load or a leak".to_owned()],
        confidence: Confidence::Medium,
        not_checked: vec![
            NotChecked { what: "metrics".to_owned(), why: "PROMETHEUS_URL not set".to_owned() },
            NotChecked { what: "traces".to_owned(), why: "JAEGER_URL not set".to_owned() },
        ],
        ..Answer::default()
    }
}

#[test]
fn markdown_of_a_structured_answer() {
    assert_snapshot!(to_markdown(&sample()), @"
**Root cause:** `payments` is OOMKilled: its memory limit is 64Mi

**Evidence**

- The kernel killed it: `Reason: OOMKilled` [E3:41]
- The limit is small: `` say `64Mi` `` [E4] (unverified)

1 of 2 quotes verified; confidence: medium

**Fix**

1. Raise the limit: `kubectl set resources deploy/payments --limits=memory=256Mi`
2. `kubectl rollout status deploy/payments`
3. Find the leak

   ```
   kubectl top pod -n shop
   kubectl logs payments
   ```

**Not sure**

- Whether load or a leak

Not checked: metrics (PROMETHEUS_URL not set)  
Not checked: traces (JAEGER_URL not set)
");
}

#[test]
fn markdown_of_little() {
    assert_snapshot!(to_markdown(&Answer::default()), @"**Inconclusive.** The evidence does not show a root cause.");
    let healthy =
        Answer { verdict: Verdict::NoProblem, root_cause: "All 4 pods run".to_owned(), ..Answer::default() };
    assert_snapshot!(to_markdown(&healthy), @"**No problem found.** All 4 pods run");
    let bare =
        Answer { verdict: Verdict::ProblemFound, root_cause: "disk full".to_owned(), ..Answer::default() };
    assert_snapshot!(to_markdown(&bare), @"
**Root cause:** disk full

No quote backs this; confidence: low
");
}

#[test]
fn footer_of_free_text() {
    assert_snapshot!(footer(&sample()), @"
1 of 2 quotes verified; confidence: medium

- The limit is small: `` say `64Mi` `` [E4] (unverified)

Not checked: metrics (PROMETHEUS_URL not set)  
Not checked: traces (JAEGER_URL not set)
");
    assert_eq!(footer(&Answer::default()), "");
    let mut many = Answer::default();
    for n in 0..6 {
        many.not_checked.push(NotChecked { what: format!("t{n}"), why: format!("reason {}", n / 2 * n) });
    }
    assert_snapshot!(footer(&many), @"
Not checked: t0, t1 (reason 0)  
Not checked: t2 (reason 2)  
Not checked: t3, t4, t5
");
}

#[test]
fn what_is_written_is_read_back() {
    let answer = sample();
    let read = from_text(&to_markdown(&answer));
    assert_eq!(read.root_cause, answer.root_cause);
    assert_eq!(read.verdict, answer.verdict);
    assert_eq!(read.not_sure, answer.not_sure);
    assert_eq!(read.findings.len(), 2);
    assert_eq!(read.findings[0].quote, "Reason: OOMKilled");
    assert_eq!(read.findings[1].quote, "say `64Mi`");
    assert_eq!(read.fix.len(), 3);
}

#[test]
fn huge_hostile_text_ends_quickly() {
    for unit in ["`", "\"a`", "[E1] ", "[E1:", "**Root cause** ", "- ``a` ", "(E", "。. “"] {
        let text = unit.repeat(200_000 / unit.len());
        let answer = from_text(&text);
        assert_eq!(answer.text.len(), text.len());
        assert!(answer.root_cause.len() <= 1100);
    }
}

proptest! {
    #[test]
    fn any_text_is_read(text in "(\\PC|\n|`|\\[E1:2\\]|\"|#|\\*\\*|Root cause:|- |```\n){0,60}") {
        let answer = from_text(&text);
        prop_assert_eq!(&answer.text, &text);
        let _ = to_markdown(&answer);
    }

    #[test]
    fn any_call_is_read(root in "\\PC{0,30}", exhibit in "\\PC{0,6}", quote in "[\"`a \n]{0,9}", n in any::<f64>()) {
        let mut arguments = Map::new();
        arguments.insert("root_cause".to_owned(), Value::from(root));
        arguments.insert("confidence".to_owned(), Value::from(n));
        arguments.insert("findings".to_owned(), json!([{"exhibit": exhibit, "quote": quote}, {"exhibit": n}]));
        let _ = to_markdown(&from_call(&arguments));
    }
}
