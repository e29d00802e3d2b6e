//! Replaces secrets before anything leaves the machine or is written to a record.
//!
//! The replacement is stable within a run (`<secret:1>`), so that a model can still see that two
//! places hold the same value. It errs towards known formats: a digest or an id is evidence.

mod arriving;
mod context;
mod formats;
mod harmless;
mod hints;
mod known;
mod leaks;
mod named;
mod recorded;
mod settings;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, HashSet};
use std::fmt;

use regex::Captures;

pub use arriving::Arriving;
use context::Context;
use harmless::is_harmless;
use hints::Hints;
use known::Known;
pub use leaks::Leak;
use leaks::Needles;

/// Shorter values of secret-looking environment variables are words, not secrets (`test`, `1`).
const SHORTEST_ENV_SECRET: usize = 8;

/// Knows the secrets of one run.
pub struct Redactor {
    /// Values of secret-looking environment variables in every form they are printed in, and what was learned.
    known: Known,
    seen: RefCell<HashMap<String, usize>>,
    /// The highest number given away, here or by a run that is replayed.
    reserved: Cell<usize>,
    /// Secrets that the model made up itself, in the parameters of a call: it may say them again.
    offered: RefCell<HashSet<String>>,
    needles: RefCell<Option<Needles>>,
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
        let values = environment
            .into_iter()
            .filter(|(name, _)| names_secret(name))
            .map(|(_, value)| value)
            .chain(keys.iter().map(String::as_str));
        let known = Known::default();
        known.add(values.flat_map(forms));
        Self {
            known,
            seen: RefCell::default(),
            reserved: Cell::default(),
            offered: RefCell::default(),
            needles: RefCell::default(),
        }
    }

    /// `text` with every known secret replaced.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        self.clean(text).into_owned()
    }

    /// As [`Redactor::redact`]; text that holds nothing is not copied.
    #[must_use]
    pub fn clean<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = self.without_known(text);
        if text.contains("-----BEGIN ") {
            text = self.redact_key_blocks(text.into_owned()).into();
        }
        match self.by_line(&text) {
            None => text,
            Some(shown) => shown.into(),
        }
    }

    /// Goes through the lines; nothing when none holds a secret.
    fn by_line(&self, text: &str) -> Option<String> {
        let mut context = Context::of(context::holds_secret(text));
        let (mut out, mut done, mut at) = (String::new(), 0, 0);
        while at < text.len() {
            let rest = text.get(at..).unwrap_or_default();
            let length = memchr::memchr(b'\n', rest.as_bytes()).unwrap_or(rest.len());
            let line = rest.get(..length).unwrap_or_default();
            let hints = Hints::of(line);
            if (context.is_open() || !hints.is_empty())
                && let Some(shown) = self.line(line, hints, &mut context)
            {
                out.push_str(text.get(done..at).unwrap_or_default());
                out.push_str(&shown);
                done = at + length;
            }
            at += length + 1;
        }
        if done == 0 && out.is_empty() {
            return None;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Some(out)
    }

    /// One line, given those before it; nothing when it stays as it is.
    fn line(&self, line: &str, hints: Hints, context: &mut Context) -> Option<String> {
        let mut text = Cow::Borrowed(line);
        if context.is_open() || hints.context() {
            let by_context = context.secrets(line);
            if !by_context.is_empty() {
                text = self.replace_ranges(&text, &by_context).into();
            }
        }
        let in_public = context.public;
        for format in hints.formats().filter_map(formats::shape) {
            let shown = format.replace_all(&text, |found: &Captures<'_>| self.replacement(found));
            if let Cow::Owned(shown) = shown {
                text = shown.into();
            }
        }
        if hints.named() {
            let (ranges, block) = named::find(&text);
            if !ranges.is_empty() {
                text = self.replace_ranges(&text, &ranges).into();
            }
            if block {
                context.opens_block(line);
            }
        }
        if hints.key_body() && !in_public && is_key_body(&text) {
            text = KeyBlock::SHOWN.into();
        }
        (text != line).then(|| text.into_owned())
    }

    fn replace_ranges(&self, text: &str, ranges: &[std::ops::Range<usize>]) -> String {
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for range in ranges {
            out.push_str(text.get(done..range.start).unwrap_or_default());
            out.push_str(&self.placeholder(text.get(range.clone()).unwrap_or_default()));
            done = range.end;
        }
        out.push_str(text.get(done..).unwrap_or_default());
        out
    }

    fn without_known<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.known.replaced(text, |secret| self.placeholder(secret))
    }

    /// Takes the values of secret fields for secrets wherever they turn up from now on: a command shows them
    /// without their names.
    pub fn learn(&self, fields: &serde_json::Map<String, serde_json::Value>) {
        for (name, value) in fields {
            if let Some(text) = value.as_str().filter(|_| is_secret_field(name))
                && !is_harmless(text)
            {
                if !self.known.holds(text) && !self.seen.borrow().contains_key(text) {
                    let mut offered = self.offered.borrow_mut();
                    offered.insert(text.to_owned());
                    offered.extend(forms(text));
                }
                self.known.add(forms(text));
            }
        }
    }

    /// Takes the secrets of a toolset's `config`: values of names that say so, at any depth, headers, and
    /// passwords in addresses. They are known down to four characters, the short ones where they stand alone.
    pub fn learn_settings(&self, settings: &serde_json::Map<String, serde_json::Value>) {
        let mut found = Vec::new();
        for (name, value) in settings {
            settings::collect(name, value, false, &mut found);
        }
        for secret in found {
            self.known.add(forms(&secret));
            if secret.len() < SHORTEST_ENV_SECRET {
                self.known.add_short(secret);
            }
        }
    }

    /// Redacts every string inside a JSON value.
    pub fn redact_json(&self, value: &mut serde_json::Value) {
        match value {
            serde_json::Value::String(text) => *text = self.redact(text),
            serde_json::Value::Array(items) => items.iter_mut().for_each(|item| self.redact_json(item)),
            serde_json::Value::Object(map) => {
                for (name, item) in map {
                    self.redact_json(item);
                    match item {
                        // The name says it, whatever the value looks like.
                        serde_json::Value::String(text) if is_secret_field(name) && !is_harmless(text) => {
                            *text = self.placeholder(text);
                        }
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// Redacts lines that are shown one by one; bodies of private keys span several of them, and their
    /// heads may have been left out.
    pub fn redact_lines(&self, lines: &mut [super::view::Line]) {
        let secret = lines.iter().any(|(_, text)| context::holds_secret(text));
        let mut context = Context::of(secret);
        for (_, text) in lines {
            self.redact_next(text, &mut context);
        }
    }

    fn replacement(&self, found: &Captures<'_>) -> String {
        let Some(whole) = found.get(0) else {
            return String::new();
        };
        let secret = ["s", "d", "q"].iter().find_map(|group| found.name(group)).unwrap_or(whole);
        let text = whole.as_str();
        if is_harmless(secret.as_str()) {
            return text.to_owned();
        }
        // By place: a short secret may also be a part of its own name.
        let (from, to) = (secret.start() - whole.start(), secret.end() - whole.start());
        let before = text.get(..from).unwrap_or_default();
        let after = text.get(to..).unwrap_or_default();
        format!("{before}{}{after}", self.placeholder(secret.as_str()))
    }

    fn placeholder(&self, secret: &str) -> String {
        let next = self.count() + 1;
        let mut seen = self.seen.borrow_mut();
        let number = seen.entry(secret.to_owned()).or_insert(next);
        if *number == next {
            self.reserved.set(next);
        }
        format!("<secret:{number}>")
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

/// Follows the lines of a text through the private keys in it.
#[derive(Debug, Default)]
pub struct KeyBlock {
    inside: bool,
}

impl KeyBlock {
    fn is_inside(&self) -> bool {
        self.inside
    }

    /// What stands for a line of a key.
    pub const SHOWN: &str = "<secret: private key>";

    /// Whether `line`, the next one, is part of a key's body.
    pub fn covers(&mut self, line: &[u8]) -> bool {
        // Nearly every line is done with here.
        if !self.inside && memchr::memmem::find(line, b"-----BEGIN ").is_none() {
            return false;
        }
        let line = String::from_utf8_lossy(line);
        let line = without_number(&line);
        if self.inside {
            let ends = line.contains("-----END");
            let body = line.trim().chars().all(|c| c.is_ascii_alphanumeric() || "+/=:,- ".contains(c));
            self.inside = !ends && body;
            if ends || body {
                return true;
            }
        }
        self.inside = is_key_head(line) && !line.contains("-----END");
        false
    }
}

/// A line of nothing but base64, as long as keys have them, and no digest.
fn is_key_body(line: &str) -> bool {
    let line = without_number(line).trim();
    line.len() >= 60
        && line.bytes().all(|b| b.is_ascii_alphanumeric() || b"+/=".contains(&b))
        && line.bytes().any(|b| b.is_ascii_uppercase())
        && line.bytes().any(|b| b.is_ascii_lowercase())
        && line.bytes().any(|b| b.is_ascii_digit())
        && line.bytes().any(|b| !b.is_ascii_hexdigit())
}

/// `12: text` of `read_exhibit` and `12 | text` of a view as `text`.
fn without_number(line: &str) -> &str {
    let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
    if rest.len() == line.trim_start().len() {
        return line;
    }
    rest.strip_prefix(": ").or_else(|| rest.strip_prefix(" | ")).unwrap_or(line)
}

/// Base64 without padding, which is where a value may go on.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = bytes.chunks(3).flat_map(|chunk| {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len())
            .map(move |at| DIGITS.get((word >> (18 - 6 * at)) as usize & 63).map_or('=', |b| char::from(*b)))
    });
    digits.collect()
}

/// A secret as programs print it: plain, line by line, as base64, in an address, inside JSON.
fn forms(value: &str) -> Vec<String> {
    if value.len() < SHORTEST_ENV_SECRET {
        return Vec::new();
    }
    let encoded = base64(value.as_bytes());
    let percent: String = value
        .bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect();
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.trim_matches('"').to_owned();
    let mut forms = vec![value.to_owned(), encoded, percent, json];
    if value.contains('\n') {
        let lines = value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST_ENV_SECRET + 4);
        forms.extend(lines.map(str::to_owned));
    }
    forms
}

/// Whether a field's name says that its value is a secret, and not the name of one (`secret_name`, `key`).
#[must_use]
pub fn is_secret_field(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace(['-', '_'], "");
    [
        "password",
        "passwd",
        "passphrase",
        "token",
        "apikey",
        "clientsecret",
        "privatekey",
        "secretkey",
        "accesskey",
    ]
    .iter()
    .any(|end| name.ends_with(end))
}

/// Whether a variable's or setting's name says that its value is a secret.
#[must_use]
pub fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    if name.ends_with("PUBLIC_KEY") {
        return false;
    }
    let ends = [
        "KEY",
        "TOKEN",
        "SECRET",
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "CREDENTIALS",
        "AUTH",
        "PAT",
        "DSN",
        "PASS",
    ];
    name.ends_with("_PWD")
        || ends.iter().any(|end| name == *end || name.ends_with(&format!("_{end}")))
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
            "password: expired",
            "docker run -u 1000:1000 x",
            "PASSWORD=${DB_PASSWORD}",
            "syntax error: unexpected token: }",
            "max_tokens: 4096",
            "password = get_password()",
            "secretName: registry-credentials",
        ] {
            assert_eq!(r.redact(given), given);
        }
    }

    #[test]
    fn no_spelling_of_a_named_value_escapes() {
        let r = redactor();
        for given in [
            r#"{"password":"Zq8hunterZq8"}"#,
            r#"{\"password\":\"Zq8hunterZq8\"}"#,
            r#"password="Zq8 with spaces; and, signs""#,
            "password:Zq8hunter",
            "password=trueZq8love",
            "password=$ecretZq8",
            "password=failedZq8",
            "export DB_PASS=Zq8hunter",
            "GITHUB_TOKEN: Zq8hunter",
            "curl -u admin:Zq8hunter http://x",
            "mysql --password Zq8hunter -h db",
            "GET /x?token=Zq8hunter&b=1",
            "    token: Zq8abcdefghijklmnop",
            r#""auth": "Zq8abcdefghijklmnop""#,
            "Cookie: session=Zq8hunter; b=2",
            "Authorization: Zq8abcdefghijklmnop",
            "HTTPS://user:Zq8hunter@host",
            &format!("client_secret={}Zq8", "a1".repeat(400)),
            "base64 Y29ycmVjdC1ob3JzZQ==",
            "url?x=correct%2Dhorse y correct-horse",
        ] {
            let got = r.redact(given);
            assert!(got.contains("<secret:"), "{given} -> {got}");
            assert!(!got.contains("Zq8") && !got.contains("Y29ycmVjdC1ob3JzZQ"), "{given} -> {got}");
        }
        assert!(r.redact("password=pass").starts_with("password=<"));
        let mut value = serde_json::json!({"password": "Zq8hunter", "key": "a/b", "n": [{"apiKey": "Zq8"}]});
        r.redact_json(&mut value);
        assert!(!value.to_string().contains("Zq8") && value["key"] == "a/b", "{value}");
    }

    #[test]
    fn the_value_of_a_secret_field_is_learned() {
        let r = redactor();
        r.learn(serde_json::json!({"password": "Zq8hunter", "name": "checkout"}).as_object().unwrap());
        assert_eq!(r.redact("login Zq8hunter checkout"), "login <secret:1> checkout");
    }

    #[test]
    fn a_secret_of_several_lines_is_known_by_each_of_them() {
        let r = Redactor::new([("SSH_KEY", "first line of the secret\nsecond line of the secret")], &[]);
        assert!(!r.redact("x second line of the secret y").contains("second line"));
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
        // A range out of the middle of one.
        let body = "MIIEowIBAAKCAQEA7bq5m3Yl9d0u0QmJb2Zk8xw1Vt6c5o4n3m2l1k0j9i8h7g6f";
        let mut lines = vec![(1, format!("7: {body}")), (2, body.to_owned())];
        r.redact_lines(&mut lines);
        assert!(lines.iter().all(|(_, text)| text.starts_with("<secret")), "{lines:?}");
    }
}
