//! Names that were meant where one does not exist.

use crate::cluster::{Object, Snapshot};
use crate::question::subject::{Subject, kind};

/// Names that are shown.
const MOST: usize = 5;
/// Objects that are compared: a distance costs more than a look.
const COMPARED: usize = 20_000;

/// Objects with a name near the subject's, as `pod/shop/payments-1`: its own kind first, other namespaces and kinds
/// behind it; the nearest first.
#[must_use]
pub fn nearest(subject: &Subject, snapshot: &Snapshot) -> Vec<String> {
    let mut near: Vec<Near> = Vec::new();
    for object in snapshot.objects().filter(|object| kind(object.kind()).is_some()).take(COMPARED) {
        let other_kind = !object.kind().eq_ignore_ascii_case(&subject.kind);
        // Three pods of one ReplicaSet are as near as each other; their workload says it once.
        if other_kind && object.owner().is_some() {
            continue;
        }
        // What made a pod put words behind its own name that nobody types.
        let stems = std::iter::successors(Some(object.name()), |name| {
            name.rsplit_once('-').map(|(stem, _)| stem).filter(|_| object.owner().is_some())
        });
        let near_one = |(at, name): (usize, &str)| Some(distance(&subject.name, name)? + at.min(1));
        let Some(distance) = stems.take(3).enumerate().filter_map(near_one).min() else { continue };
        let other_namespace = object.namespace() != subject.namespace();
        // The very name under another kind or in another namespace is what was meant.
        near.push((distance > 0, other_kind, distance, other_namespace, object));
    }
    near.sort_by(|a, b| {
        let others = (b.0, b.1, b.2, b.3, b.4.name(), b.4.kind());
        (a.0, a.1, a.2, a.3, a.4.name(), a.4.kind()).cmp(&others)
    });
    let mut names: Vec<String> =
        near.into_iter().take(MOST * 2).map(|(.., object)| object.reference()).collect();
    names.dedup();
    names.truncate(MOST);
    names
}

/// Whether the name is another one, and the kind; how far the name is; whether the namespace is another one.
type Near<'a> = (bool, bool, usize, bool, &'a Object);

/// How far two names are from each other; nothing where one is not meant by the other. A name that begins the other
/// is near: people leave out what a ReplicaSet adds.
fn distance(typed: &str, name: &str) -> Option<usize> {
    let typed = typed.to_ascii_lowercase();
    if typed.is_empty() || typed.len() > 253 {
        return None;
    }
    if typed == name {
        return Some(0);
    }
    if typed.len() >= 3 && name.starts_with(&typed) {
        return Some(1);
    }
    if typed.len() >= 4 && name.contains(&typed) || name.len() >= 4 && typed.contains(name) {
        return Some(2);
    }
    let distance = strsim::damerau_levenshtein(&typed, name);
    (distance <= typed.len().min(name.len()) / 3).then_some(distance + 1)
}
