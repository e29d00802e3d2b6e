//! The terminal side of a session without an engine: `cargo run --example line-editor -- [HISTORY]`.
//!
//! Prints each entry as JSON. A few words do what a session does with a terminal: `turn` listens for Escape,
//! `tools` shows running tools until Escape, `ask` and `why` put questions, `page` shows a long text, `run COMMAND`
//! gives the terminal to a command, `panic` and `leave` end badly while keys are listened to.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::panic,
    reason = "a program for developers"
)]

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use holmes_rs::agent::{Arguments, Event, ToolCall};
use holmes_rs::shell::{Program, foreground};
use holmes_rs::ui::{
    Complete, Editor, EditorOptions, Entry, Environment, Keys, PagerOptions, Progress, ProgressOptions,
    Terminal, pager, prompt,
};
use serde_json::json;

const WORDS: &[&str] = &["/help", "/show", "/shell", "日本語", "hostile\u{1b}[31m"];

struct Words;

impl Complete for Words {
    fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let before = line.get(..cursor).unwrap_or_default();
        let start = before.rfind(' ').map_or(0, |blank| blank + 1);
        let word = before.get(start..).unwrap_or_default();
        (
            start,
            WORDS.iter().filter(|known| known.starts_with(word)).map(|known| (*known).to_owned()).collect(),
        )
    }

    fn hint(&self, line: &str) -> Option<String> {
        (line == "/he").then(|| "lp".to_owned())
    }
}

#[allow(clippy::too_many_lines, clippy::format_collect, reason = "one arm a thing to try")]
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let known = |name: &str| std::env::var(name).ok();
    let (term, plain, colour) = (known("TERM"), known("HOLMES_PLAIN"), known("NO_COLOR"));
    let environment = Environment {
        term: term.as_deref(),
        plain: plain.as_deref(),
        no_color: colour.as_deref(),
        ..Environment::default()
    };
    let terminal = Terminal::stderr(environment);
    let options = EditorOptions {
        history: std::env::args_os().nth(1).map(PathBuf::from),
        terminal,
        completer: Box::new(Words),
        redact: Box::new(|entry| entry.replace("hunter2", "[redacted]")),
    };
    let mut editor = match Editor::open(options) {
        Ok(editor) => editor,
        Err(error) => return fail(&error.to_string()),
    };
    // As a session does: SIGTERM ends it in order.
    let Ok(mut ends) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        return fail("no signals");
    };
    let Ok(mut stops) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::interrupt()) else {
        return fail("no signals");
    };
    let mut ahead = String::new();
    loop {
        let entry = tokio::select! {
            entry = editor.read("> ", &ahead) => entry,
            _ = ends.recv() => { println!("terminated"); return ExitCode::FAILURE; }
        };
        ahead.clear();
        let text = match entry {
            Entry::Line(text) => text,
            Entry::Interrupted => {
                println!("{}", json!({"interrupted": true}));
                continue;
            }
            Entry::End => break,
            Entry::Broken(error) => return fail(&error.to_string()),
        };
        if text.len() > 2000 {
            println!("{}", json!({"bytes": text.len(), "lines": text.lines().count()}));
        } else {
            println!("{}", json!({"entry": text}));
        }
        match text.split_whitespace().next() {
            Some("turn" | "tools" | "panic") => {
                let keys = Keys::watch();
                println!("{text} begins");
                let progress = (text == "tools").then(|| tools(terminal));
                assert!(text != "panic", "as asked");
                tokio::select! {
                    key = keys.next() => drop_and_say(progress, &format!("{key:?}")),
                    _ = stops.recv() => drop_and_say(progress, "SIGINT"),
                    _ = ends.recv() => { drop_and_say(progress, "SIGTERM"); return ExitCode::FAILURE; }
                }
                ahead = keys.end();
            }
            Some("ask") => {
                let keys = Keys::watch();
                println!("turn begins");
                keys.next().await;
                let question = [
                    "Run `kubectl delete pod x`?".to_owned(),
                    "\u{1b}]0;title\u{7}It changes things".to_owned(),
                ];
                let choices = [('y', "once"), ('s', "for this session"), ('n', "no")];
                match prompt::choose(&question, &choices, Some(&keys)).await {
                    Ok(choice) => println!("{}", json!({"choice": format!("{choice:?}")})),
                    Err(error) => return fail(&error.to_string()),
                }
                ahead = keys.end();
            }
            Some("why") => match prompt::line("Why not? ", None).await {
                Ok(why) => println!("{}", json!({"why": why})),
                Err(error) => return fail(&error.to_string()),
            },
            Some("page") => {
                let long: String = (1..=500).map(|number| format!("line {number}\n")).collect();
                let pager_chosen = known("PAGER");
                let options = PagerOptions {
                    terminal: &terminal,
                    pager: pager_chosen.as_deref(),
                    environment: std::env::vars().collect(),
                };
                if let Err(error) = pager::show(&long, options).await {
                    return fail(&error.to_string());
                }
                println!("paged");
            }
            Some("run") => {
                let command = text.trim_start_matches("run").to_owned();
                let program = Program {
                    command: "sh".to_owned(),
                    args: vec!["-c".to_owned(), command],
                    env: std::env::vars().collect(),
                    workdir: None,
                };
                println!("{:?}", foreground(&program, None).await);
            }
            _ => {}
        }
    }
    println!("end");
    ExitCode::SUCCESS
}

fn drop_and_say(progress: Option<Progress>, what: &str) {
    drop(progress);
    println!("{}", json!({"key": what}));
}

/// Thirty tools that say more and more.
fn tools(terminal: Terminal) -> Progress {
    static SAID: AtomicU64 = AtomicU64::new(0);
    let mut progress = Progress::new(terminal, ProgressOptions::default());
    progress.measure(|exhibit| Some(u64::from(exhibit) * 1000 + SAID.fetch_add(1, Ordering::Relaxed)));
    for exhibit in 1..=30 {
        progress.event(&Event::ToolStarted {
            exhibit,
            call: ToolCall {
                id: exhibit.to_string(),
                tool: "kubectl_logs".to_owned(),
                arguments: Arguments::Object(serde_json::Map::new()),
                echo: serde_json::Map::new(),
            },
            toolset: "kubernetes/core".to_owned(),
            description: format!(
                "logs of 日本語-{exhibit} that go on for much longer than any line of a terminal is wide"
            ),
        });
    }
    progress
}

fn fail(message: &str) -> ExitCode {
    eprintln!("{message}");
    ExitCode::FAILURE
}
