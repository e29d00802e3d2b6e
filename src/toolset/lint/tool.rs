//! One tool: its templates, its parameters and its commands.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::yaml::Node;
use crate::shell::survey::{Hazard, Survey, survey};
use crate::shell::template::{self, Given, TemplateError};

use super::super::parse::Part;
use super::super::{Parameter, ToolDefinition};
use super::commands::{Run, is_shell, runs};
use super::text::Lines;
use super::whole::broken;
use super::{Finding, Level, bounds, platform, sql, writes};

/// A value that is safe nowhere but as data.
const HOSTILE: &str = "a b'c\"d";

pub(super) fn check(
    tool: &ToolDefinition,
    part: &Part,
    node: &Node,
    lines: &Lines<'_>,
    findings: &mut Vec<Finding>,
) {
    if let Some(reason) = &tool.broken {
        let template = tool.template.trim().is_empty() || template::variables(&tool.template).is_ok();
        let code = if template { "format" } else { "template" };
        findings.push(broken(reason, node, code, lines));
    }
    describe(tool, node, lines, findings);
    let source = node.get("script").filter(|script| !script.is_null()).or_else(|| node.get("command"));
    let Some(source) = source.filter(|source| source.as_str().is_ok()) else { return };
    if tool.template.is_empty() || template::variables(&tool.template).is_err() {
        return;
    }
    unused(tool, part, node, lines, findings);
    engine(tool, source, lines, findings);
    let surveyed = survey(&tool.template, |expression| sample(expression, &tool.parameters));
    // A name in a comment that is no parameter gets no value.
    let named = |expression: &str| {
        let variables = template::variables(&format!("{{{{ {expression} }}}}")).unwrap_or_default();
        variables.iter().any(|one| tool.parameters.iter().any(|parameter| parameter.name == one.name))
    };
    let idle = |hazard: &&Hazard| hazard.place.contains("comment") && !named(&hazard.expression);
    for hazard in surveyed.hazards.iter().filter(|hazard| !idle(hazard)) {
        let message = format!("`{{{{ {} }}}}` stands {}", hazard.expression, hazard.place);
        findings.push(
            lines
                .within(source, hazard.at, Level::Warning, "quoting", message)
                .remedy(format!("plain values go in, all others are refused: {}", hazard.remedy)),
        );
    }
    commands(tool, part, source, &surveyed, lines, findings);
}

fn describe(tool: &ToolDefinition, node: &Node, lines: &Lines<'_>, findings: &mut Vec<Finding>) {
    let mut missing = |node: &Node, what: String| {
        findings.push(lines.finding(node.line, node.column, Level::Note, "missing-description", what));
    };
    if tool.description.trim().is_empty() {
        missing(
            node,
            format!("tool `{}` has no description: a model cannot know when to call it", tool.name),
        );
    }
    let declared = node.get("parameters").filter(|parameters| !parameters.is_null());
    let mut inferred = Vec::new();
    for parameter in tool.parameters.iter().filter(|one| one.description.trim().is_empty()) {
        match declared.and_then(|parameters| parameters.get(&parameter.name)) {
            // One that says itself: `namespace: {type: string}` costs tokens otherwise.
            Some(own) if parameter.choices.is_empty() && parameter.name.len() < 3 => {
                missing(own, format!("parameter `{}` of `{}` has no description", parameter.name, tool.name));
            }
            Some(_) => {}
            None => inferred.push(format!("`{}`", parameter.name)),
        }
    }
    // They all stand in the command: one line for them.
    match inferred.as_slice() {
        [] => {}
        [one] => missing(node, format!("parameter {one} of `{}` has no description", tool.name)),
        all => missing(node, format!("parameters {} of `{}` have no description", all.join(", "), tool.name)),
    }
    if let Some(node) = node.get("user_description")
        && let Some(text) = &tool.user_description
        && let Err(error) = template::variables(text)
    {
        findings.push(template_finding(&error, node, lines));
    }
}

pub(super) fn template_finding(error: &TemplateError, node: &Node, lines: &Lines<'_>) -> Finding {
    let (line, column, reason) = match error {
        TemplateError::Syntax { line, column, reason } => {
            (node.line + line.saturating_sub(1), node.column + column.saturating_sub(1), reason.clone())
        }
        TemplateError::Render { line, reason } => {
            (node.line + line.saturating_sub(1), node.column, reason.clone())
        }
        other => (node.line, node.column, other.to_string()),
    };
    lines.finding(line, column, Level::Error, "template", reason)
}

