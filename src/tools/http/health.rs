//! Whether an endpoint answers, where its file names a URL that tells.

use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;

use super::allow::host;
use super::settings::{Endpoint, shown};
use super::wire::{Call, Wire, refusal};

/// A check that takes longer makes every start slow.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks `health_check_url`, where there is one.
///
/// # Errors
/// When it does not answer 2xx or 3xx in time, in one line that a person can act on.
pub(super) async fn check(wire: &Wire, endpoint: &Endpoint, headers: &HeaderMap) -> Result<(), String> {
    let Some(url) = &endpoint.health_check_url else { return Ok(()) };
    let failed = |reason: String| format!("health check `{}`: {reason}", shown(url));
    // A person wrote it down: it need not be among the hosts a model may ask.
    let mut listed = endpoint.listed.clone();
    listed.add(&host(url));
    let call = Call {
        method: Method::GET,
        url: url.clone(),
        accept: "application/json, */*;q=0.5",
        headers: headers.clone(),
        body: None,
    };
    // Its credentials go where they belong, and nowhere else.
    let auth = endpoint.hosts.iter().any(|pattern| pattern.matches(url)).then_some(&endpoint.auth);
    let response = match tokio::time::timeout(PATIENCE, wire.ask(&call, &listed, auth)).await {
        Ok(answered) => answered.map_err(failed)?,
        Err(_) => return Err(failed(format!("no answer within {} s", PATIENCE.as_secs()))),
    };
    let status = response.status();
    if status.is_success() || status.is_redirection() { Ok(()) } else { Err(failed(refusal(&response))) }
}
