//! Replaces secrets before anything leaves the machine or is written to a record.
//!
//! The replacement is stable within a run (`<secret:1>`), so that a model can still see that two
//! places hold the same value. It errs towards known formats: a digest or an id is evidence.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;

use regex::{Captures, Regex};

/// Shorter values of secret-looking environment variables are words, not secrets (`test`, `1`).
const SHORTEST_ENV_SECRET: usize = 8;

/// Formats known by their own shape; the whole match is the secret, or its group `s` where there is one.
/// Shapes are the vendors' documented ones.
const FORMATS: &[&str] = &[
    // AWS access key ids, and secret keys behind their name
    r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b",
    r#"(?i)aws_?(?:secret_?access_?key|session_?token)["']?\s*[:=]\s*["']?(?P<s>[A-Za-z0-9/+=]{20,})"#,
    // GitHub, GitLab, Slack, OpenAI and Anthropic style, Stripe, npm, PyPI, Google, SendGrid, DigitalOcean, Vault, Grafana
    r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})",
    r"\bglpat-[A-Za-z0-9_-]{20,}",
    r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}",
    r"\bhooks\.slack\.com/services/(?P<s>[A-Za-z0-9/]{20,})",
    r"\bsk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{20,}",
    r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}",
    r"\bnpm_[A-Za-z0-9]{36}\b",
    r"\bpypi-[A-Za-z0-9_-]{40,}",
    r"\bAIza[A-Za-z0-9_-]{35}\b",
    r"\bya29\.[A-Za-z0-9_-]{20,}",
    r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,}",
    r"\bdo[opr]_v1_[a-f0-9]{64}\b",
    r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}",
    r"\bgl(?:c|sa)_[A-Za-z0-9_=+/-]{30,}",
    // JSON web tokens
    r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",
    // Passwords in connection strings
    r#"\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@"']{0,64}:(?P<s>[^\s@/"']{1,256})@"#,
    // Credentials in headers
    r#"(?i)\b(?:authorization|proxy-authorization)["']?\s*[:=]\s*["']?(?:bearer|basic|token|apikey|negotiate)\s+(?P<s>[A-Za-z0-9._~+/=-]{6,})"#,
    r"(?i)\bbearer\s+(?P<s>[A-Za-z0-9._~+/=-]{20,})",
    r#"(?i)\b(?:x-api-key|api-key|x-auth-token|x-vault-token|private-token)["']?\s*[:=]\s*["']?(?P<s>[A-Za-z0-9._~+/=-]{8,})"#,
    // Named values: password=…, "client_secret": "…"
    r#"(?i)\b[a-z0-9_.-]{0,40}(?:passw(?:or)?d|passwd|secret[_-]?key|client[_-]?secret|api[_-]?key|access[_-]?token|auth[_-]?token|refresh[_-]?token|private[_-]?key|encryption[_-]?key)["']?\s*(?:=|:\s)\s*["']?(?P<s>[^\s"',;&]{4,256})"#,
];

/// Values that stand where a secret could and are none.
const NOT_SECRET: &[&str] = &[
    "null",
    "none",
    "true",
    "false",
    "nil",
    "undefined",
    "empty",
    "****",
    "redacted",
    "<none>",
    "<set",
    "<unset>",
    "required",
    "authentication",
    "auth",
    "incorrect",
    "invalid",
    "failed",
    "missing",
    "expired",
];

/// Knows the secrets of one run.
pub struct Redactor {
    formats: Vec<Regex>,
    /// Values of secret-looking environment variables, longest first.
    known: Vec<String>,
    seen: RefCell<HashMap<String, usize>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("known", &self.known.len()).finish_non_exhaustive()
    }
}

