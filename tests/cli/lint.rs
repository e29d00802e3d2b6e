//! `toolset lint`, `new`, `docs` through the binary: what authors and their pipelines see.

use std::path::Path;

use insta::assert_snapshot;
use serde_json::Value;

use crate::support::Bench;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

const MISTAKES: &str = include_str!("../fixtures/lint/mistakes.yaml");

#[test]
fn every_mistake_is_found_at_its_place() {
    let ran = Bench::new().file("mistakes.yaml", MISTAKES).run(["toolset", "lint", "mistakes.yaml"]).exits(1);
    assert_snapshot!(ran.stdout);
    assert_snapshot!(ran.stderr, @"1 file: 5 errors, 16 warnings, 11 notes");
}

#[test]
fn the_catalogue_of_the_project_is_clean() {
    let folder = root().join("toolsets");
    let ran =
        Bench::new().run(["toolset".as_ref(), "lint".as_ref(), "--strict".as_ref(), folder.as_os_str()]);
    assert_eq!(ran.code, Some(0), "errors in toolsets/:\n{}{}", ran.stdout, ran.stderr);
}

#[test]
fn programs_get_every_field_of_a_finding() {
    let text = "toolsets:\n  a/b:\n    description: d\n    tools:\n      - name: follow\n        description: d\n        \
                command: tail -f /x\n";
    let bench = Bench::new().file("t.yaml", text);
    let one = bench.run(["toolset", "lint", "t.yaml", "-o", "json"]).exits(0).json()[0].clone();
    let expected = serde_json::json!({
        "file": "t.yaml", "line": 7, "column": 18, "level": "warning", "code": "unbounded",
        "message": "`tail -f /x` does not end by itself", "remedy": "leave `-f` away: `tail -n 200`",
        "toolset": "a/b", "tool": "follow",
    });
    assert_eq!(one, expected);
    let lines = bench.run(["toolset", "lint", "t.yaml", "-o", "jsonl"]).exits(0).stdout;
    assert_eq!(serde_json::from_str::<Value>(lines.lines().next().unwrap()).unwrap(), expected);
    let strict = bench.run(["toolset", "lint", "--strict", "t.yaml"]).exits(1);
    assert!(strict.stdout.contains("error[unbounded]"), "{}", strict.stdout);
    assert_eq!(strict.stderr, "1 file: 1 error, 0 warnings, 0 notes\n");
}

#[test]
fn stdin_folders_and_paths_that_are_not_there() {
    let bench = Bench::new().file("folder/a.yaml", "toolsets: {}\n").file("empty/readme.md", "x");
    let ran = bench.run(["toolset", "lint", "folder"]).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "1 file: nothing to say\n"));
    for missing in ["none.yaml", "empty"] {
        let ran = bench.run(["toolset", "lint", missing]).exits(2);
        assert!(ran.stderr.starts_with("error: ") && ran.stderr.contains(missing), "{}", ran.stderr);
    }
    let ran = Bench::new().stdin("toolsets: [\n").run(["toolset", "lint", "-"]).exits(1);
    assert!(ran.stdout.starts_with("stdin:"), "{}", ran.stdout);
}

#[test]
fn hostile_files_end_with_a_finding_and_not_with_a_crash() {
    let nested =
        format!("toolsets:\n  a/b:\n    tools:\n      - {{name: x, command: '{}'}}\n", "$(".repeat(4000));
    let blocks = format!(
        "toolsets:\n  a/b:\n    tools:\n      - name: x\n        command: '{}'\n",
        "{% if x %}".repeat(3000)
    );
    let half = "toolsets:\n  a/b:\n    tools:\n      - name: x\n        command: \"echo '";
    for text in [
        b"\0\x01\x02".to_vec(),
        b"\xff\xfe".to_vec(),
        b"".to_vec(),
        b"- 1\n- 2\n".to_vec(),
        b"toolsets:\n  a/b: 3\n".to_vec(),
        b"toolsets:\n  a/b:\n    tools: {x: y}\n    prerequisites: 3\n".to_vec(),
        b"toolsets:\n  a/b:\n    tools:\n      - name: x\n        command: \"echo {{ '\"\n".to_vec(),
        b"toolsets:\n  a/b:\n    tools:\n      - name: x\n        command: \"\\u2028\\x1b]0;x\\a tail -f \xc3\xa9\"\n".to_vec(),
        nested.into_bytes(),
        blocks.into_bytes(),
        half.into(),
    ] {
        let ran = Bench::new().file("t.yaml", &text).run(["toolset", "lint", "t.yaml"]);
        assert!(matches!(ran.code, Some(0 | 1)), "{:?}: {ran:?}", String::from_utf8_lossy(&text));
        assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains("panicked"), "{ran:?}");
    }
}

