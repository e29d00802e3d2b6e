//! What differs between two pod templates, in a few words each.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{clean, text};

/// Words of one comparison.
const MOST: usize = 12;
/// Parts of names whose values are not told.
const SECRET: &[&str] =
    &["pass", "secret", "token", "key", "credential", "auth", "pwd", "dsn", "_url", "_uri", "connection"];
/// Characters of a value that is told.
const LONGEST_VALUE: usize = 60;
/// What a rollout itself writes into a template.
const OURS: &[&str] = &["pod-template-hash", "controller-revision-hash", "pod-template-generation"];
const RESTARTED: &str = "kubectl.kubernetes.io/restartedAt";

/// What `new` changes; empty where nothing. At most a dozen, the rest counted.
pub(super) fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut words = Vec::new();
    let (before, after) = (containers(old), containers(new));
    let several = after.len() > 1 || before.len() > 1;
    for (name, new) in &after {
        let place = if several { format!("container {} ", clean(name)) } else { String::new() };
        match before.get(name) {
            None => {
                words.push(format!("container {} added, image {}", clean(name), clean(text(new, "/image"))));
            }
            Some(old) => container(old, new, &place, &mut words),
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        words.push(format!("container {} removed", clean(name)));
    }
    let spec = |value: &Value| value.get("spec").and_then(Value::as_object).cloned().unwrap_or_default();
    let (old_spec, new_spec) = (spec(old), spec(new));
    let mut names: Vec<&String> = old_spec.keys().chain(new_spec.keys()).collect();
    names.sort();
    names.dedup();
    for name in names.into_iter().filter(|name| !matches!(name.as_str(), "containers" | "initContainers")) {
        changed(old_spec.get(name), new_spec.get(name), &clean(name), &mut words);
    }
    for part in ["labels", "annotations"] {
        metadata(old, new, part, &mut words);
    }
    if words.len() > MOST {
        let more = words.len() - MOST;
        words.truncate(MOST);
        words.push(format!("{more} more differences"));
    }
    words
}

/// Containers by name, init containers among them.
fn containers(template: &Value) -> BTreeMap<&str, &Value> {
    let lists = ["/spec/initContainers", "/spec/containers"];
    let all = lists.iter().filter_map(|path| template.pointer(path)?.as_array()).flatten();
    all.map(|one| (text(one, "/name"), one)).collect()
}

fn container(old: &Value, new: &Value, place: &str, words: &mut Vec<String>) {
    let (before, after) = (text(old, "/image"), text(new, "/image"));
    if before != after {
        words.push(format!("{place}image {}", image(before, after)));
    }
    for bound in ["limits", "requests"] {
        let value =
            |container: &Value, what: &str| clean(text(container, &format!("/resources/{bound}/{what}")));
        for what in ["memory", "cpu", "ephemeral-storage"] {
            arrow(
                &format!("{place}{what} {}", bound.trim_end_matches('s')),
                &value(old, what),
                &value(new, what),
                words,
            );
        }
    }
    environment(old, new, place, words);
    let fields = [old, new].into_iter().filter_map(Value::as_object).flat_map(serde_json::Map::keys);
    let mut names: Vec<&String> = fields.collect();
    names.sort();
    names.dedup();
    for name in
        names.into_iter().filter(|name| !matches!(name.as_str(), "name" | "image" | "resources" | "env"))
    {
        changed(old.get(name), new.get(name), &format!("{place}{}", clean(name)), words);
    }
}

/// The tags alone where the repository is the same.
fn image(before: &str, after: &str) -> String {
    let split = |image: &str| -> Option<(String, String)> {
        let at =
            image.rfind(['@', ':']).filter(|at| !image.get(*at..).is_some_and(|rest| rest.contains('/')))?;
        let at = image.get(..at).and_then(|name| name.rfind('@')).unwrap_or(at);
        Some((image.get(..at)?.to_owned(), image.get(at + 1..)?.to_owned()))
    };
    match (split(before), split(after)) {
        (Some((one, old)), Some((other, new))) if one == other => {
            format!("{} → {}", clean(&old), clean(&new))
        }
        _ => format!("{} → {}", clean(before), clean(after)),
    }
}

