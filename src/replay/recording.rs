//! A record as a replay needs it: what the run began with, what came in, how it ended.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::agent::{Event, Finish, Message, Opening, Rewritten, ToolCall, Unusable};
use crate::answer::Answer;
use crate::evidence::view::read_views;
use crate::evidence::{AsRecorded, Exhibit, Lines, Redactor, raw_path};
use crate::question::Question;
use crate::record::{OPENING_FORMAT, Recorded};

/// Bytes of a raw line that are searched for secrets.
const LONGEST_LINE: usize = 64 * 1024;

/// Why a record cannot be replayed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ReplayError {
    #[error("run `{0}` was recorded without what a replay begins with: by an older holmes-rs, or cut off")]
    NoOpening(String),
    #[error("run `{id}` is recorded in format {format}; this holmes-rs replays {OPENING_FORMAT}")]
    Newer { id: String, format: u32 },
    #[error("the record of run `{0}` ends before an answer: there is nothing to compare a replay with")]
    Unfinished(String),
    #[error("{0} lines of the record of run `{1}` cannot be read: it is no whole record")]
    Damaged(usize, String),
}

/// Raw output of one exhibit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Raw {
    pub path: PathBuf,
    /// As the tool printed it; an export holds less.
    pub whole: bool,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq)]
pub struct End {
    pub answer: Answer,
    pub finish: Finish,
    /// Who answered.
    pub model: String,
    pub duration_seconds: f64,
    pub exit_code: u8,
    pub rewritten: Option<Rewritten>,
}

/// A part of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// The loop was at work, from a question to the answer.
    Driven(Vec<Event>),
    /// What a person did between two answers, or what is left of work that was cut off.
    Told(Box<Event>),
}

/// Everything of a run.
#[derive(Debug, Clone)]
pub struct Recording {
    pub run_id: String,
    pub question: Question,
    pub model: String,
    /// RFC 3339.
    pub started_at: String,
    pub opening: Opening,
    pub usable: Vec<String>,
    pub unusable: Vec<Unusable>,
    /// All, in order.
    pub events: Vec<Event>,
    /// By number.
    pub exhibits: BTreeMap<u32, Exhibit>,
    /// Calls of the exhibits that a tool made.
    pub calls: BTreeMap<u32, ToolCall>,
    pub raw: BTreeMap<u32, Raw>,
    /// `None` while it runs, or where it was cut off.
    pub end: Option<End>,
    /// Distinct secrets that were replaced.
    secrets: usize,
}

impl Recording {
    /// Of a record whose raw outputs are in `folder`; those of `altered` are not as the tool printed them.
    ///
    /// # Errors
    /// When the record is of an older or newer version, or damaged.
    pub fn new(run: Recorded, folder: &Path, altered: &BTreeSet<u32>) -> Result<Self, ReplayError> {
        let id = run.summary.run_id.clone();
        if run.unreadable > 0 {
            return Err(ReplayError::Damaged(run.unreadable, id));
        }
        let events: Vec<Event> = run.events.into_iter().map(|(_, event)| event).collect();
        let opening = events.iter().find_map(|event| match event {
            Event::Opened { opening } => Some(opening.as_ref().clone()),
            _ => None,
        });
        let opening = opening.ok_or_else(|| ReplayError::NoOpening(id.clone()))?;
        if opening.format != OPENING_FORMAT {
            return Err(ReplayError::Newer { id, format: opening.format });
        }
        let mut recording = Self {
            run_id: id,
            question: Question::default(),
            model: run.summary.model,
            started_at: run.summary.started_at,
            opening,
            usable: Vec::new(),
            unusable: Vec::new(),
            events: Vec::new(),
            exhibits: BTreeMap::new(),
            calls: BTreeMap::new(),
            raw: BTreeMap::new(),
            end: None,
            secrets: 0,
        };
        let mut concluded = None;
        for event in &events {
            match event {
                Event::RunStarted { question, .. } => recording.question = question.clone(),
                Event::ToolsetsChecked { usable, unusable } => {
                    recording.usable.clone_from(usable);
                    recording.unusable.clone_from(unusable);
                }
                Event::ToolStarted { exhibit, call, .. } => {
                    recording.calls.insert(*exhibit, call.clone());
                }
                Event::ToolFinished { exhibit } => {
                    recording.exhibits.insert(exhibit.id, exhibit.clone());
                    let path = raw_path(folder, exhibit.id);
                    // Not behind a link: an export would carry off what it points to.
                    if path.symlink_metadata().is_ok_and(|file| file.is_file()) {
                        let whole = !altered.contains(&exhibit.id);
                        recording.raw.insert(exhibit.id, Raw { path, whole });
                    }
                }
                // What follows has an end of its own.
                Event::TurnStarted { .. } | Event::Continued => {
                    (concluded, recording.end) = (None, None);
                }
                Event::Concluded { answer, finish } => concluded = Some((answer.clone(), *finish)),
                Event::Ended { model, duration_seconds, exit_code, secrets, rewritten } => {
                    recording.secrets = *secrets;
                    recording.end = concluded.take().map(|(answer, finish)| End {
                        answer,
                        finish,
                        model: model.clone(),
                        duration_seconds: *duration_seconds,
                        exit_code: *exit_code,
                        rewritten: rewritten.clone(),
                    });
                }
                _ => {}
            }
        }
        recording.events = events;
        Ok(recording)
    }

