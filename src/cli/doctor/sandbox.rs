//! What holds commands that only read, on this machine.

use super::super::Context;
use super::report::{Check, Section};
use crate::config::Config;
use crate::shell::{Containment, State};

const HERE: Section = Section::Sandbox;
const NAME: &str = "containment";

/// Without a configuration that can be read it is as if nothing were set.
pub(super) fn look(context: &Context, config: Option<&Config>) -> Vec<Check> {
    let wanted = config.and_then(|config| config.text("containment").ok().flatten());
    if wanted.as_deref() == Some("off") {
        let check = Check::warning(HERE, NAME, "off: commands of tools may write wherever you may");
        return vec![check.fix("`containment: auto` in the configuration switches it on")];
    }
    let environment: std::collections::BTreeMap<String, String> =
        context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let held = Containment::of_run(environment);
    let check = match held.state() {
        State::Whole { .. } => Check::ok(HERE, NAME, held.told()),
        State::Partly { .. } => Check::warning(HERE, NAME, held.told()).fix("a newer kernel closes the rest"),
        State::Missing { .. } => Check::warning(HERE, NAME, held.told()).fix(
            "Linux 5.13 or newer with `landlock` among the security modules (`lsm=` at boot) holds what only reads",
        ),
    };
    vec![check]
}
