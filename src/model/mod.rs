//! What thinks: anything that turns a transcript into the next turn.
//!
//! The engine knows only `Model`. `openai` speaks to any OpenAI-compatible endpoint, `crate::rules`
//! answers without one. A model never runs tools and never prints.

mod arguments;
pub mod catalog;
pub mod openai;
pub mod react;
pub mod text_calls;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::agent::{AssistantMessage, Message, ToolSpec, Usage};

/// A boxed future that borrows from the model and the request.
pub type ModelFuture<'a> = Pin<Box<dyn Future<Output = Result<Reply, ModelError>> + 'a>>;

/// One question to a model.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    pub messages: &'a [Message],
    /// Empty when tools are withdrawn (the last call of a run that hit a limit).
    pub tools: &'a [ToolSpec],
    /// Tokens the reply may take, where a budget is nearly spent.
    pub reply_tokens: Option<u64>,
    /// Whether the listener wants text as it arrives.
    pub stream: bool,
}

/// What a model answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reply {
    pub message: AssistantMessage,
    pub usage: Usage,
    /// As the server spelled it; empty when it said nothing.
    pub finish_reason: String,
    /// USD, where the endpoint reports it or the prices are known.
    pub cost: Option<f64>,
}

/// What can be told before a reply is complete.
#[derive(Debug, Clone, Copy)]
pub enum Delta<'a> {
    Text(&'a str),
    Reasoning(&'a str),
    /// What was streamed so far in this call is void: the call starts over after `wait`.
    Retry {
        attempt: u32,
        wait: Duration,
        reason: &'a str,
    },
}

/// Anything that can take the next turn of a transcript.
pub trait Model {
    /// The name shown to people and written to records, e.g. `gpt-5` or `rules`.
    fn name(&self) -> &str;

    /// Tokens the model can take in one request, as far as known.
    fn context_window(&self) -> Option<u64> {
        None
    }

    /// Learns what only the far end knows, above all the window; `context_window` tells it afterwards. Takes
    /// 2 seconds at most, asks nothing that is known already, and fails silently.
    fn discover<'a>(&'a self) -> Pin<Box<dyn Future<Output = ()> + 'a>> {
        Box::pin(std::future::ready(()))
    }

    /// What a person should know about the replies so far, one line each; told once.
    fn warnings(&self) -> Vec<String> {
        Vec::new()
    }

    /// Takes the next turn. Dropping the future abandons the request.
    ///
    /// # Errors
    /// See [`ModelError`]: each kind maps to one exit code.
    fn complete<'a>(
        &'a self,
        request: Request<'a>,
        listener: &'a mut dyn FnMut(Delta<'_>),
    ) -> ModelFuture<'a>;
}

/// Why a model gave no turn. The message is one line for a person; `hint` says what to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ModelError {
    pub kind: ModelErrorKind,
    pub message: String,
    pub hint: Option<String>,
}

/// What the failure means for the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelErrorKind {
    /// A wrong or missing key, model name, path, or a request the endpoint refuses: exit 3.
    Configuration,
    /// Unreachable, overloaded or talking nonsense after all retries: exit 4.
    Unavailable,
    /// The request does not fit the model's window; `limit` in tokens where the endpoint said it.
    ContextTooLong { limit: Option<u64> },
}
