//! Values behind a name that says they are secret, however a format writes the two.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::harmless::{is_harmless, is_opaque};
use super::hints::{before, has_value, is_option};

/// Words that names of secrets end with. `pass`, `key`, `auth` and `PAT` have checks of their own.
pub(super) const WORDS: &[&str] =
    &["password", "passwd", "passphrase", "passcode", "secret", "token", "pwd", "credential", "key-data"];

/// Words before `key`.
const KEYS: &[&str] = &[
    "api",
    "access",
    "account",
    "private",
    "secret",
    "encryption",
    "signing",
    "master",
    "license",
    "app",
    "auth",
    "storage",
    "deploy",
    "webhook",
    "hmac",
    "session",
    "client",
    "service",
    "shared",
    "subscription",
    "application",
    "rest",
];

/// Whether a name or an option may end with the word, and a value follow it.
pub(super) fn is_named(line: &[u8], word: Range<usize>) -> bool {
    has_value(line, word.end) || is_option(line, word)
}

pub(super) fn is_pass(line: &[u8], word: Range<usize>) -> bool {
    !before(line, word.start).is_ascii_alphanumeric() && is_named(line, word)
}

pub(super) fn is_key(line: &[u8], word: Range<usize>) -> bool {
    is_named(line, word.clone()) && {
        let name = line.get(..word.start).unwrap_or_default();
        let shown = name.strip_suffix(b"_").or_else(|| name.strip_suffix(b"-")).unwrap_or(name);
        (name.ends_with(b"_") && line.get(word) == Some(b"KEY".as_slice()))
            || KEYS.iter().any(|key| {
                let end = shown.len().checked_sub(key.len()).and_then(|at| shown.get(at..));
                end.is_some_and(|end| end.eq_ignore_ascii_case(key.as_bytes()))
            })
    }
}

pub(super) fn is_auth(line: &[u8], word: Range<usize>) -> bool {
    matches!(before(line, word.start), b'_' | b'-' | b'"') && has_value(line, word.end)
}

pub(super) fn is_pat(line: &[u8], word: Range<usize>) -> bool {
    line.get(word.clone()) == Some(b"_PAT".as_slice()) && has_value(line, word.end)
}

/// A name, what closes it, and what stands between it and its value.
static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(?:passw(?:or)?d|passphrase|passcode|secret[_-]?key|secret|token|api[_-]?key|access[_-]?key|account[_-]?key|private[_-]?key",
        r"|(?:encryption|signing|master|license|app|auth|storage|webhook|hmac|session|client|service|shared|subscription|application|rest)[_-]?key",
        r"|key-data|\bpass|[_.-]pass|pwd|credentials?|\bauth|[_-]auth|(?-i:_KEY)|(?-i:_PAT))",
        r"(?P<tail>[_-]?(?:base64|b64|base|value|plain|new|old|\d{1,2}))?",
        r#"(?P<close>\\*["'`]?\]?\\*["']?)[ \t]*(?P<sep>=>|:=|==?|:)[ \t]*"#
    ))
    .ok()
});

/// An option and its value with a blank between: `--password x`, `"--token", "x"`.
static OPTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)(?:^|[\s"'\[,])--?(?:[a-z][a-z0-9-]*-)?(?:pass|passw(?:or)?d|passphrase|token|secret|api-?key|access-?key|secret-?key|private-?key|account-?key|credentials?)"#,
        r#"(?:[ \t]+|\\*["'],[ \t]*)"#
    ))
    .ok()
});

/// How sure a name is.
#[derive(Clone, Copy, PartialEq)]
enum Name {
    /// Its value is secret unless it is a word or a reference.
    Certain,
    /// Its value is secret when it looks like one.
    Likely,
    No,
}

