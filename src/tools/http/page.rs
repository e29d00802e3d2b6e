//! A web page as text a model can read: headings, lists, tables, code, links kept; menus and scripts not.
//!
//! One pass over text of any shape, in time proportional to its length: pages are strangers' and may be built to be
//! slow. It is no browser: styles are not read, and what a script would add is not there.

use reqwest::Url;

/// Elements that say nothing about a page's matter, by what HolmesGPT leaves out.
const SKIPPED: &[&str] = &[
    "script",
    "style",
    "noscript",
    "template",
    "head",
    "title",
    "svg",
    "iframe",
    "object",
    "nav",
    "header",
    "footer",
    "aside",
    "menu",
    "button",
    "select",
    "form-footer",
];
/// Their content is no markup.
const VERBATIM: &[&str] = &["script", "style", "noscript", "template", "iframe"];
const BLOCKS: &[&str] = &[
    "p",
    "div",
    "section",
    "article",
    "main",
    "ul",
    "ol",
    "dl",
    "dt",
    "dd",
    "table",
    "tr",
    "tbody",
    "thead",
    "blockquote",
    "figure",
    "figcaption",
    "details",
    "summary",
    "body",
    "html",
    "form",
    "fieldset",
    "address",
];
/// Links of one page that are kept.
const LINKS: usize = 500;
/// `meta` elements among which one is looked for that leads on.
const METAS: usize = 100;
/// Bytes of one of them.
const META: usize = 4096;
/// Characters of what a picture is said to show.
const ALTERNATIVE: usize = 300;

/// The text of `html`; relative links are seen from `base`.
pub(super) fn text(html: &str, base: Option<&Url>) -> String {
    let mut reader = Reader {
        html,
        at: 0,
        out: Out::default(),
        base,
        links: 0,
        open: None,
        cell: false,
        unclosed: Vec::new(),
    };
    if let Some(title) = title(html) {
        reader.out.line(&format!("# {title}"));
        reader.out.blank();
    }
    if let Some(url) = leads_on(html, base) {
        reader.out.line(&format!("This page leads on to {url}"));
        reader.out.blank();
    }
    let opening = reader.out.text.len();
    reader.read();
    if reader.out.text.len() == opening && find(html, 0, "<script").is_some() {
        reader.out.line("(The page holds no text: a script would fetch it, and none is run.)");
    }
    reader.out.done()
}

/// Where `<meta http-equiv=refresh>` sends a browser.
fn leads_on(html: &str, base: Option<&Url>) -> Option<Url> {
    let mut from = 0;
    for _ in 0..METAS {
        let start = find(html, from, "<meta")? + "<meta".len();
        let rest = html.get(start..)?;
        let rest = rest.get(..rest.floor_char_boundary(META))?;
        let inside = rest.get(..tag_end(rest))?;
        from = start + inside.len();
        if !attribute(inside, "http-equiv").is_some_and(|kind| kind.eq_ignore_ascii_case("refresh")) {
            continue;
        }
        let content = attribute(inside, "content")?;
        let target =
            content.get(find(content, 0, "url=")? + "url=".len()..)?.trim().trim_matches(['\'', '"']);
        return leads(&decoded(target), base);
    }
    None
}

/// The address that a reference means, where it is one to be fetched.
fn leads(target: &str, base: Option<&Url>) -> Option<Url> {
    let whole = match base {
        Some(base) => base.join(target).ok(),
        None => Url::parse(target).ok(),
    };
    whole.filter(|url| ["http", "https"].contains(&url.scheme()) && !target.starts_with('#'))
}

/// Whether text that names no type is a page.
pub(super) fn looks_like(text: &str) -> bool {
    let start: String = text.trim_start().chars().take(1000).collect::<String>().to_ascii_lowercase();
    ["<!doctype html", "<html", "<head", "<body"].iter().any(|mark| start.contains(mark))
}

