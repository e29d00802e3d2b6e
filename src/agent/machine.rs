//! The loop as a pure machine: what happened goes in, what to do comes out. No clock, no process, no network.
//!
//! Limits, repeats, forced endings and the invariants of the transcript (every tool call is answered
//! exactly once, in call order) live here and are tested here.

mod budget;
mod conversation;
mod offer;
mod transcript;
mod turn;
mod window;

use std::collections::BTreeMap;

use super::event::{Event, Finish, Limit};
use super::message::{Arguments, AssistantMessage, Message, ToolCall, ToolSpec, Usage};
use crate::answer::{Hypotheses, Hypothesis, hypothesis_tool};
pub use budget::Limits;
use budget::Spent;
pub use conversation::Parts;
use offer::Offer;
pub(super) use offer::spec_tokens;
pub use offer::{FIND_TOOLS, Usable};
use transcript::Transcript;
pub use transcript::message_tokens;
use window::Window;

/// The tool a model ends a run with.
pub const ANSWER_TOOL: &str = "answer";
/// Rounds without anything new before the answer is forced.
const FRUITLESS_ROUNDS: u32 = 3;
/// Calls of one turn beyond these are never wanted, and each costs an answer.
const MOST_CALLS: usize = 200;
/// Tokens of what is objected to an answer.
const OBJECTIONS: u64 = 300;
/// Tokens of a window that pays for hypotheses.
const HYPOTHESES_FROM: u64 = 32_000;
/// Tokens of the system prompt and all schemas before a question, whatever the window.
pub const OPENING_TOKENS: u64 = 2_000;
/// They never take more than this part of it.
const OPENING_SHARE: u64 = 4;

/// What the driver must do next, in order.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the model.
    CallModel { tools: Offered },
    /// Run one tool; calls of one turn run at the same time.
    RunTool(ToolCall),
    /// Tell listeners that a call was answered without running anything.
    Answered {
        call: ToolCall,
        reply: String,
        repeats: Option<u32>,
        brings: Vec<String>,
        noted: Option<String>,
    },
    /// The run is over.
    Conclude { source: Source, finish: Finish },
}

/// What a model may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offered {
    All,
    /// It is to correct its answer.
    Answer,
    /// They are withdrawn.
    None,
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
    /// The one that was questioned stands: no other came.
    Earlier,
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
    /// The call that asks for a corrected answer is out.
    Correcting,
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

/// Tokens that each of so many views may take together in a window of so many tokens.
#[must_use]
pub fn view_tokens(window: u64, views: usize) -> u64 {
    Window::new(Some(window)).view(views).unwrap_or_default()
}

/// Everything the loop knows.
#[derive(Debug, Clone)]
pub struct State {
    transcript: Transcript,
    offer: Offer,
    window: Window,
    limits: Limits,
    phase: Phase,
    /// Model calls made so far.
    calls: u32,
    /// Calls of fast models for summaries: they take no step, but tokens and money.
    summaries: u32,
    spent: Spent,
    /// Estimated tokens of the request that is out.
    asked: u64,
    turn: Vec<Pending>,
    /// Calls that the program makes itself before the first model call.
    beforehand: Vec<ToolCall>,
    /// Calls that ran, by tool and arguments.
    ran: BTreeMap<String, Ran>,
    fruitless: u32,
    hypotheses: Hypotheses,
    /// Why the run is ending, once it is.
    ending: Option<Finish>,
    warned: bool,
    corrected: bool,
    empty_replies: u32,
}

impl State {
    /// `transcript` holds the system prompt and the question; `tools` what the model may call.
    #[must_use]
    pub fn new(transcript: Vec<Message>, tools: Vec<ToolSpec>, limits: Limits) -> Self {
        Self {
            transcript: Transcript::new(transcript),
            offer: Offer::all(tools),
            window: Window::new(None),
            limits,
            phase: Phase::Thinking,
            calls: 0,
            summaries: 0,
            spent: Spent::default(),
            asked: 0,
            turn: Vec::new(),
            beforehand: Vec::new(),
            ran: BTreeMap::new(),
            fruitless: 0,
            hypotheses: Hypotheses::default(),
            ending: None,
            warned: false,
            corrected: false,
            empty_replies: 0,
        }
    }

