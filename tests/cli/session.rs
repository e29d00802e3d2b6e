//! `ask -i` on a real terminal, with a scripted model: what a person types, and what the model is then sent.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Bench;
use crate::support::terminal::{CTRL_C, CTRL_D, ENTER, ESCAPE, TAB, TerminalBench, UP};

const LOOK: &str = "printf 'one\\ndisk 100%% full\\nthree\\n'";

fn look() -> Value {
    json!({"call": [{"tool": "look", "arguments": {}}]})
}

/// The answer of `look`, which cites its second line.
fn full(cause: &str) -> Value {
    json!({"call": [{"tool": "answer", "arguments": {
        "root_cause": cause, "verdict": "problem_found", "confidence": "high",
        "findings": [{"claim": "no space", "exhibit": "E1", "quote": "disk 100% full"}],
        "fix": ["df -h"],
    }}]})
}

fn bench(replies: Value) -> Bench {
    Bench::new()
        .env("HOLMES_CONTAINMENT", "off")
        .tools(&[("look", LOOK)])
        .env("PAGER", "cat")
        .env("SHELL", "/bin/sh")
        .model(replies)
}

/// A session and the prompts that were seen of it: what was on the screen before a line was typed answers nothing.
struct Talk {
    terminal: TerminalBench,
    prompts: usize,
}

impl std::ops::Deref for Talk {
    type Target = TerminalBench;

    fn deref(&self) -> &TerminalBench {
        &self.terminal
    }
}

impl std::ops::DerefMut for Talk {
    fn deref_mut(&mut self) -> &mut TerminalBench {
        &mut self.terminal
    }
}

/// How the editor begins each line.
const BEGINS: &str = "\u{1b}[?2004h";

impl Talk {
    /// Waits until there is another prompt, and this was said.
    #[track_caller]
    fn prompted(&mut self, said: &str) {
        let (terminal, seen) = (&self.terminal, self.prompts);
        terminal.wait_until(&format!("`{said}` and another prompt"), |screen| {
            let text = screen.split_whitespace().collect::<Vec<_>>().join(" ");
            let last = screen.lines().next_back().unwrap_or_default();
            text.contains(said) && last.starts_with("holmes>")
        });
        let end = Instant::now() + Duration::from_secs(30);
        while terminal.printed().matches(BEGINS).count() <= seen {
            assert!(Instant::now() < end, "no other prompt came:\n{}", terminal.screen());
            std::thread::yield_now();
        }
        // Said before that prompt, not only before the last one.
        terminal.wait_until(&format!("`{said}`"), |screen| {
            screen.split_whitespace().collect::<Vec<_>>().join(" ").contains(said)
        });
        self.prompts = terminal.printed().matches(BEGINS).count();
    }

    #[track_caller]
    fn types(&mut self, line: &str, said: &str) {
        self.terminal.type_keys(&format!("{line}{ENTER}"));
        self.prompted(said);
    }
}

fn start(bench: &Bench, more: &[&str], size: (u16, u16)) -> Talk {
    let args = ["ask", "-i", "-t", "tools.yaml"].iter().chain(more);
    Talk { terminal: TerminalBench::spawn(bench, args, size), prompts: 0 }
}

fn session(bench: &Bench) -> Talk {
    let mut terminal = start(bench, &[], (100, 40));
    terminal.prompted("Ctrl-D leaves");
    terminal
}

fn leaves(mut terminal: Talk, bench: &Bench) {
    terminal.type_keys(CTRL_D);
    assert_eq!(terminal.wait_exit(), 0, "{}", terminal.screen());
    let violations = bench.scripted().violations();
    assert!(violations.is_empty(), "{violations:#?}");
}

fn sent(bench: &Bench, request: usize) -> String {
    bench.scripted().requests()[request].body.to_string()
}

#[test]
fn a_follow_up_keeps_evidence_and_numbers() {
    let bench = bench(json!([look(), full("first cause"), look(), full("second cause")]));
    let mut terminal = session(&bench);
    assert!(terminal.screen().contains("scripted"), "{}", terminal.screen());
    terminal.types("why is it down?", "first cause");
    terminal.types("and now?", "second cause");
    let second = sent(&bench, 3);
    assert!(second.contains("E1 look") && second.contains("E2 look"), "{second}");
    terminal.types("/show", "▶ E1");
    assert!(terminal.screen().contains("E2"), "{}", terminal.screen());
    terminal.types("/show 1", "▶ 2 disk 100% full");
    terminal.types("/last", "disk 100% full");
    terminal.types("/cost", "in all: 4 calls");
    terminal.types("/context", "results");
    terminal.types("/undo", "taken back: and now?");
    terminal.types("/undo", "taken back: why is it down?");
    terminal.types("/undo", "there is nothing to take back");
    leaves(terminal, &bench);
}

