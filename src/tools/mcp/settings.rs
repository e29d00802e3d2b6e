//! What a toolset's `config` says of its server: how it is reached, with what, and how long things may take.

use std::path::PathBuf;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};

use crate::shell::{Program, environment, is_model_key};
use crate::tools::Surroundings;

/// What starting, greeting and listing may take each, unless `connect_timeout` says otherwise.
const CONNECT: Duration = Duration::from_secs(10);
/// The longest time a server may be given, in seconds: a day.
const LONGEST: f64 = 86_400.0;
/// Every key of `config`. `icon_url` is for products with a web page.
const KEYS: &[&str] = &[
    "mode",
    "type",
    "transport",
    "url",
    "headers",
    "extra_headers",
    "command",
    "args",
    "env",
    "workdir",
    "cwd",
    "verify_ssl",
    "timeout",
    "connect_timeout",
    "health_check_tool",
    "approved_tools",
    "icon_url",
    "oauth",
];
/// What AWS' own server wants, and the program that gives it.
const AWS: &str = "`config.mode` is `aws`, whose requests are signed: let AWS' own proxy do that, with `mode: stdio`, \
                   `command: uvx`, `args: [mcp-proxy-for-aws@latest, URL OF THE SERVER]`";

/// How a server is reached and called.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub reach: Reach,
    pub connect_timeout: Duration,
    /// Of one call.
    pub timeout: Duration,
    /// A tool without arguments that proves the credential when the server is checked.
    pub health_check_tool: Option<String>,
    /// HolmesGPT would ask for a token in a browser.
    pub oauth: bool,
    /// Globs of tools that a person has approved in advance.
    pub approved_tools: Vec<String>,
    /// What is odd and yet no reason to stop.
    pub warnings: Vec<String>,
}

/// The way to a server.
#[derive(Debug, Clone)]
pub(super) enum Reach {
    Stdio(Program),
    Web { url: Url, mode: Mode, headers: HeaderMap, verify: bool },
}

/// Which of the two ways over HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    StreamableHttp,
    Sse,
    /// Not said: the first, and the older one where a server knows only that.
    Either,
}

impl Settings {
    /// Reads `config`.
    ///
    /// # Errors
    /// In one line: what is missing or wrong, and what it needs to be.
    pub(super) fn read(config: &Map<String, Value>, surroundings: &Surroundings) -> Result<Self, String> {
        let mut warnings: Vec<String> = Vec::new();
        for key in config.keys().filter(|key| !KEYS.contains(&key.as_str())) {
            warnings.push(format!("`config.{key}` has no effect for an MCP server"));
        }
        // On when anything of it is given, as in HolmesGPT.
        let oauth = match config.get("oauth") {
            Some(Value::Object(map)) => {
                let on = map.get("enabled").and_then(switch);
                on.unwrap_or_else(|| map.values().any(|value| !value.is_null()))
            }
            Some(value) => switch(value) == Some(true),
            None => false,
        };
        if oauth {
            warnings.push(
                "`config.oauth` is not supported, since it needs a browser: give a token in `config.headers`, as \
                 `Authorization: Bearer {{ env.NAME }}`"
                    .to_owned(),
            );
        }
        let reach = reach(config, surroundings, &mut warnings)?;
        Ok(Self {
            reach,
            connect_timeout: duration(config, "connect_timeout")?.unwrap_or(CONNECT),
            timeout: duration(config, "timeout")?.unwrap_or(surroundings.timeout),
            health_check_tool: text(config, "health_check_tool")?,
            oauth,
            approved_tools: texts(config, "approved_tools")?,
            warnings,
        })
    }
}

fn reach(
    config: &Map<String, Value>,
    surroundings: &Surroundings,
    warnings: &mut Vec<String>,
) -> Result<Reach, String> {
    let mut said = None;
    for key in ["mode", "type", "transport"] {
        said = said.or(text(config, key)?);
    }
    let folded = said.as_deref().map(|mode| mode.to_lowercase().replace('_', "-"));
    let mode = match folded.as_deref() {
        None | Some("mcp") => None,
        Some("stdio") => return program(config, surroundings, warnings),
        Some("sse") => Some(Mode::Sse),
        Some("http" | "streamable-http" | "streamablehttp" | "remote") => Some(Mode::StreamableHttp),
        Some("aws") => return Err(AWS.to_owned()),
        Some(_) => {
            let said = said.unwrap_or_default();
            return Err(format!("`config.mode` is `{said}`, it needs to be streamable-http, sse or stdio"));
        }
    };
    let Some(url) = text(config, "url")? else {
        if mode.is_none() && text(config, "command")?.is_some() {
            return program(config, surroundings, warnings);
        }
        return Err("`config` needs a `url`, or a `command` to start".to_owned());
    };
    web(config, &url, mode.unwrap_or(Mode::Either), warnings)
}

