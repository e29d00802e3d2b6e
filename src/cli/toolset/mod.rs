//! `toolset list|show|check|run`: what tools there are, which of them can be used now, why others cannot, and
//! what one gives.

mod run;

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Context;
use super::config::as_json;
use super::equipment::{Known, described};
use super::failure::{Exit, Failure, io};
use super::options::{FormArgs, OutputFormat, ToolsetArgs};
use super::signals::Signals;
use crate::config::yaml::nearest;
use crate::config::{Config, Flags};
use crate::toolset::{Prerequisite, Readiness, ReadinessStatus, ToolDefinition, Toolset, Toolsets};
use crate::ui::{self, Progress, ProgressOptions, Table, Terminal};

/// What tools there are, and why others cannot be used
#[derive(Debug, Args)]
pub(super) struct ToolsetVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List every toolset: whether it can be used, why not, and where it comes from
    List {
        #[command(flatten)]
        toolsets: ToolsetArgs,
        /// Only toolsets with this tag, such as `core` or `cluster`
        #[arg(long, value_name = "TAG")]
        tag: Option<String>,
        #[command(flatten)]
        form: FormArgs,
    },
    /// Show one toolset: what it needs, its tools and their parameters
    Show {
        #[arg(value_name = "NAME")]
        name: String,
        #[command(flatten)]
        toolsets: ToolsetArgs,
        #[command(flatten)]
        form: FormArgs,
    },
    /// Check prerequisites now, past the cache; exit 1 when a toolset that was named cannot be used
    Check {
        #[arg(value_name = "NAME")]
        names: Vec<String>,
        #[command(flatten)]
        toolsets: ToolsetArgs,
        #[command(flatten)]
        form: FormArgs,
    },
    /// Run one tool and print what a model would get of it, or its raw output
    Run(run::RunArgs),
}

/// Runs the verb.
pub(super) async fn run(verb: ToolsetVerb, context: &Context) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    if let Verb::Run(args) = verb.verb {
        let (stop, stopped) = watch::channel(false);
        let mut running = std::pin::pin!(run::run(args, context, stopped));
        tokio::select! {
            done = &mut running => return done,
            () = signals.next() => { let _ = stop.send(true); }
        }
        // What it had printed so far is shown; a second signal does not wait for that.
        return tokio::select! {
            done = running => done,
            () = signals.next() => Ok(Exit::Interrupted),
        };
    }
    tokio::select! {
        done = perform(verb.verb, context) => done,
        () = signals.next() => Ok(Exit::Interrupted),
    }
}

async fn perform(verb: Verb, context: &Context) -> Result<Exit, Failure> {
    let mut exit = Exit::Answered;
    let text = match verb {
        Verb::List { toolsets, tag, form } => {
            let config = configured(&toolsets, context)?;
            let output = form.of(&config)?;
            let (toolsets, readiness) = checked(&config, &[], false, context).await?;
            let tagged = |one: &&Row| tag.as_ref().is_none_or(|tag| one.toolset.tags.contains(tag));
            let rows = rows(&toolsets, &readiness);
            let rows: Vec<&Row> = rows.iter().filter(tagged).collect();
            if let (Some(tag), true) = (&tag, rows.is_empty()) {
                context.say(&format!("no toolset has the tag `{tag}`"));
            }
            list(&rows, output, &context.stdout)
        }
        Verb::Check { names, toolsets, form } => {
            let config = configured(&toolsets, context)?;
            let output = form.of(&config)?;
            let (toolsets, readiness) = checked(&config, &names, true, context).await?;
            if !names.is_empty() && readiness.iter().any(|one| one.status != ReadinessStatus::Enabled) {
                exit = Exit::RunTime;
            }
            let rows = rows(&toolsets, &readiness);
            list(&rows.iter().collect::<Vec<_>>(), output, &context.stdout)
        }
        // Ends by itself: above.
        Verb::Run(_) => String::new(),
        Verb::Show { name, toolsets, form } => {
            let config = configured(&toolsets, context)?;
            let output = form.of(&config)?;
            let (toolsets, readiness) = checked(&config, &[name], false, context).await?;
            rows(&toolsets, &readiness).iter().map(|row| show(row, output)).collect()
        }
    };
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(exit)
}

fn configured(args: &ToolsetArgs, context: &Context) -> Result<Config, Failure> {
    context.config(Flags {
        custom_toolsets: args.custom_toolsets.clone(),
        toolset: args.toolset.clone(),
        refresh_toolsets: args.refresh_toolsets,
        ..Flags::default()
    })
}

