//! The builtin tool `read_exhibit`: ranges and matches of an earlier output, from disk, for any size.

use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};

use super::{Outcome, Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::evidence::view::clip;
use crate::evidence::{KeyBlock, Lines, Status, raw_path};
use crate::shell::{Stop, private_file};

/// Lines one call returns at most; the view is condensed anyway, this bounds the copy on disk.
const MOST_LINES: u64 = 20_000;
/// Bytes of one line that are searched and copied.
const LONGEST_LINE: usize = 64 * 1024;

/// Bytes searched before others get their turn.
const PAUSE: usize = 4 << 20;

/// The toolset of tools that read what is there already.
pub const EVIDENCE: &str = "evidence";

/// Reads from the exhibits of one run.
pub struct ReadExhibit {
    spec: ToolSpec,
    folder: PathBuf,
}

impl ReadExhibit {
    /// `folder` is where the run keeps raw outputs.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        let spec = ToolSpec {
            name: "read_exhibit".to_owned(),
            description: "Lines left out of an earlier result".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": "E3"},
                    "lines": {"type": "string", "description": "120-180"},
                    "grep": {"type": "string", "description": "regex"},
                },
                "required": ["id"],
            }),
        };
        Self { spec, folder }
    }
}

impl Tool for ReadExhibit {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &'static str {
        EVIDENCE
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        let text = |name| params.get(name).and_then(Value::as_str).unwrap_or_default();
        let mut line = format!("read {}", text("id"));
        for name in ["lines", "grep"] {
            if !text(name).is_empty() {
                line = format!("{line} {name} {}", text(name));
            }
        }
        line
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        Box::pin(async move {
            let invocation = self.describe(params);
            let read = self.read(params, output, &stop).await;
            if *stop.borrow() {
                let (bytes, lines) = read.map_or((0, 0), |copied| (copied.bytes, copied.lines));
                let error = Some("interrupted".to_owned());
                return Outcome {
                    status: Status::Interrupted,
                    exit_code: None,
                    error,
                    invocation,
                    bytes,
                    lines,
                };
            }
            match read {
                Ok(copied) => Outcome {
                    status: if copied.lines == 0 { Status::NoData } else { Status::Success },
                    exit_code: None,
                    error: None,
                    invocation,
                    bytes: copied.bytes,
                    lines: copied.lines,
                },
                Err(error) => Outcome {
                    status: Status::Error,
                    exit_code: None,
                    error: Some(error),
                    invocation,
                    bytes: 0,
                    lines: 0,
                },
            }
        })
    }
}

#[derive(Default)]
struct Copied {
    bytes: u64,
    lines: u64,
}

impl ReadExhibit {
    async fn read(&self, params: &Map<String, Value>, output: &Path, stop: &Stop) -> Result<Copied, String> {
        let id = match params.get("id") {
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(id)) => {
                id.trim().trim_start_matches(['E', 'e', '[']).trim_end_matches(']').to_owned()
            }
            _ => String::new(),
        };
        let id: u32 = id.parse().map_err(|_| "`id` needs an exhibit's number, like E3".to_owned())?;
        let raw = raw_path(&self.folder, id);
        if !raw.is_file() {
            return Err(format!("there is no exhibit E{id}, or it printed nothing"));
        }
        let range = match params.get("lines") {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) if text.is_empty() => None,
            Some(Value::String(text)) => Some(range_of(text)?),
            Some(other) => Some(range_of(&other.to_string())?),
        };
        let pattern = match params.get("grep").and_then(Value::as_str).filter(|p| !p.is_empty()) {
            None => None,
            Some(pattern) => {
                Some(RegexBuilder::new(pattern).case_insensitive(true).size_limit(1 << 20).build().map_err(
                    |error| {
                        let what = match error {
                            regex::Error::CompiledTooBig(_) => "too large a regular expression",
                            _ => "not a regular expression",
                        };
                        format!("`grep` is {what}: {}", clip(pattern, 80))
                    },
                )?)
            }
        };
        copy(&raw, output, range, pattern.as_ref(), stop)
            .await
            .map_err(|error| format!("E{id} cannot be read: {error}"))
    }
}

/// `120-180`, `120..180`, `120:180` or `120`.
fn range_of(text: &str) -> Result<(u64, u64), String> {
    let wrong = || format!("`lines` needs a range like 120-180, got `{}`", clip(text, 40));
    let numbers: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    match numbers.as_slice() {
        [one] => Ok((number(one)?, number(one)?)),
        [first, last] => Ok((number(first)?, number(last)?)),
        _ => Err(wrong()),
    }
}

