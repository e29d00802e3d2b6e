//! The builtin tool `kubernetes_findings`: what the detectors find in a namespace or a cluster, each with the values
//! it was read from, so that an answer can quote them. It explains and proposes nothing.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use futures_util::future::join_all;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Outcome, Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::clock::{Clock as _, SystemClock};
use crate::cluster::{Scope, Snapshot, read};
use crate::detectors::{Finding, Focus, KINDS, Severity, detect};
use crate::evidence::Status;
use crate::shell::{Stop, private_file};

/// Findings that are written out; the worst come first.
const MOST_FINDINGS: usize = 100;
/// Names of others with the same fault.
const MOST_OTHERS: usize = 5;
/// Characters of a line.
const LONGEST_LINE: usize = 700;
/// Characters of a name of the API.
const LONGEST_NAME: usize = 253;
/// What people call kinds, and what the API does.
const SHORT: [(&str, &str); 16] = [
    ("po", "pod"),
    ("deploy", "deployment"),
    ("rs", "replicaset"),
    ("sts", "statefulset"),
    ("ds", "daemonset"),
    ("cj", "cronjob"),
    ("svc", "service"),
    ("ing", "ingress"),
    ("ingresses", "ingress"),
    ("pvc", "persistentvolumeclaim"),
    ("pv", "persistentvolume"),
    ("hpa", "horizontalpodautoscaler"),
    ("pdb", "poddisruptionbudget"),
    ("netpol", "networkpolicy"),
    ("networkpolicies", "networkpolicy"),
    ("no", "node"),
];

/// Runs the detectors over what kubectl reads.
pub struct KubernetesFindings {
    spec: ToolSpec,
    environment: Vec<(String, String)>,
}

impl KubernetesFindings {
    /// `environment` is all that kubectl gets: PATH, HOME, KUBECONFIG.
    #[must_use]
    pub fn new(environment: Vec<(String, String)>) -> Self {
        let spec = ToolSpec {
            name: "kubernetes_findings".to_owned(),
            description: "What is evidently wrong in a namespace (or in all): crash loops, OOM kills, images, \
                          scheduling, probes, volumes, Services, Jobs, nodes, quotas; causes with their effects and \
                          the exact values. Call it first"
                .to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "namespace": {"type": "string", "description": "all namespaces where left out"},
                    "kind": {"type": "string", "description": "pod, deployment: what is related to it comes first"},
                    "name": {"type": "string", "description": "name of that object"},
                },
                "required": [],
            }),
        };
        Self { spec, environment }
    }
}

impl Tool for KubernetesFindings {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &'static str {
        "kubernetes/core"
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        match wanted(params) {
            Ok(wanted) => wanted.describe(),
            Err(_) => "look for faults".to_owned(),
        }
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        Box::pin(async move {
            let invocation = self.describe(params);
            let told = match wanted(params) {
                Ok(wanted) => self.look(&wanted, &stop).await,
                Err(error) => Err(error),
            };
            let written = told.and_then(|text| {
                use std::io::Write as _;
                let write = || private_file(output)?.write_all(text.as_bytes());
                write().map(|()| text).map_err(|error| format!("the findings cannot be written: {error}"))
            });
            let (status, error, text) = match written {
                _ if *stop.borrow() => (Status::Interrupted, Some("interrupted".to_owned()), String::new()),
                Ok(text) => (Status::Success, None, text),
                Err(error) => (Status::Error, Some(error), String::new()),
            };
            let (bytes, lines) = (text.len() as u64, text.lines().count() as u64);
            Outcome { status, exit_code: None, error, invocation, bytes, lines }
        })
    }
}

/// What was asked for.
struct Wanted {
    namespace: Option<String>,
    focus: Option<Focus>,
}

impl Wanted {
    fn describe(&self) -> String {
        let place = self
            .namespace
            .as_ref()
            .map_or_else(|| "in all namespaces".to_owned(), |namespace| format!("in namespace {namespace}"));
        match &self.focus {
            Some(focus) => format!("look for faults {place}, around {} {}", focus.kind, focus.name),
            None => format!("look for faults {place}"),
        }
    }
}

