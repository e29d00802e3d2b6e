//! The tools of a run: toolsets read, prerequisites checked, usable ones put into the box.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::Value;

use super::Context;
use super::failure::{Exit, Failure};
use super::known::{Known, cache_file};
use crate::agent::machine::{ANSWER_TOOL, State};
use crate::agent::{Event, Limits, Message, ToolSpec, Unusable, Usable};
use crate::answer::answer_tool;
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::evidence::{self, Exhibit, Status};
use crate::shell::{self, Containment, Stop};
use crate::tools::approval::{self, Rule};
use crate::tools::{
    self, Bash, CommandTool, Connected, KubernetesChanges, KubernetesFindings, ReadExhibit, Summary, Tool,
    Toolbox,
};
use crate::toolset::cache::{self, Cache};
use crate::toolset::{
    self, Parameter, Readiness, ReadinessStatus, ToolDefinition, Toolset, ToolsetKind, Toolsets,
};
use crate::ui::Progress;

/// The toolset whose prerequisites a cluster answers; builtin tools that read one come with it.
const CLUSTER: &str = "kubernetes/core";

/// Whether a builtin tool comes with a toolset.
pub(super) fn brings(toolset: &str, tool: &str) -> bool {
    toolset == CLUSTER && matches!(tool, "kubernetes_changes" | "kubernetes_findings")
        || toolset == tools::BASH && tool == "bash"
}

/// Puts the builtin tools beside those of the toolset that brings them: for pages about tools, not for runs.
pub(super) fn show_builtin(toolsets: &mut Toolsets) {
    if let Some(toolset) = toolsets.get_mut(tools::BASH) {
        let definition = ToolDefinition { place: "built in".to_owned(), ..described(&Bash::shown()) };
        toolset.tools.push(definition);
    }
    let Some(toolset) = toolsets.get_mut(CLUSTER) else { return };
    let builtin: [Box<dyn Tool>; 2] = [
        Box::new(KubernetesFindings::new(Vec::new())),
        Box::new(KubernetesChanges::new(&[], || SystemClock.now())),
    ];
    toolset.tools.extend(builtin.iter().map(|tool| ToolDefinition {
        read_only: Some(true),
        place: "built in".to_owned(),
        ..described(tool.as_ref())
    }));
}

/// What a run can use, and what it cannot.
pub(super) struct Equipment {
    pub toolbox: Toolbox,
    /// `llm_instructions` of the usable toolsets.
    pub instructions: Vec<String>,
    /// Toolsets that were wanted and cannot be used: name and reason.
    pub unusable: Vec<(String, String)>,
    /// `--toolset`: a person named what is to be used.
    pub named: bool,
    usable: Vec<String>,
    /// Usable toolsets that are on for everybody, or because the user says so; the others are on where they can be.
    wanted: BTreeSet<String>,
    /// What each unusable toolset is about: its name and the descriptions of its tools, in lower case.
    about: BTreeMap<String, String>,
    /// `config` of every toolset: what is secret in it must never be shown.
    pub settings: Vec<serde_json::Map<String, serde_json::Value>>,
    /// The machine's name.
    pub host: String,
}

impl Equipment {
    /// Puts what the question speaks of first among what cannot be used.
    pub(super) fn order_by(&mut self, question: &str) {
        let about = |name: &str| self.about.get(name).map_or("", String::as_str);
        evidence::order_by_question(question, &mut self.unusable, about);
    }

    /// Every tool but `read_exhibit`, as it may be offered to a model; and that one, which always is.
    pub(super) fn usable_tools(&self) -> (Vec<Usable>, Vec<ToolSpec>) {
        let (mut usable, mut always) = (Vec::new(), Vec::new());
        for (toolset, spec) in self.toolbox.with_toolsets() {
            if toolset == tools::EVIDENCE {
                always.push(spec.clone());
            } else {
                let first = self.wanted.contains(toolset);
                usable.push(Usable { spec: spec.clone(), toolset: toolset.to_owned(), first });
            }
        }
        (usable, always)
    }

    /// Adds tools of the program's own, unless a person said which toolsets are used.
    pub(super) fn provide(&mut self, tools: Vec<Box<dyn Tool>>) {
        for tool in tools.into_iter().filter(|_| !self.named) {
            let toolset = tool.toolset().to_owned();
            if self.toolbox.add(tool).is_none() && self.wanted.insert(toolset.clone()) {
                self.usable.push(toolset);
            }
        }
    }

    /// What the rules begin with: they pay nothing for tools and know no window.
    pub(super) fn for_rules(&self, opening: Vec<Message>, limits: Limits) -> State {
        let mut tools = self.toolbox.specs();
        tools.push(answer_tool());
        State::new(opening, tools, limits)
    }

