//! `approval_command`: a program that decides. The request is JSON on its standard input, its exit code the answer.

use std::io::Write as _;
use std::time::Duration;

use tokio::sync::watch;

use super::super::Context;
use super::super::failure::Failure;
use super::{Turn, tell};
use crate::config::{CommandLine, Config};
use crate::shell::{Ending, Limits, Script, capture, environment};

/// Exit codes that allow; any other denies.
const ONCE: i32 = 0;
const SESSION: i32 = 10;

/// The program, ready to be asked.
pub(super) struct Program {
    text: String,
    env: Vec<(String, String)>,
    timeout: Duration,
    /// Somebody watches, and should know what is waited for.
    watched: bool,
}

/// What it said.
pub(super) enum Said {
    Once,
    Session,
    Denied { why: String, words: Option<String> },
}

impl Program {
    pub(super) fn of(config: &Config, context: &Context) -> Result<Option<Self>, Failure> {
        let Some(command) = config.command("approval_command")? else { return Ok(None) };
        let caller: Vec<(String, String)> =
            context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let mut env = environment(&caller, &config.texts("approval_env")?);
        let text = match command {
            CommandLine::Shell(text) => text,
            CommandLine::Words(words) => {
                // The text is constant: no word of it is read by a shell.
                let names = (0..words.len()).map(|n| format!("HOLMES_ARG_{n}"));
                let text = names.clone().map(|name| format!("\"${name}\"")).collect::<Vec<_>>().join(" ");
                env.extend(names.zip(words));
                format!("exec {text}")
            }
        };
        let timeout = config.duration("approval_timeout")?.unwrap_or(Duration::from_mins(1));
        Ok(Some(Self { text, env, timeout, watched: context.stderr.tty }))
    }

    /// Asks it, and ends it with all it started when the time is up or the turn ends.
    pub(super) async fn decide(&self, request: &serde_json::Value, turn: &Turn) -> Said {
        let denied = |why: String| Said::Denied { why, words: None };
        let asked = || -> std::io::Result<tempfile::NamedTempFile> {
            let mut file = tempfile::NamedTempFile::new()?;
            writeln!(file, "{request}")?;
            file.flush()?;
            Ok(file)
        };
        let input = match asked() {
            Ok(input) => input,
            Err(error) => return denied(format!("`approval_command` cannot be asked: {error}")),
        };
        if self.watched {
            tell("asking `approval_command` …");
        }
        let script = Script {
            text: self.text.clone(),
            env: self.env.clone(),
            stdin: Some(input.path().to_owned()),
            ..Script::default()
        };
        let limits = Limits { timeout: self.timeout, ..Limits::default() };
        let (_keep, never) = watch::channel(false);
        let stop = turn.interrupt.as_ref().map_or(never, watch::Sender::subscribe);
        let ended = match capture(&script, limits, stop).await {
            Ok(ended) => ended,
            Err(error) => return denied(format!("`approval_command` cannot be started: {error}")),
        };
        let why = match ended.ending {
            Ending::Exited(ONCE) => return Said::Once,
            Ending::Exited(SESSION) => return Said::Session,
            Ending::Exited(code @ (126 | 127)) => {
                format!("`approval_command` cannot be started: exit {code}")
            }
            Ending::Exited(code) => format!("`approval_command` denied it: exit {code}"),
            Ending::Signalled(signal) => format!("`approval_command` was killed by signal {signal}"),
            Ending::TimedOut => {
                format!("`approval_command` gave no answer in {} s", self.timeout.as_secs_f64())
            }
            Ending::NoTerminal => {
                "`approval_command` asks the terminal for something, which it has not".to_owned()
            }
            Ending::Stopped => "the run was interrupted".to_owned(),
            Ending::OutputLimit | Ending::Unwritable => "`approval_command` says too much".to_owned(),
        };
        let words = ended.last_error_line.filter(|_| matches!(ended.ending, Ending::Exited(_)));
        Said::Denied { why, words }
    }
}
