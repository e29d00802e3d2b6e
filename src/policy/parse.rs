//! Every simple command of a line of bash, however deep it stands: in pipelines, groups, loops, substitutions, here-documents.
//!
//! It does not have to agree with bash in everything. What it finds plain must be plain to bash as well, since that
//! runs as it was read; what it does not understand it says so of, and what it did find until there still counts.

mod feeds;
mod words;

use super::word::{Doubt, Word};

/// Characters of a command line that are looked at, and how deep constructs may stand in each other.
pub(super) const LONGEST: usize = 64 * 1024;
const DEEPEST: usize = 40;

/// A command line, taken apart.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub commands: Vec<Simple>,
    /// The pipelines of the line itself, each with what joins it to the one before.
    pub steps: Vec<(Joint, Vec<usize>)>,
    /// The first construct that only a shell can run.
    pub needs_shell: Option<String>,
    /// What is not understood.
    pub unclear: Option<String>,
    /// Functions that are defined somewhere in it.
    pub functions: Vec<String>,
}

/// What stands between two pipelines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Joint {
    Then,
    And,
    Or,
}

/// One simple command. Redirections of a compound command are one without words.
#[derive(Debug, Default)]
pub(super) struct Simple {
    pub written: String,
    pub assignments: Vec<(String, Word)>,
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
    /// Its input is what another command or a text of the line says, not a file and not nothing.
    pub fed: bool,
}

/// One redirection.
#[derive(Debug)]
pub(super) struct Redirect {
    /// `2` of `2>&1`, `{name}` as written.
    pub descriptor: Option<String>,
    pub operator: &'static str,
    pub target: Word,
}

/// Takes `text` apart. Never fails: what is wrong is part of the answer.
pub(super) fn parse(text: &str, depth: usize) -> Parsed {
    let mut parser =
        Parser { chars: text.chars().collect(), at: 0, depth, documents: Vec::new(), out: Parsed::default() };
    match parser.list(&[], None) {
        Ok(steps) => {
            if parser.at < parser.chars.len() {
                let found: String = parser.rest().chars().take(20).collect();
                parser.out.unclear.get_or_insert(format!("unexpected `{found}`"));
            } else if !parser.documents.is_empty() {
                parser.out.unclear.get_or_insert("a here-document without its end".to_owned());
            }
            parser.out.steps = steps;
        }
        Err(construct) => {
            parser.out.unclear.get_or_insert(construct);
        }
    }
    parser.out
}

type Parse<T> = Result<T, String>;

struct Document {
    end: String,
    strip: bool,
    literal: bool,
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    depth: usize,
    /// Here-documents whose text begins after the next line feed.
    documents: Vec<Document>,
    out: Parsed,
}

const RESERVED: &[&str] = &[
    "if", "then", "elif", "else", "fi", "for", "in", "do", "done", "while", "until", "case", "esac",
    "select", "function", "time", "{", "}", "!", "[[", "coproc",
];

const OPERATORS: &[&str] = &["&>>", "&>", "<<<", "<<-", "<<", "<>", "<&", "<", ">>", ">&", ">|", ">"];

