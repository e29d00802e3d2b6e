//! Decides what to look at next: by the question's words first, then by what was found.

use minijinja::value::Serde;
use minijinja::{Environment, Value as Jinja};
use serde_json::{Map, Value};

use crate::agent::ToolSpec;

use super::book::{Book, Probe, named};
use super::case::Case;
use super::recognise::{Match, calls, holds, templates};
use super::subject::Subject;
use super::weigh;

/// A tool and its arguments.
pub(super) type Wanted = (String, Map<String, Value>);

/// Turns of looking before an answer is due.
const TURNS: usize = 3;
/// Calls of one turn.
const CALLS: usize = 10;
/// Calls of all turns together.
const ALL_CALLS: usize = 12;

/// The calls of the next turn; empty when it is time to answer.
pub(super) fn next(
    book: &Book,
    case: &Case,
    subject: &Subject,
    found: &[Match<'_>],
    tools: &[ToolSpec],
) -> Vec<Wanted> {
    if case.turns >= TURNS {
        return Vec::new();
    }
    let left = CALLS.min(ALL_CALLS.saturating_sub(case.made.len() - case.given));
    let fits = |wanted: Vec<Wanted>| -> Vec<Wanted> {
        let mut kept: Vec<Wanted> = Vec::new();
        for (tool, arguments) in wanted {
            let Some(arguments) = fit(&tool, arguments, tools) else {
                continue;
            };
            let known = kept.iter().any(|(t, a)| t == &tool && a == &arguments);
            if !known && !case.has_made(&tool, &arguments) {
                kept.push((tool, arguments));
            }
        }
        kept.truncate(left);
        kept
    };
    let mut order = worth_following(found, subject);
    order.sort_by_key(|one| std::cmp::Reverse(one.score()));
    let followed: Vec<Wanted> = order.iter().flat_map(|one| one.calls.clone()).collect();
    let attached = case.seen.iter().any(|seen| seen.attached);
    if case.turns == 0 {
        let mut wanted = asked(book, &case.question, false);
        // What came with the question is the case; the machine is looked at where it says nothing.
        if !attached && fits(wanted.clone()).is_empty() {
            wanted = asked(book, &case.question, true);
        }
        wanted.extend(followed);
        return fits(wanted);
    }
    let next = fits(followed);
    // What belongs to a named object or an alert was looked up; a sweep would find other things' troubles.
    if subject.is_named() || subject.alert {
        return next;
    }
    // A question about one area, or one that was answered well ("is it listening?"), needs no sweep;
    // "why" knows of trouble, and it may lie elsewhere.
    let answered = found.iter().any(|one| one.rule.healthy && one.asked_for) && !subject.why;
    let problem = found.iter().any(|one| one.strong() && (one.asked_for || subject.things.is_empty()));
    if next.is_empty() && !problem && !attached && !answered && !subject.topical() {
        return fits(asked(book, &case.question, true));
    }
    if next.is_empty() && !subject.things.is_empty() && found.iter().all(|one| !one.asked_for) {
        // Nothing goes by that name: the list tells what does.
        return fits(vec![pods()]);
    }
    next
}

fn pods() -> Wanted {
    let kind = Map::from_iter([("kind".to_owned(), Value::String("pods".to_owned()))]);
    ("kubectl_get_by_kind_in_cluster".to_owned(), kind)
}

/// What is worth a second look: the problems asked for, where the question names one or an area.
fn worth_following<'a, 'b>(found: &'a [Match<'b>], subject: &Subject) -> Vec<&'a Match<'b>> {
    let problems = weigh::problems(found);
    let named = problems.iter().any(|problem| problem.asked_for(found));
    let members = |keep: &dyn Fn(&weigh::Problem) -> bool| -> Vec<&'a Match<'b>> {
        let kept = problems.iter().filter(|problem| keep(problem));
        kept.flat_map(|problem| &problem.members).filter_map(|&index| found.get(index)).collect()
    };
    let mut chosen = if named {
        members(&|problem| problem.asked_for(found))
    } else if subject.topical() {
        members(&|problem| problem.within(found, &subject.areas))
    } else if subject.things.is_empty() && !subject.alert {
        found.iter().filter(|one| !one.rule.healthy).collect()
    } else {
        Vec::new()
    };
    chosen.extend(found.iter().filter(|one| one.asked_for && !one.strong()));
    chosen
}

fn asked(book: &Book, question: &str, fallback: bool) -> Vec<Wanted> {
    let environment = templates();
    let mut wanted = Vec::new();
    let mut topics = Vec::new();
    for probe in book.probes.iter().filter(|probe| probe.fallback == fallback) {
        if let Some(regex) = probe.asked.regex() {
            for captures in regex.captures_iter(question.as_bytes()).take(3) {
                let mut names = named(regex, &captures);
                for value in names.values_mut() {
                    if let Value::String(text) = value {
                        *text = text.trim_end_matches(['.', ',', '?', '!', ':', ')', '"', '\'']).to_owned();
                    }
                }
                let calls = of_probe(&environment, probe, &names);
                if regex.captures_len() > 1 {
                    wanted.extend(calls);
                } else {
                    topics.extend(calls);
                }
            }
        }
    }
    // Where a thing is named outright, its topic is not looked at all over.
    if wanted.is_empty() || fallback {
        wanted.extend(topics);
    }
    if fallback && wanted.is_empty() && foreign(question) {
        // A question in another language is about trouble more often than not.
        for probe in book.probes.iter().filter(|probe| probe.fallback) {
            wanted.extend(of_probe(&environment, probe, &Map::new()));
        }
    }
    wanted
}

/// Whether the probe's own condition holds for what its pattern captured.
pub(super) fn fits(probe: &Probe, names: &Map<String, Value>) -> bool {
    holds(&templates(), probe.when.as_deref(), &Jinja::from(Serde(names)))
}

fn of_probe(environment: &Environment<'_>, probe: &Probe, names: &Map<String, Value>) -> Vec<Wanted> {
    let context = Jinja::from(Serde(names));
    if holds(environment, probe.when.as_deref(), &context) {
        calls(environment, &probe.calls, &context)
    } else {
        Vec::new()
    }
}

/// Mostly letters outside ASCII.
fn foreign(question: &str) -> bool {
    let letters = question.chars().filter(|c| c.is_alphabetic()).count();
    let foreign = question.chars().filter(|c| c.is_alphabetic() && !c.is_ascii()).count();
    foreign * 2 > letters
}

/// The arguments as the offered tool wants them; `None` where it is not offered or would refuse them.
fn fit(tool: &str, arguments: Map<String, Value>, tools: &[ToolSpec]) -> Option<Map<String, Value>> {
    let spec = tools.iter().find(|spec| spec.name == tool)?;
    let properties = spec.parameters.get("properties").and_then(Value::as_object);
    let required = spec.parameters.get("required").and_then(Value::as_array);
    let missing = required.into_iter().flatten().filter_map(Value::as_str);
    for name in missing {
        arguments.get(name)?;
    }
    let mut fitted = Map::new();
    for (name, value) in arguments {
        let Some(property) = properties.and_then(|known| known.get(&name)) else {
            continue;
        };
        let whole = property.get("type").and_then(Value::as_str) == Some("integer");
        let number = value.as_str().and_then(|text| text.parse::<i64>().ok());
        match number {
            Some(number) if whole => fitted.insert(name, Value::from(number)),
            None if whole => return None,
            _ => fitted.insert(name, value),
        };
    }
    Some(fitted)
}
