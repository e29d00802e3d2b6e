//! What listeners are told while a reply arrives: the final answer as it comes, nothing of actions.
//!
//! A thought is shown once it is known what it leads to: before an answer it is reasoning; before an action it
//! is the text of the turn, which whoever shows turns shows anyhow.

use super::Said;
use super::label::{Label, segments};
use crate::model::Delta;

/// Bytes without a final answer in them after which nothing more is looked for while a reply arrives.
const LONGEST_SEARCH: usize = 16 << 10;

/// One reply's text on its way.
#[derive(Debug, Default)]
pub struct Hearing {
    /// What came before a final answer.
    before: String,
    answering: bool,
    /// Some of the answer was told.
    told: bool,
    /// Of the answer: blanks that may be its end, and what may be the word that ends it.
    held: String,
    over: bool,
}

impl Hearing {
    /// Takes one delta and passes on what may be shown of it.
    pub fn take(&mut self, delta: Delta<'_>, listener: &mut dyn FnMut(Delta<'_>)) {
        match delta {
            Delta::Text(text) => self.text(text, listener),
            other => listener(other),
        }
    }

    fn text(&mut self, piece: &str, listener: &mut dyn FnMut(Delta<'_>)) {
        if self.answering {
            self.answer(piece, listener);
            return;
        }
        self.before.push_str(piece);
        let ends_word = piece.contains([':', '：', '\n']);
        if !ends_word || self.before.len() > LONGEST_SEARCH {
            return;
        }
        let segments = segments(&self.before);
        let Some(last) = segments.last().filter(|last| last.label == Some(Label::Final)) else { return };
        let acts = segments.iter().any(|segment| segment.label == Some(Label::Action));
        // An answer after an action does not count; one that may be a heading's line is waited for.
        let element = last.is_element(&self.before);
        if acts
            || element
            || last.text.trim_matches(['*', '_', ' ']).is_empty() && !self.before.ends_with('\n')
        {
            return;
        }
        let thought: Vec<&str> = segments
            .iter()
            .filter(|segment| segment.label != Some(Label::Final))
            .map(|segment| segment.text.trim())
            .filter(|text| !text.is_empty())
            .collect();
        if !thought.is_empty() {
            listener(Delta::Reasoning(&thought.join("\n")));
            listener(Delta::Reasoning("\n"));
        }
        let begun = last.text.to_owned();
        self.answering = true;
        self.answer(&begun, listener);
    }

    fn answer(&mut self, piece: &str, listener: &mut dyn FnMut(Delta<'_>)) {
        if self.over {
            return;
        }
        let mut text = std::mem::take(&mut self.held) + piece;
        if !self.told {
            text = text.trim_start().to_owned();
        }
        if let Some(end) = text.find("\nQuestion:") {
            text.truncate(end);
            self.over = true;
        }
        // The begun last line, as long as it may become `Question:`, and blanks at the end.
        let line = text.rfind('\n').map_or(text.len(), |at| at + 1);
        let may_end = text.get(line..).is_some_and(|begun| "Question:".starts_with(begun));
        let shown = text.get(..if may_end { line } else { text.len() }).unwrap_or(&text).trim_end().len();
        self.held = text.split_off(shown);
        if !text.is_empty() {
            self.told = true;
            listener(Delta::Text(&text));
        }
    }

    /// The reply is complete and read: tells what of its answer was not told yet.
    pub fn finish(mut self, said: &Said, listener: &mut dyn FnMut(Delta<'_>)) {
        if said.answer.is_empty() {
            return;
        }
        if !self.told {
            if !said.thought.is_empty() {
                listener(Delta::Reasoning(&said.thought));
            }
            listener(Delta::Text(&said.answer));
            return;
        }
        let held = std::mem::take(&mut self.held);
        let rest = held.trim_end();
        if !self.over && !rest.is_empty() {
            listener(Delta::Text(rest));
        }
    }
}
