//! A tool that is a shell command of a toolset: arguments checked, command rendered, run, outcome judged.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::approval::is_match;
use super::parameters::checked;
use super::{Outcome, Tool, ToolFuture};
use crate::agent::ToolSpec;
use crate::approval::is_cluster_program;
use crate::evidence::Status;
use crate::shell::template::{
    Given, Rendered, environment_names, render, render_plain, variables, without_secrets,
};
use crate::shell::{Containment, Ending, Finished, Limits, Script, Stop, environment, run};
use crate::toolset::{Parameter, ToolDefinition, Toolset};

/// A tool made from a definition in a toolset.
#[derive(Debug, Clone)]
pub struct CommandTool {
    spec: ToolSpec,
    toolset: String,
    definition: ToolDefinition,
    config: Map<String, Value>,
    /// Shell filter for the output of a successful command.
    filter: Option<String>,
    /// The environment of its process, values of a call apart.
    env: Vec<(String, String)>,
    environment: BTreeMap<String, String>,
    limits: Limits,
    /// What its process may write, for a tool that only reads.
    containment: Option<Arc<Containment>>,
    /// Its toolset has a person asked first.
    asks: bool,
}

impl CommandTool {
    /// Makes the tool `definition` of `toolset`. `caller` is the environment of this program.
    ///
    /// # Errors
    /// The reason, with its place, for a template that does not parse: this tool cannot be used, its siblings can.
    pub fn new(
        toolset: &Toolset,
        definition: &ToolDefinition,
        caller: &[(String, String)],
    ) -> Result<Self, String> {
        let placed = |reason: &dyn std::fmt::Display| {
            if definition.place.is_empty() {
                format!("tool `{}`: {reason}", definition.name)
            } else {
                format!("{}: tool `{}`: {reason}", definition.place, definition.name)
            }
        };
        if let Some(broken) = &definition.broken {
            return Err(placed(broken));
        }
        variables(&definition.template).map_err(|error| placed(&error))?;
        if let Some(jq) = definition.jq.as_deref().filter(|jq| program_parameter(jq).is_none()) {
            if jq.contains("{{") {
                return Err(placed(&"`jq` takes parameters as `$name`, not as `{{ name }}`"));
            }
            let names: Vec<&str> = definition.parameters.iter().map(|one| one.name.as_str()).collect();
            crate::jq::check(jq, &names).map_err(|error| placed(&error))?;
        }
        let mut wanted = environment_names(&definition.template);
        // The tool's own comes before its toolset's.
        let filter = definition.additional_instructions.as_ref().or(toolset.additional_instructions.as_ref());
        if let Some(filter) = filter {
            wanted.extend(environment_names(filter));
        }
        wanted.extend(definition.env.iter().cloned());
        let wanted: Vec<String> = wanted.into_iter().collect();
        let env = environment(caller, &wanted);
        Ok(Self {
            spec: ToolSpec {
                name: definition.name.clone(),
                description: definition.description.trim().to_owned(),
                parameters: schema(&definition.parameters),
            },
            toolset: toolset.name.clone(),
            config: toolset.config.clone(),
            filter: filter.filter(|filter| !filter.trim().is_empty()).cloned(),
            environment: env.iter().cloned().collect(),
            env,
            limits: Limits {
                timeout: definition.timeout.unwrap_or(Limits::default().timeout),
                ..Limits::default()
            },
            definition: definition.clone(),
            containment: None,
            asks: toolset.approval_required_tools.iter().any(|glob| is_match(glob, &definition.name, true)),
        })
    }

    /// Holds its processes to what `run` lets be written, and to its own `writable`, unless it may change things, a
    /// person is asked before it runs and nothing says that it only reads, or its file says that it cannot be contained.
    #[must_use]
    pub fn contained(mut self, run: Option<&Arc<Containment>>) -> Self {
        let reads =
            self.definition.read_only.unwrap_or(!self.asks) && self.definition.contained != Some(false);
        self.containment = run.filter(|_| reads).map(|run| match self.definition.writable.as_slice() {
            [] => Arc::clone(run),
            paths => Arc::new(run.with(paths)),
        });
        self
    }

    fn given<'a>(&'a self, values: &'a Map<String, Value>) -> Given<'a> {
        Given {
            values,
            config: &self.config,
            environment: &self.environment,
            allow_options: self.definition.allow_options,
        }
    }

