//! Walks shell text that holds placeholders and puts a reference to the environment where each one stands.
//!
//! No value is ever written into the text that runs: only `${HOLMES_ARG_n}`, quoted for its place. So a place
//! taken for another costs a wrong split at worst, never a command. What the scan must get right is which
//! references a second interpreter would read (`eval`, `sh -c`, arithmetic): `operands` judges those.
//! This is no shell parser: text that bash would refuse is passed on for bash to refuse.

mod documents;
mod expansions;
mod nested;
mod notes;
mod programs;
mod quotes;

use std::collections::{BTreeMap, BTreeSet};

use super::operands::{self, Language, Word};
use super::quoting;
use notes::Notes;
pub(super) use notes::notes;

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
        self.text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b))
    }

    pub(super) fn is_integer(&self) -> bool {
        let digits = self.text.strip_prefix('-').unwrap_or(&self.text);
        !digits.is_empty() && digits.len() < 19 && digits.bytes().all(|b| b.is_ascii_digit())
    }
}

/// A value that must not stand where it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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
    let mut scan = scan(items, values, environment, allow_options);
    scan.list(End::Text)?;
    scan.judge(0)?;
    Ok(Scanned { text: scan.text, shown: scan.shown })
}

fn scan<'a>(
    items: &'a [Item],
    values: &'a [Printed],
    environment: &'a BTreeSet<String>,
    allow_options: bool,
) -> Scan<'a> {
    Scan {
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
        partial: BTreeSet::new(),
        leading: BTreeMap::new(),
        read: BTreeSet::new(),
        operands: Vec::new(),
        written: Vec::new(),
        run: Vec::new(),
        pipelines: Vec::new(),
        programs: Vec::new(),
        functions: false,
        sets_arguments: false,
        calls: Vec::new(),
        named: BTreeSet::new(),
        nested: Vec::new(),
        files: Vec::new(),
        seen: Vec::new(),
        expanded: Vec::new(),
        passes: None,
        counts: false,
        notes: None,
    }
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
    /// Variables with what they hold flow through it.
    dumps: bool,
    /// Values that may be in what flows through it.
    values: Vec<usize>,
    /// Who reads what flows through it as a program.
    reader: Option<Language>,
    /// Commands of it that are known.
    stages: usize,
    /// Its first command's input is redirected, from something other than another descriptor.
    input: bool,
    /// Its reader has the input of whatever is around it: any value may be in that.
    inherits: bool,
    /// Its reader makes words for another program of it; `Some(true)`: at blanks.
    words: Option<bool>,
    /// Its commands print nothing.
    silent: bool,
}

/// A word that its program could take for an option.
struct Operand {
    /// Name of the program, which may be a function of the script.
    program: String,
    values: Vec<usize>,
    variables: Vec<String>,
    split: Vec<String>,
}

/// Text that another interpreter reads.
struct Program {
    language: Language,
    /// With the program's text up to the value; `None`: not known.
    values: Vec<(usize, Option<String>)>,
    variables: Vec<String>,
    /// The output of commands is in it.
    output: bool,
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
    assigned: BTreeMap<String, BTreeSet<usize>>,
    /// Variables that were set to more than one whole value or a text of the author.
    partial: BTreeSet<String>,
    /// Those of them that may begin what the variable holds.
    leading: BTreeMap<String, BTreeSet<usize>>,
    /// Variables that are read from an input.
    read: BTreeSet<String>,
    operands: Vec<Operand>,
    /// Files that are written, and files that are run.
    written: Vec<Word>,
    run: Vec<(Word, Language)>,
    pipelines: Vec<Pipeline>,
    programs: Vec<Program>,
    functions: bool,
    /// `set --` somewhere: arguments may be anything.
    sets_arguments: bool,
    /// Commands with words that a value may begin: what functions get as their arguments is in them.
    calls: Vec<Vec<Word>>,
    /// Names of functions.
    named: BTreeSet<String>,
    /// Shells that are given a program and its arguments.
    nested: Vec<nested::Nested>,
    /// Words that their program could take for the name of a file.
    files: Vec<(operands::Prefix, Operand)>,
    seen: Vec<usize>,
    /// Names that the shell expands, in order.
    expanded: Vec<String>,
    /// Whether the first command of the list passes on what it is given.
    passes: Option<bool>,
    /// What the last command prints is a number, whatever it is given.
    counts: bool,
    /// What was met, where somebody asked for it.
    notes: Option<Notes>,
}

