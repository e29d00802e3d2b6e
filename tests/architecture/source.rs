//! Reads Rust source just well enough to know which paths a file names.
//!
//! Not a parser: comments and literals are blanked, items under `#[cfg(test)]` too, and what is left is scanned for
//! `a::b::{c, d}`. Names brought in by a glob or made by a macro are not seen.

/// A path as written, with the line it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) line: usize,
    pub(crate) segments: Vec<String>,
    /// `name!`: a macro's call.
    pub(crate) is_macro: bool,
}

/// The text with comments, strings and characters turned to blanks; lines stay where they are.
pub(crate) fn code(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = literal_or_comment(&chars, at);
        if end == at {
            out.push(chars[at]);
            at += 1;
        } else {
            out.extend(chars[at..end].iter().map(|&c| if c == '\n' { '\n' } else { ' ' }));
            at = end;
        }
    }
    out
}

/// Where the comment or literal that begins at `at` ends; `at` when none begins there.
fn literal_or_comment(chars: &[char], at: usize) -> usize {
    let next = chars.get(at + 1).copied();
    match chars[at] {
        '/' if next == Some('/') => find(chars, at, '\n'),
        '/' if next == Some('*') => block_comment(chars, at),
        '"' => string(chars, at + 1),
        'r' | 'b' | 'c' if !at.checked_sub(1).is_some_and(|before| is_word(chars[before])) => {
            prefixed(chars, at)
        }
        '\'' => character(chars, at),
        _ => at,
    }
}

