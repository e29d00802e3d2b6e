//! Runs a shell script and stays its master until the last process of its group is gone.
//!
//! stdout and stderr share one pipe, so what is read is in the order it was written. The price is that the
//! two cannot be told apart: the reason of a failure is the last line that is not empty, which is where
//! programs put it. [`capture`] keeps them apart, for the few callers that compare stdout.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::containment::Containment;
use super::process::{Change, Group, Outputs};
use super::tail::Tail;

/// Between TERM and KILL.
const MERCY: Duration = Duration::from_millis(200);
/// Silence after the shell's own end that is taken for the end of the output, where a background process
/// still holds the pipe; and how long such a process is listened to when it does not fall silent.
const IDLE: Duration = Duration::from_millis(300);
const LINGER: Duration = Duration::from_secs(2);
/// The size of a pipe on Linux: a larger buffer would never be filled by one read.
const CHUNK: usize = 64 * 1024;
/// The most of stdout that [`capture`] holds in memory.
const CAPTURED: u64 = 1024 * 1024;

/// What to run: the text of a shell script and the exact environment it gets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// Given to `bash -c` (or `sh -c` where there is no bash) as one argument.
    pub text: String,
    /// The whole environment of the process: nothing is inherited. `HOLMES_RUN` is added.
    pub env: Vec<(String, String)>,
    /// Working directory; the caller's when `None`.
    pub workdir: Option<PathBuf>,
    /// File that is its standard input; `/dev/null` when `None`.
    pub stdin: Option<PathBuf>,
    /// What it may write; everything its user may when `None`.
    pub containment: Option<Arc<Containment>>,
}

/// Bounds of one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub timeout: Duration,
    /// Bytes kept on disk; at that size the command is ended and marked.
    pub kept_bytes: u64,
}

impl Default for Limits {
    /// A minute and a gibibyte.
    fn default() -> Self {
        Self { timeout: Duration::from_mins(1), kept_bytes: 1 << 30 }
    }
}

/// Tells running commands to end. `true` means: stop now, keep what was read.
pub type Stop = watch::Receiver<bool>;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Exited(i32),
    Signalled(i32),
    TimedOut,
    /// The output reached `Limits::kept_bytes`.
    OutputLimit,
    /// The output could not be kept any further: the disk is full.
    Unwritable,
    /// It asked the terminal for something, a password perhaps: a tool has none.
    NoTerminal,
    /// `Stop` said so.
    Stopped,
}

/// A command that has ended, with all of its process group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    pub ending: Ending,
    pub duration: Duration,
    /// Bytes written to the output file, and line feeds among them (plus one for an unfinished last line).
    pub bytes: u64,
    pub lines: u64,
    /// Unless it exited with 0: the last non-empty line of the output, at most 300 bytes, without control
    /// characters: the reason people want to read.
    pub last_error_line: Option<String>,
}

/// A command that has ended, its output in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captured {
    pub ending: Ending,
    pub duration: Duration,
    /// At most 1 MiB, invalid UTF-8 replaced.
    pub stdout: String,
    /// The last non-empty line of stderr, at most 300 bytes, without control characters.
    pub last_error_line: Option<String>,
}

/// Runs `script`, its stdout and stderr merged in order into `output`.
///
/// # Errors
/// Only when the process cannot be started or `output` cannot be written.
pub async fn run(script: &Script, output: &Path, limits: Limits, stop: Stop) -> io::Result<Finished> {
    let mut kept = Kept::new(private_file(output)?);
    let (ending, duration) = perform(script, limits, stop, &mut kept, None).await?;
    let ending = if kept.broken { Ending::Unwritable } else { ending };
    Ok(Finished {
        ending,
        duration,
        bytes: kept.bytes,
        lines: kept.lines + u64::from(kept.unfinished),
        last_error_line: match ending {
            Ending::Exited(0) => None,
            _ => kept.tail.last_line(),
        },
    })
}

