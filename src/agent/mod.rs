//! The ReAct loop: thought → tool calls → observations → … → answer.
//!
//! `machine` decides and touches nothing; `drive` performs what it decides. Only `drive` is async.

pub mod drive;
mod event;
pub mod machine;
mod message;

pub use event::{
    Edit, Equipped, Event, Finish, Limit, Opening, Resumption, Rewritten, Summarised, Tools, Unusable,
};
pub use machine::{ANSWER_TOOL, Limits, Usable};
pub use message::{Arguments, AssistantMessage, Message, ToolCall, ToolSpec, Usage};
