//! Walks shell text that holds placeholders and puts a reference to the environment where each one stands.
//!
//! No value is ever written into the text that runs: only `${HOLMES_ARG_n}`, quoted for its place. So a place
//! taken for another costs a wrong split at worst, never a command. What the scan must get right is which
//! references a second interpreter would read (`eval`, `sh -c`, arithmetic): `operands` judges those.
//! This is no shell parser: text that bash would refuse is passed on for bash to refuse.

use std::collections::{BTreeMap, BTreeSet};

use super::operands::{self, Language, Word};
use super::quoting;

/// Shell text with placeholders, one character or placeholder at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Char(char),
    /// Number of a printed value.
    Value(usize),
}

/// A value as the template printed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Printed {
    pub(super) text: String,
    /// As people may see it: without secrets.
    pub(super) shown: String,
    /// Typed as a number: its leading `-` is a sign.
    pub(super) number: bool,
}

impl Printed {
    /// Made only of characters that no shell and no quoting treats specially.
    pub(super) fn is_plain(&self) -> bool {
        self.text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b))
    }

    pub(super) fn is_integer(&self) -> bool {
        let digits = self.text.strip_prefix('-').unwrap_or(&self.text);
        !digits.is_empty() && digits.len() < 19 && digits.bytes().all(|b| b.is_ascii_digit())
    }
}

/// A value that must not stand where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) value: usize,
    pub(super) place: String,
    pub(super) remedy: String,
}

/// What runs and what is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scanned {
    pub(super) text: String,
    pub(super) shown: String,
}

/// Deeper nesting than any command has; the scan is recursive.
const DEEPEST: usize = 60;

