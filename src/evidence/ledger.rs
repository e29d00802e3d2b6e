//! What was looked at, how far, and what the answer does not rest on: built by code, so that a failed source cannot go unmentioned.

use std::collections::BTreeSet;

use super::exhibit::{Exhibit, Status};
use super::verify::original;
use super::view::read_views;
use crate::answer::{Coverage, CoverageState, NotChecked};

/// Lists what was not checked: tool calls of this run that failed where no call of the same tool went well,
/// which is what the verdict hangs on; then toolsets that could not be used (name and reason).
#[must_use]
pub fn not_checked(unusable: &[(String, String)], exhibits: &[Exhibit]) -> Vec<NotChecked> {
    let made_good = |exhibit: &Exhibit| {
        exhibits.iter().any(|other| {
            other.tool == exhibit.tool && matches!(other.status, Status::Success | Status::NoData)
        })
    };
    // What a person ran and shared was looked at, whatever its exit code: `grep` and `diff` say much by one.
    let shared = |exhibit: &Exhibit| exhibit.is_attachment() && exhibit.exit_code.is_some();
    let looked_for = exhibits.iter().filter(|exhibit| !made_good(exhibit) && !shared(exhibit));
    let failed = looked_for.filter_map(|exhibit| {
        let why = failure(exhibit)?;
        Some(NotChecked { what: format!("{} (E{})", exhibit.tool, exhibit.id), why })
    });
    let unusable =
        unusable.iter().map(|(name, reason)| NotChecked { what: name.clone(), why: reason.clone() });
    failed.chain(unusable).collect()
}

/// Why a call did not run to its end; `None` where it did.
fn failure(exhibit: &Exhibit) -> Option<String> {
    Some(match exhibit.status {
        Status::Success | Status::NoData => return None,
        Status::TimedOut => "timed out".to_owned(),
        Status::Interrupted => "interrupted".to_owned(),
        Status::Denied => "denied".to_owned(),
        Status::Error => exhibit.error.clone().unwrap_or_else(|| "failed".to_owned()),
    })
}

/// The whole ledger: every exhibit, then every toolset: those that were used, those that cannot be (`unusable`, with
/// the reason) and those of `usable` that nobody tried.
#[must_use]
pub fn coverage(usable: &[String], unusable: &[(String, String)], exhibits: &[Exhibit]) -> Vec<Coverage> {
    let mut ledger: Vec<Coverage> = exhibits.iter().map(|exhibit| entry(exhibit, exhibits)).collect();
    let made: Vec<&Exhibit> = exhibits.iter().filter(|one| !one.is_attachment()).collect();
    let used: BTreeSet<&str> = made.iter().map(|one| one.toolset.as_str()).collect();
    for toolset in &used {
        let calls: Vec<&Exhibit> = made.iter().copied().filter(|one| one.toolset == *toolset).collect();
        let failed = calls.iter().filter(|one| failure(one).is_some()).count();
        let state = if failed == calls.len() {
            CoverageState::Failed
        } else if calls.iter().any(|one| one.status == Status::Success) {
            CoverageState::Checked
        } else {
            CoverageState::Empty
        };
        let noun = if calls.len() == 1 { "call" } else { "calls" };
        let why = match failed {
            0 => format!("{} {noun}", calls.len()),
            _ => format!("{} {noun}, {failed} failed", calls.len()),
        };
        ledger.push(Coverage { what: (*toolset).to_owned(), exhibit: None, state, why });
    }
    let toolset = |what: &str, state, why: &str| Coverage {
        what: what.to_owned(),
        exhibit: None,
        state,
        why: why.to_owned(),
    };
    ledger.extend(unusable.iter().map(|(name, why)| toolset(name, CoverageState::Unavailable, why)));
    let untried = usable.iter().filter(|name| !used.contains(name.as_str()));
    ledger.extend(untried.map(|name| toolset(name, CoverageState::NotTried, "")));
    ledger
}

fn entry(exhibit: &Exhibit, exhibits: &[Exhibit]) -> Coverage {
    let (state, why) = if let Some(why) = failure(exhibit) {
        (CoverageState::Failed, why)
    } else if exhibit.bytes == 0 {
        (CoverageState::Empty, String::new())
    } else if exhibit.condensed || exhibit.summary.is_some() {
        let seen = lines_seen(exhibit, exhibits);
        let by = exhibit.summary.as_ref().map(|one| format!(", summed up by {}", one.model));
        let why = format!("{seen} of {} lines seen{}", exhibit.lines, by.unwrap_or_default());
        (if seen >= exhibit.lines { CoverageState::Checked } else { CoverageState::Truncated }, why)
    } else {
        (CoverageState::Checked, String::new())
    };
    Coverage { what: exhibit.tool.clone(), exhibit: Some(exhibit.id), state, why }
}

/// How many lines of an exhibit its view and the copies that were read of it show.
fn lines_seen(exhibit: &Exhibit, exhibits: &[Exhibit]) -> u64 {
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    for shown in read_views(exhibit.shown()) {
        seen.extend(shown.lines.iter().map(|(number, _)| *number));
    }
    for copy in
        exhibits.iter().filter(|copy| original(copy, exhibits).is_some_and(|one| one.id == exhibit.id))
    {
        for shown in read_views(copy.shown()) {
            let number = |text: &str| text.split_once(": ")?.0.parse::<u64>().ok();
            seen.extend(shown.lines.iter().filter_map(|(_, text)| number(text)));
        }
    }
    seen.len() as u64
}

