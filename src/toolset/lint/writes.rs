//! Commands that change something, in tools that only read.

use std::sync::LazyLock;

use crate::policy::{Policy, Verdict};
use crate::shell::survey::{Redirection, Survey, Word};

use super::commands::{Run, is_shell};
use super::{clients, sql};

/// A change: at which byte, what, and whether reading the command is enough to be sure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub at: usize,
    pub what: String,
    pub sure: bool,
}

/// Every change the commands of a tool make. What a script makes with mktemp (`temporary`) is its own.
#[allow(clippy::too_many_lines)] // A table of programs: it reads as one.
pub(super) fn changes(surveyed: &Survey, runs: &[Run], temporary: bool) -> Vec<Change> {
    let temporary = temporary || runs.iter().any(|run| run.program == "mktemp");
    let mut found: Vec<Change> = Vec::new();
    let statements = |run: &Run| {
        let joined = |pipeline: usize| pipeline == run.pipeline;
        let words = runs.iter().filter(|one| joined(one.pipeline)).flat_map(Run::texts);
        let input = surveyed.redirections.iter().filter(|one| joined(one.pipeline));
        let input = input.filter(|one| one.operator.starts_with('<'));
        let texts = input.flat_map(|one| [Some(one.target.text.as_str()), one.body.as_deref()]).flatten();
        words.chain(texts).find_map(sql::change)
    };
    for run in runs.iter().filter(|run| !run.has(&["--help", "--version"])) {
        let own = temporary && run.arguments.iter().any(|word| word.computed);
        let change = match run.program.as_str() {
            "rm" | "mv" | "tee" | "mkdir" | "rmdir" | "chmod" | "ln" | "touch" | "unlink" if own => None,
            "tee" => {
                let file = run.operands().find(|file| !file.starts_with("/dev/"));
                file.map(|file| format!("`tee {file}` writes a file"))
            }
            "rm" | "rmdir" | "mv" | "unlink" | "shred" | "truncate" | "chmod" | "chown" | "chgrp" | "ln"
            | "mkdir" | "touch" | "install" | "rsync" | "scp" | "reboot" | "shutdown" | "halt"
            | "poweroff" | "useradd" | "userdel" | "usermod" | "passwd" | "umount" | "mkfs" | "fdisk"
            | "parted" | "swapon" | "swapoff" | "modprobe" | "rmmod" | "insmod" | "pkill" | "killall"
            | "logrotate" => Some(format!("`{}` changes the machine", run.shown(2))),
            "cp" => (!own && !run.operands().any(|file| file == "/dev/stdout"))
                .then(|| format!("`{}` writes a file", run.shown(2))),
            "dd" => run
                .texts()
                .any(|text| text.starts_with("of=") && !text.starts_with("of=/dev/null"))
                .then(|| "`dd of=` writes".to_owned()),
            "kill" => (!run.has(&["-0", "-l"])).then(|| "`kill` sends a signal".to_owned()),
            // Alone it lists.
            "mount" => (run.has(&["-a"]) || run.operands().next().is_some() && !run.has(&["-l", "-t"]))
                .then(|| format!("`{}` changes the machine", run.shown(2))),
            "sed" | "perl" | "gsed" => (run.flag('i', "nErsuzplaw0")
                || run.texts().any(|text| text.starts_with("--in-place")))
            .then(|| format!("`{} -i` rewrites a file", run.program)),
            "sysctl" => {
                let sets = run.operands().any(|text| text.contains('='));
                (sets || run.has(&["-w", "--write", "-p"]))
                    .then(|| "`sysctl -w` sets a value of the kernel".to_owned())
            }
            "crontab" => (run.has(&["-r", "-e"]) || run.plain().next().is_some() && !run.has(&["-l"]))
                .then(|| "`crontab` is changed".to_owned()),
            "journalctl" => run
                .texts()
                .any(|text| text.starts_with("--vacuum") || text == "--rotate" || text == "--flush")
                .then(|| "`journalctl` drops or moves logs".to_owned()),
            "dmesg" => {
                run.has(&["-c", "-C", "--clear", "--read-clear"]).then(|| "`dmesg` clears the log".to_owned())
            }
            "iptables" | "ip6tables" | "nft" => run
                .has(&["-A", "-D", "-F", "-I", "-X", "-P", "-R", "-Z"])
                .then(|| format!("`{}` changes the rules", run.program)),
            "ip" => run
                .verb(&["add", "del", "delete", "set", "flush", "change", "replace"])
                .map(|(verb, _)| format!("`ip … {verb}` changes the network")),
            "find" if run.has(&["-fprint", "-fprint0", "-fprintf", "-fls"]) => {
                Some("`find -fprint` writes a file".to_owned())
            }
            "find" => run.has(&["-delete"]).then(|| "`find -delete` removes files".to_owned()),
            "tar" => run
                .texts()
                .next()
                .is_some_and(|first| first.contains('x') && !first.contains('t') && !first.starts_with("--"))
                .then(|| "`tar -x` writes files".to_owned())
                .filter(|_| !run.has(&["-O", "--to-stdout"]) && !run.flag('O', "qnvScN")),
            "mysqladmin" | "mariadb-admin" => run
                .operands()
                .find(|text| {
                    matches!(
                        *text,
                        "shutdown" | "kill" | "drop" | "create" | "reload" | "refresh" | "password"
                    ) || text.starts_with("flush-")
                })
                .map(|verb| format!("`{} {verb}` changes the server", run.program)),
            // `-qO-`: the file's name may follow in the same word.
            "wget" => (!run.has(&["--spider", "--output-document"])
                && !run.texts().any(|text| {
                    text.strip_prefix('-').is_some_and(|rest| !rest.starts_with('-') && rest.contains('O'))
                }))
            .then(|| "`wget` without `-O -` writes a file".to_owned()),
            "curl" => saved(run, own).map(|what| format!("`{what}` writes a file")),
            "kafka-consumer-groups" | "kafka-consumer-groups.sh" => (run
                .has(&["--delete", "--delete-offsets"])
                || run.has(&["--reset-offsets"]) && run.has(&["--execute"]))
            .then(|| format!("`{}` moves or removes a group", run.program)),
            "kafka-topics" | "kafka-topics.sh" | "kafka-configs" | "kafka-configs.sh" => run
                .has(&["--delete", "--create", "--alter"])
                .then(|| format!("`{}` changes the cluster", run.program)),
            "mongosh" | "mongo" => {
                run.texts().find_map(mongo).map(|what| format!("`{what}` changes the database"))
            }
            program if sql::is_client(program) => {
                statements(run).map(|word| format!("`{word}` in {program} changes the database"))
            }
            _ => clients::change(run).map(|verb| format!("`{} {verb}` changes something", run.program)),
        };
        let requested = request(run);
        if change.is_none() && requested.is_none() && !own && judged_elsewhere(run) {
            found.push(Change {
                at: run.at,
                what: format!("`{}` changes something", run.shown(3)),
                sure: false,
            });
        }
        if let Some(what) = change {
            found.push(Change { at: run.at, what, sure: true });
        }
        if let Some(what) = requested {
            found.push(Change { at: run.at, what, sure: false });
        }
    }
    for one in surveyed.redirections.iter().filter(|one| writes(one)) {
        let own = temporary && one.target.computed;
        // `[[ a > b ]]` compares.
        let compares = |run: &Run| {
            let closed =
                run.arguments.last().is_some_and(|word| word.text == "]]" && word.at > one.target.at);
            run.program == "[[" && run.at < one.target.at && closed
        };
        if !own && !runs.iter().any(compares) && !nowhere(&one.target) {
            let what = format!("`{} {}` writes a file", one.operator, one.target.text);
            found.push(Change { at: one.target.at, what, sure: true });
        }
    }
    found.sort_by_key(|change| change.at);
    found.dedup();
    found
}

