//! Texts in other languages that programs take as a word: SQL, awk, sed, jq, addresses. Each says what of it is of concern;
//! none of them is understood whole, so what is not plainly harmless is of concern.

mod words;

use super::Verdict;
use words::{ACTS, FUNCTIONS, SECRET_TABLES};

/// What is of concern, and why.
pub(super) type Said = (Verdict, String);

/// Files that nobody misses what is written to them.
pub(super) fn harmless_output(path: &str) -> bool {
    matches!(path, "-" | "/dev/null" | "/dev/stdout" | "/dev/stderr" | "/dev/fd/1" | "/dev/fd/2")
}

/// An address to ask.
pub(super) fn url(text: &str) -> Option<Said> {
    let unknown = |why: String| Some((Verdict::Unknown, why));
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_lowercase(), rest),
        None => (String::new(), text),
    };
    if !matches!(scheme.as_str(), "" | "http" | "https" | "ws" | "wss") {
        return unknown(format!("an address of `{scheme}`"));
    }
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.contains(['[', '{', '*', '\\']) && !host.starts_with('[') {
        return unknown("an address that stands for several".to_owned());
    }
    if host.contains('@') {
        return Some((Verdict::Secret, "an address with a password".to_owned()));
    }
    let host = if host.starts_with('[') { host } else { host.split(':').next().unwrap_or_default() };
    // 2852039166, 0xA9FEA9FE and 0251.0376.0251.0376 are all 169.254.169.254.
    let numeric = !host.is_empty()
        && host.split('.').all(|part| {
            let hex = part.strip_prefix("0x").or_else(|| part.strip_prefix("0X"));
            !part.is_empty()
                && (part.bytes().all(|b| b.is_ascii_digit())
                    || hex.is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())))
        });
    let parts: Vec<&str> = host.split('.').collect();
    let plain =
        parts.len() == 4 && parts.iter().all(|part| part.parse::<u8>().is_ok_and(|n| n.to_string() == *part));
    if numeric && !plain {
        return unknown("an address in numbers that hide it".to_owned());
    }
    if host.starts_with('[')
        && (host.to_lowercase().contains("::ffff:") || host.to_lowercase().contains("a9fe"))
    {
        return Some((Verdict::Secret, "an address that may be a cloud's metadata".to_owned()));
    }
    None
}

/// SQL: one or several statements that only look, or what is of concern.
pub(super) fn sql(text: &str) -> Option<Said> {
    if let Some(command) = text.trim().strip_prefix('\\') {
        // Commands of psql's own.
        let name = command.split_whitespace().next().unwrap_or_default();
        let looks =
            ["l", "l+", "conninfo", "x", "timing", "z", "sf", "sf+", "sv", "sv+", "encoding", "?", "h"];
        let shows = name.starts_with('d')
            && name.trim_end_matches(['+', 'S']).bytes().all(|b| b.is_ascii_lowercase());
        let plain = command.chars().all(|c| c.is_alphanumeric() || " _.*+?,".contains(c));
        return if plain && (shows || looks.contains(&name)) {
            None
        } else {
            Some((Verdict::Unknown, format!("psql `\\{name}`")))
        };
    }
    // How the client of MySQL ends a statement.
    let text = text.trim_end().strip_suffix("\\G").unwrap_or(text);
    let Some(words) = sql_words(text) else {
        return Some((
            Verdict::Unknown,
            "SQL with comments, variables or quotes that are not followed".to_owned(),
        ));
    };
    let mut statements: Vec<Vec<&str>> = vec![Vec::new()];
    for word in &words {
        if word == ";" {
            statements.push(Vec::new());
        } else if let Some(last) = statements.last_mut() {
            last.push(word);
        }
    }
    let mut worst: Option<Said> = None;
    let mut raise = |said: Said| {
        if worst.as_ref().is_none_or(|(verdict, _)| said.0 > *verdict) {
            worst = Some(said);
        }
    };
    for statement in statements.iter().filter(|statement| !statement.is_empty()) {
        let first = statement.first().copied().unwrap_or_default();
        let looks = matches!(
            first,
            "select" | "show" | "explain" | "describe" | "desc" | "with" | "values" | "table" | "("
        );
        let acts = statement.iter().enumerate().find(|(at, word)| {
            ACTS.contains(*word)
                // `show create table`, `replace(…)`, `set` as a column are not told apart but for these.
                && !(first == "show" && matches!(**word, "create" | "grant"))
                && !(**word == "replace" && statement.get(at + 1) == Some(&"("))
        });
        match acts {
            Some((_, word)) if !looks => raise((Verdict::Change, format!("SQL `{word}`"))),
            Some((_, word))
                if matches!(*word, "into" | "insert" | "update" | "delete" | "outfile" | "dumpfile") =>
            {
                raise((Verdict::Change, format!("SQL `{word}`")));
            }
            Some((_, word)) => raise((Verdict::Unknown, format!("SQL `{word}`"))),
            None if !looks => raise((Verdict::Unknown, format!("SQL `{first}`"))),
            None => {}
        }
        for pair in statement.windows(2) {
            if let [name, "("] = pair
                && !matches!(*name, "(" | ";")
                && !FUNCTIONS.contains(&name.strip_prefix("pg_catalog.").unwrap_or(name))
            {
                raise((Verdict::Unknown, format!("SQL function `{name}`")));
            }
        }
        if matches!(statement.as_slice(), ["show", "create", "user", ..]) {
            raise((Verdict::Secret, "SQL `show create user` prints a hash".to_owned()));
        }
        if let Some(word) = statement.iter().find(|word| {
            let last = word.rsplit('.').next().unwrap_or_default();
            SECRET_TABLES.contains(*word) || SECRET_TABLES.contains(&last)
        }) {
            raise((Verdict::Secret, format!("SQL reads `{word}`")));
        }
    }
    worst
}

