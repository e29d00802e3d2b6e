//! Whether the numbers of a claim stand in the lines it cites.
//!
//! Spelling is forgiven (1,024 and 1024, 256Mi and 268435456, 12.5% and 0.125, 12 for 12.48), another number is not.
//! What is no number of a claim is passed over: names with digits, ordinals, citations, and counts of the quoted lines.

use std::sync::LazyLock;

use regex::Regex;

/// After these words a number is no count of things.
const NO_COUNT: &[&str] =
    &["code", "exit", "status", "port", "signal", "pid", "uid", "version", "http", "error", "errno", "limit"];
/// After these words a number says where something stands.
const PLACES: &[&str] = &["line", "lines", "exhibit", "exhibits"];

/// The first number of `claim` that `evidence` does not have. `quoted` is how many lines are quoted.
pub(super) fn missing(claim: &str, evidence: &str, quoted: usize) -> Option<String> {
    let words: Vec<&str> = claim
        .split(|c: char| c.is_whitespace() || "=/()[]{}<>\"'`|→–—…;*~≈+".contains(c))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric() && c != '%'))
        .filter(|word| !word.is_empty())
        .collect();
    let mut known: Option<Vec<Amount>> = None;
    let mut before = String::new();
    for (at, word) in words.iter().enumerate() {
        let next = words.get(at + 1).copied().unwrap_or_default();
        let lower = word.to_lowercase();
        let placed = PLACES.contains(&before.as_str());
        let counts = next.starts_with(char::is_alphabetic)
            && factor(next).is_none()
            && !NO_COUNT.contains(&before.as_str());
        if !(placed && word.starts_with(|c: char| c.is_ascii_digit())) {
            before = lower;
        }
        if placed || !word.starts_with(|c: char| c.is_ascii_digit()) {
            continue;
        }
        for token in tokens(word) {
            if stands(token, evidence) {
                continue;
            }
            let Some(amount) = Amount::read(token, next) else {
                continue;
            };
            #[expect(clippy::cast_precision_loss, clippy::float_cmp, reason = "a count of lines")]
            if counts && amount.value == quoted as f64 {
                continue;
            }
            let known = known.get_or_insert_with(|| amounts(evidence));
            if !known.iter().any(|other| amount.is_shown_by(other)) {
                return Some(token.to_owned());
            }
        }
    }
    None
}

/// The numbers of one word: `3-5` has two, a date has its day, a time is one.
fn tokens(word: &str) -> Vec<&str> {
    let is_date = word.len() >= 10
        && word
            .bytes()
            .take(10)
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() });
    if is_date {
        // Logs often leave the year out and spell the month.
        let time = word.get(11..).filter(|time| time.starts_with(|c: char| c.is_ascii_digit()));
        return word.get(8..10).into_iter().chain(time).collect();
    }
    let of_numbers = word.bytes().all(|byte| byte.is_ascii_digit() || b".,-%:".contains(&byte));
    if of_numbers { word.split('-').filter(|part| !part.is_empty()).collect() } else { vec![word] }
}

/// Whether it stands there as it is, not as part of a longer number.
fn stands(token: &str, evidence: &str) -> bool {
    let digits = token.trim_end_matches(|c: char| !c.is_ascii_digit());
    [token, digits].iter().filter(|text| !text.is_empty()).any(|text| {
        evidence.match_indices(text).any(|(at, _)| {
            let before = evidence.get(..at).and_then(|before| before.chars().next_back());
            let mut after = evidence.get(at + text.len()..).unwrap_or_default().chars();
            let longer = |c: char| c.is_ascii_digit();
            // `12` does not stand in `0.12` or `12.5`, though it does in `12.` at the end of a sentence.
            let fraction = |c: Option<char>| matches!(c, Some('.'));
            let next = after.next();
            let goes_on = next.is_some_and(longer) || fraction(next) && after.next().is_some_and(longer);
            let started = before.is_some_and(longer)
                || fraction(before)
                    && evidence.get(..at.saturating_sub(1)).is_some_and(|rest| rest.ends_with(longer));
            let whole = token.contains(['.', ':']);
            !before.is_some_and(longer) && !next.is_some_and(longer) && (whole || !(goes_on || started))
        })
    })
}

