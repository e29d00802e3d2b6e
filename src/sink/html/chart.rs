//! Curves as inline SVG: axes with units, a legend, gaps where points are missing.

use std::fmt::Write as _;

use super::axis::{self, Unit};
use super::markup::escape;
use super::series::{Matrix, thinned};

const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 76.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 26.0;
/// Points of one curve; more cannot be seen.
const MOST_POINTS: usize = 360;

/// One chart; empty where there is nothing to draw. `clean` redacts and escapes.
pub(super) fn chart(matrix: &Matrix, clean: &dyn Fn(&str) -> String) -> String {
    let points = || matrix.series.iter().flat_map(|one| one.runs.iter().flatten());
    let bounds = |pick: fn(&(f64, f64)) -> f64| {
        points()
            .map(pick)
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), one| (low.min(one), high.max(one)))
    };
    let ((mut from, mut to), (mut low, mut high)) = (bounds(|point| point.0), bounds(|point| point.1));
    if from >= to {
        (from, to) = (from - 30.0, from + 30.0);
    }
    if low >= 0.0 && low < high * 0.5 {
        low = 0.0;
    }
    if low >= high {
        let around = if low == 0.0 { 1.0 } else { low.abs() * 0.1 };
        (low, high) = (low - around, high + around);
    }
    if !((high - low).is_finite() && (to - from).is_finite()) {
        return String::new();
    }
    let unit = matrix.unit.unwrap_or_else(|| Unit::of(&matrix.title));
    let across = |time: f64| LEFT + (time - from) / (to - from) * (WIDTH - LEFT - RIGHT);
    let up = |value: f64| HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM);
    let mut out = String::from("<figure>\n");
    let title = clean(&matrix.title);
    let _ = writeln!(out, "<figcaption><code>{title}</code></figcaption>");
    let _ = writeln!(out, "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">");
    for value in axis::values(low, high) {
        let y = up(value);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{LEFT}\" x2=\"{}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            WIDTH - RIGHT,
            LEFT - 6.0,
            y + 4.0,
            escape(&unit.write(value, high))
        );
    }
    let (times, step) = axis::times(from, to);
    for time in times {
        let x = across(time);
        let _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{TOP}\" y2=\"{}\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            HEIGHT - BOTTOM,
            HEIGHT - 8.0,
            axis::clock(time, step)
        );
    }
    for (number, one) in matrix.series.iter().enumerate() {
        let count: usize = one.runs.iter().map(Vec::len).sum();
        // Of thousands of gaps none can be seen.
        for run in one.runs.iter().take(MOST_POINTS) {
            if let [(time, value)] = run.as_slice() {
                let (x, y) = (across(*time), up(*value));
                let _ = writeln!(out, "<circle class=\"s{number}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.8\"/>");
                continue;
            }
            let share = (MOST_POINTS * run.len()).div_ceil(count.max(1));
            let line: Vec<String> = thinned(run, share)
                .iter()
                .map(|(time, value)| format!("{:.1},{:.1}", across(*time), up(*value)))
                .collect();
            let _ = writeln!(out, "<polyline class=\"s{number}\" points=\"{}\"/>", line.join(" "));
        }
    }
    out.push_str("</svg>\n<p class=\"dim\">");
    for (number, one) in matrix.series.iter().enumerate() {
        let name = if one.name.is_empty() { "value" } else { &one.name };
        let _ = write!(
            out,
            "<svg viewBox=\"0 0 18 4\" style=\"display:inline;width:18px\"><line class=\"s{number}\" x1=\"0\" x2=\"18\" y1=\"2\" y2=\"2\" stroke-width=\"3\"/></svg> {} &#160; ",
            clean(name)
        );
    }
    let days = (axis::clock(from, 86_400.0), axis::clock(to, 86_400.0));
    let days = if days.0 == days.1 { days.0 } else { format!("{} to {}", days.0, days.1) };
    let _ = write!(out, "{days} UTC");
    if matrix.all > matrix.series.len() {
        let _ =
            write!(out, "; {} of {} series, those with the highest values", matrix.series.len(), matrix.all);
    }
    out.push_str("</p>\n</figure>\n");
    out
}

#[cfg(test)]
mod tests {
    use super::super::series::Series;
    use super::*;

    fn drawn(title: &str, points: &[(f64, f64)]) -> String {
        let series = vec![Series { name: "pod=<a>".to_owned(), runs: vec![points.to_vec()] }];
        chart(&Matrix { title: title.to_owned(), unit: None, series, all: 12 }, &escape)
    }

    #[test]
    fn axes_have_units_and_times() {
        let got = drawn("go_memory_bytes", &[(1_700_000_000.0, 0.0), (1_700_003_600.0, 268_435_456.0)]);
        for part in [" MiB<", ">22:30<", "2023-11-14 UTC", "pod=&lt;a&gt;", "1 of 12 series"] {
            assert!(got.contains(part), "{part}: {got}");
        }
        assert!(drawn("up_ratio", &[(0.0, 0.1), (60.0, 0.9)]).contains(">80%<"));
        assert!(drawn("x_seconds", &[(0.0, 0.001), (60.0, 0.25)]).contains(" ms<"));
        assert!(drawn("requests", &[(0.0, 1e6), (60.0, 2e6)]).contains("M<"));
    }

    #[test]
    fn strange_values_are_drawn_or_left_out_but_never_wrong() {
        for points in [
            &[(0.0, 0.0)][..],
            &[(0.0, 5.0), (1.0, 5.0)],
            &[(0.0, -5.0), (1.0, -5.0)],
            &[(-1e18, 1.0), (1e18, 2.0)],
            &[(0.0, f64::MIN), (1.0, f64::MAX)],
            &[(0.0, 1e-308), (1.0, 2e-308)],
            &[(1e15, 1.0), (1e15 + 1.0, 1.0 + 1e-15)],
            &[],
        ] {
            let got = drawn("x", points);
            assert!(!got.contains("NaN") && !got.contains("inf"), "{got}");
        }
    }
}
