//! `rules/findings.yaml` against the sentences the detectors really write (`tests/fixtures/detectors`).

use std::path::Path;

use serde_json::Value;

use super::tests::{Looked, asked_of, show, text};

/// Beginning of a sentence, and words of the fix that fits it.
const FIXES: &[(&str, &str)] = &[
    ("was OOMKilled", "raise `resources.limits.memory`"),
    ("cannot be pulled", "correct the image's name or tag"),
    ("names an image in a form", "correct the image's name or tag"),
    ("its configuration is missing", "create what is missing"),
    ("a volume cannot be mounted", "create or correct what the message names"),
    ("a volume cannot be attached", "free the volume where it is still attached"),
    ("sandbox or network cannot be set up", "repair the network plugin"),
    ("have not been made for", "look at the kubelet"),
    ("cannot be started", "correct `command` and `args`"),
    ("was killed", "correct the probe"),
    ("probe fails", "correct the probe"),
    ("readiness gate", "the controller that sets the readiness gate"),
    ("no node takes it", "lower what the pod requests"),
    ("waited for a node", "lower what the pod requests"),
    ("was evicted", "free or add what the node lacked"),
    ("should have ended", "find what holds it"),
    ("holds the others up", "says what it waits for"),
    ("with exit code", "shows its last words"),
    ("its pods cannot be made, a quota", "raise the quota"),
    ("its service account does not exist", "create the service account"),
    ("its pods cannot be made", "correct what the message names"),
    ("names the ", "create what is named"),
    ("rollout", "kubectl rollout"),
    ("replicas are", "kubectl rollout"),
    ("selector", "make the Service's selector and the pods' labels agree"),
    ("leads nowhere", "make `targetPort`"),
    ("the pod it selects is not ready", "have to become ready"),
    ("sends requests to", "name a Service, port and class that exist"),
    ("no ingress class", "name a Service, port and class that exist"),
    ("has lost its volume", "bring the volume back"),
    ("has had no volume", "correct the storage class or the request"),
    ("waits for its pod to start again", "a file system grows"),
    ("could not be given back", "decide whether its data is still needed"),
    ("cannot read its metrics", "the metrics API must answer"),
    ("scales deployment", "correct `scaleTargetRef`"),
    ("is at its maximum", "raise `maxReplicas`"),
    ("calls service/", "bring the webhook's Service back"),
];

#[test]
fn every_sentence_of_the_detectors_is_a_cause_with_a_fix_that_fits() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/detectors");
    let mut seen = 0;
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let fixture: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        let lines: Vec<&str> =
            fixture["findings"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        for line in lines.iter().filter(|line| line.starts_with("CRITICAL") || line.starts_with("WARNING")) {
            // SEVERITY DETECTOR OBJECT: WHAT; the tool leaves the detector's name out.
            let (severity, rest) = line.split_once(' ').unwrap();
            let (_, rest) = rest.split_once(' ').unwrap();
            let (object, what) = rest.split_once(": ").unwrap();
            let object = object.split(' ').next().unwrap();
            if object.starts_with("validating") || object.starts_with("persistentvolume/") {
                // Not investigated by name.
                continue;
            }
            let question = format!("What is wrong with {object}, and why?");
            let answer = asked_of(&question, &[("kubernetes_findings", &[], &format!("{severity} {rest}"))]);
            assert_eq!(text(&answer, "verdict"), "problem_found", "{line}\n{}", show(&answer));
            let name = object.rsplit('/').next().unwrap();
            assert!(text(&answer, "root_cause").contains(&format!("`{name}`")), "{line}\n{}", show(&answer));
            let fix = answer["fix"].as_array().unwrap().first().and_then(Value::as_str).unwrap_or_default();
            let of_kind = match object.split('/').next().unwrap() {
                "node" => Some("look at the node"),
                "job" => Some("read the log of its last pod"),
                "cronjob" => Some("correct what the sentence names"),
                _ => None,
            };
            let wanted =
                of_kind.or_else(|| FIXES.iter().find(|(words, _)| what.contains(words)).map(|(_, fix)| *fix));
            let wanted = wanted.unwrap_or_else(|| panic!("no row for {line}"));
            assert!(fix.contains(wanted), "{line}\nwants {wanted}, got {fix}");
            seen += 1;
        }
    }
    assert!(seen > 50, "only {seen} sentences");
}

/// A finding with what follows from it, as the tool prints it.
const PAYMENTS: &str = "CRITICAL pod/shop/payments-5fb864cfb8-d2jm2: container payments was OOMKilled at its memory limit of 128Mi\n  \
    cause of deployment/shop/payments: 0 of 1 replicas are available\n  cause of service/shop/payments: has no endpoints\n\n\
    CRITICAL pod/shop/other-1: container a crashes with exit code 1, restarted 9 times, last 5 min ago";

