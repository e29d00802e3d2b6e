//! Entries of earlier sessions, in one file: a JSON string a line, since entries have lines of their own.
//!
//! Readable by its owner alone. Sessions that run at once append to it in turn; none takes away what another wrote.
//! A line that cannot be read is nobody's entry.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Entries that are kept.
pub(super) const KEPT: usize = 1000;
/// A longer entry is a paste, not something to type again. Bytes.
const LONGEST: usize = 16 * 1024;
/// Of a longer file only the end is read: `KEPT` entries of the usual kind need a hundredth of it. Bytes.
const READ: u64 = 8 * 1024 * 1024;

/// The file, and what was added last.
#[derive(Debug, Default)]
pub(super) struct History {
    path: Option<PathBuf>,
    last: Option<String>,
}

impl History {
    /// Opens the file at `path`; returns what it holds, oldest first. `None`, or a file that cannot be read: nothing.
    pub(super) fn open(path: Option<PathBuf>) -> (Self, Vec<String>) {
        let entries = path.as_deref().and_then(|path| load(path).ok()).unwrap_or_default();
        (Self { path, last: entries.last().cloned() }, entries)
    }

    /// Keeps `entry` unless it begins with a blank, repeats the last one, or is too long. True when it is kept.
    /// A disk that cannot be written costs the entry, not the session.
    pub(super) fn add(&mut self, entry: &str) -> bool {
        let unwanted = entry.trim().is_empty()
            || entry.starts_with(char::is_whitespace)
            || entry.len() > LONGEST
            || self.last.as_deref() == Some(entry);
        if unwanted {
            return false;
        }
        self.last = Some(entry.to_owned());
        if let Some(path) = &self.path {
            let _ = append(path, entry);
        }
        true
    }
}

fn load(path: &Path) -> io::Result<Vec<String>> {
    // A pipe in its place would block the session.
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    read(&mut File::open(path)?)
}

fn read(file: &mut File) -> io::Result<Vec<String>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(READ)))?;
    let mut bytes = Vec::new();
    file.take(READ).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let mut entries: Vec<String> = Vec::new();
    for line in text.lines() {
        if let Ok(entry) = serde_json::from_str::<String>(line)
            && !entry.trim().is_empty()
            && entry.len() <= LONGEST
            && entries.last() != Some(&entry)
        {
            entries.push(entry);
        }
    }
    entries.drain(..entries.len().saturating_sub(KEPT));
    Ok(entries)
}

fn append(path: &Path, entry: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut file = OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.lock()?;
    let mut line = serde_json::to_string(entry)?;
    line.push('\n');
    file.write_all(line.as_bytes())?;
    // Written anew when it is twice as long as it may be, which is seldom.
    let mut text = String::new();
    file.seek(SeekFrom::Start(0))?;
    let counted = (&mut file).take(READ * 2).read_to_string(&mut text).map(|_| text.lines().count());
    if counted.map_or(true, |lines| lines > KEPT * 2) {
        let mut kept = String::new();
        for entry in read(&mut file)? {
            kept.push_str(&serde_json::to_string(&entry)?);
            kept.push('\n');
        }
        file.set_len(0)?;
        file.write_all(kept.as_bytes())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_back_with_their_lines_and_only_to_their_owner() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/history");
        let (mut history, none) = History::open(Some(path.clone()));
        assert!(none.is_empty());
        assert!(history.add("one\n```\ntwo\\\n```"));
        assert!(!history.add("one\n```\ntwo\\\n```"));
        assert!(!history.add(" not kept"));
        assert!(!history.add(""));
        assert!(!history.add(&"x".repeat(LONGEST + 1)));
        assert!(history.add("日本"));
        assert_eq!(History::open(Some(path.clone())).1, ["one\n```\ntwo\\\n```", "日本"]);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn it_stays_bounded_whatever_wrote_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        let mut lines = String::from("not json\n{\"an\": \"object\"}\n\"torn");
        for number in 0..3 * KEPT {
            lines.extend(["\n\"entry ", &number.to_string(), "\""]);
        }
        std::fs::write(&path, [lines.as_bytes(), b"\n\xff\xfe\n"].concat()).unwrap();
        let (mut history, entries) = History::open(Some(path.clone()));
        assert_eq!(entries.len(), KEPT);
        assert_eq!(entries.last().unwrap(), &format!("entry {}", 3 * KEPT - 1));
        assert!(history.add("new"));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), KEPT);
        assert_eq!(History::open(Some(path)).1.last().unwrap(), "new");
    }

    #[test]
    fn what_is_no_file_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (mut history, entries) = History::open(Some(folder.path().to_path_buf()));
        assert!(entries.is_empty());
        assert!(history.add("kept in this session"));
    }
}
