//! What went wrong, for a person and for a script: one to three lines on stderr and an exit code.

use std::fmt::Display;

use crate::ui::{ErrorOutput, sanitize};

/// Exit codes of `holmes-rs`; documented in `docs/cli.md` and in `--help`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Exit {
    Answered = 0,
    RunTime = 1,
    Usage = 2,
    Configuration = 3,
    Model = 4,
    Budget = 5,
    /// An action was needed and nobody allowed it.
    Denied = 6,
    /// With `--exit-status`.
    Inconclusive = 7,
    /// With `--exit-status`.
    ProblemFound = 8,
    Interrupted = 130,
}

/// The end of a command that could not do its work.
#[derive(Debug)]
pub(super) struct Failure {
    pub exit: Exit,
    pub message: String,
    /// What to do next, each on its own line.
    pub hints: Vec<String>,
}

impl Failure {
    pub(super) fn new(exit: Exit, message: impl Display) -> Self {
        Self { exit, message: message.to_string(), hints: Vec::new() }
    }

    /// Says it on stderr: the error, then its hints.
    pub(super) fn report(&self) {
        let mut stderr = ErrorOutput::stderr();
        stderr.line(&format!("error: {}", shown(self.message.trim_end())));
        for hint in &self.hints {
            stderr.line(&format!("hint: {}", shown(hint)));
        }
    }

    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }
}

/// Names of files and models come from anywhere: nothing in them steers the terminal. Rust's number of a
/// system error helps nobody who reads its words.
fn shown(text: &str) -> String {
    let mut out = String::new();
    let text = sanitize(text);
    let mut rest = text.as_ref();
    while let Some((before, after)) = rest.split_once(" (os error ") {
        out.push_str(before);
        let tail = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
        rest = tail.strip_prefix(')').unwrap_or(tail);
    }
    out + rest
}

/// Shorthand for errors of files and folders: exit 1.
pub(super) fn io(what: impl Display) -> impl FnOnce(std::io::Error) -> Failure {
    move |error| Failure::new(Exit::RunTime, format!("{what}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_steers_no_terminal_and_counts_no_errors() {
        assert_eq!(shown("`\u{1b}[2Jx`: No such file (os error 2)"), "`x`: No such file");
        assert_eq!(shown("a (os error 13), b (os error 2)"), "a, b");
        assert_eq!(shown("plain (os error"), "plain (os error");
    }
}
