//! What the answer does not rest on: built by code, so that a failed source cannot go unmentioned.

use super::exhibit::{Exhibit, Status};
use crate::answer::NotChecked;

/// Lists what was not checked: toolsets that could not be used (name and reason), then tool calls that
/// failed and were not made good by a later call of the same tool.
#[must_use]
pub fn not_checked(unusable: &[(String, String)], exhibits: &[Exhibit]) -> Vec<NotChecked> {
    let mut list: Vec<NotChecked> = unusable
        .iter()
        .map(|(name, reason)| NotChecked { what: name.clone(), why: reason.clone() })
        .collect();
    for exhibit in exhibits {
        let made_good = exhibits.iter().any(|other| {
            other.tool == exhibit.tool && matches!(other.status, Status::Success | Status::NoData)
        });
        let why = match exhibit.status {
            Status::Success | Status::NoData => continue,
            Status::TimedOut => "timed out".to_owned(),
            Status::Interrupted => "interrupted".to_owned(),
            Status::Denied => "denied".to_owned(),
            Status::Error => exhibit.error.clone().unwrap_or_else(|| "failed".to_owned()),
        };
        let entry = NotChecked { what: format!("{} (E{})", exhibit.tool, exhibit.id), why };
        if !made_good {
            list.push(entry);
        }
    }
    list
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
pub(super) fn telling_words(question: &str) -> Vec<String> {
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
    use super::order_by_question;

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
