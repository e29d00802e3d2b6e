//! Calls between the special tokens of a model's own template, where its server hands them on as text: Kimi, DeepSeek,
//! gpt-oss (harmony), Mistral, Llama.

use std::sync::LazyLock;

use regex::Regex;

use super::{TextCalls, found, json_calls, pythonic};
use crate::agent::{Arguments, ToolSpec};
use crate::model::arguments::read as read_arguments;

/// Kimi writes ASCII bars and underscores, DeepSeek full-width ones and blocks; servers turn one into the other.
#[expect(clippy::expect_used, reason = "constant pattern, compiled by a test")]
static BEGIN: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("<[|｜]tool[_▁]call[_▁]begin[|｜]>").expect("pattern is constant"));
#[expect(clippy::expect_used, reason = "constant pattern, compiled by a test")]
static END: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("<[|｜]tool[_▁]calls?(?:[_▁]section)?[_▁]end[|｜]>").expect("pattern is constant")
});
#[expect(clippy::expect_used, reason = "constant pattern, compiled by a test")]
static SEPARATOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("<[|｜]tool(?:[_▁]call[_▁]argument[_▁]begin|[_▁]sep)[|｜]>").expect("pattern is constant")
});
#[expect(clippy::expect_used, reason = "constant pattern, compiled by a test")]
static SECTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("<[|｜]tool[_▁]calls(?:[_▁]section)?[_▁]begin[|｜]>").expect("pattern is constant")
});
/// The recipient stands before or after the channel.
#[expect(clippy::expect_used, reason = "constant pattern, compiled by a test")]
static ADDRESSED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?s)[ >]to=(?:functions\.)?([A-Za-z0-9_.-]+)(?:\s|<\|channel\|>[a-z]+|<\|constrain\|>[a-z]+|json|code)*<\|message\|>(.*?)(?:<\|call\|>|<\|end\|>|<\|start\|>|\z)",
    )
    .expect("pattern is constant")
});

/// All of them; None where the text holds none.
pub(super) fn extract(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    if !text.contains("<|") && !text.contains("<｜") && !text.contains("[TOOL_CALLS]") {
        return None;
    }
    begun(text, tools)
        .or_else(|| harmony(text, tools))
        .or_else(|| mistral(text, tools))
        .or_else(|| llama(text, tools))
}

/// Whether what comes after `before` is shown as code or as a quotation, not said.
fn quoted(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or(before);
    before.matches("```").count() % 2 == 1
        || line.matches('`').count() % 2 == 1
        || line.trim_start().starts_with('>')
        || line.ends_with(['"', '\''])
}

fn offered<'a>(name: &str, tools: &'a [ToolSpec]) -> Option<&'a ToolSpec> {
    let name = name.trim();
    let name = name.strip_prefix("functions.").unwrap_or(name);
    tools.iter().find(|spec| spec.name == name)
}

/// `functions.NAME:0` ARGUMENTS of Kimi, `function` NAME ARGUMENTS of DeepSeek V3 and R1, NAME ARGUMENTS of V3.1.
fn begun(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    let first = BEGIN.find(text)?;
    let start = SECTION.find(text).map_or(first.start(), |section| section.start().min(first.start()));
    let before = text.get(..start).filter(|before| !quoted(before))?;
    let mut calls = Vec::new();
    for part in BEGIN.split(text).skip(1) {
        let part = END.split(part).next().unwrap_or(part);
        let Some(separator) = SEPARATOR.find(part) else {
            continue;
        };
        let (Some(left), Some(right)) = (part.get(..separator.start()), part.get(separator.end()..)) else {
            continue;
        };
        let left = left.trim();
        let kimi = left.rsplit_once(':').filter(|(_, count)| count.chars().all(|c| c.is_ascii_digit()));
        let after_kind = || {
            let (name, rest) = right.trim_start().split_once('\n')?;
            (left == "function").then_some(())?;
            Some((offered(name, tools)?, rest))
        };
        let call =
            after_kind().or_else(|| Some((offered(kimi.map_or(left, |(name, _)| name), tools)?, right)));
        if let Some((spec, arguments)) = call {
            calls.push((spec.name.clone(), arguments_of(arguments)));
        }
    }
    found(before, calls)
}

/// A JSON object, perhaps in a code fence.
fn arguments_of(text: &str) -> Arguments {
    read_arguments(&text.trim().into())
}

/// `<|channel|>commentary to=functions.NAME <|constrain|>json<|message|>{…}<|call|>`.
fn harmony(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    let start = ["<|channel|>", "<|start|>"].iter().filter_map(|mark| text.find(mark)).min()?;
    let before = text.get(..start).filter(|before| !quoted(before))?;
    let calls = ADDRESSED
        .captures_iter(text)
        .filter_map(|capture| {
            let spec = offered(capture.get(1)?.as_str(), tools)?;
            Some((spec.name.clone(), arguments_of(capture.get(2)?.as_str())))
        })
        .collect();
    found(before, calls)
}

/// `[TOOL_CALLS] [{…}]`, and of newer models `[TOOL_CALLS]NAME{…}` or `[TOOL_CALLS]NAME[CALL_ID]…[ARGS]{…}`.
fn mistral(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    let mut parts = text.split("[TOOL_CALLS]");
    let before = parts.next().filter(|before| !quoted(before))?;
    let mut calls = Vec::new();
    for part in parts {
        let list = json_calls(part, tools);
        if !list.is_empty() {
            calls.extend(list);
            continue;
        }
        let (head, arguments) = match part.split_once("[ARGS]") {
            Some(both) => both,
            None => part.find('{').map_or((part, ""), |brace| part.split_at(brace)),
        };
        let name = head.split("[CALL_ID]").next().unwrap_or(head);
        if let Some(spec) = offered(name, tools).filter(|_| arguments.trim_start().starts_with('{')) {
            calls.push((spec.name.clone(), arguments_of(arguments.trim().trim_end_matches("</s>"))));
        }
    }
    found(before, calls)
}

/// `<|python_tag|>` or `<|python_start|>` and JSON or Python.
fn llama(text: &str, tools: &[ToolSpec]) -> Option<TextCalls> {
    let (before, after) =
        ["<|python_tag|>", "<|python_start|>"].iter().find_map(|mark| text.split_once(mark))?;
    if quoted(before) {
        return None;
    }
    let ends = ["<|eom_id|>", "<|eot_id|>", "<|eot|>", "<|python_end|>"];
    let end = ends.iter().filter_map(|mark| after.find(mark)).min().unwrap_or(after.len());
    let inner = after.get(..end)?;
    let calls = json_calls(inner, tools);
    found(before, if calls.is_empty() { pythonic::calls(inner, tools) } else { calls })
}
