//! What Tab completes in a session: commands, what each command takes, tools in questions, files. It reads one folder at most,
//! since somebody waits.

use std::path::Path;
use std::sync::{Arc, Mutex};

use super::command::{COMMANDS, Verb, named};
use super::words::at_home;
use crate::ui::{Complete, sanitize};

/// Entries of one folder that are looked at.
const MOST_ENTRIES: usize = 2_000;

/// What is known by name, renewed between the turns.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// Tools and toolsets.
    pub names: Vec<String>,
    pub models: Vec<String>,
    pub runbooks: Vec<String>,
    pub runs: Vec<String>,
    pub exhibits: Vec<String>,
    pub settings: Vec<String>,
    pub home: Option<String>,
}

/// Asked by the editor's thread.
pub(super) struct Completer {
    words: Arc<Mutex<Words>>,
}

impl Completer {
    pub(super) fn new(words: Arc<Mutex<Words>>) -> Self {
        Self { words }
    }
}

impl Complete for Completer {
    fn complete(&self, line: &str, cursor: usize) -> (usize, Vec<String>) {
        let typed = line.get(..cursor).unwrap_or(line);
        match self.words.lock() {
            Ok(words) => words.complete(typed),
            Err(_) => (cursor, Vec::new()),
        }
    }
}

impl Words {
    fn complete(&self, typed: &str) -> (usize, Vec<String>) {
        let start = word_start(typed);
        let word = typed.get(start..).unwrap_or_default();
        if let Some(rest) = typed.strip_prefix('/') {
            let Some((name, arguments)) = rest.split_once(' ') else {
                let name = rest.to_lowercase();
                let names = COMMANDS.iter().map(|one| one.name).filter(|known| known.starts_with(&name));
                let names: Vec<String> = names.map(|name| format!("/{name} ")).collect();
                // No command, but perhaps a path.
                return if names.is_empty() { (start, self.files(word)) } else { (0, names) };
            };
            if let Some(command) = named(name) {
                let first = !arguments.trim_start().contains(' ');
                return (start, self.arguments(command.verb, word, first));
            }
        }
        if word.is_empty() {
            return (typed.len(), Vec::new());
        }
        if word.contains('/') || word.starts_with('~') || typed.starts_with('!') {
            return (start, self.files(word));
        }
        (start, beginning(&self.names, word))
    }

    fn arguments(&self, verb: Verb, word: &str, first: bool) -> Vec<String> {
        match verb {
            Verb::Help if first => {
                let names = COMMANDS.iter().map(|one| one.name.to_owned()).collect::<Vec<_>>();
                beginning(&names, word.trim_start_matches('/'))
            }
            Verb::Show if first => {
                let mut known = self.exhibits.clone();
                known.push("last".to_owned());
                let upper = word.replacen('e', "E", usize::from(word.starts_with('e')));
                beginning(&known, &upper)
            }
            Verb::Model | Verb::Retry if first => beginning(&self.models, word),
            Verb::Runbook if first => beginning(&self.runbooks, word),
            Verb::Resume if first => {
                let mut known = self.runs.clone();
                known.push("last".to_owned());
                beginning(&known, word)
            }
            Verb::Export if first => ["html ", "md ", "json "]
                .into_iter()
                .filter(|form| form.starts_with(word))
                .map(str::to_owned)
                .collect(),
            Verb::Approve if first => beginning(&["list".to_owned(), "revoke".to_owned()], word),
            Verb::Config if first => beginning(&self.settings, word),
            Verb::File | Verb::Save | Verb::Export | Verb::Run => self.files(word),
            Verb::Tools | Verb::Focus | Verb::RuleOut => beginning(&self.names, word),
            _ => Vec::new(),
        }
    }

