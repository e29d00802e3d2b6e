//! The last line of a stream of any length, in bounded memory.

/// Enough for any line worth showing; of a longer one the end is kept.
const HELD: usize = 4096;
/// The most of a line that is shown, in bytes.
const SHOWN: usize = 300;

/// The end of what was pushed.
#[derive(Debug, Default)]
pub(super) struct Tail(Vec<u8>);

impl Tail {
    pub(super) fn push(&mut self, chunk: &[u8]) {
        let start = chunk.len().saturating_sub(HELD);
        let end = chunk.get(start..).unwrap_or_default();
        let excess = (self.0.len() + end.len()).saturating_sub(HELD);
        self.0.drain(..excess.min(self.0.len()));
        self.0.extend_from_slice(end);
    }

    /// The last line with something to read in it, cut at 300 bytes, fit for a terminal.
    pub(super) fn last_line(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let mut line = text.split(['\n', '\r']).rev().map(plain).find(|line| !line.is_empty())?;
        if line.len() > SHOWN {
            line.truncate(line.floor_char_boundary(SHOWN - '…'.len_utf8()));
            line.push('…');
        }
        Some(line)
    }
}

/// Without colour sequences and control characters.
fn plain(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\u{1b}' && chars.next_if_eq(&'[').is_some() {
            while chars.next_if(|c| !('@'..='~').contains(c)).is_some() {}
            chars.next();
        } else if c == '\t' {
            out.push(' ');
        } else if !c.is_control() {
            out.push(c);
        }
    }
    out.trim().to_owned()
}
