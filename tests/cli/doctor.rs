//! `doctor` where nothing else works: no home, broken files, programs and servers that hang or lie.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Bench, Reply, ScriptedServer};

/// Programs without which no command runs; the machine's others stay out.
const NEEDED: &[&str] = &["bash", "sh", "sleep", "cat", "printf", "true", "env"];

/// A machine with nothing on its PATH but these scripts.
fn machine(scripts: &[(&str, &str)]) -> Bench {
    let mut bench = Bench::new().tools(&[("probe", "true")]);
    for (name, script) in scripts {
        bench = bench.file(&format!("bin/{name}"), format!("#!/bin/sh\n{script}\n"));
        let path = bench.path(&format!("bin/{name}"));
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let folder = bench.path("bin");
    std::fs::create_dir_all(&folder).unwrap();
    for name in NEEDED {
        let found = ["/bin", "/usr/bin"].iter().map(|folder| format!("{folder}/{name}"));
        if let Some(file) = found.into_iter().find(|file| std::path::Path::new(file).exists()) {
            symlink(file, folder.join(name)).unwrap();
        }
    }
    let folder = folder.display().to_string();
    bench.env("PATH", folder)
}

const USUAL: &[&str] = &["doctor", "-t", "tools.yaml", "--timeout", "2s"];

fn words<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [USUAL, more].concat()
}

/// The checks of a section, by name.
fn check<'a>(report: &'a Value, section: &str, name: &str) -> &'a Value {
    let checks = report["checks"].as_array().unwrap();
    checks
        .iter()
        .find(|check| check["section"] == section && check["name"] == name)
        .unwrap_or_else(|| panic!("no {section}/{name} in {report:#}"))
}

fn said(check: &Value) -> (&str, &str) {
    (check["status"].as_str().unwrap(), check["detail"].as_str().unwrap())
}

#[test]
fn a_bare_machine_is_in_order() {
    let bench = machine(&[]);
    let ran = bench.run(words(&[])).exits(0);
    let home = bench.path("").display().to_string();
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(&regex::escape(home.trim_end_matches('/')), "HOME");
    settings.add_filter(r"\(\d+ ms\)", "(N ms)");
    settings.add_filter(r"\d+ (GiB|MiB) free", "N GiB free");
    settings.add_filter(r"(ok       version          holmes-rs) .*", "$1 VERSION");
    settings.add_filter(r"(ok       (path|system) +).*", "${1}…");
    settings.add_filter(r"bash \d[\d.]*", "bash 5");
    settings.add_filter(r"(ok       containment) .*", "$1 …");
    settings.bind(|| {
        insta::assert_snapshot!(ran.stdout, @r"
    Program
      ok       version          holmes-rs VERSION
      ok       path             …
      ok       system           …
    Configuration
      ok       files            none: flags, environment and defaults
               → `holmes-rs config init` writes one to fill in
    Folders
      ok       config           HOME/.config/holmes-rs, made when it is needed
      ok       state            HOME/.local/state/holmes-rs, made when it is needed, N GiB free
      ok       cache            HOME/.cache/holmes-rs, made when it is needed, N GiB free
    Model
      ok       model            none, the built-in rules answer: no model configured
               → set `OPENAI_API_KEY`, or `OPENAI_API_BASE` and `MODEL` for a local or other OpenAI-compatible endpoint
    Network
      ok       proxy            none
      ok       certificates     the platform's authorities
    Kubernetes
      ok       kubectl          not installed: Kubernetes is not looked at
    Toolsets
      ok       usable           1; -v lists them (N ms)
    Other programs
      ok       installed        bash 5
      ok       not installed    aws, az, curl, docker, gcloud, git, helm, journalctl, jq, mysql, oc, podman, psql, redis-cli, systemctl
    Sandbox
      ok       containment …
    Terminal
      ok       stdout           no terminal, no colour, UTF-8
      ok       interactive      not possible: stdin or stderr is no terminal

    Everything is in order.
    ");
    });
    assert_eq!(ran.stderr, "");
}

#[test]
fn programs_get_one_object() {
    let ran = machine(&[]).run(words(&["-o", "json"])).exits(0);
    let report = ran.json();
    assert_eq!((&report["schema_version"], &report["ok"]), (&json!("1"), &json!(true)));
    let keys = ["section", "name", "status", "detail", "fix", "milliseconds"];
    let mut sections: Vec<&str> = Vec::new();
    for check in report["checks"].as_array().unwrap() {
        let check = check.as_object().unwrap();
        assert_eq!(check.keys().map(String::as_str).collect::<Vec<_>>(), keys);
        assert!(["ok", "warning", "problem"].contains(&check["status"].as_str().unwrap()), "{check:?}");
        sections.push(check["section"].as_str().unwrap());
    }
    sections.dedup();
    let all = [
        "program",
        "configuration",
        "folders",
        "model",
        "network",
        "kubernetes",
        "toolsets",
        "programs",
        "sandbox",
        "terminal",
    ];
    assert_eq!(sections, all);
    let ran = machine(&[]).run(words(&["-o", "jsonl"])).exits(0);
    assert!(ran.stdout.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()), "{}", ran.stdout);
    let ran = machine(&[]).run(words(&["-o", "markdown"])).exits(0);
    assert!(ran.stdout.starts_with("| section | check | status |"), "{}", ran.stdout);
    machine(&[]).run(words(&["-o", "html"])).exits(2);
}

