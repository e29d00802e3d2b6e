//! Finds the rules' lines in the exhibits: what matched, where, about what, how often.

use std::ops::Range;
use std::sync::LazyLock;

use minijinja::value::Serde;
use minijinja::{Environment, Value as Jinja};
use regex::Regex;
use serde_json::{Map, Value};

use super::book::{Book, Call, Rule, Take, named};
use super::case::{Case, Seen};
use super::history;
use super::stamp;
use super::subject::Subject;

/// A rule that found its line.
#[derive(Debug)]
pub(super) struct Match<'a> {
    pub(super) rule: &'a Rule,
    /// What it is about: a unit, pod, file, `E4` where nothing better is known.
    pub(super) scope: String,
    pub(super) cause: String,
    pub(super) fix: Vec<String>,
    pub(super) exhibit: u32,
    /// Number of the first of its lines.
    pub(super) first: u64,
    /// Number of the last of them.
    last: u64,
    /// The line that is quoted, whole; `quote` is the part of it that proves the claim.
    pub(super) line: String,
    pub(super) quote: String,
    pub(super) count: usize,
    /// Weight of where it was seen: the state of a thing is now, a log is what it once wrote; and of the area asked for.
    present: u32,
    pub(super) calls: Vec<(String, Map<String, Value>)>,
    /// The question names what this is about.
    pub(super) asked_for: bool,
    /// A later line shows that it passed.
    pub(super) over: bool,
    /// Worth a mention only: see [`Rule::weak`] and [`Rule::minor`].
    pub(super) weak: bool,
    /// What a finding says follows from it: `deployment/shop/api`, and pods it speaks of too.
    pub(super) effects: Vec<String>,
}

impl Match<'_> {
    /// What the question names goes before what it does not, whatever the rank.
    pub(super) fn score(&self) -> u32 {
        let asked = if self.asked_for { 100 } else { 0 };
        let often = u32::try_from(self.count.min(5)).unwrap_or(5);
        self.rule.rank + asked + self.present + often - 1
    }

    /// Whether it is trouble that can be a cause.
    pub(super) fn strong(&self) -> bool {
        !self.weak && !self.rule.healthy && !self.rule.background && !self.over
    }

    /// Whether its rule belongs to one of these areas; text of any program belongs to `log`.
    pub(super) fn within(&self, areas: &[String]) -> bool {
        let is_log = |area: &String| {
            area == "log"
                && (self.rule.on.contains(area) || self.rule.on.iter().any(|on| on == "host_kernel_log"))
        };
        areas.iter().any(|area| self.rule.area.contains(area) || is_log(area))
    }

    pub(super) fn same_thing(&self, other: &Match<'_>) -> bool {
        self.scope.eq_ignore_ascii_case(&other.scope)
    }

    /// Whether the detectors say that what `other` is about follows from this.
    pub(super) fn leads_to(&self, other: &Match<'_>) -> bool {
        let same = |effect: &String| effect.rsplit('/').next().is_some_and(|name| name == other.scope);
        other.rule.on != self.rule.on && !self.same_thing(other) && self.effects.iter().any(same)
    }

    /// Whether all that is known of its scope is the text it stands in.
    pub(super) fn of_text(&self) -> bool {
        self.scope.strip_prefix('E').is_some_and(|id| id.bytes().all(|b| b.is_ascii_digit()))
    }
}

/// Older lines of the machine's own logs are history, not the incident.
const FRESH_SECONDS: i64 = 24 * 3600;

/// Tools whose output is a table or a state, not running text: `log` rules stay away.
const NOT_LOGS: &[&str] = &[
    "alert",
    "alertmanager_alerts",
    "alertmanager_silences",
    "execute_prometheus_instant_query",
    "execute_prometheus_range_query",
    "fetch_runbook",
    "kubernetes_changes",
    "kubernetes_findings",
    "list_prometheus_alerts",
    "list_prometheus_rules",
    "list_prometheus_targets",
    "host_connect",
    "host_load",
    "host_disk",
    "host_network",
    "docker_ps",
    "docker_inspect",
    "kubectl_get_by_name",
    "kubectl_get_by_kind_in_namespace",
    "kubectl_get_by_kind_in_cluster",
    "kubectl_find_resource",
    "kubectl_get_yaml",
    "kubectl_top_pods",
    "kubectl_top_nodes",
    "kubectl_memory_requests",
];

