//! Citations in prose: `[E3]`, `[E3:41]`, `[E3:41-44]`, the claim they stand in and the quote beside them.
//!
//! Reads what models write, so it forgives brackets, dashes and letter case. It decides nothing about
//! truth, and it runs over text of any size in one pass.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::Finding;

/// A quote further from its citation than this (in bytes) is taken for something else.
const NEAR: usize = 60;
/// Backticks also mark names and commands, so a quote in them must lean on its citation.
const NEAR_CODE: usize = 12;
/// Longer claims are cut to the words next to the citation.
const CLAIM_BYTES: usize = 400;

/// One bracket with one or more citations in it.
#[expect(clippy::expect_used, reason = "a constant pattern that the tests compile")]
static GROUP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        `? (?: [\[【] \s* (?i: exhibits? \s* )? [Ee]\d{1,6} | \( \s* E\d{1,6} )
        (?: \s*[:,;–—-]\s* | \s+ | \d | [Ll](?:ines?)?\.? | [Ee] )*
        [\])】] `?",
    )
    .expect("valid pattern")
});

#[expect(clippy::expect_used, reason = "a constant pattern that the tests compile")]
static ONE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x) [Ee](\d{1,6})
        (?: \s*[:,]?\s* (?:[Ll](?:ines?)?\.?)? \s* (\d{1,12}) (?: \s*[-–—]\s* [Ll]?(\d{1,12}) )? )?",
    )
    .expect("valid pattern")
});

/// Exhibit and claimed lines of one citation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Citation {
    pub(super) exhibit: u32,
    pub(super) lines: Option<(u64, u64)>,
}

/// Reads what a model put where an exhibit belongs: `E3`, `3`, `[E3:41-44]`.
pub(super) fn parse_one(text: &str) -> Option<Citation> {
    let text = text.trim();
    if let Ok(exhibit) = text.trim_start_matches('#').parse::<u32>() {
        return Some(Citation { exhibit, lines: None });
    }
    all_in(text).into_iter().next()
}

fn all_in(group: &str) -> Vec<Citation> {
    ONE.captures_iter(group)
        .filter_map(|found| {
            let exhibit = found.get(1)?.as_str().parse().ok()?;
            let first = found.get(2).and_then(|m| m.as_str().parse::<u64>().ok());
            let last = found.get(3).and_then(|m| m.as_str().parse::<u64>().ok());
            let lines =
                first.filter(|first| *first > 0).map(|first| (first, last.unwrap_or(first).max(first)));
            Some(Citation { exhibit, lines })
        })
        .collect()
}

/// The text without its citations.
pub(super) fn without(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for found in GROUP.find_iter(text) {
        let before = text.get(at..found.start()).unwrap_or_default();
        out.push_str(before.trim_end_matches(' '));
        at = found.end();
        // A space only where words go on.
        let next = text.get(at..).and_then(|rest| rest.chars().next());
        if out.is_empty() || next.is_none_or(|c| !c.is_alphanumeric()) {
            continue;
        }
        out.push(' ');
    }
    out.push_str(text.get(at..).unwrap_or_default());
    out.trim().to_owned()
}

/// Findings of one block of prose (a paragraph or a list item, no code block).
pub(super) fn findings(block: &str) -> Vec<Finding> {
    let groups: Vec<Range<usize>> = GROUP.find_iter(block).map(|m| m.range()).collect();
    if groups.is_empty() {
        return Vec::new();
    }
    let quotes = quotes(block, &groups);
    let leading = groups.first().is_some_and(|first| {
        block.get(..first.start).is_some_and(|before| !before.chars().any(char::is_alphanumeric))
    });
    let mut out = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        let previous = number.checked_sub(1).and_then(|n| groups.get(n)).map_or(0, |range| range.end);
        let next = groups.get(number + 1).map_or(block.len(), |range| range.start);
        let quote = near(&quotes, group, previous, next);
        // "[E3] the pod was killed": the claim follows. Anything else: it precedes.
        let said =
            if leading { group.end..next } else { last_sentence(block, previous..group.start, &quotes) };
        let mut claim = tidy(block.get(said).unwrap_or_default());
        if claim.is_empty() {
            claim.clone_from(&quote);
        }
        for citation in all_in(block.get(group.clone()).unwrap_or_default()) {
            out.push(Finding {
                claim: claim.clone(),
                exhibit: citation.exhibit,
                quote: quote.clone(),
                lines: citation.lines,
                verified: false,
                why: None,
            });
        }
    }
    out
}

/// A quoted span: all of it, and what stands between the marks.
struct Quote {
    whole: Range<usize>,
    text: String,
    /// How far from a citation it may stand and still belong to it.
    reach: usize,
}