/// An empty file that only its owner can read: raw output holds secrets.
///
/// # Errors
/// When it cannot be made.
pub fn private_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// Runs `script` with stdout and stderr apart, in memory. For short commands such as prerequisites.
///
/// # Errors
/// Only when the process cannot be started.
pub async fn capture(script: &Script, limits: Limits, stop: Stop) -> io::Result<Captured> {
    let mut stdout = Kept::new(Vec::new());
    let mut stderr = Tail::default();
    let limits = Limits { kept_bytes: limits.kept_bytes.min(CAPTURED), ..limits };
    let (ending, duration) = perform(script, limits, stop, &mut stdout, Some(&mut stderr)).await?;
    Ok(Captured {
        ending,
        duration,
        stdout: String::from_utf8_lossy(&stdout.to).into_owned(),
        last_error_line: stderr.last_line(),
    })
}

/// Reads of a full buffer at the end: who writes on for ever was left behind.
const REST: usize = 16;

/// Where output goes, counted as it goes.
struct Kept<W> {
    to: W,
    bytes: u64,
    lines: u64,
    /// The last byte was not a line feed.
    unfinished: bool,
    /// A write failed; what was written before stays.
    broken: bool,
    tail: Tail,
}

impl<W: Write> Kept<W> {
    fn new(to: W) -> Self {
        Self { to, bytes: 0, lines: 0, unfinished: false, broken: false, tail: Tail::default() }
    }

    /// Takes as much of `chunk` as the limit and the disk leave room for; `true` when there is no more.
    ///
    /// The write blocks, for the time of a copy into the page cache: less than handing it to a thread costs.
    fn take(&mut self, chunk: &[u8], limit: u64) -> bool {
        let room = usize::try_from(limit.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
        let part = chunk.get(..room).unwrap_or(chunk);
        let mut written = 0;
        while let Some(rest) = part.get(written..).filter(|rest| !rest.is_empty()) {
            match self.to.write(rest) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => {
                    self.broken = true;
                    break;
                }
                Ok(count) => written += count,
            }
        }
        let part = part.get(..written).unwrap_or(part);
        self.bytes += part.len() as u64;
        self.lines += memchr::memchr_iter(b'\n', part).count() as u64;
        if let Some(last) = part.last() {
            self.unfinished = *last != b'\n';
        }
        self.tail.push(part);
        part.len() < chunk.len()
    }
}

async fn perform<W: Write>(
    script: &Script,
    limits: Limits,
    mut stop: Stop,
    kept: &mut Kept<W>,
    errors: Option<&mut Tail>,
) -> io::Result<(Ending, Duration)> {
    let started = Instant::now();
    if *stop.borrow() {
        return Ok((Ending::Stopped, Duration::ZERO));
    }
    let (reader, writer) = io::pipe()?;
    let (error_reader, error_writer) = match errors {
        Some(_) => io::pipe().map(|(reader, writer)| (Some(reader), Some(writer)))?,
        None => (None, None),
    };
    let group = Group::start(script, limits, || {
        Ok(Outputs {
            stdout: Stdio::from(writer.try_clone()?),
            stderr: Stdio::from(error_writer.as_ref().unwrap_or(&writer).try_clone()?),
        })
    })?;
    // Only the processes hold the writing ends from here on: their end is the end of the output.
    drop((writer, error_writer));
    let mut session = Session {
        group,
        exited: None,
        ending: false,
        heard: started,
        output: Some(Receiver::from_owned_fd(reader.into())?),
        errors: match error_reader {
            Some(reader) => Some(Receiver::from_owned_fd(reader.into())?),
            None => None,
        },
        buffer: vec![0; CHUNK],
        kept,
        error_tail: errors,
        limit: limits.kept_bytes,
    };
    let deadline = started.checked_add(limits.timeout).unwrap_or(started + Duration::from_hours(8760));
    let cut = tokio::select! {
        cut = session.watch(deadline) => cut?,
        () = stopped(&mut stop) => Some(Ending::Stopped),
    };
    if cut.is_some() {
        session.group.terminate();
        // Both ends of this wait are fine: all gone, or the time is up.
        session.watch(Instant::now() + MERCY).await?;
        session.group.kill();
        session.watch(Instant::now() + MERCY).await?;
    }
    let duration = started.elapsed();
    let status = session.group.end().await?;
    let ending = cut.unwrap_or_else(|| match status {
        Some(status) => match (status.code(), status.signal()) {
            (Some(code), _) => Ending::Exited(code),
            (None, signal) => Ending::Signalled(signal.unwrap_or(0)),
        },
        None => Ending::TimedOut,
    });
    Ok((ending, duration))
}

