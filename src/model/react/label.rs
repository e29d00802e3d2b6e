//! The protocol's labels as models write them: bold, numbered, as headings, in any case, several on one line.

/// What a stretch of a reply is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    Question,
    Thought,
    Action,
    Input,
    Observation,
    Final,
}

/// Spellings, lower case, `_` and `-` as blanks. The longest that fits wins.
const SPELLINGS: &[(&str, Label)] = &[
    ("question", Label::Question),
    ("thought", Label::Thought),
    ("thoughts", Label::Thought),
    ("though", Label::Thought),
    ("thought process", Label::Thought),
    ("thinking", Label::Thought),
    ("reasoning", Label::Thought),
    ("action", Label::Action),
    ("actions", Label::Action),
    ("action name", Label::Action),
    ("action to take", Label::Action),
    ("next action", Label::Action),
    ("tool", Label::Action),
    ("tool name", Label::Action),
    ("tool call", Label::Action),
    ("function call", Label::Action),
    ("action input", Label::Input),
    ("action inputs", Label::Input),
    ("actioninput", Label::Input),
    ("action parameters", Label::Input),
    ("action arguments", Label::Input),
    ("action args", Label::Input),
    ("tool input", Label::Input),
    ("tool arguments", Label::Input),
    ("tool parameters", Label::Input),
    ("input", Label::Input),
    ("arguments", Label::Input),
    ("args", Label::Input),
    ("parameters", Label::Input),
    ("observation", Label::Observation),
    ("observations", Label::Observation),
    ("tool output", Label::Observation),
    ("tool result", Label::Observation),
    ("final answer", Label::Final),
    ("finalanswer", Label::Final),
    ("final response", Label::Final),
    ("answer", Label::Final),
];

/// Words that are a label only where one is expected: they head sections of answers, too.
const WEAK: &[&str] =
    &["tool", "input", "arguments", "args", "parameters", "answer", "thinking", "reasoning"];

/// A part of a reply: the text between two labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment<'a> {
    /// `None` before the first label.
    pub(super) label: Option<Label>,
    pub(super) text: &'a str,
}

/// A label, where its text begins and whether it is one of the weak ones.
struct Found {
    label: Label,
    /// Bytes from the line's start.
    begins: usize,
    after: usize,
}

/// The parts of a reply, in order; together with their labels they are the whole of it.
pub(super) fn segments(text: &str) -> Vec<Segment<'_>> {
    let mut out = Vec::new();
    let (mut label, mut from) = (None, 0);
    let mut at = 0;
    // Whether nothing but marks stands between the last label and here, and how far that was looked at.
    let (mut blank, mut looked_at) = (true, 0);
    for line in text.split_inclusive('\n') {
        let mut inner = 0;
        while let Some(rest) = line.get(inner..) {
            blank &= text.get(looked_at..at + inner).is_none_or(|before| bare(before).is_empty());
            looked_at = at + inner;
            let found = if inner == 0 { leading(rest, label, blank) } else { None };
            let Some(found) = found.or_else(|| inline(rest, label)) else { break };
            let start = at + inner + found.begins;
            push(&mut out, label, text.get(from..start).unwrap_or_default());
            label = Some(found.label);
            inner += found.after;
            from = at + inner;
            (blank, looked_at) = (true, from);
        }
        at += line.len();
    }
    push(&mut out, label, text.get(from..).unwrap_or_default());
    out
}

fn push<'a>(out: &mut Vec<Segment<'a>>, label: Option<Label>, text: &'a str) {
    if label.is_some() || !text.trim().is_empty() {
        out.push(Segment { label, text });
    }
}

impl Segment<'_> {
    /// Whether it is the inside of `<final_answer>…</final_answer>`; `text` is the whole that it is a part of.
    pub(super) fn is_element(&self, text: &str) -> bool {
        let begins = (self.text.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
        let before = text.get(..begins).unwrap_or_default();
        let label = before.rsplit('\n').find(|line| !line.trim().is_empty()).unwrap_or_default();
        label.trim_end().ends_with('>') && label.contains('<')
    }
}

/// Text without fences and marks around it.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '`' | '*' | '#' | '_' | '-' | '>'))
}

