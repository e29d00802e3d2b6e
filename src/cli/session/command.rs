//! The commands of a session: their names, what they are for, and which one a person meant.
//!
//! A table and nothing else: what each does stands in its own file beside this one.

use crate::evidence::view::clip;
use crate::ui::sanitize;

/// What a person can do besides asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Help,
    Tools,
    Toolsets,
    Context,
    Show,
    Last,
    Auto,
    Run,
    Shell,
    File,
    Model,
    Runbook,
    Cost,
    Undo,
    Retry,
    Compact,
    Clear,
    Save,
    Export,
    Resume,
    Focus,
    RuleOut,
    Approve,
    Config,
    Exit,
}

/// One line of `/help`.
pub(super) struct Command {
    pub verb: Verb,
    /// Without its slash.
    pub name: &'static str,
    pub arguments: &'static str,
    pub about: &'static str,
}

const fn command(verb: Verb, name: &'static str, arguments: &'static str, about: &'static str) -> Command {
    Command { verb, name, arguments, about }
}

/// In the order in which `/help` shows them.
pub(super) const COMMANDS: &[Command] = &[
    command(Verb::Help, "help", "[COMMAND]", "what can be typed here"),
    command(Verb::Show, "show", "[N]", "an exhibit in the pager, cited lines marked; without N the list"),
    command(Verb::Last, "last", "", "the last answer again"),
    command(
        Verb::Run,
        "run",
        "CMD",
        "run a command, look at its output, then decide whether to share it (also !CMD)",
    ),
    command(Verb::Shell, "shell", "", "a shell; what it prints stays with you"),
    command(Verb::File, "file", "PATH", "attach a file to the next question"),
    command(Verb::Focus, "focus", "WORDS", "look there first from now on: words, or H2 for a hypothesis"),
    command(Verb::RuleOut, "rule-out", "WORDS", "do not look there: words, or H1 for a hypothesis"),
    command(
        Verb::Runbook,
        "runbook",
        "[NAME]",
        "give the model a runbook with the next question; without a name the list",
    ),
    command(Verb::Retry, "retry", "", "ask the last question again, as if it had not been asked"),
    command(Verb::Undo, "undo", "", "take the last question and its answer back; exhibits stay"),
    command(Verb::Context, "context", "", "what the next request holds, in tokens"),
    command(Verb::Compact, "compact", "", "reduce older results to their headers"),
    command(Verb::Clear, "clear", "", "forget the conversation; exhibits stay"),
    command(Verb::Cost, "cost", "", "tokens and money so far"),
    command(Verb::Model, "model", "[NAME]", "answer with another model; without a name the list"),
    command(Verb::Tools, "tools", "[WORD]", "tools the model can call"),
    command(Verb::Toolsets, "toolsets", "", "toolsets, and why some cannot be used"),
    command(Verb::Approve, "approve", "[revoke N]", "what may run without being asked about"),
    command(Verb::Auto, "auto", "", "show each tool's output as it comes, or stop showing it"),
    command(Verb::Save, "save", "FILE", "write the last answer to a file"),
    command(Verb::Export, "export", "html|md|json [FILE]", "write the report of the whole session to a file"),
    command(Verb::Resume, "resume", "[RUN]", "go on with another run; without an id the list"),
    command(Verb::Config, "config", "[KEY]", "settings, and where each comes from"),
    command(Verb::Exit, "exit", "", "leave; `holmes-rs ask -c` goes on later"),
];

/// What a line that begins with a slash comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Meant<'a> {
    Command(Verb, &'a str),
    /// Words for the person.
    Nothing(String),
}

/// Reads `/name arguments`; any unique beginning of a name will do.
pub(super) fn read(line: &str) -> Meant<'_> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix('!') {
        return Meant::Command(Verb::Run, rest.trim());
    }
    let rest = line.strip_prefix('/').unwrap_or(line);
    let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let name = name.to_lowercase();
    let exact = COMMANDS.iter().find(|command| command.name == name);
    let candidates: Vec<&Command> =
        COMMANDS.iter().filter(|command| !name.is_empty() && command.name.starts_with(&name)).collect();
    match (exact, candidates.as_slice()) {
        (Some(command), _) => Meant::Command(command.verb, arguments.trim()),
        (None, [command]) => Meant::Command(command.verb, arguments.trim()),
        (None, []) => {
            let shown = clip(&sanitize(&name), 40);
            let nearest = COMMANDS
                .iter()
                .map(|command| (strsim::jaro_winkler(&name, command.name), command.name))
                .filter(|(likeness, _)| *likeness > 0.7)
                .max_by(|a, b| a.0.total_cmp(&b.0));
            Meant::Nothing(match nearest {
                Some((_, nearest)) => {
                    format!(
                        "there is no command `/{shown}`; the nearest is `/{nearest}` (`/help` lists them)"
                    )
                }
                None => format!("there is no command `/{shown}`; `/help` lists them"),
            })
        }
        (None, several) => {
            let names: Vec<String> = several.iter().map(|command| format!("`/{}`", command.name)).collect();
            Meant::Nothing(format!("`/{name}` may be {}", names.join(", ")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_unique_beginning_will_do() {
        for (line, want) in [
            ("/help", Meant::Command(Verb::Help, "")),
            ("/h", Meant::Command(Verb::Help, "")),
            ("/sho 3", Meant::Command(Verb::Show, "3")),
            ("/RUN  ls -l ", Meant::Command(Verb::Run, "ls -l")),
            ("!ls -l", Meant::Command(Verb::Run, "ls -l")),
            ("/rule H1", Meant::Command(Verb::RuleOut, "H1")),
            ("/run", Meant::Command(Verb::Run, "")),
            ("/con", Meant::Nothing("`/con` may be `/context`, `/config`".to_owned())),
            (
                "/exot",
                Meant::Nothing(
                    "there is no command `/exot`; the nearest is `/export` (`/help` lists them)".to_owned(),
                ),
            ),
            ("/", Meant::Nothing("there is no command `/`; `/help` lists them".to_owned())),
        ] {
            assert_eq!(read(line), want, "{line}");
        }
    }
}
