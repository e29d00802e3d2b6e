//! Reads curves out of the text that range tools print for a model: statistics of each series, and its curve in a few
//! points. `docs/toolsets.md` describes the form. What is not of that form is no chart, never a wrong one.

use jiff::Timestamp;
use serde_json::Deserializer;

use super::axis::Unit;
use super::series::{MOST_SERIES, Matrix, Series, runs_of};

/// Points of one curve that are read.
const MOST_POINTS: usize = 4000;
const DAY: f64 = 86_400.0;

/// Name, labels, and the stretches of a curve between gaps: time and value.
type Named = (String, String, Vec<Vec<(f64, f64)>>);

/// `None` where the text is of another form, or holds no curve.
pub(super) fn read(text: &str, query: &str) -> Option<Matrix> {
    let mut lines = text.lines().skip_while(|line| line.starts_with("warning: ")).peekable();
    let head = Head::read(lines.next()?)?;
    let mut named: Vec<Named> = Vec::new();
    let mut unit = None;
    while let Some(line) = lines.next() {
        if named.len() >= MOST_SERIES {
            break;
        }
        let curve = lines.next_if(|next| next.starts_with("    "));
        let Some((name, labels, rest)) = labels(line) else {
            continue;
        };
        let runs = head.runs(rest, curve, &mut unit);
        if runs.iter().any(|run| !run.is_empty()) {
            named.push((name, labels, runs));
        }
    }
    let first = named.first()?.0.clone();
    let several = named.iter().any(|(name, ..)| *name != first);
    let series = named
        .into_iter()
        .map(|(name, labels, runs)| {
            let name = match (several || labels.is_empty(), labels.is_empty()) {
                (true, true) => name,
                (true, false) => format!("{name} {labels}").trim_start().to_owned(),
                (false, _) => labels,
            };
            Series { name: name.chars().take(80).collect(), runs }
        })
        .collect();
    let title = if query.is_empty() { first } else { query.to_owned() };
    Some(Matrix { title, unit, series, all: head.all })
}

/// `14 series, step 15 s, 2026-01-31T10:00:00Z to 2026-01-31T11:00:00Z; in all: {…}`
struct Head {
    all: usize,
    step: f64,
    start: f64,
    end: f64,
}

impl Head {
    fn read(line: &str) -> Option<Self> {
        let (all, rest) = line.split_once(" series, step ")?;
        let (step, rest) = rest.split_once(" s, ")?;
        let (start, rest) = rest.split_once(" to ")?;
        let end = rest.split([';', ' ']).next()?;
        let head = Self {
            all: all.parse().ok()?,
            step: step.parse().ok().filter(|step: &f64| step.is_finite() && *step > 0.0)?,
            start: moment(start)?,
            end: moment(end)?,
        };
        (head.start < head.end).then_some(head)
    }

    /// A time as it stands at a point, `10:15:00` or `01-31T10:15Z`: what the head leaves out is the day or the year.
    fn time(&self, text: &str) -> Option<f64> {
        let time = if text.contains('T') {
            let year = |seconds: f64| -> Option<String> {
                #[expect(clippy::cast_possible_truncation, reason = "what no calendar has becomes none")]
                Some(Timestamp::from_second(seconds as i64).ok()?.strftime("%Y").to_string())
            };
            let of = |seconds: f64| moment(&format!("{}-{}:00Z", year(seconds)?, text.strip_suffix('Z')?));
            // The minute is cut off.
            of(self.start).filter(|time| *time > self.start - 60.0).or_else(|| of(self.end))?
        } else {
            let mut parts = text.split(':').map(|part| part.parse::<u32>().ok().map(f64::from));
            let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
            let of_day = hours * 3600.0 + minutes * 60.0 + seconds;
            let time = self.start - self.start.rem_euclid(DAY) + of_day;
            if time < self.start { time + DAY } else { time }
        };
        // VictoriaMetrics moves points to whole steps.
        (time > self.start - self.step - 60.0 && time < self.end + self.step + 60.0).then_some(time)
    }

