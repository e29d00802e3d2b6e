//! Any OpenAI-compatible chat endpoint as a `Model`.
//!
//! async-openai carries the bytes; what it would be strict about, lose or wait for is ours: loose
//! reading (`assembly`), refusals (`errors`), retries and what an endpoint turns out not to
//! understand (`quirks`). Every request is read as a stream of events: a whole JSON answer is a stream
//! of one, so there is one path for servers that stream unasked and those that do not when asked.
//!
//! A stream that the server closes properly but without a finish reason is taken for complete when its
//! tool calls parse or `[DONE]` came. Otherwise it counts as cut and is asked for again; when the
//! second ends the same way, this server just never says it, and its answers are taken as they are.

mod assembly;
mod body;
mod calls;
mod discover;
mod endpoint;
mod errors;
mod overflow;
mod quirks;
mod request;
mod retry;
mod said;
mod settings;
mod splitter;
mod strict;
#[cfg(test)]
mod tests;
mod transport;
mod usage;

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::time::Duration;

use async_openai::error::OpenAIError;
use futures_util::stream::StreamExt;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use assembly::{Assembly, Listener};
use body::{End, Patience, Trace};
use endpoint::Endpoint;
use errors::{Failure, Remedy, configuration, unavailable};
use quirks::Quirks;

use crate::agent::{Message, Usage};

use super::react::{self, Hearing, ToolCalling};
use super::{Delta, Model, ModelError, ModelFuture, Reply, Request, catalog};

pub use settings::{Azure, Limits, Sent, Settings};

pub use super::catalog::Prices;

/// After the finish reason some servers still send the token counts, and some only keep the line open.
const WAIT_FOR_USAGE: Duration = Duration::from_secs(3);
/// Requests that may be made different because of a refusal, in one turn.
const MOST_ADAPTATIONS: u32 = 8;

/// No tokenizer takes more of prose, logs or JSON for one token.
const MOST_BYTES_A_TOKEN: usize = 8;
/// Requests for one turn that bring thoughts and nothing else: each takes as long as a good one.
const MOST_THOUGHTS: u32 = 2;

/// A model behind an OpenAI-compatible endpoint.
pub struct OpenAiModel {
    settings: Settings,
    endpoint: Endpoint,
    http: reqwest::Client,
    quirks: RefCell<Quirks>,
    /// The window as the endpoint tells it, once it was asked, and how.
    discovered: Cell<Option<discover::Window>>,
    asked: Cell<bool>,
    warnings: RefCell<Vec<String>>,
    warned: Cell<bool>,
    writes_calls: Cell<bool>,
    /// The protocol with the tools last told of: the last call of a run has none, and must begin the same.
    explained: RefCell<Option<String>>,
}

impl std::fmt::Debug for OpenAiModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpenAiModel")
            .field("settings", &self.settings)
            .field("quirks", &self.quirks)
            .finish_non_exhaustive()
    }
}

impl OpenAiModel {
    /// Checks the settings; connects to nothing yet.
    ///
    /// # Errors
    /// Configuration, naming the setting: an API base that is no URL, a key that fits in no header,
    /// a CA file that cannot be read.
    pub fn new(settings: Settings) -> Result<Self, ModelError> {
        let endpoint = Endpoint::new(&settings)?;
        let http = transport::build(&settings, &endpoint)?;
        let mut quirks = Quirks::new(&settings);
        quirks.no_tools = settings.tool_calling == ToolCalling::Text;
        let quirks = RefCell::new(quirks);
        Ok(Self {
            settings,
            endpoint,
            http,
            quirks,
            discovered: Cell::default(),
            asked: Cell::default(),
            warnings: RefCell::default(),
            warned: Cell::default(),
            writes_calls: Cell::default(),
            explained: RefCell::default(),
        })
    }

    /// The address requests go to, as it may be shown.
    pub fn url(&self) -> String {
        self.endpoint.shown()
    }

    /// Whether the endpoint still gets to stream.
    pub fn streams(&self) -> bool {
        !self.quirks.borrow().no_stream
    }

    /// Whether the endpoint refuses tools.
    pub fn refuses_tools(&self) -> bool {
        self.quirks.borrow().no_tools
    }

