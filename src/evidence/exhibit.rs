//! One tool call's output as evidence: who produced it, how it ended, where its raw bytes are.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Numbered output of one tool call. The raw bytes stay on disk; `view` is what the model saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Exhibit {
    /// 1 for `E1`, in call order.
    pub id: u32,
    pub call_id: String,
    pub tool: String,
    pub toolset: String,
    /// The progress line a person saw (`user_description` rendered).
    pub description: String,
    pub params: Map<String, Value>,
    /// The command as it may be shown: values in place, secrets not.
    pub invocation: String,
    pub status: Status,
    /// Exit code where a process ended by itself.
    pub exit_code: Option<i32>,
    /// Why it failed, one line; `None` on success.
    pub error: Option<String>,
    pub seconds: f64,
    /// When it began, in seconds since the run did; 0 where that is not known.
    #[serde(default)]
    pub started_seconds: f64,
    /// Size of the raw output in bytes, and its number of lines.
    pub bytes: u64,
    pub lines: u64,
    /// Raw output as kept on disk.
    pub path: PathBuf,
    /// Header, numbered lines, what was left out: what the model was given, unless there is a `summary`.
    pub view: String,
    /// Whether `view` leaves out part of the raw output.
    pub condensed: bool,
    /// What the model was given in place of `view`, where a fast model wrote one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<ShownSummary>,
    /// Where what a model was given of it reads like an instruction to a model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flagged: Option<super::injection::Flag>,
}

/// An output in the words of a fast model. It is no evidence: quotes are checked against the raw output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownSummary {
    /// Name of the model that wrote it.
    pub model: String,
    /// As the model of the run was given it: fence, header, whose words these are, the words.
    pub text: String,
}

/// Toolset name of exhibits that no tool made: files and piped text a person attached.
pub const ATTACHED: &str = "attached";

/// Toolset name of what hands out runbooks.
pub const RUNBOOKS: &str = "runbooks";

impl Exhibit {
    /// Attached evidence, by its number, before its size is known. `source` says in a tool's place what it is: a file, an
    /// alert, a ticket.
    #[must_use]
    pub fn attachment(id: u32, source: &str, name: &str, path: PathBuf) -> Self {
        let mut params = Map::new();
        params.insert("name".to_owned(), name.into());
        Self {
            id,
            call_id: format!("attached_{id}"),
            tool: source.to_owned(),
            toolset: ATTACHED.to_owned(),
            description: format!("attached {name}"),
            params,
            invocation: name.to_owned(),
            status: Status::NoData,
            exit_code: None,
            error: None,
            seconds: 0.0,
            started_seconds: 0.0,
            bytes: 0,
            lines: 0,
            path,
            view: String::new(),
            condensed: false,
            summary: None,
            flagged: None,
        }
    }

    /// What the model of the run was given of it.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.summary.as_ref().map_or(&self.view, |summary| &summary.text)
    }

    /// Whether it is advice, which proves nothing.
    #[must_use]
    pub fn is_advice(&self) -> bool {
        self.toolset == RUNBOOKS
    }

    /// Whether it was attached, not made by a tool.
    #[must_use]
    pub fn is_attachment(&self) -> bool {
        self.toolset == ATTACHED
    }
}

/// How a tool call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Success,
    /// It ran and found nothing: empty output, or `grep`'s exit 1.
    NoData,
    Error,
    /// Stopped by its time limit; the output is what had arrived.
    TimedOut,
    /// Stopped because the run was interrupted or its time was up.
    Interrupted,
    /// Not run: policy or a person said no.
    Denied,
}

impl Status {
    /// How a call ended, in a word or two; a code says more than that it failed.
    #[must_use]
    pub fn told(self, exit_code: Option<i32>) -> String {
        match (self, exit_code) {
            (Self::Success, _) => "ok".to_owned(),
            (Self::NoData, _) => "no data".to_owned(),
            (Self::Error, Some(code)) => format!("exit {code}"),
            (Self::Error, None) => "failed".to_owned(),
            (Self::TimedOut, _) => "timed out".to_owned(),
            (Self::Interrupted, _) => "interrupted".to_owned(),
            (Self::Denied, _) => "denied".to_owned(),
        }
    }
}
