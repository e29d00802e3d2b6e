//! Which of many alerts are meant: by name, by labels, by severity, by state.

use regex::Regex;

use super::{Alert, AlertState};

/// One condition on a label, as Alertmanager and `amtool` write it: `k=v`, `k!=v`, `k=~regex`, `k!~regex`.
#[derive(Debug, Clone)]
pub struct Matcher {
    label: String,
    wants: bool,
    value: Wanted,
}

#[derive(Debug, Clone)]
enum Wanted {
    Text(String),
    Pattern(Regex),
}

impl Matcher {
    /// Reads a matcher. The value may stand in quotes; a pattern must fit the whole value.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let form =
            || format!("`{}` is no label: name=value, name!=value, name=~regex or name!~regex", text.trim());
        let at = text.find(['=', '!']).ok_or_else(form)?;
        let (label, rest) = text.split_at(at);
        let label = label.trim();
        let (wants, pattern, value) =
            [("=~", true, true), ("!~", false, true), ("!=", false, false), ("=", true, false)]
                .into_iter()
                .find_map(|(sign, wants, pattern)| Some((wants, pattern, rest.strip_prefix(sign)?)))
                .ok_or_else(form)?;
        if label.is_empty() || label.contains(char::is_whitespace) {
            return Err(form());
        }
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
        let value = if pattern {
            let whole = Regex::new(&format!("^(?s:{value})$"));
            Wanted::Pattern(whole.map_err(|error| format!("`{}`: {}", text.trim(), last_line(&error)))?)
        } else {
            Wanted::Text(value.to_owned())
        };
        Ok(Self { label: label.to_owned(), wants, value })
    }

    /// Whether it holds. A label that is not there is empty, as in Prometheus.
    #[must_use]
    pub fn holds(&self, alert: &Alert) -> bool {
        let found = match (alert.labels.get(&self.label), self.label.as_str()) {
            (Some(value), _) => value.as_str(),
            (None, "alertname") => alert.name.as_str(),
            (None, _) => "",
        };
        let fits = match &self.value {
            Wanted::Text(text) => text == found,
            Wanted::Pattern(pattern) => pattern.is_match(found),
        };
        fits == self.wants
    }
}

/// The regex crate draws its errors over several lines; the last says what is wrong.
fn last_line(error: &regex::Error) -> String {
    let text = error.to_string();
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned()
}

/// What was asked for besides a name. Empty lists ask for nothing.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    pub matchers: Vec<Matcher>,
    /// Compared without regard to case.
    pub severities: Vec<String>,
    /// Of the name; found anywhere in it.
    pub pattern: Option<Regex>,
}

impl Selection {
    /// A pattern of names.
    ///
    /// # Errors
    /// When it is no regular expression.
    pub fn pattern(text: &str) -> Result<Regex, String> {
        Regex::new(text).map_err(|error| last_line(&error))
    }

    /// Whether an alert is among those asked for.
    #[must_use]
    pub fn has(&self, alert: &Alert) -> bool {
        let severe = || {
            let severity = alert.severity().unwrap_or_default();
            self.severities.iter().any(|wanted| wanted.eq_ignore_ascii_case(severity))
        };
        self.matchers.iter().all(|matcher| matcher.holds(alert))
            && (self.severities.is_empty() || severe())
            && self.pattern.as_ref().is_none_or(|pattern| pattern.is_match(&alert.name))
    }
}

/// The alerts called `name`: exactly, else but for case, else as a regular expression found in their names.
#[must_use]
pub fn matching(name: &str, alerts: &[Alert]) -> Vec<Alert> {
    let name = name.trim();
    let kept = |fits: &dyn Fn(&Alert) -> bool| -> Vec<Alert> {
        alerts.iter().filter(|alert| fits(alert)).cloned().collect()
    };
    let exact = kept(&|alert| alert.name == name);
    if !exact.is_empty() {
        return exact;
    }
    let folded = name.to_lowercase();
    let any_case = kept(&|alert| alert.name.to_lowercase() == folded);
    if !any_case.is_empty() || name.is_empty() {
        return any_case;
    }
    Regex::new(name).map(|pattern| kept(&|alert| pattern.is_match(&alert.name))).unwrap_or_default()
}

/// Names of alerts that are not over, each once, the nearest to `name` first.
#[must_use]
pub fn nearest_names(name: &str, alerts: &[Alert]) -> Vec<String> {
    let wanted = name.to_lowercase();
    let mut names: Vec<&str> = alerts
        .iter()
        .filter(|alert| alert.state != AlertState::Resolved)
        .map(|alert| alert.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    let mut rated: Vec<(f64, &str)> = names
        .into_iter()
        .map(|known| {
            let folded = known.to_lowercase();
            let contained = folded.contains(&wanted) || wanted.contains(&folded);
            (strsim::jaro_winkler(&wanted, &folded) + if contained { 1.0 } else { 0.0 }, known)
        })
        .collect();
    rated.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(b.1)));
    rated.into_iter().map(|(_, known)| known.to_owned()).collect()
}
