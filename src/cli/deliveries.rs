//! Where answers go besides stdout: what was asked for is checked before a run, and done after it.
//!
//! An investigation costs minutes and money: a missing token, a template that does not render or a folder that is not
//! there ends the call before it, with what to do.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use secrecy::ExposeSecret as _;

use super::failure::{Exit, Failure};
use super::listeners::Listeners;
use super::signals::Signals;
use super::{Context, egress};
use crate::agent::Finish;
use crate::cli::context::trust;
use crate::config::{Config, Flags, Origin};
use crate::delivery::{self, Destination, FileForm, Means, ReportFile, Slack, Webhook, check_body};
use crate::evidence::Store;
use crate::http::{Client, Method, Patience, Url, address as parsed};
use crate::sink::{Investigation, SECTIONS, named_sections};

const KNOWN: &str = "cli, slack, webhook or file:PATH";
/// Bytes of a body template: more is no template.
const LONGEST_BODY: u64 = 1 << 20;
/// Headers whose values are no secret: taking them for one would cut words out of evidence.
const OPEN_HEADERS: &[&str] = &["accept", "content-type", "user-agent", "accept-language"];
/// A value as short as this, such as `1` or `prod`, is no secret either.
const SHORTEST_SECRET: usize = 8;

/// Where the answer goes, and as what.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Deliveries")]
pub(super) struct DeliveryArgs {
    /// Where the answer goes: cli, slack, webhook or file:PATH (.json, .md, .html, .txt); may be given several times [default: cli]
    #[arg(long, value_name = "WHERE", value_delimiter = ',')]
    destination: Vec<String>,
    /// Token of the Slack app that posts [env: SLACK_TOKEN]
    #[arg(long, value_name = "TOKEN")]
    slack_token: Option<String>,
    /// Slack channel, by name or id [env: SLACK_CHANNEL]
    #[arg(long, value_name = "NAME")]
    slack_channel: Option<String>,
    /// Address that `--destination webhook` sends to
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// How it sends: post, put or patch [default: post]
    #[arg(long, value_name = "METHOD")]
    webhook_method: Option<String>,
    /// Header of what it sends; may be given several times
    #[arg(long, value_name = "'NAME: VALUE'")]
    webhook_header: Vec<String>,
    /// Template (or file://PATH) of what it sends, in place of the JSON result: '{"text": {{ root_cause | tojson }}}'
    #[arg(long, value_name = "TEMPLATE")]
    webhook_body: Option<String>,
    /// Put the answer under HolmesGPT's section titles: all, or those named
    #[arg(long, value_name = "TITLES", value_delimiter = ',', num_args = 0..=1, require_equals = true, default_missing_value = "all")]
    sections: Vec<String>,
}

impl DeliveryArgs {
    /// Adds what was typed to the topmost layer.
    ///
    /// # Errors
    /// A header that is none.
    pub(super) fn flags(&self, flags: Flags) -> Result<Flags, Failure> {
        let headers = self.webhook_header.iter().map(|text| {
            let pair = text.split_once(':').filter(|(name, _)| !name.trim().is_empty());
            // What was typed may be the secret without its name.
            let (name, value) = pair.ok_or_else(|| {
                Failure::new(Exit::Usage, "`--webhook-header` takes a name and a value: 'X-Key: value'")
            })?;
            Ok((name.trim().to_owned(), value.trim().into()))
        });
        Ok(Flags {
            destination: self.destination.clone(),
            slack_token: self.slack_token.clone().map(Into::into),
            slack_channel: self.slack_channel.clone(),
            webhook_url: self.webhook_url.clone().map(Into::into),
            webhook_method: self.webhook_method.clone(),
            webhook_header: headers.collect::<Result<_, Failure>>()?,
            webhook_body: self.webhook_body.clone(),
            sections: self.sections.clone(),
            ..flags
        })
    }
}

/// Everything an answer is to be delivered to, ready.
pub(super) struct Deliveries {
    to: Vec<Destination>,
    /// `None` where nothing is to be delivered.
    means: Option<Means>,
    /// Whether stdout is among the destinations.
    pub prints: bool,
    secrets: Vec<String>,
}

/// The section titles that are asked for.
///
/// # Errors
/// A title that there is not.
pub(super) fn sections(config: &Config) -> Result<Vec<&'static str>, Failure> {
    named_sections(&config.texts("sections")?).map_err(|name| {
        let error = format!("there is no section `{}`", name.escape_debug());
        refused(config, "sections", &error).hint(format!("`all`, or some of: {}", SECTIONS.join(", ")))
    })
}

/// A value that cannot be used, with where it stands: usage where it was typed, else configuration.
fn refused(config: &Config, key: &str, error: &str) -> Failure {
    match config.origin(key) {
        Origin::Flag(_) => Failure::new(Exit::Usage, error),
        Origin::Default => Failure::new(Exit::Configuration, error),
        origin => Failure::new(Exit::Configuration, format!("{origin}: {error}")),
    }
}

