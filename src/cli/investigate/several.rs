//! Several investigations, one after the other: each answer as it is there, a table at the end; for scripts a list.
//!
//! One that fails is told and does not keep the others from being made, unless all would fail for the same reason.

use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;

use serde_json::Value;

use super::super::Context;
use super::super::failure::{Exit, Failure, io};
use super::super::investigation::{self, Commission, Done};
use super::super::options::OutputFormat;
use super::super::signals::Signals;
use crate::config::Config;
use crate::evidence::view::clip;
use crate::sink;
use crate::ui::{self, Table};

/// Characters of a root cause in the table.
const LONGEST_CAUSE: usize = 160;

/// A boxed future of a step between two investigations.
pub(super) type Step<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + 'a>>;

/// What is to be investigated, in order.
pub(super) trait Agenda {
    /// What stands above each answer.
    fn headings(&self) -> Vec<String>;

    /// What is to be done for one of them, asked for when its turn has come: what a cluster told an hour before is no
    /// evidence. `number` counts from 0.
    fn commission(&self, number: usize) -> Step<'_, Commission>;

    /// What is done with the result, once it is there.
    fn done<'a>(&'a self, _number: usize, _done: &'a Done) -> Step<'a, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A line of the table.
struct Row {
    heading: String,
    /// Verdict, confidence and cause, or why there is none.
    result: Result<[String; 3], String>,
    run: String,
}

/// Investigates one after the other. `listed`: results are a list, also where it has one element.
///
/// # Errors
/// The first failure, once everything that could be made is made.
pub(super) async fn investigate(
    agenda: &dyn Agenda,
    listed: bool,
    config: Config,
    context: &Context,
) -> Result<Exit, Failure> {
    let config = Rc::new(config);
    let headings = agenda.headings();
    if !listed && headings.len() == 1 {
        let Some(done) = one(agenda, 0, None, &config, context).await? else { return Ok(Exit::Interrupted) };
        let after = agenda.done(0, &done).await;
        let exit = done.exit?;
        after?;
        return Ok(exit);
    }
    let form = config.text("output")?;
    let form = form.and_then(|name| clap::ValueEnum::from_str(&name, true).ok()).unwrap_or_default();
    if form == OutputFormat::Html {
        return Err(Failure::new(
            Exit::Usage,
            "html is one page for one investigation, and there are several",
        )
        .hint("choose one by its name, or use -o markdown, json or jsonl"));
    }
    replaces_none(&config, headings.len())?;
    let mut round = Round {
        form,
        of: headings.len(),
        rows: Vec::new(),
        results: Vec::new(),
        worst: None,
        exit: Exit::Answered,
    };
    let mut headings = headings.into_iter().enumerate();
    for (number, heading) in headings.by_ref() {
        round.head(number, &heading, context)?;
        let done = match one(agenda, number, Some(round.of), &config, context).await {
            Ok(Some(done)) => done,
            Ok(None) => {
                round.not_made(heading);
                round.exit = Exit::Interrupted;
                break;
            }
            Err(failure) => {
                if round.failed(heading, failure) {
                    break;
                }
                continue;
            }
        };
        let after = agenda.done(number, &done).await;
        if round.finished(heading, done)? {
            break;
        }
        if let Err(failure) = after {
            let interrupted = failure.exit == Exit::Interrupted;
            round.keep(failure);
            if interrupted {
                round.exit = Exit::Interrupted;
                break;
            }
        }
    }
    let left: Vec<String> = headings.map(|(_, heading)| heading).collect();
    if !left.is_empty() {
        context.say(&format!("{} of {} are not investigated", left.len(), round.of));
    }
    for heading in left {
        round.not_made(heading);
    }
    round.end(&config, context)
}

/// A file is replaced as a whole: of several answers the last would be left.
fn replaces_none(config: &Config, items: usize) -> Result<(), Failure> {
    let named = config.texts("destination")?;
    let one = named.iter().find(|name| name.trim().starts_with("file:") && !name.contains("{run_id}"));
    match one {
        Some(name) if items > 1 => {
            let error = format!("`{}` is one file, and there are {items} answers", name.trim());
            Err(Failure::new(Exit::Usage, error)
                .hint("write `{run_id}` in its name, as in `file:report-{run_id}.html`"))
        }
        _ => Ok(()),
    }
}

/// One of them; `of` several where they are several. `None`: interrupted.
async fn one(
    agenda: &dyn Agenda,
    number: usize,
    of: Option<usize>,
    config: &Rc<Config>,
    context: &Context,
) -> Result<Option<Done>, Failure> {
    let mut signals = Signals::listen()?;
    let commission = tokio::select! {
        commission = agenda.commission(number) => commission?,
        () = signals.next() => return Ok(None),
    };
    drop(signals);
    let overall = of.map(|of| (number as u64, of as u64));
    let commission = Commission { collected: of.is_some(), overall, ..commission };
    investigation::conduct(commission, config, context).await
}

/// What has come of those made so far.
struct Round {
    form: OutputFormat,
    of: usize,
    rows: Vec<Row>,
    results: Vec<Value>,
    /// The first failure.
    worst: Option<Failure>,
    exit: Exit,
}

impl Round {
    fn head(&self, number: usize, heading: &str, context: &Context) -> Result<(), Failure> {
        context.say(&format!("[{}/{}] {heading}", number + 1, self.of));
        if !matches!(self.form, OutputFormat::Text | OutputFormat::Markdown) {
            return Ok(());
        }
        let rule = if number == 0 { "" } else { "\n" };
        let line = format!("{rule}## {}\n\n", ui::sanitize(heading).replace('\n', " "));
        let line = match self.form {
            OutputFormat::Text => {
                format!("{rule}{}\n", ui::markdown::render(line.trim_start(), &context.stdout))
            }
            _ => line,
        };
        ui::write_stdout(line.as_bytes()).map_err(io("stdout"))
    }

