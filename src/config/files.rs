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

pub(super) fn read_all(
    asked_for: Option<&Path>,
    environment: &Environment,
    folders: &Folders,
    surroundings: &Surroundings,
) -> Result<Found, ConfigError> {
    let mut found = Found::default();
    let users = user_candidates(folders);
    if let Some(path) = project_file(&surroundings.cwd)
        && !users.contains(&path)
    {
        found.read(&path, Role::Project, folders)?;
    }
    found.read_user(asked_for, &users, environment, folders)?;
    let system = surroundings.system.join("config.yaml");
    if let Err(error) = found.read(&system, Role::System, folders) {
        match error {
            // Another's business: root's file must not lock everybody out.
            ConfigError::Unreadable { path, reason } => {
                let message = format!("ignored, cannot be read: {reason}");
                found.warnings.push(Warning::about_file(&path.display().to_string(), message));
                found.note(&path, Role::System, FileState::Skipped(reason));
            }
            other => return Err(other),
        }
    }
    Ok(found)
}

impl Found {
    /// Reads one file where it exists; whether it did.
    fn read(&mut self, path: &Path, role: Role, folders: &Folders) -> Result<bool, ConfigError> {
        let Some(text) = read_text(path, false)? else {
            self.note(path, role, FileState::Missing);
            return Ok(false);
        };
        self.take(&text, path, role, folders)?;
        Ok(true)
    }

    fn take(&mut self, text: &str, path: &Path, role: Role, folders: &Folders) -> Result<(), ConfigError> {
        let layer = from_text(text, path, role, folders.home.as_deref(), &mut self.warnings)?;
        self.layers.push(layer);
        self.note(path, role, FileState::Read);
        Ok(())
    }

    fn read_user(
        &mut self,
        asked_for: Option<&Path>,
        users: &[PathBuf],
        environment: &Environment,
        folders: &Folders,
    ) -> Result<(), ConfigError> {
        let from_environment = ["HOLMES_CONFIG", "HOLMES_CONFIG_PATH"]
            .into_iter()
            .find_map(|name| Some((name, environment.get(name)?)));
        let named = match (asked_for, from_environment) {
            (Some(path), _) => Some((path.to_path_buf(), None)),
            (None, Some((name, path))) => Some((expand_home(path, folders.home.as_deref()), Some(name))),
            (None, None) => None,
        };
        if let Some((path, variable)) = named {
            return match (read_text(&path, true)?, variable) {
                (Some(text), _) => self.take(&text, &path, Role::User, folders),
                (None, None) => Err(ConfigError::Unreadable { path, reason: "no such file".to_owned() }),
                // Charts set the name whether or not they mount the file.
                (None, Some(variable)) => {
                    let message = format!("named by `{variable}`, does not exist");
                    self.warnings.push(Warning::about_file(&path.display().to_string(), message));
                    self.note(&path, Role::User, FileState::Missing);
                    Ok(())
                }
            };
        }
        let mut taken: Option<&PathBuf> = None;
        for path in users {
            match taken {
                None => {
                    if self.read(path, Role::User, folders)? {
                        taken = Some(path);
                    }
                }
                Some(first) if path.exists() => {
                    let reason = format!("{} is used", first.display());
                    self.note(path, Role::User, FileState::Skipped(reason));
                }
                Some(_) => self.note(path, Role::User, FileState::Missing),
            }
        }
        Ok(())
    }

    fn note(&mut self, path: &Path, role: Role, state: FileState) {
        self.consulted.push(Consulted { path: path.to_path_buf(), role, state });
    }
}

/// Where the user's own file may be, the first one that exists counts.
pub(super) fn user_candidates(folders: &Folders) -> Vec<PathBuf> {
    folders.holmes.iter().chain([&folders.xdg_config]).map(|folder| folder.join("config.yaml")).collect()
}

/// `.holmes/config.yaml` of the current folder, or of a parent up to the one that has `.git`. Outside a
/// checkout only the current folder counts: a file that someone left in `/tmp` must not be found from below.
fn project_file(cwd: &Path) -> Option<PathBuf> {
    let root = cwd.ancestors().find(|folder| folder.join(".git").exists());
    let mut nearest = None;
    for folder in cwd.ancestors() {
        let file = folder.join(".holmes/config.yaml");
        if file.exists() {
            nearest = Some(file);
            break;
        }
        if root.is_none_or(|root| root == folder) {
            break;
        }
    }
    // Said even when missing, for `config path`.
    nearest.or_else(|| Some(cwd.join(".holmes/config.yaml")))
}
