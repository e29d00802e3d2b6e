//! Fields out of a JSON body: `jq` and `max_depth`, by the built-in engine in a process of its own, so that time
//! and memory stay bounded whatever the program does.

use std::path::Path;
use std::time::Duration;

use super::fetch::Fetched;
use crate::evidence::Status;
use crate::jq;
use crate::shell::{Limits, Script, Stop};
use crate::tools::Outcome;
use crate::tools::command::piped;

/// What of a body is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection {
    program: Option<String>,
    depth: Option<u32>,
}

impl Selection {
    /// # Errors
    /// When the program does not parse.
    pub(super) fn read(program: Option<&str>, depth: Option<i64>) -> Result<Self, String> {
        if let Some(program) = program {
            jq::check(program, &[]).map_err(|error| format!("`jq`: {error}"))?;
        }
        // Below zero is no limit, as in HolmesGPT.
        Ok(Self {
            program: program.map(str::to_owned),
            depth: depth.and_then(|depth| u32::try_from(depth).ok()),
        })
    }

    /// The whole program; None when nothing is to be left out.
    fn whole(&self, status: u16) -> Option<String> {
        // HolmesGPT's programs see the body inside of an envelope: those that name it get it.
        let enveloped = self.program.as_deref().is_some_and(|program| {
            let program = program.trim_start();
            program.starts_with(".status_code") || program.starts_with(".body")
        });
        let mut stages = Vec::new();
        if enveloped {
            stages.push(format!(
                "if type == \"object\" and (has(\"body\") or has(\"status_code\")) then . \
                 else {{status_code: {status}, body: .}} end"
            ));
        }
        // The line feed ends a comment the program may end with.
        stages.extend(self.program.as_ref().map(|program| format!("({program}\n)")));
        stages.extend(self.depth.map(|depth| {
            format!(
                "def cut($left): if $left <= 0 then (if type == \"object\" or type == \"array\" \
                 then \"...truncated at depth {depth}\" else . end) elif type == \"object\" \
                 then map_values(cut($left - 1)) elif type == \"array\" then map(cut($left - 1)) else . end; \
                 cut({depth})"
            )
        }));
        (!stages.is_empty()).then(|| stages.join(" | "))
    }

    /// Replaces the output by what is wanted of it. Where that fails the output stays, and the error says why.
    pub(super) async fn apply(
        &self,
        fetched: &Fetched,
        env: &[(String, String)],
        timeout: Duration,
        output: &Path,
        stop: Stop,
        outcome: &mut Outcome,
    ) {
        let Some(program) = self.whole(fetched.http.unwrap_or_default()) else { return };
        let json = fetched.kind.contains("json")
            || fetched.kind.is_empty()
            || fetched.kind.starts_with("text/plain");
        if !json && self.program.is_none() {
            // A depth says nothing about text.
            return;
        }
        if fetched.kept.cut {
            outcome.status = Status::Error;
            let said = outcome.error.take().unwrap_or_default();
            outcome.error = Some(format!("{said}; `jq` needs the whole body"));
            return;
        }
        let mut env = env.to_vec();
        env.push(("HOLMES_ARG_PROGRAM".to_owned(), program));
        let script = Script {
            text: "exec \"$HOLMES_RS\" jq --raw-output --compact-output \"$HOLMES_ARG_PROGRAM\"".to_owned(),
            env,
            ..Script::default()
        };
        let limits = Limits { timeout, ..Limits::default() };
        if let Err(problem) = piped(script, output, limits, stop, outcome).await {
            outcome.status = Status::Error;
            outcome.error = Some(format!("`jq` failed, output is whole: {problem}"));
        }
    }
}
