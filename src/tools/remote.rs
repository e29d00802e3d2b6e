//! Toolsets whose tools a server or a specification gives, not a command: asked for them once, before a run.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::{Tool, mcp};
use crate::shell::Stop;
use crate::tls::Trust;
use crate::toolset::{Toolset, ToolsetKind};

/// What such a toolset may know of this program.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// The environment this program was started with.
    pub caller: Vec<(String, String)>,
    pub trust: Trust,
    /// Time one call has, unless its toolset says otherwise.
    pub timeout: std::time::Duration,
}

/// A toolset that answered.
#[derive(Default)]
pub struct Connected {
    pub tools: Vec<Box<dyn Tool>>,
    /// What the server itself says about its use, for the model.
    pub instructions: Option<String>,
    /// What the person who configured it should know, each in one line.
    pub warnings: Vec<String>,
}

impl Connected {
    /// Ends the connection, for whoever only wanted to know what there is.
    pub async fn close(&self) {
        let mut closing: FuturesUnordered<_> = self.tools.iter().map(|tool| tool.close()).collect();
        while closing.next().await.is_some() {}
    }
}

/// Asks for the tools of `toolset`. Ends by itself: every step has a time limit.
///
/// # Errors
/// In one line that a person can act on: why it cannot be used.
pub async fn connect(
    toolset: &Toolset,
    surroundings: &Surroundings,
    stop: Stop,
) -> Result<Connected, String> {
    let kind = match toolset.kind {
        ToolsetKind::Commands => return Ok(Connected::default()),
        ToolsetKind::Http => return super::http::connect(toolset, surroundings).await,
        ToolsetKind::Mcp => return mcp::connect(toolset, surroundings, stop).await,
        ToolsetKind::Database => "database",
        ToolsetKind::Mongodb => "mongodb",
    };
    Err(format!("{}: type `{kind}` is not supported yet", toolset.origin))
}
