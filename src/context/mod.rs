//! What the model sees before its first answer: prompt templates, the question, what came with it.
//!
//! Nothing that changes from run to run stands before something that does not: providers cache prefixes.

use std::path::Path;

use include_dir::{Dir, include_dir};
use minijinja::{Environment, Value, context};

use crate::agent::Message;

static EMBEDDED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/prompts");

const SYSTEM: &str = "system.md.jinja";
const QUESTION: &str = "question.md.jinja";
const FOLLOW_UP: &str = "follow_up.md.jinja";
const SUMMARY: &str = "summary.md.jinja";
const REACT: &str = "react.md.jinja";

/// Characters of the question that a fast model is told.
const LONGEST_QUESTION: usize = 500;

/// A prompt that cannot be used, with its place.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    #[error("prompt {path} cannot be read: {source}")]
    Unreadable { path: String, source: std::io::Error },
    #[error("prompt {path}:{line}: {message}")]
    Template { path: String, line: usize, message: String },
}

/// What the prompts say besides their own words.
#[derive(Debug, Clone, Default)]
pub struct Opening<'a> {
    pub question: &'a str,
    /// Wall-clock time as people write it.
    pub now: &'a str,
    /// The machine the tools run on; empty when unknown.
    pub host: &'a str,
    /// Fences this run's exhibits.
    pub marker: &'a str,
    /// Views of attached files and piped text.
    pub attachments: &'a [String],
    /// The runbook that matches.
    pub guidance: Option<Guidance<'a>>,
    /// `llm_instructions` of the usable toolsets, rendered.
    pub instructions: &'a [String],
    /// `--system-prompt-additions`.
    pub additions: &'a str,
}

/// A runbook's text: what its team advises, which is no evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guidance<'a> {
    pub name: &'a str,
    /// How it was found to match.
    pub why: &'a str,
    pub text: &'a str,
}

/// The prompt templates: those of `folder` where it has them, else the embedded ones.
#[derive(Debug)]
pub struct Prompts {
    environment: Environment<'static>,
}

impl Prompts {
    /// Reads the templates; `folder` may not exist.
    ///
    /// # Errors
    /// A file that cannot be read or does not parse.
    pub fn load(folder: Option<&Path>) -> Result<Self, PromptError> {
        let mut environment = Environment::new();
        for name in [SYSTEM, QUESTION, FOLLOW_UP, SUMMARY, REACT] {
            let own = folder.map(|folder| folder.join(name)).filter(|path| path.is_file());
            let (path, text) = match own {
                Some(path) => {
                    let shown = path.display().to_string();
                    let text = std::fs::read_to_string(&path)
                        .map_err(|source| PromptError::Unreadable { path: shown.clone(), source })?;
                    (shown, text)
                }
                None => (name.to_owned(), embedded(name).to_owned()),
            };
            environment.add_template_owned(name, text).map_err(|error| in_template(&path, &error))?;
        }
        Ok(Self { environment })
    }

    /// The first messages of a transcript.
    ///
    /// # Errors
    /// A template that cannot be rendered.
    pub fn open(&self, opening: &Opening<'_>) -> Result<Vec<Message>, PromptError> {
        let system = self.render(
            SYSTEM,
            context! { instructions => Value::from(opening.instructions.to_vec()), additions => opening.additions },
        )?;
        let question = self.asked(QUESTION, opening)?;
        Ok(vec![Message::System { text: system }, Message::User { text: question }])
    }

    /// The message of another question in the same run. `first` where nothing else is left of what was asked before: then
    /// it says what the first message says.
    ///
    /// # Errors
    /// A template that cannot be rendered.
    pub fn follow_up(&self, opening: &Opening<'_>, first: bool) -> Result<String, PromptError> {
        self.asked(if first { QUESTION } else { FOLLOW_UP }, opening)
    }

