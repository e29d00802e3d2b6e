//! What people wrote down for the next time: read in the forms they have it in, found by what an alert or a
//! question says, with steps that can be run without a model.
//!
//! It runs nothing and decides nothing: who asks gets texts, tool calls and why they fit. A wrong runbook is worse than
//! none, so everything that is found says by what, and weak likeness finds nothing.

mod builtin;
mod catalogue;
mod file;
mod find;
mod front;
mod older;
mod read;
mod shelf;
mod steps;
#[cfg(test)]
mod tests;
mod walk;
mod words;

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::path::PathBuf;

use regex::{Regex, RegexBuilder};
use serde::Serialize;
use serde_json::{Map, Value};

pub use file::MOST_BYTES;
pub use find::{Found, Query};
pub use shelf::{Shelf, Sources};
pub use steps::{LABELS, VARIABLES, steps_for, variables, variables_of};

/// One runbook, whatever form it was written in.
#[derive(Debug, Clone, Default)]
pub struct Runbook {
    /// Lower case, words joined by `-`.
    pub name: String,
    /// One line.
    pub description: String,
    /// Markdown, without the front-matter.
    pub text: String,
    /// Names of alerts, or globs of them; case does not count.
    pub alerts: Vec<String>,
    /// Labels and globs of their values: all must fit.
    pub labels: BTreeMap<String, String>,
    /// HolmesGPT's older `match`: all that are given must fit.
    pub matches: Matches,
    /// Over the alert's name, its annotations and the question.
    pub pattern: Option<Pattern>,
    /// Terms for the search by text that the name and the description do not have.
    pub words: Vec<String>,
    pub steps: Vec<Step>,
    /// The file, or `builtin`'s name of it; a line where a file holds several.
    pub place: String,
    pub origin: Origin,
    /// Further files of a skill, relative to its folder, with `/`.
    pub files: Vec<String>,
    /// Where [`Runbook::files`] are.
    pub folder: Option<PathBuf>,
    /// How a catalogue calls it: a path or an address. An address is not fetched.
    pub link: Option<String>,
    /// When a catalogue says it was last changed, as written.
    pub updated: Option<String>,
}

/// Patterns of HolmesGPT's older form. As there, each begins where the text begins.
#[derive(Debug, Clone, Default)]
pub struct Matches {
    pub issue_name: Option<Pattern>,
    pub issue_id: Option<Pattern>,
    pub source: Option<Pattern>,
}

/// A tool call that a runbook names; its texts may hold `{{ variable }}`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Step {
    pub tool: String,
    pub arguments: Map<String, Value>,
    /// Variables that must be known, besides those it uses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<String>,
    /// `file:line:column`.
    #[serde(skip)]
    pub place: String,
}

/// Who wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// Part of the binary.
    #[default]
    Builtin,
    /// From a file of the user.
    Custom,
}

impl Origin {
    pub fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
            Self::Custom => "custom",
        }
    }
}

/// A regular expression that knows how it was written. Compiling is bounded; matching takes linear time.
///
/// Every run compiles those of the binary to match a few short texts, so a matcher stands first that compiles in a
/// tenth of the time and has no tables of Unicode. Over ASCII both mean the same; other texts get the full one.
#[derive(Debug, Clone)]
pub struct Pattern {
    written: String,
    from_start: bool,
    /// `None`: it needs the tables, as `\p{Greek}` does.
    plain: Option<regex_lite::Regex>,
    /// Made when first needed; `None`: too large with the tables.
    full: OnceCell<Option<Regex>>,
}

/// Bytes a compiled pattern may take.
const LARGEST_PATTERN: usize = 1 << 20;

