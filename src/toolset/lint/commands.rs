//! What a simple command really runs: past assignments and wrappers such as `timeout 5`, `sudo`, `xargs`, into
//! `sh -c` and `find -exec`.

use crate::shell::survey::{Command, Survey, Word, survey};

/// Texts inside texts that are followed.
const DEPTH: usize = 4;

/// Options of clients with verbs that are followed by their value.
const TAKE_VALUES: &[&str] = &[
    "-n",
    "--namespace",
    "--context",
    "--cluster",
    "--kubeconfig",
    "--kube-context",
    "--as",
    "--request-timeout",
    "-C",
    "-H",
    "-h",
    "-p",
    "-a",
    "-u",
    "--user",
    "-s",
    "--host",
    "--port",
    "--project",
    "--region",
    "--profile",
    "--output",
    "--query",
    "--endpoint-url",
    "--endpoints",
    "--subscription",
    "--account",
    "--repo",
    "--server",
    "--address",
];

/// A program and its arguments.
#[derive(Debug, Clone)]
pub(super) struct Run {
    /// Without its folder.
    pub program: String,
    /// Byte of the template, for findings.
    pub at: usize,
    pub arguments: Vec<Word>,
    /// Under `timeout`, or asked only when something else ends.
    pub bounded: bool,
    pub keywords: Vec<String>,
    pub pipeline: usize,
    /// First of its command: no argument of `find -exec`, no inner script.
    pub outer: bool,
}

impl Run {
    /// Arguments that are no options. Values of options are among them: no list of options is whole.
    pub(super) fn operands(&self) -> impl Iterator<Item = &str> {
        self.texts().take_while(|text| *text != "--").filter(|text| !text.starts_with('-'))
    }

    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.arguments.iter().map(|word| word.text.as_str())
    }

    /// One of these options, alone or as `--name=value` (but not `=false`).
    pub(super) fn has(&self, names: &[&str]) -> bool {
        self.texts().any(|text| {
            let (name, value) = text.split_once('=').unwrap_or((text, ""));
            names.contains(&name) && value != "false"
        })
    }

    /// A short option among others behind one dash: `-sSm5`.
    pub(super) fn short(&self, letter: char) -> bool {
        self.texts().any(|text| {
            text.strip_prefix('-').is_some_and(|rest| {
                let letters = rest.trim_end_matches(|c: char| c.is_ascii_digit());
                letters.contains(letter) && letters.chars().all(|c| c.is_ascii_alphabetic())
            })
        })
    }

    /// The argument after an option, or what stands behind its `=`.
    pub(super) fn value(&self, names: &[&str]) -> Option<&Word> {
        let at = self.texts().position(|text| names.contains(&text))?;
        self.arguments.get(at + 1)
    }

    /// The first of `verbs` among the operands, and the operand after it.
    pub(super) fn verb<'a>(&'a self, verbs: &[&str]) -> Option<(&'a str, &'a str)> {
        let mut operands = self.plain().skip_while(|text| !verbs.contains(text));
        Some((operands.next()?, operands.next().unwrap_or_default()))
    }

    /// Operands without the values of options that clients have before their verbs: `-n scale get pods`.
    pub(super) fn plain(&self) -> impl Iterator<Item = &str> {
        let mut value = false;
        self.texts().take_while(|text| *text != "--").filter(move |text| {
            let skipped = std::mem::replace(&mut value, TAKE_VALUES.contains(text));
            !skipped && !text.starts_with('-')
        })
    }

    /// A short option alone, or first after others that take no value: `-Aw`, but not `-nweb`.
    pub(super) fn flag(&self, letter: char, others: &str) -> bool {
        self.texts().any(|text| {
            let letters = text.strip_prefix('-').unwrap_or_default();
            letters.chars().find(|c| *c == letter || !others.contains(*c)) == Some(letter)
        })
    }

    /// As people write it, shortened: the program and its first words.
    pub(super) fn shown(&self, words: usize) -> String {
        let mut shown = self.program.clone();
        for text in self.texts().take(words) {
            shown.push(' ');
            shown.extend(text.chars().take(40));
        }
        shown
    }
}

pub(super) fn is_shell(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "dash" | "ksh" | "zsh" | "ash" | "busybox")
}

/// Every program a text runs, inner ones after their outer.
pub(super) fn runs(surveyed: &Survey) -> Vec<Run> {
    let mut found = Vec::new();
    for command in &surveyed.commands {
        collect(command, None, false, 0, &mut found);
    }
    found
}

