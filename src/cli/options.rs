//! Options that several verbs share, as typed; `flags` hands them to `config` as its topmost layer.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgAction, Args, ValueEnum};

use super::deliveries::DeliveryArgs;
use super::failure::{Exit, Failure};
use crate::config::{Config, Flags, parse_duration};
use crate::ui::{Table, Terminal};

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct GlobalArgs {
    /// Configuration file, in place of ~/.holmes/config.yaml
    #[arg(long, global = true, value_name = "FILE", help_heading = "Global options")]
    pub config: Option<PathBuf>,
    /// Say more on stderr: -v each request and toolset, -vv every event [env: HOLMES_LOG=debug, trace]
    #[arg(short, long, global = true, action = ArgAction::Count, help_heading = "Global options")]
    pub verbose: u8,
}

/// The form of a list or a page on stdout.
#[derive(Debug, Clone, Copy, Default, Args)]
pub(super) struct FormArgs {
    /// Form of the result on stdout: text, json, jsonl or markdown [default: text]
    #[arg(short, long, value_enum, value_name = "FORMAT", hide_possible_values = true)]
    output: Option<OutputFormat>,
}

impl FormArgs {
    /// The form that was typed, else `configured` where lists have it. There is no page of HTML for a list.
    pub(super) fn settle(self, configured: Option<&str>) -> Result<OutputFormat, Failure> {
        match self.output {
            Some(OutputFormat::Html) => Err(Failure::new(Exit::Usage, "this command has no form `html`")
                .hint("it prints text, json, jsonl or markdown; `holmes-rs ask` prints html too")),
            Some(form) => Ok(form),
            None => {
                let form = configured.and_then(|name| OutputFormat::from_str(name, true).ok());
                Ok(form.filter(|form| *form != OutputFormat::Html).unwrap_or_default())
            }
        }
    }

    /// As `settle`, by the configuration.
    pub(super) fn of(self, config: &Config) -> Result<OutputFormat, Failure> {
        self.settle(config.text("output")?.as_deref())
    }
}

impl OutputFormat {
    /// A list in this form, where it is not one for programs.
    pub(super) fn table(self, table: &Table, terminal: &Terminal) -> String {
        if self == OutputFormat::Markdown { table.to_markdown() } else { table.render(terminal) }
    }
}

/// How a result is printed on stdout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// Markdown, rendered and coloured on a terminal, plain in a pipe
    #[default]
    Text,
    /// One object
    Json,
    /// One event a line, as it happens
    Jsonl,
    Markdown,
    /// One self-contained file
    Html,
}

/// Which model, and how it is talked to.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Model")]
pub(super) struct ModelArgs {
    /// Model name or an alias of the model list [env: MODEL]
    #[arg(long, value_name = "NAME")]
    pub model: Option<String>,
    /// Model for summaries of long outputs, where a toolset asks for them [env: FAST_MODEL]
    #[arg(long, value_name = "NAME")]
    pub fast_model: Option<String>,
    /// Base URL of an OpenAI-compatible endpoint [env: OPENAI_API_BASE]
    #[arg(long, value_name = "URL")]
    pub api_base: Option<String>,
    /// Key of the endpoint; the environment is a safer place for it [env: OPENAI_API_KEY]
    #[arg(long, value_name = "KEY")]
    pub api_key: Option<String>,
    /// Tokens the model can take in one request
    #[arg(long, value_name = "TOKENS", allow_negative_numbers = true)]
    pub context_window: Option<u64>,
    /// How the model calls tools: native, text (the ReAct protocol, for models that know no tool calls), or auto: text
    /// once the endpoint refuses tools [default: auto]
    #[arg(long, value_name = "HOW", value_parser = ["auto", "native", "text"], hide_possible_values = true)]
    pub tool_calling: Option<String>,
    /// Answer by the built-in rules, without a model
    #[arg(long)]
    pub no_llm: bool,
    /// When the model cannot be reached, answer by the built-in rules
    #[arg(long, conflicts_with = "no_llm")]
    pub no_llm_fallback: bool,
    /// Text added to the system prompt
    #[arg(long, value_name = "TEXT")]
    pub system_prompt_additions: Option<String>,
    /// Have the model rewrite its answer by this prompt (or file://PATH), in one more call
    #[arg(long, value_name = "TEXT")]
    pub post_processing_prompt: Option<String>,
}

/// When a run is made to end; it still answers.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Limits")]
pub(super) struct LimitArgs {
    /// Model calls with tools; one more asks for the answer [default: 100]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub max_steps: Option<u64>,
    /// Time for the whole run, such as 90s, 5m or 1h30m
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Tokens of all model calls together
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub max_tokens_total: Option<u64>,
    /// Cost of all model calls together
    #[arg(long, value_name = "USD", allow_negative_numbers = true)]
    pub max_cost: Option<f64>,
}

