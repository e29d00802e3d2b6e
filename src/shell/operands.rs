//! Which words of a simple command another interpreter reads as a program, and what may stand in them.
//!
//! A list of programs can never be whole. It needs to be whole for those that tools use, and errs towards
//! refusing: a value in a program's text must be plain, and for some languages less than that.

mod language;
mod options;

pub(super) use language::Language;
pub(super) use options::may_be_option;

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
    /// Variables it sets, from which word; `None`: from its input.
    pub(super) assigns: Vec<(String, Option<usize>)>,
}

fn base(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

fn shell(program: &str) -> bool {
    matches!(program, "sh" | "bash" | "dash" | "ksh" | "mksh" | "zsh" | "ash" | "fish" | "rbash")
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
    // This very program: its `jq` takes arguments as any other does.
    if program.variables == ["HOLMES_RS"] && program.values.is_empty() {
        from(words, start + 1, judged, depth + 1);
        return;
    }
    if name != program.text || !program.variables.is_empty() {
        judged.files.push((start, Language::Shell));
    }
    if !program.variables.is_empty() || program.substituted {
        // `$SHELL -c …`: whatever it is, its operands may be a program.
        all(words, start + 1, Language::Shell, judged);
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
        "declare" | "typeset" | "local" | "export" | "readonly" => {
            judged.dumps = words.iter().skip(next).all(Word::is_option);
            declaration(words, next, judged);
        }
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
            let runs =
                |text: &str| text.contains("system") || text.contains("getline") || text.contains("| \"");
            passed_on(words, next, runs, judged);
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
            passed_on(words, next, runs_commands, judged);
        }
        "python" | "pypy" | "node" | "nodejs" | "lua" | "deno" | "bun" => {
            interpreter(words, next, Language::Script, judged);
            passed_on(words, next, runs_commands, judged);
        }
        "mongosh" | "mongo" => {
            options(words, next, &["--eval"], Language::Script, judged);
            judged.reads_program = Some(Language::Script);
        }
        // What comes on their input are commands, one a line.
        "redis-cli" | "valkey-cli" | "cqlsh" | "dc" | "ftp" | "sftp" | "telnet" | "nc" | "ncat" => {
            options(words, next, &["-e", "--execute"], Language::Sql, judged);
            judged.reads_program = Some(Language::Sql);
        }
        "curl" => {
            let takes = |word: &Word| matches!(word.text.as_str(), "-K" | "--config");
            if words.iter().skip(next).any(|word| takes(word) || word.text.starts_with("-K")) {
                judged.reads_program = Some(Language::Curl);
            }
        }
        "printenv" => judged.dumps = true,
        "psql" | "mysql" | "mariadb" | "clickhouse-client" | "sqlcmd" => {
            let takes = ["-c", "--command", "-e", "--execute", "-q", "--query", "-Q"];
            options(words, next, &takes, Language::Sql, judged);
            judged.reads_program = Some(Language::Sql);
        }
        "sqlite" | "duckdb" | "bq" => all(words, next, Language::Sql, judged),
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
    if words.iter().skip(next).any(|word| runs(&word.text)) {
        all(words, 0, Language::Shell, judged);
        judged.reads_program = Some(Language::Shell);
    }
}

fn runs_commands(text: &str) -> bool {
    ["system", "popen", "subprocess", "exec", "eval", "child_process", "qx", "`"]
        .iter()
        .any(|name| text.contains(name))
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
            if !commands {
                judged.files.push((at, Language::Shell));
            }
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
        if begins(files) {
            judged.files.push((at + 1, language));
        }
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
                judged.files.push((at + 1, Language::Jq));
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
    if !brought {
        judged.files.push((at, Language::Shell));
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

/// `set -o pipefail`, `set -eu`: options of the shell, and no arguments.
fn switches(words: &[Word]) -> bool {
    words.iter().enumerate().all(|(at, word)| {
        let named = |before: &Word| matches!(before.text.as_str(), "-o" | "+o" | "-eo" | "-euo");
        let literal = word.values.is_empty() && word.variables.is_empty() && !word.substituted;
        let option = word.text.len() > 1 && word.text.starts_with(['-', '+']) && word.text != "--";
        literal && (option || at.checked_sub(1).and_then(|at| words.get(at)).is_some_and(named))
    })
}
