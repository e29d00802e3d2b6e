//! The messages of a run, each with its estimated tokens, and what is taken out of them to make room.
//!
//! Taking out needs no model and is the same for the same messages. The question, the calls and the ids stay: an exhibit is
//! reduced to its header and the line that tells most, and can be read again.

use crate::agent::message::{Arguments, AssistantMessage, Message};
use crate::evidence::{tokens, view};

/// Once something must go, this share of the room is aimed at: a request that changes in its middle each time would
/// never hit a provider's cache.
const AIM_PERCENT: u64 = 75;
/// Characters that stay of what the model said long ago.
const LONGEST_SAID: usize = 400;
/// Characters that stay of a result whose turn was taken out.
const LONGEST_FOLDED: usize = 60;
/// What stands above those.
const FOLDED: &str = "\n\nEarlier results, taken out to make room (`read_exhibit` shows them again):";
/// Stands for an answer that was a call.
const ANSWERED: &str = "(answered)";
/// A result with fewer lines has nothing to take out.
const SHORTEST_CUT: usize = 12;

/// Messages in order. Only this room changes them once they are in.
#[derive(Debug, Clone, Default)]
pub(super) struct Transcript {
    messages: Vec<Message>,
    /// Estimated, one for each message: a step must not cost more the longer a run is.
    tokens: Vec<u64>,
    total: u64,
}

impl Transcript {
    pub(super) fn new(messages: Vec<Message>) -> Self {
        let mut transcript = Self::default();
        for message in messages {
            transcript.push(message);
        }
        transcript
    }

    pub(super) fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Estimated tokens of all messages.
    pub(super) fn tokens(&self) -> u64 {
        self.total
    }

    pub(super) fn push(&mut self, message: Message) {
        let tokens = message_tokens(&message);
        self.total += tokens;
        self.tokens.push(tokens);
        self.messages.push(message);
    }

    /// Says something to the model. Two messages of a person in a row are one: some endpoints refuse others.
    pub(super) fn tell(&mut self, words: &str) {
        let at = self.messages.len().saturating_sub(1);
        match self.messages.get(at) {
            Some(Message::User { text }) => {
                let text = format!("{text}\n\n{words}");
                self.replace(at, text);
            }
            _ => self.push(Message::User { text: words.to_owned() }),
        }
    }

    /// Adds to the newest message, where that is a tool's result.
    pub(super) fn append_to_result(&mut self, more: &str) {
        let Some(at) = self.messages.len().checked_sub(1) else { return };
        if let Some(Message::Tool { text, .. }) = self.messages.get(at) {
            let text = format!("{text}{more}");
            self.replace(at, text);
        }
    }

    /// Adds to the question.
    pub(super) fn append_to_question(&mut self, more: &str) {
        let is_question = |message: &Message| matches!(message, Message::User { .. });
        let Some(at) = self.messages.iter().position(is_question) else { return };
        if let Some(text) = self.text(at).map(|text| format!("{text}{more}")) {
            self.replace(at, text);
        }
    }

    /// Everything but the system prompt goes.
    pub(super) fn forget(&mut self) {
        let kept: Vec<Message> =
            self.messages.drain(..).filter(|message| matches!(message, Message::System { .. })).collect();
        *self = Self::new(kept);
    }

    /// Reduces results and what was attached, oldest first, until at most `aim` tokens are left or nothing can be reduced.
    pub(super) fn reduce_all(&mut self, aim: u64) {
        for at in 0..self.messages.len() {
            let evidence = matches!(self.messages.get(at), Some(Message::Tool { .. } | Message::User { .. }));
            if self.total > aim && evidence {
                self.reduce(at);
            }
        }
        while self.total > aim && self.fold() {}
    }

    fn replace(&mut self, at: usize, new: String) {
        let Some(message) = self.messages.get_mut(at) else { return };
        match message {
            Message::System { text } | Message::User { text } | Message::Tool { text, .. } => *text = new,
            Message::Assistant(said) => said.text = new,
        }
        let now = message_tokens(message);
        if let Some(tokens) = self.tokens.get_mut(at) {
            self.total = self.total.saturating_sub(*tokens) + now;
            *tokens = now;
        }
    }

    fn text(&self, at: usize) -> Option<&str> {
        match self.messages.get(at)? {
            Message::System { text } | Message::User { text } | Message::Tool { text, .. } => Some(text),
            Message::Assistant(said) => Some(&said.text),
        }
    }

    /// Takes out what is needed so that the messages take at most `room` tokens. False when they still do not.
    pub(super) fn fit(&mut self, room: u64) -> bool {
        if self.total <= room {
            return true;
        }
        let aim = room.saturating_mul(AIM_PERCENT) / 100;
        let newest = self.newest_turn();
        let results: Vec<usize> =
            (0..newest).filter(|at| matches!(self.messages.get(*at), Some(Message::Tool { .. }))).collect();
        for at in results {
            if self.total <= aim {
                return true;
            }
            self.reduce(at);
        }
        // What was attached to the question.
        for at in 0..newest.min(self.messages.len()) {
            if self.total > aim && matches!(self.messages.get(at), Some(Message::User { .. })) {
                self.reduce(at);
            }
        }
        for at in 0..newest {
            if self.total > aim
                && matches!(self.messages.get(at), Some(Message::Assistant(_)))
                && let Some(said) = self.text(at).map(|text| view::clip(text, LONGEST_SAID))
            {
                self.replace(at, said);
            }
        }
        // Whole turns of long ago, but for what they were about.
        while self.total > aim && self.fold() {}
        // The newest results last, and only as far as it must be.
        while self.total > room {
            let largest = (newest..self.messages.len())
                .filter(|at| matches!(self.messages.get(*at), Some(Message::Tool { .. })))
                .max_by_key(|at| (self.tokens.get(*at).copied(), std::cmp::Reverse(*at)));
            let Some(at) = largest else { return false };
            let before = self.total;
            self.halve(at);
            if self.total >= before {
                self.reduce(at);
            }
            if self.total >= before {
                return false;
            }
        }
        true
    }

