//! `toolset show`: one toolset, or one tool with its command.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::super::Context;
use super::super::config::as_json;
use super::super::equipment;
use super::super::failure::{Exit, Failure};
use super::super::known::Known;
use super::super::options::{FormArgs, OutputFormat, ToolsetArgs};
use super::{Row, checked, clean, configured, progress, unknown};
use crate::toolset::{Parameter, Prerequisite, ToolDefinition, reference};
use crate::ui::{self, Terminal};

#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// A toolset, or a tool
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    toolsets: ToolsetArgs,
    #[command(flatten)]
    form: FormArgs,
}

pub(super) async fn run(args: ShowArgs, context: &Context) -> Result<(String, Exit), Failure> {
    let config = configured(&args.toolsets, context)?;
    let output = args.form.of(&config)?;
    let mut progress = progress(context);
    let mut known = Known::load(&config, &mut progress)?;
    equipment::show_builtin(&mut known.toolsets);
    let named = known.toolsets.contains_key(&args.name);
    let owner = |known: &Known| {
        let owners = known.toolsets.values().find(|one| one.tools.iter().any(|tool| tool.name == args.name));
        owners.map(|owner| owner.name.clone())
    };
    let owner = if named { Some(args.name.clone()) } else { owner(&known) };
    let Some(owner) = owner else {
        let tools: Vec<&str> =
            known.toolsets.values().flat_map(|one| &one.tools).map(|tool| tool.name.as_str()).collect();
        return Err(unknown(&args.name, &known.toolsets, &tools));
    };
    known.toolsets.retain(|name, _| *name == owner);
    let rows = checked(known, &config, &mut progress, false).await?;
    let shown = |row: &Row| {
        let tool = row.toolset.tools.iter().find(|tool| !named && tool.name == args.name);
        match tool {
            Some(tool) => one_tool(row, tool, output, &context.stdout),
            None => show(row, output, &context.stdout),
        }
    };
    Ok((rows.iter().map(shown).collect(), Exit::Answered))
}

fn programs(output: OutputFormat) -> bool {
    matches!(output, OutputFormat::Json | OutputFormat::Jsonl)
}

/// Columns before a fact's value.
const VALUE: usize = 15;

/// Lines of a page: `  name  value`, the value's further lines under its first. Words are wrapped where a
/// terminal has `width` columns; commands are not, since they are copied.
struct Lines {
    text: String,
    width: Option<usize>,
}

impl Lines {
    fn new(terminal: &Terminal) -> Self {
        Self { text: String::new(), width: terminal.tty.then_some(terminal.width) }
    }

    fn fact(&mut self, name: &str, value: &str) {
        if !value.trim().is_empty() {
            self.words(&format!("  {name:<12} "), value.trim(), VALUE);
        }
    }

    /// `start` and then `words`; what does not fit, and further lines, `indent` columns in.
    fn words(&mut self, start: &str, words: &str, indent: usize) {
        let words = clean(words);
        self.text.push_str(&ui::wrapped(&words, start, &" ".repeat(indent), self.width));
    }

    fn block(&mut self, title: &str, code: &str) {
        let _ = writeln!(self.text, "  {title}");
        for line in code.trim_end().lines() {
            let _ = writeln!(self.text, "      {}", ui::sanitize(line));
        }
    }
}

fn show(row: &Row, output: OutputFormat, terminal: &Terminal) -> String {
    if programs(output) {
        let mut whole = row.json();
        if let Value::Object(map) = &mut whole {
            map.insert("docs_url".to_owned(), json!(row.toolset.docs_url));
            map.insert("tools".to_owned(), row.toolset.tools.iter().map(tool_json).collect());
            map.insert(
                "prerequisites".to_owned(),
                row.toolset.prerequisites.iter().map(prerequisite_json).collect(),
            );
            map.insert("approval_required_tools".to_owned(), json!(row.toolset.approval_required_tools));
        }
        return as_json(&whole, output);
    }
    let toolset = &row.toolset;
    let mut lines = Lines::new(terminal);
    lines.words("", &format!("{} ({})", toolset.name, row.status()), 0);
    lines.fact("reason", &row.readiness.reason);
    lines.fact("to fix", row.remedy().unwrap_or_default());
    lines.fact("description", &toolset.description);
    lines.fact("origin", &toolset.origin);
    lines.fact("type", reference::kind(toolset.kind));
    if toolset.auto {
        lines.fact("enabled", "auto: on where its prerequisites hold");
    }
    if toolset.experimental {
        lines.fact("experimental", "not tried against the real service");
    }
    lines.fact("tags", &toolset.tags.join(", "));
    lines.fact("docs", toolset.docs_url.as_deref().unwrap_or_default());
    for prerequisite in &toolset.prerequisites {
        lines.fact("needs", &reference::needs(prerequisite));
    }
    let names: BTreeSet<&str> =
        toolset.tools.iter().flat_map(|tool| tool.env.iter().map(String::as_str)).collect();
    lines.fact("environment", &names.into_iter().collect::<Vec<_>>().join(", "));
    lines.fact("asks before", &toolset.approval_required_tools.join(", "));
    if row.remedy().is_none() {
        lines.fact("install", toolset.installation_instructions.as_deref().unwrap_or_default());
    }
    for tool in &toolset.tools {
        lines.text.push('\n');
        lines.words("  ", &format!("{}  {}", tool.name, tool.description.trim()), 6);
        if let Some(reason) = &tool.broken {
            lines.words("      ", &format!("cannot be used: {reason}"), 10);
        }
        for parameter in &tool.parameters {
            lines.words("      ", &line(parameter), 10);
        }
        lines.words("      ", &facts(tool), 10);
    }
    lines.text
}

