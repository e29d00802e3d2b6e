//! Fills an allowance with the lines worth most, for outputs that have a structure.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::whole::shown;
use super::{LINE_FRAME, LONGEST_CONDENSED, MARGIN};
use crate::evidence::lines::Lines;
use crate::evidence::tokens;
use crate::evidence::view::{self, Line};

/// Tokens of `… 12345 lines left out …` and the bars and spaces around it.
const GAP: u64 = 10;
/// Candidates kept: by far more than any view can hold.
pub(super) const MOST_CANDIDATES: usize = 6_000;

/// A line, or a part of a long one, that may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// The lower, the sooner it is taken.
    pub(super) rank: u32,
    pub(super) line: u64,
    /// Bytes of the file, where the candidate is a part of a line; 0 and 0 for a whole one.
    pub(super) from: u64,
    pub(super) to: u64,
    /// Tokens of the text alone.
    pub(super) cost: u64,
}

impl Candidate {
    pub(super) fn line(rank: u32, line: u64, text: &str) -> Self {
        Self { rank, line, from: 0, to: 0, cost: cost(text) }
    }
}

/// Tokens of a text as it will be shown.
pub(super) fn cost(text: &str) -> u64 {
    if text.len() <= LONGEST_CONDENSED {
        return tokens::estimate(text);
    }
    tokens::estimate(&view::clip(text, LONGEST_CONDENSED))
}

/// The chosen lines, whole, with room for secrets to be recognised.
pub(super) fn whole_lines(raw: &Path, chosen: Vec<Candidate>) -> io::Result<Vec<Line>> {
    let mut lines = Vec::new();
    let mut reader = Lines::open(raw)?;
    for candidate in chosen {
        reader.skip_to(candidate.line)?;
        if let Some((number, line)) = reader.next(LONGEST_CONDENSED * 4 + MARGIN)? {
            lines.push((number, shown(line, LONGEST_CONDENSED + MARGIN)));
        }
    }
    Ok(lines)
}

/// The candidates that fit, best first; those that do not fit are passed over. In the order of the file.
pub(super) fn pick(mut candidates: Vec<Candidate>, allowance: u64) -> Vec<Candidate> {
    candidates.sort_unstable();
    let mut lines = BTreeSet::new();
    let mut chosen = Vec::new();
    // Nothing chosen is one gap.
    let mut left = allowance.saturating_sub(GAP);
    for candidate in candidates {
        let whole = candidate.to == 0;
        if whole && lines.contains(&candidate.line) {
            continue;
        }
        // Between its neighbours there is one gap now; behind it there are none, one or two.
        let gaps = if lines.contains(&candidate.line) {
            1
        } else {
            let beside = |line: u64| line == 0 || lines.contains(&line);
            u64::from(!beside(candidate.line - 1)) + u64::from(!beside(candidate.line + 1))
        };
        let cost = candidate.cost + LINE_FRAME + gaps * GAP;
        if cost > left + GAP {
            continue;
        }
        left = left + GAP - cost;
        lines.insert(candidate.line);
        chosen.push(candidate);
    }
    chosen.sort_unstable_by_key(|candidate| (candidate.line, candidate.from));
    chosen
}

/// Notes within `allowance` tokens, as many as fit, and what they take.
pub(super) fn notes_within(notes: Vec<String>, allowance: u64) -> (Vec<String>, u64) {
    let mut spent = 0;
    let mut kept = Vec::new();
    for note in notes {
        let cost = tokens::estimate(&note) + LINE_FRAME;
        if spent + cost <= allowance {
            spent += cost;
            kept.push(note);
        }
    }
    (kept, spent)
}
