//! The ReAct loop: thought → tool calls → observations → … → answer.
//!
//! `machine` decides and touches nothing; `drive` performs what it decides. Only `drive` is async.

mod event;
mod message;

pub use event::{Event, Finish, Limit, Unusable};
pub use message::{Arguments, AssistantMessage, Message, ToolCall, ToolSpec, Usage};
