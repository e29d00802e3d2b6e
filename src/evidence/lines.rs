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
        while self.number + 1 < number {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
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
            self.reader.consume(used);
            self.number += lines;
        }
        Ok(())
    }
}
