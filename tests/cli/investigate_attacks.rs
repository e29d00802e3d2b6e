//! `investigate` and `runbook` against hostile names, broken clusters and people in a hurry.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::support::Bench;

/// Alerts of these names, each about a pod of its own.
fn about_pods(names: &[&str]) -> String {
    let alert =
        |name: &&str| json!({"labels": {"alertname": name, "namespace": "shop", "pod": name.to_lowercase()}});
    json!(names.iter().map(alert).collect::<Vec<_>>()).to_string()
}

/// A bench with this kubectl.
fn with_kubectl(script: &str) -> Bench {
    let bench = Bench::new().file("bin/kubectl", format!("#!/bin/sh\n{script}\n")).tools(&[("noop", "true")]);
    let mode = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(bench.path("bin/kubectl"), mode).unwrap();
    let path = bench.path("bin").display().to_string();
    bench.env("PATH", format!("{path}:/usr/bin:/bin"))
}

fn interrupt(child: &Child) {
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
}

#[test]
fn a_cluster_that_is_silent_is_waited_for_once_and_each_alert_in_its_turn() {
    let bench = with_kubectl("echo x >>\"$HOME/asked\"; exec sleep 600")
        .stdin(about_pods(&["One", "Two", "Three"]))
        .model(json!([{"say": "Nothing certain.", "repeat": true}]));
    let ran = bench.run(["investigate", "alert", "--all", "-t", "tools.yaml"]).exits(0);
    let place = |words: &str| ran.stderr.find(words).unwrap_or_else(|| panic!("{words}: {}", ran.stderr));
    assert!(place("[1/3] ") < place("waiting for kubectl"), "{}", ran.stderr);
    assert!(place("kubectl gave no answer in 10 s") < place("[2/3] "), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("gave no answer").count(), 1, "{}", ran.stderr);
    assert_eq!(bench.read("asked").lines().count(), 1, "asked again");
}

#[test]
fn what_is_wrong_with_a_cluster_is_one_line() {
    for (script, reason) in [
        ("echo nonsense", "kubectl printed no JSON"),
        ("printf '{\"kind\":\"List\",\"items\":[{'; exit 1", "kubectl printed no JSON"),
        ("echo 'The connection to the server was refused' >&2; exit 1", "was refused"),
        ("exit 127", "kubectl is not installed"),
    ] {
        let bench = with_kubectl(script).stdin(about_pods(&["One", "Two"]));
        let ran = bench.run(["investigate", "alert", "--all", "--no-llm", "-t", "tools.yaml"]).exits(0);
        let line = "warning: going on with what the alert says of its object: ";
        assert_eq!(ran.stderr.matches(line).count(), 1, "{script}: {}", ran.stderr);
        assert!(ran.stderr.contains(reason), "{script}: {}", ran.stderr);
    }
}

#[test]
fn after_a_failure_of_all_the_rest_is_told_and_the_list_is_whole() {
    let refused = json!([
        {"say": "Root cause: it is down."},
        {"status": 401, "body": {"error": {"message": "bad key"}}, "repeat": true},
    ]);
    let names = ["A", "B", "C", "D", "E"];
    let run = |form: &str| {
        let bench = with_kubectl("echo '{\"kind\":\"List\",\"items\":[]}'")
            .stdin(about_pods(&names))
            .model(refused.clone());
        let args = [
            "investigate",
            "alert",
            "--all",
            "-t",
            "tools.yaml",
            "-o",
            form,
            "--json-output-file",
            "all.json",
        ];
        let ran = bench.run(args).exits(3);
        assert!(ran.stderr.contains("3 of 5 are not investigated"), "{}", ran.stderr);
        let kept: Value = serde_json::from_str(&bench.read("all.json")).unwrap();
        (ran, kept)
    };
    let (ran, kept) = run("json");
    assert_eq!(ran.json(), kept);
    // The second found nothing out before its model failed.
    assert_eq!(kept.as_array().unwrap().len(), 1);
    let (ran, _) = run("text");
    assert_eq!(ran.stdout.matches("not made").count(), 3, "{}", ran.stdout);
    assert_eq!(run("jsonl").0.stdout.lines().count(), 1);
}

#[test]
fn one_file_is_not_replaced_by_each_of_several_answers() {
    let bench = with_kubectl("exit 1").stdin(about_pods(&["One", "Two"]));
    let run = |to: &str, code: i32| {
        bench
            .run(["investigate", "alert", "--all", "--no-llm", "-t", "tools.yaml", "--destination", to])
            .exits(code)
    };
    let refused = run("file:report.md", 2).stderr;
    assert!(refused.contains("`file:report.md` is one file, and there are 2 answers"), "{refused}");
    assert!(refused.contains("{run_id}") && refused.lines().count() <= 3, "{refused}");
    run("file:report-{run_id}.md", 0);
    let reports = std::fs::read_dir(bench.path("")).unwrap();
    let reports =
        reports.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().starts_with("report-"));
    assert_eq!(reports.count(), 2);
    let one = with_kubectl("exit 1").stdin(about_pods(&["One"]));
    one.run(["investigate", "alert", "--no-llm", "-t", "tools.yaml", "--destination", "file:report.md"])
        .exits(0);
    assert!(one.path("report.md").exists());
}

