//! git/core on a repository made here, an honest one and a hostile one.

use std::path::Path;
use std::process::Command;

use crate::support::peer::program;
use crate::support::{Bench, Ran};

/// Runs git in the repository, without the settings of the person who runs the tests.
fn git(bench: &Bench, args: &[&str]) {
    let mut command = Command::new("git");
    bench.surround(&mut command);
    let output = command.args(args).current_dir(bench.path("shop")).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Two commits, three days apart.
fn repository() -> Option<Bench> {
    program("git")?;
    let mut bench = Bench::new()
        .env("GIT_AUTHOR_NAME", "Ann")
        .env("GIT_AUTHOR_EMAIL", "ann@example.com")
        .env("GIT_COMMITTER_NAME", "Ann")
        .env("GIT_COMMITTER_EMAIL", "ann@example.com")
        .file("shop/app.conf", "host=db\npool=30\ntimeout=5\n");
    git(&bench, &["init", "-q", "."]);
    for (time, edit) in [("2026-03-01T10:00:00Z", false), ("2026-03-04T15:00:00Z", true)] {
        if edit {
            bench = bench
                .file("shop/app.conf", "host=db\npool=3\ntimeout=5\n")
                .file("shop/docs/it's here.txt", "odd name\n");
        }
        bench = bench.env("GIT_AUTHOR_DATE", time).env("GIT_COMMITTER_DATE", time);
        git(&bench, &["add", "."]);
        git(&bench, &["commit", "-q", "-m", if edit { "Lower the pool" } else { "First" }]);
    }
    Some(bench.folder("shop"))
}

fn tool(bench: &Bench, name: &str, params: &[&str]) -> Ran {
    bench.run([&["toolset", "run", name, "--raw", "--"], params].concat())
}

#[test]
fn history_answers_what_changed_between_two_times() {
    let Some(bench) = repository() else { return };
    let log = tool(&bench, "git_log", &["since=2026-03-02", "search=pool"]).exits(0).stdout;
    assert!(log.contains("Lower the pool") && log.contains("app.conf"), "{log}");
    assert!(!log.contains("First"), "{log}");
    let diff = tool(&bench, "git_diff", &["from=2026-03-02"]).exits(0).stdout;
    assert!(diff.contains("-pool=30") && diff.contains("+pool=3"), "{diff}");
    let names = tool(&bench, "git_diff", &["from=HEAD~1", "names_only=true"]).exits(0).stdout;
    assert!(names.contains("app.conf") && !names.contains("+pool"), "{names}");
    let blame = tool(&bench, "git_blame", &["filepath=app.conf", "since=2026-03-02"]).exits(0).stdout;
    assert!(blame.lines().any(|line| !line.starts_with('^') && line.contains("pool=3")), "{blame}");
    let show = tool(&bench, "git_show", &["commit=HEAD", "path=app.conf"]).exits(0).stdout;
    assert!(show.contains("Lower the pool") && !show.contains("odd name"), "{show}");
}

/// To git itself a bare day means that day at this hour, and what it cannot read means now.
#[test]
fn days_are_whole_and_what_is_no_time_says_so() {
    let Some(bench) = repository() else { return };
    let day = tool(&bench, "git_log", &["since=2026-03-01", "until=2026-03-01"]).exits(0).stdout;
    assert!(day.contains("First") && !day.contains("Lower"), "{day}");
    let said = tool(&bench, "git_log", &["since=1772360000", "until=2026-03-02T00:00"]).exits(0).stdout;
    assert!(!said.contains("Lower"), "{said}");
    for ago in ["until=2 hours ago", "until=2h", "until=90min", "until=yesterday"] {
        assert!(tool(&bench, "git_log", &[ago]).exits(0).code.is_some(), "{ago}");
    }
    let refused = tool(&bench, "git_log", &["since=garbage"]).exits(1);
    assert!(refused.stderr.contains("no time: garbage"), "{}", refused.stderr);
}

#[test]
fn a_file_is_followed_through_its_names_and_a_shallow_clone_says_so() {
    let Some(bench) = repository() else { return };
    git(&bench, &["mv", "app.conf", "pool.conf"]);
    git(&bench, &["commit", "-q", "-m", "Rename"]);
    let log = tool(&bench, "git_log", &["path=pool.conf"]).exits(0).stdout;
    assert!(log.contains("Rename") && log.contains("Lower the pool") && log.contains("First"), "{log}");
    let source = format!("file://{}", bench.path("shop").display());
    git(&bench, &["clone", "-q", "--depth", "1", &source, "../shallow"]);
    let bench = bench.folder("shallow");
    let log = tool(&bench, "git_log", &[]).exits(0).stdout;
    assert!(log.contains("a shallow clone") && !log.contains("First"), "{log}");
    let refused = tool(&bench, "git_diff", &["from=2026-03-02"]).exits(1);
    assert!(refused.stdout.contains("a shallow clone"), "{}", refused.stdout);
}

#[test]
fn files_are_read_as_they_were_committed() {
    let Some(bench) = repository() else { return };
    let file = tool(&bench, "git_read_file_with_line_numbers", &["filepath=docs/it's here.txt"]);
    assert!(file.exits(0).stdout.contains("1  odd name"));
    let old = ["filepath=app.conf", "ref=HEAD~1", "start_line=2", "end_line=2"];
    assert!(tool(&bench, "git_read_file_with_line_numbers", &old).exits(0).stdout.contains("2  pool=30"));
    let names = tool(&bench, "git_list_files", &["name=CONF"]).exits(0).stdout;
    assert_eq!(names.trim(), "app.conf");
}

#[test]
fn what_is_no_ref_says_so() {
    let Some(bench) = repository() else { return };
    let written = bench.path("written");
    let option = format!("ref=--output={}", written.display());
    let refused = tool(&bench, "git_log", &[&option]);
    assert!(
        refused.code != Some(0) && refused.stderr.contains("does not begin with `-`"),
        "{}",
        refused.stderr
    );
    assert!(!written.exists());
    assert!(tool(&bench, "git_diff", &["from=nope"]).exits(1).stdout.contains("no ref and no time"));
    let bare = bench.folder("elsewhere").file("elsewhere/empty", "");
    assert!(tool(&bare, "git_log", &[]).exits(1).stdout.contains("not a git repository"));
}

#[test]
fn a_hostile_repository_runs_nothing() {
    let Some(bench) = repository() else { return };
    let mark = bench.path("mark");
    let bench = bench
        .file("evil", format!("#!/bin/sh\ntouch '{}'\n", mark.display()))
        .env("HOLMES_CONTAINMENT", "off");
    let evil = bench.path("evil").display().to_string();
    make_executable(&bench.path("evil"));
    let keys = ["core.fsmonitor", "core.pager", "core.sshCommand", "diff.external", "gpg.program"];
    let drivers = ["diff.x.command", "diff.x.textconv", "filter.x.clean", "filter.x.smudge"];
    for key in keys.iter().chain(&drivers) {
        git(&bench, &["config", key, &evil]);
    }
    git(&bench, &["config", "log.showSignature", "true"]);
    let bench = bench.file("shop/.git/info/attributes", "* diff=x filter=x\n");
    for (name, params) in [
        ("git_log", &["search=pool"][..]),
        ("git_show", &["commit=HEAD"]),
        ("git_diff", &["from=HEAD~1"]),
        ("git_blame", &["filepath=app.conf"]),
        ("git_read_file_with_line_numbers", &["filepath=app.conf"]),
        ("git_list_files", &[]),
    ] {
        let ran = tool(&bench, name, params).exits(0);
        assert!(!mark.exists(), "{name} ran the repository's program: {}", ran.stdout);
    }
    bench.run(["toolset", "check", "git/core"]).exits(0);
    assert!(!mark.exists(), "the prerequisite ran the repository's program");
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
