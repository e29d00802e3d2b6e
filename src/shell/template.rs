//! Renders a tool's command so that values stay data.
//!
//! The template engine prints a mark where a value belongs and the value goes into a list; the scanner in
//! `lexer` turns each mark into a reference to an environment variable that carries the value. There is no code
//! path on which a value is written into the text that a shell parses.
//!
//! Marks hold a number drawn for each rendering, so that no value can look like one. A literal that the
//! author prints (`{{ '-A' if all else '' }}`) is the author's shell text: literals are marked in the source
//! before it is rendered, which is how they are told from values that happen to have the same text.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Serde, ValueKind};
use minijinja::{Environment, ErrorKind, UndefinedBehavior, Value};
use serde_json::Map;

use super::filters;
use super::go_spelling::{self, Found};
use super::lexer::{Item, Printed, Refusal, place};
use super::methods;
use super::shebang;
use super::syntax::{self, Look, Variable};

const OPEN: char = '\u{e000}';
const CLOSE: char = '\u{e001}';
const OPEN_LITERAL: char = '\u{e002}';
/// The kernel takes at most 128 KiB in one string, be it an argument or a variable.
const LONGEST: usize = 120 * 1024;
/// A longer text than fits into an argument is read by the shell from a file; this is more than anybody writes.
const LONGEST_COMMAND: usize = 4 << 20;
/// All values of a command together: well below what the kernel takes for a whole process.
const LONGEST_TOGETHER: usize = 1024 * 1024;
/// Steps of the template engine: a million is a quarter of a second.
const FUEL: u64 = 500_000;

/// Why a command could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error("template, line {line} column {column}: {reason}")]
    Syntax { line: usize, column: usize, reason: String },
    #[error("template, line {line}: {reason}")]
    Render { line: usize, reason: String },
    #[error("value `{value}` cannot stand {place}: {remedy}")]
    Refused { value: String, place: String, remedy: String },
    #[error("{what} is {bytes} bytes long, at most {limit} can be passed to a command")]
    TooLong { what: &'static str, bytes: usize, limit: usize },
    #[error("a value holds a NUL byte, which no command can be given")]
    Nul,
}

/// A command ready to run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Shell text; values are in it only as `${HOLMES_ARG_n}`.
    pub text: String,
    /// `HOLMES_ARG_n` and what they hold: to be added to the process's environment.
    pub env: Vec<(String, String)>,
    /// The command as it may be shown: values quoted in place, `$NAME` unexpanded, secrets of `config` masked.
    pub invocation: String,
}

/// What a rendering is given.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    pub values: &'a Map<String, serde_json::Value>,
    pub config: &'a Map<String, serde_json::Value>,
    /// The environment the process will have: `$NAME` of these is expanded, `env.NAME` is their value.
    pub environment: &'a BTreeMap<String, String>,
    /// Bare values may begin with `-`.
    pub allow_options: bool,
}

/// The variables of a template that are parameters, in order of first appearance.
///
/// # Errors
/// When the template does not parse: with its place, and for Go's spelling with Jinja's.
pub fn variables(source: &str) -> Result<Vec<Variable>, TemplateError> {
    needed(source, |_| true)
}

/// As [`variables`], where `declared` tells the names that the author describes: `{{ cluster-name }}` is a
/// subtraction, which nobody means who has neither of the two.
///
/// # Errors
/// As [`variables`], and for such a subtraction.
pub fn needed(source: &str, declared: impl Fn(&str) -> bool) -> Result<Vec<Variable>, TemplateError> {
    let found = syntax::look(source).map_err(|error| syntax_error(source, &error))?;
    if let Some(piece) = go_spelling::parsed(source) {
        return Err(go_error(source, piece));
    }
    match found.hyphenated {
        Some((at, one, other)) if !declared(&one) && !declared(&other) => {
            let (line, column) = position(source, at);
            let reason = format!(
                "`{one}-{other}` subtracts `{other}` from `{one}`: a name cannot hold `-`, write `{one}_{other}`"
            );
            Err(TemplateError::Syntax { line, column, reason })
        }
        _ => Ok(found.variables),
    }
}

