//! One simple command by the book: the verdict of its sub-command, made graver by options, operands, paths, redirections,
//! and by the command inside where it runs another.

use super::Verdict;
use super::arguments::{Arguments, Given, Inner, arguments, sub_command};
use super::book::{Book, Condition, Kind, Pattern, Program, Rule, glob_matches};
use super::languages::{self, Said};
use super::parse::{Parsed, Redirect, Simple, parse};
use super::paths::{holds_secrets, secret};
use super::word::{Doubt, Word};

/// Wrappers inside wrappers that are followed.
const DEEPEST: usize = 16;

/// Variables whose values are no secret.
const SHOWN: &[&str] = &[
    "?", "#", "HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PPID", "PWD", "RANDOM", "SECONDS", "SHELL",
    "TZ", "UID", "USER",
];

/// Folders whose programs are meant by their names.
const PROGRAM_FOLDERS: &[&str] = &["/bin", "/usr/bin", "/sbin", "/usr/sbin", "/usr/local/bin"];

/// What was found out of a simple command.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub verdict: Verdict,
    pub because: String,
    pub action: String,
    pub namespace: Option<String>,
    pub context: Option<String>,
    /// It is no program of its own: only a shell can run it.
    pub builtin: Option<String>,
}

impl Found {
    fn new(action: &str) -> Self {
        Self {
            verdict: Verdict::Read,
            because: String::new(),
            action: action.to_owned(),
            namespace: None,
            context: None,
            builtin: None,
        }
    }

    fn raise(&mut self, verdict: Verdict, because: impl Into<String>) {
        if verdict > self.verdict || self.because.is_empty() {
            self.verdict = self.verdict.max(verdict);
            self.because = because.into();
        }
    }

    fn said(&mut self, said: Option<Said>, about: &str) {
        if let Some((verdict, because)) = said {
            self.raise(verdict, format!("{about}: {because}"));
        }
    }
}

pub(super) struct Judge<'a> {
    pub book: &'a Book,
    /// Functions of the line.
    pub functions: Vec<String>,
    /// Where the next command may stand, as far as that is known: what a `cd` named, and all before it, since it may fail or
    /// stand in a subshell.
    pub cwd: Vec<String>,
    /// Whether the command that is judged gets what others say.
    pub fed: bool,
}