fn wanted(params: &Map<String, Value>) -> Result<Wanted, String> {
    for name in params.keys() {
        if !["namespace", "kind", "name"].contains(&name.as_str()) {
            return Err(format!("there is no parameter `{}`: it takes namespace, kind and name", line(name)));
        }
    }
    let text = |name: &str| match params.get(name) {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) => {
            let text = text.trim();
            let fits = text.len() <= LONGEST_NAME
                && !text.starts_with('-')
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-._:".contains(c));
            if fits { Ok(text.to_owned()) } else { Err(format!("`{name}` is no name of Kubernetes")) }
        }
        Some(_) => Err(format!("`{name}` needs a text")),
    };
    let (namespace, kind, name) = (text("namespace")?, text("kind")?.to_lowercase(), text("name")?);
    let kind = SHORT.iter().find(|(short, _)| *short == kind).map_or_else(
        // `pods` as `pod`; `ingress` ends in an s of its own.
        || if kind.ends_with("ss") { kind.clone() } else { kind.trim_end_matches('s').to_owned() },
        |(_, kind)| (*kind).to_owned(),
    );
    if kind.is_empty() != name.is_empty() {
        return Err("`kind` and `name` go together: name an object by both, or by neither".to_owned());
    }
    let namespace = (!namespace.is_empty()).then_some(namespace);
    let whole = ["node", "persistentvolume"].contains(&kind.as_str());
    let focus = (!name.is_empty()).then(|| Focus {
        namespace: if whole { String::new() } else { namespace.clone().unwrap_or_default() },
        kind,
        name,
    });
    Ok(Wanted { namespace, focus })
}

impl KubernetesFindings {
    async fn look(&self, wanted: &Wanted, stop: &Stop) -> Result<String, String> {
        let mut snapshot = Snapshot::default();
        let mut scopes = Vec::new();
        for kinds in KINDS {
            // Their contents are read with them: too much of a whole cluster.
            if *kinds == ["configmaps"] && wanted.namespace.is_none() {
                snapshot.missing.push("configmaps: only looked at where a namespace is named".to_owned());
                continue;
            }
            let kinds = kinds.iter().map(|kind| (*kind).to_owned()).collect();
            scopes.push(Scope { namespace: wanted.namespace.clone(), kinds });
        }
        let reads = scopes.iter().map(|scope| read(scope, &self.environment, stop.clone()));
        let mut problems = Vec::new();
        for (scope, part) in scopes.iter().zip(join_all(reads).await) {
            match part {
                Ok(part) => snapshot.add(part),
                Err(problem) => {
                    snapshot.missing.push(format!("{}: {problem}", scope.kinds.join(", ")));
                    problems.push(problem);
                }
            }
        }
        if problems.len() == scopes.len() {
            return Err(problems.swap_remove(0));
        }
        snapshot.missing.sort();
        snapshot.missing.dedup();
        let now = SystemClock.now();
        let findings = detect(&snapshot, now, wanted.focus.as_ref());
        Ok(told(&snapshot, now, wanted, &findings))
    }
}

fn told(snapshot: &Snapshot, now: Timestamp, wanted: &Wanted, findings: &[Finding]) -> String {
    let mut text = format!("now: {}\n", now.strftime("%Y-%m-%dT%H:%M:%SZ"));
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut inside = 0_usize;
    for object in snapshot.objects() {
        *counts.entry(object.kind().to_lowercase()).or_default() += 1;
        inside += usize::from(!object.namespace().is_empty());
    }
    let counted: Vec<String> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    let place = wanted
        .namespace
        .as_ref()
        .map_or_else(|| "all namespaces".to_owned(), |one| format!("namespace {one}"));
    let _ = writeln!(text, "looked at: {place}: {}", line(&counted.join(", ")));
    if let Some(namespace) = wanted.namespace.as_ref().filter(|_| inside == 0) {
        let _ = writeln!(
            text,
            "nothing was found in namespace {namespace}: it may not exist, or not be readable"
        );
    }
    for missing in &snapshot.missing {
        let _ = writeln!(text, "not looked at: {}", line(missing));
    }
    let count = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let (critical, warning, note) =
        (count(Severity::Critical), count(Severity::Warning), count(Severity::Note));
    if findings.is_empty() {
        text.push_str("no findings\n");
        return text;
    }
    let _ = writeln!(text, "findings: {critical} critical, {warning} warning, {note} note");
    for finding in findings.iter().take(MOST_FINDINGS) {
        write_finding(&mut text, finding);
    }
    if let Some(left) = findings.len().checked_sub(MOST_FINDINGS).filter(|left| *left > 0) {
        let _ =
            writeln!(text, "\n{left} more findings are not shown: name a namespace, or a kind and a name");
    }
    text
}

