//! The terminal: what it can show, and how answers, progress and lists look on it.
//!
//! Reads events and answers, never calls the engine. Nothing else in the crate writes to stdout or stderr,
//! except `cli` with what is printed here.

pub mod markdown;
mod output;
mod progress;
mod table;
mod terminal;

pub use output::{ErrorOutput, copy_to_stdout, write_stdout};
pub use progress::{Progress, ProgressOptions};
pub use table::{Table, wrapped};
pub use terminal::{Environment, Terminal, sanitize};
