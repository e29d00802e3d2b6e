//! What values say of a thing's health, whatever program wrote them, and which of many values stand out.

use std::collections::HashMap;
use std::sync::LazyLock;

use regex::Regex;

/// Distinct values counted for one column; a column with more has no usual ones.
const MOST_VALUES: usize = 40;
/// Longer values are prose or ids and are not counted.
const LONGEST_VALUE: usize = 120;
/// Numbers kept to tell what is usual.
const SAMPLE: usize = 512;
/// Fewer values have no usual ones.
const FEWEST: u64 = 10;

/// Words of states that need no look.
const WELL: &[&str] = &[
    "running",
    "ready",
    "completed",
    "succeeded",
    "success",
    "active",
    "bound",
    "true",
    "up",
    "normal",
    "ok",
    "estab",
    "established",
    "listen",
    "time-wait",
    "available",
    "healthy",
    "passing",
    "loaded",
    "mounted",
    "deployed",
    "in-service",
    "inservice",
    "idle",
    "sleep",
    "complete",
    "green",
    "yes",
    "exited (0)",
    "none",
    "plugged",
    "waiting",
    "listening",
    "inactive",
    "dead",
    "s",
    "ss",
    "i",
    "r",
    "sl",
    "ssl",
    "i<",
    "s<",
    "sn",
    "s+",
    "ss+",
    "r+",
    "info",
    "information",
    "informational",
    "notice",
    "resolved",
    "enabled",
    "",
];

static UNWELL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)error|fail|crash|back-?off|pending|evict|oom|terminat|not.?ready|unhealthy|critical|fatal|lost|denied|expired|degraded|blocked|warning|invalid|disabled|unavailable|dead ?lock|exited \([1-9]|not-found|refused|timed? ?out|exceed|insufficient|forbidden|unbound|killed|cannot|\berr\b|unable|no such|full\b|conflict|panic|unknown|misconfig",
    )
    .ok()
});

/// Whether a state is one of those that need no look.
pub(super) fn is_well(state: &str) -> bool {
    let state = state.trim().to_lowercase();
    WELL.contains(&state.as_str()) || (state.starts_with("up ") && !state.contains("unhealthy"))
}

/// Whether a text speaks of trouble.
pub(super) fn is_trouble(text: &str) -> bool {
    UNWELL.as_ref().is_some_and(|unwell| unwell.is_match(text))
}

/// Whether a value looks like base64.
pub(super) fn is_encoded(value: &str) -> bool {
    value.len() >= 8
        && value.len().is_multiple_of(4)
        && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
        && number(value).is_none()
}

/// Whether one of the question's words that stand in at most `few` places is in `name`; `counts` go with `words`.
pub(super) fn names_few(name: &str, words: &[String], counts: &[u64], few: u64) -> bool {
    let name = name.to_lowercase();
    words.iter().zip(counts).any(|(word, count)| *count <= few && name.contains(word.as_str()))
}

/// How many of the question's words a text holds; the text in lower case.
pub(super) fn words_in(text: &str, words: &[String]) -> usize {
    words.iter().filter(|word| text.contains(word.as_str())).count()
}

/// A number with what programs put around it (`48211`, `87.3%`, `512Mi`, `91244ms`, `48 (6m ago)`), in base units.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim().trim_matches('"');
    let text = text.split([' ', '/']).next().unwrap_or_default();
    let end =
        text.find(|c: char| !(c.is_ascii_digit() || c == '.' || c == '-' || c == '+')).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let value: f64 = digits.parse().ok()?;
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "%" | "b" | "m" | "s" | "ms" | "us" | "d" | "h" => 1.0,
        "k" | "ki" | "kb" | "kib" => 1e3,
        "mi" | "mb" | "mib" => 1e6,
        "g" | "gi" | "gb" | "gib" => 1e9,
        "t" | "ti" | "tb" | "tib" => 1e12,
        _ => return None,
    };
    // `10.0.0.1` is no number; parse has refused it. A capital M is a size, a small one milli.
    let factor = if unit == "M" { 1e6 } else { factor };
    (value == 0.0 || value.is_finite()).then_some(value * factor)
}

/// The values of one column, or of one path.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) seen: u64,
    counts: HashMap<String, u64>,
    many: bool,
    numbers: Vec<f64>,
    every: u64,
    top: [f64; 3],
    last: f64,
    rising: u64,
    numeric: u64,
    usual: Option<f64>,
}

