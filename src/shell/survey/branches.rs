//! A template's text by its branches. Only as much of Jinja as tells one branch from another: the template
//! itself was parsed elsewhere, and what this misreads costs a finding, never a command.

/// Branches of one template that are looked at.
const VARIANTS: usize = 6;

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    Text {
        at: usize,
        text: &'a str,
    },
    /// `{{ expression }}`
    Print {
        at: usize,
        expression: &'a str,
    },
    /// `{% if %}…{% elif %}…{% else %}…{% endif %}`; without an `else` the last one is empty.
    Choice(Vec<Vec<Piece<'a>>>),
}

/// How many walks see every branch.
pub(super) fn variants(pieces: &[Piece<'_>]) -> usize {
    let within = |piece: &Piece<'_>| match piece {
        Piece::Choice(choices) => {
            choices.len().max(choices.iter().map(|choice| variants(choice)).max().unwrap_or(1))
        }
        _ => 1,
    };
    pieces.iter().map(within).max().unwrap_or(1).clamp(1, VARIANTS)
}

/// The string literals an expression begins with or chooses between (`'-A' if all else ''`).
pub(super) fn literals(expression: &str) -> Vec<&str> {
    let expression = expression.trim();
    if !expression.starts_with(['"', '\'']) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(start) = rest.find(['"', '\'']) {
        let (before, quoted) = rest.split_at(start);
        // Those of a condition are no text: `'-A' if scope == 'all' else ''`.
        let compared =
            before.trim_end().ends_with(['=', '<', '>', '[', '(', ',']) || before.trim_end().ends_with(" in");
        let mark = quoted.chars().next().unwrap_or('"');
        let Some(inner) = quoted.get(1..) else { break };
        let Some(end) = inner.find(mark) else { break };
        if !compared {
            found.extend(inner.get(..end));
        }
        rest = inner.get(end + 1..).unwrap_or_default();
    }
    found
}

/// The parts of a template, in order.
pub(super) fn pieces(source: &str) -> Vec<Piece<'_>> {
    let mut reader = Reader { source, at: 0, depth: 0 };
    let mut all = Vec::new();
    loop {
        let (found, end) = reader.until_tag();
        all.extend(found);
        // An `else` or `endif` of nothing is passed over.
        if end.is_none() {
            return all;
        }
    }
}

struct Reader<'a> {
    source: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    /// Pieces up to a tag that ends or divides a block, and its first word.
    fn until_tag(&mut self) -> (Vec<Piece<'a>>, Option<&'a str>) {
        let mut found = Vec::new();
        loop {
            let rest = self.source.get(self.at..).unwrap_or_default();
            let next = ["{{", "{%", "{#"].into_iter().filter_map(|mark| rest.find(mark)).min();
            let Some(next) = next else {
                if !rest.is_empty() {
                    found.push(Piece::Text { at: self.at, text: rest });
                }
                self.at = self.source.len();
                return (found, None);
            };
            if next > 0 {
                found.push(Piece::Text { at: self.at, text: rest.get(..next).unwrap_or_default() });
            }
            let begin = self.at + next;
            let close = match rest.get(next..next + 2) {
                Some("{{") => "}}",
                Some("{%") => "%}",
                _ => "#}",
            };
            let inside = self.tag(begin, close);
            if close == "}}" {
                found.push(Piece::Print { at: begin, expression: inside });
            } else if close == "%}" {
                let word = inside.split_whitespace().next().unwrap_or_default();
                match word {
                    "if" if self.depth < 40 => {
                        self.depth += 1;
                        let choice = self.choice();
                        self.depth -= 1;
                        found.push(choice);
                    }
                    "for" => {
                        let (body, end) = self.until_tag();
                        found.extend(body);
                        if end == Some("else") {
                            let _ = self.until_tag();
                        }
                    }
                    "macro" => {
                        let _ = self.until_tag();
                    }
                    // What a block captures is printed elsewhere.
                    "set" if !inside.contains('=') => {
                        let _ = self.until_tag();
                    }
                    "raw" => {
                        let rest = self.source.get(self.at..).unwrap_or_default();
                        let end = rest.find("{%").unwrap_or(rest.len());
                        found.push(Piece::Text { at: self.at, text: rest.get(..end).unwrap_or_default() });
                        self.at += end;
                    }
                    "elif" | "else" | "endif" | "endfor" | "endmacro" | "endset" => {
                        return (found, Some(word));
                    }
                    _ => {}
                }
            }
        }
    }

    fn choice(&mut self) -> Piece<'a> {
        let mut choices = Vec::new();
        let mut otherwise = false;
        loop {
            let (body, end) = self.until_tag();
            choices.push(body);
            match end {
                Some("elif") => {}
                Some("else") => otherwise = true,
                _ => break,
            }
        }
        if !otherwise {
            choices.push(Vec::new());
        }
        Piece::Choice(choices)
    }

    /// What stands between the marks; afterwards the reader stands behind them.
    fn tag(&mut self, begin: usize, close: &str) -> &'a str {
        let start = begin + 2;
        let rest = self.source.get(start..).unwrap_or_default();
        let mut quote = None;
        let mut end = None;
        for (at, c) in rest.char_indices() {
            match quote {
                Some(mark) if c == mark => quote = None,
                None if close != "#}" && matches!(c, '"' | '\'') => quote = Some(c),
                None if rest.get(at..).is_some_and(|rest| rest.starts_with(close)) => {
                    end = Some(at);
                    break;
                }
                _ => {}
            }
        }
        let end = end.or_else(|| rest.find(close)).unwrap_or(rest.len());
        self.at = (start + end + 2).min(self.source.len());
        rest.get(..end).unwrap_or_default().trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+')
    }
}
