//! Ctrl-C and its relatives: the first asks the run to end, the second ends it.

use tokio::signal::unix::{Signal, SignalKind, signal};

use std::rc::Rc;

use super::failure::{Failure, io};
use crate::ui::{Key, Keys};

/// Waits for a person's or the system's wish to stop.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// Where Esc is as good as a signal: while a turn of a session runs.
    keys: Option<Rc<Keys>>,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(io("signals cannot be listened to"));
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hangup: on(SignalKind::hangup())?,
            keys: None,
        })
    }

    /// Esc counts from here on.
    pub(super) fn hear(&mut self, keys: &Rc<Keys>) {
        self.keys = Some(Rc::clone(keys));
    }

    /// Esc does not count any more.
    pub(super) fn deafen(&mut self) {
        self.keys = None;
    }

    /// What was meant for a program in the foreground, or for a turn that is over, is no wish to leave.
    pub(super) async fn forget(&mut self) {
        // Once around the event loop: what has arrived is handed out before nobody waits for it.
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        if let Ok(interrupt) = signal(SignalKind::interrupt()) {
            self.interrupt = interrupt;
        }
    }

    /// Who hears the keys of the turn that runs.
    pub(super) fn keys(&self) -> Option<Rc<Keys>> {
        self.keys.clone()
    }

    /// Returns at the next signal. Dropping the future loses none.
    pub(super) async fn next(&mut self) {
        let keys = self.keys.as_ref();
        let escape = async {
            match keys {
                Some(keys) => while keys.next().await != Key::Escape {},
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = escape => {}
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
