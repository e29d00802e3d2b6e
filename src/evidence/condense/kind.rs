//! Tells from the beginning of an output what kind it is.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

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
        Ok(Self::Log)
    }
}
