//! `holmes-rs investigate`: what is wrong is named by something else than words.

mod ticket;

use clap::{Args, Subcommand};

use super::Context;
use super::failure::{Exit, Failure};

/// What is investigated.
#[derive(Debug, Args)]
pub(super) struct InvestigateVerb {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(flatten)]
    Ticket(ticket::TicketVerb),
}

/// Runs the verb.
pub(super) async fn run(verb: InvestigateVerb, context: &Context) -> Result<Exit, Failure> {
    match verb.what {
        What::Ticket(verb) => ticket::run(verb, context).await,
    }
}
