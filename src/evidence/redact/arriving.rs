//! Text that is shown while it arrives: no line of it before its end is known, or a secret would be out by half.

use super::context::{self, Context};
use super::{Redactor, hints::Hints};

/// One text in pieces. It holds back the line that has not ended yet, and nothing else.
#[derive(Debug, Default)]
pub struct Arriving {
    held: String,
    context: Context,
}

impl Arriving {
    /// Takes the next piece; gives the lines that it ends, with their line feeds and without secrets.
    pub fn push(&mut self, redactor: &Redactor, piece: &str) -> String {
        let Some(end) = memchr::memrchr(b'\n', piece.as_bytes()) else {
            self.held.push_str(piece);
            return String::new();
        };
        let (lines, rest) = piece.split_at(end + 1);
        self.held.push_str(lines);
        let lines = std::mem::replace(&mut self.held, rest.to_owned());
        lines.split_inclusive('\n').map(|line| self.shown(redactor, line)).collect()
    }

    /// The text is over: gives what was held back. The next piece begins another text.
    pub fn finish(&mut self, redactor: &Redactor) -> String {
        let line = std::mem::take(&mut self.held);
        let shown = self.shown(redactor, &line);
        self.context = Context::default();
        shown
    }

    fn shown(&mut self, redactor: &Redactor, line: &str) -> String {
        let (text, end) = line.strip_suffix('\n').map_or((line, ""), |text| (text, "\n"));
        if context::holds_secret(text) {
            self.context.is_of_secret();
        }
        let mut text = text.to_owned();
        redactor.redact_next(&mut text, &mut self.context);
        text.push_str(end);
        text
    }
}

impl Redactor {
    /// Redacts a line, given those before it.
    pub(super) fn redact_next(&self, text: &mut String, context: &mut Context) {
        if context.key.is_inside() && context.key.covers(text.as_bytes()) {
            super::KeyBlock::SHOWN.clone_into(text);
            return;
        }
        if let std::borrow::Cow::Owned(shown) = self.without_known(text) {
            *text = shown;
        }
        let hints = Hints::of(text);
        if hints.is_empty() && !context.is_open() {
            return;
        }
        let begins = hints.context() && text.contains("-----BEGIN ");
        if begins {
            context.key.covers(text.as_bytes());
        }
        if let Some(line) = self.line(text, hints, context) {
            *text = line;
        }
        // A key on one line, and one that begins here.
        if begins {
            *text = self.redact_key_blocks(std::mem::take(text));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_shows_a_secret_however_the_text_is_cut() {
        let head = concat!("-----BEGIN RSA PRIV", "ATE KEY-----");
        let text = format!(
            "The password=Zq8hunter is wrong.\n\nTry correct-horse:\n{head}\nMIIEowIB\nAAKC\n{}\nä and token: x7K2x7K2x7K2 end",
            concat!("-----END RSA PRIV", "ATE KEY-----")
        );
        let redactor = Redactor::new([("DB_PASSWORD", "correct-horse")], &[]);
        let whole: String = {
            let mut arriving = Arriving::default();
            arriving.push(&redactor, &text) + &arriving.finish(&redactor)
        };
        for secret in ["Zq8", "horse", "MIIE", "AAKC", "x7K2"] {
            assert!(!whole.contains(secret), "{whole}");
        }
        assert!(whole.starts_with("The password=<secret:") && whole.ends_with(" end"), "{whole}");
        for size in 1..7 {
            let mut arriving = Arriving::default();
            let chars: Vec<char> = text.chars().collect();
            let pieces = chars.chunks(size).map(|piece| piece.iter().collect::<String>());
            let mut shown: String = pieces.map(|piece| arriving.push(&redactor, &piece)).collect();
            shown.push_str(&arriving.finish(&redactor));
            assert_eq!(shown, whole, "in pieces of {size}");
            assert_eq!(arriving.finish(&redactor), "");
        }
    }

    #[test]
    fn only_the_last_line_is_held_back() {
        let redactor = Redactor::new([], &[]);
        let mut arriving = Arriving::default();
        assert_eq!(arriving.push(&redactor, "one\ntwo\nthr"), "one\ntwo\n");
        assert_eq!(arriving.push(&redactor, "ee"), "");
        assert_eq!(arriving.push(&redactor, "\n"), "three\n");
    }
}
