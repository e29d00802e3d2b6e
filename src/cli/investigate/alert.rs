//! `holmes-rs investigate alert`: from a name to what fires, and from that to investigations.

mod list;
mod origin;

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::{ArgAction, Args, ValueEnum};
use secrecy::ExposeSecret as _;

use super::super::Context;
use super::super::desk::Desk;
use super::super::failure::{Exit, Failure};
use super::super::investigation::Commission;
use super::super::options::{LimitArgs, ModelArgs, OutputArgs, OutputFormat, Sources, ToolsetArgs, flags};
use super::super::signals::Signals;
use super::super::swapped::SwappedArgs;
use super::several::{self, Agenda, Step};
use crate::config::{Config, Flags, Origin as Said};
use crate::question::alert::{Alert, AlertState, Group, Matcher, Selection, group, matching, nearest_names};

/// Names of alerts that an error tells.
const TOLD_NAMES: usize = 12;

/// Investigate a firing alert by its name: from Alertmanager, Prometheus, Grafana, a file or stdin
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    holmes-rs investigate alert --list --alertmanager http://localhost:9093\n  \
    holmes-rs investigate alert KubePodOOMKilled -l namespace=shop\n  \
    holmes-rs investigate alert --all --severity critical --limit 5 -o json\n  \
    curl -s $WEBHOOK_BODY | holmes-rs investigate alert\n\n\
    NAME is taken exactly, else without regard to case, else as a regular expression found in names.\n\
    All firing instances of one alert are one investigation, unless --each.")]
// HolmesGPT's `-n` is the limit here.
#[command(mut_arg("no_interactive", |arg| arg.short(None)))]
pub(super) struct AlertArgs {
    /// Name of the alert, or a regular expression; may be left out where only one fires
    #[arg(value_name = "NAME")]
    pub name: Option<String>,
    /// The same as NAME
    #[arg(long = "alert-name", value_name = "NAME", conflicts_with = "name")]
    pub alert_name: Option<String>,
    #[command(flatten)]
    pub from: FromArgs,
    #[command(flatten)]
    pub which: WhichArgs,
    #[command(flatten)]
    pub model: ModelArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub toolsets: ToolsetArgs,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub swapped: SwappedArgs,
}

/// Where alerts come from.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Where alerts come from")]
pub(super) struct FromArgs {
    /// Alertmanager's address, with its prefix; also VMAlertmanager, Mimir, Grafana [env: ALERTMANAGER_URL]
    #[arg(long, visible_alias = "alertmanager", value_name = "URL")]
    pub alertmanager_url: Option<String>,
    /// User of Alertmanager [env: ALERTMANAGER_USERNAME]
    #[arg(long, value_name = "NAME")]
    pub alertmanager_username: Option<String>,
    /// Password of Alertmanager; the environment is a safer place for it [env: ALERTMANAGER_PASSWORD]
    #[arg(long, value_name = "TEXT")]
    pub alertmanager_password: Option<String>,
    /// Bearer token of Alertmanager; the environment is a safer place for it [env: ALERTMANAGER_TOKEN]
    #[arg(long, value_name = "TEXT")]
    pub alertmanager_token: Option<String>,
    /// Header of requests for alerts, as `X-Scope-OrgID: team`; may be given several times
    #[arg(long = "alertmanager-header", value_name = "NAME: TEXT", value_parser = header)]
    pub alertmanager_headers: Vec<(String, String)>,
    /// Accept any certificate of Alertmanager; SSL_CERT_FILE names an authority of your own
    #[arg(long, action = ArgAction::SetTrue)]
    pub alertmanager_insecure_skip_verify: bool,
    /// File of alerts as JSON, or `-` for stdin: lists, webhook bodies, one alert, CloudWatch, SNS, PagerDuty
    #[arg(long, visible_alias = "alert-file", value_name = "FILE")]
    pub alertmanager_file: Option<PathBuf>,
    /// Prometheus' (or vmalert's) address: what its rules say, and its alerts where no Alertmanager is named [env: PROMETHEUS_URL]
    #[arg(long, visible_alias = "prometheus", value_name = "URL")]
    pub prometheus_url: Option<String>,
    /// User of Prometheus [env: PROMETHEUS_USERNAME]
    #[arg(long, value_name = "NAME")]
    pub prometheus_username: Option<String>,
    /// Password of Prometheus; the environment is a safer place for it [env: PROMETHEUS_PASSWORD]
    #[arg(long, value_name = "TEXT")]
    pub prometheus_password: Option<String>,
    /// Bearer token of Prometheus; the environment is a safer place for it [env: PROMETHEUS_TOKEN]
    #[arg(long, value_name = "TEXT")]
    pub prometheus_token: Option<String>,
    /// Accept any certificate of Prometheus
    #[arg(long, action = ArgAction::SetTrue)]
    pub prometheus_insecure_skip_verify: bool,
}

