//! Where holmes-rs keeps its files: the XDG folders, and `~/.holmes` as HolmesGPT has it.

use std::path::{Path, PathBuf};

use super::env::Environment;

/// The folder name under the XDG bases.
const NAME: &str = "holmes-rs";

/// The folders of one user. Without a home folder each falls back to a place under the temporary folder,
/// so that a container with no `HOME` still works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folders {
    /// `None` when `HOME` is not set.
    pub home: Option<PathBuf>,
    /// Overridable data: prompts, toolsets, runbooks. `$HOLMES_CONFIGPATH_DIR`, else `~/.holmes` when it
    /// is there, else `$XDG_CONFIG_HOME/holmes-rs`.
    pub config: PathBuf,
    /// Recorded runs and history: `$XDG_STATE_HOME/holmes-rs`, else `~/.local/state/holmes-rs`.
    pub state: PathBuf,
    /// What can be made again: `$XDG_CACHE_HOME/holmes-rs`, else `~/.cache/holmes-rs`.
    pub cache: PathBuf,
    /// `$HOLMES_CONFIGPATH_DIR`, else `~/.holmes`: looked at first for the user's files.
    pub(super) holmes: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME/holmes-rs`: looked at next.
    pub(super) xdg_config: PathBuf,
}

impl Folders {
    /// Works out the folders from the environment. Nothing is created; only `~/.holmes` is looked for.
    pub fn new(environment: &Environment) -> Self {
        let home = environment.get("HOME").and_then(absolute);
        let base = |variable: &str, below_home: &str| -> PathBuf {
            environment
                .get(variable)
                // The XDG specification: a relative path here is to be ignored.
                .and_then(absolute)
                .or_else(|| home.as_ref().map(|home| home.join(below_home)))
                .unwrap_or_else(|| std::env::temp_dir().join(below_home))
                .join(NAME)
        };
        let holmes = environment
            .get("HOLMES_CONFIGPATH_DIR")
            .map(|folder| expand_home(folder, home.as_deref()))
            .or_else(|| home.as_ref().map(|home| home.join(".holmes")));
        let xdg_config = base("XDG_CONFIG_HOME", ".config");
        let asked_for = environment.has("HOLMES_CONFIGPATH_DIR");
        let config = holmes
            .clone()
            .filter(|folder| asked_for || folder.is_dir())
            .unwrap_or_else(|| xdg_config.clone());
        Folders {
            config,
            state: base("XDG_STATE_HOME", ".local/state"),
            cache: base("XDG_CACHE_HOME", ".cache"),
            home,
            holmes,
            xdg_config,
        }
    }
}

fn absolute(path: &str) -> Option<PathBuf> {
    let path = PathBuf::from(path);
    path.is_absolute().then_some(path)
}

/// `~` and `~/x` as the shell has them; any other path as it is.
pub(super) fn expand_home(path: &str, home: Option<&Path>) -> PathBuf {
    match (path, path.strip_prefix("~/"), home) {
        ("~", _, Some(home)) => home.to_path_buf(),
        (_, Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(pairs: &[(&str, &str)]) -> Folders {
        Folders::new(&pairs.iter().copied().collect())
    }

    #[test]
    fn xdg_names_win_over_the_home_folder() {
        let found =
            folders(&[("HOME", "/nowhere/ann"), ("XDG_STATE_HOME", "/s"), ("XDG_CACHE_HOME", "relative")]);
        assert_eq!(found.state, Path::new("/s/holmes-rs"));
        assert_eq!(found.cache, Path::new("/nowhere/ann/.cache/holmes-rs"));
        assert_eq!(found.config, Path::new("/nowhere/ann/.config/holmes-rs"));
    }

    #[test]
    fn no_home_is_no_panic() {
        let found = folders(&[]);
        assert_eq!(found.home, None);
        assert!(found.state.is_absolute());
        assert!(found.state.ends_with(".local/state/holmes-rs"));
    }

    #[test]
    fn the_old_folder_is_kept_where_it_exists() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".holmes")).unwrap();
        let found = folders(&[("HOME", &home.path().display().to_string())]);
        assert_eq!(found.config, home.path().join(".holmes"));
        let found = folders(&[("HOLMES_CONFIGPATH_DIR", "/elsewhere")]);
        assert_eq!(found.config, Path::new("/elsewhere"));
    }

    #[test]
    fn a_tilde_is_the_home_folder() {
        let home = Some(Path::new("/h"));
        assert_eq!(expand_home("~/x", home), Path::new("/h/x"));
        assert_eq!(expand_home("~", home), Path::new("/h"));
        assert_eq!(expand_home("~ann/x", home), Path::new("~ann/x"));
        assert_eq!(expand_home("~/x", None), Path::new("~/x"));
    }
}
