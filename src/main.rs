//! Parses the words, runs the verb, maps its end to an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    holmes_rs::cli::main()
}