fn missing(what: &str) -> Failure {
    Failure::new(Exit::Configuration, what)
}

impl Deliveries {
    /// Checks what is asked for; sends nothing.
    ///
    /// # Errors
    /// A destination that there is not, or one that lacks what it needs: exit 2 or 3, with the remedy.
    pub(super) fn prepare(config: &Config, context: &Context) -> Result<Self, Failure> {
        let mut names: Vec<String> = Vec::new();
        for name in config.texts("destination")? {
            let name = name.trim().to_owned();
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            names.push("cli".to_owned());
        }
        let mut made = Self { to: Vec::new(), means: None, prints: false, secrets: Vec::new() };
        for name in &names {
            match name.as_str() {
                "cli" => made.prints = true,
                "slack" => made.slack(config)?,
                "webhook" => made.webhook(config)?,
                other => match other.strip_prefix("file:") {
                    Some(path) => made.to.push(Destination::File(file(config, path)?)),
                    None if other == "file" => {
                        return Err(refused(config, "destination", "`file` needs a path")
                            .hint("--destination file:report.html (or .json, .md, .txt)"));
                    }
                    None => {
                        let error = format!("`--destination` is {KNOWN}, not `{}`", other.escape_debug());
                        return Err(refused(config, "destination", &error));
                    }
                },
            }
        }
        if !made.prints && matches!(config.origin("output"), Origin::Flag(_)) {
            context.warn("`--output` has no effect: the answer does not go to `cli`");
        }
        made.unused(config, context);
        if !made.to.is_empty() {
            made.means = Some(means(config)?);
        }
        Ok(made)
    }

    /// What nobody but the receiver may read.
    pub(super) fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// `-v`: what was typed for a destination that is not named.
    fn unused(&self, config: &Config, context: &Context) {
        let has = |start: &str| match start {
            "slack" => self.to.iter().any(|one| matches!(one, Destination::Slack(_))),
            _ => self.to.iter().any(|one| matches!(one, Destination::Webhook(_))),
        };
        for key in [
            "slack_token",
            "slack_channel",
            "webhook_url",
            "webhook_method",
            "webhook_header",
            "webhook_body",
        ] {
            let start = key.split('_').next().unwrap_or_default();
            let typed = matches!(config.origin(key), Origin::Flag(_));
            if context.verbose > 0 && typed && !has(start) {
                context
                    .say(&format!("`{}` has no effect without `--destination {start}`", config.origin(key)));
            }
        }
    }

    fn slack(&mut self, config: &Config) -> Result<(), Failure> {
        let token = config.secret("slack_token")?.filter(|token| !token.expose_secret().trim().is_empty());
        let Some(token) = token else {
            return Err(missing("`--destination slack` needs the token of a Slack app").hint(
                "set SLACK_TOKEN (scope chat:write), or give the answer to a webhook: `--destination webhook`",
            ));
        };
        let channel = config.text("slack_channel")?.unwrap_or_default().trim().to_owned();
        if channel.is_empty() {
            return Err(missing("`--destination slack` needs a channel")
                .hint("--slack-channel '#incidents', or SLACK_CHANNEL"));
        }
        let api = config.text("slack_api_url")?.unwrap_or_default();
        let api = parsed(&api)
            .map_err(|error| refused(config, "slack_api_url", &format!("`slack_api_url`: {error}")))?;
        confirmed(config, "slack_api_url", &["slack_token"], "HOLMES_SLACK_API_URL")?;
        self.secrets.push(token.expose_secret().to_owned());
        self.to.push(Destination::Slack(Slack { token, channel, api }));
        Ok(())
    }

    fn webhook(&mut self, config: &Config) -> Result<(), Failure> {
        let Some(address) = config.secret("webhook_url")? else {
            return Err(missing("`--destination webhook` needs an address")
                .hint("--webhook-url https://…, or HOLMES_WEBHOOK_URL"));
        };
        // The address itself may be the secret: no word of it is repeated.
        let whole = Some(address.expose_secret()).filter(|text| text.contains("://"));
        let url: Option<Url> = whole.and_then(|text| parsed(text).ok());
        let url = url.ok_or_else(|| {
            refused(config, "webhook_url", "`webhook_url` is no http or https address")
                .hint("it looks like https://hooks.example.com/services/…")
        })?;
        confirmed(config, "webhook_url", &["webhook_header"], "--webhook-url")?;
        let method = match config.text("webhook_method")?.as_deref() {
            Some("put") => Method::PUT,
            Some("patch") => Method::PATCH,
            _ => Method::POST,
        };
        let headers = config.secret_map("webhook_header")?;
        for (name, value) in &headers {
            let letter = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            let value = value.expose_secret();
            if name.is_empty() || !name.chars().all(letter) || value.chars().any(char::is_control) {
                let error = format!("`webhook_header`: `{}` cannot be sent as a header", name.escape_debug());
                return Err(refused(config, "webhook_header", &error));
            }
            if !OPEN_HEADERS.contains(&name.to_lowercase().as_str()) {
                let words = value.split_whitespace().chain([value]);
                self.secrets.extend(words.filter(|word| word.len() >= SHORTEST_SECRET).map(str::to_owned));
            }
        }
        let body = config.text("webhook_body")?.map(|text| template(config, text)).transpose()?;
        if let Some(body) = &body {
            check_body(body, &sections(config)?)
                .map_err(|error| refused(config, "webhook_body", &format!("`webhook_body`: {error}")))?;
        }
        self.secrets.push(address.expose_secret().to_owned());
        self.secrets.extend(Some(url.path().to_owned()).filter(|path| path.len() > 2 * SHORTEST_SECRET));
        self.to.push(Destination::Webhook(Webhook { url, method, headers, body }));
        Ok(())
    }

