//! Prerequisites run as real commands, and the cache of what they found.

use std::path::Path;
use std::time::SystemTime;

use tokio::sync::watch;

use super::*;
use crate::toolset::cache::Cache;
use crate::toolset::prerequisites::check;

fn run(toolsets: &Toolsets, cache: Option<&mut Cache>) -> Vec<Readiness> {
    let mut seen = Vec::new();
    let (_keep, stop) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let env = environment();
    let results =
        runtime.block_on(check(toolsets, &env, None, cache, &stop, |one| seen.push(one.name.clone())));
    seen.sort();
    assert_eq!(seen, results.iter().map(|one| one.name.clone()).collect::<Vec<_>>());
    results
}

fn toolset(name: &str, prerequisites: Vec<Prerequisite>) -> (String, Toolset) {
    let toolset = Toolset { name: name.to_owned(), enabled: true, prerequisites, ..Toolset::default() };
    (name.to_owned(), toolset)
}

fn command(command: &str, seconds: f64) -> Prerequisite {
    let timeout = Duration::from_secs_f64(seconds);
    Prerequisite::Command { command: command.to_owned(), expected_output: None, timeout }
}

fn reason_of(prerequisites: Vec<Prerequisite>) -> String {
    let results = run(&[toolset("a", prerequisites)].into(), None);
    match results[0].status {
        ReadinessStatus::Enabled => "ready".to_owned(),
        _ => results[0].reason.clone(),
    }
}

#[test]
fn reasons_are_one_line_to_act_on() {
    let cases = [
        ("true", "ready"),
        ("cat", "ready"),
        (
            "echo some; echo 'refused by server' >&2; exit 3",
            "`echo some; echo 'refused by server' >&2; exit 3`: exit 3: refused by server",
        ),
        ("no-such-program --version", "`no-such-program` is not installed"),
        ("no-such-program | grep -q x", "`no-such-program` is not installed"),
        ("echo out; exit 2", "`echo out; exit 2`: exit 2: out"),
        ("exit 22", "`exit 22`: exit 22"),
        ("kill -9 $$", "`kill -9 $$`: killed by signal 9"),
        ("echo 'a", "`echo 'a`: exit 2: bash: -c: line 1: unexpected EOF while looking for matching `''"),
        ("exit 4\nsecond", "`exit 4 …`: exit 4"),
        ("{{ oops", "prerequisite `{{ oops`"),
    ];
    for (text, expected) in cases {
        let reason = reason_of(vec![command(text, 10.0)]);
        assert!(
            reason == expected
                || (expected.starts_with('`') || expected.starts_with('p')) && reason.starts_with(expected),
            "{text}: {reason}"
        );
        assert!(!reason.contains('\n'), "{reason:?}");
    }
    let expected = |text: &str| Prerequisite::Command {
        command: "echo version 3".to_owned(),
        expected_output: Some(text.to_owned()),
        timeout: Duration::from_secs(10),
    };
    assert_eq!(reason_of(vec![expected("version")]), "ready");
    assert_eq!(reason_of(vec![expected("v2")]), "`echo version 3`: its output has no `v2`: version 3");
    assert_eq!(reason_of(vec![Prerequisite::Env(vec!["TOKEN".into()])]), "ready");
    assert_eq!(
        reason_of(vec![Prerequisite::Env(vec!["NOPE".into()])]),
        "environment variable `NOPE` is not set"
    );
}

