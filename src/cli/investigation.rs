//! One investigation from a question to its sinks: the same for every verb that asks one.
//!
//! It composes the rooms (configuration, tools, model, record, terminal) and hands over to the agent.

use std::rc::Rc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

use super::Context;
use super::attachments;
use super::equipment;
use super::failure::{Exit, Failure, io};
use super::listeners::Listeners;
use super::options::{LimitArgs, ModelArgs, OutputArgs, OutputFormat, ToolsetArgs};
use crate::agent::drive::{Conclusion, Engine, drive};
use crate::agent::{Event, Finish, Limits};
use crate::agent::machine::State;
use crate::answer::{Verdict, answer_tool};
use crate::clock::{Clock as _, SystemClock};
use crate::config::{Config, Flags, ModelChoice, ModelSettings, parse_duration};
use crate::context::{Opening, Prompts};
use crate::evidence::{Redactor, Store};
use crate::model::openai::OpenAiModel;
use crate::model::{Model, ModelErrorKind};
use crate::question::Question;
use crate::record::{self, Journal};
use crate::rules::RulesModel;
use crate::sink;

/// Where the settings of an investigation were typed.
pub struct Sources<'a> {
    pub model: &'a ModelArgs,
    pub limits: &'a LimitArgs,
    pub toolsets: &'a ToolsetArgs,
    pub output: &'a OutputArgs,
}

/// Share of a window that one exhibit's view may take; at most as many tokens as `MOST_VIEW`.
const VIEW_SHARE: u64 = 8;
const MOST_VIEW: u64 = 6_000;
const LEAST_VIEW: u64 = 400;
/// Taken when nothing tells the model's window: small enough for most local models' settings of today.
const CAREFUL_WINDOW: u64 = 32_768;

/// Investigates and writes the answer to its sinks.
pub async fn run(question: Question, sources: &Sources<'_>, context: &Context) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let prepared = tokio::select! {
        prepared = Prepared::new(question, sources, context) => prepared?,
        () = signals.next() => return Ok(Exit::Interrupted),
    };
    prepared.investigate(&mut signals, context).await
}

/// Everything a run needs, checked before its first step.
struct Prepared {
    question: Question,
    config: Config,
    model: Box<dyn Model>,
    fallback: RulesModel,
    uses_rules: bool,
    no_llm_fallback: bool,
    limits: crate::config::Limits,
    equipment: equipment::Equipment,
    opening: Vec<crate::agent::Message>,
    store: Store,
    journal: Journal,
    redactor: Rc<Redactor>,
    run_id: String,
    format: OutputFormat,
    json_file: Option<std::path::PathBuf>,
    exit_status: bool,
    log_costs: bool,
    listeners: Listeners,
    started: jiff::Timestamp,
}
