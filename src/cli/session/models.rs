//! `/model` and `/retry`: who answers, and once more.

use std::fmt::Write as _;
use std::rc::Rc;

use super::words::tokens;
use super::{Flow, Session};
use crate::cli::failure::{Exit, Failure};
use crate::cli::model;
use crate::cli::options::OutputFormat;
use crate::config::yaml::nearest;
use crate::question::Question;
use crate::ui::sanitize;

/// Who answers where no model does; a model of that name in the list goes first.
pub(super) const RULES: &str = "rules";

impl Session {
    pub(super) async fn model(&mut self, name: &str) -> Result<(), Failure> {
        if name.is_empty() {
            let answers = match self.run.window() {
                None => "the built-in rules answer".to_owned(),
                Some(_) => format!("{} answers", sanitize(self.run.answers())),
            };
            let list = model::list(&self.config, OutputFormat::Text, &self.context.stdout);
            if list.is_empty() {
                self.say(&format!(
                    "{answers}; there is no model list. `/model NAME` takes any name, `/model rules` the \
                     built-in rules."
                ));
                return Ok(());
            }
            self.say(&answers);
            return self.print(&list);
        }
        self.switch(name).await
    }

    async fn switch(&mut self, name: &str) -> Result<(), Failure> {
        let known: Vec<String> = self.config.models().into_iter().map(|one| one.name).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        if name == RULES && !known.contains(&name) {
            let config = Rc::new(self.config.without_model());
            self.run.rule(&config);
            self.config = config;
            self.run.fit(&self.context);
            self.say("the built-in rules answer from here on");
            return Ok(());
        }
        // Where there is a list, a name that is nearly one of it is a slip; another one is the endpoint's.
        if !known.contains(&name)
            && let Some(near) = nearest(name, &known)
        {
            let failure =
                Failure::new(Exit::Usage, format!("there is no model `{}` in the list", sanitize(name)));
            return Err(failure.hint(format!("did you mean `{near}`?")));
        }
        let config = Rc::new(self.config.with_model(name));
        self.run.switch(&config, &self.context).await?;
        self.config = config;
        self.run.fit(&self.context);
        let mut told = format!("{} answers from here on", sanitize(self.run.answers()));
        if let Some(window) = self.run.window() {
            let guess = if self.run.window_is_guessed() { "about " } else { "" };
            let _ = write!(told, ", with a window of {guess}{}", tokens(window));
        }
        self.say(&told);
        Ok(())
    }

    pub(super) async fn retry(&mut self, name: &str) -> Result<Flow, Failure> {
        if self.turns.last_asked().is_none() {
            self.say("nothing was asked yet");
            return Ok(Flow::On);
        }
        if !name.is_empty() {
            self.switch(name).await?;
        }
        self.take_back();
        let Some(asked) = self.turns.take_back() else { return Ok(Flow::On) };
        // What was collected for the next question goes with it too.
        self.shown.splice(0..0, asked.shown);
        self.runbook = self.runbook.take().or(asked.runbook);
        self.say(&sanitize(&super::words::one_line(&asked.text, 300)));
        let question = Question { text: asked.text, ..Question::default() };
        self.ask(question).await
    }
}
