//! The terminal that is typed on: its modes, and a thread that hears it and stops when told.
//!
//! What is changed here is put back when the guard falls, in a panic too. Nobody blocks on the terminal after that:
//! the thread waits for a pipe as well, and what it has not read is left for the next reader.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Signal, getpgrp, kill_process_group};
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcgetpgrp,
    tcsetattr,
};

use super::output::ErrorOutput;

/// The value that switches a special key off.
#[cfg(target_os = "linux")]
const OFF: u8 = 0;
#[cfg(not(target_os = "linux"))]
const OFF: u8 = 0xff;

/// What Ctrl and a letter send.
pub(super) const CTRL_C: u8 = 0x03;
pub(super) const CTRL_Z: u8 = 0x1a;

/// How the terminal is to treat keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Key by key and unseen; Ctrl-C stays a signal.
    Watched,
    /// Key by key and unseen, Ctrl-C as any other.
    Asked,
    /// Line by line as typed; Ctrl-C and Ctrl-Z end the line and are its last byte.
    Lines,
}

/// Whether somebody can type on stdin.
pub(super) fn is_typed_on() -> bool {
    tcgetattr(io::stdin()).is_ok()
}

/// The terminal of stdin in another mode until this falls.
#[derive(Debug)]
pub(super) struct Modes {
    tty: OwnedFd,
    before: Termios,
    now: Termios,
}

impl Modes {
    pub(super) fn enter(mode: Mode) -> io::Result<Self> {
        let tty = rustix::io::fcntl_dupfd_cloexec(io::stdin(), 3)?;
        let before = tcgetattr(&tty)?;
        let mut now = before.clone();
        match mode {
            Mode::Watched => now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO),
            Mode::Asked => {
                now.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG);
            }
            Mode::Lines => {
                now.local_modes.remove(LocalModes::ISIG);
                now.local_modes.insert(LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN);
            }
        }
        let codes = &mut now.special_codes;
        if mode == Mode::Lines {
            codes[SpecialCodeIndex::VEOL] = CTRL_C;
            codes[SpecialCodeIndex::VEOL2] = CTRL_Z;
        } else {
            codes[SpecialCodeIndex::VMIN] = 1;
            codes[SpecialCodeIndex::VTIME] = 0;
            // As bytes: the terminal is put back before this program stops.
            codes[SpecialCodeIndex::VSUSP] = OFF;
            codes[SpecialCodeIndex::VQUIT] = OFF;
        }
        let modes = Self { tty, before, now };
        modes.apply();
        if mode == Mode::Asked {
            // Typed before the question was there: no answer to it.
            discard();
        }
        Ok(modes)
    }

    /// Another descriptor of the same terminal.
    pub(super) fn tty(&self) -> io::Result<OwnedFd> {
        Ok(rustix::io::fcntl_dupfd_cloexec(&self.tty, 3)?)
    }

    fn apply(&self) {
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.now);
    }

    fn restore(&self) {
        let _ = tcsetattr(&self.tty, OptionalActions::Now, &self.before);
    }

    /// Stops this program as Ctrl-Z does, the terminal as it was; returns when somebody continues it.
    pub(super) fn suspend(&self) {
        self.restore();
        suspend();
        self.apply();
    }

    /// After somebody else stopped and continued this program: shells put the terminal in their own order.
    pub(super) fn keep(&self) {
        let ours = tcgetpgrp(&self.tty).is_ok_and(|group| group == getpgrp());
        let changed = tcgetattr(&self.tty).is_ok_and(|now| now.local_modes != self.now.local_modes);
        if ours && changed {
            self.apply();
        }
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        self.restore();
    }
}

/// Forgets what was typed and not read.
pub(super) fn discard() {
    let _ = tcflush(io::stdin(), QueueSelector::IFlush);
}

/// What terminals are told so that they mark pastes, and no more.
const MARK_PASTES: &str = "\u{1b}[?2004h";
const MARK_NO_PASTES: &str = "\u{1b}[?2004l";

/// The modes before a line editor of somebody else's took the terminal.
static BEFORE_EDITING: Mutex<Option<Termios>> = Mutex::new(None);

/// A line that somebody else's editor reads from the terminal.
#[derive(Default)]
pub(super) struct Editing {
    /// The modes of an editor that was left in the middle of a line, while this program does something else.
    left: Option<Termios>,
    over: bool,
}

