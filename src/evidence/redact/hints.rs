//! Which shapes may match in a line: one pass over it for literals that no shape matches without, and a glance at
//! what stands around those that ordinary logs are full of (`key`, `token`, `://`).
//!
//! It may say yes to a line without a secret, never no to one with: what it passes over is shown as it is.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::automaton::{Automaton as _, OverlappingState};
use aho_corasick::dfa::DFA;
use aho_corasick::{Input, Span};

use super::{formats, named, without_number};

/// Names and words are looked back over no further than this, so that no line takes more than its length.
const LONGEST_NAME: usize = 64;

/// The same for what stands before the `@` of an address: tokens of two thousand characters are in use.
const LONGEST_USER: usize = 8_192;

/// What else than its presence a literal needs.
#[derive(Clone, Copy)]
pub(super) enum Check {
    /// In any case, anywhere.
    Any,
    /// As written, at the start of a word, with so many characters of a token after it.
    Token(usize),
    /// As written, with so many characters of a token after it.
    Followed(usize),
    /// As `Token`, behind a quote perhaps.
    Quoted(usize),
    /// In any case, and after blanks so many characters of a token.
    Spaced(usize),
    /// What this says of the line and of the literal's place.
    Fits(fn(&[u8], Range<usize>) -> bool),
    /// What this says of a line, whatever literals it holds.
    Line(fn(&[u8]) -> bool),
}

/// What to try on a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Hints(u128);

/// Names with a value.
const NAMED: u128 = 1 << 126;
/// What opens something that following lines belong to.
const CONTEXT: u128 = 1 << 127;
/// More shapes than this have no bit.
pub(super) const MOST_FORMATS: usize = 125;
const KEY_BODY: u128 = 1 << MOST_FORMATS;

struct Rule {
    bit: u128,
    check: Check,
}

struct Words {
    automaton: DFA,
    literals: Vec<&'static str>,
    /// By literal.
    rules: Vec<Vec<Rule>>,
    /// For every line.
    lines: Vec<(u128, LineCheck)>,
}

/// Whether a line may hold something of a format.
type LineCheck = fn(&[u8]) -> bool;

