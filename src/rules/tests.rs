//! The engine against recorded outputs of real programs (`tests/fixtures/rules`, one folder a machine).
//!
//! A file is named after its call (`systemd_unit unit=nginx.service.txt`, `/` as `_`) and ends with a line
//! `[exit CODE, …]`. A call without a file is answered as a tool that does not know.

use std::path::PathBuf;
use std::sync::LazyLock;

use serde_json::{Map, Value};

use super::*;
use crate::evidence::view;
use crate::evidence::{Exhibit, Status};

/// One for all tests: its patterns are compiled once.
static MODEL: LazyLock<RulesModel> = LazyLock::new(|| RulesModel::new(&[]).unwrap());

/// A recorded machine, and the run of one question on it.
pub(super) struct Machine {
    pub(super) folder: PathBuf,
    tools: Vec<ToolSpec>,
    exhibits: u32,
    calls: Vec<String>,
}

impl Machine {
    fn recorded(name: &str) -> Self {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let mut tools = vec![spec(ANSWER, &[])];
        for file in std::fs::read_dir(root.join("toolsets")).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "yaml") {
                tools.extend(catalogue(&path));
            }
        }
        Self { folder: root.join("tests/fixtures/rules").join(name), tools, exhibits: 0, calls: Vec::new() }
    }

    fn without(mut self, prefix: &str) -> Self {
        self.tools.retain(|tool| !tool.name.starts_with(prefix));
        self
    }

    fn view(&mut self, tool: &str, text: &str) -> String {
        self.exhibits += 1;
        let (body, code) = match text.trim_end().rsplit_once("\n[exit ") {
            Some((body, rest)) => (body, rest.split(',').next().and_then(|c| c.parse().ok())),
            None => (text, Some(0)),
        };
        let lines: Vec<(u64, String)> = (1..).zip(body.lines().map(str::to_owned)).collect();
        let exhibit = Exhibit {
            id: self.exhibits,
            call_id: String::new(),
            tool: tool.to_owned(),
            toolset: String::new(),
            description: String::new(),
            params: Map::new(),
            invocation: "recorded".to_owned(),
            status: Status::Success,
            exit_code: code,
            error: code.filter(|code| *code != 0).map(|code| format!("exit {code}")),
            seconds: 0.1,
            started_seconds: 0.0,
            bytes: body.len() as u64,
            lines: lines.len() as u64,
            path: PathBuf::new(),
            view: String::new(),
            condensed: false,
            summary: None,
            flagged: None,
        };
        view::render(&exhibit, &[], &lines, "k9f3")
    }

    /// What `grep` leaves of the recorded list of pods.
    fn rows(&self, tool: &str, arguments: &Map<String, Value>) -> Option<String> {
        let keyword = arguments.get("keyword").filter(|_| tool == "kubectl_find_resource")?.as_str()?;
        let list = self.folder.join("kubectl_get_by_kind_in_cluster kind=pods.txt");
        let list = std::fs::read_to_string(list).ok()?;
        let rows: Vec<&str> = list.lines().filter(|line| line.contains(keyword)).collect();
        Some(format!("{}\n[exit 0, 0 s]", rows.join("\n")))
    }

    fn ask(&mut self, question: &str) -> Map<String, Value> {
        self.ask_about(question, &[])
    }

    /// Runs the loop to its answer; checks on the way what every model owes the loop.
    pub(super) fn ask_about(&mut self, question: &str, attached: &[&str]) -> Map<String, Value> {
        let model = &*MODEL;
        let mut text = format!(
            "{question}\n\nNow: 2026-11-21T05:35:00+00:00, on machine-slow. Exhibits of this run are fenced with k=k9f3."
        );
        for file in attached {
            text.push_str("\n\n");
            text.push_str(&self.view("attached_file", file));
        }
        let mut messages = vec![Message::User { text }];
        for _ in 0..8 {
            let said = model.turn(&messages, &self.tools);
            assert_eq!(said, model.turn(&messages, &self.tools), "not deterministic");
            assert!(!said.tool_calls.is_empty());
            messages.push(Message::Assistant(said.clone()));
            for call in said.tool_calls {
                let Arguments::Object(arguments) = call.arguments else {
                    panic!("arguments must be an object");
                };
                if call.tool == ANSWER {
                    check_quotes(&messages, &arguments);
                    return arguments;
                }
                assert!(self.tools.iter().any(|tool| tool.name == call.tool));
                let mut name = call.tool.clone();
                for (key, value) in &arguments {
                    let value = value.as_str().map_or(value.to_string(), str::to_owned);
                    name = format!("{name} {key}={value}");
                }
                assert!(!self.calls.contains(&name), "called twice: {name}");
                let file = self.folder.join(format!("{}.txt", name.replace('/', "_")));
                let found = self.rows(&call.tool, &arguments);
                let text = match std::fs::read_to_string(file) {
                    _ if found.is_some() => self.view(&call.tool, &found.unwrap_or_default()),
                    Ok(text) => self.view(&call.tool, &text),
                    Err(_) => self.view(&call.tool, "not recorded\n[exit 1, 0 s]"),
                };
                self.calls.push(name);
                messages.push(Message::Tool { call_id: call.id, tool: call.tool, text });
            }
        }
        panic!("no answer after 8 turns: {:?}", self.calls);
    }
}

