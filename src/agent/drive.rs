//! Performs what the machine decides: calls the model, runs tools side by side, keeps time, builds the answer.
//!
//! The only async room of the agent. It prints nothing: everything that happens goes to the listener as
//! an [`Event`], and the same event drives the machine.

mod acting;
mod digest;
mod summary;

use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use super::event::{Event, Finish, Limit};
use super::machine::{Effect, Offered, Source, State};
use super::message::{Arguments, AssistantMessage, Message, ToolCall, Usage};
use crate::answer::{self, Answer};
use crate::approval::Approver;
use crate::clock::Clock;
use crate::evidence::{self, Counts, RUNBOOKS, Store};
use crate::model::{Delta, Model, ModelError, ModelErrorKind, Reply, Request};
use crate::tools::{EVIDENCE, Toolbox};

pub use summary::Fast;

/// Requests of a run that are shortened and sent again after "context length exceeded".
const SHORTENED_REQUESTS: u32 = 12;

/// What a run needs besides its state and its evidence.
pub struct Engine<'a> {
    pub model: &'a dyn Model,
    /// Concludes from the exhibits when the model cannot: the rules engine.
    pub fallback: &'a dyn Model,
    /// Who sums long outputs up where a toolset wants that; `None`: nobody, the model sees their lines.
    pub fast: Option<&'a Fast<'a>>,
    pub toolbox: &'a Toolbox,
    pub clock: &'a dyn Clock,
    /// When the time budget is used up.
    pub deadline: Option<Instant>,
    /// What the last call may take after the deadline.
    pub grace: Duration,
    /// `true` once the person wants the run to end.
    pub interrupt: watch::Receiver<bool>,
    /// The time is up by word, not by the clock: a replay's.
    pub time_is_up: Rc<Notify>,
    /// Whether listeners want text as it arrives.
    pub stream: bool,
    /// Whether the model is asked once to correct an answer whose quotes do not stand.
    pub corrects: bool,
    /// Toolsets that could not be used: name and reason, for the ledger.
    pub unusable: Vec<(String, String)>,
    /// Who decides about calls that need a person's leave.
    pub approver: &'a dyn Approver,
    /// When the run began: exhibits tell when they were made from here on.
    pub began: Instant,
}

/// A run that is over.
#[derive(Debug, Clone)]
pub struct Conclusion {
    pub answer: Answer,
    pub finish: Finish,
    pub transcript: Vec<Message>,
    pub usage: Usage,
    /// Model calls made, those for summaries included.
    pub calls: u32,
    /// Calls of fast models among them.
    pub summaries: u32,
    /// USD, where known.
    pub cost: Option<f64>,
    /// Why the model failed, where it did.
    pub failure: Option<ModelError>,
    /// As the server spelled it in its last reply.
    pub finish_reason: String,
    /// Where another question can go on.
    pub state: State,
}

/// Runs to the end. Whatever goes wrong, there is a conclusion.
pub async fn drive(
    engine: &Engine<'_>,
    mut state: State,
    store: &mut Store,
    listener: &mut dyn FnMut(&Event),
) -> Conclusion {
    let effects = state.start();
    drive_on(engine, (state, effects), None, store, listener).await
}

/// As [`drive`], from the middle: `effects` is what the state wants next. `questioned` is where the answer is that the
/// model was asked to correct, where the run was cut off there.
pub async fn drive_on(
    engine: &Engine<'_>,
    (state, effects): (State, Vec<Effect>),
    questioned: Option<Source>,
    store: &mut Store,
    listener: &mut dyn FnMut(&Event),
) -> Conclusion {
    let mut driver = Driver {
        engine,
        state,
        store,
        listener,
        began: engine.began,
        deadline: engine.deadline,
        out_of_time: false,
        interrupted: false,
        failure: None,
        fast_failures: BTreeMap::new(),
        finish_reason: String::new(),
        questioned: None,
        shortened: 0,
    };
    if let Some(source) = questioned {
        driver.questioned = Some(driver.answer(source, Finish::Answered).await);
    }
    driver.run(effects).await
}

