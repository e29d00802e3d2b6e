//! Where the alerts of one call come from: a file, stdin or a server, and what Prometheus knows of their rules.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use super::super::super::Context;
use super::super::super::failure::{Exit, Failure, io};
use super::super::super::stdin;
use super::FromArgs;
use crate::cli::context::trust;
use crate::config::{Config, Origin as Said};
use crate::http::{Auth, Client, Patience, address, shown};
use crate::question::alert::{Alert, Group, read};
use crate::source::{Server, SourceError, alerts};

/// Bytes of a file of alerts; a server's reply has the same bound.
const MOST: u64 = 64 << 20;
/// What the rules say is worth this much time, and no more.
const RULES_PATIENCE: Patience = Patience { timeout: Duration::from_secs(5), waits: Duration::from_secs(5) };

/// Alerts and where they were found.
pub(super) struct Found {
    pub alerts: Vec<Alert>,
    /// Fit to be shown: an address without credentials, a file, `stdin`.
    pub place: String,
}

/// What a server is called in settings and flags.
#[derive(Clone, Copy)]
enum Kind {
    Alertmanager,
    Prometheus,
}

impl Kind {
    fn key(self, rest: &str) -> String {
        match self {
            Kind::Alertmanager => format!("alertmanager_{rest}"),
            Kind::Prometheus => format!("prometheus_{rest}"),
        }
    }
}

/// Fetches the alerts: what was typed counts before what is piped in, and that before what is configured.
pub(super) async fn fetch(from: &FromArgs, config: &Config) -> Result<Found, Failure> {
    let typed_file = from.alertmanager_file.as_deref();
    if typed_file == Some(Path::new("-")) {
        return match piped(false).await? {
            Some(found) => Ok(found),
            None => Err(Failure::new(Exit::RunTime, "nothing was piped in")
                .hint("curl -s http://HOST:9093/api/v2/alerts | holmes-rs investigate alert NAME --alertmanager-file -")),
        };
    }
    if typed_file.is_some() {
        return of_file(config).await;
    }
    if from.alertmanager_url.is_some() {
        return of_server(Kind::Alertmanager, config).await;
    }
    if from.prometheus_url.is_some() {
        return of_server(Kind::Prometheus, config).await;
    }
    let [file, alertmanager, prometheus] = [
        config.path("alertmanager_file")?.is_some(),
        given(config, "alertmanager_url")?.is_some(),
        given(config, "prometheus_url")?.is_some(),
    ];
    if let Some(found) = piped(file || alertmanager || prometheus).await? {
        return Ok(found);
    }
    match (file, alertmanager, prometheus) {
        (true, ..) => of_file(config).await,
        (_, true, _) => of_server(Kind::Alertmanager, config).await,
        (_, _, true) => of_server(Kind::Prometheus, config).await,
        _ => Err(Failure::new(Exit::Usage, "nothing says where alerts come from")
            .hint("--alertmanager http://HOST:9093 (or ALERTMANAGER_URL), or --prometheus URL")
            .hint("or a file: --alertmanager-file alerts.json; or pipe them in")),
    }
}

fn given(config: &Config, key: &str) -> Result<Option<String>, Failure> {
    Ok(config.text(key)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
}

async fn piped(has_source: bool) -> Result<Option<Found>, Failure> {
    let Some(file) = stdin::piped(has_source).await? else { return Ok(None) };
    let alerts = of_path(file.path(), "stdin").await?;
    Ok(Some(Found { alerts, place: "stdin".to_owned() }))
}

async fn of_file(config: &Config) -> Result<Found, Failure> {
    let path = config.path("alertmanager_file")?.unwrap_or_default();
    let place = format!("`{}`", path.display());
    Ok(Found { alerts: of_path(&path, &place).await?, place })
}

async fn of_path(path: &Path, place: &str) -> Result<Vec<Alert>, Failure> {
    // A named pipe that nobody writes to is waited for, and Ctrl-C is heard meanwhile.
    let opened = path.to_owned();
    let reading = tokio::task::spawn_blocking(move || {
        let mut bytes = Vec::new();
        File::open(opened).and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes)).map(|_| bytes)
    });
    let read_all = reading.await.unwrap_or_else(|error| Err(std::io::Error::other(error)));
    let bytes = read_all.map_err(io(format!("alerts of {place} cannot be read")))?;
    if bytes.len() as u64 > MOST {
        return Err(Failure::new(Exit::RunTime, format!("{place} is larger than {} MiB", MOST >> 20))
            .hint("select with jq first: jq '[.[] | select(.labels.alertname == \"NAME\")]'"));
    }
    read(&bytes).map_err(|error| Failure::new(Exit::RunTime, format!("{place} holds no alerts: {error}")))
}