/// Declared, and neither the command nor the jq program has it, nor the line a person reads.
fn unused(tool: &ToolDefinition, part: &Part, node: &Node, lines: &Lines<'_>, findings: &mut Vec<Finding>) {
    let mut used: BTreeSet<String> = BTreeSet::new();
    let others = [&tool.jq, &tool.additional_instructions, &tool.user_description, &part.defaults.prelude];
    for text in others.into_iter().flatten().chain([&tool.template]) {
        used.extend(template::variables(text).unwrap_or_default().into_iter().map(|variable| variable.name));
    }
    used.extend(tool.jq.as_deref().map(template::environment_names).unwrap_or_default());
    // Inside a macro these are Jinja's own, so the tree does not tell.
    let untold = |name: &str| {
        ["caller", "loop", "self"].contains(&name)
            // How a script in another language reads it.
            || tool.template.contains(&format!("HOLMES_PARAM_{name}"))
    };
    for parameter in tool.parameters.iter().filter(|one| !used.contains(&one.name) && !untold(&one.name)) {
        let declared = node.get("parameters").filter(|parameters| !parameters.is_null()).unwrap_or(node);
        let entries = declared.entries().unwrap_or_default();
        let entry = entries.iter().find(|entry| entry.key == parameter.name);
        let (line, column) =
            entry.map_or((declared.line, declared.column), |entry| (entry.line, entry.column));
        let message = format!("parameter `{}` is declared and never used", parameter.name);
        let remedy = format!("write `{{{{ {} }}}}` where it belongs, or take it out", parameter.name);
        findings
            .push(lines.finding(line, column, Level::Warning, "unused-parameter", message).remedy(remedy));
    }
}

/// Names of filters and functions are only looked up when a template is rendered.
fn engine(tool: &ToolDefinition, source: &Node, lines: &Lines<'_>, findings: &mut Vec<Finding>) {
    let values = tool.parameters.iter().map(|parameter| {
        let value = match parameter.types.first().map(String::as_str) {
            Some("integer" | "number") => serde_json::json!(7),
            Some("boolean") => serde_json::json!(true),
            Some("array") => serde_json::json!(["a"]),
            Some("object") => serde_json::json!({}),
            _ => parameter.choices.first().cloned().unwrap_or_else(|| serde_json::json!("a")),
        };
        (parameter.name.clone(), value)
    });
    let values = values.collect();
    let given = Given {
        values: &values,
        config: &serde_json::Map::new(),
        environment: &BTreeMap::new(),
        allow_options: true,
    };
    if let Err(error @ TemplateError::Render { .. }) = template::render(&tool.template, given)
        && let TemplateError::Render { reason, .. } = &error
        && ["filter `", "unknown filter", "unknown test", "unknown function", "unknown method", "is unknown"]
            .iter()
            .any(|sign| reason.contains(sign))
    {
        findings.push(template_finding(&error, source, lines));
    }
}

/// A value that the parameter of an expression admits and that is as awkward as can be.
fn sample(expression: &str, parameters: &[Parameter]) -> String {
    let plain = ["int", "float", "length", "count", "urlencode", "abs", "round"];
    let last = expression.rsplit('|').next().map(str::trim).unwrap_or_default();
    if expression.contains('|')
        && plain.iter().any(|filter| last == *filter || last.starts_with(&format!("{filter}(")))
    {
        return "7".to_owned();
    }
    let name: String = expression.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
    let Some(parameter) = parameters.iter().find(|parameter| parameter.name == name) else {
        return HOSTILE.to_owned();
    };
    if !parameter.types.is_empty()
        && parameter.types.iter().all(|kind| ["integer", "number", "boolean"].contains(&kind.as_str()))
    {
        return "7".to_owned();
    }
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let plain = |text: &String| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b));
    let choices: Vec<String> = parameter.choices.iter().map(text).collect();
    match choices.iter().find(|choice| !plain(choice)).or(choices.first()) {
        Some(choice) => choice.clone(),
        None => HOSTILE.to_owned(),
    }
}

