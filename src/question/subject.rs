//! The Kubernetes object an investigation is about, and the words people have for its kind.
//!
//! It names one; whether it exists is for `cluster` to read.

use std::fmt;

/// A kind, as people, kubectl and the API spell it.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// Lower case, singular: `pod`.
    pub name: &'static str,
    /// As `kubectl get` takes it.
    pub plural: &'static str,
    /// As objects say it of themselves.
    pub api: &'static str,
    /// Other words for it.
    pub aliases: &'static [&'static str],
    /// Whether its objects live in a namespace.
    pub namespaced: bool,
}

const fn kind_of(
    name: &'static str,
    plural: &'static str,
    api: &'static str,
    aliases: &'static [&'static str],
) -> Kind {
    Kind { name, plural, api, aliases, namespaced: true }
}

/// Kinds that can be a subject. Aliases are kubectl's short names.
pub const KINDS: &[Kind] = &[
    kind_of("pod", "pods", "Pod", &["po"]),
    kind_of("deployment", "deployments", "Deployment", &["deploy"]),
    kind_of("statefulset", "statefulsets", "StatefulSet", &["sts"]),
    kind_of("daemonset", "daemonsets", "DaemonSet", &["ds"]),
    kind_of("replicaset", "replicasets", "ReplicaSet", &["rs"]),
    kind_of("job", "jobs", "Job", &[]),
    kind_of("cronjob", "cronjobs", "CronJob", &["cj"]),
    Kind { name: "node", plural: "nodes", api: "Node", aliases: &["no"], namespaced: false },
    kind_of("service", "services", "Service", &["svc"]),
    kind_of("ingress", "ingresses", "Ingress", &["ing"]),
    kind_of("persistentvolumeclaim", "persistentvolumeclaims", "PersistentVolumeClaim", &["pvc"]),
    kind_of("horizontalpodautoscaler", "horizontalpodautoscalers", "HorizontalPodAutoscaler", &["hpa"]),
];

/// The kind a word means, in any case: `po`, `pods`, `Pod`, and with a group behind it `deployments.apps`.
#[must_use]
pub fn kind(word: &str) -> Option<&'static Kind> {
    let word = word.trim().to_ascii_lowercase();
    let word = word.split('.').next().unwrap_or_default();
    KINDS.iter().find(|kind| kind.name == word || kind.plural == word || kind.aliases.contains(&word))
}

/// One object.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subject {
    /// Lower case, singular; any kind of the API, most are in [`KINDS`].
    pub kind: String,
    /// `None` where it has none, or it is not known.
    pub namespace: Option<String>,
    pub name: String,
    /// The container that is meant, of a pod.
    pub container: Option<String>,
}

impl Subject {
    #[must_use]
    pub fn new(kind: &str, namespace: &str, name: &str) -> Self {
        Self {
            kind: kind.to_ascii_lowercase(),
            namespace: Some(namespace.to_owned()).filter(|namespace| !namespace.is_empty()),
            name: name.to_owned(),
            container: None,
        }
    }

    /// Reads `pod/NAME`, `deploy/NAME` and `pod/NAMESPACE/NAME`; nothing where the kind is unknown or a name is none
    /// that Kubernetes allows.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('/');
        let kind = kind(parts.next()?)?;
        let (namespace, name) = match (parts.next()?, parts.next(), parts.next()) {
            (name, None, None) => ("", name),
            (namespace, Some(name), None) if kind.namespaced && is_label(namespace) => (namespace, name),
            _ => return None,
        };
        is_name(name).then(|| Self::new(kind.name, namespace, name))
    }

    /// Empty where there is none.
    #[must_use]
    pub fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }
}

/// `pod/shop/payments-1`, `node/worker-3`.
impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

/// Whether Kubernetes would take it as the name of an object (RFC 1123 subdomain, 253 bytes).
#[must_use]
pub fn is_name(text: &str) -> bool {
    text.len() <= 253 && !text.is_empty() && text.split('.').all(is_part)
}

/// Whether Kubernetes would take it as the name of a namespace or a container (RFC 1123 label, 63 bytes).
#[must_use]
pub fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_part(text)
}

fn is_part(text: &str) -> bool {
    let allowed = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-';
    !text.is_empty() && !text.starts_with('-') && !text.ends_with('-') && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_known_by_every_word_kubectl_takes() {
        for (word, name) in [
            ("po", "pod"),
            ("Pods", "pod"),
            ("deploy", "deployment"),
            ("deployments.apps", "deployment"),
            ("sts", "statefulset"),
            ("ds", "daemonset"),
            ("cj", "cronjob"),
            ("svc", "service"),
            ("ing", "ingress"),
            ("pvc", "persistentvolumeclaim"),
            ("no", "node"),
        ] {
            assert_eq!(kind(word).map(|kind| kind.name), Some(name), "{word}");
        }
        assert_eq!(kind("secret"), None);
        assert_eq!(kind(""), None);
    }

    #[test]
    fn subjects_are_read_and_written() {
        let shown = |text: &str| Subject::parse(text).map(|subject| subject.to_string());
        assert_eq!(shown("deploy/payments").as_deref(), Some("deployment/payments"));
        assert_eq!(shown("pod/shop/payments-1").as_deref(), Some("pod/shop/payments-1"));
        assert_eq!(shown("no/ip-10-0-0-1.eu.internal").as_deref(), Some("node/ip-10-0-0-1.eu.internal"));
        for wrong in ["payments", "pod/", "pod//x", "node/a/b", "pod/a/b/c", "pod/$(id)", "pod/-x", "x/y", ""]
        {
            assert_eq!(shown(wrong), None, "{wrong}");
        }
    }
}
