//! From what was named — an alert, a workload, words — to what the engine is given: the question, what the program
//! looks up itself, the runbook that matches, tools of its own.
//!
//! It plans with `briefing` and runs nothing but `kubectl get`, to see which pod, node and service belong to what was
//! named. A cluster that cannot be reached costs a line, never the investigation.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::io::Write as _;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tempfile::{NamedTempFile, TempDir};
use tokio::sync::watch;

use super::failure::{Exit, Failure, io};
use super::investigation::Commission;
use super::{Context, runbook as runbooks};
use crate::briefing::{self, Found, Lookup};
use crate::clock::{Clock as _, SystemClock};
use crate::cluster::{self, Scope};
use crate::config::Config;
use crate::evidence::injection::reads_as_instruction;
use crate::question::alert::Group;
use crate::question::subject::Subject;
use crate::question::{Attachment, Question, Source, Ticket};
use crate::runbook::{self, Query, Shelf};
use crate::shell;
use crate::tools::FetchRunbook;

/// Objects of one group of alerts that are looked at, each for itself.
const MOST_SUBJECTS: usize = 3;
/// Lookups of one investigation: each is an exhibit that takes room of the window.
const MOST_LOOKUPS: usize = 16;
/// Of those about the second and third object.
const OF_OTHERS: usize = 2;
/// About the first, before curves and the rest.
const OF_FIRST: usize = 5;
/// What belongs to an alert's object is worth this much time: its name alone will do.
const PATIENCE: Duration = Duration::from_secs(10);
/// After this long a person is told what is being waited for.
const NOTICE: Duration = Duration::from_secs(1);
/// What is left of the patience then.
const AFTER_NOTICE: Duration = Duration::from_secs(9);

/// What is the same for all investigations of one call of the program.
pub(super) struct Desk {
    shelf: Rc<Shelf>,
    /// What kubectl gets.
    environment: Vec<(String, String)>,
    /// Whether the detectors look at clusters first.
    detectors: bool,
    now: Timestamp,
    /// Where the texts of alerts and tickets lie until they are exhibits.
    folder: TempDir,
    /// The cluster gave no answer in time: it is not waited for again.
    silent: Cell<bool>,
    /// What was said of the cluster: each once, however many alerts there are.
    said: RefCell<Vec<String>>,
}

impl Desk {
    /// Reads the runbooks; what is wrong with them is said on stderr.
    pub(super) fn open(config: &Config, context: &Context) -> Result<Self, Failure> {
        let keys = config.model_key_names();
        let caller = config.environment().iter().filter(|(name, _)| !keys.contains(*name));
        let caller: Vec<(String, String)> =
            caller.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Ok(Self {
            shelf: Rc::new(runbooks::open(config, context)?),
            environment: shell::cluster_environment(&caller),
            detectors: !config.switch("no_detectors")?,
            now: SystemClock.now(),
            folder: tempfile::tempdir().map_err(io("no folder for the texts of alerts and tickets"))?,
            silent: Cell::default(),
            said: RefCell::default(),
        })
    }

    /// The runbooks.
    pub(super) fn shelf(&self) -> Rc<Shelf> {
        Rc::clone(&self.shelf)
    }

    /// Words alone.
    pub(super) fn words(&self, question: Question) -> Commission {
        let query = Query { text: question.text.clone(), ..Query::default() };
        self.commission(question, Vec::new(), &query, &BTreeMap::new())
    }

