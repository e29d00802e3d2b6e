//! What is typed about trackers, and the tracker it means.

use clap::{Args, Subcommand};
use secrecy::SecretString;

use crate::cli::failure::{Exit, Failure};
use crate::cli::options::{LimitArgs, ModelArgs, OutputArgs, Sources, ToolsetArgs, flags};
use crate::cli::swapped::SwappedArgs;
use crate::config::{Config, Flags};
use crate::http::{Client, Url, address};
use crate::question::TicketSource;
use crate::source::{Deployment, GitHub, Jira, JiraSettings, OpsGenie, PagerDuty, Tracker};

/// Trackers of tickets.
#[derive(Debug, Subcommand)]
pub(in crate::cli::investigate) enum TicketVerb {
    /// Jira tickets, of Cloud or Data Center
    Jira(Box<JiraArgs>),
    /// GitHub issues
    Github(Box<GitHubArgs>),
    /// PagerDuty incidents
    Pagerduty(Box<PagerDutyArgs>),
    /// OpsGenie alerts
    Opsgenie(Box<OpsGenieArgs>),
}

/// Options of every tracker.
#[derive(Debug, Args)]
pub(in crate::cli::investigate) struct TicketArgs {
    /// Tickets by id or by the address of their page, in place of a query
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Write each answer on its ticket, as a comment; never twice for one run
    #[arg(long, overrides_with = "no_update")]
    update: bool,
    #[arg(long, hide = true, overrides_with = "update")]
    no_update: bool,
    /// Tickets of a query that are investigated at most
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..=1000))]
    limit: u16,
    #[command(flatten)]
    model: ModelArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    toolsets: ToolsetArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    swapped: SwappedArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    holmes-rs investigate jira SHOP-12 --update\n  \
    holmes-rs investigate jira --jira-query 'project = SHOP AND status = Open' --limit 3\n\n\
    Keys are safer in the environment than on the command line, where every process can read them.")]
pub(in crate::cli::investigate) struct JiraArgs {
    /// Address of Jira, as https://your-company.atlassian.net [env: JIRA_URL]
    #[arg(long, value_name = "URL", help_heading = "Jira")]
    jira_url: Option<String>,
    /// Account: the e-mail address on Cloud; without one the key is sent as a personal access token [env: JIRA_USERNAME]
    #[arg(long, value_name = "NAME", help_heading = "Jira")]
    jira_username: Option<String>,
    /// API token, or personal access token; the environment is a safer place for it [env: JIRA_API_KEY]
    #[arg(long, value_name = "KEY", help_heading = "Jira")]
    jira_api_key: Option<String>,
    /// Investigate the tickets that match this JQL [env: JIRA_QUERY]
    #[arg(long, value_name = "JQL", help_heading = "Jira")]
    jira_query: Option<String>,
    /// Which Jira it is: cloud, data-center, or auto, which asks it [default: auto]
    #[arg(long, value_name = "WHICH", help_heading = "Jira", hide_possible_values = true,
        value_parser = ["auto", "cloud", "data-center"])]
    jira_deployment: Option<String>,
    #[command(flatten)]
    ticket: TicketArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    holmes-rs investigate github 12 --github-owner acme --github-repository shop --update\n  \
    holmes-rs investigate github --github-query 'is:open label:incident'\n\n\
    Keys are safer in the environment than on the command line, where every process can read them.")]
