//! What a written value means: types, durations, `{{ env.X }}`, and how it may be shown.

use std::path::{Path, PathBuf};
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value as Json};

use super::env::Environment;
use super::folders::expand_home;
use super::settings::Kind;

/// The longest time that may be asked for. A typo of more would only overflow the clock.
const LONGEST: Duration = Duration::from_hours(8760);

/// A setting's value, typed. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Text(String),
    Secret(SecretString),
    Path(PathBuf),
    Count(u64),
    Decimal(f64),
    Duration(Duration),
    Switch(bool),
    Texts(Vec<String>),
    Paths(Vec<PathBuf>),
    SecretMap(Vec<(String, SecretString)>),
    /// Counted only: a block may hold secrets anywhere.
    Block(usize),
}

/// Why a written value is none of the kind: what it needs, and what it got, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mismatch {
    pub needs: String,
    pub got: String,
}

/// Where the relative paths of a value start, and where `~` is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Base<'a> {
    /// The folder of the file the value stands in; `None` for flags and the environment.
    pub folder: Option<&'a Path>,
    pub home: Option<&'a Path>,
}

impl Base<'_> {
    /// A relative path of a file means the file's neighbour when there is one, else a path from the
    /// current folder, as HolmesGPT has it.
    fn path(&self, text: &str) -> PathBuf {
        let path = expand_home(text, self.home);
        match self.folder.map(|folder| folder.join(&path)) {
            Some(neighbour) if path.is_relative() && neighbour.exists() => neighbour,
            _ => path,
        }
    }
}

/// Reads a value as `kind`. Text from the environment comes as a JSON string and is taken apart here.
pub(super) fn interpret(kind: Kind, written: &Json, base: Base) -> Result<Value, Mismatch> {
    let wrong = |needs: &str| Mismatch { needs: needs.to_owned(), got: describe(kind, written) };
    match kind {
        Kind::Text | Kind::Url => scalar(written).map(Value::Text).ok_or_else(|| wrong("a text")),
        Kind::Secret => {
            scalar(written).map(|text| Value::Secret(text.trim().into())).ok_or_else(|| wrong("a text"))
        }
        Kind::Path => {
            written.as_str().map(|text| Value::Path(base.path(text))).ok_or_else(|| wrong("a path"))
        }
        Kind::Count => count(written).map(Value::Count).ok_or_else(|| wrong("a whole number above zero")),
        Kind::Decimal => decimal(written).map(Value::Decimal).ok_or_else(|| wrong("a number from 0")),
        Kind::Duration => scalar(written)
            .ok_or_else(|| wrong(DURATION_FORMS))
            .and_then(|text| parse_duration(&text).map_err(|needs| wrong(&needs)))
            .map(Value::Duration),
        Kind::Switch => switch(written).map(Value::Switch).ok_or_else(|| wrong("true or false")),
        Kind::Choice(choices) => written
            .as_str()
            .and_then(|text| {
                let asked = text.trim().to_lowercase();
                choices.iter().find(|choice| **choice == asked)
            })
            .map(|choice| Value::Text((*choice).to_owned()))
            .ok_or_else(|| wrong(&format!("one of {}", choices.join(", ")))),
        Kind::Command => command(written)
            .ok_or_else(|| wrong("a command: text for a shell, or a list of a program and its arguments")),
        Kind::Texts => list(written).map(Value::Texts).ok_or_else(|| wrong("a list of texts")),
        Kind::Paths => list(written)
            .map(|paths| Value::Paths(paths.iter().map(|path| base.path(path)).collect()))
            .ok_or_else(|| wrong("a list of paths")),
        Kind::SecretMap => {
            secret_map(written).map(Value::SecretMap).ok_or_else(|| wrong("a map of names to texts"))
        }
        Kind::Block => match written {
            Json::Object(map) => Ok(Value::Block(map.len())),
            Json::Array(items) => Ok(Value::Block(items.len())),
            _ => Err(wrong("a map of names")),
        },
    }
}

/// Text is for a shell; words are a program and its arguments, which no option can be taken for.
fn command(written: &Json) -> Option<Value> {
    match written {
        Json::Array(words) => {
            let words = words.iter().map(scalar).collect::<Option<Vec<_>>>()?;
            let program = words.first()?;
            (!program.is_empty() && !program.starts_with('-')).then_some(Value::Texts(words))
        }
        Json::String(text) if !text.trim().is_empty() => Some(Value::Text(text.clone())),
        _ => None,
    }
}

