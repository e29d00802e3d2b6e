//! Whether each toolset can be used now, and if not, why in one line a person can act on.
//!
//! All toolsets are checked at the same time and every command has its own deadline, so one that hangs
//! delays only its own toolset.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{FutureExt as _, LocalBoxFuture, Shared};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use serde_json::Map;
use tokio::sync::Semaphore;

use crate::shell::template::{Given, environment_names, render, without_secrets};
use crate::shell::{Captured, Containment, Ending, Limits, Script, Stop, capture, environment};

use super::cache::Cache;
use super::{Prerequisite, Readiness, ReadinessStatus, Toolset, Toolsets};

/// Time one command has, unless its toolset gives another: what HolmesGPT's own checks settle in.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Commands that run at once: a bound on processes and open files, far above any catalogue.
const AT_ONCE: usize = 64;

/// Stdout of a command that is looked at.
const LOOKED_AT: u64 = 1 << 20;

/// Parts of a variable's name that tell that its value is a secret.
const SECRET_NAMES: &[&str] =
    &["TOKEN", "SECRET", "PASS", "PWD", "KEY", "AUTH", "CREDENTIAL", "CONNECTION_STRING"];
/// Shorter ones are words such as `true`, and no secrets worth the name.
const SHORTEST_SECRET: usize = 6;

/// Characters of a command that a reason shows.
const SHOWN: usize = 60;

/// Checks every toolset; the result is sorted by name. `done` is told of each one as it finishes.
///
/// What `cache` knows and is young enough is taken from it; new results are written to it. Commands are held to
/// `containment` as the tools are that they speak for.
pub async fn check(
    toolsets: &Toolsets,
    env: &BTreeMap<String, String>,
    containment: Option<&Arc<Containment>>,
    mut cache: Option<&mut Cache>,
    stop: &Stop,
    mut done: impl FnMut(&Readiness),
) -> Vec<Readiness> {
    let caller: Vec<(String, String)> =
        env.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let slots = Rc::new(Semaphore::new(AT_ONCE));
    let runs = Runs { caller: &caller, containment, slots, stop, known: RefCell::default() };
    let mut running = FuturesUnordered::new();
    let mut results = Vec::new();
    for toolset in toolsets.values() {
        if let Some(known) = cache.as_deref().and_then(|cache| cache.get(toolset, env)) {
            done(&known);
            results.push(known);
            continue;
        }
        let runs = &runs;
        running.push(async move {
            let started = Instant::now();
            let (status, reason) = judge(toolset, env, runs).await;
            let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
            (toolset, Readiness { name: toolset.name.clone(), status, reason, milliseconds })
        });
    }
    while let Some((toolset, readiness)) = running.next().await {
        done(&readiness);
        if let Some(cache) = cache.as_deref_mut()
            && !*stop.borrow()
        {
            cache.put(toolset, env, &readiness);
        }
        results.push(readiness);
    }
    if let Some(cache) = cache {
        cache.save();
    }
    results.sort_by(|one, other| one.name.cmp(&other.name));
    results
}

/// A process of its own is needed to know whether the toolset is ready.
pub(super) fn runs_commands(toolset: &Toolset) -> bool {
    toolset.enabled
        && toolset.broken.is_none()
        && toolset.prerequisites.iter().any(|one| matches!(one, Prerequisite::Command { .. }))
}

/// Commands of one check. Toolsets of a family ask the same question (`kubectl get --raw /version`): it is
/// put once.
struct Runs<'a> {
    caller: &'a [(String, String)],
    containment: Option<&'a Arc<Containment>>,
    slots: Rc<Semaphore>,
    stop: &'a Stop,
    known: RefCell<Vec<(Script, Duration, Asked)>>,
}

type Asked = Shared<LocalBoxFuture<'static, Result<Rc<Captured>, String>>>;

impl Runs<'_> {
    async fn capture(&self, script: Script, timeout: Duration) -> Result<Rc<Captured>, String> {
        let same = |(other, time, _): &&(Script, Duration, Asked)| *other == script && *time == timeout;
        let known = self.known.borrow().iter().find(same).map(|(_, _, asked)| asked.clone());
        if let Some(asked) = known {
            return asked.await;
        }
        let (slots, stop, text) = (Rc::clone(&self.slots), self.stop.clone(), script.clone());
        let limits = Limits { timeout, kept_bytes: LOOKED_AT };
        let asked = async move {
            let _slot = slots.acquire().await.map_err(|error| error.to_string())?;
            capture(&text, limits, stop).await.map(Rc::new).map_err(|error| error.to_string())
        };
        let asked = asked.boxed_local().shared();
        self.known.borrow_mut().push((script, timeout, asked.clone()));
        asked.await
    }
}

