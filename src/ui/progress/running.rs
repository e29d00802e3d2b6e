//! One moving line a running tool: what it does, how much it has said, for how long. As many as the screen has room
//! for; the others are counted.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressState, ProgressStyle};

use super::{FRAME, frames};
use crate::evidence::view::size;
use crate::ui::terminal::Terminal;

/// Bytes that an exhibit's tool has said so far.
pub(super) type Measure = Arc<dyn Fn(u32) -> Option<u64> + Send + Sync>;

/// Rows that are left to what was said before.
const SPARED: usize = 4;
/// Rows of a screen that does not say how many it has.
const ROWS: usize = 24;

struct Tool {
    exhibit: u32,
    said: String,
    since: Instant,
    /// `None`: it has no room.
    bar: Option<ProgressBar>,
}

/// The tools that run, in the order they were started.
#[derive(Default)]
pub(super) struct Running {
    tools: Vec<Tool>,
    /// `… and 7 more`
    more: Option<ProgressBar>,
    measure: Option<Measure>,
}

impl Running {
    pub(super) fn measured_by(&mut self, measure: Measure) {
        self.measure = Some(measure);
    }

    pub(super) fn start(&mut self, exhibit: u32, said: String) {
        self.tools.push(Tool { exhibit, said, since: Instant::now(), bar: None });
    }

    pub(super) fn say(&mut self, exhibit: u32, said: &str) {
        if let Some(tool) = self.tools.iter_mut().find(|tool| tool.exhibit == exhibit) {
            said.clone_into(&mut tool.said);
            tool.bar.iter().for_each(|bar| bar.set_message(said.to_owned()));
        }
    }

    pub(super) fn finish(&mut self, exhibit: u32) {
        for tool in self.tools.extract_if(.., |tool| tool.exhibit == exhibit) {
            tool.bar.inspect(ProgressBar::finish_and_clear);
        }
    }

    pub(super) fn clear(&mut self) {
        for tool in self.tools.drain(..) {
            tool.bar.inspect(ProgressBar::finish_and_clear);
        }
        self.more.take().inspect(ProgressBar::finish_and_clear);
    }

    /// Gives a line to as many as there is room for now, above `overall`.
    pub(super) fn arrange(
        &mut self,
        live: &MultiProgress,
        overall: Option<&ProgressBar>,
        terminal: &Terminal,
    ) {
        let room = rows().saturating_sub(SPARED).max(1);
        // Counting the others takes a line as well.
        let shown = if self.tools.len() > room { room - 1 } else { room };
        let hidden = self.tools.len().saturating_sub(shown.max(1));
        for tool in self.tools.iter_mut().skip(shown.max(1)) {
            tool.bar.take().inspect(ProgressBar::finish_and_clear);
        }
        if hidden == 0 {
            self.more.take().inspect(ProgressBar::finish_and_clear);
        } else {
            let more = self.more.get_or_insert_with(|| {
                let style = ProgressStyle::with_template("{wide_msg}");
                let bar = ProgressBar::new_spinner()
                    .with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
                below(live, bar, overall)
            });
            let dots = if terminal.unicode { "…" } else { "..." };
            more.set_message(format!("{dots} and {hidden} more"));
            more.tick();
        }
        let under = self.more.as_ref().or(overall);
        for tool in self.tools.iter_mut().take(shown.max(1)).filter(|tool| tool.bar.is_none()) {
            let bar = ProgressBar::new_spinner()
                .with_style(style(tool.exhibit, self.measure.clone(), terminal))
                .with_elapsed(tool.since.elapsed());
            let bar = below(live, bar, under);
            bar.set_message(tool.said.clone());
            bar.enable_steady_tick(FRAME);
            tool.bar = Some(bar);
        }
    }
}

/// Adds `bar` as the last line above `under`.
fn below(live: &MultiProgress, bar: ProgressBar, under: Option<&ProgressBar>) -> ProgressBar {
    match under {
        Some(under) => live.insert_before(under, bar),
        None => live.add(bar),
    }
}

fn rows() -> usize {
    let asked = rustix::termios::tcgetwinsize(io::stderr());
    asked.ok().map(|size| usize::from(size.ws_row)).filter(|rows| *rows > 0).unwrap_or(ROWS)
}

fn style(exhibit: u32, measure: Option<Measure>, terminal: &Terminal) -> ProgressStyle {
    ProgressStyle::with_template("{spinner} {wide_msg} {said}{elapsed}")
        .unwrap_or_else(|_| ProgressStyle::default_spinner())
        .tick_chars(frames(terminal))
        .with_key("said", move |_: &ProgressState, out: &mut dyn fmt::Write| {
            if let Some(bytes) =
                measure.as_ref().and_then(|measure| measure(exhibit)).filter(|bytes| *bytes > 0)
            {
                let _ = write!(out, "{} ", size(bytes));
            }
        })
}
