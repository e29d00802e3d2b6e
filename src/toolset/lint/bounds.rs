//! Commands that end only when somebody ends them. A tool's time limit stops them too, but then what the model
//! gets is a failure.

use super::commands::Run;

/// Why `run` has no end of its own, and what gives it one.
#[allow(clippy::too_many_lines)] // A table of programs: it reads as one.
pub(super) fn endless(run: &Run, all: &[Run]) -> Option<(String, &'static str)> {
    if run.bounded {
        return None;
    }
    let follow = run.has(&["-f", "--follow"]);
    let no = |holds: bool, remedy: &'static str| (!holds).then_some(remedy);
    let on = |holds: bool, remedy: &'static str| holds.then_some(remedy);
    let remedy = match run.program.as_str() {
        "tail" => {
            let counted = |text: &str| {
                text.strip_prefix('-').is_some_and(|rest| {
                    matches!(rest.trim_start_matches(|c: char| c.is_ascii_digit()), "f" | "F")
                })
            };
            let follows =
                run.short('f') || run.short('F') || run.has(&["--follow"]) || run.texts().any(counted);
            on(follows, "leave `-f` away: `tail -n 200`")
        }
        "docker" | "podman" | "nerdctl" => containers(run, follow),
        "docker-compose" => on(
            run.verb(&["logs"]).is_some() && follow
                || run.verb(&["up"]).is_some() && !run.has(&["-d", "--detach"]),
            "leave `-f` away: `--tail 200`; `up -d`",
        ),
        "kubectl" | "oc" | "k3s" | "microk8s" => kubernetes(run, follow),
        "journalctl" => on(follow || run.flag('f', "xeaqrklmb"), "leave `-f` away: `-n 200 --no-pager`"),
        "dmesg" => on(
            run.flag('w', "TxHkruLPetd") || run.has(&["-W", "--follow", "--follow-new"]),
            "leave `-w` away: `dmesg | tail`",
        ),
        "watch" => Some("run the command once, without `watch`"),
        "top" => no(
            (run.short('b') && run.short('n')) || run.has(&["-l"]) || run.has(&["-h", "-v"]),
            "`top -b -n 1`",
        ),
        "htop" | "btop" | "atop" | "iotop" | "k9s" | "vi" | "vim" | "nano" | "less" | "more" => on(
            !run.has(&["-b", "-F", "--version", "--help"]),
            "use a program that prints and ends, such as `top -b -n 1` or `cat`",
        ),
        "ping" | "ping6" => {
            no(run.short('c') || run.short('w') || run.has(&["--count", "-h"]), "`ping -c 3`")
        }
        "tcpdump" | "tshark" | "ngrep" => no(
            run.short('c')
                || run.short('r')
                || run.short('n') && run.program == "ngrep"
                || run.has(&["-D", "-a", "--count"]),
            "`-c 50`, under `timeout 10`",
        ),
        "yes" => no(followed_by(run, all, &["head"]), "pipe it into `head -n …`"),
        "true" | ":" | "false" => {
            let endless = if run.program == "false" { "until" } else { "while" };
            let left = all.iter().any(|one| matches!(one.program.as_str(), "break" | "exit" | "return"));
            on(
                run.keywords.iter().any(|word| word == endless) && !left,
                "count the turns: `for i in 1 2 3; do …; done`",
            )
        }
        "sleep" if run.keywords.iter().any(|word| word == "while") => {
            let left = all.iter().any(|one| matches!(one.program.as_str(), "break" | "exit" | "return"));
            on(!left, "count the turns: `for i in 1 2 3; do …; done`")
        }
        "sleep" => {
            on(run.operands().any(|text| matches!(text, "infinity" | "inf")), "sleep for a number of seconds")
        }
        "vmstat" | "iostat" | "mpstat" | "pidstat" | "sar" | "dstat" => on(
            run.operands().filter(|text| text.bytes().all(|b| b.is_ascii_digit())).count() == 1
                && !run.has(&["-p", "-f", "-o"]),
            "give a count after the interval: `1 3`",
        ),
        "inotifywait" => on(run.has(&["-m", "--monitor"]), "leave `-m` away and give `-t 10`"),
        "strace" | "ltrace" => on(run.short('p'), "put it under `timeout 5`"),
        "stern" | "kubetail" => no(run.has(&["--no-follow"]), "`--no-follow --tail 100`"),
        "redis-cli" | "valkey-cli" => {
            let verb = run
                .operands()
                .any(|text| ["monitor", "subscribe", "psubscribe"].contains(&text.to_lowercase().as_str()));
            on(verb || run.has(&["--stat", "--latency", "--latency-history"]), "put it under `timeout 5`")
        }
        "kafka-console-consumer" | "kafka-console-consumer.sh" => {
            no(run.has(&["--timeout-ms", "--max-messages"]), "`--max-messages 10 --timeout-ms 5000`")
        }
        "mosquitto_sub" => no(run.has(&["-C", "-W"]), "`-C 10 -W 5`"),
        "nats" => on(run.verb(&["sub", "subscribe"]).is_some() && !run.has(&["--count"]), "`--count 10`"),
        "etcdctl" => on(run.verb(&["watch"]).is_some(), "`etcdctl get`"),
        "aws" => on(
            run.verb(&["tail"]).is_some() && run.has(&["--follow"])
                || run.verb(&["start-live-tail"]).is_some(),
            "`aws logs tail --since 10m`, without `--follow`",
        ),
        _ => clients(run, follow),
    }?;
    let what = if matches!(run.program.as_str(), "true" | ":" | "false") {
        "this loop has no end".to_owned()
    } else {
        format!("`{}` does not end by itself", run.shown(3))
    };
    Some((what, remedy))
}

