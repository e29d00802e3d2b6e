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
#[rustfmt::skip] // A table.
pub(super) const COMMANDS: &[Command] = &[
    command(Verb::Help, "help", "[COMMAND]", "what can be typed here"),
    command(Verb::Show, "show", "[N]", "an exhibit in the pager, cited lines marked; without N the list"),
    command(Verb::Last, "last", "", "the last answer again, with its evidence"),
    command(Verb::Run, "run", "CMD", "run a command, look, then decide whether to share it (also !CMD)"),
    command(Verb::Shell, "shell", "", "a shell; what it prints stays with you"),
    command(Verb::File, "file", "PATH…", "attach files to the next question"),
    command(Verb::Focus, "focus", "WORDS", "look there first: words, or H2 for a hypothesis"),
    command(Verb::RuleOut, "rule-out", "WORDS", "do not look there: words, or H1 for a hypothesis"),
    command(Verb::Runbook, "runbook", "[NAME]", "give the model a runbook with the next question"),
    command(Verb::Retry, "retry", "[MODEL]", "ask the last question again, as if it had not been asked"),
    command(Verb::Undo, "undo", "", "take the last question and its answer back"),
    command(Verb::Context, "context", "", "what the next request holds, in tokens"),
    command(Verb::Compact, "compact", "", "reduce older results to their headers"),
    command(Verb::Clear, "clear", "", "forget the conversation; exhibits stay"),
    command(Verb::Cost, "cost", "", "tokens and money so far"),
    command(Verb::Model, "model", "[NAME]", "answer with another model; without a name the list"),
    command(Verb::Tools, "tools", "[WORD]", "tools the model can call"),
    command(Verb::Toolsets, "toolsets", "", "toolsets, and why some cannot be used"),
    command(Verb::Approve, "approve", "[revoke ID]", "what may run without being asked about"),
    command(Verb::Auto, "auto", "", "show each tool's output as it comes, or stop showing it"),
    command(Verb::Save, "save", "FILE", "write the last answer to a file"),
    command(Verb::Export, "export", "html|md|json [FILE]", "write the report of the whole session to a file"),
    command(Verb::Resume, "resume", "[RUN]", "go on with another run; without an id the list"),
    command(Verb::Config, "config", "[KEY]", "settings, and where each comes from"),
    command(Verb::Exit, "exit", "", "leave; `holmes-rs ask -c` goes on later"),
];

