//! How a tool's process is started, bounded and ended, and when a prerequisite is asked anew.

use std::fmt::Write as _;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::terminal::TerminalBench;
use crate::support::{Bench, Ran};

/// Bodies of tools, as YAML below `tools:`.
fn bench(tools: &str) -> Bench {
    Bench::new().file("tools.yaml", format!("toolsets:\n  test:\n    description: d\n    tools:\n{tools}"))
}

fn tool(bench: &Bench, name: &str, value: &str) -> Ran {
    bench.run(["toolset", "run", name, "--raw", "-t", "tools.yaml", "--toolset", "test", "--", value])
}

/// Processes whose command line is exactly this.
fn running(command: &str) -> String {
    let output = Command::new("pgrep").args(["-fx", command]).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn an_orphan_without_group_and_environment_is_ended_too() {
    for (seconds, escape) in [
        ("7811.25", "setsid env -i sleep 7811.25 > /dev/null 2>&1 < /dev/null &"),
        // Twice removed: its parent is an orphan that goes as well.
        ("7812.25", "env -i setsid sh -c 'setsid sleep 7812.25 & exec sleep 7813.25' > /dev/null 2>&1 &"),
    ] {
        let bench = Bench::new().tools(&[(
            "escape",
            &format!("{escape} until pgrep -fx 'sleep {seconds}' > /dev/null; do :; done; echo started"),
        )]);
        let ran = bench.run(["toolset", "run", "escape", "--raw", "-t", "tools.yaml"]).exits(0);
        assert_eq!(ran.stdout, "started\n");
        for seconds in [seconds, "7813.25"] {
            assert_eq!(running(&format!("sleep {seconds}")), "");
        }
    }
}

#[test]
fn the_end_of_one_tool_is_not_the_end_of_another() {
    let bench = Bench::new()
        .tools(&[("quick", "true"), ("bare", "env -i PATH=$PATH sh -c 'sleep 1; echo survi''ved'")])
        .model(json!([{"call": [{"tool": "bare", "arguments": {}}, {"tool": "quick", "arguments": {}}]}, {"say": "done"}]));
    bench.run(["ask", "why?", "-t", "tools.yaml", "--no-record"]).exits(0);
    let seen = bench.scripted().requests()[1].body.to_string();
    assert!(seen.contains("survived"), "{seen}");
}

#[cfg(target_os = "linux")]
#[test]
fn the_kernel_bounds_a_tool_and_ends_it_before_anything_else() {
    // The last one comes from outside, a moment after the start.
    let script = "ulimit -c; ulimit -f; until [ $(cat /proc/$$/oom_score_adj) -ge 500 ]; do :; done; cat /proc/self/oom_score_adj";
    let bench = Bench::new().tools(&[("bounds", script)]);
    let ran = bench.run(["toolset", "run", "bounds", "--raw", "-t", "tools.yaml"]).exits(0);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], "0");
    assert!(lines[1].parse::<u64>().is_ok(), "{lines:?}");
    assert!(lines[2].parse::<i32>().is_ok_and(|score| score >= 500), "{lines:?}");
}

#[test]
fn a_tool_that_asks_the_terminal_is_ended_and_says_so() {
    let bench = Bench::new().tools(&[("login", "echo 'password:'; read -r word < /dev/tty; echo got it")]);
    let started = Instant::now();
    let terminal = TerminalBench::spawn(&bench, ["toolset", "run", "login", "-t", "tools.yaml"], (200, 20));
    terminal.wait_for("asks the terminal for something");
    assert!(started.elapsed() < Duration::from_secs(30), "not by its time limit");
}

#[test]
fn a_folder_that_is_gone_is_no_output() {
    let bench = Bench::new().tools(&[("say", "echo said")]);
    // The file is named from the folder above, which a folder that is gone has not: its whole path it has.
    let text = format!(
        "mkdir gone && cd gone && rmdir ../gone && exec \"$0\" toolset run say --raw -t '{}'",
        bench.path("tools.yaml").display()
    );
    let mut shell = Command::new("sh");
    bench.surround(&mut shell).args(["-c", &text]).arg(env!("CARGO_BIN_EXE_holmes-rs"));
    let ran = Ran::from(shell.output().unwrap()).exits(0);
    assert_eq!(ran.stdout, "said\n");
}

