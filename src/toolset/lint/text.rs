//! Where things stand: from a place in a command's text to line and column of its file.

use crate::config::yaml::Node;

use super::{Finding, Level};

/// A file's lines.
pub(super) struct Lines<'a> {
    pub place: &'a str,
    lines: Vec<&'a str>,
}

impl<'a> Lines<'a> {
    pub(super) fn new(place: &'a str, text: &'a str) -> Self {
        Self { place, lines: text.lines().collect() }
    }

    fn line(&self, number: usize) -> &'a str {
        number.checked_sub(1).and_then(|at| self.lines.get(at)).copied().unwrap_or_default()
    }

    /// Whether the author silenced `code` on this line or the one above.
    pub(super) fn allows(&self, line: usize, code: &str) -> bool {
        let said = |line: &str| {
            let (_, codes) = line.split_once("# lint: allow ")?;
            Some(codes.split([',', ' ']).take_while(|word| !word.starts_with('(')).any(|word| word == code))
        };
        [line, line.saturating_sub(1)].into_iter().any(|line| said(self.line(line)).unwrap_or(false))
    }

    pub(super) fn finding(
        &self,
        line: usize,
        column: usize,
        level: Level,
        code: &'static str,
        message: impl Into<String>,
    ) -> Finding {
        Finding {
            file: self.place.to_owned(),
            line,
            column,
            level,
            code,
            message: message.into(),
            remedy: String::new(),
            toolset: None,
            tool: None,
        }
    }

    /// A finding about byte `at` of the text of `node`.
    pub(super) fn within(
        &self,
        node: &Node,
        at: usize,
        level: Level,
        code: &'static str,
        message: impl Into<String>,
    ) -> Finding {
        let (line, column) = self.locate(node, at);
        self.finding(line, column, level, code, message)
    }

    /// Line and column of byte `at` of the text of `node`; where it begins if that cannot be told.
    pub(super) fn locate(&self, node: &Node, at: usize) -> (usize, usize) {
        let text = node.as_str().unwrap_or_default();
        let before = text.get(..at).unwrap_or_default();
        let start = before.rfind('\n').map_or(0, |feed| feed + 1);
        let line = node.line + before.matches('\n').count();
        let own = text.get(start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let into = before.get(start..).unwrap_or_default();
        let column = |line: &str, bytes: usize| line.get(..bytes).unwrap_or_default().chars().count() + 1;
        // A literal block, or a word on one line: the file has the text's line as it is.
        let file = self.line(line);
        if let Some(found) = file.find(own).filter(|_| !own.is_empty()) {
            return (line, column(file, found + into.len()));
        }
        // Folded or escaped: the first place from there on that has the next characters.
        let sought: String = text.get(at..).unwrap_or_default().chars().take(16).collect();
        let sought = sought.split(['\n', '"', '\'', '\\']).next().unwrap_or_default().trim_end();
        if sought.len() > 1 {
            // What stands before it in the text stands before it in the file, too.
            let earlier = before.matches(sought).count();
            let places = (node.line..node.line + 200).flat_map(|number| {
                let line = self.line(number);
                // The key may be the same word: `tail: "tail -f"`.
                let skip = if number == node.line { node.column.saturating_sub(1) } else { 0 };
                let from = line.char_indices().nth(skip).map_or(0, |(at, _)| at);
                line.match_indices(sought).filter(move |(at, _)| *at >= from).map(move |(at, _)| (number, at))
            });
            if let Some((number, at)) = places.into_iter().nth(earlier) {
                return (number, column(self.line(number), at));
            }
        }
        (node.line, node.column)
    }
}
