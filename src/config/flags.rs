//! What the command line says, as plain values: the strongest layer. Nothing here knows clap.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};

/// The flags that were given. `None`, an empty list and `false` mean "not given".
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "one field for one flag of the command line")]
pub struct Flags {
    /// `--config`: replaces the user file.
    pub config: Option<PathBuf>,
    pub model: Option<String>,
    pub fast_model: Option<String>,
    pub api_key: Option<SecretString>,
    pub api_base: Option<String>,
    pub context_window: Option<u64>,
    /// `auto`, `native` or `text`.
    pub tool_calling: Option<String>,
    pub no_llm: bool,
    pub no_llm_fallback: bool,
    pub no_detectors: bool,
    pub max_steps: Option<u64>,
    pub timeout: Option<Duration>,
    pub max_tokens_total: Option<u64>,
    /// US dollars.
    pub max_cost: Option<f64>,
    /// `-t`: read after all other toolset files.
    pub custom_toolsets: Vec<PathBuf>,
    /// `--toolset`: use only these.
    pub toolset: Vec<String>,
    pub refresh_toolsets: bool,
    pub bash_always_allow: bool,
    pub bash_always_deny: bool,
    pub system_prompt_additions: Option<String>,
    pub custom_runbooks: Vec<PathBuf>,
    pub post_processing_prompt: Option<String>,
    pub prompt_file: Option<PathBuf>,
    pub file: Vec<PathBuf>,
    pub output: Option<String>,
    pub json_output_file: Option<PathBuf>,
    pub show_tool_output: bool,
    pub log_costs: bool,
    /// `--show-egress`: `-` for stderr, or a file.
    pub show_egress: Option<String>,
    /// `--echo` or `--no-echo`.
    pub echo: Option<bool>,
    pub interactive: bool,
    pub no_interactive: bool,
    pub exit_status: bool,
    pub no_record: bool,
    /// `-c`: go on with the last run.
    pub continue_last: bool,
    pub resume: Option<String>,
    /// `cli`, `slack`, `webhook`, `file:PATH`.
    pub destination: Vec<String>,
    pub slack_token: Option<SecretString>,
    pub slack_channel: Option<String>,
    pub webhook_url: Option<SecretString>,
    /// `post`, `put` or `patch`.
    pub webhook_method: Option<String>,
    /// Names and values.
    pub webhook_header: Vec<(String, SecretString)>,
    pub webhook_body: Option<String>,
    pub sections: Vec<String>,
    pub prometheus_url: Option<String>,
    pub prometheus_username: Option<String>,
    pub prometheus_password: Option<SecretString>,
    pub prometheus_token: Option<SecretString>,
    pub prometheus_insecure_skip_verify: bool,
    pub alertmanager_url: Option<String>,
    pub alertmanager_username: Option<String>,
    pub alertmanager_password: Option<SecretString>,
    pub alertmanager_token: Option<SecretString>,
    /// Names to texts.
    pub alertmanager_headers: Vec<(String, SecretString)>,
    pub alertmanager_insecure_skip_verify: bool,
    pub alertmanager_alertname: Option<String>,
    pub alertmanager_label: Vec<String>,
    pub alertmanager_file: Option<PathBuf>,
    pub alertmanager_limit: Option<u64>,
    /// Settings of a source of tickets, by their keys; some are secrets, so none is shown.
    pub tickets: Vec<(&'static str, SecretString)>,
}

impl Flags {
    /// The given flags by the key of their setting. `config` and `custom_toolsets` are no settings of a
    /// layer: the one chooses a layer, the other comes on top of what the layers say.
    pub(super) fn written(&self) -> Map<String, Json> {
        let mut layer = Map::new();
        let mut put = |key: &str, value: Option<Json>| {
            if let Some(value) = value {
                layer.insert(key.to_owned(), value);
            }
        };
        put("model", text(self.model.as_deref()));
        put("fast_model", text(self.fast_model.as_deref()));
        put("api_key", secret(self.api_key.as_ref()));
        put("api_base", text(self.api_base.as_deref()));
        put("context_window", self.context_window.map(Json::from));
        put("tool_calling", text(self.tool_calling.as_deref()));
        put("no_llm", given(self.no_llm));
        put("no_llm_fallback", given(self.no_llm_fallback));
        put("no_detectors", given(self.no_detectors));
        put("max_steps", self.max_steps.map(Json::from));
        let seconds = self.timeout.map(|timeout| timeout.as_secs_f64());
        put("timeout", seconds.map(Json::from));
        put("max_tokens_total", self.max_tokens_total.map(Json::from));
        put("max_cost", self.max_cost.map(Json::from));
        put("toolset", texts(&self.toolset));
        put("refresh_toolsets", given(self.refresh_toolsets));
        put("bash_always_allow", given(self.bash_always_allow));
        put("bash_always_deny", given(self.bash_always_deny));
        put("system_prompt_additions", text(self.system_prompt_additions.as_deref()));
        put("custom_runbooks", paths(&self.custom_runbooks));
        put("post_processing_prompt", text(self.post_processing_prompt.as_deref()));
        put("prompt_file", self.prompt_file.as_deref().map(path));
        put("file", paths(&self.file));
        put("output", text(self.output.as_deref()));
        put("json_output_file", self.json_output_file.as_deref().map(path));
        put("show_tool_output", given(self.show_tool_output));
        put("log_costs", given(self.log_costs));
        put("show_egress", text(self.show_egress.as_deref()));
        put("echo", self.echo.map(Json::from));
        put("interactive", given(self.interactive));
        put("no_interactive", given(self.no_interactive));
        put("exit_status", given(self.exit_status));
        put("no_record", given(self.no_record));
        put("continue", given(self.continue_last));
        put("resume", text(self.resume.as_deref()));
        put("destination", texts(&self.destination));
        put("webhook_url", secret(self.webhook_url.as_ref()));
        put("webhook_method", text(self.webhook_method.as_deref()));
        put("webhook_header", headers(&self.webhook_header));
        put("webhook_body", text(self.webhook_body.as_deref()));
        put("sections", texts(&self.sections));
        put("slack_token", secret(self.slack_token.as_ref()));
        put("slack_channel", text(self.slack_channel.as_deref()));
        put("prometheus_url", text(self.prometheus_url.as_deref()));
        put("prometheus_username", text(self.prometheus_username.as_deref()));
        put("prometheus_password", secret(self.prometheus_password.as_ref()));
        put("prometheus_token", secret(self.prometheus_token.as_ref()));
        put("prometheus_insecure_skip_verify", given(self.prometheus_insecure_skip_verify));
        put("alertmanager_url", text(self.alertmanager_url.as_deref()));
        put("alertmanager_username", text(self.alertmanager_username.as_deref()));
        put("alertmanager_password", secret(self.alertmanager_password.as_ref()));
        put("alertmanager_token", secret(self.alertmanager_token.as_ref()));
        put("alertmanager_headers", headers(&self.alertmanager_headers));
        put("alertmanager_insecure_skip_verify", given(self.alertmanager_insecure_skip_verify));
        put("alertmanager_alertname", text(self.alertmanager_alertname.as_deref()));
        put("alertmanager_label", texts(&self.alertmanager_label));
        put("alertmanager_file", self.alertmanager_file.as_deref().map(path));
        put("alertmanager_limit", self.alertmanager_limit.map(Json::from));
        self.tickets.iter().for_each(|(key, value)| put(key, secret(Some(value))));
        layer
    }
}

fn text(value: Option<&str>) -> Option<Json> {
    value.map(Json::from)
}

fn secret(value: Option<&SecretString>) -> Option<Json> {
    value.map(|secret| secret.expose_secret().into())
}

fn headers(headers: &[(String, SecretString)]) -> Option<Json> {
    let each = headers.iter().map(|(name, value)| (name.clone(), value.expose_secret().into()));
    (!headers.is_empty()).then(|| Json::Object(each.collect()))
}

fn given(on: bool) -> Option<Json> {
    on.then_some(Json::Bool(true))
}

fn path(path: &Path) -> Json {
    path.to_string_lossy().into()
}

fn paths(paths: &[PathBuf]) -> Option<Json> {
    (!paths.is_empty()).then(|| paths.iter().map(|each| path(each)).collect())
}

fn texts(texts: &[String]) -> Option<Json> {
    (!texts.is_empty()).then(|| texts.iter().cloned().collect())
}
