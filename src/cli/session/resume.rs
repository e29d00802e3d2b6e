//! A run that goes on: `ask -c -i`, `ask --resume RUN -i`, `/resume`. What was asked, what it came to, and what it was cut off in.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::words::one_line;
use super::{Session, Turns};
use crate::agent::machine::Effect;
use crate::cli::failure::Failure;
use crate::cli::investigation::Run;
use crate::record::{self, Recorded};
use crate::replay::Recording;
use crate::session;
use crate::ui::{sanitize, wrapped};

/// Runs that are listed.
const LISTED: usize = 15;
/// Questions that a recap tells.
const RECALLED: usize = 5;

impl Session {
    /// The present run has been one that goes on. `waits`: nothing is asked yet.
    pub(super) fn take_up(&mut self, recording: &Recording, waits: bool) {
        for event in &recording.events {
            self.run.listeners.spending.hear(event);
        }
        self.turns = Turns::of(recording);
        let resumed = session::resume(recording);
        self.outstanding = resumed.outstanding;
        self.questioned = resumed.questioned;
        self.recall(waits);
    }

    fn recall(&mut self, waits: bool) {
        let questions: Vec<(String, bool)> =
            self.turns.questions().map(|(text, answered)| (one_line(text, 200), answered)).collect();
        let mut text = format!("run {} goes on", self.run.id);
        if questions.len() > RECALLED {
            let _ = write!(text, "\n  … {} questions before …", questions.len() - RECALLED);
        }
        for (question, answered) in questions.iter().skip(questions.len().saturating_sub(RECALLED)) {
            let end = if *answered { "" } else { " (no answer yet)" };
            let _ = write!(text, "\n  asked: {question}{end}");
        }
        if let Some(last) = self.turns.last() {
            let _ = write!(text, "\n  verdict: {}", last.answer.verdict.word());
            if !last.answer.root_cause.is_empty() {
                let _ = write!(text, "\n  root cause: {}", one_line(&last.answer.root_cause, 300));
            }
        }
        match self.run.store.exhibits() {
            [] => {}
            [only] => {
                let _ = write!(text, "\n  exhibit: E{}", only.id);
            }
            [first, .., last] => {
                let _ = write!(text, "\n  exhibits: E{} to E{}", first.id, last.id);
            }
        }
        let text = self.run.store.shown(&text);
        self.say(&text);
        if !self.outstanding.is_empty() && waits {
            let open: Vec<String> = self.outstanding.iter().filter_map(open).collect();
            let what = if open.is_empty() { String::new() } else { format!(" before {}", open.join(", ")) };
            self.say(&sanitize(&format!("It was cut off{what}. Enter goes on with it; or ask something.")));
        }
    }

    pub(super) async fn resume(&mut self, wanted: &str) -> Result<(), Failure> {
        let state = self.config.folders().state.clone();
        if wanted.is_empty() {
            return self.runs();
        }
        let id = record::find(&state, wanted)?;
        if id == self.run.id {
            self.say("it is the run you are in");
            return Ok(());
        }
        // What a half-written last line held never arrived.
        let run = Recorded { unreadable: 0, ..record::read(&state, &id)? };
        let recording = Recording::new(run, &record::exhibits(&state, &id), &BTreeSet::new())?;
        let prepared = tokio::select! {
            run = Run::prepare(&self.config, &self.context, (false, None), Some(&recording)) => Some(run?),
            () = self.signals.next() => None,
        };
        let Some(run) = prepared else {
            self.say("not taken up");
            return Ok(());
        };
        self.run.close(true, &mut self.signals).await;
        if self.run.is_recorded() {
            let left = self.run.id.clone();
            self.say(&format!("run {left} is left; `/resume {left}` comes back to it"));
        }
        self.run = run;
        *self.redactor.borrow_mut() = self.run.listeners.shared_redactor();
        self.attachments.clear();
        self.shown.clear();
        self.steering = super::Steering::default();
        self.runbook = None;
        self.take_up(&recording, true);
        self.renew();
        self.learn_words();
        Ok(())
    }

    fn runs(&mut self) -> Result<(), Failure> {
        let runs = record::list(&self.config.folders().state, LISTED)?;
        let width = self.context.stdout.width;
        let now = crate::clock::Clock::now(&crate::clock::SystemClock);
        let mut text = String::new();
        for run in runs {
            let here = if run.run_id == self.run.id { " (this one)" } else { "" };
            let age = run.started_at.parse().map_or_else(
                |_| String::new(),
                |at: jiff::Timestamp| {
                    let seconds = (now - at).total(jiff::Unit::Second).unwrap_or_default();
                    format!("{}, ", ago(seconds))
                },
            );
            let verdict = run.verdict.map_or("cut off", crate::answer::Verdict::word);
            let question = one_line(&run.question, 80);
            let line = format!("{}{here}: {age}{verdict}: {question}", run.run_id);
            text.push_str(&wrapped(&sanitize(&line), "", "  ", Some(width)));
        }
        if text.is_empty() {
            self.say("no run is recorded yet");
            return Ok(());
        }
        self.print(&text)
    }
}

/// What had not come yet.
fn open(effect: &Effect) -> Option<String> {
    match effect {
        Effect::RunTool(call) => Some(format!("`{}` had ended", one_line(&call.tool, 60))),
        Effect::CallModel { .. } => Some("the model had replied".to_owned()),
        _ => None,
    }
}

/// How long ago, roughly.
fn ago(seconds: f64) -> String {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an age of days at most")]
    let seconds = seconds.clamp(0.0, 1e12) as u64;
    match seconds {
        0..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

impl Session {
    /// Tab knows what there is now.
    pub(super) fn learn_words(&mut self) {
        let runs = record::list(&self.config.folders().state, LISTED).unwrap_or_default();
        let mut names: Vec<String> =
            self.run.equipment.toolbox.names().into_iter().map(str::to_owned).collect();
        names.extend(self.run.usable_toolsets());
        let mut models: Vec<String> = self.config.models().into_iter().map(|model| model.name).collect();
        models.push(super::models::RULES.to_owned());
        let words = super::Words {
            names,
            models,
            runbooks: self.desk.shelf().runbooks().iter().map(|one| one.name.clone()).collect(),
            runs: runs.into_iter().map(|run| run.run_id).collect(),
            exhibits: self.run.store.exhibits().iter().map(|one| format!("E{}", one.id)).collect(),
            settings: self.config.shown().iter().map(|one| one.key.to_owned()).collect(),
            home: self.context.environment.get("HOME").map(str::to_owned),
        };
        if let Ok(mut known) = self.words.lock() {
            *known = words;
        }
    }
}
