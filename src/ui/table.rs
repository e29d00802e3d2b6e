//! Lists: aligned columns in a pipe, light rules on a terminal.
//!
//! Piped output keeps one row a line with at least two spaces between columns, so that `awk` and `cut`
//! users get what `kubectl` gives them.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::{ContentArrangement, LineStyle, TableStyle};
use textwrap::core::display_width;

use super::terminal::{Terminal, sanitize};

/// A list with a heading.
#[derive(Debug, Clone, Default)]
pub struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
    /// Number of a row, and text below it.
    notes: Vec<(usize, String)>,
}

impl Table {
    #[must_use]
    pub fn new(header: &[&str]) -> Self {
        Self {
            header: header.iter().map(|name| (*name).to_owned()).collect(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Cells beyond the header are dropped, missing ones are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        let mut row: Vec<String> = cells.into_iter().map(Into::into).take(self.header.len()).collect();
        row.resize(self.header.len(), String::new());
        self.rows.push(row);
    }

    /// Text below the last row on a terminal, indented and wrapped: what would make a column of one word a line.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push((self.rows.len(), text.into()));
    }

    /// The table as text, a line feed at its end; empty without a header.
    #[must_use]
    pub fn render(&self, terminal: &Terminal) -> String {
        if self.header.is_empty() {
            return String::new();
        }
        match (terminal.tty, terminal.colour) {
            (true, _) => self.framed(terminal),
            (false, true) => coloured(&self.aligned()),
            (false, false) => self.aligned(),
        }
    }

    /// The table as Markdown.
    #[must_use]
    pub fn to_markdown(&self) -> String {
        let line = |cells: &[String]| {
            let cells: Vec<String> = cells.iter().map(|cell| one_line(cell).replace('|', "\\|")).collect();
            format!("| {} |\n", cells.join(" | "))
        };
        let rule = format!("|{}\n", " --- |".repeat(self.header.len()));
        let rows: String = self.rows.iter().map(|row| line(row)).collect();
        format!("{}{rule}{rows}", line(&self.header))
    }

    fn aligned(&self) -> String {
        let header: Vec<String> = self.header.iter().map(|name| name.to_uppercase()).collect();
        let rows: Vec<Vec<String>> = std::iter::once(header)
            .chain(self.rows.iter().map(|row| row.iter().map(|cell| one_line(cell)).collect()))
            .collect();
        let mut widths = vec![0; self.header.len()];
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(display_width(cell));
            }
        }
        let mut out = String::new();
        for row in &rows {
            let mut line = String::new();
            for (width, cell) in widths.iter().zip(row) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(display_width(cell)) + 2));
            }
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out
    }

    fn framed(&self, terminal: &Terminal) -> String {
        let rule = if terminal.unicode { '─' } else { '-' };
        let mut table = comfy_table::Table::new();
        table
            .load_style(TableStyle::new().header_separator(LineStyle::none().fill(rule).junction(rule)))
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(u16::try_from(terminal.width).unwrap_or(u16::MAX))
            .force_no_tty()
            .set_header(&self.header);
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| sanitize(cell).into_owned()));
        }
        let mut out = String::new();
        let lines: Vec<String> = table.lines().collect();
        // Heading and rule stand before the first row. Rows of more than one line have their notes at the end.
        let single = lines.len() == self.rows.len() + 2;
        for (number, line) in lines.iter().enumerate() {
            out.push_str(line.trim_end());
            out.push('\n');
            let last = number + 1 == lines.len();
            for (row, note) in &self.notes {
                if single && row + 1 == number || !single && last {
                    let options = textwrap::Options::new(terminal.width.max(20))
                        .initial_indent("     ")
                        .subsequent_indent("     ");
                    for line in note.lines().flat_map(|line| textwrap::wrap(line, &options)) {
                        out.push_str(&sanitize(line.trim_end()));
                        out.push('\n');
                    }
                }
            }
        }
        if terminal.colour { coloured(&out) } else { out }
    }
}

