//! The builtin tool `read_exhibit`: ranges, matches and fields of an earlier output, from disk, for any size.

use std::collections::VecDeque;
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use regex::bytes::{Regex, RegexBuilder};
use serde_json::{Map, Value, json};

use super::command::judged;
use super::{Outcome, Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::evidence::view::{clip, size};
use crate::evidence::{KeyBlock, Lines, Status, raw_path};
use crate::jq;
use crate::shell::{Limits, Script, Stop, private_file, run};

/// Lines one call returns at most; the view is condensed anyway, this bounds the copy on disk.
const MOST_LINES: u64 = 20_000;
/// Bytes of one line that are searched and copied.
const LONGEST_LINE: usize = 64 * 1024;
/// Lines around a match that may be asked for.
const MOST_AROUND: u64 = 200;
/// Lines behind a match where nothing else is asked for.
const BEHIND: u64 = 2;
/// Bytes of an exhibit that `jq` reads: it holds all of it, several times over.
const LARGEST_FOR_JQ: u64 = 64 << 20;
/// What `jq` may take.
const TIME_FOR_JQ: Duration = Duration::from_secs(20);

/// Bytes searched before others get their turn.
const PAUSE: usize = 4 << 20;
/// Lines passed over before others get their turn.
const PAUSE_LINES: u64 = 100_000;

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
            description: "More of an earlier result".to_owned(),
            parameters: json!({
                "type": "object",
                "properties": {
                    "id": {"type": "string", "description": "E3"},
                    "lines": {"type": "string", "description": "120-180, -50"},
                    "grep": {"type": "string", "description": "regex"},
                    "before": {"type": "integer"},
                    "after": {"type": "integer"},
                    "jq": {"type": "string"},
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
        let text = |name| match params.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let mut line = format!("read {}", text("id"));
        for name in ["lines", "grep", "before", "after"] {
            if !text(name).is_empty() {
                line = format!("{line} {name} {}", text(name));
            }
        }
        if !text("jq").is_empty() {
            // What `jq` prints stands nowhere in the exhibit: a quote of it has to name this one.
            line = format!("{line} through jq (results, no lines of it): {}", text("jq"));
        }
        line
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        Box::pin(async move {
            let mut invocation = self.describe(params);
            let read = match self.wanted(params) {
                Ok(Wanted { raw, what: What::Fields(program), .. }) => {
                    return fields(&raw, &program, output, stop, invocation).await;
                }
                Ok(wanted) => copy(&wanted, output, &stop)
                    .await
                    .map_err(|error| format!("E{} cannot be read: {error}", wanted.id)),
                Err(error) => Err(error),
            };
            if let Ok(copied) = &read
                && copied.cut
            {
                invocation = format!("{invocation} (the first {MOST_LINES} lines of it)");
            }
            let (status, error, copied) = match read {
                _ if *stop.borrow() => {
                    let error = Some("interrupted".to_owned());
                    (Status::Interrupted, error, read.unwrap_or_default())
                }
                Ok(copied) if copied.lines == 0 => (Status::NoData, None, copied),
                Ok(copied) => (Status::Success, None, copied),
                Err(error) => (Status::Error, Some(error), Copied::default()),
            };
            Outcome { status, exit_code: None, error, invocation, bytes: copied.bytes, lines: copied.lines }
        })
    }
}

#[derive(Default)]
struct Copied {
    bytes: u64,
    lines: u64,
    /// Whether there was more.
    cut: bool,
}

/// What of which exhibit.
struct Wanted {
    id: u32,
    raw: PathBuf,
    what: What,
}

enum What {
    Lines {
        range: Range,
        pattern: Option<Regex>,
        before: u64,
        after: u64,
    },
    /// A jq program.
    Fields(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Range {
    /// First and last line.
    Between(u64, u64),
    /// So many at the end.
    Last(u64),
}

impl ReadExhibit {
    fn wanted(&self, params: &Map<String, Value>) -> Result<Wanted, String> {
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
        let text = |name: &str| match params.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(format!("`{name}` needs a text")),
        };
        let (lines, grep, program) = (text("lines")?, text("grep")?, text("jq")?);
        let before = around("before", text("before")?)?;
        let after = around("after", text("after")?)?;
        if let Some(program) = program {
            if lines.is_some() || grep.is_some() {
                return Err("`jq` reads all of an exhibit: call it without `lines` and `grep`".to_owned());
            }
            jq::check(&program, &[]).map_err(|error| format!("`jq`: {error}"))?;
            return Ok(Wanted { id, raw, what: What::Fields(program) });
        }
        let range = lines.as_deref().map_or(Ok(Range::Between(1, u64::MAX)), range_of)?;
        let what = match grep {
            Some(grep) => What::Lines {
                range,
                pattern: Some(pattern_of(&grep)?),
                before: before.unwrap_or(0),
                after: after.unwrap_or(BEHIND),
            },
            None => What::Lines {
                range: match range {
                    Range::Between(first, last) => Range::Between(
                        first.saturating_sub(before.unwrap_or(0)),
                        last.saturating_add(after.unwrap_or(0)),
                    ),
                    last @ Range::Last(_) => last,
                },
                pattern: None,
                before: 0,
                after: 0,
            },
        };
        Ok(Wanted { id, raw, what })
    }
}

fn around(name: &str, given: Option<String>) -> Result<Option<u64>, String> {
    given
        .map(|text| {
            text.trim().parse().ok().filter(|number| *number <= MOST_AROUND).ok_or_else(|| {
                format!("`{name}` needs a number of lines from 0 to {MOST_AROUND}, got `{}`", clip(&text, 40))
            })
        })
        .transpose()
}

fn pattern_of(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).case_insensitive(true).size_limit(1 << 20).build().map_err(|error| {
        let what = match error {
            regex::Error::CompiledTooBig(_) => "too large a regular expression",
            _ => "not a regular expression",
        };
        format!("`grep` is {what}: {}", clip(pattern, 80))
    })
}

/// `120-180`, `120..180`, `120:180`, `120`, `120-` to the end, `-50` for the last.
fn range_of(text: &str) -> Result<Range, String> {
    let wrong =
        || format!("`lines` needs a range like 120-180, or -50 for the last, got `{}`", clip(text, 40));
    let text = text.trim();
    let numbers: Vec<&str> =
        text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let number = |text: &str| text.parse::<u64>().map_err(|_| wrong());
    match numbers.as_slice() {
        [one] if text.starts_with('-') => Ok(Range::Last(number(one)?)),
        [one] if text.ends_with(['-', ':', '.']) => Ok(Range::Between(number(one)?, u64::MAX)),
        [one] => Ok(Range::Between(number(one)?, number(one)?)),
        [first, last] => Ok(Range::Between(number(first)?, number(last)?)),
        _ => Err(wrong()),
    }
}

/// Number of lines of the file; fewer where `stop` came first.
async fn count(raw: &Path, stop: &Stop) -> io::Result<u64> {
    let mut lines = Lines::open(raw)?;
    loop {
        let passed = lines.pass(PAUSE_LINES)?;
        if passed < PAUSE_LINES || *stop.borrow() {
            return Ok(lines.number());
        }
        tokio::task::yield_now().await;
    }
}

/// Copies the wanted lines, each behind its number in the original, so that it can be cited.
async fn copy(wanted: &Wanted, output: &Path, stop: &Stop) -> io::Result<Copied> {
    let mut copied = Copied::default();
    let What::Lines { range, pattern, before, after } = &wanted.what else { return Ok(copied) };
    let mut out = BufWriter::new(private_file(output)?);
    let mut lines = Lines::open(&wanted.raw)?;
    let (first, last) = match *range {
        Range::Between(first, last) => (first, last),
        Range::Last(number) => (count(&wanted.raw, stop).await?.saturating_sub(number) + 1, u64::MAX),
    };
    // A range that begins inside of a private key does not show where it began.
    let mut key = KeyBlock::default();
    let mut shown_until = 0;
    let mut earlier: VecDeque<String> = VecDeque::new();
    let mut unpaused = 0;
    while let Some((number, line)) = lines.next(LONGEST_LINE)?.filter(|(number, _)| *number <= last) {
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
        if number < first {
            continue;
        }
        let matched = pattern.as_ref().is_none_or(|pattern| pattern.is_match(line));
        if matched {
            shown_until = number.saturating_add(*after);
        }
        let shown = matched || number <= shown_until;
        if !shown && *before == 0 {
            continue;
        }
        let text = if secret { KeyBlock::SHOWN.into() } else { String::from_utf8_lossy(line) };
        earlier.push_back(format!("{number}: {text}\n"));
        if !shown {
            if earlier.len() as u64 > *before {
                earlier.pop_front();
            }
            continue;
        }
        for entry in earlier.drain(..) {
            if copied.lines == MOST_LINES {
                copied.cut = true;
                break;
            }
            out.write_all(entry.as_bytes())?;
            copied.bytes += entry.len() as u64;
            copied.lines += 1;
        }
        if copied.cut {
            break;
        }
    }
    out.flush()?;
    Ok(copied)
}

/// What jq makes of the exhibit, in a process of its own. A value that leaves its name behind could not be told
/// from others any more, so that secrets are taken out before the program sees them.
async fn fields(raw: &Path, program: &str, output: &Path, stop: Stop, invocation: String) -> Outcome {
    let bytes = std::fs::metadata(raw).map_or(0, |about| about.len());
    if bytes > LARGEST_FOR_JQ {
        let (has, most) = (size(bytes), size(LARGEST_FOR_JQ));
        let error = Some(format!("`jq` reads {most} at most, this exhibit has {has}: use `grep` or `lines`"));
        return Outcome { status: Status::Error, exit_code: None, error, invocation, bytes: 0, lines: 0 };
    }
    let script = Script {
        text: "exec \"$HOLMES_RS\" jq --raw-output --compact-output \"$HOLMES_ARG_PROGRAM\"".to_owned(),
        // The line feed ends a comment the program may end with.
        env: vec![("HOLMES_ARG_PROGRAM".to_owned(), format!("{WITHOUT_SECRETS} | ({program}\n)"))],
        stdin: Some(raw.to_owned()),
        ..Script::default()
    };
    let limits = Limits { timeout: TIME_FOR_JQ, ..Limits::default() };
    match run(&script, output, limits, stop).await {
        Ok(finished) => judged(&finished, &script.text, limits, invocation),
        Err(error) => {
            let error = Some(format!("`jq` cannot run: {error}"));
            Outcome { status: Status::Error, exit_code: None, error, invocation, bytes: 0, lines: 0 }
        }
    }
}

/// A jq stage: data of Kubernetes Secrets, and strings whose field or `name` says that they are secret, masked.
const WITHOUT_SECRETS: &str = r#"def secret_name: test("(password|passwd|passphrase|token|secret|credentials?|authorization|cookie|dsn|api[-_]?key|private[-_]?key|secret[-_]?key|access[-_]?key)$"; "i");
def masked: if type == "object" then
  (.kind == "Secret") as $secret
  | ((.name | type) == "string" and (.name | secret_name)) as $named
  | with_entries(
      if $secret and (.key == "data" or .key == "stringData") and (.value | type) == "object"
      then .value |= map_values("<secret>")
      elif (.value | type) == "string" and ((.key | secret_name) or ($named and .key == "value"))
      then .value = "<secret>"
      else .value |= masked end)
  elif type == "array" then map(masked) else . end;
masked"#;

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
        let wanted = reading.wanted(&params)?;
        runtime.block_on(copy(&wanted, &output, &stop)).map_err(|error| error.to_string())?;
        Ok(std::fs::read_to_string(output).unwrap())
    }

    #[test]
    fn serves_ranges_and_matches_with_the_original_numbers() {
        let raw = "a\nb\nERROR c\nd\ne\nf\n";
        assert_eq!(read(raw, json!({"id": "E1", "lines": "2-3"})).unwrap(), "2: b\n3: ERROR c\n");
        assert_eq!(read(raw, json!({"id": 1, "grep": "error"})).unwrap(), "3: ERROR c\n4: d\n5: e\n");
    }

    #[test]
    fn the_end_open_ranges_and_lines_around_matches() {
        let raw = "a\nb\nERROR c\nd\ne\nf";
        assert_eq!(read(raw, json!({"id": "E1", "lines": "-2"})).unwrap(), "5: e\n6: f\n");
        assert_eq!(read(raw, json!({"id": "E1", "lines": -1})).unwrap(), "6: f\n");
        assert_eq!(read(raw, json!({"id": "E1", "lines": "-99"})).unwrap().lines().count(), 6);
        assert_eq!(read(raw, json!({"id": "E1", "lines": "5-"})).unwrap(), "5: e\n6: f\n");
        assert_eq!(read(raw, json!({"id": "E1", "lines": "3", "before": 1})).unwrap(), "2: b\n3: ERROR c\n");
        let got = read(raw, json!({"id": "E1", "grep": "error", "before": 2, "after": "0"})).unwrap();
        assert_eq!(got, "1: a\n2: b\n3: ERROR c\n");
        let got = read(raw, json!({"id": "E1", "grep": "^[ae]$", "before": 1, "after": 0})).unwrap();
        assert_eq!(got, "1: a\n4: d\n5: e\n");
        let long = "x\n".repeat(250_000);
        assert_eq!(read(&long, json!({"id": "E1", "lines": "-1"})).unwrap(), "250000: x\n");
        assert_eq!(read(&long, json!({"id": "E1", "grep": "x"})).unwrap().lines().count(), 20_000);
    }

    #[test]
    fn the_schema_costs_little() {
        let reader = ReadExhibit::new(PathBuf::new());
        let tokens = crate::evidence::tokens::estimate(&serde_json::to_string(reader.spec()).unwrap());
        assert!(tokens <= 90, "{tokens}");
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
        for wrong in [json!("many"), json!(-1), json!(1_000_000)] {
            let error = read("a", json!({"id": "E1", "grep": "a", "before": wrong})).unwrap_err();
            assert!(error.starts_with("`before` needs a number of lines from 0 to 200"), "{error}");
        }
        assert!(read("a", json!({"id": "E1", "jq": ".["})).unwrap_err().starts_with("`jq`: "));
        assert!(
            read("a", json!({"id": "E1", "jq": ".", "grep": "a"})).unwrap_err().contains("without `lines`")
        );
    }
}
