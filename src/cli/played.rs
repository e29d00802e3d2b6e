//! A recorded run played to the byte: every question of it, each part of the loop's work compared with the record.
//!
//! What a person did between two answers, and what was cut off, is taken as it is recorded: nothing could play it.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;

use super::Context;
use super::conclusion::{About, Outlets};
use super::failure::{Exit, Failure, io};
use super::listeners::Listeners;
use super::replayed::{begin, budget, facts, surroundings, tools_of, unusable};
use super::thinking;
use crate::agent::drive::{Conclusion, Engine, Fast, drive, drive_on};
use crate::agent::machine::State;
use crate::agent::{Edit, Event, Finish, Opening};
use crate::clock::Clock as _;
use crate::evidence::{AsRecorded, Exhibit, Store, raw_path};
use crate::model::Model;
use crate::replay::{self, Facts, Part, RecordedApprover, Recording, ReplayError, Stage};
use crate::rules::RulesModel;
use crate::session::Resumed;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A replay that is over.
pub(super) struct Played {
    pub conclusion: Conclusion,
    events: Vec<Event>,
    pub store: Store,
    listeners: Listeners,
    /// What was there when the last question was answered.
    opening: Opening,
}

impl Played {
    /// Plays what was recorded, and nothing else.
    pub(super) async fn play(recording: &Recording, jsonl: bool, context: &Context) -> Result<Self, Failure> {
        let end = recording.end()?;
        let rules = thinking::rules()?;
        let quiet = context.verbose == 0;
        let (mut store, mut listeners) =
            surroundings(recording, recording.opening.allowance, &[], jsonl, quiet, context)?;
        let parts = recording.parts();
        store.replay(as_recorded(recording, &parts));
        let mut events = begin(recording, &recording.run_id, &recording.model, &mut store, &mut listeners)?;
        let mut opening = recording.opening.clone();
        let mut machine = Resumed::opened(&opening);
        let mut last = None;
        for part in parts {
            match part {
                Part::Told(event) => {
                    let event = *event;
                    // Only the record hears of an end.
                    if !matches!(event, Event::Ended { .. }) {
                        listeners.hear(&event);
                    }
                    tell(recording, &event, &mut store)?;
                    machine.hear(&event);
                    change(&mut opening, &event, rules.name());
                    if let Event::TurnStarted { question, .. } = &event {
                        store.look_for(&question.text);
                    }
                    if let Event::Resumed { .. } = &event {
                        store.restore(store.exhibits().to_vec(), machine.last_exhibit);
                    }
                    events.push(event);
                }
                Part::Driven(recorded) => {
                    let part = recording.part(&opening, &recorded);
                    let mut hear = |event: &Event| {
                        events.push(event.clone());
                        listeners.hear(event);
                    };
                    last = Some(drive_part(&part, &machine, &rules, &mut store, &mut hear).await);
                    for event in &recorded {
                        machine.hear(event);
                    }
                }
            }
        }
        let Some(mut conclusion) = last else {
            return Err(ReplayError::Unfinished(recording.run_id.clone()).into());
        };
        if let Some(rewritten) = &end.rewritten {
            conclusion.answer.text.clone_from(&rewritten.text);
            (conclusion.usage, conclusion.calls, conclusion.cost) =
                (rewritten.usage, rewritten.calls, rewritten.cost);
        }
        Ok(Self { conclusion, events, store, listeners, opening })
    }

    pub(super) fn about<'a>(&self, recording: &'a Recording) -> Result<About<'a>, Failure> {
        let end = recording.end()?;
        let (question, asked_at) = recording.last_asked();
        Ok(About {
            run_id: &recording.run_id,
            question,
            model: &end.model,
            budget: budget(&self.opening, self.opening.context_window),
            started_at: asked_at.parse().unwrap_or_default(),
            duration_seconds: end.duration_seconds,
            metadata: recording.opening.metadata.clone(),
        })
    }

    /// The first thing that is not as recorded.
    fn difference(&self, recording: &Recording) -> Option<String> {
        let shown = |events: &[Event]| {
            events.iter().filter_map(|event| replay::shown(event, self.store.redactor())).collect::<Vec<_>>()
        };
        replay::first_difference(shown(&recording.events), shown(&self.events))
    }

    pub(super) fn deliver(
        mut self,
        recording: &Recording,
        outlets: &Outlets,
        context: &Context,
    ) -> Result<(Exit, Facts), Failure> {
        let about = self.about(recording)?;
        let difference = self.difference(recording);
        let end = recording.end()?;
        let facts = facts(&self.conclusion, &self.store, end.exit_code, &end.model, end.duration_seconds);
        // How the run ended is the run's own matter: a replay of a failed run is no failure.
        let delivered = outlets.deliver(&about, self.conclusion, &self.store, &mut self.listeners);
        let unwritten = match delivered.exit {
            Err(failure) if failure.exit == Exit::RunTime => Some(failure),
            _ => None,
        };
        if let Some(failure) = unwritten {
            return Err(failure);
        }
        if let Some(difference) = difference {
            let message = format!("the replay is not run `{}` again: {difference}", recording.run_id);
            return Err(Failure::new(Exit::RunTime, message).hint(if recording.opening.program == VERSION {
                "the record was changed, or secrets are known here that were not known there".to_owned()
            } else {
                format!("it was recorded by holmes-rs {}, this is {VERSION}", recording.opening.program)
            }));
        }
        if context.verbose > 0 {
            let (requests, exhibits) = recording.size();
            context
                .say(&format!("replayed to the byte: {requests} requests, {exhibits} exhibits, same answer"));
        }
        Ok((Exit::Answered, facts))
    }
}