/// Clients that most tools never call.
fn clients(run: &Run, follow: bool) -> Option<&'static str> {
    let on = |holds: bool, remedy: &'static str| holds.then_some(remedy);
    let verb = |verbs: &[&str]| run.verb(verbs).is_some();
    let watched = run.has(&["-w", "--watch"]);
    match run.program.as_str() {
        "argocd" if verb(&["logs"]) => on(follow, "leave `-f` away: `--tail 200`"),
        "argocd" => on(
            matches!(run.verb(&["app"]), Some((_, "wait")))
                && !run.texts().any(|text| text.starts_with("--timeout")),
            "`--timeout 30`, or `argocd app get`",
        ),
        "gcloud" | "az" => on(
            matches!(run.verb(&["logging", "log"]), Some((_, "tail"))),
            "read what is there: `gcloud logging read --limit 100`",
        ),
        "heroku" => on(run.has(&["--tail", "-t"]), "`-n 200`"),
        "hubble" => on(follow, "`--last 100`"),
        "cilium" | "nomad" | "consul" if verb(&["monitor", "watch"]) => Some("put it under `timeout 10`"),
        "flux" | "crictl" | "velero" | "nomad" | "vela" => {
            on(follow && verb(&["logs"]) || watched, "leave `-f` and `--watch` away")
        }
        "gh" => on(matches!(run.verb(&["run", "pr"]), Some(("run", "watch"))), "`gh run view`"),
        "logcli" => on(run.has(&["--tail", "-t"]), "`--limit 200`"),
        "rabbitmqctl" | "rabbitmq-diagnostics" => {
            on(verb(&["log_tail_stream", "consume_event_stream"]), "`log_tail`, or `--duration 10`")
                .filter(|_| !run.has(&["--duration", "-d"]))
        }
        "nc" | "ncat" | "netcat" | "socat" => on(
            run.flag('l', "kvnu") || run.has(&["--listen"]),
            "a tool listens for nobody: `nc -z -w 2 HOST PORT`",
        ),
        "kcat" | "kafkacat" => on(
            run.has(&["-C"]) && !run.has(&["-e", "-c"]),
            "`-e` ends at the end of the topic, `-c 10` after ten",
        ),
        "mtr" => {
            on(!run.has(&["-r", "--report", "-w", "-c", "--report-wide"]) && !run.short('r'), "`mtr -r -c 3`")
        }
        "perf" => on(matches!(run.verb(&["top"]), Some(("top", _))), "`perf record -- sleep 5`"),
        "mongostat" | "mongotop" => on(!run.has(&["-n", "--rowcount"]), "`--rowcount 3`"),
        "free" => on(run.has(&["-s", "--seconds"]) && !run.has(&["-c", "--count"]), "`-c 3`"),
        "netstat" => on(run.has(&["-c", "--continuous"]) || run.flag('c', "tulnpae"), "leave `-c` away"),
        "conntrack" => on(run.has(&["-E"]), "`conntrack -L`"),
        "ss" => on(run.has(&["-E", "--events"]), "leave `-E` away"),
        "ip" | "udevadm" => on(verb(&["monitor"]), "put it under `timeout 5`"),
        "iftop" | "nethogs" | "glances" | "nload" | "bmon" | "multitail" | "dbus-monitor" | "bpftrace" => on(
            !run.has(&["-t", "-c", "--help", "--version", "-V", "-l", "--stdout", "-n"]),
            "put it under `timeout 5`, or use a program that prints and ends",
        ),
        "iperf3" | "iperf" => on(run.has(&["-s", "--server"]), "a tool serves nobody"),
        "python3" | "python" => {
            on(run.value(&["-m"]).is_some_and(|module| module.text == "http.server"), "a tool serves nobody")
        }
        "log" => on(run.operands().next() == Some("stream"), "`log show --last 10m`"),
        _ => None,
    }
}

