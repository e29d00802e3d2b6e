//! `holmes-rs investigate pod NAME` and its like: the object is found first, with what belongs to it, so that the
//! investigation begins with its state, its logs and what changed.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use tokio::sync::watch;

use crate::briefing::{Found, kinds, nearest, state_line, workload};
use crate::cli::Context;
use crate::cli::desk::Desk;
use crate::cli::failure::{Exit, Failure, io};
use crate::cli::investigation;
use crate::cli::options::{LimitArgs, ModelArgs, OutputArgs, Sources, ToolsetArgs, flags};
use crate::cli::swapped::SwappedArgs;
use crate::clock::{Clock as _, SystemClock};
use crate::cluster::{Contexts, Scope, Snapshot, contexts, read};
use crate::config::Config;
use crate::config::yaml;
use crate::question::Question;
use crate::question::subject::{Kind, Subject, is_label, kind};
use crate::shell::{Stop, cluster_environment};

/// Bytes of a context's name that can be part of a file's.
const LONGEST_CONTEXT: usize = 200;

/// A kind of object, with its name.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum Workload {
    /// A pod: its state, events, logs, what made it
    #[command(visible_alias = "po", alias = "pods")]
    Pod(Box<WorkloadArgs>),
    /// A deployment, with the worst of its pods
    #[command(visible_alias = "deploy", alias = "deployments")]
    Deployment(Box<WorkloadArgs>),
    /// A stateful set, with the worst of its pods
    #[command(visible_alias = "sts", alias = "statefulsets")]
    Statefulset(Box<WorkloadArgs>),
    /// A daemon set, with the worst of its pods
    #[command(visible_alias = "ds", alias = "daemonsets")]
    Daemonset(Box<WorkloadArgs>),
    /// A job, with the worst of its pods
    #[command(alias = "jobs")]
    Job(Box<WorkloadArgs>),
    /// A cron job, with its last job
    #[command(visible_alias = "cj", alias = "cronjobs")]
    Cronjob(Box<WorkloadArgs>),
    /// A node, with what runs on it
    #[command(visible_alias = "no", alias = "nodes")]
    Node(Box<WorkloadArgs>),
    /// A service, with its endpoints and the worst pod behind it
    #[command(visible_alias = "svc", alias = "services")]
    Service(Box<WorkloadArgs>),
    /// An ingress, with the services it sends to
    #[command(visible_alias = "ing", alias = "ingresses")]
    Ingress(Box<WorkloadArgs>),
    /// A persistent volume claim, with who uses it
    #[command(visible_alias = "persistentvolumeclaim", alias = "persistentvolumeclaims", alias = "pvcs")]
    Pvc(Box<WorkloadArgs>),
}

/// Kinds that people name, as kubectl takes them.
const NAMED: &[&str] = &["deployments", "statefulsets", "daemonsets", "cronjobs", "services"];

const EXAMPLES: &str = "Examples:\n  \
    holmes-rs investigate pod payments-7d9f8b-x2x4l -n shop\n  \
    holmes-rs investigate deployment payments --context production\n  \
    holmes-rs investigate node worker-3 --no-llm";

/// Which object, and how it is investigated.
#[derive(Debug, Args)]
// `-n` is the namespace here.
#[command(after_help = EXAMPLES, mut_arg("no_interactive", |arg| arg.short(None)))]
pub(in crate::cli) struct WorkloadArgs {
    /// Its name
    #[arg(value_name = "NAME")]
    name: String,
    /// Its namespace [default: the context's, else the only one that has it]
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// kubectl's context [default: the current one]
    #[arg(long, value_name = "CONTEXT")]
    context: Option<String>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    toolsets: ToolsetArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    swapped: SwappedArgs,
}