/// Which of them are meant.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Which alerts")]
pub(super) struct WhichArgs {
    /// List what fires, investigate nothing
    #[arg(long, conflicts_with_all = ["all", "each"])]
    pub list: bool,
    /// Investigate everything that fires, one alert after the other
    #[arg(long)]
    pub all: bool,
    /// An investigation for each instance, not one for all of an alert
    #[arg(long)]
    pub each: bool,
    /// Investigate so many at most, the most severe first [env: HOLMES_ALERTMANAGER_LIMIT]
    #[arg(short = 'n', long, visible_alias = "alertmanager-limit", value_name = "N", allow_negative_numbers = true,
        value_parser = limit)]
    pub limit: Option<u64>,
    /// Regular expression of names [env: HOLMES_ALERTMANAGER_ALERTNAME]
    #[arg(long, value_name = "REGEX")]
    pub alertmanager_alertname: Option<String>,
    /// A label alerts must have: name=value, name!=value, name=~regex, name!~regex; may be given several times
    #[arg(short = 'l', long = "alertmanager-label", visible_alias = "label", value_name = "MATCHER")]
    pub alertmanager_label: Vec<String>,
    /// Only alerts of this severity; may be given several times
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub severity: Vec<String>,
    /// Investigate silenced, inhibited and muted alerts too
    #[arg(long)]
    pub include_suppressed: bool,
    /// States to investigate; may be given several times [default: firing]
    #[arg(long, value_enum, value_name = "STATE", value_delimiter = ',')]
    pub state: Vec<State>,
}

/// A state of alerts as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum State {
    Firing,
    /// Its condition holds, but not for long enough yet
    Pending,
    /// Silenced, inhibited or muted
    Suppressed,
    Resolved,
}

/// `-n` is a namespace elsewhere, and people type it here.
fn limit(text: &str) -> Result<u64, &'static str> {
    text.parse().map_err(|_| "it takes a number; `-l namespace=NAME` chooses by namespace")
}

fn header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("a header is written `Name: text`".to_owned()),
    }
}

impl AlertArgs {
    fn flags(&self) -> Result<Flags, Failure> {
        let Self { from, which, .. } = self;
        let flags = flags(Sources {
            model: &self.model,
            limits: &self.limits,
            toolsets: &self.toolsets,
            output: &self.output,
        })?;
        let headers = from.alertmanager_headers.iter();
        Ok(Flags {
            alertmanager_url: from.alertmanager_url.clone(),
            alertmanager_username: from.alertmanager_username.clone(),
            alertmanager_password: from.alertmanager_password.clone().map(Into::into),
            alertmanager_token: from.alertmanager_token.clone().map(Into::into),
            alertmanager_headers: headers.map(|(name, value)| (name.clone(), value.clone().into())).collect(),
            alertmanager_insecure_skip_verify: from.alertmanager_insecure_skip_verify,
            alertmanager_file: from.alertmanager_file.clone().filter(|path| path.as_os_str() != "-"),
            prometheus_url: from.prometheus_url.clone(),
            prometheus_username: from.prometheus_username.clone(),
            prometheus_password: from.prometheus_password.clone().map(Into::into),
            prometheus_token: from.prometheus_token.clone().map(Into::into),
            prometheus_insecure_skip_verify: from.prometheus_insecure_skip_verify,
            alertmanager_limit: which.limit,
            alertmanager_alertname: which.alertmanager_alertname.clone(),
            alertmanager_label: which.alertmanager_label.clone(),
            ..self.swapped.flags(flags)?
        })
    }
}

/// What was asked for, checked before anything is fetched.
struct Wanted {
    name: Option<String>,
    selection: Selection,
    states: Vec<State>,
    /// Several alerts were asked for, in one way or another.
    several: bool,
    limit: Option<usize>,
}

