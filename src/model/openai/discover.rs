//! What the endpoint itself knows of its models: `GET /models`, where most servers, each under a name
//! of its own, tell the window; else the servers' own paths beside it. Best effort: no answer is no news.
//!
//! What a model was trained for is believed last. A local server is usually started with far less, and
//! Ollama cuts what is too long without a word.

use std::time::Duration;

use async_openai::config::Config;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::OpenAiModel;
use crate::model::catalog;

/// For all questions together: a run waits for them, and a server that lists its models does so at once.
const PATIENCE: Duration = Duration::from_secs(2);
/// OpenRouter's list is about a megabyte.
const MOST_BYTES: usize = 8 << 20;
/// What Ollama gives a model that names no `num_ctx`, on a machine without a large GPU.
const OLLAMA_WINDOW: u64 = 4096;
/// Smaller is a mistake of the server's, not a window.
const LEAST: u64 = 256;

/// Endpoints of vendors, whose models the catalog knows better than their lists tell.
const HOSTED: &[&str] = &[
    "openai.com",
    "azure.com",
    "anthropic.com",
    "googleapis.com",
    "mistral.ai",
    "groq.com",
    "deepseek.com",
    "x.ai",
    "openrouter.ai",
    "amazonaws.com",
    "together.xyz",
    "fireworks.ai",
];

/// A window and how it was learned, as it is told to people.
pub(super) type Window = (u64, &'static str);

impl OpenAiModel {
    /// Asks the endpoint for the window, at most once and 2 seconds long, and only where neither the
    /// settings nor, for a vendor's own endpoint, the catalog tell it.
    pub(super) async fn ask_for_window(&self) {
        if self.asked.replace(true) || self.settings.context_window.is_some() {
            return;
        }
        let is_hosted = is_hosted(self.endpoint.host());
        if is_hosted && catalog::window(&self.settings.model).is_some() {
            return;
        }
        let mut trained = None;
        // A vendor has none of the paths of servers that people run themselves.
        let asking = async {
            let list = self.get(&self.endpoint.url("/models"), None).await;
            let found = list.and_then(|list| {
                trained =
                    trained_for(&list, &self.settings.model).map(|size| (size, "`/models`: trained for"));
                listed(&list, &self.settings.model)
            });
            match found {
                Some(window) => Some((window, "`/models`")),
                None if is_hosted => None,
                None => self.ask_beside().await,
            }
        };
        let found = timeout(PATIENCE, asking).await.ok().flatten();
        self.discovered.set(found.or(trained));
    }

    /// The models that the endpoint lists, `None` where it lists none within 2 seconds.
    pub async fn listed_models(&self) -> Option<Vec<String>> {
        let url = self.endpoint.url("/models");
        let list = timeout(PATIENCE, self.get(&url, None)).await.ok()??;
        let entries = list.get("data").or_else(|| list.get("models")).unwrap_or(&list).as_array()?;
        let name = |entry: &Value| {
            let name = entry.get("id").or_else(|| entry.get("name"))?;
            name.as_str().map(str::to_owned)
        };
        Some(entries.iter().filter_map(name).collect())
    }

    /// The paths of llama.cpp, Ollama, LM Studio, LiteLLM and TGI, beside `/v1`.
    async fn ask_beside(&self) -> Option<Window> {
        let base = self.endpoint.url("");
        let root = base.trim_end_matches('/').trim_end_matches("/v1");
        let model = self.settings.model.as_str();
        let named = json!({"model": model});
        let [props, running, shown, studio, proxy, info] =
            ["/props", "/api/ps", "/api/show", "/api/v0/models", "/model/info", "/info"]
                .map(|path| format!("{root}{path}"));
        let (props, running, shown, studio, proxy, info) = tokio::join!(
            self.get(&props, None),
            self.get(&running, None),
            self.get(&shown, Some(&named)),
            self.get(&studio, None),
            self.get(&proxy, None),
            self.get(&info, None),
        );
        let props = props
            .and_then(|props| size(props.pointer("/default_generation_settings/n_ctx")))
            .map(|window| (window, "llama.cpp's `/props`"));
        let running = running
            .and_then(|list| size(entry(&list, model)?.get("context_length")))
            .map(|window| (window, "Ollama's `/api/ps`"));
        let shown = shown.and_then(|shown| ollama(&shown)).map(|window| (window, "Ollama's `/api/show`"));
        let studio = studio
            .and_then(|list| listed(&list, model))
            .map(|window| (window, "LM Studio's `/api/v0/models`"));
        let proxy =
            proxy.and_then(|list| listed(&list, model)).map(|window| (window, "LiteLLM's `/model/info`"));
        let info = info
            .and_then(|info| {
                ["/max_total_tokens", "/max_input_tokens", "/max_input_length"]
                    .iter()
                    .find_map(|path| size(info.pointer(path)))
            })
            .map(|window| (window, "TGI's `/info`"));
        props.or(running).or(shown).or(studio).or(proxy).or(info)
    }

    async fn get(&self, url: &str, body: Option<&Value>) -> Option<Value> {
        let request = match body {
            None => self.http.get(url),
            Some(body) => self.http.post(url).json(body),
        };
        let request = request.query(&self.endpoint.query()).headers(self.endpoint.headers());
        let mut response = request.send().await.ok()?.error_for_status().ok()?;
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.ok()? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > MOST_BYTES {
                return None;
            }
        }
        serde_json::from_slice(&bytes).ok()
    }
}