    /// A run whose requests must fit into `window` tokens with their replies. Of `usable` it offers what `question`
    /// is likely to need, so that system prompt and schemas take at most `most` tokens and leave the window to the evidence;
    /// `always` it offers in any case.
    #[must_use]
    pub fn within(
        transcript: Vec<Message>,
        usable: Vec<Usable>,
        mut always: Vec<ToolSpec>,
        question: &str,
        (window, most): (u64, u64),
        limits: Limits,
    ) -> Self {
        if window >= HYPOTHESES_FROM {
            always.push(hypothesis_tool());
        }
        let system: u64 =
            transcript.iter().filter(|m| matches!(m, Message::System { .. })).map(message_tokens).sum();
        let most = most.min(window / OPENING_SHARE);
        // Long instructions of somebody's toolset must not leave the model without tools.
        let budget = most.saturating_sub(system).max(most / 2);
        let offer = Offer::choose(usable, always, question, budget);
        Self { offer, window: Window::new(Some(window)), ..Self::new(transcript, Vec::new(), limits) }
    }

    /// The beginning of a run that was recorded: what was offered, and what was behind a search.
    #[must_use]
    pub fn restored(
        transcript: Vec<Message>,
        tools: Vec<ToolSpec>,
        hidden: Vec<Usable>,
        window: Option<u64>,
        limits: Limits,
    ) -> Self {
        let (offer, window) = (Offer::new(tools, hidden), Window::new(window));
        Self { offer, window, ..Self::new(transcript, Vec::new(), limits) }
    }

    /// With calls that are made before the first model call. Their results stand with the question: a model is shown no calls
    /// it did not make, and some endpoints refuse those. The rules see them as calls, arguments and all.
    #[must_use]
    pub fn after(mut self, calls: Vec<ToolCall>) -> Self {
        self.beforehand = calls;
        self
    }

    /// Calls that are made before the first model call.
    #[must_use]
    pub fn beforehand(&self) -> &[ToolCall] {
        &self.beforehand
    }

    /// Tools that are not offered until the model looks for them.
    #[must_use]
    pub fn hidden(&self) -> &[Usable] {
        self.offer.hidden()
    }

    #[must_use]
    pub fn transcript(&self) -> &[Message] {
        self.transcript.messages()
    }

    /// What the model may call now.
    #[must_use]
    pub fn tools(&self, offered: Offered) -> &[ToolSpec] {
        match offered {
            Offered::All => self.offer.specs(),
            Offered::Answer => self.offer.get(ANSWER_TOOL).map_or(&[], std::slice::from_ref),
            Offered::None => &[],
        }
    }

    /// Tokens that each of so many results of one turn may take, where the window limits them.
    #[must_use]
    pub fn view_tokens(&self, results: usize) -> Option<u64> {
        self.window.view(results)
    }

    /// Tokens that the reply to the next request may take, where a budget limits them.
    #[must_use]
    pub fn reply_tokens(&self, offered: Offered) -> Option<u64> {
        let is_last = offered != Offered::All;
        self.limits.reply(&self.spent, self.expected(offered), is_last)
    }

    /// Tokens of a request and its reply that the run reckons with: as told, or as learned from refusals.
    #[must_use]
    pub fn window(&self) -> Option<u64> {
        self.window.tokens()
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
        self.limits.affords(&self.spent, self.expected(Offered::All), tokens)
    }

    /// What the model believed may be the cause.
    #[must_use]
    pub fn hypotheses(&self) -> &[Hypothesis] {
        self.hypotheses.list()
    }

    /// Tokens of all calls, as the server counted them.
    #[must_use]
    pub fn usage(&self) -> Usage {
        self.spent.usage
    }

    /// USD of all calls, where known.
    #[must_use]
    pub fn cost(&self) -> Option<f64> {
        self.spent.cost
    }

    /// The first effects of a run.
    pub fn start(&mut self) -> Vec<Effect> {
        let beforehand = self.beforehand.clone();
        if !beforehand.is_empty() {
            return self.look_up(&beforehand);
        }
        if self.limits.max_steps == 0 {
            return self.withdraw_tools(Limit::Steps);
        }
        self.make_room(Offered::All);
        if let Some(limit) = self.limits.broken_by(&self.spent, self.expected(Offered::All)) {
            return self.withdraw_tools(limit);
        }
        self.call_model()
    }

