//! Words of a command line: split as a shell would, paths with their `~` and globs; and words for people. It reads folders
//! and nothing else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use regex::Regex;

use crate::ui::wrapped;

/// Paths that one glob may stand for.
const MOST_PATHS: usize = 500;

/// The words of a line. Quotes hold blanks together, a backslash takes the next character as it is. A quote that does not end
/// ends with the line. The flag says that the word was quoted: it is no glob.
pub(super) fn split(line: &str) -> Vec<(String, bool)> {
    let (mut words, mut word, mut any, mut literal) = (Vec::new(), String::new(), false, false);
    let mut quote: Option<char> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => (quote, any, literal) = (Some(c), true, true),
            (None | Some('"'), '\\') => {
                word.extend(chars.next());
                (any, literal) = (true, true);
            }
            (None, c) if c.is_whitespace() => {
                if any {
                    words.push((std::mem::take(&mut word), literal));
                }
                (any, literal) = (false, false);
            }
            (_, c) => {
                word.push(c);
                any = true;
            }
        }
    }
    if any {
        words.push((word, literal));
    }
    words
}

/// `~` and `~/…` as the person's home.
pub(super) fn at_home(path: &str, home: Option<&str>) -> PathBuf {
    match (path.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            Path::new(home).join(rest.trim_start_matches('/'))
        }
        _ => PathBuf::from(path),
    }
}

/// What a path with `*`, `?` or `[…]` stands for, in order; the path itself where it has none of these.
pub(super) fn globbed(path: &Path) -> Vec<PathBuf> {
    let text = path.to_string_lossy();
    if !text.contains(['*', '?', '[']) || path.exists() {
        return vec![path.to_owned()];
    }
    let mut found = vec![PathBuf::from(if path.is_absolute() { "/" } else { "" })];
    for part in text.split('/').filter(|part| !part.is_empty()) {
        let Some(pattern) = pattern(part) else {
            for path in &mut found {
                path.push(part);
            }
            continue;
        };
        let mut next = Vec::new();
        for folder in &found {
            let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder.as_path() };
            let Ok(entries) = std::fs::read_dir(here) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                // Hidden files only where the pattern names them.
                if pattern.is_match(&name) && (part.starts_with('.') || !name.starts_with('.')) {
                    next.push(folder.join(name));
                }
            }
        }
        next.sort();
        next.truncate(MOST_PATHS);
        found = next;
    }
    found.retain(|path| path.exists());
    found
}

fn pattern(part: &str) -> Option<Regex> {
    if !part.contains(['*', '?', '[']) {
        return None;
    }
    let mut pattern = String::from("^");
    let mut rest = part.chars();
    while let Some(c) = rest.next() {
        match c {
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            '[' if rest.as_str().contains(']') => {
                let set: String = rest.by_ref().take_while(|c| *c != ']').collect();
                let set = set.replace('\\', "\\\\").replace('[', "\\[");
                let (not, set) = match set.strip_prefix('!') {
                    Some(set) => ("^", set.to_owned()),
                    None => ("", set),
                };
                let _ = write!(pattern, "[{not}{set}]");
            }
            c => pattern.push_str(&regex::escape(&c.to_string())),
        }
    }
    Regex::new(&format!("{pattern}$")).ok()
}

/// Whether a line that begins with a slash begins with a path: it is a question then.
pub(super) fn is_path(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let name = first.strip_prefix('/').unwrap_or_default();
    if name.is_empty() {
        return false;
    }
    // `/run` is a folder as well: a command's own name is the command.
    name.contains('/') || super::command::named(name).is_none() && Path::new(first).exists()
}

/// `128 k` for large amounts.
pub(super) fn tokens(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} tokens"),
        _ => format!("{} k tokens", (count + 500) / 1_000),
    }
}

/// Lines wrapped at `width`; further lines of a paragraph as far in as it begins.
pub(super) fn laid_out(text: &str, width: Option<usize>) -> String {
    let mut out = String::new();
    for line in text.lines() {
        let inner = line.trim_start();
        let indent = line.get(..line.len() - inner.len()).unwrap_or_default();
        if inner.is_empty() {
            out.push('\n');
        }
        out.push_str(&wrapped(inner, indent, indent, width));
    }
    out
}

/// A text on one line.
pub(super) fn one_line(text: &str, limit: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    crate::evidence::view::clip(&words.join(" "), limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        let plain = |line| split(line).into_iter().map(|(word, _)| word).collect::<Vec<_>>();
        assert_eq!(plain("a  b"), ["a", "b"]);
        assert_eq!(plain(r#"'a b' "c d" e\ f"#), ["a b", "c d", "e f"]);
        assert_eq!(plain("'open to the end"), ["open to the end"]);
        assert_eq!(plain(r"end\"), ["end"]);
        assert_eq!(plain("   "), [""; 0]);
        assert_eq!(split("*.log '*'"), [("*.log".to_owned(), false), ("*".to_owned(), true)]);
    }

    #[test]
    fn globs_stand_for_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.log", "b.log", "c.txt", ".d.log"] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |pattern: &str| {
            let found = globbed(&folder.path().join(pattern));
            let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
            found.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(found("*.log"), ["a.log", "b.log"]);
        assert_eq!(found("[!a].log"), ["b.log"]);
        assert_eq!(found("[b-c].???"), ["b.log", "c.txt"]);
        assert_eq!(found("*.none"), [""; 0]);
        assert_eq!(found("missing"), ["missing"]);
        assert_eq!(found("[.log"), [""; 0]);
    }

    #[test]
    fn a_path_is_no_command() {
        assert!(is_path("/var/log/x why"));
        assert!(is_path("/tmp is full"));
        assert!(!is_path("/help"));
        assert!(!is_path("/run ls /tmp"));
        assert!(!is_path("/nosuchthing here"));
        assert!(!is_path("/ what"));
    }
}
