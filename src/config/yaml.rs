//! YAML as a tree that knows where everything stands, so that every complaint can point at its line.
//!
//! The only user of the YAML crate. It reads what PyYAML reads, since the files were written for a
//! Python program: the last of two equal keys wins, `yes` is true, `0755` is octal, `<<` merges.
//! It knows nothing of what a file means: no toolset, no setting, no default lives here.

mod build;
mod error;
mod packed;
mod scalar;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde_json::Value;

use error::Source;
pub use error::{Warning, YamlError};
pub use packed::{pack, unpack};

/// Bytes of text that are read at most: a thousand times the largest toolset file seen.
pub const MAX_BYTES: usize = 16 << 20;

/// One value with its place. Columns and lines count from 1, columns in characters. A block scalar
/// stands where its text begins, on the line below its `|`.
#[derive(Debug, Clone)]
pub struct Node {
    pub line: usize,
    pub column: usize,
    pub kind: Kind,
    source: Arc<Source>,
}

/// What a [`Node`] is. Scalars keep their text, so `version: 1.20` can be asked for as `1.20`.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A scalar, with what PyYAML would make of it.
    Scalar {
        text: String,
        value: Scalar,
    },
    Sequence(Vec<Node>),
    /// Keys are unique and in file order; merged ones (`<<`) stand first.
    Mapping(Vec<Entry>),
}

/// A scalar by the rules of YAML 1.1 as PyYAML has them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String,
}

/// One key of a mapping and its value.
#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    /// Where the key stands.
    pub line: usize,
    pub column: usize,
    pub value: Node,
}

/// One YAML document and what was odd about it.
#[derive(Debug, Clone)]
pub struct Document {
    /// A null node when the file is empty.
    pub node: Node,
    pub warnings: Vec<Warning>,
}

/// Reads the one document of a file; `place` is the file's name in messages.
///
/// Of several documents the first that is not empty counts, and a warning says so.
pub fn parse(text: &str, place: &str) -> Result<Document, YamlError> {
    let mut documents = parse_all(text, place)?;
    let count = documents.len();
    let chosen = documents.iter().position(|d| !d.node.is_null()).unwrap_or(0);
    if count == 0 {
        return Ok(Document { node: Node::null(Source::new(place, "")), warnings: Vec::new() });
    }
    let mut document = documents.swap_remove(chosen);
    if documents.iter().any(|other| !other.node.is_null()) {
        let message = format!("holds {count} YAML documents, only the first is read");
        document.warnings.push(document.node.warning(message));
    }
    Ok(document)
}

/// Reads every document of a file. An empty file has none.
pub fn parse_all(text: &str, place: &str) -> Result<Vec<Document>, YamlError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let source = Source::new(place, text);
    if text.len() > MAX_BYTES {
        let message =
            format!("is more than {0} MiB of YAML, at most {0} MiB are read: split it", MAX_BYTES >> 20);
        return Err(YamlError::at(&source, 1, 1, message));
    }
    build::documents(&source)
}

/// A file's bytes as text: UTF-8, or UTF-16 with its mark as Windows tools write it.
pub fn decode(bytes: &[u8], place: &str) -> Result<String, YamlError> {
    let refused = |line, message| YamlError::at(&Source::new(place, ""), line, 1, message);
    let utf16 = |from: fn([u8; 2]) -> u16| {
        let units = bytes.get(2..).unwrap_or_default().chunks_exact(2);
        let units = units.filter_map(|pair| Some(from([*pair.first()?, *pair.get(1)?])));
        char::decode_utf16(units)
            .collect::<Result<String, _>>()
            .map_err(|_| refused(1, "is not valid UTF-16 text".to_owned()))
    };
    match bytes {
        [0xff, 0xfe, ..] => return utf16(u16::from_le_bytes),
        [0xfe, 0xff, ..] => return utf16(u16::from_be_bytes),
        _ => {}
    }
    let line_of = |offset: usize| 1 + bytes.iter().take(offset).filter(|b| **b == b'\n').count();
    if let Some(offset) = bytes.iter().position(|byte| *byte == 0) {
        return Err(refused(line_of(offset), "is binary data, not YAML".to_owned()));
    }
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|error| {
        let offset = error.valid_up_to();
        let byte = bytes.get(offset).copied().unwrap_or_default();
        refused(line_of(offset), format!("is not UTF-8 text: byte 0x{byte:02x}"))
    })
}

