//! A terminal for a program: keys are typed, the screen is read as a person sees it.
//!
//! `TerminalBench::spawn(&bench, ["ask", "-i"], (80, 24))` starts the binary on a pseudo-terminal of that many columns
//! and rows. Waiting is waiting for output, with a deadline; nothing sleeps. What was started is ended by its pid.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::process::Command;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use expectrl::process::Process as _;
use expectrl::process::unix::{Signal, UnixProcess, WaitStatus};
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use super::Bench;

pub const ENTER: &str = "\r";
pub const ESCAPE: &str = "\x1b";
pub const TAB: &str = "\t";
pub const UP: &str = "\x1b[A";
pub const DOWN: &str = "\x1b[B";
pub const RIGHT: &str = "\x1b[C";
pub const CTRL_C: &str = "\x03";
pub const CTRL_D: &str = "\x04";
pub const CTRL_J: &str = "\n";
pub const CTRL_R: &str = "\x12";
pub const CTRL_Z: &str = "\x1a";
pub const ALT_ENTER: &str = "\x1b\r";

/// Long enough for a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);
/// Rows that scrolled away and can still be searched.
const SCROLLBACK: usize = 2000;

struct Seen {
    parser: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

/// A program on a terminal of its own.
pub struct TerminalBench {
    process: UnixProcess,
    keyboard: File,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    ended: bool,
}

impl TerminalBench {
    /// Starts the binary in the folder and the environment of `bench`. `TERM` is `xterm-256color` unless the bench
    /// says otherwise. `size` is columns, rows.
    pub fn spawn(bench: &Bench, args: impl IntoIterator<Item = impl AsRef<OsStr>>, size: (u16, u16)) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_holmes-rs"));
        bench.surround(&mut command).args(args);
        Self::start(command, size)
    }

