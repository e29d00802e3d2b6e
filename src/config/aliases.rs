//! The model list: names a team gives its models, each with its own endpoint, key and request fields.
//!
//! The format is HolmesGPT's, where LiteLLM took every further field as an argument. What was meant for
//! LiteLLM itself or for a cloud's login is left out here; it must not reach the endpoint.

use std::path::{Path, PathBuf};

use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use super::env::Environment;
use super::error::{ConfigError, Origin};
use super::layer::read_text;
use super::model::{Entry, Prices};
use super::value::{expand, reference, refers_to_environment};
use super::yaml::{self, Node, Warning};

/// One alias as written.
#[derive(Clone)]
pub(super) struct Alias {
    pub name: String,
    pub node: Node,
    pub origin: Origin,
}

/// Fields for LiteLLM or a cloud's login, by their start.
const NOT_FOR_THE_ENDPOINT: &[&str] = &[
    "aws_",
    "vertex_",
    "azure_ad_",
    "client_",
    "tenant_",
    "api_type",
    "allowed_openai_params",
    "cache_control",
    "cache_creation_input_token_cost",
    "cooldown_time",
    "custom_llm_provider",
    "drop_params",
    "fallbacks",
    "is_robusta_model",
    "max_retries",
    "messages",
    "name",
    "num_retries",
    "request_timeout",
    "stream_timeout",
    "timeout",
    "tools",
];

