//! Recorded runs played again: to the byte, to another model, from a file on another machine, asserted.

use std::io::{BufRead as _, BufReader};
use std::process::Command;

use serde_json::{Value, json};

use crate::support::scripted_model::ScriptedModel;
use crate::support::{Bench, Ran};

const RUNS: &str = ".local/state/holmes-rs/runs";

/// Made up, and in parts: no scanner takes it for a real one.
fn secret() -> String {
    ["correct", "horse", "battery", "staple"].join("-")
}

/// A run of two rounds with tools at the same time, a long output, a failure, an attachment and a secret.
fn long_run(form: &str) -> (Bench, Ran) {
    let bench = Bench::new()
        .env("DB_PASSWORD", secret())
        .file("app.log", format!("ok\nFATAL out of cheese\nlogin with {}\n", secret()))
        .tools(&[
            ("look", "sleep 0.05; echo shelf is {{ which }}"),
            ("long", "seq 1 40000 | sed 's/^/step /'; echo ERROR cheese is gone; echo key=$DB_PASSWORD"),
            ("broken", "echo no such shelf >&2; exit 3"),
        ])
        .model(json!([
            {"call": [
                {"tool": "look", "arguments": {"which": "empty"}},
                {"tool": "long", "arguments": {}},
                {"tool": "broken", "arguments": {}},
                {"tool": "none", "arguments": {}},
            ]},
            {"call": [
                {"tool": "look", "arguments": {"which": "empty"}},
                {"tool": "read_exhibit", "arguments": {"id": "E3", "grep": "ERROR"}},
            ]},
            {"call": [{"tool": "answer", "arguments": {
                "verdict": "problem_found", "confidence": "high", "root_cause": "the cheese ran out",
                "findings": [
                    {"claim": "no cheese", "exhibit": "E1", "quote": "FATAL out of cheese"},
                    {"claim": "gone", "exhibit": "E3", "quote": "ERROR cheese is gone"},
                    {"claim": "made up", "exhibit": "E2", "quote": "shelf is full"},
                ],
                "fix": ["buy cheese"],
            }}]},
        ]));
    let ran = bench
        .run(["ask", "why?", "-f", "app.log", "-t", "tools.yaml", "--toolset", "test", "-o", form])
        .exits(0);
    (bench, ran)
}

fn id_of(bench: &Bench) -> String {
    let entry = std::fs::read_dir(bench.path(RUNS)).unwrap().next().unwrap().unwrap();
    entry.file_name().into_string().unwrap()
}

/// Another machine: no record, no tools, no model, not even a PATH.
fn elsewhere() -> Bench {
    Bench::new().env("PATH", "/nonexistent")
}

