//! `toolset new`: a file to start with, which works as it is.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::super::Context;
use super::super::failure::{Exit, Failure};

const STARTER: &str = include_str!("starter.yaml");

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  holmes-rs toolset new payments/orders --file orders.yaml\n  \
                        holmes-rs toolset lint orders.yaml\n  \
                        holmes-rs toolset run orders_status -t orders.yaml -- name=checkout")]
pub(super) struct NewArgs {
    /// Name of the toolset: team/service, in lower case
    #[arg(value_name = "NAME")]
    name: String,
    /// Write to this file, which must not exist yet [default: stdout]
    #[arg(long, value_name = "PATH|-", default_value = "-", hide_default_value = true)]
    file: PathBuf,
}

pub(super) fn run(args: &NewArgs, context: &Context) -> Result<(String, Exit), Failure> {
    let service = service(&args.name)?;
    let tool = service.replace('-', "_");
    let text =
        STARTER.replace("team/service", &args.name).replace("service_status", &format!("{tool}_status"));
    if args.file == Path::new("-") {
        return Ok((text, Exit::Answered));
    }
    let shown = args.file.display();
    let written = std::fs::File::create_new(&args.file).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Failure::new(Exit::Usage, format!("`{shown}` is there already and is not overwritten"))
                .hint("give another --file, or take it away first")
        }
        _ => Failure::new(Exit::RunTime, format!("`{shown}` cannot be written: {error}")),
    })?;
    context
        .say(&format!("wrote {shown}: `holmes-rs toolset run {tool}_status -t {shown} -- name=sh` tries it"));
    Ok((String::new(), Exit::Answered))
}

/// The part after the slash.
fn service(name: &str) -> Result<&str, Failure> {
    let good = |part: &str| {
        part.len() <= 60
            && part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
    };
    match name.split_once('/') {
        Some((team, service)) if good(team) && good(service) => Ok(service),
        _ => {
            let error = format!("a toolset's name is `team/service`, got `{}`", crate::ui::sanitize(name));
            Err(Failure::new(Exit::Usage, error)
                .hint("lower case letters, digits, - and _, such as `payments/orders`"))
        }
    }
}
