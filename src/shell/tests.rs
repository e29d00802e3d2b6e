//! The runner against real processes. Each test ends what it starts; waiting is on conditions, never on time alone.

use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::sync::watch;

use super::environment::environment;
use super::*;

const LONG: Limits = Limits { timeout: Duration::from_mins(1), kept_bytes: 1 << 30 };

fn script(text: &str) -> Script {
    Script {
        text: text.to_owned(),
        env: vec![("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned())],
        ..Script::default()
    }
}

async fn ran(text: &str, limits: Limits) -> (Finished, Vec<u8>) {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("out");
    let (_sender, stop) = watch::channel(false);
    let finished = run(&script(text), &output, limits, stop).await.unwrap();
    (finished, std::fs::read(&output).unwrap())
}

fn pid_in(path: &Path) -> i32 {
    let until = Instant::now() + Duration::from_secs(10);
    loop {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        if let (true, Ok(pid)) = (text.ends_with('\n'), text.trim().parse()) {
            return pid;
        }
        assert!(Instant::now() < until, "no pid in {}", path.display());
        std::thread::yield_now();
    }
}

/// Gone, or dead and waiting for its parent, within two seconds.
fn is_dead(pid: i32) -> bool {
    let until = Instant::now() + Duration::from_secs(2);
    loop {
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
            return true;
        };
        if stat.contains(") Z ") || stat.contains(") X ") {
            return true;
        }
        if Instant::now() > until {
            return false;
        }
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn both_streams_come_in_the_order_they_were_written() {
    let (finished, output) = ran("for i in 1 2 3; do echo out$i; echo err$i >&2; done; exit 3", LONG).await;
    assert_eq!(output, b"out1\nerr1\nout2\nerr2\nout3\nerr3\n");
    assert_eq!(finished.ending, Ending::Exited(3));
    assert_eq!((finished.bytes, finished.lines), (30, 6));
    assert_eq!(finished.last_error_line.as_deref(), Some("err3"));
}

#[tokio::test]
async fn success_has_no_error_line_and_an_unfinished_line_counts() {
    let (finished, _) = ran("printf 'a\\nb'", LONG).await;
    assert_eq!(finished.ending, Ending::Exited(0));
    assert_eq!((finished.bytes, finished.lines), (3, 2));
    assert_eq!(finished.last_error_line, None);
}

#[tokio::test]
async fn reading_stdin_gets_its_end_at_once() {
    let (finished, output) = ran("cat; echo done", LONG).await;
    assert_eq!(output, b"done\n");
    assert!(finished.duration < Duration::from_secs(10));
}

#[tokio::test]
async fn a_file_can_be_the_input() {
    let folder = TempDir::new().unwrap();
    let input = folder.path().join("in");
    std::fs::write(&input, "b\na\n").unwrap();
    let output = folder.path().join("out");
    let (_sender, stop) = watch::channel(false);
    let script = Script { stdin: Some(input), ..script("sort") };
    run(&script, &output, LONG, stop).await.unwrap();
    assert_eq!(std::fs::read(&output).unwrap(), b"a\nb\n");
}

#[tokio::test]
async fn the_environment_is_exactly_the_given_one() {
    let (_, output) = ran("env -u HOLMES_RUN -u HOLMES_RS | grep -v -E '^(_|PWD|SHLVL|OLDPWD)='", LONG).await;
    assert_eq!(output, b"PATH=/usr/local/bin:/usr/bin:/bin\n");
}

#[tokio::test]
async fn endless_output_stops_at_the_limit() {
    let limits = Limits { kept_bytes: 5_000_001, ..LONG };
    let (finished, output) = ran("yes", limits).await;
    assert_eq!(finished.ending, Ending::OutputLimit);
    assert_eq!(finished.bytes, 5_000_001);
    assert_eq!(output.len(), 5_000_001);
    assert_eq!(finished.lines, 2_500_001);
}

#[tokio::test]
async fn output_of_exactly_the_limit_is_whole() {
    let limits = Limits { kept_bytes: 4, ..LONG };
    let (finished, _) = ran("printf 1234", limits).await;
    assert_eq!(finished.ending, Ending::Exited(0));
}

#[tokio::test]
async fn the_time_limit_kills_the_group_and_keeps_what_was_read() {
    let folder = TempDir::new().unwrap();
    let pid = folder.path().join("pid");
    let text = format!(
        "trap '' TERM; echo early; (trap '' TERM; echo $BASHPID > {}; while :; do sleep 100; done) & while :; do sleep 100; done",
        pid.display()
    );
    let limits = Limits { timeout: Duration::from_millis(500), ..LONG };
    let (finished, output) = ran(&text, limits).await;
    assert_eq!(finished.ending, Ending::TimedOut);
    assert_eq!(output, b"early\n");
    assert!(finished.duration < Duration::from_secs(5));
    assert!(is_dead(pid_in(&pid)));
}

#[tokio::test]
async fn stop_ends_it_and_a_stop_before_the_start_runs_nothing() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("out");
    let (sender, stop) = watch::channel(false);
    let script = script("echo $$; sleep 1000");
    let (finished, ()) = tokio::join!(run(&script, &output, LONG, stop.clone()), async {
        while std::fs::read(&output).unwrap_or_default().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        sender.send(true).unwrap();
    });
    assert_eq!(finished.unwrap().ending, Ending::Stopped);
    assert!(is_dead(pid_in(&output)));

    let again = run(&script, &output, LONG, stop).await.unwrap();
    assert_eq!((again.ending, again.bytes), (Ending::Stopped, 0));
}

#[tokio::test]
async fn a_background_child_does_not_hold_the_run() {
    let folder = TempDir::new().unwrap();
    let pid = folder.path().join("pid");
    let text = format!("sleep 1000 & echo $! > {}; echo done", pid.display());
    let (finished, output) = ran(&text, LONG).await;
    assert_eq!(finished.ending, Ending::Exited(0));
    assert_eq!(output, b"done\n");
    assert!(finished.duration < Duration::from_secs(5));
    assert!(is_dead(pid_in(&pid)));
}

#[tokio::test]
async fn a_chatty_background_child_does_not_either() {
    let (finished, _) = ran("while :; do echo x; sleep 0.05; done & exit 4", LONG).await;
    assert_eq!(finished.ending, Ending::Exited(4));
    assert!(finished.duration < Duration::from_secs(10));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn leaving_the_group_is_no_escape() {
    let folder = TempDir::new().unwrap();
    let pid = folder.path().join("pid");
    let text = format!(
        "setsid sh -c 'echo $$ > {}; exec sleep 1000' >/dev/null 2>&1 < /dev/null & while ! [ -s {0} ]; do :; done",
        pid.display()
    );
    let (finished, _) = ran(&text, LONG).await;
    assert_eq!(finished.ending, Ending::Exited(0));
    assert!(is_dead(pid_in(&pid)));
}

#[tokio::test]
async fn dropping_the_run_kills_it() {
    let folder = TempDir::new().unwrap();
    let output = folder.path().join("out");
    let (_sender, stop) = watch::channel(false);
    let script = script("echo $$; sleep 1000");
    tokio::select! {
        _ = run(&script, &output, LONG, stop) => panic!("it ended by itself"),
        () = async {
            while std::fs::read(&output).unwrap_or_default().is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        } => {}
    }
    assert!(is_dead(pid_in(&output)));
}

#[tokio::test]
async fn no_zombie_is_left() {
    for text in ["true", "exit 9", "kill -9 $$", "sleep 1000 & true"] {
        let (_, output) = ran(&format!("echo $$; {text}"), LONG).await;
        let output = String::from_utf8(output).unwrap();
        let pid: u32 = output.lines().next().unwrap().parse().unwrap();
        // A zombie keeps its entry until it is reaped.
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "`{text}` left {pid}");
    }
}

#[tokio::test]
async fn a_signal_is_told_apart_from_an_exit() {
    let (finished, _) = ran("kill -SEGV $$", LONG).await;
    assert_eq!(finished.ending, Ending::Signalled(11));
}

#[tokio::test]
async fn capture_keeps_the_streams_apart() {
    let (_sender, stop) = watch::channel(false);
    let text = "echo v1.31; printf '\\033[31mno route\\033[0m\\n\\n' >&2; exit 1";
    let captured = capture(&script(text), LONG, stop.clone()).await.unwrap();
    assert_eq!(captured.ending, Ending::Exited(1));
    assert_eq!(captured.stdout, "v1.31\n");
    assert_eq!(captured.last_error_line.as_deref(), Some("no route"));

    // Both pipes full at once: neither may starve the other.
    let text = "head -c 900000 /dev/zero & head -c 900000 /dev/zero >&2; wait";
    let captured = capture(&script(text), LONG, stop.clone()).await.unwrap();
    assert_eq!(captured.stdout.len(), 900_000);

    let captured = capture(&script("yes"), LONG, stop).await.unwrap();
    assert_eq!(captured.ending, Ending::OutputLimit);
    assert_eq!(captured.stdout.len(), 1024 * 1024);
}

#[tokio::test]
async fn what_cannot_start_says_why() {
    let folder = TempDir::new().unwrap();
    let (_sender, stop) = watch::channel(false);
    let missing = Script { workdir: Some(folder.path().join("nowhere")), ..script("true") };
    let error = run(&missing, &folder.path().join("out"), LONG, stop).await.unwrap_err();
    assert!(error.to_string().contains("nowhere` does not exist"), "{error}");
}

#[test]
fn the_environment_keeps_what_tools_need_and_no_keys() {
    let pair = |name: &str| (name.to_owned(), format!("value of {name}"));
    let caller: Vec<_> = [
        "PATH",
        "KUBECONFIG",
        "XDG_CONFIG_HOME",
        "OPENAI_API_KEY",
        "AZURE_API_KEY",
        "MY_TOKEN",
        "PROMETHEUS_URL",
        "LC_ALL",
        "LD_PRELOAD",
        "BASH_ENV",
        "HOLMES_ARG_0",
        "https_proxy",
    ]
    .map(pair)
    .into();
    let wanted = ["PROMETHEUS_URL", "OPENAI_API_KEY", "HOLMES_ARG_0"].map(str::to_owned);
    let given = environment(&caller, &wanted);
    let names: Vec<&str> = given.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "AWS_PAGER",
            "COLUMNS",
            "GIT_OPTIONAL_LOCKS",
            "GIT_PAGER",
            "GIT_TERMINAL_PROMPT",
            "KUBECONFIG",
            "LC_ALL",
            "NO_COLOR",
            "PAGER",
            "PATH",
            "PROMETHEUS_URL",
            "SYSTEMD_COLORS",
            "SYSTEMD_PAGER",
            "TERM",
            "XDG_CONFIG_HOME",
            "https_proxy"
        ]
    );
    assert!(given.contains(&("LC_ALL".to_owned(), "C.UTF-8".to_owned())));
}

