//! Layers against each other, broken files word for word, and models in all their spellings.

mod broken;
mod layers;
mod models;
mod values;

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{Config, ConfigError, Environment, Flags, ModelChoice, ModelSettings, Surroundings};

/// A machine of its own: a home, a checkout and a system folder.
struct Machine {
    root: TempDir,
    variables: Vec<(String, String)>,
    flags: Flags,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["home", "work/.git", "work/below", "etc"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let home = root.path().join("home").display().to_string();
        Machine { root, variables: vec![("HOME".to_owned(), home)], flags: Flags::default() }
    }

    fn path(&self, below: &str) -> PathBuf {
        self.root.path().join(below)
    }

    fn file(self, below: &str, text: impl AsRef<[u8]>) -> Self {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// The user's config file.
    fn user(self, text: &str) -> Self {
        self.file("home/.holmes/config.yaml", text)
    }

    fn project(self, text: &str) -> Self {
        self.file("work/.holmes/config.yaml", text)
    }

    fn system(self, text: &str) -> Self {
        self.file("etc/config.yaml", text)
    }

    fn env(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    fn flags(mut self, change: impl FnOnce(&mut Flags)) -> Self {
        change(&mut self.flags);
        self
    }

    fn load(&self) -> Result<Config, ConfigError> {
        self.load_flags(&self.flags)
    }

    /// The same machine called with other flags.
    fn load_with(&self, change: impl FnOnce(&mut Flags)) -> Config {
        let mut flags = self.flags.clone();
        change(&mut flags);
        self.load_flags(&flags).unwrap()
    }

    fn load_flags(&self, flags: &Flags) -> Result<Config, ConfigError> {
        let environment: Environment = self.variables.iter().cloned().collect();
        let surroundings = Surroundings { cwd: self.path("work/below"), system: self.path("etc") };
        Config::load(flags, &environment, &surroundings)
    }

    fn config(&self) -> Config {
        self.load().unwrap()
    }

    /// The message of an error of loading, without the machine's root.
    fn error(&self) -> String {
        self.plain(&self.load().unwrap_err().to_string())
    }

    fn warnings(&self) -> Vec<String> {
        let config = self.config();
        let warnings = config.warnings().iter();
        warnings.map(|warning| self.plain(&warning.to_string())).collect()
    }

    fn plain(&self, text: &str) -> String {
        text.replace(&format!("{}/", self.root.path().display()), "")
    }

    fn model(&self) -> ModelSettings {
        match self.config().model().unwrap() {
            ModelChoice::Model(settings) => *settings,
            ModelChoice::None { reason, .. } => panic!("no model: {reason}"),
        }
    }

    fn model_error(&self) -> ConfigError {
        self.config().model().unwrap_err()
    }
}

fn is_below(path: &Path, machine: &Machine, below: &str) -> bool {
    path == machine.path(below)
}
