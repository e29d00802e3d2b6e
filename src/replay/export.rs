//! One file of a run, fit for a ticket: events and raw outputs without secrets, one JSON value a line.
//!
//! The first line says what it is, the last that it is whole. Outputs that are too long keep head, tail and
//! every line that the model was shown or the answer cites, at their numbers.

use std::collections::BTreeSet;
use std::io::{self, Read as _, Write};

use regex::Regex;
use serde_json::{Value, json};

use super::recording::Recording;
use crate::agent::Event;
use crate::evidence::untrusted::visible;
use crate::evidence::view::{clip, read_views};
use crate::evidence::{Exhibit, KeyBlock, Lines, Redactor};

/// Of the file; a number that a reader does not know is a file it cannot read.
pub(super) const FORMAT: u32 = 1;
/// Longer outputs are embedded in parts. Not below what the JSON result holds whole.
const WHOLE: u64 = 256 * 1024;
/// Lines kept at either end of a longer output.
const ENDS: u64 = 200;
/// Bytes kept of a longer output.
const MOST: usize = 1024 * 1024;
/// Characters of one line of a longer output.
const LONGEST: usize = 4_000;

/// What was written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exported {
    pub bytes: u64,
    /// Distinct secrets that stand replaced in it.
    pub secrets: usize,
    /// Exhibits of which only parts are in it.
    pub cut: Vec<u32>,
}

/// Writes the run.
///
/// # Errors
/// When `out` cannot be written, or a raw output cannot be read.
pub fn export(recording: &Recording, redactor: &Redactor, out: &mut dyn Write) -> io::Result<Exported> {
    let mark = Regex::new(r"<secret:[ a-z0-9]+>").map_err(io::Error::other)?;
    let mut writer = Writer { out, bytes: 0, mark, secrets: BTreeSet::new() };
    writer.line(&json!({
        "holmes_rs_run": FORMAT,
        "run_id": recording.run_id,
        "program": env!("CARGO_PKG_VERSION"),
        "about": "a run recorded by holmes-rs, without secrets; `holmes-rs run replay FILE` plays it",
    }))?;
    let mut events = 0;
    for event in &recording.events {
        let mut value = serde_json::to_value(event)?;
        strip(event, &mut value);
        redactor.redact_json(&mut value);
        writer.line(&value)?;
        events += 1;
    }
    // Short ones first: the JSON result numbers their secrets before anything else.
    let (short, long): (Vec<&Exhibit>, Vec<&Exhibit>) =
        recording.exhibits.values().partition(|exhibit| exhibit.bytes <= WHOLE);
    let (mut exhibits, mut cut) = (0, Vec::new());
    for exhibit in short.into_iter().chain(long) {
        let Some(raw) = recording.raw.get(&exhibit.id) else { continue };
        let mut file = std::fs::File::open(&raw.path)?;
        let size = file.metadata()?.len();
        let mut value = json!({"exhibit": exhibit.id});
        if size <= WHOLE && exhibit.bytes <= WHOLE {
            let mut bytes = Vec::new();
            (&mut file).take(WHOLE).read_to_end(&mut bytes)?;
            let text = String::from_utf8_lossy(&bytes);
            let shown = redacted(&text, redactor);
            value["altered"] = (!raw.whole || shown.as_bytes() != bytes).into();
            value["parts"] = json!([{"from": 1, "text": shown}]);
        } else {
            cut.push(exhibit.id);
            value["altered"] = true.into();
            value["parts"] = parts(recording, exhibit, &raw.path, redactor)?;
        }
        writer.line(&value)?;
        exhibits += 1;
    }
    writer.line(&json!({"end": {"events": events, "exhibits": exhibits}}))?;
    writer.out.flush()?;
    Ok(Exported { bytes: writer.bytes, secrets: writer.secrets.len(), cut })
}

struct Writer<'a> {
    out: &'a mut dyn Write,
    bytes: u64,
    /// What stands for a secret.
    mark: Regex,
    secrets: BTreeSet<String>,
}

