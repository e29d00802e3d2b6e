//! `model list`: the aliases of the model list.

use clap::{Args, Subcommand};
use serde_json::{Value as Json, json};

use super::config::{ListFormat, aligned, print_json};
use crate::config::{Config, Listed, ModelChoice};

/// The models that can be asked for by name
#[derive(Debug, Clone, Subcommand)]
pub enum ModelCommand {
    /// Aliases of the model list, with model, address, window and key (masked)
    List(ListArgs),
}

#[derive(Debug, Clone, Default, Args)]
pub struct ListArgs {
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ListFormat,
}

/// Runs the verb; what it returns goes to stdout.
pub fn run(command: &ModelCommand, config: &Config) -> String {
    let ModelCommand::List(args) = command;
    let models = config.models();
    // A model that cannot be used now marks nothing; `model` itself says why when it is asked for.
    let chosen = match config.model() {
        Ok(ModelChoice::Model(model)) => Some(model.name),
        Ok(ModelChoice::None { .. }) | Err(_) => None,
    };
    let is_chosen = |model: &Listed| chosen.as_ref() == Some(&model.name);
    match args.output {
        ListFormat::Json => {
            let list: Json = models
                .iter()
                .map(|model| {
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
                })
                .collect();
            print_json(&list)
        }
        ListFormat::Text if models.is_empty() => {
            "no model list: `models:` in the config file, or a file named by MODEL_LIST_FILE_LOCATION\n".to_owned()
        }
        ListFormat::Text => {
            let header = ["NAME", "MODEL", "ADDRESS", "WINDOW", "KEY", "ORIGIN"].map(str::to_owned);
            let rows = models.iter().map(|model| {
                let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
                let mark = if is_chosen(model) { "*" } else { "" };
                [
                    format!("{}{mark}", model.name),
                    model.model.clone(),
                    or_dash(model.api_base.clone()),
                    or_dash(model.context_window.map(|window| window.to_string())),
                    or_dash(model.error.as_ref().map(|error| format!("! {error}")).or(model.api_key.clone())),
                    model.origin.to_string(),
                ]
            });
            aligned(&std::iter::once(header).chain(rows).collect::<Vec<_>>())
        }
    }
}
