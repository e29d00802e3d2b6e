//! What every verb starts with: the environment, the folders, the terminal, the configuration.

use crate::config::{Config, ConfigError, Environment, Flags, Folders, Surroundings};
use crate::ui::{ErrorOutput, Terminal};

use super::failure::{Exit, Failure};
use super::options::GlobalArgs;

/// The surroundings of one call.
pub struct Context {
    pub environment: Environment,
    pub global: GlobalArgs,
    pub stdout: Terminal,
    pub stderr: Terminal,
}

impl Context {
    pub fn new(global: GlobalArgs) -> Self {
        let environment = Environment::capture();
        let (stdout, stderr) = {
            let seen = terminal_environment(&environment);
            (Terminal::stdout(seen), Terminal::stderr(seen))
        };
        Self { environment, global, stdout, stderr }
    }

    /// The configuration under these flags; what is odd in it is said on stderr.
    pub fn config(&self, flags: Flags) -> Result<Config, Failure> {
        let flags = Flags { config: self.global.config.clone(), ..flags };
        let config = Config::load(&flags, &self.environment, &Surroundings::of_process())?;
        for warning in config.warnings() {
            self.warn(&warning.to_string());
        }
        Ok(config)
    }

    /// Where this user's files are, when nothing of the configuration matters.
    pub fn folders(&self) -> Folders {
        Folders::new(&self.environment)
    }

    /// One line on stderr.
    pub fn warn(&self, message: &str) {
        ErrorOutput::stderr().line(&format!("warning: {message}"));
    }

    /// One line on stderr.
    pub fn say(&self, message: &str) {
        ErrorOutput::stderr().line(message);
    }
}

fn terminal_environment(environment: &Environment) -> crate::ui::Environment<'_> {
    crate::ui::Environment {
        no_color: environment.get("NO_COLOR"),
        clicolor_force: environment.get("CLICOLOR_FORCE"),
        term: environment.get("TERM"),
        columns: environment.get("COLUMNS"),
        locale: ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| environment.get(name)),
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let mut failure = Failure::new(Exit::Configuration, &error);
        failure.hints = error.hints();
        failure
    }
}
