//! Which object the labels of an alert speak of.
//!
//! The difficulty is that labels describe two things at once: what a metric is about, and who was scraped for it. A
//! metric of kube-state-metrics about a deployment may carry kube-state-metrics' own pod, container and service.

use std::collections::BTreeMap;

use crate::question::subject::{Subject, is_label, is_name, kind};

/// Labels that name an object of a kind, in the order in which they are believed: what is more particular first.
const NAMING: &[(&str, &[&str])] = &[
    ("persistentvolumeclaim", &["persistentvolumeclaim", "pvc"]),
    ("pod", &["pod", "pod_name", "kubernetes_pod_name", "k8s_pod_name"]),
    ("job", &["job_name", "kubernetes_job_name", "k8s_job_name"]),
    ("cronjob", &["cronjob", "k8s_cronjob_name"]),
    ("statefulset", &["statefulset", "k8s_statefulset_name"]),
    ("daemonset", &["daemonset", "k8s_daemonset_name"]),
    ("deployment", &["deployment", "k8s_deployment_name"]),
    ("replicaset", &["replicaset", "k8s_replicaset_name"]),
    ("horizontalpodautoscaler", &["horizontalpodautoscaler", "hpa"]),
    ("ingress", &["ingress"]),
    ("node", NODE),
    ("service", &["service", "kubernetes_service_name", "kubernetes_name"]),
];
const NODE: &[&str] = &["node", "node_name", "kubernetes_node", "nodename", "k8s_node_name"];
const NAMESPACE: &[&str] = &["namespace", "namespace_name", "kubernetes_namespace", "k8s_namespace_name"];
const CONTAINER: &[&str] =
    &["container", "container_name", "kubernetes_container_name", "k8s_container_name"];

/// The object these labels speak of; nothing where they name none, or only by what is no name of Kubernetes.
///
/// `exported_NAME` wins over `NAME`: Prometheus writes it where the metric and the scrape job disagree.
#[must_use]
pub fn of_labels(labels: &BTreeMap<String, String>) -> Option<Subject> {
    let labels = Labels(labels);
    let scraper = labels.scraper();
    let namespace = labels.first(NAMESPACE, is_label).unwrap_or_default();
    if scraper == Scraper::NodeExporter {
        let name = labels.first(NODE, is_name).or_else(|| labels.host())?;
        return Some(Subject::new("node", "", name));
    }
    for (kind, names) in NAMING {
        // What kube-state-metrics calls its own is not what it tells of.
        let own = scraper == Scraper::StateMetrics && matches!(*kind, "pod" | "service");
        let name = if own { labels.exported(names) } else { labels.first(names, is_name) };
        let Some(name) = name else { continue };
        if *kind == "node" {
            return Some(Subject::new(kind, "", name));
        }
        // Without a namespace no object can be found by its name alone.
        if namespace.is_empty() {
            continue;
        }
        let mut subject = Subject::new(kind, namespace, name);
        if *kind == "pod" && !own {
            subject.container =
                labels.first(CONTAINER, is_label).filter(|name| *name != "POD").map(str::to_owned);
        }
        return Some(subject);
    }
    if let (Some(made), Some(name)) = (
        labels.first(&["created_by_kind", "owner_kind"], |_| true),
        labels.first(&["created_by_name", "owner_name"], is_name),
    ) && let Some(kind) = kind(made)
        && kind.namespaced
        && !namespace.is_empty()
    {
        return Some(Subject::new(kind.name, namespace, name));
    }
    let host = labels.host().filter(|_| scraper == Scraper::Kubelet)?;
    Some(Subject::new("node", "", host))
}

/// Who was scraped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scraper {
    /// Its own pod, container and service stand among the labels.
    StateMetrics,
    /// It speaks of the machine, whatever pod it runs in.
    NodeExporter,
    Kubelet,
    Other,
}

struct Labels<'a>(&'a BTreeMap<String, String>);

