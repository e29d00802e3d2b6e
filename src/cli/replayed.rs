//! `holmes-rs run replay` and `run export`: a recorded run played again, asserted, handed on.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use serde_json::json;
use tokio::sync::watch;

use super::Context;
use super::conclusion::{self, About, Outlets, seconds_since};
use super::failure::{Exit, Failure, io};
use super::investigation::{allowance, grace, window_of};
use super::listeners::Listeners;
use super::options::OutputFormat;
use super::played::Played;
use super::signals::Signals;
use super::thinking::{self, Thinking};
use crate::agent::drive::{Conclusion, Engine, drive};
use crate::agent::machine::{FIND_TOOLS, State};
use crate::agent::{Event, Opening, ToolSpec};
use crate::answer::Answer;
use crate::approval::Nobody;
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Flags};
use crate::evidence::{AsRecorded, Exhibit, Redactor, Store};
use crate::model::Model;
use crate::record::{self, Journal};
use crate::replay::{self, Assertion, AssertionError, Facts, ImportError, Imported, Recording, ReplayError};
use crate::rules::RulesModel;
use crate::sink::{self, Budget};
use crate::tools::Toolbox;
use crate::ui::{self, Progress, ProgressOptions, Table};

/// Play a run again, to the byte or to another model, and assert what it comes to
#[derive(Debug, Args)]
#[command(
    after_help = "Without a model the recorded replies and outputs are played: no network, no tool, no key is \
    needed, and the answer is the same to the byte.\n\n\
    Assertions: FIELD OPERATOR VALUE, such as 'root_cause~=OOM', 'verdict==problem_found', 'confidence>=medium',\n\
    'findings.verified>=2', 'fix!~=reboot', 'tokens<20000', 'exit==0'; docs/replay.md has all fields.\n\n\
    Exit codes: 0 played and every assertion holds, 1 the replay differs or an assertion fails, 2 an assertion is \
    none;\nwith another model and no assertion those of `ask`"
)]
pub(super) struct ReplayArgs {
    /// The run's id, the beginning of one, `last`, or a file of `run export`
    #[arg(value_name = "ID|FILE")]
    source: String,
    /// Give the same evidence to this model
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// Base URL of its endpoint [env: OPENAI_API_BASE]
    #[arg(long, value_name = "URL")]
    api_base: Option<String>,
    /// Key of its endpoint; the environment is a safer place for it [env: OPENAI_API_KEY]
    #[arg(long, value_name = "KEY")]
    api_key: Option<String>,
    /// Tokens it can take in one request
    #[arg(long, value_name = "TOKENS")]
    context_window: Option<u64>,
    /// How it calls tools: auto or native
    #[arg(long, value_name = "HOW", value_parser = ["auto", "native", "text"], hide_possible_values = true)]
    tool_calling: Option<String>,
    /// Give the same evidence to the built-in rules
    #[arg(long, conflicts_with = "model")]
    no_llm: bool,
    /// What must hold of the result; may be given several times
    #[arg(long = "assert", value_name = "EXPR")]
    assertions: Vec<String>,
    /// Form of the result on stdout [default: text]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<OutputFormat>,
    /// Also write the JSON result to this file
    #[arg(long, value_name = "FILE")]
    json_output_file: Option<PathBuf>,
}

/// Write a run into one file without secrets, or its report
#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// The run's id, the beginning of one, `last`, or a file of `run export`
    #[arg(value_name = "ID|FILE")]
    source: String,
    /// Where it goes, `-` for stdout [default: holmes-run-ID.jsonl; a report: stdout]
    #[arg(short = 'O', long, value_name = "FILE")]
    output_file: Option<PathBuf>,
    /// The report in this form, in place of the run itself: text, json, markdown or html
    #[arg(short, long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    output: Option<OutputFormat>,
}

/// A run from this machine or from a file, which is kept as long as it is needed.
struct Source {
    recording: Recording,
    _imported: Option<Imported>,
}

