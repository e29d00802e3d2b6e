//! Bytes of a terminal as keys. Pure: time is said by the caller.

/// One key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stroke {
    Char(char),
    Enter,
    Backspace,
    Tab,
    /// Escape alone.
    Escape,
    /// Ctrl and a letter, as its byte.
    Control(u8),
    /// An arrow, a function key, Alt and a letter, a terminal's report.
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Ground,
    /// After Escape.
    Escaped,
    /// In `ESC [` …, up to its final byte.
    Csi,
    /// After `ESC O`: one more.
    Single,
    /// In a string (`ESC ]` …), up to BEL or `ESC \`.
    Text,
}

/// Cuts bytes into keys; half of a key waits for the rest.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    state: State,
    /// Bytes of a character that is not whole.
    partial: Vec<u8>,
}

impl Decoder {
    /// Whether Escape was the last that came: a key, or the beginning of one, which the next moments tell.
    pub(crate) fn is_undecided(&self) -> bool {
        self.state != State::Ground
    }

    /// Nothing followed.
    pub(crate) fn quiet(&mut self) -> Option<Stroke> {
        match std::mem::take(&mut self.state) {
            State::Ground => None,
            State::Escaped => Some(Stroke::Escape),
            State::Csi | State::Single | State::Text => Some(Stroke::Other),
        }
    }

    pub(crate) fn push(&mut self, bytes: &[u8], strokes: &mut Vec<Stroke>) {
        for &byte in bytes {
            self.byte(byte, strokes);
        }
    }

    fn byte(&mut self, byte: u8, strokes: &mut Vec<Stroke>) {
        match (self.state, byte) {
            // Escape twice is Escape, and the second may begin something.
            (State::Escaped, 0x1b) => strokes.push(Stroke::Escape),
            (State::Text | State::Ground, 0x1b) => {
                self.partial.clear();
                self.state = State::Escaped;
            }
            (State::Escaped, b'[') => self.state = State::Csi,
            (State::Escaped, b'O') => self.state = State::Single,
            (State::Escaped, b']' | b'P' | b'_' | b'^' | b'X') => self.state = State::Text,
            (State::Csi, 0x20..=0x3f) => {}
            (State::Text, _) if byte != 0x07 => {}
            (State::Escaped | State::Csi | State::Single | State::Text, _) => {
                self.state = State::Ground;
                strokes.push(Stroke::Other);
            }
            (State::Ground, b'\r' | b'\n') => strokes.push(Stroke::Enter),
            (State::Ground, b'\t') => strokes.push(Stroke::Tab),
            (State::Ground, 0x08 | 0x7f) => strokes.push(Stroke::Backspace),
            (State::Ground, 0..0x20) => strokes.push(Stroke::Control(byte)),
            (State::Ground, _) => self.text(byte, strokes),
        }
    }

    fn text(&mut self, byte: u8, strokes: &mut Vec<Stroke>) {
        self.partial.push(byte);
        match std::str::from_utf8(&self.partial) {
            Ok(text) => strokes.extend(text.chars().map(Stroke::Char)),
            // More bytes of it are to come.
            Err(error) if error.error_len().is_none() => return,
            Err(_) => {
                strokes.push(Stroke::Char(char::REPLACEMENT_CHARACTER));
                // What broke it may begin the next one.
                let broke = self.partial.len() > 1;
                self.partial.clear();
                if broke {
                    self.byte(byte, strokes);
                }
                return;
            }
        }
        self.partial.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strokes(pieces: &[&[u8]]) -> Vec<Stroke> {
        let mut decoder = Decoder::default();
        let mut found = Vec::new();
        for piece in pieces {
            decoder.push(piece, &mut found);
        }
        found.extend(decoder.quiet());
        found
    }

    #[test]
    fn escape_is_only_what_nothing_follows() {
        use Stroke::{Char, Escape, Other};
        assert_eq!(strokes(&[b"\x1b"]), [Escape]);
        assert_eq!(strokes(&[b"\x1b\x1b"]), [Escape, Escape]);
        assert_eq!(strokes(&[b"\x1b[A"]), [Other]);
        // Torn apart by a slow line.
        assert_eq!(strokes(&[b"\x1b", b"[", b"1;5", b"Ca"]), [Other, Char('a')]);
        assert_eq!(strokes(&[b"\x1bOP", b"\x1bx"]), [Other, Other]);
        assert_eq!(strokes(&[b"\x1b]11;rgb:0/0/0\x07b"]), [Other, Char('b')]);
        assert_eq!(strokes(&[b"\x1b]11;rgb:0/0/0\x1b\\b"]), [Other, Char('b')]);
        assert_eq!(strokes(&[b"\x1b[20"]), [Other]);
    }

    #[test]
    fn characters_come_whole_or_as_a_mark() {
        use Stroke::{Backspace, Char, Control, Enter};
        assert_eq!(
            strokes(&["ü".as_bytes(), b"\r\n\x7f\x03"]),
            [Char('ü'), Enter, Enter, Backspace, Control(3)]
        );
        let fire = "🔥".as_bytes();
        assert_eq!(strokes(&[&fire[..2], &fire[2..]]), [Char('🔥')]);
        assert_eq!(strokes(&[b"\xffa"]), [Char('\u{fffd}'), Char('a')]);
        assert_eq!(strokes(&[b"\xe2\x82a"]), [Char('\u{fffd}'), Char('a')]);
    }
}
