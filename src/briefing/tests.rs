//! What is planned for objects as a cluster of Kubernetes 1.20 told them, and for anything else that is JSON.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Found, kinds, lookups, nearest, state_line, workload};
use crate::cluster::Snapshot;
use crate::question::subject::Subject;

fn shop() -> Snapshot {
    Snapshot::parse(include_bytes!("../../tests/fixtures/cluster/shop.json")).unwrap()
}

fn faults() -> Snapshot {
    Snapshot::parse(include_bytes!("../../tests/fixtures/cluster/faults.json")).unwrap()
}

fn line(snapshot: &Snapshot, subject: &str) -> String {
    state_line(&found(snapshot, subject), "2026-11-21T18:30:00Z".parse().unwrap())
}

fn found(snapshot: &Snapshot, subject: &str) -> Found {
    workload(&Subject::parse(subject).unwrap(), snapshot)
}

/// Each call as its tool and the values of its arguments.
fn calls(found: &Found) -> Vec<String> {
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    lookups(found, None)
        .iter()
        .map(|one| {
            let values: Vec<String> = one.arguments.values().map(shown).collect();
            format!("{} {}", one.tool.trim_start_matches("kubectl_"), values.join(" ")).trim_end().to_owned()
        })
        .collect()
}

#[test]
fn states_are_told_in_one_line() {
    let faults = faults();
    for (subject, wanted) in [
        ("pod/faults/init-fails", "pod/faults/init-fails 0/1 Init:"),
        ("pod/faults/never-ready", "pod/faults/never-ready 0/1 Running"),
        ("pod/faults/missing-secret", "pod/faults/missing-secret 0/1 CreateContainerConfigError"),
        ("pod/faults/unschedulable", "pod/faults/unschedulable 0/1 Pending (0/1 nodes are available:"),
        (
            "deploy/faults/quota-blocked",
            "deployment/faults/quota-blocked 0/2 ready, Available=False MinimumReplicasUnavailable",
        ),
        (
            "job/faults/nightly-report",
            "job/faults/nightly-report 0 succeeded, 3 failed, 0 active, Failed=True BackoffLimitExceeded; worst pod nightly-report-mxp2m 0/1 Error, last exit 28 Error 6h ago",
        ),
        (
            "pvc/faults/data",
            "persistentvolumeclaim/faults/data Pending, class fast-ssd, used by 1 pod; worst pod waits-for-volume 0/1 Pending (0/1 nodes",
        ),
        ("svc/faults/no-endpoints", "service/faults/no-endpoints selects 0 pods, 0 ready"),
        ("pod/faults/gone", "pod/faults/gone does not exist any more, or cannot be read"),
    ] {
        let line = line(&faults, subject);
        assert!(line.starts_with(wanted), "{line}");
    }
    let shop = shop();
    assert!(
        line(&shop, "deploy/shop/payments").contains("payments-5fb864cfb8-d2jm2"),
        "{}",
        line(&shop, "deploy/shop/payments")
    );
    assert!(line(&shop, "deploy/shop/payments").contains("last exit 137 OOMKilled"));
    assert!(
        line(&shop, "node/10.99.0.2").starts_with("node/node-1 Ready, 3 pods"),
        "{}",
        line(&shop, "node/10.99.0.2")
    );
    assert!(
        line(&shop, "svc/shop/checkout")
            .starts_with("service/shop/checkout selects 2 pods, 2 ready; pod checkout-")
    );
}

