//! Tells from the beginning of an output what kind it is. In doubt it is a log: that reading suits anything.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use super::{document, json, table};

/// Bytes that are looked at.
const LOOKED_AT: u64 = 16 * 1024;

/// What an output is, as far as its reading goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines one after the other, JSON lines among them; also everything that is nothing else.
    Log,
    /// One JSON value.
    Json,
    /// A heading and columns.
    Table,
    /// `kubectl describe`, YAML.
    Document,
}

impl Kind {
    /// # Errors
    /// When the file cannot be read.
    pub fn of(raw: &Path) -> io::Result<Self> {
        let mut beginning = Vec::new();
        File::open(raw)?.take(LOOKED_AT).read_to_end(&mut beginning)?;
        Ok(Self::of_bytes(&beginning))
    }

    fn of_bytes(beginning: &[u8]) -> Self {
        if beginning.iter().take(4_096).any(|byte| *byte == 0) {
            return Self::Log;
        }
        if json::begins(beginning).is_some() {
            return if is_lines_of_json(beginning) { Self::Log } else { Self::Json };
        }
        if table::Layout::find(beginning).is_some() {
            return Self::Table;
        }
        if document::is_document(beginning) {
            return Self::Document;
        }
        Self::Log
    }
}

/// Whether there is a JSON value on each line.
fn is_lines_of_json(beginning: &[u8]) -> bool {
    let mut lines =
        beginning.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()).take(3);
    let whole = |line: &[u8]| {
        let line = line.trim_ascii();
        line.len() > 2 && line.starts_with(b"{") && (line.ends_with(b"}") || line.len() > 4_000)
    };
    lines.next().is_some_and(whole) && lines.next().is_some_and(|line| line.trim_ascii().starts_with(b"{"))
}
