//! `model list`: the aliases of the model list. `model check`: what one of them can do.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::config::as_json;
use super::failure::{Exit, Failure, io};
use super::model_check;
use super::options::{FormArgs, OutputFormat};
use crate::config::{Config, Flags, Listed, ModelChoice};
use crate::ui::{self, Table, Terminal};

/// Models that can be named
#[derive(Debug, Args)]
pub(super) struct ModelVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the aliases of the model list: model, address, window, key (masked); `*` answers now
    List {
        #[command(flatten)]
        form: FormArgs,
    },
    /// Talk to a model and print what its endpoint supports: streaming, tools, window, …
    ///
    /// Six or seven short turns, a few hundred tokens, paid for like any other; how many is said. Exit 3 for a
    /// wrong key, name or address, 4 when nobody answers.
    Check {
        /// Name or alias; without it the one that answers now
        name: Option<String>,
        /// Time for all of it, such as 20s [default: 2m]
        #[arg(long, value_name = "DURATION")]
        timeout: Option<String>,
        #[command(flatten)]
        form: FormArgs,
    },
}

pub(super) async fn run(verb: &ModelVerb, context: &Context) -> Result<Exit, Failure> {
    let form = match &verb.verb {
        Verb::List { form } => form,
        Verb::Check { name, timeout, form } => {
            let patience = super::options::timeout(timeout.as_deref())?.unwrap_or(model_check::PATIENCE);
            let config = context.config(Flags { model: name.clone(), ..Flags::default() })?;
            return model_check::run(&config, form.of(&config)?, patience, context).await;
        }
    };
    let config = context.config(Flags::default())?;
    let output = form.of(&config)?;
    if config.models().is_empty() {
        context
            .say("no model list: `models:` in the config file, or a file named by MODEL_LIST_FILE_LOCATION");
    }
    let text = list(&config, output, &context.stdout);
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

pub(super) fn list(config: &Config, output: OutputFormat, terminal: &Terminal) -> String {
    let models = config.models();
    // A model that cannot be used now marks nothing; it says why when it is asked for.
    let chosen = match config.model() {
        Ok(ModelChoice::Model(model)) => Some(model.name),
        Ok(ModelChoice::None { .. }) | Err(_) => None,
    };
    let is_chosen = |model: &Listed| chosen.as_ref() == Some(&model.name);
    if matches!(output, OutputFormat::Json | OutputFormat::Jsonl) {
        let list = models.iter().map(|model| {
            json!({
                "name": model.name,
                "model": model.model,
                "api_base": model.api_base,
                "context_window": model.context_window,
                "api_key": model.api_key,
                "origin": model.origin.to_string(),
                "error": model.error,
                "chosen": is_chosen(model),
            })
        });
        return as_json(&list.collect(), output);
    }
    if models.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&["NAME", "MODEL", "ADDRESS", "WINDOW", "KEY", "ORIGIN"]);
    for model in &models {
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let mark = if is_chosen(model) { "*" } else { "" };
        table.row([
            format!("{}{mark}", model.name),
            model.model.clone(),
            or_dash(model.api_base.clone()),
            or_dash(model.context_window.map(|window| window.to_string())),
            or_dash(model.error.as_ref().map(|error| format!("! {error}")).or(model.api_key.clone())),
            model.origin.to_string(),
        ]);
    }
    output.table(&table, terminal)
}
