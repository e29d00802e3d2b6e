//! All runbooks of one call: read from their sources, by name.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use crate::config::yaml::{Warning, YamlError, nearest};

use super::find::Index;
use super::read::line_of;
use super::walk::{Item, beside, items};
use super::{Found, Origin, Query, Runbook, builtin, catalogue, file, front, normal, older};

/// Where runbooks are read from besides the binary, weakest first.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// `runbooks/` of the configuration's folder; not there is no mistake.
    pub folder: Option<PathBuf>,
    /// `custom_runbook_catalogs`.
    pub catalogues: Vec<PathBuf>,
    /// `custom_skill_paths`: only `SKILL.md` counts.
    pub skills: Vec<PathBuf>,
    /// `custom_runbooks` and `-r`: files and folders in any form.
    pub runbooks: Vec<PathBuf>,
}

/// The runbooks that can be used, each name once.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// By name.
    runbooks: Vec<Runbook>,
    /// Made when first asked.
    index: OnceCell<Index>,
}

impl Shelf {
    /// Reads all sources. What cannot be read is a warning; of two runbooks of one name the later one counts.
    pub fn open(sources: &Sources) -> (Self, Vec<Warning>) {
        let mut reader = Reader::default();
        for (place, bytes) in builtin::files() {
            reader.markdown(&place, bytes, Origin::Builtin);
        }
        for path in sources.folder.iter().filter(|folder| folder.is_dir()) {
            reader.path(path, false);
        }
        for (paths, only_skills) in
            [(&sources.catalogues, false), (&sources.skills, true), (&sources.runbooks, false)]
        {
            for path in paths {
                reader.path(path, only_skills);
            }
        }
        (Self::of(reader.runbooks.into_values().collect()), reader.warnings)
    }

    /// A shelf of these, in the order of their names.
    pub fn of(mut runbooks: Vec<Runbook>) -> Self {
        runbooks.sort_by(|one, other| one.name.cmp(&other.name));
        Self { runbooks, index: OnceCell::new() }
    }

    /// In the order of their names.
    pub fn runbooks(&self) -> &[Runbook] {
        &self.runbooks
    }

    /// By name however it is spelt (`Pod_Crash_Loop.md`), or by the link of a catalogue.
    pub fn get(&self, name: &str) -> Option<&Runbook> {
        let name = name.trim();
        let plain = normal(name.strip_suffix(".md").unwrap_or(name));
        self.runbooks
            .iter()
            .find(|runbook| runbook.name == plain)
            .or_else(|| self.runbooks.iter().find(|runbook| runbook.link.as_deref() == Some(name)))
    }

    /// The name that was most likely meant.
    pub fn nearest(&self, name: &str) -> Option<&str> {
        let names: Vec<&str> = self.runbooks.iter().map(|runbook| runbook.name.as_str()).collect();
        let plain = normal(name);
        // Part of a name is as good as a slip of the pen: `crash` means `pod-crash-loop`.
        nearest(&plain, &names).or_else(|| {
            let mut parts = names.iter().filter(|known| plain.len() > 2 && known.contains(&plain));
            parts.next().copied().filter(|_| parts.next().is_none())
        })
    }

    /// What fits, best first; nothing where nothing does.
    pub fn find(&self, query: &Query) -> Vec<Found<'_>> {
        self.index.get_or_init(|| Index::of(&self.runbooks)).find(&self.runbooks, query)
    }

    /// The text of a runbook, or of a file of its folder as `name/path`.
    ///
    /// # Errors
    /// One line that says what there is instead.
    pub fn fetch(&self, name: &str) -> Result<String, String> {
        if let Some(runbook) = self.get(name) {
            return Ok(runbook.rendered());
        }
        if let Some((first, path)) = name.trim().split_once('/')
            && let Some(runbook) = self.get(first)
        {
            return of_a_skill(runbook, path);
        }
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        Err(match self.nearest(name) {
            Some(near) => format!("there is no runbook `{shown}`, did you mean `{near}`?"),
            None => format!("there is no runbook `{shown}`; there are {}", self.some_names()),
        })
    }

    fn some_names(&self) -> String {
        const MOST: usize = 40;
        let names: Vec<&str> = self.runbooks.iter().take(MOST).map(|runbook| runbook.name.as_str()).collect();
        match self.runbooks.len().checked_sub(MOST) {
            _ if names.is_empty() => "none".to_owned(),
            None | Some(0) => names.join(", "),
            Some(more) => format!("{} and {more} more", names.join(", ")),
        }
    }
}