fn title(html: &str) -> Option<String> {
    let start = find(html, 0, "<title")?;
    let open = start + html.get(start..)?.find('>')? + 1;
    let end = find(html, open, "</title")?;
    let title = decoded(html.get(open..end)?);
    let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
    (!title.is_empty() && title.len() < 500).then_some(title)
}

/// The place of `needle` (lower-case ASCII) in any case.
fn find(html: &str, from: usize, needle: &str) -> Option<usize> {
    let (bytes, needle) = (html.as_bytes(), needle.as_bytes());
    let first = *needle.first()?;
    let mut at = from;
    loop {
        at += memchr::memchr2(first, first.to_ascii_uppercase(), bytes.get(at..)?)?;
        if bytes.get(at..at + needle.len())?.eq_ignore_ascii_case(needle) {
            return Some(at);
        }
        at += 1;
    }
}

struct Reader<'a> {
    html: &'a str,
    at: usize,
    out: Out,
    base: Option<&'a Url>,
    links: usize,
    /// The link that is open: where its text begins in the output, and where it leads.
    open: Option<(usize, String)>,
    /// A cell of a table is open: its closing tag may be left out.
    cell: bool,
    /// Elements whose closing tag was looked for in vain: not looked for again.
    unclosed: Vec<&'static str>,
}

struct Tag<'a> {
    name: String,
    closing: bool,
    attributes: &'a str,
}

impl<'a> Reader<'a> {
    fn read(&mut self) {
        while let Some(next) = self.html.get(self.at..).and_then(|rest| rest.find('<')) {
            let (start, tag) = (self.at, self.at + next);
            self.out.text(&decoded(self.html.get(start..tag).unwrap_or_default()));
            self.at = tag;
            if self.html.get(tag..).is_some_and(|rest| rest.starts_with("<!--")) {
                self.at = find(self.html, tag + 4, "-->").map_or(self.html.len(), |end| end + 3);
                continue;
            }
            if let Some(tag) = self.tag() {
                self.element(&tag);
            } else {
                self.out.text("<");
                self.at += 1;
            }
        }
        self.out.text(&decoded(self.html.get(self.at..).unwrap_or_default()));
    }

