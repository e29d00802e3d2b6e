//! Questions that follow each other in one run, and how a record becomes such a run again.
//!
//! The machine is pure, so its state is what its events made of it: a run that was cut off is resumed by stepping the recorded
//! events through it again. What it then still wants is what had not arrived: no finished tool runs twice.

use crate::agent::machine::{Effect, Source, State};
use crate::agent::{Edit, Event, Opening, ToolSpec, Usable};
use crate::evidence::Exhibit;
use crate::replay::Recording;

/// Questions that can be taken back.
const MOST_KEPT: usize = 50;

/// The machine of a run, and what it was before each question.
#[derive(Debug, Clone)]
pub struct Thread {
    state: State,
    before: Vec<State>,
    /// Questions asked so far.
    turns: u32,
}

impl Thread {
    /// Of a run whose first question is in `state`.
    #[must_use]
    pub fn new(state: State) -> Self {
        Self { state, before: Vec::new(), turns: 1 }
    }

    /// Of a session in which nothing was asked yet.
    #[must_use]
    pub fn blank(state: State) -> Self {
        Self { turns: 0, ..Self::new(state) }
    }

    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Questions asked so far.
    #[must_use]
    pub fn turns(&self) -> u32 {
        self.turns
    }

    /// Takes in what happened; `Event::TurnStarted` is a question, `Event::Edited` a person's change.
    pub fn hear(&mut self, event: &Event) -> Vec<Effect> {
        match event {
            Event::TurnStarted { turn, .. } => {
                self.before.push(self.state.clone());
                if self.before.len() > MOST_KEPT {
                    self.before.remove(0);
                }
                self.turns = *turn;
            }
            Event::Edited { edit: Edit::Undone } => {
                if let Some(before) = self.before.pop() {
                    self.state = before;
                }
            }
            _ => {}
        }
        self.state.step(event)
    }

    /// The tools of today in place of those that were offered.
    pub fn equip(&mut self, usable: Vec<Usable>, always: Vec<ToolSpec>, question: &str, most: u64) {
        self.state.equip(usable, always, question, most);
    }

    /// Goes on from where a turn ended.
    pub fn set(&mut self, state: State) {
        self.state = state;
    }

    /// Whether the last question can be taken back.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.before.is_empty()
    }
}

/// A recorded run that can go on: its events, stepped through the machine one after the other.
#[derive(Debug, Clone)]
pub struct Resumed {
    pub thread: Thread,
    /// What the machine still waits for; empty where the run had come to an answer.
    pub outstanding: Vec<Effect>,
    /// Where the answer is that the model was asked to correct when the run was cut off.
    pub questioned: Option<Source>,
    /// Exhibits were numbered up to here; the next one comes after it.
    pub last_exhibit: u32,
    /// Outputs that had arrived and were not handed over, because a summary of them was waited for.
    pub arrived: Vec<Exhibit>,
    /// The turn has its answer: what came after it (the rules, where the model could not be reached) is no part of the thread.
    over: bool,
}

impl Resumed {
    /// What a run begins with, before anything has happened.
    #[must_use]
    pub fn opened(opening: &Opening) -> Self {
        let state = State::restored(
            opening.messages.clone(),
            opening.tools.clone(),
            opening.hidden.clone(),
            opening.window,
            opening.limits,
        );
        let mut state = state.after(opening.beforehand.clone());
        // A session may have been opened without a question.
        let (outstanding, thread) = if state.is_blank() {
            (Vec::new(), Thread::blank(state))
        } else {
            (state.start(), Thread::new(state))
        };
        let (arrived, questioned) = (Vec::new(), None);
        Self { thread, outstanding, questioned, last_exhibit: 0, arrived, over: false }
    }

    /// The next recorded event.
    pub fn hear(&mut self, event: &Event) {
        self.count(event);
        let begins =
            matches!(event, Event::TurnStarted { .. } | Event::Edited { .. } | Event::Resumed { .. });
        if !steps(event) || self.over && !begins {
            return;
        }
        let next = self.thread.hear(event);
        match event {
            Event::ToolFinished { exhibit } => self
                .outstanding
                .retain(|effect| !matches!(effect, Effect::RunTool(call) if call.id == exhibit.call_id)),
            Event::TurnStarted { .. } => {
                self.over = false;
                self.outstanding.clear();
            }
            Event::ModelReplied { .. } | Event::ModelFailed { .. } | Event::RequestTooLong { .. } => {
                self.outstanding.clear();
            }
            // Another model takes up what the first had left.
            Event::Edited { edit: Edit::Model { .. } } => {}
            Event::Edited { .. } => self.outstanding.clear(),
            Event::LimitReached { .. } | Event::Interrupted if !next.is_empty() => self.outstanding.clear(),
            Event::Concluded { .. } => {
                self.over = true;
                self.outstanding.clear();
                self.questioned = None;
            }
            Event::AnswerQuestioned { .. } => {
                self.questioned = self.outstanding.drain(..).find_map(|effect| match effect {
                    Effect::Conclude { source, .. } => Some(source),
                    _ => None,
                });
            }
            _ => {}
        }
        self.outstanding.extend(next.into_iter().filter(|effect| !matches!(effect, Effect::Answered { .. })));
    }

    /// How exhibits were numbered, and which of them are not handed over yet.
    fn count(&mut self, event: &Event) {
        let id = match event {
            Event::ToolStarted { exhibit, .. } | Event::ApprovalAsked { exhibit, .. } => *exhibit,
            Event::SummaryRequested { kept: Some(kept), .. } => {
                self.arrived.push(kept.as_ref().clone());
                kept.id
            }
            Event::ToolFinished { exhibit } => {
                self.arrived.retain(|kept| kept.id != exhibit.id);
                exhibit.id
            }
            _ => return,
        };
        self.last_exhibit = self.last_exhibit.max(id);
    }

    /// Hands over what had arrived.
    fn hand_over(&mut self) {
        let arrived = self.arrived.clone();
        for exhibit in arrived.iter().cloned() {
            self.hear(&Event::ToolFinished { exhibit });
        }
        self.arrived = arrived;
    }
}

/// Steps the recorded events through the machine again; what had arrived is handed over.
#[must_use]
pub fn resume(recording: &Recording) -> Resumed {
    let mut resumed = Resumed::opened(&recording.opening);
    for event in &recording.events {
        resumed.hear(event);
    }
    resumed.hand_over();
    resumed
}

/// What the driver lets the machine step on, and what a person did between the turns.
fn steps(event: &Event) -> bool {
    !matches!(event, Event::RunStarted { .. } | Event::Opened { .. } | Event::Ended { .. } | Event::Continued)
}

#[cfg(test)]
mod tests;
