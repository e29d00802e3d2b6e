//! Parameters that nobody declared: what the template's syntax tree says it needs.

use crate::config::yaml::Node;
use crate::shell::Variable;
use crate::shell::template::{TemplateError, needed, variables};

use super::{Parameter, ToolDefinition};

/// Adds what `tool.template` needs and does not declare, in order of first appearance.
///
/// # Errors
/// In one line, with the place in the file, when the template does not parse.
pub(super) fn parameters(tool: &mut ToolDefinition, node: &Node) -> Result<(), String> {
    let template = without_comments(&tool.template);
    let declared = |name: &str| tool.parameters.iter().any(|parameter| parameter.name == name);
    let found = needed(&template, declared).map_err(|error| placed(&error, node))?;
    // `jq: "{{ expression }}"`: the parameter is the program.
    let program = tool.jq.as_deref().map(|jq| variables(jq).map_err(|error| format!("`jq`: {error}")));
    add(tool, found.into_iter().chain(program.transpose()?.unwrap_or_default()));
    Ok(())
}

/// What a toolset's `prelude` needs besides, of every tool.
///
/// # Errors
/// In one line, when it does not parse.
pub(super) fn of_prelude(prelude: Option<&str>) -> Result<Vec<Variable>, String> {
    let found = prelude.map(|text| variables(&without_comments(text))).transpose();
    found.map(Option::unwrap_or_default).map_err(|error| format!("`prelude`: {error}"))
}

pub(super) fn add(tool: &mut ToolDefinition, found: impl Iterator<Item = Variable>) {
    for variable in found {
        if tool.parameters.iter().any(|parameter| parameter.name == variable.name) {
            continue;
        }
        tool.parameters.push(Parameter {
            name: variable.name,
            required: variable.required,
            types: vec!["string".to_owned()],
            ..Parameter::default()
        });
    }
}

/// The template without its whole-line shell comments, line for line: an author who explains
/// `{{ param }}` in one does not mean a parameter, and HolmesGPT takes none from there. Lines with Jinja
/// statements stay, since a block may begin or end in them.
fn without_comments(template: &str) -> String {
    let is_comment = |line: &&str| line.trim_start().starts_with('#') && !line.contains("{%");
    template.lines().map(|line| if is_comment(&line) { "" } else { line }).collect::<Vec<_>>().join("\n")
}

/// The error at its line of the file, where the template's lines are the file's.
fn placed(error: &TemplateError, node: &Node) -> String {
    match error {
        TemplateError::Syntax { line, column, reason } => {
            let source = node.as_str().unwrap_or_default();
            let letter = source
                .lines()
                .nth(line.saturating_sub(1))
                .and_then(|text| text.chars().nth(column.saturating_sub(1)));
            // Jinja2 has such names, the engine here has not.
            let foreign = letter.filter(|letter| letter.is_alphabetic() && !letter.is_ascii());
            let renamed = foreign.map(|letter| {
                format!("`{letter}` cannot be part of a name in a template: letters are a to z, rename it")
            });
            let reason = renamed.as_ref().unwrap_or(reason);
            let quote = usize::from(*line == 1 && is_quoted(node));
            node.error_at(line.saturating_sub(1), node.column + quote + column - 1, reason).inline()
        }
        other => node.error(other.to_string()).inline(),
    }
}

/// Whether its first line begins with a quote, which is no part of the text.
fn is_quoted(node: &Node) -> bool {
    let error = node.error("");
    let line = error.snippet.lines().next().and_then(|line| line.split_once(" | "));
    line.and_then(|(_, line)| line.chars().nth(node.column - 1)).is_some_and(|c| c == '"' || c == '\'')
        && !node.as_str().is_ok_and(|text| text.starts_with(['"', '\'']))
}

#[cfg(test)]
mod tests {
    use super::without_comments;

    #[test]
    fn comment_lines_name_no_parameters_and_keep_their_place() {
        let template = "#!/bin/bash\n  # never write {{ param }} in quotes\nKIND={{ kind }}\n# {% if x %}\necho '#'\n# {% endif %}";
        assert_eq!(without_comments(template), "\n\nKIND={{ kind }}\n# {% if x %}\necho '#'\n# {% endif %}");
    }
}
