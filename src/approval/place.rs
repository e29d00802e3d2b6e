//! Where a cluster's programs stand at this moment, so that what is allowed there is allowed nowhere else.
//!
//! A command without `--context` and `-n` means whatever kubectl stands in when it runs: that is found out when leave is
//! given, and again each time it would be used. Two clusters may carry the same context name, so the server's address
//! counts too. Only files are read, and nothing is run; what cannot be found out can be allowed once, not for longer.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use super::rule::WHOLE_CLUSTER;
use super::{Ask, Concern, Rule};
use crate::config::yaml::{self, Node};

/// Bytes of one kubeconfig: certificates of hundreds of clusters.
const LARGEST: u64 = 4 << 20;
/// Programs that talk to whatever cluster kubectl's configuration names.
const CLUSTER_PROGRAMS: &[&str] = &[
    "argocd",
    "calicoctl",
    "cilium",
    "cmctl",
    "eksctl",
    "flux",
    "helm",
    "helmfile",
    "istioctl",
    "k9s",
    "kn",
    "kubectl",
    "kubeadm",
    "kustomize",
    "linkerd",
    "oc",
    "skaffold",
    "stern",
    "tkn",
    "velero",
];
/// Programs that start another one as it would start here.
const SAME_SURROUNDINGS: &[&str] =
    &["command", "ionice", "nice", "nohup", "setsid", "stdbuf", "time", "timeout", "watch", "xargs"];
/// Letters of short options that take no value, so that another may follow.
const BOOLEANS: &str = "ARWhiqtw";
/// Actions that concern a whole cluster whatever they are told.
const CLUSTER_ACTIONS: &[&str] = &["certificate", "cordon", "drain", "taint", "uncordon"];
/// Options that say who is talked to, or as whom, past the context.
const REDIRECTS: &[&str] = &[
    "--as",
    "--as-group",
    "--as-uid",
    "--certificate-authority",
    "--client-certificate",
    "--client-key",
    "--cluster",
    "--insecure-skip-tls-verify",
    "--kube-apiserver",
    "--kube-as-group",
    "--kube-as-user",
    "--kube-ca-file",
    "--kube-insecure-skip-tls-verify",
    "--kube-tls-server-name",
    "--kube-token",
    "--kubeconfig",
    "--master",
    "--password",
    "--server",
    "--tls-server-name",
    "--token",
    "--user",
    "--username",
    "-s",
];
/// Kinds that belong to no namespace, in the spellings kubectl takes.
const CLUSTER_KINDS: &[&str] = &[
    "apiservice",
    "apiservices",
    "certificatesigningrequest",
    "certificatesigningrequests",
    "clusterrole",
    "clusterrolebinding",
    "clusterrolebindings",
    "clusterroles",
    "crd",
    "crds",
    "csr",
    "customresourcedefinition",
    "customresourcedefinitions",
    "ingressclass",
    "ingressclasses",
    "mutatingwebhookconfiguration",
    "mutatingwebhookconfigurations",
    "namespace",
    "namespaces",
    "no",
    "node",
    "nodes",
    "ns",
    "pc",
    "persistentvolume",
    "persistentvolumes",
    "priorityclass",
    "priorityclasses",
    "pv",
    "runtimeclass",
    "runtimeclasses",
    "sc",
    "storageclass",
    "storageclasses",
    "validatingwebhookconfiguration",
    "validatingwebhookconfigurations",
    "volumeattachment",
    "volumeattachments",
];

/// A rule with what its silence means now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub rule: Rule,
    /// Address of the server of its context; `None` where no cluster is involved.
    pub server: Option<String>,
}

/// What kubectl's configuration says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    current: String,
    contexts: BTreeMap<String, Spot>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Spot {
    namespace: Option<String>,
    server: Option<String>,
}

impl Place {
    /// The files kubectl reads: those of `KUBECONFIG`, else the one below the home folder.
    #[must_use]
    pub fn files(kubeconfig: Option<&str>, home: Option<&Path>) -> Vec<PathBuf> {
        match kubeconfig.filter(|list| !list.is_empty()) {
            Some(list) => std::env::split_paths(list).filter(|path| !path.as_os_str().is_empty()).collect(),
            None => home.map(|home| home.join(".kube/config")).into_iter().collect(),
        }
    }

