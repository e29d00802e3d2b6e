//! The recorded replies of models, said again in their order.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::agent::{AssistantMessage, Event, Limit, Message, Usage};
use crate::evidence::view::read_views;
use crate::model::{Delta, Model, ModelError, ModelErrorKind, ModelFuture, Reply, Request};

use super::recording::Recording;
use super::stage::{Cut, Stage};

/// What became of one request.
#[derive(Debug, Clone)]
enum Turn {
    Replied {
        reply: Box<Reply>,
        seconds: f64,
    },
    Failed(ModelError),
    /// It did not fit the window, of so many tokens as far as the endpoint said.
    TooLong {
        limit: Option<u64>,
        /// What was told when no room could be made.
        told: Option<(String, Option<String>)>,
    },
    /// It was not waited for.
    Cut(Cut),
}

/// A model that says what the record says.
#[derive(Debug)]
pub struct RecordedModel {
    name: String,
    window: Option<u64>,
    turns: RefCell<VecDeque<Turn>>,
    stage: Rc<Stage>,
}

impl RecordedModel {
    #[must_use]
    pub fn new(recording: &Recording, stage: Rc<Stage>) -> Self {
        let turns = turns(&recording.events);
        let (name, window) = (recording.model.clone(), recording.opening.context_window);
        Self { name, window, turns: RefCell::new(turns), stage }
    }

    /// Whether the record holds replies that nobody has asked for.
    #[must_use]
    pub fn has_more(&self) -> bool {
        !self.turns.borrow().is_empty()
    }
}

fn turns(events: &[Event]) -> VecDeque<Turn> {
    let mut turns = VecDeque::new();
    let mut open = false;
    for event in events {
        let turn = match event {
            Event::ModelRequested { .. } => {
                open = true;
                continue;
            }
            Event::RequestTooLong { limit } => Turn::TooLong { limit: *limit, told: None },
            Event::ModelReplied { message, usage, finish_reason, cost, seconds, .. } => Turn::Replied {
                reply: Box::new(Reply {
                    message: message.clone(),
                    usage: *usage,
                    finish_reason: finish_reason.clone(),
                    cost: *cost,
                }),
                seconds: *seconds,
            },
            Event::ModelFailed { message, hint, exit_code } => Turn::Failed(ModelError {
                kind: match exit_code {
                    3 => ModelErrorKind::Configuration,
                    _ => ModelErrorKind::Unavailable,
                },
                message: message.clone(),
                hint: hint.clone(),
            }),
            Event::LimitReached { limit: Limit::Time } => Turn::Cut(Cut::Time),
            Event::Interrupted => Turn::Cut(Cut::Person),
            _ => continue,
        };
        if std::mem::take(&mut open) {
            turns.push_back(turn);
        } else if let (Turn::Failed(error), Some(Turn::TooLong { told, .. })) = (turn, turns.back_mut()) {
            *told = Some((error.message, error.hint));
        }
    }
    turns
}

impl Model for RecordedModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn context_window(&self) -> Option<u64> {
        self.window
    }

    fn complete<'a>(&'a self, _: Request<'a>, _: &'a mut dyn FnMut(Delta<'_>)) -> ModelFuture<'a> {
        Box::pin(async move {
            let turn = self.turns.borrow_mut().pop_front();
            match turn {
                Some(Turn::Replied { reply, seconds }) => {
                    self.stage.pass(seconds);
                    Ok(*reply)
                }
                Some(Turn::Failed(error)) => Err(error),
                Some(Turn::TooLong { limit, told }) => {
                    let (message, hint) = told
                        .unwrap_or_else(|| ("the request did not fit the model's window".to_owned(), None));
                    Err(ModelError { kind: ModelErrorKind::ContextTooLong { limit }, message, hint })
                }
                Some(Turn::Cut(cut)) => {
                    self.stage.cut(cut);
                    std::future::pending().await
                }
                None => Err(ModelError {
                    kind: ModelErrorKind::Unavailable,
                    message: "the record holds no further reply".to_owned(),
                    hint: None,
                }),
            }
        })
    }
}

/// The words or the failure; tokens, USD and seconds they took.
type Said = (Result<String, String>, Usage, Option<f64>, f64);

/// A fast model that sums outputs up as recorded, whatever it is told.
#[derive(Debug)]
pub struct RecordedFast {
    name: String,
    /// By exhibit.
    said: BTreeMap<u32, Said>,
    stage: Rc<Stage>,
}

/// The fast models of a run: for tools that name none, and by the names that tools give them.
#[must_use]
pub fn fast(
    recording: &Recording,
    stage: &Rc<Stage>,
) -> (Option<RecordedFast>, BTreeMap<String, RecordedFast>) {
    let (mut usual, mut named) = (None, BTreeMap::new());
    for tool in &recording.opening.equipment {
        let Some(summary) = &tool.summary else { continue };
        let asked = recording.events.iter().find_map(|event| match event {
            Event::SummaryRequested { exhibit, model, .. }
                if recording.exhibits.get(exhibit).is_some_and(|one| one.tool == tool.tool) =>
            {
                Some(model)
            }
            _ => None,
        });
        let Some(name) = asked else { continue };
        let model = || RecordedFast::new(name, recording, Rc::clone(stage));
        match &summary.model {
            None => usual = Some(usual.unwrap_or_else(model)),
            Some(key) => {
                named.entry(key.clone()).or_insert_with(model);
            }
        }
    }
    (usual, named)
}

impl RecordedFast {
    fn new(name: &str, recording: &Recording, stage: Rc<Stage>) -> Self {
        let mut said = BTreeMap::new();
        for event in &recording.events {
            if let Event::SummaryReplied { exhibit, usage, cost, seconds, failure, text, .. } = event {
                let words = match (text, failure) {
                    (Some(text), _) => Ok(text.clone()),
                    (None, Some(why)) => Err(why.clone()),
                    (None, None) => Err("what it said is not recorded".to_owned()),
                };
                said.insert(*exhibit, (words, *usage, *cost, *seconds));
            }
        }
        Self { name: name.to_owned(), said, stage }
    }
}

impl Model for RecordedFast {
    fn name(&self) -> &str {
        &self.name
    }

    fn complete<'a>(&'a self, request: Request<'a>, _: &'a mut dyn FnMut(Delta<'_>)) -> ModelFuture<'a> {
        Box::pin(async move {
            let asked = request.messages.iter().find_map(|message| match message {
                Message::User { text } => read_views(text).first().map(|view| view.id),
                _ => None,
            });
            let error =
                |message: String| ModelError { kind: ModelErrorKind::Unavailable, message, hint: None };
            match asked.and_then(|id| self.said.get(&id)) {
                None => Err(error("no summary of this output is recorded".to_owned())),
                Some((Err(why), ..)) => Err(error(why.clone())),
                Some((Ok(text), usage, cost, seconds)) => {
                    self.stage.pass(*seconds);
                    let message = AssistantMessage { text: text.clone(), ..AssistantMessage::default() };
                    Ok(Reply { message, usage: *usage, finish_reason: String::new(), cost: *cost })
                }
            }
        })
    }
}
