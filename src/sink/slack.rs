//! The answer as a Slack thread: one message that says what it is, replies that prove it.
//!
//! Blocks and texts only; who posts them is `crate::delivery`. Slack refuses a message that breaks one of its limits, so
//! all of them are held here, for any answer.

mod mrkdwn;

use serde_json::{Value, json};

use super::{Investigation, Redact};
use crate::answer::{Confidence, Finding, Verdict, hypothesis_line, step, to_markdown};
use mrkdwn::{cut, fence, inline, one_line, sections, unmarked};

/// Characters of a section's text: 3,000 in Slack's reference of blocks.
const SECTION: usize = 2_900;
/// Characters of a header: 150 there.
const HEADER: usize = 145;
/// Characters of the text that notifications show: 4,000 are recommended, 40,000 are cut by Slack.
const FALLBACK: usize = 3_000;
/// Blocks of a message: 50 there. One is left for the closing line.
const BLOCKS: usize = 45;
/// Bytes of a message's blocks as ASCII JSON. Slack names no limit and refuses about 13,200 as `msg_blocks_too_long`
/// (slackapi/bolt-js, issue 2509).
const MESSAGE: usize = 11_000;
/// Replies of one thread: Slack takes about one message a second for a channel.
const REPLIES: usize = 8;
/// What evidence may take of them, in bytes, and how many findings are shown at all.
const EVIDENCE: usize = 5 * MESSAGE;
const FINDINGS: usize = 40;
/// Entries of any other list.
const ENTRIES: usize = 20;
const CLAIM: usize = 500;
const QUOTE: usize = 700;
const ENTRY: usize = 300;

/// One message as `chat.postMessage` takes it, without channel and thread.
#[derive(Debug, Clone, PartialEq)]
pub struct SlackMessage {
    /// What notifications and clients without blocks show.
    pub text: String,
    pub blocks: Vec<Value>,
}

/// The answer and what belongs under it.
#[derive(Debug, Clone, PartialEq)]
pub struct SlackThread {
    pub first: SlackMessage,
    pub replies: Vec<SlackMessage>,
}

/// The whole thread, within Slack's limits whatever the answer holds.
#[must_use]
pub fn to_slack(run: &Investigation, redact: Redact<'_>) -> SlackThread {
    let first = numbered(0, headline(run, redact), opening(run, redact));
    let mut parts = Vec::new();
    if !run.sections.is_empty() {
        in_sections(run, redact, &mut parts);
    } else if told_in_words(run) {
        titled("Answer", words(&run.answer.text, redact), &mut parts);
        evidence(run, redact, &mut parts);
    } else {
        evidence(run, redact, &mut parts);
        fix(run, redact, &mut parts);
        let doubts = run.answer.not_sure.iter().map(String::as_str);
        list("Not sure", doubts.map(str::to_owned).collect(), redact, &mut parts);
    }
    let hypotheses = run.answer.hypotheses.iter().map(hypothesis_line).collect();
    list("Hypotheses", hypotheses, redact, &mut parts);
    let unchecked = run.answer.not_checked.iter();
    let unchecked = unchecked
        .map(|one| if one.why.is_empty() { one.what.clone() } else { format!("{} ({})", one.what, one.why) });
    list("Not checked", unchecked.collect(), redact, &mut parts);
    let mut packed = pack(parts);
    let cut_short = packed.len() > REPLIES;
    packed.truncate(REPLIES);
    if let Some(last) = packed.last_mut() {
        let rest = if cut_short { "The rest is left out here. " } else { "" };
        let shows = format!("{rest}All that was read: `holmes-rs run show {}`", inline(&run.run_id, 80));
        last.push(context(&[shows]));
    }
    let count = packed.len();
    let replies = packed.into_iter().enumerate().map(|(number, blocks)| {
        numbered(number + 1, format!("Evidence and details, {} of {count}", number + 1), blocks)
    });
    SlackThread { first, replies: replies.collect() }
}

/// A model's own text, not the one made from its fields.
fn told_in_words(run: &Investigation) -> bool {
    let text = &run.answer.text;
    !text.trim().is_empty() && *text != to_markdown(&run.answer)
}

