//! What is said about a YAML file: where, what, and the line itself.

use std::fmt;
use std::sync::Arc;

/// A file's name and text, kept for messages.
#[derive(Debug)]
pub(super) struct Source {
    pub place: String,
    pub text: String,
}

impl Source {
    pub(super) fn new(place: &str, text: &str) -> Arc<Self> {
        Arc::new(Self { place: place.to_owned(), text: text.to_owned() })
    }
}

/// A file or a value in it that cannot be used.
///
/// Shown as `place:line:column: message`, then the line and a caret under the column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct YamlError {
    pub place: String,
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub message: String,
    /// The offending line and the caret line; empty where there is no text to show.
    pub snippet: String,
}

impl YamlError {
    pub(super) fn at(source: &Source, line: usize, column: usize, message: String) -> Self {
        Self {
            place: source.place.clone(),
            line,
            column,
            message,
            snippet: snippet(&source.text, line, column),
        }
    }

    /// The same error about a named thing: `` `enabled` needs true or false, got … ``.
    #[must_use]
    pub fn about(mut self, name: &str) -> Self {
        self.message = format!("`{name}` {}", self.message);
        self
    }

    /// The whole error in one line: `place:line:column: message, at: comand: "x"`.
    pub fn inline(&self) -> String {
        let line = self.snippet.lines().next().and_then(|line| line.split_once(" | "));
        match line {
            Some((_, line)) => format!("{}, at: {}", self.one_line(), line.trim()),
            None => self.one_line(),
        }
    }

    /// `place:line:column: message`, without the snippet.
    pub fn one_line(&self) -> String {
        format!("{}:{}:{}: {}", self.place, self.line, self.column, self.message)
    }
}

impl fmt::Display for YamlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.one_line())?;
        if !self.snippet.is_empty() {
            write!(f, "\n{}", self.snippet)?;
        }
        Ok(())
    }
}

/// Something odd that does not stop the file from being used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    pub place: String,
    pub line: usize,
    pub column: usize,
    pub message: String,
}

impl Warning {
    pub(super) fn at(source: &Source, line: usize, column: usize, message: String) -> Self {
        Self { place: source.place.clone(), line, column, message }
    }

    /// A warning about a whole file or folder.
    pub fn about_file(place: &str, message: impl Into<String>) -> Self {
        Self { place: place.to_owned(), line: 0, column: 0, message: message.into() }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One line, whatever a file's texts hold: none of them may look like a line of this program.
        let message = self.message.lines().collect::<Vec<_>>().join(" ");
        if self.line == 0 {
            return write!(f, "{}: {message}", self.place);
        }
        write!(f, "{}:{}:{}: {message}", self.place, self.line, self.column)
    }
}

/// Characters of a long line that are shown, around the column.
const SHOWN: usize = 100;

/// `  6 | comand: x` and a caret below; control characters never reach a terminal from here.
fn snippet(text: &str, line: usize, column: usize) -> String {
    let Some(content) = text.lines().nth(line.saturating_sub(1)) else {
        return String::new();
    };
    if content.trim().is_empty() {
        return String::new();
    }
    let column = column.max(1);
    let skipped = if column > SHOWN { column - SHOWN / 2 } else { 0 };
    let shown: String = content
        .chars()
        .skip(skipped)
        .take(SHOWN)
        .map(|c| match c {
            '\t' => ' ',
            c if c.is_control() => '?',
            c => c,
        })
        .collect();
    let gutter = format!("{line} | ");
    let caret = " ".repeat(gutter.len() + column - 1 - skipped);
    format!("{gutter}{}\n{caret}^", shown.trim_end())
}
