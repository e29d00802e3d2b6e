//! Which files were read, what is odd or wrong in them, who overrides whom. A file that does not load is told with
//! its place, and the rest is looked at by the environment alone.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::super::Context;
use super::report::{Check, Section};
use crate::config::yaml::{self, Kind, Node};
use crate::config::{
    Config, ConfigError, Consulted, Environment, FileState, Flags, Origin, Role, Surroundings, look_for,
};
use crate::evidence::redact::is_secret_field;

const HERE: Section = Section::Configuration;
/// A folder in which no file is found.
const NOWHERE: &str = "/nonexistent";

/// The configuration, as far as there is one, and what is to be said of it.
pub(super) fn load(flags: &Flags, context: &Context) -> (Option<Config>, Vec<Check>) {
    let surroundings = Surroundings::of_process();
    let files = look_for(flags.config.as_deref(), &context.environment, &surroundings);
    let mut checks = Vec::new();
    let config = match Config::load(flags, &context.environment, &surroundings) {
        Ok(config) => {
            checks.extend(read(&files));
            checks.extend(config.warnings().iter().map(|warning| {
                Check::warning(HERE, "unexpected", warning.to_string()).fix("correct it, or take it out")
            }));
            Some(config)
        }
        Err(error) => {
            let mut told = Vec::new();
            for file in files.iter().filter(|file| file.state == FileState::Read) {
                if let Some(error) = wrong(file, &context.environment) {
                    told.push(one_line(&error));
                    checks.push(broken(&error));
                }
            }
            // What is wrong with all of them together, or with something that a file names.
            if !told.contains(&one_line(&error)) {
                checks.insert(0, broken(&error));
            }
            let config = without_files(flags, &context.environment);
            let then = if config.is_some() {
                "what follows is by flags and environment alone"
            } else {
                "nothing is configured"
            };
            checks.push(Check::warning(HERE, "files", format!("none is used: {then}")));
            config
        }
    };
    checks.extend(files.iter().filter(|file| file.state == FileState::Read).filter_map(open_to_others));
    if let Some(config) = &config {
        checks.extend(values(config));
        checks.extend(overridden(config));
    }
    (config, checks)
}

fn read(files: &[Consulted]) -> Vec<Check> {
    let checks: Vec<Check> = files
        .iter()
        .filter_map(|file| {
            let path = file.path.display();
            match &file.state {
                FileState::Missing => None,
                FileState::Read => Some(Check::ok(HERE, role(file.role), path.to_string())),
                FileState::Skipped(reason) => {
                    Some(Check::warning(HERE, role(file.role), format!("{path} is not read: {reason}")))
                }
            }
        })
        .collect();
    if checks.is_empty() {
        let none = Check::ok(HERE, "files", "none: flags, environment and defaults");
        return vec![none.fix("`holmes-rs config init` writes one to fill in")];
    }
    checks
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Project => "project file",
        Role::User => "user file",
        Role::System => "system file",
    }
}

/// What is wrong with one file, looked at alone.
fn wrong(file: &Consulted, environment: &Environment) -> Option<ConfigError> {
    let home = environment.get("HOME").map(|home| ("HOME", home));
    let flags = Flags { config: Some(file.path.clone()), ..Flags::default() };
    Config::load(&flags, &home.into_iter().collect(), &nowhere()).err()
}

fn nowhere() -> Surroundings {
    Surroundings { cwd: NOWHERE.into(), system: NOWHERE.into() }
}

fn without_files(flags: &Flags, environment: &Environment) -> Option<Config> {
    let none = Flags { config: Some("/dev/null".into()), ..flags.clone() };
    Config::load(&none, environment, &nowhere()).ok().or_else(|| {
        // The list of models may be what is broken.
        let environment = environment.clone().with("MODEL_LIST_FILE_LOCATION", "");
        Config::load(&none, &environment, &nowhere()).ok()
    })
}

fn broken(error: &ConfigError) -> Check {
    let hint = error.hints().into_iter().next();
    let path = match error {
        ConfigError::Unreadable { path, .. } => Some(path.as_path()),
        _ => None,
    };
    let fix = hint.unwrap_or_else(|| match path {
        Some(path) => {
            format!("make it readable (`ls -l {}`), or name another with `--config`", path.display())
        }
        None => {
            "correct that place, or name another file with `--config`; no command works until then".to_owned()
        }
    });
    Check::problem(HERE, "invalid", one_line(error)).fix(fix)
}

fn one_line(error: &ConfigError) -> String {
    match error {
        ConfigError::Yaml(error) => error.one_line(),
        other => other.to_string(),
    }
}

/// A file with a secret in it that others on this machine may read.
fn open_to_others(file: &Consulted) -> Option<Check> {
    let mode = std::fs::metadata(&file.path).ok().filter(std::fs::Metadata::is_file)?.permissions().mode();
    let others = mode & 0o077;
    if others == 0 || !holds_secret(&file.path) {
        return None;
    }
    let path = file.path.display();
    let detail = format!("{path} holds a secret and others may open it (mode {:o})", mode & 0o777);
    Some(Check::warning(HERE, "permissions", detail).fix(format!("chmod 600 {path}")))
}

fn holds_secret(path: &Path) -> bool {
    // What is larger is no configuration, and was told so.
    let small = std::fs::metadata(path).is_ok_and(|file| file.len() <= yaml::MAX_BYTES as u64);
    let text = if small { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
    yaml::parse(&text, "").is_ok_and(|document| has_secret(&document.node))
}

fn has_secret(node: &Node) -> bool {
    match &node.kind {
        Kind::Mapping(entries) => entries.iter().any(|entry| {
            let literal = |text: &str| !text.trim().is_empty() && !text.contains("{{");
            let secret = matches!(&entry.value.kind, Kind::Scalar { text, .. } if literal(text) && !entry.value.is_null());
            secret && is_secret_field(&entry.key) || has_secret(&entry.value)
        }),
        Kind::Sequence(items) => items.iter().any(has_secret),
        Kind::Scalar { .. } => false,
    }
}

/// Values that cannot be used once somebody asks for them.
fn values(config: &Config) -> Vec<Check> {
    let wrong = config.shown().into_iter().filter_map(|one| {
        let error = one.error?;
        let place = match &one.origin {
            Origin::File { path, line, .. } if !error.contains(&path.display().to_string()) => {
                format!("{}:{line}: ", path.display())
            }
            _ => String::new(),
        };
        let fix = format!("correct `{}`, set by {}", one.key, one.origin);
        Some(Check::problem(HERE, "value", format!("{place}{error}")).fix(fix))
    });
    wrong.collect()
}

/// What a file says and the environment says otherwise: the usual surprise. Flags were just typed.
fn overridden(config: &Config) -> Vec<Check> {
    let surprises =
        config.overridden().into_iter().filter_map(|(key, winner, loser)| match (&winner, &loser) {
            (Origin::Env(name), Origin::File { .. }) => Some(
                Check::warning(
                    HERE,
                    "overridden",
                    format!("`{key}`: `{name}` of the environment wins over {loser}"),
                )
                .fix(format!("if the file is meant: unset {name}")),
            ),
            (Origin::File { .. }, Origin::File { .. }) => {
                Some(Check::ok(HERE, "overridden", format!("`{key}`: {winner} wins over {loser}")))
            }
            _ => None,
        });
    surprises.collect()
}
