//! What a replay must come to, in one line each: `root_cause~=OOM`, `confidence>=medium`, `tokens<20000`.
//!
//! A field, an operator, a value. Texts are compared as they stand, or matched by a regular expression in which
//! case does not count; of a list, one item that matches is enough for `~=`, and none may for `!~=`.

use std::fmt;

use regex::{Regex, RegexBuilder};

#[cfg(test)]
use crate::answer::Verdict;
use crate::answer::{Answer, Confidence, Finding};
use crate::evidence::view::clip;

/// Everything that can be asserted, as in the documentation.
const FIELDS: &[(&str, Kind)] = &[
    ("verdict", Kind::Choice(&["problem_found", "no_problem", "inconclusive"])),
    ("confidence", Kind::Rank(&["low", "medium", "high"])),
    ("root_cause", Kind::Text),
    ("text", Kind::Text),
    ("fix", Kind::Text),
    ("findings", Kind::Number),
    ("findings.verified", Kind::Number),
    ("findings.unverified", Kind::Number),
    ("claims", Kind::Text),
    ("quotes", Kind::Text),
    ("not_checked", Kind::Text),
    ("not_sure", Kind::Text),
    ("steps", Kind::Number),
    ("calls", Kind::Number),
    ("tokens", Kind::Number),
    ("cost", Kind::Number),
    ("seconds", Kind::Number),
    ("exit", Kind::Number),
    ("model", Kind::Text),
];

/// Longest first: `>=` begins with `>`.
const OPERATORS: &[(&str, Operator)] = &[
    ("!~=", Operator::Unlike),
    ("~=", Operator::Like),
    ("==", Operator::Equal),
    ("!=", Operator::Unequal),
    (">=", Operator::AtLeast),
    ("<=", Operator::AtMost),
    (">", Operator::More),
    ("<", Operator::Less),
];

/// Characters of an actual value that are told.
const TOLD: usize = 200;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// These words, from least to most.
    Rank(&'static [&'static str]),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Like,
    Unlike,
    Equal,
    Unequal,
    AtLeast,
    AtMost,
    More,
    Less,
}

/// What a run came to.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    pub answer: Answer,
    /// Model calls.
    pub steps: u32,
    /// Tool calls.
    pub calls: usize,
    pub tokens: u64,
    /// USD, where known.
    pub cost: Option<f64>,
    pub seconds: f64,
    /// Exit code of the run.
    pub exit: u8,
    pub model: String,
}

/// Why an expression is none, with the column (from 1) where it stops being one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`, column {column}: {message}")]
pub struct AssertionError {
    expression: String,
    column: usize,
    message: String,
}

/// One thing that must hold.
#[derive(Debug, Clone)]
pub struct Assertion {
    text: String,
    field: &'static str,
    operator: Operator,
    wanted: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    Pattern(Regex),
    Text(String),
    Number(f64),
}

/// A value of the run.
enum Fact {
    Texts(Vec<String>),
    Number(f64),
    Unknown,
}

impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Assertion {
    /// Reads one expression.
    ///
    /// # Errors
    /// One line that says where it is wrong and what can stand there.
    pub fn parse(text: &str) -> Result<Self, AssertionError> {
        let wrong = |at: usize, message: String| AssertionError {
            expression: clip(text, TOLD),
            column: text.get(..at).map_or(0, |before| before.chars().count()) + 1,
            message,
        };
        let start = text.len() - text.trim_start().len();
        let end = text.find(|c: char| "!~=<>".contains(c)).unwrap_or(text.len());
        let name = text.get(start..end).unwrap_or_default().trim_end();
        let Some((field, kind)) = FIELDS.iter().find(|(field, _)| *field == name).copied() else {
            let names: Vec<&str> = FIELDS.iter().map(|(field, _)| *field).collect();
            let what = if name.is_empty() {
                "a field is missing".to_owned()
            } else {
                format!("there is no field `{}`", clip(name, 40))
            };
            return Err(wrong(start, format!("{what}; there are {}", names.join(", "))));
        };
        let rest = text.get(end..).unwrap_or_default();
        let Some((sign, operator)) = OPERATORS.iter().find(|(sign, _)| rest.starts_with(sign)).copied()
        else {
            let signs: Vec<&str> = OPERATORS.iter().map(|(sign, _)| *sign).collect();
            return Err(wrong(end, format!("an operator is expected, one of {}", signs.join(" "))));
        };
        if !kind.allowed().contains(&operator) {
            let signs: Vec<&str> = OPERATORS
                .iter()
                .filter(|(_, operator)| kind.allowed().contains(operator))
                .map(|(sign, _)| *sign)
                .collect();
            return Err(wrong(end, format!("`{field}` is compared by {}", signs.join(" "))));
        }
        let at = end + sign.len();
        let value = text.get(at..).unwrap_or_default();
        let at = at + value.len() - value.trim_start().len();
        let value = value.trim();
        if value.is_empty() && !matches!((kind, operator), (Kind::Text, Operator::Equal | Operator::Unequal))
        {
            return Err(wrong(at, format!("a value is missing after `{sign}`")));
        }
        let wanted = match (kind, operator) {
            (_, Operator::Like | Operator::Unlike) => {
                let built = RegexBuilder::new(value).case_insensitive(true).size_limit(1 << 20).build();
                Wanted::Pattern(built.map_err(|error| {
                    let why = match error {
                        regex::Error::CompiledTooBig(_) => "too large a regular expression".to_owned(),
                        error => {
                            let why = error.to_string();
                            let why = why.lines().last().unwrap_or_default();
                            format!("not a regular expression: {}", why.trim_start_matches("error: "))
                        }
                    };
                    wrong(at, why)
                })?)
            }
            (Kind::Text, _) => Wanted::Text(value.to_owned()),
            (Kind::Number, _) => match value.replace('_', "").parse::<f64>() {
                Ok(number) if number.is_finite() => Wanted::Number(number),
                _ => {
                    return Err(wrong(
                        at,
                        format!("`{field}` is compared with a number, not `{}`", clip(value, 40)),
                    ));
                }
            },
            (Kind::Choice(words) | Kind::Rank(words), _) => {
                if !words.contains(&value) {
                    let what = format!("`{field}` is one of {}, not `{}`", words.join(", "), clip(value, 40));
                    return Err(wrong(at, what));
                }
                match kind {
                    Kind::Rank(_) => Wanted::Number(rank(words, value)),
                    _ => Wanted::Text(value.to_owned()),
                }
            }
        };
        Ok(Self { text: text.trim().to_owned(), field, operator, wanted })
    }

    /// Whether it holds; the error is the actual value, as it may be shown.
    ///
    /// # Errors
    /// When it does not.
    pub fn check(&self, facts: &Facts) -> Result<(), String> {
        let actual = facts.get(self.field);
        let holds = match (&actual, &self.wanted) {
            (Fact::Texts(texts), Wanted::Pattern(pattern)) => {
                texts.iter().any(|text| pattern.is_match(text)) == (self.operator == Operator::Like)
            }
            (Fact::Texts(texts), Wanted::Text(wanted)) => {
                let same = if wanted.is_empty() {
                    texts.iter().all(String::is_empty)
                } else {
                    texts.iter().any(|text| text.trim() == wanted)
                };
                same == (self.operator == Operator::Equal)
            }
            (Fact::Number(number), Wanted::Number(wanted)) => match self.operator {
                Operator::Equal => (number - wanted).abs() < f64::EPSILON,
                Operator::Unequal => (number - wanted).abs() >= f64::EPSILON,
                Operator::AtLeast => number >= wanted,
                Operator::AtMost => number <= wanted,
                Operator::More => number > wanted,
                Operator::Less => number < wanted,
                Operator::Like | Operator::Unlike => false,
            },
            _ => false,
        };
        if holds { Ok(()) } else { Err(self.told(&actual)) }
    }

    fn told(&self, actual: &Fact) -> String {
        match actual {
            Fact::Unknown => "unknown".to_owned(),
            Fact::Texts(texts) if texts.iter().all(String::is_empty) => "empty".to_owned(),
            Fact::Texts(texts) => {
                let line = texts.join("; ").split_whitespace().collect::<Vec<_>>().join(" ");
                format!("`{}`", clip(&line, TOLD))
            }
            Fact::Number(number) => match FIELDS.iter().find(|(field, _)| *field == self.field) {
                Some((_, Kind::Rank(words))) => {
                    let word = words.iter().find(|word| (rank(words, word) - number).abs() < f64::EPSILON);
                    (*word.unwrap_or(&"unknown")).to_owned()
                }
                _ => number.to_string(),
            },
        }
    }
}

impl Kind {
    fn allowed(self) -> &'static [Operator] {
        use Operator::{AtLeast, AtMost, Equal, Less, Like, More, Unequal, Unlike};
        match self {
            Self::Text => &[Like, Unlike, Equal, Unequal],
            Self::Choice(_) => &[Equal, Unequal],
            Self::Number | Self::Rank(_) => &[Equal, Unequal, AtLeast, AtMost, More, Less],
        }
    }
}

fn rank(words: &[&str], wanted: &str) -> f64 {
    words.iter().zip(0u32..).find(|(word, _)| **word == wanted).map_or(-1.0, |(_, at)| f64::from(at))
}