impl Workload {
    fn parts(self) -> (&'static str, WorkloadArgs) {
        let (name, args) = match self {
            Self::Pod(args) => ("pod", args),
            Self::Deployment(args) => ("deployment", args),
            Self::Statefulset(args) => ("statefulset", args),
            Self::Daemonset(args) => ("daemonset", args),
            Self::Job(args) => ("job", args),
            Self::Cronjob(args) => ("cronjob", args),
            Self::Node(args) => ("node", args),
            Self::Service(args) => ("service", args),
            Self::Ingress(args) => ("ingress", args),
            Self::Pvc(args) => ("persistentvolumeclaim", args),
        };
        (name, *args)
    }
}

/// Runs the verb.
pub(in crate::cli) async fn run(workload: Workload, context: &Context) -> Result<Exit, Failure> {
    let (name, args) = workload.parts();
    let Some(kind) = kind(name) else {
        return Err(Failure::new(Exit::Usage, format!("`{name}` is no kind that can be investigated")));
    };
    let flags = flags(Sources {
        model: &args.model,
        limits: &args.limits,
        toolsets: &args.toolsets,
        output: &args.output,
    })?;
    let flags = args.swapped.flags(flags)?;
    let chosen;
    let (context, config) = match &args.context {
        None => (context, context.config(flags)?),
        Some(name) => {
            chosen = in_context(name, context).await?;
            (&chosen, chosen.config(flags)?)
        }
    };
    let (question, found) = asked(kind, &args, &config, context).await?;
    let commission = Desk::open(&config, context)?.workload(question, &found);
    investigation::run(commission, config, context).await
}

/// What is asked about the object, and what belongs to it.
async fn asked(
    kind: &'static Kind,
    args: &WorkloadArgs,
    config: &Config,
    context: &Context,
) -> Result<(Question, Found), Failure> {
    let wanted = wanted(kind, args)?;
    let cluster = Cluster::new(config, context);
    let found = cluster.find(kind, wanted).await?;
    let line = state_line(&found, SystemClock.now());
    context.say(&line);
    let subject = found.subject.to_string();
    // The line is the cluster's own words: what a model may build on stands in the exhibits.
    let text = format!("What is wrong with {subject}, and why? Its state when this was asked: {line}");
    let question = Question { text, subject: Some(subject), attachments: Vec::new() };
    Ok((question, found))
}

/// The subject as it was typed; `pod/NAME` is taken for NAME where the kinds agree.
fn wanted(kind: &'static Kind, args: &WorkloadArgs) -> Result<Subject, Failure> {
    let typed = args.name.trim();
    let usage = |message: String| Failure::new(Exit::Usage, message);
    let name = match typed.split_once('/') {
        None => typed,
        Some((word, name)) if crate::question::subject::kind(word) == Some(kind) && !name.contains('/') => {
            name
        }
        Some(_) => return Err(usage(format!("`{typed}` is no name of a {}: give it as NAME", kind.name))),
    };
    if name.is_empty() {
        return Err(usage(format!("the {} needs a name", kind.name)));
    }
    let namespace = args.namespace.as_deref().filter(|_| kind.namespaced).unwrap_or_default();
    if !namespace.is_empty() && !is_label(namespace) {
        return Err(usage(format!("`{namespace}` is no name of a namespace")));
    }
    Ok(Subject::new(kind.name, namespace, name))
}

/// The cluster kubectl points at.
struct Cluster {
    environment: Vec<(String, String)>,
    /// Nothing tells it to stop: dropping the run does.
    stop: Stop,
    _keep: watch::Sender<bool>,
}

impl Cluster {
    fn new(config: &Config, context: &Context) -> Self {
        let keys = config.model_key_names();
        let caller = context.environment.iter().filter(|(name, _)| !keys.contains(*name));
        let caller: Vec<(String, String)> =
            caller.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Self::of(&caller)
    }

    fn of(caller: &[(String, String)]) -> Self {
        let (keep, stop) = watch::channel(false);
        Self { environment: cluster_environment(caller), stop, _keep: keep }
    }

    async fn contexts(&self) -> Result<Contexts, Failure> {
        contexts(&self.environment, self.stop.clone()).await.map_err(|reason| unreadable(&reason))
    }

