//! `runbook list|show|match`: what is written down for known kinds of trouble, and which of it would be used.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::{Map, Value, json};

use super::Context;
use super::config::as_json;
use super::failure::{Exit, Failure, io};
use super::options::{FormArgs, OutputFormat, RunbookArgs};
use crate::config::{Config, Flags, Origin};
use crate::runbook::{Found, Query, Runbook, Shelf, Sources, steps_for, variables, variables_of};
use crate::ui::{self, Table, Terminal, markdown, sanitize};

/// Warnings that are told one by one: a folder of thousands may have thousands.
const TOLD_WARNINGS: usize = 10;

/// What to look at for known kinds of trouble: ours, and your own
#[derive(Debug, Args)]
pub(super) struct RunbookVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List runbooks: what each is for, who wrote it, what finds it
    List(ListArgs),
    /// Show a runbook: its text, and the calls that are made without a model
    Show(ShowArgs),
    /// Say which runbooks an alert or a question would get, why, and which calls would be made
    Match(MatchArgs),
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    runbooks: RunbookArgs,
    #[command(flatten)]
    form: FormArgs,
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// A runbook, or NAME/PATH for a further file of a skill
    #[arg(value_name = "NAME")]
    name: String,
    #[command(flatten)]
    runbooks: RunbookArgs,
    #[command(flatten)]
    form: FormArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    holmes-rs runbook match why is the payments pod killed\n  \
    holmes-rs runbook match --alert KubePodCrashLooping -l namespace=shop -l pod=payments-1")]
struct MatchArgs {
    /// A question, or what a ticket says
    #[arg(value_name = "WORDS")]
    words: Vec<String>,
    /// An alert's name
    #[arg(long, value_name = "NAME")]
    alert: Option<String>,
    /// A label of the alert; may be given several times
    #[arg(short, long = "label", value_name = "NAME=VALUE")]
    label: Vec<String>,
    /// Where it comes from, such as prometheus or jira: for HolmesGPT's `match.source`
    #[arg(long, value_name = "NAME")]
    source: Option<String>,
    #[command(flatten)]
    runbooks: RunbookArgs,
    #[command(flatten)]
    form: FormArgs,
}

