//! Programs that toolsets and people use: which are there, in which version, and whether they answer at all.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use regex::Regex;
use tokio::sync::watch;

use super::super::Context;
use super::Looking;
use super::report::{Check, Section};
use crate::shell::{self, Ending, Limits, Script, capture};

/// Programs and how each is asked for its version. kubectl has a section of its own.
const PROGRAMS: &[(&str, &str)] = &[
    ("bash", "bash --version"),
    ("jq", "jq --version"),
    ("curl", "curl --version"),
    ("git", "git --version"),
    ("helm", "helm version --short"),
    ("oc", "oc version --client"),
    ("aws", "aws --version"),
    ("gcloud", "gcloud --version"),
    ("az", "az version"),
    ("docker", "docker --version"),
    ("podman", "podman --version"),
    ("systemctl", "systemctl --version"),
    ("journalctl", "journalctl --version"),
    ("psql", "psql --version"),
    ("mysql", "mysql --version"),
    ("redis-cli", "redis-cli --version"),
];
/// Slower than any of them is on a machine that works.
const VERSION_LIMIT: Duration = Duration::from_secs(6);
/// Stdout that is looked at.
const LOOKED_AT: u64 = 64 << 10;

/// A number with a dot in it, else any.
static VERSION: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d+(?:\.\d+)+").ok());
static NUMBER: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\d+").ok());

/// What a command said.
pub(super) struct Said {
    pub stdout: String,
    /// Why it did not end well, in one line.
    pub error: Option<String>,
    pub milliseconds: u64,
}

/// What commands get of the caller's environment: what tools get.
pub(super) fn environment(context: &Context) -> Vec<(String, String)> {
    let caller: Vec<(String, String)> =
        context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    shell::cluster_environment(&caller)
}

/// Runs `text`, a command of ours: nothing of anybody else's stands in it.
pub(super) async fn ask(text: &str, looking: &Looking<'_>, timeout: Duration) -> Said {
    // Whoever stops waiting drops the future, which ends the process.
    let (_keep, stop) = watch::channel(false);
    let script = Script { text: text.to_owned(), env: looking.environment.clone(), ..Script::default() };
    let limits = Limits { timeout, kept_bytes: LOOKED_AT };
    match capture(&script, limits, stop).await {
        Err(error) => Said {
            stdout: String::new(),
            error: Some(format!("cannot be started: {error}")),
            milliseconds: 0,
        },
        Ok(captured) => {
            let last = captured.last_error_line.filter(|line| !line.is_empty());
            let error = match captured.ending {
                Ending::Exited(0) => None,
                Ending::TimedOut => Some(format!("no end within {} s", timeout.as_secs())),
                Ending::Exited(code) => Some(last.unwrap_or_else(|| format!("exit {code}"))),
                Ending::Signalled(signal) => Some(format!("killed by signal {signal}")),
                Ending::OutputLimit => Some("too much output".to_owned()),
                Ending::NoTerminal => Some("it asks the terminal for something".to_owned()),
                Ending::Unwritable | Ending::Stopped => Some("interrupted".to_owned()),
            };
            let milliseconds = u64::try_from(captured.duration.as_millis()).unwrap_or(u64::MAX);
            Said { stdout: captured.stdout, error, milliseconds }
        }
    }
}

/// Where a program is, by PATH.
pub(super) fn installed(program: &str, context: &Context) -> Option<PathBuf> {
    let path = context.environment.get("PATH").unwrap_or_default();
    path.split(':')
        .filter(|folder| !folder.is_empty())
        .map(|folder| PathBuf::from(folder).join(program))
        .find(|file| {
            std::fs::metadata(file).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
        })
}

/// The first version in a text: digits and dots, whatever else stands there.
pub(super) fn version(text: &str) -> Option<&str> {
    [&VERSION, &NUMBER].into_iter().find_map(|pattern| Some(pattern.as_ref()?.find(text)?.as_str()))
}

pub(super) async fn programs(looking: &Looking<'_>) {
    let asked = PROGRAMS.iter().map(|(program, text)| async move {
        if installed(program, looking.context).is_none() {
            let check = Check::ok(Section::Programs, program, "not installed");
            // Commands run in it; with another shell they mostly work.
            return looking.report.add(if *program == "bash" {
                Check::warning(Section::Programs, program, "not installed: tools run in `sh`")
                    .fix("install bash: some commands of toolsets need it")
            } else {
                check.missing()
            });
        }
        let said = ask(text, looking, looking.limit.min(VERSION_LIMIT)).await;
        looking.report.add(match (said.error, version(&said.stdout)) {
            (None, Some(version)) => {
                Check::ok(Section::Programs, program, version).took(said.milliseconds).installed()
            }
            (None, None) => Check::ok(Section::Programs, program, "of no known version")
                .took(said.milliseconds)
                .installed(),
            (Some(error), _) => Check::warning(Section::Programs, program, format!("`{text}`: {error}"))
                .fix(format!("toolsets that need `{program}` may fail: run `{text}` by hand"))
                .took(said.milliseconds),
        });
    });
    futures_util::future::join_all(asked).await;
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn versions_are_found_in_every_spelling() {
        for (text, found) in [
            ("jq-1.6", Some("1.6")),
            ("GNU bash, version 5.2.15(1)-release (x86_64-pc-linux-gnu)", Some("5.2.15")),
            ("systemd 252 (252.22-1~deb12u1)", Some("252.22")),
            ("v3.12.0+gc9f554d", Some("3.12.0")),
            ("podman version 4\u{1b}[2J", Some("4")),
            ("none", None),
        ] {
            assert_eq!(version(text), found, "{text}");
        }
    }
}
