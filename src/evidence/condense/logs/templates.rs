//! The kinds of lines a log has: mined as it streams by, in memory that does not grow with it.
//!
//! Lines with the same words are one kind from the start. Where many kinds differ in one word only, that word is a
//! name or a value: they become one kind with a slot there. Where the table is full, plain lines that fit nowhere
//! share a kind by their severity; room for trouble is set aside.

use std::collections::HashMap;

use super::severity::Severity;
use super::shape::SLOT;

/// Kinds that are kept; some of them only for trouble.
const MOST: usize = 8_192;
const FOR_TROUBLE: usize = 2_048;
/// Kinds that differ in one word before that word is taken for a value: fewer where many words are the same.
const ALIKE: u8 = 8;
const ALIKE_WHEN_LONG: u8 = 5;
const LONG: usize = 6;
/// Kinds with slots that a line is compared with.
const MOST_WITH_SLOTS: usize = 256;
/// Counters of kinds that are alike but for one word.
const MOST_COUNTERS: usize = 200_000;
/// Parts of the file in which occurrences are counted.
pub(super) const PARTS: usize = 32;

/// Where a line stands: its number from 1, and its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) offset: u64,
}

/// One kind of line.
#[derive(Debug)]
pub(super) struct Template {
    pub(super) severity: Severity,
    /// A line of it uses words of the question.
    pub(super) asked: bool,
    pub(super) count: u64,
    pub(super) first: Place,
    pub(super) last: Place,
    /// Occurrences in each part of the file.
    pub(super) parts: [u32; PARTS],
    pub(super) words: Vec<u32>,
    /// The kind it became a part of.
    merged: Option<u32>,
}

impl Template {
    fn new(severity: Severity, words: Vec<u32>, place: Place) -> Self {
        Self {
            severity,
            asked: false,
            count: 0,
            first: place,
            last: place,
            parts: [0; PARTS],
            words,
            merged: None,
        }
    }

    pub(super) fn count(&mut self, place: Place, part: usize) {
        self.count += 1;
        self.last = place;
        if let Some(part) = self.parts.get_mut(part) {
            *part = part.saturating_add(1);
        }
    }

    fn absorb(&mut self, other: &mut Self) {
        self.count += other.count;
        self.asked |= other.asked;
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        for (mine, its) in self.parts.iter_mut().zip(other.parts) {
            *mine = mine.saturating_add(its);
        }
        other.words = Vec::new();
    }
}

/// Severity and number of words: kinds that differ in these are never one.
type Class = (Severity, usize);

/// All kinds met so far.
#[derive(Debug, Default)]
pub(super) struct Templates {
    all: Vec<Template>,
    plain: usize,
    exact: HashMap<u64, u32>,
    with_slots: HashMap<Class, Vec<u32>>,
    alike: HashMap<u64, u8>,
    shared: HashMap<Severity, u32>,
}

impl Templates {
    /// The kind of a line, by its words.
    pub(super) fn kind(&mut self, severity: Severity, words: Vec<u32>, place: Place) -> u32 {
        let class = (severity, words.len());
        let whole = whole(class, &words);
        if let Some(id) = self.exact.get(&whole) {
            return self.root(*id);
        }
        if let Some(known) = self.with_slots.get(&class)
            && let Some(id) =
                known.iter().find(|id| self.get(**id).is_some_and(|known| fits(&known.words, &words)))
        {
            return self.root(*id);
        }
        let is_trouble = severity >= Severity::Trouble;
        if self.all.len() >= MOST || !is_trouble && self.plain >= MOST - FOR_TROUBLE {
            return self.shared(severity, place);
        }
        self.plain += usize::from(!is_trouble);
        let id = self.add(Template::new(severity, words.clone(), place));
        self.exact.insert(whole, id);
        self.generalise(class, words, place).unwrap_or(id)
    }

    /// The kind of all lines of a severity that fit nowhere else.
    pub(super) fn shared(&mut self, severity: Severity, place: Place) -> u32 {
        if let Some(id) = self.shared.get(&severity) {
            return *id;
        }
        let id = self.apart(severity, place);
        self.shared.insert(severity, id);
        id
    }

    /// A kind that no line is given by its words.
    pub(super) fn apart(&mut self, severity: Severity, place: Place) -> u32 {
        self.add(Template::new(severity, Vec::new(), place))
    }

    fn add(&mut self, template: Template) -> u32 {
        let id = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(template);
        id
    }

    /// Looks for a word in which many kinds differ; then all of them become one kind, which may be like others again.
    fn generalise(&mut self, class: Class, mut words: Vec<u32>, place: Place) -> Option<u32> {
        let mut became = None;
        while let Some(at) = self.common_difference(class, &words) {
            if self.with_slots.get(&class).is_some_and(|known| known.len() >= MOST_WITH_SLOTS) {
                break;
            }
            if let Some(word) = words.get_mut(at) {
                *word = SLOT;
            }
            let mut merged = Template::new(class.0, words.clone(), place);
            let id = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
            for other in &mut self.all {
                let alike = other.merged.is_none() && other.severity == class.0 && !other.words.is_empty();
                if alike && fits(&words, &other.words) {
                    merged.absorb(other);
                    other.merged = Some(id);
                }
            }
            let id = self.add(merged);
            self.exact.insert(whole(class, &words), id);
            self.with_slots.entry(class).or_default().push(id);
            became = Some(id);
        }
        became
    }