/// `words` after `start`, wrapped at `width` columns where there is one; what does not fit, and further lines,
/// after `indent`. Ends with a line feed. The words are not sanitised.
#[must_use]
pub fn wrapped(words: &str, start: &str, indent: &str, width: Option<usize>) -> String {
    let mut out = String::new();
    for (number, line) in words.lines().enumerate() {
        let start = if number == 0 { start } else { indent };
        let lines = match width {
            Some(width) => textwrap::wrap(
                line,
                textwrap::Options::new(width.max(20)).initial_indent(start).subsequent_indent(indent),
            ),
            None => vec![format!("{start}{line}").into()],
        };
        for line in lines {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }
    out
}

/// States in the colours of the house, where they stand as a word of their own.
fn coloured(table: &str) -> String {
    let mut out = String::with_capacity(table.len() * 2);
    for piece in table.split_inclusive([' ', '\n']) {
        let word = piece.trim_end();
        let colour = match word {
            "enabled" | "ok" | "ready" | "success" => Some(AnsiColor::Green),
            "failed" | "error" => Some(AnsiColor::Red),
            "disabled" | "warning" | "inconclusive" => Some(AnsiColor::Yellow),
            _ => None,
        };
        match colour {
            Some(colour) => {
                let style = Style::new().fg_color(Some(colour.into()));
                let _ = write!(out, "{style}{word}{style:#}");
                out.push_str(piece.get(word.len()..).unwrap_or_default());
            }
            None => out.push_str(piece),
        }
    }
    out
}

fn one_line(cell: &str) -> String {
    let clean = sanitize(cell);
    let words: Vec<&str> = clean.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn sample() -> Table {
        let mut table = Table::new(&["name", "status", "reason"]);
        table.row(["kubernetes/core", "enabled", ""]);
        table.row(["docker/core", "failed", "`docker version` exited 1:\n\u{1b}[31mCannot connect to the Docker daemon at unix:///var/run/docker.sock"]);
        table.row(["日本", "disabled", "switched off"]);
        table
    }

    #[test]
    fn piped() {
        assert_snapshot!(sample().render(&Terminal::plain()), @"
NAME             STATUS    REASON
kubernetes/core  enabled
docker/core      failed    `docker version` exited 1: Cannot connect to the Docker daemon at unix:///var/run/docker.sock
日本             disabled  switched off
");
    }

    #[test]
    fn on_a_terminal() {
        let terminal = Terminal { tty: true, colour: false, live: true, unicode: true, width: 60 };
        assert_snapshot!(sample().render(&terminal), @"
 name              status     reason
────────────────────────────────────────────────────────────
 kubernetes/core   enabled
 docker/core       failed     `docker version` exited 1:
                              Cannot connect to the Docker
                              daemon at
                              unix:///var/run/docker.sock
 日本              disabled   switched off
");
    }

    #[test]
    fn notes_stand_below_their_row_on_a_terminal_only() {
        let mut table = Table::new(&["name", "status"]);
        table.row(["a", "failed"]);
        table.note("no program\u{7} `psql`: install it, then look again");
        table.row(["b", "enabled"]);
        let terminal = Terminal { tty: true, colour: false, live: true, unicode: true, width: 30 };
        assert_snapshot!(table.render(&terminal), @"
 name   status
────────────────
 a      failed
     no program `psql`:
     install it, then look
     again
 b      enabled
");
        assert!(!table.render(&Terminal::plain()).contains("psql"));
    }

    #[test]
    fn as_markdown() {
        let mut table = Table::new(&["name", "reason"]);
        table.row(["a", "`x | y`\nfailed"]);
        assert_eq!(table.to_markdown(), "| name | reason |\n| --- | --- |\n| a | `x \\| y` failed |\n");
    }

    #[test]
    fn rows_of_another_length_keep_the_columns() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["1"]);
        table.row(["1", "2", "3"]);
        assert_eq!(table.render(&Terminal::plain()), "A  B\n1\n1  2\n");
        assert_eq!(Table::new(&[]).render(&Terminal::plain()), "");
    }
}
