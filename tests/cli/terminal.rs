//! The terminal side of a session, on a pseudo-terminal: entries, keys while a turn runs, questions, modes put back.
//! The program is `examples/line-editor.rs`, which has no engine.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use expectrl::process::unix::Signal;
use rustix::termios::LocalModes;

use crate::support::Bench;
use crate::support::terminal::{
    ALT_ENTER, CTRL_C, CTRL_D, CTRL_J, CTRL_R, CTRL_Z, ENTER, ESCAPE, RIGHT, TAB, TerminalBench, UP,
};

/// The example, built once: cargo builds it with all tests, not with one of them.
fn example() -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT
        .get_or_init(|| {
            let folder = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().to_path_buf();
            let made = |path: &str| folder.join(path).metadata().and_then(|about| about.modified()).ok();
            // All tests together have built it with this very library.
            if made("examples/line-editor").is_some_and(|at| Some(at) >= made("libholmes_rs.rlib")) {
                return folder.join("examples/line-editor");
            }
            let mut build = Command::new(env!("CARGO"));
            build.args(["build", "--quiet", "--offline", "--example", "line-editor"]);
            build.arg("--manifest-path").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
            build.arg("--target-dir").arg(folder.parent().unwrap());
            if folder.ends_with("release") {
                build.arg("--release");
            }
            assert!(build.status().unwrap().success());
            folder.join("examples/line-editor")
        })
        .clone()
}

fn command(bench: &Bench) -> Command {
    let mut command = Command::new(example());
    bench.surround(&mut command).arg(bench.path("state/history"));
    command
}

fn editor(bench: &Bench, size: (u16, u16)) -> TerminalBench {
    let terminal = TerminalBench::start(command(bench), size);
    terminal.wait_until("the prompt", |screen| screen.starts_with('>'));
    terminal
}

/// Waits for an entry and the next prompt: what is typed before that is for nobody.
#[track_caller]
fn expect(terminal: &TerminalBench, printed: &str) {
    terminal.wait_until(&format!("`{printed}` and a prompt"), |screen| {
        screen.contains(printed) && screen.lines().next_back().is_some_and(|last| last.starts_with('>'))
    });
}

