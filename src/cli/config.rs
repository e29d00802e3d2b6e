//! `config show|path|init`: what is set and by whom, which files count, and a file to start from.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::{Map, Value as Json, json};

use super::Context;
use super::failure::{Exit, Failure, io};
use super::options::{FormArgs, ModelArgs, OutputFormat};
use crate::config::{
    Config, ConfigError, Consulted, FileState, ModelChoice, Role, Surroundings, look_for, mask,
};
use crate::ui::{self, Table, Terminal};

/// Settings, and where each comes from
#[derive(Debug, Args)]
pub(super) struct ConfigVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show every setting, its value and where it comes from; secrets are masked
    Show {
        /// Also those that are not set
        #[arg(short, long)]
        all: bool,
        #[command(flatten)]
        model: ModelArgs,
        #[command(flatten)]
        form: FormArgs,
    },
    /// List the config files that are looked for, the strongest first
    Path {
        #[command(flatten)]
        form: FormArgs,
    },
    /// Write a commented config file to fill in
    Init {
        /// Replace the file when there is one
        #[arg(long)]
        force: bool,
    },
}

/// Runs the verb. `path` and `init` read no file, so that they help where one is broken.
pub(super) fn run(verb: &ConfigVerb, context: &Context) -> Result<Exit, Failure> {
    let asked_for = context.global.config.as_deref();
    let files = || look_for(asked_for, &context.environment, &Surroundings::of_process());
    let text = match &verb.verb {
        Verb::Show { all, model, form } => {
            let config = context.config(model.flags())?;
            show(&config, *all, form.of(&config)?, &context.stdout)
        }
        Verb::Path { form } => {
            paths(&files(), form.settle(context.environment.get("HOLMES_OUTPUT"))?, &context.stdout)
        }
        Verb::Init { force } => {
            let path = place_for_new(&files(), || context.folders().config);
            init(&path, *force)?;
            format!("{}\n", path.display())
        }
    };
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

pub(super) fn show(config: &Config, all: bool, output: OutputFormat, terminal: &Terminal) -> String {
    let settings = config.shown();
    let settings = settings.iter().filter(|one| all || one.value.is_some() || one.error.is_some());
    if matches!(output, OutputFormat::Json | OutputFormat::Jsonl) {
        let settings: Map<String, Json> = settings
            .map(|one| {
                let mut value = json!({"value": one.json, "origin": one.origin.to_string()});
                if let (Some(error), Some(map)) = (&one.error, value.as_object_mut()) {
                    map.insert("error".to_owned(), error.clone().into());
                }
                (one.key.to_owned(), value)
            })
            .collect();
        let warnings: Vec<String> = config.warnings().iter().map(ToString::to_string).collect();
        let whole = json!({
            "settings": settings,
            "answered_by": answered_by(config),
            "files": files_as_json(config.consulted()),
            "warnings": warnings,
        });
        return as_json(&whole, output);
    }
    let mut table = Table::new(&["SETTING", "VALUE", "ORIGIN"]);
    for one in settings {
        let value = match (&one.error, &one.value) {
            (Some(error), _) => format!("! {error}"),
            (None, Some(value)) => value.clone(),
            (None, None) => "-".to_owned(),
        };
        table.row([one.key.to_owned(), value, one.origin.to_string()]);
    }
    format!("{}\nanswered by: {}\n", output.table(&table, terminal), answered_by(config))
}

/// Who would answer now, in one line.
fn answered_by(config: &Config) -> String {
    match config.model() {
        Ok(ModelChoice::Model(model)) => {
            let key = model.api_key.as_ref().map_or("no key".to_owned(), |key| format!("key {}", mask(key)));
            format!("{} at {}, {key}", model.model, model.shown_base())
        }
        Ok(ModelChoice::None { reason, .. }) => format!("the built-in rules: {reason}"),
        Err(error) => {
            let message = error.to_string();
            format!("nobody: {}", message.lines().next().unwrap_or_default())
        }
    }
}

fn paths(files: &[Consulted], output: OutputFormat, terminal: &Terminal) -> String {
    if matches!(output, OutputFormat::Json | OutputFormat::Jsonl) {
        return as_json(&files_as_json(files), output);
    }
    let mut table = Table::new(&["FILE", "ROLE", "STATE"]);
    for file in files {
        table.row([file.path.display().to_string(), role(file.role).to_owned(), state(&file.state)]);
    }
    output.table(&table, terminal)
}

fn files_as_json(files: &[Consulted]) -> Json {
    files
        .iter()
        .map(|file| {
            json!({
                "path": file.path.display().to_string(),
                "role": role(file.role),
                "exists": file.state != FileState::Missing,
                "state": state(&file.state),
            })
        })
        .collect()
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Project => "project",
        Role::User => "user",
        Role::System => "system",
    }
}

