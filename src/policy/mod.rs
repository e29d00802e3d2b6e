//! What a command line may do, judged before anything runs: each simple command in it by program, sub-command and options,
//! from the files of `policy/`.
//!
//! Pure: it runs nothing, reads no file but those of the policy, and no environment. What it cannot understand it calls
//! unknown; it never guesses that something is harmless.

mod arguments;
mod book;
mod judge;
mod languages;
mod parse;
mod paths;
#[cfg(test)]
mod tests;
mod word;

use std::path::Path;
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use book::Book;
use judge::{Found, Judge};
use parse::{Joint, LONGEST, Parsed, Simple, parse};

use crate::shell::plan::{Plan, Stage, Step, To, When};

/// What a command does, the gravest last: a line is as grave as the gravest of its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Looks, and shows nothing that opens doors.
    Read,
    /// Nobody can tell.
    Unknown,
    /// Reads credentials.
    Secret,
    /// Changes something.
    Change,
}

impl Verdict {
    /// As the command line and JSON write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Unknown => "unknown",
            Self::Secret => "secret",
            Self::Change => "change",
        }
    }
}

/// What a command line does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judgement {
    /// The gravest of its parts.
    pub verdict: Verdict,
    /// Its simple commands, in the order they are written.
    pub parts: Vec<Part>,
    /// What runs without a shell, exactly as it was judged; `None` where only a shell can run it.
    pub plan: Option<Plan>,
    /// The construct that needs a shell.
    pub shell_because: Option<String>,
}

/// One simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// As written.
    pub command: String,
    /// Its words, dequoted.
    pub words: Vec<String>,
    pub verdict: Verdict,
    /// The file and what it says, one line.
    pub rule: String,
    /// The program with its sub-command: `kubectl rollout restart`.
    pub action: String,
    pub namespace: Option<String>,
    pub context: Option<String>,
}

/// The rules by which command lines are judged.
#[derive(Debug, Default)]
pub struct Policy {
    /// Read when the first command is judged, where it is the binary's own: most runs judge none.
    book: OnceLock<Book>,
    /// Where commands stand.
    cwd: Option<String>,
    /// What a leading `~` stands for; without it a command with one needs a shell.
    home: Option<String>,
}

impl Policy {
    /// The rules of the binary.
    ///
    /// # Errors
    /// `file:line:column` and what is wrong there: never of a release, whose tests read these files.
    pub fn builtin() -> Result<Self, String> {
        Ok(Self { book: OnceLock::from(Book::load(None)?), ..Self::default() })
    }

    /// The rules of the binary, read when the first command is judged.
    #[must_use]
    pub fn later() -> Self {
        Self::default()
    }

    /// A policy that knows no program: everything is unknown.
    #[must_use]
    pub fn empty() -> Self {
        Self { book: OnceLock::from(Book::default()), ..Self::default() }
    }

    /// The book. Without one that can be read nothing is known, and so nothing passes for a read; the tests read the files of
    /// every release.
    fn book(&self) -> &Book {
        self.book.get_or_init(|| Book::load(None).unwrap_or_default())
    }

    /// Programs that two places of the binary's own files name.
    #[cfg(test)]
    fn duplicates(&self) -> &[String] {
        &self.book().duplicates
    }

    /// The rules of the binary with those of `folder`: a file there replaces the one of its name, or is added.
    ///
    /// # Errors
    /// A file that cannot be read or used: `file:line:column` and what is wrong there.
    pub fn load(folder: &Path) -> Result<Self, String> {
        Ok(Self { book: OnceLock::from(Book::load(Some(folder))?), ..Self::default() })
    }

    /// What a leading `~` stands for.
    #[must_use]
    pub fn at_home(mut self, home: Option<&str>) -> Self {
        self.home =
            home.filter(|home| home.starts_with('/')).map(|home| home.trim_end_matches('/').to_owned());
        self
    }

    /// The folder where commands stand: what they name is looked at from there.
    #[must_use]
    pub fn standing_in(mut self, folder: Option<&str>) -> Self {
        self.cwd = folder.filter(|folder| folder.starts_with('/')).map(str::to_owned);
        self
    }

