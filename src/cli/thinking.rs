//! Who answers: the configured model, or the rules engine. And who sums long outputs up: fast models.

use std::collections::BTreeMap;
use std::time::Duration;

use secrecy::ExposeSecret as _;

use super::Context;
use super::egress;
use super::failure::{Exit, Failure};
use crate::agent::drive::Fast;
use crate::config::{Config, ModelChoice, ModelSettings};
use crate::model::openai::{self, OpenAiModel};
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
            let secrets = secrets_of(&settings);
            let model = OpenAiModel::new(endpoint(*settings, budget, egress::listener(config)?))?;
            Ok(Thinking { model: Some(model), notice: None, secrets })
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

fn secrets_of(settings: &ModelSettings) -> Vec<String> {
    let headers = settings.extra_headers.iter().map(|(_, value)| value);
    settings.api_key.iter().chain(headers).map(|secret| secret.expose_secret().to_owned()).collect()
}

/// The rules engine with its embedded rules.
pub(super) fn rules() -> Result<RulesModel, Failure> {
    RulesModel::new(&[]).map_err(|error| Failure::new(Exit::Configuration, error))
}

fn endpoint(
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
    endpoint.ca_file = settings.ca_file;
    endpoint.ca_pem = settings.ca_pem;
    endpoint.context_window = settings.context_window;
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