/// A number with the factor of its unit.
#[derive(Debug, Clone, Copy)]
struct Amount {
    value: f64,
    /// Digits after the point.
    decimals: i32,
    /// Digits in all.
    digits: usize,
    /// Of its unit; `None` where there is none.
    factor: Option<f64>,
}

#[expect(clippy::expect_used, reason = "a constant pattern that the tests compile")]
static NUMBER: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(\d+(?:,\d{3})+|\d+)(\.\d+)?(e[+-]?\d{1,3})?\s?([a-zA-Z%µ]*)").expect("valid pattern")
});

impl Amount {
    /// `None` for what is no amount: ordinals, names that begin with digits.
    fn read(token: &str, next: &str) -> Option<Self> {
        let found =
            NUMBER.captures(token).filter(|found| found.get(0).is_some_and(|all| all.start() == 0))?;
        let unit = found.get(4).map_or("", |unit| unit.as_str());
        let rest = token.get(found.get(0)?.end()..).unwrap_or_default();
        // `10:32` and `10.0.0.1` stand as they are or not at all.
        if rest.starts_with([':', '.']) {
            return Some(Self { value: f64::NAN, decimals: 0, digits: 0, factor: None });
        }
        if !rest.is_empty() || unit == "x" {
            return if unit == "x" { Self::of(&found, None) } else { None };
        }
        let factor = if unit.is_empty() { factor(next) } else { Some(factor(unit)?) };
        Self::of(&found, factor)
    }

