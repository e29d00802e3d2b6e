//! One investigation from a question to its sinks: the same for every verb that asks one.
//!
//! It composes the rooms (configuration, tools, model, record, terminal) and hands over to the agent.

mod beforehand;
mod between;
mod resumed;
mod turn;

use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use secrecy::ExposeSecret as _;
use tokio::sync::watch;

use super::Context;
use super::attachments;
use super::conclusion::{self, Outlets};
use super::deliveries::Deliveries;
use super::equipment::{self, Equipment};
use super::failure::{Exit, Failure, io};
use super::leave::{self, Leave};
use super::listeners::Listeners;
use super::options::OutputFormat;
use super::rewriting::Rewriting;
use super::signals::Signals;
use super::thinking::{self, FastModels, Thinking};
use crate::agent::drive::Conclusion;
use crate::agent::machine::{Effect, OPENING_TOKENS, Offered, Source, State, view_tokens};
use crate::agent::{Event, Finish, Limits, Message, Opening as Begun, Rewritten, ToolCall};
use crate::answer::answer_tool;
use crate::briefing::Lookup;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::context::{Guidance, Opening, Prompts};
use crate::evidence::view::clip;
use crate::evidence::{self, Exhibit, Redactor, Store};
use crate::model::{Model, ModelErrorKind};
use crate::question::Question;
use crate::record::{self, Journal};
use crate::replay::Recording;
use crate::rules::RulesModel;
use crate::session::{Thread, resume};
use crate::sink::Investigation;
use crate::tools::Tool;
use crate::ui::markdown::MarkdownStream;
use crate::ui::{Progress, ProgressOptions};

use beforehand::{calls, fits, journal, shortened, tell_lookups};
pub(super) use resumed::go_on;

/// Tokens of the window that let one more lookup be made: a view in which nothing is left shows nothing.
const LOOKUP_WINDOW: u64 = 1_300;
/// Taken when nothing tells the model's window: what local servers are commonly started with.
const CAREFUL_WINDOW: u64 = 32_768;
/// Characters of the question that stand above a run: one from a file may be a whole log.
const ECHOED: usize = 2_000;
/// Characters of why a runbook was chosen, which may be a long pattern.
const SHOWN_WHY: usize = 60;
/// The rules read views of this size, in tokens: they pay nothing for them.
const RULES_VIEW: u64 = 12_000;
/// The last call after the time limit may take a fifth of it, within these bounds.
const GRACE: std::ops::RangeInclusive<Duration> = Duration::from_secs(2)..=Duration::from_secs(30);

/// What is to be investigated, and what the program knows about it beforehand.
#[derive(Default)]
pub(super) struct Commission {
    pub question: Question,
    /// Looked up before the first model call, all at the same time. What no usable tool can look up is left out.
    pub lookups: Vec<Lookup>,
    /// Those that only the rules make: a model chooses for itself.
    pub steps: Vec<Lookup>,
    /// The runbook that matches: its name, how it matches, its text.
    pub runbook: Option<(String, String, String)>,
    /// Tools of this run besides those of toolsets.
    pub tools: Vec<Box<dyn Tool>>,
    /// Free fields of the JSON result.
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// What a person says to the model besides the question, a line each.
    pub notes: Vec<String>,
    /// Exhibits that a person shows the model with the question, of which no listener has heard.
    pub shared: Vec<Exhibit>,
    /// One of several: results are collected.
    pub collected: bool,
    /// How many are made of how many.
    pub overall: Option<(u64, u64)>,
}

impl From<Question> for Commission {
    fn from(question: Question) -> Self {
        Self { question, ..Self::default() }
    }
}

/// An investigation that was made.
pub(super) struct Done {
    pub exit: Result<Exit, Failure>,
    pub investigation: Box<Investigation>,
    /// The JSON result, of one of several.
    pub json: Option<serde_json::Value>,
    /// Everything that leaves this machine goes through it.
    pub redactor: Rc<Redactor>,
}

/// Investigates and writes the answer to its sinks.
pub(super) async fn run(commission: Commission, config: Config, context: &Context) -> Result<Exit, Failure> {
    match Box::pin(conduct(commission, &Rc::new(config), context)).await? {
        Some(done) => done.exit,
        None => Ok(Exit::Interrupted),
    }
}

