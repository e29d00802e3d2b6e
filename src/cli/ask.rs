//! `holmes-rs ask`: one question, one answer.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;

use super::desk::Desk;
use super::failure::{Exit, Failure, io};
use super::investigation;
use super::options::{LimitArgs, ModelArgs, OutputArgs, Sources, ToolsetArgs, flags};
use super::swapped::SwappedArgs;
use super::{Context, session, stdin};
use crate::config::{Config, Flags};
use crate::question::{Attachment, Question, Source};
use crate::record;
use crate::replay::Recording;

/// Bytes of a question: more than any window holds.
const LONGEST_PROMPT: u64 = 1 << 20;
/// What is asked when evidence is piped in without words.
const ABOUT_PIPED: &str = "What is wrong here, and why?";

/// Investigate a question and answer it with the root cause, its evidence and the fix
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    holmes-rs ask \"why is this machine slow?\"\n  \
    holmes-rs ask -f /var/log/syslog \"what happened at 03:12?\"\n  \
    kubectl logs deploy/checkout | holmes-rs ask \"why does it crash?\" -o json")]
pub(super) struct AskArgs {
    /// The question; with piped input it may be left out
    #[arg(value_name = "QUESTION")]
    pub question: Vec<String>,
    /// Attach a file as evidence; may be given several times
    #[arg(short, long = "file", value_name = "PATH")]
    pub file: Vec<PathBuf>,
    /// Read the question from a file (also -pf)
    #[arg(long, value_name = "PATH")]
    pub prompt_file: Option<PathBuf>,
    /// Go on with the last run: ask on, or let it come to its answer
    #[arg(short = 'c', long = "continue", conflicts_with = "resume")]
    pub go_on: bool,
    /// Go on with this run: its id, the beginning of one, or `last`
    #[arg(long, value_name = "RUN")]
    pub resume: Option<String>,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub toolsets: ToolsetArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub swapped: SwappedArgs,
}

impl AskArgs {
    fn flags(&self) -> Result<Flags, Failure> {
        let flags = flags(Sources {
            model: &self.model,
            limits: &self.limits,
            toolsets: &self.toolsets,
            output: &self.output,
        })?;
        let flags = self.swapped.flags(flags)?;
        Ok(Flags { file: self.file.clone(), prompt_file: self.prompt_file.clone(), ..flags })
    }
}

/// `run resume`: the same with the run told otherwise.
pub(super) async fn resume(id: String, args: AskArgs, context: &Context) -> Result<Exit, Failure> {
    if args.go_on || args.resume.is_some() {
        return Err(Failure::new(
            Exit::Usage,
            format!("`{id}` is the run that goes on: `--continue` and `--resume` name another"),
        ));
    }
    Box::pin(run(AskArgs { resume: Some(id), ..args }, context)).await
}

/// Runs the verb.
pub(super) async fn run(args: AskArgs, context: &Context) -> Result<Exit, Failure> {
    let config = context.config(args.flags()?)?;
    let words = words(&args, &config)?;
    if (args.go_on || args.resume.is_some()) && config.switch("no_record")? {
        return Err(Failure::new(
            Exit::Usage,
            "a run that goes on is recorded: `--no-record` has no meaning for it",
        )
        .hint("leave it out, or ask anew"));
    }
    let again = again(&args, &config)?;
    let talks = talks(&words, &config, context)?;
    let piped = stdin::piped(!words.is_empty()).await?;
    let attached = config.paths("file")?;
    let mut attachments: Vec<Attachment> = attached
        .into_iter()
        .map(|path| Attachment { name: path.display().to_string(), path, source: Source::File })
        .collect();
    attachments.extend(piped.iter().map(|file| Attachment {
        name: "stdin".to_owned(),
        path: file.path().to_owned(),
        source: Source::File,
    }));
    if talks && piped.is_none() {
        let asked = !words.is_empty() || !attachments.is_empty();
        let text = if words.is_empty() { ABOUT_PIPED.to_owned() } else { words };
        let first = asked.then_some(Question { text, subject: None, attachments });
        return Box::pin(session::run(first, again.as_ref(), config, context)).await;
    }
    if let Some(recording) = again {
        let asked = !words.is_empty() || !attachments.is_empty();
        let text = if words.is_empty() { ABOUT_PIPED.to_owned() } else { words };
        let question = asked.then_some(Question { text, subject: None, attachments });
        let exit = Box::pin(investigation::go_on(question, &recording, config, context)).await;
        drop(piped);
        return exit;
    }
    let text = match words {
        words if !words.is_empty() => words,
        _ if !attachments.is_empty() => ABOUT_PIPED.to_owned(),
        _ => {
            return Err(Failure::new(Exit::Usage, "no question was given")
                .hint("holmes-rs ask \"why is this machine slow?\"")
                .hint("or pipe something in: journalctl -n 500 | holmes-rs ask"));
        }
    };
    let question = Question { text, subject: None, attachments };
    let commission = Desk::open(&config, context)?.words(question);
    let exit = investigation::run(commission, config, context).await;
    drop(piped);
    exit
}

/// The run that goes on, where one does.
fn again(args: &AskArgs, config: &Config) -> Result<Option<Recording>, Failure> {
    let wanted = match (&args.resume, args.go_on) {
        (Some(wanted), _) => wanted.as_str(),
        (None, true) => "last",
        (None, false) => return Ok(None),
    };
    let state = &config.folders().state;
    let id = record::find(state, wanted)?;
    // What a half-written last line held never arrived.
    let run = record::Recorded { unreadable: 0, ..record::read(state, &id)? };
    Ok(Some(Recording::new(run, &record::exhibits(state, &id), &BTreeSet::new())?))
}

/// Whether it is a conversation: wanted, or a person is there and asks nothing yet.
fn talks(words: &str, config: &Config, context: &Context) -> Result<bool, Failure> {
    if config.switch("no_interactive")? {
        return Ok(false);
    }
    let terminal = context.stdout.tty && context.stderr.tty && std::io::stdin().is_terminal();
    let wanted = config.switch("interactive")?;
    if wanted && !terminal {
        context.warn("`-i` has no effect: there is no terminal to talk to");
    }
    let text = matches!(config.text("output")?.as_deref(), None | Some("text"));
    Ok(terminal && text && (wanted || words.is_empty() && config.paths("file")?.is_empty()))
}

/// The question's words, from the command line or the prompt file. One that is typed wins over a file that
/// only the environment names.
fn words(args: &AskArgs, config: &Config) -> Result<String, Failure> {
    let typed = args.question.join(" ").trim().to_owned();
    if !args.question.is_empty() {
        if args.prompt_file.is_some() {
            return Err(Failure::new(Exit::Usage, "a question and `--prompt-file` cannot be given together"));
        }
        return Ok(typed);
    }
    let Some(path) = config.path("prompt_file")? else { return Ok(typed) };
    let what = format!("prompt file `{}`", path.display());
    let mut text = String::new();
    File::open(&path)
        .and_then(|file| file.take(LONGEST_PROMPT + 1).read_to_string(&mut text))
        .map_err(io(format!("{what} cannot be read")))?;
    if text.len() as u64 > LONGEST_PROMPT {
        return Err(Failure::new(Exit::Usage, format!("{what} is longer than 1 MiB"))
            .hint("attach it as evidence: -f PATH"));
    }
    if text.trim().is_empty() {
        return Err(Failure::new(Exit::Usage, format!("{what} is empty")));
    }
    Ok(text.trim().to_owned())
}
