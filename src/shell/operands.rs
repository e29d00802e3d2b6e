//! Which words of a simple command another interpreter reads as a program, and what may stand in them.
//!
//! A list of programs can never be whole. It needs to be whole for those that tools use, and errs towards
//! refusing: a value in a program's text must be plain, and for some languages less than that.

mod clients;
mod files;
mod interpreters;
mod language;
mod options;
mod scripts;
mod shells;

use interpreters::{first_operand, interpreter, jq};
pub(super) use language::Language;
use shells::{environment, remote, shells};

pub(super) use files::{Prefix, names_a_file};
pub(super) use options::{ends_before_an_option, may_be_option};

/// A value inside a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) index: usize,
    /// Where it begins in `Word::text`; `None` inside a substitution.
    pub(super) at: Option<usize>,
    /// Of its text, in bytes.
    length: usize,
}

/// One word of a command, as far as it is known before the shell runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// Quotes removed, values in place, substitutions left out.
    pub(super) text: String,
    pub(super) values: Vec<Held>,
    /// Names the shell expands in it.
    pub(super) variables: Vec<String>,
    /// Those of them that the shell splits at blanks.
    pub(super) split: Vec<String>,
    pub(super) quoted: bool,
    /// It holds the output of other commands.
    pub(super) substituted: bool,
    /// Its first character or value among those that are walked.
    pub(super) begin: usize,
    /// Values and variables whose text may begin the word, or what it assigns.
    pub(super) leading: Vec<usize>,
    pub(super) leading_variables: Vec<String>,
    /// Bytes at the start of `text` that are only names of variables, which may be empty.
    pub(super) open: usize,
}

impl Word {
    pub(super) fn hold(&mut self, index: usize, text: &str) {
        // `{a,VALUE}`: each part becomes a word.
        let part = self.text.contains('{') && self.text.ends_with([',', '{']);
        if self.at_start() || part {
            self.leading.push(index);
        }
        self.values.push(Held { index, at: Some(self.text.len()), length: text.len() });
        self.text.push_str(text);
        self.quoted = true;
    }

    pub(super) fn hold_inner(&mut self, indexes: &[usize]) {
        if self.at_start() {
            self.leading.extend_from_slice(indexes);
        }
        self.values.extend(indexes.iter().map(|index| Held { index: *index, at: None, length: 0 }));
    }

    /// Names that commands in it expand.
    pub(super) fn expand_inner(&mut self, names: &[String]) {
        if self.at_start() {
            self.leading_variables.extend_from_slice(names);
        }
        self.variables.extend_from_slice(names);
    }

    /// `$name`, whose spelling is `spelled` in the text.
    pub(super) fn expand(&mut self, name: String, spelled: &str, quoted: bool) {
        let starts = self.at_start();
        self.text.push_str(spelled);
        if starts {
            self.leading_variables.push(name.clone());
            self.open = self.text.len();
        }
        if !quoted {
            self.split.push(name.clone());
        }
        self.variables.push(name);
    }

    /// Nothing of the author's own stands before, in the word or after the `=` of an assignment.
    fn at_start(&self) -> bool {
        self.text.len() == self.open
            || self.text.ends_with('=')
                && self.text.find('=') == Some(self.text.len() - 1)
                && self.assigns().is_some()
    }

    /// The part before the first value: the author's own.
    fn own(&self) -> &str {
        let end = self.values.iter().find_map(|held| held.at);
        end.and_then(|end| self.text.get(..end)).unwrap_or(&self.text)
    }

    /// Without the values.
    pub(super) fn authors(&self) -> String {
        let mut text = self.text.clone();
        for held in self.values.iter().rev() {
            if let Some(at) = held.at.filter(|at| text.get(*at..at + held.length).is_some()) {
                text.replace_range(at..at + held.length, "");
            }
        }
        text
    }

    /// The variable's name, where the word is an assignment.
    pub(super) fn assigns(&self) -> Option<&str> {
        let (name, _) = self.own().split_once('=')?;
        let name = name.strip_suffix('+').unwrap_or(name);
        let name = name.split_once('[').map_or(name, |(name, _)| name);
        is_name(name).then_some(name)
    }

