//! Strangers' words as HTML: everything escaped, of Markdown only what cannot load or run anything.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// Text as it may stand between tags and in attributes.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\n' | '\t' => out.push(c),
            // Control characters have no meaning in HTML; bidi overrides could reorder what is read.
            c if c.is_control()
                || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
                {}
            c => out.push(c),
        }
    }
    out
}

/// Markdown without raw HTML, images or links to anything but the web.
pub(super) fn markdown(text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut out = String::new();
    let mut head = false;
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => out.push_str(&escape(&text)),
            Event::Code(code) => {
                let _ = write!(out, "<code>{}</code>", escape(&code));
            }
            Event::SoftBreak => out.push('\n'),
            Event::HardBreak => out.push_str("<br>\n"),
            Event::Rule => out.push_str("<hr>\n"),
            Event::TaskListMarker(_) => {}
            Event::Start(tag) => {
                head |= matches!(tag, Tag::TableHead);
                open(&tag, head, &mut out);
            }
            Event::End(tag) => {
                close(tag, head, &mut out);
                head &= !matches!(tag, TagEnd::TableHead);
            }
        }
    }
    out
}

fn open(tag: &Tag<'_>, head: bool, out: &mut String) {
    let plain = match tag {
        Tag::Paragraph => "<p>",
        Tag::Heading { .. } => "<h3>",
        Tag::BlockQuote(_) => "<blockquote>",
        Tag::CodeBlock(CodeBlockKind::Indented | CodeBlockKind::Fenced(_)) => "<pre><code>",
        Tag::List(None) => "<ul>",
        Tag::List(Some(first)) => {
            let _ = write!(out, "<ol start=\"{first}\">");
            ""
        }
        Tag::Item => "<li>",
        Tag::Table(_) => "<table>",
        Tag::TableHead | Tag::TableRow => "<tr>",
        Tag::TableCell if head => "<th>",
        Tag::TableCell => "<td>",
        Tag::Emphasis => "<em>",
        Tag::Strong => "<strong>",
        Tag::Strikethrough => "<del>",
        Tag::Link { dest_url, .. } => {
            let web = ["http://", "https://", "#"].iter().any(|start| dest_url.starts_with(start));
            let _ = write!(
                out,
                "<a rel=\"noreferrer\" href=\"{}\">",
                if web { escape(dest_url) } else { String::new() }
            );
            ""
        }
        _ => "",
    };
    out.push_str(plain);
}

fn close(tag: TagEnd, head: bool, out: &mut String) {
    out.push_str(match tag {
        TagEnd::Paragraph => "</p>\n",
        TagEnd::Heading(_) => "</h3>\n",
        TagEnd::BlockQuote(_) => "</blockquote>\n",
        TagEnd::CodeBlock => "</code></pre>\n",
        TagEnd::List(false) => "</ul>\n",
        TagEnd::List(true) => "</ol>\n",
        TagEnd::Item => "</li>\n",
        TagEnd::Table => "</table>\n",
        TagEnd::TableHead | TagEnd::TableRow => "</tr>\n",
        TagEnd::TableCell if head => "</th>",
        TagEnd::TableCell => "</td>",
        TagEnd::Emphasis => "</em>",
        TagEnd::Strong => "</strong>",
        TagEnd::Strikethrough => "</del>",
        TagEnd::Link => "</a>",
        _ => "",
    });
}