impl Writer<'_> {
    fn line(&mut self, value: &Value) -> io::Result<()> {
        let line = format!("{value}\n");
        // The prompt explains marks by one. What else stands in the opening stands in the other events too.
        if value.get("event").is_none_or(|event| event != "opened") {
            self.secrets.extend(self.mark.find_iter(&line).map(|found| found.as_str().to_owned()));
        }
        self.bytes += line.len() as u64;
        self.out.write_all(line.as_bytes())
    }
}

/// Takes out what names places of the machine.
fn strip(event: &Event, value: &mut Value) {
    match event {
        Event::ToolFinished { exhibit } => {
            if let Some(path) = value.pointer_mut("/exhibit/path") {
                *path = format!("E{}.out", exhibit.id).into();
            }
        }
        Event::SummaryRequested { exhibit, .. } => {
            if let Some(path) = value.pointer_mut("/kept/path") {
                *path = format!("E{exhibit}.out").into();
            }
        }
        Event::RunStarted { .. } | Event::TurnStarted { .. } => {
            let attachments = value.pointer_mut("/question/attachments").and_then(Value::as_array_mut);
            for attachment in attachments.into_iter().flatten() {
                attachment["path"] = attachment["name"].clone();
            }
        }
        Event::Opened { .. } => {
            if let Some(settings) = value.pointer_mut("/opening/settings").and_then(Value::as_object_mut) {
                settings.shift_remove("host");
            }
        }
        _ => {}
    }
}

/// Line by line, so that numbers stay what they are. A line without secrets stays byte for byte.
fn redacted(text: &str, redactor: &Redactor) -> String {
    let mut key = KeyBlock::default();
    let lines = text.split('\n').map(|line| {
        if key.covers(line.as_bytes()) {
            return KeyBlock::SHOWN.to_owned();
        }
        let plain = visible(line);
        let shown = redactor.redact(&plain);
        if shown == plain { line.to_owned() } else { shown }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn parts(
    recording: &Recording,
    exhibit: &Exhibit,
    raw: &std::path::Path,
    redactor: &Redactor,
) -> io::Result<Value> {
    let mut wanted: BTreeSet<u64> =
        read_views(&exhibit.view).into_iter().flat_map(|view| view.lines).map(|(number, _)| number).collect();
    let answer = recording.end.as_ref().map(|end| &end.answer);
    for finding in answer.into_iter().flat_map(|answer| &answer.findings) {
        if let Some((first, last)) = finding.lines.filter(|_| finding.exhibit == exhibit.id) {
            wanted.extend(first..=last.min(first.saturating_add(ENDS)));
        }
    }
    let ends = |number: u64| number <= ENDS || number + ENDS > exhibit.lines;
    let (mut kept, mut bytes): (Vec<(u64, String)>, usize) = (Vec::new(), 0);
    let mut key = KeyBlock::default();
    let mut lines = Lines::open(raw)?;
    while let Some((number, line)) = lines.next(64 * 1024)? {
        let secret = key.covers(line);
        let is_wanted = wanted.contains(&number);
        // What was shown or cited goes before what merely stands at an end.
        let room = if is_wanted { MOST } else { MOST / 4 };
        if !(is_wanted || ends(number)) || bytes > room {
            continue;
        }
        let text = if secret {
            KeyBlock::SHOWN.to_owned()
        } else {
            clip(&redactor.redact(&visible(&String::from_utf8_lossy(line))), LONGEST)
        };
        bytes += text.len();
        kept.push((number, text));
    }
    let parts = kept.chunk_by(|a, b| a.0 + 1 == b.0).map(|run| {
        let from = run.first().map_or(1, |(number, _)| *number);
        let text: String = run.iter().flat_map(|(_, text)| [text.as_str(), "\n"]).collect();
        json!({"from": from, "text": text})
    });
    Ok(parts.collect())
}