impl Values {
    pub(super) fn add(&mut self, value: &str) {
        self.seen += 1;
        if !self.many {
            if value.len() > LONGEST_VALUE {
                self.many = true;
            } else if let Some(count) = self.counts.get_mut(value) {
                *count += 1;
            } else if self.counts.len() < MOST_VALUES {
                self.counts.insert(value.to_owned(), 1);
            } else {
                self.many = true;
            }
            if self.many {
                self.counts = HashMap::new();
            }
        }
        let Some(value) = number(value) else { return };
        self.numeric += 1;
        self.rising += u64::from(value >= self.last);
        self.last = value;
        if self.numbers.len() >= SAMPLE {
            // Every second one goes, and from now on only every second one comes.
            let mut keep = false;
            self.numbers.retain(|_| {
                keep = !keep;
                keep
            });
            self.every = self.every.max(1) * 2;
        }
        if self.numeric.is_multiple_of(self.every.max(1)) {
            self.numbers.push(value);
        }
        if let Some(least) = self.top.iter_mut().min_by(|a, b| a.total_cmp(b))
            && value > *least
        {
            *least = value;
        }
    }

    /// To be called once all values are in.
    pub(super) fn settle(&mut self) {
        self.numbers.sort_by(f64::total_cmp);
        let serial = self.rising * 100 >= self.numeric * 97 && self.distinct() > 3;
        if self.numeric * 10 >= self.seen * 6 && self.numeric >= FEWEST && !serial {
            let at = self.numbers.len().saturating_sub(1) * 9 / 10;
            self.usual = self.numbers.get(at).copied();
        }
    }

    fn distinct(&self) -> usize {
        if self.many { usize::MAX } else { self.counts.len() }
    }

    /// Whether most values are a few that repeat.
    pub(super) fn few(&self) -> bool {
        !self.many && self.seen >= FEWEST && (self.counts.len() as u64) * 3 <= self.seen + 6
    }

    /// Whether this value is one of few that differ from what is usual.
    pub(super) fn is_rare(&self, value: &str) -> bool {
        if !self.few() {
            return false;
        }
        let count = self.counts.get(value).copied().unwrap_or(0);
        let most = self.counts.values().copied().max().unwrap_or(0);
        count * 33 <= self.seen.max(33) && most >= count * 5 && count > 0
    }

    /// Whether this value is empty where others are not.
    pub(super) fn is_missing(&self, value: &str) -> bool {
        let empty =
            |value: &str| matches!(value, "" | "<none>" | "<unknown>" | "null" | "NULL" | "[]" | "{}");
        if !empty(value) || self.seen < FEWEST {
            return false;
        }
        if self.many {
            return true;
        }
        let missing: u64 = self.counts.iter().filter(|(v, _)| empty(v)).map(|(_, count)| count).sum();
        missing * 20 <= self.seen
    }

    /// Whether this value is one of the three largest and far from the usual.
    pub(super) fn is_outlier(&self, value: &str) -> bool {
        let (Some(usual), Some(value)) = (self.usual, number(value)) else { return false };
        let least = self.top.iter().copied().fold(f64::INFINITY, f64::min);
        value >= least && value > 1.0 && value > usual.abs() * 4.0
    }

    /// Values by count, the most frequent first; `None` where there are too many.
    pub(super) fn by_count(&self) -> Option<Vec<(&str, u64)>> {
        if !self.few() {
            return None;
        }
        let mut values: Vec<_> = self.counts.iter().map(|(value, count)| (value.as_str(), *count)).collect();
        values.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        Some(values)
    }
}

/// `name: a ×399, b ×1`, at most `most` values.
pub(super) fn tally(name: &str, values: &[(&str, u64)], most: usize) -> String {
    let mut shown: Vec<String> = values
        .iter()
        .take(most)
        .map(|(value, count)| format!("{} ×{count}", if value.is_empty() { "(empty)" } else { value }))
        .collect();
    if values.len() > most {
        shown.push(format!("{} more values", values.len() - most));
    }
    format!("{name}: {}", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_their_units() {
        assert_eq!(number("48 (6m ago)"), Some(48.0));
        assert_eq!(number("87.3%"), Some(87.3));
        assert!(number("7812Mi") > number("90Mi"));
        assert_eq!(number("10.0.0.1"), None);
        assert_eq!(number("node-1"), None);
    }

    #[test]
    fn a_rare_value_and_an_outlier_stand_out_and_serial_numbers_do_not() {
        let mut states = Values::default();
        let mut serial = Values::default();
        let mut lag = Values::default();
        for n in 0..200 {
            states.add(if n == 7 { "down" } else { "up" });
            serial.add(&n.to_string());
            lag.add(&if n == 7 { 90_000 } else { n % 9 }.to_string());
        }
        for values in [&mut states, &mut serial, &mut lag] {
            values.settle();
        }
        assert!(states.is_rare("down") && !states.is_rare("up"));
        assert!(lag.is_outlier("90000") && !lag.is_outlier("8"));
        assert!(!serial.is_outlier("199") && !serial.is_rare("7"));
    }
}
