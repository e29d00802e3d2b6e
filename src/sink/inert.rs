//! Markdown of an answer that loads nothing and hides no address, whoever renders it.
//!
//! An answer repeats words of strangers, and a model can be told to write `![](https://…?q=what it read)`: a wiki that
//! shows it has sent it. HTML becomes text, images become their address as code, links say where they lead.

use std::fmt::Write as _;
use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Options, Parser, Tag, TagEnd};

/// A link or an image that is being read.
struct Open {
    from: usize,
    depth: usize,
    image: bool,
    address: String,
    text: String,
}

/// What is text now may have been what made other lines code: then those are read again. Real answers need one look.
const LOOKS: usize = 8;

/// `markdown` with nothing but text, code and addresses that can be seen.
pub(super) fn inert(markdown: &str) -> String {
    let mut made = once(markdown);
    for _ in 1..LOOKS {
        let next = once(&made);
        if next == made {
            return made;
        }
        made = next;
    }
    // Nobody writes this but to get past: without marks it is text, whatever it was.
    escaped(&made.replace(['`', '~', '[', ']'], " "))
}

fn once(markdown: &str) -> String {
    let (mut edits, mut code, mut open) = (Vec::<(Range<usize>, String)>::new(), 0_usize, None::<Open>);
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for (event, range) in Parser::new_ext(markdown, options).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_)) => {
                code += 1;
                edits.push((range.clone(), markdown.get(range).unwrap_or_default().to_owned()));
            }
            Event::End(TagEnd::CodeBlock) => code = code.saturating_sub(1),
            Event::Start(Tag::Link { link_type, dest_url, .. }) => match &mut open {
                Some(open) => open.depth += 1,
                None if matches!(link_type, LinkType::Autolink | LinkType::Email) => {
                    let kept = if is_web(&dest_url) {
                        markdown.get(range.clone()).unwrap_or_default().to_owned()
                    } else {
                        as_code(markdown.get(range.clone()).unwrap_or_default())
                    };
                    edits.push((range, kept));
                }
                None => open = Some(Open::new(range.start, false, &dest_url)),
            },
            Event::Start(Tag::Image { dest_url, .. }) => match &mut open {
                Some(open) => {
                    open.depth += 1;
                    let _ = write!(open.text, "(image {}) ", as_code(&dest_url));
                }
                None => open = Some(Open::new(range.start, true, &dest_url)),
            },
            Event::End(TagEnd::Link | TagEnd::Image) => {
                let done = match &mut open {
                    Some(open) if open.depth > 0 => {
                        open.depth -= 1;
                        None
                    }
                    other => other.take(),
                };
                if let Some(done) = done {
                    edits.push((done.from..range.end, done.shown()));
                }
            }
            Event::Text(text) if code == 0 => {
                if let Some(open) = &mut open {
                    open.text.push_str(&escaped(&text));
                }
            }
            Event::Code(text) => match &mut open {
                Some(open) => open.text.push_str(&as_code(&text)),
                None => edits.push((range.clone(), markdown.get(range).unwrap_or_default().to_owned())),
            },
            _ => {}
        }
    }
    edits.sort_by_key(|(range, _)| range.start);
    let (mut out, mut done) = (String::with_capacity(markdown.len()), 0);
    for (range, with) in edits {
        // Within an edit that is made already.
        if range.start < done {
            continue;
        }
        out.push_str(&escaped(markdown.get(done..range.start).unwrap_or_default()));
        out.push_str(&with);
        done = range.end;
    }
    out.push_str(&escaped(markdown.get(done..).unwrap_or_default()));
    out
}

impl Open {
    fn new(from: usize, image: bool, address: &str) -> Self {
        Self { from, depth: 0, image, address: address.to_owned(), text: String::new() }
    }

    fn shown(self) -> String {
        let text = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let address = as_code(&self.address);
        match (self.image, text.is_empty() || text == self.address) {
            (true, true) => format!("(image {address})"),
            (true, false) => format!("{text} (image {address})"),
            (false, _) if !is_web(&self.address) => format!("{text} ({address})"),
            (false, true) => format!("<{}>", plain_address(&self.address)),
            (false, false) => format!("{text} (<{}>)", plain_address(&self.address)),
        }
    }
}