#[test]
fn a_pipe_that_nobody_writes_to_is_left_with_ctrl_c() {
    let bench = Bench::new();
    let made = Command::new("mkfifo").arg(bench.path("pipe")).status();
    if !made.is_ok_and(|made| made.success()) {
        eprintln!("SKIPPED: no mkfifo here");
        return;
    }
    let mut child = bench.spawn(["investigate", "alert", "A", "--alertmanager-file", "pipe"]);
    // Once it has the pipe open, or waits for it, its signals are listened to: the kernel says so.
    let status = format!("/proc/{}/status", child.id());
    let caught = |status: &str| {
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0");
        u64::from_str_radix(mask.trim(), 16).unwrap_or(0) & 0b10 != 0
    };
    let began = std::time::Instant::now();
    while !std::fs::read_to_string(&status).is_ok_and(|status| caught(&status)) {
        assert!(began.elapsed().as_secs() < 60, "signals are never listened to");
        std::thread::yield_now();
    }
    interrupt(&child);
    let ended = loop {
        if let Some(ended) = child.try_wait().unwrap() {
            break Some(ended);
        }
        if began.elapsed().as_secs() > 60 {
            break None;
        }
        std::thread::yield_now();
    };
    if ended.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(ended.and_then(|ended| ended.code()), Some(130));
}

#[test]
fn bytes_that_are_no_text_are_called_that() {
    for (bytes, words) in [
        (vec![0x1f, 0x8b, 8, 0, 0, 0], "it is compressed: unpack it with `gunzip` first"),
        (vec![0; 64], "it is binary data"),
        (vec![0x80, 0xff, 0xfe, 0x01], "it is binary data"),
    ] {
        let ran = Bench::new().stdin(bytes).run(["investigate", "alert", "--list"]).exits(1);
        assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn what_is_no_address_shows_no_password() {
    let password = ["hunter", "2@secret"].concat();
    let url = format!("http://me:{password}@:99999/");
    let ran = Bench::new().run(["investigate", "alert", "--alertmanager", &url]).exits(2);
    assert!(ran.stderr.contains("`http://***@:99999/` is no address"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("hunter"), "{}", ran.stderr);
}

#[test]
fn labels_that_look_like_options_name_no_object_and_fill_no_step() {
    let alert =
        json!({"labels": {"alertname": "KubePodCrashLooping", "pod": "-A", "namespace": "--all-namespaces"}});
    let look = "toolsets:\n  look:\n    description: d\n    tools:\n      - {name: kubectl_describe, description: d, command: 'echo {{ kind }} {{ name }} {{ namespace }}'}\n";
    let bench =
        with_kubectl("exit 1").file("look.yaml", look).env("HOLMES_TOOLSET", "look").stdin(alert.to_string());
    let ran = bench.run(["investigate", "alert", "--no-llm", "-t", "look.yaml", "-o", "json"]).exits(0);
    let result = ran.json();
    assert_eq!(result["question"], "Why is the alert `KubePodCrashLooping` firing?");
    assert_eq!(result["subject"], "alert/KubePodCrashLooping");
    assert_eq!(result["tool_calls"], json!([]), "{}", result["tool_calls"]);
}

#[test]
fn a_runbook_changes_nothing_runs_no_strangers_words_and_repeats_no_call() {
    let tools = "toolsets:\n  shop:\n    description: d\n    tools:\n      \
        - {name: wipe, description: d, read_only: false, command: 'touch wiped'}\n      \
        - {name: tell, description: d, command: 'echo told {{ text }}'}\n";
    let tell = "  - tool: tell\n    arguments: {text: '{{ evil }}'}\n";
    let runbook = format!(
        "---\nname: mine\ndescription: d\nalerts: [A]\nsteps:\n  - tool: wipe\n{tell}{tell}---\ntext\n"
    );
    let evil = "'; touch wiped; \"$(touch wiped)";
    let bench = with_kubectl("exit 1")
        .file("shop.yaml", tools)
        .file("mine.md", runbook)
        .env("HOLMES_TOOLSET", "shop")
        .stdin(json!({"labels": {"alertname": "A", "evil": evil}}).to_string());
    let args = ["investigate", "alert", "--no-llm", "-t", "shop.yaml", "-r", "mine.md", "-o", "json"];
    let result = bench.run(args).exits(0).json();
    assert!(!bench.path("wiped").exists());
    let names = |result: &Value| -> Vec<String> {
        let calls = result["tool_calls"].as_array().unwrap().iter();
        calls.map(|call| call["tool_name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&result), ["tell"]);
    let said = result["tool_calls"][0]["result"]["data"].as_str().unwrap();
    assert!(said.contains(evil), "{said}");
}

#[test]
fn a_folder_of_odd_runbooks_is_ten_warnings() {
    let mut bench = Bench::new();
    for number in 0..30 {
        bench = bench.file(&format!("books/{number}.md"), "---\nname: [\n---\ntext\n");
    }
    let ran = bench.run(["runbook", "list", "-r", "books"]).exits(0);
    assert!(ran.stderr.contains("warning: runbooks: 20 more warnings"), "{}", ran.stderr);
    assert_eq!(ran.stderr.lines().count(), 11, "{}", ran.stderr);
}
