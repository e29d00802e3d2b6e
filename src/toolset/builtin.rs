//! The toolsets that are part of the binary, and the folder that may replace them.

use std::path::Path;

use include_dir::{Dir, include_dir};

use crate::config::yaml::Warning;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/toolsets");

/// A file of the catalogue.
pub(super) struct Builtin {
    /// `toolsets/host.yaml`, or the path of the file that stands for it.
    pub place: String,
    pub text: Vec<u8>,
    /// From the folder, not from the binary.
    pub replaced: bool,
}

/// Embedded files by name; a file of `folder` replaces the one of its name or is added.
pub(super) fn files(folder: Option<&Path>, warnings: &mut Vec<Warning>) -> Vec<Builtin> {
    let mut names: Vec<(String, Builtin)> = EMBEDDED
        .files()
        .filter(|file| is_yaml(file.path()))
        .map(|file| {
            let name = file.path().display().to_string();
            let place = format!("toolsets/{name}");
            (name, Builtin { place, text: file.contents().to_vec(), replaced: false })
        })
        .collect();
    for path in folder.map(|folder| yaml_files(folder, warnings)).unwrap_or_default() {
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else { continue };
        match std::fs::read(&path) {
            Ok(text) => {
                names.retain(|(known, _)| *known != name);
                names.push((name, Builtin { place: path.display().to_string(), text, replaced: true }));
            }
            Err(error) => warnings.push(Warning::about_file(&path.display().to_string(), error.to_string())),
        }
    }
    names.sort_by(|(one, _), (other, _)| one.cmp(other));
    names.into_iter().map(|(_, file)| file).collect()
}

pub(super) fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

/// Every `*.yaml` and `*.yml` of a folder, sorted, without those an editor or a volume mount hides.
pub(super) fn yaml_files(folder: &Path, warnings: &mut Vec<Warning>) -> Vec<std::path::PathBuf> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            warnings.push(Warning::about_file(&folder.display().to_string(), error.to_string()));
            return Vec::new();
        }
    };
    let hidden = |path: &Path| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_yaml(path) && !hidden(path) && path.is_file())
        .collect();
    paths.sort();
    paths
}