#[test]
fn a_configuration_that_does_not_load_is_told_and_the_rest_is_looked_at() {
    let key = ["sk-", "0123456789abcdefghij"].concat();
    let broken = format!("model: m\napi_key: {key}\nmax_steps: [\n");
    let bench = machine(&[]).file(".holmes/config.yaml", broken);
    let ran = bench.run(words(&["-o", "json"])).exits(1);
    let report = ran.json();
    let (status, detail) = said(check(&report, "configuration", "invalid"));
    assert_eq!(status, "problem");
    assert!(detail.contains(".holmes/config.yaml:"), "{detail}");
    assert!(!ran.stdout.contains(&key), "{}", ran.stdout);
    assert_eq!(said(check(&report, "toolsets", "test")).0, "ok");
    assert_eq!(said(check(&report, "folders", "state")).0, "ok");

    // A value of the wrong type, a folder in place of the file, bytes that are no text.
    let ran = machine(&[]).file(".holmes/config.yaml", "max_steps: many\n").run(words(&[])).exits(1);
    assert!(ran.stdout.contains("config.yaml:1") && ran.stdout.contains("→"), "{}", ran.stdout);
    let bench = machine(&[]).file(".holmes/config.yaml/x", "");
    let ran = bench.run(words(&[])).exits(1);
    assert!(ran.stdout.contains("it is a folder"), "{}", ran.stdout);
    machine(&[]).file(".holmes/config.yaml", b"a: \xff\xfe\x00").run(words(&[])).exits(1);
    // A list of models that is broken.
    let bench = machine(&[]).file("models.yaml", "- [\n");
    let path = bench.path("models.yaml").display().to_string();
    let ran = bench.env("MODEL_LIST_FILE_LOCATION", path).run(words(&["-o", "json"])).exits(1);
    assert_eq!(said(check(&ran.json(), "toolsets", "test")).0, "ok");
}