    /// An alert, with all instances of it that are one investigation.
    pub(super) async fn alert(&self, group: &Group, context: &Context) -> Result<Commission, Failure> {
        let subjects = subjects(group);
        let finding = subjects.iter().map(|subject| self.find(subject, context));
        let found: Vec<Found> = futures_util::future::join_all(finding).await;
        let expression = group.expression().unwrap_or_default();
        let labels = group.common_labels();
        let findings = found.first().and_then(|found| self.findings(&found.subject));
        let metrics = briefing::metrics(&group.name, &expression, group.since(), self.now);
        let target = labels.get("instance").filter(|_| expression.contains("up"));
        let target = target.map(|one| Lookup::new("list_prometheus_targets", &[("filter", one)]));
        let first = found.first().map_or_else(Vec::new, |found| briefing::lookups(found, group.since()));
        let others = found
            .iter()
            .skip(1)
            .flat_map(|found| briefing::lookups(found, group.since()).into_iter().take(OF_OTHERS));
        // What decides most often stands first: a small window has no room for the end of the list.
        let (rule, curves) = metrics.split_at(metrics.len().min(2));
        let (state, rest) = first.split_at(first.len().min(OF_FIRST));
        let mut lookups: Vec<Lookup> = findings.into_iter().collect();
        lookups.extend(rule.iter().cloned().chain(target).chain(state.iter().cloned()));
        lookups.extend(others);
        lookups.extend(curves.iter().chain(rest).cloned());
        let text = question(group, &subjects);
        let attachment =
            self.keep(&format!("alert {}", group.name), &group.as_exhibit_text(), Source::Alert)?;
        let subject = match subjects.as_slice() {
            [only] => only.to_string(),
            _ => group.subject(),
        };
        let question = Question { text, subject: Some(subject), attachments: vec![attachment] };
        let query = Query {
            alert: Some(group.name.clone()),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            annotations: group.alerts.first().map(|alert| alert.annotations.clone()).unwrap_or_default(),
            source: Some("prometheus".to_owned()),
            kind: subjects.first().map(|subject| subject.kind.clone()),
            ..Query::default()
        };
        let mut variables = runbook::variables(&query);
        found.first().into_iter().for_each(|found| know(&mut variables, found));
        let mut commission = self.commission(question, lookups, &query, &variables);
        commission.metadata.insert(
            "alert".to_owned(),
            json!({
                "name": group.name,
                "labels": labels,
                "instances": group.alerts.len(),
                "starts_at": group.since().map(|since| since.to_string()),
            }),
        );
        Ok(commission)
    }

    /// A workload that was found by its name.
    pub(super) fn workload(&self, question: Question, found: &Found) -> Commission {
        let mut lookups: Vec<Lookup> = self.findings(&found.subject).into_iter().collect();
        lookups.extend(briefing::lookups(found, None));
        let mut variables = BTreeMap::new();
        know(&mut variables, found);
        let state = found.pod.as_ref().map_or("", |pod| pod.reason.as_str());
        let ended = found.pod.as_ref().and_then(|pod| pod.ended.as_ref());
        let ended = ended.map_or("", |(_, reason, _)| reason.as_str());
        let query = Query {
            text: format!("{} {state} {ended}", found.state),
            kind: Some(found.subject.kind.clone()),
            ..Query::default()
        };
        self.commission(question, lookups, &query, &variables)
    }

    /// A ticket, or an incident.
    pub(super) fn ticket(&self, ticket: &Ticket) -> Result<Commission, Failure> {
        let attachment = self.keep(&ticket.name(), &ticket.as_exhibit_text(), Source::Ticket)?;
        let subject = Some(ticket.subject());
        let question = Question { text: ticket.question_text(), subject, attachments: vec![attachment] };
        let query = Query {
            id: Some(ticket.id.clone()),
            source: Some(ticket.source.to_string().to_lowercase()),
            text: ticket.title.clone(),
            ..Query::default()
        };
        Ok(self.commission(question, Vec::new(), &query, &BTreeMap::new()))
    }

    /// With the runbook that fits best.
    fn commission(
        &self,
        question: Question,
        lookups: Vec<Lookup>,
        query: &Query,
        variables: &BTreeMap<String, String>,
    ) -> Commission {
        let mut commission = commission(question, lookups);
        if let Some(best) = self.shelf.find(query).first() {
            for (tool, arguments) in runbook::steps_for(best.runbook, variables) {
                let step = Lookup { tool, arguments };
                if !commission.steps.contains(&step) {
                    commission.steps.push(step);
                }
            }
            commission.metadata.insert(
                "runbook".to_owned(),
                json!({"name": best.runbook.name, "matches_by": best.why, "place": best.runbook.place}),
            );
            let (name, text) = (best.runbook.name.clone(), best.runbook.text.clone());
            commission.runbook = Some((name, best.why.clone(), text));
        }
        if !self.shelf.runbooks().is_empty() {
            commission.tools.push(Box::new(FetchRunbook::new(Rc::clone(&self.shelf))));
        }
        commission
    }

    /// What the detectors find in the namespace of `subject`, it first.
    fn findings(&self, subject: &Subject) -> Option<Lookup> {
        let arguments =
            [("namespace", subject.namespace()), ("kind", &subject.kind), ("name", &subject.name)];
        self.detectors.then(|| Lookup::new("kubernetes_findings", &arguments))
    }

