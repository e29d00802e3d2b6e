//! Reads every source, weakest first. What a toolset becomes of it is `merge`'s business.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::config::embedded;
use crate::config::yaml::{self, Document, Node, Warning, YamlError};

use super::containers::{Section, sections};
use super::merge::Layers;
use super::parse::{Reading, parts};
use super::{Toolset, Toolsets, builtin, database};

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
    let mut merge = Reader::new(env);
    for file in builtin::files(sources.catalogue.as_deref(), &mut merge.warnings) {
        let read = if file.replaced { decode(&file.text, &file.place) } else { of_binary(&file) };
        match read {
            Ok(documents) => merge.documents(&documents, if file.replaced { &file.place } else { "builtin" }),
            Err(error) => merge.unreadable(&file.place, &error.into()),
        }
    }
    if let Some(path) = &sources.location {
        merge.path(path)?;
    }
    for (key, node) in &sources.blocks {
        let section = Section { node: Cow::Borrowed(*node), mcp: *key == "mcp_servers" };
        merge.section(&section, node.file());
    }
    for path in &sources.files {
        merge.path(path)?;
    }
    merge.asked = true;
    for path in &sources.extra {
        merge.path(path)?;
    }
    let Reader { layers, warnings, .. } = merge;
    let mut toolsets = layers.finished();
    database::equip(&mut toolsets);
    Ok(Loaded { toolsets, warnings })
}

struct Reader<'a> {
    env: &'a BTreeMap<String, String>,
    layers: Layers,
    warnings: Vec<Warning>,
    /// In paths of the command line.
    asked: bool,
}

impl<'a> Reader<'a> {
    fn new(env: &'a BTreeMap<String, String>) -> Self {
        Self { env, layers: Layers::default(), warnings: Vec::new(), asked: false }
    }

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
        let bytes = super::lint::bytes(path).map_err(failed)?;
        let place = path.display().to_string();
        let documents = decode(&bytes, &place)?;
        self.documents(&documents, &place);
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
        self.layers.add(toolset);
    }

    fn documents(&mut self, documents: &[Document], origin: &str) {
        for document in documents {
            self.warnings.extend(document.warnings.iter().cloned());
        }
        if documents.iter().all(|document| document.node.is_null()) {
            let message = "is empty, a top-level `toolsets:` is needed";
            self.warnings.push(Warning::about_file(origin, message));
        }
        let nodes: Vec<&Node> = documents.iter().map(|document| &document.node).collect();
        for section in sections(&nodes, &mut self.warnings) {
            self.section(&section, origin);
        }
    }

    fn section(&mut self, section: &Section<'_>, origin: &str) {
        let mut reading = Reading { env: self.env, warnings: &mut self.warnings };
        for part in parts(section, &mut reading) {
            self.layers.part(part, origin, &mut self.warnings);
        }
    }
}

fn decode(bytes: &[u8], place: &str) -> Result<Vec<Document>, YamlError> {
    yaml::parse_all(&yaml::decode(bytes, place)?, place)
}

fn of_binary(file: &builtin::Builtin) -> Result<Vec<Document>, YamlError> {
    embedded::documents(&file.place, &String::from_utf8_lossy(&file.text))
}

/// The embedded files by name without their ending, each read by itself.
pub(super) fn catalogue() -> Vec<(String, Loaded)> {
    let mut warnings = Vec::new();
    let env = BTreeMap::new();
    builtin::files(None, &mut warnings)
        .iter()
        .map(|file| {
            let mut reader = Reader::new(&env);
            match of_binary(file) {
                Ok(documents) => reader.documents(&documents, "builtin"),
                Err(error) => reader.unreadable(&file.place, &error.into()),
            }
            let name = Path::new(&file.place).file_stem().map(|name| name.to_string_lossy().into_owned());
            let toolsets = reader.layers.finished();
            (name.unwrap_or_default(), Loaded { toolsets, warnings: reader.warnings })
        })
        .collect()
}
