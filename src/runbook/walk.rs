//! Which files of a folder are runbooks. Bounded in depth and number; a link that leads back is followed once.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::config::yaml::Warning;

use super::file::unreadable;

/// Folders below the one that was named.
const DEEPEST: usize = 6;
/// Files of all folders of one source.
const MOST_FILES: usize = 2000;
/// Further files of one skill.
const MOST_OF_A_SKILL: usize = 100;

/// A file and the form it is in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    /// First: what it links to is not read twice.
    Catalogue(PathBuf),
    Skill(PathBuf),
    Markdown(PathBuf),
    Yaml(PathBuf),
}

/// What a path holds. `only_skills`: nothing but `SKILL.md`, as in `custom_skill_paths`.
pub(super) fn items(path: &Path, only_skills: bool, warnings: &mut Vec<Warning>) -> Vec<Item> {
    let place = path.display().to_string();
    match std::fs::metadata(path) {
        Err(error) => {
            warnings.push(Warning::about_file(&place, unreadable(&error)));
            Vec::new()
        }
        Ok(found) if found.is_dir() => {
            let mut walk =
                Walk { seen: BTreeSet::new(), items: Vec::new(), left: MOST_FILES, only_skills, warnings };
            walk.folder(path, 0, false);
            let full = walk.left == 0;
            let mut items = walk.items;
            if full {
                let message = format!(
                    "holds more than {MOST_FILES} files, the others are left out: name a smaller folder"
                );
                warnings.push(Warning::about_file(&place, message));
            } else if items.is_empty() {
                let wanted =
                    if only_skills { "`SKILL.md`" } else { "`*.md`, `SKILL.md`, `*.yaml` or `catalog.json`" };
                warnings.push(Warning::about_file(
                    &place,
                    format!("holds no runbook: there is no {wanted} in it"),
                ));
            }
            items.sort();
            items
        }
        Ok(_) => match kind(path) {
            Some(item) => vec![item],
            None if path.extension().is_some_and(|extension| extension == "json") => {
                vec![Item::Catalogue(path.to_owned())]
            }
            None => {
                let message = "is no runbook by its name, it is left out: runbooks are `*.md`, `*.yaml` and `catalog.json`";
                warnings.push(Warning::about_file(&place, message));
                Vec::new()
            }
        },
    }
}

fn kind(path: &Path) -> Option<Item> {
    let name = path.file_name()?.to_string_lossy().into_owned();
    let path = path.to_owned();
    match name.rsplit_once('.')?.1.to_ascii_lowercase().as_str() {
        _ if name == "SKILL.md" => Some(Item::Skill(path)),
        _ if name == "catalog.json" => Some(Item::Catalogue(path)),
        _ if name.eq_ignore_ascii_case("README.md") => None,
        "md" | "markdown" => Some(Item::Markdown(path)),
        "yaml" | "yml" => Some(Item::Yaml(path)),
        _ => None,
    }
}

struct Walk<'a> {
    /// Folders by their real path.
    seen: BTreeSet<PathBuf>,
    items: Vec<Item>,
    left: usize,
    only_skills: bool,
    warnings: &'a mut Vec<Warning>,
}

impl Walk<'_> {
    /// `inside`: of a skill, whose other files are its own.
    fn folder(&mut self, folder: &Path, depth: usize, inside: bool) {
        let new = folder.canonicalize().is_ok_and(|real| self.seen.insert(real));
        if !new || depth > DEEPEST {
            return;
        }
        let entries = match visible(folder) {
            Ok(entries) => entries,
            Err(error) => {
                self.warnings.push(Warning::about_file(&folder.display().to_string(), unreadable(&error)));
                return;
            }
        };
        let skill =
            inside || entries.iter().any(|path| path.file_name().is_some_and(|name| name == "SKILL.md"));
        for path in entries {
            if self.left == 0 {
                return;
            }
            if path.is_dir() {
                self.folder(&path, depth + 1, skill);
                continue;
            }
            self.left -= 1;
            let wanted =
                kind(&path).filter(|item| matches!(item, Item::Skill(_)) || !self.only_skills && !skill);
            self.items.extend(wanted);
        }
    }
}

/// Further files of a skill's folder, as a model may ask for them.
pub(super) fn beside(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, before: &str, depth: usize, found: &mut Vec<String>) {
        for path in visible(folder).unwrap_or_default() {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if found.len() == MOST_OF_A_SKILL || name == "SKILL.md" || name.chars().any(char::is_control) {
                continue;
            }
            if path.is_file() {
                found.push(format!("{before}{name}"));
            } else if depth < 3 && path.is_dir() && !path.is_symlink() && !path.join("SKILL.md").exists() {
                walk(&path, &format!("{before}{name}/"), depth + 1, found);
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", 0, &mut found);
    found.sort();
    found
}

/// Sorted, without what an editor or a volume mount hides.
fn visible(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let hidden = |path: &Path| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
    let entries = std::fs::read_dir(folder)?;
    let mut paths: Vec<PathBuf> = entries
        .take(MOST_FILES * 2)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| !hidden(path))
        .collect();
    paths.sort();
    Ok(paths)
}
