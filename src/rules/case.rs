//! The case as the transcript tells it: the question, what was called, what came back.
//!
//! Nothing is remembered between turns: the same transcript always reads as the same case.

use serde_json::{Map, Value};

use crate::agent::{Arguments, Message};
use crate::evidence::view::{SeenExhibit, read_views};

use super::stamp::{self, Stamp};

/// What a model that takes this turn knows.
#[derive(Debug, Default)]
pub(super) struct Case {
    /// The words of the question, without what was attached.
    pub(super) question: String,
    pub(super) seen: Vec<Seen>,
    pub(super) made: Vec<Made>,
    /// How many of those the program made itself, before the first turn.
    pub(super) given: usize,
    /// Turns in which something other than the answer was called.
    pub(super) turns: usize,
    /// Turns for earlier questions: ids of calls stay unique.
    pub(super) earlier: usize,
    /// The clock of the machine, as its own tools said it.
    pub(super) now: Option<Stamp>,
}

/// An exhibit and the arguments of the call that made it.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) exhibit: SeenExhibit,
    pub(super) arguments: Map<String, Value>,
    /// Came with the question.
    pub(super) attached: bool,
}

/// A call that was made, and the words that came back instead of an exhibit.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) tool: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) refusal: Option<String>,
}

/// How exhibits are headed that came with the question and are evidence. An alert is none: it says that, not why.
const ATTACHED: [&str; 2] = ["attached_file", "ticket"];
/// The tool that ends a run.
pub(super) const ANSWER: &str = "answer";

impl Case {
    pub(super) fn read(messages: &[Message]) -> Self {
        let mut case = Self::default();
        let mut asked = false;
        let mut calls: Vec<(&str, usize)> = Vec::new();
        for message in messages {
            match message {
                Message::System { .. } => {}
                Message::User { text } => {
                    if !asked {
                        asked = true;
                        // Another question of the same run: it is looked at anew, since time has passed.
                        case.start_over();
                        calls.clear();
                        let (question, now) = outside(text);
                        case.question = question;
                        case.now = now;
                    }
                    for exhibit in read_views(text) {
                        // What the program looked up itself stands there too, for models.
                        let attached = ATTACHED.contains(&exhibit.tool.as_str());
                        case.add(exhibit, Map::new(), attached);
                    }
                }
                Message::Assistant(said) => {
                    asked &= !said.tool_calls.iter().any(|call| call.tool == ANSWER)
                        && !said.tool_calls.is_empty();
                    let probes = said.tool_calls.iter().filter(|call| call.tool != ANSWER);
                    let before = case.made.len();
                    for call in probes {
                        let arguments = match &call.arguments {
                            Arguments::Object(map) => map.clone(),
                            Arguments::Unreadable(_) => Map::new(),
                        };
                        let given = call.id.starts_with("lookup-") || call.id.starts_with("step-");
                        case.given += usize::from(given);
                        calls.push((&call.id, case.made.len()));
                        case.made.push(Made { tool: call.tool.clone(), arguments, refusal: None });
                    }
                    case.turns += usize::from(case.made.len() > before);
                }
                Message::Tool { call_id, text, .. } => {
                    let made = calls.iter().rev().find(|(id, _)| id == call_id).map(|(_, index)| *index);
                    let Some(made) = made.and_then(|index| case.made.get_mut(index)) else {
                        continue;
                    };
                    let views = read_views(text);
                    if views.is_empty() {
                        made.refusal = Some(text.lines().next().unwrap_or_default().to_owned());
                    }
                    let arguments = made.arguments.clone();
                    for exhibit in views {
                        case.add(exhibit, arguments.clone(), false);
                    }
                }
            }
        }
        case
    }

    /// Forgets what was looked at for an earlier question; what a person attached stays.
    fn start_over(&mut self) {
        let attached = std::mem::take(&mut self.seen).into_iter().filter(|seen| seen.attached).collect();
        let earlier = self.earlier + self.turns;
        *self = Self { seen: attached, earlier, ..Self::default() };
    }

    fn add(&mut self, exhibit: SeenExhibit, arguments: Map<String, Value>, attached: bool) {
        if !attached {
            let said = exhibit.lines.iter().take(8).find(|(_, line)| line.contains("now: "));
            if let Some((_, line)) = said {
                let words = line.split_once("now: ").map_or("", |(_, rest)| rest);
                self.now = stamp::read(words, None).or(self.now);
            }
        }
        if self.seen.iter().all(|seen| seen.exhibit.id != exhibit.id) {
            self.seen.push(Seen { exhibit, arguments, attached });
        }
    }

    pub(super) fn has_made(&self, tool: &str, arguments: &Map<String, Value>) -> bool {
        self.made.iter().any(|made| made.tool == tool && &made.arguments == arguments)
    }
}

/// The question in the first message, and the time it was asked at: what stands before the line that
/// begins with `Now: ` (`prompts/question.md.jinja`) and outside the fences of exhibits.
fn outside(text: &str) -> (String, Option<Stamp>) {
    let mut kept = Vec::new();
    let mut close: Option<String> = None;
    let mut now = None;
    for line in text.lines() {
        match &close {
            Some(end) if line == end => close = None,
            Some(_) => {}
            None => match line.strip_prefix("<exhibit E") {
                Some(fence) if line.ends_with('>') => close = Some(format!("</exhibit E{fence}")),
                _ if line.starts_with("Now: ") => {
                    now = stamp::read(line, None);
                    break;
                }
                _ => kept.push(line),
            },
        }
    }
    (kept.join("\n").trim().to_owned(), now)
}
