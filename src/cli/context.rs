//! What every verb starts with: the environment, the folders, the terminal, the configuration.

use crate::config::{Config, ConfigError, Environment, Flags, Folders, Origin, Surroundings};
use crate::tls::Trust;
use crate::ui::{ErrorOutput, Terminal, sanitize};

use super::failure::{Exit, Failure};
use super::options::GlobalArgs;

/// The surroundings of one call.
pub(super) struct Context {
    pub environment: Environment,
    pub global: GlobalArgs,
    pub stdout: Terminal,
    pub stderr: Terminal,
    /// `-v` counted; without it what `HOLMES_LOG` asks for.
    pub verbose: u8,
}

/// Whom every connection of the program trusts besides the platform's authorities.
pub(super) fn trust(config: &Config) -> Result<Trust, ConfigError> {
    Ok(Trust {
        ca_file: config.path("ca_file")?,
        ca_pem: config.environment().get("CERTIFICATE").map(str::to_owned),
    })
}

impl Context {
    pub(super) fn new(global: GlobalArgs) -> Self {
        let environment = Environment::capture();
        let (stdout, stderr) = {
            let seen = terminal_environment(&environment);
            (Terminal::stdout(seen), Terminal::stderr(seen))
        };
        let mut context = Self { environment, verbose: global.verbose, global, stdout, stderr };
        if let Some(level) = context.environment.get("HOLMES_LOG").filter(|_| context.verbose == 0) {
            match verbosity(level) {
                Some(verbose) => context.verbose = verbose,
                None => context.warn(&format!(
                    "`HOLMES_LOG` is one of off, error, warn, info, debug, trace, not `{}`",
                    sanitize(level)
                )),
            }
        }
        context
    }

    /// The same surroundings with one variable set otherwise.
    pub(super) fn with_variable(&self, name: &str, value: &str) -> Self {
        self.in_environment(self.environment.clone().with(name, value))
    }

    /// The same call in another environment.
    pub(super) fn in_environment(&self, environment: Environment) -> Self {
        let Self { global, stdout, stderr, verbose, .. } = self;
        Self { environment, global: global.clone(), stdout: *stdout, stderr: *stderr, verbose: *verbose }
    }

    /// The configuration under these flags; what is odd in it is said on stderr.
    pub(super) fn config(&self, flags: Flags) -> Result<Config, Failure> {
        let flags = Flags { config: self.global.config.clone(), ..flags };
        let config = Config::load(&flags, &self.environment, &Surroundings::of_process())?;
        for warning in config.warnings() {
            self.warn(&warning.to_string());
        }
        Ok(config)
    }

    /// Where this user's files are, when nothing of the configuration matters.
    pub(super) fn folders(&self) -> Folders {
        Folders::new(&self.environment)
    }

    /// One line on stderr.
    #[allow(clippy::unused_self)] // said in the context of one call, whoever it reaches
    pub(super) fn warn(&self, message: &str) {
        ErrorOutput::stderr().line(&format!("warning: {}", sanitize(message)));
    }

    /// One line on stderr.
    #[allow(clippy::unused_self)] // as above
    pub(super) fn say(&self, message: &str) {
        ErrorOutput::stderr().line(&sanitize(message));
    }
}

/// `debug` is `-v`, `trace` is `-vv`; of `holmes_rs=debug,hyper=off` our own part counts.
fn verbosity(level: &str) -> Option<u8> {
    let part = |part: &str| match part.split_once('=') {
        None => Some(part.to_owned()),
        Some(("holmes_rs" | "holmes-rs" | "holmes", own)) => Some(own.to_owned()),
        Some(_) => None,
    };
    let own = level.split(',').map(str::trim).find_map(part)?;
    match own.to_lowercase().as_str() {
        "off" | "error" | "warn" | "warning" | "info" => Some(0),
        "debug" => Some(1),
        "trace" => Some(2),
        _ => None,
    }
}

fn terminal_environment(environment: &Environment) -> crate::ui::Environment<'_> {
    crate::ui::Environment {
        no_color: environment.get("NO_COLOR"),
        clicolor_force: environment.get("CLICOLOR_FORCE"),
        term: environment.get("TERM"),
        columns: environment.get("COLUMNS"),
        locale: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| environment.get(name)),
        plain: environment.get("HOLMES_PLAIN"),
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let typed = matches!(&error, ConfigError::Value { origin: Origin::Flag(_), .. });
        let exit = if typed { Exit::Usage } else { Exit::Configuration };
        let mut failure = Failure::new(exit, &error);
        failure.hints = error.hints();
        failure
    }
}
