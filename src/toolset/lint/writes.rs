//! Commands that change something, in tools that only read.

use crate::shell::survey::{Redirection, Survey, Word};

use super::commands::Run;
use super::{clients, sql};

/// A change: at which byte, what, and whether reading the command is enough to be sure.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub at: usize,
    pub what: String,
    pub sure: bool,
}

/// Every change the commands of a tool make. What a script makes with mktemp (`temporary`) is its own.
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
    for run in runs {
        let own = temporary && run.arguments.iter().any(|word| word.computed);
        let change = match run.program.as_str() {
            "rm" | "mv" | "tee" | "mkdir" | "rmdir" | "chmod" | "ln" | "touch" | "unlink" if own => None,
            "tee" => {
                let file = run.operands().find(|file| !file.starts_with("/dev/"));
                file.map(|file| format!("`tee {file}` writes a file"))
            }
            "rm" | "rmdir" | "mv" | "unlink" | "shred" | "truncate" | "chmod" | "chown" | "chgrp" | "ln"
            | "mkdir" | "touch" | "install" | "rsync" | "scp" | "reboot" | "shutdown" | "halt"
            | "poweroff" | "useradd" | "userdel" | "usermod" | "passwd" | "mount" | "umount" | "mkfs"
            | "fdisk" | "parted" | "swapon" | "swapoff" | "modprobe" | "rmmod" | "insmod" | "pkill"
            | "killall" | "logrotate" => Some(format!("`{}` changes the machine", run.shown(2))),
            "cp" => (!own && !run.operands().any(|file| file == "/dev/stdout"))
                .then(|| format!("`{}` writes a file", run.shown(2))),
            "dd" => run
                .texts()
                .any(|text| text.starts_with("of=") && !text.starts_with("of=/dev/null"))
                .then(|| "`dd of=` writes".to_owned()),
            "kill" => (!run.has(&["-0", "-l"])).then(|| "`kill` sends a signal".to_owned()),
            "sed" | "perl" | "gsed" => run
                .texts()
                .any(|text| text == "-i" || text.starts_with("-i.") || text == "--in-place" || text == "-pi")
                .then(|| format!("`{} -i` rewrites a file", run.program)),
            "sysctl" => {
                run.has(&["-w", "--write", "-p"]).then(|| "`sysctl -w` sets a value of the kernel".to_owned())
            }
            "crontab" => run.has(&["-r", "-e"]).then(|| "`crontab` is changed".to_owned()),
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
            "find" => run.has(&["-delete"]).then(|| "`find -delete` removes files".to_owned()),
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
        if let Some(what) = change {
            found.push(Change { at: run.at, what, sure: true });
        }
        if let Some(what) = request(run) {
            found.push(Change { at: run.at, what, sure: false });
        }
    }
    for one in surveyed.redirections.iter().filter(|one| writes(one)) {
        let own = temporary && one.target.computed;
        if !own && !nowhere(&one.target) {
            let what = format!("`{} {}` writes a file", one.operator, one.target.text);
            found.push(Change { at: one.target.at, what, sure: true });
        }
    }
    found.sort_by_key(|change| change.at);
    found.dedup();
    found
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
            let method =
                method.or_else(|| run.texts().find_map(|text| text.strip_prefix("-X").map(str::to_owned)));
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
