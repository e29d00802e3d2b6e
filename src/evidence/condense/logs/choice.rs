//! The lines chosen so far and what they cost, with the gaps between them: never more than the allowance.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::super::whole::shown;
use super::super::{LONGEST_CONDENSED, MARGIN};
use super::severity::{Severity, severity, trouble_at};
use super::shape::{are_alike, telling, words};
use super::survey::Survey;
use super::templates::{Place, Template};
use super::time::time;
use super::{burst, fields, trace};
use crate::evidence::tokens;
use crate::evidence::view::{Line, clip};

/// Bytes read behind a line for what belongs to it.
const BEHIND: usize = 64 * 1024;
/// Bytes read before a line for its neighbours.
const BEFORE: u64 = 4 * 1024;
/// Lines before and after trouble.
const NEIGHBOURS: usize = 3;
/// Tokens of `… 12345 lines left out …` and the bars and spaces around it.
const GAP: u64 = 12;
/// Bytes of one line that can be shown.
const LONGEST_READ: usize = LONGEST_CONDENSED * 4 + MARGIN;
/// Lines whose words are remembered, and bytes of each.
const MOST_SEEN: usize = 400;
const SHAPED: usize = 1_024;

/// Characters of a line to show: long ones get less where there is little room, or a few would be all of a view.
fn longest(allowance: u64) -> usize {
    usize::try_from(allowance / 7).unwrap_or(usize::MAX).clamp(240, LONGEST_CONDENSED)
}

pub(super) struct Choice {
    file: File,
    size: u64,
    lines: u64,
    left: u64,
    /// Tokens that the present sort of lines must leave, and those for counts.
    keep: u64,
    aside: u64,
    notes: Vec<String>,
    chosen: BTreeMap<u64, Vec<String>>,
    /// Words of the chosen lines: a neighbour like one of them tells nothing new.
    seen: Vec<Vec<u32>>,
    longest: usize,
}

impl Choice {
    pub(super) fn new(raw: &Path, allowance: u64, lines: u64, size: u64) -> io::Result<Self> {
        Ok(Self {
            file: File::open(raw)?,
            size,
            lines,
            // Nothing chosen is one gap.
            left: allowance.saturating_sub(GAP),
            keep: 0,
            aside: 0,
            notes: Vec::new(),
            chosen: BTreeMap::new(),
            seen: Vec::new(),
            longest: longest(allowance),
        })
    }

    pub(super) fn left(&self) -> u64 {
        self.left
    }

    pub(super) fn chosen(&self) -> u64 {
        self.chosen.len() as u64
    }

    pub(super) fn has(&self, number: u64) -> bool {
        self.chosen.contains_key(&number)
    }

    /// Tokens that lines leave for notes.
    pub(super) fn set_aside(&mut self, tokens: u64) {
        self.aside = tokens.min(self.left);
        self.left -= self.aside;
    }

    pub(super) fn give_back(&mut self) {
        self.left += std::mem::take(&mut self.aside);
    }

    /// All lines chosen until the next call of this may take `tokens` together with those chosen before.
    pub(super) fn limit_to(&mut self, tokens: u64) {
        let all = self.left + self.aside + self.spent();
        self.keep = all.saturating_sub(tokens + self.aside);
    }

    fn spent(&self) -> u64 {
        let lines: u64 = self.chosen.iter().map(|(number, parts)| cost(*number, parts, self.longest)).sum();
        lines
    }

    /// Adds a note where it fits.
    pub(super) fn note(&mut self, note: String) {
        let cost = tokens::estimate(&note) + 3;
        if cost <= self.left {
            self.left -= cost;
            self.notes.push(note);
        }
    }

    /// Chooses the line at `place`; whether it is chosen now.
    pub(super) fn line(&mut self, place: Place) -> io::Result<bool> {
        if self.has(place.number) {
            return Ok(true);
        }
        let line = self.read(place, LONGEST_READ)?;
        Ok(self.add(place.number, &line))
    }

    /// The line at `place`, at most `most` bytes.
    fn read(&mut self, place: Place, most: usize) -> io::Result<Vec<u8>> {
        let mut line = self.read_at(place.offset, most)?;
        if let Some(end) = memchr::memchr(b'\n', &line) {
            line.truncate(end);
        }
        Ok(line)
    }

