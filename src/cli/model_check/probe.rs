//! The conversation that finds out what an endpoint can do. Short turns, a few hundred tokens in all; what
//! was learned is kept as it is learned, so that one who stops waiting still has it.

use std::cell::RefCell;
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::agent::{AssistantMessage, Message, ToolSpec, Usage};
use crate::config::yaml::nearest;
use crate::model::openai::{OpenAiModel, Settings};
use crate::model::{Delta, Model as _, ModelError, Reply, Request};

/// A word that no model says unless its system prompt is read.
const WORD: &str = "pelican";
/// A number that stands only in a tool's result.
const FULL: &str = "97";
/// Tokens that one reply is held to, the least that OpenAI's endpoints take.
const HELD_TO: u64 = 16;
/// Counted by another tokenizer it may be a little more.
const ABOUT: u64 = HELD_TO + 8;

/// How good it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Grade {
    Good,
    /// A run works, less well.
    Poor,
    /// A run does not work.
    Bad,
}

/// One thing that was found out.
#[derive(Debug)]
pub(in crate::cli) struct Fact {
    pub name: &'static str,
    pub grade: Grade,
    pub words: String,
}

/// How much is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) enum Depth {
    /// A word, a tool call, its result: what a run cannot do without.
    Essential,
    Everything,
}

/// All that was found out, in the order it is shown.
#[derive(Debug, Default)]
pub(in crate::cli) struct Found {
    pub facts: Vec<Fact>,
    /// For programs.
    pub fields: Map<String, Value>,
    /// What the endpoint made us do differently.
    pub learned: Vec<String>,
    pub usage: Usage,
    pub requests: u32,
    /// USD, where it is known.
    pub cost: Option<f64>,
    /// What is asked now.
    pub step: &'static str,
}

impl Found {
    pub(in crate::cli) fn add(
        &mut self,
        name: &'static str,
        grade: Grade,
        words: impl Into<String>,
        value: Value,
    ) {
        self.facts.push(Fact { name, grade, words: words.into() });
        self.fields.insert(name.replace(' ', "_"), value);
    }
}

/// One turn with its times in seconds.
struct Turn {
    reply: Reply,
    seconds: f64,
    pieces: u32,
    first: f64,
    last: f64,
}

/// Talks to one model.
pub(in crate::cli) struct Probe<'a> {
    pub found: &'a RefCell<Found>,
    /// Told what is asked next.
    pub step: &'a dyn Fn(&'static str),
}

