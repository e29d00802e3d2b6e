//! Any body that is said to hold alerts: it is read without panic, what is told of it stays small, and groups lose no
//! alert: of one label set the last report counts.

#![no_main]

use std::collections::BTreeSet;

use holmes_rs::briefing::of_labels;
use holmes_rs::question::alert::{group, read};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(alerts) = read(data) else { return };
    let distinct: BTreeSet<_> =
        alerts.iter().map(|alert| (alert.name.clone(), alert.labels.clone())).collect();
    for alert in &alerts {
        let _ = (alert.severity(), alert.expression(), of_labels(&alert.labels));
    }
    let groups = group(alerts);
    let grouped: BTreeSet<_> = groups
        .iter()
        .flat_map(|group| &group.alerts)
        .map(|alert| (alert.name.clone(), alert.labels.clone()))
        .collect();
    assert_eq!(grouped, distinct);
    for group in &groups {
        let question = group.question_text(true);
        assert!(question.chars().count() < 2_000 && !question.contains('\n'), "{question}");
        let _ = (group.as_exhibit_text(), group.subject(), group.states(), group.differing_labels());
    }
});
