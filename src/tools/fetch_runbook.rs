//! The builtin tool `fetch_runbook`: the text of a runbook that the program did not pick by itself.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::rc::Rc;

use serde_json::{Map, Value, json};

use super::{Outcome, Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::evidence::{RUNBOOKS, Status, tokens};
use crate::runbook::Shelf;
use crate::shell::{Stop, private_file};

/// Tokens of the whole schema; names that do not fit are told when a wrong one is asked for.
const MOST_TOKENS: u64 = 150;
/// What other programs call `name`.
const ALSO: [&str; 4] = ["name", "runbook_id", "skill_name", "link"];

/// Hands out the texts of one shelf.
pub struct FetchRunbook {
    spec: ToolSpec,
    shelf: Rc<Shelf>,
}

impl FetchRunbook {
    #[must_use]
    pub fn new(shelf: Rc<Shelf>) -> Self {
        let spec = |description: String| ToolSpec {
            name: "fetch_runbook".to_owned(),
            description,
            parameters: json!({
                "type": "object",
                "properties": {"name": {"type": "string"}},
                "required": ["name"],
            }),
        };
        let cost = |spec: &ToolSpec| tokens::estimate(&serde_json::to_string(spec).unwrap_or_default());
        let mut description = "How to look into a known kind of problem: ".to_owned();
        let mut left = MOST_TOKENS.saturating_sub(cost(&spec(format!("{description}, …"))));
        let mut first = true;
        for runbook in shelf.runbooks() {
            let said = format!("{}{}", if first { "" } else { ", " }, runbook.name);
            let Some(rest) = left.checked_sub(tokens::estimate(&said)) else {
                description.push_str(", …");
                break;
            };
            left = rest;
            first = false;
            let _ = write!(description, "{said}");
        }
        Self { spec: spec(description), shelf }
    }
}

impl Tool for FetchRunbook {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &'static str {
        RUNBOOKS
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        format!("read runbook {}", wanted(params).unwrap_or_default())
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, _stop: Stop) -> ToolFuture<'a> {
        Box::pin(async move {
            let invocation = self.describe(params);
            let text = match wanted(params) {
                Some(name) => self.shelf.fetch(name),
                None => Err("`name` needs the name of a runbook".to_owned()),
            };
            let kept = text.and_then(|text| {
                private_file(output)
                    .and_then(|mut file| file.write_all(text.as_bytes()))
                    .map_err(|error| format!("the runbook cannot be kept: {error}"))?;
                Ok((text.len() as u64, text.lines().count() as u64))
            });
            let (status, error, (bytes, lines)) = match kept {
                Ok(size) => (Status::Success, None, size),
                Err(error) => (Status::Error, Some(error), (0, 0)),
            };
            Outcome { status, exit_code: None, error, invocation, bytes, lines }
        })
    }
}

fn wanted(params: &Map<String, Value>) -> Option<&str> {
    ALSO.iter().find_map(|name| params.get(*name)?.as_str()).map(str::trim).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runbook::Runbook;

    fn shelf(names: &[String]) -> Rc<Shelf> {
        let runbook = |name: &String| Runbook {
            name: name.clone(),
            description: "d".to_owned(),
            text: format!("Look at {name}."),
            ..Runbook::default()
        };
        Rc::new(Shelf::of(names.iter().map(runbook).collect()))
    }

    #[allow(clippy::needless_pass_by_value, reason = "calls read better")]
    fn fetch(shelf: &Rc<Shelf>, params: Value) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let tool = FetchRunbook::new(Rc::clone(shelf));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let (_keep, stop) = tokio::sync::watch::channel(false);
        let outcome = runtime.block_on(tool.run(params.as_object().unwrap(), &output, stop));
        if let Some(error) = outcome.error {
            return Err(error);
        }
        let text = std::fs::read_to_string(output).unwrap();
        assert_eq!((text.len() as u64, text.lines().count() as u64), (outcome.bytes, outcome.lines));
        Ok(text)
    }

    #[test]
    fn names_are_forgiving_and_misses_name_the_nearest() {
        let shelf = shelf(&["pod-crash-loop".to_owned(), "disk-full".to_owned()]);
        for name in ["pod-crash-loop", "Pod_Crash Loop", " pod-crash-loop.md "] {
            assert!(
                fetch(&shelf, json!({"name": name})).unwrap().contains("Look at pod-crash-loop."),
                "{name}"
            );
        }
        assert!(fetch(&shelf, json!({"runbook_id": "disk-full"})).unwrap().starts_with("# disk-full"));
        assert_eq!(
            fetch(&shelf, json!({"name": "disc-full"})).unwrap_err(),
            "there is no runbook `disc-full`, did you mean `disk-full`?"
        );
        assert_eq!(
            fetch(&shelf, json!({"name": "zzz"})).unwrap_err(),
            "there is no runbook `zzz`; there are disk-full, pod-crash-loop"
        );
        for wrong in [json!({}), json!({"name": 7}), json!({"name": " "})] {
            assert_eq!(fetch(&shelf, wrong).unwrap_err(), "`name` needs the name of a runbook");
        }
        let hostile = fetch(&shelf, json!({"name": "../../etc/passwd\u{1b}[2J"})).unwrap_err();
        assert!(!hostile.contains('\u{1b}') && hostile.contains("there is no runbook"), "{hostile}");
        assert!(
            fetch(&shelf, json!({"name": "disk-full/../../x"})).unwrap_err().contains("has no further files")
        );
    }

    #[test]
    fn the_schema_costs_little_however_many_there_are() {
        for count in [0, 1, 24, 2000] {
            let names: Vec<String> =
                (0..count).map(|number| format!("kind-of-trouble-{number:04}")).collect();
            let tool = FetchRunbook::new(shelf(&names));
            let tokens = tokens::estimate(&serde_json::to_string(tool.spec()).unwrap());
            assert!(tokens <= MOST_TOKENS, "{count}: {tokens}");
            assert_eq!(tool.spec().description.contains("trouble-0000"), count > 0);
            assert_eq!(tool.spec().description.ends_with('…'), count == 2000 || count == 24, "{count}");
        }
    }
}
