//! What happens during a run, on stderr: one line a finished tool, one that moves for each that is still running.
//!
//! A listener of the event stream. It decides nothing and never touches stdout, so that `… | cat` prints
//! the answer alone. Everything a stranger wrote is sanitised first.

mod running;
mod words;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use anstyle::{AnsiColor, Color, Style};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use super::output::ErrorOutput;
use super::terminal::{Terminal, sanitize};
use crate::agent::{Event, Unusable, Usage};
use crate::evidence::{Exhibit, Status};

use running::Running;
pub(crate) use words::duration;

const GREEN: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Green)));
const RED: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Red)));
const YELLOW: Style = Style::new().fg_color(Some(Color::Ansi(AnsiColor::Yellow)));
const DIM: Style = Style::new().dimmed();

/// A frame of a spinner: slow enough to cost nothing, fast enough to look alive.
const FRAME: Duration = Duration::from_millis(100);

/// What the person wants to see.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProgressOptions {
    /// Only warnings and failures.
    pub quiet: bool,
    /// Each tool's output under its line (`--show-tool-output`).
    pub show_tool_output: bool,
    /// Count of `-v`: requests, toolsets with reasons, the model's reasoning also when nobody watches.
    pub verbose: u8,
    /// Of several runs: how many are over, of how many.
    pub overall: Option<(u64, u64)>,
}

/// Writes a run's progress to stderr.
pub struct Progress {
    terminal: Terminal,
    options: ProgressOptions,
    output: ErrorOutput,
    live: Option<MultiProgress>,
    running: Running,
    spinner: Option<ProgressBar>,
    overall: Option<ProgressBar>,
    /// The line of reasoning that has not ended yet.
    reasoning: String,
}

impl Progress {
    /// To stderr. Spinners only where `terminal` is live.
    #[must_use]
    pub fn new(terminal: Terminal, options: ProgressOptions) -> Self {
        Self::to(ErrorOutput::stderr(), terminal, options)
    }

    fn to(output: ErrorOutput, terminal: Terminal, options: ProgressOptions) -> Self {
        let live = (terminal.live && !options.quiet).then(MultiProgress::new);
        Self {
            terminal,
            options,
            output,
            live,
            running: Running::default(),
            spinner: None,
            overall: None,
            reasoning: String::new(),
        }
    }

    /// How the lines of running tools learn how much their tools have said so far: bytes of the output of exhibit
    /// `E{number}`, `None` where nobody knows. Asked ten times a second by a thread of the terminal, so it must be quick.
    pub fn measure(&mut self, size: impl Fn(u32) -> Option<u64> + Send + Sync + 'static) {
        self.running.measured_by(Arc::new(size));
    }

    /// Shows that something goes on outside of the event stream: `checking 12 toolsets`.
    pub fn busy(&mut self, what: &str) {
        self.idle();
        self.spinner = self.spin(what);
    }

    /// Takes the spinners away, before something is written to stdout on the same terminal.
    pub fn hide(&mut self) {
        self.idle();
        self.running.clear();
        if let Some(bar) = self.overall.take() {
            bar.finish_and_clear();
        }
    }

    /// Something the person should know, in quiet runs too.
    pub fn warning(&mut self, text: &str) {
        let mark = self.styled("warning:", YELLOW);
        self.say(&format!("{mark} {}", sanitize(text)));
    }

    /// A plain line, unless the run is quiet.
    pub fn note(&mut self, text: &str) {
        if !self.options.quiet {
            self.say(&sanitize(text));
        }
    }

    /// What the model calls took (`--log-costs`), `summaries` of them for summaries; also in quiet runs: it was asked for.
    pub fn costs(&mut self, calls: u32, summaries: u32, usage: Usage, cost: Option<f64>) {
        let line = words::costs(calls, summaries, usage, cost);
        self.say(&line);
    }

    /// Whether each tool's output stands under its line from now on.
    pub fn show_tool_output(&mut self, shown: bool) {
        self.options.show_tool_output = shown;
    }

    /// Lines are laid out for this terminal from now on.
    pub fn fit(&mut self, terminal: Terminal) {
        self.terminal = terminal;
    }

