//! The file of what is allowed from now on: for people to read, and never believed when it is odd.
//!
//! It stands beside the configuration and not beside the records, since it is what a person decided and may keep under
//! version control; what is there is allowed without a question. So a file that others could have written, that is cut off
//! or that says what is not understood allows nothing at all, in one line that says why. Writers take turns and replace it whole.

use std::fmt::Write as _;
use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::process::geteuid;

use super::Rule;
use super::grants::Grant;
use crate::config::yaml::{self, Node, YamlError};

/// Bytes: some thousand approvals.
const LARGEST: u64 = 1 << 20;
/// Another writer is done in milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);
const BETWEEN_TRIES: Duration = Duration::from_millis(10);
/// Instead of arguments or a namespace, where a person widened the rule. It is said and not left out, so that a line that is
/// missing allows less and not more.
const ANY: &str = "any";
const ANY_NAMESPACE: &str = "any_namespace";
/// What stands above a new file.
const OPENING: &str = "\
# What holmes-rs runs without asking: `a` (always) wrote it here when it asked.
# `holmes-rs approve list` shows it, `holmes-rs approve revoke ID` takes one back; so does removing its entry here.
# If others may write this file or its folder, or if any of it is not understood, nothing of it counts.
";

/// Where approvals are kept.
#[derive(Debug, Clone)]
pub struct Store {
    path: PathBuf,
}

impl Store {
    /// Of the folder that holds the configuration.
    #[must_use]
    pub fn of(folder: &Path) -> Self {
        Self { path: folder.join("approvals.yaml") }
    }

    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// All that is allowed; nothing where there is no file.
    ///
    /// # Errors
    /// One line: why nothing of it counts, and what to do.
    pub fn read(&self) -> Result<Vec<Grant>, String> {
        self.text()?.map_or(Ok(Vec::new()), |text| self.parse(&text))
    }

    /// Adds `grants`. One that says the same as an earlier one takes its place.
    ///
    /// # Errors
    /// One line: the file is odd, or cannot be written. It is as it was then.
    pub fn add(&self, grants: &[Grant]) -> Result<(), String> {
        self.change(|all| {
            for grant in grants {
                let same = |old: &Grant| {
                    (&old.tool, &old.toolset, &old.rule, &old.server)
                        == (&grant.tool, &grant.toolset, &grant.rule, &grant.server)
                };
                all.retain(|old| !same(old));
                all.push(grant.clone());
            }
        })
    }

