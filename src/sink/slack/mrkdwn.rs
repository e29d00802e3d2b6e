//! Words in Slack's own markup: escaped, within limits, never cut inside a character that a reader sees as one.
//!
//! What strangers wrote names nobody, links nowhere and closes no code: `<`, `>` and `&` are escaped, text objects are
//! sent `verbatim`, and backticks inside code are kept apart.

use std::fmt::Write as _;

/// What one text may take: `units` as Slack counts characters (UTF-16, escaped), and three times that as ASCII JSON,
/// which is what bounds a whole message.
#[derive(Clone, Copy, Default)]
struct Taken {
    units: usize,
    bytes: usize,
}

impl Taken {
    fn with(self, letter: char) -> Self {
        let (units, bytes) = match letter {
            '&' => (5, 5),
            '<' | '>' => (4, 4),
            '\n' | '"' | '\\' => (1, 2),
            letter if letter.is_ascii() => (1, 1),
            letter => (letter.len_utf16(), 6 * letter.len_utf16()),
        };
        Self { units: self.units + units, bytes: self.bytes + bytes }
    }

    fn fits(self, most: usize) -> bool {
        self.units <= most && self.bytes <= 3 * most
    }
}

/// Marks that belong to the character before them: cutting there would change what is read.
fn joins(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}' | '\u{93a}'..='\u{94d}' | '\u{e31}' | '\u{e34}'..='\u{e3a}'
        | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{200d}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{fe20}'..='\u{fe2f}'
        | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0020}'..='\u{e007f}')
}

/// How many bytes of `text` fit into `most`; all of them where they do.
fn fitting(text: &str, most: usize) -> usize {
    let mut taken = Taken::default();
    // The last place where a cut would part nothing.
    let (mut end, mut before) = (0, '\n');
    // Two letters of a flag are one flag.
    let mut half_flag = false;
    for (at, letter) in text.char_indices() {
        let of_flag = ('\u{1f1e6}'..='\u{1f1ff}').contains(&letter);
        if !joins(letter) && before != '\u{200d}' && !(half_flag && of_flag) {
            end = at;
        }
        half_flag = of_flag && !half_flag;
        taken = taken.with(letter);
        if !taken.fits(most) {
            // One character of a thousand marks is no character: it is cut all the same.
            return if end == 0 { at } else { end };
        }
        before = letter;
    }
    text.len()
}

/// `text` cut to what fits into `most`, with `…` where something is missing.
pub(super) fn cut(text: &str, most: usize) -> String {
    if fitting(text, most) == text.len() {
        return text.to_owned();
    }
    let end = fitting(text, most.saturating_sub(2));
    format!("{}…", text.get(..end).unwrap_or_default().trim_end())
}

/// `text` in pieces that fit into `most`, parted at line ends, else at spaces, else between characters.
pub(super) fn pieces(text: &str, most: usize) -> Vec<String> {
    let mut out = Vec::new();
    let mut rest = text.trim_matches('\n');
    while !rest.is_empty() {
        let fits = fitting(rest, most);
        let head = rest.get(..fits).unwrap_or_default();
        let end = if fits == rest.len() {
            fits
        } else {
            // A break so early that most of the piece would be empty is none.
            let after = |at: Option<usize>| at.filter(|at| *at > fits / 2).map(|at| at + 1);
            after(head.rfind('\n')).or_else(|| after(head.rfind(' '))).unwrap_or(fits)
        };
        // `most` is far larger than one letter; this holds all the same.
        let end = if end == 0 { rest.chars().next().map_or(rest.len(), char::len_utf8) } else { end };
        let (piece, tail) = rest.split_at(end);
        let piece = piece.trim_end();
        if !piece.is_empty() {
            out.push(piece.to_owned());
        }
        rest = tail.trim_start_matches('\n');
    }
    out
}

/// `text` without what steers a reader's screen: control characters, and marks that turn the reading direction.
pub(super) fn plain(text: &str) -> String {
    text.chars()
        .filter_map(|letter| match letter {
            '\n' | '\u{2028}' | '\u{2029}' => Some('\n'),
            '\t' => Some(' '),
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
            letter if letter.is_control() => None,
            letter => Some(letter),
        })
        .collect()
}

