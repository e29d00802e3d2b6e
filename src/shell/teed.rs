//! A command that a person typed for the person to see, and perhaps for the model: what it prints is on the screen at once
//! and kept in a file as well.
//!
//! It is the person's own doing, as with `foreground`: it inherits what is typed, is bounded by nothing but the size of what is
//! kept, and is in this program's group, so that Ctrl-C ends it. Its output is no terminal, so a program that draws has to be
//! started from a shell.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use super::foreground::{Left, Modes};
use super::lasting::Program;

/// What still comes after the end of the command: a process it left behind may hold the pipe for ever.
const LINGER: Duration = Duration::from_millis(500);

/// How such a command went.
#[derive(Debug, Clone, Copy)]
pub struct Teed {
    pub left: Left,
    pub kept: Kept,
}

/// What was kept of its output.
#[derive(Debug, Clone, Copy, Default)]
pub struct Kept {
    pub bytes: u64,
    pub lines: u64,
    /// There was more.
    pub cut: bool,
}

/// Runs `program` to its end. Stdout and stderr go to `show` in the order in which they come, and the first `most` bytes of
/// them into `file`.
///
/// # Errors
/// When it cannot be started, or the file cannot be written.
pub async fn teed(
    program: &Program,
    file: File,
    most: u64,
    show: impl FnMut(&[u8]) + Send + 'static,
) -> io::Result<Teed> {
    // From here on these two end this program no more.
    let _interrupt = signal(SignalKind::interrupt())?;
    let _quit = signal(SignalKind::quit())?;
    let _modes = Modes::kept();
    let (output, both) = io::pipe()?;
    #[allow(clippy::disallowed_methods)] // A place that starts processes.
    let mut command = Command::new(&program.command);
    command
        .args(&program.args)
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .stdout(Stdio::from(both.try_clone()?))
        .stderr(Stdio::from(both));
    if let Some(workdir) = &program.workdir {
        command.current_dir(workdir);
    }
    let mut child = command.spawn()?;
    // It holds the writing end: without this the output would never end.
    drop(command);
    let over = Arc::new(AtomicBool::new(false));
    let kept = Arc::new(Mutex::new(Kept::default()));
    let (tell_read, read) = oneshot::channel();
    let (until, counted) = (Arc::clone(&over), Arc::clone(&kept));
    std::thread::Builder::new().name("output".to_owned()).spawn(move || {
        // Whoever asked may have gone.
        let _ = tell_read.send(copy(output, file, most, show, &until, &counted));
    })?;
    let (tell, told) = oneshot::channel();
    std::thread::Builder::new().name("foreground".to_owned()).spawn(move || tell.send(child.wait()))?;
    let status = told.await.map_err(|_| io::Error::other("nobody waited for the command"))??;
    if let Ok(read) = tokio::time::timeout(LINGER, read).await {
        read.map_err(|_| io::Error::other("nobody read the output"))??;
    }
    // What comes from here on is nobody's: neither shown nor kept.
    over.store(true, Ordering::Release);
    let kept = *kept.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(Teed { left: Left { exit_code: status.code(), signal: status.signal() }, kept })
}

fn copy(
    mut output: io::PipeReader,
    mut file: File,
    most: u64,
    mut show: impl FnMut(&[u8]),
    over: &AtomicBool,
    kept: &Mutex<Kept>,
) -> io::Result<()> {
    let mut block = vec![0; 64 * 1024];
    let mut ended = true;
    loop {
        let read = match output.read(&mut block) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read?,
        };
        let Some(part) = block.get(..read).filter(|part| !part.is_empty()) else { break };
        if over.load(Ordering::Acquire) {
            break;
        }
        show(part);
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        let room = usize::try_from(most - kept.bytes).unwrap_or(usize::MAX).min(part.len());
        kept.cut |= room < part.len();
        let part = part.get(..room).unwrap_or_default();
        file.write_all(part)?;
        kept.bytes += room as u64;
        // A last line without a line feed is one too.
        let feeds = memchr::memchr_iter(b'\n', part).count() as u64;
        let was_open = !ended;
        ended = part.last().map_or(ended, |last| *last == b'\n');
        kept.lines = kept.lines + feeds + u64::from(!ended) - u64::from(was_open);
    }
    Ok(())
}
