//! `runbook list|show|match`, and where runbooks come from, through the binary.

use serde_json::{Value, json};

use crate::support::Bench;

const LATE: &str = "---\nname: orders-late\ndescription: Orders wait in the queue of the shop\nalerts: [OrdersLate, \"Order*\"]\n\
    labels: {team: shop-*}\nmatch: 'order(s)? .*(late|wait)'\nwords: [basket, checkout queue]\nsteps:\n  - tool: kubectl_describe\n    \
    arguments: {kind: pod, name: \"{{ pod }}\", namespace: \"{{ namespace }}\"}\n  - tool: kubectl_get_by_kind_in_cluster\n    \
    arguments: {kind: nodes}\n---\n# Orders are late\n\nLook at the **queue** first.\n";

fn bench() -> Bench {
    Bench::new().file("books/orders-late.md", LATE)
}

fn find<'a>(list: &'a Value, name: &str) -> Option<&'a Value> {
    list.as_array().unwrap().iter().find(|one| one["name"] == name)
}

#[test]
fn a_list_has_ours_and_those_of_every_source() {
    let bench = bench()
        .file(".holmes/config.yaml", "custom_runbooks: [mine]\ncustom_skill_paths: [skills]\ncustom_runbook_catalogs: [cat/catalog.json]\n")
        .file(".holmes/mine/old.yaml", "runbooks:\n  - match: {issue_name: X}\n    instructions: Look at X.\n")
        .file(".holmes/skills/deep/SKILL.md", "---\ndescription: deep\n---\nGo deep.")
        .file(".holmes/skills/deep/more.md", "More of it.")
        .file(".holmes/cat/catalog.json", r#"{"catalog": [{"description": "wiki", "link": "https://wiki.example/up.md"}]}"#)
        .file(".holmes/runbooks/disk-full.md", "---\ndescription: our disks\n---\nAsk Ada.");
    let list = bench.run(["runbook", "list", "-o", "json"]).exits(0).json();
    for (name, description) in
        [("old", "Look at X."), ("deep", "deep"), ("up", "wiki"), ("disk-full", "our disks")]
    {
        let one = find(&list, name).unwrap_or_else(|| panic!("`{name}` is not in {list:#}"));
        assert_eq!((&one["description"], &one["origin"]), (&json!(description), &json!("custom")), "{name}");
    }
    assert!(find(&list, "orders-late").is_none());
    // What is typed stands in place of the file's list.
    let typed = bench.run(["runbook", "list", "-r", "books", "-o", "json"]).exits(0).json();
    assert!(find(&typed, "orders-late").is_some() && find(&typed, "old").is_none(), "{typed:#}");
    let text = bench.run(["runbook", "list", "-r", "books"]).exits(0);
    assert!(text.stdout.contains("orders-late"), "{}", text.stdout);
    assert!(text.stdout.contains("OrdersLate, Order* and 2 more"), "{}", text.stdout);
    let more = bench.run(["runbook", "show", "deep/more.md"]).exits(0);
    assert_eq!(more.stdout, "More of it.\n");
    let by_env =
        bench.env("HOLMES_CUSTOM_RUNBOOKS", "books").run(["runbook", "list", "-o", "jsonl"]).exits(0);
    assert!(by_env.stdout.lines().any(|line| line.contains("\"orders-late\"")), "{}", by_env.stdout);
}

#[test]
fn a_runbook_is_shown_with_its_calls_and_its_place() {
    let ran = bench().run(["runbook", "show", "Orders_Late", "-r", "books"]).exits(0);
    for wanted in ["Look at the", "kubectl_describe", "{{ pod }}", "books/orders-late.md", "OrdersLate"] {
        assert!(ran.stdout.contains(wanted), "{wanted}: {}", ran.stdout);
    }
    let json = bench()
        .run(["runbook", "show", "orders-late", "-r", "books/orders-late.md", "-o", "json"])
        .exits(0)
        .json();
    assert_eq!(
        json["steps"][1],
        json!({"tool": "kubectl_get_by_kind_in_cluster", "arguments": {"kind": "nodes"}})
    );
    assert!(json["text"].as_str().unwrap().starts_with("# Orders are late"));
    let missing = bench().run(["runbook", "show", "orders-lte", "-r", "books"]).exits(2);
    assert!(missing.stderr.contains("did you mean `orders-late`?"), "{}", missing.stderr);
}

#[test]
fn a_match_says_which_why_and_what_would_be_called() {
    let args = [
        "runbook",
        "match",
        "--alert",
        "orderslate",
        "-l",
        "pod=web-1",
        "-l",
        "namespace=shop",
        "-r",
        "books",
    ];
    let ran = bench().run(args).exits(0);
    assert!(ran.stdout.contains("orders-late  100.0  alert name"), "{}", ran.stdout);
    assert!(
        ran.stdout.contains(r#"kubectl_describe {"kind":"pod","name":"web-1","namespace":"shop"}"#),
        "{}",
        ran.stdout
    );
    let json = |words: &[&str]| {
        bench().run([&["runbook", "match", "-r", "books", "-o", "json"], words].concat()).exits(0).json()
    };
    for (words, why) in [
        (&["--alert", "OrderStuck"][..], "alert Order*"),
        (&["-l", "team=shop-north"], "label team=shop-*"),
        (&["why do the orders of Ada wait"], "regex order(s)? .*(late|wait)"),
        (&["basket", "checkout"], "text: basket, checkout"),
    ] {
        let found = json(words);
        assert_eq!((&found[0]["name"], &found[0]["why"]), (&json!("orders-late"), &json!(why)), "{found:#}");
        assert_eq!(found[0]["steps"].as_array().unwrap().len(), 1, "{found:#}");
        assert_eq!(found[0]["steps_unknown"], json!(["pod", "namespace"]), "{found:#}");
    }
    assert_eq!(json(&["what", "is", "the", "weather", "like"]), json!([]));
    let none = bench().run(["runbook", "match", "weather"]).exits(0);
    assert!(none.stdout.is_empty() && none.stderr.contains("no runbook fits"), "{}", none.stderr);
}

#[test]
fn wrong_words_and_wrong_files_say_what_to_do() {
    let nothing = bench().run(["runbook", "match"]).exits(2);
    assert!(nothing.stderr.contains("there is nothing to match") && nothing.stderr.contains("hint:"));
    let label = bench().run(["runbook", "match", "-l", "pod"]).exits(2);
    assert!(label.stderr.contains("`--label` takes NAME=VALUE, got `pod`"), "{}", label.stderr);
    let bench = bench().file("books/half.md", "---\nname: half\n").file("books/\u{1b}[2J.md", "");
    let gone = bench.run(["runbook", "list", "-r", "books", "-r", "gone"]).exits(2);
    assert!(gone.stderr.starts_with("error: runbook `gone` does not exist\nhint: "), "{}", gone.stderr);
    let ran = bench.run(["runbook", "list", "-r", "books"]).exits(0);
    assert!(ran.stdout.contains("orders-late"), "{}", ran.stdout);
    assert!(ran.stderr.contains("books/half.md:1:1: begins with `---`"), "{}", ran.stderr);
    assert!(
        !ran.stderr.contains('\u{1b}') && ran.stderr.lines().all(|line| line.starts_with("warning: ")),
        "{}",
        ran.stderr
    );
}

#[test]
fn words_of_a_stranger_steer_no_terminal() {
    let evil = "---\nname: evil\ndescription: \"a\\x1b[2Jb\"\nalerts: [\"E\\x1b]0;x\\x07vil*\"]\nsteps: [{tool: \"t\\x1b[2J\", arguments: {a: b}}]\n---\ntext \u{1b}[31m red\n";
    let bench = Bench::new().file("evil.md", evil);
    for args in [
        &["runbook", "list", "-r", "evil.md"][..],
        &["runbook", "show", "evil", "-r", "evil.md"],
        &["runbook", "show", "evil", "-r", "evil.md", "-o", "markdown"],
        &["runbook", "list", "-r", "evil.md", "-o", "markdown"],
        &["runbook", "match", "-r", "evil.md", "evil", "a\u{1b}[2J"],
    ] {
        let ran = bench.run(args).exits(0);
        assert!(
            !ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'),
            "{args:?}: {:?}",
            ran.stdout
        );
    }
}

#[test]
fn a_project_that_brings_runbooks_is_named() {
    let bench = bench()
        .file("work/.holmes/config.yaml", "custom_runbooks: [b]\n")
        .file("work/.holmes/b/x.md", "look")
        .folder("work");
    let ran = bench.run(["runbook", "list", "-o", "json"]).exits(0);
    assert!(find(&ran.json(), "x").is_some(), "{}", ran.stdout);
    assert!(ran.stderr.contains("sets `custom_runbooks`: it decides where data goes"), "{}", ran.stderr);
}

#[test]
fn a_secret_in_a_runbook_stays_here() {
    let secret = format!("{}{}", "tr0ub4dor-", "9x7K2pQ");
    let bench = Bench::new()
        .file("cheese.md", format!("# Cheese robot\n\nThe cheese robot is asked with password={secret}\n"))
        .model(json!([{"say": "Root cause: none."}]));
    bench.run(["ask", "why does the cheese robot stand still?", "-r", "cheese.md"]).exits(0);
    let sent = bench.scripted().requests()[0].body.to_string();
    assert!(sent.contains("The cheese robot is asked with") && !sent.contains(&secret), "{sent}");
}