    /// How it ended.
    ///
    /// # Errors
    /// When the record ends before that.
    pub fn end(&self) -> Result<&End, ReplayError> {
        self.end.as_ref().ok_or_else(|| ReplayError::Unfinished(self.run_id.clone()))
    }

    /// Tells `redactor` what the run knew to be secret, as far as its outputs show.
    pub fn teach(&self, redactor: &Redactor) {
        for (id, exhibit) in &self.exhibits {
            let Some(raw) = self.raw.get(id).filter(|_| exhibit.view.contains("<secret:")) else {
                continue;
            };
            let Ok(mut lines) = Lines::open(&raw.path) else { continue };
            for (number, shown) in read_views(&exhibit.view).into_iter().flat_map(|view| view.lines) {
                if !shown.contains("<secret:") || lines.skip_to(number).is_err() {
                    continue;
                }
                if let Ok(Some((_, line))) = lines.next(LONGEST_LINE) {
                    let line = crate::evidence::untrusted::visible(&String::from_utf8_lossy(line));
                    redactor.remember(&line, &shown);
                }
            }
        }
        redactor.reserve(self.secrets);
    }

    /// What a store takes from the record in a replay to the byte: durations, and views of outputs that are
    /// not whole any more.
    #[must_use]
    pub fn as_recorded(&self) -> BTreeMap<u32, AsRecorded> {
        let recorded = |(id, exhibit): (&u32, &Exhibit)| {
            let whole = exhibit.bytes == 0 || self.raw.get(id).is_some_and(|raw| raw.whole);
            let view = (!whole).then(|| (exhibit.view.clone(), exhibit.condensed));
            let Exhibit { seconds, started_seconds, .. } = *exhibit;
            (*id, AsRecorded { seconds, started_seconds, view })
        };
        self.exhibits.iter().map(recorded).collect()
    }

    /// The last question, and when it was asked: the run's own, where it had no other.
    #[must_use]
    pub fn last_asked(&self) -> (&Question, &str) {
        let mut last = (&self.question, self.started_at.as_str());
        let mut resumed = None;
        for event in &self.events {
            match event {
                Event::TurnStarted { question, started_at, .. } => last = (question, started_at),
                Event::Resumed { resumption } => resumed = Some(resumption.resumed_at.as_str()),
                // Its time is counted from there.
                Event::Continued => last.1 = resumed.unwrap_or(last.1),
                _ => {}
            }
        }
        last
    }

    /// What happened after the run was opened, in its parts.
    #[must_use]
    pub fn parts(&self) -> Vec<Part> {
        let opened = self.events.iter().position(|event| matches!(event, Event::Opened { .. }));
        let asked = self.opening.messages.iter().any(|message| matches!(message, Message::User { .. }));
        let told = |event: Event| Part::Told(Box::new(event));
        let mut parts = Vec::new();
        let mut driven: Option<Vec<Event>> = asked.then(Vec::new);
        for event in self.events.iter().skip(opened.map_or(0, |at| at + 1)) {
            match (event, &mut driven) {
                (Event::Ended { .. }, Some(_)) => {
                    parts.extend(driven.take().map(Part::Driven));
                    parts.push(told(event.clone()));
                }
                (Event::Resumed { .. } | Event::TurnStarted { .. } | Event::Edited { .. }, Some(_)) => {
                    // It was cut off: what there is of it is taken as it is.
                    parts.extend(driven.take().into_iter().flatten().map(told));
                    parts.push(told(event.clone()));
                    driven = matches!(event, Event::TurnStarted { .. }).then(Vec::new);
                }
                (_, Some(driven)) => driven.push(event.clone()),
                (_, None) => {
                    parts.push(told(event.clone()));
                    driven = matches!(event, Event::TurnStarted { .. } | Event::Continued).then(Vec::new);
                }
            }
        }
        parts.extend(driven.into_iter().flatten().map(told));
        parts
    }

    /// The record of one driven part, with what was there at its time.
    #[must_use]
    pub fn part(&self, opening: &Opening, events: &[Event]) -> Self {
        let started: BTreeSet<u32> = events
            .iter()
            .filter_map(|event| match event {
                Event::ToolStarted { exhibit, .. } => Some(*exhibit),
                _ => None,
            })
            .collect();
        let calls = self.calls.iter().filter(|(id, _)| started.contains(id));
        Self {
            opening: opening.clone(),
            events: events.to_vec(),
            calls: calls.map(|(id, call)| (*id, call.clone())).collect(),
            ..self.clone()
        }
    }

    /// Model calls the run made, and tool calls.
    #[must_use]
    pub fn size(&self) -> (usize, usize) {
        let requests = self.events.iter().filter(|event| matches!(event, Event::ModelRequested { .. }));
        (requests.count(), self.exhibits.len())
    }
}
