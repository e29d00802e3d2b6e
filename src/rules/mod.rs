//! The model that is no model: rules as data answer where no endpoint is configured.
//!
//! It goes through the same loop as any [`Model`] and sees exactly what a model sees, so its reports
//! carry the same checked evidence. It is deterministic: the same transcript gives the same turn. It knows
//! what `rules/*.yaml` and the user's own files say about machines and clusters, and says so when asked
//! for anything else. It never guesses: silence is better than a false alarm at 3 am.

mod book;
mod case;
mod conclude;
#[cfg(test)]
mod finding_tests;
mod history;
#[cfg(test)]
mod log_tests;
mod plan;
mod recognise;
mod stamp;
mod subject;
#[cfg(test)]
mod tests;
mod weigh;

use std::sync::OnceLock;

use crate::agent::{Arguments, AssistantMessage, Message, ToolCall, ToolSpec};
use crate::model::{Delta, Model, ModelFuture, Reply, Request};

use book::Book;
pub use book::RuleError;
use case::{ANSWER, Case};
use subject::Subject;

/// Answers by rules, through the loop of every other model.
#[derive(Debug, Default)]
pub struct RulesModel {
    /// Read when first asked: in most runs a real model answers, and this one only stands by.
    book: OnceLock<Book>,
}

impl RulesModel {
    /// The embedded rules and those of `extra`: (place for messages, YAML text).
    ///
    /// Without `extra` nothing is read yet; the tests read the embedded rules and compile every pattern.
    ///
    /// # Errors
    /// A text that is not readable as rules, or holds a pattern or template that is none.
    pub fn new(extra: &[(&str, String)]) -> Result<Self, RuleError> {
        let model = Self::default();
        if !extra.is_empty() {
            let _ = model.book.set(Book::open(extra)?);
        }
        Ok(model)
    }

    fn book(&self) -> &Book {
        self.book.get_or_init(|| Book::open(&[]).unwrap_or_default())
    }

    fn turn(&self, messages: &[Message], tools: &[ToolSpec]) -> AssistantMessage {
        let book = self.book();
        let case = Case::read(messages);
        let subject = Subject::of(book, &case);
        let found = recognise::recognise(book, &case, &subject);
        let wanted = plan::next(book, &case, &subject, &found, tools);
        if !wanted.is_empty() {
            let tool_calls = wanted
                .into_iter()
                .enumerate()
                .map(|(index, (tool, arguments))| {
                    call(case.earlier + case.turns + 1, index + 1, tool, arguments)
                })
                .collect();
            return AssistantMessage { tool_calls, ..AssistantMessage::default() };
        }
        let conclusion = conclude::conclude(&case, &subject, &found);
        if tools.iter().any(|tool| tool.name == ANSWER) {
            // Numbered by the transcript's length: an answer sent back for correction is a new call.
            let last = call(
                case.earlier + case.turns + 1,
                messages.len(),
                ANSWER.to_owned(),
                conclusion.arguments(),
            );
            AssistantMessage { tool_calls: vec![last], ..AssistantMessage::default() }
        } else {
            AssistantMessage { text: conclusion.markdown(), ..AssistantMessage::default() }
        }
    }
}

impl Model for RulesModel {
    fn name(&self) -> &'static str {
        "rules"
    }

    fn complete<'a>(
        &'a self,
        request: Request<'a>,
        listener: &'a mut dyn FnMut(Delta<'_>),
    ) -> ModelFuture<'a> {
        Box::pin(async move {
            let message = self.turn(request.messages, request.tools);
            let finish_reason = if message.tool_calls.is_empty() { "stop" } else { "tool_calls" };
            if request.stream && !message.text.is_empty() {
                listener(Delta::Text(&message.text));
            }
            Ok(Reply { message, finish_reason: finish_reason.to_owned(), ..Reply::default() })
        })
    }
}

fn call(
    turn: usize,
    index: usize,
    tool: String,
    arguments: serde_json::Map<String, serde_json::Value>,
) -> ToolCall {
    ToolCall {
        id: format!("rules-{turn}-{index}"),
        tool,
        arguments: Arguments::Object(arguments),
        echo: serde_json::Map::new(),
    }
}
