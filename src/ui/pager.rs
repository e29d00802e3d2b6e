//! Long text on a terminal, a page at a time, in the program the person likes for that.

use std::io;

use super::output::write_stdout;
use super::terminal::Terminal;
use crate::shell::{Program, foreground, program_named};

/// Where and how text is shown.
pub struct PagerOptions<'a> {
    /// Of stdout.
    pub terminal: &'a Terminal,
    /// What the person wants to see text with (`PAGER`), read by a shell as everywhere; `None`: `less` where there is one.
    pub pager: Option<&'a str>,
    /// The whole environment of that program.
    pub environment: Vec<(String, String)>,
}

/// Shows `text`, which must be fit for a terminal already: colours are left in. Printed as it is where stdout is no
/// terminal, nothing can be drawn, it fits on the screen, or there is no pager. A person who leaves early is no error.
///
/// # Errors
/// When stdout cannot be written.
pub async fn show(text: &str, options: PagerOptions<'_>) -> io::Result<()> {
    let PagerOptions { terminal, pager, mut environment } = options;
    if !terminal.tty || !terminal.live || fits(text, terminal.width) {
        return write_stdout(text.as_bytes());
    }
    let path = environment.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path.clone());
    let (command, args) = match pager.map(str::trim).filter(|pager| !pager.is_empty()) {
        Some("cat") => return write_stdout(text.as_bytes()),
        Some(chosen) => ("sh".to_owned(), vec!["-c".to_owned(), chosen.to_owned()]),
        None if program_named("less", path.as_deref().unwrap_or_default()) => {
            ("less".to_owned(), ["-R", "-F", "-X"].map(str::to_owned).to_vec())
        }
        None => return write_stdout(text.as_bytes()),
    };
    // What is shown was written by strangers: from inside less nothing is started and no other file is opened.
    environment.retain(|(name, _)| name != "LESSSECURE");
    environment.push(("LESSSECURE".to_owned(), "1".to_owned()));
    let program = Program { command, args, env: environment, workdir: None };
    match foreground(&program, Some(text.as_bytes().to_vec())).await {
        // 127: the shell found no such program.
        Ok(ended) if ended.exit_code != Some(127) => Ok(()),
        Ok(_) | Err(_) => write_stdout(text.as_bytes()),
    }
}

/// Whether all of it is seen at once.
fn fits(text: &str, width: usize) -> bool {
    let rows = rustix::termios::tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_row));
    let mut used = 0;
    for line in text.lines().take(rows.max(1)) {
        used += textwrap::core::display_width(line).div_ceil(width.max(1)).max(1);
    }
    text.lines().count() < rows && used < rows
}