    fn prepare(&self, params: &Map<String, Value>) -> Result<Rendered, String> {
        let values = checked(&self.definition.parameters, params).map_err(|error| error.to_string())?;
        render(&self.definition.template, self.given(&values)).map_err(|error| error.to_string())
    }

    async fn perform(&self, params: &Map<String, Value>, output: &Path, stop: Stop) -> Outcome {
        let mut outcome = self.performed(params, output, stop).await;
        outcome.error = outcome.error.map(|error| without_secrets(&error, &self.config));
        outcome
    }

    async fn performed(&self, params: &Map<String, Value>, output: &Path, stop: Stop) -> Outcome {
        let rendered = match self.prepare(params) {
            Ok(rendered) => rendered,
            Err(error) => return failed(error, String::new()),
        };
        let mut env = self.env.clone();
        env.extend(rendered.env);
        let script = Script {
            text: rendered.text,
            env,
            workdir: self.workdir(),
            stdin: None,
            containment: self.containment.clone(),
        };
        let finished = match run(&script, output, self.limits, stop.clone()).await {
            Ok(finished) => finished,
            Err(error) => return failed(unstartable(&error), rendered.invocation),
        };
        let mut outcome = judged(&finished, &script.text, self.limits, rendered.invocation);
        let remark = self.containment.as_ref().zip(finished.last_error_line.as_deref());
        if let Some(remark) = remark.and_then(|(containment, line)| containment.remark(line))
            && let Some(error) = outcome.error.as_mut().filter(|_| outcome.exit_code != Some(126))
        {
            _ = write!(error, " ({remark})");
        }
        if outcome.status == Status::Success
            && let Some(jq) = &self.definition.jq
        {
            let stage = match self.selection(jq, params) {
                Ok(stage) => stage,
                Err(error) => return failed(error, outcome.invocation),
            };
            if let Err(problem) = piped(stage, output, self.limits, stop.clone(), &mut outcome).await {
                outcome.status = Status::Error;
                outcome.error = Some(problem);
            }
        }
        if outcome.status == Status::Success
            && let Some(filter) = &self.filter
        {
            let stage = self.stage(filter.to_owned(), Vec::new());
            if let Err(problem) = piped(stage, output, self.limits, stop, &mut outcome).await {
                let problem = format!("additional_instructions failed, output is unfiltered: {problem}");
                outcome.error = Some(problem);
            }
        }
        outcome
    }

    /// `~` is the home of the person who runs this.
    fn workdir(&self) -> Option<PathBuf> {
        let said = self.definition.workdir.as_deref()?;
        let home = self.environment.get("HOME").filter(|home| !home.is_empty());
        Some(match (said.strip_prefix('~'), home) {
            (Some(""), Some(home)) => PathBuf::from(home),
            (Some(rest), Some(home)) if rest.starts_with('/') => {
                Path::new(home).join(rest.trim_start_matches('/'))
            }
            _ => PathBuf::from(said),
        })
    }

    fn stage(&self, text: String, values: Vec<(String, String)>) -> Script {
        let mut env = self.env.clone();
        env.extend(values);
        Script { text, env, workdir: self.workdir(), stdin: None, containment: self.containment.clone() }
    }

    /// The built-in jq in a process of its own. Parameters are its variables, so that none is ever program
    /// text, but for `jq: "{{ expression }}"`, where the parameter is the program.
    fn selection(&self, jq: &str, params: &Map<String, Value>) -> Result<Script, String> {
        let values = checked(&self.definition.parameters, params).map_err(|error| error.to_string())?;
        let given = |name: &str| values.get(name).cloned().unwrap_or_default();
        let program = match program_parameter(jq) {
            Some(name) => match given(name) {
                Value::String(program) if !program.trim().is_empty() => program,
                _ => ".".to_owned(),
            },
            None => jq.to_owned(),
        };
        let mut text = "exec \"$HOLMES_RS\" jq --raw-output --compact-output".to_owned();
        let mut env = vec![("HOLMES_ARG_PROGRAM".to_owned(), program)];
        let parameters = self.definition.parameters.iter().filter(|one| is_identifier(&one.name));
        for (index, parameter) in parameters.enumerate() {
            let variable = format!("HOLMES_ARG_JQ{index}");
            _ = write!(text, " --argjson {} \"${variable}\"", parameter.name);
            env.push((variable, given(&parameter.name).to_string()));
        }
        text.push_str(" \"$HOLMES_ARG_PROGRAM\"");
        Ok(self.stage(text, env))
    }
}

