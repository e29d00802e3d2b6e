//! The rule book: rules and probes as data, read from YAML, checked before they are used.
//!
//! What a rule means stands in `rules/README.md`; this file only reads it. Patterns of the embedded book
//! are compiled when first needed (a test compiles them all), those of users at once, so that a typo is
//! an error with its place and not a rule that never fires.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use include_dir::{Dir, include_dir};
use regex::bytes::{Captures, Regex, RegexBuilder};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::config::embedded;
use crate::config::yaml::{self, Document, Node, YamlError};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/rules");

/// Why a rule file cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    #[error(transparent)]
    Unreadable(#[from] YamlError),
    #[error("{place}: rule `{rule}`: `{field}` is not a regular expression: {reason}")]
    Pattern { place: String, rule: String, field: &'static str, reason: String },
    #[error("{place}: rule `{rule}`: `{field}` is not a template: {reason}")]
    Template { place: String, rule: String, field: &'static str, reason: String },
}

/// Everything the rules engine knows.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) rules: Vec<Rule>,
    pub(super) probes: Vec<Probe>,
    /// Lines of logs that only look like trouble.
    pub(super) harmless: Vec<Pattern>,
}

/// How one cause, symptom or good sign is recognised on one line of an exhibit.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_excessive_bools)] // each is an independent word of the YAML
pub(super) struct Rule {
    pub(super) id: String,
    /// Tool names; `log` stands for every exhibit of running text, `attached` for what came with the question.
    pub(super) on: Vec<String>,
    /// What questions it answers: `disk`, `load`, `memory`, … (a probe's `area` has the same words).
    #[serde(default)]
    pub(super) area: Vec<String>,
    /// The line must stand below a heading `== …` that begins so.
    #[serde(default)]
    pub(super) section: Option<String>,
    #[serde(rename = "match")]
    pub(super) pattern: Pattern,
    #[serde(default)]
    pub(super) unless: Option<Pattern>,
    /// An expression over the captures that must be true.
    #[serde(default)]
    pub(super) when: Option<String>,
    /// What the line is about (unit, pod, file); found from the line and the call where not said.
    #[serde(default)]
    pub(super) scope: Option<String>,
    pub(super) cause: String,
    #[serde(default)]
    pub(super) fix: Vec<String>,
    /// 0 to 100: how likely this is what an engineer wants to hear first.
    #[serde(default)]
    pub(super) rank: u32,
    #[serde(default)]
    pub(super) confidence: Confidence,
    /// Says that something is broken, not why.
    #[serde(default)]
    pub(super) symptom: bool,
    /// Worth a mention, never a root cause.
    #[serde(default)]
    pub(super) weak: bool,
    /// An expression over the captures: where it is true the match is weak, unless the question names its scope.
    #[serde(default)]
    pub(super) minor: Option<String>,
    /// A good sign, shown when no problem was found.
    #[serde(default)]
    pub(super) healthy: bool,
    /// No trouble by itself: told with the problem of the same workload (a rollout before it crashed).
    #[serde(default)]
    pub(super) background: bool,
    /// Ids of rules whose matches follow from this one.
    #[serde(default)]
    pub(super) explains: Vec<String>,
    /// Lines needed before it counts.
    #[serde(default = "one")]
    pub(super) at_least: usize,
    /// Which of several lines is quoted.
    #[serde(default)]
    pub(super) take: Take,
    /// Counts however old the line's time stamp is.
    #[serde(default)]
    pub(super) any_age: bool,
    /// A later line of the same thing that shows that the trouble is over.
    #[serde(default)]
    pub(super) over: Option<Pattern>,
    /// Speaks only of lines that no other rule describes; lines of one shape are counted together.
    #[serde(default)]
    pub(super) catch_all: bool,
    /// Counts also on lines that call themselves information; `harmless` does not hold it back.
    #[serde(default)]
    pub(super) any_level: bool,
    /// What to look at next.
    #[serde(default)]
    pub(super) follow: Vec<Call>,
}

/// What to look at first when the question reads a certain way.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Probe {
    pub(super) asked: Pattern,
    #[serde(default)]
    pub(super) when: Option<String>,
    /// What the question is about: matches of rules with one of these areas answer it, all others are asides.
    #[serde(default)]
    pub(super) area: Vec<String>,
    /// Used when no other probe fits, or when those found nothing.
    #[serde(default)]
    pub(super) fallback: bool,
    pub(super) calls: Vec<Call>,
}

/// A tool call with templates for its arguments; it is not made when one of them renders to nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Call {
    pub(super) tool: String,
    #[serde(default)]
    pub(super) arguments: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Confidence {
    Low,
    #[default]
    Medium,
    High,
}

impl Confidence {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Take {
    First,
    #[default]
    Last,
    /// The last of one stack trace: below it nothing caused anything.
    Innermost,
}

/// A regular expression that is compiled when first asked.
#[derive(Debug, Clone, Deserialize)]
#[serde(from = "String")]
pub(super) struct Pattern {
    text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }
}

impl Pattern {
    /// `None` when the text is no regular expression; `check` has said so before.
    pub(super) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| compile(&self.text).ok()).as_ref()
    }

    pub(super) fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text.as_bytes()))
    }

    fn check(&self) -> Result<(), String> {
        match compile(&self.text) {
            Ok(regex) => {
                let _ = self.compiled.set(Some(regex));
                Ok(())
            }
            // The last line says what is wrong; those before draw the pattern.
            Err(error) => Err(error
                .to_string()
                .lines()
                .last()
                .unwrap_or_default()
                .trim_start_matches("error: ")
                .to_owned()),
        }
    }
}

