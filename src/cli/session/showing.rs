//! `/show` and `/last`: an exhibit as the tool printed it, with the lines that answers cite marked, and the last answer with
//! its evidence.
//!
//! Raw output is on disk as it came: before a line is on the screen, what steers terminals and what is secret goes out of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Color, Style};

use super::Session;
use super::words::one_line;
use crate::answer::finding_line;
use crate::cli::failure::{Exit, Failure, io};
use crate::evidence::untrusted::visible;
use crate::evidence::view::{clip, header, size};
use crate::evidence::{Exhibit, Lines};
use crate::sink::to_text;
use crate::ui::{markdown, sanitize, wrapped};

/// Lines in the pager at most: the rest of gigabytes is a file.
const MOST_LINES: u64 = 20_000;
/// Where nothing pages, what fits into a terminal's memory.
const MOST_UNPAGED: u64 = 400;
/// Bytes of all lines together.
const MOST_BYTES: usize = 8 << 20;
const LINE_BYTES: usize = 16 * 1024;
const LINE_CHARACTERS: usize = 2_000;
/// Lines shown before the one that is looked for.
const BEFORE: u64 = 3;

const CITED: Style = Style::new().bold().fg_color(Some(Color::Ansi(AnsiColor::Yellow)));
const DIM: Style = Style::new().dimmed();

impl Session {
    pub(super) async fn show(&mut self, arguments: &str) -> Result<(), Failure> {
        if self.run.store.exhibits().is_empty() {
            self.say("there are no exhibits yet: tools make them, and `/run` and `/file`");
            return Ok(());
        }
        let mut words = arguments.split_whitespace();
        let Some(wanted) = words.next() else { return self.exhibits().await };
        let ids: Vec<u32> = self.run.store.exhibits().iter().map(|one| one.id).collect();
        let id = match wanted {
            "last" => ids.last().copied(),
            number => number.trim_start_matches(['E', 'e']).parse().ok(),
        };
        let line: Option<u64> = match words.next().map(str::parse) {
            None => None,
            Some(Ok(line)) => Some(line),
            Some(Err(_)) => {
                return Err(Failure::new(Exit::Usage, "a line is a number: `/show E3 120`"));
            }
        };
        let found = self.run.store.exhibits().iter().find(|one| Some(one.id) == id).cloned();
        let Some(exhibit) = found else {
            let there = match ids.as_slice() {
                [only] => format!("there is E{only}"),
                all => format!(
                    "there are E{} to E{}",
                    all.first().copied().unwrap_or(0),
                    all.last().copied().unwrap_or(0)
                ),
            };
            let shown = sanitize(&clip(wanted, 40)).into_owned();
            return Err(Failure::new(Exit::Usage, format!("there is no exhibit `{shown}`")).hint(there));
        };
        let cited = self.turns.cited(exhibit.id);
        let (text, first) = self.raw(&exhibit, &cited, line)?;
        self.page(&text, first).await
    }

    /// Each exhibit on a line.
    async fn exhibits(&mut self) -> Result<(), Failure> {
        let width = self.context.stdout.width;
        let mut text = String::new();
        for one in self.run.store.exhibits() {
            let mark = match self.turns.cites(one.id) {
                true if self.context.stdout.unicode => "▶",
                true => ">",
                false => " ",
            };
            let about = if one.description.is_empty() { &one.invocation } else { &one.description };
            let line = format!("{}: {}, {}", one.tool, one_line(about, 100), ending(one));
            let start = format!("{mark} E{:<3} ", one.id);
            text.push_str(&wrapped(&sanitize(&line), &start, "       ", Some(width)));
        }
        let sign = if self.context.stdout.unicode { "▶" } else { ">" };
        let end = format!("`/show E1` shows one whole; an answer cites those with {sign}");
        text.push_str(&wrapped(&end, "", "", Some(width)));
        self.page(&text, 1).await
    }

