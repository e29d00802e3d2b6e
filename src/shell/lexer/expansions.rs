//! What begins with `$` or a backtick: substitutions, expansions, arithmetic.

use super::super::operands::{Language, Word};
use super::super::quoting;
use super::{End, Item, Program, Scan, Scanning, identifiers};

/// Whether `c` goes on with the name that `head` of a `${…}` begins: `!v`, `#v`, `@`.
fn in_name(head: &str, c: char) -> bool {
    let name = head.trim_start_matches(['!', '#']);
    c.is_ascii_alphanumeric() || c == '_' || (name.is_empty() && "!#@*".contains(c))
}

impl Scan<'_> {
    /// After an opening parenthesis: commands up to the closing one.
    pub(super) fn substitution(&mut self, word: &mut Word) -> Scanning<()> {
        word.quoted = true;
        word.substituted = true;
        let (before, expanded) = (self.seen.len(), self.expanded.len());
        let first = self.pipelines.len();
        self.counts = false;
        let outer = self.passes.take();
        self.deeper(|scan| scan.list(End::Parenthesis))?;
        let passes = std::mem::replace(&mut self.passes, outer).unwrap_or(true);
        self.copy(usize::from(self.is(0, ')')));
        // `$(kubectl get pods -n {{ x }} | wc -l)`: nothing of the value is in what comes out.
        let commands = self
            .pipelines
            .iter()
            .skip(first)
            .filter(|pipeline| pipeline.stages > 0 && !pipeline.silent)
            .count();
        if !(self.counts && commands == 1) {
            word.hold_inner(self.seen.get(before..).unwrap_or_default());
            if passes {
                word.expand_inner(self.expanded.get(expanded..).unwrap_or_default());
            }
        }
        Ok(())
    }

    pub(super) fn backtick(&mut self, word: &mut Word) -> Scanning<()> {
        word.quoted = true;
        word.substituted = true;
        self.copy(1);
        let (before, expanded) = (self.seen.len(), self.expanded.len());
        self.backticks += 1;
        let done = self.deeper(|scan| scan.list(End::Backtick));
        self.backticks -= 1;
        done?;
        self.copy(usize::from(self.is(0, '`')));
        word.hold_inner(self.seen.get(before..).unwrap_or_default());
        word.expand_inner(self.expanded.get(expanded..).unwrap_or_default());
        Ok(())
    }

    pub(super) fn dollar(&mut self, word: &mut Word, double: bool) -> Scanning<()> {
        match self.peek(1) {
            Some(Item::Value(index)) => {
                Self::refuse(index, "after a `$`, where it would name a variable", "write the name out")
            }
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
                    self.copy(1);
                }
                if name.is_empty() {
                    word.text.push('$');
                } else {
                    let spelled = format!("${name}");
                    self.expanded.push(name.clone());
                    word.expand(name, &spelled, double);
                }
                Ok(())
            }
        }
    }

    /// After `${`: a value may be the word of `:-`, `:=`, `:+`, `:?`, text to look for or to put in its place, or an integer.
    pub(super) fn expansion(&mut self, word: &mut Word, double: bool) -> Scanning<()> {
        word.quoted = true;
        let mut head = String::new();
        let mut name = None;
        let mut inner_variables = Vec::new();
        while let Some(item) = self.peek(0) {
            if name.is_none() && !matches!(item, Item::Char(c) if in_name(&head, c)) {
                let found = head.trim_start_matches(['!', '#']).to_owned();
                name = Some(found.len());
                self.expanded.push(found.clone());
                word.expand(found, "", double);
            }
            match item {
                Item::Char('}') => {
                    self.copy(1);
                    let rest = name.and_then(|len| head.trim_start_matches(['!', '#']).get(len..));
                    self.evaluating(&head, rest.unwrap_or_default(), inner_variables);
                    return Ok(());
                }
                Item::Value(index) => {
                    let rest = name
                        .and_then(|len| head.trim_start_matches(['!', '#']).get(len..))
                        .unwrap_or_default();
                    let default = rest.trim_start_matches(':').starts_with(['-', '=', '+', '?']);
                    // Quoted it is that text and no pattern.
                    let pattern = rest.starts_with(['/', '#', '%', '^', ',']);
                    Self::want(
                        default || pattern || (self.integer(index) && rest.starts_with(':')),
                        index,
                        "inside `${…}`",
                        "use it outside the braces",
                    )?;
                    word.hold_inner(&[index]);
                    let shown = quoting::in_double(&self.shown_of(index));
                    let quoted = self.backticks == 0 && (pattern || default && !double);
                    let quote = if quoted { "\"" } else { "" };
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
                    inner_variables.extend(inner.variables.iter().cloned());
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

    /// Expansions that run what a variable holds: `${!v}` and subscripts as arithmetic, `${v@P}` as a prompt.
    fn evaluating(&mut self, head: &str, rest: &str, mut inner: Vec<String>) {
        let name = head.trim_start_matches(['!', '#']);
        let name = name.strip_suffix(rest).unwrap_or(name).to_owned();
        let mut push = |language, variables| {
            self.programs.push(Program { language, values: Vec::new(), variables, output: false });
        };
        if rest.contains("@P") {
            push(Language::Shell, vec![name.clone()]);
        }
        if head.starts_with('!') {
            push(Language::Arithmetic, vec![name]);
        }
        let default = rest.trim_start_matches(':').starts_with(['-', '=', '+', '?']);
        if rest.starts_with('[') || (rest.starts_with(':') && !default) {
            inner.extend(identifiers(rest));
            push(Language::Arithmetic, inner);
        }
    }

    /// A quoted part inside an expansion: its values belong to the word, its text does not.
    pub(super) fn inner(
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
    pub(super) fn arithmetic(&mut self, close: &str) -> Scanning<()> {
        let mut nested = 0_usize;
        let mut names = Word::default();
        let mut name = String::new();
        while let Some(item) = self.peek(0) {
            if !matches!(item, Item::Char(c) if c.is_ascii_alphanumeric() || c == '_') && !name.is_empty() {
                let whole = std::mem::take(&mut name);
                // A number is no name; `1` would be the first argument.
                if !whole.starts_with(|c: char| c.is_ascii_digit()) {
                    names.variables.push(whole);
                }
            }
            match item {
                Item::Char(_) if nested == 0 && self.starts(close) => {
                    self.copy(close.len());
                    break;
                }
                Item::Value(index) => {
                    Self::want(self.integer(index), index, "in arithmetic", "use an integer parameter")?;
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
            values: names.values.iter().map(|held| (held.index, None)).collect(),
            variables: names.variables,
            output: names.substituted,
        });
        Ok(())
    }
}