/// Which tools there are.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Toolsets")]
pub(super) struct ToolsetArgs {
    /// Toolset file or folder of them; may be given several times
    #[arg(short = 't', long = "custom-toolsets", value_name = "FILE|DIR")]
    pub custom_toolsets: Vec<PathBuf>,
    /// Use only these toolsets; may be given several times
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub toolset: Vec<String>,
    /// Check all prerequisites now, whatever the cache says
    #[arg(long)]
    pub refresh_toolsets: bool,
    /// Do not look for known faults of a cluster before the first model call
    #[arg(long)]
    pub no_detectors: bool,
}

/// Which runbooks there are besides ours.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Runbooks")]
pub(super) struct RunbookArgs {
    /// Runbook file, or folder of them: Markdown, SKILL.md, HolmesGPT's YAML or catalog.json; may be given several times
    #[arg(short = 'r', long = "custom-runbooks", value_name = "FILE|DIR")]
    pub custom_runbooks: Vec<PathBuf>,
}

/// What is printed, and where else it goes.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Form of the result on stdout [default: text]
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    pub output: Option<OutputFormat>,
    /// Also write the JSON result to this file
    #[arg(long, value_name = "FILE")]
    pub json_output_file: Option<PathBuf>,
    /// Show what each tool printed, on stderr
    #[arg(long)]
    pub show_tool_output: bool,
    /// Say on stderr what the model calls took
    #[arg(long)]
    pub log_costs: bool,
    /// Show what is sent to models exactly as it is sent, on stderr or in FILE; what a model wrote goes back to it unchanged
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub show_egress: Option<String>,
    /// Exit 8 when a problem was found, 7 when the verdict is inconclusive
    #[arg(long)]
    pub exit_status: bool,
    /// Keep no record of the run
    #[arg(long)]
    pub no_record: bool,
    /// Repeat the question on stderr before the run
    #[arg(long, overrides_with = "no_echo")]
    pub echo: bool,
    /// Do not repeat the question
    #[arg(long)]
    pub no_echo: bool,
    #[command(flatten)]
    pub delivery: DeliveryArgs,
}

/// Where the settings of an investigation were typed.
#[derive(Clone, Copy)]
pub(super) struct Sources<'a> {
    pub model: &'a ModelArgs,
    pub limits: &'a LimitArgs,
    pub toolsets: &'a ToolsetArgs,
    pub output: &'a OutputArgs,
}

impl ModelArgs {
    /// What was typed about the model, as a layer of the configuration.
    pub(super) fn flags(&self) -> Flags {
        Flags {
            model: self.model.clone(),
            fast_model: self.fast_model.clone(),
            api_base: self.api_base.clone(),
            api_key: self.api_key.clone().map(Into::into),
            context_window: self.context_window,
            tool_calling: self.tool_calling.clone(),
            no_llm: self.no_llm,
            no_llm_fallback: self.no_llm_fallback,
            system_prompt_additions: self.system_prompt_additions.clone(),
            post_processing_prompt: self.post_processing_prompt.clone(),
            ..Flags::default()
        }
    }
}

/// What was typed after `--timeout`.
pub(super) fn timeout(typed: Option<&str>) -> Result<Option<Duration>, Failure> {
    let parse = |text| {
        parse_duration(text)
            .map_err(|needs| Failure::new(Exit::Usage, format!("`--timeout` takes {needs}, got `{text}`")))
    };
    typed.map(parse).transpose()
}

/// The shared options as the topmost layer of the configuration.
pub(super) fn flags(sources: Sources<'_>) -> Result<Flags, Failure> {
    let Sources { model, limits, toolsets, output } = sources;
    let timeout = timeout(limits.timeout.as_deref())?;
    let flags = output.delivery.flags(model.flags())?;
    Ok(Flags {
        max_steps: limits.max_steps,
        timeout,
        max_tokens_total: limits.max_tokens_total,
        max_cost: limits.max_cost,
        custom_toolsets: toolsets.custom_toolsets.clone(),
        toolset: toolsets.toolset.clone(),
        refresh_toolsets: toolsets.refresh_toolsets,
        no_detectors: toolsets.no_detectors,
        output: output.output.and_then(|form| Some(form.to_possible_value()?.get_name().to_owned())),
        json_output_file: output.json_output_file.clone(),
        show_tool_output: output.show_tool_output,
        log_costs: output.log_costs,
        show_egress: output.show_egress.clone(),
        exit_status: output.exit_status,
        no_record: output.no_record,
        echo: (output.echo || output.no_echo).then_some(output.echo),
        ..flags
    })
}
