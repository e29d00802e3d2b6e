//! Takes the top-level comparison off a PromQL expression, so that its value is seen also when nothing fires.
//!
//! No parser of PromQL: it knows strings, comments, brackets, comparisons and set operators, which bind weakest, and
//! gives nothing where it is not sure. What it gives is always a part of the text that stands on its own.

/// Parts of one expression that are asked for.
const MOST: usize = 3;
const COMPARISONS: &[&str] = &["==", "!=", "<=", ">=", "<", ">"];
const SETS: &[&str] = &["and", "or", "unless"];
const MATCHING: &[&str] = &["on", "ignoring", "group_left", "group_right"];

/// What is compared in `expression`, without what it is compared with where that is a number; nothing where it
/// compares nothing at its top.
pub(super) fn compared(expression: &str) -> Vec<String> {
    let mut found = Vec::new();
    let whole = expression.trim();
    if collect(whole, &mut found, 0).is_none() {
        return Vec::new();
    }
    found.retain(|part| part != whole);
    found.dedup();
    found.truncate(MOST);
    found
}

/// Adds the operands of `text`; `None` where it cannot be read.
fn collect(text: &str, found: &mut Vec<String>, depth: usize) -> Option<()> {
    let text = text.trim();
    if text.is_empty() || depth > 8 {
        return None;
    }
    let marks = marks(text)?;
    let sets: Vec<&Mark> = marks.iter().filter(|mark| mark.set).collect();
    if !sets.is_empty() {
        let mut from = 0;
        for mark in sets {
            collect(without_matching(text.get(from..mark.at)?)?, found, depth + 1)?;
            from = mark.at + mark.length;
        }
        return collect(without_matching(text.get(from..)?)?, found, depth + 1);
    }
    if let Some(first) = marks.first() {
        let left = text.get(..first.at)?.trim();
        let mut right = text.get(first.at + first.length..)?.trim();
        if let Some(rest) = word(right, "bool") {
            right = rest;
        }
        let right = without_matching(right)?;
        if left.is_empty() || right.is_empty() {
            return None;
        }
        for side in [left, right] {
            // `a > b > 1` leaves a comparison on the right, which another round takes off.
            if self::marks(side)?.is_empty() {
                if !is_number(side) {
                    found.push(side.to_owned());
                }
            } else {
                collect(side, found, depth + 1)?;
            }
        }
        return Some(());
    }
    if let Some(inner) = inside(text) {
        return collect(inner, found, depth + 1);
    }
    // One side of `and` may be compared with nothing.
    found.push(text.to_owned());
    Some(())
}

struct Mark {
    at: usize,
    length: usize,
    set: bool,
}

/// Comparisons and set operators outside of all brackets; `None` where brackets or quotes do not close.
fn marks(text: &str) -> Option<Vec<Mark>> {
    let bytes = text.as_bytes();
    let (mut marks, mut open, mut at) = (Vec::new(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at).copied() {
        match byte {
            b'"' | b'\'' | b'`' => at = after_quoted(bytes, at)?,
            b'#' => at += bytes.get(at..)?.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len() - at),
            b'(' | b'[' | b'{' => {
                open.push(byte);
                at += 1;
            }
            b')' | b']' | b'}' => {
                let pair = matches!((open.pop()?, byte), (b'(', b')') | (b'[', b']') | (b'{', b'}'));
                if !pair {
                    return None;
                }
                at += 1;
            }
            _ if is_wordly(byte) => {
                let length = bytes.get(at..)?.iter().take_while(|byte| is_wordly(**byte)).count();
                let word = text.get(at..at + length)?;
                if open.is_empty() && SETS.iter().any(|set| word.eq_ignore_ascii_case(set)) {
                    marks.push(Mark { at, length, set: true });
                }
                at += length;
            }
            _ => {
                let rest = bytes.get(at..)?;
                let operator = COMPARISONS.iter().find(|operator| rest.starts_with(operator.as_bytes()));
                let length = operator.map_or(1, |operator| operator.len());
                if operator.is_some() && open.is_empty() {
                    marks.push(Mark { at, length, set: false });
                }
                at += length;
            }
        }
    }
    open.is_empty().then_some(marks)
}

fn is_wordly(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b':' || byte >= 0x80
}

