//! The end of an investigation: the answer goes to its sinks, the run's end becomes an exit code.

use std::path::PathBuf;

use jiff::Timestamp;

use super::Context;
use super::deliveries::{self, Deliveries};
use super::failure::{Exit, Failure, io};
use super::listeners::Listeners;
use super::options::OutputFormat;
use super::signals::Signals;
use crate::agent::Finish;
use crate::agent::drive::Conclusion;
use crate::answer::{self, Answer, Verdict};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Limits};
use crate::evidence::{Exhibit, Status, Store};
use crate::model::ModelError;
use crate::question::Question;
use crate::sink::{self, Budget, Investigation};
use crate::ui::{self, Terminal, markdown};

/// Where results go, and what of the run's end a script is told.
pub(super) struct Outlets {
    pub format: OutputFormat,
    pub echo: bool,
    /// Titles to put the answer under.
    pub sections: Vec<&'static str>,
    json_file: Option<PathBuf>,
    log_costs: bool,
    exit_status: bool,
    stdout: Terminal,
    /// One of several investigations: results are collected, and printed by who asked for them.
    pub collected: bool,
}

/// What became of a conclusion.
pub(super) struct Delivered {
    pub exit: Result<Exit, Failure>,
    pub investigation: Investigation,
    /// The JSON result, of one of several.
    pub json: Option<serde_json::Value>,
}

/// A run that is over.
struct Ending {
    run: Investigation,
    failure: Option<ModelError>,
    /// A call needed a person's approval and did not get it.
    denied: bool,
    /// False when the model failed before anything was found out.
    worth_telling: bool,
}

/// What the conclusion does not know about its run.
pub(super) struct About<'a> {
    pub run_id: &'a str,
    pub question: &'a Question,
    pub model: &'a str,
    pub budget: Budget,
    pub started_at: Timestamp,
    pub duration_seconds: f64,
    /// Free fields for scripts.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// Limits as the result tells them; `context_window` in tokens of one request, as far as known.
pub(super) fn budget(limits: &Limits, context_window: Option<u64>) -> Budget {
    Budget {
        max_steps: Some(limits.max_steps),
        timeout_seconds: limits.timeout.map(|timeout| timeout.as_secs_f64()),
        max_tokens_total: limits.max_tokens_total,
        max_cost: limits.max_cost,
        context_window,
    }
}

/// Seconds since `start`.
pub(super) fn seconds_since(start: Timestamp) -> f64 {
    (SystemClock.now() - start).total(jiff::Unit::Second).unwrap_or_default()
}

impl Outlets {
    pub(super) fn new(config: &Config, context: &Context) -> Result<Self, Failure> {
        let form = config.text("output")?;
        let format = form.and_then(|name| clap::ValueEnum::from_str(&name, true).ok()).unwrap_or_default();
        Ok(Self {
            collected: false,
            format,
            echo: config.switch("echo")?,
            sections: deliveries::sections(config)?,
            json_file: config.path("json_output_file")?,
            log_costs: config.switch("log_costs")?,
            exit_status: config.switch("exit_status")?,
            stdout: context.stdout,
        })
    }

    /// Answers are laid out for this terminal from now on.
    pub(super) fn fit(&mut self, stdout: Terminal) {
        self.stdout = stdout;
    }

    /// Writes the answer and says how the run ended.
    pub(super) fn deliver(
        &self,
        about: &About<'_>,
        conclusion: Conclusion,
        store: &Store,
        listeners: &mut Listeners,
    ) -> Delivered {
        let ending = self.ending(about, conclusion, store, listeners);
        let mut written = Ok(());
        if ending.worth_telling {
            let printed = self.print(&ending.run, store, listeners);
            written = printed.and_then(|()| self.write_json(&ending.run, store));
        }
        let json = self.json(&ending, store);
        let exit = written.and_then(|()| self.end(&ending, listeners));
        Delivered { exit, investigation: ending.run, json }
    }

    /// As [`Outlets::deliver`], and to wherever else the answer is to go. What did not arrive there is on stdout.
    pub(super) async fn deliver_everywhere(
        &self,
        about: &About<'_>,
        conclusion: Conclusion,
        (store, listeners): (&Store, &mut Listeners),
        deliveries: &Deliveries,
        signals: &mut Signals,
    ) -> Delivered {
        let ending = self.ending(about, conclusion, store, listeners);
        let exit = self.told_everywhere(&ending, (store, &mut *listeners), deliveries, signals).await;
        let json = self.json(&ending, store);
        Delivered { exit, investigation: ending.run, json }
    }

    async fn told_everywhere(
        &self,
        ending: &Ending,
        (store, listeners): (&Store, &mut Listeners),
        deliveries: &Deliveries,
        signals: &mut Signals,
    ) -> Result<Exit, Failure> {
        if !ending.worth_telling {
            return self.end(ending, listeners);
        }
        let run = &ending.run;
        let mut written = Ok(());
        if deliveries.prints {
            written = self.print(run, store, listeners);
        }
        let written = written.and(self.write_json(run, store));
        let arrived = deliveries.send(run, store, listeners, signals).await;
        if !arrived && !deliveries.prints {
            self.print(run, store, listeners)?;
        }
        written?;
        Ok(match self.end(ending, listeners)? {
            Exit::Answered | Exit::Inconclusive | Exit::ProblemFound if !arrived => Exit::RunTime,
            exit => exit,
        })
    }