/// A call that was made and what it printed: tool, arguments, output.
pub(super) type Looked<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// The answer to a question after these lookups.
pub(super) fn asked_of(question: &str, seen: &[Looked<'_>]) -> Map<String, Value> {
    let mut machine = quiet();
    machine.tools.truncate(1);
    let mut messages = vec![Message::User {
        text: format!("{question}\n\nNow: 2026-11-21T05:35:00+00:00, on machine-slow."),
    }];
    let mut said = AssistantMessage::default();
    let mut replies = Vec::new();
    for (number, (tool, arguments, output)) in seen.iter().enumerate() {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), Value::from(*value)));
        let id = format!("lookup-{number}");
        said.tool_calls.push(ToolCall {
            id: id.clone(),
            tool: (*tool).to_owned(),
            arguments: Arguments::Object(arguments.collect()),
            echo: Map::new(),
        });
        replies.push(Message::Tool {
            call_id: id,
            tool: (*tool).to_owned(),
            text: machine.view(tool, output),
        });
    }
    messages.push(Message::Assistant(said));
    messages.extend(replies);
    let said = MODEL.turn(&messages, &machine.tools);
    let Some(Arguments::Object(answer)) = said.tool_calls.first().map(|call| call.arguments.clone()) else {
        panic!("no answer: {said:?}");
    };
    check_quotes(&messages, &answer);
    answer
}

fn check_quotes(messages: &[Message], answer: &Map<String, Value>) {
    let case = Case::read(messages);
    for finding in answer["findings"].as_array().unwrap() {
        let id = finding["exhibit"].as_str().unwrap();
        let quote = finding["quote"].as_str().unwrap();
        assert!(!quote.is_empty());
        let seen = case
            .seen
            .iter()
            .find(|seen| format!("E{}", seen.exhibit.id) == id)
            .unwrap_or_else(|| panic!("{id} was never shown"));
        let stands = seen.exhibit.lines.iter().any(|(_, line)| line.contains(quote));
        assert!(stands, "not in {id}: {quote}");
    }
}

fn spec(name: &str, parameters: &[(String, String, bool)]) -> ToolSpec {
    let properties: Map<String, Value> =
        parameters.iter().map(|(name, kind, _)| (name.clone(), serde_json::json!({"type": kind}))).collect();
    let required: Vec<&String> =
        parameters.iter().filter(|(_, _, required)| *required).map(|(name, _, _)| name).collect();
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: serde_json::json!({"type": "object", "properties": properties, "required": required}),
    }
}

/// The names and parameters of a catalogue file, as far as the engine needs them.
fn catalogue(path: &std::path::Path) -> Vec<ToolSpec> {
    let text = std::fs::read_to_string(path).unwrap();
    let root = crate::config::yaml::parse(&text, "catalogue").unwrap().node.to_json();
    let mut specs = Vec::new();
    for toolset in root["toolsets"].as_object().unwrap().values() {
        for tool in toolset["tools"].as_array().into_iter().flatten() {
            let parameters: Vec<(String, String, bool)> = tool["parameters"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(name, parameter)| {
                    (
                        name.clone(),
                        parameter["type"].as_str().unwrap_or("string").to_owned(),
                        parameter["required"].as_bool().unwrap_or(true),
                    )
                })
                .collect();
            specs.push(spec(tool["name"].as_str().unwrap(), &parameters));
        }
    }
    specs
}

pub(super) fn show(answer: &Map<String, Value>) -> String {
    serde_json::to_string_pretty(answer).unwrap()
}

#[test]
fn embedded_patterns_and_templates_compile() {
    book::Book::check_embedded().unwrap();
}

