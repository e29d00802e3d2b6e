//! What was looked at, and how that is shown: a screen for people, a table for tickets, an object for programs.
//!
//! Everything passes here on its way out: secrets are taken away and nothing steers a terminal.

use std::cell::RefCell;
use std::collections::BTreeSet;

use anstyle::{AnsiColor, Style};
use serde_json::{Value, json};

use super::super::config::as_json;
use super::super::options::OutputFormat;
use crate::evidence::Redactor;
use crate::ui::{Table, Terminal, sanitize, wrapped};

/// Names stand in a column of their own up to this width.
const NAME_WIDTH: usize = 16;

/// In the order in which one leads to the next.
const KUBERNETES: [&str; 5] = ["kubectl", "kubeconfig", "context", "server", "may get pods"];

/// Where a check belongs; sections are shown in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Section {
    Program,
    Configuration,
    Folders,
    Model,
    Network,
    Kubernetes,
    Toolsets,
    Servers,
    Programs,
    Sandbox,
    Terminal,
}

impl Section {
    pub(super) const ALL: [Section; 11] = [
        Section::Program,
        Section::Configuration,
        Section::Folders,
        Section::Model,
        Section::Network,
        Section::Kubernetes,
        Section::Toolsets,
        Section::Servers,
        Section::Programs,
        Section::Sandbox,
        Section::Terminal,
    ];

    /// As programs are told.
    pub(super) fn name(self) -> &'static str {
        match self {
            Section::Program => "program",
            Section::Configuration => "configuration",
            Section::Folders => "folders",
            Section::Model => "model",
            Section::Network => "network",
            Section::Kubernetes => "kubernetes",
            Section::Toolsets => "toolsets",
            Section::Servers => "mcp_servers",
            Section::Programs => "programs",
            Section::Sandbox => "sandbox",
            Section::Terminal => "terminal",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Section::Program => "Program",
            Section::Configuration => "Configuration",
            Section::Folders => "Folders",
            Section::Model => "Model",
            Section::Network => "Network",
            Section::Kubernetes => "Kubernetes",
            Section::Toolsets => "Toolsets",
            Section::Servers => "MCP servers",
            Section::Programs => "Other programs",
            Section::Sandbox => "Sandbox",
            Section::Terminal => "Terminal",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Ok,
    /// Something works less well than it could.
    Warning,
    /// Something that was asked for does not work.
    Problem,
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Status::Ok => "ok",
            Status::Warning => "warning",
            Status::Problem => "problem",
        }
    }

    fn colour(self) -> AnsiColor {
        match self {
            Status::Ok => AnsiColor::Green,
            Status::Warning => AnsiColor::Yellow,
            Status::Problem => AnsiColor::Red,
        }
    }
}

/// What becomes of a good one on a screen, where there are many of its kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Folded {
    No,
    /// One of so many that can be used.
    Usable,
    /// Off, or without its service.
    Off,
    /// A program, by its version.
    Installed,
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone)]
pub(super) struct Check {
    pub section: Section,
    pub name: String,
    pub status: Status,
    /// What is the case, in one line.
    pub detail: String,
    /// What to do about it.
    pub fix: Option<String>,
    pub milliseconds: Option<u64>,
    folded: Folded,
}

impl Check {
    fn new(section: Section, status: Status, name: &str, detail: impl Into<String>) -> Self {
        Self {
            section,
            name: name.to_owned(),
            status,
            detail: detail.into(),
            fix: None,
            milliseconds: None,
            folded: Folded::No,
        }
    }

    pub(super) fn ok(section: Section, name: &str, detail: impl Into<String>) -> Self {
        Self::new(section, Status::Ok, name, detail)
    }

    pub(super) fn warning(section: Section, name: &str, detail: impl Into<String>) -> Self {
        Self::new(section, Status::Warning, name, detail)
    }

    pub(super) fn problem(section: Section, name: &str, detail: impl Into<String>) -> Self {
        Self::new(section, Status::Problem, name, detail)
    }

    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into()).filter(|fix| !fix.trim().is_empty());
        self
    }

    pub(super) fn took(mut self, milliseconds: u64) -> Self {
        self.milliseconds = Some(milliseconds);
        self
    }

    pub(super) fn usable(mut self) -> Self {
        self.folded = Folded::Usable;
        self
    }

    pub(super) fn off(mut self) -> Self {
        self.folded = Folded::Off;
        self
    }

    pub(super) fn installed(mut self) -> Self {
        self.folded = Folded::Installed;
        self
    }

    pub(super) fn missing(mut self) -> Self {
        self.folded = Folded::Missing;
        self
    }

    /// Where it is shown: what comes in at the same time has an order all the same.
    fn place(&self) -> (Section, usize, &str) {
        match self.section {
            Section::Kubernetes => (
                self.section,
                KUBERNETES.iter().position(|name| *name == self.name).unwrap_or(usize::MAX),
                "",
            ),
            Section::Toolsets | Section::Servers | Section::Programs => (self.section, 0, &self.name),
            _ => (self.section, 0, ""),
        }
    }

    fn json(&self) -> Value {
        json!({
            "section": self.section.name(),
            "name": self.name,
            "status": self.status.word(),
            "detail": self.detail,
            "fix": self.fix,
            "milliseconds": self.milliseconds,
        })
    }
}