/// Copies the wanted lines, each behind its number in the original, so that it can be cited.
async fn copy(
    raw: &Path,
    output: &Path,
    range: Option<(u64, u64)>,
    pattern: Option<&Regex>,
    stop: &Stop,
) -> io::Result<Copied> {
    let mut copied = Copied::default();
    let mut out = BufWriter::new(private_file(output)?);
    let mut lines = Lines::open(raw)?;
    let (first, last) = range.unwrap_or((1, u64::MAX));
    // A range that begins inside of a private key does not show where it began.
    let mut key = KeyBlock::default();
    // A match is shown with the two lines after it.
    let mut shown_until = 0;
    let mut unpaused = 0;
    while copied.lines < MOST_LINES {
        let Some((number, line)) = lines.next(LONGEST_LINE)?.filter(|(number, _)| *number <= last) else {
            break;
        };
        unpaused += line.len() + 64;
        if unpaused > PAUSE {
            // An interrupt and the time limit must be heard while a gigabyte is searched.
            tokio::task::yield_now().await;
            unpaused = 0;
            if *stop.borrow() {
                break;
            }
        }
        let secret = key.covers(line);
        let matched = pattern.is_none_or(|pattern| pattern.is_match(line));
        if matched && pattern.is_some() {
            shown_until = number + 2;
        }
        if number < first || !(matched || number <= shown_until) {
            continue;
        }
        let text = if secret { KeyBlock::SHOWN.into() } else { String::from_utf8_lossy(line) };
        let entry = format!("{number}: {text}\n");
        out.write_all(entry.as_bytes())?;
        copied.bytes += entry.len() as u64;
        copied.lines += 1;
    }
    out.flush()?;
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str, params: Value) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(raw_path(folder.path(), 1), raw).unwrap();
        let output = folder.path().join("out");
        let Value::Object(params) = params else { panic!("an object") };
        let (_keep, stop) = tokio::sync::watch::channel(false);
        let reading = ReadExhibit::new(folder.path().to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(reading.read(&params, &output, &stop))?;
        Ok(std::fs::read_to_string(output).unwrap())
    }

    #[test]
    fn serves_ranges_and_matches_with_the_original_numbers() {
        let raw = "a\nb\nERROR c\nd\ne\nf\n";
        assert_eq!(read(raw, json!({"id": "E1", "lines": "2-3"})).unwrap(), "2: b\n3: ERROR c\n");
        assert_eq!(read(raw, json!({"id": 1, "grep": "error"})).unwrap(), "3: ERROR c\n4: d\n5: e\n");
    }

    #[test]
    fn a_range_out_of_a_private_key_shows_nothing_of_it() {
        let raw = "a\n-----BEGIN RSA PRIVATE KEY-----\nMIIEo\nabc\n-----END RSA PRIVATE KEY-----\nb\n";
        let got = read(raw, json!({"id": "E1", "lines": "3-6"})).unwrap();
        assert!(!got.contains("MIIEo") && !got.contains("abc") && got.ends_with("6: b\n"), "{got}");
        assert!(!read(raw, json!({"id": "E1", "grep": "MII"})).unwrap().contains("MIIEo"));
    }

    #[test]
    fn hostile_patterns_are_short_errors_or_finish() {
        let huge = "(a{1,1000}){1,1000}";
        assert!(read("a", json!({"id": "E1", "grep": huge})).unwrap_err().contains("too large"));
        assert!(read("a", json!({"id": "E1", "grep": "(".repeat(100_000)})).unwrap_err().len() < 300);
        assert!(read(&"a".repeat(60_000), json!({"id": "E1", "grep": "(a+)+$|(.*.*)*b"})).is_ok());
        assert!(read("a", json!({"id": "E1", "lines": "99999999999999999999-1"})).is_err());
        assert!(read("a", json!({"id": "E1", "lines": "5-2"})).unwrap().is_empty());
        assert!(read("a", json!({"id": "E99999999999"})).is_err());
        assert!(read("a", json!({"id": "../../etc/passwd"})).is_err());
    }

    #[test]
    fn wrong_parameters_say_what_is_needed() {
        assert!(read("a", json!({"id": "E9"})).unwrap_err().contains("no exhibit E9"));
        assert!(read("a", json!({"id": "x"})).unwrap_err().contains("like E3"));
        assert!(read("a", json!({"id": "E1", "lines": "all"})).unwrap_err().contains("120-180"));
        assert!(read("a", json!({"id": "E1", "grep": "("})).unwrap_err().contains("regular expression"));
    }
}
