//! `policy explain` and the `bash` tool, through the binary: what only reads runs as it was judged, the rest does not run.

use serde_json::{Value, json};

use crate::support::Bench;

#[test]
fn a_line_is_explained_part_by_part_and_nothing_runs() {
    let bench = Bench::new();
    let ran = bench.run(["policy", "explain", "-o", "json", "--", "touch trace; ls | wc -l"]).exits(0);
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(told["verdict"], "change");
    let parts: Vec<&str> =
        told["parts"].as_array().unwrap().iter().filter_map(|p| p["verdict"].as_str()).collect();
    assert_eq!(parts, ["change", "read", "read"]);
    assert!(told["parts"][0]["rule"].as_str().unwrap().starts_with("core.yaml: touch"), "{told}");
    assert!(!bench.path("trace").exists());
    let ran = bench.run(["policy", "explain", "echo $HOME"]).exits(0);
    assert!(ran.stdout.contains("needs bash (a variable)"), "{}", ran.stdout);
}

#[test]
fn what_reads_runs_with_exactly_the_words_that_were_judged() {
    let bench = Bench::new();
    let call = r#"command=printf '[%s]' 'a  b' "c'd" \$HOME '$(id)' '*' '' | cat && nosuchprogram 2>/dev/null || echo fell"#;
    // The program is not known, so a person types it: that is the approval, and it has a plan.
    let ran = bench.run(["toolset", "run", "bash", "--raw", "--", call]).exits(0);
    assert_eq!(ran.stdout, "[a  b][c'd][$HOME][$(id)][*][]fell\n");
}

#[test]
fn a_model_reads_at_once_and_changes_nothing() {
    let bench = Bench::new().model(json!([
        {"call": [{"tool": "bash", "arguments": {"command": "touch trace"}},
                  {"tool": "bash", "arguments": {"command": "ls >trace"}},
                  {"tool": "bash", "arguments": {"command": "echo $(touch trace)"}},
                  {"tool": "bash", "arguments": {"command": "seq 3 | tail -n 1 | sed s/3/three/"}}]},
        {"say": "Nothing could be found."},
    ]));
    let ran = bench.run(["ask", "what is there?", "--toolset", "bash/core"]);
    assert!(!bench.path("trace").exists(), "{}", ran.stderr);
    let told = bench.scripted().requests().last().unwrap().body.to_string();
    assert!(told.contains("needs a person's approval") && told.contains("three"), "{told}");
}

#[test]
fn settings_and_flags_widen_and_narrow_it() {
    let run = |config: &str, flags: &[&str], command: &str| {
        let bench = Bench::new()
            .file("t.yaml", format!("toolsets:\n  bash:\n    enabled: true\n    config: {config}\n"))
            .model(json!([
                {"call": [{"tool": "bash", "arguments": {"command": command}}]},
                {"say": "Nothing could be found."},
            ]));
        let words = ["ask", "what?", "-t", "t.yaml", "--toolset", "bash/core"].iter().chain(flags).copied();
        let _ = bench.run(words.collect::<Vec<_>>());
        bench.path("trace").exists()
    };
    assert!(!run("{}", &[], "touch trace"));
    assert!(run("{allow: [touch]}", &[], "touch trace"));
    assert!(!run("{allow: [touch], deny: [touch trace]}", &[], "touch trace"));
    assert!(!run("{allow: [sudo, ls, timeout]}", &[], "ls; timeout 5 touch trace"));
    assert!(run("{}", &["--bash-always-allow"], "touch $(echo trace)"));
    assert!(!run("{deny: [touch]}", &["--bash-always-allow"], "timeout 5 touch trace"));
    assert!(!run("{}", &["--bash-always-deny"], "touch trace"));
}
