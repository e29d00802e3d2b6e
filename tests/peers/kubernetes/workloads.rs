//! Kinds beyond pods and deployments, many objects, and what is looked for where it is not: in a namespace that the
//! test makes and removes.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Bench, cluster, each, tool};

const OBJECTS: &str = r"
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: nowhere.invalid/db}]}
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {storageClassName: nosuch, accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec: {nodeSelector: {nowhere: here}, containers: [{name: agent, image: nowhere.invalid/agent}]}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once}
spec: {template: {spec: {restartPolicy: Never, nodeSelector: {nowhere: here}, containers: [{name: once, image: nowhere.invalid/once}]}}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: web}
spec: {rules: [{host: shop.example, http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}
---
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: web}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: nosuch}, maxReplicas: 3}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny}
spec: {podSelector: {}, policyTypes: [Ingress]}
";

/// Events as the controllers write them: the one of an autoscaler names another API version than the server prefers.
fn event(space: &str, version: &str, kind: &str, name: &str, message: &str) -> serde_json::Value {
    json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": format!("{name}.{}", kind.to_lowercase()), "namespace": space},
        "involvedObject": {"apiVersion": version, "kind": kind, "name": name, "namespace": space},
        "type": "Warning", "reason": "Made", "message": message,
        "firstTimestamp": "2026-01-01T00:00:00Z", "lastTimestamp": "2026-01-01T00:00:00Z", "source": {"component": "test"}})
}

struct Namespace<'a>(&'a Bench, String);

impl Namespace<'_> {
    fn apply(&self, text: &str) {
        let mut command = Command::new("kubectl");
        let command =
            self.0.surround(&mut command).args(["create", "-n", &self.1, "-f", "-"]).stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::null()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        assert!(child.wait().unwrap().success());
    }
}

impl Drop for Namespace<'_> {
    fn drop(&mut self) {
        super::kubectl(self.0, &format!("delete namespace {} --wait=false", self.1));
    }
}

#[test]
fn every_kind_many_objects_and_what_is_elsewhere() {
    let Some(bench) = cluster() else { return };
    let space = Namespace(&bench, format!("holmes-rs-{}", std::process::id()));
    super::kubectl(&bench, &format!("create namespace {}", space.1));
    space.apply(OBJECTS);
    let many: Vec<_> = (0..300)
        .map(|n| {
            let labels = json!({"half": if n % 2 == 0 { "even" } else { "odd" }});
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": format!("settings-{n:03}"), "labels": labels}})
        })
        .chain([
            event(&space.1, "autoscaling/v2beta2", "HorizontalPodAutoscaler", "web", "no such scale"),
            event(&space.1, "networking.k8s.io/v1", "Ingress", "web", "of the ingress"),
        ])
        .collect();
    space.apply(&json!({"apiVersion": "v1", "kind": "List", "items": many}).to_string());
    // Made by a controller, after the rest.
    for made in ["pod/db-0", "pvc/data-db-0"] {
        super::kubectl(&bench, &format!("wait {made} -n {} --for=create --timeout=30s", space.1));
    }
    let namespace = format!("namespace={}", space.1);
    let namespace = namespace.as_str();
    let elsewhere = format!("not found there; what begins so, by namespace: {}/settings-001", space.1);
    let autoscaler = ["resource_type=hpa", "resource_name=web", namespace];

    for (kind, name, expected) in [
        ("statefulset", "db", "StorageClass:  nosuch"),
        ("ds", "agent", "nowhere=here"),
        ("Job", "once", "nowhere.invalid/once"),
        ("ingresses", "web", "shop.example"),
        ("hpa", "web", "Deployment/nosuch"),
        ("NetworkPolicy", "deny", "isolated for ingress"),
        ("pvc", "data-db-0", "nosuch"),
    ] {
        let (kind, name) = (format!("kind={kind}"), format!("name={name}"));
        let of: &[&str] = &[&kind, &name, namespace];
        each(&bench, 0, &[("kubectl_describe", of, expected), ("kubectl_get_yaml", of, "metadata:")]);
        let text = tool(&bench, "kubectl_get_yaml", of).stdout;
        assert!(!text.contains("managedFields"), "{text}");
    }
    let jq = "jq_expr=.items[].metadata.name";
    each(
        &bench,
        0,
        &[
            ("kubectl_events", &autoscaler, "no such scale"),
            ("kubectl_events", &["resource_type=ingress", "resource_name=web", namespace], "of the ingress"),
            ("kubectl_events", &["resource_type=pod", "resource_name=nosuch"], "No events"),
            ("kubectl_find_resource", &["kind=cm", "keyword=SETTINGS-299"], "settings-299"),
            ("kubectl_find_resource", &["kind=cm", "keyword=settings-299"], "NAMESPACE"),
            ("kubectl_find_resource", &["kind=cm", "keyword=nosuch-x"], "(no row with this keyword)"),
            ("kubernetes_count", &["kind=cm", jq, namespace, "label_selector=half in (odd)"], "150 results"),
            ("kubernetes_jq_query", &["kind=cm", jq, namespace], "settings-007"),
            (
                "kubernetes_tabular_query",
                &[
                    "kind=cm",
                    "columns=N:.metadata.name",
                    "field_selector=metadata.name=settings-001",
                    "label_selector=half=odd",
                ],
                "settings-001",
            ),
            ("kubectl_logs", &["pod_name=db-0", namespace], "(no lines)\nNAME"),
            ("kubectl_logs_grep", &["pod_name=db-0", namespace, "search_term=oops(["], "(no such line"),
            ("kubectl_lineage_children", &["kind=sts", "name=db", namespace], "Pod/db-0 Pending"),
        ],
    );
    let ran = tool(&bench, "kubectl_events", &autoscaler).exits(0);
    assert!(!ran.stdout.contains("of the ingress"), "{}", ran.stdout);
    let ran = tool(
        &bench,
        "kubernetes_tabular_query",
        &["kind=cm", "columns=N:.metadata.name", namespace, "label_selector=half=odd"],
    );
    assert!(!ran.stdout.contains("settings-000"), "{}", ran.stdout);
    // Another namespace, or a name that goes on.
    for name in ["name=settings-001", "name=settings-001x"] {
        let ran = tool(&bench, "kubectl_get_yaml", &["kind=cm", name, "namespace=default"]).exits(1);
        assert_eq!(ran.stderr.contains(&elsewhere), name == "name=settings-001", "{}", ran.stderr);
    }
    let ran = tool(&bench, "kubectl_logs", &["pod_name=db", namespace]).exits(1);
    assert!(ran.stderr.contains(&format!("{}/db-0", space.1)), "{}", ran.stderr);
    let ran = tool(&bench, "kubectl_events", &["resource_type=pod", "resource_name=x", "namespace=nosuch"]);
    assert!(ran.exits(1).stderr.contains("namespaces \"nosuch\" not found"));
}
