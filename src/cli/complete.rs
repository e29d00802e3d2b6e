//! `holmes-rs completion SHELL` and `holmes-rs man`: made from the command line's own definition.

use clap::{Args, Command};
use clap_complete::Shell;

use super::failure::{Exit, Failure, io};
use crate::ui;

/// Print a completion script
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  holmes-rs completion bash > ~/.local/share/bash-completion/completions/holmes-rs"
)]
pub struct CompletionArgs {
    shell: Shell,
}

pub fn completion(args: &CompletionArgs, mut command: Command) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "holmes-rs", &mut script);
    ui::write_stdout(&script).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

/// One page for the program and one section a verb.
pub fn manual(command: Command) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page).map_err(io("the manual page"))?;
    ui::write_stdout(&page).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}