    /// Whether the model's last calls stood in its text.
    pub fn writes_calls(&self) -> bool {
        self.writes_calls.get()
    }

    /// The window in tokens, and who told it.
    pub fn window(&self) -> Option<(u64, &'static str)> {
        let settings = self.settings.context_window.map(|window| (window, "the settings"));
        let table = || catalog::window(&self.settings.model).map(|window| (window, "the built-in table"));
        settings.or_else(|| self.discovered.get()).or_else(table)
    }

    /// Who tells what the model costs, where anybody does.
    pub fn prices_from(&self) -> Option<&'static str> {
        let token = Usage { prompt_tokens: 1, ..Usage::default() };
        let table = || catalog::cost(&self.settings.model, token).map(|_| "the built-in table");
        self.settings.prices.map(|_| "the settings").or_else(table)
    }

    /// What explains tool calls in text, for requests that need it.
    fn protocol(&self, request: Request<'_>) -> Option<String> {
        if !self.quirks.borrow().no_tools || !react::concerns(request.messages, request.tools) {
            return None;
        }
        let mut explained = self.explained.borrow_mut();
        if !request.tools.is_empty() || explained.is_none() {
            *explained = Some(react::catalogue(&self.settings.protocol, request.tools));
        }
        explained.clone()
    }

    async fn converse(&self, request: Request<'_>, listener: &mut Listener<'_>) -> Result<Reply, ModelError> {
        let limits = &self.settings.limits;
        let deadline = Instant::now() + limits.budget;
        let (mut failures, mut adaptations) = (0, 0);
        let mut last: Option<String> = None;
        loop {
            let protocol = self.protocol(request);
            let body = request::body(&self.settings, &self.quirks.borrow(), request, protocol.as_deref());
            let tried = if protocol.is_some() {
                timeout_at(deadline, self.attempt_in_text(&body, request, listener)).await
            } else {
                timeout_at(deadline, self.attempt(&body, request, listener)).await
            };
            let failure = match tried {
                Ok(Ok(reply)) => return Ok(reply),
                Ok(Err(failure)) => failure,
                Err(_) => return Err(self.too_late(last)),
            };
            if let Some(said) = &failure.said
                && self.settings.tool_calling == ToolCalling::Native
                && quirks::refuses_tools(said, &body)
            {
                return Err(configuration(
                    failure.error.message,
                    "this model or server takes no tools: `--tool-calling text` calls them in text",
                ));
            }
            if let Some(said) = &failure.said
                && adaptations < MOST_ADAPTATIONS
                && let Some(reason) = self.quirks.borrow_mut().learn(said, &body)
            {
                adaptations += 1;
                listener(Delta::Retry { attempt: failures + 1, wait: Duration::ZERO, reason: &reason });
                continue;
            }
            if let Some(said) = &failure.said
                && let Some(reply) = Self::salvaged(&said.generation, request)
            {
                return Ok(reply);
            }
            if failure.unfinished {
                // The next one of this kind is an answer.
                self.quirks.borrow_mut().no_finish = true;
            }
            failures += 1;
            let Remedy::Again { wait: asked, most } = failure.remedy else {
                return Err(failure.error);
            };
            if failures >= limits.attempts.min(most) {
                return Err(after(failures, failure.error));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let asked = asked.filter(|wait| !wait.is_zero());
            if let Some(wait) = asked
                && wait > limits.longest_wait.min(left)
            {
                return Err(ModelError {
                    message: format!(
                        "{}; it asks to wait {:.0} s, longer than is waited for",
                        failure.error.message,
                        wait.as_secs_f64()
                    ),
                    ..failure.error
                });
            }
            let wait = asked.unwrap_or_else(|| retry::backoff(limits.backoff, failures));
            if wait > left {
                return Err(after(failures, failure.error));
            }
            listener(Delta::Retry { attempt: failures, wait, reason: &failure.error.message });
            sleep(wait).await;
            last = Some(failure.error.message);
        }
    }

    /// Ollama cuts what is too long for its window without a word; only the count of tokens tells.
    fn watch_for_truncation(&self, request: Request<'_>, usage: Usage) {
        let bytes: usize = request.messages.iter().map(said_bytes).sum();
        let least = u64::try_from(bytes / MOST_BYTES_A_TOKEN).unwrap_or(u64::MAX);
        let counted = usage.prompt_tokens;
        // A few tokens are no count of a prompt, and with a cache some servers count only what was new.
        if counted < 512 || usage.cached_tokens > 0 || least <= counted || self.warned.replace(true) {
            return;
        }
        self.warnings.borrow_mut().push(format!(
            "`{}` counted {counted} tokens in a request of {least} or more: it seems to cut long prompts silently; \
             start it with a larger window (Ollama: `OLLAMA_CONTEXT_LENGTH`), or set `--context-window {counted}`",
            self.url()
        ));
    }

    /// The tool calls in what a server could not read itself.
    fn salvaged(generation: &str, request: Request<'_>) -> Option<Reply> {
        let mut assembly = Assembly::default();
        assembly.take(&json!({"choices": [{"message": {"content": generation}}]}), &mut |_| {}).ok()?;
        let reply = assembly.reply(request.messages, request.tools, &mut |_| {});
        (!reply.message.tool_calls.is_empty()).then_some(reply)
    }

    fn too_late(&self, last: Option<String>) -> ModelError {
        let before = last.map_or_else(String::new, |last| format!("; before that: {last}"));
        let budget = self.settings.limits.budget;
        unavailable(
            format!("`{}` gave no answer within {budget:?}{before}", self.url()),
            Some("the model may be overloaded; a smaller model answers sooner".to_owned()),
        )
    }

    /// An attempt in the text protocol: what is heard is the answer, what comes back is read.
    async fn attempt_in_text(
        &self,
        body: &Value,
        request: Request<'_>,
        listener: &mut Listener<'_>,
    ) -> Result<Reply, Failure> {
        let mut hearing = Hearing::default();
        let plain = Request { tools: &[], ..request };
        let mut reply = match self.attempt(body, plain, &mut |delta| hearing.take(delta, listener)).await {
            Err(failure) if failure.empty && !request.tools.is_empty() => {
                // It stopped before its first word, at a result that it was about to make up.
                return Ok(Reply { finish_reason: "stop".to_owned(), ..Reply::default() });
            }
            reply => reply?,
        };
        let said = react::hear(&mut reply.message, request.messages, request.tools);
        if request.stream {
            hearing.finish(&said, listener);
        }
        Ok(reply)
    }

    async fn attempt(
        &self,
        body: &Value,
        request: Request<'_>,
        listener: &mut Listener<'_>,
    ) -> Result<Reply, Failure> {
        let streams = body.get("stream") == Some(&Value::Bool(true));
        let limits = &self.settings.limits;
        // An answer that is not streamed comes when it is complete, however long that takes.
        let patience = Patience {
            first_byte: if streams { limits.first_byte } else { limits.budget },
            idle: limits.idle,
            bytes: limits.reply_bytes,
        };
        let trace = Trace::default();
        let client =
            transport::client(&self.http, &self.endpoint, patience, &trace, self.settings.sent.as_ref());
        let model = self.settings.model.as_str();
        let mut events = client
            .chat()
            .create_stream_byot::<_, Value>(body)
            .await
            .map_err(|error| Failure::of_call(error, &self.endpoint, model))?;

        let mut deaf = |_: Delta<'_>| {};
        let mut assembly = Assembly::default();
        let mut gibberish = false;
        loop {
            let next = if assembly.finish_reason().is_empty() {
                events.next().await
            } else if assembly.has_usage() {
                break;
            } else {
                timeout(WAIT_FOR_USAGE, events.next()).await.unwrap_or(None)
            };
            let values = match next {
                Some(Ok(value)) => vec![value],
                Some(Err(OpenAIError::JSONDeserialize(_, text))) => {
                    let values = values_in(&text);
                    gibberish |= values.is_empty() && text.trim_start().starts_with(['{', '[']);
                    values
                }
                // What broke is in the trace.
                Some(Err(_)) | None => break,
            };
            for value in values {
                let listener: &mut Listener<'_> = if request.stream { listener } else { &mut deaf };
                assembly
                    .take(&value, listener)
                    .map_err(|error| Failure::of_error_object(&error, &self.endpoint, model))?;
            }
        }
        let listener: &mut Listener<'_> = if request.stream { listener } else { &mut deaf };
        self.conclude(assembly, &trace.seen(), gibberish, request, listener)
    }

    /// Whether what came is an answer.
    fn conclude(
        &self,
        assembly: Assembly,
        seen: &body::Seen,
        gibberish: bool,
        request: Request<'_>,
        listener: &mut Listener<'_>,
    ) -> Result<Reply, Failure> {
        if !assembly.is_finished() {
            let closed = seen.done || seen.end == Some(End::Closed);
            if !closed {
                return Err(Failure::of_end(seen, &self.endpoint));
            }
            let odd_line = !seen.first_line.is_empty()
                && !seen.first_line.starts_with("data:")
                && !seen.first_line.starts_with('{');
            if gibberish || (assembly.is_empty() && !seen.done && odd_line) {
                return Err(Failure::of_gibberish(&seen.first_line, &self.endpoint));
            }
            let complete = seen.done || assembly.calls_are_complete() || self.quirks.borrow().no_finish;
            if !complete && !assembly.is_empty() {
                return Err(Failure { unfinished: true, ..Failure::of_end(seen, &self.endpoint) });
            }
        }
        if assembly.is_empty() {
            let why = match assembly.finish_reason() {
                "" => String::new(),
                reason => format!(" (finish reason `{}`)", said::one_line(reason, &self.endpoint)),
            };
            // Some gateways lose tool calls, or everything, where they stream.
            let streamed =
                request.stream && !std::mem::replace(&mut self.quirks.borrow_mut().no_stream, true);
            let next = if streamed { "; asked again without streaming" } else { "" };
            let failure = Failure::again(format!("the model gave an empty answer{why}{next}"), None);
            return Err(Failure { empty: true, ..failure });
        }
        if !assembly.finish_reason().is_empty() {
            self.quirks.borrow_mut().no_finish = false;
        }
        let native = assembly.has_calls();
        let mut reply = assembly.reply(request.messages, request.tools, listener);
        self.writes_calls.set(!native && !reply.message.tool_calls.is_empty());
        self.watch_for_truncation(request, reply.usage);
        if reply.message.text.is_empty() && reply.message.tool_calls.is_empty() {
            let limit = reply.finish_reason.contains("length");
            let hint = if limit {
                "its output limit is too small for its thoughts: raise `max_tokens` in the model list"
            } else {
                "a model without thinking, or with less of it, may do better"
            };
            let error = unavailable("the model thought and said nothing".to_owned(), Some(hint.to_owned()));
            return Err(Failure {
                remedy: Remedy::Again { wait: None, most: MOST_THOUGHTS },
                ..Failure::fatal(error)
            });
        }
        if reply.cost.is_none() {
            reply.cost = match &self.settings.prices {
                Some(prices) => catalog::cost_at(*prices, reply.usage),
                None => catalog::cost(&self.settings.model, reply.usage),
            };
        }
        Ok(reply)
    }
}

