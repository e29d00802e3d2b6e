//! `plan`, hidden: performs what was judged, in the process group that the bash tool watches. See `shell::plan`.

use std::process::ExitCode;

use crate::config::Environment;
use crate::shell::plan::{Plan, VARIABLE};

/// Exit code of a plan that cannot be read, as of a program that may not be executed.
const UNUSABLE: u8 = 126;

/// Runs the verb: its exit code is that of the last program.
pub(super) fn run() -> ExitCode {
    let environment = Environment::capture();
    let text = environment.get(VARIABLE).unwrap_or_default();
    let performed = match serde_json::from_str::<Plan>(text) {
        Ok(plan) => {
            plan.perform(environment.get("PATH").unwrap_or_default()).map_err(|error| error.to_string())
        }
        Err(_) => Err("`plan` is for the bash tool, which says what to run".to_owned()),
    };
    match performed {
        Ok(code) => ExitCode::from(u8::try_from(code & 0xff).unwrap_or(UNUSABLE)),
        Err(error) => {
            crate::ui::ErrorOutput::stderr().line(&format!("error: {error}"));
            ExitCode::from(UNUSABLE)
        }
    }
}
