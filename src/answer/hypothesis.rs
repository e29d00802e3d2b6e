//! What the model believes may be the cause, kept in view: a builtin tool writes it, reports show it.
//!
//! It proves nothing: a hypothesis is no finding, and its exhibits are not quotes that are checked.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::call::{cited, field, words};
use super::citation::{self, fold};
use crate::agent::ToolSpec;

/// The builtin tool that keeps hypotheses.
pub const HYPOTHESIS_TOOL: &str = "hypothesis";
/// More are refused: a list nobody can survey helps nobody.
const MOST: usize = 20;
/// Characters of a statement.
const LONGEST: usize = 300;
/// Characters of an id.
const LONGEST_ID: usize = 16;

/// A possible cause and what has become of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// As the model calls it, such as `H1`.
    pub id: String,
    pub statement: String,
    pub status: HypothesisStatus,
    /// Numbers of the exhibits it rests on.
    #[serde(default)]
    pub exhibits: Vec<u32>,
}

/// What the evidence says of a hypothesis, in the model's judgement.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HypothesisStatus {
    #[default]
    Open,
    Supported,
    RuledOut,
}

impl HypothesisStatus {
    /// In words for people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Supported => "supported",
            Self::RuledOut => "ruled out",
        }
    }
}

/// The tool with which a model writes hypotheses down.
#[must_use]
pub fn hypothesis_tool() -> ToolSpec {
    ToolSpec {
        name: HYPOTHESIS_TOOL.to_owned(),
        description: "Note or update a possible cause".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "id": {"type": "string", "description": "H1"},
                "statement": {"type": "string"},
                "status": {"enum": ["open", "supported", "ruled_out"]},
                "exhibits": {"type": "string", "description": "E3 E4"},
            },
            "required": ["id"],
        }),
    }
}

/// The hypotheses of one run, in the order in which they came up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hypotheses {
    list: Vec<Hypothesis>,
}

impl Hypotheses {
    #[must_use]
    pub fn list(&self) -> &[Hypothesis] {
        &self.list
    }

    /// Performs a call of the tool: writes a hypothesis down or changes it, and gives the reply for the model,
    /// which is the whole list, so that it stays in view. What a call leaves out stays as it was.
    pub fn apply(&mut self, arguments: &Map<String, Value>) -> String {
        let statement =
            field(arguments, &["statement", "hypothesis", "claim", "text", "description"]).map(words);
        let statement: String = fold(&statement.unwrap_or_default()).chars().take(LONGEST).collect();
        let id = field(arguments, &["id", "name", "number"]).map(words).unwrap_or_default();
        let id: String =
            id.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).take(LONGEST_ID).collect();
        let same = |one: &Hypothesis| {
            one.id.eq_ignore_ascii_case(&id)
                || (id.is_empty() && one.statement.eq_ignore_ascii_case(&statement))
        };
        let known = self.list.iter().position(same);
        let count = self.list.len();
        let known = known.and_then(|at| self.list.get_mut(at));
        let status = match field(arguments, &["status", "state", "verdict"]).map(words) {
            None => None,
            Some(said) => match status_of(&said) {
                Some(status) => Some(status),
                None => return "`status` is open, supported or ruled_out".to_owned(),
            },
        };
        let exhibits = field(arguments, &["exhibits", "exhibit", "evidence"]).map(exhibits);
        match known {
            Some(known) => {
                if !statement.is_empty() {
                    known.statement = statement;
                }
                known.status = status.unwrap_or(known.status);
                for exhibit in exhibits.unwrap_or_default() {
                    if !known.exhibits.contains(&exhibit) {
                        known.exhibits.push(exhibit);
                    }
                }
            }
            None if statement.is_empty() => {
                return "a new hypothesis needs `id` and `statement`".to_owned();
            }
            None if count >= MOST => {
                return format!("{MOST} hypotheses are enough: update one of them by its `id`");
            }
            None => {
                let id = if id.is_empty() { self.unused_id() } else { id };
                let exhibits = exhibits.unwrap_or_default();
                self.list.push(Hypothesis { id, statement, status: status.unwrap_or_default(), exhibits });
            }
        }
        let lines: Vec<String> = self.list.iter().map(line).collect();
        lines.join("\n")
    }

    fn unused_id(&self) -> String {
        let taken = |id: &String| self.list.iter().any(|one| one.id.eq_ignore_ascii_case(id));
        (1..=MOST + 1).map(|number| format!("H{number}")).find(|id| !taken(id)).unwrap_or_default()
    }
}

