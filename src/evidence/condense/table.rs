//! Chooses the rows of a table (kubectl, ps, df, docker, psql, mysql, ss, top) that differ from the rest.
//!
//! The heading is always shown, the other rows as counts by value. Columns are found from the heading and the first
//! rows; a file that turns out to be no table is read as a log.

use std::collections::HashMap;
use std::io::{self, Read as _};
use std::path::Path;

use super::judge::{Values, is_trouble, is_well, number, tally, words_in};
use super::pick::{Candidate, MOST_CANDIDATES, notes_within, pick, whole_lines};
use super::{Condensed, LONGEST_CONDENSED, Wanted};
use crate::evidence::lines::Lines;

/// Lines above a heading, as `top` has them.
const MOST_ABOVE: usize = 12;
/// Columns that are looked at.
const MOST_COLUMNS: usize = 30;
/// Bytes of a row that are looked at.
const LONGEST_ROW: usize = 2_000;
const LOOKED_AT: u64 = 16 * 1024;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Style {
    /// `a | b | c`.
    Bars,
    /// Columns begin where their names do.
    Places(Vec<usize>),
    /// Columns are words; the last one takes the rest.
    Words,
}

/// How the columns of a table stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// Number of the heading's line.
    heading: u64,
    names: Vec<String>,
    style: Style,
}

impl Layout {
    /// The layout, when `beginning` is the beginning of a table.
    pub(super) fn find(beginning: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(beginning);
        let mut lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches('\r')).collect();
        if beginning.len() as u64 >= LOOKED_AT {
            lines.pop();
        }
        (0..lines.len().min(MOST_ABOVE)).find_map(|at| {
            let heading = lines.get(at)?;
            let rows: Vec<&str> = lines.iter().skip(at + 1).copied().filter(|l| is_row(l)).take(40).collect();
            Self::of(heading, at as u64 + 1, &rows)
        })
    }

    fn of(heading: &str, number: u64, rows: &[&str]) -> Option<Self> {
        if rows.len() < 4 {
            return None;
        }
        let most = |holds: &dyn Fn(&str) -> bool| {
            let held = rows.iter().filter(|row| holds(row)).count();
            held * 100 >= rows.len() * 85
        };
        if heading.contains('|') {
            let names = bars(heading);
            if names.len() >= 2
                && names.iter().all(|name| is_name(name))
                && most(&|row| row.matches('|').count() >= heading.matches('|').count())
            {
                return Some(Self { heading: number, names, style: Style::Bars });
            }
            return None;
        }
        let (starts, names): (Vec<usize>, Vec<String>) =
            gaps(heading).map(|(at, name)| (at, name.to_owned())).unzip();
        if names.len() >= 3 && names.iter().all(|name| is_name(name)) {
            let fits = |row: &str| {
                let bytes = row.as_bytes();
                let holds = |at: &&usize| {
                    bytes.get(at.saturating_sub(1)).is_none_or(|b| *b == b' ')
                        && (**at == 0 || bytes.get(**at).is_none_or(|b| *b != b' '))
                };
                starts.iter().filter(holds).count() * 10 >= starts.len() * 7
            };
            if most(&fits) {
                return Some(Self { heading: number, names, style: Style::Places(starts) });
            }
        }
        let names: Vec<String> = heading.split_whitespace().map(str::to_owned).collect();
        let capitals = names.iter().filter(|name| !name.starts_with(|c: char| c.is_lowercase())).count();
        let words = |row: &str| row.split_whitespace().count();
        if names.len() >= 3
            && capitals * 2 > names.len()
            && names.iter().all(|name| is_name(name))
            && most(&|row| words(row) + 3 >= names.len())
            && rows.iter().filter(|row| row.bytes().any(|b| b.is_ascii_digit())).count() * 2 > rows.len()
        {
            return Some(Self { heading: number, names, style: Style::Words });
        }
        None
    }

    fn cells<'a>(&self, row: &'a str) -> Vec<&'a str> {
        match &self.style {
            Style::Bars => row
                .trim()
                .trim_start_matches('|')
                .split('|')
                .map(str::trim)
                .take(self.names.len().min(MOST_COLUMNS))
                .collect(),
            Style::Words => {
                let mut rest = row.trim_start();
                let mut cells = Vec::new();
                while cells.len() + 1 < self.names.len().min(MOST_COLUMNS) && !rest.is_empty() {
                    let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                    let (cell, after) = rest.split_at(end);
                    cells.push(cell);
                    rest = after.trim_start();
                }
                cells.push(rest.trim_end());
                cells
            }
            Style::Places(starts) => {
                // A cell wider than its column moves what follows it: then the gaps tell the columns.
                let by_gap: Vec<&str> =
                    row.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
                if by_gap.len() == starts.len() {
                    return by_gap;
                }
                let mut cells = vec![""; starts.len().min(MOST_COLUMNS)];
                for (at, text) in gaps(row) {
                    place_cells(at, text, starts, &mut cells);
                }
                cells
            }
        }
    }
}