    /// Whether what follows would be an array's subscript in an assignment.
    pub(super) fn opens_subscript(&self) -> bool {
        self.text.split_once('[').is_some_and(|(name, rest)| is_name(name) && !rest.contains(']'))
    }

    fn is_one_value(&self) -> bool {
        matches!(self.values.as_slice(), [held] if held.at == Some(0) && held.length == self.text.len())
    }

    /// `"$name"` and nothing else, as one word.
    fn is_one_variable(&self) -> bool {
        matches!(self.variables.as_slice(), [_])
            && self.split.is_empty()
            && self.values.is_empty()
            && !self.substituted
            && self.open == self.text.len()
    }

    /// `name={{ value }}`, and nothing besides.
    pub(super) fn sets_one_value(&self) -> bool {
        let whole = |held: &Held| {
            held.at.is_some_and(|at| {
                at + held.length == self.text.len()
                    && self.text.get(..at).and_then(|own| own.strip_suffix('=')).is_some_and(is_name)
            })
        };
        matches!(self.values.as_slice(), [held] if whole(held))
            && self.variables.is_empty()
            && !self.substituted
    }

    fn is_option(&self) -> bool {
        self.text.starts_with('-') && self.text.len() > 1
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// Words after which a command begins.
pub(super) fn is_keyword(text: &str) -> bool {
    matches!(text, "if" | "then" | "else" | "elif" | "do" | "while" | "until" | "!" | "{" | "time" | "coproc")
}

/// Whether a command prints a number and nothing else, whatever it is given.
pub(super) fn prints_a_number(words: &[Word]) -> bool {
    let options =
        |all: fn(&str) -> bool| words.iter().skip(1).any(|word| word.values.is_empty() && all(&word.text));
    match words.first().map_or("", |word| base(&word.text)) {
        // With the name of a file it prints that as well.
        "wc" => words.iter().skip(1).all(|word| word.is_option() && word.values.is_empty()),
        "nproc" => true,
        "date" => options(|text| text == "+%s"),
        "grep" | "pgrep" => options(|text| text == "-c" || text == "--count" || text == "-ic"),
        // `jq '.items | length'`: the author's own program, whose last step is that.
        "jq" => {
            let flag = |word: &&Word| matches!(word.text.as_str(), "-r" | "-c" | "-e" | "-n" | "-s" | "-M");
            words.iter().skip(1).find(|word| !flag(word)).is_some_and(|program| {
                let own = program.values.is_empty() && program.variables.is_empty() && !program.substituted;
                let last = program.text.rsplit('|').next().unwrap_or_default().trim();
                own && last == "length" && !program.text.contains(',')
            })
        }
        _ => false,
    }
}

/// Whether a command prints nothing, whatever it is given: `… || true`.
pub(super) fn prints_nothing(words: &[Word]) -> bool {
    matches!(words.first().map_or("", |word| word.text.as_str()), "true" | ":" | "false" | "exit" | "return")
}

/// Whether what a command prints may be what it was given by the name of a variable. What comes from elsewhere, such
/// as a server's answer, is not.
pub(super) fn passes_text(words: &[Word]) -> bool {
    let program = words.first().map_or("", |word| base(&word.text));
    matches!(
        program,
        "" | "echo"
            | "printf"
            | "cat"
            | "sed"
            | "tr"
            | "cut"
            | "head"
            | "tail"
            | "grep"
            | "awk"
            | "gawk"
            | "mawk"
            | "sort"
            | "uniq"
            | "rev"
            | "basename"
            | "dirname"
            | "jq"
            | "tee"
            | "xargs"
            | "read"
            | "paste"
            | "base64"
    )
}

/// What a simple command does with its words.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    /// Position of a word, and who reads it.
    pub(super) programs: Vec<(usize, Language)>,
    /// Its standard input is its program.
    pub(super) reads_program: Option<Language>,
    /// Positions of words in which the names of variables are evaluated as arithmetic.
    pub(super) evaluated: Vec<usize>,
    /// It sets the positional parameters.
    pub(super) sets_arguments: bool,
    /// Position of a word that names a file which is run, and by whom.
    pub(super) files: Vec<(usize, Language)>,
    /// It prints variables with what they hold.
    pub(super) dumps: bool,
    /// Its program comes from an input that is not its own: that of the loop or the function around it.
    pub(super) inherits: bool,
    own_input: bool,
    /// Positions of shell programs that are followed by arguments for them.
    pub(super) nested: Vec<usize>,
    /// It makes words for another program of its input; `Some(true)`: at blanks.
    pub(super) makes_words: Option<bool>,
    /// Variables it sets, from which word; `None`: from its input.
    pub(super) assigns: Vec<(String, Option<usize>)>,
}

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn shell(program: &str) -> bool {
    matches!(
        program,
        "sh" | "bash"
            | "dash"
            | "ksh"
            | "mksh"
            | "zsh"
            | "ash"
            | "fish"
            | "rbash"
            | "csh"
            | "tcsh"
            | "nu"
            | "pwsh"
    )
}

/// Variables whose values programs run, or load as code.
const RUN: &[&str] = &[
    "BASH_ENV",
    "ENV",
    "PS4",
    "PROMPT_COMMAND",
    "PATH",
    "IFS",
    "LD_PRELOAD",
    "LD_AUDIT",
    "LD_LIBRARY_PATH",
    "PAGER",
    "GIT_PAGER",
    "LESSOPEN",
    "EDITOR",
    "VISUAL",
    "KUBE_EDITOR",
    "GIT_EDITOR",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "PERL5OPT",
    "PERL5LIB",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYOPT",
    "NODE_OPTIONS",
    "JAVA_TOOL_OPTIONS",
    "RUBYLIB",
    "NODE_PATH",
    "RSYNC_RSH",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "PSQL_PAGER",
    "MANPAGER",
    "BROWSER",
    "TAR_OPTIONS",
    "DYLD_INSERT_LIBRARIES",
];

/// Judges the words of one simple command.
pub(super) fn judge(words: &[Word]) -> Judged {
    let mut judged = Judged::default();
    let start = words.iter().take_while(|word| word.assigns().is_some()).count();
    for (at, word) in words.iter().enumerate() {
        if word.assigns().is_some_and(|name| RUN.contains(&name)) {
            judged.programs.push((at, Language::Shell));
        }
    }
    from(words, start, &mut judged, 0);
    // Of an unknown program `sh` may be no more than an operand.
    let program = words.get(start).map_or("", |word| base(&word.text));
    judged.inherits &= judged.own_input || options::wraps(program);
    // `bash /dev/stdin`: a file's name for the input.
    let input =
        |(at, language): &(usize, Language)| words.get(*at).filter(|word| is_input(word)).map(|_| *language);
    judged.reads_program = judged.reads_program.or_else(|| judged.files.iter().find_map(input));
    let runs_output = judged.programs.iter().any(|(at, language)| {
        *language == Language::Shell && words.get(*at).is_some_and(|word| word.substituted)
    });
    if runs_output && judged.reads_program.is_none() {
        // `eval "$(cat)"`: what is run may have come in by the input.
        judged.reads_program = Some(Language::Shell);
    }
    judged
}

/// `-`, `/dev/stdin`: the input, by a file's name.
fn is_input(word: &Word) -> bool {
    let text = word.text.as_str();
    let descriptor = text.starts_with("/dev/fd/") || text.starts_with("/proc/self/fd/");
    matches!(text, "-" | "/dev/stdin") || descriptor && !word.substituted
}

fn all(words: &[Word], from: usize, language: Language, judged: &mut Judged) {
    judged.programs.extend((from..words.len()).map(|at| (at, language)));
}

/// Judges the command that begins at `start`.
#[allow(clippy::too_many_lines)] // A table of programs: it reads as one.
fn from(words: &[Word], start: usize, judged: &mut Judged, depth: usize) {
    let Some(program) = words.get(start) else {
        return;
    };
    if depth > 8 {
        all(words, start, Language::Shell, judged);
        return;
    }
    let name = base(&program.text);
    // This very program: its `jq` takes arguments as any other does.
    if program.variables == ["HOLMES_RS"] && program.values.is_empty() {
        from(words, start + 1, judged, depth + 1);
        return;
    }
    if name != program.text || !program.variables.is_empty() {
        judged.files.push((start, Language::Shell));
    }
    if !program.variables.is_empty() || program.substituted {
        // `$SHELL -c …`: whatever it is, its operands may be a program. `$v`: which one, the value says; `"$@"`
        // is judged where it comes from.
        let said = program.substituted || !program.split.is_empty();
        all(words, start + usize::from(!said), Language::Shell, judged);
        return;
    }
    let version = |c: char| c.is_ascii_digit() || c == '.';
    let next = start + 1;
    let program = match name.trim_end_matches(version) {
        "" if name == "." => "source",
        // A number is no program's version but the pattern of a `case` arm on a line of its own, and what ends
        // in a slash is a folder: neither can be run.
        "" => name,
        program => program,
    };
    match program {
        "source" | "at" | "batch" | "crontab" | "ed" | "ex" | "vi" | "vim" | "gdb" | "lldb" => {
            all(words, next, Language::Shell, judged);
            judged.files.push((next, Language::Shell));
            judged.reads_program = Some(Language::Shell);
        }
        "set" => {
            judged.sets_arguments = !switches(words.get(next..).unwrap_or_default());
            judged.dumps = words.len() <= next;
        }
        "command" | "builtin" | "exec" => {
            let at = (next..words.len()).find(|at| !words.get(*at).is_some_and(Word::is_option));
            let looks = words.get(next).is_some_and(|word| matches!(word.text.as_str(), "-v" | "-V"));
            if let Some(at) = at.filter(|_| !looks) {
                from(words, at, judged, depth + 1);
            }
        }
        // `function name { command`.
        "function" => from(words, next + 2, judged, depth + 1),
        "eval" | "trap" | "alias" | "hash" | "enable" | "watch" | "parallel" | "fc" | "bind" | "complete"
        | "compgen" => {
            all(words, next, Language::Shell, judged);
        }
        name if shell(name) => {
            shells(words, next, judged);
            judged.inherits |= judged.reads_program.is_some();
            judged.own_input |= depth == 0;
        }
        "case" => {}
        "su" | "script" | "flock" | "runuser" => {
            options(words, next, &["-c", "--command"], Language::Shell, judged);
            inner(words, next, judged, depth);
            judged.reads_program = Some(Language::Shell);
        }
        "ssh" | "rsh" | "mosh" => remote(words, next, judged),
        "let" | "unset" | "read" | "mapfile" | "readarray" | "getopts" | "[[" | "wait" => {
            builtin(words, start, judged);
        }
        "declare" | "typeset" | "local" | "export" | "readonly" => {
            judged.dumps = words.iter().skip(next).all(Word::is_option);
            declaration(words, next, judged);
        }
        "printf" | "test" | "[" => {
            options(words, next, &["-v", "-R"], Language::Arithmetic, judged);
            if name == "printf" {
                let format = next + if words.get(next).is_some_and(|word| word.text == "-v") { 2 } else { 0 };
                let format = format + usize::from(words.get(format).is_some_and(|word| word.text == "--"));
                judged.programs.push((format, Language::Format));
            }
            if name == "printf"
                && words.get(next).is_some_and(|word| word.text == "-v")
                && let Some(word) = words.get(next + 1)
            {
                judged.assigns.push((word.text.clone(), None));
            }
        }
        "for" | "select" => {
            if let Some(variable) = words.get(next) {
                for at in next + 1..words.len() {
                    judged.assigns.push((variable.text.clone(), Some(at)));
                }
            }
        }
        "awk" | "gawk" | "mawk" | "nawk" | "original-awk" => {
            let takes = ["-v", "-F", "--assign", "--field-separator", "-f", "--file", "-i", "--include"];
            first_operand(words, next, &takes, &["-f", "--file"], &["-e", "--source"], Language::Awk, judged);
            passed_on(words, next, scripts::awk_runs, judged);
        }
        "sed" | "gsed" => {
            let takes = ["-e", "--expression", "-f", "--file", "-l", "--line-length"];
            first_operand(
                words,
                next,
                &takes,
                &["-f", "--file"],
                &["-e", "--expression"],
                Language::Sed,
                judged,
            );
        }
        "jq" | "gojq" | "jaq" => jq(words, next, judged),
        "yq" | "dasel" | "mlr" | "jmespath" | "jp" => {
            for (at, word) in words.iter().enumerate().skip(next) {
                if !word.is_option() || word.text.contains('=') || !word.values.is_empty() {
                    judged.programs.push((at, Language::Jq));
                }
            }
        }
        "perl" | "ruby" | "php" | "osascript" | "tclsh" | "expect" => {
            interpreter(words, next, Language::Perl, judged);
            judged.inherits |= judged.reads_program.is_some();
            judged.own_input |= depth == 0;
            // `open` and `<>` run names such as `id|`.
            let opens = |text: &str| runs_commands(text) || text.contains("open") || text.contains("<>");
            passed_on(words, next, opens, judged);
        }
        "python" | "pypy" | "node" | "nodejs" | "lua" | "deno" | "bun" => {
            interpreter(words, next, Language::Script, judged);
            judged.inherits |= judged.reads_program.is_some();
            judged.own_input |= depth == 0;
            passed_on(words, next, runs_commands, judged);
        }
        "mongosh" | "mongo" => {
            options(words, next, &["--eval"], Language::Script, judged);
            judged.reads_program = Some(Language::Script);
        }
        // What comes on their input are commands, one a line.
        "dc" | "ftp" | "sftp" | "telnet" | "nc" | "ncat" => judged.reads_program = Some(Language::Sql),
        name if clients::judge(name, words, next, judged) => {}
        "curl" => {
            let takes = |word: &Word| matches!(word.text.as_str(), "-K" | "--config");
            if words.iter().skip(next).any(|word| takes(word) || word.text.starts_with("-K")) {
                judged.reads_program = Some(Language::Curl);
            }
        }
        "printenv" => judged.dumps = true,
        "env" => {
            judged.dumps = words.len() <= next;
            environment(words, next, judged, depth);
        }
        "find" => {
            for (at, word) in words.iter().enumerate().skip(next) {
                if matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir") {
                    from(words, at + 1, judged, depth + 1);
                }
            }
        }
        "xargs" => {
            let known = judged.programs.len();
            let has = |option: &str| words.iter().skip(next).any(|word| word.text == option);
            if !has("--") {
                let whole = ["-0", "--null", "-d", "-0n1"].iter().any(|option| has(option));
                judged.makes_words = Some(!whole);
            }
            inner(words, next, judged, depth);
            if judged.programs.len() > known || words.iter().skip(next).any(|word| shell(base(&word.text))) {
                // What comes on the input is put into the program's text.
                judged.reads_program = Some(Language::Shell);
            }
        }
        "grep" | "egrep" | "fgrep" | "rg" | "echo" | "cat" | "ls" | "man" | "which" | "type" => {}
        _ => inner(words, next, judged, depth),
    }
}

