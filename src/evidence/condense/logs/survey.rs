//! One pass over a log: every line is hashed by its shape and counted; lines of a new shape are read closely.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use regex::bytes::{Regex, RegexBuilder};

use super::severity::{self, Severity, severity};
use super::templates::{PARTS, Place, Template, Templates};
use super::{fields, shape, trace};

/// Bytes read at once.
const BLOCK: usize = 256 * 1024;
/// Bytes of a line that its shape is made of. What follows is only searched for trouble.
const SHAPED: usize = 4 * 1024;
/// Shapes remembered; others are looked up by their words again.
const REMEMBERED: usize = 1 << 16;
/// Lines of new shapes that are read closely; by then no two lines are alike, and only trouble is.
const READ_CLOSELY: u64 = 200_000;
/// Bytes that are read even where the run is to end: a tenth of a second, so that there is something to conclude from.
const READ_ANYWAY: u64 = 16 << 20;
/// Lines with a name of the question that are remembered.
const MOST_NAMED: usize = 200;

/// What a log holds.
pub(super) struct Survey {
    pub(super) templates: Vec<Template>,
    /// Lines read, and bytes.
    pub(super) lines: u64,
    pub(super) bytes: u64,
    /// Whether that is all of them.
    pub(super) complete: bool,
    /// Lines with a name of the question: an id, an address.
    pub(super) named: Vec<Place>,
    /// The first lines of errors in the log, whatever their kind.
    pub(super) first_error: Option<Place>,
    /// Number of the first line of each part of the file.
    pub(super) starts: [u64; PARTS],
}

/// What the question asks for.
struct Sought {
    /// Words, looked for once in each kind.
    words: Option<Regex>,
    /// Words with digits, which are slots of kinds: looked for in each line.
    names: Option<Regex>,
}

impl Sought {
    fn new(words: &[String]) -> Self {
        let (names, words): (Vec<&String>, Vec<&String>) =
            words.iter().partition(|word| word.bytes().any(|byte| byte.is_ascii_digit()));
        Self {
            words: any_of(words.into_iter().filter(|word| word.len() >= 4)),
            names: any_of(names.into_iter().filter(|word| word.len() >= 3)),
        }
    }
}

fn any_of<'a>(words: impl Iterator<Item = &'a String>) -> Option<Regex> {
    let words: Vec<String> = words.take(16).map(|word| regex::escape(word)).collect();
    if words.is_empty() {
        return None;
    }
    RegexBuilder::new(&words.join("|")).case_insensitive(true).build().ok()
}

/// Shape to kind, for shapes met lately: one place for each, the later shape wins.
struct Remembered(Vec<(u64, u32)>);

impl Remembered {
    fn slot(&mut self, hash: u64) -> Option<&mut (u64, u32)> {
        let at = usize::try_from(hash).unwrap_or(usize::MAX) & (REMEMBERED - 1);
        self.0.get_mut(at)
    }
}

struct Pass<'a> {
    survey: Survey,
    templates: Templates,
    remembered: Remembered,
    sought: &'a Sought,
    /// Kind of stack frames, which are shown with their trace or not at all.
    frames: Option<u32>,
    /// Whether it is a journal as JSON, whose entries are told apart by what they say.
    journal: bool,
    read_closely: u64,
    size: u64,
}

impl Survey {
    /// Reads the file to its end, or until `stop`.
    pub(super) fn take(raw: &Path, words: &[String], stop: &AtomicBool) -> io::Result<Self> {
        let mut file = File::open(raw)?;
        let size = file.metadata()?.len();
        let sought = Sought::new(words);
        let survey = Self {
            templates: Vec::new(),
            lines: 0,
            bytes: 0,
            complete: false,
            named: Vec::new(),
            first_error: None,
            starts: [0; PARTS],
        };
        let mut pass = Pass {
            survey,
            templates: Templates::default(),
            remembered: Remembered(vec![(0, u32::MAX); REMEMBERED]),
            sought: &sought,
            frames: None,
            journal: false,
            read_closely: 0,
            size: size.max(1),
        };
        let mut block = Vec::with_capacity(2 * BLOCK);
        while pass.survey.bytes < READ_ANYWAY || !stop.load(Ordering::Relaxed) {
            let read = file.by_ref().take(BLOCK as u64).read_to_end(&mut block)?;
            let end =
                if read == 0 { block.len() } else { memchr::memrchr(b'\n', &block).map_or(0, |at| at + 1) };
            // The rest of a line longer than four blocks is passed over.
            if end == 0 && block.len() > 4 * BLOCK {
                let passed = skip_line(&mut file)?;
                pass.lines(&block);
                pass.survey.bytes += passed;
                block.clear();
                continue;
            }
            if pass.survey.lines == 0 {
                let first = block.split(|byte| *byte == b'\n').next().unwrap_or_default();
                pass.journal = fields::journal(first).is_some();
            }
            pass.lines(block.get(..end).unwrap_or_default());
            block.drain(..end);
            if read == 0 {
                pass.survey.complete = true;
                break;
            }
        }
        pass.survey.templates = pass.leave_frames();
        Ok(pass.survey)
    }
}