pub(in crate::cli::investigate) struct GitHubArgs {
    /// Address of the API; https://HOST/api/v3 on Enterprise [default: https://api.github.com] [env: GITHUB_URL]
    #[arg(long, value_name = "URL", help_heading = "GitHub")]
    github_url: Option<String>,
    /// Owner of the repository [env: GITHUB_OWNER]
    #[arg(long, value_name = "NAME", help_heading = "GitHub")]
    github_owner: Option<String>,
    /// Repository, as NAME or OWNER/NAME [env: GITHUB_REPOSITORY]
    #[arg(long, value_name = "NAME", help_heading = "GitHub")]
    github_repository: Option<String>,
    /// Token; the environment is a safer place for it [env: GITHUB_PAT]
    #[arg(long, value_name = "TOKEN", help_heading = "GitHub")]
    github_pat: Option<String>,
    /// Investigate the issues that match this search [default: all that are open] [env: GITHUB_QUERY]
    #[arg(long, value_name = "QUERY", help_heading = "GitHub")]
    github_query: Option<String>,
    #[command(flatten)]
    ticket: TicketArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    holmes-rs investigate pagerduty\n  \
    holmes-rs investigate pagerduty PT4KHLK --update --pagerduty-user-email oncall@example.com\n\n\
    Keys are safer in the environment than on the command line, where every process can read them.")]
pub(in crate::cli::investigate) struct PagerDutyArgs {
    /// Address of the API; https://api.eu.pagerduty.com in the EU [default: https://api.pagerduty.com] [env: PAGERDUTY_URL]
    #[arg(long, value_name = "URL", help_heading = "PagerDuty")]
    pagerduty_url: Option<String>,
    /// API access key; the environment is a safer place for it [env: PAGERDUTY_API_KEY]
    #[arg(long, value_name = "KEY", help_heading = "PagerDuty")]
    pagerduty_api_key: Option<String>,
    /// User that notes are written as, with --update [env: PAGERDUTY_USER_EMAIL]
    #[arg(long, value_name = "EMAIL", help_heading = "PagerDuty")]
    pagerduty_user_email: Option<String>,
    /// Only the incidents with this de-duplication key [default: all that are open] [env: PAGERDUTY_INCIDENT_KEY]
    #[arg(long, value_name = "KEY", help_heading = "PagerDuty")]
    pagerduty_incident_key: Option<String>,
    #[command(flatten)]
    ticket: TicketArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    holmes-rs investigate opsgenie --opsgenie-query 'status: open AND priority: P1'\n  \
    holmes-rs investigate opsgenie 1791 --update\n\n\
    Keys are safer in the environment than on the command line, where every process can read them.")]
pub(in crate::cli::investigate) struct OpsGenieArgs {
    /// Address of the API; https://api.eu.opsgenie.com in the EU [default: https://api.opsgenie.com] [env: OPSGENIE_URL]
    #[arg(long, value_name = "URL", help_heading = "OpsGenie")]
    opsgenie_url: Option<String>,
    /// API key; the environment is a safer place for it [env: OPSGENIE_API_KEY]
    #[arg(long, value_name = "KEY", help_heading = "OpsGenie")]
    opsgenie_api_key: Option<String>,
    /// Key of a team's API integration, which notes are written with where the other key may not [env: OPSGENIE_TEAM_INTEGRATION_KEY]
    #[arg(long, value_name = "KEY", help_heading = "OpsGenie")]
    opsgenie_team_integration_key: Option<String>,
    /// Investigate the alerts that match this search [default: status: open] [env: OPSGENIE_QUERY]
    #[arg(long, value_name = "QUERY", help_heading = "OpsGenie")]
    opsgenie_query: Option<String>,
    #[command(flatten)]
    ticket: TicketArgs,
}

/// What was typed, the same for every tracker.
pub(super) struct Wanted {
    pub source: TicketSource,
    pub ids: Vec<String>,
    pub update: bool,
    pub limit: usize,
    /// The setting with the query.
    pub query: &'static str,
    pub flags: Flags,
}

impl TicketVerb {
    /// What was typed, as data.
    pub(super) fn wanted(self) -> Result<Wanted, Failure> {
        let (source, query, ticket, typed) = match self {
            Self::Jira(args) => (
                TicketSource::Jira,
                "jira_query",
                args.ticket,
                vec![
                    ("jira_url", args.jira_url),
                    ("jira_username", args.jira_username),
                    ("jira_api_key", args.jira_api_key),
                    ("jira_query", args.jira_query),
                    ("jira_deployment", args.jira_deployment),
                ],
            ),
            Self::Github(args) => (
                TicketSource::GitHub,
                "github_query",
                args.ticket,
                vec![
                    ("github_url", args.github_url),
                    ("github_owner", args.github_owner),
                    ("github_repository", args.github_repository),
                    ("github_pat", args.github_pat),
                    ("github_query", args.github_query),
                ],
            ),
            Self::Pagerduty(args) => (
                TicketSource::PagerDuty,
                "pagerduty_incident_key",
                args.ticket,
                vec![
                    ("pagerduty_url", args.pagerduty_url),
                    ("pagerduty_api_key", args.pagerduty_api_key),
                    ("pagerduty_user_email", args.pagerduty_user_email),
                    ("pagerduty_incident_key", args.pagerduty_incident_key),
                ],
            ),
            Self::Opsgenie(args) => (
                TicketSource::OpsGenie,
                "opsgenie_query",
                args.ticket,
                vec![
                    ("opsgenie_url", args.opsgenie_url),
                    ("opsgenie_api_key", args.opsgenie_api_key),
                    ("opsgenie_team_integration_key", args.opsgenie_team_integration_key),
                    ("opsgenie_query", args.opsgenie_query),
                ],
            ),
        };
        let tickets: Vec<(&'static str, SecretString)> =
            typed.into_iter().filter_map(|(key, value)| Some((key, value?.into()))).collect();
        let asked_for = tickets.iter().any(|(key, _)| *key == query);
        if asked_for && !ticket.ids.is_empty() {
            let flag = query.replace('_', "-");
            let error = format!("ids and `--{flag}` cannot be given together");
            return Err(Failure::new(Exit::Usage, error));
        }
        let shared = flags(Sources {
            model: &ticket.model,
            limits: &ticket.limits,
            toolsets: &ticket.toolsets,
            output: &ticket.output,
        })?;
        let flags = Flags { tickets, ..ticket.swapped.flags(shared)? };
        Ok(Wanted {
            source,
            ids: ticket.ids,
            update: ticket.update,
            limit: usize::from(ticket.limit),
            query,
            flags,
        })
    }
}

/// The setting with the key of a tracker.
pub(super) fn key_of(source: TicketSource) -> &'static str {
    match source {
        TicketSource::Jira => "jira_api_key",
        TicketSource::GitHub => "github_pat",
        TicketSource::PagerDuty => "pagerduty_api_key",
        TicketSource::OpsGenie => "opsgenie_api_key",
    }
}

/// The tracker that flags, environment and files mean; what it would miss later is said before anything is asked.
pub(super) async fn tracker(wanted: &Wanted, config: &Config, client: &Client) -> Result<Tracker, Failure> {
    let source = wanted.source;
    let missing = |key: &str, what: &str| {
        let (flag, name) = (key.replace('_', "-"), key.to_uppercase());
        Failure::new(Exit::Configuration, format!("{source}: {what} is not set"))
            .hint(format!("set {name} or `{key}:` in the configuration file, or pass `--{flag}`"))
    };
    let key = config.secret(key_of(source))?;
    let needed = |what: &str| key.clone().ok_or_else(|| missing(key_of(source), what));
    Ok(match source {
        TicketSource::Jira => {
            let url = url(config, "jira_url")?.ok_or_else(|| missing("jira_url", "the address"))?;
            if wanted.ids.is_empty() && config.text("jira_query")?.is_none() {
                return Err(Failure::new(Exit::Usage, "no ticket was named")
                    .hint("holmes-rs investigate jira SHOP-12")
                    .hint("holmes-rs investigate jira --jira-query 'project = SHOP AND status = Open'"));
            }
            let deployment = match config.text("jira_deployment")?.as_deref() {
                Some("cloud") => Some(Deployment::Cloud),
                Some("data-center") => Some(Deployment::DataCenter),
                _ => None,
            };
            let user = config.text("jira_username")?;
            let key = needed("the API key")?;
            let settings = JiraSettings { url, user, key: Some(key), deployment };
            let jira = Jira::connect(client, settings).await.map_err(|error| {
                super::failure(source, &error).hint(
                    "`--jira-deployment cloud` or `data-center` tells which Jira it is without asking it",
                )
            })?;
            Tracker::Jira(jira)
        }
        TicketSource::GitHub => {
            if wanted.update && key.is_none() {
                return Err(missing("github_pat", "the token that `--update` writes with"));
            }
            let url = url(config, "github_url")?.ok_or_else(|| missing("github_url", "the address"))?;
            let repository = config.text("github_repository")?;
            let repository = repository.ok_or_else(|| missing("github_repository", "the repository"))?;
            let (owner, repository) = if let Some((owner, name)) = repository.split_once('/') {
                (owner.to_owned(), name.to_owned())
            } else {
                let owner = config.text("github_owner")?;
                (owner.ok_or_else(|| missing("github_owner", "the owner"))?, repository)
            };
            Tracker::GitHub(GitHub { url, owner, repository, token: key })
        }
        TicketSource::PagerDuty => {
            let user = config.text("pagerduty_user_email")?;
            if wanted.update && user.is_none() {
                return Err(missing("pagerduty_user_email", "the user that `--update` writes as"));
            }
            let url = url(config, "pagerduty_url")?.ok_or_else(|| missing("pagerduty_url", "the address"))?;
            Tracker::PagerDuty(PagerDuty { url, key: needed("the API key")?, user })
        }
        TicketSource::OpsGenie => {
            let url = url(config, "opsgenie_url")?.ok_or_else(|| missing("opsgenie_url", "the address"))?;
            let writing_key = config.secret("opsgenie_team_integration_key")?;
            Tracker::OpsGenie(OpsGenie { url, key: needed("the API key")?, writing_key })
        }
    })
}

fn url(config: &Config, key: &str) -> Result<Option<Url>, Failure> {
    let Some(text) = config.text(key)? else { return Ok(None) };
    // Keys go there: without a scheme, never in clear.
    let text = if text.contains("://") { text } else { format!("https://{text}") };
    address(&text).map(Some).map_err(|error| Failure::new(Exit::Configuration, format!("`{key}`: {error}")))
}
