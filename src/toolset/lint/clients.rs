//! Clients with verbs: which of theirs change something. Facts of their manuals; a verb that is not here is taken
//! for one that reads.

use super::commands::Run;

const KUBECTL_READS: &[&str] = &[
    "get",
    "describe",
    "logs",
    "top",
    "explain",
    "api-resources",
    "api-versions",
    "version",
    "cluster-info",
    "events",
    "diff",
    "wait",
    "auth",
    "kustomize",
    "options",
    "completion",
    "plugin",
];
const KUBECTL_CHANGES: &[&str] = &[
    "delete",
    "apply",
    "edit",
    "patch",
    "scale",
    "exec",
    "cp",
    "create",
    "replace",
    "annotate",
    "label",
    "expose",
    "run",
    "set",
    "taint",
    "cordon",
    "uncordon",
    "drain",
    "autoscale",
    "attach",
    "debug",
    "certificate",
    "new-app",
    "new-build",
    "start-build",
    "rsh",
    "rsync",
];

const CONTAINER_READS: &[&str] = &[
    "ps", "images", "inspect", "logs", "top", "stats", "events", "info", "version", "port", "diff",
    "history", "search", "manifest",
];
const CONTAINER_CHANGES: &[&str] = &[
    "rm", "stop", "start", "restart", "kill", "exec", "run", "build", "push", "pull", "tag", "rmi", "create",
    "rename", "update", "pause", "unpause", "commit", "cp", "load", "import", "login", "logout", "attach",
];
const CONTAINER_GROUPS: &[&str] = &[
    "container",
    "image",
    "volume",
    "network",
    "system",
    "compose",
    "service",
    "stack",
    "node",
    "swarm",
    "builder",
];

const SYSTEMCTL_CHANGES: &[&str] = &[
    "restart",
    "stop",
    "start",
    "reload",
    "enable",
    "disable",
    "mask",
    "unmask",
    "kill",
    "daemon-reload",
    "daemon-reexec",
    "set-property",
    "edit",
    "isolate",
    "reboot",
    "poweroff",
    "halt",
    "try-restart",
    "reload-or-restart",
    "reset-failed",
    "set-default",
    "revert",
];

const AWS_CHANGES: &[&str] = &[
    "delete",
    "create",
    "put",
    "update",
    "modify",
    "terminate",
    "stop",
    "start",
    "reboot",
    "run",
    "attach",
    "detach",
    "associate",
    "disassociate",
    "register",
    "deregister",
    "tag",
    "untag",
    "set",
    "enable",
    "disable",
    "remove",
    "add",
    "send",
    "publish",
    "invoke",
    "restore",
    "copy",
    "import",
    "reset",
    "revoke",
    "authorize",
    "cancel",
    "execute",
    "purge",
    "replace",
    "release",
    "allocate",
];

const CLOUD_CHANGES: &[&str] = &[
    "delete",
    "create",
    "update",
    "patch",
    "deploy",
    "ssh",
    "start",
    "stop",
    "reset",
    "restart",
    "resize",
    "remove",
    "add",
    "set",
    "set-iam-policy",
    "add-iam-policy-binding",
    "remove-iam-policy-binding",
    "deallocate",
    "scale",
    "apply",
    "rollback",
    "promote",
    "import",
    "purge",
];

