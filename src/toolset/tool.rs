//! One tool of a toolset, from its YAML.
//!
//! A mistake in a tool makes that tool unusable, with its reason; its siblings work.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::config::yaml::{Entry, Kind, Node, Warning, YamlError};

use super::fields::{duration, name_of, text, texts, unknown_key};
use super::{OutputKind, Parameter, ToolDefinition, infer};

const TOOL_KEYS: &[&str] = &[
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
    "examples",
    "allow_options",
    "jq",
    "restricted",
    "toolset_name",
];

const PARAMETER_KEYS: &[&str] = &[
    "name",
    "type",
    "description",
    "required",
    "enum",
    "items",
    "properties",
    "additional_properties",
    "any_of",
    "default",
    "format",
    "minimum",
    "maximum",
    "pattern",
    "json_schema_extra",
    "examples",
];

const TYPES: &[&str] = &["string", "integer", "number", "boolean", "array", "object", "null"];

/// What a toolset says once for all of its tools.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Defaults {
    pub timeout: Option<Duration>,
    pub read_only: Option<bool>,
    pub output: Option<OutputKind>,
    pub env: Vec<String>,
    pub workdir: Option<String>,
    pub allow_options: Option<bool>,
    /// Shell text before every command of the toolset: what they share.
    pub prelude: Option<String>,
    pub additional_instructions: Option<String>,
}

impl Defaults {
    /// Takes `entry` if it is one of these.
    pub(super) fn take(&mut self, entry: &Entry) -> Result<bool, YamlError> {
        let value = &entry.value;
        match entry.key.as_str() {
            "timeout" => self.timeout = Some(duration(value)?),
            "read_only" => self.read_only = Some(value.as_bool()?),
            "output" => self.output = Some(output(value)?),
            "env" => self.env = texts(value)?,
            "workdir" => self.workdir = Some(text(value)?),
            "prelude" => self.prelude = Some(text(value)?),
            "allow_options" => self.allow_options = Some(value.as_bool()?),
            "additional_instructions" => self.additional_instructions = Some(text(value)?),
            _ => return Ok(false),
        }
        Ok(true)
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
pub(super) fn tool(node: &Node, defaults: &Defaults, warnings: &mut Vec<Warning>) -> Option<ToolDefinition> {
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
            "name"
            | "transformers"
            | "transformer_configs"
            | "icon_url"
            | "examples"
            | "toolset_name"
            | "restricted" => Ok(true),
            "description" => text(value).map(|text| tool.description = text).map(|()| true),
            "jq" => text(value).map(|text| tool.jq = Some(text)).map(|()| true),
            "user_description" => text(value).map(|text| tool.user_description = Some(text)).map(|()| true),
            "parameters" => parameters(value, warnings).map(|found| tool.parameters = found).map(|()| true),
            "command" | "script" => value.as_str().map(|_| {
                if template.is_some() {
                    warnings.push(
                        entry.warning(format!("{what} has both `command` and `script`, the script is run")),
                    );
                }
                // HolmesGPT looks at `command` first; a file with both means the longer one.
                if template.is_none() || entry.key == "script" {
                    template = Some(value);
                }
                true
            }),
            _ => own.take(entry),
        };
        match taken {
            Ok(true) => {}
            Ok(false) => warnings.push(unknown_key(entry, &what, TOOL_KEYS)),
            Err(error) => {
                tool.broken.get_or_insert(error.about(&entry.key).inline());
            }
        }
    }
    tool.timeout = own.timeout.or(defaults.timeout);
    tool.read_only = own.read_only.or(defaults.read_only);
    tool.output = own.output.or(defaults.output).unwrap_or_default();
    tool.env = if own.env.is_empty() { defaults.env.clone() } else { own.env };
    tool.workdir = own.workdir.or_else(|| defaults.workdir.clone());
    tool.allow_options = own.allow_options.or(defaults.allow_options).unwrap_or(false);
    tool.additional_instructions =
        own.additional_instructions.or_else(|| defaults.additional_instructions.clone());
    match template {
        Some(node) => {
            node.as_str().unwrap_or_default().clone_into(&mut tool.template);
            if tool.template.trim().is_empty() {
                tool.broken.get_or_insert(node.error("is empty").about("command").inline());
            } else if let Err(reason) = infer::parameters(&mut tool, node) {
                tool.broken.get_or_insert(reason);
            } else if let Some(prelude) = &defaults.prelude {
                tool.template = format!("{}\n{}", prelude.trim_end(), tool.template);
                // Once more: a prelude may need parameters, too.
                if let Err(reason) = infer::parameters(&mut tool, node) {
                    tool.broken.get_or_insert(format!("`prelude`: {reason}"));
                }
            }
        }
        None => {
            tool.broken.get_or_insert(node.error(format!("{what} needs a `command` or a `script`")).inline());
        }
    }
    Some(tool)
}

