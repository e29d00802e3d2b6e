//! Each detector against objects as a cluster gives them: what is sick gives exactly the findings of the fixture, and
//! its healthy twin none.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Finding, Focus, detect};
use crate::cluster::Snapshot;

fn snapshot(objects: &Value, missing: &Value) -> Snapshot {
    let mut snapshot = Snapshot::parse(json!({"items": objects}).to_string().as_bytes()).unwrap();
    let lines = missing.as_array().into_iter().flatten();
    snapshot.missing = lines.map(|line| line.as_str().unwrap().to_owned()).collect();
    snapshot
}

fn shown(findings: &[Finding]) -> Vec<String> {
    let mut lines = Vec::new();
    for finding in findings {
        let times = if finding.others.is_empty() {
            String::new()
        } else {
            format!(" (×{})", finding.others.len() + 1)
        };
        lines.push(format!(
            "{} {} {}{times}: {}",
            finding.severity.word(),
            finding.detector,
            finding.object,
            finding.what
        ));
        lines.extend(finding.evidence.iter().map(|(path, value)| format!("  {path}: {value}")));
        lines.extend(finding.cause_of.iter().map(|effect| format!("  cause of {effect}")));
    }
    lines
}

fn fixtures() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/detectors");
    let mut found: Vec<(String, Value)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn now(fixture: &Value) -> Timestamp {
    fixture["now"].as_str().unwrap().parse().unwrap()
}

#[test]
fn the_sick_are_found_and_their_healthy_twins_are_left_alone() {
    let mut complaints = Vec::new();
    let fixtures = fixtures();
    assert!(fixtures.len() > 40, "only {} fixtures", fixtures.len());
    for (name, fixture) in fixtures {
        let sick = shown(&detect(&snapshot(&fixture["sick"], &fixture["missing"]), now(&fixture), None));
        let expected: Vec<&str> =
            fixture["findings"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        if sick != expected {
            complaints.push(format!("{name}: sick gives\n{}", json!(sick)));
        }
        let healthy = shown(&detect(&snapshot(&fixture["healthy"], &json!([])), now(&fixture), None));
        if !healthy.is_empty() {
            complaints.push(format!("{name}: healthy gives\n{}", healthy.join("\n")));
        }
    }
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

fn pods(count: usize) -> Value {
    let status = json!({
        "phase": "Running", "startTime": "2026-11-21T11:00:00Z",
        "containerStatuses": [{
            "name": "app", "ready": false, "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff"}},
            "lastState": {"terminated": {"reason": "OOMKilled", "exitCode": 137}},
        }],
    });
    let pod = |at: usize| {
        json!({
            "kind": "Pod",
            "metadata": {
                "name": format!("api-{at:05}"), "namespace": "shop",
                "ownerReferences": [{"kind": "ReplicaSet", "name": "api-7d9", "controller": true}],
            },
            "spec": {"containers": [{"name": "app"}]},
            "status": status,
        })
    };
    (0..count).map(pod).collect()
}

#[test]
fn thousands_of_pods_with_one_fault_are_one_finding() {
    let snapshot = snapshot(&pods(5_000), &json!([]));
    let findings = detect(&snapshot, "2026-11-21T18:00:00Z".parse().unwrap(), None);
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].object, "pod/shop/api-00000");
    assert_eq!(findings[0].others.len(), 4_999);
}

#[test]
fn what_the_focus_is_about_comes_first_among_equals() {
    let mut objects = pods(2);
    objects[0]["metadata"]["ownerReferences"][0]["name"] = json!("aaa");
    let snapshot = snapshot(&objects, &json!([]));
    let about = |kind: &str, name: &str| Focus {
        namespace: "shop".to_owned(),
        kind: kind.to_owned(),
        name: name.to_owned(),
    };
    let first = |focus: Option<&Focus>| {
        detect(&snapshot, "2026-11-21T18:00:00Z".parse().unwrap(), focus)[0].object.clone()
    };
    assert_eq!(first(None), "pod/shop/api-00000");
    assert_eq!(first(Some(&about("pod", "api-00001"))), "pod/shop/api-00001");
    assert_eq!(first(Some(&about("replicaset", "api-7d9"))), "pod/shop/api-00001");
    assert_eq!(first(Some(&about("deployment", "unknown"))), "pod/shop/api-00000");
}

#[test]
fn owners_in_a_circle_and_causes_in_a_circle_end() {
    let object = |kind: &str, name: &str, owner: (&str, &str)| {
        json!({
            "kind": kind, "spec": {"replicas": 1},
            "metadata": {"name": name, "namespace": "shop", "ownerReferences": [{"kind": owner.0, "name": owner.1}]},
            "status": {"conditions": [{"type": "ReplicaFailure", "status": "True", "message": "no"}]},
        })
    };
    let circle = json!([
        object("ReplicaSet", "a", ("ReplicaSet", "b")),
        object("ReplicaSet", "b", ("ReplicaSet", "a")),
        object("ReplicaSet", "c", ("ReplicaSet", "c")),
    ]);
    let findings = detect(&snapshot(&circle, &json!([])), "2026-11-21T18:00:00Z".parse().unwrap(), None);
    assert_eq!(findings.len(), 3);
}

/// Replaces the value at the place `at`, counted in order of the text, by `by`.
fn mangle(value: &mut Value, at: &mut usize, by: &Value) {
    if *at == 0 {
        *value = by.clone();
        *at = usize::MAX;
        return;
    }
    *at -= 1;
    match value {
        Value::Array(list) => list.iter_mut().for_each(|one| mangle(one, at, by)),
        Value::Object(map) => map.values_mut().for_each(|one| mangle(one, at, by)),
        _ => {}
    }
}

static ALL: LazyLock<Vec<(String, Value)>> = LazyLock::new(fixtures);

fn odd() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[], {}, null, "x", 1])),
        Just(json!({"": {"": []}})),
        Just(json!(i64::MIN)),
        Just(json!(u64::MAX)),
        Just(json!(1e300)),
        Just(json!("-009999-01-02T01:59:59Z")),
        Just(json!("9999-12-30T22:00:00.999999999Z")),
        Just(json!("\u{1b}[31m\u{202e}é\n\0/~1")),
        Just(json!("x".repeat(5_000))),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn mangled_objects_never_panic(
        changes in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..400, odd()), 1..6),
    ) {
        for (which, at, by) in changes {
            let (_, fixture) = which.get(&ALL);
            let mut sick = fixture["sick"].clone();
            mangle(&mut sick, &mut at.clone(), &by);
            let snapshot = snapshot(&sick, &json!([]));
            for finding in detect(&snapshot, now(fixture), None) {
                prop_assert!(finding.evidence.len() <= 12 && finding.what.chars().count() < 2_000);
            }
        }
    }
}