    /// Reads the tag at the current place and goes behind it; None when it is only a `<`.
    fn tag(&mut self) -> Option<Tag<'a>> {
        let rest = self.html.get(self.at + 1..)?;
        let (closing, rest) = rest.strip_prefix('/').map_or((false, rest), |rest| (true, rest));
        if !rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '!' || c == '?') {
            return None;
        }
        let end = tag_end(rest);
        let inside = rest.get(..end)?;
        let name_end = inside.find(|c: char| c.is_whitespace() || c == '/').unwrap_or(inside.len());
        let (name, attributes) = inside.split_at(name_end);
        self.at += 1 + usize::from(closing) + end + 1;
        // Names are short: what is longer is none that is known.
        let name = name.get(..name.len().min(20)).unwrap_or_default().to_ascii_lowercase();
        Some(Tag { name, closing, attributes })
    }

    fn element(&mut self, tag: &Tag<'a>) {
        let name = tag.name.as_str();
        if let Some(skipped) = SKIPPED.iter().find(|skipped| **skipped == name) {
            if !tag.closing && !tag.attributes.ends_with('/') {
                self.skip(skipped);
            }
            return;
        }
        match name {
            "br" => self.out.line_end(),
            "hr" => {
                self.out.blank();
                self.out.line("---");
            }
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.out.blank();
                if !tag.closing {
                    let depth = usize::from(name.as_bytes().get(1).copied().unwrap_or(b'1') - b'0');
                    self.out.raw(&"#".repeat(depth));
                    self.out.raw(" ");
                }
            }
            "li" if !tag.closing => {
                self.out.line_end();
                self.out.raw("- ");
            }
            "td" | "th" => {
                let was_open = std::mem::replace(&mut self.cell, !tag.closing);
                if was_open {
                    self.out.raw(" | ");
                }
            }
            "img" => self.picture(tag),
            "frame" => {
                let source = attribute(tag.attributes, "src").map(|source| decoded(source.trim()));
                if let Some(url) = source.and_then(|source| leads(&source, self.base)) {
                    self.out.line_end();
                    self.out.line(&format!("[frame]({url})"));
                }
            }
            "pre" => {
                self.out.verbatim = !tag.closing;
                if tag.closing {
                    self.out.line_end();
                    self.out.line("```");
                }
                self.out.blank();
                if !tag.closing {
                    self.out.line("```");
                }
            }
            "p" | "table" | "ul" | "ol" | "blockquote" => {
                if name == "table" && std::mem::take(&mut self.cell) {
                    self.out.raw(" | ");
                }
                self.out.blank();
            }
            "a" => self.link(tag),
            _ if BLOCKS.contains(&name) => {
                if name == "tr" && std::mem::take(&mut self.cell) {
                    self.out.raw(" | ");
                }
                self.out.line_end();
            }
            _ => {}
        }
    }

    /// What a picture shows, where its page says so.
    fn picture(&mut self, tag: &Tag<'_>) {
        let Some(alternative) = attribute(tag.attributes, "alt").map(decoded) else { return };
        let words: Vec<&str> = alternative.split_whitespace().collect();
        if !words.is_empty() {
            let words: String = words.join(" ").chars().take(ALTERNATIVE).collect();
            self.out.text(&format!(" [picture: {words}] "));
        }
    }

    fn link(&mut self, tag: &Tag<'_>) {
        if let Some((start, target)) = self.open.take() {
            self.out.link(start, &target);
        }
        if tag.closing || self.links >= LINKS {
            return;
        }
        let Some(target) = attribute(tag.attributes, "href").map(|href| decoded(href.trim())) else { return };
        if let Some(url) = leads(&target, self.base) {
            self.links += 1;
            self.open = Some((self.out.place(), url.to_string()));
        }
    }

    /// Goes behind the closing tag of the element that was just opened.
    fn skip(&mut self, name: &'static str) {
        if self.unclosed.contains(&name) {
            return;
        }
        let (opening, closing) = (format!("<{name}"), format!("</{name}"));
        let nests = !VERBATIM.contains(&name);
        let mut depth = 1_usize;
        let mut at = self.at;
        while let Some(end) = find(self.html, at, &closing) {
            if nests {
                let mut inner = at;
                while let Some(open) = self.html.get(..end).and_then(|part| find(part, inner, &opening)) {
                    // `<header` is no `<head`.
                    let after = self.html.as_bytes().get(open + opening.len());
                    depth += usize::from(after.is_none_or(|byte| !byte.is_ascii_alphanumeric()));
                    inner = open + opening.len();
                }
            }
            let after = self.html.as_bytes().get(end + closing.len());
            depth -= usize::from(after.is_none_or(|byte| !byte.is_ascii_alphanumeric()));
            at = self
                .html
                .get(end..)
                .and_then(|rest| rest.find('>'))
                .map_or(self.html.len(), |close| end + close + 1);
            if depth == 0 {
                self.at = at;
                return;
            }
        }
        // Never closed: what follows is the page's, but for text that is no markup.
        if nests {
            self.unclosed.push(name);
        } else {
            self.at = self.html.len();
        }
    }
}

/// The end of a tag: the first `>` outside of quotes, or the first at all where quotes are not closed.
fn tag_end(rest: &str) -> usize {
    let mut quote = None;
    for (at, byte) in rest.bytes().enumerate() {
        match (byte, quote) {
            (b'>', None) => return at,
            (b'"' | b'\'', None) if rest.as_bytes().get(at.wrapping_sub(1)) == Some(&b'=') => {
                quote = Some(byte);
            }
            (_, Some(open)) if byte == open => quote = None,
            _ => {}
        }
    }
    // No `>` at all: the rest is one broken tag, and nothing is looked for in it again.
    rest.find('>').unwrap_or(rest.len())
}

