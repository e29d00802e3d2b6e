//! One turn against a scenario, and what was heard on the way.

use std::time::Duration;

use holmes_rs::agent::{Message, ToolSpec};
use holmes_rs::model::openai::{OpenAiModel, Settings};
use holmes_rs::model::{Delta, Model, ModelError, Reply, Request};
use serde_json::{Value, json};

use crate::support::scripted_model::{Recorded, ScriptedModel};

/// A turn and everything around it.
#[derive(Debug)]
pub struct Turn {
    pub result: Result<Reply, ModelError>,
    /// Text since the last retry.
    pub text: String,
    pub reasoning: String,
    pub retries: Vec<(u32, Duration, String)>,
    pub requests: Vec<Recorded>,
    pub violations: Vec<String>,
}

impl Turn {
    pub fn reply(&self) -> &Reply {
        match &self.result {
            Ok(reply) => reply,
            Err(error) => panic!("no reply: {error:?}"),
        }
    }

    pub fn error(&self) -> &ModelError {
        match &self.result {
            Ok(reply) => panic!("no error: {reply:?}"),
            Err(error) => error,
        }
    }

    /// Tool and arguments of each call.
    pub fn calls(&self) -> Vec<(String, Value)> {
        let calls = &self.reply().message.tool_calls;
        calls.iter().map(|call| (call.tool.clone(), serde_json::to_value(&call.arguments).unwrap())).collect()
    }
}

/// Settings with waits of a millisecond.
pub fn settings(server: &ScriptedModel) -> Settings {
    quick(Settings::new("scripted", server.base_url()))
}

pub fn quick(mut settings: Settings) -> Settings {
    settings.limits.backoff = Duration::from_millis(1);
    settings.limits.budget = Duration::from_secs(20);
    settings
}

pub fn question() -> Vec<Message> {
    vec![
        Message::System { text: "You investigate.".to_owned() },
        Message::User { text: "Why does checkout crash?".to_owned() },
    ]
}

pub fn tools() -> Vec<ToolSpec> {
    ["kubectl_get", "kubectl_logs"]
        .map(|name| ToolSpec {
            name: name.to_owned(),
            description: "Reads".to_owned(),
            parameters: json!({"type": "object", "properties": {"kind": {"type": "string"}}, "additionalProperties": false}),
        })
        .to_vec()
}

/// Runs a future on a runtime as the program has it.
pub fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// One turn of a model with the question and tools of the bench.
pub fn take(model: &OpenAiModel, server: Option<&ScriptedModel>, messages: &[Message], stream: bool) -> Turn {
    let (mut text, mut reasoning, mut retries) = (String::new(), String::new(), Vec::new());
    let tools = tools();
    let mut listener = |delta: Delta<'_>| match delta {
        Delta::Text(piece) => text.push_str(piece),
        Delta::Reasoning(piece) => reasoning.push_str(piece),
        Delta::Retry { attempt, wait, reason } => {
            text.clear();
            reasoning.clear();
            retries.push((attempt, wait, reason.to_owned()));
        }
    };
    let request = Request { messages, tools: &tools, reply_tokens: None, stream };
    let result = run(model.complete(request, &mut listener));
    Turn {
        result,
        text,
        reasoning,
        retries,
        requests: server.map(ScriptedModel::requests).unwrap_or_default(),
        violations: server.map(ScriptedModel::violations).unwrap_or_default(),
    }
}

/// One turn against a scenario, with settings changed by `change`.
pub fn turn_with(scenario: &Value, stream: bool, change: impl FnOnce(&mut Settings)) -> Turn {
    let server = ScriptedModel::start(scenario);
    let mut settings = settings(&server);
    change(&mut settings);
    let model = OpenAiModel::new(settings).unwrap();
    take(&model, Some(&server), &question(), stream)
}

pub fn turn(scenario: &Value, stream: bool) -> Turn {
    turn_with(scenario, stream, |_| {})
}
