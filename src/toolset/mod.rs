//! The YAML toolset format: read, merge, infer parameters, check prerequisites.
//!
//! It describes tools; `crate::tools` runs them.

pub mod cache;
pub mod lint;
pub mod prerequisites;

mod builtin;
mod containers;
mod database;
mod fields;
mod filling;
mod infer;
mod instructions;
mod load;
mod merge;
mod parameter;
mod parse;
pub mod reference;
#[cfg(test)]
mod tests;
mod tool;
mod transformer;

pub use instructions::instructions;
pub use load::{LoadError, Loaded, Sources, load};

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One toolset, after all layers are merged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Toolset {
    pub name: String,
    pub enabled: bool,
    /// On where its first prerequisite holds, and silently off elsewhere: nobody asked for it by name.
    pub auto: bool,
    pub kind: ToolsetKind,
    /// What of its kind it is, where a kind has several (`webpage` of `http`).
    pub subtype: Option<String>,
    pub description: String,
    pub docs_url: Option<String>,
    /// A picture for surfaces that show one.
    pub icon_url: Option<String>,
    pub installation_instructions: Option<String>,
    pub prerequisites: Vec<Prerequisite>,
    pub tools: Vec<ToolDefinition>,
    pub tags: Vec<String>,
    /// Free map, available to templates as `config`; `{{ env.X }}` already resolved. An MCP server's or an
    /// HTTP API's settings are here too, also where the older form has them beside it (`url`, `headers`).
    pub config: Map<String, Value>,
    pub llm_instructions: Option<String>,
    /// Shell filter that gets a successful command's output on stdin and replaces it.
    pub additional_instructions: Option<String>,
    /// Shell text before every command, prerequisites included; the templates of `tools` have it already.
    pub prelude: Option<String>,
    /// Globs of tools that a person must approve, whatever policy thinks of their commands.
    pub approval_required_tools: Vec<String>,
    /// What is done to the output of its tools; already part of each tool's own list.
    pub transformers: Vec<Transformer>,
    /// Marked as not settled by its author; shown, nothing more.
    pub experimental: bool,
    /// May serve other clusters (HolmesGPT's server); kept, not acted on.
    pub expose_remotely: bool,
    /// How long what was found out about its readiness holds, where the author said so.
    pub status_refresh_interval: Option<Duration>,
    /// Calls worth showing, of any tool: maps of arguments, or words.
    pub examples: Vec<Value>,
    /// Where it comes from: `builtin`, or the path of the file that had the last word.
    pub origin: String,
    /// Why it cannot be used, where reading it already told (`file:line:col: …`).
    pub broken: Option<String>,
}

/// Where a toolset's tools come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToolsetKind {
    /// Shell commands of its own file.
    #[default]
    Commands,
    /// An HTTP API, by the rules in `config.endpoints`.
    Http,
    /// A server that speaks the Model Context Protocol, by `config`.
    Mcp,
    /// A database, by `config.connection_url`.
    Database,
    /// MongoDB, by `config`.
    Mongodb,
}

/// One tool of a toolset.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ToolDefinition {
    pub name: String,
    pub description: String,
    /// Template of the progress line.
    pub user_description: Option<String>,
    /// Declared and inferred parameters, in the order the model sees them.
    pub parameters: Vec<Parameter>,
    /// Template of the shell text: `command` or `script` of the YAML.
    pub template: String,
    /// jq program over a successful command's JSON; its variables are the parameters.
    pub jq: Option<String>,
    pub timeout: Option<Duration>,
    /// `None`: not said; treated as read-only for builtin tools.
    pub read_only: Option<bool>,
    pub output: OutputKind,
    /// Names of environment variables the tool gets besides the base set.
    pub env: Vec<String>,
    pub workdir: Option<String>,
    /// Paths it may write to besides caches, though it only reads: absolute, or beginning with `~` or `$NAME`.
    pub writable: Vec<String>,
    /// `Some(false)`: it only reads, but cannot be contained: it looks into other processes, or needs privileges.
    pub contained: Option<bool>,
    /// Values that begin with `-` may reach the program as bare words.
    pub allow_options: bool,
    /// The toolset's filter, or the tool's own in the older format.
    pub additional_instructions: Option<String>,
    /// Its own first, then those of its toolset.
    pub transformers: Vec<Transformer>,
    pub icon_url: Option<String>,
    /// Calls worth showing: maps of arguments, or words.
    pub examples: Vec<Value>,
    /// Where the tool stands: `file:line`.
    pub place: String,
    pub broken: Option<String>,
}

/// Something that is done to a successful output before a model sees it. `None`: the author did not say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transformer {
    /// `llm_summarize`, the only one there is.
    pub name: String,
    /// Characters; shorter outputs stay as they are. HolmesGPT's default is 1000.
    pub input_threshold: Option<u64>,
    /// In place of the usual request for a summary.
    pub prompt: Option<String>,
    /// Name of the model that summarises.
    pub fast_model: Option<String>,
}

/// One parameter of a tool.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Parameter {
    pub name: String,
    pub description: String,
    pub required: bool,
    /// JSON-schema type names; more than one for a list of types; `["string"]` when inferred.
    pub types: Vec<String>,
    pub choices: Vec<Value>,
    pub default: Option<Value>,
    /// Further JSON-schema keys (`items`, `properties`, `additionalProperties`, `anyOf`).
    pub schema: Map<String, Value>,
}

/// What kind of output a tool prints: decides how it is condensed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputKind {
    #[default]
    Text,
    Json,
    Logs,
    Table,
}

/// Something that must hold before a toolset is usable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prerequisite {
    Command {
        command: String,
        /// Substring of stdout.
        expected_output: Option<String>,
        timeout: Duration,
    },
    /// Names that must be present and non-empty.
    Env(Vec<String>),
    /// One of these is set: names of the environment, or `config.key`. No process is needed to know.
    OneOf(Vec<String>),
    /// One of these programs is on PATH.
    Program(Vec<String>),
    Static {
        enabled: bool,
        reason: Option<String>,
    },
}

/// Whether a toolset can be used now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Readiness {
    pub name: String,
    pub status: ReadinessStatus,
    /// One line a person can act on; empty when ready.
    pub reason: String,
    pub milliseconds: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadinessStatus {
    Enabled,
    /// Switched off by configuration.
    Disabled,
    /// Wanted, but a prerequisite does not hold or the file is broken.
    Failed,
}

/// Toolsets by name: one order for every run, whatever file was read first.
pub type Toolsets = BTreeMap<String, Toolset>;
