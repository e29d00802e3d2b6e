//! What is wrong with a container of a pod: what it waits for, how it ended, how often it is started again.

use jiff::Timestamp;
use serde_json::Value;

use super::fold::Draft;
use super::pods::draft;
use super::view::{HOUR, View};
use super::words::{clip, fact, facts, lasting, said, span, text};
use super::{Severity, exits};
use crate::cluster::Object;

/// Seconds an init container may run before it is told.
const LONG_INIT: i64 = 600;
/// Restarts in all from which a container that runs now is told.
const RESTARTS: i64 = 3;
/// Seconds between a probe's last reported failure and an end: the kubelet reports one in five minutes of an object that
/// fails all the time.
const KILLING: i64 = HOUR;
/// Keys of a ConfigMap that are told where one is missing.
const MOST_KEYS: usize = 20;

/// When the last of the containers ended.
pub(super) fn last_end(pod: &Object) -> Option<Timestamp> {
    let ended =
        |status: &Value| status.pointer("/state/terminated/finishedAt").and_then(Value::as_str)?.parse().ok();
    pod.list("/status/containerStatuses").iter().filter_map(ended).max()
}

/// A container of the pod and where its status stands.
struct Container<'a> {
    pod: &'a Object,
    status: &'a Value,
    path: String,
    name: &'a str,
    init: bool,
}

impl Container<'_> {
    fn text(&self, path: &str) -> &str {
        self.status.pointer(path).and_then(Value::as_str).unwrap_or_default()
    }

    fn facts(&self, paths: &[&str]) -> Vec<(String, String)> {
        let paths: Vec<String> = paths.iter().map(|path| format!("{}{path}", self.path)).collect();
        facts(self.pod, &paths.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn called(&self) -> String {
        let kind = if self.init { "init container" } else { "container" };
        format!("{kind} {}", clip(self.name))
    }

    fn restarts(&self) -> i64 {
        self.status.get("restartCount").and_then(Value::as_i64).unwrap_or_default()
    }

    /// Path of a field in its specification.
    fn spec(&self, field: &str) -> String {
        let list = if self.init { "/spec/initContainers" } else { "/spec/containers" };
        let at = self.pod.list(list).iter().position(|one| text(one, "name") == self.name);
        format!("{list}/{}{field}", at.unwrap_or_default())
    }
}

/// The first fault of the pod's containers, init containers first; one that waits before one that only restarted.
pub(super) fn judge(view: &View<'_>, pod: &Object) -> Option<Draft> {
    let mut all = Vec::new();
    for (list, init) in [("/status/initContainerStatuses", true), ("/status/containerStatuses", false)] {
        for (at, status) in pod.list(list).iter().enumerate() {
            all.push(Container {
                pod,
                status,
                path: format!("{list}/{at}"),
                name: text(status, "name"),
                init,
            });
        }
    }
    let down = all.iter().find_map(|one| waiting(view, one).or_else(|| between_restarts(view, one)));
    down.or_else(|| all.iter().find_map(|one| restarted(view, one)))
        .or_else(|| all.iter().filter(|one| one.init).find_map(|one| long_init(view, one)))
}

fn waiting(view: &View<'_>, one: &Container<'_>) -> Option<Draft> {
    let reason = one.text("/state/waiting/reason");
    let message = one.text("/state/waiting/message");
    let called = one.called();
    let since = one.pod.time("/status/startTime");
    let mut evidence = one.facts(&["/state/waiting/reason", "/state/waiting/message"]);
    let (detector, what) = match reason {
        "CrashLoopBackOff" => {
            let ended = if one.status.pointer("/lastState/terminated").is_some() {
                "/lastState/terminated"
            } else {
                // The kubelet of some versions forgets it.
                return Some(plain(
                    view,
                    one,
                    "crash-loop",
                    format!("{called} is in a crash loop"),
                    evidence,
                ));
            };
            return Some(crashed(view, one, ended, true));
        }
        "ImagePullBackOff"
        | "ErrImagePull"
        | "ErrImageNeverPull"
        | "InvalidImageName"
        | "RegistryUnavailable"
        | "ErrImageInspect"
        | "ImageInspectError" => {
            evidence.extend(facts(one.pod, &[&one.spec("/image")]));
            let part = format!("{{{}}}", one.name);
            let pull = view.recent(one.pod, |event| {
                event.reason == "Failed"
                    && event.part.ends_with(&part)
                    && !event.message.starts_with("Error: ")
            });
            evidence.extend(pull.map(super::view::Event::fact));
            let image = one.pod.text(&one.spec("/image"));
            let why = pull.map_or(message, |event| event.message);
            let what = match reason {
                "InvalidImageName" => {
                    format!("{called} names an image in a form that is none: {}", clip(image))
                }
                "ErrImageNeverPull" => {
                    format!("{called}: image {} is not on the node and must not be pulled", clip(image))
                }
                _ => format!("{called}: image {} cannot be pulled{}", clip(image), pull_reason(why)),
            };
            ("image-pull", what)
        }
        "CreateContainerConfigError" => {
            evidence.extend(keys(view, one.pod, message));
            ("config", format!("{called} cannot be made, its configuration is missing: {}", said(message)))
        }
        "CreateContainerError"
        | "RunContainerError"
        | "StartError"
        | "PreCreateHookError"
        | "PreStartHookError"
        | "PostStartHookError" => {
            evidence.extend(facts(one.pod, &[&one.spec("/command")]));
            ("start", format!("{called} cannot be started: {}", said(message)))
        }
        _ => return None,
    };
    Some(
        draft(
            view,
            one.pod,
            detector,
            Severity::Critical,
            &format!("{} {}", one.name, one.pod.text(&one.spec("/image"))),
            what,
            evidence,
        )
        .since(since)
        .short(reason),
    )
}

fn plain(
    view: &View<'_>,
    one: &Container<'_>,
    detector: &'static str,
    what: String,
    evidence: Vec<(String, String)>,
) -> Draft {
    draft(view, one.pod, detector, Severity::Critical, one.name, what, evidence).short("crash loop")
}

/// What a registry answered, in three cases that have different remedies.
fn pull_reason(message: &str) -> String {
    let lower = message.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    let why = if has(&["unauthorized", "authentication required", "forbidden", "denied", "no basic auth"]) {
        " (the registry refuses access, or the repository does not exist)"
    } else if has(&["not found", "manifest unknown", "does not exist"]) {
        " (no such image or tag)"
    } else if has(&["no such host", "timeout", "i/o", "refused", "unreachable", "tls", "x509", "lookup"]) {
        " (the registry cannot be reached)"
    } else if has(&["toomanyrequests", "rate limit"]) {
        " (the registry limits the rate)"
    } else {
        ""
    };
    let message = message.trim();
    if message.is_empty() || message.starts_with("Back-off") {
        why.to_owned()
    } else {
        format!("{why}: {}", said(message))
    }
}

/// Keys a ConfigMap does have, where the one asked for is not there.
fn keys(view: &View<'_>, pod: &Object, message: &str) -> Option<(String, String)> {
    let (_, name) = message.split_once(" in ConfigMap ")?;
    let name = name.trim().trim_start_matches(&format!("{}/", pod.namespace()));
    let map = view.get("configmap", pod.namespace(), name)?;
    let keys: Vec<&str> = map
        .at("/data")
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str())
        .take(MOST_KEYS)
        .collect();
    Some((format!("{} keys of data", map.reference()), clip(&keys.join(", "))))
}