#[test]
fn entries_have_one_line_or_several() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(&format!("is it down?{ENTER}"));
    expect(&terminal, r#"{"entry":"is it down?"}"#);
    terminal.type_keys(&format!("one{ALT_ENTER}two{CTRL_J}three{ENTER}"));
    expect(&terminal, r#"{"entry":"one\ntwo\nthree"}"#);
    terminal.type_keys(&format!("first \\{ENTER}second{ENTER}"));
    expect(&terminal, r#"{"entry":"first \nsecond"}"#);
    terminal.type_keys(&format!("```{ENTER}code{ENTER}```{ENTER}"));
    expect(&terminal, r#"{"entry":"```\ncode\n```"}"#);
    terminal.type_keys(&format!("ümlaut 日本 🔥{ENTER}"));
    expect(&terminal, r#"{"entry":"ümlaut 日本 🔥"}"#);
    terminal.type_keys(CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
}

#[test]
fn pastes_are_one_entry_however_long() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    terminal.paste("line one\nline two\n\u{1b}[31mred\n");
    terminal.wait_for("line two");
    terminal.type_keys(ENTER);
    expect(&terminal, r#""entry":"line one\nline two\n"#);
    let line = format!("{}\n", "x".repeat(99));
    terminal.paste(&line.repeat(10_000));
    terminal.type_keys(ENTER);
    expect(&terminal, r#"{"bytes":999999,"lines":10000}"#);
}

#[test]
fn history_is_of_all_sessions_and_of_nothing_secret() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    for entry in ["first", "two\\\nlines", " unkept", "last", "token hunter2", "token hunter2"] {
        terminal.type_keys(&format!("{}{ENTER}", entry.replace('\n', ENTER)));
        let shown = serde_json::to_string(&entry.replace('\\', "")).unwrap();
        expect(&terminal, &format!(r#"{{"entry":{shown}}}"#));
        terminal.type_keys("\x0c");
        terminal.wait_until("a clear screen", |screen| screen == ">");
    }
    terminal.type_keys(CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
    assert_eq!(bench.read("state/history"), "\"first\"\n\"two\\nlines\"\n\"last\"\n\"token [redacted]\"\n");

    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(UP);
    terminal.wait_for("> token [redacted]");
    terminal.type_keys(&format!("{UP}{UP}{ENTER}"));
    expect(&terminal, r#"{"entry":"two\nlines"}"#);
    terminal.type_keys(&format!("{CTRL_R}fir"));
    terminal.wait_for("first");
    terminal.type_keys(ENTER);
    expect(&terminal, r#"{"entry":"first"}"#);
}

#[test]
fn tab_completes_and_hints_are_taken_with_the_arrow() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(&format!("/s{TAB}"));
    terminal.wait_for("/shell");
    terminal.type_keys(&format!("e{TAB}{ENTER}"));
    expect(&terminal, r#"{"entry":"/shell"}"#);
    terminal.type_keys("/he");
    terminal.wait_for("/help");
    terminal.type_keys(&format!("{RIGHT}{ENTER}"));
    expect(&terminal, r#"{"entry":"/help"}"#);
    terminal.type_keys(&format!("about 日{TAB}{ENTER}"));
    expect(&terminal, r#"{"entry":"about 日本語"}"#);
    terminal.type_keys(&format!("ho{TAB}{ENTER}"));
    expect(&terminal, r#"{"entry":"hostile"}"#);
}

#[test]
fn ctrl_c_is_for_the_line_first_and_bytes_that_are_no_text_harm_nothing() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(&format!("half a thought{CTRL_C}"));
    terminal.wait_until("an empty prompt", |screen| screen.ends_with("\n>"));
    terminal.type_keys(CTRL_C);
    expect(&terminal, r#"{"interrupted":true}"#);
    terminal.type_keys("kept");
    terminal.wait_for("> kept");
    terminal.type_bytes(b"\xff\xfe\x80");
    terminal.wait_until("the line again", |screen| screen.matches("> kept").count() == 2);
    terminal.type_keys(ENTER);
    expect(&terminal, r#"{"entry":"kept"}"#);
}

#[test]
fn lines_are_drawn_anew_in_a_window_of_another_size() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    let text = "a question that is longer than twenty columns, 日本語";
    terminal.type_keys(text);
    terminal.wait_for(text);
    terminal.resize(20, 10);
    terminal.wait_until("a narrow line", |screen| screen.contains("> a question that is\n"));
    terminal.resize(100, 30);
    terminal.wait_until("a wide line", |screen| screen.contains(text));
    terminal.type_keys(ENTER);
    expect(&terminal, &format!(r#"{{"entry":"{text}"}}"#));
}

#[test]
fn escape_stops_a_turn_arrows_do_not_and_the_rest_is_typed_ahead() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(&format!("turn{ENTER}"));
    terminal.wait_for("turn begins");
    // Nothing of this is Escape, and what is text waits for the prompt, the correction included.
    terminal.type_keys(&format!("{UP}{RIGHT}{TAB}next que5\x7fstion{ENTER}"));
    terminal.type_keys(ESCAPE);
    terminal.wait_for(r#"{"key":"Escape"}"#);
    terminal.wait_for(">  next question");
    assert_eq!(terminal.screen().matches("next question").count(), 1);
    terminal.type_keys(&format!("!{ENTER}"));
    expect(&terminal, r#"next question!"}"#);
}

#[test]
fn ctrl_c_of_a_turn_is_a_signal_and_the_terminal_is_put_back() {
    let bench = Bench::new();
    let script = "trap : INT; stty -g >before; \"$0\" \"$@\"; echo \"code $?\"; stty -g >after; read end";
    let wrapped = |bench: &Bench| {
        let inner = command(bench);
        let mut outer = Command::new("sh");
        bench.surround(&mut outer).args(["-c", script]).arg(inner.get_program()).args(inner.get_args());
        let terminal = TerminalBench::start(outer, (80, 24));
        terminal.wait_until("the prompt", |screen| screen.starts_with('>'));
        terminal
    };
    let same = |bench: &Bench| assert_eq!(bench.read("before"), bench.read("after"));

    let mut terminal = wrapped(&bench);
    terminal.type_keys(&format!("turn{ENTER}"));
    terminal.wait_for("turn begins");
    terminal.type_keys(CTRL_C);
    expect(&terminal, r#"{"key":"SIGINT"}"#);
    terminal.type_keys(CTRL_D);
    terminal.wait_for("code 0");
    terminal.type_keys(ENTER);
    assert_eq!(terminal.wait_exit(), 0);
    same(&bench);

    let mut terminal = wrapped(&bench);
    terminal.type_keys(&format!("panic{ENTER}"));
    terminal.wait_for("code 101");
    terminal.type_keys(ENTER);
    assert_eq!(terminal.wait_exit(), 0);
    same(&bench);
}

#[test]
fn a_program_that_is_told_to_end_leaves_the_terminal_as_it_was() {
    let bench = Bench::new();
    let mut terminal = TerminalBench::start(command(&bench), (80, 24));
    terminal.wait_until("the prompt", |screen| screen.starts_with('>'));
    assert!(!terminal.echoes());
    terminal.signal(Signal::SIGTERM);
    terminal.wait_for("terminated");
    assert_eq!(terminal.wait_exit(), 1);
    assert!(terminal.echoes());
    assert!(terminal.printed().trim_end().ends_with("terminated"));
}

#[test]
fn stopped_and_continued_jobs_give_the_terminal_back_and_take_it_again() {
    let bench = Bench::new();
    let inner = command(&bench);
    let mut outer = Command::new("bash");
    // A shell with jobs that leaves the modes of the terminal alone, as plain ones do.
    let script = "set -m; \"$0\" \"$@\"; stty -a >stopped; echo STOPPED; read; fg; stty -a >again; echo AGAIN; read; fg; echo OVER";
    bench.surround(&mut outer).args(["-c", script]).arg(inner.get_program()).args(inner.get_args());
    let mut terminal = TerminalBench::start(outer, (80, 24));
    terminal.wait_until("the prompt", |screen| screen.starts_with('>'));
    terminal.type_keys(&format!("turn{ENTER}"));
    terminal.wait_for("turn begins");
    assert!(!terminal.echoes());
    terminal.type_keys(&format!("ahead{CTRL_Z}"));
    terminal.wait_for("STOPPED");
    assert!(bench.read("stopped").contains(" echo "), "{}", bench.read("stopped"));
    terminal.type_keys("\n");
    terminal.wait_until_echo_is(false);
    terminal.type_keys(ESCAPE);
    terminal.wait_for(r#"{"key":"Escape"}"#);
    terminal.wait_for("> ahead");
    // And while a line is edited.
    terminal.type_keys(CTRL_Z);
    terminal.wait_for("AGAIN");
    assert!(bench.read("again").contains(" echo "), "{}", bench.read("again"));
    terminal.type_keys("\n");
    terminal.wait_until_echo_is(false);
    terminal.type_keys(&format!(" of time{ENTER}"));
    terminal.wait_for(r#"{"entry":"ahead of time"}"#);
    terminal.wait_until("a prompt", |screen| screen.ends_with('>'));
    terminal.type_keys(CTRL_D);
    terminal.wait_for("OVER");
}

#[test]
fn modes_that_somebody_else_changed_during_a_turn_are_taken_back() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(&format!("turn{ENTER}"));
    terminal.wait_for("turn begins");
    terminal.change_modes(|modes| modes.local_modes.insert(LocalModes::ECHO | LocalModes::ICANON));
    terminal.wait_until_echo_is(false);
    terminal.type_keys(ESCAPE);
    expect(&terminal, r#"{"key":"Escape"}"#);
}

#[test]
fn a_question_is_answered_by_what_is_typed_after_it() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    for (keys, choice) in [
        ("q\x1b[Ay", r#"{"choice":"Key('y')"}"#),
        ("S", r#"{"choice":"Key('s')"}"#),
        (ENTER, r#"{"choice":"No"}"#),
        (ESCAPE, r#"{"choice":"No"}"#),
        (CTRL_D, r#"{"choice":"No"}"#),
        (CTRL_C, r#"{"choice":"Interrupted"}"#),
    ] {
        terminal.type_keys(&format!("ask{ENTER}"));
        terminal.wait_for("turn begins");
        // A yes that was typed before there was a question is none.
        terminal.type_keys("yy");
        terminal.type_keys(ESCAPE);
        terminal.wait_for("(Enter: no)");
        assert!(!terminal.screen().contains("choice\""), "{}", terminal.screen());
        terminal.type_keys(keys);
        terminal.wait_for(choice);
        terminal.wait_for("> yy");
        assert!(terminal.screen().contains("\nIt changes things\n"), "{}", terminal.screen());
        // The screen is cleared for the next round.
        terminal.type_keys(CTRL_C);
        terminal.wait_until("an empty prompt", |screen| screen.ends_with("\n>"));
        terminal.type_keys("\x0c");
        terminal.wait_until("a clear screen", |screen| screen == ">");
    }
}

#[test]
fn one_line_is_asked_for_as_the_terminal_edits_it() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(&format!("why{ENTER}"));
    terminal.wait_for("Why not?");
    terminal.type_keys("use dry-runn\x7f\n");
    expect(&terminal, r#"{"why":"use dry-run"}"#);
    terminal.type_keys(&format!("why{ENTER}"));
    terminal.wait_until("the question", |screen| screen.ends_with("Why not?"));
    terminal.type_keys(&format!("never mind{CTRL_C}"));
    expect(&terminal, r#"{"why":null}"#);
}

#[test]
fn a_dumb_terminal_gets_lines_and_no_escape_sequence() {
    for bench in [Bench::new().env("TERM", "dumb"), Bench::new().env("HOLMES_PLAIN", "1")] {
        let mut terminal = editor(&bench, (80, 24));
        terminal.type_keys("one \\\ntwo ü\n");
        expect(&terminal, r#"{"entry":"one \ntwo ü"}"#);
        terminal.type_keys(&format!("no{CTRL_C}"));
        terminal.wait_until("an empty prompt", |screen| screen.ends_with("no^C\n>"));
        terminal.type_keys(CTRL_C);
        expect(&terminal, r#"{"interrupted":true}"#);
        terminal.type_keys("turn\n");
        terminal.wait_for("turn begins");
        terminal.type_keys("ahead");
        terminal.type_keys(ESCAPE);
        expect(&terminal, "> ahead");
        terminal.type_keys(" of time\n");
        expect(&terminal, r#"{"entry":"ahead of time"}"#);
        terminal.type_keys("tools\n");
        terminal.wait_for("tools begins");
        terminal.type_keys(ESCAPE);
        expect(&terminal, r#"{"entry":"tools"}"#);
        terminal.type_keys(CTRL_D);
        assert_eq!(terminal.wait_exit(), 0);
        assert!(!terminal.printed().contains('\u{1b}'), "{:?}", terminal.printed());
        assert!(terminal.echoes());
    }
}

#[test]
fn without_a_terminal_lines_are_read_as_they_come() {
    use std::io::Write as _;
    use std::process::Stdio;

    let bench = Bench::new();
    let mut child =
        command(&bench).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"one\r\ntwo \\\nlines\n\xff\n```\nnever closed").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "{\"entry\":\"one\"}\n{\"entry\":\"two \\nlines\"}\n{\"entry\":\"\u{fffd}\"}\n{\"entry\":\"```\\nnever closed\"}\nend\n"
    );
    assert!(output.stderr.is_empty());
}

#[test]
fn running_tools_have_a_line_each_as_far_as_there_is_room() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (60, 12));
    terminal.type_keys(&format!("tools{ENTER}"));
    terminal.wait_for("and 23 more");
    terminal.wait_for("KB");
    let screen = terminal.screen();
    assert!(screen.contains("E1 logs of 日本語-1 that"), "{screen}");
    assert!(screen.contains("E7 "), "{screen}");
    assert!(!screen.contains("E8 "), "{screen}");
    // Cut, never wrapped: every line begins with its spinner.
    let lines: Vec<&str> = screen.lines().filter(|line| line.contains("日本語")).collect();
    assert_eq!(lines.len(), 7, "{screen}");
    terminal.resize(20, 12);
    terminal.wait_until("cut lines", |screen| {
        let lines: Vec<&str> = screen.lines().filter(|line| line.contains(" E")).collect();
        lines.len() >= 7 && lines.iter().rev().take(7).all(|line| line.ends_with('s'))
    });
    terminal.type_keys(ESCAPE);
    expect(&terminal, r#"{"key":"Escape"}"#);
    assert!(!terminal.screen().lines().next_back().unwrap().contains('E'), "{}", terminal.screen());
}

#[test]
fn long_text_goes_through_the_pager_of_the_person() {
    let bench = Bench::new().env("PAGER", "head -n 3; echo $LESSSECURE; exit 3");
    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(&format!("page{ENTER}"));
    terminal.wait_for("line 3\n1\npaged");
    assert!(!terminal.screen().contains("line 4"));
    let bench = Bench::new().env("PAGER", "no-such-pager-here");
    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(&format!("page{ENTER}"));
    terminal.wait_for("line 500\npaged");
}

#[test]
fn a_command_in_the_foreground_has_the_terminal_and_ctrl_c() {
    let bench = Bench::new();
    let mut terminal = editor(&bench, (80, 24));
    terminal.type_keys(&format!("run stty -echo; echo waits; read line; sleep 600{ENTER}"));
    terminal.wait_for("\nwaits");
    terminal.type_keys(CTRL_C);
    terminal.wait_for("signal: Some(2)");
    expect(&terminal, "Ok(Left");
    terminal.type_keys(&format!("still here{ENTER}"));
    expect(&terminal, r#"{"entry":"still here"}"#);
    terminal.type_keys(CTRL_D);
    assert_eq!(terminal.wait_exit(), 0);
    assert!(terminal.echoes());
}