fn program(
    config: &Map<String, Value>,
    surroundings: &Surroundings,
    warnings: &mut Vec<String>,
) -> Result<Reach, String> {
    let Some(command) = text(config, "command")? else {
        return Err("`config.command` is missing: the program that is the server".to_owned());
    };
    let mut args = texts(config, "args")?;
    // `command: npx -y server` in one string, where no such program can be.
    let mut words = command.split_whitespace().map(str::to_owned);
    let command = match words.next() {
        Some(first) if args.is_empty() && !command.contains(['\'', '"', '\\']) => {
            args = words.collect();
            first
        }
        _ => command,
    };
    let mut given: Vec<(String, String)> = Vec::new();
    let mut wanted = Vec::new();
    match config.get("env") {
        None | Some(Value::Null) => {}
        Some(Value::Array(_) | Value::String(_)) => wanted = texts(config, "env")?,
        Some(Value::Object(map)) => {
            for (name, value) in map {
                let value = scalar(value).ok_or_else(|| format!("`config.env.{name}` needs to be a text"))?;
                given.push((name.clone(), value));
            }
        }
        Some(_) => return Err("`config.env` needs to be a map of names and values".to_owned()),
    }
    for name in given.iter().map(|(name, _)| name).chain(&wanted).filter(|name| is_model_key(name)) {
        warnings.push(format!("`{name}` pays for models and is not given to the server"));
    }
    let mut env = environment(&surroundings.caller, &wanted);
    given.retain(|(name, _)| !is_model_key(name) && !name.is_empty() && !name.contains(['=', '\0']));
    env.retain(|(name, _)| given.iter().all(|(other, _)| other != name));
    env.extend(given);
    if env.iter().any(|(_, value)| value.contains('\0')) || args.iter().any(|arg| arg.contains('\0')) {
        return Err("`config` holds a NUL character".to_owned());
    }
    let workdir = text(config, "workdir")?.or(text(config, "cwd")?).map(PathBuf::from);
    Ok(Reach::Stdio(Program { command, args, env, workdir }))
}

fn web(
    config: &Map<String, Value>,
    url: &str,
    mode: Mode,
    warnings: &mut Vec<String>,
) -> Result<Reach, String> {
    let parsed =
        Url::parse(url.trim()).ok().filter(|url| ["http", "https"].contains(&url.scheme()) && url.has_host());
    let Some(url) = parsed else {
        return Err("`config.url` needs to be an address such as http://host:8000/mcp".to_owned());
    };
    let verify = match config.get("verify_ssl").filter(|value| !value.is_null()) {
        None => true,
        Some(value) => switch(value).ok_or("`config.verify_ssl` needs to be true or false")?,
    };
    if !verify && url.scheme() == "https" {
        warnings.push(format!(
            "`verify_ssl: false`: whoever answers for {} is believed and gets the headers",
            url.host_str().unwrap_or_default()
        ));
    }
    let mut headers = HeaderMap::new();
    for key in ["headers", "extra_headers"] {
        let map = match config.get(key) {
            None | Some(Value::Null) => continue,
            Some(Value::Object(map)) => map,
            Some(_) => return Err(format!("`config.{key}` needs to be a map of names and values")),
        };
        for (name, value) in map {
            let value = scalar(value).ok_or_else(|| format!("`config.{key}.{name}` needs to be a text"))?;
            let value = if key == "extra_headers" && value.contains("{{") {
                rendered(&value).map_err(|error| format!("`config.{key}.{name}`: {error}"))?
            } else {
                value
            };
            // A request's own headers, of which a command line has none.
            if value.trim().is_empty() {
                continue;
            }
            let parsed = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| format!("`config.{key}` holds `{}`, which is no header", name.escape_debug()))?;
            let mut value = HeaderValue::from_str(value.trim())
                .map_err(|_| format!("`config.{key}.{name}` holds characters no header can have"))?;
            value.set_sensitive(true);
            headers.insert(parsed, value);
        }
    }
    let mode = match mode {
        Mode::Either if url.path().trim_end_matches('/').ends_with("/sse") => Mode::Sse,
        other => other,
    };
    Ok(Reach::Web { url, mode, headers, verify })
}