async fn judge(
    toolset: &Toolset,
    env: &BTreeMap<String, String>,
    runs: &Runs<'_>,
) -> (ReadinessStatus, String) {
    if let Some(settled) = settled(toolset) {
        return settled;
    }
    for (index, prerequisite) in ordered(toolset).into_iter().enumerate() {
        if let Err(reason) = holds(prerequisite, toolset, env, runs).await {
            return (without(toolset, index), reason);
        }
    }
    (ReadinessStatus::Enabled, String::new())
}

/// What is known without asking anything.
fn settled(toolset: &Toolset) -> Option<(ReadinessStatus, String)> {
    if !toolset.enabled {
        let reason = match toolset.origin.as_str() {
            "builtin" => "off unless switched on".to_owned(),
            origin => format!("switched off in {origin}"),
        };
        return Some((ReadinessStatus::Disabled, reason));
    }
    if let Some(reason) = &toolset.broken {
        return Some((ReadinessStatus::Failed, reason.clone()));
    }
    let usable = toolset.tools.iter().any(|tool| tool.broken.is_none());
    let broken = toolset.tools.iter().find_map(|tool| tool.broken.clone());
    broken.filter(|_| !usable).map(|reason| (ReadinessStatus::Failed, reason))
}

/// The cheap ones first.
fn ordered(toolset: &Toolset) -> Vec<&Prerequisite> {
    let mut prerequisites: Vec<&Prerequisite> = toolset.prerequisites.iter().collect();
    prerequisites.sort_by_key(|prerequisite| match prerequisite {
        Prerequisite::Static { .. } => 0,
        Prerequisite::Env(_) | Prerequisite::OneOf(_) | Prerequisite::Program(_) => 1,
        Prerequisite::Command { .. } => 2,
    });
    prerequisites
}

async fn holds(
    prerequisite: &Prerequisite,
    toolset: &Toolset,
    env: &BTreeMap<String, String>,
    runs: &Runs<'_>,
) -> Result<(), String> {
    match prerequisite {
        Prerequisite::Static { enabled: true, .. } => Ok(()),
        Prerequisite::Static { reason, .. } => {
            Err(reason.clone().unwrap_or_else(|| "disabled by its own file".to_owned()))
        }
        Prerequisite::Env(names) => variables_set(names, env),
        Prerequisite::OneOf(names) => one_set(names, toolset, env),
        Prerequisite::Program(names) => one_installed(names, env),
        Prerequisite::Command { command, expected_output, timeout } => {
            run(toolset, command, expected_output.as_deref(), *timeout, runs).await
        }
    }
}

/// What it means that the prerequisite at `index` does not hold: nobody asked for an automatic toolset by name,
/// and where the first thing it needs is not here, it is not missing.
fn without(toolset: &Toolset, index: usize) -> ReadinessStatus {
    if toolset.auto && index == 0 { ReadinessStatus::Disabled } else { ReadinessStatus::Failed }
}

/// What one prerequisite said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub prerequisite: Prerequisite,
    /// Why it does not hold, in one line.
    pub held: Result<(), String>,
    pub milliseconds: u64,
}

/// Asks every prerequisite of one toolset, also those after one that does not hold, past any cache.
pub async fn report(
    toolset: &Toolset,
    env: &BTreeMap<String, String>,
    containment: Option<&Arc<Containment>>,
    stop: &Stop,
) -> (Readiness, Vec<Answer>) {
    let started = Instant::now();
    let since = |from: Instant| u64::try_from(from.elapsed().as_millis()).unwrap_or(u64::MAX);
    let caller: Vec<(String, String)> =
        env.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let slots = Rc::new(Semaphore::new(1));
    let runs = Runs { caller: &caller, containment, slots, stop, known: RefCell::default() };
    let mut answers = Vec::new();
    let (mut status, mut reason) = settled(toolset).unwrap_or((ReadinessStatus::Enabled, String::new()));
    for (index, prerequisite) in ordered(toolset).into_iter().enumerate() {
        let began = Instant::now();
        let held = holds(prerequisite, toolset, env, &runs).await;
        if let (Err(why), ReadinessStatus::Enabled) = (&held, status) {
            status = without(toolset, index);
            reason.clone_from(why);
        }
        answers.push(Answer { prerequisite: prerequisite.clone(), held, milliseconds: since(began) });
    }
    let milliseconds = since(started);
    (Readiness { name: toolset.name.clone(), status, reason, milliseconds }, answers)
}