fn is_web(address: &str) -> bool {
    let lower = address.to_ascii_lowercase();
    lower.starts_with("http://") || lower.starts_with("https://")
}

/// As an address between angle brackets: nothing in it ends them, or the cell of a table.
fn plain_address(address: &str) -> String {
    address.chars().fold(String::new(), |mut out, c| {
        match c {
            '<' | '>' | '|' | '`' | '\\' => {
                let _ = write!(out, "%{:02X}", u32::from(c));
            }
            c if c.is_whitespace() || c.is_control() => {}
            c => out.push(c),
        }
        out
    })
}

fn as_code(text: &str) -> String {
    // Two marks with nothing between them begin a longer span.
    let text = if text.is_empty() { " " } else { text };
    format!("`{}`", text.replace('`', "'").replace(['\n', '\r'], " ").replace('|', "%7C"))
}

/// Text in which nothing begins a tag, a comment or an image. What stands for a secret is shown as code.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let rest = text.get(at + c.len_utf8()..).unwrap_or_default();
        match c {
            // What stands behind the end of this text is not known here.
            '<' if rest.is_empty()
                || rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)) =>
            {
                out.push_str("&lt;");
            }
            '!' if rest.starts_with('[') => out.push_str("&#33;"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_loaded_and_no_address_is_hidden() {
        for (given, wanted) in [
            ("plain **bold** `<b>` [E1:3] a < b", "plain **bold** `<b>` [E1:3] a < b"),
            ("![x](https://e.test/p?q=a)", "x (image `https://e.test/p?q=a`)"),
            ("![](https://e.test/p?q=a b)", "&#33;[](https://e.test/p?q=a b)"),
            ("![](<https://e.test/a b>)", "(image `https://e.test/a b`)"),
            ("see [here](https://e.test/?q=1) now", "see here (<https://e.test/?q=1>) now"),
            ("[![i](http://e.test/i)](http://e.test/l)", "(image `http://e.test/i`) i (<http://e.test/l>)"),
            ("<https://e.test/a>", "<https://e.test/a>"),
            ("see <secret:1>", "see `<secret:1>`"),
            ("[x](javascript:alert(1))", "x (`javascript:alert(1)`)"),
            ("a <img src=x onerror=y> b", "a &lt;img src=x onerror=y> b"),
            ("<script>\nalert(1)\n</script>", "&lt;script>\nalert(1)\n&lt;/script>"),
            ("<!-- hidden -->", "&lt;!-- hidden -->"),
            ("![x][r]\n\n[r]: http://e.test/r", "x (image `http://e.test/r`)\n\n[r]: http://e.test/r"),
            ("```\n<b> ![x](y)\n```\n", "```\n<b> ![x](y)\n```\n"),
            ("| a |\n|---|\n| ![x](http://e.test/a) |", "| a |\n|---|\n| x (image `http://e.test/a`) |"),
            ("<img src=\"http://e.test/unclosed", "&lt;img src=\"http://e.test/unclosed"),
        ] {
            assert_eq!(inert(given), wanted, "{given}");
        }
    }

    proptest::proptest! {
        #[test]
        fn whatever_is_written_no_reader_finds_an_image_or_html(
            pieces in proptest::collection::vec(proptest::sample::select(vec![
                "![", "[", "](", "http://e.test/", ")", "<img src=x>", "<", ">", "`", "```", "\n", "\\", "x", " ", "|", "<!--", "-->",
                "[r]: http://e.test", "[r]", "!", "&lt;", "    ", "~~~", "*", "https://e.test",
            ]), 0..24)
        ) {
            let shown = inert(&pieces.concat());
            for event in Parser::new_ext(&shown, Options::ENABLE_TABLES) {
                let loads = matches!(event, Event::Start(Tag::Image { .. }) | Event::Html(_) | Event::InlineHtml(_));
                proptest::prop_assert!(!loads, "{:?}: {:?} in {:?}", pieces.concat(), event, shown);
            }
        }
    }
}