    /// The raw lines, and the line of the text to begin at.
    fn raw(
        &self,
        exhibit: &Exhibit,
        cited: &BTreeSet<u64>,
        wanted: Option<u64>,
    ) -> Result<(String, usize), Failure> {
        let terminal = &self.context.stdout;
        let styled = |text: &str, style: Style| {
            if terminal.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
        };
        let mut text = wrapped(&sanitize(&header(exhibit)), "", "  ", Some(terminal.width));
        if exhibit.description != exhibit.invocation && !exhibit.description.is_empty() {
            text.push_str(&wrapped(&sanitize(&exhibit.description), "", "  ", Some(terminal.width)));
        }
        if let Some(error) = &exhibit.error {
            text.push_str(&wrapped(&sanitize(error), "failed: ", "  ", Some(terminal.width)));
        }
        if let Some(flag) = &exhibit.flagged {
            text.push_str(&wrapped(
                &sanitize(&flag.told(exhibit.id)),
                "warning: ",
                "  ",
                Some(terminal.width),
            ));
        }
        if !cited.is_empty() {
            let first: Vec<String> = cited.iter().take(12).map(u64::to_string).collect();
            let more = if cited.len() > first.len() { " …" } else { "" };
            let line = format!("cited by an answer: line {}{more}", first.join(", "));
            text.push_str(&wrapped(&line, "", "  ", Some(terminal.width)));
        }
        if exhibit.bytes == 0 {
            text.push_str("(no output)\n");
            return Ok((text, 1));
        }
        let most = if terminal.live { MOST_LINES } else { MOST_UNPAGED };
        let aim = wanted.or_else(|| cited.first().copied()).unwrap_or(1).clamp(1, exhibit.lines.max(1));
        // All of it where it fits, else from a little before what is looked for.
        let from = if exhibit.lines <= most { 1 } else { aim.saturating_sub(most / 10).max(1) };
        let gone = || io(format!("the output of E{} cannot be read", exhibit.id));
        let mut source = Lines::open(&exhibit.path).map_err(gone())?;
        source.skip_to(from).map_err(gone())?;
        let (mut lines, mut bytes) = (Vec::new(), 0);
        while let Some((number, line)) = source.next(LINE_BYTES).map_err(gone())? {
            if lines.len() as u64 >= most || bytes > MOST_BYTES {
                break;
            }
            bytes += line.len();
            lines.push((number, visible(&String::from_utf8_lossy(line))));
        }
        self.run.store.redactor().redact_lines(&mut lines);
        let last = lines.last().map_or(from, |(number, _)| *number);
        if from > 1 {
            let _ = writeln!(text, "… {} lines before: `/show E{} 1` …", from - 1, exhibit.id);
        }
        let digits = last.to_string().len();
        let sign = if terminal.unicode { "▶" } else { ">" };
        let mut first = 1;
        for (number, line) in lines {
            if number < aim {
                first = text.lines().count() + 1;
            }
            let line = clip(&line, LINE_CHARACTERS);
            if cited.contains(&number) {
                let line = styled(&format!("{sign} {number:>digits$}  {line}"), CITED);
                let _ = writeln!(text, "{line}");
            } else {
                let number = styled(&format!("{number:>digits$}"), DIM);
                let _ = writeln!(text, "  {number}  {line}");
            }
        }
        if last < exhibit.lines {
            let (next, left) = (last + 1, exhibit.lines - last);
            let _ = writeln!(text, "… {left} more lines: `/show E{} {next}` …", exhibit.id);
        }
        let before = usize::try_from(BEFORE).unwrap_or(0);
        Ok((text, if aim == 1 { 1 } else { (first + 1).saturating_sub(before).max(1) }))
    }

    pub(super) fn last(&mut self) -> Result<(), Failure> {
        let Some(last) = self.turns.last() else {
            self.say("there is no answer yet");
            return Ok(());
        };
        let mut text = to_text(&last.answer);
        // Quotes that the answer's own words do not hold.
        let quotes = last.answer.findings.iter().filter(|one| !text.contains(one.quote.trim()));
        let quotes: Vec<String> = quotes.map(finding_line).collect();
        if !quotes.is_empty() {
            let _ = write!(text, "\n\n**Evidence**\n\n{}\n", quotes.join("\n"));
        }
        let question = format!("**{}**\n\n", one_line(&last.question.text, 300));
        let text = self.run.store.shown(&format!("{question}{text}"));
        self.print(&markdown::render(&text, &self.context.stdout))
    }
}

/// How a call ended, and how much came of it.
fn ending(exhibit: &Exhibit) -> String {
    let ended = exhibit.status.told(exhibit.exit_code);
    match exhibit.bytes {
        0 => ended,
        bytes => {
            let lines = if exhibit.lines == 1 { "line" } else { "lines" };
            format!("{ended}, {} {lines}, {}", exhibit.lines, size(bytes))
        }
    }
}
