//! Several investigations in one call: each answer as it is there, a table or a list, one exit code; and an investigation's
//! JSON held to its schema.

use std::io::{BufRead as _, BufReader};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::scripted_server::{Reply, ScriptedServer};
use crate::support::{Bench, Ran};

/// A bench with a file of these alerts and one tool.
fn bench(names: &[&str]) -> Bench {
    let alerts: Vec<Value> = names
        .iter()
        .map(|name| json!({"labels": {"alertname": name, "namespace": "shop"}, "annotations": {"summary": "late"}}))
        .collect();
    Bench::new()
        .tools(&[("look", "echo shelf is empty")])
        .file("alerts.json", Value::Array(alerts).to_string())
}

/// What a model says about the alert of this name.
fn said(name: &str, verdict: &str) -> Value {
    let arguments =
        json!({"root_cause": format!("{name} is out of cheese"), "verdict": verdict, "confidence": "high"});
    json!({"when": format!("alert `{name}`"), "call": [{"tool": "answer", "arguments": arguments}]})
}

fn words<'a>(verb: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut words = vec!["investigate", verb, "--alertmanager-file", "alerts.json", "-t", "tools.yaml"];
    words.extend(more);
    words
}

fn run(bench: &Bench, more: &[&str]) -> Ran {
    bench.run(words("alert", more))
}

fn causes(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|one| one["root_cause"].as_str().unwrap()).collect()
}

#[test]
fn answers_stand_below_their_headings_and_a_table_ends_them() {
    let names = ["First", "Second", "Third"];
    let model = names.map(|name| said(name, "problem_found"));
    for form in ["text", "markdown"] {
        let bench = bench(&names).model(json!(model));
        let ran = run(&bench, &["--all", "-o", form]).exits(0);
        let place = |text: &str| {
            ran.stdout.find(text).unwrap_or_else(|| panic!("{form}: no {text} in\n{}", ran.stdout))
        };
        let wanted = [
            "First is out of cheese",
            "## Second",
            "Second is out of cheese",
            "## Third",
            "Third is out of cheese",
        ];
        let mut places = vec![place("## First")];
        places.extend(wanted.map(place));
        let table = ran.stdout.rfind(if form == "text" { "\nWHAT" } else { "\n| what |" });
        places.push(table.unwrap_or_else(|| panic!("{form}: no table in\n{}", ran.stdout)));
        assert!(places.is_sorted(), "{places:?}\n{}", ran.stdout);
        let rows: Vec<&str> = ran.stdout[*places.last().unwrap()..].lines().collect();
        for name in names {
            let row = rows.iter().find(|row| row.contains(&format!("{name} is out of cheese"))).unwrap();
            assert!(row.contains("problem_found") && row.contains("low"), "{row}");
        }
        for line in ["[1/3] First", "[2/3] Second", "[3/3] Third"] {
            assert!(ran.stderr.lines().any(|said| said.starts_with(line)), "{line}: {}", ran.stderr);
            assert!(!ran.stdout.contains(line), "{}", ran.stdout);
        }
    }
    let ran = run(&bench(&names), &["--all", "--no-llm"]).exits(0);
    assert_eq!(ran.stdout.matches("\n**Inconclusive.**").count(), 3, "{}", ran.stdout);
    assert_eq!(
        ran.stdout.lines().filter(|line| line.contains("  inconclusive  ")).count(),
        3,
        "{}",
        ran.stdout
    );
}

#[test]
fn a_script_gets_a_list_also_of_one_and_the_file_holds_the_same() {
    for names in [&["First", "Second"][..], &["First"]] {
        let model: Vec<Value> = names.iter().map(|name| said(name, "problem_found")).collect();
        let bench = bench(names).model(json!(model));
        let ran = run(&bench, &["--all", "-o", "json", "--json-output-file", "all.json"]).exits(0);
        let wanted: Vec<String> = names.iter().map(|name| format!("{name} is out of cheese")).collect();
        assert_eq!(causes(&ran.json()), wanted);
        assert_eq!(serde_json::from_str::<Value>(&bench.read("all.json")).unwrap(), ran.json());
    }
    // One that was named is one object.
    let bench = bench(&["First", "Second"]).model(json!([said("Second", "problem_found")]));
    let ran = run(&bench, &["Second", "-o", "json", "--json-output-file", "one.json"]).exits(0);
    assert_eq!(ran.json()["root_cause"], "Second is out of cheese");
    assert_eq!(serde_json::from_str::<Value>(&bench.read("one.json")).unwrap(), ran.json());
}

