//! Runs are recorded while they happen, and read back as far as their records go.

use serde_json::json;

use crate::support::Bench;

const RUNS: &str = ".local/state/holmes-rs/runs";

fn recorded() -> Bench {
    let bench = Bench::new()
        .tools(&[("look", "echo 'disk 100% full'")])
        .model(json!([{"call": [{"tool": "look", "arguments": {}}]}, {"say": "Root cause: full [E1:1]"}]));
    let _ = bench.run(["ask", "why\nis it red?", "-t", "tools.yaml"]).exits(0);
    bench
}

#[test]
fn a_run_is_listed_and_shown_in_every_form() {
    let bench = recorded();
    let list = bench.run(["run", "list", "-o", "json"]).exits(0).json();
    let id = list[0]["run_id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&list[0]["question"], &list[0]["model"], &list[0]["tool_calls"]),
        (&json!("why\nis it red?"), &json!("scripted"), &json!(1))
    );
    let table = bench.run(["run", "list"]).exits(0).stdout;
    assert!(table.starts_with("RUN ") && table.contains("why is it red?"), "{table}");
    for name in ["last", &id, &id[..13]] {
        let shown = bench.run(["run", "show", name]).exits(0).stdout;
        assert!(
            shown.starts_with("# why is it red?\n")
                && shown.contains("look")
                && shown.contains("Root cause: full"),
            "{shown}"
        );
        assert!(!shown.contains("1 | disk 100% full"), "{shown}");
    }
    let shown = bench.run(["run", "show", "last", "--show-tool-output", "-o", "markdown"]).exits(0).stdout;
    assert!(shown.contains("1 | disk 100% full"), "{shown}");
    let whole = bench.run(["run", "show", "last", "-o", "json"]).exits(0).json();
    let lines = bench.run(["run", "show", "last", "-o", "jsonl"]).exits(0).stdout;
    assert_eq!(whole["events"].as_array().unwrap().len(), lines.lines().count());
    assert_eq!(whole["events"][0]["event"], "run_started");
    assert!(bench.run(["run", "show", "last", "-o", "html"]).exits(2).stderr.contains("`html`"));
}

#[test]
fn what_is_on_disk_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let bench = recorded();
    let run = std::fs::read_dir(bench.path(RUNS)).unwrap().next().unwrap().unwrap().path();
    for (path, mode) in [(run.clone(), 0o700), (run.join("events.jsonl"), 0o600)] {
        assert_eq!(
            std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            mode,
            "{}",
            path.display()
        );
    }
    assert_eq!(std::fs::read_to_string(run.join("exhibits/E1.out")).unwrap(), "disk 100% full\n");
}

#[test]
fn records_that_are_cut_off_or_no_records_are_shown_as_far_as_they_go() {
    let bench = Bench::new()
        .file(format!("{RUNS}/20200101-000000-aaaa/events.jsonl").as_str(), "{\"event\":\"run_started\",\"run_id\":\"x\",\"question\":{\"text\":\"why\"},\"model\":\"m\",\"started_at\":\"2020-01-01T00:00:00Z\"}\n{\"event\":\"conc")
        .file(format!("{RUNS}/20200102-000000-bbbb/events.jsonl").as_str(), "")
        .file(format!("{RUNS}/20200103-000000-cccc/events.jsonl").as_str(), b"\xff\xfe\x00garbage\n\xc3\n")
        .file(format!("{RUNS}/stray/other.txt").as_str(), "");
    let list = bench.run(["run", "list", "-o", "json"]).exits(0).json();
    assert_eq!(list.as_array().unwrap().len(), 3);
    let table = bench.run(["run", "list"]).exits(0).stdout;
    assert_eq!(table.matches("cut off").count(), 3, "{table}");
    let shown = bench.run(["run", "show", "20200101"]).exits(0);
    assert!(
        shown.stdout.contains("# why") && shown.stdout.contains("ends before an answer"),
        "{}",
        shown.stdout
    );
    assert_eq!(shown.stderr, "warning: 1 line of the record cannot be read and is left out\n");
    let shown = bench.run(["run", "show", "20200102"]).exits(0);
    assert!(shown.stdout.starts_with("# (no question is recorded)\n"), "{}", shown.stdout);
    let shown = bench.run(["run", "show", "20200103"]).exits(0);
    assert!(shown.stderr.contains("2 lines"), "{}", shown.stderr);
    let several = bench.run(["run", "show", "2020"]).exits(1);
    assert!(several.stderr.contains("beginning of 3 runs: `20200103-000000-cccc`"), "{}", several.stderr);
    for unknown in ["nowhere", "", "../../../x"] {
        let ran = bench.run(["run", "show", unknown]).exits(1);
        assert!(ran.stderr.contains("there is no run") && ran.stderr.contains("run list"), "{}", ran.stderr);
    }
}

#[test]
fn runs_that_never_began_or_were_not_wanted_leave_nothing() {
    let bench = recorded().with_catalogue();
    let before = std::fs::read_dir(bench.path(RUNS)).unwrap().count();
    let _ = bench.run(["ask", "why", "-t", "nowhere.yaml"]).exits(2);
    let _ = bench.run(["ask", "why", "--toolset", "nothing"]).exits(2);
    let ran = bench.run(["ask", "why", "-f", "nowhere.log"]).exits(1);
    assert_eq!(ran.stderr, "error: attached file `nowhere.log` cannot be read: No such file or directory\n");
    assert_eq!(std::fs::read_dir(bench.path(RUNS)).unwrap().count(), before);
    let bench = Bench::new().model(json!([{"say": "done"}]));
    let _ = bench.run(["ask", "why", "--no-record"]).exits(0);
    assert!(!bench.path(".local").exists());
}

#[test]
fn a_state_folder_that_cannot_be_written_costs_the_record_not_the_answer() {
    let bench = Bench::new()
        .file("state", "a file")
        .env("HOLMES_STATE_FOLDER", "state")
        .model(json!([{"say": "done"}]));
    let ran = bench.run(["ask", "why"]).exits(0);
    assert!(ran.stdout.starts_with("done") && ran.stderr.contains("not recorded"), "{}", ran.stderr);
    let ran = Bench::new().run(["run", "list"]).exits(0);
    assert!(ran.stdout.is_empty() && ran.stderr.contains("no runs are recorded"), "{}", ran.stderr);
}
