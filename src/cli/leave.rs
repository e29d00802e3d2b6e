//! Who decides about calls that need leave, composed from the configuration: what denies always, what was allowed before,
//! a program the configuration names, a person at the terminal; else nobody, which is a denial.
//!
//! After an output that reads like an instruction to a model only the last two count: who wrote it may have asked for what was
//! allowed before.

pub(super) mod list;
mod person;
mod program;

use std::cell::{Cell, RefCell};
use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::rc::Rc;

use tokio::sync::watch;

use super::Context;
use super::failure::Failure;
use crate::approval::{
    Approver, Ask, Deciding, Decision, Grant, Place, Rule, Settled, Store, covering, new_id,
};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::evidence::Redactor;
use crate::ui::{ErrorOutput, Keys, Terminal, sanitize};
use person::Person;
use program::{Program, Said};

/// The toolset that `--bash-always-allow` and `--bash-always-deny` are about.
const COMMANDS: &str = "bash/core";
/// Characters of a call that stand in a line about it.
const SHOWN: usize = 200;

/// Those who decide, in their order.
pub(super) struct Leave {
    /// `--bash-always-deny`, `--bash-always-allow`.
    denies_commands: bool,
    allows_commands: bool,
    store: Store,
    /// Allowed until the session ends.
    session: RefCell<Vec<Grant>>,
    program: Option<Program>,
    person: Option<Person>,
    /// Why no person is asked.
    nobody: &'static str,
    kubeconfig: Vec<PathBuf>,
    redactor: Rc<Redactor>,
    run_id: String,
    user: String,
    turn: RefCell<Turn>,
    /// Said once a run: how to allow what was denied, and that the file of approvals is odd.
    hinted: Cell<bool>,
    complained: Cell<bool>,
}

/// What the approver needs of the turn that runs.
#[derive(Clone, Default)]
pub(super) struct Turn {
    /// They are paused while a person is asked.
    pub keys: Option<Rc<Keys>>,
    /// Ends the turn, and tells when something else does.
    pub interrupt: Option<watch::Sender<bool>>,
    pub question: String,
}

impl Turn {
    fn is_interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(|interrupt| *interrupt.borrow())
    }

    /// Returns once the turn is to end.
    async fn interrupted(&self) {
        if let Some(interrupt) = &self.interrupt
            && interrupt.subscribe().wait_for(|stop| *stop).await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }

    fn stop(&self) {
        if let Some(interrupt) = &self.interrupt {
            interrupt.send_replace(true);
        }
    }
}

/// Of a run; `run_id` and `redactor` are its own.
///
/// # Errors
/// A setting that cannot be used.
pub(super) fn approver(
    config: &Config,
    context: &Context,
    run_id: &str,
    redactor: &Rc<Redactor>,
) -> Result<Rc<Leave>, Failure> {
    let terminal = std::io::stdin().is_terminal() && context.stderr.tty;
    let person = terminal && !config.switch("no_interactive")?;
    let environment = &context.environment;
    let home = config.folders().home.clone();
    Ok(Rc::new(Leave {
        denies_commands: config.switch("bash_always_deny")?,
        allows_commands: config.switch("bash_always_allow")?,
        store: store(config),
        session: RefCell::default(),
        program: Program::of(config, context)?,
        person: person.then(|| Person::at(context)),
        nobody: if terminal {
            "nobody is asked with `--no-interactive`"
        } else {
            "there is no terminal to ask at"
        },
        kubeconfig: Place::files(environment.get("KUBECONFIG"), home.as_deref()),
        redactor: Rc::clone(redactor),
        run_id: run_id.to_owned(),
        user: ["USER", "LOGNAME"]
            .iter()
            .find_map(|name| environment.get(name))
            .unwrap_or("unknown")
            .to_owned(),
        turn: RefCell::default(),
        hinted: Cell::default(),
        complained: Cell::default(),
    }))
}

/// Where approvals are kept.
pub(super) fn store(config: &Config) -> Store {
    Store::of(&config.folders().config)
}