/// What is known without a process.
#[test]
fn a_setting_or_a_program_is_looked_for_in_place() {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let one_of = |all: &[&str]| reason_of(vec![Prerequisite::OneOf(names(all))]);
    assert_eq!(one_of(&["config.url", "TOKEN"]), "ready");
    assert_eq!(one_of(&["config.url", "NOPE"]), "neither config.url nor NOPE is set");
    assert_eq!(one_of(&["A", "B", "C"]), "none of A, B, C is set");
    let (name, mut configured) = toolset("a", vec![Prerequisite::OneOf(names(&["config.url", "NOPE"]))]);
    for (value, status) in [
        (json!("http://x"), ReadinessStatus::Enabled),
        (json!(" "), ReadinessStatus::Failed),
        (json!([]), ReadinessStatus::Failed),
        (json!({"a": 1}), ReadinessStatus::Enabled),
    ] {
        configured.config.insert("url".to_owned(), value);
        assert_eq!(run(&[(name.clone(), configured.clone())].into(), None)[0].status, status);
    }
    let program = |all: &[&str]| reason_of(vec![Prerequisite::Program(names(all))]);
    assert_eq!(program(&["no-such-program", "sh"]), "ready");
    assert_eq!(program(&["no-such-program"]), "`no-such-program` is not installed");
    assert_eq!(program(&["no-such", "no-such-either"]), "none of `no-such`, `no-such-either` is installed");
}

#[test]
fn cheap_prerequisites_come_first() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("ran");
    let touch = command(&format!("touch {}", mark.display()), 10.0);
    let off = Prerequisite::Static { enabled: false, reason: Some("not on this host".into()) };
    assert_eq!(
        reason_of(vec![touch.clone(), Prerequisite::Env(vec!["NOPE".into()]), off]),
        "not on this host"
    );
    assert!(!mark.exists());
    assert_eq!(reason_of(vec![touch]), "ready");
    assert!(mark.exists());
}

#[test]
fn what_is_off_or_broken_is_not_run() {
    let (name, off) = toolset("off", vec![command("exit 1", 1.0)]);
    let off = Toolset { enabled: false, origin: "x.yaml".into(), ..off };
    let (other, broken) = toolset("broken", vec![command("exit 1", 1.0)]);
    let broken = Toolset { broken: Some("f:1:2: why".into()), ..broken };
    let results = run(&[(name, off), (other, broken)].into(), None);
    let said: Vec<_> = results.iter().map(|one| (one.status, one.reason.as_str())).collect();
    assert_eq!(
        said,
        [(ReadinessStatus::Failed, "f:1:2: why"), (ReadinessStatus::Disabled, "switched off in x.yaml")]
    );
}

/// Each of twenty waits until all twenty have begun: checked one after the other, the first would time out.
#[test]
fn all_toolsets_are_checked_at_the_same_time() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let toolsets: Toolsets = (0..20)
        .map(|n| {
            let text = format!("touch {at}/{n}; until test $(ls {at} | wc -l) -ge 20; do sleep 0.05; done");
            toolset(&format!("t{n}"), vec![command(&text, 60.0)])
        })
        .collect();
    for one in run(&toolsets, None) {
        assert_eq!((one.status, one.reason.as_str()), (ReadinessStatus::Enabled, ""), "{}", one.name);
    }
}

/// A command that hangs ends at its deadline with everything it started, and delays nobody.
#[test]
fn a_command_that_hangs_ends_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let text = format!("sleep 300 & echo $! >{0}; sh -c 'echo $$ >>{0}; sleep 300; :'", pids.display());
    let toolsets =
        [toolset("slow", vec![command(&text, 1.0)]), toolset("quick", vec![command("true", 10.0)])].into();
    let results = run(&toolsets, None);
    assert_eq!(results[0].status, ReadinessStatus::Enabled);
    assert!(results[0].milliseconds < results[1].milliseconds, "{results:?}");
    assert!(results[1].reason.contains("no end within 1 s"), "{results:?}");
    let started = std::fs::read_to_string(pids).unwrap();
    assert_eq!(started.lines().count(), 2);
    for pid in started.lines() {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        assert!(state.is_empty() || state.contains(") Z "), "{pid} lives: {state}");
    }
}

