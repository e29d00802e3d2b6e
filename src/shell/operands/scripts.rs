//! What a program's text does, as far as its words tell.

/// Whether an awk program runs commands: `system`, `getline`, or a pipe to what it computes.
pub(super) fn awk_runs(text: &str) -> bool {
    text.contains("system") || text.contains("getline") || pipes(text)
}

/// A single `|` outside of strings and patterns.
fn pipes(text: &str) -> bool {
    let mut inside = None;
    let mut last = ';';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match inside {
            Some(_) if c == '\\' => _ = chars.next(),
            Some(mark) => inside = inside.filter(|_| c != mark),
            None if c == '"' => inside = Some('"'),
            // A pattern begins where a value is awaited; elsewhere it divides.
            None if c == '/' && "~(,{;!&|\n}".contains(last) => inside = Some('/'),
            None if c == '|' && chars.next_if_eq(&'|').is_none() => return true,
            None => {}
        }
        if !matches!(c, ' ' | '\t') {
            last = c;
        }
    }
    false
}

/// Whether a jq program reads the environment, or files that nobody gave it.
pub(super) fn jq_reaches_out(text: &str) -> bool {
    let mut open: Vec<char> = Vec::new();
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let string = open.last() == Some(&'"');
        if string {
            rest = if let Some(rest) = rest.strip_prefix("\\(") {
                open.push('(');
                rest
            } else {
                let skipped = usize::from(c == '\\');
                if c == '"' {
                    open.pop();
                }
                let mut chars = rest.chars();
                for _ in 0..=skipped {
                    chars.next();
                }
                chars.as_str()
            };
            before = '"';
            continue;
        }
        if c.is_ascii_alphabetic() || c == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            let next = after.trim_start().chars().next().unwrap_or(' ');
            // `.env`, `{env}` and `{env: …}` are names of fields.
            let field =
                before == '.' || next == ':' || open.last() == Some(&'{') && matches!(next, ',' | '}');
            let reaches = match name {
                "ENV" => before == '$',
                "env" | "import" | "include" | "modulemeta" => !field && before != '$',
                _ => false,
            };
            if reaches {
                return true;
            }
            before = 'x';
            rest = after;
            continue;
        }
        match c {
            '"' | '(' | '[' | '{' => open.push(c),
            ')' | ']' | '}' => _ = open.pop(),
            _ => {}
        }
        if !c.is_whitespace() {
            before = c;
        }
        let mut chars = rest.chars();
        chars.next();
        rest = chars.as_str();
    }
    false
}
