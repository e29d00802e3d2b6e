//! Writes one run. A full disk or a vanished folder ends the recording, never the investigation.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::agent::Event;
use crate::evidence::Redactor;

/// The record of a run in progress.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    events: Option<File>,
    /// Ends the folder with the run when nothing is to be kept.
    temporary: Option<tempfile::TempDir>,
    /// Something was written: the run began.
    begun: bool,
}

/// A run that never began (a missing file, an unknown name) leaves no record behind.
impl Drop for Journal {
    fn drop(&mut self) {
        if !self.begun && self.temporary.is_none() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

impl Journal {
    /// Starts a record under the state folder.
    ///
    /// # Errors
    /// When the folder or the file cannot be made.
    pub fn start(state: &Path, run_id: &str) -> io::Result<Self> {
        let folder = super::runs(state).join(run_id);
        private_folders(&folder.join("exhibits"))?;
        let events =
            OpenOptions::new().create_new(true).append(true).mode(0o600).open(folder.join(super::EVENTS))?;
        lock(&events)?;
        Ok(Self { folder, events: Some(events), temporary: None, begun: false })
    }

    /// Goes on with the record of a run that was ended or cut off. A half-written last line goes: what it held never arrived.
    ///
    /// # Errors
    /// When the record cannot be opened, or another process writes it.
    pub fn resume(state: &Path, run_id: &str) -> io::Result<Self> {
        let folder = super::runs(state).join(run_id);
        private_folders(&folder.join("exhibits"))?;
        let path = folder.join(super::EVENTS);
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        lock(&file)?;
        let whole = whole_lines(&path)?;
        if file.metadata()?.len() > whole {
            file.set_len(whole)?;
        }
        Ok(Self { folder, events: Some(file), temporary: None, begun: true })
    }

    /// Keeps nothing: exhibits live in a temporary folder that goes with the run.
    ///
    /// # Errors
    /// When no temporary folder can be made.
    pub fn none() -> io::Result<Self> {
        let temporary = tempfile::Builder::new().prefix("holmes-rs-").tempdir()?;
        let folder = temporary.path().to_owned();
        private_folders(&folder.join("exhibits"))?;
        Ok(Self { folder, events: None, temporary: Some(temporary), begun: false })
    }

    /// Where raw outputs go.
    #[must_use]
    pub fn exhibits(&self) -> PathBuf {
        self.folder.join("exhibits")
    }

    /// Appends one event. Text that only repeats what a later event holds whole is left out.
    ///
    /// # Errors
    /// The first write that fails; after it the journal is closed and later calls do nothing.
    pub fn write(&mut self, event: &Event, now: Timestamp, redactor: &Redactor) -> io::Result<()> {
        if matches!(event, Event::TextDelta { .. } | Event::ReasoningDelta { .. }) {
            return Ok(());
        }
        let Some(file) = &mut self.events else {
            return Ok(());
        };
        self.begun = true;
        let mut line = line_of(event, now, redactor)?;
        line.push('\n');
        let written = file.write_all(line.as_bytes());
        if written.is_err() {
            self.events = None;
        }
        written
    }
}

/// One event as a line of JSON, its time first, secrets replaced.
fn line_of(event: &Event, now: Timestamp, redactor: &Redactor) -> io::Result<String> {
    let mut value = serde_json::to_value(event)?;
    redactor.redact_json(&mut value);
    if let Some(map) = value.as_object_mut() {
        map.shift_insert(0, "time".to_owned(), now.to_string().into());
    }
    Ok(value.to_string())
}

/// One process writes a record. The lock goes with the process, however it ends.
fn lock(file: &File) -> io::Result<()> {
    use rustix::fs::{FlockOperation, flock};
    match flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => {
            Err(io::Error::new(io::ErrorKind::ResourceBusy, "another holmes-rs is still writing it"))
        }
        // A file system without locks is no reason to record nothing.
        _ => Ok(()),
    }
}

/// Bytes up to the end of the last whole line.
fn whole_lines(path: &Path) -> io::Result<u64> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = File::open(path)?;
    let mut end = file.metadata()?.len();
    let mut block = vec![0; 64 * 1024];
    while end > 0 {
        let start = end.saturating_sub(block.len() as u64);
        file.seek(SeekFrom::Start(start))?;
        let wanted = usize::try_from(end - start).unwrap_or(block.len());
        let part = block.get_mut(..wanted).unwrap_or_default();
        file.read_exact(part)?;
        if let Some(at) = memchr::memrchr(b'\n', part) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

fn private_folders(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// An id people can read, type and sort: `20261121-051203-7f3a`.
#[must_use]
pub fn new_run_id(now: Timestamp) -> String {
    let random = uuid::Uuid::now_v7().simple().to_string();
    let tail = random.get(28..).unwrap_or_default();
    format!("{}-{tail}", now.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S"))
}
