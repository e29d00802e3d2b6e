//! `holmes-rs ask -i`: a conversation. Each question is a turn of one run, so evidence and ids stay, and each turn is on disk
//! before the next begins.
//!
//! It reads lines and decides what they are: a question goes to the engine, a command is done here. It knows nothing that
//! `ask` does not know about an investigation.

mod command;
mod perform;

use std::rc::Rc;

use super::Context;
use super::desk::Desk;
use super::failure::{Exit, Failure};
use super::investigation::{Run, Turn};
use super::signals::Signals;
use crate::agent::machine::{Effect, Source};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::question::{Attachment, Question};
use crate::replay::Recording;
use crate::sink::Investigation;
use command::{Meant, read};

/// What stands before a line.
const PROMPT: &str = "holmes> ";

/// A conversation that goes on.
pub(super) struct Session<'a> {
    context: &'a Context,
    config: Rc<Config>,
    desk: Desk,
    run: Run,
    signals: Signals,
    /// Attached to the next question.
    attachments: Vec<Attachment>,
    /// Views of what a person shares with the model: they go with the next question.
    shared: Vec<String>,
    /// What a person says besides the next question: where to look, and where not.
    notes: Vec<String>,
    /// What the last answer came to, as sinks are told it.
    last: Option<Investigation>,
    /// What the machine still wants of a run that was cut off.
    outstanding: Vec<Effect>,
    questioned: Option<Source>,
}

/// What comes after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    On,
    Leave(Exit),
}

/// Talks until the person leaves. `first` is asked at once.
pub(super) async fn run(
    first: Option<Question>,
    again: Option<&Recording>,
    config: Config,
    context: &Context,
) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let config = Rc::new(config);
    let desk = Desk::open(&config, context)?;
    let run = tokio::select! {
        run = Run::prepare(&config, context, (false, None), again) => run?,
        () = signals.next() => return Ok(Exit::Interrupted),
    };
    let resumed = again.map(crate::session::resume);
    let mut session = Session {
        context,
        config,
        desk,
        run,
        signals,
        attachments: Vec::new(),
        shared: Vec::new(),
        notes: Vec::new(),
        last: None,
        outstanding: resumed.as_ref().map(|resumed| resumed.outstanding.clone()).unwrap_or_default(),
        questioned: resumed.and_then(|resumed| resumed.questioned),
    };
    session.greet();
    let mut flow = Flow::On;
    if let Some(question) = first {
        flow = session.told(question).await;
    }
    while flow == Flow::On {
        flow = session.step().await;
    }
    session.run.close(true, &mut session.signals).await;
    match flow {
        Flow::Leave(exit) => Ok(exit),
        Flow::On => Ok(Exit::Answered),
    }
}

impl Session<'_> {
    fn greet(&mut self) {
        let model = self.run.model.as_ref().map_or("no model: built-in rules", |model| model.name());
        let line =
            format!("{model} · {} tools · /help for commands", self.run.equipment.toolbox.names().len());
        self.say(&line);
    }

    /// One line on stderr.
    fn say(&mut self, text: &str) {
        self.run.listeners.progress.note(text);
    }

    /// Reads a line and does what it says.
    async fn step(&mut self) -> Flow {
        let line = match self.line().await {
            Some(line) => line,
            None => return Flow::Leave(Exit::Answered),
        };
        let line = line.trim();
        if line.is_empty() {
            return Flow::On;
        }
        if line.starts_with(['/', '!']) {
            return match read(line) {
                Meant::Command(verb, arguments) => match self.perform(verb, arguments).await {
                    Ok(flow) => flow,
                    Err(failure) => self.failed(&failure),
                },
                Meant::Nothing(words) => {
                    self.say(&words);
                    Flow::On
                }
            };
        }
        let question = Question { text: line.to_owned(), ..Question::default() };
        self.told(question).await
    }

    async fn line(&mut self) -> Option<String> {
        use tokio::io::AsyncBufReadExt as _;
        let _ = crate::ui::write_stdout(PROMPT.as_bytes());
        let mut line = String::new();
        let mut reader = tokio::io::BufReader::new(tokio::io::stdin());
        tokio::select! {
            read = reader.read_line(&mut line) => match read {
                Ok(0) | Err(_) => None,
                Ok(_) => Some(line),
            },
            () = self.signals.next() => None,
        }
    }

    /// A failure ends the turn, never the session.
    fn failed(&mut self, failure: &Failure) -> Flow {
        failure.report();
        Flow::On
    }

    async fn told(&mut self, question: Question) -> Flow {
        match self.ask(question).await {
            Ok(flow) => flow,
            Err(failure) => self.failed(&failure),
        }
    }

    /// Asks a question, with what was collected for it.
    async fn ask(&mut self, mut question: Question) -> Result<Flow, Failure> {
        let start = SystemClock.instant();
        let deadline = self.run.deadline_from(start);
        question.attachments.append(&mut self.attachments);
        for note in self.notes.drain(..) {
            question.text.push('\n');
            question.text.push_str(&note);
        }
        self.outstanding.clear();
        let commission = self.desk.words(question);
        let effects = if self.run.thread.is_none() {
            self.run.open(commission, self.context.verbose, deadline, &mut self.signals).await?
        } else {
            let shared = std::mem::take(&mut self.shared);
            self.run.ask_on(commission, &shared, deadline, &mut self.signals).await?
        };
        let Some(effects) = effects else { return Ok(Flow::On) };
        self.turn(effects, None, deadline).await
    }

    /// Runs a turn to its answer and shows it.
    async fn turn(
        &mut self,
        effects: Vec<Effect>,
        questioned: Option<Source>,
        deadline: Option<std::time::Instant>,
    ) -> Result<Flow, Failure> {
        let turn: Option<Turn> = self.run.turn(effects, questioned, deadline, &mut self.signals).await;
        let Some(turn) = turn else { return Ok(Flow::Leave(Exit::Interrupted)) };
        let done = self.run.deliver(turn, &mut self.signals).await;
        self.last = Some(*done.investigation);
        if let Err(failure) = done.exit {
            self.failed(&failure);
        }
        Ok(Flow::On)
    }
}
