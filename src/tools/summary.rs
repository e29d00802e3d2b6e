//! What an author wants done with a tool's long outputs: `llm_summarize`. Said here, performed by whoever has
//! models; this room has none.

use std::path::Path;

use serde_json::{Map, Value};

use super::{Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::shell::Stop;
use crate::toolset::Transformer;

/// Characters above which an output is summarised where its author names no number: HolmesGPT's default.
const THRESHOLD: u64 = 1000;

/// When and how a tool's output is summarised by a fast model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Outputs of more characters are summarised.
    pub above: u64,
    /// The author's own words for what to do, in place of the usual ones.
    pub prompt: Option<String>,
    /// Name of the model that does it; the configured one without.
    pub model: Option<String>,
}

impl Summary {
    /// What the transformers of a tool come to; `None` when they ask for no summary.
    #[must_use]
    pub fn of(transformers: &[Transformer]) -> Option<Self> {
        let asked = transformers.iter().find(|one| one.name == "llm_summarize")?;
        let said = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        Some(Self {
            above: asked.input_threshold.unwrap_or(THRESHOLD),
            prompt: said(&asked.prompt),
            model: said(&asked.fast_model).map(|name| name.trim().to_owned()),
        })
    }
}

/// `tool`, whose long outputs are to be summarised where `summary` says so.
pub fn summarised(tool: Box<dyn Tool>, summary: Option<Summary>) -> Box<dyn Tool> {
    match summary {
        Some(summary) => Box::new(Summarised { tool, summary }),
        None => tool,
    }
}

struct Summarised {
    tool: Box<dyn Tool>,
    summary: Summary,
}

impl Tool for Summarised {
    fn spec(&self) -> &ToolSpec {
        self.tool.spec()
    }

    fn toolset(&self) -> &str {
        self.tool.toolset()
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        self.tool.describe(params)
    }

    fn summary(&self) -> Option<&Summary> {
        Some(&self.summary)
    }

    fn wrapped(&self) -> Option<&dyn Tool> {
        Some(self.tool.as_ref())
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        self.tool.run(params, output, stop)
    }
}
