//! Changes of the seeded shop, and of small objects.

use serde_json::{Value, json};

use super::{changes, template::differences};
use crate::cluster::Snapshot;

fn told(snapshot: &Snapshot, from: &str, to: &str) -> Vec<String> {
    let changes = changes(snapshot, from.parse().unwrap(), to.parse().unwrap());
    changes.into_iter().map(|change| format!("{} {}", change.at, change.what)).collect()
}

fn snapshot(items: &[Value]) -> Snapshot {
    Snapshot::parse(json!({"items": items}).to_string().as_bytes()).unwrap()
}

#[test]
fn a_rollout_says_what_it_changed_also_when_its_template_comes_back() {
    let shop = Snapshot::parse(include_bytes!("../../../tests/fixtures/cluster/shop.json")).unwrap();
    let lines = told(&shop, "2026-11-21T17:50:00Z", "2026-11-21T18:00:00Z");
    let rollouts: Vec<&String> = lines.iter().filter(|line| line.contains(" revision ")).collect();
    assert_eq!(
        rollouts,
        [
            "2026-11-21T17:54:31Z deployment/shop/payments revision 5, a template used before as 1,3: the first that is kept, image testbed.local/shop/payments:1.8.3, cause given: release 1.8.3",
            "2026-11-21T17:54:54Z deployment/shop/payments revision 6, a template used before as 2,4: image 1.8.3 → 1.9.0, env VERSION 1.8.3 → 1.9.0, labels changed: version, cause given: release 1.9.0: cache authorised cards",
        ]
    );
    assert!(lines.contains(&"2026-11-21T17:54:54Z deployment/shop/payments ScalingReplicaSet: Scaled up replica set payments-5fb864cfb8 to 1".to_owned()), "{lines:#?}");
    let mut sorted = lines.clone();
    sorted.sort();
    assert_eq!(lines, sorted);
    let first = told(&shop, "2026-11-21T11:41:00Z", "2026-11-21T11:42:00Z");
    assert!(
        first.contains(&"2026-11-21T11:41:37Z configmap/shop/shop-files created".to_owned()),
        "{first:#?}"
    );
    assert_eq!(told(&shop, "2026-11-20T00:00:00Z", "2026-11-20T01:00:00Z"), Vec::<String>::new());
}

#[test]
fn templates_are_compared_without_telling_secrets() {
    let template = |image: &str, env: Value, rest: Value| {
        let mut container = json!({"name": "app", "image": image, "env": env});
        container.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        json!({"metadata": {"labels": {"app": "a", "pod-template-hash": image}}, "spec": {"containers": [container], "replicas": 1}})
    };
    let password = ["DB_", "PASSWORD"].concat();
    let old = template(
        "r:5000/a/pay:1.8.3",
        json!([{"name": "DB_HOST", "value": "pg"}, {"name": password, "value": "one"}, {"name": "GONE", "value": "x"}]),
        json!({"resources": {"limits": {"memory": "128Mi", "cpu": "1"}}, "livenessProbe": {"periodSeconds": 3}}),
    );
    let new = template(
        "r:5000/a/pay:1.9.0",
        json!([{"name": "DB_HOST", "value": "pgg"}, {"name": password, "value": "two"}, {"name": "NEW", "value": "y"}]),
        json!({"resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "10m"}}, "livenessProbe": {"periodSeconds": 1}, "args": ["-v"]}),
    );
    assert_eq!(
        differences(&old, &new),
        [
            "image 1.8.3 → 1.9.0",
            "memory limit 128Mi → 64Mi",
            "cpu limit 1 removed",
            "cpu request 10m set",
            "env DB_HOST pg → pgg",
            "env DB_PASSWORD changed",
            "env NEW added",
            "env GONE removed",
            "args added",
            "livenessProbe changed",
        ]
    );
    assert_eq!(differences(&old, &old), Vec::<String>::new());
    let moved = template("other/pay@sha256:aa", json!([]), json!({}));
    assert_eq!(
        differences(&template("pay:1", json!([]), json!({})), &moved),
        ["image pay:1 → other/pay@sha256:aa"]
    );
    let restarted =
        json!({"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T12:00:00Z"}}});
    assert_eq!(differences(&json!({}), &restarted), ["restarted by `kubectl rollout restart`"]);
}

#[test]
fn edits_name_who_and_which_keys_but_no_values() {
    let map = json!({"kind": "ConfigMap", "metadata": {"namespace": "a", "name": "settings", "creationTimestamp": "2026-11-21T10:00:00Z",
        "managedFields": [
            {"manager": "kubectl-edit", "operation": "Update", "time": "2026-11-21T12:00:00Z", "fieldsV1": {"f:data": {".": {}, "f:pool_size": {}}}},
            {"manager": "kube-controller-manager", "time": "2026-11-21T12:01:00Z", "fieldsV1": {"f:data": {"f:x": {}}}},
        ]}, "data": {"pool_size": "hidden-value"}});
    let elected = json!({"kind": "ConfigMap", "metadata": {"namespace": "a", "name": "lock", "creationTimestamp": "2026-11-21T12:00:00Z",
        "annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}});
    let revisions = [(1, "1"), (2, "2")].map(|(number, tag)| {
        json!({"kind": "ControllerRevision", "revision": number, "metadata": {"namespace": "a", "name": format!("db-{number}"),
            "creationTimestamp": format!("2026-11-21T12:0{number}:00Z"), "ownerReferences": [{"kind": "StatefulSet", "name": "db", "controller": true}]},
            "data": {"spec": {"template": {"spec": {"containers": [{"name": "db", "image": format!("pg:{tag}")}]}}}}})
    });
    let node = json!({"kind": "Node", "metadata": {"name": "n1", "creationTimestamp": "2026-11-01T00:00:00Z"},
        "status": {"conditions": [{"type": "Ready", "status": "False", "reason": "KubeletNotReady", "message": "runtime\nis down", "lastTransitionTime": "2026-11-21T12:03:00Z"}]}});
    let [one, two] = revisions;
    assert_eq!(
        told(&snapshot(&[map, elected, one, two, node]), "2026-11-21T11:00:00Z", "2026-11-21T13:00:00Z"),
        [
            "2026-11-21T12:00:00Z configmap/a/settings last written by kubectl-edit, its keys: pool_size",
            "2026-11-21T12:01:00Z statefulset/a/db revision 1: the first that is kept, image pg:1",
            "2026-11-21T12:02:00Z statefulset/a/db revision 2: image 1 → 2",
            "2026-11-21T12:03:00Z node/n1 condition Ready became False: KubeletNotReady runtime is down",
        ]
    );
}
