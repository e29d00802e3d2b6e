//! What earlier checks found, so that the next question does not wait for them again.
//!
//! A result counts as long as everything it depends on is the same and it is young: a good one an hour, a
//! failed one a minute, since people fix what failed and try again. A cache that cannot be read or written
//! costs time, never an answer.

use std::collections::BTreeMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::prerequisites::{environment_of, runs_commands};
use super::{Prerequisite, Readiness, ReadinessStatus, Toolset};

/// How long a good result counts.
const GOOD: Duration = Duration::from_hours(1);
/// How long "there is no such service here" counts for a toolset nobody asked for by name. What usually
/// changes it (PATH, environment, configuration files) is part of the key.
const ABSENT: Duration = Duration::from_mins(10);
/// How long a failure counts: enough for a second question, short enough for `login` and again.
const FAILED: Duration = Duration::from_mins(1);
/// A cache of every toolset there is stays far below.
const MAX_BYTES: u64 = 8 << 20;

/// Results of checks on disk, by toolset.
#[derive(Debug)]
pub struct Cache {
    path: PathBuf,
    now: u64,
    entries: BTreeMap<String, Entry>,
    changed: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Entry {
    /// Digest of everything the result depends on.
    key: String,
    /// Seconds since 1970.
    checked_at: u64,
    readiness: Readiness,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    toolsets: BTreeMap<String, Entry>,
}

const VERSION: u32 = 1;

impl Cache {
    /// Reads the cache at `path`; an unreadable or damaged one is an empty one.
    pub fn open(path: PathBuf, now: SystemTime) -> Self {
        let entries = fs::metadata(&path)
            .ok()
            .filter(|metadata| metadata.is_file() && metadata.len() <= MAX_BYTES)
            .and_then(|_| fs::read(&path).ok())
            .and_then(|bytes| serde_json::from_slice::<File>(&bytes).ok())
            .filter(|file| file.version == VERSION)
            .map(|file| file.toolsets)
            .unwrap_or_default();
        Self { entries, ..Self::empty(path, now) }
    }

    /// A cache that knows nothing yet and is still written: `--refresh-toolsets`.
    pub fn empty(path: PathBuf, now: SystemTime) -> Self {
        let now = now.duration_since(UNIX_EPOCH).map_or(0, |age| age.as_secs());
        Self { path, now, entries: BTreeMap::new(), changed: false }
    }

    /// A result that still counts.
    pub fn get(&self, toolset: &Toolset, env: &BTreeMap<String, String>) -> Option<Readiness> {
        if !runs_commands(toolset) {
            return None;
        }
        let entry = self.entries.get(&toolset.name)?;
        let limit = match entry.readiness.status {
            ReadinessStatus::Enabled => GOOD,
            ReadinessStatus::Disabled => ABSENT,
            ReadinessStatus::Failed => FAILED,
        };
        // A time ahead of ours is a clock that was set back: its age is unknown.
        let age = self.now.checked_sub(entry.checked_at)?;
        (age < limit.as_secs() && entry.key == key(toolset, env)).then(|| entry.readiness.clone())
    }

    /// Keeps a result, if getting it again would take a process.
    pub fn put(&mut self, toolset: &Toolset, env: &BTreeMap<String, String>, readiness: &Readiness) {
        if runs_commands(toolset) {
            let entry = Entry { key: key(toolset, env), checked_at: self.now, readiness: readiness.clone() };
            self.entries.insert(toolset.name.clone(), entry);
            self.changed = true;
        }
    }

    /// Drops a result: a tool of the toolset failed in a way that tells it is not usable any more.
    pub fn forget(&mut self, name: &str) {
        self.changed |= self.entries.remove(name).is_some();
    }

    /// Writes what changed, all or nothing. What cannot be written is not.
    pub fn save(&mut self) {
        if self.changed && self.write().is_ok() {
            self.changed = false;
        }
    }

    fn write(&self) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let file = File { version: VERSION, toolsets: self.entries.clone() };
        // Readable by its owner alone, as every temporary file is made.
        let mut temporary = tempfile::NamedTempFile::new_in(folder)?;
        temporary.write_all(&serde_json::to_vec(&file)?)?;
        temporary.persist(&self.path)?;
        Ok(())
    }
}

