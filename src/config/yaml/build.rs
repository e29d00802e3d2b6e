//! From the parser's events to [`Node`]s: aliases, merge keys, equal keys, tags, and the limits.

use std::collections::HashMap;
use std::sync::Arc;

use serde_yaml::granit_parser::{self, Event, Marker, Parser, ScalarStyle, Span, Tag};

use super::error::Source;
use super::{Document, Entry, Kind, Node, Scalar, Warning, YamlError, scalar};

/// Bytes that aliases may add to a file. Real files stay under a hundredth; an alias bomb does not.
const ALIAS_BYTES: usize = 32 << 20;

/// What one node costs beside its text.
const NODE_BYTES: usize = 128;

pub(super) fn documents(source: &Arc<Source>) -> Result<Vec<Document>, YamlError> {
    let mut builder = Builder {
        source: Arc::clone(source),
        open: Vec::new(),
        anchors: HashMap::new(),
        aliased: 0,
        root: None,
        warnings: Vec::new(),
    };
    let mut documents = Vec::new();
    for next in Parser::new_from_str(&source.text) {
        let (event, span) = next.map_err(|error| {
            let mark = error.marker();
            template_error(source, mark.line(), mark.col() + 1, &words(&error))
        })?;
        if let Event::DocumentEnd = event {
            let node = builder.root.take().unwrap_or_else(|| Node::null(Arc::clone(source)));
            documents.push(Document { node, warnings: std::mem::take(&mut builder.warnings) });
            builder.anchors.clear();
        } else {
            builder.take(event, span)?;
        }
    }
    Ok(documents)
}

/// The parser's own words, without its `while parsing …` where the rest says enough.
fn words(error: &granit_parser::ScanError) -> String {
    let text = error.kind().to_string();
    let text =
        text.replace("unexpected eof", "the file ends too early").replace("unexpected EOF", "the file ends");
    let hint = if text.contains("quoted scalar") {
        ", is a quote left open above?"
    } else if text.contains("mapping values are not allowed") {
        ": a text with `: ` in it needs quotes"
    } else if text.contains("unexpected character") {
        ": a text that begins with it needs quotes"
    } else if text.contains("recursion limit") {
        ": it nests too deeply"
    } else if text.contains("unknown anchor") {
        ": define it above with `&`, or quote a text that begins with `*`"
    } else {
        ""
    };
    format!("invalid YAML: {text}{hint}")
}

struct Builder {
    source: Arc<Source>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    aliased: usize,
    root: Option<Node>,
    warnings: Vec<Warning>,
}

/// A collection whose end has not come yet.
struct Open {
    anchor: usize,
    mark: Marker,
    weight: usize,
    items: Items,
}

enum Items {
    Sequence(Vec<Node>),
    Mapping { entries: Vec<Entry>, merged: Vec<Entry>, key: Option<Key>, seen: HashMap<String, usize> },
}

