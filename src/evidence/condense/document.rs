//! Chooses the lines of a document (`kubectl describe`, YAML, `systemctl status`, settings) that tell how things are.
//!
//! Keys and indentation give each line a path; lines whose value is rare for its path, or speaks of trouble, come
//! first, each with the headings it stands under. Bookkeeping (managed fields, ids, certificates) is dropped.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use super::judge::{Values, is_encoded, is_trouble, is_well, names_few, number, tally};
use super::pick::{Candidate, MOST_CANDIDATES, cost, notes_within, pick, whole_lines};
use super::{Condensed, LONGEST_CONDENSED, Wanted};
use crate::evidence::lines::Lines;

/// Paths counted.
const MOST_PATHS: usize = 4_000;
/// Headings above a line that are remembered.
const DEEPEST: usize = 16;
/// Lines of no note that fill what is left of an allowance.
const MOST_FILLERS: usize = 1_000;
const LONGEST_LINE: usize = 1_200;

/// Keys below which nothing is a cause.
const NOISE: &[&str] = &[
    "managedFields",
    "uid",
    "UID",
    "resourceVersion",
    "selfLink",
    "creationTimestamp",
    "generation",
    "Container ID",
    "Image ID",
    "containerID",
    "imageID",
    "kubectl.kubernetes.io/last-applied-configuration",
    "pod-template-hash",
    "QoS Class",
    "Tolerations",
    "tolerations",
    "Node-Selectors",
    "Lease",
    "HolderIdentity",
    "RenewTime",
    "AcquireTime",
    "System UUID",
    "Machine ID",
    "Boot ID",
    "lastProbeTime",
    "lastTransitionTime",
    "lastHeartbeatTime",
    "caBundle",
    "clusterIPs",
    "ipFamilies",
    "ownerReferences",
    "Optional",
    "DownwardAPI",
    "TokenExpirationSeconds",
    "ConfigMapOptional",
    "ConfigMapName",
    "blockOwnerDeletion",
    "fieldsV1",
    "terminationMessagePath",
];

/// Keys worth a look where nothing stands out.
const TELLING: &[&str] = &[
    "image",
    "state",
    "last state",
    "laststate",
    "reason",
    "message",
    "exit code",
    "exitcode",
    "restart count",
    "replicas",
    "ready",
    "phase",
    "status",
    "conditions",
    "limits",
    "requests",
    "memory",
    "cpu",
    "liveness",
    "readiness",
    "startup",
    "events",
    "active",
    "node",
    "process",
    "main pid",
    "result",
    "command",
    "environment",
];

/// Whether `beginning` is the beginning of a document: keys with values, indented.
pub(super) fn is_document(beginning: &[u8]) -> bool {
    let text = String::from_utf8_lossy(beginning);
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).take(120).collect();
    if lines.len() < 8 {
        return false;
    }
    let keys: Vec<&str> = lines.iter().filter_map(|line| key_of(line)).map(|(_, key, _)| key).collect();
    let keyed = if distinct(&keys) >= 6 { keys.len() } else { 0 };
    let nested = lines.iter().filter(|line| line.starts_with("  ") || line.starts_with("- ")).count();
    let names: Vec<&str> = lines.iter().filter_map(|line| setting_of(line)).map(|(name, _)| name).collect();
    // `INFO: …` on each line is a log.
    let settings = if distinct(&names) * 2 >= names.len() { names.len() } else { 0 };
    // What kubectl writes is told by its first line, however long its lists and tables are.
    let first = lines.first().copied().unwrap_or_default();
    let object = keyed >= 6 && (first.starts_with("Name:  ") || first.starts_with("apiVersion: "));
    let unit = lines.first().is_some_and(|line| line.starts_with(['●', '×', '○']));
    (keyed * 10 >= lines.len() * 6 && nested * 5 >= lines.len())
        || settings * 10 >= lines.len() * 8
        || object
        || (unit && keyed > 3)
}

fn distinct(names: &[&str]) -> usize {
    names.iter().collect::<HashSet<_>>().len()
}

/// Key and value of `key: value`, `Key:   value` or `- key: value`, with the key's column.
fn key_of(line: &str) -> Option<(usize, &str, &str)> {
    let mut rest = line.trim_start();
    let mut column = line.len() - rest.len();
    while let Some(item) = rest.strip_prefix("- ") {
        column += rest.len() - item.trim_start().len();
        rest = item.trim_start();
    }
    let (key, value) = rest.split_once(':')?;
    let named = !key.is_empty()
        && key.len() <= 70
        && key.bytes().all(|b| {
            b.is_ascii_alphanumeric() || matches!(b, b' ' | b'-' | b'_' | b'.' | b'/' | b'"' | b'(' | b')')
        })
        && key.split(' ').count() <= 4
        && !key.starts_with(|c: char| c.is_ascii_digit());
    (named && (value.is_empty() || value.starts_with([' ', '\t'])))
        .then(|| (column, key.trim_matches('"'), value.trim()))
}

