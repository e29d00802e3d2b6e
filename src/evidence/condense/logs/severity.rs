//! How bad a line is, from the level it names and the words it uses.
//!
//! Read once for each new shape of a line, never for each line.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::shape::priority;

/// Bytes of a line that are read.
const LOOKED_AT: usize = 8 * 1024;

/// How much a line asks to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Severity {
    /// It says itself that it is information.
    Quiet,
    /// It says nothing about itself.
    Plain,
    /// Words that may mean trouble.
    Odd,
    /// Words that mean trouble, or a warning.
    Trouble,
    Error,
    /// The end of something: a panic, a kill, memory or disk used up.
    Fatal,
}

fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static KLOG: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?-u)^(?:.{0,120}?[\s\]])??([IWEF])\d{4} \d\d:\d\d:\d\d"));
static FIELD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r#"(?i-u)(?:"(?:log[._]?)?(?:level|lvl|severity|levelname|@l|priority)(?:_?text)?"\s*:\s*"?|(?:^|[\s,{])(?:level|lvl|severity|loglevel)=["']?)([a-z]+|\d{1,2}\b)"#,
    )
});
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?-u)\b(FATAL|PANIC|EMERG|EMERGENCY|ALERT|CRITICAL|CRIT|ERROR|ERR|SEVERE|WARN|WARNING|NOTICE|INFO|DEBUG|TRACE|VERBOSE)\b|\b(LOG):|\[(?:\w+:)?(emerg|alert|crit|critical|fatal|error|err|warn|warning|notice|info|debug|trace)\]|^(fail|crit|warn|info|dbug|trce): ",
    )
});
static SERVER_ERROR: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r#"(?i-u)HTTP/[\d.]+"? 5\d\d\b|\bstatus(?:_?code)?"?[=: ]+"?5\d\d\b|" 5\d\d (?:\d|-)"#)
});
/// Words of trouble in lines that report its absence.
static HEALTHY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(concat!(
        r#"(?i-u)\b(?:no|0|zero|without|any|ignoring) (?:\w+ )?(?:errors?|failures?|failed|warnings?|exceptions?|problems?|timeouts?|conflicts?|issues?)\b"#,
        r#"|\b[\w.-]*(?:err(?:or)?s?|fail(?:ed|ures?|ing)?|exceptions?|timeouts?|timed_?out|warnings?|dropped|rejected|lost|restarts?|abort(?:s|ed)?|crashe[sd]|missing|invalid|killed|panics?|retries|denied|refused|deadlocks?|evict(?:ed|ions)|conflicts?)[\w-]*"?\s*[=:]\s*"?(?:0+(?:\.0+)?%?(?:[^\w.]|$)|null|nil\b|none\b|false\b|<nil>|""|\[\]|\{\}|-\s|ok\b)"#,
        r#"|\bexit(?:ed)?(?: with)?[ _](?:code|status)"?[ :=]*0\b|\b(?:code|status|rc)=0\b"#,
        r#"|\b(?:error|failure|crash|panic|fail)[-_ ]?(?:handler|page|log|reporting|reporter|budget|threshold|over|fast|safe)\b"#,
        r#"|\btime-?out\s*[=:]\s*"?\d+"#,
    ))
});
static FATAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i-u)\bpanic|\bfatal|out of memory|outofmemory|\boom[-_ ]?kill|killed process|\bsegfault|segmentation fault|core dumped|kernel bug|(?-i:OOM)(?:[^S]|$)|no space left|stack ?overflow|unhandled|uncaught|deadlock|corrupt|\bsigkill|\bsigsegv|\bcrash ?loop",
    )
});
static TROUBLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i-u)error|exception|\bfail|fail(?:ed|ure)|refused|time(?:d ?|-|_| )?out|denied|traceback|caused by|\bcritical|cannot|can't|\bcould ?n.t|could not|unable|not found|no such|unreachable|crash|exit(?:ed)?(?: with)?[ _](?:code|status|[1-9])|code=exited|evict|unhealthy|back-?off|expired|exhaust|too many|abort|invalid|reset by peer|broken pipe|unauthori[sz]ed|forbidden|reject|unavailable|unexpected|\bkilled|\bsig(?:term|abrt|bus|ill)|non-?zero|hung|stuck|overflow|mismatch|\bmissing|\blost\b|not ready|violat|read-only file",
    )
});
static ODD: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i-u)warn|restart|retry|slow|degraded|conflict|disconnect|throttl|stale|terminat|dropp|limit|signal|alert|skew|shutting down|shutdown|rollback|rolled back|leader|changed|modified|reload|disabled|deleted|removed|drain|skipp|ignor|fallback|falling back",
    )
});

