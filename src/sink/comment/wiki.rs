//! Blocks as Jira's wiki markup ("Text Formatting Notation Help" of Data Center).
//!
//! Every sign with a meaning is escaped in words, so that `[~name]`, `!image!` and `{macro}` of an answer stay text.

use std::fmt::Write as _;

use super::blocks::{Block, Span};

/// Signs that begin or end something.
const SIGNS: &[char] = &['\\', '{', '}', '[', ']', '!', '*', '_', '^', '~', '+', '|', '-', '?'];

pub(super) fn markup(blocks: &[Block]) -> String {
    let mut out = String::new();
    for block in blocks {
        lay_out(block, &mut out);
        out.push('\n');
    }
    out.trim_end().to_owned()
}

fn lay_out(block: &Block, out: &mut String) {
    match block {
        Block::Paragraph(spans) => line(spans, out),
        Block::Heading(level, spans) => {
            let _ = write!(out, "h{level}. ");
            line(spans, out);
        }
        Block::Code { text, .. } => {
            // Nothing in a block is read but its own end.
            let text = text.replace("{noformat", "{ noformat");
            let _ = write!(out, "{{noformat}}\n{text}\n{{noformat}}\n");
        }
        Block::Rule => out.push_str("----\n"),
        Block::List(first, items) => list(first.is_some(), items, "", out),
    }
}

fn list(numbered: bool, items: &[Vec<Block>], above: &str, out: &mut String) {
    let mark = format!("{above}{}", if numbered { '#' } else { '*' });
    for item in items {
        out.push_str(&mark);
        out.push(' ');
        let mut open = true;
        for block in item {
            match block {
                Block::Paragraph(spans) | Block::Heading(_, spans) => {
                    // A second paragraph stays in its item by a forced break.
                    if !open {
                        let end = out.trim_end().len();
                        out.truncate(end);
                        out.push_str("\\\\ ");
                    }
                    line(spans, out);
                }
                Block::List(first, items) => {
                    if open {
                        out.push('\n');
                    }
                    list(first.is_some(), items, &mark, out);
                }
                block => {
                    if open {
                        out.push('\n');
                    }
                    lay_out(block, out);
                }
            }
            open = false;
        }
        if open {
            out.push('\n');
        }
    }
}

fn line(spans: &[Span], out: &mut String) {
    for span in spans {
        let text = escaped(&span.text).replace('\n', "\\\\ ");
        let marked = if text.trim().is_empty() {
            text
        } else if span.code {
            format!("{{{{{text}}}}}")
        } else if span.strong {
            around(&text, '*')
        } else if span.emphasis {
            around(&text, '_')
        } else {
            text
        };
        match &span.link {
            Some(link) if !link.contains(['|', ']', '\n']) => {
                let _ = write!(out, "[{marked}|{link}]");
            }
            _ => out.push_str(&marked),
        }
    }
    out.push('\n');
}

/// A mark holds only close to a word.
fn around(text: &str, mark: char) -> String {
    let inner = text.trim();
    let (before, after) = text.split_once(inner).unwrap_or(("", ""));
    format!("{before}{mark}{inner}{mark}{after}")
}

/// Hyphens between letters mean nothing and stay: names of pods are full of them.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut last = ' ';
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let inside = last.is_alphanumeric() && rest.peek().is_some_and(|next| next.is_alphanumeric());
        if SIGNS.contains(&c) && !(inside && matches!(c, '-' | '_')) {
            out.push('\\');
        }
        out.push(c);
        last = c;
    }
    // At the start of a line these begin lists, headings and quotes.
    let head = out.trim_start();
    let special = head.starts_with('#')
        || head.starts_with("bq.")
        || (head.starts_with('h') && head.get(2..3) == Some("."));
    if special { format!("\u{200b}{out}") } else { out }
}