/// Replaces the output by what `script` makes of it; keeps it, and says why, where that fails.
pub(super) async fn piped(
    mut script: Script,
    output: &Path,
    limits: Limits,
    stop: Stop,
    outcome: &mut Outcome,
) -> Result<(), String> {
    script.stdin = Some(output.to_owned());
    let mut place = output.as_os_str().to_owned();
    place.push(".filtered");
    let place = PathBuf::from(place);
    let result = run(&script, &place, limits, stop).await;
    let problem = match result {
        Ok(finished) if finished.ending == Ending::Exited(0) => match std::fs::rename(&place, output) {
            Ok(()) => {
                outcome.bytes = finished.bytes;
                outcome.lines = finished.lines;
                if finished.bytes == 0 {
                    outcome.status = Status::NoData;
                }
                return Ok(());
            }
            Err(error) => error.to_string(),
        },
        // A filter that lets nothing through has said so.
        Ok(finished)
            if finished.ending == Ending::Exited(1) && finished.bytes == 0 && searches(&script.text) =>
        {
            match std::fs::rename(&place, output) {
                Ok(()) => {
                    (outcome.bytes, outcome.lines) = (0, 0);
                    outcome.status = Status::NoData;
                    return Ok(());
                }
                Err(error) => error.to_string(),
            }
        }
        Ok(finished) => reason(&finished, &script.text, limits),
        Err(error) => unstartable(&error),
    };
    // What it left behind is of no use; the unfiltered output is still there.
    let _ = std::fs::remove_file(&place);
    Err(problem)
}

/// The parameter that is the whole program: `{{ name }}`.
fn program_parameter(jq: &str) -> Option<&str> {
    let name = jq.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
    is_identifier(name).then_some(name)
}

fn is_identifier(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

impl Tool for CommandTool {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn toolset(&self) -> &str {
        &self.toolset
    }

    fn describe(&self, params: &Map<String, Value>) -> String {
        let template = self.definition.user_description.as_deref().filter(|text| !text.trim().is_empty());
        let rendered = template.and_then(|text| render_plain(text, self.given(params)).ok());
        rendered.filter(|text| !text.is_empty()).unwrap_or_else(|| {
            let mut line = self.spec.name.clone();
            for (name, value) in params.iter().filter(|(_, value)| !value.is_null()) {
                line.push(' ');
                line.push_str(name);
                line.push('=');
                match value {
                    Value::String(text) => line.push_str(text),
                    other => line.push_str(&other.to_string()),
                }
            }
            let words = line.split(|c: char| c.is_whitespace() || c.is_control());
            words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
        })
    }

    fn changes(&self, _params: &Map<String, Value>) -> bool {
        self.definition.read_only == Some(false)
    }

    fn reaches_cluster(&self) -> bool {
        let words =
            self.definition.template.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_'));
        words.into_iter().any(is_cluster_program)
    }

    fn run<'a>(&'a self, params: &'a Map<String, Value>, output: &'a Path, stop: Stop) -> ToolFuture<'a> {
        Box::pin(self.perform(params, output, stop))
    }
}

/// The JSON schema a model gets: only keys that say something, in the order of the definition.
pub(super) fn schema(parameters: &[Parameter]) -> Value {
    let mut properties = Map::new();
    for parameter in parameters {
        let mut property = Map::new();
        match parameter.types.as_slice() {
            [] => {}
            [one] => {
                property.insert("type".to_owned(), json!(one));
            }
            several => {
                property.insert("type".to_owned(), json!(several));
            }
        }
        let description = parameter.description.trim();
        if !description.is_empty() {
            property.insert("description".to_owned(), json!(description));
        }
        if !parameter.choices.is_empty() {
            property.insert("enum".to_owned(), json!(parameter.choices));
        }
        if let Some(default) = &parameter.default {
            property.insert("default".to_owned(), default.clone());
        }
        property.extend(parameter.schema.clone());
        properties.insert(parameter.name.clone(), Value::Object(property));
    }
    let required: Vec<&str> = parameters
        .iter()
        .filter(|parameter| parameter.required && parameter.default.is_none())
        .map(|parameter| parameter.name.as_str())
        .collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    Value::Object(schema)
}

fn failed(error: String, invocation: String) -> Outcome {
    Outcome { status: Status::Error, exit_code: None, error: Some(error), invocation, bytes: 0, lines: 0 }
}

