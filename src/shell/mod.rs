//! Runs one command safely: own process group, closed stdin, time and size limits, output to disk.
//!
//! The only room that starts processes. It knows nothing of toolsets, models or reports.

pub mod environment;
pub mod lexer;
mod process;
pub mod run;
mod tail;

#[cfg(test)]
mod tests;

pub use environment::environment;
pub use run::{Captured, Ending, Finished, Limits, Script, Stop, capture, run};
