//! The outline of a free-text answer: blocks of prose and code under the headings people and models use.
//!
//! It knows the spellings of headings, not what the sections mean for an answer (`text` does).

use super::citation::fold;

/// What a section is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Topic {
    /// Before any heading, or under one that means nothing here.
    Opening,
    RootCause,
    /// A conclusion that does not claim to be a cause.
    Summary,
    Evidence,
    Fix,
    NotSure,
    Verdict,
    Confidence,
    Other,
}

/// A run of text that belongs together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) topic: Topic,
    pub(super) kind: Kind,
    pub(super) text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Paragraph,
    Item,
    Code,
}

/// Headings by topic, lower case. The longest that fits wins.
const LABELS: &[(&str, Topic)] = &[
    ("root cause", Topic::RootCause),
    ("root causes", Topic::RootCause),
    ("root cause analysis", Topic::RootCause),
    ("the root cause", Topic::RootCause),
    ("root cause found", Topic::RootCause),
    ("possible root cause", Topic::RootCause),
    ("possible root causes", Topic::RootCause),
    ("conclusions and possible root causes", Topic::RootCause),
    ("probable root cause", Topic::RootCause),
    ("likely root cause", Topic::RootCause),
    ("most likely root cause", Topic::RootCause),
    ("probable cause", Topic::RootCause),
    ("likely cause", Topic::RootCause),
    ("most likely cause", Topic::RootCause),
    ("cause", Topic::RootCause),
    ("diagnosis", Topic::RootCause),
    ("summary", Topic::Summary),
    ("conclusion", Topic::Summary),
    ("conclusions", Topic::Summary),
    ("answer", Topic::Summary),
    ("final answer", Topic::Summary),
    ("tl;dr", Topic::Summary),
    ("tldr", Topic::Summary),
    ("evidence", Topic::Evidence),
    ("key evidence", Topic::Evidence),
    ("supporting evidence", Topic::Evidence),
    ("findings", Topic::Evidence),
    ("key findings", Topic::Evidence),
    ("observations", Topic::Evidence),
    ("proof", Topic::Evidence),
    ("fix", Topic::Fix),
    ("fixes", Topic::Fix),
    ("the fix", Topic::Fix),
    ("how to fix", Topic::Fix),
    ("how to fix it", Topic::Fix),
    ("immediate fix", Topic::Fix),
    ("recommended fix", Topic::Fix),
    ("suggested fix", Topic::Fix),
    ("proposed fix", Topic::Fix),
    ("possible fix", Topic::Fix),
    ("possible fixes", Topic::Fix),
    ("remediation", Topic::Fix),
    ("remediation steps", Topic::Fix),
    ("remedy", Topic::Fix),
    ("mitigation", Topic::Fix),
    ("resolution", Topic::Fix),
    ("solution", Topic::Fix),
    ("solutions", Topic::Fix),
    ("next steps", Topic::Fix),
    ("next step", Topic::Fix),
    ("recommendation", Topic::Fix),
    ("recommendations", Topic::Fix),
    ("recommended action", Topic::Fix),
    ("recommended actions", Topic::Fix),
    ("action items", Topic::Fix),
    ("not sure", Topic::NotSure),
    ("uncertain", Topic::NotSure),
    ("uncertainties", Topic::NotSure),
    ("unknowns", Topic::NotSure),
    ("unclear", Topic::NotSure),
    ("open questions", Topic::NotSure),
    ("caveats", Topic::NotSure),
    ("verdict", Topic::Verdict),
    ("confidence", Topic::Confidence),
    ("confidence level", Topic::Confidence),
    ("not checked", Topic::Other),
    ("not verified", Topic::Other),
];