fn commands(
    tool: &ToolDefinition,
    part: &Part,
    source: &Node,
    surveyed: &Survey,
    lines: &Lines<'_>,
    findings: &mut Vec<Finding>,
) {
    let mut all = runs(surveyed);
    all.retain(|run| !case_arm(&tool.template, run.at));
    let bodies: Vec<&str> = surveyed.redirections.iter().filter_map(|one| one.body.as_deref()).collect();
    let bodies = bodies.join("\n");
    let place = |at: usize, level, code, message: String| lines.within(source, at, level, code, message);
    for run in &all {
        if let Some((what, remedy)) = bounds::endless(run, &all) {
            findings.push(place(run.at, Level::Warning, "unbounded", what).remedy(remedy));
        }
        if let Some((what, remedy)) = bounds::patient(run, &bodies) {
            findings.push(place(run.at, Level::Note, "no-max-time", what).remedy(remedy));
        }
        if let Some((what, remedy)) = platform::bsd(run).filter(|_| !super::whole::named(part, "Darwin")) {
            let remedy = format!("on Linux: {remedy}");
            findings.push(place(run.at, Level::Warning, "bsd-only", what).remedy(remedy));
        }
    }
    if tool.read_only != Some(false) {
        let prelude = part.defaults.prelude.as_deref().unwrap_or_default();
        let temporary = [prelude, &tool.template].iter().any(|text| text.contains("$(mktemp"));
        for change in writes::changes(surveyed, &all, temporary) {
            let level =
                if tool.read_only == Some(true) && change.sure { Level::Error } else { Level::Warning };
            let (message, remedy) = if tool.read_only == Some(true) {
                (
                    format!("{} in a tool with `read_only: true`", change.what),
                    "take it out, or say `read_only: false`",
                )
            } else {
                (change.what, "say `read_only: false` if that is meant, so that people are asked first")
            };
            findings.push(place(change.at, level, "writes", message).remedy(remedy));
        }
    }
    let linux = tool.template.contains("/proc/") || tool.template.contains("/sys/");
    let gnu: BTreeSet<&str> = all.iter().filter_map(platform::gnu).collect();
    if let (false, Some(first)) =
        (linux || gnu.is_empty(), all.iter().find(|run| platform::gnu(run).is_some()))
    {
        let names: Vec<String> = gnu.iter().map(|name| format!("`{name}`")).collect();
        let message = format!("only GNU's programs take {}", names.join(", "));
        findings.push(place(first.at, Level::Note, "gnu-only", message));
    }
    // Functions are the author's own, here or in what stands before every command.
    let texts = [part.defaults.prelude.as_deref().unwrap_or_default(), tool.template.as_str()];
    let function = |name: &str| texts.iter().any(|text| text.contains(&format!("{name}()")));
    let foreign =
        |run: &&Run| run.outer && !common(run) && !run.program.starts_with('-') && !function(&run.program);
    if let Some(run) = all.iter().find(foreign)
        && !part.said.prerequisites.is_empty()
        && !super::whole::named(part, &run.program)
        && !super::whole::defined(part, &run.program)
        && !tool.template.contains(&format!("command -v {}", run.program))
    {
        let message = format!("no prerequisite asks for `{}`, which `{}` runs", run.program, tool.name);
        let remedy = format!(
            "`- command: command -v {}`, or a call that also shows that its service answers",
            run.program
        );
        findings.push(place(run.at, Level::Note, "missing-prerequisite", message).remedy(remedy));
    }
}

/// `secret|secrets)`: patterns look like commands to a scanner that knows no grammar.
fn case_arm(template: &str, at: usize) -> bool {
    // `$(mktemp)` is a command.
    if template.get(..at).is_some_and(|before| before.ends_with('(')) {
        return false;
    }
    let rest = template.get(at..).unwrap_or_default();
    let line = rest.lines().next().unwrap_or_default();
    let pattern = line.split_once(')').map(|(pattern, _)| pattern.trim()).unwrap_or_default();
    template.contains("case ")
        && !pattern.is_empty()
        && !pattern.contains(['(', '$', ';', '&', '<', '>'])
        && pattern.replace("\\ ", "").split('|').all(|one| !one.trim().contains(' '))
}

/// What every Linux machine has, and what the shell itself knows.
#[allow(clippy::too_many_lines)] // A table of programs: it reads as one.
fn common(run: &Run) -> bool {
    const COMMON: &[&str] = &[
        "awk",
        "basename",
        "break",
        "case",
        "cat",
        "cd",
        "cut",
        "date",
        "df",
        "dirname",
        "done",
        "du",
        "echo",
        "env",
        "esac",
        "exit",
        "export",
        "fi",
        "find",
        "for",
        "free",
        "grep",
        "hash",
        "head",
        "hostname",
        "id",
        "ip",
        "kill",
        "let",
        "local",
        "ls",
        "mktemp",
        "nproc",
        "printf",
        "ps",
        "pwd",
        "read",
        "readlink",
        "return",
        "rm",
        "sed",
        "set",
        "shift",
        "sleep",
        "sort",
        "stat",
        "tail",
        "tee",
        "test",
        "tr",
        "trap",
        "true",
        "type",
        "uname",
        "uniq",
        "unset",
        "uptime",
        "wait",
        "wc",
        "which",
        "whoami",
        "xargs",
        "[",
        "[[",
        ":",
        ".",
        "}",
        "{",
        "mkdir",
        "touch",
        "curl",
        "base64",
        "continue",
        "eval",
        "source",
        "false",
        "function",
        "in",
        "select",
        "shopt",
        "ulimit",
        "umask",
        "seq",
        "tac",
        "paste",
        "comm",
        "join",
        "nl",
        "fold",
        "column",
        "diff",
        "cmp",
        "od",
        "sha256sum",
        "md5sum",
        "timeout",
        "readarray",
        "vmstat",
        "realpath",
        "dmesg",
        "ss",
        "top",
        "mount",
        "lscpu",
        "pgrep",
        "pidof",
        "mapfile",
        "declare",
        "getopts",
    ];
    COMMON.contains(&run.program.as_str())
        || is_shell(&run.program)
        || sql::is_client(&run.program) && run.program == "sqlite3"
        || run.program.contains(['$', '=', '/', '*', ')', '|'])
        || run.program.is_empty()
        || run.arguments.first().is_some_and(|word| word.text == ")")
        || run.program.bytes().all(|b| b.is_ascii_digit())
}
