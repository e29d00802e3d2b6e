//! Piped input as evidence: read to a file, bounded, without ever hanging on a pipe nobody writes to.

use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::time::Duration;

use rustix::fs::{FileType, fstat};
use tempfile::NamedTempFile;
use tokio::io::AsyncReadExt as _;

use super::failure::{Exit, Failure};

/// A question does not wait longer for the first byte of a pipe that nobody may be writing to.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this long a person is told what is being waited for; what is left of the patience then.
const NOTICE: Duration = Duration::from_secs(1);
const AFTER_NOTICE: Duration = Duration::from_secs(9);
/// Bytes read from a pipe at most.
const MOST: u64 = 1 << 30;

/// What was piped in, as a file; `None` when stdin is a terminal, closed, empty or no pipe.
///
/// With a question, a pipe that stays silent for ten seconds is given up with a warning: scripts and
/// daemons often inherit one that nobody writes to. Without a question the pipe is the question.
pub(super) async fn piped(has_question: bool) -> Result<Option<NamedTempFile>, Failure> {
    let stdin = io::stdin();
    let Ok(stat) = fstat(stdin.as_fd()) else {
        return Ok(None);
    };
    let kind = FileType::from_raw_mode(stat.st_mode);
    let waits = match kind {
        FileType::RegularFile => false,
        FileType::Fifo | FileType::Socket => true,
        _ => return Ok(None),
    };
    let failed = |error: io::Error| Failure::new(Exit::RunTime, format!("stdin cannot be read: {error}"));
    let mut reader = tokio::io::stdin();
    let mut block = vec![0; 64 * 1024];
    let mut read = if waits && has_question {
        let first = reader.read(&mut block);
        tokio::pin!(first);
        let early = tokio::time::timeout(NOTICE, &mut first).await;
        if let Ok(read) = early {
            read.map_err(failed)?
        } else {
            anstream::eprintln!("waiting for piped input …");
            if let Ok(read) = tokio::time::timeout(AFTER_NOTICE, first).await {
                read.map_err(failed)?
            } else {
                anstream::eprintln!(
                    "warning: nothing arrived on stdin within {} s; going on without it",
                    PATIENCE.as_secs()
                );
                return Ok(None);
            }
        }
    } else {
        reader.read(&mut block).await.map_err(failed)?
    };
    let mut file = NamedTempFile::new().map_err(failed)?;
    let mut total = 0;
    while read > 0 {
        let part = block.get(..read).unwrap_or_default();
        file.write_all(part).map_err(failed)?;
        total += read as u64;
        if total >= MOST {
            anstream::eprintln!("warning: stdin is longer than 1 GiB; the rest is not read");
            break;
        }
        read = reader.read(&mut block).await.map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    Ok((total > 0).then_some(file))
}
