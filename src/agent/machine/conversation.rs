//! What a person does between two answers: asks on, takes back, forgets, makes room.
//!
//! The evidence is not touched: exhibits keep their numbers. A call that ran for an earlier question may run again: time has
//! passed, and "is it fixed now?" deserves a look.

use super::{Effect, Phase, State, Window};
use crate::agent::event::Edit;
use crate::agent::message::{AssistantMessage, Message};

/// What answers a call that was still open when the turn ended.
const DELIVERED: &str = "Delivered.";
/// Stands where the model said nothing, so that a person's words never follow a person's words.
const SILENT: &str = "(interrupted before an answer)";
/// A compacted transcript aims at this part of what it was.
const COMPACTED_PART: u64 = 4;

impl State {
    /// A new question in the same run. Steps count from the beginning again; tokens and money go on.
    pub(super) fn ask(&mut self, text: &str) -> Vec<Effect> {
        self.close_turn();
        self.transcript.push(Message::User { text: text.to_owned() });
        self.phase = Phase::Thinking;
        self.calls = 0;
        self.turn.clear();
        self.ran.clear();
        self.beforehand.clear();
        self.fruitless = 0;
        self.ending = None;
        self.warned = false;
        self.corrected = false;
        self.empty_replies = 0;
        self.start()
    }

    /// Every call is answered and the model has spoken last, whatever ended the turn: endpoints refuse other transcripts.
    fn close_turn(&mut self) {
        let Some(last) = self.transcript.messages().last() else { return };
        match last {
            Message::Assistant(said) => {
                let open = said.tool_calls.clone();
                for call in open {
                    // What had arrived when the turn was cut off is not lost.
                    let arrived = self.turn.iter().find(|pending| pending.call.id == call.id);
                    let text = match arrived.and_then(|pending| pending.reply.as_deref()) {
                        Some(reply) => reply,
                        None if call.tool == super::ANSWER_TOOL => DELIVERED,
                        None => "Not run.",
                    };
                    let message = Message::Tool { call_id: call.id, tool: call.tool, text: text.to_owned() };
                    self.transcript.push(message);
                }
            }
            Message::System { .. } => return,
            Message::User { .. } | Message::Tool { .. } => {}
        }
        if matches!(self.transcript.messages().last(), Some(Message::User { .. })) {
            let text = SILENT.to_owned();
            self.transcript
                .push(Message::Assistant(AssistantMessage { text, ..AssistantMessage::default() }));
        }
    }

    /// A person's change of what the model is shown. Taking back is done by whoever kept the state before.
    pub(super) fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::Undone => {}
            Edit::Cleared => {
                self.transcript.forget();
                self.ran.clear();
                self.hypotheses = crate::answer::Hypotheses::default();
            }
            Edit::Compacted => {
                self.close_turn();
                let aim = self.transcript.tokens() / COMPACTED_PART;
                self.transcript.reduce_all(aim);
            }
            Edit::Model { window, .. } => {
                if window.is_some() {
                    self.window = Window::new(*window);
                }
            }
        }
    }

    /// The tools of today in place of those that were offered: a resumed run may find others.
    pub fn equip(
        &mut self,
        usable: Vec<super::Usable>,
        always: Vec<crate::agent::message::ToolSpec>,
        question: &str,
        most: u64,
    ) {
        let window = self.window.tokens().unwrap_or(u64::MAX);
        let mut always = always;
        if window >= super::HYPOTHESES_FROM && self.window.tokens().is_some() {
            always.push(crate::answer::hypothesis_tool());
        }
        self.offer = super::Offer::choose(usable, always, question, most.min(window / super::OPENING_SHARE));
    }

    /// Goes on with what is there when a recorded run is taken up.
    pub(super) fn take_up(&mut self, resumption: &crate::agent::event::Resumption) {
        self.limits = resumption.limits;
        if let Some(tools) = &resumption.tools {
            self.offer = super::Offer::new(tools.offered.clone(), tools.hidden.clone());
        }
    }

    /// Whether nothing was asked yet, or all of it was forgotten.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.transcript.messages().iter().all(|message| matches!(message, Message::System { .. }))
    }

    /// Estimated tokens of the parts of the next request: system prompt, schemas of tools, questions with what was attached,
    /// what the model said, results.
    #[must_use]
    pub fn parts(&self) -> Parts {
        let mut parts = Parts { tools: self.offer.tokens(), ..Parts::default() };
        for message in self.transcript.messages() {
            let tokens = super::message_tokens(message);
            match message {
                Message::System { .. } => parts.system += tokens,
                Message::User { .. } => parts.questions += tokens,
                Message::Assistant(_) => parts.said += tokens,
                Message::Tool { .. } => parts.results += tokens,
            }
        }
        parts
    }
}

/// Estimated tokens of a request, by what takes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parts {
    pub system: u64,
    pub tools: u64,
    pub questions: u64,
    pub said: u64,
    pub results: u64,
}

impl Parts {
    /// All of it.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.system + self.tools + self.questions + self.said + self.results
    }
}
