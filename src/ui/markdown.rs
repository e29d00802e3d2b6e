//! Markdown for a terminal: rendered, wrapped and coloured where somebody looks, left as it is in a pipe.
//!
//! Text is cut into blocks line by line and each block is rendered alone, so that a streamed answer looks
//! exactly like one that was there at once. No HTML, no images, no syntax colours.

mod layout;
mod render;
#[cfg(test)]
mod tests;

use super::terminal::{Terminal, sanitize};

/// Columns where lines are not to be wrapped.
const UNWRAPPED: usize = 100_000;

/// Renders a whole text; ends with a line feed unless it is empty.
#[must_use]
pub fn render(text: &str, terminal: &Terminal) -> String {
    let mut stream = MarkdownStream::new(*terminal);
    let mut out = stream.push(text);
    out.push_str(&stream.finish());
    out
}

/// Renders text as it arrives, one finished block at a time.
#[derive(Debug)]
pub struct MarkdownStream {
    terminal: Terminal,
    /// The line that has not ended yet.
    line: String,
    /// Lines of the block that has not ended yet.
    block: String,
    /// The block's last line was blank: the next one may start another block.
    blank: bool,
    /// The block starts with a list item.
    list: bool,
    fence: Option<(char, usize)>,
    /// Something was printed: the next block stands apart from it.
    begun: bool,
}

impl MarkdownStream {
    #[must_use]
    pub fn new(terminal: Terminal) -> Self {
        // Colour asked for in a pipe: rendered, but nobody knows how wide.
        let forced = terminal.colour && !terminal.tty;
        let terminal = if forced { Terminal { tty: true, width: UNWRAPPED, ..terminal } } else { terminal };
        Self {
            terminal,
            line: String::new(),
            block: String::new(),
            blank: false,
            list: false,
            fence: None,
            begun: false,
        }
    }

    /// Takes the next piece of text; returns what can be printed now, often nothing.
    pub fn push(&mut self, text: &str) -> String {
        let mut out = String::new();
        for piece in text.split_inclusive('\n') {
            self.line.push_str(piece);
            if piece.ends_with('\n') {
                let line = std::mem::take(&mut self.line);
                self.take_line(&line, &mut out);
            }
        }
        out
    }

    /// The rest. Afterwards the stream is as new.
    pub fn finish(&mut self) -> String {
        let mut out = String::new();
        if !self.line.is_empty() {
            let mut line = std::mem::take(&mut self.line);
            line.push('\n');
            self.take_line(&line, &mut out);
        }
        self.flush(&mut out);
        *self = Self::new(self.terminal);
        out
    }

    fn take_line(&mut self, line: &str, out: &mut String) {
        let line = sanitize(line);
        if !self.terminal.tty {
            out.push_str(&line);
            return;
        }
        let trimmed = line.trim();
        if let Some((mark, width)) = self.fence {
            self.block.push_str(&line);
            if trimmed.len() >= width && trimmed.chars().all(|c| c == mark) {
                self.fence = None;
            }
            return;
        }
        if trimmed.is_empty() {
            if !self.block.is_empty() {
                self.block.push_str(&line);
                self.blank = true;
            }
            return;
        }
        let belongs = self.list && (line.starts_with([' ', '\t']) || is_item(trimmed));
        if self.blank && !belongs {
            self.flush(out);
        }
        if self.block.is_empty() {
            self.list = is_item(trimmed);
        }
        self.blank = false;
        self.block.push_str(&line);
        let mark = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'));
        if let Some(mark) = mark {
            let width = trimmed.chars().take_while(|c| *c == mark).count();
            let info = trimmed.get(width..).unwrap_or_default();
            if width >= 3 && !info.contains('`') {
                self.fence = Some((mark, width));
            }
        }
    }

    fn flush(&mut self, out: &mut String) {
        let block = std::mem::take(&mut self.block);
        self.blank = false;
        self.list = false;
        self.fence = None;
        let shown = render::block(&block, &self.terminal);
        if shown.is_empty() {
            return;
        }
        if self.begun {
            out.push('\n');
        }
        self.begun = true;
        out.push_str(&shown);
    }
}

fn is_item(trimmed: &str) -> bool {
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let rest = trimmed.get(digits..).unwrap_or_default();
    let marks: &[char] = if digits == 0 { &['-', '*', '+'] } else { &['.', ')'] };
    rest.strip_prefix(marks).is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t']))
}