#[test]
fn surprises_of_a_configuration_are_said() {
    let key = ["sk-", "0123456789abcdefghij"].concat();
    let file = format!("model: from-file\nmax_stps: 3\napi_base: http://127.0.0.1:9/v1\napi_key: {key}\n");
    let bench = machine(&[]).file(".holmes/config.yaml", file).env("MODEL", "from-environment");
    let path = bench.path(".holmes/config.yaml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let ran = bench.run(words(&["--no-model", "-o", "json"])).exits(0);
    let report = ran.json();
    let (status, detail) = said(check(&report, "configuration", "unexpected"));
    assert!(status == "warning" && detail.contains("`max_steps`"), "{detail}");
    let (status, detail) = said(check(&report, "configuration", "overridden"));
    assert!(
        status == "warning" && detail.contains("`MODEL`") && detail.contains("config.yaml:1"),
        "{detail}"
    );
    let permissions = check(&report, "configuration", "permissions");
    assert_eq!(permissions["fix"], format!("chmod 600 {}", path.display()));
    assert_eq!(said(check(&report, "model", "key")).1, "sk-…ghij");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(!bench.run(words(&["--no-model"])).exits(0).stdout.contains("permissions"));
}

#[test]
fn without_a_home_there_is_still_a_report() {
    let bench = machine(&[]).env("HOME", "");
    let ran = bench.run(words(&[])).exits(0);
    assert!(ran.stdout.contains("`HOME` is not set"), "{}", ran.stdout);
    let bench = machine(&[]).file("taken", "no folder").env("HOME", "/dev/null");
    let state = bench.path("taken").display().to_string();
    let report = bench.env("HOLMES_STATE_FOLDER", state).run(words(&["-o", "json"])).exits(1).json();
    let (status, detail) = said(check(&report, "folders", "state"));
    assert!(status == "problem" && detail.contains("is no folder"), "{detail}");
    assert_eq!(said(check(&report, "folders", "cache")).0, "problem");
}

#[test]
fn a_model_is_talked_to_unless_nobody_wants_that() {
    let call = json!([{"tool": "probe", "arguments": {"thing": "disk"}}, {"tool": "probe", "arguments": {"thing": "memory"}}]);
    let replies = json!([{"say": "pelican 1 2 3 4 5"}, {"call": call}, {"say": "the disk: 97 %"}]);
    let bench = machine(&[]);
    let model = Bench::new().model(replies);
    let base = model.scripted().base_url();
    let bench = bench
        .env("OPENAI_API_BASE", &base)
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        .env("MODEL", "scripted");
    let report = bench.run(words(&["--no-model", "-o", "json"])).exits(0).json();
    assert!(model.scripted().requests().is_empty());
    assert!(said(check(&report, "model", "answers")).1.contains("--no-model"));

    let ran = bench.run(words(&["-o", "json"])).exits(0);
    let report = ran.json();
    for name in ["answers", "streaming", "tools", "results", "round trip"] {
        assert_eq!(said(check(&report, "model", name)).0, "ok", "{report:#}");
    }
    assert_eq!(said(check(&report, "model", "window")).0, "warning");
    assert!(check(&report, "model", "round trip")["milliseconds"].is_number());
    assert_eq!(model.scripted().requests().len(), 3);
    assert_eq!(model.scripted().violations(), Vec::<String>::new());
    assert!(!ran.stdout.contains("0123456789"), "{}", ran.stdout);

    model.scripted().script(&json!([{"status": 401, "body": {"error": {"message": "bad key"}}}]));
    let report = bench.run(words(&["-o", "json"])).exits(1).json();
    let answers = check(&report, "model", "answers");
    assert_eq!(answers["status"], "problem");
    assert!(answers["fix"].as_str().unwrap().contains("OPENAI_API_KEY"), "{answers}");
}

#[test]
fn what_hangs_holds_up_nothing_else() {
    let sleeper = "exec sleep 600";
    let silent = ScriptedServer::start([("/mcp", Reply::Hang(Vec::new()))]);
    let model = Bench::new().model(json!([{"hang": true, "repeat": true}]));
    let yaml = format!(
        "toolsets:\n  test:\n    description: d\n    tools:\n      - {{name: a, description: a, command: 'true'}}\n  \
         slow:\n    description: d\n    prerequisites:\n      - command: sleep 600\n    tools:\n      - {{name: b, description: b, \
         command: 'true'}}\nmcp_servers:\n  far:\n    description: d\n    config: {{url: '{}', mode: streamable-http}}\n",
        silent.url("/mcp")
    );
    let bench = machine(&[("kubectl", sleeper), ("git", sleeper)])
        .file("tools.yaml", yaml)
        .env("HOLMES_TOOLSET", "test,slow,far")
        .env("OPENAI_API_BASE", model.scripted().base_url())
        .env("OPENAI_API_KEY", "sk-test-0123456789abcdef")
        .env("MODEL", "scripted");
    let began = Instant::now();
    let report = bench.run(words(&["-o", "json"])).exits(1).json();
    let taken = began.elapsed();
    assert!(taken < Duration::from_secs(12), "{taken:?}");
    for (section, name, status) in [
        ("model", "answers", "problem"),
        ("kubernetes", "kubectl", "problem"),
        ("toolsets", "slow", "problem"),
        ("mcp_servers", "far", "problem"),
        ("programs", "git", "warning"),
    ] {
        let (found, detail) = said(check(&report, section, name));
        assert!(found == status && detail.contains("within"), "{section}/{name}: {found}, {detail}");
    }
    assert_eq!(said(check(&report, "toolsets", "test")).0, "ok");
}

const KUBECTL: &str = r#"case "$*" in
*"version --client"*) echo "Client Version: v1.31.4" ;;
*"config view"*) cat "$HOME/view.json" ;;
*"get --raw /version"*) echo '{"gitVersion":"v1.30.2"}' ;;
*"auth can-i get pods"*) echo no; exit 1 ;;
esac"#;

