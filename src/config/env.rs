//! The only reader of the environment.
//!
//! It is captured once, so that everything below works on a value a test can build, and so that the
//! list of names holmes-rs knows stands in one place: docs and `config show` are made from it.

use std::collections::BTreeMap;
use std::fmt;

use super::settings::SETTINGS;
use super::yaml::nearest;

/// The environment of the process, captured. Bytes that are no UTF-8 are replaced.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Captures the environment of this process.
    #[allow(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn capture() -> Self {
        std::env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
            .collect()
    }

    /// The value of `name`; a name set to nothing counts as not set, as `MODEL= holmes-rs …` is how
    /// people switch a variable off.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether `name` is set and not empty.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// With one variable set otherwise.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Everything that was captured, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// `HOLMES_*` names that mean nothing, each with the nearest name that does.
    pub(super) fn unknown_names(&self) -> Vec<(&str, Option<String>)> {
        let known: Vec<String> = variables().map(|variable| variable.name).collect();
        let ours: Vec<&str> =
            known.iter().map(String::as_str).filter(|name| name.starts_with("HOLMES_")).collect();
        self.variables
            .keys()
            .filter_map(|name| Some((name, name.strip_prefix("HOLMES_")?)))
            .filter(|(name, _)| !ours.contains(&name.as_str()) && !is_foreign(name))
            .map(|(name, rest)| {
                // Without the prefix all share, which would make any two names look alike.
                let rests: Vec<&str> = ours.iter().filter_map(|name| name.get(7..)).collect();
                let close = Some(rest).filter(|rest| rest.len() < 64).and_then(|rest| nearest(rest, &rests));
                (name.as_str(), close.map(|rest| format!("HOLMES_{rest}")))
            })
            .collect()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let variables = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        Environment { variables }
    }
}

/// Names alone: values are often secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

/// A name holmes-rs reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    pub name: String,
    /// One line, for the documentation.
    pub meaning: String,
}

/// Names that are no setting of a config file.
const OTHERS: &[(&str, &str)] = &[
    ("HOLMES_CONFIG", "config file that replaces the user file (`--config`)"),
    ("HOLMES_CONFIG_PATH", "the same, as HolmesGPT names it"),
    ("HOLMES_CONFIGPATH_DIR", "folder that replaces `~/.holmes` for config.yaml and model_list.yaml"),
    ("HOLMES_LOG", "what is logged to stderr, e.g. `debug` or `holmes_rs=trace`"),
    ("HOLMES_PLAIN", "`1`: no spinners and no redrawing, full lines only, as screen readers need it"),
    ("AZURE_API_KEY", "key for `azure/…` models, before the other keys"),
    ("AZURE_API_BASE", "resource address for `azure/…` models, e.g. `https://NAME.openai.azure.com`"),
    ("AZURE_API_VERSION", "api-version for `azure/…` models"),
    ("OPENROUTER_API_KEY", "key for `openrouter/…` models, before the other keys"),
    ("OLLAMA_API_BASE", "address for `ollama/…` models; default `http://localhost:11434/v1`"),
    ("CERTIFICATE", "certificate authority to trust besides the system's: base64 of PEM, or PEM"),
    ("KUBECONFIG", "read by kubectl and by the toolset checks"),
    ("HTTPS_PROXY", "proxy for https requests"),
    ("HTTP_PROXY", "proxy for http requests"),
    ("NO_PROXY", "hosts that are reached without a proxy"),
    ("NO_COLOR", "no colour when set"),
    ("CLICOLOR_FORCE", "colour also when the output is no terminal"),
    ("TERM", "`dumb` means no colour and no progress drawing"),
    ("COLUMNS", "width that text is wrapped to"),
    ("PAGER", "program long text is shown with"),
    ("HOME", "the home folder"),
    ("XDG_CONFIG_HOME", "base of the config folder"),
    ("XDG_STATE_HOME", "base of the folder of recorded runs"),
    ("XDG_CACHE_HOME", "base of the cache folder"),
];

/// Every name holmes-rs reads: those of the settings first, in the order of the settings.
pub fn variables() -> impl Iterator<Item = Variable> {
    let of_settings = SETTINGS.iter().flat_map(|setting| {
        setting
            .env_names()
            .filter(|name| !OTHERS.iter().any(|(other, _)| other == name))
            .map(|name| Variable { name, meaning: setting.meaning.to_owned() })
    });
    let others = OTHERS
        .iter()
        .map(|(name, meaning)| Variable { name: (*name).to_owned(), meaning: (*meaning).to_owned() });
    of_settings.chain(others)
}

/// Names with our prefix that others set: Kubernetes' service links for a service called `holmes`,
/// the variables our own commands run with, and the settings of HolmesGPT's server.
fn is_foreign(name: &str) -> bool {
    let of_a_service = name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT_") && (name.contains("_TCP") || name.contains("_UDP"))
        || name.ends_with("_PORT");
    let of_holmesgpt = [
        "HOLMES_API_KEY",
        "HOLMES_HOST",
        "HOLMES_SSL_",
        "HOLMES_TOOL_RESULT_STORAGE_PATH",
        "HOLMES_DISABLE_STRICT_TOOL_CALLS",
        "HOLMES_UNSAFE_ALLOW_UNAUTHENTICATED",
        "HOLMES_ARG_",
    ];
    of_a_service || of_holmesgpt.iter().any(|start| name.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_set_to_nothing_is_not_set() {
        let environment: Environment = [("MODEL", ""), ("HOME", "/h")].into_iter().collect();
        assert_eq!(environment.get("MODEL"), None);
        assert_eq!(environment.get("HOME"), Some("/h"));
    }

    #[test]
    fn debug_shows_names_alone() {
        let environment: Environment = [("OPENAI_API_KEY", "sk-very-secret")].into_iter().collect();
        assert_eq!(format!("{environment:?}"), r#"{"OPENAI_API_KEY"}"#);
    }

    #[test]
    fn unknown_names_are_told_with_the_nearest() {
        let environment: Environment = [
            ("HOLMES_MAX_STEP", "3"),
            ("HOLMES_MODEL", "x"),
            ("HOLMES_PORT_5050_TCP_ADDR", "10.0.0.1"),
            ("HOLMES_SERVICE_HOST", "10.0.0.1"),
            ("HOLMES_ZQXJ", "1"),
            ("UNRELATED", "1"),
        ]
        .into_iter()
        .collect();
        assert_eq!(
            environment.unknown_names(),
            [("HOLMES_MAX_STEP", Some("HOLMES_MAX_STEPS".to_owned())), ("HOLMES_ZQXJ", None)]
        );
    }

    #[test]
    fn no_name_is_listed_twice_and_each_has_a_meaning() {
        let mut names: Vec<String> = Vec::new();
        for variable in variables() {
            assert!(!variable.meaning.is_empty(), "{}", variable.name);
            assert!(!names.contains(&variable.name), "{} twice", variable.name);
            names.push(variable.name);
        }
        for name in ["OPENAI_API_KEY", "HOLMES_TIMEOUT", "HOLMES_LOG", "CERTIFICATE"] {
            assert!(names.iter().any(|known| known == name), "{name}");
        }
    }
}