impl Parser {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn peek_at(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn looks_at(&self, text: &str) -> bool {
        text.chars().enumerate().all(|(ahead, c)| self.peek_at(ahead) == Some(c))
    }

    fn rest(&self) -> String {
        self.chars.get(self.at..).unwrap_or_default().iter().collect()
    }

    fn slice(&self, from: usize, to: usize) -> String {
        self.chars.get(from..to).unwrap_or_default().iter().collect()
    }

    fn shell(&mut self, construct: &str) {
        self.out.needs_shell.get_or_insert_with(|| construct.to_owned());
    }

    fn deeper<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth >= DEEPEST {
            return Err(format!("constructs inside each other more than {DEEPEST} deep"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    /// Blanks and continued lines.
    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t') => self.at += 1,
                Some('\\') if self.peek_at(1) == Some('\n') => {
                    self.shell("a continued line");
                    self.at += 2;
                }
                _ => return,
            }
        }
    }

    fn comment(&mut self) {
        if self.peek() == Some('#') {
            while self.peek().is_some_and(|c| c != '\n') {
                self.at += 1;
            }
        }
    }

    /// Blanks, comments and line feeds, with the here-documents behind those.
    fn lines(&mut self) -> Parse<()> {
        loop {
            self.blanks();
            self.comment();
            if self.peek() != Some('\n') {
                return Ok(());
            }
            self.at += 1;
            self.bodies()?;
        }
    }

    fn bodies(&mut self) -> Parse<()> {
        for document in std::mem::take(&mut self.documents) {
            let mut body = String::new();
            let mut closed = false;
            while self.at < self.chars.len() {
                let start = self.at;
                while self.peek().is_some_and(|c| c != '\n') {
                    self.at += 1;
                }
                let line = self.slice(start, self.at);
                self.at = (self.at + 1).min(self.chars.len());
                let line = if document.strip { line.trim_start_matches('\t') } else { line.as_str() };
                if line == document.end {
                    closed = true;
                    break;
                }
                body.push_str(line);
                body.push('\n');
            }
            if !closed {
                return Err("a here-document without its end".to_owned());
            }
            if !document.literal {
                self.inside(&body, |inner| inner.double(&mut Word::default(), None))?;
            }
        }
        Ok(())
    }

    /// Reads another text as part of this line.
    fn inside<T>(&mut self, text: &str, read: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        self.deeper(|this| {
            let chars = std::mem::replace(&mut this.chars, text.chars().collect());
            let at = std::mem::replace(&mut this.at, 0);
            let documents = std::mem::take(&mut this.documents);
            let result = read(this);
            let result = match result {
                Ok(_) if !this.documents.is_empty() => Err("a here-document without its end".to_owned()),
                other => other,
            };
            this.chars = chars;
            this.at = at;
            this.documents = documents;
            result
        })
    }

    /// The reserved word that stands here whole and unquoted.
    fn reserved(&self) -> Option<&'static str> {
        RESERVED
            .iter()
            .copied()
            .find(|word| self.looks_at(word) && self.peek_at(word.chars().count()).is_none_or(is_meta))
    }

    /// Pipelines until a word of `ends`, the character `close` or the end of the text; that stays unread.
    fn list(&mut self, ends: &[&str], close: Option<char>) -> Parse<Vec<(Joint, Vec<usize>)>> {
        self.deeper(|this| {
            let mut steps = Vec::new();
            let mut joint = Joint::Then;
            let mut open = false;
            loop {
                this.lines()?;
                let ended = match this.peek() {
                    None => true,
                    Some(c) if Some(c) == close => true,
                    Some(';') if this.looks_at(";;") || this.looks_at(";&") => true,
                    _ => this.reserved().is_some_and(|word| ends.contains(&word)),
                };
                if ended {
                    return if open {
                        Err("`&&`, `||` or `|` with nothing behind it".to_owned())
                    } else {
                        Ok(steps)
                    };
                }
                let pipeline = this.pipeline()?;
                steps.push((joint, pipeline));
                this.blanks();
                this.comment();
                (joint, open) = if this.looks_at("&&") {
                    this.at += 2;
                    (Joint::And, true)
                } else if this.looks_at("||") {
                    this.at += 2;
                    (Joint::Or, true)
                } else {
                    match this.peek() {
                        Some(';') if !this.looks_at(";;") && !this.looks_at(";&") => this.at += 1,
                        Some('&') => {
                            this.shell("a job in the background (`&`)");
                            this.at += 1;
                        }
                        None | Some('\n') => {}
                        Some(c) if Some(c) == close => {}
                        Some(';') if !ends.is_empty() => {}
                        Some(_) => match this.reserved() {
                            // A group or loop that ends may be followed by the end of the one around it.
                            Some(word) if ends.contains(&word) => {}
                            _ => {
                                let found: String = this.rest().chars().take(20).collect();
                                return Err(match found.as_str() {
                                    "" => "it ends too early".to_owned(),
                                    found => format!("unexpected `{found}`"),
                                });
                            }
                        },
                    }
                    (Joint::Then, false)
                };
            }
        })
    }

