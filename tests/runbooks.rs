//! Every file of `runbooks/`, read as the binary has it, and which of them alerts and questions get.
//!
//! Holds whatever the folder contains: a wanted runbook that is not there is said and skipped.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test's helpers fail the test or say why not"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use holmes_rs::config::yaml::nearest;
use holmes_rs::runbook::{LABELS, Origin, Query, Shelf, Sources, VARIABLES, variables_of};
use holmes_rs::toolset;

#[path = "runbooks/alerts.rs"]
mod alerts;
#[path = "runbooks/questions.rs"]
mod questions;

/// Tools that are part of the program: their schemas stand in no file of the catalogue.
const OWN_TOOLS: &[&str] = &["kubernetes_changes", "kubernetes_findings"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("runbooks")
}

fn names_on_disk() -> BTreeSet<String> {
    std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| name.strip_suffix(".md").map(str::to_owned))
        .filter(|name| name != "README")
        .collect()
}

#[test]
fn every_file_is_a_runbook_without_a_warning() {
    let (shelf, warnings) = Shelf::open(&Sources::default());
    let mut complaints: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let names: BTreeSet<String> = shelf.runbooks().iter().map(|runbook| runbook.name.clone()).collect();
    assert_eq!(names, names_on_disk(), "a runbook's `name` is its file's name");
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "md") {
            complaints.push(format!("{}: only Markdown is embedded", path.display()));
        }
    }
    for runbook in shelf.runbooks() {
        let mut complain = |what: String| complaints.push(format!("{}: {what}", runbook.place));
        assert_eq!(runbook.origin, Origin::Builtin);
        if runbook.description.chars().count() > 160 {
            complain("`description` is longer than 160 characters".to_owned());
        }
        if runbook.alerts.is_empty() && runbook.labels.is_empty() && runbook.pattern.is_none() {
            complain("only text finds it: name alerts, labels or a `match`".to_owned());
        }
        for glob in &runbook.alerts {
            if glob.chars().filter(|c| c.is_alphanumeric()).count() < 3 {
                complain(format!("`{glob}` fits nearly every alert"));
            }
        }
        for link in links(&runbook.text) {
            let target = link.split('#').next().unwrap_or_default();
            let fine = link.starts_with("https://") || target.is_empty() || folder().join(target).exists();
            if !fine || target.starts_with('/') {
                complain(format!("the link `{link}` leads nowhere"));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Targets of Markdown's links, outside of code.
fn links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        }
        if fenced {
            continue;
        }
        // Every second piece between backticks is code.
        for prose in line.split('`').step_by(2) {
            for after in prose.split("](").skip(1) {
                found.extend(after.split([')', ' ']).next().map(str::to_owned));
            }
        }
    }
    found
}

#[test]
fn steps_name_tools_of_the_catalogue_as_they_are() {
    let loaded = toolset::load(&toolset::Sources::default(), &BTreeMap::new()).unwrap();
    let tools: BTreeMap<&str, &toolset::ToolDefinition> =
        loaded.toolsets.values().flat_map(|one| &one.tools).map(|tool| (tool.name.as_str(), tool)).collect();
    let (shelf, _) = Shelf::open(&Sources::default());
    let mut complaints = String::new();
    for runbook in shelf.runbooks() {
        for step in &runbook.steps {
            let place = &step.place;
            // A label that only some alerts have is named in `when`; a slip of a variable's name is not one.
            let known = |name: &String| {
                VARIABLES.contains(&name.as_str())
                    || LABELS.contains(&name.as_str())
                    || runbook.labels.contains_key(name)
                    || (step.when.contains(name) && nearest(name, VARIABLES).is_none())
            };
            for name in variables_of(step).unwrap().iter().chain(&step.when).filter(|name| !known(name)) {
                let _ = writeln!(complaints, "{place}: `{name}` is no variable");
            }
            if OWN_TOOLS.contains(&step.tool.as_str()) {
                continue;
            }
            let Some(tool) = tools.get(step.tool.as_str()) else {
                let _ = writeln!(complaints, "{place}: there is no tool `{}`", step.tool);
                continue;
            };
            if tool.read_only == Some(false) {
                let _ = writeln!(complaints, "{place}: `{}` is not read-only", step.tool);
            }
            for name in step.arguments.keys() {
                if !tool.parameters.iter().any(|parameter| parameter.name == *name) {
                    let _ = writeln!(complaints, "{place}: `{}` has no parameter `{name}`", step.tool);
                }
            }
            for parameter in tool.parameters.iter().filter(|one| one.required && one.default.is_none()) {
                if !step.arguments.contains_key(&parameter.name) {
                    let _ = writeln!(complaints, "{place}: `{}` needs `{}`", step.tool, parameter.name);
                }
            }
        }
    }
    assert!(complaints.is_empty(), "\n{complaints}");
}

/// Compares what is found first with what is wanted, one of several with `|`; a runbook that is not written yet is said.
fn compare(cases: &[(&str, &str)], query: impl Fn(&str) -> Query) {
    let (shelf, _) = Shelf::open(&Sources::default());
    let (mut wrong, mut skipped) = (String::new(), BTreeSet::new());
    for (asked, wanted) in cases {
        let found = shelf.find(&query(asked));
        let first = found.first().map_or("", |found| found.runbook.name.as_str());
        let mut choices = wanted.split('|');
        if let Some(missing) = choices.clone().find(|name| !name.is_empty() && shelf.get(name).is_none()) {
            skipped.insert(missing);
        } else if !choices.any(|name| name == first) {
            let why: Vec<String> = found
                .iter()
                .map(|one| format!("{} {:.1} ({})", one.runbook.name, one.score, one.why))
                .collect();
            let _ = writeln!(wrong, "{asked}: wanted `{wanted}`, got {}", why.join("; "));
        }
    }
    if !skipped.is_empty() {
        println!("SKIPPED: not in runbooks/ yet: {skipped:?}");
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

#[test]
fn alerts_get_the_runbook_a_person_would_take() {
    assert!(alerts::ALERTS.len() >= 60);
    compare(alerts::ALERTS, |alert| Query { alert: Some(alert.to_owned()), ..Query::default() });
}

#[test]
fn questions_get_the_runbook_a_person_would_take_or_none() {
    assert!(questions::QUESTIONS.len() >= 40);
    compare(questions::QUESTIONS, |text| Query { text: text.to_owned(), ..Query::default() });
}

#[test]
fn the_order_is_the_same_every_time() {
    let (shelf, _) = Shelf::open(&Sources::default());
    for (text, _) in questions::QUESTIONS {
        let query = Query { text: (*text).to_owned(), ..Query::default() };
        let names = || shelf.find(&query).iter().map(|one| one.runbook.name.clone()).collect::<Vec<_>>();
        assert_eq!(names(), names(), "{text}");
    }
}