/// As [`run`], for those who go on with what was found. `None`: interrupted before it began.
pub(super) async fn conduct(
    commission: Commission,
    config: &Rc<Config>,
    context: &Context,
) -> Result<Option<Done>, Failure> {
    let mut signals = Signals::listen()?;
    let started = SystemClock.instant();
    let prepared = tokio::select! {
        run = Run::prepare(config, context, (commission.collected, commission.overall), None) => run,
        () = signals.next() => return Ok(None),
    };
    let mut run = prepared?;
    let deadline = run.deadline_from(started);
    let Some(effects) = run.open(commission, context.verbose, deadline, &mut signals).await? else {
        return Ok(None);
    };
    Box::pin(run.finish(effects, None, deadline, &mut signals)).await
}

/// What came of a turn.
pub(super) struct Turn {
    conclusion: Conclusion,
    /// Who answered.
    model: String,
    /// Calls made before the answer was put into other words.
    calls: u32,
}

/// Everything a run needs, checked before its first step. A session is a run with more than one question.
pub(super) struct Run {
    config: Rc<Config>,
    pub question: Question,
    /// Calls made before the first model call; the rules make `steps` too.
    lookups: Vec<ToolCall>,
    steps: Vec<ToolCall>,
    runbook: Option<(String, String, String)>,
    notes: Vec<String>,
    shared: Vec<Exhibit>,
    metadata: serde_json::Map<String, serde_json::Value>,
    pub id: String,
    /// When the run began, by the wall and by the clock that does not jump.
    started_at: Timestamp,
    began: std::time::Instant,
    /// When the question was asked that is being answered.
    asked_at: Timestamp,
    /// The machine, once something was asked.
    pub thread: Option<Thread>,
    /// A turn was cut off, and nothing else was asked since.
    cut_off: bool,
    pub approver: Rc<Leave>,
    pub model: Option<Box<dyn Model>>,
    fast: FastModels,
    /// What shapes requests to the model, for the record.
    request_settings: serde_json::Map<String, serde_json::Value>,
    rules: RulesModel,
    falls_back: bool,
    pub limits: crate::config::Limits,
    pub equipment: Equipment,
    prompts: Prompts,
    additions: String,
    /// `--post-processing-prompt`.
    rewriting: Option<Rewriting>,
    pub store: Store,
    pub listeners: Listeners,
    outlets: Outlets,
    deliveries: Deliveries,
}

