//! Times at the head of log lines, and how old a line is.
//!
//! Only what common programs write is read; a line without a time has no age and is never called old.

use std::sync::LazyLock;

use jiff::civil::{Date, DateTime};
use regex::{Captures, Regex};

/// Seconds since the epoch, with the offset the text had; local times take the offset of the reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stamp {
    pub(super) seconds: i64,
    pub(super) offset: i64,
}

#[allow(clippy::expect_used)] // constant texts, compiled by the tests
static ISO: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"\b(?P<year>20\d\d)[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T ](?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:[.,]\d+)? ?(?P<zone>Z|UTC|[+-]\d\d:?\d\d)?",
    )
    .expect("the pattern is constant")
});

#[allow(clippy::expect_used)]
static SYSLOG: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:<\d+>)?(?P<name>Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) +(?P<day>\d{1,2}) (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)\b")
        .expect("the pattern is constant")
});

/// The first time in the first part of `line`. `reference` gives year and offset where the line has none.
pub(super) fn read(line: &str, reference: Option<Stamp>) -> Option<Stamp> {
    let head: String = line.chars().take(120).collect();
    if let Some(found) = ISO.captures(&head) {
        let date = DateTime::new(
            number(&found, "year")?,
            number(&found, "month")?,
            number(&found, "day")?,
            number(&found, "hour")?,
            number(&found, "minute")?,
            number(&found, "second")?,
            0,
        )
        .ok()?;
        let offset = match found.name("zone").map(|zone| zone.as_str()) {
            Some("Z" | "UTC") => 0,
            Some(zone) => offset(zone)?,
            None => reference.map_or(0, |reference| reference.offset),
        };
        return Some(stamp(date, offset));
    }
    let found = SYSLOG.captures(&head)?;
    let reference = reference?;
    let month = match found.name("name")?.as_str() {
        "Jan" => 1,
        "Feb" => 2,
        "Mar" => 3,
        "Apr" => 4,
        "May" => 5,
        "Jun" => 6,
        "Jul" => 7,
        "Aug" => 8,
        "Sep" => 9,
        "Oct" => 10,
        "Nov" => 11,
        _ => 12,
    };
    let now = jiff::Timestamp::from_second(reference.seconds + reference.offset)
        .ok()?
        .to_zoned(jiff::tz::TimeZone::UTC);
    let in_year = |year: i16| {
        DateTime::new(
            year,
            month,
            number(&found, "day")?,
            number(&found, "hour")?,
            number(&found, "minute")?,
            number(&found, "second")?,
            0,
        )
        .ok()
        .map(|date| stamp(date, reference.offset))
    };
    // Syslog has no year: a date ahead of the clock by more than a day is last year's.
    match in_year(now.year()) {
        Some(stamp) if stamp.seconds <= reference.seconds + 86_400 => Some(stamp),
        _ => in_year(now.year() - 1),
    }
}

fn stamp(date: DateTime, offset: i64) -> Stamp {
    let days = Date::constant(1970, 1, 1).duration_until(date.date());
    let time = date.time();
    let seconds = days.as_secs()
        + i64::from(time.hour()) * 3600
        + i64::from(time.minute()) * 60
        + i64::from(time.second());
    Stamp { seconds: seconds - offset, offset }
}

fn offset(zone: &str) -> Option<i64> {
    let sign = if zone.starts_with('-') { -1 } else { 1 };
    let digits: String = zone.chars().filter(char::is_ascii_digit).collect();
    let hours: i64 = digits.get(..2)?.parse().ok()?;
    let minutes: i64 = digits.get(2..)?.parse().ok()?;
    Some(sign * (hours * 3600 + minutes * 60))
}

fn number<T: std::str::FromStr>(found: &Captures<'_>, name: &str) -> Option<T> {
    found.name(name)?.as_str().parse().ok()
}