/// Ended, and not started again yet.
fn between_restarts(view: &View<'_>, one: &Container<'_>) -> Option<Draft> {
    let code = one.status.pointer("/state/terminated/exitCode").and_then(Value::as_i64)?;
    let policy = one.pod.text("/spec/restartPolicy");
    let comes_back = match policy {
        "Never" => false,
        "OnFailure" => code != 0,
        _ => !one.init || code != 0,
    };
    if policy == "Never" && code != 0 && one.init {
        return Some(crashed(view, one, "/state/terminated", true));
    }
    (comes_back && one.restarts() > 0).then(|| crashed(view, one, "/state/terminated", true))
}

/// Runs now, but ended badly not long ago.
fn restarted(view: &View<'_>, one: &Container<'_>) -> Option<Draft> {
    one.status.pointer("/state/running")?;
    let code = one.status.pointer("/lastState/terminated/exitCode").and_then(Value::as_i64)?;
    let ended = one.text("/lastState/terminated/finishedAt").parse().ok();
    let reason = one.text("/lastState/terminated/reason");
    // One end with 255 or without a reason is a node that restarted.
    let node =
        matches!(reason, "ContainerStatusUnknown" | "Unknown") || (code == 255 && one.restarts() < RESTARTS);
    let told = reason == "OOMKilled" || one.restarts() >= RESTARTS;
    (code != 0 && told && !node && view.within(ended, HOUR))
        .then(|| crashed(view, one, "/lastState/terminated", false))
}