/// What the policy of the bash tool calls a change, of programs that have no table here: it knows more of them.
fn judged_elsewhere(run: &Run) -> bool {
    static POLICY: LazyLock<Policy> = LazyLock::new(Policy::later);
    // Judged above, with a finer eye for what only prints.
    const OWN: &[&str] = &[
        "aws", "cp", "curl", "dd", "find", "kill", "kubectl", "mongo", "mongosh", "mount", "mv", "npm", "oc",
        "rm", "sed", "tar", "tee", "wget", "gcloud", "mkdir", "touch", "chmod", "ln", "rmdir", "unlink",
        "mktemp", "cilium",
    ];
    if OWN.contains(&run.program.as_str())
        || is_shell(&run.program)
        || sql::is_client(&run.program)
        || run.program.contains(['$', '{'])
    {
        return false;
    }
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    let words: Vec<String> = [run.program.as_str()].into_iter().chain(run.texts()).map(quoted).collect();
    POLICY.judge(&words.join(" ")).verdict == Verdict::Change
}

/// The option by which curl keeps what it got.
fn saved(run: &Run, own: bool) -> Option<String> {
    if run.has(&["-O", "--remote-name", "--remote-name-all", "-J"]) {
        return Some("curl -O".to_owned());
    }
    let file = run.value(&["-o", "--output"])?;
    let elsewhere = !nowhere(file) && file.text != "-" && !file.computed && !own;
    elsewhere.then(|| format!("curl -o {}", file.text))
}

