//! A recorded run goes on: with another question, or to the answer it had not come to.
//!
//! What differs from the process that was there before (model, tools, limits) is an event, so that the record stays whole: a
//! replay needs nothing else.

use std::collections::BTreeMap;

use super::{Run, of_machine, window_of};
use crate::agent::machine::{Effect, FIND_TOOLS, OPENING_TOKENS, Offered, State};
use crate::agent::{Arguments, Edit, Event, Resumption, ToolCall, ToolSpec, Tools, Usable};
use crate::answer::{HYPOTHESIS_TOOL, answer_tool};
use crate::cli::Context;
use crate::cli::desk::Desk;
use crate::cli::failure::{Exit, Failure};
use crate::cli::signals::Signals;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::evidence::{Exhibit, Status};
use crate::model::Model as _;
use crate::question::Question;
use crate::replay::Recording;
use crate::session::{Resumed, resume};

/// What stands in a record for a value that was not written to it.
const NOT_RECORDED: &str = "<secret:";

/// Goes on with a recorded run: with another question, or to the answer it had not come to.
pub(in crate::cli) async fn go_on(
    question: Option<Question>,
    recording: &Recording,
    config: Config,
    context: &Context,
) -> Result<Exit, Failure> {
    let resumed = resume(recording);
    // First of all: what has nothing to do leaves the record as it is.
    if question.is_none() && resumed.outstanding.is_empty() {
        let id = &recording.run_id;
        let error = format!("run `{id}` has its answer: there is nothing left to do");
        return Err(Failure::new(Exit::Usage, error)
            .hint(format!("ask on: holmes-rs ask --resume {id} \"and why?\""))
            .hint(format!("or look at it: holmes-rs run show {id}")));
    }
    let mut signals = Signals::listen()?;
    let start = SystemClock.instant();
    let config = std::rc::Rc::new(config);
    let prepared = tokio::select! {
        run = Run::prepare(&config, context, (false, None), Some(recording)) => run,
        () = signals.next() => return Ok(Exit::Interrupted),
    };
    let mut run = prepared?;
    let deadline = run.deadline_from(start);
    let (effects, questioned) = match question {
        Some(question) => {
            let commission = Desk::open(&config, context)?.words(question);
            let Some(effects) = run.ask_on(commission, &[], deadline, &mut signals).await? else {
                return Ok(Exit::Interrupted);
            };
            (effects, None)
        }
        None => (run.without_tools_that_went(resumed.outstanding), resumed.questioned),
    };
    match Box::pin(run.finish(effects, questioned, deadline, &mut signals)).await? {
        Some(done) => done.exit,
        None => Ok(Exit::Interrupted),
    }
}

impl Run {
    /// A recorded run goes on with the model, the tools and the limits of today.
    pub(super) fn take_up(&mut self, resumed: Resumed, recording: &Recording) {
        let Resumed { mut thread, outstanding, arrived, .. } = resumed;
        let name =
            self.model.as_ref().map_or_else(|| self.rules.name().to_owned(), |model| model.name().to_owned());
        let before = recording.events.iter().rev().find_map(|event| match event {
            Event::Edited { edit: Edit::Model { name, .. } } => Some(name),
            _ => None,
        });
        let another = before.unwrap_or(&recording.model) != &name;
        if another {
            let window = self.model.as_deref().map(window_of);
            let event = Event::Edited { edit: Edit::Model { name, window } };
            // Between two questions, or in the middle of one: what is still to be done stays.
            thread.hear(&event);
            self.listeners.hear(&event);
        }
        let (usable, mut always) = self.equipment.usable_tools();
        always.push(answer_tool());
        let tools = (another || differs(thread.state(), &usable, &always)).then(|| {
            let most = if self.equipment.named { u64::MAX } else { OPENING_TOKENS };
            thread.equip(usable, always, &self.question.text, most);
            Tools {
                offered: thread.state().tools(Offered::All).to_vec(),
                hidden: thread.state().hidden().to_vec(),
                equipment: self.equipment.toolbox.equipped(),
            }
        });
        let resumption = Resumption {
            run_id: self.id.clone(),
            program: env!("CARGO_PKG_VERSION").to_owned(),
            resumed_at: self.asked_at.to_string(),
            limits: of_machine(&self.limits),
            timeout_seconds: self.limits.timeout.map(|timeout| timeout.as_secs_f64()),
            context_window: self.context_window(),
            tools,
        };
        let event = Event::Resumed { resumption: Box::new(resumption) };
        self.listeners.hear(&event);
        thread.hear(&event);
        // They are part of the thread already.
        for exhibit in arrived {
            self.listeners.hear(&Event::ToolFinished { exhibit });
        }
        self.cut_off = !outstanding.is_empty();
        self.thread = Some(thread);
    }

    /// Calls of a resumed run that cannot be made any more are answered at once: what the machine wants then.
    pub(in crate::cli) fn without_tools_that_went(&mut self, outstanding: Vec<Effect>) -> Vec<Effect> {
        let mut effects = Vec::new();
        for effect in outstanding {
            let Effect::RunTool(call) = &effect else {
                effects.push(effect);
                continue;
            };
            let why = if self.equipment.toolbox.get(&call.tool).is_none() {
                "its tool cannot be used any more; the run goes on without it"
            } else if holds_a_mark(call) {
                "it was not run: the run was cut off before, and the record does not keep the secret in its arguments"
            } else {
                effects.push(effect);
                continue;
            };
            let (id, path) = self.store.allot();
            let exhibit = Exhibit {
                call_id: call.id.clone(),
                tool: call.tool.clone(),
                toolset: String::new(),
                description: call.tool.clone(),
                invocation: call.tool.clone(),
                status: Status::Error,
                error: Some(why.to_owned()),
                ..Exhibit::attachment(id, "", "", path)
            };
            let Ok(exhibit) = self.store.keep(exhibit) else { continue };
            let event = Event::ToolFinished { exhibit };
            self.listeners.hear(&event);
            if let Some(thread) = &mut self.thread {
                effects.extend(thread.hear(&event));
            }
        }
        effects
    }
}

/// Whether a secret stood among the arguments of a recorded call.
fn holds_a_mark(call: &ToolCall) -> bool {
    match &call.arguments {
        Arguments::Object(params) => serde_json::to_string(params).unwrap_or_default().contains(NOT_RECORDED),
        Arguments::Unreadable(_) => false,
    }
}

/// Whether other tools are there than those the machine knows, offered or behind a search.
fn differs(state: &State, usable: &[Usable], always: &[ToolSpec]) -> bool {
    fn by_name<'a>(specs: impl Iterator<Item = &'a ToolSpec>) -> BTreeMap<&'a str, &'a ToolSpec> {
        specs
            .filter(|spec| spec.name != FIND_TOOLS && spec.name != HYPOTHESIS_TOOL)
            .map(|spec| (spec.name.as_str(), spec))
            .collect()
    }
    let known = state.tools(Offered::All).iter().chain(state.hidden().iter().map(|tool| &tool.spec));
    by_name(known) != by_name(usable.iter().map(|tool| &tool.spec).chain(always))
}