/// Names in a text that arithmetic would look up.
fn identifiers(text: &str) -> impl Iterator<Item = String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|name| name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
        .map(str::to_owned)
}

/// Inside `[[ … ]]`.
fn conditional(words: &[Word]) -> bool {
    words.first().is_some_and(|word| !word.quoted && word.text == "[[")
        && words.last().is_some_and(|word| word.quoted || word.text != "]]")
}

/// Where `((` is arithmetic: instead of a command, or after `for`.
fn begins(words: &[Word]) -> bool {
    match words {
        [] => true,
        [word] => !word.quoted && word.text == "for",
        _ => false,
    }
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

    fn refuse<T>(index: usize, place: &str, remedy: &str) -> Scanning<T> {
        Err(Refusal { value: index, place: place.to_owned(), remedy: remedy.to_owned() })
    }

    fn want(holds: bool, index: usize, place: &str, remedy: &str) -> Scanning<()> {
        if holds { Ok(()) } else { Self::refuse(index, place, remedy) }
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
            Self::want(self.plain(index), index, "inside backticks", "write `$(…)` instead of backticks")?;
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
        self.value(index).map(|value| value.shown.clone()).unwrap_or_default()
    }

    fn text_of(&self, index: usize) -> String {
        self.value(index).map(|value| value.text.clone()).unwrap_or_default()
    }

    fn deeper(&mut self, run: impl FnOnce(&mut Self) -> Scanning<()>) -> Scanning<()> {
        if self.depth >= DEEPEST {
            // Nothing below is looked at: no value may be there.
            let rest = self.items.get(self.at..).unwrap_or_default();
            if let Some(Item::Value(index)) = rest.iter().find(|item| matches!(item, Item::Value(_))) {
                return Self::refuse(*index, "inside too many levels of nesting", "flatten the command");
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
    #[allow(
        clippy::too_many_lines,
        reason = "one state machine: its states are told apart by what stands before"
    )]
    fn list(&mut self, end: End) -> Scanning<()> {
        let mut words: Vec<Word> = Vec::new();
        let mut pipeline = self.pipeline();
        let mut cases = 0_usize;
        // Between `in` or `;;` and the `)` of a `case`: no command begins there.
        let mut patterns = false;
        let first_seen = self.seen.len();
        loop {
            let Some(item) = self.peek(0) else {
                self.finish(&mut words, pipeline);
                return Ok(());
            };
            match item {
                Item::Char(' ' | '\t') => self.copy(1),
                Item::Char('(' | '|') if patterns => self.copy(1),
                Item::Char(')') if patterns => {
                    words.clear();
                    patterns = false;
                    self.copy(1);
                }
                Item::Char(';') if cases > 0 && (self.is(1, ';') || self.is(1, '&')) => {
                    self.finish(&mut words, pipeline);
                    pipeline = self.pipeline();
                    self.copy(if self.is(2, '&') { 3 } else { 2 });
                    patterns = true;
                }
                // Operators of a condition: no command begins after them.
                Item::Char('&' | '|' | '(' | ')' | '\n') if conditional(&words) => self.copy(1),
                Item::Char('<' | '>') if conditional(&words) && !self.is(1, '(') => self.copy(1),
                Item::Char('\\') if self.is(1, '\n') => self.copy(2),
                Item::Char('#') => self.comment()?,
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
                    if words
                        .last()
                        .is_some_and(|word| ["}", "done", "fi", "esac"].contains(&word.text.as_str()))
                    {
                        let inner = self.seen.get(first_seen..).unwrap_or_default().to_vec();
                        self.flow(pipeline, &inner);
                    }
                    self.finish(&mut words, pipeline);
                    self.copy(if self.is(1, '&') { 2 } else { 1 });
                }
                Item::Char('(') if self.is(1, '(') && begins(&words) => {
                    self.copy(2);
                    self.deeper(|scan| scan.arithmetic("))"))?;
                }
                Item::Char('(') => {
                    if words.len() == 1 && self.is(1, ')') {
                        self.functions = true;
                        self.named.extend(words.drain(..).map(|word| word.text));
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
                            "esac" => {
                                cases = cases.saturating_sub(1);
                                patterns = false;
                            }
                            "function" => self.functions = true,
                            _ => {}
                        }
                    }
                    let descriptor = !word.text.is_empty()
                        && !word.quoted
                        && word.text.bytes().all(|b| b.is_ascii_digit())
                        && (self.is(0, '<') || self.is(0, '>'));
                    // `if`, `then`, `do`, `!`, `{`: a command begins after it.
                    let keyword = words.is_empty() && !word.quoted && operands::is_keyword(&word.text);
                    if keyword {
                        self.note_keyword(&word, pipeline);
                    } else if !descriptor {
                        let begins = matches!(words.as_slice(), [case, _] if case.text == "case" && !case.quoted)
                            && word.text == "in";
                        words.push(word);
                        if begins && cases > 0 {
                            self.finish(&mut words, pipeline);
                            pipeline = self.pipeline();
                            patterns = true;
                        }
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

    fn comment(&mut self) -> Scanning<()> {
        while let Some(item) = self.peek(0) {
            match item {
                Item::Char('\n') => break,
                Item::Char('`') if self.backticks > 0 => break,
                Item::Char(_) => self.copy(1),
                Item::Value(index) => {
                    Self::want(self.plain(index), index, "in a comment", "take it out of the comment")?;
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
                return Self::refuse(
                    held.index,
                    "in the end mark of a here-document",
                    "write the end mark out",
                );
            }
            self.note_redirection("<<", &word, pipeline);
            if let Some(pipeline) = self.pipelines.get_mut(pipeline) {
                pipeline.input = true;
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
        let begin = self.at;
        while matches!(self.peek(0), Some(Item::Char('<' | '>' | '&' | '|')))
            && (self.is(0, '&') || !self.is(1, '('))
        {
            self.copy(1);
        }
        while self.is(0, ' ') || self.is(0, '\t') {
            self.copy(1);
        }
        let operator = self.author(begin..self.at);
        let word = self.word(&[])?;
        self.note_redirection(operator.trim_end(), &word, pipeline);
        if input {
            let descriptor = operator.contains('&');
            if let Some(pipeline) = self.pipelines.get_mut(pipeline).filter(|_| !descriptor) {
                pipeline.input = true;
            }
            let mut values: Vec<usize> = word.values.iter().map(|held| held.index).collect();
            for name in &word.variables {
                values.extend(self.assigned.get(name).into_iter().flatten());
            }
            self.flow(pipeline, &values);
        } else {
            self.written.push(word);
        }
        Ok(())
    }

    /// One word, up to the next blank or operator.
    fn word(&mut self, before: &[Word]) -> Scanning<Word> {
        let mut word = Word { begin: self.at, ..Word::default() };
        while let Some(item) = self.peek(0) {
            match item {
                Item::Value(index) => self.bare(index, &mut word, before)?,
                Item::Char(direction @ ('<' | '>')) if self.is(1, '(') => {
                    self.copy(2);
                    let first = self.pipelines.len();
                    // The name of a pipe, whatever flows through it.
                    word.text.push_str("/dev/fd/");
                    self.substitution(&mut word)?;
                    if direction == '>' {
                        // Whatever the command prints flows in: `tee >(sh)`.
                        for pipeline in self.pipelines.iter_mut().skip(first) {
                            pipeline.inherits = true;
                        }
                    }
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
            Self::want(self.integer(index), index, "in an array subscript", "use an integer parameter")?;
        }
        let own = word.authors();
        if own.rfind('{').is_some_and(|at| {
            let inside = own.get(at + 1..).unwrap_or_default();
            inside.split_once("..").is_some_and(|(first, _)| !first.is_empty())
                || inside.is_empty() && self.is(1, '.') && self.is(2, '.')
        }) {
            let remedy = "write `$(seq 1 {{ x }})`";
            return Self::refuse(
                index,
                "in a range `{1..9}`, which the shell makes before it knows the value",
                remedy,
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
}
