//! `{{ env.NAME }}` in a file's own values, read from the environment when the file is.
//!
//! Values and words are filled in; a command is not, since what it holds is the shell's to expand: there the
//! name becomes `${NAME}`, and its value is never text.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::config::yaml::{Kind, Node, YamlError};

/// Headers that an MCP server's client renders for each request: what is missing now may be known then.
const RENDERED_LATER: &str = "extra_headers";

/// Fills values, and remembers which names the environment did not have.
#[derive(Debug)]
pub(super) struct Filling<'a> {
    env: &'a BTreeMap<String, String>,
    missing: Vec<String>,
    first: Option<YamlError>,
}

impl<'a> Filling<'a> {
    pub(super) fn new(env: &'a BTreeMap<String, String>) -> Self {
        Self { env, missing: Vec::new(), first: None }
    }

    /// A value of any shape.
    pub(super) fn value(&mut self, node: &Node) -> Value {
        self.inside(node, true)
    }

    fn inside(&mut self, node: &Node, needed: bool) -> Value {
        match &node.kind {
            Kind::Scalar { .. } => match node.to_json() {
                Value::String(text) => Value::String(self.scalar(&text, node, needed)),
                other => other,
            },
            Kind::Sequence(items) => items.iter().map(|item| self.inside(item, needed)).collect(),
            Kind::Mapping(entries) => {
                let mut map = Map::new();
                for entry in entries {
                    let needed = needed && entry.key != RENDERED_LATER;
                    map.insert(entry.key.clone(), self.inside(&entry.value, needed));
                }
                Value::Object(map)
            }
        }
    }

    /// Words: a description, instructions.
    pub(super) fn text(&mut self, node: &Node) -> Result<String, YamlError> {
        Ok(self.scalar(node.as_str()?, node, true))
    }

    fn scalar(&mut self, text: &str, node: &Node, needed: bool) -> String {
        replaced(text, |name, default| match (self.env.get(name), default) {
            (Some(value), _) => Some(value.clone()),
            (None, Some(default)) => Some(default.to_owned()),
            (None, None) => {
                if needed {
                    self.lacks(name, node);
                }
                None
            }
        })
    }

    /// A command: the names stay names. One that is not set is empty there, as in HolmesGPT.
    pub(super) fn command(node: &Node) -> Result<String, YamlError> {
        Ok(replaced(node.as_str()?, |name, default| match default {
            // Braces and quotes would end what stands around them: the template engine has such a default.
            Some(default) if default.contains(|c: char| "'\"`$\\{}".contains(c)) => None,
            Some(default) => Some(format!("${{{name}:-{default}}}")),
            None => Some(format!("${{{name}}}")),
        }))
    }

    fn lacks(&mut self, name: &str, node: &Node) {
        if !self.missing.iter().any(|known| known == name) {
            self.missing.push(name.to_owned());
        }
        self.first.get_or_insert_with(|| node.error(""));
    }

    /// Why the toolset cannot be used, if a name was missing; `field` is where it was looked for, if that helps.
    pub(super) fn reason(&mut self, field: Option<&str>) -> Option<String> {
        let first = self.first.take()?;
        let names: Vec<String> =
            std::mem::take(&mut self.missing).iter().map(|name| format!("`{name}`")).collect();
        let (noun, verb) = if names.len() == 1 { ("variable", "is") } else { ("variables", "are") };
        let place = field.map(|field| format!(", named in `{field}`,")).unwrap_or_default();
        let message = format!("environment {noun} {}{place} {verb} not set", names.join(", "));
        Some(YamlError { message, ..first }.inline())
    }
}

/// `text` with each `{{ env.NAME }}` and `{{ env.NAME | default('x') }}` as `by` says; `None` leaves it.
fn replaced(text: &str, mut by: impl FnMut(&str, Option<&str>) -> Option<String>) -> String {
    if !text.contains("env.") {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        let Some((inner, tail)) = after.split_once("}}") else { break };
        out.push_str(before);
        if let Some(value) = reference(inner).and_then(|(name, default)| by(name, default)) {
            out.push_str(&value);
        } else {
            // Templates of other times are not this file's business.
            out.push_str("{{");
            out.push_str(inner);
            out.push_str("}}");
        }
        rest = tail;
    }
    out.push_str(rest);
    out
}

/// The name, and its default if there is one; `None` for any other expression.
fn reference(inner: &str) -> Option<(&str, Option<&str>)> {
    let inner = inner.trim_matches('-').trim().strip_prefix("env.")?;
    let (name, filter) = match inner.split_once('|') {
        Some((name, filter)) => (name.trim(), Some(filter.trim())),
        None => (inner.trim(), None),
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) || !name.chars().all(plain) {
        return None;
    }
    let Some(filter) = filter else { return Some((name, None)) };
    let argument = ["default(", "d("].iter().find_map(|start| filter.strip_prefix(start))?;
    let argument = argument.strip_suffix(')')?.split(',').next()?.trim();
    let quote = argument.chars().next().filter(|c| *c == '\'' || *c == '"')?;
    let default = argument.strip_prefix(quote)?.strip_suffix(quote)?;
    Some((name, Some(default)))
}

#[cfg(test)]
mod tests {
    use super::{reference, replaced};

    #[test]
    fn only_names_of_the_environment_are_references() {
        for (inner, expected) in [
            (" env.A ", Some(("A", None))),
            ("env.A_1", Some(("A_1", None))),
            ("- env.A -", Some(("A", None))),
            (" env.A | default('x') ", Some(("A", Some("x")))),
            (" env.A|d(\"\", true) ", Some(("A", Some("")))),
            (" env.A | upper ", None),
            (" env.A.b ", None),
            (" env.1 ", None),
            (" config.A ", None),
            (" environment ", None),
        ] {
            assert_eq!(reference(inner), expected, "{inner}");
        }
        let by = |name: &str, _: Option<&str>| (name == "A").then(|| "1".to_owned());
        assert_eq!(replaced("{{ env.A }}{{env.B}} {{ x }} {{ open", by), "1{{env.B}} {{ x }} {{ open");
    }
}
