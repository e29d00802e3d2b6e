//! kubectl: its version, the files it reads, the cluster it means, whether that answers and lets pods be read.

use std::path::PathBuf;

use rustix::fs::{Access, access};
use serde_json::Value;
use tokio::sync::watch;

use super::Looking;
use super::command::{ask, installed, version};
use super::report::{Check, Section};
use crate::cluster::contexts;

const HERE: Section = Section::Kubernetes;

pub(super) async fn look(looking: &Looking<'_>) {
    let add = |check| looking.report.add(check);
    let Some(path) = installed("kubectl", looking.context) else {
        add(Check::ok(HERE, "kubectl", "not installed: Kubernetes is not looked at"));
        return;
    };
    let client = async {
        let said = ask("kubectl version --client", looking, looking.limit).await;
        add(match (said.error, version(&said.stdout)) {
            (None, found) => {
                let version = found.unwrap_or("of no known version");
                Check::ok(HERE, "kubectl", format!("{version}, {}", path.display())).took(said.milliseconds)
            }
            (Some(error), _) => Check::problem(HERE, "kubectl", format!("{}: {error}", path.display()))
                .fix("run `kubectl version --client` by hand; without it no tool sees a cluster")
                .took(said.milliseconds),
        });
    };
    for check in files(looking) {
        add(check);
    }
    tokio::join!(client, cluster(looking));
}

/// What KUBECONFIG names, or the usual file.
fn files(looking: &Looking<'_>) -> Vec<Check> {
    let environment = &looking.context.environment;
    let named = environment.get("KUBECONFIG");
    let usual = || environment.get("HOME").map(|home| PathBuf::from(home).join(".kube/config"));
    let paths: Vec<PathBuf> = match named {
        Some(named) => named.split(':').filter(|path| !path.is_empty()).map(PathBuf::from).collect(),
        None => usual().filter(|path| path.exists()).into_iter().collect(),
    };
    let look = |path: PathBuf| {
        let shown = path.display();
        if !path.exists() {
            Check::warning(HERE, "kubeconfig", format!("{shown}, named by `KUBECONFIG`, does not exist"))
                .fix("correct `KUBECONFIG`, or unset it for ~/.kube/config")
        } else if access(&path, Access::READ_OK).is_err() {
            Check::problem(HERE, "kubeconfig", format!("{shown} cannot be read"))
                .fix(format!("make it readable for this user: `ls -l {shown}`"))
        } else {
            Check::ok(HERE, "kubeconfig", shown.to_string())
        }
    };
    paths.into_iter().map(look).collect()
}

async fn cluster(looking: &Looking<'_>) {
    let add = |check| looking.report.add(check);
    let (_keep, stop) = watch::channel(false);
    let inside = looking.context.environment.has("KUBERNETES_SERVICE_HOST");
    match contexts(&looking.environment, stop).await {
        Err(error) => {
            add(Check::problem(HERE, "context", error).fix("run `kubectl config view` by hand"));
            return;
        }
        Ok(found) if found.current.is_empty() && !inside => {
            let detail = format!("none is chosen, of {}", found.all.len());
            add(if found.all.is_empty() {
                Check::ok(HERE, "context", "none: no cluster is configured")
            } else {
                Check::warning(HERE, "context", detail).fix("kubectl config use-context NAME")
            });
            return;
        }
        Ok(found) => {
            let namespace = found.namespace().unwrap_or("default");
            let name = if found.current.is_empty() { "inside of a cluster" } else { &found.current };
            add(Check::ok(HERE, "context", format!("{name}, namespace {namespace}")));
        }
    }
    let server = async {
        let said = ask("kubectl get --raw /version", looking, looking.limit).await;
        let told: Option<Value> = serde_json::from_str(&said.stdout).ok();
        let told = told.as_ref().and_then(|told| told.get("gitVersion")?.as_str());
        add(match (said.error, told) {
            (None, Some(version)) => {
                Check::ok(HERE, "server", format!("answers, {version}")).took(said.milliseconds)
            }
            (None, None) => Check::warning(HERE, "server", "answers, and does not tell its version")
                .fix("look at what `kubectl get --raw /version` prints: something else may answer there")
                .took(said.milliseconds),
            (Some(error), _) => Check::problem(HERE, "server", error)
                .fix(
                    "`kubectl get --raw /version` must work: look at the address, VPN, proxy and credentials",
                )
                .took(said.milliseconds),
        });
    };
    let allowed = async {
        let said = ask("kubectl auth can-i get pods", looking, looking.limit).await;
        let answer = said.stdout.trim().lines().last().unwrap_or_default().to_owned();
        add(match (answer.as_str(), said.error) {
            ("yes", None) => Check::ok(HERE, "may get pods", "yes").took(said.milliseconds),
            ("no", _) => {
                Check::problem(HERE, "may get pods", "no: this user may not read pods in this namespace")
                    .fix("bind the role `view` to it, or choose another context or namespace")
                    .took(said.milliseconds)
            }
            (_, error) => {
                let error = error.unwrap_or_else(|| "kubectl says neither yes nor no".to_owned());
                Check::warning(HERE, "may get pods", format!("unknown: {error}"))
                    .fix("run `kubectl auth can-i get pods` by hand")
                    .took(said.milliseconds)
            }
        });
    };
    tokio::join!(server, allowed);
}