impl Source {
    fn find(wanted: &str, config: &Config) -> Result<Self, Failure> {
        let path = Path::new(wanted);
        if path.is_file() || wanted.contains('/') || wanted.contains(".jsonl") {
            let imported = replay::import(path)?;
            let recording = Recording::new(imported.run.clone(), &imported.exhibits, &imported.altered)?;
            return Ok(Self { recording, _imported: Some(imported) });
        }
        let state = &config.folders().state;
        let id = record::find(state, wanted)?;
        let run = record::read(state, &id)?;
        let recording = Recording::new(run, &record::exhibits(state, &id), &BTreeSet::new())?;
        Ok(Self { recording, _imported: None })
    }
}

pub(super) async fn replay(args: &ReplayArgs, context: &Context) -> Result<Exit, Failure> {
    // First of all: a typo costs no model call.
    let assertions: Vec<Assertion> =
        args.assertions.iter().map(|text| Assertion::parse(text)).collect::<Result<_, _>>()?;
    let form = |form: OutputFormat| Some(clap::ValueEnum::to_possible_value(&form)?.get_name().to_owned());
    let config = context.config(Flags {
        model: args.model.clone(),
        api_base: args.api_base.clone(),
        api_key: args.api_key.clone().map(Into::into),
        context_window: args.context_window,
        tool_calling: args.tool_calling.clone(),
        no_llm: args.no_llm,
        output: args.output.and_then(form),
        json_output_file: args.json_output_file.clone(),
        ..Flags::default()
    })?;
    let source = Source::find(&args.source, &config)?;
    let outlets = Outlets::new(&config, context)?;
    let other = args.model.is_some() || args.api_base.is_some() || args.no_llm;
    let (exit, facts) = if other {
        to_another(&source.recording, &config, &outlets, context).await?
    } else {
        let played = Played::play(&source.recording, outlets.format == OutputFormat::Jsonl, context).await?;
        played.deliver(&source.recording, &outlets, context)?
    };
    if assertions.is_empty() {
        return Ok(exit);
    }
    let mut failed = 0;
    for assertion in &assertions {
        if let Err(actual) = assertion.check(&facts) {
            failed += 1;
            context.say(&format!("assertion failed: {assertion}: it is {actual}"));
        }
    }
    if failed > 0 {
        let (all, are) = (assertions.len(), if assertions.len() == 1 { "assertion" } else { "assertions" });
        return Err(Failure::new(Exit::RunTime, format!("{failed} of {all} {are} failed")));
    }
    Ok(Exit::Answered)
}

/// The same evidence to a model of today: recorded calls give what they gave, others say so.
async fn to_another(
    recording: &Recording,
    config: &Config,
    outlets: &Outlets,
    context: &Context,
) -> Result<(Exit, Facts), Failure> {
    let mut signals = Signals::listen()?;
    let timeout =
        recording.opening.timeout_seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let Thinking { model, secrets, .. } =
        thinking::choose(config, config.switch("no_llm")?, timeout, &thinking::prompts(config)?, context)?;
    if let Some(model) = &model {
        model.discover().await;
    }
    let model = model.map(|model| Box::new(model) as Box<dyn Model>);
    let rules = thinking::rules()?;
    let jsonl = outlets.format == OutputFormat::Jsonl;
    let allowance = allowance(model.as_deref(), 1);
    let state = state_of(recording, model.as_deref().map(window_of));
    let (mut store, mut listeners) = surroundings(recording, allowance, &secrets, jsonl, false, context)?;
    // Attachments stand in the question as they were shown.
    let attached =
        |(id, one): (u32, AsRecorded)| recording.exhibits.get(&id)?.is_attachment().then_some((id, one));
    store.replay(recording.as_recorded().into_iter().filter_map(attached).collect::<BTreeMap<_, _>>());
    let thinker: &dyn Model = model.as_deref().unwrap_or(&rules);
    let name = thinker.name().to_owned();
    let id = record::new_run_id(SystemClock.now());
    begin(recording, &id, &name, &mut store, &mut listeners)?;
    let folder = listeners.journal.exhibits();
    let toolbox = replay::toolbox(recording, None, Some(&folder));
    let began = SystemClock.now();
    let conclusion =
        think(recording, state, thinker, &rules, &toolbox, timeout, &mut store, &mut listeners, &mut signals)
            .await;
    let Some(conclusion) = conclusion else {
        return Ok((Exit::Interrupted, Facts::default()));
    };
    let mut metadata = recording.opening.metadata.clone();
    metadata.insert("replay_of".to_owned(), recorded_as_json(recording));
    let about = About {
        run_id: &id,
        question: &recording.question,
        model: &name,
        budget: budget(&recording.opening, model.as_ref().and_then(|model| model.context_window())),
        started_at: began,
        duration_seconds: seconds_since(began),
        metadata,
    };
    let table = comparison(recording, &conclusion, &name);
    let mut facts = facts(&conclusion, &store, 0, &name, about.duration_seconds);
    let delivered = outlets.deliver(&about, conclusion, &store, &mut listeners).exit?;
    facts.exit = delivered as u8;
    context.say(table.render(&context.stderr).trim_end());
    Ok((delivered, facts))
}

