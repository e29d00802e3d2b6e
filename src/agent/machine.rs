//! The loop as a pure machine: what happened goes in, what to do comes out. No clock, no process, no network.
//!
//! Limits, repeats, forced endings and the invariants of the transcript (every tool call is answered
//! exactly once, in call order) live here and are tested here.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::event::{Event, Finish, Limit};
use super::message::{Arguments, AssistantMessage, Message, ToolCall, ToolSpec, Usage};
use crate::evidence::{Exhibit, Status, tokens};

/// The tool a model ends a run with.
pub const ANSWER_TOOL: &str = "answer";
/// Rounds without anything new before the answer is forced.
const FRUITLESS_ROUNDS: u32 = 3;
/// A failed call may be tried again this often before it counts as a repeat.
const FAILED_RETRIES: u32 = 1;
/// Budgets are announced to the model at this share.
const WARN_AT_PERCENT: u64 = 80;

/// Budgets the machine keeps. Time is the driver's, who sends `Event::LimitReached`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Model calls with tools; one more without them asks for the answer.
    pub max_steps: u32,
    /// Tokens of all calls together, as the server counts them.
    pub max_tokens: Option<u64>,
    /// USD.
    pub max_cost: Option<f64>,
}

/// What the driver must do next, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the model. `tools` is false when they are withdrawn.
    CallModel { tools: bool },
    /// Run one tool; calls of one turn run at the same time.
    RunTool(ToolCall),
    /// Tell listeners that a call was answered without running anything.
    Answered { call: ToolCall, reply: String, repeats: Option<u32> },
    /// The run is over.
    Conclude { source: Source, finish: Finish },
}

/// Where the answer comes from.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// The arguments of the `answer` call.
    Call(ToolCall),
    /// Plain text.
    Text(String),
    /// The model gave none: it is built from the exhibits.
    Exhibits,
}

/// One call of the current turn and what has become of it.
#[derive(Debug, Clone)]
struct Pending {
    call: ToolCall,
    reply: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Phase {
    /// A model call with tools is out.
    Thinking,
    /// Tools run; a limit or an interrupt may have come meanwhile.
    Acting,
    /// The call without tools is out.
    LastCall,
    Done,
}

/// What is remembered of a call that ran.
#[derive(Debug, Clone)]
struct Ran {
    exhibit: u32,
    failures: u32,
    failed: bool,
    view: String,
}

/// Everything the loop knows.
#[derive(Debug, Clone)]
pub struct State {
    transcript: Vec<Message>,
    tools: Vec<ToolSpec>,
    limits: Limits,
    phase: Phase,
    /// Model calls made so far.
    calls: u32,
    /// Calls of fast models for summaries: they take no step, but tokens and money.
    summaries: u32,
    usage: Usage,
    cost: Option<f64>,
    turn: Vec<Pending>,
    /// Calls that ran, by tool and arguments.
    ran: BTreeMap<String, Ran>,
    fruitless: u32,
    /// Why the run is ending, once it is.
    ending: Option<Finish>,
    warned: bool,
    empty_replies: u32,
}

impl State {
    /// `transcript` holds the system prompt and the question; `tools` what the model may call.
    #[must_use]
    pub fn new(transcript: Vec<Message>, tools: Vec<ToolSpec>, limits: Limits) -> Self {
        Self {
            transcript,
            tools,
            limits,
            phase: Phase::Thinking,
            calls: 0,
            summaries: 0,
            usage: Usage::default(),
            cost: None,
            turn: Vec::new(),
            ran: BTreeMap::new(),
            fruitless: 0,
            ending: None,
            warned: false,
            empty_replies: 0,
        }
    }

    #[must_use]
    pub fn transcript(&self) -> &[Message] {
        &self.transcript
    }

    #[must_use]
    pub fn tools(&self) -> &[ToolSpec] {
        &self.tools
    }

    /// Model calls made so far.
    #[must_use]
    pub fn calls(&self) -> u32 {
        self.calls
    }

    /// Calls of fast models so far, which are not among `calls`.
    #[must_use]
    pub fn summaries(&self) -> u32 {
        self.summaries
    }

    /// Whether the budgets allow for so many more tokens, and still for the last call.
    #[must_use]
    pub fn affords(&self, tokens: u64) -> bool {
        let after = self.tokens_after_next_call().saturating_add(tokens);
        self.limits.max_tokens.is_none_or(|most| after <= most)
            && self.limits.max_cost.is_none_or(|most| self.cost_after_next_call() <= most)
    }

    /// Tokens of all calls, as the server counted them.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// USD of all calls, where known.
    #[must_use]
    pub fn cost(&self) -> Option<f64> {
        self.cost
    }

