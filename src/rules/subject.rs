//! What a question is about: the things it names, and the areas of the machine it asks for.
//!
//! Only the question's own words count here. What they lead to is `plan`'s, what is answered `conclude`'s.

use std::sync::LazyLock;

use regex::Regex;

use super::book::{Book, Probe, named};
use super::case::Case;
use super::stamp::Stamp;
use super::weigh;

/// The question, as far as the rules understand it.
#[derive(Debug, Default)]
pub(super) struct Subject {
    /// Words that may name a thing, lower case.
    words: Vec<String>,
    /// Things named outright (`why does checkout crash`), lower case.
    pub(super) things: Vec<String>,
    /// Areas asked for; empty where the question is about everything.
    pub(super) areas: Vec<String>,
    /// Whether any probe has something to look at.
    pub(super) understood: bool,
    /// A time of the day asked about: minutes since midnight.
    pub(super) at: Option<i64>,
    /// Seconds asked about ("in the last hour").
    pub(super) span: Option<i64>,
    /// It takes trouble for granted ("why …").
    pub(super) why: bool,
    /// Objects of a cluster it names by kind, `pod/shop/payments-1`: then nothing else is what it is about.
    pub(super) objects: Vec<String>,
    /// It asks why an alert fires.
    pub(super) alert: bool,
}

/// People remember a time to about this.
const AROUND_SECONDS: i64 = 600;

/// Groups of probes whose text is the name of a thing.
const NAMES: [&str; 5] = ["unit", "name", "other", "pod", "container"];

/// How the program itself asks about an object (`investigate pod`, …).
const OF_OBJECT: &str = "What is wrong with ";
/// What stands between that question and the state of the object, which names its worst pod.
const STATE: &str = " Its state when this was asked: ";

#[allow(clippy::expect_used)] // a constant text, compiled by the tests
static OBJECT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)\b(?P<kind>pod|node|deployment|statefulset|daemonset|replicaset|job|cronjob|service|ingress
            |persistentvolumeclaim|horizontalpodautoscaler)
          (?: /(?:(?P<space>[a-z0-9-]+)/)?(?P<name>[a-z0-9][a-z0-9.-]*[a-z0-9]|[a-z0-9])
            |\ (?P<other>[a-z0-9][a-z0-9.-]*)\ in\ namespace\ (?P<namespace>[a-z0-9-]+)
            |\ (?P<of_cluster>[a-z0-9][a-z0-9.-]*[a-z0-9]|[a-z0-9])(?:[,.?]|$) )",
    )
    .expect("the pattern is constant")
});

