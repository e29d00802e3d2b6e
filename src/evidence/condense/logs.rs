//! Chooses the lines of a log that a model sees when all of it does not fit.
//!
//! One pass over the file with bounded memory mines the kinds of lines it has. What is shown: the worst and the
//! rarest of them by a line each, what stands around trouble, whole stack traces but for their middle, the last lines;
//! and in notes how often each kind occurs, where and when. The raw file is never changed, and never held in memory.

mod choice;
mod fields;
mod severity;
mod shape;
mod survey;
mod templates;
#[cfg(test)]
mod tests;
mod time;
mod trace;

use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::{Condensed, Wanted};
use choice::Choice;
use severity::Severity;
use survey::Survey;
use templates::{PARTS, Place, Template};

/// Kinds that are looked at for the view.
const MOST_SHOWN: usize = 400;
/// Kinds of trouble whose surroundings are shown.
const EXPLAINED: usize = 12;
/// Last lines that are looked at.
const LAST: usize = 40;

/// Chooses lines of a log; `stop` ends the reading early, and the view says so.
pub(super) fn condense(raw: &Path, wanted: Wanted<'_>, stop: &AtomicBool) -> io::Result<Condensed> {
    let survey = Survey::take(raw, wanted.words, stop)?;
    let mut choice = Choice::new(raw, wanted.allowance, survey.lines, survey.bytes)?;
    let ranked = Ranked::of(&survey);

    let about = choice.about(&survey)?;
    choice.note(about);
    let allowance = choice.left();
    // Counts of kinds, told once it is known which are shown.
    choice.set_aside(allowance / 6);

    // Where it ends and begins: what came last is often why somebody asks.
    choice.limit_to(allowance / 8);
    choice.last_lines(2, LAST)?;
    choice.line(Place { number: 1, offset: 0 })?;

    // Each sort of line has its turn; trouble has most of them.
    choice.limit_to(allowance * 7 / 10);
    let mut trouble = ranked.trouble.iter();
    let mut rare = ranked.rare.iter();
    let mut named = survey.named.iter();
    let first_error = survey.first_error;
    for round in 0..MOST_SHOWN {
        let mut places: Vec<Place> = trouble.by_ref().take(3).map(|template| template.first).collect();
        places.extend(first_error.filter(|_| round == 0));
        places.extend(named.next());
        places.extend(rare.next().map(|template| template.first));
        if places.is_empty() {
            break;
        }
        for place in places {
            choice.line(place)?;
        }
        if round == 0 {
            // The worst is understood from its trace, before others are shown.
            for template in ranked.trouble.iter().take(2) {
                choice.trace(template.first, allowance / 6)?;
            }
        }
    }

    choice.limit_to(allowance * 8 / 10);
    for template in ranked.trouble.iter().take(EXPLAINED) {
        choice.surroundings(template.first, allowance / 8, true)?;
    }
    for template in ranked.rare.iter().take(EXPLAINED) {
        choice.surroundings(template.first, allowance / 20, true)?;
    }
    // What is common tells what is normal.
    for template in ranked.common.iter().take(6) {
        choice.line(template.first)?;
    }
    if let Some(commonest) = survey.templates.iter().max_by_key(|template| (template.count, template.last)) {
        choice.line(commonest.last)?;
    }

    choice.limit_to(allowance);
    choice.give_back();
    let kinds: Vec<&Template> =
        ranked.trouble.iter().chain(&ranked.rare).chain(&ranked.common).copied().collect();
    for template in kinds.iter().filter(|template| template.count > 1).take(MOST_SHOWN) {
        if choice.has(template.first.number) {
            let note = choice.about_kind(template, &survey)?;
            choice.note(note);
        }
    }
    if let Some(note) = late(&survey, &choice, &kinds) {
        choice.note(note);
    }
    // Where there is room, neighbours tell when it was, whatever they say.
    for template in ranked.trouble.iter().take(2) {
        choice.surroundings(template.first, allowance / 6, false)?;
    }
    // What is left goes to kinds not shown yet, and then to the end.
    for template in ranked.rare.iter().chain(&ranked.common).take(MOST_SHOWN) {
        choice.line(template.first)?;
    }
    for template in ranked.trouble.iter().take(EXPLAINED).filter(|template| template.count > 1) {
        choice.line(template.last)?;
    }
    choice.last_lines(LAST, LAST)?;
    let left_out = choice.chosen() < survey.lines || !survey.complete;
    let (notes, lines, longest) = choice.finish();
    Ok(Condensed { notes, lines, longest, left_out })
}

