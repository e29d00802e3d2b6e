//! Where a word that begins with a value could be taken for an option of the program that gets it.
//!
//! Quotes change nothing here: `grep "-f/etc/passwd"` reads that file as well. What is not known to be safe is
//! taken for unsafe, and the tool's author is told how to make it safe.

use super::{Word, base, shell};

/// Options whose next word is their argument, whatever it begins with.
const TAKE: &[(&[&str], &[&str])] = &[
    (&["grep", "egrep", "fgrep", "zgrep"], &["-e", "-m", "-A", "-B", "-C", "--regexp", "--max-count"]),
    (&["rg"], &["-e", "-m", "-A", "-B", "-C", "-g", "-t", "--regexp", "--glob", "--max-count"]),
    (&["head", "tail"], &["-n", "-c", "--lines", "--bytes"]),
    (
        &["kubectl", "oc"],
        &[
            "-n",
            "-l",
            "-o",
            "-c",
            "--namespace",
            "--selector",
            "--container",
            "--context",
            "--field-selector",
            "--since",
            "--since-time",
            "--sort-by",
            "--tail",
            "--output",
        ],
    ),
    (
        &["docker", "podman", "nerdctl"],
        &["--tail", "--since", "--until", "--filter", "--format", "--context"],
    ),
    (
        &["journalctl"],
        &["-u", "-n", "-t", "-p", "-g", "-S", "-U", "--unit", "--since", "--until", "--grep", "--identifier"],
    ),
    (&["systemctl"], &["-t", "-n", "-p", "--type", "--state", "--property"]),
    (
        &["curl"],
        &["-d", "-H", "-X", "-u", "-A", "--data", "--data-urlencode", "--data-raw", "--header", "--url"],
    ),
    (&["awk", "gawk", "mawk"], &["-v", "-F"]),
    (&["cut"], &["-d", "-f", "-c", "-b"]),
    (&["sort"], &["-k", "-t"]),
    (&["helm"], &["-n", "--namespace", "--kube-context", "--revision", "--max"]),
    (&["psql"], &["-v", "-U", "-d", "-h", "-p"]),
    (&["git"], &["-n", "--grep", "--author", "--since", "--until"]),
    (&["find"], &["-name", "-iname", "-path", "-ipath", "-regex", "-mmin", "-mtime", "-size", "-newermt"]),
    (&["date"], &["-d", "--date"]),
    (&["du"], &["-d", "-t", "--max-depth", "--threshold"]),
];

/// Programs that run another one: their options that take a word, and how many words stand before that program.
const WRAPPERS: &[(&str, &[&str], usize)] = &[
    ("timeout", &["-k", "-s", "--signal", "--kill-after"], 1),
    ("nice", &["-n", "--adjustment"], 0),
    ("ionice", &["-c", "-n", "--class", "--classdata"], 0),
    ("nohup", &[], 0),
    ("setsid", &[], 0),
    ("stdbuf", &["-i", "-o", "-e"], 0),
    ("command", &[], 0),
    ("exec", &["-a"], 0),
    ("time", &[], 0),
    ("sudo", &["-u", "-g"], 0),
    ("env", &["-u", "-C"], 0),
    ("xargs", &["-n", "-I", "-P", "-d", "-L", "-s", "-a", "-E"], 0),
];

/// Whether a program runs the one that follows it, with its own input.
pub(super) fn wraps(program: &str) -> bool {
    program == "builtin" || program != "xargs" && WRAPPERS.iter().any(|(name, ..)| *name == program)
}

/// Whether the word at `at`, which begins with a value, could be an option of the command `words`.
pub(in crate::shell) fn may_be_option(words: &[Word], at: usize) -> bool {
    let start = words.iter().take_while(|word| word.assigns().is_some()).count();
    command(words, start, at, 0)
}

