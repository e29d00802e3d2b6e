//! The calls of one turn: which of them run, and what is answered at once.
//!
//! Every call of a turn is answered exactly once, in call order, whatever becomes of it.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{ANSWER_TOOL, Effect, FIND_TOOLS, Pending, Phase, Ran, State};
use crate::agent::message::{Arguments, AssistantMessage, Message, ToolCall};
use crate::answer::{HYPOTHESIS_TOOL, hypothesis_line};
use crate::evidence::{Exhibit, Status};

/// Characters of the list of tools that an unknown name is answered with.
const LONGEST_LIST: usize = 600;
/// A failed call may be tried again this often before it counts as a repeat.
const FAILED_RETRIES: u32 = 1;

impl State {
    /// Starts the calls of a turn; those that need no run are answered at once.
    pub(super) fn act(&mut self, calls: &[ToolCall]) -> Vec<Effect> {
        self.phase = Phase::Acting;
        self.turn.clear();
        let mut effects = Vec::new();
        let mut this_turn: Vec<String> = Vec::new();
        let mut found_any = false;
        for call in calls {
            let key = key_of(call);
            if call.tool == FIND_TOOLS && self.offer.get(FIND_TOOLS).is_some() {
                let (reply, brings) = self.offer.find(call);
                found_any |= !brings.is_empty();
                self.turn.push(Pending { call: call.clone(), reply: Some(reply.clone()) });
                effects.push(Effect::Answered {
                    call: call.clone(),
                    reply,
                    repeats: None,
                    brings,
                    noted: None,
                });
                continue;
            }
            if let (HYPOTHESIS_TOOL, Arguments::Object(arguments)) = (call.tool.as_str(), &call.arguments)
                && self.offer.get(HYPOTHESIS_TOOL).is_some()
            {
                let before = self.hypotheses.clone();
                let reply = self.hypotheses.apply(arguments);
                let changed = self.hypotheses.list().iter().find(|one| !before.list().contains(one));
                let noted = changed.map(hypothesis_line);
                self.turn.push(Pending { call: call.clone(), reply: Some(reply.clone()) });
                effects.push(Effect::Answered {
                    call: call.clone(),
                    reply,
                    repeats: None,
                    brings: Vec::new(),
                    noted,
                });
                continue;
            }
            // Some models call what they remember from elsewhere: a tool that is there needs no search.
            self.offer.bring(&call.tool);
            let refusal = self.refusal(call).map(|reply| (reply, None)).or_else(|| {
                if this_turn.contains(&key) {
                    return Some(("Same call as another of this turn: see its result.".to_owned(), None));
                }
                self.repeat(&key).map(|(exhibit, reply)| (reply, Some(exhibit)))
            });
            if let Some((reply, repeats)) = refusal {
                self.turn.push(Pending { call: call.clone(), reply: Some(reply.clone()) });
                effects.push(Effect::Answered {
                    call: call.clone(),
                    reply,
                    repeats,
                    brings: Vec::new(),
                    noted: None,
                });
            } else {
                this_turn.push(key);
                self.turn.push(Pending { call: call.clone(), reply: None });
                effects.push(Effect::RunTool(call.clone()));
            }
        }
        if this_turn.is_empty() {
            self.fruitless = if found_any { 0 } else { self.fruitless + 1 };
            effects.extend(self.end_turn());
        } else {
            self.fruitless = 0;
        }
        effects
    }

    /// Starts the calls that are made before the first model call. Tools behind the search stay there.
    pub(super) fn look_up(&mut self, calls: &[ToolCall]) -> Vec<Effect> {
        self.phase = Phase::Acting;
        if self.window.tokens().is_none() {
            let said = AssistantMessage { tool_calls: calls.to_vec(), ..AssistantMessage::default() };
            self.transcript.push(Message::Assistant(said));
        }
        self.turn = calls.iter().map(|call| Pending { call: call.clone(), reply: None }).collect();
        calls.iter().cloned().map(Effect::RunTool).collect()
    }

    /// Why a call cannot run at all.
    fn refusal(&self, call: &ToolCall) -> Option<String> {
        let Some(spec) = self.offer.get(&call.tool) else {
            let names = self.offer.names();
            let nearest = nearest(&call.tool, &names);
            let hint = nearest.map_or_else(
                || format!("tools: {}", crate::evidence::view::clip(&names.join(", "), LONGEST_LIST)),
                |nearest| format!("the nearest is `{nearest}`"),
            );
            return Some(format!("There is no tool `{}`; {hint}.", clip(&call.tool)));
        };
        match &call.arguments {
            Arguments::Object(_) if spec.name != ANSWER_TOOL => None,
            Arguments::Object(_) => Some("The answer was empty: give at least `root_cause`.".to_owned()),
            Arguments::Unreadable(_) => Some(format!(
                "The arguments of `{}` are not a JSON object; expected {}",
                spec.name, spec.parameters
            )),
        }
    }

    /// The earlier exhibit of the same call, with a note.
    fn repeat(&self, key: &str) -> Option<(u32, String)> {
        let ran = self.ran.get(key)?;
        if ran.failed && ran.failures <= FAILED_RETRIES {
            return None;
        }
        let reply = format!(
            "This call ran before: its result is E{}, repeated here. Ask for something else, or answer.\n{}",
            ran.exhibit, ran.view
        );
        Some((ran.exhibit, reply))
    }

    pub(super) fn on_tool(&mut self, exhibit: &Exhibit) -> Vec<Effect> {
        let waiting = self.turn.iter_mut().find(|p| p.call.id == exhibit.call_id && p.reply.is_none());
        let Some(pending) = waiting else {
            return Vec::new();
        };
        pending.reply = Some(exhibit.shown().to_owned());
        let key = key_of(&pending.call);
        let failed = !matches!(exhibit.status, Status::Success | Status::NoData);
        let failures = self.ran.get(&key).map_or(0, |ran| ran.failures) + u32::from(failed);
        self.ran.insert(key, Ran { exhibit: exhibit.id, failures, failed, view: exhibit.shown().to_owned() });
        if self.turn.iter().all(|pending| pending.reply.is_some()) { self.end_turn() } else { Vec::new() }
    }
}

/// Tool and arguments as one string, the same for the same call however its keys are ordered.
fn key_of(call: &ToolCall) -> String {
    let arguments = match &call.arguments {
        Arguments::Object(map) => {
            let sorted: BTreeMap<&String, &Value> =
                map.iter().filter(|(_, value)| !value.is_null()).collect();
            serde_json::to_string(&sorted).unwrap_or_default()
        }
        Arguments::Unreadable(text) => text.clone(),
    };
    format!("{} {arguments}", call.tool)
}

fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), *candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

fn clip(name: &str) -> String {
    crate::evidence::view::clip(&crate::evidence::untrusted::visible(name), 80)
}
