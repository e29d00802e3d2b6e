//! Command lines and what they are: the golden set of tests/fixtures/policy, the reader against brush-parser, and what no
//! input may do.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::case_sensitive_file_extension_comparisons,
    reason = "tests fail loudly, start bash beside the binary, and name their own files"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Instant;

use holmes_rs::policy::{Policy, Verdict};
use proptest::prelude::*;

fn policy() -> Policy {
    Policy::builtin().unwrap_or_else(|error| panic!("{error}"))
}

/// The cases of the golden set: the file, the verdict, the command.
fn golden() -> Vec<(String, String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/policy");
    let mut cases = Vec::new();
    let Ok(entries) = fs::read_dir(&folder) else {
        println!("SKIPPED: no golden set in tests/fixtures/policy");
        return cases;
    };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let text = fs::read_to_string(&path).unwrap();
        if name.ends_with(".json") {
            let pairs: Vec<(String, String)> = serde_json::from_str(&text).unwrap();
            cases.extend(pairs.into_iter().map(|(verdict, command)| (name.clone(), verdict, command)));
        } else if name.ends_with(".txt") {
            for line in text.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
                let (verdict, command) = line.split_once(char::is_whitespace).unwrap();
                cases.push((name.clone(), verdict.to_owned(), command.trim_start().to_owned()));
            }
        }
    }
    cases
}

/// What changes, shows secrets or is not known never passes for a read; ordinary reads nearly always do.
#[test]
fn the_golden_set_is_judged_as_people_did() {
    let policy = policy();
    let (mut ordinary, mut asked) = (0_usize, Vec::new());
    let mut escaped = Vec::new();
    let mut differing: BTreeMap<String, usize> = BTreeMap::new();
    for (file, expected, command) in golden() {
        let judgement = policy.judge(&command);
        let verdict = judgement.verdict.name();
        let why = || {
            judgement
                .parts
                .iter()
                .max_by_key(|part| part.verdict)
                .map(|part| part.rule.clone())
                .unwrap_or_default()
        };
        if expected == "read" {
            ordinary += 1;
            if verdict != "read" {
                asked.push(format!("{file}: {verdict}: {command}  <- {}", why()));
            }
        } else if verdict == "read" {
            escaped.push(format!("{file}: {expected}: {command}"));
        } else if verdict != expected {
            *differing.entry(format!("{expected} judged {verdict}")).or_default() += 1;
            println!("DIFFERS {file}: {expected} judged {verdict}: {command}  <- {}", why());
        }
    }
    for line in &asked {
        println!("ASKED {line}");
    }
    for line in &escaped {
        println!("ESCAPED {line}");
    }
    println!(
        "{ordinary} reads, {} of them asked for; {} others pass for reads; {differing:?}",
        asked.len(),
        escaped.len()
    );
    assert!(escaped.is_empty(), "{} commands pass for reads", escaped.len());
    assert!(asked.len() * 20 <= ordinary, "{} of {ordinary} ordinary reads are asked for", asked.len());
}

/// The words of every simple command of a plain line as brush-parser reads them.
fn by_oracle(line: &str) -> Option<Vec<Vec<String>>> {
    use brush_parser::ast;

    let options = brush_parser::ParserOptions::default();
    let mut parser = brush_parser::Parser::new(std::io::Cursor::new(line.as_bytes()), &options);
    let program = parser.parse_program().ok()?;
    let mut found = Vec::new();
    for list in &program.complete_commands {
        for item in &list.0 {
            let mut pipelines = vec![&item.0.first];
            for more in &item.0.additional {
                match more {
                    ast::AndOr::And(pipeline) | ast::AndOr::Or(pipeline) => pipelines.push(pipeline),
                }
            }
            for pipeline in pipelines {
                for command in &pipeline.seq {
                    let ast::Command::Simple(simple) = command else { return None };
                    let mut words = Vec::new();
                    words.extend(simple.word_or_name.iter().map(|word| word.value.clone()));
                    for item in simple.suffix.iter().flat_map(|suffix| &suffix.0) {
                        match item {
                            ast::CommandPrefixOrSuffixItem::Word(word)
                            | ast::CommandPrefixOrSuffixItem::AssignmentWord(_, word) => {
                                words.push(word.value.clone());
                            }
                            ast::CommandPrefixOrSuffixItem::IoRedirect(_) => {}
                            ast::CommandPrefixOrSuffixItem::ProcessSubstitution(..) => return None,
                        }
                    }
                    found.push(words.iter().map(|word| brush_parser::unquote_str(word)).collect());
                }
            }
        }
    }
    Some(found)
}