    fn of(found: &regex::Captures<'_>, factor: Option<f64>) -> Option<Self> {
        let part = |at| found.get(at).map_or("", |part: regex::Match<'_>| part.as_str());
        let whole = part(1).replace(',', "");
        let value = format!("{whole}{}{}", part(2), part(3)).parse().ok()?;
        let decimals = i32::try_from(part(2).len().saturating_sub(1)).unwrap_or(0);
        let digits = whole.trim_start_matches('0').len() + part(2).len().saturating_sub(1);
        Some(Self { value, decimals, digits, factor })
    }

    /// Whether `other` is this amount, or this amount is `other` rounded.
    #[expect(clippy::float_cmp, reason = "the same spelling gives the same number")]
    fn is_shown_by(&self, other: &Self) -> bool {
        if self.value == other.value {
            return true;
        }
        let same_kind = self.factor.is_some() || other.factor.is_none();
        let scaled = other.value * other.factor.unwrap_or(1.0) / self.factor.unwrap_or(1.0);
        let exact = (scaled - self.value).abs() <= self.value.abs() * 1e-9;
        let step = 0.5 * 10f64.powi(-self.decimals);
        // One digit rounds too much.
        let rounded = self.digits >= 2 && (scaled - self.value).abs() <= step * 1.000_001;
        same_kind && self.value != 0.0 && (exact || rounded)
    }
}

/// Every number of a text, also the parts of times, dates and addresses.
fn amounts(text: &str) -> Vec<Amount> {
    let mut all: Vec<Amount> = Vec::new();
    for found in NUMBER.captures_iter(text) {
        let unit = found.get(4).map_or("", |unit| unit.as_str());
        all.extend(Amount::of(&found, factor(unit)));
        // `1,024` may be two numbers, and so may `3.5`.
        let whole = found.get(1).map_or("", |part| part.as_str());
        let parts = whole.split(',').filter(|_| whole.contains(','));
        let fraction = found.get(2).map(|part| part.as_str().trim_start_matches('.'));
        for part in parts.chain(fraction) {
            if let Ok(value) = part.parse() {
                all.push(Amount { value, decimals: 0, digits: part.len(), factor: None });
            }
        }
    }
    all
}

/// What a unit multiplies with: bytes, seconds, or one.
fn factor(unit: &str) -> Option<f64> {
    let lower = unit.to_lowercase();
    Some(match unit {
        "m" => 60.0,
        "M" | "MB" | "Mb" => 1e6,
        _ => match lower.as_str() {
            "%" | "percent" => 0.01,
            "k" | "kb" => 1e3,
            "ki" | "kib" => 1024.0,
            "mi" | "mib" => 1024f64.powi(2),
            "mb" => 1e6,
            "g" | "gb" => 1e9,
            "gi" | "gib" => 1024f64.powi(3),
            "t" | "tb" => 1e12,
            "ti" | "tib" => 1024f64.powi(4),
            "b" | "byte" | "bytes" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
            "ns" => 1e-9,
            "us" | "µs" => 1e-6,
            "ms" | "millisecond" | "milliseconds" => 1e-3,
            "min" | "mins" | "minute" | "minutes" => 60.0,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
            "d" | "day" | "days" => 86_400.0,
            _ => return None,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn numbers_that_stand_in_any_spelling() {
        for (claim, evidence) in [
            ("it exited with 137", "Exit Code:    137"),
            ("the limit is 256Mi", "memory: 256Mi"),
            ("the limit is 256 MiB", "limit_bytes 268435456"),
            ("1,024 files are open", "open files 1024"),
            ("1024 files are open", "open files: 1,024"),
            ("12.5% of the requests fail", "error ratio 0.125"),
            ("the disk is 97% full", "/dev/sda1  50G  48G  1.5G  97% /"),
            ("latency is 1.25 s", "took 1250ms"),
            ("memory is about 12 GB", "used 12.4GB"),
            ("a request took 30 seconds", "timeout after 30s"),
            ("waited 5 minutes", "timeout: 300s"),
            ("killed at 10:32:05", "2026-11-21T10:32:05Z Killed"),
            ("killed at 10:32", "Nov 21 10:32:05 Killed"),
            ("killed on 2026-11-21", "Nov 21 10:32:05 Killed"),
            ("10.0.0.12 refuses on 5432", "dial tcp 10.0.0.12:5432: refused"),
            ("runs v1.28.3", "nothing"),
            ("pod payments-7d9f5 of web_2 on x86_64", "nothing"),
            ("the 3rd attempt and the second failed", "nothing"),
            ("see E3 and [E4:41], line 12, lines 41-44", "nothing"),
            ("<secret:1> is wrong", "nothing"),
            ("replicas 3/5", "web 3/5"),
            ("1 pod is down", "web-1 CrashLoopBackOff"),
            ("between 3-5 s", "3 then 5"),
            ("1.5e+09 bytes", "value 1.5e+09"),
            ("restarts: 12.", "12"),
            ("no number", ""),
            ("", ""),
        ] {
            assert_eq!(missing(claim, evidence, 1), None, "{claim} / {evidence}");
        }
    }

    #[test]
    fn other_numbers_are_missed() {
        for (claim, evidence, number) in [
            ("it exited with 137", "Exit Code: 1", "137"),
            ("exit code 1", "Exit Code: 137", "1"),
            ("it restarted 12 times", "restarts 112", "12"),
            ("the limit is 512Mi", "memory: 256Mi", "512Mi"),
            ("12% fail", "0.5 fail", "12%"),
            ("at 10:33", "10:32:05", "10:33"),
            ("10.0.0.13 refuses", "dial tcp 10.0.0.12:5432", "10.0.0.13"),
            ("between 3-9 s", "3 then 5", "9"),
            ("takes 5 minutes", "took 30s", "5"),
            ("7 pods are down", "web-1 CrashLoopBackOff", "7"),
            ("0 replicas", "replicas 3", "0"),
        ] {
            assert_eq!(missing(claim, evidence, 1).as_deref(), Some(number), "{claim} / {evidence}");
        }
    }

    #[test]
    fn strange_text_is_read_to_its_end() {
        for claim in
            ["9".repeat(5_000), "1,".repeat(5_000), "1:".repeat(5_000), "٣ ½ 1٣ 1½ 0x1F ๑".to_owned()]
        {
            let _ = missing(&claim, &claim, 1);
            let _ = missing(&claim, "1e999 1e-999", 1);
        }
    }
}