/// Reads a model list file; `None` when there is none. `checkout` says that a project file named it.
pub(super) fn from_file(
    path: &Path,
    asked_for: bool,
    checkout: bool,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Vec<Alias>>, ConfigError> {
    let Some(text) = read_text(path, asked_for)? else {
        return Ok(None);
    };
    let document = yaml::parse(&text, &path.display().to_string())?;
    warnings.extend(document.warnings);
    let wrapped = ["modelList", "model_list", "models"].iter().find_map(|key| document.node.get(key));
    let list = wrapped.unwrap_or(&document.node);
    from_node(list, checkout).map(Some)
}

/// Reads a map of aliases.
pub(super) fn from_node(node: &Node, checkout: bool) -> Result<Vec<Alias>, ConfigError> {
    let entries = node.entries()?;
    Ok(entries
        .iter()
        .filter(|entry| !entry.value.is_null())
        .map(|entry| Alias {
            name: entry.key.clone(),
            node: entry.value.clone(),
            origin: Origin::File {
                path: PathBuf::from(node.file()),
                line: entry.line,
                column: entry.column,
                checkout,
            },
        })
        .collect())
}

/// Puts `stronger` over `list`, alias by alias; the order of the list stays.
pub(super) fn put_over(list: &mut Vec<Alias>, stronger: Vec<Alias>) {
    for alias in stronger {
        match list.iter_mut().find(|known| known.name == alias.name) {
            Some(known) => *known = alias,
            None => list.push(alias),
        }
    }
}

impl Alias {
    /// The entry, typed, with `{{ env.X }}` filled in.
    pub(super) fn entry(&self, environment: &Environment) -> Result<Entry, ConfigError> {
        let mut fields = Map::new();
        let (mut borrows, mut base_origin) = (false, self.origin.clone());
        for entry in self.node.entries()? {
            // A key or a version is text, whatever YAML would make of its digits.
            let written = match entry.value.as_str() {
                Ok(text) if is_text_field(&entry.key) => Json::String(text.to_owned()),
                _ => entry.value.to_json(),
            };
            // An address that is a variable as a whole is the caller's own.
            match reference(&written).filter(|_| matches!(entry.key.as_str(), "api_base" | "base_url")) {
                Some(name) => base_origin = Origin::Env(name.to_owned()),
                None => borrows |= refers_to_environment(&written),
            }
            let value = expand(&written, environment).map_err(|variable| ConfigError::MissingVariable {
                key: format!("{}.{}", self.name, entry.key),
                variable,
                origin: place_of(&entry.value),
            })?;
            if !value.is_null() {
                fields.insert(entry.key.clone(), value);
            }
        }
        let entry = self.typed(fields)?;
        Ok(Entry { borrows, base_origin, origin: self.origin.clone(), ..entry })
    }

    /// What can be shown without the environment: texts as they are written.
    pub(super) fn written(&self, field: &str) -> Option<&str> {
        self.node.get(field)?.as_str().ok()
    }

    fn typed(&self, mut fields: Map<String, Json>) -> Result<Entry, ConfigError> {
        let model = self.text(&mut fields, "model")?.ok_or_else(|| {
            let message = format!("model alias `{}` needs a `model`", self.name);
            ConfigError::from(self.node.error(message))
        })?;
        let api_key = self.text(&mut fields, "api_key")?.map(SecretString::from);
        let api_base = self.text(&mut fields, "api_base")?;
        let base_url = self.text(&mut fields, "base_url")?;
        let api_version = self.text(&mut fields, "api_version")?;
        let extra_headers = self.headers(fields.shift_remove("extra_headers"))?;
        let custom = fields.shift_remove("custom_args");
        let context_window = custom
            .as_ref()
            .and_then(|custom| custom.get("max_context_size"))
            .or_else(|| fields.get("context_window"))
            .and_then(number)
            .filter(|tokens| *tokens >= 1.0);
        fields.shift_remove("context_window");
        let mut price = |name: &str| fields.shift_remove(name).as_ref().and_then(number);
        let input = price("input_cost_per_token");
        let output = price("output_cost_per_token");
        let cached_input = price("cache_read_input_token_cost");
        let prices = input.zip(output).map(|(input, output)| Prices { input, output, cached_input });
        let mut switch = |name: &str| match fields.shift_remove(name) {
            None | Some(Json::Null) => Ok(false),
            Some(Json::Bool(on)) => Ok(on),
            Some(_) => Err(self.wrong(name, "true or false")),
        };
        let (strict_tools, echo_reasoning) = (switch("strict_tools")?, switch("echo_reasoning")?);
        let tool_calling = match fields.shift_remove("tool_calling") {
            None | Some(Json::Null) => None,
            Some(Json::String(how)) if ["auto", "native", "text"].contains(&how.trim()) => {
                Some(how.trim().to_owned())
            }
            Some(_) => return Err(self.wrong("tool_calling", "auto, native or text")),
        };
        // LiteLLM's own way to say "put these into the request".
        let nested = fields.shift_remove("extra_body");
        fields.retain(|field, _| !NOT_FOR_THE_ENDPOINT.iter().any(|start| field.starts_with(start)));
        if let Some(Json::Object(nested)) = nested {
            fields.extend(nested);
        }
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "at least 1, and a float's cast saturates"
        )]
        let context_window = context_window.map(|tokens| tokens as u64);
        Ok(Entry {
            model,
            api_key,
            api_base: api_base.or(base_url),
            api_version,
            extra_headers,
            extra_body: fields,
            context_window,
            prices,
            strict_tools,
            echo_reasoning,
            tool_calling,
            ..Entry::default()
        })
    }

    fn text(&self, fields: &mut Map<String, Json>, field: &str) -> Result<Option<String>, ConfigError> {
        match fields.shift_remove(field) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Some(_) => Err(self.wrong(field, "a text")),
        }
    }

    fn headers(&self, written: Option<Json>) -> Result<Vec<(String, SecretString)>, ConfigError> {
        let wrong = || self.wrong("extra_headers", "a map of names to texts");
        let map = match written {
            None => return Ok(Vec::new()),
            Some(Json::Object(map)) => map,
            Some(_) => return Err(wrong()),
        };
        map.into_iter()
            .map(|(name, value)| match value {
                Json::String(text) => Ok((name, text.into())),
                Json::Number(number) => Ok((name, number.to_string().into())),
                _ => Err(wrong()),
            })
            .collect()
    }

    /// An error that points at a field. It never shows the value: fields hold keys.
    fn wrong(&self, field: &str, needs: &str) -> ConfigError {
        let node = self.node.get(field).unwrap_or(&self.node);
        let message = format!("`{field}` of model alias `{}` needs {needs}", self.name);
        node.error(message).into()
    }
}

fn is_text_field(field: &str) -> bool {
    matches!(field, "model" | "api_key" | "api_base" | "base_url" | "api_version")
}

fn number(value: &Json) -> Option<f64> {
    let number = match value {
        Json::Number(number) => number.as_f64()?,
        Json::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (number.is_finite() && number >= 0.0).then_some(number)
}

fn place_of(node: &Node) -> Origin {
    Origin::File { path: PathBuf::from(node.file()), line: node.line, column: node.column, checkout: false }
}
