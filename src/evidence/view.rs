//! How an exhibit looks to a model: a fence nobody else can forge, a header, numbered lines, gaps named.
//!
//! The same text is read back by the rules engine, which sees exactly what a model sees.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;

use super::exhibit::{Exhibit, Status};

/// Characters of a command that a header shows whole.
const LONGEST_COMMAND: usize = 160;

/// A line as it may be shown: number in the raw exhibit (1-based) and its text without line feed.
pub type Line = (u64, String);

/// Renders one exhibit between fences that carry the run's `marker`.
///
/// `notes` say what the whole output is, and are no lines of it; `lines` are those chosen by condensation, in order,
/// parts of one line perhaps one after the other. Gaps between their numbers are named.
#[must_use]
pub fn render(exhibit: &Exhibit, notes: &[String], lines: &[Line], marker: &str) -> String {
    let mut view = String::new();
    let id = exhibit.id;
    let _ = writeln!(view, "<exhibit E{id} k={marker}>");
    let _ = writeln!(view, "{}", neutral(&header(exhibit), marker));
    if let Some(error) = &exhibit.error {
        let _ = writeln!(view, "error: {}", neutral(error, marker));
    }
    for note in notes {
        let _ = writeln!(view, "({})", neutral(note, marker));
    }
    let width = lines.last().map_or(1, |(number, _)| number.to_string().len());
    let mut next = 1;
    for (number, text) in lines {
        if *number > next {
            let _ = writeln!(view, "{:>width$} | … {} lines left out …", "", number - next);
        }
        let _ = writeln!(view, "{number:>width$} | {}", neutral(text, marker));
        next = number + 1;
    }
    if exhibit.lines >= next {
        let left = exhibit.lines + 1 - next;
        let _ = writeln!(view, "{:>width$} | … {left} lines left out …", "");
    }
    if exhibit.condensed {
        let _ = writeln!(view, "(condensed: `read_exhibit` with id E{id} gives any lines or matches)");
    }
    let _ = write!(view, "</exhibit E{id} k={marker}>");
    view
}

/// Renders what `model` wrote about an exhibit, marked as its words, between the same fences as the exhibit.
#[must_use]
pub fn render_summary(exhibit: &Exhibit, model: &str, text: &str, marker: &str) -> String {
    let mut view = String::new();
    let id = exhibit.id;
    let _ = writeln!(view, "<exhibit E{id} k={marker}>");
    let _ = writeln!(view, "{}", neutral(&header(exhibit), marker));
    if let Some(error) = &exhibit.error {
        let _ = writeln!(view, "error: {}", neutral(error, marker));
    }
    let model = neutral(model, marker);
    let _ = writeln!(
        view,
        "{SUMMARY}{id}, written by the model `{model}`: no evidence by itself. `read_exhibit` with id E{id} shows \
         the lines; quote only those)"
    );
    for line in text.lines() {
        let _ = writeln!(view, "{}", neutral(line, marker));
    }
    let _ = write!(view, "</exhibit E{id} k={marker}>");
    view
}

/// Characters of the one line that stays of a reduced view.
const LONGEST_FINDING: usize = 240;

/// `text` with each exhibit in it reduced to its fence, its header, its error and the line that tells most; what stands
/// outside of exhibits stays.
#[must_use]
pub fn reduced(text: &str) -> String {
    let mut out = Vec::new();
    let mut open: Option<(String, &str, Vec<&str>)> = None;
    for line in text.lines() {
        match open.take() {
            None => match line.strip_prefix("<exhibit E").and_then(|fence| fence.strip_suffix('>')) {
                Some(fence) => open = Some((format!("</exhibit E{fence}>"), line, Vec::new())),
                None => out.push(line.to_owned()),
            },
            Some((close, first, inside)) if line == close => {
                out.push(first.to_owned());
                out.extend(inside.first().map(|header| (*header).to_owned()));
                let rest = inside.get(1..).unwrap_or_default();
                out.extend(
                    rest.iter()
                        .find(|line| line.starts_with("error: "))
                        .map(|line| clip(line, LONGEST_FINDING)),
                );
                out.extend(telling(rest).map(|line| clip(line, LONGEST_FINDING)));
                out.push("(taken out to make room: `read_exhibit` shows it again)".to_owned());
                out.push(close);
            }
            Some((close, first, mut inside)) => {
                inside.push(line);
                open = Some((close, first, inside));
            }
        }
    }
    if let Some((_, first, inside)) = open {
        out.push(first.to_owned());
        out.extend(inside.into_iter().map(str::to_owned));
    }
    out.join("\n")
}