pub(super) fn text<'a>(answer: &'a Map<String, Value>, key: &str) -> &'a str {
    answer[key].as_str().unwrap()
}

fn host() -> Machine {
    Machine::recorded("app-01").without("kubectl").without("docker")
}

fn cluster() -> Machine {
    Machine::recorded("cluster").without("host").without("docker").without("systemd").without("logs_")
}

pub(super) fn quiet() -> Machine {
    Machine::recorded("quiet").without("kubectl").without("docker")
}

/// Asks and expects a problem whose root cause has every one of `words`.
fn finds(machine: &mut Machine, question: &str, words: &[&str]) -> Map<String, Value> {
    let answer = machine.ask(question);
    assert_eq!(text(&answer, "verdict"), "problem_found", "{}", show(&answer));
    for word in words {
        let cause = text(&answer, "root_cause");
        assert!(cause.contains(word), "no `{word}` in: {cause}");
    }
    answer
}

#[test]
fn a_sweep_finds_all_three_faults_and_puts_the_full_disk_first() {
    let answer = finds(
        &mut host(),
        "why is this machine broken?",
        &["`/var/backups` is full", "fullchain.pem` does not exist"],
    );
    let cause = text(&answer, "root_cause");
    assert!(cause.starts_with("`backup.service` failed: `/var/backups` is full"));
    let claims = show(&answer);
    assert!(claims.contains("No space left on device"));
    assert!(claims.contains("refuses the credentials"));
}

#[test]
fn a_named_unit_is_answered_with_its_own_cause_only() {
    let answer = finds(
        &mut host(),
        "why does nginx fail?",
        &["`nginx` failed", "`/etc/ssl/shop/fullchain.pem` does not exist"],
    );
    assert!(!text(&answer, "root_cause").contains("backup"));
    let fixes = answer["fix"].as_array().unwrap();
    assert!(fixes.iter().all(|fix| !fix.as_str().unwrap().contains("backups")));
    finds(&mut host(), "billing keeps restarting", &["billing", "refuses the credentials"]);
    finds(&mut host(), "why did the backup fail last night?", &["`/var/backups` is full"]);
    finds(&mut host(), "is backup.service ok?", &["`/var/backups` is full"]);
}

#[test]
fn a_symptom_alone_is_followed_to_where_nothing_listens() {
    let mut machine = host();
    let answer = finds(&mut machine, "connection refused on port 5432", &["5432"]);
    assert!(machine.calls.contains(&"host_network port=5432".to_owned()));
    assert!(show(&answer).contains("nothing listens on port 5432"));
}

#[test]
fn a_question_that_is_answered_well_needs_no_sweep() {
    let mut machine = quiet();
    machine.folder = machine.folder.join("../app-01");
    let answer = machine.ask("what listens on port 16443?");
    assert_eq!(text(&answer, "verdict"), "no_problem", "{}", show(&answer));
    assert!(text(&answer, "root_cause").contains("listens on 127.0.0.1:16443"));
    assert!(!machine.calls.iter().any(|call| call.starts_with("logs_")));
}

#[test]
fn old_and_tame_lines_are_no_trouble() {
    let mut machine = quiet();
    let answer = machine.ask("is this machine ok?");
    assert_eq!(text(&answer, "verdict"), "no_problem", "{}", show(&answer));
    assert!(!answer["findings"].as_array().unwrap().is_empty());
}

#[test]
fn no_problem_is_not_said_while_a_source_failed() {
    let mut machine = quiet();
    machine.folder = machine.folder.join("../certs");
    let answer = machine.ask("is this machine ok?");
    assert_eq!(text(&answer, "verdict"), "inconclusive");
    assert!(!answer["not_sure"].as_array().unwrap().is_empty());
}

#[test]
fn what_is_not_there_is_not_blamed_with_confidence() {
    let answer = host().ask("why does frobnicator crash?");
    assert_eq!(text(&answer, "confidence"), "low", "{}", show(&answer));
    let answer = quiet().ask("why does frobnicator crash?");
    assert_eq!(text(&answer, "verdict"), "inconclusive", "{}", show(&answer));
}

#[test]
fn questions_about_other_things_run_nothing() {
    for question in ["what is 2+2?", "what is the capital of France?", "hello", ""] {
        let mut machine = host();
        let answer = machine.ask(question);
        assert_eq!(text(&answer, "verdict"), "inconclusive");
        assert!(machine.calls.is_empty(), "{question}: {:?}", machine.calls);
        assert!(show(&answer).contains("MODEL"));
    }
}

