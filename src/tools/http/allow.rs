//! The allow-list: which URL belongs to which endpoint, decided on one normal form.
//!
//! A URL is read once, by the parser the connection itself uses, so that no second reading can lead elsewhere.
//! What a server might read differently from what stands in the URL (encoded slashes and dots, `;` parameters,
//! doubled slashes) has to be allowed in every reading.

use std::collections::BTreeSet;

use reqwest::Url;

use super::address::{address, canonical};

/// Longer ones are no addresses but data, and many servers refuse them.
const LONGEST: usize = 8192;
/// Times a path may be percent-encoded on top of itself.
const ENCODINGS: usize = 3;

/// A URL in its normal form, as it will be requested.
///
/// # Errors
/// What is wrong with it, in words a model can act on.
pub(super) fn read(text: &str) -> Result<Url, String> {
    let text = text.trim();
    if text.len() > LONGEST {
        return Err(format!("the URL has {} bytes, {LONGEST} at most", text.len()));
    }
    if text.chars().any(char::is_control) {
        return Err("the URL holds a control character".to_owned());
    }
    let whole = "a URL needs to be whole, like `https://host/path`";
    let (scheme, rest) = text.split_once("://").ok_or(whole)?;
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return Err(format!("{whole}; only http and https are spoken"));
    }
    let place = rest.split(['?', '#']).next().unwrap_or_default();
    if place.contains('\\') {
        return Err(
            "a backslash has no place before the `?` of a URL: write `/`, or `%5C` for the letter".into()
        );
    }
    let authority = place.split('/').next().unwrap_or_default();
    if authority.is_empty() {
        return Err(whole.to_owned());
    }
    if authority.contains('@') {
        return Err("no user and password in a URL: the toolset adds its own credentials".to_owned());
    }
    let url = Url::parse(text).map_err(|error| format!("no URL: {error}"))?;
    checked(url)
}

/// `reference`, as a `Location` header gives it, seen from `base`.
///
/// # Errors
/// As [`read`].
pub(super) fn follow(base: &Url, reference: &str) -> Result<Url, String> {
    if reference.len() > LONGEST {
        return Err(format!("the URL has {} bytes, {LONGEST} at most", reference.len()));
    }
    let mut url = base.join(reference.trim()).map_err(|error| format!("no URL: {error}"))?;
    url.set_fragment(None);
    checked(url)
}