    /// Of a series, what stands behind its name and on the line below.
    fn runs(&self, said: &str, curve: Option<&str>, unit: &mut Option<Unit>) -> Vec<Vec<(f64, f64)>> {
        let mut number = |text: &str| value(text, unit);
        if let Some((count, constant)) = said.split_once(" constant ") {
            return self.constant(count, constant, &mut number).unwrap_or_default();
        }
        let Some(curve) = curve.map(str::trim) else {
            return Vec::new();
        };
        let mut points: Vec<(f64, Option<f64>)> = Vec::new();
        let mut between = self.step;
        if let Some(rest) = curve.strip_prefix("every ") {
            let read = || {
                let (each, rest) = rest.split_once(" s from ")?;
                let (from, values) = rest.split_once(": ")?;
                let each = each.parse().ok().filter(|each: &f64| each.is_finite() && *each > 0.0)?;
                Some((each, self.time(from)?, values))
            };
            let Some((each, from, values)) = read() else {
                return Vec::new();
            };
            between = each;
            let mut time = from;
            for text in values.split_whitespace().take(MOST_POINTS) {
                if time > self.end + self.step + 60.0 {
                    break;
                }
                points.push((time, number(text)));
                time += each;
            }
        } else if let Some(rest) = curve.strip_prefix("with gaps: ") {
            for pair in rest.split(", ").take(MOST_POINTS) {
                let Some((time, text)) = pair.split_once(' ') else {
                    continue;
                };
                if let Some(time) = self.time(time) {
                    points.push((time, number(text)));
                }
            }
            between = usual(&points).unwrap_or(self.step);
        }
        // Between the few points of the curve the extremes would be lost.
        for mark in ["min=", "max="] {
            let told = said.split_whitespace().find_map(|word| word.strip_prefix(mark)?.split_once('@'));
            if let Some((text, time)) = told
                && let Some(time) = self.time(time)
                && let Some(extreme) = number(text)
                && !points.is_empty()
            {
                points.push((time, Some(extreme)));
            }
        }
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by(|b, a| (b.0 - a.0).abs() < f64::EPSILON);
        runs_of(&points, between)
    }

    /// `V, FROM to TO`: a line where no point is missing, else its two ends.
    fn constant(
        &self,
        count: &str,
        said: &str,
        number: &mut dyn FnMut(&str) -> Option<f64>,
    ) -> Option<Vec<Vec<(f64, f64)>>> {
        let (text, times) = said.split_once(", ")?;
        let (from, to) = times.split_once(" to ")?;
        let (from, to, value) = (self.time(from)?, self.time(to)?, number(text)?);
        let count: f64 = count.split_whitespace().find_map(|word| word.strip_prefix("n=")?.parse().ok())?;
        if to <= from {
            return Some(vec![vec![(from, value)]]);
        }
        let whole = ((to - from) / self.step + 1.0 - count).abs() < 1.5;
        Some(if whole {
            vec![vec![(from, value), (to, value)]]
        } else {
            vec![vec![(from, value)], vec![(to, value)]]
        })
    }
}

/// The middle one of the distances between points.
fn usual(points: &[(f64, Option<f64>)]) -> Option<f64> {
    let mut steps: Vec<f64> = points.iter().zip(points.iter().skip(1)).map(|(a, b)| b.0 - a.0).collect();
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied()
}

/// RFC 3339 as seconds since 1970.
fn moment(text: &str) -> Option<f64> {
    let time: Timestamp = text.parse().ok()?;
    Some(time.as_duration().as_secs_f64())
}