/// All matches, in exhibit order; lines of one rule about one thing are one match with a count.
pub(super) fn recognise<'a>(book: &'a Book, case: &Case, subject: &Subject) -> Vec<Match<'a>> {
    let mut found: Vec<Match<'a>> = Vec::new();
    let environment = templates();
    for seen in &case.seen {
        let rules: Vec<&Rule> = book.rules.iter().filter(|rule| applies(rule, seen)).collect();
        let mut place = Place::default();
        let (named, catch_all): (Vec<&Rule>, Vec<&Rule>) = rules.iter().partition(|rule| !rule.catch_all);
        let lines = &seen.exhibit.lines;
        for (index, (number, line)) in lines.iter().enumerate() {
            if place.heading(line) || history::passed(case, seen, line) {
                continue;
            }
            let next = lines.get(index + 1).map_or("", |(_, next)| next.as_str());
            let line = Line { number: *number, text: line, next };
            let mut described = false;
            for rule in &named {
                if let Some(new) = try_line(&environment, (book, subject), case, seen, &place, rule, line) {
                    described |= !rule.weak;
                    merge(&mut found, new);
                }
            }
            let mut rest = catch_all.iter().filter(|_| !described);
            if let Some(new) =
                rest.find_map(|rule| try_line(&environment, (book, subject), case, seen, &place, rule, line))
            {
                merge(&mut found, new);
            }
        }
    }
    found.retain(|one| one.count >= one.rule.at_least);
    for one in &mut found {
        one.over = over(case, one);
    }
    for one in found.iter_mut().filter(|one| one.rule.on.iter().any(|on| on == FINDINGS)) {
        one.effects = effects(case, one);
    }
    if subject.is_named() {
        for one in &mut found {
            let about = about(case, one);
            one.asked_for = subject.is_about(&one.scope)
                || about.is_some_and(|name| subject.is_about(name))
                || one.effects.iter().any(|effect| subject.is_object(effect));
            one.weak &= one.rule.weak || !one.asked_for;
        }
        return found;
    }
    // A name in the scope is what the question is about; in the words of a cause it may be chance.
    let by_scope = found.iter().any(|one| one.strong() && subject.names(&one.scope));
    for one in &mut found {
        if one.within(&subject.areas) {
            one.present += 50;
        }
        let about = subject.areas.is_empty() || one.within(&subject.areas);
        one.asked_for = subject.names(&one.scope) || !by_scope && about && subject.names(&one.cause);
        one.weak &= one.rule.weak || !subject.names(&one.scope);
    }
    found
}

/// The tool of the detectors.
const FINDINGS: &str = "kubernetes_findings";

/// The objects in the lines below a finding: `cause of KIND/NAMESPACE/NAME: …`, `also pod/NAMESPACE/NAME`.
fn effects(case: &Case, one: &Match<'_>) -> Vec<String> {
    let Some(seen) = case.seen.iter().find(|seen| seen.exhibit.id == one.exhibit) else { return Vec::new() };
    let below = seen.exhibit.lines.iter().skip_while(|(number, _)| *number <= one.last);
    let below = below.map(|(_, line)| line.trim()).take_while(|line| !line.is_empty());
    let named =
        below.filter_map(|line| line.strip_prefix("cause of ").or_else(|| line.strip_prefix("also ")));
    named.filter_map(|rest| rest.split([':', ' ', ',']).next()).map(str::to_lowercase).collect()
}

