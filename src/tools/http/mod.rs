//! HTTP APIs as tools: `type: http`, by the rules of `config.endpoints`, and the web page reader of `internet`.
//!
//! The model writes the URL, and may have read it in a log that a stranger wrote. So every request, each hop of a
//! redirect too, is held to the file's allow-list after one normalisation ([`allow`]), and to where its name really
//! leads ([`address`]). It is not for servers that want more than a request and an answer: those are MCP's.

mod address;
mod allow;
mod body;
mod charset;
mod digest;
mod fetch;
mod health;
mod page;
mod request;
mod selection;
mod settings;
mod webpage;
mod wire;

use super::{Connected, Surroundings};
use crate::shell::environment;
use crate::toolset::Toolset;

use self::request::{Request, tool_name};
use self::settings::Settings;
use self::webpage::Webpage;
use self::wire::Wire;

/// Reads `config`, asks the health checks there are, and gives the toolset's tool.
///
/// # Errors
/// In one line: what is wrong with `config` or why a health check failed.
pub(super) async fn connect(toolset: &Toolset, surroundings: &Surroundings) -> Result<Connected, String> {
    let placed = |reason: String| format!("{}: {reason}", toolset.origin);
    let caller = &surroundings.caller;
    match toolset.subtype.as_deref() {
        None | Some("") => {}
        Some("webpage") => {
            let tool = Webpage::new(toolset, &surroundings.trust, caller).map_err(placed)?;
            let warnings = tool.warning().into_iter().collect();
            return Ok(Connected { tools: vec![Box::new(tool)], warnings, ..Connected::default() });
        }
        Some(other) => return Err(placed(format!("subtype `{other}` is not known for type `http`"))),
    }
    let settings = Settings::read(&toolset.config).map_err(placed)?;
    let wire = Wire::new(&surroundings.trust, settings.verify_ssl, settings.identity.as_ref(), caller)?;
    for endpoint in &settings.endpoints {
        health::check(&wire, endpoint, &settings.headers).await?;
    }
    let name = tool_name(&toolset.name);
    let instructions = format!(
        "`{name}` makes HTTP requests to the hosts its description lists and to no others. Where another toolset \
         knows the same system, use that one. Ask for little: filters in `params`, fields by `jq`."
    );
    let tool = Request::new(toolset, settings, wire, environment(caller, &[]));
    Ok(Connected { tools: vec![Box::new(tool)], instructions: Some(instructions), ..Connected::default() })
}
