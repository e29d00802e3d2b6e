//! Which model answers, where it is and what it is sent: a name and some settings become an endpoint.
//!
//! A model counts as configured when a key or an address is known, from wherever, or an alias of the model
//! list is chosen. A name alone is a mistake that is told at once, not a 401 three seconds later. Nothing at
//! all is no mistake: the rules answer.

use std::fmt;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};

use super::env::Environment;
use super::error::{ConfigError, Origin};
use super::provider::{self, Provider};

/// The model asked for when there is a key or an address and no name: HolmesGPT's own default.
pub const DEFAULT_MODEL: &str = "gpt-5.4";

/// Azure's data-plane version when none is given: the last general one.
const DEFAULT_AZURE_VERSION: &str = "2024-10-21";

/// A value and where it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sourced<T> {
    pub value: T,
    pub origin: Origin,
    /// A file took it, or a part of it, from the environment.
    pub borrowed: bool,
}

/// Who answers.
#[derive(Debug, Clone)]
pub enum ModelChoice {
    Model(Box<ModelSettings>),
    /// The rules engine: no model is configured, or none is wanted.
    None {
        reason: String,
        hints: Vec<String>,
    },
}

/// All that is needed to talk to a model.
#[derive(Clone)]
pub struct ModelSettings {
    /// As it was asked for: an alias, or the model's name.
    pub name: String,
    /// As the endpoint knows it; for Azure the deployment.
    pub model: String,
    /// Without a slash at the end.
    pub api_base: String,
    pub api_key: Option<SecretString>,
    /// Set when the endpoint speaks Azure's URL scheme.
    pub azure: Option<Azure>,
    pub extra_headers: Vec<(String, SecretString)>,
    /// Fields added to each request.
    pub extra_body: Map<String, Json>,
    pub ca_file: Option<PathBuf>,
    /// What `CERTIFICATE` holds: certificate authorities as PEM, or base64 of it.
    pub ca_pem: Option<String>,
    /// Tokens.
    pub context_window: Option<u64>,
    pub prices: Option<Prices>,
    /// `strict_tools: true` of the model's entry: tools get OpenAI's strict schemas.
    pub strict_tools: bool,
    /// `echo_reasoning: true` of the model's entry: its thoughts go back to it from the first request on.
    pub echo_reasoning: bool,
    /// `auto`, `native` or `text`.
    pub tool_calling: String,
    /// Where the name comes from.
    pub origin: Origin,
    /// Something that is likely to go wrong, in one line.
    pub hint: Option<String>,
}

impl ModelSettings {
    /// The address as it may be shown.
    pub fn shown_base(&self) -> String {
        super::value::mask_url(&self.api_base)
    }
}

/// Shows no key, no header's value, and no value of a field: files hold secrets where nobody expects them.
impl fmt::Debug for ModelSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelSettings")
            .field("name", &self.name)
            .field("model", &self.model)
            .field("api_base", &self.shown_base())
            .field("has_key", &self.api_key.is_some())
            .field("azure", &self.azure)
            .field("extra_body", &self.extra_body.keys().collect::<Vec<_>>())
            .field("context_window", &self.context_window)
            .field("origin", &self.origin)
            .finish_non_exhaustive()
    }
}

/// Azure's part of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Azure {
    pub api_version: String,
}

/// US dollars for one token.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    pub input: f64,
    pub output: f64,
    pub cached_input: Option<f64>,
}

/// One entry of the model list, typed. Its `{{ env.X }}` are resolved.
#[derive(Debug, Clone, Default)]
pub(super) struct Entry {
    pub model: String,
    pub api_key: Option<SecretString>,
    pub api_base: Option<String>,
    pub api_version: Option<String>,
    pub extra_headers: Vec<(String, SecretString)>,
    pub extra_body: Map<String, Json>,
    pub context_window: Option<u64>,
    pub prices: Option<Prices>,
    pub strict_tools: bool,
    pub echo_reasoning: bool,
    pub tool_calling: Option<String>,
    /// A field other than the address takes something from the environment.
    pub borrows: bool,
    pub base_origin: Origin,
    pub origin: Origin,
}

