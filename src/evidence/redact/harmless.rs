//! What stands where a secret could and is none: words, masks, references, code, names of secrets.

use std::sync::LazyLock;

use regex::Regex;

/// Words of prose, types and settings behind `password:` and its like.
const WORDS: &[&str] = &[
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
    "failure",
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
    "must",
    "should",
    "cannot",
    "could",
    "can",
    "may",
    "will",
    "has",
    "have",
    "does",
    "did",
    "too",
    "with",
    "without",
    "accepted",
    "rejected",
    "denied",
    "mismatch",
    "mismatched",
    "matches",
    "length",
    "short",
    "weak",
    "strong",
    "reset",
    "updated",
    "rotated",
    "rotation",
    "policy",
    "prompt",
    "disabled",
    "enabled",
    "optional",
    "unknown",
    "default",
    "provided",
    "given",
    "set",
    "ok",
    "eof",
    "end",
    "unexpected",
    "string",
    "str",
    "&str",
    "bool",
    "int",
    "any",
    "object",
    "text",
    "bytes",
    "varchar",
    "char",
    "number",
    "bcrypt",
    "sha256",
    "sha512",
    "md5",
    "scram-sha-256",
    "trust",
    "peer",
    "ident",
    "plain",
    "aes256",
    "aes-256-gcm",
    "valid",
    "malformed",
    "revoked",
    "verified",
    "verification",
    "validation",
    "validated",
    "generated",
    "created",
    "deleted",
    "found",
    "secret",
    "secretkeyref",
    "valuefrom",
    "configmapkeyref",
    "sensitive",
    "hidden",
    "masked",
    "filtered",
    "omitted",
    "file",
    "env",
    "vault",
    "keychain",
    "never",
    "always",
    "prompted",
    "supplied",
    "already",
    "in",
    "of",
    "on",
    "at",
    "to",
    "by",
    "from",
    "be",
    "a",
    "an",
    "it",
    "this",
    "that",
    "no",
    "yes",
    "off",
    "error",
    "issued",
    "expires",
    "expiry",
    "refresh",
    "refreshed",
    "request",
    "type",
    "name",
    "field",
    "header",
    "signature",
    "contains",
    "containing",
    "characters",
    "unauthorized",
    "unable",
    "access",
    "example",
    "placeholder",
    "protected",
    "encrypted",
    "unencrypted",
    "bearer",
    "basic",
    "password",
    "passwd",
    "token",
    "pwd",
    "user",
    "username",
    "login",
    "expected",
    "got",
    "near",
    "after",
    "before",
    "when",
    "while",
    "if",
    "or",
    "but",
    "due",
    "see",
    "use",
    "using",
    "used",
    "only",
    "self",
    "state",
    "count",
    "ttl",
    "lookup",
    "try",
    "again",
    "please",
    "exchange",
    "service",
    "server",
    "store",
    "cache",
    "bucket",
    "endpoint",
    "url",
    "id",
    "ring",
    "budget",
];

/// What is a reference, a template, a mask or code, over the whole value.
static SHAPES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?s)^(?:",
        r"\$\{.*|\$\(.*|\$[A-Z_][A-Z0-9_]*|\$env:.*|%[A-Z_][A-Z0-9_]*%",
        r"|\{\{.*|\{%.*|<%.*|#\{.*|@[a-z._]+@|%\(\w+\)s?|%[sdvq]|%\{.*|\{\w*\}|\{\d*:?\w*\}|:\w+|\?",
        r"|<[^<>]*>|<.*>|\[\w*\]|\[(?i:redacted|filtered|masked|hidden).*|[*xX•.#_-]{2,}.*?[*xX•.#_-]*",
        r"|(?:!?(?:Ref|GetAtt|Sub|ImportValue|secret|vault|reference|include)\b.*|!\w+)",
        r"|(?:arn|vault|ref\+\w+|op|secretref|file|env|ssm|keyvault|awssm|gcpsm|bank-vaults|sops|aws-sm|gcp-sm|secrets?manager|ENC\[|kms)[:/\[(].*|projects/[^/]+/secrets/.*",
        r"|@Microsoft\.KeyVault.*|resolve:.*|\{\{resolve.*",
        r"|[A-Za-z_][\w.:]*\(.*|.*\(\)?[;,]?|&?[a-z_]\w*(?:\.\w+)*\.[A-Za-z_]*(?i:password|passwd|token|secret|key|pass)\w*[);,]?",
        r"|(?:os|process|System|self|this|config|settings|cfg|env|ENV|secrets|vars?|local|data|module|params|args|opts|options|values|Values|inputs|each)[.\[].*",
        r"|(?:/|~/|\./|\.\./)[A-Z]?[a-z0-9._-]*(?:/[A-Z]?[a-z0-9._-]*)*|[A-Z]:\\.*",
        r"|\d{1,2}|0x0+|-|=|\||>|[|>][+-]?|(?:Option|Vec|Box|Arc|Result|Secret\w*|String|Optional)<.*",
        r"|\(?(?:sensitive|known\s).*|\d+\ (?:bytes|characters|chars)",
        r"|(?i:your|my|the|some|insert|enter|example|put|add)[-_ ].*(?i:here|password|key|token|secret)",
        r")$"
    ))
    .ok()
});

/// Whether `value` is a word, a mask, a reference or code rather than a secret.
pub(super) fn is_harmless(value: &str) -> bool {
    let value = value.trim();
    let word = value.trim_matches(|c: char| "<>()[]{}.,:;!\"'`/".contains(c)).to_ascii_lowercase();
    word.is_empty()
        || WORDS.contains(&word.as_str())
        || value.contains("<secret:")
        || value.starts_with("<set")
        || (SHAPES.as_ref().is_some_and(|shapes| shapes.is_match(value)) && !is_odd(value))
}

/// `xx…` and `**…` are masks only while nothing else stands between them; so are braces.
fn is_odd(value: &str) -> bool {
    let mask = |c: char| "*xX•.#_-".contains(c);
    if value.starts_with(mask) && !value.starts_with("./") && !value.starts_with("../") {
        // `****abcd` shows its last four characters at most.
        return value.trim_start_matches(mask).chars().count() > 4;
    }
    false
}

/// Whether a value behind a name that may mean anything (`token`, `secret`, `auth`) is made by a machine: long, or of
/// letters and digits, and no name of something.
pub(super) fn is_opaque(value: &str) -> bool {
    let length = value.chars().count();
    let digit = value.bytes().any(|b| b.is_ascii_digit());
    let lower = value.bytes().any(|b| b.is_ascii_lowercase());
    let upper = value.bytes().any(|b| b.is_ascii_uppercase());
    if is_name(value) || value.contains("://") || value.contains("::") {
        return false;
    }
    (length >= 8 && digit && (lower || upper)) || (length >= 16 && lower && upper) || length >= 24
}

/// `registry-credentials`, `kube-system/default-token-x7k2p`, `orders.created`: words with something between them.
fn is_name(value: &str) -> bool {
    let mut parts = value.split(['-', '.', '/', '_', ':']);
    value.contains(['-', '.', '/', ':', '_'])
        && parts.all(|part| {
            part.len() <= 20
                && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                && (part.len() <= 10 || part.bytes().filter(u8::is_ascii_digit).count() <= 2)
        })
        && value.bytes().next().is_some_and(|b| b.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_pattern_compiles() {
        assert!(super::SHAPES.is_some());
    }
}
