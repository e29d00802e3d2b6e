//! The run as a Markdown report for a ticket, a wiki or a chat: question, answer, what was run.

use std::fmt::Write as _;

use super::inert::{escaped, inert};
use super::{Investigation, Redact, text::to_text};
use crate::answer::hypothesis_line;

/// The whole report; ends with a line feed.
#[must_use]
pub fn to_markdown_report(run: &Investigation, redact: Redact<'_>) -> String {
    let title = escaped(&one_line(&redact(&run.question.text)));
    let mut out = format!("# {}\n\n", if title.is_empty() { "Investigation" } else { &title });
    for (number, warning) in run.warnings().iter().enumerate() {
        let _ = writeln!(out, "{}> **Warning:** {}", if number > 0 { ">\n" } else { "" }, quoted(warning));
    }
    if !run.warnings().is_empty() {
        out.push('\n');
    }
    let _ = writeln!(out, "{}", inert(&redact(&to_text(&run.answer))));
    if !run.answer.hypotheses.is_empty() {
        out.push_str("\n## Hypotheses\n\n");
        for one in &run.answer.hypotheses {
            let _ = writeln!(out, "- {}", inert(&redact(&one_line(&hypothesis_line(one)))));
        }
    }
    if !run.exhibits.is_empty() {
        out.push_str("\n## What was run\n\n| | | result | took | bytes |\n|---|---|---|---:|---:|\n");
        for exhibit in &run.exhibits {
            let what = if exhibit.invocation.is_empty() { &exhibit.description } else { &exhibit.invocation };
            let _ = writeln!(
                out,
                "| E{} | {} | {} | {} | {} |",
                exhibit.id,
                cell(what),
                exhibit.status.told(exhibit.exit_code),
                seconds(exhibit.seconds),
                exhibit.bytes
            );
        }
    }
    let _ = writeln!(
        out,
        "\n{} · {} · {} model calls · run {}",
        run.started_at,
        escaped(&one_line(&run.model)),
        run.calls,
        run.run_id
    );
    redact(&out)
}

pub(super) fn seconds(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

/// A warning on one line; a stranger's words in it as code, so that they format nothing.
fn quoted(warning: &str) -> String {
    let warning = one_line(warning);
    match warning.split_once(" to a model: ") {
        Some((what, words)) => format!("{what} to a model: `{}`", words.replace('`', "'")),
        None => inert(&warning),
    }
}

/// Text as code inside a table cell.
fn cell(text: &str) -> String {
    let text = one_line(text).replace('|', "\\|");
    if text.contains('`') { format!("`` {text} ``") } else { format!("`{text}`") }
}
