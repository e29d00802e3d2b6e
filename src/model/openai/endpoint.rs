//! Where requests go and with which headers: the base as people type it made into one URL, and a key
//! that can be put in a header. async-openai's own configurations panic on a key with a newline and
//! send `Authorization: Bearer ` for an empty one.

use async_openai::config::Config;
use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use super::errors::configuration;
use super::settings::Settings;
use crate::model::ModelError;

const PATH: &str = "/chat/completions";

/// A checked address with the headers that go with it.
#[derive(Clone)]
pub(super) struct Endpoint {
    base: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    key: SecretString,
    header_values: Vec<SecretString>,
    host: String,
    azure: bool,
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Endpoint").field("base", &self.base).finish_non_exhaustive()
    }
}

impl Endpoint {
    pub(super) fn new(settings: &Settings) -> Result<Self, ModelError> {
        let is_azure = settings.azure.is_some();
        let mut url = parse_base(&settings.api_base, is_azure)?;
        let host = url.host_str().unwrap_or_default().to_owned();
        let mut query: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        url.set_query(None);
        url.set_fragment(None);

        let mut path = url.path().trim_end_matches('/').to_owned();
        if let Some(shorter) = path.strip_suffix(PATH) {
            path = shorter.trim_end_matches('/').to_owned();
        }
        if let Some(azure) = &settings.azure {
            if !path.contains("/openai/deployments/") && !path.ends_with("/openai/v1") {
                let deployment = azure.deployment.as_deref().unwrap_or(&settings.model);
                if deployment.is_empty() || deployment.contains(['/', '?', '#']) {
                    return Err(configuration(
                        format!("Azure deployment `{deployment}` is not a name"),
                        "set the deployment's name in the model list, or `--model`",
                    ));
                }
                path = path.trim_end_matches("/openai").to_owned();
                path = format!("{path}/openai/deployments/{deployment}");
            }
            if !azure.api_version.is_empty() && !query.iter().any(|(name, _)| name == "api-version") {
                query.push(("api-version".to_owned(), azure.api_version.clone()));
            }
        } else if path.is_empty() {
            // What Ollama and vLLM users type: the bare server.
            "/v1".clone_into(&mut path);
        }
        url.set_path(&path);

        let key = clean_key(settings.api_key.as_ref(), is_azure)?;
        let mut headers = HeaderMap::new();
        if !key.is_empty() {
            let (name, text) = if is_azure {
                (HeaderName::from_static("api-key"), key.clone())
            } else {
                (AUTHORIZATION, format!("Bearer {key}"))
            };
            let mut value = HeaderValue::from_str(&text).map_err(|_| bad_key(is_azure))?;
            value.set_sensitive(true);
            headers.insert(name, value);
        }
        for (name, value) in &settings.extra_headers {
            let parsed_name = HeaderName::try_from(name.trim());
            let parsed_value = HeaderValue::from_str(value.trim());
            let (Ok(parsed_name), Ok(mut parsed_value)) = (parsed_name, parsed_value) else {
                return Err(configuration(
                    format!("extra header `{}` cannot be sent", name.escape_debug()),
                    "header names are letters, digits and `-`; values are one line",
                ));
            };
            // Gateways put keys in headers of their own.
            parsed_value.set_sensitive(true);
            headers.insert(parsed_name, parsed_value);
        }
        Ok(Self {
            base: url.as_str().trim_end_matches('/').to_owned(),
            query,
            headers,
            key: SecretString::from(key),
            header_values: settings
                .extra_headers
                .iter()
                .map(|(_, value)| value.trim())
                .filter(|value| value.len() >= 16)
                .map(SecretString::from)
                .collect(),
            host,
            azure: is_azure,
        })
    }

    /// The address as it may be shown: no query, no credentials.
    pub(super) fn shown(&self) -> String {
        let Ok(mut url) = Url::parse(&self.base) else {
            return self.base.clone();
        };
        // Both only fail for addresses that cannot have credentials.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        format!("{}{PATH}", url.as_str().trim_end_matches('/'))
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it speaks HTTP without TLS.
    pub(super) fn is_plain(&self) -> bool {
        self.base.starts_with("http://")
    }

    /// A proxy can never reach this machine's own loopback.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.trim_matches(['[', ']']);
        host == "localhost"
            || host.ends_with(".localhost")
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }

    pub(super) fn has_key(&self) -> bool {
        !self.key.expose_secret().is_empty()
    }

    /// What must not be shown: the key, and header values that may be one.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.key)
            .chain(&self.header_values)
            .map(ExposeSecret::expose_secret)
            .filter(|secret| secret.len() >= 4)
    }

    /// The names of the settings a person changes: key, base.
    pub(super) fn setting_names(&self) -> (&'static str, &'static str) {
        if self.azure {
            ("`AZURE_API_KEY` or `--api-key`", "`AZURE_API_BASE` or `--api-base`")
        } else {
            ("`OPENAI_API_KEY` or `--api-key`", "`OPENAI_API_BASE` or `--api-base`")
        }
    }
}

impl Config for Endpoint {
    fn headers(&self) -> HeaderMap {
        self.headers.clone()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    fn query(&self) -> Vec<(&str, &str)> {
        self.query.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    fn api_base(&self) -> &str {
        &self.base
    }

    fn api_key(&self) -> &SecretString {
        &self.key
    }
}

fn parse_base(typed: &str, azure: bool) -> Result<Url, ModelError> {
    let setting = if azure {
        "set `AZURE_API_BASE` or `--api-base`, for example `https://NAME.openai.azure.com`"
    } else {
        "set `OPENAI_API_BASE` or `--api-base`, for example `http://127.0.0.1:11434/v1`"
    };
    let typed = typed.trim();
    if typed.is_empty() {
        return Err(configuration("the API base is empty".to_owned(), setting));
    }
    let shown: String = typed.escape_debug().take(200).collect();
    if !typed.starts_with("http://") && !typed.starts_with("https://") {
        return Err(configuration(
            format!("API base `{shown}` needs to start with `http://` or `https://`"),
            setting,
        ));
    }
    let url = Url::parse(typed)
        .map_err(|error| configuration(format!("API base `{shown}` is no URL: {error}"), setting))?;
    if url.host_str().is_none_or(str::is_empty) {
        return Err(configuration(format!("API base `{shown}` names no host"), setting));
    }
    Ok(url)
}

/// Keys are pasted with quotes, newlines and a `Bearer ` in front.
fn clean_key(key: Option<&SecretString>, azure: bool) -> Result<String, ModelError> {
    let Some(key) = key else {
        return Ok(String::new());
    };
    let mut key = key.expose_secret().trim();
    for quote in ['"', '\''] {
        if let Some(inner) = key.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
            key = inner.trim();
        }
    }
    if let Some(rest) = key.strip_prefix("Bearer ") {
        key = rest.trim();
    }
    if key.chars().all(|c| c.is_ascii_graphic()) { Ok(key.to_owned()) } else { Err(bad_key(azure)) }
}

fn bad_key(azure: bool) -> ModelError {
    configuration(
        "the API key holds a space, a line break or a character that is not ASCII".to_owned(),
        if azure {
            "paste the key again: `AZURE_API_KEY` or `--api-key`"
        } else {
            "paste the key again: `OPENAI_API_KEY` or `--api-key`"
        },
    )
}