impl Run {
    /// `part`: whether it is one of several, and how many are made of how many. `again`: the recorded run that goes on.
    #[expect(
        clippy::too_many_lines,
        reason = "the parts of a run, each made once, in the order in which they need each other"
    )]
    pub(super) async fn prepare(
        config: &Rc<Config>,
        context: &Context,
        (collected, overall): (bool, Option<(u64, u64)>),
        again: Option<&Recording>,
    ) -> Result<Self, Failure> {
        let limits = config.limits()?;
        let prompts = thinking::prompts(config)?;
        let additions = config.text("system_prompt_additions")?.unwrap_or_default();
        let rewriting = Rewriting::of(config)?;
        let mut outlets = Outlets::new(config, context)?;
        outlets.collected = collected;
        let deliveries = Deliveries::prepare(config, context)?;
        let Thinking { model, notice, mut secrets, settings: request_settings } =
            thinking::choose(config, config.switch("no_llm")?, limits.timeout, &prompts, context)?;
        let mut progress = Progress::new(
            context.stderr,
            ProgressOptions {
                quiet: false,
                show_tool_output: config.switch("show_tool_output")?,
                verbose: context.verbose,
                overall,
            },
        );
        let now = SystemClock.now();
        let (started_at, run_id, journal) = match again {
            None => {
                let run_id = record::new_run_id(now);
                let journal = journal(config, &run_id, &mut progress)?;
                (now, run_id, journal)
            }
            Some(recording) => {
                let journal = Journal::resume(&config.folders().state, &recording.run_id)
                    .map_err(io(format!("run `{}` cannot be gone on with", recording.run_id)))?;
                (recording.started_at.parse().unwrap_or(now), recording.run_id.clone(), journal)
            }
        };
        let growing = journal.exhibits();
        progress.measure(move |id| {
            let about = std::fs::metadata(evidence::raw_path(&growing, id));
            about.ok().map(|about| about.len())
        });
        // Dropping the future on a signal ends the checks; nothing else stops them.
        let (_keep, stop) = watch::channel(false);
        let raw = journal.exhibits();
        let prepared = equipment::prepare(config, &mut progress, context, &raw, &stop);
        // Asked while the toolsets are checked: the window decides how much of anything is shown.
        let discovered = async {
            if let Some(model) = &model {
                model.discover().await;
            }
        };
        let (prepared, ()) = tokio::join!(prepared, discovered);
        let equipment = prepared?;
        let fast = match &model {
            None => FastModels::default(),
            Some(_) => FastModels::choose(config, &equipment.toolbox, limits.summary_timeout, &mut progress)?,
        };
        secrets.extend_from_slice(&fast.secrets);
        secrets.extend_from_slice(deliveries.secrets());
        secrets.extend(config.secrets().iter().map(|secret| secret.expose_secret().to_owned()));
        let redactor = Rc::new(Redactor::new(context.environment.iter(), &secrets));
        equipment.settings.iter().for_each(|settings| redactor.learn_settings(settings));
        if let Some(notice) = notice {
            let width = context.stderr.tty.then_some(context.stderr.width);
            progress.note(crate::ui::wrapped(&notice, "", "", width).trim_end());
        }
        let model = model.map(|model| Box::new(model) as Box<dyn Model>);
        let marker = match again {
            Some(recording) => recording.opening.marker.clone(),
            None => uuid::Uuid::now_v7().simple().to_string().split_off(22),
        };
        let allowance = allowance(model.as_deref(), 1);
        let mut store = Store::new(journal.exhibits(), marker, Rc::clone(&redactor), allowance);
        let resumed = again.map(|recording| {
            recording.teach(&redactor);
            let resumed = resume(recording);
            let arrived = resumed.arrived.iter().filter(|kept| !recording.exhibits.contains_key(&kept.id));
            let exhibits = recording.exhibits.values().chain(arrived).cloned().collect();
            store.restore(exhibits, resumed.last_exhibit);
            store.look_for(&recording.last_asked().0.text);
            resumed
        });
        let approver = leave::approver(config, context, &run_id, &redactor)?;
        let jsonl = outlets.format == OutputFormat::Jsonl && !collected && deliveries.prints;
        let streams = outlets.format == OutputFormat::Text
            && deliveries.prints
            && outlets.sections.is_empty()
            && context.stdout.tty
            && model.is_some()
            && rewriting.is_none();
        let stream = streams.then(|| MarkdownStream::new(context.stdout));
        let falls_back = config.switch("no_llm_fallback")?;
        let elapsed = (now - started_at).try_into().unwrap_or_default();
        let mut run = Self {
            config: Rc::clone(config),
            question: again.map(|recording| recording.last_asked().0.clone()).unwrap_or_default(),
            lookups: Vec::new(),
            steps: Vec::new(),
            runbook: None,
            notes: Vec::new(),
            shared: Vec::new(),
            metadata: again.map(|recording| recording.opening.metadata.clone()).unwrap_or_default(),
            id: run_id,
            started_at,
            began: SystemClock.instant().checked_sub(elapsed).unwrap_or_else(|| SystemClock.instant()),
            asked_at: now,
            thread: None,
            approver,
            cut_off: false,
            model,
            fast,
            request_settings,
            rules: thinking::rules()?,
            falls_back,
            limits,
            equipment,
            prompts,
            additions,
            rewriting,
            store,
            listeners: Listeners::new(progress, journal, redactor, jsonl, context.verbose > 1, stream),
            outlets,
            deliveries,
        };
        if let (Some(resumed), Some(recording)) = (resumed, again) {
            run.take_up(resumed, recording);
        }
        Ok(run)
    }

    /// When the time for an answer that is asked for at `start` is over.
    pub(super) fn deadline_from(&self, start: std::time::Instant) -> Option<std::time::Instant> {
        self.limits.timeout.map(|timeout| start + timeout)
    }

    /// What is to be found out.
    fn take(&mut self, commission: Commission, verbose: u8) {
        let Commission { question, lookups, steps, runbook, tools, metadata, notes, shared, .. } = commission;
        self.equipment.provide(tools);
        if verbose > 0 {
            tell_lookups(&lookups, &self.equipment.toolbox, &mut self.listeners.progress);
        }
        let steps = steps.into_iter().filter(|step| !lookups.contains(step)).collect();
        self.lookups = calls(lookups, &self.equipment.toolbox, "lookup");
        if let Some(model) = &self.model {
            let most = usize::try_from(window_of(model.as_ref()) / LOOKUP_WINDOW).unwrap_or(usize::MAX);
            self.lookups.truncate(most);
        }
        self.steps = calls(steps, &self.equipment.toolbox, "step");
        self.equipment.order_by(&question.text);
        if let Some((name, why, _)) = &runbook {
            self.listeners.progress.note(&format!("runbook `{name}` ({})", clip(why, SHOWN_WHY)));
        }
        self.store.allow(allowance(self.model.as_deref(), question.attachments.len()));
        self.store.look_for(&question.text);
        let redactor = self.listeners.shared_redactor();
        // A team's own may hold what its examples were tried with.
        self.runbook = runbook.map(|(name, why, text)| (name, why, redactor.redact(&text)));
        self.question = Question { text: redactor.redact(&question.text), ..question };
        self.notes = notes.iter().map(|note| redactor.redact(note)).collect();
        self.shared = shared;
        // Of a run that goes on they stay what they were.
        self.metadata.extend(metadata);
    }

    /// Tells listeners what begins, and with what.
    fn announce(&mut self, attached: &[Exhibit]) {
        if self.outlets.echo {
            self.listeners.progress.note(&clip(&self.question.text, ECHOED));
        }
        let name =
            self.model.as_ref().map_or_else(|| self.rules.name().to_owned(), |model| model.name().to_owned());
        self.listeners.hear(&Event::RunStarted {
            run_id: self.id.clone(),
            question: self.question.clone(),
            model: name,
            started_at: self.started_at.to_string(),
        });
        self.listeners.hear(&self.equipment.checked());
        for exhibit in attached {
            self.listeners.hear(&Event::ToolFinished { exhibit: exhibit.clone() });
        }
    }

    /// Asks the first question: what the machine wants then. `None`: interrupted before it began.
    pub(super) async fn open(
        &mut self,
        commission: Commission,
        verbose: u8,
        deadline: Option<std::time::Instant>,
        signals: &mut Signals,
    ) -> Result<Option<Vec<Effect>>, Failure> {
        self.take(commission, verbose);
        // First of all: a file that cannot be read is no run.
        let Some(attached) = self.attach(deadline, signals).await? else { return Ok(None) };
        let attached: Vec<Exhibit> = self.shared.drain(..).chain(attached).collect();
        let views: Vec<String> = attached.iter().map(|exhibit| exhibit.view.clone()).collect();
        let mut opening = self.opening(&views)?;
        if let Some(Message::User { text }) = opening.last_mut() {
            between::say_besides(text, &self.notes);
        }
        if let Some(model) = &self.model {
            fits(&opening, window_of(model.as_ref()))?;
        }
        // What cannot begin is no run, and leaves no record of one.
        self.announce(&attached);
        let mut state = self.state(opening, self.model.as_deref());
        let opening = Box::new(self.begun(&state));
        self.listeners.record(&Event::Opened { opening });
        let effects = state.start();
        self.thread = Some(Thread::new(state));
        Ok(Some(effects))
    }

    /// Asks on, with what was attached to the question, and `shared` views of what a person shows the model.
    pub(super) async fn ask_on(
        &mut self,
        commission: Commission,
        shared: &[String],
        deadline: Option<std::time::Instant>,
        signals: &mut Signals,
    ) -> Result<Option<Vec<Effect>>, Failure> {
        self.take(commission, 0);
        let Some(attached) = self.attach(deadline, signals).await? else { return Ok(None) };
        let attached: Vec<Exhibit> = self.shared.drain(..).chain(attached).collect();
        let views: Vec<String> =
            shared.iter().cloned().chain(attached.iter().map(|exhibit| exhibit.view.clone())).collect();
        let Some(thread) = &mut self.thread else { return Ok(None) };
        let first = thread.state().is_blank();
        let window = self.model.as_deref().map_or(u64::MAX, window_of);
        let runbook =
            self.runbook.as_ref().map(|(name, why, text)| (name, why, shortened(text, window, name)));
        self.asked_at = SystemClock.now();
        let mut text = self
            .prompts
            .follow_up(
                &Opening {
                    question: &self.question.text,
                    now: &self.asked_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
                    host: &self.equipment.host,
                    marker: self.store.marker(),
                    attachments: &views,
                    guidance: runbook.as_ref().map(|(name, why, text)| Guidance { name, why, text }),
                    ..Opening::default()
                },
                first,
            )
            .map_err(|error| Failure::new(Exit::Configuration, error))?;
        between::say_besides(&mut text, &self.notes);
        if self.model.is_some() {
            fits(&[Message::User { text: text.clone() }], window)?;
        }
        let event = Event::TurnStarted {
            turn: thread.turns() + 1,
            question: self.question.clone(),
            text,
            started_at: self.asked_at.to_string(),
        };
        for exhibit in &attached {
            self.listeners.hear(&Event::ToolFinished { exhibit: exhibit.clone() });
        }
        self.listeners.hear(&event);
        self.cut_off = false;
        Ok(Some(thread.hear(&event)))
    }

    /// Copies what is attached to the question. `None`: interrupted.
    async fn attach(
        &mut self,
        deadline: Option<std::time::Instant>,
        signals: &mut Signals,
    ) -> Result<Option<Vec<Exhibit>>, Failure> {
        tokio::select! {
            attached = attachments::attach(&self.question.attachments, &mut self.store) => attached.map(Some),
            () = signals.next() => Ok(None),
            () = passed(deadline) => {
                let error = "the time limit was reached while attached files were read";
                Err(Failure::new(Exit::Budget, error))
            }
        }
    }

    /// Runs the turn to its answer, delivers that and says goodbye.
    pub(super) async fn finish(
        mut self,
        effects: Vec<Effect>,
        questioned: Option<Source>,
        deadline: Option<std::time::Instant>,
        signals: &mut Signals,
    ) -> Result<Option<Done>, Failure> {
        let turn = self.turn(effects, questioned, deadline, signals).await;
        self.close(turn.is_some(), signals).await;
        // The second signal: dropping the run ends its processes.
        let Some(turn) = turn else { return Ok(None) };
        Ok(Some(self.deliver(turn, signals).await))
    }

    /// What is learned for the next run; says goodbye to servers where `politely`.
    pub(super) async fn close(&mut self, politely: bool, signals: &mut Signals) {
        equipment::recheck(&self.config, self.store.exhibits());
        if politely {
            tokio::select! {
                () = self.equipment.toolbox.close() => {}
                () = signals.next() => {}
            }
        }
        for line in self.model.iter().flat_map(|model| model.warnings()) {
            self.listeners.progress.warning(&line);
        }
    }

    /// Hands the answer over; the record tells that it was.
    pub(super) async fn deliver(&mut self, turn: Turn, signals: &mut Signals) -> Done {
        let Turn { conclusion, model, calls } = turn;
        let about = conclusion::About {
            run_id: &self.id,
            question: &self.question,
            model: &model,
            budget: conclusion::budget(&self.limits, self.context_window()),
            started_at: self.asked_at,
            duration_seconds: conclusion::seconds_since(self.asked_at),
            metadata: self.metadata.clone(),
        };
        let rewritten = (conclusion.calls > calls).then(|| Rewritten {
            text: conclusion.answer.text.clone(),
            usage: conclusion.usage,
            calls: conclusion.calls,
            cost: conclusion.cost,
        });
        let here = (&self.store, &mut self.listeners);
        let delivered =
            self.outlets.deliver_everywhere(&about, conclusion, here, &self.deliveries, signals).await;
        let exit = delivered.exit.as_ref().map_or_else(|failure| failure.exit, |exit| *exit);
        self.listeners.record(&Event::Ended {
            model: about.model.to_owned(),
            duration_seconds: about.duration_seconds,
            exit_code: exit as u8,
            secrets: self.listeners.redactor().count(),
            rewritten,
        });
        Done {
            exit: delivered.exit,
            investigation: Box::new(delivered.investigation),
            json: delivered.json,
            redactor: self.listeners.shared_redactor(),
        }
    }
}