fn one_tool(row: &Row, tool: &ToolDefinition, output: OutputFormat, terminal: &Terminal) -> String {
    if programs(output) {
        let mut whole = tool_json(tool);
        if let Value::Object(map) = &mut whole {
            map.insert("toolset".to_owned(), json!(row.toolset.name));
            map.insert("status".to_owned(), json!(row.status()));
            map.insert("reason".to_owned(), json!(row.readiness.reason));
        }
        return as_json(&whole, output);
    }
    let mut lines = Lines::new(terminal);
    lines.words("", &format!("{} (tool of {}, {})", tool.name, row.toolset.name, row.status()), 0);
    lines.fact("reason", &row.readiness.reason);
    lines.fact("broken", tool.broken.as_deref().unwrap_or_default());
    lines.fact("description", &tool.description);
    lines.fact("origin", &tool.place);
    lines.fact("limits", &limits(tool));
    lines.fact("environment", &tool.env.join(", "));
    lines.fact("workdir", tool.workdir.as_deref().unwrap_or_default());
    lines.fact("writable", &tool.writable.join(", "));
    if tool.contained == Some(false) {
        lines.fact("contained", "no");
    }
    for parameter in &tool.parameters {
        lines.fact("parameter", &line(parameter));
    }
    if !tool.template.is_empty() {
        lines.block("command", &tool.template);
    }
    if let Some(jq) = &tool.jq {
        lines.block("jq", jq);
    }
    lines.text
}

/// `namespace (string, optional, default `x`, one of a, b)  what it is`.
fn line(parameter: &Parameter) -> String {
    let mut about = vec![parameter.types.join("|")];
    if !parameter.required {
        about.push("optional".to_owned());
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(default) = parameter.default.as_ref().filter(|value| !value.is_null()) {
        about.push(format!("default {}", text(default)));
    }
    if !parameter.choices.is_empty() {
        let choices: Vec<String> = parameter.choices.iter().map(text).collect();
        about.push(format!("one of {}", choices.join(" ")));
    }
    let line = format!("{} ({})  {}", parameter.name, about.join(", "), parameter.description.trim());
    line.trim_end().to_owned()
}

fn limits(tool: &ToolDefinition) -> String {
    let reads = match tool.read_only {
        Some(true) => "reads only",
        Some(false) => "changes something",
        None => "may change something: its author does not say",
    };
    let time = tool.timeout.map(|time| format!(", at most {} s", time.as_secs_f64()));
    format!("{reads}{}", time.unwrap_or_default())
}

fn facts(tool: &ToolDefinition) -> String {
    // Tools of a server have no place in a file, and say here only what they say.
    match (tool.place.is_empty(), tool.read_only) {
        (true, None) => String::new(),
        (true, Some(_)) => format!("[{}]", limits(tool)),
        (false, _) => format!("[{}; {}]", limits(tool), tool.place),
    }
}

fn prerequisite_json(prerequisite: &Prerequisite) -> Value {
    match prerequisite {
        Prerequisite::Command { command, expected_output, timeout } => json!({
            "command": command, "expected_output": expected_output, "timeout_seconds": timeout.as_secs_f64(),
        }),
        Prerequisite::Env(names) => json!({ "env": names }),
        Prerequisite::OneOf(names) => json!({ "one_of": names }),
        Prerequisite::Program(names) => json!({ "program": names }),
        Prerequisite::Static { enabled, reason } => json!({ "enabled": enabled, "disabled_reason": reason }),
    }
}

fn tool_json(tool: &ToolDefinition) -> Value {
    let parameters: Vec<Value> = tool
        .parameters
        .iter()
        .map(|parameter| {
            json!({
                "name": parameter.name,
                "type": parameter.types,
                "description": parameter.description,
                "required": parameter.required,
                "enum": parameter.choices,
                "default": parameter.default,
            })
        })
        .collect();
    json!({
        "name": tool.name,
        "description": tool.description,
        "parameters": parameters,
        "command": tool.template,
        "jq": tool.jq,
        "read_only": tool.read_only,
        "timeout_seconds": tool.timeout.map(|timeout| timeout.as_secs_f64()),
        "env": tool.env,
        "workdir": tool.workdir,
        "writable": tool.writable,
        "contained": tool.contained,
        "origin": tool.place,
        "error": tool.broken,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolset::{Readiness, ReadinessStatus, Toolset};

    #[test]
    fn what_a_stranger_wrote_cannot_steer_the_terminal() {
        let toolset = Toolset {
            name: "a".to_owned(),
            description: "x\u{1b}]0;owned\u{7}y".to_owned(),
            ..Toolset::default()
        };
        let readiness = Readiness {
            name: "a".to_owned(),
            status: ReadinessStatus::Enabled,
            reason: String::new(),
            milliseconds: 0,
        };
        let shown = show(&Row { toolset, readiness }, OutputFormat::Text, &Terminal::plain());
        assert!(shown.starts_with("a (enabled)\n") && !shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
    }
}
