//! What is concluded: the terse text for people and the structure for programs are one value.
//!
//! A model ends a run by calling the `answer` tool, or by plain text from which `text` reads the same
//! fields. Whether a quote is true is not decided here: `crate::evidence` checks it against raw bytes.

mod call;
mod citation;
mod hypothesis;
mod markdown;
mod section;
#[cfg(test)]
mod tests;
mod text;

pub use call::{answer_tool, from_call};
pub use hypothesis::{
    HYPOTHESIS_TOOL, Hypotheses, Hypothesis, HypothesisStatus, hypothesis_tool, line as hypothesis_line,
};
pub use markdown::{
    Step, bullet as finding_line, footer, opening as opening_line, step, step_text as fix_line, to_markdown,
    trust as trust_line,
};
pub use text::from_text;

use serde::{Deserialize, Serialize};

/// The conclusion of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Markdown for a person; what `result` of the JSON output carries.
    pub text: String,
    pub verdict: Verdict,
    /// One or two sentences; empty when none was found.
    pub root_cause: String,
    #[serde(default)]
    pub findings: Vec<Finding>,
    /// Commands or changes, most important first.
    #[serde(default)]
    pub fix: Vec<String>,
    /// What the model itself leaves open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_sure: Vec<String>,
    pub confidence: Confidence,
    #[serde(default)]
    pub not_checked: Vec<NotChecked>,
    /// What became of every toolset and exhibit; `not_checked` is the part of it that people must know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<Coverage>,
    /// What the model held for possible, where it kept such a list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hypotheses: Vec<Hypothesis>,
}

/// What the investigation came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    ProblemFound,
    NoProblem,
    #[default]
    Inconclusive,
}

/// How sure the answer is, after verification has had its say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    #[default]
    Low,
    Medium,
    High,
}

impl Verdict {
    /// As the JSON result spells it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ProblemFound => "problem_found",
            Self::NoProblem => "no_problem",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl Confidence {
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A claim and the line of an exhibit that is said to prove it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    pub claim: String,
    /// Number of the exhibit: 3 for `E3`. 0 when the model named none.
    pub exhibit: u32,
    /// The words as they stand in the exhibit.
    pub quote: String,
    /// First and last line of the quote in the raw exhibit, 1-based. As the answer claims them
    /// (`[E3:41-44]`) until verification finds where the quote really stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lines: Option<(u64, u64)>,
    /// Set by verification; false until then.
    #[serde(default)]
    pub verified: bool,
    /// Why it is not verified, in a few words; `None` where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Something the answer does not rest on, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotChecked {
    pub what: String,
    pub why: String,
}

/// One line of the ledger: a toolset or an exhibit, and how far it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// The toolset's name, or the tool's of an exhibit.
    pub what: String,
    /// The exhibit; `None` for a toolset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exhibit: Option<u32>,
    pub state: CoverageState,
    /// Reason or amount; empty where there is nothing to add.
    #[serde(default)]
    pub why: String,
}

/// How far something was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CoverageState {
    /// It ran, and the model saw all of it.
    Checked,
    /// It ran and found nothing.
    Empty,
    /// It did not run to its end.
    Failed,
    /// The toolset cannot be used here.
    Unavailable,
    /// The model saw part of the output.
    Truncated,
    /// The toolset can be used, and none of its tools was called.
    NotTried,
}

impl CoverageState {
    /// In words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Checked => "checked",
            Self::Empty => "empty",
            Self::Failed => "failed",
            Self::Unavailable => "unavailable",
            Self::Truncated => "seen in part",
            Self::NotTried => "not tried",
        }
    }
}