static WORDS: LazyLock<Option<Words>> = LazyLock::new(|| {
    let (mut literals, mut rules, mut lines) =
        (Vec::<&'static str>::new(), Vec::<Vec<Rule>>::new(), Vec::new());
    let formats = formats::words().enumerate().map(|(at, (check, words))| (1 << at, check, words));
    let others = [
        (NAMED, Check::Fits(named::is_named), named::WORDS),
        (CONTEXT, Check::Fits(is_option), named::WORDS),
        (NAMED, Check::Fits(named::is_pass), &["pass"]),
        (CONTEXT, Check::Fits(is_option), &["pass"]),
        (NAMED, Check::Fits(named::is_key), &["key"]),
        (CONTEXT, Check::Fits(is_option), &["key"]),
        (NAMED, Check::Fits(named::is_auth), &["auth"]),
        (NAMED, Check::Fits(named::is_pat), &["_PAT"]),
        (CONTEXT, Check::Any, &["-----BEGIN "]),
        (CONTEXT, Check::Fits(opens_data), &["data"]),
        (CONTEXT, Check::Fits(is_name_alone), &["name", "key"]),
    ];
    for (bit, check, words) in formats.chain(others) {
        if let Check::Line(fits) = check {
            lines.push((bit, fits));
        }
        for word in words {
            let same = literals.iter().position(|one: &&str| one == word);
            let at = same.unwrap_or(literals.len());
            if same.is_none() {
                literals.push(word);
                rules.push(Vec::new());
            }
            if let Some(rules) = rules.get_mut(at) {
                rules.push(Rule { bit, check });
            }
        }
    }
    let automaton = DFA::builder().ascii_case_insensitive(true).build(&literals).ok()?;
    Some(Words { automaton, literals, rules, lines })
});

impl Hints {
    /// What may match in `line`.
    pub(super) fn of(line: &str) -> Self {
        let Some(words) = WORDS.as_ref() else { return Self(u128::MAX) };
        let bytes = line.as_bytes();
        let mut found = 0;
        let mut state = OverlappingState::start();
        let input = Input::new(bytes);
        loop {
            if words.automaton.try_find_overlapping(&input, &mut state).is_err() {
                return Self(u128::MAX);
            }
            let Some(hit) = state.get_match() else { break };
            let at = hit.pattern().as_usize();
            let (Some(literal), Some(rules)) = (words.literals.get(at), words.rules.get(at)) else { break };
            for rule in rules {
                if found & rule.bit == 0 && rule.check.fits(bytes, hit.span(), literal) {
                    found |= rule.bit;
                }
            }
        }
        let body = without_number(line).as_bytes();
        for (bit, fits) in &words.lines {
            if fits(body) {
                found |= bit;
            }
        }
        if may_be_key_body(body) {
            found |= KEY_BODY;
        }
        Self(found)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(super) fn named(self) -> bool {
        self.0 & NAMED != 0
    }

    pub(super) fn context(self) -> bool {
        self.0 & CONTEXT != 0
    }

    pub(super) fn key_body(self) -> bool {
        self.0 & KEY_BODY != 0
    }

    /// The numbers of the shapes to try, in their order.
    pub(super) fn formats(self) -> impl Iterator<Item = usize> {
        let mut left = self.0 & (KEY_BODY - 1);
        std::iter::from_fn(move || {
            let at = left.trailing_zeros() as usize;
            left &= left.wrapping_sub(1);
            (at < MOST_FORMATS).then_some(at)
        })
    }
}

impl Check {
    fn fits(self, line: &[u8], hit: Span, literal: &str) -> bool {
        let exact = || line.get(hit.start..hit.end) == Some(literal.as_bytes());
        match self {
            Self::Any => true,
            Self::Token(least) => !after_word(line, hit.start) && exact() && has_token(line, hit.end, least),
            Self::Followed(least) => exact() && has_token(line, hit.end, least),
            Self::Quoted(least) => {
                let quoted = skip(line, hit.end, |b| matches!(b, b'\\' | b'"' | b'\''));
                !after_word(line, hit.start) && exact() && has_token(line, quoted, least)
            }
            Self::Spaced(least) => {
                let rest = rest(line, hit.end);
                let start = if rest.starts_with(b"%20") {
                    hit.end + 3
                } else {
                    // A blank of Unicode is none of a token.
                    skip(line, hit.end, |b| b.is_ascii_whitespace() || !b.is_ascii())
                };
                start > hit.end && has_token(line, start, least)
            }
            Self::Fits(fits) => fits(line, hit.start..hit.end),
            Self::Line(_) => false,
        }
    }
}

fn rest(line: &[u8], at: usize) -> &[u8] {
    line.get(at..).unwrap_or_default()
}

fn byte(line: &[u8], at: usize) -> u8 {
    line.get(at).copied().unwrap_or_default()
}

/// The byte before `at`; a line feed before a line.
pub(super) fn before(line: &[u8], at: usize) -> u8 {
    at.checked_sub(1).map_or(b'\n', |at| byte(line, at))
}

fn skip(line: &[u8], at: usize, over: impl Fn(u8) -> bool) -> usize {
    at + rest(line, at).iter().take_while(|b| over(**b)).count()
}

/// Where the run of bytes begins that ends before `at`.
fn back(line: &[u8], at: usize, over: impl Fn(u8) -> bool) -> usize {
    let before = line.get(..at).unwrap_or_default();
    at - before.iter().rev().take(LONGEST_NAME).take_while(|b| over(**b)).count()
}

fn after_word(line: &[u8], at: usize) -> bool {
    let b = before(line, at);
    b.is_ascii_alphanumeric() || b == b'_'
}

fn has_token(line: &[u8], at: usize, least: usize) -> bool {
    let part = |b: &u8| b.is_ascii_alphanumeric() || b"._~+/=:%,-".contains(b);
    line.get(at..at + least).is_some_and(|token| token.iter().all(part))
}

/// Whether a value follows the name that ends at `at`: what may end a name, what closes it, and `=` or `:`.
pub(super) fn has_value(line: &[u8], at: usize) -> bool {
    let tail = rest(line, at).iter().take(8);
    let tail = tail.take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-')).count();
    let close = skip(line, at + tail, |b| matches!(b, b'\\' | b'"' | b'\'' | b'`' | b']' | b' ' | b'\t'));
    matches!(byte(line, close), b'=' | b':')
}

/// Whether the word is the end of an option with its value behind a blank: `--db-password x`, `"--token", "x"`.
pub(super) fn is_option(line: &[u8], word: Range<usize>) -> bool {
    let end = word.end + usize::from(byte(line, word.end).eq_ignore_ascii_case(&b's'));
    let ends = end >= line.len() || matches!(byte(line, end), b' ' | b'\t' | b'"' | b'\'' | b'\\' | b',');
    ends && byte(line, back(line, word.start, |b| b.is_ascii_alphanumeric() || b == b'-')) == b'-'
}

/// A name that is all of its line but its value, which is the name of a secret: the value is on the next line.
fn is_name_alone(line: &[u8], word: Range<usize>) -> bool {
    let lead = line.get(..word.start).unwrap_or_default();
    let lead = lead.strip_suffix(b"parameter").or_else(|| lead.strip_suffix(b"Parameter")).unwrap_or(lead);
    let closed = skip(line, word.end, |b| matches!(b, b'"' | b'\\' | b' '));
    byte(line, closed) == b':'
        && lead.iter().rev().all(|b| b.is_ascii_digit() || b.is_ascii_whitespace() || b"-{\"\\:|".contains(b))
        && {
            let start =
                skip(line, closed + 1, |b| b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'\\'));
            let end = skip(line, start, |b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
            end > start && rest(line, end).iter().all(|b| b.is_ascii_whitespace() || b"\"',\\".contains(b))
        }
}

/// `data:`, `"stringData": {`.
fn opens_data(line: &[u8], word: Range<usize>) -> bool {
    let closed = skip(line, word.end, |b| matches!(b, b'"' | b'\\' | b' '));
    let open = skip(line, closed + 1, |b| b.is_ascii_whitespace());
    byte(line, closed) == b':' && (open >= line.len() || byte(line, open) == b'{')
}

/// An `@` before the next blank.
pub(super) fn names_user(line: &[u8], word: Range<usize>) -> bool {
    let rest = rest(line, word.end);
    let rest = rest.get(..LONGEST_USER).unwrap_or(rest);
    let at = memchr::memchr(b'@', rest);
    at.and_then(|at| rest.get(..at)).is_some_and(|user| !user.iter().any(u8::is_ascii_whitespace))
}

/// `?name=`, `&name=`, and both encoded.
pub(super) fn in_query(line: &[u8], word: Range<usize>) -> bool {
    let start = back(line, word.start, |b| b.is_ascii_alphabetic() || b"_.-".contains(&b));
    matches!(before(line, start), b'?' | b'&' | b';' | b'3' | b'6') || word.start - start == LONGEST_NAME
}

/// `<name`.
pub(super) fn in_element(line: &[u8], word: Range<usize>) -> bool {
    let part = |b: u8| b.is_ascii_alphanumeric() || b"_:.-".contains(&b) || !b.is_ascii();
    let start = back(line, word.start, part);
    before(line, start) == b'<' || word.start - start == LONGEST_NAME
}

/// `name="password" value=`, `name="password">`.
pub(super) fn before_value(line: &[u8], word: Range<usize>) -> bool {
    let close = |b: u8| b.is_ascii_whitespace() || b"\\\"',;".contains(&b) || !b.is_ascii();
    let rest = rest(line, skip(line, word.end, close));
    let starts = |with: &[u8]| rest.get(..with.len()).is_some_and(|rest| rest.eq_ignore_ascii_case(with));
    starts(b">") || starts(b"value") || starts(b"parametervalue")
}

/// `password%3D`, `%22password%22%3A`.
pub(super) fn before_percent(line: &[u8], word: Range<usize>) -> bool {
    byte(line, word.end) == b'%'
}

/// Bots' tokens have no sign of their own: the word, or the name of who has them.
pub(super) fn is_bot(line: &[u8], word: Range<usize>) -> bool {
    let end = byte(line, word.end);
    word.len() > 3 || (!after_word(line, word.start) && !end.is_ascii_alphanumeric() && end != b'_')
}

pub(super) fn after_digits(line: &[u8], word: Range<usize>) -> bool {
    let digits = line.get(word.start.saturating_sub(8)..word.start).unwrap_or_default();
    digits.len() == 8 && digits.iter().all(u8::is_ascii_digit) && has_token(line, word.end, 33)
}

pub(super) fn after_hexadecimal(line: &[u8], word: Range<usize>) -> bool {
    let digits = line.get(word.start.saturating_sub(32)..word.start).unwrap_or_default();
    digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// `host:5432:` or `host:*:` at the start of a line.
pub(super) fn is_pgpass(line: &[u8]) -> bool {
    let Some(colon) = memchr::memchr(b':', line) else { return false };
    let port = rest(line, colon + 1);
    let digits = port.iter().take(6).take_while(|b| b.is_ascii_digit()).count();
    port.starts_with(b"*:") || (matches!(digits, 4 | 5) && port.get(digits) == Some(&b':'))
}

fn may_be_key_body(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let part = |b: &u8| b.is_ascii_alphanumeric() || b"+/=".contains(b);
    line.get(..60).is_some_and(|start| start.iter().all(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shape_has_a_bit_and_no_ordinary_line_a_hint() {
        assert!(WORDS.is_some() && formats::words().count() <= MOST_FORMATS);
        for line in [
            "an ordinary line of a log",
            "2026-01-01T00:00:00.001Z INFO http request id=9e3779b97f4a7c15 method=GET path=/api/v1/items/1 status=200",
            "GET http://cart.shop.svc:8080/v1/carts/7 200 12ms",
            "cache hit for user bob key=session:9e3779b9 in pool main, token is fresh",
            r#"{"level":30,"name":"orders","msg":"completed","keys":3}"#,
        ] {
            assert!(Hints::of(line).is_empty(), "{line}: {:?}", Hints::of(line));
        }
        assert!(Hints::of("password: x").named() && Hints::of("name: DB_PASSWORD").context());
    }

    #[test]
    fn a_line_made_to_be_slow_is_not() {
        for part in ["token", "://", "key=", "-a", "<password", "name:", "data\\", "_PAT", "https://x@"] {
            let line = part.repeat(2_000_000 / part.len());
            let _ = Hints::of(&line);
        }
    }
}