/// A header's template. There is no request on a command line: what it would give is empty.
fn rendered(template: &str) -> Result<String, String> {
    let mut engine = minijinja::Environment::new();
    engine.set_fuel(Some(10_000));
    engine.set_undefined_behavior(minijinja::UndefinedBehavior::Chainable);
    let text = engine.render_str(template, minijinja::context! {}).map_err(|error| error.to_string())?;
    // `Bearer {{ … }}` of nothing is no credential.
    Ok(if text.trim().eq_ignore_ascii_case("bearer") { String::new() } else { text })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(switch) => Some(switch.to_string()),
        _ => None,
    }
}

fn switch(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(switch) => Some(*switch),
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "1" => Some(true),
            "false" | "no" | "0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn text(config: &Map<String, Value>, key: &str) -> Result<Option<String>, String> {
    match config.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(_) => Err(format!("`config.{key}` needs to be a text")),
    }
}

fn texts(config: &Map<String, Value>, key: &str) -> Result<Vec<String>, String> {
    let wrong = || format!("`config.{key}` needs to be a list of texts");
    match config.get(key) {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => items.iter().map(scalar).collect::<Option<Vec<_>>>().ok_or_else(wrong),
        Some(Value::String(text)) => Ok(text.split_whitespace().map(str::to_owned).collect()),
        Some(_) => Err(wrong()),
    }
}

