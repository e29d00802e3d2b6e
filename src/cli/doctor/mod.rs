//! `doctor`: what is wrong, and what to do about it, on one screen that can go into a ticket.
//!
//! A section a file. All look at the same time and each within its time; one that hangs says so and holds up no
//! other. It works best where nothing else does: without a home folder, with a configuration that does not
//! load. It writes nothing.

mod command;
mod configuration;
mod folders;
mod kubernetes;
mod model;
mod network;
mod program;
mod report;
mod sandbox;
mod terminal;
mod toolsets;

use std::time::{Duration, Instant};

use clap::Args;

use self::report::{Check, Report, Section};
use super::Context;
use super::failure::{Exit, Failure, io};
use super::options::{FormArgs, ModelArgs, ToolsetArgs, timeout};
use super::signals::Signals;
use super::thinking;
use crate::config::{Config, Flags, ModelChoice};
use crate::evidence::Redactor;
use crate::ui::{self, Progress, ProgressOptions};

/// For each check. A kubectl that cannot reach its cluster needs about as long to notice.
const LIMIT: Duration = Duration::from_secs(10);
/// A section that has not ended this long after the checks in it should have is given up.
const GRACE: Duration = Duration::from_secs(2);

/// Look at everything a run depends on: what is wrong, and what to do about it
///
/// Program, configuration, folders, model, network, Kubernetes, toolsets, MCP servers and terminal, all at once, in about 12
/// seconds at most. Exit 0 when nothing is a problem (warnings may be), 1 when something is, 130 when
/// interrupted. Secrets are masked, so that the result can go into a ticket. Nothing is written.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {
    /// Do not talk to the model: the conversation costs a few hundred tokens
    #[arg(long)]
    no_model: bool,
    /// Time for each check, such as 30s where a local model must be loaded first [default: 10s]
    #[arg(long, value_name = "DURATION")]
    timeout: Option<String>,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    toolsets: ToolsetArgs,
    #[command(flatten)]
    form: FormArgs,
}

/// What every section is given.
struct Looking<'a> {
    report: &'a Report,
    context: &'a Context,
    /// The environment of commands: as tools get it.
    environment: Vec<(String, String)>,
    limit: Duration,
}

impl Looking<'_> {
    /// Waits for a section, and not longer than it may take.
    async fn section(&self, section: Section, work: impl Future<Output = ()>) {
        self.report.begin(section);
        let most = self.limit + GRACE;
        if tokio::time::timeout(most, work).await.is_err() {
            let detail = format!("not known within {} s", most.as_secs());
            self.report.add(Check::warning(section, "unfinished", detail));
        }
        self.report.end(section);
    }
}

pub(super) async fn run(args: DoctorArgs, context: &Context) -> Result<Exit, Failure> {
    let mut signals = Signals::listen()?;
    let limit = timeout(args.timeout.as_deref())?.unwrap_or(LIMIT);
    let output = args.form.settle(context.environment.get("HOLMES_OUTPUT"))?;
    let flags = Flags {
        config: context.global.config.clone(),
        custom_toolsets: args.toolsets.custom_toolsets.clone(),
        toolset: args.toolsets.toolset.clone(),
        no_detectors: args.toolsets.no_detectors,
        ..args.model.flags()
    };
    let (config, read) = configuration::load(&flags, context);
    let report = Report::new(redactor(config.as_ref(), context));
    for check in read {
        report.add(check);
    }
    let mut progress = Progress::new(context.stderr, ProgressOptions::default());
    progress.busy(&format!("looking at everything, {} s at most", (limit + GRACE).as_secs()));
    let looking = Looking { report: &report, context, environment: command::environment(context), limit };
    let finished = {
        let all = Box::pin(everything(&looking, config.as_ref(), args.no_model));
        tokio::select! {
            () = all => true,
            () = signals.next() => false,
        }
    };
    progress.hide();
    drop(looking);
    let checks = report.close();
    let text = report::shown(&checks, output, context.verbose > 0, &context.stdout);
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    Ok(match (finished, report::has_problem(&checks)) {
        (false, _) => Exit::Interrupted,
        (true, true) => Exit::RunTime,
        (true, false) => Exit::Answered,
    })
}

async fn everything(looking: &Looking<'_>, config: Option<&Config>, no_model: bool) {
    for check in program::look(looking.context)
        .into_iter()
        .chain(sandbox::look(looking.context, config))
        .chain(terminal::look(looking.context))
    {
        looking.report.add(check);
    }
    let model = async {
        match config {
            Some(config) => looking.section(Section::Model, model::look(looking, config, no_model)).await,
            None => looking.report.add(unknown(Section::Model)),
        }
    };
    let toolsets = async {
        match config {
            Some(config) => looking.section(Section::Toolsets, toolsets::look(looking, config)).await,
            None => looking.report.add(unknown(Section::Toolsets)),
        }
    };
    tokio::join!(
        model,
        toolsets,
        looking.section(Section::Folders, folders::look(looking, config)),
        looking.section(Section::Network, network::look(looking, config)),
        looking.section(Section::Kubernetes, kubernetes::look(looking)),
        looking.section(Section::Programs, command::programs(looking)),
    );
}

fn unknown(section: Section) -> Check {
    Check::warning(section, "unknown", "not looked at: the configuration cannot be used")
}

/// Knows every secret that a setting holds, and those of the environment.
fn redactor(config: Option<&Config>, context: &Context) -> Redactor {
    use secrecy::ExposeSecret as _;
    let mut keys: Vec<String> = Vec::new();
    if let Some(config) = config {
        keys.extend(config.secrets().iter().map(|secret| secret.expose_secret().to_owned()));
        for key in ["webhook_header", "alertmanager_headers"] {
            let values = config.secret_map(key).unwrap_or_default();
            keys.extend(values.iter().map(|(_, value)| value.expose_secret().to_owned()));
        }
        if let Ok(ModelChoice::Model(model)) = config.model() {
            keys.extend(thinking::secrets_of(&model));
        }
        if let Ok(Some(model)) = config.fast_model(None) {
            keys.extend(thinking::secrets_of(&model));
        }
    }
    Redactor::new(context.environment.iter(), &keys)
}

fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)
}
