//! A tool under another name than its own: where two servers have one of the same name, both can be called.

use std::path::Path;

use serde_json::{Map, Value};

use super::mcp::listing::{NAME, callable};
use super::{Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::shell::Stop;

/// `tool` as `<toolset>__<tool>`, as HolmesGPT 0.45 has it.
pub fn prefixed(tool: Box<dyn Tool>) -> Box<dyn Tool> {
    let own = tool.spec();
    let spec = ToolSpec { name: prefixed_name(tool.toolset(), &own.name), ..own.clone() };
    Box::new(Named { spec, tool })
}

/// `<toolset>__<tool>`, in letters that models can call.
pub(super) fn prefixed_name(toolset: &str, tool: &str) -> String {
    // The tool's own name tells more than the server's: that one is cut.
    let room = NAME.saturating_sub(tool.len() + 2).clamp(8, NAME);
    let prefix: String = callable(toolset).chars().take(room).collect();
    callable(&format!("{prefix}__{tool}"))
}

struct Named {
    spec: ToolSpec,
    tool: Box<dyn Tool>,
}

impl Tool for Named {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &str {
        self.tool.toolset()
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        self.tool.describe(params)
    }

    fn wrapped(&self) -> Option<&dyn Tool> {
        Some(self.tool.as_ref())
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        self.tool.run(params, output, stop)
    }
}