/// Seconds, or a text such as `30s`, `500ms`, `2m`.
fn duration(config: &Map<String, Value>, key: &str) -> Result<Option<Duration>, String> {
    let wrong = || format!("`config.{key}` needs seconds or a time such as `30s`, `2m`, at most a day");
    let seconds = match config.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_f64().ok_or_else(wrong)?,
        Some(Value::String(text)) => {
            let text = text.trim();
            let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let unit = match text.get(digits.len()..).unwrap_or_default() {
                "ms" => 0.001,
                "" | "s" => 1.0,
                "m" => 60.0,
                "h" => 3600.0,
                _ => return Err(wrong()),
            };
            digits.trim().parse::<f64>().map_err(|_| wrong())? * unit
        }
        Some(_) => return Err(wrong()),
    };
    if !seconds.is_finite() || seconds <= 0.0 || seconds > LONGEST {
        return Err(wrong());
    }
    Duration::try_from_secs_f64(seconds).map(Some).map_err(|_| wrong())
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tests read better with values")]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(config: Value) -> Result<Settings, String> {
        let caller = [("PATH", "/bin"), ("TOKEN", "t"), ("SECRET", "s"), ("OPENAI_API_KEY", "k")];
        let surroundings = Surroundings {
            caller: caller.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            timeout: Duration::from_mins(1),
            ..Surroundings::default()
        };
        let Value::Object(config) = config else { panic!() };
        Settings::read(&config, &surroundings)
    }

    #[test]
    fn a_mistake_says_what_the_key_needs() {
        for (config, said) in [
            (json!({}), "`url`"),
            (json!({"mode": "carrier-pigeon", "url": "http://x"}), "`carrier-pigeon`"),
            (json!({"mode": "aws", "region": "eu-west-1"}), "mcp-proxy-for-aws"),
            (json!({"mode": "stdio"}), "`config.command`"),
            (json!({"mode": "sse"}), "`url`"),
            (json!({"url": "x"}), "http://"),
            (json!({"url": "file:///etc/passwd"}), "http://"),
            (json!({"url": 5}), "`config.url`"),
            (json!({"url": "http://x", "headers": ["a"]}), "`config.headers`"),
            (json!({"url": "http://x", "headers": {"a b": "c"}}), "no header"),
            (json!({"url": "http://x", "headers": {"a": "c\nd"}}), "no header can have"),
            (json!({"url": "http://x", "timeout": -1}), "`config.timeout`"),
            (json!({"url": "http://x", "timeout": "1e300h"}), "`config.timeout`"),
            (json!({"url": "http://x", "verify_ssl": "maybe"}), "`config.verify_ssl`"),
            (json!({"command": "x", "args": {"a": 1}}), "`config.args`"),
            (json!({"command": "x", "env": {"A": []}}), "`config.env.A`"),
            (json!({"command": "x", "args": ["\u{0}"]}), "NUL"),
        ] {
            let error = read(config.clone()).map(|_| ()).unwrap_err();
            assert!(error.contains(said) && !error.contains('\n'), "{config}: {error}");
        }
    }

    #[test]
    fn a_server_gets_the_base_set_and_what_is_listed_and_never_a_models_key() {
        let settings =
            read(json!({"command": "x", "env": {"A": 1, "PATH": "/mine", "OPENAI_API_KEY": "k"}})).unwrap();
        let Reach::Stdio(program) = settings.reach else { panic!() };
        let get = |name: &str| program.env.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
        assert_eq!((get("A"), get("PATH"), get("SECRET")), (Some("1"), Some("/mine"), None));
        assert_eq!(get("OPENAI_API_KEY"), None);
        assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);
        let listed = read(json!({"command": "x", "env": ["TOKEN", "OPENAI_API_KEY"]})).unwrap();
        let Reach::Stdio(program) = listed.reach else { panic!() };
        assert!(program.env.contains(&("TOKEN".to_owned(), "t".to_owned())));
        assert!(program.env.iter().all(|(name, _)| name != "OPENAI_API_KEY"));
    }

    #[test]
    fn the_way_to_a_server_follows_from_what_is_given() {
        let mode = |config| match read(config).unwrap().reach {
            Reach::Web { mode, .. } => Some(mode),
            Reach::Stdio(_) => None,
        };
        assert_eq!(mode(json!({"url": "http://x/mcp"})), Some(Mode::Either));
        assert_eq!(mode(json!({"url": "http://x/sse"})), Some(Mode::Sse));
        assert_eq!(
            mode(json!({"url": "http://x/sse", "mode": "streamable-http"})),
            Some(Mode::StreamableHttp)
        );
        assert_eq!(mode(json!({"url": "http://x/mcp", "type": "sse"})), Some(Mode::Sse));
        assert_eq!(mode(json!({"url": "http://x/mcp", "type": "http"})), Some(Mode::StreamableHttp));
        assert_eq!(mode(json!({"command": "npx -y server"})), None);
        let Reach::Stdio(program) = read(json!({"command": "npx -y server"})).unwrap().reach else {
            panic!()
        };
        assert_eq!((program.command.as_str(), program.args.len()), ("npx", 2));
    }

    #[test]
    fn headers_of_a_request_that_is_not_there_are_left_out() {
        let config = json!({"url": "http://x", "headers": {"A": "1"}, "extra_headers": {
            "B": "{{ request_context.headers['X'] }}", "C": "Bearer {{ request_context.headers.x }}",
            "D": "plain", "A": "2"}});
        let Reach::Web { headers, .. } = read(config).unwrap().reach else { panic!() };
        let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
        assert_eq!((names, &headers["a"]), (vec!["a", "d"], &HeaderValue::from_static("2")));
    }

    #[test]
    fn a_login_by_browser_is_told_and_no_key_is_dropped_in_silence() {
        let told = |more: Value| {
            let mut config = json!({"url": "http://x", "icon_url": "http://i"});
            config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let settings = read(config).unwrap();
            (settings.oauth, settings.warnings.join(" "))
        };
        for on in [json!({"enabled": true}), json!({"client_id": "x"}), json!(true)] {
            let (oauth, warning) = told(json!({"oauth": on}));
            assert!(oauth && warning.contains("`Authorization: Bearer"), "{warning}");
        }
        for off in [json!({"enabled": false, "client_id": "x"}), json!({}), json!(null), json!(false)] {
            assert_eq!(told(json!({"oauth": off})), (false, String::new()));
        }
        assert!(told(json!({"tiemout": 5})).1.contains("`config.tiemout` has no effect"));
    }
}
