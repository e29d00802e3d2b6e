//! What was asked and answered in a session, as far back as it is known: for `/last`, `/export`, `/retry` and what is marked as
//! cited. A run that goes on brings its earlier questions from its record.

use std::collections::BTreeSet;

use crate::agent::{Edit, Event, Finish};
use crate::evidence::Exhibit;
use crate::question::Question;
use crate::replay::Recording;
use crate::sink::{Budget, Investigation};

/// An exhibit that a person shows the model.
#[derive(Debug, Clone)]
pub(super) struct Shown {
    pub exhibit: Exhibit,
    /// Listeners have heard of it.
    pub told: bool,
}

/// A question as it was typed, with what went with it.
#[derive(Debug, Clone, Default)]
pub(super) struct Asked {
    pub text: String,
    pub shown: Vec<Shown>,
    pub runbook: Option<String>,
}

/// One question and what came of it: nothing yet, while it runs or when it was cut off.
#[derive(Debug, Default)]
struct Told {
    asked: Asked,
    answer: Option<Investigation>,
}

#[derive(Debug, Default)]
pub(super) struct Turns {
    list: Vec<Told>,
}

impl Turns {
    pub(super) fn asked(&mut self, asked: Asked) {
        self.list.push(Told { asked, answer: None });
    }

    pub(super) fn answered(&mut self, investigation: Investigation) {
        if let Some(last) = self.list.last_mut() {
            last.answer = Some(investigation);
        }
    }

    /// The last question, which is then not there any more.
    pub(super) fn take_back(&mut self) -> Option<Asked> {
        self.list.pop().map(|told| told.asked)
    }

    pub(super) fn last_asked(&self) -> Option<&Asked> {
        self.list.last().map(|told| &told.asked)
    }

    /// The newest answer.
    pub(super) fn last(&self) -> Option<&Investigation> {
        self.answers().next_back()
    }

    /// Oldest first.
    pub(super) fn answers(&self) -> impl DoubleEndedIterator<Item = &Investigation> {
        self.list.iter().filter_map(|told| told.answer.as_ref())
    }

    /// Questions, oldest first, and whether they have an answer.
    pub(super) fn questions(&self) -> impl DoubleEndedIterator<Item = (&str, bool)> {
        self.list.iter().map(|told| (told.asked.text.as_str(), told.answer.is_some()))
    }

    /// Lines of an exhibit that any answer cites and that were found there.
    pub(super) fn cited(&self, exhibit: u32) -> BTreeSet<u64> {
        let findings = self.answers().flat_map(|answer| &answer.answer.findings);
        findings
            .filter(|finding| finding.exhibit == exhibit && finding.verified)
            .filter_map(|finding| finding.lines)
            .flat_map(|(first, last)| first..=last.min(first.saturating_add(1_000)))
            .collect()
    }

    /// Whether any answer cites it.
    pub(super) fn cites(&self, exhibit: u32) -> bool {
        self.answers().any(|answer| answer.answer.findings.iter().any(|finding| finding.exhibit == exhibit))
    }

    /// What a record says was asked and answered.
    pub(super) fn of(recording: &Recording) -> Self {
        let mut turns = Self::default();
        let mut attached: Vec<Shown> = Vec::new();
        let mut started = recording.started_at.clone();
        let first = Question { text: recording.question.text.clone(), ..Question::default() };
        for event in &recording.events {
            match event {
                Event::RunStarted { .. } if !first.text.is_empty() => {
                    turns.asked(Asked { text: first.text.clone(), ..Asked::default() });
                }
                Event::TurnStarted { question, started_at, .. } => {
                    started.clone_from(started_at);
                    let shown = std::mem::take(&mut attached);
                    turns.asked(Asked { text: question.text.clone(), shown, runbook: None });
                }
                Event::ToolFinished { exhibit } if exhibit.is_attachment() => {
                    attached.push(Shown { exhibit: exhibit.clone(), told: true });
                }
                Event::ToolStarted { .. } | Event::ModelRequested { .. } => {
                    // What was attached to the first question came after it.
                    if let (1, Some(only)) = (turns.list.len(), turns.list.first_mut()) {
                        only.asked.shown.append(&mut attached);
                    }
                }
                Event::Edited { edit: Edit::Undone } => {
                    turns.take_back();
                }
                Event::Concluded { answer, finish } => {
                    let text = turns.last_asked().map(|asked| asked.text.clone()).unwrap_or_default();
                    turns.answered(recorded(recording, &text, &started, answer.clone(), *finish));
                }
                _ => {}
            }
        }
        turns
    }
}

fn recorded(
    recording: &Recording,
    question: &str,
    started_at: &str,
    answer: crate::answer::Answer,
    finish: Finish,
) -> Investigation {
    Investigation {
        run_id: recording.run_id.clone(),
        question: Question { text: question.to_owned(), ..Question::default() },
        model: recording.model.clone(),
        answer,
        exhibits: recording.exhibits.values().cloned().collect(),
        messages: Vec::new(),
        usage: crate::agent::Usage::default(),
        calls: 0,
        summaries: 0,
        cost: None,
        finish,
        started_at: started_at.to_owned(),
        duration_seconds: 0.0,
        budget: Budget::default(),
        metadata: serde_json::Map::new(),
        sections: Vec::new(),
    }
}
