//! Chooses the values of a JSON output that stand out: lines of a pretty one, parts of the line of a minified one.
//!
//! Two passes: the first counts what each path holds, the second judges each value against it. Nothing of the file is
//! held but those counts, and a value's path is told so that it can be asked for.

mod reader;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use self::reader::{Event, Place, Step};
use super::judge::{Values, is_encoded, is_trouble, is_well, names_few, number, tally};
use super::pick::{Candidate, MOST_CANDIDATES, cost, notes_within, pick};
use super::whole::shown;
use super::{Condensed, LONGEST_CONDENSED, MARGIN, Wanted};
use crate::evidence::lines::Lines;
use crate::evidence::tokens;

/// Larger files would take too long to read twice.
const LARGEST: u64 = 256 << 20;
/// Paths counted.
const MOST_PATHS: usize = 4_000;
/// Lines longer than this are shown in parts.
const LONGEST_LINE: usize = 300;
/// Fewer leaves are no structure to speak of.
const FEWEST_LEAVES: u64 = 8;
/// Parts of one line that stand this near to each other are shown as one.
const NEAR: u64 = 40;
/// Values of one record that are considered.
const MOST_OF_A_RECORD: usize = 80;
const LOOKED_AT: u64 = 16 * 1024;

/// Keys whose values are never a cause.
const NOISE: &[&str] = &[
    "uid",
    "resourceVersion",
    "selfLink",
    "creationTimestamp",
    "managedFields",
    "fingerprint",
    "generateName",
    "_id",
    "pod-template-hash",
    "etag",
    "requestId",
    "EventId",
    "kubectl.kubernetes.io/last-applied-configuration",
    "controller-revision-hash",
    "containerID",
    "imageID",
];

