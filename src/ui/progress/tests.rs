use std::cell::RefCell;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use insta::assert_snapshot;
use serde_json::Map;

use super::*;
use crate::agent::{Arguments, AssistantMessage, Limit, ToolCall};
use crate::evidence::Exhibit;
use crate::evidence::ShownSummary;
use crate::evidence::view::size;

#[derive(Clone, Default)]
struct Screen(Rc<RefCell<Vec<u8>>>);

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn shown(terminal: Terminal, options: ProgressOptions, events: &[Event]) -> String {
    let screen = Screen::default();
    let mut progress = Progress::to(ErrorOutput::to(Box::new(screen.clone())), terminal, options);
    for event in events {
        progress.event(event);
    }
    drop(progress);
    let bytes = screen.0.borrow().clone();
    String::from_utf8(bytes).unwrap()
}

fn exhibit(id: u32, status: Status, exit_code: Option<i32>, error: Option<&str>) -> Exhibit {
    Exhibit {
        id,
        call_id: format!("call_{id}"),
        tool: "kubectl_describe".to_owned(),
        toolset: "kubernetes/core".to_owned(),
        description: "kubectl describe pod payments -n shop".to_owned(),
        params: Map::new(),
        invocation: "kubectl describe pod payments -n shop".to_owned(),
        status,
        exit_code,
        error: error.map(str::to_owned),
        seconds: 1.23,
        started_seconds: 0.0,
        bytes: 4200,
        lines: 2,
        path: PathBuf::new(),
        view: "1 | Name: payments\n2 | \u{1b}[31mState\u{1b}[0m: Waiting\n".to_owned(),
        condensed: false,
        summary: None,
        flagged: None,
    }
}

fn call() -> ToolCall {
    ToolCall {
        id: "call_9".to_owned(),
        tool: "kubectl_gett".to_owned(),
        arguments: Arguments::Object(Map::new()),
        echo: Map::new(),
    }
}

fn events() -> Vec<Event> {
    let message = AssistantMessage {
        text: "Looking at the pod".to_owned(),
        tool_calls: vec![call()],
        ..AssistantMessage::default()
    };
    vec![
        Event::ToolsetsChecked {
            usable: vec!["kubernetes/core".to_owned()],
            unusable: vec![Unusable {
                name: "docker/core".to_owned(),
                reason: "`docker` not found".to_owned(),
            }],
        },
        Event::ModelRequested { step: 1, messages: 2, tools: 9, tokens: 1800, sha256: String::new() },
        Event::ModelRetried { attempt: 2, wait_seconds: 2.0, reason: "429".to_owned() },
        Event::ReasoningDelta { text: "first thou".to_owned() },
        Event::ReasoningDelta { text: "ght\nsecond".to_owned() },
        Event::ModelReplied {
            step: 1,
            message,
            usage: Usage::default(),
            finish_reason: "tool_calls".to_owned(),
            cost: None,
            seconds: 1.0,
        },
        Event::ToolFinished { exhibit: exhibit(1, Status::Success, Some(0), None) },
        Event::ToolFinished {
            exhibit: exhibit(2, Status::Error, Some(1), Some("pods \"payments\" not found\nmore")),
        },
        Event::ToolFinished { exhibit: exhibit(3, Status::TimedOut, None, Some("timed out after 30 s")) },
        Event::ToolFinished { exhibit: exhibit(4, Status::NoData, Some(0), None) },
        Event::ToolFinished { exhibit: exhibit(5, Status::Denied, None, Some("`rm` changes things")) },
        Event::ToolAnswered {
            call: call(),
            reply: "earlier".to_owned(),
            repeats: Some(1),
            brings: Vec::new(),
            noted: None,
        },
        Event::ToolAnswered {
            call: call(),
            reply: "no tool of that name; nearest: `kubectl_get`".to_owned(),
            repeats: None,
            brings: Vec::new(),
            noted: None,
        },
        Event::LimitReached { limit: Limit::Steps },
        Event::ModelFailed {
            message: "connection refused".to_owned(),
            hint: Some("set OPENAI_API_BASE".to_owned()),
            exit_code: 4,
        },
    ]
}

