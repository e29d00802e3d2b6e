//! The wait that a server asks for in a header.

use std::time::Duration;

use jiff::Timestamp;
use reqwest::header::HeaderMap;

/// The wait a server asks for: `retry-after-ms`, or `Retry-After` in seconds (also fractional) or as
/// an HTTP date.
#[must_use]
pub fn asked_wait(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
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
}
