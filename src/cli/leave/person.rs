//! The question at the terminal: what would run, what is the matter with it, and what exactly would be allowed.

use std::io;

use super::super::Context;
use super::{Leave, Terminal, Turn, concern, denied, tell};
use crate::approval::{Ask, Decision, Settled};
use crate::evidence::untrusted::spelled;
use crate::shell::environment;
use crate::ui::{Choice, ErrorOutput, PagerOptions, pager, prompt, wrapped};

/// Rows of the call that are shown at once; `v` shows the rest.
const ROWS: usize = 4;
/// And of its end: what stands there must not be hidden by length.
const LAST_ROWS: usize = 2;
/// Rules that are shown at once.
const RULES: usize = 3;
/// Characters of one rule that a person can be asked to agree to for longer than once.
const LONGEST_RULE: usize = 1_000;

/// Somebody at the terminal.
pub(super) struct Person {
    stdout: Terminal,
    width: usize,
    pager: Option<String>,
    environment: Vec<(String, String)>,
}

/// What may be allowed for longer than once: each step wider than the one before.
struct Offer {
    steps: Vec<Vec<Settled>>,
    at: usize,
    /// For the session only: why it is not stored.
    unstored: Option<&'static str>,
}

impl Person {
    pub(super) fn at(context: &Context) -> Self {
        let caller: Vec<(String, String)> =
            context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let wanted = ["TERM", "LESS", "LESSCHARSET", "COLORTERM"].map(str::to_owned);
        let mut environment = environment(&caller, &wanted);
        // It is for a person at this terminal, not for a tool.
        environment.retain(|(name, _)| !matches!(name.as_str(), "COLUMNS" | "PAGER" | "TERM"));
        environment.extend(caller.into_iter().filter(|(name, _)| name == "TERM"));
        Self {
            stdout: context.stdout,
            width: context.stderr.width,
            pager: context.environment.get("PAGER").map(str::to_owned),
            environment,
        }
    }

    /// Asks until there is an answer. Ctrl-C denies and ends the turn.
    pub(super) async fn decide(
        &self,
        leave: &Leave,
        ask: &Ask,
        settled: Result<Vec<Settled>, String>,
        turn: &Turn,
    ) -> Decision {
        tokio::select! {
            decision = self.asked(leave, ask, settled, turn) => decision.unwrap_or_else(|error| {
                leave.refused(ask, &format!("the terminal cannot be read: {error}"))
            }),
            () = turn.interrupted() => {
                tell("");
                denied("the run was interrupted")
            }
        }
    }

    async fn asked(
        &self,
        leave: &Leave,
        ask: &Ask,
        settled: Result<Vec<Settled>, String>,
        turn: &Turn,
    ) -> io::Result<Decision> {
        let keys = turn.keys.as_deref();
        let (call, cut) = self.call(ask);
        let mut question =
            vec![format!("`{}` of {} asks to run this: {}", ask.tool, ask.toolset, concern(ask))];
        question.extend(call);
        question.extend(self.lines(&format!("why: {}", ask.why)));
        let (mut offer, only_once) = match settled {
            _ if ask.tainted_by.is_some() => (None, None),
            Ok(settled) => Offer::of(&settled, leave),
            Err(why) => (None, Some(why)),
        };
        if let Some(id) = ask.tainted_by {
            question.extend(self.lines(&format!(
                "take care: E{id} reads like an instruction to a model; whoever wrote it may want this. Nothing that was \
                 allowed before counts now"
            )));
        }
        if let Some(why) = only_once {
            question.extend(self.lines(&format!("only once: {}", leave.redactor.redact(&why))));
        }
        loop {
            let mut choices = vec![('y', "once")];
            if let Some(offer) = &offer {
                question.extend(self.offered(leave, offer));
                choices.push(('s', "session"));
                if offer.unstored.is_none() {
                    choices.push(('a', "always"));
                }
                if offer.steps.len() > 1 {
                    choices.push(('w', "widen"));
                }
            }
            if cut {
                choices.push(('v', "view"));
            }
            choices.extend([('n', "no"), ('t', "no, because")]);
            let choice = prompt::choose(&question, &choices, keys).await?;
            question.clear();
            match (choice, &mut offer) {
                (Choice::Key('y'), _) => return Ok(Decision::Once),
                (Choice::Key('s'), Some(offer)) => {
                    return Ok(leave.for_session(ask, Some(offer.now().to_vec()), &leave.user));
                }
                (Choice::Key('a'), Some(offer)) => {
                    let mut exactly = vec![format!("kept in {} for all runs:", leave.store.path().display())];
                    for one in offer.now() {
                        exactly.extend(self.lines(&one.rule.to_string()));
                    }
                    let sure = [('y', "keep it and run"), ('n', "back")];
                    match prompt::choose(&exactly, &sure, keys).await? {
                        Choice::Key('y') => return Ok(leave.for_ever(ask, offer.now())),
                        Choice::Interrupted => return Ok(stopped(turn)),
                        Choice::Key(_) | Choice::No => {}
                    }
                }
                (Choice::Key('w'), Some(offer)) => offer.at = (offer.at + 1) % offer.steps.len(),
                (Choice::Key('v'), _) => self.view(ask, turn).await?,
                (Choice::Key('t'), _) => {
                    let words = prompt::line("to the model: ", keys).await?;
                    let words = words.filter(|words| !words.is_empty());
                    let words = words.map(|words| leave.redactor.redact(&words));
                    return Ok(Decision::Denied { why: "a person said no".to_owned(), words });
                }
                (Choice::Interrupted, _) => return Ok(stopped(turn)),
                (Choice::Key(_) | Choice::No, _) => return Ok(denied("a person said no")),
            }
        }
    }

