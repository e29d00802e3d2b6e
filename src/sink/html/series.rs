//! Reads the answer of a Prometheus range query, or what our range tools print of one, out of an exhibit's raw output.

use std::io::Read as _;

use serde_json::Value;

use super::axis::Unit;
use super::statistics;
use crate::evidence::Exhibit;

/// Larger outputs are not drawn.
const MOST_BYTES: u64 = 8 << 20;
/// Curves of one chart; more cannot be told apart.
pub(super) const MOST_SERIES: usize = 8;

/// One curve.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Series {
    pub(super) name: String,
    /// Runs of points without a gap between them: seconds since 1970 and value, all finite.
    pub(super) runs: Vec<Vec<(f64, f64)>>,
}

/// The curves of one exhibit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Matrix {
    /// What all curves have in common: the metric's name or the query.
    pub(super) title: String,
    /// What the output said of its numbers; else the title tells.
    pub(super) unit: Option<Unit>,
    pub(super) series: Vec<Series>,
    /// Curves that there were.
    pub(super) all: usize,
}

/// `None` where the output is no range result, or holds no number.
pub(super) fn matrix(exhibit: &Exhibit) -> Option<Matrix> {
    if exhibit.bytes > MOST_BYTES {
        return None;
    }
    let mut raw = Vec::new();
    std::fs::File::open(&exhibit.path).ok()?.take(MOST_BYTES).read_to_end(&mut raw).ok()?;
    let query = exhibit.params.get("query").and_then(Value::as_str).unwrap_or_default();
    if raw.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return read(&serde_json::from_slice(&raw).ok()?, query);
    }
    statistics::read(&String::from_utf8_lossy(&raw), query)
}

fn read(value: &Value, query: &str) -> Option<Matrix> {
    let data = value.get("data").unwrap_or(value);
    if data.get("resultType")?.as_str()? != "matrix" {
        return None;
    }
    let results = data.get("result")?.as_array()?;
    let name = |label: &str, one: &Value| {
        one.get("metric").and_then(|metric| metric.get(label)).and_then(Value::as_str).map(str::to_owned)
    };
    let first = results.first()?;
    let labels = |one: &Value| -> Vec<String> {
        let metric = one.get("metric").and_then(Value::as_object);
        let told = metric.into_iter().flatten().filter(|(label, value)| {
            let everywhere = results.len() > 1
                && results.iter().all(|other| name(label, other).as_deref() == value.as_str());
            label.as_str() != "__name__" && !everywhere
        });
        told.map(|(label, value)| format!("{label}={}", value.as_str().unwrap_or_default())).collect()
    };
    let mut series: Vec<(f64, Series)> = results
        .iter()
        .filter_map(|one| {
            let runs = runs(one.get("values")?.as_array()?);
            let highest = runs.iter().flatten().map(|point| point.1).reduce(f64::max)?;
            let labels = labels(one).join(", ");
            let name = if labels.is_empty() { name("__name__", one).unwrap_or_default() } else { labels };
            Some((highest, Series { name: name.chars().take(80).collect(), runs }))
        })
        .collect();
    if series.is_empty() {
        return None;
    }
    series.sort_by(|a, b| b.0.total_cmp(&a.0));
    series.truncate(MOST_SERIES);
    let title = if query.is_empty() { name("__name__", first).unwrap_or_default() } else { query.to_owned() };
    let series = series.into_iter().map(|(_, one)| one).collect();
    Some(Matrix { title, unit: None, series, all: results.len() })
}

/// Points that follow each other; where one is missing or no number, a new run begins.
fn runs(values: &[Value]) -> Vec<Vec<(f64, f64)>> {
    let points: Vec<(f64, Option<f64>)> = values
        .iter()
        .filter_map(|pair| {
            let time = pair.get(0)?.as_f64().filter(|time| time.is_finite())?;
            let value = pair.get(1)?;
            let value = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
            Some((time, value.filter(|value: &f64| value.is_finite())))
        })
        .collect();
    let mut steps: Vec<f64> = points.iter().zip(points.iter().skip(1)).map(|(a, b)| b.0 - a.0).collect();
    steps.sort_by(f64::total_cmp);
    let usual = steps.get(steps.len() / 2).copied().unwrap_or_default();
    runs_of(&points, usual)
}

/// The runs of points, where `usual` seconds lie between two.
pub(super) fn runs_of(points: &[(f64, Option<f64>)], usual: f64) -> Vec<Vec<(f64, f64)>> {
    let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut last: Option<f64> = None;
    for &(time, value) in points {
        let Some(value) = value else {
            last = None;
            continue;
        };
        match runs.last_mut().filter(|_| last.is_some_and(|last| time > last && time - last <= usual * 1.5)) {
            Some(run) => run.push((time, value)),
            None => runs.push(vec![(time, value)]),
        }
        last = Some(time);
    }
    runs
}

/// At most about `most` points that look the same: of each stretch the lowest and the highest.
pub(super) fn thinned(run: &[(f64, f64)], most: usize) -> Vec<(f64, f64)> {
    if run.len() <= most.max(4) {
        return run.to_vec();
    }
    let each = (run.len() * 2).div_ceil(most.max(4));
    let mut out = Vec::new();
    for stretch in run.chunks(each) {
        let by = |a: &&(f64, f64), b: &&(f64, f64)| a.1.total_cmp(&b.1);
        let (low, high) = (stretch.iter().min_by(by), stretch.iter().max_by(by));
        let mut both: Vec<(f64, f64)> = low.into_iter().chain(high).copied().collect();
        both.sort_by(|a, b| a.0.total_cmp(&b.0));
        both.dedup();
        out.extend(both);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn range_results_are_read_with_their_gaps() {
        let values = json!([[0, "1"], [60, "2"], [120, "NaN"], [180, "4"], [480, "5"], [540, "+Inf"]]);
        let result = json!([
            {"metric": {"__name__": "x_bytes", "pod": "a", "job": "j"}, "values": values},
            {"metric": {"__name__": "x_bytes", "pod": "b", "job": "j"}, "values": [[0, 9], ["x", 1], [60], 7]},
            {"metric": {"pod": "c", "job": "j"}, "values": [[0, "NaN"]]},
        ]);
        let bare = json!({"resultType": "matrix", "result": result});
        let got = read(&json!({"status": "success", "data": bare}), "").unwrap();
        assert_eq!(read(&bare, ""), Some(got.clone()));
        assert_eq!((got.title.as_str(), got.all), ("x_bytes", 3));
        let names: Vec<&str> = got.series.iter().map(|one| one.name.as_str()).collect();
        assert_eq!(names, ["pod=b", "pod=a"]);
        assert_eq!(
            got.series[1].runs,
            [vec![(0.0, 1.0), (60.0, 2.0)], vec![(180.0, 4.0)], vec![(480.0, 5.0)]]
        );
        for none in [json!({}), json!([]), json!({"resultType": "vector", "result": []}), json!({"data": 1})]
        {
            assert_eq!(read(&none, ""), None);
        }
    }

    #[test]
    fn thinning_keeps_the_extremes() {
        let mut run: Vec<(f64, f64)> = (0..10_000u32).map(|at| (f64::from(at), 1.0)).collect();
        run[5_000].1 = 99.0;
        let thin = thinned(&run, 300);
        assert!(thin.len() <= 300 && thin.contains(&(5_000.0, 99.0)), "{}", thin.len());
    }
}
