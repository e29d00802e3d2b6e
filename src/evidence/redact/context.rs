//! What lines before this one say about it: the data of a Kubernetes Secret, a name whose value is on the next line,
//! a block of text that is one value, a public key.

use std::ops::Range;
use std::sync::LazyLock;

use memchr::memmem::Finder;
use regex::Regex;

use super::harmless::is_harmless;
use super::{KeyBlock, names_secret, without_number};

static DATA: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\s*(?:- )?\\*"?(?P<name>data|stringData|binaryData)\\*"?:\s*\{?\s*$"#).ok()
});
static ENTRY: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\s*"?[\w.-]+"?:\s*(?:"(?P<d>[^"]+)"|'(?P<q>[^']+)'|(?P<s>[^"'\s{\[].*?)),?\s*$"#).ok()
});
static INLINE: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\\*"(?P<name>data|stringData)\\*"\s*:\s*\{(?P<inner>[^{}]*)\}"#).ok());
static PAIR: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\\*"[\w.-]+\\*"\s*:\s*\\*"(?P<s>[^"\\]+)"#).ok());
static NAMES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\s*(?:- )?\{?\s*"?(?i:name|key|parameterkey)"?:\s*["']?(?P<n>[\w.-]+)["']?,?\s*$"#).ok()
});
static VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\s*"?(?i:value|parametervalue)"?:\s*(?:"(?P<d>(?:[^"\\]|\\.)+)"|'(?P<q>[^']+)'|(?P<s>[^\s"'].*?)),?\s*$"#).ok()
});
static OPTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r#"^\s*(?:- )?["']?--?(?:[a-z0-9-]+-)?(?:password|passwd|token|secret|api-key|access-key|secret-key)["']?,?\s*$"#).ok()
});
static ITEM: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"^\s*(?:- )?["']?(?P<s>[^\s"'-][^\s"']*)["']?,?\s*$"#).ok());
static KIND: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bkind\\*"?:\s*\\*"?(?:Sealed)?Secret\b"#).ok());

/// Most texts have none, and are done with at the speed of memory.
static WORD: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("Secret"));

/// Whether some document of `text` is a Secret.
pub(super) fn holds_secret(text: &str) -> bool {
    WORD.find(text.as_bytes()).is_some() && KIND.as_ref().is_some_and(|kind| kind.is_match(text))
}

/// Follows the lines of one text.
#[derive(Debug, Default)]
pub(super) struct Context {
    pub(super) key: KeyBlock,
    /// A document of the text is a Secret: all of its data is secret, not only what reads as text.
    secret: bool,
    /// Inside a certificate, a request or a public key.
    pub(super) public: bool,
    data: Option<(usize, bool)>,
    block: Option<usize>,
    next: Next,
}

#[derive(Debug, Default, PartialEq)]
enum Next {
    #[default]
    Anything,
    Value,
    Item,
}

impl Context {
    /// `secret`: a document of the text is a Secret.
    pub(super) fn of(secret: bool) -> Self {
        Self { secret, ..Self::default() }
    }

    /// A document of the text is a Secret after all.
    pub(super) fn is_of_secret(&mut self) {
        self.secret = true;
    }

    /// Whether the next line must be looked at whatever it holds.
    pub(super) fn is_open(&self) -> bool {
        self.public
            || self.key.is_inside()
            || self.data.is_some()
            || self.block.is_some()
            || self.next != Next::Anything
    }

    /// The value of the line just seen is a block of the deeper lines that follow it.
    pub(super) fn opens_block(&mut self, line: &str) {
        self.block = Some(indent(without_number(line)));
    }

    /// Where `line` holds a secret because of the lines before it.
    pub(super) fn secrets(&mut self, line: &str) -> Vec<Range<usize>> {
        let body = without_number(line);
        let shift = line.len() - body.len();
        let found = self.secrets_of(body);
        found.into_iter().map(|range| range.start + shift..range.end + shift).collect()
    }

