//! `toolset list`: what can be used, and what is wanted and cannot.

use std::collections::BTreeSet;

use clap::Args;
use serde_json::Value;

use super::super::Context;
use super::super::config::as_json;
use super::super::failure::{Exit, Failure};
use super::super::known::Known;
use super::super::options::{FormArgs, OutputFormat, ToolsetArgs};
use super::{Row, checked, configured, progress};
use crate::toolset::ReadinessStatus;
use crate::ui::{Table, Terminal};

/// Columns from which a reason has room beside the others: names of 25 and a reason of 60.
pub(super) const WIDE: usize = 120;

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Also those that are off, and those whose service is not here
    #[arg(short, long)]
    all: bool,
    /// Only toolsets with this tag, such as `core` or `cli`; may be given several times
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    tag: Vec<String>,
    #[command(flatten)]
    toolsets: ToolsetArgs,
    #[command(flatten)]
    form: FormArgs,
}

pub(super) async fn run(
    args: ListArgs,
    context: &Context,
) -> Result<(String, Option<String>, Exit), Failure> {
    let config = configured(&args.toolsets, context)?;
    let output = args.form.of(&config)?;
    let mut progress = progress(context);
    let known = Known::load(&config, &mut progress)?;
    let mut rows = checked(known, &config, &mut progress, false).await?;
    let tags: BTreeSet<String> = rows.iter().flat_map(|row| row.toolset.tags.clone()).collect();
    rows.retain(|row| args.tag.is_empty() || row.toolset.tags.iter().any(|tag| args.tag.contains(tag)));
    if rows.is_empty() && !args.tag.is_empty() {
        let there = tags.into_iter().collect::<Vec<_>>().join("`, `");
        context.say(&format!("no toolset has the tag `{}`; there are `{there}`", args.tag.join("` or `")));
    }
    let programs = matches!(output, OutputFormat::Json | OutputFormat::Jsonl);
    let mut hidden = None;
    if !args.all && !programs {
        hidden = hide(&mut rows);
    }
    let empty = rows.is_empty() && !programs;
    let text = if empty { String::new() } else { list(&rows, output, &context.stdout) };
    Ok((text, hidden, Exit::Answered))
}

/// Drops what is off and what has no service here; how many these are, and why, for the line below the list.
pub(super) fn hide(rows: &mut Vec<Row>) -> Option<String> {
    let off = |row: &Row| row.readiness.status == ReadinessStatus::Disabled;
    let hidden: Vec<&Row> = rows.iter().filter(|row| off(row)).collect();
    let said = hidden_said(&hidden);
    rows.retain(|row| !off(row));
    said
}

fn hidden_said(hidden: &[&Row]) -> Option<String> {
    let auto = hidden.iter().filter(|row| row.toolset.enabled && row.toolset.auto).count();
    let off = hidden.len() - auto;
    let why = match (off, auto) {
        (0, 0) => return None,
        (_, 0) => "off",
        (0, 1) => "without its service here",
        (0, _) => "without their service here",
        _ => "off or without their service here",
    };
    let (count, verb) = (hidden.len(), if hidden.len() == 1 { "is" } else { "are" });
    Some(format!("{count} more {verb} {why}: --all shows them"))
}