#[test]
fn a_pod_is_looked_at_with_what_made_it_and_what_reaches_it() {
    let shop = shop();
    let pod = found(&shop, "pod/shop/payments-5fb864cfb8-d2jm2");
    let names: Vec<String> = pod.owners.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["replicaset/shop/payments-5fb864cfb8", "deployment/shop/payments"]);
    assert_eq!(
        calls(&pod),
        [
            "describe pod payments-5fb864cfb8-d2jm2 shop",
            "events pod payments-5fb864cfb8-d2jm2 shop",
            "logs payments-5fb864cfb8-d2jm2 shop",
            "previous_logs payments-5fb864cfb8-d2jm2 shop",
            "kubernetes_changes shop 1440",
            "describe deployment payments shop",
            "describe service payments shop",
            "top_pods",
            "describe node node-1",
        ]
    );
    let deployment = calls(&found(&shop, "deploy/shop/payments"));
    assert_eq!(deployment[0], "describe deployment payments shop");
    assert_eq!(deployment[1], "events replicaset payments-5fb864cfb8 shop");
    assert_eq!(deployment[2], "describe pod payments-5fb864cfb8-d2jm2 shop");
    let service = calls(&found(&shop, "service/shop/payments"));
    assert!(service.contains(&"describe endpoints payments shop".to_owned()), "{service:?}");
    assert!(service.contains(&"previous_logs payments-5fb864cfb8-d2jm2 shop".to_owned()), "{service:?}");
}

#[test]
fn pods_that_could_not_be_made_leave_their_maker() {
    let calls = calls(&found(&faults(), "deploy/faults/quota-blocked"));
    assert_eq!(
        calls,
        [
            "describe deployment quota-blocked faults",
            "describe replicaset quota-blocked-579cf8685f faults",
            "kubernetes_changes faults 1440",
        ]
    );
}

#[test]
fn what_never_ran_has_no_logs() {
    for subject in [
        "pod/faults/unschedulable",
        "pod/faults/waits-for-volume",
        "pvc/faults/data",
        "pod/faults/missing-secret",
    ] {
        let calls = calls(&found(&faults(), subject));
        assert!(!calls.iter().any(|call| call.contains("logs")), "{calls:?}");
    }
    // Its init container ran, and before its last restart.
    let calls = calls(&found(&faults(), "pod/faults/init-fails"));
    assert!(calls.iter().any(|call| call.starts_with("previous_logs")), "{calls:?}");
}

#[test]
fn what_is_gone_is_still_asked_about() {
    let around = "2026-11-21T12:00:00Z".parse().unwrap();
    let gone = found(&faults(), "pod/faults/gone");
    let last = lookups(&gone, Some(around)).pop().unwrap();
    assert_eq!(last.arguments["around"], "2026-11-21T12:00:00Z");
    assert_eq!(
        calls(&gone),
        [
            "describe pod gone faults",
            "events pod gone faults",
            "get_by_kind_in_namespace pods faults",
            "kubernetes_changes faults 1440"
        ]
    );
}

