//! The calls of one turn: run side by side, kept as exhibits, summed up where their toolset wants that.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use serde_json::Map;
use tokio::sync::{Semaphore, watch};

use super::summary::{Said, Waiting};
use super::{Cut, Driver, wait_for_cut};
use crate::agent::event::Event;
use crate::agent::machine::Effect;
use crate::agent::message::{Arguments, ToolCall};
use crate::approval::{Ask, Concern, Decision};
use crate::evidence::condense::Condensed;
use crate::evidence::{Condenser, Exhibit, Status};
use crate::tools::approval::called;
use crate::tools::{Outcome, Tool};

/// Bytes of an output whose lines are chosen where they are: milliseconds, and results stay in the order in which tools end.
const AT_ONCE: u64 = 4 << 20;
/// Tools that run at the same time; a model may ask for any number in one turn.
const PARALLEL_TOOLS: usize = 16;

impl Driver<'_, '_> {
    /// Runs the calls of one turn at the same time; their exhibits are numbered in call order.
    pub(super) async fn run_tools(&mut self, calls: Vec<ToolCall>) -> Vec<Effect> {
        let (stop, stopped) = watch::channel(false);
        let permits = Semaphore::new(PARALLEL_TOOLS);
        let engine = self.engine;
        if let Some(tokens) = self.state.view_tokens(calls.len()) {
            self.store.allow(tokens);
        }
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
            let leak = self.store.leak(&params);
            self.store.redactor().learn(&params);
            let (exhibit, path) = self.store.allot();
            let description = self.store.shown(&tool.describe(&params));
            let toolset = tool.toolset().to_owned();
            // Nobody can allow what would carry a secret away.
            let leave = match leak {
                Some(leak) => Leave::Denied(denied_for(leak.to_string(), &description)),
                None => self.leave(exhibit, tool, &params).await,
            };
            prepared.push((Running { exhibit, call, toolset, description, params, path }, tool, leave));
        }
        // Nothing runs while a person is asked about a call of the same turn.
        for (running, ..) in &prepared {
            (self.listener)(&Event::ToolStarted {
                exhibit: running.exhibit,
                call: running.call.clone(),
                toolset: running.toolset.clone(),
                description: running.description.clone(),
            });
        }
        let condenser = self.store.condenser();
        let mut running: FuturesUnordered<_> = prepared
            .into_iter()
            .map(|(running, tool, leave)| {
                let (stopped, permits, condenser) = (stopped.clone(), &permits, condenser.clone());
                async move {
                    let _permit = permits.acquire().await;
                    let started = engine.clock.instant();
                    let outcome = match leave {
                        Leave::Denied(outcome) => outcome,
                        Leave::Given => {
                            tool.run_approved(&running.params, &running.path, stopped.clone()).await
                        }
                        Leave::Unneeded => tool.run(&running.params, &running.path, stopped.clone()).await,
                    };
                    let took = (started, engine.clock.instant() - started);
                    let chosen = condensed(condenser, &running.path, outcome.bytes, stopped).await;
                    (running, tool.summary(), outcome, took, chosen)
                }
            })
            .collect();
        let mut summarising = FuturesUnordered::new();
        let mut waiting: Vec<Waiting> = Vec::new();
        let mut stopping = self.interrupted;
        while !(running.is_empty() && summarising.is_empty()) {
            tokio::select! {
                Some((finished, summary, outcome, took, chosen)) = running.next() => {
                    let exhibit = self.keep(finished, outcome, took, chosen);
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
                cut = wait_for_cut(self.deadline, engine), if !stopping => {
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

    /// Whether a call may run: it needs nobody's leave, or whoever decides gave it. The time that takes is nobody's fault: it
    /// does not count.
    async fn leave(
        &mut self,
        exhibit: u32,
        tool: &dyn Tool,
        params: &Map<String, serde_json::Value>,
    ) -> Leave {
        // What was allowed before counts for nothing that asks; and what changes something asks now, even if nobody said so.
        let tainted_by = self.store.holds_instructions();
        let ask = match tool.asks(params) {
            Some(ask) => Ask { tainted_by, ..ask },
            None if tainted_by.is_none() || !tool.changes(params) => return Leave::Unneeded,
            None => Ask {
                tool: tool.spec().name.clone(),
                toolset: tool.toolset().to_owned(),
                shown: called(&tool.spec().name, params),
                concern: Concern::Change,
                why: format!("`{}` changes something", tool.spec().name),
                rules: Vec::new(),
                tainted_by,
            },
        };
        let ask = Ask { shown: self.store.asked(&ask.shown), why: self.store.shown(&ask.why), ..ask };
        if self.interrupted {
            return Leave::Denied(denied(&ask, "the run was interrupted", None));
        }
        (self.listener)(&Event::ApprovalAsked { exhibit, ask: ask.clone() });
        let since = self.engine.clock.instant();
        let decision = self.engine.approver.decide(&ask).await;
        let waited = self.engine.clock.instant().saturating_duration_since(since);
        self.deadline = self.deadline.map(|deadline| deadline + waited);
        (self.listener)(&Event::ApprovalDecided { exhibit, decision: decision.clone() });
        match decision {
            Decision::Once
            | Decision::Standing { .. }
            | Decision::Session { .. }
            | Decision::Always { .. } => Leave::Given,
            Decision::Denied { why, words } => Leave::Denied(denied(&ask, &why, words.as_deref())),
        }
    }

    /// `took`: when the tool began, and for how long it ran.
    fn keep(
        &mut self,
        running: Running,
        outcome: Outcome,
        took: (Instant, Duration),
        chosen: io::Result<Condensed>,
    ) -> Exhibit {
        let (started, duration) = took;
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
            started_seconds: started.saturating_duration_since(self.began).as_secs_f64(),
            bytes: outcome.bytes,
            lines: outcome.lines,
            path: running.path,
            view: String::new(),
            condensed: false,
            summary: None,
            flagged: None,
        };
        match chosen {
            Ok(chosen) => self.store.keep_condensed(exhibit, chosen),
            Err(error) => {
                let unreadable = Exhibit {
                    status: Status::Error,
                    error: Some(format!("its output cannot be read back: {error}")),
                    bytes: 0,
                    lines: 0,
                    ..exhibit
                };
                self.store.keep_condensed(unreadable, Condensed::default())
            }
        }
    }
}

/// The lines of a view, chosen on another thread: a gigabyte takes seconds, in which an interrupt must be heard.
async fn condensed(
    condenser: Condenser,
    raw: &Path,
    bytes: u64,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<Condensed> {
    if bytes == 0 {
        return Ok(Condensed::default());
    }
    let enough = Arc::new(AtomicBool::new(false));
    if bytes <= AT_ONCE {
        return condenser.condense(raw, &enough);
    }
    let (raw, told) = (raw.to_owned(), Arc::clone(&enough));
    let mut choosing = tokio::task::spawn_blocking(move || condenser.condense(&raw, &told));
    let chosen = tokio::select! {
        chosen = &mut choosing => chosen,
        _ = stopped.wait_for(|stop| *stop) => {
            // What was read until now makes the view.
            enough.store(true, Ordering::Relaxed);
            choosing.await
        }
    };
    chosen.map_err(io::Error::other)?
}

/// Whether a call may run.
enum Leave {
    Unneeded,
    Given,
    Denied(Outcome),
}

/// What becomes of a call that nobody allowed. A person's words are for the model; they are no order to run it.
fn denied(ask: &Ask, why: &str, words: Option<&str>) -> Outcome {
    let mut error = format!("`{}` needs a person's approval ({}", ask.tool, ask.why);
    if let Some(id) = ask.tainted_by {
        _ = write!(error, ", and E{id} reads like an instruction to a model");
    }
    _ = write!(error, "); {why}: it was not run. ");
    match words.map(str::trim).filter(|words| !words.is_empty()) {
        Some(words) => _ = write!(error, "The person says: {words}"),
        None => error.push_str("Go on without it, or put it into the answer as a step for a person"),
    }
    denied_for(error, &ask.shown)
}

/// What becomes of a call that may not run.
fn denied_for(why: String, description: &str) -> Outcome {
    Outcome {
        status: Status::Denied,
        exit_code: None,
        error: Some(why),
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
