//! The configuration: all layers, strongest first, and the typed questions that can be asked of them.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use super::aliases::{self, Alias};
use super::env::Environment;
use super::error::{ConfigError, Origin};
use super::files::{self, Surroundings};
use super::flags::Flags;
use super::folders::{Folders, expand_home};
use super::layer::{self, Consulted, Layer, Written};
use super::model::{self, ModelChoice, ModelSettings, Sourced, Wanted};
use super::provider;
use super::settings::{self, SETTINGS, Setting};
use super::value::{Base, Mismatch, Value, expand, interpret, mask_url};
use super::yaml::{self, Node, Warning};

/// Flags, environment and files as one. `Debug` shows no value.
pub struct Config {
    /// Strongest first.
    layers: Vec<Layer>,
    environment: Environment,
    folders: Folders,
    consulted: Vec<Consulted>,
    warnings: Vec<Warning>,
    aliases: Vec<Alias>,
    /// `-t`.
    extra_toolsets: Vec<PathBuf>,
    system: PathBuf,
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
    pub origin: Origin,
    /// Why the value cannot be used, in one line.
    pub error: Option<String>,
}

/// One alias of the model list as `model list` prints it: no secret in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub name: String,
    pub model: String,
    pub api_base: Option<String>,
    pub context_window: Option<u64>,
    /// Masked; `None` when it has none of its own.
    pub api_key: Option<String>,
    pub origin: Origin,
    /// Why it cannot be used, in one line.
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

    pub fn limits(&self) -> Result<Limits, ConfigError> {
        Ok(Limits {
            max_steps: self.count("max_steps")?.unwrap_or(100),
            timeout: self.duration("timeout")?,
            max_tokens_total: self.count("max_tokens_total")?,
            max_cost: self.decimal("max_cost")?,
            tool_timeout: self.duration("tool_timeout")?.unwrap_or(Duration::from_mins(1)),
        })
    }

    /// Who answers.
    pub fn model(&self) -> Result<ModelChoice, ConfigError> {
        if self.switch("no_llm")? {
            return Ok(ModelChoice::None {
                reason: "no model was wanted (`no_llm`)".to_owned(),
                hints: Vec::new(),
            });
        }
        let mut wanted = self.wanted("model")?;
        // A list stands for a choice of models: the first is the one to take when nothing else says.
        if wanted.name.is_none()
            && wanted.api_base.is_none()
            && let Some(first) = self.aliases.first()
        {
            wanted.name = Some(Sourced { value: first.name.clone(), origin: first.origin.clone() });
        }
        if wanted.is_empty(&self.environment) {
            return Ok(model::no_model());
        }
        let settings = self.resolve_model(wanted)?;
        Ok(ModelChoice::Model(Box::new(settings)))
    }

    /// The model for summaries, where one is named.
    pub fn fast_model(&self) -> Result<Option<ModelSettings>, ConfigError> {
        let wanted = self.wanted("fast_model")?;
        match wanted.name {
            Some(_) => self.resolve_model(wanted).map(Some),
            None => Ok(None),
        }
    }

    /// The model list, without secrets.
    pub fn models(&self) -> Vec<Listed> {
        self.aliases
            .iter()
            .map(|alias| {
                let entry = alias.entry(&self.environment);
                let error = entry.as_ref().err().map(one_line);
                let entry = entry.ok();
                let written = |field: &str| alias.written(field).map(str::to_owned);
                let (model, api_base) = match &entry {
                    Some(entry) => (entry.model.clone(), entry.api_base.clone()),
                    None => (written("model").unwrap_or_default(), written("api_base")),
                };
                Listed {
                    name: alias.name.clone(),
                    model,
                    api_base: api_base.map(|base| mask_url(&base)),
                    context_window: entry.as_ref().and_then(|entry| entry.context_window),
                    api_key: entry.as_ref().and_then(|entry| entry.api_key.as_ref()).map(super::value::mask),
                    origin: alias.origin.clone(),
                    error,
                }
            })
            .collect()
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

    /// Every setting, in the order of the table, masked.
    pub fn shown(&self) -> Vec<Shown> {
        SETTINGS
            .iter()
            .filter(|setting| !setting.per_call || self.written(setting.key).is_some())
            .map(|setting| {
                let origin = self.origin(setting.key);
                let (value, error) = match self.value(setting.key) {
                    Ok(value) => (value.map(|value| value.shown(setting.kind)), None),
                    Err(error) => (None, Some(one_line(&error))),
                };
                Shown { key: setting.key, value, origin, error }
            })
            .collect()
    }

    /// Where the value of a setting comes from.
    pub fn origin(&self, key: &str) -> Origin {
        self.written(key).map_or(Origin::Default, |written| written.origin.clone())
    }

    fn written(&self, key: &str) -> Option<&Written> {
        self.layers.iter().find_map(|layer| layer.get(key))
    }

    /// The strongest layer's value, typed; else the default.
    fn value(&self, key: &str) -> Result<Option<Value>, ConfigError> {
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

    fn wanted(&self, name_key: &str) -> Result<Wanted, ConfigError> {
        let text = |key: &str| -> Result<Option<Sourced<String>>, ConfigError> {
            let origin = self.origin(key);
            let text = self.text(key)?.map(|text| text.trim().to_owned());
            Ok(text.filter(|text| !text.is_empty()).map(|value| Sourced { value, origin }))
        };
        let mut extra_body = Map::new();
        if let Some(temperature) = self.decimal("temperature")? {
            extra_body.insert("temperature".to_owned(), temperature.into());
        }
        if let Some(effort) = self.text("reasoning_effort")?.filter(|effort| !effort.is_empty()) {
            extra_body.insert("reasoning_effort".to_owned(), effort.into());
        }
        let headers = match self.value("extra_headers")? {
            Some(Value::SecretMap(headers)) => headers,
            _ => Vec::new(),
        };
        let ca_pem = match self.environment.get("CERTIFICATE") {
            Some(text) => Some(pem(text)?),
            None => None,
        };
        Ok(Wanted {
            name: text(name_key)?,
            api_key: self.secret("api_key")?.map(|value| Sourced { value, origin: self.origin("api_key") }),
            api_base: text("api_base")?,
            api_version: text("api_version")?,
            extra_headers: headers,
            extra_body,
            context_window: self
                .count("context_window")?
                .map(|value| Sourced { value, origin: self.origin("context_window") }),
            ca_file: self.path("ca_file")?,
            ca_pem,
        })
    }

    fn resolve_model(&self, wanted: Wanted) -> Result<ModelSettings, ConfigError> {
        let alias = match &wanted.name {
            Some(name) => self.aliases.iter().find(|alias| alias.name == name.value),
            None => None,
        };
        if let (Some(name), None) = (&wanted.name, alias)
            && !self.aliases.is_empty()
        {
            let known: Vec<&str> = self.aliases.iter().map(|alias| alias.name.as_str()).collect();
            let nearest = Some(name.value.as_str())
                .filter(|name| name.len() < 200)
                .and_then(|name| yaml::nearest(name, &known));
            let may_be = wanted.api_base.is_some() && nearest.is_none();
            if !may_be && !provider::is_plausible(&name.value) {
                return Err(ConfigError::UnknownModel {
                    name: name.value.clone(),
                    origin: name.origin.clone(),
                    nearest: nearest.map(str::to_owned),
                    known: known.iter().map(|name| (*name).to_owned()).collect(),
                });
            }
        }
        let entry = alias.map(|alias| alias.entry(&self.environment)).transpose()?;
        model::resolve(wanted, entry, &self.environment)
    }

    /// The list file first, then the config files' own lists over it.
    fn read_aliases(&mut self) -> Result<Vec<Alias>, ConfigError> {
        let mut list = Vec::new();
        if let Some(path) = self.path("model_list_file")? {
            if let Some(found) = aliases::from_file(&path, true, &mut self.warnings)? {
                list = found
            } else {
                let place = path.display().to_string();
                let message = format!("the model list does not exist ({})", self.origin("model_list_file"));
                self.warnings.push(Warning::about_file(&place, message));
            }
        } else {
            let folders = [self.folders.holmes.clone(), Some(self.folders.xdg_config.clone())];
            let places = folders.into_iter().flatten().chain([self.system.clone()]);
            for folder in places {
                let path = folder.join("model_list.yaml");
                if let Some(found) = aliases::from_file(&path, false, &mut self.warnings)? {
                    list = found;
                    break;
                }
            }
        }
        for layer in self.layers.iter().rev() {
            if let Some(Written { node: Some(node), .. }) = layer.get("models") {
                let path = expand_home(node.file(), None);
                aliases::put_over(&mut list, aliases::from_node(node, &path)?);
            }
        }
        Ok(list)
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

fn one_line(error: &ConfigError) -> String {
    match error {
        ConfigError::Yaml(error) => error.one_line(),
        other => other.to_string(),
    }
}

/// `CERTIFICATE` holds PEM, or base64 of it as HolmesGPT wants it.
fn pem(text: &str) -> Result<String, ConfigError> {
    let decoded = if text.contains("-----BEGIN") {
        Some(text.to_owned())
    } else {
        super::value::decode_base64(text)
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .filter(|pem| pem.contains("-----BEGIN"))
    };
    decoded.ok_or_else(|| ConfigError::Value {
        key: "CERTIFICATE".to_owned(),
        needs: "a certificate as PEM, or base64 of it".to_owned(),
        got: "something else".to_owned(),
        origin: Origin::Env("CERTIFICATE".to_owned()),
    })
}
