//! The calls of one turn: run side by side, kept as exhibits, summed up where their toolset wants that.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Map;
use tokio::sync::{Semaphore, watch};

use super::summary::{Said, Waiting};
use super::{Cut, Driver, wait_for_cut};
use crate::agent::event::Event;
use crate::agent::machine::Effect;
use crate::agent::message::{Arguments, ToolCall};
use crate::evidence::{Exhibit, Status};
use crate::tools::Outcome;

/// Tools that run at the same time; a model may ask for any number in one turn.
const PARALLEL_TOOLS: usize = 16;

impl Driver<'_, '_> {
    /// Runs the calls of one turn at the same time; their exhibits are numbered in call order.
    pub(super) async fn run_tools(&mut self, calls: Vec<ToolCall>) -> Vec<Effect> {
        let (stop, stopped) = watch::channel(false);
        let permits = Semaphore::new(PARALLEL_TOOLS);
        let engine = self.engine;
        let mut effects = Vec::new();
        let mut prepared = Vec::new();
        for call in calls {
            let Some(tool) = engine.toolbox.get(&call.tool) else {
                continue;
            };
            let params = match &call.arguments {
                Arguments::Object(params) => params.clone(),
                Arguments::Unreadable(_) => Map::new(),
            };
            self.store.redactor().learn(&params);
            let (exhibit, path) = self.store.allot();
            let description = self.store.shown(&tool.describe(&params));
            let toolset = tool.toolset().to_owned();
            (self.listener)(&Event::ToolStarted {
                exhibit,
                call: call.clone(),
                toolset: toolset.clone(),
                description: description.clone(),
            });
            let denied = self.store.holds_instructions().filter(|_| tool.changes(&params));
            let denied = denied.map(|id| denied_after(id, &call.tool, &description));
            prepared.push((Running { exhibit, call, toolset, description, params, path }, tool, denied));
        }
        let mut running: FuturesUnordered<_> = prepared
            .into_iter()
            .map(|(running, tool, denied)| {
                let (stopped, permits) = (stopped.clone(), &permits);
                async move {
                    let _permit = permits.acquire().await;
                    let started = engine.clock.instant();
                    let outcome = match denied {
                        Some(outcome) => outcome,
                        None => tool.run(&running.params, &running.path, stopped).await,
                    };
                    (running, tool.summary(), outcome, engine.clock.instant() - started)
                }
            })
            .collect();
        let mut summarising = FuturesUnordered::new();
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut stopping = self.interrupted;
        while !(running.is_empty() && summarising.is_empty()) {
            tokio::select! {
                Some((finished, summary, outcome, duration)) = running.next() => {
                    let exhibit = self.keep(finished, outcome, duration);
                    let asked = summary.filter(|_| !stopping).and_then(|summary| {
                        self.ask_for_summary(&exhibit, summary, &waiting)
                    });
                    match asked {
                        None => effects.extend(self.emit(&Event::ToolFinished { exhibit })),
                        Some((one, Err(why))) => effects.extend(self.summarised(one, Said::nothing(why))),
                        Some((one, Ok(asked))) => {
                            waiting.push(one);
                            summarising.push(asked.perform(engine.clock));
                        }
                    }
                }
                Some((id, said)) = summarising.next() => {
                    if let Some(at) = waiting.iter().position(|one| one.exhibit.id == id) {
                        effects.extend(self.summarised(waiting.swap_remove(at), said));
                    }
                }
                cut = wait_for_cut(self.deadline, engine.interrupt.clone()), if !stopping => {
                    stopping = true;
                    let _ = stop.send(true);
                    let why = match cut {
                        Cut::Deadline => "the time was up",
                        Cut::Interrupt => "interrupted",
                    };
                    effects.extend(self.cut(&cut));
                    // Dropped requests are abandoned; the outputs are there all the same.
                    summarising.clear();
                    for one in waiting.drain(..) {
                        effects.extend(self.summarised(one, Said::nothing(why.to_owned())));
                    }
                }
            }
        }
        effects
    }

    fn keep(&mut self, running: Running, outcome: Outcome, duration: Duration) -> Exhibit {
        let exhibit = Exhibit {
            id: running.exhibit,
            call_id: running.call.id,
            tool: running.call.tool,
            toolset: running.toolset,
            description: running.description,
            params: running.params,
            invocation: outcome.invocation,
            status: outcome.status,
            exit_code: outcome.exit_code,
            error: outcome.error,
            seconds: duration.as_secs_f64(),
            bytes: outcome.bytes,
            lines: outcome.lines,
            path: running.path,
            view: String::new(),
            condensed: false,
            summary: None,
            flagged: None,
        };
        match self.store.keep(exhibit.clone()) {
            Ok(kept) => kept,
            Err(error) => {
                let unreadable = Exhibit {
                    status: Status::Error,
                    error: Some(format!("its output cannot be read back: {error}")),
                    bytes: 0,
                    lines: 0,
                    ..exhibit
                };
                // Without raw bytes nothing is read, so this cannot fail again.
                self.store.keep(unreadable.clone()).unwrap_or(unreadable)
            }
        }
    }
}

/// What becomes of a call that changes something once exhibit `id` spoke to the model: nobody can be asked here.
fn denied_after(id: u32, tool: &str, description: &str) -> Outcome {
    let error = format!(
        "`{tool}` changes something, and E{id} reads like an instruction to a model: it was not run, a person must \
         decide. Go on without it, or put it into the answer as a step for a person"
    );
    Outcome {
        status: Status::Denied,
        exit_code: None,
        error: Some(error),
        invocation: description.to_owned(),
        bytes: 0,
        lines: 0,
    }
}

/// A call on its way.
struct Running {
    exhibit: u32,
    call: ToolCall,
    toolset: String,
    description: String,
    params: Map<String, serde_json::Value>,
    path: PathBuf,
}