impl Pattern {
    /// `from_start`: it must fit from the first character on, as Python's `re.match`.
    ///
    /// # Errors
    /// In words, for what is no regular expression or too large a one.
    pub fn new(written: &str, from_start: bool) -> Result<Self, String> {
        let mut pattern =
            Self { written: written.to_owned(), from_start, plain: None, full: OnceCell::new() };
        let mut builder = regex_lite::RegexBuilder::new(&pattern.whole());
        pattern.plain = builder.case_insensitive(!from_start).size_limit(LARGEST_PATTERN).build().ok();
        if pattern.plain.is_none() {
            let full = pattern.compiled().map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => "is too large a regular expression".to_owned(),
                _ if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| written.contains(look)) => {
                    "is a regular expression that looks around (`(?=`, `(?!`), which cannot be used here: write the names out"
                        .to_owned()
                }
                _ => "is not a regular expression".to_owned(),
            })?;
            pattern.full = OnceCell::from(Some(full));
        }
        Ok(pattern)
    }

    pub fn fits(&self, text: &str) -> bool {
        match &self.plain {
            Some(plain) if text.is_ascii() => plain.is_match(text),
            plain => match (self.full.get_or_init(|| self.compiled().ok()), plain) {
                (Some(full), _) => full.is_match(text),
                (None, Some(plain)) => plain.is_match(text),
                (None, None) => false,
            },
        }
    }

    fn compiled(&self) -> Result<Regex, regex::Error> {
        let mut builder = RegexBuilder::new(&self.whole());
        builder.case_insensitive(!self.from_start).size_limit(LARGEST_PATTERN).build()
    }

    fn whole(&self) -> String {
        if self.from_start { format!("^(?:{})", self.written) } else { self.written.clone() }
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Matches {
    pub fn is_empty(&self) -> bool {
        self.issue_name.is_none() && self.issue_id.is_none() && self.source.is_none()
    }

    /// Key and pattern of those that are given.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &Pattern)> {
        [("issue_name", &self.issue_name), ("issue_id", &self.issue_id), ("source", &self.source)]
            .into_iter()
            .filter_map(|(key, pattern)| Some((key, pattern.as_ref()?)))
    }
}

impl Runbook {
    /// The text as it is handed on: what it is, the text, its calls, its further files.
    pub fn rendered(&self) -> String {
        let mut out = format!("# {}\n", self.name);
        if !self.description.is_empty() {
            let _ = write!(out, "\n{}\n", self.description);
        }
        if let Some(link) = self.link.as_ref().filter(|link| is_address(link)) {
            let _ = write!(out, "\nThe text is at {link}.\n");
        }
        if !self.text.trim().is_empty() {
            let _ = write!(out, "\n{}\n", self.text.trim());
        }
        if !self.steps.is_empty() {
            out += "\n## Calls\n\n";
            for step in &self.steps {
                let _ = writeln!(out, "- `{} {}`", step.tool, Value::Object(step.arguments.clone()));
            }
        }
        if !self.files.is_empty() {
            out += "\n## Further files\n\n";
            for file in &self.files {
                let _ = writeln!(out, "- {}/{file}", self.name);
            }
        }
        out
    }

    /// How it is found other than by text, for people.
    pub fn found_by(&self) -> Vec<String> {
        let mut by = self.alerts.clone();
        by.extend(self.labels.iter().map(|(label, glob)| format!("{label}={glob}")));
        by.extend(self.matches.given().map(|(key, pattern)| format!("{key} /{pattern}/")));
        by.extend(self.pattern.iter().map(|pattern| format!("/{pattern}/")));
        by
    }
}

/// A name as all are written: `Pod_Crash loop` is `pod-crash-loop`.
fn normal(name: &str) -> String {
    let parts = name.split(|c: char| c.is_whitespace() || c == '_' || c == '-');
    let parts: Vec<String> = parts.filter(|part| !part.is_empty()).map(str::to_lowercase).collect();
    parts.join("-")
}

fn is_address(link: &str) -> bool {
    link.starts_with("http://") || link.starts_with("https://")
}

/// The first line with words, in at most `most` characters.
fn first_line(text: &str, most: usize) -> String {
    let line =
        text.lines().map(str::trim).find(|line| line.chars().any(char::is_alphanumeric)).unwrap_or_default();
    let line = line.trim_start_matches(['#', '*', '-', '>', ' ']).trim();
    match line.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line.to_owned(),
    }
}
