//! `jq`: the built-in jq, as the `jq:` of a tool runs it and for scripts that find none installed.

use std::io::{BufWriter, Read as _, Write as _};
use std::path::PathBuf;

use clap::Args;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::Value;

use super::failure::{Exit, Failure, io};
use crate::jq::{self, Form, JqError};

/// Bytes of JSON that are read: what fits into `MEMORY` as values.
const MOST: u64 = 256 << 20;
/// Address space, in bytes: a program that wants more (`[range(1e12)]`) ends here, not with the machine.
const MEMORY: u64 = 4 << 30;

/// Run a jq program over JSON: the language tools use in `jq:`, without files and environment
#[derive(Debug, Args)]
pub(super) struct JqArgs {
    /// The program, such as '.items[] | .metadata.name'
    #[arg(value_name = "PROGRAM", allow_hyphen_values = true)]
    program: String,
    /// JSON file; stdin when left out or `-`
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Print strings without quotes
    #[arg(short, long)]
    raw_output: bool,
    /// Print each value on one line
    #[arg(short, long)]
    compact_output: bool,
    /// Set $NAME to a string
    #[arg(long, num_args = 2, value_names = ["NAME", "TEXT"], allow_hyphen_values = true)]
    arg: Vec<String>,
    /// Set $NAME to a JSON value
    #[arg(long, num_args = 2, value_names = ["NAME", "JSON"], allow_hyphen_values = true)]
    argjson: Vec<String>,
}

/// Runs the verb.
pub(super) fn run(args: &JqArgs) -> Result<Exit, Failure> {
    let limit = getrlimit(Resource::As);
    let current = limit.current.map_or(MEMORY, |current| current.min(MEMORY));
    // Refused, it runs without: its caller ends it by time.
    let _ = setrlimit(Resource::As, Rlimit { current: Some(current), maximum: limit.maximum });
    let mut variables = Vec::new();
    for pair in args.arg.chunks(2) {
        if let [name, text] = pair {
            variables.push((name.clone(), Value::from(text.as_str()).to_string()));
        }
    }
    for pair in args.argjson.chunks(2) {
        if let [name, text] = pair {
            variables.push((name.clone(), text.clone()));
        }
    }
    let file = args.file.as_ref().filter(|path| path.as_os_str() != "-");
    let place = file.map_or_else(|| "stdin".to_owned(), |path| path.display().to_string());
    let mut input = Vec::new();
    let read = match file {
        Some(path) => std::fs::File::open(path).and_then(|file| file.take(MOST + 1).read_to_end(&mut input)),
        None => std::io::stdin().lock().take(MOST + 1).read_to_end(&mut input),
    };
    read.map_err(io(&place))?;
    if input.len() as u64 > MOST {
        let error = format!("{place} is more than {} MiB of JSON", MOST >> 20);
        return Err(Failure::new(Exit::RunTime, error).hint("ask its source for less"));
    }
    let form = Form { raw: args.raw_output, compact: args.compact_output };
    let mut stdout = BufWriter::new(std::io::stdout());
    let ran = jq::run(&args.program, &variables, &input, form, &mut stdout);
    let flushed = stdout.flush();
    match ran {
        Ok(()) => flushed.map(|()| Exit::Answered).map_err(io("stdout")),
        // `| head` has what it wanted.
        Err(JqError::Write(error)) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Exit::Answered),
        Err(error @ JqError::Program(_)) => Err(Failure::new(Exit::Usage, error)),
        Err(error) => Err(Failure::new(Exit::RunTime, error)),
    }
}