fn command(words: &[Word], start: usize, at: usize, depth: usize) -> bool {
    // The program's own name is no option.
    if start >= at {
        return false;
    }
    let Some(word) = words.get(start).filter(|_| depth < 8) else {
        return true;
    };
    if word.variables == ["HOLMES_RS"] && word.values.is_empty() {
        return command(words, start + 1, at, depth + 1);
    }
    if !word.values.is_empty() || !word.variables.is_empty() || word.substituted {
        return true;
    }
    let program = base(&word.text);
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let before = text(at - 1);
    let own =
        |at: usize| words.get(at).is_some_and(|word| word.values.is_empty() && word.variables.is_empty());
    match program {
        // No options, or none that do anything but print; `[[`, `case` and `for` look for none in values.
        ":" | "true" | "false" | "[[" | "case" | "for" | "select" => return false,
        // `-n` is swallowed, unless a word before it ended the options.
        "echo" => return !(start + 1..at).any(|word| own(word) && !text(word).starts_with('-')),
        "printf" => {
            let format = start + if text(start + 1) == "-v" { 3 } else { 1 };
            return !(at > format && own(format) && !text(format).starts_with('-'));
        }
        "test" | "[" => return !tested(words, start, at),
        "jq" | "gojq" | "jaq" => {
            let named = |back: usize| at > start + back && matches!(text(at - back), "--arg" | "--argjson");
            if named(1) || named(2) && own(at - 1) {
                return false;
            }
        }
        _ => {}
    }
    if shell(program) {
        return !after_shell_program(words, start, at);
    }
    if let Some((_, taking, operands)) = WRAPPERS.iter().find(|(name, ..)| *name == program) {
        return match inner(words, start + 1, at, taking, *operands) {
            Some(inner) => command(words, inner, at, depth + 1),
            None => true,
        };
    }
    let takes =
        TAKE.iter().any(|(programs, options)| programs.contains(&program) && options.contains(&before));
    if takes && own(at - 1) && at - 1 > start {
        // Not where that word is itself the argument of an option, as in `grep -e -e X`.
        let earlier =
            at >= 2 && at - 2 > start && text(at - 2).starts_with('-') && !text(at - 2).contains('=');
        if !earlier
            || !TAKE
                .iter()
                .any(|(programs, options)| programs.contains(&program) && options.contains(&text(at - 2)))
        {
            return false;
        }
    }
    let Some(end) = (start + 1..at).find(|one| text(*one) == "--" && own(*one)) else {
        return true;
    };
    // `find -- -delete` and the like: they look for options behind it too.
    if matches!(
        program,
        "find" | "expr" | "ip" | "tc" | "dd" | "ssh" | "parallel" | "watch" | "chroot" | "nsenter" | "strace"
    ) {
        return true;
    }
    // After `kubectl exec pod --` begins another command, whose options they would be.
    let passes = (start + 1..end).any(|one| matches!(text(one), "exec" | "debug" | "run"));
    passes && command(words, end + 1, at, depth + 1)
}

/// The operand of `[` that cannot be an operator: exactly where POSIX says so by the number of words.
fn tested(words: &[Word], start: usize, at: usize) -> bool {
    let bracket = usize::from(words.get(start).is_some_and(|word| word.text == "["));
    let count = words.len().saturating_sub(start + 1 + bracket);
    let own = |at: usize| {
        words.get(at).filter(|word| word.values.is_empty() && word.variables.is_empty() && !word.substituted)
    };
    let text = |at: usize| own(at).map_or("", |word| word.text.as_str());
    let binary = |text: &str| {
        matches!(text, "=" | "==" | "!=" | "<" | ">" | "-eq" | "-ne" | "-lt" | "-le" | "-gt" | "-ge")
    };
    let unary = |text: &str| {
        matches!(
            text,
            "-n" | "-z" | "-f" | "-d" | "-e" | "-r" | "-s" | "-x" | "-w" | "-L" | "-h" | "-S" | "-p"
        )
    };
    let first = start + 1;
    match count {
        1 => true,
        2 => at == first + 1 && unary(text(first)),
        3 => binary(text(first + 1)),
        4 => text(first) == "!" && binary(text(first + 2)),
        _ => false,
    }
}

/// The arguments behind the program of `sh -c program name …`.
fn after_shell_program(words: &[Word], start: usize, at: usize) -> bool {
    let text = |at: usize| words.get(at).map_or("", |word| word.text.as_str());
    let mut next = start + 1;
    let mut commands = false;
    while next < at && text(next).starts_with(['-', '+']) {
        let option = text(next);
        commands |= !option.starts_with("--") && option.contains('c');
        next += 1 + usize::from(!option.starts_with("--") && option.contains(['o', 'O']));
    }
    commands && next < at
}

/// Where the program that a wrapper runs stands.
fn inner(words: &[Word], from: usize, at: usize, taking: &[&str], operands: usize) -> Option<usize> {
    let mut next = from;
    while let Some(word) = words.get(next).filter(|_| next < at) {
        let text = word.text.as_str();
        if word.assigns().is_some() {
            next += 1;
        } else if text.starts_with('-') {
            if !word.values.is_empty() {
                return None;
            }
            next += 1 + usize::from(taking.contains(&text));
        } else {
            return Some(next + operands).filter(|next| *next < at);
        }
    }
    None
}

/// Whether a value right after `before`, which is a shell's text, could be an option there. Quotes count as
/// blanks: what is odd is taken for unsafe.
pub(in crate::shell) fn ends_before_an_option(before: &str) -> bool {
    let ends = |c: char| ";|&\n({`".contains(c);
    let command = before.rfind(ends).and_then(|at| before.get(at + 1..)).unwrap_or(before);
    let bare = command.trim_end_matches(['"', '\'', '\\']);
    if !bare.is_empty() && !bare.ends_with([' ', '\t']) {
        // Glued to the author's own text.
        return false;
    }
    let mut words: Vec<Word> = bare
        .split([' ', '\t'])
        .filter(|word| !word.is_empty())
        .map(|word| Word { text: word.trim_matches(['"', '\'']).to_owned(), ..Word::default() })
        .collect();
    words.push(Word::default());
    may_be_option(&words, words.len() - 1)
}