/// Programs that run what they are given as data: then their words and their input are a shell's.
fn passed_on(words: &[Word], next: usize, runs: impl Fn(&str) -> bool, judged: &mut Judged) {
    if words.iter().skip(next).any(|word| runs(&word.authors())) {
        all(words, 0, Language::Shell, judged);
        judged.reads_program = Some(Language::Shell);
    }
}

fn runs_commands(text: &str) -> bool {
    ["system", "popen", "subprocess", "exec", "eval", "child_process", "qx", "`"]
        .iter()
        .any(|name| text.contains(name))
}

fn builtin(words: &[Word], start: usize, judged: &mut Judged) {
    let name = words.get(start).map(|word| word.text.as_str()).unwrap_or_default();
    let numeric = |word: &Word| {
        !word.quoted
            && matches!(word.text.as_str(), "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-v" | "-R")
    };
    if name == "[[" {
        let operators = words.iter().enumerate().skip(start + 1).filter(|(_, word)| numeric(word));
        for (at, operator) in operators {
            let unary = matches!(operator.text.as_str(), "-v" | "-R");
            for operand in (at - usize::from(!unary)..=at + 1).filter(|operand| *operand != at) {
                judged.programs.push((operand, Language::Arithmetic));
                judged.evaluated.push(operand);
            }
        }
        return;
    }
    all(words, start + 1, Language::Arithmetic, judged);
    if name == "let" {
        judged.evaluated.extend(start + 1..words.len());
    } else {
        for word in words.iter().skip(start + 1).filter(|word| is_name(&word.text)) {
            judged.assigns.push((word.text.clone(), None));
        }
        judged.assigns.extend(["REPLY", "MAPFILE"].map(|name| (name.to_owned(), None)));
    }
}