    fn asked(&self, template: &str, opening: &Opening<'_>) -> Result<String, PromptError> {
        self.render(
            template,
            context! {
                question => opening.question,
                now => opening.now,
                host => opening.host,
                marker => opening.marker,
                attachments => Value::from(opening.attachments.to_vec()),
                runbook => opening.guidance.map_or_else(Value::default, |guidance| {
                    context! { name => guidance.name, why => guidance.why, text => guidance.text }
                }),
            },
        )
    }

    /// The system message for a summary of one output; `prompt` is what its toolset's author wants.
    ///
    /// # Errors
    /// A template that cannot be rendered.
    pub fn summary(&self, prompt: Option<&str>, question: &str) -> Result<String, PromptError> {
        let question: String = question.chars().take(LONGEST_QUESTION).collect();
        self.render(SUMMARY, context! { prompt => prompt.unwrap_or_default().trim(), question => question })
    }

    /// What explains tool calls in plain text to a model that knows no other; `tools` stands where the tools are
    /// filled in.
    ///
    /// # Errors
    /// A template that cannot be rendered.
    pub fn protocol(&self, tools: &str) -> Result<String, PromptError> {
        self.render(REACT, context! { tools => tools })
    }

    fn render(&self, name: &str, values: Value) -> Result<String, PromptError> {
        let template = self.environment.get_template(name).map_err(|error| in_template(name, &error))?;
        template.render(values).map_err(|error| in_template(name, &error))
    }
}

fn embedded(name: &str) -> &'static str {
    EMBEDDED.get_file(name).and_then(include_dir::File::contents_utf8).unwrap_or_default()
}

fn in_template(path: &str, error: &minijinja::Error) -> PromptError {
    PromptError::Template {
        path: path.to_owned(),
        line: error.line().unwrap_or(1),
        message: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evidence::tokens;

    fn open(folder: Option<&Path>, opening: &Opening<'_>) -> Vec<Message> {
        Prompts::load(folder).unwrap().open(opening).unwrap()
    }

    #[test]
    fn the_system_prompt_is_short_and_the_same_for_every_question() {
        let one = open(None, &Opening { question: "a", marker: "m1", ..Opening::default() });
        let other = open(None, &Opening { question: "b", marker: "m2", ..Opening::default() });
        assert_eq!(one[0], other[0]);
        let Message::System { text } = &one[0] else { panic!("system first") };
        assert!(tokens::estimate(text) < 500, "{}", tokens::estimate(text));
    }

    #[test]
    fn a_question_is_never_read_as_a_template() {
        let messages = open(None, &Opening { question: "{{ now }} {% raw", ..Opening::default() });
        let Message::User { text } = &messages[1] else { panic!("user second") };
        assert!(text.starts_with("{{ now }} {% raw\n"), "{text}");
    }

    #[test]
    fn a_summary_is_asked_for_in_our_words_or_the_authors_never_as_a_template() {
        let prompts = Prompts::load(None).unwrap();
        let ours = prompts.summary(None, "why is {{ it }} red?").unwrap();
        assert!(ours.contains("200 words") && ours.ends_with("investigated: why is {{ it }} red?"), "{ours}");
        let own = prompts.summary(Some(" Count {{ x }} {% if "), "").unwrap();
        assert!(own.ends_with("\n\nCount {{ x }} {% if") && !own.contains("200 words"), "{own}");
        assert!(prompts.summary(None, &"x".repeat(100_000)).unwrap().len() < 3_000);
    }

    #[test]
    fn a_file_of_the_folder_takes_the_place_of_the_embedded_one() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(SYSTEM), "Mine. {{ additions }}").unwrap();
        let messages = open(Some(folder.path()), &Opening { additions: "More.", ..Opening::default() });
        assert_eq!(messages[0], Message::System { text: "Mine. More.".to_owned() });
        std::fs::write(folder.path().join(SYSTEM), "a\n{{ broken").unwrap();
        let error = Prompts::load(Some(folder.path())).unwrap_err().to_string();
        assert!(error.contains("system.md.jinja:2: "), "{error}");
    }
}