/// Checks as they come in, from all sections at once.
pub(super) struct Report {
    checks: RefCell<Vec<Check>>,
    open: RefCell<BTreeSet<Section>>,
    redactor: Redactor,
}

impl Report {
    pub(super) fn new(redactor: Redactor) -> Self {
        Self { checks: RefCell::default(), open: RefCell::default(), redactor }
    }

    pub(super) fn add(&self, check: Check) {
        self.checks.borrow_mut().push(check);
    }

    /// Values that must not be shown from here on.
    pub(super) fn learn(&self, settings: &serde_json::Map<String, Value>) {
        self.redactor.learn_settings(settings);
    }

    pub(super) fn begin(&self, section: Section) {
        self.open.borrow_mut().insert(section);
    }

    pub(super) fn end(&self, section: Section) {
        self.open.borrow_mut().remove(&section);
    }

    /// Everything that is known, in order, fit to be shown to anyone; what is still going on is said.
    pub(super) fn close(self) -> Vec<Check> {
        let mut checks = self.checks.into_inner();
        for section in self.open.into_inner() {
            checks.push(Check::warning(section, "unfinished", "interrupted before it was known"));
        }
        let clean = |text: &str| {
            // A key that is cut in two by a line feed is no key any more: first the secrets.
            let text = self.redactor.redact(text);
            let text = sanitize(&text);
            let words: Vec<&str> = text.split_whitespace().collect();
            without_number(&words.join(" "))
        };
        for check in &mut checks {
            check.name = clean(&check.name);
            check.detail = clean(&check.detail);
            check.fix = check.fix.as_deref().map(clean);
        }
        checks.sort_by(|one, other| one.place().cmp(&other.place()));
        checks
    }
}

/// Without Rust's `(os error 2)`, which helps nobody who reads the words.
fn without_number(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(" (os error ") {
        out.push_str(before);
        let tail = after.trim_start_matches(|digit: char| digit.is_ascii_digit());
        rest = tail.strip_prefix(')').unwrap_or(tail);
    }
    out + rest
}

pub(super) fn has_problem(checks: &[Check]) -> bool {
    checks.iter().any(|check| check.status == Status::Problem)
}

/// The report in the form that was asked for.
pub(super) fn shown(checks: &[Check], output: OutputFormat, verbose: bool, terminal: &Terminal) -> String {
    match output {
        OutputFormat::Json => {
            let checks: Vec<Value> = checks.iter().map(Check::json).collect();
            let ok = !checks.iter().any(|check| check["status"] == "problem");
            as_json(&json!({"schema_version": "1", "ok": ok, "checks": checks}), output)
        }
        OutputFormat::Jsonl => checks.iter().map(|check| as_json(&check.json(), output)).collect(),
        OutputFormat::Markdown => markdown(&folded(checks, verbose)),
        OutputFormat::Text | OutputFormat::Html => text(&folded(checks, verbose), terminal),
    }
}

fn markdown(checks: &[Check]) -> String {
    let mut table = Table::new(&["section", "check", "status", "detail", "fix", "ms"]);
    for check in checks {
        table.row([
            check.section.title().to_owned(),
            check.name.clone(),
            check.status.word().to_owned(),
            check.detail.clone(),
            check.fix.clone().unwrap_or_default(),
            check.milliseconds.map(|taken| taken.to_string()).unwrap_or_default(),
        ]);
    }
    format!("{}\n{}\n", table.to_markdown(), summary(checks))
}

fn text(checks: &[Check], terminal: &Terminal) -> String {
    let mut out = String::new();
    let width = terminal.tty.then_some(terminal.width);
    let mut section = None;
    for check in checks {
        if section != Some(check.section) {
            section = Some(check.section);
            out.push_str(&styled(check.section.title(), Style::new().bold(), terminal));
            out.push('\n');
        }
        let word = check.status.word();
        let indent = " ".repeat(2 + 8 + 1 + NAME_WIDTH + 1);
        let mut detail = if check.detail.is_empty() { "-".to_owned() } else { check.detail.clone() };
        if let Some(taken) = check.milliseconds {
            detail = format!("{detail} ({taken} ms)");
        }
        // Names of toolsets may be longer than their column: what is said of them stands below.
        let long = check.name.chars().count() > NAME_WIDTH;
        let head = format!("  {word:<8} {:<NAME_WIDTH$} ", check.name);
        let mut line = if long {
            let names = wrapped(&check.name, &format!("  {word:<8} "), &" ".repeat(11), width);
            format!("{names}{}", wrapped(&detail, &indent, &indent, width))
        } else {
            wrapped(&detail, &head, &indent, width)
        };
        if terminal.colour {
            let style = Style::new().fg_color(Some(check.status.colour().into()));
            line = line.replacen(word, &format!("{style}{word}{style:#}"), 1);
        }
        out.push_str(&line);
        if let Some(fix) = &check.fix {
            out.push_str(&wrapped(fix, &format!("{}→ ", " ".repeat(11)), &" ".repeat(13), width));
        }
    }
    if !terminal.unicode {
        out = out.replace('→', ">").replace('…', "...");
    }
    format!("{out}\n{}\n", summary(checks))
}