impl Wanted {
    fn of(args: &AlertArgs, config: &Config) -> Result<Self, Failure> {
        let which = &args.which;
        let name = args.name.as_ref().or(args.alert_name.as_ref()).map(|name| name.trim().to_owned());
        if name.as_deref() == Some("") {
            return Err(Failure::new(Exit::Usage, "the name of the alert is empty"));
        }
        if name.is_some() && which.all {
            return Err(Failure::new(Exit::Usage, "a name and `--all` cannot be given together")
                .hint("a name may be a regular expression"));
        }
        let wrong = |key: &str, why: String| {
            let exit =
                if matches!(config.origin(key), Said::Flag(_)) { Exit::Usage } else { Exit::Configuration };
            Failure::new(exit, format!("`{key}` ({}): {why}", config.origin(key)))
        };
        let mut selection = Selection { severities: which.severity.clone(), ..Selection::default() };
        for label in config.texts("alertmanager_label")? {
            let matcher = Matcher::parse(&label).map_err(|why| wrong("alertmanager_label", why))?;
            selection.matchers.push(matcher);
        }
        let pattern = config.text("alertmanager_alertname")?.filter(|text| !text.trim().is_empty());
        if let Some(text) = &pattern {
            let compiled = Selection::pattern(text).map_err(|why| {
                wrong("alertmanager_alertname", format!("`{text}` is no regular expression: {why}"))
            })?;
            selection.pattern = Some(compiled);
        }
        let mut states = which.state.clone();
        if states.is_empty() {
            states.push(State::Firing);
        }
        if which.include_suppressed {
            states.push(State::Suppressed);
        }
        let limit = config.count("alertmanager_limit")?;
        Ok(Self {
            several: which.all || name.is_some() || pattern.is_some() || which.limit.is_some(),
            name,
            selection,
            states,
            limit: limit.map(|most| usize::try_from(most).unwrap_or(usize::MAX)),
        })
    }

    /// The alerts asked for, in whatever state.
    fn among(&self, alerts: &[Alert]) -> Vec<Alert> {
        let named = match &self.name {
            Some(name) => matching(name, alerts),
            None => alerts.to_vec(),
        };
        named.into_iter().filter(|alert| self.selection.has(alert)).collect()
    }

    /// Whether alerts of this state are investigated.
    fn covers(&self, state: AlertState) -> bool {
        self.states.contains(&match state {
            AlertState::Firing => State::Firing,
            AlertState::Pending => State::Pending,
            AlertState::Suppressed(_) => State::Suppressed,
            AlertState::Resolved => State::Resolved,
        })
    }

    /// Whether anything at all narrows what is asked for.
    fn narrows(&self) -> bool {
        let Selection { matchers, severities, pattern } = &self.selection;
        self.name.is_some() || !matchers.is_empty() || !severities.is_empty() || pattern.is_some()
    }
}

/// Runs the verb as HolmesGPT names it: without a name everything that fires is meant, as there.
pub(super) async fn run_all(args: AlertArgs, context: &Context) -> Result<Exit, Failure> {
    let all = args.which.all || (args.name.is_none() && args.alert_name.is_none());
    let which = WhichArgs { all, ..args.which };
    Box::pin(run(AlertArgs { which, ..args }, context)).await
}

/// Runs the verb.
pub(super) async fn run(args: AlertArgs, context: &Context) -> Result<Exit, Failure> {
    let flags = args.flags()?;
    let (context, config) = with_sources(context, flags)?;
    let context = &context;
    let wanted = Wanted::of(&args, &config)?;
    let form = list::form(&config)?;
    let mut signals = Signals::listen()?;
    let found = tokio::select! {
        found = origin::fetch(&args.from, &config) => found?,
        () = signals.next() => return Ok(Exit::Interrupted),
    };
    let selected = wanted.among(&found.alerts);
    if args.which.list {
        return list::print(&group(selected), form, &found.place, context);
    }
    let (meant, others): (Vec<Alert>, Vec<Alert>) =
        selected.into_iter().partition(|alert| wanted.covers(alert.state));
    if meant.is_empty() {
        return nothing(&wanted, &found, &others, form, context);
    }
    let mut groups = group(meant);
    if groups.len() > 1 && !wanted.several {
        return Err(which_one(&groups, &found.place));
    }
    left_out(&groups, &others, context);
    if args.which.each {
        groups = groups.into_iter().flat_map(Group::each).collect();
    }
    if let Some(most) = wanted.limit.filter(|most| *most < groups.len()) {
        context.say(&format!("{most} of {} are investigated, the most severe first (--limit)", groups.len()));
        groups.truncate(most);
    }
    tokio::select! {
        () = origin::add_rules(&mut groups, &config, context) => {}
        () = signals.next() => return Ok(Exit::Interrupted),
    }
    drop(signals);
    let listed = args.which.all || args.which.each;
    let alerts = Alerts { desk: Desk::open(&config, context)?, groups, context };
    several::investigate(&alerts, listed, config, context).await
}

/// Alerts, one investigation for each group.
struct Alerts<'c> {
    desk: Desk,
    groups: Vec<Group>,
    context: &'c Context,
}

impl Agenda for Alerts<'_> {
    fn headings(&self) -> Vec<String> {
        self.groups.iter().map(list::heading).collect()
    }

    fn commission(&self, number: usize) -> Step<'_, Commission> {
        Box::pin(async move {
            match self.groups.get(number) {
                Some(group) => self.desk.alert(group, self.context).await,
                None => Ok(Commission::default()),
            }
        })
    }
}

