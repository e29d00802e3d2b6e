//! What a model wrote in the protocol, read: its thought, the calls it wants, or its answer.

use serde_json::{Map, Value};

use super::label::{Label, segments};
use super::{CONCLUDES, input, loose};
use crate::agent::{Arguments, ToolSpec};
use crate::model::text_calls;

/// Action names that end the run: the answer stands in their input.
const ANSWERS: &[&str] = &[
    "answer",
    "final answer",
    "final_answer",
    "finalanswer",
    "finish",
    "respond",
    "final",
    "conclude",
    "final response",
];

/// Names of no action.
const NONE: &[&str] = &[
    "",
    "none",
    "n/a",
    "na",
    "no action",
    "no action needed",
    "no action required",
    "none needed",
    "none required",
    "no tool",
    "no tool needed",
    "nothing",
    "null",
    "-",
];

/// Characters of a name that no tool has, as it is told back.
const LONGEST_NAME: usize = 80;

/// One reply, understood. Either `calls` or `answer` or neither; never both.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Said {
    /// What stands before the action or the answer.
    pub thought: String,
    /// In order; a name may be of no tool.
    pub calls: Vec<(String, Arguments)>,
    /// Empty when there is none yet.
    pub answer: String,
}

/// Reads a reply to a request that told of `tools`. With `answers` a thought alone is an answer, too.
#[must_use]
pub fn read(text: &str, tools: &[ToolSpec], answers: bool) -> Said {
    let mut said = Reader { tools, said: Said::default(), labelled: false, pending: None }.read(text);
    said.thought = said.thought.trim().to_owned();
    said.answer = settled(&said.answer);
    if said.calls.is_empty() && said.answer.is_empty() {
        let concludes = said.thought.to_lowercase().contains("root cause:");
        if answers || concludes {
            said.answer = std::mem::take(&mut said.thought);
        }
    }
    said
}

struct Reader<'a> {
    tools: &'a [ToolSpec],
    said: Said,
    /// The model keeps to the protocol: a label of it was there.
    labelled: bool,
    /// An action whose input may follow, and its input.
    pending: Option<(&'a str, Option<&'a str>)>,
}

/// What an action turned out to be.
enum Wish {
    Calls(Vec<(String, Arguments)>),
    Answer(String),
    Nothing,
}

impl<'a> Reader<'a> {
    fn read(mut self, text: &'a str) -> Said {
        if let Some(wish) = self.blob(input::unfenced(text)) {
            self.take(wish);
            return self.said;
        }
        let segments = segments(text);
        let labels = |label: Label| segments.iter().any(|segment| segment.label == Some(label));
        if !labels(Label::Action)
            && !labels(Label::Final)
            && let Some(found) = self.elsewhere(text)
        {
            return found;
        }
        self.labelled = labels(Label::Thought) || labels(Label::Input);
        for segment in &segments {
            let element = segment.label != Some(Label::Final) || segment.is_element(text);
            let text = if element { closed(segment.text) } else { segment.text };
            match segment.label {
                None | Some(Label::Thought) => {
                    self.settle();
                    self.think(text);
                }
                Some(Label::Question) => {
                    self.settle();
                    if !self.said.calls.is_empty() || !self.said.answer.is_empty() {
                        break;
                    }
                    self.think(text);
                }
                Some(Label::Action) => {
                    self.settle();
                    self.pending = Some((text, None));
                }
                Some(Label::Input) => match &mut self.pending {
                    Some((_, input @ None)) => *input = Some(text),
                    _ => self.think(text),
                },
                Some(Label::Observation) => {
                    self.settle();
                    if !self.said.calls.is_empty() {
                        break;
                    }
                    self.think(text);
                }
                Some(Label::Final) => {
                    self.settle();
                    if !self.said.calls.is_empty() {
                        break;
                    }
                    self.conclude(text);
                }
            }
        }
        self.settle();
        let plain = !self.labelled && segments.first().is_some_and(|first| first.label.is_none());
        if plain && self.said.calls.is_empty() && !labels(Label::Final) {
            // Its labels were headings of an answer.
            self.said = Said { answer: text.to_owned(), ..Said::default() };
        }
        self.said
    }

    fn think(&mut self, text: &str) {
        let text = text.trim().trim_matches('`').trim();
        if !text.is_empty() {
            if !self.said.thought.is_empty() {
                self.said.thought.push('\n');
            }
            self.said.thought.push_str(text);
        }
    }