#[test]
fn nothing_passes_that_runs_before_the_command_or_is_a_secret_by_its_name() {
    let pair = |name: &str| (name.to_owned(), "x".to_owned());
    let unwanted = [
        "BASH_ENV",
        "BASH_FUNC_ls%%",
        "SHELLOPTS",
        "PS4",
        "LD_PRELOAD",
        "LD_AUDIT",
        "PROMPT_COMMAND",
        "ANTHROPIC_AUTH_TOKEN",
        "HOLMES_RUN",
    ];
    let mut caller: Vec<(String, String)> = unwanted.map(pair).into();
    // Their names are asked for, as a template does that mentions them.
    let mut wanted = unwanted.map(str::to_owned).to_vec();
    caller.push(("SHOCK".to_owned(), "() { :;}; echo owned".to_owned()));
    wanted.push("SHOCK".to_owned());
    // Not asked for, and no business of every tool.
    caller.extend(
        ["DOCKER_AUTH_CONFIG", "DOCKER_PASSWORD", "KUBERNETES_TOKEN", "PYTHONPATH", "GIT_SSH_COMMAND"]
            .map(pair),
    );
    let names = |wanted: &[String]| -> Vec<String> {
        environment(&caller, wanted).into_iter().map(|(name, _)| name).collect()
    };
    let fixed: Vec<String> = environment(&[], &[]).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names(&wanted), fixed);
    assert!(names(&["DOCKER_AUTH_CONFIG".to_owned()]).contains(&"DOCKER_AUTH_CONFIG".to_owned()));
}