/// The numbered line that most likely says what is wrong: the first of the worst.
fn telling<'a>(lines: &[&'a str]) -> Option<&'a str> {
    let numbered = lines.iter().filter(|line| {
        let number = line.split(" | ").next().unwrap_or_default().trim();
        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let weight = |line: &str| {
        let line = line.to_ascii_lowercase();
        WORST.iter().position(|words| words.iter().any(|word| line.contains(word)))
    };
    numbered
        .filter_map(|line| Some((weight(line)?, *line)))
        .min_by_key(|(weight, _)| *weight)
        .map(|(_, line)| line)
}

/// Words of lines that say what is wrong, the worst first.
const WORST: &[&[&str]] = &[
    &["oomkilled", "out of memory", "panic", "fatal", "no space left"],
    &["refused", "denied", "exception", "caused by", "killed", "expired", "crashloop", "imagepull"],
    &["error", "fail", "cannot", "unable", "timed out", "timeout", "unhealthy"],
    &["warn", "not ready", "restart"],
];

/// How the line begins that says that what follows is a summary.
const SUMMARY: &str = "(summary of E";

/// One line about the exhibit: tool, command, ending, duration, size.
#[must_use]
pub fn header(exhibit: &Exhibit) -> String {
    let mut header = format!("E{} {}", exhibit.id, exhibit.tool);
    let what = subject(exhibit);
    if !what.is_empty() {
        let _ = write!(header, " · {what}");
    }
    let ending = match (exhibit.status, exhibit.exit_code) {
        (Status::TimedOut, _) => "timed out".to_owned(),
        (Status::Interrupted, _) => "interrupted".to_owned(),
        (Status::Denied, _) => "denied".to_owned(),
        (_, Some(code)) => format!("exit {code}"),
        (Status::NoData, None) => "no data".to_owned(),
        (Status::Success, None) => "ok".to_owned(),
        (Status::Error, None) => "failed".to_owned(),
    };
    let _ = write!(header, " · {ending}");
    if exhibit.bytes == 0 {
        header.push_str(" · no output");
    } else {
        let _ = write!(header, " · {} lines, {}", exhibit.lines, size(exhibit.bytes));
    }
    header
}

/// The command where it is a line people can read, else what was asked of the tool: a script tells nobody anything.
fn subject(exhibit: &Exhibit) -> String {
    let command = exhibit.invocation.trim();
    if !command.contains('\n') && command.chars().count() <= LONGEST_COMMAND {
        return command.to_owned();
    }
    let params = exhibit.params.iter().map(|(name, value)| match value {
        serde_json::Value::String(text) => format!("{name}={text}"),
        other => format!("{name}={other}"),
    });
    clip(&params.collect::<Vec<_>>().join(" ").replace('\n', " "), LONGEST_COMMAND)
}

/// Bytes in decimal units, as `ls` and `kubectl` users read them.
#[must_use]
pub fn size(bytes: u64) -> String {
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let mut amount = bytes as f64;
    let mut unit = "B";
    for next in ["KB", "MB", "GB", "TB"] {
        if amount < 999.5 {
            break;
        }
        amount /= 1000.0;
        unit = next;
    }
    if amount < 9.95 { format!("{amount:.1} {unit}") } else { format!("{amount:.0} {unit}") }
}

/// At most `limit` characters, an ellipsis where something was cut.
#[must_use]
pub fn clip(text: &str, limit: usize) -> String {
    match text.char_indices().nth(limit) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// Text written by strangers, made unable to end or forge a fence or to hide from a reader.
fn neutral(text: &str, marker: &str) -> String {
    let mut visible = super::untrusted::visible(text);
    if visible.contains(marker) {
        visible = visible.replace(marker, "(marker)");
    }
    if let Some(fence) = FENCE.as_ref()
        && fence.is_match(&visible)
    {
        visible = fence.replace_all(&visible, "‹${slash}exhibit").into_owned();
    }
    if let Some(turn) = TURN.as_ref()
        && turn.is_match(&visible)
    {
        visible = turn.replace_all(&visible, "‹${words}${inst}›").into_owned();
    }
    visible
}

/// Marks by which chat templates begin and end a turn, and tags that claim to be the system's or a tool's: a server
/// that pastes text into its template would take them for its own.
static TURN: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)[<‹＜﹤〈⟨]\s*(?P<words>[|｜¦]\s*[a-z_▁ ]{2,24}\s*[|｜¦]|[/∕⁄／]?\s*(?:tool|function)[_ -](?:results?|calls?|responses?|outputs?)",
        r"|[/∕⁄／]?\s*(?:system|assistant|system[_-](?:prompt|reminder|message)|(?:start|end)_of_turn)|<\s*[/∕⁄／]?sys>?|eos|bos)\s*[>›＞﹥〉⟩]+",
        r"|[\[［](?P<inst>[/∕⁄／]?\s*INST\s*)[\]］]"
    ))
    .ok()
});

