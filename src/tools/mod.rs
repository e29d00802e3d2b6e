//! What the model can do: the `Tool` trait and the box that holds every usable tool.

pub mod approval;
mod bash;
mod command;
mod fetch_runbook;
mod http;
mod kubernetes_changes;
mod kubernetes_findings;
mod mcp;
mod named;
mod parameters;
mod read_exhibit;
mod remote;
mod summary;
mod toolbox;

use std::future::Future;
use std::path::Path;
use std::pin::Pin;

use serde_json::{Map, Value};

use crate::agent::ToolSpec;
use crate::evidence::Status;
use crate::shell::Stop;

pub use bash::{BASH, Bash, Mode};
pub use command::CommandTool;
pub use fetch_runbook::FetchRunbook;
pub use kubernetes_changes::KubernetesChanges;
pub use kubernetes_findings::KubernetesFindings;
pub use named::prefixed;
pub use read_exhibit::{EVIDENCE, ReadExhibit};
pub use remote::{Connected, Surroundings, connect};
pub use summary::{Summary, summarised};
pub use toolbox::Toolbox;

/// A boxed future of a tool's run.
pub type ToolFuture<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

/// Something the model can call.
pub trait Tool {
    fn spec(&self) -> &ToolSpec;

    fn toolset(&self) -> &str;

    /// The progress line for a person.
    fn describe(&self, params: &Map<String, Value>) -> String;

    /// The tool that this one only dresses: what it does not say itself, that one does.
    fn wrapped(&self) -> Option<&dyn Tool> {
        None
    }

    /// When a fast model is to sum its output up.
    fn summary(&self) -> Option<&Summary> {
        self.wrapped().and_then(Tool::summary)
    }

    /// Whether such a call may change what it looks at. After an output that reads like an instruction to a model it
    /// is not run.
    fn changes(&self, params: &Map<String, Value>) -> bool {
        self.wrapped().is_some_and(|tool| tool.changes(params))
    }

    /// Whether it talks to the cluster that kubectl's configuration names: leave for it is given for that one alone.
    fn reaches_cluster(&self) -> bool {
        self.wrapped().is_some_and(Tool::reaches_cluster)
    }

    /// What a person must decide before such a call; `None`: it runs. Who asks nobody runs nothing: [`Tool::run`] then denies.
    fn asks(&self, params: &Map<String, Value>) -> Option<crate::approval::Ask> {
        self.wrapped().and_then(|tool| tool.asks(params))
    }

    /// Runs with the model's parameters, raw output into the file `output`.
    /// Wrong parameters are an `Outcome` with an error the model can act on, before anything runs.
    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a>;

    /// As [`Tool::run`], where a person asks for this very call: nobody else needs to approve it.
    fn run_approved<'a>(
        &'a self,
        params: &'a Map<String, Value>,
        output: &'a Path,
        stop: Stop,
    ) -> ToolFuture<'a> {
        match self.wrapped() {
            Some(tool) => tool.run_approved(params, output, stop),
            None => self.run(params, output, stop),
        }
    }

    /// Says goodbye to whoever it talks to, within a second. A tool that is only dropped cuts them off.
    fn close(&self) -> Closing<'_> {
        self.wrapped().map_or_else(|| Box::pin(std::future::ready(())) as Closing<'_>, Tool::close)
    }
}

/// A boxed future of a tool's end.
pub type Closing<'a> = Pin<Box<dyn Future<Output = ()> + 'a>>;

/// How a tool's run ended; its output is in the file it was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    pub status: Status,
    pub exit_code: Option<i32>,
    /// One line, on failure.
    pub error: Option<String>,
    /// The command as it may be shown.
    pub invocation: String,
    pub bytes: u64,
    pub lines: u64,
}
