//! Which words of a simple command another interpreter reads as a program, and what may stand in them.
//!
//! A list of programs can never be whole. It needs to be whole for those that tools use, and errs towards
//! refusing: a value in a program's text must be plain, and for some languages less than that.

use super::lexer::Printed;

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
    pub(super) quoted: bool,
    /// It holds the output of other commands.
    pub(super) substituted: bool,
    /// Its first character or value among those that are walked.
    pub(super) begin: usize,
}

impl Word {
    pub(super) fn hold(&mut self, index: usize, text: &str) {
        self.values.push(Held { index, at: Some(self.text.len()), length: text.len() });
        self.text.push_str(text);
        self.quoted = true;
    }

    pub(super) fn hold_inner(&mut self, indexes: &[usize]) {
        self.values.extend(indexes.iter().map(|index| Held { index: *index, at: None, length: 0 }));
    }

    /// The part before the first value: the author's own.
    fn own(&self) -> &str {
        let end = self.values.iter().find_map(|held| held.at);
        end.and_then(|end| self.text.get(..end)).unwrap_or(&self.text)
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

/// Who reads a text as its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Shell,
    Awk,
    Jq,
    Sed,
    /// Languages whose operators can quote with letters and commas (`qx,id,`).
    Perl,
    /// Python, node, lua: a plain value is no call.
    Script,
    Sql,
    /// Shell arithmetic and names of shell variables, which may hold subscripts that run commands.
    Arithmetic,
    /// `NAME=value` for another program: names such as `LD_PRELOAD` run code.
    Environment,
}

impl Language {
    /// Whether `value` may stand in this language's text after `before`.
    pub(super) fn admits(self, value: &Printed, before: &str) -> bool {
        let only = |extra: &[u8]| value.text.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b));
        match self {
            Self::Shell | Self::Awk | Self::Jq | Self::Sql => value.is_plain(),
            Self::Script => only(b"_.:/-"),
            Self::Perl => only(b"_"),
            Self::Sed => {
                value.text.bytes().all(|b| b.is_ascii_digit()) || (sed_pattern(before) && only(b"_-.:=@%+"))
            }
            Self::Arithmetic => value.is_integer(),
            Self::Environment => value.is_plain() && (before.contains('=') || !value.text.contains('=')),
        }
    }

    pub(super) fn place(self) -> &'static str {
        match self {
            Self::Shell => "in text that a shell runs (`eval`, `sh -c`, `ssh`, …)",
            Self::Awk => "in an awk program",
            Self::Jq => "in a jq program",
            Self::Sed => "in a sed script",
            Self::Perl => "in a perl, ruby or php program",
            Self::Script => "in a program text",
            Self::Sql => "in an SQL statement",
            Self::Arithmetic => "in shell arithmetic or as the name of a shell variable",
            Self::Environment => "among the variables of another program",
        }
    }

    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Shell => "pass it as an argument: `sh -c 'grep -- \"$1\" file' _ {{ x }}`",
            Self::Awk => "pass it with `-v`: `awk -v x={{ x }} '$1 == x'`",
            Self::Jq => "pass it with `--arg`: `jq --arg x {{ x }} '.a == $x'`",
            Self::Sed => "use `grep -F -- {{ x }}` or `awk -v x={{ x }}`",
            Self::Perl | Self::Script => "pass it as an argument after the program and read it there",
            Self::Sql => "pass it as a variable of the client: `psql -v x={{ x }}` and `:'x'` on its input",
            Self::Arithmetic => "declare the parameter as `type: integer`",
            Self::Environment => "write the name out: `NAME={{ x }}`",
        }
    }
}

/// Whether what follows stands in the pattern or the replacement of `s/…/…/`, or in a `/…/` address.
fn sed_pattern(before: &str) -> bool {
    let start = before.rfind([';', '{', '\n']).map_or(0, |at| at + 1);
    let command = before.get(start..).unwrap_or_default().trim_start();
    let count = |text: &str, mark: char| {
        let mut escaped = false;
        text.chars()
            .filter(|c| {
                let counts = *c == mark && !escaped;
                escaped = *c == '\\' && !escaped;
                counts
            })
            .count()
    };
    let command = command.trim_start_matches(|c: char| c.is_ascii_digit() || ",$!".contains(c));
    match command.strip_prefix('s') {
        Some(rest) => rest.chars().next().is_some_and(|mark| {
            !mark.is_alphanumeric() && mark != '\\' && (1..=2).contains(&count(rest, mark))
        }),
        None => command.starts_with('/') && count(command, '/') == 1,
    }
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
    /// Variables it sets, from which word; `None`: from its input.
    pub(super) assigns: Vec<(String, Option<usize>)>,
}

