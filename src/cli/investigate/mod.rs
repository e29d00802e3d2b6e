//! `holmes-rs investigate`: something that has a name, with what is known about it looked up beforehand.

mod several;
mod workload;

use clap::{Args, Subcommand};

use super::Context;
use super::failure::{Exit, Failure};

/// Investigate something by name: it is looked up before the model is asked
#[derive(Debug, Args)]
pub(super) struct InvestigateVerb {
    #[command(subcommand)]
    about: About,
}

#[derive(Debug, Subcommand)]
enum About {
    #[command(flatten)]
    Workload(workload::Workload),
}

pub(super) async fn run(verb: InvestigateVerb, context: &Context) -> Result<Exit, Failure> {
    match verb.about {
        About::Workload(workload) => workload::run(workload, context).await,
    }
}
