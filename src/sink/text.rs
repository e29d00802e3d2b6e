//! What stdout gets: the answer's Markdown, and under it how far it can be trusted.

use crate::answer::{Answer, footer, to_markdown};

/// The answer as people read it. A model's own text stays as it is; verification marks and what was not
/// checked come after it, unless they stand there already.
#[must_use]
pub fn to_text(answer: &Answer) -> String {
    if answer.text.trim().is_empty() {
        return to_markdown(answer);
    }
    let mut out = answer.text.trim_end().to_owned();
    for part in footer(answer).split("\n\n") {
        if !part.is_empty() && !out.contains(part) {
            out.push_str("\n\n");
            out.push_str(part);
        }
    }
    out
}