    /// Takes back what `is_meant`: those that were there.
    ///
    /// # Errors
    /// As [`Store::add`].
    pub fn revoke(&self, is_meant: impl Fn(&Grant) -> bool) -> Result<Vec<Grant>, String> {
        let mut revoked = Vec::new();
        if !self.path.exists() {
            return Ok(revoked);
        }
        self.change(|all| {
            revoked = all.extract_if(.., |grant| is_meant(grant)).collect();
        })?;
        Ok(revoked)
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// The text of a file that only its owner can have written.
    fn text(&self) -> Result<Option<String>, String> {
        let refused = |why: &str| Err(format!("{}: {why}; nothing in it counts", self.shown()));
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::open(&self.path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return refused("it is a symbolic link"),
            Err(error) => return refused(&error.to_string()),
        };
        let seen = file.metadata().map_err(|error| format!("{}: {error}", self.shown()))?;
        if !seen.is_file() {
            return refused("it is no file");
        }
        let own = geteuid().as_raw();
        if seen.uid() != own {
            return refused("it belongs to somebody else");
        }
        if seen.mode() & 0o022 != 0 {
            return refused("others may write it (`chmod 600` it, once you have read it)");
        }
        if seen.size() > LARGEST {
            return refused(&format!("it is larger than {} MiB", LARGEST >> 20));
        }
        let folder = self.path.parent().and_then(|folder| folder.metadata().ok());
        if folder
            .is_some_and(|folder| folder.mode() & 0o022 != 0 || (folder.uid() != own && folder.uid() != 0))
        {
            return refused("others may write its folder (`chmod 700` that)");
        }
        let mut bytes = Vec::new();
        if let Err(error) = file.take(LARGEST + 1).read_to_end(&mut bytes) {
            return refused(&error.to_string());
        }
        if bytes.len() as u64 > LARGEST {
            return refused("it grows while it is read");
        }
        yaml::decode(&bytes, &self.shown()).map(Some).map_err(|error| told(&error))
    }

    fn parse(&self, text: &str) -> Result<Vec<Grant>, String> {
        parsed(text, &self.shown()).map_err(|error| told(&error))
    }

    /// Reads, changes and replaces the file while nobody else does.
    fn change(&self, change: impl FnOnce(&mut Vec<Grant>)) -> Result<(), String> {
        let failed = |error: io::Error| format!("{} cannot be written: {error}", self.shown());
        let folder = self.path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let _lock = self.lock().map_err(failed)?;
        let before = self.text()?;
        let mut grants = before.as_deref().map_or(Ok(Vec::new()), |text| self.parse(text))?;
        change(&mut grants);
        let opening = before.as_deref().map_or(OPENING, comments);
        let text = written(opening, &grants);
        if text.len() as u64 > LARGEST {
            return Err(format!("{} is full: `holmes-rs approve revoke ID` makes room", self.shown()));
        }
        // What cannot be read back would take everything else with it.
        if self.parse(&text)? != grants {
            return Err(format!("{}: it cannot be told exactly, so it is not kept", self.shown()));
        }
        let mut place = tempfile::Builder::new().prefix(".approvals").tempfile_in(folder).map_err(failed)?;
        place.write_all(text.as_bytes()).and_then(|()| place.as_file().sync_all()).map_err(failed)?;
        place.persist(&self.path).map_err(|error| failed(error.error))?;
        Ok(())
    }

    /// Held until it falls. The file stays: removing it would let two writers in.
    fn lock(&self) -> io::Result<File> {
        let path = self.path.with_extension("yaml.lock");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = File::from(rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?);
        let until = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                    return Err(io::Error::other("another holmes-rs holds it; try again"));
                }
                Err(TryLockError::WouldBlock) => std::thread::sleep(BETWEEN_TRIES),
            }
        }
    }
}

fn told(error: &YamlError) -> String {
    format!("{}; nothing in it counts until that is put right", error.one_line())
}

/// The lines a person may have put above everything else.
fn comments(text: &str) -> &str {
    let mut end = 0;
    for line in text.split_inclusive('\n') {
        if !(line.trim().is_empty() || line.starts_with('#')) {
            break;
        }
        end += line.len();
    }
    text.get(..end).unwrap_or_default()
}

fn written(opening: &str, grants: &[Grant]) -> String {
    let mut text = opening.to_owned();
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text.push_str("version: 1\n");
    text.push_str(if grants.is_empty() { "approvals: []\n" } else { "approvals:\n" });
    for grant in grants {
        let Grant { id, tool, toolset, rule, server, granted, by, run } = grant;
        _ = writeln!(text, "  # {}", one_line(&rule.to_string()));
        _ = writeln!(text, "  - id: {}", quoted(id));
        _ = writeln!(text, "    action: {}", quoted(&rule.action));
        _ = match &rule.exactly {
            None => writeln!(text, "    exactly: {ANY}"),
            Some(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                writeln!(text, "    exactly: [{}]", words.join(", "))
            }
        };
        let mut field = |name: &str, value: &str| {
            _ = writeln!(text, "    {name}: {}", quoted(value));
        };
        match &rule.namespace {
            Some(namespace) => field("namespace", namespace),
            None if rule.context.is_some() => field(ANY_NAMESPACE, "true"),
            None => {}
        }
        if let (Some(context), Some(server)) = (&rule.context, server) {
            field("context", context);
            field("server", server);
        }
        field("granted", granted);
        field("by", by);
        field("run", run);
        field("tool", tool);
        // Last, and needed: an entry that is cut off is none.
        field("toolset", toolset);
    }
    text
}

/// For a comment: nothing that ends its line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if is_plain(c) { c } else { '?' }).collect()
}

fn is_plain(c: char) -> bool {
    c == ' ' || c.is_ascii_graphic() || c.is_alphanumeric()
}

