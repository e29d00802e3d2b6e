//! How far an answer is trusted: quotes and numbers checked, verdicts taken back, what was looked at.

use serde_json::{Value, json};

use crate::support::{Bench, Ran};

/// One tool call, then an answer by the tool or in words.
fn asked(answer: Value, form: &str) -> Ran {
    let last = if answer.is_string() {
        json!({"say": answer, "repeat": true})
    } else {
        json!({"call": [{"tool": "answer", "arguments": answer}], "repeat": true})
    };
    Bench::new()
        .tools(&[
            ("pods", "printf 'web-1  CrashLoopBackOff  12\\nReason: OOMKilled\\nExit Code: 137\\n'"),
            ("metrics", "echo 'connection refused' >&2; exit 7"),
            ("idle", "echo idle"),
        ])
        .model(json!([
            {"call": [{"tool": "pods", "arguments": {}}, {"tool": "metrics", "arguments": {}}]},
            last,
        ]))
        .run(["ask", "why does web-1 crash?", "-t", "tools.yaml", "-o", form])
        .exits(0)
}

fn finding(claim: &str, exhibit: &str, quote: &str) -> Value {
    json!({"claim": claim, "exhibit": exhibit, "quote": quote})
}

#[test]
fn invented_quotes_and_wrong_numbers_are_marked_with_the_reason() {
    let answer = json!({
        "root_cause": "web-1 runs out of memory", "verdict": "problem_found", "confidence": "high",
        "findings": [
            finding("killed with 137", "E1", "Reason: OOMKilled\nExit Code: 137"),
            finding("it restarted 99 times", "E1", "web-1 CrashLoopBackOff"),
            finding("the moon is to blame", "E1", "the moon is made of cheese"),
            finding("elsewhere", "E9", "Reason: OOMKilled"),
        ],
    });
    let result = asked(answer.clone(), "json").json();
    let evidence = result["evidence"].as_array().unwrap();
    let got: Vec<(bool, &str)> = evidence
        .iter()
        .map(|one| (one["verified"].as_bool().unwrap(), one["why"].as_str().unwrap_or_default()))
        .collect();
    let expected = [
        (true, ""),
        (false, "99 is not in the quoted lines"),
        (false, "the quote is not in E1"),
        (false, "E9 does not exist"),
    ];
    assert_eq!(got, expected);
    assert_eq!(evidence[0]["lines"], json!([2, 3]));
    assert_eq!((&result["confidence"], &result["verdict"]), (&json!("medium"), &json!("problem_found")));
    let text = asked(answer, "text").stdout;
    assert!(text.contains("1 of 4 quotes verified; confidence: medium"), "{text}");
    assert!(text.contains("(unverified: 99 is not in the quoted lines)"), "{text}");
}

#[test]
fn no_problem_is_not_said_while_a_source_failed_and_the_ledger_tells_all() {
    let answer = json!({
        "root_cause": "", "verdict": "no_problem", "confidence": "high",
        "findings": [finding("it runs", "E1", "web-1")],
    });
    let result = asked(answer.clone(), "json").json();
    assert_eq!((&result["verdict"], &result["confidence"]), (&json!("inconclusive"), &json!("medium")));
    let state = |what: &str| {
        let one = result["coverage"].as_array().unwrap().iter().find(|one| one["what"] == what).cloned();
        one.map(|one| one["state"].clone()).unwrap_or_default()
    };
    assert_eq!(
        (state("pods"), state("metrics"), state("test")),
        (json!("checked"), json!("failed"), json!("checked"))
    );
    assert_eq!(result["hypotheses"], json!([]));
    let text = asked(answer, "text").stdout;
    assert!(text.contains("Inconclusive.") && text.contains("metrics (E2)"), "{text}");
}

#[test]
fn words_with_citations_are_checked_as_well() {
    let said = "## Root cause\nweb-1 is killed with 137 [E1:3].\n\n### Evidence\n\
                * It was \"Reason: OOMKilled\" (E1, line 2)\n* \"Reason: Evicted\" [E1:2]\n\n\
                **Verdict:** problem found\n**Confidence**: high\n";
    let result = asked(json!(said), "json").json();
    let verified: Vec<&Value> =
        result["evidence"].as_array().unwrap().iter().map(|one| &one["verified"]).collect();
    assert_eq!(verified, [true, true, false]);
    assert_eq!(result["confidence"], "medium");
    let text = asked(json!(said), "text").stdout;
    assert!(text.starts_with("## Root cause") || text.contains("web-1 is killed"), "{text}");
    assert!(text.contains("2 of 3 quotes verified"), "{text}");
    assert!(text.contains("(unverified: the quote is not in E1)"), "{text}");
}

#[test]
fn a_root_cause_without_proof_is_of_low_confidence() {
    let answer = json!({"root_cause": "the disk", "verdict": "problem_found", "confidence": "high"});
    assert_eq!(asked(answer, "json").json()["confidence"], "low");
    assert_eq!(
        asked(json!("**Root cause:** the disk\n**Confidence:** high"), "json").json()["confidence"],
        "low"
    );
}

#[test]
fn the_page_shows_when_each_tool_ran_and_the_lines_that_prove_it() {
    let answer = json!({
        "root_cause": "memory", "verdict": "problem_found", "confidence": "high",
        "findings": [finding("killed", "E1", "Reason: OOMKilled")],
        "fix": ["Raise the limit: kubectl set resources deploy/web --limits=memory=256Mi"],
    });
    let page = asked(answer, "html").stdout;
    for part in [
        "<mark>     2  Reason: OOMKilled</mark>",
        "<pre class=\"copy\">kubectl set resources deploy/web --limits=memory=256Mi</pre>",
        "E1 pods",
        "<rect class=\"fail\"",
        "<h2>Coverage</h2>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script") && !page.contains("src="), "{page}");
}
