//! What a model sees of an output that does not fit into its allowance: the lines that decide, by kind of output.
//!
//! One pass with bounded memory, deterministic; the raw file is never changed and never held in memory.

mod document;
mod json;
mod judge;
mod kind;
mod logs;
mod pick;
mod table;
mod whole;

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::view::Line;
pub use kind::Kind;

/// Longer lines are cut for the view; the raw line stays readable through `read_exhibit`.
const LONGEST_SHOWN: usize = 2_000;
/// In a condensed view each line gets less, so that one long line cannot push out the others.
const LONGEST_CONDENSED: usize = 400;
/// Tokens of a line's number and separator.
const LINE_FRAME: u64 = 3;
/// Bytes of a line behind what is shown of it: a secret must not be cut before it is recognised.
const MARGIN: usize = 4 * 1024;

/// What is wanted of an output.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Tokens the view may take.
    pub allowance: u64,
    /// Words of the question, in lower case: what to look for where nothing else tells what matters.
    pub words: &'a [String],
}

/// The chosen lines, and whether any were left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Condensed {
    /// What stands above the lines and is no line of the output: its shape, counts, a span of time. Texts out of the
    /// output in them are redacted and fenced as lines are.
    pub notes: Vec<String>,
    /// Lines by number, ascending; a number may stand more than once, with parts of one long line. Longer than
    /// `longest`, so that they can be redacted first.
    pub lines: Vec<Line>,
    /// Characters of each line to show.
    pub longest: usize,
    pub left_out: bool,
}

/// Chooses from the file `raw` what fits into the allowance.
///
/// # Errors
/// When the file cannot be read.
pub fn condense(raw: &Path, wanted: Wanted<'_>) -> io::Result<Condensed> {
    condense_until(raw, wanted, &AtomicBool::new(false))
}

/// As `condense`; once `stop` is set a long log is read no further, and its view says so.
///
/// # Errors
/// When the file cannot be read.
pub fn condense_until(raw: &Path, wanted: Wanted<'_>, stop: &AtomicBool) -> io::Result<Condensed> {
    let size = std::fs::metadata(raw)?.len();
    // A token is seldom more than six bytes of log text: more than that cannot fit whole.
    if size <= wanted.allowance.saturating_mul(6)
        && let Some(lines) = whole::whole(raw, wanted.allowance)?
    {
        return Ok(Condensed { lines, longest: LONGEST_SHOWN, ..Condensed::default() });
    }
    let read = match Kind::of(raw)? {
        Kind::Json => json::condense(raw, wanted)?,
        Kind::Table => table::condense(raw, wanted)?,
        Kind::Document => document::condense(raw, wanted)?,
        Kind::Log => None,
    };
    // What turns out to have no structure is read as a log, which loses nothing more.
    match read {
        Some(read) => Ok(read),
        None => logs::condense(raw, wanted, stop),
    }
}

#[cfg(test)]
mod tests;
