//! Time and interruptions of a replay: they come where the record has them, and take no time.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::{Notify, watch};

use crate::agent::{Event, Limit};
use crate::approval::Decision;
use crate::clock::Clock;

/// A tool that waits for its turn looks so many times; a record that does not fit goes on without order.
const MOST_LOOKS: u32 = 10_000;

/// What ended a wait before its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Time,
    Person,
}

/// What happened while tools ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Finished(u32),
    Cut(Cut),
}

/// The clock and the interruptions of one replay.
#[derive(Debug)]
pub struct Stage {
    start: Instant,
    wall: Timestamp,
    passed: Cell<Duration>,
    /// For the engine.
    pub time_is_up: Rc<Notify>,
    interrupt: watch::Sender<bool>,
    acts: RefCell<VecDeque<Act>>,
}

impl Stage {
    /// Of the recorded `events` of a run that began at `wall`.
    #[must_use]
    pub fn new(events: &[Event], wall: Timestamp) -> Self {
        let mut acts = VecDeque::new();
        let mut thinking = false;
        // What was denied never ran: no tool waits for its turn.
        let denied: BTreeSet<u32> = events
            .iter()
            .filter_map(|event| match event {
                Event::ApprovalDecided { exhibit, decision: Decision::Denied { .. } } => Some(*exhibit),
                _ => None,
            })
            .collect();
        for event in events {
            match event {
                Event::ModelRequested { .. } => thinking = true,
                Event::ModelReplied { .. } | Event::ModelFailed { .. } | Event::Concluded { .. } => {
                    thinking = false;
                }
                Event::LimitReached { limit: Limit::Time } if !thinking => {
                    acts.push_back(Act::Cut(Cut::Time));
                }
                Event::Interrupted if !thinking => acts.push_back(Act::Cut(Cut::Person)),
                Event::LimitReached { .. } | Event::Interrupted => thinking = false,
                Event::ToolFinished { exhibit }
                    if !exhibit.is_attachment() && !denied.contains(&exhibit.id) =>
                {
                    acts.push_back(Act::Finished(exhibit.id));
                }
                _ => {}
            }
        }
        Self {
            start: Instant::now(),
            wall,
            passed: Cell::default(),
            time_is_up: Rc::default(),
            interrupt: watch::Sender::new(false),
            acts: RefCell::new(acts),
        }
    }

    /// `true` once the recorded run was interrupted.
    #[must_use]
    pub fn interrupt(&self) -> watch::Receiver<bool> {
        self.interrupt.subscribe()
    }

    pub(super) fn pass(&self, seconds: f64) {
        let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
        self.passed.set(self.passed.get().saturating_add(duration));
    }

    pub(super) fn cut(&self, cut: Cut) {
        match cut {
            Cut::Time => self.time_is_up.notify_one(),
            Cut::Person => {
                let _ = self.interrupt.send(true);
            }
        }
    }

    /// Waits until everything has happened that did before exhibit `id` was finished.
    pub(super) async fn turn(&self, id: u32, stop: &watch::Receiver<bool>) {
        for _ in 0..MOST_LOOKS {
            let next = self.acts.borrow().front().copied();
            match next {
                None => return,
                Some(Act::Finished(finished)) if finished == id => {
                    self.acts.borrow_mut().pop_front();
                    return;
                }
                Some(Act::Cut(cut)) => {
                    self.acts.borrow_mut().pop_front();
                    self.cut(cut);
                    // The engine hears of it before any tool ends.
                    for _ in 0..MOST_LOOKS {
                        if *stop.borrow() {
                            break;
                        }
                        tokio::task::yield_now().await;
                    }
                }
                Some(Act::Finished(_)) => tokio::task::yield_now().await,
            }
        }
    }
}

impl Clock for Stage {
    fn now(&self) -> Timestamp {
        self.wall
    }

    fn instant(&self) -> Instant {
        self.start + self.passed.get()
    }
}
