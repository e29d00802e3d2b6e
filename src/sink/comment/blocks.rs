//! An answer's Markdown as the few blocks that every tracker's form can say.

use std::fmt::Write as _;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Lists nested deeper than this are one list: nobody indents so far, and no form likes it.
const DEEPEST: usize = 4;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Block {
    Paragraph(Vec<Span>),
    /// 1 to 6.
    Heading(u8, Vec<Span>),
    /// The number of the first item; `None` for bullets.
    List(Option<u64>, Vec<Vec<Block>>),
    Code {
        language: String,
        text: String,
    },
    Rule,
}

/// Text in one style. A line feed in it is a line break.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) strong: bool,
    pub(super) emphasis: bool,
    pub(super) code: bool,
    /// http or https.
    pub(super) link: Option<String>,
}

impl Span {
    pub(super) fn plain(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }
}

/// A list being read: its first number, and the items so far.
struct Open {
    first: Option<u64>,
    items: Vec<Vec<Block>>,
}

#[derive(Default)]
struct Reader {
    done: Vec<Block>,
    lists: Vec<Open>,
    /// Lists inside lists that are read as part of the one around them.
    flattened: usize,
    spans: Vec<Span>,
    heading: Option<u8>,
    code: Option<(String, String)>,
    strong: usize,
    emphasis: usize,
    links: Vec<Option<String>>,
    cell: usize,
}

/// Reads Markdown; never fails.
pub(super) fn read(markdown: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH) {
        reader.hear(event);
    }
    reader.end_text();
    while let Some(list) = reader.lists.pop() {
        reader.push(Block::List(list.first, list.items));
    }
    reader.done
}

impl Reader {
    fn hear(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => match &mut self.code {
                Some((_, code)) => code.push_str(&text),
                None => self.say(&text, false),
            },
            Event::Code(text) => self.say(&text, true),
            Event::Html(text) | Event::InlineHtml(text) => self.say(&text, false),
            Event::SoftBreak => self.say(" ", false),
            Event::HardBreak => self.say("\n", false),
            Event::Rule => {
                self.end_text();
                self.push(Block::Rule);
            }
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Heading { level, .. } => {
                self.end_text();
                self.heading = Some(number(level));
            }
            Tag::CodeBlock(kind) => {
                self.end_text();
                let language = match kind {
                    CodeBlockKind::Fenced(info) => {
                        info.split_whitespace().next().unwrap_or_default().to_owned()
                    }
                    CodeBlockKind::Indented => String::new(),
                };
                self.code = Some((language, String::new()));
            }
            Tag::List(first) => {
                self.end_text();
                if self.lists.len() < DEEPEST {
                    self.lists.push(Open { first, items: Vec::new() });
                } else {
                    self.flattened += 1;
                }
            }
            Tag::Item => {
                self.end_text();
                if let Some(list) = self.lists.last_mut() {
                    list.items.push(Vec::new());
                }
            }
            Tag::Strong => self.strong += 1,
            Tag::Emphasis => self.emphasis += 1,
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                let safe = dest_url.starts_with("http://") || dest_url.starts_with("https://");
                self.links.push(safe.then(|| dest_url.into_string()));
            }
            Tag::TableHead | Tag::TableRow => {
                self.end_text();
                self.cell = 0;
            }
            Tag::TableCell => {
                if self.cell > 0 {
                    self.say(" | ", false);
                }
                self.cell += 1;
            }
            _ => self.end_text(),
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::CodeBlock => {
                if let Some((language, text)) = self.code.take() {
                    self.push(Block::Code { language, text: text.trim_end_matches('\n').to_owned() });
                }
            }
            TagEnd::List(_) => {
                self.end_text();
                if self.flattened > 0 {
                    self.flattened -= 1;
                } else if let Some(list) = self.lists.pop() {
                    self.push(Block::List(list.first, list.items));
                }
            }
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Emphasis => self.emphasis = self.emphasis.saturating_sub(1),
            TagEnd::Link | TagEnd::Image => {
                self.links.pop();
            }
            TagEnd::TableCell => {}
            _ => self.end_text(),
        }
    }

    fn say(&mut self, text: &str, code: bool) {
        if text.is_empty() {
            return;
        }
        let span = Span {
            text: text.to_owned(),
            strong: self.strong > 0,
            emphasis: self.emphasis > 0,
            code,
            link: self.links.last().cloned().flatten(),
        };
        match self.spans.last_mut() {
            Some(last)
                if (last.strong, last.emphasis, last.code, &last.link)
                    == (span.strong, span.emphasis, code, &span.link) =>
            {
                last.text.push_str(text);
            }
            _ => self.spans.push(span),
        }
    }

    fn end_text(&mut self) {
        let spans = std::mem::take(&mut self.spans);
        let heading = self.heading.take();
        if spans.iter().all(|span| span.text.trim().is_empty()) {
            return;
        }
        self.push(match heading {
            Some(level) => Block::Heading(level, spans),
            None => Block::Paragraph(spans),
        });
    }

    fn push(&mut self, block: Block) {
        match self.lists.last_mut() {
            None => self.done.push(block),
            Some(list) => match list.items.last_mut() {
                Some(item) => item.push(block),
                None => list.items.push(vec![block]),
            },
        }
    }
}

fn number(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}

/// Plain text: what a note shows that knows no markup.
pub(super) fn plain(blocks: &[Block]) -> String {
    let mut out = String::new();
    lay_out(blocks, "", &mut out);
    out.trim_end().to_owned()
}

fn lay_out(blocks: &[Block], indent: &str, out: &mut String) {
    for (place, block) in blocks.iter().enumerate() {
        // The first block of an item stands behind its mark.
        if place > 0 || !out.ends_with("- ") && !out.ends_with(". ") {
            out.push_str(indent);
        }
        match block {
            Block::Paragraph(spans) | Block::Heading(_, spans) => {
                for span in spans {
                    out.push_str(&span.text.replace('\n', &format!("\n{indent}")));
                    if let Some(link) = span.link.as_deref().filter(|link| *link != span.text) {
                        let _ = write!(out, " ({link})");
                    }
                }
            }
            Block::Code { text, .. } => {
                let lines: Vec<&str> = text.lines().collect();
                out.push_str("  ");
                out.push_str(&lines.join(&format!("\n{indent}  ")));
            }
            Block::Rule => out.push_str("---"),
            Block::List(first, items) => {
                let inner = format!("{indent}  ");
                for (nth, item) in items.iter().enumerate() {
                    if nth > 0 {
                        out.push_str(indent);
                    }
                    match first {
                        Some(first) => {
                            let _ = write!(out, "{}. ", first.saturating_add(nth as u64));
                        }
                        None => out.push_str("- "),
                    }
                    let start = out.len();
                    lay_out(item, &inner, out);
                    // Items stand close to each other.
                    let end = out.trim_end().len().max(start);
                    out.truncate(end);
                    out.push('\n');
                }
                out.push('\n');
                continue;
            }
        }
        out.push_str("\n\n");
    }
}
