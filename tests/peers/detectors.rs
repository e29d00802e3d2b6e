//! The detectors against a real cluster: each object of the namespace `faults` is found, the shop's healthy ones are
//! not.

use holmes_rs::tools::{KubernetesFindings, Tool as _};
use serde_json::json;

/// What the tool says of a namespace, or a loud skip.
fn findings(namespace: &str) -> Option<String> {
    let Some(config) = std::env::var("HOLMES_TEST_KUBECONFIG").ok().filter(|path| !path.is_empty()) else {
        println!("SKIPPED: HOLMES_TEST_KUBECONFIG names no cluster");
        return None;
    };
    let path = std::env::var("PATH").unwrap();
    let folder = tempfile::tempdir().unwrap();
    // kubectl keeps its cache there.
    let home = folder.path().to_string_lossy().into_owned();
    let environment = [("PATH", path), ("HOME", home), ("KUBECONFIG", config)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let tool = KubernetesFindings::new(environment.into());
    let output = folder.path().join("out");
    let (_keep, stop) = tokio::sync::watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let params = json!({"namespace": namespace});
    let outcome = runtime.block_on(tool.run(params.as_object().unwrap(), &output, stop));
    assert_eq!(outcome.error, None);
    let text = std::fs::read_to_string(output).unwrap();
    println!("{text}");
    Some(text)
}

fn found(text: &str, begin: &str, part: &str) {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(begin)).peekable();
    assert!(lines.peek().is_some(), "no line begins with `{begin}` in\n{text}");
    assert!(
        lines.take_while(|line| !line.is_empty()).any(|line| line.contains(part)),
        "no `{part}` behind `{begin}` in\n{text}"
    );
}

#[test]
fn every_fault_of_the_test_bed_is_found() {
    let Some(text) = findings("faults") else { return };
    for (begin, part) in [
        ("CRITICAL pod/faults/oom: container main was OOMKilled", "memory: 32Mi"),
        ("CRITICAL pod/faults/bad-command: container main cannot be started", "/usr/local/bin/serve"),
        ("CRITICAL pod/faults/init-fails: init container migrate", "exitCode: 1"),
        ("CRITICAL pod/faults/liveness-kills: container main", "exitCode: 137"),
        ("CRITICAL pod/faults/missing-configmap-volume: ", "configmap \"app-settings\" not found"),
        (
            "CRITICAL pod/faults/missing-secret: container main cannot be made",
            "secret \"stripe-credentials\" not found",
        ),
        ("CRITICAL pod/faults/multi-container: container sidecar", "exitCode: 2"),
        ("WARNING pod/faults/never-ready: container main", "readinessProbe"),
        ("CRITICAL pod/faults/unschedulable: no node takes it", "Insufficient memory"),
        ("CRITICAL pod/faults/wrong-node-selector: no node takes it", "disktype=nvme"),
        ("CRITICAL persistentvolumeclaim/faults/data: ", "cause of pod/faults/waits-for-volume"),
        ("CRITICAL deployment/faults/quota-blocked: ", "serviceaccount \"does-not-exist\" not found"),
        ("WARNING service/faults/no-endpoints: ", "nothing-has-this-label"),
        ("NOTE resourcequota/faults/tight: ", "count/deployments.apps"),
    ] {
        found(&text, begin, part);
    }
}

#[test]
fn the_healthy_are_left_alone_and_causes_come_with_their_effects() {
    let Some(text) = findings("shop") else { return };
    for healthy in ["checkout", "frontend", "inventory", "loadgen", "postgres", "redis"] {
        let heads = text.lines().filter(|line| !line.starts_with(' '));
        let told: Vec<&str> = heads.filter(|line| line.contains(&format!("/shop/{healthy}"))).collect();
        assert!(told.is_empty(), "{told:?}");
    }
    found(&text, "CRITICAL pod/shop/recommendations-", "cause of deployment/shop/recommendations");
}
