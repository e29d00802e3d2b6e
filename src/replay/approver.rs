//! Decides as it was decided: nobody is asked again.

use std::cell::RefCell;
use std::collections::VecDeque;

use crate::agent::Event;
use crate::approval::{Approver, Ask, Deciding, Decision};

/// The recorded decisions, in their order.
#[derive(Debug)]
pub struct RecordedApprover {
    decisions: RefCell<VecDeque<Decision>>,
}

impl RecordedApprover {
    #[must_use]
    pub fn new(events: &[Event]) -> Self {
        let decisions = events.iter().filter_map(|event| match event {
            Event::ApprovalDecided { decision, .. } => Some(decision.clone()),
            _ => None,
        });
        Self { decisions: RefCell::new(decisions.collect()) }
    }
}

impl Approver for RecordedApprover {
    fn decide<'a>(&'a self, _: &'a Ask) -> Deciding<'a> {
        let decision = self.decisions.borrow_mut().pop_front().unwrap_or_else(|| Decision::Denied {
            why: "the record holds no decision about it".to_owned(),
            words: None,
        });
        Box::pin(std::future::ready(decision))
    }
}
