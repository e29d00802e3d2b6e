//! The journal of a run on disk: written while it happens, read back by `run list` and `run show`.
//!
//! One folder a run: `events.jsonl`, one event a line with its time, and `exhibits/E1.out`, … with raw
//! output. Events are redacted before they are written; raw output is not, and only its owner can read it.

mod journal;
mod shelf;

pub use journal::{Journal, new_run_id};
pub use shelf::{RecordError, Recorded, Summary, find, list, read};

use std::path::{Path, PathBuf};

/// Of [`crate::agent::Opening`]: what this version writes and can replay.
pub const OPENING_FORMAT: u32 = 1;

const EVENTS: &str = "events.jsonl";

/// Where the raw outputs of the run `id` are.
#[must_use]
pub fn exhibits(state: &Path, id: &str) -> PathBuf {
    runs(state).join(id).join("exhibits")
}

/// The folder of all runs inside the state folder.
fn runs(state: &Path) -> PathBuf {
    state.join("runs")
}
