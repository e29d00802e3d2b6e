//! The run as one HTML file: no scripts, nothing loaded from anywhere, every word of a stranger escaped.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::markdown::{outcome, seconds};
use super::{Investigation, Redact, cited, text::to_text};
use crate::answer::{Finding, Verdict};
use crate::evidence::{Exhibit, Status};

const STYLE: &str = "\
:root{color-scheme:light dark;--dim:#767676;--line:#8884;--mark:#ffd54a55;--good:#2e7d32;--bad:#c62828}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid var(--line)}
pre,code{font:14px/1.45 ui-monospace,monospace}pre{overflow-x:auto;border:1px solid var(--line);padding:.5rem}
table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem .6rem;border-bottom:1px solid var(--line);vertical-align:top}
mark{background:var(--mark);color:inherit}.dim{color:var(--dim)}.good{color:var(--good)}.bad{color:var(--bad)}
details pre{max-height:30rem;overflow:auto}";

/// The whole page.
#[must_use]
pub fn to_html(run: &Investigation, redact: Redact<'_>) -> String {
    let clean = |text: &str| escape(&redact(text));
    let question = if run.question.text.trim().is_empty() { "Investigation" } else { &run.question.text };
    let mut out = String::from("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
    // Even if something got through the escaping, a browser told this runs and loads nothing.
    out.push_str("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n");
    out.push_str("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n");
    let _ = writeln!(out, "<title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>", clean(question));
    let _ = writeln!(out, "<h1>{}</h1>", clean(question));
    let verdict = match run.answer.verdict {
        Verdict::ProblemFound => "problem found",
        Verdict::NoProblem => "no problem",
        Verdict::Inconclusive => "inconclusive",
    };
    let _ = writeln!(
        out,
        "<p class=\"dim\">{verdict} · {} · {} · {} · {} model calls · run {}</p>",
        clean(&run.started_at),
        seconds(run.duration_seconds),
        clean(&run.model),
        run.calls,
        clean(&run.run_id)
    );
    let _ = writeln!(out, "<section>\n{}</section>", markdown(&redact(&to_text(&run.answer))));
    evidence(run, redact, &mut out);
    timeline(run, redact, &mut out);
    not_checked(run, redact, &mut out);
    out.push_str("</body>\n</html>\n");
    out
}

fn evidence(run: &Investigation, redact: Redact<'_>, out: &mut String) {
    if run.answer.findings.is_empty() {
        return;
    }
    out.push_str("<h2>Evidence</h2>\n");
    for finding in &run.answer.findings {
        let (class, word) = if finding.verified { ("good", "verified") } else { ("bad", "unverified") };
        let source = match run.exhibit(finding.exhibit) {
            Some(exhibit) => format!(
                " · <a href=\"#E{0}\">E{0}</a> {1}",
                exhibit.id,
                escape(&redact(&exhibit.description))
            ),
            None => String::new(),
        };
        let _ = writeln!(
            out,
            "<p>{} <span class=\"{class}\">{word}</span><span class=\"dim\">{source}</span></p>",
            escape(&redact(&finding.claim))
        );
        let _ = writeln!(out, "<pre>{}</pre>", quoted(run, finding, redact));
    }
}

/// The cited lines in their surroundings, else the quote alone.
fn quoted(run: &Investigation, finding: &Finding, redact: Redact<'_>) -> String {
    let lines = match (run.exhibit(finding.exhibit), finding.lines) {
        (Some(exhibit), Some(place)) if finding.verified => cited::lines(exhibit, place, redact),
        _ => Vec::new(),
    };
    if lines.is_empty() {
        return escape(&redact(&finding.quote));
    }
    let mut out = String::new();
    for line in lines {
        let text = format!("{:>6}  {}", line.number, escape(&line.text));
        let _ = if line.cited { writeln!(out, "<mark>{text}</mark>") } else { writeln!(out, "{text}") };
    }
    out
}

fn timeline(run: &Investigation, redact: Redact<'_>, out: &mut String) {
    if run.exhibits.is_empty() {
        return;
    }
    out.push_str("<h2>What was run</h2>\n<table>\n<tr><th></th><th></th><th>result</th><th>took</th><th>bytes</th></tr>\n");
    for exhibit in &run.exhibits {
        let good = matches!(exhibit.status, Status::Success | Status::NoData);
        let what = if exhibit.invocation.is_empty() { &exhibit.description } else { &exhibit.invocation };
        let _ = writeln!(
            out,
            "<tr id=\"E{0}\"><td>E{0}</td><td><details><summary><code>{1}</code></summary><pre>{2}</pre></details></td>\
             <td class=\"{3}\">{4}</td><td>{5}</td><td>{6}</td></tr>",
            exhibit.id,
            escape(&redact(what)),
            escape(&redact(&shown(exhibit))),
            if good { "good" } else { "bad" },
            outcome(exhibit.status, exhibit.exit_code),
            seconds(exhibit.seconds),
            exhibit.bytes
        );
    }
    out.push_str("</table>\n");
}

/// What the model was given, and the lines it stood for.
fn shown(exhibit: &Exhibit) -> String {
    match &exhibit.summary {
        Some(summary) => format!("{}\n\n{}", summary.text, exhibit.view),
        None => exhibit.view.clone(),
    }
}

fn not_checked(run: &Investigation, redact: Redact<'_>, out: &mut String) {
    if run.answer.not_checked.is_empty() {
        return;
    }
    out.push_str("<h2>Not checked</h2>\n<ul>\n");
    for entry in &run.answer.not_checked {
        let _ = writeln!(
            out,
            "<li>{} <span class=\"dim\">{}</span></li>",
            escape(&redact(&entry.what)),
            escape(&redact(&entry.why))
        );
    }
    out.push_str("</ul>\n");
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            // Control characters have no meaning in HTML; bidi overrides could reorder what is read.
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
                {}
            c => out.push(c),
        }
    }
    out
}