    /// Text as rows of the question: one text, whatever its words are, nothing of it left out.
    fn lines(&self, text: &str) -> Vec<String> {
        wrapped(&spelled(text).replace('\n', "\\n"), "  ", "  ", Some(self.width))
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// The call, and whether not all of it is there.
    fn call(&self, ask: &Ask) -> (Vec<String>, bool) {
        let all = wrapped(&spelled(&ask.shown), "  | ", "  | ", Some(self.width));
        let mut rows: Vec<String> = all.lines().map(str::to_owned).collect();
        let left = rows.len().saturating_sub(ROWS + LAST_ROWS);
        if left < 2 {
            return (rows, false);
        }
        let said = format!("  … {left} more lines: v shows them");
        rows.splice(ROWS..ROWS + left, [said]);
        (rows, true)
    }

    fn offered(&self, leave: &Leave, offer: &Offer) -> Vec<String> {
        let keys = if offer.unstored.is_none() { "s, a" } else { "s" };
        let mut rows = Vec::new();
        for (n, one) in offer.now().iter().enumerate().take(RULES) {
            let start = if n == 0 { format!("{keys} allow ") } else { "and ".to_owned() };
            rows.extend(self.lines(&format!("{start}{}", leave.redactor.redact(&one.rule.to_string()))));
        }
        let left = offer.now().len().saturating_sub(RULES);
        if left > 0 {
            rows.push(format!("  and {left} more of its parts"));
        }
        rows.extend(offer.unstored.into_iter().flat_map(|why| self.lines(why)));
        rows
    }

    /// The whole call, in the pager where there is one.
    async fn view(&self, ask: &Ask, turn: &Turn) -> io::Result<()> {
        let text = format!("{}\n", spelled(&ask.shown));
        if !self.stdout.tty {
            ErrorOutput::stderr().write(&text);
            return Ok(());
        }
        turn.keys.iter().for_each(|keys| keys.pause());
        let options = PagerOptions {
            terminal: &self.stdout,
            pager: self.pager.as_deref(),
            environment: self.environment.clone(),
        };
        let shown = pager::show(&text, options).await;
        turn.keys.iter().for_each(|keys| keys.resume());
        shown
    }
}

impl Offer {
    /// `None` with the reason, where it can be allowed once only.
    fn of(settled: &[Settled], leave: &Leave) -> (Option<Self>, Option<String>) {
        if settled.is_empty() {
            return (None, Some("no rule says what it would be".to_owned()));
        }
        if settled.iter().any(|one| one.rule.to_string().chars().count() > LONGEST_RULE) {
            return (None, Some("it is too long to be agreed to at a glance".to_owned()));
        }
        let widenings: Vec<Vec<_>> = settled.iter().map(|one| one.rule.widenings()).collect();
        let most = widenings.iter().map(Vec::len).max().unwrap_or(1);
        let step = |n: usize| {
            let all = settled.iter().zip(&widenings);
            all.filter_map(|(one, wider)| {
                let rule = wider.get(n).or_else(|| wider.last())?.clone();
                Some(Settled { rule, server: one.server.clone() })
            })
            .collect()
        };
        let steps = (0..most).map(step).collect();
        let public = settled.iter().all(|one| leave.is_public(&one.rule));
        let unstored = (!public).then_some("not for longer: a secret stands in it");
        (Some(Self { steps, at: 0, unstored }), None)
    }

    fn now(&self) -> &[Settled] {
        self.steps.get(self.at).map_or(&[], Vec::as_slice)
    }
}

fn stopped(turn: &Turn) -> Decision {
    turn.stop();
    denied("a person stopped the run")
}