/// Names that the author's text reads from the environment, as `$NAME`, `${NAME}` or `{{ env.NAME }}`, sorted.
pub fn environment_names(source: &str) -> BTreeSet<String> {
    // Parsing costs, and few templates read it so.
    let said = ["env.", "env[", "in env"].iter().any(|sign| source.contains(sign));
    let mut names = if said && ["{{", "{%"].iter().any(|sign| source.contains(sign)) {
        syntax::look(source).map(|look| look.environment).unwrap_or_default()
    } else {
        BTreeSet::new()
    };
    for part in source.split('$').skip(1) {
        let part = part.strip_prefix('{').unwrap_or(part);
        let end = part.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(part.len());
        let name = part.get(..end).unwrap_or_default();
        if name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
            names.insert(name.to_owned());
        }
    }
    names
}

/// Renders a command.
///
/// # Errors
/// When the template fails, or a value cannot be passed safely where it stands.
pub fn render(source: &str, given: Given<'_>) -> Result<Rendered, TemplateError> {
    let nonce = uuid::Uuid::now_v7().as_u128().to_string();
    let look = syntax::look(source).map_err(|error| syntax_error(source, &error))?;
    let literals = syntax::printed_literals(source, &look);
    let blocks = syntax::printed_blocks(source, &look);
    let mut literals: Vec<_> = literals
        .into_iter()
        .map(|(range, text)| (range, text, "\""))
        .chain(blocks.into_iter().map(|(range, text)| (range, text, "")))
        .collect();
    literals.sort_by_key(|(range, ..)| range.start);
    let mut marked = source.to_owned();
    for (number, (range, _, quote)) in literals.iter().enumerate().rev() {
        let mark = format!("{quote}{OPEN_LITERAL}{nonce}:{number}{CLOSE}{quote}");
        marked.replace_range(range.clone(), &mark);
    }
    let literals = literals.into_iter().map(|(_, text, _)| text).collect();
    let press = Arc::new(Press {
        nonce,
        literals,
        secrets: secrets(given.config),
        shown: (!look.environment.is_empty()).then(|| known_texts(given)),
        values: Mutex::new(Vec::new()),
    });
    let mut engine = engine(&look.called);
    let printer = Arc::clone(&press);
    engine.set_formatter(move |out, _, value| {
        let text = printer.print(value)?;
        out.write_str(&text).map_err(|_| minijinja::Error::new(ErrorKind::WriteFailure, "cannot write"))
    });
    let text = engine
        .render_named_str("command", &marked, context(given, &look))
        .map_err(|error| render_error(&error))?;
    let values = std::mem::take(&mut *press.values.lock().unwrap_or_else(PoisonError::into_inner));
    if text.len() > LONGEST_COMMAND {
        let (what, limit) = ("the command", LONGEST_COMMAND);
        return Err(TemplateError::TooLong { what, bytes: text.len(), limit });
    }
    check(&values.iter().map(|value| value.text.as_str()).collect::<Vec<_>>())?;
    let names = given.environment.keys().cloned().collect();
    let Some(interpreter) = shebang::interpreter(source) else {
        let scanned = place(&press.items(&text), &values, &names, given.allow_options)
            .map_err(|refusal| refused(&refusal, &values))?;
        return Ok(Rendered { text: scanned.text, env: variables_of(values), invocation: scanned.shown });
    };
    let parameters = shebang::parameters(given.values);
    check(
        &values
            .iter()
            .map(|value| &value.text)
            .chain(parameters.iter().map(|(_, text)| text))
            .map(String::as_str)
            .collect::<Vec<_>>(),
    )?;
    let (before, after) = shebang::around(&text, &interpreter);
    let mut items: Vec<Item> = before.chars().map(Item::Char).collect();
    items.extend(press.items(&text));
    items.extend(after.chars().map(Item::Char));
    let foreign = values.iter().position(|value| !shebang::admits(&value.text));
    let foreign = foreign.map(|value| Refusal { value, ..Refusal::default() });
    let scanned = foreign.map_or_else(|| place(&items, &values, &names, given.allow_options), Err);
    let scanned = scanned.map_err(|refusal| {
        let refusal = Refusal { value: refusal.value, ..shebang::refusal() };
        refused(&refusal, &values)
    })?;
    let shown = scanned.shown.strip_prefix(&before).unwrap_or(&scanned.shown);
    let invocation = shown.strip_suffix(&after).unwrap_or(shown).to_owned();
    Ok(Rendered {
        text: scanned.text,
        env: variables_of(values).into_iter().chain(parameters).collect(),
        invocation,
    })
}

