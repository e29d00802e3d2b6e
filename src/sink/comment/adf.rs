//! Blocks as an Atlassian document, version 1.
//!
//! By the document's JSON schema (developer.atlassian.com, "Document structure"): texts are never empty, a code mark goes
//! with a link at most, code blocks hold unmarked text, items begin with a paragraph or a code block.

use serde_json::{Value, json};

use super::blocks::{Block, Span};

pub(super) fn document(blocks: &[Block]) -> Value {
    json!({"version": 1, "type": "doc", "content": blocks.iter().map(block).collect::<Vec<_>>()})
}

fn block(one: &Block) -> Value {
    match one {
        Block::Paragraph(spans) => paragraph(spans),
        Block::Heading(level, spans) => {
            json!({"type": "heading", "attrs": {"level": level}, "content": inline(spans)})
        }
        Block::Code { language, text } => {
            let content = if text.is_empty() { json!([]) } else { json!([{"type": "text", "text": text}]) };
            if language.is_empty() {
                json!({"type": "codeBlock", "content": content})
            } else {
                json!({"type": "codeBlock", "attrs": {"language": language}, "content": content})
            }
        }
        Block::Rule => json!({"type": "rule"}),
        Block::List(first, items) => {
            let items: Vec<Value> = items.iter().map(|item| list_item(item)).collect();
            match first {
                None => json!({"type": "bulletList", "content": items}),
                Some(first) => json!({"type": "orderedList", "attrs": {"order": first}, "content": items}),
            }
        }
    }
}

/// An item holds no headings and rules.
fn list_item(blocks: &[Block]) -> Value {
    let mut content: Vec<Value> = blocks
        .iter()
        .filter_map(|one| match one {
            Block::Heading(_, spans) => Some(paragraph(spans)),
            Block::Rule => None,
            one => Some(block(one)),
        })
        .collect();
    if !matches!(blocks.first(), Some(Block::Paragraph(_) | Block::Heading(..) | Block::Code { .. })) {
        content.insert(0, json!({"type": "paragraph", "content": []}));
    }
    json!({"type": "listItem", "content": content})
}

fn paragraph(spans: &[Span]) -> Value {
    json!({"type": "paragraph", "content": inline(spans)})
}

fn inline(spans: &[Span]) -> Vec<Value> {
    let mut out = Vec::new();
    for span in spans {
        let mut marks = Vec::new();
        if span.code {
            marks.push(json!({"type": "code"}));
        } else {
            if span.strong {
                marks.push(json!({"type": "strong"}));
            }
            if span.emphasis {
                marks.push(json!({"type": "em"}));
            }
        }
        if let Some(link) = &span.link {
            marks.push(json!({"type": "link", "attrs": {"href": link}}));
        }
        for (place, line) in span.text.split('\n').enumerate() {
            if place > 0 {
                out.push(json!({"type": "hardBreak"}));
            }
            if line.is_empty() {
                continue;
            }
            let mut node = json!({"type": "text", "text": line});
            if !marks.is_empty() {
                node["marks"] = json!(marks);
            }
            out.push(node);
        }
    }
    out
}
