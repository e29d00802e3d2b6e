//! Everything that happens in a run. The only thing that flows back out of the engine:
//! the terminal, JSONL, the record and the machine itself are listeners of this one stream,
//! so they can never disagree.

use serde::{Deserialize, Serialize};

use super::machine::{Limits, Usable};
use super::message::{AssistantMessage, Message, ToolCall, ToolSpec, Usage};
use crate::answer::Answer;
use crate::approval::{Ask, Decision};
use crate::evidence::Exhibit;
use crate::question::Question;

/// One thing that happened, in order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    RunStarted {
        run_id: String,
        question: Question,
        model: String,
        started_at: String,
    },
    /// Everything else the run begins with: what a replay needs. Only the record hears it.
    Opened {
        opening: Box<Opening>,
    },
    /// A person asks on in the same run, once its answer is there. The first question is no event of its own.
    TurnStarted {
        /// From 2 on.
        turn: u32,
        question: Question,
        /// The message as the model is given it: the question, what was attached to it, the time.
        text: String,
        started_at: String,
    },
    /// A person changed what the model is shown, between two questions.
    Edited {
        edit: Edit,
    },
    /// Another process goes on with the run, with the tools and limits that it has.
    Resumed {
        #[serde(flatten)]
        resumption: Box<Resumption>,
    },
    /// The turn that was cut off goes on, with what had not arrived.
    Continued,
    /// Which toolsets the run can use, and why not the others.
    ToolsetsChecked {
        usable: Vec<String>,
        unusable: Vec<Unusable>,
    },
    /// A model call goes out. `step` counts model calls from 1.
    ModelRequested {
        step: u32,
        messages: usize,
        tools: usize,
        /// Estimated tokens of the request.
        tokens: u64,
        /// Of its messages and tools: a replay sends the same. Empty in records of older versions.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        sha256: String,
    },
    ModelRetried {
        attempt: u32,
        wait_seconds: f64,
        reason: String,
    },
    /// Text as it arrives; void when a `ModelRetried` follows.
    TextDelta {
        text: String,
    },
    ReasoningDelta {
        text: String,
    },
    ModelReplied {
        step: u32,
        message: AssistantMessage,
        usage: Usage,
        finish_reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<f64>,
        seconds: f64,
    },
    /// The call failed for good; `exit_code` is what it means to a script.
    ModelFailed {
        message: String,
        hint: Option<String>,
        exit_code: u8,
    },
    ToolStarted {
        exhibit: u32,
        call: ToolCall,
        toolset: String,
        description: String,
    },
    /// A call waits for a person's leave.
    ApprovalAsked {
        exhibit: u32,
        ask: Ask,
    },
    ApprovalDecided {
        exhibit: u32,
        #[serde(flatten)]
        decision: Decision,
    },
    /// A fast model is asked to sum an output up, before `ToolFinished` hands it over.
    SummaryRequested {
        exhibit: u32,
        model: String,
        /// Estimated tokens of the request.
        tokens: u64,
        /// The output as it is handed over without a summary: it has arrived, whatever becomes of the request. Absent in records of
        /// older versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kept: Option<Box<Exhibit>>,
    },
    /// How that ended. The summary itself is part of the exhibit that `ToolFinished` brings.
    SummaryReplied {
        exhibit: u32,
        model: String,
        usage: Usage,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost: Option<f64>,
        seconds: f64,
        /// Why there is none, in one line; the model is then shown lines of the output, as without a fast model.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failure: Option<String>,
        /// What it said, whole; the exhibit holds what was shown of it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    ToolFinished {
        exhibit: Exhibit,
    },
    /// A call that was answered without running anything: unknown tool, wrong arguments, a repeat.
    ToolAnswered {
        call: ToolCall,
        reply: String,
        /// The earlier exhibit, where the call repeats one.
        repeats: Option<u32>,
        /// Tools that the model may call from now on, where it looked for some.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        brings: Vec<String>,
        /// A hypothesis that the model wrote down or changed, in one line.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        noted: Option<String>,
    },
    /// The endpoint refused a request for its length; it is shortened and sent again where that can be done.
    RequestTooLong {
        /// Tokens of the window, where the endpoint said it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<u64>,
    },
    /// Quotes of the answer do not stand in the evidence: the model is asked once to correct it.
    AnswerQuestioned {
        /// As the model is told.
        objections: String,
    },
    LimitReached {
        limit: Limit,
    },
    Interrupted,
    Concluded {
        answer: Answer,
        finish: Finish,
    },
    /// The answer was delivered. Only the record hears it.
    Ended {
        /// Who answered: not the run's model, where the rules took its place.
        model: String,
        /// From start to delivery.
        duration_seconds: f64,
        exit_code: u8,
        /// Distinct secrets replaced so far: a replay numbers new ones after them.
        secrets: usize,
        /// What `--post-processing-prompt` made of the answer.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rewritten: Option<Rewritten>,
    },
}