#[expect(clippy::too_many_arguments, reason = "the parts of one run, each borrowed from its owner")]
async fn think(
    recording: &Recording,
    state: State,
    model: &dyn Model,
    rules: &RulesModel,
    toolbox: &Toolbox,
    timeout: Option<Duration>,
    store: &mut Store,
    listeners: &mut Listeners,
    signals: &mut Signals,
) -> Option<Conclusion> {
    let (interrupt, interrupted) = watch::channel(false);
    let engine = Engine {
        model,
        fallback: rules,
        fast: None,
        toolbox,
        clock: &SystemClock,
        deadline: timeout.map(|timeout| SystemClock.instant() + timeout),
        grace: grace(timeout),
        interrupt: interrupted,
        time_is_up: Rc::default(),
        stream: listeners.want_stream(),
        corrects: state.window().is_some(),
        unusable: unusable(recording),
        approver: &Nobody,
        began: SystemClock.instant(),
    };
    let mut hear = |event: &Event| listeners.hear(event);
    let run = drive(&engine, state, store, &mut hear);
    tokio::pin!(run);
    loop {
        tokio::select! {
            conclusion = &mut run => return Some(conclusion),
            () = signals.next() => {
                if *interrupt.borrow() {
                    return None;
                }
                let _ = interrupt.send(true);
            }
        }
    }
}

/// A place for exhibits, and who hears of them. Nothing is recorded.
pub(super) fn surroundings(
    recording: &Recording,
    allowance: u64,
    secrets: &[String],
    jsonl: bool,
    quiet: bool,
    context: &Context,
) -> Result<(Store, Listeners), Failure> {
    let redactor = Rc::new(Redactor::new(context.environment.iter(), secrets));
    recording.teach(&redactor);
    let journal = Journal::none().map_err(io("no folder for the replay's evidence"))?;
    let marker = recording.opening.marker.clone();
    let mut store = Store::new(journal.exhibits(), marker, Rc::clone(&redactor), allowance);
    store.look_for(&recording.question.text);
    let options = ProgressOptions { quiet, verbose: context.verbose, ..ProgressOptions::default() };
    let progress = Progress::new(context.stderr, options);
    Ok((store, Listeners::new(progress, journal, redactor, jsonl, context.verbose > 1, None)))
}

/// What stands before the first model call: the run, its toolsets, what was attached.
pub(super) fn begin(
    recording: &Recording,
    run_id: &str,
    model: &str,
    store: &mut Store,
    listeners: &mut Listeners,
) -> Result<Vec<Event>, Failure> {
    listeners.hear(&Event::RunStarted {
        run_id: run_id.to_owned(),
        question: recording.question.clone(),
        model: model.to_owned(),
        started_at: recording.started_at.clone(),
    });
    listeners.hear(&Event::ToolsetsChecked {
        usable: recording.usable.clone(),
        unusable: recording.unusable.clone(),
    });
    let mut events = Vec::new();
    let first = recording.events.iter().take_while(|event| !matches!(event, Event::Opened { .. }));
    let attached = first.filter_map(|event| match event {
        Event::ToolFinished { exhibit } => Some(exhibit),
        _ => None,
    });
    for exhibit in attached {
        let (id, path) = store.allot();
        recording
            .lend(exhibit.id, &path)
            .map_err(io(format!("the recorded output of E{id} cannot be read")))?;
        let exhibit = Exhibit { id, path, condensed: false, ..exhibit.clone() };
        let exhibit =
            store.keep(exhibit).map_err(io(format!("the recorded output of E{id} cannot be read")))?;
        let event = Event::ToolFinished { exhibit };
        listeners.hear(&event);
        events.push(event);
    }
    Ok(events)
}