    /// Reads them as kubectl does: what is named first counts, what is not there is passed over.
    ///
    /// # Errors
    /// One line: a file that cannot be read, is too large or is none.
    pub fn read(files: &[PathBuf]) -> Result<Self, String> {
        let mut texts = Vec::new();
        for path in files {
            // Reading a pipe would wait for its other end, and take from kubectl what is in it.
            if path.metadata().is_ok_and(|about| !about.is_file()) {
                return Err(format!("kubeconfig `{}` is no file", path.display()));
            }
            let file = match File::open(path) {
                Ok(file) => file,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(format!("kubeconfig `{}`: {error}", path.display())),
            };
            let mut bytes = Vec::new();
            let read = file.take(LARGEST + 1).read_to_end(&mut bytes);
            read.map_err(|error| format!("kubeconfig `{}`: {error}", path.display()))?;
            if bytes.len() as u64 > LARGEST {
                return Err(format!("kubeconfig `{}` is larger than {} MiB", path.display(), LARGEST >> 20));
            }
            let text = yaml::decode(&bytes, &path.display().to_string()).map_err(|error| error.one_line())?;
            texts.push((path.display().to_string(), text));
        }
        Self::parse(texts.iter().map(|(place, text)| (place.as_str(), text.as_str())))
    }

    /// As [`Place::read`], of texts with the names of their files.
    ///
    /// # Errors
    /// `file:line:column` and what is wrong there.
    pub fn parse<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> Result<Self, String> {
        let mut current = String::new();
        let mut clusters: BTreeMap<String, String> = BTreeMap::new();
        let mut contexts: BTreeMap<String, (Option<String>, Option<String>)> = BTreeMap::new();
        for (place, text) in texts {
            let document = yaml::parse(text, place).map_err(|error| error.one_line())?;
            let node = document.node;
            if current.is_empty() {
                current = said(&node, "current-context").unwrap_or_default();
            }
            for (name, cluster) in named(&node, "clusters", "cluster") {
                if let Some(server) = said(&cluster, "server") {
                    clusters.entry(name).or_insert(server);
                }
            }
            for (name, context) in named(&node, "contexts", "context") {
                contexts.entry(name).or_insert((said(&context, "cluster"), said(&context, "namespace")));
            }
        }
        let spot = |(cluster, namespace): (Option<String>, Option<String>)| Spot {
            namespace,
            server: cluster.and_then(|cluster| clusters.get(&cluster).cloned()),
        };
        Ok(Self {
            current,
            contexts: contexts.into_iter().map(|(name, found)| (name, spot(found))).collect(),
        })
    }

    /// What the rules of `ask` mean now.
    ///
    /// # Errors
    /// Why it can only be allowed once, in words that follow "only once: ".
    pub fn settle(&self, ask: &Ask) -> Result<Vec<Settled>, String> {
        if ask.rules.is_empty() {
            return Err("no rule says what it would be".to_owned());
        }
        ask.rules.iter().map(|rule| self.settled(ask, rule)).collect()
    }