fn edit(bench: &Bench, change: impl Fn(&str) -> String) {
    let path = bench.path(RUNS).join(id_of(bench)).join("events.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, change(&text)).unwrap();
}

#[test]
fn a_replay_prints_the_same_bytes_in_every_form_without_tools_and_model() {
    for form in ["text", "json", "markdown", "html"] {
        let (bench, ran) = long_run(form);
        let bench = bench
            .env("PATH", "/nonexistent")
            .env("OPENAI_API_BASE", "http://127.0.0.1:1/v1")
            .env("DB_PASSWORD", "");
        let again = bench.run(["run", "replay", "last", "-o", form, "-v"]).exits(0);
        assert_eq!(again.stdout, ran.stdout, "{form}");
        assert!(
            again.stderr.contains("replayed to the byte: 4 requests, 5 exhibits, same answer"),
            "{}",
            again.stderr
        );
        assert!(!again.stdout.contains(&secret()) && !again.stderr.contains(&secret()));
        let report = bench.run(["run", "export", "last", "-o", form]).exits(0);
        assert_eq!(report.stdout, ran.stdout, "{form}");
    }
}

#[test]
fn an_exported_run_is_the_same_on_another_machine_and_holds_no_secret() {
    for form in ["text", "json", "markdown", "html"] {
        let (bench, ran) = long_run(form);
        let bench = bench.env("DB_PASSWORD", "");
        let said = bench.run(["run", "export", "last", "-O", "run.jsonl"]).exits(0);
        assert!(
            said.stderr.contains("1 secret is replaced") && said.stderr.contains("whole: E3"),
            "{}",
            said.stderr
        );
        let file = bench.read("run.jsonl");
        assert!(!file.contains(&secret()) && !file.contains(bench.path("").to_str().unwrap()), "{form}");
        assert!(file.len() < 200_000, "{}", file.len());
        let other = elsewhere().file("run.jsonl", &file);
        let again = other.run(["run", "replay", "run.jsonl", "-o", form, "-v"]).exits(0);
        assert_eq!(again.stdout, ran.stdout, "{form}");
        assert!(again.stderr.contains("replayed to the byte"), "{}", again.stderr);
        assert!(!other.path(RUNS).exists());
        // What was exported can be exported again.
        let twice = other.run(["run", "export", "run.jsonl", "-O", "-"]).exits(0).stdout;
        assert!(twice == file, "{}", twice.len());
    }
}

#[test]
fn a_file_that_is_no_export_is_one_line() {
    let (bench, _) = long_run("text");
    let _ = bench.run(["run", "export", "last", "-O", "run.jsonl"]).exits(0);
    let file = bench.read("run.jsonl");
    let half = file.len() / 2;
    let lines: Vec<&str> = file.lines().collect();
    let lines_but_one = [&lines[..3], &lines[4..]].concat().join("\n");
    let head = |id: &str| file.replacen(&id_of(&bench), id, 1);
    let flood =
        format!("{}\n{{\"exhibit\":1,\"parts\":[{{\"from\":9000000000000,\"text\":\"\"}}]}}\n", lines[0]);
    for (text, words) in [
        (String::new(), "it is empty"),
        ("hello\n".into(), "is no run exported"),
        ("{\"a\":1}\n".into(), "is no run exported"),
        ("\u{1f}\u{8b}".into(), "is no run exported"),
        (file[..half].to_owned(), "is cut off"),
        (lines[..5].join("\n"), "is cut off"),
        (lines_but_one, "lines are missing before it"),
        (file.replacen("\"holmes_rs_run\":1", "\"holmes_rs_run\":7", 1), "format 7"),
        (file.replacen("\"format\":1", "\"format\":7", 1), "recorded in format 7"),
        (head("../../etc"), "`run_id` is no name"),
        (flood, "more lines than an output has"),
        (format!("{}\n{{\"exhibit\":1}}\n{{\"exhibit\":1}}\n", lines[0]), "its number is none, or taken"),
        (format!("{}\n{{\"exhibit\":-1}}\n", lines[0]), "its number is none, or taken"),
        (format!("{}\n[]\n", lines[0]), "neither an event nor an exhibit"),
    ] as [(String, &str); 14]
    {
        let ran = elsewhere().file("x.jsonl", &text).run(["run", "replay", "x.jsonl"]).exits(1);
        assert!(ran.stderr.contains(words) && ran.stderr.lines().count() <= 2, "{words}: {}", ran.stderr);
    }
    let packed = elsewhere().file("x.jsonl", [0x1f, 0x8b, 8, 0]).run(["run", "replay", "x.jsonl"]).exits(1);
    assert!(packed.stderr.contains("gunzip"), "{}", packed.stderr);
    let none = elsewhere().run(["run", "replay", "none.jsonl"]).exits(1);
    assert!(none.stderr.contains("cannot be read"), "{}", none.stderr);
}

/// A record without the events of this name.
fn without(text: &str, event: &str) -> String {
    let name = format!("\"event\":\"{event}\"");
    text.split_inclusive('\n').filter(|line| !line.contains(&name)).collect()
}

#[test]
fn a_changed_record_is_told_from_the_run() {
    for (from, to, words) in [
        ("\"description\":\"look\"", "\"description\":\"peek\"", "model_requested 1, .sha256"),
        ("\"quote\":\"shelf is full\"", "\"quote\":\"shelf is\"", "answer_questioned"),
        ("ERROR cheese is gone\\n", "ERROR cheese is here\\n", ".view"),
    ] {
        let (bench, _) = long_run("text");
        edit(&bench, |text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        let ran = bench.run(["run", "replay", "last"]).exits(1);
        assert!(
            ran.stderr.contains("the replay is not run") && ran.stderr.contains(words),
            "{words}: {}",
            ran.stderr
        );
    }
    // The raw output, as the views of the record do not show it.
    let (bench, _) = long_run("text");
    let raw = bench.path(RUNS).join(id_of(&bench)).join("exhibits/E2.out");
    std::fs::write(raw, "shelf is full\n").unwrap();
    let ran = bench.run(["run", "replay", "last"]).exits(1);
    assert!(ran.stderr.contains("tool_finished E2, .exhibit.view"), "{}", ran.stderr);
}

#[test]
fn what_an_old_or_cut_record_lacks_is_told() {
    let (bench, _) = long_run("text");
    edit(&bench, |text| without(text, "ended"));
    let ran = bench.run(["run", "replay", "last"]).exits(1);
    assert!(
        ran.stderr.contains("ends before an answer") && ran.stderr.contains("--no-llm"),
        "{}",
        ran.stderr
    );
    edit(&bench, |text| without(text, "opened"));
    let ran = bench.run(["run", "replay", "last"]).exits(1);
    assert!(ran.stderr.contains("older holmes-rs"), "{}", ran.stderr);
    assert!(bench.run(["run", "show", "last"]).exits(0).stdout.contains("cheese"));
}

#[test]
fn forced_endings_and_failures_replay_as_they_went() {
    let look = |n: u32| json!({"call": [{"tool": "look", "arguments": {"which": n}}]});
    for (args, replies, code) in [
        (vec!["--max-steps", "2"], json!([look(1), look(2), {"say": "Root cause: unknown"}]), 5),
        (vec!["--max-steps", "1"], json!([look(1), {"say": "", "repeat": true}]), 5),
        (vec!["--max-tokens-total", "600"], json!([look(1), {"say": "no idea"}]), 5),
        (vec![], json!([look(1), {"status": 401, "body": "no"}]), 3),
        (vec![], json!([{"say": "**Root cause:** none"}]), 0),
        (vec![], json!([look(1), {"say": ""}, {"say": "so be it"}]), 0),
        (vec!["--timeout", "1s"], json!([look(1), {"hang": true}, {"say": "time was up"}]), 5),
        (
            vec!["--timeout", "1s"],
            json!([
                {"call": [{"tool": "look", "arguments": {"which": 1}}, {"tool": "slow", "arguments": {}}]},
                {"say": "time was up"},
            ]),
            5,
        ),
        (vec!["--no-llm"], json!([]), 0),
    ] {
        let bench = Bench::new()
            .tools(&[("look", "echo shelf is {{ which }}"), ("slow", "echo begun; sleep 30")])
            .model(replies);
        let all = [
            vec!["ask", "why does the shelf fail?", "-t", "tools.yaml", "--toolset", "test", "-o", "json"],
            args.clone(),
        ]
        .concat();
        let ran = bench.run(&all);
        assert_eq!(ran.code, Some(code), "{args:?}: {}", ran.stderr);
        let again = bench.run(["run", "replay", "last", "-o", "json", "-v"]).exits(0);
        assert_eq!(again.stdout, ran.stdout, "{args:?}");
        let exit = format!("exit=={}", ran.code.unwrap());
        let _ = bench.run(["run", "replay", "last", "--assert", &exit]).exits(0);
    }
}

#[test]
fn summaries_of_a_fast_model_replay_too() {
    let yaml = "toolsets:\n  test:\n    description: t\n    tools:\n      - name: long\n        description: d\n        \
        command: seq 1 3000\n        transformers:\n          - name: llm_summarize\n            config: {input_threshold: 500}\n";
    let bench = Bench::new().file("tools.yaml", yaml).env("FAST_MODEL", "quick").model(json!([
        {"model": "quick", "say": "three thousand numbers"},
        {"call": [{"tool": "long", "arguments": {}}]},
        {"say": "Root cause: numbers"},
    ]));
    let ran = bench.run(["ask", "why?", "-t", "tools.yaml", "--toolset", "test", "-o", "json"]).exits(0);
    assert!(ran.stdout.contains("three thousand numbers"), "{}", ran.stdout);
    let again = bench.run(["run", "replay", "last", "-o", "json", "-v"]).exits(0);
    assert_eq!(again.stdout, ran.stdout);
}

#[test]
fn another_model_gets_the_same_evidence_and_is_compared() {
    let (bench, _) = long_run("text");
    let replies = json!([
        {"call": [
            {"tool": "look", "arguments": {"which": " empty "}},
            {"tool": "look", "arguments": {"which": "full"}},
            {"tool": "long", "arguments": {}},
        ]},
        {"call": [{"tool": "read_exhibit", "arguments": {"id": "E4", "lines": "40001-40001"}}]},
        {"call": [{"tool": "answer", "arguments": {
            "verdict": "no_problem", "confidence": "low", "root_cause": "nobody ate it",
            "findings": [{"claim": "gone", "exhibit": "E4", "quote": "ERROR cheese is gone"}],
        }}]},
    ]);
    let bodies: Vec<Value> = (0..2)
        .map(|_| {
            let server = ScriptedModel::start(&replies);
            let args = ["run", "replay", "last", "--model", "other", "-o", "json"];
            let ran = bench.run(args.iter().copied().chain(["--api-base", &server.base_url()])).exits(0);
            let result = ran.json();
            assert_eq!(result["metadata"]["replay_of"]["verdict"], "problem_found", "{result:#}");
            assert_eq!((&result["verdict"], &result["model"]), (&json!("no_problem"), &json!("other")));
            assert_eq!(result["evidence"][0]["verified"], true, "{result:#}");
            let error = result["tool_calls"][1]["result"]["error"].as_str().unwrap();
            assert!(error.contains("not recorded") && error.contains(r#"{"which":"empty"}"#), "{error}");
            assert!(
                ran.stderr.contains("recorded") && ran.stderr.contains("nobody ate it"),
                "{}",
                ran.stderr
            );
            assert!(server.violations().is_empty());
            let requests = server.requests();
            assert!(!format!("{requests:?}").contains(&secret()));
            requests.into_iter().filter(|one| one.method == "POST").map(|one| one.body).collect()
        })
        .collect();
    // The run's marker and clock are inputs: the same bytes leave the machine.
    assert_eq!(bodies[0].to_string(), bodies[1].to_string());
    assert_eq!(bodies[0].as_array().unwrap().len(), 3);
    let rules = bench.run(["run", "replay", "last", "--no-llm"]);
    assert!(rules.stderr.contains("rules"), "{}", rules.stderr);
}

#[test]
fn assertions_hold_or_say_what_is() {
    let (bench, _) = long_run("text");
    let run = |assertions: &[&str]| {
        let mut args = vec!["run", "replay", "last"];
        args.extend(assertions.iter().flat_map(|one| ["--assert", one]));
        bench.run(args)
    };
    let _ =
        run(&["root_cause~=CHEESE", "verdict==problem_found", "findings.verified>=2", "steps<=4", "exit==0"])
            .exits(0);
    let ran = run(&["fix~=cheese", "root_cause~=disk", "findings.unverified==0"]).exits(1);
    assert!(
        ran.stderr.contains("assertion failed: root_cause~=disk: it is `the cheese ran out`"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("2 of 3 assertions failed"), "{}", ran.stderr);
    let ran = run(&["root_cuase~=disk"]).exits(2);
    assert!(ran.stderr.contains("column 1") && ran.stdout.is_empty(), "{}", ran.stderr);
}

#[test]
fn an_interrupted_run_replays_its_interruption() {
    let bench = Bench::new()
        .tools(&[("slow", "echo 'FATAL: disk is gone'; sleep 8765.25"), ("quick", "echo ok")])
        .model(json!([
            {"call": [{"tool": "slow", "arguments": {}}, {"tool": "quick", "arguments": {}}]},
            {"say": "never"},
        ]));
    let args = ["ask", "why?", "-t", "tools.yaml", "--toolset", "test", "-o", "jsonl"];
    let mut child = bench.spawn(args.into_iter().chain(["--json-output-file", "out.json"]));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The quick one has ended: only the slow one is left to stop.
    let finished = lines.find(|line| line.as_ref().unwrap().contains("\"tool_finished\"")).unwrap().unwrap();
    assert!(finished.contains("\"quick\""), "{finished}");
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    let again = bench.run(["run", "replay", "last", "-o", "json", "-v", "--assert", "exit==130"]).exits(0);
    assert_eq!(again.stdout, bench.read("out.json"));
    let events = bench.run(["run", "replay", "last", "-o", "jsonl"]).exits(0).stdout;
    assert!(rest.iter().all(|line| events.contains(line.as_str()) || line.contains("E1.out")), "{events}");
}
