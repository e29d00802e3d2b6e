//! `config` of an HTTP toolset, read once and complete: a restriction that is misspelt must not become none.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::address::Listed;
use super::allow::{self, HostPattern, Paths};
use crate::config::yaml::nearest;

/// Seconds one call may take, redirects and body included, unless `timeout_seconds` says otherwise: HolmesGPT's.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes kept of one body unless `max_response_bytes` says otherwise.
const KEPT: u64 = 10 << 20;
/// Methods that endpoints may list.
const METHODS: &[&str] = &["GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"];
/// Methods that change things by their meaning: never sent, whatever a file lists.
const CHANGING: &[&str] = &["PUT", "PATCH", "DELETE"];

/// A toolset's `config`.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub endpoints: Vec<Endpoint>,
    pub verify_ssl: bool,
    pub timeout: Duration,
    pub kept_bytes: u64,
    /// `default_headers` and `extra_headers`; `(name, value)` with the value marked as sensitive.
    pub headers: HeaderMap,
    pub identity: Option<(PathBuf, Option<PathBuf>)>,
}

/// What may be asked of some hosts, and how this toolset shows who it is.
#[derive(Debug, Clone)]
pub(super) struct Endpoint {
    pub hosts: Vec<HostPattern>,
    pub paths: Paths,
    /// Upper case, in the file's order.
    pub methods: Vec<String>,
    pub auth: Auth,
    /// Of `basic`, to be kept out of sight in its plain form too.
    password: Option<SecretString>,
    pub health_check_url: Option<Url>,
    /// Closed places that its hosts name.
    pub listed: Listed,
}

/// How an endpoint's requests show who asks.
#[derive(Clone, PartialEq, Eq, Default)]
pub(super) enum Auth {
    #[default]
    None,
    /// A header and its value, whatever kind made it.
    Header(HeaderName, HeaderValue),
    /// A query parameter.
    Query(String, String),
    /// User and password, for a server that challenges.
    Digest(String, String),
}

impl std::fmt::Debug for Auth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Header(..) => "Header(…)",
            Self::Query(..) => "Query(…)",
            Self::Digest(..) => "Digest(…)",
        })
    }
}

impl Endpoint {
    pub(super) fn allows(&self, url: &Url) -> bool {
        self.hosts.iter().any(|host| host.matches(url)) && self.paths.allow(url.path())
    }

    pub(super) fn offers(&self, method: &str) -> bool {
        self.methods.iter().any(|one| one == method)
    }

    /// Hosts, paths and methods in one line.
    pub(super) fn told(&self) -> String {
        let hosts: Vec<&str> = self.hosts.iter().map(|host| host.text.as_str()).collect();
        let paths = if self.paths.all { String::new() } else { format!(" {}", self.paths.texts.join(" ")) };
        format!("{} {}{paths}", self.offered().join("|"), hosts.join(" "))
    }

    /// Methods that are really sent.
    pub(super) fn offered(&self) -> Vec<&str> {
        self.methods.iter().map(String::as_str).filter(|method| !CHANGING.contains(method)).collect()
    }
}

impl Settings {
    /// Reads `config`.
    ///
    /// # Errors
    /// The first mistake, with its place in `config`.
    pub(super) fn read(config: &Map<String, Value>) -> Result<Self, String> {
        let at = Place::root(config);
        at.known(&[
            "endpoints",
            "verify_ssl",
            "timeout_seconds",
            "max_response_bytes",
            "default_headers",
            "extra_headers",
            "client_cert_path",
            "client_key_path",
        ])?;
        let mut endpoints = Vec::new();
        for (index, item) in at.list("endpoints")?.iter().enumerate() {
            endpoints.push(Endpoint::read(&at.item("endpoints", index, item)?)?);
        }
        if endpoints.is_empty() {
            return Err("config.endpoints is empty: list at least one endpoint with its `hosts`".to_owned());
        }
        let mut headers = at.headers("default_headers")?;
        headers.extend(at.headers("extra_headers")?);
        let path = |key| at.text(key).map(|text| text.map(PathBuf::from));
        let identity = match (path("client_cert_path")?, path("client_key_path")?) {
            (Some(cert), key) => Some((cert, key)),
            (None, Some(_)) => {
                return Err("config.client_key_path needs `client_cert_path` beside it".to_owned());
            }
            (None, None) => None,
        };
        Ok(Self {
            endpoints,
            verify_ssl: at.switch("verify_ssl")?.unwrap_or(true),
            timeout: at.number("timeout_seconds")?.map_or(TIMEOUT, Duration::from_secs),
            kept_bytes: at.number("max_response_bytes")?.unwrap_or(KEPT),
            headers,
            identity,
        })
    }

