//! Decides what to look at next: by the question's words first, then by what was found.

use minijinja::value::Serde;
use minijinja::{Environment, Value as Jinja};
use serde_json::{Map, Value};

use crate::agent::ToolSpec;

use super::book::{Book, Probe};
use super::case::Case;
use super::conclude;
use super::recognise::{Match, calls, holds, templates};

/// A tool and its arguments.
pub(super) type Wanted = (String, Map<String, Value>);

/// Turns of looking before an answer is due.
const TURNS: usize = 5;
/// Calls of one turn.
const CALLS: usize = 10;
/// Calls that follow up on what was found, a turn.
const FOLLOWED: usize = 8;

/// Whether any probe understands the question, so that the rules have something to say about it.
pub(super) fn understands(book: &Book, question: &str) -> bool {
    [false, true].into_iter().any(|fallback| !asked(book, question, fallback).is_empty())
}

/// The calls of the next turn; empty when it is time to answer.
pub(super) fn next(book: &Book, case: &Case, found: &[Match<'_>], tools: &[ToolSpec]) -> Vec<Wanted> {
    if case.turns >= TURNS {
        return Vec::new();
    }
    let fits = |wanted: Vec<Wanted>, limit: usize| -> Vec<Wanted> {
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
        kept.truncate(limit);
        kept
    };
    let mut order = worth_following(found);
    order.sort_by_key(|one| std::cmp::Reverse(one.score()));
    let followed = |limit| {
        let calls = order.iter().flat_map(|one| one.calls.clone()).collect();
        fits(calls, limit)
    };
    let attached = case.seen.iter().any(|seen| seen.attached);
    let problem = found.iter().any(|one| !one.rule.weak && !one.rule.healthy);
    if case.turns == 0 {
        let mut wanted = asked(book, &case.question, false);
        // What came with the question is the case; the machine is looked at where it says nothing.
        if wanted.is_empty() && !attached {
            wanted = asked(book, &case.question, true);
        }
        wanted.extend(followed(FOLLOWED));
        return fits(wanted, CALLS);
    }
    let next = followed(FOLLOWED);
    // A question that was answered well ("is it listening?") needs no sweep; "why" knows of trouble.
    let answered = found.iter().any(|one| one.rule.healthy) && !case.question.to_lowercase().contains("why");
    if next.is_empty() && !problem && !attached && !answered {
        return fits(asked(book, &case.question, true), CALLS);
    }
    next
}

/// All matches; only those of the problems asked for, where the question names one.
fn worth_following<'a, 'b>(found: &'a [Match<'b>]) -> Vec<&'a Match<'b>> {
    let problems = conclude::problems(found);
    let asked: Vec<_> = problems.iter().filter(|problem| problem.asked_for(found)).collect();
    if asked.is_empty() {
        return found.iter().collect();
    }
    asked.iter().flat_map(|problem| &problem.members).filter_map(|&index| found.get(index)).collect()
}

fn asked(book: &Book, question: &str, fallback: bool) -> Vec<Wanted> {
    let environment = templates();
    let mut wanted = Vec::new();
    let mut topics = Vec::new();
    for probe in book.probes.iter().filter(|probe| probe.fallback == fallback) {
        if let Some(regex) = probe.asked.regex() {
            for captures in regex.captures_iter(question).take(3) {
                let names: Map<String, Value> = regex
                    .capture_names()
                    .flatten()
                    .filter_map(|name| {
                        let value = captures.name(name)?.as_str();
                        let value = value.trim_end_matches(['.', ',', '?', '!', ':', ')', '"', '\'']);
                        Some((name.to_owned(), Value::String(value.to_owned())))
                    })
                    .collect();
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
