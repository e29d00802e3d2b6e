//! The terminal: what it can show, and how answers, progress and lists look on it.
//!
//! Reads events and answers, never calls the engine. Nothing else in the crate writes to stdout or stderr,
//! except `cli` with what is printed here.

mod bar;
pub mod editor;
pub mod keys;
mod mailbox;
pub mod markdown;
mod output;
pub mod pager;
mod progress;
pub mod prompt;
mod table;
mod terminal;
mod tty;

pub use bar::bar;
pub use editor::{Complete, Editor, EditorOptions, Entry};
pub use keys::{Key, Keys};
pub use output::{ErrorOutput, copy_to_stdout, write_stdout};
pub use pager::PagerOptions;
pub use progress::{Progress, ProgressOptions};
pub use prompt::Choice;
pub use table::{Table, wrapped};
pub use terminal::{Environment, Terminal, sanitize};