    /// Starts any command. Its environment is its own, with a `TERM` where it has none.
    pub fn start(command: Command, size: (u16, u16)) -> Self {
        let (columns, rows) = size;
        // The size is there before the program is, and keys are echoed as on any terminal. The line that is read
        // comes when nobody else sets the size any more.
        let mut sized = Command::new("sh");
        let ready = format!("read -r ready; stty cols {columns} rows {rows} echo && exec \"$0\" \"$@\"");
        sized.args(["-c", &ready]).arg(command.get_program()).args(command.get_args());
        sized.env_clear();
        sized.env("TERM", "xterm-256color").env("PATH", std::env::var_os("PATH").unwrap_or_default());
        for (name, value) in command.get_envs() {
            if let Some(value) = value {
                sized.env(name, value);
            }
        }
        if let Some(folder) = command.get_current_dir() {
            sized.current_dir(folder);
        }
        let process = UnixProcess::spawn_command(sized).unwrap();
        let mut keyboard = process.get_raw_handle().unwrap();
        keyboard.write_all(b"\n").unwrap();
        let mut output = process.get_raw_handle().unwrap();
        let parser = vt100::Parser::new(cells(rows), cells(columns), SCROLLBACK);
        let seen = Arc::new((Mutex::new(Seen { parser, raw: Vec::new(), ended: false }), Condvar::new()));
        let shared = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                // A terminal that nobody holds any more says EIO.
                let count = output.read(&mut buffer).unwrap_or(0);
                let mut seen = shared.0.lock().unwrap();
                seen.ended = count == 0;
                seen.parser.process(&buffer[..count]);
                seen.raw.extend_from_slice(&buffer[..count]);
                shared.1.notify_all();
                if count == 0 {
                    return;
                }
            }
        });
        Self { process, keyboard, seen, ended: false }
    }

    /// Types, as fast as a program would.
    pub fn type_keys(&mut self, keys: &str) {
        self.type_bytes(keys.as_bytes());
    }

    pub fn type_bytes(&mut self, bytes: &[u8]) {
        self.keyboard.write_all(bytes).unwrap();
    }

    /// Pastes as terminals do that were asked to mark pastes.
    pub fn paste(&mut self, text: &str) {
        self.type_keys(&format!("\x1b[200~{}\x1b[201~", text.replace('\n', "\r")));
    }

    /// Waits until `text` is on the screen, or the program's end, and fails with the screen after half a minute.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("`{text}`"), |screen| screen.contains(text));
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub fn wait_until(&self, what: &str, is_so: impl Fn(&str) -> bool) {
        let found = self.wait(|seen| is_so(&contents(seen)));
        assert!(found, "{what} did not come:\n{}\nall of it: {:?}", self.screen(), self.printed());
    }

    /// Waits until the program has printed this, whether it is still on the screen or not.
    #[track_caller]
    pub fn wait_for_bytes(&self, bytes: &str) {
        let found = self.wait(|seen| String::from_utf8_lossy(&seen.raw).contains(bytes));
        assert!(found, "{bytes:?} was not printed:\n{}", self.screen());
    }

    fn wait(&self, is_so: impl Fn(&Seen) -> bool) -> bool {
        let until = Instant::now() + PATIENCE;
        let mut seen = self.seen.0.lock().unwrap();
        loop {
            if is_so(&seen) {
                return true;
            }
            let left = until.saturating_duration_since(Instant::now());
            if seen.ended || left.is_zero() {
                return false;
            }
            seen = self.seen.1.wait_timeout(seen, left).unwrap().0;
        }
    }

    /// What a person sees, a line a row, without blank rows at the end.
    pub fn screen(&self) -> String {
        contents(&self.seen.0.lock().unwrap())
    }

    /// Column and row of the cursor, from 0.
    pub fn cursor(&self) -> (u16, u16) {
        let (row, column) = self.seen.0.lock().unwrap().parser.screen().cursor_position();
        (column, row)
    }

    /// Everything that was printed so far, escape sequences and all.
    pub fn printed(&self) -> String {
        String::from_utf8_lossy(&self.seen.0.lock().unwrap().raw).into_owned()
    }

    /// Gives the window another size; the program is told.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        self.seen.0.lock().unwrap().parser.set_size(cells(rows), cells(columns));
        self.process.set_window_size(columns, rows).unwrap();
    }

    /// The modes of the terminal, to be compared.
    pub fn modes(&self) -> String {
        let modes = self.termios();
        format!("{:?} {:?} {:?}", modes.input_modes, modes.local_modes, modes.special_codes)
    }

    /// Whether what is typed is shown.
    pub fn echoes(&self) -> bool {
        self.termios().local_modes.contains(LocalModes::ECHO)
    }

    /// Waits until what is typed is shown, or is not.
    #[track_caller]
    pub fn wait_until_echo_is(&self, shown: bool) {
        let until = Instant::now() + PATIENCE;
        while self.echoes() != shown {
            assert!(Instant::now() < until, "echo is not {shown}:\n{}", self.screen());
            std::thread::yield_now();
        }
    }

    fn termios(&self) -> Termios {
        tcgetattr(&self.keyboard).unwrap()
    }

    /// Sets the terminal's modes as somebody else would.
    pub fn change_modes(&self, change: impl FnOnce(&mut Termios)) {
        let mut modes = self.termios();
        change(&mut modes);
        tcsetattr(&self.keyboard, OptionalActions::Now, &modes).unwrap();
    }

    pub fn pid(&self) -> i32 {
        self.process.pid().as_raw()
    }

    pub fn signal(&mut self, signal: Signal) {
        self.process.signal(signal).unwrap();
    }

    /// Waits for the program's end: its exit code, or the number of the signal that ended it, negative.
    #[track_caller]
    pub fn wait_exit(&mut self) -> i32 {
        let ended = self.wait(|seen| seen.ended);
        assert!(ended, "it does not end:\n{}", self.screen());
        self.ended = true;
        match self.process.wait().unwrap() {
            WaitStatus::Exited(_, code) => code,
            WaitStatus::Signaled(_, signal, _) => -(signal as i32),
            other => panic!("{other:?}"),
        }
    }

    /// Ends the program at once.
    pub fn kill(&mut self) {
        if !self.ended {
            self.ended = true;
            let _ = self.process.signal(Signal::SIGKILL);
            let _ = self.process.wait();
        }
    }
}

impl Drop for TerminalBench {
    fn drop(&mut self) {
        self.kill();
    }
}

fn contents(seen: &Seen) -> String {
    let rows: Vec<String> = seen.parser.screen().rows(0, u16::MAX).collect();
    let text: Vec<&str> = rows.iter().map(|row| row.trim_end()).collect();
    text.join("\n").trim_end().to_owned()
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap()
}