/// Reads all toolsets and checks those of `names`, or all when none is named.
async fn checked(
    config: &Config,
    names: &[String],
    refresh: bool,
    context: &Context,
) -> Result<(Toolsets, Vec<Readiness>), Failure> {
    let options = ProgressOptions { verbose: context.verbose, ..ProgressOptions::default() };
    let mut progress = Progress::new(context.stderr, options);
    let mut known = Known::load(config, &mut progress)?;
    for name in names {
        if !known.toolsets.contains_key(name) {
            return Err(unknown(name, &known.toolsets));
        }
    }
    if !names.is_empty() {
        known.toolsets.retain(|name, _| names.contains(name));
    }
    // Dropping the future on a signal ends the checks; nothing else stops them.
    let (_keep, stop) = watch::channel(false);
    let refresh = refresh || config.switch("refresh_toolsets")?;
    let (readiness, connected) = known.check(config, &mut progress, &stop, refresh).await?;
    let mut ending = FuturesUnordered::new();
    for (name, connected) in connected {
        for warning in &connected.warnings {
            progress.warning(warning);
        }
        // Servers end here: what they have is shown as if a file said it.
        if let Some(toolset) = known.toolsets.get_mut(&name) {
            toolset.tools = connected.tools.iter().map(|tool| described(tool.as_ref())).collect();
        }
        ending.push(async move { connected.close().await });
    }
    while ending.next().await.is_some() {}
    Ok((known.toolsets, readiness))
}

fn unknown(name: &str, toolsets: &Toolsets) -> Failure {
    let names: Vec<&str> = toolsets.keys().map(String::as_str).collect();
    let failure = Failure::new(Exit::Usage, format!("there is no toolset `{name}`"));
    match nearest(name, &names) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`holmes-rs toolset list` shows them"),
    }
}

/// A toolset and whether it can be used.
struct Row<'a> {
    toolset: &'a Toolset,
    readiness: &'a Readiness,
}

fn rows<'a>(toolsets: &'a Toolsets, readiness: &'a [Readiness]) -> Vec<Row<'a>> {
    let row = |readiness: &'a Readiness| Some(Row { toolset: toolsets.get(&readiness.name)?, readiness });
    readiness.iter().filter_map(row).collect()
}

impl Row<'_> {
    fn status(&self) -> &'static str {
        match self.readiness.status {
            ReadinessStatus::Enabled => "enabled",
            ReadinessStatus::Disabled => "disabled",
            ReadinessStatus::Failed => "failed",
        }
    }

    /// How to make a toolset usable that is not, where its author says so.
    fn remedy(&self) -> Option<&str> {
        let failed = self.readiness.status == ReadinessStatus::Failed && self.toolset.broken.is_none();
        self.toolset
            .installation_instructions
            .as_deref()
            .map(str::trim)
            .filter(|text| failed && !text.is_empty())
    }

    fn json(&self) -> Value {
        let tools: Vec<&str> = self.toolset.tools.iter().map(|tool| tool.name.as_str()).collect();
        json!({
            "name": self.toolset.name,
            "status": self.status(),
            "reason": self.readiness.reason,
            "origin": self.toolset.origin,
            "description": self.toolset.description,
            "tags": self.toolset.tags,
            "tools": tools,
            "installation_instructions": self.toolset.installation_instructions,
            "milliseconds": self.readiness.milliseconds,
        })
    }
}

fn list(rows: &[&Row], output: OutputFormat, terminal: &Terminal) -> String {
    match output {
        OutputFormat::Json => as_json(&rows.iter().map(|row| row.json()).collect(), output),
        OutputFormat::Jsonl => rows.iter().map(|row| as_json(&row.json(), output)).collect(),
        OutputFormat::Text | OutputFormat::Markdown | OutputFormat::Html => {
            let mut table = Table::new(&["NAME", "STATUS", "REASON", "ORIGIN"]);
            for row in rows {
                let mut reason = row.readiness.reason.clone();
                if let Some(remedy) = row.remedy() {
                    let gap = if terminal.tty { "\n" } else { "; " };
                    reason = format!("{reason}{gap}{}", remedy.lines().next().unwrap_or_default());
                }
                let reason = if reason.is_empty() { "-".to_owned() } else { reason };
                table.row([row.toolset.name.as_str(), row.status(), &reason, &row.toolset.origin]);
            }
            output.table(&table, terminal)
        }
    }
}

