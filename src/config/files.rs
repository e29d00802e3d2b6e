//! Which files are looked for, and reading those that are there.

use std::path::{Path, PathBuf};

use super::env::Environment;
use super::error::ConfigError;
use super::folders::{Folders, expand_home};
use super::layer::{Consulted, FileState, Layer, Role, from_text, read_text};
use super::yaml::Warning;

/// What surrounds a call besides flags and environment; a test has its own.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The current folder.
    pub cwd: PathBuf,
    /// The machine's own folder, `/etc/holmes/config`.
    pub system: PathBuf,
}

impl Surroundings {
    /// Those of a real call; a current folder that is gone counts as `/`.
    pub fn of_process() -> Self {
        Surroundings {
            cwd: std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/")),
            system: PathBuf::from("/etc/holmes/config"),
        }
    }
}

/// The files' layers, strongest first, and what was looked for.
#[derive(Default)]
pub(super) struct Found {
    pub layers: Vec<Layer>,
    pub consulted: Vec<Consulted>,
    pub warnings: Vec<Warning>,
}

/// Which files there are, strongest first, without reading them: what `config path` prints also when one of
/// them is broken.
pub fn look_for(
    asked_for: Option<&Path>,
    environment: &Environment,
    surroundings: &Surroundings,
) -> Vec<Consulted> {
    let folders = Folders::new(environment);
    let users = user_candidates(&folders);
    let mut list = Vec::new();
    let mut note = |path: PathBuf, role: Role, hidden_by: Option<&Path>| {
        // What cannot be told is told by reading it.
        let state = match (path.try_exists().unwrap_or(true), hidden_by) {
            (false, _) => FileState::Missing,
            (true, Some(first)) => FileState::Skipped(format!("{} is used", first.display())),
            (true, None) => FileState::Read,
        };
        list.push(Consulted { path, role, state });
    };
    let project = project_file(&surroundings.cwd);
    let named = named_file(asked_for, environment, &folders);
    // A project file that is asked for by name is the caller's own word.
    let same = |path: &Path| {
        path == project
            || matches!((path.canonicalize(), project.canonicalize()), (Ok(one), Ok(other)) if one == other)
    };
    if !users.contains(&project) && !named.as_ref().is_some_and(|(path, _)| same(path)) {
        note(project, Role::Project, None);
    }
    if let Some((path, _)) = named {
        note(path, Role::User, None);
    } else {
        let first = users.iter().position(|path| path.try_exists().unwrap_or(true));
        for (index, path) in users.iter().enumerate() {
            let hidden_by = first.filter(|first| *first < index).and_then(|first| users.get(first));
            note(path.clone(), Role::User, hidden_by.map(PathBuf::as_path));
        }
    }
    note(surroundings.system.join("config.yaml"), Role::System, None);
    list
}

pub(super) fn read_all(
    asked_for: Option<&Path>,
    environment: &Environment,
    folders: &Folders,
    surroundings: &Surroundings,
) -> Result<Found, ConfigError> {
    let mut found = Found::default();
    let named = named_file(asked_for, environment, folders);
    for mut file in look_for(asked_for, environment, surroundings) {
        let by_name = named.as_ref().filter(|_| file.role == Role::User);
        match (&file.state, by_name) {
            (FileState::Missing, Some((_, None))) => {
                return Err(ConfigError::Unreadable { path: file.path, reason: "no such file".to_owned() });
            }
            // Charts set the name whether or not they mount the file.
            (FileState::Missing, Some((_, Some(variable)))) => {
                found.warn(&file.path, format!("named by `{variable}`, does not exist"));
            }
            (FileState::Read, _) => match read_text(&file.path, by_name.is_some()) {
                Ok(text) => {
                    let text = text.unwrap_or_default();
                    let home = folders.home.as_deref();
                    let layer = from_text(&text, &file.path, file.role, home, &mut found.warnings)?;
                    found.layers.push(layer);
                }
                // Root's file must not lock everybody else out.
                Err(ConfigError::Unreadable { reason, .. }) if file.role == Role::System => {
                    found.warn(&file.path, format!("ignored, cannot be read: {reason}"));
                    file.state = FileState::Skipped(reason);
                }
                Err(error) => return Err(error),
            },
            (FileState::Missing | FileState::Skipped(_), _) => {}
        }
        found.consulted.push(file);
    }
    Ok(found)
}

impl Found {
    fn warn(&mut self, path: &Path, message: String) {
        self.warnings.push(Warning::about_file(&path.display().to_string(), message));
    }
}

/// The file that replaces the user's, and the variable that names it; `None` for the flag.
fn named_file(
    asked_for: Option<&Path>,
    environment: &Environment,
    folders: &Folders,
) -> Option<(PathBuf, Option<&'static str>)> {
    if let Some(path) = asked_for {
        return Some((path.to_path_buf(), None));
    }
    ["HOLMES_CONFIG", "HOLMES_CONFIG_PATH"].into_iter().find_map(|name| {
        let path = expand_home(environment.get(name)?, folders.home.as_deref());
        Some((path, Some(name)))
    })
}

/// Where the user's own file may be, the first one that exists counts.
fn user_candidates(folders: &Folders) -> Vec<PathBuf> {
    folders.holmes.iter().chain([&folders.xdg_config]).map(|folder| folder.join("config.yaml")).collect()
}

/// `.holmes/config.yaml` of the current folder, or of a parent up to the one that has `.git`. Outside a
/// checkout only the current folder counts: a file that someone left in `/tmp` must not be found from below.
fn project_file(cwd: &Path) -> PathBuf {
    let in_folder = |folder: &Path| folder.join(".holmes/config.yaml");
    let root = cwd.ancestors().find(|folder| folder.join(".git").exists());
    let within = |folder: &&Path| root.map_or(*folder == cwd, |root| folder.starts_with(root));
    cwd.ancestors()
        .take_while(within)
        .map(in_folder)
        .find(|file| file.exists())
        .unwrap_or_else(|| in_folder(cwd))
}