/// Splits Markdown into blocks under their topics, in order.
pub(super) fn blocks(markdown: &str) -> Vec<Block> {
    let mut out: Vec<Block> = Vec::new();
    let mut topic = Topic::Opening;
    let mut open: Option<Block> = None;
    let mut fence: Option<(char, usize)> = None;
    for line in markdown.lines() {
        let trimmed = line.trim();
        if let Some((mark, width)) = fence {
            let run = trimmed.chars().take_while(|c| *c == mark).count();
            if run >= width && trimmed.chars().all(|c| c == mark) {
                fence = None;
                out.extend(open.take());
            } else if let Some(block) = &mut open {
                block.text.push_str(line);
                block.text.push('\n');
            }
            continue;
        }
        if let Some(mark) = trimmed.chars().next().filter(|c| matches!(c, '`' | '~')) {
            let run = trimmed.chars().take_while(|c| *c == mark).count();
            let info = trimmed.get(run..).unwrap_or_default();
            if run >= 3 && !info.contains('`') {
                fence = Some((mark, run));
                out.extend(open.take());
                open = Some(Block { topic, kind: Kind::Code, text: String::new() });
                continue;
            }
        }
        if trimmed.is_empty() {
            out.extend(open.take());
            continue;
        }
        if let Some((next, rest)) = heading(trimmed) {
            out.extend(open.take());
            topic = next;
            if !rest.is_empty() {
                open = Some(Block { topic, kind: Kind::Paragraph, text: rest.to_owned() });
            }
            continue;
        }
        if let Some(rest) = list_item(trimmed) {
            out.extend(open.take());
            open = Some(Block { topic, kind: Kind::Item, text: rest.to_owned() });
            continue;
        }
        // Rules and the underlines of setext headings say nothing.
        if trimmed.len() >= 3 && trimmed.chars().all(|c| matches!(c, '=' | '-' | '*' | '_')) {
            out.extend(open.take());
            continue;
        }
        match &mut open {
            Some(block) => {
                block.text.push('\n');
                block.text.push_str(trimmed);
            }
            None => {
                open = Some(Block { topic, kind: Kind::Paragraph, text: trimmed.to_owned() });
            }
        }
    }
    out.extend(open);
    out.retain(|block| !block.text.trim().is_empty());
    out
}

/// The text of a list item, its marker and check box gone.
pub(super) fn list_item(line: &str) -> Option<&str> {
    let rest = if let Some(rest) = line.strip_prefix(['-', '*', '+', '•']) {
        rest
    } else {
        let digits = line.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 || digits > 4 {
            return None;
        }
        line.get(digits..)?.strip_prefix(['.', ')'])?
    };
    let text = rest.strip_prefix([' ', '\t'])?.trim_start();
    let text = ["[ ] ", "[x] ", "[X] "].iter().find_map(|mark| text.strip_prefix(mark)).unwrap_or(text);
    Some(text)
}

/// Topic of a heading line and what follows the heading on it.
fn heading(line: &str) -> Option<(Topic, &str)> {
    let hashes = line.bytes().take_while(|b| *b == b'#').count();
    let atx = (1..=6).contains(&hashes);
    let body = line.trim_start_matches(|c: char| !c.is_alphabetic());
    let lead = line.get(..line.len() - body.len()).unwrap_or_default();
    let strong = lead.ends_with("**") || lead.ends_with("__");
    let emphasis = strong || lead.ends_with('*') && !lead.ends_with(' ') || lead.ends_with('_');
    if let Some((topic, rest)) = label(body) {
        let closed = rest.trim_start_matches(['*', '_']);
        let ends_here = emphasis && closed.len() < rest.len();
        if let Some(after) = closed.trim_start().strip_prefix([':', '：']) {
            return Some((topic, inline(after, emphasis && !ends_here)));
        }
        if let Some(after) = ["—", "–", "- "].iter().find_map(|dash| closed.trim_start().strip_prefix(dash))
            && (ends_here || atx)
        {
            return Some((topic, inline(after, false)));
        }
        if closed.trim_matches(['#', ' ']).is_empty() {
            return Some((topic, ""));
        }
        if ends_here {
            return Some((topic, closed.trim()));
        }
        if atx {
            // "# Root cause of the crash" names the section and says nothing yet.
            return Some((topic, ""));
        }
        return None;
    }
    let whole_line_strong = strong
        && !lead.contains(['-', '+'])
        && line.trim_end_matches(':').ends_with("**")
        && body.len() < 80
        && line.matches("**").count() == 2;
    (atx || whole_line_strong).then_some((Topic::Other, ""))
}

/// What follows the colon of a heading, without the emphasis that may close there.
fn inline(text: &str, open: bool) -> &str {
    let text = text.trim().trim_start_matches(['*', '_']).trim_start();
    if open { text.trim_end_matches(['*', '_']) } else { text }
}

/// The topic whose label the text starts with, whatever its case, and the rest of the text.
fn label(text: &str) -> Option<(Topic, &str)> {
    LABELS
        .iter()
        .filter(|(label, _)| {
            text.get(..label.len()).is_some_and(|start| start.eq_ignore_ascii_case(label))
                && text
                    .get(label.len()..)
                    .and_then(|rest| rest.chars().next())
                    .is_none_or(|next| !next.is_alphanumeric())
        })
        .max_by_key(|(label, _)| label.len())
        .map(|(label, topic)| (*topic, text.get(label.len()..).unwrap_or_default()))
}

/// Prose without emphasis marks, on one line.
pub(super) fn plain(text: &str) -> String {
    fold(&text.replace("**", "").replace("__", ""))
}