    /// The action that was waiting for its input.
    fn settle(&mut self) {
        if let Some((action, input)) = self.pending.take() {
            let wish = self.wish(action, input);
            if matches!(wish, Wish::Nothing) {
                // Nothing a model wrote is lost; it is only no call.
                self.think(action);
                self.think(input.unwrap_or_default());
            }
            self.take(wish);
        }
    }

    fn take(&mut self, wish: Wish) {
        match wish {
            Wish::Calls(calls) if self.said.answer.is_empty() => self.said.calls.extend(calls),
            Wish::Answer(text) if self.said.calls.is_empty() => self.conclude(&text),
            // An answer was given before, or is asked for by actions first.
            Wish::Calls(_) | Wish::Answer(_) | Wish::Nothing => {}
        }
    }

    /// An answer, or the arguments of one.
    fn conclude(&mut self, text: &str) {
        if let Some(Value::Object(map)) = loose::whole(input::unfenced(text))
            && is_conclusion(&map)
        {
            self.said.calls.push((CONCLUDES.to_owned(), Arguments::Object(map)));
            return;
        }
        text.clone_into(&mut self.said.answer);
    }

    fn wish(&self, action: &str, given: Option<&str>) -> Wish {
        let action = input::unfenced(action);
        if let Some(wish) = self.blob(action) {
            return wish;
        }
        let (line, below) = action.split_once('\n').unwrap_or((action, ""));
        let line = undressed(line);
        let (name, inside) = name_of(line);
        let below = Some(below.trim()).filter(|below| !below.is_empty());
        let lower = undressed(name).to_lowercase();
        if NONE.contains(&lower.as_str()) || lower.starts_with("no action") || lower.starts_with("none ") {
            return Wish::Nothing;
        }
        let given = given.map(str::trim).filter(|given| !given.is_empty());
        if ANSWERS.contains(&lower.as_str()) {
            return answer_of(given.or(below).unwrap_or_else(|| inside.map_or("", Inside::text)));
        }
        let Some((name, rest)) = self.named(name, line, given.is_some()) else { return Wish::Nothing };
        let spec = self.spec(&name);
        let arguments = match (given.or(below), inside) {
            (Some(given), _) => input::read(given, spec),
            (None, Some(Inside::Call(text))) => {
                // `tool("a", 2)` by position, `tool(kind="pods")` by name.
                let quoted = text.trim_start().starts_with(['"', '\'']) || !text.contains(['=', ':', '{']);
                let by_position = if quoted { input::positional(text, spec) } else { None };
                by_position.unwrap_or_else(|| input::read(text, spec))
            }
            (None, Some(Inside::Rest(text))) => input::read(text, spec),
            (None, None) => input::read(rest, spec),
        };
        Wish::Calls(vec![(name, arguments)])
    }