struct Key {
    text: String,
    line: usize,
    column: usize,
    /// `<<`, unquoted.
    merge: bool,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Span) -> Result<(), YamlError> {
        let mark = span.start;
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.typed(&text, style, tag.as_deref(), mark);
                let merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
                let weight = NODE_BYTES + text.len();
                let kind = Kind::Scalar { text: text.into_owned(), value };
                self.finish(self.node(mark, kind), anchor, weight, merge)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.untag(tag.as_deref(), "seq", mark);
                self.open.push(Open { anchor, mark, weight: NODE_BYTES, items: Items::Sequence(Vec::new()) });
                Ok(())
            }
            Event::MappingStart(_, anchor, tag) => {
                self.untag(tag.as_deref(), "map", mark);
                let items = Items::Mapping {
                    entries: Vec::new(),
                    merged: Vec::new(),
                    key: None,
                    seen: HashMap::new(),
                };
                self.open.push(Open { anchor, mark, weight: NODE_BYTES, items });
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(open) = self.open.pop() else {
                    return Ok(());
                };
                let kind = match open.items {
                    Items::Sequence(items) => Kind::Sequence(items),
                    Items::Mapping { entries, merged, .. } => Kind::Mapping(with_merged(entries, merged)),
                };
                self.finish(self.node(open.mark, kind), open.anchor, open.weight, false)
            }
            Event::Alias(id) => {
                let (line, column) = (mark.line(), mark.col() + 1);
                let Some((node, weight)) = self.anchors.get(&id) else {
                    let message = "an alias stands inside the value it names".to_owned();
                    return Err(YamlError::at(&self.source, line, column, message));
                };
                self.aliased = self.aliased.saturating_add(*weight);
                if self.aliased > ALIAS_BYTES {
                    let message = format!("aliases expand to more than {} MiB", ALIAS_BYTES >> 20);
                    return Err(YamlError::at(&self.source, line, column, message));
                }
                let (node, weight) = (node.clone(), *weight);
                self.finish(node, 0, weight, false)
            }
            _ => Ok(()),
        }
    }

    fn node(&self, mark: Marker, kind: Kind) -> Node {
        Node { line: mark.line(), column: mark.col() + 1, kind, source: Arc::clone(&self.source) }
    }

    fn warn(&mut self, mark: Marker, message: String) {
        self.warnings.push(Warning::at(&self.source, mark.line(), mark.col() + 1, message));
    }

    /// A scalar's type: its tag's, or for plain ones what it looks like.
    fn typed(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, mark: Marker) -> Scalar {
        let Some(tag) = tag else {
            return if style == ScalarStyle::Plain { scalar::plain(text) } else { Scalar::String };
        };
        match tag.core_suffix() {
            Some("str" | "binary" | "timestamp") => Scalar::String,
            Some("null" | "bool" | "int" | "float") => scalar::plain(text),
            _ if tag.original() == "!" => Scalar::String,
            _ => {
                self.warn(mark, format!("unknown tag `{}` is ignored", tag.original()));
                if style == ScalarStyle::Plain { scalar::plain(text) } else { Scalar::String }
            }
        }
    }

    fn untag(&mut self, tag: Option<&Tag>, usual: &str, mark: Marker) {
        if let Some(tag) = tag
            && tag.core_suffix() != Some(usual)
            && tag.original() != "!"
        {
            self.warn(mark, format!("unknown tag `{}` is ignored", tag.original()));
        }
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize, weight: usize, merge: bool) -> Result<(), YamlError> {
        if anchor != 0 {
            // Nested anchors are kept once each, which is the same cost as aliases of them.
            self.aliased = self.aliased.saturating_add(weight);
            if self.aliased > ALIAS_BYTES {
                return Err(node.error(format!("anchors hold more than {} MiB", ALIAS_BYTES >> 20)));
            }
            self.anchors.insert(anchor, (node.clone(), weight));
        }
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        open.weight = open.weight.saturating_add(weight);
        match &mut open.items {
            Items::Sequence(items) => items.push(node),
            Items::Mapping { entries, merged, key: waiting, seen } => match waiting.take() {
                None => *waiting = Some(key_of(&node, merge)?),
                Some(key) if key.merge => merged.extend(merge_entries(node)?),
                Some(key) => {
                    let (line, column) = (key.line, key.column);
                    let slot = seen.get(&key.text).and_then(|at| entries.get_mut(*at));
                    if let Some(earlier) = slot {
                        let message = format!(
                            "`{}` stands twice, this one counts (the other is on line {})",
                            key.text, earlier.line
                        );
                        self.warnings.push(Warning::at(&node.source, line, column, message));
                        *earlier = Entry { key: key.text, line, column, value: node };
                    } else {
                        seen.insert(key.text.clone(), entries.len());
                        entries.push(Entry { key: key.text, line, column, value: node });
                    }
                }
            },
        }
        Ok(())
    }
}

fn key_of(node: &Node, merge: bool) -> Result<Key, YamlError> {
    match &node.kind {
        Kind::Scalar { text, .. } => {
            Ok(Key { text: text.clone(), line: node.line, column: node.column, merge })
        }
        Kind::Sequence(_) | Kind::Mapping(_) => {
            let message = format!("a key needs to be text, got {}", node.describe());
            Err(template_error(&node.source, node.line, node.column, &message))
        }
    }
}

