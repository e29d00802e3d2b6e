//! The files of `policy/`: which programs there are, and what their sub-commands, options and operands do.

use std::collections::BTreeMap;
use std::path::Path;

use include_dir::{Dir, include_dir};
use regex::Regex;

use super::Verdict;
use super::paths::SecretPath;
use crate::config::embedded;
use crate::config::yaml::{self, Document, Kind as Yaml, Node, YamlError, nearest};

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/policy");

/// Everything that is known.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub programs: BTreeMap<String, Program>,
    pub secret_paths: Vec<SecretPath>,
    pub metadata: Vec<String>,
    /// Variables that may stand before a command, as globs.
    pub variables: Vec<(String, Verdict)>,
    /// Programs that two places of the binary's own files name: which of them holds would be chance.
    pub duplicates: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Program {
    /// The file it stands in.
    pub file: String,
    pub base: Command,
    pub commands: Vec<(Vec<String>, Command)>,
    pub rules: Vec<Rule>,
    pub namespace: Option<String>,
    pub context: Option<String>,
    pub ignore_case: bool,
    pub groups: Vec<String>,
    pub builtin: bool,
    /// It only shows names: paths are no concern.
    pub names_only: bool,
    /// It does the same whatever words it gets.
    pub any_words: bool,
    /// The options with which it reads every file below its operands; none named: it always does.
    pub trees: Option<Vec<String>>,
    pub style: Style,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Command {
    pub verdict: Option<Verdict>,
    pub because: String,
    pub options: Vec<Opt>,
    pub accept_other: Option<bool>,
    pub operands: Vec<Kind>,
    pub rules: Vec<Rule>,
    pub wraps: Option<Wraps>,
    pub alone: Option<Verdict>,
    /// What it is when something is written into it: it takes that for commands or sends it on.
    pub fed: Option<Verdict>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Style {
    #[default]
    Gnu,
    Posix,
    Single,
    Plain,
}

#[derive(Debug, Clone)]
pub(super) struct Opt {
    pub names: Vec<String>,
    pub takes: Kind,
    pub verdict: Option<Verdict>,
    pub because: String,
}

/// What an option takes, or an operand is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Flag,
    Text,
    Optional,
    Values,
    /// The next two words.
    Pair,
    Output,
    Url,
    Sql,
    Shell,
    Command,
    Awk,
    Sed,
    Jq,
    Credentials,
    None,
}

const KINDS: &[(&str, Kind)] = &[
    ("flag", Kind::Flag),
    ("value", Kind::Text),
    ("text", Kind::Text),
    ("optional", Kind::Optional),
    ("values", Kind::Values),
    ("pair", Kind::Pair),
    ("output", Kind::Output),
    ("url", Kind::Url),
    ("sql", Kind::Sql),
    ("shell", Kind::Shell),
    ("command", Kind::Command),
    ("awk", Kind::Awk),
    ("sed", Kind::Sed),
    ("jq", Kind::Jq),
    ("credentials", Kind::Credentials),
    ("none", Kind::None),
];

/// Where the command begins that a wrapper runs.
#[derive(Debug, Clone, Default)]
pub(super) struct Wraps {
    pub from: usize,
    pub after: Option<String>,
    /// The words are joined and parsed again.
    pub text: bool,
    pub adds: bool,
    /// `NAME=value` words come first.
    pub assignments: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Rule {
    pub when: Condition,
    pub verdict: Verdict,
    pub because: String,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Condition {
    pub option: Vec<String>,
    pub without: Vec<String>,
    pub value: Vec<(String, Vec<Pattern>)>,
    pub operand: Vec<Pattern>,
    pub first: Vec<Pattern>,
    pub last: Vec<Pattern>,
    pub every: Vec<Pattern>,
    pub count: Option<(usize, usize)>,
    pub unless: Option<Box<Condition>>,
}

#[derive(Debug, Clone)]
pub(super) enum Pattern {
    Glob(String),
    Regex(Regex),
}

impl Pattern {
    pub(super) fn matches(&self, text: &str) -> bool {
        match self {
            Self::Glob(glob) => glob_matches(glob, text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// `*` and `?` over the whole text.
pub(super) fn glob_matches(glob: &str, text: &str) -> bool {
    if !glob.contains(['*', '?']) {
        return glob == text;
    }
    let (glob, text): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
    let (mut g, mut t, mut star) = (0, 0, None);
    while t < text.len() {
        match glob.get(g) {
            Some('*') => {
                star = Some((g + 1, t));
                g += 1;
            }
            Some(c) if *c == '?' || text.get(t) == Some(c) => {
                g += 1;
                t += 1;
            }
            _ => match star {
                Some((after, from)) => {
                    g = after;
                    t = from + 1;
                    star = Some((after, t));
                }
                None => return false,
            },
        }
    }
    glob.get(g..).unwrap_or_default().iter().all(|c| *c == '*')
}

type Read<T> = Result<T, YamlError>;

impl Book {
    /// The files of the binary; a file of `folder` replaces the one of its name, or is added.
    pub(super) fn load(folder: Option<&Path>) -> Result<Self, String> {
        let mut files: BTreeMap<String, (bool, String, Vec<u8>)> = EMBEDDED
            .files()
            .filter(|file| is_yaml(file.path()))
            .map(|file| {
                let name = file.path().display().to_string();
                (name.clone(), (false, format!("policy/{name}"), file.contents().to_vec()))
            })
            .collect();
        if let Some(folder) = folder {
            let shown = |error: &dyn std::fmt::Display| format!("{}: {error}", folder.display());
            for entry in std::fs::read_dir(folder).map_err(|error| shown(&error))? {
                let path = entry.map_err(|error| shown(&error))?.path();
                let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
                    continue;
                };
                if name.starts_with('.') || !is_yaml(&path) {
                    continue;
                }
                let text = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
                files.insert(name, (true, path.display().to_string(), text));
            }
        }
        let mut book = Self::default();
        let mut likes = Vec::new();
        // What a person wrote comes last: it holds, whatever the names of the files.
        let mut files: Vec<_> = files.into_values().collect();
        files.sort_by_key(|(theirs, ..)| *theirs);
        for (theirs, place, bytes) in files {
            let known: Vec<String> =
                if theirs { Vec::new() } else { book.programs.keys().cloned().collect() };
            let mut one = Self::default();
            let document = if theirs {
                yaml::decode(&bytes, &place).and_then(|text| yaml::parse(&text, &place))
            } else {
                embedded::document(&place, &String::from_utf8_lossy(&bytes))
            };
            let document = document.map_err(|error| error.inline())?;
            one.read(&document, &place, &mut likes).map_err(|error| error.inline())?;
            book.duplicates.append(&mut one.duplicates);
            book.duplicates.extend(known.into_iter().filter(|name| one.programs.contains_key(name)));
            if theirs {
                likes.retain(|like| like.place == place || !one.programs.contains_key(&like.name));
            }
            book.programs.append(&mut one.programs);
            book.secret_paths.append(&mut one.secret_paths);
            book.metadata.append(&mut one.metadata);
            book.variables.append(&mut one.variables);
        }
        book.resolve(likes).map_err(|error| error.inline())?;
        Ok(book)
    }

    fn read(&mut self, document: &Document, place: &str, likes: &mut Vec<Like>) -> Read<()> {
        if document.node.is_null() {
            return Ok(());
        }
        for entry in document.node.entries()? {
            let node = &entry.value;
            match entry.key.as_str() {
                "programs" => {
                    for program in node.entries()? {
                        self.program(&program.key, &program.value, place, likes)?;
                    }
                }
                "secret_paths" => {
                    for one in node.items()? {
                        self.secret_paths.push(SecretPath {
                            path: required(one, "path")?.as_str()?.to_owned(),
                            because: one
                                .get("because")
                                .map(Node::as_str)
                                .transpose()?
                                .unwrap_or_default()
                                .to_owned(),
                        });
                    }
                }
                "metadata" => self.metadata.extend(texts(node)?),
                "variables" => {
                    for one in node.entries()? {
                        self.variables.push((one.key.clone(), verdict(&one.value)?));
                    }
                }
                // A free area for YAML anchors.
                "anchors" => {}
                other => {
                    return Err(
                        entry.error(unknown(other, &["programs", "secret_paths", "metadata", "variables"]))
                    );
                }
            }
        }
        Ok(())
    }

    fn program(&mut self, name: &str, node: &Node, place: &str, likes: &mut Vec<Like>) -> Read<()> {
        let mut program = Program { file: place.to_owned(), ..Program::default() };
        let mut aliases = Vec::new();
        let mut like = None;
        if let Yaml::Mapping(entries) = &node.kind {
            for entry in entries {
                let value = &entry.value;
                match entry.key.as_str() {
                    "aliases" => aliases = texts(value)?,
                    "namespace" => program.namespace = Some(value.as_str()?.to_owned()),
                    "context" => program.context = Some(value.as_str()?.to_owned()),
                    "ignore_case" => program.ignore_case = value.as_bool()?,
                    "builtin" => program.builtin = value.as_bool()?,
                    "any_words" => program.any_words = value.as_bool()?,
                    "paths" => program.names_only = value.as_str()? == "names",
                    "groups" => program.groups = texts(value)?,
                    "trees" => {
                        let options = words(value)?;
                        let always = options.iter().any(|one| one == "always");
                        program.trees = Some(if always { Vec::new() } else { options });
                    }
                    "style" => {
                        program.style = match value.as_str()? {
                            "gnu" => Style::Gnu,
                            "posix" => Style::Posix,
                            "single" => Style::Single,
                            "plain" => Style::Plain,
                            _ => return Err(value.error("`style` is gnu, posix, single or plain")),
                        }
                    }
                    "like" => like = Some(value.clone()),
                    "rules" => program.rules = rules(value)?,
                    "commands" => {
                        for one in value.entries()? {
                            let command = self::command(&one.value)?;
                            for words in alternatives(&one.key) {
                                program.commands.push((words, command.clone()));
                            }
                        }
                    }
                    _ => field(&mut program.base, entry, PROGRAM_KEYS)?,
                }
            }
        } else {
            program.base.verdict = Some(verdict(node)?);
        }
        // Without sub-commands, rules are those of the only command there is.
        if program.commands.is_empty() {
            program.base.rules.append(&mut program.rules);
        }
        if let Some(node) = like {
            likes.push(Like {
                name: name.to_owned(),
                aliases: aliases.clone(),
                place: place.to_owned(),
                node,
            });
        }
        for name in aliases.into_iter().chain([name.to_owned()]) {
            if self.programs.insert(name.clone(), program.clone()).is_some() {
                self.duplicates.push(name);
            }
        }
        Ok(())
    }

    fn resolve(&mut self, likes: Vec<Like>) -> Read<()> {
        for like in likes {
            let model = like.node.as_str()?;
            let Some(base) = self.programs.get(model).cloned() else {
                return Err(like.node.error(format!("`like` names `{model}`, which no file knows")));
            };
            for name in like.aliases.iter().chain([&like.name]) {
                let Some(program) = self.programs.get_mut(name) else { continue };
                let mut merged = base.clone();
                let own = program.clone();
                merged.file = own.file;
                merged.base.verdict = own.base.verdict.or(merged.base.verdict);
                merged.base.options.splice(0..0, own.base.options);
                merged.commands.retain(|(words, _)| !own.commands.iter().any(|(other, _)| other == words));
                merged.commands.extend(own.commands);
                merged.rules.extend(own.rules);
                if merged.commands.is_empty() {
                    merged.base.rules.extend(own.base.rules);
                }
                merged.namespace = own.namespace.or(merged.namespace);
                merged.context = own.context.or(merged.context);
                merged.groups.extend(own.groups);
                merged.trees = own.trees.or(merged.trees);
                *program = merged;
            }
        }
        Ok(())
    }
}

struct Like {
    name: String,
    aliases: Vec<String>,
    place: String,
    node: Node,
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml")
}

fn unknown(key: &str, known: &[&str]) -> String {
    match nearest(key, known) {
        Some(near) => format!("unknown key `{key}`, did you mean `{near}`?"),
        None => format!("unknown key `{key}`"),
    }
}

fn required<'a>(node: &'a Node, key: &str) -> Read<&'a Node> {
    node.get(key).ok_or_else(|| node.error(format!("misses `{key}`")))
}

/// One text, or a list of them; a text is split at blanks only by those who ask for words.
fn texts(node: &Node) -> Read<Vec<String>> {
    match &node.kind {
        Yaml::Sequence(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => Ok(vec![node.as_str()?.to_owned()]),
    }
}

fn words(node: &Node) -> Read<Vec<String>> {
    let texts = texts(node)?;
    Ok(texts.iter().flat_map(|text| text.split_whitespace()).map(str::to_owned).collect())
}

fn verdict(node: &Node) -> Read<Verdict> {
    match node.as_str()? {
        "read" => Ok(Verdict::Read),
        "unknown" => Ok(Verdict::Unknown),
        "secret" => Ok(Verdict::Secret),
        "change" => Ok(Verdict::Change),
        _ => Err(node.error("a verdict is read, unknown, secret or change")),
    }
}

fn kind(node: &Node) -> Read<Kind> {
    let name = node.as_str()?;
    KINDS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind).ok_or_else(|| {
        let known: Vec<&str> = KINDS.iter().map(|(name, _)| *name).collect();
        node.error(format!("`{name}` is no kind of value: {}", known.join(", ")))
    })
}

const COMMAND_KEYS: &[&str] = &[
    "verdict",
    "because",
    "flags",
    "values",
    "options",
    "other_options",
    "operands",
    "rules",
    "wraps",
    "alone",
    "fed",
];
const PROGRAM_KEYS: &[&str] = &[
    "verdict",
    "because",
    "flags",
    "values",
    "options",
    "other_options",
    "operands",
    "rules",
    "wraps",
    "alone",
    "fed",
    "aliases",
    "namespace",
    "context",
    "ignore_case",
    "builtin",
    "any_words",
    "paths",
    "groups",
    "style",
    "like",
    "commands",
    "trees",
];

fn command(node: &Node) -> Read<Command> {
    let mut command = Command::default();
    match &node.kind {
        Yaml::Mapping(entries) => {
            for entry in entries {
                if entry.key == "rules" {
                    command.rules = rules(&entry.value)?;
                } else {
                    field(&mut command, entry, COMMAND_KEYS)?;
                }
            }
        }
        _ => command.verdict = Some(verdict(node)?),
    }
    Ok(command)
}

fn field(command: &mut Command, entry: &yaml::Entry, known: &[&str]) -> Read<()> {
    let value = &entry.value;
    let plain =
        |takes| move |name: String| Opt { names: vec![name], takes, verdict: None, because: String::new() };
    match entry.key.as_str() {
        "verdict" => command.verdict = Some(verdict(value)?),
        "because" => value.as_str()?.clone_into(&mut command.because),
        "alone" => command.alone = Some(verdict(value)?),
        "fed" => command.fed = Some(verdict(value)?),
        "flags" => command.options.extend(words(value)?.into_iter().map(plain(Kind::Flag))),
        "values" => command.options.extend(words(value)?.into_iter().map(plain(Kind::Text))),
        "options" => {
            // What has a meaning comes before what is only listed.
            let mut options = Vec::new();
            for one in value.entries()? {
                options.push(option(&one.key, &one.value)?);
            }
            command.options.splice(0..0, options);
        }
        "other_options" => {
            command.accept_other = Some(match value.as_str()? {
                "accept" => true,
                "unknown" => false,
                _ => return Err(value.error("`other_options` is accept or unknown")),
            });
        }
        "operands" => {
            command.operands = match &value.kind {
                Yaml::Sequence(items) => items.iter().map(kind).collect::<Read<_>>()?,
                _ => vec![kind(value)?],
            }
        }
        "wraps" => {
            let mut wraps = Wraps::default();
            for one in value.entries()? {
                match one.key.as_str() {
                    "from" => wraps.from = count(&one.value)?,
                    "text" => {
                        wraps.text = true;
                        wraps.from = count(&one.value)?;
                    }
                    "after" => wraps.after = Some(one.value.as_str()?.to_owned()),
                    "adds" => wraps.adds = one.value.as_bool()?,
                    "assignments" => wraps.assignments = one.value.as_bool()?,
                    other => {
                        return Err(
                            one.error(unknown(other, &["from", "text", "after", "adds", "assignments"]))
                        );
                    }
                }
            }
            command.wraps = Some(wraps);
        }
        other => return Err(entry.error(unknown(other, known))),
    }
    Ok(())
}

fn count(node: &Node) -> Read<usize> {
    usize::try_from(node.as_i64()?).map_err(|_| node.error("a count is not below 0"))
}

fn option(names: &str, node: &Node) -> Read<Opt> {
    let mut option = Opt {
        names: names.split_whitespace().map(str::to_owned).collect(),
        takes: Kind::Flag,
        verdict: None,
        because: String::new(),
    };
    match &node.kind {
        Yaml::Mapping(entries) => {
            for entry in entries {
                match entry.key.as_str() {
                    "takes" => option.takes = kind(&entry.value)?,
                    "verdict" => option.verdict = Some(verdict(&entry.value)?),
                    "because" => entry.value.as_str()?.clone_into(&mut option.because),
                    other => return Err(entry.error(unknown(other, &["takes", "verdict", "because"]))),
                }
            }
        }
        _ => match verdict(node) {
            Ok(verdict) => option.verdict = Some(verdict),
            Err(_) => option.takes = kind(node)?,
        },
    }
    Ok(option)
}

fn rules(node: &Node) -> Read<Vec<Rule>> {
    node.items()?
        .iter()
        .map(|one| {
            Ok(Rule {
                when: condition(one, true)?,
                verdict: verdict(required(one, "verdict")?)?,
                because: one.get("because").map(Node::as_str).transpose()?.unwrap_or_default().to_owned(),
            })
        })
        .collect()
}

fn condition(node: &Node, in_rule: bool) -> Read<Condition> {
    let mut condition = Condition::default();
    for entry in node.entries()? {
        let value = &entry.value;
        match entry.key.as_str() {
            "verdict" | "because" if in_rule => {}
            "option" => condition.option = words(value)?,
            "without" => condition.without = words(value)?,
            "value" => {
                for one in value.entries()? {
                    condition.value.push((one.key.clone(), patterns(&one.value)?));
                }
            }
            "operand" => condition.operand = patterns(value)?,
            "first" => condition.first = patterns(value)?,
            "last" => condition.last = patterns(value)?,
            "every" => condition.every = patterns(value)?,
            "operands" => condition.count = Some(range(value)?),
            "unless" => condition.unless = Some(Box::new(self::condition(value, false)?)),
            other => {
                let known =
                    ["option", "without", "value", "operand", "first", "last", "every", "operands", "unless"];
                return Err(entry.error(unknown(other, &known)));
            }
        }
    }
    Ok(condition)
}

fn patterns(node: &Node) -> Read<Vec<Pattern>> {
    texts(node)?
        .into_iter()
        .map(|text| match text.strip_prefix('~') {
            // `~/.ssh` is a path.
            Some(regex) if !regex.starts_with('/') => {
                Regex::new(regex).map(Pattern::Regex).map_err(|error| {
                    let error = error.to_string();
                    node.error(error.lines().last().unwrap_or_default())
                })
            }
            _ => Ok(Pattern::Glob(text)),
        })
        .collect()
}

fn range(node: &Node) -> Read<(usize, usize)> {
    let text = node.as_str()?;
    let wrong = || node.error("a count of operands is `2`, `1..`, `..3` or `1..3`");
    let number =
        |text: &str, empty| if text.is_empty() { Ok(empty) } else { text.parse().map_err(|_| wrong()) };
    match text.split_once("..") {
        Some((from, to)) => Ok((number(from, 0)?, number(to, usize::MAX)?)),
        None => text.parse().map(|count| (count, count)).map_err(|_| wrong()),
    }
}

/// `rollout restart|undo` as the words of two sub-commands.
fn alternatives(key: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    for word in key.split_whitespace() {
        let mut next = Vec::new();
        for one in &all {
            for choice in word.split('|') {
                let mut words = one.clone();
                words.push(choice.to_owned());
                next.push(words);
            }
        }
        all = next;
    }
    all
}