    /// The endpoint that `method url` belongs to.
    ///
    /// # Errors
    /// When there is none: what was asked, and what could be.
    pub(super) fn endpoint(&self, method: &str, url: &Url) -> Result<&Endpoint, String> {
        let fitting: Vec<&Endpoint> = self.endpoints.iter().filter(|one| one.allows(url)).collect();
        if fitting.is_empty() {
            let lines: Vec<String> = self.endpoints.iter().map(Endpoint::told).collect();
            return Err(format!(
                "`{}` is not in the allow-list of this tool: {}",
                shown(url),
                lines.join("; ")
            ));
        }
        match fitting.iter().find(|one| one.offers(method)) {
            Some(_) if CHANGING.contains(&method) => {
                Err(format!("{method} changes things; this program only reads, whatever `methods` lists"))
            }
            Some(endpoint) => Ok(endpoint),
            None => {
                let offered: Vec<&str> = fitting.iter().flat_map(|one| one.offered()).collect();
                let offered = if offered.is_empty() { "none".to_owned() } else { offered.join(", ") };
                Err(format!("method `{method}` is not allowed here; allowed: {offered}"))
            }
        }
    }

    /// Every method a model may use, in the order it is listed.
    pub(super) fn methods(&self) -> Vec<&str> {
        let mut all: Vec<&str> = Vec::new();
        for method in self.endpoints.iter().flat_map(Endpoint::offered) {
            if !all.contains(&method) {
                all.push(method);
            }
        }
        all
    }

    /// Everything that must not come back out of it.
    pub(super) fn secrets(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        let mut header = |value: &HeaderValue| {
            let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
            // `Bearer` is no secret, and servers repeat the token without it.
            let token = text.split_once(' ').map(|(_, token)| token).filter(|token| !token.contains(' '));
            found.push(token.unwrap_or(&text).to_owned());
        };
        for endpoint in &self.endpoints {
            if let Auth::Header(_, value) = &endpoint.auth {
                header(value);
            }
        }
        self.headers.values().filter(|value| value.is_sensitive()).for_each(header);
        for endpoint in &self.endpoints {
            if let Auth::Query(_, value) = &endpoint.auth {
                found.push(value.clone());
            }
            found.extend(endpoint.password.as_ref().map(|password| password.expose_secret().to_owned()));
        }
        found
    }
}