#[test]
fn what_is_no_question_asks_no_model() {
    let bench = bench(json!([{"say": "an answer", "repeat": true}])).file("notes.txt", "n");
    let mut terminal = session(&bench);
    for (line, said) in [
        ("/exot", "the nearest is `/exit`"),
        ("/con", "`/con` may be `/context`, `/config`"),
        ("", ""),
        ("/help", "run a command, look"),
        ("/help show", "lines that an answer cites are marked"),
        ("/help nothing", "no command"),
        ("/show", "there are no exhibits yet"),
        ("/last", "there is no answer yet"),
        ("/cost", "nothing was asked yet"),
        ("/undo", "there is nothing to take back"),
        ("/retry", "nothing was asked yet"),
        ("/compact", "nothing was asked yet"),
        ("/clear", "nothing was asked yet"),
        ("/save", "where to?"),
        ("/save x.md", "there is no answer yet"),
        ("/export", "in which form?"),
        ("/export pdf", "no report has the form `pdf`"),
        ("/run", "what is to be run?"),
        ("/file", "no file goes with the next question"),
        ("/file nowhere.log", "`nowhere.log`: there is no such file"),
        ("/file no*.txt", "notes.txt, 1 B"),
        ("/file -", "no file goes with"),
        ("/focus", "nothing is in force"),
        ("/focus H7", "there is no hypothesis `H7`"),
        ("/rule-out the network", "said with every question from now on: the network"),
        ("/rule-out -", "dropped"),
        ("/runbook nosuchbook", "there is no runbook `nosuchbook`"),
        ("/resume nosuchrun", "there is no run `nosuchrun`"),
        ("/tools look", "1 tool"),
        ("/tools nosuchword", "no tool has `nosuchword`"),
        ("/toolsets", "enabled"),
        ("/config max_steps", "max_steps: 100"),
        ("/config nosuchkey_at_all", "there is no setting"),
        ("/context", "left"),
        ("/auto", "each tool's output is shown"),
        ("/auto", "tools show one line each"),
        ("/approve", "allowed"),
        ("/model", "scripted answers"),
    ] {
        terminal.types(line, said);
    }
    assert!(bench.scripted().requests().is_empty());
    // A path is a question.
    terminal.types("/var/log/nothing why is it full", "an answer");
    assert_eq!(bench.scripted().requests().len(), 1);
    terminal.type_keys(&format!("/exit{ENTER}"));
    assert_eq!(terminal.wait_exit(), 0);
    assert!(terminal.printed().contains("ask -c"), "{}", terminal.screen());
}

#[test]
fn a_stopped_turn_leaves_what_was_gathered_and_the_session() {
    let bench = bench(json!([
        {"call": [{"tool": "look", "arguments": {}}, {"tool": "slow", "arguments": {}}]},
        full("after all"),
    ]))
    .tools(&[("look", LOOK), ("slow", "echo $$ > \"$HOME/slow.pid\"; exec sleep 300")])
    // The tool tells this test that it runs.
    .env("HOLMES_CONTAINMENT", "off");
    let mut terminal = session(&bench);
    terminal.type_keys(&format!("why?{ENTER}"));
    terminal.wait_for("E1 look");
    until("the slow tool runs", || bench.path("slow.pid").exists());
    terminal.type_keys(ESCAPE);
    terminal.prompted("interrupted");
    terminal.types("what do you know?", "after all");
    let request = sent(&bench, 1);
    assert!(request.contains("disk 100% full") && request.contains("what do you know?"), "{request}");
    leaves(terminal, &bench);
}

#[test]
fn a_running_tool_tells_how_much_it_has_said() {
    let bench = bench(json!([{"call": [{"tool": "grows", "arguments": {}}]}, {"say": "an answer"}]))
        .tools(&[("grows", "head -c 5120 /dev/zero | tr '\\0' x; echo; exec sleep 300")]);
    let mut terminal = session(&bench);
    terminal.type_keys(&format!("why?{ENTER}"));
    terminal.wait_until("the size while it runs", |screen| {
        screen.lines().any(|line| line.contains("E1 grows") && line.contains("5.1 KB"))
    });
    terminal.type_keys(ESCAPE);
    terminal.prompted("interrupted");
    leaves(terminal, &bench);
}