fn is_row(line: &str) -> bool {
    !line.trim().is_empty() && !line.bytes().all(|b| matches!(b, b'-' | b'+' | b'=' | b' ' | b'|' | b':'))
}

/// A word that names a column rather than holds a value.
fn is_name(name: &str) -> bool {
    let letters = name.chars().filter(|c| c.is_alphabetic()).count();
    letters > 0
        && name.len() <= 40
        && !name.contains(['"', '=', '{', ';', '['])
        && name.bytes().filter(u8::is_ascii_digit).count() * 2 <= letters
        && !name.ends_with([':', ','])
}

fn bars(line: &str) -> Vec<String> {
    line.trim().trim_matches('|').split('|').map(|name| name.trim().to_owned()).collect()
}

/// Puts a text that begins at byte `at` into the column that begins nearest, and divides it where it fills its column
/// up to the next one.
fn place_cells<'a>(at: usize, text: &'a str, starts: &[usize], cells: &mut [&'a str]) {
    let column = starts.iter().rposition(|start| *start <= at + 2).unwrap_or(0);
    let next = starts.get(column + 1).and_then(|start| start.checked_sub(at + 1));
    let split = next.filter(|split| *split > 0 && text.as_bytes().get(*split) == Some(&b' '));
    let (cell, rest) = split.and_then(|split| text.split_at_checked(split)).unwrap_or((text, ""));
    if let Some(place) = cells.get_mut(column) {
        *place = cell.trim();
    }
    if !rest.is_empty() {
        let gone = text.len() - rest.trim_start().len();
        place_cells(at + gone, rest.trim_start(), starts, cells);
    }
}

/// Texts divided by two spaces or more, and the bytes they begin at.
fn gaps(line: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    line.split("  ").filter_map(move |part| {
        let from = at + part.len() - part.trim_start().len();
        at += part.len() + 2;
        let text = part.trim();
        (!text.is_empty()).then_some((from, text))
    })
}

/// Chooses the rows; `None` when the file is no table after all.
pub(super) fn condense(raw: &Path, wanted: Wanted<'_>) -> io::Result<Option<Condensed>> {
    let mut beginning = Vec::new();
    std::fs::File::open(raw)?.take(LOOKED_AT).read_to_end(&mut beginning)?;
    let Some(layout) = Layout::find(&beginning) else { return Ok(None) };
    let survey = Survey::take(raw, &layout, wanted.words)?;
    if survey.misfits * 4 > survey.rows {
        return Ok(None);
    }
    let (notes, spent) = notes_within(survey.notes(&layout), wanted.allowance / 3);
    let candidates = survey.candidates(raw, &layout, wanted.words)?;
    let lines = whole_lines(raw, pick(candidates, wanted.allowance.saturating_sub(spent)))?;
    Ok(Some(Condensed { notes, lines, longest: LONGEST_CONDENSED, left_out: true }))
}

/// What one pass over the rows found.
struct Survey {
    rows: u64,
    misfits: u64,
    columns: Vec<Values>,
    /// For each word of the question the rows that hold it.
    words: Vec<u64>,
}

impl Survey {
    fn take(raw: &Path, layout: &Layout, words: &[String]) -> io::Result<Self> {
        let columns = layout.names.iter().take(MOST_COLUMNS).map(|_| Values::default()).collect();
        let mut survey = Self { rows: 0, misfits: 0, columns, words: vec![0; words.len()] };
        let mut reader = Lines::open(raw)?;
        while let Some((number, line)) = reader.next(LONGEST_ROW)? {
            let text = String::from_utf8_lossy(line);
            if number <= layout.heading || !is_row(&text) {
                continue;
            }
            survey.rows += 1;
            let cells = layout.cells(&text);
            survey.misfits += u64::from(cells.len() < 2);
            for (column, cell) in survey.columns.iter_mut().zip(&cells) {
                column.add(cell);
            }
            let lower = text.to_lowercase();
            for (word, count) in words.iter().zip(&mut survey.words) {
                *count += u64::from(lower.contains(word.as_str()));
            }
        }
        survey.columns.iter_mut().for_each(Values::settle);
        Ok(survey)
    }

    fn notes(&self, layout: &Layout) -> Vec<String> {
        let mut notes =
            vec![format!("table of {} rows; those that differ are below, the others in counts", self.rows)];
        for (name, column) in layout.names.iter().zip(&self.columns) {
            if let Some(values) = column.by_count()
                && values.len() > 1
            {
                notes.push(tally(name, &values, 6));
            } else if let Some((value, _)) = column.by_count().and_then(|values| values.first().copied())
                && state_column(name)
            {
                notes.push(format!("{name}: {value} in each"));
            }
        }
        notes
    }

