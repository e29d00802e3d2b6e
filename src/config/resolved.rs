//! The configuration: all layers, strongest first, and the typed questions that can be asked of them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::Value as Json;

use super::aliases::Alias;
use super::env::Environment;
use super::error::{ConfigError, Origin};
use super::files::{self, Surroundings};
use super::flags::Flags;
use super::folders::Folders;
use super::layer::{self, Consulted, Layer, Written};
use super::settings::{self, SETTINGS, Setting};
use super::value::{Base, Mismatch, Value, expand, interpret};
use super::yaml::{Node, Warning};

/// Flags, environment and files as one. `Debug` shows no value.
#[derive(Clone)]
pub struct Config {
    /// Strongest first.
    pub(super) layers: Vec<Layer>,
    pub(super) environment: Environment,
    pub(super) folders: Folders,
    consulted: Vec<Consulted>,
    pub(super) warnings: Vec<Warning>,
    pub(super) aliases: Vec<Alias>,
    /// `-t`.
    extra_toolsets: Vec<PathBuf>,
    pub(super) system: PathBuf,
}

/// How a program is named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandLine {
    /// Text for a shell.
    Shell(String),
    /// The program and its arguments; no shell reads them.
    Words(Vec<String>),
}

/// What ends an investigation, and one tool call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Model calls, at least 1.
    pub max_steps: u64,
    pub timeout: Option<Duration>,
    /// Tokens in and out, over all calls.
    pub max_tokens_total: Option<u64>,
    /// US dollars.
    pub max_cost: Option<f64>,
    /// For tools that name no limit of their own.
    pub tool_timeout: Duration,
    /// For one summary by the fast model.
    pub summary_timeout: Duration,
}

/// Where toolsets are read from besides the builtin ones, weakest first.
#[derive(Debug, Clone, Default)]
pub struct ToolsetSources {
    /// `CUSTOM_TOOLSET_LOCATION` or its default, where it exists.
    pub location: Option<PathBuf>,
    /// `toolsets:` and `mcp_servers:` of the config files.
    pub blocks: Vec<Block>,
    /// `custom_toolsets`.
    pub files: Vec<PathBuf>,
    /// `-t`.
    pub extra: Vec<PathBuf>,
    /// `--toolset`: when not empty, nothing else is used.
    pub only: Vec<String>,
}

/// A part of a config file that another room reads.
#[derive(Debug, Clone)]
pub struct Block {
    /// `toolsets` or `mcp_servers`.
    pub key: &'static str,
    pub node: Node,
    pub path: PathBuf,
}

/// One setting as `config show` prints it: no secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    pub key: &'static str,
    /// `None` when it is not set.
    pub value: Option<String>,
    /// The same for programs; null when it is not set.
    pub json: Json,
    pub origin: Origin,
    /// Why the value cannot be used, in one line.
    pub error: Option<String>,
}

impl Config {
    /// Reads all layers.
    ///
    /// # Errors
    /// A file that cannot be read, is no YAML or has a value of the wrong type. What is merely odd is a
    /// warning.
    pub fn load(
        flags: &Flags,
        environment: &Environment,
        surroundings: &Surroundings,
    ) -> Result<Self, ConfigError> {
        let folders = Folders::new(environment);
        let mut found = files::read_all(flags.config.as_deref(), environment, &folders, surroundings)?;
        let mut layers = vec![layer::from_flags(flags), layer::from_environment(environment)];
        layers.append(&mut found.layers);
        for (name, nearest) in environment.unknown_names() {
            let message = match nearest {
                Some(near) => format!("`{name}` is no known variable, did you mean `{near}`?"),
                None => format!("`{name}` is no known variable"),
            };
            found.warnings.push(Warning::about_file("environment", message));
        }
        let mut config = Config {
            layers,
            environment: environment.clone(),
            folders,
            consulted: found.consulted,
            warnings: found.warnings,
            aliases: Vec::new(),
            extra_toolsets: flags.custom_toolsets.clone(),
            system: surroundings.system.clone(),
        };
        config.aliases = config.read_aliases()?;
        if let Some(folder) = config.path("state_folder")? {
            config.folders.state = folder;
        }
        if let Some(folder) = config.path("cache_folder")? {
            config.folders.cache = folder;
        }
        Ok(config)
    }