impl<'a> Labels<'a> {
    fn get(&self, name: &str) -> &'a str {
        self.0.get(name).map_or("", |value| value.trim())
    }

    /// The first that is given and valid, `exported_*` before its plain name.
    fn first(&self, names: &[&str], valid: impl Fn(&str) -> bool) -> Option<&'a str> {
        names.iter().find_map(|name| {
            let exported = self.get(&format!("exported_{name}"));
            [exported, self.get(name)].into_iter().find(|value| !value.is_empty() && valid(value))
        })
    }

    fn exported(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().map(|name| self.get(&format!("exported_{name}"))).find(|value| is_name(value))
    }

    fn scraper(&self) -> Scraper {
        let job = self.get("job").to_ascii_lowercase().replace('_', "-");
        let is = |name: &str| {
            // `up{}` of a scrape job is about the pod that was scraped.
            let target = self.get("alertname").eq_ignore_ascii_case("TargetDown");
            !target && (self.get("container") == name || job.contains(name) && self.get("pod").contains(name))
        };
        let machine = job.contains("node-exporter") || job.contains("windows-exporter");
        if is("kube-state-metrics") {
            // Its own pod in trouble: then other labels say so, and the pod's own name is all there is.
            return Scraper::StateMetrics;
        }
        if !job.contains("kube-state-metrics")
            && !job.contains("kubelet")
            && (machine && !self.get("alertname").eq_ignore_ascii_case("TargetDown") || is("node-exporter"))
        {
            return Scraper::NodeExporter;
        }
        if job.contains("kubelet") || job.contains("cadvisor") || job.contains("kubernetes-nodes") || machine
        {
            return Scraper::Kubelet;
        }
        Scraper::Other
    }

    /// The host of `instance`, without its port.
    fn host(&self) -> Option<&'a str> {
        let instance =
            [self.get("exported_instance"), self.get("instance")].into_iter().find(|one| !one.is_empty())?;
        let host = instance.rsplit_once(':').map_or(instance, |(host, _)| host);
        Some(host).filter(|host| is_name(host) && !host.starts_with("127."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(labels: &[(&str, &str)]) -> String {
        let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        of_labels(&labels).map_or_else(
            || "-".to_owned(),
            |subject| match &subject.container {
                Some(container) => format!("{subject} {container}"),
                None => subject.to_string(),
            },
        )
    }

    #[test]
    #[allow(clippy::too_many_lines, reason = "a table")]
    fn alerts_as_rules_in_use_label_them() {
        // kube-prometheus-stack, honorLabels: what the metric says stands under the plain names.
        let stack: &[(&str, &str)] = &[
            ("alertname", "KubePodCrashLooping"),
            ("container", "payments"),
            ("endpoint", "http"),
            ("instance", "10.0.1.7:8080"),
            ("job", "kube-state-metrics"),
            ("namespace", "shop"),
            ("pod", "payments-7d9-x"),
            ("reason", "CrashLoopBackOff"),
            ("service", "kube-prometheus-stack-kube-state-metrics"),
            ("uid", "1"),
        ];
        assert_eq!(read(stack), "pod/shop/payments-7d9-x payments");
        // A deployment's metric carries the scraped pod where nothing else fills the name.
        let own: &[(&str, &str)] = &[
            ("alertname", "KubeDeploymentReplicasMismatch"),
            ("container", "kube-state-metrics"),
            ("deployment", "payments"),
            ("job", "kube-state-metrics"),
            ("namespace", "shop"),
            ("pod", "kps-kube-state-metrics-6b8-x"),
            ("service", "kps-kube-state-metrics"),
        ];
        assert_eq!(read(own), "deployment/shop/payments");
        let quota: Vec<_> = own.iter().copied().filter(|(name, _)| *name != "deployment").collect();
        assert_eq!(read(&quota), "-");
        // Without honorLabels.
        assert_eq!(
            read(&[
                ("exported_container", "web"),
                ("exported_namespace", "shop"),
                ("exported_pod", "web-1"),
                ("container", "kube-state-metrics"),
                ("namespace", "monitoring"),
                ("pod", "ksm-1"),
            ]),
            "pod/shop/web-1"
        );
        for (labels, wanted) in [
            (
                &[("job", "kube-state-metrics"), ("job_name", "nightly-1"), ("namespace", "shop")][..],
                "job/shop/nightly-1",
            ),
            (
                &[
                    ("job", "kubelet"),
                    ("node", "n1"),
                    ("namespace", "shop"),
                    ("persistentvolumeclaim", "data"),
                ],
                "persistentvolumeclaim/shop/data",
            ),
            (
                &[("job", "kubelet"), ("instance", "10.0.0.9:10250"), ("metrics_path", "/metrics")],
                "node/10.0.0.9",
            ),
            (&[("job", "kubelet"), ("container", "POD"), ("pod", "a-1"), ("namespace", "b")], "pod/b/a-1"),
            (
                &[
                    ("job", "node-exporter"),
                    ("pod", "nx-1"),
                    ("container", "node-exporter"),
                    ("namespace", "monitoring"),
                    ("instance", "10.0.0.5:9100"),
                ],
                "node/10.0.0.5",
            ),
            (
                &[("job", "node-exporter"), ("nodename", "worker-3"), ("instance", "10.0.0.5:9100")],
                "node/worker-3",
            ),
            (
                &[
                    ("alertname", "TargetDown"),
                    ("job", "node-exporter"),
                    ("service", "node-exporter"),
                    ("namespace", "monitoring"),
                ],
                "service/monitoring/node-exporter",
            ),
            (&[("job", "kube-state-metrics"), ("node", "worker-3"), ("condition", "Ready")], "node/worker-3"),
            (&[("pod_name", "a-1"), ("container_name", "c"), ("namespace", "b")], "pod/b/a-1 c"),
            (&[("kubernetes_pod_name", "a-1"), ("kubernetes_namespace", "b")], "pod/b/a-1"),
            (
                &[
                    ("job", "shop/payments"),
                    ("app", "payments"),
                    ("namespace", "shop"),
                    ("pod", "p-1"),
                    ("node_name", "n1"),
                ],
                "pod/shop/p-1",
            ),
            (
                &[("namespace", "b"), ("created_by_kind", "StatefulSet"), ("created_by_name", "db")],
                "statefulset/b/db",
            ),
            (&[("namespace", "b"), ("horizontalpodautoscaler", "web")], "horizontalpodautoscaler/b/web"),
            (&[("exported_service", "web"), ("service", "traefik"), ("namespace", "b")], "service/b/web"),
            (&[("alertname", "Watchdog"), ("severity", "none")], "-"),
        ] {
            assert_eq!(read(labels), wanted, "{labels:?}");
        }
    }

    #[test]
    fn what_is_no_name_is_dropped() {
        assert_eq!(
            read(&[("pod", "$(id)"), ("namespace", "shop"), ("deployment", "web")]),
            "deployment/shop/web"
        );
        assert_eq!(read(&[("pod", "a-1"), ("namespace", "shop; rm"), ("container", "x")]), "-");
        assert_eq!(read(&[("pod", "a-1"), ("namespace", "shop"), ("container", "a\nb")]), "pod/shop/a-1");
        assert_eq!(read(&[("job", "kubelet"), ("instance", "[fe80::1]:9100")]), "-");
        assert_eq!(read(&[("node", &"n".repeat(300))]), "-");
    }
}
