//! Where a session's lines come from: an editor on a terminal, plain lines where nothing can be drawn or nobody
//! types.
//!
//! It knows no commands: what can be completed comes from a [`Complete`], what an entry means is the session's.

mod drawn;
mod entry;
mod history;
pub(super) mod plain;

use std::io;
use std::path::PathBuf;

use self::drawn::Drawn;
use self::history::History;
use self::plain::{Piped, Typed};
use super::terminal::{Terminal, sanitize};
use super::tty::is_typed_on;

/// What can stand at the cursor. Asked by a thread of the editor, while somebody types: it must be quick.
pub trait Complete {
    /// Where the word at `cursor` (a byte of `line`) begins, and what may stand in its place. At most 200 are shown.
    fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<String>);

    /// What would probably follow `line`, shown dim and taken with the right arrow.
    fn hint(&self, _line: &str) -> Option<String> {
        None
    }
}

/// Nothing is completed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nothing;

impl Complete for Nothing {
    fn complete(&self, _line: &str, cursor: usize) -> (usize, Vec<String>) {
        (cursor, Vec::new())
    }
}

/// How lines are read.
pub struct EditorOptions {
    /// The file of earlier entries; it and its folder are made when the first one is kept. `None`: this session only.
    pub history: Option<PathBuf>,
    /// Where prompts are shown.
    pub terminal: Terminal,
    pub completer: Box<dyn Complete + Send>,
    /// Takes secrets out of an entry before it is kept.
    pub redact: Box<dyn Fn(&str) -> String>,
}

/// What a person gave.
#[derive(Debug)]
pub enum Entry {
    /// One line, or several as one entry: without control characters and without blanks at its end. May be empty.
    Line(String),
    /// Ctrl-C where nothing was typed.
    Interrupted,
    /// Ctrl-D where nothing was typed; the end of a pipe.
    End,
    /// Lines cannot be read any more.
    Broken(io::Error),
}

/// Reads entries, one at a time.
pub struct Editor {
    source: Source,
    terminal: Terminal,
    history: History,
    redact: Box<dyn Fn(&str) -> String>,
}

enum Source {
    Drawn(Drawn),
    /// Somebody types where nothing can be drawn.
    Typed,
    Piped(Piped),
}

impl Editor {
    /// Opens stdin. A terminal that is not `live` is read line by line, without any escape sequence.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn open(options: EditorOptions) -> io::Result<Self> {
        let EditorOptions { history, terminal, completer, redact } = options;
        let (history, past) = History::open(history);
        let source = match (is_typed_on(), terminal.live) {
            (true, true) => Source::Drawn(Drawn::open(terminal, past, completer)?),
            (true, false) => Source::Typed,
            (false, _) => Source::Piped(Piped::open()?),
        };
        Ok(Self { source, terminal, history, redact })
    }

    /// Reads the next entry. `initial` stands behind the prompt already, to be edited: what was typed ahead.
    /// A future that is dropped leaves the terminal as it was; the next call goes on with the same line.
    pub async fn read(&mut self, prompt: &str, initial: &str) -> Entry {
        let entry = match &self.source {
            Source::Drawn(drawn) => drawn.read(prompt, &sanitize(initial)).await,
            Source::Typed | Source::Piped(_) => self.plain(prompt, &sanitize(initial)).await,
        };
        let Entry::Line(text) = entry else {
            return entry;
        };
        let blank = text.starts_with([' ', '\t']);
        let text = entry::meant(&sanitize(&text));
        let kept = (self.redact)(&text);
        if !blank
            && self.history.add(&kept)
            && let Source::Drawn(drawn) = &self.source
        {
            drawn.remember(&kept);
        }
        Entry::Line(text)
    }

    /// Lines until the entry is whole.
    async fn plain(&self, prompt: &str, initial: &str) -> Entry {
        let mut text = initial.to_owned();
        let mut prompt = format!("{prompt}{initial}");
        loop {
            let read = if let Source::Piped(piped) = &self.source {
                piped.line().await
            } else {
                plain::typed_line(&prompt).await
            };
            match read {
                Ok(Typed::Line(line)) => text.push_str(&line),
                Ok(Typed::End) if text.is_empty() => return Entry::End,
                // What there is, is the entry.
                Ok(Typed::End) => return Entry::Line(text),
                Ok(Typed::Interrupted) if text.is_empty() => return Entry::Interrupted,
                Ok(Typed::Interrupted | Typed::Cleared) => {
                    text.clear();
                    "> ".clone_into(&mut prompt);
                    continue;
                }
                Err(error) => return Entry::Broken(error),
            }
            if !entry::is_open(&text) {
                return Entry::Line(text);
            }
            text.push('\n');
            if self.terminal.unicode { "… " } else { ". " }.clone_into(&mut prompt);
        }
    }
}
