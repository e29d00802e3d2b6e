//! What is known, and how well: exhibits, what of them is shown, what was proven, what was not looked at.
//!
//! Nothing here runs commands or talks to models.

pub mod condense;
mod exhibit;
pub mod injection;
mod ledger;
mod lines;
pub mod redact;
mod store;
pub mod tokens;
pub mod untrusted;
mod verify;
pub mod view;

pub use exhibit::{ATTACHED, Exhibit, RUNBOOKS, ShownSummary, Status};
pub use ledger::{coverage, instructions_found, not_checked, order_by_question, telling_words};
pub use lines::Lines;
pub use redact::{Arriving, KeyBlock, Leak, Redactor};
pub use store::{AsRecorded, Condenser, Store, is_longer, raw_path};
pub use verify::{Check, Checked, Counts, check, conclude, objections, verify};
