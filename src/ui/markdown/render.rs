//! One block of Markdown as lines for a terminal.

use anstyle::{AnsiColor, Style};
use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::layout;
use crate::ui::terminal::Terminal;

/// Deeper nesting is shown at this depth's indent: a line of a thousand `>` is not a thousand columns.
const DEEPEST: usize = 8;
/// Text keeps at least this many columns, however deep it stands.
const LEAST_TEXT: usize = 20;

const STRONG: Style = Style::new().bold();
const EMPHASIS: Style = Style::new().italic();
const STRUCK: Style = Style::new().strikethrough();
const DIM: Style = Style::new().dimmed();
const CODE: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Cyan)));
const HEADING: Style = Style::new().bold();
const DOUBT: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Yellow)));

/// The block as it is shown, each line with its line feed; empty when it shows nothing.
pub(super) fn block(text: &str, terminal: &Terminal) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    let mut page = Page::new(*terminal);
    for event in Parser::new_ext(text, options) {
        page.event(event);
    }
    page.end_text();
    page.out
}

/// What stands before the lines of a container: the marker on the first, then its indent.
struct Margin {
    first: Option<String>,
    rest: String,
}

struct Page {
    terminal: Terminal,
    out: String,
    margins: Vec<Margin>,
    /// Numbers of open lists; `None` for bullets.
    lists: Vec<Option<u64>>,
    /// Text of the paragraph, heading or cell that is open.
    text: String,
    styles: Vec<Style>,
    links: Vec<(String, usize)>,
    code: Option<String>,
    table: Option<Vec<Vec<String>>>,
    /// Where a blank line is due before the next block.
    gap: bool,
}

impl Page {
    fn new(terminal: Terminal) -> Self {
        Self {
            terminal,
            out: String::new(),
            margins: Vec::new(),
            lists: Vec::new(),
            text: String::new(),
            styles: Vec::new(),
            links: Vec::new(),
            code: None,
            table: None,
            gap: false,
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.say(&text),
            Event::Code(code) => {
                if self.terminal.colour {
                    self.open(CODE);
                    self.text.push_str(&code);
                    self.close();
                } else {
                    // Without colour the marks are what tells code from words.
                    self.text.push('`');
                    self.text.push_str(&code);
                    self.text.push('`');
                }
            }
            Event::SoftBreak => self.text.push(' '),
            Event::HardBreak => self.text.push('\n'),
            Event::Rule => {
                self.begin();
                let bar = if self.terminal.unicode { "─" } else { "-" };
                let line = bar.repeat(self.room().min(40));
                self.line(&line);
                self.gap = true;
            }
            Event::TaskListMarker(done) => self.text.push_str(if done { "[x] " } else { "[ ] " }),
        }
    }

    fn say(&mut self, text: &str) {
        if let Some(code) = &mut self.code {
            code.push_str(text);
            return;
        }
        // What the answer's own check doubts must not look like the rest.
        match text.split_once("(unverified)") {
            Some((before, after)) if self.terminal.colour => {
                self.text.push_str(before);
                self.open(DOUBT);
                self.text.push_str("(unverified)");
                self.close();
                self.text.push_str(after);
            }
            _ => self.text.push_str(text),
        }
    }