impl Judge<'_> {
    pub(super) fn simple(&mut self, simple: &Simple, depth: usize) -> Found {
        self.fed = simple.fed || depth > 0 && self.fed;
        let mut found =
            if simple.words.is_empty() { Found::new("") } else { self.invocation(&simple.words, depth) };
        for (name, value) in &simple.assignments {
            let (verdict, because) = self.variable(name, value);
            found.raise(verdict, because);
        }
        for redirect in &simple.redirects {
            self.redirect(redirect, &mut found);
        }
        if found.because.is_empty() {
            "nothing of concern".clone_into(&mut found.because);
        }
        found
    }

    fn variable(&self, name: &str, value: &Word) -> (Verdict, String) {
        let known = self.book.variables.iter().find(|(glob, _)| glob_matches(glob, name));
        let verdict = known.map_or(Verdict::Unknown, |(_, verdict)| *verdict);
        if verdict == Verdict::Read && value.doubts.iter().any(|doubt| *doubt != Doubt::Substitution) {
            return (Verdict::Unknown, format!("sets `{name}` to what nobody knows beforehand"));
        }
        // A locale or a terminal by its path is a file that somebody wrote.
        let text = value.text.split_once('=').map_or(value.text.as_str(), |(_, text)| text);
        if verdict == Verdict::Read && (text.starts_with(['/', ':', '~']) || text.contains("..")) {
            return (Verdict::Unknown, format!("sets `{name}` to a path"));
        }
        match verdict {
            Verdict::Read => (verdict, format!("sets `{name}`")),
            _ => (verdict, format!("sets the variable `{name}`")),
        }
    }

    fn redirect(&self, redirect: &Redirect, found: &mut Found) {
        let target = &redirect.target;
        let text = target.text.as_str();
        match redirect.operator {
            "<<" | "<<-" => return,
            "<<<" => {
                if let Some(doubt) = target.doubts.iter().find(|doubt| **doubt != Doubt::Substitution) {
                    found.raise(Verdict::Unknown, format!("the input is {}", doubt.describe()));
                }
                return;
            }
            _ => {}
        }
        if text.starts_with("/dev/tcp/") || text.starts_with("/dev/udp/") {
            return found.raise(Verdict::Change, format!("opens a network connection by `{text}`"));
        }
        let duplicates = redirect.operator.ends_with('&');
        let number = text.trim_end_matches('-').bytes().all(|byte| byte.is_ascii_digit());
        if duplicates && number && target.doubts.is_empty() {
            return;
        }
        if redirect.operator == "<" {
            if let Some(path) = secret(text, &self.cwd, &self.book.secret_paths) {
                found.raise(Verdict::Secret, format!("reads `{text}`: {}", path.because));
            }
            if let Some(doubt) = target.doubts.first() {
                found.raise(Verdict::Unknown, format!("reads {}", doubt.describe()));
            }
            return;
        }
        if !(target.doubts.is_empty() && languages::harmless_output(text)) {
            found.raise(Verdict::Change, format!("writes `{}`", target.written));
        }
    }

    /// A program with its words.
    fn invocation(&mut self, words: &[Word], depth: usize) -> Found {
        let Some((first, rest)) = words.split_first() else { return Found::new("") };
        let named = first.text.clone();
        let unknown = |because: String| {
            let mut found = Found::new(&named);
            found.raise(Verdict::Unknown, because);
            found
        };
        if depth > DEEPEST {
            return unknown(format!("wrappers inside each other more than {DEEPEST} deep"));
        }
        if let Some(doubt) = first.doubts.first() {
            return unknown(format!("the program is {}", doubt.describe()));
        }
        if first.tilde || named.is_empty() {
            return unknown("the program is no plain name".to_owned());
        }
        let mut name = named.as_str();
        if let Some((folder, base)) = named.rsplit_once('/') {
            if !PROGRAM_FOLDERS.contains(&folder) {
                return unknown(format!("`{named}` is a program by its path"));
            }
            name = base;
        }
        if self.functions.iter().any(|function| function == name) {
            return unknown(format!("`{name}` is a function of this line"));
        }
        let Some(program) = self.book.programs.get(name) else {
            return unknown(format!("no policy knows `{name}`"));
        };
        self.by_program(name, program, rest, depth)
    }

    #[allow(clippy::too_many_lines)] // One decision after the other, in the order docs/policy.md tells them.
    fn by_program(&mut self, name: &str, program: &Program, rest: &[Word], depth: usize) -> Found {
        let (seen, matched) = sub_command(program, rest);
        let (skipped, command) = matched.unwrap_or((0, &program.base));
        let mut action = name.to_owned();
        if !program.commands.is_empty() {
            for word in seen.iter().take(skipped.max(1)) {
                action.push(' ');
                action.push_str(word);
            }
        }
        let args = arguments(program, command, skipped, rest);
        let mut found = Found::new(&action);
        if program.builtin {
            found.builtin = Some(format!("`{name}` is part of the shell"));
        }
        let place = |because: &str| {
            let file = program.file.rsplit('/').next().unwrap_or_default();
            if because.is_empty() {
                format!("{file}: {action}")
            } else {
                format!("{file}: {action}: {because}")
            }
        };

        // The verdict of the sub-command, and the first rule that says otherwise.
        let mut verdict = command.verdict.unwrap_or(Verdict::Unknown);
        let mut because = command.because.clone();
        if !program.commands.is_empty() && matched.is_none() {
            match (seen.first(), program.base.alone) {
                (None, Some(alone)) => verdict = alone,
                (Some(word), _) if because.is_empty() => {
                    because = format!("sub-command `{word}` is not known");
                }
                _ => {}
            }
        }
        let wraps = command.wraps.is_some() || args.options.iter().any(|one| one.option.takes == Kind::Shell);
        let inner = args.inner.is_some() || args.options.iter().any(|one| one.option.takes == Kind::Shell);
        if wraps && !inner {
            verdict = command.alone.unwrap_or(Verdict::Unknown);
        }
        // Where a sub-command stands that nobody knows, no rule of the program makes it harmless.
        let unmatched = !program.commands.is_empty() && matched.is_none();
        let own = if unmatched && seen.is_empty() { &program.rules } else { &command.rules };
        if unmatched && !seen.is_empty() {
            verdict = verdict.max(Verdict::Unknown);
        } else if let Some(rule) = own.iter().find(|rule| applies(rule, &args)) {
            verdict = rule.verdict;
            because.clone_from(&rule.because);
        }
        found.raise(verdict, place(&because));
        for rule in program.rules.iter().filter(|rule| applies(rule, &args)) {
            found.raise(rule.verdict, place(&rule.because));
        }

        // What options and operands add.
        if let Some(unknown) = &args.unknown {
            found.raise(Verdict::Unknown, place(unknown));
        }
        for given in &args.options {
            let shown = given.option.names.first().map_or("", String::as_str);
            if let Some(verdict) = given.option.verdict {
                let because =
                    if given.option.because.is_empty() { "is of concern" } else { &given.option.because };
                found.raise(verdict, place(&format!("`{shown}` {because}")));
            }
            if let Some(value) = &given.value {
                self.value(given.option.takes, value, &place(&format!("`{shown}`")), &mut found, depth);
            }
        }
        if let Some(verdict) = command.fed.filter(|_| self.fed) {
            found.raise(verdict, place("takes what it is given for commands, or sends it on"));
        }
        // A text that an option gave is no operand any more.
        let first = command.operands.first().copied();
        let shift = usize::from(
            matches!(first, Some(Kind::Sed | Kind::Awk))
                && args.options.iter().any(|one| Some(one.option.takes) == first),
        );
        for (at, operand) in args.operands.iter().enumerate() {
            let at = at + shift;
            let kind = command.operands.get(at).or(command.operands.last()).copied().unwrap_or(Kind::Text);
            if kind == Kind::None {
                found.raise(Verdict::Unknown, place(&format!("`{}` is not expected", operand.written)));
            }
            self.value(kind, &operand.text, &place(""), &mut found, depth);
        }
        self.own_words(program, &args, &place, &mut found);
        self.trees(program, &args, &place, &mut found);
        found.namespace = value_of(&args, program.namespace.as_deref());
        found.context = value_of(&args, program.context.as_deref());

        // The commands inside.
        if command.wraps.as_ref().is_some_and(|wraps| wraps.assignments) {
            for operand in &args.operands {
                if let Some((variable, value)) = operand.text.split_once('=') {
                    let (verdict, because) = self.variable(variable, &Word::literal(value));
                    found.raise(verdict, place(&because));
                }
            }
        }
        for words in &args.commands {
            let inner = self.invocation(words, depth + 1);
            merge(&mut found, vec![inner]);
        }
        // `command -v x` runs nothing.
        let looks = name == "command"
            && args
                .options
                .iter()
                .any(|one| one.option.takes == Kind::Flag && one.option.verdict == Some(Verdict::Read));
        match &args.inner {
            None => {}
            Some(_) if looks => {}
            Some(Inner::Words(words)) => {
                let inner = self.invocation(words, depth + 1);
                if let Some(builtin) = &inner.builtin {
                    found.raise(Verdict::Unknown, format!("{builtin}, `{name}` cannot run it"));
                }
                merge(&mut found, vec![inner]);
            }
            Some(Inner::Text(text, doubts)) => {
                if let Some(doubt) = doubts.first() {
                    found.raise(Verdict::Unknown, place(&format!("the command is {}", doubt.describe())));
                }
                self.line(text, &mut found, depth);
            }
        }
        if matches!(name, "cd" | "pushd" | "popd") {
            self.moved(&args, &mut found);
        }
        found
    }

    /// After a `cd`: it may have worked or not, and hold for what follows or not.
    fn moved(&mut self, args: &Arguments<'_>, found: &mut Found) {
        // More folders than a line of sense goes to.
        const MOST: usize = 24;
        let Some(to) = args.operands.first().filter(|to| to.doubts.is_empty()) else { return };
        let mut places = Vec::new();
        if to.text.starts_with(['/', '~']) || self.cwd.is_empty() {
            places.push(to.text.clone());
        } else {
            places.extend(self.cwd.iter().map(|cwd| format!("{cwd}/{}", to.text)));
        }
        self.cwd.extend(places);
        if self.cwd.len() > MOST {
            self.cwd.truncate(MOST);
            found.raise(Verdict::Unknown, "goes to more folders than are followed");
        }
    }

    /// Every file below a folder is read: none of them may hold credentials.
    fn trees(
        &self,
        program: &Program,
        args: &Arguments<'_>,
        place: &dyn Fn(&str) -> String,
        found: &mut Found,
    ) {
        let Some(options) = &program.trees else { return };
        let reads = options.is_empty()
            || args.options.iter().any(|one| one.option.names.iter().any(|name| options.contains(name)));
        if !reads {
            return;
        }
        let mut named: Vec<&str> = args.operands.iter().map(|word| word.text.as_str()).collect();
        if named.len() < 2 {
            named.push(".");
        }
        if let Some(word) = named.iter().find(|word| holds_secrets(word, &self.cwd, &self.book.secret_paths))
        {
            found.raise(
                Verdict::Secret,
                place(&format!("reads every file below `{word}`, where credentials are")),
            );
        }
    }

    /// A text that a shell would read.
    fn line(&mut self, text: &str, found: &mut Found, depth: usize) {
        if depth >= DEEPEST {
            return found.raise(Verdict::Unknown, "shells inside each other, too deep");
        }
        let parsed = parse(text, depth * 2);
        let inner = self.all(&parsed, depth + 1);
        if let Some(unclear) = &parsed.unclear {
            found.raise(Verdict::Unknown, format!("not understood: {unclear}"));
        } else if inner.is_empty() {
            found.raise(Verdict::Unknown, "an empty command");
        }
        merge(found, inner);
    }

    /// Every simple command of what was parsed.
    pub(super) fn all(&mut self, parsed: &Parsed, depth: usize) -> Vec<Found> {
        self.functions.extend(parsed.functions.iter().cloned());
        parsed.commands.iter().map(|simple| self.simple(simple, depth)).collect()
    }

    fn value(&mut self, kind: Kind, text: &str, about: &str, found: &mut Found, depth: usize) {
        match kind {
            Kind::Output if !languages::harmless_output(text) => {
                found.raise(Verdict::Change, format!("{about} writes `{text}`"));
            }
            Kind::Url => found.said(languages::url(text), about),
            Kind::Sql => found.said(languages::sql(text), about),
            Kind::Awk => found.said(languages::awk(text), about),
            Kind::Sed => found.said(languages::sed(text), about),
            Kind::Jq => found.said(languages::jq(text), about),
            Kind::Shell => self.line(text, found, depth),
            _ => {}
        }
    }

    /// What holds for the words of every program: they must be known, and name nothing secret.
    fn own_words(
        &self,
        program: &Program,
        args: &Arguments<'_>,
        place: &dyn Fn(&str) -> String,
        found: &mut Found,
    ) {
        for word in &args.own {
            let doubt = word.doubts.iter().find(|doubt| match doubt {
                Doubt::Variable(name) => !(program.any_words && SHOWN.contains(&name.as_str())),
                _ => !program.any_words,
            });
            if let Some(doubt) = doubt {
                found.raise(Verdict::Unknown, place(&format!("`{}` is {}", word.written, doubt.describe())));
            }
            let lower = word.text.to_lowercase();
            if let Some(address) = self.book.metadata.iter().find(|address| lower.contains(address.as_str()))
                && !program.any_words
            {
                found.raise(Verdict::Secret, place(&format!("`{address}` gives a machine's credentials")));
            }
            if program.names_only || args.credentials.iter().any(|one| std::ptr::eq(*one, *word)) {
                continue;
            }
            if let Some(path) = secret(&word.text, &self.cwd, &self.book.secret_paths) {
                found.raise(Verdict::Secret, place(&format!("`{}`: {}", word.text, path.because)));
            }
        }
    }
}

