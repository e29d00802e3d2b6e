//! What of the caller's environment a tool's process gets. Pure: the environment is an input.

use std::collections::BTreeMap;

/// Names every tool gets: where things are, who asks, how the network is reached, which account is meant.
const KEPT: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TZ",
    "LANG",
    "KUBECONFIG",
    "SSL_CERT_FILE",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "AWS_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
];

const KEPT_PREFIXES: &[&str] = &["XDG_", "KUBERNETES_", "DOCKER_"];

/// The same in every run: output does not depend on the terminal, and nothing waits for a key.
const FIXED: &[(&str, &str)] = &[
    ("LC_ALL", "C.UTF-8"),
    ("COLUMNS", "400"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("SYSTEMD_PAGER", "cat"),
    ("SYSTEMD_COLORS", "0"),
    ("AWS_PAGER", ""),
    ("NO_COLOR", "1"),
    ("TERM", "dumb"),
];

/// Who sells models. Their keys pay for the run and are of no use to any tool.
const MODEL_PROVIDERS: &[&str] = &[
    "OPENAI",
    "AZURE",
    "AZURE_OPENAI",
    "ANTHROPIC",
    "GEMINI",
    "GOOGLE_GENAI",
    "MISTRAL",
    "GROQ",
    "OPENROUTER",
    "DEEPSEEK",
    "TOGETHER",
    "TOGETHERAI",
    "FIREWORKS",
    "COHERE",
    "XAI",
    "PERPLEXITY",
    "CEREBRAS",
    "HOLMES",
    "LITELLM",
    "ROBUSTA",
];

/// The whole environment of a tool's process: the base set, the names in `wanted` (the tool's `env` and what
/// its text reads as `$NAME`), and fixed settings, sorted by name. Keys of model providers never pass.
pub fn environment(caller: &[(String, String)], wanted: &[String]) -> Vec<(String, String)> {
    let passed = caller.iter().filter(|(name, value)| {
        let listed = KEPT.contains(&name.as_str())
            || KEPT_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
            || wanted.contains(name);
        listed && !is_model_key(name) && !is_ours(name) && !value.contains('\0')
    });
    let mut given: BTreeMap<String, String> = passed.cloned().collect();
    given.extend(FIXED.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    given.into_iter().collect()
}

/// Whether a variable of this name pays for models.
pub fn is_model_key(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ["_API_KEY", "_KEY", "_TOKEN"]
        .iter()
        .any(|suffix| name.strip_suffix(suffix).is_some_and(|provider| MODEL_PROVIDERS.contains(&provider)))
}

/// Names this program gives a meaning to inside a run.
fn is_ours(name: &str) -> bool {
    name == "HOLMES_RUN" || name == "HOLMES_RS" || name.starts_with("HOLMES_ARG_")
}