fn found(pattern: &LazyLock<Option<Regex>>, line: &[u8]) -> bool {
    pattern.as_ref().is_some_and(|pattern| pattern.is_match(line))
}

/// Whether a line could be worse than plain: the cheap question for logs of which no two lines are alike.
pub(super) fn may_be_trouble(line: &[u8]) -> bool {
    found(&TROUBLE, line) || found(&FATAL, line) || found(&SERVER_ERROR, line) || found(&FIELD, line)
}

/// Where in `line` the words of trouble begin.
pub(super) fn trouble_at(line: &[u8]) -> Option<usize> {
    [&FATAL, &TROUBLE].into_iter().find_map(|pattern| Some(pattern.as_ref()?.find(line)?.start()))
}

pub(super) fn severity(line: &[u8]) -> Severity {
    let line = line.get(..LOOKED_AT).unwrap_or(line);
    judged(line, level(line))
}

/// How bad a journal entry of this priority is, a digit or a blank for one that says nothing.
pub(super) fn of_journal(message: &[u8], priority: u8) -> Severity {
    let message = message.get(..LOOKED_AT).unwrap_or(message);
    let level = if priority.is_ascii_digit() { Some(by_priority(priority - b'0')) } else { level(message) };
    judged(message, level)
}

fn by_priority(priority: u8) -> Severity {
    match priority & 7 {
        0..=2 => Severity::Fatal,
        3 => Severity::Error,
        4 => Severity::Trouble,
        _ => Severity::Quiet,
    }
}

fn judged(line: &[u8], level: Option<Severity>) -> Severity {
    let rest = match HEALTHY.as_ref() {
        Some(healthy) => healthy.replace_all(line, &b" "[..]),
        None => line.into(),
    };
    let words = if found(&FATAL, &rest) {
        Severity::Fatal
    } else if found(&TROUBLE, &rest) || found(&SERVER_ERROR, line) {
        Severity::Trouble
    } else if found(&ODD, &rest) {
        Severity::Odd
    } else {
        Severity::Plain
    };
    match (level, words) {
        (Some(level @ (Severity::Fatal | Severity::Error)), _) => level,
        (Some(Severity::Trouble), words) => words.clamp(Severity::Trouble, Severity::Error),
        // Information that speaks of trouble is still information; of an end, it is not.
        (Some(_), Severity::Fatal) => Severity::Error,
        (Some(_), Severity::Trouble) => Severity::Odd,
        (Some(_), Severity::Odd) => Severity::Plain,
        (Some(_), _) => Severity::Quiet,
        (None, words) => words,
    }
}

/// The level a line names.
fn level(line: &[u8]) -> Option<Severity> {
    if let Some(priority) = priority(line) {
        return Some(by_priority(priority));
    }
    if let Some(found) = KLOG.as_ref().and_then(|klog| klog.captures(line)) {
        return Some(match found.get(1).map(|letter| letter.as_bytes()) {
            Some(b"F") => Severity::Fatal,
            Some(b"E") => Severity::Error,
            Some(b"W") => Severity::Trouble,
            _ => Severity::Quiet,
        });
    }
    if let Some(found) = FIELD.as_ref().and_then(|field| field.captures(line))
        && let Some(level) = found.get(1).and_then(|name| by_name(name.as_bytes()))
    {
        return Some(level);
    }
    // The level stands near the beginning; further on it is a word like others.
    let beginning = line.get(..240).unwrap_or(line);
    let found = NAMED.as_ref()?.captures(beginning)?;
    found.iter().skip(1).flatten().find_map(|name| by_name(name.as_bytes()))
}