/// What `/help COMMAND` says besides the table's line.
pub(super) fn details(verb: Verb) -> &'static str {
    match verb {
        Verb::Help => {
            "`/help show` tells more of one command. Any unique beginning of a name will do: `/sho 3`."
        }
        Verb::Show => {
            "`/show` lists the exhibits. `/show 3` or `/show E3` shows what the tool printed, line by line, secrets \
             replaced; lines that an answer cites are marked, and the pager begins at the first of them. `/show 3 120` \
             begins at line 120, `/show last` takes the newest one."
        }
        Verb::Last => "The answer as it stood there, and each quote with the lines where it was found.",
        Verb::Run => {
            "`/run kubectl get pods` or `!kubectl get pods` runs the command in your own shell with your own environment. \
             You see what it prints; then you are asked whether the model gets it. What is shared becomes an exhibit, \
             without secrets, and goes with the next question. Each command has a shell of its own, so `cd` changes \
             nothing. What needs a terminal (vim, less, top) is for `/shell`."
        }
        Verb::Shell => "Starts `$SHELL`. Nothing of it is kept or shared; `exit` comes back.",
        Verb::File => {
            "`/file app.log ~/notes/*.txt` attaches files to the next question; quotes hold blanks together. `/file` alone \
             lists what is attached, `/file -` drops it."
        }
        Verb::Focus => {
            "Said to the model with every question from now on. `/focus` alone shows what is in force, `/focus -` drops it. \
             H2 stands for the hypothesis of that name."
        }
        Verb::RuleOut => {
            "Said to the model with every question from now on. `/rule-out` alone shows what is in force, `/rule-out -` \
             drops it. H1 stands for the hypothesis of that name."
        }
        Verb::Runbook => {
            "`/runbook` lists them, those that fit the last question first; `/runbook NAME` gives its text to the model with \
             the next question; `/runbook -` does not."
        }
        Verb::Retry => "Takes the last question back and asks it again; `/retry NAME` asks another model.",
        Verb::Undo => {
            "The model forgets the last question and all that followed. Exhibits stay, and so does what it cost."
        }
        Verb::Context => {
            "System prompt, tools, questions, replies and results, in estimated tokens, and what is left."
        }
        Verb::Compact => "Makes room in the window. `/show` still shows everything.",
        Verb::Clear => "The next question is a first one again. Exhibits keep their numbers. Also `/reset`.",
        Verb::Cost => {
            "What each question took: calls, tokens, how many came from the provider's cache, money where known."
        }
        Verb::Model => {
            "Names are those of `holmes-rs model list`, or any name the endpoint knows; `rules` is the built-in rules."
        }
        Verb::Tools => "`/tools log` shows those with that word in name, toolset or description.",
        Verb::Toolsets => {
            "As `holmes-rs toolset list`: what can be used here, and what is missing for the others."
        }
        Verb::Approve => {
            "What you allowed, for this session or for ever. `/approve revoke ID` takes one back, `/approve revoke --all` \
             all of them."
        }
        Verb::Auto => "The output is shown as the model gets it: condensed, without secrets.",
        Verb::Save => {
            "The ending says the form: .md, .html, .json or .txt. A file that is there is not replaced unasked."
        }
        Verb::Export => {
            "All questions and answers of this session with the exhibits. Without FILE: holmes-run-ID."
        }
        Verb::Resume => "The present run is left as it is; `/resume` with its id comes back to it.",
        Verb::Config => {
            "As `holmes-rs config show`: secrets are masked. `/config model` shows what has that word in its name."
        }
        Verb::Exit => "Also Ctrl-D, `exit`, `quit` or `/quit`.",
    }
}

/// Other names that people bring along, to be typed whole.
const ALIASES: &[(&str, &str)] = &[("quit", "exit"), ("reset", "clear")];

fn own(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, own)| own)
}

/// The command that a name, or the unique beginning of one, stands for.
pub(super) fn named(name: &str) -> Option<&'static Command> {
    let name = name.to_lowercase();
    let name = own(&name);
    if let Some(exact) = COMMANDS.iter().find(|command| command.name == name) {
        return Some(exact);
    }
    let mut found = COMMANDS.iter().filter(|command| !name.is_empty() && command.name.starts_with(name));
    found.next().filter(|_| found.next().is_none())
}

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
    let name = own(&name);
    let exact = COMMANDS.iter().find(|command| command.name == name);
    let candidates: Vec<&Command> =
        COMMANDS.iter().filter(|command| !name.is_empty() && command.name.starts_with(name)).collect();
    match (exact, candidates.as_slice()) {
        (Some(command), _) => Meant::Command(command.verb, arguments.trim()),
        (None, [command]) => Meant::Command(command.verb, arguments.trim()),
        (None, []) => {
            let shown = clip(&sanitize(name), 40);
            let nearest = COMMANDS
                .iter()
                .map(|command| (strsim::damerau_levenshtein(name, command.name), command.name))
                .filter(|(slips, known)| *slips <= 1 + known.len() / 4)
                .min_by_key(|(slips, _)| *slips);
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
            ("/quit", Meant::Command(Verb::Exit, "")),
            ("/reset", Meant::Command(Verb::Clear, "")),
            ("/con", Meant::Nothing("`/con` may be `/context`, `/config`".to_owned())),
            (
                "/exot",
                Meant::Nothing(
                    "there is no command `/exot`; the nearest is `/exit` (`/help` lists them)".to_owned(),
                ),
            ),
            ("/", Meant::Nothing("there is no command `/`; `/help` lists them".to_owned())),
        ] {
            assert_eq!(read(line), want, "{line}");
        }
    }
}