    async fn read(&self, namespace: Option<&str>, kinds: Vec<String>) -> Result<Snapshot, Failure> {
        let scope = Scope { namespace: namespace.map(str::to_owned), kinds };
        read(&scope, &self.environment, self.stop.clone()).await.map_err(|reason| unreadable(&reason))
    }

    /// The object with what belongs to it, in the namespace that was typed, else in the context's, else in the only one
    /// that has it.
    async fn find(&self, kind: &'static Kind, wanted: Subject) -> Result<Found, Failure> {
        if !kind.namespaced {
            let snapshot = self.read(None, kinds(kind.name)).await?;
            let found = workload(&wanted, &snapshot);
            return if found.exists { Ok(found) } else { Err(unknown(kind, &wanted, &[&snapshot])) };
        }
        let typed = wanted.namespace.is_some();
        let namespace = match &wanted.namespace {
            Some(namespace) => namespace.clone(),
            None => self.contexts().await?.namespace().unwrap_or("default").to_owned(),
        };
        let subject = Subject { namespace: Some(namespace.clone()), ..wanted.clone() };
        let snapshot = self.read(Some(&namespace), kinds(kind.name)).await;
        match &snapshot {
            Ok(snapshot) => {
                let found = workload(&subject, snapshot);
                if found.exists {
                    return Ok(found);
                }
            }
            Err(_) if !typed => {}
            Err(failure) => return Err(Failure::new(failure.exit, &failure.message)),
        }
        // A person who may read one namespace may not be allowed to read all of them.
        // What is meant may be of another kind: pods are asked for by the name of their deployment.
        let mut plurals: Vec<&str> = NAMED.iter().copied().filter(|plural| *plural != kind.plural).collect();
        plurals.push(kind.plural);
        let everywhere = self.read(None, plurals.into_iter().map(str::to_owned).collect()).await;
        let (here, everywhere) = match (snapshot, everywhere) {
            (Err(failure), Err(_)) => return Err(failure),
            (here, everywhere) => (here.unwrap_or_default(), everywhere.unwrap_or_default()),
        };
        let having = everywhere.of(kind.api).filter(|object| object.name() == subject.name);
        let having: Vec<String> = having.map(|object| object.namespace().to_owned()).collect();
        match having.as_slice() {
            [only] if !typed => {
                let snapshot = self.read(Some(only), kinds(kind.name)).await?;
                let found =
                    workload(&Subject { namespace: Some(only.clone()), ..subject.clone() }, &snapshot);
                if found.exists { Ok(found) } else { Err(unknown(kind, &subject, &[&snapshot, &everywhere])) }
            }
            [_, _, ..] if !typed => {
                let (kind, name) = (kind.name, &subject.name);
                let failure = format!("{kind} `{name}` is in {} namespaces: say which", having.len());
                let hint = having.iter().take(5).map(|one| format!("-n {one}")).collect::<Vec<_>>();
                Err(Failure::new(Exit::RunTime, failure).hint(hint.join(", ")))
            }
            _ => Err(unknown(kind, &subject, &[&here, &everywhere])),
        }
    }
}

fn unreadable(reason: &str) -> Failure {
    let failure = Failure::new(Exit::RunTime, format!("the cluster cannot be read: {reason}"));
    if reason.contains("not installed") {
        return failure.hint("install kubectl and point KUBECONFIG at a cluster");
    }
    failure.hint("`kubectl get pods` must work; `--context` and KUBECONFIG say which cluster")
}