/// Makes a wrapper as grave as what it runs, and names it so.
fn merge(found: &mut Found, inner: Vec<Found>) {
    let actions: Vec<String> =
        inner.iter().map(|one| one.action.clone()).filter(|one| !one.is_empty()).collect();
    if !actions.is_empty() {
        found.action = format!("{} {}", found.action, actions.join(" + "));
    }
    for one in inner {
        if one.verdict >= found.verdict {
            found.verdict = one.verdict;
            found.because = one.because;
        }
        found.namespace = found.namespace.take().or(one.namespace);
        found.context = found.context.take().or(one.context);
    }
}

fn value_of(args: &Arguments<'_>, name: Option<&str>) -> Option<String> {
    let name = name?;
    let given = args.options.iter().rev().find(|given| given.option.names.iter().any(|one| one == name))?;
    given.value.clone().filter(|_| given.certain)
}

/// What stands for an option, by whichever of its names.
fn given<'a>(args: &'a Arguments<'a>, name: &'a str) -> impl Iterator<Item = &'a Given<'a>> {
    args.options.iter().filter(move |one| one.option.names.iter().any(|known| known == name))
}

/// Whether a rule holds. What makes a read must hold for every time that an option is given, what is graver for one.
fn applies(rule: &Rule, args: &Arguments<'_>) -> bool {
    holds(&rule.when, args, rule.verdict == Verdict::Read)
}