    fn pipeline(&mut self) -> Parse<Vec<usize>> {
        loop {
            self.blanks();
            match self.reserved() {
                Some("!") => {
                    self.shell("a negated pipeline (`!`)");
                    self.at += 1;
                }
                Some("time") => {
                    self.shell("`time` of bash");
                    self.at += 4;
                    self.blanks();
                    if self.looks_at("-p") && self.peek_at(2).is_none_or(is_meta) {
                        self.at += 2;
                    }
                }
                _ => break,
            }
        }
        let mut stages = Vec::new();
        let mut before: Option<usize> = None;
        loop {
            let from = self.out.commands.len();
            let at = self.command()?;
            if before.is_some_and(|before| !self.says_nothing(before, from)) {
                self.feed(from);
            }
            before = Some(from);
            stages.extend(at);
            self.blanks();
            if self.peek() == Some('|') && self.peek_at(1) != Some('|') {
                self.at += 1;
                if self.peek() == Some('&') {
                    self.shell("`|&`");
                    self.at += 1;
                }
                self.lines()?;
            } else {
                return Ok(stages);
            }
        }
    }

    fn expect(&mut self, word: &str) -> Parse<()> {
        self.lines()?;
        if self.reserved() == Some(RESERVED.iter().copied().find(|one| *one == word).unwrap_or_default()) {
            self.at += word.chars().count();
            return Ok(());
        }
        Err(format!("a construct of bash that misses its `{word}`"))
    }

    fn close(&mut self, close: char) -> Parse<()> {
        if self.peek() == Some(close) {
            self.at += 1;
            return Ok(());
        }
        Err(format!("a construct of bash that misses its `{close}`"))
    }

    /// One command; the number of a simple one, `None` for a compound one.
    fn command(&mut self) -> Parse<Option<usize>> {
        self.blanks();
        let start = self.at;
        let from = self.out.commands.len();
        if self.peek() == Some('(') {
            if self.looks_at("((") {
                self.shell("arithmetic `((…))`");
                self.at += 1;
                self.arithmetic(&mut Word::default())?;
            } else {
                self.shell("a subshell `(…)`");
                self.at += 1;
                self.list(&[], Some(')'))?;
                self.close(')')?;
            }
            self.trailing(start, from)?;
            return Ok(None);
        }
        let Some(word) = self.reserved() else { return self.simple() };
        self.at += word.chars().count();
        self.deeper(|this| this.compound(word))?;
        self.trailing(start, from)?;
        Ok(None)
    }

    fn compound(&mut self, word: &'static str) -> Parse<()> {
        self.shell(&format!("`{word}` of bash"));
        match word {
            "{" => {
                self.list(&["}"], None)?;
                self.expect("}")?;
            }
            "if" => {
                self.list(&["then"], None)?;
                self.expect("then")?;
                loop {
                    self.list(&["elif", "else", "fi"], None)?;
                    match self.reserved() {
                        Some("elif") => {
                            self.at += 4;
                            self.list(&["then"], None)?;
                            self.expect("then")?;
                        }
                        Some("else") => self.at += 4,
                        _ => break self.expect("fi")?,
                    }
                }
            }
            "while" | "until" => {
                self.list(&["do"], None)?;
                self.body()?;
            }
            "for" | "select" => {
                self.blanks();
                if self.looks_at("((") {
                    self.at += 1;
                    self.arithmetic(&mut Word::default())?;
                } else {
                    self.word()?;
                    self.lines()?;
                    if self.reserved() == Some("in") {
                        self.at += 2;
                        self.words_until_line()?;
                    }
                }
                self.lines()?;
                if self.peek() == Some(';') {
                    self.at += 1;
                }
                self.lines()?;
                self.body()?;
            }
            "case" => self.case()?,
            "function" => {
                self.blanks();
                let name = self.word()?;
                self.out.functions.push(name.text);
                self.blanks();
                if self.looks_at("()") {
                    self.at += 2;
                }
                self.function_body()?;
            }
            "[[" => self.condition()?,
            "coproc" => {
                self.command()?;
            }
            other => return Err(format!("`{other}` where no construct of bash begins or ends")),
        }
        Ok(())
    }

