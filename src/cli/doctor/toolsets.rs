//! Which toolsets can be used, past the cache, and which servers answer: what `toolset check` asks, each within
//! its time.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::sync::watch;

use super::super::known::Known;
use super::report::{Check, Section};
use super::{Looking, since};
use crate::config::Config;
use crate::shell::Stop;
use crate::toolset::{Readiness, ReadinessStatus, Toolset, ToolsetKind, Toolsets, prerequisites};

/// A command that hangs is told better by its own limit, which is about the same.
const LATER: Duration = Duration::from_secs(1);
/// For a server that is asked to go.
const FAREWELL: Duration = Duration::from_millis(500);

pub(super) async fn look(looking: &Looking<'_>, config: &Config) {
    let (known, odd) = match Known::read(config) {
        Ok(read) => read,
        Err(failure) => {
            let check = Check::problem(Section::Toolsets, "unreadable", &failure.message);
            looking.report.add(check.fix(failure.hints.join("; ")));
            return;
        }
    };
    for toolset in known.toolsets.values() {
        looking.report.learn(&toolset.config);
    }
    for warning in odd {
        let check = Check::warning(Section::Toolsets, "unexpected", warning);
        looking.report.add(check.fix("`holmes-rs toolset lint FILE` says more"));
    }
    let (commands, servers): (Toolsets, Toolsets) = known
        .toolsets
        .iter()
        .map(|(name, toolset)| (name.clone(), toolset.clone()))
        .partition(|(_, toolset)| toolset.kind == ToolsetKind::Commands);
    let (_keep, stop) = watch::channel(false);
    let asked = servers.values().map(|toolset| server(looking, &known, config, toolset, &stop));
    tokio::join!(all(looking, &known, &commands, &stop), join_all(asked));
}

async fn all(looking: &Looking<'_>, known: &Known, commands: &Toolsets, stop: &Stop) {
    let began = Instant::now();
    let mut left: Vec<&str> = commands.keys().map(String::as_str).collect();
    let checked =
        prerequisites::check(commands, known.environment(), known.containment(), None, stop, |ready| {
            left.retain(|name| *name != ready.name);
            if let Some(toolset) = commands.get(&ready.name) {
                looking.report.add(told(toolset, ready, None));
            }
        });
    let _ = tokio::time::timeout(looking.limit + LATER, checked).await;
    for toolset in left.iter().filter_map(|name| commands.get(*name)) {
        looking.report.add(told(toolset, &hanging(toolset, began), None));
    }
}

async fn server(looking: &Looking<'_>, known: &Known, config: &Config, toolset: &Toolset, stop: &Stop) {
    let began = Instant::now();
    let asked = async {
        let (readiness, _) =
            prerequisites::report(toolset, known.environment(), known.containment(), stop).await;
        let mut one = [readiness];
        let given = known.connect(config, &mut one, stop).await;
        let [mut readiness] = one;
        let tools = match given {
            Err(failure) => {
                readiness.status = ReadinessStatus::Failed;
                readiness.reason = failure.message;
                None
            }
            Ok(mut connected) => match connected.remove(&toolset.name) {
                None => None,
                Some(given) => {
                    let tools = given.tools.len();
                    let _ = tokio::time::timeout(FAREWELL, given.close()).await;
                    Some(tools)
                }
            },
        };
        (readiness, tools)
    };
    let (mut readiness, tools) = match tokio::time::timeout(looking.limit, asked).await {
        Ok(answered) => answered,
        Err(_) => (hanging(toolset, began), None),
    };
    readiness.milliseconds = since(began);
    looking.report.add(told(toolset, &readiness, tools));
}

fn hanging(toolset: &Toolset, began: Instant) -> Readiness {
    Readiness {
        name: toolset.name.clone(),
        status: ReadinessStatus::Failed,
        reason: format!("no answer within {} s", began.elapsed().as_secs()),
        milliseconds: since(began),
    }
}

fn told(toolset: &Toolset, ready: &Readiness, tools: Option<usize>) -> Check {
    let mcp = toolset.kind == ToolsetKind::Mcp;
    let section = if mcp { Section::Servers } else { Section::Toolsets };
    let count = tools.unwrap_or(toolset.tools.len());
    let plural = if count == 1 { "" } else { "s" };
    let name = toolset.name.as_str();
    let check = match ready.status {
        ReadinessStatus::Enabled if mcp => Check::ok(section, name, format!("answers, {count} tool{plural}")),
        ReadinessStatus::Enabled => {
            Check::ok(section, name, format!("usable, {count} tool{plural}")).usable()
        }
        ReadinessStatus::Disabled => Check::ok(section, name, format!("off: {}", ready.reason)).off(),
        // Ours are tried wherever they may be of use; nobody asked for them.
        ReadinessStatus::Failed if toolset.origin == "builtin" => {
            Check::warning(section, name, &ready.reason)
        }
        ReadinessStatus::Failed => Check::problem(section, name, &ready.reason),
    };
    let how = toolset.installation_instructions.as_deref().unwrap_or_default().trim();
    let fix = match ready.status {
        ReadinessStatus::Failed if toolset.broken.is_some() => {
            format!("correct {}: `holmes-rs toolset lint` says more", toolset.origin)
        }
        ReadinessStatus::Failed if !how.is_empty() => how.split("\n\n").next().unwrap_or_default().to_owned(),
        ReadinessStatus::Failed => format!("`holmes-rs toolset check {name}` asks again, one by one"),
        ReadinessStatus::Enabled | ReadinessStatus::Disabled => String::new(),
    };
    check.fix(fix).took(ready.milliseconds)
}
