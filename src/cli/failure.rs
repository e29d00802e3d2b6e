//! What went wrong, for a person and for a script: one to three lines on stderr and an exit code.

use std::fmt::Display;

use crate::ui::ErrorOutput;

/// Exit codes of `holmes-rs`; documented in `docs/cli.md` and in `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Answered = 0,
    RunTime = 1,
    Usage = 2,
    Configuration = 3,
    Model = 4,
    Budget = 5,
    Denied = 6,
    /// With `--exit-status`.
    Inconclusive = 7,
    /// With `--exit-status`.
    ProblemFound = 8,
    Interrupted = 130,
}

/// The end of a command that could not do its work.
#[derive(Debug)]
pub struct Failure {
    pub exit: Exit,
    pub message: String,
    /// What to do next, each on its own line.
    pub hints: Vec<String>,
}

impl Failure {
    pub fn new(exit: Exit, message: impl Display) -> Self {
        Self { exit, message: message.to_string(), hints: Vec::new() }
    }

    /// Says it on stderr: the error, then its hints.
    pub fn report(&self) {
        let mut stderr = ErrorOutput::stderr();
        stderr.line(&format!("error: {}", self.message.trim_end()));
        for hint in &self.hints {
            stderr.line(&format!("hint: {hint}"));
        }
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// Shorthand for errors of files and folders: exit 1.
pub fn io(what: impl Display) -> impl FnOnce(std::io::Error) -> Failure {
    move |error| Failure::new(Exit::RunTime, format!("{what}: {error}"))
}