#[test]
fn a_question_in_another_language_is_looked_into() {
    let mut machine = host();
    machine.ask("почему всё сломалось?");
    assert!(machine.calls.contains(&"systemd_failed".to_owned()));
}

#[test]
fn every_fault_of_the_cluster_gets_its_cause() {
    for (pod, cause) in [
        ("payments", "memory limit (OOMKilled)"),
        ("settlement-worker", "`postgres-primary.shop.svc.cluster.local` does not resolve"),
        ("recommendations", "recomendations:3.1` cannot be pulled"),
        ("missing-secret", "the secret `stripe-credentials` does not exist"),
        ("missing-configmap-volume", "the configmap `app-settings` does not exist"),
        ("bad-command", "`/usr/local/bin/serve` cannot be started"),
        ("liveness-kills", "liveness probe fails"),
        ("never-ready", "readiness probe fails"),
        ("wrong-node-selector", "node affinity"),
        ("unschedulable", "no node takes it"),
        ("init-fails", "no relation `orders`"),
        ("multi-container", "nil pointer dereference"),
    ] {
        finds(&mut cluster(), &format!("why is {pod} not working in the cluster?"), &[pod, cause]);
    }
}

#[test]
fn a_mount_that_the_kubelet_tried_too_early_is_no_cause() {
    let folder = tempfile::tempdir().unwrap();
    let keep =
        |name: &str, text: String| std::fs::write(folder.path().join(format!("{name}.txt")), text).unwrap();
    let name = "checkout-668d988745-7mmtz";
    keep(
        "kubectl_get_by_kind_in_cluster kind=pods",
        format!(
            "NAMESPACE   NAME                        READY   STATUS    RESTARTS   AGE\n\
             shop        {name}   0/1     Running   0          7h44m\n[exit 0, 0 s]"
        ),
    );
    for (why, told) in [
        ("failed to sync secret cache: timed out waiting for the condition", false),
        ("failed to sync configmap cache: timed out waiting for the condition", false),
        ("timeout expired waiting for volumes to attach", true),
    ] {
        let event = format!(
            "  Warning  FailedMount  7h44m  kubelet  MountVolume.SetUp failed for volume \"files\" : {why}"
        );
        keep(
            &format!("kubectl_describe kind=pod name={name} namespace=shop"),
            format!("Name: {name}\nNamespace: shop\nStatus: Running\nEvents:\n{event}\n[exit 0, 0 s]"),
        );
        let mut machine = Machine { folder: folder.path().to_owned(), ..cluster() };
        let answer = machine.ask("why is checkout not working in the cluster?");
        assert!(machine.calls.iter().any(|call| call.contains(name)), "{:?}", machine.calls);
        assert_eq!(show(&answer).contains("cannot be mounted"), told, "{}", show(&answer));
        assert!(told || !show(&answer).contains("in time (timeout)"), "{}", show(&answer));
    }
}

#[test]
fn containers_of_docker_are_followed_to_their_logs() {
    let mut machine = Machine::recorded("docker").without("host").without("kubectl");
    let answer = finds(&mut machine, "check the docker containers", &["`db.internal` does not resolve"]);
    assert!(show(&answer).contains("OOMKilled"));
}

#[test]
fn dates_of_certificates_are_judged() {
    let certs = || Machine::recorded("certs").without("kubectl");
    finds(&mut certs(), "is /tmp/shop/old.pem still good?", &["expired 3 days ago"]);
    finds(&mut certs(), "check /tmp/shop/new.pem", &["not valid yet"]);
    finds(&mut certs(), "when does /tmp/shop/ok.pem expire?", &["expires in 9 days"]);
}

#[test]
fn logs_handed_over_are_read() {
    for (log, cause) in [
        ("access-5xx", "HTTP 502"),
        ("go-panic", "`nosuch-host.invalid` does not resolve"),
        ("java-oom", "JVM ran out of memory"),
        ("node-heap", "Node.js ran out of heap"),
        ("postgres-auth", "credentials of user `postgres`"),
        ("postgres-connections", "too many connections"),
        ("python-config-missing", "lacks `PAYMENT_API_KEY`"),
        ("python-port-in-use", "already in use"),
        ("python-refused", "refuses connections"),
        ("rust-panic", "panicked"),
        ("too-many-files", "too many open files"),
    ] {
        let mut machine = quiet();
        let path = machine.folder.join(format!("../logs/{log}.log"));
        let answer = machine.ask_about("what went wrong?", &[&std::fs::read_to_string(path).unwrap()]);
        let said = text(&answer, "root_cause");
        assert!(said.contains(cause), "{log}: {said}");
    }
}

