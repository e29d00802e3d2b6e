//! What secrets look like: the vendors' documented shapes, and the places that hold one whatever its shape.
//!
//! Compiling every shape at start would cost more than the rest of a start together, so each is compiled when a
//! text first holds one of its words.

use std::sync::{LazyLock, OnceLock};

use regex::{Regex, RegexSet};

/// Words without which a shape cannot match, and the shape. Its named groups are the secret, else all of it is.
const FORMATS: &[(&str, &str)] = &[
    // AWS access key ids, and secret keys behind their name
    (r"A[KSBC][IC]A", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}\b"),
    (
        r"(?i)aws",
        r#"(?i)aws_?(?:secret_?access_?key|session_?token)\\*["']?\s*[:=]\s*\\*["']?(?P<s>[A-Za-z0-9/+=]{20,})"#,
    ),
    // GitHub, GitLab, Slack, OpenAI and Anthropic style, Stripe, npm, PyPI, Google, SendGrid, DigitalOcean, Vault, Grafana
    (r"gh[pousr]_|github_pat_", r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{40,})"),
    (r"glpat-", r"\bglpat-[A-Za-z0-9_-]{20,}"),
    (r"xox[abeoprs]-", r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}"),
    (r"hooks\.slack\.com", r"\bhooks\.slack\.com/services/(?P<s>[A-Za-z0-9/]{20,})"),
    (r"sk-", r"\bsk-(?:proj-|ant-|or-|svcacct-)?[A-Za-z0-9_-]{20,}"),
    (r"[srp]k_(?:live|test)_", r"\b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}"),
    (r"npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    (r"pypi-", r"\bpypi-[A-Za-z0-9_-]{40,}"),
    (r"AIza", r"\bAIza[A-Za-z0-9_-]{35}"),
    (r"ya29\.", r"\bya29\.[A-Za-z0-9_-]{20,}"),
    (r"SG\.", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{30,}"),
    (r"do[opr]_v1_", r"\bdo[opr]_v1_[a-f0-9]{64}\b"),
    (r"hv[sbr]\.", r"\bhv[sbr]\.[A-Za-z0-9_-]{24,}"),
    (r"glc_|glsa_", r"\bgl(?:c|sa)_[A-Za-z0-9_=+/-]{30,}"),
    // JSON web tokens
    (r"\.eyJ", r"\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"),
    // Passwords in connection strings
    (r"://[!-.0-~]*@", r#"(?i)\b[a-z][a-z0-9+.-]{1,20}://[^\s:/@"']{0,256}:(?P<s>[^\s@/"']+)@"#),
    // Credentials in headers
    (
        r"(?i)authorization",
        r#"(?i)\b(?:proxy-)?authorization\\*["']?\s*[:=]\s*\\*["']?(?:(?:bearer|basic|token|apikey|negotiate)\s+(?P<s>[^\s"',]{4,})|(?:digest|aws4-hmac-sha256)\s+(?P<d>[^\r\n]{8,})|(?P<q>[A-Za-z0-9._~+/=-]{16,}))"#,
    ),
    (r"(?i)bearer", r"(?i)\bbearer\s+(?P<s>[A-Za-z0-9._~+/=-]{20,})"),
    (
        r"(?i)(?:api-key|auth-token|vault-token|private-token)",
        r#"(?i)\b(?:x-api-key|api-key|x-auth-token|x-vault-token|private-token)\\*["']?\s*[:=]\s*\\*["']?(?P<s>[A-Za-z0-9._~+/=-]{8,})"#,
    ),
    (r"(?i)cookie", r#"(?i)\b(?:set-)?cookie\\*["']?\s*:\s*\\*["']?(?P<s>[^\s=;"']+=[^\r\n"']{4,})"#),
    // Named values: password=…, "client_secret":"…", \"api_key\":\"…\", --password …
    (
        r"(?i)passw|passphrase|secret|api[_-]?key|token|private[_-]?key|encryption[_-]?key|key-data",
        r#"(?i)(?:passw(?:or)?d|passphrase|secret[_-]?key|client[_-]?secret|api[_-]?key|(?:access|auth|refresh|id|session|bearer)[_-]?token|private[_-]?key|encryption[_-]?key|client-key-data|--token|--secret)\\*["']?\s*(?:=>|:=|[=:])\s*(?:\\*"(?P<d>(?:[^"\\]|\\[^"])+)|\\*'(?P<q>[^'\\]+)|(?P<s>[^\s"',;&\\]{3,}))"#,
    ),
    (
        r"(?i)--?(?:pass|token|secret|api-key|client-secret)",
        r#"(?i)(?:^|\s)--?(?:password|passwd|token|secret|api-key|client-secret|access-token)\s+["']?(?P<s>[^\s"'-][^\s"']{2,})"#,
    ),
    // DB_PASS=…, GITHUB_TOKEN: …
    (
        r"TOKEN|SECRET|_PASS|_PWD|CREDENTIALS",
        r#"\b(?:[A-Z0-9_]*(?:TOKEN|SECRET)|[A-Z0-9_]+_(?:PASS|PWD|CREDENTIALS))\\*["']?\s*[=:]\s*(?:\\*"(?P<d>(?:[^"\\]|\\[^"])+)|\\*'(?P<q>[^'\\]+)|(?P<s>[^\s"',;&\\]{4,}))"#,
    ),
    // token: … of a kubeconfig, "auth": … of a registry
    (
        r#"(?i)token|auth"|secret""#,
        r#"(?i)(?:\btoken\\*["']?\s*:\s*|["'](?:auth|secret|id_?token)\\*["']\s*:\s*)\\*["']?(?P<s>[A-Za-z0-9._~+/=-]{16,})"#,
    ),
    // Keys in the query of an address
    (
        r"(?i)[?&][a-z_-]*(?:token|key|sig|secret|passw|pwd|credential)",
        r#"(?i)[?&](?:[a-z_-]*token|[a-z_-]*key|sig|[a-z-]*signature|[a-z_-]*secret|passw(?:or)?d|pwd|x-amz-credential)=(?P<s>[^\s&"'#]{6,})"#,
    ),
    // curl -u name:password; numbers alone are a user and a group
    (r"(?:-u|--user)[ =]", r#"(?:^|\s)(?:-u|--user)[ =]["']?[^\s:"']+:(?P<s>[^\s"']*[^\s"'0-9][^\s"']*)"#),
];

static WORDS: LazyLock<Option<RegexSet>> =
    LazyLock::new(|| RegexSet::new(FORMATS.iter().map(|(words, _)| format!("(?-u){words}"))).ok());

static SHAPES: LazyLock<Vec<OnceLock<Option<Regex>>>> =
    LazyLock::new(|| FORMATS.iter().map(|_| OnceLock::new()).collect());

/// The shapes that may match somewhere in `text`.
pub(super) fn candidates(text: &str) -> Vec<&'static Regex> {
    let present = WORDS.as_ref().map(|words| words.matches(text));
    let shapes = (0..FORMATS.len()).filter(|at| present.as_ref().is_none_or(|present| present.matched(*at)));
    let shapes = shapes.filter_map(|at| {
        let (_, shape) = FORMATS.get(at)?;
        SHAPES.get(at)?.get_or_init(|| Regex::new(shape).ok()).as_ref()
    });
    shapes.collect()
}

/// Values that stand where a secret could and are none.
const NOT_SECRET: &[&str] = &[
    "null",
    "none",
    "true",
    "false",
    "nil",
    "undefined",
    "empty",
    "redacted",
    "required",
    "authentication",
    "auth",
    "incorrect",
    "invalid",
    "failed",
    "missing",
    "expired",
    "unset",
    "changed",
    "not",
    "is",
    "was",
    "for",
    "and",
    "the",
    "wrong",
];

/// Whether `value` is a word, a mask, a reference or code rather than a secret.
pub(super) fn is_harmless(value: &str) -> bool {
    let word = value.trim_matches(|c: char| "<>()[].,:!\"'".contains(c)).to_ascii_lowercase();
    let variable = value.strip_prefix('$').is_some_and(|name| {
        name.starts_with(['{', '('])
            || name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
    });
    NOT_SECRET.contains(&word.as_str())
        || value.contains("<secret:")
        || value.starts_with("<set")
        || value.starts_with("{{")
        || value.chars().all(|c| "*xX•.-".contains(c))
        || (value.starts_with('<') && value.ends_with('>'))
        || (value.contains('(') && value.ends_with(['(', ')']))
        || variable
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles_and_needs_its_words() {
        assert!(WORDS.is_some());
        for (words, shape) in FORMATS {
            assert!(Regex::new(shape).is_ok(), "{shape}");
            assert!(!Regex::new(&format!("(?-u){words}")).unwrap().is_match("an ordinary line of a log"));
        }
    }
}