/// A URL as errors and progress show it: without its query.
pub(super) fn shown(url: &Url) -> String {
    let port = url.port().map_or(String::new(), |port| format!(":{port}"));
    format!("{}://{}{port}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

impl Endpoint {
    fn read(at: &Place<'_>) -> Result<Self, String> {
        at.known(&["hosts", "paths", "methods", "auth", "health_check_url"])?;
        let mut hosts = Vec::new();
        for text in at.texts("hosts")?.unwrap_or_default() {
            hosts.push(HostPattern::read(&text).map_err(|error| at.wrong("hosts", &error))?);
        }
        if hosts.is_empty() {
            return Err(
                at.wrong("hosts", "is missing: say which hosts may be asked, like `[api.example.com]`")
            );
        }
        let paths = at.texts("paths")?.unwrap_or_else(|| vec!["*".to_owned()]);
        let paths = Paths::read(paths).map_err(|error| at.wrong("paths", &error))?;
        let methods = at.texts("methods")?.unwrap_or_else(|| vec!["GET".to_owned()]);
        let methods: Vec<String> = methods.iter().map(|method| method.trim().to_ascii_uppercase()).collect();
        if let Some(odd) = methods.iter().find(|method| !METHODS.contains(&method.as_str())) {
            return Err(at.wrong("methods", &format!("has `{odd}`, known are {}", METHODS.join(", "))));
        }
        let health_check_url = match at.text("health_check_url")? {
            None => None,
            Some(text) => Some(allow::read(&text).map_err(|error| at.wrong("health_check_url", &error))?),
        };
        let mut listed = Listed { private: true, ..Listed::default() };
        hosts.iter().filter_map(HostPattern::exact).for_each(|host| listed.add(host));
        let (auth, password) = match at.get("auth") {
            None => (Auth::None, None),
            Some(value) => {
                let inner = at.inner("auth", value)?;
                (auth(&inner)?, inner.text("password")?.map(SecretString::from))
            }
        };
        Ok(Self { hosts, paths, methods, auth, password, health_check_url, listed })
    }
}

fn auth(at: &Place<'_>) -> Result<Auth, String> {
    at.known(&["type", "username", "password", "token", "name", "value"])?;
    let kind = at.text("type")?.unwrap_or_else(|| "none".to_owned());
    let needed = |key: &str| match at.text(key)? {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(at.wrong(key, &format!("is missing: type `{kind}` needs it"))),
    };
    let header = |key: &str, value: String| {
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| at.wrong(key, "holds a character that no header can carry, such as a line break"))?;
        value.set_sensitive(true);
        Ok::<_, String>(value)
    };
    let authorization = HeaderName::from_static("authorization");
    match kind.as_str() {
        "none" => Ok(Auth::None),
        "basic" => {
            let pair = format!("{}:{}", needed("username")?, needed("password")?);
            Ok(Auth::Header(authorization, header("password", format!("Basic {}", base64(pair.as_bytes())))?))
        }
        "bearer" => Ok(Auth::Header(authorization, header("token", format!("Bearer {}", needed("token")?))?)),
        "header" => {
            let name = HeaderName::from_bytes(needed("name")?.as_bytes())
                .map_err(|_| at.wrong("name", "is no name of a header"))?;
            Ok(Auth::Header(name, header("value", needed("value")?)?))
        }
        "query" => Ok(Auth::Query(needed("name")?, needed("value")?)),
        "digest" => Ok(Auth::Digest(needed("username")?, needed("password")?)),
        other => {
            let known = "known are none, basic, bearer, header, digest, query";
            Err(at.wrong("type", &format!("is `{other}`, {known}")))
        }
    }
}

/// Standard alphabet with padding (RFC 4648): what `Authorization: Basic` carries.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let octet = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = octet(0) << 16 | octet(1) << 8 | octet(2);
        for index in 0..4 {
            let letter = ALPHABET[(bits >> (18 - 6 * index) & 63) as usize];
            text.push(if index <= chunk.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// A map inside `config`, and where it stands.
pub(super) struct Place<'a> {
    path: String,
    map: &'a Map<String, Value>,
}

impl<'a> Place<'a> {
    pub(super) fn root(map: &'a Map<String, Value>) -> Self {
        Self { path: "config".to_owned(), map }
    }

    fn inner(&self, key: &str, value: &'a Value) -> Result<Self, String> {
        let map = value.as_object().ok_or_else(|| self.needs(key, "a map", value))?;
        Ok(Self { path: format!("{}.{key}", self.path), map })
    }

    fn item(&self, key: &str, index: usize, value: &'a Value) -> Result<Self, String> {
        self.inner(&format!("{key}[{index}]"), value)
    }

    fn wrong(&self, key: &str, what: &str) -> String {
        format!("{}.{key} {what}", self.path)
    }

    fn needs(&self, key: &str, needed: &str, value: &Value) -> String {
        let got = match value {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::String(_) => "text",
            Value::Array(_) => "a list",
            Value::Object(_) => "a map",
        };
        self.wrong(key, &format!("needs {needed}, got {got}"))
    }

    /// Fails on keys that are not among `names`: one that is misspelt would widen what is allowed.
    pub(super) fn known(&self, names: &[&str]) -> Result<(), String> {
        match self.map.keys().find(|key| !names.contains(&key.as_str())) {
            None => Ok(()),
            Some(odd) => Err(match nearest(odd, names) {
                Some(near) => self.wrong(odd, &format!("is not known, did you mean `{near}`?")),
                None => self.wrong(odd, &format!("is not known, known are {}", names.join(", "))),
            }),
        }
    }

    fn get(&self, key: &str) -> Option<&'a Value> {
        self.map.get(key).filter(|value| !value.is_null())
    }

    fn list(&self, key: &str) -> Result<&'a [Value], String> {
        match self.get(key) {
            None => Ok(&[]),
            Some(Value::Array(items)) => Ok(items),
            Some(other) => Err(self.needs(key, "a list", other)),
        }
    }

    /// A list of texts, or one.
    pub(super) fn texts(&self, key: &str) -> Result<Option<Vec<String>>, String> {
        let items = match self.get(key) {
            None => return Ok(None),
            Some(one @ Value::String(_)) => std::slice::from_ref(one),
            Some(Value::Array(items)) => items,
            Some(other) => return Err(self.needs(key, "a list of texts", other)),
        };
        let text = |item: &Value| match item {
            Value::String(text) => Ok(text.clone()),
            other => Err(self.needs(key, "a list of texts", other)),
        };
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    fn text(&self, key: &str) -> Result<Option<String>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            // A password of digits is a number to YAML.
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(other) => Err(self.needs(key, "text", other)),
        }
    }

    pub(super) fn switch(&self, key: &str) -> Result<Option<bool>, String> {
        match self.get(key) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(*value)),
            Some(Value::String(text)) if text == "true" || text == "false" => Ok(Some(text == "true")),
            Some(other) => Err(self.needs(key, "true or false", other)),
        }
    }

    pub(super) fn number(&self, key: &str) -> Result<Option<u64>, String> {
        let Some(value) = self.get(key) else { return Ok(None) };
        let read = value.as_u64().or_else(|| value.as_str()?.trim().parse().ok());
        match read.filter(|number| (1..=1 << 32).contains(number)) {
            Some(number) => Ok(Some(number)),
            None => Err(self.wrong(key, "needs a whole number above 0")),
        }
    }

    /// Headers to send; one that needs a request's context is left out, as there is none on a command line.
    pub(super) fn headers(&self, key: &str) -> Result<HeaderMap, String> {
        let mut headers = HeaderMap::new();
        let Some(value) = self.get(key) else { return Ok(headers) };
        let map = self.inner(key, value)?;
        for name in map.map.keys() {
            let Some(text) = map.text(name)? else { continue };
            if text.contains("{{") {
                continue;
            }
            let known = HeaderName::from_bytes(name.as_bytes());
            let known = known.map_err(|_| map.wrong(name, "is no name of a header"))?;
            let mut value = HeaderValue::from_str(&text)
                .map_err(|_| map.wrong(name, "holds a character that no header can carry"))?;
            value.set_sensitive(looks_secret(known.as_str()));
            headers.insert(known, value);
        }
        Ok(headers)
    }
}