/// Passes over the rest of a line; how many bytes that were.
fn skip_line(file: &mut File) -> io::Result<u64> {
    let mut block = vec![0; BLOCK];
    let mut passed = 0;
    loop {
        let read = file.read(&mut block)?;
        if read == 0 {
            return Ok(passed);
        }
        if let Some(at) = memchr::memchr(b'\n', block.get(..read).unwrap_or_default()) {
            let back = i64::try_from(read - at - 1).unwrap_or(0);
            file.seek(SeekFrom::Current(-back))?;
            return Ok(passed + at as u64 + 1);
        }
        passed += read as u64;
    }
}

impl Pass<'_> {
    /// Whole lines, with or without a line feed behind the last.
    fn lines(&mut self, block: &[u8]) {
        let names = self
            .sought
            .names
            .as_ref()
            .filter(|names| self.survey.named.len() < MOST_NAMED && names.is_match(block));
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', block).chain([block.len()]) {
            if from < block.len() {
                let line = block.get(from..end).unwrap_or_default();
                let place = Place { number: self.survey.lines + 1, offset: self.survey.bytes + from as u64 };
                if let Some(names) = names
                    && self.survey.named.len() < MOST_NAMED
                    && names.is_match(line)
                {
                    self.survey.named.push(place);
                }
                self.line(line, place);
                self.survey.lines += 1;
            }
            from = end + 1;
        }
        self.survey.bytes += block.len() as u64;
    }

    fn line(&mut self, line: &[u8], place: Place) {
        let entry = if self.journal { fields::journal(line) } else { None };
        let told = entry.map_or(line, |(message, _)| message);
        let (shaped, rest) = told.split_at(told.len().min(SHAPED));
        let mut hash = shape::hash(shaped) ^ entry.map_or(0, |(_, priority)| u64::from(priority) << 40);
        if !rest.is_empty() && severity::trouble_at(rest).is_some() {
            hash = !hash;
        }
        // Zero marks a place that is free.
        let hash = hash.max(1);
        let known = self.remembered.slot(hash).filter(|slot| slot.0 == hash).map(|slot| slot.1);
        let id = match known {
            Some(id) if self.templates.is_root(id) => id,
            Some(id) => self.remember(hash, self.templates.root(id)),
            None => {
                let id = self.read(line, place);
                self.remember(hash, id)
            }
        };
        let part = self.part(place.offset);
        if let Some(template) = self.templates.get_mut(id) {
            template.count(place, part);
        }
        if let Some(start) = self.survey.starts.get_mut(part)
            && *start == 0
        {
            *start = place.number;
        }
    }

    fn remember(&mut self, hash: u64, id: u32) -> u32 {
        if let Some(slot) = self.remembered.slot(hash) {
            *slot = (hash, id);
        }
        id
    }

    fn part(&self, offset: u64) -> usize {
        usize::try_from(offset.saturating_mul(PARTS as u64) / self.size).unwrap_or(0).min(PARTS - 1)
    }

    /// The kind of a line whose shape is new.
    fn read(&mut self, line: &[u8], place: Place) -> u32 {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.read_closely += 1;
        if self.read_closely > READ_CLOSELY && !severity::may_be_trouble(line.get(..SHAPED).unwrap_or(line)) {
            return self.templates.shared(Severity::Plain, place);
        }
        if trace::is_frame(line) {
            let id = match self.frames {
                Some(id) => id,
                None => self.templates.apart(Severity::Quiet, place),
            };
            self.frames = Some(id);
            return id;
        }
        let entry = if self.journal { fields::journal(line) } else { None };
        let severity = match entry {
            Some((message, priority)) => severity::of_journal(message, priority),
            None => severity(line),
        };
        let told = entry.map_or(line, |(message, _)| message);
        if severity >= Severity::Error && self.survey.first_error.is_none() {
            self.survey.first_error = Some(place);
        }
        let id = self.templates.kind(severity, shape::words(told.get(..SHAPED).unwrap_or(told)), place);
        if self.sought.words.as_ref().is_some_and(|words| words.is_match(line))
            && let Some(template) = self.templates.get_mut(id)
        {
            template.asked = true;
        }
        id
    }

    /// The kinds without that of stack frames.
    fn leave_frames(&mut self) -> Vec<Template> {
        if let Some(frames) = self.frames.and_then(|id| self.templates.get_mut(id)) {
            frames.count = 0;
        }
        std::mem::take(&mut self.templates).into_roots()
    }
}