    pub fn folders(&self) -> &Folders {
        &self.folders
    }

    /// The files that were looked for, in the order they were.
    pub fn consulted(&self) -> &[Consulted] {
        &self.consulted
    }

    /// What was odd, one line each.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The environment the configuration was made with.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// Sets a variable for what is run from here on: settings are read already.
    pub fn provide(&mut self, name: &str, value: &str) {
        self.environment = std::mem::take(&mut self.environment).with(name, value);
    }

    pub fn limits(&self) -> Result<Limits, ConfigError> {
        Ok(Limits {
            max_steps: self.count("max_steps")?.unwrap_or(100),
            timeout: self.duration("timeout")?,
            max_tokens_total: self.count("max_tokens_total")?,
            max_cost: self.decimal("max_cost")?,
            tool_timeout: self.duration("tool_timeout")?.unwrap_or(Duration::from_mins(1)),
            summary_timeout: self.duration("fast_model_timeout")?.unwrap_or(Duration::from_secs(30)),
        })
    }

    pub fn toolset_sources(&self) -> Result<ToolsetSources, ConfigError> {
        let location = self.path("custom_toolset_location")?.filter(|path| path.exists());
        let mut blocks = Vec::new();
        for layer in self.layers.iter().rev() {
            for key in ["toolsets", "mcp_servers"] {
                if let Some(Written { node: Some(node), .. }) = layer.get(key) {
                    blocks.push(Block { key, node: node.clone(), path: PathBuf::from(node.file()) });
                }
            }
        }
        Ok(ToolsetSources {
            location,
            blocks,
            files: self.paths("custom_toolsets")?,
            extra: self.extra_toolsets.clone(),
            only: self.texts("toolset")?,
        })
    }