#[test]
fn a_log_without_trouble_gets_no_verdict() {
    let mut machine = quiet();
    let path = machine.folder.join("../logs/quiet.log");
    let answer = machine.ask_about("what went wrong?", &[&std::fs::read_to_string(path).unwrap()]);
    assert_eq!(text(&answer, "verdict"), "inconclusive", "{}", show(&answer));
    assert!(answer["findings"].as_array().unwrap().is_empty());
}

#[test]
fn without_tools_the_answer_is_text() {
    let mut machine = host();
    let listing = std::fs::read_to_string(machine.folder.join("host_disk.txt")).unwrap();
    let text = format!("why is the disk full?\n\n{}", machine.view("host_disk", &listing));
    let said = RulesModel::new(&[]).unwrap().turn(&[Message::User { text }], &[]);
    assert!(said.tool_calls.is_empty());
    assert!(said.text.contains("Root cause"));
}

#[test]
fn rules_of_users_are_read_and_checked() {
    let rule = "rules:\n  - id: acme\n    on: [attached]\n    match: 'ACME-(?P<code>\\d+)'\n    cause: 'the acme box says {{ code }}'\n    rank: 90\n";
    let model = RulesModel::new(&[("mine.yaml", rule.to_owned())]).unwrap();
    let mut machine = quiet();
    let text = format!("why?\n{}", machine.view("attached_file", "x\nACME-42 broke\n"));
    let said = model.turn(&[Message::User { text }], &[]);
    assert!(said.text.contains("the acme box says 42"));

    for (text, words) in [
        ("rules:\n  - id: x\n    on: [log]\n    match: '(['\n    cause: c\n", "regular expression"),
        ("rules:\n  - id: x\n    on: [log]\n    match: 'a'\n    cause: '{{ '\n", "template"),
        ("rules:\n  - id: x\n    on: [log]\n    mach: 'a'\n    cause: c\n", "mach"),
        ("rulez: []\n", "rulez"),
        ("rules: {\n", "mine.yaml"),
    ] {
        let error = RulesModel::new(&[("mine.yaml", text.to_owned())]).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("mine.yaml"), "{error}");
    }
}

#[test]
fn times_of_log_lines_are_read() {
    let now = stamp::read("2026-11-21T05:20:00+02:00", None).unwrap();
    assert_eq!((now.seconds, now.offset), (1_795_231_200, 7200));
    let local = stamp::read("Nov 21 05:19:00 host app[1]: x", Some(now)).unwrap();
    assert_eq!(now.seconds - local.seconds, 60);
    let last_year = stamp::read("Dec 31 05:19:00 host app[1]: x", Some(now)).unwrap();
    assert!(now.seconds - last_year.seconds > 300 * 86_400);
    assert_eq!(stamp::read("no time here", Some(now)), None);
    assert_eq!(stamp::read("2026-13-45T99:99:99Z", Some(now)), None);
}

#[test]
fn a_pod_that_does_not_exist_gets_the_nearest_names_and_no_other_pods_cause() {
    for question in ["why does paymets crash?", "why is pod paymets failing in namespace shop?"] {
        let mut machine = cluster();
        let answer = machine.ask(question);
        assert_eq!(text(&answer, "verdict"), "inconclusive", "{}", show(&answer));
        assert!(text(&answer, "root_cause").contains("nearest names: `payments`"), "{}", show(&answer));
        assert!(machine.calls.len() <= 12, "{:?}", machine.calls);
    }
}

#[test]
fn a_named_pod_needs_no_list_of_the_cluster_and_no_nodes() {
    let mut machine = cluster();
    finds(&mut machine, "why does payments crash?", &["OOMKilled"]);
    assert!(machine.calls.len() <= 4, "{:?}", machine.calls);
    assert!(!machine.calls.iter().any(|call| call.contains("in_cluster")), "{:?}", machine.calls);
}

#[test]
fn only_lines_of_the_time_asked_about_count() {
    let answer = quiet().ask("what happened at 03:12?");
    assert_eq!(text(&answer, "verdict"), "inconclusive", "{}", show(&answer));
    assert!(text(&answer, "root_cause").contains("within ten minutes of 03:12"), "{}", show(&answer));
    let answer = quiet().ask("errors in the last hour?");
    assert_eq!(text(&answer, "verdict"), "no_problem", "{}", show(&answer));
}
