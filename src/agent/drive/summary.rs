//! Summaries of long outputs by a fast model: what it is sent, how long it is waited for, what comes of it.
//!
//! It reads the same redacted and fenced view as any model, only a longer one. Whatever goes wrong costs the
//! summary and nothing else: the model of the run is then shown the lines, as without a fast model.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::Driver;
use crate::agent::event::Event;
use crate::agent::machine::Effect;
use crate::agent::message::{Message, Usage};
use crate::clock::Clock;
use crate::evidence::{self, Exhibit, Status};
use crate::model::{Model, Request};
use crate::tools::Summary;

/// The view a fast model reads takes at most this share of its window …
const VIEW_SHARE: u64 = 3;
/// … and between these numbers of tokens: more would take longer than it is worth.
const VIEW_TOKENS: std::ops::RangeInclusive<u64> = 400..=32_000;
/// Taken when nothing tells its window: what local servers are commonly started with.
const CAREFUL_WINDOW: u64 = 32_768;
/// Tokens a summary may take, for the budgets.
const REPLY_TOKENS: u64 = 1_000;
/// Failures in a row after which a model is not asked again: each may take the whole time limit.
const MOST_FAILURES: u32 = 2;

/// Who sums outputs up, and how.
pub struct Fast<'a> {
    /// For tools that name no model.
    pub usual: Option<&'a dyn Model>,
    /// By the names that tools give them; one that cannot be used is missing.
    pub named: BTreeMap<String, &'a dyn Model>,
    /// The system message, with the author's own words where there are some; an error is one line.
    pub instructions: &'a dyn Fn(Option<&str>) -> Result<String, String>,
    /// For one summary.
    pub timeout: Duration,
}

/// A request for a summary, ready to be sent.
pub(super) struct Asked<'a> {
    id: u32,
    model: &'a dyn Model,
    messages: [Message; 2],
    timeout: Duration,
}

/// An exhibit that is not handed over yet.
pub(super) struct Waiting {
    pub exhibit: Exhibit,
    model: String,
    /// Estimated, of the request and its reply.
    tokens: u64,
}

/// What came of a request; the text, or why there is none in one line.
pub(super) struct Said {
    text: Result<String, String>,
    usage: Usage,
    cost: Option<f64>,
    took: Duration,
    /// The model is to blame for a failure.
    by_model: bool,
}

impl Asked<'_> {
    /// Asks the model, for as long as a summary may take.
    pub(super) async fn perform(self, clock: &dyn Clock) -> (u32, Said) {
        let started = clock.instant();
        let request = Request { messages: &self.messages, tools: &[], reply_tokens: None, stream: false };
        let mut deaf = |_: crate::model::Delta<'_>| {};
        let reply = tokio::time::timeout(self.timeout, self.model.complete(request, &mut deaf)).await;
        let mut said = Said { by_model: true, took: since(started, clock), ..Said::nothing(String::new()) };
        said.text = match reply {
            Err(_) => Err(format!("no summary within {:?}", self.timeout)),
            Ok(Err(error)) => Err(error.message),
            Ok(Ok(reply)) => {
                (said.usage, said.cost) = (reply.usage, reply.cost);
                let text = reply.message.text.trim();
                if text.is_empty() { Err("the model said nothing".to_owned()) } else { Ok(text.to_owned()) }
            }
        };
        (self.id, said)
    }
}

impl Said {
    /// No request was made, or its end was not waited for.
    pub(super) fn nothing(why: String) -> Self {
        Self { text: Err(why), usage: Usage::default(), cost: None, took: Duration::ZERO, by_model: false }
    }
}

impl<'a> Driver<'a, '_> {
    /// The request for a summary of a fresh exhibit, or why it cannot be made. `None` when none is wanted,
    /// or nobody can write it.
    pub(super) fn ask_for_summary(
        &mut self,
        exhibit: &Exhibit,
        summary: &Summary,
        waiting: &[Waiting],
    ) -> Option<(Waiting, Result<Asked<'a>, String>)> {
        let fast = self.engine.fast?;
        let model = match &summary.model {
            Some(name) => fast.named.get(name).copied(),
            None => fast.usual,
        }?;
        let failures = self.fast_failures.get(model.name()).copied().unwrap_or_default();
        let is_wanted = exhibit.status == Status::Success && failures < MOST_FAILURES;
        if !is_wanted || !evidence::is_longer(&exhibit.path, summary.above).unwrap_or(false) {
            return None;
        }
        let mut one = Waiting { exhibit: exhibit.clone(), model: model.name().to_owned(), tokens: 0 };
        let messages = match self.messages(fast, model, exhibit, summary) {
            Ok(messages) => messages,
            Err(why) => return Some((one, Err(why))),
        };
        let request: u64 = messages.iter().map(crate::agent::machine::message_tokens).sum();
        one.tokens = request + REPLY_TOKENS;
        let others: u64 = waiting.iter().map(|one| one.tokens).sum();
        if !self.state.affords(others + one.tokens) {
            return Some((one, Err("the budget has no room for it".to_owned())));
        }
        self.emit(&Event::SummaryRequested {
            exhibit: exhibit.id,
            model: one.model.clone(),
            tokens: request,
            kept: Some(Box::new(one.exhibit.clone())),
        });
        Some((one, Ok(Asked { id: exhibit.id, model, messages, timeout: fast.timeout })))
    }

    fn messages(
        &self,
        fast: &Fast<'_>,
        model: &dyn Model,
        exhibit: &Exhibit,
        summary: &Summary,
    ) -> Result<[Message; 2], String> {
        let window = model.context_window().unwrap_or(CAREFUL_WINDOW);
        let allowance = (window / VIEW_SHARE).clamp(*VIEW_TOKENS.start(), *VIEW_TOKENS.end());
        let view = self
            .store
            .view_within(&mut exhibit.clone(), allowance)
            .map_err(|error| format!("its output cannot be read back: {error}"))?;
        let instructions = (fast.instructions)(summary.prompt.as_deref())?;
        Ok([Message::System { text: instructions }, Message::User { text: view }])
    }

    /// Hands an exhibit over, with what was said of it.
    pub(super) fn summarised(&mut self, one: Waiting, said: Said) -> Vec<Effect> {
        let Waiting { mut exhibit, model, .. } = one;
        let mut whole = None;
        let failure = match said.text {
            Ok(text) => {
                self.fast_failures.remove(&model);
                if let Some(summarised) = self.store.summarise(exhibit.id, &model, &text) {
                    exhibit = summarised;
                }
                whole = Some(text);
                None
            }
            Err(why) => Some(self.blamed(&model, why, said.by_model)),
        };
        let mut effects = self.emit(&Event::SummaryReplied {
            exhibit: exhibit.id,
            model,
            usage: said.usage,
            cost: said.cost,
            seconds: said.took.as_secs_f64(),
            failure,
            text: whole,
        });
        effects.extend(self.emit(&Event::ToolFinished { exhibit }));
        effects
    }

    fn blamed(&mut self, model: &str, why: String, by_model: bool) -> String {
        if !by_model {
            return why;
        }
        let failures = self.fast_failures.entry(model.to_owned()).or_default();
        *failures += 1;
        if *failures == MOST_FAILURES { format!("{why}; it is not asked again in this run") } else { why }
    }
}

fn since(started: Instant, clock: &dyn Clock) -> Duration {
    clock.instant().saturating_duration_since(started)
}
