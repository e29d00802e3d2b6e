//! Reads objects with `kubectl get`, in one call where the server knows all the kinds.

use std::time::Duration;

use super::Snapshot;
use crate::shell::{Ending, Limits, Script, Stop, run};

/// Bytes of objects that are read: about 20,000 pods.
const MOST: u64 = 256 << 20;
/// For one call.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Characters of what kubectl says.
const LONGEST_SAID: usize = 300;
/// Kinds that a server may not know before it is given up.
const UNKNOWN: usize = 8;

/// Where to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// `None` for all namespaces.
    pub namespace: Option<String>,
    /// Kinds as kubectl takes them: `pods`, `deployments`. Never Secrets.
    pub kinds: Vec<String>,
}

/// Objects of `scope`. `environment` is what kubectl gets: PATH, HOME, KUBECONFIG. What may not be read, or is unknown to the
/// server, is told in `missing`.
///
/// # Errors
/// Why nothing could be read, in one line.
pub async fn read(scope: &Scope, environment: &[(String, String)], stop: Stop) -> Result<Snapshot, String> {
    objects(scope, "", environment, stop).await
}

/// As [`read`], with `metadata.managedFields`: who wrote what when. They double the size of most objects.
///
/// # Errors
/// As [`read`].
pub async fn read_with_history(
    scope: &Scope,
    environment: &[(String, String)],
    stop: Stop,
) -> Result<Snapshot, String> {
    // kubectl before 1.21 shows them always, and knows no such flag.
    match objects(scope, "--show-managed-fields", environment, stop.clone()).await {
        Err(reason) if reason.contains("unknown flag") => objects(scope, "", environment, stop).await,
        other => other,
    }
}

async fn objects(
    scope: &Scope,
    flag: &str,
    environment: &[(String, String)],
    stop: Stop,
) -> Result<Snapshot, String> {
    let folder = tempfile::tempdir().map_err(|error| format!("no folder for kubectl's output: {error}"))?;
    let (out, said) = (folder.path().join("objects.json"), folder.path().join("said"));
    let mut kinds: Vec<&str> = scope.kinds.iter().map(String::as_str).collect();
    kinds.retain(|kind| !matches!(*kind, "secret" | "secrets"));
    let mut missing = Vec::new();
    for _ in 0..UNKNOWN {
        if kinds.is_empty() {
            break;
        }
        let script = script(scope, &kinds, flag, &said.to_string_lossy(), environment);
        let limits = Limits { timeout: TIMEOUT, kept_bytes: MOST };
        let finished = run(&script, &out, limits, stop.clone())
            .await
            .map_err(|error| format!("kubectl cannot be started: {error}"))?;
        let words = std::fs::read_to_string(&said).unwrap_or_default();
        let mut problems: Vec<String> = words.lines().filter(|line| is_problem(line)).map(one_line).collect();
        match finished.ending {
            Ending::TimedOut => return Err(format!("kubectl gave no answer in {} s", TIMEOUT.as_secs())),
            Ending::OutputLimit => return Err(format!("the objects are larger than {} MiB", MOST >> 20)),
            Ending::Stopped => return Err("interrupted".to_owned()),
            Ending::Exited(127) => return Err("kubectl is not installed".to_owned()),
            _ => {}
        }
        let json =
            std::fs::read(&out).map_err(|error| format!("kubectl's output cannot be read: {error}"))?;
        if !json.trim_ascii().is_empty() {
            let mut snapshot = Snapshot::parse(&json)?;
            missing.append(&mut problems);
            snapshot.missing = missing;
            return Ok(snapshot);
        }
        // One unknown kind makes kubectl refuse them all.
        let unknown = problems.iter().find_map(|line| {
            let quoted = line.split("resource type \"").nth(1)?.split('"').next()?;
            kinds.iter().position(|kind| *kind == quoted)
        });
        let Some(at) = unknown else {
            return Err(problems.pop().unwrap_or_else(|| "kubectl printed nothing".to_owned()));
        };
        missing.push(format!("{}: the server does not know this kind", kinds.remove(at)));
    }
    Ok(Snapshot { missing, ..Snapshot::default() })
}

fn script(scope: &Scope, kinds: &[&str], flag: &str, said: &str, environment: &[(String, String)]) -> Script {
    let mut env = environment.to_vec();
    env.push(("HOLMES_ARG_KINDS".to_owned(), kinds.join(",")));
    env.push(("HOLMES_ARG_SAID".to_owned(), said.to_owned()));
    let place = match &scope.namespace {
        Some(namespace) => {
            env.push(("HOLMES_ARG_NAMESPACE".to_owned(), namespace.clone()));
            "--namespace=\"$HOLMES_ARG_NAMESPACE\""
        }
        None => "--all-namespaces",
    };
    let text = format!(
        "command -v kubectl >/dev/null || exit 127\n\
         exec kubectl get \"$HOLMES_ARG_KINDS\" {place} --output=json --request-timeout=15s \
         --ignore-not-found {flag} 2>\"$HOLMES_ARG_SAID\""
    );
    Script { text, env, workdir: None, stdin: None, containment: None }
}

/// What klog and the server's warnings say is no failure: `W1121 10:00:00.000000 …`, `Warning: …`.
fn is_problem(line: &str) -> bool {
    let line = line.trim_start();
    let mut chars = line.chars();
    let logged = chars.next().is_some_and(|c| "IWE".contains(c)) && chars.take(4).all(|c| c.is_ascii_digit());
    !line.is_empty() && !logged && !line.starts_with("Warning:")
}

fn one_line(line: &str) -> String {
    let line = line.trim().strip_prefix("Error from server ").unwrap_or(line.trim());
    line.chars().filter(|c| !c.is_control()).take(LONGEST_SAID).collect()
}
