//! What a command that only reads may write: a scratch folder of the run, and caches. The kernel holds it to that.
//!
//! Landlock's rules and "no new privileges" belong to a thread and are inherited by its children, so a command is
//! started by a thread that restricted itself and then ends: no code between fork and exec, no wrapper, no `unsafe`.
//! A second fence behind careful templates, not the first one: it knows nothing of networks, and what a daemon does
//! on request (`docker run`, `systemctl start`) the daemon does. Not for programs that are configured to stay.

mod caches;
#[cfg(target_os = "linux")]
mod kernel;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;

use tempfile::TempDir;

#[cfg(target_os = "linux")]
use kernel::Domain;

/// What the kernel gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Everything this program asks for. `abi` is Landlock's version.
    Whole { abi: u32 },
    /// An older Landlock: what it leaves open, in words.
    Partly { abi: u32, open: &'static str },
    /// Nothing but the scrubbed environment and limits.
    Missing { why: String },
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole { abi } => write!(out, "Landlock ABI {abi}"),
            Self::Partly { abi, open } => write!(out, "Landlock ABI {abi}, which leaves open: {open}"),
            Self::Missing { why } => write!(out, "no Landlock: {why}"),
        }
    }
}

/// What commands of one run may write. Dropping the last of a run removes the scratch folder.
#[derive(Debug)]
pub struct Containment {
    writable: Vec<PathBuf>,
    run: Arc<Run>,
    state: State,
    #[cfg(target_os = "linux")]
    domain: Option<Domain>,
}

/// What all of a run share.
#[derive(Debug)]
struct Run {
    environment: BTreeMap<String, String>,
    scratch: Option<TempDir>,
    snaps: BTreeSet<String>,
}

impl PartialEq for Containment {
    /// The same run, the same paths.
    fn eq(&self, other: &Self) -> bool {
        self.writable == other.writable && Arc::ptr_eq(&self.run, &other.run)
    }
}

impl Eq for Containment {}

impl Containment {
    /// For a run that `caller`, this program's environment, belongs to. Makes the scratch folder and the usual cache
    /// folders of programs that are used here. Where no scratch folder can be made there is none.
    pub fn of_run(caller: impl IntoIterator<Item = (String, String)>) -> Self {
        let environment: BTreeMap<String, String> = caller.into_iter().collect();
        let below = environment.get("TMPDIR").filter(|path| Path::new(path).is_dir());
        let below = below.map_or_else(|| PathBuf::from("/tmp"), PathBuf::from);
        // Not below the run's record: what a command wrote is no evidence, and sockets need short paths.
        let scratch = tempfile::Builder::new().prefix("holmes-rs-").tempdir_in(below).ok();
        let mut writable: Vec<PathBuf> = scratch.iter().map(|folder| folder.path().to_owned()).collect();
        writable.extend(caches::usual(&environment));
        let snaps = snaps(environment.get("PATH").map_or("", String::as_str));
        Self::holding(writable, Arc::new(Run { environment, scratch, snaps }))
    }

    /// The same run, and these paths too: absolute, or beginning with `~` or `$NAME`. One that is not there, or whose
    /// variable is not set, is left out.
    #[must_use]
    pub fn with(&self, paths: &[String]) -> Self {
        let more = paths.iter().filter_map(|path| caches::expand(path, &self.run.environment));
        Self::holding(self.writable.iter().cloned().chain(more).collect(), Arc::clone(&self.run))
    }

    fn holding(paths: Vec<PathBuf>, run: Arc<Run>) -> Self {
        let mut writable: Vec<PathBuf> = Vec::new();
        for path in paths {
            // What lies below a writable folder is writable. Never resolved by itself: a command may have put a
            // link there, and the rule would be for what that leads to.
            if path.exists() && !writable.iter().any(|other| path.starts_with(other)) {
                writable.push(path);
            }
        }
        #[cfg(target_os = "linux")]
        {
            let (state, domain) = Domain::tried(&writable);
            Self { writable, run, state, domain }
        }
        #[cfg(not(target_os = "linux"))]
        {
            let state = State::Missing { why: "it is a part of Linux".to_owned() };
            Self { writable, run, state }
        }
    }