/// What `<<: *base` or `<<: [*a, *b]` brings in; of equal keys the first map's counts.
fn merge_entries(node: Node) -> Result<Vec<Entry>, YamlError> {
    match node.kind {
        Kind::Mapping(entries) => Ok(entries),
        Kind::Sequence(items) => {
            let mut all = Vec::new();
            for item in items {
                match item.kind {
                    Kind::Mapping(entries) => all.extend(entries),
                    _ => {
                        return Err(item.error(format!("`<<` needs maps, got {}", item.describe())));
                    }
                }
            }
            Ok(all)
        }
        Kind::Scalar { value: Scalar::Null, .. } => Ok(Vec::new()),
        Kind::Scalar { .. } => Err(node.error(format!("`<<` needs a map, got {}", node.describe()))),
    }
}

/// Merged keys first, as PyYAML orders them; a key the map says itself keeps its own value.
fn with_merged(own: Vec<Entry>, merged: Vec<Entry>) -> Vec<Entry> {
    if merged.is_empty() {
        return own;
    }
    let mut result: Vec<Entry> = Vec::new();
    let mut at: HashMap<String, usize> = HashMap::new();
    for entry in merged {
        if !at.contains_key(&entry.key) {
            at.insert(entry.key.clone(), result.len());
            result.push(entry);
        }
    }
    for entry in own {
        match at.get(&entry.key).and_then(|index| result.get_mut(*index)) {
            Some(slot) => *slot = entry,
            None => result.push(entry),
        }
    }
    result
}

/// A syntax error, or what really is the matter where templating was left in the file.
fn template_error(source: &Source, line: usize, column: usize, message: &str) -> YamlError {
    // The parser complains at the templated line or just after it.
    let first = line.saturating_sub(3);
    let near = source.text.lines().enumerate().skip(first).take(line.saturating_sub(first).max(1));
    for (index, content) in near {
        let Some(open) = unquoted_template(content) else {
            continue;
        };
        let inner = content.get(open..).unwrap_or_default();
        let column = content.get(..open).map_or(1, |before| before.chars().count() + 1);
        let shown: String = inner.split_inclusive("}}").next().unwrap_or(inner).chars().take(60).collect();
        let message = if is_go(inner) {
            format!(
                "holds Helm templating (`{shown}`), not plain YAML: give the rendered file (`helm template`)"
            )
        } else {
            format!("a value that begins with `{{{{` needs quotes: `\"{shown}\"`")
        };
        return YamlError::at(source, index + 1, column, message);
    }
    // A tab at the start of a line is what it stumbles over, one line late.
    let lines = source.text.lines().enumerate().skip(line.saturating_sub(1)).take(2);
    for (index, content) in lines {
        let indent = content.len() - content.trim_start_matches([' ', '\t']).len();
        if let Some(tab) = content.get(..indent).and_then(|indent| indent.find('\t')) {
            let message = "a tab indents this line, YAML needs spaces".to_owned();
            return YamlError::at(source, index + 1, tab + 1, message);
        }
    }
    YamlError::at(source, line, column, message.to_owned())
}

/// Where `{{` stands first on the line, or first after `key:` or `-`.
fn unquoted_template(line: &str) -> Option<usize> {
    let open = line.find("{{")?;
    let before = line.get(..open)?.trim_end();
    let bare = before.is_empty() || before.ends_with(':') || before.ends_with('-');
    (bare && !before.trim_start().starts_with('#')).then_some(open)
}

/// Go's template language rather than Jinja's: `{{ .Values.x }}`, `{{- if`, `{{ include`.
fn is_go(inner: &str) -> bool {
    let body = inner.trim_start_matches("{{");
    if body.starts_with('-') {
        return true;
    }
    let word = body.trim_start();
    let first = word.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    word.starts_with(['.', '$', '/'])
        || matches!(
            first,
            "if" | "else"
                | "end"
                | "range"
                | "with"
                | "include"
                | "template"
                | "define"
                | "toYaml"
                | "tpl"
                | "printf"
        )
}
