//! `holmes-rs run list|show|replay|export|resume`: recorded investigations. Replay and export are in `replayed`, lists and pages
//! in `listed`.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::ask::{self, AskArgs};
use super::failure::{Exit, Failure, io};
use super::listed;
use super::options::{FormArgs, OutputFormat};
use super::replayed::{self, ExportArgs, ReplayArgs};
use crate::agent::Event;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Flags;
use crate::record::{self, RecordError};
use crate::ui;

/// Recorded investigations
#[derive(Debug, Args)]
pub(super) struct RunVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List recorded runs, newest first
    List {
        #[command(flatten)]
        form: FormArgs,
        /// Show at most this many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Show what one run did and concluded
    Show {
        /// The run's id, the beginning of one, or `last`
        #[arg(value_name = "ID")]
        id: String,
        #[command(flatten)]
        form: FormArgs,
        /// Show what each tool printed
        #[arg(long)]
        show_tool_output: bool,
    },
    /// Play a run again, to the byte or to another model, and assert what it comes to
    Replay(Box<ReplayArgs>),
    /// Write a run into one file without secrets, or its report
    Export(ExportArgs),
    /// Go on with a run: as `ask --resume ID`
    Resume(Box<ResumeArgs>),
}

/// Go on with a run: ask on, or let it come to the answer it had not come to
#[derive(Debug, Args)]
struct ResumeArgs {
    /// The run's id, the beginning of one, or `last`
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    ask: AskArgs,
}

pub(super) async fn run(verb: RunVerb, context: &Context) -> Result<Exit, Failure> {
    let verb = match verb.verb {
        Verb::Resume(args) => {
            let ResumeArgs { id, ask } = *args;
            return Box::pin(ask::resume(id, ask, context)).await;
        }
        verb => verb,
    };
    let config = context.config(Flags::default())?;
    let state = &config.folders().state;
    let text = match &verb {
        Verb::Resume(_) => String::new(),
        Verb::Replay(args) => return replayed::replay(args, context).await,
        Verb::Export(args) => return replayed::export(args, context).await,
        Verb::List { form, limit } => {
            let output = form.of(&config)?;
            let runs = record::list(state, *limit)?;
            match output {
                OutputFormat::Json => format!("{:#}\n", json!(runs)),
                OutputFormat::Jsonl => {
                    runs.iter().flat_map(|run| [json!(run).to_string(), "\n".to_owned()]).collect()
                }
                _ if runs.is_empty() && *limit > 0 => {
                    context.say(&format!("no runs are recorded in {}", state.display()));
                    String::new()
                }
                _ => output.table(&listed::table(&runs, SystemClock.now(), &context.stdout), &context.stdout),
            }
        }
        Verb::Show { id, form, show_tool_output } => {
            let output = form.of(&config)?;
            let recorded = record::read(state, &record::find(state, id)?)?;
            if recorded.unreadable > 0 {
                let (lines, are) = if recorded.unreadable == 1 { ("line", "is") } else { ("lines", "are") };
                context.warn(&format!(
                    "{} {lines} of the record cannot be read and {are} left out",
                    recorded.unreadable
                ));
            }
            match output {
                OutputFormat::Json => {
                    let events: Vec<_> =
                        recorded.events.iter().map(|(time, event)| timed(time, event)).collect();
                    format!("{:#}\n", json!({"summary": recorded.summary, "events": events}))
                }
                OutputFormat::Jsonl => {
                    let lines = recorded.events.iter().map(|(time, event)| timed(time, event).to_string());
                    lines.flat_map(|line| [line, "\n".to_owned()]).collect()
                }
                OutputFormat::Text => {
                    let text = listed::page(&recorded, *show_tool_output);
                    ui::markdown::render(&text, &context.stdout)
                }
                OutputFormat::Markdown | OutputFormat::Html => {
                    ui::sanitize(&listed::page(&recorded, *show_tool_output)).into_owned()
                }
            }
        }
    };
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

fn timed(time: &str, event: &Event) -> serde_json::Value {
    let mut value = json!(event);
    if let Some(map) = value.as_object_mut() {
        map.shift_insert(0, "time".to_owned(), time.into());
    }
    value
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        let hint = matches!(error, RecordError::Unknown { .. })
            .then(|| "`holmes-rs run list` shows them".to_owned());
        let failure = Failure::new(Exit::RunTime, &error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
