//! A toolset as one file tells it: every field may be missing, since a later file may change a single one.
//!
//! Nothing here refuses a file. A mistake makes its toolset broken, with the place; the rest is read.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::config::yaml::{Entry, Kind, Node, Warning, YamlError, nearest};
use crate::shell::template;

use super::containers::Section;
use super::fields::{duration, name_of, text, texts, unknown_key};
use super::filling::Filling;
use super::tool::{Defaults, Told, tool};
use super::{Prerequisite, Toolset, prerequisites};

pub(super) const TOOLSET_KEYS: &[&str] = &[
    "name",
    "enabled",
    "description",
    "docs_url",
    "icon_url",
    "installation_instructions",
    "prerequisites",
    "tools",
    "tags",
    "config",
    "llm_instructions",
    "transformers",
    "transformer_configs",
    "approval_required_tools",
    "type",
    "subtype",
    "url",
    "headers",
    "experimental",
    "expose_remotely",
    "status_refresh_interval_seconds",
    "additional_instructions",
    "restricted_tools",
    "is_default",
    "timeout",
    "read_only",
    "output",
    "env",
    "workdir",
    "writable",
    "contained",
    "allow_options",
    "prelude",
    "examples",
    "path",
    "status",
    "error",
    "meta",
];

const PREREQUISITE_KEYS: &[&str] = &[
    "command",
    "expected_output",
    "timeout",
    "env",
    "one_of",
    "program",
    "enabled",
    "disabled_reason",
    "name",
    "description",
];

const TAGS: &[&str] = &["core", "cluster", "cli"];

/// What one place says of a toolset.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub name: String,
    pub enabled: Option<bool>,
    /// `enabled: auto`.
    pub auto: bool,
    /// Plain fields; empty ones are not said.
    pub said: Toolset,
    pub defaults: Defaults,
    /// `None`: not said; a list may be empty.
    pub tools: Option<Vec<Told>>,
    pub experimental: Option<bool>,
    pub expose_remotely: Option<bool>,
    /// `mcp`, `http`, …; `None` for commands.
    pub kind: Option<String>,
    /// Says more than whether it is on and how it is configured.
    pub defines: bool,
    pub broken: Option<String>,
    /// Names in `config` that the environment lacks: void where a later file gives another `config`.
    pub missing: Option<String>,
    /// Where its name stands, for what is said about it later.
    pub place: Option<Warning>,
}

impl Part {
    /// A warning about the toolset as a whole.
    pub(super) fn warning(&self, message: String) -> Warning {
        match &self.place {
            Some(place) => Warning { message, ..place.clone() },
            None => Warning::about_file("", message),
        }
    }
}

/// What reading a section needs and what it leaves behind.
pub(super) struct Reading<'a> {
    pub env: &'a BTreeMap<String, String>,
    pub warnings: &'a mut Vec<Warning>,
}

/// Every toolset of a section: a map by name or, in the older form, a list.
pub(super) fn parts(section: &Section<'_>, reading: &mut Reading<'_>) -> Vec<Part> {
    let mut found = Vec::new();
    match &section.node.kind {
        Kind::Mapping(entries) => {
            for entry in entries {
                if entry.key.trim().is_empty() {
                    reading.warnings.push(entry.warning("a toolset with an empty name is left out, name it"));
                    continue;
                }
                found.push(part(entry.key.clone(), &entry.value, entry.warning(""), section.mcp, reading));
            }
        }
        Kind::Sequence(items) => {
            for item in items {
                match name_of(item) {
                    Some(name) => found.push(part(name, item, item.warning(""), section.mcp, reading)),
                    None => {
                        reading.warnings.push(item.warning("a toolset without a `name` is left out"));
                    }
                }
            }
        }
        Kind::Scalar { .. } => {
            let message = format!("toolsets need to be a map, got {}", section.node.describe());
            reading.warnings.push(section.node.warning(message));
        }
    }
    found
}

fn part(name: String, body: &Node, place: Warning, mcp: bool, reading: &mut Reading<'_>) -> Part {
    let mut part = Part {
        name,
        kind: mcp.then(|| "mcp".to_owned()),
        defines: mcp,
        place: Some(place),
        ..Part::default()
    };
    let entries = match body.entries() {
        Ok(entries) => entries,
        Err(error) => {
            part.defines = true;
            part.broken = Some(error.about(&part.name).inline());
            return part;
        }
    };
    let what = format!("toolset `{}`", part.name);
    let mut config = Filling::new(reading.env);
    let mut words = Filling::new(reading.env);
    // The type first: what the others mean depends on it.
    let (typed, others): (Vec<&Entry>, Vec<&Entry>) =
        entries.iter().partition(|entry| ["type", "url"].contains(&entry.key.as_str()));
    for entry in typed.into_iter().chain(others) {
        let taken = match entry.key.as_str() {
            key if part.kind.as_deref() == Some("mcp") && beside(key, &entry.value) => {
                part.defines = true;
                let filled = config.value(&entry.value);
                part.said.config.entry(key.to_owned()).or_insert(filled);
                Ok(true)
            }
            "config" | "url" | "headers" => field(&mut part, entry, &mut config, reading.warnings),
            _ => field(&mut part, entry, &mut words, reading.warnings),
        };
        match taken {
            Ok(true) => {}
            Ok(false) => reading.warnings.push(unknown_key(entry, &what, TOOLSET_KEYS)),
            Err(error) => {
                part.broken.get_or_insert(error.about(&entry.key).inline());
            }
        }
    }
    if let Some(tools) = body.get("tools").filter(|tools| !tools.is_null()) {
        part.tools = Some(read_tools(tools, &what, &mut words, reading.warnings, &mut part.broken));
    }
    if part.kind.as_deref() == Some("mcp") {
        mode(&mut part.said.config);
    }
    part.missing = config.reason(Some("config"));
    if let Some(reason) = words.reason(None) {
        part.broken.get_or_insert(reason);
    }
    part
}