/// Lines of the pieces that decide how a line is read.
fn lines() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "kubectl",
        "get",
        "pods",
        "-n",
        "shop",
        "|",
        "||",
        "&&",
        ";",
        " ",
        " ",
        " ",
        "'",
        "\"",
        "\\",
        "$",
        "x",
        "grep",
        "'a b'",
        "\"c d\"",
        "\\ ",
        "2>&1",
        ">/dev/null",
        "<",
        "#",
        "{",
        "}",
        "(",
        ")",
        "~",
        "/",
        "*",
        "=",
        "a=b",
        "\n",
        "`",
        "$(",
        "é",
        "!",
        "-o",
        "if",
        "then",
        "fi",
        "&",
        "cat",
        "é\"'\"",
    ]);
    prop::collection::vec(piece, 1..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn a_plan_is_what_another_parser_reads(line in lines()) {
        // The other parser's words are unquoted by a helper that takes no quote or backslash inside of quotes; bash itself is
        // asked about those below.
        let mixed = ['\'', '"', '\\'].iter().filter(|quote| line.contains(**quote)).count() > 1;
        if let Some(plan) = policy_once().judge(&line).plan.filter(|_| !mixed) {
            let ours: Vec<Vec<String>> =
                plan.steps.iter().flat_map(|step| &step.stages).map(|stage| stage.argv.clone()).collect();
            let oracle = by_oracle(&line);
            prop_assert_eq!(Some(ours), oracle, "{}", line);
        }
    }

    #[test]
    fn no_text_is_too_much(line in "\\PC{0,400}") {
        let _ = policy_once().judge(&line);
    }
}