fn write_finding(text: &mut String, finding: &Finding) {
    let times = match finding.others.len() {
        0 => String::new(),
        others => format!(" (×{})", others + 1),
    };
    let head = format!("{} {}{times}: {}", finding.severity.word(), finding.object, finding.what);
    let _ = writeln!(text, "\n{}", line(&head));
    for (path, value) in &finding.evidence {
        let _ = writeln!(text, "  {}", line(&format!("{path}: {value}")));
    }
    for effect in &finding.cause_of {
        let _ = writeln!(text, "  cause of {}", line(effect));
    }
    if !finding.others.is_empty() {
        let named =
            finding.others.iter().take(MOST_OTHERS).map(String::as_str).collect::<Vec<_>>().join(", ");
        let more = match finding.others.len().saturating_sub(MOST_OTHERS) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let _ = writeln!(text, "  also {}", line(&format!("{named}{more}")));
    }
    if let Some(since) = finding.since {
        let _ = writeln!(text, "  since {}", since.strftime("%Y-%m-%dT%H:%M:%SZ"));
    }
}

/// One line, without a terminal's control characters.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_LINE).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const CRASHING: &str = r#"{"items": [{"kind": "Pod",
        "metadata": {"name": "api-1", "namespace": "shop", "creationTimestamp": "2020-01-01T00:00:00Z"},
        "spec": {"nodeName": "node-1", "containers": [{"name": "app"}]},
        "status": {"phase": "Pending", "containerStatuses": [{"name": "app", "state": {"waiting":
            {"reason": "CreateContainerConfigError", "message": "secret \"k\u001b[31m\nCRITICAL pod/x\" not found"}}}]}}]}"#;

    /// Runs the tool with a kubectl that is this shell script, or with none.
    fn tool(kubectl: Option<&str>, params: &Value) -> (Outcome, String) {
        let folder = tempfile::tempdir().unwrap();
        if let Some(script) = kubectl {
            let path = folder.path().join("kubectl");
            fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        // Nothing else is on the path: not the machine's own kubectl.
        std::os::unix::fs::symlink("/bin/bash", folder.path().join("bash")).unwrap();
        let path = folder.path().to_string_lossy().into_owned();
        let tool = KubernetesFindings::new(vec![("PATH".to_owned(), path)]);
        let output = folder.path().join("out");
        let (_keep, stop) = tokio::sync::watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let outcome = runtime.block_on(tool.run(params.as_object().unwrap(), &output, stop));
        (outcome, fs::read_to_string(&output).unwrap_or_default())
    }

    fn answering(pods: &str) -> String {
        format!(
            "case \"$2\" in\npods) printf '%s' '{}' ;;\n\
             events) echo 'Error from server (Forbidden): events is forbidden: User \"x\" cannot list' >&2; exit 1 ;;\n\
             *) echo '{{\"items\": []}}' ;;\nesac",
            pods.replace('\n', " ")
        )
    }

    #[test]
    fn findings_stand_with_their_evidence_and_with_what_could_not_be_read() {
        let (outcome, text) = tool(Some(&answering(CRASHING)), &json!({"namespace": "shop"}));
        assert_eq!(outcome.status, Status::Success);
        assert_eq!(outcome.invocation, "look for faults in namespace shop");
        assert_eq!((outcome.bytes, outcome.lines), (text.len() as u64, text.lines().count() as u64));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with("now: 2"), "{text}");
        assert_eq!(lines[1], "looked at: namespace shop: pod 1");
        assert!(
            lines[2].starts_with("not looked at: ") && lines[2].contains("events is forbidden"),
            "{text}"
        );
        assert_eq!(lines[3], "findings: 1 critical, 0 warning, 0 note");
        assert!(lines[5].starts_with("CRITICAL pod/shop/api-1: container app cannot be made"), "{text}");
        let path = "  status.containerStatuses[0].state.waiting.reason: CreateContainerConfigError";
        assert_eq!(lines[6], path);
        // A stranger's words begin no line of their own and drive no terminal.
        assert!(
            !text.contains('\u{1b}') && !lines.iter().any(|line| line.starts_with("CRITICAL pod/x")),
            "{text}"
        );
    }

    #[test]
    fn nothing_wrong_is_said_with_what_was_looked_at() {
        let quiet = r#"echo '{"items": [{"kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "shop"}}]}'"#;
        let (outcome, text) =
            tool(Some(quiet), &json!({"namespace": "shop", "kind": "deploy", "name": "api"}));
        assert_eq!(outcome.invocation, "look for faults in namespace shop, around deployment api");
        assert!(text.ends_with("looked at: namespace shop: serviceaccount 5\nno findings\n"), "{text}");
        let (_, text) = tool(Some("echo '{\"items\": []}'"), &json!({"namespace": "shopp"}));
        assert!(text.contains("nothing was found in namespace shopp: it may not exist"), "{text}");
    }

    #[test]
    fn a_whole_cluster_is_read_without_the_contents_of_config_maps() {
        let (_, text) = tool(Some("[ \"$3\" = --all-namespaces ] && echo '{\"items\": []}'"), &json!({}));
        assert!(
            text.contains("not looked at: configmaps: only looked at where a namespace is named"),
            "{text}"
        );
    }

    #[test]
    fn without_kubectl_or_an_answer_it_says_so() {
        let (outcome, text) = tool(None, &json!({}));
        assert_eq!((outcome.error.as_deref(), text.as_str()), (Some("kubectl is not installed"), ""));
        let (outcome, _) = tool(Some("echo 'no JSON'"), &json!({}));
        assert!(outcome.error.unwrap().starts_with("kubectl printed no JSON: "));
        let (outcome, _) = tool(Some("echo 'Unable to connect to the server: EOF' >&2; exit 1"), &json!({}));
        assert_eq!(outcome.error.as_deref(), Some("Unable to connect to the server: EOF"));
    }

    #[test]
    fn wrong_parameters_are_told_before_anything_runs() {
        let wrong = |params: Value| tool(Some("echo ran >&2; exit 1"), &params).0.error.unwrap();
        assert_eq!(wrong(json!({"namespace": "-A"})), "`namespace` is no name of Kubernetes");
        assert_eq!(wrong(json!({"namespace": "a b; rm"})), "`namespace` is no name of Kubernetes");
        assert_eq!(wrong(json!({"namespace": 4})), "`namespace` needs a text");
        assert!(wrong(json!({"kind": "pod"})).starts_with("`kind` and `name` go together"));
        assert!(wrong(json!({"pod": "x"})).starts_with("there is no parameter `pod`"));
    }

    #[test]
    fn a_kind_is_known_by_all_its_names() {
        let kind = |kind: &str| {
            let params = json!({"kind": kind, "name": "x", "namespace": "shop"});
            wanted(params.as_object().unwrap()).unwrap().focus.unwrap()
        };
        assert_eq!(kind("Pods").kind, "pod");
        assert_eq!(kind("ingress").kind, "ingress");
        assert_eq!(kind("Ingresses").kind, "ingress");
        assert_eq!(kind("sts").kind, "statefulset");
        assert_eq!((kind("node").kind.as_str(), kind("node").namespace.as_str()), ("node", ""));
    }
}
