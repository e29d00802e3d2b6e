//! The words behind a program as it would read them itself: sub-command, options with their values, operands, and the
//! command inside where it is a wrapper.

use super::book::{Command, Kind, Opt, Program, Style, glob_matches};
use super::word::{Doubt, Word};

/// Words, sorted.
#[derive(Debug, Default)]
pub(super) struct Arguments<'a> {
    pub options: Vec<Given<'a>>,
    pub operands: Vec<&'a Word>,
    /// Words of the program itself: what stands in the command inside is that command's.
    pub own: Vec<&'a Word>,
    /// Files with credentials that are used, not shown.
    pub credentials: Vec<&'a Word>,
    pub inner: Option<Inner>,
    /// Commands inside that options take.
    pub commands: Vec<Vec<Word>>,
    pub unknown: Option<String>,
}

#[derive(Debug)]
pub(super) struct Given<'a> {
    pub option: &'a Opt,
    pub value: Option<String>,
    pub certain: bool,
}

#[derive(Debug)]
pub(super) enum Inner {
    Words(Vec<Word>),
    Text(String, Vec<Doubt>),
}

/// The sub-command that the words name: how many words it has, and what is known of it.
pub(super) fn sub_command<'a>(
    program: &'a Program,
    words: &[Word],
) -> (Vec<String>, Option<(usize, &'a Command)>) {
    let mut found: Vec<String> = Vec::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        if !word.doubts.is_empty() {
            break;
        }
        let text = word.text.as_str();
        if text.starts_with('-') && text.len() > 1 && program.style != Style::Plain {
            let options: Vec<&Opt> = program.base.options.iter().collect();
            match shape(text, &options, program.style) {
                Shape::Flag => {}
                Shape::NextWord => at += 1,
                Shape::Unknown => break,
            }
            continue;
        }
        found.push(if program.ignore_case { text.to_lowercase() } else { text.to_owned() });
    }
    let best = program
        .commands
        .iter()
        .filter_map(|(pattern, command)| {
            let words = pattern_length(pattern, &found, &program.groups)?;
            let literal: usize =
                pattern.iter().map(|word| word.chars().filter(|c| !"*?".contains(*c)).count()).sum();
            Some(((words, literal), command))
        })
        .max_by_key(|(rank, _)| *rank)
        .map(|((words, _), command)| (words, command));
    (found, best)
}

fn pattern_length(pattern: &[String], words: &[String], groups: &[String]) -> Option<usize> {
    let Some((first, rest)) = pattern.split_first() else { return Some(0) };
    if first == "**" {
        let most = words.iter().take_while(|word| groups.contains(word)).count();
        return (1..=most)
            .rev()
            .find_map(|taken| Some(taken + pattern_length(rest, words.get(taken..)?, groups)?));
    }
    let word = words.first()?;
    (glob_matches(first, word)).then_some(())?;
    Some(1 + pattern_length(rest, words.get(1..)?, groups)?)
}

enum Shape {
    Flag,
    NextWord,
    Unknown,
}

/// Whether an option takes the next word, for what stands before the sub-command.
fn shape(text: &str, options: &[&Opt], style: Style) -> Shape {
    let takes = |option: &Opt| match option.takes {
        Kind::Flag | Kind::Optional => Shape::Flag,
        _ => Shape::NextWord,
    };
    if let Some(option) = find(options, text) {
        return takes(option);
    }
    if text.starts_with("--") || style == Style::Single {
        let known = text.split_once('=').is_some_and(|(name, _)| named(options, name, style).is_some());
        return match named(options, text, style) {
            Some(option) => takes(option),
            None if known => Shape::Flag,
            None => Shape::Unknown,
        };
    }
    let letters: Vec<char> = text.chars().skip(1).collect();
    for (at, letter) in letters.iter().enumerate() {
        match find(options, &format!("-{letter}")) {
            None => return Shape::Unknown,
            Some(option) => match option.takes {
                Kind::Flag => {}
                Kind::Optional => return Shape::Flag,
                _ => return if at + 1 == letters.len() { Shape::NextWord } else { Shape::Flag },
            },
        }
    }
    Shape::Flag
}

fn find<'a>(options: &[&'a Opt], name: &str) -> Option<&'a Opt> {
    let digits = name.len() > 1 && name.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    options.iter().copied().find(|option| {
        option.names.iter().any(|known| known == name || (digits && known == "-#" && name.starts_with('-')))
    })
}