fn by_name(name: &[u8]) -> Option<Severity> {
    let name = name.to_ascii_lowercase();
    Some(match name.as_slice() {
        b"fatal" | b"panic" | b"dpanic" | b"emerg" | b"emergency" | b"alert" | b"critical" | b"crit"
        | b"60" => Severity::Fatal,
        b"error" | b"err" | b"severe" | b"fail" | b"50" => Severity::Error,
        b"warn" | b"warning" | b"40" => Severity::Trouble,
        b"notice" | b"info" | b"information" | b"informational" | b"debug" | b"trace" | b"verbose"
        | b"log" | b"dbug" | b"trce" | b"default" | b"10" | b"20" | b"30" => Severity::Quiet,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Severity, severity};

    #[test]
    fn every_known_form_of_a_level_is_read() {
        for (line, wanted) in [
            ("E0102 10:00:00.123456       1 reflector.go:138] x", Severity::Error),
            ("I0102 10:00:00.123456       1 server.go:5] x", Severity::Quiet),
            ("F0102 10:00:00.1       1 main.go:5] x", Severity::Fatal),
            ("[pod/a/b] W0102 10:00:00.1       1 main.go:5] x", Severity::Trouble),
            ("ts=1 level=error msg=x", Severity::Error),
            ("time=\"x\" level=\"fatal\" msg=y", Severity::Fatal),
            ("level=info msg=\"x\"", Severity::Quiet),
            (r#"{"level":"error","msg":"x"}"#, Severity::Error),
            (r#"{"severity":"CRITICAL","message":"x"}"#, Severity::Fatal),
            (r#"{"level":30,"time":1,"msg":"x"}"#, Severity::Quiet),
            (r#"{"level":50,"time":1,"msg":"x"}"#, Severity::Error),
            (r#"{"name":"a","level":60,"msg":"x"}"#, Severity::Fatal),
            ("<3>Jan  1 10:00:00 host sshd: x", Severity::Error),
            ("<30>Jan  1 10:00:00 host sshd: x", Severity::Quiet),
            ("2026/01/01 10:00:00 [error] 7#7: *1 upstream x", Severity::Error),
            ("[Thu Jan 01 10:00:00 2026] [core:error] [pid 1] x", Severity::Error),
            ("2026-01-01 10:00:00 UTC [1] FATAL:  role x", Severity::Fatal),
            ("2026-01-01 10:00:00 UTC [1] LOG:  checkpoint", Severity::Quiet),
            ("2026-01-01 10:00:00 UTC [1] PANIC:  x", Severity::Fatal),
            ("10:00:00.123 [main] ERROR c.e.App - x\r", Severity::Error),
            ("2026-01-01 10:00:00,123 - root - WARNING - x", Severity::Trouble),
            ("ERROR:root:x", Severity::Error),
            ("fail: Microsoft.AspNetCore[1]", Severity::Error),
            ("10.0.0.1 - - [x] \"GET / HTTP/1.1\" 503 12", Severity::Trouble),
            ("10.0.0.1 - - [x] \"GET / HTTP/1.1\" 200 503", Severity::Plain),
            ("method=GET path=/ status=502 took=1", Severity::Trouble),
            ("panic: runtime error: index out of range", Severity::Fatal),
            ("Killed process 12 (java) total-vm", Severity::Fatal),
            ("dial tcp 10.0.0.1:5432: connect: connection refused", Severity::Trouble),
            ("container exited with code 137", Severity::Trouble),
        ] {
            assert_eq!(severity(line.as_bytes()), wanted, "{line}");
        }
    }

    #[test]
    fn words_of_trouble_in_healthy_lines_count_less() {
        for line in [
            "scan done: 0 errors, 0 warnings",
            "request done error=null failed=0",
            r#"{"msg":"done","error":null,"errors":[],"failed":0}"#,
            "finished without errors",
            "no error found",
            "failures: 0, timeouts: 0",
            "job exited with code 0",
            "timeout=30s",
            "level=info msg=\"synced\" err=nil",
        ] {
            assert!(severity(line.as_bytes()) <= Severity::Plain, "{line}");
        }
        for line in ["3 errors", "failed=3", "error=EOF", "exited with code 1", "\"error\":\"x\""] {
            assert!(severity(line.as_bytes()) >= Severity::Trouble, "{line}");
        }
        assert!(severity(b"INFO retrying: connection refused") < severity(b"connection refused"));
    }
}
