//! The tools of a run: toolsets read, prerequisites checked, usable ones put into the box.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use minijinja::value::Serde;

use super::Context;
use super::failure::{Exit, Failure};
use crate::agent::{Event, Unusable};
use crate::config::Config;
use crate::config::yaml::nearest;
use crate::shell::Stop;
use crate::tools::{CommandTool, ReadExhibit, Toolbox};
use crate::toolset::cache::Cache;
use crate::toolset::{self, Readiness, ReadinessStatus, Toolset, Toolsets};
use crate::ui::Progress;

/// What a run can use, and what it cannot.
pub struct Equipment {
    pub toolbox: Toolbox,
    /// `llm_instructions` of the usable toolsets.
    pub instructions: Vec<String>,
    /// Toolsets that were wanted and cannot be used: name and reason.
    pub unusable: Vec<(String, String)>,
    usable: Vec<String>,
    /// The machine's name.
    pub host: String,
}

impl Equipment {
    /// What listeners are told.
    pub fn checked(&self) -> Event {
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
pub async fn prepare(
    config: &Config,
    progress: &mut Progress,
    context: &Context,
    raw: &Path,
    stop: &Stop,
) -> Result<Equipment, Failure> {
    let known = Known::load(config, progress)?;
    let readiness = known.check(config, progress, stop, config.switch("refresh_toolsets")?).await?;
    let caller: Vec<(String, String)> =
        context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut equipment = Equipment {
        toolbox: Toolbox::default(),
        instructions: Vec::new(),
        unusable: Vec::new(),
        usable: Vec::new(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    for ready in &readiness {
        let Some(toolset) = known.toolsets.get(&ready.name) else {
            continue;
        };
        match ready.status {
            ReadinessStatus::Disabled => {}
            ReadinessStatus::Failed => equipment.unusable.push((ready.name.clone(), ready.reason.clone())),
            ReadinessStatus::Enabled => equipment.add(toolset, &caller, config, progress)?,
        }
    }
    equipment.toolbox.add(Box::new(ReadExhibit::new(raw.to_owned())));
    Ok(equipment)
}

impl Equipment {
    fn add(
        &mut self,
        toolset: &Toolset,
        caller: &[(String, String)],
        config: &Config,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        let default_timeout = config.limits()?.tool_timeout;
        for definition in &toolset.tools {
            let mut definition = definition.clone();
            definition.timeout.get_or_insert(default_timeout);
            match CommandTool::new(toolset, &definition, caller) {
                Err(reason) => progress.warning(&reason),
                Ok(tool) => {
                    if let Some(second) = self.toolbox.add(Box::new(tool)) {
                        let first = self.toolbox.get(&definition.name).map_or("", |tool| tool.toolset());
                        progress.warning(&format!(
                            "tool `{}` of toolset `{}` is not used: toolset `{first}` has one of that name",
                            definition.name,
                            second.toolset(),
                        ));
                    }
                }
            }
        }
        self.usable.push(toolset.name.clone());
        if let Some(text) = &toolset.llm_instructions {
            match instructions(toolset, text) {
                Ok(text) => self.instructions.push(text),
                Err(error) => {
                    progress.warning(&format!("`llm_instructions` of toolset `{}`: {error:#}", toolset.name));
                }
            }
        }
        Ok(())
    }
}

/// A toolset's words to the model; a template that knows the names of its tools and its `config`.
fn instructions(toolset: &Toolset, text: &str) -> Result<String, minijinja::Error> {
    let names: Vec<String> = toolset.tools.iter().map(|tool| tool.name.clone()).collect();
    let values = minijinja::context! {
        tool_names => minijinja::Value::from(names),
        config => minijinja::Value::from(Serde(&toolset.config)),
    };
    let rendered = minijinja::Environment::new().render_str(text, values)?;
    Ok(rendered.trim().to_owned())
}

/// All toolsets that any source names.
pub struct Known {
    pub toolsets: Toolsets,
    environment: BTreeMap<String, String>,
}

impl Known {
    /// Reads every source; what is odd is said on stderr.
    pub fn load(config: &Config, progress: &mut Progress) -> Result<Self, Failure> {
        let sources = config.toolset_sources()?;
        let environment: BTreeMap<String, String> =
            config.environment().iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let catalogue = config.folders().config.join("toolsets");
        let loaded = toolset::load(
            &toolset::Sources {
                catalogue: catalogue.is_dir().then_some(catalogue),
                location: sources.location,
                blocks: sources.blocks.iter().map(|block| (block.key, &block.node)).collect(),
                files: sources.files,
                extra: sources.extra,
            },
            &environment,
        )
        .map_err(|error| Failure::new(Exit::Configuration, error))?;
        for warning in &loaded.warnings {
            progress.warning(&warning.to_string());
        }
        let mut toolsets = loaded.toolsets;
        for name in &sources.only {
            if !toolsets.contains_key(name) {
                let names: Vec<&str> = toolsets.keys().map(String::as_str).collect();
                let failure = Failure::new(Exit::Usage, format!("there is no toolset `{name}`"));
                return Err(match nearest(name, &names) {
                    Some(near) => failure.hint(format!("did you mean `{near}`?")),
                    None => failure.hint("`holmes-rs toolset list` shows them"),
                });
            }
        }
        if !sources.only.is_empty() {
            toolsets.retain(|name, _| sources.only.contains(name));
            for toolset in toolsets.values_mut() {
                toolset.enabled = true;
            }
        }
        Ok(Self { toolsets, environment })
    }

    /// Checks every toolset at the same time, with a spinner where someone watches.
    pub async fn check(
        &self,
        config: &Config,
        progress: &mut Progress,
        stop: &Stop,
        refresh: bool,
    ) -> Result<Vec<Readiness>, Failure> {
        let path = config.folders().cache.join("toolsets_status.json");
        let now = SystemTime::now();
        let mut cache = if refresh { Cache::empty(path, now) } else { Cache::open(path, now) };
        let wanted = self.toolsets.values().filter(|toolset| toolset.enabled).count();
        let mut left = wanted;
        progress.busy(&format!("checking {wanted} toolsets"));
        let readiness =
            toolset::prerequisites::check(&self.toolsets, &self.environment, Some(&mut cache), stop, |_| {
                left = left.saturating_sub(1);
                progress.busy(&format!("checking {left} toolsets"));
            })
            .await;
        progress.hide();
        cache.save();
        Ok(readiness)
    }
}
