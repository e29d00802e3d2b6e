//! HolmesGPT's older form: `runbooks:` with `match` and `instructions`, by itself or in a ConfigMap.

use crate::config::yaml::{self, Node, Warning, YamlError, nearest};

use super::read::{given, is_list, line_of, pattern};
use super::{Matches, Runbook, first_line, normal};

const KEYS: &[&str] = &["match", "instructions", "name", "description"];
const MATCH_KEYS: &[&str] = &["issue_name", "issue_id", "source"];
/// How deep ConfigMaps may hold YAML that holds YAML.
const DEEPEST: usize = 3;

/// Reads every runbook of a file; `stem` names those that have no name.
///
/// # Errors
/// Where the file is no YAML. What is wrong with one runbook is a warning, and the others are read.
pub(super) fn runbooks(
    text: &str,
    place: &str,
    stem: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<Runbook>, YamlError> {
    let mut found = Vec::new();
    let mut seen = false;
    for document in yaml::parse_all(text, place)? {
        warnings.extend(document.warnings.iter().cloned());
        seen |= section(&document.node, &mut found, warnings, 0);
    }
    if !seen {
        warnings.push(Warning::about_file(
            place,
            "holds no runbooks: it needs a top-level `runbooks:` with `match` and `instructions`, or write Markdown",
        ));
    }
    let several = found.len() > 1;
    for (number, runbook) in found.iter_mut().enumerate().filter(|(_, runbook)| runbook.name.is_empty()) {
        runbook.name = if several { format!("{}-{}", normal(stem), number + 1) } else { normal(stem) };
    }
    Ok(found)
}

/// Whether it had a place for runbooks, even an empty one.
fn section(node: &Node, found: &mut Vec<Runbook>, warnings: &mut Vec<Warning>, depth: usize) -> bool {
    if let Some(list) = node.get("runbooks") {
        match list.items() {
            Ok(items) => {
                for item in items {
                    match one(item, warnings) {
                        Ok(runbook) => found.push(runbook),
                        Err(error) => warnings.push(line_of(error)),
                    }
                }
            }
            Err(_) if list.is_null() => {}
            Err(error) => warnings.push(line_of(error.about("runbooks"))),
        }
        return true;
    }
    // `kubectl get configmap -o yaml` of several is a `List` of them.
    if let Some(items) = node.get("items").filter(|items| is_list(items)).and_then(|items| items.items().ok())
    {
        let mut seen = false;
        for item in items.iter().filter(|_| depth < DEEPEST) {
            seen |= section(item, found, warnings, depth + 1);
        }
        return seen;
    }
    let Some(data) = node.get("data").and_then(|data| data.entries().ok()) else { return false };
    let mut seen = false;
    for entry in data.iter().filter(|_| depth < DEEPEST) {
        let Ok(text) = entry.value.as_str() else { continue };
        if !text.contains("runbooks:") {
            continue;
        }
        match yaml::parse_all(text, &format!("{} in `{}`", entry.value.place(), entry.key)) {
            Ok(documents) => {
                for document in &documents {
                    seen |= section(&document.node, found, warnings, depth + 1);
                }
            }
            Err(error) => {
                seen = true;
                warnings.push(line_of(error));
            }
        }
    }
    seen
}

fn one(node: &Node, warnings: &mut Vec<Warning>) -> Result<Runbook, YamlError> {
    let entries = node.entries().map_err(|error| error.about("runbooks"))?;
    for entry in entries.iter().filter(|entry| !KEYS.contains(&entry.key.as_str())) {
        warnings.push(entry.warning(unknown(&entry.key, KEYS)));
    }
    let Some(text) = given(node, "instructions") else {
        return Err(node.error("a runbook needs `instructions`, it is left out: write what to look at"));
    };
    let mut matches = Matches::default();
    if let Some(patterns) = node.get("match") {
        for entry in patterns.entries().map_err(|error| error.about("match"))? {
            let slot = match entry.key.as_str() {
                "issue_name" => &mut matches.issue_name,
                "issue_id" => &mut matches.issue_id,
                "source" => &mut matches.source,
                other => {
                    warnings.push(entry.warning(unknown(other, MATCH_KEYS)));
                    continue;
                }
            };
            if entry.value.is_null() {
                continue;
            }
            // A runbook that lost one of its conditions would fit too much: it is left out.
            *slot = Some(pattern(&entry.value, &format!("match.{}", entry.key), true)?);
        }
    }
    if matches.is_empty() {
        warnings.push(node.warning("`match` has no pattern: it is found by its text alone"));
    }
    let description =
        given(node, "description").map_or_else(|| first_line(text, 120), |told| first_line(told, 200));
    Ok(Runbook {
        name: normal(&given(node, "name").unwrap_or_default().replace('/', "-")),
        description,
        text: text.to_owned(),
        matches,
        place: node.place(),
        ..Runbook::default()
    })
}

fn unknown(key: &str, known: &[&str]) -> String {
    match nearest(key, known) {
        Some(near) => format!("unknown key `{key}`, did you mean `{near}`?"),
        None => format!("unknown key `{key}`; there are `{}`", known.join("`, `")),
    }
}