/// The verb by which a client changes something.
#[allow(clippy::too_many_lines)] // A table of programs: it reads as one.
pub(super) fn change<'a>(run: &'a Run) -> Option<String> {
    let verb = |reads: &[&str], changes: &[&str]| {
        let known: Vec<&str> = reads.iter().chain(changes).copied().collect();
        run.verb(&known).filter(|(verb, _)| changes.contains(verb)).map(|(verb, _)| verb.to_owned())
    };
    let either = |changes: &[&'a str]| verb(&[], changes);
    let dry = run.texts().any(|text| text.starts_with("--dry-run") && text != "--dry-run=none");
    match run.program.as_str() {
        "kubectl" | "oc" | "k3s" | "microk8s" if !dry => kubectl(run),
        "docker" | "podman" | "nerdctl" => containers(run),
        "docker-compose" => {
            either(&["up", "down", "rm", "stop", "start", "restart", "kill", "exec", "run", "pull", "build"])
        }
        "systemctl" => verb(
            &[
                "status",
                "show",
                "cat",
                "is-active",
                "is-enabled",
                "is-failed",
                "list-units",
                "list-unit-files",
            ],
            SYSTEMCTL_CHANGES,
        ),
        "service" | "rc-service" => either(&["restart", "stop", "start", "reload"]),
        "helm" if !dry => verb(
            &[
                "list", "ls", "status", "get", "history", "show", "template", "search", "version", "env",
                "lint", "verify",
            ],
            &["upgrade", "uninstall", "rollback", "install", "delete", "push"],
        ),
        "aws" => aws(run),
        "gcloud" | "az" | "doctl" | "oci" | "ibmcloud" | "aliyun" | "hcloud" | "scw" => {
            const READS: &[&str] =
                &["list", "describe", "show", "read", "get-value", "get-iam-policy", "config"];
            let known = |word: &&str| READS.contains(word) || CLOUD_CHANGES.contains(word);
            run.plain().skip(1).find(known).filter(|word| !READS.contains(word)).map(str::to_owned)
        }
        "git" => verb(
            &[
                "log",
                "show",
                "diff",
                "status",
                "blame",
                "ls-files",
                "ls-remote",
                "rev-parse",
                "branch",
                "remote",
                "describe",
                "grep",
            ],
            &[
                "push",
                "commit",
                "reset",
                "checkout",
                "clean",
                "merge",
                "rebase",
                "pull",
                "switch",
                "restore",
                "rm",
                "apply",
                "fetch",
                "clone",
                "add",
                "mv",
                "cherry-pick",
                "revert",
                "am",
                "gc",
                "init",
            ],
        ),
        "terraform" | "tofu" => verb(
            &["plan", "show", "state", "output", "validate", "version", "graph", "providers"],
            &["apply", "destroy", "import", "taint", "untaint", "refresh"],
        ),
        "argocd" => verb(
            &["can-i", "get", "list", "diff", "history", "logs"],
            &["sync", "rollback", "set", "terminate-op", "delete", "create"],
        ),
        "cilium" => {
            either(&["install", "uninstall", "upgrade", "connectivity", "sysdump", "enable", "disable"])
        }
        "flux" => either(&[
            "reconcile",
            "suspend",
            "resume",
            "delete",
            "create",
            "bootstrap",
            "install",
            "uninstall",
        ]),
        "etcdctl" => either(&["put", "del", "compaction", "defrag", "move-leader"]),
        "consul" => either(&["put", "delete", "leave", "force-leave", "join"]),
        "vault" => {
            either(&["write", "delete", "put", "destroy", "unseal", "seal", "revoke", "enable", "disable"])
        }
        "nomad" => either(&["stop", "run", "drain", "dispatch", "promote", "exec", "restart"]),
        "rabbitmqctl" | "rabbitmqadmin" => run
            .operands()
            .find(|text| {
                [
                    "delete", "purge", "stop", "set_", "clear_", "add_", "close_", "reset", "force_",
                    "publish", "declare",
                ]
                .iter()
                .any(|start| text.starts_with(start))
            })
            .map(str::to_owned),
        "redis-cli" | "valkey-cli" => redis(run),
        "gh" => verb(
            &["view", "list", "status", "diff", "search", "checks"],
            &["create", "merge", "close", "edit", "delete", "comment", "rerun", "cancel", "reopen"],
        ),
        "apt" | "apt-get" | "yum" | "dnf" | "apk" | "zypper" | "brew" | "pip" | "pip3" | "npm" | "snap" => {
            either(&[
                "install",
                "remove",
                "purge",
                "upgrade",
                "uninstall",
                "add",
                "del",
                "update",
                "autoremove",
            ])
        }
        _ => None,
    }
}

fn kubectl(run: &Run) -> Option<String> {
    let known: Vec<&str> =
        KUBECTL_READS.iter().chain(KUBECTL_CHANGES).copied().chain(["rollout", "config", "adm"]).collect();
    let (verb, after) = run.verb(&known)?;
    match verb {
        "rollout" => ["restart", "undo", "pause", "resume", "latest", "retry", "cancel"]
            .contains(&after)
            .then(|| format!("rollout {after}")),
        "config" => {
            let changes =
                ["set", "use", "delete", "unset", "rename"].iter().any(|start| after.starts_with(start));
            changes.then(|| format!("config {after}"))
        }
        "auth" => (after == "reconcile").then(|| format!("auth {after}")),
        "adm" => (!["policy", "top", "inspect", "must-gather", "node-logs"].contains(&after))
            .then(|| format!("adm {after}")),
        verb => KUBECTL_CHANGES.contains(&verb).then(|| verb.to_owned()),
    }
}

fn containers(run: &Run) -> Option<String> {
    let known: Vec<&str> =
        CONTAINER_READS.iter().chain(CONTAINER_CHANGES).chain(CONTAINER_GROUPS).copied().collect();
    let (verb, after) = run.verb(&known)?;
    if CONTAINER_GROUPS.contains(&verb) {
        let changes = CONTAINER_CHANGES.contains(&after)
            || [
                "prune",
                "up",
                "down",
                "deploy",
                "scale",
                "leave",
                "init",
                "join",
                "connect",
                "disconnect",
                "rollback",
            ]
            .contains(&after);
        return changes.then(|| format!("{verb} {after}"));
    }
    CONTAINER_CHANGES.contains(&verb).then(|| verb.to_owned())
}

fn aws(run: &Run) -> Option<String> {
    let mut operands = run.plain();
    let service = operands.next()?;
    let verb = operands.next()?;
    if service == "s3" {
        // `aws s3 cp s3://bucket/key -` prints.
        let prints = run.texts().last() == Some("-");
        return (matches!(verb, "rm" | "mv" | "sync" | "mb" | "rb" | "cp") && !prints)
            .then(|| format!("s3 {verb}"));
    }
    let (first, rest) = verb.split_once('-').unwrap_or((verb, ""));
    // Queries are started, and so read: `logs start-query`, `athena start-query-execution`.
    let query = rest.starts_with("query") || rest.starts_with("live-tail");
    (AWS_CHANGES.contains(&first) && !query && !rest.is_empty() || verb == "publish" || verb == "invoke")
        .then(|| format!("{service} {verb}"))
}

fn redis(run: &Run) -> Option<String> {
    const CHANGES: &[&str] = &[
        "SET",
        "DEL",
        "UNLINK",
        "FLUSHALL",
        "FLUSHDB",
        "EXPIRE",
        "HSET",
        "HDEL",
        "LPUSH",
        "RPUSH",
        "LPOP",
        "RPOP",
        "SADD",
        "SREM",
        "ZADD",
        "ZREM",
        "INCR",
        "DECR",
        "RENAME",
        "MIGRATE",
        "SHUTDOWN",
        "BGSAVE",
        "BGREWRITEAOF",
        "FAILOVER",
        "REPLICAOF",
        "SLAVEOF",
        "EVAL",
        "PUBLISH",
        "XADD",
        "XDEL",
        "XTRIM",
        "RESTORE",
        "PERSIST",
        "SETEX",
        "SETNX",
        "PSETEX",
        "MSET",
        "MSETNX",
        "GETSET",
        "GETDEL",
        "APPEND",
        "INCRBY",
        "DECRBY",
        "HINCRBY",
        "HMSET",
        "HSETNX",
        "LSET",
        "LREM",
        "LTRIM",
        "SPOP",
        "SMOVE",
        "ZINCRBY",
        "ZPOPMIN",
        "ZPOPMAX",
        "EXPIREAT",
        "PEXPIRE",
        "XGROUP",
        "XACK",
        "COPY",
        "MOVE",
        "SWAPDB",
        "SAVE",
        "EVALSHA",
    ];
    // What stands behind the command is its own: `GET set`.
    let mut words: Vec<String> = run.plain().map(str::to_ascii_uppercase).collect();
    let pair = |one: &str, others: &[&str]| {
        words.windows(2).any(|pair| matches!(pair, [a, b] if a == one && others.contains(&b.as_str())))
    };
    if pair("CONFIG", &["SET", "REWRITE", "RESETSTAT"])
        || pair("CLIENT", &["KILL", "PAUSE"])
        || pair("SLOWLOG", &["RESET"])
    {
        return words.into_iter().find(|word| ["CONFIG", "CLIENT", "SLOWLOG"].contains(&word.as_str()));
    }
    words.truncate(1);
    words.into_iter().find(|word| CHANGES.contains(&word.as_str()))
}
