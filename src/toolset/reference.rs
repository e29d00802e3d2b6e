//! The catalogue as people read it: a page for each file of the binary, and an index. Made from the same YAML
//! that runs, so it cannot tell of a tool that is not there. It knows nothing of what works here and now.

use std::fmt::Write as _;

use serde_json::Value;

use super::{Loaded, Parameter, Prerequisite, ToolDefinition, Toolset, ToolsetKind, load};

/// One page of Markdown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// `README`, or the file's name without its ending: `kubernetes`.
    pub name: String,
    /// Toolsets on it.
    pub toolsets: Vec<String>,
    pub text: String,
}

/// The index first, then the pages by name. The same binary gives the same bytes.
pub fn pages() -> Vec<Page> {
    let files = load::catalogue();
    let mut pages = vec![index(&files)];
    pages.extend(files.iter().map(|(name, loaded)| page(name, loaded)));
    pages
}

const MADE: &str =
    "<!-- Made by `holmes-rs toolset docs --write docs/toolsets`: change toolsets/*.yaml, not this. -->\n\n";

fn index(files: &[(String, Loaded)]) -> Page {
    let mut text = format!(
        "{MADE}# Toolsets\n\nWhat the binary brings. `on` toolsets are wanted everywhere, `auto` ones where their \
         service is, `off` ones\nwhere a configuration says `toolsets: {{NAME: {{enabled: true}}}}`. \
         `holmes-rs toolset list --all` shows which of\nthem work here, `holmes-rs toolset show NAME` what each needs. \
         `experimental` ones were\n[not tried](#not-tried-against-the-real-service) against the real service.\n\n\
         | toolset | what it shows | state | tools |\n|---|---|---|---|\n"
    );
    let mut count = 0;
    for (name, loaded) in files {
        for toolset in loaded.toolsets.values() {
            count += toolset.tools.len();
            let _ = writeln!(
                text,
                "| [{}]({name}.md#{}) | {} | {}{} | {} |",
                toolset.name,
                anchor(&toolset.name),
                cell(first_line(&toolset.description)),
                state(toolset),
                if toolset.experimental { ", experimental" } else { "" },
                tools(toolset)
            );
        }
    }
    let toolsets: Vec<String> =
        files.iter().flat_map(|(_, loaded)| loaded.toolsets.keys().cloned()).collect();
    let _ = writeln!(text, "\n{} toolsets, {count} tools.", toolsets.len());
    let experimental: Vec<&str> = files
        .iter()
        .flat_map(|(_, loaded)| loaded.toolsets.values())
        .filter(|toolset| toolset.experimental)
        .map(|toolset| toolset.name.as_str())
        .collect();
    if !experimental.is_empty() {
        let _ = writeln!(
            text,
            "\n## Not tried against the real service\n\nWritten from its documentation: {}.",
            experimental.join(", ")
        );
    }
    Page { name: "README".to_owned(), toolsets, text }
}

fn page(name: &str, loaded: &Loaded) -> Page {
    let mut text = format!("{MADE}# {name}\n");
    for toolset in loaded.toolsets.values() {
        section(toolset, &mut text);
    }
    Page { name: name.to_owned(), toolsets: loaded.toolsets.keys().cloned().collect(), text }
}

fn section(toolset: &Toolset, text: &mut String) {
    let _ = writeln!(text, "\n## {}\n\n{}\n", toolset.name, lines(&toolset.description));
    let mut fact = |name: &str, value: &str| {
        if !value.trim().is_empty() {
            let _ = writeln!(text, "- **{name}**: {}", lines(value));
        }
    };
    fact("state", state_said(toolset));
    if toolset.experimental {
        fact("experimental", "written from documentation, not tried against the real service");
    }
    if toolset.kind != ToolsetKind::Commands {
        fact("type", kind(toolset.kind));
    }
    fact("tags", &toolset.tags.join(", "));
    for prerequisite in &toolset.prerequisites {
        fact("needs", &needs(prerequisite));
    }
    fact("install", toolset.installation_instructions.as_deref().unwrap_or_default());
    fact("documentation", toolset.docs_url.as_deref().unwrap_or_default());
    let approval: Vec<String> =
        toolset.approval_required_tools.iter().map(|glob| format!("`{glob}`")).collect();
    fact("asks before", &approval.join(", "));
    for tool in &toolset.tools {
        describe(tool, text);
    }
}

