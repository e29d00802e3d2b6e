//! `/save` and `/export`: the last answer, or the whole session, as a file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::Session;
use super::words::{at_home, split};
use crate::cli::failure::{Exit, Failure, io};
use crate::evidence::view::size;
use crate::sink::{self, Investigation};
use crate::ui::{Choice, prompt, sanitize};

const FORMS: &str = "html, md or json";

impl Session {
    pub(super) async fn save(&mut self, arguments: &str) -> Result<(), Failure> {
        let Some(path) = self.path(arguments)? else {
            self.say("where to? `/save answer.md`; .md, .html, .json or .txt");
            return Ok(());
        };
        let Some(last) = self.turns.last() else {
            self.say("there is no answer yet");
            return Ok(());
        };
        let redact = |text: &str| self.run.store.shown(text);
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let text = match ending.as_deref() {
            Some("txt") => redact(&sink::to_text(&last.answer)) + "\n",
            Some(ending) => {
                let Some(text) = rendered(last, ending, &redact) else {
                    let shown = sanitize(ending).into_owned();
                    let failure = Failure::new(Exit::Usage, format!("no form is known by `.{shown}`"));
                    return Err(failure.hint(".md, .html, .json or .txt"));
                };
                text
            }
            None => {
                return Err(Failure::new(
                    Exit::Usage,
                    "the ending of the file says the form, and it has none",
                )
                .hint(".md, .html, .json or .txt"));
            }
        };
        self.write(&path, &text).await
    }

    pub(super) async fn export(&mut self, arguments: &str) -> Result<(), Failure> {
        let (form, rest) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
        let form = match form.to_lowercase().as_str() {
            "" => {
                self.say(&format!("in which form? `/export html`; {FORMS}"));
                return Ok(());
            }
            "html" => "html",
            "md" | "markdown" => "md",
            "json" => "json",
            other => {
                let shown = sanitize(other).into_owned();
                return Err(
                    Failure::new(Exit::Usage, format!("no report has the form `{shown}`")).hint(FORMS)
                );
            }
        };
        let path = match self.path(rest)? {
            Some(path) => path,
            None => PathBuf::from(format!("holmes-run-{}.{form}", self.run.id)),
        };
        let all: Vec<&Investigation> = self.turns.answers().collect();
        let Some(whole) = whole(&all, &|text| self.run.store.shown(text)) else {
            self.say("there is no answer yet");
            return Ok(());
        };
        let redact = |text: &str| self.run.store.shown(text);
        let whole = Investigation { exhibits: self.run.store.exhibits().to_vec(), ..whole };
        let text = rendered(&whole, form, &redact).unwrap_or_default();
        self.write(&path, &text).await
    }

    /// The one path of a command line.
    fn path(&self, arguments: &str) -> Result<Option<PathBuf>, Failure> {
        let words = split(arguments);
        match words.as_slice() {
            [] => Ok(None),
            [(word, literal)] => {
                let home = self.context.environment.get("HOME");
                Ok(Some(if *literal { PathBuf::from(word) } else { at_home(word, home) }))
            }
            _ => Err(Failure::new(Exit::Usage, "one file is written at a time")
                .hint("quotes hold blanks together")),
        }
    }

    /// A file that is there is replaced only when the person says so.
    async fn write(&mut self, path: &Path, text: &str) -> Result<(), Failure> {
        let shown = sanitize(&path.display().to_string()).into_owned();
        if path.is_file() {
            let question = format!("`{shown}` is there already");
            let choices = [('y', "replace it"), ('n', "leave it")];
            let choice = prompt::choose(&[question], &choices, None).await;
            if choice.map_err(io("the terminal cannot be read"))? != Choice::Key('y') {
                self.say("not written");
                return Ok(());
            }
        }
        sink::write_file(path, text.as_bytes()).map_err(|error| Failure::new(Exit::RunTime, error))?;
        self.say(&format!("written: {shown}, {}", size(text.len() as u64)));
        Ok(())
    }
}

fn rendered(run: &Investigation, form: &str, redact: sink::Redact<'_>) -> Option<String> {
    Some(match form {
        "md" | "markdown" => sanitize(&sink::to_markdown_report(run, redact)).into_owned(),
        "html" | "htm" => sink::to_html(run, redact),
        "json" => format!("{:#}\n", sink::to_json(run, redact)),
        _ => return None,
    })
}

/// All questions as one: the last conclusion counts, the text holds every question with its answer, and what any of them cites is
/// cited. Scripts find the answers one by one below `metadata.turns`.
fn whole(all: &[&Investigation], redact: sink::Redact<'_>) -> Option<Investigation> {
    let (first, last) = (all.first()?, all.last()?);
    let mut whole = Investigation { question: first.question.clone(), ..(*last).clone() };
    if all.len() == 1 {
        return Some(whole);
    }
    whole.started_at.clone_from(&first.started_at);
    whole.duration_seconds = all.iter().map(|one| one.duration_seconds).sum();
    whole.answer.text = String::new();
    whole.answer.findings = Vec::new();
    let mut turns = Vec::new();
    for (number, one) in all.iter().enumerate() {
        let question = one.question.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = sink::to_text(&one.answer);
        let _ = write!(whole.answer.text, "## {}. {question}\n\n{}\n\n", number + 1, text.trim_end());
        for finding in &one.answer.findings {
            if !whole.answer.findings.contains(finding) {
                whole.answer.findings.push(finding.clone());
            }
        }
        let mut turn = sink::to_json(one, redact);
        let mut kept = serde_json::Map::new();
        for key in [
            "question",
            "result",
            "verdict",
            "root_cause",
            "evidence",
            "fix",
            "confidence",
            "not_checked",
            "model",
            "started_at",
            "duration_seconds",
        ] {
            if let Some(value) = turn.get_mut(key) {
                kept.insert(key.to_owned(), value.take());
            }
        }
        turns.push(serde_json::Value::Object(kept));
    }
    whole.metadata.insert("turns".to_owned(), json!(turns));
    Some(whole)
}