fn is_hosted(host: &str) -> bool {
    HOSTED
        .iter()
        .any(|domain| host.strip_suffix(domain).is_some_and(|left| left.is_empty() || left.ends_with('.')))
}

fn size(value: Option<&Value>) -> Option<u64> {
    value?.as_u64().filter(|window| *window >= LEAST)
}

/// The entry of a model in a list of them.
fn entry<'a>(list: &'a Value, model: &str) -> Option<&'a Value> {
    let entries = list.get("data").or_else(|| list.get("models")).unwrap_or(list).as_array()?;
    let named = entries.iter().find(|entry| {
        ["id", "name", "model", "model_name"].iter().any(|key| {
            // Ollama lists `llama3` as `llama3:latest`, Gemini `gemini-x` as `models/gemini-x`.
            entry.get(*key).and_then(Value::as_str).is_some_and(|id| {
                id == model
                    || id.strip_suffix(":latest") == Some(model)
                    || id.strip_prefix("models/") == Some(model)
            })
        })
    });
    // A server with one model answers to any name.
    named.or(match entries.as_slice() {
        [only] => Some(only),
        _ => None,
    })
}

fn listed(list: &Value, model: &str) -> Option<u64> {
    let entry = entry(list, model)?;
    let mut names = vec![
        "/max_model_len",
        "/loaded_context_length",
        "/top_provider/context_length",
        "/context_length",
        "/context_window",
        "/max_input_tokens",
        "/model_info/max_input_tokens",
        "/meta/n_ctx",
    ];
    // LM Studio says with the same name what a model could take if it were loaded so.
    if entry.get("loaded_context_length").is_none() && entry.get("compatibility_type").is_none() {
        names.push("/max_context_length");
    }
    names.iter().find_map(|path| size(entry.pointer(path)))
}

fn trained_for(list: &Value, model: &str) -> Option<u64> {
    size(entry(list, model)?.pointer("/meta/n_ctx_train"))
}

/// What Ollama will load the model with: its own `num_ctx`, else the default, which is not what the
/// model was trained for.
fn ollama(shown: &Value) -> Option<u64> {
    let parameters = shown.get("parameters").and_then(Value::as_str).unwrap_or_default();
    let own = parameters.lines().find_map(|line| {
        let mut words = line.split_whitespace();
        (words.next() == Some("num_ctx")).then(|| words.next()?.parse().ok()).flatten()
    });
    let info = shown.get("model_info")?.as_object()?;
    let trained = info
        .iter()
        .find_map(|(key, value)| key.ends_with(".context_length").then(|| value.as_u64()).flatten());
    own.or_else(|| trained.map(|trained| trained.min(OLLAMA_WINDOW))).filter(|window| *window >= LEAST)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_window_is_read_under_every_name() {
        for (list, want) in [
            (json!({"data": [{"id": "m", "max_model_len": 8192}]}), Some(8192)),
            (
                json!({"data": [{"id": "x", "context_length": 1}, {"id": "m", "context_length": 4096}]}),
                Some(4096),
            ),
            (json!({"data": [{"id": "path/to.gguf", "meta": {"n_ctx_train": 32768}}]}), None),
            (
                json!({"data": [{"id": "path/to.gguf", "meta": {"n_ctx": 2048, "n_ctx_train": 32768}}]}),
                Some(2048),
            ),
            (json!({"data": [{"id": "x", "max_model_len": 8192}, {"id": "y", "max_model_len": 8192}]}), None),
            (json!({"data": [{"id": "m", "max_model_len": "many"}]}), None),
            (json!({"data": [{"id": "m", "max_model_len": 0}]}), None),
            (
                json!({"data": [{"id": "m", "context_length": 200_000, "top_provider": {"context_length": 128_000}}]}),
                Some(128_000),
            ),
            (
                json!({"data": [{"id": "m", "loaded_context_length": 8192, "max_context_length": 131_072}]}),
                Some(8192),
            ),
            (
                json!({"data": [{"id": "m", "compatibility_type": "gguf", "max_context_length": 131_072}]}),
                None,
            ),
            (json!({"data": [{"id": "m", "max_context_length": 131_072}, {"id": "n"}]}), Some(131_072)),
            (json!({"models": [{"name": "m:latest", "context_length": 4096}, {"name": "n"}]}), Some(4096)),
            (json!({"error": "no"}), None),
            (json!(null), None),
        ] {
            assert_eq!(listed(&list, "m"), want, "{list}");
        }
    }

    #[test]
    fn ollama_is_believed_about_what_it_loads() {
        let info = json!({"general.architecture": "qwen3", "qwen3.context_length": 40_960});
        for (shown, want) in [
            (
                json!({"parameters": "stop \"<|im_end|>\"\nnum_ctx      16384", "model_info": info}),
                Some(16_384),
            ),
            (json!({"parameters": "temperature 0.6", "model_info": info}), Some(4096)),
            (json!({"model_info": {"gemma.context_length": 2048}}), Some(2048)),
            (json!({"model_info": {}}), None),
            (json!({"error": "model 'm' not found"}), None),
        ] {
            assert_eq!(ollama(&shown), want, "{shown}");
        }
    }

    #[test]
    fn vendors_are_told_from_names_that_end_alike() {
        for (host, want) in [
            ("api.openai.com", true),
            ("x.ai", true),
            ("notx.ai", false),
            ("openai.com.example.net", false),
            ("127.0.0.1", false),
        ] {
            assert_eq!(is_hosted(host), want, "{host}");
        }
    }
}
