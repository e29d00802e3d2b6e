//! The builtin tool `kubernetes_changes`: what changed in a cluster near a time.

use std::io::Write as _;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Outcome, Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::cluster::changes::{Change, KINDS, changes};
use crate::cluster::{Scope, Snapshot, read_with_history};
use crate::evidence::Status;
use crate::evidence::view::clip;
use crate::shell::{Stop, cluster_environment, private_file};

/// Minutes before and after where nothing is asked for.
const BEFORE: i64 = 120;
const AFTER: i64 = 15;
/// Minutes that may be asked for: a month.
const LONGEST: i64 = 44_640;
/// Changes of one call; those furthest from the time are left out.
const MOST: usize = 300;

/// Reads the cluster kubectl points at.
pub struct KubernetesChanges {
    spec: ToolSpec,
    environment: Vec<(String, String)>,
    now: fn() -> Timestamp,
}

impl KubernetesChanges {
    /// `caller` is the environment of whoever runs the program; kubectl gets of it what tools get.
    #[must_use]
    pub fn new(caller: &[(String, String)], now: fn() -> Timestamp) -> Self {
        let spec = ToolSpec {
            name: "kubernetes_changes".to_owned(),
            description: "What changed near a time: rollouts with differences, config, scaling, nodes, jobs"
                .to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "namespace": {"type": "string", "description": "default: all"},
                    "around": {"type": "string", "description": "RFC 3339; default: now"},
                    "minutes": {"type": "integer", "description": "before it, 120"},
                },
                "required": [],
            }),
        };
        Self { spec, environment: cluster_environment(caller), now }
    }
}

impl Tool for KubernetesChanges {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &'static str {
        "kubernetes/core"
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        let text = |name: &str| match params.get(name) {
            Some(Value::String(text)) => clip(text.trim(), 80),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let place = match text("namespace").as_str() {
            "" => "the cluster".to_owned(),
            namespace => format!("namespace {namespace}"),
        };
        match text("around").as_str() {
            "" => format!("changes in {place}"),
            around => format!("changes in {place} around {around}"),
        }
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        Box::pin(async move {
            let invocation = self.describe(params);
            let failed = |status: Status, error: String| Outcome {
                status,
                exit_code: None,
                error: Some(error),
                invocation: invocation.clone(),
                bytes: 0,
                lines: 0,
            };
            let wanted = match Wanted::of(params, (self.now)()) {
                Ok(wanted) => wanted,
                Err(error) => return failed(Status::Error, error),
            };
            let kinds = KINDS.iter().map(|kind| (*kind).to_owned()).collect();
            let scope = Scope { namespace: wanted.namespace.clone(), kinds };
            let read = read_with_history(&scope, &self.environment, stop.clone()).await;
            let snapshot = match read {
                _ if *stop.borrow() => return failed(Status::Interrupted, "interrupted".to_owned()),
                Ok(snapshot) => snapshot,
                Err(error) => return failed(Status::Error, error),
            };
            let text = wanted.told(&snapshot);
            let written = private_file(output).and_then(|mut file| file.write_all(text.as_bytes()));
            if let Err(error) = written {
                return failed(Status::Error, format!("the output cannot be written: {error}"));
            }
            let (bytes, lines) = (text.len() as u64, text.lines().count() as u64);
            Outcome { status: Status::Success, exit_code: None, error: None, invocation, bytes, lines }
        })
    }
}

/// What a call asks for.
#[derive(Debug)]
struct Wanted {
    namespace: Option<String>,
    around: Timestamp,
    from: Timestamp,
    to: Timestamp,
}

impl Wanted {
    fn of(params: &Map<String, Value>, now: Timestamp) -> Result<Self, String> {
        let text = |name: &str| match params.get(name) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text.trim().to_owned()),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(_) => Err(format!("`{name}` needs a text")),
        };
        let namespace = text("namespace")?;
        let valid = namespace.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
        if !valid || namespace.len() > 63 || namespace.starts_with('-') {
            return Err(format!("`namespace` is no name of one: {}", clip(&namespace, 80)));
        }
        let around = text("around")?;
        let around = match around.as_str() {
            "" | "now" => now,
            text => time(text).ok_or_else(|| {
                format!("`around` needs a time like 2026-11-21T12:00:00Z, got `{}`", clip(text, 40))
            })?,
        };
        let minutes = match text("minutes")?.as_str() {
            "" => BEFORE,
            text => text.parse().ok().filter(|minutes| (1..=LONGEST).contains(minutes)).ok_or_else(|| {
                format!("`minutes` needs a number from 1 to {LONGEST}, got `{}`", clip(text, 40))
            })?,
        };
        let from = around.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(Timestamp::MIN);
        let to = around.checked_add(SignedDuration::from_mins(AFTER)).unwrap_or(Timestamp::MAX);
        Ok(Self { namespace: Some(namespace).filter(|name| !name.is_empty()), around, from, to })
    }

    /// The changes, one line each, below a line that says where and when was looked.
    fn told(&self, snapshot: &Snapshot) -> String {
        let mut found: Vec<Change> = changes(snapshot, self.from, self.to);
        let place =
            self.namespace.as_ref().map_or("all namespaces".to_owned(), |name| format!("namespace {name}"));
        let (from, to) = (seconds(self.from), seconds(self.to));
        let all = found.len();
        let mut text = match all {
            0 => format!("nothing known to have changed in {place} from {from} to {to}\n"),
            1 => format!("1 change in {place} from {from} to {to}\n"),
            _ => format!("{all} changes in {place} from {from} to {to}, oldest first\n"),
        };
        if all > MOST {
            found.sort_by_key(|change| (change.at.as_second() - self.around.as_second()).unsigned_abs());
            found.truncate(MOST);
            found.sort();
            text = format!("{text}left out: the {} furthest from {}\n", all - MOST, seconds(self.around));
        }
        for change in &found {
            text = format!("{text}{} {}\n", seconds(change.at), change.what);
        }
        for missing in &snapshot.missing {
            text = format!("{text}not read: {missing}\n");
        }
        text
    }
}

/// RFC 3339, or seconds since 1970.
fn time(text: &str) -> Option<Timestamp> {
    let seconds = || text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    text.parse().ok().or_else(seconds)
}

fn seconds(time: Timestamp) -> String {
    Timestamp::from_second(time.as_second()).unwrap_or(time).to_string()
}
