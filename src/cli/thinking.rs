//! Who answers: the configured model, or the rules engine. And who sums long outputs up: fast models.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::Context;
use super::egress;
use super::failure::{Exit, Failure};
use crate::agent::drive::Fast;
use crate::config::{Config, ModelChoice, ModelSettings};
use crate::context::Prompts;
use crate::model::openai::{self, OpenAiModel};
use crate::model::react::{TOOLS, ToolCalling};
use crate::model::{Model, ModelError, ModelErrorKind};
use crate::rules::RulesModel;
use crate::tools::Toolbox;
use crate::ui::Progress;

/// The model of a run.
pub(super) struct Thinking {
    /// `None`: the rules answer.
    pub model: Option<OpenAiModel>,
    /// Said once the run is sure to begin: nobody asked for the rules, and they answer.
    pub notice: Option<String>,
    /// Values that must never be shown, whatever surrounds them.
    pub secrets: Vec<String>,
    /// What shapes its requests, without secrets: for the record.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// The prompts: the user's own where there are some.
pub(super) fn prompts(config: &Config) -> Result<Prompts, Failure> {
    Prompts::load(Some(&config.folders().config.join("prompts")))
        .map_err(|error| Failure::new(Exit::Configuration, error))
}

/// Chooses by the configuration.
pub(super) fn choose(
    config: &Config,
    no_llm: bool,
    budget: Option<Duration>,
    prompts: &Prompts,
    context: &Context,
) -> Result<Thinking, Failure> {
    if no_llm {
        return Ok(Thinking {
            model: None,
            notice: None,
            secrets: Vec::new(),
            settings: serde_json::Map::new(),
        });
    }
    match config.model()? {
        ModelChoice::None { reason, hints } => {
            let mut line = format!("{reason}: the built-in rules answer");
            if let Some(hint) = hints.first() {
                line = format!("{line}; {hint}");
            }
            Ok(Thinking {
                model: None,
                notice: Some(line),
                secrets: Vec::new(),
                settings: serde_json::Map::new(),
            })
        }
        ModelChoice::Model(settings) => {
            if let Some(hint) = &settings.hint {
                context.warn(hint);
            }
            let secrets = secrets_of(&settings);
            let mut shape = serde_json::Map::new();
            shape.insert("extra_body".to_owned(), serde_json::json!(settings.extra_body));
            shape.insert("strict_tools".to_owned(), serde_json::json!(settings.strict_tools));
            shape.insert("tool_calling".to_owned(), config.text("tool_calling")?.into());
            let mut endpoint = endpoint(*settings, budget, egress::listener(config)?);
            endpoint.protocol =
                prompts.protocol(TOOLS).map_err(|error| Failure::new(Exit::Configuration, error))?;
            let model = OpenAiModel::new(endpoint)?;
            Ok(Thinking { model: Some(model), notice: None, secrets, settings: shape })
        }
    }
}

/// The models that sum outputs up.
#[derive(Default)]
pub(super) struct FastModels {
    /// The configured one.
    usual: Option<OpenAiModel>,
    /// Those that tools name.
    named: BTreeMap<String, OpenAiModel>,
    /// As of [`Thinking`].
    pub secrets: Vec<String>,
}

impl FastModels {
    /// Those that the tools of the box ask for, by the rules of the model list. None is looked for that
    /// no tool needs. A tool's own that cannot be used is a warning, and its outputs are not summed up.
    pub(super) fn choose(
        config: &Config,
        toolbox: &Toolbox,
        budget: Duration,
        progress: &mut Progress,
    ) -> Result<Self, Failure> {
        let mut models = Self::default();
        for (tool, summary) in toolbox.summaries() {
            match &summary.model {
                None if models.usual.is_none() => {
                    if let Some(settings) = config.fast_model(None)? {
                        models.usual = Some(models.made(settings, budget, egress::listener(config)?)?);
                    }
                }
                Some(name) if !models.named.contains_key(name) => {
                    let made = config.fast_model(Some(name)).map_err(Failure::from).and_then(|settings| {
                        let sent = egress::listener(config)?;
                        settings.map(|settings| models.made(settings, budget, sent)).transpose()
                    });
                    match made {
                        Ok(model) => models.named.extend(model.map(|model| (name.clone(), model))),
                        Err(failure) => progress.warning(&format!(
                            "the outputs of `{tool}` are not summed up by `{name}`: {}",
                            failure.message
                        )),
                    }
                }
                _ => {}
            }
        }
        Ok(models)
    }

    fn made(
        &mut self,
        settings: ModelSettings,
        budget: Duration,
        sent: Option<openai::Sent>,
    ) -> Result<OpenAiModel, Failure> {
        self.secrets.extend(secrets_of(&settings));
        Ok(OpenAiModel::new(endpoint(settings, Some(budget), sent))?)
    }

    /// As the agent takes them; `None` when there is none.
    pub(super) fn of<'a>(
        &'a self,
        timeout: Duration,
        instructions: &'a dyn Fn(Option<&str>) -> Result<String, String>,
    ) -> Option<Fast<'a>> {
        let named: BTreeMap<_, _> =
            self.named.iter().map(|(name, model)| (name.clone(), model as &dyn Model)).collect();
        let usual = self.usual.as_ref().map(|model| model as &dyn Model);
        (usual.is_some() || !named.is_empty()).then_some(Fast { usual, named, instructions, timeout })
    }
}

pub(super) fn secrets_of(settings: &ModelSettings) -> Vec<String> {
    let headers = settings.extra_headers.iter().map(|(_, value)| value);
    settings.api_key.iter().chain(headers).map(|secret| secret.expose_secret().to_owned()).collect()
}

/// The rules engine with its embedded rules.
pub(super) fn rules() -> Result<RulesModel, Failure> {
    RulesModel::new(&[]).map_err(|error| Failure::new(Exit::Configuration, error))
}

/// What the program knows of an endpoint, as the model room takes it.
pub(super) fn endpoint(
    settings: ModelSettings,
    budget: Option<Duration>,
    sent: Option<openai::Sent>,
) -> openai::Settings {
    let mut endpoint = openai::Settings::new(settings.model, settings.api_base);
    endpoint.name = settings.name;
    endpoint.api_key = settings.api_key;
    endpoint.azure =
        settings.azure.map(|azure| openai::Azure { deployment: None, api_version: azure.api_version });
    endpoint.extra_headers = settings
        .extra_headers
        .into_iter()
        .map(|(name, value)| (name, value.expose_secret().to_owned()))
        .collect();
    endpoint.extra_body = settings.extra_body;
    endpoint.strict_tools = settings.strict_tools;
    endpoint.tool_calling = ToolCalling::named(&settings.tool_calling).unwrap_or_default();
    endpoint.ca_file = settings.ca_file;
    endpoint.ca_pem = settings.ca_pem;
    endpoint.context_window = settings.context_window;
    endpoint.prices = settings.prices.map(|prices| openai::Prices {
        prompt: prices.input * 1e6,
        cached_prompt: prices.cached_input.unwrap_or(prices.input) * 1e6,
        completion: prices.output * 1e6,
    });
    endpoint.echo_reasoning = settings.echo_reasoning;
    endpoint.sent = sent;
    if let Some(budget) = budget {
        endpoint.limits.budget = endpoint.limits.budget.min(budget);
    }
    endpoint
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Self {
        let exit = match error.kind {
            ModelErrorKind::Configuration => Exit::Configuration,
            ModelErrorKind::Unavailable | ModelErrorKind::ContextTooLong { .. } => Exit::Model,
        };
        let failure = Failure::new(exit, &error.message);
        match error.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
