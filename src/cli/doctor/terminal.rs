//! What the terminal can show, and whether a person can be asked there.

use std::io::IsTerminal as _;

use super::super::Context;
use super::report::{Check, Section};

pub(super) fn look(context: &Context) -> Vec<Check> {
    let stdout = &context.stdout;
    let kind =
        if stdout.tty { format!("a terminal of {} columns", stdout.width) } else { "no terminal".to_owned() };
    let colour = if stdout.colour { "colour" } else { "no colour" };
    let letters = if stdout.unicode { "UTF-8" } else { "ASCII" };
    let asks = std::io::stdin().is_terminal() && context.stderr.tty;
    let session = if asks { "possible" } else { "not possible: stdin or stderr is no terminal" };
    vec![
        Check::ok(Section::Terminal, "stdout", format!("{kind}, {colour}, {letters}")),
        Check::ok(Section::Terminal, "interactive", session),
    ]
}
