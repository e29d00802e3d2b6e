//! What one endpoint turned out to refuse. Learned from its 400s, kept for the run, never guessed
//! from the model's name: gateways hide what is behind them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::said::Said;
use super::settings::Settings;

/// Words that say "I do not know that", not "that value is wrong".
const REFUSED: &[&str] = &[
    "unsupported",
    "not supported",
    "not support",
    "n't support",
    "unrecognized",
    "unrecognised",
    "unknown",
    "unexpected",
    "extra inputs",
    "extra fields",
    "extra_forbidden",
    "not permitted",
    "not allowed",
    "forbidden",
    "deprecated",
    "only the default",
    "not available",
    "cannot find field",
    "additional properties",
    "not enabled",
    "must be verified",
    "use 'max_completion_tokens'",
    "cannot both be specified",
    "supports at most",
];

/// Tools and streaming each, but not both: some models of Bedrock, older llama.cpp.
const NO_STREAM_WITH_TOOLS: &[&str] =
    &["in streaming mode", "tools with stream", "stream with tools", "tool use with streaming"];

/// The words of DeepSeek, Kimi, MiniMax and others that want a turn's thoughts back with its calls.
const MISSING: &[&str] = &["missing", "passed back", "required", "must be included", "must be provided"];

/// Fields that hold thoughts, as refusals name them.
const THOUGHTS: &[&str] = &["reasoning_content", "reasoning_details", "reasoning"];

/// Mistral takes only ids of nine letters and digits, OpenAI none longer than 40.
const BAD_IDS: &[&str] = &["with a length of 9", "tool_calls[0].id': string too long"];

/// Templates and gateways that take neither two turns of one side nor a late system message.
const ALTERNATE: &[&str] = &[
    "must alternate",
    "roles should alternate",
    "unexpected role",
    "consecutive",
    "multiple system messages",
    "system message must be at the beginning",
    "system message must be the first",
];

/// "Here a text belongs" about the `null` that stands beside tool calls.
const NO_NULL: &[&str] = &[
    "none is not an allowed value",
    "expected a string",
    "valid string",
    "must be a string",
    "string_type",
    "expected string",
    "must be non-null",
    "cannot be null",
    "not be null",
    "got null",
    "got 'null'",
    "nonetype",
    "missing field `content`",
];

/// A model or server without tool calls, in the words of Ollama, vLLM, llama.cpp, OpenRouter, TGI.
const NO_TOOLS: &[&str] = &[
    "does not support tools",
    "does not support tool",
    "not support tool use",
    "support tool use",
    "does not support function",
    "tool choice requires",
    "tools param requires",
    "tools is not supported",
    "tools are not supported",
    "tool calling is not supported",
    "function calling is not supported",
    "function calling is not enabled",
    "not support function calling",
    "tools` is not supported",
    "tools' is not supported",
    "`tool calling` is not supported",
    "tool use is not supported",
    "tool calls are not supported",
    "tools not supported",
    "no support for tools",
];

/// Backends that want the tools for as long as the transcript speaks of them.
const WANTS_TOOLS: &[&str] = &["`tools=` param", "tools= param", "toolconfig field must be defined"];

/// Schema keywords some servers do not know.
const SCHEMA_KEYWORDS: &[&str] = &[
    "additionalProperties",
    "$schema",
    "default",
    "examples",
    "title",
    "pattern",
    "format",
    "minimum",
    "maximum",
    "strict",
];

