//! A toolset's words to the model.

use minijinja::value::Serde;
use minijinja::{Environment, Value, context};

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
    let mut engine = Environment::new();
    engine.set_fuel(Some(100_000));
    let rendered = engine.render_str(template, context! { tool_names => names, config });
    let text =
        rendered.map_err(|error| format!("`llm_instructions` of toolset `{}`: {error}", toolset.name))?;
    let text: String = text.trim().chars().take(LONGEST).collect();
    Ok(Some(text).filter(|text| !text.is_empty()))
}