#[test]
fn a_home_is_where_a_tilde_leads() {
    let tools = "      - {name: where, description: d, workdir: ~/below, command: pwd}\n      - {name: nowhere, description: d, workdir: /no/such/folder, command: pwd}\n";
    let bench = bench(tools).file("below/x", "");
    let ran = bench.run(["toolset", "run", "where", "--raw", "-t", "tools.yaml"]).exits(0);
    assert!(ran.stdout.ends_with("/below\n"), "{}", ran.stdout);
    let ran = bench.run(["toolset", "run", "nowhere", "-t", "tools.yaml"]);
    assert!(ran.stdout.contains("working directory `/no/such/folder` does not exist"), "{}", ran.stdout);
}

/// Longer than any argument may be: more than a megabyte of script, five thousand values of an array, a script of lines that
/// end as on Windows.
#[test]
fn scripts_of_any_length_run() {
    let mut tools = String::from("      - name: long\n        description: d\n        script: |\n");
    for _ in 0..12_000 {
        writeln!(tools, "          : {}", "a".repeat(100)).unwrap();
    }
    tools += "          echo end of {{ what }} $0 $#\n";
    tools += "      - name: each\n        description: d\n        parameters: {values: {type: array, description: d}}\n        command: \"printf '%s\\\\n' {% for one in values %}{{ one }} {% endfor %} | tail -n 1\"\n";
    let long = bench(&tools);
    let ran = tool(&long, "long", "what=it's").exits(0);
    assert_eq!(ran.stdout, "end of it's bash 1\n");
    let values: Vec<String> = (0..5000).map(|n| format!("item {n}")).collect();
    let ran = tool(&long, "each", &json!({"values": values}).to_string()).exits(0);
    assert_eq!(ran.stdout, "item 4999\n");
    let windows = "toolsets:\r\n  test:\r\n    description: d\r\n    tools:\r\n      - name: two\r\n        description: d\r\n        script: |\r\n          if true; then\r\n            echo one\r\n          fi\r\n";
    let windows = Bench::new().file("tools.yaml", windows);
    assert_eq!(windows.run(["toolset", "run", "two", "--raw", "-t", "tools.yaml"]).exits(0).stdout, "one\n");
}

