//! The run as one HTML file: no scripts, nothing loaded from anywhere, every word of a stranger escaped. It opens from
//! an e-mail, prints, and stays small however long the run was: views are cut.

mod axis;
mod chart;
mod markup;
mod series;
mod statistics;
mod timeline;

use std::cell::Cell;
use std::fmt::Write as _;

use super::markdown::seconds;
use super::{Investigation, Redact, cited, text::to_text};
use crate::answer::{Answer, Confidence, Coverage, CoverageState, Finding, Verdict, step, to_markdown};
use crate::evidence::{Exhibit, Status};
use markup::{escape, markdown};

const STYLE: &str = include_str!("html/style.css");
/// Bytes of views in one page, and of one view.
const ALL_VIEWS: usize = 600_000;
const ONE_VIEW: usize = 48_000;
/// Bytes of cited lines, and of the answer's own text.
const ALL_QUOTES: usize = 300_000;
const TEXT: usize = 60_000;
/// Bytes of all entries of tables and lists, and how many steps a fix may have.
const ALL_ENTRIES: usize = 300_000;
const STEPS: usize = 50;
/// Rows of a table, entries of a list.
const ROWS: usize = 400;
/// Characters of one entry.
const ENTRY: usize = 600;
/// Charts in one page; the cited ones come first.
const CHARTS: usize = 6;

/// The whole page.
#[must_use]
pub fn to_html(run: &Investigation, redact: Redact<'_>) -> String {
    // Cut last: half a secret would not be known as one.
    let left = Cell::new(ALL_ENTRIES);
    let clean = |text: &str, most: usize| {
        let text = escape(cut(&redact(text), most));
        match left.get().checked_sub(text.len()) {
            Some(rest) => {
                left.set(rest);
                text
            }
            None => "…".to_owned(),
        }
    };
    let question = if run.question.text.trim().is_empty() { "Investigation" } else { &run.question.text };
    let question = clean(question, TEXT / 10);
    let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // Even if something got through the escaping, a browser told this runs and loads nothing.
    out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    let _ = writeln!(out, "<title>{question}</title>\n<style>{STYLE}</style>\n</head>\n<body>");
    let _ = writeln!(out, "<h1>{question}</h1>");
    let verdict = match run.answer.verdict {
        Verdict::ProblemFound => "problem found",
        Verdict::NoProblem => "no problem",
        Verdict::Inconclusive => "inconclusive",
    };
    let _ = writeln!(
        out,
        "<p class=\"dim\">{verdict} · {} · {} · {} · {} model calls · run {}</p>",
        clean(&run.started_at, ENTRY),
        seconds(run.duration_seconds),
        clean(&run.model, ENTRY),
        run.calls,
        clean(&run.run_id, ENTRY)
    );
    if run.finish_reason() != "stop" {
        let _ = writeln!(
            out,
            "<p class=\"bad\">The run ended early: {}</p>",
            run.finish_reason().replace('_', " ")
        );
    }
    flagged(run, &clean, &mut out);
    answer(&run.answer, &clean, redact, &mut out);
    evidence(run, &clean, redact, &mut out);
    hypotheses(&run.answer, &clean, &mut out);
    charts(run, &clean, &mut out);
    what_was_run(run, &clean, redact, &mut out);
    not_checked(&run.answer, &clean, &mut out);
    coverage(&run.answer.coverage, &clean, &mut out);
    out.push_str("</body>\n</html>\n");
    out
}

/// What a stranger wrote for the model, where a reader cannot miss it.
fn flagged(run: &Investigation, clean: &dyn Fn(&str, usize) -> String, out: &mut String) {
    for (exhibit, flag) in run.flagged().take(ROWS / 10) {
        let _ = writeln!(
            out,
            "<p class=\"bad\"><a href=\"#E{0}\">E{0}</a> line {1} reads like an instruction to a model: <q>{2}</q></p>",
            exhibit.id,
            flag.line,
            clean(&flag.excerpt, ENTRY)
        );
    }
}

