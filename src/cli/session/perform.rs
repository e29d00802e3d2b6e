//! What each command does.

use super::command::{COMMANDS, Verb};
use super::{Flow, Session};
use crate::agent::{Edit, Event};
use crate::cli::failure::{Exit, Failure};
use crate::ui::Table;

impl Session<'_> {
    pub(super) async fn perform(&mut self, verb: Verb, arguments: &str) -> Result<Flow, Failure> {
        match verb {
            Verb::Exit => return Ok(Flow::Leave(Exit::Answered)),
            Verb::Help => self.help(arguments),
            Verb::Undo => self.undo(),
            Verb::Clear => self.edit(Edit::Cleared, "the conversation is forgotten; exhibits stay"),
            Verb::Compact => self.edit(Edit::Compacted, "older results are reduced to their headers"),
            Verb::Approve => self.approve(arguments),
            _ => self.say("not there yet"),
        }
        Ok(Flow::On)
    }

    fn help(&mut self, _about: &str) {
        let mut table = Table::new(&["COMMAND", "DOES"]);
        for command in COMMANDS {
            table.row([format!("/{} {}", command.name, command.arguments), command.about.to_owned()]);
        }
        let text = table.render(&self.context.stderr);
        self.say(text.trim_end());
    }

    fn approve(&mut self, arguments: &str) {
        match crate::cli::leave::list::spoken(&self.run.approver, arguments, &self.context.stderr) {
            Ok(text) => self.say(text.trim_end()),
            Err(why) => self.say(&why),
        }
    }

    fn undo(&mut self) {
        if !self.run.thread.as_ref().is_some_and(crate::session::Thread::can_undo) {
            return self.say("there is nothing to take back");
        }
        self.edit(Edit::Undone, "taken back");
    }

    /// Changes what the model is shown, and writes that down.
    fn edit(&mut self, edit: Edit, told: &str) {
        let Some(thread) = &mut self.run.thread else {
            return self.say("nothing was asked yet");
        };
        let event = Event::Edited { edit };
        thread.hear(&event);
        self.run.listeners.hear(&event);
        self.say(told);
    }
}