impl Run {
    /// What the model sees before its first answer.
    fn opening(&self, attachments: &[String]) -> Result<Vec<Message>, Failure> {
        let window = self.model.as_deref().map_or(u64::MAX, window_of);
        let runbook =
            self.runbook.as_ref().map(|(name, why, text)| (name, why, shortened(text, window, name)));
        self.prompts
            .open(&Opening {
                question: &self.question.text,
                now: &self.started_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
                host: &self.equipment.host,
                marker: self.store.marker(),
                attachments,
                guidance: runbook.as_ref().map(|(name, why, text)| Guidance { name, why, text }),
                instructions: &self.equipment.instructions,
                additions: &self.additions,
            })
            .map_err(|error| Failure::new(Exit::Configuration, error))
    }

    /// What it may call, and when it is made to end. The rules pay nothing for tools and know no window.
    fn state(&self, opening: Vec<Message>, model: Option<&dyn Model>) -> State {
        let limits = of_machine(&self.limits);
        let Some(model) = model else {
            let calls = self.lookups.iter().chain(&self.steps).cloned().collect();
            return self.equipment.for_rules(opening, limits).after(calls);
        };
        let (usable, mut always) = self.equipment.usable_tools();
        always.push(answer_tool());
        // Who names toolsets wants their tools, as far as the window has room for them.
        let most = if self.equipment.named { u64::MAX } else { OPENING_TOKENS };
        let window = (window_of(model), most);
        State::within(opening, usable, always, &self.question.text, window, limits)
            .after(self.lookups.clone())
    }
}