    /// The tool that an action's line names, and what of the line may be its input.
    fn named<'t>(&self, name: &str, line: &'t str, has_input: bool) -> Option<(String, &'t str)> {
        if let Some(spec) = self.spec(name) {
            return Some((spec.name.clone(), ""));
        }
        let is_name = !name.is_empty()
            && !name.contains(char::is_whitespace)
            && name.chars().any(char::is_alphanumeric);
        if is_name && (has_input || self.labelled || name.len() < line.len()) {
            return Some((clipped(name), ""));
        }
        // "I will use the `kubectl_get` tool".
        let words = || line.split(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.')));
        let exact = words().find_map(|word| {
            let spec = self.tools.iter().find(|spec| spec.name == word.trim_matches('.'))?;
            Some((spec, word))
        });
        // A name of one common word is not looked for in other spellings.
        let near = || {
            words()
                .filter(|word| word.contains(['_', '-', '.']))
                .find_map(|word| Some((self.spec(word.trim_matches('.'))?, word)))
        };
        if let Some((spec, word)) = exact.or_else(near) {
            let after = line.split_once(word).map_or("", |(_, after)| after);
            let input = match after.find('{') {
                Some(at) => after.get(at..).unwrap_or_default(),
                None if after.contains('=') => after.rsplit_once("with ").map_or(after, |(_, input)| input),
                None => "",
            };
            return Some((spec.name.clone(), input));
        }
        (self.labelled || has_input).then(|| (clipped(line), ""))
    }

    fn spec(&self, name: &str) -> Option<&'a ToolSpec> {
        let same = |spec: &&ToolSpec| spec.name == name;
        let near = |spec: &&ToolSpec| !name.is_empty() && folded(&spec.name) == folded(name);
        self.tools.iter().find(same).or_else(|| self.tools.iter().find(near))
    }

    /// A reply that is an object of an action, or a list of them.
    fn blob(&self, text: &str) -> Option<Wish> {
        if !text.starts_with(['{', '[']) {
            return None;
        }
        let (value, _) = loose::value(text)?;
        self.action_in(&value)
    }

    fn action_in(&self, value: &Value) -> Option<Wish> {
        let map = match value {
            Value::Array(list) => {
                let calls: Vec<_> = list
                    .iter()
                    .filter_map(|one| match self.action_in(one) {
                        Some(Wish::Calls(calls)) => Some(calls),
                        _ => None,
                    })
                    .flatten()
                    .collect();
                return (!calls.is_empty()).then_some(Wish::Calls(calls));
            }
            Value::Object(map) => map,
            _ => return None,
        };
        if is_conclusion(map) {
            return Some(Wish::Calls(vec![(CONCLUDES.to_owned(), Arguments::Object(map.clone()))]));
        }
        let field = |names: &[&str]| {
            map.iter().find(|(key, _)| names.contains(&folded(key).as_str())).map(|(_, value)| value)
        };
        let input = field(&[
            "action_input",
            "actioninput",
            "tool_input",
            "input",
            "arguments",
            "args",
            "parameters",
            "params",
        ]);
        let name = match field(&["action", "tool", "tool_name", "name", "function", "action_name"]) {
            Some(Value::String(name)) => name.as_str(),
            Some(inner @ Value::Object(_)) => {
                let given = |name: &str| (name.to_owned(), input.cloned().unwrap_or(Value::Null));
                return self.action_in(inner).or_else(|| {
                    let (name, input) = given(inner.get("name")?.as_str()?);
                    Some(self.call(&name, &input))
                });
            }
            _ => {
                let answer = field(&["final_answer", "finalanswer", "answer"])?;
                return Some(answer_of(&text_of(answer)));
            }
        };
        let known = self.spec(name).is_some();
        let lower = name.to_lowercase();
        if !known && ANSWERS.contains(&lower.as_str()) {
            let said = input.or_else(|| field(&["final_answer", "answer", "response"]));
            return Some(match said {
                Some(Value::Object(map)) if is_conclusion(map) => {
                    Wish::Calls(vec![(CONCLUDES.to_owned(), Arguments::Object(map.clone()))])
                }
                Some(Value::Object(map)) if map.len() == 1 => {
                    answer_of(&map.values().map(text_of).collect::<String>())
                }
                Some(said) => answer_of(&text_of(said)),
                None => Wish::Nothing,
            });
        }
        // An object that merely has a name is no call.
        (known || (input.is_some() && field(&["action", "tool", "tool_name"]).is_some()))
            .then(|| self.call(name, input.unwrap_or(&Value::Null)))
    }

    fn call(&self, name: &str, given: &Value) -> Wish {
        let spec = self.spec(name);
        let name = spec.map_or_else(|| clipped(name), |spec| spec.name.clone());
        Wish::Calls(vec![(name, input::from_json(given, spec))])
    }

    /// Calls in the ways of other protocols, or as a fenced object in the middle of prose.
    fn elsewhere(&self, text: &str) -> Option<Said> {
        if let Some(found) = text_calls::extract(text, self.tools) {
            return Some(Said { thought: found.text, calls: found.calls, answer: String::new() });
        }
        let whole = input::unfenced(text).trim_matches('`');
        let (name, inside) = name_of(whole);
        if let (Some(spec), Some(Inside::Call(_))) = (self.spec(name), inside)
            && spec.name == name
            && whole.ends_with(')')
            && let Wish::Calls(calls) = self.wish(whole, None)
        {
            return Some(Said { calls, ..Said::default() });
        }
        let mut before = 0_usize;
        for (number, part) in text.split("```").enumerate() {
            if number % 2 == 1 {
                let inner = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric()).trim();
                if let Some(Wish::Calls(calls)) = self.blob(inner) {
                    let thought = text.get(..before.saturating_sub(3)).unwrap_or_default().to_owned();
                    return Some(Said { thought, calls, answer: String::new() });
                }
            }
            before += part.len() + 3;
        }
        let (at, _) = text.match_indices('{').find(|(at, _)| {
            text.get(at + 1..).is_some_and(|rest| {
                rest.trim_start().trim_start_matches(['"', '\'']).to_lowercase().starts_with("action")
                    || rest.trim_start().trim_start_matches(['"', '\'']).starts_with("thought")
            })
        })?;
        match self.blob(text.get(at..)?)? {
            Wish::Calls(calls) => {
                Some(Said { thought: text.get(..at)?.to_owned(), calls, answer: String::new() })
            }
            Wish::Answer(answer) => {
                Some(Said { thought: text.get(..at)?.to_owned(), calls: Vec::new(), answer })
            }
            Wish::Nothing => None,
        }
    }
}

