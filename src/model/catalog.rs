//! Windows and prices of hosted models, for endpoints that do not tell.
//!
//! Only what a name decides: how much an open model may be given depends on how its server was
//! started, so none of them is here. Prices are the vendors' list prices for text in mid 2026; a
//! cost made from them is an estimate, one that the endpoint reports goes before it. A model that is
//! not listed has no price rather than a relative's.

use crate::agent::Usage;

struct Entry {
    /// Dots as dashes; a date or a word of `VARIANTS` may follow.
    name: &'static str,
    /// Tokens of a request.
    window: u64,
    /// USD for a million tokens: prompt, prompt from the cache, completion.
    prices: (f64, f64, f64),
}

const fn entry(name: &'static str, window: u64, prices: (f64, f64, f64)) -> Entry {
    Entry { name, window, prices }
}

const MODELS: &[Entry] = &[
    // The GPT-5 family takes 272k of its 400k as input.
    entry("gpt-5", 272_000, (1.25, 0.125, 10.0)),
    entry("gpt-5-mini", 272_000, (0.25, 0.025, 2.0)),
    entry("gpt-5-nano", 272_000, (0.05, 0.005, 0.4)),
    entry("gpt-5-pro", 272_000, (15.0, 15.0, 120.0)),
    entry("gpt-5-1", 272_000, (1.25, 0.125, 10.0)),
    entry("gpt-5-2", 272_000, (1.75, 0.175, 14.0)),
    entry("gpt-5-4", 272_000, (2.5, 0.25, 15.0)),
    entry("gpt-5-4-mini", 272_000, (0.75, 0.075, 4.5)),
    entry("gpt-5-4-nano", 272_000, (0.2, 0.02, 1.25)),
    entry("gpt-5-5", 272_000, (5.0, 0.5, 30.0)),
    entry("gpt-4-1", 1_047_576, (2.0, 0.5, 8.0)),
    entry("gpt-4-1-mini", 1_047_576, (0.4, 0.1, 1.6)),
    entry("gpt-4-1-nano", 1_047_576, (0.1, 0.025, 0.4)),
    entry("gpt-4o", 128_000, (2.5, 1.25, 10.0)),
    entry("gpt-4o-mini", 128_000, (0.15, 0.075, 0.6)),
    entry("gpt-4-turbo", 128_000, (10.0, 10.0, 30.0)),
    entry("gpt-3-5-turbo", 16_385, (0.5, 0.5, 1.5)),
    entry("gpt-35-turbo", 16_385, (0.5, 0.5, 1.5)),
    entry("o1", 200_000, (15.0, 7.5, 60.0)),
    entry("o3", 200_000, (2.0, 0.5, 8.0)),
    entry("o3-mini", 200_000, (1.1, 0.55, 4.4)),
    entry("o4-mini", 200_000, (1.1, 0.275, 4.4)),
    entry("claude-opus-4", 200_000, (15.0, 1.5, 75.0)),
    entry("claude-opus-4-1", 200_000, (15.0, 1.5, 75.0)),
    entry("claude-opus-4-5", 200_000, (5.0, 0.5, 25.0)),
    entry("claude-opus-4-6", 200_000, (5.0, 0.5, 25.0)),
    entry("claude-sonnet-4", 200_000, (3.0, 0.3, 15.0)),
    entry("claude-sonnet-4-5", 200_000, (3.0, 0.3, 15.0)),
    entry("claude-sonnet-4-6", 200_000, (3.0, 0.3, 15.0)),
    entry("claude-haiku-4-5", 200_000, (1.0, 0.1, 5.0)),
    entry("claude-3-7-sonnet", 200_000, (3.0, 0.3, 15.0)),
    entry("claude-3-5-sonnet", 200_000, (3.0, 0.3, 15.0)),
    entry("claude-3-5-haiku", 200_000, (0.8, 0.08, 4.0)),
    entry("gemini-2-5-pro", 1_048_576, (1.25, 0.125, 10.0)),
    entry("gemini-2-5-flash", 1_048_576, (0.3, 0.03, 2.5)),
    entry("gemini-2-5-flash-lite", 1_048_576, (0.1, 0.01, 0.4)),
    entry("gemini-3-pro", 1_048_576, (2.0, 0.2, 12.0)),
    entry("gemini-3-flash", 1_048_576, (0.5, 0.05, 3.0)),
    entry("deepseek-chat", 128_000, (0.28, 0.028, 0.42)),
    entry("deepseek-reasoner", 128_000, (0.28, 0.028, 0.42)),
    entry("grok-4", 256_000, (3.0, 0.75, 15.0)),
    entry("mistral-large", 128_000, (2.0, 2.0, 6.0)),
];

