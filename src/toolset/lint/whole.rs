//! A toolset as a whole: its form, its prerequisites, what people and models read of it.

use crate::config::yaml::Node;
use crate::shell::survey::survey;
use crate::shell::template;

use super::super::Prerequisite;
use super::super::parse::Part;
use super::commands::runs;
use super::text::Lines;
use super::tool::template_finding;
use super::{Finding, Level};

const KINDS: &[&str] =
    &["command", "commands", "builtin", "customized", "mcp", "http", "database", "mongodb"];

pub(super) fn check(part: &Part, body: &Node, lines: &Lines<'_>, findings: &mut Vec<Finding>) {
    if let Some(reason) = &part.broken {
        findings.push(broken(reason, body, "format", lines));
    }
    if let (Some(kind), Some(node)) = (&part.kind, body.get("type"))
        && !KINDS.contains(&kind.as_str())
    {
        let message = format!("type `{kind}` is not known");
        let remedy = format!("one of {}, or no `type` for commands", KINDS[4..].join(", "));
        findings.push(
            lines.finding(node.line, node.column, Level::Error, "unknown-type", message).remedy(remedy),
        );
    }
    // What only switches a toolset on or configures it has the rest elsewhere.
    if !part.defines {
        return;
    }
    let place = part.warning(String::new());
    let (line, column) = (place.line, place.column);
    let commands = part.kind.as_ref().is_none_or(|kind| KINDS[..4].contains(&kind.as_str()));
    if part.said.description.trim().is_empty() {
        let message = format!("toolset `{}` has no description", part.name);
        findings.push(lines.finding(line, column, Level::Note, "missing-description", message));
    }
    if commands
        && part.tools.as_ref().is_none_or(Vec::is_empty)
        && part.broken.is_none()
        && body.get("tools").is_some()
        // Its one tool is part of the program.
        && part.name != "bash/core"
    {
        let message = format!("toolset `{}` has no tools", part.name);
        findings.push(lines.finding(line, column, Level::Warning, "no-tools", message));
    }
    if part.auto && commands && part.said.prerequisites.is_empty() {
        let message =
            format!("toolset `{}` is `enabled: auto` and has no prerequisites: it is always on", part.name);
        findings.push(
            lines
                .finding(line, column, Level::Warning, "auto-without-prerequisites", message)
                .remedy("add the command that shows that its service is here"),
        );
    }
    for (text, key) in [(&part.said.llm_instructions, "llm_instructions")] {
        if let (Some(text), Some(node)) = (text, body.get(key))
            && let Err(error) = template::variables(text)
        {
            findings.push(template_finding(&error, node, lines));
        }
    }
    prerequisites(part, body, lines, findings);
}

fn prerequisites(part: &Part, body: &Node, lines: &Lines<'_>, findings: &mut Vec<Finding>) {
    let Some(node) = body.get("prerequisites") else { return };
    let nodes: Vec<&Node> = match node.items() {
        Ok(items) => items.iter().collect(),
        Err(_) => vec![node],
    };
    for one in nodes {
        let command = one.get("command").unwrap_or(one);
        let expected = one.get("expected_output").is_some_and(|expected| !expected.is_null());
        let Ok(text) = command.as_str() else {
            if let Some(always) = one.get("enabled").filter(|value| value.as_bool().is_ok_and(|on| on)) {
                let message = "`enabled: true` as a prerequisite asks for nothing";
                findings.push(lines.finding(
                    always.line,
                    always.column,
                    Level::Note,
                    "always-holds",
                    message,
                ));
            }
            continue;
        };
        if let Err(error) = template::variables(text) {
            findings.push(template_finding(&error, command, lines));
            continue;
        }
        if !expected && always_holds(text) {
            let message = format!("prerequisite `{}` always holds", text.lines().next().unwrap_or_default());
            findings.push(
                lines
                    .within(command, 0, Level::Warning, "always-holds", message)
                    .remedy(format!("ask for what `{}` needs: its program, its service", part.name)),
            );
        }
    }
}

/// It ends with `true`, `echo`, `exit 0`, whatever came before.
fn always_holds(command: &str) -> bool {
    let surveyed = survey(command, |_| String::new());
    let all = runs(&surveyed);
    let Some(last) = all.last() else { return command.trim().is_empty() };
    let ends = matches!(last.program.as_str(), "true" | ":" | "echo" | "printf" | "date" | "pwd" | "whoami")
        || last.program == "exit" && last.operands().next() == Some("0");
    let joined = command.contains("&&");
    ends && (all.len() == 1
        || !joined && all.iter().all(|run| run.program != "exit" || run.operands().next() == Some("0")))
        && !command.trim_start().starts_with("if ")
        && !command.contains("set -e")
}

/// Whether a prerequisite has this program among its words.
pub(super) fn named(part: &Part, program: &str) -> bool {
    part.said.prerequisites.iter().any(|prerequisite| match prerequisite {
        Prerequisite::Program(names) => names.iter().any(|name| name == program),
        Prerequisite::Command { command, .. } => command
            .split(|c: char| c.is_whitespace() || "();|&\"'`".contains(c))
            .any(|word| word.rsplit('/').next() == Some(program)),
        _ => false,
    })
}

/// Whether the toolset's prelude has a function of this name.
pub(super) fn defined(part: &Part, name: &str) -> bool {
    let prelude = part.defaults.prelude.as_deref().unwrap_or_default();
    prelude
        .lines()
        .any(|line| line.trim_start().strip_prefix(name).is_some_and(|rest| rest.starts_with("()")))
}

/// A reason as reading gave it: `file:line:column: message, at: line`.
pub(super) fn broken(reason: &str, node: &Node, code: &'static str, lines: &Lines<'_>) -> Finding {
    let placed = reason.strip_prefix(lines.place).and_then(|rest| rest.strip_prefix(':')).and_then(|rest| {
        let mut parts = rest.splitn(3, ':');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?, parts.next()?.trim()))
    });
    let (line, column, message) = placed.unwrap_or((node.line, node.column, reason));
    let message = message.split(", at: ").next().unwrap_or(message);
    let (message, remedy) = message.split_once("; in Jinja it is ").unwrap_or((message, ""));
    let remedy = if remedy.is_empty() { String::new() } else { format!("in Jinja: {remedy}") };
    lines.finding(line, column, Level::Error, code, message).remedy(remedy)
}