#[test]
fn config_reaches_a_prerequisite_as_data() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pwned");
    let (name, mut one) = toolset(
        "a",
        vec![command("test {{ config.word }} = \"{{ config.word }}\" && echo '{{ config.word }}'", 10.0)],
    );
    one.config.insert("word".to_owned(), json!(format!("x'; touch {}; '$(touch {0})", mark.display())));
    let results = run(&[(name, one)].into(), None);
    assert_eq!(results[0].reason, "");
    assert!(!mark.exists());
}

/// Appends a line a run to `log`, so that runs can be counted.
fn counted(log: &Path, ending: &str) -> Toolsets {
    [toolset("a", vec![command(&format!("echo x >>{}; {ending}", log.display()), 10.0)])].into()
}

fn runs(log: &Path) -> usize {
    std::fs::read_to_string(log).unwrap_or_default().lines().count()
}

#[test]
fn results_are_remembered_for_as_long_as_they_hold() {
    let folder = tempfile::tempdir().unwrap();
    let (log, path) = (folder.path().join("log"), folder.path().join("state/toolsets_status.json"));
    let now = SystemTime::now();
    let after = |seconds| now + Duration::from_secs(seconds);
    let good = counted(&log, "true");
    for (at, expected) in [(now, 1), (after(3000), 1), (after(3700), 2), (now - Duration::from_secs(9), 3)] {
        run(&good, Some(&mut Cache::open(path.clone(), at)));
        assert_eq!(runs(&log), expected);
    }
    // Another text, `--refresh-toolsets`, and a failure that was seen each check again.
    let mut other = good.clone();
    other.get_mut("a").unwrap().description = "other".to_owned();
    run(&other, Some(&mut Cache::open(path.clone(), now)));
    assert_eq!(runs(&log), 4);
    run(&other, Some(&mut Cache::empty(path.clone(), now)));
    assert_eq!(runs(&log), 5);
    let mut cache = Cache::open(path.clone(), now);
    cache.forget("a");
    cache.save();
    run(&other, Some(&mut Cache::open(path.clone(), now)));
    assert_eq!(runs(&log), 6);
    let bad = counted(&log, "false");
    for (at, expected) in [(now, 7), (after(30), 7), (after(61), 8)] {
        run(&bad, Some(&mut Cache::open(path.clone(), at)));
        assert_eq!(runs(&log), expected);
    }
}

#[test]
fn a_damaged_or_unwritable_cache_costs_nothing_but_time() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    for text in ["", "{", "[]", "{\"version\":1,\"toolsets\":{\"a\":3}}", "{\"version\":9,\"toolsets\":{}}"] {
        let path = write(&folder, "cache.json", text);
        let before = runs(&log);
        run(&counted(&log, "true"), Some(&mut Cache::open(path.clone(), SystemTime::now())));
        run(&counted(&log, "true"), Some(&mut Cache::open(path, SystemTime::now())));
        assert_eq!(runs(&log), before + 1, "{text}");
    }
    let nowhere = PathBuf::from("/proc/none/cache.json");
    let results = run(&counted(&log, "true"), Some(&mut Cache::open(nowhere, SystemTime::now())));
    assert_eq!(results[0].status, ReadinessStatus::Enabled);
}

/// The toolsets of a family ask one question: it is put once, and every one of them gets the answer.
#[test]
fn the_same_command_runs_once_for_all_who_ask() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let text = format!("echo x >>{}; echo version 3", log.display());
    let expecting = |name: &str, expected: &str| {
        let wanted = Prerequisite::Command {
            command: text.clone(),
            expected_output: Some(expected.to_owned()),
            timeout: Duration::from_secs(10),
        };
        toolset(name, vec![wanted])
    };
    let results = run(&[expecting("a", "version 3"), expecting("b", "version 4")].into(), None);
    assert_eq!(runs(&log), 1);
    assert_eq!(results[0].status, ReadinessStatus::Enabled);
    assert!(results[1].reason.contains("has no `version 4`"), "{results:?}");
}

