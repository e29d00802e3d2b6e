//! Alerts of one name as one matter: what they share, where they differ, and both as text.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Alert, AlertState, plain};

/// Instances that are told one by one; of the others there are counts.
const LISTED: usize = 50;
/// Values told of one label that differs.
const VALUES: usize = 12;
/// Characters of one value.
const LONGEST: usize = 4_000;
/// Characters of a name in a question.
const LONGEST_NAME: usize = 100;

/// Firing instances of one alert.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Group {
    pub name: String,
    /// At least one; the earliest first.
    pub alerts: Vec<Alert>,
    /// What its source says about the rule, where somebody asked.
    pub rule: Option<Rule>,
}

/// The rule that makes an alert fire.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rule {
    pub expression: String,
    /// For how long the expression must hold.
    pub hold_seconds: f64,
    pub labels: BTreeMap<String, String>,
    /// With their templates unfilled.
    pub annotations: BTreeMap<String, String>,
    /// The group of rules it belongs to.
    pub group: Option<String>,
    /// Why it could not be evaluated, where it could not.
    pub error: Option<String>,
}

/// A label whose values differ within a group: each value and the number of instances that have it, the most
/// frequent first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Differing {
    pub label: String,
    pub values: Vec<(String, usize)>,
}

/// The alerts by name: the most severe first, then the longest firing. Of one label set the last report counts.
#[must_use]
pub fn group(alerts: Vec<Alert>) -> Vec<Group> {
    let mut by_name: BTreeMap<String, BTreeMap<BTreeMap<String, String>, Alert>> = BTreeMap::new();
    let mut unlabelled: Vec<Alert> = Vec::new();
    for alert in alerts {
        if alert.labels.is_empty() {
            unlabelled.push(alert);
        } else {
            by_name.entry(alert.name.clone()).or_default().insert(alert.labels.clone(), alert);
        }
    }
    let mut groups: BTreeMap<String, Vec<Alert>> =
        by_name.into_iter().map(|(name, alerts)| (name, alerts.into_values().collect())).collect();
    for alert in unlabelled {
        let known = groups.entry(alert.name.clone()).or_default();
        if !known.contains(&alert) {
            known.push(alert);
        }
    }
    let mut groups: Vec<Group> = groups
        .into_iter()
        .map(|(name, mut alerts)| {
            alerts.sort_by(|a, b| later(a).cmp(&later(b)).then_with(|| a.labels.cmp(&b.labels)));
            Group { name, alerts, rule: None }
        })
        .collect();
    groups.sort_by_cached_key(|group| {
        (
            Reverse(group.severity().map_or(0, rank)),
            group.since().unwrap_or(Timestamp::MAX),
            group.name.clone(),
        )
    });
    groups
}

fn later(alert: &Alert) -> Timestamp {
    alert.starts_at.unwrap_or(Timestamp::MAX)
}

/// How bad a severity is, by the words in use.
fn rank(severity: &str) -> u8 {
    match severity.to_lowercase().as_str() {
        "critical" | "page" | "fatal" | "emergency" | "disaster" | "p1" | "sev1" | "blocker" => 5,
        "error" | "high" | "major" | "p2" | "sev2" => 4,
        "warning" | "warn" | "medium" | "p3" | "sev3" => 3,
        "minor" | "low" | "p4" | "sev4" => 2,
        _ => 1,
    }
}

impl Group {
    /// One alert as a matter of its own.
    #[must_use]
    pub fn of_one(alert: Alert) -> Self {
        Self { name: alert.name.clone(), alerts: vec![alert], rule: None }
    }

    /// Each of its alerts as a group of its own.
    #[must_use]
    pub fn each(self) -> Vec<Self> {
        let Self { name, alerts, rule } = self;
        alerts
            .into_iter()
            .map(|alert| Self { name: name.clone(), alerts: vec![alert], rule: rule.clone() })
            .collect()
    }

