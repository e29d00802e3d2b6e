//! Questions that follow each other in one run, and how a record becomes such a run again.
//!
//! The machine is pure, so its state is what its events made of it: a run that was cut off is resumed by stepping the recorded
//! events through it again. What it then still wants is what had not arrived: no finished tool runs twice.

use crate::agent::machine::{Effect, Source, State};
use crate::agent::{Edit, Event, ToolSpec, Usable};
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

/// A recorded run that can go on.
#[derive(Debug, Clone)]
pub struct Resumed {
    pub thread: Thread,
    /// What the machine still waits for; empty where the run had come to an answer.
    pub outstanding: Vec<Effect>,
    /// Where the answer is that the model was asked to correct when the run was cut off.
    pub questioned: Option<Source>,
    /// Exhibits were numbered up to here; the next one comes after it.
    pub last_exhibit: u32,
}

/// Steps the recorded events through the machine again.
#[must_use]
pub fn resume(recording: &Recording) -> Resumed {
    let opening = &recording.opening;
    let mut state = State::restored(
        opening.messages.clone(),
        opening.tools.clone(),
        opening.hidden.clone(),
        opening.window,
        opening.limits,
    )
    .after(opening.beforehand.clone());
    // A session may have been opened without a question.
    let mut outstanding = if state.is_blank() { Vec::new() } else { state.start() };
    let mut thread = if state.is_blank() { Thread::blank(state) } else { Thread::new(state) };
    let mut questioned = None;
    for event in &recording.events {
        if !steps(event) {
            continue;
        }
        let next = thread.hear(event);
        match event {
            Event::ToolFinished { exhibit } => outstanding
                .retain(|effect| !matches!(effect, Effect::RunTool(call) if call.id == exhibit.call_id)),
            Event::ModelReplied { .. }
            | Event::ModelFailed { .. }
            | Event::RequestTooLong { .. }
            | Event::TurnStarted { .. }
            | Event::Edited { .. } => outstanding.clear(),
            Event::LimitReached { .. } | Event::Interrupted if !next.is_empty() => outstanding.clear(),
            Event::Concluded { .. } => {
                outstanding.clear();
                questioned = None;
            }
            Event::AnswerQuestioned { .. } => {
                questioned = outstanding.drain(..).find_map(|effect| match effect {
                    Effect::Conclude { source, .. } => Some(source),
                    _ => None,
                });
            }
            _ => {}
        }
        outstanding.extend(next.into_iter().filter(|effect| !matches!(effect, Effect::Answered { .. })));
    }
    let numbered = recording.events.iter().filter_map(|event| match event {
        Event::ToolStarted { exhibit, .. }
        | Event::ApprovalAsked { exhibit, .. }
        | Event::ToolFinished { exhibit: crate::evidence::Exhibit { id: exhibit, .. } } => Some(*exhibit),
        _ => None,
    });
    Resumed { thread, outstanding, questioned, last_exhibit: numbered.max().unwrap_or(0) }
}

/// What the driver lets the machine step on, and what a person did between the turns.
fn steps(event: &Event) -> bool {
    !matches!(event, Event::RunStarted { .. } | Event::Opened { .. } | Event::Ended { .. })
}

#[cfg(test)]
mod tests;
