//! What stands between this machine and its servers: proxies, and whom connections trust.

use std::time::{Duration, Instant};

use tokio::net::TcpStream;

use super::super::context::trust;
use super::super::failure::Failure;
use super::report::{Check, Section};
use super::{Looking, since};
use crate::config::Config;
use crate::http::{Client, Patience, Url};

const HERE: Section = Section::Network;
/// A proxy that is there takes a connection at once.
const CONNECT: Duration = Duration::from_secs(5);

pub(super) async fn look(looking: &Looking<'_>, config: Option<&Config>) {
    let environment = &looking.context.environment;
    let mut proxies: Vec<(&str, &str)> = Vec::new();
    for names in [["https_proxy", "HTTPS_PROXY"], ["http_proxy", "HTTP_PROXY"], ["all_proxy", "ALL_PROXY"]] {
        proxies.extend(names.iter().find_map(|name| Some((*name, environment.get(name)?))));
    }
    if proxies.is_empty() {
        looking.report.add(Check::ok(HERE, "proxy", "none"));
    }
    let asked = proxies
        .iter()
        .map(|(name, value)| async move { looking.report.add(proxy(name, value, looking).await) });
    futures_util::future::join_all(asked).await;
    match ["no_proxy", "NO_PROXY"].iter().find_map(|name| Some((*name, environment.get(name)?))) {
        Some((name, hosts)) => looking.report.add(Check::ok(HERE, name, hosts)),
        None if !proxies.is_empty() => looking.report.add(
            Check::warning(HERE, "NO_PROXY", "not set: servers inside of the network are asked through the proxy too")
                .fix("export NO_PROXY=.svc,.cluster.local,10.0.0.0/8 (as your network has it); this machine never needs it"),
        ),
        None => {}
    }
    if let Some(config) = config {
        looking.report.add(certificates(config));
    }
}

async fn proxy(name: &str, value: &str, looking: &Looking<'_>) -> Check {
    // The scheme may be left out.
    let whole = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let Ok(url) = Url::parse(&whole) else {
        return Check::problem(HERE, name, "is no address").fix(format!("export {name}=http://HOST:PORT"));
    };
    let usual = if url.scheme().starts_with("socks") { 1080 } else { 80 };
    let (Some(host), port) = (url.host_str(), url.port_or_known_default().unwrap_or(usual)) else {
        return Check::problem(HERE, name, "names no host").fix(format!("export {name}=http://HOST:PORT"));
    };
    // Without the password that may stand before the host.
    let shown = format!("{}://{host}:{port}", url.scheme());
    let began = Instant::now();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let limit = looking.limit.min(CONNECT);
    let error = match tokio::time::timeout(limit, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => return Check::ok(HERE, name, format!("{shown}, takes connections")).took(since(began)),
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no connection within {} s", limit.as_secs()),
    };
    Check::problem(HERE, name, format!("{shown}: {error}"))
        .fix(format!("start the proxy, correct `{name}`, or unset it where none is needed"))
        .took(since(began))
}

fn certificates(config: &Config) -> Check {
    let made = trust(config).map_err(Failure::from).map(|trust| {
        let mut named: Vec<String> = Vec::new();
        named.extend(trust.ca_file.as_ref().map(|path| path.display().to_string()));
        named.extend(trust.ca_pem.as_ref().map(|_| "`CERTIFICATE`".to_owned()));
        (named, Client::new(&trust, true, Patience::default()))
    });
    match made {
        Err(failure) => Check::problem(HERE, "certificates", &failure.message).fix(failure.hints.join("; ")),
        Ok((_, Err(error))) => {
            let (detail, fix) = error.split_once("; ").unwrap_or((&error, ""));
            Check::problem(HERE, "certificates", detail).fix(fix)
        }
        Ok((named, Ok(_))) if named.is_empty() => {
            Check::ok(HERE, "certificates", "the platform's authorities")
        }
        Ok((named, Ok(_))) => Check::ok(
            HERE,
            "certificates",
            format!("the platform's authorities, and {}", named.join(" and ")),
        ),
    }
}