fn variables_of(values: Vec<Printed>) -> Vec<(String, String)> {
    let named = |(number, value): (usize, Printed)| (format!("HOLMES_ARG_{number}"), value.text);
    values.into_iter().enumerate().map(named).collect()
}

/// Renders text for people: no shell will see it. One line, without control characters.
///
/// # Errors
/// When the template does not parse or fails.
pub fn render_plain(source: &str, given: Given<'_>) -> Result<String, TemplateError> {
    let secrets = secrets(given.config);
    let look = syntax::look(source).map_err(|error| syntax_error(source, &error))?;
    let mut engine = engine(&look.called);
    engine.set_formatter(move |out, _, value| {
        let text = masked(&text_of(value)?, &secrets);
        out.write_str(&text).map_err(|_| minijinja::Error::new(ErrorKind::WriteFailure, "cannot write"))
    });
    let text = engine
        .render_named_str("description", source, context(given, &Look::default()))
        .map_err(|error| render_error(&error))?;
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    Ok(words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" "))
}

/// `text` without values of `config` that their names call secret.
#[must_use]
pub fn without_secrets(text: &str, config: &Map<String, serde_json::Value>) -> String {
    masked(text, &secrets(config))
}

/// Words with `names` filled in, by the engine that commands have: Python's methods and Jinja2's filters work.
///
/// # Errors
/// When the template does not parse or fails.
pub fn render_words(source: &str, names: Value) -> Result<String, TemplateError> {
    let look = syntax::look(source).map_err(|error| syntax_error(source, &error))?;
    let rendered = engine(&look.called).render_str(source, names);
    rendered.map_err(|error| syntax_error(source, &error))
}

/// Collects what is printed.
struct Press {
    nonce: String,
    literals: Vec<String>,
    secrets: Vec<String>,
    /// Texts that may be shown where the template computes with the environment: what a filter made of a
    /// variable's value cannot be told from what it made of a parameter's.
    shown: Option<HashSet<String>>,
    values: Mutex<Vec<Printed>>,
}

impl Press {
    /// The text with marks for a value: the author's literals as they are, everything else by number.
    fn print(&self, value: &Value) -> Result<String, minijinja::Error> {
        let number = value.kind() == ValueKind::Number;
        let text = text_of(value)?;
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        let mut out = String::new();
        let mut data = String::new();
        for piece in self.pieces(&text, OPEN_LITERAL) {
            match piece {
                Ok(literal) => {
                    self.push(&mut values, &mut data, false, &mut out);
                    out.push_str(self.literals.get(literal).map_or("", String::as_str));
                }
                Err(text) => {
                    // What a block or a macro captured holds marks of its own: their values are part of this one.
                    for piece in self.pieces(text, OPEN) {
                        match piece {
                            Ok(earlier) => {
                                data.push_str(values.get(earlier).map_or("", |value| value.text.as_str()));
                            }
                            Err(text) => data.push_str(text),
                        }
                    }
                }
            }
        }
        self.push(&mut values, &mut data, number, &mut out);
        Ok(out)
    }

    fn push(&self, values: &mut Vec<Printed>, data: &mut String, number: bool, out: &mut String) {
        if data.is_empty() {
            return;
        }
        let text = std::mem::take(data);
        out.push(OPEN);
        out.push_str(&self.nonce);
        out.push(':');
        out.push_str(&values.len().to_string());
        out.push(CLOSE);
        let hidden = self.shown.as_ref().is_some_and(|known| !known.contains(&text));
        let shown = if hidden { "***".to_owned() } else { masked(&text, &self.secrets) };
        values.push(Printed { text, shown, number });
    }

