//! Puts what several places say of a toolset on top of each other: later ones win, field by field, where they
//! say something. An empty value says nothing, as in HolmesGPT.

use std::collections::BTreeMap;

use crate::config::yaml::{Warning, nearest};

use super::infer;
use super::parse::Part;
use super::tool::{Defaults, Told, replace};
use super::{Toolset, ToolsetKind, Toolsets};

/// Every toolset read so far.
#[derive(Debug, Default)]
pub(super) struct Layers(BTreeMap<String, Layer>);

/// One toolset as far as it is known.
#[derive(Debug, Default)]
struct Layer {
    toolset: Toolset,
    defaults: Defaults,
    tools: Vec<Told>,
    /// Names in `config` that the environment lacks.
    missing: Option<String>,
    /// Why it has nothing to offer, for as long as no later place gives it tools.
    bare: Option<String>,
}

impl Layers {
    /// A toolset as it stands.
    pub(super) fn add(&mut self, toolset: Toolset) {
        self.0.insert(toolset.name.clone(), Layer { toolset, ..Layer::default() });
    }

    pub(super) fn part(&mut self, mut part: Part, origin: &str, warnings: &mut Vec<Warning>) {
        // HolmesGPT's name of it.
        if part.name == "bash" && !part.defines && self.0.contains_key("bash/core") {
            "bash/core".clone_into(&mut part.name);
        }
        let known = self.0.contains_key(&part.name);
        if !known && !part.defines && part.broken.is_none() {
            let names: Vec<&str> = self.0.keys().map(String::as_str).collect();
            let near = nearest(&part.name, &names).map(|near| format!(", did you mean `{near}`?"));
            let message = format!("there is no toolset `{}`{}", part.name, near.unwrap_or_default());
            warnings.push(part.warning(message));
            return;
        }
        let layer = self.0.entry(part.name.clone()).or_insert_with(|| Layer {
            toolset: Toolset { name: part.name.clone(), enabled: true, ..Toolset::default() },
            ..Layer::default()
        });
        if !known && part.tools.is_none() && part.broken.is_none() {
            let message =
                format!("toolset `{}` has no `tools`, and none of that name is changed by it", part.name);
            layer.bare = Some(part.warning(message).to_string());
        }
        layer.take(part, origin);
    }

    /// The toolsets, complete.
    pub(super) fn finished(self) -> Toolsets {
        self.0.into_iter().map(|(name, layer)| (name, layer.finished())).collect()
    }
}

impl Layer {
    fn take(&mut self, part: Part, origin: &str) {
        let toolset = &mut self.toolset;
        let unknown = part.kind.as_deref().and_then(|kind| {
            let known = kind_of(kind, toolset.kind);
            toolset.kind = known.unwrap_or(toolset.kind);
            let message = || {
                format!("type `{kind}` is not known; known: `http`, `mcp`, `database`, `mongodb`, none for commands")
            };
            known.is_none().then(|| part.warning(message()).to_string())
        });
        // Whoever switches it on or configures it wants to know why it does not work.
        if part.enabled.is_some() || !part.said.config.is_empty() {
            toolset.auto = part.auto;
        }
        // Tools that are said anew also say anew whether they can be read.
        let anew = part.tools.as_ref().is_some_and(|tools| !tools.is_empty());
        if part.broken.is_some() || unknown.is_some() || anew {
            toolset.broken = part.broken.or(unknown);
        }
        toolset.enabled = part.enabled.unwrap_or(toolset.enabled);
        toolset.experimental = part.experimental.unwrap_or(toolset.experimental);
        toolset.expose_remotely = part.expose_remotely.unwrap_or(toolset.expose_remotely);
        let said = part.said;
        if !said.description.is_empty() {
            toolset.description = said.description;
        }
        text(&mut toolset.docs_url, said.docs_url);
        text(&mut toolset.icon_url, said.icon_url);
        text(&mut toolset.subtype, said.subtype);
        text(&mut toolset.installation_instructions, said.installation_instructions);
        text(&mut toolset.llm_instructions, said.llm_instructions);
        replace(&mut toolset.prerequisites, said.prerequisites);
        replace(&mut toolset.tags, said.tags);
        replace(&mut toolset.approval_required_tools, said.approval_required_tools);
        toolset.status_refresh_interval = said.status_refresh_interval.or(toolset.status_refresh_interval);
        if !said.config.is_empty() {
            toolset.config = said.config;
            self.missing = part.missing;
        }
        if anew {
            // What speaks of the commands themselves was said of those before: `read_only` of ours is no word on
            // theirs, nor is our prelude theirs.
            let Defaults { timeout, env, workdir, .. } = std::mem::take(&mut self.defaults);
            self.defaults = Defaults { timeout, env, workdir, ..Defaults::default() };
        }
        replace(&mut self.tools, part.tools.unwrap_or_default());
        self.defaults.overlay(part.defaults);
        origin.clone_into(&mut toolset.origin);
    }

    fn finished(self) -> Toolset {
        let Self { mut toolset, defaults, tools, missing, bare } = self;
        let shared = infer::of_prelude(defaults.prelude.as_deref());
        toolset.tools = tools.into_iter().map(|told| told.completed_with(&defaults, &shared)).collect();
        toolset.additional_instructions = defaults.additional_instructions;
        toolset.prelude = defaults.prelude;
        toolset.transformers = defaults.transformers;
        toolset.examples = defaults.examples;
        let bare = bare.filter(|_| toolset.kind == ToolsetKind::Commands && toolset.tools.is_empty());
        toolset.broken = toolset.broken.or(missing).or(bare);
        toolset
    }
}

fn kind_of(kind: &str, so_far: ToolsetKind) -> Option<ToolsetKind> {
    Some(match kind {
        "mcp" => ToolsetKind::Mcp,
        "http" => ToolsetKind::Http,
        "database" => ToolsetKind::Database,
        "mongodb" => ToolsetKind::Mongodb,
        // HolmesGPT's own words for what is no type: where a toolset comes from.
        "command" | "commands" | "builtin" | "built-in" | "custom" | "customized" => so_far,
        _ => return None,
    })
}

fn text(slot: &mut Option<String>, value: Option<String>) {
    if let Some(value) = value.filter(|text| !text.is_empty()) {
        *slot = Some(value);
    }
}