/// Where the secrets of named values stand in `line`, in order, and whether the last name's value is a block that
/// follows it in deeper lines.
pub(super) fn find(line: &str) -> (Vec<Range<usize>>, bool) {
    let (mut found, mut block, mut from) = (Vec::new(), false, 0);
    let Some(pattern) = NAME.as_ref() else { return (found, block) };
    while let Some(groups) = pattern.captures_at(line, from) {
        let Some(whole) = groups.get(0) else { break };
        from = whole.end();
        let separator = groups.name("sep").map_or("", |sep| sep.as_str());
        let start = begin(line, whole.start());
        let close = groups.name("close").map_or("", |close| close.as_str());
        let name_end = groups.name("close").map_or(whole.end(), |close| close.start());
        let name = line.get(start..name_end).unwrap_or_default();
        let before = line.get(..start).unwrap_or_default();
        let sure = if name == "PWD" && before.ends_with(';') { Name::Certain } else { judge(name) };
        // The name of a secret in Amazon's way.
        let named = separator == ":" && before.ends_with(':') && before.contains("arn:");
        // What stands for a secret already, with more behind it.
        let replaced = name.eq_ignore_ascii_case("secret") && before.ends_with('<');
        if named
            || replaced
            || sure == Name::No
            || (separator == "==" && close.is_empty())
            || line.get(from..).is_some_and(|rest| rest.starts_with("//"))
        {
            continue;
        }
        let value = value(line, whole.end(), before, separator);
        let value = before_replaced(line, value);
        let text = line.get(value.clone()).unwrap_or_default();
        if matches!(text.trim(), "|" | ">" | "|-" | ">-" | "|+" | ">+") {
            block = true;
            continue;
        }
        let quoted = line.get(..value.start).is_some_and(|before| before.ends_with(['"', '\'']));
        if is_secret(sure, name, text, quoted, line.get(value.end..).unwrap_or_default(), separator) {
            from = value.end.max(from);
            found.push(value);
        }
    }
    let Some(pattern) = OPTION.as_ref() else { return (found, block) };
    let mut from = 0;
    while let Some(option) = pattern.find_at(line, from) {
        from = option.end();
        let value = value(line, from, "", " ");
        let text = line.get(value.clone()).unwrap_or_default();
        let token = option.as_str().to_ascii_lowercase();
        let words = token.contains("secret") || token.contains("credential");
        if text.len() >= 3
            && !text.starts_with('-')
            && !is_harmless(text)
            && (!words || is_opaque(text) || !text.contains('-'))
        {
            from = value.end.max(from);
            found.push(value);
        }
    }
    found.sort_by_key(|range| range.start);
    found.dedup_by(|next, kept| next.start < kept.end);
    (found, block)
}

/// A value up to what was replaced already behind a blank in it: the rest of it is no less secret for that.
fn before_replaced(line: &str, value: Range<usize>) -> Range<usize> {
    let text = line.get(value.clone()).unwrap_or_default();
    let kept = text.find("<secret:").and_then(|at| text.get(..at)).filter(|kept| kept.ends_with(' '));
    kept.map_or(value.clone(), |kept| value.start..value.start + kept.trim_end().len())
}

/// Where the name begins whose secret word begins at `at`.
fn begin(line: &str, at: usize) -> usize {
    let before = line.get(..at).unwrap_or_default();
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    at - before.chars().rev().take_while(|c| part(*c)).count()
}

