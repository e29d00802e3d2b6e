//! What a command line may do, judged before anything runs: each simple command in it by program, sub-command and options,
//! from the files of `policy/`.
//!
//! Pure: it runs nothing, reads no file and no environment. What it cannot understand it calls unknown; it never guesses that
//! something is harmless.

use serde::{Deserialize, Serialize};

/// What a command does, the gravest last: a line is as grave as the gravest of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Looks, and shows nothing that opens doors.
    Read,
    /// Nobody can tell.
    Unknown,
    /// Reads credentials.
    Secret,
    /// Changes something.
    Change,
}

impl Verdict {
    /// As the command line and JSON write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Unknown => "unknown",
            Self::Secret => "secret",
            Self::Change => "change",
        }
    }
}