    /// Labels that all its alerts have with the same value.
    #[must_use]
    pub fn common_labels(&self) -> BTreeMap<&str, &str> {
        common(self.alerts.iter().map(|alert| &alert.labels))
    }

    /// Labels that not all have, or not with the same value. A label that is missing is an empty value.
    #[must_use]
    pub fn differing_labels(&self) -> Vec<Differing> {
        let common = self.common_labels();
        let names: BTreeSet<&str> = self
            .alerts
            .iter()
            .flat_map(|alert| alert.labels.keys())
            .map(String::as_str)
            .filter(|name| !common.contains_key(name))
            .collect();
        names
            .into_iter()
            .map(|label| {
                let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
                for alert in &self.alerts {
                    *counts.entry(alert.labels.get(label).map_or("", String::as_str)).or_default() += 1;
                }
                let mut values: Vec<(String, usize)> =
                    counts.into_iter().map(|(value, count)| (value.to_owned(), count)).collect();
                values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
                Differing { label: label.to_owned(), values }
            })
            .collect()
    }

    /// The worst severity among its alerts, as its source writes it.
    #[must_use]
    pub fn severity(&self) -> Option<&str> {
        self.alerts.iter().filter_map(Alert::severity).max_by_key(|severity| rank(severity))
    }

    /// When the first of them began.
    #[must_use]
    pub fn since(&self) -> Option<Timestamp> {
        self.alerts.iter().filter_map(|alert| alert.starts_at).min()
    }

    /// `firing`, or `2 firing, 1 silenced`.
    #[must_use]
    pub fn states(&self) -> String {
        let mut counts: BTreeMap<AlertState, usize> = BTreeMap::new();
        for alert in &self.alerts {
            *counts.entry(alert.state).or_default() += 1;
        }
        if let [only] = counts.keys().collect::<Vec<_>>().as_slice() {
            return only.to_string();
        }
        let each: Vec<String> = counts.iter().map(|(state, count)| format!("{count} {state}")).collect();
        each.join(", ")
    }

    /// The rule's expression: as the rule has it, else as its alerts tell.
    #[must_use]
    pub fn expression(&self) -> Option<String> {
        let of_rule = self.rule.as_ref().map(|rule| rule.expression.clone());
        of_rule.or_else(|| self.alerts.iter().find_map(Alert::expression))
    }

    /// The one object that all its alerts are about: (kind, namespace, name).
    ///
    /// Only what is spelt as such names are: a label's value goes into a question.
    #[must_use]
    pub fn object(&self) -> Option<(&'static str, Option<&str>, &str)> {
        /// Labels of kube-state-metrics and of cAdvisor. `job` and `service` name what was scraped, not what is broken.
        const KINDS: [(&str, &str); 9] = [
            ("pod", "pod"),
            ("deployment", "deployment"),
            ("statefulset", "statefulset"),
            ("daemonset", "daemonset"),
            ("job_name", "job"),
            ("cronjob", "cronjob"),
            ("persistentvolumeclaim", "persistentvolumeclaim"),
            ("horizontalpodautoscaler", "horizontalpodautoscaler"),
            ("ingress", "ingress"),
        ];
        let labels = self.common_labels();
        // Where Prometheus does not honour labels, `pod` is the exporter's and `exported_pod` what it tells of.
        let of = |label: &str| {
            let exported = labels.get(format!("exported_{label}").as_str());
            exported.or_else(|| labels.get(label)).copied().filter(|name| is_name(name))
        };
        if let Some(namespace) = of("namespace") {
            for (label, kind) in KINDS {
                if let Some(name) = of(label) {
                    return Some((kind, Some(namespace), name));
                }
            }
        }
        of("node").map(|name| ("node", None, name))
    }

    /// What an investigation is about: `pod/shop/payments-1`, `node/worker-3`, else `alert/NAME`.
    #[must_use]
    pub fn subject(&self) -> String {
        match self.object() {
            Some((kind, Some(namespace), name)) => format!("{kind}/{namespace}/{name}"),
            Some((kind, None, name)) => format!("{kind}/{name}"),
            None => format!("alert/{}", plain(&self.name, LONGEST_NAME)),
        }
    }

