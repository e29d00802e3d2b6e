//! Bodies of here-documents.

use super::super::operands::Word;
use super::super::quoting;
use super::{Document, Item, Scan, Scanning};

impl Scan<'_> {
    /// After a line feed: the bodies of the here-documents begun on the line before.
    pub(super) fn bodies(&mut self) -> Scanning<()> {
        for document in std::mem::take(&mut self.documents) {
            let before = self.seen.len();
            let begin = self.at;
            if document.quoted {
                self.quoted_body(&document)?;
            } else {
                let mut word = Word::default();
                self.body(&document, &mut word)?;
                for name in &word.variables {
                    let held: Vec<usize> = self.assigned.get(name).into_iter().flatten().copied().collect();
                    self.flow(document.pipeline, &held);
                }
            }
            self.note_body(document.pipeline, begin);
            let values = self.seen.get(before..).unwrap_or_default().to_vec();
            self.flow(document.pipeline, &values);
        }
        Ok(())
    }

    /// Whether the end mark stands here on a line of its own; its length.
    pub(super) fn ends_here(&self, document: &Document) -> Option<usize> {
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

    pub(super) fn body(&mut self, document: &Document, word: &mut Word) -> Scanning<()> {
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

    /// The shell expands nothing in it. With a value it becomes an expanding one whose own text is escaped; what a value holds is
    /// not expanded again.
    pub(super) fn quoted_body(&mut self, document: &Document) -> Scanning<()> {
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
                    let rewritable =
                        document.delimiter.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
                            && !document.delimiter.is_empty();
                    Self::want(
                        rewritable,
                        index,
                        "in a here-document with a quoted end mark",
                        "make the end mark one word of letters (`<<'EOF'`)",
                    )?;
                    holds = true;
                    let from = self.text.len();
                    let shown = quoting::visible(&self.shown_of(index)).into_owned();
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
