//! `/tools`, `/toolsets`, `/context`, `/cost`, `/config`: what there is, and how much of it. Nothing here changes anything.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::Session;
use super::words::{one_line, tokens};
use crate::agent::Usage;
use crate::agent::machine::Offered;
use crate::cli::config;
use crate::cli::failure::{Exit, Failure};
use crate::cli::options::OutputFormat;
use crate::cli::spending::Spent;
use crate::config::yaml::nearest;
use crate::evidence::tokens::estimate;
use crate::ui::{self, Table, sanitize, wrapped};

/// Exhibits that `/context` names.
const MOST_EXHIBITS: usize = 5;
/// Columns of the bar at most.
const WIDEST_BAR: usize = 60;

impl Session {
    /// What the model can call now, and what it finds when it searches.
    pub(super) async fn tools(&mut self, word: &str) -> Result<(), Failure> {
        let state = self.run.upcoming()?;
        let offered: BTreeSet<String> =
            state.tools(Offered::All).iter().map(|tool| tool.name.clone()).collect();
        let word = word.to_lowercase();
        let width = self.context.stdout.width;
        let (mut groups, mut behind): (BTreeMap<String, String>, usize) = (BTreeMap::new(), 0);
        let mut count = 0;
        for (toolset, spec) in self.run.equipment.toolbox.with_toolsets() {
            let about = format!("{toolset} {} {}", spec.name, spec.description).to_lowercase();
            if !about.contains(&word) {
                continue;
            }
            count += 1;
            let hidden = !offered.contains(&spec.name);
            behind += usize::from(hidden);
            let mark = if hidden { "  + " } else { "    " };
            let description = one_line(spec.description.split_inclusive(". ").next().unwrap_or(""), 200);
            let line = format!("{}: {}", sanitize(&spec.name), sanitize(&description));
            groups.entry(toolset.to_owned()).or_default().push_str(&wrapped(
                &line,
                mark,
                "      ",
                Some(width),
            ));
        }
        if count == 0 {
            self.say(&format!("no tool has `{}` in its name, toolset or description", sanitize(&word)));
            return Ok(());
        }
        let mut text = String::new();
        for (toolset, tools) in groups {
            let _ = write!(text, "{}\n{tools}", sanitize(&toolset));
        }
        let mut end = match count {
            1 => "1 tool".to_owned(),
            count => format!("{count} tools"),
        };
        if behind > 0 {
            let _ =
                write!(end, "; {behind} marked + are behind the search: the model asks for them by words");
        }
        text.push_str(&wrapped(&end, "", "", Some(width)));
        self.page(&text, 1).await
    }

    pub(super) fn toolsets(&mut self) -> Result<(), Failure> {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for (toolset, _) in self.run.equipment.toolbox.with_toolsets() {
            *counts.entry(toolset).or_default() += 1;
        }
        let width = self.context.stdout.width;
        let mut text = String::new();
        let mut table = Table::new(&["TOOLSET", "STATUS", "TOOLS"]);
        for name in self.run.usable_toolsets() {
            let tools = counts.get(name.as_str()).copied().unwrap_or(0).to_string();
            table.row([name.as_str(), "enabled", &tools]);
        }
        for (name, reason) in &self.run.equipment.unusable {
            table.row([name.as_str(), "failed", "0"]);
            table.note(one_line(reason, 300));
        }
        text.push_str(&table.render(&self.context.stdout));
        let hint =
            "`holmes-rs toolset list --all` shows those that are off, `toolset check NAME` looks again";
        text.push_str(&wrapped(hint, "", "", Some(width)));
        self.print(&text)
    }

