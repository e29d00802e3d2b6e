//! `toolset run TOOL key=value…`: one tool by hand, as its author wants to see it and as a model would.

use std::rc::Rc;
use std::time::Instant;

use clap::Args;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::super::Context;
use super::super::config::as_json;
use super::super::equipment;
use super::super::failure::{Exit, Failure, io};
use super::super::known::Known;
use super::super::options::{FormArgs, OutputFormat, ToolsetArgs};
use super::{configured, progress};
use crate::config::yaml::nearest;
use crate::evidence::{Exhibit, Redactor, Status, Store};
use crate::toolset::{Readiness, Toolset, ToolsetKind};
use crate::ui;

/// Tokens of a view where nobody says otherwise: what a model with a window of 128K is given of one output.
const VIEW_TOKENS: u64 = 4000;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Name of the tool
    #[arg(value_name = "TOOL")]
    tool: String,
    /// Parameters: key=value, or one JSON object
    #[arg(value_name = "KEY=VALUE")]
    parameters: Vec<String>,
    /// Print the raw output, not what a model would get
    #[arg(long, conflicts_with = "view_tokens")]
    raw: bool,
    /// Tokens of output a model would get
    #[arg(long, value_name = "N", default_value_t = VIEW_TOKENS, value_parser = clap::value_parser!(u64).range(50..))]
    view_tokens: u64,
    #[command(flatten)]
    toolsets: ToolsetArgs,
    #[command(flatten)]
    form: FormArgs,
}

/// Runs the verb; an interrupt ends the tool, what it printed is kept.
pub(super) async fn run(
    args: RunArgs,
    context: &Context,
    stopped: watch::Receiver<bool>,
) -> Result<Exit, Failure> {
    let params = parameters(&args.parameters)?;
    let config = configured(&args.toolsets, context)?;
    let output = args.form.of(&config)?;
    let mut progress = progress(context);
    let folder = tempfile::tempdir().map_err(io("a temporary folder"))?;
    let mut known = Known::load(&config, &mut progress)?;
    let names = names(&known);
    only_owners(&mut known, &args.tool);
    let refresh = config.switch("refresh_toolsets")?;
    let (readiness, connected) = known.check(&config, &mut progress, &stopped, refresh).await?;
    if *stopped.borrow() {
        return Ok(Exit::Interrupted);
    }
    let equipment =
        equipment::equip(&known, &readiness, connected, &config, &mut progress, context, folder.path())?;
    let Some(tool) = equipment.toolbox.get(&args.tool) else {
        return Err(unknown(&args.tool, &known, &readiness, &names, &equipment));
    };
    let redactor = Rc::new(Redactor::new(context.environment.iter(), &[]));
    equipment.settings.iter().for_each(|settings| redactor.learn_settings(settings));
    redactor.learn(&params);
    let marker = uuid::Uuid::now_v7().simple().to_string().split_off(22);
    let mut store = Store::new(folder.path().to_owned(), marker, redactor, args.view_tokens);
    let (id, path) = store.allot();
    let description = tool.describe(&params);
    progress.busy(&store.shown(&description));
    let started = Instant::now();
    // Typed by a person: that is the approval.
    let outcome = tool.run_approved(&params, &path, stopped).await;
    equipment.toolbox.close().await;
    progress.hide();
    let programs = matches!(output, OutputFormat::Json | OutputFormat::Jsonl);
    let refused = outcome.status == Status::Error && outcome.invocation.is_empty() && outcome.bytes == 0;
    if let (true, false, Some(error)) = (refused, programs, &outcome.error) {
        // Nothing ran: the words were wrong.
        return Err(Failure::new(Exit::Usage, format!("tool `{}`: {}", args.tool, store.shown(error)))
            .hint(format!("`holmes-rs toolset show {}` tells what it takes", args.tool)));
    }
    let exhibit = Exhibit {
        id,
        call_id: "call_1".to_owned(),
        tool: args.tool.clone(),
        toolset: tool.toolset().to_owned(),
        description,
        params,
        invocation: outcome.invocation,
        status: outcome.status,
        exit_code: outcome.exit_code,
        error: outcome.error,
        seconds: started.elapsed().as_secs_f64(),
        started_seconds: 0.0,
        bytes: outcome.bytes,
        lines: outcome.lines,
        path,
        view: String::new(),
        condensed: false,
        summary: None,
        flagged: None,
    };
    let exhibit = store.keep(exhibit).map_err(io("the tool's output"))?;
    equipment::recheck(&config, std::slice::from_ref(&exhibit));
    match output {
        OutputFormat::Json | OutputFormat::Jsonl => {
            ui::write_stdout(as_json(&told(&exhibit, args.raw), output).as_bytes()).map_err(io("stdout"))?;
        }
        _ if args.raw => {
            if exhibit.bytes > 0 {
                let mut file = std::fs::File::open(&exhibit.path).map_err(io("the tool's output"))?;
                ui::copy_to_stdout(&mut file).map_err(io("stdout"))?;
            }
            if let Some(error) = &exhibit.error {
                context.say(&format!("error: {error}"));
            }
        }
        _ => {
            let mut view = exhibit.view.clone();
            if !view.ends_with('\n') {
                view.push('\n');
            }
            ui::write_stdout(view.as_bytes()).map_err(io("stdout"))?;
        }
    }
    Ok(match exhibit.status {
        Status::Success | Status::NoData => Exit::Answered,
        Status::Interrupted => Exit::Interrupted,
        Status::Denied => Exit::Denied,
        Status::Error if refused => Exit::Usage,
        Status::Error | Status::TimedOut => Exit::RunTime,
    })
}