#[test]
fn a_script_runs_with_the_interpreter_of_its_first_line() {
    let tools = "      - name: sum\n        description: d\n        script: |\n          #!/usr/bin/env awk -f\n          BEGIN { print 6 * {{ n }} }\n      - name: strict\n        description: d\n        script: |\n          #!/bin/bash -eu\n          false\n          echo not reached\n";
    let bench = bench(tools);
    assert_eq!(tool(&bench, "sum", "n=7").exits(0).stdout, "42\n");
    let ran = tool(&bench, "sum", "n=1 } BEGIN { system(\"id\")");
    assert_ne!(ran.code, Some(0), "{}", ran.stdout);
    assert!(ran.stderr.contains("cannot stand"), "{}", ran.stderr);
    let ran = bench.run(["toolset", "run", "strict", "-t", "tools.yaml"]);
    assert!(ran.stdout.contains("exit 1"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("| not reached"), "{}", ran.stdout);
}

#[test]
fn a_filter_that_finds_nothing_has_filtered() {
    let tools = "      - {name: found, description: d, additional_instructions: grep two, command: 'printf \"one\\ntwo\\n\"'}\n      - {name: none, description: d, additional_instructions: grep three, command: 'printf \"one\\ntwo\\n\"'}\n      - {name: broken, description: d, additional_instructions: 'grep -q three; exit 3', command: 'printf \"one\\ntwo\\n\"'}\n";
    let bench = bench(tools);
    let view = |name| bench.run(["toolset", "run", name, "-t", "tools.yaml"]).stdout;
    assert!(view("found").contains("1 | two"));
    let none = view("none");
    assert!(none.contains("no output") && !none.contains("unfiltered"), "{none}");
    let broken = view("broken");
    assert!(broken.contains("output is unfiltered: exit 3") && broken.contains("| two"), "{broken}");
}

#[test]
fn a_tool_gets_what_its_programs_need_and_no_secret() {
    let wanted = [
        "ALL_PROXY",
        "SSL_CERT_DIR",
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_ROLE_ARN",
        "AWS_ENDPOINT_URL_S3",
        "CLOUDSDK_CONFIG",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "AZURE_FEDERATED_TOKEN_FILE",
        "KUBECONFIG",
        "DOCKER_CONTEXT",
    ];
    let unwanted = [
        "OPENAI_API_KEY",
        "AZURE_API_KEY",
        "AZURE_CLIENT_SECRET",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_SESSION_TOKEN",
        "CLOUDSDK_AUTH_ACCESS_TOKEN",
        "GITHUB_TOKEN",
        "PGPASSWORD",
        "MY_SECRET",
        "DOCKER_AUTH_CONFIG",
    ];
    let mut bench = Bench::new().tools(&[("look", "env | cut -d= -f1")]);
    for name in wanted.iter().chain(&unwanted) {
        bench = bench.env(name, format!("value-of-{name}"));
    }
    let ran = bench.run(["toolset", "run", "look", "--raw", "-t", "tools.yaml"]).exits(0);
    let names: Vec<&str> = ran.stdout.lines().collect();
    for name in wanted {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    for name in unwanted {
        assert!(!names.contains(&name), "{name} is in {names:?}");
    }
}

#[test]
fn fifty_calls_of_one_turn_all_end() {
    let calls: Vec<Value> = (0..50).map(|n| json!({"tool": "say", "arguments": {"n": n}})).collect();
    let bench = Bench::new()
        .tools(&[("say", "echo number-{{ n }}-said")])
        .model(json!([{"call": calls}, {"say": "done"}]));
    bench.run(["ask", "why?", "-t", "tools.yaml", "--no-record"]).exits(0);
    let seen = bench.scripted().requests()[1].body.to_string();
    let said = (0..50).filter(|n| seen.contains(&format!("number-{n}-said"))).count();
    assert_eq!(said, 50);
}

/// What is said of each toolset of `tools.yaml`, by `toolset list`.
fn reasons(bench: &Bench) -> Value {
    bench.run(["toolset", "list", "--all", "-t", "tools.yaml", "-o", "json"]).exits(0).json()
}

#[test]
fn the_reason_of_a_failed_check_holds_no_secret() {
    let value = ["hunter", "22222"].concat();
    let text = "toolsets:\n  test:\n    description: d\n    prerequisites: [{command: \"echo refused $SHOP_TOKEN for postgres://me:pa55word@db/x >&2; exit 2\"}]\n    tools: [{name: t, description: d, command: 'true'}]\n";
    let bench = Bench::new().file("tools.yaml", text).env("SHOP_TOKEN", &value).env("HOLMES_TOOLSET", "test");
    let said = reasons(&bench).to_string();
    assert!(said.contains("refused *** for postgres://me:***@db/x"), "{said}");
    let cached = bench.read(".cache/holmes-rs/toolsets_status.json");
    for secret in [value.as_str(), "pa55word"] {
        assert!(!said.contains(secret) && !cached.contains(secret), "{said} {cached}");
    }
}

/// A toolset whose check writes a line to `log` each time it is made.
fn counted(check: &str, more: &str) -> Bench {
    let text = format!(
        "toolsets:\n  test:\n    description: d\n{more}    prerequisites: [{{command: 'echo checked >> ~/log; {check}'}}]\n    tools: [{{name: t, description: d, command: 'true'}}]\n"
    );
    // The check writes into the home, which contained it may not.
    Bench::new()
        .file("tools.yaml", text)
        .file("bin/shop", "#!/bin/sh\n")
        .file(".docker/config.json", "{\"currentContext\": \"one\"}")
        .file(".aws/config", "[profile one]\n")
        .file(".kube/config", "current-context: one\n")
        .env("HOLMES_TOOLSET", "test")
        .env("HOLMES_CONTAINMENT", "off")
}

fn checks(bench: &Bench) -> usize {
    bench.run(["toolset", "list", "-t", "tools.yaml"]).exits(0);
    bench.read("log").lines().count()
}

#[test]
fn a_change_of_what_a_check_reads_is_noticed() {
    let bench = counted("true docker aws ~/bin/shop", "");
    std::fs::set_permissions(bench.path("bin/shop"), Permissions::from_mode(0o755)).unwrap();
    assert_eq!((checks(&bench), checks(&bench)), (1, 1));
    let mut expected = 1;
    // Written over where they are: their folders stay as they were.
    for path in [".docker/config.json", ".aws/config", ".kube/config", "bin/shop"] {
        let text = bench.read(path);
        std::fs::write(bench.path(path), format!("{text}\n")).unwrap();
        expected += 1;
        assert_eq!((checks(&bench), checks(&bench)), (expected, expected), "{path}");
    }
    for (name, value) in [
        ("KUBECONFIG", "/nowhere"),
        ("AWS_PROFILE", "two"),
        ("DOCKER_HOST", "tcp://127.0.0.1:1"),
        ("HTTPS_PROXY", "http://127.0.0.1:1"),
        ("SSL_CERT_FILE", "/nowhere"),
        ("DOCKER_CONFIG", "/nowhere"),
    ] {
        let run = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_holmes-rs"));
            bench.surround(&mut command).env(name, value).args(["toolset", "list", "-t", "tools.yaml"]);
            Ran::from(command.output().unwrap()).exits(0);
            bench.read("log").lines().count()
        };
        expected += 1;
        assert_eq!((run(), run()), (expected, expected), "{name}");
    }
}

#[test]
fn a_tool_that_misses_its_program_has_its_toolset_checked_anew() {
    let bench = counted("true", "");
    let text = bench.read("tools.yaml").replace("command: 'true'", "command: nonesuch-program");
    let bench = bench.file("tools.yaml", text);
    assert_eq!((checks(&bench), checks(&bench)), (1, 1));
    let ran = bench.run(["toolset", "run", "t", "-t", "tools.yaml"]);
    assert!(ran.stdout.contains("exit 127"), "{}", ran.stdout);
    assert_eq!((checks(&bench), checks(&bench)), (2, 2));
}

#[test]
fn a_found_status_holds_as_long_as_its_file_says() {
    let always = counted("true", "    status_refresh_interval_seconds: 1\n");
    assert_eq!(checks(&always), 1);
    // As if it had been found long ago.
    let path = always.path(".cache/holmes-rs/toolsets_status.json");
    let cached: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let older = |seconds: u64, cached: &Value| {
        let mut cached = cached.clone();
        let at = cached["toolsets"]["test"]["checked_at"].as_u64().unwrap();
        cached["toolsets"]["test"]["checked_at"] = json!(at - seconds);
        std::fs::write(&path, cached.to_string()).unwrap();
    };
    older(30, &cached);
    assert_eq!(checks(&always), 2);
    // A cache that is no cache costs a check and nothing else.
    for (broken, expected) in
        [("", 3), ("{\"version\": 99, \"toolsets\": {}}", 4), ("[[[", 5), ("\0\u{1}", 6)]
    {
        std::fs::write(&path, broken).unwrap();
        assert_eq!(checks(&always), expected, "{broken:?}");
    }
    let cached: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let mut ahead = cached.clone();
    ahead["toolsets"]["test"]["checked_at"] = json!(u64::MAX);
    std::fs::write(&path, ahead.to_string()).unwrap();
    assert_eq!(checks(&always), 7);
}

#[test]
fn twenty_slow_checks_are_made_at_once_and_remembered() {
    let mut text = String::from("toolsets:\n");
    for n in 0..20 {
        writeln!(text, "  slow{n}: {{description: d, prerequisites: [{{command: 'echo {n} >> ~/log; sleep 0.5'}}], tools: [{{name: t{n}, description: d, command: 'true'}}]}}").unwrap();
    }
    let names = (0..20).map(|n| format!("slow{n}")).collect::<Vec<_>>().join(",");
    let bench =
        Bench::new().file("tools.yaml", text).env("HOLMES_TOOLSET", names).env("HOLMES_CONTAINMENT", "off");
    let started = Instant::now();
    assert_eq!(checks(&bench), 20);
    // One after the other they take ten seconds at least.
    assert!(started.elapsed() < Duration::from_secs(9), "{:?}", started.elapsed());
    assert_eq!(checks(&bench), 20);
}

/// kubectl asks a cloud for its token through a plugin: with keys in the environment, where a person has them there.
#[test]
fn kubectl_gets_what_its_plugins_ask_with_and_no_other_secret() {
    let bench = Bench::new()
        .file("bin/kubectl", "#!/bin/sh\nenv | cut -d= -f1\n")
        .env("AWS_SECRET_ACCESS_KEY", "not-for-the-shell")
        .env("MY_SECRET", "not-for-anybody");
    let program = bench.path("bin/kubectl");
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", program.parent().unwrap().display());
    let bench = bench.env("PATH", path);
    let ran = bench.run(["toolset", "run", "kubectl_describe", "--raw", "kind=pod", "name=a"]).exits(0);
    assert!(ran.stdout.lines().any(|name| name == "AWS_SECRET_ACCESS_KEY"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("MY_SECRET"), "{}", ran.stdout);
    let findings = bench.run(["toolset", "run", "kubernetes_findings", "--raw"]);
    assert!(!findings.stderr.contains("panicked"), "{}", findings.stderr);
}