#[test]
fn the_second_ctrl_c_leaves_and_no_process_stays() {
    let bench = bench(json!([{"call": [{"tool": "slow", "arguments": {}}]}]))
        .tools(&[("slow", "trap '' INT TERM; echo $$ > \"$HOME/slow.pid\"; while :; do sleep 1; done")])
        .env("HOLMES_CONTAINMENT", "off");
    let mut terminal = session(&bench);
    terminal.type_keys(&format!("why?{ENTER}"));
    until("the tool runs", || bench.path("slow.pid").metadata().is_ok_and(|about| about.len() > 1));
    let pid: i32 = bench.read("slow.pid").trim().parse().unwrap();
    terminal.type_keys(CTRL_C);
    terminal.wait_for("interrupted");
    terminal.type_keys(CTRL_C);
    let code = terminal.wait_exit();
    assert_eq!(code, 130, "{}", terminal.screen());
    until("its process is gone", || !std::path::Path::new(&format!("/proc/{pid}")).exists());
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: it did not come");
        std::thread::yield_now();
    }
}

#[test]
fn what_a_person_runs_is_shared_only_when_wanted_and_without_secrets() {
    let bench = bench(json!([{"say": "first answer"}, {"say": "second answer"}]))
        .env("DB_PASSWORD", "correct-horse-battery-staple");
    let mut terminal = session(&bench);
    terminal.type_keys(&format!("!echo for me alone; echo $DB_PASSWORD{ENTER}"));
    terminal.wait_for("share it with the model?");
    assert!(terminal.screen().contains("exit 0"), "{}", terminal.screen());
    terminal.type_keys("n");
    terminal.prompted("keep it to yourself");
    terminal.type_keys(&format!("/run echo told $DB_PASSWORD; exit 3{ENTER}"));
    terminal.wait_for("exit 3, 1 line");
    terminal.wait_until("the question", |screen| screen.matches("share it with the model?").count() == 2);
    terminal.type_keys("y");
    terminal.prompted("E1 goes with the next question");
    terminal.types("!cd /", "exit 0, no output");
    terminal.types("why?", "first answer");
    let request = sent(&bench, 0);
    assert!(request.contains("E1 user_command") && request.contains("told <secret:"), "{request}");
    assert!(!request.contains("for me alone") && !request.contains("correct-horse"), "{request}");
    // Once.
    terminal.types("again?", "second answer");
    assert_eq!(sent(&bench, 1).matches("E1 user_command").count(), 1);
    leaves(terminal, &bench);
}

#[test]
fn a_question_taken_back_is_not_sent_and_one_asked_again_is() {
    let bench = bench(json!([
        {"say": "first answer"}, {"say": "second answer"}, {"say": "third answer"}, {"say": "fourth answer"},
    ]))
    .file("a b.log", "what the file says\n");
    let mut terminal = session(&bench);
    terminal.types("alpha?", "first answer");
    terminal.types("/file 'a b.log'", "a b.log, 19 B");
    terminal.types("beta?", "second answer");
    terminal.types("/retry", "third answer");
    let request = sent(&bench, 2);
    assert!(!request.contains("second answer") && request.contains("first answer"), "{request}");
    assert!(request.contains("beta?") && request.contains("what the file says"), "{request}");
    terminal.types("/undo", "taken back: beta?");
    terminal.types("/focus the disk", "said with every question");
    terminal.types("gamma?", "fourth answer");
    let request = sent(&bench, 3);
    assert!(!request.contains("beta?") && request.contains("alpha?"), "{request}");
    assert!(request.contains("look here first: the disk"), "{request}");
    leaves(terminal, &bench);
}

/// Names of the threads of the program.
fn threads(pid: i32) -> Vec<String> {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let name =
        |task: std::fs::DirEntry| std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.map(name).map(|name| name.trim().to_owned()).collect()
}

#[test]
fn only_the_line_hears_keys_between_turns() {
    if !cfg!(target_os = "linux") {
        println!("SKIPPED: threads are looked at in /proc");
        return;
    }
    let bench = bench(json!([{"say": "first answer"}, {"say": "second answer"}]));
    let mut terminal = session(&bench);
    for (line, answer) in [("one?", "first answer"), ("two?", "second answer")] {
        terminal.types(line, answer);
        let threads = threads(terminal.pid());
        assert!(threads.contains(&"editor".to_owned()), "{threads:?}");
        assert!(!threads.contains(&"keys".to_owned()), "{threads:?}");
    }
    leaves(terminal, &bench);
}

