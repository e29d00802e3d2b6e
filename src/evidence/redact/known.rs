//! Values that are secret wherever they stand, looked up in one pass.

use std::borrow::Cow;
use std::cell::RefCell;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Input, MatchKind};

/// `None` until it is needed; then `None` where there is nothing to look for.
type Automaton = Option<Needles>;
/// Nothing is known, or all of it in one automaton.
type Needles = Option<AhoCorasick>;

#[derive(Default)]
pub(super) struct Known {
    /// Longest first.
    values: RefCell<Vec<String>>,
    /// Replaced only where no letter or digit touches them: as short as words.
    short: RefCell<Vec<String>>,
    /// Of `values`, then `short`; made when it is first needed, and again when there is one more of them.
    automaton: RefCell<Automaton>,
}

impl Known {
    pub(super) fn len(&self) -> usize {
        self.values.borrow().len() + self.short.borrow().len()
    }

    pub(super) fn holds(&self, value: &str) -> bool {
        self.values.borrow().iter().any(|known| known == value)
    }

    pub(super) fn values(&self) -> Vec<String> {
        self.values.borrow().clone()
    }

    pub(super) fn add(&self, values: impl IntoIterator<Item = String>) {
        Self::insert(&mut self.values.borrow_mut(), values);
        self.automaton.replace(None);
    }

    pub(super) fn add_short(&self, value: String) {
        Self::insert(&mut self.short.borrow_mut(), [value]);
        self.automaton.replace(None);
    }

    fn insert(all: &mut Vec<String>, values: impl IntoIterator<Item = String>) {
        all.extend(values.into_iter().filter(|value| !value.is_empty()));
        all.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        all.dedup();
    }

    /// `text` with what `placeholder` says in place of each value.
    pub(super) fn replaced<'t>(&self, text: &'t str, placeholder: impl Fn(&str) -> String) -> Cow<'t, str> {
        let mut automaton = self.automaton.borrow_mut();
        let (values, short) = (self.values.borrow(), self.short.borrow());
        let automaton = automaton.get_or_insert_with(|| {
            let all: Vec<&String> = values.iter().chain(short.iter()).collect();
            if all.is_empty() {
                return None;
            }
            // Not the fastest kind but for its search for rare bytes, and small however long a secret is.
            AhoCorasick::builder()
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .match_kind(MatchKind::LeftmostFirst)
                .build(all)
                .ok()
        });
        let Some(automaton) = automaton else {
            return text.into();
        };
        let (mut out, mut done, mut at) = (String::new(), 0, 0);
        while let Some(found) = automaton.find(Input::new(text).range(at..)) {
            let secret = text.get(found.range()).unwrap_or_default();
            if found.pattern().as_usize() >= values.len() && !stands_alone(text, &found.range()) {
                at = found.start() + 1;
                continue;
            }
            out.push_str(text.get(done..found.start()).unwrap_or_default());
            out.push_str(&placeholder(secret));
            (done, at) = (found.end(), found.end());
        }
        if done == 0 {
            return text.into();
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out.into()
    }
}

fn stands_alone(text: &str, range: &std::ops::Range<usize>) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    !before.ends_with(part) && !after.starts_with(part)
}