    fn read_at(&mut self, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.file.seek(SeekFrom::Start(offset))?;
        self.file
            .by_ref()
            .take((most as u64).min(self.size.saturating_sub(offset)))
            .read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn add(&mut self, number: u64, line: &[u8]) -> bool {
        if self.has(number) {
            return true;
        }
        if number == 0 || number > self.lines {
            return false;
        }
        let parts = parts(line, self.longest);
        let chosen = |number: u64| number == 0 || number > self.lines || self.has(number);
        // Between its neighbours there is one gap now; behind it there are none, one or two.
        let gaps = u64::from(!chosen(number - 1)) + u64::from(!chosen(number + 1));
        let cost = cost(number, &parts, self.longest) + gaps * GAP;
        if cost > (self.left + GAP).saturating_sub(self.keep) || cost > self.left + GAP {
            return false;
        }
        self.left = self.left + GAP - cost;
        self.chosen.insert(number, parts);
        if self.seen.len() < MOST_SEEN {
            self.seen.push(telling(&words(line.get(..SHAPED).unwrap_or(line))));
        }
        true
    }

    /// Whether no line like this one is chosen.
    fn is_new(&self, line: &[u8]) -> bool {
        let words = telling(&words(line.get(..SHAPED).unwrap_or(line)));
        !self.seen.iter().any(|seen| are_alike(seen, &words))
    }

    /// Chooses the stack trace of the line at `place`, which is chosen; whether there is one.
    pub(super) fn trace(&mut self, place: Place, most: u64) -> io::Result<bool> {
        let stop_at = self.left.saturating_sub(most).max(self.keep);
        if !self.has(place.number) {
            return Ok(false);
        }
        let after = self.behind(place)?;
        let after: Vec<&[u8]> = after.iter().map(Vec::as_slice).collect();
        let Some((anchor, after)) = after.split_first() else { return Ok(false) };
        let telling = trace::telling(anchor, after);
        for at in &telling {
            if let Some(line) = after.get(*at)
                && self.left > stop_at
            {
                self.add(place.number + 1 + *at as u64, line);
            }
        }
        Ok(!telling.is_empty())
    }

    /// The line at `place` and those behind it.
    fn behind(&mut self, place: Place) -> io::Result<Vec<Vec<u8>>> {
        let bytes = self.read_at(place.offset, BEHIND)?;
        let complete = place.offset + bytes.len() as u64 >= self.size;
        let mut after: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').take(trace::MOST_LINES + 2).collect();
        // The last one may be cut, or nothing behind the last line feed.
        if after.len() > 1 && (!complete || after.last().is_some_and(|line| line.is_empty())) {
            after.pop();
        }
        Ok(after.into_iter().map(<[u8]>::to_vec).collect())
    }

    /// Chooses what explains the line at `place`, which is chosen: its stack trace, and lines around it; of
    /// these `only_new` ones, or all.
    pub(super) fn surroundings(&mut self, place: Place, most: u64, only_new: bool) -> io::Result<()> {
        let stop_at = self.left.saturating_sub(most).max(self.keep);
        if !self.has(place.number) {
            return Ok(());
        }
        let traced = self.trace(place, most)?;
        let after = self.behind(place)?;
        let after = after.get(1..).unwrap_or_default();
        let start = place.offset.saturating_sub(BEFORE);
        let before = self.read_at(start, usize::try_from(place.offset - start).unwrap_or(0))?;
        let before = before.strip_suffix(b"\n").unwrap_or(&before);
        let mut before: Vec<&[u8]> = before.rsplit(|byte| *byte == b'\n').take(NEIGHBOURS + 1).collect();
        if place.number <= before.len() as u64 || start > 0 {
            before.truncate(usize::try_from(place.number - 1).unwrap_or(usize::MAX));
        }
        if before.len() > NEIGHBOURS {
            before.truncate(NEIGHBOURS);
        } else if start > 0 {
            // The first of them may have begun earlier.
            before.pop();
        }
        // The nearest first.
        let behind = if traced { 0 } else { NEIGHBOURS };
        for distance in 1..=NEIGHBOURS {
            if let Some(line) = before.get(distance - 1)
                && self.left > stop_at
                && (!only_new || self.is_new(line))
            {
                self.add(place.number - distance as u64, line);
            }
            if distance <= behind
                && let Some(line) = after.get(distance - 1)
                && self.left > stop_at
                && (!only_new || self.is_new(line))
            {
                self.add(place.number + distance as u64, line);
            }
        }
        Ok(())
    }

    /// Chooses the last `count` lines, the last first, as far as they fit.
    pub(super) fn last_lines(&mut self, count: usize, most: usize) -> io::Result<()> {
        let start = self.size.saturating_sub(BEHIND as u64);
        let bytes = self.read_at(start, BEHIND)?;
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let mut last: Vec<&[u8]> = bytes.rsplit(|byte| *byte == b'\n').take(most + 1).collect();
        if last.len() > most || start > 0 {
            last.pop();
        }
        for (number, line) in (1..=self.lines).rev().zip(last).take(count) {
            // The very last one is shown whatever it says.
            let skip = count < most && number < self.lines && !self.is_new(line);
            if !skip && !self.add(number, line) {
                break;
            }
        }
        Ok(())
    }

    /// What the whole log is: how long, from when to when, how much of it is trouble.
    pub(super) fn about(&mut self, survey: &Survey) -> io::Result<String> {
        let first = self.read(Place { number: 1, offset: 0 }, LONGEST_CONDENSED)?;
        let end = self.read_at(self.size.saturating_sub(BEHIND as u64), BEHIND)?;
        let first = time(&first);
        let last = end.rsplit(|byte| *byte == b'\n').take(20).find_map(time);
        let span = match (first, last) {
            (Some(first), Some(last)) => format!(", {first} to {last}"),
            _ => String::new(),
        };
        let kinds = survey.templates.len();
        let trouble = survey.templates.iter().filter(|one| one.severity >= Severity::Trouble);
        let (bad, of_lines) = trouble.fold((0_usize, 0), |(n, lines), one| (n + 1, lines + one.count));
        let read = if survey.complete { String::new() } else { ", read only so far".to_owned() };
        Ok(format!(
            "{} lines{read}{span}; {kinds} kinds of line, {bad} of them trouble in {of_lines} lines",
            survey.lines
        ))
    }

    /// How often a kind occurs, where and when.
    pub(super) fn about_kind(&mut self, template: &Template, survey: &Survey) -> io::Result<String> {
        let last = self.read(template.last, LONGEST_CONDENSED)?;
        let at = time(&last).map_or_else(String::new, |time| format!(" at {time}"));
        let burst = burst(template, survey)
            .map_or_else(String::new, |(first, last)| format!(", most of them in {first}-{last}"));
        Ok(format!(
            "like line {}: {} in all, last line {}{at}{burst}",
            template.first.number, template.count, template.last.number
        ))
    }

    /// Notes, lines and how much of each line is shown.
    pub(super) fn finish(self) -> (Vec<String>, Vec<Line>, usize) {
        let lines = self
            .chosen
            .into_iter()
            .flat_map(|(number, parts)| parts.into_iter().map(move |part| (number, part)));
        (self.notes, lines.collect(), self.longest)
    }
}

/// Tokens of a line's parts in the view.
fn cost(number: u64, parts: &[String], longest: usize) -> u64 {
    let cost = |part: &String| tokens::estimate(&format!("{number} | {}", clip(part, longest))) + 1;
    parts.iter().map(cost).sum()
}

/// What of a line is shown: its beginning, and where it is long, its trouble. Of a long JSON line, its telling fields.
fn parts(line: &[u8], longest: usize) -> Vec<String> {
    if line.len() > longest {
        let fields = fields::telling(line);
        if !fields.is_empty() {
            return fields.into_iter().map(|field| shown(field, LONGEST_CONDENSED + MARGIN)).collect();
        }
    }
    let mut parts = vec![shown(line, LONGEST_CONDENSED + MARGIN)];
    if line.len() > longest
        && severity(line) >= Severity::Trouble
        && let Some(at) = trouble_at(line).filter(|at| *at + 40 > longest)
        && let Some(start) = field_before(line, at)
    {
        parts.push(shown(line.get(start..).unwrap_or_default(), LONGEST_CONDENSED + MARGIN));
    }
    parts
}

/// Where the field begins in which `at` stands: only there can a line be cut with no secret losing its name.
fn field_before(line: &[u8], at: usize) -> Option<usize> {
    let from = at.saturating_sub(200);
    let window = line.get(from..at)?;
    let json = memchr::memmem::rfind(window, b",\"").map(|at| from + at + 1);
    json.or_else(|| {
        let sign = memchr::memrchr(b'=', window)?;
        let space = memchr::memrchr(b' ', window.get(..sign)?)?;
        Some(from + space + 1)
    })
}