    fn settled(&self, ask: &Ask, rule: &Rule) -> Result<Settled, String> {
        let command = rule.action != ask.tool;
        let words = rule.exactly.as_deref().filter(|_| command).unwrap_or_default();
        let named = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
        let mut programs = rule.action.split_whitespace().map(named);
        let outer = programs.next().unwrap_or_default();
        let says = rule.context.is_some() || rule.namespace.is_some();
        // `sudo kubectl delete` stands in root's configuration, `ssh host kubectl delete` in that of another machine.
        let inside = command && !is_cluster_program(&outer) && programs.any(|word| is_cluster_program(&word));
        if inside && !SAME_SURROUNDINGS.contains(&outer.as_str()) {
            return Err(format!("`{outer}` may run it in other surroundings"));
        }
        let known = command && (inside || is_cluster_program(&outer));
        // What nobody understands may well talk to a cluster; of several parts it is the gravest that `concern` tells.
        let unknown = ask.concern == Concern::Unknown || ask.rules.len() > 1;
        let perhaps = unknown && !self.contexts.is_empty();
        if !(says || known || perhaps) {
            return Ok(Settled { rule: rule.clone(), server: None });
        }
        let given = |field: &Option<String>| field.clone().filter(|text| !text.is_empty());
        let (context, namespace) = (given(&rule.context), given(&rule.namespace));
        let reach = Reach::of(&rule.action, words);
        if reach.redirected
            || (context.is_none() && reach.names_context)
            || (namespace.is_none() && reach.names_namespace)
        {
            return Err("it says in its own way which cluster it means".to_owned());
        }
        let context = context.unwrap_or_else(|| self.current.clone());
        if context.is_empty() {
            return Err("kubectl stands in no context".to_owned());
        }
        let Some(spot) = self.contexts.get(&context) else {
            return Err(format!("kubeconfig has no context `{context}`"));
        };
        let Some(server) = &spot.server else {
            return Err(format!("kubeconfig names no server for context `{context}`"));
        };
        let namespace = match namespace {
            _ if reach.whole => WHOLE_CLUSTER.to_owned(),
            Some(namespace) => namespace,
            None => spot.namespace.clone().unwrap_or_else(|| "default".to_owned()),
        };
        let rule = Rule { namespace: Some(namespace), context: Some(context), ..rule.clone() };
        Ok(Settled { rule, server: Some(server.clone()) })
    }
}

/// Whether a program of this name talks to the cluster that kubectl's configuration names.
#[must_use]
pub fn is_cluster_program(name: &str) -> bool {
    CLUSTER_PROGRAMS.contains(&name) || name.starts_with("kubectl-")
}

/// How far the words of a command go.
#[derive(Default)]
struct Reach {
    redirected: bool,
    names_context: bool,
    names_namespace: bool,
    whole: bool,
}

impl Reach {
    fn of(action: &str, words: &[String]) -> Self {
        let mut reach = Self::default();
        let mut actions = action.split_whitespace();
        let program = actions.next().unwrap_or_default();
        let is_kubectl = matches!(program.rsplit('/').next(), Some("kubectl" | "oc"));
        reach.whole |= actions.any(|word| CLUSTER_ACTIONS.contains(&word));
        // Behind `--` stands what runs in a container.
        for word in words.iter().take_while(|word| *word != "--") {
            let name = word.split_once('=').map_or(word.as_str(), |(name, _)| name);
            // The letters of `-Rfall.yaml`: those that take nothing, and the first that takes the rest.
            let letters = word.strip_prefix('-').filter(|rest| !rest.starts_with('-')).unwrap_or_default();
            let flags = letters.find(|c| !BOOLEANS.contains(c)).map_or(letters.len(), |end| end + 1);
            let short = |letter| letters.get(..flags).is_some_and(|flags| flags.contains(letter));
            let names_context = matches!(name, "--context" | "--kube-context");
            reach.names_context |= names_context;
            reach.redirected |= REDIRECTS.contains(&name)
                || short('s')
                // In other programs these are short for `--context` and `--kubeconfig`.
                || (!is_kubectl && (short('c') || short('k')))
                || (name.starts_with("--") && name.ends_with("context") && !names_context);
            reach.names_namespace |= name == "--namespace" || short('n');
            reach.whole |= matches!(name, "--all-namespaces" | "--filename" | "--kustomize" | "--raw")
                || short('A')
                || short('f')
                || short('k')
                || word
                    .split([',', '/', '.'])
                    .any(|part| CLUSTER_KINDS.contains(&part.to_lowercase().as_str()));
        }
        reach
    }
}

