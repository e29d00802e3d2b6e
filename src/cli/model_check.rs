//! `model check`: what an endpoint can do, found out by talking to it as a run would.
//!
//! Three short turns: a word, a tool call, the tool's result. What the endpoint refused on the way is
//! said, since a run would have to learn it again.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::Context;
use super::config::as_json;
use super::failure::{Exit, Failure, io};
use super::options::OutputFormat;
use super::thinking;
use crate::agent::{Message, ToolSpec};
use crate::config::Config;
use crate::model::openai::OpenAiModel;
use crate::model::{Delta, Model as _, ModelError, Reply, Request};
use crate::ui::{self, Table};

/// A local model may have to be loaded first.
const PATIENCE: Duration = Duration::from_mins(2);

/// What was found out, in the order it is shown.
#[derive(Debug, Default)]
struct Found {
    rows: Vec<(&'static str, String)>,
    fields: serde_json::Map<String, Value>,
}

impl Found {
    fn add(&mut self, name: &'static str, words: impl Into<String>, value: Value) {
        self.rows.push((name, words.into()));
        self.fields.insert(name.replace(' ', "_"), value);
    }
}

/// One turn with its time and what had to be done differently.
struct Turn {
    reply: Reply,
    seconds: f64,
    pieces: u32,
}

async fn turn(
    model: &OpenAiModel,
    messages: &[Message],
    tools: &[ToolSpec],
    adapted: &mut Vec<String>,
) -> Result<Turn, ModelError> {
    let began = Instant::now();
    let mut pieces = 0;
    let mut listener = |delta: Delta<'_>| match delta {
        Delta::Text(_) | Delta::Reasoning(_) => pieces += 1,
        Delta::Retry { reason, .. } => adapted.push(reason.to_owned()),
    };
    let reply =
        model.complete(Request { messages, tools, reply_tokens: None, stream: true }, &mut listener).await?;
    Ok(Turn { reply, seconds: began.elapsed().as_secs_f64(), pieces })
}

pub(super) async fn run(config: &Config, output: OutputFormat, context: &Context) -> Result<Exit, Failure> {
    let chosen = thinking::choose(config, false, Some(PATIENCE), &thinking::prompts(config)?, context)?;
    let Some(model) = chosen.model else {
        let reason = chosen.notice.unwrap_or_default();
        return Err(Failure::new(Exit::Configuration, format!("no model to check: {reason}")));
    };
    let mut found = Found::default();
    let mut adapted = Vec::new();
    let result = ask(&model, &mut found, &mut adapted).await;
    for warning in model.warnings() {
        context.warn(&warning);
    }
    if !adapted.is_empty() {
        found.add("learned", adapted.join("; "), Value::from(adapted));
    }
    let text = if matches!(output, OutputFormat::Json | OutputFormat::Jsonl) {
        as_json(&Value::Object(found.fields), output)
    } else {
        let mut table = Table::new(&["CHECK", "RESULT"]);
        for (name, words) in found.rows {
            table.row([name.to_owned(), words]);
        }
        output.table(&table, &context.stdout)
    };
    ui::write_stdout(text.as_bytes()).map_err(io("stdout"))?;
    result.map(|()| Exit::Answered).map_err(Failure::from)
}

async fn ask(model: &OpenAiModel, found: &mut Found, adapted: &mut Vec<String>) -> Result<(), ModelError> {
    found.add("model", model.name(), Value::from(model.name()));
    found.add("address", model.url(), Value::from(model.url()));
    let mut messages = vec![
        Message::System { text: "You answer in one word.".to_owned() },
        Message::User { text: "Say: ready".to_owned() },
    ];
    let ((), plain) = tokio::join!(model.discover(), turn(model, &messages, &[], adapted));
    match model.window() {
        Some((tokens, source)) => {
            found.add("window", format!("{tokens} tokens, from {source}"), Value::from(tokens));
            found.fields.insert("window_from".to_owned(), Value::from(source));
        }
        None => found.add("window", "unknown: set `context_window` in the model list", Value::Null),
    }
    let plain = plain.inspect_err(|error| found.add("answers", "no", Value::from(error.message.as_str())))?;
    found.add("answers", format!("yes, in {:.1} s", plain.seconds), json!(plain.seconds));
    let streams = model.streams();
    let words = if streams { format!("yes, {} pieces", plain.pieces) } else { "no".to_owned() };
    found.add("streaming", words, Value::from(streams));

    let spec = ToolSpec {
        name: "probe".to_owned(),
        description: "Looks up the state of a thing".to_owned(),
        parameters: json!({"type": "object", "properties": {"thing": {"type": "string"}}, "required": ["thing"]}),
    };
    let tools = [spec];
    messages.truncate(0);
    messages.push(Message::System { text: "You use tools to find things out.".to_owned() });
    messages.push(Message::User { text: "Call the tool `probe` with the thing `disk`.".to_owned() });
    let called = turn(model, &messages, &tools, adapted).await?;
    let said = called.reply.message;
    let how = match said.tool_calls.first() {
        None if model.refuses_tools() => "refused",
        None => "none",
        Some(_) if model.writes_calls() => "text",
        Some(_) => "native",
    };
    let words = match how {
        "native" => format!("native, in {:.1} s", called.seconds),
        "text" => format!("written as text, in {:.1} s", called.seconds),
        "refused" => "the endpoint refuses tools: `--tool-calling text`".to_owned(),
        _ => "the model called no tool when told to: a larger one may".to_owned(),
    };
    found.add("tools", words, Value::from(how));
    let calls = said.tool_calls.clone();
    if calls.is_empty() {
        return Ok(());
    }
    messages.push(Message::Assistant(said));
    messages.extend(calls.into_iter().map(|call| Message::Tool {
        call_id: call.id,
        tool: call.tool,
        text: "the disk is full".to_owned(),
    }));
    let told = turn(model, &messages, &tools, adapted).await?;
    found.add("results", format!("taken, in {:.1} s", told.seconds), json!(told.seconds));
    Ok(())
}
