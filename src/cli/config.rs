//! `config show|path|init`: what is set and by whom, which files count, and a file to start from.

use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Map, Value as Json, json};

use crate::config::{
    Config, ConfigError, Consulted, Environment, FileState, Flags, Folders, ModelChoice, Role, Surroundings, look_for,
    mask,
};

/// Settings with the origin of each, the files they come from, and a new one
#[derive(Debug, Clone, Subcommand)]
pub enum ConfigCommand {
    /// Every setting, its value and where it comes from; secrets are masked
    Show(ShowArgs),
    /// The config files that are looked for, the strongest first
    Path(PathArgs),
    /// Write a commented config file to fill in
    Init(InitArgs),
}

/// How a list is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Default, Args)]
pub struct ShowArgs {
    /// Settings that are not set, too
    #[arg(short, long)]
    pub all: bool,
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ListFormat,
}

#[derive(Debug, Clone, Default, Args)]
pub struct PathArgs {
    #[arg(short, long, value_enum, default_value_t, value_name = "FORMAT")]
    pub output: ListFormat,
}

#[derive(Debug, Clone, Default, Args)]
pub struct InitArgs {
    /// Replace the file when there is one
    #[arg(long)]
    pub force: bool,
}

/// Runs the verb; what it returns goes to stdout. Warnings are the caller's to print.
///
/// # Errors
/// A broken configuration for `show`, a file that exists or cannot be written for `init`; `path` has none.
pub fn run(
    command: &ConfigCommand,
    flags: &Flags,
    environment: &Environment,
    surroundings: &Surroundings,
) -> Result<String, ConfigError> {
    match command {
        ConfigCommand::Show(args) => Ok(show(args, &Config::load(flags, environment, surroundings)?)),
        ConfigCommand::Path(args) => {
            let files = look_for(flags.config.as_deref(), environment, surroundings);
            Ok(paths(args.output, &files))
        }
        ConfigCommand::Init(args) => {
            let files = look_for(flags.config.as_deref(), environment, surroundings);
            let path = place_for_new(&files, flags, environment);
            init(&path, args.force)?;
            Ok(format!("{}\n", path.display()))
        }
    }
}

fn show(args: &ShowArgs, config: &Config) -> String {
    let settings = config.shown();
    let settings = settings.iter().filter(|one| args.all || one.value.is_some() || one.error.is_some());
    if args.output == ListFormat::Json {
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
        return print_json(&json!({
            "settings": settings,
            "answered_by": answered_by(config),
            "files": files_as_json(config.consulted()),
            "warnings": warnings,
        }));
    }
    let mut rows = vec![["SETTING".to_owned(), "VALUE".to_owned(), "ORIGIN".to_owned()]];
    for one in settings {
        let value = match (&one.error, &one.value) {
            (Some(error), _) => format!("! {error}"),
            (None, Some(value)) => value.clone(),
            (None, None) => "-".to_owned(),
        };
        rows.push([one.key.to_owned(), value, one.origin.to_string()]);
    }
    format!("{}\nanswered by: {}\n", aligned(&rows), answered_by(config))
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

fn paths(format: ListFormat, files: &[Consulted]) -> String {
    if format == ListFormat::Json {
        return print_json(&files_as_json(files));
    }
    let rows: Vec<[String; 3]> = files
        .iter()
        .map(|file| [file.path.display().to_string(), role(file.role).to_owned(), state(&file.state)])
        .collect();
    aligned(&rows)
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

/// `--config`, else the user file that is there, else where HolmesGPT has it.
fn place_for_new(files: &[Consulted], flags: &Flags, environment: &Environment) -> PathBuf {
    let users = || files.iter().filter(|file| file.role == Role::User);
    flags
        .config
        .clone()
        .or_else(|| users().find(|file| file.state == FileState::Read).map(|file| file.path.clone()))
        .or_else(|| users().next().map(|file| file.path.clone()))
        .unwrap_or_else(|| Folders::new(environment).config.join("config.yaml"))
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
# tool_calling: auto
# context_window: 32000

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

# --- Where alerts and metrics are
# alertmanager_url: http://localhost:9093
# prometheus_url: http://localhost:9090
";

/// Rows in columns, two spaces between them, for eyes and for `awk` alike.
pub(super) fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let one_line = |cell: &str| -> String { cell.chars().map(|c| if c.is_control() { ' ' } else { c }).collect() };
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{:width$}  ", one_line(cell));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

pub(super) fn print_json(value: &Json) -> String {
    format!("{value:#}\n")
}

#[cfg(test)]
mod tests;
