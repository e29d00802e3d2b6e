//! One layer of settings as written: the flags, the environment, or one file.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::env::Environment;
use super::error::{ConfigError, Origin};
use super::flags::Flags;
use super::settings::{self, Kind, SETTINGS, Setting};
use super::value::{Base, interpret, refers_to_environment};
use super::yaml::{self, Node, Warning};

/// What one layer says, by the key of the setting.
pub(super) type Layer = BTreeMap<&'static str, Written>;

/// A value as it was written.
#[derive(Clone)]
pub(super) struct Written {
    pub json: Json,
    pub origin: Origin,
    /// Where it stands in a file, for messages and for blocks that another room reads.
    pub node: Option<Node>,
}

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Project,
    User,
    System,
}

/// A file that was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consulted {
    pub path: PathBuf,
    pub role: Role,
    pub state: FileState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    Read,
    Missing,
    /// It exists, but another took its place or it could not be opened.
    Skipped(String),
}

pub(super) fn from_flags(flags: &Flags) -> Layer {
    let written = flags.written();
    SETTINGS
        .iter()
        .filter_map(|setting| {
            let written = Written {
                json: written.get(setting.key)?.clone(),
                origin: Origin::Flag(setting.flag()),
                node: None,
            };
            Some((setting.key, written))
        })
        .collect()
}

pub(super) fn from_environment(environment: &Environment) -> Layer {
    SETTINGS
        .iter()
        .filter_map(|setting| {
            let (name, text) = setting
                .env_names()
                .find_map(|name| environment.get(&name).map(|text| (name.clone(), text)))?;
            // HolmesGPT's way to say "do not send one".
            if setting.key == "temperature" && matches!(text, "none" | "null") {
                return None;
            }
            let written =
                Written { json: Json::String(text.to_owned()), origin: Origin::Env(name), node: None };
            Some((setting.key, written))
        })
        .collect()
}

/// Reads a file's text; `None` when there is none. `asked_for` files may be pipes.
pub(super) fn read_text(path: &Path, asked_for: bool) -> Result<Option<String>, ConfigError> {
    let unreadable = |reason: String| ConfigError::Unreadable { path: path.to_path_buf(), reason };
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(unreadable(plain(&error))),
    };
    if metadata.is_dir() {
        return Err(unreadable("it is a folder".to_owned()));
    }
    if !asked_for && !metadata.is_file() {
        // A pipe nobody writes to would be waited for without end.
        return Err(unreadable("it is no regular file".to_owned()));
    }
    let file = File::open(path).map_err(|error| unreadable(plain(&error)))?;
    let mut bytes = Vec::new();
    let most = yaml::MAX_BYTES as u64 + 1;
    file.take(most).read_to_end(&mut bytes).map_err(|error| unreadable(plain(&error)))?;
    if bytes.len() > yaml::MAX_BYTES {
        return Err(unreadable(format!("it is larger than {} MiB", yaml::MAX_BYTES >> 20)));
    }
    Ok(Some(yaml::decode(&bytes, &path.display().to_string())?))
}

/// What went wrong, without Rust's `(os error 13)`.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    text.to_lowercase()
}

/// Reads the settings of a file's text.
pub(super) fn from_text(
    text: &str,
    path: &Path,
    role: Role,
    home: Option<&Path>,
    warnings: &mut Vec<Warning>,
) -> Result<Layer, ConfigError> {
    let document = yaml::parse(text, &path.display().to_string())?;
    warnings.extend(document.warnings);
    let base = Base { folder: path.parent(), home };
    let mut layer = Layer::new();
    for entry in document.node.entries()? {
        let Some(setting) = settings::find(&entry.key) else {
            warnings.push(entry.warning(unknown_key(&entry.key)));
            continue;
        };
        if setting.per_call {
            let flag = setting.flag();
            warnings.push(
                entry.warning(format!("`{}` is ignored in a file: it is for one call, as {flag}", entry.key)),
            );
            continue;
        }
        if entry.value.is_null() {
            continue;
        }
        let json = as_written(setting.kind, &entry.value);
        if !refers_to_environment(&json) || setting.kind == Kind::Block {
            check(setting, &json, &entry.value, base)?;
        }
        let origin = Origin::File {
            path: path.to_path_buf(),
            line: entry.value.line,
            column: entry.value.column,
            checkout: role == Role::Project,
        };
        let node = Some(entry.value.clone());
        layer.insert(setting.key, Written { json, origin, node });
    }
    if role == Role::Project {
        warnings.extend(about_project_file(&layer, path));
    }
    Ok(layer)
}

fn check(setting: &Setting, json: &Json, node: &Node, base: Base) -> Result<(), ConfigError> {
    match interpret(setting.kind, json, base) {
        Ok(_) => Ok(()),
        Err(mismatch) => {
            let message = format!("`{}` needs {}, got {}", setting.key, mismatch.needs, mismatch.got);
            Err(node.error(message).into())
        }
    }
}

fn unknown_key(key: &str) -> String {
    let known: Vec<&str> =
        SETTINGS.iter().flat_map(|setting| setting.also.iter().copied().chain([setting.key])).collect();
    let shown: String = key.chars().take(60).map(|c| if c.is_control() { '?' } else { c }).collect();
    // The measure costs the square of the length: a key that long is no typo.
    let close = Some(key).filter(|key| key.len() < 64).and_then(|key| yaml::nearest(key, &known));
    match close {
        Some(near) => format!("unknown key `{shown}`, did you mean `{near}`?"),
        None => format!("unknown key `{shown}`"),
    }
}

/// A checkout is not written by the one who runs it: where its file sends data elsewhere or decides what
/// runs, that is said.
fn about_project_file(layer: &Layer, path: &Path) -> Option<Warning> {
    let keys: Vec<String> = SETTINGS
        .iter()
        .filter(|setting| setting.sensitive && layer.contains_key(setting.key))
        .map(|setting| format!("`{}`", setting.key))
        .collect();
    (!keys.is_empty()).then(|| {
        Warning::about_file(
            &path.display().to_string(),
            format!("this project file sets {}: it decides where data goes or what runs", keys.join(", ")),
        )
    })
}

/// The value with its scalars as the text that stands in the file, so that `api_version: 2024-10` or a
/// numeric token is not changed by YAML's idea of a type.
fn as_written(kind: Kind, node: &Node) -> Json {
    if kind == Kind::Block {
        return node.to_json();
    }
    match &node.kind {
        yaml::Kind::Scalar { text, .. } if !node.is_null() => Json::String(text.clone()),
        yaml::Kind::Scalar { .. } => Json::Null,
        yaml::Kind::Sequence(items) => items.iter().map(|item| as_written(kind, item)).collect(),
        yaml::Kind::Mapping(entries) => {
            let pairs = entries.iter().map(|entry| (entry.key.clone(), as_written(kind, &entry.value)));
            Json::Object(pairs.collect::<Map<_, _>>())
        }
    }
}
