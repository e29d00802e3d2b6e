//! Documents as bytes: what `build.rs` makes of the YAML that is part of the binary, and back.
//!
//! Parsing the catalogue, the rules and the policy was most of what a start cost. The form is one binary's own: it has
//! no version, and is never read from a file.

use std::sync::Arc;

use super::error::Source;
use super::{Document, Entry, Kind, Node, Scalar, Warning};

const NULL: u8 = 0;
const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const FLOAT: u8 = 4;
const STRING: u8 = 5;
const SEQUENCE: u8 = 6;
const MAPPING: u8 = 7;

/// Documents as bytes, without their source.
pub fn pack(documents: &[Document]) -> Vec<u8> {
    let mut bytes = Vec::new();
    number(&mut bytes, documents.len());
    for document in documents {
        node(&mut bytes, &document.node);
        number(&mut bytes, document.warnings.len());
        for warning in &document.warnings {
            number(&mut bytes, warning.line);
            number(&mut bytes, warning.column);
            text(&mut bytes, &warning.message);
        }
    }
    bytes
}

fn node(bytes: &mut Vec<u8>, node: &Node) {
    number(bytes, node.line);
    number(bytes, node.column);
    match &node.kind {
        Kind::Scalar { text: written, value } => {
            bytes.push(match value {
                Scalar::Null => NULL,
                Scalar::Bool(false) => FALSE,
                Scalar::Bool(true) => TRUE,
                Scalar::Int(_) => INT,
                Scalar::Float(_) => FLOAT,
                Scalar::String => STRING,
            });
            match value {
                Scalar::Int(value) => bytes.extend(value.to_le_bytes()),
                Scalar::Float(value) => bytes.extend(value.to_le_bytes()),
                _ => {}
            }
            text(bytes, written);
        }
        Kind::Sequence(items) => {
            bytes.push(SEQUENCE);
            number(bytes, items.len());
            for item in items {
                self::node(bytes, item);
            }
        }
        Kind::Mapping(entries) => {
            bytes.push(MAPPING);
            number(bytes, entries.len());
            for entry in entries {
                text(bytes, &entry.key);
                number(bytes, entry.line);
                number(bytes, entry.column);
                self::node(bytes, &entry.value);
            }
        }
    }
}

fn text(bytes: &mut Vec<u8>, text: &str) {
    number(bytes, text.len());
    bytes.extend(text.as_bytes());
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn number(bytes: &mut Vec<u8>, mut number: usize) {
    while number > 0x7f {
        bytes.push(0x80 | u8::try_from(number & 0x7f).unwrap_or_default());
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap_or_default());
}

/// The documents of `bytes`, which [`pack`] made of the text `text` at `place`; `None` for any other bytes.
pub fn unpack(bytes: &[u8], place: &str, text: &str) -> Option<Vec<Document>> {
    let mut reader = Reader { bytes, source: Source::new(place, text) };
    let mut documents = Vec::new();
    for _ in 0..reader.number()? {
        let node = reader.node()?;
        let mut warnings = Vec::new();
        for _ in 0..reader.number()? {
            let (line, column) = (reader.number()?, reader.number()?);
            let message = reader.text()?.to_owned();
            warnings.push(Warning::at(&reader.source, line, column, message));
        }
        documents.push(Document { node, warnings });
    }
    reader.bytes.is_empty().then_some(documents)
}

struct Reader<'a> {
    bytes: &'a [u8],
    source: Arc<Source>,
}

impl<'a> Reader<'a> {
    fn node(&mut self) -> Option<Node> {
        let (line, column) = (self.number()?, self.number()?);
        let kind = match self.byte()? {
            SEQUENCE => {
                let count = self.count()?;
                let mut items = Vec::with_capacity(count);
                for _ in 0..count {
                    items.push(self.node()?);
                }
                Kind::Sequence(items)
            }
            MAPPING => {
                let count = self.count()?;
                let mut entries = Vec::with_capacity(count);
                for _ in 0..count {
                    let key = self.text()?.to_owned();
                    let (line, column) = (self.number()?, self.number()?);
                    entries.push(Entry { key, line, column, value: self.node()? });
                }
                Kind::Mapping(entries)
            }
            scalar => {
                let value = match scalar {
                    NULL => Scalar::Null,
                    FALSE => Scalar::Bool(false),
                    TRUE => Scalar::Bool(true),
                    INT => Scalar::Int(i64::from_le_bytes(self.eight()?)),
                    FLOAT => Scalar::Float(f64::from_le_bytes(self.eight()?)),
                    STRING => Scalar::String,
                    _ => return None,
                };
                Kind::Scalar { text: self.text()?.to_owned(), value }
            }
        };
        Some(Node { line, column, kind, source: Arc::clone(&self.source) })
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn eight(&mut self) -> Option<[u8; 8]> {
        let (first, rest) = self.bytes.split_first_chunk()?;
        self.bytes = rest;
        Some(*first)
    }

    fn number(&mut self) -> Option<usize> {
        let mut number = 0_usize;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    /// Of things that take a byte each at least: bytes of another origin reserve no memory.
    fn count(&mut self) -> Option<usize> {
        self.number().filter(|count| *count <= self.bytes.len())
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.number()?;
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        std::str::from_utf8(text).ok()
    }
}