/// What the store takes from the record. What is told, and never made again, keeps its view.
fn as_recorded(recording: &Recording, parts: &[Part]) -> BTreeMap<u32, AsRecorded> {
    let mut recorded = recording.as_recorded();
    for part in parts {
        let Part::Told(event) = part else { continue };
        let Event::ToolFinished { exhibit } = event.as_ref() else { continue };
        if let Some(one) = recorded.get_mut(&exhibit.id) {
            one.view = Some((exhibit.view.clone(), exhibit.condensed));
        }
    }
    recorded
}

/// An exhibit that no loop makes.
fn tell(recording: &Recording, event: &Event, store: &mut Store) -> Result<(), Failure> {
    let Event::ToolFinished { exhibit } = event else { return Ok(()) };
    let id = exhibit.id;
    let unreadable = || io(format!("the recorded output of E{id} cannot be read"));
    let path = raw_path(store.folder(), id);
    recording.lend(id, &path).map_err(unreadable())?;
    store.keep(Exhibit { path, ..exhibit.clone() }).map_err(unreadable())?;
    let next = store.exhibits().to_vec();
    store.restore(next, id);
    Ok(())
}

/// What a person, or another process, changed for what follows.
fn change(opening: &mut Opening, event: &Event, rules: &str) {
    match event {
        Event::Edited { edit: Edit::Model { name, window } } => {
            opening.corrects = name != rules;
            opening.context_window = *window;
        }
        Event::Resumed { resumption } => {
            opening.limits = resumption.limits;
            opening.timeout_seconds = resumption.timeout_seconds;
            opening.context_window = resumption.context_window;
            if let Some(tools) = &resumption.tools {
                opening.tools.clone_from(&tools.offered);
                opening.hidden.clone_from(&tools.hidden);
                opening.equipment.clone_from(&tools.equipment);
            }
        }
        _ => {}
    }
}

/// The loop's work on one question, again.
async fn drive_part(
    part: &Recording,
    machine: &Resumed,
    rules: &RulesModel,
    store: &mut Store,
    hear: &mut dyn FnMut(&Event),
) -> Conclusion {
    let wall: Timestamp = part.started_at.parse().unwrap_or_default();
    let stage = Rc::new(Stage::new(&part.events, wall));
    let model = replay::RecordedModel::new(part, Rc::clone(&stage));
    let toolbox = replay::toolbox(part, Some(&stage), None);
    let (usual, named) = replay::fast(part, &stage);
    let instructions = |_: Option<&str>| Ok(String::new());
    let fast = (usual.is_some() || !named.is_empty()).then(|| Fast {
        usual: usual.as_ref().map(|model| model as &dyn Model),
        named: named.iter().map(|(name, model)| (name.clone(), model as &dyn Model)).collect(),
        instructions: &instructions,
        timeout: Duration::from_mins(1),
    });
    let approver = RecordedApprover::new(&part.events);
    let engine = Engine {
        model: &model,
        fallback: rules,
        fast: fast.as_ref(),
        toolbox: &toolbox,
        clock: stage.as_ref(),
        deadline: None,
        grace: Duration::from_secs(30),
        interrupt: stage.interrupt(),
        time_is_up: Rc::clone(&stage.time_is_up),
        stream: false,
        corrects: part.opening.corrects,
        unusable: unusable(part),
        approver: &approver,
        began: stage.instant(),
    };
    let begun = (machine.thread.state().clone(), machine.outstanding.clone());
    let conclusion = drive_on(&engine, begun, machine.questioned.clone(), store, &mut *hear).await;
    let failed = matches!(conclusion.finish, Finish::ModelFailed { .. });
    if !(failed && part.opening.falls_back && model.has_more()) {
        return conclusion;
    }
    let engine = Engine { corrects: false, ..engine };
    let without_model = State::new(conclusion.transcript, tools_of(part), part.opening.limits);
    drive(&engine, without_model, store, hear).await
}
