//! What the questions of a run cost: tokens, calls and money, counted from its events. What was taken back was paid for all
//! the same, so nothing is ever subtracted.

use crate::agent::{Event, Usage};

/// All questions of a run, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Spending {
    turns: Vec<Spent>,
}

/// One question.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Spent {
    pub question: String,
    /// Calls of the model, and of fast ones.
    pub calls: u32,
    pub usage: Usage,
    /// USD; `None` where no endpoint tells and no price is known.
    pub cost: Option<f64>,
}

impl Spending {
    pub(super) fn hear(&mut self, event: &Event) {
        match event {
            Event::RunStarted { question, .. } | Event::TurnStarted { question, .. } => {
                self.turns.push(Spent { question: question.text.clone(), ..Spent::default() });
            }
            Event::ModelReplied { usage, cost, .. } | Event::SummaryReplied { usage, cost, .. } => {
                if let Some(turn) = self.turns.last_mut() {
                    turn.add(1, *usage, *cost);
                }
            }
            _ => {}
        }
    }

    pub(super) fn turns(&self) -> &[Spent] {
        &self.turns
    }

    pub(super) fn total(&self) -> Spent {
        let mut total = Spent::default();
        for turn in &self.turns {
            total.add(turn.calls, turn.usage, turn.cost);
        }
        total
    }
}

impl Spent {
    fn add(&mut self, calls: u32, usage: Usage, cost: Option<f64>) {
        self.calls += calls;
        self.usage += usage;
        if let Some(cost) = cost {
            *self.cost.get_or_insert(0.0) += cost;
        }
    }
}
