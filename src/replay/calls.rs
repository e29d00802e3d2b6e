//! Tools that give what the record holds of them, and never run anything.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use serde_json::{Map, Value};

use super::recording::Recording;
use super::stage::Stage;
use crate::agent::{Arguments, Equipped, Event, ToolSpec};
use crate::answer::answer_tool;
use crate::approval::{Ask, Decision};
use crate::evidence::view::clip;
use crate::evidence::{Exhibit, Status};
use crate::shell::Stop;
use crate::tools::{EVIDENCE, Outcome, ReadExhibit, Summary, Tool, ToolFuture, Toolbox};

/// Recorded calls of the same tool that a call which is not recorded is told of.
const NEAR: usize = 5;

/// Every recorded call and what it gave.
#[derive(Debug, Default)]
struct Calls {
    /// Exhibits by tool and arguments, in their order. The last of them stays.
    by_call: RefCell<BTreeMap<(String, String), VecDeque<u32>>>,
    exhibits: BTreeMap<u32, (Exhibit, Option<PathBuf>)>,
    /// What a person was asked before a call, and whether it was denied.
    asked: BTreeMap<u32, (Ask, bool)>,
}

impl Calls {
    fn new(recording: &Recording) -> Self {
        let mut by_call: BTreeMap<_, VecDeque<u32>> = BTreeMap::new();
        let mut exhibits = BTreeMap::new();
        let mut asked: BTreeMap<u32, (Ask, bool)> = BTreeMap::new();
        for event in &recording.events {
            match event {
                Event::ApprovalAsked { exhibit, ask } => {
                    asked.insert(*exhibit, (ask.clone(), false));
                }
                Event::ApprovalDecided { exhibit, decision: Decision::Denied { .. } } => {
                    asked.entry(*exhibit).and_modify(|one| one.1 = true);
                }
                _ => {}
            }
        }
        for (id, call) in &recording.calls {
            let Some(exhibit) = recording.exhibits.get(id) else { continue };
            let arguments = match &call.arguments {
                Arguments::Object(map) => map.clone(),
                Arguments::Unreadable(_) => Map::new(),
            };
            by_call.entry((call.tool.clone(), key(&arguments))).or_default().push_back(*id);
            let raw = recording.raw.get(id).map(|raw| raw.path.clone());
            exhibits.insert(*id, (exhibit.clone(), raw));
        }
        Self { by_call: RefCell::new(by_call), exhibits, asked }
    }

    /// The next recorded result of this call.
    fn take(&self, tool: &str, params: &Map<String, Value>) -> Option<&(Exhibit, Option<PathBuf>)> {
        let mut by_call = self.by_call.borrow_mut();
        let ids = by_call.get_mut(&(tool.to_owned(), key(params)))?;
        let id = if ids.len() > 1 { ids.pop_front()? } else { *ids.front()? };
        self.exhibits.get(&id)
    }

    /// What a person was asked before the next call of this kind. One that was denied is taken: it never runs.
    fn asked(&self, tool: &str, params: &Map<String, Value>) -> Option<Ask> {
        let mut by_call = self.by_call.borrow_mut();
        let ids = by_call.get_mut(&(tool.to_owned(), key(params)))?;
        let (ask, denied) = self.asked.get(ids.front()?)?;
        if *denied && ids.len() > 1 {
            ids.pop_front();
        }
        Some(ask.clone())
    }

    /// Whether it was asked because of an output that reads like an instruction.
    fn tainted(&self, tool: &str, params: &Map<String, Value>) -> bool {
        let by_call = self.by_call.borrow();
        let front = by_call.get(&(tool.to_owned(), key(params))).and_then(VecDeque::front);
        front.and_then(|id| self.asked.get(id)).is_some_and(|(ask, _)| ask.tainted_by.is_some())
    }

    fn description(&self, tool: &str, params: &Map<String, Value>) -> Option<String> {
        let by_call = self.by_call.borrow();
        let id = by_call.get(&(tool.to_owned(), key(params)))?.front()?;
        self.exhibits.get(id).map(|(exhibit, _)| exhibit.description.clone())
    }

    fn not_recorded(&self, tool: &str) -> String {
        let by_call = self.by_call.borrow();
        let near: Vec<String> = by_call
            .keys()
            .filter(|(name, _)| name == tool)
            .map(|(_, arguments)| clip(arguments, 160))
            .collect();
        let mut told = near.iter().take(NEAR).cloned().collect::<Vec<_>>().join(" ");
        if near.len() > NEAR {
            told = format!("{told} and {} more", near.len() - NEAR);
        }
        if near.is_empty() {
            return format!("not recorded: a recorded run is replayed, and it never called `{tool}`");
        }
        format!("not recorded: a recorded run is replayed, and it called `{tool}` only with {told}")
    }
}