/// Headers that carry credentials go by these names.
fn looks_secret(name: &str) -> bool {
    ["auth", "token", "key", "secret", "cookie", "password", "session"].iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: &Value) -> Result<Settings, String> {
        Settings::read(config.as_object().unwrap())
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (config, expected) in [
            (json!({}), "config.endpoints is empty"),
            (json!({"endpoint": []}), "config.endpoint is not known, did you mean `endpoints`?"),
            (json!({"endpoints": "x"}), "config.endpoints needs a list, got text"),
            (json!({"endpoints": ["x"]}), "config.endpoints[0] needs a map, got text"),
            (json!({"endpoints": [{"paths": ["*"]}]}), "config.endpoints[0].hosts is missing"),
            (json!({"endpoints": [{"hosts": []}]}), "config.endpoints[0].hosts is missing"),
            (json!({"endpoints": [{"hosts": [5]}]}), "config.endpoints[0].hosts needs a list of texts"),
            (json!({"endpoints": [{"hosts": ["a"], "path": ["/"]}]}), "did you mean `paths`?"),
            (json!({"endpoints": [{"hosts": ["a"], "paths": ["api"]}]}), "begin it with `/`"),
            (json!({"endpoints": [{"hosts": ["a"], "methods": ["FETCH"]}]}), "has `FETCH`"),
            (json!({"endpoints": [{"hosts": ["a.*.b"]}]}), "config.endpoints[0].hosts `a.*.b` has a `*`"),
            (json!({"endpoints": [{"hosts": ["ftp://a"]}]}), "needs `http://`"),
            (json!({"endpoints": [{"hosts": ["a:99999"]}]}), "no port between"),
            (json!({"endpoints": [{"hosts": ["*.0.0.1"]}]}), "a wildcard over an address"),
            (json!({"endpoints": [{"hosts": ["u:p@a"]}]}), "use `auth`"),
            (json!({"endpoints": [{"hosts": ["[::1"]}]}), "is no host"),
            (json!({"endpoints": [{"hosts": ["a"], "auth": {"type": "bearer"}}]}), "auth.token is missing"),
            (json!({"endpoints": [{"hosts": ["a"], "auth": {"type": "oauth"}}]}), "known are none, basic"),
            (json!({"endpoints": [{"hosts": ["a"], "auth": {"type": "bearer", "tokn": "x"}}]}), "`token`?"),
            (
                json!({"endpoints": [{"hosts": ["a"], "auth": {"type": "bearer", "token": "x\ny"}}]}),
                "line break",
            ),
            (json!({"endpoints": [{"hosts": ["a"], "health_check_url": "/up"}]}), "health_check_url"),
            (json!({"endpoints": [{"hosts": ["a"]}], "timeout_seconds": 0}), "timeout_seconds needs"),
            (json!({"endpoints": [{"hosts": ["a"]}], "verify_ssl": "no"}), "verify_ssl needs true or false"),
            (
                json!({"endpoints": [{"hosts": ["a"]}], "default_headers": {"a b": "x"}}),
                "no name of a header",
            ),
            (json!({"endpoints": [{"hosts": ["a"]}], "client_key_path": "/k"}), "client_cert_path"),
        ] {
            let error = read(&config).unwrap_err();
            assert!(error.contains(expected), "{config}: {error}");
            assert_eq!(error.lines().count(), 1);
        }
    }

    #[test]
    fn base64_is_the_standard_one() {
        for (plain, coded) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("user:pass", "dXNlcjpwYXNz")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn secrets_are_not_in_the_debug_form() {
        let config = json!({"endpoints": [{"hosts": ["a"], "auth": {"type": "bearer", "token": "t0psecret"}}],
                            "default_headers": {"X-Api-Key": "k3ysecret"}});
        let settings = read(&config).unwrap();
        let told = format!("{settings:?}");
        assert!(!told.contains("t0psecret") && !told.contains("k3ysecret"), "{told}");
        let secrets = settings.secrets();
        assert!(secrets.contains(&"t0psecret".to_owned()) && secrets.contains(&"k3ysecret".to_owned()));
    }

    #[test]
    fn the_endpoint_that_offers_the_method_is_taken() {
        let settings = read(&json!({"endpoints": [
            {"hosts": ["es.example.com"], "methods": ["get", "delete"]},
            {"hosts": ["es.example.com"], "paths": ["/*/_search"], "methods": ["POST"]},
        ]}))
        .unwrap();
        let ask = |method: &str, url: &str| settings.endpoint(method, &allow::read(url).unwrap()).map(|_| ());
        assert!(ask("GET", "http://es.example.com/x").is_ok());
        assert!(ask("POST", "http://es.example.com/logs/_search").is_ok());
        assert!(ask("POST", "http://es.example.com/logs").unwrap_err().ends_with("allowed: GET"));
        assert!(ask("DELETE", "http://es.example.com/logs").unwrap_err().contains("only reads"));
        assert!(ask("GET", "http://other.example.com/").unwrap_err().contains("not in the allow-list"));
        assert_eq!(settings.methods(), ["GET", "POST"]);
    }
}