fn show(row: &Row, output: OutputFormat) -> String {
    if matches!(output, OutputFormat::Json | OutputFormat::Jsonl) {
        let mut whole = row.json();
        if let Value::Object(map) = &mut whole {
            map.insert("docs_url".to_owned(), json!(row.toolset.docs_url));
            map.insert("tools".to_owned(), row.toolset.tools.iter().map(tool_json).collect());
        }
        return as_json(&whole, output);
    }
    let toolset = row.toolset;
    let mut lines = vec![format!("{} ({})", toolset.name, row.status())];
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let value = value.trim().lines().collect::<Vec<_>>().join("\n               ");
            lines.push(format!("  {name:<12} {value}"));
        }
    };
    line("reason", &row.readiness.reason);
    line("to fix", row.remedy().unwrap_or_default());
    line("description", &toolset.description);
    line("origin", &toolset.origin);
    line("tags", &toolset.tags.join(", "));
    line("docs", toolset.docs_url.as_deref().unwrap_or_default());
    for prerequisite in &toolset.prerequisites {
        line("needs", &needs(prerequisite));
    }
    for tool in &toolset.tools {
        lines.push(String::new());
        lines.push(format!("  {}  {}", tool.name, tool.description.trim()));
        if let Some(reason) = &tool.broken {
            lines.push(format!("      cannot be used: {reason}"));
        }
        for parameter in &tool.parameters {
            let needed = if parameter.required { "" } else { ", optional" };
            let description = parameter.description.trim();
            let types = parameter.types.join("|");
            lines.push(
                format!("      {} ({types}{needed})  {description}", parameter.name).trim_end().to_owned(),
            );
        }
    }
    lines.iter().fold(String::new(), |text, line| text + &clean(line) + "\n")
}

/// Files of strangers name these texts: nothing of them may steer a terminal.
fn clean(text: &str) -> String {
    text.lines().map(ui::sanitize).collect::<Vec<_>>().join("\n")
}

fn needs(prerequisite: &Prerequisite) -> String {
    match prerequisite {
        Prerequisite::Command { command, expected_output: None, .. } => format!("`{}`", command.trim()),
        Prerequisite::Command { command, expected_output: Some(expected), .. } => {
            format!("`{}` to print `{expected}`", command.trim())
        }
        Prerequisite::Env(names) => format!("environment: {}", names.join(", ")),
        Prerequisite::Static { enabled, .. } => format!("enabled: {enabled}"),
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
        "read_only": tool.read_only,
        "timeout_seconds": tool.timeout.map(|timeout| timeout.as_secs_f64()),
        "origin": tool.place,
        "error": tool.broken,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> (Toolsets, Vec<Readiness>) {
        let tool = ToolDefinition { name: "orders".into(), ..ToolDefinition::default() };
        let ready =
            Toolset { name: "a".into(), origin: "builtin".into(), tools: vec![tool], ..Toolset::default() };
        let failed = Toolset {
            name: "b".into(),
            origin: "b.yaml".into(),
            tags: vec!["cli".into()],
            installation_instructions: Some("install psql\nand more".into()),
            ..Toolset::default()
        };
        let readiness = |name: &str, status, reason: &str| Readiness {
            name: name.into(),
            status,
            reason: reason.into(),
            milliseconds: 4,
        };
        let found = vec![
            readiness("a", ReadinessStatus::Enabled, ""),
            readiness("b", ReadinessStatus::Failed, "`psql` is not installed"),
        ];
        ([("a".to_owned(), ready), ("b".to_owned(), failed)].into(), found)
    }

    #[test]
    fn a_piped_list_is_one_row_a_line() {
        let (toolsets, readiness) = sample();
        let rows = rows(&toolsets, &readiness);
        let text = list(&rows.iter().collect::<Vec<_>>(), OutputFormat::Text, &Terminal::plain());
        assert_eq!(
            text,
            "NAME  STATUS   REASON                                 ORIGIN\n\
             a     enabled  -                                      builtin\n\
             b     failed   `psql` is not installed; install psql  b.yaml\n"
        );
    }

    #[test]
    fn the_json_form_carries_every_field() {
        let (toolsets, readiness) = sample();
        let rows = rows(&toolsets, &readiness);
        let text = list(&rows.iter().collect::<Vec<_>>(), OutputFormat::Json, &Terminal::plain());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            value[0],
            json!({"name": "a", "status": "enabled", "reason": "", "origin": "builtin", "description": "",
                   "tags": [], "tools": ["orders"], "installation_instructions": null, "milliseconds": 4})
        );
        assert_eq!(
            (value[1]["status"].as_str(), value[1]["tags"][0].as_str()),
            (Some("failed"), Some("cli"))
        );
    }

    #[test]
    fn an_unknown_name_is_a_usage_error_with_the_nearest() {
        let names = Toolsets::from([("host/core".to_owned(), Toolset::default())]);
        let near = unknown("host/cor", &names);
        assert_eq!((near.exit, near.hints), (Exit::Usage, vec!["did you mean `host/core`?".to_owned()]));
    }

    #[test]
    fn what_a_stranger_wrote_cannot_steer_the_terminal() {
        let (mut toolsets, readiness) = sample();
        toolsets.get_mut("a").unwrap().description = "x\u{1b}]0;owned\u{7}y".to_owned();
        let shown = show(&rows(&toolsets, &readiness)[0], OutputFormat::Text);
        assert!(shown.starts_with("a (enabled)\n") && !shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
    }
}
