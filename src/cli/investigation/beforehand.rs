//! What stands before the first model call: the record, lookups as calls, a runbook as long as there is room for, a question that fits.

use std::fmt::Write as _;

use crate::agent::machine::message_tokens;
use crate::agent::{Arguments, Message, ToolCall};
use crate::briefing::Lookup;
use crate::cli::failure::{Exit, Failure, io};
use crate::config::Config;
use crate::evidence;
use crate::record::Journal;
use crate::tools::Toolbox;
use crate::ui::Progress;

/// A runbook takes at most this part of the window.
const RUNBOOK_SHARE: u64 = 8;

/// What is looked up first, and what of it cannot be.
pub(super) fn tell_lookups(lookups: &[Lookup], toolbox: &Toolbox, progress: &mut Progress) {
    for Lookup { tool, arguments } in lookups {
        let unusable = if toolbox.get(tool).is_none() { " (not usable here)" } else { "" };
        let arguments = serde_json::Value::Object(arguments.clone());
        progress.note(&format!("first: {tool} {arguments}{unusable}"));
    }
}

/// Lookups as calls, where a tool that can make them is usable. Nobody chose them for this very run: what changes something
/// is not among them.
pub(super) fn calls(lookups: Vec<Lookup>, toolbox: &Toolbox, kind: &str) -> Vec<ToolCall> {
    let reads =
        |lookup: &Lookup| toolbox.get(&lookup.tool).is_some_and(|tool| !tool.changes(&lookup.arguments));
    let usable = lookups.into_iter().filter(reads);
    let call = |(n, lookup): (usize, Lookup)| ToolCall {
        id: format!("{kind}-{}", n + 1),
        tool: lookup.tool,
        arguments: Arguments::Object(lookup.arguments),
        echo: serde_json::Map::new(),
    };
    usable.enumerate().map(call).collect()
}

/// As much of a runbook as a window has room for; its own tool shows the rest.
pub(super) fn shortened(text: &str, window: u64, name: &str) -> String {
    let most = window / RUNBOOK_SHARE;
    let mut tokens = 0;
    let mut kept = String::new();
    for line in text.trim().lines() {
        tokens += 1 + evidence::tokens::estimate(line);
        if tokens > most {
            let _ = write!(kept, "… `fetch_runbook` shows the rest of `{name}` …");
            break;
        }
        kept.push_str(line);
        kept.push('\n');
    }
    kept.trim_end().to_owned()
}

/// A question as long as the window leaves no room for evidence.
pub(super) fn fits(opening: &[Message], window: u64) -> Result<(), Failure> {
    let tokens: u64 = opening.iter().map(message_tokens).sum();
    if tokens <= window / 4 * 3 {
        return Ok(());
    }
    let error = format!("the question takes about {tokens} tokens and the model's window has {window}");
    Err(Failure::new(Exit::Usage, error)
        .hint("attach long text with `-f`: it is shown in parts; or set `--context-window`"))
}

/// The record, or none: asked for, or because its folder cannot be written.
pub(super) fn journal(config: &Config, run_id: &str, progress: &mut Progress) -> Result<Journal, Failure> {
    if !config.switch("no_record")? {
        match Journal::start(&config.folders().state, run_id) {
            Ok(journal) => return Ok(journal),
            Err(error) => progress
                .warning(&format!("this run is not recorded: {}: {error}", config.folders().state.display())),
        }
    }
    Journal::none().map_err(io("no folder for this run's evidence"))
}
