//! One tool of a server: arguments as its schema wants them, the call, the result as text in a file.

use std::collections::BTreeSet;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::rc::Rc;

use rmcp::model::{CallToolRequest, CallToolRequestParams, ClientRequest};
use serde_json::{Map, Value};

use super::listing::{Listed, words};
use super::session::{Failed, Server};
use crate::agent::ToolSpec;
use crate::evidence::Status;
use crate::evidence::untrusted::visible;
use crate::evidence::view::size;
use crate::shell::{Limits, Stop, private_file};
use crate::tls::decode_base64;
use crate::tools::{Closing, Outcome, Tool, ToolFuture};

/// Characters of the line that stands for a call.
const LINE: usize = 300;
/// Steps from a schema to what it refers to.
const REFERENCES: u8 = 8;
/// Bytes of a result in which a status inside of it is looked for.
const INSPECTED: usize = 64 * 1024;

/// A tool and the server that does it.
pub(super) struct ServerTool {
    pub toolset: String,
    pub listed: Listed,
    pub server: Rc<Server>,
}

impl ServerTool {
    async fn perform(&self, params: &Map<String, Value>, output: &Path, stop: Stop) -> Outcome {
        let invocation = self.line(params, '/');
        let end = |status, error: Option<String>| Outcome {
            status,
            exit_code: None,
            error,
            invocation: invocation.clone(),
            bytes: 0,
            lines: 0,
        };
        let arguments = match arguments(&self.listed.spec.parameters, params) {
            Ok(arguments) => arguments,
            Err(error) => return end(Status::Error, Some(error)),
        };
        let request = request(self.listed.name.clone(), arguments);
        let limit = self.server.settings().timeout;
        match self.server.request(request, self.listed.repeatable, limit, stop).await {
            Ok(result) if !result.is_object() => {
                end(Status::Error, Some("the server's reply is no result of a tool".to_owned()))
            }
            Ok(result) => match written(&result, output) {
                Ok((bytes, lines)) => {
                    let error = complaint(&result);
                    let status = match (&error, bytes) {
                        (Some(_), _) => Status::Error,
                        (None, 0) => Status::NoData,
                        (None, _) => Status::Success,
                    };
                    Outcome { bytes, lines, ..end(status, error) }
                }
                Err(error) => end(Status::Error, Some(format!("the result cannot be kept: {error}"))),
            },
            Err(Failed::Refused(why)) => end(Status::Error, Some(why)),
            Err(Failed::Lost(why)) => {
                end(Status::Error, Some(format!("MCP server `{}`: {why}", self.toolset)))
            }
            Err(Failed::TimedOut) => end(Status::TimedOut, Some(format!("no result within {limit:?}"))),
            Err(Failed::Stopped) => end(Status::Interrupted, None),
        }
    }

    /// The call in one line: `server/tool a=1`.
    fn line(&self, params: &Map<String, Value>, between: char) -> String {
        let mut line = format!("{}{between}{}", self.toolset, visible(&self.listed.name));
        for (name, value) in params.iter().filter(|(_, value)| !value.is_null()) {
            line.push(' ');
            line.push_str(name);
            line.push('=');
            match value {
                Value::String(text) => line.push_str(text),
                other => line.push_str(&other.to_string()),
            }
        }
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        words(&line, LINE)
    }
}

/// A call of `tool`.
pub(super) fn request(tool: String, arguments: Map<String, Value>) -> ClientRequest {
    let params = CallToolRequestParams::new(tool).with_arguments(arguments);
    ClientRequest::CallToolRequest(CallToolRequest::new(params))
}

impl Tool for ServerTool {
    fn spec(&self) -> &ToolSpec {
        &self.listed.spec
    }

    fn toolset(&self) -> &str {
        &self.toolset
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        self.line(params, ' ')
    }

    fn close(&self) -> Closing<'_> {
        Box::pin(self.server.close())
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        Box::pin(self.perform(params, output, stop))
    }
}

