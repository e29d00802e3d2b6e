//! Markdown with front-matter: our own runbooks and the `SKILL.md` of a skill.

use crate::config::yaml::{self, Entry, Node, Warning, YamlError, nearest};

use super::read::{line_of, pattern, text_map, texts};
use super::steps::steps;
use super::{Runbook, first_line, normal};

/// What a runbook's front-matter may hold.
const KEYS: &[&str] = &["name", "description", "alerts", "labels", "match", "words", "steps"];
/// What skills have besides, of which nothing is needed here.
const SKILL_KEYS: &[&str] = &["allowed-tools", "license", "compatibility", "metadata", "version"];

/// A file cut at its marks: the front-matter on the lines it has in the file, and what follows.
struct Cut<'a> {
    front: Option<String>,
    body: &'a str,
}

/// Reads `text`; `fallback` is its name where it says none, `skill` whether it is a `SKILL.md`.
///
/// # Errors
/// With its place, where it is no runbook at all: empty, half-written, or front-matter that is no YAML.
pub(super) fn markdown(
    text: &str,
    place: &str,
    fallback: &str,
    skill: bool,
    warnings: &mut Vec<Warning>,
) -> Result<Runbook, YamlError> {
    let whole = yaml::parse("", place)?.node;
    let cut = cut(text).map_err(|()| {
        whole.error("begins with `---` and has no second one: end the front-matter with a line `---`")
    })?;
    let mut runbook = Runbook {
        name: normal(fallback),
        text: cut.body.trim().to_owned(),
        place: place.to_owned(),
        ..Runbook::default()
    };
    match &cut.front {
        Some(front) => {
            let document = yaml::parse(front, place)?;
            warnings.extend(document.warnings.iter().cloned());
            front_matter(&document.node, skill, &mut runbook, warnings)?;
        }
        None if skill => warnings
            .push(whole.warning(
                "has no front-matter: begin it with `---`, `description: WHAT IT IS FOR` and `---`",
            )),
        None => {}
    }
    if runbook.text.is_empty() && runbook.steps.is_empty() {
        return Err(whole.error("is empty, it is left out: write what to look at first, and why"));
    }
    if runbook.name.is_empty() {
        return Err(
            whole.error("has no name, it is left out: add `name: WHAT-IT-IS-FOR` to its front-matter")
        );
    }
    if runbook.description.is_empty() {
        runbook.description = first_line(cut.body, 120);
        if cut.front.is_some() {
            warnings.push(whole.warning(format!(
                "has no `description`: its first line stands for it ({})",
                runbook.description
            )));
        }
    }
    Ok(runbook)
}

/// Without front-matter all of it is text; `Err` where the front-matter does not end.
fn cut(text: &str) -> Result<Cut<'_>, ()> {
    let mut lines = text.split_inclusive('\n');
    let Some(first) = lines.next().filter(|line| line.trim_end() == "---") else {
        return Ok(Cut { front: None, body: text });
    };
    let mut length = first.len();
    for line in lines {
        length += line.len();
        if ["---", "..."].contains(&line.trim_end()) {
            let front = text.get(first.len()..length - line.len()).unwrap_or_default();
            // An empty first line: places are those of the file.
            return Ok(Cut {
                front: Some(format!("\n{front}")),
                body: text.get(length..).unwrap_or_default(),
            });
        }
    }
    Err(())
}

fn front_matter(
    node: &Node,
    skill: bool,
    runbook: &mut Runbook,
    warnings: &mut Vec<Warning>,
) -> Result<(), YamlError> {
    let entries = node
        .entries()
        .map_err(|_| node.error(format!("front-matter needs `key: value` lines, got {}", node.describe())))?;
    for entry in entries {
        // One wrong key costs itself, not the runbook.
        if let Err(error) = key(entry, skill, runbook, warnings) {
            warnings.push(line_of(error));
        }
    }
    Ok(())
}

fn key(
    entry: &Entry,
    skill: bool,
    runbook: &mut Runbook,
    warnings: &mut Vec<Warning>,
) -> Result<(), YamlError> {
    let value = &entry.value;
    match entry.key.as_str() {
        "name" => {
            let name = normal(value.as_str().map_err(|error| error.about("name"))?);
            if name.is_empty() || name.contains('/') || name.chars().any(char::is_control) {
                return Err(value.error("`name` needs words without `/`, the file's name stands for it"));
            }
            runbook.name = name;
        }
        "description" => {
            let text = value.as_str().map_err(|error| error.about("description"))?;
            runbook.description = text.split_whitespace().collect::<Vec<_>>().join(" ");
        }
        "alerts" => runbook.alerts = texts(value, "alerts", warnings)?,
        "labels" => runbook.labels = text_map(value, "labels")?,
        "match" => runbook.pattern = Some(pattern(value, "match", false)?),
        "words" => runbook.words = texts(value, "words", warnings)?,
        "steps" => runbook.steps = steps(value, warnings)?,
        known if SKILL_KEYS.contains(&known) => {}
        other => {
            // Skills are written for several programs: only what looks like a slip is one.
            let near = nearest(other, KEYS);
            match (near, skill) {
                (Some(near), _) => {
                    warnings.push(entry.warning(format!("unknown key `{other}`, did you mean `{near}`?")));
                }
                (None, false) => warnings
                    .push(entry.warning(format!("unknown key `{other}`; there are `{}`", KEYS.join("`, `")))),
                (None, true) => {}
            }
        }
    }
    Ok(())
}
