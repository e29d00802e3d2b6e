//! A question while a turn runs, answered with one key or one line.
//!
//! Keys typed before the question was on the screen never answer it. Whatever is not clearly a choice is no.

use std::io;
use std::sync::Arc;

use super::keys::decoder::{Decoder, Stroke};
use super::keys::{AFTER_ESCAPE, Keys};
use super::mailbox::mailbox;
use super::output::ErrorOutput;
use super::terminal::sanitize;
use super::tty::{CTRL_C, CTRL_Z, Heard, Listener, Mode, Modes, Next, is_typed_on};

/// What a person chose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// The key of one of the choices, as it was given.
    Key(char),
    /// Enter, Escape or Ctrl-D; nobody who could be asked.
    No,
    /// Ctrl-C: no, and the turn is to stop as well.
    Interrupted,
}

/// Shows `question` line by line and waits for one of `choices`: a key, and what it means. `keys` of the running
/// turn are paused meanwhile; what they had heard stays typed ahead.
///
/// # Errors
/// When the terminal cannot be read. Where there is none the answer is no.
pub async fn choose(
    question: &[String],
    choices: &[(char, &str)],
    keys: Option<&Keys>,
) -> io::Result<Choice> {
    if !is_typed_on() {
        return Ok(Choice::No);
    }
    let _paused = Paused::new(keys);
    let modes = Arc::new(Modes::enter(Mode::Asked)?);
    let mut output = ErrorOutput::stderr();
    for line in question {
        output.line(&sanitize(line));
    }
    let offered: Vec<String> =
        choices.iter().map(|(key, meaning)| format!("{key} {}", sanitize(meaning))).collect();
    output.write(&format!("{} (Enter: no) ", offered.join(" · ")));
    let known: Vec<char> = choices.iter().map(|(key, _)| *key).collect();
    let (tell, told) = mailbox();
    let seen = Arc::clone(&modes);
    let mut decoder = Decoder::default();
    let listener = Listener::start(Arc::clone(&modes), move |heard| {
        let mut strokes = Vec::new();
        match heard {
            Heard::Bytes(bytes) => decoder.push(bytes, &mut strokes),
            Heard::Quiet => strokes.extend(decoder.quiet()),
            Heard::Gone => {
                tell.send(Choice::No);
                return Next::Stop;
            }
        }
        for stroke in strokes {
            let choice = match stroke {
                Stroke::Char(c) => {
                    known.iter().find(|key| key.eq_ignore_ascii_case(&c)).map(|key| Choice::Key(*key))
                }
                Stroke::Enter | Stroke::Escape | Stroke::Control(0x04) => Some(Choice::No),
                Stroke::Control(CTRL_C) => Some(Choice::Interrupted),
                Stroke::Control(CTRL_Z) => {
                    seen.suspend();
                    None
                }
                Stroke::Control(_) | Stroke::Backspace | Stroke::Tab | Stroke::Other => None,
            };
            if let Some(choice) = choice {
                tell.send(choice);
                return Next::Stop;
            }
        }
        if decoder.is_undecided() { Next::WaitAtMost(AFTER_ESCAPE) } else { Next::Wait }
    })?;
    let choice = told.next().await.unwrap_or(Choice::No);
    drop(listener);
    output.line(match choice {
        Choice::Key(key) => {
            choices.iter().find(|(known, _)| *known == key).map_or("", |(_, meaning)| *meaning)
        }
        Choice::No => "no",
        Choice::Interrupted => "no, stop",
    });
    Ok(choice)
}

/// Asks for one line of text; `None` for Ctrl-C, Ctrl-D on an empty line, or nobody who could be asked.
///
/// # Errors
/// When the terminal cannot be read.
pub async fn line(prompt: &str, keys: Option<&Keys>) -> io::Result<Option<String>> {
    if !is_typed_on() {
        return Ok(None);
    }
    let _paused = Paused::new(keys);
    match super::editor::plain::typed_line(prompt).await? {
        super::editor::plain::Typed::Line(text) => Ok(Some(sanitize(&text).trim().to_owned())),
        super::editor::plain::Typed::Interrupted
        | super::editor::plain::Typed::Cleared
        | super::editor::plain::Typed::End => Ok(None),
    }
}

/// The keys of a turn, not listening until this falls.
struct Paused<'a>(Option<&'a Keys>);

impl<'a> Paused<'a> {
    fn new(keys: Option<&'a Keys>) -> Self {
        keys.inspect(|keys| keys.pause());
        Self(keys)
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        self.0.inspect(|keys| keys.resume());
    }
}