#[test]
fn related_objects_are_found_in_old_and_new_spellings() {
    let service = json!({"kind": "Service", "metadata": {"namespace": "a", "name": "web"}, "spec": {"selector": {"app": "web"}}});
    let deployment = json!({"kind": "Deployment", "metadata": {"namespace": "a", "name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}});
    let pod = json!({"kind": "Pod", "metadata": {"namespace": "a", "name": "web-1", "labels": {"app": "web"}},
        "spec": {"volumes": [{"persistentVolumeClaim": {"claimName": "data"}}]}});
    let new = json!({"kind": "Ingress", "metadata": {"namespace": "a", "name": "new"},
        "spec": {"rules": [{"http": {"paths": [{"backend": {"service": {"name": "web"}}}]}}]}});
    let old = json!({"kind": "Ingress", "metadata": {"namespace": "a", "name": "old"}, "spec": {"backend": {"serviceName": "web"}}});
    let scaler = json!({"kind": "HorizontalPodAutoscaler", "metadata": {"namespace": "a", "name": "web"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}}});
    let list = json!({"items": [service, deployment, pod, new, old, scaler]});
    let snapshot = Snapshot::parse(list.to_string().as_bytes()).unwrap();
    let deployment = found(&snapshot, "deployment/a/web");
    let shown = |list: &[Subject]| list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    assert_eq!(shown(&deployment.services), "service/a/web");
    assert_eq!(shown(&deployment.ingresses), "ingress/a/new ingress/a/old");
    assert_eq!(shown(&deployment.autoscalers), "horizontalpodautoscaler/a/web");
    assert_eq!(shown(&deployment.claims), "persistentvolumeclaim/a/data");
    assert_eq!(shown(&found(&snapshot, "ing/a/old").services), "service/a/web");
    assert_eq!(found(&snapshot, "hpa/a/web").worst.unwrap().to_string(), "pod/a/web-1");
}

#[test]
fn names_that_were_meant_are_found() {
    let shop = shop();
    let near = |subject: &str| nearest(&Subject::parse(subject).unwrap(), &shop);
    assert_eq!(near("deploy/shop/paymets")[0], "deployment/shop/payments");
    assert_eq!(near("deploy/default/payments")[0], "deployment/shop/payments");
    assert_eq!(near("sts/shop/payments"), ["deployment/shop/payments", "service/shop/payments"]);
    assert!(
        near("pod/shop/paymnts").contains(&"pod/shop/payments-5fb864cfb8-d2jm2".to_owned()),
        "{:?}",
        near("pod/shop/paymnts")
    );
    assert_eq!(near("node/node-11"), ["node/node-1"]);
    assert!(near("pod/shop/zzzzzz").is_empty());
}

#[test]
fn kinds_never_name_secrets() {
    assert!(kinds("pod").iter().chain(&kinds("node")).all(|kind| !kind.contains("secret")));
    assert_eq!(kinds("node"), ["nodes", "pods"]);
}

/// JSON that looks like objects here and there.
fn values() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just("Pod"),
        Just("Deployment"),
        Just("Service"),
        Just("Node"),
        Just("Ingress"),
        Just("a"),
        Just("ReplicaSet"),
        Just("Event"),
        Just("2026-11-21T12:00:00Z"),
        Just("HorizontalPodAutoscaler"),
        Just("PersistentVolumeClaim"),
        Just("1")
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        text.prop_map(Value::from),
        "\\PC{0,6}".prop_map(Value::from)
    ];
    let key = prop_oneof![
        Just("kind"),
        Just("metadata"),
        Just("name"),
        Just("namespace"),
        Just("spec"),
        Just("status"),
        Just("labels"),
        Just("ownerReferences"),
        Just("containerStatuses"),
        Just("selector"),
        Just("template"),
        Just("state"),
        Just("terminated"),
        Just("restartCount"),
        Just("conditions"),
        Just("volumes"),
        Just("scaleTargetRef")
    ];
    leaf.prop_recursive(6, 80, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..7).prop_map(|pairs| {
                Value::Object(pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_it_panic(items in prop::collection::vec((values(), values()), 1..5)) {
        let objects = ["Pod", "Deployment", "ReplicaSet", "Service", "Node", "Event"].iter().cycle().zip(items).map(|(kind, (spec, status))| {
            json!({"kind": kind, "metadata": {"name": "a", "namespace": "a", "ownerReferences": [{"kind": kind, "name": "a"}]}, "spec": spec, "status": status})
        });
        let list = json!({"items": objects.collect::<Vec<_>>()});
        let snapshot = Snapshot::parse(list.to_string().as_bytes()).unwrap();
        for kind in ["pod", "deployment", "service", "replicaset"] {
            let found = workload(&Subject::new(kind, "a", "a"), &snapshot);
            prop_assert!(lookups(&found, None).len() <= 12);
            prop_assert!(!state_line(&found, jiff::Timestamp::UNIX_EPOCH).contains('\n'));
        }
        let all = crate::cluster::changes::changes(&snapshot, jiff::Timestamp::MIN, jiff::Timestamp::MAX);
        prop_assert!(all.iter().all(|change| !change.what.contains('\n')));
    }
}
