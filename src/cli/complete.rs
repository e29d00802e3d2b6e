//! `holmes-rs completion SHELL` and `holmes-rs man`: made from the command line's own definition.

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use super::failure::{Exit, Failure, io};
use crate::config::env;
use crate::ui;

/// Print a shell's completion script
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  holmes-rs completion bash > ~/.local/share/bash-completion/completions/holmes-rs"
)]
pub(super) struct CompletionArgs {
    /// bash, elvish, fish, powershell or zsh
    #[arg(value_enum, value_name = "SHELL", hide_possible_values = true)]
    shell: Shell,
}

pub(super) fn completion(args: &CompletionArgs, mut command: Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "holmes-rs", &mut script);
    ui::write_stdout(&script).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

/// One page for everything: the program, a section a command, the environment, the files.
pub(super) fn manual(mut command: Command) -> Result<Exit, Failure> {
    command.build();
    let page = page(&command).map_err(io("the manual page"))?;
    ui::write_stdout(page.as_bytes()).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

fn page(command: &Command) -> std::io::Result<String> {
    let own = Man::new(command.clone());
    let mut head = Vec::new();
    own.render_title(&mut head)?;
    own.render_name_section(&mut head)?;
    own.render_synopsis_section(&mut head)?;
    own.render_description_section(&mut head)?;
    own.render_options_section(&mut head)?;
    let mut page = String::from_utf8_lossy(&head).into_owned();
    page.push_str(".SH COMMANDS\n");
    for below in verbs(command) {
        section(below, &mut page)?;
    }
    let mut extra = Vec::new();
    own.render_extra_section(&mut extra)?;
    page.push_str(&String::from_utf8_lossy(&extra));
    page.push_str(".SH ENVIRONMENT\n");
    for variable in env::variables() {
        item(&variable.name, &variable.meaning, &mut page);
    }
    page.push_str(".SH FILES\n");
    for (path, meaning) in FILES {
        item(path, meaning, &mut page);
    }
    Ok(page)
}

/// The strongest first.
const FILES: &[(&str, &str)] = &[
    ("./.holmes/config.yaml", "settings of the project one stands in"),
    ("~/.holmes/config.yaml", "settings of the user, else $XDG_CONFIG_HOME/holmes-rs/config.yaml"),
    ("/etc/holmes/config/config.yaml", "settings of the machine"),
    ("~/.holmes/toolsets, ~/.holmes/prompts", "files that replace the built-in ones of their name"),
    ("$XDG_STATE_HOME/holmes-rs/runs", "recorded investigations"),
];

/// A command and all below it: its usage as the heading, what it does, its own options.
fn section(command: &Command, page: &mut String) -> std::io::Result<()> {
    let verbs: Vec<&Command> = verbs(command).collect();
    if verbs.is_empty() {
        let mut part = Vec::new();
        let man = Man::new(command.clone().after_help("").after_long_help(""));
        man.render_synopsis_section(&mut part)?;
        man.render_description_section(&mut part)?;
        man.render_options_section(&mut part)?;
        let part = String::from_utf8_lossy(&part);
        let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
        page.extend([".SS \"", &roff(name), "\"\n"]);
        // Headings below a heading: what clap makes is meant for a page of its own.
        for line in part.lines() {
            page.push_str(if line.starts_with(".SH ") { ".PP" } else { line });
            page.push('\n');
        }
    }
    verbs.into_iter().try_for_each(|below| section(below, page))
}

fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set())
}

fn item(name: &str, meaning: &str, page: &mut String) {
    page.extend([".TP\n\\fB", &roff(name), "\\fR\n", &roff(meaning), "\n"]);
}

/// A backslash, a dash and a dot at the start of a line mean something to roff.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
