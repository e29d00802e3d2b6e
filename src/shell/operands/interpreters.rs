//! Where the program stands among the words of an interpreter that is no shell.

use super::{Judged, Language, Word, all, is_input, options};

/// Programs whose first operand is their program, unless an option brought one.
pub(super) fn first_operand(
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
        if begins(files) && words.get(at + 1).is_some_and(is_input) {
            judged.reads_program = Some(language);
        }
        at += 1 + usize::from(takes.contains(&text) || programs.contains(&text));
    }
    if !brought && at < words.len() {
        judged.programs.push((at, language));
    }
}

pub(super) fn jq(words: &[Word], next: usize, judged: &mut Judged) {
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
                let whole = word.is_one_value() || word.is_one_variable();
                let language = if whole { Language::WholeJq } else { Language::Jq };
                judged.programs.push((at, language));
                brought = true;
                at += 1;
            }
        }
    }
}

/// `perl -e program`, `python -c program`, `node -e program`, or a program on the input.
pub(super) fn interpreter(words: &[Word], next: usize, language: Language, judged: &mut Judged) {
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
        judged.files.push((at, language));
    }
    if !brought && words.get(at).is_none_or(is_input) {
        judged.reads_program = Some(language);
    }
}