/// Lower-case words, `(` and `;` of SQL; `None` for what is not followed. Texts in quotes are left out.
fn sql_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => {
                // A backslash or an odd quote: databases differ.
                loop {
                    match chars.next()? {
                        '\'' => break,
                        '\\' => return None,
                        _ => {}
                    }
                }
            }
            '"' | '`' => {
                let mut name = String::new();
                loop {
                    match chars.next()? {
                        close if close == c => break,
                        // An escape to one database, a letter to another.
                        '\\' => return None,
                        inner => name.extend(inner.to_lowercase()),
                    }
                }
                words.push(name);
            }
            '-' if chars.peek() == Some(&'-') => return None,
            '/' if chars.peek() == Some(&'*') => return None,
            '#' | '$' | '\\' => return None,
            '(' | ';' => words.push(c.to_string()),
            c if c.is_alphanumeric() || c == '_' || c == '.' || c == '@' => {
                let mut word: String = c.to_lowercase().collect();
                while let Some(next) =
                    chars.peek().filter(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '@'))
                {
                    word.extend(next.to_lowercase());
                    chars.next();
                }
                words.push(word);
            }
            _ => {}
        }
    }
    Some(words)
}

/// A program of awk.
#[expect(clippy::too_many_lines, reason = "one pass over a program: its state would have to be carried")]
pub(super) fn awk(text: &str) -> Option<Said> {
    let unknown = |why: &str| Some((Verdict::Unknown, format!("awk: {why}")));
    let chars: Vec<char> = text.chars().collect();
    let mut at = 0;
    // Behind the `)` of a condition a `/` begins a pattern, behind that of a sum it divides.
    let conditions = text
        .split(|c: char| !(c.is_alphanumeric() || c == '_'))
        .any(|word| matches!(word, "if" | "while" | "for" | "switch"));
    // Whether a `/` here divides; and whether `>` here writes.
    let (mut operand, mut prints, mut depth) = (false, false, 0_usize);
    let mut before = ' ';
    while let Some(c) = chars.get(at).copied() {
        let next = chars.get(at + 1).copied();
        at += 1;
        let last = if c.is_whitespace() { before } else { std::mem::replace(&mut before, c) };
        match c {
            '/' if last == ')' && conditions || matches!(last, '+' | '-') && doubled(&chars, at - 1) => {
                return unknown("a `/` that divides or begins a pattern");
            }
            '"' => {
                loop {
                    match chars.get(at) {
                        None => return unknown("an open text"),
                        Some('\\') => at += 2,
                        Some('"') => break at += 1,
                        Some(_) => at += 1,
                    }
                }
                operand = true;
            }
            '/' if !operand => {
                loop {
                    match chars.get(at) {
                        None | Some('\n') => return unknown("an open pattern"),
                        Some('\\') => at += 2,
                        // Where a bracket holds a slash, or a bracket, awks differ.
                        Some('[') => {
                            at += 1;
                            if chars.get(at) == Some(&'^') {
                                at += 1;
                            }
                            if chars.get(at) == Some(&']') {
                                return unknown("brackets in a pattern");
                            }
                            while chars.get(at).is_some_and(|c| *c != ']') {
                                if matches!(chars.get(at), Some('/' | '\\' | '['))
                                    && chars.get(at + 1) != Some(&':')
                                    && (chars.get(at) == Some(&'/')
                                        || chars.get(at + 1) == Some(&'/')
                                        || chars.get(at + 1) == Some(&']'))
                                {
                                    return unknown("brackets in a pattern");
                                }
                                at += 1;
                            }
                        }
                        Some('/') => break at += 1,
                        Some(_) => at += 1,
                    }
                }
                operand = true;
            }
            '#' => {
                while chars.get(at).is_some_and(|c| *c != '\n') {
                    at += 1;
                }
            }
            '@' => return unknown("`@` calls or loads what nobody sees"),
            '|' if next == Some('|') => {
                at += 1;
                operand = false;
            }
            '|' => return Some((Verdict::Unknown, "awk: a pipe runs another program".to_owned())),
            '>' if next == Some('=') => {
                at += 1;
                operand = false;
            }
            '>' if prints && depth == 0 => return Some((Verdict::Change, "awk: writes a file".to_owned())),
            '(' => {
                depth += 1;
                operand = false;
            }
            ')' => {
                depth = depth.saturating_sub(1);
                operand = true;
            }
            // A line may go on behind a comma: `print 1,` and `2 > "file"`.
            '\n' => operand = false,
            ';' | '{' | '}' => {
                (prints, operand) = (false, false);
                if c != ';' {
                    depth = 0;
                }
            }
            ']' => operand = true,
            c if c.is_alphanumeric() || c == '_' || c == '$' => {
                let start = at - 1;
                while chars.get(at).is_some_and(|c| c.is_alphanumeric() || *c == '_') {
                    at += 1;
                }
                let word: String = chars.get(start..at).unwrap_or_default().iter().collect();
                match word.as_str() {
                    "system" => {
                        return Some((Verdict::Unknown, "awk: `system` runs another program".to_owned()));
                    }
                    "getline" => return unknown("`getline` reads what nobody sees"),
                    "ARGV" | "ARGC" => return unknown("`ARGV` decides which files are read"),
                    "ENVIRON" | "PROCINFO" => {
                        return Some((Verdict::Secret, "awk: reads the environment".to_owned()));
                    }
                    "print" | "printf" => prints = true,
                    _ => {}
                }
                operand = !matches!(
                    word.as_str(),
                    "print"
                        | "printf"
                        | "return"
                        | "in"
                        | "else"
                        | "do"
                        | "case"
                        | "delete"
                        | "exit"
                        | "BEGIN"
                        | "END"
                );
            }
            c if c.is_whitespace() => {}
            _ => operand = false,
        }
    }
    None
}

