//! Which runbook fits: by the alert's name, by labels, by patterns, and by text where none of these says anything.
//!
//! The figures below were set with the table of `tests.rs`: names of alerts as Prometheus' rule collections have them,
//! and questions as people ask them, each with the runbook a person would take, or none.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::Runbook;
use super::words::{Tells, Word, judged, words};

/// What is known of a problem before anybody looks.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Its name.
    pub alert: Option<String>,
    /// Its id where it has one: for HolmesGPT's older `issue_id`.
    pub id: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// `prometheus`, `jira`, `pagerduty`, …
    pub source: Option<String>,
    /// The question or the ticket's text.
    pub text: String,
    /// What it is about: `pod`, `node`, …
    pub kind: Option<String>,
}

/// A runbook that fits, and what says so.
#[derive(Debug, Clone)]
pub struct Found<'a> {
    pub runbook: &'a Runbook,
    /// `alert name`, `alert Kube*Crash*`, `label reason=OOMKilled`, `regex …`, `text: oom, killed`.
    pub why: String,
    /// Only to order by: 100 a name, 90 a glob, 80 labels, 70 a pattern, below 60 text.
    pub score: f64,
}

/// Bytes of one text that patterns see.
const LONGEST: usize = 64 << 10;
/// Words of a query that are looked up.
const MOST_WORDS: usize = 200;
/// Words of what is said about a runbook that can be found.
const MOST_INDEXED: usize = 20_000;
/// Words of its text that can be.
const MOST_OF_TEXT: usize = 150;
/// As many runbooks are assumed at least: rarity means nothing among three.
const FEWEST: f64 = 24.0;
/// Below it likeness is chance.
const FLOOR: f64 = 2.45;
/// What each word of a long text adds to the floor: it hits something sooner.
const FLOOR_A_WORD: f64 = 0.03;
/// Words of a question that are free of that.
const FREE_WORDS: usize = 12;
/// What all words of a runbook's name are worth together.
const CALLED: f64 = 2.0;
/// So many times the floor is sure, whatever else an alert's name says.
const SURE: f64 = 3.0;
/// What a word of every second alert counts of others.
const COMMON: f64 = 0.4;
/// A word is worth half where it stands with this weight.
const HALF: f64 = 1.2;
/// Runbooks found by text that are told.
const MOST_BY_TEXT: usize = 3;
/// A runbook found by text with less than this part of the best one's score is not told.
const NEAR_THE_BEST: f64 = 0.5;

/// Words of all runbooks, weighed.
#[derive(Debug, Clone, Default)]
pub(super) struct Index {
    /// Weight of each word in each runbook, in their order.
    weights: Vec<BTreeMap<String, Weight>>,
    /// In how many runbooks a word stands for what they are about; else, in how many texts.
    rarity: BTreeMap<String, f64>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Weight {
    value: f64,
    /// It says what the runbook is about: in its name, description, alerts or words.
    about: bool,
    /// Of its name.
    name: bool,
}

impl Index {
    pub(super) fn of(runbooks: &[Runbook]) -> Self {
        let weights: Vec<_> = runbooks.iter().map(weigh).collect();
        let mut counts: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
        for (word, weight) in weights.iter().flatten() {
            let (about, all) = counts.entry(word).or_default();
            *about += usize::from(weight.about);
            *all += 1;
        }
        #[allow(clippy::cast_precision_loss, reason = "counts of runbooks")]
        let rarity = counts
            .iter()
            .map(|(word, (about, all))| {
                let count = if *about > 0 { *about } else { *all } as f64;
                let all = (runbooks.len() as f64).max(FEWEST);
                ((*word).to_owned(), (1.0 + (all - count + 0.5).max(0.0) / (count + 0.5)).ln())
            })
            .collect();
        Self { weights, rarity }
    }