/// Every `"…"`, `“…”` and backticked span, none of them a citation itself.
fn quotes(block: &str, groups: &[Range<usize>]) -> Vec<Quote> {
    let mut out = Vec::new();
    let mut at = 0;
    let mut exhausted: Vec<(char, usize)> = Vec::new();
    let mut groups = groups.iter().peekable();
    while let Some(rest) = block.get(at..) {
        let Some(step) = rest.find(['"', '“', '`']) else {
            break;
        };
        let start = at + step;
        while groups.next_if(|group| group.end <= start).is_some() {}
        if let Some(group) = groups.peek()
            && group.start <= start
        {
            at = group.end;
            continue;
        }
        let Some(mark) = rest.get(step..).and_then(|r| r.chars().next()) else {
            break;
        };
        let width = if mark == '`' {
            rest.get(step..).map_or(1, |r| r.len() - r.trim_start_matches('`').len())
        } else {
            mark.len_utf8()
        };
        let inner = start + width;
        at = inner;
        if exhausted.contains(&(mark, width)) {
            continue;
        }
        let Some(length) = closing(block.get(inner..).unwrap_or_default(), mark, width) else {
            if exhausted.len() < 32 {
                exhausted.push((mark, width));
            } else {
                break;
            }
            continue;
        };
        let end = inner + length;
        let close = if mark == '“' { '”'.len_utf8() } else { width };
        at = end + close;
        let text = fold(block.get(inner..end).unwrap_or_default());
        if !text.is_empty() {
            out.push(Quote { whole: start..at, text, reach: if mark == '`' { NEAR_CODE } else { NEAR } });
        }
    }
    out
}

/// Where the span that was opened with `width` bytes of `mark` closes.
fn closing(text: &str, mark: char, width: usize) -> Option<usize> {
    match mark {
        '"' => text.find('"'),
        '“' => text.find('”'),
        _ => {
            let mut at = 0;
            loop {
                let rest = text.get(at..)?;
                let start = at + rest.find('`')?;
                let run = text.get(start..).map_or(1, |r| r.len() - r.trim_start_matches('`').len());
                if run == width {
                    return Some(start);
                }
                at = start + run;
            }
        }
    }
}

/// The quote that belongs to a citation: the nearest before it, else the nearest after it.
fn near(quotes: &[Quote], group: &Range<usize>, previous: usize, next: usize) -> String {
    let upto = quotes.partition_point(|quote| quote.whole.end <= group.start);
    let before = upto
        .checked_sub(1)
        .and_then(|n| quotes.get(n))
        .filter(|quote| quote.whole.start >= previous && group.start - quote.whole.end <= quote.reach);
    let after = quotes.get(upto).filter(|quote| {
        quote.whole.start >= group.end
            && quote.whole.end <= next
            && quote.whole.start - group.end <= quote.reach
    });
    // A quote after the citation that leans on it is meant, even if a name stands further before it.
    let chosen = match (before, after) {
        (Some(before), Some(after))
            if group.start - before.whole.end > 3 && after.whole.start - group.end <= 3 =>
        {
            Some(after)
        }
        (before, after) => before.or(after),
    };
    chosen.map(|quote| quote.text.clone()).unwrap_or_default()
}

/// The part of `range` after its last full stop that ends a sentence.
fn last_sentence(block: &str, range: Range<usize>, quotes: &[Quote]) -> Range<usize> {
    let text = block.get(range.clone()).unwrap_or_default();
    let body = text.trim_end().len();
    let floor = body.saturating_sub(CLAIM_BYTES);
    let mut start = range.start;
    for (index, _) in text.match_indices(['.', '!', '?', ';']) {
        let at = range.start + index;
        let rest = text.get(index + 1..).unwrap_or_default();
        let ends = rest.starts_with(char::is_whitespace)
            && rest
                .trim_start()
                .starts_with(|c: char| c.is_uppercase() || matches!(c, '`' | '"' | '“' | '*'));
        let upto = quotes.partition_point(|quote| quote.whole.end <= at);
        let inside = quotes.get(upto).is_some_and(|q| q.whole.start < at);
        if ends && !inside && index + 1 < body {
            start = at + 1;
        }
    }
    if start < range.start + floor {
        start = range.start + floor;
        while !block.is_char_boundary(start) {
            start += 1;
        }
    }
    start..range.end
}

/// A claim as words: no list marker, no emphasis, no dangling punctuation.
fn tidy(text: &str) -> String {
    let folded = fold(&text.replace("**", "").replace("__", ""));
    let start = folded.trim_start_matches(['-', '*', '+', '>', '#', ' ', ',', ';', ':', '.', '—', '–', ')']);
    let mut claim = start.trim_end_matches([' ', ':', ',', ';', '-', '—', '–', '(', '.']).to_owned();
    if claim.len() > CLAIM_BYTES {
        let mut end = CLAIM_BYTES;
        while !claim.is_char_boundary(end) {
            end -= 1;
        }
        claim.truncate(end);
        claim.push('…');
    }
    claim
}

/// Runs of white space as one space.
pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}