impl Leave {
    /// A turn begins.
    pub(super) fn begin(&self, turn: Turn) {
        self.turn.replace(turn);
    }

    /// The turn is over: its keys are let go.
    pub(super) fn end(&self) {
        self.turn.take();
    }

    /// What is allowed now: until the session ends, then what is stored.
    ///
    /// # Errors
    /// One line: why nothing of the file counts.
    pub(super) fn granted(&self) -> Result<Vec<(bool, Grant)>, String> {
        let stored = self.store.read()?;
        let session = self.session.borrow().clone();
        let session = session.into_iter().map(|grant| (false, grant));
        Ok(session.chain(stored.into_iter().map(|grant| (true, grant))).collect())
    }

    /// Takes back what was allowed: by id; none means everything. What was taken back.
    ///
    /// # Errors
    /// One line: an id that is none, or a file that cannot be written.
    pub(super) fn revoke(&self, ids: &[&str]) -> Result<Vec<Grant>, String> {
        let granted = self.granted()?;
        list::known(ids, granted.iter().map(|(_, grant)| grant))?;
        let meant = |grant: &Grant| ids.is_empty() || ids.contains(&grant.id.as_str());
        let mut revoked: Vec<Grant> =
            self.session.borrow_mut().extract_if(.., |grant| meant(grant)).collect();
        revoked.extend(self.store.revoke(meant)?);
        Ok(revoked)
    }

    async fn decided(&self, ask: &Ask) -> Decision {
        let turn = self.turn.borrow().clone();
        if turn.is_interrupted() {
            return denied("the run was interrupted");
        }
        let command = ask.toolset == COMMANDS;
        if command && self.denies_commands {
            return self.refused(ask, "`bash_always_deny` is set");
        }
        let settled = if command && is_fed(ask) {
            Err("what it is given through a pipe or from a file is no part of a rule".to_owned())
        } else {
            Place::read(&self.kubeconfig).and_then(|place| place.settle(ask))
        };
        if ask.tainted_by.is_none() {
            if command && self.allows_commands {
                return Decision::Standing { by: "`bash_always_allow` is set".to_owned() };
            }
            if let Ok(settled) = &settled
                && let Some(by) = self.standing(ask, settled)
            {
                return Decision::Standing { by };
            }
        }
        if let Some(program) = &self.program {
            let request = self.request(ask, settled.as_deref().ok(), &turn);
            return match program.decide(&request, &turn).await {
                Said::Once => Decision::Once,
                Said::Session => self.for_session(ask, settled.ok(), "approval_command"),
                Said::Denied { why, words } => {
                    self.refused(ask, &why);
                    Decision::Denied { why, words }
                }
            };
        }
        match &self.person {
            Some(person) => person.decide(self, ask, settled, &turn).await,
            None => self.refused(ask, self.nobody),
        }
    }

    /// The approvals that allow it, in words.
    fn standing(&self, ask: &Ask, settled: &[Settled]) -> Option<String> {
        let stored = self.store.read().unwrap_or_else(|why| {
            if !self.complained.replace(true) {
                tell(&format!("warning: {why}"));
            }
            Vec::new()
        });
        let session = self.session.borrow();
        let all: Vec<&Grant> = session.iter().chain(&stored).collect();
        let ids = covering(&all, ask, settled)?;
        Some(format!("allowed before: {}", ids.join(", ")))
    }

    /// Allows it until the session ends, where it can be said what that would be.
    fn for_session(&self, ask: &Ask, settled: Option<Vec<Settled>>, by: &str) -> Decision {
        let Some(settled) = settled.filter(|_| ask.tainted_by.is_none()) else { return Decision::Once };
        let grants = self.grants(ask, &settled, by);
        let rules = grants.iter().map(|grant| grant.rule.clone()).collect();
        self.session.borrow_mut().extend(grants);
        Decision::Session { rules }
    }

