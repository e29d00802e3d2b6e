//! Condenses a file as an output of a tool is, and says how fast: what `tests/bench/run` measures.
//!
//!     cargo run --release --example condense -- FILE [TOKENS] [WORD OF THE QUESTION]…
//!
//! The view's lines go to stdout, without fences and with nothing redacted; megabytes a second go to stderr.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "an example talks to whoever started it")]

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use holmes_rs::evidence::condense::{Wanted, condense};
use holmes_rs::evidence::view::clip;

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let Some(path) = args.next().map(PathBuf::from) else {
        eprintln!("condense: which file?");
        return ExitCode::from(2);
    };
    let mut args = args.map(|arg| arg.to_string_lossy().into_owned());
    let allowance = args.next().and_then(|tokens| tokens.parse().ok()).unwrap_or(2_000);
    let words: Vec<String> = args.map(|word| word.to_lowercase()).collect();
    let started = Instant::now();
    let condensed = match condense(&path, Wanted { allowance, words: &words }) {
        Ok(condensed) => condensed,
        Err(error) => {
            eprintln!("condense: {}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    let seconds = started.elapsed().as_secs_f64();
    for note in &condensed.notes {
        println!("({note})");
    }
    for (number, text) in &condensed.lines {
        println!("{number} | {}", clip(text, condensed.longest));
    }
    #[expect(clippy::cast_precision_loss, reason = "shown without decimals")]
    let bytes = std::fs::metadata(&path).map_or(0, |about| about.len()) as f64;
    eprintln!("{:.0} MB/s", bytes / 1e6 / seconds);
    ExitCode::SUCCESS
}
