//! Where files are kept: whether the folders are there or can be made, and whether there is room in them.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Access, access, statvfs};

use super::Looking;
use super::report::{Check, Section};
use crate::config::Config;

const HERE: Section = Section::Folders;
/// A run keeps a few megabytes; below this the next long log may not fit.
const LOW: u64 = 200 << 20;
/// A folder of records is counted no longer than that.
const COUNTING: Duration = Duration::from_secs(3);

pub(super) async fn look(looking: &Looking<'_>, config: Option<&Config>) {
    let folders = config.map_or_else(|| looking.context.folders(), |config| config.folders().clone());
    if folders.home.is_none() {
        let check =
            Check::warning(HERE, "home", "`HOME` is not set: files are kept below the temporary folder");
        looking
            .report
            .add(check.fix("set `HOME`, or `XDG_CONFIG_HOME`, `XDG_STATE_HOME` and `XDG_CACHE_HOME`"));
    }
    // A file system that hangs must not hang the other sections.
    let looked = tokio::task::spawn_blocking(move || {
        let mut checks = vec![
            one(
                "config",
                &folders.config,
                false,
                "prompts, toolsets and runbooks of your own are not found there",
            ),
            one(
                "state",
                &folders.state,
                true,
                "no run is recorded: `state_folder` names another, `--no-record` does without",
            ),
            one(
                "cache",
                &folders.cache,
                true,
                "toolsets are checked anew each time: `cache_folder` names another",
            ),
        ];
        checks.extend(recorded(&folders.state.join("runs")));
        checks
    });
    for check in looked.await.unwrap_or_default() {
        looking.report.add(check);
    }
}

/// One folder; `written` when a run writes there.
fn one(name: &str, folder: &Path, written: bool, otherwise: &str) -> Check {
    let path = folder.display();
    let there = match folder.metadata() {
        Ok(found) if !found.is_dir() => {
            return Check::problem(HERE, name, format!("{path} is no folder"))
                .fix(format!("move it away: {otherwise}"));
        }
        Ok(_) => true,
        Err(_) => false,
    };
    let existing = nearest_existing(folder);
    let writable = existing.is_dir() && access(&existing, Access::WRITE_OK | Access::EXEC_OK).is_ok();
    let free = free(&existing);
    let mut detail = path.to_string();
    match (there, writable) {
        (false, true) => detail += ", made when it is needed",
        (false, false) => detail += ", is not there and cannot be made",
        (true, false) => detail += ", not writable",
        (true, true) => {}
    }
    if let Some(free) = free.filter(|_| written) {
        detail = format!("{detail}, {} free", size(free));
    }
    if written && !writable {
        let fix = format!("make {} writable; else {otherwise}", existing.display());
        return Check::problem(HERE, name, detail).fix(fix);
    }
    if there && access(folder, Access::READ_OK | Access::EXEC_OK).is_err() {
        return Check::warning(HERE, name, format!("{detail}, not readable")).fix(otherwise);
    }
    match free.filter(|free| written && *free < LOW) {
        Some(_) => Check::warning(HERE, name, detail).fix("make room: outputs of tools are kept there"),
        None => Check::ok(HERE, name, detail),
    }
}

fn nearest_existing(folder: &Path) -> PathBuf {
    folder.ancestors().find(|folder| folder.exists()).unwrap_or(Path::new("/")).to_path_buf()
}

/// Bytes that an ordinary user may still write.
fn free(folder: &Path) -> Option<u64> {
    let found = statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// How much recorded runs take.
fn recorded(runs: &Path) -> Option<Check> {
    let count = std::fs::read_dir(runs).ok()?.count();
    let began = Instant::now();
    let (mut bytes, mut folders, mut whole) = (0_u64, vec![runs.to_path_buf()], true);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            // Of the link itself, where it is one.
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                folders.push(entry.path());
            } else {
                bytes = bytes.saturating_add(found.len());
            }
        }
        if began.elapsed() > COUNTING {
            whole = false;
            break;
        }
    }
    let more = if whole { "" } else { "more than " };
    Some(Check::ok(HERE, "recorded runs", format!("{count}, {more}{}", size(bytes))))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", bytes >> 20),
        _ => format!("{} GiB", bytes >> 30),
    }
}