async fn of_server(kind: Kind, config: &Config) -> Result<Found, Failure> {
    let usual = Patience::default();
    let bound = config.duration("timeout")?.unwrap_or(usual.timeout);
    let patience = Patience { timeout: usual.timeout.min(bound), waits: usual.waits.min(bound) };
    let (client, server) = server(kind, config, patience)?;
    let fetched = match kind {
        Kind::Alertmanager => alerts::alertmanager(&client, &server).await,
        Kind::Prometheus => alerts::prometheus(&client, &server).await,
    };
    let fetched = fetched.map_err(|error| failure(&error))?;
    Ok(Found { alerts: fetched.alerts, place: fetched.url })
}

fn failure(error: &SourceError) -> Failure {
    let mut failure = Failure::new(Exit::RunTime, error);
    failure.hints.clone_from(&error.remedies);
    failure
}

/// The server of a kind with who asks it.
///
/// Credentials from elsewhere do not go to an address that the current folder's own configuration names: whoever
/// wrote that folder would get them.
fn server(kind: Kind, config: &Config, patience: Patience) -> Result<(Client, Server), Failure> {
    let url_key = kind.key("url");
    let origin = config.origin(&url_key);
    let text = given(config, &url_key)?.unwrap_or_default();
    let base = address(&text).map_err(|why| {
        let exit = if matches!(origin, Said::Flag(_)) { Exit::Usage } else { Exit::Configuration };
        Failure::new(exit, format!("`{url_key}` ({origin}): {why}"))
    })?;
    let user = given(config, &kind.key("username"))?;
    let password = config.secret(&kind.key("password"))?;
    let token = config.secret(&kind.key("token"))?;
    let auth = match (user, token, password) {
        (Some(user), _, password) => Auth::Basic { user, password: password.unwrap_or_default() },
        (None, Some(token), _) => Auth::Bearer(token),
        (None, None, Some(_)) => {
            return Err(Failure::new(
                Exit::Configuration,
                format!("`{}` is set without `{}`", kind.key("password"), kind.key("username")),
            ));
        }
        (None, None, None) => Auth::None,
    };
    let headers = match kind {
        Kind::Alertmanager => config.secret_map("alertmanager_headers")?,
        Kind::Prometheus => Vec::new(),
    };
    if matches!(origin, Said::File { checkout: true, .. }) {
        for key in ["password", "token", "headers"].map(|rest| kind.key(rest)) {
            let theirs = config.origin(&key);
            if !matches!(theirs, Said::File { checkout: true, .. } | Said::Default) {
                let error = format!(
                    "`{url_key}` comes from this folder's own configuration ({origin}): `{key}` ({theirs}) is not sent there"
                );
                let flag = url_key.replace('_', "-");
                return Err(Failure::new(Exit::Configuration, error)
                    .hint(format!("if the address is yours, give it as --{flag} {}", shown(&base))));
            }
        }
    }
    let verify = !config.switch(&kind.key("insecure_skip_verify"))?;
    let client = Client::new(&trust(config)?, verify, patience)
        .map_err(|error| Failure::new(Exit::Configuration, error))?;
    Ok((client, Server { base, auth, headers }))
}

/// Adds what Prometheus says of the rules, where one is configured. Alerts are investigated without it too.
pub(super) async fn add_rules(groups: &mut [Group], config: &Config, context: &Context) {
    if !matches!(given(config, "prometheus_url"), Ok(Some(_))) {
        return;
    }
    let rules = match server(Kind::Prometheus, config, RULES_PATIENCE) {
        Ok((client, server)) => {
            let names: Vec<&str> = groups.iter().map(|group| group.name.as_str()).collect();
            alerts::rules(&client, &server, &names).await.map_err(|error| error.to_string())
        }
        Err(failure) => Err(failure.message),
    };
    match rules {
        Ok(rules) => {
            for group in groups {
                group.rule = rules.iter().find(|(name, _)| *name == group.name).map(|(_, rule)| rule.clone());
            }
        }
        Err(why) => context.warn(&format!("going on without the alert's rule: {why}")),
    }
}