/// Runs the verb.
pub(super) fn run(verb: &RunbookVerb, context: &Context) -> Result<Exit, Failure> {
    let text = match &verb.verb {
        Verb::List(args) => list(args, context)?,
        Verb::Show(args) => show(args, context)?,
        Verb::Match(args) => matching(args, context)?,
    };
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

/// The runbooks that the configuration names, and ours; what is wrong with a file is said on stderr.
pub(super) fn open(config: &Config, context: &Context) -> Result<Shelf, Failure> {
    // What is typed is meant: a file that names a path may be older than the path.
    if matches!(config.origin("custom_runbooks"), Origin::Flag(_))
        && let Some(missing) = config.paths("custom_runbooks")?.iter().find(|path| !path.exists())
    {
        return Err(Failure::new(Exit::Usage, format!("runbook `{}` does not exist", missing.display()))
            .hint("-r takes a file or a folder; `holmes-rs runbook list` shows those that are read"));
    }
    let (shelf, warnings) = Shelf::open(&Sources {
        folder: Some(config.folders().config.join("runbooks")),
        catalogues: config.paths("custom_runbook_catalogs")?,
        skills: config.paths("custom_skill_paths")?,
        runbooks: config.paths("custom_runbooks")?,
    });
    let more = warnings.len().saturating_sub(TOLD_WARNINGS);
    if more > 0 {
        context.warn(&format!("runbooks: {more} more warnings"));
    }
    for warning in warnings.into_iter().take(TOLD_WARNINGS) {
        context.warn(&warning.to_string());
    }
    Ok(shelf)
}

fn opened(
    runbooks: &RunbookArgs,
    form: FormArgs,
    context: &Context,
) -> Result<(Shelf, OutputFormat), Failure> {
    let config =
        context.config(Flags { custom_runbooks: runbooks.custom_runbooks.clone(), ..Flags::default() })?;
    Ok((open(&config, context)?, form.of(&config)?))
}

fn programs(output: OutputFormat) -> bool {
    matches!(output, OutputFormat::Json | OutputFormat::Jsonl)
}

fn list(args: &ListArgs, context: &Context) -> Result<String, Failure> {
    let (shelf, output) = opened(&args.runbooks, args.form, context)?;
    let runbooks = shelf.runbooks();
    Ok(match output {
        OutputFormat::Json => as_json(&runbooks.iter().map(facts).collect::<Value>(), output),
        OutputFormat::Jsonl => runbooks.iter().map(|runbook| as_json(&facts(runbook), output)).collect(),
        _ => {
            if runbooks.is_empty() {
                context
                    .say("there is no runbook: write one, docs/runbooks.md tells how, and name it with -r");
                return Ok(String::new());
            }
            let mut table = Table::new(&["NAME", "ORIGIN", "FOUND BY", "DESCRIPTION"]);
            for runbook in runbooks {
                let by = found_by(runbook);
                table.row([&runbook.name, runbook.origin.name(), &by, &runbook.description]);
            }
            output.table(&table, &context.stdout)
        }
    })
}

/// The first two ways it is found, and how many more there are.
fn found_by(runbook: &Runbook) -> String {
    let by = runbook.found_by();
    let shown = by.iter().take(2).map(String::as_str).collect::<Vec<_>>().join(", ");
    match by.len() {
        0 => "text".to_owned(),
        1 | 2 => shown,
        all => format!("{shown} and {} more", all - 2),
    }
}

fn facts(runbook: &Runbook) -> Value {
    json!({
        "name": runbook.name,
        "description": runbook.description,
        "origin": runbook.origin,
        "place": runbook.place,
        "alerts": runbook.alerts,
        "labels": runbook.labels,
        "match": runbook.pattern.as_ref().map(ToString::to_string),
        "older_match": runbook
            .matches
            .given()
            .map(|(key, pattern)| (key.to_owned(), json!(pattern.to_string())))
            .collect::<Map<_, _>>(),
        "words": runbook.words,
        "steps": runbook.steps,
        "files": runbook.files,
        "link": runbook.link,
        "updated": runbook.updated,
    })
}

fn show(args: &ShowArgs, context: &Context) -> Result<String, Failure> {
    let (shelf, output) = opened(&args.runbooks, args.form, context)?;
    let Some(runbook) = shelf.get(&args.name) else {
        // A file of a skill, or the nearest name.
        let text = shelf.fetch(&args.name).map_err(|reason| {
            let failure = Failure::new(Exit::Usage, reason);
            failure.hint("`holmes-rs runbook list` shows them")
        })?;
        return Ok(match output {
            _ if programs(output) => as_json(&json!({"name": args.name, "text": text}), output),
            _ => page(&text, output, &context.stdout),
        });
    };
    if programs(output) {
        let mut facts = facts(runbook);
        if let Value::Object(map) = &mut facts {
            map.insert("text".to_owned(), json!(runbook.text));
        }
        return Ok(as_json(&facts, output));
    }
    let mut text = runbook.rendered();
    let _ = write!(text, "\n---\n\n{}, {}", runbook.origin.name(), runbook.place);
    let by = runbook.found_by();
    if !by.is_empty() {
        let shown: Vec<String> = by.iter().map(|by| format!("`{by}`")).collect();
        let _ = write!(text, "; found by {}", shown.join(", "));
    }
    text.push('\n');
    Ok(page(&text, output, &context.stdout))
}

/// Rendered on a terminal, as it is in a pipe; nothing in it steers a terminal.
fn page(text: &str, output: OutputFormat, terminal: &Terminal) -> String {
    if output == OutputFormat::Text {
        return markdown::render(text, terminal);
    }
    let mut clean: String = text.lines().flat_map(|line| [sanitize(line), "\n".into()]).collect();
    clean.truncate(clean.trim_end().len());
    clean + "\n"
}

fn matching(args: &MatchArgs, context: &Context) -> Result<String, Failure> {
    if args.words.is_empty() && args.alert.is_none() && args.label.is_empty() {
        return Err(Failure::new(Exit::Usage, "there is nothing to match")
            .hint("holmes-rs runbook match why is the payments pod killed")
            .hint("holmes-rs runbook match --alert KubePodCrashLooping -l namespace=shop"));
    }
    let mut labels = BTreeMap::new();
    for label in &args.label {
        match label.split_once('=') {
            Some((name, value)) if !name.is_empty() => _ = labels.insert(name.to_owned(), value.to_owned()),
            _ => {
                return Err(Failure::new(
                    Exit::Usage,
                    format!("`--label` takes NAME=VALUE, got `{}`", sanitize(label)),
                ));
            }
        }
    }
    let (shelf, output) = opened(&args.runbooks, args.form, context)?;
    let query = Query {
        alert: args.alert.clone().or_else(|| labels.get("alertname").cloned()),
        labels,
        source: args.source.clone(),
        text: args.words.join(" "),
        ..Query::default()
    };
    let known = variables(&query);
    let found = shelf.find(&query);
    Ok(match output {
        OutputFormat::Json => as_json(&found.iter().map(|one| told(one, &known)).collect::<Value>(), output),
        OutputFormat::Jsonl => found.iter().map(|one| as_json(&told(one, &known), output)).collect(),
        _ => {
            let Some(best) = found.first() else {
                context.say("no runbook fits: a wrong one would be worse than none");
                return Ok(String::new());
            };
            let mut table = Table::new(&["NAME", "SCORE", "WHY"]);
            for one in &found {
                table.row([&one.runbook.name, &format!("{:.1}", one.score), &one.why]);
            }
            let mut text = output.table(&table, &context.stdout);
            text += &calls(best.runbook, &known);
            text
        }
    })
}

fn told(found: &Found<'_>, known: &BTreeMap<String, String>) -> Value {
    let steps: Vec<Value> = steps_for(found.runbook, known)
        .into_iter()
        .map(|(tool, arguments)| json!({"tool": tool, "arguments": arguments}))
        .collect();
    json!({
        "name": found.runbook.name,
        "score": (found.score * 10.0).round() / 10.0,
        "why": found.why,
        "steps": steps,
        "steps_unknown": missing(found.runbook, known),
    })
}

/// Calls of a runbook that would be made, and variables without which others are not.
fn calls(runbook: &Runbook, known: &BTreeMap<String, String>) -> String {
    let mut text = String::new();
    let calls = steps_for(runbook, known);
    if !calls.is_empty() {
        let _ = writeln!(text, "\nCalls of `{}`, without a model:", runbook.name);
    }
    for (tool, arguments) in calls {
        let _ = writeln!(text, "  {} {}", sanitize(&tool), sanitize(&Value::Object(arguments).to_string()));
    }
    let missing = missing(runbook, known);
    if !missing.is_empty() {
        let _ =
            writeln!(text, "\nMore calls are made where these are known: {}", sanitize(&missing.join(", ")));
    }
    text
}

fn missing(runbook: &Runbook, known: &BTreeMap<String, String>) -> Vec<String> {
    let mut missing = Vec::new();
    for step in &runbook.steps {
        for name in step.when.iter().cloned().chain(variables_of(step).unwrap_or_default()) {
            if !known.contains_key(&name) && !missing.contains(&name) {
                missing.push(name);
            }
        }
    }
    missing
}
