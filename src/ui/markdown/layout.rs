//! Fitting styled text into columns: wrapping that carries colours over line ends, and tables.

use textwrap::core::{Word, display_width};
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};

const RESET: &str = "\u{1b}[0m";
/// A table column is not squeezed below this; the line then grows past the edge.
const LEAST_COLUMN: usize = 8;
/// Between two columns.
const GAP: usize = 2;

/// Lines of at most `width` columns. Words longer than that stay whole: half a pod name is no pod name.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    wrapped(text, width, false)
}

fn wrapped(text: &str, width: usize, break_words: bool) -> Vec<String> {
    let options = Options::new(width.max(1))
        .break_words(break_words)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
        .word_separator(WordSeparator::Custom(words));
    let mut lines: Vec<String> = Vec::new();
    for line in text.split('\n') {
        lines.extend(textwrap::wrap(line, &options).into_iter().map(std::borrow::Cow::into_owned));
    }
    carry_styles(&mut lines);
    lines
}

/// Spaces part words; scripts written without spaces are parted by Unicode's rules.
fn words(line: &str) -> Box<dyn Iterator<Item = Word<'_>> + '_> {
    let spaceless = line
        .chars()
        .any(|c| matches!(c, '\u{e00}'..='\u{eff}' | '\u{2e80}'..='\u{d7ff}' | '\u{20000}'..='\u{3ffff}'));
    if spaceless {
        WordSeparator::UnicodeBreakProperties.find_words(line)
    } else {
        WordSeparator::AsciiSpace.find_words(line)
    }
}

/// Ends open styles at each line's end and takes them up on the next line.
fn carry_styles(lines: &mut [String]) {
    let mut open = String::new();
    for line in lines {
        let before = std::mem::take(&mut open);
        open.clone_from(&before);
        let mut rest = line.as_str();
        while let Some(start) = rest.find('\u{1b}') {
            let Some(code) = rest.get(start..) else { break };
            let end = code.find('m').map_or(code.len(), |at| at + 1);
            let code = code.get(..end).unwrap_or_default();
            if code == RESET {
                open.clear();
            } else {
                open.push_str(code);
            }
            rest = rest.get(start + end..).unwrap_or_default();
        }
        if !before.is_empty() {
            line.insert_str(0, &before);
        }
        if !open.is_empty() {
            line.push_str(RESET);
        }
    }
}

/// Rows of cells as lines, columns aligned; the first row is the header.
pub(super) fn table(rows: &[Vec<String>], width: usize, rule: char) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let mut widths = vec![0; columns];
    for row in rows {
        for (wide, cell) in widths.iter_mut().zip(row) {
            *wide = (*wide).max(display_width(cell));
        }
    }
    fit(&mut widths, width);
    let mut out = Vec::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<Vec<String>> =
            widths.iter().zip(row).map(|(wide, cell)| wrapped(cell, *wide, true)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or_default();
        for level in 0..height {
            let mut line = String::new();
            for (cell, wide) in cells.iter().zip(&widths) {
                let text = cell.get(level).map_or("", String::as_str);
                line.push_str(text);
                line.push_str(&" ".repeat(wide.saturating_sub(display_width(text)) + GAP));
            }
            line.truncate(line.trim_end().len());
            out.push(line);
        }
        if number == 0 {
            let bars: Vec<String> = widths.iter().map(|wide| rule.to_string().repeat(*wide)).collect();
            out.push(bars.join(&" ".repeat(GAP)));
        }
    }
    out
}

/// Cuts the widest columns down until the row fits.
fn fit(widths: &mut [usize], width: usize) {
    let room = width.saturating_sub(GAP * widths.len().saturating_sub(1));
    let total: usize = widths.iter().sum();
    if total <= room {
        return;
    }
    let mut cap = room.max(LEAST_COLUMN);
    while cap > LEAST_COLUMN && widths.iter().map(|wide| (*wide).min(cap)).sum::<usize>() > room {
        cap -= 1;
    }
    for wide in widths {
        *wide = (*wide).min(cap);
    }
}
