//! What is asked of Prometheus before an alert is investigated.

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Lookup, promql};

/// Characters of an expression that is still asked: recorded rules of a generator can be long, not longer.
const LONGEST: usize = 8_000;
/// Seconds before and after the start that are shown.
const BEFORE: i64 = 3_600;
const AFTER: i64 = 3_600;
/// Points of one curve.
const POINTS: u64 = 120;
/// Parts of the expression that are followed over time.
const CURVES: usize = 2;

/// Lookups for an alert: its rule, its expression now, what the expression compares now, and that around the start.
/// Without an expression the rule alone; without a name nothing of it.
#[must_use]
pub fn metrics(alert: &str, expression: &str, starts_at: Option<Timestamp>, now: Timestamp) -> Vec<Lookup> {
    let mut lookups = Vec::new();
    if !alert.trim().is_empty() {
        lookups.push(Lookup::new("list_prometheus_rules", &[("filter", alert.trim())]));
    }
    let expression = expression.trim();
    if expression.is_empty() || expression.len() > LONGEST || expression.contains('\0') {
        return lookups;
    }
    lookups.push(Lookup::new(
        "execute_prometheus_instant_query",
        &[("query", expression), ("description", "the alert's expression now")],
    ));
    let compared = promql::compared(expression);
    for part in compared.iter().take(CURVES) {
        lookups.push(Lookup::new(
            "execute_prometheus_instant_query",
            &[("query", part), ("description", "what the alert compares, now")],
        ));
    }
    let start = starts_at.filter(|start| *start <= now).unwrap_or(now);
    let from = later(start, -BEFORE);
    let to = later(start, AFTER).min(now);
    let whole = [expression.to_owned()];
    let curves = if compared.is_empty() { &whole[..] } else { &compared[..] };
    for part in curves.iter().take(CURVES) {
        let mut lookup = Lookup::new(
            "execute_prometheus_range_query",
            &[
                ("query", part),
                ("description", "what the alert compares, around its start"),
                ("start", &seconds(from)),
                ("end", &seconds(to)),
            ],
        );
        lookup.arguments.insert("max_points".to_owned(), Value::from(POINTS));
        lookups.push(lookup);
    }
    lookups
}

fn later(time: Timestamp, seconds: i64) -> Timestamp {
    time.checked_add(SignedDuration::from_secs(seconds)).unwrap_or(time)
}

/// Whole seconds, as the tools read them.
fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(lookups: &[Lookup]) -> Vec<String> {
        let text = |lookup: &Lookup, name: &str| {
            lookup.arguments.get(name).and_then(Value::as_str).unwrap_or("").to_owned()
        };
        let line = |one: &Lookup| {
            let tool = one.tool.trim_start_matches("execute_prometheus_");
            let parts =
                [tool, &text(one, "filter"), &text(one, "query"), &text(one, "start"), &text(one, "end")]
                    .join(" ");
            parts.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        lookups.iter().map(line).collect()
    }

    #[test]
    fn the_value_is_seen_also_when_nothing_fires() {
        let (start, now) =
            ("2026-11-21T12:00:00Z".parse().unwrap(), "2026-11-21T12:20:00.5Z".parse().unwrap());
        assert_eq!(
            shown(&metrics("Mismatch", "available < spec", Some(start), now)),
            [
                "list_prometheus_rules Mismatch",
                "instant_query available < spec",
                "instant_query available",
                "instant_query spec",
                "range_query available 2026-11-21T11:00:00Z 2026-11-21T12:20:00Z",
                "range_query spec 2026-11-21T11:00:00Z 2026-11-21T12:20:00Z",
            ]
        );
        assert_eq!(shown(&metrics("", "vector(1)", None, now)).len(), 2);
        assert_eq!(shown(&metrics("A", "", Some(start), now)), ["list_prometheus_rules A"]);
        assert_eq!(metrics("", &"a".repeat(9_000), None, now), []);
        // A clock that is ahead of ours.
        assert_eq!(shown(&metrics("", "up == 0", Some(now), start)).len(), 3);
    }
}