#[allow(clippy::expect_used)] // a constant text, compiled by the tests
static ALERT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^Why (?:did|is) the (?:attached )?alert(?: `(?P<name>[^`]*)`)? (?:fire|firing|pending)\b")
        .expect("the pattern is constant")
});

/// Labels of alerts whose value is the name of a thing that is no object of a cluster.
const OF_ALERT: &[&str] = &[
    "instance",
    "host",
    "hostname",
    "nodename",
    "server",
    "target",
    "address",
    "domain",
    "url",
    "device",
    "mountpoint",
    "unit",
    "name",
];

impl Subject {
    pub(super) fn of(book: &Book, case: &Case) -> Self {
        let question = case.question.as_str();
        let alert = ALERT.captures(question);
        if alert.is_none() && !question.starts_with(OF_OBJECT) {
            return Self::of_words(book, question);
        }
        let mut subject = Self { why: true, understood: true, alert: alert.is_some(), ..Self::default() };
        let (asked, state) = question.split_once(STATE).unwrap_or((question, ""));
        for found in OBJECT.captures_iter(asked) {
            let part =
                |names: &[&str]| names.iter().find_map(|name| found.name(name)).map(|one| one.as_str());
            let name = part(&["name", "other", "of_cluster"]).unwrap_or_default();
            let place = part(&["space", "namespace"]).map_or_else(String::new, |space| format!("{space}/"));
            subject.objects.push(format!("{}/{place}{name}", &found["kind"]).to_lowercase());
            subject.thing(name);
        }
        // Pods of a node have nothing to do with each other, nor with it.
        if !subject.objects.iter().any(|object| object.starts_with("node/"))
            && let Some(pod) = state.split("pod ").nth(1).and_then(|rest| rest.split_whitespace().next())
        {
            subject.thing(pod);
        }
        if !subject.is_named() {
            if alert.is_none() {
                return Self::of_words(book, question);
            }
            subject.of_labels(case);
            if let Some(name) = alert.and_then(|found| found.name("name")) {
                subject.of_name(book, name.as_str());
            }
        }
        subject
    }

    /// What an alert without an object says it is about.
    fn of_labels(&mut self, case: &Case) {
        let texts = case.seen.iter().filter(|seen| seen.exhibit.tool == "alert");
        for (_, line) in texts.flat_map(|seen| &seen.exhibit.lines) {
            if let Some((label, value)) = line.trim().split_once(": ")
                && OF_ALERT.contains(&label)
                && value.chars().count() >= 3
            {
                self.words.push(value.trim().to_lowercase());
            }
        }
    }

    /// The areas of the machine that the words of an alert's name speak of: `HostOutOfDiskSpace`.
    fn of_name(&mut self, book: &Book, name: &str) {
        let mut words = String::new();
        for c in name.chars() {
            if c.is_uppercase() && words.ends_with(char::is_lowercase) || !c.is_alphanumeric() {
                words.push(' ');
            }
            words.push(c);
        }
        let areas = Self::of_words(book, &words).areas;
        self.areas = areas.into_iter().filter(|area| area != "kubernetes" && area != "log").collect();
    }

    /// Whether objects of a cluster are named by kind.
    pub(super) fn is_named(&self) -> bool {
        !self.objects.is_empty()
    }

    /// Whether `scope` is one of the named things, or what one of them made or was made by.
    pub(super) fn is_about(&self, scope: &str) -> bool {
        let scope = scope.to_lowercase();
        let ordinal = |name: &str| {
            let (head, tail) = name.rsplit_once('-')?;
            (!tail.is_empty() && tail.bytes().all(|b| b.is_ascii_digit())).then(|| head.to_owned())
        };
        self.things.iter().any(|thing| {
            *thing == scope
                || weigh::workload(&scope) == thing
                || weigh::workload(thing) == scope
                || ordinal(&scope).as_ref() == Some(thing)
                || ordinal(thing).as_ref() == Some(&scope)
        })
    }

    /// Whether `object`, written `pod/shop/payments-1`, is one of the named.
    pub(super) fn is_object(&self, object: &str) -> bool {
        self.objects.iter().any(|one| one == object)
    }

    fn of_words(book: &Book, question: &str) -> Self {
        let mut subject = Self { words: words(question), ..Self::default() };
        subject.why = question.to_lowercase().contains("why");
        for probe in &book.probes {
            let Some(regex) = probe.asked.regex() else {
                continue;
            };
            let mut fits = false;
            for captures in regex.captures_iter(question.as_bytes()).take(3) {
                let values = named(regex, &captures);
                if !super::plan::fits(probe, &values) {
                    continue;
                }
                fits = true;
                let part = |name| values.get(name).and_then(|value| value.as_str()?.parse::<i64>().ok());
                if let (Some(hour), Some(minute)) = (part("hour"), part("minute")) {
                    subject.at = Some(hour * 60 + minute);
                }
                if let Some(span) = values.get("span").and_then(|value| value.as_str()) {
                    let unit = match span.to_lowercase().chars().next() {
                        Some('m') => 60,
                        Some('h') => 3600,
                        _ => 86_400,
                    };
                    subject.span = Some(part("count").unwrap_or(1).saturating_mul(unit));
                }
                // Where a thing lives is not what it is called: its neighbours live there too.
                for place in ["namespace", "space"] {
                    if let Some(place) = values.get(place).and_then(|value| value.as_str()) {
                        subject.words.retain(|word| !word.eq_ignore_ascii_case(place));
                    }
                }
                for name in NAMES {
                    if let Some(value) = values.get(name).and_then(|value| value.as_str()) {
                        subject.thing(value);
                    }
                }
            }
            subject.understood |= fits;
            if fits {
                subject.cover(probe);
            }
        }
        subject
    }

    fn cover(&mut self, probe: &Probe) {
        for area in &probe.area {
            if !self.areas.contains(area) {
                self.areas.push(area.clone());
            }
        }
    }

    fn thing(&mut self, name: &str) {
        let name = name.trim_end_matches(['.', ',', '?', '!', ':']).to_lowercase();
        let name = name.strip_suffix(".service").unwrap_or(&name).to_owned();
        if !name.is_empty() && !self.things.contains(&name) {
            self.things.push(name);
        }
    }

    /// Whether a line of this time is what is asked about: true where no time was named.
    pub(super) fn covers(&self, line: Option<Stamp>, now: Option<Stamp>) -> bool {
        let (Some(at), Some(now)) = (self.at, now) else {
            return true;
        };
        let Some(line) = line else {
            return false;
        };
        // The last time the machine's own clock showed it.
        let midnight = now.seconds - (now.seconds + now.offset).rem_euclid(86_400);
        let today = midnight + at * 60;
        let asked = if today > now.seconds { today - 86_400 } else { today };
        (line.seconds - asked).abs() <= AROUND_SECONDS
    }

    /// Whether the areas decide what answers it: what belongs to a named thing is its own logs and state,
    /// but a slow or unreachable one may suffer from the machine.
    pub(super) fn topical(&self) -> bool {
        const OF_MACHINE: [&str; 5] = ["disk", "load", "network", "certificate", "clock"];
        let machine = || self.areas.iter().any(|area| OF_MACHINE.contains(&area.as_str()));
        !self.areas.is_empty() && (self.things.is_empty() || machine())
    }

    /// Whether the question names what `text` speaks of.
    pub(super) fn names(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        self.words.iter().chain(&self.things).any(|word| stands(word, &text))
    }
}

/// Whether `word` stands in `text` as a word or the head of one: `api` is not in `rapid`.
fn stands(word: &str, text: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        let (before, after) =
            (text.get(..at).unwrap_or_default(), text.get(at + word.len()..).unwrap_or_default());
        edge(before.chars().next_back()) && (word.len() > 3 || edge(after.chars().next()))
    })
}

/// Words of questions that name nothing.
const COMMON: &str = " the and why does did not are was were has have had can could what which who how when where \
    this that these those with from for into out off its our your all any some error errors fail fails failed failing \
    crash crashes crashed crashing slow down broken wrong problem problems issue issues happen happened happening check \
    please tell show find look investigate machine host server system service services unit units process processes app \
    pod pods container containers namespace cluster node deployment kubernetes docker log logs file files disk memory \
    network port connection connect connecting refused full high load cpu time out working work works start starts \
    started starting stop stops stopped keep keeps get gets getting restart restarts restarting running run runs use \
    using used going dead died still now today since last night morning root cause space left certificate expired hour minutes last listens listen listening killed kill everything anything right clock ";

/// The question's words that may name a thing, lower case.
fn words(question: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let split = question.split(|c: char| !(c.is_alphanumeric() || "-_./@".contains(c)));
    for word in split {
        let word = word.trim_matches(['.', '-', '/', '@', '_']).to_lowercase();
        let word = word.strip_suffix(".service").unwrap_or(&word).to_owned();
        if word.chars().count() >= 3 && !COMMON.contains(&format!(" {word} ")) && !words.contains(&word) {
            words.push(word);
        }
    }
    words
}