/// Whether all conditions hold that are there; those of a value for `every` value of its option, or for one.
fn holds(when: &Condition, args: &Arguments<'_>, every: bool) -> bool {
    let any = |patterns: &[Pattern], text: &str| patterns.iter().any(|pattern| pattern.matches(text));
    let operands = &args.operands;
    (when.option.is_empty() || when.option.iter().any(|name| given(args, name).next().is_some()))
        && when.without.iter().all(|name| given(args, name).next().is_none())
        && when.value.iter().all(|(name, patterns)| {
            let matches = |one: &Given<'_>| one.value.as_ref().is_some_and(|value| any(patterns, value));
            given(args, name).any(matches) && (!every || given(args, name).all(matches))
        })
        && (when.operand.is_empty() || operands.iter().any(|word| any(&when.operand, &word.text)))
        && (when.first.is_empty() || operands.first().is_some_and(|word| any(&when.first, &word.text)))
        && (when.last.is_empty() || operands.last().is_some_and(|word| any(&when.last, &word.text)))
        && (when.every.is_empty()
            || !operands.is_empty() && operands.iter().all(|word| any(&when.every, &word.text)))
        && when.count.is_none_or(|(from, to)| (from..=to).contains(&operands.len()))
        && when.unless.as_ref().is_none_or(|unless| !holds(unless, args, !every))
}
