//! When what is typed is whole, and what was meant by it. Pure.

/// Whether more lines are to come: the last one ends with a backslash, or a code fence is open.
pub(super) fn is_open(text: &str) -> bool {
    let fenced = open_fence(text);
    fenced || text.ends_with('\\')
}

fn open_fence(text: &str) -> bool {
    text.lines().fold(None, fence).is_some()
}

/// The fence that is open after `line`, when `open` was before it.
fn fence(open: Option<(char, usize)>, line: &str) -> Option<(char, usize)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|mark| matches!(mark, '`' | '~'));
    let width = mark.map_or(0, |mark| line.chars().take_while(|c| *c == mark).count());
    let bare = line.chars().count() == width;
    match (open, mark) {
        // A line that opens and closes in one (```` ```x``` ````) is text.
        (None, Some(mark)) if width >= 3 && !line.trim_start_matches(mark).contains('`') => {
            Some((mark, width))
        }
        (Some((opened, least)), Some(mark)) if mark == opened && width >= least && bare => None,
        (open, _) => open,
    }
}

/// What was meant: a backslash that only continued a line goes. It stays inside a code fence, and in an entry that
/// begins with `/` or `!`, whose rest may be for a shell.
pub(super) fn meant(text: &str) -> String {
    if text.trim_start().starts_with(['/', '!']) || !text.contains("\\\n") {
        return text.trim_end().to_owned();
    }
    let mut open = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        let inside = open.is_some();
        open = fence(open, line);
        lines.push(if inside { line } else { line.strip_suffix('\\').unwrap_or(line) });
    }
    lines.join("\n").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_end_where_people_mean_them_to() {
        for (text, open) in [
            ("", false),
            ("why is the pod down", false),
            ("first \\", true),
            ("first \\\nsecond", false),
            ("```", true),
            ("```yaml\na: 1", true),
            ("```yaml\na: 1\n```", false),
            ("````\n```\n", true),
            ("~~~\n```\n~~~", false),
            ("use `x` and ```y``` please", false),
            ("```y``` is not open", false),
        ] {
            assert_eq!(is_open(text), open, "{text:?}");
        }
    }

    #[test]
    fn continuing_backslashes_go_unless_they_belong_to_code() {
        assert_eq!(meant("one \\\ntwo"), "one \ntwo");
        assert_eq!(meant("a\\\n```\nkubectl \\\n get\n```\n"), "a\n```\nkubectl \\\n get\n```");
        assert_eq!(meant("/shell kubectl \\\n get pods"), "/shell kubectl \\\n get pods");
        assert_eq!(meant("C:\\dir"), "C:\\dir");
    }
}
