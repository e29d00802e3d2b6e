//! Where a value comes from, and what can be wrong with it.

use std::fmt;
use std::path::PathBuf;

use super::settings::{Kind, SETTINGS};
use super::yaml::YamlError;

/// Where a value comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Origin {
    /// The flag as it is typed, `--max-steps`.
    Flag(String),
    /// The name in the environment.
    Env(String),
    /// Line and column count from 1.
    File {
        path: PathBuf,
        line: usize,
        column: usize,
        /// Written by whoever wrote the current folder, not by the one who runs this.
        checkout: bool,
    },
    #[default]
    Default,
}

impl Origin {
    /// Whether the value stands in a file of the current folder, or in one that such a file names.
    /// A file that may have come with a clone.
    #[must_use]
    pub fn is_checkout(&self) -> bool {
        matches!(self, Origin::File { checkout: true, .. })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Flag(flag) => f.write_str(flag),
            Origin::Env(name) => write!(f, "env {name}"),
            Origin::File { path, line, .. } => write!(f, "{}:{line}", path.display()),
            Origin::Default => f.write_str("default"),
        }
    }
}

/// Why the configuration cannot be used. `Display` is one to three lines: the message, then the line of the
/// file and a caret where they help. Nothing in it shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("config file `{}` cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: String },

    /// Invalid YAML, or a value of the wrong type: with the place, the line and the caret.
    #[error(transparent)]
    Yaml(YamlError),

    /// A value from elsewhere than a file, or one that is wrong only after `{{ env.X }}` was filled in.
    #[error("{} needs {needs}, got {got}", named(key, origin))]
    Value { key: String, needs: String, got: String, origin: Origin },

    #[error("{}`{key}` refers to the environment variable `{variable}`, which is not set", before(origin))]
    MissingVariable { key: String, variable: String, origin: Origin },

    #[error("{}no model `{name}` in the model list", before(origin))]
    UnknownModel { name: String, origin: Origin, nearest: Option<String>, known: Vec<String> },

    #[error("no API key for model `{model}` at {api_base}")]
    NoApiKey {
        model: String,
        api_base: String,
        /// What to set, e.g. `OPENAI_API_KEY`.
        variable: &'static str,
    },

    #[error(
        "{}`api_base` of a project file ({api_base}) would be sent {what} that the file does not hold itself",
        before(origin)
    )]
    Unconfirmed {
        /// What would leave, in words.
        what: &'static str,
        api_base: String,
        origin: Origin,
    },

    #[error("no address for model `{model}`")]
    NoApiBase { model: String, hint: String },

    #[error("config file `{}` exists already", path.display())]
    Exists { path: PathBuf },

    #[error("config file `{}` cannot be written: {reason}", path.display())]
    Unwritable { path: PathBuf, reason: String },
}

impl ConfigError {
    /// What to do next, one line each.
    pub fn hints(&self) -> Vec<String> {
        match self {
            ConfigError::UnknownModel { nearest: Some(name), .. } => {
                vec![format!("did you mean `{name}`?")]
            }
            ConfigError::UnknownModel { known, .. } => {
                vec![format!("the model list has {}", quote_all(known))]
            }
            ConfigError::NoApiKey { variable, .. } => vec![format!(
                "set `{variable}` (or `--api-key`), set `OPENAI_API_BASE` for a local endpoint, \
                 or use `--no-llm`"
            )],
            ConfigError::Unconfirmed { api_base, .. } => vec![format!(
                "if you trust that address, say so with `--api-base {api_base}` or `HOLMES_API_BASE`; \
                 `--api-key` gives it a key of its own"
            )],
            ConfigError::NoApiBase { hint, .. } => vec![hint.clone()],
            ConfigError::MissingVariable { variable, .. } => {
                vec![format!("export {variable}=…, or write the value into the file")]
            }
            ConfigError::Exists { .. } => vec!["`--force` replaces it".to_owned()],
            ConfigError::Unreadable { .. }
            | ConfigError::Yaml(_)
            | ConfigError::Value { .. }
            | ConfigError::Unwritable { .. } => Vec::new(),
        }
    }
}

/// Names in backticks, at most ten.
fn quote_all(names: &[String]) -> String {
    let mut quoted: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    if names.len() > 10 {
        quoted.push("…".to_owned());
    }
    quoted.join(", ")
}

/// The key with its place before it; a flag is both.
fn named(key: &str, origin: &Origin) -> String {
    match origin {
        Origin::Flag(flag) => format!("`{flag}`"),
        _ => format!("{}`{key}`", before(origin)),
    }
}

/// The place in front of a message, as compilers have it.
fn before(origin: &Origin) -> String {
    match origin {
        Origin::File { path, line, column, .. } => format!("{}:{line}:{column}: ", path.display()),
        Origin::Env(_) | Origin::Flag(_) => format!("{origin}: "),
        Origin::Default => String::new(),
    }
}

/// An error in a file shows the offending line; not where the line is known to hold a secret.
impl From<YamlError> for ConfigError {
    fn from(mut error: YamlError) -> Self {
        let tells = |key: &str| error.snippet.contains(key);
        let secret = SETTINGS
            .iter()
            .filter(|setting| matches!(setting.kind, Kind::Secret | Kind::SecretMap))
            .any(|setting| tells(setting.key));
        if secret || tells("password") || tells("api_key") || tells("Authorization") {
            error.snippet.clear();
        }
        ConfigError::Yaml(error)
    }
}
