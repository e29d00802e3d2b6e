//! Recorded runs as a person reads them: a line each, or one of them as a page.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::json;

use crate::agent::{Edit, Event, Finish};
use crate::answer::{self, Verdict};
use crate::approval::Decision;
use crate::evidence::view::clip;
use crate::record::{Recorded, Summary};
use crate::ui::{Table, Terminal};

/// From so many columns on tools, tokens and model have room.
const WIDE: usize = 120;
/// Characters of a model's name.
const MODEL: usize = 20;
/// Columns of a narrow list besides its question, and of a wide one; frames of a terminal take one more for each.
const NARROW_REST: usize = 53;
const WIDE_REST: usize = 90;
/// Fewer characters of a question tell nothing.
const SHORTEST: usize = 20;

/// A list of runs, at most as wide as the terminal.
pub(super) fn table(runs: &[Summary], now: Timestamp, terminal: &Terminal) -> Table {
    let wide = terminal.width >= WIDE;
    let header: &[&str] = if wide {
        &["RUN", "AGE", "VERDICT", "COST", "TOKENS", "TOOLS", "MODEL", "QUESTION"]
    } else {
        &["RUN", "AGE", "VERDICT", "COST", "QUESTION"]
    };
    let frame = if terminal.tty { header.len() + 1 } else { 0 };
    let rest = if wide { WIDE_REST } else { NARROW_REST };
    let room = terminal.width.saturating_sub(rest + frame).max(SHORTEST);
    let mut table = Table::new(header);
    for run in runs {
        let mut row = vec![run.run_id.clone(), age(run, now), outcome(run), cost(run)];
        if wide {
            let model = clip(&run.model, MODEL);
            row.extend([tokens(run.total_tokens), run.tool_calls.to_string(), model]);
        }
        row.push(questions(run, room));
        table.row(row);
    }
    table
}

/// The first question, and how many followed.
fn questions(run: &Summary, room: usize) -> String {
    let question: String = run.question.split_whitespace().collect::<Vec<_>>().join(" ");
    let more = match run.turns {
        0 | 1 => String::new(),
        turns => format!(" (+{} more)", turns - 1),
    };
    let room = room.saturating_sub(more.chars().count() + 1).max(SHORTEST / 2);
    format!("{}{more}", clip(&question, room))
}

