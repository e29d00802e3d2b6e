//! Words of a command line: quotes taken off, and what nobody knows before it runs told as a doubt. The commands inside of
//! substitutions are read as any others.

use super::{Doubt, Parse, Parser, Word, is_meta};

/// What words begin with whose `?`, `*` and `[0]` are meant as they are written: addresses and columns of kubectl.
const PLAIN: &[&str] = &[
    "http://",
    "https://",
    "custom-columns=",
    "jsonpath=",
    "-o=custom-columns=",
    "-o=jsonpath=",
    "-ocustom-columns=",
    "-ojsonpath=",
    "--output=custom-columns=",
    "--output=jsonpath=",
];

impl Parser {
    /// One word, dequoted.
    pub(super) fn word(&mut self) -> Parse<Word> {
        self.deeper(Self::word_here)
    }

    fn word_here(&mut self) -> Parse<Word> {
        let start = self.at;
        let mut word = Word::default();
        // Unquoted braces that may be an expansion.
        let mut braces = Vec::new();
        while let Some(c) = self.peek() {
            match c {
                '<' | '>' if self.peek_at(1) == Some('(') => {
                    self.shell("a process substitution");
                    word.doubts.push(Doubt::Substitution);
                    self.at += 2;
                    self.list(&[], Some(')'))?;
                    self.close(')')?;
                }
                c if is_meta(c) => break,
                '\\' => match self.peek_at(1) {
                    Some('\n') => {
                        self.shell("a continued line");
                        self.at += 2;
                    }
                    Some(next) => {
                        word.quoted = true;
                        word.text.push(next);
                        self.at += 2;
                    }
                    None => return Err("a backslash at the end".to_owned()),
                },
                '\'' => {
                    word.quoted = true;
                    self.at += 1;
                    loop {
                        match self.peek() {
                            None => return Err("an open `'`".to_owned()),
                            Some('\'') => break self.at += 1,
                            Some(c) => {
                                word.text.push(c);
                                self.at += 1;
                            }
                        }
                    }
                }
                '"' => {
                    word.quoted = true;
                    self.at += 1;
                    self.double(&mut word, Some('"'))?;
                }
                '$' => self.dollar(&mut word, false)?,
                '`' => self.backtick(&mut word, false)?,
                _ => {
                    match c {
                        '*' | '?' | '[' => word.doubts.push(Doubt::Glob),
                        '~' if self.at == start => word.tilde = true,
                        '~' if matches!(self.chars.get(self.at - 1), Some('=' | ':')) => {
                            word.doubts.push(Doubt::Tilde);
                        }
                        '{' => braces.push((self.at, false)),
                        ',' => wide(&mut braces),
                        '.' if self.peek_at(1) == Some('.') => wide(&mut braces),
                        '}' if braces.pop().is_some_and(|brace| brace.1) => word.doubts.push(Doubt::Braces),
                        '!' if self.at == start
                            && self.peek_at(1).is_some_and(|c| !is_meta(c) && c != '=') =>
                        {
                            return Err("a history expansion (`!`)".to_owned());
                        }
                        _ => {}
                    }
                    word.text.push(c);
                    self.at += 1;
                }
            }
        }
        if self.at == start {
            return Err("a word is missing".to_owned());
        }
        if word.tilde {
            let user = word.text.split('/').next().unwrap_or_default();
            let plain = self.peek_tilde(start, user);
            if !plain {
                word.doubts.push(Doubt::Tilde);
            }
        }
        word.written = self.slice(start, self.at);
        // No file is called so, and where one were, the word runs as it is written.
        let plain = PLAIN.iter().any(|start| word.written.starts_with(start));
        if plain && word.doubts.iter().all(|doubt| *doubt == Doubt::Glob) {
            word.doubts.clear();
        }
        if word.written == "[" {
            // A program, or a bracket alone: no pattern without its end.
            word.doubts.clear();
        }
        Ok(word)
    }

    /// Whether the tilde at `start` is `~` or `~/…` with nothing quoted before the slash.
    fn peek_tilde(&self, start: usize, user: &str) -> bool {
        user == "~" && self.chars.get(start + 1).is_none_or(|c| *c == '/' || is_meta(*c))
    }

    /// Text with the rules of double quotes, until `close`, which is read; or to the end of the text.
    pub(super) fn double(&mut self, word: &mut Word, close: Option<char>) -> Parse<()> {
        loop {
            match self.peek() {
                None if close.is_none() => return Ok(()),
                None => return Err("an open `\"`".to_owned()),
                Some(c) if Some(c) == close => {
                    self.at += 1;
                    return Ok(());
                }
                Some('\\') => match self.peek_at(1) {
                    Some('\n') => {
                        self.shell("a continued line");
                        self.at += 2;
                    }
                    Some(next @ ('$' | '`' | '"' | '\\')) => {
                        word.text.push(next);
                        self.at += 2;
                    }
                    _ => {
                        word.text.push('\\');
                        self.at += 1;
                    }
                },
                Some('$') => self.dollar(word, true)?,
                Some('`') => self.backtick(word, true)?,
                Some(c) => {
                    word.text.push(c);
                    self.at += 1;
                }
            }
        }
    }

    fn dollar(&mut self, word: &mut Word, quoted: bool) -> Parse<()> {
        self.deeper(|this| this.dollar_here(word, quoted))
    }