/// What a model or a command line gave, as the schema wants it: a number in quotes is a number where one is
/// asked for, `null` for what is optional is nothing.
///
/// # Errors
/// The names that are missing.
fn arguments(schema: &Value, params: &Map<String, Value>) -> Result<Map<String, Value>, String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let mut given = Map::new();
    for (name, value) in params {
        let property = properties.and_then(|properties| properties.get(name));
        let mut kinds = BTreeSet::new();
        if let Some(property) = property {
            collect(schema, property, REFERENCES, &mut kinds);
        }
        if value.is_null() && !kinds.contains("null") {
            continue;
        }
        given.insert(name.clone(), fitted(&kinds, value));
    }
    let missing: Vec<String> =
        required.iter().filter(|name| !given.contains_key(**name)).map(|name| format!("`{name}`")).collect();
    if !missing.is_empty() {
        let names: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        return Err(format!("needs {}; parameters: {}", missing.join(", "), names.join(", ")));
    }
    Ok(given)
}

/// The types that `property` takes, through references and alternatives.
fn collect<'a>(root: &'a Value, property: &'a Value, steps: u8, kinds: &mut BTreeSet<&'a str>) {
    let Some(steps) = steps.checked_sub(1) else { return };
    match property.get("type") {
        Some(Value::String(one)) => _ = kinds.insert(one),
        Some(Value::Array(several)) => kinds.extend(several.iter().filter_map(Value::as_str)),
        _ => {}
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for one in property.get(key).and_then(Value::as_array).into_iter().flatten().take(64) {
            collect(root, one, steps, kinds);
        }
    }
    let reference = property.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix('#'));
    if let Some(one) = reference.and_then(|pointer| root.pointer(pointer)) {
        collect(root, one, steps, kinds);
    }
}

fn fitted(kinds: &BTreeSet<&str>, value: &Value) -> Value {
    let Value::String(text) = value else { return value.clone() };
    let wants = |kind: &str| kinds.contains(kind);
    if kinds.is_empty() || wants("string") {
        return value.clone();
    }
    match serde_json::from_str::<Value>(text.trim()) {
        Ok(read) => {
            let fits = match &read {
                Value::Bool(_) => wants("boolean"),
                Value::Number(number) => {
                    wants("number") || (wants("integer") && (number.is_i64() || number.is_u64()))
                }
                Value::Array(_) => wants("array"),
                Value::Object(_) => wants("object"),
                Value::Null => wants("null"),
                Value::String(_) => false,
            };
            if fits { read } else { value.clone() }
        }
        // One word where a list is asked for is a list of it.
        Err(_) if wants("array") => Value::Array(vec![value.clone()]),
        Err(_) => value.clone(),
    }
}

/// Why a result is none, in one line, where the server says so.
pub(super) fn complaint(result: &Value) -> Option<String> {
    if result.get("isError").and_then(Value::as_bool) != Some(true) {
        return refused_inside(result);
    }
    let first = blocks(result).find_map(|block| block.get("text").and_then(Value::as_str));
    let first = first.unwrap_or_default().lines().map(visible).find(|line| !line.trim().is_empty());
    Some(first.map_or_else(|| "the tool failed and does not say why".to_owned(), |line| words(&line, LINE)))
}

/// A status that is no success inside of a result that says nothing of an error, as AWS' server writes it.
fn refused_inside(result: &Value) -> Option<String> {
    let text = blocks(result).find_map(|block| block.get("text").and_then(Value::as_str))?;
    if text.len() > INSPECTED || !text.contains("\"status_code\"") {
        return None;
    }
    let read: Value = serde_json::from_str(text).ok()?;
    let status = read.pointer("/response/status_code")?.as_u64().filter(|status| *status >= 300)?;
    Some(format!("the reply holds status {status}"))
}

fn blocks(result: &Value) -> impl Iterator<Item = &Value> {
    result.get("content").and_then(Value::as_array).into_iter().flatten()
}

/// Writes a result's text to `output`: its size in bytes and lines.
fn written(result: &Value, output: &Path) -> std::io::Result<(u64, u64)> {
    let mut file = BufWriter::new(private_file(output)?);
    let room = usize::try_from(Limits::default().kept_bytes).unwrap_or(usize::MAX);
    let (mut bytes, mut lines, mut open) = (0_usize, 0_u64, false);
    for piece in pieces(result) {
        let piece = piece.get(..piece.floor_char_boundary(room.saturating_sub(bytes))).unwrap_or_default();
        if piece.is_empty() {
            continue;
        }
        if open {
            file.write_all(b"\n")?;
            bytes += 1;
            lines += 1;
        }
        file.write_all(piece.as_bytes())?;
        bytes += piece.len();
        lines += memchr::memchr_iter(b'\n', piece.as_bytes()).count() as u64;
        open = !piece.ends_with('\n');
    }
    file.flush()?;
    Ok((bytes as u64, lines + u64::from(open)))
}