    fn secrets_of(&mut self, line: &str) -> Vec<Range<usize>> {
        let deep = indent(line);
        if line.contains("-----BEGIN ") {
            self.public = !line.contains("PRIVATE KEY") && !line.contains("-----END ");
        } else if self.public && (line.contains("-----END ") || line.trim().contains(' ')) {
            self.public = false;
        }
        if let Some(from) = self.block {
            if deep > from || line.trim().is_empty() {
                let text = line.trim();
                return if text.is_empty() { Vec::new() } else { vec![range_of(line, text)] };
            }
            self.block = None;
        }
        if let Some((from, plain)) = self.data {
            if line.trim().is_empty() || deep > from {
                let value = value_of(&ENTRY, line);
                let Some(range) = value else { return Vec::new() };
                let text = line.get(range.clone()).unwrap_or_default();
                if matches!(text, "|" | ">" | "|-" | ">-" | "|+" | ">+") {
                    if plain || self.secret {
                        self.block = Some(deep);
                    }
                    return Vec::new();
                }
                let secret = (plain || self.secret || reads_as_text(text)) && !is_reference(text);
                return if secret { vec![range] } else { Vec::new() };
            }
            self.data = None;
        }
        let next = std::mem::take(&mut self.next);
        let waited = match next {
            Next::Value => value_of(&VALUE, line),
            Next::Item => value_of(&ITEM, line),
            Next::Anything => None,
        };
        if let Some(range) = waited {
            let text = line.get(range.clone()).unwrap_or_default();
            return if is_harmless(text) { Vec::new() } else { vec![range] };
        }
        if let Some(groups) = DATA.as_ref().and_then(|data| data.captures(line)) {
            let from = if line.trim_start().starts_with("- ") { deep + 2 } else { deep };
            self.data = Some((from, groups.name("name").is_some_and(|name| name.as_str() == "stringData")));
            return Vec::new();
        }
        if let Some(groups) = NAMES.as_ref().and_then(|names| names.captures(line)) {
            if groups.name("n").is_some_and(|name| is_named(name.as_str())) {
                self.next = Next::Value;
            }
            return Vec::new();
        }
        if OPTION.as_ref().is_some_and(|option| option.is_match(line)) {
            self.next = Next::Item;
        }
        self.inline(line)
    }

    fn inline(&self, line: &str) -> Vec<Range<usize>> {
        let (Some(inline), Some(pair)) = (INLINE.as_ref(), PAIR.as_ref()) else { return Vec::new() };
        let mut found = Vec::new();
        for groups in inline.captures_iter(line) {
            let Some(inner) = groups.name("inner") else { continue };
            let plain = groups.name("name").is_some_and(|name| name.as_str() == "stringData");
            for value in pair.captures_iter(inner.as_str()).filter_map(|groups| groups.name("s")) {
                let secret = plain || self.secret || reads_as_text(value.as_str());
                if secret && !is_reference(value.as_str()) {
                    found.push(inner.start() + value.start()..inner.start() + value.end());
                }
            }
        }
        found
    }
}

fn is_named(name: &str) -> bool {
    let name = name.replace(['-', '.'], "_");
    names_secret(&name) && !name.to_ascii_uppercase().contains("PUBLIC")
}

fn is_reference(text: &str) -> bool {
    text.contains("<secret:")
        || text.starts_with("{{")
        || text.starts_with("${")
        || text.starts_with("<no value")
        || text.chars().all(|c| "*xX.".contains(c))
}

fn value_of(pattern: &LazyLock<Option<Regex>>, line: &str) -> Option<Range<usize>> {
    let groups = pattern.as_ref()?.captures(line)?;
    ["d", "q", "s"].iter().find_map(|name| groups.name(name)).map(|value| value.range())
}

fn range_of(line: &str, text: &str) -> Range<usize> {
    let start = line.len() - line.trim_start().len();
    start..start + text.len()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// Whether `text` is base64 of something people can read, which no other word of a manifest is.
fn reads_as_text(text: &str) -> bool {
    let text = text.trim();
    if text.len() < 8 || !text.len().is_multiple_of(4) {
        return false;
    }
    let digits = text.trim_end_matches('=');
    let mut word = 0u32;
    let (mut bits, mut read) = (0, Vec::new());
    for byte in digits.bytes() {
        let digit = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return false,
        };
        word = word << 6 | u32::from(digit);
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            read.push(u8::try_from(word >> bits & 0xff).unwrap_or_default());
        }
    }
    // A certificate is no secret, encoded or not.
    std::str::from_utf8(&read).is_ok_and(|read| {
        !read.starts_with("-----BEGIN CERT") && read.chars().all(|c| !c.is_control() || "\n\r\t".contains(c))
    })
}
