//! What a session does with a run between two questions: looks at what the next request holds, changes the model, takes in
//! what a person shows it.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use super::Run;
use crate::agent::machine::{OPENING_TOKENS, State};
use crate::agent::{Edit, Event};
use crate::answer::answer_tool;
use crate::cli::Context;
use crate::cli::failure::{Exit, Failure, io};
use crate::cli::options::OutputFormat;
use crate::cli::thinking::{self, FastModels, Thinking};
use crate::config::Config;
use crate::evidence::Exhibit;
use crate::model::Model;
use crate::ui::markdown::MarkdownStream;

/// Adds to a question what a person says besides it.
pub(super) fn say_besides(text: &mut String, notes: &[String]) {
    if !notes.is_empty() {
        text.push_str("\n\nBesides, the person who asks says:");
    }
    for note in notes {
        text.push_str("\n- ");
        text.push_str(note);
    }
}

impl Run {
    /// What the next request holds; before the first question what it will begin with.
    pub(in crate::cli) fn upcoming(&self) -> Result<State, Failure> {
        match &self.thread {
            Some(thread) => Ok(thread.state().clone()),
            None => Ok(self.state(self.opening(&[])?, self.model.as_deref())),
        }
    }

    /// Tokens of one request that the machine reckons with; `None` where nothing limits it.
    pub(in crate::cli) fn window(&self) -> Option<u64> {
        self.model.as_deref().map(super::window_of)
    }

    /// Whether the window is a guess.
    pub(in crate::cli) fn window_is_guessed(&self) -> bool {
        self.model.as_deref().is_some_and(|model| model.context_window().is_none())
    }

    /// Names of the toolsets that can be used.
    pub(in crate::cli) fn usable_toolsets(&self) -> Vec<String> {
        match self.equipment.checked() {
            Event::ToolsetsChecked { usable, .. } => usable,
            _ => Vec::new(),
        }
    }

    /// Who answers.
    pub(in crate::cli) fn answers(&self) -> &str {
        self.model.as_deref().map_or("rules", Model::name)
    }

    /// Whether anything of this run is on disk when the program is over.
    pub(in crate::cli) fn is_recorded(&self) -> bool {
        self.thread.is_some() && self.listeners.journal.exhibits().starts_with(&self.config.folders().state)
    }

    /// Keeps an output that is on disk already as an exhibit. The condensing of a long one takes seconds: not on this thread.
    pub(in crate::cli) async fn keep(&mut self, exhibit: Exhibit) -> Result<Exhibit, Failure> {
        let condenser = self.store.condenser();
        let path = exhibit.path.clone();
        let chosen = tokio::task::spawn_blocking(move || condenser.condense(&path, &AtomicBool::new(false)))
            .await
            .map_err(std::io::Error::other)
            .and_then(|chosen| chosen)
            .map_err(io("the output cannot be read back"))?;
        Ok(self.store.keep_condensed(exhibit, chosen))
    }

    /// Another model answers from here on.
    pub(in crate::cli) async fn switch(
        &mut self,
        config: &Rc<Config>,
        context: &Context,
    ) -> Result<(), Failure> {
        let timeout = self.limits.timeout;
        let Thinking { model, notice, mut secrets, settings } =
            thinking::choose(config, false, timeout, &self.prompts, context)?;
        let Some(model) = model else {
            let why = notice.unwrap_or_else(|| "no model was wanted: --no-llm".to_owned());
            return Err(Failure::new(Exit::Configuration, why));
        };
        model.discover().await;
        let progress = &mut self.listeners.progress;
        let fast =
            FastModels::choose(config, &self.equipment.toolbox, self.limits.summary_timeout, progress)?;
        secrets.extend_from_slice(&fast.secrets);
        for secret in secrets {
            let known = serde_json::Map::from_iter([("api_key".to_owned(), secret.into())]);
            self.listeners.redactor().learn_settings(&known);
        }
        for line in self.model.iter().flat_map(|model| model.warnings()) {
            self.listeners.progress.warning(&line);
        }
        self.config = Rc::clone(config);
        self.request_settings = settings;
        self.fast = fast;
        let (name, window) = (model.name().to_owned(), super::window_of(&model));
        self.model = Some(Box::new(model));
        if let Some(thread) = &mut self.thread {
            let event = Event::Edited { edit: Edit::Model { name, window: Some(window) } };
            thread.hear(&event);
            let (usable, mut always) = self.equipment.usable_tools();
            always.push(answer_tool());
            let most = if self.equipment.named { u64::MAX } else { OPENING_TOKENS };
            thread.equip(usable, always, &self.question.text, most);
            self.listeners.hear(&event);
        }
        Ok(())
    }

    /// The built-in rules answer from here on. What a thread's window was stays: the rules mind none.
    pub(in crate::cli) fn rule(&mut self, config: &Rc<Config>) {
        for line in self.model.iter().flat_map(|model| model.warnings()) {
            self.listeners.progress.warning(&line);
        }
        self.config = Rc::clone(config);
        self.request_settings.clear();
        self.fast = FastModels::default();
        self.model = None;
        if let Some(thread) = &mut self.thread {
            let event =
                Event::Edited { edit: Edit::Model { name: self.rules.name().to_owned(), window: None } };
            thread.hear(&event);
            let (usable, mut always) = self.equipment.usable_tools();
            always.push(answer_tool());
            thread.equip(usable, always, &self.question.text, u64::MAX);
            self.listeners.hear(&event);
        }
    }

    /// What is written from now on is laid out for the terminal as it is now.
    pub(in crate::cli) fn fit(&mut self, context: &Context) {
        let streams = self.outlets.format == OutputFormat::Text
            && self.deliveries.prints
            && self.outlets.sections.is_empty()
            && context.stdout.tty
            && self.model.is_some()
            && self.rewriting.is_none();
        self.outlets.fit(context.stdout);
        // Whoever types a question sees it.
        self.outlets.echo = false;
        self.listeners.stream_by(streams.then(|| MarkdownStream::new(context.stdout)));
        self.listeners.progress.fit(context.stderr);
    }
}