/// `config.url` or `LOKI_URL`: somebody said where the service is.
fn one_set(names: &[String], toolset: &Toolset, env: &BTreeMap<String, String>) -> Result<(), String> {
    let set = |name: &String| match name.strip_prefix("config.") {
        Some(key) => toolset.config.get(key).is_some_and(|value| match value {
            serde_json::Value::Null => false,
            serde_json::Value::String(text) => !text.trim().is_empty(),
            serde_json::Value::Array(items) => !items.is_empty(),
            serde_json::Value::Object(map) => !map.is_empty(),
            _ => true,
        }),
        None => env.get(name).is_some_and(|value| !value.is_empty()),
    };
    if names.iter().any(set) {
        return Ok(());
    }
    Err(match names {
        [name] => format!("{name} is not set"),
        [one, other] => format!("neither {one} nor {other} is set"),
        _ => format!("none of {} is set", names.join(", ")),
    })
}

fn one_installed(names: &[String], env: &BTreeMap<String, String>) -> Result<(), String> {
    let path = env.get("PATH").map(String::as_str).unwrap_or_default();
    let installed = |name: &String| path.split(':').any(|folder| Path::new(folder).join(name).is_file());
    if names.iter().any(installed) {
        return Ok(());
    }
    Err(match names {
        [name] => format!("`{name}` is not installed"),
        names => format!("none of `{}` is installed", names.join("`, `")),
    })
}

fn variables_set(names: &[String], env: &BTreeMap<String, String>) -> Result<(), String> {
    let missing: Vec<String> = names
        .iter()
        .filter(|name| env.get(*name).is_none_or(String::is_empty))
        .map(|name| format!("`{name}`"))
        .collect();
    match missing.as_slice() {
        [] => Ok(()),
        [name] => Err(format!("environment variable {name} is not set")),
        names => Err(format!("environment variables {} are not set", names.join(", "))),
    }
}

async fn run(
    toolset: &Toolset,
    command: &str,
    expected: Option<&str>,
    timeout: Duration,
    runs: &Runs<'_>,
) -> Result<(), String> {
    let wanted = environment_of(toolset);
    let mut env = environment(runs.caller, &wanted);
    let names: BTreeMap<String, String> = env.iter().cloned().collect();
    let none = Map::new();
    let given = Given { values: &none, config: &toolset.config, environment: &names, allow_options: true };
    let wrong = |error| format!("prerequisite `{}`: {error}", shown(command));
    let invocation = shown(&render(command, given).map_err(wrong)?.invocation);
    let whole = toolset
        .prelude
        .as_ref()
        .map_or_else(|| command.to_owned(), |prelude| format!("{prelude}\n{command}"));
    let rendered = render(&whole, given).map_err(wrong)?;
    env.extend(rendered.env);
    let containment = runs.containment.and_then(|run| held(toolset, run));
    let script = Script { text: rendered.text, env, containment, ..Script::default() };
    let captured = runs
        .capture(script, timeout)
        .await
        .map_err(|error| format!("`{invocation}` cannot be started: {error}"))?;
    verdict(&invocation, &captured, expected, timeout).map_err(|reason| {
        let reason = without_secrets(&reason, &toolset.config);
        without_passwords(&without_values(reason, &names))
    })
}

/// `reason` without the values of variables that hold secrets by their names: what a program was given it may print.
fn without_values(mut reason: String, given: &BTreeMap<String, String>) -> String {
    for (name, value) in given {
        let upper = name.to_ascii_uppercase();
        if value.len() >= SHORTEST_SECRET && SECRET_NAMES.iter().any(|part| upper.contains(part)) {
            reason = reason.replace(value.as_str(), "***");
        }
    }
    reason
}

