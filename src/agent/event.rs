//! Everything that happens in a run. The only thing that flows back out of the engine:
//! the terminal, JSONL, the record and the machine itself are listeners of this one stream,
//! so they can never disagree.

use serde::{Deserialize, Serialize};

use super::message::{AssistantMessage, ToolCall, Usage};
use crate::answer::Answer;
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
    /// A fast model is asked to sum an output up, before `ToolFinished` hands it over.
    SummaryRequested {
        exhibit: u32,
        model: String,
        /// Estimated tokens of the request.
        tokens: u64,
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