/// A number with or without its unit; `None` for what cannot be drawn.
fn value(text: &str, unit: &mut Option<Unit>) -> Option<f64> {
    const UNITS: &[(&str, f64, Option<Unit>)] = &[
        ("PiB", 1_125_899_906_842_624.0, Some(Unit::Bytes)),
        ("TiB", 1_099_511_627_776.0, Some(Unit::Bytes)),
        ("GiB", 1_073_741_824.0, Some(Unit::Bytes)),
        ("MiB", 1_048_576.0, Some(Unit::Bytes)),
        ("KiB", 1024.0, Some(Unit::Bytes)),
        ("B", 1.0, Some(Unit::Bytes)),
        ("%", 1.0, Some(Unit::Percent)),
        ("m", 0.001, None),
        ("", 1.0, None),
    ];
    let (number, factor, told) =
        UNITS.iter().find_map(|(end, factor, told)| Some((text.strip_suffix(end)?, factor, told)))?;
    let number: f64 = number.parse().ok()?;
    let number = number * factor;
    if number.is_finite() && told.is_some() {
        *unit = *told;
    }
    number.is_finite().then_some(number)
}

/// The name, the labels as a legend shows them, and the rest of the line.
fn labels(line: &str) -> Option<(String, String, &str)> {
    let end = line.find(['{', ' '])?;
    let (name, mut rest) = line.split_at(end);
    let mut told: Vec<String> = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once('=')?;
            let mut strings = Deserializer::from_str(after).into_iter::<String>();
            let value = strings.next()?.ok()?;
            told.push(format!("{label}={value}"));
            rest = after.get(strings.byte_offset()..)?;
            rest = rest.strip_prefix(", ").unwrap_or(rest);
        }
        rest = rest.strip_prefix('}')?;
    }
    rest.starts_with(" n=").then(|| (name.to_owned(), told.join(", "), rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEAD: &str =
        "9 series, step 15 s, 2026-11-20T23:59:00Z to 2026-11-21T00:29:00Z; in all: {job=\"node\"}\n";
    const MIDNIGHT: f64 = 1_795_219_200.0;

    type Curve = (String, Vec<Vec<(f64, f64)>>);

    fn curves(body: &str) -> Vec<Curve> {
        let matrix = read(&format!("{HEAD}{body}"), "rate(x)");
        matrix.into_iter().flat_map(|one| one.series).map(|one| (one.name, one.runs)).collect()
    }

    #[test]
    fn statistics_are_read_with_extremes_gaps_and_constants() {
        let text = format!(
            "warning: PromQL info\n{HEAD}{}",
            "m{a=\"x} n=1\", b=\"\\\"\"} n=121 NaN=1 first=1 last=0 min=-0.5@00:00:10 max=9@00:01:30 avg=0.4\n    \
             every 60 s from 23:59:00: 1 2 NaN 4 5\n\
             m{a=\"y\"} n=7 first=1 last=2 min=1@23:59:00 max=2@00:20:00 avg=1\n    \
             with gaps: 23:59:00 1, 00:00:00 1, 00:01:00 1, 00:20:00 2\n\
             m{a=\"z\"} n=121 constant 3, 23:59:00 to 00:29:00\n\
             m{a=\"holes\"} n=60 constant 3, 23:59:00 to 00:29:00\n\
             curves only of the 12 series with the highest maximum\nleft out: 3 series\n"
        );
        let got = read(&text, "rate(x)").unwrap();
        assert_eq!((got.title.as_str(), got.all, got.unit), ("rate(x)", 9, None));
        let at = |seconds: f64| MIDNIGHT + seconds;
        let expected = [
            (
                "a=x} n=1, b=\"",
                vec![
                    vec![(at(-60.0), 1.0), (at(0.0), 2.0), (at(10.0), -0.5)],
                    vec![(at(90.0), 9.0), (at(120.0), 4.0), (at(180.0), 5.0)],
                ],
            ),
            ("a=y", vec![vec![(at(-60.0), 1.0), (at(0.0), 1.0), (at(60.0), 1.0)], vec![(at(1200.0), 2.0)]]),
            ("a=z", vec![vec![(at(-60.0), 3.0), (at(1740.0), 3.0)]]),
            ("a=holes", vec![vec![(at(-60.0), 3.0)], vec![(at(1740.0), 3.0)]]),
        ];
        let curves: Vec<(&str, _)> =
            got.series.iter().map(|one| (one.name.as_str(), one.runs.clone())).collect();
        assert_eq!(curves, expected);
    }

    #[test]
    fn units_and_long_ranges_are_read() {
        let text = "1 series, step 3600 s, 2026-12-31T00:00:30Z to 2027-01-02T00:00:30Z\n\
                    up n=48 first=1KiB last=2MiB min=512@12-31T00:00Z max=2MiB@01-01T12:00Z avg=1KiB\n    \
                    every 43200 s from 12-31T00:00Z: 1KiB 2KiB 3KiB 2MiB";
        let got = read(text, "").unwrap();
        assert_eq!(
            (got.title.as_str(), got.series[0].name.as_str(), got.unit),
            ("up", "up", Some(Unit::Bytes))
        );
        let values: Vec<f64> = got.series[0].runs[0].iter().map(|point| point.1).collect();
        assert_eq!(values, [1024.0, 2048.0, 3072.0, 2_097_152.0]);
        let percent = curves(
            "x n=2 first=1% last=2% min=1%@23:59:00 max=250%@00:00:00 avg=1%\n    every 60 s from 23:59:00: 1% 250%",
        );
        assert_eq!(percent[0].1, [[(MIDNIGHT - 60.0, 1.0), (MIDNIGHT, 250.0)]]);
        let small = curves(
            "x n=2 first=1m last=2 min=1m@23:59:00 max=2@00:00:00 avg=1\n    every 60 s from 23:59:00: 1m 2",
        );
        assert_eq!(small[0].1, [[(MIDNIGHT - 60.0, 0.001), (MIDNIGHT, 2.0)]]);
    }

    #[test]
    fn other_texts_are_no_chart() {
        for none in [
            "",
            "3 series at 2026-11-20T23:59:00Z\nup 1",
            "3 series, step 0 s, 2026-11-20T23:59:00Z to 2026-11-21T00:29:00Z\nup n=1 constant 1, 23:59:00 to 23:59:00",
            "3 series, step 15 s, 2026-11-20T23:59:00Z to 2026-11-20T23:59:00Z\n",
            "no data from 2026-11-20T23:59:00Z to 2026-11-21T00:29:00Z: does the metric exist?",
            HEAD,
        ] {
            assert_eq!(read(none, "q"), None, "{none}");
        }
        for body in [
            "m{a=\"x",
            "m{a",
            "m n=",
            "m n=3 constant",
            "m n=3 constant x, y to z",
            "m n=3\n    every x",
            "m n=1 first=NaN",
        ] {
            assert_eq!(curves(body), [], "{body}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic_and_what_is_drawn_is_finite(
            words in proptest::collection::vec(prop_oneof![
                Just("m{a=\"é\"}"), Just(" n=3"), Just(" constant 1, "), Just("23:59:00"), Just(" to "), Just("\n    "),
                Just("every 60 s from "), Just("with gaps: "), Just(": "), Just(", "), Just("1e308PiB"), Just(" "),
                Just("99999999999:0:0"), Just("11-20T99:99Z"), Just("min=1@"), Just("NaN"), Just("+Inf"), Just("\n"),
                Just("{"), Just("="), Just("%"), Just("7")], 0..30)
        ) {
            for (_, runs) in curves(&words.concat()) {
                prop_assert!(runs.iter().flatten().all(|(time, value)| time.is_finite() && value.is_finite()));
            }
        }

        #[test]
        fn every_curve_comes_back(values in proptest::collection::vec(-1e6..1e6f64, 1..24), label in "[^\u{0}]{0,12}") {
            let told: Vec<String> = values.iter().map(f64::to_string).collect();
            let body = format!("m{{a={}}} n={} first=0 last=0\n    every 60 s from 23:59:00: {}",
                serde_json::json!(label), values.len(), told.join(" "));
            let got = curves(&body);
            let back: Vec<f64> = got[0].1.iter().flatten().map(|point| point.1).collect();
            prop_assert_eq!(back, values);
        }
    }
}
