//! `policy explain|list`: how command lines are judged, and which programs are known.

use std::fmt::Write as _;
use std::io::Read as _;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::Context;
use super::config::as_json;
use super::failure::{Exit, Failure, io};
use super::options::{FormArgs, OutputFormat};
use crate::config::{Flags, Folders};
use crate::policy::{Judgement, Policy, Verdict};
use crate::ui::{self, Table, sanitize};

/// Bytes read from stdin: more than what is judged.
const MOST: u64 = 1 << 20;

/// What a command line may do, part by part
#[derive(Debug, Args)]
pub(super) struct PolicyVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Say how a command line is judged, by which rules, and how it would run. Nothing is run
    Explain(ExplainArgs),
    /// List the programs that are known, and the file each stands in
    List(ListArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    holmes-rs policy explain 'kubectl get secret db -o yaml | base64 -d'\n  \
    holmes-rs policy explain -o json -- 'rm -rf /tmp/x'\n  \
    echo 'kubectl delete pod web' | holmes-rs policy explain -")]
struct ExplainArgs {
    /// The command line, in quotes; several words are joined by blanks; `-` reads it from stdin
    #[arg(value_name = "COMMAND", required = true, num_args = 1..)]
    command: Vec<String>,
    #[command(flatten)]
    form: FormArgs,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    form: FormArgs,
}

/// Runs the verb: whatever the verdict, it was explained.
pub(super) fn run(verb: &PolicyVerb, context: &Context) -> Result<Exit, Failure> {
    let text = match &verb.verb {
        Verb::Explain(args) => explain(args, context)?,
        Verb::List(args) => list(args, context)?,
    };
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

/// The rules of the binary, with those of the configuration folder's `policy/`.
pub(super) fn rules(folders: &Folders) -> Result<Policy, String> {
    let folder = folders.config.join("policy");
    // Rules of one's own are read at once, so that what is wrong in them is said; those of the binary when they are needed.
    let policy = if folder.is_dir() { Policy::load(&folder)? } else { Policy::later() };
    let home = folders.home.as_ref().and_then(|home| home.to_str());
    let here = std::env::current_dir().ok();
    Ok(policy.at_home(home).standing_in(here.as_ref().and_then(|here| here.to_str())))
}

fn opened(form: FormArgs, context: &Context) -> Result<(Policy, OutputFormat), Failure> {
    let config = context.config(Flags::default())?;
    let policy = rules(config.folders())
        .map_err(|error| Failure::new(Exit::Configuration, error).hint("docs/policy.md tells the format"))?;
    Ok((policy, form.of(&config)?))
}

fn list(args: &ListArgs, context: &Context) -> Result<String, Failure> {
    let (policy, output) = opened(args.form, context)?;
    if matches!(output, OutputFormat::Json | OutputFormat::Jsonl) {
        let programs: Vec<Value> =
            policy.programs().map(|(name, file)| json!({"program": name, "file": file})).collect();
        return Ok(as_json(&json!({"programs": programs}), output));
    }
    let mut table = Table::new(&["PROGRAM", "FILE"]);
    for (name, file) in policy.programs() {
        table.row([name, file]);
    }
    Ok(output.table(&table, &context.stdout))
}

fn explain(args: &ExplainArgs, context: &Context) -> Result<String, Failure> {
    let command = match args.command.as_slice() {
        [one] if one == "-" => {
            let mut bytes = Vec::new();
            std::io::stdin().lock().take(MOST).read_to_end(&mut bytes).map_err(io("stdin"))?;
            let text = String::from_utf8(bytes)
                .map_err(|_| Failure::new(Exit::Usage, "the command on stdin is not UTF-8 text"))?;
            text.strip_suffix('\n').map_or(text.clone(), str::to_owned)
        }
        words => words.join(" "),
    };
    let (policy, output) = opened(args.form, context)?;
    let judgement = policy.judge(&command);
    if matches!(output, OutputFormat::Json | OutputFormat::Jsonl) {
        return Ok(as_json(&told(&judgement), output));
    }
    let mut table = Table::new(&["VERDICT", "COMMAND", "RULE"]);
    for part in &judgement.parts {
        table.row([
            part.verdict.name().to_owned(),
            sanitize(&one_line(&part.command)).into_owned(),
            sanitize(&part.rule).into_owned(),
        ]);
    }
    let mut text = output.table(&table, &context.stdout);
    let _ = writeln!(text, "\n{}: {}", judgement.verdict.name(), sanitize(&runs(&judgement)));
    Ok(text)
}

fn told(judgement: &Judgement) -> Value {
    let parts: Vec<Value> = judgement
        .parts
        .iter()
        .map(|part| {
            json!({
                "command": part.command,
                "verdict": part.verdict,
                "rule": part.rule,
                "action": part.action,
                "words": part.words,
                "namespace": part.namespace,
                "context": part.context,
            })
        })
        .collect();
    json!({
        "verdict": judgement.verdict,
        "parts": parts,
        "shell": judgement.plan.is_none(),
        "shell_because": judgement.shell_because,
        "runs": runs(judgement),
    })
}

/// How the bash tool would run it.
fn runs(judgement: &Judgement) -> String {
    let because = judgement.shell_because.as_deref().unwrap_or("it is not plain");
    match (judgement.verdict, &judgement.plan) {
        (Verdict::Read, Some(_)) => "runs at once, without a shell".to_owned(),
        (Verdict::Read, None) => format!("needs bash ({because}), so it runs only after a person's yes"),
        (_, Some(_)) => "runs only after a person's yes, without a shell".to_owned(),
        (_, None) => format!("runs only after a person's yes, through bash ({because})"),
    }
}

fn one_line(text: &str) -> String {
    text.split('\n').map(str::trim).collect::<Vec<_>>().join(" ⏎ ")
}