struct Driver<'a, 'b> {
    engine: &'a Engine<'a>,
    state: State,
    store: &'b mut Store,
    listener: &'b mut dyn FnMut(&Event),
    /// Exhibits tell when they began from here on.
    began: Instant,
    /// Moves by the grace once it has passed.
    deadline: Option<Instant>,
    /// The time limit was announced: what is left is the grace.
    out_of_time: bool,
    interrupted: bool,
    failure: Option<ModelError>,
    /// Failures in a row of each fast model, by its name.
    fast_failures: BTreeMap<String, u32>,
    finish_reason: String,
    /// The answer that the model was asked to correct.
    questioned: Option<Answer>,
    /// Requests of this run that did not fit.
    shortened: u32,
}

/// What ended a wait before its time.
enum Cut {
    Deadline,
    Interrupt,
}

impl Driver<'_, '_> {
    async fn run(mut self, first: Vec<Effect>) -> Conclusion {
        let mut effects: VecDeque<Effect> = first.into();
        loop {
            // Only a replay can lack a tool that was offered: nobody would answer its call.
            if effects.is_empty() {
                effects.extend(self.failed(ModelError {
                    kind: ModelErrorKind::Unavailable,
                    message: "a tool that was called is not there any more".to_owned(),
                    hint: None,
                }));
            }
            let mut calls = Vec::new();
            while let Some(effect) = effects.pop_front() {
                match effect {
                    Effect::CallModel { tools } => {
                        let next = self.call_model(tools).await;
                        effects.extend(next);
                    }
                    Effect::RunTool(call) => calls.push(call),
                    Effect::Answered { call, reply, repeats, brings, noted } => {
                        self.emit(&Event::ToolAnswered { call, reply, repeats, brings, noted });
                    }
                    Effect::Conclude { source, finish } => {
                        let answer = self.answer(source, finish).await;
                        let again = self.question(&answer);
                        if again.is_empty() {
                            return self.conclude(answer, finish);
                        }
                        self.questioned = Some(answer);
                        effects.extend(again);
                    }
                }
                // The calls of a turn stand together: they run once the next effect is something else.
                if !calls.is_empty()
                    && !matches!(effects.front(), Some(Effect::RunTool(_) | Effect::Answered { .. }))
                {
                    let next = self.run_tools(std::mem::take(&mut calls)).await;
                    effects.extend(next);
                }
            }
        }
    }

    /// Publishes an event, then lets the machine decide on it.
    fn emit(&mut self, event: &Event) -> Vec<Effect> {
        (self.listener)(event);
        self.state.step(event)
    }

    fn cut(&mut self, cut: &Cut) -> Vec<Effect> {
        match cut {
            Cut::Deadline if self.out_of_time => self.failed(ModelError {
                kind: ModelErrorKind::Unavailable,
                message: format!("no answer within {:.0?} after the time was up", self.engine.grace),
                hint: None,
            }),
            Cut::Deadline => {
                self.out_of_time = true;
                self.deadline = Some(self.engine.clock.instant() + self.engine.grace);
                self.emit(&Event::LimitReached { limit: Limit::Time })
            }
            Cut::Interrupt => {
                self.interrupted = true;
                self.emit(&Event::Interrupted)
            }
        }
    }

    async fn call_model(&mut self, tools: Offered) -> Vec<Effect> {
        let step = self.state.calls();
        let specs = self.state.tools(tools);
        (self.listener)(&Event::ModelRequested {
            step,
            messages: self.state.transcript().len(),
            tools: specs.len(),
            tokens: self.state.request_tokens(tools),
            sha256: digest::of(self.state.transcript(), specs, self.store.redactor()),
        });
        let started = self.engine.clock.instant();
        let request = Request {
            messages: self.state.transcript(),
            tools: specs,
            reply_tokens: self.state.reply_tokens(tools),
            stream: self.engine.stream,
        };
        let listener = &mut *self.listener;
        let mut on_delta = |delta: Delta<'_>| listener(&event_of(delta));
        let reply = tokio::select! {
            reply = self.engine.model.complete(request, &mut on_delta) => Ok(reply),
            cut = wait_for_cut(self.deadline, self.engine) => Err(cut),
        };
        match reply {
            Err(cut) => self.cut(&cut),
            Ok(Ok(reply)) => self.replied(step, reply, started),
            Ok(Err(error)) => {
                if let ModelErrorKind::ContextTooLong { limit } = error.kind
                    && self.shortened < SHORTENED_REQUESTS
                {
                    self.shortened += 1;
                    let again = self.emit(&Event::RequestTooLong { limit });
                    if !again.is_empty() {
                        return again;
                    }
                }
                self.failed(error)
            }
        }
    }