impl Facts {
    fn get(&self, field: &str) -> Fact {
        let answer = &self.answer;
        let one = |text: &str| Fact::Texts(vec![text.to_owned()]);
        let verified = |wanted| answer.findings.iter().filter(|one| one.verified == wanted).count();
        let of_findings =
            |of: fn(&Finding) -> &String| Fact::Texts(answer.findings.iter().map(of).cloned().collect());
        match field {
            "verdict" => one(answer.verdict.word()),
            "confidence" => Fact::Number(match answer.confidence {
                Confidence::Low => 0.0,
                Confidence::Medium => 1.0,
                Confidence::High => 2.0,
            }),
            "root_cause" => one(&answer.root_cause),
            "text" => one(&answer.text),
            "fix" => Fact::Texts(answer.fix.clone()),
            "not_sure" => Fact::Texts(answer.not_sure.clone()),
            "not_checked" => Fact::Texts(
                answer.not_checked.iter().map(|one| format!("{}: {}", one.what, one.why)).collect(),
            ),
            "claims" => of_findings(|one| &one.claim),
            "quotes" => of_findings(|one| &one.quote),
            "findings" => count(answer.findings.len()),
            "findings.verified" => count(verified(true)),
            "findings.unverified" => count(verified(false)),
            "steps" => Fact::Number(f64::from(self.steps)),
            "calls" => count(self.calls),
            "tokens" => count(usize::try_from(self.tokens).unwrap_or(usize::MAX)),
            "cost" => self.cost.map_or(Fact::Unknown, Fact::Number),
            "seconds" => Fact::Number(self.seconds),
            "exit" => Fact::Number(f64::from(self.exit)),
            "model" => one(&self.model),
            _ => Fact::Unknown,
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
fn count(count: usize) -> Fact {
    Fact::Number(count as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn facts() -> Facts {
        Facts {
            answer: Answer {
                verdict: Verdict::ProblemFound,
                confidence: Confidence::Medium,
                root_cause: "Container was OOMKilled".to_owned(),
                fix: vec!["raise the limit".to_owned(), "roll back".to_owned()],
                findings: vec![Finding { verified: true, ..Finding::default() }, Finding::default()],
                ..Answer::default()
            },
            steps: 8,
            tokens: 19_999,
            exit: 0,
            ..Facts::default()
        }
    }

    #[test]
    fn what_holds_and_what_does_not_with_the_actual_value() {
        for holds in [
            "root_cause~=OOM",
            "root_cause ~= oomk.lled$",
            "verdict==problem_found",
            "verdict != no_problem",
            "confidence>=medium",
            "confidence<high",
            "findings.verified>=1",
            "findings==2",
            "tokens<20_000",
            "steps<=8",
            "fix~=^roll back$",
            "fix!~=reboot",
            "not_checked!~=metrics",
            "not_sure==",
            "exit==0",
        ] {
            assert_eq!(Assertion::parse(holds).unwrap().check(&facts()), Ok(()), "{holds}");
        }
        for (fails, actual) in [
            ("root_cause~=disk", "`Container was OOMKilled`"),
            ("confidence==high", "medium"),
            ("fix!~=limit", "`raise the limit; roll back`"),
            ("tokens<100", "19999"),
            ("cost<1", "unknown"),
            ("not_checked~=metrics", "empty"),
        ] {
            assert_eq!(Assertion::parse(fails).unwrap().check(&facts()), Err(actual.to_owned()), "{fails}");
        }
    }

    #[test]
    fn a_wrong_expression_says_where_and_what_can_stand_there() {
        for (text, column, words) in [
            ("rootcause~=x", 1, "no field `rootcause`; there are verdict"),
            ("", 1, "a field is missing"),
            (" verdict", 9, "an operator is expected"),
            ("verdict=problem_found", 8, "an operator is expected, one of !~= ~= =="),
            ("verdict~=x", 8, "`verdict` is compared by == !="),
            ("tokens<", 8, "a value is missing after `<`"),
            ("tokens<many", 8, "compared with a number, not `many`"),
            ("tokens<nan", 8, "a number"),
            ("confidence>=sure", 13, "one of low, medium, high"),
            ("fix~=(", 6, "not a regular expression: unclosed group"),
            ("fix~=(a{1,1000}){1,1000}", 6, "too large"),
        ] {
            let error = Assertion::parse(text).unwrap_err();
            assert_eq!(error.column, column, "{error}");
            assert!(error.to_string().contains(words), "{error}");
            assert!(!error.to_string().contains('\n'), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_grammar(text in "\\PC{0,60}", field in 0..FIELDS.len(), sign in 0..OPERATORS.len()) {
            let _ = Assertion::parse(&text);
            let built = format!("{}{}{text}", FIELDS[field].0, OPERATORS[sign].0);
            match Assertion::parse(&built) {
                Ok(assertion) => drop(assertion.check(&facts())),
                Err(error) => prop_assert!(error.column <= built.chars().count() + 1),
            }
        }
    }
}