    fn body(&mut self) -> Parse<()> {
        self.expect("do")?;
        self.list(&["done"], None)?;
        self.expect("done")
    }

    fn function_body(&mut self) -> Parse<()> {
        self.lines()?;
        if self.peek() == Some('(') || self.reserved().is_some() {
            self.deeper(Self::command)?;
            return Ok(());
        }
        Err("a function without a body".to_owned())
    }

    fn words_until_line(&mut self) -> Parse<()> {
        loop {
            self.blanks();
            match self.peek() {
                None | Some(';' | '\n') => return Ok(()),
                Some('#') => self.comment(),
                Some(c) if is_meta(c) && !(matches!(c, '<' | '>') && self.peek_at(1) == Some('(')) => {
                    return Err(format!("unexpected `{c}`"));
                }
                Some(_) => {
                    self.word()?;
                }
            }
        }
    }

    fn case(&mut self) -> Parse<()> {
        self.blanks();
        self.word()?;
        self.expect("in")?;
        loop {
            self.lines()?;
            if self.reserved() == Some("esac") {
                self.at += 4;
                return Ok(());
            }
            if self.peek() == Some('(') {
                self.at += 1;
            }
            loop {
                self.blanks();
                self.word()?;
                self.blanks();
                match self.peek() {
                    Some('|') => self.at += 1,
                    Some(')') => break self.at += 1,
                    _ => return Err("a pattern of `case` without its `)`".to_owned()),
                }
            }
            self.list(&["esac"], None)?;
            for end in [";;&", ";;", ";&"] {
                if self.looks_at(end) {
                    self.at += end.len();
                    break;
                }
            }
        }
    }

    fn condition(&mut self) -> Parse<()> {
        loop {
            self.lines()?;
            match self.peek() {
                None => return Err("`[[` without its `]]`".to_owned()),
                Some(']') if self.looks_at("]]") && self.peek_at(2).is_none_or(is_meta) => {
                    self.at += 2;
                    return Ok(());
                }
                Some('<' | '>') if self.peek_at(1) != Some('(') => self.at += 1,
                Some('(' | ')' | '&' | '|' | ';') => self.at += 1,
                Some(_) => {
                    self.word()?;
                }
            }
        }
    }

    /// Redirections behind a compound command.
    fn trailing(&mut self, start: usize, from: usize) -> Parse<()> {
        let mut redirects = Vec::new();
        loop {
            self.blanks();
            match self.redirect()? {
                Some(redirect) => redirects.push(redirect),
                None => break,
            }
        }
        if !redirects.is_empty() {
            if redirects.iter().any(Redirect::feeds) {
                self.feed(from);
            }
            let written = self.slice(start, self.at);
            self.out.commands.push(Simple { written, redirects, ..Simple::default() });
        }
        Ok(())
    }

    fn redirect(&mut self) -> Parse<Option<Redirect>> {
        let start = self.at;
        let mut at = self.at;
        while self.chars.get(at).is_some_and(char::is_ascii_digit) {
            at += 1;
        }
        if at == start && self.peek() == Some('{') {
            let name = self.chars.get(at + 1..).unwrap_or_default();
            let length = name.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count();
            if length > 0 && name.get(length) == Some(&'}') {
                at += length + 2;
            }
        }
        let descriptor = (at > start).then(|| self.slice(start, at));
        self.at = at;
        let operator = OPERATORS.iter().copied().find(|operator| self.looks_at(operator));
        let Some(operator) = operator.filter(|operator| descriptor.is_none() || !operator.starts_with('&'))
        else {
            self.at = start;
            return Ok(None);
        };
        // `<(…)` and `>(…)` are words.
        if matches!(operator, "<" | ">") && self.peek_at(1) == Some('(') {
            self.at = start;
            return Ok(None);
        }
        self.at += operator.len();
        self.blanks();
        // What would be a target after `#` is a comment.
        let is_none = |c| c == '#' || is_meta(c) && !(matches!(c, '<' | '>') && self.peek_at(1) == Some('('));
        if self.peek().is_none_or(is_none) {
            return Err(format!("`{operator}` without a target"));
        }
        let target = self.word()?;
        if matches!(operator, "<<" | "<<-") {
            self.shell("a here-document");
            let mut end = target.text.clone();
            if !target.doubts.is_empty() {
                end.clone_from(&target.written);
            }
            self.documents.push(Document { end, strip: operator == "<<-", literal: target.quoted });
        } else if operator == "<<<" {
            self.shell("a here-string");
        }
        Ok(Some(Redirect { descriptor, operator, target }))
    }

