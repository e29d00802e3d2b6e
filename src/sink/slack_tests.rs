//! Slack refuses a message that breaks one limit; these are Slack's limits, checked on answers of every kind.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::tests::{investigation, redact};
use super::{Investigation, SECTIONS, SlackMessage, fill_sections, to_slack};
use crate::answer::{Answer, Confidence, Finding, NotChecked, Verdict};

fn units(value: &Value) -> usize {
    value.as_str().unwrap().encode_utf16().count()
}

/// What Slack's reference of blocks and of `chat.postMessage` says.
fn hold(message: &SlackMessage) {
    assert!(!message.text.is_empty() && message.text.encode_utf16().count() <= 4_000);
    assert!((1..=50).contains(&message.blocks.len()), "{} blocks", message.blocks.len());
    let mut names = Vec::new();
    for block in &message.blocks {
        names.push(block["block_id"].as_str().unwrap());
        let texts: Vec<&Value> = match block["type"].as_str().unwrap() {
            "header" => {
                assert_eq!(block["text"]["type"], "plain_text");
                assert!((1..=150).contains(&units(&block["text"]["text"])));
                continue;
            }
            "section" => vec![&block["text"]],
            "context" => {
                let elements = block["elements"].as_array().unwrap();
                assert!((1..=10).contains(&elements.len()));
                elements.iter().collect()
            }
            other => panic!("unknown block {other}"),
        };
        for text in texts {
            assert_eq!((&text["type"], &text["verbatim"]), (&json!("mrkdwn"), &json!(true)));
            let words = text["text"].as_str().unwrap();
            assert!((1..=3_000).contains(&units(&text["text"])), "{} characters", units(&text["text"]));
            assert!(!words.contains(['<', '>']), "{words}");
            for (at, _) in words.match_indices('&') {
                let rest = &words[at..];
                assert!(["&amp;", "&lt;", "&gt;"].iter().any(|one| rest.starts_with(one)), "{rest}");
            }
            assert_eq!(words.matches("```").count() % 2, 0, "{words}");
        }
    }
    let ascii: usize =
        json!(message.blocks).to_string().encode_utf16().map(|u| if u < 128 { 1 } else { 6 }).sum();
    assert!(ascii <= 13_000, "{ascii} bytes of blocks");
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

fn with(answer: Answer) -> Investigation {
    let folder = tempfile::tempdir().unwrap();
    Investigation { answer, ..investigation(folder.path()) }
}

#[test]
fn an_answer_as_a_thread() {
    let folder = tempfile::tempdir().unwrap();
    let thread = to_slack(&investigation(folder.path()), &redact);
    let shown: Vec<Value> = std::iter::once(&thread.first)
        .chain(&thread.replies)
        .map(|one| json!({"text": one.text, "blocks": one.blocks}))
        .collect();
    insta::assert_json_snapshot!(shown);
}

#[test]
fn a_huge_and_hostile_answer_stays_within_the_limits() {
    let quote = "<!channel> `````` \u{202e}<@U012> & <https://evil.example|click> 🧑‍🚒é\n".repeat(800);
    let findings = (0..200).map(|_| Finding {
        claim: quote.clone(),
        quote: quote.clone(),
        exhibit: 1,
        ..Finding::default()
    });
    let answer = Answer {
        root_cause: quote.clone(),
        findings: findings.collect(),
        fix: vec![format!("Run it:\n{quote}"); 60],
        not_sure: vec![quote.clone(); 60],
        not_checked: vec![NotChecked { what: quote.clone(), why: quote.clone() }; 60],
        ..Answer::default()
    };
    let mut runs = vec![with(answer.clone()), with(Answer { text: quote.clone(), ..answer })];
    let mut sectioned = runs[0].clone();
    fill_sections(&mut sectioned, &SECTIONS, &redact);
    runs.push(sectioned);
    for run in &runs {
        let thread = to_slack(run, &redact);
        assert!((1..=8).contains(&thread.replies.len()), "{}", thread.replies.len());
        std::iter::once(&thread.first).chain(&thread.replies).for_each(hold);
        let last = thread.replies.last().unwrap().blocks.last().unwrap().to_string();
        assert!(last.contains("holmes-rs run show 0190-run"), "{last}");
    }
    let thread = to_slack(&runs[0], &redact);
    let all = format!("{thread:?}");
    assert!(all.contains("more findings") && all.contains("*Evidence*"), "{all}");
    assert!(!all.contains("<!channel>") && !all.contains('\u{202e}'));
}

#[test]
fn an_empty_answer_is_one_message() {
    let mut run = with(Answer::default());
    run.question.text.clear();
    run.question.subject = None;
    run.exhibits.clear();
    let thread = to_slack(&run, &redact);
    hold(&thread.first);
    assert!(thread.replies.is_empty());
}

#[test]
fn sections_hold_what_the_answer_says_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = investigation(folder.path());
    run.exhibits[0].tool = "kubectl_logs".to_owned();
    fill_sections(&mut run, &SECTIONS, &redact);
    let text = |title: &str| run.sections.iter().find(|one| one.title == title).unwrap().text.clone();
    assert_eq!(text("App or Infra?"), None);
    assert_eq!(text("External links"), None);
    assert!(text("Key Findings").unwrap().contains("`Reason: OOMKilled` [E1:3]"));
    assert!(text("Conclusions and Possible Root causes").unwrap().contains("The memory limit is too small"));
    assert!(text("Next Steps").unwrap().contains("`kubectl set resources"));
    let logs = text("Related logs").unwrap();
    assert!(logs.contains("Exit Code: 137") && !logs.contains("hunter2"), "{logs}");
    assert_eq!(text("Alert Explanation").unwrap(), "`pod/shop/payments`: why does <payments> crash?");
    let headings: Vec<&str> = run.answer.text.lines().filter(|line| line.starts_with("# ")).collect();
    let filled = [
        "Alert Explanation",
        "Key Findings",
        "Conclusions and Possible Root causes",
        "Next Steps",
        "Related logs",
    ];
    assert_eq!(headings, filled.map(|title| format!("# {title}")));
}

fn any_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "a",
        " ",
        "\n",
        "`",
        "```",
        "<!here>",
        "&",
        "<",
        ">",
        "**",
        "*",
        "# ",
        "- ",
        "é",
        "e\u{301}",
        "👩‍👩‍👧‍👦",
        "🇩🇪",
        "\u{202e}",
        "漢字",
        "\u{0}",
        "https://x.example",
        "word word word word word word word word",
    ]);
    prop::collection::vec(pieces, 0..200).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn any_answer_gives_messages_within_the_limits(
        words in prop::collection::vec(any_text(), 8),
        count in 0_usize..90,
        free in any::<bool>(),
    ) {
        let word = |at: usize| words[at % words.len()].clone();
        let findings = (0..count).map(|at| Finding {
            claim: word(at), quote: word(at + 1), exhibit: 1, lines: Some((1, 2)), ..Finding::default()
        });
        let answer = Answer {
            text: if free { word(0).repeat(20) } else { String::new() },
            root_cause: word(1),
            findings: findings.collect(),
            fix: (0..count).map(word).collect(),
            not_sure: (0..count).map(word).collect(),
            verdict: Verdict::ProblemFound,
            confidence: Confidence::Low,
            ..Answer::default()
        };
        let mut run = with(answer);
        run.question.text = word(2);
        run.model = word(3);
        let thread = to_slack(&run, &str::to_owned);
        std::iter::once(&thread.first).chain(&thread.replies).for_each(hold);
    }
}