    /// The first effects of a run.
    pub fn start(&mut self) -> Vec<Effect> {
        if self.limits.max_steps == 0 {
            return self.withdraw_tools(Limit::Steps);
        }
        self.call_model()
    }

    /// What `event` means for the run.
    pub fn step(&mut self, event: &Event) -> Vec<Effect> {
        if self.phase == Phase::Done {
            return Vec::new();
        }
        match event {
            Event::ModelReplied { message, usage, cost, .. } => self.on_reply(message, *usage, *cost),
            Event::ModelFailed { exit_code, .. } => {
                let finish = self.ending.unwrap_or(Finish::ModelFailed { exit_code: *exit_code });
                self.conclude(Source::Exhibits, finish)
            }
            Event::SummaryRequested { .. } => {
                self.summaries += 1;
                Vec::new()
            }
            Event::SummaryReplied { usage, cost, .. } => {
                self.spend(*usage, *cost);
                Vec::new()
            }
            Event::ToolFinished { exhibit } => self.on_tool(exhibit),
            Event::LimitReached { limit } => match self.phase {
                Phase::Thinking => self.withdraw_tools(*limit),
                Phase::Acting => {
                    self.ending.get_or_insert(Finish::Limit(*limit));
                    Vec::new()
                }
                Phase::LastCall => self.conclude(Source::Exhibits, Finish::Limit(*limit)),
                Phase::Done => Vec::new(),
            },
            Event::Interrupted => match self.phase {
                Phase::Acting => {
                    self.ending = Some(Finish::Interrupted);
                    Vec::new()
                }
                Phase::Thinking | Phase::LastCall => self.conclude(Source::Exhibits, Finish::Interrupted),
                Phase::Done => Vec::new(),
            },
            Event::RunStarted { .. }
            | Event::Opened { .. }
            | Event::Ended { .. }
            | Event::ToolsetsChecked { .. }
            | Event::ModelRequested { .. }
            | Event::ModelRetried { .. }
            | Event::TextDelta { .. }
            | Event::ReasoningDelta { .. }
            | Event::ToolStarted { .. }
            | Event::ToolAnswered { .. }
            | Event::Concluded { .. } => Vec::new(),
        }
    }

    /// Makes room after the endpoint said that the request is too long: older exhibits are reduced to
    /// their header. The question, the ids and the newest exhibit stay. False when nothing is left to reduce.
    pub fn compact(&mut self) -> bool {
        let newest = self.transcript.iter().rposition(|m| matches!(m, Message::Tool { .. }));
        let sizes: Vec<(usize, u64)> = self
            .transcript
            .iter()
            .enumerate()
            .filter(|(at, _)| Some(*at) != newest)
            .filter_map(|(at, message)| match message {
                Message::Tool { text, .. } if text.lines().count() > 4 => Some((at, tokens::estimate(text))),
                _ => None,
            })
            .collect();
        // Half of what can go, so that a few rounds reach any window without emptying the transcript at once.
        let mut to_free = sizes.iter().map(|(_, size)| size).sum::<u64>().div_ceil(2);
        let mut any = false;
        for (at, size) in sizes {
            if to_free == 0 {
                break;
            }
            if let Some(Message::Tool { text, .. }) = self.transcript.get_mut(at) {
                let header = text.lines().nth(1).unwrap_or_default().to_owned();
                *text = format!("{header}\n(shortened to make room: `read_exhibit` shows it again)");
                to_free = to_free.saturating_sub(size);
                any = true;
            }
        }
        if any {
            return true;
        }
        // Only the newest exhibit is left: its first half stays.
        let Some(Message::Tool { text, .. }) = newest.and_then(|at| self.transcript.get_mut(at)) else {
            return false;
        };
        let count = text.lines().count();
        if count < 12 {
            return false;
        }
        let close = text.lines().last().unwrap_or_default().to_owned();
        let half: Vec<&str> = text.lines().take(count / 2).collect();
        *text = format!("{}\n{close}\n(cut to make room: `read_exhibit` shows the rest)", half.join("\n"));
        true
    }

    fn call_model(&mut self) -> Vec<Effect> {
        self.phase = Phase::Thinking;
        self.calls += 1;
        vec![Effect::CallModel { tools: true }]
    }

    fn conclude(&mut self, source: Source, finish: Finish) -> Vec<Effect> {
        self.phase = Phase::Done;
        vec![Effect::Conclude { source, finish }]
    }

    /// One last call, without tools, for the best answer from the evidence.
    fn withdraw_tools(&mut self, limit: Limit) -> Vec<Effect> {
        self.ending = Some(Finish::Limit(limit));
        self.phase = Phase::LastCall;
        self.calls += 1;
        let spent = match limit {
            Limit::Steps => "The step limit is reached",
            Limit::Time => "The time limit is reached",
            Limit::Tokens => "The token limit is reached",
            Limit::Cost => "The cost limit is reached",
            Limit::Fruitless => "The last rounds brought nothing new",
        };
        self.transcript.push(Message::User {
            text: format!(
                "{spent}; no more tool calls are possible. Give your best answer now from the evidence above, \
                 and say what remains unproven."
            ),
        });
        vec![Effect::CallModel { tools: false }]
    }

