//! Where the ticks of an axis stand and what is written at them.

use jiff::Timestamp;

/// Steps of time people read easily, in seconds; longer ones are whole weeks.
const TIMES: &[f64] = &[
    1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0,
    21_600.0, 43_200.0, 86_400.0, 172_800.0, 604_800.0,
];

/// What the numbers of a metric mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Plain,
    Bytes,
    Seconds,
    Ratio,
    /// 70 is 70 per cent.
    Percent,
}

impl Unit {
    /// By the conventions of metric names; of a rate over time the unit is per second.
    pub(super) fn of(name: &str) -> Self {
        let has = |part: &str| name.contains(part);
        if has("_ratio") || has("_percent") && !has("_percentage_points") {
            Self::Ratio
        } else if has("_bytes") {
            Self::Bytes
        } else if has("_seconds") && !has("_seconds_total") && !has("timestamp_seconds") {
            Self::Seconds
        } else {
            Self::Plain
        }
    }

    /// A value with few digits and its unit. `most` is the highest of the axis: 70 of 100 is per cent already.
    pub(super) fn write(self, value: f64, most: f64) -> String {
        let size = value.abs();
        let scaled = |steps: &[(f64, &str)]| {
            let (factor, unit) = steps
                .iter()
                .find(|(factor, _)| size >= *factor)
                .or(steps.last())
                .copied()
                .unwrap_or((1.0, ""));
            format!("{}{unit}", digits(value / factor))
        };
        match self {
            _ if value == 0.0 => "0".to_owned(),
            Self::Ratio if most <= 1.5 => format!("{}%", digits(value * 100.0)),
            Self::Ratio | Self::Percent => format!("{}%", digits(value)),
            Self::Bytes => scaled(&[
                (1024f64.powi(4), " TiB"),
                (1024f64.powi(3), " GiB"),
                (1024f64.powi(2), " MiB"),
                (1024.0, " KiB"),
                (1.0, " B"),
            ]),
            Self::Seconds => scaled(&[
                (86_400.0, " d"),
                (3600.0, " h"),
                (120.0, " min"),
                (1.0, " s"),
                (1e-3, " ms"),
                (1e-6, " µs"),
            ]),
            Self::Plain => scaled(&[(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k"), (1e-300, "")]),
        }
    }
}

/// At most four digits that say something.
fn digits(value: f64) -> String {
    let size = value.abs();
    let text = if !(1e-4..1e15).contains(&size) {
        return format!("{value:.2e}");
    } else if size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.4}")
    };
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Round values from `low` to `high`, about five of them.
pub(super) fn values(low: f64, high: f64) -> Vec<f64> {
    let rough = (high - low) / 5.0;
    let power = 10f64.powf(rough.log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].iter().map(|one| one * power).find(|step| *step >= rough).unwrap_or(rough);
    from_by(low, high, step)
}

/// Round times from `low` to `high` in seconds, at most eight of them, and the step between them.
pub(super) fn times(low: f64, high: f64) -> (Vec<f64>, f64) {
    let rough = (high - low) / 8.0;
    let step = TIMES.iter().copied().find(|step| *step >= rough);
    let step = step.unwrap_or_else(|| (rough / 604_800.0).ceil() * 604_800.0);
    (from_by(low, high, step), step)
}

fn from_by(low: f64, high: f64, step: f64) -> Vec<f64> {
    if !(step.is_finite() && step > 0.0) {
        return Vec::new();
    }
    let first = (low / step).ceil();
    (0..12u8)
        .map(|number| (first + f64::from(number)) * step)
        .take_while(|tick| *tick <= high * (1.0 + 1e-9))
        .collect()
}

/// A time of day, or a day where ticks are that far apart. UTC.
pub(super) fn clock(seconds: f64, step: f64) -> String {
    let form = if step < 60.0 {
        "%H:%M:%S"
    } else if step < 43_200.0 {
        "%H:%M"
    } else if step < 86_400.0 {
        "%m-%d %H:%M"
    } else {
        "%Y-%m-%d"
    };
    #[expect(clippy::cast_possible_truncation, reason = "what no calendar has becomes empty")]
    Timestamp::from_second(seconds as i64).map(|time| time.strftime(form).to_string()).unwrap_or_default()
}