#[test]
fn a_new_toolset_lints_clean_runs_and_is_never_overwritten() {
    let bench = Bench::new();
    let shown = bench.run(["toolset", "new", "payments/order-book"]).exits(0).stdout;
    let ran = bench.run(["toolset", "new", "payments/order-book", "--file", "orders.yaml"]).exits(0);
    assert_eq!((ran.stdout.as_str(), bench.read("orders.yaml")), ("", shown));
    assert!(ran.stderr.starts_with("wrote orders.yaml"), "{}", ran.stderr);
    let ran = bench.run(["toolset", "lint", "--strict", "orders.yaml"]).exits(0);
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "1 file: nothing to say\n"));
    let words = ["toolset", "run", "order_book_status", "-t", "orders.yaml", "--", "name=holmes-rs"];
    let ran = bench.run(words).exits(0);
    assert!(ran.stdout.contains("holmes-rs toolset run"), "{}", ran.stdout);
    let again = bench.run(["toolset", "new", "payments/order-book", "--file", "orders.yaml"]).exits(2);
    assert!(again.stderr.contains("is not overwritten"), "{}", again.stderr);
    for name in ["orders", "Pay/x", "a/b/c", "a/", "/b", "a b/c", "a/b\u{1b}[31m", ""] {
        let ran = bench.run(["toolset", "new", name]).exits(2);
        assert!(ran.stderr.contains("team/service") && !ran.stderr.contains('\u{1b}'), "{}", ran.stderr);
    }
}

#[test]
fn the_reference_is_printed_by_page_and_by_toolset() {
    let bench = Bench::new();
    let index = bench.run(["toolset", "docs"]).exits(0).stdout;
    let page = bench.run(["toolset", "docs", "host"]).exits(0).stdout;
    assert!(index.contains("[host/core](host.md#hostcore)") && page.contains("\n## host/core\n"), "{index}");
    assert_eq!(bench.run(["toolset", "docs", "host/core"]).exits(0).stdout, page);
    let ran = bench.run(["toolset", "docs", "host/cor"]).exits(2);
    assert!(ran.stderr.contains("did you mean `host/core`?"), "{}", ran.stderr);
}

#[test]
fn the_reference_overwrites_nothing_that_it_did_not_write() {
    let bench = Bench::new().file("d/mine.md", "mine").file("victim", "precious");
    std::os::unix::fs::symlink(bench.path("victim"), bench.path("d/host.md")).unwrap();
    let write = || bench.run(["toolset", "docs", "--write", "d"]);
    let ran = write().exits(1);
    assert!(ran.stderr.contains("`host.md` is there and is none of these pages"), "{}", ran.stderr);
    assert!(bench.read("victim") == "precious" && !bench.path("d/README.md").exists());
    std::fs::remove_file(bench.path("d/host.md")).unwrap();
    write().exits(0);
    // Again, over its own pages.
    write().exits(0);
    assert_eq!(bench.read("d/mine.md"), "mine");
}

#[test]
fn a_pipe_is_read_and_one_that_nobody_writes_to_ends_in_time() {
    let bench = Bench::new();
    let pipe = bench.path("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let ran = bench.run(["toolset", "lint", "pipe"]).exits(1);
    assert_eq!(ran.stderr, "error: cannot read `pipe`: it is a pipe that did not end within 10 seconds\n");
    let writer = std::thread::spawn(move || std::fs::write(pipe, "toolsets: {}\n").unwrap());
    let ran = bench.run(["toolset", "lint", "pipe"]).exits(0);
    assert_eq!(ran.stderr, "1 file: nothing to say\n");
    writer.join().unwrap();
}
