//! Every setting there is, as one table: its key in a config file, its names in the environment, its type,
//! default and meaning. Reading, checking, showing and documenting are all driven by it.
//!
//! A flag has the name of its key with dashes, so that `--max-steps`, `max_steps:` and `HOLMES_MAX_STEPS`
//! are one setting. Keys of features that come later stand here too: a config file written for HolmesGPT
//! must load without a word.

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The key in a config file.
    pub key: &'static str,
    /// Further keys that mean the same.
    pub also: &'static [&'static str],
    pub kind: Kind,
    /// Names in the environment besides `HOLMES_<KEY>`, which comes first.
    pub env: &'static [&'static str],
    /// As one would write it in a file; empty for none.
    pub default: &'static str,
    /// One line, for the documentation.
    pub meaning: &'static str,
    /// Set for one call only: an error of thought in a file, so not read there.
    pub per_call: bool,
    /// In a project file it decides where data goes or what runs: honoured with a warning.
    pub sensitive: bool,
}

/// What a setting's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Text that is never shown.
    Secret,
    /// An address that may carry a password.
    Url,
    Path,
    /// A whole number from 1.
    Count,
    /// A number from 0, e.g. US dollars.
    Decimal,
    Duration,
    Switch,
    Choice(&'static [&'static str]),
    Texts,
    Paths,
    /// A program with its arguments: a list of words, or text for a shell.
    Command,
    /// Names to texts that are never shown; in the environment as JSON.
    SecretMap,
    /// Read by the room it belongs to.
    Block,
}

impl Setting {
    /// Names in the environment, the strongest first.
    pub fn env_names(&self) -> impl Iterator<Item = String> {
        let own = match self.kind {
            Kind::Block => None,
            // In HolmesGPT this name holds the key that protects its server: it must not go to a model.
            _ if self.key == "api_key" => None,
            _ => Some(format!("HOLMES_{}", self.key.to_uppercase())),
        };
        own.into_iter().chain(self.env.iter().map(|name| (*name).to_owned()))
    }

    /// The flag as it is typed.
    pub fn flag(&self) -> String {
        format!("--{}", self.key.replace('_', "-"))
    }

    const fn also(mut self, keys: &'static [&'static str]) -> Self {
        self.also = keys;
        self
    }

    const fn env(mut self, names: &'static [&'static str]) -> Self {
        self.env = names;
        self
    }

    const fn default(mut self, value: &'static str) -> Self {
        self.default = value;
        self
    }

    const fn per_call(mut self) -> Self {
        self.per_call = true;
        self
    }

    const fn sensitive(mut self) -> Self {
        self.sensitive = true;
        self
    }
}

const fn set(key: &'static str, kind: Kind, meaning: &'static str) -> Setting {
    Setting { key, also: &[], kind, env: &[], default: "", meaning, per_call: false, sensitive: false }
}

/// The setting a key in a file means.
pub(super) fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key || setting.also.contains(&key))
}

use Kind::{
    Block, Choice, Command, Count, Decimal, Duration, Path, Paths, Secret, SecretMap, Switch, Text, Texts,
    Url,
};

