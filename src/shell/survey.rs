//! What a command's template would run, without running or rendering it: its simple commands, its
//! redirections, and the placeholders whose values would be refused where they stand.
//!
//! For `toolset lint`. It walks text with the very scanner that renders commands, so what it says about a place
//! is what a call would be told there. It knows no program's options and no tool.

mod branches;

use std::collections::BTreeSet;

use super::lexer::{self, Item, Printed};
use super::shebang;
use branches::{Piece, pieces, variants};

/// Placeholders of one template that are looked at: each costs a walk.
const PLACEHOLDERS: usize = 200;

/// What stands in a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Survey {
    /// Simple commands, those of substitutions before the command they are part of.
    pub commands: Vec<Command>,
    pub redirections: Vec<Redirection>,
    pub hazards: Vec<Hazard>,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// Assignments before the program are among them.
    pub words: Vec<Word>,
    /// `while`, `until`, `if`, … before it.
    pub keywords: Vec<String>,
    /// Commands of one number are joined by `|`.
    pub pipeline: usize,
}

/// A word without its quotes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Word {
    /// Placeholders in it are as `{{ x }}`.
    pub text: String,
    /// Where it begins in the template, in bytes.
    pub at: usize,
    pub quoted: bool,
    /// It is made of a value, a variable or another command's output, in part or whole.
    pub computed: bool,
    /// It begins with a variable of this name.
    pub variables: Vec<String>,
}

/// `>file`, `2>>file`, `<<<word`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirection {
    /// `>`, `>>`, `<`, `>&`, `<<`, …
    pub operator: String,
    pub target: Word,
    pub pipeline: usize,
    /// Of a here-document.
    pub body: Option<String>,
}

/// A placeholder that cannot take every value where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hazard {
    /// Where it begins in the template, in bytes.
    pub at: usize,
    /// What it prints, as written.
    pub expression: String,
    /// `in a jq program`.
    pub place: String,
    /// The safe spelling.
    pub remedy: String,
}

/// Looks at every branch of `source`. `sample` gives a value that an expression may print.
pub fn survey(source: &str, sample: impl Fn(&str) -> String) -> Survey {
    let mut survey = Survey::default();
    if shebang::interpreter(source).is_some() {
        // No shell reads it.
        return survey;
    }
    let pieces = pieces(source);
    let mut hazards = BTreeSet::new();
    for branch in 0..variants(&pieces) {
        let mut text = Text::default();
        text.take(&pieces, branch);
        let harmless: Vec<Printed> = text.expressions.iter().map(|_| printed("7")).collect();
        let noted = lexer::notes(&text.items, &harmless);
        let shown = |index: usize| {
            text.expressions.get(index).map_or_else(String::new, |(_, one)| format!("{{{{ {one} }}}}"))
        };
        let offset = |at: usize| text.offsets.get(at).copied().unwrap_or(source.len());
        // Of later branches only what the first did not have.
        let known: BTreeSet<usize> =
            survey.commands.iter().filter_map(|command| command.words.first()).map(|word| word.at).collect();
        let pipelines = survey.commands.iter().map(|one| one.pipeline + 1).max().unwrap_or_default();
        let pipelines =
            pipelines.max(survey.redirections.iter().map(|one| one.pipeline + 1).max().unwrap_or(0));
        for command in noted.commands {
            let words: Vec<Word> = command.words.iter().map(|word| word.noted(offset, shown)).collect();
            let keywords = noted.keywords.iter().filter(|(pipeline, _)| *pipeline == command.pipeline);
            let keywords = keywords.map(|(_, keyword)| keyword.clone()).collect();
            let command = Command { words, keywords, pipeline: pipelines + command.pipeline };
            let new = command.words.first().is_some_and(|word| !known.contains(&word.at));
            if new || !survey.commands.iter().any(|other| other.words == command.words) {
                survey.commands.push(command);
            }
        }
        for redirection in noted.redirections {
            let target = redirection.target.noted(offset, shown);
            if !survey.redirections.iter().any(|other| other.target == target) {
                survey.redirections.push(Redirection {
                    operator: redirection.operator,
                    target,
                    pipeline: pipelines + redirection.pipeline,
                    body: redirection.body,
                });
            }
        }
        for (index, (at, expression)) in text.expressions.iter().enumerate().take(PLACEHOLDERS) {
            let mut values = harmless.clone();
            if let Some(value) = values.get_mut(index) {
                *value = printed(&sample(expression));
            }
            if let Err(refusal) = lexer::place(&text.items, &values, &BTreeSet::new(), true)
                && refusal.value == index
            {
                let place = refusal.place;
                let remedy = refusal.remedy.replace("{{ x }}", &format!("{{{{ {expression} }}}}"));
                hazards.insert(Hazard { at: *at, expression: expression.clone(), place, remedy });
            }
        }
    }
    survey.hazards = hazards.into_iter().collect();
    survey
}

fn printed(text: &str) -> Printed {
    Printed { text: text.to_owned(), shown: text.to_owned(), number: false }
}

/// One branch's text, as the scanner reads it.
#[derive(Default)]
struct Text {
    items: Vec<Item>,
    /// Of each item in the template.
    offsets: Vec<usize>,
    expressions: Vec<(usize, String)>,
}

impl Text {
    fn take(&mut self, pieces: &[Piece<'_>], branch: usize) {
        for piece in pieces {
            match piece {
                Piece::Text { at, text } => {
                    for (offset, c) in text.char_indices() {
                        self.items.push(Item::Char(c));
                        self.offsets.push(at + offset);
                    }
                }
                Piece::Print { at, expression } => self.print(*at, expression, branch),
                Piece::Choice(choices) => {
                    // A choice with fewer branches than others stays at its last.
                    if let Some(chosen) = choices.get(branch.min(choices.len().saturating_sub(1))) {
                        self.take(chosen, branch);
                    }
                }
            }
        }
    }

    /// A literal of the author's is text, anything else a value.
    fn print(&mut self, at: usize, expression: &str, branch: usize) {
        let literals = branches::literals(expression);
        if let (Some(first), Some(last)) = (literals.first(), literals.last()) {
            let literal = if branch == 0 { first } else { last };
            for c in literal.chars() {
                self.items.push(Item::Char(c));
                self.offsets.push(at);
            }
            if !expression.contains(['~', '+']) {
                return;
            }
        }
        self.items.push(Item::Value(self.expressions.len()));
        self.offsets.push(at);
        self.expressions.push((at, expression.to_owned()));
    }
}
