//! Parameters that nobody declared: what the template's syntax tree says it needs.

use crate::config::yaml::Node;
use crate::shell::Variable;
use crate::shell::template::{TemplateError, variables};

use super::{Parameter, ToolDefinition};

/// Adds what `tool.template` needs and does not declare, in order of first appearance.
///
/// # Errors
/// In one line, with the place in the file, when the template does not parse.
pub(super) fn parameters(tool: &mut ToolDefinition, node: &Node) -> Result<(), String> {
    let found = variables(&without_comments(&tool.template)).map_err(|error| placed(&error, node))?;
    // `jq: "{{ expression }}"`: the parameter is the program.
    let program = tool.jq.as_deref().map(|jq| variables(jq).map_err(|error| format!("`jq`: {error}")));
    add(tool, found.into_iter().chain(program.transpose()?.unwrap_or_default()));
    Ok(())
}

/// Adds what a toolset's `prelude` needs besides.
///
/// # Errors
/// In one line, when it does not parse.
pub(super) fn of_prelude(tool: &mut ToolDefinition, prelude: &str) -> Result<(), String> {
    let found = variables(&without_comments(prelude)).map_err(|error| error.to_string())?;
    add(tool, found.into_iter());
    Ok(())
}

fn add(tool: &mut ToolDefinition, found: impl Iterator<Item = Variable>) {
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
            let column = if *line > 1 { node.column + column - 1 } else { node.column };
            node.error_at(line.saturating_sub(1), column, reason).inline()
        }
        other => node.error(other.to_string()).inline(),
    }
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