    /// Splits at this rendering's marks: their numbers, and the text between.
    fn pieces<'a>(&self, text: &'a str, open: char) -> Vec<Result<usize, &'a str>> {
        let start = format!("{open}{}:", self.nonce);
        let mut pieces = Vec::new();
        let mut parts = text.split(start.as_str());
        pieces.push(Err(parts.next().unwrap_or_default()));
        for part in parts {
            let (number, rest) = part.split_once(CLOSE).unwrap_or((part, ""));
            if let Ok(number) = number.parse() {
                pieces.push(Ok(number));
            }
            pieces.push(Err(rest));
        }
        pieces
    }

    fn items(&self, text: &str) -> Vec<Item> {
        let mut items = Vec::with_capacity(text.len());
        for piece in self.pieces(text, OPEN) {
            match piece {
                Ok(value) => items.push(Item::Value(value)),
                Err(text) => items.extend(text.chars().map(Item::Char)),
            }
        }
        items
    }
}

/// Without what leads out of the sandbox or makes a missing parameter look given: `namespace`, `range`, `dict`
/// are functions that a parameter of the same name would be taken for, so only a template that calls them has them.
fn engine(called: &BTreeSet<String>) -> Environment<'static> {
    let mut engine = Environment::new();
    engine.remove_global("debug");
    for name in ["namespace", "range", "dict"] {
        if !called.contains(name) {
            engine.remove_global(name);
        }
    }
    filters::add(&mut engine);
    engine.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    // As in HolmesGPT a missing optional parameter prints nothing. A name that is no parameter cannot come up:
    // parameters are inferred from the same tree.
    engine.set_undefined_behavior(UndefinedBehavior::Lenient);
    engine.set_fuel(Some(FUEL));
    engine.set_recursion_limit(50);
    engine.set_unknown_method_callback(methods::call);
    engine
}

/// What HolmesGPT gives a command: the parameters, `env` and `request_context`, which only its server fills.
/// Of the environment only what the template names, and ours is `config`. A parameter goes before all of them.
fn context(given: Given<'_>, look: &Look) -> Value {
    let values = given
        .values
        .iter()
        // Explicit null is absent.
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| (name.clone(), Value::from(Serde(value))));
    let named = given.environment.iter().filter(|(name, _)| look.environment.contains(*name));
    let mut builtin = BTreeMap::from([
        ("config", Value::from(Serde(given.config))),
        ("env", Value::from_pairs(named.map(|(name, value)| (name.clone(), Value::from(value.as_str()))))),
        (
            "request_context",
            Value::from_pairs([("headers", Value::from_pairs(std::iter::empty::<(String, Value)>()))]),
        ),
    ]);
    builtin.retain(|name, _| {
        !given.values.contains_key(*name) && !look.variables.iter().any(|parameter| parameter.name == *name)
    });
    Value::from_pairs(values.chain(builtin.into_iter().map(|(name, value)| (name.to_owned(), value))))
}

/// The texts of what was given, alone and inside lists and maps.
fn known_texts(given: Given<'_>) -> HashSet<String> {
    fn collect(value: &serde_json::Value, found: &mut HashSet<String>) {
        found.extend(text_of(&Value::from(Serde(value))));
        match value {
            serde_json::Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            serde_json::Value::Object(map) => map.values().for_each(|item| collect(item, found)),
            _ => {}
        }
    }
    let mut found = HashSet::new();
    given.values.values().chain(given.config.values()).for_each(|value| collect(value, &mut found));
    found
}

/// Strings as they are, booleans and numbers as in JSON, lists and objects as JSON, nothing for nothing.
fn text_of(value: &Value) -> Result<String, minijinja::Error> {
    Ok(match value.kind() {
        ValueKind::Undefined | ValueKind::None => String::new(),
        ValueKind::String => value.as_str().unwrap_or_default().to_owned(),
        ValueKind::Bool => if value.is_true() { "true" } else { "false" }.to_owned(),
        ValueKind::Number => value.to_string(),
        _ => {
            let mut json = Bounded(Vec::new());
            serde_json::to_writer(&mut json, value).map_err(|error| {
                let reason = if error.is_io() {
                    format!("a value is longer than {LONGEST_TOGETHER} bytes")
                } else {
                    format!("cannot print a value of type {}", value.kind())
                };
                minijinja::Error::new(ErrorKind::InvalidOperation, reason)
            })?;
            String::from_utf8_lossy(&json.0).into_owned()
        }
    })
}

