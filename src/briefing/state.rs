//! The short state of an object in one line, and how bad a pod's is.

use jiff::Timestamp;
use serde_json::Value;

use super::Found;
use crate::cluster::Object;

/// Characters of a reason or a message; the cluster's own words are short.
const LONGEST: usize = 120;

/// A pod in the words of `kubectl get pods`, with what ended last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PodState {
    pub name: String,
    pub ready: usize,
    pub containers: usize,
    /// `Running`, `CrashLoopBackOff`, `Init:Error`.
    pub reason: String,
    /// Why it is not scheduled or was evicted.
    pub message: String,
    pub restarts: i64,
    /// Exit code, reason and time of the container that ended last.
    pub ended: Option<(i64, String, Option<Timestamp>)>,
    /// Whether any container has run, so that there are logs.
    pub ran: bool,
    /// Whether any container ran before its present run.
    pub ran_before: bool,
    /// How bad, 0 for fine.
    pub badness: u32,
}

impl PodState {
    /// Reads a pod's status.
    #[must_use]
    pub fn of(pod: &Object) -> Self {
        let containers = pod.list("/status/containerStatuses");
        let init = pod.list("/status/initContainerStatuses");
        let phase = pod.text("/status/phase");
        let mut state = Self {
            name: pod.name().to_owned(),
            containers: pod.list("/spec/containers").len().max(containers.len()),
            ready: containers.iter().filter(|one| flag(one, "/ready")).count(),
            restarts: containers
                .iter()
                .chain(init)
                .map(|one| number(one, "/restartCount"))
                .fold(0, i64::saturating_add),
            ..Self::default()
        };
        for one in containers.iter().chain(init) {
            let now = one.pointer("/state/terminated").filter(|ended| ended.is_object());
            let before = one.pointer("/lastState/terminated").filter(|ended| ended.is_object());
            state.ran |= now.is_some()
                || before.is_some()
                || one.pointer("/state/running").is_some_and(Value::is_object);
            state.ran_before |= before.is_some() || number(one, "/restartCount") > 0;
            for ended in [now, before].into_iter().flatten() {
                let at = text(ended, "/finishedAt").parse().ok();
                let code = number(ended, "/exitCode");
                let later =
                    state.ended.as_ref().is_none_or(|(last, _, time)| (code != 0, at) > (*last != 0, *time));
                if later {
                    state.ended = Some((code, short(text(ended, "/reason")), at));
                }
            }
        }
        let failing_init = init.iter().find(|one| {
            let ended = one.pointer("/state/terminated").filter(|ended| ended.is_object());
            ended.map_or(!flag(one, "/ready"), |ended| number(ended, "/exitCode") != 0)
        });
        let of_init = failing_init.map(reason).filter(|reason| !reason.is_empty());
        let worst = containers.iter().max_by_key(|one| (weight(&reason(one)), number(one, "/restartCount")));
        let of_container = worst.map(reason).filter(|reason| !reason.is_empty());
        state.reason = match (of_init, of_container) {
            _ if !pod.at("/metadata/deletionTimestamp").is_null() => "Terminating".to_owned(),
            _ if !pod.text("/status/reason").is_empty() => short(pod.text("/status/reason")),
            (Some(reason), _) if phase == "Pending" => format!("Init:{reason}"),
            (_, Some(reason)) => reason,
            _ if phase.is_empty() => "Unknown".to_owned(),
            _ => short(phase),
        };
        let unscheduled = pod.condition("PodScheduled").filter(|one| text(one, "/status") == "False");
        state.message = match unscheduled {
            Some(condition) => short(text(condition, "/message")),
            None => short(pod.text("/status/message")),
        };
        state.badness = state.judged(phase);
        state
    }

    /// Waiting before ended before not scheduled before not ready before restarted.
    fn judged(&self, phase: &str) -> u32 {
        let restarted = u32::try_from(self.restarts.clamp(0, 9)).unwrap_or(0);
        let reason = weight(self.reason.trim_start_matches("Init:"));
        if phase == "Succeeded" {
            return 0;
        }
        let state = match phase {
            "Failed" => 70,
            "Pending" if reason < 40 => 40,
            "Unknown" => 60,
            _ if reason > 0 => reason,
            _ if self.ready < self.containers => 30,
            _ => 0,
        };
        state + restarted
    }
}

/// How bad a reason is by itself.
fn weight(reason: &str) -> u32 {
    match reason {
        "" | "Completed" | "Running" | "Succeeded" => 0,
        "ContainerCreating" | "PodInitializing" | "Pending" => 20,
        "Terminating" => 25,
        _ => 80,
    }
}

/// Why a container waits or how it ended; empty while it runs.
fn reason(container: &Value) -> String {
    let waiting = text(container, "/state/waiting/reason");
    if !waiting.is_empty() {
        return short(waiting);
    }
    match container.pointer("/state/terminated") {
        Some(ended) if ended.is_object() => match text(ended, "/reason") {
            "" => format!("ExitCode:{}", number(ended, "/exitCode")),
            reason => short(reason),
        },
        _ => String::new(),
    }
}

/// One line such as `pod/shop/payments-7d9 0/1 CrashLoopBackOff, 14 restarts, last exit 137 OOMKilled 2m ago`.
#[must_use]
pub fn state_line(found: &Found, now: Timestamp) -> String {
    let subject = &found.subject;
    if !found.exists {
        return format!("{subject} does not exist any more, or cannot be read");
    }
    let pod = found.pod.as_ref().map(|pod| pod_line(pod, now));
    match pod {
        Some(line) if subject.kind == "pod" => format!("{subject} {line}"),
        Some(line) => {
            let name = found.pod.as_ref().map_or("", |pod| pod.name.as_str());
            // The worst of pods that are all fine is not bad.
            let bad = found.pod.as_ref().is_some_and(|pod| pod.badness > 0);
            format!("{subject} {}; {} {name} {line}", found.state, if bad { "worst pod" } else { "pod" })
        }
        None => format!("{subject} {}", found.state).trim_end().to_owned(),
    }
}

fn pod_line(pod: &PodState, now: Timestamp) -> String {
    let mut line = format!("{}/{} {}", pod.ready, pod.containers, pod.reason);
    if !pod.message.is_empty() {
        line = format!("{line} ({})", pod.message);
    }
    if pod.restarts > 0 {
        line = format!("{line}, {} restart{}", pod.restarts, if pod.restarts == 1 { "" } else { "s" });
    }
    if let Some((code, reason, at)) = &pod.ended {
        line = format!("{line}, last exit {code} {reason}");
        line.truncate(line.trim_end().len());
        if let Some(at) = at {
            line = format!("{line} {} ago", age(now.as_second().saturating_sub(at.as_second())));
        }
    }
    line
}

/// `45s`, `2m`, `3h`, `5d`, as kubectl counts.
pub(super) fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..120 => format!("{seconds}s"),
        seconds @ 120..7_200 => format!("{}m", seconds / 60),
        seconds @ 7_200..172_800 => format!("{}h", seconds / 3_600),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// Without what steers a terminal, cut.
pub(super) fn short(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST + 1).collect();
    match clean.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", clean.get(..at).unwrap_or_default()),
        None => clean.trim().to_owned(),
    }
}

pub(super) fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

pub(super) fn number(value: &Value, path: &str) -> i64 {
    value.pointer(path).and_then(Value::as_i64).unwrap_or_default()
}

fn flag(value: &Value, path: &str) -> bool {
    value.pointer(path).and_then(Value::as_bool).unwrap_or_default()
}