    /// What fills the window.
    pub(super) fn context(&mut self) -> Result<(), Failure> {
        let state = self.run.upcoming()?;
        let mut parts = state.parts();
        if self.run.thread.is_none() {
            parts.questions = 0;
        }
        let width = self.context.stdout.width;
        let used = [
            ("system prompt", parts.system),
            ("tools", parts.tools),
            ("questions", parts.questions),
            ("replies", parts.said),
            ("results", parts.results),
        ];
        let window = self.run.window();
        let bar = ui::bar(&used, window.unwrap_or(0), (width - 2).min(WIDEST_BAR), &self.context.stdout);
        let total = parts.total();
        let mut text = match window {
            None => format!("about {} for the built-in rules, which know no window\n", tokens(total)),
            Some(window) => {
                let guess = if self.run.window_is_guessed() { ", which is a guess" } else { "" };
                format!(
                    "about {} of a window of {}{guess}: {} left\n",
                    tokens(total),
                    tokens(window),
                    tokens(window.saturating_sub(total))
                )
            }
        };
        text = wrapped(&text, "", "", Some(width));
        text.push_str(&bar);
        let mut exhibits: Vec<(u64, u32, String)> = self
            .run
            .store
            .exhibits()
            .iter()
            .map(|one| (estimate(one.shown()), one.id, one.description.clone()))
            .collect();
        exhibits.sort_by_key(|(size, id, _)| (std::cmp::Reverse(*size), *id));
        if !exhibits.is_empty() {
            text.push_str("largest exhibits as first shown:\n");
        }
        for (size, id, about) in exhibits.iter().take(MOST_EXHIBITS) {
            let line = format!("E{id} {}: {}", sanitize(&one_line(about, 80)), tokens(*size));
            text.push_str(&wrapped(&line, "  ", "     ", Some(width)));
        }
        self.print(&text)
    }

    pub(super) fn cost(&mut self) -> Result<(), Failure> {
        let spending = &self.run.listeners.spending;
        if spending.turns().is_empty() {
            self.say("nothing was asked yet");
            return Ok(());
        }
        let width = self.context.stdout.width;
        let mut text = String::new();
        for (number, turn) in spending.turns().iter().enumerate() {
            let question = sanitize(&one_line(&turn.question, 60)).into_owned();
            text.push_str(&wrapped(&format!("{} {question}", number + 1), "", "  ", Some(width)));
            text.push_str(&wrapped(&spent(turn), "  ", "  ", Some(width)));
        }
        if spending.turns().len() > 1 {
            text.push_str(&wrapped(&format!("in all: {}", spent(&spending.total())), "", "  ", Some(width)));
        }
        self.print(&text)
    }

    pub(super) async fn config(&mut self, key: &str) -> Result<(), Failure> {
        if key.is_empty() {
            let text = config::show(&self.config, false, OutputFormat::Text, &self.context.stdout);
            return self.page(&text, 1).await;
        }
        let wanted = key.to_lowercase().replace('-', "_");
        let settings = self.config.shown();
        let found: Vec<_> = settings.iter().filter(|one| one.key.contains(&wanted)).collect();
        if found.is_empty() {
            let keys: Vec<&str> = settings.iter().map(|one| one.key).collect();
            let failure = Failure::new(Exit::Usage, format!("there is no setting `{}`", sanitize(key)));
            return Err(match nearest(&wanted, &keys) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint("`/config` shows those that are set"),
            });
        }
        let width = self.context.stdout.width;
        let mut text = String::new();
        for one in found {
            let value = match (&one.error, &one.value) {
                (Some(error), _) => format!("! {error}"),
                (None, Some(value)) => value.clone(),
                (None, None) => "not set".to_owned(),
            };
            let line = format!("{}: {} ({})", one.key, sanitize(&value), one.origin);
            text.push_str(&wrapped(&line, "", "  ", Some(width)));
        }
        self.print(&text)
    }
}

fn spent(spent: &Spent) -> String {
    let calls = match spent.calls {
        // The rules count nothing.
        _ if spent.usage == Usage::default() && spent.cost.is_none() => {
            return "no tokens counted".to_owned();
        }
        1 => "1 call".to_owned(),
        calls => format!("{calls} calls"),
    };
    let usage = spent.usage;
    let mut text = format!("{calls}, {} tokens in", usage.prompt_tokens);
    if usage.cached_tokens > 0 {
        let _ = write!(text, " ({} from the provider's cache)", usage.cached_tokens);
    }
    let _ = write!(text, ", {} out", usage.completion_tokens);
    match spent.cost {
        Some(cost) => {
            let _ = write!(text, ", ${cost:.4}");
        }
        None => text.push_str(", price not known"),
    }
    text
}