    fn spend(&mut self, usage: Usage, cost: Option<f64>) {
        self.usage += usage;
        if let Some(cost) = cost {
            *self.cost.get_or_insert(0.0) += cost;
        }
    }

    fn on_reply(&mut self, message: &AssistantMessage, usage: Usage, cost: Option<f64>) -> Vec<Effect> {
        self.spend(usage, cost);
        let finish = self.ending.unwrap_or(Finish::Answered);
        let answer = message.tool_calls.iter().find(|call| {
            call.tool == ANSWER_TOOL && matches!(&call.arguments, Arguments::Object(map) if !map.is_empty())
        });
        if let Some(call) = answer {
            self.transcript.push(Message::Assistant(message.clone()));
            return self.conclude(Source::Call(call.clone()), finish);
        }
        let text = message.text.trim();
        if self.phase == Phase::LastCall || message.tool_calls.is_empty() {
            if !text.is_empty() {
                self.transcript
                    .push(Message::Assistant(AssistantMessage { tool_calls: Vec::new(), ..message.clone() }));
                return self.conclude(Source::Text(text.to_owned()), finish);
            }
            if self.phase == Phase::LastCall || self.empty_replies > 0 {
                return self.conclude(Source::Exhibits, finish);
            }
            self.empty_replies += 1;
            self.transcript.push(Message::User {
                text: "The reply was empty. Call a tool, or give the answer.".to_owned(),
            });
            return self.next_round();
        }
        self.transcript.push(Message::Assistant(message.clone()));
        self.act(&message.tool_calls)
    }

    /// Starts the calls of a turn; those that need no run are answered at once.
    fn act(&mut self, calls: &[ToolCall]) -> Vec<Effect> {
        self.phase = Phase::Acting;
        self.turn.clear();
        let mut effects = Vec::new();
        let mut this_turn: Vec<String> = Vec::new();
        for call in calls {
            let key = key_of(call);
            let refusal = self.refusal(call).map(|reply| (reply, None)).or_else(|| {
                if this_turn.contains(&key) {
                    return Some(("Same call as another of this turn: see its result.".to_owned(), None));
                }
                self.repeat(&key).map(|(exhibit, reply)| (reply, Some(exhibit)))
            });
            if let Some((reply, repeats)) = refusal {
                self.turn.push(Pending { call: call.clone(), reply: Some(reply.clone()) });
                effects.push(Effect::Answered { call: call.clone(), reply, repeats });
            } else {
                this_turn.push(key);
                self.turn.push(Pending { call: call.clone(), reply: None });
                effects.push(Effect::RunTool(call.clone()));
            }
        }
        if this_turn.is_empty() {
            self.fruitless += 1;
            effects.extend(self.end_turn());
        } else {
            self.fruitless = 0;
        }
        effects
    }

    /// Why a call cannot run at all.
    fn refusal(&self, call: &ToolCall) -> Option<String> {
        let Some(spec) = self.tools.iter().find(|spec| spec.name == call.tool) else {
            let names: Vec<&str> = self.tools.iter().map(|spec| spec.name.as_str()).collect();
            let nearest = nearest(&call.tool, &names);
            let hint = nearest.map_or_else(
                || format!("tools: {}", names.join(", ")),
                |nearest| format!("the nearest is `{nearest}`"),
            );
            return Some(format!("There is no tool `{}`; {hint}.", clip(&call.tool)));
        };
        match &call.arguments {
            Arguments::Object(_) if spec.name != ANSWER_TOOL => None,
            Arguments::Object(_) => Some("The answer was empty: give at least `root_cause`.".to_owned()),
            Arguments::Unreadable(_) => Some(format!(
                "The arguments of `{}` are not a JSON object; expected {}",
                spec.name, spec.parameters
            )),
        }
    }

    /// The earlier exhibit of the same call, with a note.
    fn repeat(&self, key: &str) -> Option<(u32, String)> {
        let ran = self.ran.get(key)?;
        if ran.failed && ran.failures <= FAILED_RETRIES {
            return None;
        }
        let reply = format!(
            "This call ran before: its result is E{}, repeated here. Ask for something else, or answer.\n{}",
            ran.exhibit, ran.view
        );
        Some((ran.exhibit, reply))
    }