    /// One sentence that asks why it fires. Without `named` the alert is not called by its name: a name that
    /// reads like an instruction must not stand in a question.
    #[must_use]
    pub fn question_text(&self, named: bool) -> String {
        let name = plain(&self.name, LONGEST_NAME).replace(['`', '{', '}'], "'");
        let called = if named { format!("the alert `{name}`") } else { "the attached alert".to_owned() };
        let only = |state: fn(AlertState) -> bool| self.alerts.iter().all(|alert| state(alert.state));
        let asked = if only(|state| state == AlertState::Resolved) {
            format!("Why did {called} fire (it is resolved)")
        } else if only(|state| state == AlertState::Pending) {
            format!("Why is {called} pending")
        } else {
            format!("Why is {called} firing")
        };
        let count = self.alerts.len();
        let times = if count > 1 { format!(" on {count} instances") } else { String::new() };
        let labels = self.common_labels();
        let namespace = labels.get("exported_namespace").or_else(|| labels.get("namespace"));
        let about = match self.object() {
            Some((kind, Some(namespace), name)) => format!(" for {kind} {name} in namespace {namespace}"),
            Some((kind, None, name)) => format!(" for {kind} {name}"),
            None => match namespace.filter(|name| is_name(name)) {
                Some(namespace) => format!(" in namespace {namespace}"),
                None => String::new(),
            },
        };
        format!("{asked}{times}{about}?")
    }

    /// All that is known of it as text to read: bounded, however many instances there are.
    #[must_use]
    pub fn as_exhibit_text(&self) -> String {
        let mut out = String::new();
        pair(&mut out, 0, "alert", &self.name);
        pair(&mut out, 0, "state", &self.states());
        let mut labels = self.common_labels();
        labels.retain(|label, value| (*label, *value) != ("alertname", self.name.as_str()));
        // Said once: where the worst of several is no label of all.
        if let Some(severity) =
            self.severity().filter(|severity| !labels.values().any(|value| value == severity))
        {
            pair(&mut out, 0, "severity", severity);
        }
        if let Some(since) = self.since() {
            pair(&mut out, 0, "since", &since.to_string());
        }
        if self.alerts.len() > 1 {
            pair(&mut out, 0, "instances", &self.alerts.len().to_string());
        }
        if let Some(expression) = self.expression() {
            pair(&mut out, 0, "expression", &expression);
        }
        if let Some(rule) = &self.rule {
            self.write_rule(&mut out, rule);
        }
        block(&mut out, "labels", &labels);
        block(&mut out, "annotations", &common(self.alerts.iter().map(|alert| &alert.annotations)));
        match self.alerts.as_slice() {
            [only] => write_source(&mut out, 0, only),
            _ => self.write_instances(&mut out),
        }
        out
    }

    fn write_rule(&self, out: &mut String, rule: &Rule) {
        if rule.hold_seconds > 0.0 {
            pair(out, 0, "for", &format!("{} s", rule.hold_seconds));
        }
        if let Some(group) = &rule.group {
            pair(out, 0, "rule_group", group);
        }
        if let Some(error) = &rule.error {
            pair(out, 0, "rule_error", error);
        }
        // What the rule would say, where its alerts bring no words of their own.
        if self.alerts.iter().all(|alert| alert.annotations.is_empty()) && !rule.annotations.is_empty() {
            block(out, "rule_annotations", &common(std::iter::once(&rule.annotations)));
        }
    }

