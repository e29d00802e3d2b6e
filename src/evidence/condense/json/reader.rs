//! Reads JSON as a stream of leaves with their places, whatever its size: no value is held, only the path to it.
//!
//! Lenient: what is no JSON ends the reading, and what was read until then counts.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom};
use std::path::Path;

/// Deeper values are passed over.
const DEEPEST: usize = 100;
/// Bytes of a value that are looked at.
const LONGEST_VALUE: usize = 400;
/// Bytes of a key that are looked at.
const LONGEST_KEY: usize = 200;

/// A step of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    Key(String),
    Index(u64),
}

/// What is read, in the order of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Event<'a> {
    Open {
        is_object: bool,
    },
    Close,
    /// A string without its quotes, as it is written; a number; `true`, `false`, `null`; an empty array or object.
    Leaf {
        value: &'a str,
        is_string: bool,
        line: u64,
        /// Bytes of the file, from the key's quote on to the value's end.
        from: u64,
        to: u64,
    },
}

/// Where one is, while events are read.
#[derive(Debug, Default)]
pub(super) struct Place {
    pub(super) steps: Vec<Step>,
    /// The path with `[]` for each index, so that the elements of an array share it.
    pub(super) shape: String,
    lengths: Vec<usize>,
}

impl Place {
    fn push(&mut self, step: Step) {
        self.lengths.push(self.shape.len());
        match &step {
            Step::Key(key) => {
                self.shape.push('.');
                self.shape.push_str(key);
            }
            // The places of a pair, `[time, value]`, mean different things.
            Step::Index(index @ 0..4) if matches!(self.steps.last(), Some(Step::Index(_))) => {
                self.shape.extend(["[", &index.to_string(), "]"]);
            }
            Step::Index(_) => self.shape.push_str("[]"),
        }
        self.steps.push(step);
    }

    fn pop(&mut self) {
        self.steps.pop();
        self.shape.truncate(self.lengths.pop().unwrap_or(0));
    }

    pub(super) fn key(&self) -> &str {
        let keys = self.steps.iter().rev().find_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        });
        keys.unwrap_or_default()
    }

    /// The path in jq's language.
    pub(super) fn jq(&self) -> String {
        let mut path = String::new();
        for step in &self.steps {
            match step {
                Step::Key(key) if key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') => {
                    path.push('.');
                    path.push_str(key);
                }
                Step::Key(key) => path.extend([".[\"", key, "\"]"]),
                Step::Index(index) => path.extend(["[", &index.to_string(), "]"]),
            }
        }
        if path.starts_with('[') { format!(".{path}") } else { path }
    }
}

