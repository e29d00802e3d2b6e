//! Runs one command safely: own process group, closed stdin, time and size limits, output to disk.
//!
//! The only room that starts processes. It knows nothing of toolsets, models or reports.

pub mod lexer;
pub mod run;

pub use run::{Ending, Finished, Limits, Script, Stop, run};
