//! Who answers: the configured model, or the rules engine.

use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::Context;
use super::failure::{Exit, Failure};
use crate::config::{Config, ModelChoice, ModelSettings};
use crate::model::openai::{self, OpenAiModel};
use crate::model::{ModelError, ModelErrorKind};
use crate::rules::RulesModel;

/// The model of a run.
pub(super) struct Thinking {
    /// `None`: the rules answer.
    pub model: Option<OpenAiModel>,
    /// Said once the run is sure to begin: nobody asked for the rules, and they answer.
    pub notice: Option<String>,
    /// Values that must never be shown, whatever surrounds them.
    pub secrets: Vec<String>,
}

/// Chooses by the configuration.
pub(super) fn choose(
    config: &Config,
    no_llm: bool,
    budget: Option<Duration>,
    context: &Context,
) -> Result<Thinking, Failure> {
    if no_llm {
        return Ok(Thinking { model: None, notice: None, secrets: Vec::new() });
    }
    match config.model()? {
        ModelChoice::None { reason, hints } => {
            let mut line = format!("{reason}: the built-in rules answer");
            if let Some(hint) = hints.first() {
                line = format!("{line}; {hint}");
            }
            Ok(Thinking { model: None, notice: Some(line), secrets: Vec::new() })
        }
        ModelChoice::Model(settings) => {
            if let Some(hint) = &settings.hint {
                context.warn(hint);
            }
            let secrets = settings
                .api_key
                .iter()
                .chain(settings.extra_headers.iter().map(|(_, value)| value))
                .map(|secret| secret.expose_secret().to_owned())
                .collect();
            let model = OpenAiModel::new(endpoint(*settings, budget))?;
            Ok(Thinking { model: Some(model), notice: None, secrets })
        }
    }
}

/// The rules engine with its embedded rules.
pub(super) fn rules() -> Result<RulesModel, Failure> {
    RulesModel::new(&[]).map_err(|error| Failure::new(Exit::Configuration, error))
}

fn endpoint(settings: ModelSettings, budget: Option<Duration>) -> openai::Settings {
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
    endpoint.ca_file = settings.ca_file;
    endpoint.ca_pem = settings.ca_pem;
    endpoint.context_window = settings.context_window;
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