    /// Files that begin so, blanks quoted.
    fn files(&self, word: &str) -> Vec<String> {
        let plain = unquoted(word);
        let (folder, name) = match plain.rfind('/') {
            Some(at) => plain.split_at(at + 1),
            None => ("", plain.as_str()),
        };
        let place = match folder {
            "" if name == "~" => return vec!["~/".to_owned()],
            "" => Path::new(".").to_owned(),
            folder => at_home(folder, self.home.as_deref()),
        };
        let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
        let mut found: Vec<String> = entries
            .take(MOST_ENTRIES)
            .flatten()
            .filter_map(|entry| {
                let found = entry.file_name().into_string().ok()?;
                let hidden = found.starts_with('.') && !name.starts_with('.');
                // A name that steers the terminal cannot be typed here either.
                if !found.starts_with(name) || hidden || sanitize(&found) != found || found.contains('\n') {
                    return None;
                }
                let end = if entry.path().is_dir() { "/" } else { " " };
                Some(format!("{}{end}", quoted(&format!("{folder}{found}"))))
            })
            .collect();
        found.sort();
        found
    }
}

fn beginning(known: &[String], word: &str) -> Vec<String> {
    known.iter().filter(|known| known.starts_with(word)).map(|known| format!("{known} ")).collect()
}

/// Where the word begins that is typed; a blank after a backslash is part of it.
fn word_start(typed: &str) -> usize {
    let mut start = 0;
    let mut escaped = false;
    for (at, c) in typed.char_indices() {
        if c.is_whitespace() && !escaped {
            start = at + c.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    start
}

fn unquoted(word: &str) -> String {
    let mut out = String::new();
    let mut chars = word.trim_start_matches(['"', '\'']).chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

fn quoted(path: &str) -> String {
    let mut out = String::new();
    for c in path.chars() {
        if c.is_whitespace() || matches!(c, '\'' | '"' | '\\' | '*' | '?' | '[') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words {
            names: vec!["disk_usage".to_owned(), "kubernetes/core".to_owned()],
            models: vec!["fast".to_owned(), "slow".to_owned()],
            runbooks: vec!["disk-full".to_owned()],
            runs: vec!["20260101-000000-aaaa".to_owned()],
            exhibits: vec!["E1".to_owned(), "E2".to_owned()],
            settings: vec!["model".to_owned()],
            home: None,
        }
    }

    #[test]
    fn what_a_command_takes_is_completed() {
        let complete = |line: &str| words().complete(line);
        assert_eq!(complete("/expo"), (0, vec!["/export ".to_owned()]));
        assert_eq!(complete("/export h"), (8, vec!["html ".to_owned()]));
        assert_eq!(complete("/mod f"), (5, vec!["fast ".to_owned()]));
        assert_eq!(complete("/runbook d"), (9, vec!["disk-full ".to_owned()]));
        assert_eq!(complete("/show e"), (6, vec!["E1 ".to_owned(), "E2 ".to_owned()]));
        assert_eq!(complete("/resume 2026"), (8, vec!["20260101-000000-aaaa ".to_owned()]));
        assert_eq!(complete("/help tools"), (6, vec!["tools ".to_owned(), "toolsets ".to_owned()]));
        assert_eq!(complete("what does disk_"), (10, vec!["disk_usage ".to_owned()]));
        assert_eq!(complete("why "), (4, Vec::new()));
        assert_eq!(complete("/nothing a"), (9, Vec::new()));
    }

    #[test]
    fn files_are_completed_with_their_blanks_quoted() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a b.log"), "").unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        let place = folder.path().display().to_string();
        let line = format!("/file {place}/a");
        assert_eq!(words().complete(&line), (6, vec![format!("{place}/a\\ b.log ")]));
        let line = format!("why {place}/s");
        assert_eq!(words().complete(&line), (4, vec![format!("{place}/sub/")]));
        let line = format!("/file {place}/a\\ b");
        assert_eq!(words().complete(&line), (6, vec![format!("{place}/a\\ b.log ")]));
        assert_eq!(words().complete("/save /nosuchfolder/x").1, Vec::<String>::new());
    }
}
