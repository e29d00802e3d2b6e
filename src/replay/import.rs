//! Reads an exported run back, as if it had been recorded here. The file may come from anybody: nothing in it
//! names a place on this machine, and it takes no more room than a real one.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::export::FORMAT;
use crate::evidence::raw_path;
use crate::record::{self, RecordError, Recorded};

/// Bytes of a file; exports are bounded far below.
const LARGEST: u64 = 256 * 1024 * 1024;
/// Empty lines that stand for what an export leaves out, of all exhibits together.
const MOST_EMPTY: u64 = 200_000_000;
/// Name of the folder; the run's own name is only a word.
const FOLDER: &str = "imported";

/// Why a file is no run.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("`{}` cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("`{}` is no run exported by `holmes-rs run export`{why}", path.display())]
    NotOurs { path: PathBuf, why: String },
    #[error("`{}` is compressed: unpack it first (`gunzip`)", path.display())]
    Compressed { path: PathBuf },
    #[error("`{}` is in format {format}; this holmes-rs reads {FORMAT}: use a newer one", path.display())]
    Newer { path: PathBuf, format: u64 },
    #[error("`{}` is cut off: it does not end as an export does", path.display())]
    CutOff { path: PathBuf },
    #[error("`{}` is larger than {} MB, which no export is", path.display(), LARGEST / (1024 * 1024))]
    TooLarge { path: PathBuf },
    #[error("`{}`, line {line}: {what}", path.display())]
    Damaged { path: PathBuf, line: u64, what: String },
    #[error("a temporary folder cannot be filled: {0}")]
    NoRoom(io::Error),
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// A run from a file; its folder goes with it.
#[derive(Debug)]
pub struct Imported {
    pub run: Recorded,
    /// Where its raw outputs are.
    pub exhibits: PathBuf,
    /// Exhibits whose output is not as the tool printed it.
    pub altered: BTreeSet<u32>,
    _folder: tempfile::TempDir,
}

/// Reads the file.
///
/// # Errors
/// One line that says what is wrong with it.
pub fn import(path: &Path) -> Result<Imported, ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if about.is_dir() {
        return Err(unreadable(io::Error::other("it is a folder")));
    }
    if about.len() > LARGEST {
        return Err(ImportError::TooLarge { path: path.to_owned() });
    }
    let folder = tempfile::Builder::new().prefix("holmes-rs-").tempdir().map_err(ImportError::NoRoom)?;
    let exhibits = record::exhibits(folder.path(), FOLDER);
    std::fs::create_dir_all(&exhibits).map_err(ImportError::NoRoom)?;
    let mut reader = BufReader::new(file.take(LARGEST + 1));
    let start = reader.fill_buf().map_err(unreadable)?;
    if start.starts_with(&[0x1f, 0x8b]) || start.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        return Err(ImportError::Compressed { path: path.to_owned() });
    }
    let mut reading = Reading {
        path,
        exhibits: &exhibits,
        altered: BTreeSet::new(),
        seen: BTreeSet::new(),
        events: 0,
        empty: 0,
    };
    let id = reading.read(reader)?;
    let altered = reading.altered;
    let mut run = record::read(folder.path(), FOLDER)?;
    run.summary.run_id = id;
    Ok(Imported { run, exhibits, altered, _folder: folder })
}

struct Reading<'a> {
    path: &'a Path,
    exhibits: &'a Path,
    altered: BTreeSet<u32>,
    seen: BTreeSet<u32>,
    events: u64,
    empty: u64,
}

impl Reading<'_> {
    /// The run's id; everything else is on disk.
    fn read(&mut self, reader: impl io::BufRead) -> Result<String, ImportError> {
        let not_ours = |why: &str| ImportError::NotOurs { path: self.path.to_owned(), why: why.to_owned() };
        let mut lines = reader.lines();
        let first = match lines.next() {
            None => return Err(not_ours(": it is empty")),
            Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => return Err(not_ours("")),
            Some(Err(source)) => return Err(ImportError::Unreadable { path: self.path.to_owned(), source }),
            Some(Ok(line)) => line,
        };
        let head: Value = serde_json::from_str(&first).map_err(|_| not_ours(""))?;
        match head.get("holmes_rs_run").and_then(Value::as_u64) {
            Some(format) if format == u64::from(FORMAT) => {}
            Some(format) => return Err(ImportError::Newer { path: self.path.to_owned(), format }),
            None => return Err(not_ours("")),
        }
        let id = head.get("run_id").and_then(Value::as_str).unwrap_or_default().to_owned();
        let is_word = |id: &str| id.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if id.is_empty() || id.len() > 64 || !is_word(&id) {
            return Err(self.damaged(1, "its `run_id` is no name of a run"));
        }
        let events = self.exhibits.with_file_name("events.jsonl");
        let mut events = BufWriter::new(File::create(events).map_err(ImportError::NoRoom)?);
        let mut at = 1;
        for line in lines {
            at += 1;
            let line = line.map_err(|_| self.damaged(at, "it is no text"))?;
            let Ok(value) = serde_json::from_str::<Value>(&line) else {
                return Err(ImportError::CutOff { path: self.path.to_owned() });
            };
            if value.get("event").is_some() {
                self.events += 1;
                writeln!(events, "{line}").map_err(ImportError::NoRoom)?;
            } else if value.get("exhibit").is_some() {
                self.exhibit(&value, at)?;
            } else if let Some(end) = value.get("end") {
                let whole = end.get("events").and_then(Value::as_u64) == Some(self.events)
                    && end.get("exhibits").and_then(Value::as_u64) == Some(self.seen.len() as u64);
                if !whole {
                    return Err(self.damaged(at, "lines are missing before it"));
                }
                events.flush().map_err(ImportError::NoRoom)?;
                return Ok(id);
            } else {
                return Err(self.damaged(at, "it is neither an event nor an exhibit"));
            }
        }
        Err(ImportError::CutOff { path: self.path.to_owned() })
    }

    fn exhibit(&mut self, value: &Value, at: u64) -> Result<(), ImportError> {
        let number = value.get("exhibit").and_then(Value::as_u64).and_then(|id| u32::try_from(id).ok());
        let Some(id) = number.filter(|id| self.seen.insert(*id)) else {
            return Err(self.damaged(at, "its number is none, or taken"));
        };
        if value.get("altered").and_then(Value::as_bool) != Some(false) {
            self.altered.insert(id);
        }
        let file = File::create(raw_path(self.exhibits, id)).map_err(ImportError::NoRoom)?;
        let mut out = BufWriter::new(file);
        let mut next = 1;
        for part in value.get("parts").and_then(Value::as_array).into_iter().flatten() {
            let from = part.get("from").and_then(Value::as_u64).unwrap_or_default();
            let text = part.get("text").and_then(Value::as_str).unwrap_or_default();
            let empty = from.checked_sub(next).ok_or_else(|| self.damaged(at, "its parts overlap"))?;
            self.empty = self.empty.saturating_add(empty);
            if self.empty > MOST_EMPTY {
                return Err(self.damaged(at, "it leaves out more lines than an output has"));
            }
            io::copy(&mut io::repeat(b'\n').take(empty), &mut out).map_err(ImportError::NoRoom)?;
            out.write_all(text.as_bytes()).map_err(ImportError::NoRoom)?;
            next = from + memchr::memchr_iter(b'\n', text.as_bytes()).count() as u64;
        }
        out.flush().map_err(ImportError::NoRoom)
    }

    fn damaged(&self, line: u64, what: &str) -> ImportError {
        ImportError::Damaged { path: self.path.to_owned(), line, what: what.to_owned() }
    }
}