/// Comes back when `stop` says so; never, when nobody is left to say it.
async fn stopped(stop: &mut Stop) {
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The group and what is still open of its output.
struct Session<'a, W> {
    group: Group,
    /// When the leader was seen to have ended.
    exited: Option<Instant>,
    /// It was seen to wait for a terminal, and is being ended.
    ending: bool,
    /// When output last came.
    heard: Instant,
    output: Option<Receiver>,
    errors: Option<Receiver>,
    buffer: Vec<u8>,
    kept: &'a mut Kept<W>,
    error_tail: Option<&'a mut Tail>,
    limit: u64,
}

impl<W: Write> Session<'_, W> {
    /// Reads until the group has ended (`None`) or one of its bounds is reached.
    async fn watch(&mut self, deadline: Instant) -> io::Result<Option<Ending>> {
        // Its own buffer for stderr: both reads are alive in one select.
        let mut error_buffer = [0; 4096];
        loop {
            let until = match self.exited {
                Some(_) if self.output.is_none() && self.errors.is_none() => return Ok(None),
                Some(exited) => deadline.min(self.heard.max(exited) + IDLE).min(exited + LINGER),
                None => deadline,
            };
            tokio::select! {
                read = read(&mut self.output, &mut self.buffer) => {
                    let count = read?;
                    self.heard = Instant::now();
                    if count == 0 {
                        self.output = None;
                    } else if self.kept.take(self.buffer.get(..count).unwrap_or_default(), self.limit) {
                        return Ok(Some(Ending::OutputLimit));
                    }
                }
                read = read(&mut self.errors, &mut error_buffer) => {
                    let count = read?;
                    self.heard = Instant::now();
                    if count == 0 {
                        self.errors = None;
                    } else if let Some(tail) = &mut self.error_tail {
                        tail.push(error_buffer.get(..count).unwrap_or_default());
                    }
                }
                change = self.group.changed(), if self.exited.is_none() => match change {
                    Change::Gone => self.exited = Some(Instant::now()),
                    // While it is being ended it stays stopped until it is killed.
                    Change::AsksTerminal if self.ending => sleep_until(deadline).await,
                    Change::AsksTerminal => {
                        self.ending = true;
                        return Ok(Some(Ending::NoTerminal));
                    }
                },
                () = sleep_until(until) => {
                    return Ok(match self.exited {
                        // The command is done; who is still there was left behind by it.
                        Some(_) => {
                            self.rest();
                            None
                        }
                        None => Some(Ending::TimedOut),
                    });
                }
            }
        }
    }

    /// What lies in the pipes when the time is up: on a busy machine the timer may come before the data.
    fn rest(&mut self) {
        for _ in 0..REST {
            let Some(Ok(count @ 1..)) = self.output.as_ref().map(|pipe| pipe.try_read(&mut self.buffer))
            else {
                break;
            };
            if self.kept.take(self.buffer.get(..count).unwrap_or_default(), self.limit) {
                break;
            }
        }
        for _ in 0..REST {
            let Some(Ok(count @ 1..)) = self.errors.as_ref().map(|pipe| pipe.try_read(&mut self.buffer))
            else {
                break;
            };
            if let Some(tail) = &mut self.error_tail {
                tail.push(self.buffer.get(..count).unwrap_or_default());
            }
        }
    }
}

/// One read; a closed pipe is never ready.
async fn read(pipe: &mut Option<Receiver>, buffer: &mut [u8]) -> io::Result<usize> {
    match pipe {
        Some(pipe) => pipe.read(buffer).await,
        None => std::future::pending().await,
    }
}