/// One hypothesis as one line: `H1 supported: the limit is too small [E3] [E4]`.
#[must_use]
pub fn line(one: &Hypothesis) -> String {
    let cited: Vec<String> = one.exhibits.iter().map(|exhibit| format!(" [E{exhibit}]")).collect();
    let cited = cited.concat();
    format!("{} {}: {}{cited}", one.id, one.status.words(), one.statement)
}

fn status_of(said: &str) -> Option<HypothesisStatus> {
    let word: String = said.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect();
    let starts = |heads: &[&str]| heads.iter().any(|head| word.starts_with(head));
    if starts(&["open", "pending", "unknown", "possible", "testing", "new", "investigating", "untested"]) {
        Some(HypothesisStatus::Open)
    } else if starts(&["support", "confirm", "proven", "true", "likely", "accept"]) {
        Some(HypothesisStatus::Supported)
    } else if starts(&[
        "ruled",
        "rejected",
        "refuted",
        "false",
        "disproven",
        "unlikely",
        "unsupported",
        "out",
    ]) {
        Some(HypothesisStatus::RuledOut)
    } else {
        None
    }
}

/// `["E3", 4]`, `"E3, E4"` or `3`.
fn exhibits(value: &Value) -> Vec<u32> {
    let mut out: Vec<u32> = match value {
        Value::Array(items) => items.iter().flat_map(exhibits).collect(),
        Value::String(text) => text
            .split([',', ' ', ';', '[', ']', '"'])
            .filter_map(citation::parse_one)
            .map(|one| one.exhibit)
            .collect(),
        other => cited(other).map(|one| one.exhibit).into_iter().collect(),
    };
    out.retain(|exhibit| *exhibit > 0);
    out.truncate(MOST);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apply(all: &mut Hypotheses, arguments: Value) -> String {
        let Value::Object(arguments) = arguments else { panic!("an object") };
        all.apply(&arguments)
    }

    #[test]
    fn hypotheses_are_written_down_changed_and_listed() {
        let mut all = Hypotheses::default();
        assert_eq!(
            apply(&mut all, json!({"id": "H1", "statement": "limit\n too small"})),
            "H1 open: limit too small"
        );
        apply(&mut all, json!({"Statement": "a leak", "status": "open", "exhibits": []}));
        let said =
            apply(&mut all, json!({"id": "h1", "status": "Confirmed", "exhibits": ["E3", 4, "[E5:2]"]}));
        assert_eq!(said, "H1 supported: limit too small [E3] [E4] [E5]\nH2 open: a leak");
        apply(&mut all, json!({"id": "H2", "status": "ruled out", "exhibits": "E3, E3 E9"}));
        assert_eq!(all.list()[1].status, HypothesisStatus::RuledOut);
        assert_eq!(all.list()[1].exhibits, [3, 9]);
    }

    #[test]
    fn wrong_calls_say_what_is_needed_and_change_nothing() {
        let mut all = Hypotheses::default();
        assert!(apply(&mut all, json!({})).contains("`statement`"));
        assert!(apply(&mut all, json!({"id": "H1", "status": "supported"})).contains("`statement`"));
        assert!(
            apply(&mut all, json!({"id": "H1", "statement": "x", "status": "maybe"})).contains("ruled_out")
        );
        assert_eq!(all.list(), []);
        for number in 0..100 {
            apply(&mut all, json!({"id": number, "statement": "x".repeat(10_000)}));
        }
        assert_eq!(all.list().len(), MOST);
        assert!(all.list().iter().all(|one| one.statement.len() == LONGEST));
    }

    #[test]
    fn its_schema_costs_little() {
        let spec = hypothesis_tool();
        let tokens = crate::evidence::tokens::estimate(&format!(
            "{}{}{}",
            spec.name, spec.description, spec.parameters
        ));
        assert!(tokens <= 70, "{tokens}");
    }
}