/// A file inside of the skill's folder, and nowhere else, wherever links lead.
fn of_a_skill(runbook: &Runbook, path: &str) -> Result<String, String> {
    let shown: String = path.chars().filter(|c| !c.is_control()).take(120).collect();
    let Some(folder) = &runbook.folder else {
        return Err(format!("runbook `{}` has no further files", runbook.name));
    };
    let hidden = |part: &std::ffi::OsStr| part.to_string_lossy().starts_with('.');
    let relative = Path::new(path);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(name) if !hidden(name)));
    if !plain || path.contains('\0') {
        return Err(format!("`{shown}` is no path inside of `{}`", runbook.name));
    }
    let real = catalogue::below(folder, relative).map_err(|reason| {
        let there = runbook.files.iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("{}: {reason}; there are {}", runbook.name, if there.is_empty() { "none" } else { &there })
    })?;
    let place = format!("{}/{shown}", runbook.name);
    let bytes = file::read(&real).map_err(|reason| format!("`{place}` {reason}"))?;
    file::text(&bytes, &place).map_err(|error| error.one_line())
}

#[derive(Default)]
struct Reader {
    runbooks: BTreeMap<String, Runbook>,
    warnings: Vec<Warning>,
}

impl Reader {
    fn path(&mut self, path: &Path, only_skills: bool) {
        let mut linked = Vec::new();
        for item in items(path, only_skills, &mut self.warnings) {
            match item {
                Item::Catalogue(path) => {
                    if let Some((text, _)) = self.text(&path) {
                        match catalogue::runbooks(&text, &path, &mut self.warnings) {
                            Ok((runbooks, files)) => {
                                linked.extend(files.iter().filter_map(|file| file.canonicalize().ok()));
                                for runbook in runbooks {
                                    self.add(runbook, Origin::Custom);
                                }
                            }
                            Err(error) => self.failed(error),
                        }
                    }
                }
                Item::Yaml(path) => {
                    if let Some((text, place)) = self.text(&path) {
                        match older::runbooks(&text, &place, &stem(&path), &mut self.warnings) {
                            Ok(runbooks) => {
                                for runbook in runbooks {
                                    self.add(runbook, Origin::Custom);
                                }
                            }
                            Err(error) => self.failed(error),
                        }
                    }
                }
                Item::Skill(path) => self.skill(&path),
                Item::Markdown(path) => {
                    if path.canonicalize().is_ok_and(|real| linked.contains(&real)) {
                        continue;
                    }
                    if let Some(bytes) = self.bytes(&path) {
                        self.markdown(&path.display().to_string(), &bytes, Origin::Custom);
                    }
                }
            }
        }
    }

    fn skill(&mut self, path: &Path) {
        let Some((text, place)) = self.text(path) else { return };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let real = folder.canonicalize().unwrap_or_else(|_| folder.clone());
        match front::markdown(&text, &place, &stem(&real), true, &mut self.warnings) {
            Ok(mut runbook) => {
                runbook.files = beside(&folder);
                runbook.folder = Some(folder);
                self.add(runbook, Origin::Custom);
            }
            Err(error) => self.failed(error),
        }
    }

    fn markdown(&mut self, place: &str, bytes: &[u8], origin: Origin) {
        let read = file::text(bytes, place).and_then(|text| {
            front::markdown(&text, place, &stem(Path::new(place)), false, &mut self.warnings)
        });
        match read {
            Ok(runbook) => self.add(runbook, origin),
            Err(error) => self.failed(error),
        }
    }

    fn add(&mut self, mut runbook: Runbook, origin: Origin) {
        runbook.origin = origin;
        if let Some(known) = self.runbooks.get(&runbook.name)
            && known.origin == Origin::Custom
        {
            let message =
                format!("runbook `{}` stands for that of {}: rename one of them", runbook.name, known.place);
            self.warnings.push(Warning::about_file(&runbook.place, message));
        }
        self.runbooks.insert(runbook.name.clone(), runbook);
    }

    fn bytes(&mut self, path: &Path) -> Option<Vec<u8>> {
        file::read(path)
            .map_err(|reason| self.warnings.push(Warning::about_file(&path.display().to_string(), reason)))
            .ok()
    }

    fn text(&mut self, path: &Path) -> Option<(String, String)> {
        let bytes = self.bytes(path)?;
        let place = path.display().to_string();
        match file::text(&bytes, &place) {
            Ok(text) => Some((text, place)),
            Err(error) => {
                self.failed(error);
                None
            }
        }
    }

    fn failed(&mut self, error: YamlError) {
        self.warnings.push(line_of(error));
    }
}

fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}
