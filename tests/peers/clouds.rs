//! gh, gcloud and az ask services nobody has here. A program of the same name stands in: what it is called with,
//! that every prompt is off, and that no question could be answered. Not for what their services say.

use std::os::unix::fs::PermissionsExt as _;

use crate::stand_in::{says, tool};
use crate::support::Bench;

/// Prints `answer` and writes its arguments, the variables that silence it, and what it could read, to `calls`.
fn standing_in(name: &str, answer: &str) -> Bench {
    let script = format!(
        "#!/bin/bash\n{{ echo CALL; printf '<%s>\\n' \"$@\"; env | grep -E '^(GH_|AZURE_|CLOUDSDK_)' | sort; \
         printf 'stdin:%s\\n' \"$(cat)\"; }} >>\"$HOME/calls\"\nprintf '%s\\n' '{answer}'\n"
    );
    let place = format!("bin/{name}");
    let bench = Bench::new().file(&place, script);
    std::fs::set_permissions(bench.path(&place), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bench.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    bench.env("PATH", path).env("HOLMES_CONTAINMENT", "off")
}

fn called(bench: &Bench, parts: &[&str]) {
    let calls = bench.read("calls");
    for part in parts {
        assert!(calls.contains(part), "no `{part}` in: {calls}");
    }
    assert!(calls.lines().all(|line| !line.starts_with("stdin:") || line == "stdin:"), "{calls}");
}

#[test]
fn gh_reads_by_get_and_never_asks() {
    let bench = standing_in("gh", r#"{"total_count": 1, "items": [{"number": 7, "state": "open", "updated_at": "2026-03-01", "user": {"login": "ann"}, "title": "pay times out", "labels": []}]}"#)
        .env("GH_TOKEN", "t0ken");
    let ran = tool(&bench, "github_issues", &["repo=shop/pay", "search=-label:wontfix timeout"]);
    says(ran, &["1 issues", "#7", "pay times out"]);
    called(
        &bench,
        &[
            "<api>\n<--method>\n<GET>\n<search/issues>",
            "<q=repo:shop/pay is:issue -label:wontfix timeout>",
            "GH_PROMPT_DISABLED=1",
        ],
    );
    let refused = tool(&bench, "github_issues", &["repo=../../user", "search=x"]);
    assert_ne!(refused.code, Some(0), "{}", refused.stdout);
}

#[test]
fn gcloud_lists_and_never_asks() {
    let bench = standing_in("gcloud", "[]");
    let ran = tool(&bench, "gcloud_gke", &["project=shop-prod"]);
    says(ran, &["no GKE cluster"]);
    called(
        &bench,
        &[
            "<container>\n<clusters>\n<list>\n<--format=json>\n<--quiet>\n<--project=shop-prod>",
            "CLOUDSDK_CORE_DISABLE_PROMPTS=1",
        ],
    );
}

#[test]
fn az_lists_and_never_asks() {
    let bench = standing_in("az", "[]");
    let ran = tool(&bench, "azure_activity_log", &["actor=ann@example.com", "since=6h", "subscription=s1"]);
    says(ran, &["nothing in this window"]);
    called(
        &bench,
        &[
            "<monitor>\n<activity-log>\n<list>\n<--start-time>\n<20",
            "Z>\n<--end-time>\n<20",
            "<--caller>\n<ann@example.com>\n<--output>\n<json>\n<--subscription>\n<s1>",
            "AZURE_CORE_DISABLE_CONFIRM_PROMPT=1",
            "AZURE_EXTENSION_USE_DYNAMIC_INSTALL=no",
        ],
    );
}