#[test]
fn a_toolset_nobody_asked_for_is_off_where_its_service_is_not() {
    let (name, one) = toolset("a", vec![command("false", 10.0)]);
    let auto = Toolset { auto: true, ..one.clone() };
    // Once its service is here, what else fails is worth a word.
    let half = Toolset { prerequisites: vec![command("true", 9.0), command("false", 9.0)], ..auto.clone() };
    let broken = Toolset { broken: Some("f:1:2: why".into()), ..auto.clone() };
    for (one, status) in [
        (auto, ReadinessStatus::Disabled),
        (half, ReadinessStatus::Failed),
        (one, ReadinessStatus::Failed),
        (broken, ReadinessStatus::Failed),
    ] {
        assert_eq!(run(&[(name.clone(), one)].into(), None)[0].status, status);
    }
}

/// What a cached result depends on: a program that appears on PATH, the account, the cluster.
#[test]
fn a_change_of_path_account_or_cluster_is_never_hidden() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let bin = folder.path().join("bin");
    std::fs::create_dir(&bin).unwrap();
    let kubeconfig = write(&folder, "kubeconfig", "current-context: a");
    let toolsets = counted(&log, "true");
    let check = |cluster: &str, profile: &str| {
        let env = BTreeMap::from([
            ("PATH".to_owned(), format!("{}:/usr/bin:/bin", bin.display())),
            ("KUBECONFIG".to_owned(), cluster.to_owned()),
            ("AWS_PROFILE".to_owned(), profile.to_owned()),
        ]);
        let mut cache = Cache::open(folder.path().join("cache.json"), SystemTime::now());
        let (_keep, stop) = tokio::sync::watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(prerequisites::check(&toolsets, &env, None, Some(&mut cache), &stop, |_| {}));
        runs(&log)
    };
    let first = kubeconfig.display().to_string();
    assert_eq!((check(&first, "a"), check(&first, "a")), (1, 1));
    assert_eq!((check(&first, "b"), check(&first, "b")), (2, 2));
    let other = write(&folder, "other", "current-context: a");
    assert_eq!(check(&other.display().to_string(), "b"), 3);
    let later = SystemTime::now() + Duration::from_secs(5);
    std::fs::File::options().write(true).open(&kubeconfig).unwrap().set_modified(later).unwrap();
    assert_eq!(check(&first, "b"), 4);
    write(&folder, "bin/new-program", "");
    assert_eq!(check(&first, "b"), 5);
}

#[test]
fn another_programs_template_in_a_prerequisite_reaches_it() {
    let toolset = one(
        "toolsets:\n  a:\n    prerequisites: [{command: \"docker info --format '{{ .Name }}'\"}]\n    tools: [{name: t, command: ls}]\n",
    );
    let Prerequisite::Command { command, .. } = &toolset.prerequisites[0] else { panic!() };
    assert_eq!(command, "{% raw %}docker info --format '{{ .Name }}'{% endraw %}");
}

#[test]
fn places_of_one_line_commands_are_exact() {
    for (line, column) in [
        ("      - {name: t, command: \"p {{ a | }}\"}", 38),
        ("      - {name: t, command: \"p ${#x}\"}", 32),
        ("      - {name: t, command: 'p {{ shop-id }}'}", 34),
    ] {
        let (toolsets, _) = load_text(&format!("toolsets:\n  a:\n    tools:\n{line}\n"));
        let broken = toolsets["a"].tools[0].broken.clone().unwrap();
        assert!(broken.starts_with(&format!("f.yaml:4:{column}: ")), "{line}: {broken}");
    }
}

#[test]
fn an_unset_name_in_a_command_is_empty_there() {
    let toolset = one("toolsets:\n  a:\n    tools: [{name: t, command: 'p {{ env.GONE }}'}]\n");
    assert_eq!((toolset.broken.as_deref(), toolset.tools[0].template.as_str()), (None, "p ${GONE}"));
}