    /// The text of a setting; for choices one of them.
    pub fn text(&self, key: &str) -> Result<Option<String>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::Text(text)) => Some(text),
            _ => None,
        })
    }

    pub fn secret(&self, key: &str) -> Result<Option<SecretString>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::Secret(secret)) => Some(secret),
            _ => None,
        })
    }

    /// Names to texts that are never shown.
    pub fn secret_map(&self, key: &str) -> Result<Vec<(String, SecretString)>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::SecretMap(map)) => map,
            _ => Vec::new(),
        })
    }

    /// The values of all settings that are secrets, for whoever must not show them.
    pub fn secrets(&self) -> Vec<SecretString> {
        let secret = |setting: &&Setting| matches!(setting.kind, settings::Kind::Secret);
        SETTINGS.iter().filter(secret).filter_map(|setting| self.secret(setting.key).ok().flatten()).collect()
    }

    pub fn count(&self, key: &str) -> Result<Option<u64>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::Count(count)) => Some(count),
            _ => None,
        })
    }

    pub fn decimal(&self, key: &str) -> Result<Option<f64>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::Decimal(number)) => Some(number),
            _ => None,
        })
    }

    pub fn duration(&self, key: &str) -> Result<Option<Duration>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::Duration(duration)) => Some(duration),
            _ => None,
        })
    }

    /// Whether it is on; off when it is not set.
    pub fn switch(&self, key: &str) -> Result<bool, ConfigError> {
        Ok(matches!(self.value(key)?, Some(Value::Switch(true))))
    }

    pub fn path(&self, key: &str) -> Result<Option<PathBuf>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::Path(path)) => Some(path),
            _ => None,
        })
    }

    pub fn paths(&self, key: &str) -> Result<Vec<PathBuf>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::Paths(paths)) => paths,
            _ => Vec::new(),
        })
    }

    pub fn texts(&self, key: &str) -> Result<Vec<String>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::Texts(texts)) => texts,
            _ => Vec::new(),
        })
    }

    /// A program with its arguments.
    pub fn command(&self, key: &str) -> Result<Option<CommandLine>, ConfigError> {
        Ok(match self.value(key)? {
            Some(Value::Text(text)) => Some(CommandLine::Shell(text)),
            Some(Value::Texts(words)) => Some(CommandLine::Words(words)),
            _ => None,
        })
    }

    /// Every setting, in the order of the table, masked.
    pub fn shown(&self) -> Vec<Shown> {
        SETTINGS
            .iter()
            .filter(|setting| !setting.per_call || self.written(setting.key).is_some())
            .map(|setting| {
                let origin = self.origin(setting.key);
                let mut shown =
                    Shown { key: setting.key, value: None, json: Json::Null, origin, error: None };
                match self.value(setting.key) {
                    Ok(Some(value)) => {
                        shown.value = Some(value.shown(setting.kind));
                        shown.json = value.to_json(setting.kind);
                    }
                    Ok(None) => {}
                    Err(error) => shown.error = Some(one_line(&error)),
                }
                shown
            })
            .collect()
    }

    /// Settings that are written in more than one place and not alike: the key, the place that wins, and the
    /// strongest of those that lose.
    pub fn overridden(&self) -> Vec<(&'static str, Origin, Origin)> {
        let differs = |setting: &Setting| {
            let mut written = self.layers.iter().filter_map(|layer| layer.get(setting.key));
            let first = written.next()?;
            let second = written.find(|other| other.json != first.json)?;
            Some((setting.key, first.origin.clone(), second.origin.clone()))
        };
        SETTINGS.iter().filter_map(differs).collect()
    }

    /// Where the value of a setting comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.written(key).map_or(Origin::Default, |written| written.origin.clone())
    }

    pub(super) fn written(&self, key: &str) -> Option<&Written> {
        self.layers.iter().find_map(|layer| layer.get(key))
    }

    /// The strongest layer's value, typed; else the default.
    pub(super) fn value(&self, key: &str) -> Result<Option<Value>, ConfigError> {
        let Some(setting) = settings::find(key) else {
            debug_assert!(false, "no setting is called {key}");
            return Ok(None);
        };
        match self.written(setting.key) {
            Some(written) => self.typed(setting, written).map(Some),
            None => Ok(self.default_of(setting)),
        }
    }

    fn typed(&self, setting: &Setting, written: &Written) -> Result<Value, ConfigError> {
        let expanded;
        let mut base = Base { folder: None, home: self.folders.home.as_deref() };
        let json = match &written.origin {
            Origin::File { path, .. } => {
                base.folder = path.parent();
                expanded = match setting.kind {
                    settings::Kind::Block => written.json.clone(),
                    _ => expand(&written.json, &self.environment).map_err(|variable| {
                        ConfigError::MissingVariable {
                            key: setting.key.to_owned(),
                            variable,
                            origin: written.origin.clone(),
                        }
                    })?,
                };
                &expanded
            }
            _ => &written.json,
        };
        interpret(setting.kind, json, base).map_err(|Mismatch { needs, got }| ConfigError::Value {
            key: setting.key.to_owned(),
            needs,
            got,
            origin: written.origin.clone(),
        })
    }

    fn default_of(&self, setting: &Setting) -> Option<Value> {
        if setting.default.is_empty() {
            return None;
        }
        let written = Json::String(setting.default.to_owned());
        let base = Base { folder: None, home: self.folders.home.as_deref() };
        interpret(setting.kind, &written, base).ok()
    }
}

/// Keys and origins alone.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut map = f.debug_map();
        for setting in SETTINGS {
            if let Some(written) = self.written(setting.key) {
                map.entry(&setting.key, &format_args!("{}", written.origin));
            }
        }
        map.finish()
    }
}

pub(super) fn one_line(error: &ConfigError) -> String {
    match error {
        ConfigError::Yaml(error) => error.one_line(),
        other => other.to_string(),
    }
}
