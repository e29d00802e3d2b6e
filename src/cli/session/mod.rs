//! `holmes-rs ask -i`: a conversation. Each question is a turn of one run, so evidence and ids stay, and each turn is on disk
//! before the next begins.
//!
//! It reads lines and decides what they are: a question goes to the engine, a command is done here. It knows nothing that
//! `ask` does not know about an investigation.

mod command;
mod complete;
mod files;
mod looking;
mod models;
mod perform;
mod report;
mod resume;
mod running;
mod showing;
mod steering;
mod turns;
mod words;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use super::Context;
use super::desk::Desk;
use super::failure::{Exit, Failure, io};
use super::investigation::{Run, Turn};
use super::signals::Signals;
use crate::agent::Event;
use crate::agent::machine::{Effect, Source};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::evidence::Redactor;
use crate::question::{Attachment, Question};
use crate::replay::Recording;
use crate::ui::{self, Editor, EditorOptions, Entry, Keys, PagerOptions};
use command::{Meant, read};
use complete::Words;
use steering::Steering;
use turns::{Asked, Shown, Turns};

/// What stands before a line.
const PROMPT: &str = "holmes> ";

/// A conversation that goes on.
pub(super) struct Session {
    /// With the terminal as it is now.
    context: Context,
    config: Rc<Config>,
    desk: Desk,
    run: Run,
    signals: Signals,
    editor: Editor,
    /// What Tab knows.
    words: Arc<Mutex<Words>>,
    /// Whose secrets are kept out of the history: the run's that is talked to.
    redactor: Rc<RefCell<Rc<Redactor>>>,
    /// What was typed while a turn ran.
    typed: String,
    /// Attached to the next question.
    attachments: Vec<Attachment>,
    /// What a person shows the model with the next question.
    shown: Vec<Shown>,
    /// The runbook that goes with the next question: the name of one.
    runbook: Option<String>,
    /// Where to look first, and where not.
    steering: Steering,
    /// What was asked and answered.
    turns: Turns,
    /// Each tool's output is shown.
    shows_output: bool,
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
    let redactor = Rc::new(RefCell::new(run.listeners.shared_redactor()));
    let keeps_out = Rc::clone(&redactor);
    let words = Arc::new(Mutex::new(Words::default()));
    let editor = Editor::open(EditorOptions {
        history: Some(config.folders().state.join("history")),
        terminal: context.stderr,
        completer: Box::new(complete::Completer::new(Arc::clone(&words))),
        redact: Box::new(move |text| keeps_out.borrow().redact(text)),
    })
    .map_err(io("lines cannot be read"))?;
    let mut session = Session {
        context: context.renewed(),
        shows_output: config.switch("show_tool_output")?,
        config,
        desk,
        run,
        signals,
        editor,
        words,
        redactor,
        typed: String::new(),
        attachments: Vec::new(),
        shown: Vec::new(),
        runbook: None,
        steering: Steering::default(),
        turns: Turns::default(),
        outstanding: Vec::new(),
        questioned: None,
    };
    session.greet();
    if let Some(recording) = again {
        session.take_up(recording, first.is_none());
    }
    session.learn_words();
    let mut flow = Flow::On;
    if let Some(question) = first {
        if session.config.switch("echo")? {
            let text = words::one_line(&question.text, 2_000);
            session.say(&format!("{PROMPT}{text}"));
        }
        flow = session.told(question).await;
    }
    while flow == Flow::On {
        flow = session.step().await;
    }
    session.leave().await;
    match flow {
        Flow::Leave(exit) => Ok(exit),
        Flow::On => Ok(Exit::Answered),
    }
}

