//! A toolset as one file tells it: every field may be missing, since a later file may change a single one.
//!
//! Nothing here refuses a file. A mistake makes its toolset broken, with the place; the rest is read.

use serde_json::{Map, Value};

use crate::config::yaml::{Entry, Kind, Node, Warning, YamlError};

use super::containers::Section;
use super::fields::{duration, name_of, text, texts, unknown_key};
use super::tool::{Defaults, tool};
use super::{Prerequisite, ToolDefinition, prerequisites};

const TOOLSET_KEYS: &[&str] = &[
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
    "allow_options",
    "examples",
];

/// Keys of an MCP server that may stand beside its description instead of in `config`.
const SERVER_KEYS: &[&str] = &[
    "url",
    "headers",
    "extra_headers",
    "command",
    "args",
    "env",
    "cwd",
    "workdir",
    "mode",
    "transport",
    "timeout",
    "verify_ssl",
];

const PREREQUISITE_KEYS: &[&str] =
    &["command", "expected_output", "timeout", "env", "enabled", "disabled_reason", "name", "description"];

/// What one place says of a toolset.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub name: String,
    pub enabled: Option<bool>,
    /// `enabled: auto`.
    pub auto: bool,
    pub description: Option<String>,
    pub docs_url: Option<String>,
    pub installation_instructions: Option<String>,
    pub prerequisites: Vec<Prerequisite>,
    pub tools: Vec<ToolDefinition>,
    pub tags: Vec<String>,
    pub config: Map<String, Value>,
    pub llm_instructions: Option<String>,
    pub additional_instructions: Option<String>,
    pub approval_required_tools: Vec<String>,
    /// `mcp`, `http`, …; `None` for commands.
    pub kind: Option<String>,
    /// Says more than whether it is on and how it is configured.
    pub defines: bool,
    pub broken: Option<String>,
    /// Where its name stands, for what is said about it later.
    pub place: Warning,
}

/// Every toolset of a section: a map by name or, in the older form, a list.
pub(super) fn parts(section: &Section, warnings: &mut Vec<Warning>) -> Vec<Part> {
    let mut found = Vec::new();
    match &section.node.kind {
        Kind::Mapping(entries) => {
            for entry in entries {
                found.push(part(entry.key.clone(), &entry.value, entry.warning(""), section.mcp, warnings));
            }
        }
        Kind::Sequence(items) => {
            for item in items {
                match name_of(item) {
                    Some(name) => found.push(part(name, item, item.warning(""), section.mcp, warnings)),
                    None => warnings.push(item.warning("a toolset without a `name` is left out")),
                }
            }
        }
        Kind::Scalar { .. } => {
            let message = format!("toolsets need to be a map, got {}", section.node.describe());
            warnings.push(section.node.warning(message));
        }
    }
    found
}

fn part(name: String, body: &Node, place: Warning, mcp: bool, warnings: &mut Vec<Warning>) -> Part {
    let mut part = Part {
        name,
        enabled: None,
        auto: false,
        description: None,
        docs_url: None,
        installation_instructions: None,
        prerequisites: Vec::new(),
        tools: Vec::new(),
        tags: Vec::new(),
        config: Map::new(),
        llm_instructions: None,
        additional_instructions: None,
        approval_required_tools: Vec::new(),
        kind: mcp.then(|| "mcp".to_owned()),
        defines: mcp,
        broken: None,
        place,
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
    let mut defaults = Defaults::default();
    for entry in entries {
        match field(&mut part, &mut defaults, entry, warnings) {
            Ok(true) => {}
            Ok(false) => warnings.push(unknown_key(entry, &what, TOOLSET_KEYS)),
            Err(error) => {
                part.broken.get_or_insert(error.about(&entry.key).inline());
            }
        }
    }
    part.additional_instructions.clone_from(&defaults.additional_instructions);
    // Read last: the defaults may stand below the tools.
    if let Some(tools) = body.get("tools").filter(|tools| !tools.is_null()) {
        part.tools = read_tools(tools, &defaults, &what, warnings, &mut part.broken);
    }
    part
}

/// Takes one key; `Ok(false)` when it is not part of the format.
fn field(
    part: &mut Part,
    defaults: &mut Defaults,
    entry: &Entry,
    warnings: &mut Vec<Warning>,
) -> Result<bool, YamlError> {
    let value = &entry.value;
    let key = entry.key.as_str();
    if part.kind.as_deref() == Some("mcp") && server_key(part, key, value) {
        part.defines = true;
        return Ok(true);
    }
    if !TOOLSET_KEYS.contains(&key) {
        return Ok(false);
    }
    if value.is_null() {
        return Ok(true);
    }
    part.defines |= !["name", "enabled", "config", "is_default"].contains(&key);
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
        "description" => part.description = Some(text(value)?),
        "docs_url" => part.docs_url = Some(text(value)?),
        "installation_instructions" => part.installation_instructions = Some(text(value)?),
        "prerequisites" => part.prerequisites = read_prerequisites(value, warnings)?,
        "tags" => part.tags = texts(value)?,
        "config" => {
            value.entries()?;
            if let Value::Object(config) = value.to_json() {
                part.config.extend(config);
            }
        }
        "llm_instructions" => part.llm_instructions = Some(text(value)?),
        "approval_required_tools" => part.approval_required_tools = texts(value)?,
        "type" => part.kind = Some(text(value)?),
        // The older form of an MCP server: address and headers beside the description, no type.
        "url" | "headers" => {
            if part.kind.is_none() && key == "url" {
                part.kind = Some("mcp".to_owned());
            }
            part.config.entry(key.to_owned()).or_insert_with(|| value.to_json());
        }
        "restricted_tools" => {
            warnings.push(entry.warning("`restricted_tools` has no effect, use `approval_required_tools`"));
        }
        _ => _ = defaults.take(entry)?,
    }
    Ok(true)
}

/// What other clients' files say of an MCP server beside its description: it belongs to `config`, whose own
/// word counts more. `false` for a key that is none of these.
fn server_key(part: &mut Part, key: &str, value: &Node) -> bool {
    let kind = value.as_str().unwrap_or_default();
    match key {
        "type" if !kind.is_empty() && kind != "mcp" => {
            part.config.entry("mode".to_owned()).or_insert_with(|| value.to_json());
        }
        "disabled" => part.enabled = value.as_bool().ok().map(|disabled| !disabled),
        _ if SERVER_KEYS.contains(&key) => {
            part.config.entry(key.to_owned()).or_insert_with(|| value.to_json());
        }
        _ => return false,
    }
    true
}

fn read_tools(
    node: &Node,
    defaults: &Defaults,
    what: &str,
    warnings: &mut Vec<Warning>,
    broken: &mut Option<String>,
) -> Vec<ToolDefinition> {
    let items = match node.items() {
        Ok(items) => items,
        Err(error) => {
            broken.get_or_insert(error.about("tools").inline());
            return Vec::new();
        }
    };
    let mut tools: Vec<ToolDefinition> = Vec::new();
    for item in items {
        let Some(tool) = tool(item, defaults, warnings) else { continue };
        if tools.iter().any(|earlier| earlier.name == tool.name) {
            warnings.push(item.warning(format!("{what} has two tools `{}`, this one counts", tool.name)));
            tools.retain(|earlier| earlier.name != tool.name);
        }
        tools.push(tool);
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
        found.push(command(text(node)?));
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
                let mut read = command(text(value).map_err(about)?);
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
        return Err(node.error("a prerequisite needs `command`, `env` or `enabled`"));
    }
    Ok(())
}
