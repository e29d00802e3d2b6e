//! Recorded runs, run again: the same machine, evidence and answer code over what the record holds.
//!
//! A replay needs no network, no tool and no key. Played to the byte it proves that a run can be trusted to
//! be what it says; played to another model it compares models on the same evidence. It records nothing itself
//! and never runs a tool.

mod approver;
mod assertion;
mod calls;
mod compare;
mod export;
mod import;
mod recording;
mod script;
mod stage;

pub use approver::RecordedApprover;
pub use assertion::{Assertion, AssertionError, Facts};
pub use calls::toolbox;
pub use compare::{first_difference, shown};
pub use export::{Exported, export};
pub use import::{ImportError, Imported, import};
pub use recording::{End, Part, Raw, Recording, ReplayError};
pub use script::{RecordedFast, RecordedModel, fast};
pub use stage::Stage;
