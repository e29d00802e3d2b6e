//! `bash`: a command line of the model's own. What the policy calls a read runs at once, without a shell and exactly as it was
//! judged; everything else is for a person to decide.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::command::judged;
use super::{Outcome, Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::approval::{Ask, Concern, Rule};
use crate::evidence::Status;
use crate::evidence::untrusted::visible;
use crate::policy::{Judgement, Part, Policy, Verdict};
use crate::shell::plan::SCRIPT;
use crate::shell::{Containment, Limits, Script, Stop, environment, run};

/// The toolset that brings the tool.
pub const BASH: &str = "bash/core";
/// Seconds a call may ask for at most.
const LONGEST: u64 = 600;
/// Characters of a command in a progress line or an error.
const SHOWN: usize = 300;

/// What becomes of commands that would need asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    Ask,
    /// `--bash-always-deny`.
    Deny,
    /// `--bash-always-allow`.
    Allow,
}

/// The tool.
#[derive(Debug)]
pub struct Bash {
    spec: ToolSpec,
    policy: Policy,
    /// Words that a part begins with: they run without asking, or never.
    allow: Vec<Vec<String>>,
    deny: Vec<Vec<String>>,
    /// `builtin_allowlist: none`: even what only reads is asked for.
    only_listed: bool,
    env: Vec<(String, String)>,
    timeout: Duration,
    mode: Mode,
    containment: Option<Arc<Containment>>,
}

/// What may become of a call.
enum Leave {
    Runs,
    Asks(Box<Ask>),
    Denied(String),
}

impl Bash {
    /// Makes the tool; the second value is what of `config` is odd. `config` is HolmesGPT's: `allow` and `deny` are lists of
    /// prefixes, `builtin_allowlist` is `none`, `core` or `extended`. `caller` is the environment of this program.
    #[must_use]
    pub fn new(
        policy: Policy,
        config: &Map<String, Value>,
        caller: &[(String, String)],
        timeout: Duration,
        mode: Mode,
    ) -> (Self, Vec<String>) {
        let mut warnings = Vec::new();
        let mut prefixes = |key: &str| {
            let mut found = Vec::new();
            match config.get(key) {
                None | Some(Value::Null) => {}
                Some(Value::Array(items)) => {
                    for item in items {
                        match item.as_str().map(words).filter(|words| !words.is_empty()) {
                            Some(words) => found.push(words),
                            None => {
                                warnings.push(format!("toolset `{BASH}`: `{key}` holds what is no command"));
                            }
                        }
                    }
                }
                Some(_) => warnings.push(format!("toolset `{BASH}`: `{key}` needs a list of commands")),
            }
            found
        };
        let (allow, deny) = (prefixes("allow"), prefixes("deny"));
        let list = config.get("builtin_allowlist").and_then(Value::as_str).unwrap_or("core");
        if !matches!(list, "none" | "core" | "extended") {
            warnings.push(format!("toolset `{BASH}`: `builtin_allowlist` is none, core or extended"));
        }
        let tool = Self {
            spec: ToolSpec {
                name: "bash".to_owned(),
                description: "Run a command line. Reads run at once, anything else needs a person's yes. Plain pipelines \
                              only: no variables, loops, $(…), globs, files written"
                    .to_owned(),
                parameters: json!({
                    "type": "object",
                    "properties": {
                        "command": {"type": "string"},
                        "timeout": {"type": "integer", "description": "seconds"},
                    },
                    "required": ["command"],
                }),
            },
            policy,
            allow,
            deny,
            only_listed: list == "none",
            env: environment(caller, &[]),
            timeout,
            mode,
            containment: None,
        };
        (tool, warnings)
    }

    /// What runs without being asked about cannot write either.
    #[must_use]
    pub fn contained(mut self, run: Option<&Arc<Containment>>) -> Self {
        self.containment = run.cloned();
        self
    }

