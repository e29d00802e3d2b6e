//! What fires, as a table or for programs.

use serde_json::{Value, json};

use super::super::super::Context;
use super::super::super::failure::{Exit, Failure, io};
use super::super::super::options::OutputFormat;
use crate::config::Config;
use crate::evidence::view::clip;
use crate::question::alert::{Differing, Group};
use crate::ui::{self, Table};

/// Characters of a summary in the table.
const LONGEST_SUMMARY: usize = 80;
/// Values of one differing label that programs are told; the count of all is told too.
const VALUES: usize = 100;

/// The form that was asked for.
pub(super) fn form(config: &Config) -> Result<OutputFormat, Failure> {
    let name = config.text("output")?;
    Ok(name.and_then(|name| clap::ValueEnum::from_str(&name, true).ok()).unwrap_or_default())
}

/// Prints the groups. Nothing firing is an answer too.
pub(super) fn print(
    groups: &[Group],
    form: OutputFormat,
    place: &str,
    context: &Context,
) -> Result<Exit, Failure> {
    let text = match form {
        OutputFormat::Html => {
            return Err(Failure::new(Exit::Usage, "a list of alerts has no form `html`")
                .hint("it prints text, json, jsonl or markdown"));
        }
        OutputFormat::Json => format!("{:#}\n", Value::Array(groups.iter().map(told).collect())),
        OutputFormat::Jsonl => {
            groups.iter().flat_map(|group| [told(group).to_string(), "\n".to_owned()]).collect()
        }
        _ if groups.is_empty() => {
            context.say(&format!("nothing fires at {place}"));
            String::new()
        }
        _ => form.table(&table(groups), &context.stdout),
    };
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

/// What programs read where there is nothing to investigate.
pub(super) fn empty(form: OutputFormat) -> Result<Exit, Failure> {
    if form == OutputFormat::Json {
        ui::write_stdout(b"[]\n").map_err(io("stdout"))?;
    }
    Ok(Exit::Answered)
}

/// What stands above an investigation: the alert, and what it is about.
pub(super) fn heading(group: &Group) -> String {
    let count = group.alerts.len();
    let subject = group.subject();
    let about = if subject.starts_with("alert/") { String::new() } else { format!(" {subject}") };
    let times = if count > 1 { format!(" ({count} instances)") } else { String::new() };
    format!("{}{about}{times}", group.name)
}

fn table(groups: &[Group]) -> Table {
    let mut table = Table::new(&["name", "state", "severity", "since", "instances", "summary"]);
    for group in groups {
        table.row([
            group.name.clone(),
            group.states(),
            group.severity().unwrap_or("-").to_owned(),
            group.since().map_or("-".to_owned(), |since| since.strftime("%Y-%m-%d %H:%M:%S").to_string()),
            group.alerts.len().to_string(),
            clip(&summary(group).unwrap_or_default(), LONGEST_SUMMARY),
        ]);
    }
    table
}

/// What the first of them says in words.
fn summary(group: &Group) -> Option<String> {
    let first = group.alerts.first()?;
    ["summary", "description", "message", "reason"]
        .iter()
        .find_map(|key| first.annotations.get(*key))
        .map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn told(group: &Group) -> Value {
    let differing: serde_json::Map<String, Value> = group
        .differing_labels()
        .into_iter()
        .map(|Differing { label, values }| {
            let count = values.len();
            let values: Vec<Value> = values
                .into_iter()
                .take(VALUES)
                .map(|(value, instances)| json!({"value": value, "instances": instances}))
                .collect();
            (label, json!({"count": count, "values": values}))
        })
        .collect();
    json!({
        "name": group.name,
        "state": group.states(),
        "severity": group.severity(),
        "since": group.since().map(|since| since.to_string()),
        "instances": group.alerts.len(),
        "subject": group.subject(),
        "summary": summary(group),
        "expression": group.expression(),
        "labels": group.common_labels(),
        "differing_labels": differing,
    })
}