    pub(super) fn find<'a>(&self, runbooks: &'a [Runbook], query: &Query) -> Vec<Found<'a>> {
        let asked = asked(query);
        let mut found = Vec::new();
        for (runbook, weights) in runbooks.iter().zip(&self.weights) {
            if let Some(mut fits) = by_name(runbook, query).or_else(|| by_labels(runbook, query)) {
                fits.score = fits.score.min(100.0);
                found.push(fits);
            } else if let Some(mut fits) = by_pattern(runbook, query) {
                // Of several whose patterns fit, the one that is also nearest by its words.
                fits.score += self.likeness(weights, &asked).score.min(9.0);
                found.push(fits);
            }
        }
        if found.is_empty() {
            found = self.by_text(runbooks, &asked, query.alert.as_deref().unwrap_or_default());
        }
        found.sort_by(|one, other| {
            other.score.total_cmp(&one.score).then_with(|| one.runbook.name.cmp(&other.runbook.name))
        });
        found
    }

    /// How near the words of a query are to a runbook.
    fn likeness<'a>(&self, weights: &BTreeMap<String, Weight>, asked: &'a [Word]) -> Likeness<'a> {
        let mut like = Likeness::default();
        for word in asked {
            let Some(weight) = weights.get(&word.stem) else { continue };
            let rarity = self.rarity.get(&word.stem).copied().unwrap_or_default();
            let tells = word.tells;
            // A word of every second alert says little, however few runbooks have it.
            let common = if tells == Tells::Much { 1.0 } else { COMMON };
            let worth = rarity * weight.value / (weight.value + HALF) * common;
            like.score += worth;
            like.about += usize::from(weight.about && tells != Tells::Little);
            like.telling += usize::from(weight.about && tells == Tells::Much);
            like.named += usize::from(weight.name && !word.whole);
            like.named_telling |= weight.name && tells == Tells::Much;
            like.hits.push((worth, word));
        }
        like
    }

    fn by_text<'a>(&self, runbooks: &'a [Runbook], asked: &[Word], alert: &str) -> Vec<Found<'a>> {
        // An alert's name is chosen to tell what it is about: a runbook that knows one word of three is about
        // something else.
        let mut named = judged(words(alert, MOST_WORDS));
        named.retain(|word| !word.whole && word.tells == Tells::Much);
        #[allow(clippy::cast_precision_loss, reason = "at most MOST_WORDS")]
        let floor = FLOOR + FLOOR_A_WORD * asked.len().saturating_sub(FREE_WORDS) as f64;
        let mut found: Vec<Found<'a>> = Vec::new();
        for (runbook, weights) in runbooks.iter().zip(&self.weights) {
            let mut like = self.likeness(weights, asked);
            let of_name = weights.values().filter(|weight| weight.name).count();
            // Who says all words of a name means it, however common each of them is.
            let called = like.named == of_name && (of_name > 1 || like.named_telling);
            if called {
                like.score += CALLED;
            } else if like.score < floor || (like.telling == 0 && like.about < 2) {
                continue;
            }
            let known = named.iter().filter(|word| weights.contains_key(&word.stem)).count();
            let enough = match (known * 2).cmp(&named.len()) {
                Ordering::Greater => true,
                // `CheckoutLatency`: the other half is whose it is.
                Ordering::Equal => named.is_empty() || like.named_telling,
                Ordering::Less => like.score >= floor * SURE,
            };
            if !enough {
                continue;
            }
            like.hits.sort_by(|one, other| {
                other.0.total_cmp(&one.0).then_with(|| one.1.written.cmp(&other.1.written))
            });
            let words: Vec<&str> = like.hits.iter().take(5).map(|(_, word)| word.written.as_str()).collect();
            found.push(Found {
                runbook,
                why: format!("text: {}", words.join(", ")),
                score: like.score.min(59.0),
            });
        }
        let best = found.iter().map(|found| found.score).fold(0.0, f64::max);
        found.retain(|found| found.score >= best * NEAR_THE_BEST);
        found.sort_by(|one, other| other.score.total_cmp(&one.score));
        found.truncate(MOST_BY_TEXT);
        found
    }
}

/// What speaks for a runbook, by its words.
#[derive(Debug, Default)]
struct Likeness<'a> {
    score: f64,
    /// Words that say what the runbook is about, and those of them that tell much.
    about: usize,
    telling: usize,
    /// Words of the runbook's name, and whether one of them tells much.
    named: usize,
    named_telling: bool,
    hits: Vec<(f64, &'a Word)>,
}

/// The words of a query, each once.
fn asked(query: &Query) -> Vec<Word> {
    let mut text = format!("{} {}", query.alert.as_deref().unwrap_or_default(), query.text);
    // What an alert says of itself; links and names of objects would be chance.
    for key in ["summary", "description", "message", "title"] {
        if let Some(said) = query.annotations.get(key) {
            text = format!("{text} {said}");
        }
    }
    for label in ["reason", "condition"] {
        if let Some(value) = query.labels.get(label) {
            text = format!("{text} {value}");
        }
    }
    text = format!("{text} {}", query.kind.as_deref().unwrap_or_default());
    let mut seen = BTreeSet::new();
    let mut found = words(&text, MOST_WORDS * 5);
    found.retain(|word| seen.insert(word.stem.clone()));
    found.truncate(MOST_WORDS);
    judged(found)
}

