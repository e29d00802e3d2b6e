//! `holmes-rs run list|show|replay|export`: recorded investigations. The last two are in `replayed`.

use std::fmt::Write as _;

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::failure::{Exit, Failure, io};
use super::options::{FormArgs, OutputFormat};
use super::replayed::{self, ExportArgs, ReplayArgs};
use crate::agent::{Event, Finish};
use crate::answer;
use crate::config::Flags;
use crate::record::{self, RecordError, Recorded, Summary};
use crate::ui::{self, Table};

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
}

pub(super) async fn run(verb: RunVerb, context: &Context) -> Result<Exit, Failure> {
    let config = context.config(Flags::default())?;
    let state = &config.folders().state;
    let text = match &verb.verb {
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
                _ => output.table(&table(&runs), &context.stdout),
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
                    let text = page(&recorded, *show_tool_output);
                    ui::markdown::render(&text, &context.stdout)
                }
                OutputFormat::Markdown | OutputFormat::Html => {
                    ui::sanitize(&page(&recorded, *show_tool_output)).into_owned()
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

fn table(runs: &[Summary]) -> Table {
    let mut table = Table::new(&["RUN", "STARTED", "VERDICT", "TOOLS", "TOKENS", "MODEL", "QUESTION"]);
    for run in runs {
        let question: String = run.question.split_whitespace().collect::<Vec<_>>().join(" ");
        table.row([
            run.run_id.clone(),
            started(run),
            outcome(run),
            run.tool_calls.to_string(),
            run.total_tokens.to_string(),
            run.model.clone(),
            crate::evidence::view::clip(&question, 60),
        ]);
    }
    table
}

/// To the second, in UTC.
fn started(run: &Summary) -> String {
    run.started_at.get(..19).unwrap_or(&run.started_at).replace('T', " ")
}

/// The verdict, and what ended the run where the model did not.
fn outcome(run: &Summary) -> String {
    let verdict = run.verdict.map(|verdict| json!(verdict).as_str().unwrap_or_default().to_owned());
    match (verdict, run.finish) {
        (None, _) => "cut off".to_owned(),
        (Some(verdict), Some(Finish::Limit(limit))) => {
            format!("{verdict} ({} limit)", json!(limit).as_str().unwrap_or_default())
        }
        (Some(_), Some(Finish::Interrupted)) => "interrupted".to_owned(),
        (Some(_), Some(Finish::ModelFailed { .. })) => "model failed".to_owned(),
        (Some(verdict), _) => verdict,
    }
}

/// The run as Markdown: question, steps, answer.
fn page(recorded: &Recorded, show_tool_output: bool) -> String {
    let run = &recorded.summary;
    let question: Vec<&str> = run.question.split_whitespace().collect();
    let question =
        if question.is_empty() { "(no question is recorded)".to_owned() } else { question.join(" ") };
    let mut about = vec![format!("Run {}", run.run_id)];
    about.extend([started(run), run.model.clone()].into_iter().filter(|part| !part.is_empty()));
    let mut page = format!("# {question}\n\n{}\n\n", about.join(" · "));
    let mut steps = String::new();
    let mut conclusion = "The record ends before an answer.\n".to_owned();
    for (_, event) in &recorded.events {
        match event {
            Event::ToolFinished { exhibit } => {
                let _ = writeln!(
                    steps,
                    "- {} ({:.1} s)",
                    crate::evidence::view::header(exhibit),
                    exhibit.seconds
                );
                if let Some(summary) = &exhibit.summary {
                    let _ = writeln!(steps, "  - the model was given a summary by {}", summary.model);
                    if show_tool_output {
                        let _ = write!(steps, "\n```\n{}\n```\n", summary.text);
                    }
                }
                if show_tool_output {
                    let _ = write!(steps, "\n```\n{}\n```\n\n", exhibit.view);
                }
            }
            Event::SummaryReplied { exhibit, model, failure: Some(why), .. } => {
                let _ = writeln!(steps, "- E{exhibit} is not summed up by {model}: {why}");
            }
            Event::ModelFailed { message, .. } => {
                let _ = writeln!(steps, "- the model failed: {message}");
            }
            Event::LimitReached { limit } => {
                let _ = writeln!(steps, "- {} limit reached", json!(limit).as_str().unwrap_or_default());
            }
            Event::Interrupted => steps.push_str("- interrupted\n"),
            Event::Concluded { answer, .. } => {
                conclusion = format!("{}\n\n{}\n", answer.text.trim_end(), answer::footer(answer));
            }
            _ => {}
        }
    }
    if !steps.is_empty() {
        page.push_str(&steps);
        page.push('\n');
    }
    page.push_str(&conclusion);
    page
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