/// Words as a person, or a model that tries its luck, might quote them.
fn quoted() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "a",
        "'",
        "\"",
        "\\",
        "'a  b'",
        "\"c d\"",
        "'$HOME'",
        "\\$HOME",
        "'`id`'",
        "\\ ",
        "''",
        "\"\"",
        "-",
        "--",
        "=",
        "é",
        "'\n'",
        "'\t'",
        "\"\\\"\"",
        "\"\\\\\"",
        "\"'\"",
        "'\"'",
        "#",
        "x#y",
        "{",
        "}",
        "{}",
        ",",
        ".",
        ":",
        "%",
        "@",
        "^",
        "+",
        "~",
        "\\~",
        "'*'",
        "\\*",
        "!",
        "[",
        "]",
        " ",
        " ",
        " ",
        "\u{1f9ea}",
        "'\\'",
        "/",
    ]);
    prop::collection::vec(piece, 1..12).prop_map(|pieces| format!("printf '%s\\0' {}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// What the programs of a plan get is byte for byte what bash would have given them, or the line has no plan.
    #[test]
    fn hostile_words_arrive_as_bash_would_hand_them_over(line in quoted()) {
        if let Some(plan) = policy_once().judge(&line).plan {
            let (name, text) = plan.for_environment().unwrap();
            let folder = tempfile::tempdir().unwrap();
            let ours = std::process::Command::new(env!("CARGO_BIN_EXE_holmes-rs"))
                .arg("plan").env(name, text).current_dir(folder.path()).output().unwrap();
            let bash = std::process::Command::new("bash")
                .args(["--norc", "--noprofile", "-c", &line]).current_dir(folder.path()).output().unwrap();
            prop_assert_eq!(
                String::from_utf8_lossy(&ours.stdout), String::from_utf8_lossy(&bash.stdout), "{}", line
            );
        }
    }
}

/// How lists and pipelines end, as bash says it.
#[test]
fn a_plan_ends_as_bash_does() {
    let lines = [
        "true && echo a || echo b",
        "false && echo a || echo b",
        "true || echo a && echo b",
        "false || false; echo c",
        "false | true",
        "true | false",
        "seq 100000 | head -n 1",
        "yes | head -n 2; echo end",
        "ls /nowhere 2>&1 >/dev/null | wc -l",
        "ls /nowhere >/dev/null 2>&1 || echo failed",
        "cat < /nowhere",
        "cat < /nowhere | wc -c",
        "cat",
        "echo x 1>&2 2>/dev/null",
        "TZ=UTC date -d @0 +%H; TZ=Asia/Tokyo date -d @0 +%H",
        "printf '%s|' '' ' ' -- -n \"\" '--help'",
        "grep -q x /dev/null && echo yes; echo no",
        "expr 1 = 2 && echo same || echo other",
        "echo a; false",
    ];
    for line in lines {
        let plan = policy_once().judge(line).plan.unwrap_or_else(|| panic!("{line}: needs a shell"));
        let (name, text) = plan.for_environment().unwrap();
        let run = |command: &mut std::process::Command| {
            let ended = command.env("LC_ALL", "C").stdin(std::process::Stdio::null()).output().unwrap();
            (String::from_utf8_lossy(&ended.stdout).into_owned(), ended.status.code())
        };
        let ours =
            run(std::process::Command::new(env!("CARGO_BIN_EXE_holmes-rs")).arg("plan").env(name, text));
        let bash = run(std::process::Command::new("bash").args(["--norc", "--noprofile", "-c", line]));
        assert_eq!(ours, bash, "{line}");
    }
}

/// A file beside the command is no program, whatever PATH says of the folder it runs in.
#[test]
fn a_file_in_the_folder_is_no_program() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("whoami");
    fs::write(&file, "#!/bin/sh\necho owned\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let plan = policy_once().judge("whoami").plan.unwrap();
    let (name, text) = plan.for_environment().unwrap();
    for path in [".", "", ":", "./", "nowhere:."] {
        let ran = std::process::Command::new(env!("CARGO_BIN_EXE_holmes-rs"))
            .arg("plan")
            .env(&name, &text)
            .env("PATH", path)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(!String::from_utf8_lossy(&ran.stdout).contains("owned"), "PATH={path}");
        assert_eq!(ran.status.code(), Some(127), "PATH={path}");
    }
}

fn policy_once() -> &'static Policy {
    static ONCE: std::sync::OnceLock<Policy> = std::sync::OnceLock::new();
    ONCE.get_or_init(policy)
}

#[test]
fn long_and_deep_lines_are_judged_in_no_time() {
    let deep =
        |open: &str, close: &str, times: usize| format!("{}true{}", open.repeat(times), close.repeat(times));
    let hostile = [
        deep("$(", ")", 20_000),
        deep("(", ")", 20_000),
        deep("{ ", ";}", 10_000),
        deep("\"$(", ")\"", 10_000),
        deep("if true; then ", "; fi", 3_000),
        deep("${x:-", "}", 8_000),
        "`".repeat(60_000),
        "\\`".repeat(30_000),
        "a|".repeat(30_000),
        "a;".repeat(30_000),
        "'".repeat(60_001),
        format!("ls {}", "/".repeat(60_000)),
        format!("ls {}", "a/".repeat(30_000)),
        format!("ls {}", ":".repeat(60_000)),
        format!("cat {}", "=/".repeat(30_000)),
        format!("sudo {}ls", "sudo ".repeat(10_000)),
        format!("kubectl get {}", "-o ".repeat(20_000)),
        format!("find . {}", "-name '*' ".repeat(6_000)),
        format!("awk '{}'", "(".repeat(60_000)),
        format!("psql -c '{}'", "select (".repeat(7_000)),
        "x".repeat(65_537),
        "<<a ".repeat(10_000),
    ];
    for line in &hostile {
        let started = Instant::now();
        let judgement = policy_once().judge(line);
        let (taken, kib) = (started.elapsed().as_millis(), (line.len() as u128).div_ceil(1024));
        let start: String = line.chars().take(20).collect();
        assert!(taken <= 100 * kib, "{start}… took {taken} ms for {kib} KiB");
        assert!(judgement.verdict != Verdict::Read || judgement.plan.is_some(), "{start}…");
    }
}