/// What a model could take for a fence, however it is spelled.
static FENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)[<‹＜﹤〈⟨《❮❬ᐸ˂≺⟪«]\s*(?P<slash>[/∕⁄／⧸]?)\s*(?:e|е|ｅ|Ｅ|Е)(?:x|х|ｘ|Ｘ|Х)(?:h|һ|ｈ|Ｈ|Н)(?:i|і|ｉ|Ｉ|І)(?:b|ｂ|Ｂ|В|Ь)(?:i|і|ｉ|Ｉ|І)(?:t|ｔ|Ｔ|Т|т)").ok()
});

/// An exhibit as read back from a view.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SeenExhibit {
    pub id: u32,
    pub tool: String,
    /// The header after the tool's name: command, ending, duration, size.
    pub title: String,
    /// The failure, where the header is followed by one.
    pub error: Option<String>,
    pub lines: Vec<Line>,
    /// Whether lines were left out.
    pub condensed: bool,
    /// A model's words about the output, and none of its lines.
    pub summary: bool,
}

/// Reads every exhibit shown in `text`, in order. Text outside fences is passed over.
#[must_use]
pub fn read_views(text: &str) -> Vec<SeenExhibit> {
    let mut seen = Vec::new();
    let mut open: Option<(String, SeenExhibit)> = None;
    for line in text.lines() {
        match &mut open {
            None => {
                if let Some(fence) = line.strip_prefix("<exhibit E")
                    && let Some(fence) = fence.strip_suffix('>')
                {
                    let id = fence.split(' ').next().and_then(|id| id.parse().ok()).unwrap_or(0);
                    let exhibit = SeenExhibit { id, ..SeenExhibit::default() };
                    open = Some((format!("</exhibit E{fence}>"), exhibit));
                }
            }
            Some((close, exhibit)) => {
                if line == close {
                    seen.extend(open.take().map(|(_, exhibit)| exhibit));
                } else {
                    read_line(line, exhibit);
                }
            }
        }
    }
    seen
}

fn read_line(line: &str, exhibit: &mut SeenExhibit) {
    if exhibit.tool.is_empty() {
        let rest = line.split_once(' ').map_or(line, |(_, rest)| rest);
        let (tool, title) = rest.split_once(" · ").unwrap_or((rest, ""));
        tool.clone_into(&mut exhibit.tool);
        title.clone_into(&mut exhibit.title);
        return;
    }
    if exhibit.lines.is_empty()
        && let Some(error) = line.strip_prefix("error: ")
    {
        exhibit.error = Some(error.to_owned());
        return;
    }
    // Whatever looks like a line in a summary is none.
    exhibit.summary |= exhibit.lines.is_empty() && line.starts_with(SUMMARY);
    if exhibit.summary {
        exhibit.condensed = true;
        return;
    }
    let Some((number, text)) = line.split_once(" |") else {
        return;
    };
    match number.trim().parse() {
        Ok(number) => {
            let text = text.strip_prefix(' ').unwrap_or(text);
            exhibit.lines.push((number, text.to_owned()));
        }
        Err(_) => exhibit.condensed = true,
    }
}
