//! What a run may spend, and whether one more call can still be paid for.

use serde::{Deserialize, Serialize};

use crate::agent::event::Limit;
use crate::agent::message::Usage;

/// Tokens a reply needs to be an answer.
const LEAST_REPLY: u64 = 200;
/// What a reply with tool calls commonly takes.
const USUAL_REPLY: u64 = 400;
/// What a vendor's completion tokens cost more than its prompt tokens, at most.
const COMPLETION_FACTOR: u64 = 8;
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

/// What has been spent.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Spent {
    pub usage: Usage,
    pub cost: Option<f64>,
    /// The highest price of a token so far, in USD.
    price: f64,
}

impl Spent {
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    pub(super) fn add(&mut self, usage: Usage, cost: Option<f64>) {
        self.usage += usage;
        if let Some(cost) = cost {
            *self.cost.get_or_insert(0.0) += cost;
            self.price = self.price.max(cost / usage.total().max(1) as f64);
        }
    }
}

impl Limits {
    /// Tokens that may still be spent, by the limits on tokens and on money; as the server counts.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a quotient of money: saturates"
    )]
    fn left(&self, spent: &Spent) -> Option<(u64, Limit)> {
        let tokens = self.max_tokens.map(|most| (most.saturating_sub(spent.usage.total()), Limit::Tokens));
        let money = self.max_cost.and_then(|most| {
            let left = most - spent.cost.unwrap_or(0.0);
            if left <= 0.0 {
                return Some((0, Limit::Cost));
            }
            // Without a price nothing can be said: the first call tells one.
            (spent.price > 0.0).then(|| ((left / spent.price) as u64, Limit::Cost))
        });
        [tokens, money].into_iter().flatten().min_by_key(|(left, _)| *left)
    }

    /// The budget that a call with tools would break, when the last call without them is still to follow. `request` are the
    /// tokens of the next request.
    pub(super) fn broken_by(&self, spent: &Spent, request: u64) -> Option<Limit> {
        let needed = request.saturating_mul(2).saturating_add(USUAL_REPLY + LEAST_REPLY);
        self.left(spent).filter(|(left, _)| *left < needed).map(|(_, limit)| limit)
    }

    /// Tokens that the last request may take; `None`: any number.
    pub(super) fn last_request(&self, spent: &Spent) -> Option<u64> {
        self.left(spent).map(|(left, _)| left.saturating_sub(LEAST_REPLY))
    }

    /// Tokens that the reply to a request may take. Before the last call its own request is kept free.
    pub(super) fn reply(&self, spent: &Spent, request: u64, is_last: bool) -> Option<u64> {
        let (left, limit) = self.left(spent)?;
        let kept = if is_last { request } else { request.saturating_mul(2) + LEAST_REPLY };
        let left = left.saturating_sub(kept);
        let left = if limit == Limit::Cost { left / COMPLETION_FACTOR } else { left };
        // An endpoint refuses to be asked for nothing.
        Some(left.max(1))
    }

    /// Whether there is room for so many more tokens besides the next call and the last one.
    pub(super) fn affords(&self, spent: &Spent, request: u64, more: u64) -> bool {
        let needed = request.saturating_mul(2).saturating_add(more);
        self.left(spent).is_none_or(|(left, _)| needed <= left)
    }

    /// Whether a budget is nearly used up.
    #[expect(clippy::cast_precision_loss)]
    pub(super) fn is_near(&self, spent: &Spent, calls: u32) -> bool {
        let share = |spent: u64, most: u64| spent.saturating_mul(100) >= most.saturating_mul(WARN_AT_PERCENT);
        let money = |most: f64| spent.cost.unwrap_or(0.0) * 100.0 >= most * WARN_AT_PERCENT as f64;
        (self.max_steps > 1 && share(u64::from(calls), u64::from(self.max_steps)))
            || self.max_tokens.is_some_and(|most| share(spent.usage.total(), most))
            || self.max_cost.is_some_and(money)
    }
}
