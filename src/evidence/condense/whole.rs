//! Outputs that fit whole, and what a line costs in a view.

use std::io;
use std::path::Path;

use super::{LINE_FRAME, LONGEST_SHOWN};
use crate::evidence::lines::Lines;
use crate::evidence::tokens;
use crate::evidence::view::{self, Line};

/// Every line, when all of them fit.
pub(super) fn whole(raw: &Path, allowance: u64) -> io::Result<Option<Vec<Line>>> {
    let mut reader = Lines::open(raw)?;
    let mut lines = Vec::new();
    let mut spent = 0;
    while let Some((number, line)) = reader.next(LONGEST_SHOWN + 1)? {
        let text = shown(line, LONGEST_SHOWN);
        spent += tokens::estimate(&text) + LINE_FRAME;
        if spent > allowance || line.len() > LONGEST_SHOWN {
            return Ok(None);
        }
        lines.push((number, text));
    }
    Ok(Some(lines))
}

/// A raw line as text: line end off, invalid UTF-8 replaced, at most `longest` characters.
pub(super) fn shown(line: &[u8], longest: usize) -> String {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let cut = line.get(..line.len().min(longest * 4 + 4)).unwrap_or_default();
    view::clip(&String::from_utf8_lossy(cut), longest)
}