impl Editing {
    pub(super) fn begin() -> Self {
        let before = tcgetattr(io::stdin()).ok();
        *BEFORE_EDITING.lock().unwrap_or_else(PoisonError::into_inner) = before;
        Self { left: None, over: false }
    }

    /// Goes on with a line that was left.
    pub(super) fn resume(mut self) -> Self {
        if let Some(modes) = self.left.take() {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &modes);
            ErrorOutput::stderr().write(MARK_PASTES);
        }
        self
    }

    /// The editor has put the terminal back itself.
    pub(super) fn end(&mut self) {
        self.over = true;
    }

    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// Puts the terminal back, the line unfinished.
    pub(super) fn leave(&mut self) {
        let before = BEFORE_EDITING.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(before) = before {
            self.left = tcgetattr(io::stdin()).ok();
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            ErrorOutput::stderr().write(&format!("{MARK_NO_PASTES}\n"));
        }
    }
}

/// Ctrl-Z while a line is edited: the modes of before, until somebody continues this program.
pub(super) fn suspend_editing() {
    let before = BEFORE_EDITING.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let (Some(before), Ok(edited)) = (before, tcgetattr(io::stdin())) else {
        return;
    };
    let mut output = ErrorOutput::stderr();
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
    output.write(MARK_NO_PASTES);
    suspend();
    let _ = tcsetattr(io::stdin(), OptionalActions::Now, &edited);
    output.write(MARK_PASTES);
}

/// Stops the whole job. The signal is taken by another thread: this one waits for it, or it would go on for a moment.
pub(super) fn suspend() {
    const UNTIL_STOPPED: Duration = Duration::from_millis(100);
    let _ = kill_process_group(getpgrp(), Signal::TSTP);
    std::thread::sleep(UNTIL_STOPPED);
}

/// What a listener tells.
pub(super) enum Heard<'a> {
    Bytes(&'a [u8]),
    /// Nothing came for as long as was asked for.
    Quiet,
    /// The terminal is gone, or at its end.
    Gone,
}

/// What the listener does next.
pub(super) enum Next {
    Wait,
    /// Tells `Quiet` when nothing comes for so long.
    WaitAtMost(Duration),
    Stop,
}

/// A thread that hears a terminal. Dropping it ends the thread and waits for that.
pub(super) struct Listener {
    stop: Option<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

/// A look at the modes while nothing is typed: shells change them when a stopped job goes on.
const LOOK: Duration = Duration::from_millis(500);

impl Listener {
    /// Hears the terminal of `modes`. What is there already when it is dropped is still told.
    pub(super) fn start(
        modes: Arc<Modes>,
        mut hear: impl FnMut(Heard<'_>) -> Next + Send + 'static,
    ) -> io::Result<Self> {
        let (told, stop) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        let tty = modes.tty()?;
        let thread = std::thread::Builder::new()
            .name("keys".to_owned())
            .spawn(move || listen(&tty, &told, &modes, &mut hear))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn listen(tty: &OwnedFd, told: &OwnedFd, modes: &Modes, hear: &mut dyn FnMut(Heard<'_>) -> Next) {
    let mut buffer = [0; 4096];
    let mut next = Next::Wait;
    loop {
        let (patience, asked) = match next {
            Next::Wait => (LOOK, false),
            Next::WaitAtMost(patience) => (patience, true),
            Next::Stop => return,
        };
        let (typed, stopping) = wait(tty, told, patience);
        next = if typed {
            match rustix::io::read(tty, &mut buffer) {
                Ok(0) => hear(Heard::Gone),
                Ok(count) => hear(Heard::Bytes(buffer.get(..count).unwrap_or_default())),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => Next::Wait,
                Err(_) => hear(Heard::Gone),
            }
        } else if stopping {
            return;
        } else if asked {
            hear(Heard::Quiet)
        } else {
            modes.keep();
            Next::Wait
        };
    }
}

/// Whether something was typed, and whether this is to stop.
fn wait(tty: &OwnedFd, told: &OwnedFd, patience: Duration) -> (bool, bool) {
    let timeout = Timespec {
        tv_sec: i64::try_from(patience.as_secs()).unwrap_or(1),
        tv_nsec: i64::from(patience.subsec_nanos()),
    };
    let mut both = [PollFd::new(tty, PollFlags::IN), PollFd::from_borrowed_fd(told.as_fd(), PollFlags::IN)];
    if poll(&mut both, Some(&timeout)).is_err() {
        return (false, false);
    }
    let [typed, stopping] = both.map(|fd| !fd.revents().is_empty());
    (typed, stopping)
}
