//! Finds a quote in raw output of any size: blocks that cannot hold it are passed over at the speed of a search
//! for its longest word, the rest is compared line by line.
//!
//! White space and terminal codes are folded, nothing else.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use memchr::memmem::Finder;

use crate::evidence::untrusted::visible;

/// Bytes read at a time. A line longer than this is compared in pieces.
const BLOCK: usize = 1 << 20;
/// What two pieces of one line have in common; a longer quote out of such a line is not found.
const OVERLAP: usize = 64 * 1024;
/// What a byte costs that is compared, in bytes that are only searched: binary noise must not hold up an answer.
const FOLDING: u64 = 32;
/// Neighbours of a line that a quote without line breaks may go over.
const NEIGHBOURS: usize = 5;
/// Lines that are compared together with their neighbours.
const MOST_JOINED: usize = 2_000;
/// Stands where a secret was replaced; a quote may have it where the raw output has the secret.
const SECRET: &str = "<secret:";

/// One line of a quote, folded. Between its pieces stood secrets.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pieces: Vec<String>,
}

impl Part {
    pub(super) fn new(text: &str) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(SECRET) {
            pieces.push(before.to_owned());
            rest = after.split_once('>').map_or("", |(_, after)| after);
        }
        pieces.push(rest.to_owned());
        pieces.retain(|piece| !piece.is_empty());
        Self { pieces }
    }

    pub(super) fn stands_in(&self, text: &str) -> bool {
        let mut rest = text;
        self.pieces.iter().all(|piece| match rest.find(piece.as_str()) {
            Some(at) => {
                rest = rest.get(at + piece.len()..).unwrap_or_default();
                true
            }
            None => false,
        })
    }
}

/// Runs of white space as one space, without what terminals do not show.
pub(super) fn fold(line: &str) -> String {
    visible(line).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// It would take too long to read on.
#[derive(Debug)]
pub(super) struct TooLarge;

/// First and last lines of the places where `quote` (its folded lines) stands, at most `most` of them.
/// `reading` is what may be spent, in bytes.
pub(super) fn places(
    raw: &Path,
    quote: &[String],
    most: usize,
    reading: &mut u64,
) -> Result<Vec<(u64, u64)>, TooLarge> {
    let Ok(mut file) = File::open(raw) else {
        return Ok(Vec::new());
    };
    let mut search = Search::new(quote, most);
    let mut block = vec![0; BLOCK];
    // Bytes of the block in use; number of its first line; whether that line began before the block.
    let (mut filled, mut number, mut inside) = (0, 1, false);
    loop {
        let read = match file.read(block.get_mut(filled..).unwrap_or_default()) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(_) => 0,
        };
        filled += read;
        let held = block.get(..filled).unwrap_or_default();
        let newline = memchr::memrchr(b'\n', held);
        let (stop, next, next_inside) = match newline {
            _ if read == 0 => (filled, filled, false),
            Some(at) => (at + 1, at + 1, false),
            None if filled < BLOCK => continue,
            None => (filled, filled - OVERLAP, true),
        };
        let ready = held.get(..stop).unwrap_or_default();
        *reading = reading.checked_sub(ready.len() as u64).ok_or(TooLarge)?;
        search.block(ready, number, inside, reading)?;
        if read == 0 || search.found.len() >= most {
            return Ok(search.found);
        }
        number += memchr::memchr_iter(b'\n', ready).count() as u64;
        inside = next_inside;
        block.copy_within(next..filled, 0);
        filled -= next;
    }
}

struct Search<'a> {
    parts: Vec<Part>,
    /// All parts as one, for a quote that breaks lines elsewhere than the output.
    joined: Part,
    finder: Finder<'a>,
    /// Beginnings that have held so far: first line, parts matched.
    begun: Vec<(u64, usize)>,
    most: usize,
    joins: usize,
    found: Vec<(u64, u64)>,
}

impl<'a> Search<'a> {
    fn new(quote: &'a [String], most: usize) -> Self {
        // The longest word of the first line: a plain line without it cannot be the first.
        let words = quote.first().map(|head| head.split(' ')).into_iter().flatten();
        let words = words.filter(|word| word.is_ascii() && !word.contains(SECRET));
        let word = words.max_by_key(|word| word.len()).unwrap_or_default();
        Self {
            parts: quote.iter().map(|part| Part::new(part)).collect(),
            joined: Part::new(&quote.join(" ")),
            finder: Finder::new(word.as_bytes()),
            begun: Vec::new(),
            most,
            joins: 0,
            found: Vec::new(),
        }
    }

