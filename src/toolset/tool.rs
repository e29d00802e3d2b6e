//! One tool of a toolset, from its YAML.
//!
//! A mistake in a tool makes that tool unusable, with its reason; its siblings work.

use std::time::Duration;

use serde_json::Value;

use crate::config::yaml::{Entry, Kind, Node, Warning, YamlError};
use crate::shell::{Variable, with_options};

use super::fields::{duration, name_of, text, texts, unknown_key};
use super::filling::Filling;
use super::parameter::parameters;
use super::transformer::{combined, transformers};
use super::{OutputKind, ToolDefinition, Transformer, infer};

pub(super) const TOOL_KEYS: &[&str] = &[
    "name",
    "description",
    "user_description",
    "parameters",
    "command",
    "script",
    "transformers",
    "transformer_configs",
    "icon_url",
    "additional_instructions",
    "timeout",
    "read_only",
    "output",
    "env",
    "workdir",
    "writable",
    "contained",
    "examples",
    "allow_options",
    "jq",
    "restricted",
    "toolset_name",
];

/// What a toolset says once for all of its tools.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Defaults {
    pub timeout: Option<Duration>,
    pub read_only: Option<bool>,
    pub output: Option<OutputKind>,
    pub env: Vec<String>,
    pub workdir: Option<String>,
    pub writable: Vec<String>,
    pub contained: Option<bool>,
    pub allow_options: Option<bool>,
    /// Shell text before every command of the toolset: what they share.
    pub prelude: Option<String>,
    pub additional_instructions: Option<String>,
    pub transformers: Vec<Transformer>,
    pub examples: Vec<Value>,
}

impl Defaults {
    /// Takes `entry` if it is one of these.
    pub(super) fn take(&mut self, entry: &Entry, warnings: &mut Vec<Warning>) -> Result<bool, YamlError> {
        let value = &entry.value;
        match entry.key.as_str() {
            "timeout" => self.timeout = Some(duration(value)?),
            "read_only" => self.read_only = Some(value.as_bool()?),
            "output" => self.output = Some(output(value)?),
            "env" => self.env = texts(value)?,
            "workdir" => self.workdir = Some(text(value)?),
            "writable" => self.writable = places(value)?,
            "contained" => self.contained = Some(value.as_bool()?),
            "prelude" => self.prelude = Some(Filling::command(value)?),
            "allow_options" => self.allow_options = Some(value.as_bool()?),
            "additional_instructions" => self.additional_instructions = Some(Filling::command(value)?),
            "transformers" | "transformer_configs" => self.transformers = transformers(value, warnings),
            "examples" => self.examples = examples(value),
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Takes over what a later file says.
    pub(super) fn overlay(&mut self, later: Self) {
        let Self {
            timeout,
            read_only,
            output,
            env,
            workdir,
            writable,
            contained,
            allow_options,
            prelude,
            additional_instructions,
            transformers,
            examples,
        } = later;
        self.timeout = timeout.or(self.timeout);
        self.read_only = read_only.or(self.read_only);
        self.output = output.or(self.output);
        replace(&mut self.env, env);
        self.workdir = workdir.or_else(|| self.workdir.take());
        replace(&mut self.writable, writable);
        self.contained = contained.or(self.contained);
        self.allow_options = allow_options.or(self.allow_options);
        self.prelude = prelude.filter(|text| !text.is_empty()).or_else(|| self.prelude.take());
        let filter = additional_instructions.filter(|text| !text.is_empty());
        self.additional_instructions = filter.or_else(|| self.additional_instructions.take());
        replace(&mut self.transformers, transformers);
        replace(&mut self.examples, examples);
    }
}

/// An empty list does not win.
pub(super) fn replace<T>(slot: &mut Vec<T>, value: Vec<T>) {
    if !value.is_empty() {
        *slot = value;
    }
}

fn examples(node: &Node) -> Vec<Value> {
    match &node.kind {
        Kind::Sequence(items) => items.iter().map(Node::to_json).collect(),
        _ => vec![node.to_json()],
    }
}

/// A tool as its file tells it, before it is known what its toolset says in later ones.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub tool: ToolDefinition,
    pub own: Defaults,
}

impl Told {
    /// With what the toolset says where the tool says nothing.
    pub(super) fn completed(self, base: &Defaults) -> ToolDefinition {
        let shared = infer::of_prelude(base.prelude.as_deref());
        self.completed_with(base, &shared)
    }