/// `parameters:` as a map or, in the older form, as a list of names or of `{name, …}`.
fn parameters(node: &Node, warnings: &mut Vec<Warning>) -> Result<Vec<Parameter>, YamlError> {
    let mut found: Vec<Parameter> = Vec::new();
    let mut add = |parameter: Parameter| {
        found.retain(|earlier| earlier.name != parameter.name);
        found.push(parameter);
    };
    match &node.kind {
        Kind::Sequence(items) => {
            for item in items {
                let name = match &item.kind {
                    Kind::Scalar { .. } => text(item)?,
                    _ => name_of(item).ok_or_else(|| item.error("a parameter needs a `name`"))?,
                };
                let body = matches!(item.kind, Kind::Mapping(_)).then_some(item);
                add(parameter(name, body, warnings)?);
            }
        }
        _ => {
            for entry in node.entries()? {
                add(parameter(entry.key.clone(), Some(&entry.value), warnings)?);
            }
        }
    }
    Ok(found)
}

fn parameter(name: String, body: Option<&Node>, warnings: &mut Vec<Warning>) -> Result<Parameter, YamlError> {
    let mut parameter =
        Parameter { name, types: vec!["string".to_owned()], required: true, ..Default::default() };
    let Some(body) = body else { return Ok(parameter) };
    // `pod: "name of the pod"` is a description.
    if let Kind::Scalar { .. } = body.kind {
        body.as_str().unwrap_or_default().clone_into(&mut parameter.description);
        return Ok(parameter);
    }
    let what = format!("parameter `{}`", parameter.name);
    let mut required = None;
    for entry in body.entries()? {
        let value = &entry.value;
        let key = match entry.key.as_str() {
            "additionalProperties" => "additional_properties",
            "anyOf" => "any_of",
            key => key,
        };
        if key == "default" {
            parameter.default = Some(value.to_json());
            continue;
        }
        if value.is_null() {
            continue;
        }
        let about = |error: YamlError| error.about(&entry.key);
        match key {
            "name" | "json_schema_extra" => {}
            "type" => parameter.types = types(value, warnings).map_err(about)?,
            "description" => parameter.description = text(value).map_err(about)?,
            "required" => required = Some(value.as_bool().map_err(about)?),
            "enum" => parameter.choices = value.items().map_err(about)?.iter().map(Node::to_json).collect(),
            "additional_properties" => {
                parameter.schema.insert("additionalProperties".into(), value.to_json());
            }
            "any_of" => _ = parameter.schema.insert("anyOf".into(), value.to_json()),
            "items" | "properties" | "format" | "minimum" | "maximum" | "pattern" | "examples" => {
                parameter.schema.insert(key.to_owned(), value.to_json());
            }
            _ => warnings.push(unknown_key(entry, &what, PARAMETER_KEYS)),
        }
    }
    // Choices of a text parameter are texts, also where YAML reads `1` or `yes` otherwise.
    if parameter.types == ["string"]
        && let Some(choices) = body.get("enum").and_then(|choices| choices.items().ok())
    {
        parameter.choices = choices
            .iter()
            .map(|choice| choice.as_str().map_or_else(|_| choice.to_json(), Value::from))
            .collect();
        if let Some(default) = body.get("default").and_then(|default| default.as_str().ok()) {
            parameter.default = Some(Value::from(default));
        }
    }
    normalise(&mut parameter.schema);
    parameter.required = required.unwrap_or(parameter.default.is_none());
    Ok(parameter)
}

fn types(node: &Node, warnings: &mut Vec<Warning>) -> Result<Vec<String>, YamlError> {
    let mut types = texts(node)?;
    for name in &mut types {
        let known = match name.as_str() {
            "str" | "text" => "string",
            "int" => "integer",
            "float" | "double" => "number",
            "bool" => "boolean",
            "list" => "array",
            "dict" | "map" => "object",
            known if TYPES.contains(&known) => continue,
            unknown => {
                warnings.push(node.warning(format!("unknown type `{unknown}`, `string` is taken")));
                "string"
            }
        };
        known.clone_into(name);
    }
    types.dedup();
    Ok(types)
}

/// Inside `items` and `properties` too, JSON Schema's own spelling is what a model gets.
fn normalise(schema: &mut Map<String, Value>) {
    for (from, to) in [("additional_properties", "additionalProperties"), ("any_of", "anyOf")] {
        if let Some(value) = schema.remove(from) {
            schema.insert(to.to_owned(), value);
        }
    }
    for value in schema.values_mut() {
        descend(value);
    }
}

fn descend(value: &mut Value) {
    match value {
        Value::Object(map) => normalise(map),
        Value::Array(items) => items.iter_mut().for_each(descend),
        _ => {}
    }
}
