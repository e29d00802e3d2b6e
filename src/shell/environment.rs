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
    "ALL_PROXY",
    "all_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NIX_SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
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
    "AWS_CA_BUNDLE",
    "AWS_SDK_LOAD_CONFIG",
    "AWS_STS_REGIONAL_ENDPOINTS",
    "AWS_EC2_METADATA_DISABLED",
    // Who a pod or a container is at AWS, Azure, Google: places and names. `kubectl` asks its plugins, which read these
    // (docs.aws.amazon.com/sdkref, Azure/azure-workload-identity, cloud.google.com/docs/authentication).
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AZURE_CONFIG_DIR",
    "AZURE_TENANT_ID",
    "AZURE_CLIENT_ID",
    "AZURE_AUTHORITY_HOST",
    "AZURE_FEDERATED_TOKEN_FILE",
    "AZURE_CLIENT_CERTIFICATE_PATH",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "USE_GKE_GCLOUD_AUTH_PLUGIN",
];

const KEPT_PREFIXES: &[&str] = &["XDG_", "KUBERNETES_", "DOCKER_", "CLOUDSDK_", "AWS_ENDPOINT_URL"];

/// Names that begin as those above and are no address or place: `DOCKER_AUTH_CONFIG` holds passwords. Who needs one
/// names it.
const SECRET_SUFFIXES: &[&str] = &["_AUTH_CONFIG", "_PASSWORD", "_PASS", "_SECRET", "_TOKEN", "_KEY"];

/// What makes a shell or the loader run something before the command, whoever asks for it: no tool has a use for it,
/// and a template that merely mentions the name would let it through. Bash ignores an `IFS` it is given.
const NEVER: &[&str] =
    &["BASH_ENV", "BASHOPTS", "SHELLOPTS", "PS4", "PROMPT_COMMAND", "LD_PRELOAD", "LD_AUDIT"];

/// The same in every run: output does not depend on the terminal, and nothing waits for a key.
const FIXED: &[(&str, &str)] = &[
    ("LC_ALL", "C.UTF-8"),
    ("COLUMNS", "400"),
    ("PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    // `git status` looks, and writes down what it saw where it may.
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
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
                && !SECRET_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
            || wanted.contains(name);
        listed
            && !is_model_key(name)
            && !is_ours(name)
            && !runs_something(name, value)
            && !value.contains('\0')
    });
    let mut given: BTreeMap<String, String> = passed.cloned().collect();
    given.extend(FIXED.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    given.into_iter().collect()
}

/// Secrets that kubectl's plugins read to ask a cloud for a cluster's token: `aws eks get-token` with keys in the
/// environment, kubelogin with a client's secret (aws.github.io/aws-eks-best-practices, azure.github.io/kubelogin).
pub const OF_CLUSTERS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AZURE_CLIENT_SECRET",
    "AAD_SERVICE_PRINCIPAL_CLIENT_ID",
    "AAD_SERVICE_PRINCIPAL_CLIENT_SECRET",
];

/// As [`environment`], for commands of this program's own that speak to a cluster.
pub fn cluster_environment(caller: &[(String, String)]) -> Vec<(String, String)> {
    environment(caller, &OF_CLUSTERS.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>())
}

/// Whether a variable of this name pays for models.
pub fn is_model_key(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    if ["ANTHROPIC_AUTH_TOKEN", "AWS_BEARER_TOKEN_BEDROCK"].contains(&name.as_str()) {
        return true;
    }
    ["_API_KEY", "_KEY", "_TOKEN"]
        .iter()
        .any(|suffix| name.strip_suffix(suffix).is_some_and(|provider| MODEL_PROVIDERS.contains(&provider)))
}

/// Whether it is [`NEVER`] passed; a value that begins so is a function to an old bash, whatever its name.
fn runs_something(name: &str, value: &str) -> bool {
    NEVER.contains(&name) || name.starts_with("BASH_FUNC_") || value.trim_start().starts_with("() {")
}

/// Names this program gives a meaning to inside a run.
fn is_ours(name: &str) -> bool {
    name == "HOLMES_RUN" || name == "HOLMES_RS" || name.starts_with("HOLMES_ARG_")
}