fn state(state: &FileState) -> String {
    match state {
        FileState::Read => "read".to_owned(),
        FileState::Missing => "missing".to_owned(),
        FileState::Skipped(reason) => format!("not read: {reason}"),
    }
}

/// The user file that counts, else the first place for one, where HolmesGPT has it.
fn place_for_new(files: &[Consulted], folder: impl FnOnce() -> PathBuf) -> PathBuf {
    let users = || files.iter().filter(|file| file.role == Role::User);
    users()
        .find(|file| file.state == FileState::Read)
        .or_else(|| users().next())
        .map_or_else(|| folder().join("config.yaml"), |file| file.path.clone())
}

/// Writes the starter file, readable by its owner alone: it is meant to hold a key.
fn init(path: &Path, force: bool) -> Result<(), ConfigError> {
    let unwritable = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => ConfigError::Exists { path: path.to_path_buf() },
        _ => ConfigError::Unwritable { path: path.to_path_buf(), reason: error.to_string() },
    };
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unwritable)?;
    }
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut file = options.open(path).map_err(unwritable)?;
    file.set_permissions(fs::Permissions::from_mode(0o600)).map_err(unwritable)?;
    file.write_all(STARTER.as_bytes()).map_err(unwritable)
}

/// The starter file. Its commented lines are settings as they could stand there; a test reads them.
const STARTER: &str = "\
# Configuration of holmes-rs. HolmesGPT's keys mean the same here.
# Flags and environment variables win over this file; `holmes-rs config show` tells where each value
# comes from. Values may refer to the environment as '{{ env.NAME }}'.

# --- The model: any OpenAI-compatible endpoint. With none, built-in rules answer.
# model: gpt-5.4
# api_key: '{{ env.OPENAI_API_KEY }}'
# api_base: http://localhost:11434/v1
# tool_calling: auto          # native, or text: ReAct for models that know no tool calls
# context_window: 32000
# fast_model: gpt-5-mini

# --- Several models, by names of your own: `holmes-rs ask --model fast …`
# models:
#   fast:
#     model: qwen3:14b
#     api_base: http://localhost:11434/v1
#     custom_args: {max_context_size: 32000}
#   azure:
#     model: azure/my-deployment
#     api_base: https://my-resource.openai.azure.com
#     api_key: '{{ env.AZURE_API_KEY }}'

# --- Limits of one investigation
# max_steps: 100
# timeout: 10m
# max_cost: 0.50
# tool_timeout: 60s

# --- Tools
# toolsets:
#   docker/core:
#     enabled: false
# custom_toolsets: [./my-toolsets.yaml]
# containment: auto

# --- Where alerts and metrics are
# alertmanager_url: http://localhost:9093
# prometheus_url: http://localhost:9090
";

/// Indented, or on one line for `jsonl`.
pub(super) fn as_json(value: &Json, output: OutputFormat) -> String {
    if output == OutputFormat::Jsonl { format!("{value}\n") } else { format!("{value:#}\n") }
}

#[cfg(test)]
mod tests;
