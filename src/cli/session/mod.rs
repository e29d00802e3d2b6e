//! `holmes-rs ask -i`: a conversation. Each question is a turn of one run, so evidence and ids stay, and each turn is on disk
//! before the next begins.
//!
//! It reads lines and decides what they are: a question goes to the engine, a command is done here. It knows nothing that
//! `ask` does not know about an investigation.

mod command;
mod complete;
mod perform;

use std::rc::Rc;

use super::Context;
use super::desk::Desk;
use super::failure::{Exit, Failure, io};
use super::investigation::{Run, Turn};
use super::signals::Signals;
use crate::agent::machine::{Effect, Source};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::question::{Attachment, Question};
use crate::replay::Recording;
use crate::sink::Investigation;
use crate::ui::{Editor, EditorOptions, Entry, Keys};
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
    editor: Editor,
    /// What was typed while a turn ran.
    typed: String,
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
    let redactor = run.listeners.shared_redactor();
    let editor = Editor::open(EditorOptions {
        history: Some(config.folders().state.join("history")),
        terminal: context.stderr,
        completer: Box::new(complete::Words::of(&run)),
        redact: Box::new(move |text| redactor.redact(text)),
    })
    .map_err(io("lines cannot be read"))?;
    let resumed = again.map(crate::session::resume);
    let mut session = Session {
        context,
        config,
        desk,
        run,
        signals,
        editor,
        typed: String::new(),
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

    /// The next line; `None` once the person wants to leave.
    async fn line(&mut self) -> Option<String> {
        let typed = std::mem::take(&mut self.typed);
        let mut interrupted = false;
        loop {
            let entry = tokio::select! {
                entry = self.editor.read(PROMPT, &typed) => entry,
                () = self.signals.next() => return None,
            };
            match entry {
                Entry::Line(line) => return Some(line),
                Entry::Interrupted if interrupted => return None,
                Entry::Interrupted => {
                    interrupted = true;
                    self.say("Ctrl-C again, Ctrl-D or `/exit` leaves");
                }
                Entry::End => return None,
                Entry::Broken(error) => {
                    self.run.listeners.progress.warning(&format!("lines cannot be read: {error}"));
                    return None;
                }
            }
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
        let keys = Rc::new(Keys::watch());
        self.signals.hear(&keys);
        let turn: Option<Turn> = self.run.turn(effects, questioned, deadline, &mut self.signals).await;
        self.signals.deafen();
        self.typed = keys.typed();
        drop(keys);
        let Some(turn) = turn else { return Ok(Flow::Leave(Exit::Interrupted)) };
        let done = self.run.deliver(turn, &mut self.signals).await;
        self.last = Some(*done.investigation);
        if let Err(failure) = done.exit {
            self.failed(&failure);
        }
        Ok(Flow::On)
    }
}