/// The label that `line` begins with, after `current`; `blank` when nothing stands between the two.
fn leading(line: &str, current: Option<Label>, blank: bool) -> Option<Found> {
    if current == Some(Label::Final) {
        // All of it is the answer, but for the next question of a model that goes on and on.
        return line.starts_with("Question:").then_some(Found {
            label: Label::Question,
            begins: 0,
            after: 9,
        });
    }
    let undressed = undress(line);
    let dressed = undressed.len() < line.trim_start().len();
    let (label, spelling, after_name) = spelled(undressed)?;
    let after_number =
        after_name.trim_start_matches([' ', '#', '[', '(']).trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = after_number.len() < after_name.trim_start().len();
    let rest = if numbered { after_number.trim_start_matches([']', ')']) } else { after_name };
    let closing = rest.trim_start_matches(['*', '_', '`', ' ', ']']);
    let acts = matches!(label, Label::Action | Label::Input) && !WEAK.contains(&spelling);
    let body = match closing.strip_prefix([':', '：']) {
        Some(body) => body,
        None if acts && closing.starts_with('=') => closing.get(1..)?,
        None if (acts || spelling == "final answer") && closing.starts_with("- ") => closing.get(2..)?,
        // `<action>`, as an element.
        None if line.trim_start().starts_with('<') && closing.starts_with('>') => closing.get(1..)?,
        // A heading needs no colon.
        None if dressed && closing.trim().is_empty() => closing,
        None if label == Label::Final && closing.trim().is_empty() => closing,
        None => return None,
    };
    let body = if dressed { body.trim_start_matches(['*', '_']) } else { body };
    let expected = match label {
        Label::Input => current == Some(Label::Action),
        Label::Final => current.is_some() || blank,
        Label::Thought => blank,
        Label::Action => current == Some(Label::Thought) || blank,
        Label::Observation | Label::Question => true,
    };
    if WEAK.contains(&spelling) && !expected {
        return None;
    }
    Some(Found { label, begins: 0, after: line.len() - body.len() })
}

/// A line without bullets, numbers, quotation and emphasis before its first word.
fn undress(line: &str) -> &str {
    let mut rest = line;
    loop {
        let before = rest.len();
        rest = rest.trim_start_matches(|c: char| {
            c.is_whitespace() || matches!(c, '#' | '*' | '_' | '>' | '`' | '-' | '•' | '–' | '[' | '<')
        });
        let digits = rest.trim_start_matches(|c: char| c.is_ascii_digit());
        if digits.len() < rest.len()
            && let Some(after) = digits.strip_prefix(['.', ')'])
        {
            rest = after;
        }
        if rest.len() == before {
            return rest;
        }
    }
}

/// The longest spelling that `text` begins with.
fn spelled(text: &str) -> Option<(Label, &'static str, &str)> {
    SPELLINGS
        .iter()
        .filter_map(|(spelling, label)| {
            let head = text.get(..spelling.len())?;
            let same = head.bytes().zip(spelling.bytes()).all(|(a, b)| {
                let a = if matches!(a, b'_' | b'-') { b' ' } else { a.to_ascii_lowercase() };
                a == b
            });
            let rest = text.get(spelling.len()..)?;
            let ends = rest.chars().next().is_none_or(|c| !c.is_alphanumeric());
            (same && ends).then_some((*label, *spelling, rest))
        })
        .max_by_key(|(_, spelling, _)| spelling.len())
}

/// A label in the middle of a line, in its usual spelling only.
fn inline(line: &str, current: Option<Label>) -> Option<Found> {
    let wanted: &[(&str, Label)] = match current {
        None | Some(Label::Thought | Label::Question) => {
            &[("Final Answer:", Label::Final), ("Action:", Label::Action)]
        }
        Some(Label::Action) => &[
            ("Action Input:", Label::Input),
            ("Action input:", Label::Input),
            ("Observation:", Label::Observation),
        ],
        Some(Label::Input) => &[("Observation:", Label::Observation)],
        Some(Label::Observation | Label::Final) => &[],
    };
    let found = wanted.iter().filter_map(|(spelling, label)| {
        let begins = line.find(spelling)?;
        let before = line.get(..begins)?.chars().next_back();
        let apart = before.is_none_or(|c| !c.is_alphanumeric() && c != '_');
        let after = begins + spelling.len();
        let certain = *label != Label::Action || line.get(after..)?.contains("Action Input:");
        (apart && certain).then(|| {
            let dress = |c: char| matches!(c, '*' | '_');
            let begins = line.get(..begins).map_or(begins, |before| before.trim_end_matches(dress).len());
            let rest = line.get(after..).unwrap_or_default();
            let after = if line.get(..begins).is_some_and(|b| b.len() < after - spelling.len()) {
                line.len() - rest.trim_start_matches(dress).len()
            } else {
                after
            };
            Found { label: *label, begins, after }
        })
    });
    found.min_by_key(|found| found.begins)
}
