//! The lines of an exhibit that a finding cites, with a few around them, read from its raw output.

use super::Redact;
use crate::evidence::{Exhibit, Lines};

/// Lines shown before and after a citation.
const AROUND: u64 = 2;
/// A citation of more lines than this is shown by its first ones.
const MOST: u64 = 20;
const LINE_BYTES: usize = 2000;

/// One line near a citation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct CitedLine {
    pub(super) number: u64,
    pub(super) text: String,
    /// It is cited itself.
    pub(super) cited: bool,
}

/// Empty when the raw output is gone.
pub(super) fn lines(exhibit: &Exhibit, cited: (u64, u64), redact: Redact<'_>) -> Vec<CitedLine> {
    let (first, last) = cited;
    let last = last.clamp(first, first.saturating_add(MOST));
    let (from, to) = (first.saturating_sub(AROUND), last.saturating_add(AROUND));
    let mut out = Vec::new();
    let Ok(mut source) = Lines::open(&exhibit.path) else { return out };
    if source.skip_to(from).is_err() {
        return out;
    }
    while let Ok(Some((number, bytes))) = source.next(LINE_BYTES) {
        if number > to {
            break;
        }
        if number >= from {
            out.push(CitedLine {
                number,
                text: redact(&String::from_utf8_lossy(bytes)),
                cited: (first..=last).contains(&number),
            });
        }
    }
    out
}
