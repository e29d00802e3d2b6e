//! HolmesGPT's `catalog.json`: descriptions of Markdown files beside it. Addresses are listed, never fetched.

use std::path::{Component, Path, PathBuf};

use crate::config::yaml::{self, Node, Warning, YamlError, nearest};

use super::read::{given, line_of, texts};
use super::{Runbook, file, first_line, front, is_address, normal};

/// Both forms of an entry: a file, and what Robusta's platform keeps.
const KEYS: &[&str] = &[
    "id",
    "name",
    "title",
    "update_date",
    "description",
    "link",
    "alerts",
    "symptom",
    "symptoms",
    "instruction",
    "instructions",
];

/// The runbooks of a catalogue, and the files they stand in.
///
/// # Errors
/// Where the file is no JSON or has no list `catalog`; one wrong entry is a warning.
pub(super) fn runbooks(
    text: &str,
    path: &Path,
    warnings: &mut Vec<Warning>,
) -> Result<(Vec<Runbook>, Vec<PathBuf>), YamlError> {
    let place = path.display().to_string();
    let document = yaml::parse(text, &place)?;
    let root = &document.node;
    let list =
        match root.get("catalog") {
            Some(list) => list.items().map_err(|error| error.about("catalog"))?,
            None => return Err(root.error(
                "is no catalogue of runbooks: it needs `{\"catalog\": [{\"description\": …, \"link\": …}]}`",
            )),
        };
    let (mut found, mut files) = (Vec::new(), Vec::new());
    for node in list {
        match one(node, path, warnings) {
            Ok((runbook, file)) => {
                found.push(runbook);
                files.extend(file);
            }
            Err(error) => warnings.push(line_of(error)),
        }
    }
    Ok((found, files))
}

fn one(
    node: &Node,
    catalogue: &Path,
    warnings: &mut Vec<Warning>,
) -> Result<(Runbook, Option<PathBuf>), YamlError> {
    for entry in node.entries().map_err(|error| error.about("catalog"))? {
        if !KEYS.contains(&entry.key.as_str()) {
            let near = nearest(&entry.key, KEYS).map(|near| format!(", did you mean `{near}`?"));
            warnings.push(entry.warning(format!("unknown key `{}`{}", entry.key, near.unwrap_or_default())));
        }
    }
    let link = given(node, "link");
    let instructions = given(node, "instruction").or_else(|| given(node, "instructions"));
    let title = ["name", "title", "id"].into_iter().find_map(|key| given(node, key));
    let stem = link.map(|link| link.trim_end_matches('/').rsplit('/').next().unwrap_or(link));
    let name = title.or_else(|| stem.map(|stem| stem.strip_suffix(".md").unwrap_or(stem)));
    let name = normal(&name.unwrap_or_default().replace('/', "-"));
    let (mut runbook, file) = match (link, instructions) {
        (Some(link), _) if is_address(link) => (Runbook::default(), None),
        (Some(link), _) => {
            let path = inside(catalogue, link).map_err(|reason| node.error(format!("`link` {reason}")))?;
            let place = path.display().to_string();
            let bytes = file::read(&path).map_err(|reason| node.error(format!("`{link}` {reason}")))?;
            let text = file::text(&bytes, &place)?;
            (front::markdown(&text, &place, &name, false, warnings)?, Some(path))
        }
        (None, Some(text)) => (Runbook { text: text.to_owned(), ..Runbook::default() }, None),
        (None, None) => {
            return Err(node.error("an entry needs `link`, the path of a Markdown file; it is left out"));
        }
    };
    if runbook.name.is_empty() {
        runbook.name = name;
    }
    if runbook.name.is_empty() {
        return Err(node.error("an entry needs a `link` or an `id` with a name in it; it is left out"));
    }
    if let Some(description) =
        given(node, "description").or_else(|| given(node, "symptom")).or_else(|| given(node, "symptoms"))
    {
        runbook.description = first_line(description, 200);
    }
    if let Some(alerts) = node.get("alerts") {
        runbook.alerts.extend(texts(alerts, "alerts", warnings)?);
    }
    runbook.link = link.map(str::to_owned);
    runbook.updated = given(node, "update_date").map(str::to_owned);
    runbook.place = node.place();
    Ok((runbook, file))
}

/// The file of a link, below the catalogue's folder and nowhere else.
fn inside(catalogue: &Path, link: &str) -> Result<PathBuf, String> {
    let relative = Path::new(link);
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if !plain {
        return Err(format!("`{link}` leaves the catalogue's folder, it is left out: give a path below it"));
    }
    let folder = catalogue.parent().unwrap_or_else(|| Path::new(""));
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    below(folder, relative)
}

/// `relative` in `folder`, wherever links of the file system lead, if that is below `folder`.
pub(super) fn below(folder: &Path, relative: &Path) -> Result<PathBuf, String> {
    let shown = relative.display();
    let path = folder.join(relative);
    let root = folder.canonicalize().map_err(|error| format!("`{shown}` {}", file::unreadable(&error)))?;
    let real = path.canonicalize().map_err(|error| format!("`{shown}`: {}", file::unreadable(&error)))?;
    if real.starts_with(&root) {
        Ok(path)
    } else {
        Err(format!("`{shown}` leads out of its folder, it is left out"))
    }
}