/// Markdown without raw HTML, images or links to anything but the web.
fn markdown(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut out = String::new();
    let mut head = false;
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => out.push_str(&escape(&text)),
            Event::Code(code) => {
                let _ = write!(out, "<code>{}</code>", escape(&code));
            }
            Event::SoftBreak => out.push('\n'),
            Event::HardBreak => out.push_str("<br>\n"),
            Event::Rule => out.push_str("<hr>\n"),
            Event::TaskListMarker(_) => {}
            Event::Start(tag) => {
                head |= matches!(tag, Tag::TableHead);
                open(&tag, head, &mut out);
            }
            Event::End(tag) => {
                close(tag, head, &mut out);
                head &= !matches!(tag, TagEnd::TableHead);
            }
        }
    }
    out
}

fn open(tag: &Tag<'_>, head: bool, out: &mut String) {
    let plain = match tag {
        Tag::Paragraph => "<p>",
        Tag::Heading { .. } => "<h3>",
        Tag::BlockQuote(_) => "<blockquote>",
        Tag::CodeBlock(CodeBlockKind::Indented | CodeBlockKind::Fenced(_)) => "<pre><code>",
        Tag::List(None) => "<ul>",
        Tag::List(Some(first)) => {
            let _ = write!(out, "<ol start=\"{first}\">");
            ""
        }
        Tag::Item => "<li>",
        Tag::Table(_) => "<table>",
        Tag::TableHead | Tag::TableRow => "<tr>",
        Tag::TableCell if head => "<th>",
        Tag::TableCell => "<td>",
        Tag::Emphasis => "<em>",
        Tag::Strong => "<strong>",
        Tag::Strikethrough => "<del>",
        Tag::Link { dest_url, .. } => {
            let web = ["http://", "https://", "#"].iter().any(|start| dest_url.starts_with(start));
            let _ = write!(
                out,
                "<a rel=\"noreferrer\" href=\"{}\">",
                if web { escape(dest_url) } else { String::new() }
            );
            ""
        }
        _ => "",
    };
    out.push_str(plain);
}

fn close(tag: TagEnd, head: bool, out: &mut String) {
    out.push_str(match tag {
        TagEnd::Paragraph => "</p>\n",
        TagEnd::Heading(_) => "</h3>\n",
        TagEnd::BlockQuote(_) => "</blockquote>\n",
        TagEnd::CodeBlock => "</code></pre>\n",
        TagEnd::List(false) => "</ul>\n",
        TagEnd::List(true) => "</ol>\n",
        TagEnd::Item => "</li>\n",
        TagEnd::Table => "</table>\n",
        TagEnd::TableHead | TagEnd::TableRow => "</tr>\n",
        TagEnd::TableCell if head => "</th>",
        TagEnd::TableCell => "</td>",
        TagEnd::Emphasis => "</em>",
        TagEnd::Strong => "</strong>",
        TagEnd::Strikethrough => "</del>",
        TagEnd::Link => "</a>",
        _ => "",
    });
}