/// What the settings say about the model, before an alias is looked up.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub name: Option<Sourced<String>>,
    pub api_key: Option<Sourced<SecretString>>,
    /// What a project file's own address gets when the stronger key is not for it.
    pub checkout_key: Option<Sourced<SecretString>>,
    pub api_base: Option<Sourced<String>>,
    pub api_version: Option<Sourced<String>>,
    pub extra_headers: Sourced<Vec<(String, SecretString)>>,
    pub extra_body: Map<String, Json>,
    pub context_window: Option<Sourced<u64>>,
    pub tool_calling: Option<Sourced<String>>,
    pub ca_file: Option<PathBuf>,
    pub ca_pem: Option<String>,
}

impl Wanted {
    /// Whether anything says that a model is to be asked.
    pub(super) fn is_empty(&self, environment: &Environment) -> bool {
        self.name.is_none()
            && self.api_key.is_none()
            && self.api_base.is_none()
            && !environment.has("AZURE_API_BASE")
    }
}

/// The answer to "no model": why, and how to get one.
pub(super) fn no_model() -> ModelChoice {
    ModelChoice::None {
        reason: "no model configured".to_owned(),
        hints: vec![
            "set `OPENAI_API_KEY`, or `OPENAI_API_BASE` and `MODEL` for a local or other \
             OpenAI-compatible endpoint"
                .to_owned(),
            "`holmes-rs config init` writes a config file to fill in".to_owned(),
        ],
    }
}

/// Turns what is wanted into an endpoint. `entry` is the model list's entry of that name.
pub(super) fn resolve(
    wanted: Wanted,
    entry: Option<Entry>,
    environment: &Environment,
) -> Result<ModelSettings, ConfigError> {
    let listed = entry.is_some();
    let entry = entry.unwrap_or_default();
    let unnamed = wanted.name.is_none();
    let name =
        wanted.name.unwrap_or_else(|| Sourced { value: DEFAULT_MODEL.to_owned(), ..Sourced::default() });
    let full_name = if listed { &entry.model } else { &name.value };

    let confirmed = wanted.api_base.clone().filter(|base| !base.origin.is_checkout());
    let api_base = first_base(wanted.api_base, &entry);
    let (provider, model) =
        provider::split(full_name, api_base.as_ref().map(|base| base.value.as_str()), environment);
    if provider == Provider::Azure && unnamed {
        return Err(ConfigError::NoApiBase {
            model: "azure".to_owned(),
            hint: "name the deployment: `MODEL=azure/DEPLOYMENT`".to_owned(),
        });
    }
    let given_base = provider_base(provider, environment, api_base.as_ref()).or(api_base);
    let is_given = given_base.is_some();
    let strangers = given_base.clone().filter(|base| {
        let same = |other: &Sourced<String>| bare(&other.value) == bare(&base.value);
        base.origin.is_checkout() && !confirmed.as_ref().is_some_and(same)
    });
    let api_base = match given_base {
        Some(base) => clean_base(provider, &base)?,
        None => provider
            .default_base()
            .ok_or_else(|| ConfigError::NoApiBase {
                model: full_name.clone(),
                hint: "set `AZURE_API_BASE`, e.g. https://NAME.openai.azure.com".to_owned(),
            })?
            .to_owned(),
    };

    let own_key = entry.api_key.clone().map(|value| Sourced {
        value,
        origin: entry.origin.clone(),
        borrowed: entry.borrows,
    });
    let beside = wanted.checkout_key.filter(|_| own_key.is_none());
    let mut api_key = first_key(provider, wanted.api_key, own_key, environment)?;
    if let Some(base) = strangers {
        if beside.is_some() && !api_key.as_ref().is_some_and(|key| matches!(key.origin, Origin::Flag(_))) {
            api_key = first_key(provider, beside, None, &Environment::default())?;
        }
        confine(&base, api_key.as_ref(), &wanted.extra_headers, &entry)?;
    }
    let api_key = api_key.map(|key| key.value);
    if api_key.is_none() && provider.needs_key() && (!is_given || provider == Provider::Azure) {
        return Err(ConfigError::NoApiKey {
            model: full_name.clone(),
            api_base,
            variable: provider.key_variable(),
        });
    }

    let api_version = entry
        .api_version
        .or(wanted.api_version.map(|version| version.value))
        .unwrap_or_else(|| DEFAULT_AZURE_VERSION.to_owned());
    let mut extra_body = wanted.extra_body;
    extra_body.extend(entry.extra_body);
    let mut extra_headers = wanted.extra_headers.value;
    extra_headers
        .retain(|(header, _)| !entry.extra_headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(header)));
    extra_headers.extend(entry.extra_headers);
    check_headers(&extra_headers, &name.origin)?;

    let hint = (provider == Provider::Foreign && !is_given).then(|| {
        format!(
            "`{full_name}` is sent to {api_base} as it is: point `api_base` at an OpenAI-compatible \
             gateway (LiteLLM, OpenRouter) for this provider"
        )
    });
    // A flag is about this call, an alias about this model, the rest about all models.
    let context_window = match wanted.context_window {
        Some(Sourced { value, origin: Origin::Flag(_), .. }) => Some(value),
        other => entry.context_window.or(other.map(|window| window.value)),
    };
    let tool_calling = match wanted.tool_calling {
        Some(Sourced { value, origin: Origin::Flag(_), .. }) => Some(value),
        other => entry.tool_calling.or(other.map(|how| how.value)),
    };
    Ok(ModelSettings {
        model,
        name: name.value,
        api_base,
        api_key,
        azure: (provider == Provider::Azure).then_some(Azure { api_version }),
        extra_headers,
        extra_body,
        ca_file: wanted.ca_file,
        ca_pem: wanted.ca_pem,
        context_window,
        prices: entry.prices,
        strict_tools: entry.strict_tools,
        echo_reasoning: entry.echo_reasoning,
        tool_calling: tool_calling.unwrap_or_else(|| "auto".to_owned()),
        origin: name.origin,
        hint,
    })
}