/// What the recorded run began with, in a window of so many tokens. Without one the rules think, who are offered every tool in
/// the order of the box.
fn state_of(recording: &Recording, window: Option<u64>) -> State {
    let opening = &recording.opening;
    let (messages, limits) = (opening.messages.clone(), opening.limits);
    if window.is_some() {
        return State::restored(messages, opening.tools.clone(), opening.hidden.clone(), window, limits)
            .after(opening.beforehand.clone());
    }
    State::new(messages, tools_of(recording), limits).after(opening.beforehand.clone())
}

/// Every tool, in the order of the box, as the rules are offered them.
pub(super) fn tools_of(recording: &Recording) -> Vec<ToolSpec> {
    let opening = &recording.opening;
    let hidden = opening.hidden.iter().map(|tool| &tool.spec);
    let mut tools: Vec<ToolSpec> =
        opening.tools.iter().filter(|spec| spec.name != FIND_TOOLS).chain(hidden).cloned().collect();
    let place = |name: &str| opening.equipment.iter().position(|one| one.tool == name);
    tools.sort_by_key(|spec| place(&spec.name).unwrap_or(usize::MAX));
    tools
}

pub(super) fn unusable(recording: &Recording) -> Vec<(String, String)> {
    recording.unusable.iter().map(|one| (one.name.clone(), one.reason.clone())).collect()
}

pub(super) fn budget(opening: &Opening, context_window: Option<u64>) -> Budget {
    Budget {
        max_steps: Some(u64::from(opening.limits.max_steps)),
        timeout_seconds: opening.timeout_seconds,
        max_tokens_total: opening.limits.max_tokens,
        max_cost: opening.limits.max_cost,
        context_window,
    }
}

pub(super) fn facts(conclusion: &Conclusion, store: &Store, exit: u8, model: &str, seconds: f64) -> Facts {
    Facts {
        answer: conclusion.answer.clone(),
        steps: conclusion.calls,
        calls: store.exhibits().iter().filter(|exhibit| !exhibit.is_attachment()).count(),
        tokens: conclusion.usage.total(),
        cost: conclusion.cost,
        seconds,
        exit,
        model: model.to_owned(),
    }
}

fn word(value: impl serde::Serialize) -> String {
    json!(value).as_str().unwrap_or_default().to_owned()
}

fn quotes(answer: &Answer) -> String {
    let verified = answer.findings.iter().filter(|one| one.verified).count();
    format!("{verified} of {}", answer.findings.len())
}

/// What was recorded of the run, for scripts that compare.
fn recorded_as_json(recording: &Recording) -> serde_json::Value {
    let answer = recording.end.as_ref().map(|end| &end.answer);
    json!({
        "run_id": recording.run_id,
        "model": recording.end.as_ref().map_or(&recording.model, |end| &end.model),
        "verdict": answer.map(|answer| answer.verdict),
        "confidence": answer.map(|answer| answer.confidence),
        "root_cause": answer.map(|answer| &answer.root_cause),
    })
}

/// Both answers side by side.
fn comparison(recording: &Recording, conclusion: &Conclusion, name: &str) -> Table {
    let mut table = Table::new(&["", "MODEL", "VERDICT", "CONFIDENCE", "QUOTES", "TOKENS", "ROOT CAUSE"]);
    let mut row = |what: &str, model: &str, answer: &Answer, tokens: u64| {
        let cause: Vec<&str> = answer.root_cause.split_whitespace().collect();
        table.row([
            what.to_owned(),
            model.to_owned(),
            word(answer.verdict),
            word(answer.confidence),
            quotes(answer),
            tokens.to_string(),
            crate::evidence::view::clip(&cause.join(" "), 100),
        ]);
    };
    if let Some(end) = &recording.end {
        let spent = recording.events.iter().map(|event| match event {
            Event::ModelReplied { usage, .. } | Event::SummaryReplied { usage, .. } => usage.total(),
            _ => 0,
        });
        row("recorded", &end.model, &end.answer, spent.sum());
    }
    row("replayed", name, &conclusion.answer, conclusion.usage.total());
    table
}