/// Name and value of `name = value` or `name=value` or `name:value`.
fn setting_of(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.trim().split_once(['=', ':'])?;
    // Several `name=value` on one line are a log's.
    if value.contains(' ') && value.matches('=').count() > 1 {
        return None;
    }
    let name = name.trim();
    let named = !name.is_empty()
        && name.len() <= 80
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/'));
    (named && !name.starts_with(|c: char| c.is_ascii_digit())).then(|| (name, value.trim()))
}

/// Where in the document a line stands.
#[derive(Default)]
struct Walk {
    /// Column, key and line of each open heading.
    open: Vec<(usize, String, u64)>,
    /// Column below which all is noise.
    noise: Option<usize>,
    /// Line on which the present document begins.
    document: u64,
    certificate: bool,
    blank: bool,
    /// Whether the line before names what a `value:` below it is of.
    named: bool,
    /// Whether the document is one the question names.
    asked: bool,
    /// The line that names the document, and its tokens.
    name: Option<(u64, u64)>,
    /// Quote of a value that goes on until the line that closes it: what looks like keys there is none.
    quote: Option<char>,
    /// Path of a heading whose value may be the text below it.
    heading: Option<String>,
}

/// A line as it is judged.
struct Read<'a> {
    path: String,
    /// Empty for a line that goes on with a value.
    key: &'a str,
    value: &'a str,
}

impl Walk {
    /// Takes a line; `None` for noise.
    fn take<'a>(&mut self, number: u64, line: &'a str) -> Option<Read<'a>> {
        let text = line.trim_end();
        let column = text.len() - text.trim_start().len();
        if self.certificate || text.contains("-----BEGIN ") {
            self.certificate = !text.contains("-----END ");
            return None;
        }
        let begins = text.starts_with("---")
            || text.starts_with("- apiVersion:")
            || text.starts_with(['●', '×', '○'])
            || (self.blank && column == 0 && text.starts_with("Name:"));
        self.blank = text.is_empty();
        if begins {
            self.document = number;
            self.asked = false;
            self.name = None;
            self.quote = None;
            self.open.clear();
            self.noise = None;
        }
        if text.is_empty() {
            return None;
        }
        let goes_on = self.quote.is_some();
        let keyed = if goes_on { None } else { key_of(text) };
        let value = keyed.map_or(text.trim(), |(_, _, value)| value);
        self.quote = self
            .quote
            .or_else(|| value.chars().next().filter(|c| keyed.is_some() && matches!(c, '\'' | '"')));
        self.quote = self.quote.filter(|quote| is_left_open(value, *quote, goes_on));
        let heading = self.heading.take();
        let at = keyed.map_or(column, |(at, ..)| at);
        if let Some(noise) = self.noise {
            if column > noise || (column == noise && text.trim_start().starts_with("- ")) {
                return None;
            }
            self.noise = None;
        }
        if goes_on {
            return Some(Read { path: String::new(), key: "", value: text.trim() });
        }
        while self.open.last().is_some_and(|(open, ..)| *open >= at) {
            self.open.pop();
        }
        let (key, value) = match keyed {
            Some((_, key, value)) => (key, value),
            None => setting_of(text).unwrap_or(("", text.trim())),
        };
        if let Some(path) = heading
            && key.is_empty()
            && !value.starts_with("- ")
        {
            return Some(Read { path, key, value });
        }
        // What a variable holds is not told without its name: it may be a secret. So may what a Secret holds.
        let named = std::mem::replace(&mut self.named, matches!(key, "name" | "key"));
        if (named && key == "value") || (self.within("data") && is_encoded(value)) {
            return None;
        }
        if NOISE.contains(&key) {
            self.noise = Some(at);
            return None;
        }
        let mut path = String::new();
        for (_, key, _) in &self.open {
            path.push_str(key);
            path.push('.');
        }
        path.push_str(key);
        if keyed.is_some() && value.is_empty() {
            self.heading = Some(format!("{path}.text"));
        }
        if keyed.is_some() && self.open.len() < DEEPEST {
            self.open.push((at, key.to_owned(), number));
        }
        Some(Read { path, key, value })
    }

    fn within(&self, key: &str) -> bool {
        self.open.iter().any(|(_, open, _)| open.eq_ignore_ascii_case(key))
    }
}

/// Whether the quote that a value began with, here or on a line before, is not closed by the end of `text`.
fn is_left_open(text: &str, quote: char, goes_on: bool) -> bool {
    let text = if goes_on { text } else { text.strip_prefix(quote).unwrap_or(text) };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c == '\\' && quote == '"' {
            chars.next();
        } else if c == quote {
            // Two of them are one within the value.
            if quote == '\'' && chars.peek() == Some(&quote) {
                chars.next();
            } else {
                return false;
            }
        }
    }
    true
}

