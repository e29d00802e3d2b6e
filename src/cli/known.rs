//! All toolsets that any source names, and which of them can be used here.
//!
//! Reads, checks and connects; what becomes of the ready ones is `equipment`'s.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;

use super::failure::{Exit, Failure};
use crate::cli::context::trust;
use crate::config::Config;
use crate::config::yaml::nearest;
use crate::shell::{Containment, State as Contained, Stop};
use crate::tools::{self, Connected, Surroundings};
use crate::toolset::cache::Cache;
use crate::toolset::prerequisites::Answer;
use crate::toolset::{self, LoadError, Readiness, ReadinessStatus, ToolsetKind, Toolsets};
use crate::ui::Progress;

/// All toolsets that any source names.
pub(super) struct Known {
    pub toolsets: Toolsets,
    environment: BTreeMap<String, String>,
    /// What commands that only read may write; `None` where that is switched off.
    pub(super) containment: Option<Arc<Containment>>,
}

impl Known {
    /// Reads every source; what is odd is said on stderr.
    pub(super) fn load(config: &Config, progress: &mut Progress) -> Result<Self, Failure> {
        let (known, odd) = Self::read(config)?;
        for warning in odd {
            progress.warning(&warning);
        }
        Ok(known)
    }

    /// Reads every source; with what is odd, one line each.
    pub(super) fn read(config: &Config) -> Result<(Self, Vec<String>), Failure> {
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
        let odd = loaded.warnings.iter().map(ToString::to_string).collect();
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
                toolset.auto = false;
            }
        }
        // The model's key is of no use to a prerequisite either.
        let keys = config.model_key_names();
        let environment: BTreeMap<String, String> =
            environment.into_iter().filter(|(name, _)| !keys.contains(name)).collect();
        let containment = match config.text("containment")?.as_deref() {
            Some("off") => None,
            _ => Some(Arc::new(Containment::of_run(environment.clone()))),
        };
        Ok((Self { toolsets, environment, containment }, odd))
    }

    /// What commands that only read are held by; `None`: switched off.
    pub(super) fn containment(&self) -> Option<&Arc<Containment>> {
        self.containment.as_ref()
    }

    /// Says that commands are not contained where that was wanted; with `-v`, how they are.
    pub(super) fn tell_containment(&self, verbose: u8, progress: &mut Progress) {
        match &self.containment {
            Some(held) if verbose > 0 => progress.note(&held.told()),
            Some(held) if matches!(held.state(), Contained::Missing { .. }) && cfg!(target_os = "linux") => {
                let remedy = "`containment: off` in the configuration stops this note";
                progress.note(&format!("{}; {remedy}", held.told()));
            }
            None if verbose > 0 => progress.note("not contained: `containment: off`"),
            _ => {}
        }
    }

    /// Checks every toolset at the same time, with a spinner where someone watches. Toolsets that are no
    /// commands are asked for their tools: whether that works is whether they are ready.
    pub(super) async fn check(
        &self,
        config: &Config,
        progress: &mut Progress,
        stop: &Stop,
        refresh: bool,
    ) -> Result<(Vec<Readiness>, BTreeMap<String, Connected>), Failure> {
        let path = cache_file(config);
        let now = SystemTime::now();
        let mut cache = if refresh { Cache::empty(path, now) } else { Cache::open(path, now) };
        let wanted = self.toolsets.values().filter(|toolset| toolset.enabled).count();
        let mut left = wanted;
        progress.busy(&checking(wanted));
        let held = self.containment.as_ref();
        let mut readiness = toolset::prerequisites::check(
            &self.toolsets,
            &self.environment,
            held,
            Some(&mut cache),
            stop,
            |ready| {
                // Those that are off are told at once, and nobody waits for them.
                if self.toolsets.get(&ready.name).is_some_and(|toolset| toolset.enabled) {
                    left = left.saturating_sub(1);
                }
                if left > 0 {
                    progress.busy(&checking(left));
                }
            },
        )
        .await;
        cache.save();
        let connected = self.connect(config, &mut readiness, stop).await?;
        progress.hide();
        Ok((readiness, connected))
    }

    /// Asks every prerequisite of these toolsets, past the cache, which learns what they said.
    pub(super) async fn examine(
        &self,
        names: &[String],
        config: &Config,
        progress: &mut Progress,
        stop: &Stop,
    ) -> Result<(Vec<(Readiness, Vec<Answer>)>, BTreeMap<String, Connected>), Failure> {
        let mut cache = Cache::open(cache_file(config), SystemTime::now());
        progress.busy(&checking(names.len()));
        let held = self.containment.as_ref();
        let asked = names.iter().filter_map(|name| self.toolsets.get(name));
        let asked =
            asked.map(|toolset| toolset::prerequisites::report(toolset, &self.environment, held, stop));
        let answered = futures_util::future::join_all(asked).await;
        let (mut readiness, answers): (Vec<Readiness>, Vec<Vec<Answer>>) = answered.into_iter().unzip();
        for ready in &readiness {
            if let Some(toolset) = self.toolsets.get(&ready.name) {
                cache.put(toolset, &self.environment, ready);
            }
        }
        cache.save();
        let connected = self.connect(config, &mut readiness, stop).await?;
        progress.hide();
        Ok((readiness.into_iter().zip(answers).collect(), connected))
    }

    /// What prerequisites are asked with.
    pub(super) fn environment(&self) -> &BTreeMap<String, String> {
        &self.environment
    }

    /// Asks those that are ready and no commands for their tools; what answers not is ready no more.
    pub(super) async fn connect(
        &self,
        config: &Config,
        readiness: &mut [Readiness],
        stop: &Stop,
    ) -> Result<BTreeMap<String, Connected>, Failure> {
        let surroundings = Surroundings {
            caller: self.environment.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            trust: trust(config)?,
            timeout: config.limits()?.tool_timeout,
        };
        let mut asked = FuturesUnordered::new();
        for ready in readiness {
            let toolset = self.toolsets.get(&ready.name).filter(|one| one.kind != ToolsetKind::Commands);
            if let (Some(toolset), ReadinessStatus::Enabled) = (toolset, ready.status) {
                let surroundings = &surroundings;
                asked.push(async move {
                    let started = Instant::now();
                    let answered = tools::connect(toolset, surroundings, stop.clone()).await;
                    let taken = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
                    ready.milliseconds = ready.milliseconds.saturating_add(taken);
                    match answered {
                        Ok(connected) => Some((ready.name.clone(), connected)),
                        Err(reason) => {
                            ready.status = ReadinessStatus::Failed;
                            ready.reason = reason;
                            None
                        }
                    }
                });
            }
        }
        let mut connected = BTreeMap::new();
        while let Some(one) = asked.next().await {
            connected.extend(one);
        }
        Ok(connected)
    }
}

fn checking(left: usize) -> String {
    if left == 1 { "checking 1 toolset".to_owned() } else { format!("checking {left} toolsets") }
}

pub(super) fn cache_file(config: &Config) -> PathBuf {
    config.folders().cache.join("toolsets_status.json")
}
