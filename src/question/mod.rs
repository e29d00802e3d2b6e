//! What is asked, as pure data: the words, what they are about, and what came with them.

pub mod alert;
pub mod subject;
mod ticket;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use ticket::{Ticket, TicketComment, TicketSource, from_adf, from_html, from_markdown, from_wiki};

/// One question and the evidence handed over with it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Question {
    pub text: String,
    /// The thing it is about, where the words or the source name one (`pod/shop/payments-1`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A file or piped text that becomes an exhibit before the first model call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attachment {
    /// What people called it: the path as typed, or `stdin`.
    pub name: String,
    /// Where its bytes can be read.
    pub path: PathBuf,
    #[serde(default)]
    pub source: Source,
}

/// What attached text is. An alert says that something is wrong, never why: its words prove no cause.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    #[default]
    File,
    Alert,
    Ticket,
}

impl Source {
    /// As exhibits are headed, where others have the name of their tool.
    #[must_use]
    pub fn heading(self) -> &'static str {
        match self {
            Self::File => "attached_file",
            Self::Alert => "alert",
            Self::Ticket => "ticket",
        }
    }
}
