//! A finished run with everything a sink may want to say about it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::agent::{Finish, Limit, Message, Usage};
use crate::answer::Answer;
use crate::evidence::Exhibit;
use crate::evidence::injection::Flag;
use crate::question::Question;

/// Everything of a finished run.
#[derive(Debug, Clone, PartialEq)]
pub struct Investigation {
    pub run_id: String,
    pub question: Question,
    /// The model's name, or `rules`.
    pub model: String,
    pub answer: Answer,
    /// In order of their numbers.
    pub exhibits: Vec<Exhibit>,
    pub messages: Vec<Message>,
    /// Of all model calls together.
    pub usage: Usage,
    /// Model calls made, those for summaries included.
    pub calls: u32,
    /// Calls of fast models among them.
    pub summaries: u32,
    /// USD, where known.
    pub cost: Option<f64>,
    pub finish: Finish,
    /// RFC 3339.
    pub started_at: String,
    pub duration_seconds: f64,
    pub budget: Budget,
    /// Free fields for scripts.
    pub metadata: Map<String, Value>,
}

/// What the run was allowed to use; `None` is without limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    pub max_steps: Option<u64>,
    pub timeout_seconds: Option<f64>,
    pub max_tokens_total: Option<u64>,
    /// USD.
    pub max_cost: Option<f64>,
    /// Tokens of one request.
    pub context_window: Option<u64>,
}

impl Investigation {
    /// Why the run ended, in one word: `stop` when the model concluded by itself.
    #[must_use]
    pub fn finish_reason(&self) -> &'static str {
        match self.finish {
            Finish::Answered => "stop",
            Finish::Limit(Limit::Steps) => "max_steps",
            Finish::Limit(Limit::Time) => "timeout",
            Finish::Limit(Limit::Tokens) => "max_tokens_total",
            Finish::Limit(Limit::Cost) => "max_cost",
            Finish::Limit(Limit::Fruitless) => "fruitless",
            Finish::Interrupted => "interrupted",
            Finish::ModelFailed { .. } => "model_failed",
        }
    }

    /// What a reader must know before the answer: an early end, and outputs that speak to the model.
    pub(super) fn warnings(&self) -> Vec<String> {
        let early = (self.finish_reason() != "stop")
            .then(|| format!("The run ended early: {}", self.finish_reason().replace('_', " ")));
        early.into_iter().chain(self.flagged().map(|(exhibit, flag)| flag.told(exhibit.id))).collect()
    }

    /// Exhibits with a line that reads like an instruction to a model.
    pub(super) fn flagged(&self) -> impl Iterator<Item = (&Exhibit, &Flag)> {
        self.exhibits.iter().filter_map(|exhibit| Some((exhibit, exhibit.flagged.as_ref()?)))
    }

    pub(super) fn exhibit(&self, id: u32) -> Option<&Exhibit> {
        self.exhibits.iter().find(|exhibit| exhibit.id == id)
    }
}