/// A result as texts: what is text as it is, of everything else what it is.
fn pieces(result: &Value) -> Vec<String> {
    let mut found: Vec<String> = blocks(result).map(piece).collect();
    let has_text = blocks(result).any(|block| block.get("text").is_some_and(|text| text != ""));
    let structured = result.get("structuredContent").filter(|value| !value.is_null());
    if let (Some(structured), false) = (structured, has_text) {
        found.push(format!("{structured:#}"));
    }
    // No result of the protocol, and yet something the server said.
    if result.get("content").is_none()
        && structured.is_none()
        && result.as_object().is_some_and(|map| !map.is_empty())
    {
        found.push(format!("{result:#}"));
    }
    found
}

fn piece(block: &Value) -> String {
    let said =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    // Four characters of base64 are three bytes.
    let weight = |value: &Value, key: &str| {
        size(value.get(key).and_then(Value::as_str).map_or(0, str::len) as u64 / 4 * 3)
    };
    match said(block, "type").as_str() {
        "text" => said(block, "text"),
        kind @ ("image" | "audio") => {
            format!("[{kind}, {}, {}: not shown]", said(block, "mimeType"), weight(block, "data"))
        }
        "resource" => {
            let resource = block.get("resource").unwrap_or(&Value::Null);
            let uri = said(resource, "uri");
            if let Some(text) = resource.get("text").and_then(Value::as_str) {
                return format!("[resource {uri}]\n{text}");
            }
            let (kind, blob) = (said(resource, "mimeType"), said(resource, "blob"));
            match is_text(&kind).then(|| decode_base64(&blob)).flatten() {
                Some(bytes) => format!("[resource {uri}]\n{}", String::from_utf8_lossy(&bytes)),
                None => format!("[resource {uri}, {kind}, {}: not shown]", weight(resource, "blob")),
            }
        }
        "resource_link" => {
            let about = [said(block, "name"), said(block, "mimeType"), said(block, "description")];
            let about: Vec<&str> = about.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
            format!("[resource {}] {}", said(block, "uri"), about.join(", ")).trim_end().to_owned()
        }
        _ => block.to_string(),
    }
}

/// Whether data of this type is text, though a server packs it as data.
fn is_text(kind: &str) -> bool {
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind.starts_with("text/")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || [
            "application/json",
            "application/xml",
            "application/yaml",
            "application/x-yaml",
            "application/toml",
        ]
        .contains(&kind.as_str())
}

