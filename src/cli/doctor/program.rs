//! Which program this is, and what it runs on.

use std::path::Path;

use super::super::Context;
use super::report::{Check, Section};

const HERE: Section = Section::Program;

pub(super) fn look(context: &Context) -> Vec<Check> {
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    let (system, machine) = (std::env::consts::OS, std::env::consts::ARCH);
    let version = format!("holmes-rs {}, {build} build for {system} on {machine}", env!("CARGO_PKG_VERSION"));
    let path =
        std::env::current_exe().map_or_else(|error| error.to_string(), |path| path.display().to_string());
    let mut checks = vec![Check::ok(HERE, "version", version), Check::ok(HERE, "path", path)];
    let kernel = rustix::system::uname();
    let kernel = format!("{} {}", kernel.sysname().to_string_lossy(), kernel.release().to_string_lossy());
    let distribution = distribution().unwrap_or_else(|| system.to_owned());
    checks.push(Check::ok(HERE, "system", format!("{distribution}, {kernel}, {}", container(context))));
    checks
}

/// As the system calls itself.
fn distribution() -> Option<String> {
    let text = ["/etc/os-release", "/usr/lib/os-release"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())?;
    let line = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME="))?;
    Some(line.trim_matches('"').to_owned())
}

fn container(context: &Context) -> &'static str {
    let marks = |paths: &[&str]| paths.iter().any(|path| Path::new(path).exists());
    if context.environment.has("KUBERNETES_SERVICE_HOST") {
        "inside of a pod"
    } else if marks(&["/.dockerenv", "/run/.containerenv"]) || context.environment.has("container") {
        "inside of a container"
    } else {
        "no container seen"
    }
}
