//! Reads toolset files as a reviewer would: mistakes of the format, and commands that never end, change things,
//! run on one platform only, or take values where they cannot be passed safely.
//!
//! Commands are judged by the words the shell would make of them (`crate::shell::survey`), so `echo "tail -f"` is
//! no finding. It runs nothing, and it never decides what may run: that is the policy's business.

mod bounds;
mod clients;
mod commands;
mod inputs;
mod platform;
mod sql;
#[cfg(test)]
mod tests;
mod text;
mod tool;
mod whole;
mod writes;

use std::collections::BTreeMap;

use serde::Serialize;

use crate::config::yaml::{self, Kind, Node, Warning};

use super::containers::sections;
use super::fields::name_of;
use super::parse::{Part, Reading, parts};
use super::tool::Defaults;
pub(in crate::toolset) use inputs::bytes;
pub use inputs::read;
use text::Lines;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// It cannot work, or does what its author says it does not.
    Error,
    /// It will fail or surprise somewhere.
    Warning,
    /// Worth a look.
    Note,
}

impl Level {
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// One thing that is wrong, or may be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub file: String,
    /// From 1; 0 where the whole file is meant.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub level: Level,
    /// Names the rule; `# lint: allow CODE` on the line or the line above it silences it.
    pub code: &'static str,
    pub message: String,
    /// What to do; empty where the message says it.
    pub remedy: String,
    pub toolset: Option<String>,
    pub tool: Option<String>,
}

/// A file to look at.
#[derive(Debug, Clone)]
pub struct Input {
    /// Its name in findings.
    pub place: String,
    pub bytes: Vec<u8>,
}

/// Looks at files that are used together; findings come in their order.
pub fn lint(inputs: &[Input]) -> Vec<Finding> {
    let mut all = Vec::new();
    let mut owners = BTreeMap::new();
    for input in inputs {
        let mut findings = file(input, &mut owners);
        findings.sort_by(|one, other| {
            (one.line, one.column, one.level, one.code).cmp(&(
                other.line,
                other.column,
                other.level,
                other.code,
            ))
        });
        findings.dedup();
        all.extend(findings);
    }
    all
}

/// Tools by name: toolset and place of the first, and whether that toolset is on everywhere.
type Owners = BTreeMap<String, (String, String, bool)>;

fn file(input: &Input, owners: &mut Owners) -> Vec<Finding> {
    let place = &input.place;
    let failed = |error: yaml::YamlError| {
        vec![Finding {
            file: place.clone(),
            line: error.line,
            column: error.column,
            level: Level::Error,
            code: "yaml",
            message: error.message,
            remedy: String::new(),
            toolset: None,
            tool: None,
        }]
    };
    let decoded = match yaml::decode(&input.bytes, place) {
        Ok(decoded) => decoded,
        Err(error) => return failed(error),
    };
    let documents = match yaml::parse_all(&decoded, place) {
        Ok(documents) => documents,
        Err(error) => return failed(error),
    };
    let lines = Lines::new(place, &decoded);
    let mut findings = Vec::new();
    let mut warnings = Vec::new();
    // Whether a variable is set is a matter of the machine, not of the file.
    let env: BTreeMap<String, String> = decoded
        .split("env.")
        .skip(1)
        .map(|rest| rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect())
        .map(|name| (name, "x".to_owned()))
        .collect();
    if documents.is_empty() {
        warnings.push(Warning::about_file(place, "is empty, a top-level `toolsets:` is needed"));
    }
    warnings.extend(documents.iter().flat_map(|document| document.warnings.iter().cloned()));
    let nodes: Vec<&Node> = documents.iter().map(|document| &document.node).collect();
    for section in sections(&nodes, &mut warnings) {
        let mut reading = Reading { env: &env, warnings: &mut warnings };
        for part in &parts(&section, &mut reading) {
            if let Some(body) = body_of(&section.node, &part.name) {
                toolset(part, body, &lines, owners, &mut findings);
            }
        }
    }
    findings.extend(warnings.into_iter().map(|warning| schema(warning, &lines)));
    findings.retain(|finding| !lines.allows(finding.line, finding.code));
    findings
}

fn body_of<'a>(section: &'a Node, name: &str) -> Option<&'a Node> {
    match &section.kind {
        Kind::Mapping(_) => section.get(name),
        Kind::Sequence(items) => items.iter().find(|item| name_of(item).is_some_and(|own| own == name)),
        Kind::Scalar { .. } => None,
    }
}

/// What reading the file complained of; the reader gives no codes.
fn schema(warning: Warning, lines: &Lines<'_>) -> Finding {
    let message = warning.message;
    let code = if message.starts_with("unknown key") {
        "unknown-key"
    } else if message.starts_with("unknown type") {
        "unknown-type"
    } else if message.contains("twice") || message.contains("duplicate") || message.contains("has two tools")
    {
        "duplicate"
    } else {
        "format"
    };
    lines.finding(warning.line, warning.column, Level::Warning, code, message)
}

fn toolset(part: &Part, body: &Node, lines: &Lines<'_>, owners: &mut Owners, findings: &mut Vec<Finding>) {
    let before = findings.len();
    let always = part.enabled.unwrap_or(true) && !part.auto;
    whole::check(part, body, lines, findings);
    // Places are those of the tool's own text: without what the toolset puts before it.
    let defaults = Defaults { prelude: None, ..part.defaults.clone() };
    for told in part.tools.iter().flatten() {
        let definition = &told.clone().completed(&defaults);
        let own = findings.len();
        let node = body
            .get("tools")
            .and_then(|tools| tools.items().ok())
            .and_then(|items| items.iter().rfind(|item| name_of(item).as_ref() == Some(&definition.name)));
        let Some(node) = node else { continue };
        let place = format!("{}:{}", lines.place, node.line);
        match owners.get(&definition.name) {
            Some((owner, first, on)) if *owner != part.name => {
                let message =
                    format!("tool `{}` is also one of toolset `{owner}` ({first})", definition.name);
                // Of toolsets that are off, or for other machines, one may be meant in place of another.
                let level = if *on && always { Level::Warning } else { Level::Note };
                findings.push(
                    lines
                        .finding(node.line, node.column, level, "duplicate-tool", message)
                        .remedy("only one of them can be called: rename it"),
                );
            }
            Some(_) => {}
            None => _ = owners.insert(definition.name.clone(), (part.name.clone(), place, always)),
        }
        tool::check(definition, part, node, lines, findings);
        for finding in findings.iter_mut().skip(own) {
            finding.tool = Some(definition.name.clone());
        }
    }
    for finding in findings.iter_mut().skip(before) {
        finding.toolset = Some(part.name.clone());
    }
}

impl Finding {
    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }
}