impl Session {
    /// Who answers, with what, and the way out.
    fn greet(&mut self) {
        let mut about = vec![match self.run.window() {
            None => "the built-in rules answer".to_owned(),
            Some(_) => ui::sanitize(self.run.answers()).into_owned(),
        }];
        if let Some(window) = self.run.window() {
            let guess = if self.run.window_is_guessed() { "about " } else { "" };
            about.push(format!("window {guess}{}", words::tokens(window)));
        }
        about.push(match self.run.usable_toolsets().len() {
            1 => "1 toolset".to_owned(),
            count => format!("{count} toolsets"),
        });
        if self.context.verbose > 0 {
            about.push(format!("run {}", self.run.id));
        }
        let dot = if self.context.stderr.unicode { " · " } else { ", " };
        self.say(&format!("{}\nAsk anything. /help lists commands, Ctrl-D leaves.", about.join(dot)));
    }

    /// Something the person is told: on stderr, wrapped to the terminal.
    fn say(&mut self, text: &str) {
        let width = self.context.stderr.tty.then_some(self.context.stderr.width);
        let text = words::laid_out(text, width);
        self.run.listeners.progress.note(text.trim_end());
    }

    /// Text that was asked for, which is fit for a terminal already: on stdout.
    #[allow(clippy::unused_self)] // said in the session, whoever it reaches
    fn print(&self, text: &str) -> Result<(), Failure> {
        let end = if text.ends_with('\n') || text.is_empty() { "" } else { "\n" };
        ui::write_stdout(format!("{text}{end}").as_bytes()).map_err(io("stdout"))
    }

    /// As [`Session::print`], a page at a time where it is long, from this line of it on.
    async fn page(&mut self, text: &str, line: usize) -> Result<(), Failure> {
        let environment = &self.context.environment;
        let pager = environment.get("PAGER").map(str::to_owned);
        let mut variables: Vec<(String, String)> =
            environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        if line > 1 {
            let own = environment.get("LESS").unwrap_or_default();
            variables.retain(|(name, _)| name != "LESS");
            variables.push(("LESS".to_owned(), format!("{own} +{line}g").trim().to_owned()));
        }
        let options =
            PagerOptions { terminal: &self.context.stdout, pager: pager.as_deref(), environment: variables };
        let shown = ui::pager::show(text, options).await.map_err(io("stdout"));
        self.signals.forget().await;
        shown
    }

    /// Reads a line and does what it says.
    async fn step(&mut self) -> Flow {
        let line = match self.line().await {
            Ok(line) => line,
            Err(exit) => return Flow::Leave(exit),
        };
        self.renew();
        let line = line.trim();
        if line.is_empty() {
            return if self.outstanding.is_empty() { Flow::On } else { self.go_on().await };
        }
        if matches!(line, "exit" | "quit") {
            return Flow::Leave(Exit::Answered);
        }
        if line.starts_with('!') || line.starts_with('/') && !words::is_path(line) {
            return match read(line) {
                Meant::Command(verb, arguments) => {
                    let done = self.perform(verb, arguments).await;
                    self.signals.forget().await;
                    done.unwrap_or_else(|failure| self.failed(&failure))
                }
                Meant::Nothing(words) => {
                    self.say(&words);
                    Flow::On
                }
            };
        }
        let question = Question { text: line.to_owned(), ..Question::default() };
        self.told(question).await
    }

    /// The terminal may have another size, and the run other exhibits.
    fn renew(&mut self) {
        self.context = self.context.renewed();
        self.run.fit(&self.context);
        self.run.listeners.progress.show_tool_output(self.shows_output);
    }

    /// The next line, or how the person leaves.
    async fn line(&mut self) -> Result<String, Exit> {
        let typed = std::mem::take(&mut self.typed);
        let mut interrupted = false;
        loop {
            let entry = tokio::select! {
                entry = self.editor.read(PROMPT, &typed) => entry,
                () = self.signals.next() => return Err(Exit::Interrupted),
            };
            match entry {
                Entry::Line(line) => return Ok(line),
                Entry::Interrupted if interrupted => return Err(Exit::Answered),
                Entry::Interrupted => {
                    interrupted = true;
                    self.say("Ctrl-C again, Ctrl-D or `/exit` leaves");
                }
                Entry::End => return Err(Exit::Answered),
                Entry::Broken(error) => {
                    self.run.listeners.progress.warning(&format!("lines cannot be read: {error}"));
                    return Err(Exit::RunTime);
                }
            }
        }
    }