fn find(chars: &[char], from: usize, wanted: char) -> usize {
    chars[from..].iter().position(|&c| c == wanted).map_or(chars.len(), |offset| from + offset)
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

/// Past the closing quote of a string whose first character is at `at`.
fn string(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() && chars[at] != '"' {
        at += if chars[at] == '\\' { 2 } else { 1 };
    }
    (at + 1).min(chars.len())
}

/// `r"…"`, `r#"…"#`, `b"…"`, `b'…'`, `br#"…"#`, `c"…"`.
fn prefixed(chars: &[char], start: usize) -> usize {
    let mut at = start;
    while matches!(chars.get(at), Some('r' | 'b' | 'c')) && at - start < 2 {
        at += 1;
    }
    let raw = chars[start..at].contains(&'r');
    let hashes = chars[at..].iter().take_while(|&&c| c == '#').count();
    match chars.get(at + hashes) {
        Some('"') if raw => {
            let mut close = at + hashes + 1;
            while close < chars.len() {
                if chars[close] == '"'
                    && chars[close + 1..].iter().take(hashes).filter(|&&c| c == '#').count() == hashes
                {
                    return close + 1 + hashes;
                }
                close += 1;
            }
            chars.len()
        }
        Some('"') if hashes == 0 => string(chars, at + 1),
        Some('\'') if hashes == 0 => character(chars, at),
        _ => start,
    }
}

/// A character literal; `at` for a lifetime.
fn character(chars: &[char], at: usize) -> usize {
    match (chars.get(at + 1), chars.get(at + 2)) {
        (Some('\\'), Some(_)) => find(chars, at + 3, '\'').saturating_add(1).min(chars.len()),
        (Some(_), Some('\'')) => at + 3,
        _ => at,
    }
}

/// Blanks every item that stands under `#[cfg(test)]`. Takes what `code` returned.
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = code.to_owned();
    while let Some(start) = out.find(MARK) {
        let body = start + MARK.len();
        let mut depth = 0;
        let mut end = out.len();
        for (offset, c) in out[body..].char_indices() {
            match c {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 && (c == ';' || c == '}') {
                end = body + offset + 1;
                break;
            }
        }
        let blank: String = out[start..end].chars().map(|c| if c == '\n' { '\n' } else { ' ' }).collect();
        out.replace_range(start..end, &blank);
    }
    out
}

/// Every path of two or more segments, and every macro call. Takes what `code` returned.
pub(crate) fn named(code: &str) -> Vec<Named> {
    let mut scan = Scan { chars: code.chars().collect(), at: 0, line: 1, found: Vec::new() };
    while scan.at < scan.chars.len() {
        if is_word(scan.chars[scan.at]) {
            scan.path(&mut Vec::new());
        } else {
            scan.step();
        }
    }
    scan.found.retain(|named| named.is_macro || named.segments.len() > 1);
    scan.found
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

struct Scan {
    chars: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<Named>,
}

impl Scan {
    fn step(&mut self) {
        if self.chars.get(self.at) == Some(&'\n') {
            self.line += 1;
        }
        self.at += 1;
    }

    fn blanks(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.step();
        }
    }

    fn separator(&self) -> bool {
        self.chars.get(self.at) == Some(&':') && self.chars.get(self.at + 1) == Some(&':')
    }

    /// One path, with all the leaves of its braces, `prefix` before each.
    fn path(&mut self, prefix: &mut Vec<String>) {
        let (depth, line) = (prefix.len(), self.line);
        loop {
            let start = self.at;
            while self.chars.get(self.at).is_some_and(|&c| is_word(c)) {
                self.at += 1;
            }
            prefix.push(self.chars[start..self.at].iter().collect());
            if !self.separator() {
                break;
            }
            self.at += 2;
            self.blanks();
            match self.chars.get(self.at) {
                Some('{') => {
                    self.braces(prefix);
                    prefix.truncate(depth);
                    return;
                }
                Some(&c) if is_word(c) => {}
                // `*`, `<`: what is known so far.
                _ => break,
            }
        }
        let is_macro = self.chars.get(self.at) == Some(&'!') && self.chars.get(self.at + 1) != Some(&'=');
        if prefix.last().is_some_and(|last| last == "self") && prefix.len() > 1 {
            prefix.pop();
        }
        self.found.push(Named { line, segments: prefix.clone(), is_macro });
        prefix.truncate(depth);
    }

    fn braces(&mut self, prefix: &mut Vec<String>) {
        let depth = prefix.len();
        self.step();
        loop {
            self.blanks();
            match self.chars.get(self.at) {
                None => return,
                Some('}') => return self.step(),
                Some(&c) if is_word(c) => {
                    self.path(prefix);
                    prefix.truncate(depth);
                    self.rename();
                }
                Some(_) => self.step(),
            }
        }
    }

    /// `as name` gives no path of its own.
    fn rename(&mut self) {
        while !matches!(self.chars.get(self.at), None | Some(',' | '}')) {
            self.step();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        named(&without_tests(&code(text))).iter().map(|named| named.segments.join("::")).collect()
    }

    #[test]
    fn braces_give_each_leaf_its_whole_path() {
        let text =
            "use crate::{\n    agent::{self, Message},\n    evidence::view::clip as cut,\n    shell::*,\n};";
        assert_eq!(
            paths(text),
            ["crate::agent", "crate::agent::Message", "crate::evidence::view::clip", "crate::shell"]
        );
    }

    #[test]
    fn paths_inside_code_are_seen() {
        assert_eq!(
            paths("fn f(x: &crate::ui::Bar) -> Vec<super::b::C> { Vec::<u8>::new(); std::env::var(k) }"),
            ["crate::ui::Bar", "super::b::C", "std::env::var"]
        );
    }

    #[test]
    fn comments_and_literals_are_not() {
        let text = r##"
            //! crate::a::b
            /* crate::c::d /* e::f */ g::h */
            let x = "crate::i::j\" k::l"; let y = r#"m::n " o::p"#; let z = '"'; let w = b"q::r";
            fn s<'a>(t: &'a u::V) {}
        "##;
        assert_eq!(paths(text), ["u::V"]);
    }

    #[test]
    fn items_for_tests_are_not() {
        let text =
            "#[cfg(test)]\nmod tests { use crate::a::B; fn f() { {} } }\n#[cfg(test)]\nmod more;\nuse c::D;";
        assert_eq!(paths(text), ["c::D"]);
        assert_eq!(named(&without_tests(&code(text)))[0].line, 5, "lines stay where they are");
    }

    #[test]
    fn macros_are_told_from_comparisons() {
        let found = named("println!(1); a != b; anstream::eprintln!(2)");
        let macros: Vec<_> =
            found.iter().filter(|named| named.is_macro).map(|named| &named.segments).collect();
        assert_eq!(
            macros,
            [&vec!["println".to_owned()], &vec!["anstream".to_owned(), "eprintln".to_owned()]]
        );
    }
}
