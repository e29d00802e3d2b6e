//! How long to wait before the next attempt.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;

/// No wait of our own choosing is longer.
const LONGEST: Duration = Duration::from_secs(20);

#[expect(clippy::expect_used, reason = "constant patterns, compiled by a test")]
static IN_WORDS: LazyLock<(Regex, Regex)> = LazyLock::new(|| {
    let units = "ms|minutes?|min|m|seconds?|sec|s";
    let asks = format!(
        r#"(?:"retrydelay"\s*:\s*"|(?:try again|retry) (?:in|after) )((?:\d+(?:\.\d+)?\s?(?:{units})\s?)+)"#
    );
    let part = format!(r"(\d+(?:\.\d+)?)\s?({units})");
    (Regex::new(&asks).expect("pattern is constant"), Regex::new(&part).expect("pattern is constant"))
});

/// The wait a server asks for in words, in lower case: OpenAI's and Groq's "try again in 7.66s", Gemini's
/// `retryDelay`.
pub(super) fn told_wait(said: &str) -> Option<Duration> {
    let (whole, part) = &*IN_WORDS;
    let wait = whole.captures(said)?.get(1)?.as_str();
    let seconds = part.captures_iter(wait).filter_map(|found| {
        let amount: f64 = found.get(1)?.as_str().parse().ok()?;
        Some(match found.get(2)?.as_str() {
            "ms" => amount / 1000.0,
            unit if unit.starts_with('m') => amount * 60.0,
            _ => amount,
        })
    });
    Duration::try_from_secs_f64(seconds.sum()).ok()
}

/// Doubles from `base` with each failure (1 for the first); between half and all of it by chance, so
/// that many clients do not come back at once.
pub(super) fn backoff(base: Duration, failure: u32) -> Duration {
    let whole = base.saturating_mul(2_u32.saturating_pow(failure.saturating_sub(1).min(16))).min(LONGEST);
    let chance = u32::try_from(RandomState::new().hash_one(0_u8) % 1000).unwrap_or(0);
    whole / 2 + whole / 2 * chance / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_told_in_words_is_understood() {
        for (words, want) in [
            ("rate limit reached for tpm. please try again in 7.66s. visit", Some(7660)),
            ("please try again in 820ms.", Some(820)),
            ("please try again in 1m2.5s.", Some(62_500)),
            ("please try again in 2 minutes", Some(120_000)),
            (r#"{"@type":"type.googleapis.com/google.rpc.retryinfo","retrydelay":"34s"}"#, Some(34_000)),
            ("please retry after 26 seconds.", Some(26_000)),
            ("try again in a while", None),
            ("try again later", None),
        ] {
            assert_eq!(told_wait(words), want.map(Duration::from_millis), "{words}");
        }
    }

    #[test]
    fn backoff_doubles_within_its_bounds() {
        let base = Duration::from_millis(100);
        for (failure, whole) in [(1, 100), (2, 200), (3, 400), (60, 20_000)] {
            let got = backoff(base, failure);
            let whole = Duration::from_millis(whole);
            assert!(got >= whole / 2 && got <= whole, "{failure}: {got:?}");
        }
    }
}