fn verdict(run: &Investigation) -> &'static str {
    match run.answer.verdict {
        Verdict::ProblemFound => "Problem found",
        Verdict::NoProblem => "No problem found",
        Verdict::Inconclusive => "Inconclusive",
    }
}

/// What it is about: the subject, else the question.
fn about(run: &Investigation) -> &str {
    run.question.subject.as_deref().unwrap_or(&run.question.text)
}

fn headline(run: &Investigation, redact: Redact<'_>) -> String {
    let cause = redact(&run.answer.root_cause);
    let cause = if cause.trim().is_empty() { redact(about(run)) } else { cause };
    format!("{}: {}", verdict(run), inline(&cause, FALLBACK))
}

fn opening(run: &Investigation, redact: Redact<'_>) -> Vec<Value> {
    let answer = &run.answer;
    let title = format!("{}: {}", verdict(run), one_line(&redact(about(run))));
    let mut blocks = vec![json!({
        "type": "header",
        "text": {"type": "plain_text", "text": unmarked(&title, HEADER), "emoji": false},
    })];
    for warning in run.warnings().iter().take(3) {
        blocks.push(section(format!("⚠ {}", inline(&redact(warning), ENTRY))));
    }
    let cause = redact(&answer.root_cause);
    if !cause.trim().is_empty() {
        let label = if answer.verdict == Verdict::ProblemFound { "*Root cause:* " } else { "" };
        blocks.push(section(format!("{label}{}", inline(&cause, SECTION / 2))));
    } else if told_in_words(run) {
        blocks.extend(sections(&redact(&answer.text), SECTION / 2).into_iter().take(1).map(section));
    }
    if let Some(first) = answer.fix.first() {
        blocks.push(section(format!("*Fix:* {}", step_text(&redact(first), SECTION / 4))));
    }
    let sure = match answer.confidence {
        Confidence::Low => "low",
        Confidence::Medium => "medium",
        Confidence::High => "high",
    };
    let verified = answer.findings.iter().filter(|finding| finding.verified).count();
    let quotes = match answer.findings.len() {
        0 => "no quote backs it".to_owned(),
        all => format!("{verified} of {all} quotes verified"),
    };
    let asked = inline(&redact(&run.question.text), ENTRY);
    let mut lines = vec![format!("confidence: *{sure}* · {quotes}")];
    if !asked.is_empty() {
        lines.push(format!("asked: {asked}"));
    }
    lines.push(format!(
        "{} · {:.0} s · {} · run `{}`",
        inline(&run.started_at, 40),
        run.duration_seconds,
        inline(&redact(&run.model), 80),
        inline(&run.run_id, 80)
    ));
    blocks.push(context(&lines));
    blocks
}

fn evidence(run: &Investigation, redact: Redact<'_>, out: &mut Vec<Value>) {
    let findings = &run.answer.findings;
    let mut blocks = Vec::new();
    let mut taken = 0;
    for (number, finding) in findings.iter().take(FINDINGS).enumerate() {
        let block = section(proof(run, number + 1, finding, redact));
        taken += weight(&block);
        if taken > EVIDENCE {
            break;
        }
        blocks.push(block);
    }
    let missing = findings.len() - blocks.len();
    if missing > 0 {
        blocks.push(section(format!("… and {missing} more findings.")));
    }
    titled("Evidence", blocks, out);
}

/// `*1.* claim`, where it stands, and the quote as code.
fn proof(run: &Investigation, number: usize, finding: &Finding, redact: Redact<'_>) -> String {
    let mut text = format!("*{number}.* {}", inline(&redact(&finding.claim), CLAIM));
    if finding.exhibit > 0 {
        let lines = match finding.lines {
            None => String::new(),
            Some((first, last)) if first == last => format!(":{first}"),
            Some((first, last)) => format!(":{first}-{last}"),
        };
        let source = run.exhibit(finding.exhibit).map(|exhibit| exhibit.description.as_str());
        let source = inline(&redact(source.unwrap_or_default()), ENTRY / 2);
        text = format!("{text}\n[E{}{lines}] {source}", finding.exhibit);
    }
    text.truncate(text.trim_end().len());
    if !finding.verified {
        let why = finding.why.as_deref().map(|why| format!(": {}", inline(&redact(why), ENTRY / 2)));
        text = format!("{text} (unverified{})", why.unwrap_or_default());
    }
    let quote = redact(&finding.quote);
    if quote.trim().is_empty() { text } else { format!("{text}\n{}", fence(&quote, QUOTE)) }
}

