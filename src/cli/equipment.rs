//! The tools of a run: toolsets read, prerequisites checked, usable ones put into the box.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::Context;
use super::failure::{Exit, Failure};
use crate::agent::{Event, Unusable};
use crate::config::Config;
use crate::config::yaml::nearest;
use crate::evidence::{self, Exhibit, Status};
use crate::shell::Stop;
use crate::tools::{CommandTool, ReadExhibit, Toolbox};
use crate::toolset::cache::{self, Cache};
use crate::toolset::{self, LoadError, Readiness, ReadinessStatus, Toolset, Toolsets};
use crate::ui::Progress;

/// What a run can use, and what it cannot.
pub(super) struct Equipment {
    pub toolbox: Toolbox,
    /// `llm_instructions` of the usable toolsets.
    pub instructions: Vec<String>,
    /// Toolsets that were wanted and cannot be used: name and reason.
    pub unusable: Vec<(String, String)>,
    usable: Vec<String>,
    /// What each unusable toolset is about: its name and the descriptions of its tools, in lower case.
    about: BTreeMap<String, String>,
    /// The machine's name.
    pub host: String,
}

impl Equipment {
    /// Puts what the question speaks of first among what cannot be used.
    pub(super) fn order_by(&mut self, question: &str) {
        let about = |name: &str| self.about.get(name).map_or("", String::as_str);
        evidence::order_by_question(question, &mut self.unusable, about);
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
    let readiness = known.check(config, progress, stop, config.switch("refresh_toolsets")?).await?;
    let caller: Vec<(String, String)> =
        context.environment.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let mut equipment = Equipment {
        toolbox: Toolbox::default(),
        instructions: Vec::new(),
        unusable: Vec::new(),
        usable: Vec::new(),
        about: BTreeMap::new(),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
    };
    for ready in &readiness {
        let Some(toolset) = known.toolsets.get(&ready.name) else {
            continue;
        };
        match ready.status {
            ReadinessStatus::Disabled => {}
            ReadinessStatus::Failed => {
                equipment.about.insert(ready.name.clone(), about(toolset));
                equipment.unusable.push((ready.name.clone(), ready.reason.clone()));
            }
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
        match toolset::instructions(toolset) {
            Ok(text) => self.instructions.extend(text),
            Err(reason) => progress.warning(&reason),
        }
        Ok(())
    }
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

fn cache_file(config: &Config) -> PathBuf {
    config.folders().cache.join("toolsets_status.json")
}

fn about(toolset: &Toolset) -> String {
    let mut about = format!("{} {}", toolset.name, toolset.description);
    for tool in &toolset.tools {
        about.push(' ');
        about.push_str(&tool.description);
    }
    about.to_lowercase()
}

/// All toolsets that any source names.
pub(super) struct Known {
    pub toolsets: Toolsets,
    environment: BTreeMap<String, String>,
}

impl Known {
    /// Reads every source; what is odd is said on stderr.
    pub(super) fn load(config: &Config, progress: &mut Progress) -> Result<Self, Failure> {
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
        .map_err(|error| match error {
            LoadError::Missing { .. } => Failure::new(Exit::Usage, error),
            LoadError::Unreadable { .. } | LoadError::Yaml(_) => Failure::new(Exit::Configuration, error),
        })?;
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
    pub(super) async fn check(
        &self,
        config: &Config,
        progress: &mut Progress,
        stop: &Stop,
        refresh: bool,
    ) -> Result<Vec<Readiness>, Failure> {
        let path = cache_file(config);
        let now = SystemTime::now();
        let mut cache = if refresh { Cache::empty(path, now) } else { Cache::open(path, now) };
        let wanted = self.toolsets.values().filter(|toolset| toolset.enabled).count();
        let mut left = wanted;
        progress.busy(&checking(wanted));
        let readiness =
            toolset::prerequisites::check(&self.toolsets, &self.environment, Some(&mut cache), stop, |_| {
                left = left.saturating_sub(1);
                progress.busy(&checking(left));
            })
            .await;
        progress.hide();
        cache.save();
        Ok(readiness)
    }
}

fn checking(left: usize) -> String {
    if left == 1 { "checking 1 toolset".to_owned() } else { format!("checking {left} toolsets") }
}