    /// The programs that are known, and the file each stands in.
    pub fn programs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.book().programs.iter().map(|(name, program)| (name.as_str(), program.file.as_str()))
    }

    /// Judges a command line.
    #[must_use]
    pub fn judge(&self, command: &str) -> Judgement {
        if let Some(refused) = refused(command) {
            return whole(command, refused);
        }
        let parsed = parse(command, 0);
        let mut judge = Judge {
            book: self.book(),
            functions: Vec::new(),
            cwd: self.cwd.iter().cloned().collect(),
            fed: false,
        };
        let found = judge.all(&parsed, 0);
        let mut shell_because = parsed.needs_shell.clone();
        let mut parts = Vec::new();
        for (simple, found) in parsed.commands.iter().zip(found) {
            if let Some(builtin) = &found.builtin {
                shell_because.get_or_insert_with(|| builtin.clone());
            }
            parts.push(part(simple, found));
        }
        if let Some(unclear) = &parsed.unclear {
            parts.push(unclear_part(command, format!("not understood: {unclear}")));
        } else if parts.is_empty() {
            let what = if command.trim().is_empty() {
                "there is nothing to run"
            } else {
                "there is no command in it"
            };
            parts.push(unclear_part(command, what.to_owned()));
        }
        let plan = if parsed.unclear.is_none() && shell_because.is_none() {
            match self.plan(&parsed) {
                Ok(plan) => Some(plan),
                Err(construct) => {
                    shell_because = Some(construct);
                    None
                }
            }
        } else {
            shell_because.get_or_insert_with(|| "it is not understood".to_owned());
            None
        };
        let verdict = parts.iter().map(|part| part.verdict).max().unwrap_or(Verdict::Unknown);
        Judgement { verdict, parts, plan, shell_because }
    }

    fn plan(&self, parsed: &Parsed) -> Result<Plan, String> {
        let mut steps = Vec::new();
        for (joint, pipeline) in &parsed.steps {
            let mut stages = Vec::new();
            for at in pipeline {
                let simple = parsed.commands.get(*at).ok_or("a construct of bash")?;
                stages.push(self.stage(simple)?);
            }
            let when = match joint {
                Joint::Then => When::Always,
                Joint::And => When::Succeeded,
                Joint::Or => When::Failed,
            };
            steps.push(Step { when, stages });
        }
        if steps.is_empty() {
            return Err("there is no command in it".to_owned());
        }
        Ok(Plan { steps })
    }

    fn stage(&self, simple: &Simple) -> Result<Stage, String> {
        let mut argv = Vec::new();
        for word in &simple.words {
            argv.push(self.expanded(word)?);
        }
        if argv.is_empty() {
            return Err("a redirection or variable without a command".to_owned());
        }
        let mut stage = Stage { argv, env: Vec::new(), stdin: None, stdout: To::Out, stderr: To::Err };
        for (name, value) in &simple.assignments {
            // `NAME+=x` and `NAME[0]=x` are bash's.
            let text = value.text.strip_prefix(name.as_str()).and_then(|rest| rest.strip_prefix('='));
            match text {
                Some(text) if value.doubts.is_empty() && !text.contains('~') => {
                    stage.env.push((name.clone(), text.to_owned()));
                }
                _ => return Err("a variable before a command".to_owned()),
            }
        }
        for redirect in &simple.redirects {
            let target = self.expanded(&redirect.target)?;
            let harmless = (redirect.operator, redirect.descriptor.as_deref(), target.as_str());
            match harmless {
                ("<", None | Some("0"), path) => stage.stdin = Some(path.to_owned()),
                (">" | ">>", None | Some("1"), "/dev/null") => stage.stdout = To::Null,
                (">" | ">>", Some("2"), "/dev/null") => stage.stderr = To::Null,
                ("&>" | "&>>", None, "/dev/null") => (stage.stdout, stage.stderr) = (To::Null, To::Null),
                (">&", Some("2"), "1") => stage.stderr = stage.stdout,
                (">&", None | Some("1"), "2") => stage.stdout = stage.stderr,
                _ => return Err(format!("the redirection `{}{target}`", redirect.operator)),
            }
        }
        Ok(stage)
    }

    /// A word as the program gets it.
    fn expanded(&self, word: &word::Word) -> Result<String, String> {
        if let Some(doubt) = word.doubts.first() {
            return Err(doubt.describe());
        }
        match (&self.home, word.text.strip_prefix('~').filter(|_| word.tilde)) {
            (_, None) => Ok(word.text.clone()),
            (Some(home), Some(rest)) => Ok(format!("{home}{rest}")),
            (None, Some(_)) => Err("a home folder (`~`)".to_owned()),
        }
    }
}

fn part(simple: &Simple, found: Found) -> Part {
    Part {
        command: simple.written.clone(),
        words: simple.words.iter().map(|word| word.text.clone()).collect(),
        verdict: found.verdict,
        rule: found.because,
        action: found.action,
        namespace: found.namespace,
        context: found.context,
    }
}

fn unclear_part(command: &str, rule: String) -> Part {
    Part {
        command: command.to_owned(),
        words: Vec::new(),
        verdict: Verdict::Unknown,
        rule,
        action: String::new(),
        namespace: None,
        context: None,
    }
}

fn whole(command: &str, why: String) -> Judgement {
    Judgement {
        verdict: Verdict::Unknown,
        parts: vec![unclear_part(command, format!("not understood: {why}"))],
        plan: None,
        shell_because: Some(why),
    }
}

/// What keeps a text from being read at all.
fn refused(command: &str) -> Option<String> {
    if command.len() > LONGEST {
        return Some(format!("longer than {} KiB", LONGEST / 1024));
    }
    let strange = command.chars().find(|c| match *c {
        '\t' | '\n' => false,
        c if c.is_control() => true,
        // Blanks, letters and marks that look like others, or like nothing.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{2000}'..='\u{200f}'
        | '\u{2010}'..='\u{2015}'
        | '\u{2028}'..='\u{202f}'
        | '\u{205f}'..='\u{206f}'
        | '\u{2212}'
        | '\u{3000}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ff00}'..='\u{ff65}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{ffff}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        c => c != ' ' && c.is_whitespace(),
    })?;
    Some(format!("the character U+{:04X}, which is not seen or looks like another", u32::from(strange)))
}
