//! Reads every source and merges them: later sources win, field by field where they say something.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::config::yaml::{self, Document, MAX_BYTES, Node, Warning, YamlError, nearest};

use super::containers::{Section, sections};
use super::parse::{Part, parts};
use super::{Toolset, ToolsetKind, Toolsets, builtin};

/// Where toolsets are read from, weakest first.
#[derive(Debug, Clone, Default)]
pub struct Sources<'a> {
    /// A folder whose files stand for the embedded ones.
    pub catalogue: Option<PathBuf>,
    /// `CUSTOM_TOOLSET_LOCATION`.
    pub location: Option<PathBuf>,
    /// `toolsets` and `mcp_servers` of configuration files, by their key.
    pub blocks: Vec<(&'a str, &'a Node)>,
    /// `custom_toolsets` of the configuration.
    pub files: Vec<PathBuf>,
    /// `-t`: files and folders a person named for this run.
    pub extra: Vec<PathBuf>,
}

/// What was read, and what was odd about it.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    pub toolsets: Toolsets,
    pub warnings: Vec<Warning>,
}

/// Why the toolsets a person named on the command line cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("no file or folder `{}`", path.display())]
    Missing { path: PathBuf },
    #[error("cannot read `{}`: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Yaml(#[from] YamlError),
}

/// Reads and merges all sources. `env` fills `{{ env.NAME }}` of `config` values.
///
/// # Errors
/// Only for paths in `extra`: a file that was asked for by name and cannot be read is no small matter.
/// Everything else that is wrong becomes a warning or a broken toolset.
pub fn load(sources: &Sources<'_>, env: &BTreeMap<String, String>) -> Result<Loaded, LoadError> {
    let mut merge = Merge::default();
    for file in builtin::files(sources.catalogue.as_deref(), &mut merge.warnings) {
        match decode(&file.text, &file.place) {
            Ok(documents) => merge.documents(documents, if file.replaced { &file.place } else { "builtin" }),
            Err(error) => merge.unreadable(&file.place, &error.into()),
        }
    }
    if let Some(path) = &sources.location {
        merge.path(path)?;
    }
    for (key, node) in &sources.blocks {
        let section = Section { node: (*node).clone(), mcp: *key == "mcp_servers" };
        merge.section(&section, node.file());
    }
    for path in &sources.files {
        merge.path(path)?;
    }
    merge.asked = true;
    for path in &sources.extra {
        merge.path(path)?;
    }
    for toolset in merge.toolsets.values_mut() {
        fill_config(toolset, env);
    }
    Ok(Loaded { toolsets: merge.toolsets, warnings: merge.warnings })
}

#[derive(Default)]
struct Merge {
    toolsets: Toolsets,
    warnings: Vec<Warning>,
    /// In paths of the command line.
    asked: bool,
}