/// `12 s`, `3 min`, `5 h`, `2 d`; `-` where the start is not known.
fn age(run: &Summary, now: Timestamp) -> String {
    let Ok(started) = run.started_at.parse::<Timestamp>() else { return "-".to_owned() };
    // A clock that was set back is no future.
    let seconds = now.as_second().saturating_sub(started.as_second()).max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// USD.
fn cost(run: &Summary) -> String {
    match run.cost {
        None => "-".to_owned(),
        Some(cost) if cost < 10.0 => format!("${cost:.3}"),
        Some(cost) => format!("${cost:.0}"),
    }
}

fn tokens(tokens: u64) -> String {
    match tokens {
        0..10_000 => tokens.to_string(),
        10_000..10_000_000 => format!("{}k", tokens / 1_000),
        _ => format!("{}M", tokens / 1_000_000),
    }
}

/// To the second, in UTC.
fn started(run: &Summary) -> String {
    run.started_at.get(..19).unwrap_or(&run.started_at).replace('T', " ")
}

/// The verdict, or what ended the run where the model did not.
fn outcome(run: &Summary) -> String {
    let word = match (run.verdict, run.finish) {
        (None, _) if run.running => "running",
        (None, _) => "cut off",
        (_, Some(Finish::Interrupted)) => "interrupted",
        (_, Some(Finish::ModelFailed { .. })) => "model failed",
        (Some(_), Some(Finish::Limit(limit))) => {
            return format!("{} limit", json!(limit).as_str().unwrap_or_default());
        }
        (Some(Verdict::ProblemFound), _) => "problem",
        (Some(Verdict::NoProblem), _) => "no problem",
        (Some(Verdict::Inconclusive), _) => "inconclusive",
    };
    word.to_owned()
}

/// The run as Markdown: each question with its steps and its answer.
pub(super) fn page(recorded: &Recorded, show_tool_output: bool) -> String {
    let run = &recorded.summary;
    let question = if run.question.trim().is_empty() {
        "(no question is recorded)".to_owned()
    } else {
        one_line(&run.question)
    };
    let mut about = vec![format!("Run {}", run.run_id)];
    about.extend([started(run), run.model.clone()].into_iter().filter(|part| !part.is_empty()));
    let mut page = format!("# {question}\n\n{}\n\n", about.join(" · "));
    let mut turn = Turn::default();
    for (_, event) in &recorded.events {
        match event {
            Event::TurnStarted { turn: number, question, .. } => {
                turn.end(&mut page);
                let _ = write!(page, "\n## {number}. {}\n\n", one_line(&question.text));
                turn = Turn { asked: true, ..Turn::default() };
            }
            Event::RunStarted { question, .. } => turn.asked = !question.text.trim().is_empty(),
            Event::Concluded { answer, .. } => {
                let text = format!("{}\n\n{}\n", answer.text.trim_end(), answer::footer(answer));
                turn.answer = Some(text);
            }
            _ => turn.step(event, show_tool_output),
        }
    }
    turn.asked |= turn.answer.is_none() && run.turns <= 1;
    turn.end(&mut page);
    page
}

/// What became of one question.
#[derive(Default)]
struct Turn {
    asked: bool,
    steps: String,
    answer: Option<String>,
    /// Edits after the answer.
    after: String,
}

impl Turn {
    fn end(&mut self, page: &mut String) {
        if !self.steps.is_empty() {
            page.push_str(&self.steps);
            page.push('\n');
        }
        match &self.answer {
            Some(answer) => page.push_str(answer),
            None if self.asked => page.push_str("The record ends before an answer.\n"),
            None => {}
        }
        if !self.after.is_empty() {
            let _ = write!(page, "\n{}", self.after);
        }
    }

    fn step(&mut self, event: &Event, show_tool_output: bool) {
        let steps = if self.answer.is_some() { &mut self.after } else { &mut self.steps };
        match event {
            Event::ToolFinished { exhibit } => {
                let header = crate::evidence::view::header(exhibit);
                let _ = writeln!(steps, "- {header} ({:.1} s)", exhibit.seconds);
                if let Some(summary) = &exhibit.summary {
                    let _ = writeln!(steps, "  - the model was given a summary by {}", summary.model);
                    if show_tool_output {
                        let _ = write!(steps, "\n```\n{}\n```\n", summary.text);
                    }
                }
                if show_tool_output {
                    let _ = write!(steps, "\n```\n{}\n```\n\n", exhibit.view);
                }
            }
            Event::SummaryReplied { exhibit, model, failure: Some(why), .. } => {
                let _ = writeln!(steps, "- E{exhibit} is not summed up by {model}: {why}");
            }
            Event::ApprovalAsked { exhibit, ask } => {
                let _ =
                    writeln!(steps, "- E{exhibit} needs approval: {} ({})", one_line(&ask.shown), ask.why);
            }
            Event::ApprovalDecided { exhibit, decision } => {
                let _ = writeln!(steps, "- E{exhibit} {}", decided(decision));
            }
            Event::Edited { edit } => {
                let words = match edit {
                    Edit::Undone => "the question was taken back".to_owned(),
                    Edit::Cleared => "the conversation was forgotten; exhibits stay".to_owned(),
                    Edit::Compacted => "older results were reduced to their headers".to_owned(),
                    Edit::Model { name, .. } => format!("{name} answers from here on"),
                };
                let _ = writeln!(steps, "- {words}");
            }
            Event::Resumed { resumption } => {
                let at = resumption.resumed_at.get(..19).unwrap_or_default().replace('T', " ");
                let _ = writeln!(steps, "- resumed {at}");
            }
            Event::ModelFailed { message, .. } => {
                let _ = writeln!(steps, "- the model failed: {message}");
            }
            Event::LimitReached { limit } => {
                let _ = writeln!(steps, "- {} limit reached", json!(limit).as_str().unwrap_or_default());
            }
            Event::Interrupted => steps.push_str("- interrupted\n"),
            _ => {}
        }
    }
}

fn decided(decision: &Decision) -> String {
    match decision {
        Decision::Once => "was allowed once".to_owned(),
        Decision::Standing { by } => format!("was allowed: {}", one_line(by)),
        Decision::Session { .. } => "was allowed for the session".to_owned(),
        Decision::Always { .. } => "was allowed for good".to_owned(),
        Decision::Denied { why, words: None } => format!("was denied: {why}"),
        Decision::Denied { why, words: Some(words) } => format!("was denied: {why}: {}", one_line(words)),
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap_or_default();
        for (started, told) in [
            ("2026-01-09T23:59:48Z", "12 s"),
            ("2026-01-09T23:56:30Z", "3 min"),
            ("2026-01-09T19:00:00Z", "5 h"),
            ("2026-01-07T23:00:00Z", "2 d"),
            ("2026-01-11T00:00:00Z", "0 s"),
            ("yesterday", "-"),
        ] {
            let run = Summary { started_at: started.to_owned(), ..Summary::default() };
            assert_eq!(age(&run, now), told, "{started}");
        }
    }

    #[test]
    fn a_list_fits_its_terminal_whatever_was_asked() {
        let run = Summary {
            run_id: "20261121-051203-7f3a".to_owned(),
            started_at: "2026-01-09T23:56:30Z".to_owned(),
            question: "why is the checkout slow since this morning, and what changed ".repeat(9),
            verdict: Some(Verdict::Inconclusive),
            turns: 3,
            cost: Some(0.0123),
            total_tokens: 123_456,
            model: "a-vendor/a-model-with-a-very-long-name".to_owned(),
            ..Summary::default()
        };
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap_or_default();
        for width in [80, 100, 120, 200] {
            let terminal = Terminal { width, ..Terminal::plain() };
            let text = table(std::slice::from_ref(&run), now, &terminal).render(&terminal);
            assert!(
                text.contains("(+2 more)") && text.contains("3 min") && text.contains("$0.012"),
                "{text}"
            );
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}: {text}");
            assert_eq!(text.contains("123k"), width >= 120);
        }
    }
}
