//! "The request does not fit the window" in the words of the servers that say it, and the window's
//! size where they name it.
//!
//! Wordings are those of OpenAI, vLLM, llama.cpp, Ollama, LM Studio, TGI, LiteLLM, Gemini, Anthropic,
//! Bedrock, Mistral, xAI, Groq, SGLang, Cerebras, Kimi, Qwen, GLM and MiniMax.

use std::sync::LazyLock;

use regex::Regex;

use super::said::Said;

const CODES: &[&str] = &[
    "context_length_exceeded",
    "exceed_context_size_error",
    "contextwindowexceedederror",
    "string_above_max_length",
];

const WORDINGS: &[&str] = &[
    "maximum context length",
    "max context length",
    "maximum model length",
    "maximum prompt length",
    "exceeds the available context size",
    "exceeds the context length",
    "exceeded max context length",
    "exceeds the maximum number of tokens allowed",
    "exceed the configured limit",
    "exceed context limit",
    "exceeds the context window",
    "exceed context window",
    "greater than the context length",
    "loaded with context length",
    "context window exceeded",
    "context length exceeded",
    "prompt is too long",
    "prompt too long",
    "input is too long",
    "input length and `max_tokens`",
    "too many tokens",
    "must have less than",
    "`max_new_tokens` must be <=",
    "reduce the length of the messages",
    "request too large for model",
    "context length is only",
    "longer than the model's context length",
    "context size has been exceeded",
    "larger than the max context size",
    "too many input tokens",
    "exceeded model token limit",
    "range of input length should be",
    "prompt exceeds max length",
    "context window exceeds limit",
    "prompt token count of",
];

/// Sizes stand beside these words; the first that matches is the window.
#[expect(clippy::expect_used, reason = "constant patterns, compiled by a test")]
static SIZES: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    [
        r#""n_ctx"\s*:\s*([\d,]+)"#,
        r"(?:maximum|max) (?:context|model|prompt) length(?: is| of|:)*\s*([\d,]+)",
        r"range of input length should be \[\d+, ?([\d,]+)\]",
        r"context (?:size|window|length)(?: of| is| only|:)*\s*\(?([\d,]+)",
        r"([\d,]+) maximum context length",
        r"exceeded max context length by .*limit of ([\d,]+)",
        r"tokens allowed:? \(?([\d,]+)",
        r"configured limit of ([\d,]+)",
        r">\s*([\d,]+)(?: maximum)?",
        r"(?:must have less than|must be <=|cannot exceed) ([\d,]+)",
        r"limit(?: of| is)?:? ([\d,]+)",
    ]
    .iter()
    .map(|pattern| Regex::new(pattern).expect("pattern is constant"))
    .collect()
});

/// A refusal about length, with the window's tokens where they were said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong {
    pub(super) limit: Option<u64>,
}

