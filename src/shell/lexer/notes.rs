//! What a scan met, for `survey`: commands, keywords and redirections, with their places.

use std::collections::BTreeSet;
use std::ops::Range;

use super::super::operands::Word;
use super::super::survey;
use super::{End, Item, Printed, Scan, scan};

/// What was met.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct Notes {
    pub(in super::super) commands: Vec<Met>,
    /// Pipelines, and the keywords before their first command.
    pub(in super::super) keywords: Vec<(usize, String)>,
    pub(in super::super) redirections: Vec<Redirected>,
}

#[derive(Debug, Clone)]
pub(in super::super) struct Met {
    pub(in super::super) words: Vec<Word>,
    pub(in super::super) pipeline: usize,
}

#[derive(Debug, Clone)]
pub(in super::super) struct Redirected {
    pub(in super::super) operator: String,
    pub(in super::super) target: Word,
    pub(in super::super) pipeline: usize,
    pub(in super::super) body: Option<String>,
}

/// Walks `items` and tells what is there; where the walk ends early, what was there by then.
pub(in super::super) fn notes(items: &[Item], values: &[Printed]) -> Notes {
    let environment = BTreeSet::new();
    let mut scan = scan(items, values, &environment, true);
    scan.notes = Some(Notes::default());
    // A refusal is no matter here: values are judged elsewhere.
    let _ = scan.list(End::Text);
    scan.notes.unwrap_or_default()
}

impl Word {
    /// As `survey` shows it: `offset` finds a place in the template, `shown` what stands for a value. Every
    /// value was walked as one character.
    pub(in super::super) fn noted(
        &self,
        offset: impl Fn(usize) -> usize,
        shown: impl Fn(usize) -> String,
    ) -> survey::Word {
        let mut text = self.text.clone();
        for held in self.values.iter().rev() {
            if let Some(at) = held.at.filter(|at| text.is_char_boundary(*at) && text.is_char_boundary(at + 1))
            {
                text.replace_range(at..=at, &shown(held.index));
            }
        }
        survey::Word {
            text,
            at: offset(self.begin),
            quoted: self.quoted,
            computed: !self.values.is_empty() || !self.variables.is_empty() || self.substituted,
            variables: self.variables.clone(),
        }
    }
}

impl Scan<'_> {
    pub(super) fn note_command(&mut self, words: &[Word], pipeline: usize) {
        if let Some(notes) = &mut self.notes
            && !words.is_empty()
        {
            notes.commands.push(Met { words: words.to_vec(), pipeline });
        }
    }

    pub(super) fn note_keyword(&mut self, word: &Word, pipeline: usize) {
        if let Some(notes) = &mut self.notes {
            notes.keywords.push((pipeline, word.text.clone()));
        }
    }

    pub(super) fn note_redirection(&mut self, operator: &str, target: &Word, pipeline: usize) {
        if let Some(notes) = &mut self.notes {
            let operator = operator.to_owned();
            notes.redirections.push(Redirected { operator, target: target.clone(), pipeline, body: None });
        }
    }

    /// The body of a here-document that began at `begin`.
    pub(super) fn note_body(&mut self, pipeline: usize, begin: usize) {
        let body = self.author(begin..self.at);
        let documents = self.notes.iter_mut().flat_map(|notes| notes.redirections.iter_mut());
        for document in documents.filter(|one| one.operator == "<<" && one.pipeline == pipeline) {
            if document.body.is_none() {
                document.body = Some(body);
                return;
            }
        }
    }

    /// The author's own text of a range of items.
    pub(super) fn author(&self, range: Range<usize>) -> String {
        let items = self.items.get(range).unwrap_or_default();
        items.iter().filter_map(|item| if let Item::Char(c) = item { Some(*c) } else { None }).collect()
    }
}
