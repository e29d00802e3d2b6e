//! A finished run with everything a sink may want to say about it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::sections::Section;
use crate::agent::{Finish, Limit, Message, Usage};
use crate::answer::{Answer, Confidence, Finding, NotChecked, Verdict};
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
    /// The answer under HolmesGPT's titles, where asked for.
    pub sections: Vec<Section>,
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
    /// A run with a word in every field that templates may print, quotes and line ends among them: what a template is
    /// tried on before there is an answer.
    #[must_use]
    pub fn example(sections: &[&'static str]) -> Self {
        let text = || "The disk \"data\" is full\nsince 03:12".to_owned();
        let finding = Finding {
            claim: text(),
            exhibit: 1,
            quote: text(),
            lines: Some((1, 2)),
            why: Some(text()),
            ..Finding::default()
        };
        let answer = Answer {
            text: text(),
            verdict: Verdict::ProblemFound,
            root_cause: text(),
            findings: vec![finding; 3],
            fix: vec![text(); 3],
            not_sure: vec![text(); 3],
            confidence: Confidence::High,
            not_checked: vec![NotChecked { what: text(), why: text() }; 3],
            ..Answer::default()
        };
        let question =
            Question { text: text(), subject: Some("node/worker-3".to_owned()), ..Question::default() };
        Self {
            run_id: "0".to_owned(),
            question,
            model: text(),
            answer,
            exhibits: Vec::new(),
            messages: Vec::new(),
            usage: Usage::default(),
            calls: 1,
            summaries: 0,
            cost: None,
            finish: Finish::Answered,
            started_at: "2026-01-02T03:04:05Z".to_owned(),
            duration_seconds: 1.0,
            budget: Budget::default(),
            metadata: Map::new(),
            sections: sections.iter().map(|title| Section { title, text: Some(text()) }).collect(),
        }
    }

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
