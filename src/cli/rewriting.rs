//! `--post-processing-prompt`: one more model call that rewrites the finished answer, as HolmesGPT has it.
//!
//! Only the words people read change. Verdict, evidence and what was not checked stay what they were.

use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::failure::{Exit, Failure, io};
use crate::agent::Message;
use crate::agent::drive::Conclusion;
use crate::config::Config;
use crate::model::{Model, Request};
use crate::ui::Progress;

const ROLE: &str =
    "You rewrite the report of an incident investigation as you are told. Add no fact that it does not hold.";
/// Without a time limit for the run.
const LONGEST: Duration = Duration::from_mins(5);
/// Where HolmesGPT's prompts want the report.
const PLACES: [&str; 2] = ["{{ investigation }}", "{{investigation}}"];

/// The prompt that an answer is rewritten by.
#[derive(Debug, Clone)]
pub(super) struct Rewriting {
    prompt: String,
}

impl Rewriting {
    /// As configured: a text, or `file://PATH`.
    pub(super) fn of(config: &Config) -> Result<Option<Self>, Failure> {
        let Some(text) = config.text("post_processing_prompt")?.filter(|text| !text.trim().is_empty()) else {
            return Ok(None);
        };
        if text.starts_with("builtin://") {
            return Err(Failure::new(Exit::Usage, format!("there is no built-in prompt `{text}`"))
                .hint("`--post-processing-prompt` takes the prompt itself, or file://PATH"));
        }
        let prompt = match text.strip_prefix("file://") {
            None => text,
            Some(path) => {
                std::fs::read_to_string(path).map_err(io(format!("prompt file `{path}` cannot be read")))?
            }
        };
        Ok(Some(Self { prompt }))
    }

    /// Rewrites the answer, unless the person or the time says stop; what fails is told and leaves it as
    /// it is.
    pub(super) async fn apply(
        &self,
        model: &dyn Model,
        conclusion: &mut Conclusion,
        until: Option<Instant>,
        mut stop: watch::Receiver<bool>,
        progress: &mut Progress,
    ) {
        progress.busy("rewriting the answer");
        let until = until.unwrap_or_else(|| Instant::now() + LONGEST);
        let done = tokio::select! {
            done = rewrite(&self.prompt, model, conclusion) => done,
            _ = stop.wait_for(|wanted| *wanted) => Err("interrupted".to_owned()),
            () = tokio::time::sleep_until(until.into()) => Err("it took too long".to_owned()),
        };
        if let Err(error) = done {
            progress.warning(&format!("the answer is not rewritten: {error}"));
        }
    }
}

/// Replaces the answer's text; on an error the answer stays as it is.
///
/// # Errors
/// Why there was no new text, in one line.
async fn rewrite(prompt: &str, model: &dyn Model, conclusion: &mut Conclusion) -> Result<(), String> {
    let report = &conclusion.answer.text;
    let place = PLACES.into_iter().find(|place| prompt.contains(place));
    let text = match place {
        Some(place) => prompt.replace(place, report),
        None => format!("{prompt}\n\n{report}"),
    };
    let messages = [Message::System { text: ROLE.to_owned() }, Message::User { text }];
    let request = Request { messages: &messages, tools: &[], reply_tokens: None, stream: false };
    let reply = model.complete(request, &mut |_| {}).await.map_err(|error| error.to_string())?;
    conclusion.calls += 1;
    conclusion.usage += reply.usage;
    conclusion.cost = conclusion.cost.zip(reply.cost).map(|(sum, one)| sum + one);
    let text = reply.message.text.trim();
    if text.is_empty() {
        return Err("the model said nothing".to_owned());
    }
    text.clone_into(&mut conclusion.answer.text);
    Ok(())
}