fn collect(command: &Command, at: Option<usize>, bounded: bool, depth: usize, found: &mut Vec<Run>) {
    let Some(mut run) = run(command) else { return };
    run.bounded |= bounded;
    if let Some(at) = at {
        run.at = at;
    }
    run.outer = depth == 0;
    let inner: Option<Vec<Word>> = match run.program.as_str() {
        "find" => {
            let exec = run.texts().position(|text| matches!(text, "-exec" | "-execdir" | "-ok"));
            exec.map(|at| run.arguments.iter().skip(at + 1).cloned().collect())
        }
        _ => None,
    };
    let script = is_shell(&run.program)
        .then(|| run.arguments.iter().position(|word| word.text.starts_with('-') && word.text.ends_with('c')))
        .flatten()
        .and_then(|at| run.arguments.get(at + 1))
        .or_else(|| {
            run.arguments.first().filter(|_| matches!(run.program.as_str(), "eval" | "trap" | "watch"))
        })
        .cloned();
    let remote = (run.program == "ssh").then(|| remote(&run)).flatten();
    let script = script.or(remote);
    let place = run.at;
    let bounded = run.bounded;
    found.push(run);
    if depth >= DEPTH {
        return;
    }
    if let Some(words) = inner {
        let inner = Command { words, keywords: Vec::new(), pipeline: command.pipeline };
        collect(&inner, Some(place), bounded, depth + 1, found);
    }
    if let Some(script) = script {
        for inner in &survey(&script.text, |_| String::new()).commands {
            collect(inner, Some(script.at), bounded, depth + 1, found);
        }
    }
}

/// What another machine is told to run: the words after its name.
fn remote(run: &Run) -> Option<Word> {
    const VALUES: &[&str] =
        &["-o", "-i", "-p", "-l", "-F", "-J", "-E", "-b", "-c", "-L", "-R", "-D", "-W", "-S"];
    let mut skip = 0;
    while let Some(word) = run.arguments.get(skip).filter(|word| word.text.starts_with('-')) {
        skip += 1 + usize::from(VALUES.contains(&word.text.as_str()));
    }
    let words = run.arguments.get(skip + 1..).filter(|words| !words.is_empty())?;
    let text: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    Some(Word { text: text.join(" "), ..words.first()?.clone() })
}

fn is_assignment(word: &Word) -> bool {
    word.text.split_once('=').is_some_and(|(name, _)| {
        let name = name.trim_end_matches('+');
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_[]".contains(&b))
    })
}

fn run(command: &Command) -> Option<Run> {
    let mut words = command.words.as_slice();
    let at = words.first()?.at;
    let mut bounded = false;
    loop {
        let start = words.iter().take_while(|word| is_assignment(word)).count();
        words = words.get(start..)?;
        let (program, rest) = words.split_first()?;
        let name = program.text.rsplit('/').next().unwrap_or_default();
        let takes: &[&str] = match name {
            "timeout" | "gtimeout" => &["-k", "-s", "--kill-after", "--signal"],
            "sudo" | "doas" => &["-u", "-g", "-h", "-p"],
            "nice" => &["-n"],
            "nsenter" => &["-t", "--target", "-S", "-G"],
            "ionice" => &["-c", "-n"],
            "stdbuf" => &["-i", "-o", "-e"],
            "env" => &["-u", "-C"],
            // With BSD's option it is looked at itself.
            "xargs" if !rest.iter().any(|word| word.text == "-J") => {
                &["-n", "-I", "-P", "-d", "-L", "-s", "-a", "-E", "-J", "-R"]
            }
            "nohup" | "setsid" | "setpriv" | "unshare" | "time" | "command" | "builtin" | "exec"
            | "unbuffer" => &[],
            _ => {
                return Some(Run {
                    program: name.to_owned(),
                    at,
                    arguments: rest.to_vec(),
                    bounded,
                    keywords: command.keywords.clone(),
                    pipeline: command.pipeline,
                    outer: true,
                });
            }
        };
        // `command -v program` runs nothing.
        if name == "command" && rest.first().is_some_and(|word| matches!(word.text.as_str(), "-v" | "-V")) {
            return None;
        }
        bounded |= name.ends_with("timeout");
        let mut skip = 0;
        while let Some(word) = rest.get(skip).filter(|word| word.text.starts_with('-')) {
            skip += 1 + usize::from(takes.contains(&word.text.as_str()));
        }
        words = rest.get(skip + usize::from(name.ends_with("timeout"))..)?;
    }
}