/// A scalar as the text a person wrote; a number is fine where a text is wanted (`slack_channel: 42`).
fn scalar(written: &Json) -> Option<String> {
    match written {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(_) | Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

fn count(written: &Json) -> Option<u64> {
    let number = match written {
        Json::Number(number) => number.as_u64(),
        Json::String(text) => text.trim().replace('_', "").parse().ok(),
        _ => None,
    };
    number.filter(|number| *number > 0)
}

fn decimal(written: &Json) -> Option<f64> {
    let number = match written {
        Json::Number(number) => number.as_f64()?,
        Json::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (number.is_finite() && number >= 0.0).then_some(number)
}

fn switch(written: &Json) -> Option<bool> {
    match written {
        Json::Bool(on) => Some(*on),
        Json::String(text) => match text.trim().to_lowercase().as_str() {
            "1" | "true" | "yes" | "on" => Some(true),
            "0" | "false" | "no" | "off" => Some(false),
            _ => None,
        },
        Json::Number(number) => match number.as_u64() {
            Some(0) => Some(false),
            Some(1) => Some(true),
            _ => None,
        },
        _ => None,
    }
}

/// A list, or one text as a list; in a text, commas part the items.
fn list(written: &Json) -> Option<Vec<String>> {
    match written {
        Json::String(text) => {
            Some(text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect())
        }
        Json::Array(items) => items.iter().map(scalar).collect(),
        _ => None,
    }
}

fn secret_map(written: &Json) -> Option<Vec<(String, SecretString)>> {
    let parsed;
    let map: &Map<String, Json> = match written {
        Json::Object(map) => map,
        Json::String(text) => {
            parsed = serde_json::from_str::<Map<String, Json>>(text).ok()?;
            &parsed
        }
        _ => return None,
    };
    map.iter().map(|(name, value)| Some((name.clone(), scalar(value)?.into()))).collect()
}

fn describe(kind: Kind, written: &Json) -> String {
    match (kind, written) {
        (_, Json::Null) => "nothing".to_owned(),
        (_, Json::Array(_)) => "a list".to_owned(),
        (_, Json::Object(_)) => "a map".to_owned(),
        (Kind::Secret | Kind::SecretMap, _) => "something else".to_owned(),
        (_, Json::String(text)) => format!("`{}`", shorten(text)),
        (_, scalar) => format!("`{scalar}`"),
    }
}

/// One line of at most 60 characters.
fn shorten(text: &str) -> String {
    let line: String =
        text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(60).collect();
    if text.chars().nth(60).is_some() { line + "…" } else { line }
}

const DURATION_FORMS: &str = "a duration such as `30s`, `5m`, `1h30m` or a number of seconds";

/// Reads `30s`, `5m`, `1h30m`, `500ms`, `1d`, or a plain number of seconds.
///
/// # Errors
/// What a duration needs to look like, in words; the caller knows what it got.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let seconds = match text.parse::<f64>() {
        Ok(seconds) => Some(seconds),
        Err(_) => sum_of_parts(text),
    };
    let seconds = seconds
        .filter(|seconds| seconds.is_finite() && *seconds >= 0.0)
        .ok_or_else(|| DURATION_FORMS.to_owned())?;
    match Duration::try_from_secs_f64(seconds) {
        Ok(Duration::ZERO) => Err("a duration above zero".to_owned()),
        Ok(duration) if duration <= LONGEST => Ok(duration),
        _ => Err("a duration of at most 365d".to_owned()),
    }
}

fn sum_of_parts(text: &str) -> Option<f64> {
    let mut rest = text;
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|letter: char| letter.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let unit = match unit.trim() {
            "ms" => 0.001,
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total += number.parse::<f64>().ok()? * unit;
        rest = tail;
    }
    (!text.is_empty()).then_some(total)
}

/// Replaces `{{ env.NAME }}` in every text of `written`. Other `{{ … }}` stay: they are templates.
///
/// # Errors
/// The first name that is not set.
pub(super) fn expand(written: &Json, environment: &Environment) -> Result<Json, String> {
    Ok(match written {
        Json::String(text) => Json::String(expand_text(text, environment)?),
        Json::Array(items) => {
            Json::Array(items.iter().map(|item| expand(item, environment)).collect::<Result<_, _>>()?)
        }
        Json::Object(map) => Json::Object(
            map.iter()
                .map(|(name, value)| Ok((name.clone(), expand(value, environment)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => other.clone(),
    })
}

fn expand_text(text: &str, environment: &Environment) -> Result<String, String> {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{{") {
        result.push_str(before);
        let Some((inside, tail)) = after.split_once("}}") else {
            result.push_str("{{");
            rest = after;
            continue;
        };
        if let Some(name) = variable(inside) {
            result.push_str(environment.get(name).ok_or_else(|| name.to_owned())?);
        } else {
            result.push_str("{{");
            result.push_str(inside);
            result.push_str("}}");
        }
        rest = tail;
    }
    result.push_str(rest);
    Ok(result)
}

/// Whether any text of `written` refers to the environment.
pub(super) fn refers_to_environment(written: &Json) -> bool {
    match written {
        Json::String(text) => text
            .split("{{")
            .skip(1)
            .any(|part| part.split("}}").next().is_some_and(|inside| variable(inside).is_some())),
        Json::Array(items) => items.iter().any(refers_to_environment),
        Json::Object(map) => map.values().any(refers_to_environment),
        _ => false,
    }
}

/// Names of the environment that any text of `written` refers to.
pub(super) fn references(written: &Json, names: &mut std::collections::BTreeSet<String>) {
    match written {
        Json::String(text) => {
            for part in text.split("{{").skip(1) {
                let inside = part.split("}}").next().unwrap_or_default().trim();
                names.extend(inside.strip_prefix("env.").map(|name| name.trim().to_owned()));
            }
        }
        Json::Array(items) => items.iter().for_each(|item| references(item, names)),
        Json::Object(map) => map.values().for_each(|value| references(value, names)),
        _ => {}
    }
}

/// The name, where the whole value is one `{{ env.NAME }}`.
pub(super) fn reference(written: &Json) -> Option<&str> {
    variable(written.as_str()?.trim().strip_prefix("{{")?.strip_suffix("}}")?)
}

fn variable(inside: &str) -> Option<&str> {
    let name = inside.trim().strip_prefix("env.")?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

/// A secret as it may be shown: the last four letters of a long one, to tell two keys apart.
pub fn mask(secret: &SecretString) -> String {
    let secret = secret.expose_secret();
    let letters = secret.chars().count();
    if letters < 20 {
        return "***".to_owned();
    }
    let start = if secret.starts_with("sk-") { "sk-" } else { "" };
    let end: String = secret.chars().skip(letters - 4).collect();
    format!("{start}…{end}")
}

/// An address without the password and the query it may carry.
pub(super) fn mask_url(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    // Everything before the last `@`: a password with `/` or `?` in it is still a password.
    let (user, rest) = match rest.rsplit_once('@') {
        Some((_, rest)) => ("***@", rest),
        None => ("", rest),
    };
    match rest.split_once('?') {
        Some((rest, _)) => format!("{scheme}{user}{rest}?…"),
        None => format!("{scheme}{user}{rest}"),
    }
}

impl Value {
    /// The value as it may be shown to anyone.
    pub(super) fn shown(&self, kind: Kind) -> String {
        match self {
            Value::Text(text) if kind == Kind::Url => mask_url(text),
            Value::Text(text) => text.clone(),
            Value::Secret(secret) => mask(secret),
            Value::Path(path) => path.display().to_string(),
            Value::Count(number) => number.to_string(),
            Value::Decimal(number) => number.to_string(),
            Value::Duration(duration) => show_duration(*duration),
            Value::Switch(on) => on.to_string(),
            Value::Texts(texts) => texts.join(", "),
            Value::Paths(paths) => {
                let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                paths.join(", ")
            }
            Value::SecretMap(map) => {
                let pairs: Vec<String> = map.iter().map(|(name, _)| format!("{name}: ***")).collect();
                pairs.join(", ")
            }
            Value::Block(1) => "1 entry".to_owned(),
            Value::Block(count) => format!("{count} entries"),
        }
    }

    /// The same for programs: numbers, switches and lists as such.
    pub(super) fn to_json(&self, kind: Kind) -> Json {
        match self {
            Value::Count(number) => (*number).into(),
            Value::Decimal(number) => (*number).into(),
            Value::Switch(on) => (*on).into(),
            Value::Texts(texts) => texts.iter().cloned().collect(),
            Value::Paths(paths) => paths.iter().map(|path| path.display().to_string()).collect(),
            other => other.shown(kind).into(),
        }
    }
}

fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if duration.subsec_nanos() > 0 {
        return format!("{}s", duration.as_secs_f64());
    }
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    parts.concat()
}