    /// A failure ends the turn, never the session.
    fn failed(&mut self, failure: &Failure) -> Flow {
        self.run.listeners.progress.hide();
        failure.report();
        Flow::On
    }

    async fn told(&mut self, question: Question) -> Flow {
        match self.ask(question).await {
            Ok(flow) => flow,
            Err(failure) => self.failed(&failure),
        }
    }

    /// Asks a question, with what was collected for it. What could not be asked stays collected.
    async fn ask(&mut self, mut question: Question) -> Result<Flow, Failure> {
        self.renew();
        let start = SystemClock.instant();
        let deadline = self.run.deadline_from(start);
        question.attachments.extend(self.attachments.iter().cloned());
        let text = question.text.clone();
        let mut commission = self.desk.words(question);
        self.give_runbook(&mut commission);
        commission.notes = self.steering.notes();
        let (told, new): (Vec<&Shown>, Vec<&Shown>) = self.shown.iter().partition(|shown| shown.told);
        commission.shared = new.into_iter().map(|shown| shown.exhibit.clone()).collect();
        let views: Vec<String> = told.into_iter().map(|shown| shown.exhibit.view.clone()).collect();
        let before = self.run.store.exhibits().len();
        let effects = if self.run.thread.is_none() {
            self.run.open(commission, self.context.verbose, deadline, &mut self.signals).await?
        } else {
            self.run.ask_on(commission, &views, deadline, &mut self.signals).await?
        };
        let Some(effects) = effects else {
            self.say("not asked");
            return Ok(Flow::On);
        };
        let attached = self.run.store.exhibits().iter().skip(before).cloned();
        let shown = self.shown.drain(..).map(|shown| shown.exhibit).chain(attached);
        let shown = shown.map(|exhibit| Shown { exhibit, told: true }).collect();
        self.turns.asked(Asked { text, shown, runbook: self.runbook.take() });
        self.attachments.clear();
        self.outstanding.clear();
        self.questioned = None;
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
        // Ended here, whoever still holds them: two readers of one terminal would each get some of the keys.
        keys.pause();
        self.typed = keys.typed();
        let Some(turn) = turn else { return Ok(Flow::Leave(Exit::Interrupted)) };
        let done = self.run.deliver(turn, &mut self.signals).await;
        self.signals.forget().await;
        self.turns.answered(*done.investigation);
        self.learn_words();
        done.exit?;
        // The next question stands apart from the answer.
        self.print("\n")?;
        Ok(Flow::On)
    }

    /// Goes on with what a run was cut off in.
    async fn go_on(&mut self) -> Flow {
        let start = SystemClock.instant();
        let deadline = self.run.deadline_from(start);
        let outstanding = std::mem::take(&mut self.outstanding);
        let effects = self.run.without_tools_that_went(outstanding);
        let questioned = self.questioned.take();
        match self.turn(effects, questioned, deadline).await {
            Ok(flow) => flow,
            Err(failure) => self.failed(&failure),
        }
    }

    /// Says goodbye to servers, and how to come back.
    async fn leave(&mut self) {
        self.run.close(true, &mut self.signals).await;
        if self.run.is_recorded() {
            let id = self.run.id.clone();
            self.say(&format!("run {id}: `holmes-rs ask -c` goes on with it"));
        }
    }

    /// Tells everybody, the record too, what a person changed.
    fn edit(&mut self, edit: crate::agent::Edit) -> bool {
        let Some(thread) = &mut self.run.thread else { return false };
        let event = Event::Edited { edit };
        thread.hear(&event);
        self.run.listeners.hear(&event);
        true
    }
}