    fn start(&mut self, tag: Tag<'_>) {
        match tag {
            Tag::Paragraph => self.end_text(),
            Tag::Heading { level, .. } => {
                self.end_text();
                self.open(HEADING);
                if !self.terminal.colour {
                    let hashes = "#".repeat(level_number(level));
                    self.text.push_str(&hashes);
                    self.text.push(' ');
                }
            }
            Tag::BlockQuote(_) => {
                self.begin();
                let bar = if self.terminal.unicode { "│ " } else { "> " };
                let bar = self.styled(bar, DIM);
                self.margin(None, &bar);
            }
            Tag::CodeBlock(kind) => {
                self.end_text();
                let indented = matches!(kind, CodeBlockKind::Indented);
                self.code = Some(String::new());
                self.gap |= indented && self.lists.is_empty() && !self.out.is_empty();
            }
            Tag::List(first) => {
                self.end_text();
                if !self.lists.is_empty() {
                    self.gap = false;
                }
                self.lists.push(first);
            }
            Tag::Item => {
                self.end_text();
                self.gap &= self.lists.len() < 2;
                let marker = self.marker();
                let indent = " ".repeat(textwrap::core::display_width(&marker));
                self.begin();
                self.margin(Some(marker), &indent);
            }
            Tag::Table(_) => {
                self.end_text();
                self.table = Some(Vec::new());
            }
            Tag::TableHead | Tag::TableRow => {
                if let Some(rows) = &mut self.table {
                    rows.push(Vec::new());
                }
            }
            Tag::TableCell => self.text.clear(),
            Tag::Emphasis => self.open(EMPHASIS),
            Tag::Strong => self.open(STRONG),
            Tag::Strikethrough => self.open(STRUCK),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.links.push((dest_url.into_string(), self.text.len()));
            }
            Tag::HtmlBlock
            | Tag::FootnoteDefinition(_)
            | Tag::MetadataBlock(_)
            | Tag::DefinitionList
            | Tag::DefinitionListTitle
            | Tag::DefinitionListDefinition
            | Tag::Superscript
            | Tag::Subscript => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph | TagEnd::HtmlBlock => {
                self.end_text();
                self.gap = true;
            }
            TagEnd::Heading(_) => {
                self.close();
                self.end_text();
                self.gap = true;
            }
            TagEnd::BlockQuote(_) => {
                self.end_text();
                self.margins.pop();
                self.gap = true;
            }
            TagEnd::CodeBlock => self.end_code(),
            TagEnd::List(_) => {
                self.lists.pop();
                self.gap = self.lists.is_empty();
            }
            TagEnd::Item => {
                self.end_text();
                if self.margins.last().is_some_and(|margin| margin.first.is_some()) {
                    self.line("");
                }
                self.margins.pop();
                self.gap = false;
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.text);
                if let Some(row) = self.table.as_mut().and_then(|rows| rows.last_mut()) {
                    row.push(cell);
                }
            }
            TagEnd::Table => self.end_table(),
            TagEnd::Emphasis | TagEnd::Strong | TagEnd::Strikethrough => self.close(),
            TagEnd::Link | TagEnd::Image => self.end_link(),
            TagEnd::TableHead
            | TagEnd::TableRow
            | TagEnd::FootnoteDefinition
            | TagEnd::MetadataBlock(_)
            | TagEnd::DefinitionList
            | TagEnd::DefinitionListTitle
            | TagEnd::DefinitionListDefinition
            | TagEnd::Superscript
            | TagEnd::Subscript => {}
        }
    }

    fn marker(&mut self) -> String {
        let depth = self.lists.len();
        match self.lists.last_mut() {
            Some(Some(number)) => {
                let marker = format!("{number}. ");
                *number = number.saturating_add(1);
                marker
            }
            _ if !self.terminal.unicode => "- ".to_owned(),
            _ => match depth {
                0 | 1 => "• ".to_owned(),
                2 => "◦ ".to_owned(),
                _ => "▪ ".to_owned(),
            },
        }
    }

    fn margin(&mut self, first: Option<String>, rest: &str) {
        let rest = if self.margins.len() < DEEPEST { rest.to_owned() } else { String::new() };
        self.margins.push(Margin { first, rest });
    }

    /// Columns left for text.
    fn room(&self) -> usize {
        let used: usize = self.margins.iter().map(|margin| textwrap::core::display_width(&margin.rest)).sum();
        self.terminal.width.saturating_sub(used).max(LEAST_TEXT)
    }

    /// Starts a block: the open text ends, the blank line that is due is written.
    fn begin(&mut self) {
        self.end_text();
        self.write_gap();
    }

    fn write_gap(&mut self) {
        if std::mem::take(&mut self.gap) && !self.out.is_empty() {
            let mut line = String::new();
            for margin in &self.margins {
                line.push_str(if margin.first.is_some() { "" } else { &margin.rest });
            }
            self.out.push_str(line.trim_end());
            self.out.push('\n');
        }
    }

    fn line(&mut self, text: &str) {
        let mut line = String::new();
        for margin in &mut self.margins {
            match margin.first.take() {
                Some(marker) => line.push_str(&marker),
                None => line.push_str(&margin.rest),
            }
        }
        line.push_str(text);
        self.out.push_str(line.trim_end());
        self.out.push('\n');
    }

    fn end_text(&mut self) {
        if self.table.is_some() {
            return;
        }
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return;
        }
        self.write_gap();
        for line in layout::wrap(text.trim_end(), self.room()) {
            self.line(&line);
        }
    }

    fn end_code(&mut self) {
        let Some(code) = self.code.take() else { return };
        // In a list the indent and the colour part it enough from its step.
        self.gap &= self.lists.is_empty();
        self.write_gap();
        let indent = if self.lists.is_empty() { "    " } else { "  " };
        for line in code.trim_end_matches('\n').split('\n') {
            let shown = self.styled(line, CODE);
            self.line(&if line.is_empty() { String::new() } else { format!("{indent}{shown}") });
        }
        self.gap = self.lists.is_empty();
    }

    fn end_table(&mut self) {
        let mut rows = self.table.take().unwrap_or_default();
        self.write_gap();
        if let Some(head) = rows.first_mut() {
            for cell in head {
                *cell = self.styled(cell, STRONG);
            }
        }
        let rule = if self.terminal.unicode { '─' } else { '-' };
        for line in layout::table(&rows, self.room(), rule) {
            self.line(&line);
        }
        self.gap = true;
    }

    /// The address after the text, unless the text is the address.
    fn end_link(&mut self) {
        let Some((url, start)) = self.links.pop() else { return };
        let said = self.text.get(start..).unwrap_or_default();
        if url.is_empty() || said == url || format!("mailto:{said}") == url {
            return;
        }
        let shown = self.styled(&format!("({url})"), DIM);
        if !said.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(&shown);
        self.restyle();
    }

    fn styled(&self, text: &str, style: Style) -> String {
        if self.terminal.colour && !text.is_empty() {
            format!("{style}{text}{style:#}")
        } else {
            text.to_owned()
        }
    }

    fn open(&mut self, style: Style) {
        self.styles.push(style);
        if self.terminal.colour {
            self.text.push_str(&style.render().to_string());
        }
    }

    /// Ends the innermost style; those around it go on.
    fn close(&mut self) {
        if let Some(style) = self.styles.pop()
            && self.terminal.colour
        {
            self.text.push_str(&style.render_reset().to_string());
            self.restyle();
        }
    }

    fn restyle(&mut self) {
        if self.terminal.colour {
            for style in &self.styles {
                self.text.push_str(&style.render().to_string());
            }
        }
    }
}

fn level_number(level: HeadingLevel) -> usize {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        HeadingLevel::H3 => 3,
        HeadingLevel::H4 => 4,
        HeadingLevel::H5 => 5,
        HeadingLevel::H6 => 6,
    }
}