#[cfg(test)]
#[allow(clippy::needless_pass_by_value, reason = "tests read better with values")]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(result: Value) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("out");
        let (bytes, lines) = written(&result, &file).unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!((bytes, lines), (text.len() as u64, text.lines().count() as u64), "{text:?}");
        text
    }

    #[test]
    fn a_result_is_its_text_and_a_note_of_everything_else() {
        assert_eq!(text(json!({"content": []})), "");
        assert_eq!(
            text(json!({"content": [{"type": "text", "text": "a\nb"}, {"type": "text", "text": "c"}]})),
            "a\nb\nc"
        );
        assert_eq!(
            text(
                json!({"content": [{"type": "image", "mimeType": "image/png", "data": "AAAA".repeat(1000)}]})
            ),
            format!("[image, image/png, {}: not shown]", size(3000))
        );
        assert_eq!(
            text(json!({"content": [
                {"type": "resource", "resource": {"uri": "a://b", "text": "x"}},
                {"type": "resource", "resource": {"uri": "a://c", "mimeType": "y", "blob": "AAAA"}},
                {"type": "resource", "resource": {"uri": "a://t", "mimeType": "text/plain", "blob": "aGk="}},
                {"type": "resource", "resource": {"uri": "a://u", "mimeType": "text/plain", "blob": "!"}},
                {"type": "resource_link", "uri": "a://d", "name": "n"},
                {"type": "new", "x": 1}, "odd"]})),
            format!(
                "[resource a://b]\nx\n[resource a://c, y, {}: not shown]\n[resource a://t]\nhi\n[resource a://u, text/plain, {}: not shown]\n[resource a://d] n\n{{\"type\":\"new\",\"x\":1}}\n\"odd\"",
                size(3),
                size(0)
            )
        );
    }

    #[test]
    fn structure_is_shown_where_there_is_no_text() {
        let both = json!({"content": [{"type": "text", "text": "t"}], "structuredContent": {"a": 1}});
        assert_eq!(text(both), "t");
        assert_eq!(text(json!({"content": [], "structuredContent": {"a": 1}})), "{\n  \"a\": 1\n}");
        assert_eq!(text(json!({"toolResult": 5})), "{\n  \"toolResult\": 5\n}");
    }

    #[test]
    fn an_error_gives_its_first_line() {
        let failed =
            json!({"isError": true, "content": [{"type": "text", "text": "\n\u{1b}[31mno such pod\nx"}]});
        assert_eq!(complaint(&failed).as_deref(), Some("no such pod"));
        assert!(complaint(&json!({"isError": true})).is_some());
        assert_eq!(complaint(&json!({"isError": false, "content": []})), None);
        let inside = |text: &str| complaint(&json!({"content": [{"type": "text", "text": text}]}));
        let aws = "{\"response\": {\"status_code\": 403, \"error\": \"AccessDenied\"}}";
        assert_eq!(inside(aws).as_deref(), Some("the reply holds status 403"));
        for fine in
            ["{\"response\": {\"status_code\": 200}}", "{\"status_code\": 500}", "\"status_code\"", "x"]
        {
            assert_eq!(inside(fine), None, "{fine}");
        }
    }

    #[test]
    fn arguments_take_the_types_of_the_schema() {
        let schema = json!({"properties": {
            "s": {"type": "string"}, "n": {"type": "number"}, "i": {"type": "integer"}, "b": {"type": "boolean"},
            "l": {"type": "array"}, "o": {"type": "object"}, "u": {"type": ["integer", "null"]}, "any": {}},
            "required": ["s"]});
        let given = |params: Value| arguments(&schema, params.as_object().unwrap()).map(Value::Object);
        assert_eq!(
            given(
                json!({"s": "5", "n": "1.5", "i": "7", "b": "true", "l": "[1]", "o": "{\"a\":1}", "any": "5"})
            ),
            Ok(json!({"s": "5", "n": 1.5, "i": 7, "b": true, "l": [1], "o": {"a": 1}, "any": "5"}))
        );
        assert_eq!(
            given(json!({"s": "", "n": "x", "i": "1.5", "b": null, "u": null, "l": "a", "new": 1})),
            Ok(json!({"s": "", "n": "x", "i": "1.5", "u": null, "l": ["a"], "new": 1}))
        );
        let error = given(json!({"n": 1, "s": null})).unwrap_err();
        assert!(error.starts_with("needs `s`; parameters: s, n"), "{error}");
    }

    /// As pydantic writes what is optional, and zod what is of a kind of its own.
    #[test]
    fn alternatives_and_references_are_types_too() {
        let schema = json!({"$defs": {"Level": {"type": "integer"}, "Loop": {"$ref": "#/$defs/Loop"},
                            "Wide": {"anyOf": vec![json!({"$ref": "#/$defs/Wide"}); 3]}},
            "properties": {
                "n": {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "r": {"$ref": "#/$defs/Level"},
                "l": {"oneOf": [{"type": "array"}, {"type": "null"}]}, "a": {"allOf": [{"$ref": "#/$defs/Level"}]},
                "s": {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "loop": {"$ref": "#/$defs/Loop"},
                "wide": {"$ref": "#/$defs/Wide"}, "far": {"$ref": "http://x/#/a"}}});
        let given = |params: Value| arguments(&schema, params.as_object().unwrap()).map(Value::Object);
        assert_eq!(
            given(
                json!({"n": "5", "r": "6", "l": "x", "a": "7", "s": "8", "loop": "9", "wide": "1", "far": "2"})
            ),
            Ok(json!({"n": 5, "r": 6, "l": ["x"], "a": 7, "s": "8", "loop": "9", "wide": "1", "far": "2"}))
        );
        assert_eq!(
            given(json!({"n": null, "r": null, "l": "null", "a": "null"})),
            Ok(json!({"n": null, "l": null, "a": "null"}))
        );
    }
}
