//! `ask --no-llm`: answers without a model, held to what a person at 3 am reads and a script branches on.

use serde_json::Value;

use crate::support::Bench;

/// A machine of two tools, in the words of the real ones.
fn machine(load: &str, disk: &str) -> Bench {
    let yaml = format!(
        "toolsets:\n  host/core:\n    description: x\n    tools:\n{}{}",
        tool("host_load", load),
        tool("host_disk", disk)
    );
    Bench::new().file("tools.yaml", yaml)
}

fn tool(name: &str, output: &str) -> String {
    let command = serde_json::to_string(&format!("printf '%s\\n' '{output}'")).unwrap();
    format!("      - name: {name}\n        description: x\n        command: {command}\n")
}

fn ask(bench: &Bench, question: &str) -> Value {
    let arguments = ["ask", "--no-llm", question, "-t", "tools.yaml", "--toolset", "host/core", "-o", "json"];
    bench.run(arguments).exits(0).json()
}

const IDLE: &str = "== load\ncpus: 2, load per cpu: 0.10 now, 0.20 over 5 min, 0.20 over 15 min\nmemory available: 80.0 % of 4096 MiB";
const ROOMY: &str = "== space\n/dev/vda ext4 100G 12G 88G 12% /\n/dev/vdb xfs 100G 40G 60G 40% /data";

#[test]
fn an_honest_no_cites_its_line() {
    let result = ask(&machine(IDLE, ROOMY), "is the disk full?");
    assert_eq!(result["verdict"], "no_problem", "{result:#}");
    assert!(result["root_cause"].as_str().unwrap().contains("12% used"), "{result:#}");
    assert_eq!(result["evidence"][0]["verified"], true);
    assert_eq!(result["tool_calls"].as_array().unwrap().len(), 1, "only the disk is asked for");
}

#[test]
fn the_question_decides_what_comes_first() {
    let busy = "== load\ncpus: 2, load per cpu: 4.50 now, 4.00 over 5 min, 1.00 over 15 min\n== processes by cpu, now\n  811 app 20 0 1 1 1 R 99.0 1.0 9:01.00 /usr/bin/grinder --all";
    let full = "== space\n/dev/vda ext4 100G 100G 0 100% /";
    let slow = ask(&machine(busy, full), "why is this machine slow?");
    let cause = slow["root_cause"].as_str().unwrap();
    assert!(cause.contains("`grinder`") && cause.contains("4.50 per cpu"), "{slow:#}");
    let disk = ask(&machine(busy, full), "why is the disk full?");
    assert!(disk["root_cause"].as_str().unwrap().starts_with("`/` is full (100% used"), "{disk:#}");
}

#[test]
fn a_trace_piped_in_is_answered_with_its_innermost_cause() {
    let log = include_bytes!("../fixtures/rules/logs/spring-caused-by.log");
    let bench = Bench::new().stdin(log.as_slice());
    let result = bench.run(["ask", "--no-llm", "why does it not start?", "-o", "json"]).exits(0).json();
    assert_eq!(result["verdict"], "problem_found", "{result:#}");
    assert!(result["root_cause"].as_str().unwrap().contains("no password was provided"), "{result:#}");
    let evidence = result["evidence"].as_array().unwrap();
    assert!(evidence.iter().all(|one| one["verified"] == true), "{result:#}");
    let decisive = "PSQLException: The server requested SCRAM";
    assert!(evidence.iter().any(|one| one["quote"].as_str().unwrap().contains(decisive)), "{result:#}");
}

#[test]
fn a_log_that_recovers_is_no_problem_and_a_script_sees_it() {
    let log = include_bytes!("../fixtures/rules/logs/ok-recovers-redis.log");
    let bench = Bench::new().stdin(log.as_slice());
    let ran = bench.run(["ask", "--no-llm", "is anything wrong?", "--exit-status", "-o", "json"]).exits(0);
    assert_eq!(ran.json()["verdict"], "no_problem", "{}", ran.stdout);
}

#[test]
fn error_lines_of_a_program_nobody_knows_are_shown_as_they_are() {
    let bench = Bench::new().stdin("tick\nERROR cog 7 is stuck\nERROR cog 9 is stuck\ntock\n");
    let result = bench.run(["ask", "--no-llm", "what is wrong?", "-o", "json"]).exits(0).json();
    assert_eq!(result["verdict"], "inconclusive", "{result:#}");
    assert_eq!(result["evidence"][0]["quote"], "ERROR cog 7 is stuck", "{result:#}");
}

#[test]
fn hostile_and_huge_text_ends_in_an_answer() {
    for text in [
        vec![0xff; 4_000],
        b"ERROR ".repeat(50_000),
        "é🦀 permission denied ".repeat(400).into_bytes(),
        Vec::new(),
    ] {
        let bench = Bench::new().stdin(text);
        let result = bench.run(["ask", "--no-llm", "what is wrong?", "-o", "json"]).exits(0).json();
        assert!(result["root_cause"].as_str().unwrap().chars().count() <= 240, "{result:#}");
    }
}