/// Places every value of `items`.
///
/// `environment`: names whose `$NAME` is expanded inside the author's single quotes too.
pub(super) fn place(
    items: &[Item],
    values: &[Printed],
    environment: &BTreeSet<String>,
    allow_options: bool,
) -> Result<Scanned, Refusal> {
    let mut scan = Scan {
        items,
        values,
        environment,
        allow_options,
        at: 0,
        depth: 0,
        backticks: 0,
        text: String::new(),
        shown: String::new(),
        documents: Vec::new(),
        assigned: BTreeMap::new(),
        pipelines: Vec::new(),
        programs: Vec::new(),
        functions: false,
        seen: Vec::new(),
    };
    scan.list(End::Text)?;
    scan.judge_programs()?;
    Ok(Scanned {
        text: scan.text,
        shown: scan.shown,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Text,
    Parenthesis,
    Backtick,
}

/// A here-document whose body is still to come.
struct Document {
    delimiter: String,
    quoted: bool,
    tabs: bool,
    /// Where its delimiter word stands in `Scan::text`.
    word: std::ops::Range<usize>,
    pipeline: usize,
}

/// Commands joined by `|`.
#[derive(Default)]
struct Pipeline {
    /// Values that may be in what flows through it.
    values: Vec<usize>,
    /// Who reads what flows through it as a program.
    reader: Option<Language>,
}

/// Text that another interpreter reads.
struct Program {
    language: Language,
    /// With the program's text up to the value, where known.
    values: Vec<(usize, String)>,
    variables: Vec<String>,
}

struct Scan<'a> {
    items: &'a [Item],
    values: &'a [Printed],
    environment: &'a BTreeSet<String>,
    allow_options: bool,
    at: usize,
    depth: usize,
    backticks: usize,
    text: String,
    shown: String,
    documents: Vec<Document>,
    /// Variables of the script and the values that went into them.
    assigned: BTreeMap<String, Vec<usize>>,
    pipelines: Vec<Pipeline>,
    programs: Vec<Program>,
    functions: bool,
    seen: Vec<usize>,
}

type Scanning<T> = Result<T, Refusal>;

impl Scan<'_> {
    fn peek(&self, ahead: usize) -> Option<Item> {
        self.items.get(self.at + ahead).copied()
    }

    fn is(&self, ahead: usize, c: char) -> bool {
        self.peek(ahead) == Some(Item::Char(c))
    }

    fn starts(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(n, c)| self.is(n, c))
    }

    /// The author's own text, into both.
    fn copy(&mut self, count: usize) {
        for _ in 0..count {
            if let Some(Item::Char(c)) = self.peek(0) {
                self.text.push(c);
                self.shown.push(c);
                self.at += 1;
            }
        }
    }

    fn value(&self, index: usize) -> Option<&Printed> {
        self.values.get(index)
    }

    fn refuse<T>(&self, index: usize, place: &str, remedy: &str) -> Scanning<T> {
        Err(Refusal {
            value: index,
            place: place.to_owned(),
            remedy: remedy.to_owned(),
        })
    }

    fn want(&self, holds: bool, index: usize, place: &str, remedy: &str) -> Scanning<()> {
        if holds {
            Ok(())
        } else {
            self.refuse(index, place, remedy)
        }
    }

    fn plain(&self, index: usize) -> bool {
        self.value(index).is_some_and(Printed::is_plain)
    }

    fn integer(&self, index: usize) -> bool {
        self.value(index).is_some_and(Printed::is_integer)
    }

    /// The one way a value gets into the text: by the name of its variable.
    fn reference(&mut self, index: usize, before: &str, after: &str, shown: &str) -> Scanning<()> {
        if self.backticks > 0 {
            self.want(
                self.plain(index),
                index,
                "inside backticks",
                "write `$(…)` instead of backticks",
            )?;
        }
        self.at += 1;
        self.seen.push(index);
        self.text.push_str(before);
        self.text.push_str("${HOLMES_ARG_");
        self.text.push_str(&index.to_string());
        self.text.push('}');
        self.text.push_str(after);
        self.shown.push_str(shown);
        Ok(())
    }

    fn shown_of(&self, index: usize) -> String {
        self.value(index)
            .map(|value| value.shown.clone())
            .unwrap_or_default()
    }

    fn text_of(&self, index: usize) -> String {
        self.value(index)
            .map(|value| value.text.clone())
            .unwrap_or_default()
    }

    fn deeper(&mut self, run: impl FnOnce(&mut Self) -> Scanning<()>) -> Scanning<()> {
        if self.depth >= DEEPEST {
            // Nothing below is looked at: no value may be there.
            let rest = self.items.get(self.at..).unwrap_or_default();
            if let Some(Item::Value(index)) =
                rest.iter().find(|item| matches!(item, Item::Value(_)))
            {
                return self.refuse(
                    *index,
                    "inside too many levels of nesting",
                    "flatten the command",
                );
            }
            self.copy(rest.len());
            return Ok(());
        }
        self.depth += 1;
        let done = run(self);
        self.depth -= 1;
        done
    }

    /// Commands up to `end`, which is left for the caller.
    fn list(&mut self, end: End) -> Scanning<()> {
        let mut words: Vec<Word> = Vec::new();
        let mut pipeline = self.pipeline();
        let mut cases = 0_usize;
        let first_seen = self.seen.len();
        loop {
            let Some(item) = self.peek(0) else {
                self.finish(&mut words, pipeline);
                return Ok(());
            };
            match item {
                Item::Char(' ' | '\t') => self.copy(1),
                Item::Char('\\') if self.is(1, '\n') => self.copy(2),
                Item::Char('#') => self.comment(end)?,
                Item::Char('\n') => {
                    self.finish(&mut words, pipeline);
                    pipeline = self.pipeline();
                    self.copy(1);
                    self.bodies()?;
                }
                Item::Char(';') => {
                    self.finish(&mut words, pipeline);
                    pipeline = self.pipeline();
                    self.copy(1);
                }
                Item::Char('&') if self.is(1, '>') => self.redirection(pipeline)?,
                Item::Char('&') => {
                    self.finish(&mut words, pipeline);
                    pipeline = self.pipeline();
                    self.copy(if self.is(1, '&') { 2 } else { 1 });
                }
                Item::Char('|') if self.is(1, '|') => {
                    self.finish(&mut words, pipeline);
                    pipeline = self.pipeline();
                    self.copy(2);
                }
                Item::Char('|') => {
                    // The end of a compound command: whatever was printed in it flows on.
                    if words.last().is_some_and(|word| {
                        ["}", "done", "fi", "esac"].contains(&word.text.as_str())
                    }) {
                        let inner = self.seen.get(first_seen..).unwrap_or_default().to_vec();
                        self.flow(pipeline, &inner);
                    }
                    self.finish(&mut words, pipeline);
                    self.copy(if self.is(1, '&') { 2 } else { 1 });
                }
                Item::Char('(') if self.is(1, '(') && words.is_empty() => {
                    self.copy(2);
                    self.deeper(|scan| scan.arithmetic("))"))?;
                }
                Item::Char('(') => {
                    if words.len() == 1 && self.is(1, ')') {
                        self.functions = true;
                        words.clear();
                        self.copy(2);
                        continue;
                    }
                    self.copy(1);
                    let before = self.seen.len();
                    self.deeper(|scan| scan.list(End::Parenthesis))?;
                    self.copy(usize::from(self.is(0, ')')));
                    let inner = self.seen.get(before..).unwrap_or_default().to_vec();
                    self.flow(pipeline, &inner);
                }
                Item::Char(')') if cases > 0 || end != End::Parenthesis => {
                    self.finish(&mut words, pipeline);
                    self.copy(1);
                }
                Item::Char(')') => {
                    self.finish(&mut words, pipeline);
                    return Ok(());
                }
                Item::Char('`') if self.backticks > 0 => {
                    self.finish(&mut words, pipeline);
                    return Ok(());
                }
                Item::Char('<' | '>') if !self.is(1, '(') => self.redirection(pipeline)?,
                _ => {
                    let word = self.word(&words)?;
                    if words.is_empty() && !word.quoted {
                        match word.text.as_str() {
                            "case" => cases += 1,
                            "esac" => cases = cases.saturating_sub(1),
                            "function" => self.functions = true,
                            _ => {}
                        }
                    }
                    let descriptor = !word.text.is_empty()
                        && !word.quoted
                        && word.text.bytes().all(|b| b.is_ascii_digit())
                        && (self.is(0, '<') || self.is(0, '>'));
                    // `if`, `then`, `do`, `!`, `{`: a command begins after it.
                    let keyword =
                        words.is_empty() && !word.quoted && operands::is_keyword(&word.text);
                    if !descriptor && !keyword {
                        words.push(word);
                    }
                }
            }
        }
    }

    fn pipeline(&mut self) -> usize {
        self.pipelines.push(Pipeline::default());
        self.pipelines.len() - 1
    }

    fn flow(&mut self, pipeline: usize, values: &[usize]) {
        if let Some(pipeline) = self.pipelines.get_mut(pipeline) {
            pipeline.values.extend_from_slice(values);
        }
    }

    /// The end of a simple command: remembers what of it another interpreter reads.
    fn finish(&mut self, words: &mut Vec<Word>, pipeline: usize) {
        let words = std::mem::take(words);
        for word in &words {
            if let Some(name) = word.assigns() {
                self.assign(name.to_owned(), word);
            }
        }
        let judged = operands::judge(&words);
        for (position, language) in judged.programs {
            if let Some(word) = words.get(position) {
                let values = word.values.iter().map(|held| {
                    let before = held.at.and_then(|at| word.text.get(..at));
                    (held.index, before.unwrap_or_default().to_owned())
                });
                self.programs.push(Program {
                    language,
                    values: values.collect(),
                    variables: word.variables.clone(),
                });
            }
        }
        for (name, from) in judged.assigns {
            match from.and_then(|position| words.get(position)) {
                Some(word) => self.assign(name, word),
                // `read`: whatever flows in.
                None => self
                    .assigned
                    .entry(name)
                    .or_default()
                    .extend(self.seen.iter()),
            }
        }
        if let Some(language) = judged.reads_program {
            if let Some(pipeline) = self.pipelines.get_mut(pipeline) {
                pipeline.reader = Some(language);
            }
        } else {
            for word in &words {
                let mut values: Vec<usize> = word.values.iter().map(|held| held.index).collect();
                for name in &word.variables {
                    values.extend(self.assigned.get(name).into_iter().flatten());
                }
                self.flow(pipeline, &values);
            }
        }
    }

    fn assign(&mut self, name: String, word: &Word) {
        let mut values: Vec<usize> = word.values.iter().map(|held| held.index).collect();
        for variable in &word.variables {
            values.extend(self.assigned.get(variable).into_iter().flatten());
        }
        self.assigned.entry(name).or_default().extend(values);
    }

    /// After the scan, when all assignments, functions and here-documents are known.
    fn judge_programs(&self) -> Scanning<()> {
        let flowing = self.pipelines.iter().filter_map(|pipeline| {
            let language = pipeline.reader?;
            Some(Program {
                language,
                values: pipeline
                    .values
                    .iter()
                    .map(|value| (*value, String::new()))
                    .collect(),
                variables: Vec::new(),
            })
        });
        let flowing: Vec<Program> = flowing.collect();
        for program in self.programs.iter().chain(&flowing) {
            let mut values = program.values.clone();
            for variable in &program.variables {
                let arguments =
                    variable.starts_with(|c: char| c.is_ascii_digit() || "@*".contains(c));
                let held: &[usize] = if arguments && self.functions {
                    &self.seen
                } else {
                    self.assigned
                        .get(variable)
                        .map(Vec::as_slice)
                        .unwrap_or_default()
                };
                values.extend(held.iter().map(|value| (*value, String::new())));
            }
            for (index, before) in values {
                if let Some(value) = self.value(index)
                    && !program.language.admits(value, &before)
                {
                    return self.refuse(index, program.language.place(), program.language.remedy());
                }
            }
        }
        Ok(())
    }

    fn comment(&mut self, end: End) -> Scanning<()> {
        while let Some(item) = self.peek(0) {
            match item {
                Item::Char('\n') => break,
                Item::Char('`') if self.backticks > 0 => break,
                Item::Char(_) => self.copy(1),
                Item::Value(index) => {
                    self.want(
                        self.plain(index),
                        index,
                        "in a comment",
                        "take it out of the comment",
                    )?;
                    let shown = self.shown_of(index);
                    self.shown.push_str(&shown);
                    self.at += 1;
                }
            }
        }
        Ok(())
    }

    fn redirection(&mut self, pipeline: usize) -> Scanning<()> {
        if self.starts("<<") && !self.starts("<<<") {
            self.copy(2);
            let tabs = self.is(0, '-');
            self.copy(usize::from(tabs));
            while self.is(0, ' ') || self.is(0, '\t') {
                self.copy(1);
            }
            let start = self.text.len();
            let word = self.word(&[])?;
            if let Some(held) = word.values.first() {
                return self.refuse(
                    held.index,
                    "in the end mark of a here-document",
                    "write the end mark out",
                );
            }
            self.documents.push(Document {
                delimiter: word.text,
                quoted: word.quoted,
                tabs,
                word: start..self.text.len(),
                pipeline,
            });
            return Ok(());
        }
        let input = self.is(0, '<');
        while matches!(self.peek(0), Some(Item::Char('<' | '>' | '&' | '|')))
            && !(self.is(1, '(') && !self.is(0, '&'))
        {
            self.copy(1);
        }
        while self.is(0, ' ') || self.is(0, '\t') {
            self.copy(1);
        }
        let word = self.word(&[])?;
        if input {
            let mut values: Vec<usize> = word.values.iter().map(|held| held.index).collect();
            for name in &word.variables {
                values.extend(self.assigned.get(name).into_iter().flatten());
            }
            self.flow(pipeline, &values);
        }
        Ok(())
    }

    /// One word, up to the next blank or operator.
    fn word(&mut self, before: &[Word]) -> Scanning<Word> {
        let mut word = Word::default();
        while let Some(item) = self.peek(0) {
            match item {
                Item::Value(index) => self.bare(index, &mut word, before)?,
                Item::Char('<' | '>') if self.is(1, '(') => {
                    self.copy(2);
                    self.substitution(&mut word)?;
                }
                Item::Char('(')
                    if word.text.ends_with('=') && word.assigns().is_some()
                        || word.text.ends_with(['?', '*', '+', '@', '!']) =>
                {
                    self.copy(1);
                    self.substitution(&mut word)?;
                }
                Item::Char(' ' | '\t' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>') => break,
                Item::Char('`') if self.backticks > 0 => break,
                Item::Char('`') => self.backtick(&mut word)?,
                Item::Char('\\') => self.backslash(&mut word, false)?,
                Item::Char('\'') => self.single(&mut word)?,
                Item::Char('"') => self.double(&mut word)?,
                Item::Char('$') => self.dollar(&mut word, false)?,
                Item::Char(c) => {
                    word.text.push(c);
                    self.copy(1);
                }
            }
        }
        Ok(word)
    }

    fn bare(&mut self, index: usize, word: &mut Word, before: &[Word]) -> Scanning<()> {
        let text = self.text_of(index);
        if text.is_empty() {
            self.at += 1;
            return Ok(());
        }
        let prefix = before.iter().all(|word| word.assigns().is_some());
        if prefix && word.opens_subscript() {
            self.want(
                self.integer(index),
                index,
                "in an array subscript",
                "use an integer parameter",
            )?;
        }
        let number = self.value(index).is_some_and(|value| value.number);
        let free = number || self.allow_options || operands::options_ended(before);
        if text.starts_with('-') && word.text.is_empty() && !free {
            return self.refuse(
                index,
                "as a word of its own, where a program takes it for an option",
                "send a value that does not begin with `-` (in the template: `--` before it, glue it to its option as in `--name={{ x }}`, or set `allow_options: true`)",
            );
        }
        word.hold(index, &text);
        let shown = quoting::word(&self.shown_of(index));
        if self.backticks > 0 {
            self.reference(index, "", "", &shown)
        } else {
            self.reference(index, "\"", "\"", &shown)
        }
    }

    fn backslash(&mut self, word: &mut Word, double: bool) -> Scanning<()> {
        match self.peek(1) {
            Some(Item::Value(index)) => {
                self.want(
                    self.plain(index),
                    index,
                    "after a backslash",
                    "take the backslash away",
                )?;
                self.at += 1;
                // In double quotes a backslash before a letter stays.
                if double {
                    self.text.push_str("\\\\");
                    word.text.push('\\');
                }
                self.shown.push('\\');
                word.hold(index, &self.text_of(index));
                let shown = self.shown_of(index);
                self.reference(index, "", "", &shown)?;
            }
            Some(Item::Char(c)) => {
                if c != '\n' {
                    word.text.push(c);
                }
                word.quoted = true;
                self.copy(2);
            }
            None => self.copy(1),
        }
        Ok(())
    }

    fn single(&mut self, word: &mut Word) -> Scanning<()> {
        word.quoted = true;
        self.copy(1);
        while let Some(item) = self.peek(0) {
            match item {
                Item::Char('\'') => {
                    self.copy(1);
                    return Ok(());
                }
                Item::Value(index) => {
                    word.hold(index, &self.text_of(index));
                    let shown = quoting::in_single(&self.shown_of(index));
                    let (before, after) = if self.backticks > 0 {
                        ("'", "'")
                    } else {
                        ("'\"", "\"'")
                    };
                    self.reference(index, before, after, &shown)?;
                }
                Item::Char('$') => self.single_dollar(word),
                Item::Char(c) => {
                    word.text.push(c);
                    self.copy(1);
                }
            }
        }
        Ok(())
    }

    /// `$NAME` in single quotes: HolmesGPT expands it before the shell runs, and authors rely on it.
    fn single_dollar(&mut self, word: &mut Word) {
        let braced = self.is(1, '{');
        let mut ahead = 1 + usize::from(braced);
        let mut name = String::new();
        while let Some(Item::Char(c)) = self.peek(ahead)
            && (c.is_ascii_alphanumeric() || c == '_')
        {
            name.push(c);
            ahead += 1;
        }
        if braced && !self.is(ahead, '}') || !self.environment.contains(&name) {
            word.text.push('$');
            self.copy(1);
            return;
        }
        ahead += usize::from(braced);
        self.at += ahead;
        self.text.push_str("'\"${");
        self.text.push_str(&name);
        self.text.push_str("}\"'");
        self.shown.push('$');
        if braced {
            self.shown.push('{');
        }
        self.shown.push_str(&name);
        if braced {
            self.shown.push('}');
        }
    }

    fn double(&mut self, word: &mut Word) -> Scanning<()> {
        word.quoted = true;
        self.copy(1);
        while let Some(item) = self.peek(0) {
            match item {
                Item::Char('"') => {
                    self.copy(1);
                    return Ok(());
                }
                Item::Value(index) => {
                    word.hold(index, &self.text_of(index));
                    let shown = quoting::in_double(&self.shown_of(index));
                    self.reference(index, "", "", &shown)?;
                }
                Item::Char('\\') => self.backslash(word, true)?,
                Item::Char('$') => self.dollar(word, true)?,
                Item::Char('`') if self.backticks > 0 => return Ok(()),
                Item::Char('`') => self.backtick(word)?,
                Item::Char(c) => {
                    word.text.push(c);
                    self.copy(1);
                }
            }
        }
        Ok(())
    }

    /// After an opening parenthesis: commands up to the closing one.
    fn substitution(&mut self, word: &mut Word) -> Scanning<()> {
        word.quoted = true;
        let before = self.seen.len();
        self.deeper(|scan| scan.list(End::Parenthesis))?;
        self.copy(usize::from(self.is(0, ')')));
        word.hold_inner(self.seen.get(before..).unwrap_or_default());
        Ok(())
    }

    fn backtick(&mut self, word: &mut Word) -> Scanning<()> {
        word.quoted = true;
        self.copy(1);
        let before = self.seen.len();
        self.backticks += 1;
        let done = self.deeper(|scan| scan.list(End::Backtick));
        self.backticks -= 1;
        done?;
        self.copy(usize::from(self.is(0, '`')));
        word.hold_inner(self.seen.get(before..).unwrap_or_default());
        Ok(())
    }

    fn dollar(&mut self, word: &mut Word, double: bool) -> Scanning<()> {
        match self.peek(1) {
            Some(Item::Value(index)) => self.refuse(
                index,
                "after a `$`, where it would name a variable",
                "write the name out",
            ),
            Some(Item::Char('(')) if self.is(2, '(') => {
                word.quoted = true;
                self.copy(3);
                let before = self.seen.len();
                self.deeper(|scan| scan.arithmetic("))"))?;
                word.hold_inner(self.seen.get(before..).unwrap_or_default());
                Ok(())
            }
            Some(Item::Char('(')) => {
                self.copy(2);
                self.substitution(word)
            }
            Some(Item::Char('[')) => {
                self.copy(2);
                self.deeper(|scan| scan.arithmetic("]"))
            }
            Some(Item::Char('{')) => {
                self.copy(2);
                self.expansion(word, double)
            }
            Some(Item::Char('\'')) if !double => self.ansi(word),
            Some(Item::Char('"')) if !double => {
                self.copy(1);
                self.double(word)
            }
            _ => {
                self.copy(1);
                word.text.push('$');
                let mut name = String::new();
                while let Some(Item::Char(c)) = self.peek(0) {
                    let more = if name.is_empty() {
                        c.is_ascii_alphanumeric() || "_@*".contains(c)
                    } else {
                        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                            && (c.is_ascii_alphanumeric() || c == '_')
                    };
                    if !more {
                        break;
                    }
                    name.push(c);
                    word.text.push(c);
                    self.copy(1);
                }
                if !name.is_empty() {
                    word.variables.push(name);
                }
                Ok(())
            }
        }
    }

    /// `$'…'`.
    fn ansi(&mut self, word: &mut Word) -> Scanning<()> {
        word.quoted = true;
        self.copy(2);
        while let Some(item) = self.peek(0) {
            match item {
                Item::Char('\'') => {
                    self.copy(1);
                    return Ok(());
                }
                Item::Char('\\') => match self.peek(1) {
                    Some(Item::Value(index)) => {
                        return self.refuse(index, "after a backslash", "take the backslash away");
                    }
                    _ => {
                        self.copy(2);
                        word.text.push('?');
                    }
                },
                Item::Value(index) => {
                    word.hold(index, &self.text_of(index));
                    let shown = quoting::in_single(&self.shown_of(index));
                    self.reference(index, "'\"", "\"$'", &shown)?;
                }
                Item::Char(c) => {
                    word.text.push(c);
                    self.copy(1);
                }
            }
        }
        Ok(())
    }

    /// After `${`: a value may only be the word of `:-`, `:=`, `:+`, `:?`, or an integer.
    fn expansion(&mut self, word: &mut Word, double: bool) -> Scanning<()> {
        word.quoted = true;
        let mut head = String::new();
        let mut name = None;
        while let Some(item) = self.peek(0) {
            if name.is_none()
                && !matches!(item, Item::Char(c) if c.is_ascii_alphanumeric() || "_!#@*".contains(c))
            {
                let found = head.trim_start_matches(['!', '#']).to_owned();
                name = Some(found.len());
                word.variables.push(found);
            }
            match item {
                Item::Char('}') => {
                    self.copy(1);
                    return Ok(());
                }
                Item::Value(index) => {
                    let rest = name.and_then(|len| head.get(len..)).unwrap_or_default();
                    let default = rest
                        .trim_start_matches(':')
                        .starts_with(['-', '=', '+', '?']);
                    self.want(
                        default || (self.integer(index) && rest.starts_with(':')),
                        index,
                        "inside `${…}`",
                        "use it outside the braces",
                    )?;
                    word.hold_inner(&[index]);
                    let shown = quoting::in_double(&self.shown_of(index));
                    let quote = if double || !default || self.backticks > 0 {
                        ""
                    } else {
                        "\""
                    };
                    self.reference(index, quote, quote, &shown)?;
                }
                Item::Char('\\') => self.backslash(&mut Word::default(), double)?,
                Item::Char('\'') if !double => self.inner(word, Self::single)?,
                Item::Char('"') => self.inner(word, Self::double)?,
                Item::Char('`') if self.backticks > 0 => return Ok(()),
                Item::Char('`') => self.backtick(word)?,
                Item::Char('$') => {
                    let before = self.seen.len();
                    let mut inner = Word::default();
                    self.deeper(|scan| scan.dollar(&mut inner, double))?;
                    word.variables.append(&mut inner.variables);
                    word.hold_inner(self.seen.get(before..).unwrap_or_default());
                }
                Item::Char(c) => {
                    head.push(c);
                    self.copy(1);
                }
            }
        }
        Ok(())
    }

    /// A quoted part inside an expansion: its values belong to the word, its text does not.
    fn inner(
        &mut self,
        word: &mut Word,
        part: fn(&mut Self, &mut Word) -> Scanning<()>,
    ) -> Scanning<()> {
        let mut inner = Word::default();
        let before = self.seen.len();
        self.deeper(|scan| part(scan, &mut inner))?;
        word.variables.append(&mut inner.variables);
        word.hold_inner(self.seen.get(before..).unwrap_or_default());
        Ok(())
    }

    /// Arithmetic evaluates what variables hold, again and again: only integers may be there.
    fn arithmetic(&mut self, close: &str) -> Scanning<()> {
        let mut nested = 0_usize;
        let mut names = Word::default();
        let mut name = String::new();
        while let Some(item) = self.peek(0) {
            if !matches!(item, Item::Char(c) if c.is_ascii_alphanumeric() || c == '_')
                && !name.is_empty()
            {
                names.variables.push(std::mem::take(&mut name));
            }
            match item {
                Item::Char(_) if nested == 0 && self.starts(close) => {
                    self.copy(close.len());
                    break;
                }
                Item::Value(index) => {
                    self.want(
                        self.integer(index),
                        index,
                        "in arithmetic",
                        "use an integer parameter",
                    )?;
                    let shown = self.shown_of(index);
                    self.reference(index, "", "", &shown)?;
                }
                Item::Char('$') => self.deeper(|scan| scan.dollar(&mut names, true))?,
                Item::Char('`') if self.backticks == 0 => self.backtick(&mut names)?,
                Item::Char(c) => {
                    match c {
                        '(' | '[' => nested += 1,
                        ')' | ']' => nested = nested.saturating_sub(1),
                        _ if c.is_ascii_alphanumeric() || c == '_' => name.push(c),
                        _ => {}
                    }
                    self.copy(1);
                }
            }
        }
        self.programs.push(Program {
            language: Language::Arithmetic,
            values: names
                .values
                .iter()
                .map(|held| (held.index, String::new()))
                .collect(),
            variables: names.variables,
        });
        Ok(())
    }

    /// After a line feed: the bodies of the here-documents begun on the line before.
    fn bodies(&mut self) -> Scanning<()> {
        for document in std::mem::take(&mut self.documents) {
            let before = self.seen.len();
            if document.quoted {
                self.quoted_body(&document)?;
            } else {
                let mut word = Word::default();
                self.body(&document, &mut word)?;
                for name in &word.variables {
                    let held = self.assigned.get(name).cloned().unwrap_or_default();
                    self.flow(document.pipeline, &held);
                }
            }
            let values = self.seen.get(before..).unwrap_or_default().to_vec();
            self.flow(document.pipeline, &values);
        }
        Ok(())
    }

    /// Whether the end mark stands here on a line of its own; its length.
    fn ends_here(&self, document: &Document) -> Option<usize> {
        let mut ahead = 0;
        while document.tabs && self.is(ahead, '\t') {
            ahead += 1;
        }
        for c in document.delimiter.chars() {
            if !self.is(ahead, c) {
                return None;
            }
            ahead += 1;
        }
        matches!(self.peek(ahead), None | Some(Item::Char('\n'))).then_some(ahead)
    }

    fn body(&mut self, document: &Document, word: &mut Word) -> Scanning<()> {
        let mut line_start = true;
        while let Some(item) = self.peek(0) {
            if line_start && let Some(length) = self.ends_here(document) {
                self.copy(length);
                return Ok(());
            }
            line_start = item == Item::Char('\n');
            match item {
                Item::Value(index) => {
                    let shown = quoting::in_double(&self.shown_of(index));
                    self.reference(index, "", "", &shown)?;
                }
                Item::Char('\\') => self.backslash(word, true)?,
                Item::Char('$') => self.dollar(word, true)?,
                Item::Char('`') if self.backticks == 0 => self.backtick(word)?,
                Item::Char(_) => self.copy(1),
            }
        }
        Ok(())
    }

    /// The shell expands nothing in it. With a plain value it becomes an expanding one whose own text is escaped.
    fn quoted_body(&mut self, document: &Document) -> Scanning<()> {
        let start = self.text.len();
        let mut escaped = String::new();
        let mut holds = false;
        let mut line_start = true;
        while let Some(item) = self.peek(0) {
            let end = line_start.then(|| self.ends_here(document)).flatten();
            line_start = item == Item::Char('\n');
            match (item, end) {
                (_, Some(length)) => {
                    let from = self.text.len();
                    self.copy(length);
                    escaped.push_str(self.text.get(from..).unwrap_or_default());
                    break;
                }
                (Item::Value(index), None) => {
                    let rewritable = document
                        .delimiter
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'_')
                        && !document.delimiter.is_empty();
                    self.want(
                        rewritable && self.plain(index),
                        index,
                        "in a here-document with a quoted end mark",
                        "take the quotes off the end mark (`<<EOF`)",
                    )?;
                    holds = true;
                    let from = self.text.len();
                    let shown = self.shown_of(index);
                    self.reference(index, "", "", &shown)?;
                    escaped.push_str(self.text.get(from..).unwrap_or_default());
                }
                (Item::Char(c), None) => {
                    if matches!(c, '\\' | '$' | '`') {
                        escaped.push('\\');
                    }
                    escaped.push(c);
                    self.copy(1);
                }
            }
        }
        if holds {
            self.text.truncate(start);
            self.text.push_str(&escaped);
            // Of the same length, so that nothing moves.
            let width = document.word.len();
            let bare = format!("{:<width$}", document.delimiter);
            self.text.replace_range(document.word.clone(), &bare);
        }
        Ok(())
    }
}
