//! `toolset lint`: mistakes in toolset files, for authors and their pipelines.

use std::io::Read as _;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::super::Context;
use super::super::config::as_json;
use super::super::failure::{Exit, Failure, io};
use super::super::options::{FormArgs, OutputFormat};
use super::clean;
use crate::config::yaml::MAX_BYTES;
use crate::toolset::LoadError;
use crate::toolset::lint::{Finding, Input, Level, lint, read};
use crate::ui::Table;

#[derive(Debug, Args)]
#[command(after_help = "A finding is silenced by `# lint: allow CODE` on its line or the line above.\n\n\
                        Exit codes: 0 no errors, 1 errors, 2 no such file")]
pub(super) struct LintArgs {
    /// Toolset files, folders of them, or - for stdin
    #[arg(value_name = "FILE|DIR", required = true)]
    paths: Vec<PathBuf>,
    /// Take warnings for errors
    #[arg(long)]
    strict: bool,
    #[command(flatten)]
    form: FormArgs,
}

pub(super) fn run(args: &LintArgs, context: &Context) -> Result<(String, Option<String>, Exit), Failure> {
    // Configuration says nothing here: a file is right or wrong on every machine alike.
    let output = args.form.settle(None)?;
    let mut inputs = Vec::new();
    for path in &args.paths {
        if path.as_os_str() == "-" {
            let mut bytes = Vec::new();
            std::io::stdin().take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(io("stdin"))?;
            inputs.push(Input { place: "stdin".to_owned(), bytes });
            continue;
        }
        let found = read(path).map_err(|error| match error {
            LoadError::Missing { .. } => Failure::new(Exit::Usage, error),
            other => Failure::new(Exit::RunTime, other),
        })?;
        if found.is_empty() {
            let error = format!("`{}` holds no `*.yaml` or `*.yml` file", path.display());
            return Err(Failure::new(Exit::Usage, error));
        }
        inputs.extend(found);
    }
    let mut findings = lint(&inputs);
    if args.strict {
        for finding in findings.iter_mut().filter(|finding| finding.level == Level::Warning) {
            finding.level = Level::Error;
        }
    }
    let failed = findings.iter().any(|finding| finding.level == Level::Error);
    let counted = summary(&findings, inputs.len());
    let exit = if failed { Exit::RunTime } else { Exit::Answered };
    Ok((shown(&findings, output, context), Some(counted), exit))
}

fn summary(findings: &[Finding], files: usize) -> String {
    let count = |level: Level| findings.iter().filter(|finding| finding.level == level).count();
    let said = |count: usize, what: &str| {
        if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
    };
    let files = said(files, "file");
    if findings.is_empty() {
        return format!("{files}: nothing to say");
    }
    let counted = [Level::Error, Level::Warning, Level::Note].map(|level| said(count(level), level.name()));
    format!("{files}: {}", counted.join(", "))
}

fn shown(findings: &[Finding], output: OutputFormat, context: &Context) -> String {
    match output {
        OutputFormat::Json => as_json(&json!(findings), output),
        OutputFormat::Jsonl => findings.iter().map(|finding| as_json(&json!(finding), output)).collect(),
        OutputFormat::Markdown => {
            let mut table = Table::new(&["PLACE", "LEVEL", "CODE", "MESSAGE", "REMEDY"]);
            for finding in findings {
                let place = place(finding);
                table.row([&place, finding.level.name(), finding.code, &finding.message, &finding.remedy]);
            }
            output.table(&table, &context.stdout)
        }
        OutputFormat::Text | OutputFormat::Html => findings.iter().map(line).collect(),
    }
}

fn place(finding: &Finding) -> String {
    match finding.line {
        0 => finding.file.clone(),
        line => format!("{}:{line}:{}", finding.file, finding.column.max(1)),
    }
}

fn line(finding: &Finding) -> String {
    let message: Vec<&str> = finding.message.split_whitespace().collect();
    let (level, code) = (finding.level.name(), finding.code);
    let mut text = clean(&format!("{}: {level}[{code}]: {}", place(finding), message.join(" ")));
    if !finding.remedy.is_empty() {
        text.push_str("\n    ");
        text.push_str(&clean(&finding.remedy.replace('\n', " ")));
    }
    text + "\n"
}
