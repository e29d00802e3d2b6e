//! What is allowed without asking, as a list: for `holmes-rs approve` and for a session's `/approve`.

use serde_json::{Value, json};

use super::Leave;
use crate::approval::Grant;
use crate::config::yaml::nearest;
use crate::ui::{Table, Terminal};

/// A table of what is allowed; each with whether it is stored, or ends with the session.
pub(in crate::cli) fn table<'a>(grants: impl Iterator<Item = (bool, &'a Grant)>) -> Table {
    let mut table = Table::new(&["id", "allows", "until", "granted", "by"]);
    for (stored, grant) in grants {
        let until = if stored { "revoked" } else { "the session ends" };
        let rule = grant.rule.to_string();
        table.row([grant.id.as_str(), rule.as_str(), until, grant.granted.as_str(), grant.by.as_str()]);
    }
    table
}

/// What a session's `/approve` says: the list, or after `revoke ID…` (`revoke --all`) what was taken back.
///
/// # Errors
/// One line: an id that is none, words that are no command, a file that does not count.
pub(in crate::cli) fn spoken(leave: &Leave, arguments: &str, terminal: &Terminal) -> Result<String, String> {
    let mut words = arguments.split_whitespace();
    let ids: Vec<&str> = match words.next() {
        None | Some("list") => {
            let granted = leave.granted()?;
            if granted.is_empty() {
                return Ok("nothing is allowed without asking".to_owned());
            }
            return Ok(table(granted.iter().map(|(stored, grant)| (*stored, grant))).render(terminal));
        }
        Some("revoke") => words.collect(),
        Some(_) => return Err("`/approve` lists, `/approve revoke ID` takes back".to_owned()),
    };
    let ids = match ids.as_slice() {
        [] => return Err("say which: `/approve revoke ID`, or `--all`".to_owned()),
        ["--all"] => Vec::new(),
        _ => ids,
    };
    let revoked = leave.revoke(&ids)?;
    if revoked.is_empty() {
        return Ok("nothing was allowed".to_owned());
    }
    let lines: Vec<String> = revoked.iter().map(|one| format!("revoked {}: {}", one.id, one.rule)).collect();
    Ok(lines.join("\n"))
}

/// One of them for programs.
pub(in crate::cli) fn json(stored: bool, grant: &Grant) -> Value {
    let Grant { id, tool, toolset, rule, server, granted, by, run } = grant;
    json!({
        "id": id,
        "allows": rule.to_string(),
        "scope": if stored { "always" } else { "session" },
        "tool": tool,
        "toolset": toolset,
        "action": rule.action,
        "exactly": rule.exactly,
        "namespace": rule.namespace,
        "context": rule.context,
        "server": server,
        "granted": granted,
        "by": by,
        "run": run,
    })
}

/// Whether each id is one.
///
/// # Errors
/// One line that names the first that is none, and the nearest that is one.
pub(in crate::cli) fn known<'a>(ids: &[&str], grants: impl Iterator<Item = &'a Grant>) -> Result<(), String> {
    let known: Vec<&str> = grants.map(|grant| grant.id.as_str()).collect();
    match ids.iter().find(|id| !known.contains(id)) {
        None => Ok(()),
        Some(id) => Err(match nearest(id, &known) {
            Some(near) => format!("there is no approval `{id}`; did you mean `{near}`?"),
            None => format!("there is no approval `{id}`"),
        }),
    }
}
