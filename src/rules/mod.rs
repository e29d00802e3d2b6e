//! The model that is no model: rules as data answer where no endpoint is configured.
//!
//! It goes through the same loop as any [`Model`] and sees exactly what a model sees, so its reports
//! carry the same checked evidence. It is deterministic: the same transcript gives the same turn. It knows
//! what `rules/*.yaml` and the user's own files say about machines and clusters, and says so when asked
//! for anything else. It never guesses: silence is better than a false alarm at 3 am.

mod book;
mod case;
mod conclude;
mod plan;
mod recognise;
mod stamp;
#[cfg(test)]
mod tests;

use crate::agent::{Arguments, AssistantMessage, Message, ToolCall, ToolSpec};
use crate::model::{Delta, Model, ModelFuture, Reply, Request};

use book::Book;
pub use book::RuleError;
use case::{ANSWER, Case};

/// Answers by rules, through the loop of every other model.
#[derive(Debug)]
pub struct RulesModel {
    book: Book,
}

impl RulesModel {
    /// Opens the embedded rules and those of `extra`: (place for messages, YAML text).
    ///
    /// # Errors
    /// A text that is not readable as rules, or holds a pattern or template that is none.
    pub fn new(extra: &[(&str, String)]) -> Result<Self, RuleError> {
        Ok(Self { book: Book::open(extra)? })
    }

    fn turn(&self, messages: &[Message], tools: &[ToolSpec]) -> AssistantMessage {
        let case = Case::read(messages);
        let words = words(&case.question);
        let found = recognise::recognise(&self.book, &case, &words);
        let wanted = plan::next(&self.book, &case, &found, tools);
        if !wanted.is_empty() {
            let tool_calls = wanted
                .into_iter()
                .enumerate()
                .map(|(index, (tool, arguments))| call(case.turns + 1, index + 1, tool, arguments))
                .collect();
            return AssistantMessage { tool_calls, ..AssistantMessage::default() };
        }
        let understood = plan::understands(&self.book, &case.question);
        let conclusion = conclude::conclude(&case, &found, understood);
        if tools.iter().any(|tool| tool.name == ANSWER) {
            // Numbered by the transcript's length: an answer sent back for correction is a new call.
            let last = call(case.turns + 1, messages.len(), ANSWER.to_owned(), conclusion.arguments());
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

/// Words of questions that name nothing.
const COMMON: &str = " the and why does did not are was were has have had can could what which who how when where \
    this that these those with from for into out off its our your all any some error errors fail fails failed failing \
    crash crashes crashed crashing slow down broken wrong problem problems issue issues happen happened happening check \
    please tell show find look investigate machine host server system service services unit units process processes app \
    pod pods container containers namespace cluster node deployment kubernetes docker log logs file files disk memory \
    network port connection connect connecting refused full high load cpu time out working work works start starts \
    started starting stop stops stopped keep keeps get gets getting restart restarts restarting running run runs use \
    using used going dead died still now today since last night morning root cause space left certificate expired ";

/// The question's words that may name a thing, lower case.
fn words(question: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let split = question.split(|c: char| !(c.is_alphanumeric() || "-_./@".contains(c)));
    for word in split {
        let word = word.trim_matches(['.', '-', '/', '@', '_']).to_lowercase();
        let word = word.strip_suffix(".service").unwrap_or(&word).to_owned();
        if word.chars().count() >= 3 && !COMMON.contains(&format!(" {word} ")) && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}
