//! A toolset's words to the model.

use std::borrow::Cow;
use std::io::Read as _;

use minijinja::value::Serde;
use minijinja::{Value, context};

use crate::shell::template::render_words;

use super::Toolset;

/// Characters of instructions that are kept: they stand in every request.
const LONGEST: usize = 20_000;

/// `llm_instructions` rendered with `tool_names` and `config`; `None` when there are none.
///
/// # Errors
/// In one line, with the toolset's name, when the template does not parse or fails.
pub fn instructions(toolset: &Toolset) -> Result<Option<String>, String> {
    let Some(template) = &toolset.llm_instructions else { return Ok(None) };
    let usable = toolset.tools.iter().filter(|tool| tool.broken.is_none());
    let names: Vec<String> = usable.map(|tool| tool.name.clone()).collect();
    let config = Value::from(Serde(&toolset.config));
    let wrong =
        |error: &dyn std::fmt::Display| format!("`llm_instructions` of toolset `{}`: {error}", toolset.name);
    let template = text_of(template).map_err(|error| wrong(&error))?;
    let text =
        render_words(&template, context! { tool_names => names, config }).map_err(|error| wrong(&error))?;
    let text: String = text.trim().chars().take(LONGEST).collect();
    Ok(Some(text).filter(|text| !text.is_empty()))
}

/// The template itself, or what is in the file that `file://PATH` names.
fn text_of(template: &str) -> Result<Cow<'_, str>, String> {
    if template.starts_with("builtin://") {
        return Err(
            "`builtin://` names a file inside HolmesGPT: write its text, or `file:///PATH`".to_owned()
        );
    }
    let Some(path) = template.trim().strip_prefix("file://") else { return Ok(Cow::Borrowed(template)) };
    let failed = |error: std::io::Error| format!("cannot read `{path}`: {error}");
    let file = std::fs::File::open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(format!("`{path}` is no file"));
    }
    let mut text = Vec::new();
    // A character has at most four bytes.
    file.take(LONGEST as u64 * 4).read_to_end(&mut text).map_err(failed)?;
    Ok(Cow::Owned(String::from_utf8_lossy(&text).into_owned()))
}
