//! `model check`: what an endpoint can do, found out by talking to it as a run would.
//!
//! The conversation itself is `probe`; here it is begun, waited for and shown. What the endpoint refused on
//! the way is said, since a run would have to learn it again.

pub(super) mod probe;

use std::cell::RefCell;
use std::time::Duration;

use serde_json::{Value, json};

use self::probe::{Depth, Found, Grade, Probe};
use super::Context;
use super::config::as_json;
use super::egress;
use super::failure::{Exit, Failure, io};
use super::options::OutputFormat;
use super::signals::Signals;
use super::thinking;
use crate::config::{Config, ModelChoice, ModelSettings};
use crate::model::openai::{OpenAiModel, Settings};
use crate::model::react::TOOLS;
use crate::model::{Model as _, ModelError, ModelErrorKind};
use crate::ui::{self, Progress, ProgressOptions, Table};

/// A local model may have to be loaded first.
pub(super) const PATIENCE: Duration = Duration::from_mins(2);
/// Silence after which somebody without a spinner is told what is waited for.
const SILENCE: Duration = Duration::from_secs(3);

/// What a run would talk to this model with, each turn within `budget`.
///
/// # Errors
/// Prompts that cannot be read, a file for `--show-egress` that cannot be written.
pub(super) fn settings(model: ModelSettings, config: &Config, budget: Duration) -> Result<Settings, Failure> {
    let mut settings = thinking::endpoint(model, Some(budget), egress::listener(config)?);
    settings.protocol = thinking::prompts(config)?
        .protocol(TOOLS)
        .map_err(|error| Failure::new(Exit::Configuration, error))?;
    Ok(settings)
}

/// Nobody answered in time.
pub(super) fn silent(model: &OpenAiModel, waited: Duration, step: &str) -> ModelError {
    ModelError {
        kind: ModelErrorKind::Unavailable,
        message: format!("`{}` gave no answer within {} s (asked for {step})", model.url(), waited.as_secs_f64()),
        hint: Some(
            "a local model may be loading: a longer `--timeout` waits for it; else look whether the server hangs"
                .to_owned(),
        ),
    }
}

pub(super) async fn run(
    config: &Config,
    output: OutputFormat,
    patience: Duration,
    context: &Context,
) -> Result<Exit, Failure> {
    let chosen = match config.model()? {
        ModelChoice::Model(settings) => *settings,
        ModelChoice::None { reason, hints } => {
            let mut failure = Failure::new(Exit::Configuration, format!("no model to check: {reason}"));
            failure.hints = hints;
            return Err(failure);
        }
    };
    if let Some(hint) = &chosen.hint {
        context.warn(hint);
    }
    let settings = settings(chosen, config, patience)?;
    let model = OpenAiModel::new(settings.clone())?;
    let mut signals = Signals::listen()?;
    let progress = Progress::new(context.stderr, ProgressOptions::default());
    let progress = RefCell::new(progress);
    let found = RefCell::new(Found::default());
    let step =
        |what: &'static str| progress.borrow_mut().busy(&format!("asking `{}` for {what}", model.name()));
    let probe = Probe { found: &found, step: &step };
    let result = {
        let mut asking =
            std::pin::pin!(tokio::time::timeout(patience, probe.ask(&model, &settings, Depth::Everything)));
        let mut silence = std::pin::pin!(tokio::time::sleep(SILENCE));
        let mut told = context.stderr.live;
        loop {
            tokio::select! {
                done = &mut asking => break Some(done),
                () = signals.next() => break None,
                () = &mut silence, if !told => {
                    told = true;
                    let step = found.borrow().step;
                    context.say(&format!(
                        "waiting for `{}`: {step}, {} s at most (--timeout)", model.url(), patience.as_secs()
                    ));
                }
            }
        }
    };
    progress.borrow_mut().hide();
    for warning in model.warnings() {
        context.warn(&warning);
    }
    let mut found = found.into_inner();
    close(&mut found);
    ui::write_stdout(shown(found, output, context).as_bytes()).map_err(io("stdout"))?;
    match result {
        None => Ok(Exit::Interrupted),
        Some(Ok(asked)) => asked.map(|()| Exit::Answered).map_err(Failure::from),
        Some(Err(_)) => Err(silent(&model, patience, "what it can do").into()),
    }
}

/// What it took, and what the endpoint made us do differently.
fn close(found: &mut Found) {
    let (tokens, requests) = (found.usage.total(), found.requests);
    let mut words = format!("{tokens} tokens in {requests} request{}", if requests == 1 { "" } else { "s" });
    if let Some(cost) = found.cost {
        words = format!("{words}, ${cost:.4}");
    }
    found.add(
        "used",
        Grade::Good,
        words,
        json!({"tokens": tokens, "requests": requests, "cost": found.cost}),
    );
    if !found.learned.is_empty() {
        let learned = std::mem::take(&mut found.learned);
        found.add("learned", Grade::Good, learned.join("; "), Value::from(learned));
    }
}

fn shown(found: Found, output: OutputFormat, context: &Context) -> String {
    if matches!(output, OutputFormat::Json | OutputFormat::Jsonl) {
        return as_json(&Value::Object(found.fields), output);
    }
    let mut table = Table::new(&["CHECK", "RESULT"]);
    for fact in found.facts {
        table.row([fact.name.to_owned(), fact.words]);
    }
    output.table(&table, &context.stdout)
}