/// What the answer must say of outputs that read like instructions to a model.
#[must_use]
pub fn instructions_found(exhibits: &[Exhibit]) -> Vec<String> {
    let flags = exhibits.iter().filter_map(|exhibit| Some((exhibit.id, exhibit.flagged.as_ref()?)));
    flags.map(|(id, flag)| flag.told(id)).collect()
}

/// Puts those toolsets first that the question speaks of: an answer names only a few of what it misses.
/// `about` gives a toolset's name and descriptions in lower case. The order is otherwise kept.
pub fn order_by_question<'a>(
    question: &str,
    unusable: &mut [(String, String)],
    about: impl Fn(&str) -> &'a str,
) {
    let words: Vec<String> = words(question).collect();
    unusable.sort_by_cached_key(|(name, _)| {
        let about = about(name);
        std::cmp::Reverse(words.iter().filter(|word| about.contains(word.as_str())).count())
    });
}

/// Words of a question that may tell what it is about.
#[must_use]
pub fn telling_words(question: &str) -> Vec<String> {
    words(question).collect()
}

/// Words of three letters and more, in lower case, without the s of a plural.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.len() >= 3)
        .map(|word| word.to_lowercase().trim_end_matches('s').to_owned())
        .filter(|word| word.len() >= 3 && !COMMON.contains(&word.as_str()))
}

/// Words of questions that tell no toolset from another.
const COMMON: &[&str] = &[
    "why", "what", "the", "doe", "wrong", "this", "that", "not", "and", "can", "are", "for", "with",
    "machine",
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn exhibit(id: u32, tool: &str, status: Status, view: &str) -> Exhibit {
        let mut exhibit = Exhibit::attachment(id, tool, tool, Path::new("none").to_owned());
        tool.clone_into(&mut exhibit.tool);
        exhibit.toolset = format!("{tool}/core");
        (exhibit.status, exhibit.bytes, exhibit.lines) = (status, 10, 4);
        exhibit.view = format!("<exhibit E{id} k=m>\nE{id} {tool}\n{view}\n</exhibit E{id} k=m>");
        exhibit
    }

    #[test]
    fn the_ledger_has_every_exhibit_and_every_toolset() {
        let mut long = exhibit(2, "logs", Status::Success, "1 | a\n  | … 2 lines left out …\n4 | d");
        long.condensed = true;
        let mut copy = exhibit(3, "read_exhibit", Status::Success, "1 | 2: b");
        copy.params.insert("id".to_owned(), "E2".into());
        let mut empty = exhibit(4, "events", Status::NoData, "");
        empty.bytes = 0;
        let mut failed = exhibit(5, "logs", Status::Error, "");
        failed.error = Some("exit 1".to_owned());
        let all = [
            exhibit(1, "pods", Status::Success, "1 | a"),
            long,
            copy,
            empty,
            failed,
            exhibit(6, "dns", Status::TimedOut, ""),
        ];
        let usable = ["pods/core", "logs/core", "host/core"].map(str::to_owned);
        let unusable = [("metrics".to_owned(), "PROMETHEUS_URL not set".to_owned())];
        let lines: Vec<String> = coverage(&usable, &unusable, &all)
            .iter()
            .map(|one| {
                let id = one.exhibit.map(|id| format!("E{id} ")).unwrap_or_default();
                format!("{id}{}: {} {}", one.what, one.state.words(), one.why).trim_end().to_owned()
            })
            .collect();
        let expected = [
            "E1 pods: checked",
            "E2 logs: seen in part 3 of 4 lines seen",
            "E3 read_exhibit: checked",
            "E4 events: empty",
            "E5 logs: failed exit 1",
            "E6 dns: failed timed out",
            "dns/core: failed 1 call, 1 failed",
            "events/core: empty 1 call",
            "logs/core: checked 2 calls, 1 failed",
            "pods/core: checked 1 call",
            "read_exhibit/core: checked 1 call",
            "metrics: unavailable PROMETHEUS_URL not set",
            "host/core: not tried",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn failed_calls_come_before_unusable_toolsets() {
        let all = [
            exhibit(1, "pods", Status::Error, ""),
            exhibit(2, "logs", Status::TimedOut, ""),
            exhibit(3, "pods", Status::Success, "1 | a"),
            exhibit(4, "dns", Status::Denied, ""),
        ];
        let unusable = [("metrics".to_owned(), "PROMETHEUS_URL not set".to_owned())];
        let list: Vec<String> =
            not_checked(&unusable, &all).iter().map(|one| format!("{}: {}", one.what, one.why)).collect();
        assert_eq!(list, ["logs (E2): timed out", "dns (E4): denied", "metrics: PROMETHEUS_URL not set"]);
    }

    #[test]
    fn what_the_question_speaks_of_is_named_first() {
        let mut unusable: Vec<(String, String)> = ["docker/core", "host/systemd", "kubernetes/core"]
            .map(|name| (name.to_owned(), String::new()))
            .into();
        let about = |name: &str| match name {
            "kubernetes/core" => "kubernetes/core pods, their logs and events",
            _ => "containers and units",
        };
        order_by_question("why do these pods crash?", &mut unusable, about);
        let names: Vec<_> = unusable.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["kubernetes/core", "docker/core", "host/systemd"]);
    }
}