    fn block(&mut self, block: &[u8], first: u64, inside: bool, reading: &mut u64) -> Result<(), TooLarge> {
        let hides = hides(block);
        if !hides && self.begun.is_empty() && self.finder.find(block).is_none() {
            return Ok(());
        }
        let mut start = 0;
        for (number, line) in (first..).zip(block.split_inclusive(|byte| *byte == b'\n')) {
            let end = start + line.len();
            let piece = inside && number == first;
            self.line(block, (start, end), number, piece, hides, reading)?;
            if self.found.len() >= self.most {
                return Ok(());
            }
            start = end;
        }
        Ok(())
    }

    fn line(
        &mut self,
        block: &[u8],
        (start, end): (usize, usize),
        number: u64,
        piece: bool,
        hides_any: bool,
        reading: &mut u64,
    ) -> Result<(), TooLarge> {
        let line = block.get(start..end).unwrap_or_default();
        let may_begin = self.finder.find(line).is_some() || hides_any && hides(line);
        if !may_begin && self.begun.is_empty() {
            return Ok(());
        }
        *reading = reading.checked_sub(FOLDING * line.len() as u64).ok_or(TooLarge)?;
        let text = fold(&String::from_utf8_lossy(line));
        if text.is_empty() {
            return Ok(());
        }
        if self.joined.stands_in(&text) {
            self.found.push((number, number));
            return Ok(());
        }
        if piece {
            return Ok(());
        }
        self.begun.push((number, 0));
        let parts = &self.parts;
        self.begun.retain_mut(|(_, matched)| {
            let holds = parts.get(*matched).is_some_and(|part| part.stands_in(&text));
            *matched += 1;
            holds
        });
        if let Some(at) = self.begun.iter().position(|(_, matched)| *matched == self.parts.len()) {
            let (first, _) = self.begun.remove(at);
            self.found.push((first, number));
        } else if may_begin && self.joins < MOST_JOINED {
            self.joins += 1;
            self.found.extend(self.across(block, (start, end), number));
        }
        Ok(())
    }

    /// The place where the quote goes over the ends of lines, this line among them.
    fn across(&self, block: &[u8], (start, end): (usize, usize), number: u64) -> Option<(u64, u64)> {
        let text = |line: &[u8]| fold(&String::from_utf8_lossy(line.get(..BLOCK / 16).unwrap_or(line)));
        let before = block.get(..start).unwrap_or_default();
        let before = before.strip_suffix(b"\n").unwrap_or(before);
        let before = before.rsplit(|byte| *byte == b'\n').take(NEIGHBOURS.min(start));
        let mut lines: Vec<String> = before.map(text).collect();
        lines.reverse();
        let mut first = number - lines.len() as u64;
        lines.push(text(block.get(start..end).unwrap_or_default()));
        let after = block.get(end..).unwrap_or_default();
        lines.extend(after.split(|byte| *byte == b'\n').take(NEIGHBOURS).map(text));
        let stands = |lines: &[String]| {
            let lines: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
            self.joined.stands_in(&lines.join(" "))
        };
        let mut rest = lines.as_slice();
        if !stands(rest) {
            return None;
        }
        while let Some((_, fewer)) = rest.split_first().filter(|(_, fewer)| stands(fewer)) {
            rest = fewer;
            first += 1;
        }
        while let Some((_, fewer)) = rest.split_last().filter(|(_, fewer)| stands(fewer)) {
            rest = fewer;
        }
        Some((first, first + (rest.len() as u64).saturating_sub(1)))
    }
}

/// Whether there are bytes that escape codes and invisible characters begin with: such may stand inside of a word.
fn hides(bytes: &[u8]) -> bool {
    // Without an early end, so that many bytes are compared at once.
    bytes
        .iter()
        .fold(false, |any, byte| any | matches!(byte, 0..=8 | 0x1b | 0xc2 | 0xd8 | 0xe1 | 0xe2 | 0xef | 0xf3))
}