fn containers(run: &Run, follow: bool) -> Option<&'static str> {
    let (verb, after) =
        run.verb(&["events", "stats", "logs", "attach", "wait", "compose", "service", "container"])?;
    let verb = if matches!(verb, "compose" | "service" | "container") { after } else { verb };
    match verb {
        "events" if !run.has(&["--until"]) => Some("`docker events --since 2h --until 0s`"),
        "stats" if !run.has(&["--no-stream"]) => Some("`docker stats --no-stream`"),
        "logs" if follow => Some("leave `-f` away: `--tail 200`"),
        "up" if !run.has(&["-d", "--detach"]) => Some("`up -d`"),
        "attach" | "wait" => Some("use `docker logs` or `docker inspect`"),
        _ => None,
    }
}

fn kubernetes(run: &Run, follow: bool) -> Option<&'static str> {
    let (verb, after) = run.verb(&[
        "logs",
        "get",
        "port-forward",
        "proxy",
        "attach",
        "rollout",
        "events",
        "top",
        "describe",
        "wait",
    ])?;
    let watched = run.has(&["--watch", "--watch-only"])
        || run.flag('w', "A") && !run.texts().any(|text| text == "-w=false");
    match (verb, after) {
        ("wait", _) if run.texts().any(|text| text.starts_with("--timeout=-")) => Some("`--timeout=30s`"),
        ("logs", _) if follow || run.flag('f', "p") => Some("leave `-f` away: `--tail=200 --since=1h`"),
        ("get" | "events", _) if watched => Some("leave `-w` away"),
        ("port-forward" | "proxy" | "attach", _) => Some("ask the API instead: `kubectl get --raw`"),
        ("rollout", "status") => {
            let bound = run
                .texts()
                .any(|text| text.starts_with("--timeout") || text == "--watch=false" || text == "-w=false");
            (!bound).then_some("`--watch=false`")
        }
        _ => None,
    }
}

/// A request that may wait for as long as a server likes.
pub(super) fn patient(run: &Run, documents: &str) -> Option<(String, &'static str)> {
    if run.bounded {
        return None;
    }
    let told = match run.program.as_str() {
        "curl" => {
            run.short('m') || run.has(&["--max-time", "-V", "--version"]) || documents.contains("max-time")
        }
        "wget" => run.short('T') || run.has(&["--timeout"]),
        _ => return None,
    };
    let remedy = if run.program == "curl" { "`curl --max-time 10`" } else { "`wget --timeout=10 --tries=1`" };
    (!told).then(|| (format!("`{}` has no limit of time of its own", run.program), remedy))
}

fn followed_by(run: &Run, all: &[Run], programs: &[&str]) -> bool {
    all.iter().any(|one| one.pipeline == run.pipeline && programs.contains(&one.program.as_str()))
}