/// The object whose description, events or log a match stands in.
fn about<'a>(case: &'a Case, one: &Match<'_>) -> Option<&'a str> {
    let seen = case.seen.iter().find(|seen| seen.exhibit.id == one.exhibit)?;
    ["pod_name", "resource_name", "name"].iter().find_map(|name| seen.arguments.get(*name)?.as_str()).filter(
        // The detectors are told a name only to begin with it.
        |_| seen.exhibit.tool != FINDINGS,
    )
}

fn merge<'a>(found: &mut Vec<Match<'a>>, new: Match<'a>) {
    let rule = new.rule;
    let known = found.iter_mut().find(|known| {
        known.rule.id == rule.id
            && known.scope == new.scope
            && (known.cause == new.cause
                || rule.scope.is_some()
                || rule.at_least > 1
                || rule.catch_all && shape(&known.cause) == shape(&new.cause)
                || rule.take == Take::Innermost && known.exhibit == new.exhibit)
    });
    let Some(known) = known else {
        found.push(new);
        return;
    };
    let replaces = match rule.take {
        Take::First => false,
        Take::Last => true,
        Take::Innermost => new.first.saturating_sub(known.last) <= LONGEST_TRACE,
    };
    known.count += 1;
    if replaces && known.exhibit == new.exhibit {
        known.quote = new.quote;
        known.line = new.line;
        known.cause = new.cause;
        known.fix = new.fix;
    }
    if replaces || rule.take == Take::First {
        known.last = new.last;
    }
}

/// Lines of code between two causes of one stack trace.
const LONGEST_TRACE: u64 = 150;

/// A text with its numbers blurred: repeats of one message are one shape.
fn shape(text: &str) -> String {
    let mut shape = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' if shape.ends_with('#') => {}
            '0'..='9' => shape.push('#'),
            c => shape.push(c),
        }
    }
    shape
}

/// Whether a later line of the same exhibit says that what failed works now.
fn over(case: &Case, one: &Match<'_>) -> bool {
    let Some(over) = &one.rule.over else {
        return false;
    };
    let Some(seen) = case.seen.iter().find(|seen| seen.exhibit.id == one.exhibit) else {
        return false;
    };
    let about = topics(&one.line);
    let later = seen.exhibit.lines.iter().filter(|(number, _)| *number > one.last);
    later.filter(|(_, line)| over.is_match(line) && !one.rule.pattern.is_match(line)).any(|(_, line)| {
        let said = topics(line);
        about.iter().any(|word| said.contains(word))
    })
}

/// Words of a line that say what it is about: neither how it ended nor when.
fn topics(line: &str) -> Vec<String> {
    const ENDINGS: &str = " error errors failed failure fatal warn warning info debug notice connect connected connecting \
        connection refused timeout timed could cannot unable with from after while retry retrying request stdout stderr ";
    let words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
    let words = words.map(str::to_lowercase).filter(|word| {
        word.len() > 3
            && word.chars().any(char::is_alphabetic)
            && !word.starts_with(|c: char| c.is_ascii_digit())
    });
    words.filter(|word| !ENDINGS.contains(&format!(" {word} "))).collect()
}

/// A line and the one below it.
#[derive(Clone, Copy)]
struct Line<'a> {
    number: u64,
    text: &'a str,
    next: &'a str,
}

fn applies(rule: &Rule, seen: &Seen) -> bool {
    let tool = seen.exhibit.tool.as_str();
    rule.on.iter().any(|on| match on.as_str() {
        "attached" => seen.attached,
        "log" => seen.attached || !NOT_LOGS.contains(&tool),
        name => !seen.attached && name == tool,
    })
}

/// Under which headings a line stands.
#[derive(Debug, Default)]
struct Place {
    section: String,
    file: String,
}

impl Place {
    fn heading(&mut self, line: &str) -> bool {
        if let Some(section) = line.strip_prefix("== ") {
            section.trim().clone_into(&mut self.section);
            self.file.clear();
            return true;
        }
        if let Some(rest) = line.strip_prefix("-- /") {
            let path = rest.split(": ").next().unwrap_or(rest);
            self.file = format!("/{path}");
            return true;
        }
        false
    }
}