/// Whether a `--` of the program itself stands before.
pub(super) fn options_ended(before: &[Word]) -> bool {
    const PASSES_ON: &[&str] = &[
        "env", "sudo", "doas", "timeout", "nice", "nohup", "xargs", "ssh", "exec", "command", "builtin",
        "find", "stdbuf", "setsid", "watch", "time", "chroot", "nsenter", "ionice", "strace", "parallel",
        "sh", "bash", "dash", "ksh", "zsh",
    ];
    let mut words = before.iter().skip_while(|word| word.assigns().is_some());
    let program = words.next().map(|word| base(&word.text)).unwrap_or_default();
    if PASSES_ON.contains(&program) {
        return false;
    }
    let words: Vec<&str> = words.map(|word| word.text.as_str()).collect();
    let Some(at) = words.iter().position(|word| *word == "--") else {
        return false;
    };
    // After `kubectl exec pod --` begins another command, whose options they would be.
    let inner = words.get(..at).unwrap_or_default();
    !inner.iter().any(|word| matches!(*word, "exec" | "debug" | "run"))
}

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn shell(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "dash" | "ksh" | "mksh" | "zsh" | "ash" | "fish" | "rbash")
}

/// Judges the words of one simple command.
pub(super) fn judge(words: &[Word]) -> Judged {
    let mut judged = Judged::default();
    let start = words.iter().take_while(|word| word.assigns().is_some()).count();
    from(words, start, &mut judged, 0);
    let runs_output = judged.programs.iter().any(|(at, language)| {
        *language == Language::Shell && words.get(*at).is_some_and(|word| word.substituted)
    });
    if runs_output && judged.reads_program.is_none() {
        // `eval "$(cat)"`: what is run may have come in by the input.
        judged.reads_program = Some(Language::Shell);
    }
    judged
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
    // `"$HOLMES_RS" jq`: the jq inside this binary, which reads its words as jq does.
    let own = program.text == "$HOLMES_RS" && program.variables.len() == 1 && !program.substituted;
    if own && words.get(start + 1).is_some_and(|word| word.text == "jq" && word.values.is_empty()) {
        jq(words, start + 2, judged);
        return;
    }
    if !program.variables.is_empty() || program.substituted {
        // `$SHELL -c …`: whatever it is, its operands may be a program.
        all(words, start + 1, Language::Shell, judged);
        return;
    }
    let version = |c: char| c.is_ascii_digit() || c == '.';
    let next = start + 1;
    let program = match name.trim_end_matches(version) {
        // A number is no program's version but the pattern of a `case` arm on a line of its own.
        "" if name != "." => name,
        program => program,
    };
    match program {
        // `.` itself, of which the line above leaves nothing.
        "" | "source" | "at" | "batch" | "crontab" | "ed" | "ex" | "vi" | "vim" | "gdb" | "lldb" => {
            all(words, next, Language::Shell, judged);
            judged.reads_program = Some(Language::Shell);
        }
        "set" => judged.sets_arguments = true,
        // `function name { command`.
        "function" => from(words, next + 2, judged, depth + 1),
        "eval" | "trap" | "alias" | "watch" | "parallel" | "fc" | "bind" | "complete" | "compgen" => {
            all(words, next, Language::Shell, judged);
        }
        name if shell(name) => shells(words, next, judged),
        "su" | "script" | "flock" | "runuser" => {
            options(words, next, &["-c", "--command"], Language::Shell, judged);
            inner(words, next, judged, depth);
            judged.reads_program = Some(Language::Shell);
        }
        "ssh" | "rsh" | "mosh" => remote(words, next, judged),
        "let" | "unset" | "read" | "mapfile" | "readarray" | "getopts" | "[[" | "wait" => {
            builtin(words, start, judged);
        }
        "declare" | "typeset" | "local" | "export" | "readonly" => declaration(words, next, judged),
        "printf" | "test" | "[" => {
            options(words, next, &["-v", "-R"], Language::Arithmetic, judged);
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
        }
        "python" | "pypy" | "node" | "nodejs" | "lua" | "deno" | "bun" => {
            interpreter(words, next, Language::Script, judged);
        }
        "psql" | "mysql" | "mariadb" | "clickhouse-client" | "sqlcmd" => {
            let takes = ["-c", "--command", "-e", "--execute", "-q", "--query", "-Q"];
            options(words, next, &takes, Language::Sql, judged);
            judged.reads_program = Some(Language::Sql);
        }
        "sqlite" | "duckdb" | "bq" => all(words, next, Language::Sql, judged),
        "env" => environment(words, next, judged, depth),
        "find" => {
            for (at, word) in words.iter().enumerate().skip(next) {
                if matches!(word.text.as_str(), "-exec" | "-execdir" | "-ok" | "-okdir") {
                    from(words, at + 1, judged, depth + 1);
                }
            }
        }
        "xargs" => {
            let known = judged.programs.len();
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

/// `sh -c program name arguments…`, `sh file`, or a program on the input.
fn shells(words: &[Word], next: usize, judged: &mut Judged) {
    let mut commands = false;
    let mut at = next;
    while let Some(word) = words.get(at) {
        let option = word.text.starts_with(['-', '+']);
        if !option {
            break;
        }
        if !word.values.is_empty() {
            judged.programs.push((at, Language::Shell));
        }
        if word.text == "--" {
            at += 1;
            break;
        }
        let short = !word.text.starts_with("--");
        commands |= short && word.text.contains('c');
        at += 1;
        let takes = short && (word.text.contains('o') || word.text.contains('O'))
            || matches!(word.text.as_str(), "--rcfile" | "--init-file");
        at += usize::from(takes);
    }
    match words.get(at) {
        Some(program) => {
            judged.programs.push((at, Language::Shell));
            // An inner `eval "$1"` would run what is data here.
            let text = &program.text;
            if commands && (text.contains("eval") || text.contains("sh -") || text.contains("((")) {
                all(words, at + 1, Language::Shell, judged);
            }
        }
        None => judged.reads_program = Some(Language::Shell),
    }
    if !commands && words.iter().skip(next).any(|word| word.text == "-s" || word.text == "-") {
        judged.reads_program = Some(Language::Shell);
    }
}

/// Everything after the host is a command line for the shell over there.
fn remote(words: &[Word], next: usize, judged: &mut Judged) {
    const TAKES: &str = "BbcDEeFIiJLlmOopQRSWw";
    let mut at = next;
    while let Some(word) = words.get(at).filter(|word| word.is_option()) {
        let takes = word.text.len() == 2 && word.text.ends_with(|c| TAKES.contains(c));
        // `-o ProxyCommand=…` runs a command here.
        if word.text.starts_with("-o") {
            judged.programs.push((at, Language::Shell));
            judged.programs.push((at + 1, Language::Shell));
        }
        at += 1 + usize::from(takes);
    }
    all(words, at + 1, Language::Shell, judged);
    let runs_shell = words.iter().skip(at + 1).any(|word| shell(base(&word.text)));
    if words.len() <= at + 1 || runs_shell {
        judged.reads_program = Some(Language::Shell);
    }
}

fn builtin(words: &[Word], start: usize, judged: &mut Judged) {
    let name = words.get(start).map(|word| word.text.as_str()).unwrap_or_default();
    let numeric = |word: &Word| {
        !word.quoted
            && matches!(word.text.as_str(), "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge" | "-v" | "-R")
    };
    if name == "[[" {
        if words.iter().any(numeric) {
            all(words, start + 1, Language::Arithmetic, judged);
            judged.evaluated.extend(start + 1..words.len());
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

/// Programs whose first operand is their program, unless an option brought one.
fn first_operand(
    words: &[Word],
    next: usize,
    takes: &[&str],
    files: &[&str],
    programs: &[&str],
    language: Language,
    judged: &mut Judged,
) {
    options(words, next, programs, language, judged);
    let mut brought = false;
    let mut at = next;
    while let Some(word) = words.get(at).filter(|word| word.is_option()) {
        let text = word.text.as_str();
        if text == "--" {
            at += 1;
            break;
        }
        let begins = |names: &[&str]| names.iter().any(|name| text.starts_with(name));
        brought |= begins(files) || begins(programs);
        if begins(files)
            && words.get(at + 1).is_some_and(|word| word.text == "-" || word.text == "/dev/stdin")
        {
            judged.reads_program = Some(language);
        }
        at += 1 + usize::from(takes.contains(&text) || programs.contains(&text));
    }
    if !brought && at < words.len() {
        judged.programs.push((at, language));
    }
}

fn jq(words: &[Word], next: usize, judged: &mut Judged) {
    let mut at = next;
    let mut brought = false;
    while let Some(word) = words.get(at) {
        match word.text.as_str() {
            "--arg" | "--argjson" | "--slurpfile" | "--rawfile" | "--argfile" => at += 3,
            "--indent" | "-L" | "--library-path" => at += 2,
            "-f" | "--from-file" => {
                brought = true;
                at += 2;
            }
            // What follows is data, once the program is there.
            "--args" | "--jsonargs" if brought => return,
            text if text.starts_with('-') => at += 1,
            _ if brought => at += 1,
            _ => {
                // A whole program that the model wrote is what `jq {{ expression }}` asks for, and jq can
                // neither run nor write anything. Inside the author's program a value stays a value.
                if !word.is_one_value() {
                    judged.programs.push((at, Language::Jq));
                }
                brought = true;
                at += 1;
            }
        }
    }
}

/// `perl -e program`, `python -c program`, `node -e program`, or a program on the input.
fn interpreter(words: &[Word], next: usize, language: Language, judged: &mut Judged) {
    let mut at = next;
    let mut brought = false;
    let mut magic = false;
    while let Some(word) = words.get(at).filter(|word| word.is_option()) {
        let text = word.text.as_str();
        if !word.values.is_empty() {
            judged.programs.push((at, language));
        }
        let short = !text.starts_with("--");
        // Combined options such as `-ne`: those that read files open names like `id|` as commands.
        magic |= language == Language::Perl && short && text.contains(['n', 'p', 'i']);
        let program = short && text.contains(['c', 'e', 'E', 'r', 'p'])
            || text.starts_with("--eval")
            || text.starts_with("--print");
        at += 1;
        if program && !text.contains('=') && text != "-n" {
            judged.programs.push((at, language));
            brought = true;
            // `-p` and `-r` may stand alone: then this word is looked at again.
            if text.contains(['c', 'e', 'E']) {
                at += 1;
            }
        }
    }
    if magic {
        all(words, at, Language::Shell, judged);
    }
    if !brought && words.get(at).is_none_or(|word| word.text == "-") {
        judged.reads_program = Some(language);
    }
}

fn environment(words: &[Word], next: usize, judged: &mut Judged, depth: usize) {
    let mut at = next;
    while let Some(word) = words.get(at) {
        let text = word.text.as_str();
        if text == "-S" || text.starts_with("--split-string") || text.starts_with("-S") {
            all(words, at, Language::Shell, judged);
            return;
        }
        if matches!(text, "-u" | "--unset" | "-C" | "--chdir") {
            at += 2;
        } else if word.is_option() || word.own().contains('=') {
            at += 1;
        } else if !word.values.is_empty() && text.contains('=') {
            judged.programs.push((at, Language::Environment));
            at += 1;
        } else {
            break;
        }
    }
    from(words, at, judged, depth + 1);
}

/// Wrappers and unknown programs: any interpreter among their operands is judged as a command, since `sudo`,
/// `timeout 5`, `kubectl exec pod --` and `docker run image` all end in one.
fn inner(words: &[Word], next: usize, judged: &mut Judged, depth: usize) {
    for (at, word) in words.iter().enumerate().skip(next) {
        let name = base(&word.text);
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
        let wrapped =
            words.get(at - 1).is_some_and(|before| before.text == "--" || before.is_option() || at == next);
        let after = at + 1;
        let told = words.get(after).is_some_and(Word::is_option);
        let interpreter = shell(name)
            || matches!(
                name,
                "perl"
                    | "ruby"
                    | "php"
                    | "python"
                    | "node"
                    | "psql"
                    | "mysql"
                    | "sqlite"
                    | "eval"
                    | "watch"
                    | "ssh"
                    | "find"
                    | "xargs"
                    | "env"
            );
        let filter = matches!(name, "awk" | "gawk" | "mawk" | "sed" | "jq" | "yq");
        if interpreter && (told || wrapped || shell(name) || name == "ssh" || name == "eval")
            || filter && !word.is_option()
        {
            from(words, at, judged, depth + 1);
            return;
        }
    }
}
