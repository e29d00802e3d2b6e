//! Lines without drawing: on a terminal that shows no more than text, for screen readers, and from a pipe.

use std::io::{self, BufRead as _, Read as _};
use std::sync::Arc;

use crate::ui::mailbox::{Mailbox, mailbox};
use crate::ui::output::ErrorOutput;
use crate::ui::terminal::sanitize;
use crate::ui::tty::{CTRL_C, CTRL_Z, Heard, Listener, Mode, Modes, Next};

/// One line of a pipe at most. Bytes.
const LONGEST: u64 = 16 * 1024 * 1024;

/// What was typed up to the end of a line.
#[derive(Debug)]
pub(in crate::ui) enum Typed {
    /// Without its line feed. Bytes that are no UTF-8 are replaced.
    Line(String),
    /// Ctrl-C where nothing was typed.
    Interrupted,
    /// Ctrl-C: what was typed is not meant.
    Cleared,
    End,
}

/// Shows `prompt` and reads one line of the terminal, which edits it itself. Ctrl-C ends it; dropping the future leaves the rest unread.
pub(in crate::ui) async fn typed_line(prompt: &str) -> io::Result<Typed> {
    // Before the prompt is seen: whoever answers it at once is answered in turn.
    let modes = Arc::new(Modes::enter(Mode::Lines)?);
    ErrorOutput::stderr().write(&sanitize(prompt));
    let (tell, told) = mailbox();
    let seen = Arc::clone(&modes);
    let mut line: Vec<u8> = Vec::new();
    let listener = Listener::start(Arc::clone(&modes), move |heard| {
        let bytes = match heard {
            Heard::Bytes(bytes) => bytes,
            Heard::Quiet => return Next::Wait,
            Heard::Gone => {
                let whole = std::mem::take(&mut line);
                tell.send(if whole.is_empty() { Typed::End } else { shown(&whole) });
                return Next::Stop;
            }
        };
        line.extend_from_slice(bytes);
        match line.last() {
            Some(b'\n') => {
                line.pop();
                tell.send(shown(&line));
                Next::Stop
            }
            Some(&CTRL_C) => {
                tell.send(if line.len() > 1 { Typed::Cleared } else { Typed::Interrupted });
                Next::Stop
            }
            Some(&CTRL_Z) => {
                line.clear();
                seen.suspend();
                Next::Wait
            }
            _ => Next::Wait,
        }
    })?;
    let typed = told.next().await.unwrap_or(Typed::End);
    drop(listener);
    if !matches!(typed, Typed::Line(_)) {
        // The terminal showed `^C` and stayed on its line.
        ErrorOutput::stderr().line("");
    }
    Ok(typed)
}

fn shown(line: &[u8]) -> Typed {
    Typed::Line(String::from_utf8_lossy(line).into_owned())
}

/// Lines of a stdin that nobody types on, read by a thread of their own.
pub(super) struct Piped(Mailbox<io::Result<String>>, std::sync::mpsc::Sender<()>);

impl Piped {
    pub(super) fn open() -> io::Result<Self> {
        let (tell, told) = mailbox();
        let (ask, asked) = std::sync::mpsc::channel();
        // It reads only when asked: what comes after the last line that was wanted is left to others.
        std::thread::Builder::new().name("stdin".to_owned()).spawn(move || {
            while asked.recv().is_ok() {
                match next() {
                    Ok(Some(line)) => tell.send(Ok(line)),
                    Ok(None) => return,
                    Err(error) => return tell.send(Err(error)),
                }
            }
        })?;
        Ok(Self(told, ask))
    }

    pub(super) async fn line(&self) -> io::Result<Typed> {
        let _ = self.1.send(());
        match self.0.next().await {
            Some(line) => line.map(Typed::Line),
            None => Ok(Typed::End),
        }
    }
}

fn next() -> io::Result<Option<String>> {
    let mut line = Vec::new();
    let count = io::stdin().lock().take(LONGEST).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if count as u64 == LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a line of stdin is longer than 16 MB"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    Ok((count > 0).then(|| String::from_utf8_lossy(&line).into_owned()))
}