fn said(node: &Node, key: &str) -> Option<String> {
    let text = node.get(key)?.as_str().ok()?.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// `- name: x` with what stands in it under `inner`.
fn named(node: &Node, list: &str, inner: &str) -> Vec<(String, Node)> {
    let items = node.get(list).and_then(|list| list.items().ok()).unwrap_or_default();
    items.iter().filter_map(|item| Some((said(item, "name")?, item.get(inner)?.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "current-context: staging\n\
        clusters:\n- name: s\n  cluster: {server: https://10.0.0.1:6443}\n- name: p\n  cluster: {server: https://10.0.0.2:6443}\n\
        contexts:\n- name: staging\n  context: {cluster: s, namespace: shop}\n- name: production\n  context: {cluster: p}\n\
        - name: lost\n  context: {cluster: gone}\n";

    fn place() -> Place {
        Place::parse(std::iter::once(("config", CONFIG))).unwrap()
    }

    fn ask(action: &str, words: &[&str], namespace: Option<&str>, context: Option<&str>) -> Ask {
        let rule = Rule {
            action: action.to_owned(),
            exactly: Some(words.iter().map(|word| (*word).to_owned()).collect()),
            namespace: namespace.map(str::to_owned),
            context: context.map(str::to_owned),
        };
        Ask {
            tool: "bash".to_owned(),
            toolset: "bash/core".to_owned(),
            shown: String::new(),
            concern: Concern::Change,
            why: String::new(),
            rules: vec![rule],
            tainted_by: None,
        }
    }

    /// Namespace, context, server.
    type At = (Option<String>, Option<String>, Option<String>);

    fn where_of(ask: &Ask) -> Result<At, String> {
        place().settle(ask).map(|mut settled| {
            let Settled { rule, server } = settled.remove(0);
            (rule.namespace, rule.context, server)
        })
    }

    fn at(namespace: &str, context: &str, server: &str) -> At {
        (Some(namespace.to_owned()), Some(context.to_owned()), Some(format!("https://{server}:6443")))
    }

    #[test]
    fn silence_means_where_kubectl_stands() {
        let restart = |words: &[&str], namespace, context| {
            where_of(&ask("kubectl rollout restart", words, namespace, context)).unwrap()
        };
        assert_eq!(restart(&["deploy/a"], None, None), at("shop", "staging", "10.0.0.1"));
        assert_eq!(restart(&["deploy/a", "-n", "x"], Some("x"), None), at("x", "staging", "10.0.0.1"));
        assert_eq!(
            restart(&["deploy/a", "--context", "production"], None, Some("production")),
            at("default", "production", "10.0.0.2")
        );
        assert_eq!(where_of(&ask("systemctl restart", &["nginx"], None, None)).unwrap(), (None, None, None));
        let unknown = Ask { concern: Concern::Unknown, ..ask("./deploy.sh", &[], None, None) };
        assert_eq!(where_of(&unknown).unwrap(), at("shop", "staging", "10.0.0.1"));
    }

    #[test]
    fn what_goes_past_its_namespace_concerns_the_whole_cluster() {
        for words in [
            &["pods", "--all", "-A"][..],
            &["pods", "--all-namespaces=true"],
            &["namespace", "shop"],
            &["ns/shop"],
            &["pods,nodes", "x"],
            &["PV/data"],
            &["-f", "all.yaml"],
            &["--filename=all.yaml"],
            &["-fall.yaml"],
            &["-Rfall.yaml"],
            &["-kfolder"],
            &["--raw", "/apis/x/v1/everything"],
        ] {
            let found = where_of(&ask("kubectl delete", words, None, None)).unwrap();
            assert_eq!(found, at("*", "staging", "10.0.0.1"), "{words:?}");
        }
        // What runs in a container is not kubectl's.
        let exec = ask("kubectl exec", &["pod/a", "--", "ls", "-A", "--server"], None, None);
        assert_eq!(where_of(&exec).unwrap(), at("shop", "staging", "10.0.0.1"));
    }

    #[test]
    fn what_cannot_be_found_out_is_allowed_once_only() {
        for (words, namespace, context) in [
            (&["--kubeconfig=/other", "pod/a"][..], None, None),
            (&["--server", "https://x", "pod/a"], None, None),
            (&["--as=root", "pod/a"], None, None),
            // The policy should have told these apart; what it does not is no rule.
            (&["--context=production", "pod/a"], None, None),
            (&["-nproduction", "pod/a"], None, None),
            (&["pod/a"], None, Some("unheard-of")),
            (&["pod/a"], None, Some("lost")),
            // As getopt and pflag read letters that stand together.
            (&["-shttps://x", "pod/a"], None, None),
            (&["-Rshttps://x", "pod/a"], None, None),
            (&["-Wn", "production", "pod/a"], None, None),
            (&["x", "--argocd-context", "production"], None, None),
        ] {
            assert!(where_of(&ask("kubectl delete", words, namespace, context)).is_err(), "{words:?}");
        }
        let nowhere = Place::default();
        assert!(nowhere.settle(&ask("helm rollback", &["a"], None, None)).is_err());
        assert!(nowhere.settle(&ask("systemctl restart", &["a"], None, None)).is_ok());
        assert!(place().settle(&Ask { rules: Vec::new(), ..ask("x", &[], None, None) }).is_err());
    }

    /// `sudo kubectl delete` allowed in one cluster is not allowed in the next.
    #[test]
    fn a_wrapped_program_stands_where_it_would_run() {
        let one = |action: &str, words: &[&str]| where_of(&ask(action, words, None, None));
        let timed = one("timeout kubectl delete", &["timeout", "5", "kubectl", "delete", "pod/a"]);
        assert_eq!(timed.unwrap(), at("shop", "staging", "10.0.0.1"));
        for (action, words) in [
            ("sudo kubectl delete", &["sudo", "kubectl", "delete", "pod/a"][..]),
            ("env kubectl delete", &["env", "KUBECONFIG=/o", "kubectl", "delete", "pod/a"]),
            ("ssh kubectl delete", &["ssh", "h", "kubectl", "delete", "pod/a"]),
        ] {
            assert!(one(action, words).unwrap_err().contains("surroundings"), "{action}");
        }
        assert_eq!(
            one("kubectl drain", &["kubectl", "drain", "n1"]).unwrap(),
            at("*", "staging", "10.0.0.1")
        );
        // Of two parts `concern` tells of one only: the script, too, is allowed where it was seen.
        let mut both = ask("./deploy.sh", &["./deploy.sh"], None, None);
        both.rules.extend(ask("systemctl restart", &["systemctl", "restart", "x"], None, None).rules);
        assert_eq!(where_of(&both).unwrap(), at("shop", "staging", "10.0.0.1"));
    }

    #[test]
    fn a_kubeconfig_that_is_a_pipe_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("config");
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
        assert!(Place::read(&[pipe]).unwrap_err().contains("is no file"));
    }

    #[test]
    fn files_are_merged_as_kubectl_merges_them() {
        let second = "current-context: production\nclusters:\n- name: s\n  cluster: {server: https://stolen}\n\
            contexts:\n- name: extra\n  context: {cluster: s}\n";
        let merged = Place::parse([("a", CONFIG), ("b", second)].into_iter()).unwrap();
        assert_eq!(merged.current, "staging");
        assert_eq!(merged.contexts["extra"].server.as_deref(), Some("https://10.0.0.1:6443"));
        assert_eq!(Place::files(Some("/a::/b"), None), [PathBuf::from("/a"), PathBuf::from("/b")]);
        assert_eq!(Place::files(Some(""), Some(Path::new("/h"))), [PathBuf::from("/h/.kube/config")]);
        assert_eq!(Place::read(&[PathBuf::from("/nowhere/config")]), Ok(Place::default()));
    }

    #[test]
    fn odd_files_are_an_error_or_nothing() {
        let parse = |text| Place::parse(std::iter::once(("config", text)));
        assert!(parse("contexts: [").is_err());
        assert_eq!(parse(""), Ok(Place::default()));
        assert_eq!(parse("contexts: 3\nclusters: {a: b}\ncurrent-context: [x]"), Ok(Place::default()));
        assert!(Place::read(&[PathBuf::from("/")]).is_err());
    }
}