impl Merge {
    fn path(&mut self, path: &Path) -> Result<(), LoadError> {
        if path.is_dir() {
            let found = builtin::yaml_files(path, &mut self.warnings);
            if found.is_empty() {
                let message = "holds no `*.yaml` or `*.yml` file";
                self.warnings.push(Warning::about_file(&path.display().to_string(), message));
            }
            for file in found {
                // Nobody named this very file: its mistakes are its own.
                if let Err(error) = self.file(&file) {
                    self.unreadable(&file.display().to_string(), &error);
                }
            }
            return Ok(());
        }
        match self.file(path) {
            Err(error) if self.asked => Err(error),
            Err(LoadError::Missing { path }) => {
                let message = "no such file or folder, it is left out";
                self.warnings.push(Warning::about_file(&path.display().to_string(), message));
                Ok(())
            }
            Err(error) => {
                self.unreadable(&path.display().to_string(), &error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn file(&mut self, path: &Path) -> Result<(), LoadError> {
        let failed = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => LoadError::Missing { path: path.to_owned() },
            _ => LoadError::Unreadable { path: path.to_owned(), source },
        };
        let mut bytes = Vec::new();
        let file = std::fs::File::open(path).map_err(failed)?;
        // One byte more than is allowed, so that `/dev/zero` ends in the parser's own complaint.
        file.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(failed)?;
        let place = path.display().to_string();
        let documents = decode(&bytes, &place)?;
        self.documents(documents, &place);
        Ok(())
    }

    /// A whole file that says nothing: kept as a failed toolset under the file's name, so that it shows.
    fn unreadable(&mut self, place: &str, error: &LoadError) {
        let reason = match error {
            LoadError::Yaml(error) => error.inline(),
            other => other.to_string(),
        };
        let name = Path::new(place)
            .file_name()
            .map_or_else(|| place.to_owned(), |name| name.to_string_lossy().into_owned());
        let toolset = Toolset {
            name: name.clone(),
            enabled: true,
            description: "a file that cannot be read".to_owned(),
            origin: place.to_owned(),
            broken: Some(reason),
            ..Toolset::default()
        };
        self.toolsets.insert(name, toolset);
    }

    fn documents(&mut self, documents: Vec<Document>, origin: &str) {
        for document in documents {
            self.warnings.extend(document.warnings);
            for section in sections(&document.node, &mut self.warnings) {
                self.section(&section, origin);
            }
        }
    }

    fn section(&mut self, section: &Section, origin: &str) {
        for part in parts(section, &mut self.warnings) {
            self.part(part, origin);
        }
    }

    fn part(&mut self, part: Part, origin: &str) {
        let known = self.toolsets.contains_key(&part.name);
        if !known && !part.defines && part.broken.is_none() {
            let names: Vec<&str> = self.toolsets.keys().map(String::as_str).collect();
            let near = nearest(&part.name, &names).map(|near| format!(", did you mean `{near}`?"));
            let message = format!("there is no toolset `{}`{}", part.name, near.unwrap_or_default());
            self.warnings.push(Warning { message, ..part.place });
            return;
        }
        let toolset = self.toolsets.entry(part.name.clone()).or_insert_with(|| Toolset {
            name: part.name.clone(),
            enabled: true,
            ..Toolset::default()
        });
        if let Some(kind) = part.kind.as_deref() {
            match kind {
                "command" | "commands" | "builtin" | "customized" => {}
                "mcp" => toolset.kind = ToolsetKind::Mcp,
                "http" => toolset.kind = ToolsetKind::Http,
                "database" => toolset.kind = ToolsetKind::Database,
                "mongodb" => toolset.kind = ToolsetKind::Mongodb,
                _ => {
                    let message = format!("type `{kind}` is not known");
                    toolset.broken = Some(Warning { message, ..part.place }.to_string());
                }
            }
        }
        // Whoever switches it on or configures it wants to know why it does not work.
        if part.enabled.is_some() || !part.config.is_empty() {
            toolset.auto = part.auto;
        }
        // Tools that are said anew also say anew whether they can be read.
        if part.broken.is_some() || (!part.tools.is_empty() && part.kind.is_none()) {
            toolset.broken = part.broken;
        }
        set(&mut toolset.enabled, part.enabled);
        set(&mut toolset.experimental, part.experimental);
        set(&mut toolset.description, part.description.filter(|text| !text.is_empty()));
        set_some(&mut toolset.docs_url, part.docs_url);
        set_some(&mut toolset.installation_instructions, part.installation_instructions);
        set_some(&mut toolset.llm_instructions, part.llm_instructions);
        set_some(&mut toolset.additional_instructions, part.additional_instructions);
        set_list(&mut toolset.prerequisites, part.prerequisites);
        set_list(&mut toolset.tools, part.tools);
        set_list(&mut toolset.tags, part.tags);
        set_list(&mut toolset.approval_required_tools, part.approval_required_tools);
        if !part.config.is_empty() {
            toolset.config = part.config;
        }
        origin.clone_into(&mut toolset.origin);
    }
}

fn set<T>(slot: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *slot = value;
    }
}

fn set_some(slot: &mut Option<String>, value: Option<String>) {
    if let Some(value) = value.filter(|text| !text.is_empty()) {
        *slot = Some(value);
    }
}

fn set_list<T>(slot: &mut Vec<T>, value: Vec<T>) {
    if !value.is_empty() {
        *slot = value;
    }
}

fn decode(bytes: &[u8], place: &str) -> Result<Vec<Document>, YamlError> {
    yaml::parse_all(&yaml::decode(bytes, place)?, place)
}

/// `{{ env.NAME }}` in values of `config`. A name that is not set makes this toolset unusable, no other.
fn fill_config(toolset: &mut Toolset, env: &BTreeMap<String, String>) {
    let mut missing = Vec::new();
    for value in toolset.config.values_mut() {
        fill(value, env, &mut missing);
    }
    missing.dedup();
    if !missing.is_empty() && toolset.broken.is_none() {
        let names: Vec<String> = missing.iter().map(|name| format!("`{name}`")).collect();
        let (noun, verb) = if names.len() == 1 { ("variable", "is") } else { ("variables", "are") };
        let names = names.join(", ");
        toolset.broken = Some(format!(
            "{}: environment {noun} {names}, named in `config`, {verb} not set",
            toolset.origin
        ));
    }
}

fn fill(value: &mut Value, env: &BTreeMap<String, String>, missing: &mut Vec<String>) {
    match value {
        Value::String(text) if text.contains("{{") => {
            let mut filled = String::new();
            let mut rest = text.as_str();
            while let Some((before, after)) = rest.split_once("{{") {
                let Some((inner, tail)) = after.split_once("}}") else { break };
                filled.push_str(before);
                match inner.trim().strip_prefix("env.").map(str::trim) {
                    Some(name) if !name.is_empty() => match env.get(name) {
                        Some(value) => filled.push_str(value),
                        None => missing.push(name.to_owned()),
                    },
                    // Templates of other times are not this file's business.
                    _ => {
                        filled.push_str("{{");
                        filled.push_str(inner);
                        filled.push_str("}}");
                    }
                }
                rest = tail;
            }
            filled.push_str(rest);
            *text = filled;
        }
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, env, missing)),
        Value::Object(map) => map.values_mut().for_each(|value| fill(value, env, missing)),
        _ => {}
    }
}

/// The embedded files by name without their ending, each read by itself.
pub(super) fn catalogue() -> Vec<(String, Loaded)> {
    let mut warnings = Vec::new();
    let files = builtin::files(None, &mut warnings);
    files
        .iter()
        .map(|file| {
            let mut merge = Merge::default();
            match decode(&file.text, &file.place) {
                Ok(documents) => merge.documents(documents, "builtin"),
                Err(error) => merge.unreadable(&file.place, &error.into()),
            }
            let name = Path::new(&file.place).file_stem().map(|name| name.to_string_lossy().into_owned());
            (name.unwrap_or_default(), Loaded { toolsets: merge.toolsets, warnings: merge.warnings })
        })
        .collect()
}