/// A flag, then the alias, then what stands for all models.
fn first_base(general: Option<Sourced<String>>, entry: &Entry) -> Option<Sourced<String>> {
    let own = entry.api_base.clone().map(|value| Sourced {
        value,
        origin: entry.base_origin.clone(),
        borrowed: false,
    });
    match general {
        Some(Sourced { origin: Origin::Flag(_), .. }) => general,
        _ => own.or(general),
    }
}

/// The provider's own variable: before the general one, after a flag or the alias.
fn provider_base(
    provider: Provider,
    environment: &Environment,
    general: Option<&Sourced<String>>,
) -> Option<Sourced<String>> {
    let name = provider.base_variable()?;
    let value = environment.get(name)?.to_owned();
    let general_is_openais = match general {
        None => true,
        Some(base) => matches!(&base.origin, Origin::Env(name) if name.starts_with("OPENAI_")),
    };
    general_is_openais.then(|| Sourced { value, origin: Origin::Env(name.to_owned()), borrowed: false })
}

/// Which key goes with the request, by the same order. OpenAI's own key never goes to an Ollama server.
fn first_key(
    provider: Provider,
    general: Option<Sourced<SecretString>>,
    own: Option<Sourced<SecretString>>,
    environment: &Environment,
) -> Result<Option<Sourced<SecretString>>, ConfigError> {
    let key = match (general, own) {
        (Some(flag @ Sourced { origin: Origin::Flag(_), .. }), _) => Some(flag),
        (_, Some(own)) => Some(own),
        (general, None) => {
            let variable = provider.key_variable();
            match (environment.get(variable), general) {
                (Some(key), _) if variable != provider::OPENAI_KEY => Some(Sourced {
                    value: key.into(),
                    origin: Origin::Env(variable.to_owned()),
                    borrowed: false,
                }),
                (_, Some(Sourced { origin: Origin::Env(name), .. }))
                    if provider == Provider::Ollama && name == provider::OPENAI_KEY =>
                {
                    None
                }
                (_, general) => general,
            }
        }
    };
    let Some(key) = key else { return Ok(None) };
    let text = key.value.expose_secret().trim();
    if text.is_empty() {
        return Ok(None);
    }
    if !text.chars().all(|letter| letter.is_ascii_graphic()) {
        return Err(ConfigError::Value {
            key: "api_key".to_owned(),
            needs: "letters that can stand in an HTTP header".to_owned(),
            got: "a key with a space, a line break or a letter outside ASCII".to_owned(),
            origin: key.origin,
        });
    }
    Ok(Some(Sourced { value: text.into(), ..key }))
}