    fn write_instances(&self, out: &mut String) {
        let differing = self.differing_labels();
        if !differing.is_empty() {
            out.push_str("differing_labels:\n");
        }
        for Differing { label, values } in &differing {
            let mut told: Vec<String> = values
                .iter()
                .take(VALUES)
                .map(|(value, count)| {
                    let value = if value.is_empty() { "(none)".to_owned() } else { plain(value, 120) };
                    if *count > 1 { format!("{value} ({count})") } else { value }
                })
                .collect();
            if values.len() > VALUES {
                told.push(format!("and {} more values", values.len() - VALUES));
            }
            pair(out, 1, label, &told.join(", "));
        }
        let shared = common(self.alerts.iter().map(|alert| &alert.annotations));
        let first = self.alerts.first().map(|alert| alert.state);
        let one_state = self.alerts.iter().all(|alert| Some(alert.state) == first);
        out.push_str("each_instance:\n");
        for (number, alert) in self.alerts.iter().take(LISTED).enumerate() {
            let _ = writeln!(out, "- instance_number: {}", number + 1);
            for Differing { label, .. } in &differing {
                if let Some(value) = alert.labels.get(label) {
                    pair(out, 1, label, value);
                }
            }
            if !one_state {
                pair(out, 1, "alert_state", alert.state.as_str());
            }
            for (name, text) in
                alert.annotations.iter().filter(|(name, _)| !shared.contains_key(name.as_str()))
            {
                pair(out, 1, name, text);
            }
            write_source(out, 1, alert);
        }
        if self.alerts.len() > LISTED {
            let _ = writeln!(
                out,
                "# {} more instances are not listed; differing_labels counts all {}",
                self.alerts.len() - LISTED,
                self.alerts.len()
            );
        }
    }
}

/// What only one alert can say.
fn write_source(out: &mut String, depth: usize, alert: &Alert) {
    let mut put = |name: &str, text: Option<String>| {
        if let Some(text) = text {
            pair(out, depth, name, &text);
        }
    };
    // Of one alert it is said at the top.
    put("starts_at", alert.starts_at.filter(|_| depth > 0).map(|at| at.to_string()));
    put("ended_at", alert.ends_at.filter(|_| alert.state == AlertState::Resolved).map(|at| at.to_string()));
    put("value", alert.value.clone());
    // Without `g0.expr` the link says where its rule is.
    if depth == 0 {
        put("generator_url", alert.generator_url.clone());
        put("url", alert.url.clone());
        put("receivers", Some(alert.receivers.join(", ")).filter(|names| !names.is_empty()));
    }
}

fn common<'a>(maps: impl Iterator<Item = &'a BTreeMap<String, String>>) -> BTreeMap<&'a str, &'a str> {
    let mut maps = maps;
    let Some(first) = maps.next() else { return BTreeMap::new() };
    let mut shared: BTreeMap<&str, &str> =
        first.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for map in maps {
        shared.retain(|name, value| map.get(*name).is_some_and(|other| other == value));
    }
    shared
}

fn block(out: &mut String, name: &str, map: &BTreeMap<&str, &str>) {
    if map.is_empty() {
        return;
    }
    let _ = writeln!(out, "{name}:");
    for (name, value) in map {
        pair(out, 1, name, value);
    }
}

/// `name: value`; a value of several lines stands below its name, further in: no line of it can pass for a pair.
fn pair(out: &mut String, depth: usize, name: &str, value: &str) {
    let indent = "  ".repeat(depth);
    let name = plain(name, 100);
    let value = value.trim();
    let cut = value.char_indices().nth(LONGEST).map(|(at, _)| at);
    let kept = visible(value.get(..cut.unwrap_or(value.len())).unwrap_or(value));
    if kept.contains('\n') {
        let _ = writeln!(out, "{indent}{name}: |");
        for line in kept.lines() {
            let _ = writeln!(out, "{indent}    {}", line.trim_end());
        }
    } else {
        let _ = writeln!(out, "{indent}{name}: {kept}");
    }
    if let Some(cut) = cut {
        let left = value.get(cut..).unwrap_or_default().chars().count();
        let _ = writeln!(out, "{indent}    # {left} more characters of {name} are left out");
    }
}

/// Text whose control and hidden characters are spelt out: evidence must show that they are there.
fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.replace("\r\n", "\n").chars() {
        match c {
            '\n' | '\t' => out.push(c),
            c if c.is_control() || super::hides(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Spelt as names of objects and machines are.
fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 253
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
}