fn try_line<'a>(
    environment: &Environment<'_>,
    (book, subject): (&Book, &Subject),
    case: &Case,
    seen: &Seen,
    place: &Place,
    rule: &'a Rule,
    Line { number, text: line, next }: Line<'_>,
) -> Option<Match<'a>> {
    if let Some(section) = &rule.section
        && !place.section.starts_with(section.as_str())
    {
        return None;
    }
    let regex = rule.pattern.regex()?;
    let captures = regex.captures(line.as_bytes())?;
    if rule.unless.as_ref().is_some_and(|not| not.is_match(line)) {
        return None;
    }
    let is_log = rule.on.iter().any(|on| on == "log" || on == "attached");
    if is_log && !rule.any_level && book.harmless.iter().any(|tame| tame.is_match(line)) {
        return None;
    }
    // A file handed over is looked at as it is; the machine's own old lines are not the incident.
    let is_state = seen.attached || NOT_LOGS.contains(&seen.exhibit.tool.as_str()) || rule.healthy;
    if !is_state {
        let then = stamp::read(line, case.now);
        let fresh = subject.span.unwrap_or(FRESH_SECONDS);
        let old =
            || matches!((case.now, then), (Some(now), Some(then)) if now.seconds - then.seconds > fresh);
        if !subject.covers(then, case.now) || !rule.any_age && old() {
            return None;
        }
    }
    let mut context = named(regex, &captures);
    context.insert("args".to_owned(), Value::Object(seen.arguments.clone()));
    context.insert("next".to_owned(), Value::String(next.trim().to_owned()));
    context.insert("call".to_owned(), Value::String(seen.exhibit.tool.clone()));
    context.insert("section".to_owned(), Value::String(place.section.clone()));
    context.insert("file".to_owned(), Value::String(place.file.clone()));
    let said = rule.scope.as_ref().and_then(|scope| {
        let scope = environment.render_str(scope, Jinja::from(Serde(&context))).ok()?;
        (!scope.trim().is_empty()).then_some(scope)
    });
    let scope = normal(&said.unwrap_or_else(|| scope_of(seen, place, line)));
    context.insert("scope".to_owned(), Value::String(scope.clone()));
    let context = Jinja::from(Serde(&context));
    if !holds(environment, rule.when.as_deref(), &context) {
        return None;
    }
    let render = |text: &str| environment.render_str(text, &context).ok();
    let claim = render(&rule.cause)?;
    Some(Match {
        rule,
        scope,
        cause: claim.split_whitespace().collect::<Vec<_>>().join(" "),
        fix: rule.fix.iter().filter_map(|fix| render(fix)).filter(|fix| !fix.trim().is_empty()).collect(),
        exhibit: seen.exhibit.id,
        first: number,
        last: number,
        quote: quote(line, captures.get(0).map_or(0..0, |all| all.range())),
        line: line.to_owned(),
        count: 1,
        present: match seen.exhibit.tool.as_str() {
            _ if seen.attached => 0,
            "host_kernel_log" => 20,
            "systemd_failed" | "systemd_unit" | "kubectl_describe" => 40,
            tool if NOT_LOGS.contains(&tool) => 40,
            _ => 0,
        },
        over: false,
        weak: rule.weak || rule.minor.is_some() && holds(environment, rule.minor.as_deref(), &context),
        effects: Vec::new(),
        // A log that was handed over may come from another machine: this one is not asked about it.
        calls: if seen.attached { Vec::new() } else { calls(environment, &rule.follow, &context) },
        asked_for: false,
    })
}

/// Templates whose names are captures and nothing else: a builtin called `namespace` would stand in for
/// one that did not match.
pub(super) fn templates() -> Environment<'static> {
    let mut environment = Environment::new();
    for name in ["namespace", "range", "dict", "debug"] {
        environment.remove_global(name);
    }
    environment
}

