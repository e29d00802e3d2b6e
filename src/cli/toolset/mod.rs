//! `toolset list|show|check|lint|run|new|docs`: what tools there are, which of them can be used now, why others
//! cannot, what one gives, and what is wrong with a file of them.

mod check;
mod docs;
mod lint;
mod list;
mod new;
mod run;
mod show;

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::Context;
use super::equipment::described;
use super::failure::{Exit, Failure, io};
use super::known::Known;
use super::options::ToolsetArgs;
use super::signals::Signals;
use crate::config::yaml::nearest;
use crate::config::{Config, Flags};
use crate::tools::Connected;
use crate::toolset::{Readiness, ReadinessStatus, Toolset, Toolsets, reference};
use crate::ui::{self, Progress, ProgressOptions};

/// What tools there are, and why others cannot be used
#[derive(Debug, Args)]
pub(super) struct ToolsetVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List toolsets: which can be used, which are wanted and cannot, and why
    List(list::ListArgs),
    /// Show a toolset or one of its tools: what it needs, parameters, where it stands
    Show(show::ShowArgs),
    /// Check prerequisites now, past the cache; exit 1 when a toolset that was named cannot be used
    Check(check::CheckArgs),
    /// Look for mistakes in toolset files, without running anything; exit 1 when there are errors
    Lint(lint::LintArgs),
    /// Run one tool and print what a model would get of it, or its raw output
    Run(run::RunArgs),
    /// Print a commented file to start a toolset of one's own with
    New(new::NewArgs),
    /// Print the reference of the built-in toolsets, or write it as Markdown pages
    Docs(docs::DocsArgs),
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
    // `below`: what people read under it, on stderr.
    let (text, below, exit) = match verb {
        Verb::List(args) => list::run(args, context).await?,
        Verb::Check(args) => check::run(args, context).await?,
        Verb::Lint(args) => lint::run(&args, context)?,
        Verb::Show(args) => alone(show::run(args, context).await?),
        Verb::New(args) => alone(new::run(&args, context)?),
        Verb::Docs(args) => alone(docs::run(&args, context)?),
        // Ends by itself: above.
        Verb::Run(_) => (String::new(), None, Exit::Answered),
    };
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    if let Some(below) = below {
        context.say(&below);
    }
    Ok(exit)
}

fn alone((text, exit): (String, Exit)) -> (String, Option<String>, Exit) {
    (text, None, exit)
}

fn configured(args: &ToolsetArgs, context: &Context) -> Result<Config, Failure> {
    context.config(Flags {
        custom_toolsets: args.custom_toolsets.clone(),
        toolset: args.toolset.clone(),
        refresh_toolsets: args.refresh_toolsets,
        ..Flags::default()
    })
}

fn progress(context: &Context) -> Progress {
    Progress::new(context.stderr, ProgressOptions { verbose: context.verbose, ..ProgressOptions::default() })
}

/// Checks all toolsets of `known`.
async fn checked(
    known: Known,
    config: &Config,
    progress: &mut Progress,
    refresh: bool,
) -> Result<Vec<Row>, Failure> {
    // Dropping the future on a signal ends the checks; nothing else stops them.
    let (_keep, stop) = watch::channel(false);
    let refresh = refresh || config.switch("refresh_toolsets")?;
    let (readiness, mut connected) = known.check(config, progress, &stop, refresh).await?;
    let mut toolsets = known.toolsets;
    take_given(&mut toolsets, &mut connected, progress).await;
    let row = |readiness: Readiness| Some(Row { toolset: toolsets.remove(&readiness.name)?, readiness });
    Ok(readiness.into_iter().filter_map(row).collect())
}

/// Servers end here: what they have is shown as if a file said it.
async fn take_given(
    toolsets: &mut Toolsets,
    connected: &mut BTreeMap<String, Connected>,
    progress: &mut Progress,
) {
    let mut ending = FuturesUnordered::new();
    for (name, given) in std::mem::take(connected) {
        for warning in &given.warnings {
            progress.warning(warning);
        }
        if let Some(toolset) = toolsets.get_mut(&name) {
            toolset.tools.extend(given.tools.iter().map(|tool| described(tool.as_ref())));
        }
        ending.push(async move { given.close().await });
    }
    while ending.next().await.is_some() {}
}

/// There is no toolset of that name; `more` are other names that could have been meant.
fn unknown(name: &str, toolsets: &Toolsets, more: &[&str]) -> Failure {
    let names: Vec<&str> = toolsets.keys().map(String::as_str).chain(more.iter().copied()).collect();
    let what = if more.is_empty() { "toolset" } else { "toolset or tool" };
    let failure = Failure::new(Exit::Usage, format!("there is no {what} `{}`", ui::sanitize(name)));
    match nearest(name, &names) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`holmes-rs toolset list --all` shows them"),
    }
}

/// A toolset and whether it can be used.
struct Row {
    toolset: Toolset,
    readiness: Readiness,
}

impl Row {
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

    fn tools(&self) -> Vec<&str> {
        self.toolset.tools.iter().map(|tool| tool.name.as_str()).collect()
    }

    fn json(&self) -> Value {
        json!({
            "name": self.toolset.name,
            "status": self.status(),
            "reason": self.readiness.reason,
            "origin": self.toolset.origin,
            "description": self.toolset.description,
            "tags": self.toolset.tags,
            "tools": self.tools(),
            "auto": self.toolset.auto,
            "type": kind(&self.toolset),
            "experimental": self.toolset.experimental,
            "installation_instructions": self.toolset.installation_instructions,
            "milliseconds": self.readiness.milliseconds,
        })
    }
}

fn kind(toolset: &Toolset) -> &'static str {
    match reference::kind(toolset.kind) {
        "" => "commands",
        kind => kind,
    }
}

/// Files of strangers name these texts: nothing of them may steer a terminal.
fn clean(text: &str) -> String {
    text.lines().map(ui::sanitize).collect::<Vec<_>>().join("\n")
}
