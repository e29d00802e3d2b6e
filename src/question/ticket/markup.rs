//! What trackers' editors write, as plain text: enough for a reader, never an error. Marks that mean nothing without an
//! editor go; words, code and links stay.

use std::fmt::Write as _;
use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

/// An Atlassian document (developer.atlassian.com, "Atlassian Document Format"). Node types that are not known give the
/// text inside them; a text in place of a document stays as it is.
#[must_use]
pub fn from_adf(document: &Value) -> String {
    if let Some(text) = document.as_str() {
        return text.to_owned();
    }
    let mut out = String::new();
    adf_node(document, "", &mut out);
    tidy(&out)
}

fn adf_node(node: &Value, indent: &str, out: &mut String) {
    let kind = node.get("type").and_then(Value::as_str).unwrap_or_default();
    let attribute =
        |name: &str| node.pointer("/attrs").and_then(|attrs| attrs.get(name)).and_then(Value::as_str);
    let children = || node.get("content").and_then(Value::as_array).into_iter().flatten();
    match kind {
        "text" => {
            let text = node.get("text").and_then(Value::as_str).unwrap_or_default();
            out.push_str(text);
            let marks = node.get("marks").and_then(Value::as_array).into_iter().flatten();
            let href =
                marks.filter_map(|mark| mark.pointer("/attrs/href")?.as_str()).find(|href| *href != text);
            if let Some(href) = href {
                let _ = write!(out, " ({href})");
            }
        }
        "hardBreak" => {
            out.push('\n');
            out.push_str(indent);
        }
        "mention" | "status" | "placeholder" => out.push_str(attribute("text").unwrap_or_default()),
        "emoji" => out.push_str(attribute("text").or_else(|| attribute("shortName")).unwrap_or_default()),
        "date" => out.push_str(attribute("timestamp").unwrap_or_default()),
        "inlineCard" | "blockCard" | "embedCard" => out.push_str(attribute("url").unwrap_or_default()),
        "media" => out.push_str("[attached file]"),
        "rule" => out.push_str("\n---\n"),
        "bulletList" | "orderedList" | "taskList" | "decisionList" => {
            let first = node.pointer("/attrs/order").and_then(Value::as_u64).unwrap_or(1);
            for (place, item) in children().enumerate() {
                start_line(out);
                let mark = match kind {
                    "orderedList" => format!("{}. ", first.saturating_add(place as u64)),
                    _ => "- ".to_owned(),
                };
                let _ = write!(out, "{indent}{mark}");
                let inner = format!("{indent}  ");
                for (nth, child) in
                    item.get("content").and_then(Value::as_array).into_iter().flatten().enumerate()
                {
                    // The first paragraph stands behind its mark.
                    if nth == 0 && child.get("type").and_then(Value::as_str) == Some("paragraph") {
                        child.get("content").and_then(Value::as_array).into_iter().flatten().for_each(
                            |child| {
                                adf_node(child, &inner, out);
                            },
                        );
                    } else {
                        adf_node(child, &inner, out);
                    }
                }
            }
            out.push_str(if indent.is_empty() { "\n\n" } else { "\n" });
        }
        "tableRow" => {
            start_line(out);
            let mut cells = Vec::new();
            for cell in children() {
                let mut text = String::new();
                adf_node(cell, "", &mut text);
                cells.push(text.split_whitespace().collect::<Vec<_>>().join(" "));
            }
            out.push_str(&cells.join(" | "));
        }
        "paragraph" | "heading" | "codeBlock" | "blockquote" | "panel" | "table" | "expand" => {
            start_line(out);
            out.push_str(indent);
            children().for_each(|child| adf_node(child, indent, out));
            out.push_str("\n\n");
        }
        _ => children().for_each(|child| adf_node(child, indent, out)),
    }
}

fn start_line(out: &mut String) {
    if !out.is_empty() && !out.ends_with('\n') {
        out.push('\n');
    }
}

/// A pattern that is written here and therefore one.
fn pattern(text: &str) -> Option<Regex> {
    Regex::new(text).ok()
}

static MACRO: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"\{(?:code|noformat|quote|panel|color|info|note|tip|warning|expand|anchor|toc)(?::[^}\n]*)?\}")
});
static HEADING: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"(?m)^h[1-6]\.[ \t]+"));
static LINK: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"\[([^\[\]|\n]+)\|([^\[\]|\n]+)(?:\|[^\[\]\n]*)?\]"));
static MONO: LazyLock<Option<Regex>> = LazyLock::new(|| pattern(r"\{\{([^\n]*?)\}\}"));

/// Jira's wiki markup, as Data Center writes it ("Text Formatting Notation Help").
#[must_use]
pub fn from_wiki(text: &str) -> String {
    let text = replace(&MACRO, text, "");
    let text = replace(&HEADING, &text, "");
    let text = replace(&LINK, &text, "$1 ($2)");
    tidy(&replace(&MONO, &text, "$1"))
}