/// A change of the transcript that no model made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Edit {
    /// The last question and all that followed is taken back; exhibits keep their numbers.
    Undone,
    /// Everything but the system prompt is forgotten; exhibits stay.
    Cleared,
    /// Older results are reduced to their headers.
    Compacted,
    /// Another model answers from here on.
    Model {
        name: String,
        /// Tokens of its window, as the machine reckons with them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window: Option<u64>,
    },
}

/// What a run begins with, as its machine was given it. Fields are only ever added, with a default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Opening {
    /// 1; a number that a reader does not know is a record it cannot replay.
    pub format: u32,
    /// Version of holmes-rs.
    pub program: String,
    /// What fences untrusted text.
    pub marker: String,
    /// System prompt and question as sent.
    pub messages: Vec<Message>,
    /// Calls that the program made itself before the first model call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub beforehand: Vec<ToolCall>,
    /// All tools offered, in their order.
    pub tools: Vec<ToolSpec>,
    /// Those behind a search.
    #[serde(default)]
    pub hidden: Vec<Usable>,
    /// Toolset of each tool that has one, and what its author wants summarised.
    #[serde(default)]
    pub equipment: Vec<Equipped>,
    pub limits: Limits,
    #[serde(default)]
    pub timeout_seconds: Option<f64>,
    /// Tokens of one view.
    pub allowance: u64,
    /// Tokens of one request, as far as known.
    #[serde(default)]
    pub context_window: Option<u64>,
    /// Tokens that the machine reckons with; `None` where nothing limits it.
    #[serde(default)]
    pub window: Option<u64>,
    /// The model is asked to correct an answer whose quotes do not stand.
    #[serde(default)]
    pub corrects: bool,
    /// The rules answer where the model cannot be reached.
    #[serde(default)]
    pub falls_back: bool,
    /// Free fields of the JSON result.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    pub metadata: serde_json::Map<String, serde_json::Value>,
    /// What else shapes requests to the model; no secret.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// What is there when a recorded run goes on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Resumption {
    pub run_id: String,
    /// Version of holmes-rs.
    pub program: String,
    /// RFC 3339.
    pub resumed_at: String,
    pub limits: Limits,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_seconds: Option<f64>,
    /// Tokens of one request, as far as known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context_window: Option<u64>,
    /// The tools of now, where they are not those of before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tools: Option<Tools>,
}

/// What a model may call.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Tools {
    /// All offered, in their order.
    pub offered: Vec<ToolSpec>,
    /// Those behind a search.
    #[serde(default)]
    pub hidden: Vec<Usable>,
    #[serde(default)]
    pub equipment: Vec<Equipped>,
}

/// Where a tool comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Equipped {
    pub tool: String,
    pub toolset: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<Summarised>,
}

/// When an author wants an output summed up: as `tools::Summary`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summarised {
    pub above: u64,
    #[serde(default)]
    pub prompt: Option<String>,
    #[serde(default)]
    pub model: Option<String>,
}

/// An answer in other words, and what all model calls took together with those for it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Rewritten {
    pub text: String,
    pub usage: Usage,
    pub calls: u32,
    #[serde(default)]
    pub cost: Option<f64>,
}

/// A toolset the run cannot use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unusable {
    pub name: String,
    pub reason: String,
}

/// A budget that ended a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    Steps,
    Time,
    Tokens,
    Cost,
    /// Three rounds in a row brought nothing new.
    Fruitless,
}

/// How the run came to its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// The model concluded by itself.
    Answered,
    /// A limit forced the answer.
    Limit(Limit),
    Interrupted,
    /// The model failed; the answer is built from the exhibits.
    ModelFailed {
        exit_code: u8,
    },
}