    /// Allows it from now on.
    fn for_ever(&self, ask: &Ask, settled: &[Settled]) -> Decision {
        let grants = self.grants(ask, settled, &self.user);
        match self.store.add(&grants) {
            Ok(()) => Decision::Always { rules: grants.into_iter().map(|grant| grant.rule).collect() },
            Err(why) => {
                tell(&format!("warning: it runs this once, and is not kept: {why}"));
                Decision::Once
            }
        }
    }

    fn grants(&self, ask: &Ask, settled: &[Settled], by: &str) -> Vec<Grant> {
        let grant = |one: &Settled| Grant {
            id: new_id(),
            tool: ask.tool.clone(),
            toolset: ask.toolset.clone(),
            rule: one.rule.clone(),
            server: one.server.clone(),
            granted: SystemClock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            by: by.to_owned(),
            run: self.run_id.clone(),
        };
        settled.iter().map(grant).collect()
    }

    /// Whether nothing secret stands in what would be stored.
    fn is_public(&self, rule: &Rule) -> bool {
        let words = rule.exactly.iter().flatten().chain([&rule.action]);
        let text = rule.to_string();
        self.redactor.redact(&text) == text
            && words.into_iter().all(|word| self.redactor.redact(word) == *word)
    }

    /// What a program is told.
    fn request(&self, ask: &Ask, settled: Option<&[Settled]>, turn: &Turn) -> serde_json::Value {
        let rules: Vec<Rule> = match settled {
            Some(settled) => settled.iter().map(|one| one.rule.clone()).collect(),
            None => ask.rules.clone(),
        };
        let mut request = serde_json::json!({
            "version": 1,
            "run_id": self.run_id,
            "question": turn.question,
            "tool": ask.tool,
            "toolset": ask.toolset,
            "shown": ask.shown,
            "concern": ask.concern,
            "why": ask.why,
            "rules": rules,
            "tainted_by": ask.tainted_by.map(|id| format!("E{id}")),
        });
        self.redactor.redact_json(&mut request);
        request
    }

    /// A denial that no person at the terminal said, told on stderr; once a run with what can be done about it.
    fn refused(&self, ask: &Ask, why: &str) -> Decision {
        let shown: String = ask.shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = crate::evidence::view::clip(&shown, SHOWN);
        tell(&format!("denied: {shown}: {} ({why})", concern(ask)));
        if !self.hinted.replace(true) {
            tell(
                "hint: a person at a terminal is asked, and may allow it for ever (`holmes-rs approve list` shows what \
                 is); `approval_command` asks a program: docs/approvals.md",
            );
            if ask.toolset == COMMANDS && !self.denies_commands {
                tell("hint: `--bash-always-allow` allows what the bash tool would ask for");
            }
        }
        denied(why)
    }
}

impl Approver for Leave {
    fn decide<'a>(&'a self, ask: &'a Ask) -> Deciding<'a> {
        Box::pin(self.decided(ask))
    }
}

/// Whether a part of concern works on what another part prints, or on a file: `… | kubectl apply -f -` says nothing of what is
/// applied. Where the first part is the only one of concern, it is fed by nobody.
fn is_fed(ask: &Ask) -> bool {
    let shown = ask.shown.replace("||", ";");
    let first = match ask.rules.as_slice() {
        [only] => only
            .exactly
            .as_ref()
            .is_some_and(|words| shown.split('|').next().unwrap_or_default().trim() == words.join(" ")),
        _ => false,
    };
    shown.contains('<') || (shown.contains('|') && !first)
}

fn denied(why: &str) -> Decision {
    Decision::Denied { why: why.to_owned(), words: None }
}

/// One line on stderr.
fn tell(text: &str) {
    ErrorOutput::stderr().line(&sanitize(text).replace('\n', " "));
}

/// What is the matter with it, in words that follow its name.
fn concern(ask: &Ask) -> &'static str {
    use crate::approval::Concern;
    match ask.concern {
        Concern::Change => "it changes something",
        Concern::Secret => "it reads credentials",
        Concern::Unknown => "nobody can tell what it does",
        Concern::Wanted => "its toolset wants a person to be asked",
    }
}