fn weigh(runbook: &Runbook) -> BTreeMap<String, Weight> {
    let mut weights: BTreeMap<String, Weight> = BTreeMap::new();
    let headings: String =
        runbook.text.lines().filter(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
    // In each field a word counts once: who repeats it does not mean it more.
    for (number, (text, value, about, most)) in [
        (runbook.name.as_str(), 3.0, true, MOST_INDEXED),
        (&runbook.words.join(" "), 3.0, true, MOST_INDEXED),
        (&runbook.description, 2.0, true, MOST_INDEXED),
        (&runbook.alerts.join(" ").replace(['*', '?'], " "), 1.0, true, MOST_INDEXED),
        (&headings, 0.5, false, MOST_INDEXED),
        // What it is about stands at the beginning; all of it would take longer to read than to ask a question.
        (&runbook.text, 0.2, false, MOST_OF_TEXT),
    ]
    .into_iter()
    .enumerate()
    {
        let mut seen = BTreeSet::new();
        for word in words(text, most) {
            if seen.insert(word.stem.clone()) {
                let weight = weights.entry(word.stem).or_default();
                weight.value += value;
                weight.about |= about;
                weight.name |= number == 0;
            }
        }
    }
    weights
}

fn by_name<'a>(runbook: &'a Runbook, query: &Query) -> Option<Found<'a>> {
    let alert = query.alert.as_deref()?.trim();
    if alert.is_empty() {
        return None;
    }
    if runbook.alerts.iter().any(|name| name.to_lowercase() == alert.to_lowercase()) {
        return Some(Found { runbook, why: "alert name".to_owned(), score: 100.0 });
    }
    let globs = runbook.alerts.iter().filter(|glob| glob.contains(['*', '?']) && fits(glob, alert));
    // Of two globs the one that says more.
    let said = |glob: &&String| glob.chars().filter(|c| !['*', '?'].contains(c)).count();
    let glob = globs.max_by_key(said)?;
    #[allow(clippy::cast_precision_loss, reason = "at most 90")]
    let score = 90.0 + said(&glob).min(90) as f64 / 10.0;
    Some(Found { runbook, why: format!("alert {glob}"), score })
}

fn by_labels<'a>(runbook: &'a Runbook, query: &Query) -> Option<Found<'a>> {
    let mut labels = runbook.labels.iter();
    let all = labels.all(|(label, glob)| query.labels.get(label).is_some_and(|value| fits(glob, value)));
    if runbook.labels.is_empty() || !all {
        return None;
    }
    let shown: Vec<String> = runbook.labels.iter().map(|(label, glob)| format!("{label}={glob}")).collect();
    #[allow(clippy::cast_precision_loss, reason = "at most 9")]
    let score = 80.0 + runbook.labels.len().min(9) as f64;
    Some(Found { runbook, why: format!("label {}", shown.join(", ")), score })
}

fn by_pattern<'a>(runbook: &'a Runbook, query: &Query) -> Option<Found<'a>> {
    if !runbook.matches.is_empty() {
        // HolmesGPT's name of an issue is the alert's name or the ticket's title.
        let name = query.alert.as_deref().or_else(|| query.text.lines().next()).unwrap_or_default();
        let all = runbook.matches.given().all(|(key, pattern)| {
            let text = match key {
                "issue_id" => query.id.as_deref(),
                "source" => query.source.as_deref(),
                _ => Some(name),
            };
            text.is_some_and(|text| pattern.fits(clip(text)))
        });
        if all {
            let shown: Vec<String> =
                runbook.matches.given().map(|(key, pattern)| format!("{key} {pattern}")).collect();
            return Some(Found { runbook, why: format!("regex {}", shown.join(", ")), score: 71.0 });
        }
    }
    let pattern = runbook.pattern.as_ref()?;
    let mut texts = [query.alert.as_deref().unwrap_or_default(), &query.text]
        .into_iter()
        .chain(query.annotations.values().map(String::as_str))
        .filter(|text| !text.is_empty());
    texts.any(|text| pattern.fits(clip(text))).then(|| Found {
        runbook,
        why: format!("regex {pattern}"),
        score: 70.0,
    })
}

fn clip(text: &str) -> &str {
    if text.len() <= LONGEST {
        return text;
    }
    let end = (0..=LONGEST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    text.get(..end).unwrap_or_default()
}

/// Whether `text` is what the glob means: `*` any run, `?` one character; case does not count..
pub(super) fn fits(glob: &str, text: &str) -> bool {
    let glob: Vec<char> = glob.to_lowercase().chars().collect();
    let text: Vec<char> = clip(text).to_lowercase().chars().collect();
    let (mut at, mut here) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while here < text.len() {
        match glob.get(at) {
            Some('*') => {
                retry = Some((at, here));
                at += 1;
            }
            Some(c) if *c == '?' || *c == text[here] => {
                at += 1;
                here += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                at = star + 1;
                here = from + 1;
            }
        }
    }
    glob.iter().skip(at).all(|c| *c == '*')
}