    /// What listeners are told.
    pub(super) fn checked(&self) -> Event {
        Event::ToolsetsChecked {
            usable: self.usable.clone(),
            unusable: self
                .unusable
                .iter()
                .map(|(name, reason)| Unusable { name: name.clone(), reason: reason.clone() })
                .collect(),
        }
    }
}

/// Reads the toolsets and checks what they need; `raw` is where the run keeps its exhibits.
/// Schemas are only made for what is usable: nothing else costs tokens.
pub(super) async fn prepare(
    config: &Config,
    progress: &mut Progress,
    context: &Context,
    raw: &Path,
    stop: &Stop,
) -> Result<Equipment, Failure> {
    let known = Known::load(config, progress)?;
    let refresh = config.switch("refresh_toolsets")?;
    let (readiness, connected) = known.check(config, progress, stop, refresh).await?;
    equip(&known, &readiness, connected, config, progress, context, raw)
}

/// Puts the tools of what is ready into the box.
pub(super) fn equip(
    known: &Known,
    readiness: &[Readiness],
    mut connected: BTreeMap<String, Connected>,
    config: &Config,
    progress: &mut Progress,
    context: &Context,
    raw: &Path,
) -> Result<Equipment, Failure> {
    let keys = config.model_key_names();
    let caller: Vec<(String, String)> = context
        .environment
        .iter()
        .filter(|(name, _)| !keys.contains(*name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    known.tell_containment(context.verbose, progress);
    let mut equipment = Equipment {
        toolbox: Toolbox::default(),
        instructions: Vec::new(),
        unusable: Vec::new(),
        named: !config.toolset_sources()?.only.is_empty(),
        usable: Vec::new(),
        wanted: BTreeSet::new(),
        about: BTreeMap::new(),
        settings: known.toolsets.values().map(|toolset| toolset.config.clone()).collect(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    // What servers give comes last: no name of theirs can take the place of a tool that is known.
    let from_servers = |ready: &&Readiness| {
        known.toolsets.get(&ready.name).is_some_and(|one| one.kind != ToolsetKind::Commands)
    };
    let (servers, commands): (Vec<&Readiness>, Vec<&Readiness>) = readiness.iter().partition(from_servers);
    let mut reader = Some(ReadExhibit::new(raw.to_owned()));
    for ready in commands.into_iter().chain(servers) {
        let Some(toolset) = known.toolsets.get(&ready.name) else {
            continue;
        };
        if toolset.kind != ToolsetKind::Commands
            && let Some(reader) = reader.take()
        {
            equipment.toolbox.add(Box::new(reader));
        }
        match ready.status {
            ReadinessStatus::Disabled => {}
            ReadinessStatus::Failed => {
                equipment.about.insert(ready.name.clone(), about(toolset));
                equipment.unusable.push((ready.name.clone(), ready.reason.clone()));
            }
            ReadinessStatus::Enabled => {
                let given = connected.remove(&ready.name);
                equipment.add(toolset, given, &caller, known.containment.as_ref(), config, progress)?;
            }
        }
    }
    if let Some(reader) = reader {
        equipment.toolbox.add(Box::new(reader));
    }
    Ok(equipment)
}

impl Equipment {
    fn add(
        &mut self,
        toolset: &Toolset,
        connected: Option<Connected>,
        caller: &[(String, String)],
        containment: Option<&Arc<Containment>>,
        config: &Config,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let default_timeout = config.limits()?.tool_timeout;
        let mut tools: Vec<Box<dyn Tool>> = Vec::new();
        for definition in &toolset.tools {
            let mut definition = definition.clone();
            definition.timeout.get_or_insert(default_timeout);
            match CommandTool::new(toolset, &definition, caller) {
                Err(reason) => progress.warning(&reason),
                Ok(tool) => {
                    let tool = tool.contained(containment);
                    let summary = Summary::of(&definition.transformers);
                    tools.push(tools::summarised(Box::new(tool), summary));
                }
            }
        }
        // What is evidently wrong in a cluster, and what changed, is for whoever may ask it anything.
        if toolset.name == CLUSTER {
            if !config.switch("no_detectors")? {
                tools.push(Box::new(KubernetesFindings::new(shell::cluster_environment(caller))));
            }
            tools.push(Box::new(KubernetesChanges::new(caller, || SystemClock.now())));
        }
        if toolset.name == tools::BASH {
            match bash(toolset, caller, config) {
                Ok((tool, warnings)) => {
                    for warning in &warnings {
                        progress.warning(warning);
                    }
                    tools.push(Box::new(tool.contained(containment)));
                }
                Err(reason) => return Err(Failure::new(Exit::Configuration, reason)),
            }
        }
        let mut names = toolset.clone();
        if let Some(connected) = connected {
            for warning in &connected.warnings {
                progress.warning(warning);
            }
            names.tools = connected.tools.iter().map(|tool| described(tool.as_ref())).collect();
            // What a server or an address gives has no transformers of its own.
            let summary = Summary::of(&toolset.transformers);
            tools.extend(connected.tools.into_iter().map(|tool| tools::summarised(tool, summary.clone())));
            self.instructions.extend(connected.instructions);
        }
        if toolset.kind != ToolsetKind::Mcp {
            let given = tools.iter().map(|tool| tool.spec().name.clone());
            let all: Vec<String> = toolset.tools.iter().map(|tool| tool.name.clone()).chain(given).collect();
            for text in approval::idle(&toolset.approval_required_tools, &all) {
                progress.warning(&format!("toolset `{}`: {text}", toolset.name));
            }
        }
        for tool in tools {
            // A tool of a file that says so changes something whatever it is called with; servers have said it already.
            let changes = toolset.kind == ToolsetKind::Commands && tool.changes(&serde_json::Map::new());
            let asks = changes.then_some("its toolset says that it changes something");
            let rule = Rule { asks, names: vec![tool.spec().name.clone()] };
            let tool = approval::guarded(tool, &rule, &toolset.approval_required_tools, &[]);
            let taken = tool.spec().name == ANSWER_TOOL || self.toolbox.get(&tool.spec().name).is_some();
            let tool =
                if taken && toolset.kind != ToolsetKind::Commands { tools::prefixed(tool) } else { tool };
            if let Some(second) = self.toolbox.add(tool) {
                let name = &second.spec().name;
                let first = self.toolbox.get(name).map_or("", |tool| tool.toolset());
                progress.warning(&format!(
                    "tool `{name}` of toolset `{}` is not used: toolset `{first}` has one of that name",
                    second.toolset(),
                ));
            }
        }
        self.usable.push(toolset.name.clone());
        if !toolset.auto {
            self.wanted.insert(toolset.name.clone());
        }
        match toolset::instructions(&names) {
            Ok(text) => self.instructions.extend(text),
            Err(reason) => progress.warning(&reason),
        }
        Ok(())
    }
}

/// The tool for command lines, under the policy of the binary and of the configuration folder.
fn bash(
    toolset: &Toolset,
    caller: &[(String, String)],
    config: &Config,
) -> Result<(Bash, Vec<String>), String> {
    let mode = match (config.switch("bash_always_deny"), config.switch("bash_always_allow")) {
        (Ok(true), _) => tools::Mode::Deny,
        (Ok(false), Ok(true)) => tools::Mode::Allow,
        (Ok(false), Ok(false)) => tools::Mode::Ask,
        (Err(error), _) | (_, Err(error)) => return Err(error.to_string()),
    };
    let timeout = config.limits().map_err(|error| error.to_string())?.tool_timeout;
    let policy = super::policy::rules(config.folders())?;
    Ok(Bash::new(policy, &toolset.config, caller, timeout, mode))
}

/// Drops what the cache says of toolsets whose tools failed in this run as tools do that miss a program or
/// a credential: the next run looks again.
pub(super) fn recheck(config: &Config, exhibits: &[Exhibit]) {
    let unusable = exhibits.iter().filter(|exhibit| {
        let words = format!("{}\n{}", exhibit.error.as_deref().unwrap_or_default(), exhibit.view);
        exhibit.status == Status::Error && cache::looks_unusable(exhibit.exit_code, &words)
    });
    let names: BTreeSet<&str> = unusable.map(|exhibit| exhibit.toolset.as_str()).collect();
    if !names.is_empty() {
        let mut cache = Cache::open(cache_file(config), SystemTime::now());
        for name in names {
            cache.forget(name);
        }
        cache.save();
    }
}

/// A tool that a server gives, as one that a file describes: for lists and templates of names.
pub(super) fn described(tool: &dyn Tool) -> ToolDefinition {
    let spec = tool.spec();
    let required = spec.parameters.get("required").and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|one| one == name));
    let text =
        |value: &Value, key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let parameter = |(name, schema): (&String, &Value)| Parameter {
        name: name.clone(),
        description: text(schema, "description"),
        required: is_required(name),
        types: match schema.get("type") {
            Some(Value::String(one)) => vec![one.clone()],
            Some(Value::Array(several)) => {
                several.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => vec!["any".to_owned()],
        },
        choices: schema.get("enum").and_then(Value::as_array).cloned().unwrap_or_default(),
        default: schema.get("default").cloned(),
        schema: serde_json::Map::new(),
    };
    let properties = spec.parameters.get("properties").and_then(Value::as_object);
    ToolDefinition {
        name: spec.name.clone(),
        description: spec.description.clone(),
        parameters: properties.into_iter().flatten().map(parameter).collect(),
        ..ToolDefinition::default()
    }
}

fn about(toolset: &Toolset) -> String {
    let mut about = format!("{} {}", toolset.name, toolset.description);
    for tool in &toolset.tools {
        about.push(' ');
        about.push_str(&tool.description);
    }
    about.to_lowercase()
}