pub(super) fn recognise(said: &Said) -> Option<TooLong> {
    let by_code = CODES.iter().any(|code| said.code.contains(code) || said.all.contains(code));
    let by_words = matches!(said.status, 400 | 413 | 422 | 429 | 500 | 502 | 503)
        && WORDINGS.iter().any(|wording| said.all.contains(wording));
    // Rate limits also speak of tokens: only those that no wait can help are about length.
    let only_a_rate = said.status == 429 && !said.all.contains("request too large");
    if !(by_code || by_words || said.status == 413) || (only_a_rate && !by_code) {
        return None;
    }
    // An HTTP 413 of a proxy is about bytes.
    if said.status == 413 && !(by_code || by_words) && !said.all.contains("token") {
        return Some(TooLong { limit: None });
    }
    let limit = SIZES.iter().find_map(|size| {
        let digits = size.captures(&said.all)?.get(1)?.as_str().replace(',', "");
        digits.parse().ok().filter(|limit| *limit >= 256)
    });
    Some(TooLong { limit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn too_long(status: u16, body: &str) -> Option<TooLong> {
        recognise(&Said { status, all: body.to_lowercase(), ..Said::default() })
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_known_wording_is_recognised() {
        for (status, body, want) in [
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130001 tokens.","code":"context_length_exceeded"}}"#,
                Some(128_000),
            ),
            (
                400,
                r#"{"error":{"message":"Input tokens exceed the configured limit of 272000 tokens. Your messages resulted in 300001 tokens."}}"#,
                Some(272_000),
            ),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 8192 tokens. However, you requested 9000 tokens","code":400}"#,
                Some(8192),
            ),
            (
                400,
                r#"{"message":"The decoder prompt (length 9000) is longer than the maximum model length of 8192."}"#,
                Some(8192),
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":5000,"n_ctx":4096}}"#,
                Some(4096),
            ),
            (
                400,
                r#"{"error":{"message":"request (5000 tokens) exceeds the available context size (4096 tokens), try increasing it"}}"#,
                Some(4096),
            ),
            (400, r#"{"error":"input length exceeds the context length"}"#, None),
            (
                400,
                r#"{"error":{"message":"litellm.ContextWindowExceededError: ContextWindowExceededError: OpenAIException - This model's maximum context length is 16385 tokens."}}"#,
                Some(16_385),
            ),
            (
                400,
                r#"[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]"#,
                Some(1_048_576),
            ),
            (
                400,
                r#"{"error":{"message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
                Some(200_000),
            ),
            (
                400,
                r#"{"error":{"message":"input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000"}}"#,
                Some(200_000),
            ),
            (
                413,
                r#"{"error":{"message":"Request too large for model `x` on tokens per minute (TPM): Limit 6000, Requested 9000","code":"rate_limit_exceeded"}}"#,
                Some(6000),
            ),
            (
                400,
                r#"{"message":"Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context length"}"#,
                Some(32_768),
            ),
            (
                422,
                r#"{"error":"Input validation error: `inputs` must have less than 4096 tokens. Given: 5000"}"#,
                Some(4096),
            ),
            (
                400,
                r#"{"error":"Trying to keep the first 4883 tokens when context the overflows. However, the model is loaded with context length of only 4096 tokens"}"#,
                Some(4096),
            ),
            (
                400,
                r#"{"error":"This model's maximum prompt length is 131072 but the request contains 200000 tokens."}"#,
                Some(131_072),
            ),
            (400, r#"{"message":"Input is too long for requested model."}"#, None),
            (400, r#"{"message":"Too many input tokens. Max input tokens: 8192"}"#, None),
            (
                400,
                r#"{"error":{"message":"You passed 5000 input tokens and requested 100 output tokens. However, the model's context length is only 4096 tokens, resulting in a maximum input length of 3996 tokens."}}"#,
                Some(4096),
            ),
            (
                400,
                r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, your request has 5000 input tokens. Please reduce the length of the input messages."}}"#,
                Some(4096),
            ),
            (
                400,
                r#"{"object":"error","message":"The input (5000 tokens) is longer than the model's context length (4096 tokens)."}"#,
                Some(4096),
            ),
            (400, r#"{"error":"Context size has been exceeded."}"#, None),
            (
                400,
                r#"{"error":{"message":"The input token count exceeds the maximum number of tokens allowed 1048576."}}"#,
                Some(1_048_576),
            ),
            (
                400,
                r#"{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again."}}"#,
                None,
            ),
            (
                400,
                r#"{"error":{"message":"Invalid request: Your request exceeded model token limit: 262144"}}"#,
                Some(262_144),
            ),
            (
                400,
                r#"{"error":{"code":"InvalidParameter","message":"Range of input length should be [1, 30720]"}}"#,
                Some(30_720),
            ),
            (400, r#"{"error":{"code":"1261","message":"Prompt exceeds max length"}}"#, None),
            (400, r#"{"error":{"message":"invalid params, context window exceeds limit (2013)"}}"#, None),
            (
                400,
                r#"{"error":{"message":"Please reduce the length of the messages or completion. Current length is 9000 while limit is 8192"}}"#,
                Some(8192),
            ),
            (
                400,
                r#"{"error":{"message":"prompt token count of 135000 exceeds the limit of 128000"}}"#,
                Some(128_000),
            ),
            (
                400,
                r#"{"error":{"message":"This endpoint's maximum context length is 131072 tokens. However, you requested about 200000 tokens (199000 of text input, 1000 of tool input)."}}"#,
                Some(131_072),
            ),
            (
                422,
                r#"{"error":"Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 4000 `inputs` tokens and 500 `max_new_tokens`"}"#,
                Some(4096),
            ),
            (
                400,
                r#"{"error":{"message":"litellm.ContextWindowExceededError: litellm.BadRequestError: this is a mock context window exceeded error"}}"#,
                None,
            ),
            (400, r#"{"message":"maximum context length is 128,000 tokens"}"#, Some(128_000)),
        ] {
            assert_eq!(too_long(status, body), Some(TooLong { limit: want }), "{body}");
        }
    }

    #[test]
    fn other_refusals_are_not_about_length() {
        for (status, body) in [
            (400, r#"{"error":{"message":"Unsupported parameter: 'max_tokens'"}}"#),
            (
                429,
                r#"{"error":{"message":"Rate limit reached on tokens per minute (TPM): Limit 30000, Used 29000. Too many tokens"}}"#,
            ),
            (401, r#"{"error":"maximum context length"}"#),
            (500, "oops"),
        ] {
            assert_eq!(too_long(status, body), None, "{body}");
        }
    }
}