fn environment(old: &Value, new: &Value, place: &str, words: &mut Vec<String>) {
    let variables = |container: &Value| -> BTreeMap<String, Value> {
        let list = container.get("env").and_then(Value::as_array).cloned().unwrap_or_default();
        list.into_iter().map(|one| (text(&one, "/name").to_owned(), one)).collect()
    };
    let (before, after) = (variables(old), variables(new));
    for (name, one) in &after {
        let shown = clean(name);
        match before.get(name) {
            None => words.push(format!("{place}env {shown} added")),
            Some(other) if other == one => {}
            Some(other) => match (told(name, other), told(name, one)) {
                (Some(old), Some(new)) => words.push(format!("{place}env {shown} {old} → {new}")),
                _ => words.push(format!("{place}env {shown} changed")),
            },
        }
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        words.push(format!("{place}env {} removed", clean(name)));
    }
}

/// A variable's value, where it is short, plain, and its name does not speak of a secret.
fn told(name: &str, variable: &Value) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let value = variable.get("value")?.as_str()?;
    let secret =
        SECRET.iter().any(|part| name.contains(part)) || value.contains("://") && value.contains('@');
    let plain =
        value.chars().count() <= LONGEST_VALUE && !value.chars().any(char::is_control) && !value.is_empty();
    (plain && !secret).then(|| value.to_owned())
}

fn arrow(what: &str, old: &str, new: &str, words: &mut Vec<String>) {
    match (old, new) {
        (old, new) if old == new => {}
        ("", new) => words.push(format!("{what} {new} set")),
        (old, "") => words.push(format!("{what} {old} removed")),
        (old, new) => words.push(format!("{what} {old} → {new}")),
    }
}

/// A part whose inside is not told: probes, volumes, commands.
fn changed(old: Option<&Value>, new: Option<&Value>, what: &str, words: &mut Vec<String>) {
    let empty = |value: Option<&Value>| {
        value.is_none_or(|value| {
            value.is_null()
                || *value == Value::Array(Vec::new())
                || *value == Value::Object(serde_json::Map::new())
        })
    };
    match (empty(old), empty(new)) {
        (true, true) => {}
        (true, false) => words.push(format!("{what} added")),
        (false, true) => words.push(format!("{what} removed")),
        _ if old == new => {}
        _ => match (old.and_then(plain), new.and_then(plain)) {
            (Some(old), Some(new)) => words.push(format!("{what} {old} → {new}")),
            _ => words.push(format!("{what} changed")),
        },
    }
}

/// Numbers, switches and single words are told whole.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::String(text) if text.len() <= LONGEST_VALUE && !text.contains(char::is_whitespace) => {
            Some(clean(text))
        }
        _ => None,
    }
}

fn metadata(old: &Value, new: &Value, part: &str, words: &mut Vec<String>) {
    let path = format!("/metadata/{part}");
    let map = |value: &Value| value.pointer(&path).and_then(Value::as_object).cloned().unwrap_or_default();
    let (before, after) = (map(old), map(new));
    if before.get(RESTARTED) != after.get(RESTARTED) && after.contains_key(RESTARTED) {
        words.push("restarted by `kubectl rollout restart`".to_owned());
    }
    let mut names: Vec<&String> = before.keys().chain(after.keys()).collect();
    names.sort();
    names.dedup();
    let differs = |name: &&String| {
        before.get(*name) != after.get(*name) && !OURS.contains(&name.as_str()) && *name != RESTARTED
    };
    let names: Vec<String> = names.into_iter().filter(differs).map(|name| clean(name)).collect();
    if !names.is_empty() {
        words.push(format!("{part} changed: {}", clean(&names.join(" "))));
    }
}
