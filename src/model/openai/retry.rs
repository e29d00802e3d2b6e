//! How long to wait before the next attempt.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;
use std::time::Duration;

use jiff::Timestamp;
use regex::Regex;
use reqwest::header::HeaderMap;

/// No wait of our own choosing is longer.
const LONGEST: Duration = Duration::from_secs(20);

/// The wait a server asks for: `retry-after-ms`, or `Retry-After` in seconds (also fractional) or as
/// an HTTP date.
pub(super) fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let seconds = |number: f64| Duration::try_from_secs_f64(number.max(0.0)).ok();
    if let Some(wait) =
        text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()).and_then(|ms| seconds(ms / 1000.0))
    {
        return Some(wait);
    }
    let text = text("retry-after")?;
    if let Ok(number) = text.parse::<f64>() {
        return seconds(number);
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

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

    fn wait(name: &'static str, value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        let now: Timestamp = "1994-11-06T08:49:30Z".parse().unwrap();
        asked_wait(&headers, now)
    }

    #[test]
    fn retry_after_is_read_in_every_spelling() {
        let ms = |n| Some(Duration::from_millis(n));
        assert_eq!(wait("retry-after", "3"), ms(3000));
        assert_eq!(wait("retry-after", "0.5"), ms(500));
        assert_eq!(wait("retry-after", "-1"), ms(0));
        assert_eq!(wait("retry-after-ms", "120"), ms(120));
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT"), ms(7000));
        assert_eq!(wait("retry-after", "Sun, 06 Nov 1994 08:49:00 GMT"), ms(0));
        for nonsense in ["", "soon", "1e400", "NaN", "inf"] {
            let got = wait("retry-after", nonsense);
            assert!(got.is_none() || got == ms(0), "{nonsense}: {got:?}");
        }
    }

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
