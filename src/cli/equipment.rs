//! The tools of a run: toolsets read, prerequisites checked, usable ones put into the box.

use std::path::Path;

use super::Context;
use super::failure::{Exit, Failure};
use crate::agent::{Event, Unusable};
use crate::config::Config;
use crate::tools::{CommandTool, ReadExhibit, Toolbox};
use crate::toolset::{self, ReadinessStatus};
use crate::ui::Progress;

/// What a run can use, and what it cannot.
pub struct Equipment {
    pub toolbox: Toolbox,
    /// `llm_instructions` of the usable toolsets.
    pub instructions: Vec<String>,
    /// Toolsets that were wanted and cannot be used: name and reason.
    pub unusable: Vec<(String, String)>,
    usable: Vec<String>,
    /// The machine's name.
    pub host: String,
}

impl Equipment {
    /// What listeners are told.
    pub fn checked(&self) -> Event {
        Event::ToolsetsChecked {
            usable: self.usable.clone(),
            unusable: self
                .unusable
                .iter()
                .map(|(name, reason)| Unusable { name: name.clone(), reason: reason.clone() })
                .collect(),
        }
    }
}