    /// Takes out the oldest turn, calls and results, and notes its results at the end of what was asked before it. Questions
    /// stay, and of an answer its beginning: a person's words never follow a person's. False when only the newest is left.
    fn fold(&mut self) -> bool {
        let Some((first, next)) = self.oldest_turn() else { return false };
        let Some(question) = first.checked_sub(1) else { return false };
        let mut note = self.text(question).unwrap_or_default().to_owned();
        if !note.contains(FOLDED) {
            note.push_str(FOLDED);
        }
        let is_asked = |message: &Message| matches!(message, Message::User { .. });
        let answered = self.messages.get(next).is_some_and(is_asked);
        let gone: Vec<Message> = self.messages.drain(first..next).collect();
        self.total = self.total.saturating_sub(self.tokens.drain(first..next).sum());
        for text in gone
            .iter()
            .filter_map(|message| if let Message::Tool { text, .. } = message { Some(text) } else { None })
        {
            let seen = view::read_views(text);
            for exhibit in seen {
                let line = format!("E{} {} · {}", exhibit.id, exhibit.tool, exhibit.title);
                note.push('\n');
                note.push_str(&view::clip(&line, LONGEST_FOLDED));
            }
        }
        if answered {
            let said = gone.iter().rev().find_map(|message| match message {
                Message::Assistant(said) if !said.text.trim().is_empty() => Some(said.text.as_str()),
                _ => None,
            });
            let text = view::clip(said.unwrap_or(ANSWERED), LONGEST_FOLDED);
            let message = Message::Assistant(AssistantMessage { text, ..AssistantMessage::default() });
            let tokens = message_tokens(&message);
            self.total += tokens;
            self.tokens.insert(first, tokens);
            self.messages.insert(first, message);
        }
        self.replace(question, note);
        true
    }

    /// From an assistant's message to the next, or to the next question; what cannot become shorter is passed over.
    fn oldest_turn(&self) -> Option<(usize, usize)> {
        let is_said = |at: usize| matches!(self.messages.get(at), Some(Message::Assistant(_)));
        let is_next =
            |at: &usize| matches!(self.messages.get(*at), Some(Message::Assistant(_) | Message::User { .. }));
        (0..self.messages.len()).filter(|at| is_said(*at)).find_map(|first| {
            let next = (first + 1..self.messages.len()).find(is_next)?;
            let short = next == first + 1
                && !is_said(next)
                && self.text(first).is_none_or(|text| text.chars().count() <= LONGEST_FOLDED)
                && matches!(self.messages.get(first), Some(Message::Assistant(said)) if said.tool_calls.is_empty());
            (!short).then_some((first, next))
        })
    }

    /// Where the results of the newest turn begin.
    fn newest_turn(&self) -> usize {
        let behind = self.messages.iter().rposition(|message| matches!(message, Message::Assistant(_)));
        behind.map_or(self.messages.len(), |at| at + 1)
    }

    /// Each exhibit in a message as its header and the line that tells most.
    fn reduce(&mut self, at: usize) {
        let Some(text) = self.text(at) else { return };
        let reduced = view::reduced(text);
        if tokens::estimate(&reduced) < tokens::estimate(text) {
            self.replace(at, reduced);
        }
    }

    /// The first half of a result's lines; its end stays closed.
    fn halve(&mut self, at: usize) {
        let Some(text) = self.text(at) else { return };
        let count = text.lines().count();
        if count < SHORTEST_CUT {
            return;
        }
        let close = text.lines().rev().find(|line| line.starts_with("</exhibit ")).unwrap_or_default();
        let half: Vec<&str> = text.lines().take(count / 2).collect();
        let cut = format!("{}\n{close}\n(cut to make room: `read_exhibit` shows the rest)", half.join("\n"));
        self.replace(at, cut);
    }
}

/// Estimated tokens of one message.
#[must_use]
pub fn message_tokens(message: &Message) -> u64 {
    4 + match message {
        Message::System { text } | Message::User { text } | Message::Tool { text, .. } => {
            tokens::estimate(text)
        }
        Message::Assistant(message) => {
            let calls: u64 = message
                .tool_calls
                .iter()
                .map(|call| {
                    let arguments = match &call.arguments {
                        Arguments::Object(map) => serde_json::to_string(map).unwrap_or_default(),
                        Arguments::Unreadable(text) => text.clone(),
                    };
                    8 + tokens::estimate(&arguments)
                })
                .sum();
            tokens::estimate(&message.text) + calls
        }
    }
}