#[derive(Default)]
struct Survey {
    lines: u64,
    documents: u64,
    paths: HashMap<String, Values>,
    words: Vec<u64>,
}

impl Survey {
    fn take(raw: &Path, words: &[String]) -> io::Result<Self> {
        let mut survey = Self { words: vec![0; words.len()], ..Self::default() };
        let mut reader = Lines::open(raw)?;
        let mut walk = Walk::default();
        let mut document = 0;
        while let Some((number, line)) = reader.next(LONGEST_LINE)? {
            let text = String::from_utf8_lossy(line);
            survey.lines = number;
            let lower = text.to_lowercase();
            for (word, count) in words.iter().zip(&mut survey.words) {
                *count += u64::from(lower.contains(word.as_str()));
            }
            let read = walk.take(number, &text);
            if walk.document != document || survey.documents == 0 {
                document = walk.document;
                survey.documents += 1;
            }
            let Some(read) = read else { continue };
            let path = blurred(&read.path);
            if !survey.paths.contains_key(&path) && survey.paths.len() < MOST_PATHS {
                survey.paths.insert(path.clone(), Values::default());
            }
            if let Some(values) = survey.paths.get_mut(&path) {
                values.add(read.value);
            }
        }
        survey.paths.values_mut().for_each(Values::settle);
        Ok(survey)
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.documents > 2 {
            notes.push(format!(
                "{} documents in {} lines; what stands out is below",
                self.documents, self.lines
            ));
        }
        let mut tallies: Vec<_> = self
            .paths
            .iter()
            .filter(|(path, _)| telling(path.rsplit('.').next().unwrap_or_default()))
            .filter_map(|(path, values)| Some((path, values.by_count()?)))
            .filter(|(_, values)| values.len() > 1 && values.len() <= 8)
            .collect();
        tallies.sort_by_key(|(path, _)| (path.len(), path.as_str()));
        notes.extend(tallies.iter().take(8).map(|(path, values)| tally(path, values, 4)));
        notes
    }

    /// Whether a name is one of few the question speaks of.
    fn names(&self, name: &str, words: &[String]) -> bool {
        names_few(name, words, &self.words, self.lines.max(200) / 20)
    }

    fn judge(&self, read: &Read<'_>, line: &str, walk: &Walk, words: &[String]) -> u32 {
        let mut points = 0;
        let lower = line.to_lowercase();
        for (word, count) in words.iter().zip(&self.words) {
            if *count * 20 <= self.lines.max(200) && lower.contains(word.as_str()) {
                points += if *count <= 4 { 30 } else { 15 };
            }
        }
        let key = read.key.to_ascii_lowercase();
        if walk.asked {
            points += 25;
        }
        let trouble = is_trouble(read.value);
        let state = key.ends_with("status")
            || matches!(
                key.as_str(),
                "status"
                    | "state"
                    | "last state"
                    | "phase"
                    | "reason"
                    | "ready"
                    | "active"
                    | "health"
                    | "type"
                    | "level"
                    | "severity"
                    | "result"
            );
        if matches!(key.as_str(), "exit code" | "exitcode" | "execmainstatus") && read.value != "0" {
            points += 45;
        }
        if matches!(key.as_str(), "restart count" | "restartcount") && read.value != "0" {
            points += 20;
        }
        if key == "replicas" && (read.value == "0" || read.value.contains(" 0 available")) {
            points += 45;
        }
        if matches!(key.as_str(), "message" | "reason") && trouble {
            points += 40;
        } else if state && trouble {
            points += 30;
        } else if state && !is_well(read.value) && !read.value.is_empty() {
            points += 6;
        } else if trouble {
            points += 12;
        }
        if state && read.value.trim_matches('"').eq_ignore_ascii_case("false") {
            points += 20;
        }
        // A condition of a describe: `DiskPressure  True  …`, `Ready  False  …`.
        if read.key.is_empty() && walk.within("conditions") {
            let mut cells = line.split_whitespace();
            let (name, status) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
            let bad =
                name.ends_with("Pressure") || name.ends_with("Unavailable") || name.ends_with("Failure");
            points += match status {
                "True" if bad => 60,
                "False" | "Unknown" if !bad && name.starts_with(|c: char| c.is_uppercase()) => 40,
                _ => 0,
            };
        }
        if line.split_whitespace().next() == Some("Warning") {
            points += 35;
        }
        if let Some(values) = self.paths.get(&blurred(&read.path))
            && (!read.key.is_empty() || read.path.rsplit('.').next() == Some("text"))
        {
            if values.seen == 1 && self.lines >= 500 && self.paths.len() as u64 * 20 < self.lines {
                points += 20;
            }
            if values.is_rare(read.value) {
                points += if number(read.value).is_some() { 28 } else { 35 };
            }
            if values.is_outlier(read.value) {
                points += 30;
            }
            if self.documents >= 10 && values.seen * 33 <= self.documents {
                points += 20;
            }
        }
        if points == 25 && walk.asked && !telling(read.key) {
            return 4;
        }
        if points == 0 && telling(read.key) {
            points = if self.documents > 3 { 1 } else { 5 };
        }
        points
    }
}