impl Probe<'_> {
    fn add(&self, name: &'static str, grade: Grade, words: impl Into<String>, value: Value) {
        self.found.borrow_mut().add(name, grade, words, value);
    }

    fn now(&self, step: &'static str) {
        self.found.borrow_mut().step = step;
        (self.step)(step);
    }

    async fn turn(
        &self,
        model: &OpenAiModel,
        messages: &[Message],
        tools: &[ToolSpec],
        reply_tokens: Option<u64>,
    ) -> Result<Turn, ModelError> {
        let began = Instant::now();
        let (mut pieces, mut first, mut last) = (0, 0.0, 0.0);
        self.found.borrow_mut().requests += 1;
        let mut listener = |delta: Delta<'_>| match delta {
            Delta::Text(_) | Delta::Reasoning(_) => {
                last = began.elapsed().as_secs_f64();
                if pieces == 0 {
                    first = last;
                }
                pieces += 1;
            }
            Delta::Retry { reason, .. } => {
                let mut found = self.found.borrow_mut();
                found.requests += 1;
                if !found.learned.iter().any(|known| known == reason) {
                    found.learned.push(reason.to_owned());
                }
            }
        };
        let request = Request { messages, tools, reply_tokens, stream: true };
        let reply = model.complete(request, &mut listener).await?;
        let mut found = self.found.borrow_mut();
        found.usage += reply.usage;
        if let Some(cost) = reply.cost {
            *found.cost.get_or_insert(0.0) += cost;
        }
        Ok(Turn { reply, seconds: began.elapsed().as_secs_f64(), pieces, first, last })
    }

    /// Asks `model`; `settings` are its own.
    ///
    /// # Errors
    /// Of the turns that a run cannot do without. What else fails is a fact.
    pub(in crate::cli) async fn ask(
        &self,
        model: &OpenAiModel,
        settings: &Settings,
        depth: Depth,
    ) -> Result<(), ModelError> {
        self.add("model", Grade::Good, model.name(), Value::from(model.name()));
        self.add("address", Grade::Good, model.url(), Value::from(model.url()));
        self.now("a word");
        let ((), answered) = tokio::join!(model.discover(), self.word(model));
        self.window(model);
        let plain = answered?;
        self.streaming(model, &plain, depth);
        if depth == Depth::Everything {
            self.plainly(&plain);
        }
        self.tools(model, settings, depth).await?;
        if depth == Depth::Everything {
            self.now("a reply of a few tokens");
            self.most_tokens(model).await;
            self.now("its list of models");
            self.listed(model, &settings.model).await;
        }
        match model.prices_from() {
            Some(from) => self.add("prices", Grade::Good, format!("known, from {from}"), Value::from(from)),
            None => self.add("prices", Grade::Good, "unknown: `--max-cost` cannot be held", Value::Null),
        }
        Ok(())
    }

    async fn word(&self, model: &OpenAiModel) -> Result<Turn, ModelError> {
        let messages = [
            Message::System { text: format!("Begin every reply with the word {WORD}.") },
            Message::User { text: "Count from 1 to 10, in digits, on one line.".to_owned() },
        ];
        let answered = self.turn(model, &messages, &[], None).await;
        match &answered {
            Ok(turn) => self.add(
                "answers",
                Grade::Good,
                format!("yes, in {:.1} s", turn.seconds),
                json!(turn.seconds),
            ),
            Err(error) => self.add("answers", Grade::Bad, "no", Value::from(error.message.as_str())),
        }
        answered
    }

    fn window(&self, model: &OpenAiModel) {
        match model.window() {
            Some((tokens, source)) => {
                self.add(
                    "window",
                    Grade::Good,
                    format!("{tokens} tokens, from {source}"),
                    Value::from(tokens),
                );
                self.found.borrow_mut().fields.insert("window_from".to_owned(), Value::from(source));
            }
            None => self.add(
                "window",
                Grade::Poor,
                "unknown, 32768 tokens are assumed: set `context_window` in the model list",
                Value::Null,
            ),
        }
    }

    fn streaming(&self, model: &OpenAiModel, plain: &Turn, depth: Depth) {
        let streams = model.streams();
        let long = plain.reply.message.text.split_whitespace().count() > 4;
        // Where other work goes on at the same time, pieces wait for it and come together.
        let at_once = depth == Depth::Everything && plain.first > 1.5 && plain.last - plain.first < 0.005;
        let pieces = plain.pieces;
        let (grade, words) = match () {
            () if !streams => (Grade::Poor, "no: replies come whole".to_owned()),
            () if pieces < 2 && long => (
                Grade::Poor,
                "asked for, yet the reply came in one piece: something on the way holds it back".to_owned(),
            ),
            () if pieces > 5 && at_once => (
                Grade::Good,
                format!("yes, yet all {pieces} pieces came at once: a proxy may hold them back"),
            ),
            () => (Grade::Good, format!("yes, {pieces} pieces, the first after {:.1} s", plain.first)),
        };
        self.add("streaming", grade, words, Value::from(streams));
        self.found.borrow_mut().fields.insert("pieces".to_owned(), Value::from(pieces));
    }

    /// What one plain reply shows besides.
    fn plainly(&self, plain: &Turn) {
        let reply = &plain.reply;
        let obeyed = reply.message.text.to_lowercase().contains(WORD);
        let (grade, words) = if obeyed {
            (Grade::Good, "followed")
        } else {
            (Grade::Poor, "not followed: the model may be too small, or the server drops it")
        };
        self.add("system prompt", grade, words, Value::from(obeyed));
        let usage = reply.usage;
        if usage.total() > 0 {
            let words =
                format!("reported: {} tokens in, {} out", usage.prompt_tokens, usage.completion_tokens);
            self.add("usage", Grade::Good, words, Value::from(true));
        } else {
            let words = "not reported: budgets of tokens and cost cannot be held exactly";
            self.add("usage", Grade::Poor, words, Value::from(false));
        }
        let thoughts = !reply.message.reasoning.is_empty();
        self.add(
            "reasoning",
            Grade::Good,
            if thoughts { "shown apart" } else { "none shown" },
            Value::from(thoughts),
        );
    }

    async fn tools(&self, model: &OpenAiModel, settings: &Settings, depth: Depth) -> Result<(), ModelError> {
        self.now("two tool calls");
        let tools = [tool()];
        let mut messages = vec![
            Message::System { text: "You use tools to find things out. You never guess.".to_owned() },
            Message::User {
                text: "Call the tool `probe` for `disk` and for `memory`, both in one reply. Then say in a \
                       few words which is how full."
                    .to_owned(),
            },
        ];
        let called = self.turn(model, &messages, &tools, None).await.inspect_err(|error| {
            self.add("tools", Grade::Bad, error.message.as_str(), Value::from("error"));
        })?;
        let said = called.reply.message;
        let calls = said.tool_calls.len();
        let how = match calls {
            0 if model.refuses_tools() => "refused",
            0 => "none",
            _ if model.writes_calls() => "text",
            _ => "native",
        };
        let (grade, words) = match how {
            "native" => (Grade::Good, format!("native, in {:.1} s", called.seconds)),
            "text" => (Grade::Good, format!("written as text, in {:.1} s", called.seconds)),
            "refused" => (Grade::Poor, "the endpoint refuses tools: `--tool-calling text`".to_owned()),
            _ => (Grade::Bad, "the model called no tool when told to: a larger one may".to_owned()),
        };
        self.add("tools", grade, words, Value::from(how));
        if calls == 0 {
            return Ok(());
        }
        if depth == Depth::Everything {
            let words =
                if calls > 1 { format!("yes, {calls} in one reply") } else { "one call a reply".to_owned() };
            self.add("parallel tools", Grade::Good, words, Value::from(calls > 1));
        }
        self.now("what the tools said");
        let said = self.results(model, &tools, &mut messages, said).await?;
        if depth == Depth::Everything {
            self.now("a question about what was said before");
            self.several(model, &tools, messages, said).await;
            if how == "native" {
                self.now("a strict schema");
                self.strict(settings, &tools).await;
            }
        }
        Ok(())
    }

    /// Answers the calls of `said`, and of the replies to that, and waits for words.
    async fn results(
        &self,
        model: &OpenAiModel,
        tools: &[ToolSpec],
        messages: &mut Vec<Message>,
        mut said: AssistantMessage,
    ) -> Result<AssistantMessage, ModelError> {
        let began = Instant::now();
        // A model that calls one tool a reply needs a second round; more is no answer.
        for _ in 0..3 {
            let calls = said.tool_calls.clone();
            messages.push(Message::Assistant(said));
            messages.extend(calls.into_iter().map(|call| Message::Tool {
                call_id: call.id,
                tool: call.tool,
                text: format!("disk: {FULL} % full, memory: 12 % full"),
            }));
            let told = self.turn(model, messages, tools, None).await.inspect_err(|error| {
                self.add("results", Grade::Bad, error.message.as_str(), Value::Null);
            })?;
            said = told.reply.message;
            if said.tool_calls.is_empty() {
                break;
            }
        }
        let seconds = began.elapsed().as_secs_f64();
        let (grade, words) = match () {
            () if said.text.contains(FULL) => (Grade::Good, format!("taken and used, in {seconds:.1} s")),
            () if !said.tool_calls.is_empty() => (
                Grade::Poor,
                "taken, and the same tool called again and again: a larger model may not".to_owned(),
            ),
            () => (Grade::Poor, format!("taken, in {seconds:.1} s, yet the reply says nothing of them")),
        };
        self.add("results", grade, words, json!(seconds));
        Ok(said)
    }

    async fn several(
        &self,
        model: &OpenAiModel,
        tools: &[ToolSpec],
        mut messages: Vec<Message>,
        said: AssistantMessage,
    ) {
        if !said.tool_calls.is_empty() {
            return;
        }
        messages.push(Message::Assistant(said));
        messages.push(Message::User {
            text: "Call no tool. Which two things did I ask about? Their names, nothing else.".to_owned(),
        });
        match self.turn(model, &messages, tools, None).await {
            Ok(turn) if turn.reply.message.text.to_lowercase().contains("disk") => {
                self.add("several turns", Grade::Good, "remembered", Value::from(true));
            }
            Ok(_) => {
                self.add(
                    "several turns",
                    Grade::Poor,
                    "the second question was not answered from the first",
                    Value::from(false),
                );
            }
            Err(error) => self.add("several turns", Grade::Poor, error.message, Value::from(false)),
        }
    }

    async fn strict(&self, settings: &Settings, tools: &[ToolSpec]) {
        let strictly = Settings { strict_tools: true, ..settings.clone() };
        let messages = [Message::User { text: "Call the tool `probe` once, for `disk`.".to_owned() }];
        let before = self.found.borrow().learned.len();
        let turn = match OpenAiModel::new(strictly) {
            Ok(model) => self.turn(&model, &messages, tools, None).await,
            Err(error) => Err(error),
        };
        let refused = self.found.borrow().learned.iter().skip(before).any(|reason| reason.contains("strict"));
        match turn {
            Ok(_) if refused => {
                self.add(
                    "strict schemas",
                    Grade::Good,
                    "refused: leave `strict_tools` off",
                    Value::from(false),
                );
            }
            Ok(_) => self.add(
                "strict schemas",
                Grade::Good,
                "taken: `strict_tools: true` is possible",
                Value::from(true),
            ),
            Err(error) => {
                let words = format!("leave `strict_tools` off: {}", error.message);
                self.add("strict schemas", Grade::Good, words, Value::from(false));
            }
        }
    }

    async fn most_tokens(&self, model: &OpenAiModel) {
        let messages =
            [Message::User { text: "Count from 1 to 60, in digits, separated by commas.".to_owned() }];
        let name = "max tokens";
        match self.turn(model, &messages, &[], Some(HELD_TO)).await {
            Ok(turn) => {
                let reply = turn.reply;
                let counted = reply.usage.completion_tokens;
                let held = reply.finish_reason == "length" || (1..=ABOUT).contains(&counted);
                if held {
                    self.add(name, Grade::Good, format!("held: cut at {HELD_TO}"), Value::from(true));
                } else {
                    let words = format!("not held: asked for {HELD_TO}, got {counted}");
                    self.add(name, Grade::Poor, words, Value::from(false));
                }
            }
            // All of it went into thoughts.
            Err(error) if error.message.contains("said nothing") => {
                self.add(name, Grade::Good, "held: cut within its thoughts", Value::from(true));
            }
            Err(error) => self.add(name, Grade::Poor, error.message, Value::from(false)),
        }
    }

    async fn listed(&self, model: &OpenAiModel, wanted: &str) {
        let Some(list) = model.listed_models().await else {
            self.add("models list", Grade::Good, "none", Value::Null);
            return;
        };
        let names: Vec<&str> = list.iter().map(String::as_str).collect();
        let count = names.len();
        let words = if names.contains(&wanted) {
            format!("{count}, this one among them")
        } else {
            match nearest(wanted, &names) {
                Some(near) => format!("{count}, this one not among them; the nearest is `{near}`"),
                None => format!("{count}, this one not among them"),
            }
        };
        self.add("models list", Grade::Good, words, Value::from(count));
    }
}

fn tool() -> ToolSpec {
    ToolSpec {
        name: "probe".to_owned(),
        description: "Says how full a thing is".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {"thing": {"type": "string", "description": "disk or memory"}},
            "required": ["thing"],
        }),
    }
}
