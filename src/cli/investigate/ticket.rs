//! `holmes-rs investigate jira|github|pagerduty|opsgenie`: tickets and incidents, one investigation each.

mod options;

pub(super) use options::TicketVerb;
use options::Wanted;

use crate::agent::Finish;
use crate::cli::Context;
use crate::cli::context::trust;
use crate::cli::desk::Desk;
use crate::cli::failure::{Exit, Failure};
use crate::cli::investigate::several::{self, Agenda, Step};
use crate::cli::investigation::{Commission, Done};
use crate::cli::signals::Signals;
use crate::config::Config;
use crate::http::{Client, HttpError, HttpErrorKind, Patience};
use crate::question::{Ticket, TicketSource};
use crate::sink::{self, Investigation, Redact};
use crate::source::{Comment, Form, Tracker, Written};

/// Runs the verb.
pub(super) async fn run(verb: TicketVerb, context: &Context) -> Result<Exit, Failure> {
    let wanted = verb.wanted()?;
    let config = context.config(wanted.flags.clone())?;
    let trust = trust(&config)?;
    let client = Client::new(&trust, true, Patience::default())
        .map_err(|error| Failure::new(Exit::Configuration, error))?;
    let tracker = options::tracker(&wanted, &config, &client).await?;
    let tickets = tickets(&tracker, &client, &wanted, &config, context).await?;
    if tickets.is_empty() {
        return Ok(Exit::Answered);
    }
    // A query gives a list, however many it finds; a ticket that is named is one.
    let listed = wanted.ids.is_empty() || tickets.len() > 1;
    let desk = Desk::open(&config, context)?;
    let agenda = Round { desk, tracker, client, tickets, update: wanted.update, context };
    several::investigate(&agenda, listed, config, context).await
}

/// The tickets that are asked for, with their comments and details.
async fn tickets(
    tracker: &Tracker,
    client: &Client,
    wanted: &Wanted,
    config: &Config,
    context: &Context,
) -> Result<Vec<Ticket>, Failure> {
    let source = tracker.source();
    let failed = |error: HttpError| failure(tracker.source(), &error);
    let mut tickets: Vec<Ticket> = Vec::new();
    for id in &wanted.ids {
        let ticket = tracker.fetch(client, id).await.map_err(failed)?;
        // One ticket has several names: its key, its number, its address.
        if tickets.iter().all(|one| one.id != ticket.id) {
            tickets.push(ticket);
        }
    }
    if wanted.ids.is_empty() {
        let query = config.text(wanted.query)?;
        let found = tracker.find(client, query.as_deref(), wanted.limit).await.map_err(failed)?;
        if found.tickets.is_empty() {
            let of = query.map_or_else(|| "is open".to_owned(), |query| format!("matches `{query}`"));
            context.say(&format!("no {source} {} {of}: nothing to investigate", source.noun()));
        }
        if found.more {
            context.say(&format!(
                "more than {} {source} {}s match: the first {} are investigated; `--limit N` takes more",
                wanted.limit,
                source.noun(),
                wanted.limit
            ));
        }
        tickets = found.tickets;
    }
    for ticket in &mut tickets {
        if let Err(error) = tracker.complete(client, ticket).await {
            context.warn(&format!("{}: comments or details cannot be read: {error}", ticket.name()));
        }
    }
    Ok(tickets)
}

/// Tickets, one investigation each; answers go back where that is wanted.
struct Round<'c> {
    desk: Desk,
    tracker: Tracker,
    client: Client,
    tickets: Vec<Ticket>,
    update: bool,
    context: &'c Context,
}

impl Agenda for Round<'_> {
    fn headings(&self) -> Vec<String> {
        self.tickets.iter().map(Ticket::heading).collect()
    }

    fn commission(&self, number: usize) -> Step<'_, Commission> {
        let commission = match self.tickets.get(number) {
            Some(ticket) => self.desk.ticket(ticket),
            None => Ok(Commission::default()),
        };
        Box::pin(std::future::ready(commission))
    }

    fn done<'a>(&'a self, number: usize, done: &'a Done) -> Step<'a, ()> {
        Box::pin(async move {
            let (Some(ticket), Ok(exit)) = (self.tickets.get(number), &done.exit) else { return Ok(()) };
            if !self.update || *exit == Exit::Interrupted {
                return Ok(());
            }
            let redact = |text: &str| done.redactor.redact(text);
            let mut signals = Signals::listen()?;
            let written = tokio::select! {
                written = write_back(&self.tracker, &self.client, ticket, &done.investigation, &redact) => written?,
                () = signals.next() => {
                    let message = format!("interrupted: {} may not be updated", ticket.name());
                    return Err(Failure::new(Exit::Interrupted, message));
                }
            };
            self.context.say(&told(ticket, written));
            Ok(())
        })
    }
}

/// What a person is told of a comment.
pub(super) fn told(ticket: &Ticket, written: Option<Written>) -> String {
    let what = ticket.name();
    match written {
        Some(Written::Now) => format!("the answer is written on {what}: {}", ticket.url),
        Some(Written::Before) => format!("the answer of this run stands on {what} already: {}", ticket.url),
        None => format!("{what} is not updated: the run has no answer"),
    }
}

/// Writes a run's answer on its ticket, in the tracker's own form, once. `None`: the run has no answer to write.
///
/// # Errors
/// When it does not stand there afterwards, as far as can be known.
pub(super) async fn write_back(
    tracker: &Tracker,
    client: &Client,
    ticket: &Ticket,
    run: &Investigation,
    redact: Redact<'_>,
) -> Result<Option<Written>, Failure> {
    if !matches!(run.finish, Finish::Answered | Finish::Limit(_)) {
        return Ok(None);
    }
    let most = tracker.longest_comment();
    let body = match tracker.form() {
        Form::Adf => sink::to_adf(run, most, redact),
        Form::Wiki => sink::to_wiki(run, most, redact).into(),
        Form::Markdown => sink::to_markdown_comment(run, most, redact).into(),
        Form::Plain => sink::to_plain(run, most, redact).into(),
    };
    let comment = Comment { marker: sink::comment_marker(&run.run_id), since: run.started_at.clone(), body };
    let written = tracker.comment(client, ticket, &comment).await.map_err(|error| {
        let mut failure = failure(tracker.source(), &error);
        failure.message = format!("{} is not updated: {}", ticket.name(), failure.message);
        // The answer is there; only the comment is not.
        failure.exit = Exit::RunTime;
        failure
    })?;
    Ok(Some(written))
}

/// A tracker's failure: which one, where, why, and what can be done about it.
fn failure(source: TicketSource, error: &HttpError) -> Failure {
    let failure = Failure::new(Exit::RunTime, format!("{source}: {error}"));
    match error.kind {
        HttpErrorKind::Refused => {
            let key = options::key_of(source).to_uppercase();
            Failure { exit: Exit::Configuration, ..failure }.hint(format!("{key} is the key that is sent"))
        }
        HttpErrorKind::TooMany => failure.hint("come back later, or ask for fewer with `--limit`"),
        _ => failure,
    }
}