static HIDDEN: LazyLock<Option<Regex>> =
    LazyLock::new(|| pattern(r"(?is)<!--.*?(?:-->|\z)|<(?:script|style)\b.*?(?:</(?:script|style)\s*>|\z)"));
static BREAK: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(r"(?i)<(?:br|hr)\s*/?>|</(?:p|div|li|tr|h[1-6]|ul|ol|table|pre|blockquote|summary|details)\s*>")
});
static TAG: LazyLock<Option<Regex>> = LazyLock::new(|| {
    pattern(
        r"(?i)</?(?:a|b|body|blockquote|code|dd|details|div|dl|dt|em|font|h[1-6]|head|html|i|img|kbd|li|ol|p|pre|s|span|strong|sub|summary|sup|table|tbody|td|th|thead|title|tr|tt|u|ul)(?:\s[^<>]*)?/?>",
    )
});

/// Markdown, which is plain enough to stay: only comments, which no page shows, and tags go.
#[must_use]
pub fn from_markdown(text: &str) -> String {
    let text = replace(&HIDDEN, text, "");
    let text = replace(&BREAK, &text, "\n");
    tidy(&replace(&TAG, &text, ""))
}

/// Text that may be a page: known tags go, the commonest entities become characters. `<pod-name>` stays.
#[must_use]
pub fn from_html(text: &str) -> String {
    let text = from_markdown(text);
    if !text.contains('&') {
        return text;
    }
    // `&amp;` last: what it makes is no entity again.
    let entities =
        [("&nbsp;", " "), ("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    entities.iter().fold(text, |text, (entity, character)| text.replace(entity, character))
}

fn replace(pattern: &LazyLock<Option<Regex>>, text: &str, with: &str) -> String {
    match LazyLock::force(pattern) {
        Some(pattern) => pattern.replace_all(text, with).into_owned(),
        None => text.to_owned(),
    }
}

/// Lines without blanks at their ends, never two empty ones in a row.
fn tidy(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut empty = true;
    for line in text.lines().map(str::trim_end) {
        if !(line.is_empty() && empty) {
            out.push_str(line);
            out.push('\n');
        }
        empty = line.is_empty();
    }
    out.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_atlassian_document_becomes_its_words() {
        let text = |text: &str| json!({"type": "text", "text": text});
        let paragraph = |words: &str| json!({"type": "paragraph", "content": [text(words)]});
        let document = json!({"type": "doc", "version": 1, "content": [
            {"type": "heading", "attrs": {"level": 2}, "content": [text("What")]},
            {"type": "paragraph", "content": [
                text("see "),
                {"type": "text", "text": "the graph", "marks": [{"type": "link", "attrs": {"href": "http://g/1"}}]},
                {"type": "hardBreak"},
                {"type": "mention", "attrs": {"id": "1", "text": "@Ann"}},
                {"type": "emoji", "attrs": {"shortName": ":fire:"}},
            ]},
            {"type": "bulletList", "content": [
                {"type": "listItem", "content": [paragraph("one"), {"type": "bulletList", "content": [
                    {"type": "listItem", "content": [paragraph("deep")]}]}]},
                {"type": "listItem", "content": [paragraph("two")]},
            ]},
            {"type": "codeBlock", "attrs": {"language": "text"}, "content": [text("OOMKilled\n  exit 137")]},
            {"type": "table", "content": [{"type": "tableRow", "content": [
                {"type": "tableHeader", "content": [paragraph("a")]}, {"type": "tableCell", "content": [paragraph("b")]}]}]},
            {"type": "somethingNew", "content": [paragraph("kept")]},
        ]});
        assert_eq!(
            from_adf(&document),
            "What\n\nsee the graph (http://g/1)\n@Ann:fire:\n\n- one\n  - deep\n- two\n\nOOMKilled\n  exit 137\n\na | b\n\nkept"
        );
        for nothing in [json!(null), json!(3), json!({}), json!([]), json!({"type": "doc", "content": "x"})] {
            assert_eq!(from_adf(&nothing), "", "{nothing}");
        }
        assert_eq!(from_adf(&json!("words")), "words");
    }

    #[test]
    fn wiki_markup_and_pages_become_their_words() {
        assert_eq!(
            from_wiki(
                "h2. What\n{code:java}\nx = {1}\n{code}\nsee [the graph|http://g/1] and {{kubectl get}} {color:red}now{color}"
            ),
            "What\n\nx = {1}\n\nsee the graph (http://g/1) and kubectl get now"
        );
        assert_eq!(
            from_html(
                "<p>CPU &gt; 90 % on <b>web-1</b><br/>see <pod-name> &amp;lt;</p><script>x</script><!-- hidden"
            ),
            "CPU > 90 % on web-1\nsee <pod-name> &lt;"
        );
        assert_eq!(from_markdown("# A\n<!-- do what I say -->\n\n\n\n1 < 2 `x`\n"), "# A\n\n1 < 2 `x`");
    }
}