fn describe(tool: &ToolDefinition, text: &mut String) {
    let _ = writeln!(text, "\n### {}\n\n{}", tool.name, lines(&tool.description));
    let mut facts = Vec::new();
    match tool.read_only {
        Some(true) => facts.push("reads only".to_owned()),
        Some(false) => facts.push("**changes something**".to_owned()),
        None => {}
    }
    if let Some(timeout) = tool.timeout {
        facts.push(format!("at most {} s", timeout.as_secs_f64()));
    }
    if !facts.is_empty() {
        let _ = writeln!(text, "\n{}", facts.join(", "));
    }
    if !tool.parameters.is_empty() {
        text.push_str("\n| parameter | type | | meaning |\n|---|---|---|---|\n");
        for parameter in &tool.parameters {
            let _ = writeln!(
                text,
                "| `{}` | {} | {} | {} |",
                parameter.name,
                cell(&parameter.types.join(" or ")),
                cell(&presence(parameter)),
                cell(&parameter.description)
            );
        }
    }
}

fn presence(parameter: &Parameter) -> String {
    let mut said = vec![if parameter.required { "required".to_owned() } else { "optional".to_owned() }];
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    if let Some(default) = parameter.default.as_ref().filter(|default| !default.is_null()) {
        said.push(format!("default `{}`", shown(default)));
    }
    if !parameter.choices.is_empty() {
        let choices: Vec<String> = parameter.choices.iter().map(|one| format!("`{}`", shown(one))).collect();
        said.push(format!("one of {}", choices.join(" ")));
    }
    said.join(", ")
}

/// What must hold, in words.
pub fn needs(prerequisite: &Prerequisite) -> String {
    match prerequisite {
        Prerequisite::Command { command, expected_output, .. } => {
            let mut lines = command.trim().lines();
            let first = lines.next().unwrap_or_default();
            let more = if lines.next().is_some() { " …" } else { "" };
            let expected = expected_output.as_ref().map(|text| format!(" to print `{}`", text.trim()));
            let expected = expected.unwrap_or_default();
            match first.strip_prefix('#') {
                // A comment at the top is the author's title.
                Some(title) => format!("{}{expected}", title.trim()),
                None => format!("`{first}{more}`{expected}"),
            }
        }
        Prerequisite::Env(names) => format!("environment: {}", names.join(", ")),
        Prerequisite::OneOf(names) => format!("one of: {}", names.join(", ")),
        Prerequisite::Program(names) => format!("program: {}", names.join(" or ")),
        Prerequisite::Static { enabled: true, .. } => "nothing".to_owned(),
        Prerequisite::Static { reason, .. } => {
            format!("never: {}", reason.as_deref().unwrap_or("disabled by its own file"))
        }
    }
}

/// As the format spells it; empty for commands.
pub fn kind(kind: ToolsetKind) -> &'static str {
    match kind {
        ToolsetKind::Commands => "",
        ToolsetKind::Http => "http",
        ToolsetKind::Mcp => "mcp",
        ToolsetKind::Database => "database",
        ToolsetKind::Mongodb => "mongodb",
    }
}

fn state(toolset: &Toolset) -> &'static str {
    match (toolset.enabled, toolset.auto) {
        (_, true) => "auto",
        (true, false) => "on",
        (false, false) => "off",
    }
}

fn state_said(toolset: &Toolset) -> &'static str {
    match state(toolset) {
        "auto" => "auto: on where its prerequisites hold",
        "on" => "on",
        _ => "off until a configuration switches it on",
    }
}

fn tools(toolset: &Toolset) -> String {
    if toolset.kind == ToolsetKind::Commands {
        toolset.tools.len().to_string()
    } else {
        "of its server".to_owned()
    }
}

/// As GitHub makes anchors of headings.
fn anchor(heading: &str) -> String {
    let kept = heading.to_lowercase();
    kept.chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

fn first_line(text: &str) -> &str {
    text.trim().lines().next().unwrap_or_default()
}

fn lines(text: &str) -> String {
    text.trim().lines().map(str::trim).collect::<Vec<_>>().join("\n")
}

fn cell(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
