//! What the endpoint itself knows of its models: `GET /models`, where most servers, each under a name
//! of its own, tell the window. Best effort: no answer is no news.

use std::time::Duration;

use async_openai::config::Config;
use serde_json::Value;

use super::OpenAiModel;

/// A server that lists its models does so at once.
const PATIENCE: Duration = Duration::from_secs(5);
/// OpenRouter's list is about a megabyte.
const MOST_BYTES: usize = 8 << 20;

impl OpenAiModel {
    /// Tokens of the model's window as the endpoint lists it; None when it does not, or not within
    /// 5 seconds. From then on `context_window` tells it too.
    pub async fn discover_window(&self) -> Option<u64> {
        let list = tokio::time::timeout(PATIENCE, self.models()).await.ok()??;
        let window = window_in(&list, &self.settings.model);
        self.discovered.set(window);
        window
    }

    async fn models(&self) -> Option<Value> {
        let mut response = self
            .http
            .get(self.endpoint.url("/models"))
            .query(&self.endpoint.query())
            .headers(self.endpoint.headers())
            .send()
            .await
            .ok()?
            .error_for_status()
            .ok()?;
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

fn window_in(list: &Value, model: &str) -> Option<u64> {
    let entries = list.get("data").or_else(|| list.get("models")).unwrap_or(list).as_array()?;
    let named = entries.iter().find(|entry| {
        ["id", "name", "model"].iter().any(|key| entry.get(*key).and_then(Value::as_str) == Some(model))
    });
    // A server with one model answers to any name.
    let entry = named.or(match entries.as_slice() {
        [only] => Some(only),
        _ => None,
    })?;
    [
        "/max_model_len",
        "/loaded_context_length",
        "/context_length",
        "/context_window",
        "/max_context_length",
        "/max_input_tokens",
        "/model_info/max_input_tokens",
        "/meta/n_ctx",
        "/meta/n_ctx_train",
    ]
    .iter()
    .find_map(|path| entry.pointer(path)?.as_u64())
    .filter(|window| *window >= 256)
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
            (json!({"data": [{"id": "path/to.gguf", "meta": {"n_ctx_train": 32768}}]}), Some(32_768)),
            (json!({"data": [{"id": "x", "max_model_len": 8192}, {"id": "y", "max_model_len": 8192}]}), None),
            (json!({"data": [{"id": "m", "max_model_len": "many"}]}), None),
            (json!({"data": [{"id": "m", "max_model_len": 0}]}), None),
            (json!({"error": "no"}), None),
            (json!(null), None),
        ] {
            assert_eq!(window_in(&list, "m"), want, "{list}");
        }
    }
}
