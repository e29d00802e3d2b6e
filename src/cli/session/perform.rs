//! Which of the other files does what a command says; and the commands that need no file of their own.

use std::fmt::Write as _;

use super::command::{COMMANDS, Meant, Verb, details, named, read};
use super::{Flow, Session};
use crate::agent::Edit;
use crate::cli::failure::{Exit, Failure};
use crate::ui::{self, sanitize, wrapped};

impl Session {
    pub(super) async fn perform(&mut self, verb: Verb, arguments: &str) -> Result<Flow, Failure> {
        match verb {
            Verb::Exit => return Ok(Flow::Leave(Exit::Answered)),
            Verb::Retry => return self.retry(arguments).await,
            Verb::Resume => self.resume(arguments).await?,
            Verb::Help => self.help(arguments).await?,
            Verb::Show => self.show(arguments).await?,
            Verb::Last => self.last()?,
            Verb::Run => self.run_command(arguments).await?,
            Verb::Shell => self.shell().await?,
            Verb::File => self.file(arguments),
            Verb::Focus => self.focus(arguments),
            Verb::RuleOut => self.rule_out(arguments),
            Verb::Runbook => self.runbook(arguments).await?,
            Verb::Undo => self.undo(),
            Verb::Context => self.context()?,
            Verb::Compact => self.compact(),
            Verb::Clear => self.clear()?,
            Verb::Cost => self.cost()?,
            Verb::Model => self.model(arguments).await?,
            Verb::Tools => self.tools(arguments).await?,
            Verb::Toolsets => self.toolsets()?,
            Verb::Approve => self.approve(arguments),
            Verb::Auto => self.auto(),
            Verb::Save => self.save(arguments).await?,
            Verb::Export => self.export(arguments).await?,
            Verb::Config => self.config(arguments).await?,
        }
        Ok(Flow::On)
    }

    async fn help(&mut self, about: &str) -> Result<(), Failure> {
        let width = self.context.stdout.width;
        if !about.is_empty() {
            let Some(command) = named(about.trim_start_matches('/')) else {
                if let Meant::Nothing(words) = read(&format!("/{}", about.trim_start_matches('/'))) {
                    self.say(&words);
                }
                return Ok(());
            };
            let text = format!("/{} {}\n", command.name, command.arguments);
            let about = wrapped(&format!("{}.", command.about), "  ", "  ", Some(width));
            let more = wrapped(details(command.verb), "  ", "  ", Some(width));
            return self.print(&format!("{}\n{about}{more}", text.trim_end()));
        }
        let usage = |command: &super::command::Command| format!("/{} {}", command.name, command.arguments);
        let column = COMMANDS.iter().map(|one| usage(one).trim_end().chars().count()).max().unwrap_or(0) + 4;
        let mut text = String::new();
        for command in COMMANDS {
            let usage = usage(command);
            let usage = usage.trim_end();
            if width >= column + 30 {
                let gap = " ".repeat(column - 2 - usage.chars().count());
                let indent = " ".repeat(column);
                text.push_str(&wrapped(command.about, &format!("  {usage}{gap}"), &indent, Some(width)));
            } else {
                let _ = write!(text, "{usage}\n{}", wrapped(command.about, "  ", "  ", Some(width)));
            }
        }
        text.push_str(&wrapped(
            "Anything else is a question. Esc or Ctrl-C stops a turn and keeps what was gathered.",
            "",
            "",
            Some(width),
        ));
        if !self.context.stdout.unicode {
            text = text.replace('…', "...");
        }
        self.page(&text, 1).await
    }

    /// Takes the last question back, where there is one.
    pub(super) fn take_back(&mut self) -> bool {
        let Some(thread) = self.run.thread.as_ref().filter(|thread| !thread.state().is_blank()) else {
            return false;
        };
        let first = !thread.can_undo();
        self.edit(Edit::Undone);
        // Before the first question there was nothing but the system prompt.
        if first {
            self.edit(Edit::Cleared);
        }
        self.outstanding.clear();
        true
    }

    fn approve(&mut self, arguments: &str) {
        match crate::cli::leave::list::spoken(&self.run.approver, arguments, &self.context.stderr) {
            Ok(text) => self.say(text.trim_end()),
            Err(why) => self.say(&why),
        }
    }

    fn undo(&mut self) {
        if !self.take_back() {
            return self.say("there is nothing to take back");
        }
        let text = self.turns.take_back().map(|asked| super::words::one_line(&asked.text, 60));
        self.say(&match text {
            Some(text) => format!("taken back: {}", sanitize(&text)),
            None => "taken back".to_owned(),
        });
    }

    fn compact(&mut self) {
        let before = self.run.thread.as_ref().map(|thread| thread.state().parts().total());
        if !self.edit(Edit::Compacted) {
            return self.say("nothing was asked yet");
        }
        let after = self.run.thread.as_ref().map(|thread| thread.state().parts().total());
        let (before, after) = (before.unwrap_or(0), after.unwrap_or(0));
        self.say(&format!("older results are reduced to their headers: {before} tokens before, {after} now"));
    }

    fn clear(&mut self) -> Result<(), Failure> {
        let forgotten = self.edit(Edit::Cleared);
        self.outstanding.clear();
        if self.context.stdout.live {
            ui::write_stdout(b"\x1b[H\x1b[2J\x1b[3J").map_err(crate::cli::failure::io("stdout"))?;
        }
        let exhibits = self.run.store.exhibits().len();
        self.say(&match (forgotten, exhibits) {
            (false, _) => "nothing was asked yet".to_owned(),
            (true, 0) => "the conversation is forgotten".to_owned(),
            (true, count) => format!("the conversation is forgotten; exhibits stay: E1 to E{count}"),
        });
        Ok(())
    }

    fn auto(&mut self) {
        self.shows_output = !self.shows_output;
        self.run.listeners.progress.show_tool_output(self.shows_output);
        self.say(if self.shows_output {
            "each tool's output is shown from now on; `/auto` stops it"
        } else {
            "tools show one line each; `/auto` shows their output"
        });
    }
}