/// Endings of a name that change neither window nor price.
const VARIANTS: &[&str] = &["latest", "preview", "exp", "chat", "codex", "thinking", "v1", "v2"];

/// Tokens that fit in one request, where the model's name tells.
pub fn window(model: &str) -> Option<u64> {
    find(model).map(|entry| entry.window)
}

/// USD of one call at list prices; None where the model is not listed or nothing was counted.
pub fn cost(model: &str, usage: Usage) -> Option<f64> {
    let (prompt, cached_prompt, completion) = find(model)?.prices;
    cost_at(Prices { prompt, cached_prompt, completion }, usage)
}

/// What a million tokens cost, in USD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    pub prompt: f64,
    /// Of the prompt, what the provider had cached.
    pub cached_prompt: f64,
    pub completion: f64,
}

/// USD of one call at these prices; None where nothing was counted.
pub fn cost_at(prices: Prices, usage: Usage) -> Option<f64> {
    let Prices { prompt, cached_prompt: cached, completion } = prices;
    if usage.total() == 0 {
        return None;
    }
    let from_cache = usage.cached_tokens.min(usage.prompt_tokens);
    #[expect(clippy::cast_precision_loss, reason = "token counts are far below 2^52")]
    let dollars = |tokens: u64, price: f64| tokens as f64 * price / 1e6;
    Some(
        dollars(usage.prompt_tokens - from_cache, prompt)
            + dollars(from_cache, cached)
            + dollars(usage.completion_tokens, completion),
    )
}

/// The longest name that the model's begins with, after providers' and regions' prefixes.
fn find(model: &str) -> Option<&'static Entry> {
    let name = model.rsplit('/').next().unwrap_or(model).to_lowercase();
    let name = name.rsplit("anthropic.").next().unwrap_or(&name);
    let name = name.replace(['.', '@', ':'], "-");
    MODELS
        .iter()
        .filter(|entry| name.strip_prefix(entry.name).is_some_and(is_variant))
        .max_by_key(|entry| entry.name.len())
}

/// Whether the rest of a name says the same model: nothing, a date, or a word that is no size.
fn is_variant(rest: &str) -> bool {
    let Some(rest) = rest.strip_prefix('-') else {
        return rest.is_empty();
    };
    let word = rest.split('-').next().unwrap_or_default();
    VARIANTS.contains(&word) || (word.len() >= 4 && word.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_under_every_spelling() {
        for (name, window) in [
            ("gpt-4o", Some(128_000)),
            ("azure/gpt-4o-2024-08-06", Some(128_000)),
            ("openrouter/anthropic/claude-sonnet-4.5", Some(200_000)),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", Some(200_000)),
            ("GPT-4.1-mini", Some(1_047_576)),
            ("gemini-2.5-flash-preview-05-20", Some(1_048_576)),
            ("gpt-3.5-turbo-0613", Some(16_385)),
            ("gpt-5.9", None),
            ("gpt-4o-huge", None),
            ("o3-pro", None),
            ("llama3.1:8b", None),
            ("", None),
        ] {
            assert_eq!(super::window(name), window, "{name}");
        }
    }

    #[test]
    fn cached_tokens_cost_less() {
        let usage =
            |cached_tokens| Usage { prompt_tokens: 1_000_000, completion_tokens: 100_000, cached_tokens };
        let near = |got: Option<f64>, want: f64| got.is_some_and(|got| (got - want).abs() < 1e-9);
        assert!(near(cost("gpt-4o", usage(0)), 3.5));
        assert!(near(cost("gpt-4o", usage(1_000_000)), 2.25));
        assert!(near(cost("gpt-4o", usage(u64::MAX)), 2.25));
        assert_eq!(cost("gpt-4o", Usage::default()), None);
        assert_eq!(cost("llama3", usage(0)), None);
    }
}