    /// Shows one event.
    #[allow(clippy::too_many_lines)] // One arm an event: it reads as a list.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::ApprovalAsked { .. } => self.hide(),
            Event::RunStarted { run_id, model, .. } => {
                if self.options.verbose > 0 {
                    self.note(&format!("run {run_id} with {model}"));
                }
            }
            Event::Resumed { resumption } => {
                if self.options.verbose > 0 {
                    self.note(&format!("run {} goes on", resumption.run_id));
                }
            }
            Event::ToolsetsChecked { usable, unusable } => self.toolsets(usable, unusable),
            Event::ModelRequested { step, messages, tools, tokens, .. } => {
                if self.options.verbose > 0 {
                    self.note(&format!(
                        "step {step}: {messages} messages, {tools} tools, about {tokens} tokens"
                    ));
                }
                self.busy("thinking");
            }
            Event::ModelRetried { attempt, wait_seconds, reason } => {
                self.reasoning.clear();
                let wait = duration(*wait_seconds);
                let reason = words::first_line(reason);
                self.warning(&format!("{reason}, retrying in {wait} (attempt {attempt})"));
            }
            // The answer goes to stdout, by whoever listens for it.
            Event::TextDelta { .. }
            | Event::TurnStarted { .. }
            | Event::Edited { .. }
            | Event::Continued
            | Event::ApprovalDecided { .. }
            | Event::SummaryReplied { failure: None, .. }
            | Event::Opened { .. }
            | Event::Ended { .. } => {}
            Event::ReasoningDelta { text } => self.reason(text),
            Event::ModelReplied { message, .. } => {
                self.idle();
                self.end_reasoning();
                if !message.tool_calls.is_empty() && self.shows_thoughts() {
                    self.thought(&message.text);
                }
            }
            Event::ModelFailed { message, hint, .. } => {
                self.hide();
                self.warning(&format!("the model gave no answer: {}", words::first_line(message)));
                if let Some(hint) = hint {
                    self.say(&format!("  {}", sanitize(hint)));
                }
            }
            Event::ToolStarted { exhibit, description, call, .. } => {
                let said = words::first_line(if description.is_empty() { &call.tool } else { description });
                if self.live.is_some() {
                    self.show_overall();
                    self.running.start(*exhibit, format!("E{exhibit} {said}"));
                    self.arrange();
                }
            }
            Event::SummaryRequested { exhibit, model, tokens, .. } => {
                if self.options.verbose > 0 {
                    self.note(&format!("E{exhibit}: {model} sums it up, about {tokens} tokens"));
                }
                self.running.say(*exhibit, &words::first_line(&format!("E{exhibit} summed up by {model}")));
            }
            Event::SummaryReplied { exhibit, model, failure: Some(why), .. } => {
                let (model, why) = (words::first_line(model), words::first_line(why));
                self.warning(&format!("E{exhibit} is not summed up by {model}, its lines are shown: {why}"));
            }
            Event::ToolFinished { exhibit } => {
                self.running.finish(exhibit.id);
                self.arrange();
                self.tool(exhibit);
                if let Some(flag) = &exhibit.flagged {
                    self.warning(&words::first_line(&flag.told(exhibit.id)));
                }
            }
            Event::ToolAnswered { call, reply, repeats, brings, noted } => {
                let dim = if let Some(line) = noted {
                    words::first_line(line)
                } else if !brings.is_empty() {
                    format!("more tools: {}", sanitize(&brings.join(", ")))
                } else if let Some(earlier) = repeats {
                    format!("{}: same call as E{earlier}", sanitize(&call.tool))
                } else {
                    let reply = words::first_line(reply);
                    return self.warning(&format!("{}: {reply}", words::first_line(&call.tool)));
                };
                let line = self.styled(&format!("  {dim}"), DIM);
                self.plain_note(&line);
            }
            Event::RequestTooLong { limit } => {
                let window = limit.map_or_else(String::new, |limit| format!(" of {limit} tokens"));
                self.note(&format!(
                    "the request is longer than the window{window}: older results are taken out"
                ));
            }
            Event::AnswerQuestioned { objections } => {
                self.idle();
                let count = objections.lines().filter(|line| line.starts_with("- ")).count();
                let quotes = if count == 1 { "1 quote does" } else { "some quotes do" };
                self.note(&format!("{quotes} not stand in the evidence: asking once for a correction"));
            }
            Event::LimitReached { limit } => {
                self.warning(&format!("{}; asking for the answer now", words::limit(*limit)));
            }
            Event::Interrupted => {
                self.hide();
                self.warning("interrupted; answering with what is known so far");
            }
            Event::Concluded { .. } => {
                self.end_reasoning();
                self.hide();
            }
        }
    }

    fn toolsets(&mut self, usable: &[String], unusable: &[Unusable]) {
        self.idle();
        if self.options.verbose > 0 {
            self.note(&format!("toolsets: {}", usable.join(", ")));
            for toolset in unusable {
                self.note(&format!(
                    "  not usable: {} ({})",
                    toolset.name,
                    words::first_line(&toolset.reason)
                ));
            }
        } else if usable.is_empty() {
            self.warning("no toolset is usable; `holmes-rs toolset list` says why");
        }
    }

    fn tool(&mut self, exhibit: &Exhibit) {
        if self.options.quiet && !self.options.show_tool_output {
            return;
        }
        let (mark, style) = match exhibit.status {
            Status::Success => (if self.terminal.unicode { "✓" } else { "+" }, GREEN),
            Status::NoData => (if self.terminal.unicode { "○" } else { "-" }, DIM),
            Status::Error | Status::TimedOut | Status::Interrupted | Status::Denied => {
                (if self.terminal.unicode { "✗" } else { "x" }, RED)
            }
        };
        let name = words::title(exhibit);
        let mark = self.styled(mark, style);
        let took = self.styled(&duration(exhibit.seconds), DIM);
        let end = match words::failure(exhibit) {
            Some(reason) => self.styled(&reason, RED),
            None if exhibit.status == Status::NoData => self.styled("no data", DIM),
            None => self.styled(&words::amount(exhibit), DIM),
        };
        let line = format!("{mark} E{} {name}  {took}  {end}", exhibit.id);
        self.say(&line);
        if self.options.show_tool_output {
            let bar = self.styled(if self.terminal.unicode { "│" } else { "|" }, DIM);
            let shown: Vec<String> =
                sanitize(&exhibit.view).lines().map(|line| format!("  {bar} {line}")).collect();
            if !shown.is_empty() {
                self.say(&shown.join("\n"));
            }
        }
    }

    fn shows_thoughts(&self) -> bool {
        !self.options.quiet && (self.terminal.tty || self.options.verbose > 0)
    }

    fn reason(&mut self, text: &str) {
        if !self.shows_thoughts() {
            return;
        }
        self.reasoning.push_str(text);
        // Line by line: half a line under a spinner would be torn apart.
        if let Some(end) = self.reasoning.rfind('\n') {
            let rest = self.reasoning.split_off(end + 1);
            let lines = std::mem::replace(&mut self.reasoning, rest);
            self.thought(&lines);
        }
    }

    fn end_reasoning(&mut self) {
        let rest = std::mem::take(&mut self.reasoning);
        self.thought(&rest);
    }

    fn thought(&mut self, text: &str) {
        let text = sanitize(text.trim_end());
        if text.trim().is_empty() {
            return;
        }
        let width = if self.terminal.tty { self.terminal.width.saturating_sub(2) } else { usize::MAX };
        let options = textwrap::Options::new(width).break_words(false);
        let mut lines = Vec::new();
        for line in text.lines() {
            for part in textwrap::wrap(line, &options) {
                lines.push(format!("  {}", self.styled(&part, DIM)));
            }
        }
        self.say(&lines.join("\n"));
    }

    fn plain_note(&mut self, line: &str) {
        if !self.options.quiet {
            self.say(line);
        }
    }

    /// The only place that writes.
    fn say(&mut self, line: &str) {
        let output = &mut self.output;
        match &self.live {
            Some(bars) => bars.suspend(|| output.line(line)),
            None => output.line(line),
        }
    }

    fn idle(&mut self) {
        if let Some(bar) = self.spinner.take() {
            bar.finish_and_clear();
        }
    }

    fn spin(&mut self, what: &str) -> Option<ProgressBar> {
        self.show_overall();
        let live = self.live.as_ref()?;
        let style = ProgressStyle::with_template("{spinner} {wide_msg} {elapsed}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .tick_chars(frames(&self.terminal));
        let bar = ProgressBar::new_spinner().with_style(style);
        let bar = match &self.overall {
            Some(overall) => live.insert_before(overall, bar),
            None => live.add(bar),
        };
        bar.set_message(words::first_line(what));
        bar.enable_steady_tick(FRAME);
        Some(bar)
    }

    /// Of several runs: the bar below everything else.
    fn show_overall(&mut self) {
        let (Some(live), None, Some((over, of))) = (&self.live, &self.overall, self.options.overall) else {
            return;
        };
        let ends = if self.terminal.unicode { "━╸ " } else { "#> " };
        let style = ProgressStyle::with_template("{bar:24} {pos}/{len} investigated")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars(ends);
        let bar = live.add(ProgressBar::new(of).with_style(style));
        bar.set_position(over);
        bar.tick();
        self.overall = Some(bar);
    }

    fn arrange(&mut self) {
        if let Some(live) = &self.live {
            self.running.arrange(live, self.overall.as_ref(), &self.terminal);
        }
    }

    fn styled(&self, text: &str, style: Style) -> String {
        if self.terminal.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// What a spinner turns through.
fn frames(terminal: &Terminal) -> &'static str {
    if terminal.unicode { "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏ " } else { "-\\|/ " }
}

impl Drop for Progress {
    /// A spinner must not stay on the screen when a run ends early.
    fn drop(&mut self) {
        self.hide();
    }
}
