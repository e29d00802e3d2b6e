//! What an investigation starts with, planned: which object an alert speaks of, what belongs to it, and the tool calls
//! the program makes before a model is asked anything.
//!
//! Pure: it reads labels and a snapshot of the cluster, and runs nothing. It judges nothing either: which pod is the
//! worst only decides whose logs are looked at first.

mod found;
mod labels;
mod lookups;
mod metrics;
mod nearest;
mod promql;
mod reach;
mod state;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};

pub use found::{Found, kinds, workload};
pub use labels::of_labels;
pub use lookups::lookups;
pub use metrics::metrics;
pub use nearest::nearest;
pub use state::{PodState, state_line};

/// A tool call the program makes itself; one whose tool cannot be used is dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct Lookup {
    /// Name of a tool of the catalogue.
    pub tool: String,
    pub arguments: Map<String, Value>,
}

impl Lookup {
    /// A call of `tool` with texts; those that are empty are left out.
    #[must_use]
    pub fn new(tool: &str, arguments: &[(&str, &str)]) -> Self {
        let given = arguments.iter().filter(|(_, value)| !value.is_empty());
        let arguments = given.map(|(name, value)| ((*name).to_owned(), Value::from(*value))).collect();
        Self { tool: tool.to_owned(), arguments }
    }
}
