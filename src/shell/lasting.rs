//! A program that stays: it is talked to through pipes until whoever started it lets go.
//!
//! For servers on standard input and output. As with a command, nothing is inherited and no process of its
//! group outlives it. What is said through the pipes is the caller's business.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::task::JoinHandle;

use super::process::{Group, Outputs};
use super::tail::Tail;

/// What to start: no shell reads any of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// A path, or a name that the `PATH` of `env` finds.
    pub command: String,
    pub args: Vec<String>,
    /// The whole environment of the process: nothing is inherited. `HOLMES_RUN` is added.
    pub env: Vec<(String, String)>,
    /// Working directory; the caller's when `None`.
    pub workdir: Option<PathBuf>,
}

/// The two ways of speaking with it.
#[derive(Debug)]
pub struct Pipes {
    pub input: Sender,
    pub output: Receiver,
}

/// A running program. Dropping it kills its whole group.
pub struct Lasting {
    group: Group,
    errors: Arc<Mutex<Tail>>,
    listener: JoinHandle<()>,
}

/// How a program went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Departed {
    pub exit_code: Option<i32>,
    pub signal: Option<i32>,
    /// It had not ended by itself.
    pub killed: bool,
    /// The last line of its stderr, at most 300 bytes, without control characters.
    pub last_line: Option<String>,
}

impl Lasting {
    /// Starts `program`. Its stderr is read for as long as it lives; only the end of it is kept.
    ///
    /// # Errors
    /// When it cannot be started: `NotFound` for a command or a folder that is not there.
    pub fn start(program: &Program) -> io::Result<(Self, Pipes)> {
        if let Some(workdir) = program.workdir.as_ref().filter(|folder| !folder.is_dir()) {
            let error = format!("working directory `{}` does not exist", workdir.display());
            return Err(io::Error::other(error));
        }
        let (stdin, input) = io::pipe()?;
        let (output, stdout) = io::pipe()?;
        let (errors, stderr) = io::pipe()?;
        let outputs = Outputs { stdout: Stdio::from(stdout), stderr: Stdio::from(stderr) };
        let group = Group::start_program(program, Stdio::from(stdin), outputs)?;
        let pipes = Pipes {
            input: Sender::from_owned_fd(input.into())?,
            output: Receiver::from_owned_fd(output.into())?,
        };
        let tail = Arc::new(Mutex::new(Tail::default()));
        let listener = tokio::spawn(listen(Receiver::from_owned_fd(errors.into())?, Arc::clone(&tail)));
        Ok((Self { group, errors: tail, listener }, pipes))
    }

    /// The last line of its stderr so far.
    pub fn last_line(&self) -> Option<String> {
        self.errors.lock().unwrap_or_else(PoisonError::into_inner).last_line()
    }

    /// Gives it `patience` to end by itself, which closed pipes tell it to do, then ends it.
    pub async fn end(mut self, patience: Duration) -> Departed {
        let by_itself = tokio::time::timeout(patience, self.group.exited()).await.is_ok();
        if !by_itself {
            self.group.terminate();
            let _ = tokio::time::timeout(MERCY, self.group.exited()).await;
        }
        let Self { group, errors, listener } = self;
        let status = group.end().await.ok().flatten();
        // What it wrote last may still be in the pipe; nobody holds its other end any more.
        let _ = tokio::time::timeout(MERCY, listener).await;
        let last_line = errors.lock().unwrap_or_else(PoisonError::into_inner).last_line();
        Departed {
            exit_code: status.and_then(|status| status.code()),
            signal: status.and_then(|status| status.signal()),
            killed: !by_itself,
            last_line,
        }
    }
}

/// Between TERM and KILL.
const MERCY: Duration = Duration::from_millis(200);

/// Reads a program's stderr to its end, so that it never waits for a full pipe.
async fn listen(mut errors: Receiver, tail: Arc<Mutex<Tail>>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(count) = errors.read(&mut buffer).await {
        if count == 0 {
            return;
        }
        let chunk = buffer.get(..count).unwrap_or_default();
        tail.lock().unwrap_or_else(PoisonError::into_inner).push(chunk);
    }
}