    fn replied(&mut self, step: u32, mut reply: Reply, started: Instant) -> Vec<Effect> {
        // A model may repeat what it was never shown; arguments stay as they are, since tools need them.
        let redactor = self.store.redactor();
        reply.message.text = redactor.redact(&reply.message.text);
        reply.message.reasoning = redactor.redact(&reply.message.reasoning);
        let seconds = (self.engine.clock.instant() - started).as_secs_f64();
        self.finish_reason.clone_from(&reply.finish_reason);
        self.emit(&Event::ModelReplied {
            step,
            message: reply.message,
            usage: reply.usage,
            finish_reason: reply.finish_reason,
            cost: reply.cost,
            seconds,
        })
    }

    fn failed(&mut self, mut error: ModelError) -> Vec<Effect> {
        // Endpoints repeat what they were sent.
        error.message = self.store.shown(&error.message);
        error.hint = error.hint.map(|hint| self.store.shown(&hint));
        let exit_code = match error.kind {
            ModelErrorKind::Configuration => 3,
            ModelErrorKind::Unavailable | ModelErrorKind::ContextTooLong { .. } => 4,
        };
        let event =
            Event::ModelFailed { message: error.message.clone(), hint: error.hint.clone(), exit_code };
        self.failure = Some(error);
        self.emit(&event)
    }

    /// What the model or the rules conclude, with its quotes checked. Of a questioned answer and its correction the better one.
    async fn answer(&mut self, source: Source, finish: Finish) -> Answer {
        let earlier = self.questioned.take();
        let is_call = matches!(source, Source::Call(_));
        let by_model = self.engine.corrects && !matches!(source, Source::Exhibits);
        let mut answer = match (source, earlier.clone()) {
            (Source::Call(ToolCall { arguments: Arguments::Object(map), .. }), _) => answer::from_call(&map),
            (Source::Text(text), _) => answer::from_text(&text),
            (Source::Earlier, Some(earlier)) => return earlier,
            (Source::Call(_) | Source::Exhibits | Source::Earlier, _) => {
                self.answer_from_exhibits(finish).await
            }
        };
        let check = evidence::check(&answer, self.store.exhibits());
        // On another thread: looking through gigabytes takes seconds, in which a second interrupt must be heard.
        if let Ok(checked) = tokio::task::spawn_blocking(move || check.read()).await {
            let counts = if by_model { Counts::Claimed } else { Counts::Counted };
            evidence::conclude(&mut answer, self.store.exhibits(), self.store.redactor(), &checked, counts);
        }
        match earlier {
            Some(earlier) if !is_better(&answer, is_call, &earlier) => earlier,
            _ => answer,
        }
    }

    /// Asks the model to correct an answer whose quotes do not stand; nothing to do where it cannot be asked.
    fn question(&mut self, answer: &Answer) -> Vec<Effect> {
        if !self.engine.corrects || self.interrupted || self.out_of_time || !self.state.may_correct() {
            return Vec::new();
        }
        match evidence::objections(answer) {
            Some(objections) => self.emit(&Event::AnswerQuestioned { objections }),
            None => Vec::new(),
        }
    }

    fn conclude(self, mut answer: Answer, finish: Finish) -> Conclusion {
        answer.hypotheses = self.state.hypotheses().to_vec();
        answer.not_checked = evidence::not_checked(&self.engine.unusable, self.store.exhibits());
        let toolbox = self.engine.toolbox;
        // Reading exhibits again, or a runbook, is no source of its own.
        let toolsets =
            toolbox.names().into_iter().filter_map(|name| Some(toolbox.get(name)?.toolset().to_owned()));
        let usable: std::collections::BTreeSet<String> =
            toolsets.filter(|name| name != EVIDENCE && name != RUNBOOKS).collect();
        let usable: Vec<String> = usable.into_iter().collect();
        answer.coverage = evidence::coverage(&usable, &self.engine.unusable, self.store.exhibits());
        answer.not_sure.extend(evidence::instructions_found(self.store.exhibits()));
        if answer.text.is_empty() {
            answer.text = answer::to_markdown(&answer);
        }
        (self.listener)(&Event::Concluded { answer: answer.clone(), finish });
        Conclusion {
            answer,
            finish,
            usage: self.state.usage(),
            calls: self.state.calls() + self.state.summaries(),
            summaries: self.state.summaries(),
            cost: self.state.cost(),
            transcript: self.state.transcript().to_vec(),
            failure: self.failure,
            finish_reason: self.finish_reason,
            state: self.state,
        }
    }

