//! `toolset check`: prerequisites asked now; each of them where a toolset is named.

use clap::Args;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::super::Context;
use super::super::config::as_json;
use super::super::failure::{Exit, Failure};
use super::super::known::Known;
use super::super::options::{FormArgs, OutputFormat, ToolsetArgs};
use super::list::{WIDE, hide};
use super::{Row, checked, configured, progress, take_given, unknown};
use crate::config::Config;
use crate::toolset::prerequisites::Answer;
use crate::toolset::{Prerequisite, ReadinessStatus, ToolsetKind, reference};
use crate::ui::{Progress, Table, Terminal, wrapped};

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Toolsets whose prerequisites are shown one by one [default: all, a row each]
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Without a name: also those that are off, and those whose service is not here
    #[arg(short, long)]
    all: bool,
    #[command(flatten)]
    toolsets: ToolsetArgs,
    #[command(flatten)]
    form: FormArgs,
}

pub(super) async fn run(
    args: CheckArgs,
    context: &Context,
) -> Result<(String, Option<String>, Exit), Failure> {
    let config = configured(&args.toolsets, context)?;
    let output = args.form.of(&config)?;
    let mut progress = progress(context);
    let known = Known::load(&config, &mut progress)?;
    if args.names.is_empty() {
        let mut rows = checked(known, &config, &mut progress, true).await?;
        let programs = matches!(output, OutputFormat::Json | OutputFormat::Jsonl);
        let hidden = if args.all || programs { None } else { hide(&mut rows) };
        return Ok((all(&rows, output, &context.stdout), hidden, Exit::Answered));
    }
    for name in &args.names {
        if !known.toolsets.contains_key(name) {
            return Err(unknown(name, &known.toolsets, &[]));
        }
    }
    let mut names = args.names;
    names.sort();
    names.dedup();
    let examined = examine(known, &names, &config, &mut progress).await?;
    let unusable = examined.iter().filter(|(row, _)| row.readiness.status != ReadinessStatus::Enabled);
    let mut exit = Exit::Answered;
    for (row, _) in unusable {
        exit = Exit::RunTime;
        let name = &row.toolset.name;
        let mut said = format!("{name} cannot be used: {}", row.readiness.reason);
        let how = row.toolset.installation_instructions.as_deref().unwrap_or_default().trim();
        if row.toolset.enabled && row.toolset.broken.is_none() && !how.is_empty() {
            said = format!("{said}\nto fix: {how}");
        }
        let width = context.stderr.tty.then_some(context.stderr.width);
        context.say(wrapped(&super::clean(&said), "", "  ", width).trim_end());
    }
    Ok((each(&examined, output, &context.stdout), None, exit))
}

async fn examine(
    known: Known,
    names: &[String],
    config: &Config,
    progress: &mut Progress,
) -> Result<Vec<(Row, Vec<Answer>)>, Failure> {
    let (_keep, stop) = watch::channel(false);
    let (found, mut connected) = known.examine(names, config, progress, &stop).await?;
    let mut toolsets = known.toolsets;
    take_given(&mut toolsets, &mut connected, progress).await;
    let rows = found.into_iter().filter_map(|(readiness, answers)| {
        let toolset = toolsets.remove(&readiness.name)?;
        Some((Row { toolset, readiness }, answers))
    });
    Ok(rows.collect())
}

fn all(rows: &[Row], output: OutputFormat, terminal: &Terminal) -> String {
    match output {
        OutputFormat::Json => as_json(&rows.iter().map(Row::json).collect::<Value>(), output),
        OutputFormat::Jsonl => rows.iter().map(|row| as_json(&row.json(), output)).collect(),
        OutputFormat::Text | OutputFormat::Markdown | OutputFormat::Html => {
            // As `list` does it.
            let narrow = terminal.tty && terminal.width < WIDE && output != OutputFormat::Markdown;
            let header = ["NAME", "STATUS", "MS", "REASON"];
            let mut table = Table::new(if narrow { &header[..3] } else { &header });
            for row in rows {
                let reason = if row.readiness.reason.is_empty() { "-" } else { &row.readiness.reason };
                let taken = row.readiness.milliseconds.to_string();
                if narrow {
                    table.row([row.toolset.name.as_str(), row.status(), &taken]);
                    if !row.readiness.reason.is_empty() {
                        table.note(reason);
                    }
                    continue;
                }
                table.row([row.toolset.name.as_str(), row.status(), &taken, reason]);
            }
            output.table(&table, terminal)
        }
    }
}