    /// As [`Self::completed`], for a toolset's every tool: `shared` is what its prelude needs.
    pub(super) fn completed_with(
        self,
        base: &Defaults,
        shared: &Result<Vec<Variable>, String>,
    ) -> ToolDefinition {
        let Self { mut tool, own } = self;
        if let Some(prelude) = base.prelude.as_deref().filter(|_| tool.broken.is_none()) {
            match shared {
                Ok(found) => infer::add(&mut tool, found.iter().cloned()),
                Err(reason) => tool.broken = Some(reason.clone()),
            }
            tool.template = format!("{}\n{}", prelude.trim_end(), tool.template);
        }
        let several = |own: Vec<_>, base: &Vec<_>| if own.is_empty() { base.clone() } else { own };
        ToolDefinition {
            timeout: own.timeout.or(base.timeout),
            read_only: own.read_only.or(base.read_only),
            output: own.output.or(base.output).unwrap_or_default(),
            env: several(own.env, &base.env),
            workdir: own.workdir.or_else(|| base.workdir.clone()),
            writable: own.writable.into_iter().chain(base.writable.iter().cloned()).collect(),
            contained: own.contained.or(base.contained),
            allow_options: own.allow_options.or(base.allow_options).unwrap_or(false),
            additional_instructions: own
                .additional_instructions
                .or_else(|| base.additional_instructions.clone()),
            transformers: combined(&own.transformers, &base.transformers),
            // The toolset's speak of any of its tools.
            examples: own.examples,
            ..tool
        }
    }
}

/// Paths that stay the same wherever the program is started.
fn places(node: &Node) -> Result<Vec<String>, YamlError> {
    let paths = texts(node)?;
    match paths.iter().find(|path| !path.starts_with(['/', '~', '$'])) {
        Some(path) => {
            Err(node.error(format!("needs paths that begin with `/`, `~` or `$NAME`, got `{path}`")))
        }
        None => Ok(paths),
    }
}

fn output(node: &Node) -> Result<OutputKind, YamlError> {
    match node.as_str()? {
        "text" => Ok(OutputKind::Text),
        "json" => Ok(OutputKind::Json),
        "logs" => Ok(OutputKind::Logs),
        "table" => Ok(OutputKind::Table),
        _ => Err(node.error(format!("needs `text`, `json`, `logs` or `table`, got {}", node.describe()))),
    }
}

/// One item of `tools:`; `None`, with a warning, when not even a name can be read.
pub(super) fn tool(node: &Node, filling: &mut Filling<'_>, warnings: &mut Vec<Warning>) -> Option<Told> {
    let Some(name) = name_of(node) else {
        warnings.push(node.warning("a tool without a `name` is left out"));
        return None;
    };
    let mut tool =
        ToolDefinition { name, place: format!("{}:{}", node.file(), node.line), ..Default::default() };
    let mut own = Defaults::default();
    let mut template: Option<&Node> = None;
    let what = format!("tool `{}`", tool.name);
    for entry in node.entries().unwrap_or_default() {
        let value = &entry.value;
        if value.is_null() {
            if !TOOL_KEYS.contains(&entry.key.as_str()) {
                warnings.push(unknown_key(entry, &what, TOOL_KEYS));
            }
            continue;
        }
        let taken = match entry.key.as_str() {
            "name" | "toolset_name" | "restricted" => Ok(true),
            "args" => {
                let message = format!(
                    "{what}: `args` has no effect, as in HolmesGPT; what `{{{{ name }}}}` in the command needs \
                     becomes a parameter, `parameters` describes them"
                );
                warnings.push(entry.warning(message));
                Ok(true)
            }
            "icon_url" => text(value).map(|text| tool.icon_url = Some(text)).map(|()| true),
            "description" => filling.text(value).map(|text| tool.description = text).map(|()| true),
            "jq" => text(value).map(|text| tool.jq = Some(text)).map(|()| true),
            "user_description" => text(value).map(|text| tool.user_description = Some(text)).map(|()| true),
            "parameters" => parameters(value, warnings).map(|found| tool.parameters = found).map(|()| true),
            "command" | "script" => value.as_str().map(|_| {
                if template.is_some() {
                    warnings.push(entry.warning(format!(
                        "{what} has both `command` and `script`: the command is run, as in HolmesGPT, take one out"
                    )));
                }
                if template.is_none() || entry.key == "command" {
                    template = Some(value);
                }
                true
            }),
            _ => own.take(entry, warnings),
        };
        match taken {
            Ok(true) => {}
            Ok(false) => warnings.push(unknown_key(entry, &what, TOOL_KEYS)),
            Err(error) => {
                tool.broken.get_or_insert(error.about(&entry.key).inline());
            }
        }
    }
    match template {
        Some(node) => {
            node.as_str().unwrap_or_default().clone_into(&mut tool.template);
            if tool.template.trim().is_empty() {
                tool.broken.get_or_insert(node.error("is empty").about("command").inline());
            } else if let Err(reason) = infer::parameters(&mut tool, node) {
                tool.broken.get_or_insert(reason);
            } else if let Ok(command) = Filling::command(node) {
                // After the look at the tree, whose places are those of the file.
                tool.template = with_options(&command);
            }
        }
        None => {
            tool.broken.get_or_insert(node.error(format!("{what} needs a `command` or a `script`")).inline());
        }
    }
    Some(Told { tool, own })
}