/// The value of an attribute.
fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let mut from = 0;
    while let Some(found) = find(attributes, from, name) {
        from = found + name.len();
        let before = found.checked_sub(1).and_then(|at| attributes.as_bytes().get(at));
        let rest = attributes.get(from..)?.trim_start();
        let Some(value) = rest.strip_prefix('=').map(str::trim_start) else { continue };
        if before.is_some_and(|byte| !byte.is_ascii_whitespace() && *byte != b'"' && *byte != b'\'') {
            continue;
        }
        return match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value.get(1..)?.split(quote).next(),
            _ => value.split(|c: char| c.is_whitespace()).next(),
        };
    }
    None
}

/// Text with its character references read.
fn decoded(text: &str) -> String {
    if !text.contains('&') {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let end = rest.bytes().take(12).position(|byte| byte == b';');
        if let Some((end, c)) = end.and_then(|end| Some((end, reference(rest.get(1..end)?)?))) {
            out.push(c);
            rest = rest.get(end + 1..).unwrap_or_default();
        } else {
            out.push('&');
            rest = rest.get(1..).unwrap_or_default();
        }
    }
    out.push_str(rest);
    out
}

fn reference(name: &str) -> Option<char> {
    if let Some(digits) = name.strip_prefix('#') {
        let code = match digits.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16).ok()?,
            None => digits.parse().ok()?,
        };
        return char::from_u32(code).filter(|c| !c.is_control() || *c == '\n' || *c == '\t');
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "apos" | "rsquo" | "lsquo" => '\'',
        "nbsp" | "ensp" | "emsp" | "thinsp" => ' ',
        "mdash" => '—',
        "ndash" => '–',
        "hellip" => '…',
        "quot" | "ldquo" | "rdquo" => '"',
        "laquo" => '«',
        "raquo" => '»',
        "copy" => '©',
        "reg" => '®',
        "times" => '×',
        "rarr" => '→',
        "larr" => '←',
        "bull" | "middot" => '·',
        "auml" => 'ä',
        "ouml" => 'ö',
        "uuml" => 'ü',
        "szlig" => 'ß',
        "eacute" => 'é',
        _ => return None,
    })
}

/// Text as it grows: spaces run together, never more than one empty line.
#[derive(Default)]
struct Out {
    text: String,
    /// A space is due before the next word.
    space: bool,
    verbatim: bool,
}

impl Out {
    fn text(&mut self, piece: &str) {
        if self.verbatim {
            self.text.push_str(piece);
            return;
        }
        for c in piece.chars() {
            if c.is_whitespace() {
                self.space = true;
            } else if !c.is_control() {
                self.spaced();
                self.text.push(c);
            }
        }
    }

    fn spaced(&mut self) {
        if self.space && !self.text.is_empty() && !self.text.ends_with(['\n', ' ']) {
            self.text.push(' ');
        }
        self.space = false;
    }

    /// Text with its own spaces.
    fn raw(&mut self, piece: &str) {
        self.space = false;
        self.text.push_str(piece);
    }