fn checked(mut url: Url) -> Result<Url, String> {
    if !["http", "https"].contains(&url.scheme()) {
        return Err("only http and https are spoken".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("no user and password in a URL: the toolset adds its own credentials".to_owned());
    }
    let host = url.host_str().unwrap_or_default().to_owned();
    let bare = host.strip_suffix('.').unwrap_or(&host);
    if bare.is_empty() || bare.starts_with('.') || bare.ends_with('.') || bare.contains("..") {
        return Err("the URL's host has an empty part".to_owned());
    }
    if bare != host {
        url.set_host(Some(bare)).map_err(|error| format!("no URL: {error}"))?;
    }
    if url.port() == Some(0) {
        return Err("port 0 is no port".to_owned());
    }
    Ok(url)
}

/// The host of a URL in the form lists are held in: no brackets, an IPv4 address inside IPv6 as IPv4.
pub(super) fn host(url: &Url) -> String {
    let text = url.host_str().unwrap_or_default();
    address(text).map_or_else(|| text.to_owned(), |ip| canonical(ip).to_string())
}

/// One entry of `hosts`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPattern {
    /// As it was written.
    pub text: String,
    scheme: Option<&'static str>,
    port: Option<u16>,
    name: HostName,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostName {
    Exact(String),
    /// `.example.com`: any name below it, never itself, never an address.
    Below(String),
}

impl HostPattern {
    /// Reads `host`, `*.host`, `host:port`, `scheme://host`, `scheme://host:port`; `:*` for any port. Without a
    /// scheme any port is meant, with one its usual port. A path behind it is not looked at.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let wrong = |what: &str| format!("`{text}` {what}");
        let mut rest = text.trim();
        let mut scheme = None;
        if let Some((word, after)) = rest.split_once("://") {
            scheme = Some(match word.to_ascii_lowercase().as_str() {
                "http" => "http",
                "https" => "https",
                _ => return Err(wrong("needs `http://` or `https://`, or no scheme")),
            });
            rest = after;
        }
        rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if rest.contains('@') {
            return Err(wrong("holds a user or password: use `auth`"));
        }
        let (name, port) = split_port(rest).ok_or_else(|| wrong("is no host"))?;
        let port = match port {
            None => scheme.map(|scheme| if scheme == "https" { 443 } else { 80 }),
            Some("*") => None,
            Some(digits) => match digits.parse::<u16>() {
                Ok(port) if port > 0 && digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(port),
                _ => return Err(wrong("has no port between 1 and 65535")),
            },
        };
        let (below, name) = match name.strip_prefix("*.") {
            Some(name) => (true, name),
            None => (false, name),
        };
        if name.contains('*') {
            return Err(wrong("has a `*` elsewhere than in a leading `*.`"));
        }
        let bracketed = if name.matches(':').count() > 1 && !name.starts_with('[') {
            format!("[{name}]")
        } else {
            name.to_owned()
        };
        // The same reading that URLs get: case, punycode, `0x7f.1`.
        let normal = read(&format!("http://{bracketed}/")).map_err(|_| wrong("is no host"))?;
        let normal = host(&normal);
        if below && address(&normal).is_some() {
            return Err(wrong("is a wildcard over an address"));
        }
        let name = if below { HostName::Below(format!(".{normal}")) } else { HostName::Exact(normal) };
        Ok(Self { text: text.trim().to_owned(), scheme, port, name })
    }

    /// The host, where it is no wildcard.
    pub(super) fn exact(&self) -> Option<&str> {
        match &self.name {
            HostName::Exact(name) => Some(name),
            HostName::Below(_) => None,
        }
    }

    pub(super) fn matches(&self, url: &Url) -> bool {
        let host = host(url);
        let named = match &self.name {
            HostName::Exact(name) => *name == host,
            HostName::Below(tail) => {
                host.len() > tail.len() && host.ends_with(tail.as_str()) && address(&host).is_none()
            }
        };
        named
            && self.scheme.is_none_or(|scheme| scheme == url.scheme())
            && self.port.is_none_or(|port| url.port_or_known_default() == Some(port))
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`, bare `v6`.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    if let Some(inner) = text.strip_prefix('[') {
        let (_, after) = inner.split_once(']')?;
        let host = &text[..text.len() - after.len()];
        return match after.strip_prefix(':') {
            Some(port) => Some((host, Some(port))),
            None => after.is_empty().then_some((host, None)),
        };
    }
    match text.matches(':').count() {
        1 => text.split_once(':').map(|(host, port)| (host, Some(port))),
        _ => Some((text, None)),
    }
}

/// The patterns of `paths`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Paths {
    /// As they were written.
    pub texts: Vec<String>,
    patterns: Vec<Vec<char>>,
    /// One of them is `*`.
    pub all: bool,
}

impl Paths {
    /// Shell patterns: `*` for anything, slashes too, `?` for one character, `[a-z]` and `[!a-z]`.
    ///
    /// # Errors
    /// For one that can match no path.
    pub(super) fn read(texts: Vec<String>) -> Result<Self, String> {
        if let Some(wrong) = texts.iter().find(|text| !text.starts_with(['/', '*', '?', '['])) {
            return Err(format!("`{wrong}` matches no path: begin it with `/`"));
        }
        let patterns = texts.iter().map(|text| softly_decoded(text).chars().collect()).collect();
        Ok(Self { all: texts.iter().any(|text| text == "*"), texts, patterns })
    }

    /// Whether every reading of `path`, as a URL has it, is allowed.
    pub(super) fn allow(&self, path: &str) -> bool {
        self.all || readings(path).is_some_and(|all| all.iter().all(|reading| self.matches(reading)))
    }

    fn matches(&self, reading: &str) -> bool {
        let reading: Vec<char> = reading.chars().collect();
        self.patterns.iter().any(|pattern| glob(pattern, &reading))
    }
}

/// Every path a server may take `path` for. None when that is anybody's guess.
fn readings(path: &str) -> Option<BTreeSet<String>> {
    // `%u002e` is a dot to some servers of old.
    if path.to_ascii_lowercase().contains("%u") {
        return None;
    }
    let mut current = softly_decoded(path);
    let mut all = BTreeSet::from([current.clone(), resolved(&current)]);
    for _ in 0..ENCODINGS {
        let decoded = String::from_utf8(decoded(&current, |_| true)).ok()?;
        if decoded.chars().any(|c| c.is_control() || is_double_of_syntax(c)) {
            return None;
        }
        if decoded == current {
            return Some(all);
        }
        all.insert(resolved(&decoded));
        current = decoded;
    }
    None
}

/// Letters that become dots, slashes, `%` or `;` where a server or a file system normalises what it is given
/// (NFKC): full and small forms, one and two dot leaders, the ellipsis.
fn is_double_of_syntax(c: char) -> bool {
    matches!(
        c,
        '\u{ff0e}'
            | '\u{ff0f}'
            | '\u{ff3c}'
            | '\u{ff05}'
            | '\u{ff1b}'
            | '\u{fe52}'
            | '\u{fe68}'
            | '\u{fe6a}'
            | '\u{fe54}'
            | '\u{2024}'..='\u{2026}' | '\u{fe19}'
    )
}

/// Without dot segments, doubled slashes and `;` parameters; a backslash is a slash.
fn resolved(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let slashed = path.replace('\\', "/");
    for segment in slashed.split('/') {
        match segment.split(';').next().unwrap_or_default() {
            "" | "." => {}
            ".." => _ = kept.pop(),
            name => kept.push(name),
        }
    }
    let directory = slashed.ends_with('/') && !kept.is_empty();
    format!("/{}{}", kept.join("/"), if directory { "/" } else { "" })
}

/// Decoded where the octet means the same either way for every server.
fn softly_decoded(path: &str) -> String {
    let plain = |byte: u8| byte != b'%' && !b"/\\;?#*[]".contains(&byte) && !byte.is_ascii_control();
    String::from_utf8(decoded(path, plain)).unwrap_or_else(|_| path.to_owned())
}

/// `%XX` as its octet, where `which` wants it.
fn decoded(text: &str, which: impl Fn(u8) -> bool) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let octet = pair.filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        match octet.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|octet| which(*octet)) {
            Some(octet) if byte == b'%' => {
                out.push(octet);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    out
}

/// Shell matching in time proportional to the product of both lengths, whatever the pattern.
fn glob(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, t));
                p += 1;
                continue;
            }
            Some(_) => {
                if let Some(next) = one(pattern, p, text[t]) {
                    p = next;
                    t += 1;
                    continue;
                }
            }
            None => {}
        }
        // Let the last star take one character more.
        let Some((at, taken)) = star else { return false };
        p = at + 1;
        t = taken + 1;
        star = Some((at, t));
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

/// Where the pattern goes on when its element at `p` takes `c`.
fn one(pattern: &[char], p: usize, c: char) -> Option<usize> {
    match pattern.get(p)? {
        '?' => Some(p + 1),
        '[' => {
            let negated = pattern.get(p + 1) == Some(&'!');
            let first = p + 1 + usize::from(negated);
            // A `]` that stands first is a member.
            let Some(length) = pattern.get(first + 1..).and_then(|rest| rest.iter().position(|c| *c == ']'))
            else {
                return (c == '[').then_some(p + 1);
            };
            let set = pattern.get(first..=first + length)?;
            let mut found = false;
            let mut at = 0;
            while let Some(low) = set.get(at) {
                if let (Some('-'), Some(high)) = (set.get(at + 1), set.get(at + 2)) {
                    found |= (*low..=*high).contains(&c);
                    at += 3;
                } else {
                    found |= *low == c;
                    at += 1;
                }
            }
            (found != negated).then_some(first + length + 2)
        }
        literal => (*literal == c).then_some(p + 1),
    }
}

#[cfg(test)]
#[path = "allow_tests.rs"]
mod tests;