    /// Keeps a failure and says it. True where the others would fail in the same way.
    fn failed(&mut self, heading: String, failure: Failure) -> bool {
        let everywhere = matches!(failure.exit, Exit::Usage | Exit::Configuration | Exit::Model);
        self.rows.push(Row { heading, result: Err(failure.message.clone()), run: String::new() });
        self.keep(failure);
        everywhere
    }

    /// A line for one that was left.
    fn not_made(&mut self, heading: String) {
        let result = Ok(["not made".to_owned(), String::new(), String::new()]);
        self.rows.push(Row { heading, result, run: String::new() });
    }

    fn keep(&mut self, failure: Failure) {
        failure.report();
        if self.worst.is_none() {
            self.worst = Some(failure);
        }
    }

    /// True where the rest is not to be made.
    fn finished(&mut self, heading: String, done: Done) -> Result<bool, Failure> {
        if let Some(json) = done.json {
            if self.form == OutputFormat::Jsonl {
                ui::write_stdout(format!("{json}\n").as_bytes()).map_err(io("stdout"))?;
            }
            self.results.push(json);
        }
        let exit = match done.exit {
            Ok(exit) => exit,
            Err(failure) => return Ok(self.failed(heading, failure)),
        };
        let answer = &done.investigation.answer;
        let cause = clip(&answer.root_cause, LONGEST_CAUSE);
        let result = Ok([answer.verdict.word().to_owned(), answer.confidence.word().to_owned(), cause]);
        self.rows.push(Row { heading, result, run: done.investigation.run_id.clone() });
        if rank(exit) > rank(self.exit) {
            self.exit = exit;
        }
        Ok(exit == Exit::Interrupted)
    }

    fn end(self, config: &Config, context: &Context) -> Result<Exit, Failure> {
        match self.form {
            OutputFormat::Text | OutputFormat::Markdown => {
                let mut table = Table::new(&["what", "verdict", "confidence", "root cause", "run"]);
                for row in &self.rows {
                    let [verdict, confidence, cause] = match &row.result {
                        Ok(cells) => cells.clone(),
                        Err(why) => ["failed".to_owned(), String::new(), clip(why, LONGEST_CAUSE)],
                    };
                    table.row([row.heading.clone(), verdict, confidence, cause, row.run.clone()]);
                }
                let text = format!("\n{}", self.form.table(&table, &context.stdout));
                ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
            }
            OutputFormat::Json => {
                let text = format!("{:#}\n", Value::Array(self.results.clone()));
                ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
            }
            OutputFormat::Jsonl | OutputFormat::Html => {}
        }
        if let Some(path) = config.path("json_output_file")? {
            let text = format!("{:#}\n", Value::Array(self.results));
            sink::write_file(&path, text.as_bytes()).map_err(|error| Failure::new(Exit::RunTime, error))?;
        }
        match self.worst {
            // It was said when it happened.
            Some(failure) if self.exit != Exit::Interrupted => Ok(failure.exit),
            _ => Ok(self.exit),
        }
    }
}

/// Which of several ends a script is told.
fn rank(exit: Exit) -> u8 {
    match exit {
        Exit::Answered => 0,
        Exit::Inconclusive => 1,
        Exit::ProblemFound => 2,
        Exit::Denied => 3,
        Exit::Budget => 4,
        Exit::RunTime | Exit::Usage | Exit::Configuration | Exit::Model => 5,
        Exit::Interrupted => 6,
    }
}