#[test]
fn the_rules_answer_for_a_model_and_give_the_word_back() {
    let bench = bench(json!([{"say": "first answer"}, {"say": "second answer"}]));
    let mut terminal = session(&bench);
    terminal.types("one?", "first answer");
    terminal.types("/model rules", "the built-in rules answer from here on");
    terminal.types("two?", "Inconclusive");
    assert_eq!(bench.scripted().requests().len(), 1);
    terminal.types("/model scripted", "scripted answers from here on");
    terminal.types("three?", "second answer");
    assert!(sent(&bench, 1).contains("first answer"));
    leaves(terminal, &bench);
}

#[test]
fn a_shared_command_was_checked_whatever_its_exit_code() {
    let bench = bench(json!([{"say": "first answer"}]));
    let mut terminal = session(&bench);
    terminal.type_keys(&format!("!echo 1c1; exit 1{ENTER}"));
    terminal.wait_for("share it with the model?");
    terminal.type_keys("y");
    terminal.prompted("E1 goes with the next question");
    terminal.types("why?", "first answer");
    terminal.types("/save last.json", "written: last.json");
    let last: Value = serde_json::from_str(&bench.read("last.json")).unwrap();
    assert!(!last["not_checked"].to_string().contains("user_command"), "{}", last["not_checked"]);
    leaves(terminal, &bench);
}

#[test]
fn a_taken_up_run_is_asked_again_and_a_pasted_question_is_one() {
    let bench = bench(json!([{"say": "first answer"}, {"say": "second answer"}, {"say": "third answer"}]));
    let mut terminal = session(&bench);
    terminal.types("alpha?", "first answer");
    leaves(terminal, &bench);
    let first = runs(&bench).remove(0);
    let mut terminal = start(&bench, &["--resume", &first], (100, 40));
    terminal.prompted("asked: alpha?");
    terminal.types("/retry", "second answer");
    let request = sent(&bench, 1);
    assert!(request.contains("alpha?") && !request.contains("first answer"), "{request}");
    terminal.paste("a log:\nline one\nline two");
    terminal.type_keys(ENTER);
    terminal.prompted("third answer");
    assert!(sent(&bench, 2).contains("a log:\\nline one\\nline two"), "{}", sent(&bench, 2));
    leaves(terminal, &bench);
}

#[test]
fn a_shell_is_left_and_nothing_of_it_is_kept() {
    let bench = bench(json!([{"say": "first answer"}]));
    let mut terminal = session(&bench);
    terminal.type_keys(&format!("/shell{ENTER}"));
    terminal.wait_for("`exit` comes back");
    terminal.type_keys(&format!("echo from-$((6*7))-shell{ENTER}"));
    terminal.wait_for("from-42-shell");
    terminal.type_keys(&format!("exit{ENTER}"));
    terminal.prompted("back in holmes-rs (exit 0)");
    terminal.types("why?", "first answer");
    assert!(!sent(&bench, 0).contains("from-42-shell"));
    leaves(terminal, &bench);
}

#[test]
fn another_model_answers_and_a_wrong_name_has_a_nearest_one() {
    let bench = bench(json!([{"say": "first answer"}, {"say": "second answer", "model": "other-model"}]));
    let list = format!(
        "first:\n  model: scripted\n  api_base: {0}\nsecond:\n  model: other-model\n  api_base: {0}\n  \
         custom_args: {{max_context_size: 64000}}\n",
        bench.scripted().base_url()
    );
    let bench =
        bench.file("models.yaml", list).env("MODEL_LIST_FILE_LOCATION", "models.yaml").env("MODEL", "first");
    let mut terminal = session(&bench);
    terminal.types("one?", "first answer");
    terminal.types("/model secnd", "did you mean `second`?");
    terminal.types("/model", "other-model");
    terminal.types("/model second", "answers from here on, with a window of 64 k tokens");
    terminal.types("/context", "window of 64 k tokens");
    terminal.types("two?", "second answer");
    assert_eq!(bench.scripted().requests()[1].body["model"], "other-model");
    assert!(sent(&bench, 1).contains("first answer"));
    leaves(terminal, &bench);
}