/// Whether a `++` or `--` ends before `at`.
fn doubled(chars: &[char], at: usize) -> bool {
    let before: Vec<char> = chars
        .get(..at)
        .unwrap_or_default()
        .iter()
        .rev()
        .filter(|c| !c.is_whitespace())
        .take(2)
        .copied()
        .collect();
    matches!(before.as_slice(), ['+', '+'] | ['-', '-'])
}

/// A program of sed.
pub(super) fn sed(text: &str) -> Option<Said> {
    let mut program = Sed { chars: text.chars().collect(), at: 0 };
    program.script().err()
}

struct Sed {
    chars: Vec<char>,
    at: usize,
}

impl Sed {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn script(&mut self) -> Result<(), Said> {
        let unknown = |why: String| Err((Verdict::Unknown, format!("sed: {why}")));
        loop {
            while self.peek().is_some_and(|c| c.is_whitespace() || c == ';' || c == '}') {
                self.at += 1;
            }
            if self.peek().is_none() {
                return Ok(());
            }
            self.address()?;
            let Some(command) = self.peek() else {
                return unknown("an address without a command".to_owned());
            };
            self.at += 1;
            match command {
                '{' | '=' | 'd' | 'D' | 'g' | 'G' | 'h' | 'H' | 'n' | 'N' | 'p' | 'P' | 'x' | 'z' => {}
                'q' | 'Q' | 'l' | 'L' => {
                    while self.peek().is_some_and(|c| c.is_ascii_digit() || c == ' ') {
                        self.at += 1;
                    }
                }
                // A comment ends with its line, whatever stands before the end.
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                'a' | 'i' | 'c' => self.line(),
                ':' | 'b' | 't' | 'T' => {
                    while self.peek() == Some(' ') {
                        self.at += 1;
                    }
                    while self.peek().is_some_and(|c| !c.is_whitespace() && c != ';' && c != '}') {
                        self.at += 1;
                    }
                }
                's' => {
                    self.pair()?;
                    while let Some(flag) = self.peek().filter(|c| !matches!(c, ';' | '\n' | '}' | ' ' | '#'))
                    {
                        match flag {
                            'g' | 'p' | 'i' | 'I' | 'm' | 'M' => {}
                            c if c.is_ascii_digit() => {}
                            'e' => return Err((Verdict::Unknown, "sed: `s///e` runs programs".to_owned())),
                            'w' => return Err((Verdict::Change, "sed: `s///w` writes a file".to_owned())),
                            other => return unknown(format!("the flag `{other}`")),
                        }
                        self.at += 1;
                    }
                }
                'y' => self.pair()?,
                'w' | 'W' => return Err((Verdict::Change, "sed: `w` writes a file".to_owned())),
                'e' => return Err((Verdict::Unknown, "sed: `e` runs programs".to_owned())),
                'r' | 'R' => return unknown("`r` reads a file".to_owned()),
                other => return unknown(format!("the command `{other}`")),
            }
        }
    }