#[test]
fn in_a_pipe() {
    assert_snapshot!(shown(Terminal::plain(), ProgressOptions::default(), &events()), @r#"
warning: 429, retrying in 2 s (attempt 2)
✓ E1 kubectl describe pod payments -n shop  1.2 s  4.2 KB
✗ E2 kubectl describe pod payments -n shop  1.2 s  exit 1: pods "payments" not found
✗ E3 kubectl describe pod payments -n shop  1.2 s  timed out after 30 s
○ E4 kubectl describe pod payments -n shop  1.2 s  no data
✗ E5 kubectl describe pod payments -n shop  1.2 s  denied: `rm` changes things
  kubectl_gett: same call as E1
warning: kubectl_gett: no tool of that name; nearest: `kubectl_get`
warning: step limit reached; asking for the answer now
warning: the model gave no answer: connection refused
  set OPENAI_API_BASE
"#);
}

#[test]
fn on_a_terminal_without_unicode() {
    let terminal = Terminal { tty: true, colour: false, live: false, unicode: false, width: 60 };
    let options = ProgressOptions { show_tool_output: true, verbose: 1, ..ProgressOptions::default() };
    assert_snapshot!(shown(terminal, options, &events()), @r#"
toolsets: kubernetes/core
  not usable: docker/core (`docker` not found)
step 1: 2 messages, 9 tools, about 1800 tokens
warning: 429, retrying in 2 s (attempt 2)
  first thought
  second
  Looking at the pod
+ E1 kubectl describe pod payments -n shop  1.2 s  4.2 KB
  | 1 | Name: payments
  | 2 | State: Waiting
x E2 kubectl describe pod payments -n shop  1.2 s  exit 1: pods "payments" not found
  | 1 | Name: payments
  | 2 | State: Waiting
x E3 kubectl describe pod payments -n shop  1.2 s  timed out after 30 s
  | 1 | Name: payments
  | 2 | State: Waiting
- E4 kubectl describe pod payments -n shop  1.2 s  no data
  | 1 | Name: payments
  | 2 | State: Waiting
x E5 kubectl describe pod payments -n shop  1.2 s  denied: `rm` changes things
  | 1 | Name: payments
  | 2 | State: Waiting
  kubectl_gett: same call as E1
warning: kubectl_gett: no tool of that name; nearest: `kubectl_get`
warning: step limit reached; asking for the answer now
warning: the model gave no answer: connection refused
  set OPENAI_API_BASE
"#);
}

#[test]
fn colours_mark_success_and_failure() {
    let terminal = Terminal { tty: true, colour: true, live: false, unicode: true, width: 60 };
    let text = shown(terminal, ProgressOptions::default(), &events()[6..8]);
    assert_snapshot!(text.replace('\u{1b}', "^"), @r#"
^[32m✓^[0m E1 kubectl describe pod payments -n shop  ^[2m1.2 s^[0m  ^[2m4.2 KB^[0m
^[31m✗^[0m E2 kubectl describe pod payments -n shop  ^[2m1.2 s^[0m  ^[31mexit 1: pods "payments" not found^[0m
"#);
}

#[test]
fn quiet_runs_still_warn() {
    let options = ProgressOptions { quiet: true, ..ProgressOptions::default() };
    assert_snapshot!(shown(Terminal::plain(), options, &events()), @"
warning: 429, retrying in 2 s (attempt 2)
warning: kubectl_gett: no tool of that name; nearest: `kubectl_get`
warning: step limit reached; asking for the answer now
warning: the model gave no answer: connection refused
  set OPENAI_API_BASE
");
}

#[test]
fn spinners_leave_nothing_behind() {
    // No terminal here: indicatif hides itself, the lines must come all the same.
    let terminal = Terminal { tty: true, colour: false, live: true, unicode: true, width: 60 };
    let started = Event::ToolStarted {
        exhibit: 1,
        call: call(),
        toolset: "kubernetes/core".to_owned(),
        description: String::new(),
    };
    let finished = Event::ToolFinished { exhibit: exhibit(1, Status::Success, Some(0), None) };
    assert_eq!(
        shown(terminal, ProgressOptions::default(), &[started, finished]),
        "✓ E1 kubectl describe pod payments -n shop  1.2 s  4.2 KB\n"
    );
}

#[test]
fn numbers_as_people_say_them() {
    for (seconds, words) in [
        (0.0, "0 ms"),
        (0.03, "30 ms"),
        (1.23, "1.2 s"),
        (9.99, "10 s"),
        (59.4, "59 s"),
        (59.7, "1 m 0 s"),
        (125.0, "2 m 5 s"),
        (f64::NAN, "0 ms"),
        (-1.0, "0 ms"),
    ] {
        assert_eq!(duration(seconds), words);
    }
    for (bytes, words) in [
        (0, "0 B"),
        (999, "999 B"),
        (4200, "4.2 KB"),
        (65_536, "66 KB"),
        (999_999, "1.0 MB"),
        (u64::MAX, "18446744 TB"),
    ] {
        assert_eq!(size(bytes), words);
    }
    let usage = Usage { prompt_tokens: 1200, completion_tokens: 80, cached_tokens: 0 };
    assert_eq!(
        words::costs(1, 0, usage, None),
        "1 model call: 1200 prompt and 80 completion tokens, cost not known"
    );
    assert_eq!(
        words::costs(4, 2, usage, Some(0.5)),
        "4 model calls, 2 of them for summaries: 1200 prompt and 80 completion tokens, $0.5000"
    );
}

#[test]
fn summaries_are_told_beside_their_output_and_failures_in_one_line() {
    let mut exhibit = exhibit(1, Status::Success, Some(0), None);
    exhibit.summary =
        Some(ShownSummary { model: "sm\u{1b}[31mall".to_owned(), text: "all is well".to_owned() });
    let replied = |failure: Option<&str>| Event::SummaryReplied {
        exhibit: 1,
        model: "small".to_owned(),
        usage: Usage::default(),
        cost: None,
        seconds: 1.0,
        failure: failure.map(str::to_owned),
        text: None,
    };
    let events = [
        Event::SummaryRequested { exhibit: 1, model: "small".to_owned(), tokens: 900, kept: None },
        replied(None),
        replied(Some("no answer\nmore")),
        Event::ToolFinished { exhibit },
    ];
    let options = ProgressOptions { verbose: 1, ..ProgressOptions::default() };
    assert_snapshot!(shown(Terminal::plain(), options, &events), @"
E1: small sums it up, about 900 tokens
warning: E1 is not summed up by small, its lines are shown: no answer
✓ E1 kubectl describe pod payments -n shop  1.2 s  4.2 KB, summed up by small
");
}