    /// Delivers, and says what became of it on stderr. True when everything arrived.
    pub(super) async fn send(
        &self,
        run: &Investigation,
        store: &Store,
        listeners: &mut Listeners,
        signals: &mut Signals,
    ) -> bool {
        let Some(means) = &self.means else { return true };
        if run.finish == Finish::Interrupted {
            let names: Vec<String> = self.to.iter().map(|one| one.to(&run.run_id)).collect();
            listeners.progress.warning(&format!("interrupted: nothing is sent to {}", names.join(", ")));
            return false;
        }
        listeners.progress.busy("delivering the answer");
        let redact = |text: &str| store.shown(text);
        let done = tokio::select! {
            done = delivery::deliver(&self.to, run, &redact, means) => Some(done),
            () = signals.next() => None,
        };
        listeners.progress.hide();
        let Some(done) = done else {
            listeners.progress.warning("interrupted while the answer was delivered: it may have arrived");
            return false;
        };
        for one in &done {
            match &one.outcome {
                Ok(what) => listeners.progress.note(&format!("delivered to {}: {what}", one.to)),
                Err(reason) => {
                    Failure::new(Exit::RunTime, format!("not delivered to {}: {reason}", one.to)).report();
                }
            }
        }
        done.iter().all(|one| one.outcome.is_ok())
    }
}

/// A file of a checkout may name where answers go; credentials that it does not hold itself go there only when a person
/// says so.
fn confirmed(config: &Config, key: &str, secrets: &[&str], remedy: &str) -> Result<(), Failure> {
    let place = config.origin(key);
    let foreign = |secret: &&&str| {
        let origin = config.origin(secret);
        !matches!(origin, Origin::Default) && !origin.is_checkout()
    };
    match secrets.iter().find(foreign) {
        Some(secret) if place.is_checkout() => Err(missing(&format!(
            "{place}: this project file sends your `{secret}` to an address of its own"
        ))
        .hint(format!("confirm the address with {remedy}, or remove it"))),
        _ => Ok(()),
    }
}

fn file(config: &Config, path: &str) -> Result<ReportFile, Failure> {
    let path = path.trim();
    let shown = path.escape_debug();
    if config.origin("destination").is_checkout() {
        return Err(refused(config, "destination", "a project file may not say which file is replaced")
            .hint(format!("say it yourself: --destination 'file:{shown}'")));
    }
    let Some(form) = FileForm::of(Path::new(path)) else {
        return Err(refused(config, "destination", &format!("`file:{shown}`: its form is not known"))
            .hint("end its name in .json, .md, .html or .txt"));
    };
    let folder = Path::new(path).parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_path_buf);
    if !folder.is_dir() {
        return Err(missing(&format!("`file:{shown}`: there is no folder `{}`", folder.display()))
            .hint(format!("mkdir -p '{}'", folder.display())));
    }
    if Path::new(path).is_dir() {
        return Err(missing(&format!("`file:{shown}` is a folder")).hint("name a file in it"));
    }
    Ok(ReportFile { path: path.to_owned(), form })
}

/// A template, or the file of it.
fn template(config: &Config, text: String) -> Result<String, Failure> {
    let Some(path) = text.strip_prefix("file://") else { return Ok(text) };
    let unreadable =
        |reason: String| refused(config, "webhook_body", &format!("template file `{path}` {reason}"));
    let size = std::fs::metadata(path).map_err(|error| unreadable(format!("cannot be read: {error}")))?.len();
    if size > LONGEST_BODY {
        return Err(unreadable("is longer than 1 MiB".to_owned()));
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(format!("cannot be read: {error}")))
}

fn means(config: &Config) -> Result<Means, Failure> {
    let timeout = config.duration("delivery_timeout")?.unwrap_or(Duration::from_mins(1));
    let trust = trust(config)?;
    let patience = Patience { timeout, waits: timeout };
    let client = Client::new(&trust, true, patience).map_err(|error| missing(&error))?;
    Ok(Means { client, timeout, watch: egress::watch(config)? })
}