/// Calls `visit` for what stands in the file from byte `from` on, which is line `line`. Returns the line on which
/// the value ended, or where it stopped to be JSON.
pub(super) fn read(
    raw: &Path,
    from: u64,
    line: u64,
    mut visit: impl FnMut(&Event<'_>, &Place),
) -> io::Result<u64> {
    let mut file = File::open(raw)?;
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Bytes { reader: BufReader::with_capacity(128 * 1024, file), at: from, line };
    let mut place = Place::default();
    // For each open container whether it is an object, and the next index.
    let mut open: Vec<(bool, u64)> = Vec::new();
    let mut started = false;
    while let Some(byte) = bytes.past_space()? {
        let (mut start, mut key_line) = (bytes.at, bytes.line);
        if matches!(byte, b'}' | b']') {
            bytes.take()?;
            if open.pop().is_none() {
                break;
            }
            visit(&Event::Close, &place);
            place.pop();
            if open.is_empty() {
                break;
            }
            continue;
        }
        if byte == b',' {
            bytes.take()?;
            continue;
        }
        match open.last_mut() {
            Some((true, _)) => {
                if byte != b'"' {
                    break;
                }
                let mut key = String::new();
                if !bytes.string(&mut key, LONGEST_KEY)? || bytes.past_space()? != Some(b':') {
                    break;
                }
                bytes.take()?;
                place.push(Step::Key(key));
            }
            Some((false, index)) => {
                place.push(Step::Index(*index));
                *index += 1;
            }
            None if started => break,
            None => place.push(Step::Key(String::new())),
        }
        if !started {
            // The root has no name.
            place = Place::default();
            place.lengths.push(0);
            started = true;
        }
        let Some(byte) = bytes.past_space()? else { break };
        if open.last().is_none_or(|(is_object, _)| !is_object) {
            (start, key_line) = (bytes.at, bytes.line);
        }
        if matches!(byte, b'{' | b'[') {
            if open.len() >= DEEPEST {
                break;
            }
            bytes.take()?;
            open.push((byte == b'{', 0));
            visit(&Event::Open { is_object: byte == b'{' }, &place);
            continue;
        }
        let mut value = String::new();
        let is_string = byte == b'"';
        let complete =
            if is_string { bytes.string(&mut value, LONGEST_VALUE)? } else { bytes.literal(&mut value)? };
        if !complete {
            break;
        }
        visit(&Event::Leaf { value: &value, is_string, line: key_line, from: start, to: bytes.at }, &place);
        place.pop();
        if open.is_empty() {
            break;
        }
    }
    Ok(bytes.line)
}

/// The file byte by byte, with its place.
struct Bytes {
    reader: BufReader<File>,
    at: u64,
    line: u64,
}

impl Bytes {
    fn peek(&mut self) -> io::Result<Option<u8>> {
        Ok(self.reader.fill_buf()?.first().copied())
    }

    fn take(&mut self) -> io::Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.reader.consume(1);
            self.at += 1;
            self.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }

    fn past_space(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.peek()? {
                Some(b' ' | b'\n' | b'\r' | b'\t') => {
                    self.take()?;
                }
                other => return Ok(other),
            }
        }
    }

    /// A string as written, at most `keep` bytes of it; false where it does not end.
    fn string(&mut self, into: &mut String, keep: usize) -> io::Result<bool> {
        self.take()?;
        let mut kept = Vec::new();
        let mut escaped = false;
        while let Some(byte) = self.take()? {
            if byte == b'"' && !escaped {
                into.push_str(&String::from_utf8_lossy(&kept));
                return Ok(true);
            }
            escaped = byte == b'\\' && !escaped;
            if kept.len() < keep {
                kept.push(byte);
            }
        }
        Ok(false)
    }

    /// A number or a word; false where it is neither.
    fn literal(&mut self, into: &mut String) -> io::Result<bool> {
        while let Some(byte) = self.peek()? {
            if !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.')) {
                break;
            }
            if into.len() >= 64 {
                return Ok(false);
            }
            into.push(char::from(byte));
            self.take()?;
        }
        let number = into.starts_with(|c: char| c.is_ascii_digit() || c == '-');
        Ok(number || matches!(into.as_str(), "true" | "false" | "null" | "NaN"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leaves(text: &str) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut found = Vec::new();
        read(file.path(), 0, 1, |event, place| {
            if let Event::Leaf { value, line, from, to, .. } = event {
                let part = &text[usize::try_from(*from).unwrap()..usize::try_from(*to).unwrap()];
                found.push(format!("{} {} {line} {value} {part}", place.jq(), place.shape));
            }
        })
        .unwrap();
        found
    }

    #[test]
    fn leaves_know_their_path_line_and_bytes() {
        let text = "{\"a\": [\n {\"b-c\": \"x\\\"y\"},\n 3], \"d\": null}";
        assert_eq!(
            leaves(text),
            [
                ".a[0].[\"b-c\"] .a[].b-c 2 x\\\"y \"b-c\": \"x\\\"y\"",
                ".a[1] .a[] 3 3 3",
                ".d .d 3 null \"d\": null"
            ]
        );
        assert_eq!(leaves("[[1]]"), [".[0][0] [][0] 1 1 1"]);
    }

    #[test]
    fn what_is_no_json_ends_the_reading() {
        assert_eq!(leaves("{\"a\": 1, oops").len(), 1);
        assert_eq!(leaves("{\"a\": 1, \"b\": \"never ends").len(), 1);
        assert!(leaves(&"[".repeat(100_000)).is_empty());
        assert!(leaves("]}").is_empty());
    }
}