    fn line(&mut self) {
        while let Some(c) = self.peek() {
            self.at += if c == '\\' { 2 } else { 1 };
            if c == '\n' {
                return;
            }
        }
    }

    fn address(&mut self) -> Result<(), Said> {
        loop {
            match self.peek() {
                Some(c) if c.is_ascii_digit() || matches!(c, '$' | ',' | '~' | '+' | '!' | ' ' | '\t') => {
                    self.at += 1;
                }
                Some('/') => {
                    self.at += 1;
                    self.until('/')?;
                    while matches!(self.peek(), Some('I' | 'M')) {
                        self.at += 1;
                    }
                }
                Some('\\') => {
                    let Some(delimiter) = self.chars.get(self.at + 1).copied() else { return Self::open() };
                    self.at += 2;
                    self.until(delimiter)?;
                }
                _ => return Ok(()),
            }
        }
    }

    fn open() -> Result<(), Said> {
        Err((Verdict::Unknown, "sed: an open pattern".to_owned()))
    }

    fn pair(&mut self) -> Result<(), Said> {
        let Some(delimiter) = self.peek() else { return Self::open() };
        if delimiter == '\\' || delimiter == '\n' {
            return Self::open();
        }
        self.at += 1;
        self.until(delimiter)?;
        self.until(delimiter)
    }

    /// To the end of a pattern. Where brackets hold its delimiter, seds differ.
    fn until(&mut self, delimiter: char) -> Result<(), Said> {
        let mut bracket = false;
        loop {
            match self.peek() {
                None => return Self::open(),
                Some('\\') => self.at += 2,
                Some(c) if c == delimiter => {
                    self.at += 1;
                    if bracket {
                        return Err((Verdict::Unknown, "sed: brackets around a delimiter".to_owned()));
                    }
                    return Ok(());
                }
                Some(c) => {
                    match c {
                        '[' if matches!(self.chars.get(self.at + 1), Some(']'))
                            || self.chars.get(self.at + 1) == Some(&'^')
                                && self.chars.get(self.at + 2) == Some(&']') =>
                        {
                            return Err((Verdict::Unknown, "sed: brackets around a bracket".to_owned()));
                        }
                        '[' => bracket = true,
                        ']' => bracket = false,
                        _ => {}
                    }
                    self.at += 1;
                }
            }
        }
    }
}

/// A program of jq.
pub(super) fn jq(text: &str) -> Option<Said> {
    let words: Vec<&str> =
        text.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$' || c == '.')).collect();
    if words.iter().any(|word| {
        matches!(*word, "env" | "$ENV" | "strenv" | "envsubst")
            || word.starts_with("$ENV.")
            || word.starts_with("env.")
    }) {
        return Some((Verdict::Secret, "jq: reads the environment".to_owned()));
    }
    let loads = ["include", "import", "getpath_env", "system", "eval"];
    words
        .iter()
        .find(|word| loads.contains(word) || word.starts_with("load"))
        .map(|word| (Verdict::Unknown, format!("jq: `{word}`")))
}