fn writes(one: &Redirection) -> bool {
    one.operator.contains('>') && one.operator != "<>"
}

/// Descriptors and devices.
fn nowhere(target: &Word) -> bool {
    let text = target.text.as_str();
    text.bytes().all(|b| b.is_ascii_digit() || b == b'-') && !target.computed
        || ["/dev/null", "/dev/stderr", "/dev/stdout", "/dev/tty"].contains(&text)
        || text.starts_with("/dev/fd/")
        || text.starts_with("/dev/tcp/")
}

fn mongo(text: &str) -> Option<&'static str> {
    [
        ".drop(",
        ".dropDatabase(",
        ".deleteOne(",
        ".deleteMany(",
        ".insertOne(",
        ".insertMany(",
        ".updateOne(",
        ".updateMany(",
        ".replaceOne(",
        ".remove(",
        ".createIndex(",
        ".dropIndex(",
        ".killOp(",
        ".shutdownServer(",
        ".findOneAndDelete(",
        ".findOneAndUpdate(",
        ".bulkWrite(",
    ]
    .into_iter()
    .find(|call| text.contains(call))
    .map(|call| call.trim_end_matches('('))
}

/// `-XPUT`, `-sXPUT`, `--request=PUT`.
fn method_of(text: &str) -> Option<String> {
    let long = text.strip_prefix("--request=").map(str::to_owned);
    long.or_else(|| {
        let (before, method) = text.strip_prefix('-')?.split_once('X')?;
        let flags = before.chars().all(|c| "sSfLkgivN46".contains(c));
        (flags && !method.is_empty()).then(|| method.to_owned())
    })
}

/// A request that may change something: of that only its server knows.
fn request(run: &Run) -> Option<String> {
    const READS: &[&str] = &[
        "_search",
        "_count",
        "_msearch",
        "_cat",
        "_sql",
        "/query",
        "/search",
        "graphql",
        "/api/v1/",
        "/find",
        "/list",
        "/token",
        "oauth",
        "/login",
        "_analyze",
        "/select",
        "/ds/query",
        "/logs/events",
        "/validate",
    ];
    let posts = match run.program.as_str() {
        "curl" => {
            let method = run.value(&["-X", "--request"]).map(|word| word.text.clone());
            let method = method.or_else(|| run.texts().find_map(method_of));
            let data = run.has(&["-d", "-F", "-T", "--form", "--upload-file", "--json"])
                || run.texts().any(|text| text.starts_with("--data"));
            let get = run.has(&["-G", "--get"]);
            match method.as_deref() {
                Some("GET" | "HEAD" | "OPTIONS") => false,
                Some("DELETE" | "PUT" | "PATCH") => {
                    return Some(format!("`{}` changes what it names", run.shown(3)));
                }
                Some(_) => true,
                None => data && !get,
            }
        }
        "wget" => run.texts().any(|text| text.starts_with("--post") || text.starts_with("--method")),
        _ => false,
    };
    let reads = run.texts().any(|text| READS.iter().any(|part| text.contains(part)));
    (posts && !reads).then(|| format!("`{}` sends data to its server", run.program))
}