/// What stands in brackets or behind a tool's name.
#[derive(Clone, Copy)]
enum Inside<'a> {
    Call(&'a str),
    Rest(&'a str),
}

impl<'a> Inside<'a> {
    fn text(self) -> &'a str {
        match self {
            Self::Call(text) | Self::Rest(text) => text,
        }
    }
}

/// `name(…)`, `name[…]`, `name {…}`, `name: {…}` or `name`.
fn name_of(line: &str) -> (&str, Option<Inside<'_>>) {
    let end = line
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ':')))
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let rest = rest.trim_start_matches(['`', '*', '"', '\'']).trim();
    let name = name.trim_end_matches([':', '.']);
    for (open, close) in [('(', ')'), ('[', ']')] {
        if let Some(inner) = rest.strip_prefix(open) {
            return (name, Some(Inside::Call(inner.rsplit_once(close).map_or(inner, |(inner, _)| inner))));
        }
    }
    if name.is_empty() || rest.is_empty() {
        return (if rest.is_empty() { name } else { line }, None);
    }
    let with = ["with input", "with", "using", "-", "→", "->", ":", ","];
    let tail = with.iter().find_map(|word| rest.strip_prefix(word)).unwrap_or(rest).trim_start();
    let is_input = tail.starts_with('{')
        || tail.split_once('=').is_some_and(|(key, _)| !key.trim().contains(char::is_whitespace));
    if is_input {
        return (name, Some(Inside::Rest(tail)));
    }
    (line, None)
}

fn undressed(text: &str) -> &str {
    let text = text.trim();
    let text = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    text.trim()
        .trim_matches(['`', '*', '"', '\'', '<', '>'])
        .trim()
        .trim_end_matches(['.', ',', ';'])
        .trim_matches('`')
}

/// A name in one spelling: models change case and separators, and put their own word in front.
fn folded(name: &str) -> String {
    let name = name.strip_prefix("functions.").unwrap_or(name);
    name.trim().chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '_' }).collect()
}

fn clipped(name: &str) -> String {
    name.chars().map(|c| if c.is_control() { '_' } else { c }).take(LONGEST_NAME).collect()
}

/// Whether an object is a whole conclusion, as the tool for it takes it.
fn is_conclusion(map: &Map<String, Value>) -> bool {
    map.keys().any(|key| matches!(folded(key).as_str(), "root_cause" | "rootcause"))
}

fn answer_of(text: &str) -> Wish {
    match loose::whole(input::unfenced(text)) {
        Some(Value::Object(map)) if is_conclusion(&map) => {
            Wish::Calls(vec![(CONCLUDES.to_owned(), Arguments::Object(map))])
        }
        Some(Value::Object(map)) if map.len() == 1 => Wish::Answer(map.values().map(text_of).collect()),
        Some(Value::String(text)) => Wish::Answer(text),
        _ if text.trim().is_empty() => Wish::Nothing,
        _ => Wish::Answer(text.to_owned()),
    }
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Without the end of the element that some write labels as.
fn closed(text: &str) -> &str {
    let trimmed = text.trim_end();
    match trimmed.rsplit_once("</") {
        Some((inner, tag)) if tag.strip_suffix('>').is_some_and(is_label) => inner,
        _ => text,
    }
}

fn is_label(tag: &str) -> bool {
    matches!(
        folded(tag).as_str(),
        "thought" | "thoughts" | "action" | "action_input" | "final_answer" | "answer" | "tool" | "input"
    )
}

/// An answer without the end of a fence that was opened around the whole reply.
fn settled(answer: &str) -> String {
    let answer = answer.trim();
    match answer.strip_suffix("```") {
        Some(rest) if rest.matches("```").count() % 2 == 0 => rest.trim_end().to_owned(),
        _ => answer.to_owned(),
    }
}
