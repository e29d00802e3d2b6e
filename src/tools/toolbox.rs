//! Every tool a run can use, by name, in the order the model sees them.

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::{Summary, Tool};
use crate::agent::{Equipped, Summarised, ToolSpec};

/// Holds the usable tools of one run.
#[derive(Default)]
pub struct Toolbox {
    tools: Vec<Box<dyn Tool>>,
}

impl Toolbox {
    /// Adds a tool. The first of a name stays; the second is returned so that the caller can say so.
    pub fn add(&mut self, tool: Box<dyn Tool>) -> Option<Box<dyn Tool>> {
        if self.get(&tool.spec().name).is_some() {
            return Some(tool);
        }
        self.tools.push(tool);
        None
    }

    #[must_use]
    pub fn get(&self, name: &str) -> Option<&dyn Tool> {
        self.tools.iter().find(|tool| tool.spec().name == name).map(AsRef::as_ref)
    }

    /// The schemas for the model, in a stable order.
    #[must_use]
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(|tool| tool.spec().clone()).collect()
    }

    /// The schemas with the names of their toolsets, in the same order.
    pub fn with_toolsets(&self) -> impl Iterator<Item = (&str, &ToolSpec)> {
        self.tools.iter().map(|tool| (tool.toolset(), tool.spec()))
    }

    /// What authors want summarised: the tool's name and how.
    pub fn summaries(&self) -> impl Iterator<Item = (&str, &Summary)> {
        self.tools.iter().filter_map(|tool| Some((tool.spec().name.as_str(), tool.summary()?)))
    }

    /// Where each tool comes from, for the record.
    #[must_use]
    pub fn equipped(&self) -> Vec<Equipped> {
        let equipped = |tool: &dyn Tool| Equipped {
            tool: tool.spec().name.clone(),
            toolset: tool.toolset().to_owned(),
            summary: tool.summary().map(|summary| Summarised {
                above: summary.above,
                prompt: summary.prompt.clone(),
                model: summary.model.clone(),
            }),
        };
        self.tools.iter().map(|tool| equipped(tool.as_ref())).collect()
    }

    /// Says goodbye to every server, all at the same time.
    pub async fn close(&self) {
        let mut closing: FuturesUnordered<_> = self.tools.iter().map(|tool| tool.close()).collect();
        while closing.next().await.is_some() {}
    }

    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.tools.iter().map(|tool| tool.spec().name.as_str()).collect()
    }
}
