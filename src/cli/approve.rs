//! `holmes-rs approve`: what may run without asking, shown and taken back. It allows nothing: that is said where the call
//! is seen, at the question.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::Context;
use super::failure::{Exit, Failure, io};
use super::leave::{self, list};
use super::options::{FormArgs, OutputFormat};
use crate::approval::Grant;
use crate::config::{Config, Flags};
use crate::ui;

#[derive(Debug, Args)]
pub(super) struct ApproveVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What runs without being asked about
    List(FormArgs),
    /// All of one approval: what it allows, where, by whom
    Show(ShowArgs),
    /// Take approvals back
    #[command(after_help = "Examples:\n  \
        holmes-rs approve revoke 3fa81c\n  \
        holmes-rs approve revoke --all")]
    Revoke(RevokeArgs),
}

#[derive(Debug, Args)]
struct ShowArgs {
    /// Its id, as `approve list` shows it
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    form: FormArgs,
}

#[derive(Debug, Args)]
struct RevokeArgs {
    /// Their ids, as `approve list` shows them
    #[arg(value_name = "ID", required_unless_present = "all")]
    ids: Vec<String>,
    /// Everything that is allowed
    #[arg(long, conflicts_with = "ids")]
    all: bool,
}

/// Runs the verb.
pub(super) fn run(verb: &ApproveVerb, context: &Context) -> Result<Exit, Failure> {
    let config = context.config(Flags::default())?;
    match &verb.verb {
        Verb::List(form) => shown_all(*form, &config, context),
        Verb::Show(args) => shown(args, &config, context),
        Verb::Revoke(args) => revoked(args, &config, context),
    }
}

fn shown_all(form: FormArgs, config: &Config, context: &Context) -> Result<Exit, Failure> {
    let grants = stored(config)?;
    let text = match form.of(config)? {
        OutputFormat::Json => format!("{:#}\n", grants.iter().map(json).collect::<Value>()),
        OutputFormat::Jsonl => {
            grants.iter().flat_map(|grant| [json(grant).to_string(), "\n".to_owned()]).collect()
        }
        form => {
            if grants.is_empty() {
                context.say("nothing is allowed without asking; `a` at a question allows it from then on");
                return Ok(Exit::Answered);
            }
            form.table(&list::table(grants.iter().map(|grant| (true, grant))), &context.stdout)
        }
    };
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

fn shown(args: &ShowArgs, config: &Config, context: &Context) -> Result<Exit, Failure> {
    let grants = stored(config)?;
    list::known(&[args.id.as_str()], grants.iter()).map_err(unknown)?;
    let grants: Vec<Grant> = grants.into_iter().filter(|grant| grant.id == args.id).collect();
    let mut text = String::new();
    for grant in &grants {
        let one = match args.form.of(config)? {
            OutputFormat::Json => format!("{:#}\n", json(grant)),
            OutputFormat::Jsonl => format!("{}\n", json(grant)),
            form => {
                let mut table = ui::Table::new(&["field", "value"]);
                if let Value::Object(fields) = json(grant) {
                    for (name, value) in fields.into_iter().filter(|(_, value)| !value.is_null()) {
                        table.row([name, value.as_str().map_or_else(|| value.to_string(), str::to_owned)]);
                    }
                }
                form.table(&table, &context.stdout)
            }
        };
        text.push_str(&one);
    }
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(Exit::Answered)
}

fn revoked(args: &RevokeArgs, config: &Config, context: &Context) -> Result<Exit, Failure> {
    let ids: Vec<&str> = args.ids.iter().map(String::as_str).collect();
    list::known(&ids, stored(config)?.iter()).map_err(unknown)?;
    let gone = leave::store(config)
        .revoke(|grant| args.all || ids.contains(&grant.id.as_str()))
        .map_err(|error| Failure::new(Exit::RunTime, error))?;
    for grant in &gone {
        context.say(&format!("revoked {}: {}", grant.id, grant.rule));
    }
    if gone.is_empty() {
        context.say("nothing was allowed");
    }
    Ok(Exit::Answered)
}

fn stored(config: &Config) -> Result<Vec<Grant>, Failure> {
    leave::store(config).read().map_err(|error| Failure::new(Exit::Configuration, error))
}

fn json(grant: &Grant) -> Value {
    list::json(true, grant)
}

fn unknown(error: String) -> Failure {
    Failure::new(Exit::Usage, error).hint("`holmes-rs approve list` shows them")
}
