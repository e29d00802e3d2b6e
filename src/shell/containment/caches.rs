//! Where programs keep what they may lose: the folders that stay writable for commands that only read.

use std::collections::BTreeMap;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The usual caches. One is made where its program is used here, since allowing the folder above it would allow the
/// program's configuration as well: `~/.kube/config` names programs that kubectl runs.
pub(super) fn usual(environment: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let named = |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let Some(home) = named("HOME").filter(|home| home.is_dir()) else {
        return NAMED.iter().filter_map(|name| named(name)).collect();
    };
    let mut found = Vec::new();
    // XDG Base Directory Specification: the cache folder, made with 0700 by whoever needs it first. In it: Helm
    // (helm.sh/docs/helm/helm, "Cache Path"), pip, gh and most others.
    let cache = named("XDG_CACHE_HOME").unwrap_or_else(|| home.join(".cache"));
    make(&cache);
    found.push(cache);
    for (program, caches) in USED {
        let program = home.join(program);
        if program.is_dir() {
            for cache in *caches {
                make(&program.join(cache));
                found.push(program.join(cache));
            }
        }
    }
    found.extend(IN_HOME.iter().map(|path| home.join(path)));
    found.extend(NAMED.iter().filter_map(|name| named(name)));
    found
}

/// Folder of a program, and caches in it that are made.
const USED: &[(&str, &[&str])] = &[
    // kubectl's discovery (`--cache-dir`, kubernetes.io/docs/reference/kubectl/kubectl), and in it the tokens of Azure's
    // kubelogin (azure.github.io/kubelogin/cli/remove-cache-dir.html), of oidc-login and of aws-iam-authenticator.
    (".kube", &["cache"]),
    // Assumed roles, single sign-on, `aws login` (docs.aws.amazon.com/sdkref, feature-login-credentials), botocore.
    (".aws", &["cli/cache", "sso/cache", "login/cache", "boto/cache"]),
];

/// Written where they are; never made.
const IN_HOME: &[&str] = &[
    // kubectl before 1.26.
    ".kube/http-cache",
    // GKE's credential plugin: one file (kubernetes/cloud-provider-gcp, cmd/gke-gcloud-auth-plugin).
    ".kube/gke_gcloud_auth_plugin_cache",
    // az writes tokens, locks, logs and an index there at every call, kubelogin with `-l azurecli` through it; gcloud
    // does not start without, as it makes private files there and stores tokens in databases it locks by files beside
    // them. Programs that both may run lie there too (extensions, a virtual environment): no rule can leave them out.
    ".azure",
    ".config/gcloud",
];

/// Variables that name a cache.
const NAMED: &[&str] = &[
    "KUBECACHEDIR",
    "HELM_CACHE_HOME",
    "HELM_REPOSITORY_CACHE",
    "AWS_LOGIN_CACHE_DIRECTORY",
    "AZURE_CONFIG_DIR",
    "CLOUDSDK_CONFIG",
];

fn make(path: &Path) {
    if !path.exists() {
        // Where it cannot be made, its program lives without.
        let _ = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    }
}

/// A path as a toolset's file tells it: `~` and `$NAME` or `${NAME}` at its beginning. `None`: the variable is unset
/// or empty, which must not make `$NAME/` the whole disk, or it is no absolute path then.
pub(super) fn expand(path: &str, environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let (value, rest) = match path.strip_prefix('~') {
        Some(rest) => (environment.get("HOME")?.as_str(), rest),
        None => match path.strip_prefix('$') {
            Some(named) => {
                let (name, rest) = match named.strip_prefix('{') {
                    Some(braced) => braced.split_once('}')?,
                    None => named.split_at(named.find('/').unwrap_or(named.len())),
                };
                (environment.get(name)?.as_str(), rest)
            }
            None => ("", path),
        },
    };
    if value.is_empty() && !path.starts_with('/') {
        return None;
    }
    let whole = PathBuf::from(format!("{value}{rest}"));
    (whole.is_absolute() && (rest.is_empty() || rest.starts_with('/'))).then_some(whole)
}
