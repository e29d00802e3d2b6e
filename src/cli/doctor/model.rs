//! Who answers, and whether it does: the essential part of `model check`.

use std::cell::RefCell;
use std::time::Instant;

use super::super::failure::Failure;
use super::super::model_check::probe::{Depth, Found, Grade, Probe};
use super::super::model_check::{settings, silent};
use super::report::{Check, Section};
use super::{Looking, since};
use crate::config::{Config, ModelChoice, ModelSettings, mask};
use crate::model::Model as _;
use crate::model::openai::OpenAiModel;

const HERE: Section = Section::Model;
/// Once more after a failure: whoever does not answer then is told to a person.
const ATTEMPTS: u32 = 2;

pub(super) async fn look(looking: &Looking<'_>, config: &Config, no_model: bool) {
    match config.model() {
        Err(error) => {
            let failure = Failure::from(error);
            looking.report.add(failed("model", &failure));
        }
        Ok(ModelChoice::None { reason, hints }) => {
            let check = Check::ok(HERE, "model", format!("none, the built-in rules answer: {reason}"));
            looking.report.add(match hints.into_iter().next() {
                Some(hint) => check.fix(hint),
                None => check,
            });
        }
        Ok(ModelChoice::Model(model)) => {
            looking.report.add(Check::ok(HERE, "model", named(&model)));
            let key = model.api_key.as_ref().map_or_else(|| "none is sent".to_owned(), mask);
            looking.report.add(Check::ok(HERE, "key", key));
            if let Some(hint) = &model.hint {
                looking.report.add(Check::warning(HERE, "settings", hint));
            }
            if no_model {
                looking.report.add(Check::ok(HERE, "answers", "not asked (--no-model)"));
            } else if let Err(failure) = talk(looking, config, *model).await {
                looking.report.add(failed("answers", &failure));
            }
        }
    }
}

fn named(model: &ModelSettings) -> String {
    let alias = if model.name == model.model { String::new() } else { format!("{} is ", model.name) };
    format!("{alias}{} at {} (set by {})", model.model, model.shown_base(), model.origin)
}

fn failed(name: &str, failure: &Failure) -> Check {
    Check::problem(HERE, name, &failure.message).fix(failure.hints.join("; "))
}

async fn talk(looking: &Looking<'_>, config: &Config, chosen: ModelSettings) -> Result<(), Failure> {
    let mut settings = settings(chosen, config, looking.limit)?;
    settings.limits.attempts = ATTEMPTS;
    let model = OpenAiModel::new(settings.clone())?;
    let found = RefCell::new(Found::default());
    let probe = Probe { found: &found, step: &|_| {} };
    let began = Instant::now();
    let asked = tokio::time::timeout(looking.limit, probe.ask(&model, &settings, Depth::Essential)).await;
    let step = found.borrow().step;
    let found = found.into_inner();
    for fact in found.facts {
        // Said already, or told better by the error.
        if matches!(fact.name, "model" | "address") || fact.grade == Grade::Bad && fact.name == "answers" {
            continue;
        }
        looking.report.add(match fact.grade {
            Grade::Good => Check::ok(HERE, fact.name, fact.words),
            Grade::Poor => Check::warning(HERE, fact.name, fact.words),
            Grade::Bad => Check::problem(HERE, fact.name, fact.words)
                .fix("`holmes-rs model check` says more; another model may do it"),
        });
    }
    for warning in found.learned.into_iter().chain(model.warnings()) {
        looking.report.add(Check::warning(HERE, "adapted", warning));
    }
    match asked {
        Err(_) => return Err(silent(&model, looking.limit, step).into()),
        Ok(asked) => asked?,
    }
    let detail = format!("{} tokens in {} requests", found.usage.total(), found.requests);
    looking.report.add(Check::ok(HERE, "round trip", detail).took(since(began)));
    Ok(())
}
