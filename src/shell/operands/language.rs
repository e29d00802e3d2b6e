//! Which values may stand in another language's text, after what its author wrote.

use super::super::lexer::Printed;

/// Who reads a text as its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) enum Language {
    Shell,
    Awk,
    Jq,
    Sed,
    /// Languages whose operators can quote with letters and commas (`qx,id,`).
    Perl,
    /// Python, node, lua: a plain value is no call.
    Script,
    Sql,
    /// curl's options, one a line (`curl -K -`).
    Curl,
    /// A format of `printf`, in which `%` and `\` are no text.
    Format,
    /// A jq program that is one value.
    WholeJq,
    /// `name=value` that changes what a program does.
    Setting,
    /// Shell arithmetic and names of shell variables, which may hold subscripts that run commands.
    Arithmetic,
    /// `NAME=value` for another program: names such as `LD_PRELOAD` run code.
    Environment,
}

impl Language {
    /// Whether `value` may stand in this language's text after `before`.
    pub(in crate::shell) fn admits(self, value: &Printed, before: &str) -> bool {
        let only = |extra: &[u8]| value.text.bytes().all(|b| b.is_ascii_alphanumeric() || extra.contains(&b));
        match self {
            Self::Shell | Self::Awk | Self::Jq | Self::Sql => value.is_plain(),
            Self::Script => only(b"_.:/-"),
            // Punctuation and letters alone can quote and run (`qx:id:`), so it must not be read as code.
            Self::Perl => value.is_integer() || (inside_perl_literal(before) && only(b"_-.:=@%+")),
            // Lines and their ranges (`1,5`), or text of a pattern that cannot end it.
            Self::Sed => {
                value.text.bytes().all(|b| b.is_ascii_digit() || b == b',' || b == b'+')
                    || sed_pattern(before).is_some_and(|mark| value.is_plain() && !value.text.contains(mark))
            }
            Self::Curl => stays_quoted(&value.text),
            Self::Format => !value.text.contains(['%', '\\']),
            Self::WholeJq => !super::scripts::jq_reaches_out(&value.text),
            Self::Arithmetic => value.is_integer(),
            Self::Environment | Self::Setting => {
                value.is_plain() && (before.contains('=') || !value.text.contains('='))
            }
        }
    }

    pub(in crate::shell) fn place(self) -> &'static str {
        match self {
            Self::Shell => "in text that a shell runs (`eval`, `sh -c`, `ssh`, …)",
            Self::Awk => "in an awk program",
            Self::Jq => "in a jq program",
            Self::Sed => "in a sed script",
            Self::Perl => "in a perl, ruby or php program",
            Self::Script => "in a program text",
            Self::Sql => "in a statement that a client runs (`psql`, `redis-cli`, …)",
            Self::Curl => "among curl's options, where quotes, backslashes and line feeds begin another one",
            Self::Format => "in a format of `printf`, where `%` and `\\` are no text",
            Self::WholeJq => "as a jq program, because it reads the environment or other files",
            Self::Setting => "where `name=value` changes what the program does",
            Self::Arithmetic => "in shell arithmetic or as the name of a shell variable",
            Self::Environment => "among the variables of another program",
        }
    }

    pub(in crate::shell) fn remedy(self) -> &'static str {
        match self {
            Self::Shell => "pass it as an argument: `sh -c 'grep -- \"$1\" file' _ {{ x }}`",
            Self::Awk => "pass it with `-v`: `awk -v x={{ x }} '$1 == x'`",
            Self::Jq => "pass it with `--arg`: `jq --arg x {{ x }} '.a == $x'`",
            Self::Sed => "use `grep -F -- {{ x }}` or `awk -v x={{ x }}`",
            Self::Perl | Self::Script => "pass it as an argument after the program and read it there",
            Self::Sql => "pass it as a variable of the client: `psql -v x={{ x }}` and `:'x'` on its input",
            Self::Curl => "put it into the command line: `--data-urlencode \"q={{ x }}\"`",
            Self::Format => "pass it as an argument: `printf '%s\\n' {{ x }}`",
            Self::WholeJq => "send a program that works on its input only",
            Self::Setting => "write the name out: `name={{ x }}`",
            Self::Arithmetic => "declare the parameter as `type: integer`",
            Self::Environment => "write the name out: `NAME={{ x }}`",
        }
    }
}

/// The mark that would end the pattern or the replacement of `s/…/…/`, or the `/…/` address, where what follows
/// stands in one.
fn sed_pattern(before: &str) -> Option<char> {
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
        Some(rest) => rest
            .chars()
            .next()
            .filter(|mark| !mark.is_alphanumeric() && *mark != '\\' && (1..=2).contains(&count(rest, *mark))),
        None => (command.starts_with('/') && count(command, '/') == 1).then_some('/'),
    }
}

/// Whether what follows stands in a string or a pattern of a program simple enough to be sure: anything odd
/// before it is a no.
fn inside_perl_literal(before: &str) -> bool {
    let mut inside = None;
    let mut code = String::new();
    for c in before.chars() {
        match inside {
            Some(_) if c == '\\' => return false,
            Some(mark) if c == mark => {
                inside = None;
                code.push('x');
            }
            Some(_) => {}
            None if c == '\'' || c == '"' => inside = Some(c),
            None if c == '/' => {
                // A pattern begins where a value is awaited; elsewhere it divides.
                let code = code.trim_end();
                let word =
                    code.rsplit(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default();
                let awaits =
                    matches!(word, "if" | "unless" | "and" | "or" | "not" | "while" | "split" | "grep")
                        || word.is_empty() && code.chars().next_back().is_none_or(|c| "(~!&|;{".contains(c));
                if !awaits {
                    return false;
                }
                inside = Some('/');
            }
            None if c.is_ascii_alphanumeric() || "_ \t\n$;(){}~<>!&|,.".contains(c) => code.push(c),
            None if c == '=' => code.push(c),
            None => return false,
        }
    }
    // `s…`, `qw…`, `tr…`, `y…`, `m…`: other marks than these quote there.
    let quoting = |word: &str| matches!(word, "s" | "m" | "q" | "qq" | "qw" | "qr" | "qx" | "tr" | "y");
    inside.is_some() && !code.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(quoting)
}

/// Whether a text between double quotes of curl's options file stays between them, and in its line.
fn stays_quoted(text: &str) -> bool {
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' | '\n' | '\r' => return false,
            '\\' if !matches!(chars.next(), Some(next) if next != '\n' && next != '\r') => return false,
            _ => {}
        }
    }
    true
}