fn after_quoted(bytes: &[u8], from: usize) -> Option<usize> {
    let quote = *bytes.get(from)?;
    let mut at = from + 1;
    loop {
        match *bytes.get(at)? {
            b'\\' if quote != b'`' => at += 2,
            byte if byte == quote => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// The text behind a word it begins with.
fn word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.get(word.len()..)?;
    let whole = !rest.bytes().next().is_some_and(is_wordly);
    (text.get(..word.len())?.eq_ignore_ascii_case(word) && whole).then(|| rest.trim_start())
}

/// The text behind `on (…) group_left (…)`.
fn without_matching(text: &str) -> Option<&str> {
    let mut text = text.trim();
    while let Some(rest) = MATCHING.iter().find_map(|name| word(text, name)) {
        // `group_left` may stand without labels, where what follows is the operand.
        let grouped = word(text, "group_left").or_else(|| word(text, "group_right")).is_some();
        text = match rest.strip_prefix('(').and_then(|inner| Some((inner, inner.find(')')?))) {
            Some((inner, end)) if !grouped || inner.get(..end)?.bytes().all(is_listed) => {
                inner.get(end + 1..)?.trim_start()
            }
            _ if grouped => rest,
            _ => return None,
        };
    }
    Some(text)
}

fn is_listed(byte: u8) -> bool {
    is_wordly(byte) || byte == b',' || byte.is_ascii_whitespace()
}

/// What is between brackets that enclose all of it.
fn inside(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('(')?.strip_suffix(')')?;
    // `(a) + (b)` begins and ends with brackets too.
    marks(inner).map(|_| inner)
}

fn is_number(text: &str) -> bool {
    let text = text.split('#').next().unwrap_or_default();
    let text = text.trim_matches(|c: char| c.is_whitespace() || "()+-".contains(c));
    let plain = |c: char| c.is_ascii_alphanumeric() || c.is_whitespace() || "._+-*/^%()".contains(c);
    text.is_empty()
        || text.starts_with(|c: char| c.is_ascii_digit() || c == '.') && text.chars().all(plain)
        || ["inf", "nan"].iter().any(|name| text.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn comparisons_come_off() {
        let cases: &[(&str, &[&str])] = &[
            ("up == 0", &["up"]),
            ("0 < up", &["up"]),
            ("up{job=\"a>b\"} == bool 0", &["up{job=\"a>b\"}"]),
            (
                "sum by (ns) (rate(a[5m])) / sum by (ns) (rate(b[5m])) > 0.05",
                &["sum by (ns) (rate(a[5m])) / sum by (ns) (rate(b[5m]))"],
            ),
            ("available < spec", &["available", "spec"]),
            ("a / on(x) group_left b > on (x) group_left (y) c", &["a / on(x) group_left b", "c"]),
            ("(a > 1)", &["a"]),
            ("(a > 1) and on(b) (c < 2)", &["a", "c"]),
            ("a > 1 unless b", &["a", "b"]),
            ("a > b > 1", &["a", "b"]),
            ("count(up == 0) >= 2", &["count(up == 0)"]),
            ("a > 24 * 3600 # more than a day", &["a"]),
            ("a > (80 / 100)", &["a"]),
            ("a > 1e9", &["a"]),
            ("a > Inf", &["a"]),
            ("sum(a > 1)", &[]),
            ("vector(1)", &[]),
            ("(a) + (b)", &[]),
            ("absent(up{job='x'})", &[]),
            ("a >", &[]),
            ("> 1", &[]),
            ("(a > 1", &[]),
            ("a{b=\"x} > 1", &[]),
            ("", &[]),
            ("operator_sum > 1", &["operator_sum"]),
        ];
        for (expression, wanted) in cases {
            assert_eq!(compared(expression), *wanted, "{expression}");
        }
    }

    proptest! {
        #[test]
        fn parts_stand_on_their_own(text in "[ab01 (){}\\[\\]<>=!\"'`#\\\\ä,.+andorunlesboig_\n-]{0,60}") {
            for part in compared(&text) {
                prop_assert!(text.contains(&part), "{part}");
                prop_assert!(marks(&part).is_some(), "{part}");
                prop_assert!(!part.trim().is_empty());
            }
        }
    }
}