/// All settings, in the order they are shown.
pub const SETTINGS: &[Setting] = &[
    // The model.
    set("model", Text, "model name, `provider/name` or an alias of the model list").env(&["MODEL"]),
    set("fast_model", Text, "model for summaries, where a toolset asks for one").env(&["FAST_MODEL"]),
    set("fast_model_timeout", Duration, "time for one summary").default("30s"),
    set("api_key", Secret, "key of the model endpoint").env(&["OPENAI_API_KEY"]).sensitive(),
    set("api_base", Url, "address of an OpenAI-compatible endpoint, up to and with `/v1`")
        .env(&["OPENAI_API_BASE", "OPENAI_BASE_URL"])
        .sensitive(),
    set("api_version", Text, "api-version for `azure/…` models").env(&["AZURE_API_VERSION"]),
    set("extra_headers", SecretMap, "headers sent with each model request")
        .env(&["EXTRA_HEADERS"])
        .sensitive(),
    set("ca_file", Path, "PEM file of certificate authorities to trust besides the system's")
        .env(&["SSL_CERT_FILE"])
        .sensitive(),
    set("context_window", Count, "tokens the model takes in one request").env(&["OVERRIDE_MAX_CONTENT_SIZE"]),
    set("tool_calling", Choice(&["auto", "native", "text"]), "how the model calls tools").default("auto"),
    set("temperature", Decimal, "sent with each model request when set").env(&["TEMPERATURE"]),
    set("reasoning_effort", Text, "sent with each model request when set").env(&["REASONING_EFFORT"]),
    set("model_list_file", Path, "file of model aliases").env(&["MODEL_LIST_FILE_LOCATION"]).sensitive(),
    set("models", Block, "model aliases: name → model, api_base, api_key, …")
        .also(&["modelList", "model_list"])
        .sensitive(),
    set("no_llm", Switch, "answer with the built-in rules, ask no model").default("false"),
    set("no_llm_fallback", Switch, "answer with the built-in rules when the model cannot be reached")
        .default("false"),
    set("no_detectors", Switch, "do not look for known faults of a cluster before the first model call")
        .default("false"),
    // Limits.
    set("max_steps", Count, "model calls in one investigation").default("100").env(&["MAX_STEPS"]),
    set("timeout", Duration, "time for one investigation"),
    set("max_tokens_total", Count, "tokens for one investigation, in and out"),
    set("max_cost", Decimal, "US dollars for one investigation"),
    set("tool_timeout", Duration, "time for one tool call that names no limit of its own").default("60s"),
    // Tools.
    set("toolsets", Block, "toolsets, and changes to builtin ones").sensitive(),
    set("mcp_servers", Block, "MCP servers").sensitive(),
    set("custom_toolsets", Paths, "files or folders of toolsets").sensitive(),
    set("custom_toolset_location", Path, "toolset file read before the config files' toolsets")
        .env(&["CUSTOM_TOOLSET_LOCATION"])
        .default("/etc/holmes/config/custom_toolset.yaml")
        .sensitive(),
    set("toolset", Texts, "use only these toolsets").per_call(),
    set("refresh_toolsets", Switch, "check prerequisites anew, skip the cache").per_call(),
    set(
        "containment",
        Choice(&["auto", "off"]),
        "whether the kernel keeps tools that only read from writing",
    )
    .default("auto")
    .sensitive(),
    set("bash_always_allow", Switch, "run commands without asking").default("false").sensitive(),
    set("bash_always_deny", Switch, "deny commands that would need asking").default("false"),
    set("approval_command", Command, "program that decides about calls that need leave").sensitive(),
    set("approval_timeout", Duration, "time for one decision of `approval_command`; then it is a denial")
        .default("60s"),
    set("approval_env", Texts, "variables that `approval_command` gets besides the usual ones").sensitive(),
    // What the model is told.
    set("prompts", Path, "folder of prompt templates that replace the built-in ones").sensitive(),
    set("system_prompt_additions", Text, "text added to the system prompt")
        .also(&["additional_system_prompt"])
        .sensitive(),
    set("custom_runbooks", Paths, "files or folders of runbooks").sensitive(),
    set("custom_runbook_catalogs", Paths, "runbook catalogues").sensitive(),
    set("custom_skill_paths", Paths, "folders of skills").sensitive(),
    set("post_processing_prompt", Text, "prompt that rewrites the answer, or a file of it"),
    set("prompt_file", Path, "file the question is read from").per_call(),
    set("file", Paths, "files attached to the question").per_call(),
    // Output and record.
    set("output", Choice(&["text", "json", "jsonl", "markdown", "html"]), "form of the result")
        .default("text"),
    set("json_output_file", Path, "file the JSON result is written to as well"),
    set("show_tool_output", Switch, "print what tools returned").default("false"),
    set("log_costs", Switch, "print tokens and costs").default("false"),
    set("show_egress", Text, "show what is sent to models, on stderr (`-`) or in a file"),
    set("echo", Switch, "repeat the question before the answer").default("true"),
    set("interactive", Switch, "an interactive session").per_call(),
    set("no_interactive", Switch, "no interactive session").per_call(),
    set("exit_status", Switch, "exit 7 or 8 by the verdict").default("false"),
    set("no_record", Switch, "keep no record of the run").default("false"),
    set("state_folder", Path, "folder of recorded runs, instead of the XDG one"),
    set("cache_folder", Path, "folder of the cache, instead of the XDG one"),
    set("continue", Switch, "go on with the last run").per_call(),
    set("resume", Text, "run to go on with").per_call(),
    set("destination", Texts, "where answers go: cli, slack, webhook, file:PATH").default("cli").sensitive(),
    set("sections", Texts, "answer under HolmesGPT's titles: `all`, or some of them"),
    // Sources and destinations.
    set("cluster_name", Text, "name of the cluster in answers").env(&["CLUSTER_NAME"]),
    set("prometheus_url", Url, "Prometheus address").also(&["prometheus"]).env(&["PROMETHEUS_URL"]),
    set("prometheus_username", Text, "Prometheus user").env(&["PROMETHEUS_USERNAME"]),
    set("prometheus_password", Secret, "Prometheus password").env(&["PROMETHEUS_PASSWORD"]),
    set("prometheus_token", Secret, "Prometheus bearer token").env(&["PROMETHEUS_TOKEN"]),
    set("prometheus_insecure_skip_verify", Switch, "accept any certificate of Prometheus")
        .default("false")
        .sensitive(),
    set("alertmanager_url", Url, "Alertmanager address").also(&["alertmanager"]).env(&["ALERTMANAGER_URL"]),
    set("alertmanager_username", Text, "Alertmanager user").env(&["ALERTMANAGER_USERNAME"]),
    set("alertmanager_password", Secret, "Alertmanager password").env(&["ALERTMANAGER_PASSWORD"]),
    set("alertmanager_token", Secret, "Alertmanager bearer token").env(&["ALERTMANAGER_TOKEN"]),
    set(
        "alertmanager_headers",
        SecretMap,
        "headers sent with requests for alerts, as a tenant's X-Scope-OrgID",
    ),
    set("alertmanager_insecure_skip_verify", Switch, "accept any certificate of Alertmanager")
        .default("false")
        .sensitive(),
    set("alertmanager_alertname", Text, "regular expression of alert names"),
    set("alertmanager_label", Texts, "labels alerts must have: `name=value`, `!=`, `=~` or `!~`"),
    set("alertmanager_file", Path, "file of alerts"),
    set("alertmanager_limit", Count, "most alerts to investigate"),
    set("jira_url", Url, "Jira address").env(&["JIRA_URL"]).sensitive(),
    set("jira_username", Text, "Jira user").env(&["JIRA_USERNAME"]),
    set("jira_api_key", Secret, "Jira key").env(&["JIRA_API_KEY"]),
    set("jira_deployment", Choice(&["auto", "cloud", "data-center"]), "which Jira; auto asks it")
        .default("auto"),
    set("jira_query", Text, "JQL of the tickets").env(&["JIRA_QUERY"]),
    set("github_url", Url, "GitHub API address")
        .env(&["GITHUB_URL"])
        .default("https://api.github.com")
        .sensitive(),
    set("github_owner", Text, "GitHub owner").env(&["GITHUB_OWNER"]),
    set("github_pat", Secret, "GitHub token").env(&["GITHUB_PAT"]),
    set("github_repository", Text, "GitHub repository").env(&["GITHUB_REPOSITORY"]),
    set("github_query", Text, "query of the GitHub issues").env(&["GITHUB_QUERY"]),
    set("pagerduty_url", Url, "PagerDuty API address")
        .env(&["PAGERDUTY_URL"])
        .default("https://api.pagerduty.com")
        .sensitive(),
    set("pagerduty_api_key", Secret, "PagerDuty key").env(&["PAGERDUTY_API_KEY"]),
    set("pagerduty_user_email", Text, "PagerDuty user that writes").env(&["PAGERDUTY_USER_EMAIL"]),
    set("pagerduty_incident_key", Text, "PagerDuty incident").env(&["PAGERDUTY_INCIDENT_KEY"]),
    set("opsgenie_url", Url, "OpsGenie API address")
        .env(&["OPSGENIE_URL"])
        .default("https://api.opsgenie.com")
        .sensitive(),
    set("opsgenie_api_key", Secret, "OpsGenie key").env(&["OPSGENIE_API_KEY"]),
    set("opsgenie_team_integration_key", Secret, "OpsGenie key that writes")
        .env(&["OPSGENIE_TEAM_INTEGRATION_KEY"]),
    set("opsgenie_query", Text, "query of the OpsGenie alerts").env(&["OPSGENIE_QUERY"]),
    set("slack_token", Secret, "Slack token").env(&["SLACK_TOKEN"]).sensitive(),
    set("slack_channel", Text, "Slack channel").env(&["SLACK_CHANNEL"]).sensitive(),
    set("slack_api_url", Url, "address of Slack's API, or of a server that speaks it")
        .env(&["SLACK_API_URL"])
        .default("https://slack.com/api")
        .sensitive(),
    set("webhook_url", Secret, "address that answers are sent to").sensitive(),
    set("webhook_method", Choice(&["post", "put", "patch"]), "how they are sent there").default("post"),
    set("webhook_header", SecretMap, "headers sent there").also(&["webhook_headers"]).sensitive(),
    set("webhook_body", Text, "template of what is sent there, or file://PATH of it").sensitive(),
    set("delivery_timeout", Duration, "time for one delivery, waits included").default("60s"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_and_no_name_means_two_settings() {
        let mut keys: Vec<&str> = Vec::new();
        let mut names: Vec<String> = Vec::new();
        for setting in SETTINGS {
            for key in setting.also.iter().chain([&setting.key]) {
                assert!(!keys.contains(key), "{key}");
                keys.push(key);
            }
            for name in setting.env_names() {
                assert!(!names.contains(&name), "{name}");
                names.push(name);
            }
        }
    }

    #[test]
    fn an_old_key_finds_its_setting() {
        assert_eq!(find("modelList").map(|setting| setting.key), Some("models"));
        assert_eq!(find("nothing"), None);
    }
}