/// What an object is called, by the place where it begins.
type Names = HashMap<(u64, u64), String>;
/// How often each value of a path occurs: rank, path, values.
type Tally<'a> = (u64, &'a str, Vec<(&'a str, u64)>);

/// Where in the beginning of a file JSON begins: byte and line; after some lines of text at most.
pub(super) fn begins(beginning: &[u8]) -> Option<(u64, u64)> {
    let mut at = 0;
    for (number, line) in beginning.split(|b| *b == b'\n').take(6).enumerate() {
        let text = line.trim_ascii();
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let opens = match text {
            [b'[' | b'{'] | [b'{', b'"' | b'}' | b' ', ..] => true,
            [b'[', next, ..] => {
                matches!(next, b'{' | b'[' | b'"') || (text.len() > 200 && next.is_ascii_digit())
            }
            _ => false,
        };
        if opens {
            let brace = line.iter().position(|b| matches!(b, b'{' | b'['))?;
            return Some((at + brace as u64, number as u64 + 1));
        }
        at += line.len() as u64 + 1;
    }
    None
}

/// What one pass found of one path.
#[derive(Default)]
struct Found {
    values: Values,
    noise: bool,
}

#[derive(Default)]
struct Survey {
    leaves: u64,
    paths: HashMap<String, Found>,
    /// Objects in each array, and their keys.
    arrays: HashMap<String, u64>,
    /// Path of the records, and how many there are.
    records: Option<(String, u64)>,
    words: Vec<u64>,
    last_line: u64,
}

impl Survey {
    fn take(raw: &Path, from: u64, line: u64, words: &[String]) -> io::Result<Self> {
        let mut survey = Self { words: vec![0; words.len()], ..Self::default() };
        let last_line = reader::read(raw, from, line, |event, place| match event {
            Event::Open { is_object: true } if matches!(place.steps.last(), Some(Step::Index(_))) => {
                if let Some(count) = survey.arrays.get_mut(&place.shape) {
                    *count += 1;
                } else if survey.arrays.len() < MOST_PATHS {
                    survey.arrays.insert(place.shape.clone(), 1);
                }
            }
            Event::Open { .. } | Event::Close => {}
            Event::Leaf { value, .. } => {
                survey.leaves += 1;
                let lower = value.to_lowercase();
                for (word, count) in words.iter().zip(&mut survey.words) {
                    *count += u64::from(lower.contains(word.as_str()));
                }
                if !survey.paths.contains_key(&place.shape) {
                    if survey.paths.len() >= MOST_PATHS {
                        return;
                    }
                    survey
                        .paths
                        .insert(place.shape.clone(), Found { noise: is_noise(place), ..Found::default() });
                }
                if let Some(found) = survey.paths.get_mut(&place.shape) {
                    found.values.add(value);
                }
            }
        })?;
        survey.last_line = last_line;
        survey.paths.values_mut().for_each(|found| found.values.settle());
        survey.records = survey
            .arrays
            .iter()
            .filter(|(_, count)| **count >= 3)
            .min_by_key(|(path, count)| {
                (path.matches("[]").count(), u64::MAX - **count, path.as_str().to_owned())
            })
            .map(|(path, count)| (path.clone(), *count));
        Ok(survey)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        match &self.records {
            Some((path, count)) => notes.push(format!(
                "JSON: {} holds {count} objects; the values that stand out are below",
                if path.starts_with('[') { format!(".{path}") } else { path.clone() }
            )),
            None => notes.push(format!("JSON of {} values; those that stand out are below", self.leaves)),
        }
        let mut tallies: Vec<Tally<'_>> = self
            .paths
            .iter()
            .filter(|(_, found)| !found.noise)
            .filter_map(|(path, found)| Some((path, found.values.by_count()?)))
            .filter(|(path, values)| {
                let key = path.rsplit(['.', ']']).next().unwrap_or_default().to_ascii_lowercase();
                let telling = matches!(key.as_str(), "reason" | "image" | "kind" | "namespace" | "eventname");
                let rare = values.last().is_some_and(|(_, count)| *count <= 2) && values.len() <= 5;
                values.len() > 1
                    && values.len() <= 12
                    && (telling || rare || state_key(&key))
                    && !key.ends_with("time")
            })
            .map(|(path, values)| {
                let state = state_key(path.rsplit(['.', ']']).next().unwrap_or_default());
                (u64::from(!state), path.as_str(), values)
            })
            .collect();
        tallies.sort_by(|a, b| (a.0, a.1.len(), a.1).cmp(&(b.0, b.1.len(), b.1)));
        notes.extend(tallies.iter().take(12).map(|(_, path, values)| tally(path, values, 5)));
        notes
    }

    /// Whether a name is one of few the question speaks of.
    fn names(&self, name: &str, words: &[String]) -> bool {
        names_few(name, words, &self.words, self.leaves.max(100) / 20)
    }

    /// How much a value stands out.
    fn judge(&self, value: &str, is_string: bool, place: &Place, words: &[String]) -> u32 {
        let Some(found) = self.paths.get(&place.shape) else { return 0 };
        let mut points: u32 = 0;
        let lower = value.to_lowercase();
        for (word, count) in words.iter().zip(&self.words) {
            if *count * 20 <= self.leaves.max(100) && lower.contains(word.as_str()) {
                points += if *count <= 4 { 30 } else { 15 };
            }
        }
        if found.noise {
            return points / 3;
        }
        let key = place.key().to_ascii_lowercase();
        let values = &found.values;
        let trouble = is_string && is_trouble(value);
        let records = self.records.as_ref().map_or(0, |(_, count)| *count);
        if matches!(key.as_str(), "exitcode" | "exit_code" | "exitstatus" | "exit_status") && value != "0" {
            points += 40;
        }
        if matches!(key.as_str(), "restartcount" | "restart_count" | "restarts") && value != "0" {
            points += 20;
        }
        if matches!(
            key.as_str(),
            "reason" | "message" | "lasterror" | "error" | "code" | "statereason" | "err"
        ) && trouble
        {
            points += 35;
        } else if state_key(&key) && is_string && !is_well(value) && values.few() {
            points += if trouble { 35 } else { 8 };
        } else if trouble {
            points += if value.len() > 12 { 18 } else { 10 };
        }
        if matches!(value, "False" | "false") && !values.is_rare(value) {
            let counts = values.by_count().unwrap_or_default();
            let this = counts.iter().find(|(v, _)| *v == value).map_or(0, |(_, count)| *count);
            points += if this * 4 <= values.seen { 20 } else { 0 };
        }
        if values.is_rare(value) {
            points += if number(value).is_some() && is_string == trouble { 22 } else { 35 };
        }
        if values.is_missing(value) {
            points += 15;
        }
        if values.is_outlier(value) && !key.ends_with("id") {
            points += 35;
        }
        if records >= 10 && values.seen * 33 <= records {
            points += 15;
        }
        points
    }
}

fn is_noise(place: &Place) -> bool {
    place.steps.iter().any(|step| matches!(step, Step::Key(key) if NOISE.contains(&key.as_str())))
}

/// A key that tells how a thing is.
fn state_key(key: &str) -> bool {
    matches!(
        key.to_ascii_lowercase().as_str(),
        "status"
            | "state"
            | "phase"
            | "health"
            | "severity"
            | "level"
            | "result"
            | "type"
            | "ready"
            | "lifecycle"
            | "available"
    )
}

/// Whether a value tells which record it is of: the lower, the better.
fn identity(key: &str, within: &str) -> Option<u32> {
    let deep = within.matches(['.', '[']).count();
    if within.starts_with(".metric.") || within.starts_with(".labels.") {
        return Some(1);
    }
    let key = key.to_ascii_lowercase();
    let names = matches!(
        key.as_str(),
        "name"
            | "id"
            | "namespace"
            | "instance"
            | "checkid"
            | "eventname"
            | "alertname"
            | "instanceid"
            | "service"
            | "message"
            | "message_id"
            | "unit"
    );
    (names && deep <= 2).then_some(u32::from(key == "namespace") + 1)
}

/// One value that may be shown.
struct Standing {
    points: u32,
    signature: String,
    path: String,
    line: u64,
    from: u64,
    to: u64,
    cost: u64,
}

/// Chooses what stands out; `None` where there is no JSON after all.
pub(super) fn condense(raw: &Path, wanted: Wanted<'_>) -> io::Result<Option<Condensed>> {
    let mut beginning = Vec::new();
    let mut file = File::open(raw)?;
    file.by_ref().take(LOOKED_AT).read_to_end(&mut beginning)?;
    if file.metadata()?.len() > LARGEST {
        return Ok(None);
    }
    let Some((from, first)) = begins(&beginning) else { return Ok(None) };
    let survey = Survey::take(raw, from, first, wanted.words)?;
    if survey.leaves < FEWEST_LEAVES {
        return Ok(None);
    }
    let long = long_lines(raw, survey.last_line)?;
    let Some(long) = long else { return Ok(None) };
    let (notes, spent) = notes_within(survey.notes(), wanted.allowance / 4);
    let (mut candidates, paths) = survey.candidates(raw, (from, first), wanted.words, long)?;
    // What stands before the value, and the first words after it.
    let mut reader = Lines::open(raw)?;
    while let Some((number, line)) = reader.next(LONGEST_CONDENSED * 4)? {
        if number < first || (number > survey.last_line && number <= survey.last_line + 5) {
            candidates.push(Candidate::line(0, number, &shown(line, LONGEST_CONDENSED)));
        } else if number >= first && number <= survey.last_line {
            reader.skip_to(survey.last_line + 1)?;
        } else if number > survey.last_line + 5 {
            break;
        }
    }
    let allowance = wanted.allowance.saturating_sub(spent);
    let for_paths = allowance / 8;
    let chosen = pick(candidates, allowance - for_paths);
    let mut notes = notes;
    notes.extend(paths_note(&paths, &chosen, for_paths));
    Ok(Some(Condensed { notes, lines: texts(raw, &chosen)?, longest: LONGEST_CONDENSED, left_out: true }))
}

/// The paths of the best of the chosen values, as many as the allowance pays.
fn paths_note(paths: &HashMap<(u64, u64), String>, chosen: &[Candidate], allowance: u64) -> Option<String> {
    let mut best: Vec<&Candidate> = chosen.iter().collect();
    best.sort_by_key(|candidate| (candidate.rank, candidate.line, candidate.from));
    let mut note = String::from("paths for `read_exhibit` jq, what stands out most first:");
    let mut any = false;
    for candidate in best {
        let Some(path) = paths.get(&(candidate.line, candidate.from)) else { continue };
        let more = format!(" {} {path},", candidate.line);
        if tokens::estimate(&note) + tokens::estimate(&more) > allowance {
            break;
        }
        note.push_str(&more);
        any = true;
    }
    any.then(|| note.trim_end_matches(',').to_owned())
}

/// Whether lines are too long to be shown whole; `None` where the file ends before JSON does.
fn long_lines(raw: &Path, last: u64) -> io::Result<Option<bool>> {
    let size = std::fs::metadata(raw)?.len();
    Ok(Some(size / last.max(1) > LONGEST_LINE as u64))
}

impl Survey {
    fn candidates(
        &self,
        raw: &Path,
        (from, first): (u64, u64),
        words: &[String],
        in_parts: bool,
    ) -> io::Result<(Vec<Candidate>, Names)> {
        let mut flow = Flow { in_parts, ..Flow::default() };
        let record = self.records.as_ref().map_or("", |(path, _)| path.as_str());
        let mut previous = String::new();
        reader::read(raw, from, first, |event, place| match event {
            Event::Open { .. } => {
                if place.shape == record {
                    flow.flush();
                }
                previous.clear();
            }
            Event::Close => {
                if place.shape == record {
                    flow.flush();
                }
            }
            Event::Leaf { value, is_string, line, from, to } => {
                let key = place.key();
                // What a variable holds is not told without its name: it may be a secret.
                let named = matches!(previous.as_str(), "name" | "Name" | "key" | "Key")
                    && key.eq_ignore_ascii_case("value");
                key.clone_into(&mut previous);
                if named || is_secret(value, place) {
                    return;
                }
                let points = self.judge(value, *is_string, place, words);
                let within = place.shape.strip_prefix(record).filter(|_| !record.is_empty());
                let identity = within.and_then(|within| identity(key, within));
                if identity.is_some() {
                    flow.asked |= self.names(value, words);
                }
                if points < 8 && identity.is_none() {
                    return;
                }
                let blurred: String = value.chars().filter(|c| !c.is_ascii_digit()).take(100).collect();
                let standing = Standing {
                    points,
                    signature: format!("{}\n{blurred}", place.shape),
                    path: if points >= 8 { place.jq() } else { String::new() },
                    line: *line,
                    from: *from,
                    to: *to,
                    // With quotes, a colon, a comma and what it is indented by.
                    cost: cost(value) + cost(key) + 5,
                };
                if points >= 8 {
                    flow.standing.push(standing);
                } else if let Some(order) = identity {
                    flow.names.push((order, standing));
                }
                flow.standing.truncate(MOST_OF_A_RECORD);
                flow.names.truncate(12);
            }
        })?;
        flow.flush();
        Ok((flow.candidates, flow.paths))
    }
}

/// Whether a value stands where a Secret holds its data.
fn is_secret(value: &str, place: &Place) -> bool {
    place.steps.iter().any(|step| matches!(step, Step::Key(key) if key == "data" || key == "binaryData"))
        && is_encoded(value)
}

/// What is gathered while records pass by.
#[derive(Default)]
struct Flow {
    in_parts: bool,
    /// Whether the record is one the question names.
    asked: bool,
    standing: Vec<Standing>,
    names: Vec<(u32, Standing)>,
    repeats: HashMap<String, u32>,
    candidates: Vec<Candidate>,
    paths: HashMap<(u64, u64), String>,
}

impl Flow {
    fn flush(&mut self) {
        let mut best = u32::MAX;
        let asked = if std::mem::take(&mut self.asked) { 40 } else { 0 };
        for standing in std::mem::take(&mut self.standing) {
            if self.candidates.len() >= MOST_CANDIDATES {
                break;
            }
            let repeats = if self.repeats.len() < MOST_CANDIDATES {
                self.repeats.entry(standing.signature.clone()).or_default()
            } else {
                continue;
            };
            *repeats += 1;
            if *repeats > 60 {
                continue;
            }
            let rank = 200 - (standing.points + asked).min(180) + (*repeats - 1) * 25;
            best = best.min(rank);
            self.add(rank, standing);
        }
        let mut names = std::mem::take(&mut self.names);
        names.sort_by_key(|(order, _)| *order);
        if best < u32::MAX {
            for (order, name) in names.into_iter().take(6) {
                self.add(best + order, name);
            }
        }
    }

    fn add(&mut self, rank: u32, standing: Standing) {
        let Standing { line, from, to, cost, path, .. } = standing;
        let (from, to) = if self.in_parts { (from, to) } else { (0, 0) };
        if !path.is_empty() {
            self.paths.entry((line, from)).or_insert(path);
        }
        self.candidates.push(Candidate { rank, line, from, to, cost });
    }
}

/// The chosen lines, and parts of lines joined where they are neighbours.
fn texts(raw: &Path, chosen: &[Candidate]) -> io::Result<Vec<(u64, String)>> {
    let mut joined: Vec<Candidate> = Vec::new();
    for candidate in chosen {
        match joined.last_mut() {
            Some(last)
                if last.to > 0
                    && last.line == candidate.line
                    && candidate.from <= last.to + NEAR
                    && candidate.to.saturating_sub(last.from) < LONGEST_CONDENSED as u64 =>
            {
                last.to = last.to.max(candidate.to);
            }
            _ => joined.push(*candidate),
        }
    }
    let mut file = File::open(raw)?;
    let mut reader = Lines::open(raw)?;
    let mut lines = Vec::new();
    for candidate in joined {
        if candidate.to == 0 {
            reader.skip_to(candidate.line)?;
            if let Some((number, line)) = reader.next(LONGEST_CONDENSED * 4 + MARGIN)? {
                lines.push((number, shown(line, LONGEST_CONDENSED + MARGIN)));
            }
            continue;
        }
        file.seek(SeekFrom::Start(candidate.from))?;
        let mut part = Vec::new();
        let most = (LONGEST_CONDENSED * 4 + MARGIN) as u64;
        file.by_ref().take((candidate.to - candidate.from).min(most)).read_to_end(&mut part)?;
        let text = String::from_utf8_lossy(&part).replace(['\n', '\r'], " ");
        lines.push((candidate.line, format!("…{text}…")));
    }
    Ok(lines)
}
