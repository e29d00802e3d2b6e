//! What Tab completes in a session: commands, and what each command takes.

use super::command::COMMANDS;
use crate::cli::investigation::Run;
use crate::ui::Complete;

/// Words known when the session began.
pub(super) struct Words {
    tools: Vec<String>,
}

impl Words {
    pub(super) fn of(run: &Run) -> Self {
        Self { tools: run.equipment.toolbox.names().into_iter().map(str::to_owned).collect() }
    }
}

impl Complete for Words {
    fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let typed = line.get(..cursor).unwrap_or(line);
        if let Some(name) = typed.strip_prefix('/').filter(|name| !name.contains(' ')) {
            let names = COMMANDS.iter().map(|command| command.name).filter(|known| known.starts_with(name));
            return (0, names.map(|name| format!("/{name} ")).collect());
        }
        let start = typed.rfind(' ').map_or(0, |at| at + 1);
        let word = typed.get(start..).unwrap_or_default();
        if word.is_empty() {
            return (cursor, Vec::new());
        }
        (start, self.tools.iter().filter(|tool| tool.starts_with(word)).cloned().collect())
    }
}