/// Ways to reach an MCP server. Older files name them as the `type`, of the server or of its `config`.
const TRANSPORTS: &[&str] = &["sse", "stdio", "streamable-http", "http"];

/// What older files have beside an MCP server's `config`. Our own `env` is a list of names.
fn beside(key: &str, value: &Node) -> bool {
    match key {
        "command" | "args" | "cwd" | "workdir" | "mode" | "transport" | "verify_ssl" | "extra_headers"
        | "timeout" | "health_check_tool" => true,
        "env" => matches!(value.kind, Kind::Mapping(_)),
        _ => false,
    }
}

/// The older `config.type`, under today's name.
fn mode(config: &mut Map<String, Value>) {
    let old = config.get("type").and_then(Value::as_str).filter(|name| TRANSPORTS.contains(name));
    if let (Some(old), false) = (old.map(str::to_owned), config.contains_key("mode")) {
        config.shift_remove("type");
        config.insert("mode".to_owned(), Value::from(if old == "http" { "streamable-http" } else { &old }));
    }
}

/// Takes one key; `Ok(false)` when it is not part of the format.
fn field(
    part: &mut Part,
    entry: &Entry,
    filling: &mut Filling<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<bool, YamlError> {
    let value = &entry.value;
    let key = entry.key.as_str();
    // Other clients' files switch a server off so.
    if part.kind.as_deref() == Some("mcp") && key == "disabled" {
        part.enabled = Some(!value.as_bool()?);
        return Ok(true);
    }
    if !TOOLSET_KEYS.contains(&key) {
        return Ok(false);
    }
    if value.is_null() {
        return Ok(true);
    }
    part.defines |= !["name", "enabled", "config", "is_default"].contains(&key);
    let said = &mut part.said;
    match key {
        "name" if value.as_str().is_ok_and(|name| name != part.name) => {
            let message = format!("`name` differs from the toolset's key, `{}` is used", part.name);
            warnings.push(value.warning(message));
        }
        "enabled" if value.as_str().is_ok_and(|text| text == "auto") => {
            part.enabled = Some(true);
            part.auto = true;
        }
        "enabled" => part.enabled = Some(value.as_bool()?),
        "description" => said.description = filling.text(value)?,
        "docs_url" => said.docs_url = Some(filling.text(value)?),
        "icon_url" => said.icon_url = Some(filling.text(value)?),
        "subtype" => said.subtype = Some(text(value)?),
        "installation_instructions" => said.installation_instructions = Some(text(value)?),
        "prerequisites" => said.prerequisites = read_prerequisites(value, warnings)?,
        "tags" => said.tags = tags(value, warnings)?,
        "config" => config(said, value, filling, warnings),
        "llm_instructions" => said.llm_instructions = Some(filling.text(value)?),
        "approval_required_tools" => said.approval_required_tools = texts(value)?,
        "experimental" => part.experimental = Some(value.as_bool()?),
        "expose_remotely" => part.expose_remotely = Some(value.as_bool()?),
        "status_refresh_interval_seconds" => said.status_refresh_interval = Some(duration(value)?),
        "type" => {
            let name = text(value)?;
            let listed = part.kind.as_deref() == Some("mcp");
            if name != "mcp" && TRANSPORTS.contains(&name.as_str()) && (listed || name != "http") {
                said.config.entry("type".to_owned()).or_insert_with(|| Value::from(name));
                part.kind = Some("mcp".to_owned());
            } else if !listed {
                part.kind = Some(name);
            } else if name != "mcp" {
                let message = format!("`type: {name}` has no effect under `mcp_servers`");
                warnings.push(value.warning(message));
            }
        }
        // The older form of an MCP server: address and headers beside the description, no type.
        "url" | "headers" => {
            if part.kind.is_none() && key == "url" {
                part.kind = Some("mcp".to_owned());
            }
            let filled = filling.value(value);
            said.config.entry(key.to_owned()).or_insert(filled);
        }
        "restricted_tools" => {
            warnings.push(entry.warning("`restricted_tools` has no effect, use `approval_required_tools`"));
        }
        _ => _ = part.defaults.take(entry, warnings)?,
    }
    Ok(true)
}

/// What stands in the map itself goes before what the older form has beside it.
fn config(said: &mut Toolset, node: &Node, filling: &mut Filling<'_>, warnings: &mut Vec<Warning>) {
    if let Value::Object(config) = filling.value(node) {
        said.config.extend(config);
        return;
    }
    let message = format!("`config` needs to be a map, got {}, it is left out", node.describe());
    warnings.push(node.warning(message));
}

fn tags(node: &Node, warnings: &mut Vec<Warning>) -> Result<Vec<String>, YamlError> {
    let tags = texts(node)?;
    for tag in tags.iter().filter(|tag| !TAGS.contains(&tag.as_str())) {
        let near = nearest(tag, TAGS).map(|near| format!(", did you mean `{near}`?"));
        let near = near.unwrap_or_else(|| format!("; known: `{}`", TAGS.join("`, `")));
        warnings.push(node.warning(format!("unknown tag `{tag}`{near}")));
    }
    Ok(tags)
}

fn read_tools(
    node: &Node,
    what: &str,
    filling: &mut Filling<'_>,
    warnings: &mut Vec<Warning>,
    broken: &mut Option<String>,
) -> Vec<Told> {
    let items = match node.items() {
        Ok(items) => items,
        Err(error) => {
            broken.get_or_insert(error.about("tools").inline());
            return Vec::new();
        }
    };
    let mut tools: Vec<Told> = Vec::new();
    let mut names = BTreeSet::new();
    for item in items {
        let Some(told) = tool(item, filling, warnings) else { continue };
        let name = &told.tool.name;
        if !names.insert(name.clone()) {
            warnings.push(item.warning(format!("{what} has two tools `{name}`, this one counts")));
            tools.retain(|earlier| earlier.tool.name != *name);
        }
        tools.push(told);
    }
    tools
}

/// A list of maps and plain commands, or one of them.
fn read_prerequisites(node: &Node, warnings: &mut Vec<Warning>) -> Result<Vec<Prerequisite>, YamlError> {
    let mut found = Vec::new();
    match &node.kind {
        Kind::Sequence(items) => {
            for item in items {
                prerequisite(item, &mut found, warnings)?;
            }
        }
        _ => prerequisite(node, &mut found, warnings)?,
    }
    Ok(found)
}

/// The command of a prerequisite. HolmesGPT gives it to the shell as it stands: what is no template of ours is
/// some program's own, `docker info --format '{{ .ServerVersion }}'`.
fn checking(node: &Node) -> Result<String, YamlError> {
    let text = Filling::command(node)?;
    let foreign = text.contains('{') && template::variables(&text).is_err() && !text.contains("endraw");
    Ok(if foreign { format!("{{% raw %}}{text}{{% endraw %}}") } else { text })
}

fn prerequisite(
    node: &Node,
    found: &mut Vec<Prerequisite>,
    warnings: &mut Vec<Warning>,
) -> Result<(), YamlError> {
    if node.is_null() {
        return Ok(());
    }
    let command = |command: String| Prerequisite::Command {
        command,
        expected_output: None,
        timeout: prerequisites::DEADLINE,
    };
    if let Kind::Scalar { .. } = node.kind {
        found.push(command(checking(node)?));
        return Ok(());
    }
    let before = found.len();
    for entry in node.entries()? {
        let value = &entry.value;
        if value.is_null() {
            continue;
        }
        let about = |error: YamlError| error.about(&entry.key);
        match entry.key.as_str() {
            "command" => {
                let mut read = command(checking(value).map_err(about)?);
                if let Prerequisite::Command { expected_output, timeout, .. } = &mut read {
                    let given = |key: &str| node.get(key).filter(|value| !value.is_null());
                    if let Some(expected) = given("expected_output") {
                        *expected_output = Some(text(expected).map_err(|e| e.about("expected_output"))?);
                    }
                    if let Some(given) = given("timeout") {
                        *timeout = duration(given).map_err(|e| e.about("timeout"))?;
                    }
                }
                found.push(read);
            }
            "env" => found.push(Prerequisite::Env(texts(value).map_err(about)?)),
            "one_of" => found.push(Prerequisite::OneOf(texts(value).map_err(about)?)),
            "program" => found.push(Prerequisite::Program(texts(value).map_err(about)?)),
            "enabled" => {
                let reason = node.get("disabled_reason").filter(|reason| !reason.is_null());
                let reason = reason.map(text).transpose().map_err(|e| e.about("disabled_reason"))?;
                found.push(Prerequisite::Static { enabled: value.as_bool().map_err(about)?, reason });
            }
            key if PREREQUISITE_KEYS.contains(&key) => {}
            _ => warnings.push(unknown_key(entry, "a prerequisite", PREREQUISITE_KEYS)),
        }
    }
    if found.len() == before {
        // HolmesGPT takes it as an empty list of names, which always holds.
        let message = "a prerequisite that checks nothing is left out: it needs `command`, `env`, `one_of`, \
                       `program` or `enabled`";
        warnings.push(node.warning(message));
    }
    Ok(())
}