#[test]
fn a_line_is_there_as_soon_as_its_investigation_ends() {
    let never = json!({"when": "alert `Second`", "hang": true});
    let bench = bench(&["First", "Second"]).model(json!([said("First", "problem_found"), never]));
    let mut child = bench.spawn(words("alert", &["--all", "-o", "jsonl"]));
    let mut first = String::new();
    // The second never ends: what is read was there before it.
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        (&first["schema_version"], &first["root_cause"]),
        (&json!("1"), &json!("First is out of cheese"))
    );
}

#[test]
fn a_page_for_several_is_refused_before_anything_is_asked() {
    let bench = bench(&["First", "Second"]).model(json!([]));
    let ran = run(&bench, &["--all", "-o", "html"]).exits(2);
    assert!(ran.stderr.contains("error: html is one page for one investigation"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: choose one by its name"), "{}", ran.stderr);
    assert!(ran.stdout.is_empty() && bench.scripted().requests().is_empty(), "{}", ran.stdout);
}

#[test]
fn one_that_fails_keeps_none_of_the_others_from_being_made() {
    let asked = AtomicUsize::new(0);
    let hook = ScriptedServer::answering(move |_| match asked.fetch_add(1, Ordering::SeqCst) {
        1 => Reply::status("400 Bad Request", "", "no"),
        _ => Reply::ok("application/json", "{}"),
    });
    let names = ["First", "Second", "Third"];
    let bench = bench(&names).model(json!(names.map(|name| said(name, "problem_found"))));
    let url = hook.url("/hook");
    let ran = run(
        &bench,
        &["--all", "-o", "json", "--exit-status", "--destination", "cli,webhook", "--webhook-url", &url],
    )
    .exits(1);
    assert_eq!(causes(&ran.json()).len(), 3, "{}", ran.stdout);
    assert_eq!(hook.requests().len(), 3);
    assert_eq!(ran.stderr.matches("error: ").count(), 1, "{}", ran.stderr);
}

#[test]
fn what_would_fail_for_all_ends_the_round_and_what_was_made_is_kept() {
    let refused = json!({"when": "alert `Second`", "status": 401, "body": "no such key"});
    let model = || json!([said("First", "problem_found"), refused, said("Third", "problem_found")]);
    let bench_of = || bench(&["First", "Second", "Third"]).model(model());
    let ran = run(&bench_of(), &["--all", "-o", "json"]).exits(3);
    assert_eq!(causes(&ran.json()), ["First is out of cheese"]);
    assert!(!ran.stderr.contains("[3/3]"), "{}", ran.stderr);
    let ran = run(&bench_of(), &["--all"]).exits(3);
    let row = ran.stdout.lines().rfind(|line| line.starts_with("Second")).unwrap_or_default();
    assert!(row.contains("failed"), "{}", ran.stdout);
}

#[test]
fn the_exit_code_is_that_of_the_worst() {
    for (verdicts, code) in [
        (["no_problem", "problem_found"], 8),
        (["problem_found", "inconclusive"], 8),
        (["no_problem", "inconclusive"], 7),
        (["no_problem", "no_problem"], 0),
    ] {
        let model = [said("First", verdicts[0]), said("Second", verdicts[1])];
        let ran = run(&bench(&["First", "Second"]).model(json!(model)), &["--all", "--exit-status"]);
        assert_eq!(ran.code, Some(code), "{verdicts:?}: {}", ran.stderr);
    }
}

#[test]
fn holmesgpts_command_means_everything_that_fires() {
    let model = || json!([said("First", "problem_found"), said("Second", "problem_found")]);
    let all = bench(&["First", "Second"]).model(model());
    let ran = all.run(words("alertmanager", &["-o", "json"])).exits(0);
    assert_eq!(causes(&ran.json()).len(), 2);
    // As there, `-n` is how many.
    let two = bench(&["First", "Second"]).model(model());
    let ran = two.run(words("alertmanager", &["-n", "1", "-o", "json"])).exits(0);
    assert_eq!(causes(&ran.json()), ["First is out of cheese"]);
    let ran = bench(&["First"]).run(words("alert", &["-n", "shop"])).exits(2);
    assert!(ran.stderr.contains("`-l namespace=NAME` chooses by namespace"), "{}", ran.stderr);
}

#[test]
fn holmesgpts_flags_are_taken_or_explained() {
    let taken = bench(&["First"]).model(json!([said("First", "problem_found")]));
    run(&taken, &["--system-prompt", "builtin://generic_investigation.jinja2"]).exits(0);
    for (flag, value, instead) in [
        ("--system-prompt", "file://mine.jinja2", "--system-prompt-additions"),
        ("--documents", "[]", "-r FILE"),
        ("--trace", "braintrust", "run show last"),
    ] {
        for verb in [&["alert"][..], &["jira"], &["pod", "x"]] {
            let mut words = vec!["investigate"];
            words.extend(verb);
            words.extend([flag, value]);
            let ran = Bench::new().run(words).exits(2);
            assert!(ran.stderr.contains(&format!("error: `{flag}` of HolmesGPT")), "{}", ran.stderr);
            assert!(ran.stderr.contains(instead) && !ran.stderr.contains("did you mean"), "{}", ran.stderr);
        }
    }
    let ran = Bench::new().run(["investigate", "ticket", "why", "--source", "jira"]).exits(2);
    assert!(ran.stderr.contains("holmes-rs investigate jira SHOP-12 --update"), "{}", ran.stderr);
}

#[test]
fn a_result_about_an_alert_keeps_to_the_schema() {
    let schema: Value = serde_json::from_str(include_str!("../../docs/answer.schema.json")).unwrap();
    let runbook = "---\nname: out-of-cheese\nalerts: [First]\n---\nLook at the shelf.\n";
    let bench = bench(&["First"]).file("cheese.md", runbook).model(
        json!([{"call": [{"tool": "look", "arguments": {}}]}, {"say": "**Root cause:** no cheese [E2:1]"}]),
    );
    let ran = run(&bench, &["First", "-r", "cheese.md", "--sections", "-o", "json"]).exits(0);
    let result = ran.json();
    let mut wrong = Vec::new();
    hold(&result, &schema, "", &mut wrong);
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(result["metadata"]["alert"]["name"], "First");
    assert_eq!(result["metadata"]["runbook"]["name"], "out-of-cheese");
    assert!(result["sections"]["Alert Explanation"].as_str().is_some_and(|text| text.contains("First")));
    // It would be told: a field of the wrong type, one too many, one that is missing.
    for (pointer, value) in
        [("/metadata/alert/name", json!(7)), ("/evidence", json!([{}])), ("/more", json!(1))]
    {
        let mut broken = result.clone();
        match broken.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => broken["more"] = value,
        }
        let mut wrong = Vec::new();
        hold(&broken, &schema, "", &mut wrong);
        assert!(!wrong.is_empty(), "{pointer}");
    }
}

/// As much of JSON Schema as ours uses.
fn hold(value: &Value, schema: &Value, place: &str, wrong: &mut Vec<String>) {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{place}: the schema says `{other}`"),
    };
    let fits = match &schema["type"] {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().any(|kind| is(kind.as_str().unwrap())),
        _ => true,
    };
    if !fits {
        wrong.push(format!("{place}: {value} is no {}", schema["type"]));
    }
    if schema.get("const").is_some_and(|only| only != value)
        || schema["enum"].as_array().is_some_and(|all| !all.contains(value))
    {
        wrong.push(format!("{place}: {value} is none of those named"));
    }
    if let Value::Object(fields) = value {
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !fields.contains_key(name) {
                wrong.push(format!("{place}/{name} is missing"));
            }
        }
        for (name, field) in fields {
            let place = format!("{place}/{name}");
            match schema["properties"].get(name) {
                Some(known) => hold(field, known, &place, wrong),
                None if schema["additionalProperties"] == false => {
                    wrong.push(format!("{place} is one too many"));
                }
                None if schema["additionalProperties"].is_object() => {
                    hold(field, &schema["additionalProperties"], &place, wrong);
                }
                None => {}
            }
        }
    }
    for (number, item) in value.as_array().into_iter().flatten().enumerate() {
        hold(item, &schema["items"], &format!("{place}/{number}"), wrong);
    }
}
