//! Reads raw output line by line with bounded memory: a line is kept up to a limit, the rest is passed over.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::Path;

/// Lines of one raw file, numbered from 1.
#[derive(Debug)]
pub struct Lines {
    reader: BufReader<File>,
    line: Vec<u8>,
    number: u64,
}

impl Lines {
    /// # Errors
    /// When the file cannot be opened.
    pub fn open(raw: &Path) -> io::Result<Self> {
        let reader = BufReader::with_capacity(256 * 1024, File::open(raw)?);
        Ok(Self { reader, line: Vec::new(), number: 0 })
    }

    /// The next line without its line feed, at most `keep` bytes of it, and its number. `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn next(&mut self, keep: usize) -> io::Result<Option<(u64, &[u8])>> {
        self.line.clear();
        let mut any = false;
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                break;
            }
            any = true;
            let end = memchr::memchr(b'\n', available);
            let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
            let room = keep.saturating_sub(self.line.len()).min(part.len());
            self.line.extend_from_slice(part.get(..room).unwrap_or_default());
            let used = end.map_or(available.len(), |at| at + 1);
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        if !any {
            return Ok(None);
        }
        self.number += 1;
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(Some((self.number, &self.line)))
    }

    /// Passes over lines so that the next one is `number`; at the end of the file, where it is shorter.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn skip_to(&mut self, number: u64) -> io::Result<()> {
        let mut unfinished = false;
        while self.number + 1 < number {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                // A last line without a line feed is one too.
                self.number += u64::from(unfinished);
                break;
            }
            let wanted = number - 1 - self.number;
            let last = usize::try_from(wanted - 1).unwrap_or(usize::MAX);
            // Most blocks hold fewer lines than are wanted, and counting is several times faster than finding.
            let count = memchr::memchr_iter(b'\n', available).count();
            let (lines, used) = if count > last {
                let end =
                    memchr::memchr_iter(b'\n', available).nth(last).map_or(available.len(), |at| at + 1);
                (wanted, end)
            } else {
                (count as u64, available.len())
            };
            unfinished = available.get(used - 1).is_some_and(|byte| *byte != b'\n');
            self.reader.consume(used);
            self.number += lines;
        }
        Ok(())
    }

    /// Passes over at most `most` lines; how many there were.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn pass(&mut self, most: u64) -> io::Result<u64> {
        let before = self.number;
        self.skip_to(before.saturating_add(most).saturating_add(1))?;
        Ok(self.number - before)
    }

    /// Number of the line read last; 0 before the first.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_passed_over_are_counted_with_and_without_a_last_line_feed() {
        let raw = tempfile::NamedTempFile::new().unwrap();
        for (text, wanted) in [("", 0), ("a", 1), ("a\n", 1), ("a\n\nb", 3), ("a\n\nb\n", 3)] {
            std::fs::write(raw.path(), text).unwrap();
            let mut lines = Lines::open(raw.path()).unwrap();
            assert_eq!(lines.pass(100).unwrap(), wanted, "{text:?}");
            assert_eq!(lines.number(), wanted);
            let mut lines = Lines::open(raw.path()).unwrap();
            assert_eq!(lines.pass(1).unwrap() + lines.pass(9).unwrap(), wanted, "{text:?}");
        }
    }
}
