//! The provider prefixes of LiteLLM's model names, as far as they are OpenAI-compatible endpoints.

use super::env::Environment;

/// The variable of the key when the provider has none of its own.
pub(super) const OPENAI_KEY: &str = "OPENAI_API_KEY";

/// Who serves a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Provider {
    OpenAi,
    Azure,
    Ollama,
    OpenRouter,
    /// One that speaks its own protocol: usable through a gateway, which wants the whole name.
    Foreign,
}

/// Prefixes of names that only a gateway understands.
const FOREIGN: &[&str] = &[
    "anthropic",
    "azure_ai",
    "bedrock",
    "cohere",
    "databricks",
    "deepseek",
    "gemini",
    "groq",
    "mistral",
    "robusta",
    "sagemaker",
    "vertex_ai",
    "watsonx",
    "xai",
];

/// Families whose names are known to stand without a prefix.
const FAMILIES: &[&str] = &[
    "chatgpt",
    "claude",
    "codestral",
    "command",
    "deepseek",
    "devstral",
    "gemini",
    "gemma",
    "glm",
    "gpt",
    "granite",
    "grok",
    "kimi",
    "llama",
    "magistral",
    "minimax",
    "ministral",
    "mistral",
    "mixtral",
    "nova",
    "o1",
    "o3",
    "o4",
    "phi",
    "qwen",
    "qwq",
    "sonar",
    "yi-",
];

/// Takes a model's name apart: who serves it, and its name there.
///
/// An address settles what the name alone leaves open: OpenRouter's own names begin with `openai/` too, and
/// a name without a prefix is an Azure deployment where Azure's is the only address.
pub(super) fn split(name: &str, base: Option<&str>, environment: &Environment) -> (Provider, String) {
    let at_openrouter = base.is_some_and(|base| base.contains("openrouter.ai"));
    let at_azure = match base {
        Some(base) => base.contains(".openai.azure.com") && !base.contains("/openai/v1"),
        None => environment.has("AZURE_API_BASE") && !environment.has(OPENAI_KEY),
    };
    let without_prefix = if at_azure { Provider::Azure } else { Provider::OpenAi };
    let Some((prefix, rest)) = name.split_once('/').filter(|(_, rest)| !rest.is_empty()) else {
        return (without_prefix, name.to_owned());
    };
    let provider = match prefix {
        "openai" | "hosted_vllm" | "litellm_proxy" | "lm_studio" => Provider::OpenAi,
        "azure" => Provider::Azure,
        "ollama" | "ollama_chat" => Provider::Ollama,
        "openrouter" => Provider::OpenRouter,
        _ if FOREIGN.contains(&prefix) => Provider::Foreign,
        // `meta-llama/Llama-3`: a name as vLLM and OpenRouter have them.
        _ => return (without_prefix, name.to_owned()),
    };
    let whole = provider == Provider::Foreign || at_openrouter && prefix == "openai" && !rest.contains('/');
    let model = if whole { name } else { rest };
    (provider, model.to_owned())
}

/// Whether a name that no model list knows can be meant as it stands.
pub(super) fn is_plausible(name: &str) -> bool {
    let name = name.to_lowercase();
    name.contains('/') || FAMILIES.iter().any(|family| name.starts_with(family))
}

impl Provider {
    /// Where it is when nothing says otherwise.
    pub(super) fn default_base(self) -> Option<&'static str> {
        match self {
            Provider::OpenAi | Provider::Foreign => Some("https://api.openai.com/v1"),
            Provider::Ollama => Some("http://localhost:11434/v1"),
            Provider::OpenRouter => Some("https://openrouter.ai/api/v1"),
            Provider::Azure => None,
        }
    }

    pub(super) fn base_variable(self) -> Option<&'static str> {
        match self {
            Provider::Azure => Some("AZURE_API_BASE"),
            Provider::Ollama => Some("OLLAMA_API_BASE"),
            Provider::OpenAi | Provider::OpenRouter | Provider::Foreign => None,
        }
    }

    pub(super) fn key_variable(self) -> &'static str {
        match self {
            Provider::Azure => "AZURE_API_KEY",
            Provider::OpenRouter => "OPENROUTER_API_KEY",
            Provider::OpenAi | Provider::Ollama | Provider::Foreign => OPENAI_KEY,
        }
    }

    pub(super) fn needs_key(self) -> bool {
        self != Provider::Ollama
    }
}