    fn line_end(&mut self) {
        self.space = false;
        let kept = self.text.trim_end_matches(' ').len();
        self.text.truncate(kept);
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn blank(&mut self) {
        self.line_end();
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    fn line(&mut self, line: &str) {
        self.raw(line);
        self.line_end();
    }

    fn place(&mut self) -> usize {
        self.spaced();
        self.text.len()
    }

    /// Makes what was written since `start` a link.
    fn link(&mut self, start: usize, target: &str) {
        let inside = self.text.get(start..).unwrap_or_default().trim();
        // A link without words, or over paragraphs, shows nothing that could be followed.
        if inside.is_empty() || inside.contains('\n') {
            return;
        }
        let linked = format!("[{inside}]({target})");
        self.text.truncate(start);
        self.text.push_str(&linked);
    }

    fn done(mut self) -> String {
        self.line_end();
        let kept = self.text.trim_end().len();
        self.text.truncate(kept);
        self.line_end();
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_becomes_its_matter() {
        let html = "<!DOCTYPE html><html><head><title>Run &amp; book</title><style>p{}</style></head><body>\
            <header><nav><a href='/'>Home</a></nav></header><h2>When  it\nfails</h2><p>Restart <b>api</b>,\
            see <a class=\"x\" href=\"/logs?a=1&amp;b=2\">the logs</a>.</p><ul><li>one<li>two</ul>\
            <pre>a  b\n  c</pre><table><tr><td>x</td><td>1</td></tr></table><script>if (a < b) alert('<p>')</script>\
            <footer>(c)</footer></body></html>";
        let base = Url::parse("https://wiki.example.com/a/b").unwrap();
        assert_eq!(
            text(html, Some(&base)),
            "# Run & book\n\n## When it fails\n\nRestart api,see [the logs](https://wiki.example.com/logs?a=1&b=2).\n\n\
             - one\n- two\n\n```\na  b\n  c\n```\n\nx | 1 |\n"
        );
    }

    #[test]
    fn broken_and_hostile_pages_end_soon() {
        let began = std::time::Instant::now();
        for html in [
            "<nav>".repeat(200_000),
            "<nav></nav".repeat(100_000),
            "<a href=\"".repeat(100_000),
            "<".repeat(1_000_000),
            "<!--".repeat(200_000),
            "<p x='".repeat(100_000),
            "&".repeat(1_000_000),
            "<a href=x>".repeat(100_000),
            "</a>".repeat(100_000),
            "<script>".repeat(100_000),
            "<head".repeat(100_000),
            "<nav><nav></nav>".repeat(50_000),
            "<title".repeat(100_000),
            "ä<ö>".repeat(100_000),
            "<meta http-equiv=".repeat(100_000),
            "<td>".repeat(100_000),
            "<img alt='".repeat(100_000),
        ] {
            let _ = text(&html, None);
        }
        // Seconds even where many tests share a core; what grows with the square takes an hour.
        assert!(began.elapsed().as_secs() < 120, "{:?}", began.elapsed());
        assert_eq!(text("a < b and c > d", None), "a < b and c > d\n");
        assert_eq!(text("<nav>menu is never closed <p>text", None), "menu is never closed\n\ntext\n");
        assert_eq!(text("", None), "");
    }

    #[test]
    fn what_a_browser_would_add_or_follow_is_told() {
        let base = Url::parse("http://h/a/").unwrap();
        for (html, said) in [
            ("<A HREF='/up'>old</A>", "[old](http://h/up)\n"),
            ("<table><tr><td>1<td>2<tr><th>3</th><td>4</table>end", "1 | 2 |\n3 | 4 |\n\nend\n"),
            (
                "<p>see <img src=x alt='CPU  at 9 &amp; up'> there<img alt=''>",
                "see [picture: CPU at 9 & up] there\n",
            ),
            (
                "<frameset><frame src=b.html><frame src='javascript:x'></frameset>",
                "[frame](http://h/a/b.html)\n",
            ),
            (
                "<head><meta name=x><META HTTP-EQUIV=Refresh content='0; URL=/new'></head>",
                "This page leads on to http://h/new\n",
            ),
            ("<meta http-equiv=refresh content='5'><p>text", "text\n"),
            ("<meta http-equiv=refresh content='0;url=file:///etc/passwd'>", ""),
            (
                "<title>App</title><div id=root></div><script src=a.js></script>",
                "# App\n\n(The page holds no text: a script would fetch it, and none is run.)\n",
            ),
        ] {
            assert_eq!(text(html, Some(&base)), said, "{html}");
        }
    }
}
