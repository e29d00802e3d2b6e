//! Who hears the events of a run: the record, the terminal, and a script reading JSON lines.

use std::rc::Rc;

use super::spending::Spending;
use crate::agent::{Arguments, Event};
use crate::clock::{Clock as _, SystemClock};
use crate::evidence::{Arriving, Redactor};
use crate::record::Journal;
use crate::ui::markdown::MarkdownStream;
use crate::ui::{self, Progress};

/// Passes each event to everyone, in order.
pub(super) struct Listeners {
    pub progress: Progress,
    pub journal: Journal,
    /// What was paid for so far.
    pub spending: Spending,
    redactor: Rc<Redactor>,
    /// Whether events go to stdout as JSON lines.
    jsonl: bool,
    /// `-vv`: events go to stderr too, as they are recorded.
    every_event: bool,
    /// Renders text as it arrives; only where a person watches stdout.
    stream: Option<MarkdownStream>,
    /// Text of the reply that is arriving went to stdout.
    streaming: bool,
    /// The last whole text without tool calls that went to stdout while it arrived.
    streamed: Option<String>,
    /// The answer is being corrected: what the model says now is no second answer to read until one of them is taken.
    correcting: bool,
    /// Of the reply that is arriving: what it says, and what it thinks.
    text: Arriving,
    thoughts: Arriving,
}

impl Listeners {
    pub(super) fn new(
        progress: Progress,
        journal: Journal,
        redactor: Rc<Redactor>,
        jsonl: bool,
        every_event: bool,
        stream: Option<MarkdownStream>,
    ) -> Self {
        Self {
            progress,
            journal,
            spending: Spending::default(),
            redactor,
            jsonl,
            every_event,
            stream,
            streaming: false,
            streamed: None,
            correcting: false,
            text: Arriving::default(),
            thoughts: Arriving::default(),
        }
    }

    /// Whether anyone wants text as it arrives.
    pub(super) fn want_stream(&self) -> bool {
        self.jsonl || self.stream.is_some()
    }

    /// Text that arrives is shown by this from now on.
    pub(super) fn stream_by(&mut self, stream: Option<MarkdownStream>) {
        self.stream = stream;
    }

    /// What stands on the screen as the answer, whole, and nothing after it.
    pub(super) fn streamed(&self) -> Option<&str> {
        self.streamed.as_deref()
    }

    /// For the record alone: what a replay needs and no listener asks for.
    pub(super) fn record(&mut self, event: &Event) {
        if let Err(error) = self.journal.write(event, SystemClock.now(), &self.redactor) {
            self.progress.warning(&format!("the run is no longer recorded: {error}"));
        }
    }

    /// What is secret in this run.
    pub(super) fn shared_redactor(&self) -> Rc<Redactor> {
        Rc::clone(&self.redactor)
    }

    pub(super) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    pub(super) fn hear(&mut self, event: &Event) {
        match event {
            Event::TextDelta { text } => {
                let ready = self.text.push(&self.redactor, text);
                self.pass_text(ready);
            }
            Event::ReasoningDelta { text } => {
                let ready = self.thoughts.push(&self.redactor, text);
                self.pass_thoughts(ready);
            }
            _ => {
                if ends_reply(event) {
                    let thoughts = self.thoughts.finish(&self.redactor);
                    self.pass_thoughts(thoughts);
                    let text = self.text.finish(&self.redactor);
                    self.pass_text(text);
                }
                self.pass(event);
            }
        }
    }

    fn pass_text(&mut self, text: String) {
        if !text.is_empty() {
            self.pass(&Event::TextDelta { text });
        }
    }

    fn pass_thoughts(&mut self, text: String) {
        if !text.is_empty() {
            self.pass(&Event::ReasoningDelta { text });
        }
    }

    fn pass(&mut self, event: &Event) {
        self.spending.hear(event);
        // What a model gives a secret parameter is shown nowhere, from the reply on that asks for the call.
        if let Event::ModelReplied { message, .. } = event {
            for call in &message.tool_calls {
                if let Arguments::Object(params) = &call.arguments {
                    self.redactor.learn(params);
                }
            }
        }
        if let Event::TurnStarted { .. } = event {
            self.streamed = None;
            self.correcting = false;
        }
        self.record(event);
        if self.jsonl {
            self.print_json(event);
        }
        if self.every_event && !matches!(event, Event::TextDelta { .. } | Event::ReasoningDelta { .. }) {
            // By the names of fields too: a secret among the arguments of a call looks like any word.
            if let Ok(mut value) = serde_json::to_value(event) {
                self.redactor.redact_json(&mut value);
                self.progress.note(&value.to_string());
            }
        }
        // A failed model is the command's own failure, told once at its end.
        if let Event::ModelRetried { attempt, wait_seconds, reason } = event {
            let reason = self.redactor.redact(reason);
            let told = Event::ModelRetried { attempt: *attempt, wait_seconds: *wait_seconds, reason };
            if !self.stream_text(&told) {
                self.progress.event(&told);
            }
        } else if !self.stream_text(event) && !matches!(event, Event::ModelFailed { .. }) {
            self.progress.event(event);
        }
    }

    fn print_json(&mut self, event: &Event) {
        let Ok(mut value) = serde_json::to_value(event) else {
            return;
        };
        self.redactor.redact_json(&mut value);
        self.print(&format!("{value}\n"));
    }

    /// Shows text on stdout as it arrives. True when the event is dealt with.
    fn stream_text(&mut self, event: &Event) -> bool {
        let Some(stream) = &mut self.stream else {
            return false;
        };
        match event {
            Event::TextDelta { .. } if self.correcting => true,
            Event::TextDelta { text } => {
                let ready = stream.push(text);
                self.streaming = true;
                if !ready.is_empty() {
                    self.progress.hide();
                    self.print(&ready);
                }
                true
            }
            Event::ModelRetried { .. } | Event::ModelFailed { .. } | Event::Interrupted => {
                self.end_block();
                false
            }
            Event::AnswerQuestioned { .. } => {
                self.correcting = true;
                false
            }
            Event::ModelReplied { message, .. } => {
                let streamed = self.end_block();
                if streamed {
                    self.streamed = message.tool_calls.is_empty().then(|| message.text.clone());
                }
                // What was streamed needs no second showing as a thought.
                streamed && !message.tool_calls.is_empty()
            }
            _ => false,
        }
    }

    /// Ends what is arriving. True when some of it is on the screen.
    fn end_block(&mut self) -> bool {
        if let Some(stream) = &mut self.stream {
            let rest = stream.finish();
            if !rest.is_empty() {
                self.progress.hide();
                self.print(&rest);
            }
        }
        std::mem::take(&mut self.streaming)
    }

    fn print(&mut self, text: &str) {
        if let Err(error) = ui::write_stdout(text.as_bytes()) {
            self.progress.warning(&format!("stdout cannot be written: {error}"));
        }
    }
}

/// Whether no more of a reply arrives after `event`.
fn ends_reply(event: &Event) -> bool {
    matches!(
        event,
        Event::ModelReplied { .. }
            | Event::ModelRetried { .. }
            | Event::ModelFailed { .. }
            | Event::Interrupted
            | Event::Concluded { .. }
    )
}