fn fix(run: &Investigation, redact: Redact<'_>, out: &mut Vec<Value>) {
    // A short one stands in the first message, whole.
    if run.answer.fix.len() == 1 && run.answer.fix.iter().all(|one| one.len() < ENTRY / 2) {
        return;
    }
    let steps = run.answer.fix.iter().take(ENTRIES).enumerate();
    let steps = steps
        .map(|(number, one)| section(format!("*{}.* {}", number + 1, step_text(&redact(one), SECTION / 2))));
    titled("Fix", steps.collect(), out);
}

/// A step's words, and under them its command as code to copy.
fn step_text(text: &str, most: usize) -> String {
    let step = step(text);
    let words = inline(&step.words, most / 3);
    match step.command.filter(|command| !command.trim().is_empty()) {
        None => words,
        Some(command) => format!("{}\n{}", words, fence(&command, most / 3 * 2)).trim_start().to_owned(),
    }
}

fn in_sections(run: &Investigation, redact: Redact<'_>, out: &mut Vec<Value>) {
    for one in &run.sections {
        if let Some(text) = &one.text {
            titled(one.title, words(text, redact), out);
        }
    }
}

/// Markdown as blocks, so many that a thread still holds them.
fn words(markdown: &str, redact: Redact<'_>) -> Vec<Value> {
    // More than so many blocks hold would be read for nothing.
    let text = redact(markdown);
    let end = text.char_indices().nth(ENTRIES * SECTION).map_or(text.len(), |(at, _)| at);
    let pieces = sections(text.get(..end).unwrap_or_default(), SECTION);
    pieces.into_iter().take(ENTRIES).map(section).collect()
}

fn list(title: &str, entries: Vec<String>, redact: Redact<'_>, out: &mut Vec<Value>) {
    let more = entries.len().saturating_sub(ENTRIES);
    let mut lines: Vec<String> = entries.into_iter().take(ENTRIES).map(|one| redact(&one)).collect();
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    let lines: Vec<String> = lines.iter().map(|line| format!("- {}", cut(&one_line(line), ENTRY))).collect();
    titled(title, sections(&lines.join("\n"), SECTION).into_iter().map(section).collect(), out);
}

fn titled(title: &str, blocks: Vec<Value>, out: &mut Vec<Value>) {
    if !blocks.is_empty() {
        out.push(section(format!("*{title}*")));
        out.extend(blocks);
    }
}

fn section(text: String) -> Value {
    json!({"type": "section", "text": {"type": "mrkdwn", "text": Value::from(text), "verbatim": true}})
}

fn context(lines: &[String]) -> Value {
    let elements: Vec<Value> =
        lines.iter().map(|line| json!({"type": "mrkdwn", "text": line, "verbatim": true})).collect();
    json!({"type": "context", "elements": elements})
}

/// Bytes of a block as ASCII JSON, its id included.
fn weight(block: &Value) -> usize {
    let letters = |text: &str| -> usize {
        text.chars().map(|letter| if letter.is_ascii() { 1 } else { 6 * letter.len_utf16() }).sum()
    };
    letters(&block.to_string()) + 24
}

/// Blocks in order, as few messages as hold them.
fn pack(blocks: Vec<Value>) -> Vec<Vec<Value>> {
    let mut messages: Vec<Vec<Value>> = Vec::new();
    let mut taken = 0;
    for block in blocks {
        let weight = weight(&block);
        match messages.last_mut() {
            Some(message) if message.len() < BLOCKS && taken + weight <= MESSAGE => {
                message.push(block);
                taken += weight;
            }
            _ => {
                messages.push(vec![block]);
                taken = weight;
            }
        }
    }
    messages
}

/// A message whose blocks have names of their own: Slack wants them unique within one.
fn numbered(message: usize, text: String, mut blocks: Vec<Value>) -> SlackMessage {
    for (number, block) in blocks.iter_mut().enumerate() {
        if let Some(fields) = block.as_object_mut() {
            fields.insert("block_id".to_owned(), format!("holmes-{message}-{number}").into());
        }
    }
    SlackMessage { text, blocks }
}