pub(super) fn one_line(text: &str) -> String {
    plain(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Words for a place where Slack reads no markup: what would be an entity or a mention there becomes a look-alike.
pub(super) fn unmarked(text: &str, most: usize) -> String {
    cut(&one_line(text).replace('<', "‹").replace('>', "›"), most)
}

/// Words in one line, Markdown's bold and code as Slack's.
pub(super) fn inline(text: &str, most: usize) -> String {
    escape(&marked(&cut(&one_line(text), most)))
}

/// Markdown of one line as Slack's; code that is not closed is no code.
fn marked(line: &str) -> String {
    let mut out = line.replace("**", "*");
    while out.contains("``") {
        out = out.replace("``", "`");
    }
    if out.matches('`').count() % 2 == 1 {
        out = out.replace('`', "'");
    }
    out
}

/// Text as a block of code, whatever backticks it holds. `most` is for the text and its fence.
pub(super) fn fence(text: &str, most: usize) -> String {
    let kept = apart(plain(text).trim_matches('\n'));
    format!("```\n{}\n```", escape(&cut(&kept, most.saturating_sub(8))))
}

/// No three backticks stand together, and none at the end.
fn apart(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = 0;
    for letter in text.chars() {
        run = if letter == '`' { run + 1 } else { 0 };
        if run > 1 {
            out.push('\u{200b}');
        }
        out.push(letter);
    }
    out
}

/// Markdown as sections' texts of at most `most` each; code stays code in every piece of it.
pub(super) fn sections(markdown: &str, most: usize) -> Vec<String> {
    let mut out = Vec::new();
    let (mut block, mut code) = (String::new(), false);
    let mut flush = |block: &mut String, code: bool| {
        let text = std::mem::take(block);
        if code {
            out.extend(
                pieces(&apart(&text), most - 8).iter().map(|one| format!("```\n{}\n```", escape(one))),
            );
        } else {
            out.extend(pieces(&text, most).iter().map(|one| escape(one)));
        }
    };
    for line in plain(markdown).lines() {
        if line.trim_start().starts_with("```") {
            flush(&mut block, code);
            code = !code;
        } else if code {
            let _ = writeln!(block, "{line}");
        } else {
            let _ = writeln!(block, "{}", prose(line));
        }
    }
    flush(&mut block, code);
    out
}

/// A line of Markdown as Slack writes it: headings bold, bullets as dots.
fn prose(line: &str) -> String {
    let words = line.trim_start();
    let indent = line.get(..line.len() - words.len()).unwrap_or_default();
    let level = words.chars().take_while(|letter| *letter == '#').count();
    let title = words.get(level..).and_then(|rest| rest.strip_prefix(' '));
    if let Some(title) = title.filter(|_| (1..=6).contains(&level)) {
        return format!("*{}*", marked(title).replace('*', "").trim());
    }
    match words.strip_prefix("- ").or_else(|| words.strip_prefix("* ")) {
        Some(item) => format!("{indent}• {}", marked(item)),
        None => marked(line),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_cut_inside_what_is_read_as_one() {
        // A family, a flag, an e with its accent, an entity.
        for (text, most, kept) in [
            ("ab👨‍👩‍👧cd", 6, "ab…"),
            ("ab🇩🇪cd", 6, "ab…"),
            ("abe\u{301}d", 4, "ab…"),
            ("ab&cd", 6, "ab…"),
            ("abcdef", 6, "abcdef"),
        ] {
            assert_eq!(cut(text, most), kept, "{text}");
        }
    }

    #[test]
    fn long_text_is_parted_at_line_ends() {
        let text = format!("{}\n{}\n{}", "a".repeat(60), "b".repeat(60), "c".repeat(130));
        let parts = pieces(&text, 100);
        assert_eq!(parts, ["a".repeat(60), "b".repeat(60), "c".repeat(100), "c".repeat(30)]);
        assert!(pieces("\n\n", 100).is_empty());
    }

    #[test]
    fn strangers_words_name_nobody_and_close_no_code() {
        assert_eq!(inline("<!channel> & `x", 100), "&lt;!channel&gt; &amp; 'x");
        assert_eq!(inline("**bold** ``co`de``", 100), "*bold* 'co'de'");
        assert_eq!(unmarked("a\u{202e}b <@U1>\n", 100), "ab ‹@U1›");
        let code = fence("a\n``````\n<!here>`", 100);
        assert_eq!(code.matches("```").count(), 2, "{code}");
        assert!(code.contains("&lt;!here&gt;") && code.ends_with("\n```"), "{code}");
    }

    #[test]
    fn markdown_becomes_slacks_and_code_stays_code_in_every_piece() {
        let text = "# Cause\n\n- **one** `x`\n```sh\nkubectl get <pod>\n```\nend";
        assert_eq!(
            sections(text, 1000),
            ["*Cause*\n\n• *one* `x`", "```\nkubectl get &lt;pod&gt;\n```", "end"]
        );
        let long = format!("```\n{}", "line of code\n".repeat(50));
        let parts = sections(&long, 200);
        assert!(parts.len() > 3);
        assert!(
            parts.iter().all(|one| one.starts_with("```\n") && one.ends_with("\n```") && one.len() <= 200)
        );
    }
}
