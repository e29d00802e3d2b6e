//! Where a value that begins in a certain way makes its program read a file: `curl -d @/etc/passwd`.

use super::{Word, base};

/// How such a value begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::shell) enum Prefix {
    /// `@file`
    At,
    /// `name@file`, without an `=` before it.
    Named,
    /// `@file`, `<file`
    Form,
    /// `file://…`, `fileb://…`
    Url,
    /// `go-template-file=…`, `jsonpath-file=…`
    Template,
}

impl Prefix {
    pub(in crate::shell) fn begins(self, text: &str) -> bool {
        match self {
            Self::At => text.starts_with('@'),
            Self::Named => !text.contains('=') && text.contains('@'),
            Self::Form => text.starts_with(['@', '<']),
            Self::Url => text.starts_with("file://") || text.starts_with("fileb://"),
            Self::Template => text.contains("-file=") || text.starts_with("templatefile"),
        }
    }
}

/// The values of the word at `at` that its program would look at so.
pub(in crate::shell) fn names_a_file(words: &[Word], at: usize) -> Vec<(Prefix, Vec<usize>)> {
    let start = words.iter().take_while(|word| word.assigns().is_some()).count();
    let (Some(program), Some(word)) = (words.get(start), words.get(at)) else { return Vec::new() };
    if at <= start || word.values.is_empty() && word.leading_variables.is_empty() {
        return Vec::new();
    }
    let before = words.get(at - 1).map_or("", |word| word.text.as_str());
    // Values right after `own`, which the author wrote.
    let after = |own: &str| -> Vec<usize> {
        let found = word.values.iter().find(|held| held.at == Some(own.len()) && word.text.starts_with(own));
        found.map(|held| held.index).into_iter().collect()
    };
    let own = word.own();
    let assigned =
        || if own.ends_with('=') && own.matches('=').count() == 1 { after(own) } else { Vec::new() };
    match base(&program.text) {
        "curl" => match before {
            "-d" | "--data" | "--data-ascii" | "--data-binary" | "--json" | "-H" | "--header" => {
                vec![(Prefix::At, word.leading.clone())]
            }
            "--data-urlencode" | "--url-query" if !own.contains('=') && !word.text.contains('=') => {
                vec![(Prefix::Named, word.values.iter().map(|held| held.index).collect())]
            }
            "-F" | "--form" => vec![(Prefix::Form, assigned())],
            _ if own == "-d" || own == "-H" => vec![(Prefix::At, after(own))],
            _ => Vec::new(),
        },
        "aws" => vec![(Prefix::Url, word.leading.clone()), (Prefix::Url, assigned())],
        "kubectl" | "oc" => match before {
            "-o" | "--output" => vec![(Prefix::Template, word.leading.clone())],
            _ if own == "-o" || own == "--output=" || own == "-o=" => vec![(Prefix::Template, after(own))],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}