fn styled(text: &str, style: Style, terminal: &Terminal) -> String {
    if terminal.colour { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

fn summary(checks: &[Check]) -> String {
    let count = |status| checks.iter().filter(|check| check.status == status).count();
    let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
    match (count(Status::Problem), count(Status::Warning)) {
        (0, 0) => "Everything is in order.".to_owned(),
        (0, warnings) => format!("No problem, {}.", plural(warnings, "warning")),
        (problems, 0) => format!("{}.", plural(problems, "problem")),
        (problems, warnings) => format!("{}, {}.", plural(problems, "problem"), plural(warnings, "warning")),
    }
}

/// As people read it: what is good and of one kind on one line, what fails alike on one line.
fn folded(checks: &[Check], verbose: bool) -> Vec<Check> {
    if verbose {
        return checks.to_vec();
    }
    let mut out: Vec<Check> = Vec::new();
    for section in Section::ALL {
        let here: Vec<&Check> = checks.iter().filter(|check| check.section == section).collect();
        let of = |folded| here.iter().filter(move |check| check.folded == folded);
        let (usable, off) = (of(Folded::Usable).count(), of(Folded::Off).count());
        let slowest = of(Folded::Usable).filter_map(|check| check.milliseconds).max();
        if usable + off > 0 {
            let off =
                if off > 0 { format!(", {off} off or without their service here") } else { String::new() };
            let mut check = Check::ok(section, "usable", format!("{usable}{off}; -v lists them"));
            check.milliseconds = slowest;
            out.push(check);
        }
        for (folded, name) in [(Folded::Installed, "installed"), (Folded::Missing, "not installed")] {
            let words: Vec<String> = of(folded)
                .map(|check| match folded {
                    Folded::Installed => format!("{} {}", check.name, check.detail),
                    _ => check.name.clone(),
                })
                .collect();
            if !words.is_empty() {
                out.push(Check::ok(section, name, words.join(", ")));
            }
        }
        for check in here.into_iter().filter(|check| check.folded == Folded::No) {
            let alike = |other: &&mut Check| {
                section == Section::Toolsets
                    && other.section == section
                    && check.status != Status::Ok
                    && (other.status, &other.detail) == (check.status, &check.detail)
            };
            match out.iter_mut().find(alike) {
                Some(other) => {
                    other.name = format!("{}, {}", other.name, check.name);
                    other.milliseconds = other.milliseconds.max(check.milliseconds);
                }
                None => out.push(check.clone()),
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Check> {
        let report = Report::new(Redactor::new([("SHOP_TOKEN", "hunter2hunter2")], &[]));
        report.begin(Section::Model);
        report.add(Check::ok(Section::Toolsets, "a", "").usable().took(3));
        report.add(Check::ok(Section::Toolsets, "b", "").usable().took(30));
        report.add(Check::ok(Section::Toolsets, "c", "off").off());
        for name in ["kubernetes/core", "kubernetes/logs"] {
            report.add(
                Check::warning(Section::Toolsets, name, "`kubectl` is not installed")
                    .fix("install kubectl\nnow"),
            );
        }
        report.add(Check::ok(Section::Programs, "jq", "1.6").installed());
        report.add(Check::ok(Section::Programs, "helm", "not installed").missing());
        report.add(Check::problem(
            Section::Network,
            "\u{1b}]0;owned\u{7}proxy",
            "says hunter2hunter2\u{1b}[2J No such file (os error 2)",
        ));
        report.close()
    }

    #[test]
    fn a_report_is_folded_for_people() {
        let text = shown(&sample(), OutputFormat::Text, false, &Terminal::plain());
        for line in [
            "  warning  unfinished       interrupted before it was known\n",
            "  ok       usable           2, 1 off or without their service here; -v lists them (30 ms)\n",
            "  warning  kubernetes/core, kubernetes/logs\n                            `kubectl` is not installed\n           → install kubectl now\n",
            "  ok       installed        jq 1.6\n  ok       not installed    helm\n",
            "  problem  proxy            says ",
            "No such file\n",
            "\n1 problem, 2 warnings.\n",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
        assert!(!text.contains("hunter2") && !text.contains('\u{1b}') && !text.contains("owned"), "{text}");
        let verbose = shown(&sample(), OutputFormat::Text, true, &Terminal::plain());
        assert_eq!(verbose.matches("`kubectl` is not installed").count(), 2, "{verbose}");
    }

    #[test]
    fn programs_get_every_check() {
        let text = shown(&sample(), OutputFormat::Json, false, &Terminal::plain());
        let value: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&value["schema_version"], &value["ok"]), (&json!("1"), &json!(false)));
        assert_eq!(value["checks"].as_array().map(Vec::len), Some(9));
        assert!(!text.contains("hunter2"), "{text}");
    }
}