/// A model's own text as it is; an answer by fields as its parts.
fn answer(answer: &Answer, clean: &dyn Fn(&str, usize) -> String, redact: Redact<'_>, out: &mut String) {
    let by_fields = answer.text.trim().is_empty() || answer.text == to_markdown(answer);
    if !by_fields {
        let text = to_text(answer);
        let _ = writeln!(out, "<section>\n{}</section>", markdown(cut(&redact(&text), TEXT)));
        return;
    }
    let cause = redact(&answer.root_cause);
    let cause = cut(&cause, TEXT / 10);
    let cause = if cause.is_empty() { "No root cause is named." } else { cause };
    let _ = writeln!(out, "<section class=\"cause\">\n{}</section>", markdown(cause));
    let verified = answer.findings.iter().filter(|finding| finding.verified).count();
    let sure = match answer.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    let _ = writeln!(
        out,
        "<p class=\"dim\">{verified} of {} quotes verified; confidence: {sure}</p>",
        answer.findings.len()
    );
    if !answer.fix.is_empty() {
        out.push_str("<h2>Fix</h2>\n<ol>\n");
        for entry in answer.fix.iter().take(STEPS) {
            let step = step(cut(&redact(entry), 10 * ENTRY));
            let words = markdown(cut(&step.words, ENTRY));
            let _ = write!(out, "<li>{words}");
            if let Some(command) = &step.command {
                let _ = write!(out, "<pre class=\"copy\">{}</pre>", clean(command, 10 * ENTRY));
            }
            out.push_str("</li>\n");
        }
        out.push_str("</ol>\n");
    }
    if !answer.not_sure.is_empty() {
        out.push_str("<h2>Not sure</h2>\n<ul>\n");
        for doubt in answer.not_sure.iter().take(ROWS) {
            let _ = writeln!(out, "<li>{}</li>", clean(doubt, ENTRY));
        }
        out.push_str("</ul>\n");
    }
}

fn evidence(
    run: &Investigation,
    clean: &dyn Fn(&str, usize) -> String,
    redact: Redact<'_>,
    out: &mut String,
) {
    if run.answer.findings.is_empty() {
        return;
    }
    out.push_str("<h2>Evidence</h2>\n");
    let mut room = ALL_QUOTES;
    for finding in run.answer.findings.iter().take(ROWS) {
        let (class, word) = match (&finding.why, finding.verified) {
            (_, true) => ("good", "verified".to_owned()),
            (Some(why), false) => ("bad", format!("unverified: {}", clean(why, ENTRY))),
            (None, false) => ("bad", "unverified".to_owned()),
        };
        let source = match run.exhibit(finding.exhibit) {
            Some(exhibit) => {
                format!(" · <a href=\"#E{0}\">E{0}</a> {1}", exhibit.id, clean(&exhibit.description, ENTRY))
            }
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "<p>{} <span class=\"{class}\">{word}</span><span class=\"dim\">{source}</span></p>",
            clean(&finding.claim, ENTRY)
        );
        let text = quoted(run, finding, redact);
        if text.len() <= room {
            room -= text.len();
            let _ = writeln!(out, "<pre>{text}</pre>");
        }
    }
}

/// The cited lines in their surroundings, else the quote alone.
fn quoted(run: &Investigation, finding: &Finding, redact: Redact<'_>) -> String {
    let lines = match (run.exhibit(finding.exhibit), finding.lines) {
        (Some(exhibit), Some(place)) => cited::lines(exhibit, place, redact),
        _ => Vec::new(),
    };
    if lines.is_empty() {
        return escape(cut(&redact(&finding.quote), 10 * ENTRY));
    }
    let mut out = String::new();
    for line in lines {
        let text = format!("{:>6}  {}", line.number, escape(&line.text));
        let _ = if line.cited { writeln!(out, "<mark>{text}</mark>") } else { writeln!(out, "{text}") };
    }
    out
}

fn hypotheses(answer: &Answer, clean: &dyn Fn(&str, usize) -> String, out: &mut String) {
    if answer.hypotheses.is_empty() {
        return;
    }
    out.push_str("<h2>Hypotheses</h2>\n<table>\n");
    for one in answer.hypotheses.iter().take(ROWS) {
        let cited: Vec<String> =
            one.exhibits.iter().map(|id| format!("<a href=\"#E{id}\">E{id}</a>")).collect();
        let _ = writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            clean(&one.id, ENTRY),
            one.status.words(),
            clean(&one.statement, ENTRY),
            cited.join(" ")
        );
    }
    out.push_str("</table>\n");
}

