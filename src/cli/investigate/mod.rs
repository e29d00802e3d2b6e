//! `holmes-rs investigate`: what is wrong is named by something else than words.
//!
//! One file a kind of source; what they share stands here.

mod alert;
mod several;
mod ticket;
mod workload;

use clap::{Args, Subcommand};

use super::Context;
use super::failure::{Exit, Failure};

/// Investigate an alert, a workload or a ticket by its name
#[derive(Debug, Args)]
pub(super) struct InvestigateVerb {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Alert(Box<alert::AlertArgs>),
    /// The same under HolmesGPT's name: without a NAME every alert that fires
    Alertmanager(Box<alert::AlertArgs>),
    #[command(flatten)]
    Workload(workload::Workload),
    #[command(flatten)]
    Ticket(ticket::TicketVerb),
}

/// Runs the verb.
pub(super) async fn run(verb: InvestigateVerb, context: &Context) -> Result<Exit, Failure> {
    match verb.verb {
        Verb::Alert(args) => Box::pin(alert::run(*args, context)).await,
        Verb::Alertmanager(args) => Box::pin(alert::run_all(*args, context)).await,
        Verb::Workload(workload) => Box::pin(workload::run(workload, context)).await,
        Verb::Ticket(verb) => Box::pin(ticket::run(verb, context)).await,
    }
}