    fn simple(&mut self) -> Parse<Option<usize>> {
        let start = self.at;
        let mut end = self.at;
        let mut simple = Simple::default();
        loop {
            self.blanks();
            let Some(c) = self.peek() else { break };
            if c == '#' {
                self.comment();
                break;
            }
            if let Some(redirect) = self.redirect()? {
                simple.redirects.push(redirect);
                end = self.at;
                continue;
            }
            if c == '(' {
                let only_name =
                    simple.words.len() == 1 && simple.assignments.is_empty() && simple.redirects.is_empty();
                if let (true, Some(name)) = (only_name, simple.words.first()) {
                    let name = name.text.clone();
                    self.at += 1;
                    self.blanks();
                    self.close(')')?;
                    self.shell("a function");
                    self.out.functions.push(name);
                    self.function_body()?;
                    return Ok(None);
                }
                return Err("unexpected `(`".to_owned());
            }
            if is_meta(c) && !(matches!(c, '<' | '>') && self.peek_at(1) == Some('(')) {
                break;
            }
            if simple.words.is_empty()
                && let Some(name) = self.assigned()
            {
                let value = self.assignment()?;
                simple.assignments.push((name, value));
            } else if simple.words.is_empty() && end > start && self.reserved().is_some() {
                return Err("a word of bash where a program is expected".to_owned());
            } else {
                let word = self.word()?;
                simple.words.push(word);
            }
            end = self.at;
        }
        if simple.words.is_empty() && simple.assignments.is_empty() && simple.redirects.is_empty() {
            let found: String = self.rest().chars().take(20).collect();
            return Err(format!("unexpected `{found}`"));
        }
        simple.written = self.slice(start, end);
        simple.fed = simple.redirects.iter().any(Redirect::feeds);
        self.out.commands.push(simple);
        Ok(Some(self.out.commands.len() - 1))
    }

    /// The name of `NAME=`, `NAME+=` or `NAME[…]=` here.
    fn assigned(&self) -> Option<String> {
        let rest = self.chars.get(self.at..)?;
        let length = rest.iter().take_while(|c| c.is_ascii_alphanumeric() || **c == '_').count();
        if length == 0 || rest.first()?.is_ascii_digit() {
            return None;
        }
        let mut at = length;
        if rest.get(at) == Some(&'[') {
            at += rest.get(at..)?.iter().position(|c| *c == ']')? + 1;
        }
        if rest.get(at) == Some(&'+') {
            at += 1;
        }
        (rest.get(at) == Some(&'=')).then(|| rest.iter().take(length).collect())
    }

    fn assignment(&mut self) -> Parse<Word> {
        let start = self.at;
        let array = {
            let rest = self.chars.get(self.at..).unwrap_or_default();
            rest.iter().position(|c| *c == '=').filter(|at| rest.get(at + 1) == Some(&'('))
        };
        let Some(equals) = array else { return self.word() };
        self.at += equals + 2;
        self.deeper(|this| {
            loop {
                this.lines()?;
                match this.peek() {
                    Some(')') => break this.at += 1,
                    None => return Err("a list of values without its `)`".to_owned()),
                    Some(c) if is_meta(c) => return Err(format!("unexpected `{c}`")),
                    Some(_) => {
                        this.word()?;
                    }
                }
            }
            let doubts = vec![Doubt::Other("a list of values")];
            Ok(Word { written: this.slice(start, this.at), doubts, ..Word::default() })
        })
    }
}

/// Ends a word where it is not quoted.
fn is_meta(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '|' | '&' | ';' | '(' | ')' | '<' | '>')
}