    fn candidates(&self, raw: &Path, layout: &Layout, words: &[String]) -> io::Result<Vec<Candidate>> {
        let mut candidates = Vec::new();
        let mut signatures: HashMap<String, u32> = HashMap::new();
        let mut reader = Lines::open(raw)?;
        let mut tail: Option<Candidate> = None;
        while let Some((number, line)) = reader.next(LONGEST_ROW)? {
            let text = String::from_utf8_lossy(line);
            if number <= layout.heading {
                candidates.push(Candidate::line(u32::from(number < layout.heading), number, &text));
                continue;
            }
            if !is_row(&text) {
                continue;
            }
            let cells = layout.cells(&text);
            let (mut points, signature) = self.judge(layout, &cells, &text);
            let lower = text.to_lowercase();
            for (word, count) in words.iter().zip(&self.words) {
                // A word in every row tells nothing; one that names few rows asks for them.
                if *count * 5 <= self.rows.max(25) && lower.contains(word.as_str()) {
                    points += if *count <= 3 { 40 } else { 25 };
                }
            }
            if points == 0 {
                if number <= layout.heading + 3 {
                    candidates.push(Candidate::line(900, number, &text));
                }
                tail = Some(Candidate::line(901, number, &text));
                continue;
            }
            if words_in(&signature, words) > 0 {
                points += 5;
            }
            let repeats = signatures.entry(signature).or_default();
            *repeats += 1;
            // The first of each way to differ, then second ones; a hundred alike do not push out the one that is not.
            let rank = 200 - points.min(150) + (*repeats).min(400) * 60 / 2;
            if *repeats <= 200 && candidates.len() < MOST_CANDIDATES {
                candidates.push(Candidate::line(rank, number, &text));
            }
        }
        candidates.extend(tail);
        Ok(candidates)
    }

    /// How much a row differs, and in what.
    fn judge(&self, layout: &Layout, cells: &[&str], text: &str) -> (u32, String) {
        let mut points = 0;
        let mut signature = String::new();
        for ((name, column), cell) in layout.names.iter().zip(&self.columns).zip(cells) {
            let state = state_column(name);
            let mut differs = 0;
            if state && !is_well(cell) && number(cell).is_none() && (column.few() || is_trouble(cell)) {
                differs = if is_trouble(cell) { 30 } else { 12 };
            }
            if let Some((ready, all)) = cell.split_once('/')
                && let (Ok(ready), Ok(all)) = (ready.parse::<u32>(), all.parse::<u32>())
                && ready < all
                && column.few()
            {
                differs = differs.max(45);
            }
            if name.eq_ignore_ascii_case("restarts") && number(cell).is_some_and(|n| n > 0.0) {
                differs = differs.max(if column.is_rare(cell) || column.is_outlier(cell) { 40 } else { 20 });
            }
            if name.contains('%') || cell.ends_with('%') || cell.contains("%/") {
                let use_of = name.to_ascii_lowercase().contains("use") && cell.ends_with('%');
                if use_of && number(cell).is_some_and(|n| n >= 90.0) {
                    differs = differs.max(50);
                }
                let percent = number(cell.split('%').next().unwrap_or_default());
                if cell.contains("%/") && percent.is_some_and(|n| n >= 100.0) {
                    differs = differs.max(45);
                }
            }
            if column.is_missing(cell) {
                differs = differs.max(25);
            }
            if column.is_rare(cell) {
                differs = differs.max(if number(cell).is_some() { 12 } else { 30 });
            }
            if column.is_outlier(cell) && !id_column(name) {
                differs = differs.max(35);
            }
            if differs > 0 {
                points += differs;
                if column.few() {
                    signature.push_str(cell);
                }
                signature.push_str(name);
            }
        }
        if is_trouble(text) {
            points += 15;
            if signature.is_empty() {
                signature.extend(text.chars().filter(|c| !c.is_ascii_digit()).take(60));
            }
        }
        if text.contains("(deleted)") {
            points += 20;
        }
        (points, signature)
    }
}

/// A column that tells how a thing is.
fn state_column(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["status", "state", "stat", "ready", "phase", "health", "active", "sub", "condition", "available", "type"]
        .iter()
        .any(|word| name == *word || name.ends_with(&format!(" {word}")))
}

/// A column whose numbers are names.
fn id_column(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    matches!(
        name.as_str(),
        "pid" | "ppid" | "id" | "uid" | "inode" | "node" | "port" | "tid" | "oid" | "datid"
    ) || name.ends_with("offset")
}
