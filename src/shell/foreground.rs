//! A program that has the terminal for itself: a pager, an editor, a command the person typed.
//!
//! Unlike a tool it is the person's own doing: it inherits the terminal, is bounded by nothing, and is in this
//! program's group, so that the terminal's keys reach it. Ctrl-C is meant for it alone; this program waits.

use std::io::{self, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::lasting::Program;

/// How a program in the foreground went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
}

/// Runs `program` on this program's terminal to its end, with `input` as its stdin instead where there is some.
/// The terminal's modes are put back afterwards. Ctrl-C meanwhile does not end this program; whoever listened to
/// SIGINT before hears of it, and has to forget it.
///
/// # Errors
/// When it cannot be started: `NotFound` for a command that is not there.
pub async fn foreground(program: &Program, input: Option<Vec<u8>>) -> io::Result<Left> {
    // From here on these two end this program no more; whether anybody listens is of no importance.
    let _interrupt = signal(SignalKind::interrupt())?;
    let _quit = signal(SignalKind::quit())?;
    let _modes = Modes::kept();
    #[allow(clippy::disallowed_methods)] // A place that starts processes.
    let mut command = Command::new(&program.command);
    command.args(&program.args).env_clear().envs(program.env.iter().map(|(name, value)| (name, value)));
    if let Some(workdir) = &program.workdir {
        command.current_dir(workdir);
    }
    if input.is_some() {
        command.stdin(Stdio::piped());
    }
    let mut child = command.spawn()?;
    if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
        // A reader that leaves early breaks the pipe, which is how pagers are left.
        std::thread::Builder::new().name("input".to_owned()).spawn(move || stdin.write_all(&input))?;
    }
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new().name("foreground".to_owned()).spawn(move || tell.send(child.wait()))?;
    let status = told.await.map_err(|_| io::Error::other("nobody waited for the program"))??;
    Ok(Left { exit_code: status.code(), signal: status.signal() })
}

/// Whether `path`, a `PATH`, has a program of this name.
pub fn program_named(name: &str, path: &str) -> bool {
    use std::os::unix::fs::PermissionsExt as _;

    path.split(':').filter(|folder| !folder.is_empty()).any(|folder| {
        std::fs::metadata(Path::new(folder).join(name))
            .is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}

/// The terminal as it was, whatever the program left it in.
pub(super) struct Modes(Option<Termios>);

impl Modes {
    pub(super) fn kept() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }
}

impl Drop for Modes {
    fn drop(&mut self) {
        if let Some(modes) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Drain, modes);
        }
    }
}
