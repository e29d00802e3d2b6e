//! What clap has to say about a command line, in the form of all other errors: one to three lines.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory as _};

use super::failure::{Exit, Failure};
use crate::config::yaml::nearest;

/// Words longer than this are no typo, and need not be shown whole.
const LONGEST: usize = 60;
/// Commands of HolmesGPT's that are another one here.
const ELSEWHERE: [(&str, &str); 2] = [
    ("ticket", "`holmes-rs investigate jira SHOP-12 --update` is what does it here"),
    ("generate", "`holmes-rs investigate alert --list -o json` prints the alerts"),
];

/// The error as a failure; `None` where clap's own page is the answer: help, version, a missing verb.
pub(super) fn failure(error: &clap::Error, typed: &[OsString]) -> Option<Failure> {
    match error.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => return None,
        _ => {}
    }
    let command = command_of(typed);
    let mut failure = Failure::new(Exit::Usage, message(error));
    if let Some(name) = nearest_of(error, &command) {
        failure = failure.hint(format!("did you mean `{name}`?"));
    }
    if error.kind() == ErrorKind::InvalidSubcommand {
        let typed = of(error, ContextKind::InvalidSubcommand);
        if let Some((_, hint)) = ELSEWHERE.iter().find(|(name, _)| *name == typed) {
            failure = failure.hint(*hint);
        }
    }
    Some(failure.hint(format!("`{command} --help` shows what there is")))
}

fn message(error: &clap::Error) -> String {
    let text = |kind| of(error, kind);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            format!("there is no command `{}`", text(ContextKind::InvalidSubcommand))
        }
        ErrorKind::UnknownArgument => match text(ContextKind::InvalidArg) {
            option if option.starts_with('-') => format!("there is no option `{option}`"),
            word => format!("`{word}` is a word too many"),
        },
        ErrorKind::TooManyValues => {
            let (option, got) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
            format!("`{option}` takes no value, got `{got}`")
        }
        ErrorKind::InvalidValue => {
            let values = text(ContextKind::ValidValue);
            let (option, got) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
            match (values.is_empty(), got.is_empty()) {
                (_, true) => format!("`{option}` needs a value"),
                (true, false) => format!("`{option}` does not take `{got}`"),
                (false, false) => format!("`{option}` takes {values}, not `{got}`"),
            }
        }
        ErrorKind::ValueValidation => {
            let (option, got) = (text(ContextKind::InvalidArg), text(ContextKind::InvalidValue));
            let why = std::error::Error::source(error).map(|why| format!(": {why}")).unwrap_or_default();
            format!("`{option}` does not take `{got}`{why}")
        }
        ErrorKind::ArgumentConflict => format!(
            "`{}` cannot be given together with `{}`",
            text(ContextKind::InvalidArg),
            text(ContextKind::PriorArg)
        ),
        ErrorKind::MissingRequiredArgument => format!("`{}` is missing", text(ContextKind::InvalidArg)),
        ErrorKind::MissingSubcommand => format!("`{}` needs a command", text(ContextKind::InvalidSubcommand)),
        // The rest is rare: clap's own first line.
        _ => {
            let whole = error.to_string();
            let line = whole.lines().next().unwrap_or_default();
            line.strip_prefix("error: ").unwrap_or(line).to_owned()
        }
    }
}

/// One thing that clap knows about the error, as text.
fn of(error: &clap::Error, kind: ContextKind) -> String {
    let text = match error.get(kind) {
        Some(ContextValue::String(text)) => text.clone(),
        Some(ContextValue::Strings(texts)) => texts.join(", "),
        Some(other) => other.to_string(),
        None => String::new(),
    };
    clipped(&text)
}

fn clipped(text: &str) -> String {
    let text = crate::ui::sanitize(text).replace('\n', " ");
    if text.chars().count() <= 4 * LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}…")
}

/// Clap's own suggestion, else the nearest name by our measure, which also knows swapped letters.
fn nearest_of(error: &clap::Error, typed: &str) -> Option<String> {
    let kinds = [ContextKind::SuggestedSubcommand, ContextKind::SuggestedArg];
    let suggested = kinds.into_iter().find_map(|kind| match error.get(kind)? {
        ContextValue::String(name) => Some(name.clone()),
        ContextValue::Strings(names) => names.first().cloned(),
        _ => None,
    });
    if suggested.is_some() || error.kind() != ErrorKind::InvalidSubcommand {
        return suggested;
    }
    let wanted = of(error, ContextKind::InvalidSubcommand);
    if wanted.len() > LONGEST {
        return None;
    }
    let command = super::Cli::command();
    let level = level(&command, typed)?;
    let names: Vec<&str> = level.get_subcommands().map(Command::get_name).collect();
    nearest(&wanted, &names).map(str::to_owned)
}

/// The command that was typed, as far as it is one: `holmes-rs toolset`.
fn command_of(typed: &[OsString]) -> String {
    let mut command = super::Cli::command();
    command.build();
    let (mut level, mut path) = (&command, "holmes-rs".to_owned());
    let words = typed.iter().skip(1).filter_map(|word| word.to_str());
    for word in words.filter(|word| !word.starts_with('-')) {
        let Some(below) = level.find_subcommand(word) else { break };
        path = format!("{path} {word}");
        level = below;
    }
    path
}

fn level<'a>(command: &'a Command, path: &str) -> Option<&'a Command> {
    path.split(' ').skip(1).try_fold(command, |level, name| level.find_subcommand(name))
}