/// Over bytes and with ASCII classes: the tables of Unicode make a pattern ten times dearer to compile.
/// A pattern that needs them gets them.
fn compile(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).unicode(false).build().or_else(|_| Regex::new(text))
}

/// The named groups that took part, as text without the white space around it.
pub(super) fn named(regex: &Regex, captures: &Captures<'_>) -> Map<String, Value> {
    let names = regex.capture_names().flatten();
    names
        .filter_map(|name| {
            let text = String::from_utf8_lossy(captures.name(name)?.as_bytes());
            // A group that ends inside a character loses it.
            let text = text.trim_matches('\u{fffd}').trim();
            Some((name.to_owned(), Value::String(text.to_owned())))
        })
        .collect()
}

fn one() -> usize {
    1
}

#[derive(Debug, Default)]
struct File {
    rules: Vec<Rule>,
    probes: Vec<Probe>,
    harmless: Vec<Pattern>,
}

impl Book {
    /// The embedded book and then `extra` texts, each with the place it came from.
    /// A rule with an id that is already known replaces the earlier one.
    pub(super) fn open(extra: &[(&str, String)]) -> Result<Self, RuleError> {
        let mut book = Self::default();
        let mut files: Vec<_> = EMBEDDED
            .files()
            .filter(|file| file.path().extension().is_some_and(|end| end == "yaml"))
            .collect();
        files.sort_by_key(|file| file.path());
        for file in files {
            let place = format!("rules/{}", file.path().display());
            let document = embedded::document(&place, file.contents_utf8().unwrap_or_default())?;
            book.add(read(&document)?);
        }
        for (place, text) in extra {
            let file = read(&yaml::parse(text, place)?)?;
            check(place, &file)?;
            book.add(file);
        }
        Ok(book)
    }

    /// Compiles every pattern and template of the embedded book.
    #[cfg(test)]
    pub(super) fn check_embedded() -> Result<(), RuleError> {
        for file in EMBEDDED.files() {
            if file.path().extension().is_some_and(|end| end == "yaml") {
                let place = file.path().display().to_string();
                let text = file.contents_utf8().unwrap_or_default();
                check(&place, &read(&yaml::parse(text, &place)?)?)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, file: File) {
        for rule in file.rules {
            match self.rules.iter_mut().find(|known| known.id == rule.id) {
                Some(known) => *known = rule,
                None => self.rules.push(rule),
            }
        }
        self.probes.extend(file.probes);
        self.harmless.extend(file.harmless);
    }
}

fn read(document: &Document) -> Result<File, RuleError> {
    let mut file = File::default();
    for entry in document.node.entries()? {
        let items = entry.value.items();
        match entry.key.as_str() {
            "rules" => file.rules = all(items?)?,
            "probes" => file.probes = all(items?)?,
            "harmless" => file.harmless = all(items?)?,
            other => {
                return Err(entry
                    .error(format!("unknown key `{other}`; a rule file has `rules`, `probes`, `harmless`"))
                    .into());
            }
        }
    }
    Ok(file)
}

/// Each item on its own, so that an error points at the one that is wrong.
fn all<T: DeserializeOwned>(items: &[Node]) -> Result<Vec<T>, RuleError> {
    items
        .iter()
        .map(|item| {
            serde_json::from_value(item.to_json()).map_err(|error| item.error(error.to_string()).into())
        })
        .collect()
}

fn check(place: &str, file: &File) -> Result<(), RuleError> {
    let environment = minijinja::Environment::new();
    let pattern = |rule: &str, field, pattern: &Pattern| {
        pattern.check().map_err(|reason| RuleError::Pattern {
            place: place.to_owned(),
            rule: rule.to_owned(),
            field,
            reason,
        })
    };
    let template = |rule: &str, field, text: &str, expression: bool| {
        let result = if expression {
            environment.compile_expression(text).map(|_| ())
        } else {
            environment.template_from_str(text).map(|_| ())
        };
        result.map_err(|error| RuleError::Template {
            place: place.to_owned(),
            rule: rule.to_owned(),
            field,
            reason: error.to_string(),
        })
    };
    for rule in &file.rules {
        pattern(&rule.id, "match", &rule.pattern)?;
        if let Some(unless) = &rule.unless {
            pattern(&rule.id, "unless", unless)?;
        }
        if let Some(when) = &rule.when {
            template(&rule.id, "when", when, true)?;
        }
        if let Some(minor) = &rule.minor {
            template(&rule.id, "minor", minor, true)?;
        }
        template(&rule.id, "cause", &rule.cause, false)?;
        for text in &rule.fix {
            template(&rule.id, "fix", text, false)?;
        }
        for text in rule.scope.iter().chain(arguments(&rule.follow)) {
            template(&rule.id, "scope or follow", text, false)?;
        }
    }
    for probe in &file.probes {
        pattern("(probe)", "asked", &probe.asked)?;
        if let Some(when) = &probe.when {
            template("(probe)", "when", when, true)?;
        }
        for text in arguments(&probe.calls) {
            template("(probe)", "calls", text, false)?;
        }
    }
    for harmless in &file.harmless {
        pattern("(harmless)", "harmless", harmless)?;
    }
    Ok(())
}

fn arguments(calls: &[Call]) -> impl Iterator<Item = &String> {
    calls.iter().flat_map(|call| call.arguments.values())
}