#[test]
fn a_cluster_is_told_and_its_names_steer_nothing() {
    let name = "prod\u{1b}]0;owned\u{7}\u{202e}";
    let view =
        json!({"current-context": name, "contexts": [{"name": name, "context": {"namespace": "shop"}}]});
    let bench = machine(&[("kubectl", KUBECTL)]).file("view.json", view.to_string());
    let ran = bench.run(words(&["-o", "json"])).exits(1);
    let report = ran.json();
    assert_eq!(said(check(&report, "kubernetes", "kubectl")).0, "ok");
    assert_eq!(said(check(&report, "kubernetes", "context")), ("ok", "prod, namespace shop"));
    assert_eq!(said(check(&report, "kubernetes", "server")), ("ok", "answers, v1.30.2"));
    assert_eq!(said(check(&report, "kubernetes", "may get pods")).0, "problem");
    let bad = "case \"$*\" in *--client*) echo v1.2.3 ;; *) printf 'no\\033[2Jt json'; echo 'Unable to connect: \u{1b}[31mdial' >&2; exit 1 ;; esac";
    let ran = machine(&[("kubectl", bad)]).env("KUBECONFIG", "/nonexistent/a").run(words(&[])).exits(1);
    assert!(!ran.stdout.contains('\u{1b}'), "{:?}", ran.stdout);
    assert!(
        ran.stdout.contains("Unable to connect") && ran.stdout.contains("/nonexistent/a"),
        "{}",
        ran.stdout
    );
}

#[test]
fn no_secret_leaves_in_any_form() {
    let secret = ["hunter2", "-correct-horse"].concat();
    let token = ["xoxb-", "1234567890-abcdefghij"].concat();
    let yaml = format!(
        "toolsets:\n  leaky:\n    description: d\n    config: {{password: {secret}}}\n    prerequisites:\n      - command: \
         'echo cannot log in with {secret} >&2; false'\n    tools:\n      - {{name: a, description: a, command: 'true'}}\n"
    );
    let bench = machine(&[])
        .file("tools.yaml", yaml)
        .env("HOLMES_TOOLSET", "leaky")
        .env("HTTPS_PROXY", format!("http://ann:{secret}@127.0.0.1:9"))
        .env("OPENAI_API_BASE", format!("http://ann:{secret}@127.0.0.1:9/v1"))
        .env("OPENAI_API_KEY", format!("sk-{secret}"))
        .env("MODEL", "m")
        .env("SLACK_TOKEN", &token);
    for form in ["text", "json", "jsonl", "markdown"] {
        let ran = bench.run(words(&["-o", form])).exits(1);
        for hidden in [&secret, &token] {
            assert!(
                !ran.stdout.contains(hidden.as_str()) && !ran.stderr.contains(hidden.as_str()),
                "{form}: {}",
                ran.stdout
            );
        }
        assert!(ran.stdout.contains("127.0.0.1:9"), "{}", ran.stdout);
    }
}

#[test]
fn an_interrupt_shows_what_is_known() {
    let bench = machine(&[("kubectl", "echo $$ > \"$HOME/started\"; exec sleep 600")]);
    let mut child = bench.spawn(["doctor", "-t", "tools.yaml", "--timeout", "5m"]);
    let began = Instant::now();
    // The script writes its number when it has begun.
    while std::fs::read_to_string(bench.path("started")).unwrap_or_default().trim().is_empty() {
        assert!(began.elapsed() < Duration::from_mins(1), "kubectl was not asked");
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        std::thread::yield_now();
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let ran = child.wait_with_output().unwrap();
    assert_eq!(ran.status.code(), Some(130));
    let stdout = String::from_utf8_lossy(&ran.stdout);
    assert!(stdout.contains("holmes-rs ") && stdout.contains("interrupted before it was known"), "{stdout}");
    assert!(ran.stderr.is_empty(), "{}", String::from_utf8_lossy(&ran.stderr));
}
