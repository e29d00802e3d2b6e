//! The answer as a comment on a ticket, in the form its tracker has: Markdown, Atlassian's documents, Jira's wiki markup,
//! plain text.
//!
//! An answer holds words of strangers. In a comment they call nobody (`@team`), load nothing (images) and end no code
//! block. Each comment ends with the marker of its run, by which it is known again. Where it goes is not decided here.

mod adf;
mod blocks;
mod wiki;

use std::fmt::Write as _;
use std::ops::Range;

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use serde_json::Value;

use super::{Investigation, Redact, text::to_text};
use blocks::{Block, Span, plain, read};

/// Said first.
const OPENING: &str = "Investigation by holmes-rs";
/// Characters kept for the end: what was cut, and the marker.
const END: usize = 300;

/// The line by which a run's comment is known.
#[must_use]
pub fn marker(run_id: &str) -> String {
    format!("holmes-rs run {run_id}")
}

/// For GitHub, at most `most` characters.
#[must_use]
pub fn to_markdown_comment(run: &Investigation, most: usize, redact: Redact<'_>) -> String {
    let text = harmless(&redact(&to_text(&run.answer)));
    let room = most.saturating_sub(END + OPENING.len());
    let mut kept = String::new();
    let (mut taken, mut fence, mut cut) = (0, false, false);
    for line in text.lines() {
        let length = line.chars().count() + 1;
        if taken + length > room {
            cut = true;
            break;
        }
        fence ^= line.trim_start().starts_with("```");
        taken += length;
        kept.push_str(line);
        kept.push('\n');
    }
    if cut {
        if fence {
            kept.push_str("```\n");
        }
        let _ = write!(kept, "\n{}\n", left_out(run));
    }
    format!("**{OPENING}**\n\n{}\n\n<sub>{}</sub>\n", kept.trim_end(), marker(&run.run_id))
}

/// For Jira Cloud: a document of at most `most` characters of text.
#[must_use]
pub fn to_adf(run: &Investigation, most: usize, redact: Redact<'_>) -> Value {
    adf::document(&fitting(run, most, redact, &|blocks| plain(blocks).chars().count()))
}

/// For Jira Data Center, at most `most` characters.
#[must_use]
pub fn to_wiki(run: &Investigation, most: usize, redact: Redact<'_>) -> String {
    wiki::markup(&fitting(run, most, redact, &|blocks| wiki::markup(blocks).chars().count()))
}

/// For PagerDuty and OpsGenie, at most `most` characters.
#[must_use]
pub fn to_plain(run: &Investigation, most: usize, redact: Redact<'_>) -> String {
    plain(&fitting(run, most, redact, &|blocks| plain(blocks).chars().count()))
}

fn left_out(run: &Investigation) -> String {
    format!("(The rest is left out; `holmes-rs run show {}` has it.)", run.run_id)
}

/// The comment's blocks, as many as `most` has room for; opening and marker always.
fn fitting(
    run: &Investigation,
    most: usize,
    redact: Redact<'_>,
    length: &dyn Fn(&[Block]) -> usize,
) -> Vec<Block> {
    let opening = Block::Paragraph(vec![Span { strong: true, ..Span::plain(OPENING) }]);
    let room = most.saturating_sub(END + OPENING.len());
    let mut blocks = vec![opening];
    let mut taken = 0;
    for block in read(&redact(&to_text(&run.answer))) {
        taken += length(std::slice::from_ref(&block)) + 2;
        if taken > room {
            blocks.push(Block::Paragraph(vec![Span::plain(&left_out(run))]));
            break;
        }
        blocks.push(block);
    }
    blocks.push(Block::Paragraph(vec![Span { emphasis: true, ..Span::plain(&marker(&run.run_id)) }]));
    blocks
}

/// Markdown that calls nobody and loads nothing: mentions, images and HTML become text and links.
fn harmless(markdown: &str) -> String {
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut code = 0_usize;
    for (event, range) in Parser::new_ext(markdown, Options::ENABLE_TABLES).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => code += 1,
            Event::End(TagEnd::CodeBlock) => code = code.saturating_sub(1),
            Event::Start(Tag::Image { .. }) => edits.push((range.start..range.start + 1, String::new())),
            Event::Html(_) | Event::InlineHtml(_) => {
                let source = markdown.get(range.clone()).unwrap_or_default();
                edits.push((range, source.replace('<', "&lt;").replace('@', "@<!-- -->")));
            }
            Event::Text(text) if code == 0 => {
                let source = markdown.get(range.clone()).unwrap_or_default();
                // Written as an entity.
                if text.contains('@') && !source.contains('@') {
                    edits.push((range, text.replace('@', "@<!-- -->")));
                    continue;
                }
                for (at, _) in source.match_indices('@') {
                    let place = range.start + at;
                    edits.push((place..place + 1, "@<!-- -->".to_owned()));
                }
            }
            _ => {}
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(markdown.len());
    let mut done = 0;
    for (range, with) in edits {
        // An edit within one that is made already is not needed any more.
        if range.start < done {
            continue;
        }
        out.push_str(markdown.get(done..range.start).unwrap_or_default());
        out.push_str(&with);
        done = range.end;
    }
    out.push_str(markdown.get(done..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests;