/// Tokens of a request and its reply.
pub(super) fn window_of(model: &dyn Model) -> u64 {
    model.context_window().unwrap_or(CAREFUL_WINDOW)
}

impl Run {
    /// What a replay of this run begins with.
    fn begun(&self, state: &State) -> Begun {
        let mut settings = self.request_settings.clone();
        settings.insert("host".to_owned(), self.equipment.host.clone().into());
        Begun {
            format: record::OPENING_FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            marker: self.store.marker().to_owned(),
            messages: state.transcript().to_vec(),
            beforehand: state.beforehand().to_vec(),
            tools: state.tools(Offered::All).to_vec(),
            hidden: state.hidden().to_vec(),
            equipment: self.equipment.toolbox.equipped(),
            limits: of_machine(&self.limits),
            timeout_seconds: self.limits.timeout.map(|timeout| timeout.as_secs_f64()),
            allowance: self.store.allowance(),
            context_window: self.context_window(),
            window: state.window(),
            corrects: self.model.is_some(),
            falls_back: self.falls_back,
            metadata: self.metadata.clone(),
            settings,
        }
    }

    fn context_window(&self) -> Option<u64> {
        self.model.as_ref().and_then(|model| model.context_window())
    }
}

fn of_machine(limits: &crate::config::Limits) -> Limits {
    Limits {
        max_steps: u32::try_from(limits.max_steps).unwrap_or(u32::MAX),
        max_tokens: limits.max_tokens_total,
        max_cost: limits.max_cost,
    }
}

/// Tokens that each of so many first views may take; without a model the rules read them.
pub(super) fn allowance(model: Option<&dyn Model>, views: usize) -> u64 {
    model.map_or(RULES_VIEW, |model| view_tokens(window_of(model), views))
}

/// What the last call may take after the time limit.
pub(super) fn grace(timeout: Option<Duration>) -> Duration {
    timeout.map_or(*GRACE.end(), |timeout| (timeout / 5).clamp(*GRACE.start(), *GRACE.end()))
}

/// Returns once the deadline has passed; never, without one.
async fn passed(deadline: Option<std::time::Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// The model failed for good before anything was found out.
fn unreachable_at_once(conclusion: &Conclusion) -> bool {
    matches!(conclusion.finish, Finish::ModelFailed { .. })
        && conclusion.failure.as_ref().is_some_and(|failure| failure.kind == ModelErrorKind::Unavailable)
        && conclusion.calls <= 1
}