fn judge(name: &str) -> Name {
    let upper = name.bytes().all(|b| !b.is_ascii_lowercase());
    let lower = name.to_ascii_lowercase().replace(['-', '.'], "_");
    let plain = lower.replace('_', "");
    let ends = |ends: &[&str]| ends.iter().any(|end| plain.ends_with(end));
    // Names of what is public, or of a place in a list.
    if ends(&[
        "publickey",
        "nexttoken",
        "pagetoken",
        "continuationtoken",
        "paginationtoken",
        "eostoken",
        "bostoken",
        "padtoken",
        "stoptoken",
        "unktoken",
        "synctoken",
        "cancellationtoken",
        "resumetoken",
        "continuetoken",
        "skiptoken",
        "maxtoken",
        "pertoken",
        "bypass",
        "surpass",
        "compass",
        "forcepass",
        "firstpass",
        "byebypass",
        "hashkey",
        "sortkey",
    ]) || matches!(lower.as_str(), "pwd" | "oldpwd")
    {
        // `;Pwd=` of a connection string is told by the caller, who looks at what stands before it.
        return if lower == "pwd" && name != "PWD" { Name::Certain } else { Name::No };
    }
    if plain.trim_end_matches(|c: char| c.is_ascii_digit()).ends_with("key")
        && ends(&["idempotencykey", "partitionkey", "primarykey", "foreignkey", "cachekey"])
    {
        return Name::No;
    }
    let trimmed = plain
        .trim_end_matches(|c: char| c.is_ascii_digit())
        .trim_end_matches("value")
        .trim_end_matches("base64")
        .trim_end_matches("base")
        .trim_end_matches("b64")
        .trim_end_matches("plain")
        .trim_end_matches("new")
        .trim_end_matches("old");
    let certain = [
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "clientsecret",
        "accesstoken",
        "authtoken",
        "refreshtoken",
        "idtoken",
        "sessiontoken",
        "bearertoken",
        "bottoken",
        "apitoken",
        "apikey",
        "accesskey",
        "accountkey",
        "privatekey",
        "secretkey",
        "encryptionkey",
        "signingkey",
        "masterkey",
        "keydata",
        "sharedkey",
        "dbpass",
        "userpass",
    ];
    if certain.iter().any(|end| trimmed.ends_with(end))
        || (upper
            && ["TOKEN", "SECRET", "_PASS", "_PWD", "CREDENTIALS"].iter().any(|end| name.ends_with(end)))
        || ["_pass", "_pwd"].iter().any(|end| lower.ends_with(end))
        || lower == "pass"
    {
        return Name::Certain;
    }
    Name::Likely
}

/// Words that go on with a sentence: `password: foo is too short`.
const PROSE: &[&str] = &[
    "is", "are", "was", "be", "at", "not", "for", "to", "the", "a", "an", "in", "of", "too", "has", "must",
    "and", "or", "from", "with", "does", "did", "failed", "expired", "could", "cannot",
];

/// Words that say something of the value before them.
const SAID_OF_IT: &[&str] = &[
    "is", "are", "was", "has", "must", "does", "did", "failed", "expired", "could", "cannot", "rejected",
    "refused", "denied", "isn't", "wasn't", "doesn't",
];

fn is_secret(sure: Name, name: &str, text: &str, quoted: bool, rest: &str, separator: &str) -> bool {
    let text = text.trim();
    if text.chars().count() < 3 || is_harmless(text) || text.eq_ignore_ascii_case(name) {
        return false;
    }
    let lower = name.to_ascii_lowercase();
    if !quoted && separator.starts_with(':') {
        let mut words = text.split(' ').skip(1).chain(rest.split(' ')).filter(|word| !word.is_empty());
        let word = text.split(' ').next().unwrap_or_default();
        if word.bytes().all(|b| b.is_ascii_lowercase() || b == b',')
            && (words.next().is_some_and(|next| PROSE.contains(&next)) || is_harmless(word))
        {
            return false;
        }
    }
    // A type behind a parameter's name, and what is called the same.
    if !quoted && lower.ends_with("pwd") && text.starts_with('/') {
        return false;
    }
    match sure {
        Name::Certain => true,
        Name::Likely => is_opaque(text) && !text.contains(' '),
        Name::No => false,
    }
}