    /// What `event` means for the run.
    pub fn step(&mut self, event: &Event) -> Vec<Effect> {
        if let Event::Resumed { resumption } = event {
            self.take_up(resumption);
            return Vec::new();
        }
        if self.phase == Phase::Done {
            return match event {
                Event::AnswerQuestioned { objections } => self.ask_to_correct(objections),
                Event::TurnStarted { text, .. } => self.ask(text),
                Event::Edited { edit } => {
                    self.edit(edit);
                    Vec::new()
                }
                _ => Vec::new(),
            };
        }
        match event {
            Event::ModelReplied { message, usage, cost, .. } => self.on_reply(message, *usage, *cost),
            Event::ModelFailed { .. } if self.phase == Phase::Correcting => {
                self.conclude(Source::Earlier, Finish::Answered)
            }
            Event::ModelFailed { exit_code, .. } => {
                let finish = self.ending.unwrap_or(Finish::ModelFailed { exit_code: *exit_code });
                self.conclude(Source::Exhibits, finish)
            }
            Event::SummaryRequested { .. } => {
                self.summaries += 1;
                Vec::new()
            }
            Event::SummaryReplied { usage, cost, .. } => {
                self.spent.add(*usage, *cost);
                Vec::new()
            }
            Event::RequestTooLong { limit } => self.on_too_long(*limit),
            Event::ToolFinished { exhibit } => self.on_tool(exhibit),
            Event::LimitReached { limit } => match self.phase {
                Phase::Thinking => self.withdraw_tools(*limit),
                Phase::Acting => {
                    self.ending.get_or_insert(Finish::Limit(*limit));
                    Vec::new()
                }
                Phase::LastCall => self.conclude(Source::Exhibits, Finish::Limit(*limit)),
                Phase::Correcting => self.conclude(Source::Earlier, Finish::Answered),
                Phase::Done => Vec::new(),
            },
            Event::Interrupted => match self.phase {
                Phase::Acting => {
                    self.ending = Some(Finish::Interrupted);
                    Vec::new()
                }
                Phase::Thinking | Phase::LastCall => self.conclude(Source::Exhibits, Finish::Interrupted),
                Phase::Correcting => self.conclude(Source::Earlier, Finish::Interrupted),
                Phase::Done => Vec::new(),
            },
            Event::TurnStarted { text, .. } => self.ask(text),
            Event::Edited { edit } => {
                self.edit(edit);
                Vec::new()
            }
            Event::RunStarted { .. }
            | Event::Resumed { .. }
            | Event::Continued
            | Event::ApprovalAsked { .. }
            | Event::ApprovalDecided { .. }
            | Event::Opened { .. }
            | Event::Ended { .. }
            | Event::ToolsetsChecked { .. }
            | Event::ModelRequested { .. }
            | Event::ModelRetried { .. }
            | Event::TextDelta { .. }
            | Event::ReasoningDelta { .. }
            | Event::ToolStarted { .. }
            | Event::ToolAnswered { .. }
            | Event::AnswerQuestioned { .. }
            | Event::Concluded { .. } => Vec::new(),
        }
    }

    /// The endpoint says that the request does not fit: the window is smaller than thought. Once no room can be made, it fails.
    fn on_too_long(&mut self, limit: Option<u64>) -> Vec<Effect> {
        let tools = match self.phase {
            Phase::LastCall => Offered::None,
            Phase::Correcting => Offered::Answer,
            Phase::Thinking | Phase::Acting | Phase::Done => Offered::All,
        };
        self.window.learn_limit(limit, self.asked);
        let before = self.transcript.tokens();
        self.make_room(tools);
        if self.transcript.tokens() >= before {
            return Vec::new();
        }
        self.asked = self.request_tokens(tools);
        vec![Effect::CallModel { tools }]
    }

    /// Takes older results out until the next request fits into the window.
    fn make_room(&mut self, tools: Offered) {
        if let Some(room) = self.window.room() {
            self.transcript.fit(room.saturating_sub(self.schema_tokens(tools)));
        }
    }

    /// Estimated tokens of the schemas that go with a request.
    fn schema_tokens(&self, tools: Offered) -> u64 {
        match tools {
            Offered::All => self.offer.tokens(),
            Offered::Answer | Offered::None => self.tools(tools).iter().map(spec_tokens).sum(),
        }
    }

    /// What the next request is expected to be counted at.
    fn expected(&self, tools: Offered) -> u64 {
        self.window.counted(self.transcript.tokens() + self.schema_tokens(tools))
    }

    fn call_model(&mut self) -> Vec<Effect> {
        self.phase = Phase::Thinking;
        self.calls += 1;
        self.asked = self.request_tokens(Offered::All);
        vec![Effect::CallModel { tools: Offered::All }]
    }

    fn conclude(&mut self, source: Source, finish: Finish) -> Vec<Effect> {
        self.phase = Phase::Done;
        vec![Effect::Conclude { source, finish }]
    }

    /// One last call, without tools, for the best answer from the evidence.
    fn withdraw_tools(&mut self, limit: Limit) -> Vec<Effect> {
        self.ending = Some(Finish::Limit(limit));
        let spent = match limit {
            Limit::Steps => "The step limit is reached",
            Limit::Time => "The time limit is reached",
            Limit::Tokens => "The token limit is reached",
            Limit::Cost => "The cost limit is reached",
            Limit::Fruitless => "The last rounds brought nothing new",
        };
        self.transcript.tell(&format!(
            "{spent}; no more tool calls are possible. Give your best answer now from the evidence above, \
             and say what remains unproven."
        ));
        self.make_room(Offered::None);
        if let Some(most) = self.limits.last_request(&self.spent)
            && !self.transcript.fit(self.window.estimated(most))
        {
            // Not even this call can be paid for.
            return self.conclude(Source::Exhibits, Finish::Limit(limit));
        }
        self.phase = Phase::LastCall;
        self.calls += 1;
        self.asked = self.request_tokens(Offered::None);
        vec![Effect::CallModel { tools: Offered::None }]
    }