fn declaration(words: &[Word], next: usize, judged: &mut Judged) {
    let arithmetic =
        words.iter().skip(next).any(|word| word.is_option() && word.text.contains(['i', 'n', 'A', 'a']));
    for (at, word) in words.iter().enumerate().skip(next) {
        match word.assigns() {
            Some(name) if !arithmetic => judged.assigns.push((name.to_owned(), Some(at))),
            _ => {
                judged.programs.push((at, Language::Arithmetic));
                if arithmetic {
                    judged.evaluated.push(at);
                }
            }
        }
    }
}

/// The operands of some options.
fn options(words: &[Word], next: usize, names: &[&str], language: Language, judged: &mut Judged) {
    for (at, word) in words.iter().enumerate().skip(next) {
        let text = word.text.as_str();
        if names.contains(&text) {
            judged.programs.push((at + 1, language));
        } else if names.iter().any(|name| {
            text.strip_prefix(name).is_some_and(|rest| rest.starts_with('=') || !name.starts_with("--"))
        }) {
            judged.programs.push((at, language));
        }
    }
}

/// Wrappers and unknown programs: any interpreter among their operands is judged as a command, since `sudo`,
/// `timeout 5`, `kubectl exec pod --` and `docker run image` all end in one.
fn inner(words: &[Word], next: usize, judged: &mut Judged, depth: usize) {
    // `docker exec db mysql shop`: whichever of the words is the program.
    let runs = words.iter().skip(next).any(|word| matches!(word.text.as_str(), "exec" | "run" | "rsh"));
    for (at, word) in words.iter().enumerate().skip(next) {
        let name = base(&word.text);
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let wrapped =
            words.get(at - 1).is_some_and(|before| before.text == "--" || before.is_option() || at == next);
        let after = at + 1;
        let told = words.get(after).is_some_and(Word::is_option) || runs;
        let interpreter = shell(name)
            || matches!(
                name,
                "perl"
                    | "ruby"
                    | "php"
                    | "python"
                    | "pypy"
                    | "node"
                    | "nodejs"
                    | "lua"
                    | "deno"
                    | "bun"
                    | "mongosh"
                    | "mongo"
                    | "su"
                    | "parallel"
                    | "eval"
                    | "watch"
                    | "ssh"
                    | "find"
                    | "xargs"
                    | "env"
            )
            || clients::is_one(name);
        let filter = matches!(name, "awk" | "gawk" | "mawk" | "sed" | "jq" | "yq");
        if interpreter && (told || wrapped || shell(name) || name == "ssh" || name == "eval")
            || filter && !word.is_option()
        {
            from(words, at, judged, depth + 1);
            // `docker exec python python -c …`: the first may be a container's name.
            if !runs {
                return;
            }
        }
    }
}

/// `set -o pipefail`, `set -eu`: options of the shell, and no arguments.
fn switches(words: &[Word]) -> bool {
    words.iter().enumerate().all(|(at, word)| {
        let named = |before: &Word| matches!(before.text.as_str(), "-o" | "+o" | "-eo" | "-euo");
        let literal = word.values.is_empty() && word.variables.is_empty() && !word.substituted;
        let option = word.text.len() > 1 && word.text.starts_with(['-', '+']) && word.text != "--";
        literal && (option || at.checked_sub(1).and_then(|at| words.get(at)).is_some_and(named))
    })
}
