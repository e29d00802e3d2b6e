//! When each tool ran, as bars over time: parallel calls stand beside each other, between them the model thought.

use std::fmt::Write as _;

use super::super::Investigation;
use super::axis::{self, Unit};
use crate::evidence::{Exhibit, Status};

const WIDTH: f64 = 960.0;
const LEFT: f64 = 250.0;
const ROW: f64 = 18.0;
/// Calls drawn; the table has all of them.
const MOST_ROWS: usize = 150;
/// Characters of a label.
const LABEL: usize = 38;

/// Empty where starts are not known. `clean` redacts and escapes.
pub(super) fn timeline(run: &Investigation, clean: &dyn Fn(&str) -> String) -> String {
    let ran: Vec<&Exhibit> = run.exhibits.iter().filter(|one| !one.is_attachment()).collect();
    let known = |one: &&Exhibit| one.started_seconds > 0.0 && (one.started_seconds + one.seconds).is_finite();
    if ran.is_empty() || !ran.iter().all(known) {
        return String::new();
    }
    let end = |one: &Exhibit| one.started_seconds + one.seconds.max(0.0);
    let last = ran.iter().map(|one| end(one)).fold(run.duration_seconds, f64::max).max(0.001);
    if !last.is_finite() {
        return String::new();
    }
    let across = |seconds: f64| LEFT + seconds / last * (WIDTH - LEFT - 10.0);
    let rows = ran.len().min(MOST_ROWS);
    #[expect(clippy::cast_precision_loss, reason = "a few rows")]
    let at = |row: usize| 4.0 + row as f64 * ROW;
    let height = at(rows + 1) + 20.0;
    let mut out =
        format!("<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"when each call ran\">\n");
    for tick in axis::values(0.0, last) {
        let x = across(tick);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"0\" y2=\"{:.1}\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            height - 18.0,
            height - 4.0,
            Unit::Seconds.write(tick, last)
        );
    }
    let bar = |out: &mut String, class: &str, row: usize, from: f64, to: f64, title: &str| {
        let width = (across(to) - across(from)).max(1.5);
        let _ = writeln!(
            out,
            "<rect class=\"{class}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{}\" rx=\"2\"><title>{title}</title></rect>",
            across(from),
            at(row),
            ROW - 5.0
        );
    };
    let label = |out: &mut String, row: usize, text: &str| {
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            LEFT - 8.0,
            at(row) + 11.0
        );
    };
    label(&mut out, 0, "model");
    // What no tool took is the model's time.
    let mut spans: Vec<(f64, f64)> = ran.iter().map(|one| (one.started_seconds, end(one))).collect();
    spans.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = 0.0;
    for (from, to) in spans.into_iter().chain([(run.duration_seconds, run.duration_seconds)]) {
        if from > free + last * 0.000_5 {
            bar(&mut out, "model", 0, free, from, &format!("model, {:.1} s", from - free));
        }
        free = to.max(free);
    }
    for (row, one) in ran.iter().take(MOST_ROWS).enumerate() {
        let good = matches!(one.status, Status::Success | Status::NoData);
        let tool: String = one.tool.chars().take(LABEL).collect();
        let name = clean(&format!("E{} {tool}", one.id));
        label(&mut out, row + 1, &name);
        let class = if good { "tool" } else { "fail" };
        bar(
            &mut out,
            class,
            row + 1,
            one.started_seconds,
            end(one),
            &format!("{name}, {:.1} s", one.seconds),
        );
    }
    out.push_str("</svg>\n");
    if ran.len() > MOST_ROWS {
        let _ = writeln!(out, "<p class=\"dim\">the first {MOST_ROWS} of {} calls</p>", ran.len());
    }
    out
}
