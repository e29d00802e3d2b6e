//! One turn of a run: the engine is given its parts, and a person may stop it.
//!
//! What is asked stands in the machine already; what becomes of the answer is not decided here.

use std::rc::Rc;

use tokio::sync::watch;

use super::{Run, Turn, grace, of_machine, unreachable_at_once};
use crate::agent::drive::{Engine, drive, drive_on};
use crate::agent::machine::{Effect, Source};
use crate::agent::{Event, Finish};
use crate::cli::leave;
use crate::cli::signals::Signals;
use crate::clock::SystemClock;
use crate::model::Model as _;

impl Run {
    /// Runs a turn to its answer. `None`: a second signal came.
    pub(in crate::cli) async fn turn(
        &mut self,
        effects: Vec<Effect>,
        questioned: Option<Source>,
        deadline: Option<std::time::Instant>,
        signals: &mut Signals,
    ) -> Option<Turn> {
        if std::mem::take(&mut self.cut_off) {
            self.listeners.hear(&Event::Continued);
        }
        let state = self.thread.as_ref()?.state().clone();
        let (interrupt, interrupted) = watch::channel(false);
        self.approver.begin(leave::Turn {
            keys: signals.keys(),
            interrupt: Some(interrupt.clone()),
            question: self.question.text.clone(),
        });
        let grace = grace(self.limits.timeout);
        let instructions = |prompt: Option<&str>| {
            self.prompts.summary(prompt, &self.question.text).map_err(|error| error.to_string())
        };
        let fast = self.fast.of(self.limits.summary_timeout, &instructions);
        let engine = |model, fast| Engine {
            model,
            fast,
            fallback: &self.rules,
            toolbox: &self.equipment.toolbox,
            clock: &SystemClock,
            deadline,
            grace,
            interrupt: interrupted.clone(),
            time_is_up: Rc::default(),
            stream: self.listeners.want_stream(),
            corrects: self.model.is_some(),
            unusable: self.equipment.unusable.clone(),
            approver: self.approver.as_ref(),
            began: self.began,
        };
        let first = engine(self.model.as_deref().unwrap_or(&self.rules), fast.as_ref());
        let second = engine(&self.rules, None);
        let thinker =
            self.model.as_ref().map_or_else(|| self.rules.name().to_owned(), |model| model.name().to_owned());
        let mut calls = 0;
        let ended = {
            let calls = &mut calls;
            let (listeners, store) = (&mut self.listeners, &mut self.store);
            let investigation = async {
                let mut hear = |event: &Event| listeners.hear(event);
                let mut conclusion = drive_on(&first, (state, effects), questioned, store, &mut hear).await;
                *calls = conclusion.calls;
                let state = conclusion.state.clone();
                if let (Some(rewriting), Some(model), Finish::Answered) =
                    (&self.rewriting, self.model.as_deref(), conclusion.finish)
                {
                    let until = deadline.map(|deadline| deadline + grace);
                    let stop = interrupted.clone();
                    rewriting.apply(model, &mut conclusion, until, stop, &mut listeners.progress).await;
                }
                if !(self.falls_back && unreachable_at_once(&conclusion)) {
                    return (conclusion, state, thinker);
                }
                listeners.progress.warning("the model cannot be reached: the built-in rules answer");
                // What was looked up beforehand is part of it.
                let without_model = self.equipment.for_rules(conclusion.transcript, of_machine(&self.limits));
                let conclusion =
                    drive(&second, without_model, store, &mut |event| listeners.hear(event)).await;
                *calls = conclusion.calls;
                (conclusion, state, self.rules.name().to_owned())
            };
            tokio::pin!(investigation);
            loop {
                tokio::select! {
                    conclusion = &mut investigation => break Some(conclusion),
                    () = signals.next() => {
                        if *interrupt.borrow() {
                            break None;
                        }
                        let _ = interrupt.send(true);
                    }
                }
            }
        };
        self.approver.end();
        let (conclusion, state, model) = ended?;
        if let Some(thread) = &mut self.thread {
            thread.set(state);
        }
        Some(Turn { conclusion, model, calls })
    }
}