#[test]
fn the_report_holds_every_question() {
    let bench = bench(json!([look(), full("first cause"), {"say": "second words"}]));
    let mut terminal = session(&bench);
    terminal.types("alpha question?", "first cause");
    terminal.types("beta question?", "second words");
    terminal.types("/export md out.md", "written: out.md");
    terminal.types("/export html out.html", "written: out.html");
    terminal.types("/export json out.json", "written: out.json");
    terminal.types("/export md", "written: holmes-run-");
    terminal.types("/save last.txt", "written: last.txt");
    terminal.types("/save last.pdf", "no form is known by `.pdf`");
    for file in ["out.md", "out.html", "out.json"] {
        let text = bench.read(file);
        for part in ["alpha question?", "beta question?", "first cause", "second words", "disk 100% full"] {
            assert!(text.contains(part), "{part} in {file}: {text}");
        }
    }
    assert!(bench.read("last.txt").contains("second words"));
    let json: Value = serde_json::from_str(&bench.read("out.json")).unwrap();
    assert_eq!(json["metadata"]["turns"].as_array().unwrap().len(), 2);
    // What is there is not replaced unasked.
    terminal.type_keys(&format!("/save last.txt{ENTER}"));
    terminal.wait_for("is there already");
    terminal.type_keys("n");
    terminal.prompted("not written");
    leaves(terminal, &bench);
}

/// Ids of what is recorded.
fn runs(bench: &Bench) -> Vec<String> {
    let entries = std::fs::read_dir(bench.path(".local/state/holmes-rs/runs")).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn another_run_is_taken_up_and_a_run_goes_on() {
    let bench = bench(json!([{"say": "first answer"}, {"say": "second answer"}, {"say": "third answer"}]));
    let mut terminal = session(&bench);
    terminal.types("alpha?", "first answer");
    terminal.type_keys(CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
    let first = runs(&bench).remove(0);
    let mut terminal = session(&bench);
    // The history is of all sessions.
    terminal.type_keys(UP);
    terminal.wait_for("holmes> alpha?");
    terminal.type_keys(CTRL_C);
    terminal.prompted("");
    terminal.types("beta?", "second answer");
    terminal.type_keys(&format!("/resu{TAB}"));
    terminal.wait_for("holmes> /resume");
    terminal.type_keys(CTRL_C);
    terminal.prompted("");
    let second = runs(&bench).into_iter().find(|run| *run != first).unwrap();
    terminal.types(&format!("/resume {second}"), "it is the run you are in");
    terminal.types(&format!("/resume {first}"), "asked: alpha?");
    terminal.types("gamma?", "third answer");
    let request = sent(&bench, 2);
    assert!(request.contains("alpha?") && !request.contains("beta?"), "{request}");
    leaves(terminal, &bench);
}

#[test]
fn a_dying_endpoint_does_not_end_the_session() {
    let bench = bench(json!([
        {"say": "first answer"},
        {"status": 401, "body": {"error": {"message": "no such key"}}},
        {"say": "back again"},
    ]));
    let mut terminal = session(&bench);
    terminal.types("one?", "first answer");
    terminal.types("two?", "no such key");
    terminal.types("three?", "back again");
    leaves(terminal, &bench);
}

#[test]
fn narrow_and_dumb_terminals_are_served() {
    let bench = bench(json!([look(), full("first cause")]));
    let mut terminal = start(&bench, &[], (40, 30));
    terminal.prompted("Ctrl-D leaves.");
    terminal.types("why?", "first cause");
    for line in ["/help", "/context", "/show", "/show 1", "/cost", "/tools", "/toolsets"] {
        terminal.types(line, "");
    }
    terminal.resize(100, 30);
    terminal.types("/help", "run a command, look, then decide whether to share it (also !CMD)");
    leaves(terminal, &bench);

    let bench = self::bench(json!([look(), full("first cause")])).env("TERM", "dumb");
    let mut terminal = start(&bench, &[], (80, 24)).terminal;
    terminal.wait_for("holmes>");
    terminal.type_keys(&format!("why?{ENTER}"));
    terminal.wait_for("first cause");
    terminal.type_keys(&format!("/show 1{ENTER}"));
    terminal.wait_for("> 2  disk 100% full");
    terminal.type_keys(&format!("/exit{ENTER}"));
    assert_eq!(terminal.wait_exit(), 0);
    assert!(!terminal.printed().contains('\u{1b}'), "{:?}", terminal.printed());
}

#[test]
fn without_a_model_the_rules_look_anew() {
    let bench = Bench::new().env("HOLMES_CONTAINMENT", "off").tools(&[("look", LOOK)]).env("PAGER", "cat");
    let mut terminal = start(&bench, &["--no-llm"], (100, 40));
    terminal.prompted("the built-in rules answer");
    terminal.types("why is the disk full?", "Inconclusive");
    terminal.types("and this?", "and this?");
    terminal.types("/context", "know no window");
    terminal.types("/cost", "no tokens counted");
    terminal.type_keys(CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
}