/// How kubectl describes a pod that is well, with what happened as it started.
fn described(age: &str, ready: &str) -> String {
    format!(
        "Name: checkout-668d988745-znbn5\nConditions:\n  Type Status\n  Ready             {ready}\nEvents:\n  \
         Warning  FailedMount  {age}  kubelet  MountVolume.SetUp failed for volume \"files\" : timed out waiting for the condition"
    )
}

#[test]
fn events_of_a_start_that_succeeded_are_history_and_the_refused_server_is_the_cause() {
    let name = [("name", "checkout-668d988745-znbn5")];
    let log = [("pod_name", "checkout-668d988745-znbn5")];
    let refused = "{\"msg\": \"failed: [Errno 111] Connection refused\", \"upstream\": \"http://payments.shop.svc.cluster.local:8080\"}";
    let question =
        "Why is the alert `HighErrorRate` firing for pod checkout-668d988745-znbn5 in namespace shop?";
    let ask = |age: &str, ready: &str, findings: &str| {
        asked_of(
            question,
            &[
                ("kubernetes_findings", &[], findings),
                ("kubectl_describe", &name, &described(age, ready)),
                ("kubectl_logs", &log, refused),
            ],
        )
    };
    let answer = ask("7h26m", "True", PAYMENTS);
    let cause = text(&answer, "root_cause");
    assert!(cause.contains("payments") && cause.contains("OOMKilled"), "{}", show(&answer));
    assert!(show(&answer).contains("Connection refused"), "{}", show(&answer));
    assert!(!cause.contains("other-1") && !show(&answer).contains("FailedMount"), "{}", show(&answer));
    // What happens now, or to a pod that is not ready, is no history.
    for (age, ready) in [("5m", "True"), ("7h26m", "False")] {
        assert!(show(&ask(age, ready, "no findings")).contains("FailedMount"), "{age} {ready}");
    }
    // Nor is what the detectors blame: between two kills it is ready.
    let killed = "WARNING pod/shop/checkout-668d988745-znbn5: container checkout crashes with exit code 137, restarted 31 times, last 1 min ago";
    assert!(show(&ask("7h26m", "True", killed)).contains("FailedMount"));
    // A workload that the log does not name explains nothing.
    let answer = ask("7h26m", "True", &PAYMENTS.replace("payments", "payments-api"));
    assert!(!text(&answer, "root_cause").contains("OOMKilled"), "{}", show(&answer));
}

#[test]
fn what_is_not_named_is_never_presented_as_the_cause() {
    for question in [
        "What is wrong with service/shop/frontend, and why? Its state when this was asked: service/shop/frontend selects 1 pod, 1 ready; pod frontend-7ff4f88945-pwmd6 1/1 Running",
        "Why is the alert `SomethingElse` firing in namespace shop?",
        "Why is the alert `SomethingElse` firing?",
        "Why is the attached alert firing for node node-1?",
        "What is wrong with service/shop/pay, and why?",
    ] {
        let answer = asked_of(question, &[("kubernetes_findings", &[], PAYMENTS)]);
        assert_eq!(text(&answer, "verdict"), "inconclusive", "{question}\n{}", show(&answer));
        assert_eq!(text(&answer, "confidence"), "low", "{question}");
        assert!(text(&answer, "root_cause").starts_with("No cause was found"), "{}", show(&answer));
        assert!(show(&answer).contains("payments-5fb864cfb8-d2jm2"), "an aside: {}", show(&answer));
    }
    // What a finding says to follow from it is named by it.
    let answer = asked_of(
        "What is wrong with service/shop/payments, and why?",
        &[("kubernetes_findings", &[], PAYMENTS)],
    );
    assert!(text(&answer, "root_cause").contains("OOMKilled"), "{}", show(&answer));
}

#[test]
fn an_alert_of_its_area_is_answered_with_low_confidence_and_one_of_its_instance_surely() {
    let full = "== space\n/dev/sda1 ext4 99G 99G 0 100% /var";
    let answer = asked_of("Why is the alert `HostOutOfDiskSpace` firing?", &[("host_disk", &[], full)]);
    assert_eq!(text(&answer, "verdict"), "problem_found", "{}", show(&answer));
    assert_eq!(text(&answer, "confidence"), "low", "{}", show(&answer));
    let answer =
        asked_of("Why is the alert `MemoryOvercommit` firing?", &[("kubernetes_findings", &[], PAYMENTS)]);
    assert_eq!(text(&answer, "verdict"), "inconclusive", "{}", show(&answer));
    let targets = "  up \"http://127.0.0.1:9/metrics\": dial tcp 127.0.0.1:9: connect: connection refused";
    let alert = "alert: GatewayDown\nlabels:\n  instance: 127.0.0.1:9\n";
    let seen: &[Looked<'_>] = &[("alert", &[], alert), ("list_prometheus_targets", &[], targets)];
    let answer = asked_of("Why is the alert `GatewayDown` firing?", seen);
    assert_eq!(text(&answer, "verdict"), "problem_found", "{}", show(&answer));
    assert!(text(&answer, "root_cause").contains("nothing listens on `127.0.0.1:9`"), "{}", show(&answer));
}