/// `reason` without the passwords of addresses: `postgres://user:***@host`.
fn without_passwords(reason: &str) -> String {
    let mut out = String::with_capacity(reason.len());
    let mut rest = reason;
    while let Some((before, after)) = rest.split_once("://") {
        out.push_str(before);
        out.push_str("://");
        let end = after.find(|c: char| c.is_whitespace() || "/?#'\"`".contains(c)).unwrap_or(after.len());
        let (authority, behind) = after.split_at(end);
        match authority.rsplit_once('@').and_then(|(who, host)| Some((who.split_once(':')?.0, host))) {
            Some((user, host)) => out.extend([user, ":***@", host]),
            None => out.push_str(authority),
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

/// A prerequisite only looks, as the tools do it speaks for: what they may write it may, and where none of them can
/// be contained neither can it.
fn held(toolset: &Toolset, run: &Arc<Containment>) -> Option<Arc<Containment>> {
    let mut paths: Vec<String> =
        toolset.tools.iter().flat_map(|tool| tool.writable.iter().cloned()).collect();
    paths.sort();
    paths.dedup();
    let free = !toolset.tools.is_empty() && toolset.tools.iter().all(|tool| tool.contained == Some(false));
    match paths.as_slice() {
        _ if free => None,
        [] => Some(Arc::clone(run)),
        paths => Some(Arc::new(run.with(paths))),
    }
}

/// What a finished command says about its toolset.
fn verdict(
    command: &str,
    captured: &Captured,
    expected: Option<&str>,
    timeout: Duration,
) -> Result<(), String> {
    let said = captured.last_error_line.as_deref();
    let last_word = || {
        let stdout = || captured.stdout.lines().map(str::trim).rfind(|line| !line.is_empty()).map(shown);
        said.map(str::to_owned).or_else(stdout).map(|line| format!(": {line}")).unwrap_or_default()
    };
    match captured.ending {
        // Past a megabyte of output the command works, whatever it would still have printed.
        Ending::Exited(0) | Ending::OutputLimit => match expected {
            Some(expected) if !captured.stdout.contains(expected) => {
                Err(format!("`{command}`: its output has no `{}`{}", shown(expected), last_word()))
            }
            _ => Ok(()),
        },
        Ending::Exited(code) => Err(match (said.and_then(missing_program), said) {
            (Some(program), _) => format!("`{program}` is not installed"),
            // The beginning of a script tells nobody anything: its own words do.
            (None, Some(said)) if command.ends_with('…') => said.to_owned(),
            _ => format!("`{command}`: exit {code}{}", last_word()),
        }),
        Ending::Signalled(signal) => Err(format!("`{command}`: killed by signal {signal}{}", last_word())),
        Ending::TimedOut => {
            Err(format!("`{command}`: no end within {} s{}", timeout.as_secs_f64(), last_word()))
        }
        Ending::NoTerminal => Err(format!(
            "`{command}`: it asks the terminal for something (a password?), and a check has none{}",
            last_word()
        )),
        Ending::Unwritable => Err(format!("`{command}`: its output could not be kept")),
        Ending::Stopped => Err(format!("`{command}`: the check was interrupted")),
    }
}

/// `bash: line 1: docker: command not found`, `sh: 1: docker: not found`.
fn missing_program(line: &str) -> Option<&str> {
    let rest = line.strip_suffix(": command not found").or_else(|| {
        let shell = line.starts_with("sh: ") || line.starts_with("/bin/sh: ");
        line.strip_suffix(": not found").filter(|_| shell)
    })?;
    let program = rest.rsplit(": ").next()?.trim();
    (!program.is_empty()).then_some(program)
}

/// One line of a command, shortened.
fn shown(command: &str) -> String {
    let mut lines = command.lines().map(str::trim).filter(|line| !line.is_empty());
    // A comment at the top is the author's title.
    let first = lines.next().unwrap_or_default().trim_start_matches(['#', ' ']);
    let more = lines.next().is_some();
    match first.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", first.get(..end).unwrap_or_default()),
        None if more => format!("{first} …"),
        None => first.to_owned(),
    }
}

/// Names the toolset's commands read from the environment, besides what every command gets.
pub(super) fn environment_of(toolset: &Toolset) -> Vec<String> {
    let mut names = BTreeSet::new();
    names.extend(toolset.prelude.iter().flat_map(|prelude| environment_names(prelude)));
    for prerequisite in &toolset.prerequisites {
        match prerequisite {
            Prerequisite::Env(wanted) => names.extend(wanted.iter().cloned()),
            Prerequisite::OneOf(wanted) => {
                names.extend(wanted.iter().filter(|name| !name.starts_with("config.")).cloned());
            }
            Prerequisite::Command { command, .. } => names.extend(environment_names(command)),
            Prerequisite::Program(_) | Prerequisite::Static { .. } => {}
        }
    }
    names.extend(toolset.tools.iter().flat_map(|tool| tool.env.iter().cloned()));
    names.into_iter().collect()
}
