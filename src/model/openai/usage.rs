//! Token counts and cost under the names servers give them.

use serde_json::Value;

use crate::agent::Usage;

#[derive(Debug, Default, Clone)]
pub(super) struct Counted {
    usage: Usage,
    cost: Option<f64>,
}

impl Counted {
    /// Counts in a chunk, a choice or an answer. Streams repeat them growing: the last holds.
    pub(super) fn take(&mut self, value: &Value) {
        for usage in [value.get("usage"), value.pointer("/x_groq/usage")]
            .into_iter()
            .flatten()
            .filter(|usage| usage.is_object())
        {
            self.read(usage);
        }
        if value.get("choices").is_none() && value.get("prompt_eval_count").is_some() {
            self.usage.prompt_tokens = count(value, &["/prompt_eval_count"]).unwrap_or(0);
            self.usage.completion_tokens = count(value, &["/eval_count"]).unwrap_or(0);
        }
    }

    fn read(&mut self, usage: &Value) {
        let set = |field: &mut u64, names: &[&str]| {
            if let Some(number) = count(usage, names) {
                *field = number;
            }
        };
        set(&mut self.usage.prompt_tokens, &["/prompt_tokens", "/input_tokens"]);
        set(&mut self.usage.completion_tokens, &["/completion_tokens", "/output_tokens"]);
        set(
            &mut self.usage.cached_tokens,
            &[
                "/prompt_tokens_details/cached_tokens",
                "/input_tokens_details/cached_tokens",
                "/prompt_cache_hit_tokens",
                "/cache_read_input_tokens",
                "/cached_tokens",
            ],
        );
        let cost =
            ["cost", "estimated_cost", "total_cost"].iter().find_map(|name| usage.get(*name)?.as_f64());
        self.cost = cost.filter(|cost| cost.is_finite() && *cost >= 0.0).or(self.cost);
    }

    pub(super) fn any(&self) -> bool {
        self.usage.total() > 0
    }

    pub(super) fn usage(&self) -> Usage {
        self.usage
    }

    /// USD as the endpoint reported it.
    pub(super) fn cost(&self) -> Option<f64> {
        self.cost
    }
}

/// A count as an integer, a float or a text of either; a nonsensical one is none.
fn count(value: &Value, names: &[&str]) -> Option<u64> {
    // No context window comes near; sums of it stay far from overflow.
    const MOST: f64 = 1e12;
    names.iter().find_map(|name| {
        let number = match value.pointer(name)? {
            Value::Number(number) => number.as_f64()?,
            Value::String(text) => text.trim().parse().ok()?,
            _ => return None,
        };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within bounds")]
        (0.0..=MOST).contains(&number).then_some(number as u64)
    })
}
