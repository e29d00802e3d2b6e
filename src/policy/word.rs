//! A word of a command line: what a program would get, as far as that can be known beforehand.

/// A word, dequoted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// What the program gets, but for what `doubts` names and a leading tilde.
    pub text: String,
    pub written: String,
    /// What of it nobody knows before it runs.
    pub doubts: Vec<Doubt>,
    /// It begins with an unquoted `~`.
    pub tilde: bool,
    /// Some of it is quoted.
    pub quoted: bool,
}

/// Why the text of a word is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Doubt {
    Variable(String),
    /// Its commands are judged for themselves.
    Substitution,
    Arithmetic,
    Glob,
    Braces,
    Tilde,
    Other(&'static str),
    /// Words that a wrapper adds when it runs.
    Added,
}

impl Doubt {
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Variable(name) => format!("the variable `${name}`"),
            Self::Substitution => "a substitution".to_owned(),
            Self::Arithmetic => "arithmetic".to_owned(),
            Self::Glob => "a glob".to_owned(),
            Self::Braces => "a brace expansion".to_owned(),
            Self::Tilde => "somebody's home folder (`~`)".to_owned(),
            Self::Other(what) => (*what).to_owned(),
            Self::Added => "words that are added when it runs".to_owned(),
        }
    }
}

impl Word {
    pub(super) fn literal(text: &str) -> Self {
        Self { text: text.to_owned(), written: text.to_owned(), ..Self::default() }
    }
}