fn named<'a>(options: &[&'a Opt], name: &str, style: Style) -> Option<&'a Opt> {
    find(options, name).or_else(|| {
        let short = name.strip_prefix('-').filter(|_| style == Style::Single)?;
        find(options, short)
    })
}

/// Sorts the words behind a program. The first `skipped` operands are its sub-command.
pub(super) fn arguments<'a>(
    program: &'a Program,
    command: &'a Command,
    skipped: usize,
    words: &'a [Word],
) -> Arguments<'a> {
    let mut options: Vec<&Opt> = command.options.iter().collect();
    if !std::ptr::eq(command, &raw const program.base) {
        options.extend(&program.base.options);
    }
    let accept_other = command.accept_other.or(program.base.accept_other).unwrap_or(false);
    let style = program.style;
    // Before the sub-command an option is the program's own, whatever the sub-command calls so: `git -c x shortlog -c`.
    let of_command = options;
    let mut of_program: Vec<&Opt> = program.base.options.iter().collect();
    of_program.extend(&of_command);
    let options = if skipped > 0 { of_program } else { of_command.clone() };
    let mut reader = Reader { words, at: 0, options, style, accept_other, sorted: Arguments::default() };
    let mut to_skip = skipped;
    let mut ended = style == Style::Plain;
    while let Some(word) = words.get(reader.at) {
        let text = word.text.as_str();
        let is_option = !ended
            && ((text.starts_with('-') && text.len() > 1)
                || (text.starts_with('+') && find(&reader.options, text).is_some())
                || (style == Style::Single && find(&reader.options, text).is_some()));
        if is_option && text == "--" {
            reader.own();
            if command.wraps.as_ref().is_some_and(|wraps| wraps.after.as_deref() == Some("--")) {
                let inner = words.get(reader.at..).unwrap_or_default().to_vec();
                reader.sorted.inner = (!inner.is_empty()).then_some(Inner::Words(inner));
                break;
            }
            ended = true;
            continue;
        }
        if is_option {
            reader.option(word);
            continue;
        }
        if to_skip > 0 {
            to_skip -= 1;
            if to_skip == 0 {
                reader.options.clone_from(&of_command);
            }
            reader.own();
            continue;
        }
        if let Some(wraps) = command.wraps.as_ref().filter(|wraps| wraps.after.is_none()) {
            if wraps.assignments && text.contains('=') && reader.sorted.operands.len() == reader.assigned() {
                let word = reader.own();
                reader.sorted.operands.extend(word);
                ended = true;
                continue;
            }
            let own = if wraps.assignments { reader.assigned() } else { 0 };
            if reader.sorted.operands.len() >= wraps.from + own {
                let rest = words.get(reader.at..).unwrap_or_default();
                let mut inner = rest.to_vec();
                if wraps.adds {
                    inner.push(Word { doubts: vec![Doubt::Added], ..Word::default() });
                }
                reader.sorted.inner = Some(if wraps.text {
                    let text: Vec<&str> = rest.iter().map(|word| word.text.as_str()).collect();
                    Inner::Text(text.join(" "), rest.iter().flat_map(|word| word.doubts.clone()).collect())
                } else {
                    Inner::Words(inner)
                });
                break;
            }
            ended = true;
        } else if style == Style::Posix {
            ended = true;
        }
        let word = reader.own();
        reader.sorted.operands.extend(word);
    }
    let mut sorted = reader.sorted;
    if command.wraps.as_ref().is_some_and(|wraps| wraps.adds) && sorted.inner.is_none() {
        // `xargs` alone echoes.
        sorted.inner = None;
    }
    sorted
}

struct Reader<'a> {
    words: &'a [Word],
    at: usize,
    options: Vec<&'a Opt>,
    style: Style,
    accept_other: bool,
    sorted: Arguments<'a>,
}