/// The known name that `name` most likely meant, if any is close enough to be worth saying.
pub fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let folded = name.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|candidate| {
            let other = candidate.to_lowercase().replace('-', "_");
            (strsim::damerau_levenshtein(&folded, &other), *candidate)
        })
        // A third of the name may be wrong: `promts` finds `prompts`, `foo` does not find `url`.
        .filter(|(distance, candidate)| *distance <= candidate.len().max(name.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

impl Node {
    fn null(source: Arc<Source>) -> Self {
        let kind = Kind::Scalar { text: String::new(), value: Scalar::Null };
        Self { line: 1, column: 1, kind, source }
    }

    /// `file:line:column`.
    pub fn place(&self) -> String {
        format!("{}:{}:{}", self.source.place, self.line, self.column)
    }

    /// The file this stands in.
    pub fn file(&self) -> &str {
        &self.source.place
    }

    /// An error that points here.
    pub fn error(&self, message: impl Into<String>) -> YamlError {
        YamlError::at(&self.source, self.line, self.column, message.into())
    }

    /// An error at a line of a block of text: `line` lines below the first, at `column` of the file.
    pub fn error_at(&self, line: usize, column: usize, message: &str) -> YamlError {
        YamlError::at(&self.source, self.line + line, column, message.to_owned())
    }

    /// A warning that points here.
    pub fn warning(&self, message: impl Into<String>) -> Warning {
        Warning::at(&self.source, self.line, self.column, message.into())
    }

    pub fn is_null(&self) -> bool {
        matches!(self.kind, Kind::Scalar { value: Scalar::Null, .. })
    }

    /// What this is, in words of a message: `a list`, `the number 3`.
    pub fn describe(&self) -> String {
        let shown = |text: &str| -> String {
            let line = text.lines().next().unwrap_or_default();
            match line.char_indices().nth(40) {
                Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
                None => line.to_owned(),
            }
        };
        match &self.kind {
            Kind::Scalar { value: Scalar::Null, .. } => "nothing".to_owned(),
            Kind::Scalar { text, value: Scalar::String, .. } => format!("the text `{}`", shown(text)),
            Kind::Scalar { text, value: Scalar::Int(_) | Scalar::Float(_), .. } => {
                format!("the number {}", shown(text))
            }
            Kind::Scalar { text, .. } => format!("`{}`", shown(text)),
            Kind::Sequence(_) => "a list".to_owned(),
            Kind::Mapping(_) => "a map".to_owned(),
        }
    }

    /// A scalar's text as written, whatever type YAML would give it.
    ///
    /// # Errors
    /// For null, lists and maps.
    pub fn as_str(&self) -> Result<&str, YamlError> {
        match &self.kind {
            Kind::Scalar { text, value, .. } if *value != Scalar::Null => Ok(text),
            _ => Err(self.needs("text")),
        }
    }

    /// Truth as PyYAML and pydantic read it: also `yes`, `off`, `"true"`, `1`.
    pub fn as_bool(&self) -> Result<bool, YamlError> {
        let truth = match &self.kind {
            Kind::Scalar { value: Scalar::Bool(truth), .. } => Some(*truth),
            Kind::Scalar { text, .. } => scalar::truth(text),
            _ => None,
        };
        truth.ok_or_else(|| self.needs("true or false"))
    }

    /// A whole number, also when it was quoted.
    pub fn as_i64(&self) -> Result<i64, YamlError> {
        let number = match &self.kind {
            Kind::Scalar { value: Scalar::Int(number), .. } => Some(*number),
            Kind::Scalar { text, .. } => text.trim().parse().ok(),
            _ => None,
        };
        number.ok_or_else(|| self.needs("a whole number"))
    }

    /// A number, also when it was quoted.
    pub fn as_f64(&self) -> Result<f64, YamlError> {
        let number = match &self.kind {
            Kind::Scalar { value: Scalar::Float(number), .. } => Some(*number),
            Kind::Scalar { text, .. } => text.trim().parse().ok(),
            _ => None,
        };
        let number = number.filter(|number: &f64| number.is_finite());
        number.ok_or_else(|| self.needs("a number"))
    }

    /// The items of a list.
    pub fn items(&self) -> Result<&[Node], YamlError> {
        match &self.kind {
            Kind::Sequence(items) => Ok(items),
            _ => Err(self.needs("a list")),
        }
    }

    /// The entries of a map; null is an empty map, as `tools:` with nothing below it is meant.
    pub fn entries(&self) -> Result<&[Entry], YamlError> {
        match &self.kind {
            Kind::Mapping(entries) => Ok(entries),
            _ if self.is_null() => Ok(&[]),
            _ => Err(self.needs("a map")),
        }
    }

    /// The value of `key`, where this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.kind {
            Kind::Mapping(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Untyped data as PyYAML reads it: `yes` is true, `0755` is 493.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Scalar { text, value, .. } => match value {
                Scalar::Null => Value::Null,
                Scalar::Bool(truth) => Value::Bool(*truth),
                Scalar::Int(number) => Value::from(*number),
                // JSON has no infinity: its text is what is left.
                Scalar::Float(number) if number.is_finite() => Value::from(*number),
                Scalar::Float(_) | Scalar::String => Value::String(text.clone()),
            },
            Kind::Sequence(items) => items.iter().map(Node::to_json).collect(),
            Kind::Mapping(entries) => {
                let pairs = entries.iter().map(|entry| (entry.key.clone(), entry.value.to_json()));
                Value::Object(pairs.collect())
            }
        }
    }

    fn needs(&self, wanted: &str) -> YamlError {
        self.error(format!("needs {wanted}, got {}", self.describe()))
    }
}

impl Entry {
    /// An error that points at the key.
    pub fn error(&self, message: impl Into<String>) -> YamlError {
        YamlError::at(&self.value.source, self.line, self.column, message.into())
    }

    /// A warning that points at the key.
    pub fn warning(&self, message: impl Into<String>) -> Warning {
        Warning::at(&self.value.source, self.line, self.column, message.into())
    }
}