    /// The tool as pages about tools show it; it knows no program.
    #[must_use]
    pub fn shown() -> Self {
        Self::new(Policy::empty(), &Map::new(), &[], Limits::default().timeout, Mode::Ask).0
    }

    fn call(&self, params: &Map<String, Value>) -> Result<(String, Duration), String> {
        if let Some(name) = params.keys().find(|name| !["command", "timeout"].contains(&name.as_str())) {
            return Err(format!("there is no parameter `{}`: it takes command and timeout", visible(name)));
        }
        let command = match params.get("command") {
            Some(Value::String(command)) if !command.trim().is_empty() => command.clone(),
            _ => return Err("`command` needs a command line".to_owned()),
        };
        let seconds = match params.get("timeout") {
            None | Some(Value::Null) => None,
            Some(Value::Number(number)) => number.as_u64(),
            Some(Value::String(text)) => text.trim().parse().ok(),
            Some(_) => Some(0),
        };
        match (params.get("timeout"), seconds) {
            (None | Some(Value::Null), _) => Ok((command, self.timeout)),
            (_, Some(seconds @ 1..=LONGEST)) => Ok((command, Duration::from_secs(seconds))),
            _ => Err(format!("`timeout` is 1 to {LONGEST} seconds")),
        }
    }

    fn leave(&self, command: &str, judgement: &Judgement) -> Leave {
        for prefix in &self.deny {
            let denied = judgement.parts.iter().any(|part| denies(prefix, part))
                // What only a shell understands may hide it.
                || judgement.plan.is_none() && command.contains(&prefix.join(" "));
            if denied {
                return Leave::Denied(format!("`{}` is in `deny` of toolset `{BASH}`", prefix.join(" ")));
            }
        }
        let plain = judgement.plan.is_some();
        let open = |part: &&Part| {
            let listed = plain && self.allow.iter().any(|prefix| allows(prefix, part));
            !listed && (part.verdict != Verdict::Read || self.only_listed)
        };
        let concerns: Vec<&Part> = judgement.parts.iter().filter(open).collect();
        if concerns.is_empty() && plain {
            return Leave::Runs;
        }
        let gravest = concerns.iter().copied().max_by_key(|part| part.verdict);
        let (concern, why) = if let Some(part) = gravest {
            let concern = match part.verdict {
                Verdict::Change => Concern::Change,
                Verdict::Secret => Concern::Secret,
                Verdict::Unknown => Concern::Unknown,
                Verdict::Read => Concern::Wanted,
            };
            let why = match part.verdict {
                Verdict::Read => "`builtin_allowlist` is `none`".to_owned(),
                _ => part.rule.clone(),
            };
            (concern, format!("{}, `{}`: {why}", part.verdict.name(), short(&part.command)))
        } else {
            let because = judgement.shell_because.as_deref().unwrap_or("it is not plain");
            (Concern::Unknown, format!("it needs a shell: {because}"))
        };
        match self.mode {
            Mode::Allow => return Leave::Runs,
            Mode::Deny => return Leave::Denied(format!("{why}; nobody is asked (`--bash-always-deny`)")),
            Mode::Ask => {}
        }
        // Only of a plain line do the words tell everything.
        let rule = |part: &&Part| Rule {
            action: part.action.clone(),
            exactly: Some(part.words.clone()),
            namespace: part.namespace.clone(),
            context: part.context.clone(),
        };
        Leave::Asks(Box::new(Ask {
            tool: self.spec.name.clone(),
            toolset: BASH.to_owned(),
            shown: command.to_owned(),
            concern,
            why: visible(&why).clone(),
            rules: if plain { concerns.iter().map(rule).collect() } else { Vec::new() },
            tainted_by: None,
        }))
    }

