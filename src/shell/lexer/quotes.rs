//! Values inside quotes and after backslashes.

use super::super::operands::Word;
use super::super::quoting;
use super::{Item, Scan, Scanning};

impl Scan<'_> {
    pub(super) fn backslash(&mut self, word: &mut Word, double: bool) -> Scanning<()> {
        match self.peek(1) {
            Some(Item::Value(index)) => {
                Self::want(self.plain(index), index, "after a backslash", "take the backslash away")?;
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

    pub(super) fn single(&mut self, word: &mut Word) -> Scanning<()> {
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
                    let (before, after) = if self.backticks > 0 { ("'", "'") } else { ("'\"", "\"'") };
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
    pub(super) fn single_dollar(&mut self, word: &mut Word) {
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

    pub(super) fn double(&mut self, word: &mut Word) -> Scanning<()> {
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

    /// `$'…'`.
    pub(super) fn ansi(&mut self, word: &mut Word) -> Scanning<()> {
        word.quoted = true;
        self.copy(2);
        while let Some(item) = self.peek(0) {
            match item {
                Item::Char('\'') => {
                    self.copy(1);
                    return Ok(());
                }
                Item::Char('\\') => {
                    if let Some(Item::Value(index)) = self.peek(1) {
                        return Self::refuse(index, "after a backslash", "take the backslash away");
                    }
                    self.copy(2);
                    word.text.push('?');
                }
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
}
