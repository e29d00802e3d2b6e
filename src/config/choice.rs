//! The questions about models that the configuration answers: who answers, and what the model list has.

use std::collections::BTreeSet;

use secrecy::SecretString;
use serde_json::Map;

use super::aliases::{self, Alias};
use super::error::{ConfigError, Origin};
use super::flags::Flags;
use super::layer::{self, Written};
use super::model::{self, ModelChoice, ModelSettings, Sourced, Wanted};
use super::provider;
use super::resolved::{Config, one_line};
use super::value::{Value, mask, mask_url, reference, references, refers_to_environment};
use super::yaml::{self, Warning};

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
    /// The same settings with another model: as if its name had been typed.
    #[must_use]
    pub fn with_model(&self, name: &str) -> Self {
        let mut config = self.clone();
        let flags = Flags { model: Some(name.to_owned()), ..Flags::default() };
        // Who names a model wants one.
        for layer in &mut config.layers {
            layer.remove("no_llm");
        }
        config.layers.insert(0, layer::from_flags(&flags));
        config
    }

    /// The same settings without a model: as if `--no-llm` had been typed.
    #[must_use]
    pub fn without_model(&self) -> Self {
        let mut config = self.clone();
        config.layers.insert(0, layer::from_flags(&Flags { no_llm: true, ..Flags::default() }));
        config
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
            wanted.name =
                Some(Sourced { value: first.name.clone(), origin: first.origin.clone(), borrowed: false });
        }
        if wanted.is_empty(&self.environment) {
            return Ok(model::no_model());
        }
        let settings = self.resolve_model(wanted)?;
        Ok(ModelChoice::Model(Box::new(settings)))
    }

    /// The model for summaries, where one is named: by a toolset (its name there), else by the settings.
    pub fn fast_model(&self, of_toolset: Option<&str>) -> Result<Option<ModelSettings>, ConfigError> {
        let mut wanted = self.wanted("fast_model")?;
        if let Some(name) = of_toolset {
            wanted.name = Some(Sourced { value: name.to_owned(), ..Sourced::default() });
        }
        match wanted.name {
            Some(_) => self.resolve_model(wanted).map(Some),
            None => Ok(None),
        }
    }

    /// Names of environment variables that hold a model's key or headers, wherever the configuration says so:
    /// no tool may get them.
    pub fn model_key_names(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for key in ["api_key", "extra_headers"] {
            if let Some(written) = self.written(key) {
                references(&written.json, &mut names);
            }
        }
        for alias in &self.aliases {
            for field in ["api_key", "extra_headers"] {
                if let Some(node) = alias.node.get(field) {
                    references(&node.to_json(), &mut names);
                }
            }
        }
        names
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
                    api_key: entry.as_ref().and_then(|entry| entry.api_key.as_ref()).map(mask),
                    origin: alias.origin.clone(),
                    error,
                }
            })
            .collect()
    }

    fn wanted(&self, name_key: &str) -> Result<Wanted, ConfigError> {
        let text = |key: &str| -> Result<Option<Sourced<String>>, ConfigError> {
            let text = self.text(key)?.map(|text| text.trim().to_owned());
            Ok(text.filter(|text| !text.is_empty()).map(|value| self.sourced(key, value)))
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
        let ca_pem = self.environment.get("CERTIFICATE").map(str::to_owned);
        Ok(Wanted {
            name: text(name_key)?,
            api_key: self.secret("api_key")?.map(|value| self.sourced("api_key", value)),
            checkout_key: self.checkout_key(),
            api_base: text("api_base")?,
            api_version: text("api_version")?,
            extra_headers: self.sourced("extra_headers", headers),
            extra_body,
            context_window: self.count("context_window")?.map(|value| self.sourced("context_window", value)),
            tool_calling: text("tool_calling")?,
            ca_file: self.path("ca_file")?,
            ca_pem,
        })
    }

    /// The key that a project file itself holds, beside whatever is stronger.
    fn checkout_key(&self) -> Option<Sourced<SecretString>> {
        let written = self.layers.iter().filter_map(|layer| layer.get("api_key"));
        let written = written
            .filter(|written| written.origin.is_checkout() && !refers_to_environment(&written.json))
            .find_map(|written| Some((written.json.as_str()?, written.origin.clone())))?;
        Some(Sourced { value: written.0.trim().into(), origin: written.1, borrowed: false })
    }

    fn sourced<T>(&self, key: &str, value: T) -> Sourced<T> {
        let written = self.written(key).map(|written| &written.json);
        // An address that a variable holds is the caller's own, whoever names the variable.
        if let Some(name) = written.filter(|_| key == "api_base").and_then(reference) {
            return Sourced { value, origin: Origin::Env(name.to_owned()), borrowed: false };
        }
        let borrowed = written.is_some_and(refers_to_environment);
        Sourced { value, origin: self.origin(key), borrowed }
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
    pub(super) fn read_aliases(&mut self) -> Result<Vec<Alias>, ConfigError> {
        let mut list = self.listed_in_file()?;
        for layer in self.layers.iter().rev() {
            if let Some(Written { node: Some(node), origin, .. }) = layer.get("models") {
                aliases::put_over(&mut list, aliases::from_node(node, origin.is_checkout())?);
            }
        }
        Ok(list)
    }

    fn listed_in_file(&mut self) -> Result<Vec<Alias>, ConfigError> {
        let Some(path) = self.path("model_list_file")? else {
            let folders = [self.folders.holmes.clone(), Some(self.folders.xdg_config.clone())];
            let places = folders.into_iter().flatten().chain([self.system.clone()]);
            for folder in places {
                let path = folder.join("model_list.yaml");
                if let Some(found) = aliases::from_file(&path, false, false, &mut self.warnings)? {
                    return Ok(found);
                }
            }
            return Ok(Vec::new());
        };
        let checkout = self.origin("model_list_file").is_checkout();
        let found = aliases::from_file(&path, true, checkout, &mut self.warnings)?;
        if found.is_none() {
            let origin = self.origin("model_list_file");
            let message = format!("the model list named by {origin} does not exist");
            let place = path.display().to_string();
            self.warnings.push(Warning::about_file(&place, message));
        }
        Ok(found.unwrap_or_default())
    }
}