impl Redactor {
    /// `environment` are the names and values the program was started with; `keys` are values that are
    /// secret whatever their name (the model's key).
    #[must_use]
    pub fn new<'a>(environment: impl IntoIterator<Item = (&'a str, &'a str)>, keys: &[String]) -> Self {
        let mut known: Vec<String> = environment
            .into_iter()
            .filter(|(name, value)| names_secret(name) && value.len() >= SHORTEST_ENV_SECRET)
            .map(|(_, value)| value.to_owned())
            .chain(keys.iter().filter(|key| key.len() >= SHORTEST_ENV_SECRET).cloned())
            .collect();
        known.sort_by_key(|value| std::cmp::Reverse(value.len()));
        known.dedup();
        let formats = FORMATS.iter().filter_map(|format| Regex::new(format).ok()).collect();
        Self { formats, known, seen: RefCell::default() }
    }

    /// `text` with every known secret replaced.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in &self.known {
            if text.contains(value.as_str()) {
                text = text.replace(value.as_str(), &self.placeholder(value));
            }
        }
        for format in &self.formats {
            if format.is_match(&text) {
                text = format.replace_all(&text, |found: &Captures<'_>| self.replacement(found)).into_owned();
            }
        }
        self.redact_key_blocks(text)
    }

    /// Redacts every string inside a JSON value.
    pub fn redact_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.redact(text),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            serde_json::Value::Object(map) => map.values_mut().for_each(|item| self.redact_json(item)),
            _ => {}
        }
    }

    /// Redacts lines that are shown one by one; bodies of private keys span several of them.
    pub fn redact_lines(&self, lines: &mut [super::view::Line]) {
        let mut in_key = false;
        for (_, text) in lines {
            if in_key {
                let ends = text.contains("-----END");
                let body = text.trim().chars().all(|c| c.is_ascii_alphanumeric() || "+/=:,- ".contains(c));
                in_key = !ends && body;
                if ends || body {
                    "<secret: private key>".clone_into(text);
                    continue;
                }
            }
            if is_key_head(text) {
                in_key = !text.contains("-----END");
            }
            *text = self.redact(text);
        }
    }

    fn replacement(&self, found: &Captures<'_>) -> String {
        let whole = found.get(0).map_or("", |m| m.as_str());
        let secret = found.name("s").map_or(whole, |m| m.as_str());
        let lower = secret.to_ascii_lowercase();
        let harmless = NOT_SECRET.iter().any(|word| lower.starts_with(word))
            || secret.starts_with("<secret:")
            || secret.starts_with(['$', '*', '{', '<', '('])
            || (whole != secret && secret.contains('(') && secret.ends_with(')'));
        if harmless {
            return whole.to_owned();
        }
        whole.replace(secret, &self.placeholder(secret))
    }

    fn placeholder(&self, secret: &str) -> String {
        let mut seen = self.seen.borrow_mut();
        let next = seen.len() + 1;
        format!("<secret:{}>", seen.entry(secret.to_owned()).or_insert(next))
    }

    fn redact_key_blocks(&self, mut text: String) -> String {
        let mut from = 0;
        while let Some(start) = text.get(from..).and_then(|rest| rest.find("-----BEGIN ")).map(|at| at + from)
        {
            let rest = text.get(start..).unwrap_or_default();
            if !is_key_head(rest.lines().next().unwrap_or_default()) {
                from = start + 11;
                continue;
            }
            let end = rest.find("-----END ").map_or(text.len(), |end| {
                let tail = rest.get(end + 9..).unwrap_or_default();
                start + end + 9 + tail.find("-----").map_or(tail.len(), |close| close + 5)
            });
            let secret = text.get(start..end).unwrap_or_default().to_owned();
            let placeholder = self.placeholder(&secret);
            text.replace_range(start..end, &placeholder);
            from = start + placeholder.len();
        }
        text
    }
}

fn is_key_head(line: &str) -> bool {
    line.contains("-----BEGIN ") && line.contains("PRIVATE KEY")
}

/// Whether a variable's or setting's name says that its value is a secret.
#[must_use]
pub fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let ends =
        ["KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIALS", "AUTH", "PAT", "DSN"];
    ends.iter().any(|end| name == *end || name.ends_with(&format!("_{end}")))
        || ["PASSWORD", "SECRET", "API_KEY", "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "TOKEN"]
            .iter()
            .any(|part| name.contains(part) && !name.ends_with("_FILE") && !name.ends_with("_PATH"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor() -> Redactor {
        Redactor::new(
            [("DB_PASSWORD", "correct-horse"), ("HOME", "/home/someone")],
            &["sk-live-model-key".to_owned()],
        )
    }

    #[test]
    fn replaces_known_formats_and_keeps_what_surrounds_them() {
        let r = redactor();
        for (given, kept) in [
            ("postgres://app:hunter2@db:5432/x refused", "postgres://app:"),
            ("Authorization: Bearer abcdefghijklmnop", "Authorization: Bearer "),
            ("password=hunter22 user=bob", "user=bob"),
            (r#"{"client_secret": "s3cr3tvalue"}"#, "client_secret"),
            ("AKIAABCDEFGHIJKLMNOP is used", " is used"),
            ("connect with correct-horse ok", "connect with <secret:"),
            ("key sk-live-model-key end", " end"),
        ] {
            let got = r.redact(given);
            assert!(got.contains("<secret:"), "{given} -> {got}");
            assert!(got.contains(kept), "{given} -> {got}");
        }
        assert!(!r.redact("x hunter2@ postgres://a:hunter2@h").contains(":hunter2@"));
    }

    #[test]
    fn leaves_look_alikes_alone() {
        let r = redactor();
        for given in [
            "image nginx@sha256:0d17b565c37bcbd895e9d92315a05c1c3c9a29f762b011a10c54a66cd53c9b31",
            "request 7b1c0f5e-4a8e-4c6f-9d64-0a8f1f3f8b3e took 12 ms",
            "password authentication failed for user \"app\"",
            "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
            "http://host:8080/path",
            "token expired",
        ] {
            assert_eq!(r.redact(given), given);
        }
    }

    #[test]
    fn the_same_secret_keeps_its_number() {
        let r = redactor();
        let first = r.redact("password=hunter22");
        assert_eq!(r.redact("password=hunter22"), first);
        assert_ne!(r.redact("password=hunter23"), first);
    }

    #[test]
    fn a_private_key_disappears_in_lines_and_in_text() {
        let r = redactor();
        let block = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA\nabcd\n-----END RSA PRIVATE KEY-----";
        assert!(!r.redact(&format!("a\n{block}\nb")).contains("MIIE"));
        let mut lines: Vec<_> = (1..).zip(block.lines().map(str::to_owned)).collect();
        r.redact_lines(&mut lines);
        assert!(lines.iter().all(|(_, text)| !text.contains("MIIE") && !text.contains("abcd")));
    }
}