/// Tools find Prometheus and Alertmanager in the environment: what flags and files say of them stands there too.
fn with_sources(context: &Context, flags: Flags) -> Result<(Context, Config), Failure> {
    const NAMES: [(&str, &str); 3] = [
        ("prometheus_url", "PROMETHEUS_URL"),
        ("prometheus_token", "PROMETHEUS_TOKEN"),
        ("alertmanager_url", "ALERTMANAGER_URL"),
    ];
    let mut config = context.config(flags)?;
    let mut environment = context.environment.clone();
    for (key, name) in NAMES {
        let value = match key {
            "prometheus_token" => config.secret(key)?.map(|secret| secret.expose_secret().to_owned()),
            _ => config.text(key)?,
        };
        if let Some(value) = value {
            config.provide(name, &value);
            environment = environment.with(name, &value);
        }
    }
    Ok((context.in_environment(environment), config))
}

/// Nothing that was asked for is in a state that is investigated.
fn nothing(
    wanted: &Wanted,
    found: &origin::Found,
    others: &[Alert],
    form: OutputFormat,
    context: &Context,
) -> Result<Exit, Failure> {
    let place = &found.place;
    if !others.is_empty() {
        let instead = told_states(others);
        let message = match &wanted.name {
            Some(name) => format!("alert `{name}` does not fire at {place}: {instead}"),
            None => format!("none of these alerts fires at {place}: {instead}"),
        };
        let hint = match others.first().map(|alert| alert.state) {
            Some(AlertState::Pending) => "--state pending investigates it",
            Some(AlertState::Resolved) => "--state resolved investigates it",
            _ => "--include-suppressed investigates it",
        };
        if !wanted.narrows() {
            context.say(&format!("nothing fires at {place}: {instead}"));
            context.say(&format!("hint: {hint}"));
            return list::empty(form);
        }
        return Err(Failure::new(Exit::RunTime, message).hint(hint));
    }
    if !wanted.narrows() {
        context.say(&format!("nothing fires at {place}"));
        return list::empty(form);
    }
    let firing: Vec<Alert> =
        found.alerts.iter().filter(|alert| wanted.covers(alert.state)).cloned().collect();
    let message = match &wanted.name {
        Some(name) => format!("no alert at {place} is called `{name}`{}", with_filters(wanted)),
        None => format!("no alert at {place} is what was asked for"),
    };
    let failure = Failure::new(Exit::RunTime, message);
    let names = nearest_names(wanted.name.as_deref().unwrap_or_default(), &firing);
    Err(match names.as_slice() {
        [] => failure.hint("nothing fires there"),
        names => failure.hint(format!("firing: {}", told_names(names))),
    })
}

fn with_filters(wanted: &Wanted) -> &'static str {
    let Selection { matchers, severities, .. } = &wanted.selection;
    if matchers.is_empty() && severities.is_empty() { "" } else { " and has these labels" }
}

fn told_names(names: &[String]) -> String {
    let mut told =
        names.iter().take(TOLD_NAMES).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    if names.len() > TOLD_NAMES {
        let _ = write!(told, " and {} more", names.len() - TOLD_NAMES);
    }
    told
}

/// `2 silenced, 1 resolved`.
fn told_states(alerts: &[Alert]) -> String {
    let mut counts: Vec<(AlertState, usize)> = Vec::new();
    for alert in alerts {
        match counts.iter_mut().find(|(state, _)| *state == alert.state) {
            Some((_, count)) => *count += 1,
            None => counts.push((alert.state, 1)),
        }
    }
    counts.sort_unstable();
    counts.iter().map(|(state, count)| format!("{count} {state}")).collect::<Vec<_>>().join(", ")
}

/// Several alerts fire, and nobody said which one is meant.
fn which_one(groups: &[Group], place: &str) -> Failure {
    let names: Vec<String> = groups.iter().map(|group| group.name.clone()).collect();
    Failure::new(Exit::Usage, format!("{} alerts fire at {place}: which one?", groups.len()))
        .hint(format!("firing: {}", told_names(&names)))
        .hint("give one name, or `--all`; `--list` shows them with their labels")
}

/// Says what is there of the same alerts and is not investigated.
fn left_out(groups: &[Group], others: &[Alert], context: &Context) {
    for group in groups {
        let rest: Vec<Alert> = others.iter().filter(|alert| alert.name == group.name).cloned().collect();
        if rest.is_empty() {
            continue;
        }
        let suppressed = rest.iter().any(|alert| matches!(alert.state, AlertState::Suppressed(_)));
        let how = if suppressed { " (--include-suppressed)" } else { " (--state)" };
        let states = told_states(&rest);
        context.say(&format!("not looked into: {states} of alert `{}`{how}", group.name));
    }
}