/// A text that is nothing else in YAML, and in which nothing hides.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if is_plain(c) => out.push(c),
            c if u32::from(c) <= 0xffff => _ = write!(out, "\\u{:04x}", u32::from(c)),
            c => _ = write!(out, "\\U{:08x}", u32::from(c)),
        }
    }
    out.push('"');
    out
}

fn parsed(text: &str, place: &str) -> Result<Vec<Grant>, YamlError> {
    let document = yaml::parse(text, place)?;
    if let Some(odd) = document.warnings.first() {
        let error = document.node.error(odd.message.clone());
        return Err(YamlError { line: odd.line, column: odd.column, ..error });
    }
    let node = document.node;
    if node.is_null() {
        return Err(node.error("is cut off: there is no `version`"));
    }
    known(&node, &["version", "approvals"])?;
    let version = node.get("version").ok_or_else(|| node.error("has no `version`"))?;
    if version.as_i64()? != 1 {
        return Err(version.error("is of a version that is not known here"));
    }
    let list = node.get("approvals").ok_or_else(|| node.error("is cut off: there are no `approvals`"))?;
    let mut grants: Vec<Grant> = Vec::new();
    for item in list.items()? {
        let grant = grant(item)?;
        if grants.iter().any(|other| other.id == grant.id) {
            return Err(item.error(format!("`{}` is the id of two approvals", grant.id)));
        }
        grants.push(grant);
    }
    Ok(grants)
}

const FIELDS: &[&str] = &[
    "id",
    "action",
    "exactly",
    "namespace",
    ANY_NAMESPACE,
    "context",
    "server",
    "granted",
    "by",
    "run",
    "tool",
    "toolset",
];

fn grant(item: &Node) -> Result<Grant, YamlError> {
    known(item, FIELDS)?;
    let needed = |name: &str| match item.get(name) {
        None => Err(item.error(format!("has no `{name}`"))),
        Some(node) => match node.as_str()? {
            "" => Err(node.error(format!("`{name}` is empty"))),
            text => Ok(text.to_owned()),
        },
    };
    let maybe = |name: &str| item.get(name).map(|_| needed(name)).transpose();
    let told = |name: &str| match item.get(name) {
        Some(node) => node.as_str().map(str::to_owned),
        None => Ok(String::new()),
    };
    let exactly = match item.get("exactly") {
        None => return Err(item.error(format!("has no `exactly`: the words, or `{ANY}`"))),
        Some(any) if any.as_str().is_ok_and(|text| text == ANY) => None,
        Some(words) => {
            let words = words.items()?.iter().map(|word| word.as_str().map(str::to_owned));
            Some(words.collect::<Result<Vec<_>, _>>()?)
        }
    };
    let rule = Rule {
        action: needed("action")?,
        exactly,
        namespace: maybe("namespace")?,
        context: maybe("context")?,
    };
    let server = maybe("server")?;
    if rule.context.is_some() != server.is_some() {
        return Err(item.error("`context` and `server` stand together, or neither does"));
    }
    if rule.namespace.is_some() && rule.context.is_none() {
        return Err(item.error("`namespace` needs the `context` it is in"));
    }
    let any_namespace = item.get(ANY_NAMESPACE).map_or(Ok(false), Node::as_bool)?;
    if any_namespace != (rule.context.is_some() && rule.namespace.is_none()) {
        return Err(item.error(format!("a `context` needs a `namespace`, or `{ANY_NAMESPACE}: true`")));
    }
    Ok(Grant {
        id: needed("id")?,
        tool: needed("tool")?,
        toolset: needed("toolset")?,
        rule,
        server,
        granted: told("granted")?,
        by: told("by")?,
        run: told("run")?,
    })
}

fn known(node: &Node, fields: &[&str]) -> Result<(), YamlError> {
    for entry in node.entries()? {
        if !fields.contains(&entry.key.as_str()) {
            let message = match yaml::nearest(&entry.key, fields) {
                Some(near) => format!("`{}` is not known; `{near}`?", entry.key),
                None => format!("`{}` is not known", entry.key),
            };
            let error = node.error(message);
            return Err(YamlError { line: entry.line, column: entry.column, ..error });
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
