//! The time a line names, as it is written.

use std::sync::LazyLock;

use regex::bytes::Regex;

static TIME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?-u)\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d|",
        r"\d{1,2}/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d|",
        r"[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|",
        r"\b[IWEF]\d{4} \d\d:\d\d:\d\d|",
        r"\b\d\d:\d\d:\d\d\b|",
        r#"(?:"(?:ts|time|timestamp)":|\bts=)"?1\d{9}"#
    ))
    .ok()
});

/// The first time in the line, to the second.
pub(super) fn time(line: &[u8]) -> Option<String> {
    let line = line.get(..400).unwrap_or(line);
    let found = TIME.as_ref()?.find(line)?.as_bytes();
    let text = String::from_utf8_lossy(found);
    // A number of seconds is named with its field, a klog time with its letter.
    let text = text.rsplit(['=', '"', ':']).next().filter(|last| last.len() >= 10).unwrap_or(&text);
    Some(text.trim_start_matches(['I', 'W', 'E', 'F']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_found_however_they_are_written() {
        for (line, wanted) in [
            ("2026-01-02T03:04:05.678Z x", "2026-01-02T03:04:05"),
            ("2026/01/02 03:04:05 [error] x", "2026/01/02 03:04:05"),
            ("1.2.3.4 - - [02/Jan/2026:03:04:05 +0000] \"GET", "02/Jan/2026:03:04:05"),
            ("Jan  2 03:04:05 host x", "Jan  2 03:04:05"),
            ("E0102 03:04:05.6 1 x", "0102 03:04:05"),
            (r#"{"level":30,"time":1767322445123}"#, "1767322445"),
        ] {
            assert_eq!(time(line.as_bytes()).as_deref(), Some(wanted), "{line}");
        }
        assert_eq!(time(b"no time"), None);
    }
}