/// That it does not exist, with what was meant or what kept it from being seen.
fn unknown(kind: &Kind, wanted: &Subject, seen: &[&Snapshot]) -> Failure {
    let place = match &wanted.namespace {
        Some(namespace) => format!(" in namespace {namespace}"),
        None => String::new(),
    };
    let failure = format!("there is no {} `{}`{place}", kind.name, wanted.name);
    let mut failure = Failure::new(Exit::RunTime, failure);
    let mut near: Vec<String> = Vec::new();
    // What is everywhere ranks by the same measure, and what stands in both is said once.
    for name in seen.iter().flat_map(|snapshot| nearest(wanted, snapshot)) {
        if !near.contains(&name) && near.len() < 5 {
            near.push(name);
        }
    }
    if !near.is_empty() {
        failure = failure.hint(format!("near it: {}", near.join(", ")));
    }
    let missing = seen.iter().flat_map(|snapshot| &snapshot.missing).find(|line| line.contains(kind.plural));
    if let Some(line) = missing {
        failure = failure.hint(format!("not all could be read: {line}"));
    }
    if near.is_empty() && missing.is_none() {
        failure = failure.hint(format!("`kubectl get {} -A` shows what there is", kind.plural));
    }
    failure
}

/// The same surroundings in another context. kubectl has no variable for one: a small file that only names it goes
/// first in KUBECONFIG, where the first file to name a current context wins.
async fn in_context(name: &str, context: &Context) -> Result<Context, Failure> {
    let caller: Vec<(String, String)> =
        context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let known = Cluster::of(&caller).contexts().await?;
    if !known.all.iter().any(|(one, _)| one == name) {
        let names: Vec<&str> = known.all.iter().map(|(one, _)| one.as_str()).collect();
        let failure = Failure::new(Exit::RunTime, format!("kubectl knows no context `{name}`"));
        return Err(match (yaml::nearest(name, &names), names.as_slice()) {
            (Some(near), _) => failure.hint(format!("did you mean `{near}`?")),
            (None, []) => failure.hint("no contexts are configured: point KUBECONFIG at a file with some"),
            (None, _) => failure
                .hint(format!("it knows {}", names.iter().take(10).copied().collect::<Vec<_>>().join(", "))),
        });
    }
    let file = context_file(&context.folders().cache, name)?;
    let own = if let Some(own) = context.environment.get("KUBECONFIG") {
        own.to_owned()
    } else {
        let home = context.environment.get("HOME").unwrap_or_default();
        PathBuf::from(home).join(".kube/config").to_string_lossy().into_owned()
    };
    Ok(context.with_variable("KUBECONFIG", &format!("{}:{own}", file.display())))
}

/// Writes the file that names a context; its path is the same each time.
fn context_file(cache: &Path, name: &str) -> Result<PathBuf, Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let part = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02x}") };
    let stem: String = name.bytes().map(part).collect();
    if stem.len() > LONGEST_CONTEXT {
        return Err(Failure::new(Exit::Usage, "the name of this context is too long for a file")
            .hint("`kubectl config rename-context` gives it a shorter one"));
    }
    let folder = cache.join("contexts");
    let path = folder.join(format!("{stem}.yaml"));
    let quoted = serde_json::Value::from(name);
    let text = format!("apiVersion: v1\nkind: Config\ncurrent-context: {quoted}\n");
    // Several runs may write it at the same time, all the same text.
    std::fs::create_dir_all(&folder)
        .and_then(|()| {
            let file = tempfile::NamedTempFile::new_in(&folder)?;
            std::fs::write(file.path(), text)?;
            file.persist(&path).map_err(|error| error.error)
        })
        .map_err(io(format!("the file for context `{name}` cannot be written below {}", cache.display())))?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_has_one_file_whatever_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let name = "arn:aws:eks:eu-west-1:1:cluster/a \"b\"../..";
        let path = context_file(folder.path(), name).unwrap();
        assert_eq!(path.parent().unwrap(), folder.path().join("contexts"));
        assert_eq!(path, context_file(folder.path(), name).unwrap());
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.ends_with("current-context: \"arn:aws:eks:eu-west-1:1:cluster/a \\\"b\\\"../..\"\n"),
            "{text}"
        );
        assert!(context_file(folder.path(), &"ä".repeat(150)).is_err());
    }
}