pub(super) async fn export(args: &ExportArgs, context: &Context) -> Result<Exit, Failure> {
    let form = |form: OutputFormat| Some(clap::ValueEnum::to_possible_value(&form)?.get_name().to_owned());
    let config = context.config(Flags { output: args.output.and_then(form), ..Flags::default() })?;
    let source = Source::find(&args.source, &config)?;
    let recording = &source.recording;
    let to_stdout = args.output_file.as_deref() == Some(Path::new("-"));
    let path = args.output_file.clone().filter(|_| !to_stdout);
    if let Some(form) = args.output {
        if form == OutputFormat::Jsonl {
            return Err(Failure::new(Exit::Usage, "a report has no form `jsonl`")
                .hint("without `-o` the run itself is exported, as JSON lines"));
        }
        let outlets = Outlets::new(&config, context)?;
        let played = Played::play(recording, false, context).await?;
        let run = conclusion::investigation(&played.about(recording)?, played.conclusion, &played.store);
        let text = outlets.rendered(&run, &played.store, false);
        return match path {
            None => ui::write_stdout(text.as_bytes()).map_err(io("stdout")),
            Some(path) => {
                sink::write_file(&path, text.as_bytes()).map_err(|error| Failure::new(Exit::RunTime, error))
            }
        }
        .map(|()| Exit::Answered);
    }
    let redactor = Redactor::new(context.environment.iter(), &[]);
    recording.teach(&redactor);
    let mut bytes = Vec::new();
    let exported = replay::export(recording, &redactor, &mut bytes)
        .map_err(io(format!("run `{}` cannot be exported", recording.run_id)))?;
    let path = path.or_else(|| (!to_stdout).then(|| format!("holmes-run-{}.jsonl", recording.run_id).into()));
    match &path {
        None => ui::write_stdout(&bytes).map_err(io("stdout"))?,
        Some(path) => {
            sink::write_file(path, &bytes).map_err(|error| Failure::new(Exit::RunTime, error))?;
        }
    }
    let place = path.map_or_else(|| "stdout".to_owned(), |path| path.display().to_string());
    let secrets = match exported.secrets {
        0 => "no secret was found in it".to_owned(),
        1 => "1 secret is replaced in it".to_owned(),
        many => format!("{many} secrets are replaced in it"),
    };
    context.say(&format!(
        "run `{}` is in {place}: {}, {secrets}",
        recording.run_id,
        crate::evidence::view::size(exported.bytes)
    ));
    if !exported.cut.is_empty() {
        let cut: Vec<String> = exported.cut.iter().map(|id| format!("E{id}")).collect();
        context.say(&format!(
            "too long to be in it whole: {}; head, tail and what was shown or cited is there",
            cut.join(", ")
        ));
    }
    Ok(Exit::Answered)
}

impl From<ReplayError> for Failure {
    fn from(error: ReplayError) -> Self {
        let failure = Failure::new(Exit::RunTime, &error);
        match error {
            ReplayError::NoOpening(_) | ReplayError::Damaged(..) => {
                failure.hint("`holmes-rs run show` shows what it holds")
            }
            ReplayError::Newer { .. } => failure.hint("use the holmes-rs that recorded it, or a newer one"),
            ReplayError::Unfinished(_) => {
                failure.hint("`--model NAME` or `--no-llm` play its evidence all the same")
            }
        }
    }
}

impl From<ImportError> for Failure {
    fn from(error: ImportError) -> Self {
        Failure::new(Exit::RunTime, error)
    }
}

impl From<AssertionError> for Failure {
    fn from(error: AssertionError) -> Self {
        Failure::new(Exit::Usage, error)
    }
}
