//! Events that are over: kept for hours, they tell of a start that has succeeded since.
//!
//! It knows the two forms in which events are printed (`kubectl describe`, `kubectl_events`), and nothing of causes.

use super::case::{Case, Seen};

/// An event younger than this may still be what happens now. Kubelets repeat what goes on within minutes.
const LATELY_SECONDS: u64 = 3_600;

/// Whether `line` is an old event about something that has become well since.
pub(super) fn passed(case: &Case, seen: &Seen, line: &str) -> bool {
    let Some((age, object)) = event(line) else { return false };
    let argument = |name: &str| seen.arguments.get(name).and_then(serde_json::Value::as_str);
    let subject = argument("resource_name").or_else(|| argument("name"));
    age > LATELY_SECONDS && object.or(subject).is_some_and(|name| is_well(case, name))
}

/// The age of an event's last occurrence in seconds and the object it names, where the line is one.
fn event(line: &str) -> Option<(u64, Option<&str>)> {
    let mut words = line.split_whitespace();
    let first = words.next()?;
    if matches!(first, "Normal" | "Warning") {
        return Some((seconds(words.nth(1)?)?, None));
    }
    let age = seconds(first)?;
    // `7h33m (x5 over 7h34m) Warning`
    words.by_ref().take(4).find(|word| matches!(*word, "Normal" | "Warning"))?;
    let object = words.nth(1)?.split_once('/').map(|(_, name)| name);
    Some((age, object))
}

/// `7h26m`, `3d2h`, `75m`, `10s`: as kubectl rounds ages.
fn seconds(text: &str) -> Option<u64> {
    let mut total = 0_u64;
    let mut count: Option<u64> = None;
    for c in text.chars() {
        if let Some(digit) = c.to_digit(10) {
            count = Some(count.unwrap_or(0).checked_mul(10)?.checked_add(u64::from(digit))?);
            continue;
        }
        let unit = match c {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'y' => 31_536_000,
            _ => return None,
        };
        total = total.checked_add(count.take()?.checked_mul(unit)?)?;
    }
    (count.is_none() && !text.is_empty()).then_some(total)
}

/// Whether its description or a list says that all of it runs and is ready, and the detectors say nothing else: what is
/// killed again and again is ready in between.
fn is_well(case: &Case, name: &str) -> bool {
    let lines = |tool: &'static str| {
        case.seen.iter().filter(move |seen| seen.exhibit.tool.starts_with(tool)).flat_map(|seen| {
            let named = seen.arguments.get("name").and_then(serde_json::Value::as_str).unwrap_or_default();
            seen.exhibit.lines.iter().map(move |(_, line)| (named, line.as_str()))
        })
    };
    let object = format!("/{name}");
    let blamed = |line: &str| {
        (line.starts_with("CRITICAL ") || line.starts_with("WARNING "))
            && line.split([':', ' ']).any(|word| word.ends_with(&object))
    };
    if lines("kubernetes_findings").any(|(_, line)| blamed(line)) {
        return false;
    }
    let judged = lines("kubernetes_findings").next().is_some();
    let described = || lines("kubectl_describe").filter(|(named, _)| *named == name).map(|(_, line)| line);
    let ready = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        // A pod's condition (a node's has times behind it), a Deployment's pods.
        words == ["Ready", "True"] || words.first() == Some(&"Replicas:") && line.contains("| 0 unavailable")
    };
    let restarted =
        |line: &str| line.trim().strip_prefix("Restart Count:").is_some_and(|count| count.trim() != "0");
    described().any(ready) && (judged || !described().any(restarted))
        || lines("kubectl_get").any(|(_, line)| {
            let mut words = line.split_whitespace().skip_while(|word| *word != name).skip(1);
            let whole = |word: &str| word.split_once('/').is_some_and(|(up, all)| up == all && up != "0");
            let runs = words.next().is_some_and(whole) && words.next() == Some("Running");
            runs && (judged || words.next() == Some("0"))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_tell_their_age_in_both_forms() {
        let old = 7 * 3_600 + 26 * 60;
        assert_eq!(event("  Warning  FailedMount  7h26m  kubelet  MountVolume"), Some((old, None)));
        let repeated = "Warning Failed 7h26m (x4 over 8h) kubelet Failed to pull";
        assert_eq!(event(repeated), Some((old, None)));
        assert_eq!(event("75m Warning Unhealthy Pod/api-1 Readiness"), Some((4_500, Some("api-1"))));
        let counted = "75m (x5 over 81m) Warning BackOff Pod/oom Back-off";
        assert_eq!(event(counted), Some((4_500, Some("oom"))));
        for line in [
            "Warning",
            "",
            "Warning: apiVersion is deprecated now",
            "7h26 Warning A Pod/a",
            "99999999999999999999d Warning A b",
        ] {
            assert_eq!(event(line), None, "{line}");
        }
    }
}
