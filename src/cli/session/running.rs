//! `/run` and `/shell`: commands that a person types for themselves. They run with the person's shell and environment, and no
//! policy judges them: whoever has a terminal here has one elsewhere. What comes of them is the person's until it is shared.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::Builder;

use super::Session;
use super::turns::Shown;
use super::words::one_line;
use crate::cli::failure::{Exit, Failure, io};
use crate::clock::{Clock as _, SystemClock};
use crate::evidence::view::size;
use crate::evidence::{Exhibit, Status};
use crate::shell::{Left, Program, Teed, foreground, teed};
use crate::ui::{self, Choice, prompt, sanitize};

/// Bytes kept of one command.
const MOST: u64 = 256 << 20;
/// Above this a person is told that the model is shown a part.
const LONG: u64 = 16_000;

impl Session {
    /// The person's shell, with everything in its environment.
    fn program(&self, args: Vec<String>) -> Program {
        let environment = &self.context.environment;
        let shell = environment.get("SHELL").filter(|shell| !shell.trim().is_empty()).unwrap_or("/bin/sh");
        let env = environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Program { command: shell.to_owned(), args, env, workdir: None }
    }

    pub(super) async fn run_command(&mut self, command: &str) -> Result<(), Failure> {
        if command.is_empty() {
            self.say("what is to be run? `/run df -h`; `/shell` starts a shell");
            return Ok(());
        }
        // Below the run's folder, so that sharing is a matter of its name.
        let folder = self.run.listeners.journal.exhibits();
        let kept = Builder::new().prefix(".command-").tempfile_in(folder);
        let kept = kept.map_err(io("the output cannot be kept"))?;
        let file = kept.reopen().map_err(io("the output cannot be kept"))?;
        let program = self.program(vec!["-c".to_owned(), command.to_owned()]);
        let start = SystemClock.instant();
        let open_line = Arc::new(AtomicBool::new(false));
        let written = Arc::clone(&open_line);
        let show = move |part: &[u8]| {
            written.store(part.last().is_some_and(|last| *last != b'\n'), Ordering::Release);
            // A terminal that is gone ends the session, not the command.
            let _ = ui::write_stdout(part);
        };
        let ran = teed(&program, file, MOST, show).await;
        self.signals.forget().await;
        let Teed { left, kept: amount } =
            ran.map_err(io(format!("`{}` cannot be started", sanitize(&program.command))))?;
        let seconds = (SystemClock.instant() - start).as_secs_f64();
        let mut told = ending(left);
        if amount.bytes == 0 {
            told.push_str(", no output");
        } else {
            let lines = if amount.lines == 1 { "line" } else { "lines" };
            let _ = write!(told, ", {} {lines}, {}", amount.lines, size(amount.bytes));
        }
        if amount.cut {
            told.push_str(" (the rest is not kept)");
        }
        if open_line.load(Ordering::Acquire) {
            self.print("\n")?;
        }
        self.say(&told);
        // There is nothing to tell the model.
        if amount.bytes == 0 && left.exit_code == Some(0) {
            return Ok(());
        }
        let mut question = "share it with the model?".to_owned();
        if amount.bytes > LONG {
            question = format!(
                "share it with the model, which is shown the lines that matter of {}?",
                size(amount.bytes)
            );
        }
        let choices = [('y', "share it"), ('n', "keep it to yourself")];
        match prompt::choose(&[question], &choices, None).await.map_err(io("the terminal cannot be read"))? {
            Choice::Key('y') => {}
            Choice::Key(_) | Choice::No | Choice::Interrupted => return Ok(()),
        }
        let (id, path) = self.run.store.allot();
        kept.persist(&path).map_err(|error| error.error).map_err(io("the output cannot be kept"))?;
        let status = match (left.exit_code, amount.bytes) {
            (Some(0), 0) => Status::NoData,
            (Some(0), _) => Status::Success,
            (Some(_), _) => Status::Error,
            (None, _) => Status::Interrupted,
        };
        let mut exhibit = Exhibit {
            description: format!("you ran {}", one_line(command, 200)),
            invocation: command.to_owned(),
            status,
            exit_code: left.exit_code,
            error: (status == Status::Error || status == Status::Interrupted).then(|| ending(left)),
            seconds,
            bytes: amount.bytes,
            lines: amount.lines,
            ..Exhibit::attachment(id, "user_command", command, path)
        };
        exhibit.params = serde_json::Map::from_iter([("command".to_owned(), command.into())]);
        let exhibit = self.run.keep(exhibit).await?;
        let flagged = exhibit.flagged.as_ref().map(|flag| flag.told(id));
        self.shown.push(Shown { exhibit, told: false });
        self.say(&format!("E{id} goes with the next question, without secrets; `/show E{id}`"));
        if let Some(flagged) = flagged {
            self.run.listeners.progress.warning(&flagged);
        }
        self.learn_words();
        Ok(())
    }

    pub(super) async fn shell(&mut self) -> Result<(), Failure> {
        let program = self.program(Vec::new());
        self.say("nothing of it is shared; `exit` comes back");
        let left = foreground(&program, None).await;
        self.signals.forget().await;
        let left = left.map_err(|error| {
            let what = format!("`{}` cannot be started: {error}", sanitize(&program.command));
            Failure::new(Exit::RunTime, what).hint("SHELL names it")
        })?;
        let told = ending(left);
        self.say(&format!("back in holmes-rs ({told})"));
        Ok(())
    }
}

fn ending(left: Left) -> String {
    match (left.exit_code, left.signal) {
        (Some(code), _) => format!("exit {code}"),
        (None, Some(2)) => "stopped".to_owned(),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    }
}