/// The value that begins at `at`, without its quotes. `before` is what stands before its name.
fn value(line: &str, at: usize, before: &str, separator: &str) -> Range<usize> {
    let rest = line.get(at..).unwrap_or_default();
    let slashes = rest.len() - rest.trim_start_matches('\\').len();
    let open = rest.get(slashes..).and_then(|rest| rest.chars().next());
    if let Some(quote @ ('"' | '\'' | '`')) = open {
        let start = at + slashes + 1;
        return start..start + quoted(line.get(start..).unwrap_or_default(), quote, slashes, separator);
    }
    if let (Some(inner), "=") = (rest.strip_prefix('{'), separator)
        && let Some(end) = inner.find('}')
        && end >= 3
        && !inner.get(..end).is_some_and(|inner| inner.chars().all(|c| c.is_alphanumeric() || c == '_'))
    {
        // ODBC writes odd passwords in braces.
        return at + 1..at + 1 + end;
    }
    // Where the name opens the line, the value goes to its end: a setting, a variable.
    let opens = before
        .trim_start()
        .trim_start_matches("- ")
        .trim_start_matches("export ")
        .trim_start_matches("set ")
        .trim_start_matches("ENV ");
    let opens = opens.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start_matches([':', '|', ' ']);
    if opens.is_empty() && (separator != " ") {
        let end = rest.find(" #").unwrap_or(rest.len());
        let text = rest.get(..end).unwrap_or_default().trim_end();
        let first = text.split(' ').next().unwrap_or_default();
        let pairs = text.get(first.len()..).is_some_and(|more| more.contains('=')) || first.contains(';');
        // `password=x is wrong, token <secret:1>`: words about the value, not a part of it.
        let second =
            text.get(first.len()..).unwrap_or_default().split_whitespace().next().unwrap_or_default();
        let prose = SAID_OF_IT.contains(&second) || text.contains("<secret:");
        if !pairs && !prose && !first.starts_with('$') && !text.ends_with([';', ',', '"', '\'', '{', ')']) {
            return at..at + text.len();
        }
    }
    // A variable in quotes as a whole: "DB_PASSWORD=x y", -e 'PASSWORD=x'.
    if separator == "="
        && let Some(quote @ ('"' | '\'')) = before.chars().last()
    {
        let slashes = before.len() - 1 - before.trim_end_matches(quote).trim_end_matches('\\').len();
        let end = quoted(rest, quote, slashes, separator);
        if end < rest.len()
            && !rest.get(..end).is_some_and(|value| value.contains(';') || value.contains("://"))
        {
            return at..at + end;
        }
    }
    let in_query = before.ends_with(['?', '&']);
    let mut end = rest.len();
    for (place, c) in rest.char_indices() {
        let after = rest.get(place + c.len_utf8()..).unwrap_or_default();
        let stop = match c {
            ';' => after.is_empty() || after.starts_with([' ', '"', '\'', '<']) || is_pair(after),
            '"' | '\'' | '\\' | '<' | '`' => place > 0 || c != '<',
            '>' => false,
            '&' => in_query || is_pair(after),
            ',' => {
                after.is_empty()
                    || after.starts_with([' ', '}', ']', '"', '\'', '\\'])
                    || after.split(['=', ':']).next().is_some_and(|name| {
                        name.len() < after.len()
                            && !name.is_empty()
                            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.\"".contains(&b))
                    })
            }
            ')' | ']' | '}' => {
                after.is_empty() || after.starts_with([' ', ',', ';', ')', ']', '}', '"', '.'])
            }
            '|' => after.starts_with(' ') || place == 0,
            c => c.is_whitespace(),
        };
        if stop {
            end = place;
            break;
        }
    }
    at..at + end
}

/// Whether `text` begins with a name and an equals sign.
fn is_pair(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.trim().is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-. ".contains(&b))
    })
}

/// Bytes of a text up to the quote that ends it: as many backslashes before it as before the one that began it.
fn quoted(text: &str, quote: char, slashes: usize, separator: &str) -> usize {
    let mut before = 0;
    let bytes = text.as_bytes();
    for (place, c) in text.char_indices() {
        if c == '\\' {
            before += 1;
            continue;
        }
        if c == quote && (before <= slashes && (slashes == 0 || before == slashes)) {
            if quote == '\''
                && slashes == 0
                && separator == ":"
                && bytes.get(place + 1) == Some(&b'\'')
                && bytes.get(place.wrapping_sub(1)) != Some(&b'\'')
            {
                // YAML doubles a quote inside.
                continue;
            }
            return place - before;
        }
        before = 0;
    }
    text.len()
}