    async fn perform(
        &self,
        command: &str,
        timeout: Duration,
        (judgement, reads): (&Judgement, bool),
        output: &Path,
        stop: Stop,
    ) -> Outcome {
        let mut env = self.env.clone();
        let plan = judgement.plan.as_ref().and_then(crate::shell::plan::Plan::for_environment);
        let text = match plan {
            Some(plan) => {
                env.push(plan);
                SCRIPT.to_owned()
            }
            None => command.to_owned(),
        };
        let limits = Limits { timeout, ..Limits::default() };
        let containment = self.containment.clone().filter(|_| reads);
        let script = Script { text, env, containment, ..Script::default() };
        match run(&script, output, limits, stop).await {
            Ok(finished) => judged(&finished, command, limits, command.to_owned()),
            Err(error) => ended(Status::Error, format!("cannot run: {error}"), command),
        }
    }

    async fn answer(
        &self,
        params: &Map<String, Value>,
        approved: bool,
        output: &Path,
        stop: Stop,
    ) -> Outcome {
        let (command, timeout) = match self.call(params) {
            Ok(call) => call,
            Err(error) => return ended(Status::Error, error, ""),
        };
        let judgement = self.policy.judge(&command);
        match self.leave(&command, &judgement) {
            Leave::Denied(why) => {
                let error = format!("denied and not run: {}. Go on without it", visible(&why));
                ended(Status::Denied, error, &command)
            }
            Leave::Asks(ask) if !approved => {
                let error = format!(
                    "this command needs a person's approval, and nobody can be asked here ({}); it was not run. Ask for \
                     something that only reads, as a plain pipeline, or put it into the answer as a step for a person",
                    ask.why
                );
                ended(Status::Denied, error, &command)
            }
            Leave::Runs | Leave::Asks(_) => {
                let reads = judgement.verdict == Verdict::Read && judgement.plan.is_some();
                self.perform(&command, timeout, (&judgement, reads), output, stop).await
            }
        }
    }
}

impl Tool for Bash {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &'static str {
        BASH
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        let command = params.get("command").and_then(Value::as_str).unwrap_or_default();
        format!("$ {}", short(command))
    }

    fn changes(&self, params: &Map<String, Value>) -> bool {
        self.call(params).is_ok_and(|(command, _)| self.policy.judge(&command).verdict != Verdict::Read)
    }

    fn asks(&self, params: &Map<String, Value>) -> Option<Ask> {
        let (command, _) = self.call(params).ok()?;
        match self.leave(&command, &self.policy.judge(&command)) {
            Leave::Asks(ask) => Some(*ask),
            Leave::Runs | Leave::Denied(_) => None,
        }
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        Box::pin(self.answer(params, false, output, stop))
    }

    fn run_approved<'a>(
        &'a self,
        params: &'a Map<String, Value>,
        output: &'a Path,
        stop: Stop,
    ) -> ToolFuture<'a> {
        Box::pin(self.answer(params, true, output, stop))
    }
}

fn ended(status: Status, error: String, command: &str) -> Outcome {
    Outcome {
        status,
        exit_code: None,
        error: Some(error),
        invocation: command.to_owned(),
        bytes: 0,
        lines: 0,
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// Whether the part begins with the prefix and does nothing that the prefix does not name: a prefix of a wrapper alone does not
/// cover what is wrapped, nor one of a program alone a sub-command of concern.
fn allows(prefix: &[String], part: &Part) -> bool {
    part.words.starts_with(prefix)
        && (part.verdict == Verdict::Read || part.action.split(' ').count() <= prefix.len())
}

/// Whether the prefix begins the part, or the command inside of a wrapper.
fn denies(prefix: &[String], part: &Part) -> bool {
    let action = words(&part.action);
    let inside = |from: usize| {
        let action = action.get(from..).unwrap_or_default();
        action.starts_with(prefix)
            || !action.is_empty()
                && prefix.starts_with(action)
                && part.words.windows(prefix.len()).any(|window| window == prefix)
    };
    part.words.starts_with(prefix) || (0..action.len()).any(inside)
}

fn short(command: &str) -> String {
    let line = command.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}
