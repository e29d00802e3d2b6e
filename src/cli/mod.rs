//! The command line: words typed by people, one verb a file. The only user of clap, and the composer of
//! the other rooms; it decides nothing about an investigation.

mod approve;
mod ask;
mod attachments;
mod complete;
mod conclusion;
mod config;
mod context;
mod deliveries;
mod desk;
mod doctor;
mod egress;
mod equipment;
mod failure;
mod investigate;
mod investigation;
mod jq;
mod known;
mod leave;
mod listed;
mod listeners;
mod model;
mod model_check;
mod options;
mod plan;
mod played;
mod policy;
mod recorded;
mod replayed;
mod rewriting;
mod runbook;
mod session;
mod signals;
mod spending;
mod stdin;
mod swapped;
mod thinking;
mod toolset;
mod usage;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::{CommandFactory as _, Parser, Subcommand};

use context::Context;
use failure::{Exit, Failure};

/// Investigates incidents: runs read-only commands, reasons over their output, prints the root cause with checked evidence and the fix.
#[derive(Debug, Parser)]
#[command(
    name = "holmes-rs",
    version,
    arg_required_else_help = true,
    after_help = "Start here:\n  holmes-rs ask \"what is wrong with this machine?\"\n\n\
        Exit codes: 0 answered, 1 run-time failure, 2 usage, 3 configuration or credentials, 4 model unreachable,\n\
        5 a budget ended the run, 6 the answer needed what nobody allowed, 7 and 8 inconclusive and problem found\n\
        (with --exit-status), 130 interrupted"
)]
pub struct Cli {
    #[command(flatten)]
    global: options::GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Ask(Box<ask::AskArgs>),
    Investigate(investigate::InvestigateVerb),
    /// What tools there are, and why others cannot be used
    Toolset(toolset::ToolsetVerb),
    /// What to look at for known kinds of trouble: ours, and your own
    Runbook(runbook::RunbookVerb),
    /// What may run without being asked about
    Approve(approve::ApproveVerb),
    /// Recorded investigations
    Run(recorded::RunVerb),
    /// Settings, and where each comes from
    Config(config::ConfigVerb),
    /// What a command line may do, part by part
    Policy(policy::PolicyVerb),
    /// Models that can be named
    Model(model::ModelVerb),
    Doctor(Box<doctor::DoctorArgs>),
    /// Run a jq program over JSON: the language tools use in `jq:`, without files and environment
    Jq(jq::JqArgs),
    /// Performs what the `bash` tool was allowed to run
    #[command(hide = true)]
    Plan,
    /// Print a shell's completion script
    Completion(complete::CompletionArgs),
    /// Print the manual page
    Man,
}

/// The program, from its words to its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let words = words(std::env::args_os());
    if words.len() == 2 && words.get(1).is_some_and(|word| word == "plan") {
        return plan::run();
    }
    let cli = match Cli::try_parse_from(&words) {
        Ok(cli) => cli,
        Err(error) => {
            if let Some(failure) = usage::failure(&error, &words) {
                failure.report();
                return ExitCode::from(failure.exit as u8);
            }
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { 0 });
        }
    };
    let exit = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => {
            let exit = runtime.block_on(run(cli));
            // A read of stdin that was given up still blocks its thread; nothing waits for it.
            runtime.shutdown_timeout(Duration::ZERO);
            exit
        }
        Err(error) => Err(Failure::new(Exit::RunTime, format!("the runtime cannot start: {error}"))),
    };
    match exit {
        Ok(exit) => ExitCode::from(exit as u8),
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.exit as u8)
        }
    }
}

async fn run(cli: Cli) -> Result<Exit, Failure> {
    let context = Context::new(cli.global);
    match cli.command {
        Command::Ask(args) => ask::run(*args, &context).await,
        Command::Investigate(verb) => investigate::run(verb, &context).await,
        Command::Toolset(verb) => toolset::run(verb, &context).await,
        Command::Runbook(verb) => runbook::run(&verb, &context),
        Command::Approve(verb) => approve::run(&verb, &context),
        Command::Run(verb) => recorded::run(verb, &context).await,
        Command::Config(verb) => config::run(&verb, &context),
        Command::Model(verb) => model::run(&verb, &context).await,
        Command::Doctor(args) => doctor::run(*args, &context).await,
        Command::Policy(verb) => policy::run(&verb, &context),
        Command::Jq(args) => jq::run(&args),
        Command::Completion(args) => complete::completion(&args, Cli::command()),
        Command::Plan => Err(Failure::new(Exit::Usage, "`plan` takes nothing")),
        Command::Man => complete::manual(Cli::command()),
    }
}

/// HolmesGPT's `-pf` is two letters behind one dash, which clap would read as `-p f`.
fn words(given: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut literal = false;
    given
        .map(|word| {
            literal |= word == "--";
            if !literal && word == "-pf" { OsString::from("--prompt-file") } else { word }
        })
        .collect()
}