/// Whether the expression is true, or there is none.
pub(super) fn holds(environment: &Environment<'_>, when: Option<&str>, context: &Jinja) -> bool {
    when.is_none_or(|when| {
        environment
            .compile_expression(when)
            .and_then(|expression| expression.eval(context))
            .is_ok_and(|value| value.is_true())
    })
}

/// The calls with their arguments rendered; a call with an argument that renders to nothing is not made.
pub(super) fn calls(
    environment: &Environment<'_>,
    calls: &[Call],
    context: &Jinja,
) -> Vec<(String, Map<String, Value>)> {
    let render = |call: &Call| {
        let mut arguments = Map::new();
        for (name, text) in &call.arguments {
            let value = environment.render_str(text, context).ok()?;
            let value = value.trim();
            if value.is_empty() {
                return None;
            }
            arguments.insert(name.clone(), Value::String(value.to_owned()));
        }
        Some((call.tool.clone(), arguments))
    };
    calls.iter().filter_map(render).collect()
}

/// Characters of a quote: what proves a claim is never longer.
const LONGEST_QUOTE: usize = 200;

/// The line, or the part of it around `matched` (bytes) where it is long. What is quoted must stand in
/// the exhibit, so it is cut, never marked as cut.
fn quote(line: &str, matched: Range<usize>) -> String {
    let trimmed = line.trim();
    if trimmed.chars().count() <= LONGEST_QUOTE {
        return trimmed.to_owned();
    }
    let lead = LONGEST_QUOTE / 4;
    let before = line.get(..matched.start).unwrap_or_default();
    let short = matched.end <= line.len()
        && line.get(..matched.end).is_some_and(|head| head.chars().count() <= LONGEST_QUOTE);
    let start = if short { 0 } else { before.char_indices().rev().nth(lead).map_or(0, |(at, _)| at) };
    // From the beginning of a word on.
    let start = match line.get(start..matched.start).and_then(|lead| lead.find(' ')) {
        Some(space) if start > 0 => start + space,
        _ => start,
    };
    let rest = line.get(start..).unwrap_or(line).trim_start();
    let end = rest.char_indices().nth(LONGEST_QUOTE).map_or(rest.len(), |(end, _)| end);
    rest.get(..end).unwrap_or(rest).trim_end().to_owned()
}

#[allow(clippy::expect_used)] // a constant text, compiled by the tests
static PROGRAM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(?:\d{4}-\d\d-\d\dT\S+|[A-Z][a-z]{2} +\d+ [\d:]{8}) \S+ (?P<program>[\w@./-]+)(?:\[\d+\])?: (?:(?P<unit>[\w@.\\-]+\.(?:service|mount|socket|timer))[: ])?")
        .expect("the pattern is constant")
});

/// What a line is about, as far as the call, the headings and the line itself tell.
fn scope_of(seen: &Seen, place: &Place, line: &str) -> String {
    let argument = |name: &str| seen.arguments.get(name).and_then(Value::as_str);
    for name in [
        "unit",
        "pod_name",
        "name",
        "resource_name",
        "container_id",
        "container_or_image_id",
        "target",
        "path",
    ] {
        if let Some(value) = argument(name) {
            return value.to_owned();
        }
    }
    if seen.exhibit.tool == "systemd_failed" && !place.section.is_empty() {
        return place.section.clone();
    }
    if let Some(rest) = place.file.strip_prefix("/var/log/pods/") {
        // NAMESPACE_POD_UID/CONTAINER/N.log
        return rest.split('_').nth(1).unwrap_or(rest).to_owned();
    }
    if !seen.attached
        && let Some(found) = PROGRAM.captures(line)
    {
        let unit = found.name("unit").or_else(|| found.name("program"));
        return unit.map_or_else(String::new, |unit| unit.as_str().to_owned());
    }
    if place.file.is_empty() { format!("E{}", seen.exhibit.id) } else { place.file.clone() }
}

fn normal(scope: &str) -> String {
    let scope = scope.trim();
    scope.strip_suffix(".service").unwrap_or(scope).to_owned()
}