/// One thing that was asked: what, whether it holds, in how long.
struct Asked {
    what: String,
    result: String,
    held: bool,
    milliseconds: Option<u64>,
}

fn asked(row: &Row, answers: &[Answer]) -> Vec<Asked> {
    let mut found = Vec::new();
    for answer in answers {
        let what = match &answer.prerequisite {
            Prerequisite::Command { command, .. } => {
                let mut lines = command.trim().lines();
                let first = lines.next().unwrap_or_default();
                match (first.strip_prefix('#'), lines.next()) {
                    // A comment at the top is the author's title.
                    (Some(title), _) => title.trim().to_owned(),
                    (None, Some(_)) => format!("{first} …"),
                    (None, None) => first.to_owned(),
                }
            }
            Prerequisite::Env(names) => format!("env {}", names.join(" ")),
            Prerequisite::OneOf(names) => format!("one of {}", names.join(" ")),
            Prerequisite::Program(names) => format!("program {}", names.join(" or ")),
            Prerequisite::Static { .. } => reference::needs(&answer.prerequisite),
        };
        let result = match (&answer.held, &answer.prerequisite) {
            (Ok(()), _) => "ok".to_owned(),
            (Err(reason), Prerequisite::Env(names)) if names.len() > 1 => reason.clone(),
            (Err(_), Prerequisite::Env(_)) => "not set".to_owned(),
            // The command stands beside it.
            (Err(reason), _) => match reason.strip_prefix('`').and_then(|rest| rest.split_once("`: ")) {
                Some((_, reason)) => reason.to_owned(),
                None => reason.clone(),
            },
        };
        found.push(Asked {
            what,
            result,
            held: answer.held.is_ok(),
            milliseconds: Some(answer.milliseconds),
        });
    }
    let prerequisites_held = found.iter().all(|one| one.held);
    if row.toolset.kind != ToolsetKind::Commands && row.toolset.enabled && prerequisites_held {
        let held = row.readiness.status == ReadinessStatus::Enabled;
        let result = match (held, row.toolset.tools.len()) {
            (true, 1) => "ok, 1 tool".to_owned(),
            (true, tools) => format!("ok, {tools} tools"),
            (false, _) => row.readiness.reason.clone(),
        };
        let before: u64 = answers.iter().map(|answer| answer.milliseconds).sum();
        let milliseconds = Some(row.readiness.milliseconds.saturating_sub(before));
        let what = format!("{} server answers", reference::kind(row.toolset.kind));
        found.push(Asked { what, result, held, milliseconds });
    } else if found.is_empty() {
        let held = row.readiness.status == ReadinessStatus::Enabled;
        let result = if held { "ok".to_owned() } else { row.readiness.reason.clone() };
        found.push(Asked { what: "no prerequisites".to_owned(), result, held, milliseconds: None });
    }
    found
}

fn each(examined: &[(Row, Vec<Answer>)], output: OutputFormat, terminal: &Terminal) -> String {
    let one_json = |(row, answers): &(Row, Vec<Answer>)| {
        let mut whole = row.json();
        let asked = asked(row, answers);
        let prerequisites: Vec<Value> = asked
            .iter()
            .map(|one| {
                json!({
                    "prerequisite": one.what,
                    "ok": one.held,
                    "result": one.result,
                    "milliseconds": one.milliseconds,
                })
            })
            .collect();
        if let Value::Object(map) = &mut whole {
            map.insert("prerequisites".to_owned(), Value::Array(prerequisites));
        }
        whole
    };
    match output {
        OutputFormat::Json => as_json(&examined.iter().map(one_json).collect::<Value>(), output),
        OutputFormat::Jsonl => examined.iter().map(|one| as_json(&one_json(one), output)).collect(),
        OutputFormat::Text | OutputFormat::Markdown | OutputFormat::Html => {
            let mut table = Table::new(&["TOOLSET", "PREREQUISITE", "RESULT", "MS"]);
            for (row, answers) in examined {
                for one in asked(row, answers) {
                    let taken = one.milliseconds.map_or_else(|| "-".to_owned(), |taken| taken.to_string());
                    table.row([row.toolset.name.as_str(), &one.what, &one.result, &taken]);
                }
            }
            output.table(&table, terminal)
        }
    }
}