    /// The best that the rules engine can say from the evidence gathered so far, and that it is no more.
    async fn answer_from_exhibits(&mut self, finish: Finish) -> Answer {
        let why = match finish {
            Finish::Answered => "the model gave no answer",
            Finish::Limit(Limit::Steps) => "the step limit was reached and the model gave no answer",
            Finish::Limit(Limit::Time) => "the time was up and the model gave no answer",
            Finish::Limit(Limit::Tokens) => "the token limit was reached and the model gave no answer",
            Finish::Limit(Limit::Cost) => "the cost limit was reached and the model gave no answer",
            Finish::Limit(Limit::Fruitless) => "nothing new came up and the model gave no answer",
            Finish::Interrupted => "the run was interrupted",
            Finish::ModelFailed { .. } => "the model failed",
        };
        if self.store.exhibits().is_empty() {
            let text = format!("**No answer:** {why}, and nothing had been looked at.");
            return Answer { text, ..Answer::default() };
        }
        let tools = [answer::answer_tool()];
        // Compaction may have emptied the transcript's results; the exhibits still hold what was seen.
        let mut messages = self.state.transcript().to_vec();
        for message in &mut messages {
            if let Message::Tool { call_id, text, .. } = message
                && let Some(exhibit) =
                    self.store.exhibits().iter().find(|exhibit| exhibit.call_id == *call_id)
            {
                text.clone_from(&exhibit.view);
            }
        }
        let request = Request { messages: &messages, tools: &tools, reply_tokens: None, stream: false };
        let reply = self.engine.fallback.complete(request, &mut |_| {}).await;
        let mut answer = match reply.map(|reply| reply.message) {
            Ok(AssistantMessage { tool_calls, text, .. }) => match tool_calls.into_iter().next() {
                Some(ToolCall { arguments: Arguments::Object(map), .. }) => answer::from_call(&map),
                _ => answer::from_text(&text),
            },
            Err(_) => Answer::default(),
        };
        answer.not_sure.push(format!("{why}: this report is made by rules from what had been gathered"));
        answer
    }
}

fn event_of(delta: Delta<'_>) -> Event {
    match delta {
        Delta::Text(text) => Event::TextDelta { text: text.to_owned() },
        Delta::Reasoning(text) => Event::ReasoningDelta { text: text.to_owned() },
        Delta::Retry { attempt, wait, reason } => {
            Event::ModelRetried { attempt, wait_seconds: wait.as_secs_f64(), reason: reason.to_owned() }
        }
    }
}

/// Whether a corrected answer takes the place of the first: it says a cause, and fewer of its claims are unproven. Claims may
/// be dropped in a call; words without any proof are no correction.
fn is_better(corrected: &Answer, is_call: bool, first: &Answer) -> bool {
    let proven = |answer: &Answer| answer.findings.iter().filter(|finding| finding.verified).count();
    let unproven = |answer: &Answer| answer.findings.len() - proven(answer);
    let says = |answer: &Answer| !answer.root_cause.trim().is_empty();
    (says(corrected) || !says(first))
        && unproven(corrected) <= unproven(first)
        && (unproven(corrected) < unproven(first) || proven(corrected) > proven(first))
        && (proven(corrected) > 0 || is_call && proven(first) == 0)
}

/// Returns when the time is up or the person wants to stop; never, when neither can happen.
async fn wait_for_cut(deadline: Option<Instant>, engine: &Engine<'_>) -> Cut {
    let mut interrupt = engine.interrupt.clone();
    let time = async {
        match deadline {
            Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
            None => std::future::pending().await,
        }
    };
    let person = async {
        if interrupt.wait_for(|wanted| *wanted).await.is_err() {
            // Nobody can interrupt any more.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        () = time => Cut::Deadline,
        () = engine.time_is_up.notified() => Cut::Deadline,
        () = person => Cut::Interrupt,
    }
}
