//! What earlier checks found, so that the next question does not wait for them again.
//!
//! A result counts as long as everything it depends on is the same and it is young: a good one an hour, a
//! failed one a minute, since people fix what failed and try again. A cache that cannot be read or written
//! costs time, never an answer.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::shell::environment;

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
    surroundings: OnceCell<u64>,
    /// What each result that was asked for depended on then: before it was checked anew.
    keys: RefCell<BTreeMap<String, String>>,
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
        Self {
            path,
            now,
            entries: BTreeMap::new(),
            changed: false,
            surroundings: OnceCell::new(),
            keys: RefCell::default(),
        }
    }

    /// A result that still counts.
    pub fn get(&self, toolset: &Toolset, env: &BTreeMap<String, String>) -> Option<Readiness> {
        if !runs_commands(toolset) {
            return None;
        }
        let key = self.key(toolset, env);
        let entry = self.entries.get(&toolset.name)?;
        let said = toolset.status_refresh_interval;
        let limit = match entry.readiness.status {
            ReadinessStatus::Enabled => said.unwrap_or(GOOD),
            ReadinessStatus::Disabled => said.unwrap_or(ABSENT).min(ABSENT),
            ReadinessStatus::Failed => said.unwrap_or(FAILED).min(FAILED),
        };
        // A time ahead of ours is a clock that was set back: its age is unknown.
        let age = self.now.checked_sub(entry.checked_at)?;
        (age < limit.as_secs() && entry.key == key).then(|| entry.readiness.clone())
    }

    fn key(&self, toolset: &Toolset, env: &BTreeMap<String, String>) -> String {
        let surroundings = *self.surroundings.get_or_init(|| surroundings(env));
        let key = key(surroundings, toolset, env);
        self.keys.borrow_mut().insert(toolset.name.clone(), key.clone());
        key
    }

    /// Keeps a result, if getting it again would take a process.
    pub fn put(&mut self, toolset: &Toolset, env: &BTreeMap<String, String>, readiness: &Readiness) {
        if runs_commands(toolset) {
            let asked = self.keys.borrow_mut().remove(&toolset.name);
            let key = asked.unwrap_or_else(|| self.key(toolset, env));
            let entry = Entry { key, checked_at: self.now, readiness: readiness.clone() };
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
    matches!(exit_code, Some(126 | 127))
        || [
            "command not found",
            "executable file not found",
            "unauthorized",
            "forbidden",
            "connection refused",
            "was refused",
            "no such host",
            "could not resolve",
            "could not translate host name",
            "temporary failure in name resolution",
            "is the docker daemon running",
            "unable to locate credentials",
            "could not find default credentials",
            "no configuration has been provided",
            "must be logged in",
            "not logged in",
            "az login",
            "gcloud auth login",
            "gh auth login",
            "reauthenticat",
            "authentication required",
            "authentication failed",
            "noauth",
            "access denied",
            "accessdenied",
            "has expired",
            "expiredtoken",
            "invalid token",
            "invalidclienttokenid",
        ]
        .into_iter()
        .any(says)
        || status("401")
        || status("403")
}

/// What every result depends on: what each command gets of the environment, programs on PATH, the kubeconfig.
fn surroundings(env: &BTreeMap<String, String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    env!("CARGO_PKG_VERSION").hash(&mut hasher);
    let caller: Vec<(String, String)> =
        env.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    environment(&caller, &[]).hash(&mut hasher);
    // What decides whom a command speaks to, where its toolset names it.
    for (name, value) in env.iter().filter(|(name, _)| decides(name)) {
        (name, value).hash(&mut hasher);
    }
    // A program that comes, goes or is replaced changes its folder.
    for folder in path_of(env).split(':').map(Path::new) {
        state(folder).hash(&mut hasher);
    }
    for file in kubeconfigs(env) {
        (state(&file), file).hash(&mut hasher);
    }
    hasher.finish()
}

/// Everything the result of this toolset depends on, as one digest: no value can be read back from it.
fn key(surroundings: u64, toolset: &Toolset, env: &BTreeMap<String, String>) -> String {
    let mut hasher = DefaultHasher::new();
    surroundings.hash(&mut hasher);
    format!("{toolset:?}").hash(&mut hasher);
    for name in environment_of(toolset) {
        (env.get(&name), name).hash(&mut hasher);
    }
    for prerequisite in &toolset.prerequisites {
        if let Prerequisite::Command { command, .. } = prerequisite {
            for program in programs(command, env) {
                (state(&program), program).hash(&mut hasher);
            }
        }
    }
    for file in accounts(toolset, env) {
        (state(&file), file).hash(&mut hasher);
    }
    format!("{:016x}", hasher.finish())
}

fn path_of(env: &BTreeMap<String, String>) -> &str {
    env.get("PATH").map(String::as_str).unwrap_or_default()
}

/// Words of a command that are looked up, at most: a script of many lines has its programs at the top.
const WORDS: usize = 24;

/// Files that the words of a command can mean: where PATH finds them, or where they say. One that is written over in its
/// place leaves its folder as it was.
fn programs(command: &str, env: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let words = command.split(|c: char| !(c.is_ascii_alphanumeric() || "-_.+/~".contains(c)));
    let mut seen = BTreeSet::new();
    let names = words.filter(|word| word.starts_with(|c: char| c.is_ascii_alphabetic() || "./~".contains(c)));
    let names = names.filter(|name| seen.insert(*name)).take(WORDS);
    let home = env.get("HOME").map(String::as_str).unwrap_or_default();
    let found = |name: &str| match name.strip_prefix("~/") {
        Some(below) => Some(Path::new(home).join(below)),
        None if name.contains('/') => Some(PathBuf::from(name)),
        None => {
            path_of(env).split(':').map(|folder| Path::new(folder).join(name)).find(|file| file.is_file())
        }
    };
    // A file that a check writes is no program: it would make each check another one.
    let runs = |file: &PathBuf| {
        fs::metadata(file).is_ok_and(|about| about.is_file() && about.permissions().mode() & 0o111 != 0)
    };
    names.filter_map(found).filter(runs).collect()
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
    let families =
        ["AWS_", "AZURE_", "CLOUDSDK_", "CONTAINER_", "DOCKER_", "GOOGLE_", "HELM_", "KUBERNETES_", "PG"];
    families.iter().any(|prefix| name.starts_with(prefix))
        || name == "HOLMES_CONTAINMENT"
        || name.to_ascii_uppercase().ends_with("_PROXY")
}

/// Where logging in and choosing an account leave their marks, for the programs this toolset asks.
fn accounts(toolset: &Toolset, env: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let commands = toolset.prerequisites.iter().filter_map(|one| match one {
        Prerequisite::Command { command, .. } => Some(command.as_str()),
        _ => None,
    });
    let text = commands.chain(toolset.prelude.as_deref()).collect::<Vec<_>>().join("\n");
    let asks = |program: &str| {
        text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').any(|word| word == program)
    };
    let home = env.get("HOME").map(PathBuf::from).unwrap_or_default();
    let named = |name: &str| env.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let of = |name: &str, usual: &str| named(name).unwrap_or_else(|| home.join(usual));
    let settings = |own: &str, program: &str| {
        let general = || named("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config")).join(program);
        named(own).unwrap_or_else(general)
    };
    let gcloud = of("CLOUDSDK_CONFIG", ".config/gcloud");
    let all = [
        (
            "aws",
            vec![of("AWS_CONFIG_FILE", ".aws/config"), of("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials")],
        ),
        ("aws", files(home.join(".aws/sso/cache"))),
        ("docker", vec![of("DOCKER_CONFIG", ".docker").join("config.json")]),
        ("gcloud", vec![gcloud.join("active_config"), gcloud.join("application_default_credentials.json")]),
        ("gcloud", files(gcloud.join("configurations"))),
        ("az", vec![of("AZURE_CONFIG_DIR", ".azure").join("azureProfile.json")]),
        ("gh", vec![settings("GH_CONFIG_DIR", "gh").join("hosts.yml")]),
        ("argocd", vec![settings("ARGOCD_CONFIG_DIR", "argocd").join("config")]),
        ("psql", vec![of("PGPASSFILE", ".pgpass"), of("PGSERVICEFILE", ".pg_service.conf")]),
        ("mysql", vec![home.join(".my.cnf"), home.join(".mylogin.cnf")]),
    ];
    all.into_iter().filter(|(program, _)| asks(program)).flat_map(|(_, files)| files).collect()
}

/// A folder and what lies in it, in order: a file that is written over leaves its folder as it was.
fn files(folder: PathBuf) -> Vec<PathBuf> {
    const MOST: usize = 64;
    let entries = fs::read_dir(&folder).into_iter().flatten().flatten().take(MOST);
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.sort();
    files.push(folder);
    files
}

/// What tells one version of a file from another: its time may be that of a copy.
fn state(path: &Path) -> Option<(Option<SystemTime>, u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok(), metadata.len(), metadata.ino()))
}