/// An address that a checkout names gets what the checkout itself holds, and a key typed for this call:
/// whoever wrote the folder one happens to stand in must not collect the caller's credentials.
fn confine(
    base: &Sourced<String>,
    key: Option<&Sourced<SecretString>>,
    headers: &Sourced<Vec<(String, SecretString)>>,
    entry: &Entry,
) -> Result<(), ConfigError> {
    let refuse = |what| {
        Err(ConfigError::Unconfirmed {
            what,
            api_base: super::value::mask_url(bare(&base.value)),
            origin: base.origin.clone(),
        })
    };
    let holds = |origin: &Origin, borrowed: bool| origin.is_checkout() && !borrowed;
    if key.is_some_and(|key| !matches!(key.origin, Origin::Flag(_)) && !holds(&key.origin, key.borrowed)) {
        return refuse("an API key");
    }
    let general = !headers.value.is_empty() && !holds(&headers.origin, headers.borrowed);
    let own = !entry.extra_headers.is_empty() && !holds(&entry.origin, entry.borrows);
    if general || own {
        return refuse("headers");
    }
    if base.borrowed || entry.borrows {
        return refuse("values of the environment");
    }
    Ok(())
}

/// An address without what people paste along.
fn bare(base: &str) -> &str {
    let text = base.trim().trim_end_matches('/');
    text.strip_suffix("/chat/completions").unwrap_or(text).trim_end_matches('/')
}

/// Takes off what people paste along, and refuses what is no web address.
fn clean_base(provider: Provider, base: &Sourced<String>) -> Result<String, ConfigError> {
    let wrong = |got: String| ConfigError::Value {
        key: "api_base".to_owned(),
        needs: "an address such as http://localhost:8000/v1".to_owned(),
        got,
        origin: base.origin.clone(),
    };
    let text = bare(&base.value);
    let shown = format!("`{}`", super::value::mask_url(text));
    let rest = text
        .strip_prefix("http://")
        .or_else(|| text.strip_prefix("https://"))
        .ok_or_else(|| wrong(shown.clone()))?;
    if rest.is_empty() || rest.starts_with(['/', ':', '?']) || !rest.chars().all(|c| c.is_ascii_graphic()) {
        return Err(wrong(shown));
    }
    if provider == Provider::Ollama && !rest.contains('/') {
        // LiteLLM's spelling names the server alone.
        return Ok(format!("{text}/v1"));
    }
    Ok(text.to_owned())
}

fn check_headers(headers: &[(String, SecretString)], origin: &Origin) -> Result<(), ConfigError> {
    for (name, value) in headers {
        let name_is_fine = !name.is_empty()
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c));
        let value_is_fine =
            value.expose_secret().chars().all(|c| c == '\t' || c == ' ' || c.is_ascii_graphic());
        if !name_is_fine || !value_is_fine {
            return Err(ConfigError::Value {
                key: "extra_headers".to_owned(),
                needs: "names and values that can stand in an HTTP header".to_owned(),
                got: format!("the header `{}`", name.escape_debug()),
                origin: origin.clone(),
            });
        }
    }
    Ok(())
}
