//! Jobs that failed and CronJobs that do not run as they should.

use super::fold::Draft;
use super::view::{DAY, HOUR, View};
use super::words::{clip, condition, condition_facts, counted, fact, facts, lasting, said, span, text};
use super::{Severity, exits};
use crate::cluster::Object;

/// Days behind which a failed Job without a CronJob is history.
const HISTORY: i64 = 7 * DAY;
/// Seconds within which the controller looks at a CronJob again.
const SYNC: i64 = 10;

pub(super) fn detect(view: &View<'_>, drafts: &mut Vec<Draft>) {
    for one in view.of("job") {
        drafts.extend(job(view, one));
    }
    for one in view.of("cronjob") {
        drafts.extend(cron_job(view, one));
    }
}

fn succeeded(job: &Object) -> bool {
    condition(job, "Complete", "True").is_some() || job.number("/status/succeeded").unwrap_or(0) > 0
}

fn job(view: &View<'_>, one: &Object) -> Option<Draft> {
    let failed = condition(one, "Failed", "True")?;
    let owner = view.top(one);
    let of_cron = owner != one.reference();
    if of_cron {
        // Only the latest counts: what a later run made good is over.
        let (kind, name) = one.owner()?;
        let cron = view.get(kind, one.namespace(), name);
        let runs = cron.map_or(&[][..], |cron| view.owned(cron));
        let later = |run: &&&Object| run.kind() == "Job" && run.created() > one.created();
        if runs.iter().filter(later).any(|run| succeeded(run) || condition(run, "Failed", "True").is_some()) {
            return None;
        }
    } else if !view.within(failed.since, HISTORY) {
        return None;
    }
    let mut evidence = condition_facts(one, "Failed");
    evidence.extend(facts(one, &["/status/failed", "/spec/backoffLimit", "/spec/activeDeadlineSeconds"]));
    let why = match failed.reason.as_str() {
        "BackoffLimitExceeded" => {
            let tries = one.number("/status/failed").unwrap_or(0);
            let pods = counted(usize::try_from(tries).unwrap_or_default(), "pod");
            format!("failed: {pods} failed, more than its backoff limit allows")
        }
        "DeadlineExceeded" => "failed: it ran longer than its deadline allows".to_owned(),
        "" => format!("failed: {}", said(&failed.message)),
        reason => format!("failed ({}): {}", clip(reason), said(&failed.message)),
    };
    let ended = last_failure(view, one, &mut evidence).map_or_else(String::new, |how| format!("; {how}"));
    let recent = of_cron || view.within(failed.since, DAY);
    let severity = if recent { Severity::Warning } else { Severity::Note };
    let ago = view.age(failed.since).map_or_else(String::new, |age| format!(", {} ago", span(age)));
    Some(
        Draft::new("job", one.reference(), severity, format!("{why}{ago}{ended}"), evidence)
            .since(failed.since)
            .short("failed"),
    )
}

/// How the last of its pods ended.
fn last_failure(view: &View<'_>, job: &Object, evidence: &mut Vec<(String, String)>) -> Option<String> {
    let pods = view.owned(job).iter().filter(|pod| pod.kind() == "Pod");
    let pod = pods.filter(|pod| pod.text("/status/phase") == "Failed").max_by_key(|pod| pod.created())?;
    for list in ["/status/initContainerStatuses", "/status/containerStatuses"] {
        for (at, status) in pod.list(list).iter().enumerate() {
            let path = format!("{list}/{at}/state/terminated");
            let code = pod.number(&format!("{path}/exitCode")).filter(|code| *code != 0);
            let Some(code) = code else { continue };
            let reason = pod.text(&format!("{path}/reason"));
            for field in ["reason", "exitCode", "message"] {
                let told = fact(pod, &format!("{path}/{field}"));
                evidence.extend(told.map(|(path, value)| (format!("{} {path}", pod.reference()), value)));
            }
            return Some(format!(
                "container {} of {} ended with exit code {code} ({})",
                clip(text(status, "name")),
                pod.name(),
                exits::meaning(code, reason)
            ));
        }
    }
    let reason = pod.text("/status/reason");
    let told = fact(pod, "/status/message");
    evidence.extend(told.map(|(path, value)| (format!("{} {path}", pod.reference()), value)));
    (!reason.is_empty()).then(|| format!("{} ended as {}", pod.name(), clip(reason)))
}