/// Arguments that mean the same are the same: whatever their order, empty ones left out, numbers as text.
fn key(params: &Map<String, Value>) -> String {
    fn normal(value: &Value) -> Value {
        match value {
            Value::String(text) => text.trim().into(),
            Value::Number(number) => number.to_string().into(),
            Value::Array(items) => items.iter().map(normal).collect(),
            Value::Object(map) => {
                let sorted: BTreeMap<_, _> =
                    map.iter().map(|(name, value)| (name.clone(), normal(value))).collect();
                sorted.into_iter().collect()
            }
            Value::Null | Value::Bool(_) => value.clone(),
        }
    }
    let kept: BTreeMap<&String, Value> = params
        .iter()
        .map(|(name, value)| (name, normal(value)))
        .filter(|(_, value)| !value.is_null() && value.as_str() != Some(""))
        .collect();
    serde_json::to_string(&kept).unwrap_or_default()
}

/// The tools of a recorded run. With `stage` every call ends where the record has its end; `live` is the folder
/// of exhibits from which outputs can be read again, where calls need not be the recorded ones.
#[must_use]
pub fn toolbox(recording: &Recording, stage: Option<&Rc<Stage>>, live: Option<&Path>) -> Toolbox {
    let calls = Rc::new(Calls::new(recording));
    let mut toolbox = Toolbox::default();
    let answer = answer_tool().name;
    // A tool behind the search is called like any other once the model knows its name.
    let hidden = recording.opening.hidden.iter().map(|tool| &tool.spec);
    for spec in recording.opening.tools.iter().chain(hidden).filter(|spec| spec.name != answer) {
        let reader = live.map(|folder| ReadExhibit::new(folder.to_owned()));
        if let Some(reader) = reader.filter(|reader| reader.spec().name == spec.name) {
            toolbox.add(Box::new(reader));
            continue;
        }
        let equipped = recording.opening.equipment.iter().find(|one| one.tool == spec.name);
        // What the loop answers itself, as its search for tools, is no source of its own in the coverage.
        let own = || Equipped { toolset: EVIDENCE.to_owned(), ..Equipped::default() };
        let Equipped { toolset, summary, .. } = equipped.cloned().unwrap_or_else(own);
        let summary = summary.filter(|_| stage.is_some()).map(|one| Summary {
            above: one.above,
            prompt: one.prompt,
            model: one.model,
        });
        let calls = Rc::clone(&calls);
        toolbox.add(Box::new(RecordedTool {
            spec: spec.clone(),
            toolset,
            summary,
            calls,
            stage: stage.map(Rc::clone),
        }));
    }
    toolbox
}

struct RecordedTool {
    spec: ToolSpec,
    toolset: String,
    summary: Option<Summary>,
    calls: Rc<Calls>,
    stage: Option<Rc<Stage>>,
}

impl Tool for RecordedTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &str {
        &self.toolset
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        self.calls.description(&self.spec.name, params).unwrap_or_else(|| self.spec.name.clone())
    }

    fn summary(&self) -> Option<&Summary> {
        self.summary.as_ref()
    }

    fn changes(&self, params: &Map<String, Value>) -> bool {
        self.stage.is_some() && self.calls.tainted(&self.spec.name, params)
    }

    fn asks(&self, params: &Map<String, Value>) -> Option<Ask> {
        self.stage.as_ref().and_then(|_| self.calls.asked(&self.spec.name, params))
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        // Taken when the call is made, so that equal calls of one turn get theirs in order.
        let taken = self.calls.take(&self.spec.name, params);
        Box::pin(async move {
            let failed = |error: String| Outcome {
                status: Status::Error,
                exit_code: None,
                error: Some(error),
                invocation: self.spec.name.clone(),
                bytes: 0,
                lines: 0,
            };
            let Some((exhibit, raw)) = taken else {
                return failed(self.calls.not_recorded(&self.spec.name));
            };
            if let Some(stage) = &self.stage {
                stage.turn(exhibit.id, &stop).await;
            }
            if let Some(raw) = raw
                && let Err(error) = lend(raw, output)
            {
                return failed(format!("its recorded output cannot be read: {error}"));
            }
            Outcome {
                status: exhibit.status,
                exit_code: exhibit.exit_code,
                error: exhibit.error.clone(),
                invocation: exhibit.invocation.clone(),
                bytes: if raw.is_some() || self.stage.is_some() { exhibit.bytes } else { 0 },
                lines: if raw.is_some() || self.stage.is_some() { exhibit.lines } else { 0 },
            }
        })
    }
}

/// The recorded output under its new name, without a copy of what may be gigabytes.
pub(super) fn lend(raw: &Path, output: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(std::path::absolute(raw)?, output)
}

impl Recording {
    /// Puts the raw output of an attachment where a replay keeps it.
    ///
    /// # Errors
    /// When the link cannot be made.
    pub fn lend(&self, id: u32, output: &Path) -> io::Result<()> {
        self.raw.get(&id).map_or(Ok(()), |raw| lend(&raw.path, output))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn key_of(value: Value) -> String {
        let Value::Object(map) = value else { return String::new() };
        key(&map)
    }

    #[test]
    fn arguments_that_mean_the_same_are_the_same() {
        let one = key_of(json!({"a": 1, "b": " x ", "c": null, "d": {"y": 1, "x": 2}}));
        assert_eq!(one, key_of(json!({"d": {"x": "2", "y": "1"}, "b": "x", "a": "1", "e": ""})));
        assert_ne!(one, key_of(json!({"a": 1, "b": "X", "d": {"y": 1, "x": 2}})));
    }
}
