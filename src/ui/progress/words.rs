//! Numbers and failures as short words for a progress line.

use std::fmt::Write as _;

use crate::agent::{Limit, Usage};
use crate::evidence::view::size;
use crate::evidence::{Exhibit, Status};
use crate::ui::terminal::sanitize;

/// Longer descriptions and reasons are cut: a progress line is one line.
const LONGEST: usize = 200;

/// Seconds as people say them: `30 ms`, `1.2 s`, `42 s`, `2 m 5 s`.
pub(crate) fn duration(seconds: f64) -> String {
    let seconds = if seconds.is_finite() { seconds.max(0.0) } else { 0.0 };
    if seconds < 0.1 {
        format!("{:.0} ms", seconds * 1000.0)
    } else if seconds < 9.95 {
        let tenths = format!("{seconds:.1}");
        format!("{} s", tenths.trim_end_matches(".0"))
    } else if seconds < 59.5 {
        format!("{seconds:.0} s")
    } else {
        let minutes = (seconds.round() / 60.0).floor();
        format!("{minutes:.0} m {:.0} s", seconds.round() - minutes * 60.0)
    }
}

/// The first line that says something, without control characters and not too long.
pub(super) fn first_line(text: &str) -> String {
    let clean = sanitize(text);
    let line = clean.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mut shown: String = line.chars().take(LONGEST).collect();
    if shown.len() < line.len() {
        shown.push('…');
    }
    shown
}

/// What the tool did, as its toolset words it; else its command, else its name.
pub(super) fn title(exhibit: &Exhibit) -> String {
    [&exhibit.description, &exhibit.invocation, &exhibit.tool]
        .into_iter()
        .map(|text| first_line(text))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// Why a tool failed: `exit 1: pods "x" not found`.
pub(super) fn failure(exhibit: &Exhibit) -> Option<String> {
    if matches!(exhibit.status, Status::Success | Status::NoData) {
        return None;
    }
    let how = exhibit.status.told(exhibit.exit_code);
    let why = exhibit.error.as_deref().map(first_line).unwrap_or_default();
    Some(if why.is_empty() {
        how
    } else if why.to_lowercase().starts_with(&how) {
        why
    } else {
        format!("{how}: {why}")
    })
}

/// The size of an output, and who summed it up.
pub(super) fn amount(exhibit: &Exhibit) -> String {
    let size = size(exhibit.bytes);
    match &exhibit.summary {
        Some(summary) => format!("{size}, summed up by {}", first_line(&summary.model)),
        None => size,
    }
}

pub(super) fn limit(limit: Limit) -> &'static str {
    match limit {
        Limit::Steps => "step limit reached",
        Limit::Time => "time limit reached",
        Limit::Tokens => "token limit reached",
        Limit::Cost => "cost limit reached",
        Limit::Fruitless => "three rounds brought nothing new",
    }
}

pub(super) fn costs(calls: u32, summaries: u32, usage: Usage, cost: Option<f64>) -> String {
    let plural = if calls == 1 { "" } else { "s" };
    let summaries = match summaries {
        0 => String::new(),
        1 => ", 1 of them for a summary".to_owned(),
        several => format!(", {several} of them for summaries"),
    };
    let mut line = format!(
        "{calls} model call{plural}{summaries}: {} prompt and {} completion tokens",
        usage.prompt_tokens, usage.completion_tokens
    );
    if usage.cached_tokens > 0 {
        let _ = write!(line, ", {} of them cached", usage.cached_tokens);
    }
    match cost {
        Some(cost) => {
            let _ = write!(line, ", ${cost:.4}");
        }
        None => line.push_str(", cost not known"),
    }
    line
}
