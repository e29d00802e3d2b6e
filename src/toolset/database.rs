//! `type: database` and `type: mongodb`: a name and an address in a file, the tools of a builtin toolset.
//!
//! HolmesGPT gives such a toolset the tools `NAME_query`, `NAME_list_tables` and `NAME_describe_table`; ours
//! has what the builtin one of that kind has, each under the name of the file's toolset.

use serde_json::Value;

use super::{Toolset, ToolsetKind, Toolsets};

/// Part of an address's scheme, the builtin toolset, and the beginning of its tools' names.
const KINDS: &[(&str, &str)] = &[
    ("postgres", "postgres"),
    ("mysql", "mysql"),
    ("mariadb", "mysql"),
    ("sqlite", "sqlite"),
    ("clickhouse", "clickhouse"),
    ("mongodb", "mongodb"),
];

/// Gives every such toolset its tools, or the reason why it has none.
pub(super) fn equip(toolsets: &mut Toolsets) {
    let bare = |toolset: &Toolset| matches!(toolset.kind, ToolsetKind::Database | ToolsetKind::Mongodb);
    let names: Vec<String> =
        toolsets.values().filter(|toolset| bare(toolset)).map(|toolset| toolset.name.clone()).collect();
    for name in names {
        let Some(toolset) = toolsets.get(&name) else { continue };
        let filled = filled(toolset, toolsets);
        if let Some(toolset) = toolsets.get_mut(&name) {
            match filled {
                Ok(filled) => *toolset = filled,
                Err(reason) => _ = toolset.broken.get_or_insert(format!("{}: {reason}", toolset.origin)),
            }
        }
    }
}

fn filled(toolset: &Toolset, toolsets: &Toolsets) -> Result<Toolset, String> {
    let address = toolset.config.get("connection_url").and_then(Value::as_str).unwrap_or_default().trim();
    if address.is_empty() {
        return Err(
            "`config.connection_url` is missing, such as `postgresql://user:password@host/db`".to_owned()
        );
    }
    // SQLAlchemy's schemes name a driver, too: `mysql+pymysql`.
    let scheme = address.split(':').next().unwrap_or_default().to_ascii_lowercase();
    let base = match toolset.kind {
        ToolsetKind::Mongodb => "mongodb",
        _ => {
            KINDS.iter().find(|(part, _)| scheme.contains(part)).map(|(_, base)| *base).ok_or_else(|| {
                let known: Vec<&str> = KINDS.iter().map(|(part, _)| *part).collect();
                format!("`config.connection_url` is of no database known here; known: {}", known.join(", "))
            })?
        }
    };
    let builtin = toolsets.get(base).ok_or_else(|| format!("the builtin toolset `{base}` is missing"))?;
    let prefix = tool_prefix(&toolset.name);
    let mut filled = toolset.clone();
    filled.kind = ToolsetKind::Commands;
    filled.prelude.clone_from(&builtin.prelude);
    filled.prerequisites = toolset.prerequisites.iter().chain(&builtin.prerequisites).cloned().collect();
    filled.installation_instructions =
        toolset.installation_instructions.clone().or_else(|| builtin.installation_instructions.clone());
    if filled.description.is_empty() {
        filled.description = format!("Query {} database", toolset.name);
    }
    filled.tools = builtin
        .tools
        .iter()
        .filter_map(|tool| {
            let mut tool = tool.clone();
            tool.name = format!("{prefix}_{}", tool.name.strip_prefix(base)?.trim_start_matches('_'));
            tool.user_description = tool.user_description.map(|line| format!("{}: {line}", toolset.name));
            tool.description = format!("{} ({})", tool.description, toolset.name);
            Some(tool)
        })
        .collect();
    Ok(filled)
}

/// A toolset's name as the beginning of tool names: `orders-rds` gives `orders_rds`.
fn tool_prefix(name: &str) -> String {
    let parts = name.split(|letter: char| !letter.is_ascii_alphanumeric());
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}