    fn ending(
        &self,
        about: &About<'_>,
        conclusion: Conclusion,
        store: &Store,
        listeners: &mut Listeners,
    ) -> Ending {
        listeners.progress.hide();
        let failure = conclusion.failure.clone();
        let nothing_known = store.exhibits().iter().all(Exhibit::is_attachment);
        let mut run = investigation(about, conclusion, store);
        sink::fill_sections(&mut run, &self.sections, &|text| store.shown(text));
        let failed = matches!(run.finish, Finish::ModelFailed { .. });
        let denied = store.exhibits().iter().any(|exhibit| exhibit.status == Status::Denied);
        Ending { run, failure, denied, worth_telling: !(failed && nothing_known) }
    }

    /// The JSON result of one of several.
    fn json(&self, ending: &Ending, store: &Store) -> Option<serde_json::Value> {
        let wanted = self.collected && ending.worth_telling;
        wanted.then(|| sink::to_json(&ending.run, &|text| store.shown(text)))
    }

    fn print(&self, run: &Investigation, store: &Store, listeners: &mut Listeners) -> Result<(), Failure> {
        let streamed = listeners.streamed().map(|text| text.trim() == run.answer.text.trim());
        if streamed == Some(false) && matches!(self.format, OutputFormat::Text) {
            listeners.progress.note("the answer, instead of what stands above:");
        }
        let text = match (self.collected, self.format) {
            (true, OutputFormat::Json | OutputFormat::Jsonl) => return Ok(()),
            _ => self.rendered(run, store, streamed == Some(true)),
        };
        ui::write_stdout(text.as_bytes()).map_err(io("stdout"))
    }

    fn write_json(&self, run: &Investigation, store: &Store) -> Result<(), Failure> {
        let Some(path) = self.json_file.as_ref().filter(|_| !self.collected) else { return Ok(()) };
        let json = format!("{:#}\n", sink::to_json(run, &|text| store.shown(text)));
        sink::write_file(path, json.as_bytes()).map_err(|error| Failure::new(Exit::RunTime, error))
    }

    fn end(&self, ending: &Ending, listeners: &mut Listeners) -> Result<Exit, Failure> {
        let Ending { run, failure, denied, .. } = ending;
        if self.log_costs {
            listeners.progress.costs(run.calls, run.summaries, run.usage, run.cost);
        }
        if let Some(failure) = failure {
            if matches!(run.finish, Finish::ModelFailed { .. }) {
                return Err(Failure::from(failure.clone()));
            }
            listeners.progress.warning(&failure.message);
        }
        Ok(self.exit(run.finish, run.answer.verdict, *denied))
    }

    /// The result in the wanted form. `streamed`: its text is on the screen already.
    pub(super) fn rendered(&self, run: &Investigation, store: &Store, streamed: bool) -> String {
        // Also what the sinks read from raw output.
        let redact = |text: &str| store.shown(text);
        match self.format {
            OutputFormat::Text => self.text(&run.answer, streamed, &redact),
            OutputFormat::Markdown => ui::sanitize(&sink::to_markdown_report(run, &redact)).into_owned(),
            OutputFormat::Html => sink::to_html(run, &redact),
            OutputFormat::Json => format!("{:#}\n", sink::to_json(run, &redact)),
            OutputFormat::Jsonl => String::new(),
        }
    }

    /// The answer on a terminal or in a pipe. What was streamed is on the screen: only its end is added.
    fn text(&self, answer: &Answer, streamed: bool, redact: &dyn Fn(&str) -> String) -> String {
        let text = redact(&if streamed { answer::footer(answer) } else { sink::to_text(answer) });
        let mut text = markdown::render(&text, &self.stdout);
        if streamed && !text.is_empty() {
            text.insert(0, '\n');
        }
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }

    /// `denied`: a call needed a person's approval and did not get it.
    fn exit(&self, finish: Finish, verdict: Verdict, denied: bool) -> Exit {
        match finish {
            Finish::Answered if denied && verdict == Verdict::Inconclusive => Exit::Denied,
            Finish::Answered if self.exit_status => match verdict {
                Verdict::ProblemFound => Exit::ProblemFound,
                Verdict::Inconclusive => Exit::Inconclusive,
                Verdict::NoProblem => Exit::Answered,
            },
            Finish::Answered => Exit::Answered,
            Finish::Limit(_) => Exit::Budget,
            Finish::Interrupted => Exit::Interrupted,
            Finish::ModelFailed { .. } => Exit::Model,
        }
    }
}

/// All that sinks are told.
pub(super) fn investigation(about: &About<'_>, conclusion: Conclusion, store: &Store) -> Investigation {
    Investigation {
        run_id: about.run_id.to_owned(),
        question: about.question.clone(),
        model: about.model.to_owned(),
        answer: conclusion.answer,
        exhibits: store.exhibits().to_vec(),
        messages: conclusion.transcript,
        usage: conclusion.usage,
        calls: conclusion.calls,
        summaries: conclusion.summaries,
        cost: conclusion.cost,
        finish: conclusion.finish,
        started_at: about.started_at.to_string(),
        duration_seconds: about.duration_seconds,
        budget: about.budget,
        metadata: about.metadata.clone(),
        sections: Vec::new(),
    }
}
