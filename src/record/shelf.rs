//! Reads recorded runs back. A record that was cut short (the machine went down) is shown as far as it goes.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::agent::{Edit, Event, Finish, Usage};
use crate::answer::Verdict;
use crate::evidence::ATTACHED;

/// A file with more lines that are no events is no record; a read error would repeat without end.
const MOST_UNREADABLE: usize = 1000;
/// Bytes of a line in which its time and the name of its event stand.
const LONGEST_HEAD: usize = 128;

/// One run in a list.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Summary {
    pub run_id: String,
    pub started_at: String,
    /// The first.
    pub question: String,
    pub model: String,
    /// Of the last answer; `None` while one is looked for, or where it was cut off.
    pub verdict: Option<Verdict>,
    pub finish: Option<Finish>,
    pub tool_calls: usize,
    pub total_tokens: u64,
    /// Questions asked, those taken back not counted.
    pub turns: u32,
    /// Where more than one was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_question: Option<String>,
    /// USD, where an endpoint told it.
    pub cost: Option<f64>,
    /// A process is writing it.
    pub running: bool,
}

impl Summary {
    fn asked(&mut self, question: &str) {
        self.turns += 1;
        if self.question.is_empty() {
            question.clone_into(&mut self.question);
        } else {
            self.last_question = Some(question.to_owned());
        }
        (self.verdict, self.finish) = (None, None);
    }

    fn spent(&mut self, usage: Usage, cost: Option<f64>) {
        self.total_tokens += usage.total();
        if let Some(cost) = cost {
            *self.cost.get_or_insert(0.0) += cost;
        }
    }

    fn edited(&mut self, edit: &Edit) {
        match edit {
            Edit::Undone => self.turns = self.turns.saturating_sub(1),
            Edit::Model { name, .. } => self.model.clone_from(name),
            Edit::Cleared | Edit::Compacted => {}
        }
    }
}

/// A whole run.
#[derive(Debug, Clone)]
pub struct Recorded {
    pub summary: Summary,
    /// With the time each was written.
    pub events: Vec<(String, Event)>,
    /// Lines that hold no event: cut off, damaged, or of another version.
    pub unreadable: usize,
}

/// Why a run cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("there is no run `{wanted}` in {}", folder.display())]
    Unknown { wanted: String, folder: PathBuf },
    #[error("`{wanted}` is the beginning of {} runs: {}", runs.len(), some(runs))]
    Ambiguous { wanted: String, runs: Vec<String> },
    #[error("the record {} cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
}

/// The newest few, in backticks.
fn some(runs: &[String]) -> String {
    let mut shown: Vec<String> = runs.iter().rev().take(3).map(|run| format!("`{run}`")).collect();
    if runs.len() > shown.len() {
        shown.push("…".to_owned());
    }
    shown.join(", ")
}

/// The newest `limit` runs, newest first. Folders that hold no record are passed over.
///
/// # Errors
/// When the folder of runs exists and cannot be read.
pub fn list(state: &Path, limit: usize) -> Result<Vec<Summary>, RecordError> {
    let runs = ids(state)?.into_iter().rev().filter_map(|id| glance(state, &id).ok());
    Ok(runs.take(limit).collect())
}

/// The run that `wanted` names: its id, the unique beginning of one, or `last`.
///
/// # Errors
/// When there is none, or more than one.
pub fn find(state: &Path, wanted: &str) -> Result<String, RecordError> {
    let ids = ids(state)?;
    let unknown = || RecordError::Unknown { wanted: wanted.to_owned(), folder: super::runs(state) };
    if wanted == "last" {
        return ids.into_iter().next_back().ok_or_else(unknown);
    }
    let mut runs: Vec<String> =
        ids.into_iter().filter(|id| !wanted.is_empty() && id.starts_with(wanted)).collect();
    match runs.len() {
        0 => Err(unknown()),
        1 => Ok(runs.remove(0)),
        _ if runs.iter().any(|id| id == wanted) => Ok(wanted.to_owned()),
        _ => Err(RecordError::Ambiguous { wanted: wanted.to_owned(), runs }),
    }
}

/// Reads the run with this id, as far as its record goes.
///
/// # Errors
/// When its record cannot be opened.
pub fn read(state: &Path, id: &str) -> Result<Recorded, RecordError> {
    let path = super::runs(state).join(id).join(super::EVENTS);
    let file = File::open(&path).map_err(|source| RecordError::Unreadable { path, source })?;
    let running = is_written(&file);
    let mut summary = Summary { run_id: id.to_owned(), running, ..Summary::default() };
    let (mut events, mut unreadable) = (Vec::new(), 0);
    for line in BufReader::new(file).lines() {
        // The last line of a run that was killed may be half written; what is no text is as good as that.
        let value = line.ok().and_then(|line| serde_json::from_str::<Value>(&line).ok());
        let Some(mut value) = value else {
            unreadable += 1;
            if unreadable > MOST_UNREADABLE {
                break;
            }
            continue;
        };
        let time = value.as_object_mut().and_then(|map| map.remove("time"));
        let time = time.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned();
        let Ok(event) = serde_json::from_value::<Event>(value) else {
            unreadable += 1;
            continue;
        };
        match &event {
            Event::RunStarted { question, model, started_at, .. } => {
                summary.started_at.clone_from(started_at);
                summary.model.clone_from(model);
                summary.asked(&question.text);
            }
            Event::TurnStarted { question, .. } => summary.asked(&question.text),
            Event::Edited { edit } => summary.edited(edit),
            Event::ModelReplied { usage, cost, .. } | Event::SummaryReplied { usage, cost, .. } => {
                summary.spent(*usage, *cost);
            }
            Event::ToolFinished { exhibit } if !exhibit.is_attachment() => summary.tool_calls += 1,
            Event::Concluded { answer, finish } => {
                summary.verdict = Some(answer.verdict);
                summary.finish = Some(*finish);
            }
            _ => {}
        }
        events.push((time, event));
    }
    Ok(Recorded { summary, events, unreadable })
}