    /// Counts this kind among those that are like it but for one word; the place of a word that is a value.
    fn common_difference(&mut self, class: Class, words: &[u32]) -> Option<usize> {
        // Of two words, one says nothing about the other.
        if words.len() < 3 {
            return None;
        }
        if self.alike.len() > MOST_COUNTERS {
            self.alike.clear();
        }
        let whole = whole(class, words);
        let enough = if words.len() < LONG { ALIKE } else { ALIKE_WHEN_LONG };
        let mut varying = None;
        for (at, word) in words.iter().enumerate().filter(|(_, word)| **word != SLOT) {
            let others = whole.wrapping_sub(placed(at, *word)).wrapping_add(placed(at, SLOT)) ^ at as u64;
            let count = self.alike.entry(others).or_default();
            *count = count.saturating_add(1);
            if *count >= enough && varying.is_none() {
                varying = Some(at);
            }
        }
        varying
    }

    fn get(&self, id: u32) -> Option<&Template> {
        self.all.get(id as usize)
    }

    /// The kind that `id` is a part of by now.
    pub(super) fn root(&self, mut id: u32) -> u32 {
        while let Some(merged) = self.get(id).and_then(|template| template.merged) {
            id = merged;
        }
        id
    }

    pub(super) fn get_mut(&mut self, id: u32) -> Option<&mut Template> {
        self.all.get_mut(id as usize)
    }

    /// Whether `id` stands for itself still.
    pub(super) fn is_root(&self, id: u32) -> bool {
        self.get(id).is_some_and(|template| template.merged.is_none())
    }

    /// Kinds with a line of their own, in the order of their discovery.
    pub(super) fn into_roots(self) -> Vec<Template> {
        self.all.into_iter().filter(|template| template.merged.is_none() && template.count > 0).collect()
    }
}

/// Whether `words` are those of `pattern` where it has no slot.
fn fits(pattern: &[u32], words: &[u32]) -> bool {
    pattern.len() == words.len()
        && pattern.iter().zip(words).all(|(wanted, word)| *wanted == SLOT || wanted == word)
}

fn whole(class: Class, words: &[u32]) -> u64 {
    let start = (class.0 as u64) << 32 | class.1 as u64;
    words.iter().enumerate().fold(start, |sum, (at, word)| sum.wrapping_add(placed(at, *word)))
}

/// What a word adds at its place: sums of these can be taken apart again.
fn placed(at: usize, word: u32) -> u64 {
    let mut hash = (at as u64 + 1) << 32 | u64::from(word);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::super::shape::words;
    use super::*;

    fn mined(lines: impl IntoIterator<Item = String>) -> Vec<Template> {
        let mut templates = Templates::default();
        for (number, line) in (1..).zip(lines) {
            let place = Place { number, offset: 0 };
            let severity = if line.contains("fail") { Severity::Trouble } else { Severity::Plain };
            let id = templates.kind(severity, words(line.as_bytes()), place);
            templates.get_mut(id).unwrap().count(place, 0);
        }
        templates.into_roots()
    }

    /// A word of letters only, another for each number.
    fn name(number: u32) -> String {
        format!("{number:05}").bytes().map(|b| char::from(b + 49)).collect()
    }

    #[test]
    fn a_word_that_changes_from_line_to_line_becomes_a_slot() {
        let lines = (0..500).map(|n| format!("user {} logged in from {}", name(n % 97), name(n / 7)));
        let kinds = mined(lines.chain(["user database logged off at noon".to_owned()]));
        assert!(kinds.len() <= 12, "{} kinds", kinds.len());
        assert_eq!(kinds.iter().map(|kind| kind.count).sum::<u64>(), 501);
        assert_eq!(
            kinds.iter().filter(|kind| kind.last.number == 501).map(|kind| kind.count).collect::<Vec<_>>(),
            [1]
        );
    }

    #[test]
    fn few_alike_stay_apart_and_trouble_is_never_merged_with_what_is_plain() {
        let lines = ["disk a is fine", "disk b is fine", "disk c is lost", "disk d fail fine"];
        assert_eq!(mined(lines.map(str::to_owned)).len(), 4);
    }

    #[test]
    fn the_table_is_bounded_and_keeps_room_for_trouble() {
        let noise = (0..40_000).map(|n| {
            let words = [n, n * 3 + 1, n * 5 + 2, n * 11].map(|n| name(n % 100_000));
            words.join(" ")
        });
        let kinds = mined(noise.chain(["disk fail now here".to_owned()]));
        assert!(kinds.len() <= MOST + 8, "{}", kinds.len());
        assert_eq!(kinds.iter().map(|kind| kind.count).sum::<u64>(), 40_001);
        let trouble: Vec<_> = kinds.iter().filter(|kind| kind.severity == Severity::Trouble).collect();
        assert_eq!(trouble.len(), 1);
        assert_eq!(trouble[0].count, 1);
    }
}