impl Model for OpenAiModel {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn context_window(&self) -> Option<u64> {
        self.window().map(|(tokens, _)| tokens)
    }

    fn discover<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(self.ask_for_window())
    }

    fn warnings(&self) -> Vec<String> {
        self.warnings.take()
    }

    fn complete<'a>(
        &'a self,
        request: Request<'a>,
        listener: &'a mut dyn FnMut(Delta<'_>),
    ) -> ModelFuture<'a> {
        Box::pin(self.converse(request, listener))
    }
}

/// Says how often it was tried, where that is not once.
fn after(attempts: u32, error: ModelError) -> ModelError {
    if attempts < 2 {
        return error;
    }
    ModelError { message: format!("{} (after {attempts} attempts)", error.message), ..error }
}

fn said_bytes(message: &Message) -> usize {
    match message {
        Message::System { text } | Message::User { text } | Message::Tool { text, .. } => text.len(),
        Message::Assistant(said) => said.text.len(),
    }
}

/// The values of an event that is not one value: several without the blank line between them.
fn values_in(text: &str) -> Vec<Value> {
    // Some proxies put `data:` before what already has it.
    serde_json::Deserializer::from_str(text.trim_start_matches("data:"))
        .into_iter::<Value>()
        .map_while(Result::ok)
        .filter(|value| value.is_object() || value.is_array())
        .collect()
}