fn told(exhibit: &Exhibit, raw: bool) -> Value {
    let data = if raw {
        std::fs::read(&exhibit.path)
            .map_or_else(|_| String::new(), |bytes| String::from_utf8_lossy(&bytes).into_owned())
    } else {
        exhibit.view.clone()
    };
    json!({
        "tool": exhibit.tool,
        "toolset": exhibit.toolset,
        "params": exhibit.params,
        "invocation": exhibit.invocation,
        "status": exhibit.status,
        "exit_code": exhibit.exit_code,
        "error": exhibit.error,
        "seconds": exhibit.seconds,
        "bytes": exhibit.bytes,
        "lines": exhibit.lines,
        "condensed": exhibit.condensed,
        "data": data,
    })
}

/// `key=value` words, or one JSON object; the values are read by the parameters' types later.
fn parameters(words: &[String]) -> Result<Map<String, Value>, Failure> {
    if let [one] = words
        && one.trim_start().starts_with('{')
    {
        return serde_json::from_str(one).map_err(|error| {
            Failure::new(Exit::Usage, format!("the parameters are no JSON object: {error}"))
        });
    }
    let mut params = Map::new();
    for word in words {
        let Some((key, value)) = word.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            let error = format!("parameters are `key=value`, got `{}`", ui::sanitize(word));
            return Err(Failure::new(Exit::Usage, error).hint("or one JSON object: '{\"key\": \"value\"}'"));
        };
        if params.insert(key.to_owned(), Value::from(value)).is_some() {
            let error = format!("parameter `{}` is given twice", ui::sanitize(key));
            return Err(Failure::new(Exit::Usage, error).hint("a list is one value: `key='[\"a\", \"b\"]'`"));
        }
    }
    Ok(params)
}

/// Leaves the toolsets that have the tool: nothing else needs to be checked. Where none says so itself, a
/// server's may, and those have to be asked.
fn only_owners(known: &mut Known, tool: &str) {
    let has = |toolset: &Toolset| {
        toolset.tools.iter().any(|one| one.name == tool) || equipment::brings(&toolset.name, tool)
    };
    if known.toolsets.values().any(has) {
        known.toolsets.retain(|_, toolset| has(toolset));
    } else {
        known.toolsets.retain(|_, toolset| toolset.kind != ToolsetKind::Commands);
    }
}

/// Why there is no such tool now: nobody has it, or its toolset cannot be used.
fn unknown(
    name: &str,
    known: &Known,
    readiness: &[Readiness],
    names: &[String],
    equipment: &equipment::Equipment,
) -> Failure {
    // What a server gives is not known before it answers, but such tools are named after their toolset.
    let named_after = |toolset: &Toolset| {
        let plain = toolset.name.replace(|c: char| !c.is_ascii_alphanumeric(), "_");
        toolset.kind != ToolsetKind::Commands
            && name.strip_prefix(&plain).is_some_and(|rest| rest.starts_with('_'))
    };
    let own = |toolset: &Toolset| toolset.tools.iter().position(|tool| tool.name == name);
    let owner = known.toolsets.values().find(|toolset| own(toolset).is_some() || named_after(toolset));
    if let Some(owner) = owner {
        let tool = own(owner).and_then(|index| owner.tools.get(index));
        let ready = readiness.iter().find(|ready| ready.name == owner.name);
        let broken = tool.and_then(|tool| tool.broken.as_deref());
        let reason = broken.or(ready.map(|ready| ready.reason.as_str())).unwrap_or_default();
        let reason = if reason.is_empty() { "it is off" } else { reason };
        let error = format!("tool `{name}` cannot be used: toolset `{}`: {reason}", owner.name);
        return Failure::new(Exit::RunTime, error)
            .hint(format!("`holmes-rs toolset check {}` tells more", owner.name));
    }
    let names: Vec<&str> = names.iter().map(String::as_str).chain(equipment.toolbox.names()).collect();
    let failure = Failure::new(Exit::Usage, format!("there is no tool `{}`", ui::sanitize(name)));
    match nearest(name, &names) {
        Some(near) if near == name => {
            failure.hint(format!("`{near}` is a toolset: `holmes-rs toolset show {near}` lists its tools"))
        }
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`holmes-rs toolset list` and `toolset show NAME` show them"),
    }
}

/// Of every tool and toolset that a file names.
fn names(known: &Known) -> Vec<String> {
    let tools = known.toolsets.values().flat_map(|one| &one.tools).map(|tool| tool.name.clone());
    tools.chain(known.toolsets.keys().cloned()).collect()
}