    /// A subject with what belongs to it; where the cluster tells nothing, with what its name gives.
    async fn find(&self, subject: &Subject, context: &Context) -> Found {
        let alone = || Found { subject: subject.clone(), ..Found::default() };
        if self.silent.get() {
            return alone();
        }
        let (_keep, stop) = watch::channel(false);
        let scope = Scope { namespace: subject.namespace.clone(), kinds: briefing::kinds(&subject.kind) };
        let reading = cluster::read(&scope, &self.environment, stop);
        tokio::pin!(reading);
        let mut read = tokio::time::timeout(NOTICE, &mut reading).await;
        if read.is_err() {
            self.say_once("waiting for kubectl …".to_owned(), |line| context.say(line));
            read = tokio::time::timeout(AFTER_NOTICE, reading).await;
        }
        let reason = match read {
            Ok(Ok(snapshot)) => return briefing::workload(subject, &snapshot),
            Ok(Err(reason)) => reason,
            Err(_) => {
                self.silent.set(true);
                format!("kubectl gave no answer in {} s", PATIENCE.as_secs())
            }
        };
        let line = format!("going on with what the alert says of its object: {reason}");
        self.say_once(line, |line| context.warn(line));
        alone()
    }

    fn say_once(&self, line: String, say: impl Fn(&str)) {
        let mut said = self.said.borrow_mut();
        if !said.contains(&line) {
            say(&line);
            said.push(line);
        }
    }

    /// Text that becomes the first exhibit.
    fn keep(&self, name: &str, text: &str, source: Source) -> Result<Attachment, Failure> {
        let failed = || io("the text of an alert or a ticket cannot be kept");
        let mut file = NamedTempFile::new_in(self.folder.path()).map_err(failed())?;
        file.write_all(text.as_bytes()).map_err(failed())?;
        let (_, path) = file.keep().map_err(|error| Failure::new(Exit::RunTime, error))?;
        Ok(Attachment { name: name.to_owned(), path, source })
    }
}

fn commission(question: Question, lookups: Vec<Lookup>) -> Commission {
    let mut kept: Vec<Lookup> = Vec::new();
    for lookup in lookups {
        if !kept.contains(&lookup) && kept.len() < MOST_LOOKUPS {
            kept.push(lookup);
        }
    }
    Commission { lookups: kept, ..Commission::from(question) }
}

/// The objects that the instances of an alert speak of, each once.
fn subjects(group: &Group) -> Vec<Subject> {
    let mut subjects: Vec<Subject> = Vec::new();
    for subject in group.alerts.iter().filter_map(|alert| briefing::of_labels(&alert.labels)) {
        if subjects.len() < MOST_SUBJECTS && !subjects.contains(&subject) {
            subjects.push(subject);
        }
    }
    subjects
}

/// What steps of runbooks may speak of.
fn know(variables: &mut BTreeMap<String, String>, found: &Found) {
    let mut set = |name: &str, value: &str| {
        if !value.is_empty() {
            variables.insert(name.to_owned(), value.to_owned());
        }
    };
    let all = found.owners.iter().chain(&found.services).chain(&found.ingresses).chain(&found.claims);
    for one in all.chain(&found.worst).chain([&found.subject]) {
        set(if one.kind == "persistentvolumeclaim" { "pvc" } else { &one.kind }, &one.name);
    }
    set("namespace", found.subject.namespace());
    set("kind", &found.subject.kind);
    set("name", &found.subject.name);
    set("node", found.node.as_deref().unwrap_or_default());
}

/// What is asked. A name that reads like an instruction stands only in the exhibit.
fn question(group: &Group, subjects: &[Subject]) -> String {
    let text = group.question_text(!reads_as_instruction(&group.name));
    // The objects of several instances differ: the question of the group names none of them.
    if group.object().is_some() || subjects.is_empty() {
        return text;
    }
    let named: Vec<String> = subjects
        .iter()
        .map(|one| match &one.namespace {
            Some(namespace) => format!("{} {} in namespace {namespace}", one.kind, one.name),
            None => format!("{} {}", one.kind, one.name),
        })
        .collect();
    format!("{} For {}.", text, named.join(", "))
}
