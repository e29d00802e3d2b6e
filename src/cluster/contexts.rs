//! Contexts a person has configured for kubectl, by name.

use std::time::Duration;

use serde_json::Value;

use crate::shell::{Ending, Limits, Script, Stop, capture};

/// kubectl only reads files for it.
const TIMEOUT: Duration = Duration::from_secs(10);

/// What kubectl's configuration names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contexts {
    /// Each with the namespace it stands in, `None` where it names none.
    pub all: Vec<(String, Option<String>)>,
    /// Empty where none is chosen, as inside of a cluster.
    pub current: String,
}

impl Contexts {
    /// The namespace of the current context.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.all.iter().find(|(name, _)| *name == self.current)?.1.as_deref()
    }

    /// Reads what `kubectl config view -o json` printed; what is no context is passed over.
    ///
    /// # Errors
    /// When it is no JSON.
    pub fn parse(json: &str) -> Result<Self, String> {
        let value: Value = serde_json::from_str(json)
            .map_err(|error| format!("kubectl config view printed no JSON: {error}"))?;
        let text = |value: &Value, path: &str| value.pointer(path).and_then(Value::as_str).map(str::to_owned);
        let contexts = value.get("contexts").and_then(Value::as_array);
        let named = |one: &Value| {
            let namespace = text(one, "/context/namespace").filter(|namespace| !namespace.is_empty());
            Some((text(one, "/name")?, namespace))
        };
        let all = contexts.into_iter().flatten().filter_map(named).collect();
        Ok(Self { all, current: text(&value, "/current-context").unwrap_or_default() })
    }
}

/// Contexts that kubectl sees in this environment. Credentials are left out by kubectl itself.
///
/// # Errors
/// Why they cannot be read, in one line.
pub async fn contexts(environment: &[(String, String)], stop: Stop) -> Result<Contexts, String> {
    let text = "command -v kubectl >/dev/null || exit 127\nexec kubectl config view --output=json".to_owned();
    let script = Script { text, env: environment.to_vec(), workdir: None, stdin: None, containment: None };
    let limits = Limits { timeout: TIMEOUT, kept_bytes: 1 << 20 };
    let captured = capture(&script, limits, stop)
        .await
        .map_err(|error| format!("kubectl cannot be started: {error}"))?;
    match captured.ending {
        Ending::Exited(0) => Contexts::parse(&captured.stdout),
        Ending::Exited(127) => Err("kubectl is not installed".to_owned()),
        Ending::TimedOut => Err(format!("kubectl gave no answer in {} s", TIMEOUT.as_secs())),
        Ending::Stopped => Err("interrupted".to_owned()),
        _ => Err(captured.last_error_line.unwrap_or_else(|| "kubectl config view failed".to_owned())),
    }
}
