//! The rules against logs of real programs (`tests/fixtures/rules/logs`), as they are piped in at 3 am.

use super::tests::{quiet, show, text};

/// Log, words of the root cause, words of the line that must be quoted.
const TROUBLE: &[(&str, &str, &str)] = &[
    ("nginx-error", "10.0.3.17:8080", "connect() failed (111: Connection refused)"),
    ("postgres-wal", "disk is full", "PANIC:  could not write to file"),
    ("mysql-innodb", "lock ./ibdata1", "Unable to lock ./ibdata1"),
    ("redis-misconf", "permission denied", "Permission denied"),
    ("spring-caused-by", "no password was provided", "no password was provided"),
    ("java-npe", "NullPointerException", "\"tariff\" is null"),
    ("python-traceback", "TypeError", "TypeError: unsupported operand"),
    ("python-chained", "refuse", "refused"),
    ("node-typeerror", "TypeError", "Cannot read properties of undefined"),
    ("go-nil", "nil pointer dereference", "panic: runtime error"),
    ("rust-unwrap", "src/config.rs:41:39", "panicked at src/config.rs:41:39"),
    ("systemd-unit", "No module named 'gevent'", "No module named 'gevent'"),
    ("kernel-oom", "ran out of memory and the kernel killed `postgres`", "Killed process 1822 (postgres)"),
    ("dockerd", "overlay2", "failed to start daemon"),
    ("kubelet-cni", "cni plugin not initialized", "cni plugin not initialized"),
    ("sshd-guessing", "ssh logins", "Failed password for invalid user"),
    ("apt-lock", "unattended-upgr", "It is held by process 3211"),
    ("apt-dpkg", "nginx", "error processing package nginx"),
    ("ssl-handshake", "certificate", "CertificateExpiredException"),
    ("dns-servfail", "payments.example.com", "payments.example.com"),
    ("disk-io", "`sdb`", "dev sdb"),
    ("terraform", "Cannot upgrade postgres from 14.9 to 16.4", "InvalidParameterCombination"),
    ("ci-tests", "cart::rounds_half_even", "cart::rounds_half_even"),
    ("npm-eresolve", "dependency tree", "ERESOLVE unable to resolve"),
    ("pip-nomatch", "shoplib==9.9.9", "satisfies the requirement shoplib==9.9.9"),
    ("cargo-build", "borrow of moved value", "error[E0382]"),
    ("git-push", "Protected branch update failed", "GH006"),
    ("git-denied", "publickey", "Permission denied (publickey)"),
    ("rabbitmq", "memory", "memory resource limit alarm set"),
    ("kafka", "InconsistentClusterIdException", "doesn't match stored clusterId"),
    ("elasticsearch", "flood", "flood"),
    ("haproxy", "be_app", "be_app has no server available"),
    ("dotnet", "InvalidOperationException", "Unhandled exception."),
    ("ruby", "NoMethodError", "undefined method `amount'"),
    ("mount", "cannot be mounted: Connection timed out", "mount.nfs"),
    ("php", "mb_strlen()", "PHP Fatal error"),
    ("etcd", "port 2380 is already in use", "address already in use"),
    ("docker-port", "port 8080 is already in use", "port is already allocated"),
    ("mongo", "/data/db/WiredTiger.turtle", "Permission denied"),
    ("gitlab", "openssl/ssl.h", "fatal error: openssl/ssl.h"),
    ("helm", "another operation", "UPGRADE FAILED"),
    ("ansible", "No package matching 'nginxx'", "No package matching"),
    ("segv", "`imgproc` crashed", "segfault at 0"),
    ("unknown-fatal", "lost phase lock on coil 3", "FATAL flux capacitor"),
];

/// Logs that end well or only look like trouble.
const FINE: &[&str] = &[
    "ok-recovers-redis",
    "ok-recovers-retry",
    "ok-recovers-postgres",
    "ok-words",
    "ok-kernel",
    "ok-access",
    "ok-cargo",
    "ok-cron",
    "ok-gc",
    "ok-nginx",
];

fn ask(log: &str) -> serde_json::Map<String, serde_json::Value> {
    let mut machine = quiet();
    let path = machine.folder.join(format!("../logs/{log}.log"));
    machine.ask_about("what went wrong?", &[&std::fs::read_to_string(path).unwrap()])
}

#[test]
fn each_log_of_trouble_gets_its_cause_and_its_line() {
    let mut wrong = Vec::new();
    for (log, cause, line) in TROUBLE {
        let answer = ask(log);
        let quoted = answer["findings"].as_array().unwrap().iter().any(|finding| {
            let quote = finding["quote"].as_str().unwrap();
            quote.contains(line) && quote.chars().count() <= 200
        });
        let said = text(&answer, "root_cause");
        let right = text(&answer, "verdict") == "problem_found" && said.contains(cause) && quoted;
        if !right || said.chars().count() > 240 {
            wrong.push(format!("{log}: {} · {said} · {}", text(&answer, "verdict"), show(&answer)));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), TROUBLE.len(), wrong.join("\n"));
}

#[test]
fn logs_that_end_well_are_no_problem_found() {
    let mut wrong = Vec::new();
    for log in FINE {
        let answer = ask(log);
        let recovers = log.contains("recovers");
        let verdict = text(&answer, "verdict");
        if verdict == "problem_found" || recovers && verdict != "no_problem" {
            wrong.push(format!("{log}: {}", show(&answer)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn error_lines_no_rule_describes_are_shown_with_their_number() {
    let answer = ask("unknown-errors");
    assert_eq!(text(&answer, "verdict"), "inconclusive", "{}", show(&answer));
    let finding = &answer["findings"][0];
    assert!(finding["claim"].as_str().unwrap().contains("3 lines"), "{}", show(&answer));
    assert!(finding["quote"].as_str().unwrap().contains("page 118"), "{}", show(&answer));
    let answer = ask("json-app");
    assert!(show(&answer).contains("card_declined rate exceeded"), "{}", show(&answer));
}