/// Whether a tool that failed with these words tells that its toolset may not be usable any more: a program
/// or a credential is missing, or nobody listens. A wrong guess costs one check.
pub fn looks_unusable(exit_code: Option<i32>, words: &str) -> bool {
    let words = words.to_lowercase();
    let says = |sign: &str| words.contains(sign);
    let status =
        |code: &str| words.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| word == code);
    exit_code == Some(127)
        || [
            "command not found",
            "executable file not found",
            "unauthorized",
            "forbidden",
            "connection refused",
        ]
        .into_iter()
        .any(says)
        || status("401")
        || status("403")
}

/// Everything a result depends on, as one digest: no value can be read back from it.
fn key(toolset: &Toolset, env: &BTreeMap<String, String>) -> String {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    format!("{toolset:?}").hash(&mut hasher);
    for name in environment_of(toolset) {
        (env.get(&name), name).hash(&mut hasher);
    }
    let path = env.get("PATH").map(String::as_str).unwrap_or_default();
    path.hash(&mut hasher);
    // A program that comes, goes or is replaced changes its folder.
    for folder in path.split(':').map(Path::new) {
        changed_at(folder).hash(&mut hasher);
    }
    for prerequisite in &toolset.prerequisites {
        if let Prerequisite::Command { command, .. } = prerequisite {
            program(command, path).map(|hit| (changed_at(&hit), hit)).hash(&mut hasher);
        }
    }
    for file in kubeconfigs(env).into_iter().chain(accounts(toolset, env)) {
        (changed_at(&file), file).hash(&mut hasher);
    }
    // What every command gets, and what decides whom it speaks to.
    for (name, value) in env.iter().filter(|(name, _)| decides(name)) {
        (name, value).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

/// Where PATH finds the program that a command begins with.
fn program(command: &str, path: &str) -> Option<PathBuf> {
    let words = command.split_whitespace();
    let name = words.into_iter().find(|word| !word.contains('='))?;
    path.split(':').map(|folder| Path::new(folder).join(name)).find(|file| file.is_file())
}

/// The files `kubectl` reads; the current context stands in them.
fn kubeconfigs(env: &BTreeMap<String, String>) -> Vec<PathBuf> {
    match env.get("KUBECONFIG").filter(|list| !list.is_empty()) {
        Some(list) => list.split(':').map(PathBuf::from).collect(),
        None => env.get("HOME").map(|home| Path::new(home).join(".kube/config")).into_iter().collect(),
    }
}

/// Names of the environment that decide which cluster, account or daemon a command reaches.
fn decides(name: &str) -> bool {
    ["AWS_", "CLOUDSDK_", "DOCKER_", "KUBERNETES_", "HELM_"].iter().any(|prefix| name.starts_with(prefix))
        || name.to_ascii_uppercase().ends_with("_PROXY")
}

/// Where logging in and choosing an account leave their marks, for the programs this toolset asks.
fn accounts(toolset: &Toolset, env: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let commands = toolset.prerequisites.iter().filter_map(|one| match one {
        Prerequisite::Command { command, .. } => Some(command.as_str()),
        _ => None,
    });
    let text: String = commands.chain(toolset.prelude.as_deref()).collect();
    let asks = |program: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == program)
    };
    let home = env.get("HOME").map(PathBuf::from).unwrap_or_default();
    let of = |name: &str, file: &str| env.get(name).map_or_else(|| home.join(file), PathBuf::from);
    let all = [
        ("aws", of("AWS_CONFIG_FILE", ".aws/config")),
        ("aws", of("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")),
        ("docker", home.join(".docker/config.json")),
        ("gcloud", home.join(".config/gcloud/active_config")),
        ("az", home.join(".azure/azureProfile.json")),
        ("gh", home.join(".config/gh/hosts.yml")),
    ];
    all.into_iter().filter(|(program, _)| asks(program)).map(|(_, file)| file).collect()
}

fn changed_at(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}