    fn on_tool(&mut self, exhibit: &Exhibit) -> Vec<Effect> {
        let waiting = self.turn.iter_mut().find(|p| p.call.id == exhibit.call_id && p.reply.is_none());
        let Some(pending) = waiting else {
            return Vec::new();
        };
        pending.reply = Some(exhibit.shown().to_owned());
        let key = key_of(&pending.call);
        let failed = !matches!(exhibit.status, Status::Success | Status::NoData);
        let failures = self.ran.get(&key).map_or(0, |ran| ran.failures) + u32::from(failed);
        self.ran.insert(key, Ran { exhibit: exhibit.id, failures, failed, view: exhibit.shown().to_owned() });
        if self.turn.iter().all(|pending| pending.reply.is_some()) { self.end_turn() } else { Vec::new() }
    }

    /// All calls of the turn are answered: the results enter the transcript in call order.
    fn end_turn(&mut self) -> Vec<Effect> {
        for pending in std::mem::take(&mut self.turn) {
            self.transcript.push(Message::Tool {
                call_id: pending.call.id,
                tool: pending.call.tool,
                text: pending.reply.unwrap_or_default(),
            });
        }
        self.next_round()
    }

    fn next_round(&mut self) -> Vec<Effect> {
        match self.ending {
            Some(Finish::Limit(limit)) => return self.withdraw_tools(limit),
            Some(finish) => return self.conclude(Source::Exhibits, finish),
            None => {}
        }
        if let Some(limit) = self.spent() {
            return self.withdraw_tools(limit);
        }
        self.warn();
        self.call_model()
    }

    /// The first budget that is used up.
    fn spent(&self) -> Option<Limit> {
        if self.calls >= self.limits.max_steps {
            Some(Limit::Steps)
        } else if self.limits.max_tokens.is_some_and(|most| self.tokens_after_next_call() > most) {
            Some(Limit::Tokens)
        } else if self.limits.max_cost.is_some_and(|most| self.cost_after_next_call() > most) {
            Some(Limit::Cost)
        } else if self.fruitless >= FRUITLESS_ROUNDS {
            Some(Limit::Fruitless)
        } else {
            None
        }
    }

    /// The last call must still fit: what is spent, plus about twice what the next request takes.
    fn tokens_after_next_call(&self) -> u64 {
        self.usage.total().saturating_add(2 * self.request_tokens())
    }

    fn cost_after_next_call(&self) -> f64 {
        let spent = self.cost.unwrap_or(0.0);
        // Calls only grow: the average so far is the least that one more will cost.
        spent + spent / f64::from(self.calls.max(1))
    }

    /// Estimated tokens of the next request's messages.
    #[must_use]
    pub fn request_tokens(&self) -> u64 {
        self.transcript.iter().map(message_tokens).sum()
    }

    /// Tells the model once that a budget is nearly used up, behind the newest result.
    fn warn(&mut self) {
        let share = |spent: u64, most: u64| spent.saturating_mul(100) >= most.saturating_mul(WARN_AT_PERCENT);
        let left = self.limits.max_steps.saturating_sub(self.calls);
        let near = (self.limits.max_steps > 1
            && share(u64::from(self.calls), u64::from(self.limits.max_steps)))
            || self.limits.max_tokens.is_some_and(|most| share(self.usage.total(), most));
        if !near || self.warned {
            return;
        }
        self.warned = true;
        if let Some(Message::Tool { text, .. }) = self.transcript.last_mut() {
            let _ = write!(text, "\n({left} steps left: ask only for what decides, then answer.)");
        }
    }
}

pub(super) fn message_tokens(message: &Message) -> u64 {
    4 + match message {
        Message::System { text } | Message::User { text } | Message::Tool { text, .. } => {
            tokens::estimate(text)
        }
        Message::Assistant(message) => {
            let calls: u64 = message
                .tool_calls
                .iter()
                .map(|call| {
                    let arguments = match &call.arguments {
                        Arguments::Object(map) => serde_json::to_string(map).unwrap_or_default(),
                        Arguments::Unreadable(text) => text.clone(),
                    };
                    8 + tokens::estimate(&arguments)
                })
                .sum();
            tokens::estimate(&message.text) + calls
        }
    }
}

/// Tool and arguments as one string, the same for the same call however its keys are ordered.
fn key_of(call: &ToolCall) -> String {
    let arguments = match &call.arguments {
        Arguments::Object(map) => {
            let sorted: BTreeMap<&String, &Value> =
                map.iter().filter(|(_, value)| !value.is_null()).collect();
            serde_json::to_string(&sorted).unwrap_or_default()
        }
        Arguments::Unreadable(text) => text.clone(),
    };
    format!("{} {arguments}", call.tool)
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn clip(name: &str) -> String {
    crate::evidence::view::clip(&crate::evidence::untrusted::visible(name), 80)
}

#[cfg(test)]
mod tests;