    /// What the kernel gives.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// In one line, for people: the state and what may be written.
    pub fn told(&self) -> String {
        let home = self.run.environment.get("HOME").map_or("", String::as_str);
        let scratch = self.scratch();
        let shown = self.writable.iter().map(|path| match path.strip_prefix(home) {
            _ if Some(path.as_path()) == scratch => "$TMPDIR".to_owned(),
            Ok(rest) if !home.is_empty() => format!("~/{}", rest.display()),
            _ => path.display().to_string(),
        });
        let shown = shown.collect::<Vec<_>>().join(", ");
        let mut told = match &self.state {
            State::Missing { .. } => format!("not contained: {}", self.state),
            _ => format!("contained: {}, writable: {shown}", self.state),
        };
        if !self.run.snaps.is_empty() {
            let names = self.run.snaps.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
            told = format!("{told}; not contained, being snaps: {names}");
        }
        told
    }

    /// The folder `TMPDIR` is set to.
    pub(super) fn scratch(&self) -> Option<&Path> {
        self.run.scratch.as_ref().map(TempDir::path)
    }

    /// Whether the text names a program that needs more privileges than a contained one can get: a snap is mounted
    /// by a program with the set-user-id bit. Who writes a snap's name as data runs uncontained as well.
    pub(super) fn breaks(&self, text: &str) -> bool {
        !self.run.snaps.is_empty()
            && text
                .split(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)))
                .any(|word| self.run.snaps.contains(word))
    }

    /// Starts `command`, its `TMPDIR` the scratch folder, from a thread that may write no more than this allows.
    pub(super) fn spawn(&self, command: &mut Command) -> io::Result<Child> {
        if let Some(scratch) = self.scratch() {
            command.env("TMPDIR", scratch);
        }
        #[cfg(target_os = "linux")]
        if let Some(domain) = &self.domain {
            return std::thread::scope(|scope| {
                let thread = std::thread::Builder::new().name("contained".to_owned());
                let thread = thread.spawn_scoped(scope, || {
                    // What was possible a moment ago must be possible now: no command runs with less.
                    domain
                        .enter()
                        .map_err(|why| io::Error::other(format!("it cannot be contained: {why}")))?;
                    command.spawn()
                })?;
                thread.join().unwrap_or_else(|_| Err(io::Error::other("its thread ended early")))
            });
        }
        command.spawn()
    }

    /// What a failed command's last line may have to do with all this: a remark for a person, as a guess.
    pub fn remark(&self, line: &str) -> Option<&'static str> {
        if matches!(self.state, State::Missing { .. }) {
            return None;
        }
        let lower = line.to_ascii_lowercase();
        if lower.contains("no new privileges") || lower.contains("snap-confine") {
            return Some(
                "a tool that only reads gets no new privileges; `contained: false` in its file lets it",
            );
        }
        let denied = ["permission denied", "permissionerror", "eacces", "cross-device link"];
        if !denied.iter().any(|words| lower.contains(words)) {
            return None;
        }
        if named_path(line) == Some(Path::new("/dev/tty")) {
            return Some("a tool has no terminal to ask");
        }
        let own = match named_path(line) {
            // Where the person may not write either, it is not containment that stood in the way.
            Some(path) => !self.writable.iter().any(|other| path.starts_with(other)) && may_write(path),
            // Servers deny things too: `permission denied for table x`, `Permission denied (publickey)`.
            None => {
                ["cannot ", "unable to ", "[errno 13]", "eacces"].iter().any(|words| lower.contains(words))
            }
        };
        own.then_some(
            "a tool that only reads may write to caches and $TMPDIR only: `writable: [PATH]` in its file allows \
             more, `read_only: false` makes it a tool that changes something",
        )
    }
}

/// The first absolute path of a message.
fn named_path(line: &str) -> Option<&Path> {
    let ends = |c: char| c.is_whitespace() || "'\"`:,;()‘’".contains(c);
    line.split(ends).find(|word| word.len() > 1 && word.starts_with('/')).map(Path::new)
}

fn may_write(path: &Path) -> bool {
    let place = if path.exists() { Some(path) } else { path.parent() };
    place.is_some_and(|place| rustix::fs::access(place, rustix::fs::Access::WRITE_OK).is_ok())
}

/// Programs that `PATH` finds first among snaps.
fn snaps(path: &str) -> BTreeSet<String> {
    const FOLDERS: &[&str] = &["/snap/bin", "/var/lib/snapd/snap/bin"];
    let mut earlier: Vec<&str> = Vec::new();
    let mut found = BTreeSet::new();
    for folder in path.split(':') {
        if !FOLDERS.contains(&folder.trim_end_matches('/')) {
            earlier.push(folder);
            continue;
        }
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if !earlier.iter().any(|folder| Path::new(folder).join(&name).exists()) {
                found.insert(name);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests;
