//! What a person is asked before something runs, what they may say, and what they have allowed before.
//!
//! It knows no terminal, no model and no tool: those who ask bring an [`Ask`], those who decide are an [`Approver`]. It runs
//! nothing: whoever composes it asks people and programs.

mod grants;
mod place;
mod rule;
mod store;

use std::future::Future;
use std::pin::Pin;

use serde::{Deserialize, Serialize};

pub use grants::{Grant, covering, new_id};
pub use place::{Place, Settled, is_cluster_program};
pub use rule::WHOLE_CLUSTER;
pub use store::Store;

/// Why a call needs a person's leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Concern {
    /// It changes something.
    Change,
    /// It reads credentials.
    Secret,
    /// Nobody can tell what it does.
    Unknown,
    /// Whoever configured its tool wants to be asked.
    Wanted,
}

/// What may run without being asked again: never wider than what was run, unless a person widens it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rule {
    /// A program with its sub-command (`kubectl rollout restart`), or the name of a tool.
    pub action: String,
    /// The very words behind it, or a tool's arguments; `None`: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exactly: Option<Vec<String>>,
    /// Kubernetes namespace it is for; `None`: it names none, or a person widened it. Empty where a tool of a cluster is asked
    /// about: the one that kubectl stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Kubernetes context it is for; `None`: the action has nothing to do with a cluster, or is a command that names none.
    /// Empty where a tool of a cluster is asked about: the one that kubectl stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
}

/// What a person is to decide.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub tool: String,
    pub toolset: String,
    /// The command or call as it may be shown: secrets are not in it.
    pub shown: String,
    pub concern: Concern,
    /// Which part of it is of concern and by which rule, one line.
    pub why: String,
    /// What would have to be allowed so that it runs: one rule for each part of concern, as narrow as what would run.
    /// Empty: it can be allowed once, never for longer.
    pub rules: Vec<Rule>,
    /// An output that reads like an instruction to a model came before: only a person may decide, whatever was allowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tainted_by: Option<u32>,
}

/// What was decided.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "decision", rename_all = "snake_case")]
pub enum Decision {
    Once,
    /// Allowed before, or for everything: by whom or what, one line.
    Standing {
        by: String,
    },
    /// Until the session ends.
    Session {
        rules: Vec<Rule>,
    },
    /// From now on; stored.
    Always {
        rules: Vec<Rule>,
    },
    /// `words` are for the model, in the person's own language; `why` says who or what denied it, one line.
    Denied {
        why: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        words: Option<String>,
    },
}

/// A boxed future of a decision.
pub type Deciding<'a> = Pin<Box<dyn Future<Output = Decision> + 'a>>;

/// Who decides: what was allowed before, an external program, a person at a terminal, or nobody.
pub trait Approver {
    fn decide<'a>(&'a self, ask: &'a Ask) -> Deciding<'a>;
}

/// Where nobody can be asked.
#[derive(Debug, Clone, Copy, Default)]
pub struct Nobody;

impl Approver for Nobody {
    fn decide<'a>(&'a self, _ask: &'a Ask) -> Deciding<'a> {
        Box::pin(std::future::ready(Decision::Denied {
            why: "nobody can be asked here".to_owned(),
            words: None,
        }))
    }
}