fn cron_job(view: &View<'_>, one: &Object) -> Option<Draft> {
    let note = |severity, what: String, evidence| {
        Some(Draft::new("cronjob", one.reference(), severity, what, evidence))
    };
    if one.at("/spec/suspend").as_bool() == Some(true) {
        let evidence = facts(one, &["/spec/suspend", "/status/lastScheduleTime"]);
        return note(Severity::Note, "is suspended: it starts no Jobs".to_owned(), evidence);
    }
    let schedule = one.text("/spec/schedule");
    let mut evidence = facts(one, &["/spec/schedule", "/spec/timeZone"]);
    let told = |reasons: &'static [&'static str]| {
        view.recent(one, move |event| event.warning && reasons.contains(&event.reason))
    };
    if let Some(event) =
        told(&["UnparseableSchedule", "InvalidSchedule", "UnParseableCronJobSchedule", "UnknownTimeZone"])
    {
        evidence.insert(0, event.fact());
        let what = format!("never runs, its schedule cannot be read: {}", said(event.message));
        return note(Severity::Critical, what, evidence);
    }
    if !is_schedule(schedule) {
        let what = format!("never runs, its schedule cannot be read: {}", clip(schedule));
        return note(Severity::Critical, what, evidence);
    }
    if let Some(event) = told(&["TooManyMissedTimes", "MissSchedule", "FailedNeedsStart", "FailedCreate"]) {
        evidence.insert(0, event.fact());
        evidence.extend(facts(one, &["/spec/startingDeadlineSeconds", "/status/lastScheduleTime"]));
        let what = format!("misses its times: {}", said(event.message));
        return note(Severity::Warning, what, evidence);
    }
    if let Some(deadline) = one.number("/spec/startingDeadlineSeconds").filter(|deadline| *deadline < SYNC) {
        evidence.extend(facts(one, &["/spec/startingDeadlineSeconds"]));
        let what = format!(
            "may never run: its starting deadline of {deadline} s is shorter than the {SYNC} s between two looks of \
             the controller"
        );
        return note(Severity::Warning, what, evidence);
    }
    if let Some(draft) = held_up(view, one) {
        return Some(draft);
    }
    // Its last run is told as a Job: this one is what follows.
    let runs = view.owned(one).iter().filter(|run| run.kind() == "Job");
    let last = runs.max_by_key(|run| run.created())?;
    Some(
        Draft::new("cronjob", one.reference(), Severity::Note, "its last run failed".to_owned(), Vec::new())
            .after([last.reference()])
            .short("its last run failed")
            .only_as_effect(),
    )
}

/// With the policy `Forbid` a run that does not end keeps all others away.
fn held_up(view: &View<'_>, one: &Object) -> Option<Draft> {
    if one.text("/spec/concurrencyPolicy") != "Forbid" {
        return None;
    }
    let event = view.recent(one, |event| event.reason == "JobAlreadyActive")?;
    let name = one.list("/status/active").first().map(|active| text(active, "name")).unwrap_or_default();
    let run = view.get("job", one.namespace(), name)?;
    let since = run.time("/status/startTime").filter(|since| !view.within(Some(*since), HOUR))?;
    let what = format!(
        "skips its runs: {} has run{}, and its concurrency policy is Forbid",
        clip(name),
        lasting(view, Some(since))
    );
    let mut evidence = vec![event.fact()];
    evidence.extend(facts(
        one,
        &["/spec/concurrencyPolicy", "/status/active/0/name", "/status/lastScheduleTime"],
    ));
    let pods = view.owned(run).iter().map(|pod| pod.reference());
    Some(
        Draft::new("cronjob", one.reference(), Severity::Warning, what, evidence)
            .since(Some(since))
            .after(pods)
            .short("skips its runs"),
    )
}

/// Five fields or a word like `@daily`, with the characters of either; a time zone may stand before them.
fn is_schedule(text: &str) -> bool {
    let text = text.trim();
    let zoned = text.starts_with("TZ=") || text.starts_with("CRON_TZ=");
    let fields: Vec<&str> = text.split_whitespace().skip(usize::from(zoned)).collect();
    let field = |field: &&str| field.chars().all(|c| c.is_ascii_alphanumeric() || "*/,-?".contains(c));
    match fields.as_slice() {
        [first, rest @ ..] if first.starts_with('@') => {
            let word = matches!(
                *first,
                "@yearly" | "@annually" | "@monthly" | "@weekly" | "@daily" | "@midnight" | "@hourly"
            );
            (word && rest.is_empty()) || (*first == "@every" && rest.len() == 1)
        }
        fields => fields.len() == 5 && fields.iter().all(field),
    }
}