fn unstartable(error: &io::Error) -> String {
    if error.kind() == io::ErrorKind::ArgumentListTooLong {
        "the values are too long for a command line, send shorter ones".to_owned()
    } else {
        format!("cannot run: {error}")
    }
}

pub(super) fn judged(finished: &Finished, text: &str, limits: Limits, invocation: String) -> Outcome {
    let (status, exit_code) = match finished.ending {
        Ending::Exited(0) if finished.bytes == 0 => (Status::NoData, Some(0)),
        Ending::Exited(0) => (Status::Success, Some(0)),
        // A search that found nothing: nothing on either stream says that nothing went wrong.
        Ending::Exited(1) if finished.bytes == 0 && searches(text) => (Status::NoData, Some(1)),
        Ending::Exited(code) => (Status::Error, Some(code)),
        Ending::Signalled(_) | Ending::Unwritable | Ending::NoTerminal => (Status::Error, None),
        Ending::OutputLimit => (Status::Success, None),
        Ending::TimedOut => (Status::TimedOut, None),
        Ending::Stopped => (Status::Interrupted, None),
    };
    let complete = matches!(finished.ending, Ending::Exited(_));
    let error = (status == Status::Error || !complete).then(|| reason(finished, text, limits));
    Outcome { status, exit_code, error, invocation, bytes: finished.bytes, lines: finished.lines }
}

/// Whether a program whose exit code 1 means "nothing found" is in the command.
fn searches(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || "|;&(){}`'\"".contains(c))
        .map(|word| word.rsplit('/').next().unwrap_or(word))
        .any(|word| matches!(word, "grep" | "egrep" | "fgrep" | "zgrep" | "rg" | "ag" | "ack" | "pgrep"))
}

/// Why it failed, in one line.
fn reason(finished: &Finished, text: &str, limits: Limits) -> String {
    let last = finished.last_error_line.as_deref();
    let with = |head: String| match last {
        Some(line) => format!("{head}: {line}"),
        None => head,
    };
    match finished.ending {
        Ending::Exited(127) => with("exit 127, a program is not installed or not in PATH".to_owned()),
        Ending::Exited(126) => with("exit 126, a program may not be executed".to_owned()),
        Ending::Exited(137) => with("exit 137, a program was killed: out of memory, or by hand".to_owned()),
        Ending::Exited(152) => with("exit 152, a program used more processor time than it has".to_owned()),
        Ending::Exited(153) => with("exit 153, a program wrote a larger file than it may".to_owned()),
        Ending::Exited(1) if last.is_none() && searches(text) => "exit 1: no match".to_owned(),
        Ending::Exited(code) if last.is_none() => format!("exit {code}, no output"),
        Ending::Exited(code) if last.is_some_and(short_of_memory) => {
            format!(
                "{} (a tool's program is given half of this machine's memory: ask for less)",
                with(format!("exit {code}"))
            )
        }
        Ending::Exited(code) => with(format!("exit {code}")),
        Ending::Signalled(9) => with("killed by signal 9 (out of memory, or killed by hand)".to_owned()),
        Ending::Signalled(signal) => with(format!("killed by signal {signal}")),
        Ending::TimedOut => format!(
            "timed out after {}, {} bytes of output kept; ask for less, or raise the tool's `timeout`",
            seconds(limits.timeout),
            finished.bytes
        ),
        Ending::OutputLimit => format!("output cut at {} bytes, ask for less", finished.bytes),
        Ending::Unwritable => format!(
            "output cut at {} bytes, it cannot be written any further: is the disk full?",
            finished.bytes
        ),
        Ending::NoTerminal => with(
            "ended, as it asks the terminal for something (a password?) and a tool has none: give it a file or a \
             variable to read from"
                .to_owned(),
        ),
        Ending::Stopped => "interrupted".to_owned(),
    }
}

/// As the C library, Go, Java, Python and C++ say it.
fn short_of_memory(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["cannot allocate memory", "out of memory", "outofmemory", "memoryerror", "bad_alloc", "memory exhausted"]
        .iter()
        .any(|words| line.contains(words))
}

fn seconds(time: Duration) -> String {
    if time.subsec_millis() == 0 {
        format!("{} s", time.as_secs())
    } else {
        format!("{:.1} s", time.as_secs_f64())
    }
}

#[cfg(test)]
mod tests;