pub(super) fn list(rows: &[Row], output: OutputFormat, terminal: &Terminal) -> String {
    match output {
        OutputFormat::Json => as_json(&rows.iter().map(Row::json).collect::<Value>(), output),
        OutputFormat::Jsonl => rows.iter().map(|row| as_json(&row.json(), output)).collect(),
        OutputFormat::Text | OutputFormat::Markdown | OutputFormat::Html => {
            // A narrow terminal shows reasons below their rows: a column of them would be a word wide.
            let narrow = terminal.tty && terminal.width < WIDE && output != OutputFormat::Markdown;
            let header = ["NAME", "STATUS", "TOOLS", "REASON", "ORIGIN"];
            let mut table =
                if narrow { Table::new(&["NAME", "STATUS", "TOOLS", "ORIGIN"]) } else { Table::new(&header) };
            for row in rows {
                let remedy = row.remedy().and_then(|text| text.lines().next());
                let reason = &row.readiness.reason;
                let (name, origin) = (row.toolset.name.as_str(), row.toolset.origin.as_str());
                let tools = row.tools().len().to_string();
                if narrow {
                    table.row([name, row.status(), &tools, origin]);
                    if !reason.is_empty() {
                        table.note(reason);
                    }
                    if let Some(remedy) = remedy {
                        table.note(format!("to fix: {remedy}"));
                    }
                    continue;
                }
                let gap = if terminal.tty { "\nto fix: " } else { "; " };
                let remedy = remedy.map(|remedy| format!("{gap}{remedy}"));
                let reason = format!("{reason}{}", remedy.unwrap_or_default());
                let reason = if reason.is_empty() { "-" } else { &reason };
                table.row([name, row.status(), &tools, reason, origin]);
            }
            output.table(&table, terminal)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toolset::{Readiness, ToolDefinition, Toolset};
    use insta::assert_snapshot;
    use serde_json::json;

    fn row(name: &str, status: ReadinessStatus, reason: &str) -> Row {
        let readiness =
            Readiness { name: name.to_owned(), status, reason: reason.to_owned(), milliseconds: 4 };
        let toolset = Toolset {
            name: name.to_owned(),
            enabled: true,
            auto: status == ReadinessStatus::Disabled,
            origin: "builtin".to_owned(),
            ..Toolset::default()
        };
        Row { toolset, readiness }
    }

    fn sample() -> Vec<Row> {
        let mut ready = row("a", ReadinessStatus::Enabled, "");
        ready.toolset.tools = vec![ToolDefinition { name: "orders".into(), ..ToolDefinition::default() }];
        let mut failed = row("b", ReadinessStatus::Failed, "`psql` is not installed");
        failed.toolset.origin = "b.yaml".into();
        failed.toolset.tags = vec!["cli".into()];
        failed.toolset.installation_instructions = Some("install psql\nand more".into());
        vec![ready, failed]
    }

    #[test]
    fn a_piped_list_is_one_row_a_line() {
        assert_snapshot!(list(&sample(), OutputFormat::Text, &Terminal::plain()), @"
NAME  STATUS   TOOLS  REASON                                 ORIGIN
a     enabled  1      -                                      builtin
b     failed   0      `psql` is not installed; install psql  b.yaml
");
    }

    #[test]
    fn a_terminal_of_80_columns_has_room() {
        let terminal = Terminal { tty: true, colour: false, live: true, unicode: true, width: 80 };
        let mut rows = sample();
        rows[1].toolset.name = "kubernetes/live-metrics".into();
        assert_snapshot!(list(&rows, OutputFormat::Text, &terminal), @"
 NAME                      STATUS    TOOLS   ORIGIN
─────────────────────────────────────────────────────
 a                         enabled   1       builtin
 kubernetes/live-metrics   failed    0       b.yaml
     `psql` is not installed
     to fix: install psql
");
    }

    #[test]
    fn the_json_form_carries_every_field() {
        let text = list(&sample(), OutputFormat::Json, &Terminal::plain());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value[0],
            json!({"name": "a", "status": "enabled", "reason": "", "origin": "builtin", "description": "",
                   "tags": [], "tools": ["orders"], "auto": false, "type": "commands", "experimental": false,
                   "installation_instructions": null, "milliseconds": 4})
        );
        assert_eq!(
            (value[1]["status"].as_str(), value[1]["tags"][0].as_str()),
            (Some("failed"), Some("cli"))
        );
    }

    #[test]
    fn what_is_hidden_is_counted_with_its_reason() {
        let auto = row("a", ReadinessStatus::Disabled, "");
        let mut off = row("b", ReadinessStatus::Disabled, "");
        off.toolset.auto = false;
        assert_eq!(hidden_said(&[]), None);
        assert_eq!(hidden_said(&[&auto]).unwrap(), "1 more is without its service here: --all shows them");
        let both = "2 more are off or without their service here: --all shows them";
        assert_eq!(hidden_said(&[&auto, &off]).unwrap(), both);
    }
}
