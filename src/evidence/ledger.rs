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