/// Fields that stand in every request and cannot be left out.
const NEEDED: &[&str] = &["model", "messages", "tools", "stream"];

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum SystemRole {
    #[default]
    System,
    Developer,
    User,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts about one server")]
pub(super) struct Quirks {
    /// Fields of the body or of messages that are not sent.
    pub(super) dropped: BTreeSet<String>,
    pub(super) system: SystemRole,
    /// Tool calls go as text.
    pub(super) no_tools: bool,
    pub(super) no_stream: bool,
    pub(super) no_stream_options: bool,
    wants_tools_with_history: bool,
    /// The field in which plain thoughts go back.
    pub(super) thoughts: Option<&'static str>,
    pub(super) short_ids: bool,
    pub(super) no_null_content: bool,
    pub(super) alternate: bool,
    /// A tool without parameters has no schema.
    pub(super) no_empty_schema: bool,
    /// `max_tokens` and `max_completion_tokens` change places.
    swap_max_tokens: bool,
    schema: BTreeSet<&'static str>,
    /// Its streams end without a finish reason, and that is all right.
    pub(super) no_finish: bool,
}

impl Quirks {
    pub(super) fn new(settings: &Settings) -> Self {
        let thoughts = settings.echo_reasoning.then_some("reasoning_content");
        Self { thoughts, ..Self::default() }
    }

    /// Takes a refusal to heart. Returns what will be different, or None when nothing can be.
    pub(super) fn learn(&mut self, said: &Said, body: &Value) -> Option<String> {
        let has = |words: &[&str]| words.iter().any(|word| said.all.contains(word));
        let streams = body.get("stream") == Some(&Value::Bool(true));
        if streams && has(NO_STREAM_WITH_TOOLS) {
            self.no_stream = true;
            return Some("the endpoint does not stream with `tools`: going on without `stream`".to_owned());
        }
        if refuses_tools(said, body) {
            self.no_tools = true;
            return Some(
                "the endpoint refuses `tools`: they are called in text from now on (`--tool-calling text`)"
                    .to_owned(),
            );
        }
        if body.get("tools").is_none() && has(WANTS_TOOLS) && !self.wants_tools_with_history {
            self.wants_tools_with_history = true;
            return Some("the endpoint refuses tool calls without `tools`: sent as text".to_owned());
        }
        if matches!(said.status, 400 | 422)
            && let Some(change) = self.learn_form(said, body)
        {
            return Some(change.to_owned());
        }
        if !matches!(said.status, 400 | 422) || !(has(REFUSED) || said.code.contains("unsupported")) {
            return None;
        }
        let names = |field: &str| said.param == field || mentions(&said.all, field);
        let without = |field: &str| Some(format!("the endpoint refuses `{field}`: going on without"));
        if body.get("stream_options").is_some() && names("stream_options") {
            self.no_stream_options = true;
            return without("stream_options");
        }
        if streams && names("stream") {
            self.no_stream = true;
            return without("stream");
        }
        if !self.swap_max_tokens {
            for (sent, wanted) in
                [("max_tokens", "max_completion_tokens"), ("max_completion_tokens", "max_tokens")]
            {
                if body.get(sent).is_some() && names(sent) {
                    self.swap_max_tokens = true;
                    return Some(format!("the endpoint refuses `{sent}`: sent as `{wanted}`"));
                }
            }
        }
        for field in extra_fields(body) {
            if names(&field) && self.dropped.insert(self.set_name(&field)) {
                return without(&field);
            }
        }
        for keyword in SCHEMA_KEYWORDS {
            let refused = mentions(&said.all, &keyword.to_lowercase());
            let sent = body.get("tools").is_some_and(|tools| holds(tools, keyword));
            if refused && sent && self.schema.insert(keyword) {
                return Some(format!("the endpoint refuses `{keyword}` in tool schemas: going on without"));
            }
        }
        self.learn_role(said, body)
    }

    /// What the transcript must look like.
    fn learn_form(&mut self, said: &Said, body: &Value) -> Option<&'static str> {
        let has = |words: &[&str]| words.iter().any(|word| said.all.contains(word));
        let thoughts = THOUGHTS.iter().find(|field| mentions(&said.all, field));
        if let Some(field) = thoughts
            && self.thoughts.is_none()
            && !self.dropped.contains(*field)
            && has(MISSING)
        {
            self.thoughts = Some(field);
            return Some("the endpoint wants the model's thoughts back: sent with the transcript");
        }
        if has(BAD_IDS) && !std::mem::replace(&mut self.short_ids, true) {
            return Some("the endpoint refuses the ids of tool calls: sent with shorter ones");
        }
        if has(ALTERNATE) && !std::mem::replace(&mut self.alternate, true) {
            return Some("the endpoint wants turns that alternate: neighbours are sent as one");
        }
        if has(NO_NULL)
            && said.all.contains("content")
            && has_null_content(body)
            && !std::mem::replace(&mut self.no_null_content, true)
        {
            return Some("the endpoint refuses `content: null`: sent as a text");
        }
        if said.all.contains("should be non-empty for object type")
            && !std::mem::replace(&mut self.no_empty_schema, true)
        {
            return Some("the endpoint refuses schemas without parameters: left out");
        }
        None
    }

    fn learn_role(&mut self, said: &Said, body: &Value) -> Option<String> {
        let first = body.pointer("/messages/0/role").and_then(Value::as_str)?;
        let about_role = mentions(&said.all, "role")
            || said.all.contains("system message")
            || said.all.contains("system instruction")
            || said.all.contains("developer instruction");
        if !about_role || !(mentions(&said.all, first) || said.all.contains("instruction")) {
            return None;
        }
        self.system = match self.system {
            SystemRole::System if said.all.contains("developer instruction") => SystemRole::User,
            SystemRole::System if mentions(&said.all, "developer") => SystemRole::Developer,
            SystemRole::System | SystemRole::Developer => SystemRole::User,
            SystemRole::User => return None,
        };
        let role = if self.system == SystemRole::User { "user" } else { "developer" };
        Some(format!("the endpoint refuses the role `{first}`: sent as `{role}`"))
    }

    /// Whether tool calls of the transcript are told as text.
    pub(super) fn flat_history(&self, no_tools_offered: bool) -> bool {
        self.no_tools || (self.wants_tools_with_history && no_tools_offered)
    }

    /// The name under which a configured field goes out; None when it does not.
    pub(super) fn sent_name(&self, name: &str) -> Option<String> {
        if self.dropped.contains(name) {
            return None;
        }
        Some(self.set_name(name))
    }

    /// The swap is its own inverse.
    fn set_name(&self, name: &str) -> String {
        match name {
            "max_tokens" if self.swap_max_tokens => "max_completion_tokens",
            "max_completion_tokens" if self.swap_max_tokens => "max_tokens",
            other => other,
        }
        .to_owned()
    }

    /// Whether it was found out that this keyword is refused.
    pub(super) fn refuses_keyword(&self, keyword: &str) -> bool {
        self.schema.contains(keyword)
    }

    pub(super) fn strip_schema(&self, schema: &mut Value) {
        if self.schema.is_empty() {
            return;
        }
        match schema {
            Value::Object(map) => {
                map.retain(|key, _| !self.schema.contains(key.as_str()));
                for (key, value) in map.iter_mut() {
                    // Below `properties` keys are parameter names, which are never keywords.
                    if let (true, Value::Object(parameters)) = (key == "properties", &mut *value) {
                        parameters.values_mut().for_each(|value| self.strip_schema(value));
                    } else {
                        self.strip_schema(value);
                    }
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.strip_schema(value)),
            _ => {}
        }
    }
}

fn has_null_content(body: &Value) -> bool {
    let messages = body.get("messages").and_then(Value::as_array);
    messages.into_iter().flatten().any(|message| message.get("content") == Some(&Value::Null))
}

/// Whether it is the tools that a refusal is about.
pub(super) fn refuses_tools(said: &Said, body: &Value) -> bool {
    let unknown_field = said.param == "tools" && matches!(said.status, 400 | 422);
    let has = |words: &[&str]| words.iter().any(|word| said.all.contains(word));
    body.get("tools").is_some()
        && matches!(said.status, 400 | 404 | 422 | 500 | 501)
        && (has(NO_TOOLS) || (unknown_field && has(REFUSED)))
}

/// Fields that may be left out: those of the body first, then those echoed in messages.
fn extra_fields(body: &Value) -> Vec<String> {
    let mut fields: Vec<String> = body
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys())
        .filter(|key| !NEEDED.contains(&key.as_str()))
        .cloned()
        .collect();
    let messages = body.get("messages").and_then(Value::as_array);
    for message in messages.into_iter().flatten() {
        let calls = message.get("tool_calls").and_then(Value::as_array);
        for object in std::iter::once(message).chain(calls.into_iter().flatten()) {
            for key in object.as_object().into_iter().flat_map(|map| map.keys()) {
                let standard = ["role", "content", "tool_calls", "tool_call_id", "id", "type", "function"];
                if !standard.contains(&key.as_str()) && !fields.contains(key) {
                    fields.push(key.clone());
                }
            }
        }
    }
    fields
}

fn holds(value: &Value, key: &str) -> bool {
    match value {
        Value::Object(map) => map.contains_key(key) || map.values().any(|value| holds(value, key)),
        Value::Array(list) => list.iter().any(|value| holds(value, key)),
        _ => false,
    }
}

/// Whether `word` stands in `text` as a word of its own: `stream` is not in `stream_options`.
fn mentions(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        let after = text.get(at + word.len()..).and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