/// Kinds of lines, those first that should be shown first.
struct Ranked<'a> {
    trouble: Vec<&'a Template>,
    /// Plain lines that are seldom, new late in the log, or speak of what is asked.
    rare: Vec<&'a Template>,
    common: Vec<&'a Template>,
}

impl<'a> Ranked<'a> {
    fn of(survey: &'a Survey) -> Self {
        let rank = |template: &Template| {
            let share = (survey.lines / template.count.max(1)).max(1);
            let rarity = u64::from(share.ilog2());
            let weight = match template.severity {
                Severity::Fatal => 30,
                Severity::Error => 22,
                Severity::Trouble => 18,
                Severity::Odd => 8,
                Severity::Plain => 4,
                Severity::Quiet => 0,
            };
            // What is new late in the log, and was not there before.
            let late = if template.first.number > survey.lines / 2 && template.count > 1 { 3 } else { 0 };
            let asked = if template.asked { 6 } else { 0 };
            weight + rarity + late + asked
        };
        let mut templates: Vec<&Template> = survey.templates.iter().collect();
        templates.sort_by_key(|template| (std::cmp::Reverse(rank(template)), template.first));
        let (trouble, plain): (Vec<&Template>, Vec<&Template>) =
            templates.into_iter().partition(|template| template.severity >= Severity::Trouble);
        // A kind that is one line in a hundred is common, in a short log one of which there are many.
        let often = (survey.lines / 100).max(4);
        let (rare, common): (Vec<&Template>, Vec<&Template>) =
            plain.into_iter().partition(|template| template.count < often || template.asked);
        Self { trouble: varied(trouble), rare: varied(rare), common }
    }
}

/// Kinds unlike those before them first, the others behind: forty kinds of one complaint must not hide another.
fn varied(templates: Vec<&Template>) -> Vec<&Template> {
    let mut heads: Vec<Vec<u32>> = Vec::new();
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for template in templates {
        let words = shape::telling(&template.words);
        if heads.len() < MOST_SHOWN && !heads.iter().any(|head| shape::are_alike(head, &words)) {
            heads.push(words);
            first.push(template);
        } else {
            others.push(template);
        }
    }
    first.append(&mut others);
    first
}

/// Kinds that first occur in the last quarter and occur again: what changed.
fn late(survey: &Survey, choice: &Choice, kinds: &[&Template]) -> Option<String> {
    let from = survey.lines - survey.lines / 4;
    let mut new: Vec<u64> = kinds
        .iter()
        .filter(|template| template.count > 2 && template.first.number > from)
        .map(|template| template.first.number)
        .filter(|number| choice.has(*number))
        .collect();
    new.sort_unstable();
    new.dedup();
    new.truncate(12);
    if new.is_empty() || survey.lines < 100 {
        return None;
    }
    let list: Vec<String> = new.iter().map(u64::to_string).collect();
    Some(format!("first seen in the last quarter, and again since: lines {}", list.join(", ")))
}

/// The stretch of lines in which most of a kind occur, where that is short.
fn burst(template: &Template, survey: &Survey) -> Option<(u64, u64)> {
    let spread = template.parts.iter().filter(|count| **count > 0).count();
    if template.count < 20 || spread < 3 {
        return None;
    }
    let (at, most) = template.parts.iter().enumerate().max_by_key(|(at, count)| (**count, PARTS - at))?;
    if u64::from(*most) * 2 < template.count {
        return None;
    }
    let first = *survey.starts.get(at)?;
    let next = survey.starts.get(at + 1..)?.iter().copied().find(|start| *start > 0);
    Some((first, next.map_or(survey.lines, |next| next - 1)))
}