/// A path without its digits: numbered names are one.
fn blurred(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}

fn telling(key: &str) -> bool {
    TELLING.contains(&key.to_ascii_lowercase().as_str())
}

/// Chooses the lines; `None` when there is nothing to tell lines apart by.
pub(super) fn condense(raw: &Path, wanted: Wanted<'_>) -> io::Result<Option<Condensed>> {
    let survey = Survey::take(raw, wanted.words)?;
    if survey.paths.len() < 4 {
        return Ok(None);
    }
    let (notes, spent) = notes_within(survey.notes(), wanted.allowance / 6);
    let mut candidates = Vec::new();
    let mut repeats: HashMap<String, u32> = HashMap::new();
    let mut costs: HashMap<u64, u64> = HashMap::new();
    let mut walk = Walk::default();
    let mut reader = Lines::open(raw)?;
    let mut last = None;
    // Column and rank of a value that may go on on the next lines.
    let mut begun: Option<(usize, u32)> = None;
    let mut fillers = 0;
    while let Some((number, line)) = reader.next(LONGEST_LINE)? {
        let text = String::from_utf8_lossy(line);
        let Some(read) = walk.take(number, &text) else { continue };
        last = Some(Candidate::line(850, number, &text));
        if number <= 3 {
            candidates.push(Candidate::line(300, number, &text));
        }
        if number == walk.document || walk.open.last().is_some_and(|(_, _, opened)| *opened == number) {
            costs.insert(number, cost(&text));
            if costs.len() > 4 * DEEPEST {
                let oldest = number.saturating_sub(2_000);
                let document = walk.document;
                let open: Vec<u64> = walk.open.iter().map(|(_, _, line)| *line).collect();
                costs.retain(|line, _| *line >= oldest || *line == document || open.contains(line));
            }
        }
        if read.key.eq_ignore_ascii_case("name") && walk.open.len() <= 2 {
            walk.asked |= survey.names(read.value, wanted.words);
            walk.name = walk.name.or(Some((number, cost(&text))));
        }
        let column = text.len() - text.trim_start().len();
        if let Some((_, rank)) = begun.filter(|(at, _)| read.key.is_empty() && column > *at) {
            candidates.push(Candidate::line(rank + 1, number, &text));
            continue;
        }
        begun = None;
        let points = survey.judge(&read, &text, &walk, wanted.words);
        if points == 0 && fillers < MOST_FILLERS {
            fillers += 1;
            candidates.push(Candidate::line(700, number, &text));
        }
        if points == 0 || candidates.len() + DEEPEST >= MOST_CANDIDATES {
            continue;
        }
        let signature: String = if read.key.is_empty() {
            text.chars().rev().filter(|c| !c.is_ascii_digit()).take(60).collect()
        } else {
            format!("{}\n{}", read.path, read.value.chars().take(80).collect::<String>())
        };
        if repeats.len() >= MOST_CANDIDATES && !repeats.contains_key(&signature) {
            continue;
        }
        let count = repeats.entry(signature).or_default();
        *count += 1;
        if *count > 60 {
            continue;
        }
        let rank = 200 - points.min(150) + (*count - 1) * 25;
        candidates.push(Candidate::line(rank, number, &text));
        if points >= 12 && !read.key.is_empty() && !read.value.is_empty() {
            begun = Some((column, rank));
        }
        if points >= 12 {
            // The headings it stands under say whose value it is.
            if let Some((line, cost)) = walk.name.filter(|(line, _)| *line < number) {
                candidates.push(Candidate { rank: rank + 1, line, from: 0, to: 0, cost });
            }
            let above = walk.open.iter().map(|(_, _, line)| *line).filter(|line| *line < number);
            for heading in above.chain([walk.document]).filter(|line| *line > 0) {
                if let Some(cost) = costs.get(&heading) {
                    candidates.push(Candidate { rank: rank + 1, line: heading, from: 0, to: 0, cost: *cost });
                }
            }
        }
    }
    candidates.extend(last);
    let lines = whole_lines(raw, pick(candidates, wanted.allowance.saturating_sub(spent)))?;
    Ok(Some(Condensed { notes, lines, longest: LONGEST_CONDENSED, left_out: true }))
}