    /// Whether the model can be asked to correct its answer: once, and only within the budgets.
    #[must_use]
    pub fn may_correct(&self) -> bool {
        !self.corrected
            && self.phase == Phase::Done
            && self.ending.is_none()
            && self.calls < self.limits.max_steps
            && self.limits.broken_by(&self.spent, self.expected(Offered::Answer)).is_none()
            // An answer as long as the window cannot be sent back.
            && self.window.room().is_none_or(|room| self.request_tokens(Offered::Answer) + OBJECTIONS <= room)
    }

    /// Puts the objections to the model: behind the `answer` call, or as words where it answered in words.
    fn ask_to_correct(&mut self, objections: &str) -> Vec<Effect> {
        self.corrected = true;
        let calls = match self.transcript.messages().last() {
            Some(Message::Assistant(said)) => said.tool_calls.clone(),
            _ => Vec::new(),
        };
        if calls.is_empty() {
            self.transcript.tell(objections);
        }
        let mut told = false;
        for call in calls {
            let is_answer = call.tool == ANSWER_TOOL && !told;
            told |= is_answer;
            let text = if is_answer { objections } else { "Not run: the answer came with it." };
            self.transcript.push(Message::Tool { call_id: call.id, tool: call.tool, text: text.to_owned() });
        }
        self.make_room(Offered::Answer);
        self.phase = Phase::Correcting;
        self.calls += 1;
        self.asked = self.request_tokens(Offered::Answer);
        vec![Effect::CallModel { tools: Offered::Answer }]
    }

    fn on_reply(&mut self, message: &AssistantMessage, usage: Usage, cost: Option<f64>) -> Vec<Effect> {
        self.spent.add(usage, cost);
        self.window.learn_count(self.asked, usage.prompt_tokens);
        let finish = self.ending.unwrap_or(Finish::Answered);
        let answer = message.tool_calls.iter().find(|call| {
            call.tool == ANSWER_TOOL && matches!(&call.arguments, Arguments::Object(map) if !map.is_empty())
        });
        if let Some(call) = answer {
            self.transcript.push(Message::Assistant(message.clone()));
            return self.conclude(Source::Call(call.clone()), finish);
        }
        let text = message.text.trim();
        if self.phase == Phase::Correcting {
            let source = if text.is_empty() { Source::Earlier } else { Source::Text(text.to_owned()) };
            self.transcript
                .push(Message::Assistant(AssistantMessage { tool_calls: Vec::new(), ..message.clone() }));
            return self.conclude(source, finish);
        }
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
            self.transcript.tell("The reply was empty. Call a tool, or give the answer.");
            return self.next_round();
        }
        let mut message = message.clone();
        message.tool_calls.truncate(MOST_CALLS);
        self.transcript.push(Message::Assistant(message.clone()));
        self.act(&message.tool_calls)
    }

    /// All calls of the turn are answered: the results enter the transcript in call order.
    fn end_turn(&mut self) -> Vec<Effect> {
        let beforehand = std::mem::take(&mut self.beforehand);
        for pending in std::mem::take(&mut self.turn) {
            if !beforehand.is_empty() && self.window.tokens().is_some() {
                self.transcript.append_to_question(&format!("\n\n{}", pending.reply.unwrap_or_default()));
                continue;
            }
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
        self.make_room(Offered::All);
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
        } else if let Some(limit) = self.limits.broken_by(&self.spent, self.expected(Offered::All)) {
            Some(limit)
        } else if self.fruitless >= FRUITLESS_ROUNDS {
            Some(Limit::Fruitless)
        } else {
            None
        }
    }

    /// Estimated tokens of the next request.
    #[must_use]
    pub fn request_tokens(&self, tools: Offered) -> u64 {
        self.transcript.tokens() + self.schema_tokens(tools)
    }

    /// Tells the model once that a budget is nearly used up, behind the newest result.
    fn warn(&mut self) {
        if self.warned || !self.limits.is_near(&self.spent, self.calls) {
            return;
        }
        self.warned = true;
        let left = self.limits.max_steps.saturating_sub(self.calls);
        self.transcript
            .append_to_result(&format!("\n({left} steps left: ask only for what decides, then answer.)"));
    }
}

#[cfg(test)]
mod tests;