/// Whether a process holds the lock that goes with writing a record.
fn is_written(file: &File) -> bool {
    use rustix::fs::{FlockOperation, flock};
    flock(file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

/// What a list tells of a run. Of its lines only those are read that matter, and of them only what matters.
fn glance(state: &Path, id: &str) -> io::Result<Summary> {
    #[derive(Deserialize)]
    struct Asked {
        question: Words,
        #[serde(default)]
        model: String,
        #[serde(default)]
        started_at: String,
    }
    #[derive(Deserialize)]
    struct Words {
        text: String,
    }
    #[derive(Deserialize)]
    struct Said {
        usage: Usage,
        #[serde(default)]
        cost: Option<f64>,
    }
    #[derive(Deserialize)]
    struct Kept {
        exhibit: Called,
    }
    #[derive(Deserialize)]
    struct Called {
        toolset: String,
    }
    #[derive(Deserialize)]
    struct Changed {
        edit: Edit,
    }
    #[derive(Deserialize)]
    struct Ended {
        answer: Judged,
        finish: Finish,
    }
    #[derive(Deserialize)]
    struct Judged {
        verdict: Verdict,
    }
    let file = File::open(super::runs(state).join(id).join(super::EVENTS))?;
    let mut summary = Summary { run_id: id.to_owned(), running: is_written(&file), ..Summary::default() };
    let mut reader = BufReader::with_capacity(1 << 16, file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            return Ok(summary);
        }
        // The name of an event comes right after its time.
        match name_of(line.get(..LONGEST_HEAD).unwrap_or(&line)) {
            b"run_started" => {
                if let Ok(Asked { question, model, started_at }) = serde_json::from_slice(&line) {
                    (summary.model, summary.started_at) = (model, started_at);
                    summary.asked(&question.text);
                }
            }
            b"turn_started" => {
                if let Ok(Asked { question, .. }) = serde_json::from_slice(&line) {
                    summary.asked(&question.text);
                }
            }
            b"model_replied" | b"summary_replied" => {
                if let Ok(Said { usage, cost }) = serde_json::from_slice(&line) {
                    summary.spent(usage, cost);
                }
            }
            b"tool_finished" => {
                let kept = serde_json::from_slice::<Kept>(&line);
                let called = kept.is_ok_and(|kept| kept.exhibit.toolset != ATTACHED);
                summary.tool_calls += usize::from(called);
            }
            b"edited" => {
                if let Ok(Changed { edit }) = serde_json::from_slice(&line) {
                    summary.edited(&edit);
                }
            }
            b"concluded" => {
                if let Ok(Ended { answer, finish }) = serde_json::from_slice(&line) {
                    (summary.verdict, summary.finish) = (Some(answer.verdict), Some(finish));
                }
            }
            _ => {}
        }
    }
}

/// The name of the event whose line begins so.
fn name_of(head: &[u8]) -> &[u8] {
    const KEY: &[u8] = b"\"event\":\"";
    let Some(at) = memchr::memmem::find(head, KEY) else { return b"" };
    let rest = head.get(at + KEY.len()..).unwrap_or_default();
    rest.split(|byte| *byte == b'"').next().unwrap_or_default()
}

fn ids(state: &Path) -> Result<Vec<String>, RecordError> {
    let folder = super::runs(state);
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(source) => return Err(RecordError::Unreadable { path: folder, source }),
    };
    let mut ids: Vec<String> = entries
        .flatten()
        .filter(|entry| entry.path().join(super::EVENTS).is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    ids.sort();
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::Answer;
    use crate::evidence::Redactor;
    use crate::question::Question;
    use crate::record::Journal;

    fn started(question: &str) -> Event {
        Event::RunStarted {
            run_id: "20260101-000000-aaaa".to_owned(),
            question: Question { text: question.to_owned(), ..Question::default() },
            model: "m".to_owned(),
            started_at: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    #[test]
    fn what_was_written_is_read_back_without_its_secrets() {
        let state = tempfile::tempdir().unwrap();
        let redactor = Redactor::new([], &["correct-horse-battery".to_owned()]);
        let now = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut journal = Journal::start(state.path(), "20260101-000000-aaaa").unwrap();
        journal.write(&started("why does correct-horse-battery fail"), now, &redactor).unwrap();
        let answer = Answer { verdict: Verdict::ProblemFound, ..Answer::default() };
        journal.write(&Event::Concluded { answer, finish: Finish::Answered }, now, &redactor).unwrap();
        let runs = list(state.path(), 9).unwrap();
        assert_eq!(runs[0].question, "why does <secret:1> fail");
        assert_eq!(runs[0].verdict, Some(Verdict::ProblemFound));
        assert_eq!(find(state.path(), "2026").unwrap(), "20260101-000000-aaaa");
        assert!(matches!(find(state.path(), "x"), Err(RecordError::Unknown { .. })));
    }

    #[test]
    fn a_record_cut_in_the_middle_of_a_line_is_shown_as_far_as_it_goes() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("runs/20260101-000000-bbbb");
        std::fs::create_dir_all(&folder).unwrap();
        let line = serde_json::to_string(&started("why")).unwrap();
        std::fs::write(folder.join("events.jsonl"), format!("{line}\n{{\"event\":\"conclu")).unwrap();
        let run = read(state.path(), "20260101-000000-bbbb").unwrap();
        assert_eq!((run.events.len(), run.summary.verdict), (1, None));
    }
}
