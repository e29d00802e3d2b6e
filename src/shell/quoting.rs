//! How values are shown in a command that people read. Never used for text that runs.

use std::borrow::Cow;

/// As one word: bare where that is unambiguous, else in single quotes.
pub(super) fn word(value: &str) -> String {
    let bare =
        !value.is_empty() && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=@%+,".contains(&b));
    if bare { value.to_owned() } else { format!("'{}'", in_single(value)) }
}

/// Inside single quotes that are already there.
pub(super) fn in_single(value: &str) -> String {
    visible(value).replace('\'', r#"'"'"'"#)
}

/// Inside double quotes or a here-document.
pub(super) fn in_double(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in visible(value).chars() {
        if matches!(c, '"' | '\\' | '$' | '`') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Control characters other than line feed and tab do not reach a terminal.
pub(super) fn visible(value: &str) -> Cow<'_, str> {
    if value.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        Cow::Owned(
            value
                .chars()
                .map(|c| if c.is_control() && c != '\n' && c != '\t' { '\u{fffd}' } else { c })
                .collect(),
        )
    } else {
        Cow::Borrowed(value)
    }
}