fn crashed(view: &View<'_>, one: &Container<'_>, path: &str, down: bool) -> Draft {
    let code = one.status.pointer(&format!("{path}/exitCode")).and_then(Value::as_i64).unwrap_or_default();
    let reason = one.text(&format!("{path}/reason"));
    let message = one.text(&format!("{path}/message"));
    let ended: Option<Timestamp> = one.text(&format!("{path}/finishedAt")).parse().ok();
    let mut evidence = one.facts(&[
        &format!("{path}/reason"),
        &format!("{path}/exitCode"),
        &format!("{path}/message"),
        &format!("{path}/finishedAt"),
        "/restartCount",
        "/state/waiting/reason",
    ]);
    let called = one.called();
    let times = match one.restarts() {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        times => format!(", restarted {times} times"),
    };
    let last = view.age(ended).map_or_else(String::new, |age| format!(", last {} ago", span(age)));
    let probe = killed_by_probe(view, one, code, ended);
    let (detector, cause) = if reason == "OOMKilled" {
        let limit = fact(one.pod, &one.spec("/resources/limits/memory"));
        let at = limit.as_ref().map_or_else(
            || " (no memory limit of its own: the node or its pod had no more)".to_owned(),
            |(_, limit)| format!(" at its memory limit of {limit}"),
        );
        evidence.extend(limit);
        ("oom", format!("was OOMKilled{at} (exit code {code})"))
    } else if let Some(event) = probe {
        evidence.insert(0, event.fact());
        let kind = if event.message.starts_with("Startup") || event.message.contains("startup probe") {
            "startup"
        } else {
            "liveness"
        };
        evidence.extend(fact(one.pod, &one.spec(&format!("/{kind}Probe"))));
        let why = event.message.split_once(" failed: ").map_or(event.message, |(_, why)| why);
        ("liveness", format!("was killed (exit code {code}), its {kind} probe fails: {}", said(why)))
    } else if reason == "StartError" || reason == "ContainerCannotRun" || matches!(code, 126 | 127) {
        evidence.extend(fact(one.pod, &one.spec("/command")));
        let said = if message.is_empty() { exits::meaning(code, reason).to_owned() } else { said(message) };
        ("start", format!("cannot be started (exit code {code}): {said}"))
    } else {
        let words = if message.is_empty() { String::new() } else { format!(": {}", said(message)) };
        let how = if code == 0 { "ends" } else { "crashes" };
        ("exit", format!("{how} with exit code {code} ({}){words}", exits::meaning(code, reason)))
    };
    let what = format!("{called} {cause}{times}{last}");
    let severity = if down { Severity::Critical } else { Severity::Warning };
    let class = format!("{} {code}", one.name);
    draft(view, one.pod, detector, severity, &class, what, evidence)
        .since(one.pod.time("/status/startTime"))
        .short(if down { "crash loop" } else { "restarted" })
}

/// The event that tells of a probe that kills.
fn killed_by_probe<'v>(
    view: &'v View<'_>,
    one: &Container<'_>,
    code: i64,
    ended: Option<Timestamp>,
) -> Option<&'v super::view::Event<'v>> {
    if code != 137 && code != 143 && code != 0 {
        return None;
    }
    let part = format!("{{{}}}", one.name);
    if ["/livenessProbe", "/startupProbe"].iter().all(|probe| one.pod.at(&one.spec(probe)).is_null()) {
        return None;
    }
    let close = |last: Option<Timestamp>| match (last, ended) {
        (Some(last), Some(ended)) => ended.duration_since(last).as_secs().abs() <= KILLING,
        _ => false,
    };
    let wanted = |event: &super::view::Event<'_>| event.part.ends_with(&part) && close(event.last);
    let failed = |event: &super::view::Event<'_>| {
        event.reason == "Unhealthy"
            && (event.message.starts_with("Liveness") || event.message.starts_with("Startup"))
    };
    let events = view.events(one.pod);
    events.iter().find(|event| wanted(event) && failed(event)).or_else(|| {
        events
            .iter()
            .find(|event| wanted(event) && event.reason == "Killing" && event.message.contains("probe"))
    })
}

/// An init container that has run for long: what it waits for does not come.
fn long_init(view: &View<'_>, one: &Container<'_>) -> Option<Draft> {
    let since: Option<Timestamp> = one.text("/state/running/startedAt").parse().ok();
    // A sidecar is an init container that is meant to stay.
    let sidecar = one.pod.text(&one.spec("/restartPolicy")) == "Always";
    if sidecar || view.age(since).is_none_or(|age| age <= LONG_INIT) {
        return None;
    }
    let what = format!("{} has run{} and holds the others up", one.called(), lasting(view, since));
    let mut evidence = one.facts(&["/state/running/startedAt"]);
    evidence.extend(facts(one.pod, &[&one.spec("/command"), &one.spec("/args")]));
    Some(
        draft(view, one.pod, "init", Severity::Warning, one.name, what, evidence)
            .since(since)
            .short("held up by its init container"),
    )
}
