//! `holmes-rs run list|show`: recorded investigations.

use clap::{Args, Subcommand};
use serde_json::json;

use super::Context;
use super::failure::{Exit, Failure, io};
use super::options::OutputFormat;
use crate::agent::{Event, Finish};
use crate::answer;
use crate::config::Flags;
use crate::record::{self, RecordError, Recorded, Summary};
use crate::ui::{self, Table};

/// Recorded investigations
#[derive(Debug, Args)]
pub struct RunVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List recorded runs, newest first
    List {
        /// Form of the result on stdout
        #[arg(short, long, value_enum, default_value_t)]
        output: OutputFormat,
        /// Show at most this many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
    },
    /// Show what one run did and concluded
    Show {
        /// The run's id, the beginning of one, or `last`
        #[arg(value_name = "ID")]
        id: String,
        /// Form of the result on stdout
        #[arg(short, long, value_enum, default_value_t)]
        output: OutputFormat,
        /// Show what each tool printed
        #[arg(long)]
        show_tool_output: bool,
    },
}

pub fn run(verb: &RunVerb, context: &Context) -> Result<Exit, Failure> {
    let config = context.config(Flags::default())?;
    let state = &config.folders().state;
    let text = match &verb.verb {
        Verb::List { output, limit } => {
            let mut runs = record::list(state)?;
            runs.truncate(*limit);
            match output {
                OutputFormat::Json => format!("{:#}\n", json!(runs)),
                OutputFormat::Jsonl => runs.iter().map(|run| format!("{}\n", json!(run))).collect(),
                _ if runs.is_empty() => {
                    context.say(&format!("no runs are recorded in {}", state.display()));
                    String::new()
                }
                _ => table(&runs).render(&context.stdout),
            }
        }
        Verb::Show { id, output, show_tool_output } => {
            let recorded = record::read(state, &record::find(state, id)?)?;
            match output {
                OutputFormat::Json => {
                    let events: Vec<_> =
                        recorded.events.iter().map(|(time, event)| timed(time, event)).collect();
                    format!("{:#}\n", json!({"summary": recorded.summary, "events": events}))
                }
                OutputFormat::Jsonl => {
                    recorded.events.iter().map(|(time, event)| format!("{}\n", timed(time, event))).collect()
                }
                OutputFormat::Text => {
                    let text = page(&recorded, *show_tool_output);
                    ui::markdown::render(&text, &context.stdout)
                }
                OutputFormat::Markdown => page(&recorded, *show_tool_output),
                OutputFormat::Html => {
                    return Err(Failure::new(Exit::Usage, "`run show` has no form `html`")
                        .hint("use -o markdown, or ask with -o html"));
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
            run.started_at.get(..19).unwrap_or(&run.started_at).replace('T', " "),
            outcome(run),
            run.tool_calls.to_string(),
            run.total_tokens.to_string(),
            run.model.clone(),
            crate::evidence::view::clip(&question, 60),
        ]);
    }
    table
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
    let mut page =
        format!("# {}\n\nRun {} · {} · {}\n\n", run.question, run.run_id, run.started_at, run.model);
    let mut steps = String::new();
    let mut conclusion = "The record ends before an answer.\n".to_owned();
    for (_, event) in &recorded.events {
        match event {
            Event::ToolFinished { exhibit } => {
                steps.push_str(&format!(
                    "- {} ({:.1} s)\n",
                    crate::evidence::view::header(exhibit),
                    exhibit.seconds
                ));
                if show_tool_output {
                    steps.push_str(&format!("\n```\n{}\n```\n\n", exhibit.view));
                }
            }
            Event::ModelFailed { message, .. } => steps.push_str(&format!("- the model failed: {message}\n")),
            Event::LimitReached { limit } => {
                steps.push_str(&format!("- {} limit reached\n", json!(limit).as_str().unwrap_or_default()));
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