fn charts(run: &Investigation, clean: &dyn Fn(&str, usize) -> String, out: &mut String) {
    let cited = |exhibit: &&Exhibit| run.answer.findings.iter().any(|finding| finding.exhibit == exhibit.id);
    let (first, rest): (Vec<&Exhibit>, Vec<&Exhibit>) = run.exhibits.iter().partition(cited);
    let mut left = CHARTS;
    for exhibit in first.into_iter().chain(rest) {
        let Some(matrix) = (left > 0).then(|| series::matrix(exhibit)).flatten() else {
            continue;
        };
        let drawn = chart::chart(&matrix, &|text| clean(text, ENTRY));
        if !drawn.is_empty() {
            if left == CHARTS {
                out.push_str("<h2>Metrics</h2>\n");
            }
            left -= 1;
            let _ = writeln!(out, "<p><a href=\"#E{0}\">E{0}</a></p>\n{drawn}", exhibit.id);
        }
    }
}

fn what_was_run(
    run: &Investigation,
    clean: &dyn Fn(&str, usize) -> String,
    redact: Redact<'_>,
    out: &mut String,
) {
    if run.exhibits.is_empty() {
        return;
    }
    out.push_str("<h2>What was run</h2>\n");
    out.push_str(&timeline::timeline(run, &|text| escape(&redact(text))));
    out.push_str("<table>\n<tr><th></th><th></th><th>result</th><th class=\"n\">took</th><th class=\"n\">bytes</th></tr>\n");
    let mut room = ALL_VIEWS;
    for exhibit in run.exhibits.iter().take(ROWS) {
        let good = matches!(exhibit.status, Status::Success | Status::NoData);
        let what = if exhibit.invocation.is_empty() { &exhibit.description } else { &exhibit.invocation };
        let view = redact(&shown(exhibit));
        let part = cut(&view, ONE_VIEW.min(room));
        let text = escape(part);
        room = room.saturating_sub(text.len());
        let rest = if part.len() < view.len() { "\n… cut …" } else { "" };
        let _ = writeln!(
            out,
            "<tr id=\"E{0}\"><td>E{0}</td><td><details><summary><code>{1}</code></summary><pre>{2}{rest}</pre></details></td>\
             <td class=\"{3}\">{4}</td><td class=\"n\">{5}</td><td class=\"n\">{6}</td></tr>",
            exhibit.id,
            clean(what, ENTRY),
            text,
            if good { "good" } else { "bad" },
            exhibit.status.told(exhibit.exit_code),
            seconds(exhibit.seconds),
            exhibit.bytes
        );
    }
    out.push_str("</table>\n");
    if run.exhibits.len() > ROWS {
        let _ = writeln!(out, "<p class=\"dim\">the first {ROWS} of {}</p>", run.exhibits.len());
    }
}

/// What the model was given, and the lines it stood for.
fn shown(exhibit: &Exhibit) -> String {
    match &exhibit.summary {
        Some(summary) => format!("{}\n\n{}", summary.text, exhibit.view),
        None => exhibit.view.clone(),
    }
}

fn not_checked(answer: &Answer, clean: &dyn Fn(&str, usize) -> String, out: &mut String) {
    if answer.not_checked.is_empty() {
        return;
    }
    out.push_str("<h2>Not checked</h2>\n<ul>\n");
    for entry in answer.not_checked.iter().take(ROWS) {
        let _ = writeln!(
            out,
            "<li>{} <span class=\"dim\">{}</span></li>",
            clean(&entry.what, ENTRY),
            clean(&entry.why, ENTRY)
        );
    }
    out.push_str("</ul>\n");
}

fn coverage(ledger: &[Coverage], clean: &dyn Fn(&str, usize) -> String, out: &mut String) {
    if ledger.is_empty() {
        return;
    }
    out.push_str("<h2>Coverage</h2>\n<details><summary>every exhibit and every toolset</summary>\n<table>\n");
    for one in ledger.iter().take(2 * ROWS) {
        let id = one.exhibit.map(|id| format!("<a href=\"#E{id}\">E{id}</a>")).unwrap_or_default();
        let class = match one.state {
            CoverageState::Checked => "good",
            CoverageState::Failed | CoverageState::Unavailable => "bad",
            CoverageState::Empty | CoverageState::Truncated | CoverageState::NotTried => "dim",
        };
        let _ = writeln!(
            out,
            "<tr><td>{id}</td><td>{}</td><td class=\"{class}\">{}</td><td class=\"dim\">{}</td></tr>",
            clean(&one.what, ENTRY),
            one.state.words(),
            clean(&one.why, ENTRY)
        );
    }
    out.push_str("</table>\n</details>\n");
}

/// The first bytes of a text, up to the end of a character.
fn cut(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}