/// What is written ends with an error where no command could take it: `{{ xs * 1000000000 }}`.
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > LONGEST_TOGETHER {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn check(values: &[&str]) -> Result<(), TemplateError> {
    if values.iter().any(|value| value.contains('\0')) {
        return Err(TemplateError::Nul);
    }
    let too_long = |what, bytes, limit| TemplateError::TooLong { what, bytes, limit };
    if let Some(value) = values.iter().find(|value| value.len() > LONGEST) {
        return Err(too_long("a value", value.len(), LONGEST));
    }
    let together = values.iter().map(|value| value.len()).sum();
    if together > LONGEST_TOGETHER {
        return Err(too_long("the values together", together, LONGEST_TOGETHER));
    }
    Ok(())
}

fn refused(refusal: &Refusal, values: &[Printed]) -> TemplateError {
    let shown = values.get(refusal.value).map(|value| value.shown.as_str()).unwrap_or_default();
    let mut value: String = shown.chars().filter(|c| !c.is_control()).take(60).collect();
    if value.len() < shown.len() {
        value.push('…');
    }
    TemplateError::Refused { value, place: refusal.place.clone(), remedy: refusal.remedy.clone() }
}

/// Line and column of an offset, from 1.
fn position(source: &str, at: usize) -> (usize, usize) {
    let before = source.get(..at).unwrap_or_default();
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    (before.matches('\n').count() + 1, column)
}

fn go_error(source: &str, Found { at, reason }: Found) -> TemplateError {
    let (line, column) = position(source, at);
    TemplateError::Syntax { line, column, reason }
}

fn syntax_error(source: &str, error: &minijinja::Error) -> TemplateError {
    if let Some(piece) = go_spelling::find(source) {
        return go_error(source, piece);
    }
    if let Some(at) = open_comment(source) {
        let (line, column) = position(source, at);
        let reason = if source.get(..at).is_some_and(|before| before.ends_with('$')) {
            "`{#` begins a Jinja comment that never ends; for the shell's `${#x}` write \
             `{% raw %}${#x}{% endraw %}`"
        } else {
            "`{#` begins a Jinja comment that never ends, `#}` is missing"
        };
        return TemplateError::Syntax { line, column, reason: reason.to_owned() };
    }
    let line = error.line().unwrap_or(1);
    let column = error.range().map_or(1, |range| position(source, range.start).1);
    TemplateError::Syntax { line, column, reason: reason(error) }
}

/// Where a comment begins that has no end; for sources that do not parse.
fn open_comment(source: &str) -> Option<usize> {
    let at = source.rfind("{#")?;
    (!source.get(at..)?.contains("#}")).then_some(at)
}

fn render_error(error: &minijinja::Error) -> TemplateError {
    TemplateError::Render { line: error.line().unwrap_or(1), reason: reason(error) }
}

fn reason(error: &minijinja::Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => "it runs without end".to_owned(),
        (_, Some(detail)) => filters::advice(detail).unwrap_or_else(|| detail.to_owned()),
        (kind, None) => kind.to_string(),
    }
}

/// Values of `config` whose names say that they are secret.
fn secrets(config: &Map<String, serde_json::Value>) -> Vec<String> {
    fn collect(name: &str, value: &serde_json::Value, found: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (inner, value) in map {
                    let name = if is_secret(name) { name } else { inner };
                    collect(name, value, found);
                }
            }
            serde_json::Value::Array(items) => {
                for item in items {
                    collect(name, item, found);
                }
            }
            serde_json::Value::String(text) => {
                if is_secret(name) && text.len() >= 4 {
                    found.push(text.clone());
                }
                // `postgresql://user:password@host`.
                if let Some((_, password)) = text.split_once("://").and_then(|(_, rest)| {
                    let (user, _) = rest.split(['/', '?']).next().unwrap_or_default().rsplit_once('@')?;
                    user.split_once(':')
                }) && password.len() >= 4
                {
                    found.push(password.to_owned());
                }
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for (name, value) in config {
        collect(name, value, &mut found);
    }
    // The longest first: one may be part of another.
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["token", "password", "passwd", "secret", "credential", "api_key", "apikey", "api-key", "private", "auth"]
        .iter()
        .any(|part| name.contains(part))
        || name == "key"
        || name.ends_with("_key")
}

fn masked(text: &str, secrets: &[String]) -> String {
    secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
}