impl<'a> Reader<'a> {
    fn own(&mut self) -> Option<&'a Word> {
        let word = self.words.get(self.at);
        self.at += 1;
        self.sorted.own.extend(word);
        word
    }

    fn assigned(&self) -> usize {
        self.sorted.operands.iter().take_while(|word| word.text.contains('=')).count()
    }

    fn unknown(&mut self, name: &str) {
        if !self.accept_other {
            self.sorted.unknown.get_or_insert_with(|| format!("option `{name}` is not known"));
        }
    }

    fn give(&mut self, option: &'a Opt, value: Option<String>, word: &'a Word) {
        if option.takes == Kind::Credentials {
            self.sorted.credentials.push(word);
        }
        self.sorted.options.push(Given { option, value, certain: word.doubts.is_empty() });
    }

    fn option(&mut self, word: &'a Word) {
        self.own();
        let text = word.text.as_str();
        if let Some(option) = find(&self.options, text) {
            return self.separate(option, word);
        }
        if text.starts_with("--") || self.style == Style::Single {
            if let Some(option) = named(&self.options, text, self.style) {
                return self.separate(option, word);
            }
            if let Some((name, value)) = text.split_once('=')
                && let Some(option) = named(&self.options, name, self.style)
            {
                return self.give(option, Some(value.to_owned()), word);
            }
            return self.unknown(text.split('=').next().unwrap_or_default());
        }
        let letters: Vec<char> = text.chars().skip(1).collect();
        for (at, letter) in letters.iter().enumerate() {
            let Some(option) = find(&self.options, &format!("-{letter}")) else {
                return self.unknown(text);
            };
            let rest: String = letters.get(at + 1..).unwrap_or_default().iter().collect();
            let rest = rest.strip_prefix('=').map_or(rest.clone(), str::to_owned);
            match option.takes {
                Kind::Flag => self.give(option, None, word),
                Kind::Optional => return self.give(option, (!rest.is_empty()).then_some(rest), word),
                _ if at + 1 == letters.len() => return self.separate(option, word),
                _ => return self.give(option, Some(rest), word),
            }
        }
    }

    /// An option whose value, if it takes one, is the next word.
    fn separate(&mut self, option: &'a Opt, word: &'a Word) {
        match option.takes {
            Kind::Flag | Kind::Optional => self.give(option, None, word),
            Kind::Pair => {
                self.give(option, None, word);
                if self.own().is_none() || self.own().is_none() {
                    self.unknown_always(&format!("option `{}` misses its values", word.text));
                }
            }
            Kind::Values => {
                self.give(option, None, word);
                while let Some(next) = self.words.get(self.at).filter(|next| !next.text.starts_with('-')) {
                    self.own();
                    self.give(option, Some(next.text.clone()), next);
                }
            }
            Kind::Command => {
                self.give(option, None, word);
                let mut inner = Vec::new();
                let mut closed = false;
                while let Some(next) = self.words.get(self.at) {
                    self.at += 1;
                    // A `+` ends it only behind the braces.
                    if next.text == ";" || next.text == "+" && inner.last().is_some_and(is_braces) {
                        closed = true;
                        break;
                    }
                    let mut next = next.clone();
                    if next.text.contains("{}") {
                        next.doubts.push(Doubt::Added);
                    }
                    inner.push(next);
                }
                if !closed {
                    self.unknown_always("a command of an option without its `;`");
                }
                self.sorted.commands.push(inner);
            }
            _ => match self.own() {
                // Where this list takes a flag for an option with a value, the value would be an option nobody judges.
                Some(value)
                    if !option.names.iter().any(|name| PATTERNS.contains(&name.as_str()))
                        && is_option(&value.text) =>
                {
                    self.unknown_always(&format!("`{}` behind `{}` may be an option", value.text, word.text));
                }
                Some(value) => self.give(option, Some(value.text.clone()), value),
                None => self.unknown_always(&format!("option `{}` misses its value", word.text)),
            },
        }
    }

    fn unknown_always(&mut self, why: &str) {
        self.sorted.unknown.get_or_insert_with(|| why.to_owned());
    }
}

/// Options whose values people write with a leading dash: patterns, and what is asked of names.
const PATTERNS: &[&str] =
    &["-e", "-E", "--regexp", "--grep", "-name", "-iname", "-path", "--tail", "--since", "--since-time"];

/// `-x` and `--x`, not `-`, `-5` or `-1h`.
fn is_option(text: &str) -> bool {
    text.strip_prefix('-').and_then(|rest| rest.chars().next()).is_some_and(|c| c.is_alphabetic() || c == '-')
}

fn is_braces(word: &Word) -> bool {
    word.text == "{}"
}
