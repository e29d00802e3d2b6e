//! What the readers share: lists, maps and patterns of YAML, and errors that become warnings.

use std::collections::BTreeMap;

use crate::config::yaml::{Kind, Node, Warning, YamlError};

use super::Pattern;

/// Most entries of one list or map; who writes more wants a glob.
const MOST_ENTRIES: usize = 500;

/// An error that costs only the part it is about.
pub(super) fn line_of(error: YamlError) -> Warning {
    Warning { place: error.place, line: error.line, column: error.column, message: error.message }
}

/// A list of texts, or one text.
pub(super) fn texts(node: &Node, name: &str, warnings: &mut Vec<Warning>) -> Result<Vec<String>, YamlError> {
    if node.is_null() {
        return Ok(Vec::new());
    }
    if let Ok(one) = node.as_str() {
        return Ok(vec![one.trim().to_owned()]);
    }
    let items = node.items().map_err(|error| error.about(name))?;
    if items.len() > MOST_ENTRIES {
        warnings.push(
            node.warning(format!("`{name}` has {} entries, the first {MOST_ENTRIES} count", items.len())),
        );
    }
    let mut found = Vec::new();
    for item in items.iter().take(MOST_ENTRIES) {
        match item.as_str().map(str::trim) {
            Ok("") => {}
            Ok(text) => found.push(text.to_owned()),
            Err(error) => warnings.push(line_of(error.about(name))),
        }
    }
    Ok(found)
}

/// A map of texts.
pub(super) fn text_map(node: &Node, name: &str) -> Result<BTreeMap<String, String>, YamlError> {
    let entries = node.entries().map_err(|error| error.about(name))?;
    entries
        .iter()
        .take(MOST_ENTRIES)
        .map(|entry| {
            let value =
                entry.value.as_str().map_err(|error| error.about(&format!("{name}.{}", entry.key)))?;
            Ok((entry.key.clone(), value.to_owned()))
        })
        .collect()
}

/// A regular expression.
pub(super) fn pattern(node: &Node, name: &str, from_start: bool) -> Result<Pattern, YamlError> {
    let written = node.as_str().map_err(|error| error.about(name))?;
    Pattern::new(written, from_start).map_err(|reason| node.error(format!("`{name}` {reason}")))
}

/// Text of a scalar that is there and not empty.
pub(super) fn given<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key)?.as_str().ok().map(str::trim).filter(|text| !text.is_empty())
}

/// Whether this is a list.
pub(super) fn is_list(node: &Node) -> bool {
    matches!(node.kind, Kind::Sequence(_))
}
