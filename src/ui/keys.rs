//! Keys while a turn runs: Escape is told at once, everything else is kept for the next line.
//!
//! Ctrl-C stays a signal. Nothing typed is shown, since the screen belongs to the progress of the turn. The terminal
//! is as it was when this falls, when it is paused, and while the program is stopped by Ctrl-Z.

pub(crate) mod decoder;

use std::cell::RefCell;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::decoder::{Decoder, Stroke};
use super::mailbox::{Mailbox, Sender, mailbox};
use super::tty::{CTRL_Z, Heard, Listener, Mode, Modes, Next, is_typed_on};

/// A sequence follows its Escape faster than this, on slow lines too.
pub(crate) const AFTER_ESCAPE: Duration = Duration::from_millis(50);
/// Typed ahead at most: a paste into a running turn is no entry.
const LONGEST: usize = 64 * 1024;

/// What a running turn listens for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// Escape alone; arrows and other keys that send sequences are none.
    Escape,
}

/// Hears the terminal until it falls. Deaf where nobody can type.
pub struct Keys {
    told: Mailbox<Key>,
    ears: Arc<Ears>,
    running: RefCell<Option<Running>>,
}

/// Fields fall in this order: first nobody listens, then the terminal is as before.
struct Running {
    _listener: Listener,
    _modes: Arc<Modes>,
}

struct Ears {
    tell: Sender<Key>,
    typed: Mutex<String>,
}

impl Keys {
    /// Listens from now on.
    #[must_use]
    pub fn watch() -> Self {
        let (tell, told) = mailbox();
        let keys = Self {
            told,
            ears: Arc::new(Ears { tell, typed: Mutex::default() }),
            running: RefCell::new(None),
        };
        keys.resume();
        keys
    }

    /// The next key. Never returns where nobody can type. Dropping the future loses none.
    pub async fn next(&self) -> Key {
        match self.told.next().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }

    /// Gives the terminal back for a moment: somebody else asks a question, or starts a program.
    pub fn pause(&self) {
        self.running.take();
    }

    /// Listens again.
    pub fn resume(&self) {
        if self.running.borrow().is_none() && is_typed_on() {
            // A terminal that cannot be listened to is none: the turn goes on without keys.
            self.running.replace(start(&self.ears).ok());
        }
    }

    /// What was typed so far besides, without the line feeds at its end; it is told once.
    #[must_use]
    pub fn typed(&self) -> String {
        let typed = std::mem::take(&mut *self.ears.typed.lock().unwrap_or_else(PoisonError::into_inner));
        typed.trim_end_matches('\n').to_owned()
    }

    /// Stops listening; what was typed is the beginning of the next entry.
    #[must_use]
    pub fn end(self) -> String {
        self.pause();
        self.typed()
    }
}

fn start(ears: &Arc<Ears>) -> io::Result<Running> {
    let modes = Arc::new(Modes::enter(Mode::Watched)?);
    let (ears, seen) = (Arc::clone(ears), Arc::clone(&modes));
    let mut decoder = Decoder::default();
    let listener = Listener::start(Arc::clone(&modes), move |heard| {
        let mut strokes = Vec::new();
        match heard {
            Heard::Bytes(bytes) => decoder.push(bytes, &mut strokes),
            Heard::Quiet => strokes.extend(decoder.quiet()),
            Heard::Gone => return Next::Stop,
        }
        for stroke in strokes {
            match stroke {
                Stroke::Escape => ears.tell.send(Key::Escape),
                Stroke::Control(CTRL_Z) => seen.suspend(),
                Stroke::Char(c) => ears.keep(c),
                Stroke::Enter => ears.keep('\n'),
                Stroke::Tab => ears.keep(' '),
                Stroke::Backspace => {
                    ears.typed.lock().unwrap_or_else(PoisonError::into_inner).pop();
                }
                Stroke::Control(_) | Stroke::Other => {}
            }
        }
        if decoder.is_undecided() { Next::WaitAtMost(AFTER_ESCAPE) } else { Next::Wait }
    })?;
    Ok(Running { _listener: listener, _modes: modes })
}

impl Ears {
    fn keep(&self, c: char) {
        let mut typed = self.typed.lock().unwrap_or_else(PoisonError::into_inner);
        if typed.len() < LONGEST {
            typed.push(c);
        }
    }
}
