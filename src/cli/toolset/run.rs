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
use super::super::options::{FormArgs, OutputFormat, ToolsetArgs};
use super::configured;
use crate::config::yaml::nearest;
use crate::evidence::{Exhibit, Redactor, Status, Store};
use crate::ui::{self, Progress, ProgressOptions};

/// Tokens of a view where nobody says otherwise: what a model with a window of 128K is given of one output.
const VIEW_TOKENS: u64 = 4000;

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Name of the tool
    #[arg(value_name = "TOOL")]
    tool: String,
    /// Parameters: key=value, or one JSON object
    #[arg(value_name = "KEY=VALUE", allow_hyphen_values = true)]
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
    let options = ProgressOptions { verbose: context.verbose, ..ProgressOptions::default() };
    let mut progress = Progress::new(context.stderr, options);
    let folder = tempfile::tempdir().map_err(io("a temporary folder"))?;
    let equipment = equipment::prepare(&config, &mut progress, context, folder.path(), &stopped).await?;
    let Some(tool) = equipment.toolbox.get(&args.tool) else {
        return Err(unknown(&args.tool, &equipment, &config, &mut progress)?);
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
    let outcome = tool.run(&params, &path, stopped).await;
    progress.hide();
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
        bytes: outcome.bytes,
        lines: outcome.lines,
        path,
        view: String::new(),
        condensed: false,
    };
    let exhibit = store.keep(exhibit).map_err(io("the tool's output"))?;
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
        let Some((key, value)) = word.split_once('=') else {
            let error = format!("parameters are `key=value`, got `{}`", ui::sanitize(word));
            return Err(Failure::new(Exit::Usage, error).hint("or one JSON object: '{\"key\": \"value\"}'"));
        };
        params.insert(key.to_owned(), Value::from(value));
    }
    Ok(params)
}

/// Why there is no such tool now: nobody has it, or its toolset cannot be used.
fn unknown(
    name: &str,
    equipment: &equipment::Equipment,
    config: &crate::config::Config,
    progress: &mut Progress,
) -> Result<Failure, Failure> {
    let known = equipment::Known::load(config, progress)?;
    let owner = known.toolsets.values().find(|toolset| toolset.tools.iter().any(|tool| tool.name == name));
    if let Some(owner) = owner {
        let reason = equipment.unusable.iter().find(|(toolset, _)| *toolset == owner.name);
        let reason = reason.map_or("is off", |(_, reason)| reason.as_str());
        let error = format!("tool `{name}` cannot be used: toolset `{}`: {reason}", owner.name);
        return Ok(Failure::new(Exit::RunTime, error)
            .hint(format!("`holmes-rs toolset check {}` tells more", owner.name)));
    }
    let names = equipment.toolbox.names();
    let failure = Failure::new(Exit::Usage, format!("there is no tool `{}`", ui::sanitize(name)));
    Ok(match nearest(name, &names) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("`holmes-rs toolset list` and `toolset show NAME` show them"),
    })
}