    #[expect(clippy::too_many_lines, reason = "one arm a form: it reads as a list")]
    fn dollar_here(&mut self, word: &mut Word, quoted: bool) -> Parse<()> {
        match self.peek_at(1) {
            Some('(') if self.peek_at(2) == Some('(') => {
                self.shell("an expansion `$((…))`");
                word.doubts.push(Doubt::Arithmetic);
                self.at += 2;
                self.arithmetic(word)
            }
            Some('(') => {
                self.shell("a command substitution `$(…)`");
                if !self.documents.is_empty() {
                    return Err("a substitution behind a here-document".to_owned());
                }
                word.doubts.push(Doubt::Substitution);
                self.at += 2;
                self.list(&[], Some(')'))?;
                if !self.documents.is_empty() {
                    return Err("a here-document without its end".to_owned());
                }
                self.close(')')
            }
            Some('{') => {
                self.shell("an expansion `${…}`");
                self.at += 2;
                let name: String = self
                    .chars
                    .get(self.at..)
                    .unwrap_or_default()
                    .iter()
                    .take_while(|c| c.is_ascii_alphanumeric() || **c == '_')
                    .collect();
                let plain = self.peek_at(name.len()) == Some('}');
                word.doubts.push(if plain {
                    Doubt::Variable(name)
                } else {
                    Doubt::Other("an expansion `${…}`")
                });
                loop {
                    match self.peek() {
                        None => return Err("an open `${`".to_owned()),
                        Some('}') => break self.at += 1,
                        Some('\\') => self.at += 2,
                        Some('\'') if !quoted => {
                            self.at += 1;
                            while self.peek().is_some_and(|c| c != '\'') {
                                self.at += 1;
                            }
                            self.close('\'')?;
                        }
                        Some('\'') => return Err("a `'` inside `\"${…}\"`".to_owned()),
                        Some('"') => {
                            self.at += 1;
                            self.double(&mut Word::default(), Some('"'))?;
                        }
                        Some('$') => self.dollar(&mut Word::default(), quoted)?,
                        Some('`') => self.backtick(&mut Word::default(), quoted)?,
                        Some('<' | '>') if self.peek_at(1) == Some('(') => {
                            return Err("a process substitution inside `${…}`".to_owned());
                        }
                        Some(_) => self.at += 1,
                    }
                }
                Ok(())
            }
            Some('[') => Err("old arithmetic `$[…]`".to_owned()),
            Some('\'') if !quoted => {
                self.shell("a `$'…'` text");
                word.doubts.push(Doubt::Other("a `$'…'` text"));
                self.at += 2;
                loop {
                    match self.peek() {
                        None => return Err("an open `$'`".to_owned()),
                        Some('\\') => self.at += 2,
                        Some('\'') => break self.at += 1,
                        Some(_) => self.at += 1,
                    }
                }
                Ok(())
            }
            Some('"') if !quoted => {
                self.shell("a `$\"…\"` text");
                word.doubts.push(Doubt::Other("a `$\"…\"` text"));
                self.at += 2;
                self.double(word, Some('"'))
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                self.shell("a variable");
                self.at += 1;
                let start = self.at;
                while self.peek().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_') {
                    self.at += 1;
                }
                word.doubts.push(Doubt::Variable(self.slice(start, self.at)));
                Ok(())
            }
            Some(c) if c.is_ascii_digit() || "@*#?-$!".contains(c) => {
                self.shell("a variable");
                word.doubts.push(Doubt::Variable(c.to_string()));
                self.at += 2;
                Ok(())
            }
            _ => {
                word.text.push('$');
                self.at += 1;
                Ok(())
            }
        }
    }

    /// At the second `(` of `((`: to the `))`.
    pub(super) fn arithmetic(&mut self, word: &mut Word) -> Parse<()> {
        self.at += 1;
        let mut open = 1_usize;
        loop {
            match self.peek() {
                None => return Err("an open `((`".to_owned()),
                Some('(') => {
                    open += 1;
                    self.at += 1;
                }
                Some(')') => {
                    open -= 1;
                    self.at += 1;
                    if open == 0 {
                        // `$((a); (b))` is a substitution of subshells.
                        return self
                            .close(')')
                            .map_err(|_| "`((` that may be arithmetic or a subshell".to_owned());
                    }
                }
                Some('$') => self.dollar(word, true)?,
                Some('`') => self.backtick(word, true)?,
                Some('\'' | '"' | '\\' | '#') => return Err("quotes inside arithmetic".to_owned()),
                Some(_) => self.at += 1,
            }
        }
    }

    fn backtick(&mut self, word: &mut Word, quoted: bool) -> Parse<()> {
        self.shell("a command substitution in backticks");
        word.doubts.push(Doubt::Substitution);
        self.at += 1;
        let mut text = String::new();
        loop {
            match self.peek() {
                None => return Err("an open backtick".to_owned()),
                Some('`') => break self.at += 1,
                Some('\\') => {
                    match self.peek_at(1) {
                        Some(next @ ('$' | '`' | '\\')) => text.push(next),
                        Some('"') if quoted => text.push('"'),
                        Some(next) => text.extend(['\\', next]),
                        None => return Err("an open backtick".to_owned()),
                    }
                    self.at += 2;
                }
                Some(c) => {
                    text.push(c);
                    self.at += 1;
                }
            }
        }
        self.inside(&text, |inner| {
            inner.list(&[], None)?;
            if inner.at < inner.chars.len() {
                Err("an unclear substitution in backticks".to_owned())
            } else {
                Ok(())
            }
        })
    }
}

/// Every open brace holds more than one word now.
fn wide(braces: &mut [(usize, bool)]) {
    for brace in braces {
        brace.1 = true;
    }
}
